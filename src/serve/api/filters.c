/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions saved under a name. The query is kept as it stands in a URL; that its parameters are those
 * of the view is checked when it is saved, their values when it is asked.
 */
#include "serve/api/filters.h"

#include <stdio.h>
#include <string.h>

#include "serve/api/people.h"

struct view {
	const char *name;
	const char *params; /* with a blank around each */
};

/* The GETs under /api/v1 of the same name; a test holds them against the API's description. */
static const struct view views[] = {
	{ "findings", " detector kind limit order revisions since state subject suppressed " },
	{ "observations", " cursor format limit port sensor since src until " },
	{ "series", " asn class economy of port scope sensor since src step until " },
	{ "top", " by n scope since until " },
	{ "compare", " before_since before_until by n scope since until " },
	{ "show", " n scope since until what " },
	{ "asks", " limit since state " },
	{ "suppressions", " state " },
};

static const struct view *find_view(const char *name)
{
	for (size_t i = 0; i < NR_COUNT(views); i++)
		if (strcmp(views[i].name, name) == 0)
			return &views[i];
	return NULL;
}

static bool has_param(const struct view *view, struct nr_str name)
{
	char word[40];

	if (name.n == 0 || name.n > 32 || memchr(name.p, ' ', name.n) != NULL)
		return false;
	(void)snprintf(word, sizeof(word), " " NR_STR_FMT " ", NR_STR_ARG(name));
	return strstr(view->params, word) != NULL;
}

/* As it may stand behind the '?' of a URL: RFC 3986, 3.4, and nothing that ends it. */
static bool is_query(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._~!$'()*+,;:@/?%=&";

	return text[strspn(text, allowed)] == '\0';
}

int nr_filter_check(const struct nr_registry_filter *filter, struct nr_err *reterr)
{
	const struct view *view = find_view(filter->view);
	struct nr_str rest = nr_str_from(filter->query), seen[NR_HTTP_PARAMS];
	size_t n = 0;

	if (view == NULL)
		return nr_fail(
			reterr, NR_EUSAGE,
			"view is findings, observations, series, top, compare, show, asks or "
			"suppressions");
	if (!is_query(filter->query))
		return nr_fail(
			reterr, NR_EUSAGE,
			"query is what stands behind the ? of a URL: percent-encode the rest");
	while (rest.n > 0) {
		struct nr_str value = nr_str_cut(&rest, '&'), name = nr_str_cut(&value, '=');

		for (size_t i = 0; i < n; i++)
			if (nr_str_eq(seen[i], name))
				return nr_fail(reterr, NR_EUSAGE,
					       "query: a parameter stands twice");
		if (!has_param(view, name) || n == NR_COUNT(seen))
			return nr_fail(reterr, NR_EUSAGE,
				       "query: %s has no parameter '" NR_STR_FMT "'", view->name,
				       NR_STR_ARG(name));
		seen[n++] = name;
	}
	return 0;
}

static void put_filter(struct nr_json *json, const struct nr_registry_filter *filter)
{
	nr_json_object(json);
	nr_people_put_uuid(json, "uuid", filter->uuid);
	nr_people_put_text(json, "name", filter->name);
	nr_people_put_text(json, "for",
			   nr_uuid_eq(filter->user, (struct nr_uuid){ { 0 } }) ? "member" : "me");
	nr_people_put_text(json, "view", filter->view);
	nr_people_put_text(json, "query", filter->query);
	nr_people_put_time(json, "created", filter->created);
	nr_json_object_end(json);
}

static int answer_filter(const struct nr_registry_filter *filter, struct nr_http_reply *reply)
{
	struct nr_json json;

	nr_json_init(&json, &reply->body);
	put_filter(&json, filter);
	nr_buf_add(&reply->body, "\n", 1);
	return 0;
}

static int list_one(void *ctx, const struct nr_registry_filter *filter)
{
	struct nr_json *json = ctx;

	put_filter(json, filter);
	return json->out->err;
}

static int list_filters(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct nr_hub *hub = ctx;
	struct nr_json json;
	int64_t n = nr_http_only(rq, none, &reply->err);

	if (n < 0)
		return (int)n;
	nr_json_init(&json, &reply->body);
	nr_json_object(&json);
	nr_json_key(&json, "filters");
	nr_json_array(&json);
	n = nr_registry_filters(hub->core->registry, &rq->scope->viewer, list_one, &json,
				&reply->err);
	nr_json_array_end(&json);
	nr_json_object_end(&json);
	nr_buf_add(&reply->body, "\n", 1);
	return n < 0 ? (int)n : 0;
}

