/* SPDX-License-Identifier: Apache-2.0 */
/* Figures: series, tops, two periods compared, and all about one thing. Each exactly over the caller's
 * sensors, or as a quorum of those that others share with him reaches. */
#include <stdlib.h>
#include <string.h>

#include "serve/api/figures_int.h"

/* ---- series ---- */

static int make_series(struct nr_job *job, struct nr_err *reterr)
{
	struct nr_figures_table table = { .n = 0 };
	int ret = nr_figures_fill(job->session, job->name, &job->q.ask, &table, reterr);

	if (ret == 0) {
		nr_job_head(job);
		nr_json_key(&job->json, "what");
		nr_json_str(&job->json, nr_str_from(job->thing.text));
		nr_json_key(&job->json, "step");
		nr_json_u64(&job->json, job->q.ask.step);
		nr_json_key(&job->json, "rows");
		nr_json_array(&job->json);
		nr_job_times(job, &table);
		nr_json_array_end(&job->json);
		nr_json_object_end(&job->json);
	}
	nr_figures_table_done(&table);
	return ret;
}

static int read_step(const struct nr_http_request *rq, uint32_t *ret_step, struct nr_err *reterr)
{
	static const struct {
		const char *name;
		uint32_t seconds;
	} steps[] = { { "1m", 60 }, { "1h", NR_FIGURES_HOUR }, { "1d", NR_FIGURES_DAY } };
	struct nr_str text;

	*ret_step = NR_FIGURES_HOUR;
	if (!nr_http_param(rq, "step", &text))
		return 0;
	for (size_t i = 0; i < NR_COUNT(steps); i++)
		if (nr_str_eq(text, nr_str_from(steps[i].name))) {
			*ret_step = steps[i].seconds;
			return 0;
		}
	return nr_fail(reterr, NR_EUSAGE, "step is 1m, 1h or 1d");
}

static int read_of(const struct nr_http_request *rq, uint8_t *ret_only, struct nr_err *reterr)
{
	struct nr_str text;

	*ret_only = UINT8_MAX;
	if (!nr_http_param(rq, "of", &text))
		return 0;
	for (unsigned m = 0; m < NR_N_MEASURES; m++)
		if (nr_str_eq(text, nr_str_from(nr_measure_names[m]))) {
			*ret_only = (uint8_t)(1u << m);
			return 0;
		}
	return nr_fail(reterr, NR_EUSAGE, "of is packets, bytes, flows or sources");
}

/* At most one of the parameters that name a thing. */
static int read_filter(struct nr_job *job, struct nr_err *reterr)
{
	static const struct {
		const char *name;
		enum nr_thing_kind kind;
	} filters[] = { { "port", NR_THING_PORT },	 { "asn", NR_THING_AS },
			{ "economy", NR_THING_ECONOMY }, { "class", NR_THING_CLASS },
			{ "sensor", NR_THING_SENSOR },	 { "src", NR_THING_ADDRESS } };
	struct nr_str text;
	bool seen = false;
	int ret = 0;

	job->thing = (struct nr_thing){ .kind = NR_THING_ALL, .text = "all" };
	for (size_t i = 0; i < NR_COUNT(filters) && ret == 0; i++) {
		if (!nr_http_param(job->rq, filters[i].name, &text))
			continue;
		if (seen)
			return nr_fail(
				reterr, NR_EUSAGE,
				"one of port, asn, economy, class, sensor and src at a time");
		seen = true;
		if (filters[i].kind == NR_THING_SENSOR && job->q.ask.shared)
			return nr_fail(reterr, NR_EUSAGE,
				       "one sensor's figures are for its owner: scope=own");
		ret = nr_thing_read(job->hub, job->rq->scope, text, filters[i].kind, &job->thing,
				    reterr);
	}
	return ret == 0 ? nr_figures_of_thing(&job->q, &job->thing, reterr) : ret;
}

