/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "serve/api/members.h"
#include "serve/api/people.h"
#include "store/registry_label.h"

/*
 * Sensors: who asks sees his own, the operator all of them. That of another is not there, whatever is
 * done to it; how many share with the caller is a number.
 */
struct list {
	struct nr_hub *hub;
	const struct nr_scope *scope;
	struct nr_json json;
};

static void number(struct nr_json *json, const char *key, uint64_t v)
{
	nr_json_key(json, key);
	nr_json_u64(json, v);
}

static void time_of(struct nr_json *json, const char *key, int64_t ns)
{
	if (ns == 0)
		return;
	nr_json_key(json, key);
	nr_json_time(json, (struct nr_time){ ns });
}

static void add_beat(struct nr_json *json, const struct nr_message_beat *beat)
{
	nr_json_key(json, "beat");
	nr_json_object(json);
	if (beat->newest_tick != INT64_MIN)
		time_of(json, "newest", beat->newest_tick * NR_NS_PER_S);
	number(json, "received", beat->received);
	number(json, "classified", beat->classified);
	number(json, "kernel_dropped", beat->kernel_dropped);
	number(json, "spool_dropped", beat->spool_dropped);
	number(json, "spool_bytes", beat->spool_bytes);
	number(json, "spool_limit_bytes", beat->spool_limit);
	number(json, "disk_free_bytes", beat->disk_free);
	number(json, "monitored_v4", beat->monitored_v4);
	number(json, "resident_bytes", (uint64_t)beat->resident_kib << 10);
	nr_json_key(json, "unsafe");
	nr_json_bool(json, beat->unsafe != 0);
	nr_json_object_end(json);
}

static void add_live(struct nr_json *json, const struct nr_ingest_sensor *live)
{
	nr_json_key(json, "live");
	nr_json_object(json);
	nr_json_key(json, "connected");
	nr_json_bool(json, live->connected);
	nr_json_key(json, "address");
	nr_json_str(json, nr_str_from(live->address));
	nr_json_key(json, "program");
	nr_json_str(json, nr_str_from(live->program));
	time_of(json, "since", live->since_ns);
	time_of(json, "heard", live->heard_ns);
	nr_json_key(json, "clock_offset_seconds");
	nr_json_f64(json, (double)live->offset_ns / 1e9);
	number(json, "batches", live->batches);
	number(json, "observations", live->observations);
	if (live->beat_ns != 0)
		add_beat(json, &live->beat);
	nr_json_object_end(json);
}

void nr_api_sensor_json(struct nr_hub *hub, const struct nr_registry_sensor *sensor,
			struct nr_json *json)
{
	struct nr_ingest_sensor live;

	nr_admin_sensor_json(hub->core, sensor, json);
	if (nr_ingest_find(hub->ingest, sensor->uuid, &live))
		add_live(json, &live);
	nr_json_object_end(json);
}

static int add_sensor(void *ctx, const struct nr_registry_sensor *sensor)
{
	struct list *list = ctx;

	if (nr_scope_owns(list->scope, sensor->uuid))
		nr_api_sensor_json(list->hub, sensor, &list->json);
	return list->json.out->err;
}

static int list_sensors(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct list list = { .hub = ctx, .scope = rq->scope };
	int64_t n = nr_http_only(rq, none, &reply->err);

	if (n < 0)
		return (int)n;
	nr_json_init(&list.json, &reply->body);
	nr_json_object(&list.json);
	nr_json_key(&list.json, "sensors");
	nr_json_array(&list.json);
	n = nr_registry_sensors(list.hub->core->registry, add_sensor, &list, &reply->err);
	if (n < 0)
		return (int)n;
	nr_json_array_end(&list.json);
	number(&list.json, "shared_with_you", rq->scope->n_shared);
	nr_json_object_end(&list.json);
	nr_buf_add(&reply->body, "\n", 1);
	return 0;
}

/* ---- one ---- */

/*
 * By UUID or name. Another's is not there: what the caller may not know of is looked for as what is
 * nothing's, so that it takes the same work. @return 0; -ENOENT
 */
static int find(struct nr_hub *hub, const struct nr_http_request *rq,
		struct nr_registry_sensor *ret_sensor, struct nr_err *reterr)
{
	struct nr_registry *registry = hub->core->registry;
	char name[NR_REGISTRY_NAME];
	struct nr_uuid uuid;
	int ret = 0;

