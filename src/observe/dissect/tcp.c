/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/dissect_int.h"

/** RFC 9293 section 3.1 */
enum { HEADER = 20 };

uint32_t nr_tcp_options_hash(const uint8_t *p, size_t n, bool *ret_bad)
{
	uint64_t h = 0;

	*ret_bad = false;
	if (n == 0)
		return 0;
	for (size_t i = 0; i < n;) {
		uint8_t kind = p[i], len = 1;

		if (kind > 1) {
			if (i + 1 >= n || p[i + 1] < 2 || p[i + 1] > n - i) {
				*ret_bad = true;
				break;
			}
			len = p[i + 1];
		}
		h = (h + ((uint64_t)len << 8 | kind) + 1) * UINT64_C(0x9e3779b97f4a7c15);
		if (kind == 0)
			break;
		i += len;
	}
	uint32_t hash = (uint32_t)(nr_mix64(h) >> 32);
	return hash != 0 ? hash : 1;
}

uint64_t nr_tcp_options_any(const uint8_t *p, size_t n)
{
	bool bad;
	uint64_t hash = nr_tcp_options_hash(p, n, &bad);

	return hash | (uint64_t)bad << 32;
}

/* Right-aligned, as the last 24 bytes of the header; a row whose first value no mask lets through never fits. */
#define VAL   0xff, 0xff
#define ANY   0, 0
#define MSS_V 2, 4, 0, 0
#define MSS_M VAL, ANY
#define TS_V  8, 10, 0, 0, 0, 0, 0, 0, 0, 0
#define TS_M  VAL, ANY, ANY, ANY, ANY
#define WS_V  3, 3, 0
#define WS_M  VAL, 0
#define NOP   1
#define NOP_M 0xff
#define SACK  4, 2
#define PAD_4 ANY, ANY
#define NEVER                  \
	{                      \
		.value = { 1 } \
	}

const struct nr_tcp_layout nr_tcp_layouts[11] = {
	[0] = { .hash = 0 },
	[1] = { { PAD_4, PAD_4, PAD_4, PAD_4, PAD_4, MSS_M },
		{ PAD_4, PAD_4, PAD_4, PAD_4, PAD_4, MSS_V },
		NR_OPTIONS_MSS },
	[2] = { { PAD_4, PAD_4, PAD_4, PAD_4, MSS_M, NOP_M, NOP_M, VAL },
		{ PAD_4, PAD_4, PAD_4, PAD_4, MSS_V, NOP, NOP, SACK },
		NR_OPTIONS_MSS_SACK },
	[3] = { { PAD_4, PAD_4, PAD_4, MSS_M, NOP_M, WS_M, NOP_M, NOP_M, VAL },
		{ PAD_4, PAD_4, PAD_4, MSS_V, NOP, WS_V, NOP, NOP, SACK },
		NR_OPTIONS_WINDOWS },
	[4] = NEVER,
	[5] = { { PAD_4, MSS_M, VAL, TS_M, NOP_M, WS_M },
		{ PAD_4, MSS_V, SACK, TS_V, NOP, WS_V },
		NR_OPTIONS_LINUX },
	[6] = { { MSS_M, NOP_M, WS_M, NOP_M, NOP_M, TS_M, VAL, 0xff, 0 },
		{ MSS_V, NOP, WS_V, NOP, NOP, TS_V, SACK, 0, 0 },
		NR_OPTIONS_APPLE },
	[7] = NEVER,
	[8] = NEVER,
	[9] = NEVER,
	[10] = NEVER,
};

/** A first fragment that ends inside the header: what there is of ports is used. */
static enum nr_outcome tiny_dissect(struct nr_view l4, struct nr_packet *pkt)
{
	pkt->anomalies |= NR_BIT(NR_ANOMALY_FRAGMENT_TINY);
	if (l4.n >= 4) {
		pkt->sport = nr_get_be16(l4.p);
		pkt->dport = nr_get_be16(l4.p + 2);
	}
	return NR_OUTCOME_OK;
}

enum nr_outcome nr_tcp_dissect(struct nr_view l4, struct nr_packet *pkt)
{
	bool fragment = (pkt->anomalies & NR_BIT(NR_ANOMALY_FRAGMENT)) != 0, bad;

	if (l4.wire < HEADER)
		return fragment ? tiny_dissect(l4, pkt) : NR_OUTCOME_L4_MALFORMED;
	if (l4.n < HEADER)
		return NR_OUTCOME_L4_TRUNCATED;
	uint32_t hlen = (uint32_t)(l4.p[12] >> 4) * 4;
	if (hlen < HEADER)
		return NR_OUTCOME_L4_MALFORMED;
	if (hlen > l4.wire)
		return fragment ? tiny_dissect(l4, pkt) : NR_OUTCOME_L4_MALFORMED;
	pkt->sport = nr_get_be16(l4.p);
	pkt->dport = nr_get_be16(l4.p + 2);
	pkt->seq = nr_get_be32(l4.p + 4);
	pkt->ack = nr_get_be32(l4.p + 8);
	pkt->tcp_flags = l4.p[13];
	pkt->window = nr_get_be16(l4.p + 14);
	pkt->anomalies |= nr_tcp_anomalies(pkt->tcp_flags, pkt->ack,
					   pkt->sport == 0 || pkt->dport == 0, l4.wire > hlen);
	if (l4.n < hlen)
		return NR_OUTCOME_OK; /* options cut by the capture: their hash is unknown, so 0 */
	pkt->opt_hash = nr_tcp_options_hash(l4.p + HEADER, hlen - HEADER, &bad);
	if (bad)
		pkt->anomalies |= NR_BIT(NR_ANOMALY_TCP_OPTION_BAD);
	if (l4.n > hlen) {
		pkt->payload = l4.p + hlen;
		pkt->payload_len = l4.n - hlen;
	}
	return NR_OUTCOME_OK;
}
