/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/dissect_int.h"

/** RFC 768; a length of 0 is for jumbograms only (RFC 2675 section 4). */
enum { HEADER = 8 };

enum nr_outcome nr_udp_dissect(struct nr_view l4, struct nr_packet *pkt)
{
	bool fragment = (pkt->anomalies & NR_BIT(NR_ANOMALY_FRAGMENT)) != 0;
	bool jumbo = (pkt->anomalies & NR_BIT(NR_ANOMALY_IP6_JUMBO)) != 0;

	if (l4.wire < HEADER && !fragment)
		return NR_OUTCOME_L4_MALFORMED;
	if (l4.wire < HEADER)
		pkt->anomalies |= NR_BIT(NR_ANOMALY_FRAGMENT_TINY);
	if (l4.n < HEADER && l4.wire >= HEADER)
		return NR_OUTCOME_L4_TRUNCATED;
	if (l4.n >= 4) {
		pkt->sport = nr_get_be16(l4.p);
		pkt->dport = nr_get_be16(l4.p + 2);
	}
	if (l4.n < HEADER)
		return NR_OUTCOME_OK;

	uint32_t len = nr_get_be16(l4.p + 4);
	if (len == 0 && jumbo)
		len = l4.wire;
	if (len < HEADER)
		return NR_OUTCOME_L4_MALFORMED;
	if (len != l4.wire && !fragment)
		pkt->anomalies |= NR_BIT(NR_ANOMALY_UDP_LENGTH);
	if (pkt->sport == 0 || pkt->dport == 0)
		pkt->anomalies |= NR_BIT(NR_ANOMALY_PORT_ZERO);
	if (l4.n > len)
		l4.n = len;
	if (l4.n > HEADER) {
		pkt->payload = l4.p + HEADER;
		pkt->payload_len = l4.n - HEADER;
		if (nr_port_may_tunnel(pkt->sport) || nr_port_may_tunnel(pkt->dport))
			nr_tunnel_name_udp(pkt);
	}
	return NR_OUTCOME_OK;
}
