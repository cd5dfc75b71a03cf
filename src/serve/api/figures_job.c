/* SPDX-License-Identifier: Apache-2.0 */
/* From a question that was read to JSON: the desk, the session, what all answers have in common. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "orient/enrich/prefixes.h"
#include "record/mark.h"
#include "serve/api/figures_int.h"

const char *const nr_by_names[] = { "ports",   "asns",	  "economies", "classes",
				    "sensors", "sources", "tools",     NULL };

enum nr_figure_kind nr_by_kind(enum nr_by by)
{
	static const uint8_t kinds[NR_N_BY] = {
		[NR_BY_PORTS] = NR_FIGURE_PORT,	       [NR_BY_ASNS] = NR_FIGURE_AS,
		[NR_BY_ECONOMIES] = NR_FIGURE_ECONOMY, [NR_BY_CLASSES] = NR_FIGURE_CLASS,
		[NR_BY_SENSORS] = NR_FIGURE_ALL,       [NR_BY_SOURCES] = NR_FIGURE_ALL,
		[NR_BY_TOOLS] = NR_FIGURE_ALL,
	};

	return (enum nr_figure_kind)kinds[by];
}

/* ---- the desk ---- */

/* All that the answer is made of, but the sums themselves. */
static int key_of(const struct nr_job *job, struct nr_digest *ret_key)
{
	const struct nr_figures *ask = &job->q.ask;
	struct nr_buf text;

	nr_buf_init(&text, 8 << 20);
	nr_buf_addf(&text, "%s|%d|%u|%u|%u|%u|%u|%u|%u|%u|%llu|%u|%s|", job->rq->path,
		    job->q.ask.shared, ask->quorum, ask->since, ask->until, ask->step,
		    job->before_since, job->before_until, job->only, job->by,
		    (unsigned long long)job->n, job->thing.kind, job->thing.text);
	/* An address of one's own is marked: that is the member's, not the sensors'. */
	nr_buf_add(&text, job->rq->scope->viewer.member.b, NR_UUID_SIZE);
	for (size_t i = 0; i < ask->n_sensors; i++)
		nr_buf_add(&text, ask->sensors[i].b, NR_UUID_SIZE);
	int ret = text.err;

	*ret_key = nr_digest_of(text.p, text.n);
	nr_buf_done(&text);
	return ret;
}

static bool gone(void *ctx)
{
	return nr_http_gone(ctx);
}

static int make(struct nr_job *job, struct nr_store *store, struct nr_buf *out,
		struct nr_err *reterr)
{
	const struct nr_figures *ask = &job->q.ask;
	int ret = nr_store_session_open(store, job->raw ? ask->since : 0, job->raw ? ask->until : 0,
					NR_JOB_MS, gone, (void *)(uintptr_t)job->rq, &job->session,
					reterr);

	if (ret < 0)
		return ret;
	nr_json_init(&job->json, out);
	ret = job->make(job, reterr);
	nr_store_session_close(job->session);
	if (ret == 0)
		nr_buf_add(out, "\n", 1);
	return ret == 0 && out->err < 0 ? nr_fail(reterr, out->err, "the answer is too large")
					: ret;
}

int nr_job_answer(struct nr_job *job, struct nr_http_reply *reply)
{
	struct nr_store *store = nr_follow_store_get(job->hub->store);
	struct nr_uuid member = job->rq->scope->viewer.member;
	struct nr_digest key;

	if (store == NULL)
		return nr_fail(&reply->err, -EBUSY,
			       job->hub->store == NULL ? "the observation store is switched off"
						       : "the observation store is not open yet");
	uint64_t changes = nr_store_sums_changes(store);
	int ret = key_of(job, &key);

	if (ret == 0)
		ret = nr_desk_enter(job->hub->desk, &key, changes, member, gone,
				    (void *)(uintptr_t)job->rq, &reply->body);
	if (ret == -EBUSY) {
		reply->retry_s = 2;
		return nr_fail(&reply->err, -EBUSY,
			       "too many questions at once: ask again in a moment");
	}
	if (ret != 0)
		return ret < 0 ? nr_fail(&reply->err, ret, "%s", nr_err_text(ret)) : 0;
	ret = make(job, store, &reply->body, &reply->err);
	if (ret == NR_ELIMIT && strstr(reply->err.msg, "Out of Memory") != NULL) {
		reply->retry_s = 5;
		ret = nr_fail(&reply->err, -EBUSY,
			      "the memory for questions is used up: ask for less time, or again in "
			      "a moment");
	}
	nr_desk_leave(job->hub->desk, &key, changes, member,
		      ret == 0 ? (struct nr_bytes){ reply->body.p, reply->body.n }
			       : (struct nr_bytes){ NULL, 0 });
	return ret;
}

/* ---- what answers have in common ---- */

static void add_time(struct nr_json *json, const char *name, uint32_t second)
{
	nr_json_key(json, name);
	nr_json_time(json, (struct nr_time){ (int64_t)second * NR_NS_PER_S });
}

