/* SPDX-License-Identifier: Apache-2.0 */
/* People: everybody sees those of his member; an admin changes them. Rules: serve/who/staff.h */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "serve/hub/hub_int.h"
#include "serve/who/staff.h"

enum { BODY_MAX = 4096, PAGE = 100, PAGE_MAX = 1000, LANGUAGE_CAP = 4 };

static const char *const role_names[] = { "", "viewer", "analyst", "coordinator", "admin", NULL };
static const uint8_t roles[] = { 0, NR_ROLE_VIEWER, NR_ROLE_ANALYST, NR_ROLE_COORDINATOR,
				 NR_ROLE_ADMIN };
static const char *const language_names[] = { "", "en", "ja", NULL };

static struct nr_staff people_of(const struct nr_hub *hub, const struct nr_http_request *rq)
{
	return (struct nr_staff){ .registry = hub->core->registry,
				  .actor = &rq->scope->viewer,
				  .act = nr_http_act(rq),
				  .url = hub->url };
}

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

/* Colleagues know names; how somebody logs in is the admin's. */
static void add_user(struct nr_json *json, const struct nr_registry_user *user, bool admin)
{
	char id[NR_UUID_TEXT];

	nr_uuid_print(user->uuid, id);
	nr_json_object(json);
	text(json, "uuid", id);
	text(json, "login", user->login);
	text(json, "title", user->title);
	text(json, "role", nr_role_names[user->role]);
	text(json, "member", user->member_name);
	boolean(json, "disabled", user->disabled.ns != 0);
	if (admin) {
		text(json, "language", user->language);
		boolean(json, "set_up", user->password[0] != '\0');
		boolean(json, "totp", user->totp_on);
		nr_json_key(json, "created");
		nr_json_time(json, user->created);
		nr_json_key(json, "last_login");
		if (user->last_login.ns != 0)
			nr_json_time(json, user->last_login);
		else
			nr_json_null(json);
	}
	nr_json_object_end(json);
}

struct list {
	struct nr_json json;
	bool admin;
	uint64_t last;
};

static int on_user(void *ctx, const struct nr_registry_user *user)
{
	struct list *list = ctx;

	add_user(&list->json, user, list->admin);
	list->last = user->number;
	return list->json.out->err;
}

static int list_users(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "limit", "since", NULL };
	struct nr_hub *hub = ctx;
	struct nr_cursor_keeper keeper = nr_cursor_bound(&hub->cursors, &rq->scope->viewer);
	struct nr_cursor cursor = { .kind = NR_CURSOR_USERS };
	struct list list = { .admin = nr_http_role(rq) >= NR_ROLE_ADMIN };
	struct nr_uuid member = rq->scope->viewer.member;
	struct nr_str said;
	uint64_t limit = PAGE;
	int64_t n = nr_http_only(rq, names, &reply->err);

	if (n == 0)
		n = nr_http_number(rq, "limit", 1, PAGE_MAX, PAGE, &limit, &reply->err);
	if (n == 0 && nr_http_param(rq, "since", &said))
		n = nr_cursor_parse(&keeper, said, NR_CURSOR_USERS, &cursor, &reply->err);
	if (n < 0)
		return (int)n;
	if (nr_http_role(rq) == NR_ROLE_OPERATOR)
		member = (struct nr_uuid){ 0 }; /* all of them */
	list.last = cursor.at;
	nr_json_init(&list.json, &reply->body);
	nr_json_object(&list.json);
	nr_json_key(&list.json, "users");
	nr_json_array(&list.json);
	n = nr_registry_users(hub->core->registry, member, cursor.at, limit, on_user, &list,
			      &reply->err);
	if (n < 0)
		return (int)n;
	cursor = (struct nr_cursor){ .kind = NR_CURSOR_USERS, .at = list.last };
	nr_cursor_print(&keeper, &cursor, reply->next);
	nr_json_array_end(&list.json);
	text(&list.json, "next", reply->next);
	boolean(&list.json, "more", (uint64_t)n == limit);
	nr_json_object_end(&list.json);
	nr_buf_add(&reply->body, "\n", 1);
	return 0;
}

static int find_user(const struct nr_staff *people, struct nr_str part,
		     struct nr_registry_user *user, struct nr_err *reterr)
{
	struct nr_uuid uuid;

	if (nr_uuid_parse(part, &uuid) < 0)
		return nr_fail(reterr, -ENOENT, "no such user");
	return nr_staff_find(people, uuid, user, reterr);
}

static void show(const struct nr_http_request *rq, const struct nr_registry_user *user,
		 struct nr_http_reply *reply)
{
	struct nr_json json;

	nr_json_init(&json, &reply->body);
	add_user(&json, user, nr_http_role(rq) >= NR_ROLE_ADMIN);
	nr_buf_add(&reply->body, "\n", 1);
}

static int get_user(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct nr_staff people = people_of(ctx, rq);
	struct nr_registry_user user = { 0 };
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret == 0)
		ret = find_user(&people, rq->part[0], &user, &reply->err);
	if (ret == 0)
		show(rq, &user, reply);
	nr_secret_wipe(&user, sizeof(user));
	return ret;
}

static int read_user(const json_t *json, struct nr_registry_user *user, char *member, size_t cap,
		     struct nr_err *reterr)
{
	unsigned role = 0, language = 0;
	int ret = nr_json_text(json, "login", true, user->login, sizeof(user->login), reterr);

