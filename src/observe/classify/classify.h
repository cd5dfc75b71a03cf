/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * classify: what a dissected packet means by itself: class, payload, single-packet marks.
 *
 * Threads pure functions.
 * Cost    a SYN without payload: no branch on memory outside the packet and two small tables
 */
#include "observe/dissect/dissect.h"

/** Set traffic_class, payload_class, payload_hash and marks of a dissected packet. */
void nr_classify(struct nr_packet *packet);

/**
 * The single-packet part of the nmap mark, for a classified packet: SYN, no acknowledgement number,
 * window 1024 (older: up to 4096), MSS the only option, arrived with TTL <= 64, not masscan's.
 */
static inline bool nr_mark_is_nmap_probe(const struct nr_packet *packet)
{
	/* conditions are multiplied: every packet is asked, and branches on them cannot be foreseen */
	return (packet->proto == 6) & ((packet->tcp_flags & 63) == NR_TCP_SYN) &
	       (packet->ack == 0) & (packet->opt_hash == NR_OPTIONS_MSS) & (packet->ttl <= 64) &
	       (packet->window >= 1024) & (packet->window <= 4096) &
	       ((packet->window & 1023) == 0) & ((packet->marks & 1u << NR_MARK_MASSCAN) == 0);
}

/** Content only; never reads past n; at most the first 512 bytes. */
enum nr_payload nr_payload_recognise(const uint8_t *payload, size_t n, uint8_t proto);
/** Host name of a TLS ClientHello (whole in @p payload), as bytes inside it; n == 0 when none. */
struct nr_str nr_payload_tls_sni(const uint8_t *payload, size_t n);
/** Service name of a port for people ("telnet", "http"), NULL when it has none. */
const char *nr_service_name(uint8_t proto, uint16_t port);
/** The lowest port of that name in any case; 0: none. */
uint16_t nr_service_port(uint8_t proto, struct nr_str name);
