/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * time: moments and spans. UTC, nanoseconds since 1970 in memory, RFC 3339 outside.
 *
 * Logic takes time as an argument; only programs read a clock (nr_time_now, nr_mono_now).
 */
#include "base/str.h"

#define NR_NS_PER_S INT64_C(1000000000)
enum { NR_TIME_TEXT = 40, NR_SPAN_TEXT = 32 };

struct nr_time {
	int64_t ns;
};

struct nr_time nr_time_now(void);
/** Monotonic clock, for durations of our own work only. */
struct nr_time nr_mono_now(void);

static inline int64_t nr_time_floor_s(struct nr_time t)
{
	return t.ns / NR_NS_PER_S - (t.ns % NR_NS_PER_S < 0);
}

/**
 * 2026-01-02T03:04:05.123456789Z; trailing zeros of the fraction are dropped.
 * @p out holds NR_TIME_TEXT bytes. @return length
 */
size_t nr_time_print(struct nr_time t, char *out);
/**
 * RFC 3339 with Z or offset, a date alone, or seconds since 1970 ("1700000000.25"). A leap second
 * (23:59:60 UTC) is the first second of the next day; digits behind the ninth are cut off.
 * @return 0; -EINVAL; -ERANGE before 1677-09-21 or after 2262-04-11
 */
NR_MUST_CHECK int nr_time_parse(struct nr_str text, struct nr_time *ret_time);

/**
 * "90s", "15m", "6h", "2d", "250ms" (also us, ns, w) <-> nanoseconds, with one unit, not negative;
 * a fraction must be exact ("1.5h"). Print picks the largest unit that is exact without one.
 * @return 0; -EINVAL; -ERANGE
 */
NR_MUST_CHECK int nr_span_parse(struct nr_str text, int64_t *ret_ns);
size_t nr_span_print(int64_t ns, char *out);
/** For people: "1 h 12 min", "3.4 s". */
size_t nr_span_print_human(int64_t ns, char *out);
