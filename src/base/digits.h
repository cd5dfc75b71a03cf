/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * digits: numbers as text without snprintf, for writers that print millions of lines.
 *
 * All functions write no NUL and return the end of what they wrote.
 */
#include <string.h>

#include "base/def.h"

enum { NR_DIGITS_U64 = 20, NR_DIGITS_I64 = 20, NR_DIGITS_F64 = 32 };

/** "00" "01" ... "99" without separators. */
extern const char nr_digits_pairs[201];

/** Exactly two digits, @p v < 100. */
static inline char *nr_digits_2(char *out, unsigned v)
{
	memcpy(out, nr_digits_pairs + 2 * v, 2);
	return out + 2;
}

/** At most three digits without leading zeros, @p v < 1000. */
static inline char *nr_digits_octet(char *out, unsigned v)
{
	if (v >= 100) {
		*out++ = (char)('0' + v / 100);
		return nr_digits_2(out, v % 100);
	}
	if (v >= 10)
		return nr_digits_2(out, v);
	*out++ = (char)('0' + v);
	return out;
}

/** Exactly @p width digits with leading zeros; higher digits of @p v are cut off. */
char *nr_digits_fixed(char *out, uint64_t v, unsigned width);
char *nr_digits_u64(char *out, uint64_t v);
char *nr_digits_i64(char *out, int64_t v);
/**
 * The fewest digits that read back as @p v, which is finite; in the notation of "%.17g" with the
 * point of the C locale. @p out holds NR_DIGITS_F64 bytes.
 */
char *nr_digits_f64(char *out, double v);
