/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * registry_member: who is in this network: members, the addresses they answer for, their contacts,
 * the communities they form.
 *
 * Operator  one member runs the hub: there is exactly one from nr_registry_operator_make() on, and he
 *           cannot be suspended
 * Epochs    a membership's number: it grows when the membership ends and when it begins anew, so
 *           what was named with an earlier one no longer names him (record/label.h)
 * Prefixes  one prefix is one member's; a part of it may be another's, as addresses are handed on
 * Audit     each change is a row, in its transaction
 * Limits    10,000 members, 1,000 communities, a member's 10,000 prefixes, 1,000 AS numbers, 32
 *           contacts, 32 communities: NR_ELIMIT
 * Errors    as store/registry.h; -EACCES the operator's member, suspended
 */
#include "base/inet.h"
#include "store/registry.h"

enum {
	NR_MEMBER_TITLE = 256,
	NR_MEMBER_SECTOR = 64,
	NR_MEMBER_MAX = 10000,
	NR_MEMBER_PREFIXES = 10000,
	NR_MEMBER_ASNS = 1000,
	NR_MEMBER_CONTACTS = 32,
	NR_CONTACT_ADDRESS = 256,
	NR_COMMUNITY_MAX = 1000,
	NR_PREFIX_BITS_MIN = 8, /* shorter ones are a mistake: nobody answers for half of the net */
};

struct nr_registry_member {
	uint64_t sequence; /* of this hub, rising */
	struct nr_uuid uuid;
	char name[NR_REGISTRY_NAME];
	char title[NR_MEMBER_TITLE]; /* as people write it; UTF-8 */
	char economy[4];	     /* "JP"; "" unknown */
	char sector[NR_MEMBER_SECTOR];
	uint8_t layer; /* enum nr_layer */
	bool is_operator;
	uint32_t epoch;
	struct nr_time created, suspended; /* 0: in force */
};

/**
 * The operator's member; made when there is none yet, with @p name brought into the form of a name
 * and as its title. @return 0
 */
NR_MUST_CHECK int nr_registry_operator_make(struct nr_registry *registry, const char *name,
					    const struct nr_registry_act *act,
					    struct nr_registry_member *ret_member,
					    struct nr_err *reterr);
/** @return 0; -ENOENT */
NR_MUST_CHECK int nr_registry_operator(struct nr_registry *registry,
				       struct nr_registry_member *ret_member,
				       struct nr_err *reterr);

/**
 * A new one: name, title, economy, sector and layer of @p wish; the rest is set. @return 0; -EEXIST;
 * NR_EUSAGE; NR_ELIMIT
 */
NR_MUST_CHECK int nr_registry_member_add(struct nr_registry *registry,
					 const struct nr_registry_member *wish,
					 const struct nr_registry_act *act,
					 struct nr_registry_member *ret_member,
					 struct nr_err *reterr);
NR_MUST_CHECK int nr_registry_member_find(struct nr_registry *registry, struct nr_uuid uuid,
					  struct nr_registry_member *ret_member,
					  struct nr_err *reterr);
NR_MUST_CHECK int nr_registry_member_named(struct nr_registry *registry, const char *name,
					   struct nr_registry_member *ret_member,
					   struct nr_err *reterr);
/**
 * In the order in which they joined, behind @p after (0: from the first), at most @p limit.
 * @p all: also those whose membership is suspended. @return how many
 */
NR_MUST_CHECK int64_t nr_registry_members(struct nr_registry *registry, uint64_t after,
					  uint64_t limit, bool all,
					  int (*each)(void *ctx,
						      const struct nr_registry_member *member),
					  void *ctx, struct nr_err *reterr);
/** Title, economy, sector and layer become those of @p member; by its uuid. */
NR_MUST_CHECK int nr_registry_member_update(struct nr_registry *registry,
					    const struct nr_registry_member *member,
					    const struct nr_registry_act *act,
					    struct nr_err *reterr);
/**
 * From now on the membership is not in force: its users and tokens may nothing, nobody shares with
 * it. Twice is harmless. @return 0; -ENOENT; -EACCES the operator's
 */
NR_MUST_CHECK int nr_registry_member_suspend(struct nr_registry *registry, struct nr_uuid uuid,
					     const struct nr_registry_act *act,
					     struct nr_err *reterr);
/** Begins anew, as another: also in its communities. Twice is harmless. */
NR_MUST_CHECK int nr_registry_member_resume(struct nr_registry *registry, struct nr_uuid uuid,
					    const struct nr_registry_act *act,
					    struct nr_err *reterr);

/* ---- the addresses it answers for ---- */

