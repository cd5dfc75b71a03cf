/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cmocka.h"

enum { T0 = 1700000000, PACKETS = 20000, MAX = 1 << 26 };

/* A pcap of SYNs from many networks, three seconds to a thousand packets. */
static void make_pcap(struct nr_buf *pcap, uint32_t from, uint32_t n)
{
	nr_buf_init(pcap, MAX);
	nr_write_le32(pcap, 0xa1b2c3d4);
	nr_write_le32(pcap, 2 | 4 << 16);
	nr_write_le64(pcap, 0);
	nr_write_le32(pcap, 65535);
	nr_write_le32(pcap, 101);
	for (uint32_t i = from; i < from + n; i++) {
		uint64_t r = nr_mix64(i % 3000 + 1);
		uint8_t ip[40] = { 0x45,     [3] = 40,	 [8] = 60,	     6,
				   [12] = 5, (uint8_t)r, (uint8_t)(r >> 8),  1,
				   198,	     18,	 (uint8_t)(r >> 16), (uint8_t)i,
				   [21] = 9, [23] = 23,	 [27] = 1,	     [32] = 0x50,
				   2 };

		nr_write_le32(pcap, T0 + i / 333 - (i % 10 == 1 ? 7 : 0)); /* some come late */
		nr_write_le32(pcap, i % 333 * 1000);
		nr_write_le32(pcap, 40);
		nr_write_le32(pcap, 40);
		nr_buf_add(pcap, ip, sizeof(ip));
	}
	assert_int_equal(pcap->err, 0);
}

struct file {
	int fd;
	struct nr_capture *capture;
};

static struct file file_open(const struct nr_buf *pcap)
{
	struct file file = { .fd = memfd_create("pcap", MFD_CLOEXEC) };
	char path[32];

	assert_true(file.fd >= 0);
	assert_int_equal(write(file.fd, pcap->p, pcap->n), pcap->n);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file.fd);
	struct nr_str name = nr_str_from(path);
	struct nr_capture_options options = { .paths = &name, .n_paths = 1 };

	assert_int_equal(nr_capture_open(&options, &file.capture, NULL), 0);
	return file;
}

static void file_close(struct file *file)
{
	nr_capture_free(file->capture);
	(void)close(file->fd);
}

/* What every shard was given, in order; shards belong to one worker, so only
 * what all of them touch is atomic. */
struct seen {
	struct nr_buf shards[NR_SHARDS];
	_Atomic int64_t watermark[NR_SHARDS]; /* block() looks at all of them */
	int64_t block;
	unsigned n_blocks, fail_at;
	_Atomic bool is_wrong;
};

static void on_batch(void *ctx, const struct nr_pipeline_place *where,
		     const struct nr_observation *obs, size_t n)
{
	struct seen *seen = ctx;

	seen->is_wrong |= where->watermark < seen->watermark[where->shard];
	for (size_t i = 0; i < n; i++)
		seen->is_wrong |= nr_shard_of(obs[i].src) != where->shard;
	nr_buf_add(&seen->shards[where->shard], obs, n * sizeof(*obs));
}

static void on_advance(void *ctx, const struct nr_pipeline_place *where)
{
	struct seen *seen = ctx;

	seen->is_wrong |= where->watermark < seen->watermark[where->shard];
	seen->watermark[where->shard] = where->watermark;
}

static int on_block(void *ctx, unsigned slot, int64_t watermark)
{
	struct seen *seen = ctx;

	(void)slot;
	for (unsigned s = 0; s < NR_SHARDS; s++) /* nobody is behind */
		seen->is_wrong |= seen->watermark[s] < watermark;
	seen->is_wrong |= watermark < seen->block;
	seen->block = watermark;
	return ++seen->n_blocks == seen->fail_at ? -ENOSPC : 0;
}

static void seen_init(struct seen *seen)
{
	*seen = (struct seen){ .block = INT64_MIN };
	for (unsigned s = 0; s < NR_SHARDS; s++) {
		nr_buf_init(&seen->shards[s], MAX);
		seen->watermark[s] = INT64_MIN;
	}
}

static void seen_done(struct seen *seen)
{
	for (unsigned s = 0; s < NR_SHARDS; s++)
		nr_buf_done(&seen->shards[s]);
}

static struct nr_pipeline_options options_for(struct file *file, unsigned n_workers,
					      struct seen *seen)
{
	return (struct nr_pipeline_options){
		.captures = &file->capture,
		.n_captures = 1,
		.until = { INT64_MAX },
		.n_workers = n_workers,
		.max_flows = 1 << 16,
		.eager = true,
		.key = { { n_workers, 2, 3, 4 } },
		.consumer = { .ctx = seen,
			      .batch = on_batch,
			      .advance = on_advance,
			      .block = on_block },
	};
}

static void expect_same(const struct seen *a, const struct seen *b)
{
	for (unsigned s = 0; s < NR_SHARDS; s++) {
		assert_int_equal(a->shards[s].n, b->shards[s].n);
		if (a->shards[s].n > 0)
			assert_memory_equal(a->shards[s].p, b->shards[s].p, a->shards[s].n);
	}
}

