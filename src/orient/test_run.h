/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * test_run: captures made in memory, and the whole run of `noroshi observe` over them, for tests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "observe/capture/capture.h"
#include "orient/engine.h"

enum { TEST_PCAP_HEAD = 24, TEST_RECORD_HEAD = 16, TEST_OUT_MAX = 1 << 30 };

/* ---- captures ---- */

/** A pcap file of raw IP packets with nanoseconds; to be made with nr_buf_init() first. */
static inline void test_pcap_begin(struct nr_buf *pcap)
{
	nr_write_le32(pcap, 0xa1b23c4d);
	nr_write_le32(pcap, 2 | 4 << 16);
	nr_write_le64(pcap, 0);
	nr_write_le32(pcap, 65535);
	nr_write_le32(pcap, 101);
}

static inline void test_pcap_add(struct nr_buf *pcap, int64_t ts, const void *ip, uint32_t n)
{
	nr_write_le32(pcap, (uint32_t)(ts / NR_NS_PER_S));
	nr_write_le32(pcap, (uint32_t)(ts % NR_NS_PER_S));
	nr_write_le32(pcap, n);
	nr_write_le32(pcap, n);
	nr_buf_add(pcap, ip, n);
}

/** Where record number @p n begins; the end of the file when there are fewer. */
static inline size_t test_pcap_offset(struct nr_bytes pcap, size_t n)
{
	size_t at = TEST_PCAP_HEAD;

	for (; n > 0 && at < pcap.n; n--)
		at += TEST_RECORD_HEAD + nr_get_le32(pcap.p + at + 8);
	return at;
}

static inline size_t test_pcap_count(struct nr_bytes pcap)
{
	size_t n = 0;

	for (size_t at = TEST_PCAP_HEAD; at < pcap.n; n++)
		at += TEST_RECORD_HEAD + nr_get_le32(pcap.p + at + 8);
	return n;
}

/** A TCP or UDP packet over IPv4; @p out holds 40 bytes. @return its length */
struct test_packet {
	uint32_t src, dst, seq, ack;
	uint16_t sport, dport, window, ip_id, fragment;
	uint8_t proto, ttl, flags;
};

static inline uint32_t test_packet_write(const struct test_packet *p, uint8_t out[40])
{
	uint32_t n = p->proto == 17 ? 28 : 40;
	const uint8_t ip[40] = {
		0x45,
		0,
		0,
		(uint8_t)n,
		(uint8_t)(p->ip_id >> 8),
		(uint8_t)p->ip_id,
		(uint8_t)(p->fragment >> 8),
		(uint8_t)p->fragment,
		p->ttl,
		p->proto,
		0,
		0,
		(uint8_t)(p->src >> 24),
		(uint8_t)(p->src >> 16),
		(uint8_t)(p->src >> 8),
		(uint8_t)p->src,
		(uint8_t)(p->dst >> 24),
		(uint8_t)(p->dst >> 16),
		(uint8_t)(p->dst >> 8),
		(uint8_t)p->dst,
		(uint8_t)(p->sport >> 8),
		(uint8_t)p->sport,
		(uint8_t)(p->dport >> 8),
		(uint8_t)p->dport,
		(uint8_t)(p->seq >> 24),
		(uint8_t)(p->seq >> 16),
		(uint8_t)(p->seq >> 8),
		(uint8_t)p->seq,
		(uint8_t)(p->ack >> 24),
		(uint8_t)(p->ack >> 16),
		(uint8_t)(p->ack >> 8),
		(uint8_t)p->ack,
		0x50,
		p->flags,
		(uint8_t)(p->window >> 8),
		(uint8_t)p->window,
	};

	memcpy(out, ip, 40);
	if (p->proto == 17) {
		out[24] = out[26] = out[27] = 0;
		out[25] = 8;
	}
	return n;
}

static inline void test_pcap_packet(struct nr_buf *pcap, int64_t ts, const struct test_packet *p)
{
	uint8_t ip[40];

	test_pcap_add(pcap, ts, ip, test_packet_write(p, ip));
}

/* ---- runs ---- */

