/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cmocka.h"
#include "base/hash.h"
#include "base/time.h"

static void spans_are_read_with_one_unit(void **state)
{
	static const struct {
		const char *text;
		int ret;
		int64_t ns;
	} cases[] = {
		{ "90s", 0, 90 * NR_NS_PER_S },
		{ "15m", 0, 900 * NR_NS_PER_S },
		{ "6h", 0, 21600 * NR_NS_PER_S },
		{ "2d", 0, 172800 * NR_NS_PER_S },
		{ "1w", 0, 604800 * NR_NS_PER_S },
		{ "250ms", 0, 250000000 },
		{ "7us", 0, 7000 },
		{ "9ns", 0, 9 },
		{ "0s", 0, 0 },
		{ "1.5h", 0, 5400 * NR_NS_PER_S },
		{ "0.000000001s", 0, 1 },
		{ "0.5000000000000000000000s", 0, 500000000 },
		{ "9223372036854775807ns", 0, INT64_MAX },
		{ "9223372036854775808ns", -ERANGE, 0 },
		{ "9223372036s", 0, INT64_C(9223372036) * NR_NS_PER_S },
		{ "9223372037s", -ERANGE, 0 },
		{ "9223372036.9s", -ERANGE, 0 },
		{ "0.5ns", -EINVAL, 0 },
		{ "0.0000000001s", -EINVAL, 0 },
		{ "0.3333333333333333333h", -EINVAL, 0 },
		{ "0.999999999999999w", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "5", -EINVAL, 0 },
		{ "5 s", -EINVAL, 0 },
		{ "5S", -EINVAL, 0 },
		{ "5sec", -EINVAL, 0 },
		{ "1h30m", -EINVAL, 0 },
		{ "-5s", -EINVAL, 0 },
		{ "+5s", -EINVAL, 0 },
		{ ".5s", -EINVAL, 0 },
		{ "5.s", -EINVAL, 0 },
		{ "1e3s", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		int64_t ns = 0;
		int ret = nr_span_parse(nr_str_from(cases[i].text), &ns);

		if (ret != cases[i].ret)
			fail_msg("\"%s\": %d", cases[i].text, ret);
		assert_int_equal(ns, cases[i].ns);
	}
}

static void print_takes_the_largest_exact_unit(void **state)
{
	static const struct {
		int64_t ns;
		const char *want;
	} cases[] = {
		{ 0, "0s" },
		{ 1, "1ns" },
		{ 1000, "1us" },
		{ 250000000, "250ms" },
		{ 90 * NR_NS_PER_S, "90s" },
		{ 900 * NR_NS_PER_S, "15m" },
		{ 5400 * NR_NS_PER_S, "90m" },
		{ 86400 * NR_NS_PER_S, "1d" },
		{ 604800 * NR_NS_PER_S, "7d" },
		{ INT64_MAX, "9223372036854775807ns" },
		{ INT64_MIN, "-9223372036854775808ns" },
	};
	char out[NR_SPAN_TEXT];

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		assert_int_equal(nr_span_print(cases[i].ns, out), strlen(cases[i].want));
		assert_string_equal(out, cases[i].want);
	}
	for (uint64_t i = 0; i < 20000; i++) {
		int64_t ns = (int64_t)(nr_mix64(i) >> (1 + i % 60)), back = -1;
		size_t n;

		if (i % 2 == 0)
			ns -= ns % NR_NS_PER_S;
		n = nr_span_print(ns, out);
		assert_int_equal(nr_span_parse((struct nr_str){ out, n }, &back), 0);
		assert_int_equal(back, ns);
	}
}

static void people_read_two_units_or_one_decimal(void **state)
{
	static const struct {
		int64_t ns;
		const char *want;
	} cases[] = {
		{ 0, "0 s" },
		{ 1, "1 ns" },
		{ 999, "999 ns" },
		{ 1500, "1.5 us" },
		{ 250000000, "250 ms" },
		{ 12340000, "12.3 ms" },
		{ 999400000, "999 ms" },
		{ 999600000, "1 s" },
		{ 3400000000, "3.4 s" },
		{ 3449999999, "3.4 s" },
		{ 59400000000, "59.4 s" },
		{ 59499999999, "59.5 s" },
		{ 59500000000, "1 min" },
		{ 99960000, "100 ms" },
		{ -1, "-1 ns" },
		{ 72 * NR_NS_PER_S, "1 min 12 s" },
		{ 3600 * NR_NS_PER_S, "1 h" },
		{ 4320 * NR_NS_PER_S, "1 h 12 min" },
		{ 7199 * NR_NS_PER_S, "2 h" },
		{ 86399 * NR_NS_PER_S, "1 d" },
		{ 100000 * NR_NS_PER_S, "1 d 4 h" },
		{ -90 * NR_NS_PER_S, "-1 min 30 s" },
		{ INT64_MAX, "106752 d" },
		{ INT64_MIN, "-106752 d" },
	};
	char out[NR_SPAN_TEXT];

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		assert_int_equal(nr_span_print_human(cases[i].ns, out), strlen(cases[i].want));
		assert_string_equal(out, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_are_read_with_one_unit),
		cmocka_unit_test(print_takes_the_largest_exact_unit),
		cmocka_unit_test(people_read_two_units_or_one_decimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
