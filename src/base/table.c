/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include <stdlib.h>

#include "base/chunk.h"

enum { SLOTS_MIN = 256 };

static uint32_t *index_new(size_t slots)
{
	uint32_t *index = nr_chunk_new(slots * sizeof(index[0]));

	if (index != NULL)
		memset(index, 0, slots * sizeof(index[0]));
	return index;
}

static void index_free(uint32_t *index, size_t slots)
{
	nr_chunk_free(index, slots * sizeof(index[0]));
}

static size_t chunk_bytes(const struct nr_table *table)
{
	return (size_t)NR_TABLE_CHUNK * table->entry_size;
}

int nr_table_init(struct nr_table *table, uint32_t entry_size, uint32_t max,
		  uint64_t (*hash)(const void *entry, const void *ctx), const void *hash_ctx)
{
	*table = (struct nr_table){
		.entry_size = entry_size,
		.max = max > NR_TABLE_MAX ? NR_TABLE_MAX : max,
		.hash = hash,
		.hash_ctx = hash_ctx,
		.mask = SLOTS_MIN - 1,
	};
	if (hash == NULL)
		return 0;
	table->index = index_new(SLOTS_MIN);
	return table->index != NULL ? 0 : -ENOMEM;
}

void nr_table_done(struct nr_table *table)
{
	for (uint32_t i = 0; i < table->n_chunks; i++)
		nr_chunk_free(table->chunks[i], chunk_bytes(table));
	free(table->chunks);
	index_free(table->index, (size_t)table->mask + 1);
	*table = (struct nr_table){ 0 };
}

static void index_put(struct nr_table *table, uint64_t hash, uint32_t number)
{
	uint32_t at = (uint32_t)hash & table->mask, probe = 1;

	while (table->index[at] != 0) {
		at = (at + 1) & table->mask;
		probe++;
	}
	table->index[at] = (uint32_t)(hash >> 56) << 24 | (number + 1);
	if (probe > table->max_probe)
		table->max_probe = probe;
}

static void index_fill(struct nr_table *table)
{
	enum { AHEAD = 16 };
	uint64_t hashes[AHEAD];

	table->max_probe = 0;
	for (uint32_t i = table->first; i < table->n; i += AHEAD) {
		uint32_t n = table->n - i < AHEAD ? table->n - i : AHEAD;

		for (uint32_t k = 0; k < n; k++) {
			hashes[k] = table->hash(nr_table_at(table, i + k), table->hash_ctx);
			__builtin_prefetch(&table->index[(uint32_t)hashes[k] & table->mask], 1);
		}
		for (uint32_t k = 0; k < n; k++)
			index_put(table, hashes[k], i + k);
	}
}

/* Slots double at three quarters full: between 5.3 and 10.7 bytes of index an entry. */
static int index_grow(struct nr_table *table)
{
	size_t slots = ((size_t)table->mask + 1) * 2;
	uint32_t *index = index_new(slots);

	if (index == NULL)
		return -ENOMEM;
	index_free(table->index, slots / 2);
	table->index = index;
	table->mask = (uint32_t)(slots - 1);
	index_fill(table);
	return 0;
}

/* How far n may go without asking. */
static void easy_set(struct nr_table *table)
{
	uint64_t room = (uint64_t)table->n_chunks << NR_TABLE_CHUNK_BITS;
	uint64_t index = table->first + ((uint64_t)table->mask + 1) / 4 * 3;

	uint64_t limit = (uint64_t)table->first + table->max;

	room = room < limit ? room : limit;
	room = room < NR_TABLE_MAX ? room : NR_TABLE_MAX;
	table->easy = (uint32_t)(index < room ? index : room);
}

static int chunk_add(struct nr_table *table)
{
	if ((table->n_chunks & (table->n_chunks - 1)) == 0) { /* room doubles at powers of two */
		size_t room = table->n_chunks == 0 ? 1 : (size_t)table->n_chunks * 2;
		uint8_t **chunks = realloc(table->chunks, room * sizeof(chunks[0]));

		if (chunks == NULL)
			return -ENOMEM;
		table->chunks = chunks;
	}
	uint8_t *chunk = nr_chunk_new(chunk_bytes(table));

	if (chunk == NULL)
		return -ENOMEM;
	table->chunks[table->n_chunks++] = chunk;
	return 0;
}

void *nr_table_append(struct nr_table *table)
{
	/* what is forgotten takes no place, so that lazy tables refuse what eager ones do */
	if (NR_UNLIKELY(table->n - table->first >= table->max || table->n >= NR_TABLE_MAX)) {
		table->n_refused++;
		return NULL;
	}
	if (NR_UNLIKELY(table->n >> NR_TABLE_CHUNK_BITS == table->n_chunks) &&
	    chunk_add(table) < 0) {
		table->n_refused++;
		return NULL;
	}
	void *entry = nr_table_at(table, table->n++);

	if (table->entry_size == 64)
		memset(entry, 0, 64); /* the usual size, without a call */
	else
		memset(entry, 0, table->entry_size);
	return entry;
}

