/* SPDX-License-Identifier: Apache-2.0 */
/*
 * infect.v1: addresses whose packets carry the marks of malware, as evidence for a warning.
 *
 * Hypothesis    a machine that scans the way a known bot does is infected, unless it is known to survey, its
 *               address is forged, or it is hired
 * Threshold     log-odds: confirmed from 9, probable from 5 (a finding), watch from 2 (none)
 * Wrong about   survey scanners that imitate Mirai and stand on no list; forged sources that copy the mark
 *               of one sender with one TTL
 *
 * Episode: from the first marked packet until a silence of T_clear = ln(1000) / own rate here, at least 24 h:
 *
 *   marked packet -> active -- silence > T_clear --> ended (finding "cleared") -- 7 days --> forgotten
 *                      ^-------- marked packet: a new episode, "returned" -----'
 */
#include <math.h>
#include <stdlib.h>

#include "orient/detect/infect_int.h"

static const int64_t TICK_MAX = INT64_C(4000000000);
static const int64_t SWEEP_S = 3600;
static const int64_t HOUR_NS = 3600 * NR_NS_PER_S;
enum { CLEAR_MIN_H = 24, CLEAR_MAX_H = 30 * 24, FORGET_H = 7 * 24 };
enum { BATCH = 64 };
enum { MAGIC = 0x74636669, VERSION = 2 }; /* "ifct" */

static const uint8_t mark_of[INFECT_MARKS] = { NR_MARK_MIRAI, NR_MARK_CONFICKER, NR_MARK_EXPLOIT };

static uint64_t ip_hash(const struct nr_hash_key *key, struct nr_ip ip)
{
	uint64_t hi, lo;

	memcpy(&hi, ip.b, 8);
	memcpy(&lo, ip.b + 8, 8);
	return nr_hash64(key, hi, lo);
}

static uint64_t entry_hash(const void *entry, const void *key)
{
	return ip_hash(key, ((const struct infect_entry *)entry)->ip);
}

static bool entry_eq(const void *entry, const void *ip)
{
	return nr_ip_eq(((const struct infect_entry *)entry)->ip, *(const struct nr_ip *)ip);
}

/* --- contexts --- */

