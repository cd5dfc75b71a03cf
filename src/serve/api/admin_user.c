/* SPDX-License-Identifier: Apache-2.0 */
/* People, from the machine: `noroshi user ...` and `noroshi hub setup-link`. */
#include <string.h>

#include "serve/api/admin.h"

int nr_admin_role(const struct nr_admin *admin, enum nr_role *ret_role, char *out, size_t cap,
		  struct nr_err *reterr)
{
	int ret = nr_admin_text(admin, "role", out, cap, reterr);

	for (enum nr_role role = NR_ROLE_VIEWER; ret == 0 && role <= NR_ROLE_ADMIN; role++)
		if (strcmp(out, nr_role_names[role]) == 0) {
			*ret_role = role;
			return 0;
		}
	return ret < 0 ? ret
		       : nr_fail(reterr, NR_EUSAGE,
				 "a role is viewer, analyst, coordinator or admin");
}

struct nr_staff nr_admin_staff(const struct nr_admin *admin, struct nr_viewer *operator)
{
	*operator=(struct nr_viewer){ .role = NR_ROLE_OPERATOR,
				      .active = true,
				      .now = admin->act.now };
	return (struct nr_staff){ .registry = admin->core->registry,
				  .actor = operator,
				  .act = admin->act,
				  .url = admin->url != NULL ? admin->url
							    : admin->core->set->listen };
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

static int add_user(void *ctx, const struct nr_registry_user *user)
{
	struct nr_json *json = ctx;

	nr_json_object(json);
	text(json, "login", user->login);
	text(json, "title", user->title);
	text(json, "role", nr_role_names[user->role]);
	text(json, "member", user->member_name);
	boolean(json, "disabled", user->disabled.ns != 0);
	boolean(json, "set_up", user->password[0] != '\0');
	boolean(json, "totp", user->totp_on);
	nr_json_key(json, "last_login");
	if (user->last_login.ns != 0)
		nr_json_time(json, user->last_login);
	else
		nr_json_null(json);
	nr_json_object_end(json);
	return json->out->err;
}

int nr_admin_users(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_json json;

	nr_json_init(&json, out);
	nr_json_object(&json);
	nr_json_key(&json, "users");
	nr_json_array(&json);
	int64_t n = nr_registry_users(admin->core->registry, (struct nr_uuid){ 0 }, 0, INT32_MAX,
				      add_user, &json, reterr);

	if (n < 0)
		return (int)n;
	nr_json_array_end(&json);
	nr_json_object_end(&json);
	nr_buf_add(out, "\n", 1);
	return 0;
}

static void say_link(const char *link, struct nr_time expires, struct nr_buf *out)
{
	struct nr_json json;

	nr_json_init(&json, out);
	nr_json_object(&json);
	text(&json, "link", link);
	nr_json_key(&json, "expires");
	nr_json_time(&json, expires);
	nr_json_object_end(&json);
	nr_buf_add(out, "\n", 1);
}

static int invite(const struct nr_staff *people, struct nr_uuid uuid, struct nr_buf *out,
		  struct nr_err *reterr)
{
	char link[NR_STAFF_LINK];
	struct nr_time expires;
	int ret = nr_staff_invite(people, uuid, link, &expires, reterr);

	if (ret == 0)
		say_link(link, expires, out);
	nr_secret_wipe(link, sizeof(link));
	return ret;
}

/* login, role; title, member where they are wanted. A link comes back. */
int nr_admin_user_add(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_viewer operator;
	struct nr_staff people = nr_admin_staff(admin, &operator);
	struct nr_registry_user user = { 0 };
	char member[NR_REGISTRY_NAME] = "", role_name[16];
	enum nr_role role = NR_ROLE_NOBODY;
	int ret = nr_admin_text(admin, "login", user.login, sizeof(user.login), reterr);

	if (ret == 0)
		ret = nr_admin_role(admin, &role, role_name, sizeof(role_name), reterr);
	if (ret == 0 && nr_admin_has(admin, "title"))
		ret = nr_admin_text(admin, "title", user.title, sizeof(user.title), reterr);
	if (ret == 0 && nr_admin_has(admin, "member"))
		ret = nr_admin_text(admin, "member", member, sizeof(member), reterr);
	user.role = (uint8_t)role;
	if (ret == 0)
		ret = nr_staff_add(&people, member, &user, reterr);
	return ret < 0 ? ret : invite(&people, user.uuid, out, reterr);
}

static int find(const struct nr_admin *admin, struct nr_uuid *ret_uuid, struct nr_err *reterr)
{
	char login[NR_REGISTRY_NAME];
	struct nr_registry_user user = { 0 };
	int ret = nr_admin_text(admin, "login", login, sizeof(login), reterr);

	if (ret == 0)
		ret = nr_registry_user_named(admin->core->registry, login, &user, reterr);
	*ret_uuid = user.uuid;
	nr_secret_wipe(&user, sizeof(user));
	return ret;
}

static int disable(const struct nr_admin *admin, bool yes, struct nr_buf *out,
		   struct nr_err *reterr)
{
	struct nr_user_change change = { .disabled = (int8_t)yes, .totp_on = -1 };
	struct nr_viewer operator;
	struct nr_staff people = nr_admin_staff(admin, &operator);
	struct nr_uuid uuid;
	int ret = find(admin, &uuid, reterr);

	if (ret == 0)
		ret = nr_staff_change(&people, uuid, &change, reterr);
	if (ret == 0)
		nr_buf_addf(out, "{\"disabled\":%s}\n", yes ? "true" : "false");
	return ret;
}

int nr_admin_user_disable(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	return disable(admin, true, out, reterr);
}

int nr_admin_user_enable(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	return disable(admin, false, out, reterr);
}

int nr_admin_user_invite(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_viewer operator;
	struct nr_staff people = nr_admin_staff(admin, &operator);
	struct nr_uuid uuid;
	int ret = find(admin, &uuid, reterr);

	return ret < 0 ? ret : invite(&people, uuid, out, reterr);
}

int nr_admin_setup_link(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_viewer operator;
	struct nr_staff people = nr_admin_staff(admin, &operator);
	char link[NR_STAFF_LINK];
	struct nr_time expires;
	int ret = nr_staff_first(&people, link, &expires, reterr);

	if (ret == 0)
		say_link(link, expires, out);
	nr_secret_wipe(link, sizeof(link));
	return ret;
}
