/* SPDX-License-Identifier: Apache-2.0 */
#include "record/hll.h"

#include <math.h>
#include <string.h>

#include "base/cmocka.h"
#include "base/hash.h"

enum { P_MAX = 12 };

static void fill(uint8_t *regs, unsigned p, uint64_t from, uint64_t n)
{
	for (uint64_t i = from; i < from + n; i++)
		nr_hll_add(regs, p, nr_mix64(i * UINT64_C(0x9e3779b97f4a7c15) + 1));
}

static void estimates_stay_within_four_standard_errors_at_every_size(void **state)
{
	(void)state;
	for (unsigned p = 7; p <= P_MAX; p++) {
		double error = 1.04 / sqrt((double)(1u << p));

		for (uint64_t n = 1; n <= 1000000; n *= 10) {
			uint8_t regs[1 << P_MAX] = { 0 };

			fill(regs, p, 0, n);
			double got = nr_hll_estimate(regs, p);

			if (fabs(got - (double)n) > 4 * error * (double)n + 0.5)
				fail_msg("p %u, n %llu: %g", p, (unsigned long long)n, got);
		}
	}
}

static void an_empty_sketch_counts_nothing_and_a_full_one_does_not_overflow(void **state)
{
	uint8_t regs[1 << 8] = { 0 };

	(void)state;
	assert_true(nr_hll_estimate(regs, 8) == 0);
	memset(regs, 57, sizeof(regs));		    /* highest rank of p = 8 */
	assert_true(nr_hll_estimate(regs, 8) >= 0); /* neither NaN nor negative */
	memset(regs, 255, sizeof(regs));	    /* hostile registers from a wire */
	assert_true(nr_hll_estimate(regs, 8) >= 0); /* neither NaN nor negative */
}

static void merging_is_the_sketch_of_the_union_in_any_order_and_twice(void **state)
{
	uint8_t a[1 << 10] = { 0 }, b[1 << 10] = { 0 }, both[1 << 10] = { 0 }, ab[1 << 10],
		       ba[1 << 10];

	(void)state;
	fill(a, 10, 0, 3000);
	fill(b, 10, 2000, 3000);
	fill(both, 10, 0, 5000);
	memcpy(ab, a, sizeof(a));
	memcpy(ba, b, sizeof(b));
	nr_hll_merge(ab, b, 10);
	nr_hll_merge(ab, b, 10);
	nr_hll_merge(ba, a, 10);
	assert_memory_equal(ab, both, sizeof(both));
	assert_memory_equal(ba, both, sizeof(both));
}

static void the_format_is_frozen(void **state)
{
	static const struct {
		uint64_t hash;
		unsigned p;
		size_t at;
		uint8_t rank;
	} cases[] = {
		{ 0, 8, 0, 57 },
		{ UINT64_MAX, 8, 255, 1 },
		{ UINT64_C(0x8000000000000000) >> 8, 8, 0, 1 },
		{ 1, 8, 0, 56 },
		{ UINT64_C(0xabc0000000000000) | 1, 12, 0xabc, 52 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		uint8_t regs[1 << P_MAX] = { 0 };

		nr_hll_add(regs, cases[i].p, cases[i].hash);
		assert_int_equal(regs[cases[i].at], cases[i].rank);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(estimates_stay_within_four_standard_errors_at_every_size),
		cmocka_unit_test(an_empty_sketch_counts_nothing_and_a_full_one_does_not_overflow),
		cmocka_unit_test(merging_is_the_sketch_of_the_union_in_any_order_and_twice),
		cmocka_unit_test(the_format_is_frozen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