	if (ret == 0)
		ret = nr_json_text(json, "title", false, user->title, sizeof(user->title), reterr);
	if (ret == 0)
		ret = nr_json_text(json, "member", false, member, cap, reterr);
	if (ret == 0)
		ret = nr_json_word(json, "role", role_names, 0, &role, reterr);
	if (ret == 0)
		ret = nr_json_word(json, "language", language_names, 1, &language, reterr);
	if (ret < 0)
		return ret;
	user->role = roles[role];
	memcpy(user->language, language_names[language], strlen(language_names[language]) + 1);
	return 0;
}

static int post_user(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	static const char *const names[] = { "login", "title", "role", "member", "language", NULL };
	struct nr_staff people = people_of(ctx, rq);
	struct nr_registry_user user = { 0 };
	char member[NR_REGISTRY_NAME], id[NR_UUID_TEXT];
	json_t *json = NULL;
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret == 0)
		ret = nr_http_json(rq, NULL, &json, &reply->err);
	if (ret == 0)
		ret = nr_json_only(json, names, &reply->err);
	if (ret == 0)
		ret = read_user(json, &user, member, sizeof(member), &reply->err);
	json_decref(json);
	if (ret == 0)
		ret = nr_staff_add(&people, member, &user, &reply->err);
	if (ret < 0)
		return ret;
	user.created = rq->now;
	reply->status = 201;
	nr_uuid_print(user.uuid, id);
	(void)snprintf(reply->location, sizeof(reply->location), "/api/v1/users/%s", id);
	show(rq, &user, reply);
	return 0;
}

static int read_change(const json_t *json, struct nr_user_change *change, char *title,
		       struct nr_err *reterr)
{
	unsigned role = 0, language = 0;
	bool disabled = false, totp = true;
	int ret = nr_json_text(json, "title", false, title, NR_USER_TITLE, reterr);

	if (ret == 0)
		ret = nr_json_word(json, "role", role_names, 0, &role, reterr);
	if (ret == 0)
		ret = nr_json_word(json, "language", language_names, 0, &language, reterr);
	if (ret == 0)
		ret = nr_json_boolean(json, "disabled", false, &disabled, reterr);
	if (ret == 0)
		ret = nr_json_boolean(json, "totp", true, &totp, reterr);
	if (ret == 0 && totp && nr_json_has(json, "totp"))
		ret = nr_fail(
			reterr, NR_EUSAGE,
			"only the user himself switches one-time codes on; false here switches "
			"them off");
	*change = (struct nr_user_change){
		.title = nr_json_has(json, "title") ? title : NULL,
		.language = language != 0 ? language_names[language] : NULL,
		.role = roles[role],
		.disabled = (int8_t)(nr_json_has(json, "disabled") ? disabled : -1),
		.totp_on = (int8_t)(totp ? -1 : 0),
	};
	return ret;
}

static int patch_user(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	static const char *const names[] = {
		"title", "role", "language", "disabled", "totp", NULL
	};
	struct nr_staff people = people_of(ctx, rq);
	struct nr_registry_user user = { 0 };
	struct nr_user_change change;
	char title[NR_USER_TITLE];
	json_t *json = NULL;
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret == 0)
		ret = nr_http_json(rq, NULL, &json, &reply->err);
	if (ret == 0)
		ret = nr_json_only(json, names, &reply->err);
	if (ret == 0)
		ret = read_change(json, &change, title, &reply->err);
	json_decref(json);
	if (ret == 0)
		ret = find_user(&people, rq->part[0], &user, &reply->err);
	if (ret == 0)
		ret = nr_staff_change(&people, user.uuid, &change, &reply->err);
	if (ret == 0)
		ret = nr_staff_find(&people, user.uuid, &user, &reply->err);
	if (ret == 0)
		show(rq, &user, reply);
	nr_secret_wipe(&user, sizeof(user));
	return ret;
}

static int post_invite(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct nr_staff people = people_of(ctx, rq);
	struct nr_registry_user user = { 0 };
	char link[NR_STAFF_LINK];
	struct nr_time expires = { 0 };
	struct nr_json json;
	int ret = nr_http_only(rq, none, &reply->err);

	reply->secret = true;
	if (ret == 0)
		ret = find_user(&people, rq->part[0], &user, &reply->err);
	if (ret == 0)
		ret = nr_staff_invite(&people, user.uuid, link, &expires, &reply->err);
	nr_secret_wipe(&user, sizeof(user));
	if (ret < 0)
		return ret;
	nr_json_init(&json, &reply->body);
	nr_json_object(&json);
	text(&json, "link", link);
	nr_json_key(&json, "expires");
	nr_json_time(&json, expires);
	nr_json_object_end(&json);
	nr_buf_add(&reply->body, "\n", 1);
	nr_secret_wipe(link, sizeof(link));
	return 0;
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/users", VIEWER, .handle = list_users),
	NR_ROUTE("POST", "/api/v1/users", ADMIN, .body_max = BODY_MAX, .handle = post_user),
	NR_ROUTE("GET", "/api/v1/users/{}", VIEWER, .handle = get_user),
	NR_ROUTE("PATCH", "/api/v1/users/{}", ADMIN, .body_max = BODY_MAX, .handle = patch_user),
	NR_ROUTE("POST", "/api/v1/users/{}/invite", ADMIN, .handle = post_invite),
};

const struct nr_http_group nr_api_users = { "users", routes, NR_COUNT(routes) };
