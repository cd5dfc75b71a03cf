/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <time.h>

#include "base/digits.h"

enum {
	S_PER_DAY = 86400,
	DAYS_PER_400Y = 146097,
	DAYS_0000_03_01 =
		-719468, /* from 1970-01-01 to 0000-03-01, where years of this file begin */
};

static struct nr_time read_clock(clockid_t id)
{
	struct timespec ts;

	nr_require(clock_gettime(id, &ts) == 0);
	return (struct nr_time){ (int64_t)ts.tv_sec * NR_NS_PER_S + ts.tv_nsec };
}

struct nr_time nr_time_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

struct nr_time nr_mono_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

struct date {
	unsigned year, month, day;
};

/*
 * Years run from March to February, so that the leap day is the last of its year and months 3, 4 ...
 * begin (153 m + 2) / 5 days after the first. @p days counts from 1970-01-01, year >= 0.
 */
static struct date date_of_days(int64_t days)
{
	unsigned since = (unsigned)(days - DAYS_0000_03_01);
	unsigned era = since / DAYS_PER_400Y, in_era = since % DAYS_PER_400Y;
	unsigned year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	unsigned in_year = in_era - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * in_year + 2) / 153;
	struct date d = {
		.year = era * 400 + year + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = in_year - (153 * month + 2) / 5 + 1,
	};

	return d;
}

static int64_t days_of_date(struct date d)
{
	unsigned year = d.year + 400 - (d.month <= 2),
		 month = d.month > 2 ? d.month - 3 : d.month + 9;
	unsigned era = year / 400, in_400 = year % 400;
	unsigned in_year = (153 * month + 2) / 5 + d.day - 1;
	unsigned in_era = in_400 * 365 + in_400 / 4 - in_400 / 100 + in_year;

	/* One era ahead keeps January of year 0 from going below zero. */
	return ((int64_t)era - 1) * DAYS_PER_400Y + in_era + DAYS_0000_03_01;
}

size_t nr_time_print(struct nr_time t, char *out)
{
	int64_t s = nr_time_floor_s(t);
	unsigned frac = (unsigned)(t.ns % NR_NS_PER_S + (t.ns % NR_NS_PER_S < 0 ? NR_NS_PER_S : 0));
	int64_t days = s / S_PER_DAY - (s % S_PER_DAY < 0);
	unsigned in_day = (unsigned)(s - days * S_PER_DAY), width = 9;
	struct date d = date_of_days(days);
	char *p = out;

	p = nr_digits_2(p, d.year / 100);
	p = nr_digits_2(p, d.year % 100);
	*p++ = '-';
	p = nr_digits_2(p, d.month);
	*p++ = '-';
	p = nr_digits_2(p, d.day);
	*p++ = 'T';
	p = nr_digits_2(p, in_day / 3600);
	*p++ = ':';
	p = nr_digits_2(p, in_day / 60 % 60);
	*p++ = ':';
	p = nr_digits_2(p, in_day % 60);
	if (frac > 0) {
		for (; frac % 10 == 0; frac /= 10)
			width--;
		*p++ = '.';
		p = nr_digits_fixed(p, frac, width);
	}
	*p++ = 'Z';
	*p = '\0';
	return (size_t)(p - out);
}

/* Exactly @p width digits at the front of @p s, at most @p max. */
static bool take_number(struct nr_str *s, size_t width, unsigned max, unsigned *ret_value)
{
	unsigned v = 0;

	if (s->n < width)
		return false;
	for (size_t i = 0; i < width; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(s->p[i] - '0');
	}
	s->p += width;
	s->n -= width;
	*ret_value = v;
	return v <= max;
}

static bool take_char(struct nr_str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	s->p++;
	s->n--;
	return true;
}

static bool is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool take_date(struct nr_str *s, struct date *d)
{
	static const uint8_t lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (!take_number(s, 4, 9999, &d->year) || !take_char(s, '-') ||
	    !take_number(s, 2, 12, &d->month) || !take_char(s, '-') ||
	    !take_number(s, 2, 31, &d->day) || d->month == 0 || d->day == 0)
		return false;
	return d->day <= lengths[d->month - 1] + (unsigned)(d->month == 2 && is_leap(d->year));
}