/* What is more than an answer holds is left away at its beginning, and said. */
static void limit_steps(struct nr_figures_question *q)
{
	uint64_t most = (uint64_t)NR_FIGURES_ROWS * q->ask.step;

	if (q->ask.until - q->ask.since <= most)
		return;
	q->ask.since = q->ask.until - (uint32_t)most;
	q->partial_why = "an answer has 10,000 rows: ask for less time, or a longer step";
}

static int get_series(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "of",  "step",    "since", "until",  "scope", "port",
					     "asn", "economy", "class", "sensor", "src",   NULL };
	struct nr_job job = { .hub = ctx, .rq = rq, .make = make_series };
	uint32_t step = NR_FIGURES_HOUR;
	int ret = nr_http_only(rq, names, &reply->err);

	if (ret == 0)
		ret = read_step(rq, &step, &reply->err);
	if (ret == 0)
		ret = read_of(rq, &job.only, &reply->err);
	if (ret == 0)
		ret = nr_figures_read(rq, step, &job.q, &reply->err);
	if (ret == 0)
		ret = read_filter(&job, &reply->err);
	if (ret < 0)
		return ret;
	limit_steps(&job.q);
	job.raw = job.q.ask.has_src;
	job.name = job.raw ? "raw_series" : step < NR_FIGURES_HOUR ? "minutes" : "series";
	return nr_job_answer(&job, reply);
}

/* ---- tops ---- */

static int make_top(struct nr_job *job, struct nr_err *reterr)
{
	struct nr_figures_table table = { .n = 0 };
	int ret = nr_job_top(job, &job->q.ask, (enum nr_by)job->by, &table, reterr);

	if (ret == 0) {
		nr_job_head(job);
		nr_json_key(&job->json, "by");
		nr_json_str(&job->json, nr_str_from(nr_by_names[job->by]));
		nr_json_key(&job->json, "rows");
		nr_json_array(&job->json);
		nr_job_rows(job, (enum nr_by)job->by, &table);
		nr_json_array_end(&job->json);
		nr_json_object_end(&job->json);
	}
	nr_figures_table_done(&table);
	return ret;
}

static int read_by(struct nr_job *job, struct nr_err *reterr)
{
	struct nr_str text = NR_STR("ports");

	(void)nr_http_param(job->rq, "by", &text);
	for (uint8_t by = 0; by < NR_BY_TOOLS; by++)
		if (nr_str_eq(text, nr_str_from(nr_by_names[by]))) {
			job->by = by;
			if (by != NR_BY_SENSORS || !job->q.ask.shared)
				return 0;
			return nr_fail(reterr, NR_EUSAGE,
				       "which sensors others have is theirs to know: scope=own");
		}
	return nr_fail(reterr, NR_EUSAGE,
		       "by is ports, asns, economies, classes, sources or sensors");
}

static int read_top(struct nr_job *job, struct nr_err *reterr)
{
	static const char *const names[] = {
		[NR_BY_PORTS] = "keys",	  [NR_BY_ASNS] = "keys",       [NR_BY_ECONOMIES] = "keys",
		[NR_BY_CLASSES] = "keys", [NR_BY_SENSORS] = "sensors", [NR_BY_SOURCES] = "sources",
	};
	int ret = nr_figures_read(job->rq, NR_FIGURES_HOUR, &job->q, reterr);

	if (ret == 0)
		ret = read_by(job, reterr);
	if (ret == 0)
		ret = nr_http_number(job->rq, "n", 1, NR_FIGURES_N, 20, &job->n, reterr);
	if (ret == 0)
		job->name = names[job->by];
	return ret;
}

static int get_top(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "by", "n", "since", "until", "scope", NULL };
	struct nr_job job = { .hub = ctx, .rq = rq, .make = make_top };
	int ret = nr_http_only(rq, names, &reply->err);

	if (ret == 0)
		ret = read_top(&job, &reply->err);
	return ret == 0 ? nr_job_answer(&job, reply) : ret;
}

/* ---- two periods ---- */

