/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two tables: tokens by selector, and views by member. An entry of another standing than the registry's
 * is read again; a selector that is not kept is looked up, so nothing but time depends on the tables.
 */
#include "serve/who/who.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "serve/who/token.h"
#include "store/registry_who.h"

enum { WAYS = 8, SETS = NR_WHO_KNOWN / WAYS, NOTE_S = 60 };

/* What a token says of its bearer, as long as the registry stands. */
struct known {
	uint8_t selector[NR_TOKEN_SELECTOR];
	struct nr_digest digest;
	uint64_t standing, used; /* used: the table's clock; 0: free */
	struct nr_uuid user, member;
	struct nr_prefix network;
	struct nr_time expires, last_used, noted; /* noted: what the registry was told */
	uint8_t kind, role;
	bool can_write, can_rows, has_network;
	char name[NR_REGISTRY_NAME];
};

struct kept_view {
	struct nr_view *view; /* NULL: free */
	struct nr_uuid asked; /* zero: of the member that runs the hub */
	uint64_t used;
};

struct nr_who {
	struct nr_registry *registry;
	unsigned quorum;
	pthread_mutex_t lock; /* of all below; never held over a call to the registry */
	struct nr_hash_key hash;
	uint64_t clock;
	struct known known[SETS][WAYS];
	struct kept_view views[NR_WHO_VIEWS];
};

int nr_who_new(struct nr_registry *registry, unsigned quorum, struct nr_who **ret_who,
	       struct nr_err *reterr)
{
	struct nr_who *who = calloc(1, sizeof(*who));

	if (who == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	who->registry = registry;
	who->quorum = quorum;
	nr_require(pthread_mutex_init(&who->lock, NULL) == 0);
	int ret = nr_hash_key_random(&who->hash);

	if (ret < 0) {
		nr_who_free(who);
		return nr_fail(reterr, ret, "no random numbers");
	}
	*ret_who = who;
	return 0;
}

struct nr_who *nr_who_free(struct nr_who *who)
{
	if (who == NULL)
		return NULL;
	for (size_t i = 0; i < NR_WHO_VIEWS; i++)
		nr_view_let(who->views[i].view);
	(void)pthread_mutex_destroy(&who->lock);
	free(who);
	return NULL;
}

static void lock(struct nr_who *who)
{
	nr_require(pthread_mutex_lock(&who->lock) == 0);
}

static void unlock(struct nr_who *who)
{
	nr_require(pthread_mutex_unlock(&who->lock) == 0);
}

/* ---- tokens ---- */

/* Under the lock. Its entry, or the one to take for it. */
static struct known *known_at(struct nr_who *who, const uint8_t selector[NR_TOKEN_SELECTOR],
			      bool *ret_found)
{
	uint64_t h = nr_siphash13(&who->hash, selector, NR_TOKEN_SELECTOR);
	struct known *set = who->known[h % SETS], *oldest = &set[0];

	*ret_found = true;
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].used != 0 && memcmp(set[i].selector, selector, NR_TOKEN_SELECTOR) == 0)
			return &set[i];
		if (set[i].used < oldest->used)
			oldest = &set[i];
	}
	*ret_found = false;
	return oldest;
}

/* Does the token let its bearer in at all, whatever the time? */
static bool in_force(const struct nr_registry_bearer *bearer)
{
	const struct nr_registry_token *token = &bearer->token;
	bool has_user = bearer->user_role != NR_ROLE_NOBODY;
	bool legacy = token->member_epoch == 0 &&
		      nr_uuid_eq(token->member, (struct nr_uuid){ 0 }); /* the operator's */

	if (token->revoked.ns != 0 || token->spent.ns != 0 || token->exposed)
		return false;
	if (token->kind != NR_TOKEN_API && token->kind != NR_TOKEN_SESSION)
		return false;
	if (!nr_uuid_eq(token->user, (struct nr_uuid){ 0 }) && (!has_user || bearer->user_disabled))
		return false;
	if (token->kind == NR_TOKEN_SESSION && !has_user)
		return false;
	return legacy || (bearer->member_active && bearer->member_epoch == token->member_epoch);
}

