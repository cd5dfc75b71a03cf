/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members and communities: who is in this network. What everybody may know of a member is its name,
 * title, economy, sector and layer; the rest is its own and the operator's. A member of a path is a
 * UUID or a name.
 */
#include "store/registry_member.h"

#include <stdio.h>
#include <string.h>

#include "serve/api/members.h"
#include "serve/api/people.h"

enum { PAGE = 1000, PAGE_MAX = 10000 };

/* ---- who asks ---- */

static bool is_operator(const struct nr_http_request *rq)
{
	return nr_http_role(rq) == NR_ROLE_OPERATOR;
}

static bool is_own(const struct nr_http_request *rq, struct nr_uuid member)
{
	return nr_uuid_eq(rq->scope->viewer.member, member);
}

int nr_members_named(struct nr_registry *registry, struct nr_str text,
		     struct nr_registry_member *ret_member, struct nr_err *reterr)
{
	char name[NR_REGISTRY_NAME];
	struct nr_uuid uuid;

	if (nr_uuid_parse(text, &uuid) == 0)
		return nr_registry_member_find(registry, uuid, ret_member, reterr);
	(void)snprintf(name, sizeof(name), NR_STR_FMT, NR_STR_ARG(text));
	/* What is too long for a name is looked for all the same, and not found. */
	return nr_registry_member_named(registry, text.n < sizeof(name) ? name : "", ret_member,
					reterr);
}

/* Of the path; a suspended one is there for itself and the operator. @return 0; -ENOENT */
static int find(struct nr_hub *hub, const struct nr_http_request *rq,
		struct nr_registry_member *ret_member, struct nr_err *reterr)
{
	int ret = nr_members_named(hub->core->registry, rq->part[0], ret_member, reterr);

	if (ret == 0 && ret_member->suspended.ns != 0 && !is_operator(rq) &&
	    !is_own(rq, ret_member->uuid))
		return nr_fail(reterr, -ENOENT, "no such member");
	return ret;
}

/* What only the member itself and the operator may know is not there for others. */
static int find_inside(struct nr_hub *hub, const struct nr_http_request *rq,
		       struct nr_registry_member *ret_member, struct nr_err *reterr)
{
	int ret = find(hub, rq, ret_member, reterr);

	if (ret == 0 && !is_operator(rq) && !is_own(rq, ret_member->uuid))
		return nr_fail(reterr, -ENOENT, "no such member");
	return ret;
}

/* ---- members as JSON ---- */

static void put_public(struct nr_json *json, const struct nr_registry_member *member)
{
	nr_people_put_uuid(json, "uuid", member->uuid);
	nr_people_put_text(json, "name", member->name);
	nr_people_put_text(json, "title", member->title);
	if (member->economy[0] != '\0')
		nr_people_put_text(json, "economy", member->economy);
	if (member->sector[0] != '\0')
		nr_people_put_text(json, "sector", member->sector);
	if (member->layer < NR_N_LAYERS)
		nr_people_put_text(json, "layer", nr_layer_names[member->layer]);
	nr_people_put_bool(json, "operator", member->is_operator);
}

static void put_inside(struct nr_json *json, const struct nr_registry_member *member)
{
	nr_people_put_number(json, "epoch", member->epoch);
	nr_people_put_time(json, "created", member->created);
	nr_people_put_time(json, "suspended", member->suspended);
}

static int put_contact(void *ctx, const struct nr_registry_contact *contact)
{
	struct nr_json *json = ctx;

	nr_json_object(json);
	nr_people_put_text(json, "role", contact->role);
	nr_people_put_text(json, "address", contact->address);
	nr_json_object_end(json);
	return 0;
}

void nr_members_json(struct nr_json *json, const struct nr_registry_member *member, bool inside)
{
	nr_json_object(json);
	put_public(json, member);
	if (inside)
		put_inside(json, member);
	nr_json_object_end(json);
}

