/* SPDX-License-Identifier: Apache-2.0 */
/* All about one thing: totals, a series, and what stands behind it as far as sums or observations tell. */
#include <string.h>

#include "orient/enrich/prefixes.h"
#include "serve/api/figures_int.h"

/* What a thing is taken apart into. Statements raw_* read observations: of addresses and prefixes for
 * whoever asks, of other things for the owner alone, since others could see single probes in them. */
struct part {
	uint8_t things; /* bit enum nr_thing_kind */
	uint8_t by;	/* enum nr_by */
	const char *statement;
	bool owner;
};
#define BIT(kind) (1u << NR_THING_##kind)

static const struct part parts[] = {
	{ BIT(SENSOR), NR_BY_PORTS, "rank", false },
	{ BIT(SENSOR), NR_BY_ASNS, "rank", false },
	{ BIT(SENSOR), NR_BY_ECONOMIES, "rank", false },
	{ BIT(ECONOMY), NR_BY_PORTS, "pairs", false },
	{ BIT(PORT), NR_BY_ECONOMIES, "pairs", false },
	{ BIT(ADDRESS) | BIT(PREFIX), NR_BY_PORTS, "raw_ports", false },
	{ BIT(AS) | BIT(CLASS), NR_BY_PORTS, "raw_ports", true },
	{ BIT(PREFIX), NR_BY_SOURCES, "raw_sources", false },
	{ BIT(AS) | BIT(CLASS) | BIT(ECONOMY) | BIT(PORT), NR_BY_SOURCES, "raw_sources", true },
	{ BIT(ADDRESS) | BIT(PREFIX) | BIT(AS) | BIT(CLASS) | BIT(ECONOMY) | BIT(PORT), NR_BY_TOOLS,
	  "raw_marks", true },
};

/* Observations cost: of the newest hours so many as are read in a moment. */
static int limit_rows(struct nr_job *job, struct nr_figures *ask, struct nr_err *reterr)
{
	struct nr_figures_table table = { .n = 0 };
	struct nr_figures all = job->q.ask;
	uint64_t rows = 0;

	all.kind = NR_FIGURE_ALL;
	all.key = 0;
	all.step = NR_FIGURES_HOUR;
	int ret = nr_figures_fill(job->session, "series", &all, &table, reterr);

	/* Shared: as if each sensor had what the quorum has. The true number is not for the asker. */
	for (size_t i = table.n; ret == 0 && i-- > 0;) {
		rows += (uint64_t)table.rows[i].measures[NR_MEASURE_FLOWS] *
			(ask->shared ? ask->n_sensors : 1);
		if (rows <= NR_JOB_ROWS_MAX)
			continue;
		ask->since = (uint32_t)table.rows[i].key + NR_FIGURES_HOUR;
		if (ask->since >= ask->until)
			ask->since = ask->until - NR_FIGURES_HOUR;
		job->q.partial_why = "only the newest observations were read: ask for less time";
		break;
	}
	nr_figures_table_done(&table);
	return ret;
}

static struct nr_figures rows_of(const struct nr_job *job)
{
	struct nr_figures ask = job->q.ask;

	ask.key = NR_FIGURE_ANY;
	if (job->thing.kind == NR_THING_PORT)
		ask.port = (int64_t)job->thing.key;
	else if (job->thing.kind == NR_THING_AS)
		ask.asn = (int64_t)job->thing.key;
	else if (job->thing.kind == NR_THING_ECONOMY)
		ask.economy = (int64_t)job->thing.key;
	else if (job->thing.kind == NR_THING_CLASS)
		ask.traffic_class = (int64_t)job->thing.key;
	return ask;
}

static int fill_part(struct nr_job *job, const struct part *part, const struct nr_figures *raw,
		     struct nr_figures_table *table, struct nr_err *reterr)
{
	struct nr_figures ask = *raw;

	ask.n = job->n;
	if (strcmp(part->statement, "rank") == 0)
		return nr_job_top(job, &job->q.ask, (enum nr_by)part->by, table, reterr);
	if (strcmp(part->statement, "pairs") == 0) {
		ask = job->q.ask;
		ask.n = job->n;
		ask.step = 0;
		ask.kind = NR_FIGURE_ECONOMY_PORT;
		ask.by_port = part->by == NR_BY_PORTS;
		ask.economy = ask.by_port ? (int64_t)job->thing.key : NR_FIGURE_ANY;
		ask.key = ask.by_port ? NR_FIGURE_ANY : (int64_t)job->thing.key;
	}
	return nr_figures_fill(job->session, part->statement, &ask, table, reterr);
}

