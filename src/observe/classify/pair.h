/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * pair: marks that need two packets of one source (nmap, unicornscan, same sequence number).
 *
 * Shape    the last TCP packet of a source is remembered in a direct-mapped table; another source with
 *          the same place takes it over after it has been asked for NR_PAIR_PATIENCE times, so that
 *          a busy scanner is not lost to single packets of others.
 * Cost     16 bytes x NR_PAIR_SLOTS a shard (half a megabyte in all: it stays in the cache)
 * Limits   a pair separated by more than NR_PAIR_SLOTS other sources may be missed, never invented: place and
 *          tag together hold 33 bits of a fixed hash of the source, and the marks need more than one pair
 * Source   Ghiette et al., "Remote identification of port scan toolchains", NTMS 2016
 */
#include "base/buf.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "observe/dissect/dissect.h"

enum { NR_PAIR_SLOTS = 512, NR_PAIR_PATIENCE = 4 };

/** Two words, so that one is chosen over another without a branch. */
struct nr_pair_slot {
	uint64_t
		who; /* destination << 32 | 24 bits of the source's hash and pair.c's flags; 0: empty */
	uint64_t what; /* sport << 48 | dport << 32 | seq */
};

struct nr_pair {
	struct nr_pair_slot *slots; /* NR_PAIR_SLOTS */
};

NR_MUST_CHECK int nr_pair_init(struct nr_pair *pair);
void nr_pair_done(struct nr_pair *pair);
static inline uint64_t nr_pair_hash(const struct nr_packet *packet)
{
	uint64_t hi, lo;

	memcpy(&hi, packet->src.b, 8);
	memcpy(&lo, packet->src.b + 8, 8);
	return nr_mix64(lo ^ (packet->is_v4 ? 0 : nr_mix64(hi)));
}
/** @p source is nr_pair_hash() of the packet to come. */
static inline void nr_pair_prefetch(const struct nr_pair *pair, uint64_t source)
{
	__builtin_prefetch(&pair->slots[(source >> 32) % NR_PAIR_SLOTS], 1);
}
/** nr_pair_feed() for who has @p source, which is nr_pair_hash(), already. */
uint16_t nr_pair_feed_hashed(struct nr_pair *pair, uint64_t source, const struct nr_packet *packet);
/** Marks that @p packet completes with the one before it; bits over enum nr_mark. */
static inline uint16_t nr_pair_feed(struct nr_pair *pair, const struct nr_packet *packet)
{
	return nr_pair_feed_hashed(pair, nr_pair_hash(packet), packet);
}
void nr_pair_save(const struct nr_pair *pair, struct nr_buf *out);
NR_MUST_CHECK int nr_pair_load(struct nr_pair *pair, struct nr_reader *in);