/* The least of what token and user may; the operator's admins may all. */
static uint8_t role_of(const struct nr_registry_bearer *bearer)
{
	uint8_t role = bearer->token.role;

	if (bearer->token.kind == NR_TOKEN_SESSION)
		role = bearer->user_role;
	else if (bearer->user_role != NR_ROLE_NOBODY && bearer->user_role < role)
		role = bearer->user_role;
	bool home = bearer->is_operator || nr_uuid_eq(bearer->token.member, (struct nr_uuid){ 0 });

	return role == NR_ROLE_ADMIN && home ? NR_ROLE_OPERATOR : role;
}

static int known_from(const struct nr_registry_bearer *bearer, struct known *ret_known)
{
	const struct nr_registry_token *token = &bearer->token;
	bool own = nr_uuid_eq(bearer->user_member, bearer->member);

	*ret_known = (struct known){
		.digest = token->digest,

		.member = bearer->member,
		.expires = token->expires,
		.last_used = token->last_used,
		.noted = token->last_used,
		.kind = token->kind,
		.role = role_of(bearer),
		.can_write = token->can_write,
		.can_rows = token->can_rows,
		.has_network = token->network[0] != '\0',
	};
	if (own) /* else it was made for another member, by somebody who is not of it */
		ret_known->user = token->user;
	memcpy(ret_known->selector, token->selector, sizeof(ret_known->selector));
	memcpy(ret_known->name, token->name, sizeof(ret_known->name));
	if (ret_known->has_network &&
	    nr_prefix_parse(nr_str_from(token->network), &ret_known->network) < 0)
		return -EACCES; /* what cannot be read lets nobody in */
	return in_force(bearer) && ret_known->role >= NR_ROLE_VIEWER ? 0 : -EACCES;
}

/* @return 0; -EACCES; the registry's error */
static int known_find(struct nr_who *who, const uint8_t selector[NR_TOKEN_SELECTOR],
		      struct known *ret_known, struct nr_err *reterr)
{
	uint64_t standing = nr_registry_standing(who->registry);
	struct nr_registry_bearer bearer;
	bool found;

	lock(who);
	struct known *at = known_at(who, selector, &found);

	found = found && at->standing == standing;
	if (found) {
		at->used = ++who->clock;
		*ret_known = *at;
	}
	unlock(who);
	if (found)
		return 0;
	int ret = nr_registry_bearer(who->registry, selector, &bearer, reterr);

	if (ret == 0)
		ret = known_from(&bearer, ret_known);
	if (ret < 0)
		return ret == -ENOENT ? -EACCES : ret;
	ret_known->standing = standing;
	lock(who);
	at = known_at(who, selector, &found);
	/* The table may know of a later use than the registry: that is written once a minute. */
	if (found && at->last_used.ns > ret_known->last_used.ns) {
		ret_known->last_used = at->last_used;
		ret_known->noted = at->noted;
	}
	ret_known->used = ++who->clock;
	*at = *ret_known;
	unlock(who);
	return 0;
}

/* Said to the table each time, to the registry once a minute. */
static void note_use(struct nr_who *who, const struct known *known, struct nr_time now)
{
	bool found, write = false;
	struct nr_err err;

	lock(who);
	struct known *at = known_at(who, known->selector, &found);

	if (found) {
		write = now.ns - at->noted.ns >= NOTE_S * NR_NS_PER_S;
		at->noted = write ? now : at->noted;
		at->last_used.ns = now.ns > at->last_used.ns ? now.ns : at->last_used.ns;
	}
	unlock(who);
	if (write && nr_registry_token_used(who->registry, known->selector, now, &err) < 0)
		nr_log(NR_LOG_DEBUG, "serve", "token_use_not_noted", "error=%s", err.msg);
}

