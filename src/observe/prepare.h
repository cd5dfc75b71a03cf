/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * prepare: one block of frames -> dissected packets in shard order, every frame accounted for.
 *
 * Shape   steps[start[w] .. start[w + 1]) are the packets for worker w (shard % n_workers == w) in capture
 *         order. A packet that quotes another (ICMP error) stands a second time, as a mirror, in the
 *         shard of the quoted destination unless that is its source too.
 *         The watermark of a packet is the newest second of the whole capture when it was read. A time
 *         more than a day ahead moves it only when the next packet agrees.
 */
#include "observe/capture/capture.h"
#include "observe/capture/filter.h"
#include "observe/dissect/dissect.h"
#include "observe/flow/flow.h"
#include "observe/nets.h"
#include "record/shard.h"

enum { NR_TIME_JUMP_S = 86400 };

struct nr_pipeline_counts {
	uint64_t received, bytes, classified, classified_bytes;
	uint64_t dropped[NR_OUTCOME_N]; /* [NR_OUTCOME_OK] stays 0 */
	uint64_t anomalies[NR_ANOMALY_N];
	uint64_t tunnels[NR_TUNNEL_N];
	uint64_t classes[NR_CLASS_N];
	uint64_t protocols[256]; /* of classified packets */
	uint64_t links[512];	 /* frames by link type; [511]: all above */
	int64_t first, last;	 /* capture time of classified packets, ns; first > last: none */
};

struct nr_watermark {
	int64_t tick;	 /* INT64_MIN: none yet */
	int64_t pending; /* a jump that waits for agreement; INT64_MIN: none */
};

struct nr_prepared {
	/* IPv4 packets, ready for the flow table; packets 0: IPv6, in `packets` alone */
	_Alignas(64) struct nr_flow4 entries[NR_CAPTURE_BLOCK_FRAMES];
	/* those that took the general way: IPv6, a payload, anything odd; not `fast` in the rules: all */
	struct nr_packet packets[NR_CAPTURE_BLOCK_FRAMES];
	int64_t watermarks[NR_CAPTURE_BLOCK_FRAMES];
	int64_t ticks[NR_CAPTURE_BLOCK_FRAMES]; /* seconds of the frames */
	struct nr_flow_step steps[2 * NR_CAPTURE_BLOCK_FRAMES];
	uint32_t start[NR_SHARDS + 1];
	int64_t watermark; /* after the block */
};

struct nr_prepare_rules {
	const struct nr_nets *nets;	/* NULL: every destination counts */
	const struct nr_filter *filter; /* NULL: none */
	int64_t since, until;		/* ns */
	unsigned n_workers;
	bool fast; /* frames that observe/fast.h covers leave no struct nr_packet */
};

/** Sequential part: fill watermarks[] of @p block and move @p mark. */
void nr_prepare_watermarks(struct nr_watermark *mark, const struct nr_block *block,
			   struct nr_prepared *prepared);
/** The rest; blocks may be prepared in any order and in parallel. */
void nr_prepare(const struct nr_prepare_rules *rules, const struct nr_block *block,
		struct nr_prepared *prepared, struct nr_pipeline_counts *counts);
void nr_prepare_counts_add(struct nr_pipeline_counts *into, const struct nr_pipeline_counts *from);
