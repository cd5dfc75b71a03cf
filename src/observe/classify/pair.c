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

/* Relations between two probes of one source; `was` is the earlier one. */
static uint16_t relate(const struct nr_pair_slot *was, const struct nr_pair_slot *now)
{
	bool both_syn = was->flags == NR_TCP_SYN && now->flags == NR_TCP_SYN;
	uint32_t x = was->seq ^ now->seq;
	uint16_t marks = 0;

	if (was->dst == now->dst && was->dport == now->dport && x == 0)
		return 0; /* a retransmission says nothing; nmap's second try has another number */
	if (x == 0 && was->seq != 0)
		marks |= 1u << NR_MARK_SAME_SEQ;
	/* nmap: seq = secret ^ (probe << 16 | probe), mostly equal for all first tries of a run */
	if (was->nmap_probe && now->nmap_probe && x >> 16 == (x & 0xffff))
		marks |= 1u << NR_MARK_NMAP;
	/* Mirai's numbers are destinations: with its one source port the relation holds by itself */
	if (both_syn && x != 0 && now->seq != now->dst &&
	    x == (was->dst ^ now->dst ^ (uint32_t)(was->sport ^ now->sport) ^
		  (uint32_t)(was->dport ^ now->dport) << 16))
		marks |= 1u << NR_MARK_UNICORNSCAN;
	return marks;
}

uint16_t nr_pair_feed(struct nr_pair *pair, const struct nr_packet *packet)
{
	uint64_t src = nr_pair_hash(packet);
	struct nr_pair_slot *slot = &pair->slots[(src >> 24) % NR_PAIR_SLOTS];
	struct nr_pair_slot now = {
		.src = src,
		.dst = dst_identity(packet),
		.seq = packet->seq,
		.sport = packet->sport,
		.dport = packet->dport,
		.flags = packet->tcp_flags,
		.nmap_probe = nr_mark_is_nmap_probe(packet),
	};
	uint16_t marks = 0;

	if (slot->src == src)
		marks = relate(slot, &now);
	else if (slot->src != 0 && ++slot->asked < NR_PAIR_PATIENCE)
		return 0;
	*slot = now;
	return marks;
}

void nr_pair_save(const struct nr_pair *pair, struct nr_buf *out)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < NR_PAIR_SLOTS; i++)
		used += pair->slots[i].src != 0;
	nr_write_varint(out, used);
	for (uint32_t i = 0; i < NR_PAIR_SLOTS; i++) {
		const struct nr_pair_slot *s = &pair->slots[i];

		if (s->src == 0)
			continue;
		nr_write_le16(out, (uint16_t)i);
		nr_write_le64(out, s->src);
		nr_write_le32(out, s->dst);
		nr_write_le32(out, s->seq);
		nr_write_le16(out, s->sport);
		nr_write_le16(out, s->dport);
		nr_write_u8(out, s->flags);
		nr_write_u8(out, s->asked);
		nr_write_u8(out, s->nmap_probe);
	}
}

int nr_pair_load(struct nr_pair *pair, struct nr_reader *in)
{
	uint64_t used = nr_read_varint(in);

	memset(pair->slots, 0, NR_PAIR_SLOTS * sizeof(pair->slots[0]));
	for (uint64_t k = 0; k < used && nr_reader_ok(in); k++) {
		uint16_t i = nr_read_le16(in);
		struct nr_pair_slot s = { .src = nr_read_le64(in) };

		s.dst = nr_read_le32(in);
		s.seq = nr_read_le32(in);
		s.sport = nr_read_le16(in);
		s.dport = nr_read_le16(in);
		s.flags = nr_read_u8(in);
		s.asked = nr_read_u8(in);
		s.nmap_probe = nr_read_u8(in) != 0;
		if (i >= NR_PAIR_SLOTS)
			return NR_EDAMAGED;
		pair->slots[i] = s;
	}
	return nr_reader_ok(in) ? 0 : NR_EDAMAGED;
}