static bool in_time(const struct known *known, struct nr_time now)
{
	return now.ns < known->expires.ns &&
	       (known->kind != NR_TOKEN_SESSION ||
		now.ns - known->last_used.ns < NR_WHO_IDLE_S * NR_NS_PER_S);
}

/* ---- views ---- */

static bool stands(const struct nr_view *view, uint64_t standing, struct nr_time now)
{
	return view->standing == standing && now.ns < view->until.ns;
}

/* Under the lock. The view's place, or the one to take for it. */
static struct kept_view *view_at(struct nr_who *who, struct nr_uuid member, bool all)
{
	struct kept_view *oldest = &who->views[0];

	for (size_t i = 0; i < NR_WHO_VIEWS; i++) {
		struct kept_view *kept = &who->views[i];

		if (kept->view != NULL && kept->view->all == all && nr_uuid_eq(kept->asked, member))
			return kept;
		if (kept->used < oldest->used)
			oldest = kept;
	}
	return oldest;
}

static int view_find(struct nr_who *who, struct nr_uuid member, bool all, struct nr_time now,
		     struct nr_view **ret_view, struct nr_err *reterr)
{
	uint64_t standing = nr_registry_standing(who->registry);
	struct nr_view *view = NULL, *old;

	lock(who);
	struct kept_view *kept = view_at(who, member, all);

	if (kept->view != NULL && kept->view->all == all && nr_uuid_eq(kept->asked, member) &&
	    stands(kept->view, standing, now)) {
		kept->used = ++who->clock;
		view = nr_view_hold(kept->view);
	}
	unlock(who);
	if (view == NULL) {
		int ret = nr_view_new(who->registry, member, all, who->quorum, now, &view, reterr);

		if (ret < 0)
			return ret;
		lock(who);
		kept = view_at(who, member, all);
		old = kept->view;
		*kept = (struct kept_view){ nr_view_hold(view), member, ++who->clock };
		unlock(who);
		nr_view_let(old);
	}
	*ret_view = view;
	return 0;
}

/* ---- callers ---- */

void nr_who_nobody(struct nr_time now, struct nr_who_caller *ret_caller)
{
	*ret_caller = (struct nr_who_caller){ 0 };
	ret_caller->scope.viewer.role = NR_ROLE_ANYONE;
	ret_caller->scope.viewer.now = now;
}

static int take_view(struct nr_who *who, struct nr_uuid member, uint8_t role, struct nr_time now,
		     struct nr_who_caller *caller, struct nr_err *reterr)
{
	int ret = view_find(who, member, role == NR_ROLE_OPERATOR, now, &caller->view, reterr);

	if (ret < 0)
		return ret;
	caller->scope = caller->view->scope;
	caller->scope.viewer.role = role;
	caller->scope.viewer.now = now;
	return 0;
}

int nr_who_operator(struct nr_who *who, struct nr_time now, struct nr_who_caller *ret_caller,
		    struct nr_err *reterr)
{
	nr_who_nobody(now, ret_caller);
	int ret = take_view(who, (struct nr_uuid){ 0 }, NR_ROLE_OPERATOR, now, ret_caller, reterr);

	if (ret < 0)
		return ret;
	ret_caller->by = NR_WHO_SOCKET;
	ret_caller->can_write = ret_caller->can_rows = true;
	return 0;
}

/* A text that is no token, and one that nobody knows, cost the same digest. */
static int find_bearer(struct nr_who *who, struct nr_str text, enum nr_token_kind kind,
		       struct known *known, struct nr_err *reterr)
{
	struct nr_token token;

	*known = (struct known){ 0 };
	if (nr_token_parse(text, &token) < 0)
		return -EACCES;
	int ret = known_find(who, token.selector, known, reterr);
	struct nr_digest digest = nr_digest_of(token.verifier, sizeof(token.verifier));

	nr_secret_wipe(&token, sizeof(token));
	bool same = nr_secret_eq(digest.b, known->digest.b, sizeof(digest.b));

