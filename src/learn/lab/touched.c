/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/lab/touched.h"

#include <stdlib.h>

#include "base/hash.h"

static bool bitmap_add(uint64_t *bitmap, uint32_t member)
{
	uint64_t bit = UINT64_C(1) << (member & 63);
	bool is_new = (bitmap[member >> 6] & bit) == 0;

	bitmap[member >> 6] |= bit;
	return is_new;
}

static bool table_add(uint32_t *table, uint32_t cap, uint32_t member)
{
	uint32_t at = (uint32_t)nr_mix64(member) & (cap - 1);

	for (; table[at] != 0; at = (at + 1) & (cap - 1))
		if (table[at] == member + 1)
			return false;
	table[at] = member + 1;
	return true;
}

static int become_bitmap(struct nr_lab_touched *touched, uint64_t n_all)
{
	uint64_t *bitmap = calloc((n_all + 63) / 64, sizeof(*bitmap));

	if (bitmap == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < touched->cap; i++)
		if (touched->table[i] != 0)
			(void)bitmap_add(bitmap, touched->table[i] - 1);
	free(touched->table);
	touched->bitmap = bitmap;
	touched->cap = UINT32_MAX;
	return 0;
}

static int grow(struct nr_lab_touched *touched, uint64_t n_all)
{
	uint32_t cap = touched->cap == 0 ? 16 : touched->cap * 2;
	uint32_t *table;

	if (touched->cap != 0 && (uint64_t)cap * 4 > n_all / 8)
		return become_bitmap(touched, n_all);
	table = calloc(cap, sizeof(*table));
	if (table == NULL)
		return -ENOMEM;
	if (touched->cap == 0) {
		for (uint32_t i = 0; i < touched->n; i++)
			(void)table_add(table, cap, touched->few[i]);
	} else {
		for (uint32_t i = 0; i < touched->cap; i++)
			if (touched->table[i] != 0)
				(void)table_add(table, cap, touched->table[i] - 1);
		free(touched->table);
	}
	touched->table = table;
	touched->cap = cap;
	return 0;
}

int nr_lab_touched_add(struct nr_lab_touched *touched, uint32_t member, uint64_t n_all)
{
	if (touched->cap == 0) {
		for (uint32_t i = 0; i < touched->n; i++)
			if (touched->few[i] == member)
				return 0;
		if (touched->n < NR_LAB_TOUCHED_INLINE) {
			touched->few[touched->n++] = member;
			return 0;
		}
	}
	if (touched->cap != UINT32_MAX &&
	    (touched->cap == 0 || touched->n * 4 >= touched->cap * 3)) {
		int r = grow(touched, n_all);

		if (r < 0)
			return r;
	}
	if (touched->cap == UINT32_MAX)
		touched->n += bitmap_add(touched->bitmap, member);
	else
		touched->n += table_add(touched->table, touched->cap, member);
	return 0;
}

void nr_lab_touched_done(struct nr_lab_touched *touched)
{
	if (touched->cap != 0)
		free(touched->table);
	*touched = (struct nr_lab_touched){ 0 };
}
