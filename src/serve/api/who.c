/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks: set-up, login, logout, and what somebody does to himself. Secrets stand in bodies alone. */
#include <stdio.h>

#include "base/json.h"
#include "serve/hub/hub_int.h"
#include "serve/who/staff.h"
#include "serve/who/totp.h"
#include "store/registry_member.h"

enum { BODY_MAX = 4096, PASSWORD_CAP = 1024, CODE_CAP = 16 };

static const char *const language_names[] = { "", "en", "ja", NULL };
static const char *const by_names[] = { "nobody", "socket", "token", "session" };

static void text(struct nr_json *json, const char *key, const char *v)
{
	nr_json_key(json, key);
	nr_json_str(json, nr_str_from(v));
}

static void boolean(struct nr_json *json, const char *key, bool v)
{
	nr_json_key(json, key);
	nr_json_bool(json, v);
}

static void number(struct nr_json *json, const char *key, uint64_t v)
{
	nr_json_key(json, key);
	nr_json_u64(json, v);
}

static void end(struct nr_json *json)
{
	nr_json_object_end(json);
	nr_buf_add(json->out, "\n", 1);
}

/* The body as an object with these members only; secrets among them are wiped by done_body(). */
static int read_body(const struct nr_http_request *rq, const char *const *names, json_t **ret_json,
		     struct nr_err *reterr)
{
	static const char *const none[] = { NULL };
	int ret = nr_http_only(rq, none, reterr);

	if (ret == 0)
		ret = nr_http_json(rq, NULL, ret_json, reterr);
	return ret < 0 ? ret : nr_json_only(*ret_json, names, reterr);
}

static void done_body(json_t *json)
{
	const char *name;
	json_t *value;

	json_object_foreach(json, name, value) if (json_is_string(value))
		nr_secret_wipe((void *)(uintptr_t)json_string_value(value),
			       json_string_length(value));
	json_decref(json);
}

/* What a refused login looks like from outside. */
static int refuse(struct nr_http_reply *reply, int ret)
{
	if (ret == -EKEYREJECTED)
		reply->status = 401;
	else if (ret == -ENOKEY)
		reply->status = 403;
	else if (ret == -EDQUOT)
		reply->status = 429;
	return ret;
}

static struct nr_login_try try_of(const struct nr_http_request *rq, const char *login,
				  const char *password, const char *code)
{
	struct nr_login_try try = { .login = login,
				    .password = nr_str_from(password),
				    .code = nr_str_from(code),
				    .old = rq->session,
				    .act = nr_http_act(rq) };

	memcpy(try.source, rq->source_key, sizeof(try.source));
	return try;
}

/* ---- login and logout ---- */

static void set_cookie(struct nr_http_reply *reply, const char *session, int seconds)
{
	(void)snprintf(reply->cookie[0], sizeof(reply->cookie[0]),
		       "__Host-noroshi=%s; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=%d",
		       session, seconds);
}

static int log_in(struct nr_hub *hub, const struct nr_http_request *rq, const json_t *json,
		  struct nr_http_reply *reply)
{
	char login[NR_REGISTRY_NAME], password[PASSWORD_CAP], code[CODE_CAP];
	char session[NR_TOKEN_TEXT];
	struct nr_json out;
	int ret = nr_json_text(json, "login", true, login, sizeof(login), &reply->err);

	if (ret == 0)
		ret = nr_json_text(json, "password", true, password, sizeof(password), &reply->err);
	if (ret == 0)
		ret = nr_json_text(json, "code", false, code, sizeof(code), &reply->err);
	if (ret < 0)
		return ret;
	struct nr_login_try try = try_of(rq, login, password, code);

