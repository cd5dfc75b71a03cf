/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * str: borrowed text and bytes with a length; never dependent on a NUL.
 *
 * A struct nr_str points into memory that somebody else owns and is passed by value.
 */
#include <string.h>

#include "base/def.h"

struct nr_str {
	const char *p;
	size_t n;
};

struct nr_bytes {
	const uint8_t *p;
	size_t n;
};

#define NR_STR(literal) ((struct nr_str){ (literal), sizeof(literal) - 1 })
#define NR_STR_FMT	"%.*s"
#define NR_STR_ARG(s)	(int)(s).n, (s).p

static inline struct nr_str nr_str_from(const char *cstr)
{
	return (struct nr_str){ cstr, cstr != NULL ? strlen(cstr) : 0 };
}

bool nr_str_eq(struct nr_str a, struct nr_str b);
bool nr_str_starts(struct nr_str s, struct nr_str prefix);
bool nr_str_ends(struct nr_str s, struct nr_str suffix);
bool nr_str_is_blank(struct nr_str s);
size_t nr_str_count(struct nr_str s, char c);
struct nr_str nr_str_trim(struct nr_str s);

/** Return what stands before the first @p c and move @p rest behind it; all of it when absent. */
struct nr_str nr_str_cut(struct nr_str *rest, char c);
/** The next run of non-blanks, and skip the blanks behind it; empty at the end. */
struct nr_str nr_str_word(struct nr_str *rest);

/** Decimal, whole string, no sign for u64, no blanks. @return 0; -EINVAL; -ERANGE outside [lo, hi] */
NR_MUST_CHECK int nr_str_u64(struct nr_str s, uint64_t lo, uint64_t hi, uint64_t *ret_value);
NR_MUST_CHECK int nr_str_i64(struct nr_str s, int64_t lo, int64_t hi, int64_t *ret_value);
enum { NR_STR_F64_MAX = 400 }; /* characters of a number; longer text is -EINVAL */
/** Plain decimal number with optional fraction and exponent, no "+"; never NaN or infinite. */
NR_MUST_CHECK int nr_str_f64(struct nr_str s, double lo, double hi, double *ret_value);

/**
 * The code point that @p s opens with: shortest form, no surrogates.
 * @return its 1..4 bytes; 0 when @p s is empty or does not open with valid UTF-8
 */
size_t nr_str_utf8(struct nr_str s, uint32_t *ret_cp);

/**
 * Copy @p s into @p out (size @p cap, always terminated) with everything but printable ASCII and
 * valid UTF-8 letters shown as \xHH or \uHHHH: safe for terminal, log and error text. Bidirectional
 * controls and C1 bytes are escaped too, a backslash becomes two, so that the text can be read back.
 * What does not fit is left out in whole units. @return bytes written without the NUL
 */
size_t nr_str_escape(struct nr_str s, char *out, size_t cap);
