/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digits.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cmocka.h"
#include "base/hash.h"

static void check_u64(uint64_t v)
{
	char want[32], got[32];

	(void)snprintf(want, sizeof(want), "%" PRIu64, v);
	*nr_digits_u64(got, v) = '\0';
	assert_string_equal(got, want);
	(void)snprintf(want, sizeof(want), "%" PRId64, (int64_t)v);
	*nr_digits_i64(got, (int64_t)v) = '\0';
	assert_string_equal(got, want);
}

static void numbers_equal_those_of_printf(void **state)
{
	uint64_t power = 1;

	(void)state;
	for (uint64_t v = 0; v < 20000; v++)
		check_u64(v);
	for (int i = 0; i < 20; i++, power *= 10) {
		check_u64(power - 1);
		check_u64(power);
		check_u64(power + 1);
	}
	check_u64(UINT64_MAX);
	check_u64((uint64_t)INT64_MAX);
	check_u64((uint64_t)INT64_MIN);
	for (uint64_t i = 0; i < 20000; i++)
		check_u64(nr_mix64(i) >> (i & 63));
}

static void octets_have_no_leading_zeros(void **state)
{
	char want[8], got[8];

	(void)state;
	for (unsigned v = 0; v < 1000; v++) {
		(void)snprintf(want, sizeof(want), "%u", v);
		*nr_digits_octet(got, v) = '\0';
		assert_string_equal(got, want);
	}
}

static void fixed_width_fills_with_zeros(void **state)
{
	static const struct {
		uint64_t v;
		unsigned width;
		const char *want;
	} cases[] = {
		{ 0, 0, "" },
		{ 7, 1, "7" },
		{ 7, 2, "07" },
		{ 7, 3, "007" },
		{ 123456789, 9, "123456789" },
		{ 1, 9, "000000001" },
		{ 12345, 4, "2345" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		char got[32];

		*nr_digits_fixed(got, cases[i].v, cases[i].width) = '\0';
		assert_string_equal(got, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_equal_those_of_printf),
		cmocka_unit_test(octets_have_no_leading_zeros),
		cmocka_unit_test(fixed_width_fills_with_zeros),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
