/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * staff: who may do what to which users and tokens; the same for the API and for commands.
 *
 * Whose     an admin has the users and tokens of his member, the operator all, everybody his own tokens.
 *           What somebody may not know of is -ENOENT, as if it were not there.
 * Rank      nobody touches who ranks higher than he, makes anybody rank higher than himself, or
 *           changes his own role
 * Links     a set-up link lets a user choose his password, once, for 72 h. Its token stands behind the
 *           '#', which no server and no Referer sees.
 * Errors    -ENOENT; -EACCES in words; the registry's
 */
#include "serve/who/token.h"
#include "serve/who/who.h"
#include "store/registry_user.h"

enum { NR_STAFF_LINK = 512 };

struct nr_staff {
	struct nr_registry *registry;
	const struct nr_viewer *actor;
	struct nr_registry_act act;
	const char *url; /* "https://HOST:PORT", or HOST:PORT that the hub listens on: for links */
};

/** What a user ranks as: an admin of the member that runs the hub is the operator. */
enum nr_role nr_staff_rank(const struct nr_registry_user *user);
/** @return 0; -ENOENT he may not know of him */
NR_MUST_CHECK int nr_staff_find(const struct nr_staff *people, struct nr_uuid uuid,
				struct nr_registry_user *ret_user, struct nr_err *reterr);
/** @p member: a name; "": the actor's own. The rest as nr_registry_user_add(). */
NR_MUST_CHECK int nr_staff_add(const struct nr_staff *people, const char *member,
			       struct nr_registry_user *user, struct nr_err *reterr);
NR_MUST_CHECK int nr_staff_change(const struct nr_staff *people, struct nr_uuid uuid,
				  const struct nr_user_change *change, struct nr_err *reterr);
/** A link by which he chooses a new password; links given before end. */
NR_MUST_CHECK int nr_staff_invite(const struct nr_staff *people, struct nr_uuid uuid,
				  char ret_link[NR_STAFF_LINK], struct nr_time *ret_expires,
				  struct nr_err *reterr);
/**
 * A link for the first admin of a hub on which nobody can log in yet; makes him when he is not there.
 * @return 0; -EEXIST somebody can log in
 */
NR_MUST_CHECK int nr_staff_first(const struct nr_staff *people, char ret_link[NR_STAFF_LINK],
				 struct nr_time *ret_expires, struct nr_err *reterr);

/**
 * A token for programs: role, name, life, limits of @p wish; @p member: a name; "": the actor's own, and
 * then it is his (nr_viewer.user). "admin" of the member that runs the hub is the operator.
 */
NR_MUST_CHECK int nr_staff_token(const struct nr_staff *people, const char *member,
				 struct nr_token_wish *wish, char ret_text[NR_TOKEN_TEXT],
				 struct nr_err *reterr);
/** May he see and end this token? */
bool nr_staff_has_token(const struct nr_staff *people, const struct nr_registry_token *token);
