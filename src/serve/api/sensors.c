/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "serve/hub/hub_int.h"

struct list {
	struct nr_hub *hub;
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

	nr_api_sensor_json(list->hub, sensor, &list->json);
	return list->json.out->err;
}

static int list_sensors(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct list list = { .hub = ctx };
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
	nr_json_object_end(&list.json);
	nr_buf_add(&reply->body, "\n", 1);
	return 0;
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/sensors", OPERATOR, .handle = list_sensors),
};

const struct nr_http_group nr_api_sensors = { "sensors", routes, NR_COUNT(routes) };
