/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * flow4: an IPv4 flow, or one IPv4 packet on its way into one, in a cache line.
 *
 * Why      the packet path is bound by the number of instructions and of lines it touches: the form in which
 *          a packet leaves dissection is the form in which its flow waits in the table, so that most
 *          packets are copied once and never looked into again.
 * Shape    as an entry of the table: from packets to payload_hash and from payload to marks the order is that of
 *          struct nr_observation. ICMP errors have no marks: their room holds the quote.
 * Packet   as made by nr_flow4_pack() and observe/fast.h: packets 1, first the offset, `last` the TCP
 *          sequence number and the last mark slot enum nr_pair_bit (0: not TCP), both for the pair memory;
 *          the table puts `last` and that slot right.
 */
#include "observe/classify/pair.h"
#include "record/observation.h"

enum nr_flow4_key { NR_FLOW4_MIRROR = 1, NR_FLOW4_QUOTED = 2 };

struct nr_flow4 {
	uint64_t addr; /* src << 32 | dst */
	uint64_t
		ports; /* sport << 48 | dport << 32 | proto << 24 | class << 16 | enum nr_flow4_key */
	uint32_t tick;
	uint32_t bytes_lo;
	uint32_t packets;
	uint32_t first, last;
	uint32_t opt_hash;
	uint32_t payload_hash;
	uint16_t window;
	uint8_t bytes_hi;
	uint8_t payload;
	uint8_t tcp_flags;
	uint8_t ttl_min, ttl_max;
	uint8_t flags;
	union {
		uint8_t marks[NR_MARK_SLOTS];
		struct {
			uint32_t dst;
			uint16_t dport;
			uint8_t proto;
		} quoted;
	};
};
_Static_assert(sizeof(struct nr_flow4) == 64, "one cache line");

enum { NR_FLOW4_PAIR = NR_MARK_SLOTS - 1 }; /* the slot of marks that holds enum nr_pair_bit */
_Static_assert((int)NR_MARK_N <= (int)NR_FLOW4_PAIR, "a slot that no mark uses");
_Static_assert(offsetof(struct nr_flow4, quoted.proto) <
		       offsetof(struct nr_flow4, marks[NR_FLOW4_PAIR]),
	       "a quote leaves it alone");

static inline uint32_t nr_flow4_src(const struct nr_flow4 *e)
{
	return (uint32_t)(e->addr >> 32);
}

/** nr_pair_hash() of the packet. */
static inline uint64_t nr_flow4_source_hash(const struct nr_flow4 *e)
{
	return nr_mix64(__builtin_bswap64(UINT64_C(0x0000ffff00000000) | nr_flow4_src(e)));
}

static inline uint8_t nr_flow4_flags(const struct nr_packet *p)
{
	const uint32_t fragment = 1u << NR_ANOMALY_FRAGMENT;

	return (uint8_t)(((p->anomalies & fragment) != 0) * NR_OBS_FRAGMENT +
			 ((p->anomalies & ~fragment) != 0) * NR_OBS_ODD);
}

/** A classified IPv4 packet; mirrors and late ones are marked by the table. */
static inline void nr_flow4_pack(const struct nr_packet *p, struct nr_flow4 *e)
{
	bool quoted = p->quoted_proto != 0, tcp = p->proto == 6;

	*e = (struct nr_flow4){
		.addr = (uint64_t)nr_ip_to_v4(p->src) << 32 | nr_ip_to_v4(p->dst),
		.ports = (uint64_t)p->sport << 48 | (uint64_t)p->dport << 32 |
			 (uint32_t)p->proto << 24 | (uint32_t)p->traffic_class << 16 |
			 quoted * NR_FLOW4_QUOTED,
		.tick = p->tick,
		.bytes_lo = p->ip_len,
		.packets = 1,
		.first = p->offset,
		.last = tcp ? p->seq : 0,
		.opt_hash = p->opt_hash,
		.payload_hash = p->payload_hash,
		.window = p->window,
		.payload = p->payload_class,
		.tcp_flags = p->tcp_flags,
		.ttl_min = p->ttl,
		.ttl_max = p->ttl,
		.flags = (uint8_t)(nr_flow4_flags(p) | quoted * NR_OBS_QUOTED),
	};
	if (NR_UNLIKELY(quoted)) {
		e->quoted.dst = nr_ip_to_v4(p->quoted_dst);
		e->quoted.dport = p->quoted_dport;
		e->quoted.proto = p->quoted_proto;
	} else {
		for (uint32_t marks = p->marks; marks != 0; marks &= marks - 1)
			e->marks[__builtin_ctz(marks)] = 1;
	}
	if (tcp)
		e->marks[NR_FLOW4_PAIR] = (uint8_t)nr_pair_bits(p);
}

/* nr_ip_v4() in place: through the stack two narrow stores would meet one wide load, which waits. */
static inline void nr_flow4_put_ip(struct nr_ip *ip, uint32_t v4)
{
	uint64_t low = __builtin_bswap64(UINT64_C(0x0000ffff00000000) | v4);

	memset(ip->b, 0, 8);
	memcpy(ip->b + 8, &low, 8);
}

/** An entry of the table as an observation. */
void nr_flow4_expand(const struct nr_flow4 *e, struct nr_observation *ret_obs);
