/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * dissect_int: what the files of this folder share.
 *
 * Shape   each layer gets a struct nr_view of its own payload and fills its fields of the packet. A view
 *         tells apart what was captured (n) and what the sender sent (wire): a header cut by the
 *         capture is "truncated", one cut by the sender is "malformed".
 */
#include "base/cursor.h"
#include "base/hash.h"
#include "observe/dissect/dissect.h"

struct nr_view {
	const uint8_t *p;
	uint32_t n;    /* captured bytes */
	uint32_t wire; /* bytes there were; never less than n */
};

/** What stands behind the link header; anything but 4 and 6 is NR_LINK_NO_IP. */
enum nr_link_next { NR_LINK_NO_IP = 0, NR_LINK_IP4 = 4, NR_LINK_IP6 = 6, NR_LINK_BY_VERSION = 1 };

/**
 * Move @p view behind the link header of @p frame.
 * @return NR_OUTCOME_OK with *ret_next set to NR_LINK_IP4 or NR_LINK_IP6; the cause otherwise
 */
enum nr_outcome nr_link_dissect(const struct nr_frame *frame, struct nr_view *view,
				enum nr_link_next *ret_next);
enum nr_outcome nr_ipv4_dissect(struct nr_view ip, struct nr_packet *pkt);
enum nr_outcome nr_ipv6_dissect(struct nr_view ip, struct nr_packet *pkt);

/** nr_dissect() without its short way: the meaning of both is the same. */
enum nr_outcome nr_dissect_general(const struct nr_frame *frame, struct nr_packet *pkt);

/** Layer 4 by pkt->proto; @p l4 is the IP payload. */
enum nr_outcome nr_l4_dissect(struct nr_view l4, struct nr_packet *pkt);
enum nr_outcome nr_tcp_dissect(struct nr_view l4, struct nr_packet *pkt);
enum nr_outcome nr_udp_dissect(struct nr_view l4, struct nr_packet *pkt);
enum nr_outcome nr_icmp_dissect(struct nr_view l4, struct nr_packet *pkt);
enum nr_outcome nr_icmp6_dissect(struct nr_view l4, struct nr_packet *pkt);
/** Read the packet that an ICMP or ICMPv6 error quotes. */
void nr_quote_dissect(struct nr_view quote, struct nr_packet *pkt);
/** Name the tunnel that an IP protocol or a UDP payload is, if any. */
void nr_tunnel_name_proto(struct nr_packet *pkt);
void nr_tunnel_name_udp(struct nr_packet *pkt);

/** An IPv6 extension header chain, walked. */
struct nr_chain {
	uint8_t proto;	     /* first header that is no extension */
	bool fragment;	     /* a fragment header of a packet in pieces */
	bool later_fragment; /* ... with an offset above zero: what follows is no header */
	bool jumbo;
	uint32_t fragment_end; /* offset + length: more than 65,535 is overrun */
	uint32_t anomalies;
};

/**
 * Walk the chain from @p next; @p view moves behind it. @return NR_OUTCOME_OK or NR_OUTCOME_IP6_CHAIN;
 * on the latter the chain still names the last header seen.
 */
enum nr_outcome nr_chain_walk(uint8_t next, struct nr_view *view, struct nr_chain *ret_chain);

#define NR_BIT(anomaly) (UINT32_C(1) << (anomaly))

/** Odd flag sets by the low six bits: see tcp.c. */
extern const uint64_t nr_tcp_odd_flags;

/** Sources nobody can have: 0/8, 127/8, multicast, 240/4, broadcast. @p octet is the first one. */
static inline bool nr_v4_is_special(uint8_t octet)
{
	return (uint8_t)(octet - 1) >= 223 || octet == 127;
}

/** True for the few ports that tunnels use, and for some others: a filter before nr_tunnel_name_udp(). */
static inline bool nr_port_may_tunnel(uint16_t port)
{
	const uint64_t set = UINT64_C(1) << (1701 & 63) | UINT64_C(1) << (2152 & 63) |
			     UINT64_C(1) << (3544 & 63) | UINT64_C(1) << (4789 & 63) |
			     UINT64_C(1) << (6081 & 63) | UINT64_C(1) << (8472 & 63) |
			     UINT64_C(1) << (51820 & 63);

	return set >> (port & 63) & 1;
}

static inline void nr_ip_store_v4(struct nr_ip *ip, const uint8_t *be)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	memcpy(ip->b, mapped, 12);
	memcpy(ip->b + 12, be, 4);
}
