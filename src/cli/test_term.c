/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/term.h"

#include "base/cmocka.h"

static void assert_text(struct nr_buf *buf, const char *want)
{
	assert_int_equal(buf->err, 0);
	nr_buf_add(buf, "", 1);
	assert_string_equal((const char *)buf->p, want);
	nr_buf_done(buf);
}

static void the_locale_decides_language_and_characters(void **state)
{
	static const struct {
		enum nr_term_lang asked;
		const char *lc_all, *lc_ctype, *lc_messages, *lang;
		enum nr_term_lang want;
		bool unicode;
	} cases[] = {
		{ NR_TERM_ASK, NULL, NULL, NULL, NULL, NR_TERM_EN, false },
		{ NR_TERM_ASK, "", "", "", "C", NR_TERM_EN, false },
		{ NR_TERM_ASK, NULL, NULL, NULL, "ja_JP.UTF-8", NR_TERM_JA, true },
		{ NR_TERM_ASK, NULL, NULL, NULL, "ja_JP.eucJP", NR_TERM_EN, false },
		{ NR_TERM_ASK, NULL, NULL, NULL, "C.utf8", NR_TERM_EN, true },
		{ NR_TERM_ASK, NULL, NULL, "ja_JP.UTF-8", "en_US.UTF-8", NR_TERM_JA, true },
		{ NR_TERM_ASK, "C", NULL, "ja_JP.UTF-8", "ja_JP.UTF-8", NR_TERM_EN, false },
		{ NR_TERM_JA, "C", NULL, NULL, NULL, NR_TERM_JA, true },
		{ NR_TERM_EN, NULL, NULL, NULL, "ja_JP.UTF-8", NR_TERM_EN, true },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_term term = nr_term_from(cases[i].asked, cases[i].lc_all,
						   cases[i].lc_ctype, cases[i].lc_messages,
						   cases[i].lang);

		assert_int_equal(term.lang, cases[i].want);
		assert_int_equal(term.unicode, cases[i].unicode);
		assert_false(term.color);
	}
}

static void wide_characters_take_two_columns(void **state)
{
	static const struct {
		const char *text;
		unsigned columns;
	} cases[] = {
		{ "", 0 },	   { "abc", 3 },    { "狼煙", 4 },
		{ "ﾃｽﾄ", 3 },	   { "全角Ａ", 6 }, { "e\xcc\x81", 1 },
		{ "\xff\xfe", 2 }, { "▁█≈", 3 },    { "か\xe3\x82\x99", 2 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++)
		assert_int_equal(nr_term_columns(nr_str_from(cases[i].text)), cases[i].columns);
}

static void a_cell_is_exactly_as_wide_as_asked(void **state)
{
	static const struct {
		const char *text;
		unsigned width;
		enum nr_term_align align;
		const char *want;
	} cases[] = {
		{ "ab", 4, NR_LEFT, "ab  " },	      { "ab", 4, NR_RIGHT, "  ab" },
		{ "abcdef", 4, NR_LEFT, "abc…" },     { "狼煙の火", 8, NR_LEFT, "狼煙の火" },
		{ "狼煙の火", 6, NR_LEFT, "狼煙… " }, { "狼煙", 1, NR_LEFT, "…" },
		{ "abcd", 4, NR_LEFT, "abcd" },	      { "x", 0, NR_LEFT, "" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_buf out;

		nr_buf_init(&out, 256);
		nr_term_cell(&out, nr_str_from(cases[i].text), cases[i].width, cases[i].align);
		assert_int_equal(nr_term_columns(nr_buf_str(&out)), cases[i].width);
		assert_text(&out, cases[i].want);
	}
}

static void lines_break_between_words_or_wide_characters(void **state)
{
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 1024);
	nr_term_wrap(&out, NR_STR("one two three four"), 2, 11);
	nr_term_wrap(&out, NR_STR("被害者の応答は --net で。"), 2, 12);
	assert_text(&out, "  one two\n  three\n  four\n  被害者の応\n  答は --net\n  で。\n");
}

static void sparks_rise_with_their_values(void **state)
{
	static const double values[] = { 0, 0.001, 1, 2, 4, 8 };
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 256);
	nr_term_spark(&out, values, NR_COUNT(values));
	nr_term_spark(&out, values, 1);
	nr_term_bar(&out, 0.5, 4);
	nr_term_bar(&out, 0.0001, 4);
	nr_term_bar(&out, 7, 2);
	assert_text(&out, " ▁▁▂▄█ ██  ▏   ██");
}

