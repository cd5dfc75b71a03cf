/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/classify_int.h"

/*
 * Requests that a reflector would answer at length. A scan for reflectors and an attack through them are
 * the same packets; the class says what is asked, the detectors tell the rest. Not here: a DNS question
 * for an ordinary record, an NTP time request, version.bind, and whatever else is answered by about
 * as much as was sent.
 * Source  CISA alert TA14-017A for the protocols; their own specifications for the requests
 */

enum { DNS_TXT = 16, DNS_SIG = 24, DNS_RRSIG = 46, DNS_DNSKEY = 48, DNS_ANY = 255, DNS_PTR = 12 };

/** The types that fetch much: ANY, TXT, DNSKEY, signatures. Class CHAOS is for versions. */
static bool dns_large(const uint8_t *p, size_t n)
{
	struct nr_dns_question q;

	if (!nr_dns_question(p, n, &q) || q.response || (q.class != 1 && q.class != 255))
		return false;
	return q.type == DNS_ANY || q.type == DNS_TXT || q.type == DNS_SIG || q.type == DNS_RRSIG ||
	       q.type == DNS_DNSKEY;
}

/** ANY, or the list of all services (RFC 6763 section 9). */
static bool mdns_large(const uint8_t *p, size_t n)
{
	struct nr_dns_question q;

	if (!nr_dns_question(p, n, &q) || q.response)
		return false;
	return q.type == DNS_ANY || (q.type == DNS_PTR && q.name_len > 10 &&
				     memcmp(p + q.name_at, "\x09_services", 10) == 0);
}

/** Mode 6 (readvar and such) and mode 7 (monlist and such), asked. */
static bool ntp_control(const uint8_t *p, size_t n)
{
	uint8_t mode = p[0] & 7;

	if (!nr_ntp_is(p, n))
		return false;
	return (mode == 6 && (p[1] & 0x80) == 0) || (mode == 7 && (p[0] & 0x80) == 0);
}

static bool snmp_bulk(const uint8_t *p, size_t n)
{
	return nr_snmp_pdu(p, n) == 0xa5;
}

static bool cldap_search(const uint8_t *p, size_t n)
{
	return nr_cldap_op(p, n) == 0x63;
}

static bool ssdp_search(const uint8_t *p, size_t n)
{
	return NR_STARTS(p, n, "M-SEARCH ");
}

static bool memcached_get(const uint8_t *p, size_t n)
{
	return nr_memcached_udp_is(p, n) &&
	       (NR_STARTS(p + 8, n - 8, "get") || NR_STARTS(p + 8, n - 8, "stats") ||
		NR_STARTS(p + 8, n - 8, "gat"));
}

/** A portmapper call of DUMP (RFC 1833). */
static bool portmap_dump(const uint8_t *p, size_t n)
{
	return n >= 24 && nr_get_be32(p + 4) == 0 && nr_get_be32(p + 8) == 2 &&
	       nr_get_be32(p + 12) == 100000 && nr_get_be32(p + 20) == 4;
}

/** NBSTAT (RFC 1002 section 4.2.17). */
static bool netbios_status(const uint8_t *p, size_t n)
{
	return n >= 50 && (p[2] & 0x80) == 0 && nr_get_be16(p + 4) == 1 && p[12] == 0x20 &&
	       nr_get_be16(p + 46) == 0x21;
}

/** RIP 1 and 2: the whole table (RFC 2453 section 3.9.1). */
static bool rip_table(const uint8_t *p, size_t n)
{
	return n == 24 && p[0] == 1 && (p[1] == 1 || p[1] == 2) && nr_get_be16(p + 4) == 0 &&
	       nr_get_be32(p + 20) == 16;
}

/** [MC-SQLR] 2.2.1 and 2.2.2: the list of instances. */
static bool mssql_list(const uint8_t *p, size_t n)
{
	return (n == 1 || (n == 2 && p[1] == 0)) && (p[0] == 2 || p[0] == 3);
}

/** Apple Remote Management: "00 14 00 01 03". */
static bool ard_query(const uint8_t *p, size_t n)
{
	return n >= 4 && p[0] == 0 && p[1] == 0x14 && p[2] == 0;
}

static bool wsd_probe(const uint8_t *p, size_t n)
{
	n = nr_min_size(n, NR_PAYLOAD_LOOK);
	return memmem(p, n, "Probe", 5) != NULL && memmem(p, n, "ProbeMatch", 10) == NULL;
}

/** RFC 6690: GET of /.well-known/core. */
static bool coap_core(const uint8_t *p, size_t n)
{
	return n >= 8 && p[0] >> 6 == 1 && p[1] == 1 &&
	       memmem(p, nr_min_size(n, 64), "core", 4) != NULL;
}

static bool tftp_read(const uint8_t *p, size_t n)
{
	return n >= 6 && p[0] == 0 && p[1] == 1 &&
	       memchr(p + 2, 0, nr_min_size(n, 300) - 2) != NULL;
}

static bool source_query(const uint8_t *p, size_t n)
{
	return n >= 5 && nr_get_be32(p) == UINT32_MAX &&
	       (p[4] == 'T' || p[4] == 'U' || p[4] == 'V');
}

static bool quake_status(const uint8_t *p, size_t n)
{
	return NR_STARTS(p, n, "\xff\xff\xff\xffgetstatus") ||
	       NR_STARTS(p, n, "\xff\xff\xff\xffgetinfo");
}

/** Ubiquiti discovery, versions 1 and 2. */
static bool ubnt_discover(const uint8_t *p, size_t n)
{
	return n >= 4 && (p[0] == 1 || p[0] == 2) && p[2] == 0 && p[3] == 0 && n <= 8;
}

/** Discovery of video recorders: a JSON request behind 32 bytes, or its first byte alone. */
static bool dvr_discover(const uint8_t *p, size_t n)
{
	return n == 1 || NR_STARTS(p, n, "DHIP") ||
	       (n > 4 && memmem(p, nr_min_size(n, 64), "DHIP", 4) != NULL);
}

/** Any byte will do, and so does none. */
static bool anything(const uint8_t *p, size_t n)
{
	(void)p;
	(void)n;
	return true;
}

/* Sorted by port. */
static const struct {
	uint16_t port;
	bool empty_too; /* also an empty datagram */
	bool (*is)(const uint8_t *p, size_t n);
} requests[] = {
	{ 17, true, anything },		 { 19, true, anything },
	{ 53, false, dns_large },	 { 69, false, tftp_read },
	{ 111, false, portmap_dump },	 { 123, false, ntp_control },
	{ 137, false, netbios_status },	 { 161, false, snmp_bulk },
	{ 389, false, cldap_search },	 { 520, false, rip_table },
	{ 1434, false, mssql_list },	 { 1900, false, ssdp_search },
	{ 3283, false, ard_query },	 { 3702, false, wsd_probe },
	{ 5353, false, mdns_large },	 { 5683, false, coap_core },
	{ 10001, false, ubnt_discover }, { 11211, false, memcached_get },
	{ 27015, false, source_query },	 { 27960, false, quake_status },
	{ 32414, false, ssdp_search },	 { 37810, false, dvr_discover },
};

bool nr_amplify_is_request(uint16_t dport, const uint8_t *p, size_t n)
{
	size_t at = nr_port_find(requests, sizeof(requests[0]), NR_COUNT(requests), dport);

	if (at == NR_COUNT(requests))
		return false;
	return n > 0 ? requests[at].is(p, n) : requests[at].empty_too;
}
