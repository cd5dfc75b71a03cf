/* SPDX-License-Identifier: Apache-2.0 */
/* rsdos.v1: the life of victims and prefixes, the rule, and the sweep that ends them. */
#include <math.h>

#include "base/stat.h"
#include "orient/detect/rsdos_int.h"

static bool victim_eq(const void *entry, const void *ip)
{
	return nr_ip_eq(((const struct rsdos_victim *)entry)->ip, *(const struct nr_ip *)ip);
}

static bool prefix_eq(const void *entry, const void *key)
{
	return ((const struct rsdos_prefix *)entry)->key == *(const uint64_t *)key;
}

static uint64_t prefix_key(struct nr_ip ip)
{
	uint64_t hi;

	if (nr_ip_is_v4(ip))
		return UINT64_C(1) << 63 | nr_ip_to_v4(ip) >> 8;
	memcpy(&hi, ip.b, 8);
	return __builtin_bswap64(hi) >> 16;
}

/* An address that nobody can have cannot be a victim. Private and documentation ranges may be, in a lab. */
static bool may_be_victim(struct nr_ip ip)
{
	switch (nr_ip_kind(ip)) {
	case NR_IP_GLOBAL:
	case NR_IP_PRIVATE:
	case NR_IP_DOCUMENTATION:
		return true;
	case NR_IP_UNSPECIFIED:
	case NR_IP_LOOPBACK:
	case NR_IP_LINK_LOCAL:
	case NR_IP_MULTICAST:
	case NR_IP_BROADCAST:
	case NR_IP_RESERVED:
		return false;
	}
	return false;
}

/* --- the rule --- */

static bool is_flood(const struct rsdos_shape *shape)
{
	return shape->enough && shape->spread && shape->ports && !shape->scanner;
}

/*
 * Judge the sample when it has grown enough: first whether it is a flood, then, when it is full, whether it
 * still is. A pool of twenty addresses looks uniform for its first dozen answers; it does not for 64.
 */
static void judge(struct rsdos_shard *s, struct rsdos_track *t, int64_t at, double lambda,
		  double p_ln)
{
	struct rsdos_shape shape;

	rsdos_track_shape(s, t, &shape);
	bool is_rare = t->is_detected || p_ln / M_LN10 < NR_RSDOS_P_LOG10;

	if (is_rare && is_flood(&shape)) {
		if (!t->is_detected) {
			t->detected = at;
			t->lambda = lambda;
			t->p_ln = p_ln;
		}
		t->is_detected = true;
		t->next_check = t->n < RSDOS_SAMPLE ? RSDOS_SAMPLE : UINT8_MAX;
	} else if (t->n == RSDOS_SAMPLE) {
		t->is_detected = false;
		t->was_refuted = true;
		rsdos_track_restart(t);
	} else {
		/* a full sample is always judged: it grows no more */
		t->next_check = (uint8_t)nr_min_size(t->n + (size_t)1 + t->n / 8, RSDOS_SAMPLE);
	}
}

/* A victim of its own: more answers than its background brings, of the shape of a flood. */
static void check_victim(struct rsdos_shard *s, struct rsdos_track *t, const struct rsdos_answer *a)
{
	double span = (double)(t->sample_last - t->sample_first) / 1e9;

	if (t->n < t->next_check || (span < NR_RSDOS_SPAN_S && t->n < NR_RSDOS_FLOWS_QUICK))
		return;
	double lambda = rsdos_bg_rate(s, a->victim, a->proto, a->port);
	double p_ln = nr_stat_poisson_tail_ln((uint64_t)t->n - 1,
					      lambda * fmax(span, NR_RSDOS_SPAN_S));

	judge(s, t, a->last, lambda, p_ln);
}

/*
 * A prefix under carpet: more of its live addresses answered to a second address than would by chance. One
 * heavy victim counts once.
 */
static void check_prefix(struct rsdos_shard *s, struct rsdos_prefix *p, struct rsdos_track *t,
			 const struct rsdos_answer *a)
{
	if (p->live2 > t->victims_max)
		t->victims_max = p->live2;
	if (t->n < t->next_check || (!t->is_detected && p->live2 < NR_CARPET_VICTIMS))
		return;
	double lambda = p->live * rsdos_bg_rate(s, a->victim, a->proto, a->port);
	double p_ln = nr_stat_poisson_tail_ln(p->live2, lambda * NR_RSDOS_IDLE_S);

	judge(s, t, a->last, lambda, p_ln);
}

/* --- events --- */

static struct rsdos_sample sample_of(const struct rsdos_answer *a)
{
	return (struct rsdos_sample){ .dst = a->dst,
				      .packets = a->packets,
				      .port = a->port,
				      .peer = a->peer,
				      .type = a->type,
				      .proto = a->proto,
				      .bits = a->bits };
}

static struct rsdos_answer answer_of(const struct rsdos_sample *sample, struct nr_ip victim,
				     int64_t at)
{
	return (struct rsdos_answer){ .victim = victim,
				      .first = at,
				      .last = at,
				      .dst = sample->dst,
				      .packets = sample->packets,
				      .port = sample->port,
				      .peer = sample->peer,
				      .type = sample->type,
				      .proto = sample->proto,
				      .bits = sample->bits };
}

