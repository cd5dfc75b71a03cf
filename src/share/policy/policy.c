/* SPDX-License-Identifier: Apache-2.0 */
#include "share/policy/policy.h"

const char *const nr_role_names[] = {
	[NR_ROLE_NOBODY] = "nobody",	       [NR_ROLE_ANYONE] = "anyone",
	[NR_ROLE_VIEWER] = "viewer",	       [NR_ROLE_ANALYST] = "analyst",
	[NR_ROLE_COORDINATOR] = "coordinator", [NR_ROLE_ADMIN] = "admin",
	[NR_ROLE_OPERATOR] = "operator",       NULL,
};

static bool is_nobody(struct nr_uuid uuid)
{
	return nr_uuid_eq(uuid, (struct nr_uuid){ 0 });
}

/* A number that no code of ours writes makes the whole of it worth nothing. */
static bool label_is_sound(const struct nr_label *label)
{
	return label->tlp > NR_TLP_UNSET && label->tlp <= NR_TLP_RED &&
	       label->n_members <= NR_LABEL_MEMBERS && label->n_communities <= NR_LABEL_COMMUNITIES;
}

static bool viewer_is_sound(const struct nr_viewer *viewer)
{
	return viewer->role > NR_ROLE_NOBODY && viewer->role <= NR_ROLE_OPERATOR &&
	       viewer->n_communities <= NR_VIEWER_COMMUNITIES &&
	       (viewer->active || is_nobody(viewer->member));
}

/* Of a membership in force, and known to be. */
static bool is_member(const struct nr_viewer *viewer)
{
	return !is_nobody(viewer->member) && viewer->role >= NR_ROLE_VIEWER;
}

/* Neither absent uuids nor epoch 0, which no membership has, are equal to anything. */
static bool party_eq(const struct nr_party *a, const struct nr_party *b)
{
	return a->epoch != 0 && a->epoch == b->epoch && nr_uuid_eq(a->uuid, b->uuid) &&
	       !is_nobody(a->uuid);
}

static bool party_among(const struct nr_party *party, const struct nr_party *parties, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (party_eq(party, &parties[i]))
			return true;
	return false;
}

static bool in_community(const struct nr_viewer *viewer, const struct nr_label *label)
{
	for (size_t i = 0; i < viewer->n_communities; i++)
		if (party_among(&viewer->communities[i], label->communities, label->n_communities))
			return true;
	return false;
}

static bool in_audience(const struct nr_viewer *viewer, const struct nr_label *label)
{
	if (label->everyone && label->tlp == NR_TLP_CLEAR)
		return true;
	if (!is_member(viewer))
		return false;
	if (label->everyone && label->tlp == NR_TLP_GREEN)
		return true;
	if (party_among(&(struct nr_party){ viewer->member, viewer->epoch }, label->members,
			label->n_members))
		return true;
	if (label->tlp == NR_TLP_RED)
		return false;
	return in_community(viewer, label) ||
	       (viewer->layer < NR_N_LAYERS && (label->layers >> viewer->layer & 1) != 0);
}

static bool is_over(const struct nr_viewer *viewer, const struct nr_label *label)
{
	return label->expires.ns != 0 &&
	       (viewer->now.ns <= 0 || viewer->now.ns >= label->expires.ns);
}

static bool is_owner(const struct nr_viewer *viewer, const struct nr_label *label)
{
	return is_member(viewer) && nr_uuid_eq(viewer->member, label->owner);
}

static bool may_read(const struct nr_viewer *viewer, const struct nr_label *label)
{
	if (is_owner(viewer, label))
		return true;
	return !is_over(viewer, label) && viewer->purpose < NR_N_PURPOSES &&
	       (label->purposes >> viewer->purpose & 1) != 0 && in_audience(viewer, label);
}

static bool may_pass_on(const struct nr_viewer *viewer, const struct nr_label *label)
{
	if (label->tlp >= NR_TLP_AMBER_STRICT)
		return false;
	return label->tlp == NR_TLP_AMBER ? is_owner(viewer, label) : may_read(viewer, label);
}

bool nr_policy_allows(const struct nr_viewer *viewer, const struct nr_label *label,
		      enum nr_action action)
{
	if (!viewer_is_sound(viewer) || !label_is_sound(label))
		return false;
	switch (action) {
	case NR_ACTION_READ:
	case NR_ACTION_COUNT:
		return may_read(viewer, label);
	case NR_ACTION_PASS_ON:
		return may_pass_on(viewer, label);
	case NR_ACTION_TIGHTEN:
		return is_member(viewer) && may_read(viewer, label);
	case NR_ACTION_RELAX:
		return is_owner(viewer, label) && viewer->role >= NR_ROLE_COORDINATOR;
	case NR_ACTION_NONE:
		break;
	}
	return false;
}

