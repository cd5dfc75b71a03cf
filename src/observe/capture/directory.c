/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * directory: list, look into each new file for its first packet time, sort.
 */
#include "observe/capture/directory.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "observe/capture/capture_int.h"

enum {
	PROBE_BYTES = 4096,
	/* A change in the same tick as the last scan leaves the same mtime: look again for this long. */
	RACY_NS = 1000000000,
	SCAN_ANYWAY = 16, /* network file systems may not touch the mtime */
};

struct names {
	char **items; /* sorted by strcmp */
	size_t n, cap;
};

struct nr_directory {
	char *path;
	struct names known;
	struct timespec mtime;
	bool racy;
	unsigned n_unchanged;
};

static void names_done(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->items[i]);
	free(names->items);
	*names = (struct names){ 0 };
}

static int names_add(struct names *names, const char *name)
{
	if (names->n == names->cap) {
		size_t cap = nr_max_size(64, names->cap * 2);
		char **mem = realloc(names->items, cap * sizeof(mem[0]));

		if (mem == NULL)
			return -ENOMEM;
		names->items = mem;
		names->cap = cap;
	}
	names->items[names->n] = strdup(name);
	if (names->items[names->n] == NULL)
		return -ENOMEM;
	names->n++;
	return 0;
}

static int name_cmp(const void *va, const void *vb)
{
	const char *const *a = va, *const *b = vb;

	return strcmp(*a, *b);
}

static bool names_have(const struct names *names, const char *name)
{
	return names->n > 0 &&
	       bsearch(&name, names->items, names->n, sizeof(names->items[0]), name_cmp) != NULL;
}

int nr_directory_new(const char *path, struct nr_directory **ret_directory)
{
	struct nr_directory *d = calloc(1, sizeof(*d));

	if (d != NULL)
		d->path = strdup(path);
	if (d == NULL || d->path == NULL) {
		free(d);
		return -ENOMEM;
	}
	d->racy = true;
	*ret_directory = d;
	return 0;
}

struct nr_directory *nr_directory_free(struct nr_directory *d)
{
	if (d == NULL)
		return NULL;
	names_done(&d->known);
	free(d->path);
	free(d);
	return NULL;
}

void nr_found_free(struct nr_found *found, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(found[i].path);
	free(found);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t digits(const char *s)
{
	size_t n = 0;

	while (is_digit(s[n]))
		n++;
	return n;
}

int nr_directory_natural_cmp(const char *a, const char *b)
{
	const char *a0 = a, *b0 = b;

	while (*a != '\0' && *b != '\0') {
		if (is_digit(*a) && is_digit(*b)) {
			while (*a == '0')
				a++;
			while (*b == '0')
				b++;
			size_t na = digits(a), nb = digits(b);
			int cmp = na != nb ? (na < nb ? -1 : 1) : memcmp(a, b, na);

			if (cmp != 0)
				return cmp;
			a += na;
			b += nb;
			continue;
		}
		if (*a != *b)
			return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
		a++;
		b++;
	}
	if (*a != *b)
		return *a == '\0' ? -1 : 1;
	return strcmp(a0, b0); /* "1" and "01" */
}

static int found_cmp(const void *va, const void *vb)
{
	const struct nr_found *a = va, *b = vb;

	if (a->first_ns != b->first_ns)
		return a->first_ns < b->first_ns ? -1 : 1;
	return nr_directory_natural_cmp(a->path, b->path);
}

/** True when a scan may find something. */
static bool changed(struct nr_directory *d)
{
	struct stat st;

	if (stat(d->path, &st) < 0)
		return true; /* the scan will say why */
	bool same = st.st_mtim.tv_sec == d->mtime.tv_sec && st.st_mtim.tv_nsec == d->mtime.tv_nsec;

	if (same && !d->racy && ++d->n_unchanged < SCAN_ANYWAY)
		return false;
	d->n_unchanged = 0;
	d->mtime = st.st_mtim;
	int64_t age = nr_time_now().ns -
		      ((int64_t)st.st_mtim.tv_sec * NR_NS_PER_S + st.st_mtim.tv_nsec);
	d->racy = age < RACY_NS;
	return true;
}

static int names_list(const char *path, struct names *names, struct nr_err *reterr)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int ret = 0;

	if (dir == NULL)
		return nr_fail(reterr, -errno, "%s", nr_err_text(-errno));
	while (ret == 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (names->n >= NR_CAPTURE_FILES_MAX)
			ret = nr_fail(reterr, NR_ELIMIT, "more than %d files",
				      NR_CAPTURE_FILES_MAX);
		else if (names_add(names, entry->d_name) < 0)
			ret = nr_fail(reterr, -ENOMEM, "no memory for file names");
	}
	closedir(dir);
	if (names->n > 0)
		qsort(names->items, names->n, sizeof(names->items[0]), name_cmp);
	return ret;
}