static int answer(struct nr_hub *hub, const struct nr_http_request *rq,
		  const struct nr_registry_member *member, struct nr_http_reply *reply)
{
	struct nr_json json;
	int64_t n = 0;

	nr_json_init(&json, &reply->body);
	nr_json_object(&json);
	put_public(&json, member);
	if (is_operator(rq) || is_own(rq, member->uuid)) {
		put_inside(&json, member);
		nr_json_key(&json, "contacts");
		nr_json_array(&json);
		n = nr_registry_contacts(hub->core->registry, member->uuid, put_contact, &json,
					 &reply->err);
		nr_json_array_end(&json);
	}
	nr_json_object_end(&json);
	nr_buf_add(&reply->body, "\n", 1);
	return n < 0 ? (int)n : 0;
}

/* ---- list, make, look, change ---- */

struct page {
	const struct nr_http_request *rq;
	struct nr_json json;
	uint64_t last;
};

static int put_member(void *ctx, const struct nr_registry_member *member)
{
	struct page *page = ctx;

	nr_members_json(&page->json, member,
			is_operator(page->rq) || is_own(page->rq, member->uuid));
	page->last = member->sequence;
	return page->json.out->err;
}

static int list(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "since", "limit", NULL };
	struct nr_hub *hub = ctx;
	struct nr_cursor_keeper keeper = nr_cursor_bound(&hub->cursors, &rq->scope->viewer);
	struct nr_cursor cursor = { .kind = NR_CURSOR_MEMBERS };
	struct page page = { .rq = rq };
	struct nr_str text;
	uint64_t limit = PAGE;
	int64_t n = nr_http_only(rq, names, &reply->err);

	if (n == 0)
		n = nr_http_number(rq, "limit", 1, PAGE_MAX, PAGE, &limit, &reply->err);
	if (n == 0 && nr_http_param(rq, "since", &text))
		n = nr_cursor_parse(&keeper, text, NR_CURSOR_MEMBERS, &cursor, &reply->err);
	if (n < 0)
		return (int)n;
	page.last = cursor.at;
	nr_json_init(&page.json, &reply->body);
	nr_json_object(&page.json);
	nr_json_key(&page.json, "members");
	nr_json_array(&page.json);
	n = nr_registry_members(hub->core->registry, cursor.at, limit, is_operator(rq), put_member,
				&page, &reply->err);
	if (n < 0)
		return (int)n;
	nr_json_array_end(&page.json);
	cursor.at = page.last;
	cursor.kind = NR_CURSOR_MEMBERS;
	nr_cursor_print(&keeper, &cursor, reply->next);
	nr_people_put_text(&page.json, "next", reply->next);
	nr_people_put_bool(&page.json, "more", (uint64_t)n == limit);
	nr_json_object_end(&page.json);
	nr_buf_add(&reply->body, "\n", 1);
	return 0;
}

/* What is absent stays as it is. */
static int read_facts(const json_t *json, struct nr_registry_member *member, struct nr_err *reterr)
{
	static const struct {
		const char *name;
		size_t at, cap;
	} texts[] = {
		{ "title", offsetof(struct nr_registry_member, title), sizeof(member->title) },
		{ "economy", offsetof(struct nr_registry_member, economy),
		  sizeof(member->economy) },
		{ "sector", offsetof(struct nr_registry_member, sector), sizeof(member->sector) },
	};
	unsigned layer = member->layer;
	int ret = nr_json_word(json, "layer", nr_layer_names, layer, &layer, reterr);

	for (size_t i = 0; ret == 0 && i < NR_COUNT(texts); i++)
		if (json_object_get(json, texts[i].name) != NULL) /* null: none from now on */
			ret = nr_json_text(json, texts[i].name, false, (char *)member + texts[i].at,
					   texts[i].cap, reterr);
	member->layer = (uint8_t)layer;
	return ret;
}

