/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/lab/rng.h"

#include <stdlib.h>

#include "base/cmocka.h"

static void the_stream_is_splitmix64(void **state)
{
	struct nr_lab_rng rng = { 1234567 }; /* published test vector */

	(void)state;
	assert_true(nr_lab_rng_next(&rng) == UINT64_C(6457827717110365317));
	assert_true(nr_lab_rng_next(&rng) == UINT64_C(3203168211198807973));
}

static void logarithms_are_exact_at_powers_and_close_between(void **state)
{
	static const struct {
		uint64_t x, lo, hi;
	} cases[] = {
		{ 1, 0, 0 },
		{ 2, UINT64_C(1) << 32, UINT64_C(1) << 32 },
		{ UINT64_C(1) << 63, UINT64_C(63) << 32, UINT64_C(63) << 32 },
		{ 3, 6807300000, 6807500000 },		    /* 1.5849625 */
		{ 1000000007, 128408000000, 128408300000 }, /* 29.8973529 */
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		assert_true(nr_lab_log2_q32(cases[i].x) >= cases[i].lo);
		assert_true(nr_lab_log2_q32(cases[i].x) <= cases[i].hi);
	}
}

static void exponential_gaps_have_their_mean_and_their_spread(void **state)
{
	enum { N = 200000, MEAN = 1000000 };
	struct nr_lab_rng rng = { 5 };
	double sum = 0, squares = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		double x = (double)nr_lab_rng_exp(&rng, MEAN) / MEAN;

		sum += x;
		squares += x * x;
	}
	assert_true(sum / N > 0.99 && sum / N < 1.01);
	assert_true(squares / N > 1.95 && squares / N < 2.05);
}

static void a_permutation_gives_each_number_once(void **state)
{
	static const uint64_t sizes[] = { 1, 2, 3, 5, 64, 100, 1024, 4097, 65536, 475136 };

	(void)state;
	for (size_t s = 0; s < NR_COUNT(sizes); s++) {
		uint8_t *seen = calloc(sizes[s], 1);

		assert_non_null(seen);
		for (uint64_t i = 0; i < sizes[s]; i++) {
			uint32_t at = nr_lab_permute(UINT64_C(0x123456789abcdef1) * (s + 1),
						     sizes[s], i);

			assert_true(at < sizes[s]);
			assert_int_equal(seen[at], 0);
			seen[at] = 1;
		}
		free(seen);
	}
}

static void half_of_the_pareto_numbers_are_ones(void **state)
{
	struct nr_lab_rng rng = { 9 };
	unsigned ones = 0, large = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t n = nr_lab_rng_pareto(&rng, 1000);

		assert_true(n >= 1 && n <= 1000);
		ones += n == 1;
		large += n >= 100;
	}
	assert_in_range(ones, 49000, 51000);
	assert_in_range(large, 850, 1150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_stream_is_splitmix64),
		cmocka_unit_test(logarithms_are_exact_at_powers_and_close_between),
		cmocka_unit_test(exponential_gaps_have_their_mean_and_their_spread),
		cmocka_unit_test(a_permutation_gives_each_number_once),
		cmocka_unit_test(half_of_the_pareto_numbers_are_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
