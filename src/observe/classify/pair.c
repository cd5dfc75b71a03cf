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
static uint16_t relate(const struct nr_pair_slot *was, const struct nr_pair_slot *now)
{
	uint32_t both = was->tag & now->tag, x = was->seq ^ now->seq;
	uint16_t marks = 0;

	if (was->dst == now->dst && was->dport == now->dport && x == 0)
		return 0; /* a retransmission says nothing; nmap's second try has another number */
	if (x == 0 && was->seq != 0)
		marks |= 1u << NR_MARK_SAME_SEQ;
	/* nmap: seq = secret ^ (probe << 16 | probe), mostly equal for all first tries of a run */
	if (both & NMAP && x >> 16 == (x & 0xffff))
		marks |= 1u << NR_MARK_NMAP;
	/* two Mirai probes from one port fulfil it too: seq is the destination there */
	if (both & SYN && !(both & MIRAI) && x != 0 &&
	    x == (was->dst ^ now->dst ^ (uint32_t)(was->sport ^ now->sport) ^
		  (uint32_t)(was->dport ^ now->dport) << 16))
		marks |= 1u << NR_MARK_UNICORNSCAN;
	return marks;
}

uint16_t nr_pair_feed(struct nr_pair *pair, const struct nr_packet *packet)
{
	uint64_t src = nr_pair_hash(packet);
	struct nr_pair_slot *slot = &pair->slots[(src >> 32) % NR_PAIR_SLOTS], was = *slot;
	uint32_t tag = ((uint32_t)src & (uint32_t)TAG_MASK) | USED;

	if (was.tag != 0 && ((was.tag ^ tag) & (uint32_t)TAG_MASK) != 0 &&
	    (was.tag & ASKED_MASK) != (NR_PAIR_PATIENCE - 1) * ASKED) {
		slot->tag += ASKED;
		return 0;
	}
	if (packet->tcp_flags == NR_TCP_SYN)
		tag |= SYN | (nr_mark_is_nmap_probe(packet) ? NMAP : 0) |
		       (packet->marks & 1u << NR_MARK_MIRAI ? MIRAI : 0);
	slot->tag = tag;
	slot->dst = dst_identity(packet);
	slot->seq = packet->seq;
	slot->sport = packet->sport;
	slot->dport = packet->dport;
	return was.tag != 0 && ((was.tag ^ tag) & (uint32_t)TAG_MASK) == 0 ? relate(&was, slot) : 0;
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
