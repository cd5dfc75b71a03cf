/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/who/staff.h"

#include <stdio.h>
#include <unistd.h>

#include "store/registry_member.h"

static const struct nr_uuid none = { 0 };

/* ---- who ---- */

enum nr_role nr_staff_rank(const struct nr_registry_user *user)
{
	if (user->role == NR_ROLE_ADMIN && user->member_is_operator)
		return NR_ROLE_OPERATOR;
	return (enum nr_role)user->role;
}

static bool is_operator(const struct nr_staff *people)
{
	return people->actor->role == NR_ROLE_OPERATOR;
}

static bool is_self(const struct nr_staff *people, const struct nr_registry_user *user)
{
	return !nr_uuid_eq(people->actor->user, none) &&
	       nr_uuid_eq(people->actor->user, user->uuid);
}

int nr_staff_find(const struct nr_staff *people, struct nr_uuid uuid,
		  struct nr_registry_user *ret_user, struct nr_err *reterr)
{
	int ret = nr_registry_user_find(people->registry, uuid, ret_user, reterr);

	if (ret == 0 && !is_operator(people) &&
	    !nr_uuid_eq(ret_user->member, people->actor->member)) {
		nr_secret_wipe(ret_user, sizeof(*ret_user));
		ret = nr_fail(reterr, -ENOENT, "no such user");
	}
	return ret;
}

/* For what changes somebody. */
static int find_below(const struct nr_staff *people, struct nr_uuid uuid,
		      struct nr_registry_user *user, struct nr_err *reterr)
{
	int ret = nr_staff_find(people, uuid, user, reterr);

	if (ret == 0 && people->actor->role < NR_ROLE_ADMIN)
		ret = nr_fail(reterr, -EACCES, "an admin of the member does this");
	if (ret == 0 && nr_staff_rank(user) > people->actor->role)
		ret = nr_fail(reterr, -EACCES, "this user ranks higher than you");
	return ret;
}

/* @p name "": the actor's own. @return 0; -ENOENT; -EACCES */
static int find_member(const struct nr_staff *people, const char *name,
		       struct nr_registry_member *member, struct nr_err *reterr)
{
	int ret;

	if (name[0] != '\0')
		ret = nr_registry_member_named(people->registry, name, member, reterr);
	else if (nr_uuid_eq(people->actor->member, none))
		ret = nr_registry_operator(people->registry, member, reterr);
	else
		ret = nr_registry_member_find(people->registry, people->actor->member, member,
					      reterr);
	/* Another member is not there for him, whether it is or not. */
	if ((ret == 0 || ret == -ENOENT) && !is_operator(people) &&
	    (ret < 0 || !nr_uuid_eq(member->uuid, people->actor->member)))
		ret = nr_fail(reterr, -ENOENT, "no such member");
	return ret;
}

/* ---- users ---- */

int nr_staff_add(const struct nr_staff *people, const char *member, struct nr_registry_user *user,
		 struct nr_err *reterr)
{
	struct nr_registry_member of;

	if (people->actor->role < NR_ROLE_ADMIN)
		return nr_fail(reterr, -EACCES, "an admin of the member does this");
	int ret = find_member(people, member, &of, reterr);

	if (ret < 0)
		return ret;
	user->member = of.uuid;
	user->member_is_operator = of.is_operator;
	user->member_active = of.suspended.ns == 0;
	memcpy(user->member_name, of.name, sizeof(user->member_name));
	if (nr_staff_rank(user) > people->actor->role)
		return nr_fail(reterr, -EACCES,
			       "nobody makes a user who ranks higher than himself");
	return nr_registry_user_add(people->registry, user, &people->act, reterr);
}

int nr_staff_change(const struct nr_staff *people, struct nr_uuid uuid,
		    const struct nr_user_change *change, struct nr_err *reterr)
{
	struct nr_registry_user user = { 0 };
	int ret = find_below(people, uuid, &user, reterr);
	struct nr_registry_user after = user;

	if (change->role != 0)
		after.role = change->role;
	if (ret == 0 && is_self(people, &user) &&
	    (after.role != user.role || change->disabled == 1))
		ret = nr_fail(reterr, -EACCES,
			      "nobody changes his own role: another admin does it");
	if (ret == 0 && nr_staff_rank(&after) > people->actor->role)
		ret = nr_fail(reterr, -EACCES, "nobody makes a user who ranks higher than himself");
	if (ret == 0)
		ret = nr_registry_user_change(people->registry, uuid, change, &people->act, reterr);
	nr_secret_wipe(&user, sizeof(user));
	nr_secret_wipe(&after, sizeof(after));
	return ret;
}

/* ---- links ---- */

/* "https://0.0.0.0:7443" reaches nobody: the machine's name stands for it. */
static void print_base(const char *url, char *out, size_t cap)
{
	const char *host = strncmp(url, "https://", 8) == 0 ? url + 8 : url;
	const char *colon = strrchr(host, ':');
	int host_n = colon != NULL ? (int)(colon - host) : (int)strlen(host);
	bool any = host_n == 0 || (host_n == 7 && strncmp(host, "0.0.0.0", 7) == 0) ||
		   (host_n == 4 && strncmp(host, "[::]", 4) == 0) ||
		   (host_n == 1 && host[0] == '*');
	char own[256] = "";

	if (any && (gethostname(own, sizeof(own) - 1) < 0 || own[0] == '\0'))
		(void)snprintf(own, sizeof(own), "localhost");
	if (any)
		(void)snprintf(out, cap, "https://%s%s", own, colon != NULL ? colon : "");
	else
		(void)snprintf(out, cap, "https://%s", host);
}

