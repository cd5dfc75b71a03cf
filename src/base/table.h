/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * table: hash table of fixed-size entries kept densely in order of arrival.
 *
 * Shape   entries live in chunks of NR_TABLE_CHUNK, numbered 0 .. n-1 in order of insertion, and do not
 *         move until nr_table_sweep(); an open-addressing index of 32-bit slots (8 bits of hash, 24 of
 *         entry number) points to them. Iteration order is therefore independent of the hash key.
 * Cost    entry_size a entry + 5 to 10 bytes of index; a hit touches one index line and the entry.
 *         Split lookups for batches: nr_table_prefetch_slot, nr_table_prefetch_entry, nr_table_find.
 * Limits  max entries at creation, at most 2^24 - 2, forgotten ones beside it; insert returns NULL there and
 *         counts n_refused.
 * Threads one at a time
 */
#include <string.h>

#include "base/cursor.h"

enum {
	NR_TABLE_CHUNK_BITS = 8,
	NR_TABLE_CHUNK = 1 << NR_TABLE_CHUNK_BITS,
	NR_TABLE_MAX = (1 << 24) - 2
};

struct nr_table {
	uint32_t *index; /* 0: empty; hash bits 63..56 << 24 | entry number + 1 */
	uint32_t mask;	 /* slots - 1 */
	uint32_t n, max;
	uint32_t first; /* entries before it are forgotten */
	uint32_t easy;	/* while n is below, an entry needs neither memory nor a larger index */
	uint32_t entry_size;
	uint8_t **chunks;
	uint32_t n_chunks;
	uint32_t max_probe; /* longest probe sequence seen at insert */
	uint64_t n_refused;
	uint64_t (*hash)(const void *entry, const void *ctx); /* of a stored entry, for growth */
	const void *hash_ctx;
};

/** @p hash may be NULL for a table used as a dense array only (never searched). */
NR_MUST_CHECK int nr_table_init(struct nr_table *table, uint32_t entry_size, uint32_t max,
				uint64_t (*hash)(const void *entry, const void *ctx),
				const void *hash_ctx);
void nr_table_done(struct nr_table *table);

static inline void *nr_table_at(const struct nr_table *table, uint32_t i)
{
	return table->chunks[i >> NR_TABLE_CHUNK_BITS] +
	       (size_t)(i & (NR_TABLE_CHUNK - 1)) * table->entry_size;
}

static inline void nr_table_prefetch_slot(const struct nr_table *table, uint64_t hash)
{
	__builtin_prefetch(&table->index[(uint32_t)hash & table->mask]);
}

/** After the slot line has arrived: start loading the entry that probably matches. */
static inline void nr_table_prefetch_entry(const struct nr_table *table, uint64_t hash)
{
	uint32_t slot = table->index[(uint32_t)hash & table->mask];

	if (slot != 0)
		__builtin_prefetch(nr_table_at(table, (slot & 0xffffff) - 1), 1);
}

void *nr_table_insert(struct nr_table *table, uint64_t hash);

/** The entry for which @p eq(entry, key) holds, or NULL. Inline @p eq into the caller. */
__attribute__((always_inline)) static inline void *nr_table_find(
	const struct nr_table *table, uint64_t hash, bool (*eq)(const void *entry, const void *key),
	const void *key)
{
	uint32_t tag = (uint32_t)(hash >> 56) << 24;

	for (uint32_t at = (uint32_t)hash & table->mask;; at = (at + 1) & table->mask) {
		uint32_t slot = table->index[at];

		if (slot == 0)
			return NULL;
		if ((slot & 0xff000000) == tag) {
			void *entry = nr_table_at(table, (slot & 0xffffff) - 1);

			if (NR_LIKELY(eq(entry, key)))
				return entry;
		}
	}
}

/**
 * nr_table_find() and, when there is nothing, room for a new entry: *ret_fresh tells, and a fresh entry holds
 * garbage that the caller overwrites whole. NULL at the limit or without memory.
 */
__attribute__((always_inline)) static inline void *nr_table_find_or_add(
	struct nr_table *table, uint64_t hash, bool (*eq)(const void *entry, const void *key),
	const void *key, bool *ret_fresh)
{
	uint32_t tag = (uint32_t)(hash >> 56) << 24, at = (uint32_t)hash & table->mask, slot;

	*ret_fresh = false;
	for (; (slot = table->index[at]) != 0; at = (at + 1) & table->mask) {
		if ((slot & 0xff000000) == tag) {
			void *entry = nr_table_at(table, (slot & 0xffffff) - 1);

			if (NR_LIKELY(eq(entry, key)))
				return entry;
		}
	}
	*ret_fresh = true;
	if (NR_UNLIKELY(table->n >= table->easy))
		return nr_table_insert(table, hash);
	table->index[at] = tag | (table->n + 1);
	return nr_table_at(table, table->n++);
}

/** A new zeroed entry under @p hash (the caller has made sure it is not there); NULL at the limit or without memory. */
void *nr_table_insert(struct nr_table *table, uint64_t hash);
/** Append without indexing, for dense arrays. */
void *nr_table_append(struct nr_table *table);
/** Keep the entries for which @p keep says so, in order; numbers change. */
void nr_table_sweep(struct nr_table *table, bool (*keep)(void *entry, void *ctx), void *ctx);
/** Forget how to find the entries that are there; they keep their numbers until nr_table_clear(). */
void nr_table_forget(struct nr_table *table);
/** Forget all entries, keep the memory of a usual fill. */
void nr_table_clear(struct nr_table *table);
/** Write the entries as they are in memory: for snapshots that the same build reads back. */
void nr_table_save(const struct nr_table *table, struct nr_buf *out);
/** Replace the content. @return 0; NR_EDAMAGED; NR_ELIMIT more entries than max; -ENOMEM */
NR_MUST_CHECK int nr_table_load(struct nr_table *table, struct nr_reader *in);
/** Bytes held: entries and index. */
size_t nr_table_bytes(const struct nr_table *table);
