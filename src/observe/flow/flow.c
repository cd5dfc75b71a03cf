/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 * 1. Every entry that the index of v4 or v6 finds arrived under flow->watermark; all others arrived under older
 *    ones of the same minute.
 * 2. An entry's packets share tick, addresses, ports, protocol, class and quoted packet.
 * 3. bytes of an IPv4 entry fit 40 bits, packets 32: a second at line rate cannot pass either.
 */
#include "observe/flow/flow.h"

#include <stdlib.h>

/* One packet on its way into a table. */
struct key4 {
	uint64_t ports, hash;	       /* IPv4 only */
	uint64_t source;	       /* nr_pair_hash() */
	const struct nr_flow4 *packed; /* NULL: IPv6 */
	struct nr_flow *flow;
};

static inline uint64_t hash4(const struct nr_hash_key *key, const struct nr_flow4 *e,
			     uint64_t ports)
{
	uint32_t quoted = NR_UNLIKELY(ports & NR_FLOW4_QUOTED) ? e->quoted.dst : 0;

	return nr_hash64(key, e->addr, ports ^ quoted);
}

static uint64_t entry_hash4(const void *entry, const void *ctx)
{
	const struct nr_flow4 *e = entry;

	return hash4(ctx, e, e->ports);
}

static bool eq4(const void *entry, const void *key)
{
	const struct nr_flow4 *e = entry;
	const struct key4 *k = key;
	const struct nr_flow4 *p = k->packed;

	if (((e->addr ^ p->addr) | (e->ports ^ k->ports) | (e->tick ^ p->tick)) != 0)
		return false;
	return !(k->ports & NR_FLOW4_QUOTED) ||
	       (e->quoted.dst == p->quoted.dst && e->quoted.dport == p->quoted.dport &&
		e->quoted.proto == p->quoted.proto);
}

static uint64_t ip6_hash(const struct nr_hash_key *key, const struct nr_observation *o)
{
	uint64_t w[6];

	memcpy(w, &o->src, 16);
	memcpy(w + 2, &o->dst, 16);
	memcpy(w + 4, &o->quoted_dst, 16);
	uint64_t ports = (uint64_t)o->sport << 48 | (uint64_t)o->dport << 32 |
			 (uint64_t)o->proto << 24 | (uint64_t)o->traffic_class << 16 |
			 (o->flags & NR_OBS_MIRROR);

	return nr_hash64(key, nr_hash64(key, w[0], w[1]) ^ ports,
			 nr_hash64(key, w[2], w[3]) ^
				 nr_fold64(w[4] ^ key->k[0], w[5] ^ key->k[1]));
}

static uint64_t entry_hash6(const void *entry, const void *ctx)
{
	return ip6_hash(ctx, entry);
}

static bool eq6(const void *entry, const void *key)
{
	const struct nr_observation *e = entry, *k = key;
	uint8_t kind = NR_OBS_MIRROR | NR_OBS_QUOTED;

	return memcmp(&e->src, &k->src, 3 * sizeof(struct nr_ip)) == 0 && e->tick == k->tick &&
	       e->sport == k->sport && e->dport == k->dport && e->proto == k->proto &&
	       e->traffic_class == k->traffic_class && (e->flags & kind) == (k->flags & kind) &&
	       e->quoted_proto == k->quoted_proto && e->quoted_dport == k->quoted_dport;
}

int nr_flow_init(struct nr_flow *flow, unsigned shard, const struct nr_hash_key *key,
		 uint32_t max_flows)
{
	*flow = (struct nr_flow){ .key = *key, .watermark = INT64_MIN, .shard = shard };
	int r = nr_table_init(&flow->v4, sizeof(struct nr_flow4), max_flows, entry_hash4,
			      &flow->key);

	if (r == 0)
		r = nr_table_init(&flow->v6, sizeof(struct nr_observation), max_flows, entry_hash6,
				  &flow->key);
	if (r == 0)
		r = nr_pair_init(&flow->pair);
	if (r < 0)
		nr_flow_done(flow);
	return r;
}

void nr_flow_done(struct nr_flow *flow)
{
	nr_table_done(&flow->v4);
	nr_table_done(&flow->v6);
	nr_pair_done(&flow->pair);
}