	ret = nr_login(hub->logins, &try, session, &reply->retry_s, &reply->err);
	nr_secret_wipe(password, sizeof(password));
	nr_secret_wipe(code, sizeof(code));
	if (ret < 0)
		return refuse(reply, ret);
	set_cookie(reply, session, NR_WHO_SESSION_S);
	nr_secret_wipe(session, sizeof(session));
	nr_json_init(&out, &reply->body);
	nr_json_object(&out);
	text(&out, "login", login);
	nr_json_key(&out, "expires");
	nr_json_time(&out,
		     (struct nr_time){ rq->now.ns + NR_WHO_SESSION_S * (int64_t)NR_NS_PER_S });
	number(&out, "idle_seconds", NR_WHO_IDLE_S);
	end(&out);
	return 0;
}

static int post_login(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "login", "password", "code", NULL };
	json_t *json = NULL;
	int ret = read_body(rq, names, &json, &reply->err);

	if (ret == 0)
		ret = log_in(ctx, rq, json, reply);
	done_body(json);
	reply->secret = true;
	return ret;
}

static int post_logout(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "everywhere", NULL };
	struct nr_registry *registry = ((struct nr_hub *)ctx)->core->registry;
	struct nr_registry_act act = nr_http_act(rq);
	bool everywhere = false;
	json_t *json = NULL;
	int64_t ret = 0;

	if (rq->caller->by != NR_WHO_SESSION)
		return nr_fail(&reply->err, -EACCES, "only a session logs out: revoke a token");
	if (rq->body.n > 0)
		ret = read_body(rq, names, &json, &reply->err);
	if (ret == 0 && json != NULL)
		ret = nr_json_boolean(json, "everywhere", false, &everywhere, &reply->err);
	done_body(json);
	if (ret == 0 && everywhere)
		ret = nr_registry_user_logout(registry, rq->scope->viewer.user, NULL, &act,
					      &reply->err);
	else if (ret == 0)
		ret = nr_registry_token_revoke(registry, rq->caller->selector, false, &act,
					       &reply->err);
	if (ret < 0)
		return (int)ret;
	set_cookie(reply, "", 0);
	reply->secret = true;
	nr_buf_addf(&reply->body, "{\"logged_out\":true}\n");
	return 0;
}

/* ---- set-up ---- */

struct set_up {
	struct nr_registry_token token;
	struct nr_registry_user user;
	bool first; /* nobody can log in yet */
	char login[NR_REGISTRY_NAME], title[NR_USER_TITLE], password[PASSWORD_CAP];
	unsigned language;
};

static int find_link(struct nr_hub *hub, const struct nr_http_request *rq, const json_t *json,
		     struct set_up *set, struct nr_http_reply *reply)
{
	char secret[NR_TOKEN_TEXT];
	bool any = true;
	int ret = nr_login_limit(hub->logins, rq->source_key, &reply->retry_s, &reply->err);

	if (ret == 0)
		ret = nr_json_text(json, "token", true, secret, sizeof(secret), &reply->err);
	if (ret < 0)
		return refuse(reply, ret);
	ret = nr_token_check(hub->core->registry, nr_str_from(secret), NR_TOKEN_SETUP, rq->now,
			     &set->token, &reply->err);
	nr_secret_wipe(secret, sizeof(secret));
	if (ret == 0)
		ret = nr_registry_user_find(hub->core->registry, set->token.user, &set->user,
					    &reply->err);
	if (ret == 0 && (set->user.disabled.ns != 0 || !set->user.member_active))
		ret = -EACCES;
	if (ret == -EACCES || ret == -ENOENT)
		return nr_fail(&reply->err, -EACCES,
			       "this link is spent, over or revoked: ask for a "
			       "new one");
	if (ret == 0)
		ret = nr_registry_users_any(hub->core->registry, &any, &reply->err);
	set->first = !any && set->user.member_is_operator;
	return ret;
}

