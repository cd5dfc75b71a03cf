/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file http_int: what the files of the web server share. */
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "serve/http/http.h"
#include "serve/http/limit.h"

enum { NR_HTTP_PATH = 1024, NR_HTTP_POLLED = NR_HTTP_CONNECTIONS + 64 };
enum http_phase {
	HTTP_HEAD,
	HTTP_BODY,
	HTTP_ANSWER,
	HTTP_LIVE, /* an answer without an end: live.c */
};

/** One connection: known to the sweeper, which ends those that are too slow. */
struct http_conn {
	struct http_conn *next, **link;
	struct nr_http *http;
	int fd;
	uint8_t phase;	  /* enum http_phase; guarded by the lock of conns */
	int64_t since_ns; /* monotonic */
	uint64_t body_bytes;
	/* Of HTTP_LIVE; guarded by the same lock. */
	pthread_cond_t wake;
	uint64_t rings; /* heard up to here */
	bool waits;	/* for news, not for its reader */
	bool gone;	/* its reader hung up, or it is being ended */
	bool known;	/* somebody in force asked on it */
	uint8_t reader[NR_TOKEN_SELECTOR];
	bool local, admin; /* socket; its peer may act as administrator */
	uint32_t uid;
	struct nr_ip ip;
	uint8_t source[16]; /* address, for limits */
	char source_text[64];
};

struct http_late { /* a refusal that waits for the end of the body; status 0: none */
	unsigned status, retry_s;
	const char *detail;
};

struct http_exchange { /* one request and its answer */
	struct http_conn *conn;
	const struct nr_http_route *route;
	struct nr_http_request rq;
	struct nr_who_caller caller;
	const char *uri; /* where it stood: for the layout only, the server changes it */
	size_t uri_n;
	char *target; /* as it came, cut off at NR_HTTP_HEAD */
	char *query;  /* decoded: params point into it */
	struct nr_buf body;
	struct http_late late;
	unsigned methods; /* bits of http_method_names: what the path would take, for Allow */
	bool seen;	  /* the head was checked */
	bool head;	  /* HEAD: no body */
	bool live;	  /* its answer has no end */
	bool ran;	  /* the whole request was read and given to its handler */
	bool refused;	  /* the answer is queued already */
	char path[NR_HTTP_PATH];
	char text[]; /* target and query, as long as they are */
};

struct nr_http {
	struct nr_http_options opt;
	struct MHD_Daemon *tls, *local;
	int tls_fd, local_fd; /* -1: not ours any more */
	uint16_t port;
	struct nr_limit *tokens, *refusals;
	pthread_mutex_t conns_lock;
	struct http_conn *conns, *oldest; /* newest first */
	size_t n_conns, crowded; /* of the address; from how many on silent ones make room */
	pthread_t sweeper;
	bool sweeping;
	atomic_bool stopping;
	pthread_mutex_t going_lock;
	struct http_going *going; /* requests with an Idempotency-Key that are worked on */
	uint64_t rings;		  /* guarded by conns_lock */
	struct pollfd *polled;
	struct http_conn **polled_conns;
	_Atomic uint64_t requests, answers[6], refused_strict, refused_token, refused_origin,
		cut_off, exposed, limited, timed_out, connections, bytes, streams, streams_refused,
		streams_slow, crowded_out;
};

/** Those that are known at all; NULL-terminated. */
extern const char *const http_method_names[];

/** repeat.c: the route's handler, once for each Idempotency-Key. @return what it returned */
NR_MUST_CHECK int nr_http_handle(struct http_exchange *ex, struct nr_http_reply *reply);

/* http_guard.c */
void nr_http_guard_notify(void *cls, struct MHD_Connection *mc, void **socket_ctx,
			  enum MHD_ConnectionNotificationCode code);
void nr_http_guard_phase(struct http_conn *conn, enum http_phase phase);
void nr_http_guard_body(struct http_conn *conn, size_t n);
/** Somebody in force asks: it is not ended for want of room. */
void nr_http_guard_known(struct http_conn *conn);
NR_MUST_CHECK int nr_http_guard_start(struct nr_http *http, struct nr_err *reterr);
void nr_http_guard_stop(struct nr_http *http);

/* live.c */
struct http_live { /* what a stream without end waits for; monotonic */
	int64_t asked_ns, comment_ns, recheck_ns;
	bool more_now; /* it gave something: ask again before waiting */
};
enum http_live_what {
	HTTP_LIVE_NEWS,
	HTTP_LIVE_COMMENT,
	HTTP_LIVE_RECHECK,
	HTTP_LIVE_END,
	HTTP_LIVE_NOT_YET
};
/**
 * May this reader have one stream more? Then its connection is a live one. @return false: he has as
 * many as a reader may
 */
bool nr_http_live_begin(struct http_exchange *ex);
/** Its first question was asked. */
void nr_http_live_start(struct http_conn *conn, struct http_live *live);
/** @return what is to be done now */
enum http_live_what nr_http_live_wait(struct http_conn *conn, struct http_live *live);
/** Under the lock: who hung up is told to its thread. */
void nr_http_live_sweep(struct nr_http *http);
/** All streams end. */
void nr_http_live_stop(struct nr_http *http);

/* http_strict.c: @return NULL, or why the request is refused */
const char *nr_http_strict(const struct http_exchange *ex, struct MHD_Connection *mc,
			   const char *method, const char *version);
/** With its target; free() releases it. @p uri stays the caller's. */
struct http_exchange *nr_http_exchange_new(const char *uri, size_t uri_n);
/** Split uri into path, query and parameters. @return NULL, or why not */
const char *nr_http_strict_uri(struct http_exchange *ex);

/* fields.c: the fields handlers read. @return NULL, or why the request is refused */
const char *nr_http_fields(struct http_exchange *ex, struct MHD_Connection *mc);

/* http_auth.c */
/** Is a token where none may be? Ends it. */
bool nr_http_auth_exposed(struct http_exchange *ex, struct MHD_Connection *mc);
/** Do Origin and Sec-Fetch-Site say a page of ours? @p wanted: without Origin it is none. */
bool nr_http_auth_same_origin(struct MHD_Connection *mc, bool wanted);
/** Who asks? Fills ex->caller. @return 0; 401; 403; 429; 503 */
unsigned nr_http_auth(struct http_exchange *ex, struct MHD_Connection *mc, unsigned *ret_retry_s);

/* http_reply.c */
enum MHD_Result nr_http_reply_problem(struct http_exchange *ex, struct MHD_Connection *mc,
				      unsigned status, const char *detail, unsigned retry_s);
/** The problem that a handler's error is. */
enum MHD_Result nr_http_reply_error(struct http_exchange *ex, struct MHD_Connection *mc, int code,
				    struct nr_http_reply *reply);
enum MHD_Result nr_http_reply_send(struct http_exchange *ex, struct MHD_Connection *mc,
				   struct nr_http_reply *reply);
unsigned nr_http_status_of(int code);

/* stream.c */
/** @return NULL: no memory, and from->done was called */
struct MHD_Response *nr_http_stream_response(struct http_exchange *ex,
					     const struct nr_http_stream *from);
