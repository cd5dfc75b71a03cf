/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/local.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	URL_MAX = 2048,
	ANSWER_SMALL = 65536,
	COMMIT_BYTES = 8 << 20,
	TIMEOUT_S = 120,
	WORDS = 8,
	OPEN_TRIES = 100, /* ten seconds: a hub that is starting answers by then */
	OPEN_PAUSE_MS = 100,
};

struct nr_local {
	CURL *curl; /* a hub runs */
	char socket[NR_HOME_PATH];
	struct nr_core *core; /* none does */
	struct nr_import *import;
	struct nr_enrol enrol;
	char actor[32];
};

/* ---- open ---- */

static int open_socket(struct nr_local *local, const char *dir, struct nr_err *reterr)
{
	nr_home_path(dir, "admin.sock", local->socket);
	if (access(local->socket, F_OK) < 0)
		return nr_fail(reterr, -ENOENT, "no hub runs in %s", dir);
	local->curl = curl_easy_init();
	return local->curl != NULL ? 0 : nr_fail(reterr, -ENOMEM, "no memory");
}

static int open_core(struct nr_local *local, const char *dir, struct nr_err *reterr)
{
	int ret = nr_core_open(dir, &local->core, reterr);

	if (ret < 0) {
		local->core = NULL;
		return ret;
	}
	local->core->alone = true;
	local->enrol = (struct nr_enrol){ .registry = local->core->registry,
					  .authority = &local->core->keys.authority,
					  .ingest = local->core->set->advertise != NULL
							    ? local->core->set->advertise
							    : local->core->set->ingest };
	ret = nr_import_new(local->core, &local->import);
	return ret < 0 ? nr_fail(reterr, ret, "%s", nr_err_text(ret)) : 0;
}

/* Does it answer? A hub that was killed leaves its socket behind. */
static bool answers(struct nr_local *local)
{
	struct nr_buf out;
	struct nr_err err;

	nr_buf_init(&out, ANSWER_SMALL);
	int ret = nr_local_get(local, "/healthz", &out, &err);

	nr_buf_done(&out);
	return ret == 0;
}

/* @return 0; -EBUSY: locked, and nobody answers yet: another command, or a hub that is starting */
static int try_open(struct nr_local *local, const char *dir, bool quick, struct nr_err *reterr)
{
	struct nr_err why = { 0 };
	int ret = quick ? nr_home_check(dir, reterr) : open_core(local, dir, reterr);

	if (ret == 0 && !quick)
		return 0;
	if (ret < 0 && ret != -EBUSY)
		return ret;
	int over = open_socket(local, dir, &why);

	if (over == 0 && answers(local))
		return 0;
	if (local->curl != NULL)
		curl_easy_cleanup(local->curl);
	local->curl = NULL;
	return quick ? nr_fail(reterr, -ENOENT, "no hub runs in %s", dir) : -EBUSY;
}

