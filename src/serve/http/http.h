/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * http: the hub's web server: HTTPS on one address and the same routes on a Unix socket;
 * libmicrohttpd behind one header.
 *
 * Shape    a table of routes; each states who may use it, and one that does not cannot be written
 *          (NR_ROUTE). A route is
 *          found first, then the caller's role is known, then the body is read, then it runs.
 * Callers  HTTPS: `Authorization: Bearer TOKEN`, or a browser's cookie `__Host-noroshi`, and then
 *          Origin (for what changes anything) and Sec-Fetch-Site (when sent) must say that the page is
 *          the hub's own. Socket: who has the hub's uid, or root, is the operator.
 * Strict   a request that two servers could read in two ways is refused and the connection closed
 *          (strict.c); so is a field that a handler reads and that stands twice or is malformed
 * Answers  errors are RFC 9457 problem+json; each answer has the security headers. JSON that a GET
 *          gives has an ETag, and If-None-Match makes it a 304; nobody but the caller keeps it.
 *          HEAD is GET without the body, everywhere.
 * Limits   32 connections a source, 2,000 in all, of which the oldest that showed no token or
 *          session make room for new ones; head 16 KiB, 100 fields, 10 s with the
 *          handshake; body as its route says, at
 *          least 1 KiB/s; an answer is taken within 10 min, by a stranger
 *          within 30 s; requests of a token as its options say (50/s,
 *          burst 100); 20 refusals/min a source
 * Threads  one a connection: a handler may wait for a query without holding up others, and a reader
 *          who takes nothing holds up his own alone
 */
#include "base/buf.h"
#include "base/json_read.h"
#include "serve/who/who.h"

enum {
	NR_HTTP_CONNECTIONS = 2000,
	NR_HTTP_PER_SOURCE = 32,
	NR_HTTP_PARAMS = 16,
	NR_HTTP_PARTS = 3,
	NR_HTTP_HEAD = 16 << 10,
	NR_HTTP_FIELDS = 100,
	NR_HTTP_ACTOR = 96,
	NR_HTTP_KEY = 64,    /* of an Idempotency-Key */
	NR_HTTP_FIELD = 512, /* of any other field that a handler reads */
	NR_HTTP_TAG = 72,
	NR_HTTP_HEADERS = 4,
	NR_HTTP_VALUE = 256,
	NR_HTTP_BODY = 1 << 30, /* of an answer held in memory; streams have no limit */
};

struct nr_http_param {
	struct nr_str name, value; /* decoded */
};

struct nr_http_request {
	const char *method, *path; /* path without query, not decoded: no route needs that */
	const char *rest;	   /* what stands where the route has its '*' */
	struct nr_str part[NR_HTTP_PARTS]; /* what stands where the route has '{}', in order */
	struct nr_http_param params[NR_HTTP_PARAMS];
	size_t n_params;
	struct nr_bytes body;
	struct nr_time now;
	/* Fields of the head that were checked; NULL: absent. They live as long as the request. */
	const char *if_match, *if_none_match; /* "*" or entity tags: nr_http_etag_in() */
	const char *idempotency_key;	      /* 1 to 64 of A-Z a-z 0-9 . _ : - */
	const char *last_event_id, *accept, *accept_encoding, *content_type;
	/*
	 * Who asks, and whose data he may know: never NULL. Both live until the answer is out, so what
	 * makes it bit by bit may use them; the server itself ends it when they do not hold any more.
	 */
	const struct nr_who_caller *caller;
	const struct nr_scope *scope; /* the caller's */
	bool local;		      /* over the socket */
	const char *actor;	      /* for the audit chain */
	const char *source;	      /* the address, as text: for limits and the log */
	int fd;			      /* of the connection: nr_http_gone() */
	const uint8_t *source_key;    /* 16 bytes: the address, of IPv6 its /64 */
	struct nr_str session;	      /* what the cookie says, checked or not; empty: none */
};

static inline enum nr_role nr_http_role(const struct nr_http_request *rq)
{
	return (enum nr_role)rq->scope->viewer.role;
}

/** An answer that is made bit by bit. */
struct nr_http_stream {
	void *ctx;
	/**
	 * Append more to @p out. @return 1; 0 that was all; negative: broken off, so that the
	 * reader sees that it is not whole
	 */
	int (*more)(void *ctx, struct nr_buf *out);
	void (*done)(void *ctx); /* always called, once */
	/*
	 * It has no end: when more() appends nothing, it is asked again after nr_http_ring(), at most 4
	 * times a second. In between the reader gets a comment line every 15 s. It ends when he hangs up,
	 * takes nothing for 30 s, may not have it any more, or the hub stops.
	 */
	bool live;
};

struct nr_http_reply {
	/*
	 * 200 until said otherwise. With an error: from 400 on, what the problem says instead of
	 * what its code would.
	 */
	unsigned status;
	const char *type; /* application/json until said otherwise; NULL: no body at all */
	struct nr_buf body;
	struct nr_http_stream stream; /* instead of the body when more != NULL */
	unsigned retry_s;	      /* Retry-After; 0: none */
	char next[192];		      /* cursor of the next page, also as Noroshi-Next; "": none */
	/*
	 * Without quotes; "": JSON of a GET gets one made of its bytes. A handler that knows a version
	 * sets it, also for what is no JSON, and then calls nr_http_fresh() to save itself the work.
	 */
	char etag[NR_HTTP_TAG];
	bool weak;	      /* the tag is: W/"..." */
	bool keep;	      /* under this name it never changes: kept for a year, by anybody */
	bool secret;	      /* nobody may keep it, not even who asked: Cache-Control: no-store */
	const char *download; /* file name: a browser saves it instead of showing it */
	char location[NR_HTTP_VALUE];		      /* of what was made */
	char cookie[2][NR_HTTP_VALUE];		      /* Set-Cookie; also goes with an error */
	char headers[NR_HTTP_HEADERS][NR_HTTP_VALUE]; /* nr_http_header() */
	size_t n_headers;
	struct nr_err err;
};

