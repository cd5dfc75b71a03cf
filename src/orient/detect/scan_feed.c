/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observations into the hot lines of scan.v1.
 *
 * What a source's state is spread over is fetched in steps of GROUP observations, each step two groups or more
 * ahead of the next: slot of the index, hot line, cold record, sketches. While one group is worked
 * in, the lines of the following ones arrive.
 */
#include "orient/detect/scan_int.h"

enum { GROUP = 16, RING = 8, AHEAD = 4 };

static bool eq4(const void *entry, const void *key)
{
	return ((const struct nr_scan_hot4 *)entry)->ip == *(const uint32_t *)key;
}

static bool eq6(const void *entry, const void *key)
{
	return memcmp(&((const struct nr_scan_hot6 *)entry)->ip, key, sizeof(struct nr_ip)) == 0;
}

/* ---- one observation ---- */

static inline void class_add(struct nr_scan_hot *hot, uint8_t traffic_class, uint32_t packets)
{
	uint32_t n = hot->class_packets[traffic_class] + packets;

	hot->class_packets[traffic_class] = n > UINT16_MAX ? UINT16_MAX : (uint16_t)n;
}

static void hot_marks_add(struct nr_scan_hot *hot, const struct nr_scan_seen *o)
{
	for (unsigned m = 0; m < NR_MARK_N; m++) {
		unsigned add = nr_scan_seen_mark(o, m), n = nr_scan_nibble(hot->marks, m) + add;

		if (add == 0)
			continue;
		n = n > 15 ? 15 : n;
		hot->marks[m / 2] = (uint8_t)((hot->marks[m / 2] & (m % 2 ? 0x0f : 0xf0)) |
					      n << (m % 2 * 4));
	}
}

/* Give a source its cold record with what the hot line knows. */
static struct nr_scan_cold *promote(struct nr_scan *scan, struct nr_scan_hot *hot)
{
	uint32_t number;
	struct nr_scan_cold *cold = nr_slab_take(&scan->cold, &number);

	if (cold == NULL)
		return NULL;
	hot->cold = number + 1;
	nr_scan_cold_inherit(scan, hot, cold);
	return cold;
}

/* Try to keep destination and port on the hot line. @return false: it needs a cold record */
static inline bool hot_note(struct nr_scan_hot *hot, const struct nr_scan_seen *o)
{
	unsigned n_dst = hot->n_dst, n_port = hot->n_port;
	unsigned p0 = (n_port > 0) & (hot->port[0] == o->dport) & (hot->proto[0] == o->proto);
	unsigned p1 = (n_port > 1) & (hot->port[1] == o->dport) & (hot->proto[1] == o->proto);
	unsigned new_dst = !(((n_dst > 0) & (hot->dst[0] == o->dst)) |
			     ((n_dst > 1) & (hot->dst[1] == o->dst)));
	unsigned new_port = !(p0 | p1), at_dst = n_dst & 1, at_port = n_port & 1;

	if (NR_UNLIKELY((new_dst & (n_dst == NR_SCAN_HOT_DSTS)) |
			(new_port & (n_port == NR_SCAN_HOT_PORTS))))
		return false;
	hot->dst[at_dst] = new_dst ? o->dst : hot->dst[at_dst];
	hot->port[at_port] = new_port ? o->dport : hot->port[at_port];
	hot->proto[at_port] = new_port ? o->proto : hot->proto[at_port];
	hot->n_dst = (n_dst + new_dst) & 15;
	hot->n_port = (n_port + new_port) & 15;
	hot->port0_packets += (p0 | (n_port == 0)) ? o->packets : 0;
	return true;
}

static inline void hot_extend(struct nr_scan_hot *hot, const struct nr_scan_seen *o)
{
	bool fresh = hot->packets == 0;
	int64_t was_first = fresh ? INT64_MAX : hot->first;
	uint8_t was_ttl = fresh ? UINT8_MAX : hot->ttl_min;

	hot->first = o->first < was_first ? o->first : was_first;
	hot->last = o->last > hot->last ? o->last : hot->last; /* times are not negative */
	hot->packets += o->packets;
	hot->ttl_min = o->ttl_min < was_ttl ? o->ttl_min : was_ttl;
	hot->ttl_max = o->ttl_max > hot->ttl_max ? o->ttl_max : hot->ttl_max;
	hot->spoof |= o->spoof;
	class_add(hot, o->traffic_class, o->packets);
}

