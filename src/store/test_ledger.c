/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger.h"

#include "base/cmocka.h"

#define NOW_S INT64_C(1700000000)
#define NOW   (NOW_S * NR_NS_PER_S)

static const struct nr_uuid somebody = { { 1 } };

/* What a sensor sends: numbered, chained, each batch with a byte of its own. */
struct sender {
	struct nr_uuid sensor;
	uint64_t epoch, seq;
	struct nr_digest previous;
};

static struct nr_message_batch batch_of(const struct sender *s, uint64_t seq,
					const struct nr_digest *previous, const uint8_t *byte)
{
	return (struct nr_message_batch){
		.epoch = s->epoch, .seq = seq, .previous = *previous, .payload = { byte, 1 }
	};
}

static enum nr_ledger_verdict judge(struct nr_ledger *ledger, const struct sender *s, uint64_t seq,
				    const struct nr_digest *previous, uint8_t byte)
{
	struct nr_message_batch batch = batch_of(s, seq, previous, &byte);
	struct nr_digest digest = nr_message_digest(&batch);

	return nr_ledger_judge(ledger, s->sensor, &batch, &digest, NOW);
}

/* The next batch as it ought to be: its byte is its number. */
static void send_next(struct nr_ledger *ledger, struct sender *s)
{
	uint8_t byte = (uint8_t)++s->seq;
	struct nr_message_batch batch = batch_of(s, s->seq, &s->previous, &byte);
	struct nr_entry entry = { .type = NR_ENTRY_BATCH,
				  .batch = { .sensor = s->sensor, .batch = batch } };

	assert_int_equal(judge(ledger, s, s->seq, &s->previous, byte), NR_LEDGER_NEXT);
	assert_int_equal(nr_ledger_apply(ledger, &entry), 0);
	s->previous = nr_message_digest(&batch);
}

static void send_gap(struct nr_ledger *ledger, struct sender *s, uint64_t to, struct nr_digest last)
{
	struct nr_entry entry = { .type = NR_ENTRY_GAP,
				  .gap = { .sensor = s->sensor,
					   .gap = { .epoch = s->epoch,
						    .from_seq = s->seq + 1,
						    .to_seq = to,
						    .last = last,
						    .observations = 7,
						    .reason = NR_GAP_SPOOL_FULL } } };

	assert_int_equal(nr_ledger_apply(ledger, &entry), 0);
	s->seq = to;
	s->previous = last;
}

static struct nr_ledger *ledger_new(void)
{
	struct nr_ledger *ledger = NULL;

	assert_int_equal(nr_ledger_new(&ledger), 0);
	return ledger;
}

static void a_chain_goes_on_and_a_repeat_is_told_from_a_contradiction(void **state)
{
	struct sender s = { .sensor = somebody, .epoch = NOW_S }, before;
	struct nr_ledger *ledger = ledger_new();
	const struct nr_ledger_row *row;

	(void)state;
	assert_null(nr_ledger_find(ledger, somebody));
	send_next(ledger, &s);
	before = s;
	send_next(ledger, &s);
	assert_int_equal(judge(ledger, &s, 2, &before.previous, 2), NR_LEDGER_REPEAT);
	assert_int_equal(judge(ledger, &s, 2, &before.previous, 3), NR_LEDGER_CONFLICT);
	assert_int_equal(judge(ledger, &s, 3, &before.previous, 3), NR_LEDGER_CONFLICT); /* chain */
	assert_int_equal(judge(ledger, &s, 4, &s.previous, 4), NR_LEDGER_HOLE);
	send_next(ledger, &s); /* nothing of this was a change */
	row = nr_ledger_find(ledger, somebody);
	assert_int_equal(row->seq, 3);
	assert_int_equal(row->batches, 3);
	assert_int_equal(row->repeats, 1);
	assert_int_equal(row->conflicts, 2);
	nr_ledger_free(ledger);
}

static void the_first_of_an_epoch_stands_on_nothing(void **state)
{
	struct sender s = { .sensor = somebody, .epoch = NOW_S };
	struct nr_digest zero = { { 0 } }, other = { { 9 } };
	struct nr_ledger *ledger = ledger_new();

	(void)state;
	assert_int_equal(judge(ledger, &s, 1, &other, 1), NR_LEDGER_CONFLICT);
	assert_int_equal(judge(ledger, &s, 2, &other, 2), NR_LEDGER_HOLE);
	send_next(ledger, &s);
	s.epoch++;
	assert_int_equal(judge(ledger, &s, 1, &other, 1), NR_LEDGER_CONFLICT);
	assert_int_equal(judge(ledger, &s, 1, &zero, 1), NR_LEDGER_NEXT);
	assert_int_equal(judge(ledger, &s, 5, &other, 1), NR_LEDGER_HOLE);
	s = (struct sender){ .sensor = somebody, .epoch = NOW_S + 1 };
	send_next(ledger, &s);
	s.epoch--;
	assert_int_equal(judge(ledger, &s, 2, &s.previous, 2), NR_LEDGER_OLD_EPOCH);
	nr_ledger_free(ledger);
}

