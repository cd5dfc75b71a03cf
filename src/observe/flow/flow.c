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

enum { KEY_MIRROR = 1, KEY_QUOTED = 2 };

/* What an IPv4 flow needs, in one cache line. ICMP errors have no marks: their room holds the quote. */
struct flow4 {
	uint64_t addr;	/* src << 32 | dst */
	uint64_t ports; /* sport << 48 | dport << 32 | proto << 24 | class << 16 | KEY_* */
	uint32_t tick;
	uint32_t packets;
	uint32_t bytes_lo;
	uint32_t first, last;
	uint32_t opt_hash;
	uint32_t payload_hash;
	uint16_t window;
	uint8_t bytes_hi;
	uint8_t tcp_flags;
	uint8_t ttl_min, ttl_max;
	uint8_t payload;
	uint8_t flags;
	union {
		uint8_t marks[NR_MARK_SLOTS];
		struct {
			uint32_t dst;
			uint16_t dport;
			uint8_t proto;
		} quoted;
	};
};
_Static_assert(sizeof(struct flow4) == 64, "one cache line");

struct key4 {
	uint64_t addr, ports, hash;
	uint32_t tick;
	uint32_t quoted_dst;
	uint16_t quoted_dport;
	uint8_t quoted_proto;
};

static uint64_t hash4(const struct nr_hash_key *key, uint64_t addr, uint64_t ports, uint32_t quoted)
{
	return nr_hash64(key, addr, ports ^ quoted);
}

static uint64_t entry_hash4(const void *entry, const void *ctx)
{
	const struct flow4 *e = entry;

	return hash4(ctx, e->addr, e->ports, e->ports & KEY_QUOTED ? e->quoted.dst : 0);
}

static bool eq4(const void *entry, const void *key)
{
	const struct flow4 *e = entry;
	const struct key4 *k = key;

	if (e->addr != k->addr || e->ports != k->ports || e->tick != k->tick)
		return false;
	return !(k->ports & KEY_QUOTED) ||
	       (e->quoted.dst == k->quoted_dst && e->quoted.dport == k->quoted_dport &&
		e->quoted.proto == k->quoted_proto);
}

