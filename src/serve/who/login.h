/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * login: a login name, a password and a one-time code become a session; a link becomes a password.
 *
 * Order     limits by source and account first, then a place among those that hash, then the hash,
 *           then the code. Unknown, disabled and suspended accounts cost the same hash and get the same
 *           words.
 * Limits    20 tries a minute and source, 5 a minute and account, right or wrong. From the fifth wrong
 *           one in a row an account waits 30 s, twice as long after each more, at most 15 min; a wrong
 *           code counts as one. 4 hashes at once, 32 wait for them, more get -EAGAIN.
 * Password  12 to 256 bytes, not the login name, not the same byte over and over
 * Codes     a secret is in the registry under a mask that is made of the hub's key: who has the database
 *           alone makes no codes
 * Threads   any; nr_login_...() may wait for its turn
 */
#include "serve/who/token.h"
#include "store/registry_user.h"

enum {
	NR_LOGIN_HASHES = 4,
	NR_LOGIN_QUEUE = 32,
	NR_LOGIN_SOURCE = 16,
	NR_LOGIN_KEY = 32,
	NR_LOGIN_TOTP = 8
};

struct nr_login_counts {
	uint64_t logins, wrong, wrong_codes, limited, busy;
};

struct nr_login_try {
	const char *login;
	struct nr_str password;
	struct nr_str code;		 /* empty: none */
	uint8_t source[NR_LOGIN_SOURCE]; /* key of where it comes from */
	struct nr_str old;		 /* a session that ends with it: its text; empty: none */
	struct nr_registry_act act;
};

struct nr_logins;
/** @p key: of this hub; what is in the registry alone makes no code. */
NR_MUST_CHECK int nr_logins_new(struct nr_registry *registry, const uint8_t key[NR_LOGIN_KEY],
				struct nr_logins **ret_logins, struct nr_err *reterr);
struct nr_logins *nr_logins_free(struct nr_logins *logins);
void nr_logins_counts(struct nr_logins *logins, struct nr_login_counts *ret_counts);

/**
 * @return 0 and the session's text; -EKEYREJECTED wrong; -ENOKEY the password is right and a code is
 * wanted; -EDQUOT too often, again after *ret_retry_s; -EAGAIN too many at once; ...
 */
NR_MUST_CHECK int nr_login(struct nr_logins *logins, const struct nr_login_try *try,
			   char ret_session[NR_TOKEN_TEXT], unsigned *ret_retry_s,
			   struct nr_err *reterr);
/** Is it his password? Within the same limits. Returns as nr_login() does. */
NR_MUST_CHECK int nr_login_check(struct nr_logins *logins, const struct nr_registry_user *user,
				 const struct nr_login_try *try, unsigned *ret_retry_s,
				 struct nr_err *reterr);
/** Is it a code of his now? Uses it up. @return 0; -EKEYREJECTED; -EDQUOT */
NR_MUST_CHECK int nr_login_code(struct nr_logins *logins, const struct nr_registry_user *user,
				struct nr_str code, struct nr_time now, unsigned *ret_retry_s,
				struct nr_err *reterr);
/** A new secret, not in force yet: nr_registry_user_change() puts it in force. @return 0; -EEXIST one is */
NR_MUST_CHECK int nr_login_secret(struct nr_logins *logins, const struct nr_registry_user *user,
				  const struct nr_registry_act *act,
				  uint8_t ret_secret[NR_USER_TOTP], struct nr_err *reterr);
/** A new password as PHC text. @return 0; NR_EUSAGE it is too weak; -EAGAIN */
NR_MUST_CHECK int nr_login_hash(struct nr_logins *logins, const char *login, struct nr_str password,
				char ret_phc[NR_USER_PHC], struct nr_err *reterr);
/** Is there room for one more try from there? Takes it. @return 0; -EDQUOT */
NR_MUST_CHECK int nr_login_limit(struct nr_logins *logins, const uint8_t source[NR_LOGIN_SOURCE],
				 unsigned *ret_retry_s, struct nr_err *reterr);