static void an_epoch_may_be_a_day_ahead_and_no_more(void **state)
{
	struct sender s = { .sensor = somebody, .epoch = NOW_S + 86400 };
	struct nr_digest zero = { { 0 } };
	struct nr_ledger *ledger = ledger_new();

	(void)state;
	assert_int_equal(judge(ledger, &s, 1, &zero, 1), NR_LEDGER_NEXT);
	s.epoch++;
	assert_int_equal(judge(ledger, &s, 1, &zero, 1), NR_LEDGER_FUTURE_EPOCH);
	s.epoch = UINT64_MAX;
	assert_int_equal(judge(ledger, &s, 1, &zero, 1), NR_LEDGER_FUTURE_EPOCH);
	nr_ledger_free(ledger);
}

static void behind_a_gap_the_chain_goes_on_where_its_end_is_known(void **state)
{
	struct sender s = { .sensor = somebody, .epoch = NOW_S };
	struct nr_digest last = { { 5 } }, zero = { { 0 } };
	struct nr_ledger *ledger = ledger_new();
	const struct nr_ledger_row *row;

	(void)state;
	send_next(ledger, &s);
	send_gap(ledger, &s, 10, last);
	assert_int_equal(judge(ledger, &s, 11, &zero, 11), NR_LEDGER_CONFLICT);
	send_next(ledger, &s);
	assert_int_equal(judge(ledger, &s, 5, &zero, 5), NR_LEDGER_OLD); /* inside the gap */
	send_gap(ledger, &s, 20, zero); /* nobody knows its last digest: anything may follow */
	assert_int_equal(judge(ledger, &s, 21, &last, 21), NR_LEDGER_NEXT);
	row = nr_ledger_find(ledger, somebody);
	assert_int_equal(row->gaps, 2);
	assert_int_equal(row->lost, 9 + 9);
	assert_int_equal(row->observations_lost, 14);
	nr_ledger_free(ledger);
}

static void a_gap_is_judged_and_cut_to_what_is_not_known(void **state)
{
	static const struct {
		uint64_t epoch, from, to, want_from;
		enum nr_ledger_verdict verdict;
	} cases[] = {
		{ NOW_S, 4, 9, 4, NR_LEDGER_NEXT },
		{ NOW_S, 2, 9, 4, NR_LEDGER_NEXT },
		{ NOW_S, 1, 3, 1, NR_LEDGER_REPEAT },
		{ NOW_S, 6, 9, 6, NR_LEDGER_HOLE },
		{ NOW_S - 1, 4, 9, 4, NR_LEDGER_OLD_EPOCH },
		{ NOW_S + 1, 1, 9, 1, NR_LEDGER_NEXT },
		{ NOW_S + 1, 2, 9, 2, NR_LEDGER_HOLE },
		{ NOW_S + 90000, 1, 9, 1, NR_LEDGER_FUTURE_EPOCH },
	};
	struct sender s = { .sensor = somebody, .epoch = NOW_S };
	struct nr_ledger *ledger = ledger_new();

	(void)state;
	for (int i = 0; i < 3; i++)
		send_next(ledger, &s);
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_message_gap gap = { .epoch = cases[i].epoch,
					      .from_seq = cases[i].from,
					      .to_seq = cases[i].to };

		assert_int_equal(nr_ledger_judge_gap(ledger, somebody, &gap, NOW),
				 cases[i].verdict);
		assert_int_equal(gap.from_seq, cases[i].want_from);
	}
	nr_ledger_free(ledger);
}

static void what_does_not_follow_is_not_applied(void **state)
{
	struct sender s = { .sensor = somebody, .epoch = NOW_S };
	struct nr_entry entry = { .type = NR_ENTRY_BATCH,
				  .batch = { .sensor = { { 2 } },
					     .batch = { .epoch = NOW_S, .seq = 2 } } };
	struct nr_ledger *ledger = ledger_new();

	(void)state;
	assert_int_equal(nr_ledger_apply(ledger, &entry), -EINVAL);
	assert_int_equal(nr_ledger_count(ledger), 0); /* not even a row */
	send_next(ledger, &s);
	entry.batch.sensor = somebody;
	for (uint64_t seq = 0; seq < 4; seq++) {
		entry.batch.batch.seq = seq == 2 ? 0 : seq; /* 2 would be right */
		assert_int_equal(nr_ledger_apply(ledger, &entry), -EINVAL);
	}
	entry.batch.batch.epoch = NOW_S - 1;
	assert_int_equal(nr_ledger_apply(ledger, &entry), -EINVAL);
	entry = (struct nr_entry){ .type = NR_ENTRY_WATERMARK };
	assert_int_equal(nr_ledger_apply(ledger, &entry), 0);
	entry = (struct nr_entry){ .type = NR_ENTRY_BATCH, .erased = true };
	assert_int_equal(nr_ledger_apply(ledger, &entry), 0);
	assert_int_equal(nr_ledger_find(ledger, somebody)->seq, 1);
	nr_ledger_free(ledger);
}

