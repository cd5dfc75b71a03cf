/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 * 1. A shard's detectors are advanced to each new minute before they are fed what arrived in it, as
 *    in engine.c: so what ends is the same, and ends in the same order.
 * 2. Between two calls nothing waits in the outboxes and no detector has anything to report.
 */
#include "orient/online/run.h"

#include <stdlib.h>

#include "orient/held.h"

enum { MINUTE = 60, HOUR = 3600, HOURS_MAX = 25, BATCH = 128 };

struct held_source {
	struct nr_source source; /* first: orient/held.h */
	bool open;
};

struct shard {
	struct nr_run *run;
	unsigned number;
	int64_t minute; /* s; INT64_MIN: nothing came yet */
	void **detectors;
	struct nr_sink ended, open, pass;
	struct nr_saw saw;
	struct nr_table findings, sources; /* dense: the outbox */
	int err;
};

struct nr_run {
	struct nr_run_options opt;
	struct nr_detect_env env;
	size_t n_detectors;
	struct shard shards[NR_SHARDS];
	struct nr_wait_sorter *sorters; /* one a worker */
	/* the call at work */
	int64_t now;
	const struct nr_wait_second *rows;
};

/* ---- what detectors say ---- */

static void pass_source(void *ctx, const struct nr_source *source)
{
	struct shard *shard = ctx;

	for (size_t d = 0; d < shard->run->n_detectors; d++) {
		if (nr_detectors[d]->source == NULL)
			continue;
		int r = nr_detectors[d]->source(shard->detectors[d], source);

		if (r < 0)
			shard->err = r;
	}
}

static void source_hold(struct shard *shard, const struct nr_source *source, bool open)
{
	struct held_source *held;

	pass_source(shard, source);
	if (shard->run->opt.out.source == NULL ||
	    source->level < (open ? NR_LEVEL_WIDE : NR_LEVEL_SCANNER))
		return;
	held = nr_table_append(&shard->sources);
	if (held == NULL) {
		shard->err = -ENOMEM;
		return;
	}
	*held = (struct held_source){ *source, open };
}

static void source_ended(void *ctx, const struct nr_source *source)
{
	source_hold(ctx, source, false);
}

static void source_open(void *ctx, const struct nr_source *source)
{
	source_hold(ctx, source, true);
}

/*
 * Now, not when it goes out: before that its subject may be fed rows of what comes after it.
 */
static void finding_hold(void *ctx, const struct nr_finding *finding)
{
	struct shard *shard = ctx;
	struct nr_table *findings = &shard->findings;
	int r = nr_held_add(findings, finding);

	if (r == 0) {
		struct nr_held_finding *held = nr_table_at(findings, findings->n - 1);

		r = nr_run_seen_by(shard->run, finding, &held->seen_by);
	}
	if (r < 0)
		shard->err = r;
}

static void look(void *ctx, struct nr_ip ip)
{
	struct shard *shard = ctx;

	for (size_t d = 0; d < shard->run->n_detectors; d++) {
		if (nr_detectors[d]->look == NULL)
			continue;
		int r = nr_detectors[d]->look(shard->detectors[d], ip, &shard->pass);

		if (r < 0)
			shard->err = r;
	}
}

/* ---- life ---- */

static void outbox_empty(struct shard *shard)
{
	nr_held_clear(&shard->findings);
	if (shard->sources.n > 0)
		nr_table_clear(&shard->sources);
}

struct nr_run *nr_run_free(struct nr_run *run)
{
	if (run == NULL)
		return NULL;
	for (unsigned s = 0; s < NR_SHARDS; s++) {
		struct shard *shard = &run->shards[s];

		for (size_t d = 0; shard->detectors != NULL && d < run->n_detectors; d++)
			nr_detectors[d]->close(shard->detectors[d]);
		free(shard->detectors);
		outbox_empty(shard);
		nr_held_done(&shard->findings);
		nr_table_done(&shard->sources);
		nr_saw_done(&shard->saw);
	}
	for (unsigned w = 0; run->sorters != NULL && w < nr_pool_workers(run->opt.pool); w++)
		nr_wait_sorter_done(&run->sorters[w]);
	free(run->sorters);
	free(run);
	return NULL;
}