static void every_shard_sees_the_same_in_the_same_order_for_any_number_of_workers(void **state)
{
	static const unsigned workers[] = { 1, 2, 3, 7, 64 };
	struct seen first;
	struct nr_buf pcap;

	(void)state;
	make_pcap(&pcap, 0, PACKETS);
	for (size_t w = 0; w < NR_COUNT(workers); w++) {
		struct file file = file_open(&pcap);
		struct seen seen;
		nr_auto(nr_pipeline) pl = NULL;
		struct nr_pipeline_counts counts;

		seen_init(&seen);
		struct nr_pipeline_options options = options_for(&file, workers[w], &seen);

		assert_int_equal(nr_pipeline_new(&options, &pl), 0);
		assert_int_equal(nr_pipeline_run(pl, NULL), 0);
		nr_pipeline_drain(pl);
		nr_pipeline_counts(pl, &counts);
		assert_int_equal(counts.received, PACKETS);
		assert_int_equal(counts.classified, PACKETS);
		assert_int_equal(nr_pipeline_watermark(pl), T0 + (PACKETS - 1) / 333);
		assert_true(seen.n_blocks >= PACKETS / NR_CAPTURE_BLOCK_FRAMES);
		assert_false(seen.is_wrong);
		uint64_t flows = 0;

		for (unsigned s = 0; s < NR_SHARDS; s++)
			flows += seen.shards[s].n / sizeof(struct nr_observation);
		assert_int_equal(flows, nr_pipeline_flows(pl));
		file_close(&file);
		if (w == 0) {
			first = seen;
			continue;
		}
		expect_same(&first, &seen);
		seen_done(&seen);
	}
	seen_done(&first);
	nr_buf_done(&pcap);
}

static void a_snapshot_between_two_captures_goes_on_where_the_first_ended(void **state)
{
	static const uint32_t cuts[] = { 1, 101, 2048, 2049, 2331, 19991 };
	struct nr_buf pcap;
	struct seen whole;

	(void)state;
	make_pcap(&pcap, 0, PACKETS);
	struct file all = file_open(&pcap);

	seen_init(&whole);
	struct nr_pipeline_options options = options_for(&all, 1, &whole);
	struct nr_pipeline *pl = NULL;

	assert_int_equal(nr_pipeline_new(&options, &pl), 0);
	assert_int_equal(nr_pipeline_run(pl, NULL), 0);
	nr_pipeline_drain(pl);
	nr_pipeline_free(pl);
	file_close(&all);
	for (size_t c = 0; c < NR_COUNT(cuts); c++) {
		struct nr_buf saved, rest;
		struct seen seen;
		nr_auto(nr_pipeline) a = NULL;
		nr_auto(nr_pipeline) b = NULL;
		struct nr_pipeline_counts counts;

		make_pcap(&rest, cuts[c], PACKETS - cuts[c]);
		struct file one = file_open(&pcap), two = file_open(&rest);

		nr_buf_init(&saved, MAX);
		seen_init(&seen);
		options = options_for(&one, 2, &seen);
		options.max_packets = cuts[c];
		assert_int_equal(nr_pipeline_new(&options, &a), 0);
		assert_int_equal(nr_pipeline_run(a, NULL), 0);
		nr_pipeline_save(a, &saved);
		options = options_for(&two, 3, &seen);
		assert_int_equal(nr_pipeline_new(&options, &b), 0);
		struct nr_reader in = nr_reader_of(saved.p, saved.n);

		assert_int_equal(nr_pipeline_load(b, &in), 0);
		assert_int_equal(nr_reader_left(&in), 0);
		assert_int_equal(nr_pipeline_run(b, NULL), 0);
		nr_pipeline_drain(b);
		nr_pipeline_counts(b, &counts);
		assert_int_equal(counts.received, PACKETS);
		expect_same(&whole, &seen);
		seen_done(&seen);
		nr_buf_done(&saved);
		nr_buf_done(&rest);
		file_close(&one);
		file_close(&two);
	}
	seen_done(&whole);
	nr_buf_done(&pcap);
}

static void an_error_of_the_consumer_ends_the_run_and_is_said(void **state)
{
	struct nr_buf pcap;

	(void)state;
	make_pcap(&pcap, 0, PACKETS);
	for (unsigned workers = 1; workers < 4; workers++) {
		struct file file = file_open(&pcap);
		struct seen seen;
		struct nr_err err = { 0 };
		nr_auto(nr_pipeline) pl = NULL;

		seen_init(&seen);
		seen.fail_at = 2;
		struct nr_pipeline_options options = options_for(&file, workers, &seen);

		assert_int_equal(nr_pipeline_new(&options, &pl), 0);
		assert_int_equal(nr_pipeline_run(pl, &err), -ENOSPC);
		assert_non_null(strstr(err.msg, "writing results"));
		assert_true(seen.n_blocks < 2 + 8); /* only blocks that were read already */
		seen_done(&seen);
		file_close(&file);
	}
	nr_buf_done(&pcap);
}

static void options_that_cannot_run_are_refused(void **state)
{
	struct nr_pipeline_options options = { .n_workers = 0, .n_captures = 1 };
	struct nr_pipeline *pl = NULL;

	(void)state;
	assert_int_equal(nr_pipeline_new(&options, &pl), -EINVAL);
	options.n_workers = NR_PIPELINE_WORKERS_MAX + 1;
	assert_int_equal(nr_pipeline_new(&options, &pl), -EINVAL);
	options = (struct nr_pipeline_options){ .n_workers = 1, .n_captures = 0 };
	assert_int_equal(nr_pipeline_new(&options, &pl), -EINVAL);
	assert_null(pl);
	assert_null(nr_pipeline_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			every_shard_sees_the_same_in_the_same_order_for_any_number_of_workers),
		cmocka_unit_test(a_snapshot_between_two_captures_goes_on_where_the_first_ended),
		cmocka_unit_test(an_error_of_the_consumer_ends_the_run_and_is_said),
		cmocka_unit_test(options_that_cannot_run_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
