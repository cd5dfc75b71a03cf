/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * touched: the exact set of monitored addresses one actor has reached, for the truth file.
 *
 * Shape   up to 6 members inside the struct, then an open-addressing table of 32-bit members that
 *         doubles until a bitmap of the whole telescope would be smaller
 * Limits  members < 2^32; memory at most n_all / 8 bytes, or 8 bytes a member before that
 */
#include "base/def.h"

enum { NR_LAB_TOUCHED_INLINE = 6 };

struct nr_lab_touched {
	uint32_t n;
	uint32_t cap; /* 0: inline; UINT32_MAX: bitmap */
	union {
		uint32_t few[NR_LAB_TOUCHED_INLINE];
		uint32_t *table; /* member + 1, 0: free */
		uint64_t *bitmap;
	};
};

/** Add @p member of [0, n_all). @return 0; -ENOMEM */
NR_MUST_CHECK int nr_lab_touched_add(struct nr_lab_touched *touched, uint32_t member,
				     uint64_t n_all);
void nr_lab_touched_done(struct nr_lab_touched *touched);