static uint32_t add_u32(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static uint8_t max_u8(uint8_t a, uint8_t b)
{
	return a > b ? a : b;
}

struct infect_context infect_context_all(const struct infect_entry *e)
{
	const struct infect_context *done = &e->done;
	struct infect_context all = e->cur;

	if (!done->is_set)
		return all;
	all.first = done->first < all.first ? done->first : all.first;
	all.packets += done->packets;
	all.dst_n = done->dst_n > all.dst_n ? done->dst_n : all.dst_n;
	for (size_t i = 0; i < INFECT_MARKS; i++)
		all.marks[i] = add_u32(all.marks[i], done->marks[i]);
	all.tools |= done->tools;
	all.level = max_u8(all.level, done->level);
	all.benign = max_u8(all.benign, done->benign);
	all.certainty = max_u8(all.certainty, done->certainty);
	all.spoof = max_u8(all.spoof, done->spoof);
	all.ttl_min = done->ttl_min < all.ttl_min ? done->ttl_min : all.ttl_min;
	all.ttl_max = max_u8(all.ttl_max, done->ttl_max);
	return all;
}

static struct infect_context context_of(const struct nr_source *src)
{
	double spoof = src->spoof_score > 0 ? fmin(src->spoof_score, 1) : 0;
	struct infect_context c = {
		.first = src->first.ns,
		.last = src->last.ns,
		.packets = src->packets,
		.dst_n = src->dst_n,
		.tools = src->tools,
		.level = src->level,
		.benign = src->benign,
		.certainty = src->certainty,
		.traffic_class = src->traffic_class,
		.ttl_min = src->ttl_min,
		.ttl_max = src->ttl_max,
		.spoof = (uint8_t)lround(spoof * 255),
		.is_set = 1,
	};

	for (size_t i = 0; i < INFECT_MARKS; i++)
		c.marks[i] = src->marks[mark_of[i]];
	for (size_t i = 0; i < src->n_ports && i < NR_INFECT_PORTS; i++)
		c.ports[c.n_ports++] = (struct infect_port){ .packets = src->ports[i].packets,
							     .port = src->ports[i].port,
							     .proto = src->ports[i].proto };
	return c;
}

/* --- episodes --- */

int64_t infect_clear_ns(const struct infect_entry *e)
{
	double span = (double)e->last - (double)e->first;
	double hours = e->marked > 1 ? log(1000) * span / (double)(e->marked - 1) / (double)HOUR_NS
				     : CLEAR_MAX_H;

	return (int64_t)(fmin(fmax(hours, CLEAR_MIN_H), CLEAR_MAX_H) * (double)HOUR_NS);
}

static void episode_end(struct infect_shard *s, struct infect_entry *e)
{
	bool stands = infect_is_finding(s->env, e);

	if (stands || e->said_id != 0) {
		struct infect_entry *pending = nr_table_append(&s->pending);

		if (pending != NULL) {
			*pending = *e;
			pending->is_dirty = 0;
			pending->telling = stands ? INFECT_BY_TIME : INFECT_WITHDRAWN;
		}
	}
	e->state = INFECT_ENDED;
	e->said_id = 0;
}

struct infect_entry *infect_entry_find(const struct infect_shard *s, struct nr_ip ip)
{
	return nr_table_find(&s->entries, ip_hash(&s->env->key, ip), entry_eq, &ip);
}

static void episode_start(struct infect_entry *e, int64_t at)
{
	bool again = e->state == INFECT_ENDED && at - e->last <= FORGET_H * HOUR_NS;

	*e = (struct infect_entry){ .ip = e->ip,
				    .first = at,
				    .last = at,
				    .decided = INT64_MAX,
				    .episodes = again ? add_u32(e->episodes, 1) : 1,
				    .state = INFECT_ACTIVE,
				    .returned = again,
				    .is_dirty = e->is_dirty };
}

/* Was the silence before @p at longer than infect_clear_ns()? Mostly the least it can be tells, without arithmetic. */
static bool is_over(const struct infect_entry *e, int64_t at)
{
	return at > e->last + CLEAR_MIN_H * HOUR_NS && at > e->last + infect_clear_ns(e);
}

/* @p hash is that of @p ip. */
static struct infect_entry *entry_get(struct infect_shard *s, uint64_t hash, struct nr_ip ip,
				      int64_t at, bool create)
{
	struct infect_entry *e = nr_table_find(&s->entries, hash, entry_eq, &ip);

	if (e == NULL) {
		if (!create)
			return NULL;
		e = nr_table_insert(&s->entries, hash);
		if (e == NULL)
			return NULL;
		e->ip = ip;
		episode_start(e, at);
	} else if (e->state == INFECT_ACTIVE && is_over(e, at)) {
		episode_end(s, e);
	}
	return e;
}

static bool entry_keep(void *entry, void *ctx)
{
	const struct infect_entry *e = entry;

	return e->state == INFECT_ACTIVE || e->last + FORGET_H * HOUR_NS >= *(const int64_t *)ctx;
}

/* As in rsdos.v1: only when the watermark crosses a multiple of SWEEP_S, so that calls may be cut anywhere. */
static void sweep(struct infect_shard *s, int64_t now)
{
	if (NR_LIKELY(now < s->swept + SWEEP_S))
		return;
	int64_t at = now > TICK_MAX ? TICK_MAX : now < -TICK_MAX ? -TICK_MAX : now;

	at -= ((at % SWEEP_S) + SWEEP_S) % SWEEP_S;
	if (at <= s->swept)
		return;
	s->swept = at;
	int64_t at_ns = at * NR_NS_PER_S;

	for (uint32_t i = 0; i < s->entries.n; i++) {
		struct infect_entry *e = nr_table_at(&s->entries, i);

		if (e->state == INFECT_ACTIVE && is_over(e, at_ns))
			episode_end(s, e);
	}
	nr_table_sweep(&s->entries, entry_keep, &at_ns);
}

/* --- input --- */

static bool is_decided(const struct nr_observation *obs, uint64_t marked)
{
	return obs->marks[NR_MARK_EXPLOIT] > 0 ||
	       (obs->marks[NR_MARK_MIRAI] > 0 && marked >= nr_marks[NR_MARK_MIRAI].packets);
}

/*
 * Mirai's mark and exploits open an entry. Conficker's weak mark, which a quarter of all packets to port 445
 * carry, only keeps one alive that a source record has opened.
 */
static void observe(struct infect_shard *s, uint64_t hash, const struct nr_observation *obs)
{
	int64_t tick = obs->tick < -TICK_MAX  ? -TICK_MAX
		       : obs->tick > TICK_MAX ? TICK_MAX
					      : obs->tick;
	int64_t first = tick * NR_NS_PER_S + obs->first, last = tick * NR_NS_PER_S + obs->last;
	bool opens = (obs->marks[NR_MARK_MIRAI] | obs->marks[NR_MARK_EXPLOIT]) > 0;
	struct infect_entry *e = entry_get(s, hash, obs->src, first, opens);

	if (e == NULL || (e->state == INFECT_ENDED && !opens))
		return;
	if (e->state == INFECT_ENDED)
		episode_start(e, first);
	e->first = first < e->first ? first : e->first;
	e->last = last > e->last ? last : e->last;
	for (size_t i = 0; i < INFECT_MARKS; i++)
		e->marked += obs->marks[mark_of[i]];
	if (e->decided == INT64_MAX && is_decided(obs, e->marked))
		e->decided = last;
	infect_live_touch(s, e);
}

static bool is_marked(const struct nr_observation *obs)
{
	return (obs->marks[NR_MARK_MIRAI] | obs->marks[NR_MARK_CONFICKER] |
		obs->marks[NR_MARK_EXPLOIT]) != 0 &&
	       !(obs->flags & NR_OBS_MIRROR);
}

static int shard_feed(void *shard, const struct nr_observation *obs, size_t n)
{
	struct infect_shard *s = shard;
	NR_UNINITIALIZED const struct nr_observation *picked[BATCH];
	NR_UNINITIALIZED uint64_t hashes[BATCH];

	for (size_t at = 0; at < n;) {
		size_t k = 0;

		for (; at < n && k < BATCH; at++) {
			if (NR_LIKELY(!is_marked(&obs[at])))
				continue;
			hashes[k] = ip_hash(&s->env->key, obs[at].src);
			nr_table_prefetch_slot(&s->entries, hashes[k]);
			picked[k++] = &obs[at];
		}
		for (size_t i = 0; i < k; i++)
			nr_table_prefetch_entry(&s->entries, hashes[i]);
		for (size_t i = 0; i < k; i++) {
			sweep(s, picked[i]->tick);
			observe(s, hashes[i], picked[i]);
		}
	}
	return 0;
}

static int shard_source(void *shard, const struct nr_source *src)
{
	static const unsigned malware = 1u << NR_MARK_MIRAI | 1u << NR_MARK_CONFICKER |
					1u << NR_MARK_EXPLOIT;
	struct infect_shard *s = shard;
	bool opens = (src->tools & malware) != 0;

	if (!opens && src->marks[NR_MARK_MIRAI] == 0 && src->marks[NR_MARK_EXPLOIT] == 0)
		return 0;
	struct infect_entry *e = entry_get(s, ip_hash(&s->env->key, src->src), src->src,
					   src->first.ns, opens);

	if (e == NULL)
		return 0;
	if (e->state == INFECT_ENDED) {
		if (!opens || src->last.ns <= e->last)
			return 0;
		episode_start(e, src->first.ns);
	}
	if (e->cur.is_set && e->cur.first != src->first.ns) {
		e->done = infect_context_all(e);
		e->cur = (struct infect_context){ 0 };
	}
	e->cur = context_of(src);
	if (e->marked == 0 ||
	    e->decided == INT64_MAX) { /* known by the record alone, as Conficker is */
		e->first = src->first.ns < e->first ? src->first.ns : e->first;
		e->last = src->last.ns > e->last ? src->last.ns : e->last;
		e->marked = e->marked > e->cur.marks[INFECT_CONFICKER]
				    ? e->marked
				    : e->cur.marks[INFECT_CONFICKER];
	}
	infect_live_touch(s, e);
	return 0;
}

/* --- output --- */

static int shard_advance(void *shard, int64_t now, const struct nr_sink *sink)
{
	struct infect_shard *s = shard;

	sweep(s, now);
	if (s->pending.n == 0)
		return 0;
	struct infect_entry *list = malloc(s->pending.n * sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->pending.n; i++)
		list[i] = *(const struct infect_entry *)nr_table_at(&s->pending, i);
	infect_emit_all(s->env, list, s->pending.n, INT64_MAX, sink);
	free(list);
	nr_table_clear(&s->pending);
	return 0;
}

struct entries {
	struct infect_entry *p;
	size_t n, room;
};

/* Add the findings of one table: to tell them takes longer than to copy them, so they are not counted first. */
static int collect(const struct nr_detect_env *env, const struct nr_table *table,
		   struct entries *list)
{
	for (uint32_t i = 0; i < table->n; i++) {
		const struct infect_entry *e = nr_table_at(table, i);

		if (e->state != INFECT_ACTIVE || !infect_is_finding(env, e))
			continue;
		if (list->n == list->room) {
			size_t room = list->room == 0 ? 256 : list->room * 2;
			struct infect_entry *p = realloc(list->p, room * sizeof(*p));

			if (p == NULL)
				return -ENOMEM;
			list->p = p;
			list->room = room;
		}
		list->p[list->n++] = *e;
	}
	return 0;
}

/* What comes of one shard. */
struct part {
	const struct infect_shard *shard;
	struct entries list;
	int r;
};

static void part_collect(void *ctx, unsigned number)
{
	struct part *part = (struct part *)ctx + number;
	const struct infect_shard *s = part->shard;

	part->r = collect(s->env, &s->pending, &part->list);
	if (part->r == 0)
		part->r = collect(s->env, &s->entries, &part->list);
}

/* The lists of all, in order of shards. @return 0; -ENOMEM */
static int parts_join(const struct part *parts, size_t n, struct entries *list)
{
	size_t sum = 0;
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		sum += parts[i].list.n;
		r = parts[i].r < 0 ? parts[i].r : r;
	}
	if (r < 0 || sum == 0)
		return r;
	list->p = malloc(sum * sizeof(*list->p));
	if (list->p == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].list.n > 0)
			memcpy(list->p + list->n, parts[i].list.p,
			       parts[i].list.n * sizeof(*list->p));
		list->n += parts[i].list.n;
	}
	return 0;
}

