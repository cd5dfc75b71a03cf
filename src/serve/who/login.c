/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/who/login.h"

#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/password.h"
#include "serve/http/limit.h"
#include "serve/who/totp.h"

enum {
	ACCOUNTS = 4096, /* that failed of late */
	WAYS = 8,
	SETS = ACCOUNTS / WAYS,
	FREE_TRIES = 5,
	FIRST_WAIT_S = 30,
	WAIT_MAX_S = 900,
	BUSY_S = 2,
};

_Static_assert((int)NR_LIMIT_KEY == (int)NR_LOGIN_SOURCE, "a source is a key");
_Static_assert((int)NR_USER_PHC == (int)NR_PASSWORD_PHC, "room for the text");
_Static_assert((int)NR_USER_TOTP == (int)NR_TOTP_SECRET, "room for the secret");

/* An account that failed, until it succeeds. */
struct account {
	uint8_t key[NR_LIMIT_KEY];
	int64_t failed_ns; /* monotonic, newest; 0: free */
	unsigned fails;	   /* in a row */
};

struct nr_logins {
	struct nr_registry *registry;
	struct nr_digest key; /* of masks */
	struct nr_limit *by_source, *by_account;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t turn;
	unsigned hashing, waiting;
	struct nr_hash_key hash;
	struct account accounts[SETS][WAYS];
	struct nr_login_counts counts;
};

int nr_logins_new(struct nr_registry *registry, const uint8_t key[NR_LOGIN_KEY],
		  struct nr_logins **ret_logins, struct nr_err *reterr)
{
	struct nr_logins *logins = calloc(1, sizeof(*logins));
	int ret;

	if (logins == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	logins->registry = registry;
	logins->key = nr_digest_join(key, NR_LOGIN_KEY, "noroshi totp", 12);
	nr_require(pthread_mutex_init(&logins->lock, NULL) == 0);
	nr_require(pthread_cond_init(&logins->turn, NULL) == 0);
	ret = nr_limit_new(20.0 / 60, 20, &logins->by_source);
	if (ret == 0)
		ret = nr_limit_new(5.0 / 60, 5, &logins->by_account);
	if (ret == 0)
		ret = nr_hash_key_random(&logins->hash);
	if (ret < 0) {
		nr_logins_free(logins);
		return nr_fail(reterr, ret, "%s", nr_err_text(ret));
	}
	*ret_logins = logins;
	return 0;
}

struct nr_logins *nr_logins_free(struct nr_logins *logins)
{
	if (logins == NULL)
		return NULL;
	nr_secret_wipe(&logins->key, sizeof(logins->key));
	nr_limit_free(logins->by_source);
	nr_limit_free(logins->by_account);
	(void)pthread_mutex_destroy(&logins->lock);
	(void)pthread_cond_destroy(&logins->turn);
	free(logins);
	return NULL;
}

static void lock(struct nr_logins *logins)
{
	nr_require(pthread_mutex_lock(&logins->lock) == 0);
}

static void unlock(struct nr_logins *logins)
{
	nr_require(pthread_mutex_unlock(&logins->lock) == 0);
}

void nr_logins_counts(struct nr_logins *logins, struct nr_login_counts *ret_counts)
{
	lock(logins);
	*ret_counts = logins->counts;
	unlock(logins);
}

static void count(struct nr_logins *logins, uint64_t *what)
{
	lock(logins);
	(*what)++;
	unlock(logins);
}

/* ---- limits ---- */

static void account_key(const char *login, uint8_t key[NR_LIMIT_KEY])
{
	struct nr_digest digest = nr_digest_of(login, strlen(login));

	memcpy(key, digest.b, NR_LIMIT_KEY);
}

/* Under the lock: its entry, or the one to take for it. */
static struct account *account_at(struct nr_logins *logins, const uint8_t key[NR_LIMIT_KEY],
				  bool *ret_found)
{
	uint64_t h = nr_siphash13(&logins->hash, key, NR_LIMIT_KEY);
	struct account *set = logins->accounts[h % SETS], *oldest = &set[0];

	*ret_found = true;
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].failed_ns != 0 && memcmp(set[i].key, key, NR_LIMIT_KEY) == 0)
			return &set[i];
		if (set[i].failed_ns < oldest->failed_ns)
			oldest = &set[i];
	}
	*ret_found = false;
	return oldest;
}

