/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "serve/hub/backup.h"
#include "serve/hub/home.h"
#include "store/journal.h"

enum { PIECE = 1 << 20 };

struct reader {
	const char *file;
	const struct nr_backup_watch *watch;
	int fd;
	uint64_t off, size;
	struct nr_pack pack;
	uint8_t *piece;
	const char *what; /* "checking", "writing" */
};

/* ---- the archive ---- */

static int fail(const struct reader *r, int code, const char *name, const char *what,
		struct nr_err *reterr)
{
	return nr_fail(reterr, code, "%s: %s%s%s", r->file, name, name[0] != '\0' ? ": " : "",
		       what);
}

static int get(struct reader *r, void *out, size_t n, const char *name, struct nr_err *reterr)
{
	ssize_t got = nr_io_pread_full(r->fd, out, n, r->off);

	if (got < 0)
		return fail(r, (int)got, name, nr_err_text((int)got), reterr);
	if ((size_t)got != n)
		return fail(r, NR_EDAMAGED, name, "the file ends too early", reterr);
	r->off += n;
	return 0;
}

static int tell(struct reader *r, const char *name, struct nr_err *reterr)
{
	if (r->watch->progress(r->watch->ctx, r->what, r->off, r->size) < 0)
		return fail(r, -EINTR, name, "given up", reterr);
	return 0;
}

/* The bytes of a member, to @p out when it is >= 0. */
static int get_bytes(struct reader *r, const struct nr_pack_file *file, int out,
		     struct nr_err *reterr)
{
	struct nr_digester digester;
	struct nr_digest digest;
	uint64_t left = file->size;
	int ret = 0;

	nr_digester_begin(&digester);
	while (ret == 0 && left > 0) {
		size_t n = left < PIECE ? (size_t)left : PIECE;

		ret = get(r, r->piece, n, file->name, reterr);
		if (ret == 0 && out >= 0 && (ret = nr_io_write_all(out, r->piece, n)) < 0)
			return fail(r, ret, file->name, nr_err_text(ret), reterr);
		if (ret == 0) {
			nr_digester_add(&digester, r->piece, n);
			ret = tell(r, file->name, reterr);
		}
		left -= n;
	}
	digest = nr_digester_end(&digester);
	if (ret == 0 && !nr_digest_eq(&digest, &file->digest))
		ret = fail(r, NR_EDAMAGED, file->name, "its digest is not that of the manifest",
			   reterr);
	r->off += nr_pack_padding(file->size);
	return ret;
}

/* The next head must be that of this member. */
static int get_head(struct reader *r, const struct nr_pack_file *file, struct nr_err *reterr)
{
	uint8_t block[NR_PACK_BLOCK];
	char name[NR_PACK_NAME];
	uint64_t size;
	int ret = get(r, block, sizeof(block), file->name, reterr);

	if (ret < 0)
		return ret;
	ret = nr_pack_head_get(block, name, &size, NULL);
	if (ret <= 0 || strcmp(name, file->name) != 0 || size != file->size)
		return fail(r, NR_EDAMAGED, file->name,
			    "it is not where the manifest says, or of another size", reterr);
	return 0;
}

/* Where the manifest begins: heads are walked over, nothing else of them is believed. */
static int find_manifest(struct reader *r, uint64_t *ret_size, struct nr_err *reterr)
{
	uint8_t block[NR_PACK_BLOCK];
	char name[NR_PACK_NAME] = "";
	uint64_t size = 0;

	r->off = 0;
	for (size_t i = 0; i <= NR_PACK_FILES; i++) {
		int ret = get(r, block, sizeof(block), name, reterr);

		if (ret < 0)
			return ret;
		ret = nr_pack_head_get(block, name, &size, NULL);
		if (ret <= 0 && i == 0)
			return fail(r, NR_EFORMAT, "", "this is no backup of a noroshi hub",
				    reterr);
		if (ret <= 0)
			return fail(r, NR_EDAMAGED, name,
				    "what follows it is no member: the file is cut or changed",
				    reterr);
		*ret_size = size;
		if (strcmp(name, "MANIFEST") == 0)
			return 0;
		r->off += size + nr_pack_padding(size);
	}
	return fail(r, NR_ELIMIT, "", "too many members", reterr);
}

