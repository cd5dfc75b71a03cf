/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file classify_int: what the files of this folder share. */
#include "base/cursor.h"
#include "observe/classify/classify.h"

enum { NR_PAYLOAD_LOOK = 512 }; /* bytes of a payload that anybody looks at */

/** Does @p p start with the literal @p word? */
#define NR_STARTS(p, n, word) ((n) >= sizeof(word) - 1 && memcmp((p), word, sizeof(word) - 1) == 0)

/* Recognisers: content only, at most NR_PAYLOAD_LOOK bytes. */
bool nr_http_is(const uint8_t *p, size_t n);
bool nr_tls_is(const uint8_t *p, size_t n);
bool nr_dtls_is(const uint8_t *p, size_t n);
bool nr_ssh_is(const uint8_t *p, size_t n);
bool nr_telnet_is(const uint8_t *p, size_t n);
bool nr_rdp_is(const uint8_t *p, size_t n);
bool nr_smb_is(const uint8_t *p, size_t n);
bool nr_redis_is(const uint8_t *p, size_t n);
bool nr_adb_is(const uint8_t *p, size_t n);
bool nr_dns_is(const uint8_t *p, size_t n);
bool nr_dns_tcp_is(const uint8_t *p, size_t n);
bool nr_ntp_is(const uint8_t *p, size_t n);
bool nr_ssdp_is(const uint8_t *p, size_t n);
bool nr_memcached_tcp_is(const uint8_t *p, size_t n);
bool nr_memcached_udp_is(const uint8_t *p, size_t n);
bool nr_cldap_is(const uint8_t *p, size_t n);
bool nr_sip_is(const uint8_t *p, size_t n);
bool nr_snmp_is(const uint8_t *p, size_t n);
bool nr_quic_is(const uint8_t *p, size_t n);

/** A DNS question, as far as amplification depends on it. */
struct nr_dns_question {
	bool response;
	uint16_t type, class;
	uint16_t name_len; /* of the encoded name */
	uint16_t name_at;  /* where it starts */
};
/** First question of a DNS message. @return false when it is not DNS or asks nothing */
bool nr_dns_question(const uint8_t *p, size_t n, struct nr_dns_question *ret_question);

/**
 * Tag and content of one BER element whose length is definite and at most 4 bytes long.
 * @return bytes of the header; 0 when there is none. The content may end behind @p n.
 */
size_t nr_ber_read(const uint8_t *p, size_t n, uint8_t *ret_tag, size_t *ret_len);
/** Tag of the PDU of an SNMP v1 or v2c message (0xa0 ... 0xa8), of CLDAP (0x60 ...); 0 when none. */
uint8_t nr_snmp_pdu(const uint8_t *p, size_t n);
uint8_t nr_cldap_op(const uint8_t *p, size_t n);

/** Class of a UDP packet whose payload class is set. */
enum nr_class nr_udp_class(const struct nr_packet *pkt);
/**
 * Place of @p port in a table of @p n rows of @p row bytes that start with a port and are sorted by it; @p n when
 * there is none. Without branches: source ports are random.
 */
static inline size_t nr_port_find(const void *rows, size_t row, size_t n, uint16_t port)
{
	size_t at = 0;
	uint16_t here;

	for (size_t left = n; left > 1; left -= left / 2) {
		memcpy(&here, (const uint8_t *)rows + (at + left / 2) * row, sizeof(here));
		at += (here <= port) * (left / 2);
	}
	memcpy(&here, (const uint8_t *)rows + at * row, sizeof(here));
	return here == port ? at : n;
}

/** Does this ask a reflector for a large answer? By destination port and content. */
bool nr_amplify_is_request(uint16_t dport, const uint8_t *p, size_t n);
/** Bits over enum nr_mark of the single-packet marks, traffic_class being set. */
uint16_t nr_mark_bits(const struct nr_packet *pkt);
/** A payload that orders the download of a program and its run. */
bool nr_exploit_is(const uint8_t *p, size_t n);
/** Ports that Hajime tries. */
static inline bool nr_mark_is_hajime_port(uint16_t port)
{
	return port == 23 || port == 81 || port == 2323 || port == 5358 || port == 5555 ||
	       port == 7547 || port == 9000;
}
/** Class by TCP flags, as a difference from `other`. */
extern const uint8_t nr_tcp_classes[64];
/** enum nr_class of a TCP packet. */
static inline uint8_t nr_class_of_tcp(uint8_t tcp_flags)
{
	return nr_tcp_classes[tcp_flags & 63] ^ NR_CLASS_OTHER;
}
