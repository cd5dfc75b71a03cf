/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rsdos.v1: what is told before it ends. A finding is told when its rule is first met, again when
 * its packets have doubled or a minute has passed, and withdrawn when a full sample says that it
 * was no flood.
 */
#include <stdlib.h>

#include "orient/detect/rsdos_int.h"

enum { MINUTE = 60 };

static void dirty_add(struct rsdos_shard *s, uint32_t ref)
{
	uint32_t *entry = nr_table_append(&s->dirty);

	if (entry != NULL)
		*entry = ref;
}

void rsdos_live_touch(struct rsdos_shard *s, uint32_t ref)
{
	struct rsdos_track *t;

	if (NR_LIKELY(!s->env->live))
		return;
	t = rsdos_track_at(s, ref);
	if ((!t->is_detected && t->said_id == 0) || t->is_dirty)
		return;
	t->is_dirty = 1;
	dirty_add(s, ref);
}

void rsdos_live_renumber(struct rsdos_shard *s)
{
	if (s->dirty.n == 0)
		return;
	nr_table_clear(&s->dirty);
	for (uint32_t i = 0; i < s->tracks.n; i++)
		if (((const struct rsdos_track *)nr_table_at(&s->tracks, i))->is_dirty)
			dirty_add(s, i + 1);
}

static bool is_worth_saying(const struct rsdos_track *t, int64_t now)
{
	return t->said_id == 0 || !t->is_detected || t->packets >= 2 * t->said_packets ||
	       now >= t->said_at + MINUTE;
}

/* @return whether there is something to tell of the track, in @p pending */
static bool tell(struct rsdos_shard *s, uint32_t ref, int64_t now, struct rsdos_pending *pending)
{
	struct rsdos_track *t = rsdos_track_at(s, ref);

	t->is_dirty = 0;
	if (t->used == TRACK_FREE || !is_worth_saying(t, now))
		return false;
	bool stands = rsdos_event_stands(s, t);

	if (!stands && t->said_id == 0)
		return false;
	rsdos_emit_fill(s, t, t->ip, pending);
	pending->is_withdrawn = !stands;
	pending->track = ref;
	return true;
}

int rsdos_report(void *shard, int64_t now, const struct nr_sink *sink)
{
	struct rsdos_shard *s = shard;
	struct rsdos_pending *list;
	size_t n = 0;

	if (s->dirty.n == 0)
		return 0;
	list = malloc(s->dirty.n * sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->dirty.n; i++)
		n += tell(s, *(const uint32_t *)nr_table_at(&s->dirty, i), now, &list[n]);
	nr_table_clear(&s->dirty);
	rsdos_emit_all(s->env, list, n, -RSDOS_TICK_MAX, sink); /* none of them has ended */
	for (size_t i = 0; i < n; i++) {
		struct rsdos_track *t = rsdos_track_at(s, list[i].track);

		t->said_id = list[i].is_withdrawn ? 0 : list[i].said_id;
		t->said_packets = t->packets;
		t->said_at = now;
	}
	free(list);
	return 0;
}
