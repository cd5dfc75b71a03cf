/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observations as JSON lines, in order of (place in the journal, row). The last line is a record
 * "page" with the cursor to go on
 * from: without it the answer was broken off. New data stands behind every cursor, so paging
 * misses and repeats nothing.
 * The answer is made of small queries, so that a reader who is slow or gone holds up nothing. CSV and
 * Parquet are made as a private file first, since there the cursor stands in the head: Noroshi-Next.
 *
 * Rows are for who owns the sensors. Each reading is a row of the audit chain.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/csv.h"
#include "base/io.h"
#include "base/json.h"
#include "serve/hub/hub_int.h"

enum {
	PAGE = 10000,
	PAGE_MAX = 1000000,
	FILE_MAX = 100000, /* rows of CSV and Parquet */
	STEP = 16000,
	QUERY_MS = 10000,
	SENSOR_CACHE = 64,
	BLOCK = 64 << 10,
};
enum format { FORMAT_JSONL, FORMAT_CSV, FORMAT_PARQUET, N_FORMATS };
static const char *const format_names[N_FORMATS] = { "jsonl", "csv", "parquet" };

struct known {
	uint32_t number;
	char name[NR_UUID_TEXT];
};

struct page {
	struct nr_hub *hub;
	struct nr_cursor_keeper cursors; /* of the caller */
	struct nr_store *store;
	uint8_t format; /* enum format */
	int fd;		/* of CSV and Parquet; -1 */
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

	nr_cursor_print(&page->cursors, &cursor, next);
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
	struct page *page = ctx;

	if (page->fd >= 0)
		(void)nr_io_close(page->fd);
	nr_secret_wipe(&page->cursors, sizeof(page->cursors));
	free(page);
}

/* ---- files ---- */

static int more_of_file(void *ctx, struct nr_buf *out)
{
	const struct page *page = ctx;
	uint8_t *to = nr_buf_reserve(out, BLOCK);

	if (to == NULL)
		return out->err;
	ssize_t n = nr_io_read(page->fd, to, BLOCK);

	if (n > 0)
		nr_buf_commit(out, (size_t)n);
	return n < 0 ? (int)n : n > 0;
}

static int add_csv(void *ctx, const struct nr_store_row *row)
{
	struct page *page = ctx;
	struct nr_buf *out = page->out;
	int ret = 0;

	nr_csv_cell(out, nr_str_from(sensor_text(page, row->sensor)), true);
	nr_buf_add(out, ",", 1);
	nr_record_csv(&nr_observation_type, &row->obs, out);
	page->filter.after_at = row->at;
	page->filter.after_row = row->row;
	if (out->n >= BLOCK) {
		ret = nr_io_write_all(page->fd, out->p, out->n);
		nr_buf_reset(out);
	}
	return ret < 0 ? ret : out->err;
}

static int make_csv(struct page *page, struct nr_err *reterr)
{
	char path[NR_HOME_PATH];
	struct nr_buf out;

	nr_home_path(page->hub->core->home.dir, "store/tmp/export-XXXXXX", path);
	page->fd = mkostemp(path, O_CLOEXEC);
	if (page->fd < 0)
		return nr_fail(reterr, -errno, "no room for a file of rows: %s",
			       nr_err_text(-errno));
	(void)nr_io_unlink(path); /* nobody else sees it */
	nr_buf_init(&out, 4 * BLOCK);
	page->out = &out;
	nr_csv_cell(&out, NR_STR("sensor"), true);
	nr_buf_add(&out, ",", 1);
	nr_record_csv_head(&nr_observation_type, &out);
	int64_t n = nr_store_rows(page->store, &page->filter, add_csv, page, reterr);
	int ret = n < 0 ? (int)n : nr_io_write_all(page->fd, out.p, out.n);

	nr_buf_done(&out);
	page->out = NULL;
	page->given = n < 0 ? 0 : (uint64_t)n;
	if (ret == 0 && lseek(page->fd, 0, SEEK_SET) < 0)
		ret = -errno;
	return ret < 0 && n >= 0 ? nr_fail(reterr, ret, "a file of rows: %s", nr_err_text(ret))
				 : ret;
}

static int make_parquet(struct page *page, struct nr_err *reterr)
{
	struct nr_store_file file;
	int ret = nr_store_parquet(page->store, &page->filter, &file, reterr);

	if (ret < 0)
		return ret;
	page->fd = nr_io_open(file.path, O_RDONLY, 0);
	(void)nr_io_unlink(file.path);
	if (page->fd < 0)
		return nr_fail(reterr, page->fd, "a file of rows: %s", nr_err_text(page->fd));
	page->given = file.rows;
	if (file.rows > 0) {
		page->filter.after_at = file.at;
		page->filter.after_row = file.row;
	}
	return 0;
}

