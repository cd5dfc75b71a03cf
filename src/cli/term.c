/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/term.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/digits.h"
#include "cli/cli.h"

/* ---- what the terminal can do ---- */

static const char *first_set(const char *a, const char *b, const char *c)
{
	return a != NULL && a[0] != '\0' ? a : b != NULL && b[0] != '\0' ? b : c != NULL ? c : "";
}

struct nr_term nr_term_from(enum nr_term_lang lang, const char *lc_all, const char *lc_ctype,
			    const char *lc_messages, const char *lang_var)
{
	const char *ctype = first_set(lc_all, lc_ctype, lang_var),
		   *messages = first_set(lc_all, lc_messages, lang_var);
	const char *charset = strchr(ctype, '.');
	struct nr_term term = { .width = 80, .lang = lang };

	term.unicode = charset != NULL && (strncasecmp(charset, ".utf-8", 6) == 0 ||
					   strncasecmp(charset, ".utf8", 5) == 0);
	if (lang == NR_TERM_ASK)
		term.lang = term.unicode && strncmp(messages, "ja", 2) == 0 ? NR_TERM_JA
									    : NR_TERM_EN;
	if (term.lang == NR_TERM_JA)
		term.unicode = true; /* whoever asks for it can show it */
	return term;
}

struct nr_term nr_term_choose(enum nr_term_lang lang, bool no_color)
{
	const char *no_color_var = getenv("NO_COLOR"), *name = getenv("TERM");
	struct nr_term term = nr_term_from(lang, getenv("LC_ALL"), getenv("LC_CTYPE"),
					   getenv("LC_MESSAGES"), getenv("LANG"));

	term.width = nr_cli_width();
	term.color = isatty(STDOUT_FILENO) && !no_color &&
		     (no_color_var == NULL || no_color_var[0] == '\0') &&
		     (name == NULL || strcmp(name, "dumb") != 0);
	return term;
}

/* ---- columns ---- */

static const struct {
	uint32_t first, last;
} wide[] = {
	{ 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x2329, 0x232a },	  { 0x23e9, 0x23ec },	{ 0x25fd, 0x25fe },
	{ 0x2614, 0x2615 },   { 0x2648, 0x2653 },   { 0x26a1, 0x26a1 },	  { 0x2705, 0x2705 },	{ 0x2753, 0x2755 },
	{ 0x2e80, 0x303e },   { 0x3041, 0x33ff },   { 0x3400, 0x4dbf },	  { 0x4e00, 0xa4cf },	{ 0xa960, 0xa97f },
	{ 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },   { 0xfe10, 0xfe19 },	  { 0xfe30, 0xfe6f },	{ 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 },   { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
}, none[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a }, { 0x064b, 0x065f },
	{ 0x0e31, 0x0e31 }, { 0x0e34, 0x0e3a }, { 0x0e47, 0x0e4e }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff },
	{ 0x200b, 0x200f }, { 0x20d0, 0x20ff }, { 0x3099, 0x309a }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
};

static unsigned columns_of(uint32_t cp)
{
	for (size_t i = 0; i < NR_COUNT(none) && cp >= 0x0300; i++)
		if (cp >= none[i].first && cp <= none[i].last)
			return 0;
	for (size_t i = 0; i < NR_COUNT(wide) && cp >= 0x1100; i++)
		if (cp >= wide[i].first && cp <= wide[i].last)
			return 2;
	return 1;
}

/* The next character of @p rest, moved over. Broken bytes count as one column each. */
static struct nr_str next_char(struct nr_str *rest, unsigned *ret_columns)
{
	uint32_t cp = ' ';
	size_t n = nr_str_utf8(*rest, &cp);
	struct nr_str one = { rest->p, n > 0 ? n : 1 };

	*ret_columns = n > 0 ? columns_of(cp) : 1;
	rest->p += one.n;
	rest->n -= one.n;
	return one;
}

unsigned nr_term_columns(struct nr_str s)
{
	unsigned sum = 0, one;

	while (s.n > 0) {
		(void)next_char(&s, &one);
		sum += one;
	}
	return sum;
}

static void spaces(struct nr_buf *out, unsigned n)
{
	for (; n > 0; n--)
		nr_buf_add(out, " ", 1);
}

void nr_term_whole(struct nr_buf *out, struct nr_str s, unsigned width)
{
	unsigned columns = nr_term_columns(s);

	nr_buf_add_str(out, s);
	spaces(out, columns < width ? width - columns : 1);
}

