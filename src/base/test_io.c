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

/* ---- places, room, holes, locks, and the recorder ---- */

static int open_new(void **state, const char *name, char path[PATH_MAX])
{
	int fd;

	path_in(state, name, path);
	fd = nr_io_open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	return fd;
}

static void bytes_go_to_their_place_and_come_from_it(void **state)
{
	char path[PATH_MAX], back[10] = "", out[1000];
	int fd = open_new(state, "file", path);

	assert_int_equal(nr_io_pwrite_all(fd, "0123456789", 10, 5), 0);
	assert_int_equal(nr_io_size(fd), 15);
	assert_int_equal(nr_io_pread_full(fd, back, 4, 8), 4);
	assert_memory_equal(back, "3456", 4);
	assert_int_equal(nr_io_pread_full(fd, back, 10, 12), 3);
	assert_int_equal(nr_io_pread_full(fd, back, 10, 15), 0);
	assert_int_equal(nr_io_pwrite_all(fd, "", 0, 100), 0);
	memset(out, 'p', sizeof(out));
	nr_io_fail_from(1, NR_IO_SHORT); /* every one is short, all of it arrives */
	assert_int_equal(nr_io_pwrite_all(fd, out, sizeof(out), 3), 0);
	assert_int_equal(nr_io_pread_full(fd, back, 10, 993), 10);
	(void)nr_io_plan_end();
	assert_memory_equal(back, out, 10);
	assert_int_equal(nr_io_size(fd), 1003);
	assert_int_equal(nr_io_fdatasync(fd), 0);
	assert_int_equal(nr_io_truncate(fd, 7), 0);
	assert_int_equal(nr_io_size(fd), 7);
	assert_int_equal(nr_io_close(fd), 0);
	assert_int_equal(nr_io_pwrite_all(-1, "x", 1, 0), -EBADF);
	assert_int_equal(nr_io_pread_full(-1, back, 1, 0), -EBADF);
	assert_int_equal(nr_io_fdatasync(-1), -EBADF);
	assert_int_equal(nr_io_truncate(-1, 0), -EBADF);
	assert_int_equal(nr_io_size(-1), -EBADF);
}

static void room_reads_as_zeros_and_holes_too(void **state)
{
	static const int codes[] = { 0, -EOPNOTSUPP }; /* holes, and zeros where there are none */
	char path[PATH_MAX];
	uint8_t back[300000];

	for (size_t k = 0; k < NR_COUNT(codes); k++) {
		int fd = open_new(state, k == 0 ? "a" : "b", path);

		assert_int_equal(nr_io_allocate(fd, 0, sizeof(back)), 0);
		assert_int_equal(nr_io_size(fd), sizeof(back));
		memset(back, 'x', sizeof(back));
		assert_int_equal(nr_io_pwrite_all(fd, back, sizeof(back), 0), 0);
		nr_io_fail_nth(codes[k] == 0 ? 0 : 1, codes[k]);
		assert_int_equal(nr_io_punch(fd, 1000, 200001), 0);
		(void)nr_io_plan_end();
		assert_int_equal(nr_io_size(fd), sizeof(back));
		assert_int_equal(nr_io_pread_full(fd, back, sizeof(back), 0), sizeof(back));
		for (size_t i = 0; i < sizeof(back); i++)
			if (back[i] != (i < 1000 || i >= 201001 ? 'x' : 0))
				fail_msg("byte %zu is %u", i, back[i]);
		assert_int_equal(nr_io_close(fd), 0);
	}
	assert_int_equal(nr_io_allocate(-1, 0, 1), -EBADF);
	assert_int_equal(nr_io_punch(-1, 0, 1), -EBADF);
}

static void a_lock_is_for_one(void **state)
{
	char path[PATH_MAX];
	int a = open_new(state, "lock", path), b = open_new(state, "lock", path);

	assert_int_equal(nr_io_lock(a), 0);
	assert_int_equal(nr_io_lock(b), -EWOULDBLOCK);
	assert_int_equal(nr_io_close(a), 0);
	assert_int_equal(nr_io_lock(b), 0);
	assert_int_equal(nr_io_close(b), 0);
}

static int count_name(void *ctx, const char *name)
{
	assert_true(name[0] != '.');
	return ++*(int *)ctx == 3 ? 77 : 0;
}

