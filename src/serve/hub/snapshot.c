/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/hub/snapshot.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

enum { HEAD = 8 + 8 + 8 + NR_DIGEST_SIZE, PATH = 640, LISTED = 64 };
static const char magic[] = "NRSNAP1\n";

static void path_of(const char *dir, uint64_t at, char out[PATH])
{
	(void)snprintf(out, PATH, "%.500s/%020llu.nrs", dir, (unsigned long long)at);
}

static void put_le64(uint8_t *p, uint64_t v)
{
	for (size_t i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le64(const uint8_t *p)
{
	uint64_t v = 0;

	for (size_t i = 0; i < 8; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

/* ---- the list of them, newest first ---- */

struct list {
	uint64_t at[LISTED];
	size_t n;
};

static void insert(struct list *list, uint64_t at)
{
	size_t i = list->n < LISTED ? list->n++ : LISTED - 1;

	for (; i > 0 && list->at[i - 1] < at; i--)
		list->at[i] = list->at[i - 1];
	list->at[i] = at;
}

static int list_them(const char *dir, struct list *ret_list, struct nr_err *reterr)
{
	DIR *d = opendir(dir);

	*ret_list = (struct list){ 0 };
	if (d == NULL)
		return nr_fail(reterr, -errno, "%s: %s", dir, nr_err_text(-errno));
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		struct nr_str name = nr_str_from(e->d_name);
		uint64_t at;

		if (name.n == 24 && nr_str_ends(name, NR_STR(".nrs")) &&
		    nr_str_u64((struct nr_str){ name.p, 20 }, 0, UINT64_MAX, &at) == 0)
			insert(ret_list, at);
	}
	(void)closedir(d);
	return 0;
}

/* ---- writing ---- */

static int write_parts(const char *path, uint64_t at, struct nr_bytes state)
{
	struct nr_digest digest = nr_digest_of(state.p, state.n);
	uint8_t head[HEAD];
	char *temp;
	int fd = nr_io_temp_open(path, &temp), ret;

	if (fd < 0)
		return fd;
	memcpy(head, magic, 8);
	put_le64(head + 8, at);
	put_le64(head + 16, state.n);
	memcpy(head + 24, digest.b, sizeof(digest.b));
	ret = nr_io_write_all(fd, head, sizeof(head));
	if (ret == 0)
		ret = nr_io_write_all(fd, state.p, state.n);
	if (ret == 0)
		ret = nr_io_temp_commit(fd, temp, path);
	else
		nr_io_temp_drop(fd, temp);
	free(temp);
	return ret;
}

int nr_snapshot_write(const char *dir, uint64_t at, struct nr_bytes state, struct nr_err *reterr)
{
	struct list list;
	char path[PATH];
	int ret;

	path_of(dir, at, path);
	ret = write_parts(path, at, state);
	if (ret < 0)
		return nr_fail(reterr, ret, "%s: %s", path, nr_err_text(ret));
	ret = list_them(dir, &list, reterr);
	for (size_t i = NR_SNAPSHOT_KEEP; ret == 0 && i < list.n; i++) {
		path_of(dir, list.at[i], path);
		(void)nr_io_unlink(path); /* one too many harms nobody */
	}
	return ret;
}

/* ---- reading ---- */

static int read_one(const char *dir, uint64_t at, struct nr_bytes *ret_state)
{
	struct nr_bytes file;
	char path[PATH];
	int ret;

	path_of(dir, at, path);
	ret = nr_io_slurp(path, NR_SNAPSHOT_MAX, &file, NULL);
	if (ret < 0)
		return ret;
	uint8_t *p = (uint8_t *)(uintptr_t)file.p;

	if (file.n >= HEAD && memcmp(p, magic, 8) == 0 && get_le64(p + 8) == at &&
	    get_le64(p + 16) == file.n - HEAD) {
		struct nr_digest said, is = nr_digest_of(p + HEAD, file.n - HEAD);

		memcpy(said.b, p + 24, sizeof(said.b));
		if (nr_digest_eq(&said, &is)) {
			memmove(p, p + HEAD, file.n - HEAD);
			*ret_state = (struct nr_bytes){ p, file.n - HEAD };
			return 0;
		}
	}
	free(p);
	return NR_EDAMAGED;
}

int nr_snapshot_read(const char *dir, uint64_t before, uint64_t *ret_at, struct nr_bytes *ret_state,
		     struct nr_err *reterr)
{
	struct list list;
	int ret = list_them(dir, &list, reterr);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < list.n; i++) {
		if (list.at[i] >= before)
			continue;
		ret = read_one(dir, list.at[i], ret_state);
		if (ret == -ENOMEM)
			return nr_fail(reterr, ret, "no memory");
		if (ret == 0) {
			*ret_at = list.at[i];
			return 0;
		}
	}
	return nr_fail(reterr, -ENOENT, "no snapshot");
}
