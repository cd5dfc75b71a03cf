/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "observe/capture/test_make.h"

static struct maker begin(struct nr_buf *file)
{
	nr_buf_init(file, MAKE_MAX);
	return (struct maker){ file, false };
}

/** Frame list and block ends must agree, so block numbers are part of what is compared. */
static void assert_same_for_all_reads(const struct nr_buf *file, const struct seen *want)
{
	static const size_t chunks[] = { 1, 7, 4096, 65537, 1 << 20 };

	for (size_t i = 0; i < NR_COUNT(chunks); i++) {
		struct seen seen;

		assert_int_equal(see(file->p, file->n, (struct chop){ .chunk = chunks[i] }, &seen),
				 0);
		assert_true(seen_same(&seen, want));
		assert_int_equal(seen.n_blocks, want->n_blocks);
		assert_string_equal(seen.err.msg, want->err.msg);
		seen_done(&seen);
	}
}

static void blocks_are_the_same_whatever_the_reads_give(void **state)
{
	(void)state;
	for (int ng = 0; ng < 2; ng++) {
		struct nr_buf file;
		struct maker m = begin(&file);
		struct seen want;

		if (ng == 1)
			make_pcapng_file(m, 20000, 300);
		else
			make_pcap_file(m, 20000, 300);
		assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &want), 0);
		assert_int_equal(want.code, 0);
		assert_int_equal(want.n, 20000);
		assert_same_for_all_reads(&file, &want);
		seen_done(&want);
		nr_buf_done(&file);
	}
}

static void frames_are_the_same_whatever_is_read_at_once(void **state)
{
	static const size_t limits[] = { 1, 16, 100, 4096, 100000 };

	(void)state;
	for (int ng = 0; ng < 2; ng++) {
		struct nr_buf file;
		struct maker m = begin(&file);
		struct seen want;

		if (ng == 1)
			make_pcapng_file(m, 3000, 5000);
		else
			make_pcap_file(m, 3000, 5000);
		assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &want), 0);
		assert_int_equal(want.n, 3000);
		for (size_t i = 0; i < NR_COUNT(limits); i++) {
			struct seen seen;

			assert_int_equal(see(file.p, file.n, (struct chop){ .limit = limits[i] },
					     &seen),
					 0);
			assert_true(seen_same(&seen, &want));
			seen_done(&seen);
		}
		seen_done(&want);
		nr_buf_done(&file);
	}
}

static void compressed_files_give_the_same_frames(void **state)
{
	struct nr_buf file, packed;
	struct maker m = begin(&file);
	struct seen want;

	(void)state;
	make_pcap_file(m, 20000, 300);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &want), 0);
	for (int zstd = 0; zstd < 2; zstd++) {
		nr_buf_init(&packed, MAKE_MAX);
		assert_true(zstd == 1 ? make_zstd(&file, &packed) : make_gzip(&file, &packed));
		assert_same_for_all_reads(&packed, &want);
		nr_buf_done(&packed);
	}
	seen_done(&want);
	nr_buf_done(&file);
}

static void several_compressed_members_are_one_file(void **state)
{
	struct nr_buf file, packed;
	struct maker m = begin(&file);
	struct seen want;

	(void)state;
	make_pcap_file(m, 1000, 300);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &want), 0);
	for (int zstd = 0; zstd < 2; zstd++) {
		struct nr_buf a = file, b = file, none = file;

		a.n = 12345;
		b.p += 12345;
		b.n -= 12345;
		none.n = 0;
		nr_buf_init(&packed, MAKE_MAX);
		assert_true(zstd == 1 ? make_zstd(&a, &packed) : make_gzip(&a, &packed));
		assert_true(zstd == 1 ? make_zstd(&none, &packed) : make_gzip(&none, &packed));
		assert_true(zstd == 1 ? make_zstd(&b, &packed) : make_gzip(&b, &packed));
		assert_same_for_all_reads(&packed, &want);
		nr_buf_done(&packed);
	}
	seen_done(&want);
	nr_buf_done(&file);
}

