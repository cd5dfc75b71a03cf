/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one's own sensors would answer to a question. It is shown to a person, who may send it, change
 * it, or say nothing: the hub answers nothing by itself.
 */
#include <stdlib.h>

#include "serve/api/asks.h"
#include "serve/api/figures_int.h"
#include "store/registry_who.h"

enum { FEW = 100, SOME = 10000 }; /* packets: fewer are few, fewer are some */

struct suggestion { /* the job first: `make` gets it */
	struct nr_job job;
	struct nr_uuid *own; /* of the operator's own organisation; NULL: the scope's */
};

/* ---- whose sensors ---- */

struct pick {
	struct nr_uuid member, *uuids;
	size_t n, cap;
};

static int pick_one(void *ctx, const struct nr_registry_shared *shared)
{
	static const struct nr_uuid nobody;
	struct pick *pick = ctx;

	/* Those of nobody are of the member that runs the hub: only its admin is the operator. */
	if (!nr_uuid_eq(shared->owner, pick->member) && !nr_uuid_eq(shared->owner, nobody))
		return 0;
	if (pick->n == pick->cap) {
		size_t cap = pick->cap > 0 ? 2 * pick->cap : 16;
		struct nr_uuid *more = reallocarray(pick->uuids, cap, sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		pick->uuids = more;
		pick->cap = cap;
	}
	pick->uuids[pick->n++] = shared->sensor;
	return 0;
}

/* The operator may see what all sensors saw, and answers for his own organisation's all the same. */
static int own_sensors(struct suggestion *s, struct nr_err *reterr)
{
	const struct nr_scope *scope = s->job.rq->scope;
	struct pick pick = { .member = scope->viewer.member };
	int64_t n;

	s->job.q.ask.sensors = scope->own;
	s->job.q.ask.n_sensors = scope->n_own;
	if (scope->viewer.role != NR_ROLE_OPERATOR)
		return 0;
	n = nr_registry_sharing(s->job.hub->core->registry, pick_one, &pick, reterr);
	s->own = pick.uuids;
	s->job.q.ask.sensors = pick.uuids;
	s->job.q.ask.n_sensors = pick.n;
	return n < 0 ? nr_fail(reterr, (int)n, "%s", nr_err_text((int)n)) : 0;
}

/* ---- the answer ---- */

struct sums {
	uint64_t packets, flows, hours;
	uint32_t first, last; /* hours */
};

static struct sums sums_of(const struct nr_figures_table *table)
{
	struct sums sums = { 0 };

	for (size_t i = 0; i < table->n; i++) {
		const struct nr_figures_row_of *row = &table->rows[i];

		if (row->measures[NR_MEASURE_PACKETS] <= 0)
			continue;
		sums.packets += (uint64_t)row->measures[NR_MEASURE_PACKETS];
		sums.flows += (uint64_t)row->measures[NR_MEASURE_FLOWS];
		sums.first = sums.hours == 0 ? (uint32_t)row->key : sums.first;
		sums.last = (uint32_t)row->key;
		sums.hours++;
	}
	return sums;
}

static void put_suggestion(struct nr_json *json, const struct sums *sums)
{
	enum nr_ask_level level = sums->packets < FEW	 ? NR_ASK_FEW
				  : sums->packets < SOME ? NR_ASK_SOME
							 : NR_ASK_MANY;

	nr_json_key(json, "suggestion");
	nr_json_object(json);
	nr_people_put_text(json, "seen",
			   nr_ask_seen_names[sums->packets > 0 ? NR_ASK_YES : NR_ASK_NO]);
	if (sums->packets > 0) {
		nr_people_put_text(json, "level", nr_ask_level_names[level]);
		nr_people_put_time(json, "first",
				   (struct nr_time){ (int64_t)sums->first * NR_NS_PER_S });
		nr_people_put_time(json, "last",
				   (struct nr_time){ (int64_t)sums->last * NR_NS_PER_S });
	}
	nr_json_object_end(json);
}

static int make(struct nr_job *job, struct nr_err *reterr)
{
	struct nr_figures_table table = { .n = 0 };
	struct nr_json *json = &job->json;
	int ret = nr_figures_fill(job->session, job->name, &job->q.ask, &table, reterr);

	if (ret == 0) {
		uint32_t newest = nr_store_sums_newest(nr_follow_store_get(job->hub->store),
						       &job->q.ask);
		struct sums sums = sums_of(&table);

		nr_job_head(job);
		nr_people_put_text(json, "what", job->thing.text);
		nr_json_key(json, "figures");
		nr_json_object(json);
		nr_people_put_number(json, "packets", sums.packets);
		nr_people_put_number(json, "flows", sums.flows);
		nr_people_put_number(json, "hours", sums.hours);
		nr_json_object_end(json);
		/* Who has no sensors, or none that told of that time, has nothing to go by. */
		if (sums.packets > 0 || (job->q.ask.n_sensors > 0 && newest > job->q.ask.since))
			put_suggestion(json, &sums);
		nr_json_object_end(json);
	}
	nr_figures_table_done(&table);
	return ret;
}

static uint32_t hour_of(struct nr_time t, bool up)
{
	int64_t second = nr_time_floor_s(t);

	second += up ? NR_FIGURES_HOUR - 1 : 0;
	return (uint32_t)(second - second % NR_FIGURES_HOUR);
}

static int read_question(struct suggestion *s, const struct nr_registry_ask *ask,
			 struct nr_err *reterr)
{
	struct nr_figures_question *q = &s->job.q;

	q->ask = (struct nr_figures){ .n = NR_FIGURES_ROWS,
				      .step = NR_FIGURES_HOUR,
				      .since = hour_of(ask->since, false),
				      .until = hour_of(ask->until, true),
				      .port = NR_FIGURE_ANY,
				      .asn = NR_FIGURE_ANY,
				      .economy = NR_FIGURE_ANY,
				      .traffic_class = NR_FIGURE_ANY,
				      .key = NR_FIGURE_ANY };
	int ret = own_sensors(s, reterr);

	if (ret == 0)
		ret = nr_thing_read(s->job.hub, s->job.rq->scope, nr_str_from(ask->subject),
				    NR_THING_ALL, &s->job.thing, reterr);
	if (ret == 0)
		ret = nr_figures_of_thing(q, &s->job.thing, reterr);
	s->job.raw = q->ask.has_src;
	s->job.name = s->job.raw ? "raw_series" : "series";
	return ret;
}

int nr_asks_suggest(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct suggestion s = { .job = { .hub = ctx, .rq = rq, .make = make } };
	struct nr_registry_ask ask = { 0 };
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret == 0)
		ret = nr_asks_find(ctx, rq, &ask, &reply->err);
	if (ret == 0)
		ret = read_question(&s, &ask, &reply->err);
	if (ret == 0)
		ret = nr_job_answer(&s.job, reply);
	free(s.own);
	return ret;
}
