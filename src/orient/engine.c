/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 * 1. A shard's detectors are advanced to each new minute before they are fed what arrived in it. How blocks cut
 *    the input changes nothing.
 * 2. What a shard produces while block b is worked on waits in out[slot of b][shard]; block() empties it.
 *    At block() every shard has reached the block's watermark, so nothing that comes later belongs before.
 */
#include "orient/engine_int.h"

#include <stdlib.h>

enum { FLOWS_MAX = 1 << 30 };

static void outbox_done(struct outbox *box)
{
	nr_buf_done(&box->flows);
	nr_buf_done(&box->segments);
	nr_table_done(&box->sources);
	nr_table_done(&box->samples);
	nr_held_done(&box->findings);
}

static int outbox_init(struct outbox *box)
{
	nr_buf_init(&box->flows, FLOWS_MAX);
	nr_buf_init(&box->segments, FLOWS_MAX);
	int r = nr_table_init(&box->sources, sizeof(struct nr_source), NR_TABLE_MAX, NULL, NULL);

	if (r == 0)
		r = nr_held_init(&box->findings);
	if (r == 0)
		r = nr_table_init(&box->samples, sizeof(struct nr_sample), NR_TABLE_MAX, NULL,
				  NULL);
	return r;
}

struct nr_engine *nr_engine_free(struct nr_engine *engine)
{
	if (engine == NULL)
		return NULL;
	for (unsigned s = 0; s < NR_SHARDS; s++) {
		for (size_t d = 0; engine->shards[s].detectors != NULL && d < engine->n_detectors;
		     d++)
			nr_detectors[d]->close(engine->shards[s].detectors[d]);
		free(engine->shards[s].detectors);
		nr_samples_done(&engine->shards[s].samples);
	}
	for (unsigned i = 0; engine->out != NULL && i < engine->n_slots * NR_SHARDS; i++)
		outbox_done(&engine->out[i]);
	for (unsigned w = 0; engine->tallies != NULL && w < engine->opt.n_workers; w++)
		nr_tally_free(engine->tallies[w]);
	free(engine->out);
	free(engine->tallies);
	free(engine);
	return NULL;
}

/* ---- what detectors say ---- */

/* Samples may move or go before the source is printed: it takes copies along. */
static void hold_source(void *ctx, const struct nr_source *source)
{
	struct nr_engine_shard *shard = ctx;

	nr_engine_pass_source(shard, source);
	nr_tally_source(shard->engine->tallies[shard->worker], source);
	if (shard->engine->opt.out.source == NULL)
		return;
	struct nr_source *held = nr_table_append(&shard->outbox->sources);

	if (held == NULL)
		shard->outbox->err = -ENOMEM;
	else
		*held = nr_engine_with_samples(shard, source);
	for (unsigned i = 0; held != NULL && i < held->n_samples; i++) {
		struct nr_sample *copy = nr_table_append(&shard->outbox->samples);

		if (copy == NULL) {
			held->n_samples = (uint8_t)i;
			break;
		}
		*copy = *held->samples[i];
		held->samples[i] = copy;
	}
}

static void hold_finding(void *ctx, const struct nr_finding *finding)
{
	struct nr_engine_shard *shard = ctx;

	nr_require(finding->evidence_size > 0 || finding->n_evidence_fields == 0);
	int r = nr_held_add(&shard->outbox->findings, finding);

	if (r < 0)
		shard->outbox->err = r;
}

/* ---- construction ---- */

