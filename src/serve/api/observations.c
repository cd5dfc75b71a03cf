/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observations as JSON lines, in order of (place in the journal, row). The last line is a record
 * "page" with the cursor to go on
 * from: without it the answer was broken off. New data stands behind every cursor, so paging
 * misses and repeats nothing.
 * The answer is made of small queries, so that a reader who is slow or gone holds up nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "serve/hub/hub_int.h"

enum { PAGE = 10000, PAGE_MAX = 1000000, STEP = 16000, QUERY_MS = 10000, SENSOR_CACHE = 64 };

struct known {
	uint32_t number;
	char name[NR_UUID_TEXT];
};

struct page {
	struct nr_hub *hub;
	struct nr_store *store;
	struct nr_store_filter filter;
	struct nr_uuid sensor;
	uint64_t left, given;
	bool ended;	    /* the last line is out */
	struct nr_buf *out; /* of the step at work */
	struct known known[SENSOR_CACHE];
};

static const char *sensor_text(struct page *page, uint32_t number)
{
	struct known *known = &page->known[number % SENSOR_CACHE];
	struct nr_uuid uuid = { { 0 } };

	if (known->name[0] == '\0' || known->number != number) {
		if (nr_store_sensor_id(page->store, number, &uuid) < 0)
			uuid = (struct nr_uuid){ { 0 } };
		nr_uuid_print(uuid, known->name);
		known->number = number;
	}
	return known->name;
}

static int add_row(void *ctx, const struct nr_store_row *row)
{
	struct page *page = ctx;
	struct nr_buf *out = page->out;
	struct nr_json json;

	nr_json_init(&json, out);
	nr_json_object(&json);
	nr_json_key(&json, "record");
	nr_json_str(&json, NR_STR("flow"));
	nr_json_key(&json, "sensor");
	nr_json_str(&json, nr_str_from(sensor_text(page, row->sensor)));
	nr_fields_json(nr_observation_type.fields, nr_observation_type.n_fields, &row->obs, &json);
	nr_json_object_end(&json);
	nr_buf_add(out, "\n", 1);
	page->filter.after_at = row->at;
	page->filter.after_row = row->row;
	return out->err;
}

static void add_end(struct page *page, bool more)
{
	char next[NR_CURSOR_TEXT];
	struct nr_cursor cursor = { .kind = NR_CURSOR_OBSERVATIONS,
				    .at = page->filter.after_at,
				    .row = page->filter.after_row };

	nr_cursor_print(&page->hub->cursors, &cursor, next);
	nr_buf_addf(page->out,
		    "{\"record\":\"page\",\"observations\":%llu,\"next\":\"%s\",\"more\":%s}\n",
		    (unsigned long long)page->given, next, more ? "true" : "false");
	page->ended = true;
}

static int more(void *ctx, struct nr_buf *out)
{
	struct page *page = ctx;
	struct nr_err err;

	page->out = out;
	page->filter.limit = page->left < STEP ? page->left : STEP;
	int64_t n = nr_store_rows(page->store, &page->filter, add_row, page, &err);

	if (n < 0)
		return (int)n;
	page->left -= (uint64_t)n;
	page->given += (uint64_t)n;
	if (page->left > 0 && (uint64_t)n == page->filter.limit)
		return 1;
	add_end(page, page->left == 0);
	return 0;
}

static void done(void *ctx)
{
	free(ctx);
}

static int time_of(const struct nr_http_request *rq, const char *name, struct nr_time *ret_time,
		   struct nr_err *reterr)
{
	struct nr_str text;

	if (nr_http_param(rq, name, &text) && nr_time_parse(text, ret_time) < 0)
		return nr_fail(reterr, NR_EUSAGE, "%s is no time: RFC 3339 or seconds since 1970",
			       name);
	return 0;
}

