/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/lab/packet.h"

#define ROOM 20 /* the longest option list below */

static const struct {
	uint8_t n;
	uint8_t bytes[ROOM];
} options[NR_LAB_OPT_N] = {
	[NR_LAB_OPT_NONE] = { 0, { 0 } },
	[NR_LAB_OPT_MSS] = { 4, { 2, 4, 0x05, 0xb4 } },
	[NR_LAB_OPT_WINDOWS] = { 12, { 2, 4, 0x05, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2 } },
	[NR_LAB_OPT_WINDOWS_XP] = { 8, { 2, 4, 0x05, 0xb4, 1, 1, 4, 2 } },
	[NR_LAB_OPT_LINUX] = { 20, { 2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0,
				     0, 0, 0,	 0,    0, 0, 1, 3,  3, 7 } },
	[NR_LAB_OPT_LINUX_ANSWER] = { 12, { 2, 4, 0x05, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7 } },
};

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, 4);
}

/* Sum of 16-bit words in memory order (RFC 1071: the order of bytes does not matter until the end). */
static uint64_t sum(const uint8_t *p, size_t n, uint64_t total)
{
	uint32_t word;
	uint16_t half = 0;

	for (; n >= 4; n -= 4, p += 4) {
		memcpy(&word, p, 4);
		total += word;
	}
	if (n >= 2) {
		memcpy(&half, p, 2);
		total += half;
		p += 2;
		n -= 2;
	}
	if (n == 1) {
		half = 0;
		memcpy(&half, p, 1);
		total += half;
	}
	return total;
}

static void put_sum(uint8_t *p, uint64_t total)
{
	uint16_t folded;

	total = (total >> 32) + (total & UINT32_MAX);
	total = (total >> 16) + (total & UINT16_MAX);
	total = (total >> 16) + (total & UINT16_MAX);
	total = (total >> 16) + (total & UINT16_MAX);
	folded = (uint16_t)~total;
	memcpy(p, &folded, 2);
}

static uint64_t pseudo(const struct nr_lab_packet *packet, bool v6, uint8_t proto, size_t len)
{
	size_t skip = v6 ? 0 : 12;
	uint64_t total = sum(packet->src.b + skip, 16 - skip, 0);

	total = sum(packet->dst.b + skip, 16 - skip, total);
	return total + __builtin_bswap16(proto) + __builtin_bswap16((uint16_t)len);
}

static void ip4_header(const struct nr_lab_packet *packet, uint8_t *out, size_t total_len)
{
	out[0] = 0x45;
	out[1] = packet->tos;
	put16(out + 2, (uint32_t)total_len);
	put16(out + 4, packet->id);
	put16(out + 6, packet->df ? 0x4000 : 0);
	out[8] = packet->ttl;
	out[9] = packet->proto;
	out[10] = out[11] = 0;
	memcpy(out + 12, packet->src.b + 12, 4);
	memcpy(out + 16, packet->dst.b + 12, 4);
	put_sum(out + 10, sum(out, 20, 0));
}

static void ip6_header(const struct nr_lab_packet *packet, uint8_t *out, size_t payload_len)
{
	put32(out, 0x60000000);
	put16(out + 4, (uint32_t)payload_len);
	out[6] = packet->proto;
	out[7] = packet->ttl;
	memcpy(out + 8, packet->src.b, 16);
	memcpy(out + 24, packet->dst.b, 16);
}

static size_t tcp(const struct nr_lab_packet *packet, uint8_t *out)
{
	size_t n_options = options[packet->options].n;

	put16(out, packet->sport);
	put16(out + 2, packet->dport);
	put32(out + 4, packet->seq);
	put32(out + 8, packet->ack);
	out[12] = (uint8_t)((20 + n_options) << 2);
	out[13] = packet->tcp_flags;
	put16(out + 14, packet->window);
	memset(out + 16, 0, 4);
	memcpy(out + 20, options[packet->options].bytes, ROOM);
	if (packet->options == NR_LAB_OPT_LINUX)
		put32(out + 28, packet->tsval);
	return 20 + n_options;
}

static size_t udp(const struct nr_lab_packet *packet, uint8_t *out)
{
	put16(out, packet->sport);
	put16(out + 2, packet->dport);
	put16(out + 4, 8u + packet->n_payload);
	put16(out + 6, 0);
	return 8;
}

/* The packet that an ICMP error answers, as its victim received it: eight bytes behind the IP header. */
static size_t quote(const struct nr_lab_packet *packet, bool v6, uint8_t *out)
{
	struct nr_lab_packet inner = { .src = packet->dst,
				       .dst = packet->quoted_dst,
				       .proto = packet->quoted_proto,
				       .ttl = 52,
				       .id = (uint16_t)packet->seq,
				       .sport = packet->quoted_sport,
				       .dport = packet->quoted_dport,
				       .seq = packet->seq };
	size_t header = v6 ? 40 : 20, inner_len = inner.proto == NR_LAB_TCP ? 20 : 8 + 18;
	uint8_t l4[20 + ROOM];

	if (v6)
		ip6_header(&inner, out, inner_len);
	else
		ip4_header(&inner, out, header + inner_len);
	if (inner.proto == NR_LAB_TCP) {
		inner.tcp_flags = NR_LAB_SYN;
		(void)tcp(&inner, l4);
	} else {
		inner.n_payload = 18;
		(void)udp(&inner, l4);
	}
	memcpy(out + header, l4, 8);
	return header + 8;
}

static size_t icmp(const struct nr_lab_packet *packet, bool v6, uint8_t *out)
{
	put16(out, packet->dport);
	memset(out + 2, 0, 6);
	if (packet->quoted_proto != 0)
		return 8 + quote(packet, v6, out + 8);
	put16(out + 4, packet->sport);
	put16(out + 6, packet->seq & UINT16_MAX);
	return 8;
}

size_t nr_lab_packet_render(const struct nr_lab_packet *packet, uint8_t *out)
{
	bool v6 = !nr_ip_is_v4(packet->dst);
	size_t header = v6 ? 40 : 20, len, check;
	uint8_t *l4 = out + header;

	if (packet->proto == NR_LAB_TCP) {
		len = tcp(packet, l4);
		check = 16;
	} else if (packet->proto == NR_LAB_UDP) {
		len = udp(packet, l4);
		check = 6;
	} else {
		len = icmp(packet, v6, l4);
		check = 2;
	}
	nr_require(header + len + packet->n_payload <= NR_LAB_PACKET_MAX);
	if (packet->n_payload > 0)
		memcpy(l4 + len, packet->payload, packet->n_payload);
	len += packet->n_payload;
	if (packet->proto == NR_LAB_ICMP)
		put_sum(l4 + check, sum(l4, len, 0));
	else
		put_sum(l4 + check, sum(l4, len, pseudo(packet, v6, packet->proto, len)));
	if (packet->proto == NR_LAB_UDP && l4[6] == 0 && l4[7] == 0)
		l4[6] = l4[7] = 0xff; /* a sum of zero would mean that there is none */
	if (v6)
		ip6_header(packet, out, len);
	else
		ip4_header(packet, out, header + len);
	return header + len;
}