static int add_parts(struct nr_job *job, const struct nr_figures *raw, struct nr_err *reterr)
{
	struct nr_figures_table table = { .n = 0 };
	int ret = 0;

	nr_json_key(&job->json, "tops");
	nr_json_array(&job->json);
	for (size_t i = 0; i < NR_COUNT(parts) && ret == 0; i++) {
		const struct part *part = &parts[i];

		if ((part->things >> job->thing.kind & 1) == 0 ||
		    (part->owner && job->q.ask.shared))
			continue;
		ret = fill_part(job, part, raw, &table, reterr);
		if (ret < 0)
			break;
		nr_json_object(&job->json);
		nr_json_key(&job->json, "by");
		nr_json_str(&job->json, nr_str_from(nr_by_names[part->by]));
		nr_json_key(&job->json, "rows");
		nr_json_array(&job->json);
		nr_job_rows(job, (enum nr_by)part->by, &table);
		nr_json_array_end(&job->json);
		nr_json_object_end(&job->json);
	}
	nr_json_array_end(&job->json);
	nr_figures_table_done(&table);
	return ret;
}

/* Whose an address is; of who asks, whether it is his. */
static void add_whose(struct nr_job *job)
{
	const struct nr_prefixes *prefixes = nr_follow_engine_prefixes(job->hub->engine);
	struct nr_ip ip = job->thing.prefix.ip;
	struct nr_origin origin =
		nr_prefixes_origin(prefixes, prefixes != NULL ? nr_prefixes_find(prefixes, ip) : 0);
	char text[NR_REGISTRY_NAME];

	nr_json_key(&job->json, "origin");
	if (!job->q.ask.has_src) {
		nr_json_null(&job->json);
		return;
	}
	nr_figures_key(NR_FIGURE_AS, origin.asn, text);
	nr_json_object(&job->json);
	nr_json_key(&job->json, "asn");
	nr_json_str(&job->json, nr_str_from(text));
	nr_json_key(&job->json, "name");
	nr_json_str(&job->json, nr_str_from(origin.as_name != NULL ? origin.as_name : ""));
	nr_json_key(&job->json, "economy");
	nr_json_str(&job->json, nr_str_from(origin.economy[0] != '\0' ? origin.economy : "ZZ"));
	nr_json_key(&job->json, "yours");
	nr_json_bool(&job->json, nr_scope_holds(job->rq->scope, ip, origin.asn, job->rq->now));
	nr_json_object_end(&job->json);
}

static int fill_totals(struct nr_job *job, const struct nr_figures *raw,
		       struct nr_figures_table *table, struct nr_err *reterr)
{
	struct nr_figures ask = job->q.ask;
	uint64_t key = job->thing.key;

	if (ask.has_src)
		return nr_figures_fill(job->session, "raw_total", raw, table, reterr);
	ask.step = 0;
	ask.keys = &key;
	ask.n_keys = 1;
	return nr_figures_fill(job->session, "keys", &ask, table, reterr);
}

static void add_totals(struct nr_job *job, const struct nr_figures_table *table)
{
	nr_json_key(&job->json, "what");
	nr_json_str(&job->json, nr_str_from(job->thing.text));
	nr_json_key(&job->json, "kind");
	nr_json_str(&job->json, nr_str_from(nr_thing_names[job->thing.kind]));
	add_whose(job);
	nr_json_key(&job->json, "totals");
	if (table->n == 0) {
		nr_json_null(&job->json);
		return;
	}
	nr_json_object(&job->json);
	nr_figures_measures(&job->json, table, &table->rows[0], UINT8_MAX);
	nr_json_object_end(&job->json);
}

int nr_job_show(struct nr_job *job, struct nr_err *reterr)
{
	struct nr_figures_table table = { .n = 0 };
	struct nr_figures raw = rows_of(job);
	bool has_src = job->q.ask.has_src;
	int ret = job->raw ? limit_rows(job, &raw, reterr) : 0;

	if (ret == 0)
		ret = fill_totals(job, &raw, &table, reterr);
	if (ret == 0) {
		nr_job_head(job);
		add_totals(job, &table);
		ret = nr_figures_fill(job->session, has_src ? "raw_series" : "series",
				      has_src ? &raw : &job->q.ask, &table, reterr);
	}
	if (ret == 0) {
		nr_json_key(&job->json, "step");
		nr_json_u64(&job->json, job->q.ask.step);
		nr_json_key(&job->json, "series");
		nr_json_array(&job->json);
		nr_job_times(job, &table);
		nr_json_array_end(&job->json);
		ret = add_parts(job, &raw, reterr);
		nr_json_object_end(&job->json);
	}
	nr_figures_table_done(&table);
	return ret;
}
