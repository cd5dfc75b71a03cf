/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/hub/backup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "serve/hub/home.h"
#include "store/journal.h"

enum { PIECE = 1 << 20, PLACE_DIGITS = 20, KEYS_MAX = 32, SPARE = 1 << 20 };

struct maker {
	const char *dir;
	const struct nr_backup_watch *watch;
	bool without_keys;
	struct nr_pack pack;
	int fd;		   /* the archive's temporary */
	char *temp, *copy; /* its path; of the registry's copy */
	int snapshot_fd;
	uint64_t snapshot_at;
	struct nr_journal_sealed *segments;
	size_t n_segments, cap_segments;
	char keys[KEYS_MAX][NR_PACK_NAME];
	size_t n_keys;
	uint64_t done, total;
	uint8_t *piece;
};

/* ---- what there is ---- */

static int newest_snapshot(void *ctx, const char *name)
{
	struct maker *m = ctx;
	char member[NR_PACK_NAME];
	uint64_t at;

	(void)snprintf(member, sizeof(member), "snapshots/%.40s", name);
	if (!nr_pack_name_ok(nr_str_from(member)) ||
	    nr_str_u64((struct nr_str){ name, PLACE_DIGITS }, 0, UINT64_MAX, &at) < 0)
		return 0;
	if (at > m->snapshot_at)
		m->snapshot_at = at;
	return 0;
}

/* It may be deleted meanwhile: what is open stays. None is no fault, it is derived. */
static void open_snapshot(struct maker *m)
{
	char folder[NR_HOME_PATH], path[NR_HOME_PATH + 32];

	nr_home_path(m->dir, "snapshots", folder);
	if (nr_io_list(folder, newest_snapshot, m) < 0 || m->snapshot_at == 0)
		return;
	(void)snprintf(path, sizeof(path), "%s/%020llu.nrs", folder,
		       (unsigned long long)m->snapshot_at);
	m->snapshot_fd = nr_io_open(path, O_RDONLY | O_NOFOLLOW, 0);
}

