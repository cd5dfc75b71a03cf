/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/hub/hub_int.h"

static int enrol(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	struct nr_hub *hub = ctx;
	struct nr_registry_act act = nr_http_act(rq);

	reply->type = "text/plain; charset=utf-8";
	return nr_enrol_join(&hub->enrol, (struct nr_str){ (const char *)rq->body.p, rq->body.n },
			     &act, &reply->body, &reply->err);
}

static const struct nr_http_route routes[] = {
	/* Its own token stands in the body: it is spent by use. */
	NR_ROUTE("POST", "/api/v1/enrol", ANYONE, .body_max = NR_ENROL_TEXT, .handle = enrol),
};

const struct nr_http_group nr_api_enrol = { "enrol", routes, NR_COUNT(routes) };