/* Entries of one chunk to whoever takes them as observations. */
static void flush_expanded(struct nr_flow *flow, const struct nr_flow4 *entries, uint32_t n,
			   const struct nr_flow_out *out)
{
	NR_UNINITIALIZED struct nr_observation batch[NR_FLOW_BATCH];

	for (uint32_t i = 0; i < n; i += NR_FLOW_BATCH) {
		uint32_t k = n - i < NR_FLOW_BATCH ? n - i : NR_FLOW_BATCH;

		for (uint32_t j = 0; j < k; j++)
			nr_flow4_expand(&entries[i + j], &batch[j]);
		out->batch(out->ctx, flow->shard, flow->watermark, batch, k);
	}
}

static void flush(struct nr_flow *flow, const struct nr_flow_out *out)
{
	uint32_t n = flow->v4.n;

	for (uint32_t i = 0; i < n; i += NR_TABLE_CHUNK) {
		uint32_t k = n - i < NR_TABLE_CHUNK ? n - i : NR_TABLE_CHUNK, copies = 0;
		const struct nr_flow4 *entries = nr_table_at(&flow->v4, i);

		for (uint32_t j = 0; j < k; j++)
			copies += (uint32_t)entries[j].ports & NR_FLOW4_MIRROR;
		flow->n_flows += k - copies;
		if (out->packed != NULL)
			out->packed(out->ctx, flow->shard, flow->watermark, entries, k);
		else
			flush_expanded(flow, entries, k, out);
	}
	for (uint32_t i = 0; i < flow->v6.n; i++) {
		const struct nr_observation *o = nr_table_at(&flow->v6, i);

		flow->n_flows += !(o->flags & NR_OBS_MIRROR);
		out->batch(out->ctx, flow->shard, flow->watermark, o, 1);
	}
	if (n > 0)
		nr_table_clear(&flow->v4);
	if (flow->v6.n > 0)
		nr_table_clear(&flow->v6);
}
_Static_assert(NR_FLOW4_MIRROR == 1, "counted as it stands");

static void advance(struct nr_flow *flow, int64_t watermark, const struct nr_flow_out *out)
{
	uint32_t n = flow->v4.n + flow->v6.n;
	bool same_minute = flow->watermark != INT64_MIN &&
			   watermark / NR_FLOW_MINUTE == flow->watermark / NR_FLOW_MINUTE;

	if (n > 0 && (flow->eager || n >= NR_FLOW_WAITING || !same_minute)) {
		flush(flow, out);
	} else if (n > 0) {
		nr_table_forget(&flow->v4);
		if (flow->v6.n > 0)
			nr_table_forget(&flow->v6);
	}
	flow->watermark = watermark;
}

void nr_flow_advance(struct nr_flow *flow, int64_t watermark, const struct nr_flow_out *out)
{
	if (NR_UNLIKELY(watermark > flow->watermark))
		advance(flow, watermark, out);
}

static void marks_add(uint8_t *counts, uint16_t marks)
{
	while (marks != 0) {
		unsigned m = (unsigned)__builtin_ctz(marks);

		counts[m] = (uint8_t)(counts[m] + (counts[m] != UINT8_MAX));
		marks &= (uint16_t)(marks - 1);
	}
}

static inline void key4_make(struct nr_flow *flow, const struct nr_flow4 *e, bool mirror,
			     struct key4 *k)
{
	k->packed = e;
	k->flow = flow;
	k->source = nr_flow4_source_hash(e);
	k->ports = e->ports | mirror * NR_FLOW4_MIRROR;
	k->hash = hash4(&flow->key, e, k->ports);
}

/* What is no TCP, and copies, note themselves where nobody looks: a branch here is often guessed wrong. */
static inline uint16_t pair4(const struct key4 *k)
{
	const struct nr_flow4 *e = k->packed;
	uint32_t bits = (k->ports & NR_FLOW4_MIRROR) ? 0 : e->marks[NR_FLOW4_PAIR];
	struct nr_pair_slot now = { .who = e->addr << 32 | bits,
				    .what = (e->ports & ~(uint64_t)UINT32_MAX) | e->last };
	struct nr_pair_slot nowhere = { 0 };
	uintptr_t there = (uintptr_t)nr_pair_slot_of(&k->flow->pair, k->source),
		  none = (uintptr_t)&nowhere;
	uintptr_t slot = none ^ ((none ^ there) & (0 - (uintptr_t)(bits & NR_PAIR_USED)));

	return nr_pair_note((struct nr_pair_slot *)slot, k->source, now);
}

