/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/cmocka.h"
#include "observe/capture/test_make.h"

static void every_magic_in_both_byte_orders_is_read(void **state)
{
	static const struct {
		uint32_t magic;
		bool patched;
		int64_t ns; /* of a fraction of 123456 */
	} cases[] = {
		{ 0xa1b2c3d4, false, 123456000 },
		{ 0xa1b23c4d, false, 123456 },
		{ 0xa1b2cd34, true, 123456000 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases) * 2; i++) {
		struct nr_buf file;
		struct maker m = { &file, i % 2 == 1 };
		struct seen seen;

		nr_buf_init(&file, MAKE_MAX);
		make_pcap(m, cases[i / 2].magic, 65535, 113);
		for (int k = 0; k < 3; k++) {
			make32(m, SECOND);
			make32(m, 123456);
			make32(m, 60);
			make32(m, 1500);
			if (cases[i / 2].patched)
				make_bytes(m, 8, 0xee);
			make_bytes(m, 60, 0x11);
		}
		assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
		assert_int_equal(seen.code, 0);
		assert_int_equal(seen.n, 3);
		assert_int_equal(seen.last.ts, SECOND * NR_NS_PER_S + cases[i / 2].ns);
		assert_int_equal(seen.last.caplen, 60);
		assert_int_equal(seen.last.wirelen, 1500);
		assert_int_equal(seen.last.link, 113);
		assert_int_equal(seen.last.flags, 0);
		assert_int_equal(seen.stats.frames, 3);
		assert_int_equal(seen.stats.bytes_captured, 180);
		assert_int_equal(seen.stats.bytes_wire, 4500);
		assert_int_equal(seen.stats.bytes_read, file.n);
		for (size_t b = 0; b < 60; b++)
			assert_int_equal(seen.frames.p[sizeof(struct nr_frame) + b], 0x11);
		seen_done(&seen);
		nr_buf_done(&file);
	}
}

static void seconds_are_unsigned_so_that_2106_is_the_last_year(void **state)
{
	struct nr_buf file;
	struct maker m = { &file, false };
	struct seen seen;

	(void)state;
	nr_buf_init(&file, MAKE_MAX);
	make_pcap(m, 0xa1b2c3d4, 65535, 1);
	make_record(m, UINT32_MAX, 999999, 4, 0);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.last.ts, UINT32_MAX * NR_NS_PER_S + 999999000);
	seen_done(&seen);
	nr_buf_done(&file);
}

static void a_fraction_of_a_second_or_more_is_flagged(void **state)
{
	static const struct {
		uint32_t magic, fraction;
		uint16_t flags;
	} cases[] = {
		{ 0xa1b2c3d4, 999999, 0 },
		{ 0xa1b2c3d4, 1000000, NR_FRAME_TIME_ODD },
		{ 0xa1b2c3d4, UINT32_MAX, NR_FRAME_TIME_ODD },
		{ 0xa1b23c4d, 999999999, 0 },
		{ 0xa1b23c4d, 1000000000, NR_FRAME_TIME_ODD },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_buf file;
		struct maker m = { &file, false };
		struct seen seen;

		nr_buf_init(&file, MAKE_MAX);
		make_pcap(m, cases[i].magic, 65535, 1);
		make_record(m, SECOND, cases[i].fraction, 60, 0);
		assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
		assert_int_equal(seen.n, 1);
		assert_int_equal(seen.last.flags, cases[i].flags);
		seen_done(&seen);
		nr_buf_done(&file);
	}
}

static void old_versions_have_the_two_lengths_swapped(void **state)
{
	struct nr_buf file;
	struct maker m = { &file, false };
	struct seen seen;

	(void)state;
	nr_buf_init(&file, MAKE_MAX);
	make_pcap(m, 0xa1b2c3d4, 65535, 1);
	file.p[6] = 2; /* version 2.2 */
	make32(m, SECOND);
	make32(m, 0);
	make32(m, 1500);
	make32(m, 60);
	make_bytes(m, 60, 1);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.code, 0);
	assert_int_equal(seen.last.caplen, 60);
	assert_int_equal(seen.last.wirelen, 1500);
	seen_done(&seen);
	nr_buf_done(&file);
}

static void another_major_version_is_not_guessed_at(void **state)
{
	struct nr_buf file;
	struct maker m = { &file, true };
	struct seen seen;

	(void)state;
	nr_buf_init(&file, MAKE_MAX);
	make_pcap(m, 0xa1b2c3d4, 65535, 1);
	file.p[5] = 3;
	make_record(m, SECOND, 0, 60, 0);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.code, NR_EVERSION);
	assert_string_equal(seen.err.msg, "trace: pcap version 3.4, want 2.x");
	assert_int_equal(seen.n, 0);
	seen_done(&seen);
	nr_buf_done(&file);
}

static void the_upper_half_of_the_link_type_is_not_the_link_type(void **state)
{
	struct nr_buf file;
	struct maker m = { &file, false };
	struct seen seen;

	(void)state;
	nr_buf_init(&file, MAKE_MAX);
	make_pcap(m, 0xa1b2c3d4, 65535, 0x30000001);
	make_record(m, SECOND, 0, 60, 0);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.last.link, 1);
	seen_done(&seen);
	nr_buf_done(&file);
}

