/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the people of a member say of a finding. That the caller may see the finding is asked first,
 * by the same question as for the finding itself; then everything is by his member.
 */
#include <stdio.h>
#include <string.h>

#include "serve/api/people.h"
#include "store/registry_triage.h"

static const char *const none[] = { NULL };

/* ---- states ---- */

/* The tag of a version: also of whose it is, so that no cache takes one member's for another's. */
static void tag_of(const struct nr_http_request *rq, const struct nr_people_finding *finding,
		   uint32_t version, char out[NR_HTTP_TAG])
{
	struct nr_digest d = nr_digest_join(rq->scope->viewer.member.b, NR_UUID_SIZE, finding->id,
					    sizeof(finding->id));

	(void)snprintf(out, NR_HTTP_TAG, "%02x%02x%02x%02x-%u", d.b[0], d.b[1], d.b[2], d.b[3],
		       version);
}

static void put_state(struct nr_json *json, const struct nr_registry_triage *triage)
{
	nr_people_put_number(json, "version", triage->version);
	nr_people_put_text(json, "state", nr_triage_state_names[triage->state]);
	if (triage->assignee_login[0] != '\0')
		nr_people_put_text(json, "assignee", triage->assignee_login);
	if (triage->version == 0)
		return;
	nr_people_put_text(json, "action", nr_triage_action_names[triage->action]);
	if (triage->words[0] != '\0')
		nr_people_put_text(json, "words", triage->words);
	nr_people_put_time(json, "changed", triage->changed);
	nr_people_put_text(json, "changed_by", triage->changed_by);
}

static int put_history(void *ctx, const struct nr_registry_triage *triage)
{
	struct nr_json *json = ctx;

	nr_json_object(json);
	put_state(json, triage);
	nr_json_object_end(json);
	return json->out->err;
}

static int answer_triage(struct nr_hub *hub, const struct nr_http_request *rq,
			 const struct nr_people_finding *finding,
			 const struct nr_registry_triage *triage, struct nr_http_reply *reply)
{
	struct nr_json json;
	int64_t n;

	tag_of(rq, finding, triage->version, reply->etag);
	if (nr_http_fresh(rq, reply))
		return 0;
	nr_json_init(&json, &reply->body);
	nr_json_object(&json);
	nr_people_put_text(&json, "finding", finding->shown);
	put_state(&json, triage);
	nr_json_key(&json, "history");
	nr_json_array(&json);
	n = nr_registry_triage_history(hub->core->registry, rq->scope->viewer.member, finding->id,
				       put_history, &json, &reply->err);
	nr_json_array_end(&json);
	nr_json_object_end(&json);
	nr_buf_add(&reply->body, "\n", 1);
	return n < 0 ? (int)n : 0;
}

static int get_triage(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	struct nr_people_finding finding = { 0 };
	struct nr_registry_triage triage = { 0 };
	struct nr_hub *hub = ctx;
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret == 0)
		ret = nr_people_finding(hub, rq, &finding, &reply->err);
	if (ret == 0)
		ret = nr_registry_triage(hub->core->registry, rq->scope->viewer.member, finding.id,
					 &triage, &reply->err);
	return ret == 0 ? answer_triage(hub, rq, &finding, &triage, reply) : ret;
}

/* If-Match and `version` both name what the change was thought for. */
static int read_expected(struct nr_hub *hub, const struct nr_http_request *rq, const json_t *json,
			 const struct nr_people_finding *finding,
			 struct nr_registry_triage_change *change, struct nr_err *reterr)
{
	struct nr_registry_triage now = { 0 };
	char tag[NR_HTTP_TAG];
	int64_t version = -1;
	int ret = nr_json_integer(json, "version", 0, NR_TRIAGE_VERSIONS, -1, &version, reterr);

	if (ret == 0 && version >= 0) {
		change->has_expected = true;
		change->expected = (uint32_t)version;
	}
	if (ret < 0 || rq->if_match == NULL)
		return ret;
	ret = nr_registry_triage(hub->core->registry, change->member, finding->id, &now, reterr);
	if (ret < 0)
		return ret;
	tag_of(rq, finding, now.version, tag);
	if (!nr_http_etag_in(rq->if_match, tag, true) ||
	    (change->has_expected && change->expected != now.version))
		return nr_fail(reterr, -ESTALE,
			       "it was changed meanwhile: version %u holds; look again",
			       now.version);
	change->has_expected = true; /* asked again when it is changed */
	change->expected = now.version;
	return 0;
}

static int read_change(struct nr_hub *hub, const struct nr_http_request *rq, const json_t *json,
		       const struct nr_people_finding *finding, char assignee[NR_REGISTRY_NAME],
		       char words[NR_TRIAGE_WORDS], struct nr_registry_triage_change *change,
		       struct nr_err *reterr)
{
	unsigned action = NR_TRIAGE_UNDO + 1;
	int ret = nr_json_word(json, "action", nr_triage_action_names, action, &action, reterr);

