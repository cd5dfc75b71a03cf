/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/dissect_int.h"

/*
 * nr_dissect() takes the common frame in a few straight lines: Ethernet or RAW, IPv4 without options,
 * whole TCP or UDP header, nothing cut. Everything else goes through the files by protocol, which also
 * cover that frame: a test compares the two on every prefix and many changes of it.
 */

const char *const nr_outcome_names[] = {
	[NR_OUTCOME_OK] = "ok",
	[NR_OUTCOME_LINK_UNKNOWN] = "link_unknown",
	[NR_OUTCOME_LINK_TRUNCATED] = "link_truncated",
	[NR_OUTCOME_NOT_IP] = "not_ip",
	[NR_OUTCOME_IP_TRUNCATED] = "ip_truncated",
	[NR_OUTCOME_IP_MALFORMED] = "ip_malformed",
	[NR_OUTCOME_IP6_CHAIN] = "ip6_chain",
	[NR_OUTCOME_L4_TRUNCATED] = "l4_truncated",
	[NR_OUTCOME_L4_MALFORMED] = "l4_malformed",
	[NR_OUTCOME_TIME] = "time",
	[NR_OUTCOME_FILTERED] = "filtered",
	[NR_OUTCOME_NOT_MONITORED] = "not_monitored",
	[NR_OUTCOME_TABLE_FULL] = "table_full",
	[NR_OUTCOME_N] = NULL,
};

const char *const nr_anomaly_names[] = {
	[NR_ANOMALY_TIME_ODD] = "time_odd",
	[NR_ANOMALY_TIME_BACKWARD] = "time_backward",
	[NR_ANOMALY_TIME_JUMP] = "time_jump",
	[NR_ANOMALY_FRAGMENT] = "fragment",
	[NR_ANOMALY_FRAGMENT_TINY] = "fragment_tiny",
	[NR_ANOMALY_FRAGMENT_OVERRUN] = "fragment_overrun",
	[NR_ANOMALY_IP_OPTIONS] = "ip_options",
	[NR_ANOMALY_IP_OPTION_BAD] = "ip_option_bad",
	[NR_ANOMALY_IP_LENGTH] = "ip_length",
	[NR_ANOMALY_IP6_ORDER] = "ip6_order",
	[NR_ANOMALY_IP6_ROUTING] = "ip6_routing",
	[NR_ANOMALY_IP6_JUMBO] = "ip6_jumbo",
	[NR_ANOMALY_IP6_ATOMIC] = "ip6_atomic",
	[NR_ANOMALY_TCP_OPTION_BAD] = "tcp_option_bad",
	[NR_ANOMALY_TCP_FLAGS] = "tcp_flags",
	[NR_ANOMALY_TCP_URGENT] = "tcp_urgent",
	[NR_ANOMALY_TCP_SYN_DATA] = "tcp_syn_data",
	[NR_ANOMALY_TCP_SYN_ACKNO] = "tcp_syn_ackno",
	[NR_ANOMALY_UDP_LENGTH] = "udp_length",
	[NR_ANOMALY_PORT_ZERO] = "port_zero",
	[NR_ANOMALY_SRC_SPECIAL] = "src_special",
	[NR_ANOMALY_SRC_IS_DST] = "src_is_dst",
	[NR_ANOMALY_QUOTE_BAD] = "quote_bad",
	[NR_ANOMALY_QUOTE_FOREIGN] = "quote_foreign",
	[NR_ANOMALY_TUNNEL] = "tunnel",
	[NR_ANOMALY_FRAGMENT_LATER] = "fragment_later",
	[NR_ANOMALY_N] = NULL,
};