static uint64_t ip6_hash(const struct nr_hash_key *key, const struct nr_observation *o)
{
	uint64_t w[6];

	memcpy(w, &o->src, 16);
	memcpy(w + 2, &o->dst, 16);
	memcpy(w + 4, &o->quoted_dst, 16);
	uint64_t ports = (uint64_t)o->sport << 48 | (uint64_t)o->dport << 32 | (uint64_t)o->proto << 24 |
			 (uint64_t)o->traffic_class << 16 | (o->flags & NR_OBS_MIRROR);

	return nr_hash64(key, nr_hash64(key, w[0], w[1]) ^ ports,
			 nr_hash64(key, w[2], w[3]) ^ nr_fold64(w[4] ^ key->k[0], w[5] ^ key->k[1]));
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

int nr_flow_init(struct nr_flow *flow, unsigned shard, const struct nr_hash_key *key, uint32_t max_flows)
{
	*flow = (struct nr_flow){ .key = *key, .watermark = INT64_MIN, .shard = shard };
	int r = nr_table_init(&flow->v4, sizeof(struct flow4), max_flows, entry_hash4, &flow->key);

	if (r == 0)
		r = nr_table_init(&flow->v6, sizeof(struct nr_observation), max_flows, entry_hash6, &flow->key);
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

/* @return whether it counts: mirrors are copies */
static bool expand(const struct flow4 *e, struct nr_observation *o)
{
	bool quoted = e->ports & KEY_QUOTED;

	*o = (struct nr_observation){
		.src = nr_ip_v4((uint32_t)(e->addr >> 32)),
		.dst = nr_ip_v4((uint32_t)e->addr),
		.tick = e->tick,
		.bytes = (uint64_t)e->bytes_hi << 32 | e->bytes_lo,
		.packets = e->packets,
		.first = e->first,
		.last = e->last,
		.opt_hash = e->opt_hash,
		.payload_hash = e->payload_hash,
		.sport = (uint16_t)(e->ports >> 48),
		.dport = (uint16_t)(e->ports >> 32),
		.window = e->window,
		.proto = (uint8_t)(e->ports >> 24),
		.traffic_class = (uint8_t)(e->ports >> 16),
		.payload = e->payload,
		.tcp_flags = e->tcp_flags,
		.ttl_min = e->ttl_min,
		.ttl_max = e->ttl_max,
		.flags = e->flags,
	};
	if (quoted) {
		o->quoted_dst = nr_ip_v4(e->quoted.dst);
		o->quoted_dport = e->quoted.dport;
		o->quoted_proto = e->quoted.proto;
	} else {
		memcpy(o->marks, e->marks, sizeof(o->marks));
	}
	return !(e->ports & KEY_MIRROR);
}

static void flush(struct nr_flow *flow, const struct nr_flow_out *out)
{
	NR_UNINITIALIZED struct nr_observation batch[NR_FLOW_BATCH];
	uint32_t n = flow->v4.n;

	for (uint32_t i = 0; i < n; i += NR_FLOW_BATCH) {
		uint32_t k = 0;

		for (; k < NR_FLOW_BATCH && i + k < n; k++)
			flow->n_flows += expand(nr_table_at(&flow->v4, i + k), &batch[k]);
		out->batch(out->ctx, flow->shard, flow->watermark, batch, k);
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

static uint8_t packet_flags(const struct nr_packet *p, bool late)
{
	return (uint8_t)((late ? NR_OBS_LATE : 0) |
			 (p->anomalies & (1u << NR_ANOMALY_FRAGMENT) ? NR_OBS_FRAGMENT : 0) |
			 (p->anomalies & ~(1u << NR_ANOMALY_FRAGMENT) ? NR_OBS_ODD : 0));
}

static void key4_make(const struct nr_flow *flow, const struct nr_packet *p, bool mirror, struct key4 *k)
{
	bool quoted = p->quoted_proto != 0;

	k->addr = (uint64_t)nr_ip_to_v4(p->src) << 32 | nr_ip_to_v4(p->dst);
	k->ports = (uint64_t)p->sport << 48 | (uint64_t)p->dport << 32 | (uint64_t)p->proto << 24 |
		   (uint64_t)p->traffic_class << 16 | (quoted ? KEY_QUOTED : 0) | (mirror ? KEY_MIRROR : 0);
	k->tick = p->tick;
	k->quoted_dst = quoted ? nr_ip_to_v4(p->quoted_dst) : 0;
	k->quoted_dport = p->quoted_dport;
	k->quoted_proto = p->quoted_proto;
	k->hash = hash4(&flow->key, k->addr, k->ports, k->quoted_dst);
}

static void flow4_begin(struct flow4 *e, const struct nr_packet *p, const struct key4 *k)
{
	*e = (struct flow4){
		.addr = k->addr,
		.ports = k->ports,
		.tick = k->tick,
		.packets = 1,
		.bytes_lo = p->ip_len,
		.first = p->offset,
		.last = p->offset,
		.opt_hash = p->opt_hash,
		.payload_hash = p->payload_hash,
		.window = p->window,
		.tcp_flags = p->tcp_flags,
		.ttl_min = p->ttl,
		.ttl_max = p->ttl,
		.payload = p->payload_class,
		.flags = (uint8_t)(k->ports & KEY_MIRROR ? NR_OBS_MIRROR : 0),
	};
	if (NR_UNLIKELY(k->ports & KEY_QUOTED)) {
		e->quoted.dst = k->quoted_dst;
		e->quoted.dport = k->quoted_dport;
		e->quoted.proto = k->quoted_proto;
		e->flags |= NR_OBS_QUOTED;
	}
}

static void flow4_continue(struct flow4 *e, const struct nr_packet *p)
{
	uint64_t bytes = (uint64_t)e->bytes_lo + p->ip_len;

	e->packets++;
	e->bytes_lo = (uint32_t)bytes;
	e->bytes_hi = (uint8_t)(e->bytes_hi + (bytes >> 32));
	e->first = p->offset < e->first ? p->offset : e->first;
	e->last = p->offset > e->last ? p->offset : e->last;
	e->tcp_flags |= p->tcp_flags;
	e->ttl_min = p->ttl < e->ttl_min ? p->ttl : e->ttl_min;
	e->ttl_max = p->ttl > e->ttl_max ? p->ttl : e->ttl_max;
	if (e->payload == NR_PAYLOAD_NONE && p->payload_class != NR_PAYLOAD_NONE) {
		e->payload = p->payload_class;
		e->payload_hash = p->payload_hash;
	}
}

static void feed4(struct nr_flow *flow, const struct nr_packet *p, const struct key4 *k, uint16_t marks)
{
	bool fresh;
	struct flow4 *e = nr_table_find_or_add(&flow->v4, k->hash, eq4, k, &fresh);

	if (NR_UNLIKELY(e == NULL)) {
		flow->n_refused += !(k->ports & KEY_MIRROR);
		return;
	}
	if (NR_LIKELY(fresh))
		flow4_begin(e, p, k);
	else
		flow4_continue(e, p);
	e->flags |= packet_flags(p, (int64_t)k->tick < flow->watermark);
	if (marks != 0 && !(k->ports & KEY_QUOTED))
		marks_add(e->marks, marks);
}

static void feed6(struct nr_flow *flow, const struct nr_packet *p, bool mirror, uint16_t marks)
{
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
		.flags = (uint8_t)((p->quoted_proto != 0 ? NR_OBS_QUOTED : 0) | (mirror ? NR_OBS_MIRROR : 0)),
	};
	uint64_t hash = ip6_hash(&flow->key, &fresh);
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
	e->flags |= packet_flags(p, tick < flow->watermark);
	if (e->payload == NR_PAYLOAD_NONE && p->payload_class != NR_PAYLOAD_NONE) {
		e->payload = p->payload_class;
		e->payload_hash = p->payload_hash;
	}
	marks_add(e->marks, marks);
}

/* Hash all, fetch all, then update: the loads of a batch overlap. */
static void feed_batch(struct nr_flow *flows, const struct nr_packet *packets, const struct nr_flow_step *steps,
		       size_t n)
{
	NR_UNINITIALIZED struct key4 keys[NR_FLOW_BATCH];

	for (size_t i = 0; i < n; i++) {
		const struct nr_packet *p = &packets[steps[i].packet];
		struct nr_flow *flow = &flows[steps[i].shard];

		if (NR_LIKELY(p->is_v4)) {
			key4_make(flow, p, steps[i].mirror, &keys[i]);
			nr_table_prefetch_slot(&flow->v4, keys[i].hash);
		}
		if (p->proto == 6)
			nr_pair_prefetch(&flow->pair, p);
	}
	for (size_t i = 0; i < n; i++)
		if (NR_LIKELY(packets[steps[i].packet].is_v4))
			nr_table_prefetch_entry(&flows[steps[i].shard].v4, keys[i].hash);
	for (size_t i = 0; i < n; i++) {
		const struct nr_packet *p = &packets[steps[i].packet];
		struct nr_flow *flow = &flows[steps[i].shard];
		uint16_t marks = p->marks;

		if (p->proto == 6 && !steps[i].mirror)
			marks |= nr_pair_feed(&flow->pair, p);
		if (NR_LIKELY(p->is_v4))
			feed4(flow, p, &keys[i], marks);
		else
			feed6(flow, p, steps[i].mirror, marks);
	}
}

void nr_flow_feed(struct nr_flow *flows, const struct nr_packet *packets, const int64_t *watermarks,
		  const struct nr_flow_step *steps, size_t n, const struct nr_flow_out *out)
{
	for (size_t i = 0; i < n;) {
		int64_t watermark = watermarks[steps[i].packet];
		size_t k = i;

		while (k < n && k - i < NR_FLOW_BATCH && watermarks[steps[k].packet] == watermark)
			nr_flow_advance(&flows[steps[k++].shard], watermark, out);
		feed_batch(flows, packets, steps + i, k - i);
		i = k;
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
