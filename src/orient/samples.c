/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/samples.h"

enum { HOUR = 3600 };

static uint64_t sample_hash(const void *entry, const void *ctx)
{
	const struct nr_sample *s = entry;
	uint64_t w[2];

	memcpy(w, &s->src, sizeof(w));
	return nr_hash64(ctx, w[0] ^ ((uint64_t)s->proto << 16 | s->port), w[1]);
}

static bool sample_eq(const void *entry, const void *key)
{
	const struct nr_sample *a = entry, *b = key;

	return nr_ip_eq(a->src, b->src) && a->port == b->port && a->proto == b->proto;
}

int nr_samples_init(struct nr_samples *samples, const struct nr_hash_key *key)
{
	samples->key = *key;
	samples->next_sweep = INT64_MIN;
	return nr_table_init(&samples->table, sizeof(struct nr_sample), NR_SAMPLES_MAX, sample_hash,
			     &samples->key);
}

void nr_samples_done(struct nr_samples *samples)
{
	nr_table_done(&samples->table);
}

void nr_samples_add(struct nr_samples *samples, const struct nr_sample *sample)
{
	uint64_t hash = sample_hash(sample, &samples->key);

	if (nr_table_find(&samples->table, hash, sample_eq, sample) != NULL)
		return;
	struct nr_sample *kept = nr_table_insert(&samples->table, hash);

	if (kept != NULL)
		*kept = *sample;
}

const struct nr_sample *nr_samples_find(const struct nr_samples *samples, struct nr_ip src,
					uint8_t proto, uint16_t port)
{
	struct nr_sample key = { .src = src, .proto = proto, .port = port };

	return nr_table_find(&samples->table, sample_hash(&key, &samples->key), sample_eq, &key);
}

static bool is_young(void *entry, void *ctx)
{
	return nr_time_floor_s(((const struct nr_sample *)entry)->first) + NR_SAMPLES_AGE_S >
	       *(const int64_t *)ctx;
}

void nr_samples_advance(struct nr_samples *samples, int64_t now)
{
	if (now < samples->next_sweep)
		return;
	samples->next_sweep = now - now % HOUR + HOUR;
	nr_table_sweep(&samples->table, is_young, &now);
}

void nr_samples_save(const struct nr_samples *samples, struct nr_buf *out)
{
	nr_write_le64(out, (uint64_t)samples->next_sweep);
	nr_table_save(&samples->table, out);
}

int nr_samples_load(struct nr_samples *samples, struct nr_reader *in)
{
	samples->next_sweep = (int64_t)nr_read_le64(in);
	return nr_table_load(&samples->table, in);
}
