/* SPDX-License-Identifier: Apache-2.0 */
/** @file files: a queue of paths, filled from operands and directories. */
#include "observe/capture/files.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/capture/capture_int.h"
#include "observe/capture/directory.h"

struct nr_files {
	struct nr_found *queue; /* [at, n) wait; [at - 1] is with the caller */
	size_t at, n, cap;
	struct nr_directory **dirs;
	size_t n_dirs;
	bool follow, has_pipe;
	uint64_t bytes, skipped;
};

/** Takes found->path, also on failure. */
static int queue_add(struct nr_files *f, const struct nr_found *found)
{
	if (f->n == f->cap) {
		size_t cap = nr_max_size(16, f->cap * 2);
		struct nr_found *mem = realloc(f->queue, cap * sizeof(mem[0]));

		if (mem == NULL) {
			free(found->path);
			return -ENOMEM;
		}
		f->queue = mem;
		f->cap = cap;
	}
	f->queue[f->n++] = *found;
	f->bytes += found->size;
	return 0;
}

/** Forget what was read, so that following for months does not grow. */
static void queue_trim(struct nr_files *f)
{
	for (size_t i = 0; i < f->at; i++)
		free(f->queue[i].path);
	if (f->at > 0)
		memmove(f->queue, f->queue + f->at, (f->n - f->at) * sizeof(f->queue[0]));
	f->n -= f->at;
	f->at = 0;
}

static int directory_scan(struct nr_files *f, struct nr_directory *dir, struct nr_err *reterr)
{
	struct nr_found *found;
	size_t n;
	int ret = nr_directory_scan(dir, &found, &n, &f->skipped, reterr);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < n; i++)
		if (queue_add(f, &found[i]) < 0)
			ret = -ENOMEM; /* the path was released; go on, to release all */
	free(found);
	if (ret == 0 && f->n - f->at > NR_CAPTURE_FILES_MAX)
		return nr_fail(reterr, NR_ELIMIT, "more than %d files", NR_CAPTURE_FILES_MAX);
	return ret < 0 ? nr_fail(reterr, ret, "no memory for file names") : 0;
}

static int directory_add(struct nr_files *f, const char *path, struct nr_err *reterr)
{
	size_t before = f->n;
	int ret = nr_directory_new(path, &f->dirs[f->n_dirs]);

	if (ret < 0)
		return nr_fail(reterr, ret, "%s", nr_err_text(ret));
	f->n_dirs++;
	ret = directory_scan(f, f->dirs[f->n_dirs - 1], reterr);
	if (ret == 0 && f->n == before && !f->follow)
		return nr_fail(reterr, -ENOENT, "no capture files in this directory");
	return ret;
}

static int operand_add(struct nr_files *f, struct nr_str operand, struct nr_err *reterr)
{
	bool is_stdin = nr_str_eq(operand, NR_STR("-"));
	struct stat st = { 0 };
	char shown[256];
	char *path = strndup(operand.p, operand.n);
	int ret = 0;

	if (path == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory for file names");
	if ((is_stdin ? fstat(STDIN_FILENO, &st) : stat(path, &st)) < 0)
		ret = nr_fail(reterr, -errno, "%s", nr_err_text(-errno));
	if (ret == 0 && S_ISDIR(st.st_mode) && !is_stdin) {
		ret = directory_add(f, path, reterr);
	} else if (ret == 0) {
		struct nr_found found = { .path = NR_TAKE(path) };

		if (S_ISREG(st.st_mode))
			found.size = (uint64_t)st.st_size;
		else
			f->has_pipe = true;

		ret = queue_add(f, &found);
		if (ret < 0)
			nr_fail(reterr, ret, "no memory for file names");
	}
	free(path);
	if (ret < 0) {
		nr_str_escape(operand, shown, sizeof(shown));
		nr_err_prefix(reterr, "%s", shown);
	}
	return ret;
}

int nr_files_new(const struct nr_str *paths, size_t n, bool follow, struct nr_files **ret_files,
		 struct nr_err *reterr)
{
	struct nr_files *f = calloc(1, sizeof(*f));
	int ret = 0;

	if (f != NULL)
		f->dirs = calloc(n + 1, sizeof(f->dirs[0]));
	if (f == NULL || f->dirs == NULL) {
		nr_files_free(f);
		return nr_fail(reterr, -ENOMEM, "no memory for %zu file names", n);
	}
	f->follow = follow;
	if (n == 0)
		ret = nr_fail(reterr, NR_EUSAGE, "no capture file named");
	for (size_t i = 0; i < n && ret == 0; i++)
		ret = operand_add(f, paths[i], reterr);
	if (ret < 0) {
		nr_files_free(f);
		return ret;
	}
	*ret_files = f;
	return 0;
}

struct nr_files *nr_files_free(struct nr_files *f)
{
	if (f == NULL)
		return NULL;
	nr_found_free(f->queue, f->n);
	for (size_t i = 0; i < f->n_dirs; i++)
		nr_directory_free(f->dirs[i]);
	free(f->dirs);
	free(f);
	return NULL;
}

const char *nr_files_next(struct nr_files *f)
{
	if (f->at >= f->n)
		return NULL;
	return f->queue[f->at++].path;
}

bool nr_files_waiting(const struct nr_files *f)
{
	return f->at < f->n;
}

int nr_files_refresh(struct nr_files *f, struct nr_err *reterr)
{
	if (!f->follow)
		return 0;
	queue_trim(f);
	for (size_t i = 0; i < f->n_dirs; i++) {
		int ret = directory_scan(f, f->dirs[i], reterr);
		if (ret < 0)
			return ret;
	}
	return 0;
}

bool nr_files_may_grow(const struct nr_files *f)
{
	return f->follow && f->n_dirs > 0;
}

uint64_t nr_files_bytes(const struct nr_files *f)
{
	return f->follow || f->has_pipe ? 0 : f->bytes;
}

uint64_t nr_files_skipped(const struct nr_files *f)
{
	return f->skipped;
}
