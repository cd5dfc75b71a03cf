/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/cmocka.h"
#include "observe/capture/test_make.h"
#include "observe/capture/ticks.h"

static const uint64_t micros = SECOND * UINT64_C(1000000);

/** The file that most tests begin with: one section, one Ethernet interface. */
static struct maker begin(struct nr_buf *file, bool big)
{
	struct maker m = { file, big };

	nr_buf_init(file, MAKE_MAX);
	make_section(m);
	make_interface(m, (struct make_interface){ .link = 1 });
	return m;
}

static void all_packet_blocks_are_read_in_both_byte_orders(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		struct nr_buf file, body;
		struct maker m = begin(&file, big == 1);
		struct seen seen;

		make_enhanced(m, 0, micros + 123456, 61, 0x11);
		make_simple(m, 62, 62, 0x22);
		/* obsolete packet block: interface and drops as 16-bit numbers */
		nr_buf_init(&body, 1000);
		struct maker mb = { &body, big == 1 };
		make16(mb, 0);
		make16(mb, 7);
		make32(mb, (uint32_t)(micros >> 32));
		make32(mb, (uint32_t)micros);
		make32(mb, 63);
		make32(mb, 1500);
		make_bytes(mb, 63, 0x33);
		make_block(m, 2, body.p, body.n);

		assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
		assert_int_equal(seen.code, 0);
		assert_int_equal(seen.n, 3);
		assert_int_equal(seen.stats.bytes_captured, 61 + 62 + 63);
		assert_int_equal(seen.first.ts, (int64_t)(micros + 123456) * 1000);
		assert_int_equal(seen.first.wirelen, 65);
		assert_int_equal(seen.first.flags, 0);
		assert_int_equal(seen.last.ts, (int64_t)micros * 1000);
		assert_int_equal(seen.last.wirelen, 1500);
		assert_int_equal(seen.last.link, 1);
		assert_int_equal(seen.frames.p[seen.frames.n - 1], 0x33);
		seen_done(&seen);
		nr_buf_done(&body);
		nr_buf_done(&file);
	}
}

static void a_simple_packet_gets_the_newest_time_before_it_flagged(void **state)
{
	struct nr_buf file;
	struct maker m = begin(&file, false);
	struct seen seen;

	(void)state;
	make_simple(m, 10, 10, 0);
	make_enhanced(m, 0, micros + 5, 10, 0);
	make_enhanced(m, 0, micros + 3, 10, 0);
	make_simple(m, 10, 10, 0);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.n, 4);
	assert_int_equal(seen.first.ts, 0);
	assert_int_equal(seen.first.flags, NR_FRAME_TIME_ODD);
	assert_int_equal(seen.last.ts, (int64_t)(micros + 5) * 1000);
	assert_int_equal(seen.last.flags, NR_FRAME_TIME_ODD);
	seen_done(&seen);
	nr_buf_done(&file);
}

static void a_simple_packet_is_as_long_as_the_snapshot_length_allows(void **state)
{
	struct nr_buf file;
	struct maker m = { &file, false };
	struct seen seen;

	(void)state;
	nr_buf_init(&file, MAKE_MAX);
	make_section(m);
	make_interface(m, (struct make_interface){ .link = 1, .snaplen = 50 });
	make_simple(m, 1500, 50, 0);
	make_simple(m, 40, 40, 0);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.code, 0);
	assert_int_equal(seen.first.caplen, 50);
	assert_int_equal(seen.first.wirelen, 1500);
	assert_int_equal(seen.last.caplen, 40);
	seen_done(&seen);
	nr_buf_done(&file);
}