static int read_wishes(const json_t *json, struct set_up *set, struct nr_err *reterr)
{
	int ret = nr_json_text(json, "login", false, set->login, sizeof(set->login), reterr);

	if (ret == 0)
		ret = nr_json_text(json, "title", false, set->title, sizeof(set->title), reterr);
	if (ret == 0)
		ret = nr_json_text(json, "password", false, set->password, sizeof(set->password),
				   reterr);
	if (ret == 0)
		ret = nr_json_word(json, "language", language_names, 0, &set->language, reterr);
	if (ret == 0 && !set->first && nr_json_has(json, "member"))
		ret = nr_fail(reterr, NR_EUSAGE, "only the first admin says what the member is");
	if (ret == 0 && !set->first && set->login[0] != '\0' &&
	    strcmp(set->login, set->user.login) != 0)
		ret = nr_fail(reterr, NR_EUSAGE, "your login name is %s", set->user.login);
	return ret;
}

/* What is not said stays. */
static int say(const json_t *json, const char *name, char *out, size_t cap, struct nr_err *reterr)
{
	return nr_json_has(json, name) ? nr_json_text(json, name, true, out, cap, reterr) : 0;
}

static int describe_member(struct nr_hub *hub, const struct nr_http_request *rq, const json_t *json,
			   const struct set_up *set, struct nr_err *reterr)
{
	static const char *const names[] = { "title", "economy", "sector", "layer", NULL };
	struct nr_registry_act act = nr_http_act(rq);
	const json_t *said = json_object_get(json, "member");
	struct nr_registry_member member;
	unsigned layer = 0;

	if (said == NULL || json_is_null(said))
		return 0;
	int ret = nr_json_only(said, names, reterr);

	if (ret == 0)
		ret = nr_registry_member_find(hub->core->registry, set->user.member, &member,
					      reterr);
	if (ret == 0)
		ret = say(said, "title", member.title, sizeof(member.title), reterr);
	if (ret == 0)
		ret = say(said, "economy", member.economy, sizeof(member.economy), reterr);
	if (ret == 0)
		ret = say(said, "sector", member.sector, sizeof(member.sector), reterr);
	if (ret == 0)
		ret = nr_json_word(said, "layer", nr_layer_names, member.layer, &layer, reterr);
	member.layer = (uint8_t)layer;
	return ret < 0 ? ret
		       : nr_registry_member_update(hub->core->registry, &member, &act, reterr);
}

static int set_password(struct nr_hub *hub, const struct nr_http_request *rq, const json_t *json,
			struct set_up *set, struct nr_http_reply *reply)
{
	const char *login = set->login[0] != '\0' ? set->login : set->user.login;
	char phc[NR_USER_PHC], actor[NR_WHO_ACTOR];
	struct nr_registry_act act = nr_http_act(rq);
	int ret = nr_login_hash(hub->logins, login, nr_str_from(set->password), phc, &reply->err);

	if (ret == 0)
		ret = describe_member(hub, rq, json, set, &reply->err);
	if (ret < 0)
		return ret;
	struct nr_user_change change = {
		.login = strcmp(login, set->user.login) != 0 ? login : NULL,
		.title = set->title[0] != '\0' ? set->title : NULL,
		.language = set->language != 0 ? language_names[set->language] : NULL,
		.password = phc,
		.disabled = -1,
		.totp_on = -1,
	};

	(void)snprintf(actor, sizeof(actor), "user:%s", set->user.login);
	act.actor = actor;
	act.member = set->user.member;
	ret = nr_registry_user_set_up(hub->core->registry, set->token.selector, &change, &act,
				      &reply->err);
	nr_secret_wipe(phc, sizeof(phc));
	return ret;
}

static int set_up(struct nr_hub *hub, const struct nr_http_request *rq, const json_t *json,
		  struct set_up *set, struct nr_http_reply *reply)
{
	struct nr_json out;
	int ret = find_link(hub, rq, json, set, reply);

	if (ret == 0)
		ret = read_wishes(json, set, &reply->err);
	if (ret == 0 && set->password[0] != '\0')
		ret = set_password(hub, rq, json, set, reply);
	if (ret < 0)
		return ret;
	nr_json_init(&out, &reply->body);
	nr_json_object(&out);
	text(&out, "login", set->login[0] != '\0' ? set->login : set->user.login);
	text(&out, "title", set->title[0] != '\0' ? set->title : set->user.title);
	boolean(&out, "first", set->first);
	boolean(&out, "done", set->password[0] != '\0');
	end(&out);
	return 0;
}