static int shard_open(struct nr_engine *engine, unsigned number)
{
	struct nr_engine_shard *shard = &engine->shards[number];

	shard->engine = engine;
	shard->number = number;
	shard->minute = INT64_MIN;
	shard->worker = number % engine->opt.n_workers;
	shard->sink = (struct nr_sink){ .ctx = shard,
					.source = hold_source,
					.finding = hold_finding,
					.detail = engine->opt.out.source != NULL };
	shard->detectors = calloc(engine->n_detectors, sizeof(shard->detectors[0]));
	if (shard->detectors == NULL || nr_samples_init(&shard->samples, &engine->opt.key) < 0)
		return -ENOMEM;
	for (size_t d = 0; d < engine->n_detectors; d++) {
		int r = nr_detectors[d]->open(&engine->env, &shard->detectors[d]);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Bytes of nr_flow4.marks by bits over enum nr_mark. */
static void marks_spread(uint16_t marks, uint64_t *ret_low, uint64_t *ret_high)
{
	uint8_t bytes[16] = { 0 };

	for (unsigned m = 0; m < NR_MARK_N; m++)
		bytes[m] = marks >> m & 1 ? 0xff : 0;
	memcpy(ret_low, bytes, 8);
	memcpy(ret_high, bytes + 8, 8);
}

/* How many there are, and what those that look at few look at. */
static void detectors_count(struct nr_engine *engine)
{
	uint16_t marks = 0;

	for (; nr_detectors[engine->n_detectors] != NULL; engine->n_detectors++) {
		const struct nr_detector *d = nr_detectors[engine->n_detectors];
		bool all = (d->classes | d->marks) == 0; /* it names none */

		engine->few_classes |= d->feed_packed != NULL ? 0 : all ? UINT32_MAX : d->classes;
		marks |= d->feed_packed != NULL ? 0 : d->marks;
	}
	marks_spread(marks, &engine->few_marks[0], &engine->few_marks[1]);
}

int nr_engine_new(const struct nr_engine_options *options, struct nr_engine **ret_engine)
{
	nr_auto(nr_engine) engine = calloc(1, sizeof(*engine));
	int r = 0;

	if (engine == NULL)
		return -ENOMEM;
	engine->opt = *options;
	engine->env = (struct nr_detect_env){
		.monitored_v4 = options->monitored_v4,
		.monitored_v6 = options->nets != NULL && options->nets->n_v6 > 0,
		.nets = options->nets,
		.prefixes = options->prefixes,
		.benign = options->benign,
		.key = options->key,
		.max_entries = options->max_entries != 0 ? options->max_entries : NR_ENGINE_ENTRIES,
	};
	detectors_count(engine);
	engine->n_slots = nr_pipeline_slots(options->n_workers);
	engine->out = calloc((size_t)engine->n_slots * NR_SHARDS, sizeof(engine->out[0]));
	engine->tallies = calloc(options->n_workers, sizeof(engine->tallies[0]));
	if (engine->out == NULL || engine->tallies == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < engine->n_slots * NR_SHARDS && r == 0; i++)
		r = outbox_init(&engine->out[i]);
	for (unsigned w = 0; w < options->n_workers && r == 0; w++)
		r = nr_tally_new(options->prefixes, &engine->tallies[w]);
	for (unsigned s = 0; s < NR_SHARDS && r == 0; s++)
		r = shard_open(engine, s);
	if (r < 0)
		return r;
	*ret_engine = NR_TAKE(engine);
	return 0;
}

/* ---- the consumer ---- */

static void detectors_advance(struct nr_engine_shard *shard, int64_t now)
{
	for (size_t d = 0; d < shard->engine->n_detectors; d++) {
		int r = nr_detectors[d]->advance(shard->detectors[d], now, &shard->sink);

		if (r < 0)
			shard->outbox->err = r;
	}
}

/*
 * Samples are forgotten at whole hours, after what ended until then: also when this shard had nothing to do at
 * that time, so that it does not matter who else shares its worker. After a day and an hour none is left.
 */
static void shard_advance(struct nr_engine_shard *shard, int64_t watermark)
{
	enum { HOUR = 3600, HOURS_MAX = 25 };
	int64_t minute = watermark - watermark % NR_FLOW_MINUTE, hour;

	if (watermark < shard->minute + NR_FLOW_MINUTE && shard->minute != INT64_MIN)
		return;
	hour = shard->minute == INT64_MIN ? INT64_MAX : shard->minute - shard->minute % HOUR + HOUR;
	for (unsigned n = 0; hour <= minute && n < HOURS_MAX; n++, hour += HOUR) {
		detectors_advance(shard, hour);
		nr_samples_advance(&shard->samples, hour);
	}
	shard->minute = minute;
	detectors_advance(shard, minute);
}

static struct nr_engine_shard *shard_at(struct nr_engine *engine,
					const struct nr_pipeline_place *where)
{
	struct nr_engine_shard *shard = &engine->shards[where->shard];

	shard->outbox = &engine->out[where->slot * NR_SHARDS + where->shard];
	shard->worker = where->worker;
	return shard;
}

static void flows_hold(struct outbox *box, int64_t watermark, const struct nr_observation *obs,
		       size_t n)
{
	struct segment segment = { .watermark = watermark, .at = box->flows.n / sizeof(*obs) };

	for (size_t i = 0; i < n; i++) {
		if (obs[i].flags & NR_OBS_MIRROR)
			continue;
		nr_buf_add(&box->flows, &obs[i], sizeof(*obs));
		segment.n++;
	}
	if (segment.n > 0) /* else all were copies */
		nr_buf_add(&box->segments, &segment, sizeof(segment));
}

static void on_batch(void *ctx, const struct nr_pipeline_place *where,
		     const struct nr_observation *obs, size_t n)
{
	struct nr_engine *engine = ctx;
	struct nr_engine_shard *shard = shard_at(engine, where);

	shard_advance(shard, where->watermark);
	for (size_t d = 0; d < engine->n_detectors; d++) {
		int r = nr_detectors[d]->feed(shard->detectors[d], obs, n);

		if (r < 0)
			shard->outbox->err = r;
	}
	nr_tally_feed(engine->tallies[where->worker], obs, n);
	if (engine->opt.out.flows != NULL)
		flows_hold(shard->outbox, where->watermark, obs, n);
}

static void flows_hold_packed(struct outbox *box, int64_t watermark, const struct nr_flow4 *flows,
			      size_t n)
{
	struct segment segment = { .watermark = watermark,
				   .at = box->flows.n / sizeof(struct nr_observation) };
	struct nr_observation obs;

	for (size_t i = 0; i < n; i++) {
		if (flows[i].ports & NR_FLOW4_MIRROR)
			continue;
		nr_flow4_expand(&flows[i], &obs);
		nr_buf_add(&box->flows, &obs, sizeof(obs));
		segment.n++;
	}
	if (segment.n > 0)
		nr_buf_add(&box->segments, &segment, sizeof(segment));
}

/* Detectors that look at few: those they look at, as observations. */
static int feed_few(struct nr_engine_shard *shard, const struct nr_flow4 *flows, size_t n)
{
	enum { FEW = 64 };
	const struct nr_engine *engine = shard->engine;
	NR_UNINITIALIZED struct nr_observation obs[FEW];
	int err = 0;

	for (size_t at = 0; at < n;) {
		size_t k = 0;

		for (; at < n && k < FEW; at++) {
			const struct nr_flow4 *e = &flows[at];
			uint64_t low;
			uint32_t high;

			memcpy(&low, e->marks,
			       8); /* of a quote: bytes of it, at worst one too many */
			memcpy(&high, e->marks + 8, 4);
			if (((low & engine->few_marks[0]) | (high & engine->few_marks[1]) |
			     (engine->few_classes >> (e->ports >> 16 & 15) & 1)) != 0)
				nr_flow4_expand(e, &obs[k++]);
		}
		for (size_t d = 0; d < engine->n_detectors && k > 0; d++) {
			int r = nr_detectors[d]->feed_packed == NULL
					? nr_detectors[d]->feed(shard->detectors[d], obs, k)
					: 0;

			err = r < 0 ? r : err;
		}
	}
	return err;
}

static void on_packed(void *ctx, const struct nr_pipeline_place *where,
		      const struct nr_flow4 *flows, size_t n)
{
	struct nr_engine *engine = ctx;
	struct nr_engine_shard *shard = shard_at(engine, where);

	shard_advance(shard, where->watermark);
	for (size_t d = 0; d < engine->n_detectors; d++) {
		int r = nr_detectors[d]->feed_packed != NULL
				? nr_detectors[d]->feed_packed(shard->detectors[d], flows, n)
				: 0;

		if (r < 0)
			shard->outbox->err = r;
	}
	int r = feed_few(shard, flows, n);

	if (r < 0)
		shard->outbox->err = r;
	nr_tally_feed_packed(engine->tallies[where->worker], flows, n);
	if (engine->opt.out.flows != NULL)
		flows_hold_packed(shard->outbox, where->watermark, flows, n);
}

static void on_sample(void *ctx, const struct nr_pipeline_place *where,
		      const struct nr_sample *sample)
{
	struct nr_engine *engine = ctx;

	nr_samples_add(&engine->shards[where->shard].samples, sample);
}

static void on_advance(void *ctx, const struct nr_pipeline_place *where)
{
	struct nr_engine *engine = ctx;

	shard_advance(shard_at(engine, where), where->watermark);
}

struct nr_pipeline_consumer nr_engine_consumer(struct nr_engine *engine)
{
	return (struct nr_pipeline_consumer){ .ctx = engine,
					      .batch = on_batch,
					      .sample = engine->opt.out.source != NULL ? on_sample
										       : NULL,
					      .advance = on_advance,
					      .block = nr_engine_block };
}

struct nr_pipeline_consumer nr_engine_consumer_packed(struct nr_engine *engine)
{
	struct nr_pipeline_consumer consumer = nr_engine_consumer(engine);

	consumer.packed = on_packed;
	return consumer;
}

const struct nr_tally *nr_engine_tally(const struct nr_engine *engine)
{
	return engine->tallies[0];
}

void nr_engine_levels(const struct nr_engine *engine, uint64_t ret_levels[NR_LEVEL_N])
{
	memcpy(ret_levels, engine->levels, sizeof(engine->levels));
}

uint64_t nr_engine_findings(const struct nr_engine *engine)
{
	return engine->n_findings;
}

uint64_t nr_engine_refused(const struct nr_engine *engine)
{
	uint64_t n = 0;

	for (unsigned s = 0; s < NR_SHARDS; s++)
		for (size_t d = 0; d < engine->n_detectors; d++)
			n += nr_detectors[d]->refused(engine->shards[s].detectors[d]);
	return n;
}

int nr_engine_save(struct nr_engine *engine, struct nr_buf *out)
{
	for (unsigned w = 1; w < engine->opt.n_workers; w++) {
		nr_tally_merge(engine->tallies[0], engine->tallies[w]);
		engine->tallies[w] = nr_tally_free(engine->tallies[w]);
		int r = nr_tally_new(engine->opt.prefixes, &engine->tallies[w]);

		if (r < 0)
			return r;
	}
	nr_tally_save(engine->tallies[0], out);
	nr_write_le64(out, engine->n_findings);
	for (unsigned s = 0; s < NR_SHARDS; s++) {
		nr_write_le64(out, (uint64_t)engine->shards[s].minute);
		nr_samples_save(&engine->shards[s].samples, out);
		for (size_t d = 0; d < engine->n_detectors; d++) {
			int r = nr_detectors[d]->save(engine->shards[s].detectors[d], out);

			if (r < 0)
				return r;
		}
	}
	return out->err;
}

int nr_engine_load(struct nr_engine *engine, struct nr_reader *in)
{
	int r = nr_tally_load(engine->tallies[0], in);

	engine->n_findings = nr_read_le64(in);
	for (unsigned s = 0; s < NR_SHARDS && r == 0; s++) {
		engine->shards[s].minute = (int64_t)nr_read_le64(in);
		r = nr_samples_load(&engine->shards[s].samples, in);
		for (size_t d = 0; d < engine->n_detectors && r == 0; d++)
			r = nr_detectors[d]->load(engine->shards[s].detectors[d], in);
	}
	return r < 0 ? r : nr_reader_ok(in) ? 0 : NR_EDAMAGED;
}
