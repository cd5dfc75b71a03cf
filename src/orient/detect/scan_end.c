/* SPDX-License-Identifier: Apache-2.0 */
/* How sources of scan.v1 end: by silence, or by the end of the input; and the snapshot between. */
#include <stdlib.h>

#include "orient/detect/scan_int.h"

struct ending {
	struct nr_scan *scan;
	const struct nr_sink *sink;
	struct nr_scan_thresholds top;
	int64_t now;
	int64_t next_due;
	struct nr_table ended;	/* dense: struct ended */
	struct nr_source probe; /* reused: only what a probe sets changes */
};

struct ended {
	int64_t last;
	uint32_t order;
	uint32_t is_v4;
	struct nr_scan_hot6 source;
};

static int by_last(const void *va, const void *vb)
{
	const struct ended *a = *(const struct ended *const *)va,
			   *b = *(const struct ended *const *)vb;

	if (a->last != b->last)
		return a->last < b->last ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* First whole minute at which a source silent since @p last has ended. */
static int64_t due_minute(const struct nr_scan *scan, int64_t last)
{
	int64_t s = nr_time_floor_s((struct nr_time){ last + scan->timeout_ns });

	return (s / 60 + 1) * 60;
}

static bool stays(struct ending *e, struct nr_ip ip, const struct nr_scan_hot *hot)
{
	int64_t due = due_minute(e->scan, hot->last);

	if (due > e->now) {
		e->next_due = due < e->next_due ? due : e->next_due;
		return true;
	}
	struct ended *end = nr_table_append(&e->ended);

	if (end == NULL)
		return true; /* no memory now: next time */
	end->last = hot->last;
	end->order = e->ended.n;
	end->is_v4 = nr_ip_is_v4(ip);
	end->source.ip = ip;
	end->source.hot = *hot;
	return false;
}

static bool keep4(void *entry, void *ctx)
{
	const struct nr_scan_hot4 *e = entry;

	return stays(ctx, nr_ip_v4(e->ip), &e->hot);
}

static bool keep6(void *entry, void *ctx)
{
	const struct nr_scan_hot6 *e = entry;

	return stays(ctx, e->ip, &e->hot);
}

static void buckets_add(struct nr_scan *scan, const struct nr_scan_hot *hot)
{
	const struct nr_scan_cold *cold = hot->cold != 0
						  ? nr_table_at(&scan->cold.table, hot->cold - 1)
						  : NULL;

	scan->packet_buckets[nr_scan_bucket(cold != NULL ? nr_scan_cold_top_packets(cold)
							 : hot->packets)]++;
	scan->port_buckets[nr_scan_bucket(cold != NULL ? nr_scan_cold_n_ports(scan, cold)
						       : hot->n_port)]++;
}

static void member_add(struct nr_scan *scan, const struct nr_source *source,
		       const struct nr_scan_hot *hot)
{
	const struct nr_scan_cold *cold = nr_table_at(&scan->cold.table, hot->cold - 1);
	struct nr_scan_member *m = nr_table_append(&scan->members);

	if (m != NULL)
		nr_scan_member_of(source, cold->wide_at != 0 ? cold->wide_at : source->last.ns,
				  true, m);
}

static void end_one(struct ending *e, const struct ended *end)
{
	struct nr_scan *scan = e->scan;
	const struct nr_scan_hot *hot = &end->source.hot;
	struct nr_source source;
	enum nr_level level = NR_LEVEL_PROBE;

	buckets_add(scan, hot);
	if (!e->sink->detail && nr_scan_is_plain_probe(hot)) {
		nr_scan_describe_probe(end->source.ip, hot, &e->probe);
		e->sink->source(e->sink->ctx, &e->probe);
	} else {
		level = nr_scan_describe(scan, end->source.ip, hot, &e->top, e->sink->detail,
					 &source);
		e->sink->source(e->sink->ctx, &source);
		if (level >= NR_LEVEL_WIDE && hot->cold != 0 && scan->live == NULL &&
		    source.traffic_class != NR_CLASS_BACKSCATTER)
			member_add(scan, &source, hot);
	}
	scan->n_levels[level]++;
}

int nr_scan_advance(void *shard, int64_t now, const struct nr_sink *sink)
{
	struct nr_scan *scan = shard;

	if (now < scan->next_due)
		return 0;
	struct ending e = { .scan = scan, .sink = sink, .now = now, .next_due = INT64_MAX };
	int r = nr_table_init(&e.ended, sizeof(struct ended), NR_TABLE_MAX, NULL, NULL);

	if (r < 0)
		return r;
	nr_table_sweep(&scan->hot4, keep4, &e);
	nr_table_sweep(&scan->hot6, keep6, &e);
	scan->next_due = e.next_due;
	struct ended **list = calloc(e.ended.n + (size_t)1, sizeof(list[0]));

	if (list == NULL) {
		nr_table_done(&e.ended);
		return -ENOMEM;
	}
	e.top = nr_scan_thresholds(scan->packet_buckets, scan->port_buckets);
	for (uint32_t i = 0; i < e.ended.n; i++)
		list[i] = nr_table_at(&e.ended, i);
	qsort(list, e.ended.n, sizeof(list[0]), by_last);
	for (uint32_t i = 0; i < e.ended.n; i++) {
		const struct nr_scan_hot *hot = &list[i]->source.hot;

		end_one(&e, list[i]);
		if (hot->cold != 0)
			nr_scan_cold_release(scan, hot->cold - 1);
	}
	nr_scan_live_ended(scan);
	free(list);
	nr_table_done(&e.ended);
	return 0;
}

/* ---- the end of the input ---- */

struct finishing {
	const struct nr_sink *sink;
	struct nr_scan_thresholds top;
	struct nr_scan *scan;
	struct nr_scan_member *members;
	size_t n_members, cap_members;
	struct nr_source probe;
	int r;
};

static void finish_member(struct finishing *f, const struct nr_scan_member *member)
{
	if (f->n_members == f->cap_members) {
		size_t cap = f->cap_members == 0 ? 256 : f->cap_members * 2;
		struct nr_scan_member *members = realloc(f->members, cap * sizeof(members[0]));

		if (members == NULL) {
			f->r = -ENOMEM;
			return;
		}
		f->members = members;
		f->cap_members = cap;
	}
	f->members[f->n_members++] = *member;
}

static void finish_one(struct finishing *f, struct nr_ip ip, const struct nr_scan_hot *hot)
{
	struct nr_source source;
	enum nr_level level = NR_LEVEL_PROBE;

	if (!f->sink->detail && nr_scan_is_plain_probe(hot)) {
		nr_scan_describe_probe(ip, hot, &f->probe);
		f->sink->source(f->sink->ctx, &f->probe);
	} else {
		level = nr_scan_describe(f->scan, ip, hot, &f->top, f->sink->detail, &source);
		f->sink->source(f->sink->ctx, &source);
	}
	if (f->sink->n_levels != NULL)
		f->sink->n_levels[level]++;
	if (level < NR_LEVEL_WIDE || hot->cold == 0 || source.traffic_class == NR_CLASS_BACKSCATTER)
		return;
	const struct nr_scan_cold *cold = nr_table_at(&f->scan->cold.table, hot->cold - 1);
	struct nr_scan_member member;

	nr_scan_member_of(&source, cold->wide_at != 0 ? cold->wide_at : source.last.ns, false,
			  &member);
	finish_member(f, &member);
}

enum { AHEAD = 12 };

/* The record and the prefix data of a source some places further on: both are scattered over memory. */
static void fetch4(const struct nr_scan *scan, uint32_t i)
{
	if (i >= scan->hot4.n)
		return;
	const struct nr_scan_hot4 *e = nr_table_at(&scan->hot4, i);

	if (e->hot.cold != 0) {
		const uint8_t *cold = nr_table_at(&scan->cold.table, e->hot.cold - 1);

		for (unsigned line = 0; line < 4; line++)
			__builtin_prefetch(cold + 64 * line);
	}
	if (scan->env->prefixes != NULL)
		nr_prefixes_prefetch_v4(scan->env->prefixes, e->ip);
}

static void finish_shard(struct finishing *f)
{
	struct nr_scan *scan = f->scan;

	for (unsigned l = 0; l < NR_COUNT(scan->n_levels) && f->sink->n_levels != NULL; l++)
		f->sink->n_levels[l] += scan->n_levels[l];
	for (uint32_t i = 0; i < scan->members.n; i++)
		finish_member(f, nr_table_at(&scan->members, i));
	for (uint32_t i = 0; i < scan->hot4.n; i++) {
		const struct nr_scan_hot4 *e = nr_table_at(&scan->hot4, i);

		fetch4(scan, i + AHEAD);
		finish_one(f, nr_ip_v4(e->ip), &e->hot);
	}
	for (uint32_t i = 0; i < scan->hot6.n; i++) {
		const struct nr_scan_hot6 *e = nr_table_at(&scan->hot6, i);

		finish_one(f, e->ip, &e->hot);
	}
}

static void buckets_sum(const struct nr_scan *scan, uint64_t *packets, uint64_t *ports)
{
	struct nr_scan all =
		*scan; /* buckets_add counts into a copy: finish() leaves the state as it was */

	for (uint32_t i = 0; i < scan->hot4.n; i++) {
		fetch4(scan, i + AHEAD);
		buckets_add(&all, &((const struct nr_scan_hot4 *)nr_table_at(&scan->hot4, i))->hot);
	}
	for (uint32_t i = 0; i < scan->hot6.n; i++)
		buckets_add(&all, &((const struct nr_scan_hot6 *)nr_table_at(&scan->hot6, i))->hot);
	for (unsigned b = 0; b < NR_SCAN_BUCKETS; b++) {
		packets[b] += all.packet_buckets[b];
		ports[b] += all.port_buckets[b];
	}
}

int nr_scan_finish(void *const *shards, size_t n_shards, int64_t now, const struct nr_sink *sink)
{
	uint64_t packets[NR_SCAN_BUCKETS] = { 0 }, ports[NR_SCAN_BUCKETS] = { 0 };
	struct finishing f = { .sink = sink };

	(void)now;
	for (size_t s = 0; s < n_shards; s++)
		buckets_sum(shards[s], packets, ports);
	f.top = nr_scan_thresholds(packets, ports);
	for (size_t s = 0; s < n_shards; s++) {
		f.scan = shards[s];
		finish_shard(&f);
	}
	if (f.r == 0 && n_shards > 0)
		f.r = nr_scan_campaigns(f.members, f.n_members, f.scan->env, sink);
	free(f.members);
	return f.r;
}

uint64_t nr_scan_refused(const void *shard)
{
	const struct nr_scan *scan = shard;

	return scan->hot4.n_refused + scan->hot6.n_refused + scan->cold.table.n_refused +
	       scan->sketches.table.n_refused + scan->members.n_refused;
}

enum { SNAPSHOT_VERSION = 2 };

int nr_scan_save(const void *shard, struct nr_buf *out)
{
	const struct nr_scan *scan = shard;

	nr_write_u8(out, SNAPSHOT_VERSION);
	nr_write_le64(out, (uint64_t)scan->next_due);
	nr_buf_add(out, scan->n_levels, sizeof(scan->n_levels));
	nr_buf_add(out, scan->packet_buckets, sizeof(scan->packet_buckets));
	nr_buf_add(out, scan->port_buckets, sizeof(scan->port_buckets));
	nr_table_save(&scan->hot4, out);
	nr_table_save(&scan->hot6, out);
	nr_table_save(&scan->members, out);
	nr_slab_save(&scan->cold, out);
	nr_slab_save(&scan->sketches, out);
	nr_scan_live_save(scan, out);
	return out->err;
}

static void read_into(struct nr_reader *in, void *to, size_t n)
{
	const uint8_t *bytes = nr_read_bytes(in, n);

	if (bytes != NULL)
		memcpy(to, bytes, n);
}

/* A snapshot is ours, but a damaged file must not lead outside the tables. */
static bool numbers_hold(const struct nr_scan *scan)
{
	uint32_t n_cold = scan->cold.table.n, n_sketch = scan->sketches.table.n;

	for (uint32_t i = 0; i < scan->hot4.n; i++)
		if (((const struct nr_scan_hot4 *)nr_table_at(&scan->hot4, i))->hot.cold > n_cold)
			return false;
	for (uint32_t i = 0; i < scan->hot6.n; i++)
		if (((const struct nr_scan_hot6 *)nr_table_at(&scan->hot6, i))->hot.cold > n_cold)
			return false;
	for (uint32_t i = 0; i < n_cold; i++) {
		const struct nr_scan_cold *c = nr_table_at(&scan->cold.table, i);

		/* records on the free list hold zeros behind their link */
		if ((c->dst.is_sketch && c->dst.sketch >= n_sketch) ||
		    (!c->dst.is_sketch && c->dst.n > NR_DISTINCT_EXACT) ||
		    c->n_port > NR_SOURCE_PORTS || (c->has_ports && c->ports >= n_sketch) ||
		    (c->has_pairs && c->pairs >= n_sketch) || c->mark > NR_MARK_N)
			return false;
	}
	return true;
}

int nr_scan_load(void *shard, struct nr_reader *in)
{
	struct nr_scan *scan = shard;

	if (nr_read_u8(in) != SNAPSHOT_VERSION)
		return NR_EVERSION;
	scan->next_due = (int64_t)nr_read_le64(in);
	read_into(in, scan->n_levels, sizeof(scan->n_levels));
	read_into(in, scan->packet_buckets, sizeof(scan->packet_buckets));
	read_into(in, scan->port_buckets, sizeof(scan->port_buckets));
	struct nr_table *tables[] = { &scan->hot4, &scan->hot6, &scan->members };
	int r = nr_reader_ok(in) ? 0 : NR_EDAMAGED;

	for (size_t t = 0; t < NR_COUNT(tables) && r == 0; t++)
		r = nr_table_load(tables[t], in);
	if (r == 0)
		r = nr_slab_load(&scan->cold, in);
	if (r == 0)
		r = nr_slab_load(&scan->sketches, in);
	if (r == 0 && !numbers_hold(scan))
		r = NR_EDAMAGED;
	return r == 0 ? nr_scan_live_load(scan, in) : r;
}
