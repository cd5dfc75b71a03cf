/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "base/torture.h"

/* Every test has a directory of its own: *state. */
static int setup(void **state)
{
	static char dir[PATH_MAX];

	(void)snprintf(dir, sizeof(dir), "%s/noroshi-io-XXXXXX", P_tmpdir);
	*state = mkdtemp(dir);
	return *state != NULL ? 0 : -1;
}

static void path_in(void **state, const char *name, char out[PATH_MAX])
{
	(void)snprintf(out, PATH_MAX, "%s/%s", (const char *)*state, name);
}

static size_t count_files(void **state)
{
	DIR *d = opendir(*state);
	size_t n = 0;

	assert_non_null(d);
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static int teardown(void **state)
{
	DIR *d = opendir(*state);
	char path[PATH_MAX];

	(void)nr_io_plan_end();
	(void)torture_end();
	if (d == NULL)
		return -1;
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		path_in(state, e->d_name, path);
		(void)unlink(path);
	}
	closedir(d);
	return rmdir(*state);
}

static void assert_content(const char *path, const void *want, size_t n)
{
	struct nr_bytes got = { NULL, 0 };

	assert_int_equal(nr_io_slurp(path, SIZE_MAX, &got, NULL), 0);
	assert_int_equal(got.n, n);
	assert_memory_equal(got.p, want, n);
	assert_int_equal(got.p[n], 0);
	free((void *)(uintptr_t)got.p);
}

static void replaced_files_are_read_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 8192, 100000 };
	char path[PATH_MAX], *bytes = malloc(100000);

	assert_non_null(bytes);
	memset(bytes, 'n', 100000);
	path_in(state, "file", path);
	for (size_t i = 0; i < NR_COUNT(sizes); i++) {
		assert_int_equal(nr_io_replace(path, bytes, sizes[i], NULL), 0);
		assert_content(path, bytes, sizes[i]);
		assert_int_equal(count_files(state), 1);
	}
	free(bytes);
}

static void slurp_keeps_its_limit(void **state)
{
	struct nr_bytes got = { NULL, 7 };
	struct nr_err err = { .code = 0 };
	char path[PATH_MAX];

	path_in(state, "file", path);
	assert_int_equal(nr_io_replace(path, "12345678", 8, NULL), 0);
	assert_int_equal(nr_io_slurp(path, 7, &got, &err), NR_ELIMIT);
	assert_non_null(strstr(err.msg, "/file: cannot read: limit reached"));
	assert_int_equal(nr_io_slurp(path, 0, &got, NULL), NR_ELIMIT);
	assert_null(got.p);
	assert_int_equal(nr_io_slurp(path, 8, &got, NULL), 0);
	assert_int_equal(got.n, 8);
	free((void *)(uintptr_t)got.p);
	got.p = NULL;
	assert_int_equal(nr_io_replace(path, "", 0, NULL), 0);
	assert_int_equal(nr_io_slurp(path, 0, &got, NULL), 0);
	assert_int_equal(got.n, 0);
	assert_non_null(got.p);
	free((void *)(uintptr_t)got.p);
}

static void endless_files_end_at_the_limit(void **state)
{
	struct nr_bytes got;

	(void)state;
	assert_int_equal(nr_io_slurp("/dev/zero", 100000, &got, NULL), NR_ELIMIT);
	assert_int_equal(nr_io_slurp("/dev/null", 100000, &got, NULL), 0);
	free((void *)(uintptr_t)got.p);
}