/** Time of the first packet. @return false: not a capture file */
static bool probe(const char *path, struct nr_block *block, int64_t *ret_first)
{
	struct nr_capture_stats unused = { 0 };
	struct nr_stream *stream;
	struct nr_trace *trace;
	int ret = 0;

	*ret_first = INT64_MAX;
	if (nr_stream_open(path, -1, &stream, NULL) < 0)
		return true; /* will be said when its turn comes */
	if (nr_trace_new(stream, path, &trace) < 0)
		return true;
	nr_trace_limit(trace, PROBE_BYTES);
	while (ret == 0 && *ret_first == INT64_MAX && !nr_trace_ended(trace)) {
		ret = nr_trace_next(trace, block, 0, &unused, NULL);
		for (size_t i = 0; i < block->n && *ret_first == INT64_MAX; i++)
			if ((block->frames[i].flags & NR_FRAME_TIME_ODD) == 0)
				*ret_first = block->frames[i].ts;
	}
	nr_trace_free(trace);
	return ret != NR_EFORMAT;
}

/** Look into one new name. @return 1 it is a file to read; 0 it is not; -ENOMEM */
static int look(const char *dir, const char *name, struct nr_block *block,
		struct nr_found *ret_found, uint64_t *skipped)
{
	struct stat st;
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return -ENOMEM;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode)) {
		free(path);
		return 0;
	}
	*ret_found = (struct nr_found){ .path = path, .size = (uint64_t)st.st_size };
	if (probe(path, block, &ret_found->first_ns))
		return 1;
	(*skipped)++;
	free(path);
	return 0;
}

static int names_look(const struct nr_directory *d, const struct names *now, struct nr_found *found,
		      size_t *n, uint64_t *skipped)
{
	struct nr_block *block;
	int ret = nr_block_new(&block);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < now->n && ret >= 0; i++) {
		if (names_have(&d->known, now->items[i]))
			continue;
		ret = look(d->path, now->items[i], block, &found[*n], skipped);
		*n += ret > 0;
	}
	nr_block_free(block);
	return ret < 0 ? ret : 0;
}

static size_t count_new(const struct nr_directory *d, const struct names *now)
{
	size_t n = 0;

	for (size_t i = 0; i < now->n; i++)
		n += !names_have(&d->known, now->items[i]);
	return n;
}

int nr_directory_scan(struct nr_directory *d, struct nr_found **ret_found, size_t *ret_n,
		      uint64_t *skipped, struct nr_err *reterr)
{
	struct nr_found *found = NULL;
	struct names now = { 0 };
	size_t n = 0, n_new;
	int ret;

	*ret_found = NULL;
	*ret_n = 0;
	if (!changed(d))
		return 0;
	ret = names_list(d->path, &now, reterr);
	n_new = ret < 0 ? 0 : count_new(d, &now);
	if (n_new > 0) {
		found = calloc(n_new, sizeof(found[0]));
		ret = found == NULL ? -ENOMEM : names_look(d, &now, found, &n, skipped);
		if (ret < 0)
			nr_fail(reterr, ret, "no memory for file names");
	}
	if (ret < 0) {
		nr_found_free(found, n);
		names_done(&now);
		return ret;
	}
	names_done(&d->known);
	d->known = now;
	if (n == 0) {
		free(found);
		return 0;
	}
	qsort(found, n, sizeof(found[0]), found_cmp);
	*ret_found = found;
	*ret_n = n;
	return 0;
}
