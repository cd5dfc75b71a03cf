/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves the engine after each block, in an order that the input alone decides. */
#include <stdlib.h>

#include "orient/engine_int.h"

void nr_engine_pass_source(struct nr_engine_shard *shard, const struct nr_source *source)
{
	for (size_t d = 0; d < shard->engine->n_detectors; d++) {
		if (nr_detectors[d]->source == NULL)
			continue;
		int r = nr_detectors[d]->source(shard->detectors[d], source);

		if (r < 0)
			shard->engine->err = r;
	}
}

struct nr_source nr_engine_with_samples(const struct nr_engine_shard *shard,
					const struct nr_source *source)
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

struct leaving {
	struct nr_engine *engine;
	struct outbox *boxes;
};

static const struct nr_table *sources_of(void *ctx, unsigned shard)
{
	return &((struct leaving *)ctx)->boxes[shard].sources;
}

static const struct nr_table *findings_of(void *ctx, unsigned shard)
{
	return &((struct leaving *)ctx)->boxes[shard].findings;
}

static int source_out(void *ctx, void *record)
{
	const struct nr_engine_out *out = &((struct leaving *)ctx)->engine->opt.out;

	return out->source(out->ctx, record);
}

static int finding_out(void *ctx, void *record)
{
	struct nr_engine *engine = ((struct leaving *)ctx)->engine;
	const struct nr_engine_out *out = &engine->opt.out;

	engine->n_findings++;
	return out->finding != NULL ? out->finding(out->ctx, record) : 0;
}

static int records_out(struct nr_engine *engine, struct outbox *boxes, bool findings)
{
	struct leaving leaving = { engine, boxes };
	struct nr_held_out how = { .ctx = &leaving,
				   .table = findings ? findings_of : sources_of,
				   .out = findings ? finding_out : source_out,
				   .findings = findings };

	return nr_held_out(&how);
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
		nr_held_clear(&box->findings);
		if (box->sources.n > 0)
			nr_table_clear(&box->sources);
		if (box->samples.n > 0)
			nr_table_clear(&box->samples);
	}
	return err;
}

int nr_engine_block(void *ctx, unsigned slot, int64_t watermark)
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
