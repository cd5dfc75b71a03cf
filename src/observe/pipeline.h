/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * pipeline: capture -> dissect -> classify -> flow, over n threads, the same result for any n.
 *
 * Shape    blocks are read one after the other; any worker dissects a block; then every worker takes the
 *          packets of its own shards (shard % n_workers) from the blocks in order. What a shard
 *          sees is the packets of the file in file order, whoever carries them.
 *          When all shards are done with a block the consumer's block() is called, in order of blocks.
 * Threads  consumer callbacks batch() and advance() run on the worker that owns the shard; block() runs on
 *          one worker at a time while others may already be at the next block, so results between
 *          them travel in memory per `slot` (0 .. nr_pipeline_slots()-1).
 * Accounts received = classified + sum of dropped, checked at the end (nr_require).
 */
#include "observe/flow/flow.h"
#include "observe/prepare.h"
#include "record/sample.h"

enum { NR_PIPELINE_WORKERS_MAX = NR_SHARDS };

struct nr_pipeline_place {
	unsigned worker, slot, shard;
	int64_t watermark; /* s */
};

struct nr_pipeline_consumer {
	void *ctx;
	/** Observations of one shard that arrived under watermark where->watermark. */
	void (*batch)(void *ctx, const struct nr_pipeline_place *where,
		      const struct nr_observation *obs, size_t n);
	/** IPv4 of the same in the packed form; NULL: they go to batch(). */
	void (*packed)(void *ctx, const struct nr_pipeline_place *where,
		       const struct nr_flow4 *flows, size_t n);
	/** First bytes of each packet with payload; the place has shard and worker only. NULL: not wanted. */
	void (*sample)(void *ctx, const struct nr_pipeline_place *where,
		       const struct nr_sample *sample);
	/** All observations of this shard that arrived under older watermarks were handed over. */
	void (*advance)(void *ctx, const struct nr_pipeline_place *where);
	/** All shards advanced to @p watermark; @return 0, or a negative code that ends the run. */
	int (*block)(void *ctx, unsigned slot, int64_t watermark);
};

struct nr_pipeline_options {
	struct nr_capture *const *captures; /* borrowed; more than one only for live fanout */
	size_t n_captures;
	const struct nr_nets *nets; /* NULL: every destination counts as monitored */
	const struct nr_filter
		*filter; /* NULL: none; files only, live captures filter in the kernel */
	struct nr_time since, until; /* [since, until); ns 0 / INT64_MAX: open */
	uint64_t max_packets;	     /* stop after so many frames; 0: no limit */
	unsigned n_workers;
	uint32_t max_flows; /* a shard and second */
	bool eager;	    /* hand over each second as it closes, not in large batches */
	bool live;	    /* the wall clock moves the watermark too */
	struct nr_hash_key key;
	struct nr_pipeline_consumer consumer;
	void (*progress)(void *ctx,
			 uint64_t packets); /* about once a block, on any worker, serialised */
	void *progress_ctx;
};

struct nr_pipeline;

NR_MUST_CHECK int nr_pipeline_new(const struct nr_pipeline_options *options,
				  struct nr_pipeline **ret_pipeline);
struct nr_pipeline *nr_pipeline_free(struct nr_pipeline *pipeline);
static inline void nr_pipeline_autofree(struct nr_pipeline **p)
{
	nr_pipeline_free(*p);
}
unsigned nr_pipeline_slots(unsigned n_workers);

/**
 * Run to the end of the input. @return 0; NR_EDAMAGED when any file was damaged (everything before the damage and
 * all other files were processed; @p reterr names the first); another negative code when it had to stop.
 */
NR_MUST_CHECK int nr_pipeline_run(struct nr_pipeline *pipeline, struct nr_err *reterr);
/** Hand over the open second of every shard and advance the consumer to @p watermark; after run(). */
void nr_pipeline_drain(struct nr_pipeline *pipeline);
int64_t nr_pipeline_watermark(const struct nr_pipeline *pipeline);
void nr_pipeline_counts(const struct nr_pipeline *pipeline, struct nr_pipeline_counts *ret_counts);
uint64_t nr_pipeline_flows(const struct nr_pipeline *pipeline);

void nr_pipeline_save(const struct nr_pipeline *pipeline, struct nr_buf *out);
NR_MUST_CHECK int nr_pipeline_load(struct nr_pipeline *pipeline, struct nr_reader *in);
