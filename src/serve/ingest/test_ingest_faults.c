/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every call of the journal's commit fails once, in each way: what was acknowledged is on the disk, what is not is
 * acknowledged by nobody, and after a restart the sensor goes on without a batch twice or missing.
 */
#include "base/io.h"
#include "serve/ingest/test_ingest.h"

enum {
	BEFORE = 1,
	SENT = 24,
	SEGMENT = 4096
}; /* so that a commit closes segments, and opens some */

static unsigned batches_on_disk(struct hub *hub)
{
	struct nr_journal_reader *reader = NULL;
	struct nr_entry entry;
	struct nr_err err;
	uint64_t seq = 0;

	assert_int_equal(nr_journal_reader_open(hub->dir, 1, NULL, &reader, &err), 0);
	while (nr_journal_reader_next(reader, &entry, &err) == 1)
		if (entry.type == NR_ENTRY_BATCH)
			assert_int_equal(entry.batch.batch.seq, ++seq); /* each once, in order */
	nr_journal_reader_close(reader);
	return (unsigned)seq;
}

/* The disk had no room: nothing is acknowledged, a new batch is refused, and with room all goes on. */
static void full_and_free_again(struct hub *hub, struct client *c)
{
	struct nr_digest previous = c->previous;

	nr_ingest_full(hub->ingest, true);
	client_send_next(c);
	client_expect_refusal(c, NR_REFUSE_BUSY);
	c->seq--;
	c->previous = previous;
	nr_ingest_full(hub->ingest, false);
	hub_commit(hub);
	client_expect_ack(c, SENT);
}

/* @return calls that the commit made */
static uint64_t fail_one(struct hub *hub, uint64_t n, int code)
{
	uint64_t calls, acked = BEFORE;
	struct nr_err err = { .msg = "" };
	struct client c;
	int ret;

	client_init(&c, hub, 0);
	client_hello(&c);
	client_send_next(&c);
	client_fence(&c);
	hub_commit(hub);
	client_expect_ack(&c, BEFORE);
	while (c.seq < SENT)
		client_send_next(&c);
	client_fence(&c);

	nr_io_fail_nth(n, code);
	ret = nr_journal_commit(hub->journal, &err);
	calls = nr_io_plan_end();
	if (ret == 0) {
		nr_ingest_durable(hub->ingest, nr_journal_durable(hub->journal));
		client_expect_ack(&c, acked = SENT);
	} else if (ret == -ENOSPC) {
		full_and_free_again(hub, &c);
		acked = SENT;
	} else {
		assert_true(err.msg[0] != '\0');
		nr_ingest_stop(hub->ingest);
		client_expect_refusal(&c, NR_REFUSE_STOPPING);
		client_expect_end(&c);
		assert_int_not_equal(nr_journal_commit(hub->journal, &err), 0); /* for good */
	}
	client_close(&c);

	hub_restart(hub);
	client_hello(&c);
	assert_true(c.got.welcome.acked_seq >= acked);
	assert_int_equal(c.got.welcome.acked_seq, batches_on_disk(hub));
	client_done(&c);
	return calls;
}

static void an_acknowledgement_survives_any_failing_call(void **state)
{
	static const int codes[] = { -EIO, -ENOSPC, -EDQUOT, NR_IO_SHORT };

	for (size_t i = 0; i < NR_COUNT(codes); i++) {
		uint64_t n = 0, calls;

		do {
			assert_int_equal(hub_setup_segments(state, SEGMENT), 0);
			calls = fail_one(*state, ++n, codes[i]);
			assert_int_equal(hub_teardown(state), 0);
		} while (n <= calls);
		assert_true(n > 2); /* a write and a sync at least */
		print_message("# code %d: each of %llu calls\n", codes[i],
			      (unsigned long long)n - 1);
	}
}

static void a_restart_forgets_nothing_that_was_acknowledged(void **state)
{
	struct hub *hub;
	struct client c;

	assert_int_equal(hub_setup(state), 0);
	hub = *state;
	client_init(&c, hub, 0);
	for (uint64_t round = 1; round <= 5; round++) {
		client_hello(&c);
		assert_int_equal(c.got.welcome.acked_seq, c.seq);
		client_send_next(&c);
		client_send_next(&c);
		client_fence(&c);
		hub_commit(hub);
		client_expect_ack(&c, 2 * round);
		client_send_next(&c); /* never on the disk */
		client_fence(&c);
		client_close(&c);
		hub_restart(hub);
		c.seq--;
		c.previous = nr_ledger_find(hub->ledger, hub->uuids[0])->digest;
		assert_int_equal(batches_on_disk(hub), 2 * round);
	}
	client_done(&c);
	assert_int_equal(hub_teardown(state), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_acknowledgement_survives_any_failing_call),
		cmocka_unit_test(a_restart_forgets_nothing_that_was_acknowledged),
	};

	if (nr_crypt_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
