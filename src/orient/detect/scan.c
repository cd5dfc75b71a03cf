/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.v1: who sends to addresses that nobody uses, and how widely.
 *
 * Hypothesis  an unused address is asked for nothing; who asks several of them searches.
 * Threshold   scanner: >= 3 distinct monitored addresses, or a tool mark that decides (record/mark.c);
 *             wide: >= 100 addresses on one port and >= 10 packets/s Internet-wide (Durumeric et al. 2014),
 *             not computable below 4,096 addresses; aggressive: Merit's three rules (arXiv 2305.07193).
 *             The timeout follows from N; see scan_int.h. IPv6: same counts, no rate (no 2^32/N there).
 * False       misconfigured clients of one address stay `probe`; spoofed sources are scored, not
 * positives   dropped; backscatter senders are source records of class backscatter, never campaigns.
 * State       64 bytes a source; 256 more from the third destination on; 512 more beyond 14
 * Proof       tests/replay/scan; lab evaluate
 */
#include <math.h>
#include <stdlib.h>

#include "orient/detect/scan_int.h"

struct ip4_key {
	uint32_t ip;
	uint64_t hash;
};

static uint64_t hash4(const struct nr_hash_key *key, uint32_t ip)
{
	return nr_hash64(key, ip, 0x5343414e);
}

static uint64_t entry_hash4(const void *entry, const void *ctx)
{
	return hash4(ctx, ((const struct nr_scan_hot4 *)entry)->ip);
}

static bool eq4(const void *entry, const void *key)
{
	return ((const struct nr_scan_hot4 *)entry)->ip == *(const uint32_t *)key;
}

static uint64_t hash6(const struct nr_hash_key *key, const struct nr_ip *ip)
{
	uint64_t w[2];

	memcpy(w, ip, sizeof(w));
	return nr_hash64(key, w[0], w[1]);
}

static uint64_t entry_hash6(const void *entry, const void *ctx)
{
	return hash6(ctx, &((const struct nr_scan_hot6 *)entry)->ip);
}

static bool eq6(const void *entry, const void *key)
{
	return memcmp(&((const struct nr_scan_hot6 *)entry)->ip, key, sizeof(struct nr_ip)) == 0;
}

static void scan_close(void *shard)
{
	struct nr_scan *scan = shard;

	if (scan == NULL)
		return;
	nr_table_done(&scan->hot4);
	nr_table_done(&scan->hot6);
	nr_table_done(&scan->members);
	nr_slab_done(&scan->cold);
	nr_slab_done(&scan->sketches);
	nr_scan_live_done(scan);
	free(scan->rates);
	free(scan);
}

/* Without N (or for IPv6) an hour: long enough for slow scanners of a small net, short enough to forget. */
static int64_t timeout_for(uint64_t monitored)
{
	double s = 3600;

	if (monitored > 0)
		s = log(1000) * 4294967296.0 / (100.0 * (double)monitored);
	return (int64_t)(fmin(fmax(s, 300), 86400)) * NR_NS_PER_S;
}

static int scan_open(const struct nr_detect_env *env, void **ret_shard)
{
	struct nr_scan *scan = calloc(1, sizeof(*scan));
	uint32_t max = (uint32_t)nr_min_size(env->max_entries, NR_TABLE_MAX);

	if (scan == NULL)
		return -ENOMEM;
	scan->env = env;
	scan->timeout_ns = timeout_for(env->monitored_v4);
	scan->next_due = INT64_MAX;
	scan->rates = calloc(1, sizeof(*scan->rates));
	scan->conficker_dst = nr_scan_conficker_dst(env->nets);
	int r = scan->rates != NULL ? 0 : -ENOMEM;

	if (r == 0)
		r = nr_table_init(&scan->hot4, sizeof(struct nr_scan_hot4), max, entry_hash4,
				  &env->key);
	if (r == 0)
		r = nr_table_init(&scan->hot6, sizeof(struct nr_scan_hot6), max, entry_hash6,
				  &env->key);
	if (r == 0)
		r = nr_table_init(&scan->members, sizeof(struct nr_scan_member), max, NULL, NULL);
	if (r == 0)
		r = nr_slab_init(&scan->cold, sizeof(struct nr_scan_cold), max);
	if (r == 0)
		r = nr_slab_init(&scan->sketches, NR_DISTINCT_REGS, max);
	if (r == 0 && env->live)
		r = nr_scan_live_init(scan);
	if (r < 0) {
		scan_close(scan);
		return r;
	}
	*ret_shard = scan;
	return 0;
}

/* Whoever is silent for longer than the new timeout ends at the next sweep, which comes now. */
static void scan_monitored(void *shard)
{
	struct nr_scan *scan = shard;

	scan->timeout_ns = timeout_for(scan->env->monitored_v4);
	scan->next_due = INT64_MIN;
}

