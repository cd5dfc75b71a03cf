/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json_read.h"

enum {
	URL_MAX = 4096,
	PATH_MAX_BYTES = 1024,
	TOKEN_MAX = 512,
	SHOWN = 400,
	CONNECT_S = 10,
	ANSWER_S = 120,
	SILENT_S = 45,
	OK_FIRST = 200,
	OK_LAST = 299,
	FORBIDDEN = 403,
};

static const char default_dir[] = "/var/lib/noroshi";

struct nr_client {
	CURL *curl;
	char hub[PATH_MAX_BYTES];    /* as it was said, without a '/' at its end */
	char socket[PATH_MAX_BYTES]; /* "": HTTPS */
	char cacert[PATH_MAX_BYTES]; /* "": those of this machine */
	char token_file[PATH_MAX_BYTES];
	char token[TOKEN_MAX];
};

/* ---- which hub, who asks, whom it trusts ---- */

static bool there(const char *path)
{
	return path != NULL && path[0] != '\0' && access(path, F_OK) == 0;
}

/* $XDG_CONFIG_HOME/noroshi/NAME, "" when nobody has a home. */
static void config_path(const char *name, char *out, size_t cap)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	out[0] = '\0';
	if (base != NULL && base[0] == '/')
		(void)snprintf(out, cap, "%s/noroshi/%s", base, name);
	else if (home != NULL && home[0] == '/')
		(void)snprintf(out, cap, "%s/.config/noroshi/%s", home, name);
}

static int copy_path(const char *from, char *out, const char *what, struct nr_err *reterr)
{
	int n = snprintf(out, PATH_MAX_BYTES, "%s", from);

	return n < PATH_MAX_BYTES ? 0 : nr_fail(reterr, NR_EUSAGE, "%s is too long", what);
}

static int choose_hub(struct nr_client *client, const char *said, struct nr_err *reterr)
{
	const char *hub = said != NULL ? said : getenv("NOROSHI_HUB");

	if ((hub == NULL || hub[0] == '\0') && said == NULL && there(default_dir))
		hub = default_dir;
	if (hub == NULL || hub[0] == '\0')
		return nr_fail(reterr, NR_EUSAGE,
			       "which hub? Say --hub DIR or --hub https://HOST:PORT, or set "
			       "NOROSHI_HUB to one of them");
	int ret = copy_path(hub, client->hub, "the hub's name", reterr);
	size_t n = strlen(client->hub);

	while (ret == 0 && n > 1 && client->hub[n - 1] == '/')
		client->hub[--n] = '\0';
	return ret;
}

static int choose_authority(struct nr_client *client, const char *said, struct nr_err *reterr)
{
	char pinned[PATH_MAX_BYTES], shown[SHOWN];

	config_path("authority.pem", pinned, sizeof(pinned));
	if (said == NULL)
		return there(pinned) ? copy_path(pinned, client->cacert, "--cacert", reterr) : 0;
	nr_str_escape(nr_str_from(said), shown, sizeof(shown));
	if (access(said, R_OK) < 0)
		return nr_fail(reterr, NR_EUSAGE, "--cacert %s: %s", shown, nr_err_text(-errno));
	return copy_path(said, client->cacert, "--cacert", reterr);
}

/* A token that others can read is no secret any more. */
static int check_private(const char *path, const char *shown, struct nr_err *reterr)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return nr_fail(reterr, NR_EUSAGE, "token file %s: %s", shown, nr_err_text(-errno));
	if (S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return nr_fail(
			reterr, NR_EUSAGE,
			"token file %s can be read by others: 'chmod 600 %s', and make a new "
			"token if anybody did",
			shown, shown);
	return 0;
}

static int read_token(struct nr_client *client, struct nr_err *reterr)
{
	struct nr_bytes text;
	char shown[SHOWN];

	nr_str_escape(nr_str_from(client->token_file), shown, sizeof(shown));
	int ret = check_private(client->token_file, shown, reterr);

	if (ret < 0)
		return ret;
	ret = nr_io_slurp(client->token_file, TOKEN_MAX, &text, reterr);
	if (ret < 0)
		return ret;
	struct nr_str token = nr_str_trim((struct nr_str){ (const char *)text.p, text.n });
	bool good = token.n > 0 && token.n < TOKEN_MAX;

	for (size_t i = 0; i < token.n; i++)
		good = good && token.p[i] > ' ' && token.p[i] < 0x7f;
	if (good)
		memcpy(client->token, token.p, token.n);
	explicit_bzero((void *)(uintptr_t)text.p, text.n);
	free((void *)(uintptr_t)text.p);
	return good ? 0
		    : nr_fail(reterr, NR_EUSAGE,
			      "token file %s holds no token: one line, as 'noroshi token create' "
			      "printed it",
			      shown);
}

