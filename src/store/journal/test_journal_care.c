/* SPDX-License-Identifier: Apache-2.0 */
/* Verification and retention: what is erased is gone from the disk, and its proof stands. */
#include "store/journal.h"

#include <fcntl.h>

#include "store/journal/test_journal.h"

static struct nr_sign_key key;

static void open_signed(struct journal_test *t)
{
	assert_int_equal(nr_crypt_init(), 0);
	nr_sign_key_new(&key);
	t->options.key = &key;
	t->options.segment_bytes = 8192;
	test_open(t, NULL);
}

static void fill(struct journal_test *t, int commits)
{
	for (int i = 0; i < commits; i++) {
		test_append(t, 3, 400);
		test_commit(t);
	}
}

static struct nr_journal_report verify(struct journal_test *t)
{
	struct nr_journal_report report;
	struct nr_err err;

	if (nr_journal_verify(t->dir, key.public_key, &report, &err) != 0)
		fail_msg("verify: %s", err.msg);
	return report;
}

struct needle {
	const uint8_t *p;
	size_t n, found;
};

static void find_needle(const char *path, void *ctx)
{
	struct needle *needle = ctx;
	struct nr_bytes all;

	assert_int_equal(nr_io_slurp(path, SIZE_MAX, &all, NULL), 0);
	needle->found += memmem(all.p, all.n, needle->p, needle->n) != NULL;
	free((void *)(uintptr_t)all.p);
}

/* In how many files do the bytes of entry @p number stand? */
static size_t found(struct journal_test *t, uint64_t number)
{
	uint8_t text[416];
	struct needle needle = { .p = text, .n = 64 };

	test_text(number, sizeof(text), text);
	test_each_file(t, find_needle, &needle);
	return needle.found;
}

static void a_whole_journal_verifies(void **state)
{
	struct journal_test *t = *state;
	struct nr_journal_report report;
	struct nr_sign_key other;

	open_signed(t);
	fill(t, 50);
	report = verify(t);
	assert_int_equal(report.segments, test_files(t, ".nrj"));
	assert_int_equal(report.signed_heads, report.segments - 1);
	assert_int_equal(report.records, nr_journal_durable(t->journal));
	assert_int_equal(report.last_at, nr_journal_durable(t->journal));
	assert_int_equal(report.faults + report.bad_heads + report.erased + report.torn_bytes, 0);
	assert_int_equal(nr_journal_verify(t->dir, NULL, &report, NULL), 0);
	nr_sign_key_new(&other);
	assert_int_equal(nr_journal_verify(t->dir, other.public_key, &report, NULL), NR_EDAMAGED);
	assert_int_equal(report.bad_heads, report.segments - 1);
}

static void entries_of_one_segment_may_be_erased(void **state)
{
	struct journal_test *t = *state;
	struct nr_journal_reader *reader = NULL;
	struct nr_journal_report report;
	struct nr_entry entry;
	uint64_t erased = 0, n_erased = 0;

	open_signed(t);
	fill(t, 3);
	int64_t before = t->now_ns;
	fill(t, 2);
	assert_int_equal(nr_journal_roll(t->journal, NULL), 0);
	assert_int_equal(found(t, 5), 1);
	assert_int_equal(nr_journal_retain(t->journal, UINT64_MAX, before, &erased, NULL), 0);
	assert_int_equal(erased, 10); /* nine and the ledger */
	assert_int_equal(found(t, 5) + found(t, 9), 0);
	assert_int_equal(found(t, 10), 1);
	report = verify(t);
	assert_int_equal(report.erased, 10);
	assert_int_equal(report.signed_heads, report.segments - 1);
	assert_int_equal(nr_journal_retain(t->journal, UINT64_MAX, before, &erased, NULL), 0);
	assert_int_equal(erased, 0);
	test_reopen(t);
	assert_int_equal(nr_journal_reader_open(t->dir, 1, t->journal, &reader, NULL), 0);
	while (nr_journal_reader_next(reader, &entry, NULL) == 1) {
		assert_int_equal(entry.erased, entry.at <= 10);
		n_erased += entry.erased;
	}
	assert_int_equal(n_erased, 10);
	nr_journal_reader_close(reader);
}

