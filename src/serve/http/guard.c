/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of open connections, and the thread that ends those that are too slow. A byte now and
 * then does not help:
 * each phase has an end that does not move.
 *
 * Invariant  a connection is in the list exactly while its socket is open: the list is left,
 *            under the lock, before the socket is
 *            closed, so that a number used again is never shut down by mistake.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/inet.h"
#include "base/log.h"
#include "serve/http/http_int.h"

enum {
	HEAD_S = 10,
	IDLE_S = 30, /* between two requests, with the next head */
	ANSWER_S = 600,
	STRANGER_S = 30, /* of somebody who showed nothing */
	LIVE_S = 30,	 /* a reader of a stream that takes nothing */
	BODY_GRACE_S = 5,
	BODY_PER_S = 1024,
};

static void lock(struct nr_http *http)
{
	nr_require(pthread_mutex_lock(&http->conns_lock) == 0);
}

static void unlock(struct nr_http *http)
{
	nr_require(pthread_mutex_unlock(&http->conns_lock) == 0);
}

/* ---- who is there ---- */

static void know_tcp(struct http_conn *conn)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t n = sizeof(sa);
	struct nr_ip ip = { 0 };

	(void)snprintf(conn->source_text, sizeof(conn->source_text), "unknown");
	if (getpeername(conn->fd, (struct sockaddr *)&sa, &n) < 0)
		return;
	if (sa.ss_family == AF_INET) {
		uint32_t v4;

		memcpy(&v4, &((struct sockaddr_in *)&sa)->sin_addr, 4);
		ip = nr_ip_v4(ntohl(v4));
	} else if (sa.ss_family == AF_INET6)
		memcpy(ip.b, &((struct sockaddr_in6 *)&sa)->sin6_addr, 16);
	conn->ip = ip;
	char text[NR_IP_TEXT];

	nr_ip_print(ip, text);
	(void)snprintf(conn->source_text, sizeof(conn->source_text), "%s", text);
	memcpy(conn->source, ip.b, sizeof(conn->source));
	if (!nr_ip_is_v4(ip)) /* a customer has a /64 at least */
		memset(conn->source + 8, 0, 8);
}

static void know_local(struct http_conn *conn)
{
	struct ucred cred = { .uid = UINT32_MAX };
	socklen_t n = sizeof(cred);

	conn->local = true;
	if (getsockopt(conn->fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
		cred.uid = UINT32_MAX;
	conn->uid = cred.uid;
	conn->admin = cred.uid == 0 || cred.uid == geteuid();
	(void)snprintf(conn->source_text, sizeof(conn->source_text), "uid:%u", cred.uid);
}

static bool is_local(const struct http_conn *conn)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t n = sizeof(sa);

	return getsockname(conn->fd, (struct sockaddr *)&sa, &n) == 0 && sa.ss_family == AF_UNIX;
}

static void init_wake(pthread_cond_t *wake)
{
	pthread_condattr_t attr;

	nr_require(pthread_condattr_init(&attr) == 0);
	nr_require(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	nr_require(pthread_cond_init(wake, &attr) == 0);
	(void)pthread_condattr_destroy(&attr);
}

/* The one that came after it. */
static struct http_conn *newer(const struct nr_http *http, const struct http_conn *conn)
{
	if (conn->link == &http->conns)
		return NULL;
	return (struct http_conn *)(void *)((char *)conn->link - offsetof(struct http_conn, next));
}

/*
 * Under the lock. When a crowd that says nothing holds most connections, the one that was silent
 * longest makes room: who shows a token is heard within its handshake, however many do not.
 */
static void make_room(struct nr_http *http)
{
	struct http_conn *oldest = http->oldest;

	if (http->n_conns < http->crowded)
		return;
	while (oldest != NULL && (oldest->known || oldest->gone || oldest->local))
		oldest = newer(http, oldest);
	if (oldest == NULL)
		return;
	oldest->gone = true;
	(void)shutdown(oldest->fd, SHUT_RDWR);
	atomic_fetch_add(&http->crowded_out, 1);
}

static struct http_conn *conn_new(struct nr_http *http, int fd)
{
	struct http_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		return NULL;
	conn->http = http;
	conn->fd = fd;
	conn->since_ns = nr_mono_now().ns;
	init_wake(&conn->wake);
	if (is_local(conn))
		know_local(conn);
	else
		know_tcp(conn);
	lock(http);
	if (!conn->local)
		make_room(http);
	http->n_conns += !conn->local;
	conn->next = http->conns;
	conn->link = &http->conns;
	if (conn->next != NULL)
		conn->next->link = &conn->next;
	else
		http->oldest = conn;
	http->conns = conn;
	unlock(http);
	atomic_fetch_add(&http->connections, 1);
	return conn;
}

static void conn_leave(struct http_conn *conn)
{
	struct nr_http *http = conn->http;

	lock(http);
	http->n_conns -= !conn->local;
	if (http->oldest == conn)
		http->oldest = newer(http, conn);
	*conn->link = conn->next;
	if (conn->next != NULL)
		conn->next->link = conn->link;
	unlock(http);
	atomic_fetch_sub(&http->connections, 1);
	(void)pthread_cond_destroy(&conn->wake);
	free(conn);
}

void nr_http_guard_notify(void *cls, struct MHD_Connection *mc, void **socket_ctx,
			  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*socket_ctx != NULL)
			conn_leave(*socket_ctx);
		*socket_ctx = NULL;
		return;
	}
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CONNECTION_FD);

	*socket_ctx = info != NULL ? conn_new(cls, info->connect_fd) : NULL;
}

