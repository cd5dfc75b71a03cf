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
