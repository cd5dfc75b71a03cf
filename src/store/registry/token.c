/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry/registry_int.h"

#include <stdio.h>

#define COLUMNS                                                                       \
	"SELECT selector, digest, kind, role, sensor, name, created_ns, expires_ns, " \
	"last_used_ns, spent_ns, revoked_ns, exposed, member, user, member_epoch, "   \
	"can_write, can_rows, network FROM token "

enum { SELECTOR_HEX = 2 * NR_TOKEN_SELECTOR + 1 };

static void selector_hex(const uint8_t selector[NR_TOKEN_SELECTOR], char out[SELECTOR_HEX])
{
	for (size_t i = 0; i < NR_TOKEN_SELECTOR; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", selector[i]);
}

/* As they stand in the table; 0 is no kind. */
static const char *const kind_names[] = { "", "api", "enrol", "setup", "session" };

static uint8_t kind_of(const char *name)
{
	for (uint8_t i = 1; i < NR_COUNT(kind_names); i++)
		if (strcmp(name, kind_names[i]) == 0)
			return i;
	return 0;
}

/* Only roles that a user can have; others are nobody. */
static const struct {
	uint8_t role;
	const char *name;
} roles[] = {
	{ NR_ROLE_VIEWER, "viewer" },
	{ NR_ROLE_ANALYST, "analyst" },
	{ NR_ROLE_COORDINATOR, "coordinator" },
	{ NR_ROLE_ADMIN, "admin" },
};

uint8_t nr_registry_role_of(const char *name)
{
	for (size_t i = 0; i < NR_COUNT(roles); i++)
		if (strcmp(name, roles[i].name) == 0)
			return roles[i].role;
	return NR_ROLE_NOBODY;
}

const char *nr_registry_role_name(uint8_t role)
{
	for (size_t i = 0; i < NR_COUNT(roles); i++)
		if (roles[i].role == role)
			return roles[i].name;
	return ""; /* the table refuses it */
}

static void read_row(sqlite3_stmt *stmt, struct nr_registry_token *token)
{
	char kind[16], role[16];

	*token = (struct nr_registry_token){ 0 };
	(void)nr_registry_get_blob(stmt, 0, token->selector, sizeof(token->selector));
	(void)nr_registry_get_blob(stmt, 1, token->digest.b, sizeof(token->digest.b));
	nr_registry_get_text(stmt, 2, kind, sizeof(kind));
	nr_registry_get_text(stmt, 3, role, sizeof(role));
	token->kind = kind_of(kind);
	token->role = nr_registry_role_of(role);
	(void)nr_registry_get_blob(stmt, 4, token->sensor.b, sizeof(token->sensor.b));
	nr_registry_get_text(stmt, 5, token->name, sizeof(token->name));
	token->created = nr_registry_get_time(stmt, 6);
	token->expires = nr_registry_get_time(stmt, 7);
	token->last_used = nr_registry_get_time(stmt, 8);
	token->spent = nr_registry_get_time(stmt, 9);
	token->revoked = nr_registry_get_time(stmt, 10);
	token->exposed = sqlite3_column_int(stmt, 11) != 0;
	(void)nr_registry_get_blob(stmt, 12, token->member.b, sizeof(token->member.b));
	(void)nr_registry_get_blob(stmt, 13, token->user.b, sizeof(token->user.b));
	token->member_epoch = (uint32_t)sqlite3_column_int64(stmt, 14);
	token->can_write = sqlite3_column_int(stmt, 15) != 0;
	token->can_rows = sqlite3_column_int(stmt, 16) != 0;
	nr_registry_get_text(stmt, 17, token->network, sizeof(token->network));
}

/* What is not bound is NULL. */
static void bind_uuid(sqlite3_stmt *stmt, int i, struct nr_uuid uuid)
{
	if (!nr_uuid_eq(uuid, (struct nr_uuid){ 0 }))
		nr_registry_bind_blob(stmt, i, uuid.b, sizeof(uuid.b));
}

static int insert_locked(struct nr_registry *registry, const struct nr_registry_token *token,
			 struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      "INSERT INTO token (selector, digest, kind, role, sensor, "
				      "name, created_ns, expires_ns, member, user, member_epoch, "
				      "can_write, can_rows, network, last_used_ns) VALUES (?1, ?2, "
				      "?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
				      &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, token->selector, sizeof(token->selector));
	nr_registry_bind_blob(stmt, 2, token->digest.b, sizeof(token->digest.b));
	nr_registry_bind_text(stmt, 3, kind_names[token->kind]);
	if (token->kind == NR_TOKEN_API)
		nr_registry_bind_text(stmt, 4, nr_registry_role_name(token->role));
	bind_uuid(stmt, 5, token->sensor);
	nr_registry_bind_text(stmt, 6, token->name);
	nr_registry_bind_i64(stmt, 7, token->created.ns);
	nr_registry_bind_i64(stmt, 8, token->expires.ns);
	bind_uuid(stmt, 9, token->member);
	bind_uuid(stmt, 10, token->user);
	nr_registry_bind_i64(stmt, 11, token->member_epoch);
	nr_registry_bind_i64(stmt, 12, token->can_write);
	nr_registry_bind_i64(stmt, 13, token->can_rows);
	if (token->network[0] != '\0')
		nr_registry_bind_text(stmt, 14, token->network);
	if (token->last_used.ns != 0)
		nr_registry_bind_i64(stmt, 15, token->last_used.ns);
	return nr_registry_run(registry, stmt, reterr);
}