static inline void flow4_begin(struct nr_flow4 *e, const struct key4 *k, uint32_t late)
{
	uint64_t mirror = k->ports & NR_FLOW4_MIRROR;

	*e = *k->packed;
	e->ports = k->ports;
	e->last = k->packed->first;
	e->flags = (uint8_t)(k->packed->flags | mirror * NR_OBS_MIRROR | late);
	e->marks[NR_FLOW4_PAIR] = 0;
}

static void flow4_continue(struct nr_flow4 *e, const struct key4 *k)
{
	const struct nr_flow4 *p = k->packed;
	uint64_t bytes = (uint64_t)e->bytes_lo + p->bytes_lo;

	e->packets++;
	e->bytes_lo = (uint32_t)bytes;
	e->bytes_hi = (uint8_t)(e->bytes_hi + (bytes >> 32));
	e->first = p->first < e->first ? p->first : e->first;
	e->last = p->first > e->last ? p->first : e->last;
	e->tcp_flags |= p->tcp_flags;
	e->ttl_min = p->ttl_min < e->ttl_min ? p->ttl_min : e->ttl_min;
	e->ttl_max = p->ttl_max > e->ttl_max ? p->ttl_max : e->ttl_max;
	e->flags |= p->flags;
	if (e->payload == NR_PAYLOAD_NONE && p->payload != NR_PAYLOAD_NONE) {
		e->payload = p->payload;
		e->payload_hash = p->payload_hash;
	}
	for (unsigned m = 0; m < NR_MARK_N && !(k->ports & NR_FLOW4_QUOTED); m++)
		e->marks[m] =
			(uint8_t)(e->marks[m] + ((p->marks[m] != 0) & (e->marks[m] != UINT8_MAX)));
}

static inline void feed4(const struct key4 *k)
{
	struct nr_flow *flow = k->flow;
	uint16_t marks = pair4(k);
	uint32_t late = (k->packed->tick < flow->watermark) * (uint32_t)NR_OBS_LATE;
	bool fresh;
	struct nr_flow4 *e = nr_table_find_or_add(&flow->v4, k->hash, eq4, k, &fresh);

	if (NR_UNLIKELY(e == NULL)) {
		flow->n_refused += !(k->ports & NR_FLOW4_MIRROR);
		return;
	}
	if (NR_LIKELY(fresh)) {
		/* where the shard's next flow goes: too many shards for the processor to see it */
		__builtin_prefetch(e + 1, 1);
		flow4_begin(e, k, late);
	} else {
		flow4_continue(e, k);
		e->flags |= (uint8_t)late;
	}
	if (NR_UNLIKELY(marks != 0))
		marks_add(e->marks, marks);
}

static void feed6(struct nr_flow *flow, const struct nr_packet *p, bool mirror, uint64_t source)
{
	uint16_t marks = p->marks;
	int64_t tick = p->tick;
	uint32_t offset = p->offset;
	struct nr_observation fresh = {
		.src = p->src,
		.dst = p->dst,
		.quoted_dst = p->quoted_dst,
		.tick = tick,
		.first = offset,
		.last = offset,
		.opt_hash = p->opt_hash,
		.sport = p->sport,
		.dport = p->dport,
		.window = p->window,
		.quoted_dport = p->quoted_dport,
		.quoted_proto = p->quoted_proto,
		.proto = p->proto,
		.traffic_class = p->traffic_class,
		.ttl_min = p->ttl,
		.ttl_max = p->ttl,
		.flags = (uint8_t)((p->quoted_proto != 0 ? NR_OBS_QUOTED : 0) |
				   (mirror ? NR_OBS_MIRROR : 0)),
	};
	uint64_t hash = ip6_hash(&flow->key, &fresh);

	if (p->proto == 6 && !mirror)
		marks |= nr_pair_feed_hashed(&flow->pair, source, p);
	struct nr_observation *e = nr_table_find(&flow->v6, hash, eq6, &fresh);

	if (e == NULL) {
		e = nr_table_insert(&flow->v6, hash);
		if (e == NULL) {
			flow->n_refused += !mirror;
			return;
		}
		*e = fresh;
	}
	e->packets++;
	e->bytes += p->ip_len;
	e->first = offset < e->first ? offset : e->first;
	e->last = offset > e->last ? offset : e->last;
	e->tcp_flags |= p->tcp_flags;
	e->ttl_min = p->ttl < e->ttl_min ? p->ttl : e->ttl_min;
	e->ttl_max = p->ttl > e->ttl_max ? p->ttl : e->ttl_max;
	e->flags |= nr_flow4_flags(p) | (tick < flow->watermark) * NR_OBS_LATE;
	if (e->payload == NR_PAYLOAD_NONE && p->payload_class != NR_PAYLOAD_NONE) {
		e->payload = p->payload_class;
		e->payload_hash = p->payload_hash;
	}
	marks_add(e->marks, marks);
}

