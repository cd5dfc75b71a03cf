/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "serve/api/people.h"
#include "store/registry_suppression.h"

#define DAY_NS (86400 * NR_NS_PER_S)

struct writer {
	struct nr_json json;
	const struct nr_http_request *rq;
};

static int put_rule(void *ctx, const struct nr_suppression *rule)
{
	struct writer *writer = ctx;
	struct nr_json *json = &writer->json;
	bool own = nr_uuid_eq(rule->member, writer->rq->scope->viewer.member);
	char subject[NR_PREFIX_TEXT];

	nr_json_object(json);
	nr_people_put_uuid(json, "uuid", rule->uuid);
	nr_people_put_text(json, "kind", rule->allow ? "allow" : "suppress");
	nr_people_put_text(json, "for", rule->everyone ? "everyone" : "member");
	nr_people_put_bool(json, "own", own);
	nr_people_put_bool(json, "in_force", nr_suppression_in_force(rule, writer->rq->now));
	if (rule->detector[0] != '\0')
		nr_people_put_text(json, "detector", rule->detector);
	if (rule->kind[0] != '\0')
		nr_people_put_text(json, "finding_kind", rule->kind);
	if (rule->has_subject) {
		(void)nr_prefix_print(rule->subject, subject);
		nr_people_put_text(json, "subject", subject);
	}
	if (rule->asn != 0)
		nr_people_put_number(json, "asn", rule->asn);
	nr_people_put_text(json, "words", rule->words);
	nr_people_put_time(json, "created", rule->created);
	nr_people_put_time(json, "expires", rule->expires);
	nr_people_put_time(json, "undone", rule->undone);
	if (own) { /* who it was is its own organisation's to know */
		nr_people_put_text(json, "created_by", rule->created_by);
		if (rule->undone.ns != 0)
			nr_people_put_text(json, "undone_by", rule->undone_by);
	}
	nr_json_object_end(json);
	return json->out->err;
}

static int answer_rule(const struct nr_http_request *rq, const struct nr_suppression *rule,
		       struct nr_http_reply *reply)
{
	struct writer writer = { .rq = rq };

	nr_json_init(&writer.json, &reply->body);
	int ret = put_rule(&writer, rule);

	nr_buf_add(&reply->body, "\n", 1);
	return ret;
}

static int list_rules(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "state", NULL };
	struct writer writer = { .rq = rq };
	struct nr_str state = NR_STR("in_force");
	struct nr_hub *hub = ctx;
	int64_t n = nr_http_only(rq, names, &reply->err);

	(void)nr_http_param(rq, "state", &state);
	if (n == 0 && !nr_str_eq(state, NR_STR("in_force")) && !nr_str_eq(state, NR_STR("all")))
		n = nr_fail(&reply->err, NR_EUSAGE, "state is in_force or all");
	if (n < 0)
		return (int)n;
	nr_json_init(&writer.json, &reply->body);
	nr_json_object(&writer.json);
	nr_json_key(&writer.json, "suppressions");
	nr_json_array(&writer.json);
	n = nr_registry_suppressions(hub->core->registry, rq->scope->viewer.member,
				     nr_str_eq(state, NR_STR("in_force")), rq->now, put_rule,
				     &writer, &reply->err);
	nr_json_array_end(&writer.json);
	nr_json_object_end(&writer.json);
	nr_buf_add(&reply->body, "\n", 1);
	return n < 0 ? (int)n : 0;
}

/* ---- making ---- */

static int read_what(const json_t *json, struct nr_suppression *rule, struct nr_err *reterr)
{
	char subject[NR_PREFIX_TEXT];
	int64_t asn = 0;
	int ret = nr_json_text(json, "detector", false, rule->detector, sizeof(rule->detector),
			       reterr);

	if (ret == 0)
		ret = nr_json_text(json, "finding_kind", false, rule->kind, sizeof(rule->kind),
				   reterr);
	if (ret == 0)
		ret = nr_json_text(json, "subject", false, subject, sizeof(subject), reterr);
	rule->has_subject = ret == 0 && subject[0] != '\0';
	if (rule->has_subject && nr_prefix_parse(nr_str_from(subject), &rule->subject) < 0)
		ret = nr_fail(reterr, NR_EUSAGE,
			      "subject is an address or a prefix, such as 192.0.2.1 or "
			      "192.0.2.0/24");
	if (ret == 0)
		ret = nr_json_integer(json, "asn", 1, UINT32_MAX, 0, &asn, reterr);
	rule->asn = ret == 0 ? (uint32_t)asn : 0;
	return ret;
}

