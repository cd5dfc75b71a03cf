/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry_user.h"

#include "store/registry/registry_int.h"

#define COLUMNS                                                                                   \
	"SELECT u.uuid, u.member, m.name, m.epoch, m.suspended_ns, m.is_operator, u.login, "      \
	"u.title, u.role, u.password, u.totp, u.totp_on, u.totp_step, u.language, u.created_ns, " \
	"u.last_login_ns, u.disabled_ns, u.rowid FROM user u JOIN member m ON m.uuid = u.member "

enum { FORGET_DAYS = 7 };

/* ---- rows ---- */

static void read_row(sqlite3_stmt *stmt, struct nr_registry_user *user)
{
	char role[16];

	*user = (struct nr_registry_user){ 0 };
	(void)nr_registry_get_blob(stmt, 0, user->uuid.b, sizeof(user->uuid.b));
	(void)nr_registry_get_blob(stmt, 1, user->member.b, sizeof(user->member.b));
	nr_registry_get_text(stmt, 2, user->member_name, sizeof(user->member_name));
	user->member_epoch = (uint32_t)sqlite3_column_int64(stmt, 3);
	user->member_active = sqlite3_column_type(stmt, 4) == SQLITE_NULL;
	user->member_is_operator = sqlite3_column_int(stmt, 5) != 0;
	nr_registry_get_text(stmt, 6, user->login, sizeof(user->login));
	nr_registry_get_text(stmt, 7, user->title, sizeof(user->title));
	nr_registry_get_text(stmt, 8, role, sizeof(role));
	user->role = nr_registry_role_of(role);
	nr_registry_get_text(stmt, 9, user->password, sizeof(user->password));
	user->has_totp = nr_registry_get_blob(stmt, 10, user->totp, sizeof(user->totp));
	user->totp_on = sqlite3_column_int(stmt, 11) != 0;
	user->totp_step = (uint64_t)sqlite3_column_int64(stmt, 12);
	nr_registry_get_text(stmt, 13, user->language, sizeof(user->language));
	user->created = nr_registry_get_time(stmt, 14);
	user->last_login = nr_registry_get_time(stmt, 15);
	user->disabled = nr_registry_get_time(stmt, 16);
	user->number = (uint64_t)sqlite3_column_int64(stmt, 17);
}

/* The row of a statement whose parameters are bound; finalizes. */
static int find_one(struct nr_registry *registry, sqlite3_stmt *stmt,
		    struct nr_registry_user *ret_user, struct nr_err *reterr)
{
	int ret = nr_registry_step(registry, stmt, reterr);

	if (ret > 0)
		read_row(stmt, ret_user);
	else if (ret == 0)
		ret = nr_fail(reterr, -ENOENT, "no such user");
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

static int find_locked(struct nr_registry *registry, struct nr_uuid uuid,
		       struct nr_registry_user *ret_user, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry, COLUMNS "WHERE u.uuid = ?1", &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, uuid.b, sizeof(uuid.b));
	return find_one(registry, stmt, ret_user, reterr);
}

int nr_registry_user_find(struct nr_registry *registry, struct nr_uuid uuid,
			  struct nr_registry_user *ret_user, struct nr_err *reterr)
{
	nr_registry_hold(registry);
	int ret = find_locked(registry, uuid, ret_user, reterr);

	nr_registry_let(registry);
	return ret;
}

int nr_registry_user_named(struct nr_registry *registry, const char *login,
			   struct nr_registry_user *ret_user, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;

	nr_registry_hold(registry);
	int ret = nr_registry_prepare(registry, COLUMNS "WHERE u.login = ?1", &stmt, reterr);

	if (ret == 0) {
		nr_registry_bind_text(stmt, 1, login);
		ret = find_one(registry, stmt, ret_user, reterr);
	}
	nr_registry_let(registry);
	return ret;
}

int64_t nr_registry_users(struct nr_registry *registry, struct nr_uuid member, uint64_t after,
			  uint64_t limit,
			  int (*each)(void *ctx, const struct nr_registry_user *user), void *ctx,
			  struct nr_err *reterr)
{
	bool all = nr_uuid_eq(member, (struct nr_uuid){ 0 });
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = nr_registry_prepare(registry,
				      all ? COLUMNS "WHERE u.rowid > ?1 ORDER BY u.rowid LIMIT ?2"
					  : COLUMNS "WHERE u.rowid > ?1 AND u.member = ?3 "
						    "ORDER BY u.rowid LIMIT ?2",
				      &stmt, reterr);