static void a_compressed_file_cut_at_any_byte_gives_the_frames_before_the_cut(void **state)
{
	struct nr_buf file, packed;
	struct maker m = begin(&file);
	struct seen want;

	(void)state;
	make_pcap_file(m, 300, 300);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &want), 0);
	for (int zstd = 0; zstd < 2; zstd++) {
		size_t last_n = 0;

		nr_buf_init(&packed, MAKE_MAX);
		for (size_t part = 0; part < 3;
		     part++) { /* zstd gives nothing of a block that is not whole */
			struct nr_buf third = file;

			third.p += file.n / 3 * part;
			third.n = part < 2 ? file.n / 3 : file.n - file.n / 3 * 2;
			assert_true(zstd == 1 ? make_zstd(&third, &packed)
					      : make_gzip(&third, &packed));
		}
		for (size_t cut = 4; cut < packed.n; cut++) {
			struct seen seen;

			assert_int_equal(see(packed.p, cut, (struct chop){ 0 }, &seen), 0);
			if (seen.code ==
			    0) /* between two members, and by chance between two records */
				fail_msg("cut at %zu of %zu was not noticed", cut, packed.n);
			assert_int_equal(seen.code, NR_EDAMAGED);
			assert_non_null(strstr(seen.err.msg, "of the uncompressed stream: "));
			assert_non_null(strstr(seen.err.msg, " ends "));
			assert_true(seen.n >= last_n); /* one byte more never takes a frame away */
			assert_memory_equal(seen.frames.p, want.frames.p, seen.frames.n);
			last_n = seen.n;
			seen_done(&seen);
		}
		if (zstd == 0)
			assert_int_equal(last_n,
					 300); /* only the checksum was missing in the end */
		assert_in_range(last_n, 200, 300);
		nr_buf_done(&packed);
	}
	seen_done(&want);
	nr_buf_done(&file);
}

static void broken_compressed_data_gives_the_frames_before_it(void **state)
{
	struct nr_buf file, packed;
	struct maker m = begin(&file);
	struct seen want;

	(void)state;
	make_pcap_file(m, 20000, 300);
	/* incompressible, so that the compressed bytes correspond to the plain ones */
	uint32_t x = 1;
	for (size_t at = 24; at < file.n;) {
		uint32_t caplen = nr_get_le32(file.p + at + 8);

		for (size_t i = 0; i < caplen; i++) {
			x = x * 1103515245 + 12345;
			file.p[at + 16 + i] = (uint8_t)(x >> 16);
		}
		at += 16 + caplen;
	}
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &want), 0);
	for (int zstd = 0; zstd < 2; zstd++) {
		struct seen seen;

		nr_buf_init(&packed, MAKE_MAX);
		assert_true(zstd == 1 ? make_zstd(&file, &packed) : make_gzip(&file, &packed));
		/* the tail becomes noise of another kind */
		memset(packed.p + packed.n / 2, 0xff, packed.n / 2);
		assert_int_equal(see(packed.p, packed.n, (struct chop){ 0 }, &seen), 0);
		assert_int_equal(seen.code, NR_EDAMAGED);
		if (zstd ==
		    1) /* gzip checks stored bytes at the end of a member only: the records break first */
			assert_non_null(strstr(seen.err.msg, "the zstd data is broken ("));
		assert_in_range(seen.n, 9100,
				10000); /* a block of zstd is 128 KiB, about 790 frames */
		assert_memory_equal(seen.frames.p, want.frames.p, seen.frames.n / 100 * 99);
		seen_done(&seen);
		nr_buf_done(&packed);
	}
	seen_done(&want);
	nr_buf_done(&file);
}