/**
 * @return 0; negative with reply->err: becomes a problem (-ENOENT 404, NR_EUSAGE 400, -EACCES
 * 403, -EEXIST 409, -ESTALE 412, -EMEDIUMTYPE 415, -ENOSPC 507 ...)
 */
typedef int nr_http_handler(void *hub, const struct nr_http_request *rq,
			    struct nr_http_reply *reply);

struct nr_http_route {
	const char *method;
	const char *
		path; /* "/api/v1/findings/{}/comments": '{}' stands for one part; or a last part '*' */
	enum nr_role role;
	bool local_only;
	bool rows;	 /* gives raw rows: not for tokens without */
	size_t body_max; /* 0: none allowed */
	nr_http_handler *handle;
};
/**
 * A row of the table: NR_ROUTE("GET", "/api/v1/status", OPERATOR, .handle = status). Without a role
 * it does not compile.
 */
#define NR_ROUTE(verb, where, who, ...)                                               \
	{                                                                             \
		.method = (verb), .path = (where), .role = NR_ROLE_##who, __VA_ARGS__ \
	}

/** The routes of one resource: a table in the file that answers them. */
struct nr_http_group {
	const char *name;
	const struct nr_http_route *routes;
	size_t n_routes;
};

struct nr_http_counts {
	uint64_t requests, answers[6]; /* by first digit of the status */
	uint64_t cut_off;	       /* answers ended because who asked was no longer allowed */
	uint64_t refused_strict, refused_token, refused_origin, exposed, limited, timed_out;
	uint64_t connections; /* open now */
	uint64_t streams, streams_refused,
		streams_slow; /* live ones: open now; too many; too slow */
	uint64_t crowded_out; /* connections that said nothing and made room for others */
	uint64_t bytes;	      /* of answers */
};

struct nr_http_options {
	const struct nr_http_group *const *groups; /* NULL-terminated */
	void *hub;
	struct nr_registry *registry;
	struct nr_who *who;
	const char *listen;		/* "127.0.0.1:7443"; port 0 chooses */
	struct nr_str certificate, key; /* PEM */
	const char *socket_path;
	uint32_t rate, burst; /* requests of a token: a second, and at once */
	uint32_t streams;     /* live ones of a token or session */
	uint32_t recheck_s;   /* how often a live one asks whether its reader still may */
};

struct nr_http;

/** Listens; nobody is answered before nr_http_serve(). */
NR_MUST_CHECK int nr_http_new(const struct nr_http_options *options, struct nr_http **ret_http,
			      struct nr_err *reterr);
NR_MUST_CHECK int nr_http_serve(struct nr_http *http, struct nr_err *reterr);
uint16_t nr_http_port(const struct nr_http *http);
void nr_http_counts(struct nr_http *http, struct nr_http_counts *ret_counts);
/** Requests of a token, from now on. */
void nr_http_rate(struct nr_http *http, unsigned rate, unsigned burst);
/** Take no new connections; those that are open end; then all is released. */
struct nr_http *nr_http_stop(struct nr_http *http);

/** Live streams have something to tell: wakes them. Any thread, whatever it holds. */
void nr_http_ring(struct nr_http *http);

/* ---- for handlers ---- */

/** Value of a query parameter; false: absent. */
bool nr_http_param(const struct nr_http_request *rq, const char *name, struct nr_str *ret_value);
/**
 * Parameters other than @p names (NULL-terminated) are an error: a misspelt filter must not widen
 * the answer. @return 0; NR_EUSAGE
 */
NR_MUST_CHECK int nr_http_only(const struct nr_http_request *rq, const char *const *names,
			       struct nr_err *reterr);
/** A number parameter. @return 0; NR_EUSAGE outside [lo, hi] */
NR_MUST_CHECK int nr_http_number(const struct nr_http_request *rq, const char *name, uint64_t lo,
				 uint64_t hi, uint64_t fallback, uint64_t *ret_value,
				 struct nr_err *reterr);
/**
 * The body as a JSON object or array, by base/json_read.h: give it back with json_decref().
 * @p limits may be NULL. @return 0; NR_EUSAGE; -EMEDIUMTYPE it is not called application/json
 */
NR_MUST_CHECK int nr_http_json(const struct nr_http_request *rq,
			       const struct nr_json_limits *limits, json_t **ret_json,
			       struct nr_err *reterr);
/**
 * Is @p tag (without quotes) in @p list, which is what If-Match or If-None-Match said? "*" is in any.
 * @p strong: weak tags do not count (If-Match). NULL: no.
 */
bool nr_http_etag_in(const char *list, const char *tag, bool strong);
/** Has the caller what reply->etag names? Then return 0 with an empty body: it becomes a 304. */
bool nr_http_fresh(const struct nr_http_request *rq, const struct nr_http_reply *reply);
/**
 * One more field. @p name is a word of ours, the value is printable or the field is left out: nothing
 * from outside can begin another line.
 */
void nr_http_header(struct nr_http_reply *reply, const char *name, const char *fmt, ...)
	NR_PRINTF(3, 4);
/** Has the caller closed his connection? For work that takes long. Costs a system call. */
bool nr_http_gone(const struct nr_http_request *rq);
struct nr_registry_act nr_http_act(const struct nr_http_request *rq);
