/* SPDX-License-Identifier: Apache-2.0 */
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "base/io.h"
#include "observe/capture/directory.h"
#include "observe/capture/test_make.h"

/** A directory of its own for one test. */
struct place {
	char dir[64];
};

static int place_begin(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (place == NULL)
		return -1;
	snprintf(place->dir, sizeof(place->dir), "/tmp/noroshi-capture-XXXXXX");
	if (mkdtemp(place->dir) == NULL)
		return -1;
	*state = place;
	return 0;
}

static int entry_remove(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

static int place_end(void **state)
{
	struct place *place = *state;
	int ret = nftw(place->dir, entry_remove, 8, FTW_DEPTH | FTW_PHYS);

	free(place);
	return ret;
}

static const char *path_of(const struct place *place, const char *name, char *out, size_t cap)
{
	snprintf(out, cap, "%s/%s", place->dir, name);
	return out;
}

static void put(const struct place *place, const char *name, const void *bytes, size_t n,
		const char *how)
{
	char path[256];
	FILE *file = fopen(path_of(place, name, path, sizeof(path)), how);

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

/** A pcap of one frame, whose length tells the files apart. */
static void put_one(const struct place *place, const char *name, uint32_t s, uint32_t caplen)
{
	struct nr_buf file;
	struct maker m = { &file, false };

	nr_buf_init(&file, MAKE_MAX);
	make_pcap(m, 0xa1b2c3d4, 65535, 1);
	make_record(m, s, 0, caplen, 0);
	put(place, name, file.p, file.n, "wb");
	nr_buf_done(&file);
}

/** Read all that is there. @p ret_lengths: captured lengths as "1 2 3 " @return the last failure */
static int drain(struct nr_capture *capture, struct nr_err *err, char *lengths, size_t cap)
{
	struct nr_block *block;
	size_t at = 0;
	int code = 0, ret;

	lengths[0] = '\0';
	assert_int_equal(nr_block_new(&block), 0);
	do {
		ret = nr_capture_next(capture, block, 0, err);
		if (ret < 0)
			code = ret;
		for (size_t i = 0; i < block->n && at < cap; i++)
			at += (size_t)snprintf(lengths + at, cap - at, "%u ",
					       block->frames[i].caplen);
	} while (!nr_capture_ended(capture) && (ret < 0 || block->n > 0));
	nr_block_free(block);
	return code;
}

static struct nr_capture *open_paths(const char *const *paths, size_t n, bool follow)
{
	struct nr_str strs[8];
	struct nr_capture *capture = NULL;
	struct nr_err err = { 0 };

	for (size_t i = 0; i < n; i++)
		strs[i] = nr_str_from(paths[i]);
	struct nr_capture_options opt = { .paths = strs, .n_paths = n, .follow = follow };
	if (nr_capture_open(&opt, &capture, &err) < 0)
		fail_msg("%s", err.msg);
	return capture;
}

static void a_directory_is_read_in_time_order_whatever_the_names(void **state)
{
	const struct place *place = *state;
	const char *paths[] = { place->dir };
	struct nr_capture_stats stats;
	struct nr_err err = { 0 };
	char lengths[100];

	put_one(place, "z-first", SECOND, 1);
	put_one(place, "a10", SECOND + 5, 4);
	put_one(place, "a9", SECOND + 5, 3);
	put_one(place, "a1", SECOND + 2, 2);
	put_one(place, ".hidden", SECOND + 2, 99);
	put(place, "README", "not packets", 11, "wb");
	nr_auto(nr_capture) capture = open_paths(paths, 1, false);
	assert_int_equal(drain(capture, &err, lengths, sizeof(lengths)), 0);
	assert_string_equal(lengths, "1 2 3 4 ");
	assert_true(nr_capture_ended(capture));
	nr_capture_stats(capture, &stats);
	assert_int_equal(stats.files, 4);
	assert_int_equal(stats.files_skipped, 1);
	assert_int_equal(stats.frames, 4);
	assert_int_equal(stats.bytes_read, 4 * (24 + 16) + 10);
	assert_int_equal(stats.bytes_total, stats.bytes_read);
}

static void a_directory_may_mix_formats_and_compression(void **state)
{
	const struct place *place = *state;
	const char *paths[] = { place->dir };
	struct nr_buf file, packed;
	struct maker m = { &file, false };
	struct nr_err err = { 0 };
	char lengths[100];

	nr_buf_init(&file, MAKE_MAX);
	nr_buf_init(&packed, MAKE_MAX);
	make_pcap(m, 0xa1b2c3d4, 65535, 1);
	make_record(m, SECOND + 3, 0, 4, 0);
	assert_true(make_gzip(&file, &packed));
	put(place, "a.gz", packed.p, packed.n, "wb");
	nr_buf_reset(&file);
	nr_buf_reset(&packed);
	make_section(m);
	make_interface(m, (struct make_interface){ .link = 1 });
	make_simple(m, 2, 2, 0); /* without a time */
	make_enhanced(m, 0, (SECOND + 1) * UINT64_C(1000000), 3, 0);
	assert_true(make_zstd(&file, &packed));
	put(place, "b.zst", packed.p, packed.n, "wb");
	put_one(place, "c", SECOND, 1);
	nr_auto(nr_capture) capture = open_paths(paths, 1, false);
	assert_int_equal(drain(capture, &err, lengths, sizeof(lengths)), 0);
	assert_string_equal(lengths, "1 2 3 4 ");
	nr_buf_done(&file);
	nr_buf_done(&packed);
}

static void operands_are_read_in_their_order_and_as_often_as_given(void **state)
{
	const struct place *place = *state;
	char late[256], early[256], lengths[100];
	struct nr_err err = { 0 };

	put_one(place, "late", SECOND + 9, 9);
	put_one(place, "early", SECOND, 1);
	path_of(place, "late", late, sizeof(late));
	path_of(place, "early", early, sizeof(early));
	const char *paths[] = { late, early, late };
	nr_auto(nr_capture) capture = open_paths(paths, 3, false);
	assert_int_equal(drain(capture, &err, lengths, sizeof(lengths)), 0);
	assert_string_equal(lengths, "9 1 9 ");
}

static void after_a_damaged_file_the_next_one_is_read(void **state)
{
	const struct place *place = *state;
	char a[256], b[256], c[256], d[256], lengths[100], want[400];
	struct nr_capture_stats stats;
	struct nr_err err = { 0 };
	struct nr_buf file;
	struct maker m = { &file, false };

	nr_buf_init(&file, MAKE_MAX);
	make_pcap(m, 0xa1b2c3d4, 65535, 1);
	make_record(m, SECOND, 0, 7, 0);
	make_record(m, SECOND, 0, 8, 0);
	put(place, "b\n.pcap", file.p, file.n - 1, "wb");
	put_one(place, "a", SECOND, 1);
	put_one(place, "d", SECOND, 2);
	put(place, "c", "no capture", 10, "wb");
	const char *paths[] = { path_of(place, "a", a, sizeof(a)),
				path_of(place, "b\n.pcap", b, sizeof(b)),
				path_of(place, "d", d, sizeof(d)) };
	struct nr_capture *capture = open_paths(paths, 3, false);
	assert_int_equal(drain(capture, &err, lengths, sizeof(lengths)), NR_EDAMAGED);
	assert_string_equal(lengths, "1 7 2 ");
	snprintf(
		want, sizeof(want),
		"%s/b\\x0a.pcap: damaged at byte 47: the file ends inside a record, after 23 of at least 24 bytes",
		place->dir);
	assert_string_equal(err.msg, want);
	nr_capture_stats(capture, &stats);
	assert_int_equal(stats.files_damaged, 1);
	assert_int_equal(stats.files, 3);
	nr_capture_free(capture);

	const char *again[] = { a, path_of(place, "c", c, sizeof(c)), d };
	capture = open_paths(again, 3, false);
	assert_int_equal(drain(capture, &err, lengths, sizeof(lengths)), NR_EFORMAT);
	assert_string_equal(lengths, "1 2 ");
	assert_null(nr_capture_free(capture));
	nr_buf_done(&file);
}

static void wrong_names_fail_before_anything_is_read(void **state)
{
	const struct place *place = *state;
	char good[256], bad[256], text[256];
	struct nr_capture *capture = NULL;
	struct nr_err err = { 0 };

	put_one(place, "good", SECOND, 1);
	put(place, "text", "hello world", 11, "wb");
	path_of(place, "good", good, sizeof(good));
	path_of(place, "absent", bad, sizeof(bad));
	path_of(place, "text", text, sizeof(text));
	assert_int_equal(mkdir(path_of(place, "empty", (char[256]){ 0 }, 256), 0700), 0);
	char empty[256];
	path_of(place, "empty", empty, sizeof(empty));
	const struct {
		const char *paths[2];
		size_t n;
		int code;
	} cases[] = {
		{ { good, bad }, 2, -ENOENT },
		{ { text, good }, 2, NR_EFORMAT },
		{ { empty, NULL }, 1, -ENOENT },
		{ { NULL, NULL }, 0, NR_EUSAGE },
	};
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_str strs[2] = { nr_str_from(cases[i].paths[0]),
					  nr_str_from(cases[i].paths[1]) };
		struct nr_capture_options opt = { .paths = strs, .n_paths = cases[i].n };

		assert_int_equal(nr_capture_open(&opt, &capture, &err), cases[i].code);
		assert_null(capture);
		assert_true(strlen(err.msg) > 0);
	}
}

static void a_followed_file_is_read_on_as_it_grows(void **state)
{
	const struct place *place = *state;
	char path[256], lengths[100];
	struct nr_err err = { 0 };
	struct nr_buf file;
	struct maker m = { &file, false };

	nr_buf_init(&file, MAKE_MAX);
	put(place, "grows", "", 0, "wb");
	const char *paths[] = { path_of(place, "grows", path, sizeof(path)) };
	nr_auto(nr_capture) capture = open_paths(paths, 1, true);
	make_pcap(m, 0xa1b2c3d4, 65535, 1);
	for (uint32_t i = 0; i < 3; i++)
		make_record(m, SECOND + i, 0, 20 + i, 0);
	size_t n_frames = 0;
	for (size_t at = 0; at < file.n; at++) {
		put(place, "grows", file.p + at, 1, "ab");
		assert_int_equal(drain(capture, &err, lengths, sizeof(lengths)), 0);
		n_frames += strlen(lengths) / 3;
	}
	assert_int_equal(n_frames, 3);
	assert_string_equal(lengths, "22 ");
	assert_false(nr_capture_ended(capture));
	nr_capture_stop(capture);
	assert_true(nr_capture_ended(capture));
	struct nr_block *block;
	assert_int_equal(nr_block_new(&block), 0);
	assert_int_equal(nr_capture_next(capture, block, -1, &err), 0);
	assert_int_equal(block->n, 0);
	nr_block_free(block);
	nr_buf_done(&file);
}

static void a_followed_directory_goes_to_new_files_and_calls_old_ones_final(void **state)
{
	const struct place *place = *state;
	const char *paths[] = { place->dir };
	struct nr_err err = { 0 };
	char lengths[100];
	struct nr_buf file;
	struct maker m = { &file, false };

	nr_buf_init(&file, MAKE_MAX);
	make_pcap(m, 0xa1b2c3d4, 65535, 1);
	make_record(m, SECOND + 5, 0, 5, 0);
	make_record(m, SECOND + 5, 0, 6, 0);
	nr_auto(nr_capture) capture = open_paths(paths, 1, true);
	assert_int_equal(drain(capture, &err, lengths, sizeof(lengths)), 0);
	assert_string_equal(lengths, "");
	assert_false(nr_capture_ended(capture));
	put_one(place, "b", SECOND + 1, 2);
	put_one(place, "c", SECOND, 1);
	assert_int_equal(drain(capture, &err, lengths, sizeof(lengths)), 0);
	assert_string_equal(lengths, "1 2 ");
	put(place, "d", file.p, file.n - 1, "wb"); /* not whole yet */
	assert_int_equal(drain(capture, &err, lengths, sizeof(lengths)), 0);
	assert_string_equal(lengths, "5 ");
	put(place, "d", file.p + file.n - 1, 1, "ab");
	assert_int_equal(drain(capture, &err, lengths, sizeof(lengths)), 0);
	assert_string_equal(lengths, "6 ");
	put(place, "d", file.p, 10, "ab"); /* a record that never becomes whole */
	assert_int_equal(drain(capture, &err, lengths, sizeof(lengths)), 0);
	put_one(place, "e", SECOND + 9, 9);
	assert_int_equal(drain(capture, &err, lengths, sizeof(lengths)), NR_EDAMAGED);
	assert_non_null(strstr(err.msg, "/d: damaged at byte 67: the file ends inside a record"));
	assert_string_equal(lengths, "9 ");
	assert_false(nr_capture_ended(capture));
	nr_buf_done(&file);
}

static void a_read_error_is_reported_and_the_next_file_is_read(void **state)
{
	const struct place *place = *state;
	char a[256], b[256], lengths[100];
	struct nr_err err = { 0 };

	put_one(place, "a", SECOND, 1);
	put_one(place, "b", SECOND, 2);
	const char *paths[] = { path_of(place, "a", a, sizeof(a)),
				path_of(place, "b", b, sizeof(b)) };
	struct nr_capture *capture = open_paths(paths, 2, false);
	nr_io_fail_nth(1, -EIO);
	int code = drain(capture, &err, lengths, sizeof(lengths));
	(void)nr_io_plan_end();
	assert_int_equal(code, -EIO);
	assert_non_null(strstr(err.msg, "/a: "));
	assert_string_equal(lengths, "2 ");
	nr_capture_free(capture);
}

static void names_are_compared_as_people_read_them(void **state)
{
	static const char *const sorted[] = { "a",   "a1",    "a2",	"a02b", "a9",
					      "a10", "a10.1", "a10.10", "ab",	"b" };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(sorted); i++)
		for (size_t k = 0; k < NR_COUNT(sorted); k++) {
			int cmp = nr_directory_natural_cmp(sorted[i], sorted[k]);

			assert_int_equal((cmp > 0) - (cmp < 0), (i > k) - (i < k));
		}
	assert_true(nr_directory_natural_cmp("1", "01") != 0);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, place_begin, place_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_place(a_directory_is_read_in_time_order_whatever_the_names),
		in_place(a_directory_may_mix_formats_and_compression),
		in_place(operands_are_read_in_their_order_and_as_often_as_given),
		in_place(after_a_damaged_file_the_next_one_is_read),
		in_place(wrong_names_fail_before_anything_is_read),
		in_place(a_followed_file_is_read_on_as_it_grows),
		in_place(a_followed_directory_goes_to_new_files_and_calls_old_ones_final),
		in_place(a_read_error_is_reported_and_the_next_file_is_read),
		cmocka_unit_test(names_are_compared_as_people_read_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
