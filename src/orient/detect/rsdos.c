/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rsdos.v1: victims of floods whose sources were forged uniformly at random.
 *
 * Hypothesis    a victim answers packets that we never sent; uniform forging spreads the answers evenly
 *               over the monitored addresses and, mostly, over ports
 * Threshold     DETECTION: Poisson tail below 1e-9 against the background of (port class, AS), at least
 *               5 answers, 60 s or 50 of them; the shape tests of rsdos_track.c
 * Wrong about   floods with one fixed forged source port and SYN-ACK answers look like SYN-ACK scans and are
 *               not reported; one sender may forge the answers of a victim: certainty is never more than
 *               spoofable
 * State         rsdos_int.h
 *
 * Life of a victim:
 *
 *   answer 1, 2 -> samples kept whole     answer 3 -> track       check passes -> detected
 *   silence > 300 s (sweep, or its next answer) -> end: pending finding if detected, else background learns
 */
#include <stdlib.h>

#include "observe/dissect/dissect.h"
#include "orient/detect/rsdos_int.h"
#include "record/proto.h"

enum { BATCH = 32 };
enum { DNS_PORT = 53 };

static uint64_t victim_hash(const struct nr_hash_key *key, struct nr_ip ip)
{
	uint64_t hi, lo;

	memcpy(&hi, ip.b, 8);
	memcpy(&lo, ip.b + 8, 8);
	return nr_hash64(key, hi, lo);
}

uint64_t rsdos_victim_hash(const void *entry, const void *key)
{
	return victim_hash(key, ((const struct rsdos_victim *)entry)->ip);
}

uint64_t rsdos_prefix_hash(const void *entry, const void *key)
{
	return nr_hash64(key, ((const struct rsdos_prefix *)entry)->key, 1);
}

/* --- reading observations --- */

static uint32_t dst_of(struct nr_ip ip)
{
	uint64_t hi, lo;

	if (nr_ip_is_v4(ip))
		return nr_ip_to_v4(ip);
	memcpy(&hi, ip.b, 8);
	memcpy(&lo, ip.b + 8, 8);
	return ((uint32_t)nr_mix64(hi ^ nr_mix64(lo)) & ~15u) | (ip.b[15] & 15u);
}

static bool is_answer(const struct nr_observation *obs)
{
	if (obs->traffic_class != NR_CLASS_BACKSCATTER)
		return false;
	bool own = !(obs->flags & NR_OBS_QUOTED) || nr_ip_eq(obs->quoted_dst, obs->src);

	return own != ((obs->flags & NR_OBS_MIRROR) != 0);
}

static void answer_kind(const struct nr_observation *obs, struct rsdos_answer *a)
{
	a->port = obs->sport;
	a->peer = obs->dport;
	a->proto = obs->proto;
	a->bits = RSDOS_MOORE_COUNTS;
	if (obs->flags & NR_OBS_QUOTED) {
		a->type = RSDOS_QUOTE;
		a->proto = obs->quoted_proto;
		a->port = a->peer = obs->quoted_dport;
	} else if (obs->proto == NR_PROTO_TCP) {
		a->type = (obs->tcp_flags & NR_TCP_SYN) ? RSDOS_SYNACK : RSDOS_RST;
		if (obs->marks[NR_MARK_SAME_SEQ] > 0)
			a->bits |= RSDOS_SAME_SEQ;
	} else if (obs->proto == NR_PROTO_UDP) {
		a->type = RSDOS_UDP;
		if (obs->sport != DNS_PORT)
			a->bits = RSDOS_EXT;
	} else {
		a->type = RSDOS_ICMP;
	}
}

static void answer_read(const struct nr_observation *obs, struct rsdos_answer *a)
{
	int64_t tick = obs->tick < -RSDOS_TICK_MAX  ? -RSDOS_TICK_MAX
		       : obs->tick > RSDOS_TICK_MAX ? RSDOS_TICK_MAX
						    : obs->tick;

	a->victim = (obs->flags & NR_OBS_QUOTED) ? obs->quoted_dst : obs->src;
	a->first = tick * NR_NS_PER_S + obs->first;
	a->last = tick * NR_NS_PER_S + obs->last;
	a->dst = dst_of(obs->dst);
	a->packets = obs->packets > 0 ? obs->packets : 1;
	answer_kind(obs, a);
}

/* --- the detector --- */

static void shard_close(void *shard)
{
	struct rsdos_shard *s = shard;

	if (s == NULL)
		return;
	nr_table_done(&s->victims);
	nr_table_done(&s->tracks);
	nr_table_done(&s->prefixes);
	nr_table_done(&s->groups);
	nr_table_done(&s->pending);
	nr_table_done(&s->dirty);
	free(s);
}

static int shard_open(const struct nr_detect_env *env, void **ret_shard)
{
	struct rsdos_shard *s = calloc(1, sizeof(*s));
	uint32_t max = (uint32_t)nr_min_size(env->max_entries, NR_TABLE_MAX);
	uint32_t few = max / 16 < 256 ? 256 : max / 16;

	if (s == NULL)
		return -ENOMEM;
	s->env = env;
	s->swept = -RSDOS_TICK_MAX;
	if (nr_table_init(&s->victims, sizeof(struct rsdos_victim), max, rsdos_victim_hash,
			  &env->key) < 0 ||
	    nr_table_init(&s->prefixes, sizeof(struct rsdos_prefix), max, rsdos_prefix_hash,
			  &env->key) < 0 ||
	    nr_table_init(&s->groups, sizeof(struct rsdos_group), few, rsdos_group_hash,
			  &env->key) < 0 ||
	    nr_table_init(&s->tracks, sizeof(struct rsdos_track), few, NULL, NULL) < 0 ||
	    nr_table_init(&s->pending, sizeof(struct rsdos_pending), max, NULL, NULL) < 0 ||
	    nr_table_init(&s->dirty, sizeof(uint32_t), NR_TABLE_MAX, NULL, NULL) < 0) {
		shard_close(s);
		return -ENOMEM;
	}
	*ret_shard = s;
	return 0;
}

