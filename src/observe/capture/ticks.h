/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * ticks: pcapng time stamps: a 64-bit count of units that the interface chooses, to nanoseconds.
 *
 * Units   unit = 10^-n or 2^-n seconds, n from if_tsresol; whole seconds are added from if_tsoffset.
 *         Finer than a nanosecond is cut off (toward the past).
 * Limits  results outside int64_t nanoseconds (1677 ... 2262) saturate and are reported
 */
#include "base/time.h"

struct nr_ticks {
	uint64_t mul,
		div; /* base 10: ns = ticks * mul / div; one of them is 1; div 0: finer than any tick */
	uint8_t shift; /* base 2: ns = ticks * 10^9 >> shift */
	bool binary;
	int64_t offset_s;
};

/** @p resolution as in the option: bit 7 chooses base 2, the rest is the exponent. */
struct nr_ticks nr_ticks_of(uint8_t resolution, int64_t offset_s);
/** @return false when the result had to be cut to what int64_t holds */
bool nr_ticks_to_ns_slow(const struct nr_ticks *t, uint64_t ticks, int64_t *ret_ns);

static inline bool nr_ticks_to_ns(const struct nr_ticks *t, uint64_t ticks, int64_t *ret_ns)
{
	uint64_t ns;

	if (NR_LIKELY(t->div == 1 && !t->binary && t->offset_s == 0 &&
		      !__builtin_mul_overflow(ticks, t->mul, &ns) && ns <= INT64_MAX)) {
		*ret_ns = (int64_t)ns;
		return true;
	}
	return nr_ticks_to_ns_slow(t, ticks, ret_ns);
}