	if (ret == 0 && action > NR_TRIAGE_UNDO)
		ret = nr_fail(reterr, NR_EUSAGE,
			      "action is acknowledge, false, close, reopen, assign or undo");
	if (ret == 0)
		ret = nr_json_text(json, "assignee", false, assignee, NR_REGISTRY_NAME, reterr);
	if (ret == 0 && nr_json_has(json, "assignee") && action != NR_TRIAGE_ASSIGN)
		ret = nr_fail(reterr, NR_EUSAGE, "assignee goes with the action assign");
	if (ret == 0)
		ret = nr_json_text(json, "words", false, words, NR_TRIAGE_WORDS, reterr);
	*change = (struct nr_registry_triage_change){ .member = rq->scope->viewer.member,
						      .finding = finding->id,
						      .shown = finding->shown,
						      .action = (enum nr_triage_action)action,
						      .assignee = assignee,
						      .words = words };
	return ret == 0 ? read_expected(hub, rq, json, finding, change, reterr) : ret;
}

static int post_triage(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "action", "assignee", "words", "version", NULL };
	char assignee[NR_REGISTRY_NAME], words[NR_TRIAGE_WORDS];
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_registry_triage_change change = { 0 };
	struct nr_people_finding finding = { 0 };
	struct nr_registry_triage triage = { 0 };
	struct nr_hub *hub = ctx;
	json_t *json;
	int ret = nr_people_body(rq, names, &json, &reply->err);

	if (ret == 0)
		ret = nr_people_finding(hub, rq, &finding, &reply->err);
	if (ret == 0)
		ret = read_change(hub, rq, json, &finding, assignee, words, &change, &reply->err);
	json_decref(json);
	if (ret == 0)
		ret = nr_registry_triage_change(hub->core->registry, &change, &act, &triage,
						&reply->err);
	if (ret == 0)
		ret = answer_triage(hub, rq, &finding, &triage, reply);
	return nr_people_done(reply, ret);
}

/* ---- comments ---- */

struct writer {
	struct nr_json json;
	const struct nr_http_request *rq;
};

static int put_comment(void *ctx, const struct nr_registry_comment *comment)
{
	struct writer *writer = ctx;
	struct nr_json *json = &writer->json;
	bool own = nr_uuid_eq(comment->member, writer->rq->scope->viewer.member);

	nr_json_object(json);
	nr_people_put_uuid(json, "uuid", comment->uuid);
	nr_people_put_text(json, "member", comment->member_name);
	nr_people_put_bool(json, "own", own);
	if (own) /* who it was within another organisation is not said */
		nr_people_put_text(json, "by", comment->actor);
	nr_people_put_time(json, "made", comment->made);
	if (own && comment->removed.ns != 0)
		nr_people_put_time(json, "removed", comment->removed);
	if (comment->has_label)
		nr_people_put_text(json, "tlp", nr_tlp_names[comment->label.tlp]);
	if (own && comment->has_label) { /* and not to whom else it was said */
		nr_json_key(json, "label");
		nr_label_json(&comment->label, json);
	}
	nr_people_put_text(json, "words", comment->words);
	nr_json_object_end(json);
	return json->out->err;
}

static int answer_comment(const struct nr_http_request *rq,
			  const struct nr_registry_comment *comment, struct nr_http_reply *reply)
{
	struct writer writer = { .rq = rq };

	nr_json_init(&writer.json, &reply->body);
	int ret = put_comment(&writer, comment);

	nr_buf_add(&reply->body, "\n", 1);
	return ret;
}

static int list_comments(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	struct writer writer = { .rq = rq };
	struct nr_people_finding finding = { 0 };
	struct nr_hub *hub = ctx;
	int64_t n = nr_http_only(rq, none, &reply->err);

	if (n == 0)
		n = nr_people_finding(hub, rq, &finding, &reply->err);
	if (n < 0)
		return (int)n;
	nr_json_init(&writer.json, &reply->body);
	nr_json_object(&writer.json);
	nr_json_key(&writer.json, "comments");
	nr_json_array(&writer.json);
	n = nr_registry_comments(hub->core->registry, &rq->scope->viewer, finding.id, put_comment,
				 &writer, &reply->err);
	nr_json_array_end(&writer.json);
	nr_json_object_end(&writer.json);
	nr_buf_add(&reply->body, "\n", 1);
	return n < 0 ? (int)n : 0;
}

