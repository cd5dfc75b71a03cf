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
 * State       64 bytes a source; 232 more from the third destination on; 512 more beyond 14
 * Proof       tests/replay/scan-*; lab evaluate
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

static uint64_t event_hash(const void *entry, const void *ctx)
{
	return nr_hash64(ctx, ((const struct nr_scan_event *)entry)->key, 0x4556);
}

static bool eq_event(const void *entry, const void *key)
{
	return ((const struct nr_scan_event *)entry)->key == *(const uint64_t *)key;
}

static void scan_close(void *shard)
{
	struct nr_scan *scan = shard;

	if (scan == NULL)
		return;
	nr_table_done(&scan->hot4);
	nr_table_done(&scan->hot6);
	nr_table_done(&scan->events);
	nr_table_done(&scan->members);
	nr_slab_done(&scan->cold);
	nr_slab_done(&scan->sketches);
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
	int r = nr_table_init(&scan->hot4, sizeof(struct nr_scan_hot4), max, entry_hash4, &env->key);

	if (r == 0)
		r = nr_table_init(&scan->hot6, sizeof(struct nr_scan_hot6), max, entry_hash6, &env->key);
	if (r == 0)
		r = nr_table_init(&scan->events, sizeof(struct nr_scan_event), max, event_hash, &env->key);
	if (r == 0)
		r = nr_table_init(&scan->members, sizeof(struct nr_scan_member), max, NULL, NULL);
	if (r == 0)
		r = nr_slab_init(&scan->cold, sizeof(struct nr_scan_cold), max);
	if (r == 0)
		r = nr_slab_init(&scan->sketches, NR_DISTINCT_REGS, max);
	if (r < 0) {
		scan_close(scan);
		return r;
	}
	*ret_shard = scan;
	return 0;
}

/* ---- one observation ---- */

static void class_add(struct nr_scan_hot *hot, uint8_t traffic_class, uint32_t packets)
{
	uint32_t n = hot->class_packets[traffic_class] + packets;

	hot->class_packets[traffic_class] = n > UINT16_MAX ? UINT16_MAX : (uint16_t)n;
}

static bool has_marks(const struct nr_observation *o)
{
	uint64_t a;
	uint32_t b;

	memcpy(&a, o->marks, 8);
	memcpy(&b, o->marks + 8, 4);
	return (a | b) != 0;
}

static unsigned nibble(const uint8_t *marks, unsigned m)
{
	return marks[m / 2] >> (m % 2 * 4) & 15;
}

static void hot_marks_add(struct nr_scan_hot *hot, const struct nr_observation *o)
{
	for (unsigned m = 0; m < NR_MARK_N; m++) {
		unsigned n = nibble(hot->marks, m) + o->marks[m];

		n = n > 15 ? 15 : n;
		hot->marks[m / 2] = (uint8_t)((hot->marks[m / 2] & (m % 2 ? 0x0f : 0xf0)) | n << (m % 2 * 4));
	}
}

static uint8_t spoof_signs(const struct nr_observation *o)
{
	uint8_t last = o->src.b[15];
	bool ports = o->proto == 6 || o->proto == 17, v4 = nr_ip_is_v4(o->src);

	return (uint8_t)((o->flags & NR_OBS_FRAGMENT ? NR_SPOOF_FRAGMENT : 0) |
			 (v4 && (last == 0 || last == 255) ? NR_SPOOF_LAST_OCTET : 0) |
			 (ports && (o->sport == 0 || o->dport == 0) ? NR_SPOOF_PORT_ZERO : 0) |
			 (o->proto == 17 && o->dport == 80 ? NR_SPOOF_UDP_80 : 0) |
			 (!ports && o->proto != 1 && o->proto != 58 ? NR_SPOOF_PROTOCOL : 0) |
			 (o->ttl_max >= 200 && ports ? NR_SPOOF_TTL : 0) |
			 (nr_ip_eq(o->src, o->dst) ? NR_SPOOF_SELF : 0));
}

static uint32_t dst_identity(const struct nr_observation *o)
{
	uint64_t w[2];

	if (nr_ip_is_v4(o->dst))
		return nr_ip_to_v4(o->dst);
	memcpy(w, &o->dst, sizeof(w));
	return (uint32_t)(nr_mix64(w[1] ^ nr_mix64(w[0])) >> 32);
}