static int64_t wait_ns(unsigned fails)
{
	int64_t s = FIRST_WAIT_S;

	if (fails < FREE_TRIES)
		return 0;
	for (unsigned i = FREE_TRIES; i < fails && s < WAIT_MAX_S; i++)
		s *= 2;
	return (s < WAIT_MAX_S ? s : WAIT_MAX_S) * NR_NS_PER_S;
}

/* Seconds that the account has to wait; 0: none. */
static unsigned account_waits(struct nr_logins *logins, const uint8_t key[NR_LIMIT_KEY])
{
	int64_t left = 0;
	bool found;

	lock(logins);
	const struct account *account = account_at(logins, key, &found);

	if (found)
		left = account->failed_ns + wait_ns(account->fails) - nr_mono_now().ns;
	unlock(logins);
	return left > 0 ? (unsigned)((left + NR_NS_PER_S - 1) / NR_NS_PER_S) : 0;
}

static void account_failed(struct nr_logins *logins, const uint8_t key[NR_LIMIT_KEY])
{
	bool found;

	lock(logins);
	struct account *account = account_at(logins, key, &found);

	if (!found) {
		*account = (struct account){ 0 };
		memcpy(account->key, key, NR_LIMIT_KEY);
	}
	account->fails++;
	account->failed_ns = nr_mono_now().ns;
	unlock(logins);
}

static void account_succeeded(struct nr_logins *logins, const uint8_t key[NR_LIMIT_KEY])
{
	bool found;

	lock(logins);
	struct account *account = account_at(logins, key, &found);

	if (found)
		*account = (struct account){ 0 };
	unlock(logins);
}

static int too_often(struct nr_logins *logins, unsigned wait_s, unsigned *ret_retry_s,
		     struct nr_err *reterr)
{
	count(logins, &logins->counts.limited);
	*ret_retry_s = wait_s;
	return nr_fail(reterr, -EDQUOT, "too many tries: wait %u s", wait_s);
}

int nr_login_limit(struct nr_logins *logins, const uint8_t source[NR_LOGIN_SOURCE],
		   unsigned *ret_retry_s, struct nr_err *reterr)
{
	return nr_limit_take(logins->by_source, source, nr_mono_now())
		       ? 0
		       : too_often(logins, 60, ret_retry_s, reterr);
}

static int limit_all(struct nr_logins *logins, const struct nr_login_try *try,
		     const uint8_t key[NR_LIMIT_KEY], unsigned *ret_retry_s, struct nr_err *reterr)
{
	int ret = nr_login_limit(logins, try->source, ret_retry_s, reterr);

	if (ret < 0)
		return ret;
	unsigned wait_s = account_waits(logins, key);

	if (wait_s == 0 && !nr_limit_take(logins->by_account, key, nr_mono_now()))
		wait_s = 60;
	return wait_s > 0 ? too_often(logins, wait_s, ret_retry_s, reterr) : 0;
}

/* ---- hashes ---- */

/* A place among those that hash: 64 MiB each. @return 0; -EAGAIN */
static int begin_hash(struct nr_logins *logins, struct nr_err *reterr)
{
	lock(logins);
	bool full = logins->waiting >= NR_LOGIN_QUEUE;

	if (full)
		logins->counts.busy++;
	else {
		logins->waiting++;
		while (logins->hashing >= NR_LOGIN_HASHES)
			nr_require(pthread_cond_wait(&logins->turn, &logins->lock) == 0);
		logins->waiting--;
		logins->hashing++;
	}
	unlock(logins);
	return full ? nr_fail(reterr, -EAGAIN, "too many log in at this moment: try again") : 0;
}

static void end_hash(struct nr_logins *logins)
{
	lock(logins);
	logins->hashing--;
	nr_require(pthread_cond_signal(&logins->turn) == 0);
	unlock(logins);
}

/* @p user NULL, or without a password: costs the same, and is wrong. @return 0; -EKEYREJECTED; -EAGAIN */
static int check_hash(struct nr_logins *logins, const struct nr_registry_user *user,
		      struct nr_str password, unsigned *ret_retry_s, struct nr_err *reterr)
{
	bool real = user != NULL && user->password[0] != '\0', right = false;
	int ret = begin_hash(logins, reterr);