static int post_comment(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "words", "label", NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_registry_comment comment = { .member = rq->scope->viewer.member,
					       .user = rq->scope->viewer.user };
	struct nr_people_finding finding = { 0 };
	struct nr_hub *hub = ctx;
	char path[96];
	json_t *json;
	int ret = nr_people_body(rq, names, &json, &reply->err);

	if (ret == 0)
		ret = nr_people_finding(hub, rq, &finding, &reply->err);
	if (ret == 0)
		ret = nr_json_text(json, "words", true, comment.words, sizeof(comment.words),
				   &reply->err);
	comment.has_label = ret == 0 && nr_json_has(json, "label");
	if (comment.has_label)
		ret = nr_people_label(json, "label", rq, &comment.label, &reply->err);
	json_decref(json);
	comment.finding = finding.id;
	comment.shown = finding.shown;
	if (ret == 0)
		ret = nr_registry_comment_add(hub->core->registry, &comment, &act, &reply->err);
	if (ret == 0)
		ret = nr_registry_comment_find(hub->core->registry, &rq->scope->viewer, finding.id,
					       comment.uuid, &comment, &reply->err);
	if (ret < 0)
		return nr_people_done(reply, ret);
	(void)snprintf(path, sizeof(path), "/api/v1/findings/%s/comments/", finding.shown);
	nr_people_location(reply, path, comment.uuid);
	reply->status = 201;
	return answer_comment(rq, &comment, reply);
}

/* The comment of the path, when finding, comment and caller belong together. */
static int find_comment(struct nr_hub *hub, const struct nr_http_request *rq,
			struct nr_people_finding *finding, struct nr_registry_comment *comment,
			struct nr_err *reterr)
{
	int ret = nr_people_finding(hub, rq, finding, reterr);

	if (ret == 0)
		ret = nr_registry_comment_find(hub->core->registry, &rq->scope->viewer, finding->id,
					       nr_people_uuid(rq, 1), comment, reterr);
	return ret;
}

/* Whatever of the path does not belong together: the same words. */
static int not_there(struct nr_http_reply *reply, int ret)
{
	if (ret == -ENOENT)
		ret = nr_fail(&reply->err, -ENOENT, "there is no such comment");
	return nr_people_done(reply, ret);
}

static int get_comment(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	struct nr_people_finding finding = { 0 };
	struct nr_registry_comment comment = { 0 };
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret == 0)
		ret = find_comment(ctx, rq, &finding, &comment, &reply->err);
	return ret == 0 ? answer_comment(rq, &comment, reply) : not_there(reply, ret);
}

static int set_removed(struct nr_hub *hub, const struct nr_http_request *rq, bool remove,
		       struct nr_http_reply *reply)
{
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_people_finding finding = { 0 };
	struct nr_registry_comment comment = { 0 };
	int ret = nr_people_finding(hub, rq, &finding, &reply->err);

	if (ret == 0)
		ret = nr_registry_comment_remove(hub->core->registry, &rq->scope->viewer,
						 finding.id, nr_people_uuid(rq, 1), remove, &act,
						 &comment, &reply->err);
	return ret == 0 ? answer_comment(rq, &comment, reply) : not_there(reply, ret);
}

static int delete_comment(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	int ret = nr_http_only(rq, none, &reply->err);

	return ret == 0 ? set_removed(ctx, rq, true, reply) : ret;
}

static int patch_comment(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "removed", NULL };
	bool removed = false;
	json_t *json;
	int ret = nr_people_body(rq, names, &json, &reply->err);

	if (ret == 0 && !nr_json_has(json, "removed"))
		ret = nr_fail(&reply->err, NR_EUSAGE, "say removed: true or false");
	if (ret == 0)
		ret = nr_json_boolean(json, "removed", false, &removed, &reply->err);
	json_decref(json);
	return ret == 0 ? set_removed(ctx, rq, removed, reply) : ret;
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/findings/{}/triage", VIEWER, .handle = get_triage),
	NR_ROUTE("POST", "/api/v1/findings/{}/triage", ANALYST, .handle = post_triage,
		 .body_max = NR_PEOPLE_BODY),
	NR_ROUTE("GET", "/api/v1/findings/{}/comments", VIEWER, .handle = list_comments),
	NR_ROUTE("POST", "/api/v1/findings/{}/comments", ANALYST, .handle = post_comment,
		 .body_max = NR_PEOPLE_BODY),
	NR_ROUTE("GET", "/api/v1/findings/{}/comments/{}", VIEWER, .handle = get_comment),
	NR_ROUTE("PATCH", "/api/v1/findings/{}/comments/{}", ANALYST, .handle = patch_comment,
		 .body_max = NR_PEOPLE_BODY),
	NR_ROUTE("DELETE", "/api/v1/findings/{}/comments/{}", ANALYST, .handle = delete_comment),
};

const struct nr_http_group nr_api_triage = { "triage", routes, NR_COUNT(routes) };