static void pending_add(struct rsdos_shard *s, const struct rsdos_track *t, struct nr_ip ip,
			bool stands)
{
	struct rsdos_pending *pending = nr_table_append(&s->pending);

	if (pending == NULL)
		return;
	rsdos_emit_fill(s, t, ip, pending);
	pending->is_withdrawn = !stands;
}

/* Detected, and the sample as it stands at the end does not say otherwise. */
bool rsdos_event_stands(const struct rsdos_shard *s, const struct rsdos_track *t)
{
	struct rsdos_shape shape;

	if (t == NULL || !t->is_detected)
		return false;
	rsdos_track_shape(s, t, &shape);
	return is_flood(&shape);
}

static void event_end(struct rsdos_shard *s, struct rsdos_victim *v)
{
	struct rsdos_track *t = rsdos_track_at(s, v->track);
	struct rsdos_prefix *p = rsdos_prefix_at(s, v->prefix);

	bool stands = rsdos_event_stands(s, t);

	if (stands || (t != NULL && t->said_id != 0))
		pending_add(s, t, v->ip, stands);
	if (!stands)
		rsdos_bg_learn(s, v->ip, &v->samples[0], t != NULL ? t->flows : v->flows,
			       v->last - v->first);
	if (t != NULL)
		t->used = TRACK_FREE;
	if (p != NULL) {
		p->live--;
		p->live2 -= (v->bits & VICTIM_SPREAD) ? 1 : 0;
	}
	v->track = v->prefix = 0;
}

static uint32_t prefix_join(struct rsdos_shard *s, struct nr_ip ip)
{
	uint64_t key = prefix_key(ip), hash = nr_hash64(&s->env->key, key, 1);
	struct rsdos_prefix *p = nr_table_find(&s->prefixes, hash, prefix_eq, &key);

	if (p == NULL) {
		p = nr_table_insert(&s->prefixes, hash);
		if (p == NULL)
			return 0;
		p->key = key;
		p->used = 1;
		p->renumber = s->prefixes.n;
	}
	p->live++;
	return p->renumber;
}

static void event_start(struct rsdos_shard *s, struct rsdos_victim *v, const struct rsdos_answer *a)
{
	*v = (struct rsdos_victim){ .ip = v->ip,
				    .first = a->first,
				    .last = a->last,
				    .packets = a->packets,
				    .n_samples = 1,
				    .flows = 1,
				    .samples = { sample_of(a) } };
	v->prefix = prefix_join(s, v->ip);
}

/* The second address that a victim answered: it counts for its prefix. */
static void victim_spreads(struct rsdos_shard *s, struct rsdos_victim *v)
{
	struct rsdos_prefix *p = rsdos_prefix_at(s, v->prefix);

	v->bits |= VICTIM_SPREAD;
	if (p == NULL)
		return;
	p->live2++;
	if (p->track == 0 && p->live2 * 2 >= NR_CARPET_VICTIMS)
		p->track = rsdos_track_new(s, TRACK_PREFIX, rsdos_prefix_ip(p->key));
}

static void victim_track(struct rsdos_shard *s, struct rsdos_victim *v, int64_t before)
{
	v->track = rsdos_track_new(s, TRACK_VICTIM, v->ip);
	if (v->track == 0) {
		v->bits |= VICTIM_NO_TRACK;
		return;
	}
	struct rsdos_answer first = answer_of(&v->samples[0], v->ip, v->first);
	struct rsdos_answer second = answer_of(&v->samples[1], v->ip, before);

	rsdos_track_add(rsdos_track_at(s, v->track), &first);
	rsdos_track_add(rsdos_track_at(s, v->track), &second);
}

static void event_add(struct rsdos_shard *s, struct rsdos_victim *v, const struct rsdos_answer *a)
{
	const struct rsdos_sample *one = &v->samples[0];
	int64_t before = v->last;

	v->first = a->first < v->first ? a->first : v->first;
	v->last = a->last > v->last ? a->last : v->last;
	v->packets = v->packets > UINT32_MAX - a->packets ? UINT32_MAX : v->packets + a->packets;
	if (!(v->bits & VICTIM_SPREAD) && a->dst != one->dst)
		victim_spreads(s, v);
	if (v->n_samples < NR_COUNT(v->samples)) {
		v->flows = (uint8_t)(v->flows + (a->dst != one->dst || a->port != one->port ||
						 a->peer != one->peer));
		v->samples[v->n_samples++] = sample_of(a);
		return;
	}
	if (v->track == 0 && !(v->bits & VICTIM_NO_TRACK))
		victim_track(s, v, before);
	if (v->track != 0) {
		struct rsdos_track *t = rsdos_track_at(s, v->track);

		rsdos_track_add(t, a);
		check_victim(s, t, a);
		rsdos_live_touch(s, v->track);
	}
}