/** @return 0; -EEXIST somebody holds this very one: who, in words; NR_EUSAGE shorter than /8 */
NR_MUST_CHECK int nr_registry_prefix_add(struct nr_registry *registry, struct nr_uuid member,
					 struct nr_prefix prefix, struct nr_time since,
					 const struct nr_registry_act *act, struct nr_err *reterr);
/** @return 0; -ENOENT it does not hold that */
NR_MUST_CHECK int nr_registry_prefix_remove(struct nr_registry *registry, struct nr_uuid member,
					    struct nr_prefix prefix,
					    const struct nr_registry_act *act,
					    struct nr_err *reterr);
/** In order of text. @return how many */
NR_MUST_CHECK int64_t nr_registry_prefixes(struct nr_registry *registry, struct nr_uuid member,
					   int (*each)(void *ctx, struct nr_prefix prefix,
						       struct nr_time since),
					   void *ctx, struct nr_err *reterr);
/** @return 0; -EEXIST; NR_EUSAGE 0 is no AS */
NR_MUST_CHECK int nr_registry_asn_add(struct nr_registry *registry, struct nr_uuid member,
				      uint32_t asn, struct nr_time since,
				      const struct nr_registry_act *act, struct nr_err *reterr);
NR_MUST_CHECK int nr_registry_asn_remove(struct nr_registry *registry, struct nr_uuid member,
					 uint32_t asn, const struct nr_registry_act *act,
					 struct nr_err *reterr);
NR_MUST_CHECK int64_t nr_registry_asns(struct nr_registry *registry, struct nr_uuid member,
				       int (*each)(void *ctx, uint32_t asn, struct nr_time since),
				       void *ctx, struct nr_err *reterr);

/* ---- contacts ---- */

struct nr_registry_contact {
	char role[NR_REGISTRY_NAME];	  /* "duty", "abuse": a name */
	char address[NR_CONTACT_ADDRESS]; /* mail, telephone or a page; UTF-8 without controls */
};
/** All of them anew. */
NR_MUST_CHECK int nr_registry_contacts_set(struct nr_registry *registry, struct nr_uuid member,
					   const struct nr_registry_contact *contacts, size_t n,
					   const struct nr_registry_act *act,
					   struct nr_err *reterr);
NR_MUST_CHECK int64_t nr_registry_contacts(struct nr_registry *registry, struct nr_uuid member,
					   int (*each)(void *ctx,
						       const struct nr_registry_contact *contact),
					   void *ctx, struct nr_err *reterr);

/* ---- communities ---- */

struct nr_registry_community {
	struct nr_uuid uuid;
	char name[NR_REGISTRY_NAME];
	char title[NR_MEMBER_TITLE];
	struct nr_time created;
	uint64_t members; /* in it now */
};

NR_MUST_CHECK int nr_registry_community_add(struct nr_registry *registry, const char *name,
					    const char *title, const struct nr_registry_act *act,
					    struct nr_registry_community *ret_community,
					    struct nr_err *reterr);
NR_MUST_CHECK int nr_registry_community_find(struct nr_registry *registry, struct nr_uuid uuid,
					     struct nr_registry_community *ret_community,
					     struct nr_err *reterr);
NR_MUST_CHECK int nr_registry_community_named(struct nr_registry *registry, const char *name,
					      struct nr_registry_community *ret_community,
					      struct nr_err *reterr);
/** What has this name; zero: nothing. For who may not know whether there is one: it costs the same. */
NR_MUST_CHECK int nr_registry_community_uuid(struct nr_registry *registry, const char *name,
					     struct nr_uuid *ret_uuid, struct nr_err *reterr);
/** In order of name. @p member: only those it is in now; NULL: all. @return how many */
NR_MUST_CHECK int64_t
nr_registry_communities(struct nr_registry *registry, const struct nr_uuid *member,
			int (*each)(void *ctx, const struct nr_registry_community *community),
			void *ctx, struct nr_err *reterr);
/** Those in it now, in order of name: uuid, name and the epoch of this membership. @return how many */
NR_MUST_CHECK int64_t nr_registry_community_members(
	struct nr_registry *registry, struct nr_uuid community,
	int (*each)(void *ctx, const struct nr_party *member, const char *name), void *ctx,
	struct nr_err *reterr);
/** Who was in it before is another now. Twice is harmless. @return 0; -ENOENT; NR_ELIMIT */
NR_MUST_CHECK int nr_registry_community_join(struct nr_registry *registry, struct nr_uuid community,
					     struct nr_uuid member,
					     const struct nr_registry_act *act,
					     struct nr_err *reterr);
/** @return 0; -ENOENT it is not in it */
NR_MUST_CHECK int nr_registry_community_leave(struct nr_registry *registry,
					      struct nr_uuid community, struct nr_uuid member,
					      const struct nr_registry_act *act,
					      struct nr_err *reterr);