static void add_side(struct nr_job *job, const char *name, const struct nr_figures_table *table,
		     const struct nr_figures_row_of *row)
{
	nr_json_key(&job->json, name);
	if (row == NULL) {
		nr_json_null(&job->json);
		return;
	}
	nr_json_object(&job->json);
	nr_figures_measures(&job->json, table, row, UINT8_MAX);
	nr_json_object_end(&job->json);
}

static void add_pair(struct nr_job *job, const struct nr_figures_table tables[2],
		     const struct nr_figures_row_of *now, const struct nr_figures_row_of *before)
{
	nr_json_object(&job->json);
	nr_job_key(job, (enum nr_by)job->by, now != NULL ? now : before);
	add_side(job, "now", &tables[0], now);
	add_side(job, "before", &tables[1], before);
	nr_json_object_end(&job->json);
}

/* The first n of both periods, each in both; in order of now, then what is gone. */
static void add_pairs(struct nr_job *job, const struct nr_figures_table tables[2])
{
	bool all = job->by != NR_BY_SENSORS && job->by != NR_BY_SOURCES;
	size_t most = all ? SIZE_MAX : (size_t)job->n;

	for (size_t i = 0; i < nr_min_size(tables[0].n, most); i++) {
		const struct nr_figures_row_of *row = &tables[0].rows[i];

		add_pair(job, tables, row, nr_figures_find(&tables[1], row->key, row->text));
	}
	for (size_t i = 0; i < nr_min_size(tables[1].n, most); i++) {
		const struct nr_figures_row_of *row = &tables[1].rows[i];

		if (nr_figures_find(&tables[0], row->key, row->text) == NULL)
			add_pair(job, tables, NULL, row);
	}
}

/* Keys that lead in one period are looked up in both. */
static int fill_both(struct nr_job *job, struct nr_figures asks[2],
		     struct nr_figures_table tables[2], struct nr_err *reterr)
{
	uint64_t *keys = calloc(2 * job->n + 1, sizeof(*keys));
	int64_t n[2] = { 0, 0 };
	size_t n_keys = 0;
	bool heads;
	int ret = keys == NULL ? nr_fail(reterr, -ENOMEM, "no memory") : 0;

	for (size_t side = 0; side < 2 && ret == 0; side++) {
		asks[side].n = job->n;
		n[side] = nr_store_session_rank(job->session, &asks[side],
						keys + (side == 0 ? 0 : n[0]), &heads, reterr);
		ret = n[side] < 0 ? (int)n[side] : 0;
		n_keys += ret == 0 ? (size_t)n[side] : 0;
	}
	for (size_t side = 0; side < 2 && ret == 0 && n_keys > 0; side++) {
		asks[side].n = NR_FIGURES_ROWS;
		asks[side].keys = keys; /* one that leads in both stands twice, and is one */
		asks[side].n_keys = n_keys;
		ret = nr_figures_fill(job->session, "keys", &asks[side], &tables[side], reterr);
	}
	free(keys);
	return ret;
}

/* These few are all taken. */
static int fill_all(struct nr_job *job, struct nr_figures asks[2],
		    struct nr_figures_table tables[2], struct nr_err *reterr)
{
	int ret = 0;

	for (size_t side = 0; side < 2 && ret == 0; side++) {
		asks[side].n = NR_FIGURES_N;
		ret = nr_figures_fill(job->session, job->name, &asks[side], &tables[side], reterr);
	}
	return ret;
}

static int make_compare(struct nr_job *job, struct nr_err *reterr)
{
	struct nr_figures_table tables[2] = { { .n = 0 }, { .n = 0 } };
	struct nr_figures asks[2] = { job->q.ask, job->q.ask };
	bool by_key = job->by != NR_BY_SENSORS && job->by != NR_BY_SOURCES;

	asks[1].since = job->before_since;
	asks[1].until = job->before_until;
	for (size_t i = 0; i < 2; i++) {
		asks[i].step = 0;
		asks[i].kind = (uint8_t)nr_by_kind((enum nr_by)job->by);
	}
	int ret = by_key ? fill_both(job, asks, tables, reterr)
			 : fill_all(job, asks, tables, reterr);

	if (ret == 0) {
		nr_job_head(job);
		nr_json_key(&job->json, "by");
		nr_json_str(&job->json, nr_str_from(nr_by_names[job->by]));
		nr_json_key(&job->json, "before_since");
		nr_json_time(&job->json, (struct nr_time){ asks[1].since * NR_NS_PER_S });
		nr_json_key(&job->json, "before_until");
		nr_json_time(&job->json, (struct nr_time){ asks[1].until * NR_NS_PER_S });
		nr_json_key(&job->json, "rows");
		nr_json_array(&job->json);
		add_pairs(job, tables);
		nr_json_array_end(&job->json);
		nr_json_object_end(&job->json);
	}
	nr_figures_table_done(&tables[0]);
	nr_figures_table_done(&tables[1]);
	return ret;
}

