/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * local: a command's way into a hub's directory: over its socket while it runs, on the open
 * directory itself while not. The answer is the same (serve/admin.h). And the frame of such a
 * command.
 */
#include "base/buf.h"
#include "cli/cli.h"
#include "serve/api/admin.h"

struct nr_local;

struct nr_local_word {
	const char *name, *value;
};

/** @p quick: only over the socket; -ENOENT when no hub runs. */
NR_MUST_CHECK int nr_local_open(const char *dir, bool quick, struct nr_local **ret_local,
				struct nr_err *reterr);
struct nr_local *nr_local_close(struct nr_local *local);
static inline void nr_local_autofree(struct nr_local **l)
{
	nr_local_close(*l);
}
/** Does a hub run there? */
bool nr_local_runs(const struct nr_local *local);
/** POST when @p body.p != NULL or the act changes something. The answer is appended to @p out. */
NR_MUST_CHECK int nr_local_call(struct nr_local *local, const char *path,
				const struct nr_local_word *words, size_t n_words,
				struct nr_bytes body, struct nr_buf *out, struct nr_err *reterr);
/** A resource of the API that only a running hub has. */
NR_MUST_CHECK int nr_local_get(struct nr_local *local, const char *path, struct nr_buf *out,
			       struct nr_err *reterr);
/** POST without a body, of what only a running hub can do. */
NR_MUST_CHECK int nr_local_post(struct nr_local *local, const char *path, struct nr_buf *out,
				struct nr_err *reterr);
/** -EBUSY: somebody is at it; NULL when a hub runs. */
struct nr_core *nr_local_core(struct nr_local *local);
/** Member of the answer's object as text; "" when there is none. */
void nr_local_member(const struct nr_buf *answer, const char *name, char *out, size_t cap);

/* ---- a command on a hub's directory ---- */

enum { NR_LOCAL_OUT_MAX = 64 << 20 };

struct nr_local_command {
	const void *words;		/* what its options say: a struct of its own */
	struct nr_option_list operands; /* the first is the directory */
	struct nr_buf out;		/* goes to standard output when it succeeds */
};

/** Parse into @p words, act, print or say what went wrong. @return the exit status */
int nr_local_run(const struct nr_cli_command *command, int argc, char **argv, void *words,
		 int (*act)(struct nr_local_command *call, struct nr_err *reterr));
/** Open, one nr_local_call() without body, close. */
NR_MUST_CHECK int nr_local_once(struct nr_local_command *call, const char *path,
				const struct nr_local_word *words, size_t n_words,
				struct nr_err *reterr);