static void each_interface_has_its_own_link_type_resolution_and_offset(void **state)
{
	static const struct {
		struct make_interface inf;
		uint64_t ticks;
		int64_t ns;
	} cases[] = {
		{ { .link = 1 }, 1234567, 1234567000 },
		{ { .link = 113, .resolved = true, .resolution = 9 }, 1234567, 1234567 },
		{ { .link = 276, .resolved = true, .resolution = 0 }, 12, 12 * NR_NS_PER_S },
		{ { .link = 101, .resolved = true, .resolution = 12 }, 1999, 1 },
		{ { .link = 228, .resolved = true, .resolution = 0x8a }, 512, NR_NS_PER_S / 2 },
		{ { .link = 0, .shifted = true, .offset_s = 100 }, 5, 100 * NR_NS_PER_S + 5000 },
		{ { .link = 1, .shifted = true, .offset_s = -100 }, 5, -100 * NR_NS_PER_S + 5000 },
	};

	(void)state;
	for (int big = 0; big < 2; big++) {
		struct nr_buf file;
		struct maker m = { &file, big == 1 };

		nr_buf_init(&file, MAKE_MAX);
		make_section(m);
		for (size_t i = 0; i < NR_COUNT(cases); i++)
			make_interface(m, cases[i].inf);
		size_t head = file.n;
		for (uint32_t i = 0; i < NR_COUNT(cases); i++) {
			struct seen seen;

			file.n = head;
			make_enhanced(m, i, cases[i].ticks, 10, 0);
			assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
			assert_int_equal(seen.code, 0);
			assert_int_equal(seen.n, 1);
			assert_int_equal(seen.last.ts, cases[i].ns);
			assert_int_equal(seen.last.link, cases[i].inf.link);
			seen_done(&seen);
		}
		nr_buf_done(&file);
	}
}

static void a_section_may_change_byte_order_and_starts_its_interfaces_anew(void **state)
{
	struct nr_buf file;
	struct maker m = begin(&file, false), big = { &file, true };
	struct seen seen;

	(void)state;
	make_interface(m, (struct make_interface){ .link = 101 });
	make_enhanced(m, 1, micros, 10, 0);
	make_section(big);
	make_interface(big, (struct make_interface){ .link = 113 });
	make_enhanced(big, 0, micros + 1, 11, 0);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.code, 0);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.first.link, 101);
	assert_int_equal(seen.last.link, 113);
	assert_int_equal(seen.last.caplen, 11);
	seen_done(&seen);

	/* the second interface of the first section is not known in the second */
	make_enhanced(big, 1, micros, 10, 0);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.code, NR_EDAMAGED);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.stats.records_refused, 1);
	seen_done(&seen);
	nr_buf_done(&file);
}

