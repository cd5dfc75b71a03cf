/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/classify_int.h"

/*
 * Which protocol a first payload speaks. A recogniser must be sure: on random bytes each says yes less
 * than once in a thousand (a test measures it). Those with long fixed words stand before those that
 * judge by the shape of a header.
 */

struct recogniser {
	uint8_t payload;
	bool (*is)(const uint8_t *p, size_t n);
};

static const struct recogniser over_tcp[] = {
	{ NR_PAYLOAD_SIP, nr_sip_is },	   { NR_PAYLOAD_HTTP, nr_http_is },
	{ NR_PAYLOAD_TLS, nr_tls_is },	   { NR_PAYLOAD_SSH, nr_ssh_is },
	{ NR_PAYLOAD_SMB, nr_smb_is },	   { NR_PAYLOAD_ADB, nr_adb_is },
	{ NR_PAYLOAD_REDIS, nr_redis_is }, { NR_PAYLOAD_MEMCACHED, nr_memcached_tcp_is },
	{ NR_PAYLOAD_RDP, nr_rdp_is },	   { NR_PAYLOAD_TELNET, nr_telnet_is },
	{ NR_PAYLOAD_DNS, nr_dns_tcp_is },
};

static const struct recogniser over_udp[] = {
	{ NR_PAYLOAD_SIP, nr_sip_is },	 { NR_PAYLOAD_SSDP, nr_ssdp_is },
	{ NR_PAYLOAD_HTTP, nr_http_is }, { NR_PAYLOAD_MEMCACHED, nr_memcached_udp_is },
	{ NR_PAYLOAD_SNMP, nr_snmp_is }, { NR_PAYLOAD_CLDAP, nr_cldap_is },
	{ NR_PAYLOAD_QUIC, nr_quic_is }, { NR_PAYLOAD_TLS, nr_dtls_is },
	{ NR_PAYLOAD_DNS, nr_dns_is },	 { NR_PAYLOAD_NTP, nr_ntp_is },
};

static enum nr_payload first_of(const struct recogniser *list, size_t n_list, const uint8_t *p,
				size_t n)
{
	for (size_t i = 0; i < n_list; i++) {
		if (list[i].is(p, n))
			return list[i].payload;
	}
	return NR_PAYLOAD_UNKNOWN;
}

enum nr_payload nr_payload_recognise(const uint8_t *payload, size_t n, uint8_t proto)
{
	if (payload == NULL || n == 0)
		return NR_PAYLOAD_NONE;
	n = nr_min_size(n, NR_PAYLOAD_LOOK);
	if (proto == 6)
		return first_of(over_tcp, NR_COUNT(over_tcp), payload, n);
	if (proto == 17)
		return first_of(over_udp, NR_COUNT(over_udp), payload, n);
	return NR_PAYLOAD_UNKNOWN;
}