static int choose_token(struct nr_client *client, const char *said, struct nr_err *reterr)
{
	const char *path = said != NULL ? said : getenv("NOROSHI_TOKEN_FILE");
	char usual[PATH_MAX_BYTES];

	config_path("token", usual, sizeof(usual));
	if (path == NULL || path[0] == '\0') {
		if (!there(usual))
			return nr_fail(
				reterr, NR_EUSAGE,
				"a hub far away wants a token: put it into %s (mode 600), or "
				"say --token-file FILE",
				usual[0] != '\0' ? usual : "a file");
		path = usual;
	}
	int ret = copy_path(path, client->token_file, "--token-file", reterr);

	return ret < 0 ? ret : read_token(client, reterr);
}

static int choose_socket(struct nr_client *client, struct nr_err *reterr)
{
	char shown[SHOWN];
	int n = snprintf(client->socket, sizeof(client->socket), "%s/admin.sock", client->hub);

	nr_str_escape(nr_str_from(client->hub), shown, sizeof(shown));
	if (n >= (int)sizeof(client->socket))
		return nr_fail(reterr, NR_EUSAGE, "the hub's name is too long");
	if (access(client->socket, F_OK) == 0)
		return 0;
	if (errno == EACCES)
		return nr_fail(reterr, -EACCES,
			       "you may not look into %s: be the hub's user or root, or ask with "
			       "--hub https://HOST:PORT and a token",
			       shown);
	if (access(client->hub, F_OK) < 0)
		return nr_fail(reterr, NR_EUSAGE,
			       "there is no %s; a hub far away is named https://HOST:PORT", shown);
	return nr_fail(reterr, -ECONNREFUSED,
		       "no hub runs in %s: start it with 'noroshi hub run %s'", shown, shown);
}

static int set_up(struct nr_client *client, const struct nr_client_where *where,
		  struct nr_err *reterr)
{
	char shown[SHOWN];
	int ret = choose_hub(client, where->hub, reterr);

	if (ret < 0)
		return ret;
	if (strstr(client->hub, "://") == NULL)
		return choose_socket(client, reterr);
	nr_str_escape(nr_str_from(client->hub), shown, sizeof(shown));
	if (!nr_str_starts(nr_str_from(client->hub), NR_STR("https://")))
		return nr_fail(reterr, NR_EUSAGE, "'%s': a hub is asked over https:// only", shown);
	if (strpbrk(client->hub + strlen("https://"), "/?#@") != NULL)
		return nr_fail(reterr, NR_EUSAGE,
			       "'%s': want https://HOST:PORT and nothing behind it", shown);
	ret = choose_authority(client, where->cacert, reterr);
	return ret < 0 ? ret : choose_token(client, where->token_file, reterr);
}

static int make(struct nr_client **ret_client, struct nr_err *reterr)
{
	struct nr_client *client = calloc(1, sizeof(*client));

	if (client != NULL)
		client->curl = curl_easy_init();
	if (client == NULL || client->curl == NULL) {
		free(client);
		return nr_fail(reterr, -ENOMEM, "no memory");
	}
	*ret_client = client;
	return 0;
}

int nr_client_open(const struct nr_client_where *where, struct nr_client **ret_client,
		   struct nr_err *reterr)
{
	nr_auto(nr_client) client = NULL;
	int ret = make(&client, reterr);

	if (ret < 0 || client == NULL)
		return ret;
	ret = set_up(client, where, reterr);
	if (ret == 0)
		*ret_client = NR_TAKE(client);
	return ret;
}

int nr_client_open_socket(const char *socket, struct nr_client **ret_client, struct nr_err *reterr)
{
	nr_auto(nr_client) client = NULL;
	int ret = make(&client, reterr);

	if (ret < 0 || client == NULL)
		return ret;
	ret = copy_path(socket, client->socket, "the hub's name", reterr);
	if (ret == 0)
		ret = copy_path(socket, client->hub, "the hub's name", reterr);
	if (ret == 0)
		*ret_client = NR_TAKE(client);
	return ret;
}