static int make_file(struct page *page, struct nr_http_reply *reply)
{
	bool csv = page->format == FORMAT_CSV;

	page->filter.limit = page->left;
	int ret = csv ? make_csv(page, &reply->err) : make_parquet(page, &reply->err);

	if (ret < 0)
		return ret;
	struct nr_cursor cursor = { .kind = NR_CURSOR_OBSERVATIONS,
				    .at = page->filter.after_at,
				    .row = page->filter.after_row };

	nr_cursor_print(&page->cursors, &cursor, reply->next);
	reply->type = csv ? "text/csv; charset=utf-8; header=present"
			  : "application/vnd.apache.parquet";
	reply->download = csv ? "observations.csv" : "observations.parquet";
	nr_http_header(reply, "Noroshi-More", "%s", page->given == page->left ? "true" : "false");
	reply->stream = (struct nr_http_stream){ .ctx = page, .more = more_of_file, .done = done };
	return 0;
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

/* What is not his is as what is not there. */
static int read_sensor(struct page *page, const struct nr_http_request *rq, struct nr_err *reterr)
{
	char name[NR_REGISTRY_NAME];
	struct nr_registry_sensor sensor;
	struct nr_str text;
	int ret = 0;

	if (!nr_http_param(rq, "sensor", &text))
		return 0;
	if (nr_uuid_parse(text, &page->sensor) < 0) {
		ret = -ENOENT;
		if (text.n < sizeof(name)) {
			memcpy(name, text.p, text.n);
			name[text.n] = '\0';
			ret = nr_registry_sensor_named(page->hub->core->registry, name, &sensor,
						       NULL);
		}
		if (ret == 0)
			page->sensor = sensor.uuid;
	}
	if (ret < 0 || !nr_scope_owns(rq->scope, page->sensor))
		return nr_fail(reterr, NR_EUSAGE, "there is no such sensor");
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

static int read_format(struct page *page, const struct nr_http_request *rq, struct nr_err *reterr)
{
	struct nr_str text = NR_STR("jsonl");

	(void)nr_http_param(rq, "format", &text);
	for (uint8_t i = 0; i < N_FORMATS; i++)
		if (nr_str_eq(text, nr_str_from(format_names[i]))) {
			page->format = i;
			return 0;
		}
	return nr_fail(reterr, NR_EUSAGE, "format is jsonl, csv or parquet");
}

static int read_filter(struct page *page, const struct nr_http_request *rq, struct nr_err *reterr)
{
	static const char *const names[] = { "since",  "until", "limit", "cursor", "format",
					     "sensor", "src",	"port",	 NULL };
	static const uint8_t nobody[NR_UUID_SIZE];
	struct nr_cursor cursor = { 0 };
	struct nr_str text;
	int ret = nr_http_only(rq, names, reterr);

	page->filter = (struct nr_store_filter){ .since = { INT64_MIN },
						 .until = { INT64_MAX },
						 .timeout_ms = QUERY_MS };
	if (nr_http_role(rq) != NR_ROLE_OPERATOR) { /* who sees all of the hub */
		page->filter.sensors = rq->scope->own != NULL ? rq->scope->own->b : nobody;
		page->filter.n_sensors = rq->scope->n_own;
	}
	if (ret == 0)
		ret = read_format(page, rq, reterr);
	if (ret == 0)
		ret = nr_http_number(rq, "limit", 1,
				     page->format == FORMAT_JSONL ? PAGE_MAX : FILE_MAX, PAGE,
				     &page->left, reterr);
	if (ret == 0)
		ret = time_of(rq, "since", &page->filter.since, reterr);
	if (ret == 0)
		ret = time_of(rq, "until", &page->filter.until, reterr);
	if (ret == 0 && nr_http_param(rq, "cursor", &text))
		ret = nr_cursor_parse(&page->cursors, text, NR_CURSOR_OBSERVATIONS, &cursor,
				      reterr);
	page->filter.after_at = cursor.at;
	page->filter.after_row = cursor.row;
	if (ret == 0)
		ret = read_sensor(page, rq, reterr);
	return ret == 0 ? read_address(page, rq, reterr) : ret;
}

/* Who read which rows. */
static int audit(const struct page *page, const struct nr_http_request *rq, struct nr_err *reterr)
{
	const struct nr_store_filter *filter = &page->filter;
	struct nr_registry_act act = nr_http_act(rq);
	char sensor[NR_UUID_TEXT] = "own", detail[160], src[NR_PREFIX_TEXT] = "any";

	if (filter->sensors == page->sensor.b)
		nr_uuid_print(page->sensor, sensor);
	else if (filter->sensors == NULL)
		(void)snprintf(sensor, sizeof(sensor), "all");
	if (filter->has_src)
		(void)nr_prefix_print(filter->src, src);
	(void)snprintf(detail, sizeof(detail), "format=%s limit=%" PRIu64 " src=%s port=%s",
		       format_names[page->format], page->left, src,
		       filter->has_port ? "one" : "any");
	return nr_registry_audit(page->hub->core->registry, &act, "observations.read", sensor,
				 detail, reterr);
}

static int begin(struct page *page, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	struct nr_hub *hub = page->hub;
	int ret = read_filter(page, rq, &reply->err);

	page->store = nr_follow_store_get(hub->store);
	if (ret == 0 && page->store == NULL)
		ret = nr_fail(&reply->err, -EBUSY,
			      hub->store == NULL ? "the observation store is switched off"
						 : "the observation store is not open yet");
	if (ret == 0)
		ret = audit(page, rq, &reply->err);
	if (ret == 0 && page->format != FORMAT_JSONL)
		return make_file(page, reply);
	if (ret == 0) {
		reply->type = "application/x-ndjson";
		reply->stream = (struct nr_http_stream){ .ctx = page, .more = more, .done = done };
	}
	return ret;
}

static int list_observations(void *ctx, const struct nr_http_request *rq,
			     struct nr_http_reply *reply)
{
	struct nr_hub *hub = ctx;
	struct page *page = calloc(1, sizeof(*page));

	if (page == NULL)
		return nr_fail(&reply->err, -ENOMEM, "no memory");
	page->hub = hub;
	page->fd = -1;
	page->cursors = nr_cursor_bound(&hub->cursors, &rq->scope->viewer);
	int ret = begin(page, rq, reply);

	if (ret < 0)
		done(page);
	return ret;
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/observations", VIEWER, .rows = true, .handle = list_observations),
};

const struct nr_http_group nr_api_observations = { "observations", routes, NR_COUNT(routes) };