static int post_member(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "name", "title", "economy", "sector", "layer", NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_registry_member wish = { .layer = NR_LAYER_TECHNICAL }, made = { 0 };
	struct nr_hub *hub = ctx;
	json_t *json;
	int ret = nr_people_body(rq, names, &json, &reply->err);

	if (ret == 0)
		ret = nr_json_text(json, "name", true, wish.name, sizeof(wish.name), &reply->err);
	if (ret == 0)
		ret = read_facts(json, &wish, &reply->err);
	json_decref(json);
	if (ret == 0)
		ret = nr_registry_member_add(hub->core->registry, &wish, &act, &made, &reply->err);
	if (ret < 0)
		return nr_people_done(reply, ret);
	nr_people_location(reply, "/api/v1/members/", made.uuid);
	reply->status = 201;
	return answer(hub, rq, &made, reply);
}

static int get_member(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct nr_registry_member member = { 0 };
	struct nr_hub *hub = ctx;
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret == 0)
		ret = find(hub, rq, &member, &reply->err);
	return ret < 0 ? ret : answer(hub, rq, &member, reply);
}

struct change {
	struct nr_registry_member member;
	bool facts, contacts, force; /* said */
	bool in_force;
	struct nr_registry_contact list[NR_MEMBER_CONTACTS];
	size_t n;
};

static int read_contacts(const json_t *json, struct change *change, struct nr_err *reterr)
{
	static const char *const names[] = { "role", "address", NULL };
	const json_t *list = json_object_get(json, "contacts");
	int ret = 0;

	change->contacts = list != NULL;
	if (list == NULL)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > NR_MEMBER_CONTACTS)
		return nr_fail(reterr, NR_EUSAGE, "contacts is a list of at most %d",
			       NR_MEMBER_CONTACTS);
	for (size_t i = 0; ret == 0 && i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		struct nr_registry_contact *contact = &change->list[change->n++];

		ret = nr_json_only(one, names, reterr);
		if (ret == 0)
			ret = nr_json_text(one, "role", true, contact->role, sizeof(contact->role),
					   reterr);
		if (ret == 0)
			ret = nr_json_text(one, "address", true, contact->address,
					   sizeof(contact->address), reterr);
	}
	return ret;
}

static int read_change(const json_t *json, struct change *change, struct nr_err *reterr)
{
	static const char *const facts[] = { "title", "economy", "sector", "layer", NULL };
	bool suspended = false;
	int ret = read_contacts(json, change, reterr);

	for (size_t i = 0; facts[i] != NULL; i++)
		change->facts |= json_object_get(json, facts[i]) != NULL;
	change->force = nr_json_has(json, "suspended");
	if (ret == 0)
		ret = read_facts(json, &change->member, reterr);
	if (ret == 0)
		ret = nr_json_boolean(json, "suspended", false, &suspended, reterr);
	change->in_force = !suspended;
	return ret;
}

static int apply(struct nr_registry *registry, const struct change *change,
		 const struct nr_registry_act *act, struct nr_err *reterr)
{
	struct nr_uuid uuid = change->member.uuid;
	int ret = 0;

	if (change->facts)
		ret = nr_registry_member_update(registry, &change->member, act, reterr);
	if (ret == 0 && change->contacts)
		ret = nr_registry_contacts_set(registry, uuid, change->list, change->n, act,
					       reterr);
	if (ret == 0 && change->force)
		ret = change->in_force ? nr_registry_member_resume(registry, uuid, act, reterr)
				       : nr_registry_member_suspend(registry, uuid, act, reterr);
	return ret;
}

static int patch_member(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "title",	 "economy",   "sector", "layer",
					     "contacts", "suspended", NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct change change = { .facts = false };
	struct nr_hub *hub = ctx;
	json_t *json;
	int ret = nr_people_body(rq, names, &json, &reply->err);

	if (ret == 0)
		ret = find(hub, rq, &change.member, &reply->err);
	if (ret == 0)
		ret = read_change(json, &change, &reply->err);
	json_decref(json);
	if (ret == 0 && !is_operator(rq) &&
	    (!is_own(rq, change.member.uuid) || change.facts || change.force))
		ret = nr_fail(&reply->err, -EACCES,
			      "a coordinator changes the contacts of his own organisation; the "
			      "rest is the operator's");
	if (ret == 0)
		ret = apply(hub->core->registry, &change, &act, &reply->err);
	if (ret == 0)
		ret = nr_registry_member_find(hub->core->registry, change.member.uuid,
					      &change.member, &reply->err);
	return ret < 0 ? nr_people_done(reply, ret) : answer(hub, rq, &change.member, reply);
}

