/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings: each as the copy that who asks may know (serve/finding.h), in order of the hub's
 * sequence: `since` is the cursor of the page before, and goes on where that ended. What he may not
 * know is no row that is left out of a page, it is not there.
 */
#include <string.h>

#include "base/json.h"
#include "serve/finding.h"
#include "serve/hub/hub_int.h"
#include "serve/said.h"

enum { PAGE = 1000, PAGE_MAX = 10000 };

struct asked {
	struct nr_hub *hub;
	struct nr_finding_viewer viewer;
	struct nr_cursor_keeper keeper;
	struct nr_registry_finding_filter filter;
	struct nr_prefix subject;
	char id[NR_FINDING_ID];
	bool all; /* the operator's */
	struct nr_said said;
};

/* ---- who asks, and for what ---- */

static void ask(struct nr_hub *hub, const struct nr_http_request *rq, struct asked *ret_asked)
{
	const struct nr_scope *scope = rq->scope;

	*ret_asked = (struct asked){
		.hub = hub,
		.viewer = { .scope = scope, .secret = hub->cursors.key, .now = rq->now },
		.keeper = hub->cursors,
		.filter = { .scope = scope, .now = rq->now },
	};
	if (scope == NULL)
		return;
	ret_asked->keeper = nr_cursor_bound(&hub->cursors, &scope->viewer);
	ret_asked->all = scope->viewer.active && scope->viewer.role == NR_ROLE_OPERATOR;
}

/* What his people said goes with each; nr_said_done() follows in any case. */
static int ask_said(struct asked *asked, const struct nr_http_request *rq, struct nr_err *reterr)
{
	int ret = nr_said_read(asked->hub->core->registry, &rq->scope->viewer, rq->now,
			       &asked->said, reterr);

	asked->viewer.triage = nr_said_json;
	asked->viewer.triage_ctx = &asked->said;
	asked->filter.rules = asked->said.rules;
	asked->filter.n_rules = asked->said.n_rules;
	return ret;
}

static int read_suppressed(struct asked *asked, const struct nr_http_request *rq,
			   struct nr_err *reterr)
{
	static const char *const words[] = { "all", "false", "true" };
	struct nr_str text = NR_STR("false");

	(void)nr_http_param(rq, "suppressed", &text);
	for (uint8_t i = 0; i < NR_COUNT(words); i++)
		if (nr_str_eq(text, nr_str_from(words[i]))) {
			asked->filter.suppressed = i; /* enum nr_registry_suppressed */
			return 0;
		}
	return nr_fail(reterr, NR_EUSAGE, "suppressed is false, true or all");
}

static int read_page(struct asked *asked, const struct nr_http_request *rq, struct nr_err *reterr)
{
	struct nr_cursor cursor = { 0 };
	struct nr_str text;
	int ret = nr_http_number(rq, "limit", 1, PAGE_MAX, PAGE, &asked->filter.limit, reterr);

	if (ret == 0 && nr_http_param(rq, "since", &text))
		ret = nr_cursor_parse(&asked->keeper, text, NR_CURSOR_FINDINGS, &cursor, reterr);
	if (ret == 0 && nr_http_param(rq, "order", &text)) {
		asked->filter.backwards = nr_str_eq(text, NR_STR("newest"));
		if (!asked->filter.backwards && !nr_str_eq(text, NR_STR("oldest")))
			ret = nr_fail(reterr, NR_EUSAGE, "order is oldest or newest");
	}
	if (ret == 0 && cursor.at != 0 && (cursor.row != 0) != asked->filter.backwards)
		ret = nr_fail(reterr, NR_EUSAGE, "this cursor is of the other order");
	asked->filter.after = cursor.at;
	return ret;
}

static int read_state(struct asked *asked, const struct nr_http_request *rq, struct nr_err *reterr)
{
	static const char *const states[] = { "new", "continuing", "ended", "withdrawn", NULL };
	struct nr_str text;

	if (!nr_http_param(rq, "state", &text))
		return 0;
	asked->filter.state = text;
	for (const char *const *s = states; *s != NULL; s++)
		if (nr_str_eq(text, nr_str_from(*s)))
			return 0;
	return nr_fail(reterr, NR_EUSAGE, "state is new, continuing, ended or withdrawn");
}

static int read_filter(struct asked *asked, const struct nr_http_request *rq, struct nr_err *reterr)
{
	static const char *const names[] = { "since",	   "limit", "order",   "state",
					     "detector",   "kind",  "subject", "revisions",
					     "suppressed", NULL };
	struct nr_str text;
	int ret = nr_http_only(rq, names, reterr);

	if (ret == 0)
		ret = read_page(asked, rq, reterr);
	if (ret == 0)
		ret = read_state(asked, rq, reterr);
	if (ret == 0)
		ret = read_suppressed(asked, rq, reterr);
	(void)nr_http_param(rq, "detector", &asked->filter.detector);
	(void)nr_http_param(rq, "kind", &asked->filter.kind);
	if (ret == 0 && nr_http_param(rq, "subject", &text)) {
		asked->filter.subject = &asked->subject;
		if (nr_prefix_parse(text, &asked->subject) < 0)
			ret = nr_fail(reterr, NR_EUSAGE,
				      "subject is an address or a prefix, such as 192.0.2.1 or "
				      "192.0.2.0/24");
	}
	if (ret == 0 && nr_http_param(rq, "revisions", &text)) {
		asked->filter.revisions = nr_str_eq(text, NR_STR("all"));
		if (!asked->filter.revisions && !nr_str_eq(text, NR_STR("newest")))
			ret = nr_fail(reterr, NR_EUSAGE, "revisions is newest or all");
		else if (asked->filter.revisions && asked->filter.backwards)
			ret = nr_fail(reterr, NR_EUSAGE, "all revisions stand in order of oldest");
		else if (asked->filter.revisions && !asked->all)
			ret = nr_fail(reterr, -EACCES,
				      "all revisions of all findings are the operator's to see; "
				      "those of one stand at /api/v1/findings/ID/revisions");
	}
	return ret;
}