/* ---- the strictest of two ---- */

/* Whom a label names, as far as its TLP reaches. */
struct audience {
	bool everyone;
	uint8_t layers, n_members, n_communities;
	const struct nr_party *members, *communities;
};

static struct audience audience_of(const struct nr_label *label)
{
	struct audience audience = { .members = label->members, .communities = label->communities };

	if (!label_is_sound(label))
		return audience;
	audience.n_members = label->n_members;
	if (label->tlp == NR_TLP_RED)
		return audience;
	audience.n_communities = label->n_communities;
	audience.layers = label->layers;
	audience.everyone = label->everyone && label->tlp <= NR_TLP_GREEN;
	return audience;
}

struct parties {
	const struct nr_party *p;
	uint8_t n;
	bool everyone; /* all others too */
};

/* Whom both name. Who is in one by name and in the other by community falls out: that only tightens. */
static uint8_t parties_both(struct parties a, struct parties b, struct nr_party *out)
{
	uint8_t n = 0;

	for (size_t i = 0; i < a.n; i++)
		if (b.everyone || party_among(&a.p[i], b.p, b.n))
			out[n++] = a.p[i];
	if (!a.everyone || b.everyone) /* with both, everyone is named anyway */
		return n;
	for (n = 0; n < b.n; n++)
		out[n] = b.p[n];
	return n;
}

struct nr_label nr_policy_strictest(const struct nr_label *a, const struct nr_label *b)
{
	struct audience of_a = audience_of(a), of_b = audience_of(b);
	struct nr_label both = { .owner = a->owner, .purposes = a->purposes & b->purposes };

	if (!label_is_sound(a))
		return both; /* of nobody, and so it stays */
	both.tlp = label_is_sound(b) ? (a->tlp > b->tlp ? a->tlp : b->tlp) : NR_TLP_RED;
	both.expires = a->expires.ns != 0 && (b->expires.ns == 0 || a->expires.ns < b->expires.ns)
			       ? a->expires
			       : b->expires;
	both.everyone = of_a.everyone && of_b.everyone;
	both.layers = (uint8_t)((of_a.layers & of_b.layers) | (of_b.everyone ? of_a.layers : 0) |
				(of_a.everyone ? of_b.layers : 0));
	both.n_members =
		parties_both((struct parties){ of_a.members, of_a.n_members, of_a.everyone },
			     (struct parties){ of_b.members, of_b.n_members, of_b.everyone },
			     both.members);
	both.n_communities = parties_both((struct parties){ of_a.communities, of_a.n_communities,
							    of_a.everyone },
					  (struct parties){ of_b.communities, of_b.n_communities,
							    of_b.everyone },
					  both.communities);
	return both;
}

int nr_policy_relabel(const struct nr_viewer *viewer, const struct nr_label *label,
		      const struct nr_label *wish, struct nr_label *ret_label)
{
	if (!label_is_sound(wish))
		return -EINVAL; /* with it the owner could never say anything again */
	if (nr_policy_allows(viewer, label, NR_ACTION_RELAX)) {
		struct nr_uuid owner = label->owner;

		*ret_label = *wish;
		ret_label->owner = owner;
		return 0;
	}
	if (!nr_policy_allows(viewer, label, NR_ACTION_TIGHTEN))
		return -EACCES;
	*ret_label = nr_policy_strictest(label, wish);
	return 0;
}

/* ---- defaults ---- */

enum nr_purpose nr_policy_purpose(enum nr_layer layer)
{
	static const uint8_t purposes[NR_N_LAYERS] = {
		[NR_LAYER_TECHNICAL] = NR_PURPOSE_DEFENCE,
		[NR_LAYER_LAW_ENFORCEMENT] = NR_PURPOSE_INVESTIGATION,
		[NR_LAYER_POLICY] = NR_PURPOSE_STATISTICS,
		[NR_LAYER_DIPLOMATIC] = NR_PURPOSE_STATISTICS,
		[NR_LAYER_RESEARCH] = NR_PURPOSE_RESEARCH,
	};

	return (unsigned)layer < NR_N_LAYERS ? (enum nr_purpose)purposes[layer] : NR_N_PURPOSES;
}

unsigned nr_policy_quorum(unsigned n, unsigned k)
{
	unsigned quorum = n / 2 + 1;

	if (quorum < k)
		quorum = k;
	return quorum <= n ? quorum : 0;
}