int nr_registry_token_insert(struct nr_registry *registry, const struct nr_registry_token *token,
			     const struct nr_registry_act *act, struct nr_err *reterr)
{
	static const char *const actions[] = { "", "token.create", "sensor.invite", "user.invite",
					       "session.begin" };
	char object[SELECTOR_HEX];

	nr_require(token->kind > 0 && token->kind < NR_COUNT(actions));
	selector_hex(token->selector, object);
	int ret = insert_locked(registry, token, reterr);

	return ret < 0 ? ret
		       : nr_registry_note(registry, act, actions[token->kind], object, token->name,
					  reterr);
}

int nr_registry_token_add(struct nr_registry *registry, const struct nr_registry_token *token,
			  const struct nr_registry_act *act, struct nr_err *reterr)
{
	int ret = nr_registry_check_name(token->name, reterr);

	if (ret == 0)
		ret = nr_registry_begin(registry, reterr);
	if (ret < 0)
		return ret;
	ret = nr_registry_token_insert(registry, token, act, reterr);
	return nr_registry_end(registry, ret, reterr);
}

int nr_registry_token_at(struct nr_registry *registry, const uint8_t selector[NR_TOKEN_SELECTOR],
			 struct nr_registry_token *ret_token, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry, COLUMNS "WHERE selector = ?1", &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, selector, NR_TOKEN_SELECTOR);
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0)
		read_row(stmt, ret_token);
	else if (ret == 0)
		ret = nr_fail(reterr, -ENOENT, "no such token");
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

int nr_registry_token_find(struct nr_registry *registry, const uint8_t selector[NR_TOKEN_SELECTOR],
			   struct nr_registry_token *ret_token, struct nr_err *reterr)
{
	nr_registry_hold(registry);
	int ret = nr_registry_token_at(registry, selector, ret_token, reterr);

	nr_registry_let(registry);
	return ret;
}

int64_t nr_registry_tokens(struct nr_registry *registry,
			   int (*each)(void *ctx, const struct nr_registry_token *token), void *ctx,
			   struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = nr_registry_prepare(registry, COLUMNS "ORDER BY created_ns, selector", &stmt,
				      reterr);

	if (ret == 0) {
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			struct nr_registry_token token = { 0 };

			read_row(stmt, &token);
			ret = each(ctx, &token);
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}

/* Set one time column of a token. @p sql takes selector and time. @return 0; negative */
static int stamp(struct nr_registry *registry, const char *sql,
		 const uint8_t selector[NR_TOKEN_SELECTOR], struct nr_time now,
		 struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry, sql, &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, selector, NR_TOKEN_SELECTOR);
	nr_registry_bind_i64(stmt, 2, now.ns);
	return nr_registry_run(registry, stmt, reterr);
}

int nr_registry_token_used(struct nr_registry *registry, const uint8_t selector[NR_TOKEN_SELECTOR],
			   struct nr_time now, struct nr_err *reterr)
{
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = stamp(registry, "UPDATE token SET last_used_ns = ?2 WHERE selector = ?1", selector,
		    now, reterr);
	return nr_registry_end(registry, ret, reterr);
}

int nr_registry_token_spend(struct nr_registry *registry, const uint8_t selector[NR_TOKEN_SELECTOR],
			    const struct nr_registry_act *act, struct nr_err *reterr)
{
	struct nr_registry_token token = { 0 };
	char object[SELECTOR_HEX];
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	selector_hex(selector, object);
	ret = nr_registry_token_at(registry, selector, &token, reterr);
	if (ret == 0 && (token.kind != NR_TOKEN_ENROL || token.spent.ns != 0 ||
			 token.revoked.ns != 0 || token.expires.ns <= act->now.ns))
		ret = nr_fail(reterr, -EACCES, "this enrolment token is spent, expired or revoked");
	if (ret == 0)
		ret = stamp(registry, "UPDATE token SET spent_ns = ?2 WHERE selector = ?1",
			    selector, act->now, reterr);
	if (ret == 0)
		ret = nr_registry_note(registry, act, "sensor.join", object, token.name, reterr);
	return nr_registry_end(registry, ret, reterr);
}

int nr_registry_token_revoke(struct nr_registry *registry,
			     const uint8_t selector[NR_TOKEN_SELECTOR], bool exposed,
			     const struct nr_registry_act *act, struct nr_err *reterr)
{
	struct nr_registry_token token = { 0 };
	char object[SELECTOR_HEX];
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	selector_hex(selector, object);
	ret = nr_registry_token_at(registry, selector, &token, reterr);
	bool changes = ret == 0 && (token.revoked.ns == 0 || (exposed && !token.exposed));

	if (changes)
		ret = stamp(registry,
			    exposed ? "UPDATE token SET revoked_ns = coalesce(revoked_ns, ?2), "
				      "exposed = 1 WHERE selector = ?1"
				    : "UPDATE token SET revoked_ns = ?2 WHERE selector = ?1",
			    selector, act->now, reterr);
	if (changes && ret == 0)
		ret = nr_registry_note(registry, act, exposed ? "token.exposed" : "token.revoke",
				       object, token.name, reterr);
	return nr_registry_end(registry, ret, reterr);
}
