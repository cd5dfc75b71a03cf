/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "serve/api/admin.h"
#include "serve/who/token.h"

enum { DAY_S = 86400, DAYS_MAX = 3650 };

static void add_time(struct nr_json *json, const char *key, struct nr_time t)
{
	if (t.ns == 0)
		return;
	nr_json_key(json, key);
	nr_json_time(json, t);
}

static void add_uuid(struct nr_json *json, const char *key, struct nr_uuid uuid)
{
	char text[NR_UUID_TEXT];

	if (nr_uuid_eq(uuid, (struct nr_uuid){ 0 }))
		return;
	nr_uuid_print(uuid, text);
	nr_json_key(json, key);
	nr_json_str(json, nr_str_from(text));
}

/* A word that may be missing. */
static int optional(const struct nr_admin *admin, const char *name, char *out, size_t cap,
		    struct nr_err *reterr)
{
	out[0] = '\0';
	return nr_admin_has(admin, name) ? nr_admin_text(admin, name, out, cap, reterr) : 0;
}

/* role, name, days; member, network, and the flags read-only, no-rows where they are wanted */
int nr_admin_token_create(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	char role[16], name[NR_REGISTRY_NAME], member[NR_REGISTRY_NAME], network[NR_REGISTRY_NAME];
	char text[NR_TOKEN_TEXT];
	struct nr_token_wish wish = { .kind = NR_TOKEN_API,
				      .name = name,
				      .network = network,
				      .read_only = nr_admin_has(admin, "read-only"),
				      .no_rows = nr_admin_has(admin, "no-rows") };
	struct nr_viewer operator;
	struct nr_staff people = nr_admin_staff(admin, &operator);
	struct nr_json json;
	uint64_t days = 0;
	int ret = nr_admin_role(admin, &wish.role, role, sizeof(role), reterr);

	if (ret == 0)
		ret = nr_admin_text(admin, "name", name, sizeof(name), reterr);
	if (ret == 0)
		ret = optional(admin, "member", member, sizeof(member), reterr);
	if (ret == 0)
		ret = optional(admin, "network", network, sizeof(network), reterr);
	if (ret == 0)
		ret = nr_admin_number(admin, "days", &days, reterr);
	if (ret == 0 && (days < 1 || days > DAYS_MAX))
		ret = nr_fail(reterr, NR_EUSAGE, "a token lives 1 to %d days", DAYS_MAX);
	wish.lives_ns = (int64_t)days * DAY_S * NR_NS_PER_S;
	if (ret == 0)
		ret = nr_staff_token(&people, member, &wish, text, reterr);
	if (ret < 0)
		return ret;
	nr_json_init(&json, out);
	nr_json_object(&json);
	nr_json_key(&json, "token");
	nr_json_str(&json, nr_str_from(text));
	nr_json_key(&json, "expires");
	nr_json_time(&json, (struct nr_time){ admin->act.now.ns + wish.lives_ns });
	nr_json_object_end(&json);
	nr_buf_add(out, "\n", 1);
	nr_secret_wipe(text, sizeof(text));
	return 0;
}

static const char *const kind_names[] = { "", "api", "enrol", "setup", "session" };

void nr_admin_token_json(const struct nr_registry_token *token, struct nr_json *json)
{
	char selector[2 * NR_TOKEN_SELECTOR + 1];

	nr_token_selector_print(token->selector, selector);
	nr_json_object(json);
	nr_json_key(json, "selector");
	nr_json_str(json, nr_str_from(selector));
	nr_json_key(json, "kind");
	nr_json_str(json, nr_str_from(kind_names[token->kind]));
	nr_json_key(json, "name");
	nr_json_str(json, nr_str_from(token->name));
	if (token->kind == NR_TOKEN_API) {
		nr_json_key(json, "role");
		nr_json_str(json, nr_str_from(nr_role_names[token->role]));
		nr_json_key(json, "can_write");
		nr_json_bool(json, token->can_write);
		nr_json_key(json, "can_rows");
		nr_json_bool(json, token->can_rows);
	}
	if (token->network[0] != '\0') {
		nr_json_key(json, "network");
		nr_json_str(json, nr_str_from(token->network));
	}
	add_uuid(json, "member", token->member);
	add_uuid(json, "user", token->user);
	add_time(json, "created", token->created);
	add_time(json, "expires", token->expires);
	add_time(json, "last_used", token->last_used);
	add_time(json, "spent", token->spent);
	add_time(json, "revoked", token->revoked);
	nr_json_key(json, "exposed");
	nr_json_bool(json, token->exposed);
	nr_json_object_end(json);
}

static int add_token(void *ctx, const struct nr_registry_token *token)
{
	struct nr_json *json = ctx;

	nr_admin_token_json(token, json);
	return json->out->err;
}

int nr_admin_tokens(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_json json;
	int64_t n;

	nr_json_init(&json, out);
	nr_json_object(&json);
	nr_json_key(&json, "tokens");
	nr_json_array(&json);
	n = nr_registry_tokens(admin->core->registry, add_token, &json, reterr);
	if (n < 0)
		return (int)n;
	nr_json_array_end(&json);
	nr_json_object_end(&json);
	nr_buf_add(out, "\n", 1);
	return 0;
}

int nr_admin_token_revoke(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	uint8_t selector[NR_TOKEN_SELECTOR];
	int ret = nr_admin_hex(admin, "selector", selector, sizeof(selector), reterr);

	if (ret == 0)
		ret = nr_registry_token_revoke(admin->core->registry, selector, false, &admin->act,
					       reterr);
	if (ret == 0)
		nr_buf_addf(out, "{\"revoked\":true}\n");
	return ret;
}
