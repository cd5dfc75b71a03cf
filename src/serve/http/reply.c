/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "serve/http/http_int.h"

enum { PROBLEM_MAX = 4096, TAG_BYTES = 16, LIVE_RETRY_S = 30 };

unsigned nr_http_status_of(int code)
{
	static const struct {
		int code;
		unsigned status;
	} map[] = {
		{ NR_EUSAGE, 400 },  { NR_EFORMAT, 400 }, { NR_EDAMAGED, 422 },	 { NR_ELIMIT, 413 },
		{ -EINVAL, 400 },    { -EACCES, 403 },	  { -ENOENT, 404 },	 { -EEXIST, 409 },
		{ -ETIMEDOUT, 504 }, { -ENOSPC, 507 },	  { -EBUSY, 503 },	 { -EAGAIN, 503 },
		{ -ENOMEM, 503 },    { -ESTALE, 412 },	  { -EMEDIUMTYPE, 415 },
	};

	for (size_t i = 0; i < NR_COUNT(map); i++)
		if (map[i].code == code)
			return map[i].status;
	return 500;
}

static const char *title_of(unsigned status)
{
	static const struct {
		unsigned status;
		const char *title;
	} titles[] = {
		{ 400, "The request is wrong" },
		{ 401, "A token in force is wanted" },
		{ 403, "Not allowed" },
		{ 404, "Nothing is here" },
		{ 405, "Not with this method" },
		{ 409, "It is so already" },
		{ 412, "It was changed meanwhile" },
		{ 413, "Too much" },
		{ 415, "Not in this form" },
		{ 422, "What was sent cannot be taken" },
		{ 428, "Say which version is meant" },
		{ 429, "Too often" },
		{ 503, "Not now" },
		{ 504, "It took too long" },
		{ 507, "The disk is full" },
	};

	for (size_t i = 0; i < NR_COUNT(titles); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "The hub failed";
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
	nr_require(MHD_add_response_header(response, name, value) == MHD_YES);
}

static void add_security(struct MHD_Response *response)
{
	static const char *const headers[][2] = {
		{ "Content-Security-Policy",
		  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
		  "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
		  "require-trusted-types-for 'script'" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Cross-Origin-Opener-Policy", "same-origin" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Strict-Transport-Security", "max-age=31536000" },
	};

	for (size_t i = 0; i < NR_COUNT(headers); i++)
		add_header(response, headers[i][0], headers[i][1]);
}

static enum MHD_Result queue(struct http_exchange *ex, struct MHD_Connection *mc, unsigned status,
			     struct MHD_Response *response)
{
	enum MHD_Result ok;

	if (response == NULL)
		return MHD_NO; /* no memory: the connection is closed */
	add_security(response);
	if (ex->conn != NULL) {
		atomic_fetch_add(&ex->conn->http->answers[status / 100 < 6 ? status / 100 : 5], 1);
		if (!ex->live)
			nr_http_guard_phase(ex->conn, HTTP_ANSWER);
	}
	ok = MHD_queue_response(mc, status, response);
	MHD_destroy_response(response);
	return ok;
}

static void add_retry(struct MHD_Response *response, unsigned retry_s)
{
	char text[16];

	if (retry_s == 0)
		return;
	(void)snprintf(text, sizeof(text), "%u", retry_s);
	add_header(response, "Retry-After", text);
}

static void add_allow(struct MHD_Response *response, unsigned methods)
{
	char text[64] = "";
	size_t n = 0;

	for (size_t i = 0; http_method_names[i] != NULL; i++)
		if ((methods >> i & 1) != 0)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n > 0 ? ", " : "",
					      http_method_names[i]);
	add_header(response, "Allow", text);
}