static int shards_finish(void *const *shards, size_t n_shards, int64_t now,
			 const struct nr_sink *sink)
{
	struct part *parts = calloc(n_shards + 1, sizeof(*parts));
	struct entries list = { 0 };

	if (parts == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n_shards; i++)
		parts[i].shard = shards[i];
	nr_sink_each(sink, part_collect, parts, (unsigned)n_shards);
	int r = parts_join(parts, n_shards, &list);

	for (size_t i = 0; i < n_shards; i++)
		free(parts[i].list.p);
	if (r == 0 && list.n > 0)
		infect_emit_all(parts[0].shard->env, list.p, list.n, now, sink);
	free(parts);
	free(list.p);
	return r;
}

/* --- life --- */

static void shard_close(void *shard)
{
	struct infect_shard *s = shard;

	if (s == NULL)
		return;
	nr_table_done(&s->entries);
	nr_table_done(&s->pending);
	nr_table_done(&s->dirty);
	free(s);
}

static int shard_open(const struct nr_detect_env *env, void **ret_shard)
{
	struct infect_shard *s = calloc(1, sizeof(*s));
	uint32_t max = (uint32_t)nr_min_size(env->max_entries, NR_TABLE_MAX);

	if (s == NULL)
		return -ENOMEM;
	s->env = env;
	s->swept = -TICK_MAX;
	if (nr_table_init(&s->entries, sizeof(struct infect_entry), max, entry_hash, &env->key) <
		    0 ||
	    nr_table_init(&s->pending, sizeof(struct infect_entry), max, NULL, NULL) < 0 ||
	    nr_table_init(&s->dirty, sizeof(struct nr_ip), NR_TABLE_MAX, NULL, NULL) < 0) {
		shard_close(s);
		return -ENOMEM;
	}
	*ret_shard = s;
	return 0;
}

