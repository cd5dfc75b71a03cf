/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/hub/check.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/io.h"
#include "base/tls.h"
#include "serve/hub/home.h"
#include "store/journal.h"

enum {
	WORDS = 600,
	DAY_S = 86400,
	CERTIFICATE_DAYS = 30,
	FILES_MIN = 1024,
	BACK_S = 60,
	MIB = 1 << 20,
	MIB_SPARE = 1024,
};

const char *const nr_check_levels[] = {
	[NR_CHECK_GOOD] = "good",
	[NR_CHECK_WARNING] = "warning",
	[NR_CHECK_FAULT] = "fault",
	NULL,
};

struct checker {
	const struct nr_check_wish *wish;
	const char *dir;
	const struct nr_settings *set;
	unsigned faults;
	const char *what;
	unsigned said; /* of this one */
	bool runs;     /* a hub, or a command, is at it */
};

static void say(struct checker *c, enum nr_check_level level, const char *fmt, ...) NR_PRINTF(3, 4);

static void say(struct checker *c, enum nr_check_level level, const char *fmt, ...)
{
	char words[WORDS];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	struct nr_check check = { .level = level, .what = c->what, .words = words };

	c->faults += level == NR_CHECK_FAULT;
	c->said++;
	c->wish->found(c->wish->ctx, &check);
}

/* ---- files ---- */

struct owner {
	struct checker *c;
	uid_t uid;
	const char *folder;
};

static void check_path(struct checker *c, const char *name, uid_t uid)
{
	bool is_key = nr_str_ends(nr_str_from(name), NR_STR(".key"));
	char path[NR_HOME_PATH];
	struct stat st;

	nr_home_path(c->dir, name, path);
	if (lstat(path, &st) < 0)
		return;
	if (st.st_uid != uid)
		say(c, NR_CHECK_FAULT,
		    "%s belongs to user %u, the directory to user %u: 'chown -R' it to who runs the hub",
		    path, (unsigned)st.st_uid, (unsigned)uid);
	if (is_key && (st.st_mode & 077) != 0)
		say(c, NR_CHECK_FAULT,
		    "%s can be read by others (mode %03o): 'chmod 600' it, and think of new keys",
		    path, (unsigned)st.st_mode & 0777u);
	else if ((st.st_mode & 022) != 0)
		say(c, NR_CHECK_FAULT, "%s can be changed by others (mode %03o): 'chmod go-w' it",
		    path, (unsigned)st.st_mode & 0777u);
}

static int check_entry(void *ctx, const char *name)
{
	const struct owner *owner = ctx;
	char path[NR_HOME_PATH];

	(void)snprintf(path, sizeof(path), "%s%s", owner->folder, name);
	check_path(owner->c, path, owner->uid);
	return 0;
}

static void check_permissions(struct checker *c)
{
	static const char *const folders[] = { "", "keys/" };
	char path[NR_HOME_PATH];
	struct stat st;

	if (stat(c->dir, &st) < 0)
		return;
	if ((st.st_mode & 077) != 0)
		say(c, NR_CHECK_WARNING, "%s can be entered by others (mode %03o): 'chmod 700' it",
		    c->dir, (unsigned)st.st_mode & 0777u);
	for (size_t i = 0; i < NR_COUNT(folders); i++) {
		struct owner owner = { .c = c, .uid = st.st_uid, .folder = folders[i] };

		nr_home_path(c->dir, folders[i], path);
		int ret = nr_io_list(path, check_entry, &owner);

		if (ret < 0)
			say(c, NR_CHECK_FAULT, "%s: %s", path, nr_err_text(ret));
	}
}

/* ---- keys and certificate ---- */

static void check_end(struct checker *c, const char *whose, const struct nr_buf *certificate)
{
	struct nr_pki_facts facts;
	char end[NR_TIME_TEXT];
	struct nr_err err;
	int64_t now = c->wish->now.ns;

	if (nr_pki_read(nr_buf_str(certificate), &facts, &err) < 0) {
		say(c, NR_CHECK_FAULT, "%s: %s", whose, err.msg);
		return;
	}
	(void)nr_time_print(facts.not_after, end);
	if (facts.not_after.ns <= now)
		say(c, NR_CHECK_FAULT, "%s ended at %s: nobody trusts it any more", whose, end);
	else if (facts.not_before.ns > now)
		say(c, NR_CHECK_FAULT, "%s is not valid yet: is the clock right?", whose);
	else if (facts.not_after.ns - now < (int64_t)CERTIFICATE_DAYS * DAY_S * NR_NS_PER_S)
		say(c, NR_CHECK_WARNING, "%s ends at %s", whose, end);
}

static void check_certificate(struct checker *c)
{
	struct nr_home_keys keys;
	struct nr_err err;

	if (nr_home_keys_read(c->dir, &keys, &err) < 0) {
		say(c, NR_CHECK_FAULT, "%s", err.msg);
		return;
	}
	check_end(c, "keys/hub.pem", &keys.hub.certificate);
	check_end(c, "keys/authority.pem", &keys.authority.certificate);
	nr_home_keys_done(&keys);
}

/* ---- room, versions, ports, clock ---- */

