/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * arena: memory that is released all at once (a batch, a request, a run).
 *
 * Limits  max bytes at creation, rounded down to 16; at the limit alloc returns NULL and n_refused counts it.
 */
#include "base/str.h"

struct nr_arena;

NR_MUST_CHECK int nr_arena_new(size_t max_bytes, struct nr_arena **ret_arena);
struct nr_arena *nr_arena_free(struct nr_arena *arena);
static inline void nr_arena_autofree(struct nr_arena **a)
{
	nr_arena_free(*a);
}
/** Zeroed, 16-byte aligned; NULL at the limit or without memory. */
void *nr_arena_alloc(struct nr_arena *arena, size_t n);
/** NUL-terminated copy of @p s. */
char *nr_arena_str(struct nr_arena *arena, struct nr_str s);
void nr_arena_reset(struct nr_arena *arena);
size_t nr_arena_used(const struct nr_arena *arena);
uint64_t nr_arena_refused(const struct nr_arena *arena);
