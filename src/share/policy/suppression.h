/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * suppression: is this finding one that somebody said not to show, or not to act against? The one
 * place where it is decided: lists, counts, events, notices and block lists ask here.
 *
 * Suppress  its member does not want to see it; nobody else is touched by that
 * Allow     nobody may act against it: whoever it holds for sees it hidden too, and no notice and no
 *           block list names it. One of the operator's may hold for everyone.
 * Fits      every condition that is set must fit. A subject fits when it is the rule's address or
 *           lies wholly within the rule's prefix; what is no address (a campaign's name, an AS)
 *           fits no prefix, not even 0.0.0.0/0, and families do not mix. A rule without a condition
 *           fits nothing.
 * Ends      at its expiry, and at once when it is undone
 * Pure      no clock, no files, no state
 */
#include "base/crypt.h"
#include "base/inet.h"
#include "base/time.h"

enum {
	NR_SUPPRESSION_WORD = 64,   /* of a detector or a kind, with its NUL */
	NR_SUPPRESSION_WORDS = 501, /* why: 500 bytes and the NUL */
	NR_SUPPRESSION_ACTOR = 96,
};

struct nr_suppression {
	struct nr_uuid uuid, member; /* whose */
	bool allow, everyone;
	bool has_subject;
	struct nr_prefix subject;
	char detector[NR_SUPPRESSION_WORD], kind[NR_SUPPRESSION_WORD]; /* "": any */
	uint32_t asn;						       /* 0: any */
	struct nr_time created, expires, undone;		       /* undone 0: never */
	char words[NR_SUPPRESSION_WORDS];
	char created_by[NR_SUPPRESSION_ACTOR], undone_by[NR_SUPPRESSION_ACTOR];
};

/** What is asked about. */
struct nr_suppression_of {
	struct nr_str detector, kind;
	bool has_subject;
	struct nr_prefix subject; /* an address is a prefix of full length */
	uint32_t asn;		  /* 0: unknown, fits no AS */
};

/** @p subject as a finding says it: an address, a prefix, or what is neither. */
struct nr_suppression_of nr_suppression_of(struct nr_str detector, struct nr_str kind,
					   struct nr_str subject, uint32_t asn);
bool nr_suppression_in_force(const struct nr_suppression *rule, struct nr_time now);
bool nr_suppression_matches(const struct nr_suppression *rule, const struct nr_suppression_of *of,
			    struct nr_time now);
/**
 * The rule to name as the reason: the longest prefix that fits; of equal ones allow before suppress,
 * then the one that lasts longer. NULL: none fits.
 */
const struct nr_suppression *nr_suppression_find(const struct nr_suppression *rules, size_t n,
						 const struct nr_suppression_of *of,
						 struct nr_time now);
/** Is there one among those that match that says allow? What acts asks this. */
bool nr_suppression_allowed(const struct nr_suppression *rules, size_t n,
			    const struct nr_suppression_of *of, struct nr_time now);
