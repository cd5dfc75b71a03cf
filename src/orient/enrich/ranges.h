/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * ranges: address ranges with values, that may overlap, made into segments that do not.
 *
 * In       closed ranges [lo, hi], each with a value above 0 and a rank
 * Out      segments: each value holds from its `lo` to the next segment's `lo`; the first starts at
 *          0 and value 0 means that no range covers it
 * Rule     where ranges overlap the lower rank wins (the source named first), then the smaller
 *          range (the more specific), then the one added first
 * Cost     48 bytes per range while building; O(n log n)
 * Limits   NR_RANGES_MAX ranges per list
 */
#include "base/err.h"

enum { NR_RANGES_MAX = 16000000 };

__extension__ typedef unsigned __int128 nr_u128;

struct nr_range {
	nr_u128 lo, hi;
	uint32_t value;
	uint32_t rank;
	uint32_t order; /* set by nr_ranges_add() */
};

/** Zero-initialised is empty. */
struct nr_ranges {
	struct nr_range *items;
	size_t n, cap;
};

struct nr_segment {
	nr_u128 lo;
	uint32_t value;
};

/** @return 0; -EINVAL when lo > hi; NR_ELIMIT; -ENOMEM */
NR_MUST_CHECK int nr_ranges_add(struct nr_ranges *ranges, const struct nr_range *range);
/**
 * Sorts @p ranges in place. @p max is the family's last address.
 * @param ret_segments  owned by the caller, free()
 * @return 0; -ENOMEM
 */
NR_MUST_CHECK int nr_ranges_flatten(struct nr_ranges *ranges, nr_u128 max,
				    struct nr_segment **ret_segments, size_t *ret_n);
void nr_ranges_done(struct nr_ranges *ranges);