	if (ret == 0) {
		nr_registry_bind_i64(stmt, 1, (int64_t)after);
		nr_registry_bind_i64(stmt, 2, (int64_t)limit);
		if (!all)
			nr_registry_bind_blob(stmt, 3, member.b, sizeof(member.b));
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			struct nr_registry_user user;

			read_row(stmt, &user);
			ret = each(ctx, &user);
			nr_secret_wipe(&user, sizeof(user));
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}

static int count_locked(struct nr_registry *registry, const char *sql, int64_t *ret_n,
			struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry, sql, &stmt, reterr);

	if (ret < 0)
		return ret;
	ret = nr_registry_step(registry, stmt, reterr);
	*ret_n = ret > 0 ? sqlite3_column_int64(stmt, 0) : 0;
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

int nr_registry_users_any(struct nr_registry *registry, bool *ret_any, struct nr_err *reterr)
{
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = count_locked(registry, "SELECT count(*) FROM user WHERE password IS NOT NULL", &n,
			       reterr);

	nr_registry_let(registry);
	*ret_any = n > 0;
	return ret;
}

/* ---- making and changing ---- */

static int insert_locked(struct nr_registry *registry, const struct nr_registry_user *user,
			 struct nr_time now, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      "INSERT INTO user (uuid, member, login, title, role, "
				      "language, created_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
				      &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, user->uuid.b, sizeof(user->uuid.b));
	nr_registry_bind_blob(stmt, 2, user->member.b, sizeof(user->member.b));
	nr_registry_bind_text(stmt, 3, user->login);
	nr_registry_bind_text(stmt, 4, user->title);
	nr_registry_bind_text(stmt, 5, nr_registry_role_name(user->role));
	nr_registry_bind_text(stmt, 6, user->language[0] != '\0' ? user->language : "en");
	nr_registry_bind_i64(stmt, 7, now.ns);
	ret = nr_registry_run(registry, stmt, reterr);
	return ret == -EEXIST ? nr_fail(reterr, -EEXIST,
					"there is a user '%s' already, or no such "
					"member",
					user->login)
			      : ret;
}

int nr_registry_user_add(struct nr_registry *registry, struct nr_registry_user *user,
			 const struct nr_registry_act *act, struct nr_err *reterr)
{
	int ret = nr_registry_check_name(user->login, reterr);

	if (ret == 0 && nr_registry_role_name(user->role)[0] == '\0')
		ret = nr_fail(reterr, NR_EUSAGE,
			      "a user's role is viewer, analyst, coordinator or admin");
	if (ret == 0)
		ret = nr_registry_begin(registry, reterr);
	if (ret < 0)
		return ret;
	user->uuid = nr_uuid_new();
	ret = insert_locked(registry, user, act->now, reterr);
	if (ret == 0)
		ret = nr_registry_note(registry, act, "user.add", user->login,
				       nr_registry_role_name(user->role), reterr);
	return nr_registry_end(registry, ret, reterr);
}

/* UPDATE user SET @p what = ?2 WHERE uuid = ?1, with a text, a number, or NULL for both absent. */
static int set_locked(struct nr_registry *registry, struct nr_uuid uuid, const char *sql,
		      const char *text, int64_t number, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry, sql, &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, uuid.b, sizeof(uuid.b));
	if (text != NULL)
		nr_registry_bind_text(stmt, 2, text);
	else
		nr_registry_bind_i64(stmt, 2, number);
	return nr_registry_run(registry, stmt, reterr);
}

static int64_t logout_locked(struct nr_registry *registry, struct nr_uuid uuid, const uint8_t *keep,
			     const char *kind, struct nr_time now, struct nr_err *reterr)
{
	static const uint8_t none[NR_TOKEN_SELECTOR + 1] = { 0 }; /* longer than any selector */
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      "UPDATE token SET revoked_ns = ?2 WHERE user = ?1 AND "
				      "kind = ?3 AND revoked_ns IS NULL AND selector != ?4",
				      &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, uuid.b, sizeof(uuid.b));
	nr_registry_bind_i64(stmt, 2, now.ns);
	nr_registry_bind_text(stmt, 3, kind);
	nr_registry_bind_blob(stmt, 4, keep != NULL ? keep : none,
			      keep != NULL ? NR_TOKEN_SELECTOR : sizeof(none));
	ret = nr_registry_run(registry, stmt, reterr);
	return ret < 0 ? ret : sqlite3_changes(registry->db);
}

