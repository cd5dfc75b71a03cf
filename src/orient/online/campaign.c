/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Campaigns of scan.v1 as they live. Off line a campaign is all wide sources of the input that look
 * alike; on line it is opened by the first of them and over when none has sent for a day. A source
 * joins as what it looks like when it becomes wide and stays with that campaign.
 */
#include <stdlib.h>

#include "orient/online/online_int.h"

enum { IDLE_S = 86400, MINUTE = 60 };

static uint64_t member_hash(const void *entry, const void *ctx)
{
	const struct nr_scan_member *m = entry;
	uint64_t w[2];

	memcpy(w, &m->ip, sizeof(w));
	return nr_hash64(ctx, w[0] ^ (uint64_t)m->first, w[1]);
}

static bool member_eq(const void *entry, const void *key)
{
	const struct nr_scan_member *a = entry, *b = key;

	return nr_ip_eq(a->ip, b->ip) && a->first == b->first;
}

static uint64_t group_hash(const void *entry, const void *ctx)
{
	return nr_hash64(ctx, ((const struct online_group *)entry)->subject, 3);
}

static bool group_eq(const void *entry, const void *key)
{
	return ((const struct online_group *)entry)->subject == *(const uint64_t *)key;
}

int online_campaigns_init(struct nr_online *online)
{
	struct online_campaigns *c = &online->campaigns;
	int r = nr_table_init(&c->members, sizeof(struct nr_scan_member), ONLINE_MEMBERS,
			      member_hash, &online->key);

	c->minute = INT64_MIN;
	return r < 0 ? r
		     : nr_table_init(&c->groups, sizeof(struct online_group), ONLINE_MEMBERS,
				     group_hash, &online->key);
}

void online_campaigns_done(struct online_campaigns *c)
{
	nr_table_done(&c->members);
	nr_table_done(&c->groups);
}

static void member_set(struct nr_online *online, const struct nr_source *source, bool open)
{
	struct online_campaigns *c = &online->campaigns;
	struct nr_scan_member now, *m;

	nr_scan_member_of(source, source->wide.ns != 0 ? source->wide.ns : source->last.ns, !open,
			  &now);
	uint64_t hash = member_hash(&now, &online->key);

	m = nr_table_find(&c->members, hash, member_eq, &now);
	if (m == NULL) {
		m = nr_table_insert(&c->members, hash);
		if (m != NULL)
			*m = now;
		return;
	}
	m->last = now.last;
	m->packets = now.packets;
	m->dst = now.dst;
	m->level = now.level;
	m->certainty = now.certainty;
	m->ended = now.ended;
}

int online_campaigns_source(struct nr_online *online, const struct nr_source *source, bool open)
{
	if (source->level < NR_LEVEL_WIDE || source->traffic_class == NR_CLASS_BACKSCATTER)
		return 0;
	member_set(online, source, open);
	online->campaigns.changed = true;
	return 0;
}

/*
 * Once a minute: how the open ones stand. Who is not open any more and did not end as wide has
 * ended all the same.
 */
static void members_look(struct nr_online *online)
{
	struct online_campaigns *c = &online->campaigns;

	for (uint32_t i = 0; i < c->members.n; i++) {
		struct nr_scan_member *m = nr_table_at(&c->members, i);
		struct nr_source source;

		if (m->ended)
			continue;
		c->changed = true;
		if (nr_run_look(online->live.run, m->ip, &source) && source.first.ns == m->first)
			member_set(online, &source, true);
		else
			m->ended = true;
	}
}

/* ---- telling ---- */

struct telling {
	struct nr_online *online;
	int64_t now;
	struct nr_scan_member *list; /* sorted: groups one after the other */
	size_t at;
	bool *is_over;	    /* of the list */
	bool any_over, all; /* all: everything is over */
	int err;
};

static uint64_t number_of(const struct nr_finding *f, const char *name)
{
	double value = 0;

	(void)nr_fields_number(f->evidence_fields, f->n_evidence_fields, f->evidence, name, &value);
	return (uint64_t)value;
}

static bool has_grown(const struct online_group *g, const struct online_group *is)
{
	return is->packets >= 2 * g->packets || is->sources >= 2 * g->sources ||
	       is->aggressive != g->aggressive ||
	       (is->said >= g->said + MINUTE &&
		(is->packets != g->packets || is->sources != g->sources));
}

