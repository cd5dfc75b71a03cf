/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * sketch: the number of distinct sources behind a row of a roll-up: record/hll with p = 11, small
 * while it is small.
 *
 * Shape   up to 4 items in the struct itself, up to NR_SKETCH_SPARSE in an open-addressed set,
 *         then 2048 registers. An item is index << 5 | rank, rank 1..31: what p = 11 leaves beyond
 *         31 needs 2^42 sources.
 * Bytes   frozen: nothing (no source); 2 to 1024 bytes, items as u16 little-endian, rising, an
 *         index once; or 2048 bytes, the registers. Equal sets give equal bytes, in whatever order
 *         they were added and merged.
 * Error   1.04 / sqrt(2048) = 2.3 %; below 100 sources practically exact
 * Cost    16 bytes, 32 to 2048 beside it
 */
#include "base/err.h"
#include "base/str.h"
#include "record/hll.h"

enum {
	NR_SKETCH_P = 11,
	NR_SKETCH_REGS = 1 << NR_SKETCH_P,
	NR_SKETCH_INLINE = 4,
	NR_SKETCH_SPARSE = 512,
	NR_SKETCH_BYTES = NR_SKETCH_REGS,
};

/** All zero is an empty sketch. */
struct nr_sketch {
	union {
		uint16_t few[NR_SKETCH_INLINE];
		uint16_t *set; /* n_slots of them, 0 is free */
		uint8_t *regs;
	};
	uint16_t n;	  /* items; of no meaning when dense */
	uint16_t n_slots; /* 0: in the struct; NR_SKETCH_DENSE: registers */
};

/** @p hash: nr_mix64 of the source. @return 0; -ENOMEM, unchanged */
NR_MUST_CHECK int nr_sketch_add(struct nr_sketch *sketch, uint64_t hash);
/** The hash every store uses for an address, so that sketches of different hubs merge. */
uint64_t nr_sketch_hash(const void *ip16);
/** @return 0; NR_EDAMAGED not such bytes; -ENOMEM */
NR_MUST_CHECK int nr_sketch_merge(struct nr_sketch *sketch, struct nr_bytes bytes);
/** @p out holds NR_SKETCH_BYTES. @return bytes written */
size_t nr_sketch_write(const struct nr_sketch *sketch, uint8_t *out);
NR_MUST_CHECK int nr_sketch_join(struct nr_sketch *sketch, const struct nr_sketch *other);
uint64_t nr_sketch_estimate(const struct nr_sketch *sketch);
size_t nr_sketch_memory(const struct nr_sketch *sketch); /* beside the struct */
void nr_sketch_done(struct nr_sketch *sketch);
