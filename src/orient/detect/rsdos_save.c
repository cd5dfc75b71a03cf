/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "orient/detect/rsdos_int.h"

/*
 * A snapshot: magic, version, watermark, then each table as count, refused, entries. Entries are written as
 * they stand in memory (little-endian, no padding: rsdos_int.h asserts the sizes), and every number
 * that is used as an index or a length is checked on the way back in.
 */
enum { MAGIC = 0x73647372, VERSION = 2 }; /* "rsds" */
enum { N_TABLES = 5 };

static void table_save(const struct nr_table *table, struct nr_buf *out)
{
	nr_write_le32(out, table->n);
	nr_write_le64(out, table->n_refused);
	for (uint32_t i = 0; i < table->n; i++)
		nr_buf_add(out, nr_table_at(table, i), table->entry_size);
}

static int table_load(struct nr_table *table, struct nr_reader *in)
{
	uint32_t n = nr_read_le32(in);
	uint64_t refused = nr_read_le64(in);

	if (!nr_reader_ok(in) || n > table->max || nr_reader_left(in) / table->entry_size < n)
		return NR_EDAMAGED;
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *bytes = nr_read_bytes(in, table->entry_size);
		void *entry;

		if (bytes == NULL)
			return NR_EDAMAGED;
		if (table->hash == NULL) {
			entry = nr_table_append(table);
		} else {
			/* entries want 8-byte alignment, bytes of a file promise none */
			uint64_t copy[16];

			nr_require(table->entry_size <= sizeof(copy));
			memcpy(copy, bytes, table->entry_size);
			entry = nr_table_insert(table, table->hash(copy, table->hash_ctx));
		}
		if (entry == NULL)
			return -ENOMEM;
		memcpy(entry, bytes, table->entry_size);
	}
	table->n_refused = refused;
	return 0;
}

int rsdos_save(const void *shard, struct nr_buf *out)
{
	const struct rsdos_shard *s = shard;
	const struct nr_table *tables[N_TABLES] = { &s->victims, &s->tracks, &s->prefixes,
						    &s->groups, &s->pending };

	nr_write_le32(out, MAGIC);
	nr_write_le32(out, VERSION);
	nr_write_le64(out, (uint64_t)s->swept);
	for (size_t i = 0; i < N_TABLES; i++)
		table_save(tables[i], out);
	return out->err;
}

static bool track_ok(const struct rsdos_track *t)
{
	if (t->n > RSDOS_SAMPLE || t->repeats > t->n || t->adjacent > t->n ||
	    t->n_ports > NR_RSDOS_PORTS || t->used > TRACK_PREFIX || t->was_refuted > 1 ||
	    t->is_detected > 1 || t->more_ports > 1 || t->is_v6 > 1 || t->is_dirty != 0)
		return false;
	for (size_t i = 0; i < t->n; i++)
		if (t->type[i] >= RSDOS_TYPE_N)
			return false;
	return t->lambda >= 0 && isfinite(t->lambda) && t->p_ln <= 0 && isfinite(t->p_ln);
}

/* A byte that is no bool, read as one, is undefined: look at the byte. */
static bool is_bool(const void *at)
{
	return *(const uint8_t *)at <= 1;
}

static bool pending_ok(const struct rsdos_pending *pending)
{
	const struct nr_rsdos_evidence *ev = &pending->evidence;

	return pending->kind <= RSDOS_CARPET && pending->is_withdrawn <= 1 &&
	       ev->n_ports <= NR_RSDOS_PORTS && is_bool(&ev->more_ports) &&
	       is_bool(&ev->has_rate) && pending->confidence >= 0 && pending->confidence <= 1 &&
	       isfinite(ev->duration_s) && isfinite(ev->rate_lo) && isfinite(ev->rate) &&
	       isfinite(ev->rate_hi) && isfinite(ev->p_log10) && isfinite(ev->uniform_p) &&
	       isfinite(ev->entropy) && isfinite(ev->background) && isfinite(ev->window_s) &&
	       isfinite(ev->mdr);
}

static bool all_ok(const struct rsdos_shard *s)
{
	for (uint32_t i = 0; i < s->tracks.n; i++)
		if (!track_ok(nr_table_at(&s->tracks, i)))
			return false;
	for (uint32_t i = 0; i < s->prefixes.n; i++) {
		const struct rsdos_prefix *p = nr_table_at(&s->prefixes, i);

		if (p->track > s->tracks.n || p->renumber != i + 1 || p->live2 > p->live)
			return false;
	}
	for (uint32_t i = 0; i < s->victims.n; i++) {
		const struct rsdos_victim *v = nr_table_at(&s->victims, i);

		if (v->track > s->tracks.n || v->prefix > s->prefixes.n || v->n_samples < 1 ||
		    v->n_samples > NR_COUNT(v->samples) || v->packets == 0)
			return false;
		for (size_t k = 0; k < v->n_samples; k++)
			if (v->samples[k].type >= RSDOS_TYPE_N)
				return false;
	}
	for (uint32_t i = 0; i < s->pending.n; i++) {
		if (!pending_ok(nr_table_at(&s->pending, i)))
			return false;
	}
	return true;
}

int rsdos_load(void *shard, struct nr_reader *in)
{
	struct rsdos_shard *s = shard;
	struct nr_table *tables[N_TABLES] = { &s->victims, &s->tracks, &s->prefixes, &s->groups,
					      &s->pending };

	if (nr_read_le32(in) != MAGIC)
		return NR_EFORMAT;
	if (nr_read_le32(in) != VERSION)
		return NR_EVERSION;
	s->swept = (int64_t)nr_read_le64(in);
	if (s->swept < -RSDOS_TICK_MAX || s->swept > RSDOS_TICK_MAX)
		return NR_EDAMAGED;
	for (size_t i = 0; i < N_TABLES; i++) {
		int ret = table_load(tables[i], in);

		if (ret < 0)
			return ret;
	}
	return all_ok(s) ? 0 : NR_EDAMAGED;
}
