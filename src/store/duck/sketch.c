/* SPDX-License-Identifier: Apache-2.0 */
#include "store/duck/sketch.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"

enum { RANK_BITS = 5, RANK_MAX = 31, FIRST_SLOTS = 16, DENSE = 0xffff };

uint64_t nr_sketch_hash(const void *ip16)
{
	uint64_t hi, lo;

	memcpy(&hi, ip16, 8);
	memcpy(&lo, (const uint8_t *)ip16 + 8, 8);
	return nr_mix64(nr_mix64(__builtin_bswap64(hi)) ^ __builtin_bswap64(lo));
}

static unsigned index_of(uint16_t item)
{
	return item >> RANK_BITS;
}

static unsigned rank_of(uint16_t item)
{
	return item & RANK_MAX;
}

static void put_register(uint8_t *regs, uint16_t item)
{
	uint8_t *reg = &regs[index_of(item)];

	if (rank_of(item) > *reg)
		*reg = (uint8_t)rank_of(item);
}

/* The slot of the item's index: where it is, or where it belongs. */
static uint16_t *slot_of(uint16_t *set, unsigned n_slots, uint16_t item)
{
	unsigned at = (index_of(item) * 40503u >> 3) & (n_slots - 1);

	while (set[at] != 0 && index_of(set[at]) != index_of(item))
		at = (at + 1) & (n_slots - 1);
	return &set[at];
}

static void each(const struct nr_sketch *sketch, void (*item)(void *ctx, uint16_t item), void *ctx)
{
	const uint16_t *items = sketch->n_slots == 0 ? sketch->few : sketch->set;
	unsigned n = sketch->n_slots == 0 ? sketch->n : sketch->n_slots;

	for (unsigned i = 0; i < n; i++)
		if (items[i] != 0)
			item(ctx, items[i]);
}

static void into_registers(void *ctx, uint16_t item)
{
	put_register(ctx, item);
}

static int make_dense(struct nr_sketch *sketch)
{
	uint8_t *regs = calloc(1, NR_SKETCH_REGS);

	if (regs == NULL)
		return -ENOMEM;
	each(sketch, into_registers, regs);
	if (sketch->n_slots != 0)
		free(sketch->set);
	sketch->regs = regs;
	sketch->n_slots = DENSE;
	return 0;
}

