/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/sensor/join.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/tls.h"
#include "observe/sensor/identity.h"
#include "record/enrol.h"

enum {
	TIMEOUT_MS = 30000,
	HEAD_MAX = 16 << 10,
	REPLY_MAX = HEAD_MAX + NR_ENROL_TEXT,
	PORT_DEFAULT = 8443,
	PLACE = 300,
};

struct place {
	char host_port[PLACE], host[PLACE]; /* host: without brackets, for the certificate */
};

static int place_parse(const char *url, struct place *place, struct nr_err *reterr)
{
	struct nr_str text = nr_str_from(url), port;
	char shown[PLACE];

	if (nr_str_starts(text, NR_STR("https://"))) {
		text.p += 8;
		text.n -= 8;
	}
	if (nr_str_ends(text, NR_STR("/")))
		text.n--;
	nr_str_escape(nr_str_from(url), shown, sizeof(shown));
	if (text.n == 0 || text.n > PLACE - 16 || memchr(text.p, '/', text.n) != NULL ||
	    memchr(text.p, '@', text.n) != NULL)
		return nr_fail(reterr, NR_EUSAGE, "'%s': want https://HOST:PORT", shown);
	const char *colon = memrchr(text.p, ':', text.n), *bracket = memchr(text.p, ']', text.n);
	bool has_port = colon != NULL && (bracket == NULL || colon > bracket);
	struct nr_str host = { text.p, has_port ? (size_t)(colon - text.p) : text.n };
	uint64_t number = PORT_DEFAULT;

	port = (struct nr_str){ host.p + host.n + 1, has_port ? text.n - host.n - 1 : 0 };
	if (has_port && nr_str_u64(port, 1, UINT16_MAX, &number) < 0)
		return nr_fail(reterr, NR_EUSAGE, "'%s': want a port from 1 to 65535", shown);
	(void)snprintf(place->host_port, PLACE, NR_STR_FMT ":%u", NR_STR_ARG(host),
		       (unsigned)number);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct nr_str){ host.p + 1, host.n - 2 };
	(void)snprintf(place->host, PLACE, NR_STR_FMT, NR_STR_ARG(host));
	return 0;
}

/* ---- HTTP, as much as one answer needs ---- */

/* "HTTP/1.1 200 OK": the number. @return -EPROTO */
static int status_of(struct nr_str reply)
{
	uint64_t status;

	if (!nr_str_starts(reply, NR_STR("HTTP/1.1 ")) || reply.n < 12)
		return -EPROTO;
	return nr_str_u64((struct nr_str){ reply.p + 9, 3 }, 100, 599, &status) < 0 ? -EPROTO
										    : (int)status;
}

/* The body after the head. @return 0; -EPROTO */
static int body_of(struct nr_str reply, struct nr_str *ret_body)
{
	const char *end = memmem(reply.p, reply.n, "\r\n\r\n", 4);

	if (end == NULL || end - reply.p > HEAD_MAX)
		return -EPROTO;
	*ret_body = (struct nr_str){ end + 4, reply.n - (size_t)(end + 4 - reply.p) };
	return 0;
}

static int exchange(struct nr_tls *tls, const struct place *place, const struct nr_buf *body,
		    struct nr_buf *reply, struct nr_err *reterr)
{
	int64_t deadline = nr_mono_now().ns + TIMEOUT_MS * INT64_C(1000000);
	struct nr_buf request;

	nr_buf_init(&request, NR_ENROL_TEXT + 1024);
	nr_buf_addf(&request,
		    "POST /api/v1/enrol HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
		    "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
		    place->host_port, body->n);
	nr_buf_add(&request, body->p, body->n);
	int r = request.err < 0 ? request.err : nr_tls_write(tls, request.p, request.n, TIMEOUT_MS);

	if (request.p != NULL)
		nr_secret_wipe(request.p, request.n);
	nr_buf_done(&request);
	while (r == 0) {
		int64_t left_ms = (deadline - nr_mono_now().ns) / 1000000;
		uint8_t *to = nr_buf_reserve(reply, 4096);

		if (to == NULL)
			return nr_fail(reterr, NR_ELIMIT, "the hub's answer is too long");
		ssize_t n = nr_tls_read(tls, to, 4096, left_ms > 0 ? (int)left_ms : 0);

		if (n == 0 || (n == -ECONNRESET && reply->n > 0))
			return 0;
		if (n < 0)
			r = (int)n;
		else
			nr_buf_commit(reply, (size_t)n);
	}
	return nr_fail(reterr, r, "%s: %s", place->host_port, nr_err_text(r));
}

