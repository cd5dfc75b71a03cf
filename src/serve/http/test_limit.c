/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http/limit.h"

#include "base/cmocka.h"

static struct nr_time at_ms(int64_t ms)
{
	return (struct nr_time){ NR_NS_PER_S + ms * 1000000 };
}

static void a_burst_is_taken_and_then_one_at_a_time(void **state)
{
	static const uint8_t key[NR_LIMIT_KEY] = "a";
	struct nr_limit *limit;

	(void)state;
	assert_int_equal(nr_limit_new(2, 5, &limit), 0);
	for (int i = 0; i < 5; i++)
		assert_true(nr_limit_take(limit, key, at_ms(0)));
	assert_false(nr_limit_has(limit, key, at_ms(0)));
	assert_false(nr_limit_take(limit, key, at_ms(499)));
	assert_true(nr_limit_take(limit, key, at_ms(501)));
	assert_false(nr_limit_take(limit, key, at_ms(502)));
	for (int i = 0; i < 5; i++) /* full again, never fuller */
		assert_true(nr_limit_take(limit, key, at_ms(60000)));
	assert_false(nr_limit_take(limit, key, at_ms(60000)));
	nr_limit_free(limit);
}

static void keys_do_not_share(void **state)
{
	static const uint8_t a[NR_LIMIT_KEY] = "a", b[NR_LIMIT_KEY] = "b";
	struct nr_limit *limit;

	(void)state;
	assert_int_equal(nr_limit_new(1, 1, &limit), 0);
	assert_true(nr_limit_take(limit, a, at_ms(0)));
	assert_false(nr_limit_take(limit, a, at_ms(0)));
	assert_true(nr_limit_take(limit, b, at_ms(0)));
	nr_limit_free(limit);
}

static void asking_takes_nothing(void **state)
{
	static const uint8_t key[NR_LIMIT_KEY] = "a";
	struct nr_limit *limit;

	(void)state;
	assert_int_equal(nr_limit_new(1, 1, &limit), 0);
	for (int i = 0; i < 10; i++)
		assert_true(nr_limit_has(limit, key, at_ms(0)));
	assert_true(nr_limit_take(limit, key, at_ms(0)));
	nr_limit_free(limit);
}

static void a_million_keys_cost_no_more_memory_and_all_begin_full(void **state)
{
	struct nr_limit *limit;

	(void)state;
	assert_int_equal(nr_limit_new(1, 1, &limit), 0);
	for (uint64_t i = 0; i < 1000000; i++) {
		uint8_t key[NR_LIMIT_KEY] = { 0 };

		memcpy(key, &i, sizeof(i));
		assert_true(nr_limit_take(limit, key, at_ms((int64_t)i / 100)));
	}
	nr_limit_free(limit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_taken_and_then_one_at_a_time),
		cmocka_unit_test(keys_do_not_share),
		cmocka_unit_test(asking_takes_nothing),
		cmocka_unit_test(a_million_keys_cost_no_more_memory_and_all_begin_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