	if (ret < 0) {
		*ret_retry_s = BUSY_S;
		return ret;
	}
	if (real)
		right = nr_password_check(user->password, password);
	else
		nr_password_waste(password);
	end_hash(logins);
	return right ? 0 : -EKEYREJECTED;
}

static bool is_monotone(struct nr_str password)
{
	for (size_t i = 1; i < password.n; i++)
		if (password.p[i] != password.p[0])
			return false;
	return true;
}

int nr_login_hash(struct nr_logins *logins, const char *login, struct nr_str password,
		  char ret_phc[NR_USER_PHC], struct nr_err *reterr)
{
	size_t n = strlen(login);
	bool same = password.n == n && strncasecmp(password.p, login, n) == 0;

	if (password.n < NR_PASSWORD_MIN || password.n > NR_PASSWORD_MAX)
		return nr_fail(reterr, NR_EUSAGE,
			       "a password has %d to %d bytes: some words that nobody guesses",
			       NR_PASSWORD_MIN, NR_PASSWORD_MAX);
	if (same || is_monotone(password))
		return nr_fail(reterr, NR_EUSAGE,
			       "this password is the first that somebody tries: choose another");
	int ret = begin_hash(logins, reterr);

	if (ret < 0)
		return ret;
	ret = nr_password_hash(password, ret_phc);
	end_hash(logins);
	return ret < 0 ? nr_fail(reterr, ret, "no memory for a password's hash") : 0;
}

/* ---- checks ---- */

/* The hash and the account's state; limits were asked. */
static int check_password(struct nr_logins *logins, const struct nr_registry_user *user,
			  const struct nr_login_try *try, unsigned *ret_retry_s,
			  struct nr_err *reterr)
{
	uint8_t key[NR_LIMIT_KEY];
	int ret = check_hash(logins, user, try->password, ret_retry_s, reterr);

	if (ret != -EKEYREJECTED)
		return ret;
	account_key(try->login, key);
	account_failed(logins, key);
	count(logins, &logins->counts.wrong);
	return nr_fail(reterr, -EKEYREJECTED,
		       "this login name and this password do not fit together");
}

int nr_login_check(struct nr_logins *logins, const struct nr_registry_user *user,
		   const struct nr_login_try *try, unsigned *ret_retry_s, struct nr_err *reterr)
{
	uint8_t key[NR_LIMIT_KEY];

	account_key(try->login, key);
	int ret = limit_all(logins, try, key, ret_retry_s, reterr);

	return ret < 0 ? ret : check_password(logins, user, try, ret_retry_s, reterr);
}

/* Takes the mask of a user off, or puts it on. */
static void mask(const struct nr_logins *logins, struct nr_uuid user, uint8_t secret[NR_USER_TOTP])
{
	struct nr_digest bits = nr_digest_join(logins->key.b, sizeof(logins->key.b), user.b,
					       sizeof(user.b));

	for (size_t i = 0; i < NR_USER_TOTP; i++)
		secret[i] ^= bits.b[i];
	nr_secret_wipe(&bits, sizeof(bits));
}

int nr_login_secret(struct nr_logins *logins, const struct nr_registry_user *user,
		    const struct nr_registry_act *act, uint8_t ret_secret[NR_USER_TOTP],
		    struct nr_err *reterr)
{
	uint8_t masked[NR_USER_TOTP];

	nr_random(ret_secret, NR_USER_TOTP);
	memcpy(masked, ret_secret, sizeof(masked));
	mask(logins, user->uuid, masked);
	int ret = nr_registry_user_totp(logins->registry, user->uuid, masked, act, reterr);

	if (ret < 0)
		nr_secret_wipe(ret_secret, NR_USER_TOTP);
	return ret;
}

/* @return the step that the code is of; 0: it is not good now */
static uint64_t step_of(const struct nr_logins *logins, const struct nr_registry_user *user,
			struct nr_str code, struct nr_time now)
{
	uint8_t secret[NR_USER_TOTP];
	uint64_t step = 0;

	if (!user->has_totp)
		return 0;
	memcpy(secret, user->totp, sizeof(secret));
	mask(logins, user->uuid, secret);
	step = nr_totp_check(secret, code, user->totp_step, now);
	nr_secret_wipe(secret, sizeof(secret));
	return step;
}