static void numbers_are_short_and_honest(void **state)
{
	static const struct {
		double v;
		const char *want;
	} shorts[] = {
		{ 0, "0" },	     { 1, "1" },	 { 0.126, "0.13" },  { 3.44, "3.4" },	{ 66.83, "66.8" },
		{ 123.4, "123" },    { 9999, "9,999" },  { 9999.6, "10.0k" }, { 12345, "12.3k" }, { 999499, "999k" },
		{ 999600, "1.00M" }, { 2.5e9, "2.50G" }, { 1e18, "1.00E" },
	}, percents[] = {
		{ 0, "0.0 %" },	     { 1, "100 %" },	   { 0.5, "50.0 %" },	{ 0.0034, "0.34 %" },
		{ 0.000034, "0.0034 %" }, { 0.99999, "99.99 %" }, { 0.99951, "99.95 %" },
	}, bytes[] = { { 0, "0 B" }, { 999, "999 B" }, { 1500, "1.50 kB" }, { 41566978, "41.6 MB" } };
	struct nr_buf out;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(shorts); i++) {
		nr_buf_init(&out, 64);
		nr_term_short(&out, shorts[i].v);
		assert_true(out.n <= 5);
		assert_text(&out, shorts[i].want);
	}
	for (size_t i = 0; i < NR_COUNT(percents); i++) {
		nr_buf_init(&out, 64);
		nr_term_percent(&out, percents[i].v);
		assert_text(&out, percents[i].want);
	}
	for (size_t i = 0; i < NR_COUNT(bytes); i++) {
		nr_buf_init(&out, 64);
		nr_term_bytes(&out, bytes[i].v);
		assert_text(&out, bytes[i].want);
	}
	nr_buf_init(&out, 256);
	nr_term_count(&out, 0);
	nr_term_count(&out, 1234567);
	nr_term_count(&out, UINT64_MAX);
	assert_text(&out, "01,234,56718,446,744,073,709,551,615");
}

static void change_is_told_in_percent_or_times(void **state)
{
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 256);
	nr_term_change(&out, 100, 112);
	nr_term_change(&out, 100, 60);
	nr_term_change(&out, 100, 100);
	nr_term_change(&out, 10, 86);
	assert_text(&out, "+12 %−40 %+0 %×8.6");
}

static void spans_speak_the_language(void **state)
{
	struct nr_term ja = { .lang = NR_TERM_JA }, en = { .lang = NR_TERM_EN };
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 256);
	nr_term_span(&en, &out, INT64_C(4320) * NR_NS_PER_S);
	nr_term_span(&ja, &out, INT64_C(4320) * NR_NS_PER_S);
	assert_text(&out, "1 h 12 min1時間12分");
}

static void ascii_replaces_every_symbol(void **state)
{
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 256);
	nr_buf_add_str(&out, NR_STR("≈ 5 – 6 × 7 … ▁▄█ · 狼\xff"));
	nr_term_ascii(&out);
	for (size_t i = 0; i < out.n; i++)
		assert_true(out.p[i] >= 0x20 && out.p[i] < 0x7f);
	assert_text(&out, "~ 5 - 6 x 7 ~ .=# | ??");
}

static void colour_is_left_out_where_there_is_none(void **state)
{
	struct nr_term plain = { 0 }, color = { .color = true };
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 256);
	nr_term_styled(&plain, &out, NR_STYLE_RED, NR_STR("a"));
	nr_term_styled(&color, &out, NR_STYLE_PLAIN, NR_STR("b"));
	nr_term_styled(&color, &out, NR_STYLE_RED, NR_STR("c"));
	assert_text(&out, "ab\033[31mc\033[0m");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_locale_decides_language_and_characters),
		cmocka_unit_test(wide_characters_take_two_columns),
		cmocka_unit_test(a_cell_is_exactly_as_wide_as_asked),
		cmocka_unit_test(lines_break_between_words_or_wide_characters),
		cmocka_unit_test(sparks_rise_with_their_values),
		cmocka_unit_test(numbers_are_short_and_honest),
		cmocka_unit_test(change_is_told_in_percent_or_times),
		cmocka_unit_test(spans_speak_the_language),
		cmocka_unit_test(ascii_replaces_every_symbol),
		cmocka_unit_test(colour_is_left_out_where_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