/* ---- phases ---- */

void nr_http_guard_phase(struct http_conn *conn, enum http_phase phase)
{
	lock(conn->http);
	if (conn->phase == HTTP_LIVE && phase != HTTP_LIVE)
		atomic_fetch_sub(&conn->http->streams, 1);
	if (conn->phase != phase || phase == HTTP_HEAD) {
		conn->phase = (uint8_t)phase;
		conn->since_ns = nr_mono_now().ns;
		conn->body_bytes = 0;
	}
	unlock(conn->http);
}

void nr_http_guard_known(struct http_conn *conn)
{
	lock(conn->http);
	conn->known = true;
	unlock(conn->http);
}

void nr_http_guard_body(struct http_conn *conn, size_t n)
{
	lock(conn->http);
	conn->body_bytes += n;
	unlock(conn->http);
}

static bool too_slow(const struct http_conn *conn, int64_t now)
{
	int64_t s = (now - conn->since_ns) / NR_NS_PER_S;

	switch ((enum http_phase)conn->phase) {
	case HTTP_HEAD: /* body_bytes: not its first request */
		return s >= (conn->body_bytes > 0 ? IDLE_S : HEAD_S);
	case HTTP_BODY:
		return s >= BODY_GRACE_S && conn->body_bytes < (uint64_t)s * BODY_PER_S;
	case HTTP_ANSWER:
		return s >= (conn->known || conn->local ? ANSWER_S : STRANGER_S);
	case HTTP_LIVE:
		return !conn->waits && !conn->gone && s >= LIVE_S;
	}
	return true;
}

static void sweep(struct nr_http *http)
{
	int64_t now = nr_mono_now().ns;

	lock(http);
	for (struct http_conn *conn = http->conns; conn != NULL; conn = conn->next) {
		if (!too_slow(conn, now))
			continue;
		(void)shutdown(conn->fd, SHUT_RDWR); /* its own thread closes it */
		conn->gone = true;
		atomic_fetch_add(conn->phase == HTTP_LIVE ? &http->streams_slow : &http->timed_out,
				 1);
	}
	nr_http_live_sweep(http);
	unlock(http);
}

static void *sweeper_main(void *arg)
{
	struct nr_http *http = arg;
	const struct timespec half = { .tv_nsec = 500 * 1000 * 1000 };

	while (!atomic_load(&http->stopping)) {
		(void)nanosleep(&half, NULL);
		sweep(http);
	}
	return NULL;
}

int nr_http_guard_start(struct nr_http *http, struct nr_err *reterr)
{
	http->polled = calloc(NR_HTTP_POLLED, sizeof(*http->polled));
	http->polled_conns = calloc(NR_HTTP_POLLED, sizeof(struct http_conn *));
	if (http->polled == NULL || http->polled_conns == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	int ret = pthread_create(&http->sweeper, NULL, sweeper_main, http);

	if (ret != 0)
		return nr_fail(reterr, -ret, "cannot start a thread: %s", nr_err_text(-ret));
	http->sweeping = true;
	return 0;
}

void nr_http_guard_stop(struct nr_http *http)
{
	atomic_store(&http->stopping, true);
	if (http->sweeping)
		nr_require(pthread_join(http->sweeper, NULL) == 0);
	http->sweeping = false;
	free(http->polled);
	free(http->polled_conns);
}