int nr_login_code(struct nr_logins *logins, const struct nr_registry_user *user, struct nr_str code,
		  struct nr_time now, unsigned *ret_retry_s, struct nr_err *reterr)
{
	uint8_t key[NR_LIMIT_KEY];

	account_key(user->login, key);
	unsigned wait_s = account_waits(logins, key);

	if (wait_s > 0)
		return too_often(logins, wait_s, ret_retry_s, reterr);
	uint64_t step = step_of(logins, user, code, now);
	int ret = step == 0
			  ? -EACCES
			  : nr_registry_user_totp_step(logins->registry, user->uuid, step, reterr);

	if (ret != -EACCES)
		return ret;
	account_failed(logins, key);
	count(logins, &logins->counts.wrong_codes);
	return nr_fail(reterr, -EKEYREJECTED,
		       "this one-time code is not good now: wait for the next one");
}

/* ---- the login itself ---- */

/* @return 0; -ENOENT nobody who may log in; the registry's error */
static int find_user(struct nr_logins *logins, const char *login, struct nr_registry_user *user,
		     struct nr_err *reterr)
{
	int ret = nr_registry_user_named(logins->registry, login, user, reterr);

	if (ret == 0 && (user->disabled.ns != 0 || !user->member_active))
		ret = -ENOENT;
	return ret;
}

static int open_session(struct nr_logins *logins, const struct nr_registry_user *user,
			const struct nr_login_try *try, char ret_session[NR_TOKEN_TEXT],
			struct nr_err *reterr)
{
	struct nr_token_wish wish = { .kind = NR_TOKEN_SESSION,
				      .name = user->login,
				      .member = user->member,
				      .member_epoch = user->member_epoch,
				      .user = user->uuid };
	struct nr_registry_token row, old;
	char phc[NR_USER_PHC];
	bool rehash = nr_password_outdated(user->password);
	/* Only who has the whole of the old one may end it. */
	bool has_old = try->old.n > 0 &&
		       nr_token_check(logins->registry, try->old, NR_TOKEN_SESSION, try->act.now,
				      &old, NULL) == 0;
	int ret = nr_token_make(&wish, &try->act, &row, ret_session, reterr);

	if (ret == 0 && rehash)
		rehash = nr_login_hash(logins, "", try->password, phc, NULL) == 0;
	if (ret == 0)
		ret = nr_registry_user_login(logins->registry, user, &row, rehash ? phc : NULL,
					     has_old ? old.selector : NULL, &try->act, reterr);
	if (ret < 0)
		nr_secret_wipe(ret_session, NR_TOKEN_TEXT);
	return ret;
}

/* @p user NULL: nobody may log in by this name, which takes as long. */
static int prove(struct nr_logins *logins, const struct nr_registry_user *user,
		 const struct nr_login_try *try, unsigned *ret_retry_s, struct nr_err *reterr)
{
	int ret = check_password(logins, user, try, ret_retry_s, reterr);

	if (ret < 0)
		return ret;
	nr_require(user != NULL); /* nobody's password is never right */
	if (!user->totp_on)
		return 0;
	if (try->code.n == 0)
		return nr_fail(reterr, -ENOKEY, "a one-time code is wanted too: send it as `code`");
	return nr_login_code(logins, user, try->code, try->act.now, ret_retry_s, reterr);
}

int nr_login(struct nr_logins *logins, const struct nr_login_try *try,
	     char ret_session[NR_TOKEN_TEXT], unsigned *ret_retry_s, struct nr_err *reterr)
{
	struct nr_registry_user user = { 0 };
	uint8_t key[NR_LIMIT_KEY];

	account_key(try->login, key);
	int ret = limit_all(logins, try, key, ret_retry_s, reterr);

	if (ret < 0)
		return ret;
	ret = find_user(logins, try->login, &user, reterr);
	if (ret == 0 || ret == -ENOENT)
		ret = prove(logins, ret == 0 ? &user : NULL, try, ret_retry_s, reterr);
	if (ret == 0)
		ret = open_session(logins, &user, try, ret_session, reterr);
	if (ret == 0) {
		account_succeeded(logins, key);
		count(logins, &logins->counts.logins);
	}
	nr_secret_wipe(&user, sizeof(user));
	return ret;
}
