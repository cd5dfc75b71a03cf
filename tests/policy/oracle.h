/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * oracle: share/policy/policy.h once more, from its words alone and in another way: a viewer bears
 * badges, a label accepts badges, and he may know when one of his is among them. No code is shared
 * with what it judges.
 */
#include "share/policy/policy.h"

enum badge_kind { B_OWNER, B_MEMBER, B_COMMUNITY, B_LAYER, B_EVERY_MEMBER, B_ANYONE };

struct badge {
	enum badge_kind kind;
	struct nr_uuid uuid;
	uint32_t number; /* epoch or layer */
};

enum { BADGES = 64 };
struct badges {
	size_t n;
	struct badge b[BADGES];
};

/* Which kinds a TLP lets a label accept, its owner's aside. */
static const bool reaches[NR_TLP_RED + 1][B_ANYONE + 1] = {
	[NR_TLP_RED] = { [B_OWNER] = true, [B_MEMBER] = true },
	[NR_TLP_AMBER_STRICT] = { true, true, true, true, false, false },
	[NR_TLP_AMBER] = { true, true, true, true, false, false },
	[NR_TLP_GREEN] = { true, true, true, true, true, false },
	[NR_TLP_CLEAR] = { true, true, true, true, true, true },
};

static void badge_add(struct badges *set, enum badge_kind kind, struct nr_uuid uuid,
		      uint32_t number)
{
	static const struct nr_uuid nobody;
	bool names_somebody = kind > B_COMMUNITY || memcmp(&uuid, &nobody, sizeof(uuid)) != 0;
	bool has_epoch = (kind != B_MEMBER && kind != B_COMMUNITY) || number >= 1;

	if (names_somebody && has_epoch)
		set->b[set->n++] = (struct badge){ kind, uuid, number };
}

static bool badge_in(const struct badge *badge, const struct badges *set)
{
	bool found = false;

	for (size_t i = 0; i < set->n; i++)
		found |= set->b[i].kind == badge->kind && set->b[i].number == badge->number &&
			 memcmp(&set->b[i].uuid, &badge->uuid, sizeof(badge->uuid)) == 0;
	return found;
}

static bool badges_meet(const struct badges *a, const struct badges *b)
{
	bool meet = false;

	for (size_t i = 0; i < a->n; i++)
		meet |= badge_in(&a->b[i], b);
	return meet;
}

static bool oracle_label_ok(const struct nr_label *label)
{
	bool known_tlp = false;

	for (unsigned tlp = NR_TLP_CLEAR; tlp <= NR_TLP_RED; tlp++)
		known_tlp |= label->tlp == tlp;
	return known_tlp && !(label->n_members > NR_LABEL_MEMBERS) &&
	       !(label->n_communities > NR_LABEL_COMMUNITIES);
}

/* What a label accepts of others than its owner. */
static struct badges oracle_accepts(const struct nr_label *label)
{
	static const struct nr_uuid none;
	struct badges all = { 0 }, some = { 0 };

	if (!oracle_label_ok(label))
		return some;
	for (int i = 0; i < label->n_members; i++)
		badge_add(&all, B_MEMBER, label->members[i].uuid, label->members[i].epoch);
	for (int i = 0; i < label->n_communities; i++)
		badge_add(&all, B_COMMUNITY, label->communities[i].uuid,
			  label->communities[i].epoch);
	for (uint32_t layer = 0; layer < NR_N_LAYERS; layer++)
		if (label->layers & (1u << layer))
			badge_add(&all, B_LAYER, none, layer);
	if (label->everyone) {
		badge_add(&all, B_EVERY_MEMBER, none, 0);
		badge_add(&all, B_ANYONE, none, 0);
	}
	for (size_t i = 0; i < all.n; i++)
		if (reaches[label->tlp][all.b[i].kind])
			some.b[some.n++] = all.b[i];
	return some;
}

/* What a viewer bears; none at all when he is not to be believed. */
static struct badges oracle_bears(const struct nr_viewer *viewer)
{
	static const struct nr_uuid none;
	struct badges bears = { 0 };
	bool has_member = memcmp(&viewer->member, &none, sizeof(none)) != 0;

