/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings in order of the hub's sequence: `since` is the cursor of the page before, and goes on
 * where that ended.
 */
#include <string.h>

#include "base/json.h"
#include "serve/hub/hub_int.h"

enum { PAGE = 1000, PAGE_MAX = 10000 };

struct page {
	struct nr_json json;
	uint64_t last;
};

/* The revision's JSON is an object of ours; the hub's own members go in front. */
static int add_finding(void *ctx, const struct nr_registry_finding *finding)
{
	struct page *page = ctx;
	struct nr_buf *out = page->json.out;

	if (finding->json.n < 2)
		return NR_EDAMAGED;
	nr_buf_addf(out, "%s{\"sequence\":%llu,\"newest\":%s,", page->last != 0 ? ",\n" : "",
		    (unsigned long long)finding->sequence, finding->newest ? "true" : "false");
	nr_buf_add(out, finding->json.p + 1, finding->json.n - 1);
	page->last = finding->sequence;
	return out->err;
}

static int read_filter(const struct nr_hub *hub, const struct nr_http_request *rq,
		       struct nr_registry_finding_filter *filter, struct nr_err *reterr)
{
	static const char *const names[] = { "since",	 "limit",     "state",
					     "detector", "revisions", NULL };
	struct nr_cursor cursor = { 0 };
	struct nr_str text;
	int ret = nr_http_only(rq, names, reterr);

	*filter = (struct nr_registry_finding_filter){ 0 };
	if (ret == 0)
		ret = nr_http_number(rq, "limit", 1, PAGE_MAX, PAGE, &filter->limit, reterr);
	if (ret == 0 && nr_http_param(rq, "since", &text))
		ret = nr_cursor_parse(&hub->cursors, text, NR_CURSOR_FINDINGS, &cursor, reterr);
	filter->after = cursor.at;
	(void)nr_http_param(rq, "state", &filter->state);
	(void)nr_http_param(rq, "detector", &filter->detector);
	if (ret == 0 && nr_http_param(rq, "revisions", &text)) {
		filter->revisions = nr_str_eq(text, NR_STR("all"));
		if (!filter->revisions && !nr_str_eq(text, NR_STR("newest")))
			ret = nr_fail(reterr, NR_EUSAGE, "revisions is newest or all");
	}
	return ret;
}

static int list_findings(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	struct nr_hub *hub = ctx;
	struct nr_registry_finding_filter filter;
	struct page page = { 0 };
	char next[NR_CURSOR_TEXT];
	int64_t n = read_filter(hub, rq, &filter, &reply->err);

	if (n < 0)
		return (int)n;
	nr_json_init(&page.json, &reply->body);
	nr_buf_addf(&reply->body, "{\"findings\":[");
	n = nr_registry_findings(hub->core->registry, &filter, add_finding, &page, &reply->err);
	if (n < 0)
		return (int)n;
	struct nr_cursor cursor = { .kind = NR_CURSOR_FINDINGS,
				    .at = page.last != 0 ? page.last : filter.after };

	nr_cursor_print(&hub->cursors, &cursor, next);
	memcpy(reply->next, next, sizeof(next));
	nr_buf_addf(&reply->body, "],\n\"next\":\"%s\",\"more\":%s}\n", next,
		    (uint64_t)n == filter.limit ? "true" : "false");
	return 0;
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/findings", OPERATOR, .handle = list_findings),
};

const struct nr_http_group nr_api_findings = { "findings", routes, NR_COUNT(routes) };
