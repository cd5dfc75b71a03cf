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

/* What comes of one shard. */
struct finishing {
	const struct nr_sink *sink;
	const struct nr_scan_thresholds *top;
	struct nr_scan *scan;
	struct nr_scan_member *members;
	size_t n_members, cap_members;
	struct nr_source probe;
	uint64_t levels[4];
	uint64_t packets[NR_SCAN_BUCKETS], ports[NR_SCAN_BUCKETS];
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

/* @p origin as in struct nr_source. */
static void finish_one(struct finishing *f, struct nr_ip ip, const struct nr_scan_hot *hot,
		       uint32_t origin)
{
	struct nr_source source;
	enum nr_level level = NR_LEVEL_PROBE;

	if (!f->sink->detail && nr_scan_is_plain_probe(hot)) {
		nr_scan_describe_probe(ip, hot, &f->probe);
		f->probe.origin = origin;
		f->sink->source(f->sink->ctx, &f->probe);
	} else {
		source.origin = origin;
		level = nr_scan_describe_known(f->scan, ip, hot, f->top, f->sink->detail, &source);
		f->sink->source(f->sink->ctx, &source);
	}
	f->levels[level]++;
	if (level < NR_LEVEL_WIDE || hot->cold == 0 || source.traffic_class == NR_CLASS_BACKSCATTER)
		return;
	const struct nr_scan_cold *cold = nr_table_at(&f->scan->cold.table, hot->cold - 1);
	struct nr_scan_member member;

	nr_scan_member_of(&source, cold->wide_at != 0 ? cold->wide_at : source.last.ns, false,
			  &member);
	finish_member(f, &member);
}

enum { AHEAD = 12 };

/* The record of a source some places further on: scattered over memory. */
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
}

enum { LOOKUPS = 64 };
_Static_assert(NR_TABLE_CHUNK % LOOKUPS == 0, "in one chunk");

/* Networks of the sources from @p at on, as in struct nr_source: their loads overlap. */
static void origins_find(const struct nr_scan *scan, uint32_t at, uint32_t n, uint32_t *origins)
{
	const struct nr_scan_hot4 *e = nr_table_at(&scan->hot4, at);
	uint32_t ips[LOOKUPS];

	memset(origins, 0, n * sizeof(origins[0]));
	if (scan->env->prefixes == NULL)
		return;
	for (uint32_t i = 0; i < n; i++)
		ips[i] = e[i].ip;
	nr_prefixes_find_v4_batch(scan->env->prefixes, ips, origins, n);
	for (uint32_t i = 0; i < n; i++)
		origins[i]++;
}

static void finish_shard(void *ctx, unsigned part)
{
	struct finishing *f = (struct finishing *)ctx + part;
	struct nr_scan *scan = f->scan;
	const struct nr_prefixes *prefixes = scan->env->prefixes;
	uint32_t origins[LOOKUPS];

	for (uint32_t i = 0; i < scan->members.n; i++)
		finish_member(f, nr_table_at(&scan->members, i));
	for (uint32_t i = 0; i < scan->hot4.n; i++) {
		const struct nr_scan_hot4 *e = nr_table_at(&scan->hot4, i);
		uint32_t left = scan->hot4.n - i;

		if (i % LOOKUPS == 0)
			origins_find(scan, i, left < LOOKUPS ? left : LOOKUPS, origins);
		fetch4(scan, i + AHEAD);
		finish_one(f, nr_ip_v4(e->ip), &e->hot, origins[i % LOOKUPS]);
	}
	for (uint32_t i = 0; i < scan->hot6.n; i++) {
		const struct nr_scan_hot6 *e = nr_table_at(&scan->hot6, i);

		finish_one(f, e->ip, &e->hot,
			   prefixes != NULL ? nr_prefixes_find(prefixes, e->ip) + 1 : 0);
	}
}

static void buckets_sum(void *ctx, unsigned part)
{
	struct finishing *f = (struct finishing *)ctx + part;
	const struct nr_scan *scan = f->scan;
	struct nr_scan all =
		*scan; /* buckets_add counts into a copy: finish() leaves the state as it was */

	for (uint32_t i = 0; i < scan->hot4.n; i++) {
		fetch4(scan, i + AHEAD);
		buckets_add(&all, &((const struct nr_scan_hot4 *)nr_table_at(&scan->hot4, i))->hot);
	}
	for (uint32_t i = 0; i < scan->hot6.n; i++)
		buckets_add(&all, &((const struct nr_scan_hot6 *)nr_table_at(&scan->hot6, i))->hot);
	memcpy(f->packets, all.packet_buckets, sizeof(f->packets));
	memcpy(f->ports, all.port_buckets, sizeof(f->ports));
}

static struct nr_scan_thresholds thresholds_of(const struct finishing *parts, size_t n)
{
	uint64_t packets[NR_SCAN_BUCKETS] = { 0 }, ports[NR_SCAN_BUCKETS] = { 0 };

	for (size_t s = 0; s < n; s++) {
		for (unsigned b = 0; b < NR_SCAN_BUCKETS; b++) {
			packets[b] += parts[s].packets[b];
			ports[b] += parts[s].ports[b];
		}
	}
	return nr_scan_thresholds(packets, ports);
}

/* Levels and members of all shards, in their order. @return 0; -ENOMEM */
static int parts_join(struct finishing *parts, size_t n, const struct nr_sink *sink)
{
	struct finishing all = { 0 };

	for (size_t s = 0; s < n; s++) {
		for (unsigned l = 0; l < NR_COUNT(all.levels) && sink->n_levels != NULL; l++)
			sink->n_levels[l] += parts[s].levels[l] + parts[s].scan->n_levels[l];
		for (size_t m = 0; m < parts[s].n_members; m++)
			finish_member(&all, &parts[s].members[m]);
		all.r = parts[s].r < 0 ? parts[s].r : all.r;
	}
	if (all.r == 0 && n > 0)
		all.r = nr_scan_campaigns(all.members, all.n_members, parts[0].scan->env, sink);
	free(all.members);
	return all.r;
}

int nr_scan_finish(void *const *shards, size_t n_shards, int64_t now, const struct nr_sink *sink)
{
	struct finishing *parts = calloc(n_shards + 1, sizeof(parts[0]));
	struct nr_scan_thresholds top;

	(void)now;
	if (parts == NULL)
		return -ENOMEM;
	for (size_t s = 0; s < n_shards; s++) {
		parts[s].sink = sink;
		parts[s].top = &top;
		parts[s].scan = shards[s];
	}
	nr_sink_each(sink, buckets_sum, parts, (unsigned)n_shards);
	top = thresholds_of(parts, n_shards);
	nr_sink_each(sink, finish_shard, parts, (unsigned)n_shards);
	int r = parts_join(parts, n_shards, sink);

	for (size_t s = 0; s < n_shards; s++)
		free(parts[s].members);
	free(parts);
	return r;
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
