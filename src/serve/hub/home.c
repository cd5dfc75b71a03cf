/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/hub/home.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

enum { MARK_MAX = 64, PEM_MAX = 64 << 10 };

/* Written by init: without one of them the directory is damaged. */
static const char *const parts[] = { "keys/authority.pem", "keys/authority.key",
				     "keys/hub.pem",	   "keys/hub.key",
				     "keys/journal.key",   "keys/cursor.key",
				     "registry.db",	   "hub.yaml" };

void nr_home_path(const char *dir, const char *name, char out[NR_HOME_PATH])
{
	(void)snprintf(out, NR_HOME_PATH, "%.*s/%s", NR_HOME_PATH / 2, dir, name);
}

/* ---- recognising ---- */

static int read_mark(const char *dir, char out[MARK_MAX], struct nr_err *reterr)
{
	char path[NR_HOME_PATH];
	struct nr_bytes text;
	int ret;

	nr_home_path(dir, "NOROSHI", path);
	ret = nr_io_slurp(path, MARK_MAX - 1, &text, reterr);
	if (ret < 0)
		return ret;
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
	free((void *)(uintptr_t)text.p);
	return 0;
}

static bool begun(const char *dir)
{
	char path[NR_HOME_PATH];

	nr_home_path(dir, "keys", path);
	return access(path, F_OK) == 0;
}

static int explain_no_mark(const char *dir, int code, struct nr_err *reterr)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return nr_fail(reterr, -errno, "%s: %s; 'noroshi hub init %s' makes a hub there",
			       dir, nr_err_text(-errno), dir);
	if (!S_ISDIR(st.st_mode))
		return nr_fail(reterr, NR_EFORMAT, "%s is no directory", dir);
	if (code == -EACCES)
		return nr_fail(reterr, code, "%s: %s: run as the user whose hub it is", dir,
			       nr_err_text(code));
	if (code != -ENOENT)
		return nr_fail(reterr, NR_EFORMAT, "%s/NOROSHI is not of a noroshi hub", dir);
	if (begun(dir))
		return nr_fail(
			reterr, NR_EDAMAGED,
			"%s is half-made: 'noroshi hub init' did not finish there; remove it "
			"and run init again",
			dir);
	return nr_fail(
		reterr, NR_EFORMAT,
		"%s holds no noroshi hub; 'noroshi hub init' makes one in an empty directory", dir);
}

static int check_mark(const char *dir, const char *mark, struct nr_err *reterr)
{
	struct nr_str rest = nr_str_from(mark);
	uint64_t version;

	if (!nr_str_starts(rest, NR_STR("noroshi hub ")))
		return nr_fail(reterr, NR_EFORMAT, "%s/NOROSHI is not of a noroshi hub", dir);
	rest.p += 12;
	rest.n -= 12;
	if (nr_str_u64(nr_str_trim(rest), 1, UINT32_MAX, &version) < 0)
		return nr_fail(reterr, NR_EDAMAGED, "%s/NOROSHI says no version", dir);
	if (version > NR_HOME_VERSION)
		return nr_fail(
			reterr, NR_EVERSION,
			"%s was made by a newer noroshi (version %llu of the directory, this "
			"program knows %d): use that one",
			dir, (unsigned long long)version, NR_HOME_VERSION);
	return 0;
}

int nr_home_check(const char *dir, struct nr_err *reterr)
{
	char mark[MARK_MAX], path[NR_HOME_PATH];
	int ret;

	if (strlen(dir) == 0 || strlen(dir) >= NR_HOME_PATH / 2)
		return nr_fail(reterr, NR_EUSAGE, "a directory's path has 1 to %d characters",
			       NR_HOME_PATH / 2 - 1);
	ret = read_mark(dir, mark, reterr);
	if (ret < 0)
		return explain_no_mark(dir, ret, reterr);
	ret = check_mark(dir, mark, reterr);
	for (size_t i = 0; ret == 0 && i < NR_COUNT(parts); i++) {
		nr_home_path(dir, parts[i], path);
		if (access(path, F_OK) < 0)
			ret = nr_fail(reterr, NR_EDAMAGED,
				      "%s is missing: bring it back from a backup", path);
	}
	return ret;
}

/* ---- holding ---- */

static int explain_locked(const char *dir, int fd, struct nr_err *reterr)
{
	char who[32] = "";
	ssize_t n = nr_io_read_full(fd, who, sizeof(who) - 1);

	who[n > 0 ? n : 0] = '\0';
	who[strcspn(who, "\n")] = '\0';
	return nr_fail(reterr, -EBUSY, "%s is in use by process %s", dir,
		       who[0] != '\0' ? who : "(unknown)");
}