static void print_problem(struct nr_buf *body, unsigned status, const char *detail)
{
	struct nr_json json;

	nr_json_init(&json, body);
	nr_json_object(&json);
	nr_json_key(&json, "type");
	nr_json_str(&json, NR_STR("about:blank"));
	nr_json_key(&json, "title");
	nr_json_str(&json, nr_str_from(title_of(status)));
	nr_json_key(&json, "status");
	nr_json_u64(&json, status);
	if (detail != NULL && detail[0] != '\0') {
		nr_json_key(&json, "detail");
		nr_json_str(&json, nr_str_from(detail));
	}
	nr_json_object_end(&json);
	nr_buf_add(body, "\n", 1);
}

static struct MHD_Response *problem(struct http_exchange *ex, unsigned status, const char *detail,
				    unsigned retry_s)
{
	struct MHD_Response *response;
	struct nr_buf body;

	nr_buf_init(&body, PROBLEM_MAX);
	print_problem(&body, status, detail);
	response = MHD_create_response_from_buffer(body.n, body.p, MHD_RESPMEM_MUST_COPY);
	nr_buf_done(&body);
	if (response == NULL)
		return NULL;
	add_header(response, "Content-Type", "application/problem+json");
	add_header(response, "Cache-Control", "no-store");
	if (!ex->ran || ex->body.n > 0) /* what follows it is never read as a request */
		add_header(response, "Connection", "close");
	add_retry(response, status == 503 && retry_s == 0 ? 5 : retry_s);
	if (status == 401)
		add_header(response, "WWW-Authenticate", "Bearer realm=\"noroshi\"");
	if (status == 405)
		add_allow(response, ex->methods);
	return response;
}

enum MHD_Result nr_http_reply_problem(struct http_exchange *ex, struct MHD_Connection *mc,
				      unsigned status, const char *detail, unsigned retry_s)
{
	struct MHD_Response *response = problem(ex, status, detail, retry_s);

	ex->refused = true;
	return queue(ex, mc, status, response);
}

static void add_cookies(struct MHD_Response *response, const struct nr_http_reply *reply)
{
	for (size_t i = 0; i < NR_COUNT(reply->cookie); i++)
		if (reply->cookie[i][0] != '\0')
			add_header(response, "Set-Cookie", reply->cookie[i]);
}

enum MHD_Result nr_http_reply_error(struct http_exchange *ex, struct MHD_Connection *mc, int code,
				    struct nr_http_reply *reply)
{
	unsigned status = reply->status >= 400 ? reply->status : nr_http_status_of(code);
	struct MHD_Response *response;

	if (status >= 500) /* who went away is no failure of the hub */
		nr_log(code == -ECANCELED ? NR_LOG_DEBUG : NR_LOG_ERROR, "serve", "request_failed",
		       "path=%s error=%s", ex->route->path, reply->err.msg);
	response = problem(ex, status, status == 500 ? "" : reply->err.msg, reply->retry_s);
	if (response != NULL)
		add_cookies(response, reply);
	ex->refused = true;
	return queue(ex, mc, status, response);
}

/* ---- answers ---- */

static bool is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
			return false;
	return true;
}

void nr_http_header(struct nr_http_reply *reply, const char *name, const char *fmt, ...)
{
	char *out = reply->headers[reply->n_headers];
	va_list args;
	int n, value_n;

	nr_require(reply->n_headers < NR_HTTP_HEADERS);
	n = snprintf(out, NR_HTTP_VALUE, "%s%c", name, '\0');
	nr_require(n > 0 && n < NR_HTTP_VALUE);
	va_start(args, fmt);
	value_n = vsnprintf(out + n, (size_t)(NR_HTTP_VALUE - n), fmt, args);
	va_end(args);
	if (value_n >= 0 && value_n < NR_HTTP_VALUE - n && is_printable(out + n))
		reply->n_headers++;
}

static void add_etag(struct MHD_Response *response, const struct nr_http_reply *reply)
{
	char text[NR_HTTP_TAG + 8];

	if (reply->etag[0] == '\0')
		return;
	(void)snprintf(text, sizeof(text), "%s\"%s\"", reply->weak ? "W/" : "", reply->etag);
	add_header(response, "ETag", text);
}

