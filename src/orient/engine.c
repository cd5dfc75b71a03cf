/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 * 1. A shard's detectors are advanced to each new minute before they are fed what arrived in it. How blocks cut
 *    the input changes nothing.
 * 2. What a shard produces while block b is worked on waits in out[slot of b][shard]; block() empties it.
 *    At block() every shard has reached the block's watermark, so nothing that comes later belongs before.
 */
#include "orient/engine.h"

#include <stdlib.h>

#include "orient/samples.h"

struct segment {
	int64_t watermark;
	size_t at, n; /* observations in flows */
};

struct held_finding {
	struct nr_finding finding;
	void *evidence; /* owned */
};

/* Output of one shard on its way out. */
struct outbox {
	struct nr_buf flows;		   /* struct nr_observation */
	struct nr_buf segments;		   /* struct segment */
	struct nr_table sources, findings; /* dense */
	struct nr_table samples;	   /* that the sources point to */
	int err;
};

struct shard {
	struct nr_engine *engine;
	unsigned number;
	int64_t minute;	       /* s; what is queued arrived in it */
	struct outbox *outbox; /* of the slot at work */
	unsigned worker;
	void **detectors;
	struct nr_samples samples;
	struct nr_sink sink;
};

struct nr_engine {
	struct nr_engine_options opt;
	struct nr_detect_env env;
	size_t n_detectors;
	unsigned n_slots;
	struct shard shards[NR_SHARDS];
	struct outbox *out;	   /* n_slots x NR_SHARDS */
	struct nr_tally **tallies; /* one a worker */
	uint64_t levels[NR_LEVEL_N];
	uint64_t n_findings;
	bool finishing;
	int err;
	uint64_t few_marks
		[2]; /* what detectors without feed_packed() look at: bytes of nr_flow4.marks */
	uint32_t few_classes;
};

enum { FLOWS_MAX = 1 << 30 };

static void outbox_done(struct outbox *box)
{
	nr_buf_done(&box->flows);
	nr_buf_done(&box->segments);
	for (uint32_t i = 0; i < box->findings.n; i++)
		free(((struct held_finding *)nr_table_at(&box->findings, i))->evidence);
	nr_table_done(&box->sources);
	nr_table_done(&box->samples);
	nr_table_done(&box->findings);
}

