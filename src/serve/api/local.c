/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on this machine, over the socket. */
#include <string.h>

#include "serve/hub/hub_int.h"

static int local(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	struct nr_hub *hub = ctx;
	const struct nr_admin_act *act = nr_admin_find(rq->path);
	struct nr_admin_word words[NR_HTTP_PARAMS];
	struct nr_admin admin = { .core = hub->core,
				  .import = hub->import,
				  .enrol = &hub->enrol,
				  .intake = &hub->intake,
				  .words = words,
				  .n_words = rq->n_params,
				  .body = rq->body,
				  .url = hub->url,
				  .act = nr_http_act(rq) };

	if (act == NULL || strcmp(act->method, rq->method) != 0)
		return nr_fail(&reply->err, -ENOENT, "no such command");
	for (size_t i = 0; i < rq->n_params; i++)
		words[i] = (struct nr_admin_word){ rq->params[i].name, rq->params[i].value };
	int ret = act->act(&admin, &reply->body, &reply->err);

	if (ret == -EWOULDBLOCK)
		reply->retry_s = 1;
	if (ret == 0 && act->act == nr_admin_sensor_revoke)
		nr_ingest_revoked(hub->ingest);
	return ret;
}

static int reload(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	struct nr_registry_act act = nr_http_act(rq);

	return nr_hub_reload(ctx, &act, &reply->body, &reply->err);
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("POST", "/local/v1/reload", OPERATOR, .local_only = true, .handle = reload),
	/* Commands on this machine: admin.c knows what they do. */
	NR_ROUTE("GET", "/local/v1/*", OPERATOR, .local_only = true, .handle = local),
	NR_ROUTE("POST", "/local/v1/*", OPERATOR, .local_only = true, .body_max = NR_BATCH_SIZE_MAX,
		 .handle = local),
};

const struct nr_http_group nr_api_local = { "local", routes, NR_COUNT(routes) };
