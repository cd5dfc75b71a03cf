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

/** Set bit of a 64-bit set by the low six TCP flags: null, SYN+FIN, SYN+RST, FIN without ACK and RST. */
#define NR_TCP_ODD(f)                                                                      \
	((uint64_t)((f) == 0 || (((f)&NR_TCP_SYN) && ((f) & (NR_TCP_FIN | NR_TCP_RST))) || \
		    (((f)&NR_TCP_FIN) && !((f) & (NR_TCP_ACK | NR_TCP_RST))))              \
	 << (f))
#define NR_TCP_ODD_4(f) \
	(NR_TCP_ODD(f) | NR_TCP_ODD((f) + 1) | NR_TCP_ODD((f) + 2) | NR_TCP_ODD((f) + 3))
#define NR_TCP_ODD_16(f) \
	(NR_TCP_ODD_4(f) | NR_TCP_ODD_4((f) + 4) | NR_TCP_ODD_4((f) + 8) | NR_TCP_ODD_4((f) + 12))

/** What is odd in a TCP header, of which only these fields matter; no branch. */
static inline uint32_t nr_tcp_anomalies(uint32_t flags, uint32_t ack, bool no_port,
					bool has_payload)
{
	const uint64_t odd_sets = NR_TCP_ODD_16(0) | NR_TCP_ODD_16(16) | NR_TCP_ODD_16(32) |
				  NR_TCP_ODD_16(48);
	uint32_t odd = (uint32_t)(odd_sets >> (flags & 63)) & 1;
	uint32_t syn = flags & NR_TCP_SYN, syn_alone = syn & ~(flags >> 3); /* ACK moved onto SYN */

	_Static_assert(NR_TCP_ACK >> 3 == NR_TCP_SYN, "one shift apart");
	return odd << NR_ANOMALY_TCP_FLAGS | (flags & NR_TCP_URG) << (NR_ANOMALY_TCP_URGENT - 5) |
	       (has_payload ? syn << (NR_ANOMALY_TCP_SYN_DATA - 1) : 0) |
	       (ack != 0 ? syn_alone << (NR_ANOMALY_TCP_SYN_ACKNO - 1) : 0) |
	       (uint32_t)no_port << NR_ANOMALY_PORT_ZERO;
}

/** nr_tcp_options_hash() with `bad` as bit 32. */
uint64_t nr_tcp_options_any(const uint8_t *p, size_t n);

/*
 * The most frequent sequence of options for each header length, so that one comparison without a loop
 * tells its hash: the last 24 bytes of the header, masked, must equal the value.
 */
struct nr_tcp_layout {
	uint8_t mask[24], value[24];
	uint64_t hash; /* 64 bits, so that a row is 56 bytes and its address cheap */
};
extern const struct nr_tcp_layout nr_tcp_layouts[11]; /* by the number of 32-bit words of options */

/** Do the 8 bytes at @p at of the last 24 differ from the row? */
static inline uint64_t nr_tcp_layout_differs(const struct nr_tcp_layout *row, const uint8_t *last,
					     int at)
{
	uint64_t bytes, mask, value;

	memcpy(&bytes, last + at, 8);
	memcpy(&mask, row->mask + at, 8);
	memcpy(&value, row->value + at, 8);
	return (bytes & mask) ^ value;
}

/** @p header with at least 4 readable bytes before it. Same result as nr_tcp_options_any(). */
static inline uint64_t nr_tcp_options_short(const uint8_t *header, uint32_t hlen)
{
	const struct nr_tcp_layout *row = &nr_tcp_layouts[hlen / 4 - 5];
	const uint8_t *last = header + hlen - 24;

	if (NR_LIKELY((nr_tcp_layout_differs(row, last, 0) | nr_tcp_layout_differs(row, last, 8) |
		       nr_tcp_layout_differs(row, last, 16)) == 0))
		return row->hash;
	return nr_tcp_options_any(header + 20, hlen - 20);
}

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
	static const uint8_t mapped[8] = { [2] = 0xff, [3] = 0xff };
	uint64_t low;
	uint32_t v4;

	memcpy(&low, mapped, 8);
	memcpy(&v4, be, 4);
	low |= (uint64_t)v4 << 32; /* little-endian */
	memset(ip->b, 0, 8);
	memcpy(ip->b + 8, &low, 8);
}