static void frames_before_the_broken_block_of_a_small_compressed_file_are_not_lost(void **state)
{
	struct nr_buf file, packed;
	struct maker m = begin(&file);
	struct seen seen;

	(void)state;
	make_pcap_file(m, 20000, 300); /* shrinks so well that all of it is read at once */
	nr_buf_init(&packed, MAKE_MAX);
	assert_true(make_zstd(&file, &packed));
	assert_in_range(packed.n, 1, 250000);
	memset(packed.p + packed.n - 20, 0xff, 20);
	assert_int_equal(see(packed.p, packed.n, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.code, NR_EDAMAGED);
	assert_in_range(seen.n, 20000 - 1000, 20000); /* one block is about 790 */
	seen_done(&seen);
	nr_buf_done(&packed);
	nr_buf_done(&file);
}

static void a_bomb_costs_time_but_no_memory(void **state)
{
	enum { HUGE_BLOCK = 1 << 20, N = 256 };
	struct nr_buf file, packed;
	struct maker m = begin(&file);
	uint8_t *zeros = calloc(1, HUGE_BLOCK);
	struct seen seen;

	(void)state;
	assert_non_null(zeros);
	nr_buf_init(&packed, MAKE_MAX);
	make_section(m);
	assert_true(make_zstd(&file, &packed));
	nr_buf_reset(&file);
	make_block(m, 0x0bad, zeros, HUGE_BLOCK);
	for (int i = 0; i < N; i++)
		assert_true(make_zstd(&file, &packed));
	assert_in_range(packed.n, 1000, 100000);
	assert_int_equal(see(packed.p, packed.n, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.code, 0);
	assert_int_equal(seen.stats.blocks_skipped, N);
	assert_int_equal(seen.stats.bytes_read, packed.n);
	seen_done(&seen);
	free(zeros);
	nr_buf_done(&packed);
	nr_buf_done(&file);
}

static void what_is_no_capture_is_named_by_what_it_is(void **state)
{
	static const struct {
		const char *bytes;
		int code;
		const char *msg;
	} cases[] = {
		{ "", NR_EDAMAGED, "trace: damaged at byte 0: the file is empty" },
		{ "\xd4\xc3", NR_EDAMAGED,
		  "trace: damaged at byte 0: the file ends inside its first four bytes" },
		{ "<html>", NR_EFORMAT,
		  "trace: neither pcap nor pcapng (first bytes 3c 68 74 6d)" },
		{ "\xfd"
		  "7zXZ",
		  NR_EFORMAT, "trace: xz compressed: use xz -dc FILE | noroshi observe -" },
		{ "BZh9", NR_EFORMAT,
		  "trace: bzip2 compressed: use bzip2 -dc FILE | noroshi observe -" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct seen seen;

		assert_int_equal(see(cases[i].bytes, strlen(cases[i].bytes), (struct chop){ 0 },
				     &seen),
				 0);
		assert_int_equal(seen.code, cases[i].code);
		assert_string_equal(seen.err.msg, cases[i].msg);
		seen_done(&seen);
	}
}

static void a_slow_pipe_gives_what_it_has_and_goes_on(void **state)
{
	struct nr_capture_stats stats = { 0 };
	struct nr_stream *stream;
	struct nr_trace *trace;
	struct nr_block *block;
	struct nr_buf file;
	struct maker m = begin(&file);
	char path[64];
	int ends[2];

	(void)state;
	make_pcap_file(m, 10, 100);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(nr_block_new(&block), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	assert_int_equal(nr_stream_open(path, -1, &stream, NULL), 0);
	assert_int_equal(nr_trace_new(stream, path, &trace), 0);
	assert_int_equal(nr_trace_next(trace, block, 0, &stats, NULL), 0);
	assert_int_equal(block->n, 0);
	size_t n = 0;
	for (size_t at = 0; at < file.n;) {
		size_t step = nr_min_size(50, file.n - at);

		assert_int_equal(write(ends[1], file.p + at, step), step);
		at += step;
		assert_int_equal(nr_trace_next(trace, block, 0, &stats, NULL), 0);
		n += block->n;
		assert_false(nr_trace_ended(trace));
	}
	assert_int_equal(n, 10);
	close(ends[1]);
	assert_int_equal(nr_trace_next(trace, block, -1, &stats, NULL), 0);
	assert_int_equal(block->n, 0);
	assert_true(nr_trace_ended(trace));
	close(ends[0]);
	nr_trace_free(trace);
	nr_block_free(block);
	nr_buf_done(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_the_same_whatever_the_reads_give),
		cmocka_unit_test(frames_are_the_same_whatever_is_read_at_once),
		cmocka_unit_test(compressed_files_give_the_same_frames),
		cmocka_unit_test(several_compressed_members_are_one_file),
		cmocka_unit_test(a_compressed_file_cut_at_any_byte_gives_the_frames_before_the_cut),
		cmocka_unit_test(broken_compressed_data_gives_the_frames_before_it),
		cmocka_unit_test(
			frames_before_the_broken_block_of_a_small_compressed_file_are_not_lost),
		cmocka_unit_test(a_bomb_costs_time_but_no_memory),
		cmocka_unit_test(what_is_no_capture_is_named_by_what_it_is),
		cmocka_unit_test(a_slow_pipe_gives_what_it_has_and_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
