/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <math.h>
#include <stdlib.h>

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool nr_str_eq(struct nr_str a, struct nr_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool nr_str_starts(struct nr_str s, struct nr_str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool nr_str_ends(struct nr_str s, struct nr_str suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 || memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0);
}

bool nr_str_is_blank(struct nr_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_blank(s.p[i]))
			return false;
	return true;
}

size_t nr_str_count(struct nr_str s, char c)
{
	size_t count = 0;

	for (size_t i = 0; i < s.n; i++)
		count += s.p[i] == c;
	return count;
}

static struct nr_str trim_start(struct nr_str s)
{
	while (s.n > 0 && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	return s;
}

struct nr_str nr_str_trim(struct nr_str s)
{
	s = trim_start(s);
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct nr_str nr_str_cut(struct nr_str *rest, char c)
{
	struct nr_str head = *rest;
	const char *at = rest->n > 0 ? memchr(rest->p, c, rest->n) : NULL;

	if (at == NULL) {
		if (rest->n > 0)
			rest->p += rest->n;
		rest->n = 0;
		return head;
	}
	head.n = (size_t)(at - head.p);
	rest->p = at + 1;
	rest->n -= head.n + 1;
	return head;
}

struct nr_str nr_str_word(struct nr_str *rest)
{
	struct nr_str s = trim_start(*rest), word = s;

	word.n = 0;
	while (word.n < s.n && !is_blank(s.p[word.n]))
		word.n++;
	if (word.n > 0)
		s.p += word.n;
	s.n -= word.n;
	*rest = trim_start(s);
	return word;
}

/* Digits only, at least one. @return 0; -EINVAL; -ERANGE over UINT64_MAX */
static int parse_digits(struct nr_str s, uint64_t *ret_value)
{
	uint64_t v = 0;
	bool over = false;

	if (s.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return -EINVAL;
		over |= __builtin_mul_overflow(v, 10, &v);
		over |= __builtin_add_overflow(v, (unsigned)(s.p[i] - '0'), &v);
	}
	if (over)
		return -ERANGE;
	*ret_value = v;
	return 0;
}

int nr_str_u64(struct nr_str s, uint64_t lo, uint64_t hi, uint64_t *ret_value)
{
	uint64_t v;
	int r = parse_digits(s, &v);

	if (r < 0)
		return r;
	if (v < lo || v > hi)
		return -ERANGE;
	*ret_value = v;
	return 0;
}

int nr_str_i64(struct nr_str s, int64_t lo, int64_t hi, int64_t *ret_value)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	uint64_t magnitude, limit = (uint64_t)INT64_MAX + negative;
	int64_t v;
	int r;

	if (negative) {
		s.p++;
		s.n--;
	}
	r = parse_digits(s, &magnitude);
	if (r < 0)
		return r;
	if (magnitude > limit)
		return -ERANGE;
	v = (int64_t)(negative ? 0 - magnitude : magnitude);
	if (v < lo || v > hi)
		return -ERANGE;
	*ret_value = v;
	return 0;
}

static size_t skip_digits(struct nr_str s, size_t at)
{
	while (at < s.n && is_digit(s.p[at]))
		at++;
	return at;
}

/* -?digits[.digits][(e|E)[+-]digits] and nothing else. */
static bool is_plain_number(struct nr_str s)
{
	size_t at = s.n > 0 && s.p[0] == '-', from = at;

	at = skip_digits(s, at);
	if (at == from)
		return false;
	if (at < s.n && s.p[at] == '.') {
		from = ++at;
		at = skip_digits(s, at);
		if (at == from)
			return false;
	}
	if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E')) {
		at++;
		if (at < s.n && (s.p[at] == '+' || s.p[at] == '-'))
			at++;
		from = at;
		at = skip_digits(s, at);
		if (at == from)
			return false;
	}
	return at == s.n;
}

int nr_str_f64(struct nr_str s, double lo, double hi, double *ret_value)
{
	char text[NR_STR_F64_MAX + 1], *end;
	double v;

	if (s.n > NR_STR_F64_MAX || !is_plain_number(s))
		return -EINVAL;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	v = strtod(text, &end);
	if (end != text + s.n)
		return -EINVAL;
	if (!isfinite(v) || v < lo || v > hi)
		return -ERANGE;
	*ret_value = v;
	return 0;
}