static int make_link(const struct nr_staff *people, const struct nr_registry_user *user,
		     char ret_link[NR_STAFF_LINK], struct nr_time *ret_expires,
		     struct nr_err *reterr)
{
	struct nr_token_wish wish = { .kind = NR_TOKEN_SETUP,
				      .name = user->login,
				      .member = user->member,
				      .member_epoch = user->member_epoch,
				      .user = user->uuid };
	char text[NR_TOKEN_TEXT], base[NR_STAFF_LINK - NR_TOKEN_TEXT - 16];
	struct nr_registry_token row;
	int ret = nr_token_make(&wish, &people->act, &row, text, reterr);

	if (ret == 0)
		ret = nr_registry_user_invite(people->registry, &row, &people->act, reterr);
	if (ret == 0) {
		print_base(people->url, base, sizeof(base));
		(void)snprintf(ret_link, NR_STAFF_LINK, "%s/setup#%s", base, text);
		*ret_expires = row.expires;
	}
	nr_secret_wipe(text, sizeof(text));
	return ret;
}

int nr_staff_invite(const struct nr_staff *people, struct nr_uuid uuid,
		    char ret_link[NR_STAFF_LINK], struct nr_time *ret_expires,
		    struct nr_err *reterr)
{
	struct nr_registry_user user = { 0 };
	int ret = find_below(people, uuid, &user, reterr);

	if (ret == 0 && (user.disabled.ns != 0 || !user.member_active))
		ret = nr_fail(reterr, -EACCES, "this user, or his member, is not in force");
	if (ret == 0)
		ret = make_link(people, &user, ret_link, ret_expires, reterr);
	nr_secret_wipe(&user, sizeof(user));
	return ret;
}

struct first {
	struct nr_registry_user user;
	bool found;
};

static int on_user(void *ctx, const struct nr_registry_user *user)
{
	struct first *first = ctx;

	if (!first->found && user->role == NR_ROLE_ADMIN && user->disabled.ns == 0) {
		first->user = *user;
		first->found = true;
	}
	return 0;
}

static int find_first(const struct nr_staff *people, struct first *first, struct nr_err *reterr)
{
	struct nr_registry_member home;
	int64_t ret = nr_registry_operator(people->registry, &home, reterr);

	if (ret == 0)
		ret = nr_registry_users(people->registry, home.uuid, 0, INT32_MAX, on_user, first,
					reterr);
	if (ret < 0 || first->found)
		return ret < 0 ? (int)ret : 0;
	first->user = (struct nr_registry_user){ .login = "admin", .role = NR_ROLE_ADMIN };
	ret = nr_staff_add(people, home.name, &first->user, reterr);
	return ret < 0 ? (int)ret
		       : nr_registry_user_find(people->registry, first->user.uuid, &first->user,
					       reterr);
}

int nr_staff_first(const struct nr_staff *people, char ret_link[NR_STAFF_LINK],
		   struct nr_time *ret_expires, struct nr_err *reterr)
{
	struct first first = { 0 };
	bool any = false;
	int ret = nr_registry_users_any(people->registry, &any, reterr);

	if (ret < 0)
		return ret;
	if (any)
		return nr_fail(reterr, -EEXIST,
			       "somebody can log in already: 'noroshi user invite DIR LOGIN' gives "
			       "him a new password");
	ret = find_first(people, &first, reterr);
	return ret < 0 ? ret : make_link(people, &first.user, ret_link, ret_expires, reterr);
}

/* ---- tokens ---- */

int nr_staff_token(const struct nr_staff *people, const char *member, struct nr_token_wish *wish,
		   char ret_text[NR_TOKEN_TEXT], struct nr_err *reterr)
{
	struct nr_registry_member of;
	int ret = find_member(people, member, &of, reterr);

	if (ret < 0)
		return ret;
	enum nr_role rank = wish->role == NR_ROLE_ADMIN && of.is_operator ? NR_ROLE_OPERATOR
									  : wish->role;

	if (wish->role < NR_ROLE_VIEWER || wish->role > NR_ROLE_ADMIN)
		return nr_fail(reterr, NR_EUSAGE,
			       "a token's role is viewer, analyst, coordinator or admin");
	if (rank > people->actor->role)
		return nr_fail(reterr, -EACCES, "nobody makes a token that may more than he may");
	wish->member = of.uuid;
	wish->member_epoch = of.epoch;
	wish->user = people->actor->user;
	return nr_token_create(people->registry, wish, &people->act, ret_text, reterr);
}

bool nr_staff_has_token(const struct nr_staff *people, const struct nr_registry_token *token)
{
	if (is_operator(people))
		return true;
	if (people->actor->role >= NR_ROLE_ADMIN && !nr_uuid_eq(token->member, none) &&
	    nr_uuid_eq(token->member, people->actor->member))
		return true;
	return !nr_uuid_eq(people->actor->user, none) &&
	       nr_uuid_eq(token->user, people->actor->user);
}
