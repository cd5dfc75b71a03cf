/* SPDX-License-Identifier: Apache-2.0 */
/* Making a hub's directory: everything in it, then the file that says that it is whole. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "serve/hub/home.h"
#include "serve/hub/settings.h"
#include "store/registry_member.h"

enum { AUTHORITY_DAYS = 7300, HUB_DAYS = 3650, HOSTS_MAX = 32, DAY_S = 86400 };

static const char *const folders[] = { "keys", "journal", "store", "snapshots" };

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
	char path[NR_HOME_PATH];

	if (mkdir(dir, 0700) < 0) {
		if (errno != EEXIST)
			return nr_fail(reterr, -errno, "cannot make %s: %s", dir,
				       nr_err_text(-errno));
		if (nr_home_check(dir, NULL) == 0)
			return nr_fail(reterr, -EEXIST, "%s holds a hub already", dir);
		if (!is_empty(dir))
			return nr_fail(reterr, -EEXIST,
				       "%s is not empty: a hub is made in a directory of its own",
				       dir);
		if (chmod(dir, 0700) < 0)
			return nr_fail(reterr, -errno, "%s: %s", dir, nr_err_text(-errno));
	}
	for (size_t i = 0; i < NR_COUNT(folders); i++) {
		nr_home_path(dir, folders[i], path);
		if (mkdir(path, 0700) < 0)
			return nr_fail(reterr, -errno, "cannot make %s: %s", path,
				       nr_err_text(-errno));
	}
	return 0;
}

static int write_file(const char *dir, const char *name, const void *p, size_t n,
		      struct nr_err *reterr)
{
	char path[NR_HOME_PATH];

	nr_home_path(dir, name, path);
	int ret = nr_io_replace(path, p, n, reterr);

	if (ret == 0 && chmod(path, 0600) < 0)
		ret = nr_fail(reterr, -errno, "%s: %s", path, nr_err_text(-errno));
	return ret;
}

static int write_pair(const char *dir, const char *name, const struct nr_pki_pair *pair,
		      struct nr_err *reterr)
{
	char file[64];

	(void)snprintf(file, sizeof(file), "keys/%s.pem", name);
	int ret = write_file(dir, file, pair->certificate.p, pair->certificate.n, reterr);

	(void)snprintf(file, sizeof(file), "keys/%s.key", name);
	return ret < 0 ? ret : write_file(dir, file, pair->key.p, pair->key.n, reterr);
}

struct hosts {
	const char *list[HOSTS_MAX + 1]; /* NULL-terminated */
	char own[256];
	char *copies[HOSTS_MAX];
	size_t n, n_copies;
};

static int choose_hosts(const struct nr_home_wish *wish, struct hosts *hosts, struct nr_err *reterr)
{
	static const char *const loopback[] = { "localhost", "127.0.0.1", "::1" };

	for (size_t i = 0; i < NR_COUNT(loopback); i++)
		hosts->list[hosts->n++] = loopback[i];
	if (gethostname(hosts->own, sizeof(hosts->own) - 1) == 0 && hosts->own[0] != '\0' &&
	    strcmp(hosts->own, "localhost") != 0)
		hosts->list[hosts->n++] = hosts->own;
	if (wish->n_hosts > HOSTS_MAX - hosts->n)
		return nr_fail(reterr, NR_EUSAGE, "more than %zu hosts", HOSTS_MAX - hosts->n);
	for (size_t i = 0; i < wish->n_hosts; i++) {
		char *copy = strndup(wish->hosts[i].p, wish->hosts[i].n);

		if (copy == NULL)
			return nr_fail(reterr, -ENOMEM, "no memory");
		hosts->copies[hosts->n_copies++] = copy;
		hosts->list[hosts->n++] = copy;
	}
	return 0;
}

static void hosts_done(struct hosts *hosts)
{
	for (size_t i = 0; i < hosts->n_copies; i++)
		free(hosts->copies[i]);
}

static int make_certificates(const char *dir, const struct nr_home_wish *wish, const char *name,
			     struct nr_uuid uuid, struct nr_err *reterr)
{
	char identity[NR_PKI_IDENTITY_TEXT] = "urn:noroshi:hub:", common[96];
	struct nr_pki_pair authority = { 0 }, hub = { 0 };
	struct hosts hosts = { 0 };
	int ret = choose_hosts(wish, &hosts, reterr);