/* What is no id of a finding is looked for all the same, and not found. */
static void read_id(struct asked *asked, struct nr_str text)
{
	asked->filter.id = nr_finding_id_of(&asked->viewer, text, asked->id)
				   ? nr_str_from(asked->id)
				   : NR_STR("-");
}

/* ---- answers ---- */

static int add_rows(const struct asked *asked, const struct nr_finding_rows *rows, bool news_only,
		    struct nr_http_reply *reply)
{
	size_t written = 0;

	for (size_t i = 0; i < rows->n; i++) {
		const struct nr_registry_finding *f = &rows->list[i];
		size_t before = reply->body.n;
		int ret = news_only ? nr_finding_is_news(&asked->viewer, asked->hub->core->registry,
							 f, &reply->err)
				    : 1;

		if (ret > 0 && written > 0)
			nr_buf_addf(&reply->body, ",\n");
		if (ret > 0)
			ret = nr_finding_copy_json(&asked->viewer, f, &reply->body, &reply->err);
		if (ret < 0)
			return ret;
		if (ret == 0)
			reply->body.n = before;
		written += ret > 0;
	}
	return reply->body.err;
}

static int answer_page(const struct asked *asked, const struct nr_finding_rows *rows,
		       bool news_only, struct nr_http_reply *reply)
{
	struct nr_cursor cursor = { .kind = NR_CURSOR_FINDINGS,
				    .at = rows->page.last,
				    .row = asked->filter.backwards };
	char next[NR_CURSOR_TEXT];

	nr_buf_addf(&reply->body, "{\"findings\":[");
	int ret = add_rows(asked, rows, news_only, reply);

	if (ret < 0)
		return ret;
	nr_cursor_print(&asked->keeper, &cursor, next);
	memcpy(reply->next, next, sizeof(next));
	nr_buf_addf(&reply->body, "],\n\"next\":\"%s\",\"more\":%s%s}\n", next,
		    rows->page.more ? "true" : "false",
		    rows->page.partial
			    ? ",\"partial\":true,\"partial_why\":\"few of what was looked "
			      "at is for you: go on from next\""
			    : "");
	return reply->body.err;
}

static int list_findings(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	struct nr_finding_rows rows = { 0 };
	struct asked asked;

	ask(ctx, rq, &asked);
	int ret = read_filter(&asked, rq, &reply->err);

	if (ret == 0)
		ret = ask_said(&asked, rq, &reply->err);
	if (ret == 0)
		ret = nr_finding_rows_read(asked.hub->core->registry, &asked.filter, &rows,
					   &reply->err);
	if (ret == 0)
		ret = answer_page(&asked, &rows, false, reply);
	nr_finding_rows_done(&rows);
	nr_said_done(&asked.said);
	return ret;
}

/* One, as it stands now. @return 0 with one row; -ENOENT: the same for who may not know */
static int find(struct asked *asked, const struct nr_http_request *rq, struct nr_finding_rows *rows,
		struct nr_err *reterr)
{
	struct nr_registry_finding_filter filter;

	read_id(asked, rq->part[0]);
	filter = asked->filter;
	filter.after = 0;
	filter.limit = 1;
	filter.revisions = false;
	int ret = nr_finding_rows_read(asked->hub->core->registry, &filter, rows, reterr);

	if (ret == 0 && rows->n == 0)
		ret = nr_fail(reterr, -ENOENT, "there is no such finding");
	return ret;
}

static int get_finding(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { NULL };
	struct nr_finding_rows rows = { 0 };
	struct asked asked;

	ask(ctx, rq, &asked);
	int ret = nr_http_only(rq, names, &reply->err);

	if (ret == 0)
		ret = ask_said(&asked, rq, &reply->err);
	if (ret == 0)
		ret = find(&asked, rq, &rows, &reply->err);
	if (ret == 0)
		ret = nr_finding_copy_json(&asked.viewer, &rows.list[0], &reply->body, &reply->err);
	if (ret > 0)
		nr_buf_addf(&reply->body, "\n");
	nr_finding_rows_done(&rows);
	nr_said_done(&asked.said);
	return ret < 0 ? ret : reply->body.err;
}

static int list_revisions(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "since", "limit", NULL };
	struct nr_finding_rows newest = { 0 }, rows = { 0 };
	struct asked asked;

	ask(ctx, rq, &asked);
	int ret = nr_http_only(rq, names, &reply->err);

	if (ret == 0)
		ret = read_page(&asked, rq, &reply->err);
	if (ret == 0)
		ret = find(&asked, rq, &newest, &reply->err);
	asked.filter.revisions = true;
	if (ret == 0)
		ret = nr_finding_rows_read(asked.hub->core->registry, &asked.filter, &rows,
					   &reply->err);
	if (ret == 0)
		ret = answer_page(&asked, &rows, true, reply);
	nr_finding_rows_done(&newest);
	nr_finding_rows_done(&rows);
	return ret;
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/findings", VIEWER, .handle = list_findings),
	NR_ROUTE("GET", "/api/v1/findings/{}", VIEWER, .handle = get_finding),
	NR_ROUTE("GET", "/api/v1/findings/{}/revisions", VIEWER, .handle = list_revisions),
};

const struct nr_http_group nr_api_findings = { "findings", routes, NR_COUNT(routes) };
