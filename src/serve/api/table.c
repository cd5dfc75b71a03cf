/* SPDX-License-Identifier: Apache-2.0 */
/* Every route of the hub, and who may use it. */
#include "serve/hub/hub_int.h"

const struct nr_http_route nr_api_routes[] = {
	NR_ROUTE("GET", "/healthz", ANYONE, .handle = nr_api_healthz),
	NR_ROUTE("GET", "/readyz", ANYONE, .handle = nr_api_readyz),
	NR_ROUTE("GET", "/metrics", ADMIN, .handle = nr_api_metrics),
	NR_ROUTE("GET", "/api/v1/openapi.yaml", ANYONE, .handle = nr_api_openapi),
	NR_ROUTE("GET", "/api/v1/status", ADMIN, .handle = nr_api_status),
	NR_ROUTE("GET", "/api/v1/sensors", ADMIN, .handle = nr_api_sensors),
	NR_ROUTE("GET", "/api/v1/findings", ADMIN, .handle = nr_api_findings),
	NR_ROUTE("GET", "/api/v1/observations", ADMIN, .handle = nr_api_observations),
	/* Its own token stands in the body: it is spent by use. */
	NR_ROUTE("POST", "/api/v1/enrol", ANYONE, .body_max = NR_ENROL_TEXT,
		 .handle = nr_api_enrol),

	/* Commands on this machine: admin.c knows what they do. */
	NR_ROUTE("GET", "/local/v1/*", ADMIN, .local_only = true, .handle = nr_api_admin),
	NR_ROUTE("POST", "/local/v1/*", ADMIN, .local_only = true, .body_max = NR_BATCH_SIZE_MAX,
		 .handle = nr_api_admin),
};
const size_t nr_api_n_routes = NR_COUNT(nr_api_routes);