/* One column that was said. */
struct wish {
	bool said;
	const char *sql, *text;
	int64_t number;
	const char *action, *detail;
};

static int apply(struct nr_registry *registry, const struct nr_registry_user *user,
		 const struct wish *wish, const struct nr_registry_act *act, struct nr_err *reterr)
{
	int ret = set_locked(registry, user->uuid, wish->sql, wish->text, wish->number, reterr);

	if (ret == -EEXIST)
		return nr_fail(reterr, -EEXIST, "this login is taken, or this is no value for it");
	return ret < 0 ? ret
		       : nr_registry_note(registry, act, wish->action, user->login, wish->detail,
					  reterr);
}

/* The member that runs the hub keeps somebody who can. Asked after the change. */
static int check_last(struct nr_registry *registry, struct nr_err *reterr)
{
	int64_t n = 0;
	int ret = count_locked(registry,
			       "SELECT count(*) FROM user u JOIN member m ON m.uuid = u.member "
			       "WHERE m.is_operator = 1 AND u.role = 'admin' AND "
			       "u.disabled_ns IS NULL",
			       &n, reterr);

	if (ret == 0 && n == 0)
		ret = nr_fail(
			reterr, -EACCES,
			"this is the last admin of the member that runs the hub: make another "
			"one first");
	return ret;
}

/* Sessions, and with the user himself the links to a new password. */
static int64_t end_what_ends(struct nr_registry *registry, const struct nr_registry_user *user,
			     const struct nr_user_change *change, bool is_less, struct nr_time now,
			     struct nr_err *reterr)
{
	int64_t ret = 0;

	if (is_less || change->password != NULL || change->totp_on == 0)
		ret = logout_locked(registry, user->uuid, change->keep, "session", now, reterr);
	if (ret >= 0 && change->disabled == 1)
		ret = logout_locked(registry, user->uuid, NULL, "setup", now, reterr);
	return ret;
}

static int change_locked(struct nr_registry *registry, const struct nr_registry_user *user,
			 const struct nr_user_change *change, const struct nr_registry_act *act,
			 struct nr_err *reterr)
{
	bool role = change->role != 0 && change->role != user->role;
	bool disable = change->disabled == 1 && user->disabled.ns == 0;
	const char *role_name = nr_registry_role_name(change->role);
	const struct wish wishes[] = {
		{ change->title != NULL, "UPDATE user SET title = ?2 WHERE uuid = ?1",
		  change->title, 0, "user.change", "title" },
		{ change->language != NULL, "UPDATE user SET language = ?2 WHERE uuid = ?1",
		  change->language, 0, "user.change", "language" },
		{ role, "UPDATE user SET role = ?2 WHERE uuid = ?1", role_name, 0, "user.role",
		  role_name },
		{ disable, "UPDATE user SET disabled_ns = ?2 WHERE uuid = ?1", NULL, act->now.ns,
		  "user.disable", "" },
		{ change->disabled == 0 && user->disabled.ns != 0,
		  "UPDATE user SET disabled_ns = NULL WHERE uuid = ?1 AND ?2 = 0", NULL, 0,
		  "user.enable", "" },
		{ change->totp_on == 1, "UPDATE user SET totp_on = ?2 WHERE uuid = ?1", NULL, 1,
		  "user.totp", "on" },
		{ change->totp_on == 0 && user->has_totp,
		  "UPDATE user SET totp_on = ?2, totp = NULL, totp_step = 0 WHERE uuid = ?1", NULL,
		  0, "user.totp", "off" },
		{ change->password != NULL, "UPDATE user SET password = ?2 WHERE uuid = ?1",
		  change->password, 0, "user.password", "" },
		{ change->login != NULL, "UPDATE user SET login = ?2 WHERE uuid = ?1",
		  change->login, 0, "user.login", change->login },
	};
	int64_t ret = 0;

	for (size_t i = 0; ret >= 0 && i < NR_COUNT(wishes); i++)
		if (wishes[i].said)
			ret = apply(registry, user, &wishes[i], act, reterr);
	if (ret >= 0)
		ret = end_what_ends(registry, user, change, role || disable, act->now, reterr);
	if (ret >= 0 && user->member_is_operator && (role || disable))
		ret = check_last(registry, reterr);
	return ret < 0 ? (int)ret : 0;
}