static int shard_feed(void *shard, const struct nr_observation *obs, size_t n)
{
	struct rsdos_shard *s = shard;
	const struct nr_observation *picked[BATCH];
	uint64_t hashes[BATCH];
	size_t at = 0;

	while (at < n) {
		size_t k = 0;

		for (; at < n && k < BATCH; at++) {
			if (NR_LIKELY(!is_answer(&obs[at])))
				continue;
			hashes[k] = victim_hash(&s->env->key, (obs[at].flags & NR_OBS_QUOTED)
								      ? obs[at].quoted_dst
								      : obs[at].src);
			nr_table_prefetch_slot(&s->victims, hashes[k]);
			picked[k++] = &obs[at];
		}
		for (size_t i = 0; i < k; i++)
			nr_table_prefetch_entry(&s->victims, hashes[i]);
		for (size_t i = 0; i < k; i++)
			rsdos_event_prefetch(s, hashes[i],
					     (picked[i]->flags & NR_OBS_QUOTED)
						     ? picked[i]->quoted_dst
						     : picked[i]->src);
		for (size_t i = 0; i < k; i++) {
			struct rsdos_answer answer;

			rsdos_sweep(s, picked[i]->tick);
			answer_read(picked[i], &answer);
			rsdos_event_add(s, hashes[i], &answer);
		}
	}
	return 0;
}

static bool pending_keep(void *entry, void *ctx)
{
	return ((struct rsdos_pending *)entry)->last + RSDOS_IDLE_NS >= *(int64_t *)ctx;
}

static int shard_advance(void *shard, int64_t now, const struct nr_sink *sink)
{
	struct rsdos_shard *s = shard;

	rsdos_sweep(s, now);
	if (s->pending.n == 0)
		return 0;
	/* Whatever ended before `due` is known by now: the order over calls is that of the last packets. */
	int64_t due = s->swept * NR_NS_PER_S;
	struct rsdos_pending *list = malloc(s->pending.n * sizeof(*list));
	size_t n = 0;

	if (list == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->pending.n; i++) {
		struct rsdos_pending *pending = nr_table_at(&s->pending, i);

		if (!pending_keep(pending, &due))
			list[n++] = *pending;
	}
	rsdos_emit_all(s->env, list, n, INT64_MAX, sink);
	free(list);
	nr_table_sweep(&s->pending, pending_keep, &due);
	return 0;
}

static size_t collect(const struct rsdos_shard *s, struct rsdos_pending *list)
{
	size_t n = 0;

	for (uint32_t i = 0; i < s->pending.n; i++, n++)
		if (list != NULL)
			list[n] = *(const struct rsdos_pending *)nr_table_at(&s->pending, i);
	for (uint32_t i = 0; i < s->victims.n; i++) {
		const struct rsdos_victim *v = nr_table_at(&s->victims, i);
		const struct rsdos_track *t = rsdos_track_at(s, v->track);

		if (!rsdos_event_stands(s, t))
			continue;
		if (list != NULL)
			rsdos_emit_fill(s, t, v->ip, &list[n]);
		n++;
	}
	for (uint32_t i = 0; i < s->prefixes.n; i++) {
		const struct rsdos_prefix *p = nr_table_at(&s->prefixes, i);
		const struct rsdos_track *t = rsdos_track_at(s, p->track);

		if (!rsdos_event_stands(s, t))
			continue;
		if (list != NULL)
			rsdos_emit_fill(s, t, rsdos_prefix_ip(p->key), &list[n]);
		n++;
	}
	return n;
}

static int shards_finish(void *const *shards, size_t n_shards, int64_t now,
			 const struct nr_sink *sink)
{
	size_t n = 0, at = 0;

	for (size_t i = 0; i < n_shards; i++)
		n += collect(shards[i], NULL);
	if (n == 0)
		return 0;
	struct rsdos_pending *list = malloc(n * sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n_shards; i++)
		at += collect(shards[i], list + at);
	rsdos_emit_all(((const struct rsdos_shard *)shards[0])->env, list, n, now, sink);
	free(list);
	return 0;
}

static uint64_t shard_refused(const void *shard)
{
	const struct rsdos_shard *s = shard;

	return s->victims.n_refused + s->tracks.n_refused + s->prefixes.n_refused +
	       s->pending.n_refused;
}

const struct nr_detector nr_detector_rsdos = {
	.name = "rsdos.v1",
	.summary =
		"Victims of floods with forged sources, by the answers that reach monitored addresses",
	.fields = nr_rsdos_fields,
	.n_fields = NR_RSDOS_N_FIELDS,
	.open = shard_open,
	.feed = shard_feed,
	.classes = 1u << NR_CLASS_BACKSCATTER,
	.advance = shard_advance,
	.finish = shards_finish,
	.save = rsdos_save,
	.load = rsdos_load,
	.close = shard_close,
	.refused = shard_refused,
	.report = rsdos_report,
};
