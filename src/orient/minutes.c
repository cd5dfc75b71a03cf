/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/minutes.h"

#include <stdlib.h>

#include "record/shard.h"

enum { MINUTE_S = 60 };

struct nr_minutes {
	struct nr_table
		shards[NR_SHARDS]; /* of struct nr_observation, tick the start of a minute */
	struct nr_hash_key key;
	struct nr_engine_out inner;
	int64_t newest; /* minute, s */
	uint64_t n_parts;
};

static uint64_t flow_hash(const void *entry, const void *ctx)
{
	const struct nr_observation *o = entry;
	const struct nr_hash_key *key = ctx;
	uint64_t w[6];

	memcpy(w, &o->src, 3 * sizeof(struct nr_ip));
	uint64_t what = (uint64_t)o->sport << 48 | (uint64_t)o->dport << 32 |
			(uint64_t)o->proto << 24 | (uint64_t)o->traffic_class << 16 |
			o->quoted_dport;
	uint64_t quoted = nr_hash64(key, w[4] ^ o->quoted_proto, w[5]);

	return nr_hash64(key, nr_hash64(key, w[0], w[1]) ^ what,
			 nr_hash64(key, w[2], w[3]) ^ (uint64_t)o->tick ^ quoted);
}
_Static_assert(offsetof(struct nr_observation, quoted_dst) == 2 * sizeof(struct nr_ip),
	       "three addresses in a row");

static bool flow_eq(const void *entry, const void *key)
{
	const struct nr_observation *e = entry, *k = key;

	return memcmp(&e->src, &k->src, 3 * sizeof(struct nr_ip)) == 0 && e->tick == k->tick &&
	       e->sport == k->sport && e->dport == k->dport && e->proto == k->proto &&
	       e->traffic_class == k->traffic_class &&
	       ((e->flags ^ k->flags) & NR_OBS_QUOTED) == 0 && e->quoted_proto == k->quoted_proto &&
	       e->quoted_dport == k->quoted_dport;
}

int nr_minutes_new(struct nr_engine_out inner, uint32_t max_entries,
		   struct nr_minutes **ret_minutes)
{
	nr_auto(nr_minutes) m = calloc(1, sizeof(*m));

	if (m == NULL)
		return -ENOMEM;
	m->inner = inner;
	m->newest = INT64_MIN;
	int r = nr_hash_key_random(&m->key);

	for (unsigned s = 0; s < NR_SHARDS && r == 0; s++)
		r = nr_table_init(&m->shards[s], sizeof(struct nr_observation),
				  max_entries != 0 ? max_entries : NR_MINUTES_ENTRIES, flow_hash,
				  &m->key);
	if (r == 0)
		*ret_minutes = NR_TAKE(m);
	return r;
}

struct nr_minutes *nr_minutes_free(struct nr_minutes *minutes)
{
	for (unsigned s = 0; minutes != NULL && s < NR_SHARDS; s++)
		nr_table_done(&minutes->shards[s]);
	free(minutes);
	return NULL;
}

static int hand_out(struct nr_minutes *m, struct nr_table *table)
{
	uint32_t n = table->n;
	int r = 0;

	for (uint32_t i = 0; i < n && r == 0; i += NR_TABLE_CHUNK)
		r = m->inner.flows(m->inner.ctx, nr_table_at(table, i),
				   n - i < NR_TABLE_CHUNK ? n - i : NR_TABLE_CHUNK);
	if (n > 0)
		nr_table_clear(table);
	return r;
}

int nr_minutes_finish(struct nr_minutes *minutes)
{
	int r = 0;

	for (unsigned s = 0; s < NR_SHARDS && r == 0; s++)
		r = hand_out(minutes, &minutes->shards[s]);
	return r;
}

/* The flow of one second as the beginning of one of a minute. */
static struct nr_observation as_minute(const struct nr_observation *second)
{
	int64_t in_minute = (second->tick % MINUTE_S + MINUTE_S) % MINUTE_S,
		ns = in_minute * NR_NS_PER_S;
	struct nr_observation o = *second;

	o.tick -= in_minute;
	o.first = (uint32_t)((ns + second->first) / NR_OBS_MINUTE_UNIT_NS);
	o.last = (uint32_t)((ns + second->last) / NR_OBS_MINUTE_UNIT_NS);
	o.flags |= NR_OBS_MINUTE;
	return o;
}

static void merge(struct nr_observation *into, const struct nr_observation *from)
{
	uint32_t packets = into->packets + from->packets;

	into->packets = packets < from->packets ? UINT32_MAX : packets;
	into->bytes += from->bytes;
	into->first = from->first < into->first ? from->first : into->first;
	into->last = from->last > into->last ? from->last : into->last;
	into->tcp_flags |= from->tcp_flags;
	into->flags |= from->flags;
	into->ttl_min = from->ttl_min < into->ttl_min ? from->ttl_min : into->ttl_min;
	into->ttl_max = from->ttl_max > into->ttl_max ? from->ttl_max : into->ttl_max;
	if (into->payload == NR_PAYLOAD_NONE) {
		into->payload = from->payload;
		into->payload_hash = from->payload_hash;
	}
	for (unsigned i = 0; i < NR_MARK_SLOTS; i++) {
		unsigned sum = (unsigned)into->marks[i] + from->marks[i];

		into->marks[i] = (uint8_t)(sum < UINT8_MAX ? sum : UINT8_MAX);
	}
}

static int add(struct nr_minutes *m, const struct nr_observation *second)
{
	struct nr_observation o = as_minute(second);
	struct nr_table *table = &m->shards[nr_shard_of(o.src)];
	uint64_t hash = flow_hash(&o, &m->key);
	int r = 0;

	if (o.tick > m->newest) {
		r = nr_minutes_finish(m);
		m->newest = o.tick;
	}
	struct nr_observation *there = nr_table_find(table, hash, flow_eq, &o);

	if (there != NULL) {
		merge(there, &o);
		return r;
	}
	if (r == 0 && table->n == table->max) {
		r = hand_out(m, table);
		m->n_parts++;
	}
	there = r == 0 ? nr_table_insert(table, hash) : NULL;
	if (there == NULL)
		return r < 0 ? r : -ENOMEM;
	*there = o;
	return 0;
}

static int take_flows(void *ctx, const struct nr_observation *obs, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = add(ctx, &obs[i]);
	return r;
}

static int pass_source(void *ctx, const struct nr_source *source)
{
	struct nr_minutes *m = ctx;

	return m->inner.source(m->inner.ctx, source);
}

static int pass_finding(void *ctx, const struct nr_finding *finding)
{
	struct nr_minutes *m = ctx;

	return m->inner.finding(m->inner.ctx, finding);
}

struct nr_engine_out nr_minutes_out(struct nr_minutes *minutes)
{
	const struct nr_engine_out *inner = &minutes->inner;

	return (struct nr_engine_out){ .ctx = minutes,
				       .flows = inner->flows != NULL ? take_flows : NULL,
				       .source = inner->source != NULL ? pass_source : NULL,
				       .finding = inner->finding != NULL ? pass_finding : NULL };
}

uint64_t nr_minutes_n_parts(const struct nr_minutes *minutes)
{
	return minutes->n_parts;
}
