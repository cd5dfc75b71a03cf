/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * policy: may this viewer do that with what bears this label? The one place where it is decided.
 *
 * Pure      no clock, no files, no state: the same arguments give the same answer
 * Deny      is zero, and what zeroed arguments get; so do arguments with a number in them that none
 *           of ours writes, and a member whose membership is not in force
 * Operator  is asked as any other member: that he sees all sensors stands in scope.h, not here
 * Who asks  the registry inside SQL, every query of observations, every export and event; nothing
 *           reads around it
 * Test      tests/policy: against a naive oracle, 10^5 decisions in CI
 */
#include "record/label.h"

enum { NR_VIEWER_COMMUNITIES = 32, NR_QUORUM_DEFAULT = 3 };

enum nr_role { /* what a caller may do at most; zero may nothing. Also a disk format. */
	       NR_ROLE_NOBODY,
	       NR_ROLE_ANYONE,	/* not known to us: no token, no session */
	       NR_ROLE_VIEWER,	/* reads */
	       NR_ROLE_ANALYST, /* and says what a finding is, asks other members, answers them */
	       NR_ROLE_COORDINATOR, /* and labels, shares, suppresses for the whole member */
	       NR_ROLE_ADMIN,	    /* and has the member's users, tokens and sensors */
	       NR_ROLE_OPERATOR,    /* an admin of the member that runs this hub: all of the hub */
};
extern const char *const nr_role_names[]; /* "nobody" ... "operator"; NULL-terminated */

struct nr_viewer {
	struct nr_uuid member; /* zero: none, may know what is CLEAR for everyone, no more */
	struct nr_uuid user;   /* zero: a token of the member itself, or nobody */
	uint32_t epoch;	       /* of the membership */
	uint8_t role;	       /* enum nr_role */
	uint8_t layer;	       /* enum nr_layer, of the member */
	uint8_t purpose; /* enum nr_purpose: what he asks for; nr_policy_purpose() by default */
	bool active;	 /* the membership is in force now */
	uint8_t n_communities;
	struct nr_party communities[NR_VIEWER_COMMUNITIES]; /* those he is in now */
	struct nr_time now;
};

enum nr_action {
	NR_ACTION_NONE,	   /* never */
	NR_ACTION_READ,	   /* know the thing itself */
	NR_ACTION_COUNT,   /* see it within a figure over many: nr_policy_quorum() */
	NR_ACTION_PASS_ON, /* give it to somebody outside of his organisation */
	NR_ACTION_TIGHTEN, /* make its label stricter: whoever may read it */
	NR_ACTION_RELAX,   /* say its label anew: its owner alone, from coordinator on */
};

/**
 * READ and COUNT: the owner always; another when membership, expiry, purpose, TLP and audience all
 * allow it.
 * PASS_ON: AMBER+STRICT and RED never; AMBER the owner; GREEN and CLEAR who may read.
 * TIGHTEN: who is no member may not, even if he may read.
 * A viewer without a clock (now 0) stands behind every expiry.
 */
bool nr_policy_allows(const struct nr_viewer *viewer, const struct nr_label *label,
		      enum nr_action action);

/**
 * What a label becomes when @p viewer says @p wish: the wish of who may relax; the strictest of
 * both for another who may read (nr_policy_strictest()); nothing changes for the rest.
 * The owner of a thing stays. @return 0; -EACCES; -EINVAL the wish has no TLP: nobody could read it
 */
NR_MUST_CHECK int nr_policy_relabel(const struct nr_viewer *viewer, const struct nr_label *label,
				    const struct nr_label *wish, struct nr_label *ret_label);
/**
 * Allows nobody whom one of both does not allow, the owner of @p a excepted: he stays the owner. Whom
 * one names as a member and the other as a community or layer falls out.
 */
struct nr_label nr_policy_strictest(const struct nr_label *a, const struct nr_label *b);

/** The purpose a member of this layer asks for when it says none; NR_N_PURPOSES: no such layer. */
enum nr_purpose nr_policy_purpose(enum nr_layer layer);

/**
 * Of @p n sensors that share, how many must have seen something before those who own none of them
 * may see it: more than half, and at least @p k. 0: too few share, nobody sees anything.
 *
 * A shared figure is the largest value that this many of them reach. So what fewer than that saw,
 * such as the sensors that somebody probes to find them, changes nothing that was not there.
 */
unsigned nr_policy_quorum(unsigned n, unsigned k);