/* Hostile input 1: captured lengths of 2^31 - 1 and 2^32 - 1. */
static void an_absurd_captured_length_ends_the_file_with_its_offset(void **state)
{
	static const uint32_t absurd[] = { NR_CAPTURE_SNAP_MAX + 1, 0x7fffffff, 0x80000000,
					   0xffffffff };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(absurd); i++) {
		struct nr_buf file;
		struct maker m = { &file, false };
		struct seen seen;
		char want[200];

		nr_buf_init(&file, MAKE_MAX);
		make_pcap(m, 0xa1b2c3d4, 65535, 1);
		make_record(m, SECOND, 0, 60, 0);
		make_record(m, SECOND, 0, 70, 0);
		make32(m, SECOND);
		make32(m, 0);
		make32(m, absurd[i]);
		make32(m, absurd[i]);
		make_bytes(m, 1000, 0);
		assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
		assert_int_equal(seen.code, NR_EDAMAGED);
		snprintf(
			want, sizeof(want),
			"trace: damaged at byte 186: record says %u captured bytes, the limit is 1048576",
			absurd[i]);
		assert_string_equal(seen.err.msg, want);
		assert_int_equal(seen.n, 2);
		seen_done(&seen);
		nr_buf_done(&file);
	}
}

/* Hostile input 1: captured length over the snapshot length of the file. */
static void a_frame_over_the_snapshot_length_is_delivered_whole_and_counted(void **state)
{
	struct nr_buf file;
	struct maker m = { &file, false };
	struct seen seen;

	(void)state;
	nr_buf_init(&file, MAKE_MAX);
	make_pcap(m, 0xa1b2c3d4, 100, 1);
	make_record(m, SECOND, 0, 100, 0);
	make_record(m, SECOND, 0, 101, 0);
	make_record(m, SECOND, 0, 5000, 0);
	make_record(m, SECOND, 0, 1, 0);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.code, 0);
	assert_int_equal(seen.n, 4);
	assert_int_equal(seen.stats.frames_oversize, 2);
	assert_int_equal(seen.stats.bytes_captured, 5202);
	seen_done(&seen);
	nr_buf_done(&file);
}

/* Hostile inputs 1 and 3: captured length beyond the file, and the file cut at every byte. */
static void a_file_cut_at_any_byte_gives_all_whole_frames_and_says_where_it_ends(void **state)
{
	struct nr_buf file;
	struct maker m = { &file, false };

	(void)state;
	nr_buf_init(&file, MAKE_MAX);
	make_pcap_file(m, 5, 40);
	size_t at = 24, whole = 0, ends[6] = { 24 };
	for (uint32_t i = 0; i < 5; i++) {
		at += 16 + i * 7919 % 41;
		ends[i + 1] = at;
	}
	assert_int_equal(at, file.n);
	for (size_t cut = 0; cut <= file.n; cut++) {
		uint8_t *exact = malloc(
			cut + 1); /* the last byte is no input: a sanitizer sees a read of it */
		struct seen seen;
		char want[64];

		memcpy(exact, file.p, cut);
		while (whole < 5 && ends[whole + 1] <= cut)
			whole++;
		assert_int_equal(see(exact, cut, (struct chop){ 0 }, &seen), 0);
		assert_int_equal(seen.n, whole);
		if (cut == ends[whole]) {
			assert_int_equal(seen.code, 0);
		} else {
			assert_int_equal(seen.code, NR_EDAMAGED);
			snprintf(want, sizeof(want),
				 "trace: damaged at byte %zu: ", cut < 24 ? 0 : ends[whole]);
			assert_memory_equal(seen.err.msg, want, strlen(want));
		}
		seen_done(&seen);
		free(exact);
	}
	nr_buf_done(&file);
}

static void frames_of_no_bytes_and_of_the_greatest_length_are_read(void **state)
{
	struct nr_buf file;
	struct maker m = { &file, false };
	struct seen seen;

	(void)state;
	nr_buf_init(&file, MAKE_MAX);
	make_pcap(m, 0xa1b2c3d4, 0, 1); /* no limit */
	for (uint32_t i = 0; i < 3; i++) {
		make_record(m, SECOND, i, 0, 0);
		make_record(m, SECOND, i, NR_CAPTURE_SNAP_MAX, (uint8_t)i);
	}
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.code, 0);
	assert_int_equal(seen.n, 6);
	assert_int_equal(seen.stats.frames_oversize, 0);
	assert_int_equal(seen.stats.bytes_captured, 3u * NR_CAPTURE_SNAP_MAX);
	seen_done(&seen);
	nr_buf_done(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_magic_in_both_byte_orders_is_read),
		cmocka_unit_test(seconds_are_unsigned_so_that_2106_is_the_last_year),
		cmocka_unit_test(a_fraction_of_a_second_or_more_is_flagged),
		cmocka_unit_test(old_versions_have_the_two_lengths_swapped),
		cmocka_unit_test(another_major_version_is_not_guessed_at),
		cmocka_unit_test(the_upper_half_of_the_link_type_is_not_the_link_type),
		cmocka_unit_test(an_absurd_captured_length_ends_the_file_with_its_offset),
		cmocka_unit_test(a_frame_over_the_snapshot_length_is_delivered_whole_and_counted),
		cmocka_unit_test(
			a_file_cut_at_any_byte_gives_all_whole_frames_and_says_where_it_ends),
		cmocka_unit_test(frames_of_no_bytes_and_of_the_greatest_length_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
