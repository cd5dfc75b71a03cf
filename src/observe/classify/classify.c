/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/classify_int.h"

#include "base/hash.h"

enum kind { KIND_OTHER, KIND_TCP, KIND_ICMP, KIND_ICMP6, KIND_UDP, KIND_N };

static const uint8_t kinds[2][256] = {
	[0] = { [6] = KIND_TCP, [17] = KIND_UDP, [58] = KIND_ICMP6 },
	[1] = { [6] = KIND_TCP, [17] = KIND_UDP, [1] = KIND_ICMP },
};

/* Stored as differences from `other`, so that whatever is not named here is `other`. */
enum { SCAN = NR_CLASS_SCAN ^ NR_CLASS_OTHER, BACK = NR_CLASS_BACKSCATTER ^ NR_CLASS_OTHER };

enum {
	S = NR_TCP_SYN,
	A = NR_TCP_ACK,
	R = NR_TCP_RST,
	P = NR_TCP_PSH,
	U = NR_TCP_URG,
};

/* By the low six flags. Push and urgent do not change what is asked or answered. */
const uint8_t nr_tcp_classes[64] = {
	[S] = SCAN,	[S | P] = SCAN,	    [S | U] = SCAN,	[S | P | U] = SCAN,
	[S | A] = BACK, [S | A | P] = BACK, [S | A | U] = BACK, [S | A | P | U] = BACK,
	[R] = BACK,	[R | P] = BACK,	    [R | U] = BACK,	[R | P | U] = BACK,
	[R | A] = BACK, [R | A | P] = BACK, [R | A | U] = BACK, [R | A | P | U] = BACK,
};

/* By ICMP type; UDP is looked at by itself. */
static const uint8_t classes[KIND_N][256] = {
	[KIND_ICMP] = {
		[8] = SCAN, [13] = SCAN, [15] = SCAN, [17] = SCAN, /* echo, timestamp, information, mask */
		[0] = BACK, [3] = BACK, [4] = BACK, [5] = BACK, [11] = BACK, [12] = BACK,
		[14] = BACK, [16] = BACK, [18] = BACK,
	},
	[KIND_ICMP6] = {
		[128] = SCAN,
		[1] = BACK, [2] = BACK, [3] = BACK, [4] = BACK, [129] = BACK,
	},
};

static inline uint64_t word_at(const uint8_t *p)
{
	return (uint64_t)nr_get_le32(p + 4) << 32 | nr_get_le32(p);
}

/** Words of the first 64 bytes, multiplied in turn; the length tells "a" and "a\0" apart. */
static uint32_t payload_hash(const uint8_t *p, size_t n)
{
	const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);

	n = nr_min_size(n, 64);
	uint64_t h = n, tail = 0;
	if (n > 8 &&
	    n % 8 != 0) /* the last eight bytes, without those that the words before hold */
		tail = word_at(p + n - 8) >> (64 - n % 8 * 8);
	else if (n < 8)
		for (size_t i = 0; i < n; i++)
			tail |= (uint64_t)p[i] << (8 * i);
	for (; n >= 8; p += 8, n -= 8)
		h = nr_fold64(h ^ word_at(p), k);
	uint32_t hash = (uint32_t)(nr_mix64(nr_fold64(h ^ tail, k)) >> 32);
	return hash != 0 ? hash : 1;
}

static __attribute__((noinline)) void payload_classify(struct nr_packet *pkt)
{
	pkt->payload_hash = payload_hash(pkt->payload, pkt->payload_len);
	pkt->payload_class = (uint8_t)nr_payload_recognise(pkt->payload, pkt->payload_len,
							   pkt->proto);
}

void nr_classify(struct nr_packet *pkt)
{
	uint8_t kind = kinds[pkt->is_v4 & 1][pkt->proto];

	if (pkt->anomalies & UINT32_C(1) << NR_ANOMALY_FRAGMENT_LATER)
		kind = KIND_OTHER;
	uint8_t by_header = kind == KIND_TCP ? nr_class_of_tcp(pkt->tcp_flags)
					     : classes[kind][pkt->dport >> 8] ^ NR_CLASS_OTHER;

	pkt->payload_class = NR_PAYLOAD_NONE;
	pkt->payload_hash = 0;
	if (NR_UNLIKELY(pkt->payload_len > 0))
		payload_classify(pkt);
	pkt->traffic_class = kind == KIND_UDP ? (uint8_t)nr_udp_class(pkt) : by_header;
	pkt->marks = nr_mark_bits(pkt);
}