static int outbox_init(struct outbox *box)
{
	nr_buf_init(&box->flows, FLOWS_MAX);
	nr_buf_init(&box->segments, FLOWS_MAX);
	int r = nr_table_init(&box->sources, sizeof(struct nr_source), NR_TABLE_MAX, NULL, NULL);

	if (r == 0)
		r = nr_table_init(&box->findings, sizeof(struct held_finding), NR_TABLE_MAX, NULL,
				  NULL);
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

/* infect.v1 and others take sources of scan.v1; subject and state are in the same shard. */
static void pass_source(struct shard *shard, const struct nr_source *source)
{
	for (size_t d = 0; d < shard->engine->n_detectors; d++) {
		if (nr_detectors[d]->source == NULL)
			continue;
		int r = nr_detectors[d]->source(shard->detectors[d], source);

		if (r < 0)
			shard->engine->err = r;
	}
}

/* @p source with the payloads that were kept of it. */
static struct nr_source with_samples(const struct shard *shard, const struct nr_source *source)
{
	struct nr_source full = *source;

	for (unsigned p = 0; p < full.n_ports && full.n_samples < NR_SOURCE_SAMPLES; p++) {
		const struct nr_sample *sample = nr_samples_find(&shard->samples, full.src,
								 full.ports[p].proto,
								 full.ports[p].port);

		if (sample != NULL)
			full.samples[full.n_samples++] = sample;
	}
	return full;
}

/* Samples may move or go before the source is printed: it takes copies along. */
static void hold_source(void *ctx, const struct nr_source *source)
{
	struct shard *shard = ctx;

	pass_source(shard, source);
	nr_tally_source(shard->engine->tallies[shard->worker], source);
	if (shard->engine->opt.out.source == NULL)
		return;
	struct nr_source *held = nr_table_append(&shard->outbox->sources);

	if (held == NULL)
		shard->outbox->err = -ENOMEM;
	else
		*held = with_samples(shard, source);
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
	struct shard *shard = ctx;
	struct held_finding *held = nr_table_append(&shard->outbox->findings);

	nr_require(finding->evidence_size > 0 || finding->n_evidence_fields == 0);
	if (held == NULL || (held->evidence = malloc(finding->evidence_size + 1)) == NULL) {
		shard->outbox->err = -ENOMEM;
		return;
	}
	memcpy(held->evidence, finding->evidence, finding->evidence_size);
	held->finding = *finding;
	held->finding.evidence = held->evidence;
}

/* ---- construction ---- */

static int shard_open(struct nr_engine *engine, unsigned number)
{
	struct shard *shard = &engine->shards[number];

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
	uint16_t marks = 0;

	for (; nr_detectors[engine->n_detectors] != NULL; engine->n_detectors++) {
		const struct nr_detector *d = nr_detectors[engine->n_detectors];
		bool all = (d->classes | d->marks) == 0; /* it names none */

		engine->few_classes |= d->feed_packed != NULL ? 0 : all ? UINT32_MAX : d->classes;
		marks |= d->feed_packed != NULL ? 0 : d->marks;
	}
	marks_spread(marks, &engine->few_marks[0], &engine->few_marks[1]);
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

static void detectors_advance(struct shard *shard, int64_t now)
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
static void shard_advance(struct shard *shard, int64_t watermark)
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

static struct shard *shard_at(struct nr_engine *engine, const struct nr_pipeline_place *where)
{
	struct shard *shard = &engine->shards[where->shard];

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
	struct shard *shard = shard_at(engine, where);

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
static int feed_few(struct shard *shard, const struct nr_flow4 *flows, size_t n)
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
	struct shard *shard = shard_at(engine, where);

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

/* Flows of all shards, by watermark, then shard. */
static int flows_out(struct nr_engine *engine, struct outbox *boxes)
{
	size_t next[NR_SHARDS] = { 0 };

	for (;;) {
		int64_t watermark = INT64_MAX;

		for (unsigned s = 0; s < NR_SHARDS; s++) {
			const struct segment *seg = (const struct segment *)boxes[s].segments.p;

			if (next[s] < boxes[s].segments.n / sizeof(*seg) &&
			    seg[next[s]].watermark < watermark)
				watermark = seg[next[s]].watermark;
		}
		if (watermark == INT64_MAX)
			return 0;
		for (unsigned s = 0; s < NR_SHARDS; s++) {
			const struct segment *seg = (const struct segment *)boxes[s].segments.p;
			const struct nr_observation *obs =
				(const struct nr_observation *)boxes[s].flows.p;

			for (; next[s] < boxes[s].segments.n / sizeof(*seg) &&
			       seg[next[s]].watermark == watermark;
			     next[s]++) {
				int r = engine->opt.out.flows(engine->opt.out.ctx,
							      obs + seg[next[s]].at,
							      seg[next[s]].n);

				if (r < 0)
					return r;
			}
		}
	}
}

struct ordered {
	int64_t last;
	uint32_t shard, number;
	void *record;
};

static int by_last(const void *va, const void *vb)
{
	const struct ordered *a = va, *b = vb;

	if (a->last != b->last)
		return a->last < b->last ? -1 : 1;
	if (a->shard != b->shard)
		return a->shard < b->shard ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static size_t count_records(struct outbox *boxes, bool findings)
{
	size_t n = 0;

	for (unsigned s = 0; s < NR_SHARDS; s++)
		n += findings ? boxes[s].findings.n : boxes[s].sources.n;
	return n;
}

static int record_out(struct nr_engine *engine, void *record, bool finding)
{
	const struct nr_engine_out *out = &engine->opt.out;

	if (!finding)
		return out->source(out->ctx, record);
	engine->n_findings++;
	return out->finding != NULL
		       ? out->finding(out->ctx, &((struct held_finding *)record)->finding)
		       : 0;
}

static int records_out(struct nr_engine *engine, struct outbox *boxes, bool findings)
{
	size_t n = count_records(boxes, findings), k = 0;
	int r = 0;

	if (n == 0)
		return 0;
	struct ordered *list = calloc(n, sizeof(list[0]));

	if (list == NULL)
		return -ENOMEM;
	for (unsigned s = 0; s < NR_SHARDS; s++) {
		struct nr_table *table = findings ? &boxes[s].findings : &boxes[s].sources;

		for (uint32_t i = 0; i < table->n; i++) {
			void *record = nr_table_at(table, i);
			int64_t last = findings ? ((struct held_finding *)record)->finding.last.ns
						: ((struct nr_source *)record)->last.ns;

			list[k++] = (struct ordered){ last, s, i, record };
		}
	}
	qsort(list, n, sizeof(list[0]), by_last);
	for (size_t i = 0; i < n && r == 0; i++)
		r = record_out(engine, list[i].record, findings);
	free(list);
	return r;
}

static int boxes_empty(struct outbox *boxes)
{
	int err = 0;

	for (unsigned s = 0; s < NR_SHARDS; s++) {
		struct outbox *box = &boxes[s];

		err = box->err < 0 ? box->err : err;
		err = box->flows.err < 0 ? box->flows.err : err;
		nr_buf_reset(&box->flows);
		nr_buf_reset(&box->segments);
		for (uint32_t i = 0; i < box->findings.n; i++)
			free(((struct held_finding *)nr_table_at(&box->findings, i))->evidence);
		if (box->findings.n > 0)
			nr_table_clear(&box->findings);
		if (box->sources.n > 0)
			nr_table_clear(&box->sources);
		if (box->samples.n > 0)
			nr_table_clear(&box->samples);
	}
	return err;
}

static int on_block(void *ctx, unsigned slot, int64_t watermark)
{
	struct nr_engine *engine = ctx;
	struct outbox *boxes = &engine->out[slot * NR_SHARDS];
	int r = 0;

	(void)watermark;
	if (engine->opt.out.flows != NULL)
		r = flows_out(engine, boxes);
	if (r == 0 && engine->opt.out.source != NULL)
		r = records_out(engine, boxes, false);
	if (r == 0)
		r = records_out(engine, boxes, true);
	int err = boxes_empty(boxes);

	return r < 0 ? r : err;
}

struct nr_pipeline_consumer nr_engine_consumer(struct nr_engine *engine)
{
	return (struct nr_pipeline_consumer){ .ctx = engine,
					      .batch = on_batch,
					      .sample = engine->opt.out.source != NULL ? on_sample
										       : NULL,
					      .advance = on_advance,
					      .block = on_block };
}

struct nr_pipeline_consumer nr_engine_consumer_packed(struct nr_engine *engine)
{
	struct nr_pipeline_consumer consumer = nr_engine_consumer(engine);

	consumer.packed = on_packed;
	return consumer;
}

/* ---- the end ---- */

static void finish_source(void *ctx, const struct nr_source *source)
{
	struct nr_engine *engine = ctx;

	pass_source(&engine->shards[nr_shard_of(source->src)], source);
	nr_tally_source(engine->tallies[0], source);
	if (engine->opt.out.source == NULL || engine->err != 0)
		return;
	struct nr_source full = with_samples(&engine->shards[nr_shard_of(source->src)], source);

	engine->err = engine->opt.out.source(engine->opt.out.ctx, &full);
}

static void finish_finding(void *ctx, const struct nr_finding *finding)
{
	struct nr_engine *engine = ctx;

	engine->n_findings++;
	if (engine->opt.out.finding != NULL && engine->err == 0)
		engine->err = engine->opt.out.finding(engine->opt.out.ctx, finding);
}

int nr_engine_finish(struct nr_engine *engine, int64_t now)
{
	struct nr_sink sink = { .ctx = engine,
				.source = finish_source,
				.finding = finish_finding,
				.detail = engine->opt.out.source != NULL,
				.n_levels = engine->levels };
	void *shards[NR_SHARDS];
	int r = on_block(engine, 0, now); /* what drain() left in the outboxes */
	for (unsigned w = 1; w < engine->opt.n_workers; w++)
		nr_tally_merge(engine->tallies[0], engine->tallies[w]);
	for (size_t d = 0; d < engine->n_detectors && r == 0; d++) {
		for (unsigned s = 0; s < NR_SHARDS; s++)
			shards[s] = engine->shards[s].detectors[d];
		r = nr_detectors[d]->finish(shards, NR_SHARDS, now, &sink);
	}
	return r < 0 ? r : engine->err;
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
