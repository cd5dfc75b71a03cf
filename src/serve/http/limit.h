/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * limit: how often a key (an address, a token) may do something: a bucket of tokens each, in a
 * table of fixed size.
 *
 * Limits   NR_LIMIT_KEYS keys; at the cap the one that was idle longest goes (it had filled its
 *          bucket soonest)
 * Threads  any
 */
#include "base/time.h"

enum { NR_LIMIT_KEYS = 4096, NR_LIMIT_KEY = 16 };

struct nr_limit;

/** @p per_s and more at once up to @p burst. */
NR_MUST_CHECK int nr_limit_new(double per_s, double burst, struct nr_limit **ret_limit);
/** From now on; what each has left stays. */
void nr_limit_set(struct nr_limit *limit, double per_s, double burst);
struct nr_limit *nr_limit_free(struct nr_limit *limit);
/** Take one. @p now is monotonic. @return false: not now, and nothing was taken */
bool nr_limit_take(struct nr_limit *limit, const uint8_t key[NR_LIMIT_KEY], struct nr_time now);
/** Would take() say yes? */
bool nr_limit_has(struct nr_limit *limit, const uint8_t key[NR_LIMIT_KEY], struct nr_time now);
