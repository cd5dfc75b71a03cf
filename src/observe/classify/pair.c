/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/pair.h"

#include <stdlib.h>

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

uint16_t nr_pair_relate(struct nr_pair_slot was, struct nr_pair_slot now)
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
	if (both & NR_PAIR_NMAP && x >> 16 == (x & 0xffff))
		marks |= 1u << NR_MARK_NMAP;
	/* two Mirai probes from one port fulfil it too: seq is the destination there */
	if (both & NR_PAIR_SYN && !(both & NR_PAIR_MIRAI) && x != 0 &&
	    x == (dst ^ (ports >> 16 | ports << 16)))
		marks |= 1u << NR_MARK_UNICORNSCAN;
	return marks;
}

uint16_t nr_pair_feed_hashed(struct nr_pair *pair, uint64_t source, const struct nr_packet *packet)
{
	struct nr_pair_slot now = {
		.who = (uint64_t)dst_identity(packet) << 32 | nr_pair_bits(packet),
		.what = (uint64_t)packet->sport << 48 | (uint64_t)packet->dport << 32 | packet->seq,
	};

	return nr_pair_note(nr_pair_slot_of(pair, source), source, now);
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