static int check_change(const struct nr_user_change *change, struct nr_err *reterr)
{
	if (change->role != 0 && nr_registry_role_name(change->role)[0] == '\0')
		return nr_fail(reterr, NR_EUSAGE,
			       "a user's role is viewer, analyst, coordinator or admin");
	return change->login != NULL ? nr_registry_check_name(change->login, reterr) : 0;
}

int nr_registry_user_change(struct nr_registry *registry, struct nr_uuid uuid,
			    const struct nr_user_change *change, const struct nr_registry_act *act,
			    struct nr_err *reterr)
{
	struct nr_registry_user user = { 0 };
	int ret = check_change(change, reterr);

	if (ret == 0)
		ret = nr_registry_begin(registry, reterr);
	if (ret < 0)
		return ret;
	ret = find_locked(registry, uuid, &user, reterr);
	if (ret == 0)
		ret = change_locked(registry, &user, change, act, reterr);
	nr_secret_wipe(&user, sizeof(user));
	return nr_registry_end(registry, ret, reterr);
}

/* ---- one-time codes ---- */

int nr_registry_user_totp(struct nr_registry *registry, struct nr_uuid uuid,
			  const uint8_t secret[NR_USER_TOTP], const struct nr_registry_act *act,
			  struct nr_err *reterr)
{
	struct nr_registry_user user = { 0 };
	sqlite3_stmt *stmt;
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = find_locked(registry, uuid, &user, reterr);
	if (ret == 0 && user.totp_on)
		ret = nr_fail(reterr, -EEXIST,
			      "one-time codes are in force already: switch them off first");
	if (ret == 0)
		ret = nr_registry_prepare(
			registry, "UPDATE user SET totp = ?2, totp_step = 0 WHERE uuid = ?1", &stmt,
			reterr);
	if (ret == 0) {
		nr_registry_bind_blob(stmt, 1, uuid.b, sizeof(uuid.b));
		nr_registry_bind_blob(stmt, 2, secret, NR_USER_TOTP);
		ret = nr_registry_run(registry, stmt, reterr);
	}
	if (ret == 0)
		ret = nr_registry_note(registry, act, "user.totp", user.login, "new", reterr);
	nr_secret_wipe(&user, sizeof(user));
	return nr_registry_end(registry, ret, reterr);
}

int nr_registry_user_totp_step(struct nr_registry *registry, struct nr_uuid uuid, uint64_t step,
			       struct nr_err *reterr)
{
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = set_locked(registry, uuid,
			 "UPDATE user SET totp_step = ?2 WHERE uuid = ?1 AND totp_step < ?2", NULL,
			 (int64_t)step, reterr);
	if (ret == 0 && sqlite3_changes(registry->db) == 0)
		ret = nr_fail(reterr, -EACCES, "this code was used");
	return nr_registry_end(registry, ret, reterr);
}

/* ---- sessions ---- */

static int revoke_locked(struct nr_registry *registry, const uint8_t selector[NR_TOKEN_SELECTOR],
			 struct nr_time now, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      "UPDATE token SET revoked_ns = coalesce(revoked_ns, ?2) "
				      "WHERE selector = ?1",
				      &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, selector, NR_TOKEN_SELECTOR);
	nr_registry_bind_i64(stmt, 2, now.ns);
	return nr_registry_run(registry, stmt, reterr);
}

