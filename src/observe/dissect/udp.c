/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/dissect_int.h"

/** RFC 768; a length of 0 is for jumbograms only (RFC 2675 section 4). */
enum { HEADER = 8 };

/** Checks of the captured length, and the ports as far as they are there. */
static enum nr_outcome ports_read(struct nr_view l4, bool fragment, struct nr_packet *pkt)
{
	if (l4.wire < HEADER) {
		if (!fragment)
			return NR_OUTCOME_L4_MALFORMED;
		pkt->anomalies |= NR_BIT(NR_ANOMALY_FRAGMENT_TINY);
	} else if (l4.n < HEADER) {
		return NR_OUTCOME_L4_TRUNCATED;
	}
	if (l4.n >= 4) {
		pkt->sport = nr_get_be16(l4.p);
		pkt->dport = nr_get_be16(l4.p + 2);
	}
	return NR_OUTCOME_OK;
}

static void payload_set(const uint8_t *p, uint32_t n, struct nr_packet *pkt)
{
	if (n == 0)
		return;
	pkt->payload = p;
	pkt->payload_len = n;
	if (nr_port_may_tunnel(pkt->sport) || nr_port_may_tunnel(pkt->dport))
		nr_tunnel_name_udp(pkt);
}

enum nr_outcome nr_udp_dissect(struct nr_view l4, struct nr_packet *pkt)
{
	bool fragment = (pkt->anomalies & NR_BIT(NR_ANOMALY_FRAGMENT)) != 0;
	bool jumbo = (pkt->anomalies & NR_BIT(NR_ANOMALY_IP6_JUMBO)) != 0;
	enum nr_outcome outcome = ports_read(l4, fragment, pkt);

	if (outcome != NR_OUTCOME_OK || l4.n < HEADER)
		return outcome;
	uint32_t len = nr_get_be16(l4.p + 4);
	if (len == 0 && jumbo)
		len = l4.wire;
	if (len < HEADER)
		return NR_OUTCOME_L4_MALFORMED;
	if (len != l4.wire && !fragment)
		pkt->anomalies |= NR_BIT(NR_ANOMALY_UDP_LENGTH);
	if (pkt->sport == 0 || pkt->dport == 0)
		pkt->anomalies |= NR_BIT(NR_ANOMALY_PORT_ZERO);
	payload_set(l4.p + HEADER, (l4.n < len ? l4.n : len) - HEADER, pkt);
	return NR_OUTCOME_OK;
}