static int read_sensor(struct page *page, const struct nr_http_request *rq, struct nr_err *reterr)
{
	char name[NR_REGISTRY_NAME];
	struct nr_registry_sensor sensor;
	struct nr_str text;

	if (!nr_http_param(rq, "sensor", &text))
		return 0;
	if (nr_uuid_parse(text, &page->sensor) < 0) {
		if (text.n >= sizeof(name))
			return nr_fail(reterr, NR_EUSAGE, "there is no such sensor");
		memcpy(name, text.p, text.n);
		name[text.n] = '\0';
		if (nr_registry_sensor_named(page->hub->core->registry, name, &sensor, NULL) < 0)
			return nr_fail(reterr, NR_EUSAGE, "there is no such sensor");
		page->sensor = sensor.uuid;
	}
	page->filter.sensors = page->sensor.b;
	page->filter.n_sensors = 1;
	return 0;
}

static int read_address(struct page *page, const struct nr_http_request *rq, struct nr_err *reterr)
{
	struct nr_str text;
	uint64_t port;
	int ret = 0;

	if (nr_http_param(rq, "src", &text)) {
		page->filter.has_src = true;
		if (nr_prefix_parse(text, &page->filter.src) < 0)
			ret = nr_fail(reterr, NR_EUSAGE, "src is no address or prefix");
	}
	if (ret == 0 && nr_http_param(rq, "port", &text)) {
		ret = nr_http_number(rq, "port", 0, 65535, 0, &port, reterr);
		page->filter.has_port = true;
		page->filter.port = ret == 0 ? (uint16_t)port : 0;
	}
	return ret;
}

static int read_filter(struct page *page, const struct nr_http_request *rq, struct nr_err *reterr)
{
	static const char *const names[] = { "since",  "until", "limit", "cursor",
					     "sensor", "src",	"port",	 NULL };
	struct nr_cursor cursor = { 0 };
	struct nr_str text;
	int ret = nr_http_only(rq, names, reterr);

	page->filter = (struct nr_store_filter){ .since = { INT64_MIN },
						 .until = { INT64_MAX },
						 .timeout_ms = QUERY_MS };
	if (ret == 0)
		ret = nr_http_number(rq, "limit", 1, PAGE_MAX, PAGE, &page->left, reterr);
	if (ret == 0)
		ret = time_of(rq, "since", &page->filter.since, reterr);
	if (ret == 0)
		ret = time_of(rq, "until", &page->filter.until, reterr);
	if (ret == 0 && nr_http_param(rq, "cursor", &text))
		ret = nr_cursor_parse(&page->hub->cursors, text, NR_CURSOR_OBSERVATIONS, &cursor,
				      reterr);
	page->filter.after_at = cursor.at;
	page->filter.after_row = cursor.row;
	if (ret == 0)
		ret = read_sensor(page, rq, reterr);
	return ret == 0 ? read_address(page, rq, reterr) : ret;
}

static int list_observations(void *ctx, const struct nr_http_request *rq,
			     struct nr_http_reply *reply)
{
	struct nr_hub *hub = ctx;
	struct page *page = calloc(1, sizeof(*page));
	int ret;

	if (page == NULL)
		return nr_fail(&reply->err, -ENOMEM, "no memory");
	page->hub = hub;
	ret = read_filter(page, rq, &reply->err);
	page->store = nr_follow_store_get(hub->store);
	if (ret == 0 && page->store == NULL)
		ret = nr_fail(&reply->err, -EBUSY,
			      hub->store == NULL ? "the observation store is switched off"
						 : "the observation store is not open yet");
	if (ret < 0) {
		free(page);
		return ret;
	}
	reply->type = "application/x-ndjson";
	reply->stream = (struct nr_http_stream){ .ctx = page, .more = more, .done = done };
	return 0;
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/observations", OPERATOR, .rows = true,
		 .handle = list_observations),
};

const struct nr_http_group nr_api_observations = { "observations", routes, NR_COUNT(routes) };
