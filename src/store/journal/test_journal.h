/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * test_journal: a journal in a directory of its own whose entries say which they are, for the tests of the journal.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "base/io.h"
#include "store/journal.h"

struct journal_test {
	char dir[64];
	struct nr_journal_options options;
	struct nr_journal_recovery recovery;
	struct nr_journal *journal;
	uint64_t next;	/* number that the next entry carries */
	int64_t now_ns; /* the clock */
};

#define journal_test(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

static inline int64_t test_now(void *ctx)
{
	return ((struct journal_test *)ctx)->now_ns++;
}

static inline int test_setup(void **state)
{
	struct journal_test *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -1;
	(void)snprintf(t->dir, sizeof(t->dir), "%s/noroshi-journal-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(t->dir) == NULL)
		return -1;
	t->options.dir = t->dir;
	t->options.segment_bytes = 1 << 20;
	t->options.now_ns = test_now;
	t->options.now_ctx = t;
	t->now_ns = INT64_C(1700000000000000000);
	t->next = 1;
	*state = t;
	return 0;
}

static inline void test_each_file(struct journal_test *t, void (*call)(const char *path, void *ctx),
				  void *ctx)
{
	DIR *d = opendir(t->dir);

	assert_non_null(d);
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		char path[PATH_MAX];

		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", t->dir, e->d_name);
		call(path, ctx);
	}
	closedir(d);
}

static inline void test_remove(const char *path, void *ctx)
{
	(void)ctx;
	(void)unlink(path);
}

static inline int test_teardown(void **state)
{
	struct journal_test *t = *state;

	(void)nr_io_plan_end();
	nr_io_record(NULL, NULL);
	nr_journal_close(t->journal);
	test_each_file(t, test_remove, NULL);
	(void)rmdir(t->dir);
	free(t);
	return 0;
}

struct test_count {
	const char *suffix;
	size_t n;
};

static inline void test_count_file(const char *path, void *ctx)
{
	struct test_count *c = ctx;

	c->n += nr_str_ends(nr_str_from(path), nr_str_from(c->suffix));
}

/** How many files of the directory end in @p suffix. */
static inline size_t test_files(struct journal_test *t, const char *suffix)
{
	struct test_count c = { .suffix = suffix };

	test_each_file(t, test_count_file, &c);
	return c.n;
}

static inline void test_open(struct journal_test *t, struct nr_err *reterr)
{
	struct nr_err err = { .code = 0 };

	if (nr_journal_open(&t->options, &t->journal, &t->recovery, &err) != 0)
		fail_msg("open: %s", err.msg);
	if (reterr != NULL)
		*reterr = err;
}

static inline void test_reopen(struct journal_test *t)
{
	t->journal = nr_journal_close(t->journal);
	test_open(t, NULL);
}

/* Text of entry @p number: its number, then bytes made of it. */
static inline void test_text(uint64_t number, size_t n, uint8_t *out)
{
	memcpy(out, &number, 8);
	memcpy(out + 8, &n, 8);
	for (size_t i = 16; i < n; i++)
		out[i] = (uint8_t)(number * 31 + i);
}

/** Append @p n entries with texts of about @p size bytes. */
static inline void test_append(struct journal_test *t, int n, size_t size)
{
	uint8_t *text = malloc(size + 16);

	assert_non_null(text);
	for (int i = 0; i < n; i++) {
		struct nr_entry entry = { .type = NR_ENTRY_CONFIG };

		test_text(t->next++, size + 16, text);
		entry.text.text = (struct nr_bytes){ text, size + 16 };
		assert_int_equal(nr_journal_append(t->journal, &entry), 0);
	}
	free(text);
}

static inline void test_commit(struct journal_test *t)
{
	struct nr_err err;

	if (nr_journal_commit(t->journal, &err) != 0)
		fail_msg("commit: %s", err.msg);
}

/** The text says its number and its bytes agree. @return the number */
static inline uint64_t test_number(struct nr_bytes text)
{
	uint8_t *want = malloc(text.n);
	uint64_t number;
	size_t n;

	assert_true(text.n >= 16 && want != NULL);
	memcpy(&number, text.p, 8);
	memcpy(&n, text.p + 8, 8);
	assert_int_equal(n, text.n);
	test_text(number, n, want);
	assert_memory_equal(text.p, want, n);
	free(want);
	return number;
}

/** Places @p from to @p to are there, each once, and the numbers in them follow each other. */
static inline void test_read(struct journal_test *t, const struct nr_journal *live, uint64_t from,
			     uint64_t to)
{
	struct nr_journal_reader *reader = NULL;
	struct nr_entry entry;
	struct nr_err err = { .code = 0 };
	uint64_t number = 0;
	int ret;

	assert_int_equal(nr_journal_reader_open(t->dir, from, live, &reader, NULL), 0);
	for (uint64_t at = from; at <= to; at++) {
		ret = nr_journal_reader_next(reader, &entry, &err);
		if (ret != 1)
			fail_msg("place %llu: %d %s", (unsigned long long)at, ret, err.msg);
		assert_int_equal(entry.at, at);
		if (entry.type != NR_ENTRY_CONFIG)
			continue;
		uint64_t got = test_number(entry.text.text);

		assert_true(number == 0 || got == number + 1);
		number = got;
	}
	ret = nr_journal_reader_next(reader, &entry, &err);
	if (ret != 0)
		fail_msg("behind the end: %d %s", ret, err.msg);
	assert_int_equal(nr_journal_reader_next(reader, &entry, NULL), 0);
	nr_journal_reader_close(reader);
}