static void table_save(const struct nr_table *table, struct nr_buf *out)
{
	nr_write_le32(out, table->n);
	nr_write_le64(out, table->n_refused);
	for (uint32_t i = 0; i < table->n; i++)
		nr_buf_add(out, nr_table_at(table, i), table->entry_size);
}

static int shard_save(const void *shard, struct nr_buf *out)
{
	const struct infect_shard *s = shard;

	nr_write_le32(out, MAGIC);
	nr_write_le32(out, VERSION);
	nr_write_le64(out, (uint64_t)s->swept);
	table_save(&s->entries, out);
	table_save(&s->pending, out);
	return out->err;
}

static bool context_ok(const struct infect_context *c)
{
	return c->n_ports <= NR_INFECT_PORTS && c->is_set <= 1 && c->level <= NR_LEVEL_AGGRESSIVE &&
	       c->benign <= NR_BENIGN_ACK && c->certainty <= NR_CERTAINTY_CONFIRMED;
}

static int table_load(struct nr_table *table, struct nr_reader *in)
{
	const int64_t limit = TICK_MAX * NR_NS_PER_S;
	uint32_t n = nr_read_le32(in);
	uint64_t refused = nr_read_le64(in);

	if (!nr_reader_ok(in) || n > table->max ||
	    nr_reader_left(in) / sizeof(struct infect_entry) < n)
		return NR_EDAMAGED;
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *bytes = nr_read_bytes(in, sizeof(struct infect_entry));
		struct infect_entry e, *to;

		if (bytes == NULL)
			return NR_EDAMAGED;
		memcpy(&e, bytes, sizeof(e));
		if ((e.state != INFECT_ACTIVE && e.state != INFECT_ENDED) || e.returned > 1 ||
		    e.is_dirty != 0 || e.telling > INFECT_WITHDRAWN || e.first < -limit ||
		    e.last > limit + NR_NS_PER_S || e.first > e.last || !context_ok(&e.cur) ||
		    !context_ok(&e.done))
			return NR_EDAMAGED;
		to = table->hash != NULL ? nr_table_insert(table, table->hash(&e, table->hash_ctx))
					 : nr_table_append(table);
		if (to == NULL)
			return -ENOMEM;
		*to = e;
	}
	table->n_refused = refused;
	return 0;
}