struct nr_client *nr_client_close(struct nr_client *client)
{
	if (client == NULL)
		return NULL;
	curl_easy_cleanup(client->curl);
	explicit_bzero(client->token, sizeof(client->token));
	free(client);
	return NULL;
}

const char *nr_client_hub(const struct nr_client *client)
{
	return client->hub;
}

/* ---- a request ---- */

static int add_escaped(CURL *curl, const char *text, struct nr_buf *url)
{
	char *escaped = curl_easy_escape(curl, text, 0);

	if (escaped == NULL)
		return -ENOMEM;
	nr_buf_add_str(url, nr_str_from(escaped));
	curl_free(escaped);
	return url->err;
}

static int make_url(const struct nr_client *client, const struct nr_client_request *rq,
		    struct nr_buf *url)
{
	int ret = 0;
	char mark = '?';

	nr_buf_addf(url, "%s%s", client->socket[0] != '\0' ? "http://localhost" : client->hub,
		    rq->path);
	if (rq->part != NULL) {
		nr_buf_add(url, "/", 1);
		ret = add_escaped(client->curl, rq->part, url);
	}
	if (rq->tail != NULL)
		nr_buf_add_str(url, nr_str_from(rq->tail));
	for (size_t i = 0; ret == 0 && i < rq->n_words; i++) {
		if (rq->words[i].value == NULL)
			continue;
		nr_buf_addf(url, "%c%s=", mark, rq->words[i].name);
		ret = add_escaped(client->curl, rq->words[i].value, url);
		mark = '&';
	}
	nr_buf_add(url, "", 1);
	return ret < 0 ? ret : url->err;
}

/* "." and ".." would be taken away from the path, and what is left is another question. */
static bool is_dots(const char *part)
{
	return part != NULL &&
	       (part[0] == '\0' || strcmp(part, ".") == 0 || strcmp(part, "..") == 0);
}

