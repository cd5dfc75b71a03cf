/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit chain: an admin sees what was done for his organisation, the operator all of it. Numbers
 * of rows are the operator's alone: they tell how much others do.
 */
#include "serve/api/people.h"
#include "store/registry_audit.h"

enum { PAGE = 1000, PAGE_MAX = 10000 };

struct page {
	struct nr_json json;
	bool all;
	uint64_t last;
};

static void put_str(struct nr_json *json, const char *key, struct nr_str text)
{
	nr_json_key(json, key);
	nr_json_str(json, text);
}

static int put_row(void *ctx, const struct nr_registry_audit_row *row)
{
	struct page *page = ctx;
	struct nr_json *json = &page->json;

	nr_json_object(json);
	if (page->all)
		nr_people_put_number(json, "row", row->sequence);
	nr_json_key(json, "at");
	nr_json_time(json, row->at);
	put_str(json, "actor", row->actor);
	if (row->member_name[0] != '\0')
		nr_people_put_text(json, "member", row->member_name);
	put_str(json, "action", row->action);
	put_str(json, "object", row->object);
	put_str(json, "detail", row->detail);
	nr_json_object_end(json);
	page->last = row->sequence;
	return json->out->err;
}

static int list(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "since", "limit", NULL };
	struct nr_hub *hub = ctx;
	struct nr_cursor_keeper keeper = nr_cursor_bound(&hub->cursors, &rq->scope->viewer);
	struct nr_cursor cursor = { .kind = NR_CURSOR_AUDIT };
	struct page page = { .all = nr_http_role(rq) == NR_ROLE_OPERATOR };
	struct nr_str text;
	uint64_t limit = PAGE;
	int64_t n = nr_http_only(rq, names, &reply->err);

	if (n == 0)
		n = nr_http_number(rq, "limit", 1, PAGE_MAX, PAGE, &limit, &reply->err);
	if (n == 0 && nr_http_param(rq, "since", &text))
		n = nr_cursor_parse(&keeper, text, NR_CURSOR_AUDIT, &cursor, &reply->err);
	if (n < 0)
		return (int)n;
	page.last = cursor.at;
	nr_json_init(&page.json, &reply->body);
	nr_json_object(&page.json);
	nr_json_key(&page.json, "audit");
	nr_json_array(&page.json);
	n = nr_registry_audit_rows(hub->core->registry, page.all ? NULL : &rq->scope->viewer.member,
				   cursor.at, limit, put_row, &page, &reply->err);
	if (n < 0)
		return (int)n;
	nr_json_array_end(&page.json);
	cursor.kind = NR_CURSOR_AUDIT;
	cursor.at = page.last;
	nr_cursor_print(&keeper, &cursor, reply->next);
	nr_people_put_text(&page.json, "next", reply->next);
	nr_people_put_bool(&page.json, "more", (uint64_t)n == limit);
	nr_json_object_end(&page.json);
	nr_buf_add(&reply->body, "\n", 1);
	return 0;
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/audit", ADMIN, .handle = list),
};

const struct nr_http_group nr_api_audit = { "audit", routes, NR_COUNT(routes) };