/* Kept by the caller alone, and asked for again at each use; most is not kept at all. */
static const char *cache_rule(const struct nr_http_reply *reply)
{
	if (reply->keep)
		return "public, max-age=31536000, immutable";
	return reply->etag[0] != '\0' && !reply->secret ? "private, no-cache" : "no-store";
}

static void add_fields(struct http_exchange *ex, struct MHD_Response *response,
		       const struct nr_http_reply *reply)
{
	char text[NR_HTTP_VALUE];

	if (reply->type != NULL)
		add_header(response, "Content-Type", reply->type);
	add_header(response, "Cache-Control", cache_rule(reply));
	add_retry(response, reply->retry_s);
	add_etag(response, reply);
	add_cookies(response, reply);
	if (reply->next[0] != '\0')
		add_header(response, "Noroshi-Next", reply->next);
	if (reply->location[0] != '\0' && is_printable(reply->location))
		add_header(response, "Location", reply->location);
	if (reply->download != NULL) {
		(void)snprintf(text, sizeof(text), "attachment; filename=\"%s\"", reply->download);
		add_header(response, "Content-Disposition", text);
	}
	for (size_t i = 0; i < reply->n_headers; i++)
		add_header(response, reply->headers[i],
			   reply->headers[i] + strlen(reply->headers[i]) + 1);
	if (ex->body.n > 0) /* what follows a body is never read as a request */
		add_header(response, "Connection", "close");
	/*
	 * libmicrohttpd 0.9.75 ends the answer to a HEAD with the last chunk of a body that it did not
	 * send; so that one is not called chunked, and the connection ends.
	 */
	if (ex->head && reply->stream.more != NULL)
		nr_require(MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT,
						    MHD_RO_END) == MHD_YES);
}

/* JSON that a GET gives is named by its bytes. */
static void name_it(const struct http_exchange *ex, struct nr_http_reply *reply)
{
	static const char hex[] = "0123456789abcdef";

	if (reply->etag[0] != '\0' || reply->secret || reply->status != 200 ||
	    strcmp(ex->rq.method, "GET") != 0 || reply->type == NULL ||
	    strcmp(reply->type, "application/json") != 0)
		return;
	struct nr_digest digest = nr_digest_of(reply->body.p, reply->body.n);

	for (size_t i = 0; i < TAG_BYTES; i++) {
		reply->etag[2 * i] = hex[digest.b[i] >> 4];
		reply->etag[2 * i + 1] = hex[digest.b[i] & 15];
	}
	reply->etag[2 * TAG_BYTES] = '\0';
}

static struct MHD_Response *body_response(struct http_exchange *ex, struct nr_http_reply *reply)
{
	struct nr_http *http = ex->conn->http;

	if (reply->stream.more != NULL)
		return nr_http_stream_response(ex, &reply->stream);
	name_it(ex, reply);
	if (reply->status == 200 && nr_http_fresh(&ex->rq, reply)) {
		reply->status = 304;
		reply->type = NULL;
		nr_buf_reset(&reply->body);
	}
	atomic_fetch_add(&http->bytes, reply->body.n);
	return MHD_create_response_from_buffer(reply->body.n, reply->body.p, MHD_RESPMEM_MUST_COPY);
}

enum MHD_Result nr_http_reply_send(struct http_exchange *ex, struct MHD_Connection *mc,
				   struct nr_http_reply *reply)
{
	bool live = reply->stream.more != NULL && reply->stream.live && !ex->head;
	struct MHD_Response *response;

	if (live && !nr_http_live_begin(ex)) {
		reply->stream.done(reply->stream.ctx);
		return nr_http_reply_problem(
			ex, mc, 429,
			"as many streams are open as a session or token may have: one is enough for "
			"all tabs of a browser",
			LIVE_RETRY_S);
	}
	response = body_response(ex, reply);
	if (response == NULL)
		return MHD_NO;
	add_fields(ex, response, reply);
	return queue(ex, mc, reply->status, response);
}
