/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * engine_int: the shape of an engine, for engine.c (feeding), engine_out.c (what leaves it), engine_finish.c (the end).
 */
#include "orient/engine.h"
#include "orient/held.h"
#include "orient/samples.h"

struct segment {
	int64_t watermark;
	size_t at, n; /* observations in flows */
};

/* Output of one shard on its way out. */
struct outbox {
	struct nr_buf flows;		   /* struct nr_observation */
	struct nr_buf segments;		   /* struct segment */
	struct nr_table sources, findings; /* dense */
	struct nr_table samples;	   /* that the sources point to */
	int err;
};

struct nr_engine_shard {
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
	struct nr_engine_shard shards[NR_SHARDS];
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

/** infect.v1 and others take sources of scan.v1; subject and state are in the same shard. */
void nr_engine_pass_source(struct nr_engine_shard *shard, const struct nr_source *source);
/** @p source with the payloads that were kept of it. */
struct nr_source nr_engine_with_samples(const struct nr_engine_shard *shard,
					const struct nr_source *source);
/** Consumer's block(): everything in the outboxes of @p slot leaves the engine. */
int nr_engine_block(void *ctx, unsigned slot, int64_t watermark);