static int grow(struct nr_sketch *sketch)
{
	unsigned n_slots = sketch->n_slots == 0 ? FIRST_SLOTS : 2u * sketch->n_slots;
	const uint16_t *items = sketch->n_slots == 0 ? sketch->few : sketch->set;
	unsigned n = sketch->n_slots == 0 ? sketch->n : sketch->n_slots;
	uint16_t *set = calloc(n_slots, sizeof(*set));

	if (set == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		if (items[i] != 0)
			*slot_of(set, n_slots, items[i]) = items[i];
	if (sketch->n_slots != 0)
		free(sketch->set);
	sketch->set = set;
	sketch->n_slots = (uint16_t)n_slots;
	return 0;
}

static int put(struct nr_sketch *sketch, uint16_t item)
{
	if (sketch->n_slots == DENSE) {
		put_register(sketch->regs, item);
		return 0;
	}
	if (sketch->n_slots == 0) {
		for (unsigned i = 0; i < sketch->n; i++)
			if (index_of(sketch->few[i]) == index_of(item)) {
				if (item > sketch->few[i])
					sketch->few[i] = item;
				return 0;
			}
		if (sketch->n < NR_SKETCH_INLINE) {
			sketch->few[sketch->n++] = item;
			return 0;
		}
	} else {
		uint16_t *slot = slot_of(sketch->set, sketch->n_slots, item);

		if (*slot != 0) {
			if (item > *slot)
				*slot = item;
			return 0;
		}
	}
	if (sketch->n >= NR_SKETCH_SPARSE) {
		int ret = make_dense(sketch);

		return ret < 0 ? ret : put(sketch, item);
	}
	if (sketch->n_slots == 0 || 4u * sketch->n >= 3u * sketch->n_slots) {
		int ret = grow(sketch);

		if (ret < 0)
			return ret;
	}
	*slot_of(sketch->set, sketch->n_slots, item) = item;
	sketch->n++;
	return 0;
}

int nr_sketch_add(struct nr_sketch *sketch, uint64_t hash)
{
	unsigned rank = (unsigned)__builtin_clzll((hash << NR_SKETCH_P) |
						  (UINT64_C(1) << (NR_SKETCH_P - 1))) +
			1;

	if (rank > RANK_MAX)
		rank = RANK_MAX;
	return put(sketch, (uint16_t)(hash >> (64 - NR_SKETCH_P) << RANK_BITS | rank));
}

static int merge_registers(struct nr_sketch *sketch, const uint8_t *regs)
{
	for (size_t i = 0; i < NR_SKETCH_REGS; i++)
		if (regs[i] > RANK_MAX)
			return NR_EDAMAGED;
	if (sketch->n_slots != DENSE && make_dense(sketch) < 0)
		return -ENOMEM;
	nr_hll_merge(sketch->regs, regs, NR_SKETCH_P);
	return 0;
}

int nr_sketch_merge(struct nr_sketch *sketch, struct nr_bytes bytes)
{
	int ret = 0;

	if (bytes.n == NR_SKETCH_REGS)
		return merge_registers(sketch, bytes.p);
	if (bytes.n % 2 != 0 || bytes.n > 2 * NR_SKETCH_SPARSE)
		return NR_EDAMAGED;
	for (size_t i = 0; i < bytes.n && ret == 0; i += 2) {
		uint16_t item = (uint16_t)(bytes.p[i] | bytes.p[i + 1] << 8);

		ret = rank_of(item) == 0 ? NR_EDAMAGED : put(sketch, item);
	}
	return ret;
}

struct pass {
	struct nr_sketch *to;
	int ret;
};

static void pass_on(void *ctx, uint16_t item)
{
	struct pass *pass = ctx;

	if (pass->ret == 0)
		pass->ret = put(pass->to, item);
}

int nr_sketch_join(struct nr_sketch *sketch, const struct nr_sketch *other)
{
	struct pass pass = { .to = sketch };

	if (other->n_slots == DENSE)
		return merge_registers(sketch, other->regs);
	each(other, pass_on, &pass);
	return pass.ret;
}

struct list {
	uint16_t items[NR_SKETCH_SPARSE];
	size_t n;
};

static void into_list(void *ctx, uint16_t item)
{
	struct list *list = ctx;

	list->items[list->n++] = item;
}

static int by_value(const void *va, const void *vb)
{
	const uint16_t *a = va, *b = vb;

	return (*a > *b) - (*a < *b);
}

size_t nr_sketch_write(const struct nr_sketch *sketch, uint8_t *out)
{
	NR_UNINITIALIZED struct list list;

	if (sketch->n_slots == DENSE) {
		memcpy(out, sketch->regs, NR_SKETCH_REGS);
		return NR_SKETCH_REGS;
	}
	list.n = 0;
	each(sketch, into_list, &list);
	qsort(list.items, list.n, sizeof(list.items[0]), by_value);
	for (size_t i = 0; i < list.n; i++) {
		out[2 * i] = (uint8_t)list.items[i];
		out[2 * i + 1] = (uint8_t)(list.items[i] >> 8);
	}
	return 2 * list.n;
}

uint64_t nr_sketch_estimate(const struct nr_sketch *sketch)
{
	uint8_t regs[NR_SKETCH_REGS] = { 0 };

	if (sketch->n_slots == DENSE)
		return (uint64_t)llround(nr_hll_estimate(sketch->regs, NR_SKETCH_P));
	if (sketch->n <= 2) /* no collision to correct for */
		return sketch->n;
	each(sketch, into_registers, regs);
	return (uint64_t)llround(nr_hll_estimate(regs, NR_SKETCH_P));
}

size_t nr_sketch_memory(const struct nr_sketch *sketch)
{
	return sketch->n_slots == DENSE ? NR_SKETCH_REGS : 2u * sketch->n_slots;
}

void nr_sketch_done(struct nr_sketch *sketch)
{
	if (sketch->n_slots != 0)
		free(sketch->set);
	memset(sketch, 0, sizeof(*sketch));
}
