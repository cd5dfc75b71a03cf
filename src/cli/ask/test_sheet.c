/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask/grid.h"

#include <stdlib.h>

#include "base/cmocka.h"

enum { MIB = 1 << 20 };

static struct nr_ask ask_of(unsigned width, bool color)
{
	struct nr_ask ask = { .term = { .width = width, .unicode = true, .color = color } };

	assert_int_equal(nr_time_parse(NR_STR("2026-11-20T12:00:00Z"), &ask.now), 0);
	nr_buf_init(&ask.out, NR_CLIENT_ANSWER);
	return ask;
}

/* Only what a terminal shows, and no line longer than it. */
static void assert_harmless(struct nr_str text, unsigned width)
{
	struct nr_str rest = text;

	while (rest.n > 0) {
		uint32_t cp = 0;
		size_t n = nr_str_utf8(rest, &cp);

		assert_true(n > 0);
		assert_true(cp == '\n' || (cp >= ' ' && cp < 0x7f) || cp > 0x9f);
		assert_true(cp < 0x200e || cp > 0x200f);
		assert_true(cp < 0x2028 || cp > 0x202e);
		assert_true(cp < 0x2066 || cp > 0x2069);
		rest.p += n;
		rest.n -= n;
	}
	while (text.n > 0)
		assert_true(nr_term_columns(nr_str_cut(&text, '\n')) <= width);
}

static const struct nr_sheet_column three[] = {
	{ .title = "NAME" },
	{ .title = "WHAT", .least = 6 },
	{ .title = "N", .align = NR_RIGHT, .rank = 1 },
};

/* ESC[2J, OSC 8 and 52, BEL, CR LF with a forged line, C1, bidi, broken UTF-8. */
static void nothing_from_outside_reaches_the_terminal_as_it_came(void **state)
{
	static const char *const worst[] = {
		"\x1b[2J\x1b[H",
		"\x1b]8;;http://evil/\x07text\x1b]8;;\x07",
		"\x1b]52;c;cm0gLXJmIC8=\x07",
		"a\r\nNov 20 host noroshi: forged",
		"\xc2\x9b"
		"2J\xc2\x85",
		"\xe2\x80\xae"
		"gpj.exe",
		"\xff\xc0\xaf\xed\xa0\x80",
		"tab\there\x08\x08",
	};
	static const unsigned widths[] = { 40, 80, 200 };

	(void)state;
	for (size_t w = 0; w < NR_COUNT(widths); w++) {
		struct nr_ask ask = ask_of(widths[w], false);
		struct nr_sheet sheet;

		nr_sheet_init(&sheet, &ask.term, three, NR_COUNT(three));
		for (unsigned byte = 0; byte < 256; byte++) {
			char text[4] = { 'x', (char)byte, 'y', (char)byte };

			nr_sheet_text(&sheet, (struct nr_str){ text, 4 }, NR_STYLE_PLAIN);
			nr_sheet_text(&sheet, (struct nr_str){ text + 1, 1 }, NR_STYLE_RED);
			nr_sheet_count(&sheet, byte);
		}
		for (size_t i = 0; i < NR_COUNT(worst); i++) {
			nr_sheet_cstr(&sheet, worst[i]);
			nr_sheet_cstr(&sheet, worst[i]);
			nr_sheet_count(&sheet, 0);
		}
		assert_int_equal(nr_sheet_print(&sheet, &ask.out), 0);
		nr_sheet_done(&sheet);
		for (size_t i = 0; i < NR_COUNT(worst); i++)
			nr_ask_labelled(&ask, "Label", nr_str_from(worst[i]));
		for (size_t i = 1; i < NR_COUNT(worst); i++)
			nr_ask_say(&ask, NR_STYLE_PLAIN, "said: %s", worst[i]);
		assert_harmless(nr_buf_str(&ask.out), widths[w]);
		nr_buf_done(&ask.out);
	}
}

static void a_text_of_a_mebibyte_is_a_line_like_any_other(void **state)
{
	struct nr_ask ask = ask_of(80, false);
	char *text = malloc(MIB);
	struct nr_sheet sheet;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', MIB);
	nr_sheet_init(&sheet, &ask.term, three, NR_COUNT(three));
	for (size_t i = 0; i < 2; i++)
		nr_sheet_text(&sheet, (struct nr_str){ text, MIB }, NR_STYLE_PLAIN);
	nr_sheet_count(&sheet, 1);
	assert_int_equal(nr_sheet_print(&sheet, &ask.out), 0);
	nr_sheet_done(&sheet);
	nr_ask_labelled(&ask, "Label", (struct nr_str){ text, MIB });
	assert_harmless(nr_buf_str(&ask.out), 80);
	nr_buf_done(&ask.out);
	free(text);
}

static void print_rows(struct nr_ask *ask, const char *json, const struct nr_grid_field *fields,
		       size_t n)
{
	json_t *rows = json_loads(json, 0, NULL);

	assert_non_null(rows);
	assert_int_equal(nr_grid_print(ask, rows, fields, n), 0);
	nr_buf_add(&ask->out, "", 1);
	json_decref(rows);
}

