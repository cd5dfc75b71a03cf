/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Do you see this too?" Whom the label reaches sees the question and who asked; who else was asked,
 * and what others answered, only who asked sees.
 */
#include "serve/api/asks.h"

#include <stdio.h>
#include <string.h>

#include "record/proto.h"

enum { PAGE = 100, PAGE_MAX = 1000 };
#define HOUR_NS (3600 * NR_NS_PER_S)

/* ---- answers ---- */

static int put_answer(void *ctx, const struct nr_registry_ask_answer *answer)
{
	struct nr_asks_writer *writer = ctx;
	struct nr_json *json = &writer->json;

	nr_json_object(json);
	nr_people_put_text(json, "member", answer->member_name);
	nr_people_put_text(json, "seen", nr_ask_seen_names[answer->seen]);
	if (answer->level != NR_ASK_UNSAID)
		nr_people_put_text(json, "level", nr_ask_level_names[answer->level]);
	nr_people_put_time(json, "first", answer->first);
	nr_people_put_time(json, "last", answer->last);
	if (answer->words[0] != '\0')
		nr_people_put_text(json, "words", answer->words);
	nr_people_put_time(json, "made", answer->made);
	if (nr_uuid_eq(answer->member, writer->rq->scope->viewer.member))
		nr_people_put_text(json, "by", answer->actor);
	nr_json_object_end(json);
	return json->out->err;
}

static const char *state_of(const struct nr_registry_ask *ask, struct nr_time now)
{
	if (ask->closed.ns != 0)
		return "closed";
	return nr_registry_ask_open(ask, now) ? "open" : "expired";
}

static void put_ask(struct nr_asks_writer *writer, const struct nr_registry_ask *ask)
{
	struct nr_json *json = &writer->json;
	bool own = nr_uuid_eq(ask->member, writer->rq->scope->viewer.member);

	nr_people_put_uuid(json, "uuid", ask->uuid);
	nr_people_put_text(json, "member", ask->member_name);
	nr_people_put_bool(json, "own", own);
	nr_people_put_text(json, "what", ask->subject);
	nr_people_put_time(json, "since", ask->since);
	nr_people_put_time(json, "until", ask->until);
	nr_people_put_text(json, "words", ask->words);
	nr_people_put_text(json, "tlp", nr_tlp_names[ask->label.tlp]);
	nr_people_put_text(json, "state", state_of(ask, writer->rq->now));
	nr_people_put_time(json, "made", ask->made);
	nr_people_put_time(json, "expires", ask->expires);
	nr_people_put_time(json, "closed", ask->closed);
	if (own) {
		nr_people_put_text(json, "by", ask->actor);
		nr_people_put_number(json, "answered", ask->answers);
		nr_json_key(json, "label");
		nr_label_json(&ask->label, json);
	} else
		nr_people_put_number(json, "answered", ask->answered);
}

void nr_asks_json(const struct nr_http_request *rq, const struct nr_registry_ask *ask,
		  struct nr_json *json)
{
	struct nr_asks_writer writer = { .rq = rq, .json = *json };

	nr_json_object(&writer.json);
	put_ask(&writer, ask);
	nr_json_object_end(&writer.json);
	*json = writer.json;
}

static int put_listed(void *ctx, const struct nr_registry_ask *ask)
{
	struct nr_asks_writer *writer = ctx;

	nr_json_object(&writer->json);
	put_ask(writer, ask);
	nr_json_object_end(&writer->json);
	writer->last = ask->sequence;
	return writer->json.out->err;
}

int nr_asks_answer(struct nr_hub *hub, const struct nr_http_request *rq,
		   const struct nr_registry_ask *ask, struct nr_http_reply *reply)
{
	struct nr_asks_writer writer = { .rq = rq };
	int64_t n;

	nr_json_init(&writer.json, &reply->body);
	nr_json_object(&writer.json);
	put_ask(&writer, ask);
	nr_json_key(&writer.json, "answers");
	nr_json_array(&writer.json);
	n = nr_registry_ask_answers(hub->core->registry, &rq->scope->viewer, ask, put_answer,
				    &writer, &reply->err);
	nr_json_array_end(&writer.json);
	nr_json_object_end(&writer.json);
	nr_buf_add(&reply->body, "\n", 1);
	return n < 0 ? (int)n : 0;
}