static void ports_add(struct nr_scan_cold *cold, uint8_t proto, uint16_t port, uint32_t packets)
{
	struct nr_scan_port *least = &cold->ports[0];

	for (unsigned i = 0; i < cold->n_port; i++) {
		struct nr_scan_port *p = &cold->ports[i];

		if (p->port == port && p->proto == proto) {
			p->packets += packets;
			return;
		}
		least = p->packets < least->packets ? p : least;
	}
	if (cold->n_port < NR_SOURCE_PORTS) {
		cold->ports[cold->n_port++] =
			(struct nr_scan_port){ .port = port, .proto = proto, .packets = packets };
		return;
	}
	least->port = port;
	least->proto = proto;
	least->packets += packets;
}

static uint64_t event_key(const struct nr_scan_hot *hot, uint8_t proto, uint16_t port)
{
	return (uint64_t)hot->cold << 32 | (uint32_t)proto << 16 | port;
}

static struct nr_scan_event *event_new(struct nr_scan *scan, struct nr_scan_cold *cold, uint64_t key)
{
	struct nr_scan_event probe = { .key = key }, *event;

	if (cold->n_ports >= NR_SCAN_EVENTS_MAX) {
		scan->n_events_refused++;
		return NULL;
	}
	event = nr_table_insert(&scan->events, event_hash(&probe, &scan->env->key));
	if (event == NULL)
		return NULL;
	event->key = key;
	cold->n_ports++;
	return event;
}

/* The first port's event inherits all that was seen while it was the only one. */
static void events_open(struct nr_scan *scan, struct nr_scan_hot *hot, struct nr_scan_cold *cold)
{
	struct nr_scan_event *event;

	cold->n_ports = 0;
	cold->multi = 1;
	event = event_new(scan, cold, event_key(hot, cold->ports[0].proto, cold->ports[0].port));
	if (event == NULL)
		return;
	event->packets = cold->ports[0].packets;
	nr_distinct_copy(&event->dst, &cold->dst, &scan->sketches);
}

static void event_add(struct nr_scan *scan, const struct nr_scan_hot *hot, struct nr_scan_cold *cold,
		      const struct nr_observation *o, uint32_t dst)
{
	uint64_t key = event_key(hot, o->proto, o->dport);
	struct nr_scan_event probe = { .key = key };
	uint64_t hash = event_hash(&probe, &scan->env->key);
	struct nr_scan_event *event = nr_table_find(&scan->events, hash, eq_event, &key);

	if (event == NULL)
		event = event_new(scan, cold, key);
	if (event == NULL)
		return;
	event->packets += o->packets;
	(void)nr_distinct_add(&event->dst, &scan->sketches, dst);
	if (event->packets > cold->event_packets)
		cold->event_packets = event->packets;
	if (event->dst.n > cold->event_dst)
		cold->event_dst = event->dst.n;
}

enum { WIDE_DST = 100, WIDE_REGS = 91, WIDE_MIN_N = 4096 };

/* 100 destinations leave 512 (1 - e^(-100/512)) = 91 registers non-zero. */
static bool is_wide(const struct nr_scan *scan, const struct nr_scan_hot *hot, const struct nr_scan_cold *cold,
		    bool v4)
{
	uint64_t n = scan->env->monitored_v4;
	uint32_t dst = cold->multi ? cold->event_dst : cold->dst.n;

	if (dst < WIDE_REGS || !v4)
		return dst >= WIDE_REGS;
	double span = (double)(hot->last - hot->first) / 1e9;

	return n >= WIDE_MIN_N && (hot->packets - 1) * 4294967296.0 / (double)n >= 10 * span;
}

/*
 * Retransmissions and further packets to one address are no independent choices, and bursts carry less
 * knowledge than their number says: both widen the interval of the rate.
 */
static void choice_note(struct nr_scan_cold *cold, uint32_t dst, int64_t at)
{
	for (unsigned i = 0; i < NR_SCAN_RECENT && i < cold->choices; i++)
		if (cold->recent[i] == dst)
			return;
	cold->recent[cold->choices % NR_SCAN_RECENT] = dst;
	if (cold->choices++ > 0) {
		double gap = (double)(at - cold->chosen_at) / 1e9;

		cold->gap2 += gap * gap;
	}
	cold->chosen_at = at;
}

