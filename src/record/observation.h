/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * observation: one flow delta, what one source sent to one address in one second of event time. (For who
 * wants fewer lines, orient/minutes adds those of a minute: flagged NR_OBS_MINUTE, never fed to an engine.)
 *
 * It is CAIDA's FlowTuple with more columns. Key: tick, src, dst, proto, sport, dport, class (and for
 * ICMP errors the quoted packet). JSON name of the record: "flow".
 * Shape   112 bytes in memory, IPv4 and IPv6 alike; the wire form is record/batch.
 * Units   tick: seconds since 1970, start of the second or minute; first and last: ns from the tick,
 *         of a minute in steps of 20 ns;
 *         bytes: IP total length; ports: host order. ICMP: sport 0, dport = type << 8 | code.
 * Source  CAIDA FlowTuple v4; RFC 792, RFC 4443 for the quoted packet.
 */
#include "base/inet.h"
#include "base/time.h"
#include "record/class.h"
#include "record/mark.h"
#include "record/payload.h"

enum nr_observation_flag {
	NR_OBS_QUOTED = 1,   /* quoted_* hold: an ICMP error whose quoted source is our address */
	NR_OBS_LATE = 2,     /* arrived after its second was closed */
	NR_OBS_FRAGMENT = 4, /* at least one packet was a fragment */
	NR_OBS_ODD = 8,	     /* at least one header anomaly */
	NR_OBS_MINUTE = 16,  /* of one minute: first and last count NR_OBS_MINUTE_UNIT_NS */
	NR_OBS_MIRROR =
		128, /* copy of a quoted observation for the victim's shard; never leaves the engine */
};

/* 3e9 of them make a minute, and microseconds stay exact. */
enum { NR_OBS_MINUTE_UNIT_NS = 20 };

struct nr_observation {
	struct nr_ip src, dst;
	struct nr_ip
		quoted_dst; /* whom the quoted packet was sent to: the victim of a spoofed flood */
	int64_t tick;
	uint64_t bytes;
	uint32_t packets;
	uint32_t first, last;
	uint32_t opt_hash; /* of the TCP option kinds and lengths of the first packet; 0: none */
	uint32_t payload_hash; /* of the first payload bytes; 0: none */
	uint16_t sport, dport;
	uint16_t window; /* of the first packet */
	uint16_t quoted_dport;
	uint8_t quoted_proto;
	uint8_t proto;
	uint8_t traffic_class; /* enum nr_class */
	uint8_t payload;       /* enum nr_payload */
	uint8_t tcp_flags;     /* OR-ed */
	uint8_t ttl_min, ttl_max;
	uint8_t flags;		      /* enum nr_observation_flag */
	uint8_t marks[NR_MARK_SLOTS]; /* packets that carried each mark; saturates at 255 */
};
_Static_assert(sizeof(struct nr_observation) == 112, "documented size; snapshots hold it");

/** Of one second; whoever may meet a minute asks nr_observation_time(). */
static inline struct nr_time nr_observation_first(const struct nr_observation *obs)
{
	return (struct nr_time){ obs->tick * NR_NS_PER_S + obs->first };
}
static inline struct nr_time nr_observation_last(const struct nr_observation *obs)
{
	return (struct nr_time){ obs->tick * NR_NS_PER_S + obs->last };
}

/** When @p offset was, first or last of @p obs. */
static inline struct nr_time nr_observation_time(const struct nr_observation *obs, uint32_t offset)
{
	int64_t unit = obs->flags & NR_OBS_MINUTE ? NR_OBS_MINUTE_UNIT_NS : 1;

	return (struct nr_time){ obs->tick * NR_NS_PER_S + offset * unit };
}
