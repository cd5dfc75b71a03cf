/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/lab/payload.h"

#include "base/str.h"

#define BYTES(literal)                                          \
	{                                                       \
		(const uint8_t *)(literal), sizeof(literal) - 1 \
	}

struct payload {
	uint16_t port;
	struct nr_bytes bytes;
	uint16_t pad_to; /* zeros behind it */
	int8_t id_at;	 /* two bytes that differ in each packet; -1: none */
};

static const struct payload probes[] = {
	{ 53, BYTES("\0\0\1\0\0\1\0\0\0\0\0\0\7version\4bind\0\0\x10\0\3"), 0, 0 },
	{ 123, BYTES("\x17\0\3\x2a"), 48, -1 },
	{ 161,
	  BYTES("\x30\x29\2\1\1\4\6public"
		"\xa0\x1c\2\4\0\0\0\0\2\1\0\2\1\0\x30\x0e\x30\x0c\6\x08\x2b\6\1\2\1\1\1\0\5\0"),
	  0, 19 },
	{ 389,
	  BYTES("\x30\x84\0\0\0\x2d\2\1\7\x63\x84\0\0\0\x24\4\0\x0a\1\0\x0a\1\0"
		"\2\1\0\2\1\x64\1\1\0\x87\x0bobjectClass\x30\x84\0\0\0\0"),
	  0, -1 },
	{ 443,
	  BYTES("\xca\0\0\0\1\x08\0\0\x51\x4a\x6e\x21\x73\x0c\x08\x11\x92\x3b\x5e\x77\xd0\4\xa8\0\x44\x9e"),
	  1200, 6 },
	{ 1900,
	  BYTES("M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n"
		"MX: 1\r\nST: ssdp:all\r\n\r\n"),
	  0, -1 },
	{ 5060,
	  BYTES("OPTIONS sip:100@198.18.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.1.1:5060;branch=z9hG4bK-3812;rport\r\n"
		"From: \"scan\"<sip:100@1.1.1.1>;tag=6336\r\nTo: \"scan\"<sip:100@1.1.1.1>\r\nCall-ID: 77316\r\n"
		"CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"),
	  0, -1 },
	{ 5353, BYTES("\0\0\0\0\0\1\0\0\0\0\0\0\x09_services\7_dns-sd\4_udp\5local\0\0\x0c\0\1"), 0,
	  0 },
	{ 11211, BYTES("\0\0\0\0\0\1\0\0stats\r\n"), 0, 0 },
	{ 5683, BYTES("\x40\1\0\0\xbb.well-known\4core"), 0, 2 },
	{ 137, BYTES("\0\0\0\x10\0\1\0\0\0\0\0\0 CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0\x21\0\1"), 0,
	  0 },
	{ 0, BYTES("\x0d\x0a\x0d\x0a"), 0, -1 },
};

static const struct payload answers[] = {
	{ 53, BYTES("\0\0\x81\x83\0\1\0\0\0\0\0\0\6a1b2c3\7example\3com\0\0\1\0\1"), 0, 0 },
	{ 123, BYTES("\x24\2\3\xe8\0\0\0\x20\0\0\0\x11\xc0\0\2\x01"), 48, 12 },
	{ 161,
	  BYTES("\x30\x2a\2\1\1\4\6public"
		"\xa2\x1d\2\4\0\0\0\0\2\1\0\2\1\0\x30\x0f\x30\x0d\6\x08\x2b\6\1\2\1\1\1\0\4\1x"),
	  0, 19 },
	{ 443, BYTES("\xc7\0\0\0\1\0\x08\0\0\x1d\x55\x90\x3e\x21\7\0\x40\x75"), 1200, 7 },
	{ 389, BYTES("\x30\x84\0\0\0\x10\2\1\7\x65\x84\0\0\0\7\x0a\1\0\4\0\4\0"), 0, -1 },
	{ 11211, BYTES("\0\0\0\0\0\1\0\0STAT pid 1\r\nSTAT uptime 1\r\nEND\r\n"), 0, 0 },
	{ 0, BYTES("\0\1\2\3\4\5\6\7"), 0, -1 },
};

static void fill(struct nr_lab_packet *packet, const struct payload *payload, uint16_t id,
		 uint8_t *scratch)
{
	size_t n = nr_max_size(payload->bytes.n, payload->pad_to);

	memcpy(scratch, payload->bytes.p, payload->bytes.n);
	memset(scratch + payload->bytes.n, 0, n - payload->bytes.n);
	if (payload->id_at >= 0) {
		scratch[payload->id_at] = (uint8_t)(id >> 8);
		scratch[payload->id_at + 1] = (uint8_t)id;
	}
	packet->payload = scratch;
	packet->n_payload = (uint16_t)n;
}

static const struct payload *find(const struct payload *list, uint16_t port)
{
	while (list->port != port && list->port != 0)
		list++;
	return list;
}

void nr_lab_payload_probe(struct nr_lab_packet *packet, uint16_t id, uint8_t *scratch)
{
	fill(packet, find(probes, packet->dport), id, scratch);
}

void nr_lab_payload_answer(struct nr_lab_packet *packet, uint16_t id, uint8_t *scratch)
{
	fill(packet, find(answers, packet->sport), id, scratch);
}
