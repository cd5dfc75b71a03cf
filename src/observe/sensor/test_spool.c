/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/sensor/test_spool_model.h"

#include "base/cmocka.h"
#include "base/crypt.h"
#include "observe/sensor/spool_int.h"

enum { LIMIT = 1 << 20, PAYLOAD = 3000 };

struct place {
	char dir[MODEL_PATH];
	struct nr_spool *spool;
	uint8_t payload[PAYLOAD];
};

static void place_open_limit(struct place *p, uint64_t limit)
{
	struct nr_spool_options opt = { .dir = p->dir, .limit = limit, .now_s = 1700000000 };

	assert_int_equal(nr_spool_open(&opt, &p->spool, NULL), 0);
}

static void place_open(struct place *p)
{
	place_open_limit(p, LIMIT);
}

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct place *p = calloc(1, sizeof(*p));

	if (p == NULL || nr_crypt_init() < 0)
		return -1;
	(void)snprintf(p->dir, sizeof(p->dir), "%s/nr_test_spool_%d", tmp != NULL ? tmp : "/tmp",
		       (int)getpid());
	model_clear(p->dir);
	*state = p;
	return mkdir(p->dir, 0700);
}

static int teardown(void **state)
{
	struct place *p = *state;

	nr_spool_free(p->spool);
	model_clear(p->dir);
	free(p);
	return 0;
}

static struct nr_spool_entry entry_of(struct place *p, uint32_t number, size_t size)
{
	memset(p->payload, (int)number, sizeof(p->payload));
	memcpy(p->payload, &number, 4);
	return (struct nr_spool_entry){ .made_ns = number,
					.rows = number + 1,
					.packets = 10 * (uint64_t)number + 3,
					.first_tick = 1000 + number,
					.last_tick = 1001 + number,
					.payload = { p->payload, size } };
}

static void append(struct place *p, uint32_t from, uint32_t to, size_t size)
{
	for (uint32_t i = from; i <= to; i++) {
		struct nr_spool_entry entry = entry_of(p, i, size);

		assert_int_equal(nr_spool_append(p->spool, &entry, NULL), 0);
	}
	assert_int_equal(nr_spool_sync(p->spool, NULL), 0);
}

static void reopen(struct place *p)
{
	p->spool = nr_spool_free(p->spool);
	place_open(p);
}

/* All that comes in a session from nothing: rows sent, rows in gaps, how many of each. */
struct heard {
	uint64_t rows, gap_rows;
	unsigned batches, gaps, reasons;
};

static struct heard hear(struct place *p)
{
	struct nr_digest none = { { 0 } };
	struct heard heard = { 0 };
	struct nr_spool_item item = { .kind = NR_SPOOL_BATCH };
	struct nr_buf payload;
	uint64_t seq = 0;

	nr_buf_init(&payload, NR_BATCH_SIZE_MAX);
	assert_int_equal(nr_spool_seek(p->spool, 0, 0, &none, NULL), 0);
	for (;;) {
		assert_int_equal(nr_spool_next(p->spool, &payload, &item, NULL), 0);
		if (item.kind == NR_SPOOL_NOTHING)
			break;
		if (item.kind == NR_SPOOL_BATCH) {
			uint32_t number;

			memcpy(&number, item.batch.payload.p, 4);
			assert_int_equal(item.batch.seq, seq + 1);
			heard.rows += number + 1;
			heard.batches++;
			seq = item.batch.seq;
		} else {
			assert_int_equal(item.gap.from_seq, seq + 1);
			heard.gap_rows += item.gap.observations;
			heard.reasons |= 1u << item.gap.reason;
			heard.gaps++;
			seq = item.gap.to_seq;
		}
		assert_int_equal(nr_spool_ack(p->spool, 1700000000, seq, NULL), 0);
	}
	nr_buf_done(&payload);
	return heard;
}

static uint64_t rows_of(uint32_t from, uint32_t to)
{
	uint64_t sum = 0;

	for (uint32_t i = from; i <= to; i++)
		sum += i + 1;
	return sum;
}

/* ---- tests ---- */

static void what_was_spooled_comes_out_in_order_and_again_after_a_restart(void **state)
{
	struct place *p = *state;

	place_open(p);
	append(p, 1, 40, 1000);
	reopen(p);
	append(p, 41, 50, 0 + 64);
	struct heard heard = hear(p);

	assert_int_equal(heard.batches, 50);
	assert_int_equal(heard.gaps, 0);
	assert_int_equal(heard.rows, rows_of(1, 50));
}