static void unknown_blocks_are_skipped_and_counted_however_long(void **state)
{
	static const size_t sizes[] = {
		0, 1, 100, NR_CAPTURE_BLOCK_BYTES, NR_CAPTURE_RECORD_MAX, 5 << 20
	};
	struct nr_buf file;
	struct maker m = begin(&file, false);
	uint8_t *body = calloc(1, 5 << 20);
	struct seen seen;

	(void)state;
	assert_non_null(body);
	for (size_t i = 0; i < NR_COUNT(sizes); i++) {
		make_block(m, 0x0000000a, body, sizes[i]);
		make_enhanced(m, 0, micros + i, 60, 0);
	}
	for (size_t chunk = 1000; chunk < 10000000; chunk *= 100) {
		assert_int_equal(see(file.p, file.n, (struct chop){ .chunk = chunk }, &seen), 0);
		assert_int_equal(seen.code, 0);
		assert_int_equal(seen.n, NR_COUNT(sizes));
		assert_int_equal(seen.stats.blocks_skipped, NR_COUNT(sizes));
		seen_done(&seen);
	}
	/* cut inside the longest */
	assert_int_equal(see(file.p, file.n - 3000000, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.code, NR_EDAMAGED);
	assert_int_equal(seen.n, NR_COUNT(sizes) - 1);
	assert_non_null(strstr(seen.err.msg, "the file ends inside a block, "));
	seen_done(&seen);
	/* offsets count what was passed over unseen */
	size_t at = file.n;
	char want[64];
	make_bytes(m, 12, 0);
	snprintf(want, sizeof(want), "trace: damaged at byte %zu: ", at);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
	assert_memory_equal(seen.err.msg, want, strlen(want));
	seen_done(&seen);
	free(body);
	nr_buf_done(&file);
}

/* Hostile input 2: what breaks the chain of blocks ends the file. */
static void broken_block_lengths_and_magics_end_the_file_with_their_offset(void **state)
{
	static const struct {
		const char *what;
		size_t at; /* byte of the third block to overwrite */
		uint32_t value;
		const char *why;
	} cases[] = {
		{ "length 0", 4, 0, "block of type 6 with a length of 0" },
		{ "length 8", 4, 8, "block of type 6 with a length of 8" },
		{ "length not a multiple of 4", 4, 93, "block of type 6 with a length of 93" },
		{ "length a multiple of 2 only", 4, 94, "block of type 6 with a length of 94" },
		{ "lengths differ", 88, 96, "block of type 6 whose two lengths differ, 92 and 96" },
		{ "unknown magic", 0, 0x0a0d0d0a,
		  "section header with unknown byte-order magic 00000000" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_buf file;
		struct maker m = begin(&file, false);
		struct seen seen;
		char want[200];

		make_enhanced(m, 0, micros, 60, 0);
		size_t at = file.n;
		make_enhanced(m, 0, micros, 60, 0);
		make_enhanced(m, 0, micros, 60, 0);
		memcpy(file.p + at + cases[i].at, &cases[i].value, 4);
		snprintf(want, sizeof(want), "trace: damaged at byte %zu: %s", at, cases[i].why);
		assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
		assert_int_equal(seen.code, NR_EDAMAGED);
		assert_string_equal(seen.err.msg, want);
		assert_int_equal(seen.n, 1);
		seen_done(&seen);
		nr_buf_done(&file);
	}
}

/* Hostile input 2: sound blocks with contradictions inside are refused one by one. */
static void contradictory_packets_are_refused_counted_and_reported_at_the_end(void **state)
{
	static const struct {
		size_t at; /* 32-bit word of the block's body to overwrite */
		uint32_t value;
		const char *why;
	} cases[] = {
		{ 0, 1, "packet of interface 1, which has no valid description" },
		{ 0, UINT32_MAX, "packet of interface 4294967295, which has no valid description" },
		{ 12, 61, "packet block says 61 captured bytes and has room for 60" },
		{ 12, 0x7fffffff,
		  "packet block says 2147483647 captured bytes and has room for 60" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_buf file;
		struct maker m = begin(&file, false);
		struct seen seen;
		char want[300];

		make_enhanced(m, 0, micros, 60, 0);
		size_t at = file.n;
		make_enhanced(m, 0, micros, 60, 0);
		make_enhanced(m, 0, micros, 60, 0);
		memcpy(file.p + at + 8 + cases[i].at, &cases[i].value, 4);
		snprintf(want, sizeof(want),
			 "trace: damaged at byte %zu: %s (records refused in this file: 1)", at,
			 cases[i].why);
		assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
		assert_int_equal(seen.code, NR_EDAMAGED);
		assert_string_equal(seen.err.msg, want);
		assert_int_equal(seen.n, 2);
		assert_int_equal(seen.stats.records_refused, 1);
		seen_done(&seen);
		nr_buf_done(&file);
	}
}

/* Hostile input 2: option length past the block. */
static void an_interface_with_options_past_its_end_keeps_its_number_but_not_its_packets(
	void **state)
{
	struct nr_buf file;
	struct maker m = { &file, false };
	uint8_t body[16] = { 1, 0, 0, 0, 0xff, 0xff, 0, 0, 9, 0, 5, 0, 6, 0, 0, 0 };
	struct seen seen;

	(void)state;
	nr_buf_init(&file, MAKE_MAX);
	make_section(m);
	make_block(m, 1, body, sizeof(body)); /* if_tsresol of 5 bytes where 4 are left */
	make_interface(m, (struct make_interface){ .link = 113 });
	make_enhanced(m, 0, micros, 60, 0);
	make_enhanced(m, 1, micros, 60, 0);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.code, NR_EDAMAGED);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.last.link, 113);
	assert_int_equal(seen.stats.records_refused, 2);
	assert_string_equal(
		seen.err.msg,
		"trace: damaged at byte 28: interface description with fields or options "
		"past its end (records refused in this file: 2)");
	seen_done(&seen);
	nr_buf_done(&file);
}

/* Hostile input 2: 10^6 interfaces. */
static void a_million_interfaces_cost_the_memory_of_1024(void **state)
{
	struct nr_buf file;
	struct maker m = { &file, false };
	struct seen seen;

	(void)state;
	nr_buf_init(&file, MAKE_MAX);
	make_section(m);
	for (uint32_t i = 0; i < 1000000; i++)
		make_interface(m, (struct make_interface){ .link = (uint16_t)i });
	make_enhanced(m, 1023, micros, 60, 0);
	make_enhanced(m, 1024, micros, 60, 0);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.code, NR_EDAMAGED);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.last.link, 1023);
	assert_int_equal(seen.stats.records_refused, 1000000 - 1024 + 1);
	assert_string_equal(seen.err.msg,
			    "trace: damaged at byte 20508: more than 1024 interfaces in a section "
			    "(records refused in this file: 998977)");
	seen_done(&seen);
	nr_buf_done(&file);
}