/* ---- prefixes and AS numbers ---- */

static int put_prefix(void *ctx, struct nr_prefix prefix, struct nr_time since)
{
	struct nr_json *json = ctx;
	char text[NR_PREFIX_TEXT];

	(void)nr_prefix_print(prefix, text);
	nr_json_object(json);
	nr_people_put_text(json, "prefix", text);
	nr_json_key(json, "since");
	nr_json_time(json, since);
	nr_json_object_end(json);
	return json->out->err;
}

static int put_asn(void *ctx, uint32_t asn, struct nr_time since)
{
	struct nr_json *json = ctx;

	nr_json_object(json);
	nr_people_put_number(json, "asn", asn);
	nr_json_key(json, "since");
	nr_json_time(json, since);
	nr_json_object_end(json);
	return json->out->err;
}

static int answer_prefixes(struct nr_hub *hub, struct nr_uuid member, struct nr_http_reply *reply)
{
	struct nr_json json;

	nr_json_init(&json, &reply->body);
	nr_json_object(&json);
	nr_json_key(&json, "prefixes");
	nr_json_array(&json);
	int64_t n = nr_registry_prefixes(hub->core->registry, member, put_prefix, &json,
					 &reply->err);
	nr_json_array_end(&json);
	nr_json_object_end(&json);
	nr_buf_add(&reply->body, "\n", 1);
	return n < 0 ? (int)n : 0;
}

static int answer_asns(struct nr_hub *hub, struct nr_uuid member, struct nr_http_reply *reply)
{
	struct nr_json json;

	nr_json_init(&json, &reply->body);
	nr_json_object(&json);
	nr_json_key(&json, "asns");
	nr_json_array(&json);
	int64_t n = nr_registry_asns(hub->core->registry, member, put_asn, &json, &reply->err);
	nr_json_array_end(&json);
	nr_json_object_end(&json);
	nr_buf_add(&reply->body, "\n", 1);
	return n < 0 ? (int)n : 0;
}

static int get_held(struct nr_hub *hub, const struct nr_http_request *rq,
		    struct nr_http_reply *reply,
		    int (*tell)(struct nr_hub *hub, struct nr_uuid member,
				struct nr_http_reply *reply))
{
	static const char *const none[] = { NULL };
	struct nr_registry_member member = { 0 };
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret == 0)
		ret = find_inside(hub, rq, &member, &reply->err);
	return ret < 0 ? ret : tell(hub, member.uuid, reply);
}

static int get_prefixes(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	return get_held(ctx, rq, reply, answer_prefixes);
}

static int get_asns(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	return get_held(ctx, rq, reply, answer_asns);
}

static int read_prefix(const char *text, struct nr_prefix *ret_prefix, struct nr_err *reterr)
{
	if (nr_prefix_parse(nr_str_from(text), ret_prefix) < 0)
		return nr_fail(reterr, NR_EUSAGE,
			       "prefix is one such as 192.0.2.0/24, with zeros behind its length");
	return 0;
}

static int post_prefix(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "prefix", "since", NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_registry_member member = { 0 };
	struct nr_time since = { 0 };
	char text[NR_PREFIX_TEXT] = "";
	struct nr_prefix prefix;
	struct nr_hub *hub = ctx;
	json_t *json;
	int ret = nr_people_body(rq, names, &json, &reply->err);

	if (ret == 0)
		ret = nr_json_text(json, "prefix", true, text, sizeof(text), &reply->err);
	if (ret == 0)
		ret = nr_json_when(json, "since", rq->now, &since, &reply->err);
	json_decref(json);
	if (ret == 0)
		ret = read_prefix(text, &prefix, &reply->err);
	if (ret == 0)
		ret = find(hub, rq, &member, &reply->err);
	if (ret == 0)
		ret = nr_registry_prefix_add(hub->core->registry, member.uuid, prefix, since, &act,
					     &reply->err);
	if (ret < 0)
		return nr_people_done(reply, ret);
	reply->status = 201;
	return answer_prefixes(hub, member.uuid, reply);
}