static int shard_load(void *shard, struct nr_reader *in)
{
	struct infect_shard *s = shard;

	if (nr_read_le32(in) != MAGIC)
		return NR_EFORMAT;
	if (nr_read_le32(in) != VERSION)
		return NR_EVERSION;
	s->swept = (int64_t)nr_read_le64(in);
	if (s->swept < -TICK_MAX || s->swept > TICK_MAX)
		return NR_EDAMAGED;
	int ret = table_load(&s->entries, in);

	return ret < 0 ? ret : table_load(&s->pending, in);
}

static uint64_t shard_refused(const void *shard)
{
	const struct infect_shard *s = shard;

	return s->entries.n_refused + s->pending.n_refused;
}

const struct nr_detector nr_detector_infect = {
	.name = "infect.v1",
	.summary = "Machines that look infected, by the marks their packets carry",
	.fields = nr_infect_fields,
	.n_fields = NR_INFECT_N_FIELDS,
	.open = shard_open,
	.feed = shard_feed,
	.marks = 1u << NR_MARK_MIRAI | 1u << NR_MARK_CONFICKER | 1u << NR_MARK_EXPLOIT,
	.source = shard_source,
	.advance = shard_advance,
	.finish = shards_finish,
	.save = shard_save,
	.load = shard_load,
	.close = shard_close,
	.refused = shard_refused,
	.report = infect_report,
};
