/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/dissect_int.h"

/** RFC 791 section 3.1; at most 40 bytes, so at most 40 steps. */
static uint32_t options_walk(const uint8_t *p, uint32_t n)
{
	uint32_t found = NR_BIT(NR_ANOMALY_IP_OPTIONS);

	for (uint32_t i = 0; i < n && p[i] != 0;) {
		if (p[i] == 1) {
			i++;
			continue;
		}
		if (i + 1 >= n || p[i + 1] < 2 || p[i + 1] > n - i)
			return found | NR_BIT(NR_ANOMALY_IP_OPTION_BAD);
		i += p[i + 1];
	}
	return found;
}

/** The payload as the total length and the capture leave it; -1 when the lengths contradict. */
static int payload_view(struct nr_view ip, uint32_t hlen, struct nr_packet *pkt,
			struct nr_view *ret_l4)
{
	uint32_t total = nr_get_be16(ip.p + 2);

	if (total == 0) { /* segmentation offload: the length comes later, in hardware */
		pkt->anomalies |= NR_BIT(NR_ANOMALY_IP_LENGTH);
		total = ip.wire;
	}
	if (total < hlen)
		return -1;
	pkt->ip_len = total;
	if (total > ip.wire) {
		pkt->anomalies |= NR_BIT(NR_ANOMALY_IP_LENGTH);
		total = ip.wire;
	}
	if (hlen > total)
		return -1;
	ret_l4->p = ip.p + hlen;
	ret_l4->wire = total - hlen;
	ret_l4->n = ip.n < total ? ip.n : total; /* what follows is padding of the link */
	ret_l4->n = ret_l4->n > hlen ? ret_l4->n - hlen : 0;
	return 0;
}

/** @return false when what follows is no layer-4 header. */
static bool fragment_note(uint16_t field, uint32_t payload, struct nr_packet *pkt)
{
	uint32_t offset = (uint32_t)(field & 0x1fff) * 8;

	if ((field & 0x3fff) == 0)
		return true;
	pkt->anomalies |= NR_BIT(NR_ANOMALY_FRAGMENT);
	if (offset + payload > 65535)
		pkt->anomalies |= NR_BIT(NR_ANOMALY_FRAGMENT_OVERRUN);
	if (offset == 0)
		return true;
	pkt->anomalies |= NR_BIT(NR_ANOMALY_FRAGMENT_LATER);
	return false;
}

enum nr_outcome nr_ipv4_dissect(struct nr_view ip, struct nr_packet *pkt)
{
	struct nr_view l4;

	if (ip.n < 1)
		return NR_OUTCOME_IP_TRUNCATED;
	uint32_t hlen = (uint32_t)(ip.p[0] & 15) * 4;
	if (ip.p[0] >> 4 != 4 || hlen < 20)
		return NR_OUTCOME_IP_MALFORMED;
	if (ip.n < 20)
		return NR_OUTCOME_IP_TRUNCATED;
	if (payload_view(ip, hlen, pkt, &l4) < 0)
		return NR_OUTCOME_IP_MALFORMED;
	if (ip.n < hlen)
		return NR_OUTCOME_IP_TRUNCATED;
	pkt->is_v4 = 1;
	pkt->ip_id = nr_get_be16(ip.p + 4);
	pkt->ttl = ip.p[8];
	pkt->proto = ip.p[9];
	nr_ip_store_v4(&pkt->src, ip.p + 12);
	nr_ip_store_v4(&pkt->dst, ip.p + 16);
	if (nr_v4_is_special(ip.p[12]))
		pkt->anomalies |= NR_BIT(NR_ANOMALY_SRC_SPECIAL);
	if (nr_ip_eq(pkt->src, pkt->dst))
		pkt->anomalies |= NR_BIT(NR_ANOMALY_SRC_IS_DST);
	if (hlen > 20)
		pkt->anomalies |= options_walk(ip.p + 20, hlen - 20);
	nr_tunnel_name_proto(pkt);
	if (!fragment_note(nr_get_be16(ip.p + 6), l4.wire, pkt))
		return NR_OUTCOME_OK;
	return nr_l4_dissect(l4, pkt);
}
