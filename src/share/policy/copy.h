/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * copy: what of a finding somebody may know, from the sensors that saw its subject.
 *
 * All      the operator: the finding as the engine says it
 * Own      sums and exact times over his own sensors. A finding is made of what all sensors saw;
 *          that it exists must not tell what the others saw. So he sees it when his sensors alone
 *          saw as much as the rule asks for (nr_copy_rules), or when it is shared with him.
 * Shared   at least scope->quorum of the sensors that others share with him saw it: the largest
 *          number of packets that so many of them reach; the minute from which so many had seen
 *          it, rounded down, and the minute until which so many did, rounded up
 * Warned   it is about an address or a prefix that he holds and held then: that it is so, and when,
 *          by whole minutes; nothing of who saw it
 * None     anything else, and whatever is absent: no scope, no subject, no sensors
 * Sensors  findings about a sensor (watch.v1) are its owner's and the operator's alone
 * Pure     and without memory of its own
 */
#include "record/sighting.h"
#include "share/policy/scope.h"

enum nr_copy_kind { /* what it is called: the most that he may know */
		    NR_COPY_NONE,
		    NR_COPY_WARNED,
		    NR_COPY_SHARED,
		    NR_COPY_OWN,
		    NR_COPY_ALL,
};
extern const char *const nr_copy_names[]; /* "none" ... "all"; NULL-terminated */

/** Of the finding: what decides. */
struct nr_copy_facts {
	struct nr_str detector, kind;
	bool has_subject;	  /* an address or a prefix */
	struct nr_prefix subject; /* an address: /128 */
	uint32_t asn;		  /* of the subject; 0: unknown */
	struct nr_time first, last;
	struct nr_str state; /* as the engine says it */
};

struct nr_copy_figures {
	uint64_t packets, bytes; /* bytes of shared figures: 0, not told */
	unsigned sensors;	 /* own: that saw it; shared: that share with him, not who saw it */
	struct nr_time first, last;
};

struct nr_copy {
	uint8_t kind;		  /* enum nr_copy_kind */
	bool own, shared, warned; /* which of the below hold */
	struct nr_copy_figures own_figures, shared_figures;
	struct nr_time warned_first, warned_last;
};

/** @p scope may be NULL: none. */
void nr_copy_make(const struct nr_scope *scope, const struct nr_copy_facts *facts,
		  const struct nr_sighting *sightings, size_t n, struct nr_copy *ret_copy);

/** Subject as text: an address or prefix becomes one, anything else leaves it without. */
void nr_copy_subject(struct nr_str text, struct nr_copy_facts *facts);

/**
 * "continuing", "ended" or "withdrawn" by the times in the copy and by now; for the operator what the
 * engine says. The engine's word depends on what every sensor saw last.
 */
struct nr_str nr_copy_state(const struct nr_copy *copy, const struct nr_copy_facts *facts,
			    struct nr_time now);
/** From when and until when, as far as the copy tells. */
void nr_copy_span(const struct nr_copy *copy, struct nr_time *ret_first, struct nr_time *ret_last);

/**
 * May this member of a detector's evidence stand in a copy that is not the operator's? What is not
 * in the table may not: figures over all sensors, addresses, and what follows from them.
 */
bool nr_copy_may_show(struct nr_str detector, struct nr_str member);
