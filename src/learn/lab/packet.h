/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * packet: one packet of the lab as fields, and its bytes on the wire with right checksums.
 *
 * Units   ports, seq, ack, id, window: host order
 * Cost    about 25 ns for a SYN
 * Limits  NR_LAB_PACKET_MAX bytes from the IP header on
 * Source  RFC 791, 8200, 9293, 768, 792, 4443, 1071
 */
#include "base/inet.h"

enum { NR_LAB_PACKET_MAX = 1500 };

enum { NR_LAB_ICMP = 1, NR_LAB_TCP = 6, NR_LAB_UDP = 17, NR_LAB_ICMP6 = 58 };
enum { NR_LAB_SYN = 2, NR_LAB_RST = 4, NR_LAB_PSH = 8, NR_LAB_ACK = 16 };

/** TCP options as the stacks and tools order them. */
enum nr_lab_tcp_options {
	NR_LAB_OPT_NONE,
	NR_LAB_OPT_MSS,		 /* raw-socket scanners that offer only a segment size */
	NR_LAB_OPT_WINDOWS,	 /* MSS, NOP, window scale 8, NOP, NOP, SACK permitted */
	NR_LAB_OPT_WINDOWS_XP,	 /* MSS, NOP, NOP, SACK permitted */
	NR_LAB_OPT_LINUX,	 /* MSS, SACK permitted, timestamps, NOP, window scale 7 */
	NR_LAB_OPT_LINUX_ANSWER, /* MSS, NOP, NOP, SACK permitted, NOP, window scale 7 */
	NR_LAB_OPT_N,
};

struct nr_lab_packet {
	struct nr_ip src, dst;
	struct nr_ip quoted_dst; /* ICMP errors: whom the packet was sent to that is answered */
	uint32_t seq, ack, tsval;
	uint16_t sport, dport; /* ICMP: identifier, type << 8 | code; seq is the sequence number */
	uint16_t id, window;
	uint16_t n_payload;
	uint16_t quoted_sport, quoted_dport;
	uint8_t proto, ttl, tcp_flags, tos;
	bool df;
	uint8_t options;	/* enum nr_lab_tcp_options */
	uint8_t quoted_proto;	/* 0: nothing is quoted */
	const uint8_t *payload; /* borrowed */
};

/** Write the packet from its IP header on; @p out holds NR_LAB_PACKET_MAX bytes. @return its length */
size_t nr_lab_packet_render(const struct nr_lab_packet *packet, uint8_t *out);