static int get_manifest(struct reader *r, struct nr_err *reterr)
{
	struct nr_err why = { 0 };
	uint64_t size = 0;
	int ret = find_manifest(r, &size, reterr);

	if (ret < 0)
		return ret;
	if (size > NR_PACK_MANIFEST || size > r->size)
		return fail(r, NR_EDAMAGED, "MANIFEST", "too large", reterr);
	char *text = malloc((size_t)size + 1);

	if (text == NULL)
		return fail(r, -ENOMEM, "", "no memory", reterr);
	ret = get(r, text, (size_t)size, "MANIFEST", reterr);
	if (ret == 0) {
		ret = nr_pack_manifest_read((struct nr_str){ text, (size_t)size }, &r->pack, &why);
		if (ret < 0)
			(void)fail(r, ret, "", why.msg, reterr);
	}
	free(text);
	return ret;
}

static int check_versions(const struct reader *r, struct nr_err *reterr)
{
	if (r->pack.directory > NR_HOME_VERSION || r->pack.registry > NR_REGISTRY_VERSION)
		return fail(r, NR_EVERSION, "",
			    "it is of a newer noroshi: restore it with that one", reterr);
	return 0;
}

/* Every member, in order; into the directory of @p out when it is not NULL. */
typedef int sink(void *ctx, struct reader *r, const struct nr_pack_file *file,
		 struct nr_err *reterr);

static int walk(struct reader *r, sink *each, void *ctx, struct nr_err *reterr)
{
	int ret = 0;

	r->off = 0;
	for (size_t i = 0; ret == 0 && i < r->pack.n; i++) {
		ret = get_head(r, &r->pack.files[i], reterr);
		if (ret == 0)
			ret = each(ctx, r, &r->pack.files[i], reterr);
	}
	return ret;
}

static int look(void *ctx, struct reader *r, const struct nr_pack_file *file, struct nr_err *reterr)
{
	(void)ctx;
	return get_bytes(r, file, -1, reterr);
}

static int check_all(struct reader *r, struct nr_err *reterr)
{
	uint8_t block[NR_PACK_BLOCK];
	char name[NR_PACK_NAME];
	uint64_t size;
	int ret = get_manifest(r, reterr);

	if (ret == 0)
		ret = check_versions(r, reterr);
	if (ret == 0)
		ret = walk(r, look, NULL, reterr);
	if (ret == 0)
		ret = get(r, block, sizeof(block), "MANIFEST", reterr);
	if (ret == 0 &&
	    (nr_pack_head_get(block, name, &size, NULL) <= 0 || strcmp(name, "MANIFEST") != 0))
		ret = fail(r, NR_EDAMAGED, name, "a member that the manifest does not name",
			   reterr);
	return ret;
}

static int open_pack(const char *file, const struct nr_backup_watch *watch, struct reader *ret_r,
		     struct nr_err *reterr)
{
	struct reader r = { .file = file, .watch = watch, .what = "checking" };
	int64_t size;

	r.fd = nr_io_open(file, O_RDONLY, 0);
	if (r.fd < 0)
		return nr_fail(reterr, r.fd, "%s: %s", file, nr_err_text(r.fd));
	size = nr_io_size(r.fd);
	r.piece = malloc(PIECE);
	if (size < 0 || r.piece == NULL) {
		(void)nr_io_close(r.fd);
		free(r.piece);
		return nr_fail(reterr, size < 0 ? (int)size : -ENOMEM, "%s: cannot be read", file);
	}
	r.size = (uint64_t)size;
	*ret_r = r;
	return 0;
}

static void reader_done(struct reader *r)
{
	(void)nr_io_close(r->fd);
	nr_secret_wipe(r->piece, PIECE);
	free(r->piece);
	nr_pack_done(&r->pack);
}

int nr_backup_check(const char *file, const struct nr_backup_watch *watch, struct nr_pack *ret_pack,
		    struct nr_err *reterr)
{
	struct reader r;
	int ret = open_pack(file, watch, &r, reterr);

	if (ret < 0)
		return ret;
	ret = check_all(&r, reterr);
	if (ret == 0) {
		*ret_pack = r.pack;
		r.pack = (struct nr_pack){ .files = NULL };
	}
	reader_done(&r);
	return ret;
}

/* ---- writing ---- */

static bool is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	bool empty = d != NULL;

	for (struct dirent *e; empty && (e = readdir(d)) != NULL;)
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	if (d != NULL)
		(void)closedir(d);
	return empty;
}

static int make_folders(const char *dir, struct nr_err *reterr)
{
	static const char *const folders[] = { "keys", "journal", "store", "snapshots" };
	char path[NR_HOME_PATH];
	int ret = nr_io_mkdir(dir, 0700);

	if (ret == -EEXIST && is_empty(dir))
		ret = chmod(dir, 0700) < 0 ? -errno : 0;
	if (ret == -EEXIST)
		return nr_fail(reterr, ret, "%s is not empty: restore into a new directory", dir);
	for (size_t i = 0; ret == 0 && i < NR_COUNT(folders); i++) {
		nr_home_path(dir, folders[i], path);
		ret = nr_io_mkdir(path, 0700);
	}
	return ret < 0 ? nr_fail(reterr, ret, "cannot make %s: %s", dir, nr_err_text(ret)) : 0;
}