static int add_key(void *ctx, const char *name)
{
	struct maker *m = ctx;
	char member[NR_PACK_NAME];

	if (strlen(name) > NR_PACK_NAME / 2)
		return 0;
	(void)snprintf(member, sizeof(member), "keys/%.40s", name);
	if (!nr_pack_name_ok(nr_str_from(member)) ||
	    (m->without_keys && nr_pack_is_secret(nr_str_from(member))))
		return 0;
	if (m->n_keys == KEYS_MAX)
		return NR_ELIMIT;
	memcpy(m->keys[m->n_keys++], member, sizeof(member));
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int add_segment(void *ctx, const struct nr_journal_sealed *segment)
{
	struct maker *m = ctx;

	if (m->n_segments == m->cap_segments) {
		size_t cap = m->cap_segments == 0 ? 64 : 2 * m->cap_segments;
		struct nr_journal_sealed *larger = realloc(m->segments, cap * sizeof(*larger));

		if (larger == NULL)
			return -ENOMEM;
		m->segments = larger;
		m->cap_segments = cap;
	}
	m->segments[m->n_segments++] = *segment;
	m->total += segment->size;
	m->pack.journal_at = segment->last_at;
	return 0;
}

static int list_all(struct maker *m, struct nr_err *reterr)
{
	char path[NR_HOME_PATH];

	nr_home_path(m->dir, "keys", path);
	int ret = nr_io_list(path, add_key, m);

	if (ret < 0)
		return nr_fail(reterr, ret, "%s: %s", path, nr_err_text(ret));
	qsort(m->keys, m->n_keys, sizeof(m->keys[0]), compare_names);
	nr_home_path(m->dir, "journal", path);
	int64_t n = nr_journal_sealed(path, add_segment, m, reterr);

	if (n < 0 && reterr != NULL && reterr->code != (int)n)
		return nr_fail(reterr, (int)n, "%s: %s", path, nr_err_text((int)n));
	return n < 0 ? (int)n : 0;
}

static int take_facts(struct maker *m, struct nr_err *reterr)
{
	struct nr_registry_facts facts;
	int ret = nr_registry_facts(m->copy, &facts, reterr);

	if (ret < 0)
		return ret;
	m->pack.registry = facts.version;
	m->pack.engine_at = facts.place;
	memcpy(m->pack.hub, facts.uuid, sizeof(m->pack.hub));
	memcpy(m->pack.epoch, facts.epoch, sizeof(m->pack.epoch));
	nr_str_escape(nr_str_from(facts.name), m->pack.name, sizeof(m->pack.name));
	return 0;
}

/* The order is the promise: see the header. */
static int freeze(struct maker *m, struct nr_err *reterr)
{
	char path[NR_HOME_PATH];
	int ret;

	open_snapshot(m);
	nr_home_path(m->dir, "registry.db", path);
	ret = nr_registry_copy(path, m->copy, reterr);
	if (ret == 0)
		ret = take_facts(m, reterr);
	if (ret == 0)
		ret = m->watch->roll(m->watch->ctx, reterr);
	if (ret == 0)
		ret = list_all(m, reterr);
	if (ret == 0 && m->pack.engine_at > m->pack.journal_at)
		ret = nr_fail(reterr, NR_EDAMAGED,
			      "the registry knows place %llu of the journal, which ends at %llu",
			      (unsigned long long)m->pack.engine_at,
			      (unsigned long long)m->pack.journal_at);
	if (m->snapshot_fd >= 0 && m->snapshot_at > m->pack.engine_at) {
		(void)nr_io_close(m->snapshot_fd);
		m->snapshot_fd = -1;
	}
	return ret;
}

/* ---- copying ---- */

static int put(struct maker *m, const void *bytes, size_t n, struct nr_err *reterr)
{
	int ret = nr_io_write_all(m->fd, bytes, n);

	return ret < 0 ? nr_fail(reterr, ret, "%s: %s", m->temp, nr_err_text(ret)) : 0;
}

static int put_padding(struct maker *m, uint64_t size, struct nr_err *reterr)
{
	static const uint8_t zeros[NR_PACK_BLOCK];

	return put(m, zeros, nr_pack_padding(size), reterr);
}

static int copy_bytes(struct maker *m, int fd, struct nr_pack_file *file, struct nr_err *reterr)
{
	struct nr_digester digester;
	uint64_t left = file->size;
	int ret = 0;

	nr_digester_begin(&digester);
	while (ret == 0 && left > 0) {
		size_t want = left < PIECE ? (size_t)left : PIECE;
		ssize_t n = nr_io_read_full(fd, m->piece, want);

		if (n < 0 || (size_t)n != want)
			return nr_fail(reterr, n < 0 ? (int)n : NR_EDAMAGED,
				       "%s/%s: it %s while it was copied", m->dir, file->name,
				       n < 0 ? "cannot be read" : "became shorter");
		nr_digester_add(&digester, m->piece, want);
		ret = put(m, m->piece, want, reterr);
		left -= want;
		m->done += want;
		if (ret == 0 &&
		    m->watch->progress(m->watch->ctx, file->name, m->done, m->total) < 0)
			ret = nr_fail(reterr, -EINTR, "given up");
	}
	file->digest = nr_digester_end(&digester);
	return ret;
}

static int add_open(struct maker *m, const char *name, int fd, struct nr_err *reterr)
{
	struct nr_pack_file file = { .size = 0 };
	uint8_t head[NR_PACK_BLOCK];
	int64_t size = nr_io_size(fd);
	int ret;

	(void)snprintf(file.name, sizeof(file.name), "%s", name);
	if (size < 0)
		return nr_fail(reterr, (int)size, "%s: %s", name, nr_err_text((int)size));
	if ((uint64_t)size > NR_PACK_SIZE_MAX)
		return nr_fail(reterr, NR_ELIMIT,
			       "%s has 8 GiB or more, which the format cannot hold", name);
	file.size = (uint64_t)size;
	nr_pack_head_put(name, file.size, m->pack.made, head);
	ret = put(m, head, sizeof(head), reterr);
	if (ret == 0)
		ret = copy_bytes(m, fd, &file, reterr);
	if (ret == 0)
		ret = put_padding(m, file.size, reterr);
	if (ret == 0 && (ret = nr_pack_add(&m->pack, &file)) < 0)
		(void)nr_fail(reterr, ret, "%s", nr_err_text(ret));
	return ret;
}

static int add_path(struct maker *m, const char *name, const char *path, struct nr_err *reterr)
{
	int fd = nr_io_open(path, O_RDONLY | O_NOFOLLOW, 0), ret;

	if (fd < 0)
		return nr_fail(reterr, fd, "%s: %s", path, nr_err_text(fd));
	ret = add_open(m, name, fd, reterr);
	(void)nr_io_close(fd);
	return ret;
}

static int add_part(struct maker *m, const char *name, struct nr_err *reterr)
{
	char path[NR_HOME_PATH];

	nr_home_path(m->dir, name, path);
	return add_path(m, name, path, reterr);
}

static int add_all(struct maker *m, struct nr_err *reterr)
{
	char name[NR_PACK_NAME];
	int ret = add_part(m, "NOROSHI", reterr);

	if (ret == 0)
		ret = add_part(m, "hub.yaml", reterr);
	for (size_t i = 0; ret == 0 && i < m->n_keys; i++)
		ret = add_part(m, m->keys[i], reterr);
	if (ret == 0)
		ret = add_path(m, "registry.db", m->copy, reterr);
	(void)snprintf(name, sizeof(name), "snapshots/%020llu.nrs",
		       (unsigned long long)m->snapshot_at);
	if (ret == 0 && m->snapshot_fd >= 0)
		ret = add_open(m, name, m->snapshot_fd, reterr);
	for (size_t i = 0; ret == 0 && i < m->n_segments; i++) {
		(void)snprintf(name, sizeof(name), "journal/%020llu.nrj",
			       (unsigned long long)m->segments[i].first_at);
		ret = add_part(m, name, reterr);
	}
	return ret;
}

static int add_manifest(struct maker *m, struct nr_err *reterr)
{
	static const uint8_t zeros[2 * NR_PACK_BLOCK];
	uint8_t head[NR_PACK_BLOCK];
	struct nr_buf text;
	int ret;

	nr_buf_init(&text, NR_PACK_MANIFEST);
	nr_pack_manifest_write(&m->pack, &text);
	nr_pack_head_put("MANIFEST", text.n, m->pack.made, head);
	ret = text.err < 0 ? nr_fail(reterr, text.err, "MANIFEST: %s", nr_err_text(text.err))
			   : put(m, head, sizeof(head), reterr);
	if (ret == 0)
		ret = put(m, text.p, text.n, reterr);
	if (ret == 0)
		ret = put_padding(m, text.n, reterr);
	nr_buf_done(&text);
	return ret < 0 ? ret : put(m, zeros, sizeof(zeros), reterr);
}

static void add_size(struct maker *m, int fd)
{
	int64_t size = fd >= 0 ? nr_io_size(fd) : 0;

	m->total += size > 0 ? (uint64_t)size : 0;
}

/* Rather now than after an hour. */
static int check_room(struct maker *m, struct nr_err *reterr)
{
	struct nr_io_space space;
	int fd = nr_io_open(m->copy, O_RDONLY | O_NOFOLLOW, 0);
	int ret = nr_io_space(m->temp, &space);

	add_size(m, fd);
	if (fd >= 0)
		(void)nr_io_close(fd);
	add_size(m, m->snapshot_fd);
	if (ret == 0 && space.free_bytes < m->total + SPARE)
		return nr_fail(reterr, -ENOSPC,
			       "%s: the backup has %llu MiB and there are %llu free", m->temp,
			       (unsigned long long)(m->total >> 20),
			       (unsigned long long)(space.free_bytes >> 20));
	return 0;
}

static int make(struct maker *m, struct nr_err *reterr)
{
	int ret = freeze(m, reterr);

	if (ret == 0)
		ret = check_room(m, reterr);
	if (ret == 0)
		ret = add_all(m, reterr);
	return ret < 0 ? ret : add_manifest(m, reterr);
}

static int open_target(struct maker *m, const char *file, struct nr_err *reterr)
{
	struct stat st;
	size_t n;

	if (lstat(file, &st) == 0)
		return nr_fail(reterr, -EEXIST, "%s is there already", file);
	m->fd = nr_io_temp_open(file, &m->temp);
	if (m->fd < 0)
		return nr_fail(reterr, m->fd, "%s: %s", file, nr_err_text(m->fd));
	n = strlen(m->temp) + sizeof(".registry");
	m->copy = malloc(n);
	m->piece = malloc(PIECE);
	if (m->copy == NULL || m->piece == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	(void)snprintf(m->copy, n, "%s.registry", m->temp);
	/* Whatever umask there is: it has keys. */
	return fchmod(m->fd, 0600) < 0
		       ? nr_fail(reterr, -errno, "%s: %s", file, nr_err_text(-errno))
		       : 0;
}

static void maker_done(struct maker *m)
{
	if (m->copy != NULL)
		(void)nr_io_unlink(m->copy);
	if (m->snapshot_fd >= 0)
		(void)nr_io_close(m->snapshot_fd);
	if (m->fd >= 0)
		nr_io_temp_drop(m->fd, m->temp);
	if (m->piece != NULL)
		nr_secret_wipe(m->piece, PIECE);
	free(m->piece);
	free(m->copy);
	free(m->temp);
	free(m->segments);
	nr_pack_done(&m->pack);
}

int nr_backup_make(const char *dir, const char *file, bool without_keys, const char *program,
		   const struct nr_backup_watch *watch, struct nr_pack *ret_pack,
		   struct nr_err *reterr)
{
	struct maker m = { .dir = dir,
			   .watch = watch,
			   .without_keys = without_keys,
			   .fd = -1,
			   .snapshot_fd = -1,
			   .pack = { .made = nr_time_now(),
				     .directory = NR_HOME_VERSION,
				     .has_keys = !without_keys } };
	int ret = open_target(&m, file, reterr);

	(void)snprintf(m.pack.program, sizeof(m.pack.program), "%s", program);
	if (ret == 0)
		ret = make(&m, reterr);
	if (ret == 0) {
		ret = nr_io_temp_commit(m.fd, m.temp, file);
		m.fd = -1;
		if (ret < 0)
			(void)nr_fail(reterr, ret, "%s: %s", file, nr_err_text(ret));
	}
	if (ret == 0) {
		*ret_pack = m.pack;
		m.pack = (struct nr_pack){ .files = NULL };
	}
	maker_done(&m);
	return ret;
}
