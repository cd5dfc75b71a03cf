/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "store/journal/test_journal.h"

static void what_was_committed_is_read_back_in_order(void **state)
{
	struct journal_test *t = *state;

	test_open(t, NULL);
	test_append(t, 10, 100);
	assert_int_equal(nr_journal_durable(t->journal), 0);
	assert_true(nr_journal_waiting(t->journal) > 1000);
	test_commit(t);
	assert_int_equal(nr_journal_waiting(t->journal), 0);
	assert_int_equal(nr_journal_durable(t->journal), 11); /* the ledger is first */
	test_read(t, t->journal, 1, 11);
	test_read(t, NULL, 1, 11);
	test_read(t, t->journal, 7, 11);
	test_reopen(t);
	assert_int_equal(t->recovery.last_at, 11);
	assert_int_equal(t->recovery.first_at, 1);
	assert_int_equal(t->recovery.ledger_at, 1);
	assert_int_equal(t->recovery.torn_bytes, 0);
	test_append(t, 5, 100);
	test_commit(t);
	test_read(t, t->journal, 1, 16);
}

static void what_was_not_committed_is_lost_and_its_places_are_used_again(void **state)
{
	struct journal_test *t = *state;

	test_open(t, NULL);
	test_append(t, 3, 10);
	test_commit(t);
	test_append(t, 3, 10);
	test_reopen(t);
	assert_int_equal(t->recovery.last_at, 4);
	t->next = 4; /* entries 4.. come again */
	test_append(t, 3, 10);
	test_commit(t);
	test_read(t, t->journal, 1, 7);
}

static void segments_follow_each_other(void **state)
{
	struct journal_test *t = *state;

	t->options.segment_bytes = 4096;
	test_open(t, NULL);
	for (int i = 0; i < 100; i++) {
		test_append(t, i % 4, (size_t)i * 10);
		test_commit(t);
	}
	assert_true(test_files(t, ".nrj") > 10);
	test_read(t, t->journal, 1, nr_journal_durable(t->journal));
	test_read(t, NULL, 1, nr_journal_durable(t->journal));
	for (uint64_t from = 1; from <= nr_journal_durable(t->journal); from += 7)
		test_read(t, t->journal, from, nr_journal_durable(t->journal));
	test_reopen(t);
	assert_int_equal(t->recovery.segments, test_files(t, ".nrj"));
	test_append(t, 20, 300);
	test_commit(t);
	test_read(t, t->journal, 1, nr_journal_durable(t->journal));
}

static void one_commit_may_fill_many_segments(void **state)
{
	struct journal_test *t = *state;

	t->options.segment_bytes = 4096;
	test_open(t, NULL);
	test_append(t, 200, 500);
	assert_int_equal(nr_journal_durable(t->journal), 0);
	test_commit(t);
	test_read(t, t->journal, 1, nr_journal_durable(t->journal));
	assert_true(nr_journal_durable(t->journal) > 200);
	test_reopen(t);
	test_read(t, NULL, 1, t->recovery.last_at);
}

static void an_entry_larger_than_a_segment_has_one_of_its_own(void **state)
{
	struct journal_test *t = *state;

	t->options.segment_bytes = 4096;
	test_open(t, NULL);
	test_append(t, 1, 100);
	test_append(t, 1, 3 << 20);
	test_append(t, 1, 100);
	test_commit(t);
	test_read(t, t->journal, 1, nr_journal_durable(t->journal));
	test_reopen(t);
	test_read(t, NULL, 1, t->recovery.last_at);
}

static void a_live_reader_sees_what_is_durable_and_no_more(void **state)
{
	struct journal_test *t = *state;
	struct nr_journal_reader *reader = NULL;
	struct nr_entry entry;
	uint64_t seen = 0;

	t->options.segment_bytes = 8192;
	test_open(t, NULL);
	assert_int_equal(nr_journal_reader_open(t->dir, 1, t->journal, &reader, NULL), 0);
	assert_int_equal(nr_journal_reader_next(reader, &entry, NULL), 0);
	for (int i = 0; i < 200; i++) {
		test_append(t, 3, 200);
		assert_int_equal(nr_journal_reader_next(reader, &entry, NULL), 0);
		test_commit(t);
		while (nr_journal_reader_next(reader, &entry, NULL) == 1)
			assert_int_equal(entry.at, ++seen);
		assert_int_equal(seen, nr_journal_durable(t->journal));
	}
	nr_journal_reader_close(reader);
}

static void rolling_closes_a_segment_that_holds_something(void **state)
{
	struct journal_test *t = *state;

	test_open(t, NULL);
	assert_int_equal(nr_journal_roll(t->journal, NULL), 0);
	assert_int_equal(test_files(t, ".nrj"), 0);
	test_append(t, 1, 10);
	assert_int_equal(nr_journal_roll(t->journal, NULL), 0);
	assert_int_equal(test_files(t, ".nrj"), 2);
	assert_int_equal(nr_journal_roll(t->journal, NULL), 0);
	assert_int_equal(test_files(t, ".nrj"), 2);
	test_reopen(t);
	assert_int_equal(t->recovery.ledger_at, 3);
	test_append(t, 1, 10);
	test_commit(t);
	test_read(t, t->journal, 1, 4);
}

