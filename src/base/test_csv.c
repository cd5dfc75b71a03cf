/* SPDX-License-Identifier: Apache-2.0 */
#include "base/csv.h"

#include "base/cmocka.h"

static void cells_are_quoted_and_made_harmless(void **state)
{
	static const struct {
		const char *cell, *want;
	} cases[] = {
		{ "", "" },
		{ "plain text", "plain text" },
		{ "a,b", "\"a,b\"" },
		{ "say \"hi\"", "\"say \"\"hi\"\"\"" },
		{ "\"", "\"\"\"\"" },
		{ "line\nbreak", "\"line\nbreak\"" },
		{ "=1+1", "'=1+1" },
		{ "=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0" },
		{ "+81", "'+81" },
		{ "-5", "-5" },
		{ "-5.25e3", "-5.25e3" },
		{ "-5+1", "'-5+1" },
		{ "-", "'-" },
		{ "@SUM(A1)", "'@SUM(A1)" },
		{ "\tx", "'\tx" },
		{ "\rx", "\"'\rx\"" },
		{ "=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"" },
		{ "a=b", "a=b" },
		{ "\nx", "\"'\nx\"" },
		{ "\xef\xbc\x9d"
		  "1",
		  "'\xef\xbc\x9d"
		  "1" },
		{ "\xef\xbc\x8b"
		  "1",
		  "'\xef\xbc\x8b"
		  "1" },
		{ "\xef\xbc\x8d"
		  "1",
		  "'\xef\xbc\x8d"
		  "1" },
		{ "\xef\xbc\xa0"
		  "A",
		  "'\xef\xbc\xa0"
		  "A" },
		{ "\xef\xbc\xa1", "\xef\xbc\xa1" }, /* a full-width letter */
		{ "\xef", "\xef" },
		{ "2001:db8::1", "2001:db8::1" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_buf out;

		nr_buf_init(&out, 1000);
		nr_csv_cell(&out, nr_str_from(cases[i].cell), true);
		assert_int_equal(out.n, strlen(cases[i].want));
		nr_buf_add(&out, "", 1);
		assert_int_equal(out.err, 0);
		assert_string_equal((const char *)out.p, cases[i].want);
		nr_buf_done(&out);
	}
}

static void rows_have_commas_between_and_end_with_crlf(void **state)
{
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 1000);
	nr_csv_cell(&out, NR_STR("a"), true);
	nr_csv_cell(&out, NR_STR(""), false);
	nr_csv_cell(&out, NR_STR("c"), false);
	nr_csv_cell(&out, NR_STR("=d"), false);
	nr_csv_cell(&out, NR_STR("e,f"), false);
	nr_csv_end(&out);
	assert_true(nr_str_eq(nr_buf_str(&out), NR_STR("a,,c,'=d,\"e,f\"\r\n")));
	nr_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_are_quoted_and_made_harmless),
		cmocka_unit_test(rows_have_commas_between_and_end_with_crlf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