void rsdos_event_prefetch(const struct rsdos_shard *s, uint64_t hash, struct nr_ip victim)
{
	const struct rsdos_victim *v = nr_table_find(&s->victims, hash, victim_eq, &victim);

	if (v == NULL || v->track == 0)
		return;
	const uint8_t *t = nr_table_at(&s->tracks, v->track - 1);

	__builtin_prefetch(t, 1);
	__builtin_prefetch(t + offsetof(struct rsdos_track, ppm), 1);
	__builtin_prefetch(t + offsetof(struct rsdos_track, ports), 1);
	__builtin_prefetch(t + offsetof(struct rsdos_track, n), 1);
}

void rsdos_event_add(struct rsdos_shard *s, uint64_t hash, const struct rsdos_answer *a)
{
	struct rsdos_victim *v = nr_table_find(&s->victims, hash, victim_eq, &a->victim);

	if (v == NULL) {
		if (!may_be_victim(a->victim))
			return;
		v = nr_table_insert(&s->victims, hash);
		if (v == NULL)
			return;
		v->ip = a->victim;
		event_start(s, v, a);
	} else if (a->first > v->last + RSDOS_IDLE_NS || a->last < v->first - RSDOS_IDLE_NS) {
		event_end(s, v);
		event_start(s, v, a);
	} else {
		event_add(s, v, a);
	}
	struct rsdos_prefix *p = rsdos_prefix_at(s, v->prefix);

	if (p != NULL && p->track != 0) {
		struct rsdos_track *t = rsdos_track_at(s, p->track);

		rsdos_track_add(t, a);
		check_prefix(s, p, t, a);
		rsdos_live_touch(s, p->track);
	}
}

/* --- sweeping --- */

static bool victim_keep(void *entry, void *ctx)
{
	(void)ctx;
	return ((struct rsdos_victim *)entry)->packets != 0;
}
static bool track_keep(void *entry, void *ctx)
{
	(void)ctx;
	return ((struct rsdos_track *)entry)->used != TRACK_FREE;
}
static bool prefix_keep(void *entry, void *ctx)
{
	(void)ctx;
	return ((struct rsdos_prefix *)entry)->used != 0;
}

static bool sweep_victims(struct rsdos_shard *s, int64_t before_ns)
{
	bool any = false;

	for (uint32_t i = 0; i < s->victims.n; i++) {
		struct rsdos_victim *v = nr_table_at(&s->victims, i);

		if (v->last + RSDOS_IDLE_NS >= before_ns)
			continue;
		event_end(s, v);
		v->packets = 0;
		any = true;
	}
	return any;
}

static void sweep_prefixes(struct rsdos_shard *s)
{
	for (uint32_t i = 0; i < s->prefixes.n; i++) {
		struct rsdos_prefix *p = nr_table_at(&s->prefixes, i);
		struct rsdos_track *t = rsdos_track_at(s, p->track);

		if (p->live > 0)
			continue;
		bool stands = rsdos_event_stands(s, t);

		if (stands || (t != NULL && t->said_id != 0))
			pending_add(s, t, rsdos_prefix_ip(p->key), stands);
		if (t != NULL)
			t->used = TRACK_FREE;
		p->used = 0;
	}
}

/* New numbers for what stays (invariant 1), then drop the rest. */
static void sweep_renumber(struct rsdos_shard *s)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < s->tracks.n; i++) {
		struct rsdos_track *t = nr_table_at(&s->tracks, i);

		t->renumber = t->used != TRACK_FREE ? ++number : 0;
	}
	number = 0;
	for (uint32_t i = 0; i < s->prefixes.n; i++) {
		struct rsdos_prefix *p = nr_table_at(&s->prefixes, i);

		p->renumber = p->used != 0 ? ++number : 0;
		p->track = p->used != 0 && p->track != 0 ? rsdos_track_at(s, p->track)->renumber
							 : 0;
	}
	for (uint32_t i = 0; i < s->victims.n; i++) {
		struct rsdos_victim *v = nr_table_at(&s->victims, i);

		v->track = v->track != 0 ? rsdos_track_at(s, v->track)->renumber : 0;
		v->prefix = v->prefix != 0 ? rsdos_prefix_at(s, v->prefix)->renumber : 0;
	}
	nr_table_sweep(&s->tracks, track_keep, NULL);
	nr_table_sweep(&s->prefixes, prefix_keep, NULL);
	nr_table_sweep(&s->victims, victim_keep, NULL);
	rsdos_live_renumber(s);
}

/* The watermark only moves sweeping at multiples of RSDOS_SWEEP_S, so that calls may be cut anywhere. */
void rsdos_sweep(struct rsdos_shard *s, int64_t now)
{
	if (NR_LIKELY(now < s->swept + RSDOS_SWEEP_S))
		return;
	int64_t at = now > RSDOS_TICK_MAX    ? RSDOS_TICK_MAX
		     : now < -RSDOS_TICK_MAX ? -RSDOS_TICK_MAX
					     : now;

	at -= ((at % RSDOS_SWEEP_S) + RSDOS_SWEEP_S) % RSDOS_SWEEP_S;
	if (at <= s->swept)
		return;
	s->swept = at;
	if (!sweep_victims(s, at * NR_NS_PER_S))
		return;
	sweep_prefixes(s);
	sweep_renumber(s);
}