	(void)snprintf(name, sizeof(name), NR_STR_FMT, NR_STR_ARG(rq->part[0]));
	if (nr_uuid_parse(rq->part[0], &uuid) < 0)
		ret = nr_registry_sensor_uuid(registry, rq->part[0].n < sizeof(name) ? name : "",
					      &uuid, reterr);
	if (ret == 0 && !nr_scope_owns(rq->scope, uuid))
		uuid = (struct nr_uuid){ { 0 } };
	return ret < 0 ? ret : nr_registry_sensor_find(registry, uuid, ret_sensor, reterr);
}

static int answer(struct nr_hub *hub, const struct nr_registry_sensor *sensor,
		  struct nr_http_reply *reply)
{
	struct nr_json json;

	nr_json_init(&json, &reply->body);
	nr_api_sensor_json(hub, sensor, &json);
	nr_buf_add(&reply->body, "\n", 1);
	return 0;
}

static int get_sensor(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct nr_registry_sensor sensor;
	struct nr_hub *hub = ctx;
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret == 0)
		ret = find(hub, rq, &sensor, &reply->err);
	return ret < 0 ? ret : answer(hub, &sensor, reply);
}

struct change {
	bool label, member; /* said */
	struct nr_label wish;
	char whose[NR_REGISTRY_NAME];
};

static int read_change(const json_t *json, struct change *change, struct nr_err *reterr)
{
	int ret = 0;

	change->label = json_object_get(json, "label") != NULL;
	change->member = nr_json_has(json, "member");
	change->wish = nr_label_default((struct nr_uuid){ 0 }); /* null: its owner's alone */
	if (nr_json_has(json, "label"))
		ret = nr_sensor_label_read(json_object_get(json, "label"), &change->wish, reterr);
	return ret < 0 ? ret
		       : nr_json_text(json, "member", false, change->whose, sizeof(change->whose),
				      reterr);
}

static int apply(struct nr_hub *hub, const struct nr_http_request *rq, const struct change *change,
		 struct nr_uuid sensor, struct nr_err *reterr)
{
	struct nr_registry *registry = hub->core->registry;
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_registry_member member;
	struct nr_label became;
	int ret = 0;

	if (change->member && nr_http_role(rq) != NR_ROLE_OPERATOR)
		return nr_fail(reterr, -EACCES, "whose a sensor is, the operator says");
	if (change->member &&
	    nr_members_named(registry, nr_str_from(change->whose), &member, NULL) < 0)
		return nr_fail(reterr, NR_EUSAGE, "member: there is no such one");
	if (change->member)
		ret = nr_registry_sensor_give(registry, sensor, member.uuid, &act, reterr);
	if (ret == 0 && change->label)
		ret = nr_registry_sensor_relabel(registry, sensor, &rq->scope->viewer,
						 &change->wish, &act, &became, reterr);
	return ret;
}

static int patch_sensor(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "label", "member", NULL };
	struct nr_registry_sensor sensor;
	struct change change = { .label = false };
	struct nr_hub *hub = ctx;
	json_t *json;
	int ret = nr_people_body(rq, names, &json, &reply->err);

	if (ret == 0)
		ret = find(hub, rq, &sensor, &reply->err);
	if (ret == 0)
		ret = read_change(json, &change, &reply->err);
	json_decref(json);
	if (ret == 0)
		ret = apply(hub, rq, &change, sensor.uuid, &reply->err);
	if (ret == 0)
		ret = nr_registry_sensor_find(hub->core->registry, sensor.uuid, &sensor,
					      &reply->err);
	return ret < 0 ? nr_people_done(reply, ret) : answer(hub, &sensor, reply);
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/sensors", VIEWER, .handle = list_sensors),
	NR_ROUTE("GET", "/api/v1/sensors/{}", VIEWER, .handle = get_sensor),
	NR_ROUTE("PATCH", "/api/v1/sensors/{}", COORDINATOR, .handle = patch_sensor,
		 .body_max = NR_PEOPLE_BODY),
};

const struct nr_http_group nr_api_sensors = { "sensors", routes, NR_COUNT(routes) };
