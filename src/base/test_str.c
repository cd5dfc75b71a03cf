/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <float.h>

#include "base/cmocka.h"

static void assert_str(struct nr_str got, const char *want)
{
	if (!nr_str_eq(got, nr_str_from(want)))
		fail_msg("got \"" NR_STR_FMT "\", want \"%s\"", NR_STR_ARG(got), want);
}

static void comparisons_know_empty_strings(void **state)
{
	struct nr_str nothing = { NULL, 0 };

	(void)state;
	assert_true(nr_str_eq(nothing, NR_STR("")));
	assert_true(nr_str_eq(NR_STR("ab"), NR_STR("ab")));
	assert_false(nr_str_eq(NR_STR("ab"), NR_STR("abc")));
	assert_false(nr_str_eq(NR_STR("ab"), NR_STR("aB")));
	assert_true(nr_str_starts(NR_STR("abc"), NR_STR("ab")));
	assert_true(nr_str_starts(nothing, nothing));
	assert_false(nr_str_starts(NR_STR("a"), NR_STR("ab")));
	assert_false(nr_str_starts(NR_STR("abc"), NR_STR("b")));
	assert_true(nr_str_ends(NR_STR("abc"), NR_STR("bc")));
	assert_true(nr_str_ends(NR_STR("abc"), nothing));
	assert_false(nr_str_ends(NR_STR("c"), NR_STR("bc")));
	assert_false(nr_str_ends(NR_STR("abc"), NR_STR("ab")));
	assert_int_equal(nr_str_from(NULL).n, 0);
}

static void blanks_are_trimmed_and_counted(void **state)
{
	(void)state;
	assert_true(nr_str_is_blank(NR_STR("")));
	assert_true(nr_str_is_blank(NR_STR(" \t\r\n\v\f")));
	assert_false(nr_str_is_blank(NR_STR(" x ")));
	assert_false(nr_str_is_blank(NR_STR("x ")));
	assert_str(nr_str_trim(NR_STR(" \ta b\r\n")), "a b");
	assert_str(nr_str_trim(NR_STR(" \n ")), "");
	assert_str(nr_str_trim((struct nr_str){ NULL, 0 }), "");
	assert_int_equal(nr_str_count(NR_STR("a,b,,"), ','), 3);
	assert_int_equal(nr_str_count((struct nr_str){ NULL, 0 }, ','), 0);
}

static void cut_takes_what_stands_before(void **state)
{
	struct nr_str whole = NR_STR("a=b=c"), s = whole, nothing = { NULL, 0 };

	(void)state;
	assert_str(nr_str_cut(&s, '='), "a");
	assert_str(s, "b=c");
	assert_str(nr_str_cut(&s, '#'), "b=c");
	assert_int_equal(s.n, 0);
	assert_ptr_equal(s.p, whole.p + whole.n);
	assert_str(nr_str_cut(&s, '='), "");
	assert_str(nr_str_cut(&nothing, '='), "");
	s = NR_STR("=");
	assert_str(nr_str_cut(&s, '='), "");
	assert_int_equal(s.n, 0);
}

static void words_are_runs_of_non_blanks(void **state)
{
	struct nr_str s = NR_STR("  one\ttwo \n"), nothing = { NULL, 0 };

	(void)state;
	assert_str(nr_str_word(&s), "one");
	assert_str(s, "two \n");
	assert_str(nr_str_word(&s), "two");
	assert_int_equal(s.n, 0);
	assert_str(nr_str_word(&s), "");
	assert_str(nr_str_word(&nothing), "");
	s = NR_STR("a b");
	assert_str(nr_str_word(&s), "a");
	assert_str(nr_str_word(&s), "b");
}

