/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 1. Handed-out memory lies in blocks; `blocks` is the one being filled, older ones follow it.
 * 2. A request over BIG gets a block of its own behind the one being filled, so that at most
 *    a quarter of a block is ever left unused.
 * 3. used counts rounded bytes handed out and never exceeds max.
 * 4. After a reset, blocks of the common size wait in `spare`.
 * 5. Under AddressSanitizer, bytes that are not handed out are poisoned.
 */
#include "base/arena.h"

#include <stdlib.h>

#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h> /* macros that are empty in other builds */
#else
#define ASAN_POISON_MEMORY_REGION(p, n)	  ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum { ALIGN = 16, BLOCK = 64 * 1024, BIG = BLOCK / 4 };

struct block {
	struct block *next;
	size_t size, used;
	_Alignas(ALIGN) uint8_t bytes[];
};

struct nr_arena {
	struct block *blocks, *spare;
	size_t max, used;
	uint64_t n_refused;
};

int nr_arena_new(size_t max_bytes, struct nr_arena **ret_arena)
{
	struct nr_arena *arena = calloc(1, sizeof(*arena));

	if (arena == NULL)
		return -ENOMEM;
	/* A multiple of ALIGN, so that rounding a request that fits cannot pass it or overflow. */
	arena->max = nr_min_size(max_bytes, PTRDIFF_MAX) & ~(size_t)(ALIGN - 1);
	*ret_arena = arena;
	return 0;
}

static void free_blocks(struct block *b)
{
	while (b != NULL) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
}

struct nr_arena *nr_arena_free(struct nr_arena *arena)
{
	if (arena == NULL)
		return NULL;
	free_blocks(arena->blocks);
	free_blocks(arena->spare);
	free(arena);
	return NULL;
}

static struct block *block_new(size_t size)
{
	struct block *b = malloc(sizeof(*b) + size);

	if (b == NULL)
		return NULL;
	b->next = NULL;
	b->size = size;
	b->used = 0;
	ASAN_POISON_MEMORY_REGION(b->bytes, size);
	return b;
}

/* A block with @p n free bytes in its place in the list, or NULL without memory. */
static struct block *block_for(struct nr_arena *arena, size_t n)
{
	struct block *b;

	if (n > BIG) {
		b = block_new(n);
		if (b == NULL)
			return NULL;
		if (arena->blocks == NULL) {
			arena->blocks = b;
		} else {
			b->next = arena->blocks->next;
			arena->blocks->next = b;
		}
		return b;
	}
	b = arena->blocks;
	if (b != NULL && b->size - b->used >= n)
		return b;
	b = arena->spare;
	if (b != NULL)
		arena->spare = b->next;
	else
		b = block_new(BLOCK);
	if (b == NULL)
		return NULL;
	b->next = arena->blocks;
	arena->blocks = b;
	return b;
}

void *nr_arena_alloc(struct nr_arena *arena, size_t n)
{
	size_t size = nr_max_size(n, 1);
	struct block *b;
	uint8_t *p;

	if (size > arena->max - arena->used)
		goto refused;
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	b = block_for(arena, size);
	if (b == NULL)
		goto refused;
	p = b->bytes + b->used;
	b->used += size;
	arena->used += size;
	ASAN_UNPOISON_MEMORY_REGION(p, n);
	return memset(p, 0, n);
refused:
	arena->n_refused++;
	return NULL;
}

char *nr_arena_str(struct nr_arena *arena, struct nr_str s)
{
	char *copy;

	if (s.n == SIZE_MAX) {
		arena->n_refused++;
		return NULL;
	}
	copy = nr_arena_alloc(arena, s.n + 1);
	if (copy != NULL && s.n > 0)
		memcpy(copy, s.p, s.n);
	return copy;
}

void nr_arena_reset(struct nr_arena *arena)
{
	struct block *b = arena->blocks, *next;

	for (; b != NULL; b = next) {
		next = b->next;
		if (b->size != BLOCK) {
			free(b);
			continue;
		}
		b->used = 0;
		ASAN_POISON_MEMORY_REGION(b->bytes, BLOCK);
		b->next = arena->spare;
		arena->spare = b;
	}
	arena->blocks = NULL;
	arena->used = 0;
}

size_t nr_arena_used(const struct nr_arena *arena)
{
	return arena->used;
}

uint64_t nr_arena_refused(const struct nr_arena *arena)
{
	return arena->n_refused;
}
