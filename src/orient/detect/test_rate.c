/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/detect/rate.h"

#include <math.h>

#include "base/cmocka.h"
#include "orient/detect/mdr.h"

static const uint64_t ALL = UINT64_C(1) << 32;

static void too_little_gives_no_rate(void **state)
{
	struct nr_rate rate;

	(void)state;
	assert_false(nr_rate_interval(1, 1, 10, ALL, &rate));
	assert_false(nr_rate_interval(0, 0, 10, ALL, &rate));
	assert_false(nr_rate_interval(20, 20, 0, ALL, &rate));
	assert_false(nr_rate_interval(20, 20, -5, ALL, &rate));
	assert_false(nr_rate_interval(20, 20, NAN, ALL, &rate));
	assert_false(nr_rate_interval(20, 20, 10, 0, &rate));
}

static void the_interval_is_the_exact_one_within_a_few_per_cent(void **state)
{
	struct nr_rate rate;

	(void)state;
	assert_true(nr_rate_interval(21, 21, 100, ALL, &rate));
	assert_true(fabs(rate.rate - 0.2) < 1e-12);
	/* chi square with 40 degrees of freedom: 24.433 and 59.342, over 2 x 100 s */
	assert_true(rate.lo <= 0.12217 && rate.lo > 0.95 * 0.12217);
	assert_true(rate.hi >= 0.2967 && rate.hi < 1.05 * 0.2967);
	assert_true(nr_rate_interval(2, 2, 1, ALL, &rate));
	assert_true(rate.lo > 0 && rate.lo < rate.rate && rate.rate < rate.hi);
}

static void a_smaller_telescope_means_a_larger_rate(void **state)
{
	struct nr_rate all, some;

	(void)state;
	assert_true(nr_rate_interval(50, 50, 10, ALL, &all));
	assert_true(nr_rate_interval(50, 50, 10, 65536, &some));
	assert_true(fabs(some.lo / all.lo - 65536) < 1e-6 && fabs(some.hi / all.hi - 65536) < 1e-6);
}

static void repeats_and_bursts_are_worth_less(void **state)
{
	struct nr_rate plain, bursts;

	(void)state;
	assert_true(nr_rate_effective(100, 100, 100) == 100);	   /* one packet a choice */
	assert_true(nr_rate_effective(100, 100, 400) == 25);	   /* four packets a choice */
	assert_true(nr_rate_effective(100, 0, 0) == 100);	   /* nothing known */
	assert_true(nr_rate_effective_gaps(101, 100, 100) == 101); /* even gaps */
	assert_true(nr_rate_effective_gaps(101, 100, 200) == 101); /* as irregular as Poisson */
	assert_true(nr_rate_effective_gaps(101, 100, 1100) < 12);  /* ten times as irregular */
	assert_true(nr_rate_interval(100, 100, 10, ALL, &plain));
	assert_true(nr_rate_interval(100, 25, 10, ALL, &bursts));
	assert_true(bursts.rate == plain.rate && bursts.lo < plain.lo && bursts.hi > plain.hi);
}

static void the_minimum_detectable_rate_follows_from_n_and_w(void **state)
{
	(void)state;
	assert_true(nr_mdr_moore(65536) == 32768); /* 30 in 60 s on a /16 */
	assert_true(nr_mdr_rsdos(65536, 60) * 4 < nr_mdr_moore(65536));
	assert_true(nr_mdr_rsdos(0, 60) == 0);
}

static void what_is_kept_is_the_same_to_the_bit(void **state)
{
	struct nr_rate_cache cache = { 0 };

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (uint64_t n = 2; n < 2 * NR_RATE_KEPT; n++) {
			for (double worth = (double)n; worth > 1; worth -= 0.75) {
				struct nr_rate plain, kept;

				assert_true(nr_rate_interval(n, worth, 12.5, 65536, &plain));
				assert_true(nr_rate_interval_kept(&cache, n, worth, 12.5, 65536,
								  &kept));
				assert_memory_equal(&plain, &kept, sizeof(plain));
			}
			n += n / 4;
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_little_gives_no_rate),
		cmocka_unit_test(the_interval_is_the_exact_one_within_a_few_per_cent),
		cmocka_unit_test(a_smaller_telescope_means_a_larger_rate),
		cmocka_unit_test(repeats_and_bursts_are_worth_less),
		cmocka_unit_test(the_minimum_detectable_rate_follows_from_n_and_w),
		cmocka_unit_test(what_is_kept_is_the_same_to_the_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
