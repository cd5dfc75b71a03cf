/* SPDX-License-Identifier: Apache-2.0 */
/* Every resource of the hub; each file states who may use it. */
#include "serve/hub/hub_int.h"

const struct nr_http_group *const nr_api_groups[] = {
	&nr_api_asks,	      &nr_api_audit,
	&nr_api_communities,  &nr_api_enrol,
	&nr_api_events,	      &nr_api_figures,
	&nr_api_filters,      &nr_api_findings,
	&nr_api_health,	      &nr_api_local,
	&nr_api_members,      &nr_api_metrics,
	&nr_api_observations, &nr_api_sensors,
	&nr_api_status,	      &nr_api_suppressions,
	&nr_api_tokens,	      &nr_api_triage,
	&nr_api_users,	      &nr_api_who,
	&nr_api_console,      NULL,
};
