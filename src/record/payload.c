/* SPDX-License-Identifier: Apache-2.0 */
#include "record/payload.h"

const char *const nr_payload_names[] = {
	[NR_PAYLOAD_NONE] = "none",   [NR_PAYLOAD_UNKNOWN] = "unknown",
	[NR_PAYLOAD_HTTP] = "http",   [NR_PAYLOAD_TLS] = "tls",
	[NR_PAYLOAD_SSH] = "ssh",     [NR_PAYLOAD_TELNET] = "telnet",
	[NR_PAYLOAD_RDP] = "rdp",     [NR_PAYLOAD_SMB] = "smb",
	[NR_PAYLOAD_REDIS] = "redis", [NR_PAYLOAD_ADB] = "adb",
	[NR_PAYLOAD_DNS] = "dns",     [NR_PAYLOAD_NTP] = "ntp",
	[NR_PAYLOAD_SSDP] = "ssdp",   [NR_PAYLOAD_MEMCACHED] = "memcached",
	[NR_PAYLOAD_CLDAP] = "cldap", [NR_PAYLOAD_SIP] = "sip",
	[NR_PAYLOAD_SNMP] = "snmp",   [NR_PAYLOAD_QUIC] = "quic",
	[NR_PAYLOAD_N] = NULL,
};

const char *nr_payload_name(uint8_t payload)
{
	return payload < NR_PAYLOAD_N ? nr_payload_names[payload] : "invalid";
}