void nr_term_cell(struct nr_buf *out, struct nr_str s, unsigned width, enum nr_term_align align)
{
	unsigned columns = nr_term_columns(s), used = 0, one;

	if (columns <= width) {
		if (align == NR_RIGHT)
			spaces(out, width - columns);
		nr_buf_add_str(out, s);
		if (align == NR_LEFT)
			spaces(out, width - columns);
		return;
	}
	while (s.n > 0) {
		struct nr_str rest = s, c = next_char(&rest, &one);

		if (used + one + 1 > width)
			break;
		nr_buf_add_str(out, c);
		used += one;
		s = rest;
	}
	if (width > 0)
		nr_buf_add_str(out, NR_STR("…"));
	spaces(out, width > used + 1 ? width - used - 1 : 0);
}

void nr_term_styled(const struct nr_term *term, struct nr_buf *out, enum nr_term_style style,
		    struct nr_str s)
{
	static const char *const codes[] = { "", "\033[1m", "\033[2m", "\033[31m", "\033[33m" };

	if (term->color && style != NR_STYLE_PLAIN)
		nr_buf_add_str(out, nr_str_from(codes[style]));
	nr_buf_add_str(out, s);
	if (term->color && style != NR_STYLE_PLAIN)
		nr_buf_add_str(out, NR_STR("\033[0m"));
}

/* Marks that must not open a line. */
static bool is_closing(struct nr_str s)
{
	static const char *const marks[] = { "。", "、", "）", "」", "：" };

	for (size_t i = 0; i < NR_COUNT(marks); i++)
		if (nr_str_starts(s, nr_str_from(marks[i])))
			return true;
	return false;
}

/* A run that must stay together: letters up to a blank, or one wide character and the mark that closes it. */
static struct nr_str next_unit(struct nr_str *rest, unsigned *ret_columns)
{
	struct nr_str unit = { rest->p, 0 };
	bool was_wide = false;

	*ret_columns = 0;
	while (rest->n > 0 && rest->p[0] != ' ' && rest->p[0] != '\n') {
		struct nr_str after = *rest;
		unsigned one;
		struct nr_str c = next_char(&after, &one);

		if (unit.n > 0 && (one == 2 || was_wide) && !is_closing(c))
			break;
		unit.n += c.n;
		*ret_columns += one;
		*rest = after;
		was_wide = one == 2;
	}
	return unit;
}

void nr_term_wrap(struct nr_buf *out, struct nr_str text, unsigned indent, unsigned width)
{
	unsigned column = indent, columns;

	spaces(out, indent);
	while (text.n > 0) {
		bool blank = text.p[0] == ' ' || text.p[0] == '\n';

		if (blank) {
			text.p++;
			text.n--;
		}
		struct nr_str unit = next_unit(&text, &columns);

		if (column > indent && column + blank + columns > width) {
			nr_buf_add_str(out, NR_STR("\n"));
			spaces(out, indent);
			column = indent;
		} else if (blank && column > indent) {
			nr_buf_add(out, " ", 1);
			column++;
		}
		nr_buf_add_str(out, unit);
		column += columns;
	}
	nr_buf_add_str(out, NR_STR("\n"));
}

/* ---- charts ---- */

static const char *const heights[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
static const char *const lengths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" };

static void spark(struct nr_buf *out, double v, double top)
{
	size_t level = top > 0 ? (size_t)(v / top * 8 + 0.5) : 0;

	level = level == 0 && v > 0 ? 1 : level;
	nr_buf_add_str(out, nr_str_from(heights[level > 8 ? 8 : level]));
}

static double highest(const double *values, size_t n)
{
	double top = 0;

	for (size_t i = 0; i < n; i++)
		top = values[i] > top ? values[i] : top;
	return top;
}

void nr_term_spark(struct nr_buf *out, const double *values, size_t n)
{
	double top = highest(values, n);

	for (size_t i = 0; i < n; i++)
		spark(out, values[i], top);
}

void nr_term_spark_of(struct nr_buf *out, const double *values, size_t n, size_t i)
{
	spark(out, values[i], highest(values, n));
}

void nr_term_bar(struct nr_buf *out, double share, unsigned width)
{
	double eighths = (share < 0 ? 0 : share > 1 ? 1 : share) * width * 8;
	unsigned n = (unsigned)(eighths + 0.5), used = 0;

	n = n == 0 && share > 0 ? 1 : n;
	for (; n > 0 && used < width; used++) {
		nr_buf_add_str(out, nr_str_from(lengths[n < 8 ? n : 8]));
		n = n < 8 ? 0 : n - 8;
	}
	spaces(out, width - used);
}

static char ascii_of(uint32_t cp)
{
	static const struct {
		uint32_t cp;
		char c;
	} map[] = {
		{ 0x2581, '.' }, { 0x2582, ':' }, { 0x2583, '-' }, { 0x2584, '=' }, { 0x2585, '+' },
		{ 0x2586, '*' }, { 0x2587, '%' }, { 0x2588, '#' }, { 0x2589, '#' }, { 0x258a, '#' },
		{ 0x258b, '#' }, { 0x258c, '=' }, { 0x258d, '=' }, { 0x258e, '-' }, { 0x258f, '-' },
		{ 0x2026, '~' }, { 0x2248, '~' }, { 0x2013, '-' }, { 0x2212, '-' }, { 0x00d7, 'x' },
		{ 0x00b7, '|' }, { 0x2265, '>' }, { 0x2192, '>' }, { 0x2500, '-' },
	};

	for (size_t i = 0; i < NR_COUNT(map); i++)
		if (map[i].cp == cp)
			return map[i].c;
	return '?';
}

void nr_term_ascii(struct nr_buf *text)
{
	struct nr_str rest = nr_buf_str(text);
	size_t n_out = 0;

	while (rest.n > 0) {
		uint32_t cp = '?';
		size_t n = nr_str_utf8(rest, &cp);

		text->p[n_out++] =
			(uint8_t)(n == 1 ? rest.p[0]
					 : ascii_of(n == 0 ? '?' : cp)); /* never longer */
		rest.p += n > 0 ? n : 1;
		rest.n -= n > 0 ? n : 1;
	}
	text->n = n_out;
}

/* ---- numbers ---- */

void nr_term_count(struct nr_buf *out, uint64_t v)
{
	char digits[NR_DIGITS_U64];
	size_t n = (size_t)(nr_digits_u64(digits, v) - digits);

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			nr_buf_add(out, ",", 1);
		nr_buf_add(out, &digits[i], 1);
	}
}

