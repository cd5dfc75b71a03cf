/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * scan_seen: one observation as scan.v1 looks at it, read from either form in which it comes.
 *
 * Why      packed flows and observations meet the same state; what is worked out of one is worked out once, at a
 *          time when the state it will change is still on its way from memory.
 */
#include "observe/flow/flow4.h"

/** Reasons to doubt a source address, as features with weights (scan_describe.c), never as drops. */
enum nr_spoof_sign {
	NR_SPOOF_FRAGMENT = 1,
	NR_SPOOF_LAST_OCTET = 2, /* 0 or 255 */
	NR_SPOOF_PORT_ZERO = 4,
	NR_SPOOF_UDP_80 = 8,
	NR_SPOOF_PROTOCOL = 16, /* neither TCP, UDP nor ICMP */
	NR_SPOOF_TTL = 32,	/* >= 200, not ICMP: also what ZMap and masscan send */
	NR_SPOOF_SELF = 64,	/* source == destination */
	NR_SPOOF_SPECIAL = 128, /* not a global unicast address, or one of ours */
};

struct nr_scan_seen {
	int64_t first, last; /* ns */
	uint64_t marks[2];   /* counts by enum nr_mark, a byte each */
	uint32_t dst;	     /* identity: the IPv4 address, or 32 bits of a fixed hash */
	uint32_t packets;
	uint16_t dport;
	uint8_t proto, traffic_class;
	uint8_t ttl_min, ttl_max;
	uint8_t spoof; /* enum nr_spoof_sign */
	bool v4;
	uint32_t src4;			  /* when obs is NULL */
	const struct nr_observation *obs; /* NULL: it came packed */
};

static inline struct nr_ip nr_scan_seen_src(const struct nr_scan_seen *o)
{
	return o->obs != NULL ? o->obs->src : nr_ip_v4(o->src4);
}

static inline unsigned nr_scan_seen_mark(const struct nr_scan_seen *o, unsigned m)
{
	return o->marks[m / 8] >> (m % 8 * 8) & 0xff;
}

static inline uint32_t nr_scan_dst_identity(struct nr_ip dst)
{
	uint64_t w[2];

	if (nr_ip_is_v4(dst))
		return nr_ip_to_v4(dst);
	memcpy(w, &dst, sizeof(w));
	return (uint32_t)(nr_mix64(w[1] ^ nr_mix64(w[0])) >> 32);
}

/* Sources of a batch are a mixture: conditions are added up, not branched on. */
static inline uint8_t nr_scan_spoof_signs(const struct nr_scan_seen *o, uint8_t flags,
					  uint8_t last_octet, uint16_t sport, bool self)
{
	unsigned ports = (o->proto == 6) | (o->proto == 17);

	return (uint8_t)((flags & NR_OBS_FRAGMENT ? 1u : 0u) * NR_SPOOF_FRAGMENT |
			 (unsigned)(o->v4 & ((last_octet == 0) | (last_octet == 255))) *
				 NR_SPOOF_LAST_OCTET |
			 (ports & ((sport == 0) | (o->dport == 0))) * NR_SPOOF_PORT_ZERO |
			 (unsigned)((o->proto == 17) & (o->dport == 80)) * NR_SPOOF_UDP_80 |
			 (unsigned)(!ports & (o->proto != 1) & (o->proto != 58)) *
				 NR_SPOOF_PROTOCOL |
			 ((unsigned)(o->ttl_max >= 200) & ports) * NR_SPOOF_TTL |
			 (unsigned)self * NR_SPOOF_SELF);
}

static inline void nr_scan_see(const struct nr_observation *obs, struct nr_scan_seen *o)
{
	*o = (struct nr_scan_seen){
		.first = nr_observation_first(obs).ns,
		.last = nr_observation_last(obs).ns,
		.dst = nr_scan_dst_identity(obs->dst),
		.packets = obs->packets,
		.dport = obs->dport,
		.proto = obs->proto,
		.traffic_class = obs->traffic_class,
		.ttl_min = obs->ttl_min,
		.ttl_max = obs->ttl_max,
		.v4 = nr_ip_is_v4(obs->src),
		.obs = obs,
	};
	memcpy(o->marks, obs->marks, NR_MARK_SLOTS);
	o->spoof = nr_scan_spoof_signs(o, obs->flags, obs->src.b[15], obs->sport,
				       nr_ip_eq(obs->src, obs->dst));
}

static inline void nr_scan_see_packed(const struct nr_flow4 *e, struct nr_scan_seen *o)
{
	int64_t tick = e->tick * NR_NS_PER_S;
	uint32_t high;

	o->first = tick + e->first;
	o->last = tick + e->last;
	memcpy(&o->marks[0], e->marks, 8);
	memcpy(&high, e->marks + 8, 4);
	o->marks[1] = high;
	if (NR_UNLIKELY(e->ports & NR_FLOW4_QUOTED))
		o->marks[0] = o->marks[1] = 0;
	o->dst = (uint32_t)e->addr;
	o->packets = e->packets;
	o->dport = (uint16_t)(e->ports >> 32);
	o->proto = (uint8_t)(e->ports >> 24);
	o->traffic_class = (uint8_t)(e->ports >> 16);
	o->ttl_min = e->ttl_min;
	o->ttl_max = e->ttl_max;
	o->v4 = true;
	o->src4 = nr_flow4_src(e);
	o->obs = NULL;
	unsigned last = e->addr >> 32 & 0xff, tcp = o->proto == 6, udp = o->proto == 17;

	if (NR_LIKELY((e->flags & (NR_OBS_FRAGMENT | NR_OBS_ODD)) == 0 && (tcp | udp) != 0))
		o->spoof = (uint8_t)(((last == 0) | (last == 255)) * (unsigned)NR_SPOOF_LAST_OCTET |
				     (udp & (o->dport == 80)) * NR_SPOOF_UDP_80 |
				     (unsigned)(o->ttl_max >= 200) * NR_SPOOF_TTL);
	else
		o->spoof = nr_scan_spoof_signs(o, e->flags, (uint8_t)last,
					       (uint16_t)(e->ports >> 48),
					       e->addr >> 32 == (uint32_t)e->addr);
}