static void what_is_not_synced_is_not_handed_out(void **state)
{
	struct place *p = *state;
	struct nr_digest none = { { 0 } };
	struct nr_spool_item item;
	struct nr_buf payload;

	place_open(p);
	struct nr_spool_entry entry = entry_of(p, 1, 100);

	nr_buf_init(&payload, NR_BATCH_SIZE_MAX);
	assert_int_equal(nr_spool_append(p->spool, &entry, NULL), 0);
	assert_int_equal(nr_spool_seek(p->spool, 0, 0, &none, NULL), 0);
	assert_int_equal(nr_spool_next(p->spool, &payload, &item, NULL), 0);
	assert_int_equal(item.kind, NR_SPOOL_NOTHING);
	assert_int_equal(nr_spool_sync(p->spool, NULL), 0);
	assert_int_equal(nr_spool_next(p->spool, &payload, &item, NULL), 0);
	assert_int_equal(item.kind, NR_SPOOL_BATCH);
	nr_buf_done(&payload);
}

static void acknowledged_segments_are_deleted(void **state)
{
	struct place *p = *state;
	struct nr_spool_stats stats;

	place_open(p);
	append(p, 1, 200, 2900);
	nr_spool_stats(p->spool, &stats);
	assert_true(stats.segments > 10);
	(void)hear(p);
	nr_spool_stats(p->spool, &stats);
	assert_int_equal(stats.segments, 1);
	assert_int_equal(stats.waiting, 0);
	reopen(p);
	nr_spool_stats(p->spool, &stats);
	assert_int_equal(stats.acked_seq, 200);
	assert_int_equal(stats.next_seq, 201);
}

static void beyond_the_limit_the_oldest_goes_and_the_gap_says_how_much(void **state)
{
	struct place *p = *state;
	struct nr_spool_stats stats;

	place_open(p);
	append(p, 1, 1000, 2900);
	nr_spool_stats(p->spool, &stats);
	assert_true(stats.bytes <= LIMIT);
	assert_true(stats.dropped_batches > 500);
	uint64_t dropped_rows = stats.dropped_rows;

	reopen(p); /* the hole is on disk */
	struct heard heard = hear(p);

	assert_int_equal(heard.gaps, 1);
	assert_int_equal(heard.reasons, 1u << NR_GAP_SPOOL_FULL);
	assert_int_equal(heard.gap_rows, dropped_rows);
	assert_int_equal(heard.rows + heard.gap_rows, rows_of(1, 1000));
}

static void a_batch_larger_than_the_limit_is_a_gap(void **state)
{
	struct place *p = *state;
	uint8_t *large = calloc(1, 200 << 10);

	assert_non_null(large);
	place_open_limit(p, NR_SPOOL_LIMIT_MIN);
	append(p, 1, 3, 1000);
	struct nr_spool_entry entry = entry_of(p, 4, 0);

	entry.payload = (struct nr_bytes){ large, 200 << 10 };
	assert_int_equal(nr_spool_append(p->spool, &entry, NULL), 0);
	append(p, 5, 6, 1000);
	struct heard heard = hear(p);

	assert_int_equal(heard.rows, rows_of(1, 6) - 5);
	assert_int_equal(heard.gap_rows, 5);
	free(large);
}

static char *newest(struct place *p, char *path)
{
	nr_spool_path(p->dir, 1700000000, p->spool->list.items[p->spool->list.n - 1].name, path);
	return path;
}

static void cut_at_every_byte_the_whole_records_before_remain(void **state)
{
	struct place *p = *state;
	char path[NR_SPOOL_PATH];
	struct nr_bytes all;

	place_open(p);
	append(p, 1, 4, 101);
	assert_int_equal(nr_io_slurp(newest(p, path), 1 << 20, &all, NULL), 0);
	p->spool = nr_spool_free(p->spool);
	for (size_t n = 0; n < all.n; n++) {
		size_t record = nr_spool_record_size(101);
		uint64_t whole = n < NR_SPOOL_FILE_HEAD ? 0 : (n - NR_SPOOL_FILE_HEAD) / record;

		assert_int_equal(nr_io_replace(path, all.p, n, NULL), 0);
		place_open(p);
		if (n >= NR_SPOOL_FILE_HEAD) {
			assert_int_equal(p->spool->next_seq, whole + 1);
			assert_int_equal(p->spool->rows, rows_of(1, (uint32_t)whole));
		} else { /* numbers may have been given out under the old epoch: a new one begins */
			assert_true(p->spool->epoch > 1700000000);
		}
		p->spool = nr_spool_free(p->spool);
		if (n < NR_SPOOL_FILE_HEAD)
			model_clear(p->dir), assert_int_equal(mkdir(p->dir, 0700), 0),
				place_open(p), p->spool = nr_spool_free(p->spool);
	}
	free((void *)(uintptr_t)all.p);
}