static int post_setup(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "token",	 "login",  "title", "password",
					     "language", "member", NULL };
	struct set_up set = { 0 };
	json_t *json = NULL;
	int ret = read_body(rq, names, &json, &reply->err);

	if (ret == 0)
		ret = set_up(ctx, rq, json, &set, reply);
	done_body(json);
	nr_secret_wipe(&set, sizeof(set));
	reply->secret = true;
	return ret;
}

/* ---- me ---- */

static bool is_person(const struct nr_http_request *rq)
{
	return !nr_uuid_eq(rq->scope->viewer.user, (struct nr_uuid){ 0 });
}

static void add_uuid(struct nr_json *json, const char *key, struct nr_uuid uuid)
{
	char id[NR_UUID_TEXT];

	nr_uuid_print(uuid, id);
	text(json, key, id);
}

static int add_user(struct nr_hub *hub, const struct nr_http_request *rq, struct nr_json *json,
		    struct nr_err *reterr)
{
	struct nr_registry_user user;

	nr_json_key(json, "user");
	if (!is_person(rq)) {
		nr_json_null(json);
		return 0;
	}
	int ret = nr_registry_user_find(hub->core->registry, rq->scope->viewer.user, &user, reterr);

	if (ret < 0)
		return ret;
	nr_json_object(json);
	add_uuid(json, "uuid", user.uuid);
	text(json, "login", user.login);
	text(json, "title", user.title);
	text(json, "language", user.language);
	boolean(json, "totp", user.totp_on);
	nr_json_object_end(json);
	nr_secret_wipe(&user, sizeof(user));
	return 0;
}

static int add_member(struct nr_hub *hub, const struct nr_http_request *rq, struct nr_json *json,
		      struct nr_err *reterr)
{
	struct nr_registry_member member;
	int ret = nr_registry_member_find(hub->core->registry, rq->scope->viewer.member, &member,
					  reterr);

	if (ret < 0)
		return ret;
	nr_json_key(json, "member");
	nr_json_object(json);
	add_uuid(json, "uuid", member.uuid);
	text(json, "name", member.name);
	text(json, "title", member.title);
	text(json, "layer", nr_layer_names[member.layer]);
	boolean(json, "operator", member.is_operator);
	nr_json_object_end(json);
	return 0;
}

static int get_me(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	const struct nr_scope *scope = rq->scope;
	struct nr_json json;
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret < 0)
		return ret;
	nr_json_init(&json, &reply->body);
	nr_json_object(&json);
	text(&json, "by", by_names[rq->caller->by]);
	text(&json, "actor", rq->actor);
	text(&json, "role", nr_role_names[scope->viewer.role]);
	boolean(&json, "can_write", rq->caller->can_write);
	boolean(&json, "can_rows", rq->caller->can_rows);
	ret = add_user(ctx, rq, &json, &reply->err);
	if (ret == 0)
		ret = add_member(ctx, rq, &json, &reply->err);
	nr_json_key(&json, "sees");
	nr_json_object(&json);
	number(&json, "own_sensors", scope->n_own);
	number(&json, "shared_sensors", scope->n_shared);
	number(&json, "quorum", scope->quorum);
	number(&json, "prefixes", scope->n_prefixes);
	number(&json, "asns", scope->n_asns);
	nr_json_object_end(&json);
	end(&json);
	return ret;
}

/* What a thief of a token must not do: these need a browser that logged in. */
static int want_session(const struct nr_http_request *rq, struct nr_err *reterr)
{
	return rq->caller->by == NR_WHO_SESSION
		       ? 0
		       : nr_fail(reterr, -EACCES, "this is done by a person who logged in");
}