static void a_block_too_long_to_be_held_is_refused_and_passed_over(void **state)
{
	struct nr_buf file;
	struct maker m = begin(&file, false);
	struct seen seen;

	(void)state;
	make_enhanced(m, 0, micros, NR_CAPTURE_RECORD_MAX, 1);
	make_enhanced(m, 0, micros, NR_CAPTURE_SNAP_MAX + 1, 1);
	make_enhanced(m, 0, micros, NR_CAPTURE_SNAP_MAX, 1);
	make_enhanced(m, 0, micros, 60, 1);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.code, NR_EDAMAGED);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.first.caplen, NR_CAPTURE_SNAP_MAX);
	assert_int_equal(seen.last.caplen, 60);
	assert_int_equal(seen.stats.records_refused, 2);
	seen_done(&seen);
	nr_buf_done(&file);
}

static void a_time_that_does_not_fit_is_cut_and_flagged(void **state)
{
	struct nr_buf file;
	struct maker m = begin(&file, false);
	struct seen seen;

	(void)state;
	make_enhanced(m, 0, micros, 60, 0);
	make_enhanced(m, 0, UINT64_MAX, 60, 0);
	assert_int_equal(see(file.p, file.n, (struct chop){ 0 }, &seen), 0);
	assert_int_equal(seen.code, 0);
	assert_int_equal(seen.last.ts, INT64_MAX);
	assert_int_equal(seen.last.flags, NR_FRAME_TIME_ODD);
	seen_done(&seen);
	nr_buf_done(&file);
}

static void a_file_cut_at_any_byte_gives_all_whole_frames_and_says_where_it_ends(void **state)
{
	struct nr_buf file;
	struct maker m = begin(&file, false);
	size_t ends[8], n_ends = 0, whole = 0, frames = 0;

	(void)state;
	ends[n_ends++] = 0;
	ends[n_ends++] = 28;
	ends[n_ends++] = file.n;
	for (uint32_t i = 0; i < 4; i++) {
		make_enhanced(m, 0, micros, i * 13, 0);
		ends[n_ends++] = file.n;
	}
	for (size_t cut = 0; cut <= file.n; cut++) {
		uint8_t *exact = malloc(cut + 1);
		struct seen seen;
		char want[64];

		memcpy(exact, file.p, cut);
		while (whole + 1 < n_ends && ends[whole + 1] <= cut)
			whole++;
		frames = whole > 2 ? whole - 2 : 0;
		assert_int_equal(see(exact, cut, (struct chop){ 0 }, &seen), 0);
		assert_int_equal(seen.n, frames);
		if (cut > 0 && cut == ends[whole]) {
			assert_int_equal(seen.code, 0);
		} else {
			assert_int_equal(seen.code, NR_EDAMAGED);
			snprintf(want, sizeof(want), "trace: damaged at byte %zu: ", ends[whole]);
			assert_memory_equal(seen.err.msg, want, strlen(want));
		}
		seen_done(&seen);
		free(exact);
	}
	nr_buf_done(&file);
}