/* Sessions and links that ended long ago; what they did stands in the audit chain. */
static int forget_locked(struct nr_registry *registry, struct nr_time now, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(
		registry,
		"DELETE FROM token WHERE kind IN ('session', 'setup') AND expires_ns < ?1", &stmt,
		reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_i64(stmt, 1, now.ns - FORGET_DAYS * INT64_C(86400) * NR_NS_PER_S);
	return nr_registry_run(registry, stmt, reterr);
}

static int login_locked(struct nr_registry *registry, const struct nr_registry_user *was,
			const struct nr_registry_token *session, const char *rehashed,
			const uint8_t *old, const struct nr_registry_act *act,
			struct nr_err *reterr)
{
	struct nr_registry_user user = { 0 };
	int ret = find_locked(registry, was->uuid, &user, reterr);
	bool same = ret == 0 && user.disabled.ns == 0 && user.member_active &&
		    user.role == was->role && strcmp(user.password, was->password) == 0;

	nr_secret_wipe(&user, sizeof(user));
	if (ret < 0 || !same)
		return nr_fail(reterr, -EACCES, "it was changed meanwhile");
	ret = nr_registry_token_insert(registry, session, act, reterr);
	if (ret == 0)
		ret = set_locked(registry, was->uuid,
				 "UPDATE user SET last_login_ns = ?2 WHERE uuid = ?1", NULL,
				 act->now.ns, reterr);
	if (ret == 0 && rehashed != NULL)
		ret = set_locked(registry, was->uuid,
				 "UPDATE user SET password = ?2 WHERE uuid = ?1", rehashed, 0,
				 reterr);
	if (ret == 0 && old != NULL)
		ret = revoke_locked(registry, old, act->now, reterr);
	return ret == 0 ? forget_locked(registry, act->now, reterr) : ret;
}

int nr_registry_user_login(struct nr_registry *registry, const struct nr_registry_user *user,
			   const struct nr_registry_token *session, const char *rehashed,
			   const uint8_t *old, const struct nr_registry_act *act,
			   struct nr_err *reterr)
{
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = login_locked(registry, user, session, rehashed, old, act, reterr);
	return nr_registry_end(registry, ret, reterr);
}

int64_t nr_registry_user_logout(struct nr_registry *registry, struct nr_uuid uuid,
				const uint8_t *keep, const struct nr_registry_act *act,
				struct nr_err *reterr)
{
	struct nr_registry_user user = { 0 };
	int64_t n = 0;
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = find_locked(registry, uuid, &user, reterr);
	if (ret == 0) {
		n = logout_locked(registry, uuid, keep, "session", act->now, reterr);
		ret = n < 0 ? (int)n : 0;
	}
	if (ret == 0)
		ret = nr_registry_note(registry, act, "session.end", user.login, "all", reterr);
	nr_secret_wipe(&user, sizeof(user));
	ret = nr_registry_end(registry, ret, reterr);
	return ret < 0 ? ret : n;
}

/* ---- set-up ---- */

static int set_up_locked(struct nr_registry *registry, const uint8_t selector[NR_TOKEN_SELECTOR],
			 const struct nr_user_change *change, const struct nr_registry_act *act,
			 struct nr_registry_user *user, struct nr_err *reterr)
{
	struct nr_registry_token token = { 0 };
	int ret = nr_registry_token_at(registry, selector, &token, reterr);

	if (ret < 0 && ret != -ENOENT)
		return ret;
	if (ret < 0 || token.kind != NR_TOKEN_SETUP || token.spent.ns != 0 ||
	    token.revoked.ns != 0 || token.expires.ns <= act->now.ns)
		return nr_fail(reterr, -EACCES, "this link is spent, over or revoked");
	ret = find_locked(registry, token.user, user, reterr);
	if (ret == 0 && (user->disabled.ns != 0 || !user->member_active))
		ret = nr_fail(reterr, -EACCES, "this link is spent, over or revoked");
	if (ret == 0)
		ret = change_locked(registry, user, change, act, reterr);
	sqlite3_stmt *stmt = NULL;

	if (ret == 0)
		ret = nr_registry_prepare(registry,
					  "UPDATE token SET spent_ns = ?2 WHERE selector = ?1",
					  &stmt, reterr);
	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, selector, NR_TOKEN_SELECTOR);
	nr_registry_bind_i64(stmt, 2, act->now.ns);
	return nr_registry_run(registry, stmt, reterr);
}

int nr_registry_user_set_up(struct nr_registry *registry, const uint8_t selector[NR_TOKEN_SELECTOR],
			    const struct nr_user_change *change, const struct nr_registry_act *act,
			    struct nr_err *reterr)
{
	struct nr_registry_user user = { 0 };
	int ret = check_change(change, reterr);

	if (ret == 0)
		ret = nr_registry_begin(registry, reterr);
	if (ret < 0)
		return ret;
	ret = set_up_locked(registry, selector, change, act, &user, reterr);
	if (ret == 0)
		ret = nr_registry_note(registry, act, "user.setup", user.login, "", reterr);
	nr_secret_wipe(&user, sizeof(user));
	return nr_registry_end(registry, ret, reterr);
}

int nr_registry_user_invite(struct nr_registry *registry, const struct nr_registry_token *token,
			    const struct nr_registry_act *act, struct nr_err *reterr)
{
	int64_t ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return (int)ret;
	ret = logout_locked(registry, token->user, NULL, "setup", act->now, reterr);
	if (ret >= 0)
		ret = nr_registry_token_insert(registry, token, act, reterr);
	return nr_registry_end(registry, (int)(ret < 0 ? ret : 0), reterr);
}