const struct nr_scan_hot *nr_scan_find(const struct nr_scan *scan, struct nr_ip ip)
{
	if (nr_ip_is_v4(ip)) {
		uint32_t v4 = nr_ip_to_v4(ip);
		const struct nr_scan_hot4 *e = nr_table_find(&scan->hot4,
							     hash4(&scan->env->key, v4), eq4, &v4);

		return e != NULL ? &e->hot : NULL;
	}
	const struct nr_scan_hot6 *e = nr_table_find(&scan->hot6, hash6(&scan->env->key, &ip), eq6,
						     &ip);

	return e != NULL ? &e->hot : NULL;
}

/* ---- one observation ---- */

static void class_add(struct nr_scan_hot *hot, uint8_t traffic_class, uint32_t packets)
{
	uint32_t n = hot->class_packets[traffic_class] + packets;

	hot->class_packets[traffic_class] = n > UINT16_MAX ? UINT16_MAX : (uint16_t)n;
}

static void hot_marks_add(struct nr_scan_hot *hot, const struct nr_observation *o)
{
	for (unsigned m = 0; m < NR_MARK_N; m++) {
		unsigned n = nr_scan_nibble(hot->marks, m) + o->marks[m];

		if (o->marks[m] == 0)
			continue;
		n = n > 15 ? 15 : n;
		hot->marks[m / 2] = (uint8_t)((hot->marks[m / 2] & (m % 2 ? 0x0f : 0xf0)) |
					      n << (m % 2 * 4));
	}
}

/* Sources of a batch are a mixture: conditions are added up, not branched on. */
static inline uint8_t spoof_signs(const struct nr_observation *o)
{
	unsigned last = o->src.b[15], ports = (o->proto == 6) | (o->proto == 17),
		 v4 = nr_ip_is_v4(o->src);

	return (uint8_t)((o->flags & NR_OBS_FRAGMENT ? 1u : 0u) * NR_SPOOF_FRAGMENT |
			 (v4 & ((last == 0) | (last == 255))) * NR_SPOOF_LAST_OCTET |
			 (ports & ((o->sport == 0) | (o->dport == 0))) * NR_SPOOF_PORT_ZERO |
			 (unsigned)((o->proto == 17) & (o->dport == 80)) * NR_SPOOF_UDP_80 |
			 (unsigned)(!ports & (o->proto != 1) & (o->proto != 58)) *
				 NR_SPOOF_PROTOCOL |
			 ((unsigned)(o->ttl_max >= 200) & ports) * NR_SPOOF_TTL |
			 (unsigned)nr_ip_eq(o->src, o->dst) * NR_SPOOF_SELF);
}