static int say_it(struct nr_online *online, const struct nr_finding *finding)
{
	struct nr_sightings seen_by;
	int r = nr_run_seen_by(online->live.run, finding, &seen_by);

	if (r == 0)
		r = online_say(online, finding, &seen_by);
	free(seen_by.list);
	return r;
}

static void told(void *ctx, const struct nr_finding *finding)
{
	struct telling *t = ctx;
	struct online_campaigns *c = &t->online->campaigns;
	struct nr_hash_key fixed = { { 1, 2, 3, 5 } };
	struct online_group is = { .subject = nr_siphash13(&fixed, finding->subject,
							   strlen(finding->subject)),
				   .id = finding->id,
				   .packets = number_of(finding, "packets"),
				   .sources = number_of(finding, "sources"),
				   .aggressive = number_of(finding, "aggressive"),
				   .said = t->now };
	uint64_t hash = group_hash(&is, &t->online->key);
	struct online_group *g = nr_table_find(&c->groups, hash, group_eq, &is.subject);
	struct nr_finding f = *finding;
	bool over = t->all || (finding->state == NR_FINDING_ENDED &&
			       nr_time_floor_s(finding->last) + IDLE_S < t->now);
	bool say = over || g == NULL || has_grown(g, &is);

	for (uint64_t i = 0; i < is.sources; i++)
		t->is_over[t->at++] = over;
	t->any_over |= over;
	if (!say || t->err != 0 || (g == NULL && (g = nr_table_insert(&c->groups, hash)) == NULL))
		return;
	is.id = g->id != 0 ? g->id : is.id;
	*g = is;
	f.id = is.id;
	f.state = over ? NR_FINDING_ENDED : NR_FINDING_CONTINUING;
	t->err = say_it(t->online, &f);
	if (over)
		g->sources = 0; /* groups_keep() */
}

static bool group_keep(void *entry, void *ctx)
{
	(void)ctx;
	return ((const struct online_group *)entry)->sources != 0;
}

static bool member_keep(void *entry, void *ctx)
{
	(void)ctx;
	return ((const struct nr_scan_member *)entry)->packets != 0;
}

/* Forget the members of campaigns that are over. */
static void members_drop(const struct telling *t, size_t n)
{
	struct online_campaigns *c = &t->online->campaigns;

	for (size_t i = 0; i < n; i++) {
		struct nr_scan_member *m;

		if (!t->is_over[i])
			continue;
		m = nr_table_find(&c->members, member_hash(&t->list[i], &t->online->key), member_eq,
				  &t->list[i]);
		if (m != NULL)
			m->packets = 0;
	}
	nr_table_sweep(&c->members, member_keep, NULL);
	nr_table_sweep(&c->groups, group_keep, NULL);
}

static int tell(struct nr_online *online, int64_t now, bool all)
{
	struct online_campaigns *c = &online->campaigns;
	size_t n = c->members.n;
	struct telling t = { .online = online, .now = now, .all = all };
	struct nr_sink sink = { .ctx = &t, .finding = told };

	c->changed = false;
	if (n == 0)
		return 0;
	t.list = malloc(n * sizeof(t.list[0]));
	t.is_over = calloc(n, sizeof(t.is_over[0]));
	if (t.list == NULL || t.is_over == NULL) {
		free(t.list);
		free(t.is_over);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < n; i++)
		t.list[i] = *(const struct nr_scan_member *)nr_table_at(&c->members, i);
	int r = nr_scan_campaigns(t.list, n, nr_run_env(online->live.run), &sink);

	nr_require(t.at == n);
	if (t.any_over)
		members_drop(&t, n);
	free(t.list);
	free(t.is_over);
	return r < 0 ? r : t.err;
}

int online_campaigns_tell(struct nr_online *online, int64_t now)
{
	struct online_campaigns *c = &online->campaigns;

	if (c->members.n > 0 && (c->minute == INT64_MIN || now >= c->minute + MINUTE)) {
		c->minute = now;
		members_look(online);
		c->changed = true; /* what is over by time is found on the way */
	}
	return c->changed ? tell(online, now, false) : 0;
}

int online_campaigns_end(struct nr_online *online)
{
	return tell(online, online->live.watermark, true);
}
