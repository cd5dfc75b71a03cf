/* SPDX-License-Identifier: Apache-2.0 */
/* Memory runs out at every allocation in turn: an ordinary error, nothing lost, nothing leaked. */
#include "base/torture.h"

#include "store/journal/test_journal.h"

enum { TEXT = 200 };

/* @return appended entries; *ret_failed whether something failed */
static int work(struct journal_test *t, bool *ret_failed)
{
	struct nr_journal_recovery recovery;
	struct nr_journal *journal = NULL;
	uint8_t text[TEXT];
	uint64_t erased;
	int n = 0, ret = nr_journal_open(&t->options, &journal, &recovery, NULL);

	memset(text, 't', sizeof(text));
	for (int i = 0; i < 60 && ret == 0; i++) {
		struct nr_entry entry = { .type = NR_ENTRY_CONFIG, .text.text = { text, TEXT } };

		ret = nr_journal_append(journal, &entry);
		if (ret == 0 && i % 5 == 4) {
			ret = nr_journal_commit(journal, NULL);
			n = ret == 0 ? i + 1 : n;
		}
	}
	if (ret == 0)
		ret = nr_journal_roll(journal, NULL);
	if (ret == 0)
		ret = nr_journal_retain(journal, 20000, INT64_MIN, &erased, NULL);
	assert_true(ret == 0 || ret == -ENOMEM);
	if (journal != NULL)
		assert_int_equal(nr_journal_error(journal), 0);
	nr_journal_close(journal);
	*ret_failed = ret != 0;
	return n;
}

static int read_all(struct journal_test *t, int *ret_n)
{
	struct nr_journal_reader *reader = NULL;
	struct nr_entry entry;
	int n = 0, ret = nr_journal_reader_open(t->dir, 1, NULL, &reader, NULL);

	while (ret == 0 && (ret = nr_journal_reader_next(reader, &entry, NULL)) == 1) {
		n += entry.type == NR_ENTRY_CONFIG;
		ret = 0;
	}
	nr_journal_reader_close(reader);
	*ret_n = n;
	return ret;
}

static void a_journal_survives_every_failing_allocation(void **state)
{
	struct journal_test *t = *state;
	int64_t live = torture_live;
	uint64_t n = 0, asked;
	bool failed;

	t->options.segment_bytes = 4096;
	do {
		struct nr_journal_report report;
		int committed, found;

		test_each_file(t, test_remove, NULL);
		torture_fail_nth(++n);
		committed = work(t, &failed);
		asked = torture_end();
		assert_int_equal(torture_live, live);
		assert_int_equal(nr_journal_verify(t->dir, NULL, &report, NULL), 0);
		assert_int_equal(read_all(t, &found), 0);
		if (failed) /* retention did not come to its end, perhaps it had begun */
			assert_true(found >= committed - (int)report.erased || committed == 60);
		assert_int_equal(torture_live, live);
	} while (asked >= n);
	assert_true(n > 10);
}

static void readers_and_verification_do_too(void **state)
{
	struct journal_test *t = *state;
	int64_t live = torture_live;
	struct nr_journal_report report;
	uint64_t n = 0, asked;
	bool failed;
	int found;

	t->options.segment_bytes = 4096;
	(void)work(t, &failed);
	assert_false(failed);
	do {
		int a, b;

		torture_fail_nth(++n);
		a = read_all(t, &found);
		b = nr_journal_verify(t->dir, NULL, &report, NULL);
		asked = torture_end();
		assert_true((a == 0 || a == -ENOMEM) && (b == 0 || b == -ENOMEM));
		assert_int_equal(torture_live, live);
	} while (asked >= n);
	assert_true(n > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		journal_test(a_journal_survives_every_failing_allocation),
		journal_test(readers_and_verification_do_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