static void errors_name_the_escaped_path(void **state)
{
	struct nr_bytes got;
	struct nr_err err;

	assert_int_equal(nr_io_slurp("/nonexistent/\x1b[2J", 10, &got, &err), -ENOENT);
	assert_string_equal(err.msg,
			    "/nonexistent/\\x1b[2J: cannot open: No such file or directory");
	assert_int_equal(nr_io_slurp(*state, 10, &got, &err), -EISDIR);
	assert_int_equal(nr_io_replace("/nonexistent/x", "", 0, &err), -ENOENT);
	assert_string_equal(err.msg, "/nonexistent/x: cannot write: No such file or directory");
	assert_int_equal(nr_io_rename("/nonexistent/a", "/nonexistent/b"), -ENOENT);
	assert_int_equal(nr_io_unlink("/nonexistent/a"), -ENOENT);
	assert_int_equal(nr_io_fsync(-1), -EBADF);
	nr_io_fail_nth(1, -EROFS);
	assert_int_equal(nr_io_unlink("/nonexistent/a"), -EROFS);
	assert_int_equal(nr_io_plan_end(), 1);
	assert_int_equal(nr_io_close(-1), -EBADF);
	assert_int_equal(nr_io_write_all(-1, "x", 1), -EBADF);
}

static void a_path_without_directory_is_taken(void **state)
{
	char before[PATH_MAX];

	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(*state), 0);
	assert_int_equal(nr_io_replace("plain", "x", 1, NULL), 0);
	assert_content("plain", "x", 1);
	assert_int_equal(chdir(before), 0);
}

static void a_symbolic_link_is_replaced_not_followed(void **state)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct stat st;

	path_in(state, "link", path);
	path_in(state, "target", target);
	assert_int_equal(nr_io_replace(target, "target", 6, NULL), 0);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(nr_io_replace(path, "new", 3, NULL), 0);
	assert_content(path, "new", 3);
	assert_content(target, "target", 6);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

/* After any single failure the file holds the old text or the new, and nothing lies beside it. */
static void replace_survives_every_failing_call(void **state)
{
	char path[PATH_MAX];
	uint64_t n = 0, n_calls, n_failed = 0;

	path_in(state, "file", path);
	do {
		struct nr_err err = { .code = 0 };
		struct nr_bytes got;
		int ret;

		assert_int_equal(nr_io_replace(path, "old", 3, NULL), 0);
		nr_io_fail_nth(++n, -EIO);
		ret = nr_io_replace(path, "newer", 5, &err);
		n_calls = nr_io_plan_end();
		assert_true(ret == 0 || (ret == -EIO && err.code == -EIO));
		n_failed += ret < 0;
		assert_int_equal(nr_io_slurp(path, 100, &got, NULL), 0);
		assert_true((got.n == 3 && memcmp(got.p, "old", 3) == 0 && ret < 0) ||
			    (got.n == 5 && memcmp(got.p, "newer", 5) == 0));
		free((void *)(uintptr_t)got.p);
		assert_int_equal(count_files(state), 1);
	} while (n_calls >= n);
	/* open, write, fsync, close, rename, open and fsync of the directory; its close is forgiven */
	assert_int_equal(n_failed, 7);
	assert_int_equal(n_calls, 8);
}

static void slurp_survives_every_failing_call_and_allocation(void **state)
{
	char path[PATH_MAX], text[9000];
	struct nr_bytes got;
	uint64_t n = 0;

	memset(text, 't', sizeof(text));
	path_in(state, "file", path);
	assert_int_equal(nr_io_replace(path, text, sizeof(text), NULL), 0);
	for (;;) {
		int ret;

		nr_io_fail_nth(++n, -EIO);
		ret = nr_io_slurp(path, SIZE_MAX, &got, NULL);
		if (ret == 0)
			free((void *)(uintptr_t)got.p);
		assert_true(ret == 0 || ret == -EIO);
		if (nr_io_plan_end() < n)
			break;
	}
	assert_true(n > 4);
	n = 0;
	do {
		int ret;

		torture_fail_nth(++n);
		ret = nr_io_slurp(path, SIZE_MAX, &got, NULL);
		if (ret == 0)
			free((void *)(uintptr_t)got.p);
		assert_true(ret == 0 || ret == -ENOMEM);
		ret = nr_io_replace(path, text, sizeof(text), NULL);
		assert_true(ret == 0 || ret == -ENOMEM);
		assert_int_equal(torture_live, 0);
	} while (torture_end() >= n);
	assert_true(n > 4);
	assert_int_equal(count_files(state), 1);
}

