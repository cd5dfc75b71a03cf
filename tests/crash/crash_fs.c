/* SPDX-License-Identifier: Apache-2.0 */
#include "crash_fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEVER SIZE_MAX

enum { FDS = 1024, NO_INODE = -1, DIRECTORY = -2, FILE_MAX = 64 << 20 };

struct op { /* on the bytes of a file */
	enum nr_io_kind kind;
	size_t index;	/* of its call */
	size_t sure_at; /* of the sync that brought it to the disk; NEVER */
	bool stuck;	/* a sync failed behind it */
	uint64_t off, n;
	uint8_t *bytes;
};

struct inode {
	struct op *ops;
	size_t n_ops, cap_ops;
};

struct name_op { /* on the directory: `from` goes, `to` stands for the inode */
	size_t index, sure_at;
	char from[CRASH_NAME], to[CRASH_NAME];
	int inode;
};

struct name {
	char name[CRASH_NAME];
	int inode;
};

struct names {
	struct name *items;
	size_t n, cap;
};

struct crash_fs {
	char dir[PATH_MAX];
	size_t n_calls;
	struct inode *inodes;
	size_t n_inodes, cap_inodes;
	struct name_op *name_ops;
	size_t n_name_ops, cap_name_ops;
	struct names now; /* as the program sees it */
	int fds[FDS];
};

static void *grow(void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	*cap = *cap == 0 ? 16 : *cap * 2;
	p = realloc(p, *cap * size);
	nr_require(p != NULL);
	return p;
}

static void names_set(struct names *names, const char *name, int inode)
{
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->items[i].name, name) != 0)
			continue;
		names->items[i].inode = inode;
		if (inode == NO_INODE)
			names->items[i] = names->items[--names->n];
		return;
	}
	if (inode == NO_INODE)
		return;
	names->items = grow(names->items, names->n, &names->cap, sizeof(names->items[0]));
	(void)snprintf(names->items[names->n].name, CRASH_NAME, "%s", name);
	names->items[names->n++].inode = inode;
}

static int names_get(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->items[i].name, name) == 0)
			return names->items[i].inode;
	return NO_INODE;
}

static void apply_name(struct names *names, const struct name_op *op)
{
	if (op->from[0] != '\0')
		names_set(names, op->from, NO_INODE);
	if (op->to[0] != '\0')
		names_set(names, op->to, op->inode);
}

/* ---- recording ---- */

static void reset(struct crash_fs *fs)
{
	for (size_t i = 0; i < fs->n_inodes; i++) {
		for (size_t k = 0; k < fs->inodes[i].n_ops; k++)
			free(fs->inodes[i].ops[k].bytes);
		free(fs->inodes[i].ops);
	}
	fs->n_inodes = fs->n_name_ops = fs->now.n = fs->n_calls = 0;
	for (int i = 0; i < FDS; i++)
		fs->fds[i] = NO_INODE;
}

struct crash_fs *crash_fs_new(void)
{
	struct crash_fs *fs = calloc(1, sizeof(*fs));

	nr_require(fs != NULL);
	reset(fs);
	return fs;
}

struct crash_fs *crash_fs_free(struct crash_fs *fs)
{
	if (fs == NULL)
		return NULL;
	reset(fs);
	free(fs->inodes);
	free(fs->name_ops);
	free(fs->now.items);
	free(fs);
	return NULL;
}

static int add_inode(struct crash_fs *fs)
{
	fs->inodes = grow(fs->inodes, fs->n_inodes, &fs->cap_inodes, sizeof(fs->inodes[0]));
	fs->inodes[fs->n_inodes] = (struct inode){ .n_ops = 0 };
	return (int)fs->n_inodes++;
}

static void add_op(struct crash_fs *fs, int inode, const struct nr_io_call *call)
{
	struct inode *f = &fs->inodes[inode];
	struct op *op;

	f->ops = grow(f->ops, f->n_ops, &f->cap_ops, sizeof(f->ops[0]));
	op = &f->ops[f->n_ops++];
	*op = (struct op){ .kind = call->kind,
			   .index = fs->n_calls,
			   .sure_at = NEVER,
			   .off = call->off,
			   .n = call->n };
	if (call->kind != NR_IO_WRITE)
		return;
	op->bytes = malloc(call->n + 1);
	nr_require(op->bytes != NULL);
	memcpy(op->bytes, call->bytes, call->n);
}

static void add_name_op(struct crash_fs *fs, const char *from, const char *to, int inode)
{
	struct name_op *op;

	fs->name_ops = grow(fs->name_ops, fs->n_name_ops, &fs->cap_name_ops,
			    sizeof(fs->name_ops[0]));
	op = &fs->name_ops[fs->n_name_ops++];
	*op = (struct name_op){ .index = fs->n_calls, .sure_at = NEVER, .inode = inode };
	(void)snprintf(op->from, CRASH_NAME, "%s", from);
	(void)snprintf(op->to, CRASH_NAME, "%s", to);
	apply_name(&fs->now, op);
}