static void a_second_process_is_refused(void **state)
{
	struct journal_test *t = *state;
	struct nr_journal *other = NULL;
	struct nr_journal_recovery recovery;
	struct nr_err err;

	test_open(t, NULL);
	assert_int_equal(nr_journal_open(&t->options, &other, &recovery, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "another process"));
	assert_null(other);
}

static void arrival_stamps_never_go_back(void **state)
{
	static const int64_t clocks[] = {
		INT64_C(1700000000000000000), 0,
		INT64_C(4294967296000000000), INT64_C(1000000000),
		INT64_C(1800000000000000000), INT64_C(4294967296000000001)
	};
	struct journal_test *t = *state;
	int64_t last = INT64_MIN;

	test_open(t, NULL);
	for (size_t i = 0; i < NR_COUNT(clocks); i++) {
		struct nr_entry entry = { .type = NR_ENTRY_WATERMARK };

		t->now_ns = clocks[i];
		assert_int_equal(nr_journal_append(t->journal, &entry), 0);
		test_commit(t);
		assert_true(entry.arrived_ns >= last && entry.arrived_ns >= clocks[i]);
		last = entry.arrived_ns;
		if (i == 3) {
			test_reopen(t); /* a restart does not forget */
			assert_int_equal(last, INT64_C(4294967296000000000));
		}
	}
	assert_int_equal(last, INT64_C(4294967296000000001));
}

static int ledger_text(void *ctx, struct nr_buf *out)
{
	int *calls = ctx;

	nr_buf_addf(out, "ledger %d", ++*calls);
	return 0;
}

static void each_segment_opens_with_the_ledger(void **state)
{
	struct journal_test *t = *state;
	struct nr_journal_reader *reader = NULL;
	struct nr_entry entry;
	int calls = 0, seen = 0;

	t->options.segment_bytes = 4096;
	t->options.ledger = ledger_text;
	t->options.ledger_ctx = &calls;
	test_open(t, NULL);
	test_append(t, 60, 300);
	test_commit(t);
	assert_int_equal(nr_journal_reader_open(t->dir, 1, NULL, &reader, NULL), 0);
	while (nr_journal_reader_next(reader, &entry, NULL) == 1) {
		char want[32];

		if (entry.type != NR_ENTRY_LEDGER)
			continue;
		(void)snprintf(want, sizeof(want), "ledger %d", ++seen);
		assert_int_equal(entry.text.text.n, strlen(want));
		assert_memory_equal(entry.text.text.p, want, strlen(want));
	}
	nr_journal_reader_close(reader);
	assert_int_equal(seen, calls);
	assert_int_equal(seen, test_files(t, ".nrj"));
	test_reopen(t);
	assert_int_equal(nr_journal_reader_open(t->dir, t->recovery.ledger_at, NULL, &reader, NULL),
			 0);
	assert_int_equal(nr_journal_reader_next(reader, &entry, NULL), 1);
	assert_int_equal(entry.type, NR_ENTRY_LEDGER);
	assert_int_equal(entry.at, t->recovery.ledger_at);
	nr_journal_reader_close(reader);
}

static void more_than_may_wait_is_refused(void **state)
{
	struct journal_test *t = *state;
	struct nr_entry entry;
	char *text = calloc(1, 8 << 20);
	int n = 0, ret = 0;

	assert_non_null(text);
	test_open(t, NULL);
	while (ret == 0) {
		entry = (struct nr_entry){ .type = NR_ENTRY_CONFIG,
					   .text.text = { (uint8_t *)text, 8 << 20 } };
		ret = nr_journal_append(t->journal, &entry);
		n += ret == 0;
	}
	assert_int_equal(ret, -EWOULDBLOCK);
	assert_int_equal(n, 8);
	test_commit(t);
	assert_int_equal(nr_journal_append(t->journal, &entry), 0);
	entry.text.text.n = (size_t)NR_ENTRY_MAX + 1;
	free(text);
	text = calloc(1, (size_t)NR_ENTRY_MAX + 1);
	assert_non_null(text);
	entry.text.text.p = (uint8_t *)text;
	assert_int_equal(nr_journal_append(t->journal, &entry), NR_ELIMIT);
	entry.text.text.n = (size_t)NR_ENTRY_MAX - 1;
	assert_int_equal(nr_journal_append(t->journal, &entry), 0);
	test_commit(t);
	free(text);
	assert_true(nr_journal_durable(t->journal) > (uint64_t)n + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		journal_test(what_was_committed_is_read_back_in_order),
		journal_test(what_was_not_committed_is_lost_and_its_places_are_used_again),
		journal_test(segments_follow_each_other),
		journal_test(one_commit_may_fill_many_segments),
		journal_test(an_entry_larger_than_a_segment_has_one_of_its_own),
		journal_test(a_live_reader_sees_what_is_durable_and_no_more),
		journal_test(rolling_closes_a_segment_that_holds_something),
		journal_test(a_second_process_is_refused),
		journal_test(arrival_stamps_never_go_back),
		journal_test(each_segment_opens_with_the_ledger),
		journal_test(more_than_may_wait_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