static void every_flipped_byte_is_noticed_and_costs_at_most_its_own_record(void **state)
{
	struct place *p = *state;
	char path[NR_SPOOL_PATH];
	struct nr_bytes all;

	place_open(p);
	append(p, 1, 5, 61);
	assert_int_equal(nr_io_slurp(newest(p, path), 1 << 20, &all, NULL), 0);
	p->spool = nr_spool_free(p->spool);
	for (size_t at = 0; at < all.n; at++) {
		uint8_t *byte = (uint8_t *)(uintptr_t)all.p + at;

		*byte ^= 0x41;
		assert_int_equal(nr_io_replace(path, all.p, all.n, NULL), 0);
		*byte ^= 0x41;
		struct nr_spool_options opt = { .dir = p->dir,
						.limit = LIMIT,
						.now_s = 1700000000 };

		assert_int_equal(nr_spool_open(&opt, &p->spool, NULL), 0);
		append(p, 6, 6, 61); /* what follows shows the hole */
		struct heard heard = hear(p);

		assert_true(heard.batches >= 5 || p->spool->epoch != 1700000000);
		if (p->spool->next_seq == 7) /* no tail was cut */
			assert_int_equal(heard.rows + heard.gap_rows, rows_of(1, 6));
		p->spool = nr_spool_free(p->spool);
		model_clear(p->dir);
		assert_int_equal(mkdir(p->dir, 0700), 0);
		place_open(p);
		p->spool = nr_spool_free(p->spool);
	}
	free((void *)(uintptr_t)all.p);
}

/* Appends until something fails; then what it was told is durable must be there. */
static void fail_at(struct place *p, uint64_t n, int code)
{
	uint32_t synced = 0;

	place_open_limit(p, LIMIT);
	nr_io_fail_nth(n, code);
	for (uint32_t i = 1; i <= 60; i++) {
		struct nr_spool_entry entry = entry_of(p, i, 2900);

		if (nr_spool_append(p->spool, &entry, NULL) < 0)
			break;
		if (nr_spool_sync(p->spool, NULL) < 0) {
			assert_true(nr_spool_sync(p->spool, NULL) < 0); /* a failed sync is final */
			break;
		}
		synced = i;
	}
	(void)nr_io_plan_end();
	p->spool = nr_spool_free(p->spool);
	place_open_limit(p, LIMIT);
	assert_true(p->spool->next_seq > synced);
	struct heard heard = hear(p);

	assert_true(heard.rows + heard.gap_rows >= rows_of(1, synced));
	p->spool = nr_spool_free(p->spool);
	model_clear(p->dir);
	assert_int_equal(mkdir(p->dir, 0700), 0);
}

static void whichever_call_fails_what_was_synced_is_there(void **state)
{
	static const int codes[] = { -EIO, -ENOSPC, NR_IO_SHORT };
	struct place *p = *state;

	for (size_t c = 0; c < NR_COUNT(codes); c++)
		for (uint64_t n = 1; n < 330; n += 1 + n / 60)
			fail_at(p, n, codes[c]);
}

static void another_hub_gets_what_is_left_and_a_gap_for_the_rest(void **state)
{
	struct place *p = *state;

	place_open(p);
	append(p, 1, 200, 2900);
	assert_int_equal(hear(p).batches, 200);
	append(p, 201, 203, 100);
	struct heard heard = hear(p); /* from nothing */

	assert_true(heard.batches >= 3 && heard.batches < 30);
	assert_int_equal(heard.reasons, 1u << NR_GAP_UNEXPLAINED);
	assert_int_equal(heard.rows + heard.gap_rows, rows_of(1, 203));
}

static void a_hub_with_other_content_is_refused_and_numbers_begin_anew(void **state)
{
	struct place *p = *state;
	struct nr_digest other = { { 1 } };
	struct nr_spool_stats stats;

	place_open(p);
	append(p, 1, 10, 100);
	assert_int_equal(nr_spool_seek(p->spool, 1700000000, 5, &other, NULL), NR_EDAMAGED);
	assert_int_equal(nr_spool_seek(p->spool, 1700000000, 11, &other, NULL), NR_EDAMAGED);
	assert_int_equal(nr_spool_seek(p->spool, 1700000009, 1, &other, NULL), NR_EDAMAGED);
	assert_int_equal(nr_spool_renumber(p->spool, 1700000009, NULL), 0);
	for (int again = 0; again < 2; again++) {
		nr_spool_stats(p->spool, &stats);
		assert_int_equal(stats.epoch, 1700000010);
		assert_int_equal(stats.next_seq, 11);
		assert_int_equal(stats.rows, rows_of(1, 10));
		reopen(p);
	}
}

