/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "serve/http/http_int.h"

enum { STREAM_BLOCK = 64 << 10, STREAM_BUFFER = 32 << 20, PROBLEM_MAX = 4096 };

unsigned nr_http_status_of(int code)
{
	static const struct {
		int code;
		unsigned status;
	} map[] = {
		{ NR_EUSAGE, 400 },  { NR_EFORMAT, 400 }, { NR_EDAMAGED, 422 }, { NR_ELIMIT, 413 },
		{ -EINVAL, 400 },    { -EACCES, 403 },	  { -ENOENT, 404 },	{ -EEXIST, 409 },
		{ -ETIMEDOUT, 504 }, { -ENOSPC, 507 },	  { -EBUSY, 503 },	{ -EAGAIN, 503 },
		{ -ENOMEM, 503 },
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
		{ 413, "Too much" },
		{ 422, "What was sent is damaged" },
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
		{ "Cache-Control", "no-store" },
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

enum MHD_Result nr_http_reply_problem(struct http_exchange *ex, struct MHD_Connection *mc,
				      unsigned status, const char *detail, unsigned retry_s)
{
	struct MHD_Response *response;
	struct nr_buf body;
	struct nr_json json;

	nr_buf_init(&body, PROBLEM_MAX);
	nr_json_init(&json, &body);
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
	nr_buf_add(&body, "\n", 1);
	ex->refused = true;
	response = MHD_create_response_from_buffer(body.n, body.p, MHD_RESPMEM_MUST_COPY);
	nr_buf_done(&body);
	if (response == NULL)
		return MHD_NO;
	add_header(response, "Content-Type", "application/problem+json");
	add_header(response, "Connection", "close");
	add_retry(response, status == 503 && retry_s == 0 ? 5 : retry_s);
	if (status == 401)
		add_header(response, "WWW-Authenticate", "Bearer realm=\"noroshi\"");
	return queue(ex, mc, status, response);
}

/* ---- streams ---- */

struct stream {
	struct nr_http_stream from;
	struct nr_http *http;
	struct nr_buf buf;
	size_t given;
	bool ended;
};

static ssize_t stream_read(void *cls, uint64_t pos, char *out, size_t max)
{
	struct stream *stream = cls;

	(void)pos;
	while (stream->given == stream->buf.n) {
		if (stream->ended)
			return MHD_CONTENT_READER_END_OF_STREAM;
		nr_buf_reset(&stream->buf);
		stream->given = 0;
		int ret = stream->from.more(stream->from.ctx, &stream->buf);

		if (ret < 0 || stream->buf.err < 0)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		stream->ended = ret == 0;
	}
	size_t n = nr_min_size(max, stream->buf.n - stream->given);

	memcpy(out, stream->buf.p + stream->given, n);
	stream->given += n;
	atomic_fetch_add(&stream->http->bytes, n);
	return (ssize_t)n;
}

static void stream_done(void *cls)
{
	struct stream *stream = cls;

	if (stream->from.done != NULL)
		stream->from.done(stream->from.ctx);
	nr_buf_done(&stream->buf);
	free(stream);
}

static struct MHD_Response *stream_response(struct nr_http *http, const struct nr_http_stream *from)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	struct MHD_Response *response;

	if (stream == NULL) {
		from->done(from->ctx);
		return NULL;
	}
	stream->from = *from;
	stream->http = http;
	nr_buf_init(&stream->buf, STREAM_BUFFER);
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read,
						     stream, stream_done);
	if (response == NULL)
		stream_done(stream);
	return response;
}

/* ---- answers ---- */

enum MHD_Result nr_http_reply_send(struct http_exchange *ex, struct MHD_Connection *mc,
				   struct nr_http_reply *reply)
{
	struct nr_http *http = ex->conn->http;
	struct MHD_Response *response;

	if (reply->stream.more != NULL)
		response = stream_response(http, &reply->stream);
	else {
		response = MHD_create_response_from_buffer(reply->body.n, reply->body.p,
							   MHD_RESPMEM_MUST_COPY);
		atomic_fetch_add(&http->bytes, reply->body.n);
	}
	if (response == NULL)
		return MHD_NO;
	add_header(response, "Content-Type", reply->type);
	add_retry(response, reply->retry_s);
	if (reply->next[0] != '\0')
		add_header(response, "Noroshi-Next", reply->next);
	if (ex->body.n > 0) /* what follows a body is never read as a request */
		add_header(response, "Connection", "close");
	return queue(ex, mc, reply->status, response);
}
