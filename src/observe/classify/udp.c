/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/classify_int.h"

/*
 * Class of a UDP packet, in this order:
 *   1. content and destination port are a request that a reflector answers at length: amplify
 *   2. it comes from a service port, carries something, and that is no request: backscatter. From
 *      port 443 only QUIC with a long header counts, because too much else has that source.
 *   3. scan
 * A request from a service port to the same port (53 to 53) is a request.
 */

static bool dns_request(const uint8_t *p, size_t n)
{
	return n >= 12 && (p[2] & 0x80) == 0 && nr_dns_is(p, n);
}

static bool ntp_request(const uint8_t *p, size_t n)
{
	uint8_t mode = p[0] & 7;

	if (!nr_ntp_is(p, n))
		return false;
	if (mode == 6)
		return (p[1] & 0x80) == 0;
	if (mode == 7)
		return (p[0] & 0x80) == 0;
	return mode == 1 || mode == 3;
}

static bool snmp_request(const uint8_t *p, size_t n)
{
	uint8_t pdu = nr_snmp_pdu(p, n);

	if (pdu != 0)
		return pdu != 0xa2 && pdu != 0xa8;
	/* version 3: engine discovery is short and asks, a report is longer; both may be either */
	return nr_snmp_is(p, n) && n < 70;
}

static bool cldap_request(const uint8_t *p, size_t n)
{
	uint8_t op = nr_cldap_op(p, n);

	return op == 0x60 || op == 0x63 || op == 0x77;
}

/** RFC 8489 section 5: the class bits of a request or an indication, and the cookie. */
static bool stun_request(const uint8_t *p, size_t n)
{
	return n >= 20 && (p[0] & 0xc1) == 0 && nr_get_be32(p + 4) == UINT32_C(0x2112a442);
}

static bool memcached_request(const uint8_t *p, size_t n)
{
	return nr_memcached_udp_is(p, n) && p[8] >= 'a' && p[8] <= 'z';
}

static bool ssdp_request(const uint8_t *p, size_t n)
{
	return NR_STARTS(p, n, "M-SEARCH ");
}

static bool sip_request(const uint8_t *p, size_t n)
{
	return nr_sip_is(p, n) && !NR_STARTS(p, n, "SIP/");
}

/** RFC 7252 section 3: version 1, code class 0 and not empty. */
static bool coap_request(const uint8_t *p, size_t n)
{
	return n >= 4 && p[0] >> 6 == 1 && p[1] >> 5 == 0 && p[1] != 0;
}

/** RFC 5531: the second word tells call (0) from reply (1). */
static bool rpc_request(const uint8_t *p, size_t n)
{
	return n >= 24 && nr_get_be32(p + 4) == 0 && nr_get_be32(p + 8) == 2;
}

/** RFC 1002 section 4.2.1: like DNS. */
static bool netbios_request(const uint8_t *p, size_t n)
{
	return n >= 12 && (p[2] & 0x80) == 0 && nr_get_be16(p + 4) > 0;
}

/** Games of the Quake and Source lines: four bytes of 0xff, then a word. */
static bool game_request(const uint8_t *p, size_t n)
{
	return n >= 5 && nr_get_be32(p) == UINT32_MAX &&
	       (p[4] == 'T' || p[4] == 'U' || p[4] == 'V' || p[4] == 'i' ||
		NR_STARTS(p + 4, n - 4, "get"));
}

/** WS-Discovery: an envelope that probes. */
static bool wsd_request(const uint8_t *p, size_t n)
{
	n = nr_min_size(n, NR_PAYLOAD_LOOK);
	return memmem(p, n, "ProbeMatch", 10) == NULL && memmem(p, n, "Probe", 5) != NULL;
}

/** [MC-SQLR] 2.2: requests are 2, 3, 4 and 15, the answer is 5. */
static bool mssql_request(const uint8_t *p, size_t n)
{
	return n >= 1 && p[0] != 5;
}

/** RFC 2453 section 3.6 */
static bool rip_request(const uint8_t *p, size_t n)
{
	return n >= 4 && p[0] == 1;
}

/** RFC 7296 section 3.1: without a responder's SPI it is the first message of an initiator. */
static bool isakmp_request(const uint8_t *p, size_t n)
{
	static const uint8_t zero[8] = { 0 };

	return n >= 28 && memcmp(p + 8, zero, 8) == 0;
}

/**
 * Client and server both fill their first flights to 1,200 bytes (RFC 9000 section 14.1) and only the keys
 * tell them apart; clients do not send from the server's port.
 */
static bool quic_request(const uint8_t *p, size_t n)
{
	return !nr_quic_is(p, n);
}

/** The server of OpenVPN answers with opcodes 8 and up; 7 << 3 is a client's hard reset. */
static bool openvpn_request(const uint8_t *p, size_t n)
{
	return n >= 1 && p[0] == 0x38;
}

static bool never(const uint8_t *p, size_t n)
{
	(void)p;
	(void)n;
	return false;
}

/* Ports whose services answer; sorted. A row's function tells a request, which is no answer. */
static const struct {
	uint16_t port;
	bool (*is_request)(const uint8_t *p, size_t n);
} services[] = {
	{ 7, never },
	{ 13, never },
	{ 17, never },
	{ 19, never },
	{ 37, never },
	{ 53, dns_request },
	{ 69, never },
	{ 111, rpc_request },
	{ 123, ntp_request },
	{ 137, netbios_request },
	{ 161, snmp_request },
	{ 177, never },
	{ 389, cldap_request },
	{ 443, quic_request },
	{ 500, isakmp_request },
	{ 520, rip_request },
	{ 623, never },
	{ 1194, openvpn_request },
	{ 1434, mssql_request },
	{ 1604, never },
	{ 1701, never },
	{ 1900, ssdp_request },
	{ 3283, never },
	{ 3478, stun_request },
	{ 3702, wsd_request },
	{ 5060, sip_request },
	{ 5093, never },
	{ 5353, dns_request },
	{ 5683, coap_request },
	{ 10001, never },
	{ 11211, memcached_request },
	{ 27015, game_request },
	{ 27960, game_request },
	{ 30718, never },
	{ 32414, ssdp_request },
	{ 37810, never },
};

/** Answers come from 443 in other protocols too; a request would not be told. */
static bool is_answer(uint16_t sport, const uint8_t *p, size_t n)
{
	size_t at = nr_port_find(services, sizeof(services[0]), NR_COUNT(services), sport);

	return at < NR_COUNT(services) && !services[at].is_request(p, n);
}

enum nr_class nr_udp_class(const struct nr_packet *pkt)
{
	bool empty = pkt->payload_len == 0;

	if (pkt->anomalies & UINT32_C(1) << NR_ANOMALY_FRAGMENT_TINY)
		return NR_CLASS_OTHER;
	if (nr_amplify_is_request(pkt->dport, pkt->payload, pkt->payload_len) &&
	    !(pkt->sport == pkt->dport && pkt->dport < 20))
		return NR_CLASS_AMPLIFY;
	if (!empty && is_answer(pkt->sport, pkt->payload, pkt->payload_len))
		return NR_CLASS_BACKSCATTER;
	return NR_CLASS_SCAN;
}
