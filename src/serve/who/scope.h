/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * scope: the scope of a member (share/policy/scope.h), made from the registry and held by everybody
 * who asks for that member, until it does not stand any more.
 *
 * Own       the member's sensors that exist; those of nobody are of the member that runs the hub
 * Shared    enrolled or imported sensors of others whose label lets the member COUNT; a label that
 *           cannot be read, or whose owner does not own the sensor, lets nobody
 * All       of the operator: every sensor is his own
 * Stands    while nr_registry_standing() is `standing` and the clock is before `until`
 * Threads   a view is not changed after it was made; holds are counted
 */
#include <stdatomic.h>

#include "share/policy/scope.h"
#include "store/registry.h"

struct nr_view {
	struct nr_scope scope; /* role viewer, or operator; no user; `now` of when it was made */
	uint64_t standing;
	struct nr_time until;
	bool all;
	atomic_uint holds;
};

/** @p member zero: the one that runs the hub. @p k: settings share.quorum. @return 0; -ENOENT; ... */
NR_MUST_CHECK int nr_view_new(struct nr_registry *registry, struct nr_uuid member, bool all,
			      unsigned k, struct nr_time now, struct nr_view **ret_view,
			      struct nr_err *reterr);
struct nr_view *nr_view_hold(struct nr_view *view);
/** The last one frees it; NULL is fine. */
void nr_view_let(struct nr_view *view);
/** May who has view @p now still know all of what @p was let him know? */
bool nr_view_still(const struct nr_view *was, const struct nr_view *now);
