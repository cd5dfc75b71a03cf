/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * label: under which conditions a fact may be known: TLP 2.0, audience, purpose, expiry.
 *
 * Zero      a label of all zero bytes lets nobody know anything, its owner not excepted
 * Audience  nobody but the owner, until members, communities, layers or everyone are named.
 *           Members and communities are named with the epoch of their membership: who leaves and
 *           comes back is another. Epochs begin with 1; 0 is nobody's. A community is named at
 *           each epoch that its members have.
 * TLP       the ceiling of the audience: RED reaches named members only; AMBER+STRICT and AMBER
 *           members, communities and layers; GREEN also everyone on this hub; CLEAR anyone
 * Text      JSON, docs/internals/answers.md: {"tlp":"AMBER","owner":UUID,"members":[{"member":UUID,
 *           "epoch":N}],"communities":[...],"layers":[...],"everyone":false,"purposes":[...],
 *           "expires":TIME or null}
 * Limits    32 members, 16 communities
 * Source    FIRST, Traffic Light Protocol 2.0 (August 2022)
 */
#include "base/crypt.h"
#include "base/json.h"
#include "base/time.h"

enum { NR_LABEL_MEMBERS = 32, NR_LABEL_COMMUNITIES = 16 };

enum nr_tlp { /* from loose to strict; unset is stricter than all */
	      NR_TLP_UNSET,
	      NR_TLP_CLEAR,
	      NR_TLP_GREEN,
	      NR_TLP_AMBER,
	      NR_TLP_AMBER_STRICT,
	      NR_TLP_RED,
};
/** "", "CLEAR", ... "AMBER+STRICT", "RED"; NULL-terminated */
extern const char *const nr_tlp_names[];

enum nr_layer {
	NR_LAYER_TECHNICAL,
	NR_LAYER_LAW_ENFORCEMENT,
	NR_LAYER_POLICY,
	NR_LAYER_DIPLOMATIC,
	NR_LAYER_RESEARCH,
	NR_N_LAYERS,
};
extern const char *const nr_layer_names[]; /* "technical" ...; NULL-terminated */

enum nr_purpose {
	NR_PURPOSE_DEFENCE,	  /* detect, warn, block, clean up */
	NR_PURPOSE_INVESTIGATION, /* find who did it */
	NR_PURPOSE_STATISTICS,	  /* figures for policy and the public */
	NR_PURPOSE_RESEARCH,
	NR_N_PURPOSES,
};
extern const char *const nr_purpose_names[]; /* "defence" ...; NULL-terminated */

/** A member or a community, as it was when it was named. */
struct nr_party {
	struct nr_uuid uuid;
	uint32_t epoch;
};

struct nr_label {
	uint8_t tlp;	  /* enum nr_tlp */
	bool everyone;	  /* all members of this hub */
	uint8_t layers;	  /* bit enum nr_layer */
	uint8_t purposes; /* bit enum nr_purpose; none: nobody but the owner */
	uint8_t n_members, n_communities;
	struct nr_uuid owner; /* a member; zero: nobody's */
	struct nr_party members[NR_LABEL_MEMBERS];
	struct nr_party communities[NR_LABEL_COMMUNITIES];
	struct nr_time expires; /* 0: never; from then on the owner's alone */
};

/** What a thing has before its owner says otherwise: AMBER+STRICT, for the owner alone. */
struct nr_label nr_label_default(struct nr_uuid owner);
void nr_label_json(const struct nr_label *label, struct nr_json *json);
/** The same conditions; in which order parties are named makes no difference. */
bool nr_label_eq(const struct nr_label *a, const struct nr_label *b);
