/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * engine: observations -> sources and findings; all detectors over the fixed shards, and what they report.
 *
 * In       observations of the pipeline (or, on a hub, of batches), shard by shard
 * Out      flows, sources and findings to an nr_engine_out, in an order that the input alone decides:
 *          flows by second of arrival and shard, what ended by its last packet and shard
 * Threads  as the pipeline's consumer: shards part the state, slots part what is on its way out
 * Cost     see docs/bench.md
 */
#include "observe/pipeline.h"
#include "orient/detect/detect.h"
#include "orient/tally.h"

enum { NR_LEVEL_N = 4 };

/** Called from one thread at a time; a negative return ends the run. Members may be NULL. */
struct nr_engine_out {
	void *ctx;
	int (*flows)(void *ctx, const struct nr_observation *obs, size_t n);
	int (*source)(void *ctx, const struct nr_source *source);
	int (*finding)(void *ctx, const struct nr_finding *finding);
};

struct nr_engine_options {
	const struct nr_nets *nets;	      /* NULL: unknown */
	uint64_t monitored_v4;		      /* N */
	const struct nr_prefixes *prefixes;   /* may be NULL */
	const struct nr_benign_lists *benign; /* may be NULL */
	unsigned n_workers;
	size_t max_entries; /* per shard and table; 0: NR_ENGINE_ENTRIES */
	struct nr_hash_key key;
	struct nr_engine_out out;
};

enum { NR_ENGINE_ENTRIES = 1 << 19 };

struct nr_engine;

NR_MUST_CHECK int nr_engine_new(const struct nr_engine_options *options,
				struct nr_engine **ret_engine);
struct nr_engine *nr_engine_free(struct nr_engine *engine);
static inline void nr_engine_autofree(struct nr_engine **e)
{
	nr_engine_free(*e);
}
/** What to give the pipeline, or whoever makes observations: everything comes by batch(). */
struct nr_pipeline_consumer nr_engine_consumer(struct nr_engine *engine);
/** The same with packed(), for a pipeline that nobody stands in front of: faster. */
struct nr_pipeline_consumer nr_engine_consumer_packed(struct nr_engine *engine);
/**
 * Emit what stands at the end of the input: sources that have not ended, findings that continue. Once, after
 * nr_pipeline_drain(); the engine takes no more observations then.
 */
NR_MUST_CHECK int nr_engine_finish(struct nr_engine *engine, int64_t now);
/** After finish. */
const struct nr_tally *nr_engine_tally(const struct nr_engine *engine);
void nr_engine_levels(const struct nr_engine *engine, uint64_t ret_levels[NR_LEVEL_N]);
uint64_t nr_engine_findings(const struct nr_engine *engine);
/** Entries refused at caps, over all tables. */
uint64_t nr_engine_refused(const struct nr_engine *engine);

/** Snapshot between two packets: before nr_pipeline_drain(). */
NR_MUST_CHECK int nr_engine_save(struct nr_engine *engine, struct nr_buf *out);
NR_MUST_CHECK int nr_engine_load(struct nr_engine *engine, struct nr_reader *in);

/* ---- the whole run: captures in, results out ---- */

struct nr_observe_options {
	struct nr_capture *const *captures; /* borrowed */
	size_t n_captures;
	const struct nr_nets *nets; /* NULL: unknown; then every destination counts and N is 0 */
	const struct nr_prefixes *prefixes;
	const struct nr_benign_lists *benign;
	const struct nr_filter *filter;
	unsigned n_threads;
	struct nr_time since, until; /* ns 0, INT64_MAX: open */
	uint64_t max_packets;
	size_t max_entries;
	bool live;
	const struct nr_hash_key *key; /* NULL: random */
	struct nr_engine_out out;
	void (*progress)(void *ctx, uint64_t packets);
	void *progress_ctx;
	struct nr_bytes state_in; /* snapshot to go on from; n == 0: none */
	struct nr_buf *state_out; /* snapshot to leave; NULL: none */
};

struct nr_observe_result {
	struct nr_pipeline_counts counts;
	uint64_t flows, findings, refused;
	uint64_t levels[NR_LEVEL_N];
	uint64_t monitored_v4;
	struct nr_engine *engine; /* owned; holds the tally: nr_observe_result_done() */
};

/**
 * @return 0; NR_EDAMAGED: a file was damaged, the result holds everything else; other codes: no result, except
 * that *ret_result may be passed to nr_observe_result_done() always
 */
NR_MUST_CHECK int nr_observe_run(const struct nr_observe_options *options,
				 struct nr_observe_result *ret_result, struct nr_err *reterr);
void nr_observe_result_done(struct nr_observe_result *result);
