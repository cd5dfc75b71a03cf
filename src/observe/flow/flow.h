/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * flow: packets -> observations; one table of the current second for each shard.
 *
 * In       dissected packets in arrival order, each with the watermark: the newest second of the whole
 *          input when that packet was read (capture order, computed before shards part)
 * Out      observations, in order of first packet, when the watermark moves
 * Shape    the table holds only what arrived under the current watermark; a packet with a newer
 *          watermark closes it first. What is closed is handed over at once (eager), or when 1,024
 *          of the shard wait or the minute changes, so that what follows works on one shard at a
 *          time. Output depends on the sequence of packets alone: not on threads, blocks, or when
 *          nr_flow_advance() happens to be called. A packet older than the watermark makes an
 *          observation of its own second, flagged NR_OBS_LATE.
 * Cost     64 bytes a live IPv4 flow, 112 IPv6, + 5 to 11 bytes of index
 * Limits   max_flows a shard and second; beyond it packets are counted in n_refused
 * Threads  one at a time
 */
#include "base/cursor.h"
#include "base/hash.h"
#include "base/table.h"
#include "observe/flow/flow4.h"

enum { NR_FLOW_BATCH = 64, NR_FLOW_WAITING = 1024, NR_FLOW_MINUTE = 60 };

/** One packet to be fed: its place in the block and its shard. */
struct nr_flow_step {
	uint16_t packet;
	uint8_t shard;
	uint8_t mirror; /* feed the copy for the victim's shard */
};

/** Takes observations in batches of at most NR_FLOW_BATCH; borrowed for the call. */
struct nr_flow_out {
	void *ctx;
	/** @p watermark: under which they arrived; of lazy tables only the minute of it is right. */
	void (*batch)(void *ctx, unsigned shard, int64_t watermark,
		      const struct nr_observation *obs, size_t n);
	/** Takes IPv4 flows as they stand, at most NR_TABLE_CHUNK; NULL: they go to batch(). */
	void (*packed)(void *ctx, unsigned shard, int64_t watermark, const struct nr_flow4 *flows,
		       size_t n);
};

struct nr_flow {
	struct nr_table v4, v6;
	struct nr_pair pair;
	struct nr_hash_key key;
	int64_t watermark;
	bool eager;
	uint64_t n_flows;   /* observations made */
	uint64_t n_refused; /* packets without room */
	unsigned shard;
};

NR_MUST_CHECK int nr_flow_init(struct nr_flow *flow, unsigned shard, const struct nr_hash_key *key,
			       uint32_t max_flows);
void nr_flow_done(struct nr_flow *flow);

/** Packets of several shards, in arrival order: flows[step.shard] takes packets[step.packet]. */
void nr_flow_feed(struct nr_flow *flows, const struct nr_packet *packets, const int64_t *watermarks,
		  const struct nr_flow_step *steps, size_t n, const struct nr_flow_out *out);
/** Packets with their packed form, where packets != 0; others are IPv6 and looked at themselves. */
struct nr_flow_input {
	const struct nr_packet *packets;
	const struct nr_flow4 *entries;
	const int64_t *watermarks;
};
/** nr_flow_feed() for who has packed them: the fast way. */
void nr_flow_feed_packed(struct nr_flow *flows, const struct nr_flow_input *in,
			 const struct nr_flow_step *steps, size_t n, const struct nr_flow_out *out);
/** Empty the table if it holds what arrived under an older watermark. */
void nr_flow_advance(struct nr_flow *flow, int64_t watermark, const struct nr_flow_out *out);

/** Snapshot of the open second and the pair memory. */
void nr_flow_save(const struct nr_flow *flow, struct nr_buf *out);
NR_MUST_CHECK int nr_flow_load(struct nr_flow *flow, struct nr_reader *in);
