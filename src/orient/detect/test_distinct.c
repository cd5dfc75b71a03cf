/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/detect/distinct.h"

#include <math.h>

#include "base/cmocka.h"

struct counters {
	struct nr_slab pool;
	struct nr_distinct d;
};

static void make(struct counters *c, uint32_t max)
{
	*c = (struct counters){ 0 };
	assert_int_equal(nr_slab_init(&c->pool, NR_DISTINCT_REGS, max), 0);
}

static void expect_exact(const struct counters *c, double n)
{
	double lo, hi;

	assert_true(nr_distinct_estimate(&c->d, &c->pool, &lo, &hi) == n);
	assert_true(lo == n && hi == n);
}

static void up_to_fourteen_identities_are_counted_exactly_zero_among_them(void **state)
{
	struct counters c;

	(void)state;
	make(&c, 10);
	expect_exact(&c, 0);
	for (uint32_t i = 0; i < NR_DISTINCT_EXACT; i++) {
		uint32_t id = i == 5 ? 0 : i * 77 + 1;

		assert_true(nr_distinct_add(&c.d, &c.pool, id));
		for (unsigned again = 0; again < 3; again++)
			assert_false(nr_distinct_add(&c.d, &c.pool, id));
		expect_exact(&c, i + 1);
	}
	assert_int_equal(c.pool.table.n, 0); /* no sketch so far */
	nr_slab_done(&c.pool);
}

static void beyond_fourteen_the_estimate_holds_its_stated_error(void **state)
{
	static const uint32_t counts[] = { 15, 20, 50, 200, 1000, 20000, 300000 };
	unsigned outside = 0, runs = 0;

	(void)state;
	for (size_t k = 0; k < NR_COUNT(counts); k++) {
		for (uint32_t seed = 0; seed < 20; seed++, runs++) {
			struct counters c;
			double lo, hi;

			make(&c, 10);
			for (uint32_t i = 0; i < counts[k]; i++)
				(void)nr_distinct_add(&c.d, &c.pool, seed * 0x01000193 + i);
			double n = nr_distinct_estimate(&c.d, &c.pool, &lo, &hi);

			assert_true(lo <= n && n <= hi && lo >= 15);
			assert_true(fabs(n - counts[k]) < 0.25 * counts[k]);
			outside += lo > counts[k] || hi < counts[k];
			nr_slab_done(&c.pool);
		}
	}
	assert_true(outside <= runs / 10); /* 5 % are expected */
}

static void order_and_repetition_do_not_matter_to_a_sketch(void **state)
{
	struct counters a, b;
	double lo, hi;

	(void)state;
	make(&a, 10);
	make(&b, 10);
	for (uint32_t i = 0; i < 500; i++)
		(void)nr_distinct_add(&a.d, &a.pool, i);
	for (uint32_t i = 1500; i > 0; i--)
		(void)nr_distinct_add(&b.d, &b.pool, (i - 1) % 500);
	assert_memory_equal(nr_table_at(&a.pool.table, 0), nr_table_at(&b.pool.table, 0),
			    NR_DISTINCT_REGS);
	assert_int_equal(a.d.n, b.d.n);
	assert_false(nr_distinct_add(&a.d, &a.pool, 250));
	assert_true(nr_distinct_estimate(&a.d, &a.pool, &lo, &hi) > 400);
	nr_slab_done(&a.pool);
	nr_slab_done(&b.pool);
}

static void without_room_for_a_sketch_the_count_stays_a_lower_limit_and_is_counted(void **state)
{
	struct counters c;

	(void)state;
	make(&c, 0);
	for (uint32_t id = 0; id < 100; id++)
		(void)nr_distinct_add(&c.d, &c.pool, id);
	expect_exact(&c, NR_DISTINCT_EXACT);
	assert_int_equal(c.pool.table.n_refused, 100 - NR_DISTINCT_EXACT);
	nr_slab_done(&c.pool);
}

static void a_sketch_that_served_before_begins_empty(void **state)
{
	struct nr_distinct d = { 0 };
	struct nr_slab pool;
	double lo, hi;

	(void)state;
	assert_int_equal(nr_slab_init(&pool, NR_DISTINCT_REGS, 1), 0);
	for (uint32_t id = 0; id < 5000; id++)
		(void)nr_distinct_add(&d, &pool, id);
	assert_true(nr_distinct_estimate(&d, &pool, &lo, &hi) > 4000);
	nr_distinct_release(&d, &pool);
	for (uint32_t id = 0; id < 20; id++)
		(void)nr_distinct_add(&d, &pool, id);
	assert_true(nr_distinct_estimate(&d, &pool, &lo, &hi) < 30);
	nr_slab_done(&pool);
}

static void a_slab_gives_zeroed_records_with_stable_numbers_up_to_its_limit(void **state)
{
	enum { N = 1000 };
	struct nr_slab pool;
	uint32_t number;

	(void)state;
	assert_int_equal(nr_slab_init(&pool, 32, N), 0);
	for (uint32_t i = 0; i < N; i++) {
		uint8_t *record = nr_slab_take(&pool, &number);

		assert_int_equal(number, i);
		memset(record, 0xee, 32);
	}
	assert_null(nr_slab_take(&pool, &number));
	for (uint32_t i = 0; i < N; i += 3)
		nr_slab_give(&pool, i);

	struct nr_buf saved;

	nr_buf_init(&saved, 1 << 20);
	nr_slab_save(&pool, &saved);
	struct nr_reader in = nr_reader_of(saved.p, saved.n);
	struct nr_slab other;

	assert_int_equal(nr_slab_init(&other, 32, N), 0);
	assert_int_equal(nr_slab_load(&other, &in), 0);
	for (uint32_t i = 0; i < N; i += 3) {
		static const uint8_t zero[32] = { 0 };
		uint32_t theirs;
		uint8_t *a = nr_slab_take(&pool, &number), *b = nr_slab_take(&other, &theirs);

		assert_int_equal(number, theirs); /* a loaded slab goes on as the saved one */
		assert_int_equal(number % 3, 0);
		assert_memory_equal(a, zero, 32);
		assert_memory_equal(b, zero, 32);
	}
	assert_null(nr_slab_take(&pool, &number));
	assert_int_equal(((const uint8_t *)nr_table_at(&pool.table, 1))[31],
			 0xee); /* others untouched */
	nr_slab_done(&pool);
	nr_slab_done(&other);
	nr_buf_done(&saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_to_fourteen_identities_are_counted_exactly_zero_among_them),
		cmocka_unit_test(beyond_fourteen_the_estimate_holds_its_stated_error),
		cmocka_unit_test(order_and_repetition_do_not_matter_to_a_sketch),
		cmocka_unit_test(
			without_room_for_a_sketch_the_count_stays_a_lower_limit_and_is_counted),
		cmocka_unit_test(a_sketch_that_served_before_begins_empty),
		cmocka_unit_test(a_slab_gives_zeroed_records_with_stable_numbers_up_to_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