static uint32_t dst_identity(const struct nr_observation *o)
{
	uint64_t w[2];

	if (nr_ip_is_v4(o->dst))
		return nr_ip_to_v4(o->dst);
	memcpy(w, &o->dst, sizeof(w));
	return (uint32_t)(nr_mix64(w[1] ^ nr_mix64(w[0])) >> 32);
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
static inline bool hot_note(struct nr_scan_hot *hot, const struct nr_observation *o, uint32_t dst)
{
	unsigned n_dst = hot->n_dst, n_port = hot->n_port;
	unsigned p0 = (n_port > 0) & (hot->port[0] == o->dport) & (hot->proto[0] == o->proto);
	unsigned p1 = (n_port > 1) & (hot->port[1] == o->dport) & (hot->proto[1] == o->proto);
	unsigned new_dst = !(((n_dst > 0) & (hot->dst[0] == dst)) |
			     ((n_dst > 1) & (hot->dst[1] == dst)));
	unsigned new_port = !(p0 | p1), at_dst = n_dst & 1, at_port = n_port & 1;

	if (NR_UNLIKELY((new_dst & (n_dst == NR_SCAN_HOT_DSTS)) |
			(new_port & (n_port == NR_SCAN_HOT_PORTS))))
		return false;
	hot->dst[at_dst] = new_dst ? dst : hot->dst[at_dst];
	hot->port[at_port] = new_port ? o->dport : hot->port[at_port];
	hot->proto[at_port] = new_port ? o->proto : hot->proto[at_port];
	hot->n_dst = (n_dst + new_dst) & 15;
	hot->n_port = (n_port + new_port) & 15;
	hot->port0_packets += (p0 | (n_port == 0)) ? o->packets : 0;
	return true;
}

static inline void hot_extend(struct nr_scan_hot *hot, const struct nr_observation *o)
{
	int64_t first = nr_observation_first(o).ns, last = nr_observation_last(o).ns;
	bool fresh = hot->packets == 0;
	int64_t was_first = fresh ? INT64_MAX : hot->first;
	uint8_t was_ttl = fresh ? UINT8_MAX : hot->ttl_min;

	hot->first = first < was_first ? first : was_first;
	hot->last = last > hot->last ? last : hot->last; /* times are not negative */
	hot->packets += o->packets;
	hot->ttl_min = o->ttl_min < was_ttl ? o->ttl_min : was_ttl;
	hot->ttl_max = o->ttl_max > hot->ttl_max ? o->ttl_max : hot->ttl_max;
	hot->spoof |= spoof_signs(o);
	class_add(hot, o->traffic_class, o->packets);
}

/* A mark may decide before the third destination. */
static void hot_judge(struct nr_scan *scan, struct nr_scan_hot *hot, const struct nr_observation *o)
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

static void hot_add(struct nr_scan *scan, struct nr_scan_hot *hot, const struct nr_observation *o)
{
	uint32_t dst = dst_identity(o);
	struct nr_scan_cold *cold = hot->cold != 0 ? nr_table_at(&scan->cold.table, hot->cold - 1)
						   : NULL;

	if (cold == NULL && NR_UNLIKELY(!hot_note(hot, o, dst)))
		cold = promote(scan, hot); /* NULL at the cap: still counted, but not looked into */
	hot_extend(hot, o);
	if (cold != NULL)
		nr_scan_cold_add(scan, hot, cold, o, dst);
	else if (nr_scan_has_marks(o))
		hot_judge(scan, hot, o);
}

static struct nr_scan_hot *hot_for(struct nr_scan *scan, const struct nr_observation *o,
				   uint64_t hash)
{
	if (nr_ip_is_v4(o->src)) {
		uint32_t ip = nr_ip_to_v4(o->src);
		bool fresh;
		struct nr_scan_hot4 *e = nr_table_find_or_add(&scan->hot4, hash, eq4, &ip, &fresh);

		if (fresh && e != NULL)
			*e = (struct nr_scan_hot4){ .ip = ip };
		return e != NULL ? &e->hot : NULL;
	}
	struct nr_scan_hot6 *e = nr_table_find(&scan->hot6, hash, eq6, &o->src);

	if (e == NULL && (e = nr_table_insert(&scan->hot6, hash)) != NULL)
		e->ip = o->src;
	return e != NULL ? &e->hot : NULL;
}

static void due_note(struct nr_scan *scan, const struct nr_observation *o)
{
	int64_t due = o->tick + scan->timeout_ns / NR_NS_PER_S;

	scan->next_due = due < scan->next_due ? due : scan->next_due;
}

enum { STAGE = 32 };

/* What one observation will touch, fetched step by step so that loads of a batch overlap. */
struct step {
	uint64_t hash;
	struct nr_scan_hot *hot;
	struct nr_scan_cold *cold;
};

static void fetch_cold(const struct nr_scan *scan, struct step *step)
{
	step->cold = NULL;
	if (step->hot == NULL || step->hot->cold == 0)
		return;
	step->cold = nr_table_at(&scan->cold.table, step->hot->cold - 1);
	__builtin_prefetch(step->cold, 1);
}

static void feed_stage(struct nr_scan *scan, const struct nr_observation *obs, size_t n)
{
	NR_UNINITIALIZED struct step steps[STAGE];
	uint8_t list[2][STAGE];
	size_t n_list[2] = { 0 };

	for (size_t i = 0; i < n; i++) {
		bool v4 = nr_ip_is_v4(obs[i].src);

		steps[i].hash = v4 ? hash4(&scan->env->key, nr_ip_to_v4(obs[i].src))
				   : hash6(&scan->env->key, &obs[i].src);
		nr_table_prefetch_slot(v4 ? &scan->hot4 : &scan->hot6, steps[i].hash);
	}
	for (size_t i = 0; i < n; i++)
		nr_table_prefetch_entry(nr_ip_is_v4(obs[i].src) ? &scan->hot4 : &scan->hot6,
					steps[i].hash);
	for (size_t i = 0; i < n; i++) {
		steps[i].hot = obs[i].flags & NR_OBS_MIRROR ? NULL
							    : hot_for(scan, &obs[i], steps[i].hash);
		fetch_cold(scan, &steps[i]);
	}
	for (size_t i = 0; i < n; i++) {
		unsigned which = steps[i].cold != NULL;

		list[which][n_list[which]] = (uint8_t)i;
		n_list[which] += steps[i].hot != NULL;
	}
	for (size_t k = 0; k < n_list[1]; k++) {
		unsigned i = list[1][k];

		nr_scan_cold_prefetch(scan, steps[i].cold, &obs[i], dst_identity(&obs[i]));
	}
	/* Those without and with a cold record take different ways: one way at a time. A source is on one list. */
	for (unsigned with_cold = 0; with_cold < 2; with_cold++) {
		for (size_t k = 0; k < n_list[with_cold]; k++) {
			unsigned i = list[with_cold][k];

			due_note(scan, &obs[i]);
			hot_add(scan, steps[i].hot, &obs[i]);
		}
	}
}

static int scan_feed(void *shard, const struct nr_observation *obs, size_t n)
{
	for (size_t i = 0; i < n; i += STAGE)
		feed_stage(shard, obs + i, nr_min_size(STAGE, n - i));
	return 0;
}

const struct nr_detector nr_detector_scan = {
	.name = "scan.v1",
	.summary =
		"sources that search the unused addresses; campaigns of the wide and aggressive ones",
	.fields = nr_scan_campaign_fields,
	.n_fields = NR_SCAN_CAMPAIGN_FIELDS,
	.open = scan_open,
	.feed = scan_feed,
	.advance = nr_scan_advance,
	.finish = nr_scan_finish,
	.save = nr_scan_save,
	.load = nr_scan_load,
	.close = scan_close,
	.refused = nr_scan_refused,
	.report = nr_scan_report,
	.look = nr_scan_look,
	.monitored = scan_monitored,
};
