/* SPDX-License-Identifier: Apache-2.0 */
/* A registry looked at and copied from beside: by a connection of its own, which holds up no writer. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "store/registry/registry_int.h"

enum { WAIT_MS = 30000, APPLICATION_ID = 0x4e525231 /* "NRR1" */ };

static int look_at(const char *path, struct nr_registry *ret, struct nr_err *reterr)
{
	/* Writing is needed for nothing but the index of its log. */
	if (sqlite3_open_v2(path, &ret->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return ret->db != NULL ? nr_registry_fail(ret, path, reterr)
				       : nr_fail(reterr, -ENOMEM, "no memory");
	(void)sqlite3_busy_timeout(ret->db, WAIT_MS);
	(void)sqlite3_db_config(ret->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(ret->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return 0;
}

/* SQLite makes files as the umask says, and the umask is of the whole process: so it is made here. */
static int make_empty(const char *path, struct nr_err *reterr)
{
	int fd = nr_io_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);

	if (fd < 0)
		return nr_fail(reterr, fd, "%s: %s", path, nr_err_text(fd));
	(void)nr_io_close(fd);
	return 0;
}

int nr_registry_copy(const char *from, const char *to, struct nr_err *reterr)
{
	struct nr_registry registry = { .db = NULL };
	sqlite3_stmt *stmt;
	int ret = make_empty(to, reterr);

	if (ret < 0)
		return ret;
	ret = look_at(from, &registry, reterr);
	if (ret == 0)
		ret = nr_registry_prepare(&registry, "VACUUM INTO ?1", &stmt, reterr);
	if (ret == 0) {
		nr_registry_bind_text(stmt, 1, to);
		ret = nr_registry_run(&registry, stmt, reterr);
	}
	(void)sqlite3_close_v2(registry.db); /* nothing was changed through it */
	if (ret < 0)
		(void)nr_io_unlink(to);
	return ret;
}

struct fact {
	const char *sql;
	size_t at;
	bool is_text;
};

#define NUMBER(sql, member)                                            \
	{                                                              \
		sql, offsetof(struct nr_registry_facts, member), false \
	}
#define TEXT(member)                                                     \
	{                                                                \
		"SELECT value FROM meta WHERE name = '" #member "'",     \
			offsetof(struct nr_registry_facts, member), true \
	}

static int read_fact(struct nr_registry *registry, const struct fact *fact,
		     struct nr_registry_facts *facts, struct nr_err *reterr)
{
	size_t cap = fact->at == offsetof(struct nr_registry_facts, name) ? sizeof(facts->name)
									  : sizeof(facts->uuid);
	char *to = (char *)facts + fact->at;
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry, fact->sql, &stmt, reterr);

	if (ret < 0)
		return ret;
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0 && fact->is_text)
		nr_registry_get_text(stmt, 0, to, cap);
	else if (ret > 0) {
		uint64_t v = (uint64_t)sqlite3_column_int64(stmt, 0);

		memcpy(to, &v, sizeof(v));
	}
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

static int read_pragma(struct nr_registry *registry, const char *sql, int64_t *ret_v,
		       struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry, sql, &stmt, reterr);

	if (ret < 0)
		return ret;
	ret = nr_registry_step(registry, stmt, reterr);
	*ret_v = ret > 0 ? sqlite3_column_int64(stmt, 0) : 0;
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

static int read_facts(struct nr_registry *registry, struct nr_registry_facts *facts,
		      struct nr_err *reterr)
{
	static const struct fact rows[] = {
		NUMBER("SELECT at FROM place WHERE reader = 'engine'", place),
		NUMBER("SELECT count(*) FROM sensor", sensors),
		NUMBER("SELECT count(*) FROM finding", findings),
		NUMBER("SELECT count(*) FROM audit", audit),
		TEXT(uuid),
		TEXT(name),
		TEXT(epoch),
	};
	int64_t version = 0, application = 0;
	int ret = read_pragma(registry, "PRAGMA application_id", &application, reterr);

	if (ret == 0)
		ret = read_pragma(registry, "PRAGMA user_version", &version, reterr);
	if (ret == 0 && (application != APPLICATION_ID || version < 1 || version > UINT32_MAX))
		ret = nr_fail(reterr, NR_EFORMAT, "registry: a database of another program");
	facts->version = (unsigned)version;
	for (size_t i = 0; ret == 0 && i < NR_COUNT(rows); i++)
		ret = read_fact(registry, &rows[i], facts, reterr);
	return ret;
}

int nr_registry_facts(const char *path, struct nr_registry_facts *ret_facts, struct nr_err *reterr)
{
	struct nr_registry registry = { .db = NULL };
	struct nr_registry_facts facts = { .version = 0 };
	int ret = look_at(path, &registry, reterr);

	if (ret == 0)
		ret = read_facts(&registry, &facts, reterr);
	(void)sqlite3_close_v2(registry.db);
	if (ret == 0)
		*ret_facts = facts;
	return ret;
}