static void what_is_saved_is_loaded_and_saves_the_same(void **state)
{
	struct sender s = { .sensor = somebody, .epoch = NOW_S },
		      t = { .sensor = { { 2 } }, .epoch = NOW_S };
	struct nr_ledger *ledger = ledger_new(), *back = ledger_new();
	struct nr_buf first, second;
	struct nr_err err;

	(void)state;
	nr_buf_init(&first, 1 << 20);
	nr_buf_init(&second, 1 << 20);
	for (int i = 0; i < 100; i++)
		send_next(ledger, &s);
	send_next(ledger, &t);
	assert_int_equal(nr_ledger_save(ledger, &first), 0);
	assert_int_equal(nr_ledger_load(back, (struct nr_bytes){ first.p, first.n }, &err), 0);
	assert_int_equal(nr_ledger_save(back, &second), 0);
	assert_int_equal(first.n, second.n);
	assert_memory_equal(first.p, second.p, first.n);
	assert_int_equal(nr_ledger_count(back), 2);
	/* The window is remembered, what is older is taken on trust. */
	assert_int_equal(judge(back, &s, 100, &s.previous, 100), NR_LEDGER_CONFLICT);
	assert_int_equal(judge(back, &s, 100 - NR_MESSAGE_WINDOW + 1, &s.previous, 0),
			 NR_LEDGER_CONFLICT);
	assert_int_equal(judge(back, &s, 100 - NR_MESSAGE_WINDOW, &s.previous, 0), NR_LEDGER_OLD);
	send_next(back, &s);
	/* Cut anywhere, it is refused. */
	for (size_t n = 0; n < first.n; n++) {
		struct nr_ledger *cut = ledger_new();

		assert_int_equal(nr_ledger_load(cut, (struct nr_bytes){ first.p, n }, &err),
				 NR_EDAMAGED);
		nr_ledger_free(cut);
	}
	nr_buf_done(&first);
	nr_buf_done(&second);
	nr_ledger_free(ledger);
	nr_ledger_free(back);
}

static void there_is_room_for_so_many_sensors(void **state)
{
	struct nr_ledger *ledger = ledger_new(), *back = ledger_new();
	struct sender s = { .epoch = NOW_S };
	struct nr_digest zero = { { 0 } };
	struct nr_err err;
	struct nr_buf out;

	(void)state;
	for (uint32_t i = 0; i < NR_LEDGER_SENSORS; i++) {
		s = (struct sender){ .epoch = NOW_S };
		memcpy(s.sensor.b, &i, sizeof(i));
		send_next(ledger, &s);
	}
	s = (struct sender){ .epoch = NOW_S, .sensor = { { 0xff, 0xff, 0xff, 0xff } } };
	assert_int_equal(judge(ledger, &s, 1, &zero, 1), NR_LEDGER_FULL);
	assert_int_equal(nr_ledger_count(ledger), NR_LEDGER_SENSORS);
	nr_buf_init(&out, NR_ENTRY_MAX);
	assert_int_equal(nr_ledger_save(ledger, &out), 0);
	assert_int_equal(nr_ledger_load(back, (struct nr_bytes){ out.p, out.n }, &err), 0);
	assert_non_null(nr_ledger_at(back, NR_LEDGER_SENSORS - 1));
	assert_null(nr_ledger_at(back, NR_LEDGER_SENSORS));
	nr_buf_done(&out);
	nr_ledger_free(ledger);
	nr_ledger_free(back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_goes_on_and_a_repeat_is_told_from_a_contradiction),
		cmocka_unit_test(the_first_of_an_epoch_stands_on_nothing),
		cmocka_unit_test(an_epoch_may_be_a_day_ahead_and_no_more),
		cmocka_unit_test(behind_a_gap_the_chain_goes_on_where_its_end_is_known),
		cmocka_unit_test(a_gap_is_judged_and_cut_to_what_is_not_known),
		cmocka_unit_test(what_does_not_follow_is_not_applied),
		cmocka_unit_test(what_is_saved_is_loaded_and_saves_the_same),
		cmocka_unit_test(there_is_room_for_so_many_sensors),
	};

	if (nr_crypt_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
