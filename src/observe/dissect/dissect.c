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

enum nr_outcome nr_dissect(const struct nr_frame *frame, struct nr_packet *pkt)
{
	return nr_dissect_general(frame, pkt);
}