	if (ret < 0)
		return ret;
	return same && known->kind == kind ? 0 : -EACCES;
}

int nr_who_bearer(struct nr_who *who, struct nr_str text, enum nr_token_kind kind,
		  struct nr_ip from, struct nr_time now, struct nr_who_caller *ret_caller,
		  struct nr_err *reterr)
{
	struct known known;

	nr_who_nobody(now, ret_caller);
	int ret = find_bearer(who, text, kind, &known, reterr);

	if (ret == 0 &&
	    (!in_time(&known, now) || (known.has_network && !nr_prefix_has(known.network, from))))
		ret = -EACCES;
	if (ret == 0)
		ret = take_view(who, known.member, known.role, now, ret_caller, reterr);
	if (ret < 0)
		return ret == -EACCES ? nr_fail(reterr, -EACCES, "this token is not in force here")
				      : ret;
	note_use(who, &known, now);
	ret_caller->scope.viewer.user = known.user;
	ret_caller->by = kind == NR_TOKEN_SESSION ? NR_WHO_SESSION : NR_WHO_TOKEN;
	ret_caller->can_write = known.can_write;
	ret_caller->can_rows = known.can_rows;
	ret_caller->confined = known.has_network;
	memcpy(ret_caller->selector, known.selector, sizeof(known.selector));
	(void)snprintf(ret_caller->actor, sizeof(ret_caller->actor), "%s:%s",
		       kind == NR_TOKEN_SESSION ? "user" : "token", known.name);
	return 0;
}

void nr_who_done(struct nr_who_caller *caller)
{
	nr_view_let(caller->view);
	*caller = (struct nr_who_caller){ 0 };
}

/* ---- long answers ---- */

/* What he may know now, when he is still who he was and may still know all of what he might. */
static int look_again(struct nr_who *who, const struct nr_who_caller *caller, struct nr_time now,
		      struct nr_view **ret_view, struct nr_err *reterr)
{
	const struct nr_viewer *was = &caller->scope.viewer;
	struct nr_view *view;
	struct known known = { .role = NR_ROLE_OPERATOR };
	int ret = 0;

	if (caller->by != NR_WHO_SOCKET) {
		ret = known_find(who, caller->selector, &known, reterr);
		if (ret == 0 &&
		    (!in_time(&known, now) || known.role != was->role ||
		     !nr_uuid_eq(known.user, was->user) || known.can_rows != caller->can_rows))
			ret = -EACCES;
	}
	if (ret == 0)
		ret = view_find(who, known.member, known.role == NR_ROLE_OPERATOR, now, &view,
				reterr);
	if (ret < 0)
		return ret == -EACCES ? nr_fail(reterr, -EACCES, "no longer in force") : ret;
	if (!nr_view_still(caller->view, view)) {
		nr_view_let(view);
		return nr_fail(reterr, -EACCES, "what may be known has changed: ask again");
	}
	*ret_view = view;
	return 0;
}

int nr_who_still(struct nr_who *who, const struct nr_who_caller *caller, struct nr_time now,
		 struct nr_err *reterr)
{
	struct nr_view *view = NULL;

	if (caller->by == NR_WHO_NOBODY)
		return 0;
	int ret = look_again(who, caller, now, &view, reterr);

	if (ret == 0)
		nr_view_let(view);
	return ret;
}

int nr_who_renew(struct nr_who *who, struct nr_who_caller *caller, struct nr_time now,
		 struct nr_err *reterr)
{
	struct nr_viewer was = caller->scope.viewer;
	struct nr_view *view = NULL;

	if (caller->by == NR_WHO_NOBODY)
		return 0;
	int ret = look_again(who, caller, now, &view, reterr);

	if (ret < 0)
		return ret;
	nr_require(view != NULL);
	nr_view_let(caller->view);
	caller->view = view;
	caller->scope = view->scope;
	caller->scope.viewer.role = was.role;
	caller->scope.viewer.user = was.user;
	caller->scope.viewer.now = now;
	return 0;
}
