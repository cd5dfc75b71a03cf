/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <stdio.h>
#include <time.h>

#include "base/cmocka.h"
#include "base/hash.h"

static void moments_print_and_read_back(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 1, "1970-01-01T00:00:00.000000001Z" },
		{ -1, "1969-12-31T23:59:59.999999999Z" },
		{ INT64_C(1500000000), "1970-01-01T00:00:01.5Z" },
		{ -INT64_C(1500000000), "1969-12-31T23:59:58.5Z" },
		{ INT64_C(1767323045123456789), "2026-01-02T03:04:05.123456789Z" },
		{ INT64_C(951782400000000000), "2000-02-29T00:00:00Z" },
		{ INT64_C(951868799999999999), "2000-02-29T23:59:59.999999999Z" },
		{ INT64_C(2147483648000000000), "2038-01-19T03:14:08Z" },
		{ INT64_C(4294967296000000000), "2106-02-07T06:28:16Z" },
		{ -INT64_C(2203891200000000000), "1900-03-01T00:00:00Z" },
		{ -INT64_C(2203891200000000001), "1900-02-28T23:59:59.999999999Z" },
		{ INT64_MAX, "2262-04-11T23:47:16.854775807Z" },
		{ INT64_MIN, "1677-09-21T00:12:43.145224192Z" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		char out[NR_TIME_TEXT];
		struct nr_time back = { 42 };

		assert_int_equal(nr_time_print((struct nr_time){ cases[i].ns }, out),
				 strlen(cases[i].text));
		assert_string_equal(out, cases[i].text);
		assert_int_equal(nr_time_parse(nr_str_from(out), &back), 0);
		assert_int_equal(back.ns, cases[i].ns);
	}
}

static void other_spellings_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{ "1970-01-01", 0 },
		{ "1970-01-02", 86400 * NR_NS_PER_S },
		{ "1970-01-01t00:00:01z", NR_NS_PER_S },
		{ "1970-01-01 00:00:01Z", NR_NS_PER_S },
		{ "1970-01-01T09:00:00+09:00", 0 },
		{ "1969-12-31T19:00:00-05:00", 0 },
		{ "1970-01-01T00:00:00-00:00", 0 },
		{ "1970-01-01T05:45:00.25+05:45", 250000000 },
		{ "1970-01-01T00:00:00.1234567899Z", 123456789 },
		{ "2016-12-31T23:59:60Z", INT64_C(1483228800) * NR_NS_PER_S },
		{ "2017-01-01T08:59:60+09:00", INT64_C(1483228800) * NR_NS_PER_S },
		{ "2016-12-31T23:59:60.5Z", INT64_C(1483228800) * NR_NS_PER_S + 500000000 },
		{ "1700000000", INT64_C(1700000000) * NR_NS_PER_S },
		{ "1700000000.25", INT64_C(1700000000) * NR_NS_PER_S + 250000000 },
		{ "0", 0 },
		{ "-1", -NR_NS_PER_S },
		{ "-0.25", -250000000 },
		{ "-1.000000001", -NR_NS_PER_S - 1 },
		{ "9223372036.854775807", INT64_MAX },
		{ "-9223372036.854775808", INT64_MIN },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_time got = { 42 };

		if (nr_time_parse(nr_str_from(cases[i].text), &got) != 0)
			fail_msg("not taken: %s", cases[i].text);
		assert_int_equal(got.ns, cases[i].ns);
	}
}

