/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * registry_user: the people of the members: who they are, what they may do, what proves them.
 *
 * Secrets   a password is here as its PHC text, never as itself; a TOTP secret under a mask (serve/who/login.h)
 * Sessions  what makes a person less, or may mean that somebody else knew a secret, ends them in the
 *           same transaction: a new password, another role, disabled
 * Rules     who may do it to whom: serve/who/staff.h; here is only what must hold for everybody: the
 *           member that runs the hub keeps an admin in force
 */
#include "store/registry.h"

enum { NR_USER_TITLE = 128, NR_USER_PHC = 128, NR_USER_TOTP = 20, NR_USER_LANGUAGE = 4 };

struct nr_registry_user {
	uint64_t number; /* in the order they were made */
	struct nr_uuid uuid, member;
	char member_name[NR_REGISTRY_NAME];
	uint32_t member_epoch;
	bool member_active, member_is_operator;
	char login[NR_REGISTRY_NAME];
	char title[NR_USER_TITLE];  /* as people write it, in their own script */
	uint8_t role;		    /* viewer to admin */
	char password[NR_USER_PHC]; /* "": not set up yet */
	bool has_totp, totp_on;
	uint8_t totp[NR_USER_TOTP];
	uint64_t totp_step; /* newest that was used */
	char language[NR_USER_LANGUAGE];
	struct nr_time created, last_login, disabled; /* 0: never */
};

/** uuid is made; member, login, title, role, language are read. @return 0; -EEXIST; -ENOENT; NR_EUSAGE */
NR_MUST_CHECK int nr_registry_user_add(struct nr_registry *registry, struct nr_registry_user *user,
				       const struct nr_registry_act *act, struct nr_err *reterr);
/** @return 0; -ENOENT */
NR_MUST_CHECK int nr_registry_user_find(struct nr_registry *registry, struct nr_uuid uuid,
					struct nr_registry_user *ret_user, struct nr_err *reterr);
NR_MUST_CHECK int nr_registry_user_named(struct nr_registry *registry, const char *login,
					 struct nr_registry_user *ret_user, struct nr_err *reterr);
/**
 * As they were made, those behind number @p after, at most @p limit; @p member zero: of all members.
 * @return how many
 */
NR_MUST_CHECK int64_t nr_registry_users(struct nr_registry *registry, struct nr_uuid member,
					uint64_t after, uint64_t limit,
					int (*each)(void *ctx, const struct nr_registry_user *user),
					void *ctx, struct nr_err *reterr);
/** Is there anybody who can log in? */
NR_MUST_CHECK int nr_registry_users_any(struct nr_registry *registry, bool *ret_any,
					struct nr_err *reterr);

/** What is to become of a user; what is not set stays. */
struct nr_user_change {
	const char *login, *title, *language;
	uint8_t role;	      /* 0: stays */
	int8_t disabled;      /* -1: stays; 0, 1 */
	int8_t totp_on;	      /* -1: stays; 0 forgets the secret */
	const char *password; /* PHC */
	const uint8_t *
		keep; /* selector of the session that goes on: who changes his own password; NULL: none */
};
/** @return 0; -ENOENT; -EEXIST the login is taken; -EACCES the last admin of the hub */
NR_MUST_CHECK int nr_registry_user_change(struct nr_registry *registry, struct nr_uuid uuid,
					  const struct nr_user_change *change,
					  const struct nr_registry_act *act, struct nr_err *reterr);
/** A secret that is not in force yet. @return 0; -ENOENT; -EEXIST one is in force */
NR_MUST_CHECK int nr_registry_user_totp(struct nr_registry *registry, struct nr_uuid uuid,
					const uint8_t secret[NR_USER_TOTP],
					const struct nr_registry_act *act, struct nr_err *reterr);
/** Use up a step: one caller only, and none before it. @return 0; -EACCES it was used */
NR_MUST_CHECK int nr_registry_user_totp_step(struct nr_registry *registry, struct nr_uuid uuid,
					     uint64_t step, struct nr_err *reterr);

/**
 * A login: the session's row, and a PHC text when the parameters have grown; @p old is a session that
 * ends with it (NULL: none). @return 0; -EACCES disabled meanwhile, or @p user's password is another now
 */
NR_MUST_CHECK int nr_registry_user_login(struct nr_registry *registry,
					 const struct nr_registry_user *user,
					 const struct nr_registry_token *session,
					 const char *rehashed, const uint8_t *old,
					 const struct nr_registry_act *act, struct nr_err *reterr);
/** End all sessions of a user but @p keep (NULL: none). @return how many */
NR_MUST_CHECK int64_t nr_registry_user_logout(struct nr_registry *registry, struct nr_uuid uuid,
					      const uint8_t *keep,
					      const struct nr_registry_act *act,
					      struct nr_err *reterr);
/** A set-up token is spent by what it was for, in the same transaction. @return 0; -EACCES; ... */
NR_MUST_CHECK int nr_registry_user_set_up(struct nr_registry *registry,
					  const uint8_t selector[NR_TOKEN_SELECTOR],
					  const struct nr_user_change *change,
					  const struct nr_registry_act *act, struct nr_err *reterr);
/** A new set-up token; those that were given out before end. */
NR_MUST_CHECK int nr_registry_user_invite(struct nr_registry *registry,
					  const struct nr_registry_token *token,
					  const struct nr_registry_act *act, struct nr_err *reterr);
