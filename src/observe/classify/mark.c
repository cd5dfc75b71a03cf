/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/classify_int.h"

/*
 * Predicates of the marks that one packet carries; what they mean and where they come from stands in
 * record/mark.c. Pairs of packets are compared in pair.c.
 */

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17 };
enum { EXPLOIT_MIN = 12 };

#define BIT(mark) (1u << (mark))

/** SYN and nothing that makes it another thing: what stateless scanners send. */
static inline bool is_syn(const struct nr_packet *pkt)
{
	return pkt->proto == PROTO_TCP && (pkt->tcp_flags & 63) == NR_TCP_SYN;
}

static unsigned syn_bits(const struct nr_packet *pkt)
{
	uint32_t dst = nr_ip_to_v4(pkt->dst), id = pkt->ip_id;
	unsigned bits = 0;

	bits |= (unsigned)(pkt->seq == dst) << NR_MARK_MIRAI;
	bits |= (unsigned)(id == ((dst ^ pkt->dport ^ pkt->seq) & 0xffff)) << NR_MARK_MASSCAN;
	bits |= (unsigned)(id == 54321) << NR_MARK_ZMAP;
	/* no short cuts: neighbours differ, so a branch here is often guessed wrong */
	bits |= (unsigned)((pkt->window == 65535) & (pkt->opt_hash == NR_OPTIONS_WINDOWS) &
			   (pkt->ttl > 200))
		<< NR_MARK_ZMAP_NEW;
	bits |= (unsigned)((pkt->dport == 445) & ((dst & 0x00800080) == 0)) << NR_MARK_CONFICKER;
	if (pkt->window == 14600 && nr_mark_is_hajime_port(pkt->dport))
		bits |= BIT(NR_MARK_HAJIME);
	return bits;
}

/** The field of a UDP probe in which masscan repeats its cookie; false when this is no such probe. */
static bool masscan_cookie(const struct nr_packet *pkt, uint32_t *ret_low)
{
	const uint8_t *p = pkt->payload;

	if (pkt->payload_class == NR_PAYLOAD_DNS && pkt->payload_len >= 12) {
		*ret_low = nr_get_be16(p);
		return true;
	}
	if (pkt->payload_class == NR_PAYLOAD_SNMP && pkt->payload_len >= 23 && p[15] == 2 &&
	    p[16] == 4) {
		*ret_low = nr_get_be16(p + 19); /* request id behind the community "public" */
		return true;
	}
	return false;
}

static unsigned datagram_bits(const struct nr_packet *pkt)
{
	uint32_t low, dst = nr_ip_to_v4(pkt->dst);
	unsigned bits = 0;

	if (pkt->traffic_class == NR_CLASS_BACKSCATTER || pkt->traffic_class == NR_CLASS_OTHER)
		return 0;
	bits |= (unsigned)(pkt->ip_id == 54321) << NR_MARK_ZMAP;
	if (pkt->proto == PROTO_UDP && masscan_cookie(pkt, &low) &&
	    pkt->ip_id == ((dst ^ pkt->dport ^ low) & 0xffff))
		bits |= BIT(NR_MARK_MASSCAN);
	return bits;
}

/* Orders travel as text of services that take commands; binary protocols are not searched word by word. */
static bool may_carry_orders(uint8_t payload_class)
{
	const unsigned classes = BIT(NR_PAYLOAD_UNKNOWN) | BIT(NR_PAYLOAD_HTTP) |
				 BIT(NR_PAYLOAD_TELNET) | BIT(NR_PAYLOAD_REDIS) |
				 BIT(NR_PAYLOAD_ADB);

	return (classes >> payload_class & 1) != 0;
}

/** Encrypted or binary by their nature: no shell reads them. SSDP, SIP and ADB have carried commands. */
static inline bool may_order(uint8_t payload_class)
{
	const uint32_t never = 1u << NR_PAYLOAD_NONE | 1u << NR_PAYLOAD_TLS |
			       1u << NR_PAYLOAD_QUIC | 1u << NR_PAYLOAD_DNS | 1u << NR_PAYLOAD_NTP |
			       1u << NR_PAYLOAD_SNMP | 1u << NR_PAYLOAD_CLDAP |
			       1u << NR_PAYLOAD_RDP | 1u << NR_PAYLOAD_SSH;

	return (never >> payload_class & 1) == 0;
}

uint16_t nr_mark_bits(const struct nr_packet *pkt)
{
	unsigned bits = 0;

	if (NR_LIKELY(pkt->is_v4)) {
		if (is_syn(pkt))
			bits = syn_bits(pkt);
		else if (pkt->proto == PROTO_UDP || pkt->proto == PROTO_ICMP)
			bits = datagram_bits(pkt);
	}
	if (NR_UNLIKELY(pkt->payload_len >= EXPLOIT_MIN) &&
	    (pkt->proto == PROTO_TCP || pkt->proto == PROTO_UDP) && may_order(pkt->payload_class) &&
	    may_carry_orders(pkt->payload_class) && nr_exploit_is(pkt->payload, pkt->payload_len))
		bits |= BIT(NR_MARK_EXPLOIT);
	return (uint16_t)bits;
}