void nr_job_head(struct nr_job *job)
{
	const struct nr_figures *ask = &job->q.ask;
	uint32_t newest = nr_store_sums_newest(nr_follow_store_get(job->hub->store), ask);
	struct nr_json *json = &job->json;
	const char *why = job->q.partial_why;
	char name[64];

	(void)snprintf(name, sizeof(name), "figures_%s%s", job->name, ask->shared ? "_shared" : "");
	nr_json_object(json);
	nr_json_key(json, "scope");
	nr_json_str(json, nr_str_from(ask->shared ? "shared" : "own"));
	nr_json_key(json, "sensors");
	nr_json_u64(json, ask->n_sensors);
	nr_json_key(json, "quorum");
	nr_json_u64(json, ask->quorum);
	add_time(json, "since", ask->since);
	add_time(json, "until", ask->until);
	nr_json_key(json, "newest");
	if (newest != 0)
		nr_json_time(json, (struct nr_time){ (int64_t)newest * NR_NS_PER_S });
	else
		nr_json_null(json);
	nr_json_key(json, "query");
	nr_json_str(json, nr_str_from(name));
	nr_json_key(json, "partial");
	nr_json_bool(json, why != NULL);
	if (why != NULL) {
		nr_json_key(json, "partial_why");
		nr_json_str(json, nr_str_from(why));
	}
}

/* What a source's AS and economy are now; of what it was then each row of observations tells. */
static void add_origin(struct nr_job *job, const char *address)
{
	const struct nr_prefixes *prefixes = nr_follow_engine_prefixes(job->hub->engine);
	struct nr_origin origin = { .asn = 0 };
	char text[NR_REGISTRY_NAME];
	struct nr_ip ip;

	if (prefixes != NULL && nr_ip_parse(nr_str_from(address), &ip) == 0)
		origin = nr_prefixes_origin(prefixes, nr_prefixes_find(prefixes, ip));
	nr_figures_key(NR_FIGURE_AS, origin.asn, text);
	nr_json_key(&job->json, "asn");
	nr_json_str(&job->json, nr_str_from(text));
	nr_json_key(&job->json, "economy");
	nr_json_str(&job->json, nr_str_from(origin.economy[0] != '\0' ? origin.economy : "ZZ"));
}

static void sensor_name(struct nr_job *job, uint64_t number, char out[NR_REGISTRY_NAME])
{
	struct nr_store *store = nr_follow_store_get(job->hub->store);
	struct nr_registry_sensor sensor;
	struct nr_uuid uuid = { { 0 } };

	if (nr_store_sensor_id(store, (uint32_t)number, &uuid) == 0 &&
	    nr_registry_sensor_find(job->hub->core->registry, uuid, &sensor, NULL) == 0)
		(void)snprintf(out, NR_REGISTRY_NAME, "%s", sensor.name);
	else
		nr_uuid_print(uuid, out);
}

void nr_job_key(struct nr_job *job, enum nr_by by, const struct nr_figures_row_of *row)
{
	char text[NR_REGISTRY_NAME];

	if (by == NR_BY_SOURCES)
		(void)snprintf(text, sizeof(text), "%s", row->text);
	else if (by == NR_BY_SENSORS)
		sensor_name(job, row->key, text);
	else if (by == NR_BY_TOOLS)
		(void)snprintf(text, sizeof(text), "%s", nr_mark_name((uint8_t)row->key));
	else
		nr_figures_key(nr_by_kind(by), row->key, text);
	nr_json_key(&job->json, "key");
	nr_json_str(&job->json, nr_str_from(text));
	if (by == NR_BY_SOURCES)
		add_origin(job, text);
}

void nr_job_rows(struct nr_job *job, enum nr_by by, const struct nr_figures_table *table)
{
	for (size_t i = 0; i < table->n; i++) {
		nr_json_object(&job->json);
		nr_job_key(job, by, &table->rows[i]);
		nr_figures_measures(&job->json, table, &table->rows[i], UINT8_MAX);
		nr_json_object_end(&job->json);
	}
}

void nr_job_times(struct nr_job *job, const struct nr_figures_table *table)
{
	for (size_t i = 0; i < table->n; i++) {
		nr_json_object(&job->json);
		add_time(&job->json, "time", (uint32_t)table->rows[i].key);
		nr_figures_measures(&job->json, table, &table->rows[i], job->only);
		nr_json_object_end(&job->json);
	}
}

/* The keys first, by packets alone; then all about those few. */
static int by_keys(struct nr_job *job, struct nr_figures *ask, struct nr_figures_table *table,
		   struct nr_err *reterr)
{
	uint64_t *keys = calloc(ask->n + 1, sizeof(*keys));
	bool heads = false;

	table->n = 0;
	if (keys == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	int64_t n = nr_store_session_rank(job->session, ask, keys, &heads, reterr);
	int ret = n < 0 ? (int)n : 0;

	ask->keys = keys;
	ask->n_keys = n < 0 ? 0 : (size_t)n;
	if (n > 0)
		ret = nr_figures_fill(job->session, heads ? "keys_heads" : "keys", ask, table,
				      reterr);
	free(keys);
	return ret;
}

int nr_job_top(struct nr_job *job, const struct nr_figures *ask, enum nr_by by,
	       struct nr_figures_table *table, struct nr_err *reterr)
{
	struct nr_figures its = *ask;

	its.step = 0; /* sums of whole days are as good */
	its.kind = (uint8_t)nr_by_kind(by);
	its.n = job->n;
	if (by == NR_BY_SENSORS)
		return nr_figures_fill(job->session, "sensors", &its, table, reterr);
	if (by == NR_BY_SOURCES)
		return nr_figures_fill(job->session, "sources", &its, table, reterr);
	return by_keys(job, &its, table, reterr);
}