struct test_run {
	/* in */
	struct nr_bytes pcap;
	const char *nets[4]; /* none: unknown */
	unsigned threads;    /* 0: 1 */
	uint64_t key;
	uint64_t max_packets;
	size_t max_entries;
	struct nr_bytes state_in;
	bool save; /* leave a snapshot in `state`, and keep only what ended before it */
	bool without_flows;
	bool without_sources;
	void (*progress)(void *ctx, uint64_t packets);
	void (*source)(const struct nr_source *source); /* sees each one */
	/* out */
	int status;
	struct nr_err err;
	struct nr_observe_result result;
	struct nr_buf flows, sources, findings, state;
};

static inline bool test_run_is_over(const struct test_run *run)
{
	return run->save &&
	       run->state.n > 0; /* what comes now stands at the cut, and comes again */
}

static inline int test_run_add(struct nr_buf *out, const struct nr_record_type *type,
			       const void *record)
{
	nr_record_json(type, record, out);
	nr_buf_add(out, "\n", 1);
	return out->err;
}

static inline int test_run_flows(void *ctx, const struct nr_observation *obs, size_t n)
{
	struct test_run *run = ctx;

	for (size_t i = 0; i < n && !test_run_is_over(run); i++)
		(void)test_run_add(&run->flows, &nr_observation_type, &obs[i]);
	return run->flows.err;
}

static inline int test_run_source(void *ctx, const struct nr_source *source)
{
	struct test_run *run = ctx;

	if (run->source != NULL)
		run->source(source);
	return test_run_is_over(run) ? 0 : test_run_add(&run->sources, &nr_source_type, source);
}

static inline int test_run_finding(void *ctx, const struct nr_finding *finding)
{
	struct test_run *run = ctx;

	return test_run_is_over(run) ? 0 : test_run_add(&run->findings, &nr_finding_type, finding);
}

/** A file in memory with these bytes. */
static inline int test_memory_file(struct nr_bytes bytes)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);

	assert_true(fd >= 0);
	for (size_t at = 0; at < bytes.n;) {
		ssize_t n = write(fd, bytes.p + at, bytes.n - at);

		assert_true(n > 0);
		at += (size_t)n;
	}
	return fd;
}

static inline struct nr_capture *test_capture_open(int fd)
{
	char path[32];
	struct nr_capture *capture = NULL;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct nr_str name = nr_str_from(path);
	struct nr_capture_options options = { .paths = &name, .n_paths = 1 };

	assert_int_equal(nr_capture_open(&options, &capture, NULL), 0);
	return capture;
}

static inline struct nr_nets test_nets(const char *const *texts, size_t max)
{
	struct nr_nets nets = { 0 };

	for (size_t i = 0; i < max && texts[i] != NULL; i++) {
		struct nr_prefix prefix;

		assert_int_equal(nr_prefix_parse(nr_str_from(texts[i]), &prefix), 0);
		assert_int_equal(nr_nets_add(&nets, prefix), 0);
	}
	return nets;
}

static inline void test_run(struct test_run *run)
{
	int fd = test_memory_file(run->pcap);
	struct nr_capture *capture = test_capture_open(fd);
	struct nr_nets nets = test_nets(run->nets, NR_COUNT(run->nets));
	uint64_t k = run->key;
	struct nr_hash_key key = { { nr_mix64(k + 11), nr_mix64(k + 222), nr_mix64(k + 3333),
				     nr_mix64(k + 44444) } };
	struct nr_buf *outs[] = { &run->flows, &run->sources, &run->findings, &run->state };

	for (size_t i = 0; i < NR_COUNT(outs); i++)
		nr_buf_init(outs[i], TEST_OUT_MAX);
	struct nr_observe_options options = {
		.captures = &capture,
		.n_captures = 1,
		.nets = run->nets[0] != NULL ? &nets : NULL,
		.n_threads = run->threads != 0 ? run->threads : 1,
		.until = { INT64_MAX },
		.max_packets = run->max_packets,
		.max_entries = run->max_entries,
		.key = &key,
		.out = { .ctx = run,
			 .flows = run->without_flows ? NULL : test_run_flows,
			 .source = run->without_sources ? NULL : test_run_source,
			 .finding = test_run_finding },
		.progress = run->progress,
		.state_in = run->state_in,
		.state_out = run->save ? &run->state : NULL,
	};

	run->status = nr_observe_run(&options, &run->result, &run->err);
	nr_capture_free(capture);
	(void)close(fd);
	for (size_t i = 0; i < NR_COUNT(outs); i++)
		assert_int_equal(outs[i]->err, 0);
}

