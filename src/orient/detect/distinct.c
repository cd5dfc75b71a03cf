/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/detect/distinct.h"

#include <math.h>

int nr_slab_init(struct nr_slab *pool, uint32_t size, uint32_t max)
{
	pool->free = 0;
	return nr_table_init(&pool->table, size, max, NULL, NULL);
}

void nr_slab_done(struct nr_slab *pool)
{
	nr_table_done(&pool->table);
}

void *nr_slab_take(struct nr_slab *pool, uint32_t *ret_number)
{
	if (pool->free != 0) {
		uint32_t number = pool->free - 1;
		uint8_t *record = nr_table_at(&pool->table, number);

		memcpy(&pool->free, record, sizeof(pool->free));
		memset(record, 0, pool->table.entry_size);
		*ret_number = number;
		return record;
	}
	void *record = nr_table_append(&pool->table);

	if (record != NULL)
		*ret_number = pool->table.n - 1;
	return record;
}

void nr_slab_give(struct nr_slab *pool, uint32_t number)
{
	memcpy(nr_table_at(&pool->table, number), &pool->free, sizeof(pool->free));
	pool->free = number + 1;
}

void nr_slab_save(const struct nr_slab *pool, struct nr_buf *out)
{
	nr_write_varint(out, pool->free);
	nr_table_save(&pool->table, out);
}

int nr_slab_load(struct nr_slab *pool, struct nr_reader *in)
{
	pool->free = (uint32_t)nr_read_varint(in);
	int r = nr_table_load(&pool->table, in);

	return r == 0 && pool->free > pool->table.n ? NR_EDAMAGED : r;
}

static bool sketch_add(struct nr_distinct *d, struct nr_slab *sketches, uint32_t id)
{
	uint8_t *regs = nr_table_at(&sketches->table, d->sketch);
	uint64_t hash = nr_distinct_hash(id);
	uint8_t *reg = &regs[hash >> (64 - NR_DISTINCT_P)], was = *reg;

	nr_hll_add(regs, NR_DISTINCT_P, hash);
	d->n = (uint16_t)(d->n + (was == 0));
	return *reg != was;
}

/* All at once: places behind n hold zero, so only the identity zero must look at n. */
static inline bool exact_has(const struct nr_distinct *d, uint32_t id)
{
	unsigned found = 0;

#pragma GCC unroll 14
	for (unsigned i = 0; i < NR_DISTINCT_EXACT; i++)
		found |= (d->exact[i] == id) & ((id != 0) | (i < d->n));
	return found != 0;
}

bool nr_distinct_add(struct nr_distinct *d, struct nr_slab *sketches, uint32_t id)
{
	uint32_t exact[NR_DISTINCT_EXACT];

	if (d->is_sketch)
		return sketch_add(d, sketches, id);
	if (exact_has(d, id))
		return false;
	if (d->n < NR_DISTINCT_EXACT) {
		d->exact[d->n++] = id;
		return true;
	}
	if (nr_slab_take(sketches, &d->sketch) == NULL)
		return false; /* at the cap the count stays a lower limit; the pool counts the refusal */
	memcpy(exact, d->exact, sizeof(exact));
	d->is_sketch = 1;
	d->n = 0;
	for (unsigned i = 0; i < NR_DISTINCT_EXACT; i++)
		(void)sketch_add(d, sketches, exact[i]);
	(void)sketch_add(d, sketches, id);
	return true;
}

void nr_distinct_release(struct nr_distinct *d, struct nr_slab *sketches)
{
	if (d->is_sketch)
		nr_slab_give(sketches, d->sketch);
	*d = (struct nr_distinct){ 0 };
}

double nr_distinct_estimate(const struct nr_distinct *d, const struct nr_slab *sketches,
			    double *ret_lo, double *ret_hi)
{
	if (!d->is_sketch) {
		*ret_lo = *ret_hi = d->n;
		return d->n;
	}
	const double least = NR_DISTINCT_EXACT + 1; /* that many were seen one by one */
	double n = fmax(least,
			nr_hll_estimate(nr_table_at(&sketches->table, d->sketch), NR_DISTINCT_P));
	double error = 1.96 * 1.04 / sqrt(NR_DISTINCT_REGS);

	*ret_lo = fmax(least, n / (1 + error));
	*ret_hi = n / (1 - error);
	return n;
}