static void ticks_of_any_size_become_nanoseconds_without_overflow(void **state)
{
	static const struct {
		uint8_t resolution;
		int64_t offset_s;
		uint64_t ticks;
		bool fits;
		int64_t ns;
	} cases[] = {
		{ 6, 0, 1, true, 1000 },
		{ 9, 0, INT64_MAX, true, INT64_MAX },
		{ 9, 0, (uint64_t)INT64_MAX + 1, false, INT64_MAX },
		{ 0, 0, 9223372036, true, 9223372036000000000 },
		{ 0, 0, 9223372037, false, INT64_MAX },
		{ 28, 0, UINT64_MAX, true, 1 },
		{ 29, 0, UINT64_MAX, true, 0 },
		{ 127, 5, UINT64_MAX, true, 5000000000 },
		{ 0x80, 0, 3, true, 3000000000 },
		{ 0x80 + 32, 0, UINT64_C(3) << 31, true, 1500000000 },
		{ 0x80 + 127, 0, UINT64_MAX, true, 0 },
		{ 0x80, 0, UINT64_MAX, false, INT64_MAX },
		{ 6, INT64_MIN, 0, false, INT64_MIN },
		{ 6, INT64_MAX, UINT64_MAX, false, INT64_MAX },
		{ 9, -9, UINT64_C(18446744073709551615), false, INT64_MAX },
		{ 9, -9223372037, UINT64_C(18446744073709551615), true, 9223372036709551615 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_ticks ticks = nr_ticks_of(cases[i].resolution, cases[i].offset_s);
		int64_t ns;

		assert_int_equal(nr_ticks_to_ns(&ticks, cases[i].ticks, &ns), cases[i].fits);
		assert_int_equal(ns, cases[i].ns);
		assert_int_equal(nr_ticks_to_ns_slow(&ticks, cases[i].ticks, &ns), cases[i].fits);
		assert_int_equal(ns, cases[i].ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_packet_blocks_are_read_in_both_byte_orders),
		cmocka_unit_test(a_simple_packet_gets_the_newest_time_before_it_flagged),
		cmocka_unit_test(a_simple_packet_is_as_long_as_the_snapshot_length_allows),
		cmocka_unit_test(each_interface_has_its_own_link_type_resolution_and_offset),
		cmocka_unit_test(a_section_may_change_byte_order_and_starts_its_interfaces_anew),
		cmocka_unit_test(unknown_blocks_are_skipped_and_counted_however_long),
		cmocka_unit_test(broken_block_lengths_and_magics_end_the_file_with_their_offset),
		cmocka_unit_test(contradictory_packets_are_refused_counted_and_reported_at_the_end),
		cmocka_unit_test(
			an_interface_with_options_past_its_end_keeps_its_number_but_not_its_packets),
		cmocka_unit_test(a_million_interfaces_cost_the_memory_of_1024),
		cmocka_unit_test(a_block_too_long_to_be_held_is_refused_and_passed_over),
		cmocka_unit_test(a_time_that_does_not_fit_is_cut_and_flagged),
		cmocka_unit_test(
			a_file_cut_at_any_byte_gives_all_whole_frames_and_says_where_it_ends),
		cmocka_unit_test(ticks_of_any_size_become_nanoseconds_without_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
