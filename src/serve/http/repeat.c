/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that change something and bear an Idempotency-Key are done once: a repetition gets the
 * answer of the first, another request with the same key a 422, one at the same time a 409. Around
 * every handler; none of them knows.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "serve/http/http_int.h"
#include "store/registry_idempotency.h"

_Static_assert((int)NR_IDEMPOTENCY_LOCATION == (int)NR_HTTP_VALUE, "a location is kept whole");

struct http_going { /* lives on the stack of who works on it */
	struct http_going *next, **link;
	struct nr_digest id; /* of actor and key */
};

static bool changes_something(const char *method)
{
	return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

/* Whose keys they are: of a token, or of a user whichever session he has. "": of nobody who is known. */
static void actor_of(const struct nr_http_request *rq, char out[NR_HTTP_ACTOR])
{
	const struct nr_who_caller *caller = rq->caller;
	const struct nr_viewer *viewer = &rq->scope->viewer;
	char uuid[NR_UUID_TEXT];

	out[0] = '\0';
	switch ((enum nr_who_by)caller->by) {
	case NR_WHO_NOBODY:
		return;
	case NR_WHO_SOCKET:
		(void)snprintf(out, NR_HTTP_ACTOR, "socket:%.64s", rq->actor);
		return;
	case NR_WHO_TOKEN:
		(void)snprintf(out, NR_HTTP_ACTOR, "token:");
		for (size_t i = 0; i < NR_TOKEN_SELECTOR; i++)
			(void)snprintf(out + 6 + 2 * i, 3, "%02x", caller->selector[i]);
		return;
	case NR_WHO_SESSION:
		nr_uuid_print(viewer->user, uuid);
		(void)snprintf(out, NR_HTTP_ACTOR, "user:%s", uuid);
		return;
	}
}

static void mix(struct nr_digest *digest, const void *p, size_t n)
{
	struct nr_digest part = nr_digest_of(p, n);

	*digest = nr_digest_join(digest->b, sizeof(digest->b), part.b, sizeof(part.b));
}

/*
 * All that makes it this request. Role, member and its epoch belong to it: who may less by now does not
 * get what he was told when he might more.
 */
static struct nr_digest digest_of(const struct http_exchange *ex)
{
	const struct nr_http_request *rq = &ex->rq;
	const struct nr_viewer *viewer = &rq->scope->viewer;
	const char *match = rq->if_match != NULL ? rq->if_match : "";
	struct nr_digest digest = { { 0 } };

	mix(&digest, rq->method, strlen(rq->method));
	mix(&digest, ex->target, strlen(ex->target));
	mix(&digest, match, strlen(match));
	mix(&digest, rq->body.p != NULL ? rq->body.p : (const uint8_t *)"", rq->body.n);
	mix(&digest, viewer->member.b, sizeof(viewer->member.b));
	mix(&digest, &viewer->epoch, sizeof(viewer->epoch));
	mix(&digest, &viewer->role, sizeof(viewer->role));
	return digest;
}

/* ---- at the same time ---- */

static bool enter(struct nr_http *http, struct http_going *going)
{
	bool free = true;

	nr_require(pthread_mutex_lock(&http->going_lock) == 0);
	for (const struct http_going *other = http->going; other != NULL; other = other->next)
		free &= !nr_digest_eq(&other->id, &going->id);
	if (free) {
		going->next = http->going;
		going->link = &http->going;
		if (going->next != NULL)
			going->next->link = &going->next;
		http->going = going;
	}
	nr_require(pthread_mutex_unlock(&http->going_lock) == 0);
	return free;
}

static void leave(struct nr_http *http, struct http_going *going)
{
	nr_require(pthread_mutex_lock(&http->going_lock) == 0);
	*going->link = going->next;
	if (going->next != NULL)
		going->next->link = going->link;
	nr_require(pthread_mutex_unlock(&http->going_lock) == 0);
}

/* ---- once ---- */

static int refuse_as(struct nr_http_reply *reply, unsigned status, const char *words)
{
	reply->status = status;
	return nr_fail(&reply->err, -EEXIST, "%s", words);
}

static int again(const struct nr_registry_answer *answer, struct nr_http_reply *reply)
{
	if (answer->status == 0)
		return refuse_as(reply, 409,
				 "the hub was stopped while it did this: look whether it was done, "
				 "then use a new Idempotency-Key");
	if (!answer->kept)
		return refuse_as(
			reply, 409,
			"it was done; what was answered is not kept, since it held a secret "
			"or was long");
	reply->status = answer->status;
	if (reply->body.n == 0)
		reply->type = NULL;
	memcpy(reply->location, answer->location, sizeof(reply->location));
	nr_http_header(reply, "Noroshi-Repeated", "true");
	return 0;
}

/* What was refused changed nothing, and may be tried again with the same key. */
static void keep(struct http_exchange *ex, const struct nr_registry_request *request, int ret,
		 const struct nr_http_reply *reply)
{
	struct nr_registry_answer answer = { .status = reply->status,
					     .kept = !reply->secret &&
						     reply->cookie[0][0] == '\0' &&
						     reply->stream.more == NULL };
	struct nr_err err;
	bool done = ret == 0 && reply->status < 400;

	memcpy(answer.location, reply->location, sizeof(answer.location));
	ret = nr_registry_request_end(ex->conn->http->opt.registry, request, done ? &answer : NULL,
				      (struct nr_bytes){ reply->body.p, reply->body.n }, &err);
	if (ret < 0) /* a repetition is told that nobody knows, which is true */
		nr_log(NR_LOG_ERROR, "serve", "answer_not_kept", "error=%s", err.msg);
}

static int once(struct http_exchange *ex, const struct nr_registry_request *request,
		struct nr_http_reply *reply)
{
	struct nr_http *http = ex->conn->http;
	struct nr_registry_answer answer;
	int ret = nr_registry_request_begin(http->opt.registry, request, &answer, &reply->body,
					    &reply->err);

	if (ret == -EEXIST)
		reply->status = 422;
	if (ret < 0)
		return ret;
	if (ret == 0)
		return again(&answer, reply);
	ret = ex->route->handle(http->opt.hub, &ex->rq, reply);
	if (ret == 0 && reply->body.err < 0)
		ret = nr_fail(&reply->err, reply->body.err, "%s", nr_err_text(reply->body.err));
	keep(ex, request, ret, reply);
	return ret;
}

int nr_http_handle(struct http_exchange *ex, struct nr_http_reply *reply)
{
	struct nr_http *http = ex->conn->http;
	char actor[NR_HTTP_ACTOR];
	struct http_going going;
	int ret;

	actor_of(&ex->rq, actor);
	if (ex->rq.idempotency_key == NULL || !changes_something(ex->rq.method) || actor[0] == '\0')
		return ex->route->handle(http->opt.hub, &ex->rq, reply);
	struct nr_registry_request request = { .actor = actor,
					       .key = ex->rq.idempotency_key,
					       .digest = digest_of(ex),
					       .now = ex->rq.now };

	going.id = nr_digest_of(actor, strlen(actor));
	mix(&going.id, request.key, strlen(request.key));
	if (!enter(http, &going)) {
		reply->retry_s = 1;
		return refuse_as(reply, 409, "this is just being done: ask again in a moment");
	}
	ret = once(ex, &request, reply);
	leave(http, &going);
	return ret;
}
