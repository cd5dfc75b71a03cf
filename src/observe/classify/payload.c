/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/classify_int.h"

/*
 * Which protocol a first payload speaks. A recogniser must be sure: on random bytes each says yes less
 * than once in a thousand (a test measures it). Those with long fixed words stand before those that
 * judge by the shape of a header.
 */

struct recogniser {
	uint8_t payload;
	uint8_t first, last; /* range outside of which no first byte is accepted: saves the call */
	bool (*is)(const uint8_t *p, size_t n);
};

static const struct recogniser over_tcp[] = {
	{ NR_PAYLOAD_SIP, 'A', 'S', nr_sip_is },
	{ NR_PAYLOAD_HTTP, 'C', 'T', nr_http_is },
	{ NR_PAYLOAD_TLS, 21, 255, nr_tls_is },
	{ NR_PAYLOAD_SSH, 'S', 'S', nr_ssh_is },
	{ NR_PAYLOAD_SMB, 0, 255, nr_smb_is },
	{ NR_PAYLOAD_ADB, 'A', 'W', nr_adb_is },
	{ NR_PAYLOAD_REDIS, '*', 's', nr_redis_is },
	{ NR_PAYLOAD_MEMCACHED, 'E', 0x81, nr_memcached_tcp_is },
	{ NR_PAYLOAD_RDP, 3, 3, nr_rdp_is },
	{ NR_PAYLOAD_TELNET, 255, 255, nr_telnet_is },
	{ NR_PAYLOAD_DNS, 0, 255, nr_dns_tcp_is },
};

static const struct recogniser over_udp[] = {
	{ NR_PAYLOAD_SIP, 'A', 'S', nr_sip_is },
	{ NR_PAYLOAD_SSDP, 'H', 'N', nr_ssdp_is },
	{ NR_PAYLOAD_HTTP, 'C', 'T', nr_http_is },
	{ NR_PAYLOAD_MEMCACHED, 0, 255, nr_memcached_udp_is },
	{ NR_PAYLOAD_SNMP, 0x30, 0x30, nr_snmp_is },
	{ NR_PAYLOAD_CLDAP, 0x30, 0x30, nr_cldap_is },
	{ NR_PAYLOAD_QUIC, 0x80, 255, nr_quic_is },
	{ NR_PAYLOAD_TLS, 22, 22, nr_dtls_is },
	{ NR_PAYLOAD_DNS, 0, 255, nr_dns_is },
	{ NR_PAYLOAD_NTP, 0, 255, nr_ntp_is },
};

static inline enum nr_payload first_of(const struct recogniser *list, size_t n_list,
				       const uint8_t *p, size_t n)
{
	unsigned may = 0;

	for (size_t i = 0; i < n_list; i++)
		may |= (unsigned)((uint8_t)(p[0] - list[i].first) <= list[i].last - list[i].first)
		       << i;
	for (; may != 0; may &= may - 1) {
		const struct recogniser *one = &list[__builtin_ctz(may)];

		if (one->is(p, n))
			return one->payload;
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