static int shard_open(struct nr_run *run, unsigned number)
{
	struct shard *shard = &run->shards[number];

	shard->run = run;
	shard->number = number;
	shard->minute = INT64_MIN;
	shard->ended = (struct nr_sink){ .ctx = shard,
					 .source = source_ended,
					 .finding = finding_hold,
					 .detail = run->opt.detail };
	shard->open = (struct nr_sink){
		.ctx = shard, .source = source_open, .finding = finding_hold, .look = look
	};
	shard->pass = (struct nr_sink){ .ctx = shard, .source = pass_source };
	shard->detectors = calloc(run->n_detectors, sizeof(shard->detectors[0]));
	int r = shard->detectors != NULL ? 0 : -ENOMEM;

	if (r == 0)
		r = nr_held_init(&shard->findings);
	if (r == 0)
		r = nr_table_init(&shard->sources, sizeof(struct held_source), NR_TABLE_MAX, NULL,
				  NULL);
	if (r == 0)
		r = nr_saw_init(&shard->saw, run->opt.max_entries, &run->opt.key, run->opt.number);
	for (size_t d = 0; d < run->n_detectors && r == 0; d++)
		r = nr_detectors[d]->open(&run->env, &shard->detectors[d]);
	return r;
}

int nr_run_new(const struct nr_run_options *options, struct nr_run **ret_run)
{
	struct nr_run *run = calloc(1, sizeof(*run));
	int r = 0;

	if (run == NULL)
		return -ENOMEM;
	run->opt = *options;
	run->env = (struct nr_detect_env){ .monitored_v4 = options->monitored_v4,
					   .prefixes = options->prefixes,
					   .benign = options->benign,
					   .key = options->key,
					   .max_entries = options->max_entries,
					   .live = options->live };
	while (nr_detectors[run->n_detectors] != NULL)
		run->n_detectors++;
	run->sorters = calloc(nr_pool_workers(options->pool), sizeof(run->sorters[0]));
	if (run->sorters == NULL)
		r = -ENOMEM;
	for (unsigned s = 0; s < NR_SHARDS && r == 0; s++)
		r = shard_open(run, s);
	if (r < 0) {
		nr_run_free(run);
		return r;
	}
	*ret_run = run;
	return 0;
}

const struct nr_detect_env *nr_run_env(const struct nr_run *run)
{
	return &run->env;
}

void nr_run_monitored(struct nr_run *run, uint64_t monitored_v4)
{
	if (run->env.monitored_v4 == monitored_v4)
		return;
	run->env.monitored_v4 = monitored_v4;
	for (unsigned s = 0; s < NR_SHARDS; s++)
		for (size_t d = 0; d < run->n_detectors; d++)
			if (nr_detectors[d]->monitored != NULL)
				nr_detectors[d]->monitored(run->shards[s].detectors[d]);
}

/* ---- a second ---- */

static void detectors_advance(struct shard *shard, int64_t now)
{
	for (size_t d = 0; d < shard->run->n_detectors; d++) {
		int r = nr_detectors[d]->advance(shard->detectors[d], now, &shard->ended);

		if (r < 0)
			shard->err = r;
	}
}

/*
 * Hour by hour, as engine.c does: what scan.v1 calls aggressive depends on what ended before.
 * @return whether it moved
 */
static bool shard_advance(struct shard *shard, int64_t now)
{
	int64_t minute = now - now % MINUTE, hour;

	if (shard->minute != INT64_MIN && now < shard->minute + MINUTE)
		return false;
	hour = shard->minute == INT64_MIN ? INT64_MAX : shard->minute - shard->minute % HOUR + HOUR;
	for (unsigned n = 0; hour <= minute && n < HOURS_MAX; n++, hour += HOUR)
		detectors_advance(shard, hour);
	shard->minute = minute;
	detectors_advance(shard, minute);
	nr_saw_advance(&shard->saw, minute);
	return true;
}

static void shard_feed(struct shard *shard, struct nr_wait_sorter *sorter)
{
	struct nr_run *run = shard->run;
	uint32_t n = run->rows->shards[shard->number].n;
	NR_UNINITIALIZED struct nr_observation batch[BATCH];
	const struct nr_wait_key *keys;
	int r = nr_wait_sort(run->rows, shard->number, run->opt.sensor, run->opt.sensor_ctx, sorter,
			     &keys);

	if (r == 0)
		nr_saw_rows(&shard->saw, keys, n);
	for (uint32_t i = 0, k; i < n && r == 0; i += k) {
		for (k = 0; k < BATCH && i + k < n; k++) {
			if (i + k + 8 < n)
				__builtin_prefetch(keys[i + k + 8].row);
			batch[k] = *keys[i + k].row;
		}
		for (size_t d = 0; d < run->n_detectors && r == 0; d++)
			r = nr_detectors[d]->feed(shard->detectors[d], batch, k);
	}
	if (r < 0)
		shard->err = r;
}

