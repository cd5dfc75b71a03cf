/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * distinct: how many different 32-bit identities were seen: exactly up to 14, then a sketch.
 *
 * Shape   64 bytes; the sketch (512 registers, nr_hll) lives in a pool that counters share
 * Cost    exact part: one line; sketch: one more byte
 * Units   an identity is an IPv4 address, or 32 bits of a fixed hash of an IPv6 address
 * Error   none up to 14; then 4.6 % standard error
 */
#include "base/hash.h"
#include "base/table.h"
#include "record/hll.h"

enum { NR_DISTINCT_EXACT = 14, NR_DISTINCT_P = 9, NR_DISTINCT_REGS = 1 << NR_DISTINCT_P };

struct nr_distinct {
	uint16_t n; /* exact count, or number of non-zero registers */
	uint16_t is_sketch;
	uint32_t sketch; /* number in the pool */
	uint32_t exact[NR_DISTINCT_EXACT];
};

/** Fixed-size records with a free list over a dense table; numbers are stable. */
struct nr_slab {
	struct nr_table table;
	uint32_t free; /* number + 1 of the first free record; its first bytes hold the next */
};

NR_MUST_CHECK int nr_slab_init(struct nr_slab *pool, uint32_t size, uint32_t max);
void nr_slab_done(struct nr_slab *pool);
/** Zeroed record, its number in @p ret_number; NULL at the limit. */
void *nr_slab_take(struct nr_slab *pool, uint32_t *ret_number);
void nr_slab_give(struct nr_slab *pool, uint32_t number);
void nr_slab_save(const struct nr_slab *pool, struct nr_buf *out);
NR_MUST_CHECK int nr_slab_load(struct nr_slab *pool, struct nr_reader *in);

/** @return true when @p id looks new: certain while exact, a changed register later */
bool nr_distinct_add(struct nr_distinct *d, struct nr_slab *sketches, uint32_t id);
static inline uint64_t nr_distinct_hash(uint32_t id)
{
	return nr_mix64(id + UINT64_C(0x9e3779b97f4a7c15));
}
/** Start loading the register that @p id will touch. */
static inline void nr_distinct_prefetch(const struct nr_distinct *d, const struct nr_slab *sketches,
					uint32_t id)
{
	if (d->is_sketch)
		__builtin_prefetch((const uint8_t *)nr_table_at(&sketches->table, d->sketch) +
					   (nr_distinct_hash(id) >> (64 - NR_DISTINCT_P)),
				   1);
}
void nr_distinct_release(struct nr_distinct *d, struct nr_slab *sketches);
/** Estimate with 95 % limits; lo == hi while exact. */
double nr_distinct_estimate(const struct nr_distinct *d, const struct nr_slab *sketches,
			    double *ret_lo, double *ret_hi);
