/* SPDX-License-Identifier: Apache-2.0 */
/*
 * infect.v1: what is told before it ends. A marked address is judged with its source record as it
 * stands; it is told when the sum is first enough, again when its marked packets have doubled or a
 * minute has passed, and withdrawn when what came since speaks against it.
 */
#include <stdlib.h>

#include "orient/detect/infect_int.h"

enum { MINUTE = 60, FEW = 8 }; /* with few marked packets each one may decide */

void infect_live_touch(struct infect_shard *s, struct infect_entry *e)
{
	struct nr_ip *ip;

	if (NR_LIKELY(!s->env->live) || e->is_dirty || (ip = nr_table_append(&s->dirty)) == NULL)
		return;
	e->is_dirty = 1;
	*ip = e->ip;
}

static bool is_worth_asking(const struct infect_entry *e, int64_t now)
{
	return e->marked <= FEW || e->marked >= 2 * e->said_marked || now >= e->said_at + MINUTE;
}

/* @return whether there is something to tell, in @p ret_entry */
static bool ask(struct infect_shard *s, struct nr_ip ip, int64_t now, const struct nr_sink *sink,
		struct infect_entry *ret_entry)
{
	struct infect_entry *e = infect_entry_find(s, ip);

	if (e == NULL || e->state != INFECT_ACTIVE || !is_worth_asking(e, now))
		return false;
	e->said_marked = e->marked;
	e->said_at = now;
	if (sink->look != NULL)
		sink->look(sink->ctx,
			   ip); /* comes back as infect's source(): e stays where it is */
	bool stands = e->state == INFECT_ACTIVE && infect_is_finding(s->env, e);

	if (!stands && (e->said_id == 0 || e->state != INFECT_ACTIVE))
		return false;
	*ret_entry = *e;
	ret_entry->telling = stands ? INFECT_OPEN : INFECT_WITHDRAWN;
	return true;
}

int infect_report(void *shard, int64_t now, const struct nr_sink *sink)
{
	struct infect_shard *s = shard;
	uint32_t n_dirty = s->dirty.n;
	struct infect_entry *list;
	size_t n = 0;

	if (n_dirty == 0)
		return 0;
	list = malloc(n_dirty * sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_dirty; i++) {
		struct nr_ip ip = *(const struct nr_ip *)nr_table_at(&s->dirty, i);
		struct infect_entry *e;

		n += ask(s, ip, now, sink, &list[n]);
		if ((e = infect_entry_find(s, ip)) != NULL)
			e->is_dirty = 0;
	}
	nr_table_clear(&s->dirty);
	infect_emit_all(s->env, list, n, now, sink);
	for (size_t i = 0; i < n; i++) {
		struct infect_entry *e = infect_entry_find(s, list[i].ip);

		if (e != NULL)
			e->said_id = list[i].telling == INFECT_OPEN ? list[i].said_id : 0;
	}
	free(list);
	return 0;
}
