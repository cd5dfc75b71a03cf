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
#include "observe/classify/classify.h"

enum { NR_PAIR_SLOTS = 512, NR_PAIR_PATIENCE = 4 };

/** Two words, so that one is chosen over another without a branch. */
struct nr_pair_slot {
	uint64_t
		who; /* destination << 32 | 24 bits of the source's hash and enum nr_pair_bit; 0: empty */
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

/** What a slot remembers of a packet beside numbers and addresses. */
enum nr_pair_bit {
	NR_PAIR_USED = 1, /* set for every TCP packet */
	NR_PAIR_SYN = 2,
	NR_PAIR_NMAP = 4,
	NR_PAIR_MIRAI = 8,
	NR_PAIR_ASKED = 16, /* a count of two bits: how often others asked for the slot */
	NR_PAIR_ASKED_MASK = 0x30,
	NR_PAIR_TAG_MASK = -256,
};

/** The bits of a classified TCP packet; no branch, neighbours in the input differ. */
static inline uint32_t nr_pair_bits(const struct nr_packet *packet)
{
	uint32_t is_syn = packet->tcp_flags == NR_TCP_SYN;

	return NR_PAIR_USED | is_syn * NR_PAIR_SYN |
	       (is_syn & nr_mark_is_nmap_probe(packet)) * NR_PAIR_NMAP |
	       (is_syn & packet->marks >> NR_MARK_MIRAI) * NR_PAIR_MIRAI;
}

/** Relations between two probes of one source; @p was is the earlier one. Bits over enum nr_mark. */
uint16_t nr_pair_relate(struct nr_pair_slot was, struct nr_pair_slot now);

/** Can nr_pair_relate() say anything? Mostly not, and this is quick; whose packet @p was is does not matter. */
static inline bool nr_pair_may_relate(struct nr_pair_slot was, struct nr_pair_slot now)
{
	uint64_t what = was.what ^ now.what;
	uint32_t x = (uint32_t)what, ports = (uint32_t)(what >> 32),
		 dst = (uint32_t)((was.who ^ now.who) >> 32);

	return (((uint16_t)(x >> 16 ^ x) == 0) | (x == (dst ^ (ports >> 16 | ports << 16)))) &
	       now.who & NR_PAIR_USED;
}

static inline struct nr_pair_slot *nr_pair_slot_of(const struct nr_pair *pair, uint64_t source)
{
	return &pair->slots[(source >> 32) % NR_PAIR_SLOTS];
}

/**
 * Remember a packet in its slot and compare it with the one before. @p source is nr_pair_hash() of it; @p now
 * is destination << 32 | nr_pair_bits() and what nr_pair_slot.what says. No branch that
 * neighbours in the input could make guess wrong.
 */
static inline uint16_t nr_pair_note(struct nr_pair_slot *slot, uint64_t source,
				    struct nr_pair_slot now)
{
	struct nr_pair_slot was = *slot;

	now.who |= (uint32_t)source & (uint32_t)NR_PAIR_TAG_MASK;
	uint32_t used = was.who != 0, differs = (((uint32_t)was.who ^ (uint32_t)now.who) &
						 (uint32_t)NR_PAIR_TAG_MASK) != 0;
	uint32_t patient = (was.who & NR_PAIR_ASKED_MASK) != (NR_PAIR_PATIENCE - 1) * NR_PAIR_ASKED;
	uint64_t stays = 0 - (uint64_t)(used & differs & patient);

	slot->who = (now.who & ~stays) | ((was.who + NR_PAIR_ASKED) & stays);
	slot->what = (now.what & ~stays) | (was.what & stays);
	if (NR_LIKELY(!nr_pair_may_relate(was, now)))
		return 0;
	return (used & ~differs) != 0 ? nr_pair_relate(was, now) : 0;
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