/* The name below the directory; NULL: somewhere else. */
static const char *name_of(const struct crash_fs *fs, const char *path)
{
	size_t n = strlen(fs->dir);

	return strncmp(path, fs->dir, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

static void on_open(struct crash_fs *fs, const struct nr_io_call *call)
{
	const char *name = name_of(fs, call->path);
	int inode;

	nr_require(call->fd < FDS);
	fs->fds[call->fd] = strcmp(call->path, fs->dir) == 0 ? DIRECTORY : NO_INODE;
	if (name == NULL)
		return;
	inode = names_get(&fs->now, name);
	if (inode == NO_INODE) {
		inode = add_inode(fs);
		add_name_op(fs, "", name, inode);
	} else if ((call->off & O_TRUNC) != 0) {
		add_op(fs, inode, &(struct nr_io_call){ .kind = NR_IO_TRUNCATE });
	}
	fs->fds[call->fd] = inode;
}

static void on_sync(struct crash_fs *fs, const struct nr_io_call *call)
{
	int inode = fs->fds[call->fd];

	if (inode == DIRECTORY) {
		for (size_t i = 0; i < fs->n_name_ops; i++) {
			struct name_op *op = &fs->name_ops[i];

			if (op->sure_at != NEVER)
				continue;
			if (!call->failed) /* metadata is journalled: the next sync brings it */
				op->sure_at = fs->n_calls;
		}
		return;
	}
	for (size_t i = 0; i < fs->inodes[inode].n_ops; i++) {
		struct op *op = &fs->inodes[inode].ops[i];

		if (op->sure_at != NEVER || op->stuck)
			continue;
		op->stuck = call->failed && (op->kind == NR_IO_WRITE || op->kind == NR_IO_PUNCH);
		if (!call->failed)
			op->sure_at = fs->n_calls;
	}
}

static void on_name(struct crash_fs *fs, const struct nr_io_call *call)
{
	const char *name = name_of(fs, call->path);

	if (name == NULL)
		return;
	if (call->kind == NR_IO_UNLINK)
		add_name_op(fs, name, "", NO_INODE);
	else
		add_name_op(fs, name, name_of(fs, call->to), names_get(&fs->now, name));
}

void crash_fs_call(void *ctx, const struct nr_io_call *call)
{
	struct crash_fs *fs = ctx;

	switch (call->kind) {
	case NR_IO_OPEN:
		on_open(fs, call);
		break;
	case NR_IO_CLOSE:
		if (call->fd >= 0 && call->fd < FDS)
			fs->fds[call->fd] = NO_INODE;
		return;
	case NR_IO_WRITE:
	case NR_IO_TRUNCATE:
	case NR_IO_ALLOCATE:
	case NR_IO_PUNCH:
		if (fs->fds[call->fd] >= 0)
			add_op(fs, fs->fds[call->fd], call);
		break;
	case NR_IO_SYNC:
		if (fs->fds[call->fd] != NO_INODE)
			on_sync(fs, call);
		break;
	case NR_IO_RENAME:
	case NR_IO_UNLINK:
		on_name(fs, call);
		break;
	case NR_IO_MKDIR:
		break;
	}
	fs->n_calls++;
}

size_t crash_fs_calls(const struct crash_fs *fs)
{
	return fs->n_calls;
}

/* ---- real directories ---- */

void crash_fs_clear(const char *dir)
{
	DIR *d = opendir(dir);

	nr_require(d != NULL);
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
		if (e->d_name[0] != '.')
			nr_require(unlinkat(dirfd(d), e->d_name, 0) == 0);
	closedir(d);
}

static void load_file(struct crash_fs *fs, const char *name)
{
	char path[PATH_MAX + CRASH_NAME];
	struct nr_bytes all;
	int inode = add_inode(fs);

	(void)snprintf(path, sizeof(path), "%s/%s", fs->dir, name);
	nr_require(nr_io_slurp(path, FILE_MAX, &all, NULL) == 0);
	add_op(fs, inode, &(struct nr_io_call){ .kind = NR_IO_WRITE, .bytes = all.p, .n = all.n });
	fs->inodes[inode].ops[0].sure_at = 0;
	add_name_op(fs, "", name, inode);
	fs->name_ops[fs->n_name_ops - 1].sure_at = 0;
	free((void *)(uintptr_t)all.p);
}

void crash_fs_load(struct crash_fs *fs, const char *dir)
{
	DIR *d = opendir(dir);

	nr_require(d != NULL);
	reset(fs);
	(void)snprintf(fs->dir, sizeof(fs->dir), "%s", dir);
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
		if (e->d_name[0] != '.')
			load_file(fs, e->d_name);
	closedir(d);
	fs->n_calls = 1; /* what was loaded is call 0 */
}

/* ---- crash states ---- */

struct image {
	uint8_t *p;
	uint64_t n, cap;
};

/* What may become of a call that is not sure, in this state. */
enum fate { APPLIED, DROPPED, TORN_PREFIX, TORN_ANY, ROOM_ONLY, FATES };

static void image_size(struct image *img, uint64_t n)
{
	if (n > img->cap) {
		uint64_t cap = n * 2;

		img->p = realloc(img->p, cap);
		nr_require(img->p != NULL);
		img->cap = cap;
	}
	if (n > img->n)
		memset(img->p + img->n, 0, n - img->n);
	img->n = n;
}

static void put_range(struct image *img, const struct op *op, uint64_t from, uint64_t to)
{
	if (to > img->n)
		image_size(img, to);
	nr_require(img->p != NULL);
	if (op->kind == NR_IO_WRITE)
		memcpy(img->p + from, op->bytes + (from - op->off), to - from);
	else
		memset(img->p + from, 0, to - from);
}

/* Sector by sector: those of the disk, not of the write. */
static void put_torn(struct image *img, const struct op *op, enum fate fate, uint64_t *rng)
{
	uint64_t end = op->off + op->n, n_sectors = op->n / CRASH_SECTOR + 2;
	uint64_t keep = crash_below(rng, n_sectors + 1), done = 0;

	for (uint64_t at = op->off; at < end; done++) {
		uint64_t next = (at / CRASH_SECTOR + 1) * CRASH_SECTOR;

		next = next < end ? next : end;
		if (fate == TORN_PREFIX ? done < keep : crash_below(rng, 2) == 0)
			put_range(img, op, at, next);
		at = next;
	}
}

static void apply_op(struct image *img, const struct op *op, enum fate fate, uint64_t *rng)
{
	uint64_t end = op->off + op->n;

	if (fate == DROPPED)
		return;
	switch (op->kind) {
	case NR_IO_TRUNCATE:
		image_size(img, op->off);
		return;
	case NR_IO_ALLOCATE:
		if (end > img->n)
			image_size(img, end);
		return;
	case NR_IO_WRITE:
	case NR_IO_PUNCH:
		if (op->n == 0)
			return;
		if (fate == APPLIED)
			put_range(img, op, op->off, end);
		else if (fate != ROOM_ONLY)
			put_torn(img, op, fate, rng);
		else if (op->kind == NR_IO_WRITE && end > img->n)
			image_size(img, end);
		return;
	case NR_IO_OPEN:
	case NR_IO_CLOSE:
	case NR_IO_SYNC:
	case NR_IO_RENAME:
	case NR_IO_UNLINK:
	case NR_IO_MKDIR:
		return;
	}
}

static void build_image(const struct inode *f, size_t n_calls, unsigned temper, uint64_t *rng,
			struct image *img)
{
	img->n = 0;
	for (size_t i = 0; i < f->n_ops && f->ops[i].index < n_calls; i++) {
		const struct op *op = &f->ops[i];
		enum fate fate = APPLIED;

		if (op->sure_at >= n_calls) {
			fate = (enum fate)crash_below(rng, FATES);
			if (temper == 1)
				fate = DROPPED;
			if (temper == 2)
				fate = APPLIED;
		}
		apply_op(img, op, fate, rng);
	}
}

static void write_file(int dir_fd, const char *name, const struct image *img)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	nr_require(fd >= 0);
	nr_require(img->n == 0 || pwrite(fd, img->p, img->n, 0) == (ssize_t)img->n);
	close(fd);
}

/* Names that are not sure: as many of the first as arrived, or any of them. */
static void build_names(const struct crash_fs *fs, size_t n_calls, uint64_t *rng,
			struct names *names)
{
	bool in_order = crash_below(rng, 2) == 0;
	size_t n_unsure = 0, keep;

	for (size_t i = 0; i < fs->n_name_ops && fs->name_ops[i].index < n_calls; i++)
		n_unsure += fs->name_ops[i].sure_at >= n_calls;
	keep = crash_below(rng, n_unsure + 1);
	for (size_t i = 0, unsure = 0; i < fs->n_name_ops && fs->name_ops[i].index < n_calls; i++) {
		const struct name_op *op = &fs->name_ops[i];

		if (op->sure_at < n_calls ||
		    (in_order ? unsure++ < keep : crash_below(rng, 2) == 0))
			apply_name(names, op);
	}
}

void crash_fs_build(const struct crash_fs *fs, size_t n_calls, uint64_t *rng, const char *dir)
{
	struct names names = { .n = 0 };
	struct image img = { .p = NULL };
	unsigned temper = (unsigned)crash_below(rng, 6);
	int dir_fd;

	crash_fs_clear(dir);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	nr_require(dir_fd >= 0);
	build_names(fs, n_calls, rng, &names);
	for (size_t i = 0; i < names.n; i++) {
		build_image(&fs->inodes[names.items[i].inode], n_calls, temper, rng, &img);
		write_file(dir_fd, names.items[i].name, &img);
	}
	close(dir_fd);
	free(names.items);
	free(img.p);
}