enum nr_outcome nr_l4_dissect(struct nr_view l4, struct nr_packet *pkt)
{
	switch (pkt->proto) {
	case 6:
		return nr_tcp_dissect(l4, pkt);
	case 17:
		return nr_udp_dissect(l4, pkt);
	case 1:
		if (pkt->is_v4)
			return nr_icmp_dissect(l4, pkt);
		break;
	case 58:
		if (!pkt->is_v4)
			return nr_icmp6_dissect(l4, pkt);
		break;
	default:
		break;
	}
	if (l4.n > 0) {
		pkt->payload = l4.p;
		pkt->payload_len = l4.n;
	}
	return NR_OUTCOME_OK;
}

static inline uint32_t time_anomaly(const struct nr_frame *frame)
{
	_Static_assert(NR_FRAME_TIME_ODD == NR_BIT(NR_ANOMALY_TIME_ODD), "flag is the anomaly bit");
	return frame->flags & NR_FRAME_TIME_ODD;
}

enum nr_outcome nr_dissect_general(const struct nr_frame *frame, struct nr_packet *pkt)
{
	enum nr_link_next next = NR_LINK_NO_IP;
	struct nr_view view = { frame->data, frame->caplen, frame->wirelen };

	if (view.wire < view.n)
		view.wire = view.n;
	*pkt = (struct nr_packet){ .ts = frame->ts, .anomalies = time_anomaly(frame) };
	enum nr_outcome outcome = nr_link_dissect(frame, &view, &next);
	if (outcome != NR_OUTCOME_OK)
		return outcome;
	if (next == NR_LINK_BY_VERSION)
		next = view.n > 0 && view.p[0] >> 4 == 6 ? NR_LINK_IP6 : NR_LINK_IP4;
	return next == NR_LINK_IP4 ? nr_ipv4_dissect(view, pkt) : nr_ipv6_dissect(view, pkt);
}

/*
 * The short way is bound by the number of instructions, so neighbouring fields are written together:
 * the layout of struct nr_packet is asserted here, and the tests compare every byte of the result.
 */
#define AT(pkt, field) ((uint8_t *)(pkt) + offsetof(struct nr_packet, field))
#define FOLLOWS(field, before)                                                  \
	_Static_assert(offsetof(struct nr_packet, field) ==                     \
			       offsetof(struct nr_packet, before) +             \
				       sizeof(((struct nr_packet *)0)->before), \
		       #field " follows " #before)
FOLLOWS(ack, seq);
FOLLOWS(payload_hash, opt_hash);
FOLLOWS(dport, sport);
FOLLOWS(window, ip_id);
FOLLOWS(quoted_dport, window);
FOLLOWS(marks, quoted_dport);
FOLLOWS(proto, quoted_proto);
FOLLOWS(ttl, proto);
FOLLOWS(tcp_flags, ttl);
FOLLOWS(traffic_class, tcp_flags);
FOLLOWS(payload_class, traffic_class);
FOLLOWS(tunnel, payload_class);
FOLLOWS(is_v4, tunnel);

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static inline void store64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, 8);
}

/** An IPv4 address from the low half of @p be, as its 16 bytes. */
static inline void store_v4(uint8_t *p, uint64_t be)
{
	store64(p, 0);
	store64(p + 8, be << 32 | 0xffff0000u);
}

/** What both layer-4 protocols of the short way share; @p flags and @p window are 0 for UDP. */
static inline __attribute__((always_inline)) void short_ip(const struct nr_frame *frame,
							   const uint8_t *ip, uint32_t flags,
							   uint32_t window, struct nr_packet *pkt)
{
	uint64_t addresses = load64(ip + 12);
	uint32_t ports = nr_get_be32(ip + 20), ttl = ip[8], proto = ip[9];

	pkt->ts = frame->ts;
	store_v4(AT(pkt, src), addresses & 0xffffffffu);
	store_v4(AT(pkt, dst), addresses >> 32);
	pkt->quoted_dst = (struct nr_ip){ { 0 } };
	pkt->ip_len = nr_get_be16(ip + 2);
	ports = ports << 16 | ports >> 16;
	memcpy(AT(pkt, sport), &ports, 4);
	store64(AT(pkt, ip_id), nr_get_be16(ip + 4) | (uint64_t)window << 16);
	store64(AT(pkt, quoted_proto),
		proto << 8 | ttl << 16 | flags << 24 | UINT64_C(1) << 56 /* is_v4 */);
	pkt->anomalies = time_anomaly(frame) |
			 (uint32_t)nr_v4_is_special(ip[12]) << NR_ANOMALY_SRC_SPECIAL |
			 (uint32_t)((uint32_t)addresses == addresses >> 32)
				 << NR_ANOMALY_SRC_IS_DST;
}

