/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * proto: IP protocol numbers by name.
 *
 * Source   IANA protocol numbers; only those that are met in practice have names here
 */
#include "base/def.h"

enum {
	NR_PROTO_ICMP = 1,
	NR_PROTO_IGMP = 2,
	NR_PROTO_TCP = 6,
	NR_PROTO_UDP = 17,
	NR_PROTO_ICMP6 = 58,
	NR_PROTO_SCTP = 132,
	NR_PROTO_UDPLITE = 136,
};

/** "tcp", "udp", "icmp", "icmp6", ...; the decimal number when it has no name here. Static, never NULL. */
const char *nr_proto_name(uint8_t proto);

static inline bool nr_proto_is_icmp(uint8_t proto)
{
	return proto == NR_PROTO_ICMP || proto == NR_PROTO_ICMP6;
}
static inline bool nr_proto_has_ports(uint8_t proto)
{
	return proto == NR_PROTO_TCP || proto == NR_PROTO_UDP;
}
