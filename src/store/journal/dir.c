/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "store/journal/journal_int.h"

enum { NAME_DIGITS = 20, SHOWN = 320 };

char *nr_segment_dir(const char *dir)
{
	size_t n = strlen(dir) + 1;
	char *copy = malloc(n);

	if (copy != NULL)
		memcpy(copy, dir, n);
	return copy;
}

int nr_segment_path(const char *dir, uint64_t at, const char *suffix, char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%020llu.nrj%s", dir, (unsigned long long)at, suffix);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int nr_segment_fail(struct nr_err *reterr, int code, const char *path, uint64_t off,
		    const char *words)
{
	char shown[SHOWN];

	(void)nr_str_escape(nr_str_from(path), shown, sizeof(shown));
	return nr_fail(reterr, code, "%s: byte %llu: %s", shown, (unsigned long long)off, words);
}

static int add_segment(void *ctx, const char *name)
{
	struct nr_segments *s = ctx;
	struct nr_str text = nr_str_from(name);
	uint64_t at;

	if (text.n != NAME_DIGITS + 4 || strcmp(name + NAME_DIGITS, ".nrj") != 0)
		return 0;
	text.n = NAME_DIGITS;
	if (nr_str_u64(text, 1, UINT64_MAX, &at) < 0)
		return 0;
	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 64 : s->cap * 2;
		uint64_t *larger = realloc(s->at, cap * sizeof(*larger));

		if (larger == NULL)
			return -ENOMEM;
		s->at = larger;
		s->cap = cap;
	}
	s->at[s->n++] = at;
	return 0;
}

static int compare(const void *va, const void *vb)
{
	const uint64_t *a = va, *b = vb;

	return *a < *b ? -1 : *a > *b;
}

int nr_segments_list(const char *dir, struct nr_segments *ret_segments, struct nr_err *reterr)
{
	struct nr_segments s = { .at = NULL };
	int ret = nr_io_list(dir, add_segment, &s);

	if (ret < 0) {
		char shown[SHOWN];

		nr_segments_done(&s);
		(void)nr_str_escape(nr_str_from(dir), shown, sizeof(shown));
		return nr_fail(reterr, ret, "%s: %s", shown, nr_err_text(ret));
	}
	if (s.n > 0)
		qsort(s.at, s.n, sizeof(s.at[0]), compare);
	*ret_segments = s;
	return 0;
}

void nr_segments_done(struct nr_segments *segments)
{
	free(segments->at);
	*segments = (struct nr_segments){ .at = NULL };
}
