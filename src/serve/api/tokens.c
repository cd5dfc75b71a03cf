/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens for programs, and sessions: everybody has his own, an admin those of his member. */
#include <string.h>

#include "base/json.h"
#include "serve/hub/hub_int.h"
#include "serve/who/staff.h"

enum { BODY_MAX = 4096, PAGE = 100, PAGE_MAX = 1000, DAYS_MAX = 3650, DAY_S = 86400 };

static const char *const role_names[] = { "", "viewer", "analyst", "coordinator", "admin", NULL };
static const uint8_t roles[] = { 0, NR_ROLE_VIEWER, NR_ROLE_ANALYST, NR_ROLE_COORDINATOR,
				 NR_ROLE_ADMIN };

static struct nr_staff people_of(const struct nr_hub *hub, const struct nr_http_request *rq)
{
	return (struct nr_staff){ .registry = hub->core->registry,
				  .actor = &rq->scope->viewer,
				  .act = nr_http_act(rq),
				  .url = hub->url };
}

/* ---- list ---- */

struct list {
	struct nr_staff people;
	const struct nr_http_request *rq;
	struct nr_json json;
	uint64_t after, limit, n, last;
};

static int on_token(void *ctx, const struct nr_registry_token *token)
{
	struct list *list = ctx;

	if ((uint64_t)token->created.ns <= list->after || list->n > list->limit ||
	    !nr_staff_has_token(&list->people, token))
		return 0;
	if (list->n++ == list->limit)
		return 0; /* there is more */
	nr_admin_token_json(token, &list->json);
	list->last = (uint64_t)token->created.ns;
	return list->json.out->err;
}

static int list_tokens(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "limit", "since", NULL };
	struct nr_hub *hub = ctx;
	struct nr_cursor_keeper keeper = nr_cursor_bound(&hub->cursors, &rq->scope->viewer);
	struct nr_cursor cursor = { .kind = NR_CURSOR_TOKENS };
	struct list list = { .people = people_of(hub, rq), .rq = rq };
	struct nr_str said;
	int64_t ret = nr_http_only(rq, names, &reply->err);

	if (ret == 0)
		ret = nr_http_number(rq, "limit", 1, PAGE_MAX, PAGE, &list.limit, &reply->err);
	if (ret == 0 && nr_http_param(rq, "since", &said))
		ret = nr_cursor_parse(&keeper, said, NR_CURSOR_TOKENS, &cursor, &reply->err);
	if (ret < 0)
		return (int)ret;
	list.after = list.last = cursor.at;
	nr_json_init(&list.json, &reply->body);
	nr_json_object(&list.json);
	nr_json_key(&list.json, "tokens");
	nr_json_array(&list.json);
	ret = nr_registry_tokens(hub->core->registry, on_token, &list, &reply->err);
	if (ret < 0)
		return (int)ret;
	cursor = (struct nr_cursor){ .kind = NR_CURSOR_TOKENS, .at = list.last };
	nr_cursor_print(&keeper, &cursor, reply->next);
	nr_json_array_end(&list.json);
	nr_json_key(&list.json, "next");
	nr_json_str(&list.json, nr_str_from(reply->next));
	nr_json_key(&list.json, "more");
	nr_json_bool(&list.json, list.n > list.limit);
	nr_json_object_end(&list.json);
	nr_buf_add(&reply->body, "\n", 1);
	return 0;
}

/* ---- make and end ---- */

struct wish {
	struct nr_token_wish token;
	char name[NR_REGISTRY_NAME], member[NR_REGISTRY_NAME], network[NR_REGISTRY_NAME];
};