static void nonsense_is_refused(void **state)
{
	static const struct {
		const char *text;
		int ret;
	} cases[] = {
		{ "", -EINVAL },
		{ "-", -EINVAL },
		{ ".5", -EINVAL },
		{ "5.", -EINVAL },
		{ "+5", -EINVAL },
		{ "5e3", -EINVAL },
		{ "now", -EINVAL },
		{ "2026-1-1", -EINVAL },
		{ "2026-00-01", -EINVAL },
		{ "2026-13-01", -EINVAL },
		{ "2026-01-00", -EINVAL },
		{ "2026-01-32", -EINVAL },
		{ "2026-04-31", -EINVAL },
		{ "2026-02-29", -EINVAL },
		{ "1900-02-29", -EINVAL },
		{ "2026-01-01T", -EINVAL },
		{ "2026-01-01T00:00Z", -EINVAL },
		{ "2026-01-01T00:00:00", -EINVAL },
		{ "2026-01-01T24:00:00Z", -EINVAL },
		{ "2026-01-01T00:60:00Z", -EINVAL },
		{ "2026-01-01T00:00:61Z", -EINVAL },
		{ "2026-01-01T00:00:60Z", -EINVAL },
		{ "2026-01-01T23:59:60+09:00", -EINVAL },
		{ "2026-01-01T00:00:00.Z", -EINVAL },
		{ "2026-01-01T00:00:00,5Z", -EINVAL },
		{ "2026-01-01T00:00:00ZZ", -EINVAL },
		{ "2026-01-01T00:00:00+9:00", -EINVAL },
		{ "2026-01-01T00:00:00+0900", -EINVAL },
		{ "2026-01-01T00:00:00+24:00", -EINVAL },
		{ "2026-01-01T00:00:00+09:", -EINVAL },
		{ "2026-01-01T00:00:00+09", -EINVAL },
		{ "2026-01-01T00:00:00+", -EINVAL },
		{ "2026-01-0", -EINVAL },
		{ "2026-01-", -EINVAL },
		{ "2026-", -EINVAL },
		{ "1x", -EINVAL },
		{ "2026-01-01T00:00:00+09:60", -EINVAL },
		{ "2026-01-01_00:00:00Z", -EINVAL },
		{ "12026-01-01", -EINVAL },
		{ " 2026-01-01", -EINVAL },
		{ "2026-01-01 ", -EINVAL },
		{ "0000-01-01", -ERANGE },
		{ "0001-01-01T00:00:00Z", -ERANGE },
		{ "9999-12-31T23:59:59Z", -ERANGE },
		{ "1677-09-21T00:12:43.145224191Z", -ERANGE },
		{ "2262-04-11T23:47:16.854775808Z", -ERANGE },
		{ "9223372036.854775808", -ERANGE },
		{ "-9223372036.854775809", -ERANGE },
		{ "99999999999999999999999", -ERANGE },
		{ "9223372036854775807", -ERANGE },
		{ "-9223372036854775807.999999999", -ERANGE },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_time got = { 42 };
		int ret = nr_time_parse(nr_str_from(cases[i].text), &got);

		if (ret != cases[i].ret)
			fail_msg("\"%s\": %d", cases[i].text, ret);
		assert_int_equal(got.ns, 42);
	}
}

static void random_moments_agree_with_the_c_library(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 50000; i++) {
		struct nr_time t = { (int64_t)nr_mix64(i + 1) }, back = { 0 };
		time_t s = (time_t)nr_time_floor_s(t);
		int64_t ns = t.ns - nr_time_floor_s(t) * NR_NS_PER_S;
		char got[NR_TIME_TEXT], want[64];
		struct tm tm;
		size_t n;

		if (t.ns < INT64_MIN + NR_NS_PER_S)
			continue;
		assert_in_range(ns, 0, NR_NS_PER_S - 1);
		assert_non_null(gmtime_r(&s, &tm));
		n = strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S", &tm);
		(void)snprintf(want + n, sizeof(want) - n, ".%09lldZ", (long long)ns);
		assert_int_equal(nr_time_parse(nr_str_from(want), &back), 0);
		assert_int_equal(back.ns, t.ns);
		n = nr_time_print(t, got);
		assert_memory_equal(got, want, 19);
		assert_int_equal(nr_time_parse((struct nr_str){ got, n }, &back), 0);
		assert_int_equal(back.ns, t.ns);
	}
}

static void every_day_of_the_range_agrees_with_the_c_library(void **state)
{
	(void)state;
	for (int64_t day = -106751; day <= 106751; day++) {
		time_t s = (time_t)(day * 86400);
		char got[NR_TIME_TEXT], want[64];
		struct nr_time back = { 0 };
		struct tm tm;

		assert_non_null(gmtime_r(&s, &tm));
		(void)strftime(want, sizeof(want), "%Y-%m-%dT00:00:00Z", &tm);
		(void)nr_time_print((struct nr_time){ day * 86400 * NR_NS_PER_S }, got);
		assert_string_equal(got, want);
		assert_int_equal(nr_time_parse((struct nr_str){ want, 10 }, &back), 0);
		assert_int_equal(back.ns, day * 86400 * NR_NS_PER_S);
	}
}

static void seconds_are_rounded_down(void **state)
{
	(void)state;
	assert_int_equal(nr_time_floor_s((struct nr_time){ 0 }), 0);
	assert_int_equal(nr_time_floor_s((struct nr_time){ 999999999 }), 0);
	assert_int_equal(nr_time_floor_s((struct nr_time){ -1 }), -1);
	assert_int_equal(nr_time_floor_s((struct nr_time){ -1000000000 }), -1);
	assert_int_equal(nr_time_floor_s((struct nr_time){ -1000000001 }), -2);
	assert_int_equal(nr_time_floor_s((struct nr_time){ INT64_MIN }), -9223372037);
	assert_int_equal(nr_time_floor_s((struct nr_time){ INT64_MAX }), 9223372036);
}

static void clocks_run(void **state)
{
	struct nr_time first = nr_mono_now(), second = nr_mono_now();

	(void)state;
	assert_true(first.ns > 0 && second.ns >= first.ns);
	assert_true(nr_time_now().ns > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments_print_and_read_back),
		cmocka_unit_test(other_spellings_are_read),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(random_moments_agree_with_the_c_library),
		cmocka_unit_test(every_day_of_the_range_agrees_with_the_c_library),
		cmocka_unit_test(seconds_are_rounded_down),
		cmocka_unit_test(clocks_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