/* Members that are absent stay as they are in @p filter. */
static int read_filter(const json_t *json, struct nr_registry_filter *filter, struct nr_err *reterr)
{
	int ret = 0;

	if (nr_json_has(json, "name") || filter->name[0] == '\0')
		ret = nr_json_text(json, "name", true, filter->name, sizeof(filter->name), reterr);
	if (ret == 0 && (nr_json_has(json, "view") || filter->view[0] == '\0'))
		ret = nr_json_text(json, "view", true, filter->view, sizeof(filter->view), reterr);
	if (ret == 0 && nr_json_has(json, "query"))
		ret = nr_json_text(json, "query", true, filter->query, sizeof(filter->query),
				   reterr);
	if (ret == 0 && filter->name[0] == '\0')
		ret = nr_fail(reterr, NR_EUSAGE, "a filter has a name");
	return ret == 0 ? nr_filter_check(filter, reterr) : ret;
}

static int post_filter(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "name", "for", "view", "query", NULL };
	static const char *const whose[] = { "me", "member", NULL };
	const struct nr_viewer *viewer = &rq->scope->viewer;
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_registry_filter filter = { .member = viewer->member };
	struct nr_hub *hub = ctx;
	unsigned whole = 0;
	json_t *json;
	int ret = nr_people_body(rq, names, &json, &reply->err);

	if (ret == 0)
		ret = nr_json_word(json, "for", whose, 0, &whole, &reply->err);
	if (ret == 0)
		ret = read_filter(json, &filter, &reply->err);
	json_decref(json);
	if (ret == 0 && whole == 1 && viewer->role < NR_ROLE_COORDINATOR)
		ret = nr_fail(&reply->err, -EACCES,
			      "for the whole organisation: a coordinator may save it");
	if (ret == 0 && whole == 0 && nr_uuid_eq(viewer->user, (struct nr_uuid){ { 0 } }))
		ret = nr_fail(&reply->err, NR_EUSAGE,
			      "this token is nobody's own: say \"for\":\"member\"");
	if (whole == 0)
		filter.user = viewer->user;
	if (ret == 0)
		ret = nr_registry_filter_add(hub->core->registry, &filter, &act, &reply->err);
	if (ret < 0)
		return nr_people_done(reply, ret);
	nr_people_location(reply, "/api/v1/filters/", filter.uuid);
	reply->status = 201;
	return answer_filter(&filter, reply);
}

static int not_there(struct nr_http_reply *reply, int ret)
{
	if (ret == -ENOENT)
		ret = nr_fail(&reply->err, -ENOENT, "there is no such filter");
	return nr_people_done(reply, ret);
}

static int get_filter(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct nr_registry_filter filter = { 0 };
	struct nr_hub *hub = ctx;
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret == 0)
		ret = nr_registry_filter_find(hub->core->registry, &rq->scope->viewer,
					      nr_people_uuid(rq, 0), &filter, &reply->err);
	return ret == 0 ? answer_filter(&filter, reply) : not_there(reply, ret);
}

static int patch_filter(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "name", "view", "query", NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_registry_filter filter = { 0 };
	struct nr_hub *hub = ctx;
	json_t *json;
	int ret = nr_people_body(rq, names, &json, &reply->err);

	if (ret == 0)
		ret = nr_registry_filter_find(hub->core->registry, &rq->scope->viewer,
					      nr_people_uuid(rq, 0), &filter, &reply->err);
	if (ret == 0)
		ret = read_filter(json, &filter, &reply->err);
	json_decref(json);
	if (ret == 0)
		ret = nr_registry_filter_change(hub->core->registry, &rq->scope->viewer, &filter,
						&act, &reply->err);
	return ret == 0 ? answer_filter(&filter, reply) : not_there(reply, ret);
}

static int delete_filter(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_hub *hub = ctx;
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret == 0)
		ret = nr_registry_filter_remove(hub->core->registry, &rq->scope->viewer,
						nr_people_uuid(rq, 0), &act, &reply->err);
	if (ret < 0)
		return not_there(reply, ret);
	reply->status = 204;
	reply->type = NULL;
	return 0;
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/filters", VIEWER, .handle = list_filters),
	NR_ROUTE("POST", "/api/v1/filters", VIEWER, .handle = post_filter,
		 .body_max = NR_PEOPLE_BODY),
	NR_ROUTE("GET", "/api/v1/filters/{}", VIEWER, .handle = get_filter),
	NR_ROUTE("PATCH", "/api/v1/filters/{}", VIEWER, .handle = patch_filter,
		 .body_max = NR_PEOPLE_BODY),
	NR_ROUTE("DELETE", "/api/v1/filters/{}", VIEWER, .handle = delete_filter),
};

const struct nr_http_group nr_api_filters = { "filters", routes, NR_COUNT(routes) };
