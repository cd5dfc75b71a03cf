/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * hll: distinct counts as mergeable sketches, in one frozen format for detector, wire and store.
 *
 * Shape   2^p registers of one byte; register = number of leading zeros + 1 of the remaining bits of
 *         a 64-bit hash (nr_mix64 over the key, so that sketches of different machines merge).
 *         Merge = maximum per register: commutative, idempotent.
 * Cost    add: one byte touched. Error: 1.04 / sqrt(2^p).
 * Source  Flajolet et al. 2007; estimator: Ertl 2017 (no bias tables, no switch to linear counting).
 */
#include "base/def.h"

static inline void nr_hll_add(uint8_t *regs, unsigned p, uint64_t hash)
{
	uint64_t at = hash >> (64 - p);
	uint8_t rank = (uint8_t)(__builtin_clzll((hash << p) | (UINT64_C(1) << (p - 1))) + 1);

	regs[at] = rank > regs[at]
			   ? rank
			   : regs[at]; /* always stored: whether it grew cannot be foretold */
}
void nr_hll_merge(uint8_t *regs, const uint8_t *other, unsigned p);
double nr_hll_estimate(const uint8_t *regs, unsigned p);
