/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * who: a token or a session becomes a caller: who he is, what he may do at most, whose data he sees.
 *
 * Kept     what was found of a token, and each member's view, while nr_registry_standing() stands; a
 *          request whose token is known costs no query. Ends in time (expiry, idleness, labels) are
 *          looked at in each.
 * Role     the least of the token's, its user's; an admin of the member that runs the hub is the
 *          operator. A token of a hub of before there were members is the operator's.
 * Refused  unknown, wrong, spent, exposed, revoked, over, of a user who is disabled, of a member that
 *          is suspended or was since the token was made: -EACCES, not told apart
 * Limits   NR_WHO_KNOWN tokens and NR_WHO_VIEWS views are kept, the one used longest ago goes;
 *          sessions end 30 min after their last use, at most 12 h after the login
 * Threads  any
 */
#include "base/inet.h"
#include "serve/who/scope.h"

enum {
	NR_WHO_KNOWN = 4096,
	NR_WHO_VIEWS = 256,
	NR_WHO_ACTOR = 96,
	NR_WHO_IDLE_S = 1800,
	NR_WHO_SESSION_S = 12 * 3600,
};

enum nr_who_by { NR_WHO_NOBODY, NR_WHO_SOCKET, NR_WHO_TOKEN, NR_WHO_SESSION };

struct nr_who_caller {
	struct nr_scope scope; /* its `now` is the request's; its lists are the view's */
	struct nr_view *view;  /* held; NULL: nobody */
	uint8_t by;	       /* enum nr_who_by */
	uint8_t selector[NR_TOKEN_SELECTOR]; /* of the token or session */
	bool can_write, can_rows, confined;  /* confined: to a network */
	char actor[NR_WHO_ACTOR]; /* for the audit chain: "user:LOGIN", "token:NAME", "uid:0" */
};

struct nr_who;

/** @p quorum: settings share.quorum. */
NR_MUST_CHECK int nr_who_new(struct nr_registry *registry, unsigned quorum, struct nr_who **ret_who,
			     struct nr_err *reterr);
struct nr_who *nr_who_free(struct nr_who *who);

/** Somebody of whom nothing is known; give each caller back with nr_who_done(). */
void nr_who_nobody(struct nr_time now, struct nr_who_caller *ret_caller);
/** Who sits at the machine. */
NR_MUST_CHECK int nr_who_operator(struct nr_who *who, struct nr_time now,
				  struct nr_who_caller *ret_caller, struct nr_err *reterr);
/**
 * Who bears @p text, a token of @p kind (api or session), and comes from @p from. @return 0; -EACCES;
 * other: the registry failed
 */
NR_MUST_CHECK int nr_who_bearer(struct nr_who *who, struct nr_str text, enum nr_token_kind kind,
				struct nr_ip from, struct nr_time now,
				struct nr_who_caller *ret_caller, struct nr_err *reterr);
void nr_who_done(struct nr_who_caller *caller);

/**
 * For an answer that takes long, before each of its bytes: is he still in force, and may he still know
 * all of what he might when he asked? Costs nothing while the registry stands. @return 0; -EACCES: end it, he may ask
 * anew; other: the registry failed, end it too
 */
NR_MUST_CHECK int nr_who_still(struct nr_who *who, const struct nr_who_caller *caller,
			       struct nr_time now, struct nr_err *reterr);
/**
 * As nr_who_still(), and from here on @p caller knows what he may know now: more, when more was shared
 * with him. For streams without an end; what pointed into his scope's lists points nowhere after it.
 */
NR_MUST_CHECK int nr_who_renew(struct nr_who *who, struct nr_who_caller *caller, struct nr_time now,
			       struct nr_err *reterr);