static int read_before(struct nr_job *job, struct nr_err *reterr)
{
	const struct nr_figures *ask = &job->q.ask;
	int64_t long_s = (int64_t)ask->until - ask->since, since = 0, until = 0;
	int ret = nr_figures_time(job->rq, "before_until", ask->since, &until, reterr);

	if (ret == 0)
		ret = nr_figures_time(job->rq, "before_since", until - long_s, &since, reterr);
	if (ret < 0)
		return ret;
	since = since < 0 ? 0 : since - since % NR_FIGURES_HOUR;
	until = until > UINT32_MAX - NR_FIGURES_HOUR ? UINT32_MAX - NR_FIGURES_HOUR : until;
	until += (NR_FIGURES_HOUR - until % NR_FIGURES_HOUR) % NR_FIGURES_HOUR;
	if (until < since || until <= 0)
		return nr_fail(reterr, NR_EUSAGE, "before_until has to be later than before_since");
	job->before_since = (uint32_t)since;
	job->before_until = (uint32_t)until;
	return 0;
}

static int get_compare(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "by",	     "n",     "since",
					     "until",	     "scope", "before_since",
					     "before_until", NULL };
	struct nr_job job = { .hub = ctx, .rq = rq, .make = make_compare };
	int ret = nr_http_only(rq, names, &reply->err);

	if (ret == 0)
		ret = read_top(&job, &reply->err);
	if (ret == 0)
		ret = read_before(&job, &reply->err);
	return ret == 0 ? nr_job_answer(&job, reply) : ret;
}

/* ---- one thing ---- */

static int get_show(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "what", "n", "since", "until", "scope", NULL };
	struct nr_job job = {
		.hub = ctx, .rq = rq, .make = nr_job_show, .name = "show", .only = UINT8_MAX
	};
	struct nr_str what;
	int ret = nr_http_only(rq, names, &reply->err);

	if (ret == 0 && !nr_http_param(rq, "what", &what))
		ret = nr_fail(
			&reply->err, NR_EUSAGE,
			"what: an address, a prefix, AS64500, JP, 23/tcp, a class or a sensor");
	if (ret == 0)
		ret = nr_http_number(rq, "n", 1, 100, 10, &job.n, &reply->err);
	if (ret == 0)
		ret = nr_figures_read(rq, NR_FIGURES_HOUR, &job.q, &reply->err);
	if (ret == 0)
		ret = nr_thing_read(job.hub, rq->scope, what, NR_THING_ALL, &job.thing,
				    &reply->err);
	if (ret == 0)
		ret = nr_figures_of_thing(&job.q, &job.thing, &reply->err);
	if (ret < 0)
		return ret;
	limit_steps(&job.q);
	job.raw = job.thing.kind != NR_THING_SENSOR && (job.q.ask.has_src || !job.q.ask.shared);
	return nr_job_answer(&job, reply);
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/series", VIEWER, .handle = get_series),
	NR_ROUTE("GET", "/api/v1/top", VIEWER, .handle = get_top),
	NR_ROUTE("GET", "/api/v1/compare", VIEWER, .handle = get_compare),
	NR_ROUTE("GET", "/api/v1/show", VIEWER, .handle = get_show),
};

const struct nr_http_group nr_api_figures = { "figures", routes, NR_COUNT(routes) };