static int read_wish(const json_t *json, struct wish *wish, struct nr_err *reterr)
{
	bool can_write = true, can_rows = true;
	unsigned role = 0;
	int64_t days = NR_TOKEN_DAYS;
	int ret = nr_json_text(json, "name", true, wish->name, sizeof(wish->name), reterr);

	if (ret == 0)
		ret = nr_json_text(json, "member", false, wish->member, sizeof(wish->member),
				   reterr);
	if (ret == 0)
		ret = nr_json_text(json, "network", false, wish->network, sizeof(wish->network),
				   reterr);
	if (ret == 0)
		ret = nr_json_word(json, "role", role_names, 0, &role, reterr);
	if (ret == 0)
		ret = nr_json_integer(json, "days", 1, DAYS_MAX, NR_TOKEN_DAYS, &days, reterr);
	if (ret == 0)
		ret = nr_json_boolean(json, "can_write", true, &can_write, reterr);
	if (ret == 0)
		ret = nr_json_boolean(json, "can_rows", true, &can_rows, reterr);
	wish->token = (struct nr_token_wish){ .kind = NR_TOKEN_API,
					      .role = (enum nr_role)roles[role],
					      .name = wish->name,
					      .network = wish->network,
					      .read_only = !can_write,
					      .no_rows = !can_rows,
					      .lives_ns = days * DAY_S * NR_NS_PER_S };
	return ret;
}

/* A token that leaked must not make others that outlive it. */
static int may_make(const struct nr_http_request *rq, struct nr_err *reterr)
{
	if (rq->caller->by != NR_WHO_TOKEN ||
	    (nr_http_role(rq) >= NR_ROLE_ADMIN && !rq->caller->confined && rq->caller->can_rows))
		return 0;
	return nr_fail(reterr, -EACCES,
		       "a token makes no other one: log in, or use an admin's without limits");
}

static int post_token(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	static const char *const names[] = { "name",	  "role",     "member",	 "days",
					     "can_write", "can_rows", "network", NULL };
	struct nr_staff people = people_of(ctx, rq);
	struct wish wish;
	char text[NR_TOKEN_TEXT];
	json_t *json = NULL;
	struct nr_json out;
	int ret = nr_http_only(rq, none, &reply->err);

	reply->secret = true;
	if (ret == 0)
		ret = may_make(rq, &reply->err);
	if (ret == 0)
		ret = nr_http_json(rq, NULL, &json, &reply->err);
	if (ret == 0)
		ret = nr_json_only(json, names, &reply->err);
	if (ret == 0)
		ret = read_wish(json, &wish, &reply->err);
	json_decref(json);
	if (ret == 0)
		ret = nr_staff_token(&people, wish.member, &wish.token, text, &reply->err);
	if (ret < 0)
		return ret;
	reply->status = 201;
	nr_json_init(&out, &reply->body);
	nr_json_object(&out);
	nr_json_key(&out, "token");
	nr_json_str(&out, nr_str_from(text));
	nr_json_key(&out, "expires");
	nr_json_time(&out, (struct nr_time){ rq->now.ns + wish.token.lives_ns });
	nr_json_object_end(&out);
	nr_buf_add(&reply->body, "\n", 1);
	nr_secret_wipe(text, sizeof(text));
	return 0;
}

static int delete_token(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct nr_hub *hub = ctx;
	struct nr_staff people = people_of(hub, rq);
	struct nr_registry_token token;
	uint8_t selector[NR_TOKEN_SELECTOR];
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret < 0)
		return ret;
	ret = nr_token_selector_parse(rq->part[0], selector);
	if (ret == 0)
		ret = nr_registry_token_find(hub->core->registry, selector, &token, &reply->err);
	if (ret == -EINVAL || ret == -ENOENT || (ret == 0 && !nr_staff_has_token(&people, &token)))
		return nr_fail(&reply->err, -ENOENT, "no such token");
	if (ret == 0)
		ret = nr_registry_token_revoke(hub->core->registry, selector, false, &people.act,
					       &reply->err);
	if (ret == 0)
		nr_buf_addf(&reply->body, "{\"revoked\":true}\n");
	return ret;
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/tokens", VIEWER, .handle = list_tokens),
	NR_ROUTE("POST", "/api/v1/tokens", VIEWER, .body_max = BODY_MAX, .handle = post_token),
	NR_ROUTE("DELETE", "/api/v1/tokens/{}", VIEWER, .handle = delete_token),
};

const struct nr_http_group nr_api_tokens = { "tokens", routes, NR_COUNT(routes) };
