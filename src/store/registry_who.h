/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * registry_who: what a scope is made of, read in one go: a member as a viewer, the sensors with
 * their labels, the addresses the member holds. serve/who/scope.h makes the scope.
 *
 * Stands   what was read holds while nr_registry_standing() stands and the clock has not passed a
 *          time that was read
 */
#include "share/policy/scope.h"
#include "store/registry.h"

/**
 * Grows with every change that may change what somebody may do or know: members, communities, users,
 * tokens, sensors, labels; not with findings, audit rows, or when a token was last used. Any thread,
 * no lock.
 */
uint64_t nr_registry_standing(const struct nr_registry *registry);

struct nr_registry_membership {
	struct nr_viewer viewer; /* member, epoch, layer, active, communities; the rest is zero */
	bool is_operator;
	char name[NR_REGISTRY_NAME];
};
/**
 * @p member zero: the one that runs the hub. A member that is in more communities than a viewer holds
 * is in the oldest of them. @return 0; -ENOENT
 */
NR_MUST_CHECK int nr_registry_membership(struct nr_registry *registry, struct nr_uuid member,
					 struct nr_time now,
					 struct nr_registry_membership *ret_membership,
					 struct nr_err *reterr);

/** A token with what makes its bearer somebody. */
struct nr_registry_bearer {
	struct nr_registry_token token;
	uint8_t user_role; /* enum nr_role; NR_ROLE_NOBODY: it has no user */
	struct nr_uuid user_member;
	bool user_disabled;
	struct nr_uuid
		member; /* of the token, else the one that runs the hub; zero: there is none */
	uint32_t member_epoch;
	bool member_active, is_operator;
};
/** @return 0; -ENOENT no such token */
NR_MUST_CHECK int nr_registry_bearer(struct nr_registry *registry,
				     const uint8_t selector[NR_TOKEN_SELECTOR],
				     struct nr_registry_bearer *ret_bearer, struct nr_err *reterr);

struct nr_registry_shared {
	struct nr_uuid sensor, owner; /* owner zero: nobody said whose it is, so the operator's */
	uint8_t state;		      /* enum nr_sensor_state */
	struct nr_uuid label_owner;
	struct nr_str label; /* JSON; empty: none, for its owner alone */
};
/** Every sensor, ascending by UUID; strings live for the call. @return how many, or what @p each said */
NR_MUST_CHECK int64_t nr_registry_sharing(struct nr_registry *registry,
					  int (*each)(void *ctx,
						      const struct nr_registry_shared *shared),
					  void *ctx, struct nr_err *reterr);

/** Prefixes and AS numbers of a member; the caller frees both. */
NR_MUST_CHECK int nr_registry_holdings(struct nr_registry *registry, struct nr_uuid member,
				       struct nr_scope_prefix **ret_prefixes,
				       size_t *ret_n_prefixes, struct nr_scope_asn **ret_asns,
				       size_t *ret_n_asns, struct nr_err *reterr);
