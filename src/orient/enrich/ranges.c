/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sweep over the addresses. Invariants at each position:
 * 1. the heap holds every range that began at or before it and may hold ranges that have ended;
 * 2. the range on top of the heap has not ended and beats all others that have not.
 */
#include "orient/enrich/ranges.h"

#include <stdlib.h>

struct sweep {
	const struct nr_range **heap;
	size_t n_heap;
	struct nr_segment *out;
	size_t n_out;
};

int nr_ranges_add(struct nr_ranges *ranges, const struct nr_range *range)
{
	if (range->lo > range->hi)
		return -EINVAL;
	if (ranges->n == ranges->cap) {
		size_t cap = ranges->cap == 0 ? 1024 : ranges->cap * 2;
		struct nr_range *items = NULL;

		if (ranges->n >= NR_RANGES_MAX)
			return NR_ELIMIT;
		items = realloc(ranges->items, cap * sizeof(*items));
		if (items == NULL)
			return -ENOMEM;
		ranges->items = items;
		ranges->cap = cap;
	}
	ranges->items[ranges->n] = *range;
	ranges->items[ranges->n].order = (uint32_t)ranges->n;
	ranges->n++;
	return 0;
}

static int range_cmp(const void *va, const void *vb)
{
	const struct nr_range *a = va, *b = vb;

	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static bool beats(const struct nr_range *a, const struct nr_range *b)
{
	nr_u128 size_a = a->hi - a->lo, size_b = b->hi - b->lo;

	if (a->rank != b->rank)
		return a->rank < b->rank;
	if (size_a != size_b)
		return size_a < size_b;
	return a->order < b->order;
}

static void heap_push(struct sweep *s, const struct nr_range *range)
{
	size_t i = s->n_heap++;

	while (i > 0 && beats(range, s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = range;
}

static void heap_pop(struct sweep *s)
{
	const struct nr_range *moved = s->heap[--s->n_heap];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= s->n_heap)
			break;
		if (child + 1 < s->n_heap && beats(s->heap[child + 1], s->heap[child]))
			child++;
		if (!beats(s->heap[child], moved))
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = moved;
}

static void emit(struct sweep *s, nr_u128 lo, uint32_t value)
{
	if (s->n_out > 0 && s->out[s->n_out - 1].value == value)
		return;
	s->out[s->n_out++] = (struct nr_segment){ .lo = lo, .value = value };
}

static void run(struct sweep *s, const struct nr_ranges *ranges, nr_u128 max)
{
	nr_u128 at = 0;
	size_t i = 0;

	for (;;) {
		const struct nr_range *top = NULL;
		bool more = false;
		nr_u128 next = 0;

		while (i < ranges->n && ranges->items[i].lo <= at)
			heap_push(s, &ranges->items[i++]);
		while (s->n_heap > 0 && s->heap[0]->hi < at)
			heap_pop(s);
		top = s->n_heap > 0 ? s->heap[0] : NULL;
		emit(s, at, top != NULL ? top->value : 0);
		if (top != NULL && top->hi < max) {
			next = top->hi + 1;
			more = true;
		}
		if (i < ranges->n && (!more || ranges->items[i].lo < next)) {
			next = ranges->items[i].lo;
			more = true;
		}
		if (!more || next > max)
			return;
		at = next;
	}
}

int nr_ranges_flatten(struct nr_ranges *ranges, nr_u128 max, struct nr_segment **ret_segments,
		      size_t *ret_n)
{
	/* every step begins at the start of a range or behind the end of one, or at 0 */
	size_t n_max = 2 * ranges->n + 1;
	struct sweep s = { .heap = calloc(ranges->n + 1, sizeof(struct nr_range *)),
			   .out = calloc(n_max, sizeof(struct nr_segment)) };

	if (s.heap == NULL || s.out == NULL) {
		free(s.heap);
		free(s.out);
		return -ENOMEM;
	}
	if (ranges->n > 0)
		qsort(ranges->items, ranges->n, sizeof(ranges->items[0]), range_cmp);
	run(&s, ranges, max);
	free(s.heap);
	*ret_segments = s.out;
	*ret_n = s.n_out;
	return 0;
}

void nr_ranges_done(struct nr_ranges *ranges)
{
	free(ranges->items);
	*ranges = (struct nr_ranges){ .items = NULL };
}
