/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/dissect_int.h"

/*
 * Tunnels are named so that a reader of the counters knows what was not looked into. IP protocols name
 * themselves; a UDP port alone does not (it may be a scan for that port), so the content must agree.
 */

const char *const nr_tunnel_names[] = {
	[NR_TUNNEL_NONE] = "none",     [NR_TUNNEL_IPIP] = "ipip",
	[NR_TUNNEL_6IN4] = "6in4",     [NR_TUNNEL_GRE] = "gre",
	[NR_TUNNEL_ESP] = "esp",       [NR_TUNNEL_AH] = "ah",
	[NR_TUNNEL_L2TP] = "l2tp",     [NR_TUNNEL_VXLAN] = "vxlan",
	[NR_TUNNEL_GENEVE] = "geneve", [NR_TUNNEL_GTP] = "gtp",
	[NR_TUNNEL_TEREDO] = "teredo", [NR_TUNNEL_WIREGUARD] = "wireguard",
	[NR_TUNNEL_N] = NULL,
};

static void name(struct nr_packet *pkt, enum nr_tunnel tunnel)
{
	pkt->tunnel = (uint8_t)tunnel;
	pkt->anomalies |= NR_BIT(NR_ANOMALY_TUNNEL);
}

void nr_tunnel_name_proto(struct nr_packet *pkt)
{
	switch (pkt->proto) {
	case 4:
		name(pkt, NR_TUNNEL_IPIP);
		break;
	case 41:
		name(pkt, NR_TUNNEL_6IN4);
		break;
	case 47:
		name(pkt, NR_TUNNEL_GRE);
		break;
	case 50:
		name(pkt, NR_TUNNEL_ESP);
		break;
	case 51:
		name(pkt, NR_TUNNEL_AH);
		break;
	case 115: /* L2TPv3 over IP, RFC 3931 */
		name(pkt, NR_TUNNEL_L2TP);
		break;
	default:
		break;
	}
}

/** RFC 2661 section 3.1: a data message of version 2. */
static bool is_l2tp(const uint8_t *p, uint32_t n)
{
	return n >= 6 && (p[0] & 0x80) == 0 && (p[1] & 0x0f) == 2;
}

/** RFC 7348 section 5: I flag alone, reserved bytes zero, an Ethernet frame inside. */
static bool is_vxlan(const uint8_t *p, uint32_t n)
{
	return n >= 8 + 14 && p[0] == 0x08 && p[1] == 0 && p[2] == 0 && p[3] == 0 && p[7] == 0;
}

/** RFC 8926 section 3.4: version 0, a protocol type that carries IP or Ethernet. */
static bool is_geneve(const uint8_t *p, uint32_t n)
{
	if (n < 8 || p[0] >> 6 != 0 || p[7] != 0)
		return false;
	uint16_t type = nr_get_be16(p + 2);
	return type == 0x6558 || type == 0x0800 || type == 0x86dd;
}

/** 3GPP TS 29.281 section 5.1: version 1, protocol type GTP, message G-PDU. */
static bool is_gtp(const uint8_t *p, uint32_t n)
{
	return n >= 8 + 20 && p[0] >> 4 == 3 && p[1] == 255;
}

/** RFC 4380: an IPv6 packet, maybe behind an origin indication, from or to 2001:0::/32. */
static bool is_teredo(const uint8_t *p, uint32_t n)
{
	static const uint8_t prefix[4] = { 0x20, 0x01, 0, 0 };

	if (n >= 8 && p[0] == 0 && p[1] == 0) {
		p += 8;
		n -= 8;
	}
	return n >= 40 && p[0] >> 4 == 6 &&
	       (memcmp(p + 8, prefix, 4) == 0 || memcmp(p + 24, prefix, 4) == 0);
}

/** The message types of the WireGuard protocol, with their fixed sizes. */
static bool is_wireguard(const uint8_t *p, uint32_t n)
{
	if (n < 32 || p[1] != 0 || p[2] != 0 || p[3] != 0)
		return false;
	return (p[0] == 1 && n == 148) || (p[0] == 2 && n == 92) || (p[0] == 3 && n == 64) ||
	       p[0] == 4;
}

static const struct {
	uint16_t port;
	uint8_t tunnel;
	bool (*is)(const uint8_t *p, uint32_t n);
} udp_tunnels[] = {
	{ 1701, NR_TUNNEL_L2TP, is_l2tp },
	{ 4789, NR_TUNNEL_VXLAN, is_vxlan },
	{ 8472, NR_TUNNEL_VXLAN, is_vxlan },
	{ 6081, NR_TUNNEL_GENEVE, is_geneve },
	{ 2152, NR_TUNNEL_GTP, is_gtp },
	{ 3544, NR_TUNNEL_TEREDO, is_teredo },
	{ 51820, NR_TUNNEL_WIREGUARD, is_wireguard },
};

void nr_tunnel_name_udp(struct nr_packet *pkt)
{
	for (size_t i = 0; i < NR_COUNT(udp_tunnels); i++) {
		uint16_t port = udp_tunnels[i].port;

		if ((pkt->sport == port || pkt->dport == port) &&
		    udp_tunnels[i].is(pkt->payload, pkt->payload_len)) {
			name(pkt, udp_tunnels[i].tunnel);
			return;
		}
	}
}
