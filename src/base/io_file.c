/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: read at once, replaced in one step. */
#include "base/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	SLURP_FIRST = 4096,
	TEMP_TRIES = 16,
	TEMP_SUFFIX = sizeof(".0123456789abcdef.tmp"),
	PATH_SHOWN = 320, /* bytes of a path in a message */
};

static int fail_path(struct nr_err *reterr, int code, const char *path, const char *what)
{
	char shown[PATH_SHOWN];

	nr_str_escape(nr_str_from(path), shown, sizeof(shown));
	return nr_fail(reterr, code, "%s: %s: %s", shown, what, nr_err_text(code));
}

/* Room for more than @p have bytes, never over @p max + 1 (the one over tells a file too long). */
static int slurp_grow(char **p, size_t *cap, size_t max)
{
	size_t ceiling = nr_min_size(max, PTRDIFF_MAX - 2) + 1;
	size_t want = *cap > ceiling / 2 ? ceiling : nr_max_size(*cap * 2, SLURP_FIRST);
	char *larger;

	want = nr_min_size(want, ceiling);
	larger = realloc(*p, want + 1);
	if (larger == NULL)
		return -ENOMEM;
	*p = larger;
	*cap = want;
	return 0;
}

/* @p ret_p is the caller's to free in every case. */
static int slurp_fd(int fd, size_t max, char **ret_p, size_t *ret_n)
{
	size_t cap = 0, n = 0;

	for (;;) {
		ssize_t got;

		if (n == cap && slurp_grow(ret_p, &cap, max) < 0)
			return -ENOMEM;
		got = nr_io_read_full(fd, *ret_p + n, cap - n);
		if (got < 0)
			return (int)got;
		n += (size_t)got;
		if (n > max)
			return NR_ELIMIT;
		if (n < cap)
			break;
	}
	(*ret_p)[n] = '\0';
	*ret_n = n;
	return 0;
}

int nr_io_slurp(const char *path, size_t max, struct nr_bytes *ret_owned, struct nr_err *reterr)
{
	char *p = NULL;
	size_t n = 0;
	int fd, r;

	fd = nr_io_open(path, O_RDONLY | O_NOCTTY, 0);
	if (fd < 0)
		return fail_path(reterr, fd, path, "cannot open");
	r = slurp_fd(fd, max, &p, &n);
	(void)nr_io_close(fd); /* nothing was written, nothing can be lost */
	if (r < 0) {
		free(p);
		return fail_path(reterr, r, path, "cannot read");
	}
	*ret_owned = (struct nr_bytes){ (const uint8_t *)p, n };
	return 0;
}

/* Create PATH.RANDOM.tmp. @return descriptor; -errno */
static int temp_open(const char *path, char *temp, size_t size)
{
	int fd = -EEXIST;

	for (int i = 0; i < TEMP_TRIES && fd == -EEXIST; i++) {
		uint64_t salt;

		if (getrandom(&salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
			return -EIO;
		(void)snprintf(temp, size, "%s.%016llx.tmp", path, (unsigned long long)salt);
		fd = nr_io_open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
	}
	return fd;
}

static int fsync_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 1 : nr_max_size((size_t)(slash - path), 1);
	char *dir = malloc(n + 1);
	int r;

	if (dir == NULL)
		return -ENOMEM;
	memcpy(dir, slash == NULL ? "." : path, n);
	dir[n] = '\0';
	r = nr_io_fsync_dir(dir);
	free(dir);
	return r;
}

int nr_io_temp_open(const char *path, char **ret_temp)
{
	size_t size = strlen(path) + TEMP_SUFFIX;
	char *temp = malloc(size);
	int fd;

	if (temp == NULL)
		return -ENOMEM;
	fd = temp_open(path, temp, size);
	if (fd < 0)
		free(temp);
	else
		*ret_temp = temp;
	return fd;
}

int nr_io_temp_commit(int fd, const char *temp, const char *path)
{
	int r = nr_io_fsync(fd), closed = nr_io_close(fd);

	if (r == 0)
		r = closed;
	if (r == 0)
		r = nr_io_rename(temp, path);
	if (r < 0) {
		(void)nr_io_unlink(temp); /* the first error is the one to tell */
		return r;
	}
	return fsync_parent(path);
}

void nr_io_temp_drop(int fd, const char *temp)
{
	(void)nr_io_close(fd); /* nobody will read what was written */
	(void)nr_io_unlink(temp);
}

int nr_io_replace(const char *path, const void *bytes, size_t n, struct nr_err *reterr)
{
	char *temp = NULL;
	int fd = nr_io_temp_open(path, &temp), r;

	if (fd < 0)
		return fail_path(reterr, fd, path, "cannot write");
	r = nr_io_write_all(fd, bytes, n);
	if (r == 0)
		r = nr_io_temp_commit(fd, temp, path);
	else
		nr_io_temp_drop(fd, temp);
	free(temp);
	return r < 0 ? fail_path(reterr, r, path, "cannot write") : 0;
}