/* A mark may decide before the third destination. */
static void hot_judge(struct nr_scan *scan, struct nr_scan_hot *hot, const struct nr_scan_seen *o)
{
	uint32_t marks[NR_MARK_N];
	struct nr_scan_cold *cold;

	hot_marks_add(hot, o);
	for (unsigned m = 0; m < NR_MARK_N; m++)
		marks[m] = nr_scan_nibble(hot->marks, m);
	if (nr_scan_tools(scan, marks, hot->packets, hot->n_dst) != 0 &&
	    (cold = promote(scan, hot)) != NULL)
		nr_scan_cold_levels(scan, hot, cold, o);
}

static inline void hot_add(struct nr_scan *scan, struct nr_scan_hot *hot,
			   const struct nr_scan_seen *o)
{
	struct nr_scan_cold *cold = hot->cold != 0 ? nr_table_at(&scan->cold.table, hot->cold - 1)
						   : NULL;

	if (cold == NULL && NR_UNLIKELY(!hot_note(hot, o)))
		cold = promote(scan, hot); /* NULL at the cap: still counted, but not looked into */
	hot_extend(hot, o);
	if (cold != NULL)
		nr_scan_cold_add(scan, hot, cold, o);
	else if ((o->marks[0] | o->marks[1]) != 0)
		hot_judge(scan, hot, o);
}

static inline struct nr_scan_hot *hot4_for(struct nr_scan *scan, uint32_t ip, uint64_t hash)
{
	bool fresh;
	struct nr_scan_hot4 *e = nr_table_find_or_add(&scan->hot4, hash, eq4, &ip, &fresh);

	if (fresh && e != NULL)
		*e = (struct nr_scan_hot4){ .ip = ip };
	return e != NULL ? &e->hot : NULL;
}

static struct nr_scan_hot *hot6_for(struct nr_scan *scan, struct nr_ip ip, uint64_t hash)
{
	struct nr_scan_hot6 *e = nr_table_find(&scan->hot6, hash, eq6, &ip);

	if (e == NULL && (e = nr_table_insert(&scan->hot6, hash)) != NULL)
		e->ip = ip;
	return e != NULL ? &e->hot : NULL;
}

const struct nr_scan_hot *nr_scan_find(const struct nr_scan *scan, struct nr_ip ip)
{
	if (nr_ip_is_v4(ip)) {
		uint32_t v4 = nr_ip_to_v4(ip);
		const struct nr_scan_hot4 *e =
			nr_table_find(&scan->hot4, nr_scan_hash4(&scan->env->key, v4), eq4, &v4);

		return e != NULL ? &e->hot : NULL;
	}
	const struct nr_scan_hot6 *e = nr_table_find(&scan->hot6,
						     nr_scan_hash6(&scan->env->key, &ip), eq6, &ip);

	return e != NULL ? &e->hot : NULL;
}

/* Nothing of what was seen at @p tick or later ends before. */
static void due_note(struct nr_scan *scan, int64_t tick)
{
	int64_t due = tick + scan->timeout_ns / NR_NS_PER_S;

	scan->next_due = due < scan->next_due ? due : scan->next_due;
}

/* ---- packed flows ---- */

struct step {
	uint64_t hash;
	struct nr_scan_hot *hot; /* NULL: nothing to do */
	struct nr_scan_seen seen;
};

/* Out of line: in line, fortified copies would ask for the size of an element of the ring. */
#define APART __attribute__((noinline))

/* A group on its way; its steps in the order in which they came. */
struct group {
	struct step steps[GROUP];
	const struct nr_flow4 *flows;
	uint32_t n, n_list[2];
	uint8_t list[2][GROUP];
};

APART static void group_hash(struct nr_scan *scan, struct group *g)
{
	for (uint32_t i = 0; i < g->n; i++) {
		g->steps[i].hash = nr_scan_hash4(&scan->env->key, nr_flow4_src(&g->flows[i]));
		nr_table_prefetch_slot(&scan->hot4, g->steps[i].hash);
	}
}

/* Where the hot line is, by eight bits of the hash: in one of the first two slots nearly always. No branch. */
static inline void hot4_prefetch(const struct nr_table *table, uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 56) << 24, at = (uint32_t)hash & table->mask;
	uint32_t first = table->index[at], second = table->index[(at + 1) & table->mask];
	uint32_t other = 0 - (uint32_t)((((first ^ tag) >> 24) != 0) & (second != 0));
	uint32_t slot = first ^ ((first ^ second) & other);

	if (NR_LIKELY(table->n > 0))
		__builtin_prefetch(nr_table_at(table, (slot & 0xffffff) - (slot != 0)), 1);
}

