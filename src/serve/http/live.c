/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers without an end: each waits in the thread of its connection, for a ring, for the time of a
 * comment, or for the time to ask whether its reader still may.
 */
#include <poll.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "serve/http/http_int.h"

enum {
	COMMENT_MS = 15000,
	SPACE_MS = 250, /* between two questions for news */
	SEND_BUFFER =
		64 << 10, /* what the kernel keeps for a slow reader, who is to be found out */
};
static const int64_t NS_PER_MS = 1000000;

static void lock(struct nr_http *http)
{
	nr_require(pthread_mutex_lock(&http->conns_lock) == 0);
}

static void unlock(struct nr_http *http)
{
	nr_require(pthread_mutex_unlock(&http->conns_lock) == 0);
}

bool nr_http_live_begin(struct http_exchange *ex)
{
	struct http_conn *own = ex->conn;
	const uint8_t *reader = ex->caller.selector;
	struct nr_http *http = own->http;
	const int size = SEND_BUFFER;
	uint32_t n = 0;

	lock(http);
	for (const struct http_conn *conn = http->conns; conn != NULL; conn = conn->next)
		n += conn->phase == HTTP_LIVE && !conn->gone && conn->local == own->local &&
		     memcmp(conn->reader, reader, NR_TOKEN_SELECTOR) == 0;
	if (n < http->opt.streams) {
		own->phase = HTTP_LIVE;
		own->since_ns = nr_mono_now().ns;
		own->rings = http->rings;
		own->waits = own->gone = false;
		memcpy(own->reader, reader, NR_TOKEN_SELECTOR);
	}
	unlock(http);
	if (n >= http->opt.streams) {
		atomic_fetch_add(&http->streams_refused, 1);
		return false;
	}
	(void)setsockopt(own->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	atomic_fetch_add(&http->streams, 1);
	ex->live = true;
	return true;
}

void nr_http_live_start(struct http_conn *conn, struct http_live *live)
{
	int64_t now = nr_mono_now().ns;

	live->asked_ns = now;
	live->comment_ns = now + COMMENT_MS * NS_PER_MS;
	live->recheck_ns = now + conn->http->opt.recheck_s * NR_NS_PER_S;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static enum http_live_what due(const struct http_conn *conn, const struct http_live *live,
			       int64_t now, int64_t *ret_until)
{
	bool rung = conn->rings != conn->http->rings;
	int64_t ask_ns = live->asked_ns + SPACE_MS * NS_PER_MS;

	*ret_until = earlier(live->comment_ns, live->recheck_ns);
	if (rung)
		*ret_until = earlier(*ret_until, ask_ns);
	if (conn->gone || atomic_load(&conn->http->stopping))
		return HTTP_LIVE_END;
	if (now >= live->recheck_ns)
		return HTTP_LIVE_RECHECK;
	if (rung && now >= ask_ns)
		return HTTP_LIVE_NEWS;
	return now >= live->comment_ns ? HTTP_LIVE_COMMENT : HTTP_LIVE_NOT_YET;
}

enum http_live_what nr_http_live_wait(struct http_conn *conn, struct http_live *live)
{
	struct nr_http *http = conn->http;
	enum http_live_what what;
	int64_t until;

	lock(http);
	conn->waits = true;
	for (;;) {
		what = due(conn, live, nr_mono_now().ns, &until);
		if (what != HTTP_LIVE_NOT_YET)
			break;
		const struct timespec ts = { .tv_sec = until / NR_NS_PER_S,
					     .tv_nsec = until % NR_NS_PER_S };

		(void)pthread_cond_timedwait(&conn->wake, &http->conns_lock, &ts);
	}
	int64_t now = nr_mono_now().ns;

	conn->waits = false;
	conn->since_ns = now; /* from here on its reader may hold it up */
	if (what == HTTP_LIVE_NEWS) {
		conn->rings = http->rings;
		live->asked_ns = now;
	}
	unlock(http);
	/*
	 * Comments come when it is their time, whether something was sent or asked for meanwhile: they
	 * tell nobody of what he may not see.
	 */
	if (what == HTTP_LIVE_COMMENT)
		live->comment_ns = now + COMMENT_MS * NS_PER_MS;
	if (what == HTTP_LIVE_RECHECK)
		live->recheck_ns = now + http->opt.recheck_s * NR_NS_PER_S;
	return what;
}

static void wake_all(struct nr_http *http)
{
	for (struct http_conn *conn = http->conns; conn != NULL; conn = conn->next)
		if (conn->phase == HTTP_LIVE && conn->waits)
			nr_require(pthread_cond_signal(&conn->wake) == 0);
}

void nr_http_ring(struct nr_http *http)
{
	lock(http);
	http->rings++;
	wake_all(http);
	unlock(http);
}

void nr_http_live_sweep(struct nr_http *http)
{
	size_t n = 0;

	for (struct http_conn *conn = http->conns; conn != NULL && n < NR_HTTP_POLLED;
	     conn = conn->next) {
		if (conn->phase != HTTP_LIVE || conn->gone)
			continue;
		http->polled[n] = (struct pollfd){ .fd = conn->fd, .events = POLLRDHUP };
		http->polled_conns[n++] = conn;
	}
	if (n == 0 || poll(http->polled, n, 0) <= 0)
		return;
	for (size_t i = 0; i < n; i++) {
		struct http_conn *conn = http->polled_conns[i];

		if ((http->polled[i].revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0)
			continue;
		conn->gone = true;
		(void)shutdown(conn->fd, SHUT_RDWR);
		nr_require(pthread_cond_signal(&conn->wake) == 0);
	}
}

void nr_http_live_stop(struct nr_http *http)
{
	lock(http);
	atomic_store(&http->stopping, true);
	wake_all(http);
	unlock(http);
}
