/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stat.h"

#include <math.h>

#include "base/cmocka.h"

/* Reference values: arbitrary-precision arithmetic with 40 digits (mpmath gammainc, erfc). */

static void assert_close(double have, double want, double relative)
{
	if (fabs(have - want) > relative * fabs(want))
		fail_msg("have %.17g, want %.17g", have, want);
}

static void poisson_tails_agree_with_forty_digit_arithmetic(void **state)
{
	static const struct {
		uint64_t n;
		double mean, want;
	} cases[] = {
		{ 1, 1e-09, -20.723265837446411 },
		{ 5, 0.01, -27.821675013441001 },
		{ 5, 6, -0.33555176083234829 },
		{ 20, 0.5, -56.674489444928721 },
		{ 64, 70, -0.24962525115428485 },
		{ 100, 1, -364.72942620471962 },
		{ 1000, 1000, -0.68477186329031015 },
		{ 1000, 500, -196.82891906086253 },
		{ 100000, 101000, -0.0008087484618170922 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++)
		assert_close(nr_stat_poisson_tail_ln(cases[i].n, cases[i].mean), cases[i].want,
			     1e-10);
}

static void a_tail_of_no_events_is_certain_and_no_tail_exceeds_one(void **state)
{
	(void)state;
	assert_true(nr_stat_poisson_tail_ln(0, 3) == 0);
	assert_true(nr_stat_poisson_tail_ln(3, 800) <= 0);
	assert_true(nr_stat_poisson_tail_ln(5, 1e-300) < -3000);
}

static void chi_square_tails_agree_with_forty_digit_arithmetic(void **state)
{
	static const struct {
		double x, df, want;
	} cases[] = {
		{ 1, 1, 0.3173105078629141 },	     { 15, 3, 0.0018166489665723232 },
		{ 30.6, 15, 0.0099326838303861558 }, { 0.5, 7, 0.99944648139042497 },
		{ 200, 31, 1.2969167894685963e-26 }, { 3.84145882069412, 1, 0.050000000000000177 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++)
		assert_close(nr_stat_chi2_tail(cases[i].x, cases[i].df), cases[i].want, 1e-10);
	assert_true(nr_stat_chi2_tail(0, 3) == 1);
}

static void gamma_quantiles_agree_with_forty_digit_arithmetic(void **state)
{
	static const struct {
		double p, k, want;
	} cases[] = {
		{ 0.025, 1, 0.025317807984289877 }, { 0.975, 2, 5.5716433909388975 },
		{ 0.025, 19, 11.439241164366732 },  { 0.975, 20, 29.670853571585599 },
		{ 0.5, 1000, 999.66668642696518 },  { 0.001, 0.5, 7.8539857463124497e-7 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++)
		assert_close(nr_stat_gamma_quantile(cases[i].p, cases[i].k), cases[i].want, 1e-10);
}

static void a_gamma_quantile_is_the_inverse_of_the_tail(void **state)
{
	(void)state;
	for (double k = 0.5; k < 3e7; k *= 3.7) {
		for (double p = 1e-6; p < 1; p += 0.0499) {
			double x = nr_stat_gamma_quantile(p, k);

			assert_close(nr_stat_chi2_tail(2 * x, 2 * k), 1 - p, 1e-8);
		}
	}
}

static void poisson_intervals_are_those_of_garwood(void **state)
{
	/* Garwood 1936, table of 95 % limits, three decimals. */
	static const struct {
		uint64_t n;
		double lo, hi;
	} cases[] = {
		{ 0, 0, 3.689 }, { 1, 0.025, 5.572 }, { 5, 1.623, 11.668 }, { 10, 4.795, 18.390 }
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		double lo, hi;

		nr_stat_poisson_interval(cases[i].n, 0.95, &lo, &hi);
		assert_true(fabs(lo - cases[i].lo) < 6e-4);
		assert_true(fabs(hi - cases[i].hi) < 6e-4);
	}
}

static void normal_quantiles_are_symmetric_and_exact(void **state)
{
	(void)state;
	assert_close(nr_stat_normal_quantile(0.975), 1.9599639845400543, 1e-12);
	assert_close(nr_stat_normal_quantile(0.025), -1.9599639845400543, 1e-12);
	assert_close(nr_stat_normal_quantile(1e-9), -5.9978070150076869, 1e-12);
	assert_true(fabs(nr_stat_normal_quantile(0.5)) < 1e-12);
}

static void entropy_counts_bits(void **state)
{
	static const uint32_t even[8] = { 5, 5, 5, 5, 5, 5, 5, 5 }, single[4] = { 0, 9, 0, 0 };

	(void)state;
	assert_close(nr_stat_entropy(even, 8), 3, 1e-12);
	assert_true(nr_stat_entropy(single, 4) == 0);
	assert_true(nr_stat_entropy(single, 1) == 0); /* the empty set */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(poisson_tails_agree_with_forty_digit_arithmetic),
		cmocka_unit_test(a_tail_of_no_events_is_certain_and_no_tail_exceeds_one),
		cmocka_unit_test(chi_square_tails_agree_with_forty_digit_arithmetic),
		cmocka_unit_test(gamma_quantiles_agree_with_forty_digit_arithmetic),
		cmocka_unit_test(a_gamma_quantile_is_the_inverse_of_the_tail),
		cmocka_unit_test(poisson_intervals_are_those_of_garwood),
		cmocka_unit_test(normal_quantiles_are_symmetric_and_exact),
		cmocka_unit_test(entropy_counts_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
