/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when memory runs out or a read fails, at every place where it can. */
#include <stdio.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "base/io.h"
#include "base/torture.h"
#include "observe/capture/filter.h"
#include "observe/capture/test_make.h"

enum { FRAMES = 6000 };

struct place {
	char dir[64], pcapng[96], gzip[96];
};

static void put(const char *path, const struct nr_buf *bytes)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes->p, 1, bytes->n, file), bytes->n);
	fclose(file);
}

/** A directory with a pcapng file of two interfaces and a compressed pcap file. */
static int place_begin(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	struct nr_buf file, packed;
	struct maker m = { &file, false };

	assert_non_null(place);
	snprintf(place->dir, sizeof(place->dir), "/tmp/noroshi-faults-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	snprintf(place->pcapng, sizeof(place->pcapng), "%s/a.pcapng", place->dir);
	snprintf(place->gzip, sizeof(place->gzip), "%s/b.pcap.gz", place->dir);
	nr_buf_init(&file, MAKE_MAX);
	nr_buf_init(&packed, MAKE_MAX);
	make_pcapng_file(m, FRAMES / 2, 300);
	put(place->pcapng, &file);
	nr_buf_reset(&file);
	make_pcap_file(m, FRAMES / 2, 300);
	assert_true(make_gzip(&file, &packed));
	put(place->gzip, &packed);
	nr_buf_done(&file);
	nr_buf_done(&packed);
	*state = place;
	return 0;
}

static int place_end(void **state)
{
	struct place *place = *state;
	int ret = unlink(place->pcapng) | unlink(place->gzip) | rmdir(place->dir);

	free(place);
	return ret;
}

/** Open, read and close all of it. @return frames; *ret_code: the first failure */
static size_t read_all(const struct place *place, int *ret_code)
{
	struct nr_str path = nr_str_from(place->dir);
	struct nr_capture_options opt = { .paths = &path, .n_paths = 1 };
	struct nr_capture *capture = NULL;
	struct nr_block *block = NULL;
	struct nr_err err = { 0 };
	size_t n = 0;
	int ret = nr_block_new(&block);

	if (ret == 0)
		ret = nr_capture_open(&opt, &capture, &err);
	*ret_code = ret;
	while (ret == 0 && !nr_capture_ended(capture)) {
		int next = nr_capture_next(capture, block, 0, &err);

		n += block->n;
		if (next < 0 && *ret_code == 0)
			*ret_code = next;
	}
	nr_capture_free(capture);
	nr_block_free(block);
	return n;
}

/* Leaks are the sanitizer's to find: strdup() and aligned_alloc() are not counted by torture.h. */
static void any_allocation_may_fail_without_a_crash(void **state)
{
	uint64_t at = 0, calls;
	size_t n_failed = 0;

	do {
		int code;

		torture_fail_nth(++at);
		size_t n = read_all(*state, &code);
		calls = torture_end();
		assert_true(n <= FRAMES);
		/* the library may fall back on another way to do without */
		if (n < FRAMES)
			assert_true(code < 0);
		n_failed += code < 0;
	} while (calls >= at);
	assert_in_range(n_failed, 10, 1000);
}

static void any_read_may_fail_and_the_rest_is_read(void **state)
{
	uint64_t at = 0, calls;

	do {
		int code;

		nr_io_fail_nth(++at, -EIO);
		size_t n = read_all(*state, &code);
		calls = nr_io_plan_end();
		if (n < FRAMES)
			assert_int_equal(code, -EIO);
		else /* the read that finds the end may be the one that fails */
			assert_true(code == 0 || code == -EIO);
		assert_true(n == 0 || n >= FRAMES / 2); /* one file of the two at most is lost */
	} while (calls >= at);
	assert_true(at > 6);
}

static void any_read_may_be_short_and_nothing_is_lost(void **state)
{
	uint64_t at = 0, calls;

	do {
		int code;

		nr_io_fail_nth(++at, NR_IO_SHORT);
		size_t n = read_all(*state, &code);
		calls = nr_io_plan_end();
		assert_int_equal(code, 0);
		assert_int_equal(n, FRAMES);
	} while (calls >= at);
}

static void a_filter_without_memory_is_an_error(void **state)
{
	uint64_t at = 0, calls;

	(void)state;
	do {
		struct nr_filter *filter = NULL;
		struct nr_err err = { 0 };

		torture_fail_nth(++at);
		int ret = nr_filter_new("udp", &filter, &err);
		calls = torture_end();
		assert_int_equal(ret, calls >= at ? -ENOMEM : 0);
		nr_filter_free(filter);
	} while (calls >= at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_allocation_may_fail_without_a_crash,
						place_begin, place_end),
		cmocka_unit_test_setup_teardown(any_read_may_fail_and_the_rest_is_read, place_begin,
						place_end),
		cmocka_unit_test_setup_teardown(any_read_may_be_short_and_nothing_is_lost,
						place_begin, place_end),
		cmocka_unit_test(a_filter_without_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