/** A packet at @p ip of which @p n bytes are TCP with a header of @p hlen, all captured. */
static inline void short_tcp(const struct nr_frame *frame, const uint8_t *ip, uint32_t n,
			     uint32_t hlen, struct nr_packet *pkt)
{
	const uint8_t *p = ip + 20;
	uint64_t hash = nr_tcp_options_short(p, hlen);
	uint64_t numbers = __builtin_bswap64(load64(p + 4));
	bool no_port = (p[0] | p[1]) == 0 || (p[2] | p[3]) == 0;

	short_ip(frame, ip, p[13], nr_get_be16(p + 14), pkt);
	pkt->payload = n > hlen ? p + hlen : NULL;
	pkt->payload_len = n - hlen;
	store64(AT(pkt, seq), numbers << 32 | numbers >> 32);
	store64(AT(pkt, opt_hash), hash & 0xffffffffu); /* and no payload hash yet */
	pkt->anomalies |= nr_tcp_anomalies(p[13], (uint32_t)numbers, no_port, n > hlen) |
			  (uint32_t)(hash >> 32) << NR_ANOMALY_TCP_OPTION_BAD;
}

static inline enum nr_outcome short_udp(const struct nr_frame *frame, const uint8_t *ip, uint32_t n,
					struct nr_packet *pkt)
{
	short_ip(frame, ip, 0, 0, pkt);
	pkt->payload = NULL;
	pkt->payload_len = 0;
	store64(AT(pkt, seq), 0);
	store64(AT(pkt, opt_hash), 0);
	return nr_udp_dissect((struct nr_view){ ip + 20, n, n }, pkt);
}

/** Where the IP header of the frame starts if the link is one of the common ones; -1 otherwise. */
static inline int short_link(const struct nr_frame *frame)
{
	if (NR_LIKELY(frame->link == 1))
		return frame->caplen >= 34 && nr_get_be16(frame->data + 12) == 0x0800 ? 14 : -1;
	return (frame->link == 101 || frame->link == 228) && frame->caplen >= 20 ? 0 : -1;
}

enum nr_outcome nr_dissect(const struct nr_frame *frame, struct nr_packet *pkt)
{
	/* version 4, 20 bytes of header; neither a later fragment nor more of them */
	const uint64_t plain_mask = UINT64_C(0xff3f0000000000ff), plain = 0x45;
	int at = short_link(frame);

	if (NR_UNLIKELY(at < 0))
		return nr_dissect_general(frame, pkt);
	const uint8_t *ip = frame->data + at;
	uint32_t total = nr_get_be16(ip + 2), proto = ip[9];
	if (NR_UNLIKELY((load64(ip) & plain_mask) != plain || total > frame->caplen - (uint32_t)at))
		return nr_dissect_general(frame, pkt);
	if (NR_LIKELY(proto == 6 && total >= 40)) {
		uint32_t hlen = (uint32_t)(ip[32] >> 4) * 4;

		if (NR_UNLIKELY(hlen < 20 || 20 + hlen > total))
			return nr_dissect_general(frame, pkt);
		short_tcp(frame, ip, total - 20, hlen, pkt);
		return NR_OUTCOME_OK;
	}
	if (proto == 17 && total >= 28)
		return short_udp(frame, ip, total - 20, pkt);
	return nr_dissect_general(frame, pkt);
}
