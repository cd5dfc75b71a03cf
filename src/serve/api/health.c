/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/embedded.h"
#include "serve/hub/hub_int.h"

extern const struct nr_embedded nr_api_files[];

/* The process answers: that is all it says. */
static int healthz(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	(void)ctx;
	(void)rq;
	reply->type = "text/plain; charset=utf-8";
	nr_buf_add(&reply->body, "ok\n", 3);
	return 0;
}

/* What comes in can be acknowledged. */
static int readyz(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	struct nr_hub *hub = ctx;

	(void)rq;
	if (atomic_load(&hub->failed) != 0)
		return nr_fail(&reply->err, -EBUSY, "the journal failed");
	if (atomic_load(&hub->core->disk_full))
		return nr_fail(&reply->err, -ENOSPC, "the disk is full");
	reply->type = "text/plain; charset=utf-8";
	nr_buf_add(&reply->body, "ready\n", 6);
	return 0;
}

static int openapi(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	(void)ctx;
	(void)rq;
	reply->type = "application/yaml";
	nr_buf_add(&reply->body, nr_api_files[0].text, strlen(nr_api_files[0].text));
	return 0;
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/healthz", ANYONE, .handle = healthz),
	NR_ROUTE("GET", "/readyz", ANYONE, .handle = readyz),
	NR_ROUTE("GET", "/api/v1/openapi.yaml", ANYONE, .handle = openapi),
};

const struct nr_http_group nr_api_health = { "health", routes, NR_COUNT(routes) };