static void shard_report(struct shard *shard)
{
	for (size_t d = 0; d < shard->run->n_detectors; d++) {
		if (nr_detectors[d]->report == NULL)
			continue;
		int r = nr_detectors[d]->report(shard->detectors[d], shard->run->now, &shard->open);

		if (r < 0)
			shard->err = r;
	}
}

static void work(void *ctx, unsigned worker)
{
	struct nr_run *run = ctx;

	for (unsigned s = worker; s < NR_SHARDS; s += nr_pool_workers(run->opt.pool)) {
		struct shard *shard = &run->shards[s];
		bool any = run->rows != NULL && run->rows->shards[s].n > 0,
		     moved = shard_advance(shard, run->now);

		if (any)
			shard_feed(shard, &run->sorters[worker]);
		if (run->opt.live && (any || moved))
			shard_report(shard);
	}
}

/* ---- out ---- */

static const struct nr_table *sources_of(void *ctx, unsigned shard)
{
	return &((struct nr_run *)ctx)->shards[shard].sources;
}

static const struct nr_table *findings_of(void *ctx, unsigned shard)
{
	return &((struct nr_run *)ctx)->shards[shard].findings;
}

static int source_out(void *ctx, void *record)
{
	const struct nr_run *run = ctx;
	const struct held_source *held = record;

	return run->opt.out.source(run->opt.out.ctx, &held->source, held->open);
}

static int finding_out(void *ctx, void *record)
{
	const struct nr_run *run = ctx;

	const struct nr_held_finding *held = record;

	return run->opt.out.finding(run->opt.out.ctx, &held->finding, &held->seen_by);
}

static int records_out(struct nr_run *run, bool findings)
{
	struct nr_held_out how = { .ctx = run,
				   .table = findings ? findings_of : sources_of,
				   .out = findings ? finding_out : source_out,
				   .findings = findings };

	return nr_held_out(&how);
}

static int hand_out(struct nr_run *run)
{
	int r = 0;

	for (unsigned s = 0; s < NR_SHARDS; s++) {
		r = r == 0 ? run->shards[s].err : r;
		run->shards[s].err = 0;
	}
	if (r == 0 && run->opt.out.source != NULL)
		r = records_out(run, false);
	if (r == 0)
		r = records_out(run, true);
	for (unsigned s = 0; s < NR_SHARDS; s++)
		outbox_empty(&run->shards[s]);
	return r;
}

int nr_run_second(struct nr_run *run, int64_t now, const struct nr_wait_second *rows)
{
	run->now = now;
	run->rows = rows;
	if (rows != NULL)
		nr_pool_run(run->opt.pool, work, run);
	else
		for (unsigned w = 0; w < nr_pool_workers(run->opt.pool); w++)
			work(run, w); /* little to do: no need to wake anybody */
	run->rows = NULL;
	return hand_out(run);
}

/* ---- the end, and single sources ---- */

static void finish_source(void *ctx, const struct nr_source *source)
{
	struct nr_run *run = ctx;

	source_ended(&run->shards[nr_shard_of(source->src)], source);
}

static void finish_finding(void *ctx, const struct nr_finding *finding)
{
	struct nr_run *run = ctx;

	finding_hold(&run->shards[nr_shard_of(finding->sort_ip)], finding);
}

int nr_run_finish(struct nr_run *run, int64_t now)
{
	struct nr_sink sink = { .ctx = run,
				.source = finish_source,
				.finding = finish_finding,
				.detail = run->opt.detail };
	void *shards[NR_SHARDS];
	int r = 0;

	for (size_t d = 0; d < run->n_detectors && r == 0; d++) {
		for (unsigned s = 0; s < NR_SHARDS; s++)
			shards[s] = run->shards[s].detectors[d];
		r = nr_detectors[d]->finish(shards, NR_SHARDS, now, &sink);
	}
	int out = hand_out(run);

	return r < 0 ? r : out;
}

struct looked {
	struct nr_source *source;
	bool found;
};

static void looked_source(void *ctx, const struct nr_source *source)
{
	struct looked *looked = ctx;

	*looked->source = *source;
	looked->found = true;
}

bool nr_run_look(struct nr_run *run, struct nr_ip ip, struct nr_source *ret_source)
{
	struct looked looked = { ret_source, false };
	struct nr_sink sink = { .ctx = &looked, .source = looked_source };
	struct shard *shard = &run->shards[nr_shard_of(ip)];

	for (size_t d = 0; d < run->n_detectors; d++)
		if (nr_detectors[d]->look != NULL)
			(void)nr_detectors[d]->look(shard->detectors[d], ip,
						    &sink); /* not found is an answer */
	return looked.found;
}