static int write_file(void *ctx, struct reader *r, const struct nr_pack_file *file,
		      struct nr_err *reterr)
{
	bool last = strcmp(file->name, "NOROSHI") == 0;
	char path[NR_HOME_PATH];
	int fd, ret;

	/* Its bytes are checked like all others; it is written when everything else stands. */
	nr_home_path(ctx, last ? "NOROSHI.new" : file->name, path);
	fd = nr_io_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return nr_fail(reterr, fd, "%s: %s", path, nr_err_text(fd));
	ret = get_bytes(r, file, fd, reterr);
	if (ret == 0 && (ret = nr_io_fsync(fd)) < 0)
		(void)nr_fail(reterr, ret, "%s: %s", path, nr_err_text(ret));
	(void)nr_io_close(fd);
	return ret;
}

static int copy_key(const char *from, const char *dir, const char *name, struct nr_err *reterr)
{
	enum { KEY_MAX = 64 << 10 };
	char path[NR_HOME_PATH];
	struct nr_bytes bytes;
	int ret;

	nr_home_path(from, name, path);
	ret = nr_io_slurp(path, KEY_MAX, &bytes, reterr);
	if (ret < 0)
		return ret;
	(void)snprintf(path, sizeof(path), "%.*s/keys/%s", NR_HOME_PATH / 2, dir, name);
	ret = nr_secret_write(path, bytes.p, bytes.n, reterr);
	nr_secret_wipe((void *)(uintptr_t)bytes.p, bytes.n);
	free((void *)(uintptr_t)bytes.p);
	return ret;
}

struct keys_copy {
	const char *from, *dir;
	struct nr_err *reterr;
};

static int copy_if_secret(void *ctx, const char *name)
{
	struct keys_copy *copy = ctx;
	char member[NR_PACK_NAME];

	if (strlen(name) > NR_PACK_NAME / 2)
		return 0;
	(void)snprintf(member, sizeof(member), "keys/%.40s", name);
	if (!nr_pack_is_secret(nr_str_from(member)))
		return 0;
	return copy_key(copy->from, copy->dir, name, copy->reterr);
}

static int bring_keys(const char *from, const char *dir, struct nr_err *reterr)
{
	struct keys_copy copy = { .from = from, .dir = dir, .reterr = reterr };
	int ret = nr_io_list(from, copy_if_secret, &copy);

	if (ret < 0 && (reterr == NULL || reterr->code != ret))
		return nr_fail(reterr, ret, "%s: %s", from, nr_err_text(ret));
	return ret;
}

/* Keys that fit each other: those kept apart may be of another hub. */
static int check_keys(const char *dir, struct nr_err *reterr)
{
	struct nr_home_keys keys;
	char path[NR_HOME_PATH];
	struct nr_bytes public_key;
	int ret = nr_home_keys_read(dir, &keys, reterr);

	if (ret < 0)
		return ret;
	nr_home_path(dir, "keys/journal.pub", path);
	ret = nr_io_slurp(path, NR_PUBLIC_KEY_SIZE, &public_key, reterr);
	if (ret == 0) {
		if (public_key.n != NR_PUBLIC_KEY_SIZE ||
		    memcmp(public_key.p, keys.journal.public_key, NR_PUBLIC_KEY_SIZE) != 0)
			ret = nr_fail(reterr, NR_EFORMAT,
				      "keys/journal.key is not the key of this hub");
		free((void *)(uintptr_t)public_key.p);
	}
	nr_home_keys_done(&keys);
	return ret;
}

static int check_journal(const char *dir, struct nr_restored *restored, struct nr_err *reterr)
{
	struct nr_journal_report report = { 0 };
	char path[NR_HOME_PATH];
	uint8_t *key;
	struct nr_bytes public_key;
	int ret;

	nr_home_path(dir, "keys/journal.pub", path);
	ret = nr_io_slurp(path, NR_PUBLIC_KEY_SIZE, &public_key, reterr);
	if (ret < 0)
		return ret;
	key = (uint8_t *)(uintptr_t)public_key.p;
	nr_home_path(dir, "journal", path);
	ret = nr_journal_verify(path, key, &report, reterr);
	free(key);
	restored->records = report.records;
	if (ret == 0 && report.last_at != restored->pack.journal_at)
		ret = nr_fail(reterr, NR_EDAMAGED, "the journal ends at %llu instead of %llu",
			      (unsigned long long)report.last_at,
			      (unsigned long long)restored->pack.journal_at);
	return ret;
}