static inline void test_run_done(struct test_run *run)
{
	nr_observe_result_done(&run->result);
	nr_buf_done(&run->flows);
	nr_buf_done(&run->sources);
	nr_buf_done(&run->findings);
	nr_buf_done(&run->state);
}

/** received = classified + sum of causes. */
static inline void test_expect_accounts(const struct nr_pipeline_counts *c)
{
	uint64_t dropped = 0;

	for (unsigned o = 0; o < NR_OUTCOME_N; o++)
		dropped += c->dropped[o];
	assert_int_equal(c->received, c->classified + dropped);
}

static inline void test_expect_text(const char *what, const struct nr_buf *a,
				    const struct nr_buf *b)
{
	size_t at = 0, line = 0;

	if (a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0))
		return;
	while (at < a->n && at < b->n && a->p[at] == b->p[at])
		at++;
	for (size_t i = 0; i < at; i++)
		line = a->p[i] == '\n' ? i + 1 : line;
	fail_msg("%s differ at byte %zu of %zu and %zu:\n%.*s\n%.*s", what, at, a->n, b->n,
		 (int)nr_min_size(a->n - line, 900), (const char *)a->p + line,
		 (int)nr_min_size(b->n - line, 900), (const char *)b->p + line);
}

/** Everything that a user can see is the same. */
static inline void test_expect_same(const struct test_run *a, const struct test_run *b)
{
	assert_int_equal(a->status, b->status);
	if (!a->without_flows && !b->without_flows)
		test_expect_text("flows", &a->flows, &b->flows);
	if (!a->without_sources && !b->without_sources)
		test_expect_text("sources", &a->sources, &b->sources);
	test_expect_text("findings", &a->findings, &b->findings);
	assert_int_equal(a->result.flows, b->result.flows);
	assert_int_equal(a->result.findings, b->result.findings);
	assert_int_equal(a->result.refused, b->result.refused);
	assert_memory_equal(a->result.levels, b->result.levels, sizeof(a->result.levels));
	assert_memory_equal(&a->result.counts, &b->result.counts, sizeof(a->result.counts));
}

/**
 * Cut @p whole (which has run) behind packet @p cut; run both parts with a snapshot between and compare. The
 * second part runs with other threads and another key.
 */
static inline void test_cut(const struct test_run *whole, size_t cut)
{
	size_t offset = test_pcap_offset(whole->pcap, cut);
	struct test_run a = *whole, b;
	struct nr_buf rest;

	nr_buf_init(&rest, TEST_OUT_MAX);
	nr_buf_add(&rest, whole->pcap.p, TEST_PCAP_HEAD);
	nr_buf_add(&rest, whole->pcap.p + offset, whole->pcap.n - offset);
	a.save = true;
	a.max_packets = cut;
	a.threads = 1 + (unsigned)cut % 3;
	a.key = cut;
	test_run(&a);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.result.counts.received, cut);

	b = *whole;
	b.pcap = (struct nr_bytes){ rest.p, rest.n };
	b.state_in = (struct nr_bytes){ a.state.p, a.state.n };
	b.threads = 1 + (unsigned)cut % 2;
	b.key = cut + 1;
	test_run(&b);
	/* what the first part handed over, then the second */
	struct nr_buf *first[] = { &a.flows, &a.sources, &a.findings },
		      *second[] = { &b.flows, &b.sources, &b.findings };

	for (size_t i = 0; i < NR_COUNT(first); i++) {
		nr_buf_add(first[i], second[i]->p, second[i]->n);
		struct nr_buf swap = *first[i];

		*first[i] = *second[i];
		*second[i] = swap;
	}
	test_expect_same(whole, &b);
	nr_buf_done(&rest);
	test_run_done(&a);
	test_run_done(&b);
}