	nr_uuid_print(uuid, identity + strlen(identity));
	(void)snprintf(common, sizeof(common), "noroshi authority of %.40s", name);
	struct nr_pki_wish own = { .purpose = NR_PKI_AUTHORITY,
				   .name = common,
				   .now = wish->now,
				   .valid_s = (int64_t)AUTHORITY_DAYS * DAY_S };

	if (ret == 0)
		ret = nr_pki_make(&own, NULL, &authority, reterr);
	own = (struct nr_pki_wish){ .purpose = NR_PKI_SERVER,
				    .name = name,
				    .identity = identity,
				    .hosts = hosts.list,
				    .now = wish->now,
				    .valid_s = (int64_t)HUB_DAYS * DAY_S };
	if (ret == 0)
		ret = nr_pki_make(&own, &authority, &hub, reterr);
	if (ret == 0)
		ret = write_pair(dir, "authority", &authority, reterr);
	if (ret == 0)
		ret = write_pair(dir, "hub", &hub, reterr);
	nr_pki_pair_done(&authority);
	nr_pki_pair_done(&hub);
	hosts_done(&hosts);
	return ret;
}

static int make_keys(const char *dir, struct nr_err *reterr)
{
	uint8_t cursor[NR_HOME_CURSOR_KEY];
	struct nr_sign_key journal;
	char path[NR_HOME_PATH];
	int ret;

	nr_sign_key_new(&journal);
	nr_home_path(dir, "keys/journal.key", path);
	ret = nr_sign_key_write(path, &journal, reterr);
	if (ret == 0)
		ret = write_file(dir, "keys/journal.pub", journal.public_key,
				 sizeof(journal.public_key), reterr);
	nr_random(cursor, sizeof(cursor));
	if (ret == 0)
		ret = write_file(dir, "keys/cursor.key", cursor, sizeof(cursor), reterr);
	nr_secret_wipe(&journal, sizeof(journal));
	nr_secret_wipe(cursor, sizeof(cursor));
	return ret;
}

static int make_registry(const char *dir, const struct nr_home_wish *wish, const char *name,
			 struct nr_uuid uuid, struct nr_err *reterr)
{
	struct nr_registry_act act = { .actor = "init", .now = wish->now };
	char path[NR_HOME_PATH], text[NR_UUID_TEXT], epoch[NR_UUID_TEXT];
	nr_auto(nr_registry) registry = NULL;
	struct nr_registry_member member;
	int ret;

	nr_home_path(dir, "registry.db", path);
	ret = nr_registry_open(path, &registry, reterr);
	if (ret < 0)
		return ret;
	nr_uuid_print(uuid, text);
	nr_uuid_print(nr_uuid_new(), epoch);
	ret = nr_registry_meta_set(registry, "uuid", text, reterr);
	if (ret == 0)
		ret = nr_registry_meta_set(registry, "name", name, reterr);
	if (ret == 0)
		ret = nr_registry_meta_set(registry, "epoch", epoch, reterr);
	if (ret == 0)
		ret = nr_registry_audit(registry, &act, "hub.init", text, name, reterr);
	if (ret == 0)
		ret = nr_registry_operator_make(registry, name, &act, &member, reterr);
	return ret;
}

int nr_home_init(const char *dir, const struct nr_home_wish *wish, struct nr_err *reterr)
{
	static const char mark[] = "noroshi hub 1\n";
	char own[64] = "hub";
	const char *name = wish->name;
	struct nr_uuid uuid = nr_uuid_new();
	int ret;

	if (strlen(dir) == 0 || strlen(dir) >= NR_HOME_PATH / 2)
		return nr_fail(reterr, NR_EUSAGE, "a directory's path has 1 to %d characters",
			       NR_HOME_PATH / 2 - 1);
	if (name == NULL) {
		if (gethostname(own, sizeof(own) - 1) < 0 || own[0] == '\0')
			(void)snprintf(own, sizeof(own), "hub");
		name = own;
	}
	if (strlen(name) > 60)
		return nr_fail(reterr, NR_EUSAGE, "a hub's name has at most 60 characters");
	ret = make_folders(dir, reterr);
	if (ret == 0)
		ret = make_certificates(dir, wish, name, uuid, reterr);
	if (ret == 0)
		ret = make_keys(dir, reterr);
	if (ret == 0)
		ret = make_registry(dir, wish, name, uuid, reterr);
	if (ret == 0)
		ret = write_file(dir, "hub.yaml", nr_settings_example, strlen(nr_settings_example),
				 reterr);
	if (ret == 0)
		ret = write_file(dir, "NOROSHI", mark, sizeof(mark) - 1, reterr);
	return ret;
}