void *nr_table_insert(struct nr_table *table, uint64_t hash)
{
	if (NR_UNLIKELY((uint64_t)(table->n - table->first) * 4 >=
			((uint64_t)table->mask + 1) * 3) &&
	    index_grow(table) < 0) {
		table->n_refused++;
		return NULL;
	}
	void *entry = nr_table_append(table);

	if (NR_LIKELY(entry != NULL))
		index_put(table, hash, table->n - 1);
	easy_set(table);
	return entry;
}

static void index_clear(struct nr_table *table)
{
	memset(table->index, 0, ((size_t)table->mask + 1) * sizeof(table->index[0]));
}

/* After a burst the index stays large; shrink it when it is far too large for what it holds. */
static void index_fit(struct nr_table *table)
{
	size_t slots = (size_t)table->mask + 1, want = SLOTS_MIN;

	while (want * 3 < (size_t)table->n * 8)
		want *= 2;
	if (want * 8 > slots)
		return;
	uint32_t *index = index_new(want);

	if (index == NULL)
		return;
	index_free(table->index, slots);
	table->index = index;
	table->mask = (uint32_t)(want - 1);
}

static void chunks_trim(struct nr_table *table, uint32_t keep)
{
	uint32_t need = (keep + NR_TABLE_CHUNK - 1) >> NR_TABLE_CHUNK_BITS;

	while (table->n_chunks > need + 1)
		nr_chunk_free(table->chunks[--table->n_chunks], chunk_bytes(table));
}

void nr_table_sweep(struct nr_table *table, bool (*keep)(void *entry, void *ctx), void *ctx)
{
	uint32_t to = 0;

	for (uint32_t i = 0; i < table->n; i++) {
		void *entry = nr_table_at(table, i);

		if (!keep(entry, ctx))
			continue;
		if (to != i)
			memcpy(nr_table_at(table, to), entry, table->entry_size);
		to++;
	}
	if (to == table->n)
		return;
	table->n = to;
	table->first = 0;
	chunks_trim(table, to);
	if (table->hash != NULL) {
		index_fit(table);
		index_clear(table);
		index_fill(table);
		easy_set(table);
	}
}

void nr_table_forget(struct nr_table *table)
{
	table->first = table->n;
	index_clear(table);
	easy_set(table);
}

void nr_table_clear(struct nr_table *table)
{
	uint32_t usual = table->n;

	if (table->hash != NULL) {
		index_fit(table);
		index_clear(table);
	}
	table->n = table->first = 0;
	chunks_trim(table, usual);
	easy_set(table);
}

size_t nr_table_bytes(const struct nr_table *table)
{
	size_t index = table->hash != NULL ? ((size_t)table->mask + 1) * sizeof(table->index[0])
					   : 0;

	return (size_t)table->n_chunks * NR_TABLE_CHUNK * table->entry_size + index;
}

void nr_table_save(const struct nr_table *table, struct nr_buf *out)
{
	nr_write_varint(out, table->n);
	nr_write_varint(out, table->first);
	for (uint32_t i = 0; i < table->n; i += NR_TABLE_CHUNK) {
		uint32_t n = table->n - i < NR_TABLE_CHUNK ? table->n - i : NR_TABLE_CHUNK;

		nr_buf_add(out, nr_table_at(table, i), (size_t)n * table->entry_size);
	}
}

/* An index large enough for what is there, in one step: filling one that is too small would not end. */
static int index_size(struct nr_table *table)
{
	size_t slots = (size_t)table->mask + 1, want = slots;

	while ((uint64_t)(table->n - table->first) * 4 >= (uint64_t)want * 3)
		want *= 2;
	if (want == slots)
		return 0;
	uint32_t *index = index_new(want);

	if (index == NULL)
		return -ENOMEM;
	index_free(table->index, slots);
	table->index = index;
	table->mask = (uint32_t)(want - 1);
	return 0;
}

int nr_table_load(struct nr_table *table, struct nr_reader *in)
{
	uint64_t n = nr_read_varint(in), first = nr_read_varint(in);

	nr_table_clear(table);
	if (first > n)
		return NR_EDAMAGED;
	if (n - first > table->max || n > NR_TABLE_MAX)
		return NR_ELIMIT;
	if (!nr_reader_ok(in) || n * table->entry_size > nr_reader_left(in))
		return NR_EDAMAGED;
	while (table->n < n) {
		table->first = (uint32_t)(table->n < first ? table->n : first);
		void *entry = nr_table_append(table);

		if (entry == NULL)
			return -ENOMEM;
		memcpy(entry, nr_read_bytes(in, table->entry_size), table->entry_size);
	}
	table->first = (uint32_t)first;
	if (table->hash == NULL)
		return 0;
	if (index_size(table) < 0)
		return -ENOMEM;
	index_clear(table);
	index_fill(table);
	easy_set(table);
	return 0;
}