/* ".25" -> 250000000; nothing at all is 0. Digits behind the ninth are read and dropped. */
static bool take_fraction(struct nr_str *s, unsigned *ret_ns)
{
	unsigned ns = 0, unit = 100000000;
	size_t n = 0;

	*ret_ns = 0;
	if (!take_char(s, '.'))
		return true;
	for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++, unit /= 10)
		ns += (unsigned)(s->p[n] - '0') * unit;
	s->p += n;
	s->n -= n;
	*ret_ns = ns;
	return n > 0;
}

/* "Z" or "+09:00": seconds to subtract. */
static bool take_offset(struct nr_str *s, int *ret_s)
{
	unsigned hours, minutes;
	bool minus;

	*ret_s = 0;
	if (take_char(s, 'Z') || take_char(s, 'z'))
		return true;
	minus = take_char(s, '-');
	if (!minus && !take_char(s, '+'))
		return false;
	if (!take_number(s, 2, 23, &hours) || !take_char(s, ':') ||
	    !take_number(s, 2, 59, &minutes))
		return false;
	*ret_s = (int)(hours * 3600 + minutes * 60) * (minus ? -1 : 1);
	return true;
}

static int combine(int64_t s, unsigned ns, struct nr_time *ret_time)
{
	__extension__ __int128 total = (__int128)s * NR_NS_PER_S + ns;

	if (total < INT64_MIN || total > INT64_MAX)
		return -ERANGE;
	ret_time->ns = (int64_t)total;
	return 0;
}

struct clock_text {
	unsigned hours, minutes, seconds, ns;
	int offset_s;
};

static bool take_clock(struct nr_str *s, struct clock_text *c)
{
	return take_number(s, 2, 23, &c->hours) && take_char(s, ':') &&
	       take_number(s, 2, 59, &c->minutes) && take_char(s, ':') &&
	       take_number(s, 2, 60, &c->seconds) && take_fraction(s, &c->ns) &&
	       take_offset(s, &c->offset_s);
}

static int parse_calendar(struct nr_str s, struct nr_time *ret_time)
{
	struct clock_text c = { .hours = 0 };
	struct date d;
	int64_t at;

	if (!take_date(&s, &d))
		return -EINVAL;
	at = days_of_date(d) * S_PER_DAY;
	if (s.n == 0)
		return combine(at, 0, ret_time);
	if (!take_char(&s, 'T') && !take_char(&s, 't') && !take_char(&s, ' '))
		return -EINVAL;
	if (!take_clock(&s, &c) || s.n != 0)
		return -EINVAL;
	at += (int64_t)c.hours * 3600 + c.minutes * 60 + c.seconds - c.offset_s;
	if (c.seconds == 60 && at % S_PER_DAY != 0)
		return -EINVAL; /* leap seconds end a UTC day */
	return combine(at, c.ns, ret_time);
}

static int parse_epoch(struct nr_str s, struct nr_time *ret_time)
{
	bool minus = take_char(&s, '-');
	struct nr_str digits = s;
	unsigned ns;
	int64_t at;
	int r;

	digits.n = 0;
	while (s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9') {
		digits.n++;
		s.p++;
		s.n--;
	}
	if (!take_fraction(&s, &ns) || s.n != 0)
		return -EINVAL;
	r = nr_str_i64(digits, 0, INT64_MAX, &at);
	if (r < 0)
		return r;
	if (!minus)
		return combine(at, ns, ret_time);
	return ns > 0 ? combine(-at - 1, (unsigned)NR_NS_PER_S - ns, ret_time)
		      : combine(-at, 0, ret_time);
}

int nr_time_parse(struct nr_str text, struct nr_time *ret_time)
{
	if (text.n > 4 && text.p[4] == '-')
		return parse_calendar(text, ret_time);
	return parse_epoch(text, ret_time);
}