int nr_asks_find(struct nr_hub *hub, const struct nr_http_request *rq,
		 struct nr_registry_ask *ret_ask, struct nr_err *reterr)
{
	int ret = nr_registry_ask_find(hub->core->registry, &rq->scope->viewer,
				       nr_people_uuid(rq, 0), ret_ask, reterr);

	return ret == -ENOENT ? nr_fail(reterr, -ENOENT, "there is no such question") : ret;
}

/* ---- reading ---- */

static int list_asks(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "state", "since", "limit", NULL };
	struct nr_hub *hub = ctx;
	struct nr_cursor_keeper keeper = nr_cursor_bound(&hub->cursors, &rq->scope->viewer);
	struct nr_registry_ask_filter filter = { 0 };
	struct nr_asks_writer writer = { .rq = rq };
	struct nr_cursor cursor = { .kind = NR_CURSOR_ASKS };
	struct nr_str text = NR_STR("open");
	char next[NR_CURSOR_TEXT];
	int64_t n = nr_http_only(rq, names, &reply->err);

	if (n == 0)
		n = nr_http_number(rq, "limit", 1, PAGE_MAX, PAGE, &filter.limit, &reply->err);
	if (n == 0 && nr_http_param(rq, "since", &text))
		n = nr_cursor_parse(&keeper, text, NR_CURSOR_ASKS, &cursor, &reply->err);
	text = NR_STR("all");
	(void)nr_http_param(rq, "state", &text);
	filter.open = nr_str_eq(text, NR_STR("open"));
	if (n == 0 && !filter.open && !nr_str_eq(text, NR_STR("all")))
		n = nr_fail(&reply->err, NR_EUSAGE, "state is open or all");
	if (n < 0)
		return (int)n;
	filter.after = writer.last = cursor.at;
	nr_json_init(&writer.json, &reply->body);
	nr_json_object(&writer.json);
	nr_json_key(&writer.json, "asks");
	nr_json_array(&writer.json);
	n = nr_registry_asks(hub->core->registry, &rq->scope->viewer, &filter, put_listed, &writer,
			     &reply->err);
	if (n < 0)
		return (int)n;
	nr_json_array_end(&writer.json);
	cursor.at = writer.last;
	nr_cursor_print(&keeper, &cursor, next);
	memcpy(reply->next, next, sizeof(next));
	nr_people_put_text(&writer.json, "next", next);
	nr_people_put_bool(&writer.json, "more", (uint64_t)n == filter.limit);
	nr_json_object_end(&writer.json);
	nr_buf_add(&reply->body, "\n", 1);
	return 0;
}

static int get_ask(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct nr_registry_ask ask = { 0 };
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret == 0)
		ret = nr_asks_find(ctx, rq, &ask, &reply->err);
	return ret == 0 ? nr_asks_answer(ctx, rq, &ask, reply) : ret;
}

/* ---- asking ---- */

static bool port_of(struct nr_str text, struct nr_ask_subject *subject)
{
	struct nr_str rest = text, port = nr_str_cut(&rest, '/');
	uint64_t v;

	if (nr_str_u64(port, 0, 65535, &v) < 0)
		return false;
	if (nr_str_eq(rest, NR_STR("tcp")))
		subject->protocol = NR_PROTO_TCP;
	else if (nr_str_eq(rest, NR_STR("udp")))
		subject->protocol = NR_PROTO_UDP;
	else
		return false;
	subject->port = (uint16_t)v;
	return true;
}