/* Length announced by a first byte; 0 when it cannot open a sequence. */
static size_t utf8_length(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0)
		return 3;
	return first < 0xf5 ? 4 : 0;
}

size_t nr_str_utf8(struct nr_str s, uint32_t *ret_cp)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t *p = (const uint8_t *)s.p;
	size_t n = s.n > 0 ? utf8_length(p[0]) : 0;
	uint32_t cp;

	if (n == 0 || n > s.n)
		return 0;
	cp = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3f);
	}
	if (cp < smallest[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	*ret_cp = cp;
	return n;
}

struct range {
	uint32_t first, last;
};

/* Code points that show nothing, change the direction or belong to nobody; sorted. */
static const struct range hidden[] = {
	{ 0x0000, 0x001f },    { 0x007f, 0x00a0 },   /* C0, DEL, C1, no-break space */
	{ 0x00ad, 0x00ad },    { 0x034f, 0x034f },   /* soft hyphen, grapheme joiner */
	{ 0x061c, 0x061c },			     /* Arabic letter mark */
	{ 0x115f, 0x1160 },    { 0x1680, 0x1680 },   /* Hangul fillers, Ogham space */
	{ 0x17b4, 0x17b5 },    { 0x180b, 0x180f },   /* invisible vowels and selectors */
	{ 0x2000, 0x200f },			     /* spaces, joiners, direction marks */
	{ 0x2028, 0x202f },			     /* line ends, bidirectional controls */
	{ 0x205f, 0x206f },			     /* invisible operators, isolates */
	{ 0x2800, 0x2800 },    { 0x3164, 0x3164 },   /* blank Braille, Hangul filler */
	{ 0xe000, 0xf8ff },			     /* private use */
	{ 0xfdd0, 0xfdef },			     /* noncharacters */
	{ 0xfe00, 0xfe0f },    { 0xfeff, 0xfeff },   /* variation selectors, byte order mark */
	{ 0xffa0, 0xffa0 },    { 0xfff0, 0xffff },   /* Hangul filler, specials */
	{ 0x1bca0, 0x1bca3 },  { 0x1d173, 0x1d17a }, /* shorthand and musical controls */
	{ 0xe0000, 0x10ffff },			     /* tags, selectors, private use */
};

static bool is_shown(uint32_t cp)
{
	size_t lo = 0, hi = NR_COUNT(hidden);

	if ((cp & 0xfffe) == 0xfffe)
		return false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (hidden[mid].last < cp)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == NR_COUNT(hidden) || cp < hidden[lo].first;
}

/* One unit of output: what @p s opens with, shown or escaped. @return bytes of input taken */
static size_t escape_unit(struct nr_str s, char unit[8], size_t *ret_n)
{
	static const char hex[] = "0123456789abcdef";
	uint32_t cp = 0;
	size_t taken = nr_str_utf8(s, &cp);
	uint8_t byte = (uint8_t)s.p[0];

	if (taken > 0 && cp != '\\' && is_shown(cp)) {
		memcpy(unit, s.p, taken);
		*ret_n = taken;
		return taken;
	}
	unit[0] = '\\';
	if (cp == '\\') {
		unit[1] = '\\';
		*ret_n = 2;
		return taken;
	}
	if (taken == 2 || taken == 3) {
		unit[1] = 'u';
		for (unsigned i = 0; i < 4; i++)
			unit[2 + i] = hex[cp >> (12 - 4 * i) & 15];
		*ret_n = 6;
		return taken;
	}
	unit[1] = 'x';
	unit[2] = hex[byte >> 4];
	unit[3] = hex[byte & 15];
	*ret_n = 4;
	return 1;
}

size_t nr_str_escape(struct nr_str s, char *out, size_t cap)
{
	size_t written = 0;
	char unit[8];

	if (cap == 0)
		return 0;
	while (s.n > 0) {
		size_t n = 0, taken = escape_unit(s, unit, &n);

		if (n > cap - 1 - written)
			break;
		memcpy(out + written, unit, n);
		written += n;
		s.p += taken;
		s.n -= taken;
	}
	out[written] = '\0';
	return written;
}