static void set_way(struct nr_client *client)
{
	CURL *curl = client->curl;

	(void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	(void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	if (client->socket[0] != '\0') {
		(void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
		return;
	}
	(void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	(void)curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	if (client->cacert[0] != '\0') {
		(void)curl_easy_setopt(curl, CURLOPT_CAINFO, client->cacert);
		(void)curl_easy_setopt(curl, CURLOPT_CAPATH, NULL); /* that one and no other */
	}
	(void)curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
	(void)curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, client->token);
}

static void set_body(CURL *curl, const struct nr_client_request *rq)
{
	const char *method = rq->method != NULL ? rq->method : "GET";

	if (rq->body.p != NULL || strcmp(method, "POST") == 0) {
		(void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
		(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.n);
		(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
				       rq->body.p != NULL ? (const char *)rq->body.p : "");
	}
	if (strcmp(method, "GET") != 0)
		(void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
	char line[NR_CLIENT_LINE >> 10];
	struct curl_slist *more;

	(void)snprintf(line, sizeof(line), "%s: %s", name, value);
	more = curl_slist_append(*list, line);
	if (more == NULL)
		return false;
	*list = more;
	return true;
}

static int set_headers(CURL *curl, const struct nr_client_request *rq, const char *last_id,
		       struct curl_slist **list)
{
	bool ok = add_header(list, "Expect", ""); /* the hub reads bodies at once */

	if (rq->json)
		ok = ok && add_header(list, "Content-Type", "application/json");
	if (rq->if_match != NULL)
		ok = ok && add_header(list, "If-Match", rq->if_match);
	if (last_id != NULL && last_id[0] != '\0')
		ok = ok && add_header(list, "Last-Event-ID", last_id);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *list);
	return ok ? 0 : -ENOMEM;
}

static int prepare(struct nr_client *client, const struct nr_client_request *rq,
		   const char *last_id, struct curl_slist **list, struct nr_err *reterr)
{
	struct nr_buf url;

	if (is_dots(rq->part))
		return nr_fail(reterr, NR_EUSAGE, "'%s' names nothing", rq->part);
	nr_buf_init(&url, URL_MAX);
	curl_easy_reset(client->curl);
	int ret = make_url(client, rq, &url);

	if (ret == NR_ELIMIT)
		(void)nr_fail(reterr, NR_EUSAGE, "that is too long for a question");
	else if (ret < 0)
		(void)nr_fail(reterr, ret, "no memory");
	else if (curl_easy_setopt(client->curl, CURLOPT_URL, (const char *)url.p) != CURLE_OK)
		ret = nr_fail(reterr, -ENOMEM, "no memory");
	nr_buf_done(&url);
	if (ret < 0)
		return ret == NR_ELIMIT ? NR_EUSAGE : ret;
	set_way(client);
	set_body(client->curl, rq);
	ret = set_headers(client->curl, rq, last_id, list);
	return ret < 0 ? nr_fail(reterr, ret, "no memory") : 0;
}

/* ---- what went wrong ---- */

static int no_answer(const struct nr_client *client, CURLcode code, struct nr_err *reterr)
{
	char hub[SHOWN];

	nr_str_escape(nr_str_from(client->hub), hub, sizeof(hub));
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return nr_fail(reterr, -ECONNREFUSED, "%s: there is no host of this name", hub);
	case CURLE_COULDNT_CONNECT:
		return nr_fail(reterr, -ECONNREFUSED, "%s: nobody answers; does the hub run?", hub);
	case CURLE_PEER_FAILED_VERIFICATION:
		return nr_fail(
			reterr, -EACCES,
			"%s: this is not proven to be the hub: its certificate is of another "
			"authority or name. Get keys/authority.pem from who runs it, and say "
			"--cacert FILE",
			hub);
	case CURLE_SSL_CACERT_BADFILE:
		return nr_fail(reterr, NR_EUSAGE, "--cacert: the file holds no certificate");
	case CURLE_OPERATION_TIMEDOUT:
		return nr_fail(reterr, -ECONNREFUSED, "%s: no answer in time", hub);
	case CURLE_WRITE_ERROR:
		return nr_fail(reterr, NR_ELIMIT, "the answer is larger than %d MiB: ask for less",
			       NR_CLIENT_ANSWER >> 20);
	default:
		return nr_fail(reterr, -ECONNREFUSED, "%s: %s", hub, curl_easy_strerror(code));
	}
}

static const struct {
	long status;
	int code;
	const char *hint; /* what to do, behind what the hub said */
} answers[] = {
	{ 400, NR_EUSAGE, "" },
	{ 401, -EACCES,
	  ". Make another token with 'noroshi token create', or name the right one with "
	  "--token-file" },
	{ 403, -EACCES, "" },
	{ 404, -ENOENT, "" },
	{ 405, -EIO, ": the hub is of another version than this program" },
	{ 409, -EEXIST, "" },
	{ 412, -ESTALE, ". Look again: somebody changed it meanwhile" },
	{ 413, NR_EUSAGE, "" },
	{ 422, NR_EDAMAGED, "" },
	{ 428, -ESTALE, "" },
	{ 429, -EAGAIN, ". Try again in a moment" },
	{ 500, -EIO, ": its log says why" },
	{ 503, -EAGAIN, "" },
	{ 507, -ENOSPC, "" },
};

/* RFC 9457 in one line. */
static int explain(long status, struct nr_str text, struct nr_err *reterr)
{
	json_t *problem = NULL;
	char shown[SHOWN], words[SHOWN] = "";
	int code = -EIO;
	const char *hint = "";
	bool detailed = false;

	if (nr_json_read(text, NULL, &problem, NULL) == 0 && json_is_object(problem)) {
		const char *detail = json_string_value(json_object_get(problem, "detail"));
		const char *title = json_string_value(json_object_get(problem, "title"));

		detailed = detail != NULL;
		(void)snprintf(words, sizeof(words), "%s",
			       detail != NULL  ? detail
			       : title != NULL ? title
					       : "");
	}
	json_decref(problem);
	for (size_t i = 0; i < NR_COUNT(answers); i++)
		if (answers[i].status == status) {
			code = answers[i].code;
			hint = answers[i].hint;
		}
	if (status == FORBIDDEN && !detailed)
		hint = ": it needs a higher role, or is for who runs the hub";
	if (words[0] == '\0')
		return nr_fail(reterr, code, "the hub answered %ld and did not say why", status);
	nr_str_escape(nr_str_from(words), shown, sizeof(shown));
	return nr_fail(reterr, code, "%s%s", shown, hint);
}

/* ---- call ---- */

struct call {
	CURL *curl;
	struct nr_buf *out;
	char *etag;
};

static size_t on_data(char *p, size_t size, size_t n, void *ctx)
{
	struct nr_buf *out = ctx;

	nr_buf_add(out, p, size * n);
	return out->err < 0 ? 0 : size * n;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct call *call = ctx;
	struct nr_str line = { p, size * n }, name = nr_str_cut(&line, ':');

	line = nr_str_trim(line);
	if (call->etag != NULL && name.n == 4 && strncasecmp(name.p, "etag", 4) == 0 &&
	    line.n < NR_CLIENT_ETAG) {
		memcpy(call->etag, line.p, line.n);
		call->etag[line.n] = '\0';
	}
	return size * n;
}

static int perform(struct nr_client *client, struct call *call, struct nr_err *reterr)
{
	size_t before = call->out->n;
	long status = 0;

	(void)curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, (long)ANSWER_S);
	(void)curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, on_data);
	(void)curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, call->out);
	(void)curl_easy_setopt(client->curl, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(client->curl, CURLOPT_HEADERDATA, call);
	CURLcode code = curl_easy_perform(client->curl);

	if (code != CURLE_OK)
		return no_answer(client, code, reterr);
	(void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= OK_FIRST && status <= OK_LAST)
		return 0;
	int ret = explain(status,
			  (struct nr_str){ (const char *)call->out->p + before,
					   call->out->n - before },
			  reterr);

	call->out->n = before;
	return ret;
}

int nr_client_call(struct nr_client *client, const struct nr_client_request *rq, struct nr_buf *out,
		   char *ret_etag, struct nr_err *reterr)
{
	struct call call = { .curl = client->curl, .out = out, .etag = ret_etag };
	struct curl_slist *headers = NULL;

	if (ret_etag != NULL)
		ret_etag[0] = '\0';
	int ret = prepare(client, rq, NULL, &headers, reterr);

	if (ret == 0)
		ret = perform(client, &call, reterr);
	curl_slist_free_all(headers);
	return ret;
}

/* ---- follow ---- */

struct follow {
	CURL *curl;
	struct nr_buf line;
	int (*each)(void *ctx, struct nr_str line);
	void *ctx;
	int said;      /* by each() */
	bool is_error; /* what comes is a problem, not the stream */
};

static int feed(struct follow *follow, struct nr_str text)
{
	while (text.n > 0 && follow->said == 0) {
		const char *end = memchr(text.p, '\n', text.n);

		if (end == NULL) {
			nr_buf_add_str(&follow->line, text);
			return follow->line.err;
		}
		nr_buf_add(&follow->line, text.p, (size_t)(end - text.p));
		if (follow->line.err < 0)
			return follow->line.err;
		follow->said = follow->each(follow->ctx, nr_buf_str(&follow->line));
		nr_buf_reset(&follow->line);
		text.n -= (size_t)(end + 1 - text.p);
		text.p = end + 1;
	}
	return follow->said;
}

static size_t on_stream(char *p, size_t size, size_t n, void *ctx)
{
	struct follow *follow = ctx;
	long status = 0;

	(void)curl_easy_getinfo(follow->curl, CURLINFO_RESPONSE_CODE, &status);
	follow->is_error = status < OK_FIRST || status > OK_LAST;
	if (follow->is_error)
		return on_data(p, size, n, &follow->line);
	return feed(follow, (struct nr_str){ p, size * n }) != 0 ? 0 : size * n;
}

static int stream(struct nr_client *client, struct follow *follow, struct nr_err *reterr)
{
	long status = 0;

	(void)curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_TIME, (long)SILENT_S);
	(void)curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, on_stream);
	(void)curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, follow);
	CURLcode code = curl_easy_perform(client->curl);

	if (follow->said != 0)
		return follow->said;
	if (follow->line.err == NR_ELIMIT)
		return nr_fail(reterr, NR_ELIMIT, "a line of the stream is longer than %d KiB",
			       NR_CLIENT_LINE >> 10);
	(void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 0 && (status < OK_FIRST || status > OK_LAST))
		return explain(status, nr_buf_str(&follow->line), reterr);
	return code == CURLE_OK ? 0 : no_answer(client, code, reterr);
}

int nr_client_follow(struct nr_client *client, const struct nr_client_request *rq,
		     const char *last_id, int (*each)(void *ctx, struct nr_str line), void *ctx,
		     struct nr_err *reterr)
{
	struct follow follow = { .curl = client->curl, .each = each, .ctx = ctx };
	struct curl_slist *headers = NULL;

	nr_buf_init(&follow.line, NR_CLIENT_LINE);
	int ret = prepare(client, rq, last_id, &headers, reterr);

	if (ret == 0)
		ret = stream(client, &follow, reterr);
	curl_slist_free_all(headers);
	nr_buf_done(&follow.line);
	return ret;
}
