/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From version to version, each in a transaction: forward when a registry is opened, back for the
 * program before this one.
 */
#include <stdio.h>

#include "base/embedded.h"
#include "store/registry/registry_int.h"

extern const struct nr_embedded nr_registry_migrations[], nr_registry_migrations_down[];

enum { APPLICATION_ID = 0x4e525231 /* "NRR1" */ };

/* Tables that are made anew did not check references: they are checked once it is done. */
static int check_references(struct nr_registry *registry, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry, "PRAGMA foreign_key_check", &stmt, reterr);

	if (ret < 0)
		return ret;
	ret = nr_registry_step(registry, stmt, reterr);
	(void)sqlite3_finalize(stmt);
	return ret > 0 ? nr_fail(reterr, NR_EDAMAGED, "registry: a reference points nowhere") : ret;
}

/* @p act: NULL, or who is to stand in the audit chain for it. */
static int migrate_one(struct nr_registry *registry, const char *sql, int64_t version,
		       const struct nr_registry_act *act, struct nr_err *reterr)
{
	char mark[96];
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = nr_registry_run_sql(registry, sql, reterr);
	if (ret == 0)
		ret = check_references(registry, reterr);
	if (ret == 0 && act != NULL) {
		(void)snprintf(mark, sizeof(mark), "%lld", (long long)version);
		ret = nr_registry_note(registry, act, "registry.back", mark, "", reterr);
	}
	(void)snprintf(mark, sizeof(mark), "PRAGMA user_version=%lld; PRAGMA application_id=%d",
		       (long long)version, APPLICATION_ID);
	if (ret == 0)
		ret = nr_registry_run_sql(registry, mark, reterr);
	return nr_registry_end(registry, ret, reterr);
}

static int read_version(struct nr_registry *registry, int64_t *ret_version, struct nr_err *reterr)
{
	int64_t application = 0, tables = 0;
	int ret = nr_registry_number(registry, "PRAGMA user_version", NULL, 0, ret_version, reterr);

	if (ret == 0)
		ret = nr_registry_number(registry, "PRAGMA application_id", NULL, 0, &application,
					 reterr);
	if (ret == 0)
		ret = nr_registry_number(registry, "SELECT count(*) FROM sqlite_schema", NULL, 0,
					 &tables, reterr);
	if (ret == 0 && tables > 0 && application != APPLICATION_ID)
		return nr_fail(reterr, NR_EFORMAT, "registry: a database of another program");
	return ret;
}

int nr_registry_migrate(struct nr_registry *registry, struct nr_err *reterr)
{
	int64_t version = 0;
	int ret = read_version(registry, &version, reterr);

	if (ret < 0)
		return ret;
	if (version > NR_REGISTRY_VERSION)
		return nr_fail(reterr, NR_EVERSION,
			       "registry: version %lld, made by a newer noroshi; this one knows "
			       "up to %d",
			       (long long)version, NR_REGISTRY_VERSION);
	for (int64_t i = version; i < NR_REGISTRY_VERSION; i++) {
		nr_require(nr_registry_migrations[i].name != NULL);
		ret = migrate_one(registry, nr_registry_migrations[i].text, i + 1, NULL, reterr);
		if (ret < 0)
			return nr_err_prefix(reterr, "%s", nr_registry_migrations[i].name);
	}
	return 0;
}

int nr_registry_migrate_down(const char *path, const struct nr_registry_act *act,
			     struct nr_err *reterr)
{
	nr_auto(nr_registry) registry = NULL;
	int64_t version = 0;
	int ret = nr_registry_connect(path, &registry, reterr);

	if (ret == 0)
		ret = read_version(registry, &version, reterr);
	if (ret < 0)
		return ret;
	if (version != NR_REGISTRY_VERSION)
		return nr_fail(reterr, NR_EVERSION,
			       "registry: version %lld; this noroshi goes back from %d only",
			       (long long)version, NR_REGISTRY_VERSION);
	ret = migrate_one(registry, nr_registry_migrations_down[0].text, NR_REGISTRY_VERSION - 1,
			  act, reterr);
	return ret < 0 ? nr_err_prefix(reterr, "%s", nr_registry_migrations_down[0].name) : 0;
}
