/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Communities: those who ask see the ones they are in, the operator all of them; of another there is
 * nothing. A community of a path is a UUID or a name.
 */
#include <stdio.h>

#include "serve/api/members.h"
#include "serve/api/people.h"

static bool is_operator(const struct nr_http_request *rq)
{
	return nr_http_role(rq) == NR_ROLE_OPERATOR;
}

static bool is_in(const struct nr_viewer *viewer, struct nr_uuid community)
{
	for (size_t i = 0; i < viewer->n_communities; i++)
		if (nr_uuid_eq(viewer->communities[i].uuid, community))
			return true;
	return false;
}

/* What the caller may not know of is looked for as what is nothing's: it takes the same work. */
static int find(struct nr_hub *hub, const struct nr_http_request *rq,
		struct nr_registry_community *ret_community, struct nr_err *reterr)
{
	struct nr_registry *registry = hub->core->registry;
	char name[NR_REGISTRY_NAME];
	struct nr_uuid uuid;
	int ret = 0;

	(void)snprintf(name, sizeof(name), NR_STR_FMT, NR_STR_ARG(rq->part[0]));
	if (nr_uuid_parse(rq->part[0], &uuid) < 0)
		ret = nr_registry_community_uuid(registry, rq->part[0].n < sizeof(name) ? name : "",
						 &uuid, reterr);
	if (ret == 0 && !is_operator(rq) && !is_in(&rq->scope->viewer, uuid))
		uuid = (struct nr_uuid){ { 0 } };
	return ret < 0 ? ret : nr_registry_community_find(registry, uuid, ret_community, reterr);
}

static int put_community(void *ctx, const struct nr_registry_community *community)
{
	struct nr_json *json = ctx;

	nr_json_object(json);
	nr_people_put_uuid(json, "uuid", community->uuid);
	nr_people_put_text(json, "name", community->name);
	nr_people_put_text(json, "title", community->title);
	nr_people_put_time(json, "created", community->created);
	nr_people_put_number(json, "members", community->members);
	nr_json_object_end(json);
	return json->out->err;
}

static int list(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct nr_hub *hub = ctx;
	struct nr_json json;
	int64_t n = nr_http_only(rq, none, &reply->err);

	if (n < 0)
		return (int)n;
	nr_json_init(&json, &reply->body);
	nr_json_object(&json);
	nr_json_key(&json, "communities");
	nr_json_array(&json);
	n = nr_registry_communities(hub->core->registry,
				    is_operator(rq) ? NULL : &rq->scope->viewer.member,
				    put_community, &json, &reply->err);
	nr_json_array_end(&json);
	nr_json_object_end(&json);
	nr_buf_add(&reply->body, "\n", 1);
	return n < 0 ? (int)n : 0;
}

static int post_community(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "name", "title", NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_registry_community made = { 0 };
	char name[NR_REGISTRY_NAME] = "", title[NR_MEMBER_TITLE] = "";
	struct nr_hub *hub = ctx;
	struct nr_json out;
	json_t *json;
	int ret = nr_people_body(rq, names, &json, &reply->err);

	if (ret == 0)
		ret = nr_json_text(json, "name", true, name, sizeof(name), &reply->err);
	if (ret == 0)
		ret = nr_json_text(json, "title", false, title, sizeof(title), &reply->err);
	json_decref(json);
	if (ret == 0)
		ret = nr_registry_community_add(hub->core->registry, name, title, &act, &made,
						&reply->err);
	if (ret < 0)
		return nr_people_done(reply, ret);
	nr_people_location(reply, "/api/v1/communities/", made.uuid);
	reply->status = 201;
	nr_json_init(&out, &reply->body);
	ret = put_community(&out, &made);
	nr_buf_add(&reply->body, "\n", 1);
	return ret;
}

/* ---- who is in it ---- */

static int put_party(void *ctx, const struct nr_party *member, const char *name)
{
	struct nr_json *json = ctx;

	nr_json_object(json);
	nr_people_put_uuid(json, "member", member->uuid);
	nr_people_put_text(json, "name", name);
	nr_people_put_number(json, "epoch", member->epoch);
	nr_json_object_end(json);
	return json->out->err;
}

static int answer_members(struct nr_hub *hub, struct nr_uuid community, struct nr_http_reply *reply)
{
	struct nr_json json;

	nr_json_init(&json, &reply->body);
	nr_json_object(&json);
	nr_json_key(&json, "members");
	nr_json_array(&json);
	int64_t n = nr_registry_community_members(hub->core->registry, community, put_party, &json,
						  &reply->err);
	nr_json_array_end(&json);
	nr_json_object_end(&json);
	nr_buf_add(&reply->body, "\n", 1);
	return n < 0 ? (int)n : 0;
}

static int get_members(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct nr_registry_community community;
	struct nr_hub *hub = ctx;
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret == 0)
		ret = find(hub, rq, &community, &reply->err);
	return ret < 0 ? ret : answer_members(hub, community.uuid, reply);
}

static int post_party(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "member", NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_registry_community community;
	struct nr_registry_member member;
	char text[NR_REGISTRY_NAME] = "";
	struct nr_hub *hub = ctx;
	json_t *json;
	int ret = nr_people_body(rq, names, &json, &reply->err);

	if (ret == 0)
		ret = nr_json_text(json, "member", true, text, sizeof(text), &reply->err);
	json_decref(json);
	if (ret == 0)
		ret = find(hub, rq, &community, &reply->err);
	if (ret == 0 && nr_members_named(hub->core->registry, nr_str_from(text), &member, NULL) < 0)
		ret = nr_fail(&reply->err, NR_EUSAGE, "member: there is no such one");
	if (ret == 0)
		ret = nr_registry_community_join(hub->core->registry, community.uuid, member.uuid,
						 &act, &reply->err);
	if (ret < 0)
		return nr_people_done(reply, ret);
	reply->status = 201;
	return answer_members(hub, community.uuid, reply);
}

static int delete_party(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "member", NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_registry_community community;
	struct nr_registry_member member;
	struct nr_str said;
	struct nr_hub *hub = ctx;
	int ret = nr_http_only(rq, names, &reply->err);

	if (ret == 0 && !nr_http_param(rq, "member", &said))
		ret = nr_fail(&reply->err, NR_EUSAGE, "member is missing: a UUID or a name");
	if (ret == 0)
		ret = find(hub, rq, &community, &reply->err);
	if (ret == 0)
		ret = nr_members_named(hub->core->registry, said, &member, &reply->err);
	if (ret == 0)
		ret = nr_registry_community_leave(hub->core->registry, community.uuid, member.uuid,
						  &act, &reply->err);
	if (ret < 0)
		return nr_people_done(reply, ret);
	reply->status = 204;
	reply->type = NULL;
	return 0;
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/communities", VIEWER, .handle = list),
	NR_ROUTE("POST", "/api/v1/communities", OPERATOR, .handle = post_community,
		 .body_max = NR_PEOPLE_BODY),
	NR_ROUTE("GET", "/api/v1/communities/{}/members", VIEWER, .handle = get_members),
	NR_ROUTE("POST", "/api/v1/communities/{}/members", OPERATOR, .handle = post_party,
		 .body_max = NR_PEOPLE_BODY),
	NR_ROUTE("DELETE", "/api/v1/communities/{}/members", OPERATOR, .handle = delete_party),
};

const struct nr_http_group nr_api_communities = { "communities", routes, NR_COUNT(routes) };
