/* SPDX-License-Identifier: Apache-2.0 */
#include "record/mark.h"

const struct nr_mark_info nr_marks[NR_MARK_N] = {
	[NR_MARK_MIRAI] = {
		.name = "mirai",
		.kind = NR_MARK_KIND_MALWARE,
		.fields = "tcp.flags tcp.seq ip.dst",
		.packets = 2,
		.packets_alone = 1,
		.min_share = 0.5f,
		.chance_log2 = -32,
		.source = "Mirai source code (scanner.c): the sequence number is the destination address",
		.help = "Mirai and its many descendants. It names the lineage, not an infection: survey "
			"scanners may imitate it.",
	},
	[NR_MARK_MASSCAN] = {
		.name = "masscan",
		.kind = NR_MARK_KIND_TOOL,
		.fields = "ip.id ip.dst tcp.dport tcp.seq udp.dport dns.id snmp.request_id",
		.packets = 2,
		.packets_alone = 0,
		.min_share = 0.5f,
		.chance_log2 = -16,
		.source = "masscan source code (templ-pkt.c); seen in runs of masscan 1.3.2",
		.help = "masscan: the IP identification is destination, port and sequence number xor-ed. Its "
			"DNS and SNMP probes carry the same relation with the transaction number.",
	},
	[NR_MARK_ZMAP] = {
		.name = "zmap",
		.kind = NR_MARK_KIND_TOOL,
		.fields = "ip.id",
		.packets = 2,
		.packets_alone = 0,
		.min_share = 0.5f,
		.chance_log2 = -16,
		.source = "ZMap before version 4 (ip.id 54321); seen in runs of zmap 2.1.1",
		.help = "ZMap with its classic fixed IP identification, and forks of that time.",
	},
	[NR_MARK_ZMAP_NEW] = {
		.name = "zmap_new",
		.kind = NR_MARK_KIND_TOOL,
		.fields = "tcp.flags tcp.window tcp.options ip.ttl",
		.packets = 3,
		.packets_alone = 0,
		.min_share = 0.9f,
		.chance_log2 = -12,
		.travels = true,
		.source = "ZMap 4 source code: window 65535, options of Windows, TTL 255; Windows itself "
			  "starts at TTL 128",
		.help = "Current ZMap. A fingerprint of a whole header, not a relation: others may share it.",
	},
	[NR_MARK_NMAP] = {
		.name = "nmap",
		.kind = NR_MARK_KIND_TOOL,
		.pair = true,
		.fields = "tcp.flags tcp.seq tcp.ack tcp.window tcp.options ip.ttl",
		.packets = 2,
		.packets_alone = 0,
		.min_share = 0.5f,
		.chance_log2 = -16,
		.source = "Ghiette, Blenn and Doerr, 2016; seen in runs of nmap 7.93",
		.help = "nmap SYN scan: window 1024, MSS the only option, low TTL, and the halves of the xor "
			"of two sequence numbers are equal (mostly zero: one number for a whole run).",
	},
	[NR_MARK_UNICORNSCAN] = {
		.name = "unicornscan",
		.kind = NR_MARK_KIND_TOOL,
		.pair = true,
		.fields = "tcp.seq ip.dst tcp.sport tcp.dport",
		.packets = 1,
		.packets_alone = 1,
		.min_share = 0.5f,
		.chance_log2 = -32,
		.source = "Ghiette, Blenn and Doerr, 2016; not seen in a run of ours",
		.help = "unicornscan: the xor of two sequence numbers is the xor of addresses and ports.",
	},
	[NR_MARK_HAJIME] = {
		.name = "hajime",
		.kind = NR_MARK_KIND_TRAIT,
		.fields = "tcp.flags tcp.window tcp.dport",
		.packets = 20,
		.packets_alone = 0,
		.min_share = 0.95f,
		.chance_log2 = -9,
		.travels = true,
		.source = "reports of 2017; weak: 14600 is also the initial window of Linux 3.x",
		.help = "Window 14600 to the ports that Hajime scans. It corroborates, it names nothing alone.",
	},
	[NR_MARK_CONFICKER] = {
		.name = "conficker",
		.kind = NR_MARK_KIND_MALWARE,
		.fields = "tcp.flags tcp.dport ip.dst",
		.packets = 12,
		.packets_alone = 0,
		.min_share = 1.0f,
		.chance_log2 = -2,
		.travels = true,
		.source = "published analyses of Conficker's random numbers: second and fourth octet of the "
			  "targets below 128",
		.help = "SYN to port 445 in the quarter of the address space that Conficker can reach: says "
			"something only over many destinations, all of them in that quarter.",
	},
	[NR_MARK_SAME_SEQ] = {
		.name = "same_seq",
		.kind = NR_MARK_KIND_TRAIT,
		.pair = true,
		.fields = "tcp.flags tcp.seq ip.dst",
		.packets = 2,
		.packets_alone = 0,
		.min_share = 0.5f,
		.chance_log2 = -32,
		.source = "no operating system repeats a sequence number to another destination",
		.help = "One sequence number to different destinations: packets made by hand. It corroborates "
			"a scanner and names no tool.",
	},
	[NR_MARK_EXPLOIT] = {
		.name = "exploit",
		.kind = NR_MARK_KIND_MALWARE,
		.fields = "payload",
		.packets = 1,
		.packets_alone = 1,
		.min_share = 0.0f,
		.chance_log2 = -40,
		.source = "shell commands in first payloads: download and run",
		.help = "A first payload that orders the machine to download a program and run it.",
	},
};

const char *nr_mark_name(uint8_t mark)
{
	return mark < NR_MARK_N ? nr_marks[mark].name : "unknown";
}