/* How many of the @p n, which do not fall, share the watermark of the first: nearly always all. */
static size_t same_watermark(const int64_t *watermarks, const struct nr_flow_step *steps, size_t n)
{
	int64_t watermark = watermarks[steps[0].packet];
	size_t k = n;

	while (k > 1 && watermarks[steps[k - 1].packet] != watermark)
		k--;
	return k;
}

/* Hash all, fetch all, then update: the loads of a batch overlap. */
static size_t feed_batch(struct nr_flow *flows, const struct nr_flow_input *in,
			 const struct nr_flow_step *steps, size_t n, const struct nr_flow_out *out)
{
	NR_UNINITIALIZED struct key4 keys[NR_FLOW_BATCH];
	int64_t watermark = in->watermarks[steps[0].packet];

	n = same_watermark(in->watermarks, steps, n);
	for (size_t k = 0; k < n; k++) {
		const struct nr_flow_step step = steps[k];
		struct nr_flow *flow = &flows[step.shard];
		const struct nr_flow4 *e = &in->entries[step.packet];

		nr_flow_advance(flow, watermark, out);
		if (NR_LIKELY(e->packets != 0)) {
			key4_make(flow, e, step.mirror, &keys[k]);
			nr_table_prefetch_slot(&flow->v4, keys[k].hash);
		} else {
			keys[k].packed = NULL;
			keys[k].flow = flow;
			keys[k].source = nr_pair_hash(&in->packets[step.packet]);
		}
		nr_pair_prefetch(&flow->pair, keys[k].source);
	}
	for (size_t i = 0; i < n; i++)
		if (NR_LIKELY(keys[i].packed != NULL))
			nr_table_prefetch_entry(&keys[i].flow->v4, keys[i].hash);
	for (size_t i = 0; i < n; i++) {
		if (NR_LIKELY(keys[i].packed != NULL))
			feed4(&keys[i]);
		else
			feed6(keys[i].flow, &in->packets[steps[i].packet], steps[i].mirror,
			      keys[i].source);
	}
	return n;
}

void nr_flow_feed_packed(struct nr_flow *flows, const struct nr_flow_input *in,
			 const struct nr_flow_step *steps, size_t n, const struct nr_flow_out *out)
{
	for (size_t i = 0; i < n;)
		i += feed_batch(flows, in, steps + i, nr_min_size(n - i, NR_FLOW_BATCH), out);
}

void nr_flow_feed(struct nr_flow *flows, const struct nr_packet *packets, const int64_t *watermarks,
		  const struct nr_flow_step *steps, size_t n, const struct nr_flow_out *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct nr_packet *p = &packets[steps[i].packet];
		struct nr_flow_step step = { 0, steps[i].shard, steps[i].mirror };
		struct nr_flow4 entry = { 0 };
		struct nr_flow_input in = { p, &entry, &watermarks[steps[i].packet] };

		if (p->is_v4)
			nr_flow4_pack(p, &entry);
		nr_flow_feed_packed(flows, &in, &step, 1, out);
	}
}

void nr_flow_save(const struct nr_flow *flow, struct nr_buf *out)
{
	nr_write_le64(out, (uint64_t)flow->watermark);
	nr_write_varint(out, flow->n_flows);
	nr_write_varint(out, flow->n_refused);
	nr_table_save(&flow->v4, out);
	nr_table_save(&flow->v6, out);
	nr_pair_save(&flow->pair, out);
}

int nr_flow_load(struct nr_flow *flow, struct nr_reader *in)
{
	flow->watermark = (int64_t)nr_read_le64(in);
	flow->n_flows = nr_read_varint(in);
	flow->n_refused = nr_read_varint(in);
	int r = nr_table_load(&flow->v4, in);

	if (r == 0)
		r = nr_table_load(&flow->v6, in);
	return r < 0 ? r : nr_pair_load(&flow->pair, in);
}
