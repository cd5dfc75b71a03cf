/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/dissect_int.h"

enum {
	HOP_BY_HOP = 0,
	ROUTING = 43,
	FRAGMENT = 44,
	DESTINATION = 60,
	MOBILITY = 135,
	HIP = 139,
	SHIM6 = 140,
	CHAIN_MAX = 8,
	OPTION_JUMBO = 0xc2,
};

/** Position of an extension header in the set of those seen; 0: not an extension header. */
static uint8_t header_bit(uint8_t next)
{
	switch (next) {
	case HOP_BY_HOP:
		return 1;
	case ROUTING:
		return 2;
	case FRAGMENT:
		return 4;
	case DESTINATION:
		return 8;
	case MOBILITY:
		return 16;
	case HIP:
		return 32;
	case SHIM6:
		return 64;
	default:
		return 0;
	}
}

/** Options of hop-by-hop and destination headers, RFC 8200 section 4.2: only the jumbo one matters. */
static void options_walk(const uint8_t *p, uint32_t n, struct nr_chain *chain)
{
	for (uint32_t i = 0; i < n;) {
		if (p[i] == 0) { /* Pad1 */
			i++;
			continue;
		}
		if (i + 1 >= n || (uint32_t)p[i + 1] + 2 > n - i) {
			chain->anomalies |= NR_BIT(NR_ANOMALY_IP_OPTION_BAD);
			return;
		}
		if (p[i] == OPTION_JUMBO)
			chain->jumbo = true;
		i += (uint32_t)p[i + 1] + 2;
	}
}

static void fragment_note(const uint8_t *p, uint32_t after, struct nr_chain *chain)
{
	uint16_t field = nr_get_be16(p + 2);
	uint32_t offset = field & 0xfff8u;

	if ((field & 0xfff9u) == 0) {
		chain->anomalies |= NR_BIT(NR_ANOMALY_IP6_ATOMIC);
		return;
	}
	chain->fragment = true;
	chain->anomalies |= NR_BIT(NR_ANOMALY_FRAGMENT);
	if (offset + after > 65535)
		chain->anomalies |= NR_BIT(NR_ANOMALY_FRAGMENT_OVERRUN);
	if (offset > 0) {
		chain->later_fragment = true;
		chain->anomalies |= NR_BIT(NR_ANOMALY_FRAGMENT_LATER);
	}
}

/** What the order and repetition of headers say; @p seen holds the bits of those before. */
static void order_note(uint8_t next, unsigned at, uint8_t seen, struct nr_chain *chain)
{
	uint8_t bit = header_bit(next);
	/* destination options may stand twice: before a routing header, and last */
	bool again = (seen & bit) != 0 &&
		     !(next == DESTINATION && (seen & header_bit(ROUTING)) != 0);

	if (again || (next == HOP_BY_HOP && at > 0))
		chain->anomalies |= NR_BIT(NR_ANOMALY_IP6_ORDER);
	if (next == ROUTING)
		chain->anomalies |= NR_BIT(NR_ANOMALY_IP6_ROUTING);
}

enum nr_outcome nr_chain_walk(uint8_t next, struct nr_view *view, struct nr_chain *ret_chain)
{
	struct nr_chain chain = { .proto = next };
	enum nr_outcome outcome = NR_OUTCOME_OK;
	uint8_t seen = 0;

	for (unsigned at = 0; header_bit(chain.proto) != 0 && !chain.later_fragment; at++) {
		const uint8_t *p = view->p;

		if (at == CHAIN_MAX || view->n < 8) {
			outcome = NR_OUTCOME_IP6_CHAIN;
			break;
		}
		uint32_t len = chain.proto == FRAGMENT ? 8 : ((uint32_t)p[1] + 1) * 8;
		if (view->n < len) {
			outcome = NR_OUTCOME_IP6_CHAIN;
			break;
		}
		order_note(chain.proto, at, seen, &chain);
		if (chain.proto == FRAGMENT)
			fragment_note(p, view->wire - len, &chain);
		else if (chain.proto == HOP_BY_HOP || chain.proto == DESTINATION)
			options_walk(p + 2, len - 2, &chain);
		seen |= header_bit(chain.proto);
		chain.proto = p[0];
		view->p += len;
		view->n -= len;
		view->wire -= len;
	}
	*ret_chain = chain;
	return outcome;
}

/** RFC 4291: a source is no multicast, unspecified or loopback address. */
static bool is_special(const uint8_t *ip)
{
	static const uint8_t zero[15] = { 0 };

	return ip[0] == 0xff || (memcmp(ip, zero, 15) == 0 && ip[15] <= 1);
}

/** The payload by the header's length field, before the chain is known. */
static struct nr_view payload_view(struct nr_view ip, struct nr_packet *pkt)
{
	uint32_t len = nr_get_be16(ip.p + 4), wire = ip.wire - 40;

	if (len == 0 && ip.p[6] != 59 && wire > 0) {
		/* jumbogram, or segmentation offload: trust the wire; nr_ipv6_dissect() tells which */
		pkt->anomalies |= NR_BIT(NR_ANOMALY_IP_LENGTH);
		len = wire;
	}
	pkt->ip_len = 40 + len;
	if (len > wire) {
		pkt->anomalies |= NR_BIT(NR_ANOMALY_IP_LENGTH);
		len = wire;
	}
	uint32_t captured = ip.n - 40;
	return (struct nr_view){ .p = ip.p + 40,
				 .n = captured < len ? captured : len,
				 .wire = len };
}

enum nr_outcome nr_ipv6_dissect(struct nr_view ip, struct nr_packet *pkt)
{
	struct nr_chain chain;

	if (ip.n < 1)
		return NR_OUTCOME_IP_TRUNCATED;
	if (ip.p[0] >> 4 != 6)
		return NR_OUTCOME_IP_MALFORMED;
	if (ip.n < 40)
		return NR_OUTCOME_IP_TRUNCATED;
	pkt->ttl = ip.p[7];
	memcpy(pkt->src.b, ip.p + 8, 16);
	memcpy(pkt->dst.b, ip.p + 24, 16);
	if (nr_ip_is_v4(pkt->src) || nr_ip_is_v4(pkt->dst))
		return NR_OUTCOME_IP_MALFORMED; /* v4-mapped on the wire: would pass for an IPv4 host */
	if (is_special(pkt->src.b))
		pkt->anomalies |= NR_BIT(NR_ANOMALY_SRC_SPECIAL);
	if (nr_ip_eq(pkt->src, pkt->dst))
		pkt->anomalies |= NR_BIT(NR_ANOMALY_SRC_IS_DST);

	struct nr_view l4 = payload_view(ip, pkt);
	enum nr_outcome outcome = nr_chain_walk(ip.p[6], &l4, &chain);
	pkt->proto = chain.proto;
	pkt->anomalies |= chain.anomalies;
	if (chain.jumbo) {
		pkt->anomalies |= NR_BIT(NR_ANOMALY_IP6_JUMBO);
		pkt->anomalies &= ~NR_BIT(NR_ANOMALY_IP_LENGTH);
	}
	if (outcome != NR_OUTCOME_OK)
		return outcome;
	nr_tunnel_name_proto(pkt);
	return chain.later_fragment ? NR_OUTCOME_OK : nr_l4_dissect(l4, pkt);
}