static void u64_takes_the_whole_string_within_bounds(void **state)
{
	static const struct {
		const char *text;
		uint64_t lo, hi;
		int ret;
		uint64_t want;
	} cases[] = {
		{ "0", 0, UINT64_MAX, 0, 0 },
		{ "007", 0, 10, 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", 0, UINT64_MAX, -ERANGE, 0 },
		{ "99999999999999999999999999", 0, UINT64_MAX, -ERANGE, 0 },
		{ "9999999999999999999999999x", 0, UINT64_MAX, -EINVAL, 0 },
		{ "5", 6, 10, -ERANGE, 0 },
		{ "11", 6, 10, -ERANGE, 0 },
		{ "10", 6, 10, 0, 10 },
		{ "", 0, 10, -EINVAL, 0 },
		{ "-1", 0, 10, -EINVAL, 0 },
		{ "+1", 0, 10, -EINVAL, 0 },
		{ " 1", 0, 10, -EINVAL, 0 },
		{ "1 ", 0, 10, -EINVAL, 0 },
		{ "0x1", 0, 10, -EINVAL, 0 },
		{ "1_0", 0, 10, -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		uint64_t got = 0;

		assert_int_equal(nr_str_u64(nr_str_from(cases[i].text), cases[i].lo, cases[i].hi,
					    &got),
				 cases[i].ret);
		assert_int_equal(got, cases[i].want);
	}
}

static void i64_reaches_both_ends(void **state)
{
	static const struct {
		const char *text;
		int ret;
		int64_t want;
	} cases[] = {
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "-9223372036854775809", -ERANGE, 0 },
		{ "-0", 0, 0 },
		{ "-", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "--1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
	};
	int64_t got = 0;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		got = 0;
		assert_int_equal(nr_str_i64(nr_str_from(cases[i].text), INT64_MIN, INT64_MAX, &got),
				 cases[i].ret);
		assert_int_equal(got, cases[i].want);
	}
	assert_int_equal(nr_str_i64(NR_STR("-3"), -2, 2, &got), -ERANGE);
	assert_int_equal(nr_str_i64(NR_STR("3"), -2, 2, &got), -ERANGE);
}

static void f64_is_a_plain_finite_number(void **state)
{
	static const struct {
		const char *text;
		int ret;
		double want;
	} cases[] = {
		{ "0", 0, 0 },
		{ "-1.5", 0, -1.5 },
		{ "1e3", 0, 1000 },
		{ "1E-3", 0, 0.001 },
		{ "1.25e+2", 0, 125 },
		{ "1e-999999", 0, 0 },
		{ "1e999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ ".5", -EINVAL, 0 },
		{ "5.", -EINVAL, 0 },
		{ "1e", -EINVAL, 0 },
		{ "1e+", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "nan", -EINVAL, 0 },
		{ "inf", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "1,5", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "1e5.5", -EINVAL, 0 },
	};
	char digits[100000];
	double got;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		got = 0;
		assert_int_equal(nr_str_f64(nr_str_from(cases[i].text), -DBL_MAX, DBL_MAX, &got),
				 cases[i].ret);
		assert_true(got == cases[i].want);
	}
	assert_int_equal(nr_str_f64(NR_STR("2"), 2, 2, &got), 0);
	assert_int_equal(nr_str_f64(NR_STR("2.5"), 0, 2, &got), -ERANGE);
	assert_int_equal(nr_str_f64(NR_STR("-0.5"), 0, 2, &got), -ERANGE);
	memset(digits, '1', sizeof(digits));
	assert_int_equal(nr_str_f64((struct nr_str){ digits, NR_STR_F64_MAX + 1 }, 0, 1, &got),
			 -EINVAL);
	assert_int_equal(nr_str_f64((struct nr_str){ digits, NR_STR_F64_MAX }, 0, 1, &got),
			 -ERANGE);
}

static void utf8_is_decoded_strictly(void **state)
{
	static const struct {
		const char *bytes;
		size_t n, taken;
		uint32_t cp;
	} cases[] = {
		{ "", 0, 0, 0 },
		{ "a", 1, 1, 'a' },
		{ "\0", 1, 1, 0 },
		{ "\xc2\x80", 2, 2, 0x80 },
		{ "\xdf\xbf", 2, 2, 0x7ff },
		{ "\xe0\xa0\x80", 3, 3, 0x800 },
		{ "\xef\xbf\xbf", 3, 3, 0xffff },
		{ "\xf0\x90\x80\x80", 4, 4, 0x10000 },
		{ "\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff },
		{ "\x80", 1, 0, 0 },
		{ "\xc0\x80", 2, 0, 0 },
		{ "\xc1\xbf", 2, 0, 0 },
		{ "\xe0\x9f\xbf", 3, 0, 0 },
		{ "\xed\xa0\x80", 3, 0, 0 },
		{ "\xed\xbf\xbf", 3, 0, 0 },
		{ "\xf0\x8f\xbf\xbf", 4, 0, 0 },
		{ "\xf4\x90\x80\x80", 4, 0, 0 },
		{ "\xf5\x80\x80\x80", 4, 0, 0 },
		{ "\xff", 1, 0, 0 },
		{ "\xe7\x8b", 2, 0, 0 },
		{ "\xe7\x8b"
		  "a",
		  3, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_str s = { cases[i].bytes, cases[i].n };
		uint32_t cp = 0;

		assert_int_equal(nr_str_utf8(s, &cp), cases[i].taken);
		assert_int_equal(cp, cases[i].cp);
	}
}

static void escaped_text_is_harmless_for_terminals_and_logs(void **state)
{
	static const struct {
		struct nr_str s;
		const char *want;
	} cases[] = {
		{ { NULL, 0 }, "" },
		{ { "plain ~", 7 }, "plain ~" },
		{ { "a\\b", 3 }, "a\\\\b" },
		{ { "\0\x1b[2J\x7f", 6 }, "\\x00\\x1b[2J\\x7f" },
		{ { "line\r\n2026-01-01 forged", 23 }, "line\\x0d\\x0a2026-01-01 forged" },
		{ { "\x9b"
		    "31m",
		    4 },
		  "\\x9b31m" }, /* C1 as a byte */
		{ { "\xc2\x9b"
		    "31m",
		    5 },
		  "\\u009b31m" }, /* C1 as a character */
		{ { "\xe7\x8b\xbc\xe7\x85\x99", 6 }, "\xe7\x8b\xbc\xe7\x85\x99" },
		{ { "\xe3\x83\xa2", 3 }, "\xe3\x83\xa2" },
		{ { "\xe2\x80\xae"
		    "gpj.exe",
		    10 },
		  "\\u202egpj.exe" },
		{ { "\xe2\x81\xa6", 3 }, "\\u2066" },
		{ { "\xd8\x9c", 2 }, "\\u061c" },
		{ { "\xe2\x80\x8b", 3 }, "\\u200b" },
		{ { "\xef\xbb\xbf", 3 }, "\\ufeff" },
		{ { "\xe2\x80\xa8", 3 }, "\\u2028" },
		{ { "\xee\x80\x80", 3 }, "\\ue000" },
		{ { "\xf3\xa0\x81\x81", 4 }, "\\xf3\\xa0\\x81\\x81" }, /* tag letter */
		{ { "\xf0\x9f\x94\xa5", 4 }, "\xf0\x9f\x94\xa5" },
		{ { "\xff\xfe", 2 }, "\\xff\\xfe" },
		{ { "\xed\xa0\x80", 3 }, "\\xed\\xa0\\x80" },
	};
	char out[128];

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		assert_int_equal(nr_str_escape(cases[i].s, out, sizeof(out)),
				 strlen(cases[i].want));
		assert_string_equal(out, cases[i].want);
	}
}

static void escaped_text_is_cut_in_whole_units(void **state)
{
	struct nr_str s = NR_STR("a\n\xe7\x8b\xbc");
	static const size_t lengths[] = { 0, 0, 1, 1, 1, 1, 5, 5, 5, 8, 8 };
	char out[16];

	(void)state;
	memset(out, '?', sizeof(out));
	assert_int_equal(nr_str_escape(s, out, 0), 0);
	assert_int_equal(out[0], '?');
	for (size_t cap = 1; cap < NR_COUNT(lengths); cap++) {
		memset(out, '?', sizeof(out));
		assert_int_equal(nr_str_escape(s, out, cap), lengths[cap]);
		assert_int_equal(out[lengths[cap]], '\0');
		assert_int_equal(out[cap], '?');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparisons_know_empty_strings),
		cmocka_unit_test(blanks_are_trimmed_and_counted),
		cmocka_unit_test(cut_takes_what_stands_before),
		cmocka_unit_test(words_are_runs_of_non_blanks),
		cmocka_unit_test(u64_takes_the_whole_string_within_bounds),
		cmocka_unit_test(i64_reaches_both_ends),
		cmocka_unit_test(f64_is_a_plain_finite_number),
		cmocka_unit_test(utf8_is_decoded_strictly),
		cmocka_unit_test(escaped_text_is_harmless_for_terminals_and_logs),
		cmocka_unit_test(escaped_text_is_cut_in_whole_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