static int patch_me(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "title", "language", NULL };
	struct nr_hub *hub = ctx;
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_user_change change = { .disabled = -1, .totp_on = -1 };
	char title[NR_USER_TITLE];
	unsigned language = 0;
	json_t *json = NULL;
	int ret = want_session(rq, &reply->err);

	if (ret == 0)
		ret = read_body(rq, names, &json, &reply->err);
	if (ret == 0)
		ret = nr_json_text(json, "title", false, title, sizeof(title), &reply->err);
	if (ret == 0)
		ret = nr_json_word(json, "language", language_names, 0, &language, &reply->err);
	if (ret == 0 && nr_json_has(json, "title"))
		change.title = title;
	if (ret == 0 && language != 0)
		change.language = language_names[language];
	json_decref(json);
	if (ret == 0)
		ret = nr_registry_user_change(hub->core->registry, rq->scope->viewer.user, &change,
					      &act, &reply->err);
	return ret < 0 ? ret : get_me(ctx, rq, reply);
}

static int with_me(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply,
		   const char *const *names,
		   int (*act)(struct nr_hub *hub, const struct nr_http_request *rq,
			      const json_t *json, struct nr_registry_user *user,
			      struct nr_http_reply *reply))
{
	struct nr_hub *hub = ctx;
	struct nr_registry_user user = { 0 };
	json_t *json = NULL;
	int ret = want_session(rq, &reply->err);

	if (ret == 0)
		ret = read_body(rq, names, &json, &reply->err);
	if (ret == 0)
		ret = nr_registry_user_find(hub->core->registry, rq->scope->viewer.user, &user,
					    &reply->err);
	if (ret == 0)
		ret = act(hub, rq, json, &user, reply);
	done_body(json);
	nr_secret_wipe(&user, sizeof(user));
	reply->secret = true;
	return ret;
}

/* Within the limits of a login. */
static int is_his_password(struct nr_hub *hub, const struct nr_http_request *rq,
			   const struct nr_registry_user *user, const char *password,
			   struct nr_http_reply *reply)
{
	struct nr_login_try try = try_of(rq, user->login, password, "");
	int ret = nr_login_check(hub->logins, user, &try, &reply->retry_s, &reply->err);

	if (ret == -EKEYREJECTED)
		return nr_fail(&reply->err, -EACCES, "this is not your password");
	return refuse(reply, ret);
}

static int change_password(struct nr_hub *hub, const struct nr_http_request *rq, const json_t *json,
			   struct nr_registry_user *user, struct nr_http_reply *reply)
{
	char old[PASSWORD_CAP], new[PASSWORD_CAP], phc[NR_USER_PHC];
	struct nr_registry_act act = nr_http_act(rq);
	int ret = nr_json_text(json, "old", true, old, sizeof(old), &reply->err);

	if (ret == 0)
		ret = nr_json_text(json, "new", true, new, sizeof(new), &reply->err);
	if (ret == 0)
		ret = is_his_password(hub, rq, user, old, reply);
	nr_secret_wipe(old, sizeof(old));
	if (ret == 0)
		ret = nr_login_hash(hub->logins, user->login, nr_str_from(new), phc, &reply->err);
	nr_secret_wipe(new, sizeof(new));
	if (ret < 0)
		return ret;
	struct nr_user_change change = {
		.password = phc, .disabled = -1, .totp_on = -1, .keep = rq->caller->selector
	};

	ret = nr_registry_user_change(hub->core->registry, user->uuid, &change, &act, &reply->err);
	nr_secret_wipe(phc, sizeof(phc));
	if (ret == 0)
		nr_buf_addf(&reply->body, "{\"changed\":true}\n");
	return ret;
}

/* ---- one-time codes ---- */

static int new_totp(struct nr_hub *hub, const struct nr_http_request *rq, const json_t *json,
		    struct nr_registry_user *user, struct nr_http_reply *reply)
{
	uint8_t secret[NR_TOTP_SECRET];
	char password[PASSWORD_CAP], issuer[NR_REGISTRY_NAME + 16], uri[NR_TOTP_URI];
	char base32[NR_TOTP_TEXT];
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_json out;
	int ret = nr_json_text(json, "password", true, password, sizeof(password), &reply->err);

