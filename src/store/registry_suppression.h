/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * registry_suppression: what members do not want to see, or nobody may act against, until it expires
 * or is undone. What a rule means stands in share/policy/suppression.h.
 *
 * Who     a member has its own; those for everyone are the operator's, and all members have them too
 * Undo    a rule that was undone or has expired stays to be read, and holds no more
 * Limits  NR_SUPPRESSIONS in force a member; 1 to 365 days; the newest NR_SUPPRESSIONS_OLD that are
 *         over are kept a member
 */
#include "share/policy/suppression.h"
#include "store/registry.h"

enum {
	NR_SUPPRESSIONS = 500,
	NR_SUPPRESSIONS_OLD = 1000,
	NR_SUPPRESSION_DAYS = 30,
	NR_SUPPRESSION_DAYS_MAX = 365,
};

/**
 * uuid, created and created_by are set here. @return 0; NR_EUSAGE no condition, no words, an end that
 * cannot be; -EDQUOT too many in force
 */
NR_MUST_CHECK int nr_registry_suppression_add(struct nr_registry *registry,
					      struct nr_suppression *rule,
					      const struct nr_registry_act *act,
					      struct nr_err *reterr);
/**
 * One of @p member's, or one for everyone. @return 0; -ENOENT: there is none, or it is another's
 */
NR_MUST_CHECK int nr_registry_suppression_find(struct nr_registry *registry, struct nr_uuid member,
					       struct nr_uuid uuid, struct nr_suppression *ret_rule,
					       struct nr_err *reterr);
/**
 * Ends one of @p member's own. Twice is harmless. @return 0; -ENOENT: there is none, or it is
 * another's
 */
NR_MUST_CHECK int nr_registry_suppression_undo(struct nr_registry *registry, struct nr_uuid member,
					       struct nr_uuid uuid,
					       const struct nr_registry_act *act,
					       struct nr_suppression *ret_rule,
					       struct nr_err *reterr);
/**
 * Those of a member and those for everyone, newest first. @p in_force: only what holds at @p now.
 * @return how many; what @p each returned when negative
 */
NR_MUST_CHECK int64_t nr_registry_suppressions(struct nr_registry *registry, struct nr_uuid member,
					       bool in_force, struct nr_time now,
					       int (*each)(void *ctx,
							   const struct nr_suppression *rule),
					       void *ctx, struct nr_err *reterr);
/** Those in force, to ask nr_suppression_find() with. The caller frees *ret_rules (NULL when none). */
NR_MUST_CHECK int nr_registry_suppressions_load(struct nr_registry *registry, struct nr_uuid member,
						struct nr_time now,
						struct nr_suppression **ret_rules, size_t *ret_n,
						struct nr_err *reterr);
