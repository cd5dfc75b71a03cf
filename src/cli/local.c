/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/local.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/client.h"

enum {
	ANSWER_SMALL = 65536,
	COMMIT_BYTES = 8 << 20,
	WORDS = 8,
	OPEN_TRIES = 100, /* ten seconds: a hub that is starting answers by then */
	OPEN_PAUSE_MS = 100,
};

struct nr_local {
	struct nr_client *client; /* a hub runs */
	struct nr_core *core;	  /* none does */
	struct nr_import *import;
	struct nr_enrol enrol;
	char actor[32];
};

/* ---- open ---- */

static int open_socket(struct nr_local *local, const char *dir, struct nr_err *reterr)
{
	char socket[NR_HOME_PATH];

	nr_home_path(dir, "admin.sock", socket);
	if (access(socket, F_OK) < 0)
		return nr_fail(reterr, -ENOENT, "no hub runs in %s", dir);
	return nr_client_open_socket(socket, &local->client, reterr);
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
	local->client = nr_client_close(local->client);
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
	nr_client_close(local->client);
	nr_import_free(local->import);
	nr_core_close(local->core);
	free(local);
	return NULL;
}

bool nr_local_runs(const struct nr_local *local)
{
	return local->client != NULL;
}

struct nr_core *nr_local_core(struct nr_local *local)
{
	return local->core;
}

/* ---- over the socket ---- */

int nr_local_get(struct nr_local *local, const char *path, struct nr_buf *out,
		 struct nr_err *reterr)
{
	const struct nr_client_request rq = { .path = path };

	return nr_client_call(local->client, &rq, out, NULL, reterr);
}

int nr_local_post(struct nr_local *local, const char *path, struct nr_buf *out,
		  struct nr_err *reterr)
{
	const struct nr_client_request rq = { .method = "POST", .path = path };

	return nr_client_call(local->client, &rq, out, NULL, reterr);
}

static int call_hub(struct nr_local *local, const struct nr_admin_act *act, const char *path,
		    const struct nr_local_word *words, size_t n_words, struct nr_bytes body,
		    struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_client_word said[WORDS];
	const struct nr_client_request rq = {
		.method = act->method, .path = path, .words = said, .n_words = n_words, .body = body
	};

	nr_require(n_words <= WORDS);
	for (size_t i = 0; i < n_words; i++)
		said[i] = (struct nr_client_word){ words[i].name, words[i].value };
	return nr_client_call(local->client, &rq, out, NULL, reterr);
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

	nr_require(act != NULL);
	return local->core != NULL ? call_core(local, act, words, n_words, body, out, reterr)
				   : call_hub(local, act, path, words, n_words, body, out, reterr);
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