int nr_ask_subject_parse(struct nr_str text, struct nr_ask_subject *ret_subject)
{
	struct nr_ask_subject subject = { .kind = NR_ASK_ADDRESSES };
	uint64_t asn;

	if (nr_prefix_parse(text, &subject.prefix) == 0) {
		(void)nr_prefix_print(subject.prefix, subject.text);
		if (subject.prefix.len == 128)
			(void)nr_ip_print(subject.prefix.ip, subject.text);
	} else if (port_of(text, &subject)) {
		subject.kind = NR_ASK_PORT;
		(void)snprintf(subject.text, sizeof(subject.text), "%u/%s", subject.port,
			       subject.protocol == NR_PROTO_TCP ? "tcp" : "udp");
	} else if (text.n > 2 && (text.p[0] == 'A' || text.p[0] == 'a') &&
		   (text.p[1] == 'S' || text.p[1] == 's') &&
		   nr_str_u64((struct nr_str){ text.p + 2, text.n - 2 }, 1, UINT32_MAX, &asn) ==
			   0) {
		subject.kind = NR_ASK_AS;
		subject.asn = (uint32_t)asn;
		(void)snprintf(subject.text, sizeof(subject.text), "AS%u", subject.asn);
	} else
		return -EINVAL;
	*ret_subject = subject;
	return 0;
}

static int read_times(const json_t *json, struct nr_time now, struct nr_registry_ask *ask,
		      struct nr_err *reterr)
{
	struct nr_time day_ago = { now.ns - 24 * HOUR_NS };
	int ret = nr_json_when(json, "since", day_ago, &ask->since, reterr);

	if (ret == 0)
		ret = nr_json_when(json, "until", now, &ask->until, reterr);
	if (ret == 0 && (ask->since.ns <= 0 || ask->since.ns >= ask->until.ns))
		ret = nr_fail(reterr, NR_EUSAGE, "since lies before until, and after 1970");
	if (ret == 0 && ask->until.ns - ask->since.ns > 366 * 24 * HOUR_NS)
		ret = nr_fail(reterr, NR_EUSAGE, "ask about at most a year");
	if (ret == 0 && ask->until.ns > now.ns + 24 * HOUR_NS)
		ret = nr_fail(reterr, NR_EUSAGE, "until lies in the future");
	return ret;
}

static int read_ask(const struct nr_http_request *rq, const json_t *json,
		    struct nr_registry_ask *ask, struct nr_err *reterr)
{
	struct nr_ask_subject subject;
	char what[NR_ASK_SUBJECT];
	int ret = nr_json_text(json, "what", true, what, sizeof(what), reterr);

	*ask = (struct nr_registry_ask){ .member = rq->scope->viewer.member };
	if (ret == 0 && nr_ask_subject_parse(nr_str_from(what), &subject) < 0)
		ret = nr_fail(reterr, NR_EUSAGE,
			      "what is an address, a prefix, a port such as 23/tcp, or AS64500");
	if (ret == 0) {
		memcpy(ask->subject, subject.text, sizeof(subject.text));
		ret = nr_json_text(json, "words", false, ask->words, sizeof(ask->words), reterr);
	}
	if (ret == 0)
		ret = read_times(json, rq->now, ask, reterr);
	return ret == 0 ? nr_people_label(json, "label", rq, &ask->label, reterr) : ret;
}

static int post_ask(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "what", "since", "until", "words", "label", NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_registry_ask ask = { 0 };
	struct nr_hub *hub = ctx;
	json_t *json;
	int ret = nr_people_body(rq, names, &json, &reply->err);

	if (ret == 0)
		ret = read_ask(rq, json, &ask, &reply->err);
	json_decref(json);
	if (ret == 0)
		ret = nr_registry_ask_add(hub->core->registry, &ask, &act, &reply->err);
	if (ret == 0)
		ret = nr_registry_ask_find(hub->core->registry, &rq->scope->viewer, ask.uuid, &ask,
					   &reply->err);
	if (ret < 0)
		return nr_people_done(reply, ret);
	nr_news_tell(&hub->core->news, NR_NEWS_ASKS);
	nr_people_location(reply, "/api/v1/asks/", ask.uuid);
	reply->status = 201;
	return nr_asks_answer(hub, rq, &ask, reply);
}

