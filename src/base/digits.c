/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digits.h"

const char nr_digits_pairs[201] =
	"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
	"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
	"8081828384858687888990919293949596979899";

char *nr_digits_fixed(char *out, uint64_t v, unsigned width)
{
	char *end = out + width, *p = end;

	for (; width >= 2; width -= 2) {
		p -= 2;
		memcpy(p, nr_digits_pairs + 2 * (v % 100), 2);
		v /= 100;
	}
	if (width > 0)
		out[0] = (char)('0' + v % 10);
	return end;
}

static unsigned count_digits(uint64_t v)
{
	unsigned n = 1;

	for (;;) {
		if (v < 10)
			return n;
		if (v < 100)
			return n + 1;
		if (v < 1000)
			return n + 2;
		if (v < 10000)
			return n + 3;
		v /= 10000;
		n += 4;
	}
}

char *nr_digits_u64(char *out, uint64_t v)
{
	unsigned n = count_digits(v);
	char *end = out + n, *p = end;

	while (v >= 100) {
		p -= 2;
		memcpy(p, nr_digits_pairs + 2 * (v % 100), 2);
		v /= 100;
	}
	if (v >= 10)
		memcpy(p - 2, nr_digits_pairs + 2 * v, 2);
	else
		p[-1] = (char)('0' + v);
	return end;
}

char *nr_digits_i64(char *out, int64_t v)
{
	if (v >= 0)
		return nr_digits_u64(out, (uint64_t)v);
	*out++ = '-';
	return nr_digits_u64(out, 0 - (uint64_t)v);
}
