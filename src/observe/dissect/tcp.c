/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/dissect_int.h"

/** RFC 9293 section 3.1 */
enum { HEADER = 20 };

#define FLAGS_IF(flags, odd) ((odd) ? UINT64_C(1) << (flags) : 0)
#define FLAGS_ODD(f)                                                                            \
	FLAGS_IF(f, (f) == 0 || (((f) & NR_TCP_SYN) && ((f) & (NR_TCP_FIN | NR_TCP_RST))) ||    \
			    (((f) & NR_TCP_FIN) && !((f) & (NR_TCP_ACK | NR_TCP_RST))))
#define FLAGS_ODD_4(f)	(FLAGS_ODD(f) | FLAGS_ODD((f) + 1) | FLAGS_ODD((f) + 2) | FLAGS_ODD((f) + 3))
#define FLAGS_ODD_16(f) (FLAGS_ODD_4(f) | FLAGS_ODD_4((f) + 4) | FLAGS_ODD_4((f) + 8) | FLAGS_ODD_4((f) + 12))

const uint64_t nr_tcp_odd_flags =
	FLAGS_ODD_16(0) | FLAGS_ODD_16(16) | FLAGS_ODD_16(32) | FLAGS_ODD_16(48);

uint32_t nr_tcp_options_hash(const uint8_t *p, size_t n, bool *ret_bad)
{
	uint64_t h = 0;

	*ret_bad = false;
	if (n == 0)
		return 0;
	for (size_t i = 0; i < n;) {
		uint8_t kind = p[i], len = 1;

		if (kind > 1) {
			if (i + 1 >= n || p[i + 1] < 2 || p[i + 1] > n - i) {
				*ret_bad = true;
				break;
			}
			len = p[i + 1];
		}
		h = (h + ((uint64_t)len << 8 | kind) + 1) * UINT64_C(0x9e3779b97f4a7c15);
		if (kind == 0)
			break;
		i += len;
	}
	uint32_t hash = (uint32_t)(nr_mix64(h) >> 32);
	return hash != 0 ? hash : 1;
}

/** A first fragment that ends inside the header: what there is of ports is used. */
static enum nr_outcome tiny_dissect(struct nr_view l4, struct nr_packet *pkt)
{
	pkt->anomalies |= NR_BIT(NR_ANOMALY_FRAGMENT_TINY);
	if (l4.n >= 4) {
		pkt->sport = nr_get_be16(l4.p);
		pkt->dport = nr_get_be16(l4.p + 2);
	}
	return NR_OUTCOME_OK;
}

static uint32_t anomalies_of(const struct nr_packet *pkt, uint32_t payload_wire)
{
	uint32_t found = 0;
	bool syn = (pkt->tcp_flags & (NR_TCP_SYN | NR_TCP_ACK)) == NR_TCP_SYN;

	if (nr_tcp_odd_flags >> (pkt->tcp_flags & 63) & 1)
		found |= NR_BIT(NR_ANOMALY_TCP_FLAGS);
	if (pkt->tcp_flags & NR_TCP_URG)
		found |= NR_BIT(NR_ANOMALY_TCP_URGENT);
	if ((pkt->tcp_flags & NR_TCP_SYN) && payload_wire > 0)
		found |= NR_BIT(NR_ANOMALY_TCP_SYN_DATA);
	if (syn && pkt->ack != 0)
		found |= NR_BIT(NR_ANOMALY_TCP_SYN_ACKNO);
	if (pkt->sport == 0 || pkt->dport == 0)
		found |= NR_BIT(NR_ANOMALY_PORT_ZERO);
	return found;
}

enum nr_outcome nr_tcp_dissect(struct nr_view l4, struct nr_packet *pkt)
{
	bool fragment = (pkt->anomalies & NR_BIT(NR_ANOMALY_FRAGMENT)) != 0, bad;

	if (l4.wire < HEADER)
		return fragment ? tiny_dissect(l4, pkt) : NR_OUTCOME_L4_MALFORMED;
	if (l4.n < HEADER)
		return NR_OUTCOME_L4_TRUNCATED;
	uint32_t hlen = (uint32_t)(l4.p[12] >> 4) * 4;
	if (hlen < HEADER)
		return NR_OUTCOME_L4_MALFORMED;
	if (hlen > l4.wire)
		return fragment ? tiny_dissect(l4, pkt) : NR_OUTCOME_L4_MALFORMED;
	pkt->sport = nr_get_be16(l4.p);
	pkt->dport = nr_get_be16(l4.p + 2);
	pkt->seq = nr_get_be32(l4.p + 4);
	pkt->ack = nr_get_be32(l4.p + 8);
	pkt->tcp_flags = l4.p[13];
	pkt->window = nr_get_be16(l4.p + 14);
	pkt->anomalies |= anomalies_of(pkt, l4.wire - hlen);
	if (l4.n < hlen)
		return NR_OUTCOME_OK; /* options cut by the capture: their hash is unknown, so 0 */
	pkt->opt_hash = nr_tcp_options_hash(l4.p + HEADER, hlen - HEADER, &bad);
	if (bad)
		pkt->anomalies |= NR_BIT(NR_ANOMALY_TCP_OPTION_BAD);
	if (l4.n > hlen) {
		pkt->payload = l4.p + hlen;
		pkt->payload_len = l4.n - hlen;
	}
	return NR_OUTCOME_OK;
}
