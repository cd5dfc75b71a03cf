/* SPDX-License-Identifier: Apache-2.0 */
/** @file files: which file comes next. */
#include "observe/capture/files.h"

#include <stdlib.h>

struct nr_files {
	char **paths;
	size_t n, at;
};

int nr_files_new(const struct nr_str *paths, size_t n, struct nr_files **ret_files, struct nr_err *reterr)
{
	struct nr_files *f = calloc(1, sizeof(*f));

	if (f != NULL)
		f->paths = calloc(n + 1, sizeof(f->paths[0]));
	if (f == NULL || f->paths == NULL) {
		nr_files_free(f);
		return nr_fail(reterr, -ENOMEM, "no memory for %zu file names", n);
	}
	for (; f->n < n; f->n++) {
		f->paths[f->n] = strndup(paths[f->n].p, paths[f->n].n);
		if (f->paths[f->n] == NULL) {
			nr_files_free(f);
			return nr_fail(reterr, -ENOMEM, "no memory for %zu file names", n);
		}
	}
	*ret_files = f;
	return 0;
}

struct nr_files *nr_files_free(struct nr_files *f)
{
	if (f == NULL)
		return NULL;
	for (size_t i = 0; f->paths != NULL && i < f->n; i++)
		free(f->paths[i]);
	free(f->paths);
	free(f);
	return NULL;
}

const char *nr_files_next(struct nr_files *f)
{
	return f->at < f->n ? f->paths[f->at++] : NULL;
}