static int read_end(const json_t *json, struct nr_time now, struct nr_suppression *rule,
		    struct nr_err *reterr)
{
	int64_t days = NR_SUPPRESSION_DAYS;
	int ret = nr_json_integer(json, "days", 1, NR_SUPPRESSION_DAYS_MAX, NR_SUPPRESSION_DAYS,
				  &days, reterr);

	if (ret < 0)
		return ret;
	rule->expires.ns = now.ns + days * DAY_NS;
	if (nr_json_has(json, "days") && nr_json_has(json, "expires"))
		return nr_fail(reterr, NR_EUSAGE, "days or expires, not both");
	return nr_json_when(json, "expires", rule->expires, &rule->expires, reterr);
}

static int read_rule(const struct nr_http_request *rq, const json_t *json,
		     struct nr_suppression *rule, struct nr_err *reterr)
{
	static const char *const kinds[] = { "suppress", "allow", NULL };
	static const char *const whose[] = { "member", "everyone", NULL };
	unsigned kind = 0, everyone = 0;
	int ret = nr_json_word(json, "kind", kinds, 0, &kind, reterr);

	*rule = (struct nr_suppression){ .member = rq->scope->viewer.member };
	if (ret == 0)
		ret = nr_json_word(json, "for", whose, 0, &everyone, reterr);
	if (ret < 0)
		return ret;
	rule->allow = kind == 1;
	rule->everyone = everyone == 1;
	if (rule->everyone && nr_http_role(rq) != NR_ROLE_OPERATOR)
		return nr_fail(reterr, -EACCES, "for everyone is the operator's to say");
	ret = read_what(json, rule, reterr);
	if (ret == 0)
		ret = nr_json_text(json, "words", true, rule->words, sizeof(rule->words), reterr);
	return ret == 0 ? read_end(json, rq->now, rule, reterr) : ret;
}

static int post_rule(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "kind", "for",   "detector", "finding_kind", "subject",
					     "asn",  "words", "days",	  "expires",	  NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_suppression rule = { 0 };
	struct nr_hub *hub = ctx;
	json_t *json;
	int ret = nr_people_body(rq, names, &json, &reply->err);

	if (ret == 0)
		ret = read_rule(rq, json, &rule, &reply->err);
	json_decref(json);
	if (ret == 0)
		ret = nr_registry_suppression_add(hub->core->registry, &rule, &act, &reply->err);
	if (ret < 0)
		return nr_people_done(reply, ret);
	nr_people_location(reply, "/api/v1/suppressions/", rule.uuid);
	reply->status = 201;
	return answer_rule(rq, &rule, reply);
}

static int get_rule(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct nr_suppression rule = { 0 };
	struct nr_hub *hub = ctx;
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret == 0)
		ret = nr_registry_suppression_find(hub->core->registry, rq->scope->viewer.member,
						   nr_people_uuid(rq, 0), &rule, &reply->err);
	return ret == 0 ? answer_rule(rq, &rule, reply) : ret;
}

/* One for everyone may be read by all and undone by the operator: there it is a 403, not a 404. */
static int undo_rule(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_suppression rule = { 0 };
	struct nr_hub *hub = ctx;
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret == 0)
		ret = nr_registry_suppression_find(hub->core->registry, rq->scope->viewer.member,
						   nr_people_uuid(rq, 0), &rule, &reply->err);
	if (ret == 0 && rule.everyone && nr_http_role(rq) != NR_ROLE_OPERATOR)
		ret = nr_fail(&reply->err, -EACCES,
			      "it holds for everyone: the operator may undo it");
	if (ret == 0)
		ret = nr_registry_suppression_undo(hub->core->registry, rule.member, rule.uuid,
						   &act, &rule, &reply->err);
	return ret == 0 ? answer_rule(rq, &rule, reply) : nr_people_done(reply, ret);
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/suppressions", VIEWER, .handle = list_rules),
	NR_ROUTE("POST", "/api/v1/suppressions", COORDINATOR, .handle = post_rule,
		 .body_max = NR_PEOPLE_BODY),
	NR_ROUTE("GET", "/api/v1/suppressions/{}", VIEWER, .handle = get_rule),
	NR_ROUTE("DELETE", "/api/v1/suppressions/{}", COORDINATOR, .handle = undo_rule),
};

const struct nr_http_group nr_api_suppressions = { "suppressions", routes, NR_COUNT(routes) };
