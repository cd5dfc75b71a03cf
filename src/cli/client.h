/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * client: one way to ask a hub: over the socket in its directory, or over HTTPS. libcurl behind one
 * header.
 *
 * Which     --hub DIR or --hub https://HOST:PORT, else $NOROSHI_HUB, else /var/lib/noroshi when there
 *           is one
 * Who       in the directory: the user of this process. Over HTTPS: the token in --token-file FILE,
 *           $NOROSHI_TOKEN_FILE or $XDG_CONFIG_HOME/noroshi/token, a file that nobody else can read;
 *           never from argv or the environment itself
 * Trust     HTTPS only, TLS 1.2 and newer; the authority in --cacert FILE or
 *           $XDG_CONFIG_HOME/noroshi/authority.pem, else the authorities of this machine. No
 *           redirect is followed and no proxy asked: the token goes to that hub and nowhere else
 * Limits    an answer of NR_CLIENT_ANSWER bytes, 10 s to connect, 120 s for an answer; a stream that
 *           is silent for 45 s (the hub says something every 15 s) is broken off
 * Errors    one line that says what to do. NR_EUSAGE: the hub found the question wrong; -EACCES who
 *           asks may not, or is not known; -ENOENT; -ECONNREFUSED nobody answers (a later try may
 *           help); -EAGAIN too much at once; -EIO
 */
#include "base/buf.h"

enum {
	NR_CLIENT_ANSWER = 64 << 20,
	NR_CLIENT_ETAG = 128,
	NR_CLIENT_WORDS = 16,
	NR_CLIENT_LINE = 1 << 20, /* of a stream */
};

struct nr_client;

struct nr_client_where {
	const char *hub, *token_file, *cacert; /* NULL: not said */
};

/** Finds the hub and what it needs to be asked; nothing is sent yet. */
NR_MUST_CHECK int nr_client_open(const struct nr_client_where *where, struct nr_client **ret_client,
				 struct nr_err *reterr);
/** Only the socket of a hub's directory, which need not be there yet. */
NR_MUST_CHECK int nr_client_open_socket(const char *socket, struct nr_client **ret_client,
					struct nr_err *reterr);
struct nr_client *nr_client_close(struct nr_client *client);
static inline void nr_client_autofree(struct nr_client **c)
{
	nr_client_close(*c);
}
/** DIR or URL, as it was said. */
const char *nr_client_hub(const struct nr_client *client);

struct nr_client_word {
	const char *name, *value; /* value NULL: left out */
};

struct nr_client_request {
	const char *method; /* NULL: GET */
	const char *path;   /* "/api/v1/findings" */
	const char *part;   /* NULL, or what follows the path behind a '/': escaped here */
	const char *tail;   /* NULL, or what follows that: "/triage" */
	const struct nr_client_word *words;
	size_t n_words;
	struct nr_bytes body; /* p != NULL: sent */
	bool json;	      /* the body is JSON */
	const char *if_match; /* NULL: none */
};

/** The answer's body is appended to @p out. @p ret_etag holds NR_CLIENT_ETAG bytes, or NULL. */
NR_MUST_CHECK int nr_client_call(struct nr_client *client, const struct nr_client_request *rq,
				 struct nr_buf *out, char *ret_etag, struct nr_err *reterr);

/**
 * Follow a stream of lines until the hub ends it (0), @p each returns another value than 0 (that), or
 * it breaks (negative). @p last_id goes along as Last-Event-ID when it is not "".
 */
NR_MUST_CHECK int nr_client_follow(struct nr_client *client, const struct nr_client_request *rq,
				   const char *last_id, int (*each)(void *ctx, struct nr_str line),
				   void *ctx, struct nr_err *reterr);
