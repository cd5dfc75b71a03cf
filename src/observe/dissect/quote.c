/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/dissect_int.h"

/*
 * The packet inside an ICMP error. Senders quote the IP header and 8 bytes (RFC 792) or as much as fits
 * (RFC 1812, RFC 4443); some quote less. All that is needed is whom it went to: address, protocol, port.
 */

/** Destination port, or ICMP type and code, as far as quoted. */
static uint16_t port_read(uint8_t proto, struct nr_view l4)
{
	switch (proto) {
	case 1:
	case 58:
		return l4.n >= 2 ? nr_get_be16(l4.p) : 0;
	case 6:
	case 17:
	case 33:  /* DCCP */
	case 132: /* SCTP */
	case 136: /* UDP-Lite */
		return l4.n >= 4 ? nr_get_be16(l4.p + 2) : 0;
	default:
		return 0;
	}
}

static bool quote4_read(struct nr_view q, struct nr_packet *pkt, struct nr_ip *ret_src)
{
	uint32_t hlen = (uint32_t)(q.p[0] & 15) * 4;

	if (q.n < 20 || hlen < 20 || q.p[9] == 0)
		return false;
	nr_ip_store_v4(ret_src, q.p + 12);
	nr_ip_store_v4(&pkt->quoted_dst, q.p + 16);
	pkt->quoted_proto = q.p[9];
	if (q.n > hlen && (nr_get_be16(q.p + 6) & 0x1fff) == 0) {
		struct nr_view l4 = { q.p + hlen, q.n - hlen, q.n - hlen };

		pkt->quoted_dport = port_read(q.p[9], l4);
	}
	return true;
}

static bool quote6_read(struct nr_view q, struct nr_packet *pkt, struct nr_ip *ret_src)
{
	struct nr_chain chain;
	struct nr_ip dst;

	if (q.n < 40)
		return false;
	memcpy(ret_src->b, q.p + 8, 16);
	memcpy(dst.b, q.p + 24, 16);
	struct nr_view l4 = { q.p + 40, q.n - 40, q.n - 40 };
	enum nr_outcome outcome = nr_chain_walk(q.p[6], &l4, &chain);

	if (chain.proto == 0 || nr_ip_is_v4(dst) || nr_ip_is_v4(*ret_src))
		return false;
	pkt->quoted_dst = dst;
	pkt->quoted_proto = chain.proto;
	if (outcome == NR_OUTCOME_OK && !chain.later_fragment)
		pkt->quoted_dport = port_read(chain.proto, l4);
	return true;
}

void nr_quote_dissect(struct nr_view quote, struct nr_packet *pkt)
{
	struct nr_ip src;
	bool read = false;

	if (quote.n > 0 && quote.p[0] >> 4 == 4 && pkt->is_v4)
		read = quote4_read(quote, pkt, &src);
	else if (quote.n > 0 && quote.p[0] >> 4 == 6 && !pkt->is_v4)
		read = quote6_read(quote, pkt, &src);

	if (!read)
		pkt->anomalies |= NR_BIT(NR_ANOMALY_QUOTE_BAD);
	else if (!nr_ip_eq(src, pkt->dst))
		pkt->anomalies |= NR_BIT(NR_ANOMALY_QUOTE_FOREIGN);
}