void nr_term_short(struct nr_buf *out, double v)
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", "E" };
	size_t unit = 0;

	if (v < 9999.5) {
		if (v >= 99.95 || v == floor(v))
			nr_term_count(out, (uint64_t)(v + 0.5));
		else
			nr_buf_addf(out, v >= 9.995 ? "%.1f" : "%.2g", v);
		return;
	}
	while (v >= 999.5 && unit + 1 < NR_COUNT(units)) {
		v /= 1000;
		unit++;
	}
	nr_buf_addf(out, v >= 99.95 ? "%.0f%s" : v >= 9.995 ? "%.1f%s" : "%.2f%s", v, units[unit]);
}

void nr_term_bytes(struct nr_buf *out, double v)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	size_t unit = 0;

	for (; v >= 999.5 && unit + 1 < NR_COUNT(units); unit++)
		v /= 1000;
	nr_buf_addf(out,
		    unit == 0 || v >= 99.95 ? "%.0f %s"
		    : v >= 9.995	    ? "%.1f %s"
					    : "%.2f %s",
		    v, units[unit]);
}

void nr_term_percent(struct nr_buf *out, double share)
{
	double v = share * 100;

	if (v > 99.95 && share < 1)
		nr_buf_addf(out, "%.2f %%", 100 - v < 0.01 ? 99.99 : floor(v * 100) / 100);
	else
		nr_buf_addf(out,
			    v >= 99.95	       ? "%.0f %%"
			    : v >= 1 || v == 0 ? "%.1f %%"
					       : "%.2g %%",
			    v);
}

void nr_term_change(struct nr_buf *out, double before, double after)
{
	double ratio = before > 0 ? after / before : 0;

	if (ratio >= 3)
		nr_buf_addf(out, ratio >= 100 ? "×%.0f" : "×%.1f", ratio);
	else
		nr_buf_addf(out, "%s%.0f %%", ratio >= 1 ? "+" : "−", fabs(ratio - 1) * 100);
}

void nr_term_span(const struct nr_term *term, struct nr_buf *out, int64_t ns)
{
	static const struct {
		const char *en, *ja;
	} units[] = {
		{ "d", "日" },	    { "h", "時間" },	    { "min", "分" },	{ "s", "秒" },
		{ "ms", "ミリ秒" }, { "us", "マイクロ秒" }, { "ns", "ナノ秒" },
	};
	char text[NR_SPAN_TEXT];
	struct nr_str rest = { text, nr_span_print_human(ns, text) };

	if (term->lang != NR_TERM_JA) {
		nr_buf_add_str(out, rest);
		return;
	}
	for (struct nr_str word = nr_str_word(&rest); word.n > 0; word = nr_str_word(&rest)) {
		const char *shown = NULL;

		for (size_t i = 0; i < NR_COUNT(units) && shown == NULL; i++)
			if (nr_str_eq(word, nr_str_from(units[i].en)))
				shown = units[i].ja;
		nr_buf_add_str(out, shown != NULL ? nr_str_from(shown) : word);
	}
}
