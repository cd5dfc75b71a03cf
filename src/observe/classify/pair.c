/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/pair.h"

#include <stdlib.h>

#include "observe/classify/classify.h"

int nr_pair_init(struct nr_pair *pair)
{
	pair->slots = aligned_alloc(64, NR_PAIR_SLOTS * sizeof(pair->slots[0]));
	if (pair->slots == NULL)
		return -ENOMEM;
	memset(pair->slots, 0, NR_PAIR_SLOTS * sizeof(pair->slots[0]));
	return 0;
}

void nr_pair_done(struct nr_pair *pair)
{
	free(pair->slots);
	pair->slots = NULL;
}

static uint32_t dst_identity(const struct nr_packet *packet)
{
	uint64_t hi, lo;

	if (packet->is_v4)
		return nr_ip_to_v4(packet->dst);
	memcpy(&hi, packet->dst.b, 8);
	memcpy(&lo, packet->dst.b + 8, 8);
	return (uint32_t)(nr_mix64(lo ^ nr_mix64(hi)) >> 32);
}

enum { USED = 1, SYN = 2, NMAP = 4, MIRAI = 8, ASKED = 16, ASKED_MASK = 0x30, TAG_MASK = -256 };

/* Relations between two probes of one source; `was` is the earlier one. */
static uint16_t relate(struct nr_pair_slot was, struct nr_pair_slot now)
{
	uint32_t both = (uint32_t)was.who & (uint32_t)now.who, x = (uint32_t)(was.what ^ now.what);
	uint32_t dst = (uint32_t)((was.who ^ now.who) >> 32),
		 ports = (uint32_t)((was.what ^ now.what) >> 32);
	uint16_t marks = 0;

	if (dst == 0 && (ports & 0xffff) == 0 && x == 0)
		return 0; /* a retransmission says nothing; nmap's second try has another number */
	if (x == 0 && (uint32_t)was.what != 0)
		marks |= 1u << NR_MARK_SAME_SEQ;
	/* nmap: seq = secret ^ (probe << 16 | probe), mostly equal for all first tries of a run */
	if (both & NMAP && x >> 16 == (x & 0xffff))
		marks |= 1u << NR_MARK_NMAP;
	/* two Mirai probes from one port fulfil it too: seq is the destination there */
	if (both & SYN && !(both & MIRAI) && x != 0 && x == (dst ^ (ports >> 16 | ports << 16)))
		marks |= 1u << NR_MARK_UNICORNSCAN;
	return marks;
}

/* Without branches as far as neighbours in the input differ: they would be guessed wrong. */
uint16_t nr_pair_feed_hashed(struct nr_pair *pair, uint64_t source, const struct nr_packet *packet)
{
	struct nr_pair_slot *slot = &pair->slots[(source >> 32) % NR_PAIR_SLOTS], was = *slot, now;
	uint32_t is_syn = packet->tcp_flags == NR_TCP_SYN;
	uint32_t tag = ((uint32_t)source & (uint32_t)TAG_MASK) | USED | is_syn * SYN |
		       (is_syn & nr_mark_is_nmap_probe(packet)) * NMAP |
		       (is_syn & packet->marks >> NR_MARK_MIRAI) * MIRAI;
	uint32_t used = was.who != 0,
		 differs = (((uint32_t)was.who ^ tag) & (uint32_t)TAG_MASK) != 0;
	uint32_t patient = (was.who & ASKED_MASK) != (NR_PAIR_PATIENCE - 1) * ASKED;
	uint64_t stays = 0 - (uint64_t)(used & differs & patient);

	now.who = (uint64_t)dst_identity(packet) << 32 | tag;
	now.what = (uint64_t)packet->sport << 48 | (uint64_t)packet->dport << 32 | packet->seq;
	slot->who = (now.who & ~stays) | ((was.who + ASKED) & stays);
	slot->what = (now.what & ~stays) | (was.what & stays);
	return (used & ~differs) != 0 ? relate(was, now) : 0;
}

void nr_pair_save(const struct nr_pair *pair, struct nr_buf *out)
{
	nr_buf_add(out, pair->slots, NR_PAIR_SLOTS * sizeof(pair->slots[0]));
}

int nr_pair_load(struct nr_pair *pair, struct nr_reader *in)
{
	const uint8_t *bytes = nr_read_bytes(in, NR_PAIR_SLOTS * sizeof(pair->slots[0]));

	if (bytes == NULL)
		return NR_EDAMAGED;
	memcpy(pair->slots, bytes, NR_PAIR_SLOTS * sizeof(pair->slots[0]));
	return 0;
}
