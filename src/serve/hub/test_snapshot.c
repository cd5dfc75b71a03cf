/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/hub/snapshot.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cmocka.h"

static char dir[64];

static int open_dir(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/nr_snapshot_XXXXXX");
	return mkdtemp(dir) == NULL;
}

static unsigned each_file(bool delete)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		char path[400];

		if (e->d_name[0] == '.')
			continue;
		n++;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (delete)
			assert_int_equal(unlink(path), 0);
	}
	(void)closedir(d);
	return n;
}

static int close_dir(void **state)
{
	(void)state;
	each_file(true);
	return rmdir(dir);
}

static void write_state(uint64_t at, const char *text)
{
	struct nr_bytes state = { (const uint8_t *)text, strlen(text) };

	assert_int_equal(nr_snapshot_write(dir, at, state, NULL), 0);
}

static int read_state(uint64_t before, uint64_t *ret_at, char out[16])
{
	struct nr_bytes state;
	int ret = nr_snapshot_read(dir, before, ret_at, &state, NULL);

	if (ret < 0)
		return ret;
	assert_true(state.n < 16);
	memcpy(out, state.p, state.n);
	out[state.n] = '\0';
	free((void *)(uintptr_t)state.p);
	return 0;
}

static void the_newest_two_stay_and_the_newest_is_read(void **state)
{
	char text[16];
	uint64_t at;

	(void)state;
	assert_int_equal(read_state(UINT64_MAX, &at, text), -ENOENT);
	write_state(9, "nine");
	write_state(10, "ten");
	write_state(100, "hundred");
	assert_int_equal(each_file(false), 2);
	assert_int_equal(read_state(UINT64_MAX, &at, text), 0);
	assert_int_equal(at, 100);
	assert_string_equal(text, "hundred");
	assert_int_equal(read_state(100, &at, text), 0);
	assert_string_equal(text, "ten");
	assert_int_equal(read_state(10, &at, text), -ENOENT);
}

/* Missing, empty, cut and changed are the same: the one before is taken. */
static void a_damaged_one_is_passed_over_whatever_byte_it_is(void **state)
{
	char path[128], text[16];
	uint64_t at;
	off_t size;

	(void)state;
	write_state(1, "one");
	write_state(2, "two");
	(void)snprintf(path, sizeof(path), "%s/%020d.nrs", dir, 2);
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	size = lseek(fd, 0, SEEK_END);
	for (off_t i = 0; i < size; i++) {
		uint8_t byte, other;

		assert_int_equal(pread(fd, &byte, 1, i), 1);
		other = byte ^ 0x10;
		assert_int_equal(pwrite(fd, &other, 1, i), 1);
		assert_int_equal(read_state(UINT64_MAX, &at, text), 0);
		assert_int_equal(at, 1);
		assert_int_equal(pwrite(fd, &byte, 1, i), 1);
	}
	assert_int_equal(read_state(UINT64_MAX, &at, text), 0);
	assert_int_equal(at, 2);
	for (off_t n = size; n-- > 0;) {
		assert_int_equal(ftruncate(fd, n), 0);
		assert_int_equal(read_state(UINT64_MAX, &at, text), 0);
		assert_int_equal(at, 1);
	}
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_newest_two_stay_and_the_newest_is_read,
						open_dir, close_dir),
		cmocka_unit_test_setup_teardown(a_damaged_one_is_passed_over_whatever_byte_it_is,
						open_dir, close_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