	if (ret == 0)
		ret = is_his_password(hub, rq, user, password, reply);
	nr_secret_wipe(password, sizeof(password));
	if (ret < 0)
		return ret;
	ret = nr_login_secret(hub->logins, user, &act, secret, &reply->err);
	if (ret == 0) {
		(void)snprintf(issuer, sizeof(issuer), "Noroshi %s", hub->core->name);
		nr_totp_uri(secret, issuer, user->login, uri);
		nr_totp_text(secret, base32);
		nr_json_init(&out, &reply->body);
		nr_json_object(&out);
		text(&out, "secret", base32);
		text(&out, "uri", uri);
		end(&out);
		nr_secret_wipe(uri, sizeof(uri));
		nr_secret_wipe(base32, sizeof(base32));
	}
	nr_secret_wipe(secret, sizeof(secret));
	return ret;
}

static int switch_totp(struct nr_hub *hub, const struct nr_http_request *rq, const json_t *json,
		       struct nr_registry_user *user, struct nr_http_reply *reply)
{
	struct nr_user_change change = { .disabled = -1, .keep = rq->caller->selector };
	struct nr_registry_act act = nr_http_act(rq);
	char code[CODE_CAP];
	bool on = true;
	int ret = nr_json_text(json, "code", true, code, sizeof(code), &reply->err);

	if (ret == 0)
		ret = nr_json_boolean(json, "on", true, &on, &reply->err);
	if (ret == 0 && !user->has_totp)
		ret = nr_fail(&reply->err, NR_EUSAGE,
			      "there is no secret yet: POST /api/v1/me/totp makes one");
	if (ret == 0)
		ret = nr_login_code(hub->logins, user, nr_str_from(code), rq->now, &reply->retry_s,
				    &reply->err);
	if (ret == -EKEYREJECTED)
		return nr_fail(&reply->err, -EACCES, "this one-time code is not good now");
	if (ret < 0)
		return refuse(reply, ret);
	change.totp_on = on ? 1 : 0;
	ret = nr_registry_user_change(hub->core->registry, user->uuid, &change, &act, &reply->err);
	if (ret == 0)
		nr_buf_addf(&reply->body, "{\"totp\":%s}\n", on ? "true" : "false");
	return ret;
}

static int put_password(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "old", "new", NULL };

	return with_me(ctx, rq, reply, names, change_password);
}

static int post_totp(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "password", NULL };

	return with_me(ctx, rq, reply, names, new_totp);
}

static int put_totp(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "code", "on", NULL };

	return with_me(ctx, rq, reply, names, switch_totp);
}

static const struct nr_http_route routes[] = {
	/* Who comes here has no session yet; the secret stands in the body. */
	NR_ROUTE("POST", "/api/v1/setup", ANYONE, .body_max = BODY_MAX, .handle = post_setup),
	NR_ROUTE("POST", "/api/v1/login", ANYONE, .body_max = BODY_MAX, .handle = post_login),
	NR_ROUTE("POST", "/api/v1/logout", VIEWER, .body_max = BODY_MAX, .handle = post_logout),
	NR_ROUTE("GET", "/api/v1/me", VIEWER, .handle = get_me),
	NR_ROUTE("PATCH", "/api/v1/me", VIEWER, .body_max = BODY_MAX, .handle = patch_me),
	NR_ROUTE("PUT", "/api/v1/me/password", VIEWER, .body_max = BODY_MAX,
		 .handle = put_password),
	NR_ROUTE("POST", "/api/v1/me/totp", VIEWER, .body_max = BODY_MAX, .handle = post_totp),
	NR_ROUTE("PUT", "/api/v1/me/totp", VIEWER, .body_max = BODY_MAX, .handle = put_totp),
};

const struct nr_http_group nr_api_who = { "who", routes, NR_COUNT(routes) };