static int post_close(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const none[] = { NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_registry_ask ask = { 0 };
	struct nr_hub *hub = ctx;
	int ret = nr_http_only(rq, none, &reply->err);

	if (ret == 0)
		ret = nr_asks_find(hub, rq, &ask, &reply->err);
	if (ret == 0)
		ret = nr_registry_ask_close(hub->core->registry, &rq->scope->viewer, ask.uuid, &act,
					    &ask, &reply->err);
	if (ret == 0)
		nr_news_tell(&hub->core->news, NR_NEWS_ASKS);
	return ret == 0 ? nr_asks_answer(hub, rq, &ask, reply) : nr_people_done(reply, ret);
}

/* ---- answering ---- */

/* Whole hours: minutes of what a sensor saw would help to find it. */
static int read_hour(const json_t *json, const char *name, struct nr_time *ret_time,
		     struct nr_err *reterr)
{
	int ret = nr_json_when(json, name, (struct nr_time){ 0 }, ret_time, reterr);

	if (ret == 0 && (ret_time->ns < 0 || ret_time->ns % HOUR_NS != 0))
		ret = nr_fail(
			reterr, NR_EUSAGE,
			"%s is a whole hour, such as 2026-01-02T03:00:00Z: nobody is to learn "
			"more",
			name);
	return ret;
}

static int read_answer(const json_t *json, struct nr_registry_ask_answer *answer,
		       struct nr_err *reterr)
{
	unsigned seen = NR_ASK_DECLINED + 1, level = NR_ASK_UNSAID;
	int ret = nr_json_word(json, "seen", nr_ask_seen_names, seen, &seen, reterr);

	if (ret == 0 && seen > NR_ASK_DECLINED)
		ret = nr_fail(reterr, NR_EUSAGE, "seen is yes, no or declined");
	if (ret == 0)
		ret = nr_json_word(json, "level", nr_ask_level_names, level, &level, reterr);
	if (ret == 0)
		ret = read_hour(json, "first", &answer->first, reterr);
	if (ret == 0)
		ret = read_hour(json, "last", &answer->last, reterr);
	if (ret == 0)
		ret = nr_json_text(json, "words", false, answer->words, sizeof(answer->words),
				   reterr);
	answer->seen = (uint8_t)seen;
	answer->level = (uint8_t)level;
	if (ret == 0 && seen != NR_ASK_YES &&
	    (level != NR_ASK_UNSAID || answer->first.ns != 0 || answer->last.ns != 0))
		ret = nr_fail(reterr, NR_EUSAGE, "level, first and last go with seen: yes");
	if (ret == 0 && answer->last.ns != 0 && answer->first.ns > answer->last.ns)
		ret = nr_fail(reterr, NR_EUSAGE, "first lies behind last");
	return ret;
}

static int post_answer(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	static const char *const names[] = { "seen", "level", "first", "last", "words", NULL };
	struct nr_registry_act act = nr_http_act(rq);
	struct nr_registry_ask_answer answer = { 0 };
	struct nr_registry_ask ask = { 0 };
	struct nr_hub *hub = ctx;
	json_t *json;
	int ret = nr_people_body(rq, names, &json, &reply->err);

	if (ret == 0)
		ret = nr_asks_find(hub, rq, &ask, &reply->err);
	if (ret == 0)
		ret = read_answer(json, &answer, &reply->err);
	json_decref(json);
	if (ret == 0)
		ret = nr_registry_ask_answer(hub->core->registry, &rq->scope->viewer, ask.uuid,
					     &answer, &act, &reply->err);
	if (ret == 0)
		nr_news_tell(&hub->core->news, NR_NEWS_ASKS);
	if (ret == 0)
		ret = nr_asks_find(hub, rq, &ask, &reply->err);
	return ret == 0 ? nr_asks_answer(hub, rq, &ask, reply) : nr_people_done(reply, ret);
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/asks", VIEWER, .handle = list_asks),
	NR_ROUTE("POST", "/api/v1/asks", ANALYST, .handle = post_ask, .body_max = NR_PEOPLE_BODY),
	NR_ROUTE("GET", "/api/v1/asks/{}", VIEWER, .handle = get_ask),
	NR_ROUTE("GET", "/api/v1/asks/{}/suggestion", VIEWER, .handle = nr_asks_suggest),
	NR_ROUTE("POST", "/api/v1/asks/{}/answer", ANALYST, .handle = post_answer,
		 .body_max = NR_PEOPLE_BODY),
	NR_ROUTE("POST", "/api/v1/asks/{}/close", ANALYST, .handle = post_close),
};

const struct nr_http_group nr_api_asks = { "asks", routes, NR_COUNT(routes) };