int nr_local_open(const char *dir, bool quick, struct nr_local **ret_local, struct nr_err *reterr)
{
	struct nr_local *local = calloc(1, sizeof(*local));
	int ret = -EBUSY;

	if (local == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	(void)umask(077); /* what a hub has is for nobody else */
	(void)snprintf(local->actor, sizeof(local->actor), "uid:%u", (unsigned)getuid());
	for (unsigned i = 0; i < OPEN_TRIES && ret == -EBUSY; i++) {
		if (i > 0)
			(void)usleep(OPEN_PAUSE_MS * 1000);
		ret = try_open(local, dir, quick, reterr);
	}
	if (ret < 0) {
		nr_local_close(local);
		return ret;
	}
	*ret_local = local;
	return 0;
}

struct nr_local *nr_local_close(struct nr_local *local)
{
	if (local == NULL)
		return NULL;
	if (local->curl != NULL)
		curl_easy_cleanup(local->curl);
	nr_import_free(local->import);
	nr_core_close(local->core);
	free(local);
	return NULL;
}

bool nr_local_runs(const struct nr_local *local)
{
	return local->curl != NULL;
}

struct nr_core *nr_local_core(struct nr_local *local)
{
	return local->core;
}

/* ---- over the socket ---- */

static size_t on_data(char *p, size_t size, size_t n, void *ctx)
{
	struct nr_buf *out = ctx;

	nr_buf_add(out, p, size * n);
	return out->err < 0 ? 0 : size * n;
}

static int explain(long status, struct nr_str text, struct nr_err *reterr)
{
	json_t *problem = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	const char *title = json_string_value(json_object_get(problem, "title"));
	static const struct {
		long status;
		int code;
	} codes[] = { { 400, NR_EUSAGE },   { 403, -EACCES }, { 404, -ENOENT }, { 409, -EEXIST },
		      { 422, NR_EDAMAGED }, { 503, -EAGAIN }, { 507, -ENOSPC } };
	char shown[400];
	int code = -EIO;

	for (size_t i = 0; i < NR_COUNT(codes); i++)
		if (codes[i].status == status)
			code = codes[i].code;
	if (detail == NULL)
		detail = title != NULL ? title : "the hub answered what is not understood";
	nr_str_escape(nr_str_from(detail), shown, sizeof(shown));
	(void)nr_fail(reterr, code, "%s", shown);
	json_decref(problem);
	return code;
}

static int perform(struct nr_local *local, const char *url, bool post, struct nr_bytes body,
		   struct nr_buf *out, struct nr_err *reterr)
{
	size_t before = out->n;
	long status = 0;
	CURLcode code;

	curl_easy_reset(local->curl);
	(void)curl_easy_setopt(local->curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(local->curl, CURLOPT_UNIX_SOCKET_PATH, local->socket);
	(void)curl_easy_setopt(local->curl, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(local->curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	(void)curl_easy_setopt(local->curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(local->curl, CURLOPT_WRITEFUNCTION, on_data);
	(void)curl_easy_setopt(local->curl, CURLOPT_WRITEDATA, out);
	if (post) {
		(void)curl_easy_setopt(local->curl, CURLOPT_POST, 1L);
		(void)curl_easy_setopt(local->curl, CURLOPT_POSTFIELDSIZE_LARGE,
				       (curl_off_t)body.n);
		(void)curl_easy_setopt(local->curl, CURLOPT_POSTFIELDS,
				       body.p != NULL ? (const char *)body.p : "");
	}
	code = curl_easy_perform(local->curl);
	if (code != CURLE_OK)
		return nr_fail(reterr, -EIO, "the hub does not answer on %s: %s", local->socket,
			       curl_easy_strerror(code));
	(void)curl_easy_getinfo(local->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && status < 300)
		return 0;
	int ret = explain(status, (struct nr_str){ (const char *)out->p + before, out->n - before },
			  reterr);

	out->n = before;
	return ret;
}

static int add_words(struct nr_local *local, const struct nr_local_word *words, size_t n, char *url,
		     struct nr_err *reterr)
{
	for (size_t i = 0; i < n; i++) {
		size_t used = strlen(url);
		char *value = curl_easy_escape(local->curl, words[i].value, 0);

		if (value == NULL)
			return nr_fail(reterr, -ENOMEM, "no memory");
		int wrote = snprintf(url + used, URL_MAX - used, "%c%s=%s", i == 0 ? '?' : '&',
				     words[i].name, value);

		curl_free(value);
		if (wrote < 0 || (size_t)wrote >= URL_MAX - used)
			return nr_fail(reterr, NR_EUSAGE, "too long: %s", words[i].name);
	}
	return 0;
}

int nr_local_get(struct nr_local *local, const char *path, struct nr_buf *out,
		 struct nr_err *reterr)
{
	char url[URL_MAX];

	(void)snprintf(url, sizeof(url), "http://localhost%s", path);
	return perform(local, url, false, (struct nr_bytes){ 0 }, out, reterr);
}

/* ---- both ways ---- */

static int call_core(struct nr_local *local, const struct nr_admin_act *act,
		     const struct nr_local_word *words, size_t n_words, struct nr_bytes body,
		     struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_admin_word said[WORDS];
	struct nr_admin admin = { .core = local->core,
				  .import = local->import,
				  .enrol = &local->enrol,
				  .words = said,
				  .n_words = n_words,
				  .body = body,
				  .act = { .actor = local->actor, .now = nr_time_now() } };

	nr_require(n_words <= WORDS);
	for (size_t i = 0; i < n_words; i++)
		said[i] = (struct nr_admin_word){ nr_str_from(words[i].name),
						  nr_str_from(words[i].value) };
	int ret = act->act(&admin, out, reterr);

	if (ret == 0 && nr_journal_waiting(local->core->journal) >= COMMIT_BYTES)
		ret = nr_core_commit(local->core, reterr);
	return ret;
}

int nr_local_call(struct nr_local *local, const char *path, const struct nr_local_word *words,
		  size_t n_words, struct nr_bytes body, struct nr_buf *out, struct nr_err *reterr)
{
	const struct nr_admin_act *act = nr_admin_find(path);
	char url[URL_MAX];

	nr_require(act != NULL);
	if (local->core != NULL)
		return call_core(local, act, words, n_words, body, out, reterr);
	(void)snprintf(url, sizeof(url), "http://localhost%s", path);
	int ret = add_words(local, words, n_words, url, reterr);

	return ret < 0 ? ret
		       : perform(local, url, strcmp(act->method, "POST") == 0, body, out, reterr);
}

void nr_local_member(const struct nr_buf *answer, const char *name, char *out, size_t cap)
{
	json_t *root = json_loadb((const char *)answer->p, answer->n, 0, NULL);
	const char *text = json_string_value(json_object_get(root, name));

	(void)snprintf(out, cap, "%s", text != NULL ? text : "");
	json_decref(root);
}

/* ---- a command on a hub's directory ---- */

int nr_local_run(const struct nr_cli_command *command, int argc, char **argv, void *words,
		 int (*act)(struct nr_local_command *call, struct nr_err *reterr))
{
	struct nr_local_command call = { .words = words };
	struct nr_err err = { 0 };
	int status = nr_cli_begin(command, argc, argv, words, &call.operands);

	nr_buf_init(&call.out, NR_LOCAL_OUT_MAX);
	if (status == NR_CLI_GO_ON) {
		int ret = act(&call, &err);

		if (ret == 0)
			ret = nr_cli_flush(&call.out);
		if (ret < 0 && err.code == 0)
			(void)nr_fail(&err, ret, "%s", nr_err_text(ret));
		status = ret == 0 ? NR_CLI_DONE : nr_cli_fail(command, &err);
	}
	nr_buf_done(&call.out);
	nr_option_release(command->help.options, command->help.n_options, words, &call.operands);
	return status;
}

int nr_local_once(struct nr_local_command *call, const char *path,
		  const struct nr_local_word *words, size_t n_words, struct nr_err *reterr)
{
	nr_auto(nr_local) local = NULL;
	int ret = nr_local_open(call->operands.items[0].p, false, &local, reterr);

	if (local == NULL)
		return ret;
	return nr_local_call(local, path, words, n_words, (struct nr_bytes){ 0 }, &call->out,
			     reterr);
}