static void cold_add(struct nr_scan *scan, struct nr_scan_hot *hot, struct nr_scan_cold *cold,
		     const struct nr_observation *o, uint32_t dst)
{
	bool same = cold->n_port > 0 && cold->ports[0].port == o->dport && cold->ports[0].proto == o->proto;

	if (!cold->multi && cold->n_port > 0 && !same)
		events_open(scan, hot, cold);
	if (cold->n_port == 0)
		cold->n_ports = 1;
	ports_add(cold, o->proto, o->dport, o->packets);
	(void)nr_distinct_add(&cold->dst, &scan->sketches, dst);
	choice_note(cold, dst, nr_observation_first(o).ns);
	if (cold->multi)
		event_add(scan, hot, cold, o, dst);
	else
		cold->event_packets = hot->packets;
}

static void cold_marks_add(struct nr_scan_cold *cold, const struct nr_observation *o)
{
	for (unsigned m = 0; m < NR_MARK_N; m++)
		cold->marks[m] += o->marks[m];
}

static void levels_note(const struct nr_scan *scan, const struct nr_scan_hot *hot, struct nr_scan_cold *cold,
			const struct nr_observation *o)
{
	if (cold->scanner_at == 0 && (cold->dst.n >= 3 || cold->dst.is_sketch ||
				      (has_marks(o) && nr_scan_tools(cold->marks, hot->packets) != 0))) {
		cold->scanner_at = nr_observation_first(o).ns;
		cold->scanner_packets = hot->packets;
	}
	if (cold->wide_at == 0 && is_wide(scan, hot, cold, nr_ip_is_v4(o->src)))
		cold->wide_at = nr_observation_last(o).ns;
}

/* Give a source its cold record with what the hot line knows. */
static struct nr_scan_cold *promote(struct nr_scan *scan, struct nr_scan_hot *hot)
{
	uint32_t number;
	struct nr_scan_cold *cold = nr_slab_take(&scan->cold, &number);

	if (cold == NULL)
		return NULL;
	hot->cold = number + 1;
	for (unsigned i = 0; i < hot->n_dst; i++) {
		(void)nr_distinct_add(&cold->dst, &scan->sketches, hot->dst[i]);
		choice_note(cold, hot->dst[i], i == 0 ? hot->first : hot->last);
	}
	for (unsigned m = 0; m < NR_MARK_N; m++)
		cold->marks[m] = nibble(hot->marks, m);
	cold->n_ports = hot->n_port;
	if (hot->n_port > 0)
		ports_add(cold, hot->proto[0], hot->port[0], hot->port0_packets);
	if (hot->n_port > 1) {
		events_open(scan, hot, cold);
		ports_add(cold, hot->proto[1], hot->port[1], hot->packets - hot->port0_packets);
		struct nr_scan_event *event = event_new(scan, cold, event_key(hot, hot->proto[1], hot->port[1]));

		if (event != NULL)
			event->packets = hot->packets - hot->port0_packets;
	}
	return cold;
}

/* Try to keep destination and port on the hot line. @return false: it needs a cold record */
static bool hot_note(struct nr_scan_hot *hot, const struct nr_observation *o, uint32_t dst)
{
	unsigned d = 0, p = 0;

	while (d < hot->n_dst && hot->dst[d] != dst)
		d++;
	while (p < hot->n_port && (hot->port[p] != o->dport || hot->proto[p] != o->proto))
		p++;
	if (d == NR_SCAN_HOT_DSTS || p == NR_SCAN_HOT_PORTS)
		return false;
	if (d == hot->n_dst)
		hot->dst[hot->n_dst++] = dst;
	if (p == hot->n_port) {
		hot->port[p] = o->dport;
		hot->proto[p] = o->proto;
		hot->n_port++;
	}
	hot->port0_packets += p == 0 ? o->packets : 0;
	return true;
}