static const struct nr_grid_field fields[] = {
	{ .member = "key", .title = "KEY" },
	{ .member = "name", .title = "NAME", .least = 5, .rank = 1 },
	{ .member = "n", .title = "PACKETS", .kind = NR_GRID_COUNT },
	{ .member = "n", .title = "BAR", .kind = NR_GRID_BAR, .rank = 9 },
	{ .member = "share", .title = "SHARE", .kind = NR_GRID_PERCENT, .rank = 2 },
	{ .member = "seen", .title = "SEEN", .kind = NR_GRID_CLOCK, .rank = 3 },
	{ .member = "nowhere", .title = "NOWHERE", .kind = NR_GRID_COUNT },
};

static const char rows[] =
	"[{\"key\":\"23/tcp\",\"name\":\"telnet\",\"n\":1234567,\"share\":0.5,"
	"\"seen\":\"2026-11-20T11:58:01Z\"},"
	"{\"key\":\"8080/tcp\",\"name\":\"a name that is long enough to be cut\",\"n\":617283,"
	"\"share\":0.25,\"seen\":\"2025-01-02T11:58:01Z\"},{\"key\":\"x\",\"n\":null}]";

static void columns_give_way_and_leave_as_the_terminal_narrows(void **state)
{
	static const struct {
		unsigned width;
		const char *want;
	} cases[] = {
		{ 100, "KEY       NAME                                    PACKETS  B"
		       "AR                    SHARE  SEEN\n"
		       "23/tcp    telnet                                1,234,567  "
		       "████████████████████  50.0 %  11-20 11:58\n"
		       "8080/tcp  a name that is long enough to be cut    617,283  ██████████    "
		       "        25.0 %  2025-01-02\n"
		       "x\n" },
		{ 60, "KEY       NAME                  PACKETS   SHARE  SEEN\n"
		      "23/tcp    telnet              1,234,567  50.0 %  11-20 11:58\n"
		      "8080/tcp  a name that is lo…    617,283  25.0 %  2025-01-02\n"
		      "x\n" },
		{ 40, "KEY       NAME           PACKETS   SHARE\n"
		      "23/tcp    telnet       1,234,567  50.0 %\n"
		      "8080/tcp  a name tha…    617,283  25.0 %\n"
		      "x\n"
		      "(no room for SEEN)\n" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_ask ask = ask_of(cases[i].width, false);

		print_rows(&ask, rows, fields, NR_COUNT(fields));
		assert_string_equal((const char *)ask.out.p, cases[i].want);
		nr_buf_done(&ask.out);
	}
}

static void no_line_is_longer_than_any_terminal(void **state)
{
	(void)state;
	for (unsigned width = 20; width <= 250; width++) {
		struct nr_ask ask = ask_of(width, false);

		print_rows(&ask, rows, fields, NR_COUNT(fields));
		ask.out.n--;
		nr_ask_labelled(&ask, "Label", nr_str_from(rows));
		nr_ask_say(&ask, NR_STYLE_PLAIN, "%s", rows);
		assert_harmless(nr_buf_str(&ask.out), width);
		nr_buf_done(&ask.out);
	}
}

static void colour_is_only_where_it_may_be(void **state)
{
	(void)state;
	for (int color = 0; color < 2; color++) {
		struct nr_ask ask = ask_of(80, color == 1);

		nr_ask_heading(&ask, "Heading");
		assert_int_equal(memchr(ask.out.p, 0x1b, ask.out.n) != NULL, color == 1);
		nr_buf_done(&ask.out);
	}
}

static void times_are_short_and_say_the_year_when_it_is_another(void **state)
{
	static const struct {
		const char *time, *clock, *ago;
	} cases[] = {
		{ "2026-11-20T11:57:55Z", "11-20 11:57", "2 min 5 s" },
		{ "2026-01-02T00:00:00Z", "01-02 00:00", "322 d 12 h" },
		{ "2025-11-20T12:00:00Z", "2025-11-20", "365 d" },
		{ "2026-11-20T12:00:01Z", "11-20 12:00", "0 s" },
	};
	struct nr_ask ask = ask_of(80, false);

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_time t;
		char text[NR_TIME_TEXT];

		assert_int_equal(nr_time_parse(nr_str_from(cases[i].time), &t), 0);
		nr_ask_clock(&ask, t, text);
		assert_string_equal(text, cases[i].clock);
		nr_ask_ago(&ask, t, text);
		assert_string_equal(text, cases[i].ago);
	}
	nr_buf_done(&ask.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_from_outside_reaches_the_terminal_as_it_came),
		cmocka_unit_test(a_text_of_a_mebibyte_is_a_line_like_any_other),
		cmocka_unit_test(columns_give_way_and_leave_as_the_terminal_narrows),
		cmocka_unit_test(no_line_is_longer_than_any_terminal),
		cmocka_unit_test(colour_is_only_where_it_may_be),
		cmocka_unit_test(times_are_short_and_say_the_year_when_it_is_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
