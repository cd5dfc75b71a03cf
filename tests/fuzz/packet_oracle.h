/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * packet_oracle: what must hold for every frame, whatever is in it.
 *
 * The short way of nr_dissect() equals the long one, and the straight line of observe/fast.h both;
 * every value is in its table; what points into the frame stays in it; classification of the same
 * packet is the same again; and the cost is bounded: a frame of at most 64 KiB takes less than a
 * generous share of CPU time, under any sanitizer.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "observe/classify/classify_int.h"
#include "observe/dissect/dissect_int.h"
#include "observe/fast.h"

enum {
	ORACLE_FRAME_MAX = 65536,
	ORACLE_COST_NS = 50000000,
	ORACLE_TICK = 1700000000,
	ORACLE_OFFSET = 123456789
};

static inline int64_t oracle_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline void oracle_within(const struct nr_frame *frame, const struct nr_packet *pkt)
{
	if (pkt->payload_len == 0)
		return;
	nr_require(pkt->payload >= frame->data);
	nr_require(pkt->payload + pkt->payload_len <= frame->data + frame->caplen);
}

static inline void oracle_classify(struct nr_packet *pkt)
{
	struct nr_packet again;

	nr_classify(pkt);
	again = *pkt;
	nr_classify(&again);
	nr_require(memcmp(&again, pkt, sizeof(again)) == 0);
	nr_require(pkt->traffic_class < NR_CLASS_N && pkt->payload_class < NR_PAYLOAD_N);
	nr_require(pkt->marks >> NR_MARK_N == 0);
	nr_require((pkt->payload_class == NR_PAYLOAD_NONE) == (pkt->payload_len == 0));
	nr_require((pkt->payload_hash == 0) == (pkt->payload_len == 0));
	(void)nr_mark_is_nmap_probe(pkt);
}

/* @p packet is classified if @p outcome is OK. */
static inline void oracle_fast(const struct nr_frame *frame, enum nr_outcome outcome,
			       const struct nr_packet *packet)
{
	struct nr_flow4 fast, general;
	struct nr_packet at = *packet;

	memset(&fast, 0xa5, sizeof(fast)); /* nothing may depend on what was there */
	if (nr_fast_pack(frame, ORACLE_TICK, ORACLE_OFFSET, NULL, &fast) == NR_FAST_NO)
		return;
	nr_require(outcome == NR_OUTCOME_OK && packet->anomalies == 0);
	at.tick = ORACLE_TICK;
	at.offset = ORACLE_OFFSET;
	nr_flow4_pack(&at, &general);
	nr_require(memcmp(&fast, &general, sizeof(fast)) == 0);
}

static inline void oracle_frame(const struct nr_frame *frame)
{
	struct nr_packet a, b;
	int64_t start = oracle_cpu_ns();

	memset(&a, 0x55, sizeof(a));
	memset(&b, 0xaa, sizeof(b));
	enum nr_outcome ra = nr_dissect(frame, &a), rb = nr_dissect_general(frame, &b);
	nr_require(ra == rb && ra < NR_OUTCOME_TIME);
	a.tick = b.tick = a.offset = b.offset = 0; /* not of dissection */
	if (ra == NR_OUTCOME_OK) {
		nr_require(memcmp(&a, &b, sizeof(a)) == 0);
		nr_require(a.anomalies >> NR_ANOMALY_N == 0 && a.tunnel < NR_TUNNEL_N);
		nr_require((a.tunnel != NR_TUNNEL_NONE) ==
			   ((a.anomalies >> NR_ANOMALY_TUNNEL & 1) != 0));
		nr_require(nr_ip_is_v4(a.src) == (a.is_v4 == 1) &&
			   nr_ip_is_v4(a.dst) == (a.is_v4 == 1));
		oracle_within(frame, &a);
		oracle_classify(&a);
	}
	oracle_fast(frame, ra, &a);
	if (frame->caplen <= ORACLE_FRAME_MAX)
		nr_require(oracle_cpu_ns() - start < ORACLE_COST_NS);
}
