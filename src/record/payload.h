/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file payload: what a first payload is by its content, never by its port. Append only: a wire format. */
#include "base/def.h"

enum nr_payload {
	NR_PAYLOAD_NONE, /* no payload bytes */
	NR_PAYLOAD_UNKNOWN,
	NR_PAYLOAD_HTTP,
	NR_PAYLOAD_TLS,
	NR_PAYLOAD_SSH,
	NR_PAYLOAD_TELNET,
	NR_PAYLOAD_RDP,
	NR_PAYLOAD_SMB,
	NR_PAYLOAD_REDIS,
	NR_PAYLOAD_ADB,
	NR_PAYLOAD_DNS,
	NR_PAYLOAD_NTP,
	NR_PAYLOAD_SSDP,
	NR_PAYLOAD_MEMCACHED,
	NR_PAYLOAD_CLDAP,
	NR_PAYLOAD_SIP,
	NR_PAYLOAD_SNMP,
	NR_PAYLOAD_QUIC,
	NR_PAYLOAD_N,
};

extern const char *const nr_payload_names[]; /* NULL-terminated */
const char *nr_payload_name(uint8_t payload);