	if (viewer->role == NR_ROLE_NOBODY || viewer->role > NR_ROLE_OPERATOR)
		return bears;
	if (viewer->n_communities > NR_VIEWER_COMMUNITIES || (has_member && !viewer->active))
		return bears;
	badge_add(&bears, B_ANYONE, none, 0);
	if (!has_member || viewer->role == NR_ROLE_ANYONE)
		return bears;
	badge_add(&bears, B_EVERY_MEMBER, none, 0);
	badge_add(&bears, B_OWNER, viewer->member, 0);
	badge_add(&bears, B_MEMBER, viewer->member, viewer->epoch);
	if (viewer->layer < NR_N_LAYERS)
		badge_add(&bears, B_LAYER, none, viewer->layer);
	for (int i = 0; i < viewer->n_communities; i++)
		badge_add(&bears, B_COMMUNITY, viewer->communities[i].uuid,
			  viewer->communities[i].epoch);
	return bears;
}

/* Beside the audience: in time, and for what he asks it for? */
static bool oracle_conditions(const struct nr_viewer *viewer, int64_t expires, unsigned purposes)
{
	bool asks_for_it = false, in_time = expires == 0;

	for (unsigned purpose = 0; purpose < NR_N_PURPOSES; purpose++)
		asks_for_it |= viewer->purpose == purpose && (purposes & (1u << purpose)) != 0;
	if (expires != 0 && viewer->now.ns > 0)
		in_time = viewer->now.ns < expires;
	return asks_for_it && in_time;
}

static bool oracle_owns(const struct nr_viewer *viewer, const struct nr_label *label)
{
	struct badges bears = oracle_bears(viewer), owner = { 0 };

	badge_add(&owner, B_OWNER, label->owner, 0);
	return oracle_label_ok(label) && badges_meet(&bears, &owner);
}

static bool oracle_reads(const struct nr_viewer *viewer, const struct nr_label *label)
{
	struct badges bears = oracle_bears(viewer), accepts = oracle_accepts(label);

	return oracle_owns(viewer, label) ||
	       (oracle_conditions(viewer, label->expires.ns, label->purposes) &&
		badges_meet(&bears, &accepts));
}

static bool oracle_is_member(const struct nr_viewer *viewer)
{
	struct badges bears = oracle_bears(viewer);

	return badge_in(&(struct badge){ .kind = B_EVERY_MEMBER }, &bears);
}

static bool oracle_allows(const struct nr_viewer *viewer, const struct nr_label *label,
			  unsigned action)
{
	bool reads = oracle_reads(viewer, label), owns = oracle_owns(viewer, label);

	if (action == NR_ACTION_READ || action == NR_ACTION_COUNT)
		return reads;
	if (action == NR_ACTION_PASS_ON)
		return (label->tlp == NR_TLP_AMBER && owns) ||
		       ((label->tlp == NR_TLP_GREEN || label->tlp == NR_TLP_CLEAR) && reads);
	if (action == NR_ACTION_TIGHTEN)
		return reads && oracle_is_member(viewer);
	if (action == NR_ACTION_RELAX)
		return owns && viewer->role != NR_ROLE_VIEWER && viewer->role != NR_ROLE_ANALYST;
	return false;
}

/*
 * May @p viewer read what has the strictest of @p a and @p b? Badges that both accept, where every
 * member accepts any badge that only members bear.
 */
static bool oracle_reads_both(const struct nr_viewer *viewer, const struct nr_label *a,
			      const struct nr_label *b)
{
	static const struct badge every = { .kind = B_EVERY_MEMBER };
	struct badges bears = oracle_bears(viewer), in_a = oracle_accepts(a),
		      in_b = oracle_accepts(b);
	bool accepted = false;

	if (oracle_owns(viewer, a))
		return true;
	for (size_t i = 0; i < bears.n; i++) {
		const struct badge *badge = &bears.b[i];
		bool member_only = badge->kind != B_ANYONE;
		bool has_a = badge_in(badge, &in_a), has_b = badge_in(badge, &in_b);

		accepted |= (has_a && has_b) || (member_only && has_a && badge_in(&every, &in_b)) ||
			    (member_only && has_b && badge_in(&every, &in_a));
	}
	return accepted && oracle_conditions(viewer, a->expires.ns, a->purposes) &&
	       oracle_conditions(viewer, b->expires.ns, b->purposes);
}