static void whole_segments_become_their_signed_heads(void **state)
{
	struct journal_test *t = *state;
	struct nr_journal_reader *reader = NULL;
	struct nr_journal_report before, after;
	struct nr_entry entry;
	uint64_t erased = 0, n = 0;

	open_signed(t);
	fill(t, 60);
	before = verify(t);
	assert_int_equal(nr_journal_retain(t->journal, 30000, INT64_MIN, &erased, NULL), 0);
	after = verify(t);
	assert_true(erased > 60 && after.bytes <= 30000);
	assert_int_equal(after.segments, before.segments);
	assert_int_equal(after.signed_heads, before.signed_heads);
	assert_int_equal(after.records + erased, before.records);
	assert_true(nr_digest_eq(&after.chain, &before.chain));
	assert_int_equal(found(t, 1) + found(t, 50), 0);
	assert_int_equal(found(t, 180), 1);
	test_reopen(t);
	assert_int_equal(nr_journal_reader_open(t->dir, 1, NULL, &reader, NULL), 0);
	while (nr_journal_reader_next(reader, &entry, NULL) == 1)
		assert_true(entry.at > erased && ++n > 0);
	assert_int_equal(n, after.records);
	nr_journal_reader_close(reader);
	test_append(t, 1, 10);
	test_commit(t);
	(void)verify(t);
}

static void the_segment_at_work_is_never_touched(void **state)
{
	struct journal_test *t = *state;
	uint64_t erased = 1;

	open_signed(t);
	fill(t, 2);
	assert_int_equal(nr_journal_retain(t->journal, 0, INT64_MAX, &erased, NULL), 0);
	assert_int_equal(erased, 0);
	test_read(t, t->journal, 1, 7);
	fill(t, 10);
	assert_int_equal(nr_journal_retain(t->journal, 0, INT64_MAX, &erased, NULL), 0);
	assert_true(erased > 10);
	assert_int_equal(found(t, 1), 0);
	assert_int_equal(found(t, t->next - 1), 1);
}

/* A reader that stands in a segment goes on, whatever happens to it. */
static void a_reader_survives_retention(void **state)
{
	struct journal_test *t = *state;
	struct nr_journal_reader *reader = NULL;
	struct nr_entry entry;
	uint64_t erased, last = 0;
	struct nr_err err = { .code = 0 };
	int ret;

	open_signed(t);
	fill(t, 40);
	assert_int_equal(nr_journal_reader_open(t->dir, 1, t->journal, &reader, NULL), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(nr_journal_reader_next(reader, &entry, NULL), 1);
	assert_int_equal(nr_journal_retain(t->journal, UINT64_MAX, t->now_ns - 20, &erased, NULL),
			 0);
	while ((ret = nr_journal_reader_next(reader, &entry, &err)) == 1) {
		assert_true(entry.at > last);
		last = entry.at;
	}
	if (ret != 0)
		fail_msg("%d %s", ret, err.msg);
	assert_int_equal(last, nr_journal_durable(t->journal));
	nr_journal_reader_close(reader);
}

/* Where the file system knows no holes, zeros are written. */
static void erasing_works_without_holes(void **state)
{
	struct journal_test *t = *state;
	uint64_t erased, n_calls = 0;

	open_signed(t);
	fill(t, 5);
	assert_int_equal(nr_journal_roll(t->journal, NULL), 0);
	for (uint64_t n = 1; n < 200; n++) {
		nr_io_fail_nth(n, -EOPNOTSUPP);
		int ret = nr_journal_retain(t->journal, UINT64_MAX, t->now_ns - 5, &erased, NULL);

		n_calls = nr_io_plan_end();
		if (ret < 0)
			test_reopen(t);
		if (n_calls < n)
			break;
	}
	assert_int_equal(nr_journal_retain(t->journal, UINT64_MAX, t->now_ns - 5, &erased, NULL),
			 0);
	assert_int_equal(found(t, 1) + found(t, 5), 0);
	(void)verify(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		journal_test(a_whole_journal_verifies),
		journal_test(entries_of_one_segment_may_be_erased),
		journal_test(whole_segments_become_their_signed_heads),
		journal_test(the_segment_at_work_is_never_touched),
		journal_test(a_reader_survives_retention),
		journal_test(erasing_works_without_holes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
