/* SPDX-License-Identifier: Apache-2.0 */
/* The end of the input: what is still open is handed over, on all threads where nobody asks for an order of sources. */
#include <pthread.h>

#include "orient/engine_int.h"

/* On the thread of the shard, when there are several: see finish_parallel(). */
static void finish_source(void *ctx, const struct nr_source *source)
{
	struct nr_engine *engine = ctx;
	unsigned shard = nr_shard_of(source->src);

	nr_engine_pass_source(&engine->shards[shard], source);
	nr_tally_source(engine->tallies[shard % engine->opt.n_workers], source);
	if (engine->opt.out.source == NULL || engine->err != 0)
		return;
	struct nr_source full = nr_engine_with_samples(&engine->shards[shard], source);

	engine->err = engine->opt.out.source(engine->opt.out.ctx, &full);
}

static void finish_finding(void *ctx, const struct nr_finding *finding)
{
	struct nr_engine *engine = ctx;

	engine->n_findings++;
	if (engine->opt.out.finding != NULL && engine->err == 0)
		engine->err = engine->opt.out.finding(engine->opt.out.ctx, finding);
}

struct finish_worker {
	void (*job)(void *job_ctx, unsigned part);
	void *job_ctx;
	unsigned number, n_workers, n_parts;
	pthread_t thread;
	bool started;
};

static void *finish_work(void *arg)
{
	const struct finish_worker *w = arg;

	for (unsigned part = w->number; part < w->n_parts; part += w->n_workers)
		w->job(w->job_ctx, part);
	return NULL;
}

/* Part p on thread p % n_workers, so that a tally is met by one of them; what cannot start is done here. */
static void finish_parallel(void *ctx, void (*job)(void *job_ctx, unsigned part), void *job_ctx,
			    unsigned n_parts)
{
	const struct nr_engine *engine = ctx;
	struct finish_worker workers[NR_PIPELINE_WORKERS_MAX];
	unsigned n = engine->opt.n_workers;

	for (unsigned w = 0; w < n; w++) {
		workers[w] = (struct finish_worker){ .job = job,
						     .job_ctx = job_ctx,
						     .number = w,
						     .n_workers = n,
						     .n_parts = n_parts };
		workers[w].started = w > 0 && pthread_create(&workers[w].thread, NULL, finish_work,
							     &workers[w]) == 0;
	}
	for (unsigned w = 0; w < n; w++)
		if (!workers[w].started)
			finish_work(&workers[w]);
	for (unsigned w = 0; w < n; w++)
		if (workers[w].started)
			pthread_join(workers[w].thread, NULL);
}

int nr_engine_finish(struct nr_engine *engine, int64_t now)
{
	/* who wants the sources gets them in order */
	bool parallel = engine->opt.n_workers > 1 && engine->opt.out.source == NULL;
	struct nr_sink sink = { .ctx = engine,
				.source = finish_source,
				.finding = finish_finding,
				.detail = engine->opt.out.source != NULL,
				.n_levels = engine->levels,
				.parallel = parallel ? finish_parallel : NULL };
	void *shards[NR_SHARDS];
	int r = nr_engine_block(engine, 0, now); /* what drain() left in the outboxes */
	for (size_t d = 0; d < engine->n_detectors && r == 0; d++) {
		for (unsigned s = 0; s < NR_SHARDS; s++)
			shards[s] = engine->shards[s].detectors[d];
		r = nr_detectors[d]->finish(shards, NR_SHARDS, now, &sink);
	}
	for (unsigned w = 1; w < engine->opt.n_workers; w++)
		nr_tally_merge(engine->tallies[0], engine->tallies[w]);
	return r < 0 ? r : engine->err;
}