static void hot_add(struct nr_scan *scan, struct nr_scan_hot *hot, const struct nr_observation *o)
{
	uint32_t dst = dst_identity(o);
	int64_t first = nr_observation_first(o).ns, last = nr_observation_last(o).ns;
	bool marked = has_marks(o);
	struct nr_scan_cold *cold = hot->cold != 0 ? nr_table_at(&scan->cold.table, hot->cold - 1) : NULL;

	if (hot->packets == 0) {
		hot->first = first;
		hot->last = last;
		hot->ttl_min = o->ttl_min;
		hot->ttl_max = o->ttl_max;
	}
	if (cold == NULL && !hot_note(hot, o, dst)) {
		cold = promote(scan, hot);
		if (cold == NULL) /* at the cap: still counted, but not looked into */
			hot->unused = 1;
	}
	hot->first = first < hot->first ? first : hot->first;
	hot->last = last > hot->last ? last : hot->last;
	hot->packets += o->packets;
	hot->ttl_min = o->ttl_min < hot->ttl_min ? o->ttl_min : hot->ttl_min;
	hot->ttl_max = o->ttl_max > hot->ttl_max ? o->ttl_max : hot->ttl_max;
	hot->spoof |= spoof_signs(o);
	class_add(hot, o->traffic_class, o->packets);
	if (cold == NULL) {
		if (NR_UNLIKELY(marked))
			hot_marks_add(hot, o);

		uint32_t marks[NR_MARK_N];

		if (NR_LIKELY(!marked))
			return;
		for (unsigned m = 0; m < NR_MARK_N; m++)
			marks[m] = nibble(hot->marks, m);
		if (nr_scan_tools(marks, hot->packets) == 0 || (cold = promote(scan, hot)) == NULL)
			return;
		levels_note(scan, hot, cold, o);
		return;
	}
	if (marked)
		cold_marks_add(cold, o);
	cold_add(scan, hot, cold, o, dst);
	levels_note(scan, hot, cold, o);
}

static struct nr_scan_hot *hot_for(struct nr_scan *scan, const struct nr_observation *o, uint64_t hash)
{
	if (nr_ip_is_v4(o->src)) {
		uint32_t ip = nr_ip_to_v4(o->src);
		struct nr_scan_hot4 *e = nr_table_find(&scan->hot4, hash, eq4, &ip);

		if (e == NULL && (e = nr_table_insert(&scan->hot4, hash)) != NULL)
			e->ip = ip;
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
	uint64_t hash, event_hash;
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
	__builtin_prefetch((const uint8_t *)step->cold + 64, 1);
	__builtin_prefetch((const uint8_t *)step->cold + 128, 1);
}

static void fetch_counters(const struct nr_scan *scan, const struct nr_observation *o, struct step *step)
{
	struct nr_scan_event probe;

	if (step->cold == NULL)
		return;
	nr_distinct_prefetch(&step->cold->dst, &scan->sketches, dst_identity(o));
	if (!step->cold->multi)
		return;
	probe.key = event_key(step->hot, o->proto, o->dport);
	step->event_hash = event_hash(&probe, &scan->env->key);
	nr_table_prefetch_slot(&scan->events, step->event_hash);
}

static void feed_stage(struct nr_scan *scan, const struct nr_observation *obs, size_t n)
{
	NR_UNINITIALIZED struct step steps[STAGE];

	for (size_t i = 0; i < n; i++) {
		bool v4 = nr_ip_is_v4(obs[i].src);

		steps[i].hash = v4 ? hash4(&scan->env->key, nr_ip_to_v4(obs[i].src)) :
				     hash6(&scan->env->key, &obs[i].src);
		nr_table_prefetch_slot(v4 ? &scan->hot4 : &scan->hot6, steps[i].hash);
	}
	for (size_t i = 0; i < n; i++)
		nr_table_prefetch_entry(nr_ip_is_v4(obs[i].src) ? &scan->hot4 : &scan->hot6, steps[i].hash);
	for (size_t i = 0; i < n; i++) {
		steps[i].hot = obs[i].flags & NR_OBS_MIRROR ? NULL : hot_for(scan, &obs[i], steps[i].hash);
		fetch_cold(scan, &steps[i]);
	}
	for (size_t i = 0; i < n; i++)
		fetch_counters(scan, &obs[i], &steps[i]);
	for (size_t i = 0; i < n; i++)
		if (steps[i].cold != NULL && steps[i].cold->multi)
			nr_table_prefetch_entry(&scan->events, steps[i].event_hash);
	for (size_t i = 0; i < n; i++) {
		if (steps[i].hot == NULL)
			continue;
		if (steps[i].hot->packets == 0)
			due_note(scan, &obs[i]);
		hot_add(scan, steps[i].hot, &obs[i]);
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
	.summary = "sources that search the unused addresses; campaigns of the wide and aggressive ones",
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
};
