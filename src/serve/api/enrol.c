/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/hub/hub_int.h"

int nr_api_enrol(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	struct nr_hub *hub = ctx;
	struct nr_registry_act act = nr_http_act(rq);

	reply->type = "text/plain; charset=utf-8";
	return nr_enrol_join(&hub->enrol, (struct nr_str){ (const char *)rq->body.p, rq->body.n },
			     &act, &reply->body, &reply->err);
}