/* ---- who saw it ---- */

static int seen_parts(struct nr_run *run, const struct nr_finding *f, bool open,
		      struct nr_saw_sums *sums)
{
	int r = 0;

	for (size_t i = 0; i < f->n_parts && r == 0; i++) {
		struct nr_ip ip;

		memcpy(&ip, (const uint8_t *)f->parts + i * f->part_size, sizeof(ip));
		struct nr_saw *saw = &run->shards[nr_shard_of(ip)].saw;

		r = nr_saw_collect(saw, ip, NR_SAW_SENDS, f->first.ns, f->last.ns, sums);
		nr_saw_pin(saw, ip, NR_SAW_SENDS, NR_SAW_PIN_CAMPAIGN, open);
	}
	return r;
}

static int seen_subject(struct nr_run *run, const struct nr_finding *f, bool open,
			struct nr_saw_sums *sums)
{
	struct nr_saw *saw = &run->shards[nr_shard_of(f->sort_ip)].saw;
	enum nr_saw_kind kind = strcmp(f->detector, "rsdos.v1") == 0 ? NR_SAW_ANSWERS
								     : NR_SAW_SENDS;
	struct nr_prefix prefix;
	int r;

	if (nr_prefix_parse(nr_str_from(f->subject), &prefix) < 0)
		return 0;
	if (prefix.len == 128) {
		r = nr_saw_collect(saw, prefix.ip, kind, f->first.ns, f->last.ns, sums);
		nr_saw_pin(saw, prefix.ip, kind, NR_SAW_PIN_ALONE, open);
	} else {
		r = nr_saw_collect_prefix(saw, prefix, kind, f->first.ns, f->last.ns, sums);
		nr_saw_pin_prefix(saw, prefix, kind, NR_SAW_PIN_CARPET, open);
	}
	return r;
}

int nr_run_seen_by(struct nr_run *run, const struct nr_finding *finding,
		   struct nr_sightings *ret_seen_by)
{
	bool open = run->opt.live && finding->state == NR_FINDING_CONTINUING;
	struct nr_saw_sums sums = { 0 };
	int r = finding->parts != NULL ? seen_parts(run, finding, open, &sums)
				       : seen_subject(run, finding, open, &sums);

	*ret_seen_by = (struct nr_sightings){ 0 };
	if (r == 0)
		r = nr_saw_sums_out(&sums, finding->first.ns, finding->last.ns, run->opt.sensor,
				    run->opt.sensor_ctx, &ret_seen_by->list, &ret_seen_by->n);
	nr_saw_sums_done(&sums);
	return r;
}

uint64_t nr_run_refused(const struct nr_run *run)
{
	uint64_t n = 0;

	for (unsigned s = 0; s < NR_SHARDS; s++)
		n += nr_saw_refused(&run->shards[s].saw);
	for (unsigned s = 0; s < NR_SHARDS; s++)
		for (size_t d = 0; d < run->n_detectors; d++)
			n += nr_detectors[d]->refused(run->shards[s].detectors[d]);
	return n;
}

/* ---- snapshot ---- */

int nr_run_save(const struct nr_run *run, struct nr_buf *out)
{
	nr_write_le64(out, run->env.monitored_v4);
	for (unsigned s = 0; s < NR_SHARDS; s++) {
		nr_write_le64(out, (uint64_t)run->shards[s].minute);
		nr_saw_save(&run->shards[s].saw, out);
		for (size_t d = 0; d < run->n_detectors; d++) {
			int r = nr_detectors[d]->save(run->shards[s].detectors[d], out);

			if (r < 0)
				return r;
		}
	}
	return out->err;
}

int nr_run_load(struct nr_run *run, struct nr_reader *in, uint32_t n_sensors)
{
	nr_run_monitored(run, nr_read_le64(in));
	for (unsigned s = 0; s < NR_SHARDS; s++) {
		int64_t minute = (int64_t)nr_read_le64(in);

		if (minute != INT64_MIN && (minute < 0 || minute > UINT32_MAX))
			return NR_EDAMAGED;
		run->shards[s].minute = minute;
		int r = nr_saw_load(&run->shards[s].saw, in, n_sensors);

		for (size_t d = 0; d < run->n_detectors && r == 0; d++)
			r = nr_detectors[d]->load(run->shards[s].detectors[d], in);
		if (r < 0)
			return r;
	}
	return nr_reader_ok(in) ? 0 : NR_EDAMAGED;
}