/* What comes next, with its payload in @p payload. */
static struct nr_spool_item next_of(struct place *p, struct nr_buf *payload)
{
	struct nr_spool_item item;

	assert_int_equal(nr_spool_next(p->spool, payload, &item, NULL), 0);
	return item;
}

static void a_batch_that_the_hub_refuses_as_damaged_becomes_a_gap(void **state)
{
	const uint64_t epoch = 1700000000;
	struct place *p = *state;
	struct nr_digest digest = { { 0 } };
	struct nr_spool_stats stats;
	struct nr_buf payload;

	nr_buf_init(&payload, NR_BATCH_SIZE_MAX);
	place_open(p);
	append(p, 1, 5, 100);
	assert_int_equal(nr_spool_seek(p->spool, 0, 0, &digest, NULL), 0);
	struct nr_spool_item first = next_of(p, &payload);

	digest = nr_message_digest(&first.batch);
	assert_int_equal(next_of(p, &payload).batch.seq, 2);
	assert_int_equal(nr_spool_ack(p->spool, epoch, 1, NULL), 0);
	assert_false(nr_spool_refused(p->spool, epoch, 1));	/* acknowledged */
	assert_false(nr_spool_refused(p->spool, epoch, 3));	/* not sent */
	assert_false(nr_spool_refused(p->spool, epoch + 1, 2)); /* another epoch */
	assert_true(nr_spool_refused(p->spool, epoch, 2));

	assert_int_equal(nr_spool_seek(p->spool, epoch, 1, &digest, NULL), 0);
	struct nr_spool_item item = next_of(p, &payload);

	assert_int_equal(item.kind, NR_SPOOL_GAP);
	assert_int_equal(item.gap.from_seq, 2);
	assert_int_equal(item.gap.to_seq, 2);
	assert_int_equal(item.gap.observations, 3);
	assert_int_equal(item.gap.packets, 23);
	assert_int_equal(item.gap.first_tick, 1002);
	assert_int_equal(item.gap.last_tick, 1003);
	assert_int_equal(item.gap.reason, NR_GAP_SPOOL_DAMAGED);
	digest = item.gap.last;
	item = next_of(p, &payload);
	assert_int_equal(item.kind, NR_SPOOL_BATCH);
	assert_true(nr_digest_eq(&item.batch.previous, &digest));

	/* the last one too: nothing has to come behind it */
	assert_int_equal(next_of(p, &payload).batch.seq, 4);
	assert_int_equal(next_of(p, &payload).batch.seq, 5);
	assert_true(nr_spool_refused(p->spool, epoch, 5));
	struct heard heard = hear(p);

	assert_int_equal(heard.batches, 3);
	assert_int_equal(heard.gaps, 2);
	assert_int_equal(heard.reasons, 1u << NR_GAP_SPOOL_DAMAGED);
	assert_int_equal(heard.gap_rows, 3 + 6);
	assert_int_equal(heard.rows + heard.gap_rows, rows_of(1, 5));
	nr_spool_stats(p->spool, &stats);
	assert_int_equal(stats.waiting, 0);
	assert_int_equal(stats.damaged_records, 3); /* one was told twice */
	nr_buf_done(&payload);
}

static void sent_and_gaps_make_what_was_spooled_whatever_happens(void **state)
{
	static const uint64_t limits[] = { 64 << 10, 256 << 10, 1 << 20 };

	(void)state;
	for (uint64_t seed = 1; seed <= 24; seed++) {
		uint64_t limit = limits[seed % NR_COUNT(limits)];
		struct model *m = model_run(seed, limit, (size_t)limit / 40, 400);

		if (m->fault[0] != '\0')
			fail_msg("seed %llu: %s", (unsigned long long)seed, m->fault);
		free(m);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_was_spooled_comes_out_in_order_and_again_after_a_restart),
		T(what_is_not_synced_is_not_handed_out),
		T(acknowledged_segments_are_deleted),
		T(beyond_the_limit_the_oldest_goes_and_the_gap_says_how_much),
		T(a_batch_larger_than_the_limit_is_a_gap),
		T(cut_at_every_byte_the_whole_records_before_remain),
		T(every_flipped_byte_is_noticed_and_costs_at_most_its_own_record),
		T(whichever_call_fails_what_was_synced_is_there),
		T(another_hub_gets_what_is_left_and_a_gap_for_the_rest),
		T(a_hub_with_other_content_is_refused_and_numbers_begin_anew),
		T(a_batch_that_the_hub_refuses_as_damaged_becomes_a_gap),
		T(sent_and_gaps_make_what_was_spooled_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
