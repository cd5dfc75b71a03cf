/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * scope: whose data stand behind what a viewer sees: his own sensors, those that others share, and
 * the addresses he answers for.
 *
 * Own      he sees rows and exact sums
 * Shared   he sees what at least `quorum` of these sensors saw, in figures that so many of them
 *          reach, by whole minutes; never a row, a destination, a payload, a sensor's name
 * Prefixes what is said of addresses of his he always learns, without the observer's secrets
 * All      NR_ROLE_OPERATOR: own holds every sensor of the hub
 */
#include "base/inet.h"
#include "share/policy/policy.h"

struct nr_scope_prefix {
	struct nr_prefix prefix;
	struct nr_time since; /* held from then on: what was before is not his */
};

struct nr_scope_asn {
	uint32_t asn;
	struct nr_time since;
};

struct nr_scope {
	struct nr_viewer viewer;
	const struct nr_uuid *own, *shared; /* ascending by bytes; a sensor is in one of them */
	size_t n_own, n_shared;
	unsigned quorum; /* of shared; 0: too few share */
	const struct nr_scope_prefix *prefixes;
	const struct nr_scope_asn *asns;
	size_t n_prefixes, n_asns;
};

bool nr_scope_owns(const struct nr_scope *scope, struct nr_uuid sensor);
/** Is it among those shared with him? */
bool nr_scope_shares(const struct nr_scope *scope, struct nr_uuid sensor);
/** Did he hold @p ip (or its AS; 0: unknown) at @p when? An address that is none is nobody's. */
bool nr_scope_holds(const struct nr_scope *scope, struct nr_ip ip, uint32_t asn,
		    struct nr_time when);