static int lock(const char *dir, int *ret_fd, struct nr_err *reterr)
{
	char path[NR_HOME_PATH], pid[32];
	int fd, ret = 0;

	nr_home_path(dir, "lock", path);
	fd = nr_io_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (fd < 0)
		return nr_fail(reterr, fd, "%s: %s", path, nr_err_text(fd));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		ret = explain_locked(dir, fd, reterr);
	int n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

	/* Words for people: on a full disk the lock holds all the same. */
	if (ret == 0 && (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) != n))
		nr_log(NR_LOG_WARNING, "hub", "pid_not_written", "file=%s", path);
	if (ret < 0) {
		(void)nr_io_close(fd);
		return ret;
	}
	*ret_fd = fd;
	return 0;
}

int nr_home_open(const char *dir, struct nr_home *ret_home, struct nr_err *reterr)
{
	struct nr_home home = { .lock_fd = -1 };
	int ret = nr_home_check(dir, reterr);

	if (ret < 0)
		return ret;
	memcpy(home.dir, dir, strlen(dir) + 1);
	ret = lock(dir, &home.lock_fd, reterr);
	if (ret == 0)
		*ret_home = home;
	return ret;
}

void nr_home_close(struct nr_home *home)
{
	if (home->lock_fd >= 0)
		(void)nr_io_close(home->lock_fd);
	home->lock_fd = -1;
}

/* ---- keys ---- */

/* @return 0; -EACCES: others may read it */
static int check_secret(const char *path, struct nr_err *reterr)
{
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & 077) == 0)
		return 0;
	return nr_fail(reterr, -EACCES,
		       "%s can be read by others (mode %03o): chmod 600 it, and think of new keys",
		       path, st.st_mode & 0777u);
}

static int read_pem(const char *dir, const char *name, struct nr_buf *out, struct nr_err *reterr)
{
	char path[NR_HOME_PATH];
	struct nr_bytes text;
	int ret;

	nr_home_path(dir, name, path);
	ret = nr_io_slurp(path, PEM_MAX, &text, reterr);
	if (ret < 0)
		return ret;
	nr_buf_add(out, text.p, text.n);
	nr_secret_wipe((void *)(uintptr_t)text.p, text.n);
	free((void *)(uintptr_t)text.p);
	if (nr_str_ends(nr_str_from(name), NR_STR(".key")) && check_secret(path, reterr) < 0)
		return -EACCES;
	return out->err < 0 ? nr_fail(reterr, out->err, "%s: %s", path, nr_err_text(out->err)) : 0;
}

static int read_cursor_key(const char *dir, uint8_t out[NR_HOME_CURSOR_KEY], struct nr_err *reterr)
{
	char path[NR_HOME_PATH];
	struct nr_bytes text;
	int ret;

	nr_home_path(dir, "keys/cursor.key", path);
	ret = nr_io_slurp(path, NR_HOME_CURSOR_KEY, &text, reterr);
	if (ret < 0)
		return ret;
	if (text.n == NR_HOME_CURSOR_KEY)
		memcpy(out, text.p, text.n);
	else
		ret = nr_fail(reterr, NR_EDAMAGED, "%s: %zu bytes instead of %d", path, text.n,
			      NR_HOME_CURSOR_KEY);
	nr_secret_wipe((void *)(uintptr_t)text.p, text.n);
	free((void *)(uintptr_t)text.p);
	return ret == 0 ? check_secret(path, reterr) : ret;
}

int nr_home_keys_read(const char *dir, struct nr_home_keys *ret_keys, struct nr_err *reterr)
{
	struct nr_home_keys keys = { 0 };
	char path[NR_HOME_PATH];
	struct {
		const char *name;
		struct nr_buf *buf;
	} const pems[] = { { "keys/authority.pem", &keys.authority.certificate },
			   { "keys/authority.key", &keys.authority.key },
			   { "keys/hub.pem", &keys.hub.certificate },
			   { "keys/hub.key", &keys.hub.key } };
	int ret = 0;

	for (size_t i = 0; i < NR_COUNT(pems); i++)
		nr_buf_init(pems[i].buf, PEM_MAX);
	for (size_t i = 0; ret == 0 && i < NR_COUNT(pems); i++)
		ret = read_pem(dir, pems[i].name, pems[i].buf, reterr);
	nr_home_path(dir, "keys/journal.key", path);
	if (ret == 0)
		ret = nr_sign_key_read(path, &keys.journal, reterr);
	if (ret == 0)
		ret = read_cursor_key(dir, keys.cursor, reterr);
	if (ret == 0)
		*ret_keys = keys;
	else
		nr_home_keys_done(&keys);
	return ret;
}

void nr_home_keys_done(struct nr_home_keys *keys)
{
	nr_pki_pair_done(&keys->authority);
	nr_pki_pair_done(&keys->hub);
	nr_secret_wipe(&keys->journal, sizeof(keys->journal));
	nr_secret_wipe(keys->cursor, sizeof(keys->cursor));
}
