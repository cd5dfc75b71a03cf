/* SPDX-License-Identifier: Apache-2.0 */
/* Real disks that are full, without inodes, read-only; processes without descriptors; many
 * threads. Hostile inputs 43, 44. */
#include "store/journal.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "store/journal/test_journal.h"

/* A file system of our own over the test's directory, in a mount namespace of our own. */
static bool mount_small(struct journal_test *t, const char *options)
{
	static bool alone;

	if (!alone && unshare(CLONE_NEWNS) != 0)
		return false;
	if (!alone && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return false;
	alone = true;
	return mount("small", t->dir, "tmpfs", 0, options) == 0;
}

static void unmount_small(struct journal_test *t)
{
	t->journal = nr_journal_close(t->journal);
	assert_int_equal(umount(t->dir), 0);
}

static int commit_once(struct journal_test *t)
{
	struct nr_err err;
	int ret = nr_journal_commit(t->journal, &err);

	if (ret != 0 && ret != -ENOSPC && ret != -EROFS)
		fail_msg("commit: %d %s", ret, err.msg);
	return ret;
}

/* Fill with a file of somebody else to the last byte. @return its descriptor */
static int fill_up(struct journal_test *t, const char *name)
{
	char path[PATH_MAX];
	static uint8_t block[4096];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	fd = nr_io_open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
	assert_true(fd >= 0);
	while (nr_io_write_all(fd, block, sizeof(block)) == 0)
		continue;
	return fd;
}

static void a_disk_without_bytes_refuses_and_comes_back(void **state)
{
	struct journal_test *t = *state;
	int fills = 0;

	if (!mount_small(t, "size=3m"))
		skip();
	t->options.segment_bytes = 65536;
	t->options.reserve_bytes = 262144;
	test_open(t, NULL);
	for (int round = 0; round < 8; round++) {
		uint64_t durable, erased;
		int fd, refused = 0;

		test_append(t, 20, 500);
		test_commit(t);
		fd = fill_up(t, "filler");
		durable = nr_journal_durable(t->journal);
		for (int i = 0; i < 400 && refused < 3; i++) {
			test_append(t, 3, 1000);
			refused += commit_once(t) == -ENOSPC;
			if (refused == 0) /* the room it had, then the reserve */
				durable = nr_journal_durable(t->journal);
		}
		assert_int_equal(refused, 3);
		assert_int_equal(nr_journal_error(t->journal), 0);
		assert_int_equal(nr_journal_durable(t->journal), durable);
		/* Reading and deleting work on a full disk. */
		test_read(t, t->journal, durable, durable);
		assert_int_equal(nr_journal_retain(t->journal, 0, INT64_MIN, &erased, NULL), 0);
		assert_int_equal(nr_io_truncate(fd, 0), 0);
		assert_int_equal(nr_io_close(fd), 0);
		test_commit(t);
		assert_int_equal(nr_journal_waiting(t->journal), 0);
		fills++;
	}
	test_reopen(t);
	assert_int_equal(fills, 8);
	unmount_small(t);
}

static void a_disk_without_inodes_refuses_and_comes_back(void **state)
{
	struct journal_test *t = *state;
	char path[PATH_MAX];
	int n = 0, refused = 0, ret;

	if (!mount_small(t, "size=8m,nr_inodes=40"))
		skip();
	t->options.segment_bytes = 4096;
	test_open(t, NULL);
	test_append(t, 2, 100);
	test_commit(t);
	do {
		(void)snprintf(path, sizeof(path), "%s/f%d", t->dir, n++);
		ret = nr_io_open(path, O_WRONLY | O_CREAT, 0600);
		if (ret >= 0)
			assert_int_equal(nr_io_close(ret), 0);
	} while (ret >= 0);
	assert_int_equal(ret, -ENOSPC);
	for (int i = 0; i < 20; i++) {
		test_append(t, 3, 400);
		refused += commit_once(t) == -ENOSPC;
	}
	assert_true(refused > 5);
	while (n-- > 0) {
		(void)snprintf(path, sizeof(path), "%s/f%d", t->dir, n);
		(void)unlink(path);
	}
	test_commit(t);
	test_read(t, t->journal, 1, nr_journal_durable(t->journal));
	unmount_small(t);
}

static void a_disk_that_turns_read_only_ends_acknowledging(void **state)
{
	struct journal_test *t = *state;
	struct nr_entry entry = { .type = NR_ENTRY_WATERMARK };
	struct nr_err err;
	uint64_t durable;

	if (!mount_small(t, "size=8m"))
		skip();
	t->options.segment_bytes = 4096;
	test_open(t, NULL);
	test_append(t, 4, 100);
	test_commit(t);
	assert_int_equal(nr_journal_roll(t->journal, NULL), 0);
	durable = nr_journal_durable(t->journal);
	t->journal = nr_journal_close(t->journal);
	assert_int_equal(mount(NULL, t->dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	struct nr_journal_recovery recovery;

	assert_int_equal(nr_journal_open(&t->options, &t->journal, &recovery, &err), -EROFS);
	assert_non_null(strstr(err.msg, "Read-only"));
	test_read(t, NULL, 1, durable); /* reading needs no writing */
	assert_int_equal(mount(NULL, t->dir, NULL, MS_REMOUNT, NULL), 0);
	test_open(t, NULL);
	nr_io_fail_from(1, -EROFS);
	assert_int_equal(nr_journal_append(t->journal, &entry), 0);
	assert_int_equal(nr_journal_commit(t->journal, &err), -EROFS);
	(void)nr_io_plan_end();
	assert_int_equal(nr_journal_error(t->journal), -EROFS);
	assert_int_equal(nr_journal_durable(t->journal), durable);
	unmount_small(t);
}

static void without_descriptors_commits_wait_and_go_on(void **state)
{
	struct journal_test *t = *state;
	struct rlimit before, none;
	struct nr_err err;
	int taken[256], n = 0, fd, waits = 0;

	t->options.segment_bytes = 4096;
	test_open(t, NULL);
	test_append(t, 3, 100);
	test_commit(t);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 128;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0 && n < 256)
		taken[n++] = fd;
	for (int i = 0; i < 30; i++) {
		test_append(t, 3, 300);
		int ret = nr_journal_commit(t->journal, &err);

		/* The file that is closed makes room for the one that follows. */
		assert_true(ret == 0 || ret == -EMFILE);
		waits += ret != 0;
		if (i == 10) /* somebody takes that one too */
			nr_io_fail_from(1, -EMFILE);
		if (i == 20)
			(void)nr_io_plan_end();
	}
	assert_true(waits > 5);
	while (n > 0)
		(void)close(taken[--n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	test_commit(t);
	assert_int_equal(nr_journal_error(t->journal), 0);
	test_read(t, t->journal, 1, nr_journal_durable(t->journal));
}

/* ---- threads ---- */

enum { APPENDERS = 4, EACH = 2000, READERS = 3 };

struct crew {
	struct journal_test *t;
	atomic_int appending;
	atomic_bool wrong;
};

static void *append_many(void *arg)
{
	struct crew *crew = arg;

	for (uint64_t i = 1; i <= EACH; i++) {
		struct nr_entry entry = { .type = NR_ENTRY_WATERMARK,
					  .watermark.tick = (int64_t)i };

		if (nr_journal_append(crew->t->journal, &entry) < 0)
			atomic_store(&crew->wrong, true);
		if (i % 16 == 0)
			(void)sched_yield();
	}
	atomic_fetch_sub(&crew->appending, 1);
	return NULL;
}

static void *commit_many(void *arg)
{
	struct crew *crew = arg;
	struct nr_entry entry = { .type = NR_ENTRY_WATERMARK };

	for (int i = 0; i < EACH; i++)
		if (nr_journal_append(crew->t->journal, &entry) < 0 ||
		    nr_journal_commit(crew->t->journal, NULL) < 0)
			atomic_store(&crew->wrong, true);
	atomic_fetch_sub(&crew->appending, 1);
	return NULL;
}

/* Follow until everything is there: places in order, nothing before it is durable. */
static void *follow(void *arg)
{
	struct crew *crew = arg;
	struct nr_journal_reader *reader = NULL;
	uint64_t at = 0, n = 0;
	struct nr_entry entry;
	int ret = nr_journal_reader_open(crew->t->dir, 1, crew->t->journal, &reader, NULL);

	while (ret >= 0 && n < APPENDERS * EACH && !atomic_load(&crew->wrong)) {
		ret = nr_journal_reader_next(reader, &entry, NULL);
		if (ret == 0) {
			(void)sched_yield();
			continue;
		}
		if (ret < 0 || entry.at != at + 1 ||
		    entry.at > nr_journal_durable(crew->t->journal))
			atomic_store(&crew->wrong, true);
		at = entry.at;
		n += entry.type == NR_ENTRY_WATERMARK;
	}
	nr_journal_reader_close(reader);
	return NULL;
}

static void many_append_one_commits_many_read(void **state)
{
	struct journal_test *t = *state;
	struct crew crew = { .t = t, .appending = APPENDERS };
	pthread_t threads[APPENDERS + READERS];
	struct nr_err err;

	t->options.segment_bytes = 16384;
	t->options.now_ns = NULL; /* the clock of the test is not for threads */
	test_open(t, NULL);
	for (int i = 0; i < APPENDERS + READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						i < APPENDERS ? append_many : follow, &crew),
				 0);
	while (atomic_load(&crew.appending) > 0 || nr_journal_waiting(t->journal) > 0) {
		uint64_t erased;

		if (nr_journal_commit(t->journal, &err) != 0)
			fail_msg("commit: %s", err.msg);
		if (nr_journal_retain(t->journal, UINT64_MAX, 1, &erased, &err) != 0)
			fail_msg("retain: %s", err.msg);
	}
	for (int i = 0; i < APPENDERS + READERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_false(atomic_load(&crew.wrong));
}

/* What `noroshi journal list` and `verify` do beside a hub. */
static void a_journal_at_work_can_be_read_from_outside(void **state)
{
	struct journal_test *t = *state;
	struct crew crew = { .t = t, .appending = 1 };
	pthread_t thread;
	uint64_t rounds = 0;

	t->options.segment_bytes = 8192;
	t->options.now_ns = NULL;
	test_open(t, NULL);
	test_append(t, 1, 10);
	test_commit(t);
	assert_int_equal(pthread_create(&thread, NULL, commit_many, &crew), 0);
	for (; atomic_load(&crew.appending) > 0; rounds++) {
		struct nr_journal_report report;
		struct nr_journal_reader *reader = NULL;
		struct nr_entry entry;
		struct nr_err err;
		uint64_t durable = nr_journal_durable(t->journal), at = 0;
		int ret = nr_journal_verify(t->dir, NULL, &report, &err);

		if (ret != 0)
			fail_msg("round %llu: verify: %s", (unsigned long long)rounds, err.msg);
		assert_true(report.last_at >= durable);
		assert_int_equal(nr_journal_reader_open(t->dir, 1, NULL, &reader, NULL), 0);
		while ((ret = nr_journal_reader_next(reader, &entry, &err)) == 1)
			assert_int_equal(entry.at, ++at);
		if (ret != 0)
			fail_msg("round %llu: read: %s", (unsigned long long)rounds, err.msg);
		assert_true(at >= durable);
		nr_journal_reader_close(reader);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(atomic_load(&crew.wrong));
	assert_true(rounds > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		journal_test(a_disk_without_bytes_refuses_and_comes_back),
		journal_test(a_disk_without_inodes_refuses_and_comes_back),
		journal_test(a_disk_that_turns_read_only_ends_acknowledging),
		journal_test(without_descriptors_commits_wait_and_go_on),
		journal_test(many_append_one_commits_many_read),
		journal_test(a_journal_at_work_can_be_read_from_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
