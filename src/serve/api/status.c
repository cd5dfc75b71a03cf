/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "serve/hub/hub_int.h"

static void number(struct nr_json *json, const char *key, uint64_t v)
{
	nr_json_key(json, key);
	nr_json_u64(json, v);
}

static void text(struct nr_json *json, const char *key, const char *v)
{
	nr_json_key(json, key);
	nr_json_str(json, nr_str_from(v));
}

static void add_journal(struct nr_hub *hub, struct nr_json *json)
{
	struct nr_err err;

	nr_json_key(json, "journal");
	nr_json_object(json);
	number(json, "durable", nr_journal_durable(hub->core->journal));
	number(json, "waiting_bytes", nr_journal_waiting(hub->core->journal));
	number(json, "commits", hub->commits);
	nr_json_key(json, "disk_full");
	nr_json_bool(json, atomic_load(&hub->core->disk_full));
	if (nr_hub_failed(hub, &err) < 0)
		text(json, "failed", err.msg);
	nr_json_object_end(json);
}

static void add_follower(struct nr_json *json, const struct nr_follow_counts *counts,
			 uint64_t durable)
{
	number(json, "at", counts->at);
	number(json, "behind", durable > counts->at ? durable - counts->at : 0);
	number(json, "left_out", counts->left_out);
	if (counts->failed)
		text(json, "failed", counts->words);
}

static void add_engine(struct nr_hub *hub, struct nr_json *json, uint64_t durable)
{
	struct nr_follow_counts counts;
	struct nr_online_counts online;

	nr_follow_engine_counts(hub->engine, &counts, &online);
	nr_json_key(json, "engine");
	nr_json_object(json);
	add_follower(json, &counts, durable);
	number(json, "observations", online.observations);
	number(json, "late", online.late);
	number(json, "backlog", online.backlog);
	number(json, "monitored_v4", online.monitored_v4);
	if (online.watermark > 0) {
		nr_json_key(json, "watermark");
		nr_json_time(json, (struct nr_time){ online.watermark * NR_NS_PER_S });
	}
	number(json, "snapshot_at", counts.snapshot_at);
	nr_json_object_end(json);
}

static void add_store(struct nr_hub *hub, struct nr_json *json, uint64_t durable)
{
	struct nr_follow_counts counts;

	if (hub->store == NULL)
		return;
	nr_follow_store_counts(hub->store, &counts);
	nr_json_key(json, "store");
	nr_json_object(json);
	add_follower(json, &counts, durable);
	nr_json_object_end(json);
}

void nr_api_status_json(struct nr_hub *hub, struct nr_time now, struct nr_json *json)
{
	uint64_t durable = nr_journal_durable(hub->core->journal);

	nr_json_object(json);
	text(json, "name", hub->core->name);
	text(json, "uuid", hub->core->uuid);
	text(json, "version", hub->version);
	nr_json_key(json, "now");
	nr_json_time(json, now);
	nr_json_key(json, "started");
	nr_json_time(json, hub->started);
	text(json, "url", hub->url);
	text(json, "ingest", hub->ingest_listen);
	nr_json_key(json, "certificate_until");
	nr_json_time(json, hub->certificate.not_after);
	number(json, "sensors_connected", nr_ingest_sessions(hub->ingest));
	add_journal(hub, json);
	add_engine(hub, json, durable);
	add_store(hub, json, durable);
	nr_json_object_end(json);
}

/* What every member may know: not how much comes in, nor from how many. */
static void public_status(const struct nr_hub *hub, struct nr_time now, struct nr_json *json)
{
	nr_json_object(json);
	text(json, "name", hub->core->name);
	text(json, "uuid", hub->core->uuid);
	text(json, "version", hub->version);
	nr_json_key(json, "now");
	nr_json_time(json, now);
	nr_json_object_end(json);
}

static int get_status(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct nr_json json;
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret < 0)
		return ret;
	nr_json_init(&json, &reply->body);
	if (nr_http_role(rq) == NR_ROLE_OPERATOR)
		nr_api_status_json(ctx, rq->now, &json);
	else
		public_status(ctx, rq->now, &json);
	nr_buf_add(&reply->body, "\n", 1);
	return 0;
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/status", VIEWER, .handle = get_status),
};

const struct nr_http_group nr_api_status = { "status", routes, NR_COUNT(routes) };