/* A life of its own: what was handed out before speaks of places that will be others now. */
static int renew_registry(const char *dir, const char *actor, struct nr_restored *restored,
			  struct nr_err *reterr)
{
	struct nr_registry_act act = { .actor = actor, .now = nr_time_now() };
	nr_auto(nr_registry) registry = NULL;
	char path[NR_HOME_PATH], made[NR_TIME_TEXT], words[128];
	uint64_t rows;
	int ret;

	nr_home_path(dir, "registry.db", path);
	ret = nr_registry_open(path, &registry, reterr);
	if (ret < 0)
		return ret;
	ret = nr_registry_audit_verify(registry, &rows, reterr);
	nr_uuid_print(nr_uuid_new(), restored->epoch);
	if (ret == 0)
		ret = nr_registry_meta_set(registry, "epoch", restored->epoch, reterr);
	(void)nr_time_print(restored->pack.made, made);
	(void)snprintf(words, sizeof(words), "of %s, journal to %llu", made,
		       (unsigned long long)restored->pack.journal_at);
	if (ret == 0)
		ret = nr_registry_audit(registry, &act, "hub.restore", restored->pack.hub, words,
					reterr);
	return ret;
}

static int finish(const char *dir, struct nr_err *reterr)
{
	static const char *const folders[] = { "keys", "journal", "snapshots", "" };
	char from[NR_HOME_PATH], to[NR_HOME_PATH];
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < NR_COUNT(folders); i++) {
		nr_home_path(dir, folders[i], from);
		ret = nr_io_fsync_dir(from);
	}
	nr_home_path(dir, "NOROSHI.new", from);
	nr_home_path(dir, "NOROSHI", to);
	if (ret == 0)
		ret = nr_io_rename(from, to);
	if (ret == 0)
		ret = nr_io_fsync_dir(dir);
	return ret < 0 ? nr_fail(reterr, ret, "%s: %s", dir, nr_err_text(ret)) : 0;
}

static int write_all(struct reader *r, const char *dir, const char *keys, struct nr_err *reterr)
{
	struct nr_io_space space;
	int ret = make_folders(dir, reterr);

	if (ret == 0 && nr_io_space(dir, &space) == 0 && space.free_bytes < r->size)
		ret = nr_fail(reterr, -ENOSPC, "%s: %llu MiB are needed and %llu free", dir,
			      (unsigned long long)(r->size >> 20),
			      (unsigned long long)(space.free_bytes >> 20));
	r->what = "writing";
	if (ret == 0)
		ret = walk(r, write_file, (void *)(uintptr_t)dir, reterr);
	if (ret == 0 && !r->pack.has_keys)
		ret = bring_keys(keys, dir, reterr);
	return ret == 0 ? check_keys(dir, reterr) : ret;
}

static int restore(struct reader *r, const char *dir, const char *keys, const char *actor,
		   struct nr_restored *restored, struct nr_err *reterr)
{
	int ret = check_all(r, reterr);

	if (ret == 0 && !r->pack.has_keys && keys == NULL)
		ret = fail(r, NR_EUSAGE, "",
			   "it was made without keys: say with --keys where they are", reterr);
	if (ret == 0)
		ret = write_all(r, dir, keys, reterr);
	restored->pack = r->pack;
	if (ret == 0)
		ret = check_journal(dir, restored, reterr);
	if (ret == 0)
		ret = renew_registry(dir, actor, restored, reterr);
	if (ret == 0)
		ret = finish(dir, reterr);
	if (ret == 0)
		r->pack = (struct nr_pack){ .files = NULL };
	return ret;
}

int nr_restore(const char *file, const char *dir, const char *keys, const char *actor,
	       const struct nr_backup_watch *watch, struct nr_restored *ret_restored,
	       struct nr_err *reterr)
{
	struct nr_restored restored = { .records = 0 };
	struct reader r;
	int ret;

	if (strlen(dir) == 0 || strlen(dir) >= NR_HOME_PATH / 2)
		return nr_fail(reterr, NR_EUSAGE, "a directory's path has 1 to %d characters",
			       NR_HOME_PATH / 2 - 1);
	ret = open_pack(file, watch, &r, reterr);
	if (ret < 0)
		return ret;
	ret = restore(&r, dir, keys, actor, &restored, reterr);
	reader_done(&r);
	if (ret == 0)
		*ret_restored = restored;
	return ret;
}