static void check_room(struct checker *c)
{
	uint64_t need = (uint64_t)c->set->segment_mib + c->set->reserve_mib;
	struct nr_io_space space;
	int ret = nr_io_space(c->dir, &space);

	if (ret < 0) {
		say(c, NR_CHECK_FAULT, "%s: %s", c->dir, nr_err_text(ret));
		return;
	}
	uint64_t free_mib = space.free_bytes / MIB;

	if (free_mib < c->set->segment_mib)
		say(c, NR_CHECK_FAULT, "%llu MiB free: less than one segment of the journal",
		    (unsigned long long)free_mib);
	else if (free_mib < need + MIB_SPARE)
		say(c, NR_CHECK_WARNING,
		    "%llu MiB free: a segment and the reserve take %llu, and new data comes",
		    (unsigned long long)free_mib, (unsigned long long)need);
	if (space.free_files < FILES_MIN)
		say(c, NR_CHECK_FAULT, "the file system has only %llu files left",
		    (unsigned long long)space.free_files);
}

static void check_registry(struct checker *c)
{
	struct nr_registry_facts facts;
	char path[NR_HOME_PATH];
	struct nr_err err;

	nr_home_path(c->dir, "registry.db", path);
	if (nr_registry_facts(path, &facts, &err) < 0)
		say(c, NR_CHECK_FAULT, "%s", err.msg);
	else if (facts.version > NR_REGISTRY_VERSION)
		say(c, NR_CHECK_FAULT,
		    "version %u, made by a newer noroshi; this one knows up to %d: use that one",
		    facts.version, NR_REGISTRY_VERSION);
	else if (facts.version < NR_REGISTRY_VERSION)
		say(c, NR_CHECK_WARNING,
		    "version %u: the next start brings it to %d; make a backup before",
		    facts.version, NR_REGISTRY_VERSION);
}

static int no_segment(void *ctx, const struct nr_journal_sealed *segment)
{
	(void)ctx;
	(void)segment;
	return 0;
}

static void check_journal(struct checker *c)
{
	char path[NR_HOME_PATH];
	struct nr_err err = { 0 };

	nr_home_path(c->dir, "journal", path);
	if (nr_journal_sealed(path, no_segment, NULL, &err) < 0)
		say(c, NR_CHECK_FAULT, "%s; 'noroshi journal verify %s' says all", err.msg, c->dir);
}

static void check_port(struct checker *c, const char *key, const char *where)
{
	struct nr_err err;
	uint16_t port;
	int fd = nr_net_listen(where, &port, &err);

	if (fd < 0)
		say(c, NR_CHECK_FAULT, "%s: %s", key, err.msg);
	else
		(void)nr_io_close(fd);
}

static void check_ports(struct checker *c)
{
	if (c->runs)
		return; /* they are the hub's */
	check_port(c, "listen", c->set->listen);
	check_port(c, "ingest", c->set->ingest);
}

static void check_clock(struct checker *c)
{
	struct timex tx = { .modes = 0 };
	char path[NR_HOME_PATH];
	struct stat st;

	nr_home_path(c->dir, "registry.db", path);
	if (stat(path, &st) == 0 && st.st_mtim.tv_sec > nr_time_floor_s(c->wish->now) + BACK_S)
		say(c, NR_CHECK_FAULT, "%s was written in the future: set the clock", path);
	if (adjtimex(&tx) == TIME_ERROR || (tx.status & STA_UNSYNC) != 0)
		say(c, NR_CHECK_WARNING,
		    "nothing keeps it right: run chrony or systemd-timesyncd, times of findings are "
		    "the hub's");
}

static bool is_locked(const char *dir)
{
	char path[NR_HOME_PATH];
	bool locked = false;

	nr_home_path(dir, "lock", path);
	int fd = nr_io_open(path, O_RDONLY | O_NOFOLLOW, 0);

	if (fd < 0)
		return false;
	locked = flock(fd, LOCK_SH | LOCK_NB) < 0;
	(void)nr_io_close(fd);
	return locked;
}

/* ---- all of them ---- */

static const struct {
	const char *what, *good;
	void (*check)(struct checker *c);
} rows[] = {
	{ "permissions", "only its owner can read and change it", check_permissions },
	{ "certificate", "keys are whole, certificates valid", check_certificate },
	{ "room", "enough", check_room },
	{ "registry", "of this version", check_registry },
	{ "journal", "closed segments follow each other", check_journal },
	{ "ports", "free, or the running hub's", check_ports },
	{ "clock", "kept right", check_clock },
};

unsigned nr_check_run(const struct nr_check_wish *wish, struct nr_settings_file **ret_file)
{
	struct checker c = { .wish = wish, .dir = wish->dir, .what = "directory" };
	char path[NR_HOME_PATH];
	struct nr_err err;

	*ret_file = NULL;
	if (nr_home_check(wish->dir, &err) < 0) {
		say(&c, NR_CHECK_FAULT, "%s", err.msg);
		return c.faults;
	}
	c.runs = is_locked(wish->dir);
	say(&c, NR_CHECK_GOOD, c.runs ? "a hub runs in it" : "whole");
	c.what = "settings";
	nr_home_path(wish->dir, "hub.yaml", path);
	if (nr_settings_read(path, ret_file, &err) < 0) {
		say(&c, NR_CHECK_FAULT, "%s", err.msg);
		return c.faults;
	}
	say(&c, NR_CHECK_GOOD, "understood");
	c.set = nr_settings_of(*ret_file);
	for (size_t i = 0; i < NR_COUNT(rows); i++) {
		c.what = rows[i].what;
		c.said = 0;
		rows[i].check(&c);
		if (c.said == 0)
			say(&c, NR_CHECK_GOOD, "%s", rows[i].good);
	}
	return c.faults;
}
