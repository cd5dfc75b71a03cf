/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * rng: the lab's own random numbers: the same on every machine, because only integers are used.
 *
 * Shape   splitmix64: 8 bytes of state, so that every actor carries its own stream and the order in
 *         which actors fire does not matter
 * Units   Q32: fixed point with 32 fraction bits
 * Source  Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014
 */
#include "base/def.h"

struct nr_lab_rng {
	uint64_t s;
};

static inline uint64_t nr_lab_rng_next(struct nr_lab_rng *rng)
{
	uint64_t z = (rng->s += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint32_t nr_lab_rng_u32(struct nr_lab_rng *rng)
{
	return (uint32_t)(nr_lab_rng_next(rng) >> 32);
}

/** Uniform in [0, n); n > 0. The bias is below 2^-32. */
static inline uint32_t nr_lab_rng_below(struct nr_lab_rng *rng, uint32_t n)
{
	return (uint32_t)(((nr_lab_rng_next(rng) >> 32) * n) >> 32);
}

/** Uniform in [lo, hi]. */
static inline uint32_t nr_lab_rng_in(struct nr_lab_rng *rng, uint32_t lo, uint32_t hi)
{
	return lo + nr_lab_rng_below(rng, hi - lo + 1);
}

/** True in @p percent of the calls. */
static inline bool nr_lab_rng_percent(struct nr_lab_rng *rng, uint32_t percent)
{
	return nr_lab_rng_below(rng, 100) < percent;
}

/** log2(x) in Q32, error below 2e-5; x > 0. */
uint64_t nr_lab_log2_q32(uint64_t x);

/** An exponential variate with this mean: the gap of a Poisson process. */
int64_t nr_lab_rng_exp(struct nr_lab_rng *rng, int64_t mean);

/** A number n >= 1 with P(N >= n) = 1 / n (Pareto, shape 1), at most @p cap. */
uint64_t nr_lab_rng_pareto(struct nr_lab_rng *rng, uint64_t cap);

/** The i-th element of a pseudorandom permutation of [0, n) chosen by @p secret; 0 < n <= 2^32, i < n. */
uint32_t nr_lab_permute(uint64_t secret, uint64_t n, uint64_t i);