APART static void group_fetch_hot(struct nr_scan *scan, struct group *g)
{
	for (uint32_t i = 0; i < g->n; i++) {
		hot4_prefetch(&scan->hot4, g->steps[i].hash);
		nr_scan_see_packed(&g->flows[i], &g->steps[i].seen);
	}
}

APART static void group_find(struct nr_scan *scan, struct group *g)
{
	for (uint32_t i = 0; i < g->n; i++) {
		const struct nr_flow4 *e = &g->flows[i];
		struct step *step = &g->steps[i];

		step->hot = NR_UNLIKELY(e->ports & NR_FLOW4_MIRROR)
				    ? NULL
				    : hot4_for(scan, nr_flow4_src(e), step->hash);
		if (step->hot != NULL && step->hot->cold != 0)
			__builtin_prefetch(nr_table_at(&scan->cold.table, step->hot->cold - 1), 1);
	}
}

/* List those without and with a cold record: they take different ways, one way at a time. A source is on one list. */
APART static void group_fetch_cold(struct nr_scan *scan, struct group *g)
{
	uint32_t n[2] = { 0 };

	for (uint32_t i = 0; i < g->n; i++) {
		const struct nr_scan_hot *hot = g->steps[i].hot;
		unsigned which = hot != NULL && hot->cold != 0;

		g->list[which][n[which]] = (uint8_t)i;
		n[which] += hot != NULL;
	}
	g->n_list[0] = n[0];
	g->n_list[1] = n[1];
	for (uint32_t k = 0; k < n[1]; k++) {
		const struct step *step = &g->steps[g->list[1][k]];

		nr_scan_cold_prefetch(scan, nr_table_at(&scan->cold.table, step->hot->cold - 1),
				      &step->seen);
	}
}

APART static void group_add(struct nr_scan *scan, struct group *g)
{
	for (uint32_t k = 0; k < g->n_list[0]; k++) {
		struct step *step = &g->steps[g->list[0][k]];

		hot_add(scan, step->hot, &step->seen);
	}
	for (uint32_t k = 0; k < g->n_list[1]; k++) {
		struct step *step = &g->steps[g->list[1][k]];

		hot_extend(step->hot, &step->seen);
		nr_scan_cold_add(scan, step->hot,
				 nr_table_at(&scan->cold.table, step->hot->cold - 1), &step->seen);
	}
}

int nr_scan_feed_packed(void *shard, const struct nr_flow4 *flows, size_t n)
{
	NR_UNINITIALIZED struct group ring[RING];
	struct nr_scan *scan = shard;
	size_t n_groups = (n + GROUP - 1) / GROUP;
	uint32_t oldest = UINT32_MAX;

	for (size_t i = 0; i < n; i++)
		oldest = flows[i].tick < oldest ? flows[i].tick : oldest;
	if (n > 0)
		due_note(scan, oldest);
	for (size_t g = 0; g < n_groups + AHEAD; g++) {
		if (g < n_groups) {
			struct group *fresh = &ring[g % RING];

			fresh->flows = flows + g * GROUP;
			fresh->n = (uint32_t)nr_min_size(GROUP, n - g * GROUP);
			group_hash(scan, fresh);
		}
		if (g - 1 < n_groups)
			group_fetch_hot(scan, &ring[(g - 1) % RING]);
		if (g - 2 < n_groups)
			group_find(scan, &ring[(g - 2) % RING]);
		if (g - 3 < n_groups)
			group_fetch_cold(scan, &ring[(g - 3) % RING]);
		if (g - 4 < n_groups)
			group_add(scan, &ring[(g - 4) % RING]);
	}
	return 0;
}

/* ---- observations ---- */

int nr_scan_feed(void *shard, const struct nr_observation *obs, size_t n)
{
	struct nr_scan *scan = shard;
	const struct nr_hash_key *key = &scan->env->key;

	for (size_t i = 0; i < n; i++) {
		const struct nr_observation *o = &obs[i];
		bool v4 = nr_ip_is_v4(o->src);
		struct nr_scan_seen seen;

		if (o->flags & NR_OBS_MIRROR)
			continue;
		struct nr_scan_hot *hot = v4 ? hot4_for(scan, nr_ip_to_v4(o->src),
							nr_scan_hash4(key, nr_ip_to_v4(o->src)))
					     : hot6_for(scan, o->src, nr_scan_hash6(key, &o->src));

		if (hot == NULL)
			continue;
		nr_scan_see(o, &seen);
		due_note(scan, o->tick);
		hot_add(scan, hot, &seen);
	}
	return 0;
}