static int post_asn(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "asn", "since", NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_registry_member member = { 0 };
	struct nr_time since = { 0 };
	int64_t asn = 0;
	struct nr_hub *hub = ctx;
	json_t *json;
	int ret = nr_people_body(rq, names, &json, &reply->err);

	if (ret == 0)
		ret = nr_json_integer(json, "asn", 1, UINT32_MAX, 0, &asn, &reply->err);
	if (ret == 0)
		ret = nr_json_when(json, "since", rq->now, &since, &reply->err);
	json_decref(json);
	if (ret == 0)
		ret = find(hub, rq, &member, &reply->err);
	if (ret == 0)
		ret = nr_registry_asn_add(hub->core->registry, member.uuid, (uint32_t)asn, since,
					  &act, &reply->err);
	if (ret < 0)
		return nr_people_done(reply, ret);
	reply->status = 201;
	return answer_asns(hub, member.uuid, reply);
}

static int gone(struct nr_http_reply *reply, int ret)
{
	if (ret < 0)
		return nr_people_done(reply, ret);
	reply->status = 204;
	reply->type = NULL;
	return 0;
}

static int delete_prefix(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "prefix", NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_registry_member member = { 0 };
	char text[NR_PREFIX_TEXT];
	struct nr_str said = { "", 0 };
	struct nr_prefix prefix;
	struct nr_hub *hub = ctx;
	int ret = nr_http_only(rq, names, &reply->err);

	(void)nr_http_param(rq, "prefix", &said);
	(void)snprintf(text, sizeof(text), NR_STR_FMT, NR_STR_ARG(said));
	if (ret == 0)
		ret = read_prefix(said.n < sizeof(text) ? text : "", &prefix, &reply->err);
	if (ret == 0)
		ret = find(hub, rq, &member, &reply->err);
	if (ret == 0)
		ret = nr_registry_prefix_remove(hub->core->registry, member.uuid, prefix, &act,
						&reply->err);
	return gone(reply, ret);
}

static int delete_asn(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "asn", NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_registry_member member = { 0 };
	uint64_t asn = 0;
	struct nr_hub *hub = ctx;
	int ret = nr_http_only(rq, names, &reply->err);

	if (ret == 0)
		ret = nr_http_number(rq, "asn", 1, UINT32_MAX, 0, &asn, &reply->err);
	if (ret == 0)
		ret = find(hub, rq, &member, &reply->err);
	if (ret == 0)
		ret = nr_registry_asn_remove(hub->core->registry, member.uuid, (uint32_t)asn, &act,
					     &reply->err);
	return gone(reply, ret);
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/members", VIEWER, .handle = list),
	NR_ROUTE("POST", "/api/v1/members", OPERATOR, .handle = post_member,
		 .body_max = NR_PEOPLE_BODY),
	NR_ROUTE("GET", "/api/v1/members/{}", VIEWER, .handle = get_member),
	NR_ROUTE("PATCH", "/api/v1/members/{}", COORDINATOR, .handle = patch_member,
		 .body_max = NR_PEOPLE_BODY),
	NR_ROUTE("GET", "/api/v1/members/{}/prefixes", VIEWER, .handle = get_prefixes),
	NR_ROUTE("POST", "/api/v1/members/{}/prefixes", OPERATOR, .handle = post_prefix,
		 .body_max = NR_PEOPLE_BODY),
	NR_ROUTE("DELETE", "/api/v1/members/{}/prefixes", OPERATOR, .handle = delete_prefix),
	NR_ROUTE("GET", "/api/v1/members/{}/asns", VIEWER, .handle = get_asns),
	NR_ROUTE("POST", "/api/v1/members/{}/asns", OPERATOR, .handle = post_asn,
		 .body_max = NR_PEOPLE_BODY),
	NR_ROUTE("DELETE", "/api/v1/members/{}/asns", OPERATOR, .handle = delete_asn),
};

const struct nr_http_group nr_api_members = { "members", routes, NR_COUNT(routes) };
