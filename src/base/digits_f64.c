/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/digits.h"

enum { DECIMAL_UNIT = 1000000 };

/*
 * Most of our doubles have at most six decimals. k / 10^6 with k < 2^53 is rounded once, like the
 * text of the same decimal, so equality proves the round trip; under 16 digits no text is shorter.
 */
static char *print_decimal(char *p, double v)
{
	double size = fabs(v);
	uint64_t k, whole;
	unsigned part, width = 6;

	if (!(size < 1e9))
		return NULL;
	k = (uint64_t)(size * DECIMAL_UNIT + 0.5);
	if ((double)k / DECIMAL_UNIT != size)
		return NULL;
	whole = k / DECIMAL_UNIT;
	part = (unsigned)(k % DECIMAL_UNIT);
	if (signbit(v))
		*p++ = '-';
	p = nr_digits_u64(p, whole);
	if (part == 0)
		return p;
	for (; part % 10 == 0; part /= 10)
		width--;
	*p++ = '.';
	return nr_digits_fixed(p, part, width);
}

static const uint64_t power10[20] = {
	UINT64_C(1),
	UINT64_C(10),
	UINT64_C(100),
	UINT64_C(1000),
	UINT64_C(10000),
	UINT64_C(100000),
	UINT64_C(1000000),
	UINT64_C(10000000),
	UINT64_C(100000000),
	UINT64_C(1000000000),
	UINT64_C(10000000000),
	UINT64_C(100000000000),
	UINT64_C(1000000000000),
	UINT64_C(10000000000000),
	UINT64_C(100000000000000),
	UINT64_C(1000000000000000),
	UINT64_C(10000000000000000),
	UINT64_C(100000000000000000),
	UINT64_C(1000000000000000000),
	UINT64_C(10000000000000000000),
};

__extension__ typedef unsigned __int128 wide;

/* The multiple of @p step nearest to @p floor and a fraction, halves to even as printf() has them. */
static uint64_t round_to(uint64_t floor, bool fraction, uint64_t step)
{
	uint64_t rest = floor % step, down = floor - rest;
	bool odd = down / step % 2 == 1;

	return rest > step / 2 || (rest == step / 2 && (fraction || odd)) ? down + step : down;
}

/* The integer in (c - unit, c + unit) / 2^shift with the most trailing zeros, nearest to c / 2^shift. */
static uint64_t roundest(wide c, wide unit, unsigned shift)
{
	uint64_t lo = (uint64_t)((c - unit) >> shift) + 1, hi = (uint64_t)((c + unit - 1) >> shift);
	uint64_t halves = (uint64_t)(c >> (shift - 1)), best;
	bool below_halves = (c & (((wide)1 << (shift - 1)) - 1)) != 0;

	best = round_to(halves, below_halves, 2) / 2;
	for (unsigned i = 1; i < NR_COUNT(power10) - 2; i++) {
		bool fraction = below_halves || halves % 2 == 1;
		uint64_t rounded = round_to(halves / 2, fraction, power10[i]);

		if (rounded < lo || rounded > hi)
			break;
		best = rounded;
	}
	return best;
}

/*
 * Other doubles of everyday size, exactly: v = m / 2^shift, and a text reads back as v when it lies
 * less than half a unit of m away. v 10^k has 17 digits, so that an integer lies within that.
 */
static char *print_shortest(char *p, double v)
{
	double size = fabs(v);
	uint64_t m, digits;
	unsigned k = 2;
	int exponent;

	if (!(size >= 1.01e-4 && size < 1e15)) /* so that 2 <= k <= 20 */
		return NULL;
	m = (uint64_t)ldexp(frexp(size, &exponent), DBL_MANT_DIG);
	if (m == UINT64_C(1) << (DBL_MANT_DIG - 1))
		return NULL; /* the neighbour below is nearer than the one above */
	while (size * (double)power10[k - 1] < 1.001e15)
		k++;
	digits = roundest((wide)2 * m * power10[k - 1] * 10, (wide)power10[k - 1] * 10,
			  (unsigned)(DBL_MANT_DIG + 1 - exponent));
	for (; k > 0 && digits % 10 == 0; k--)
		digits /= 10;
	if (signbit(v))
		*p++ = '-';
	p = nr_digits_u64(p, k < NR_COUNT(power10) ? digits / power10[k] : 0);
	if (k == 0)
		return p;
	*p++ = '.';
	return nr_digits_fixed(p, k < NR_COUNT(power10) ? digits % power10[k] : digits, k);
}

char *nr_digits_f64(char *out, double v)
{
	char *done = print_decimal(out, v);
	int n = 0;

	if (done == NULL)
		done = print_shortest(out, v);
	if (done != NULL)
		return done;
	for (int digits = 15; digits <= 17; digits++) {
		n = snprintf(out, NR_DIGITS_F64, "%.*g", digits, v);
		if (strtod(out, NULL) == v)
			break;
	}
	for (int i = 0; i < n; i++)
		if (strchr("0123456789+-e", out[i]) == NULL)
			out[i] = '.'; /* the decimal point of another locale */
	return out + n;
}
