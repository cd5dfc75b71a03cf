/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digits.h"
#include "base/time.h"

struct unit {
	const char *name, *human;
	int64_t ns;
};

/* Largest first. Weeks are read but never printed. */
static const struct unit units[] = {
	{ "w", "w", 604800 * NR_NS_PER_S },
	{ "d", "d", 86400 * NR_NS_PER_S },
	{ "h", "h", 3600 * NR_NS_PER_S },
	{ "m", "min", 60 * NR_NS_PER_S },
	{ "s", "s", NR_NS_PER_S },
	{ "ms", "ms", 1000000 },
	{ "us", "us", 1000 },
	{ "ns", "ns", 1 },
};

enum { WEEK, DAY, HOUR, MINUTE, SECOND, N_UNITS = NR_COUNT(units) };

static const struct unit *unit_find(struct nr_str name)
{
	for (size_t i = 0; i < N_UNITS; i++)
		if (nr_str_eq(name, nr_str_from(units[i].name)))
			return &units[i];
	return NULL;
}

static size_t count_digits(struct nr_str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return n;
}

static struct nr_str take(struct nr_str *s, size_t n)
{
	struct nr_str head = { s->p, n };

	s->p += n;
	s->n -= n;
	return head;
}

/* 0.DIGITS of @p unit_ns; -EINVAL when that is no whole number of nanoseconds. */
static int fraction_ns(struct nr_str digits, int64_t unit_ns, int64_t *ret_ns)
{
	int64_t scale = 1, value, product;

	while (digits.n > 0 && digits.p[digits.n - 1] == '0')
		digits.n--;
	*ret_ns = 0;
	if (digits.n == 0)
		return 0;
	if (digits.n > 15 || nr_str_i64(digits, 0, INT64_MAX, &value) < 0)
		return -EINVAL;
	for (size_t i = 0; i < digits.n; i++)
		scale *= 10;
	if (__builtin_mul_overflow(value, unit_ns, &product) || product % scale != 0)
		return -EINVAL;
	*ret_ns = product / scale;
	return 0;
}

int nr_span_parse(struct nr_str text, int64_t *ret_ns)
{
	struct nr_str whole, fraction = { text.p, 0 };
	const struct unit *unit;
	int64_t n, ns, part;
	int r;

	if (text.n == 0)
		return -EINVAL;
	whole = take(&text, count_digits(text));
	if (text.n > 0 && text.p[0] == '.') {
		(void)take(&text, 1);
		fraction = take(&text, count_digits(text));
		if (fraction.n == 0)
			return -EINVAL;
	}
	unit = unit_find(text);
	if (unit == NULL)
		return -EINVAL;
	r = nr_str_i64(whole, 0, INT64_MAX, &n);
	if (r < 0)
		return r;
	r = fraction_ns(fraction, unit->ns, &part);
	if (r < 0)
		return r;
	if (__builtin_mul_overflow(n, unit->ns, &ns) || __builtin_add_overflow(ns, part, &ns))
		return -ERANGE;
	*ret_ns = ns;
	return 0;
}

static char *add_text(char *p, const char *text)
{
	size_t n = strlen(text);

	memcpy(p, text, n + 1);
	return p + n;
}

size_t nr_span_print(int64_t ns, char *out)
{
	size_t i = DAY;
	char *p;

	if (ns == 0)
		i = SECOND;
	while (ns % units[i].ns != 0)
		i++;
	p = nr_digits_i64(out, ns / units[i].ns);
	p = add_text(p, units[i].name);
	return (size_t)(p - out);
}

/* "1 h 12 min": the largest unit and the rest, rounded to the next smaller unit. */
static char *print_two(char *p, uint64_t ns, size_t i)
{
	uint64_t big = (uint64_t)units[i].ns, small = (uint64_t)units[i + 1].ns;
	uint64_t n_small = (ns + small / 2) / small, per_big = big / small;

	p = nr_digits_u64(p, n_small / per_big);
	*p++ = ' ';
	p = add_text(p, units[i].human);
	if (n_small % per_big == 0)
		return p;
	*p++ = ' ';
	p = nr_digits_u64(p, n_small % per_big);
	*p++ = ' ';
	return add_text(p, units[i + 1].human);
}

/* "3.4 s": one decimal below 100 units, none above. */
static char *print_decimal(char *p, uint64_t ns, size_t i)
{
	uint64_t unit = (uint64_t)units[i].ns, tenths = (ns * 10 + unit / 2) / unit;

	if (tenths >= 1000)
		tenths = (ns + unit / 2) / unit * 10;
	p = nr_digits_u64(p, tenths / 10);
	if (tenths % 10 != 0) {
		*p++ = '.';
		p = nr_digits_u64(p, tenths % 10);
	}
	*p++ = ' ';
	return add_text(p, units[i].human);
}

size_t nr_span_print_human(int64_t ns, char *out)
{
	uint64_t left = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	size_t i = DAY;
	char *p = out;

	if (ns < 0)
		*p++ = '-';
	if (left == 0)
		return (size_t)(add_text(p, "0 s") - out);
	/* Half a step of the last digit below a unit already prints as that unit. */
	while (i < N_UNITS - 1 && left < (uint64_t)(units[i].ns - units[i + 1].ns / 2))
		i++;
	p = i < SECOND ? print_two(p, left, i) : print_decimal(p, left, i);
	return (size_t)(p - out);
}