static void short_results_are_continued(void **state)
{
	char path[PATH_MAX], text[1000], back[1000] = { 0 };
	uint64_t n_calls, n = 0;
	int fd;

	memset(text, 's', sizeof(text));
	path_in(state, "file", path);
	do {
		nr_io_fail_nth(++n, NR_IO_SHORT);
		assert_int_equal(nr_io_replace(path, text, sizeof(text), NULL), 0);
		n_calls = nr_io_plan_end();
		assert_content(path, text, sizeof(text));
	} while (n_calls >= n);
	fd = nr_io_open(path, O_RDONLY, 0);
	assert_true(fd >= 0);
	nr_io_fail_nth(1, NR_IO_SHORT);
	assert_int_equal(nr_io_read(fd, back, sizeof(back)), 500);
	assert_int_equal(nr_io_plan_end(), 1);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	nr_io_fail_nth(1, NR_IO_SHORT);
	assert_int_equal(nr_io_read_full(fd, back, sizeof(back)), 1000);
	assert_int_equal(nr_io_plan_end(), 2);
	assert_memory_equal(text, back, sizeof(text));
	assert_int_equal(nr_io_read_full(fd, back, sizeof(back)), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	memset(back, 0, sizeof(back));
	nr_io_fail_nth(1, NR_IO_SHORT);
	assert_int_equal(nr_io_read_full(fd, back, 600), 600);
	assert_int_equal(back[599], 's');
	assert_int_equal(back[600], 0); /* not behind what was asked for */
	nr_io_fail_nth(1, NR_IO_SHORT);
	assert_int_equal(nr_io_read(fd, back, 1), 1); /* zero would be the end of the file */
	(void)nr_io_plan_end();
	assert_int_equal(nr_io_close(fd), 0);
}

static void a_plan_counts_from_its_own_beginning(void **state)
{
	char a[PATH_MAX], b[PATH_MAX];

	path_in(state, "a", a);
	path_in(state, "b", b);
	assert_int_equal(nr_io_replace(a, "x", 1, NULL), 0);
	nr_io_fail_nth(100, -EIO);
	assert_int_equal(nr_io_rename(a, b), 0);
	nr_io_fail_nth(2, -EIO);
	assert_int_equal(nr_io_rename(b, a), 0);
	assert_int_equal(nr_io_rename(a, b), -EIO);
	assert_int_equal(nr_io_rename(a, b), 0); /* only the n-th fails */
	assert_int_equal(nr_io_plan_end(), 3);
	assert_int_equal(nr_io_unlink(b), 0);
	assert_int_equal(nr_io_plan_end(), 0);
}

static void descriptors_are_closed_on_exec(void **state)
{
	int fd = nr_io_open("/dev/null", O_RDONLY, 0);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	nr_io_fail_nth(1, -EIO);
	assert_int_equal(nr_io_close(fd), -EIO);
	(void)nr_io_plan_end();
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed all the same */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(replaced_files_are_read_back, setup, teardown),
		cmocka_unit_test_setup_teardown(slurp_keeps_its_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(endless_files_end_at_the_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(errors_name_the_escaped_path, setup, teardown),
		cmocka_unit_test_setup_teardown(a_path_without_directory_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(a_symbolic_link_is_replaced_not_followed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(replace_survives_every_failing_call, setup,
						teardown),
		cmocka_unit_test_setup_teardown(slurp_survives_every_failing_call_and_allocation,
						setup, teardown),
		cmocka_unit_test_setup_teardown(short_results_are_continued, setup, teardown),
		cmocka_unit_test_setup_teardown(a_plan_counts_from_its_own_beginning, setup,
						teardown),
		cmocka_unit_test_setup_teardown(descriptors_are_closed_on_exec, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