static int ask(const struct place *place, const struct nr_enrol_token *token,
	       const struct nr_buf *body, struct nr_buf *reply, struct nr_err *reterr)
{
	struct nr_tls_options opt = { .anonymous = true,
				      .authority_pin = token->pin,
				      .peer_kind = "hub" };
	struct nr_tls_context *context = NULL;
	struct nr_tls *tls = NULL;
	int r = nr_tls_context_new(&opt, &context, reterr);

	if (r == 0)
		r = nr_net_connect(place->host_port, TIMEOUT_MS, reterr);
	if (r >= 0)
		r = nr_tls_open(context, r, place->host, TIMEOUT_MS, &tls, reterr);
	if (r == 0)
		r = exchange(tls, place, body, reply, reterr);
	nr_tls_free(tls);
	nr_tls_context_free(context);
	return r;
}

static int judge(const struct nr_buf *reply, struct nr_str *ret_answer, struct nr_err *reterr)
{
	struct nr_str text = nr_buf_str(reply), body;
	int status = status_of(text);
	char shown[200];

	if (status < 0 || body_of(text, &body) < 0)
		return nr_fail(reterr, -EPROTO, "what answers there is no hub");
	if (status != 200) {
		nr_str_escape(nr_str_trim(nr_str_cut(&body, '\n')), shown, sizeof(shown));
		return nr_fail(reterr, status < 500 ? -EACCES : -EAGAIN, "the hub refuses (%d): %s",
			       status, shown);
	}
	*ret_answer = body;
	return 0;
}

/* ---- the directory ---- */

static int make_dirs(struct nr_settings *settings, struct nr_err *reterr)
{
	const char *dirs[] = { settings->dir, settings->keys_dir, settings->spool_dir };
	struct stat st;

	nr_settings_paths(settings);
	for (size_t i = 0; i < NR_COUNT(dirs); i++) {
		int r = nr_io_mkdir(dirs[i], 0700);

		if (r < 0 && r != -EEXIST)
			return nr_fail(reterr, r, "%s: %s", dirs[i], nr_err_text(r));
	}
	if (stat(settings->identity, &st) == 0)
		return nr_fail(reterr, -EEXIST, "%s is there: this sensor has joined a hub already",
			       settings->identity);
	return 0;
}

struct papers {
	struct nr_buf key, request, body, reply;
};

static int join(struct papers *papers, const struct nr_settings *settings,
		const struct place *place, const struct nr_enrol_token *token,
		struct nr_err *reterr)
{
	struct nr_enrol_request request = { .secret = token->secret };
	struct nr_str answer = { 0 };
	int r = nr_pki_request(&papers->key, &papers->request, reterr);

	if (r < 0)
		return r;
	request.request = nr_buf_str(&papers->request);
	nr_enrol_request_print(&request, &papers->body);
	r = papers->body.err < 0 ? papers->body.err
				 : ask(place, token, &papers->body, &papers->reply, reterr);
	if (r == 0)
		r = judge(&papers->reply, &answer, reterr);
	if (r == 0)
		r = nr_identity_save(settings->identity, answer, nr_buf_str(&papers->key), reterr);
	return r;
}

static void tell(const struct nr_settings *settings, struct nr_buf *words)
{
	struct nr_identity identity;
	char uuid[NR_UUID_TEXT];

	if (nr_identity_load(settings->identity, &identity, NULL) == 0) {
		nr_uuid_print(identity.sensor, uuid);
		nr_buf_addf(words, "joined: sensor %s, hub %s\n", uuid, identity.ingest);
	}
	nr_identity_done(&identity);
}

int nr_join(const char *dir, const char *url, const char *token_text, struct nr_buf *ret_words,
	    struct nr_err *reterr)
{
	struct nr_settings *settings = calloc(1, sizeof(*settings));
	struct nr_enrol_token token;
	struct papers papers;
	struct place place = { 0 };
	int r = 0;

	if (settings == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	nr_buf_init(&papers.key, NR_ENROL_TEXT);
	nr_buf_init(&papers.request, NR_ENROL_TEXT);
	nr_buf_init(&papers.body, NR_ENROL_TEXT);
	nr_buf_init(&papers.reply, REPLY_MAX);
	if (r == 0)
		r = place_parse(url, &place, reterr);
	if (r == 0 && nr_enrol_token_parse(nr_str_from(token_text), &token) < 0)
		r = nr_fail(reterr, NR_EUSAGE, "this is not a whole token");
	if (r == 0) {
		settings->dir = dir;
		r = make_dirs(settings, reterr);
	}
	if (r == 0)
		r = join(&papers, settings, &place, &token, reterr);
	if (r == 0)
		tell(settings, ret_words);
	if (papers.key.p != NULL)
		nr_secret_wipe(papers.key.p, papers.key.n);
	nr_buf_done(&papers.key);
	nr_buf_done(&papers.request);
	nr_buf_done(&papers.body);
	nr_buf_done(&papers.reply);
	free(settings);
	return r;
}
