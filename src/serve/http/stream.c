/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are made bit by bit, in the thread of their connection. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "serve/http/http_int.h"

enum { BLOCK = 64 << 10, LIVE_BLOCK = 4 << 10, BUFFER = 32 << 20, LIVE_KEPT = 4 << 10 };

struct stream {
	struct nr_http_stream from;
	struct http_exchange *ex; /* lives until the answer is out, not until stream_done() */
	struct nr_http *http;
	struct nr_buf buf;
	size_t given;
	struct http_live live;
	bool ended;
};

/* Asked before each piece goes out: who was revoked, demoted or suspended gets nothing more. */
static bool still_allowed(struct stream *stream)
{
	struct nr_err err;
	struct nr_who *who = stream->http->opt.who;
	struct nr_time now = nr_time_now();
	/* A live one also sees what was shared with its reader meanwhile. */
	int ret = stream->from.live ? nr_who_renew(who, &stream->ex->caller, now, &err)
				    : nr_who_still(who, &stream->ex->caller, now, &err);

	if (ret < 0) {
		atomic_fetch_add(&stream->http->cut_off, 1);
		nr_log(NR_LOG_NOTICE, "serve", "answer_ended", "actor=%s why=%s",
		       stream->ex->rq.actor, err.msg);
	}
	return ret == 0;
}

/* @return 1; 0 that was all; negative: broken off */
static int wait_for_more(struct stream *stream)
{
	switch (nr_http_live_wait(stream->ex->conn, &stream->live)) {
	case HTTP_LIVE_NEWS: /* what is new may be that he may know more */
		if (!still_allowed(stream))
			return -EACCES;
		return stream->from.more(stream->from.ctx, &stream->buf);
	case HTTP_LIVE_COMMENT:
		nr_buf_addf(&stream->buf, ":\n\n");
		return 1;
	case HTTP_LIVE_RECHECK:
		return still_allowed(stream) ? 1 : -EACCES;
	case HTTP_LIVE_NOT_YET:
	case HTTP_LIVE_END:
		break;
	}
	return -ECANCELED;
}

static int fill(struct stream *stream)
{
	int ret;

	/* A thousand live ones do not keep what one burst took. */
	if (stream->from.live && stream->buf.cap > LIVE_KEPT) {
		nr_buf_done(&stream->buf);
		nr_buf_init(&stream->buf, BUFFER);
	}
	nr_buf_reset(&stream->buf);
	stream->given = 0;
	/* A live one is asked at once when there is more than it gave, else when something happens. */
	if (stream->from.live && stream->live.asked_ns != 0 && !stream->live.more_now)
		ret = wait_for_more(stream);
	else
		ret = stream->from.more(stream->from.ctx, &stream->buf);
	stream->live.more_now = stream->buf.n > 0;
	if (stream->live.asked_ns == 0)
		nr_http_live_start(stream->ex->conn, &stream->live);
	if (ret >= 0 && stream->buf.err < 0)
		ret = stream->buf.err;
	stream->ended = ret == 0;
	return ret;
}

static ssize_t stream_read(void *cls, uint64_t pos, char *out, size_t max)
{
	struct stream *stream = cls;

	(void)pos;
	while (stream->given == stream->buf.n) {
		if (stream->ended)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (fill(stream) < 0)
			return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	if (!still_allowed(stream))
		return MHD_CONTENT_READER_END_WITH_ERROR;
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

struct MHD_Response *nr_http_stream_response(struct http_exchange *ex,
					     const struct nr_http_stream *from)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	struct MHD_Response *response;

	if (stream == NULL) {
		from->done(from->ctx);
		return NULL;
	}
	stream->from = *from;
	stream->ex = ex;
	stream->http = ex->conn->http;
	nr_buf_init(&stream->buf, BUFFER);
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
						     from->live ? LIVE_BLOCK : BLOCK, stream_read,
						     stream, stream_done);
	if (response == NULL)
		stream_done(stream);
	return response;
}
