/* SPDX-License-Identifier: Apache-2.0 */
/* Every resource of the hub; each file states who may use it. */
#include "serve/hub/hub_int.h"

const struct nr_http_group *const nr_api_groups[] = {
	&nr_api_enrol,	 &nr_api_findings,     &nr_api_health, &nr_api_local, &nr_api_metrics,
	&nr_api_sensors, &nr_api_observations, &nr_api_status, NULL,
};

const struct nr_scope *nr_hub_scope(const struct nr_http_request *rq)
{
	static const struct nr_scope operator= { .viewer = { .role = NR_ROLE_OPERATOR,
							     .active = true } };

	return rq->role == NR_ROLE_OPERATOR ? &operator: NULL;
}