static void directories_are_made_listed_and_measured(void **state)
{
	struct nr_io_space space;
	char path[PATH_MAX];
	int n = 0;

	path_in(state, "sub", path);
	assert_int_equal(nr_io_mkdir(path, 0700), 0);
	assert_int_equal(nr_io_mkdir(path, 0700), -EEXIST);
	assert_int_equal(nr_io_fsync_dir(path), 0);
	assert_int_equal(nr_io_space(path, &space), 0);
	assert_true(space.total_bytes >= space.free_bytes && space.total_bytes > 0);
	assert_int_equal(nr_io_list(path, count_name, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(rmdir(path), 0);
	for (int i = 0; i < 4; i++) {
		char name[2] = { (char)('a' + i), 0 };

		assert_int_equal(nr_io_close(open_new(state, name, path)), 0);
	}
	assert_int_equal(nr_io_list(*state, count_name, &n), 77); /* the third name ends it */
	assert_int_equal(nr_io_list("/nonexistent", count_name, &n), -ENOENT);
	assert_int_equal(nr_io_mkdir("/nonexistent/a", 0700), -ENOENT);
	assert_int_equal(nr_io_fsync_dir("/nonexistent"), -ENOENT);
	assert_int_equal(nr_io_space("/nonexistent", &space), -ENOENT);
}

static int nothing(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return 0;
}

/* Every new call obeys the plan, and -EINTR is nothing a caller ever sees. */
static void every_call_can_be_made_to_fail(void **state)
{
	char path[PATH_MAX], sub[PATH_MAX], byte = 0;
	struct nr_io_space space;
	int fd = open_new(state, "file", path);

	path_in(state, "sub", sub);
	for (int k = 0; k < 2; k++) {
		int code = k == 0 ? -EIO : -EINTR, want = k == 0 ? -EIO : 0;

#define FAILS(call)                                                 \
	do {                                                        \
		nr_io_fail_nth(1, code);                            \
		assert_int_equal((call), want);                     \
		assert_int_equal(nr_io_plan_end(), k == 0 ? 1 : 2); \
	} while (0)
		FAILS(nr_io_pwrite_all(fd, "x", 1, 0));
		nr_io_fail_nth(1, code);
		assert_int_equal(nr_io_pread_full(fd, &byte, 1, 0), k == 0 ? -EIO : 1);
		(void)nr_io_plan_end();
		FAILS(nr_io_fdatasync(fd));
		FAILS(nr_io_fsync(fd));
		FAILS(nr_io_allocate(fd, 0, 10));
		FAILS(nr_io_punch(fd, 0, 10));
		FAILS(nr_io_truncate(fd, 0));
		FAILS(nr_io_size(fd));
		FAILS(nr_io_space(path, &space));
		FAILS(nr_io_list(*state, nothing, NULL));
		FAILS(nr_io_mkdir(sub, 0700));
		FAILS(nr_io_lock(fd));
#undef FAILS
	}
	assert_int_equal(rmdir(sub), 0);
	assert_int_equal(nr_io_close(fd), 0);
	nr_io_fail_from(2, -ENOSPC);
	assert_int_equal(nr_io_unlink(path), 0);
	assert_int_equal(nr_io_unlink(path), -ENOSPC);
	assert_int_equal(nr_io_unlink(path), -ENOSPC);
	(void)nr_io_plan_end();
}

struct record {
	char kinds[64];
	size_t n;
	uint64_t bytes;
};

static void record(void *ctx, const struct nr_io_call *call)
{
	static const char letters[] = "ocwtapsrum";
	struct record *r = ctx;

	assert_true(r->n + 1 < sizeof(r->kinds));
	r->kinds[r->n++] = call->failed ? 'F' : letters[call->kind];
	if (call->kind == NR_IO_WRITE) {
		assert_memory_equal(call->bytes, &"payload"[call->off], call -> n);
		r->bytes += call->n;
	}
	assert_true((call->path != NULL) ==
		    (call->kind == NR_IO_OPEN || call->kind == NR_IO_RENAME ||
		     call->kind == NR_IO_UNLINK || call->kind == NR_IO_MKDIR));
}

static void what_changes_a_disk_is_recorded(void **state)
{
	char path[PATH_MAX], other[PATH_MAX], sub[PATH_MAX];
	struct record r = { .n = 0 };
	int fd;

	path_in(state, "other", other);
	path_in(state, "sub", sub);
	nr_io_record(record, &r);
	fd = open_new(state, "file", path);
	assert_int_equal(nr_io_write_all(fd, "payl", 4), 0);
	nr_io_fail_nth(1, NR_IO_SHORT);
	assert_int_equal(nr_io_pwrite_all(fd, "oad", 3, 4), 0); /* in two */
	nr_io_fail_nth(1, -EIO);
	assert_int_equal(nr_io_fsync(fd), -EIO);
	nr_io_fail_nth(1, -EIO);
	assert_int_equal(nr_io_fdatasync(fd), -EIO);
	(void)nr_io_plan_end();
	assert_int_equal(nr_io_fdatasync(fd), 0);
	assert_int_equal(nr_io_allocate(fd, 0, 100), 0);
	assert_int_equal(nr_io_punch(fd, 0, 10), 0);
	assert_int_equal(nr_io_truncate(fd, 10), 0);
	assert_int_equal(nr_io_close(fd), 0);
	assert_int_equal(nr_io_rename(path, other), 0);
	assert_int_equal(nr_io_fsync_dir(*state), 0);
	assert_int_equal(nr_io_unlink(other), 0);
	assert_int_equal(nr_io_unlink(other), -ENOENT); /* changed nothing: not told */
	assert_int_equal(nr_io_mkdir(sub, 0700), 0);
	nr_io_record(NULL, NULL);
	assert_int_equal(rmdir(sub), 0);
	r.kinds[r.n] = '\0';
	assert_string_equal(r.kinds, "owwwFFsaptcroscum");
	assert_int_equal(r.bytes, 7);
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
		cmocka_unit_test_setup_teardown(bytes_go_to_their_place_and_come_from_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(room_reads_as_zeros_and_holes_too, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lock_is_for_one, setup, teardown),
		cmocka_unit_test_setup_teardown(directories_are_made_listed_and_measured, setup,
						teardown),
		cmocka_unit_test_setup_teardown(every_call_can_be_made_to_fail, setup, teardown),
		cmocka_unit_test_setup_teardown(what_changes_a_disk_is_recorded, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
