/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry/registry_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUSY_MS = 2000 };

/* ---- errors and statements ---- */

static int code_of(int sqlite)
{
	static const struct {
		int sqlite, code;
	} codes[] = {
		{ SQLITE_FULL, -ENOSPC },      { SQLITE_BUSY, -EBUSY },
		{ SQLITE_LOCKED, -EBUSY },     { SQLITE_READONLY, -EROFS },
		{ SQLITE_NOMEM, -ENOMEM },     { SQLITE_CORRUPT, NR_EDAMAGED },
		{ SQLITE_NOTADB, NR_EFORMAT }, { SQLITE_CONSTRAINT, -EEXIST },
		{ SQLITE_PERM, -EACCES },      { SQLITE_CANTOPEN, -EACCES },
		{ SQLITE_TOOBIG, NR_ELIMIT },
	};

	for (size_t i = 0; i < NR_COUNT(codes); i++)
		if (codes[i].sqlite == (sqlite & 0xff))
			return codes[i].code;
	return -EIO;
}

int nr_registry_fail(struct nr_registry *registry, const char *doing, struct nr_err *reterr)
{
	return nr_fail(reterr, code_of(sqlite3_errcode(registry->db)), "registry: %s: %s", doing,
		       sqlite3_errmsg(registry->db));
}

int nr_registry_prepare(struct nr_registry *registry, const char *sql, sqlite3_stmt **ret_stmt,
			struct nr_err *reterr)
{
	if (sqlite3_prepare_v2(registry->db, sql, -1, ret_stmt, NULL) != SQLITE_OK)
		return nr_registry_fail(registry, "prepare", reterr);
	return 0;
}

int nr_registry_step(struct nr_registry *registry, sqlite3_stmt *stmt, struct nr_err *reterr)
{
	int ret = sqlite3_step(stmt);

	if (ret == SQLITE_ROW)
		return 1;
	return ret == SQLITE_DONE ? 0 : nr_registry_fail(registry, "step", reterr);
}

int nr_registry_run(struct nr_registry *registry, sqlite3_stmt *stmt, struct nr_err *reterr)
{
	int ret;

	while ((ret = nr_registry_step(registry, stmt, reterr)) > 0)
		;
	(void)sqlite3_finalize(stmt); /* its error is the step's */
	return ret;
}

int nr_registry_ask(struct nr_registry *registry, const char *sql,
		    const struct nr_registry_arg *args, size_t n_args, sqlite3_stmt **ret_stmt,
		    struct nr_err *reterr)
{
	int ret = nr_registry_prepare(registry, sql, ret_stmt, reterr);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < n_args; i++)
		switch (args[i].kind) {
		case NR_ARG_NULL:
			break; /* what is not bound is NULL */
		case NR_ARG_I64:
			nr_registry_bind_i64(*ret_stmt, (int)i + 1, args[i].i64);
			break;
		case NR_ARG_TEXT:
			nr_registry_bind_text(*ret_stmt, (int)i + 1, args[i].text);
			break;
		case NR_ARG_UUID:
			nr_registry_bind_blob(*ret_stmt, (int)i + 1, args[i].uuid.b,
					      sizeof(args[i].uuid.b));
			break;
		}
	return 0;
}

int nr_registry_change(struct nr_registry *registry, const char *sql,
		       const struct nr_registry_arg *args, size_t n_args, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_ask(registry, sql, args, n_args, &stmt, reterr);

	if (ret == 0)
		ret = nr_registry_run(registry, stmt, reterr);
	return ret < 0 ? ret : sqlite3_changes(registry->db);
}

int nr_registry_number(struct nr_registry *registry, const char *sql,
		       const struct nr_registry_arg *args, size_t n_args, int64_t *ret_value,
		       struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_ask(registry, sql, args, n_args, &stmt, reterr);

	if (ret < 0)
		return ret;
	ret = nr_registry_step(registry, stmt, reterr);
	*ret_value = ret > 0 ? sqlite3_column_int64(stmt, 0) : 0;
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

int nr_registry_uuid_of(struct nr_registry *registry, const char *sql, const char *name,
			struct nr_uuid *ret_uuid, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;

	*ret_uuid = (struct nr_uuid){ 0 };
	nr_registry_hold(registry);
	int ret = nr_registry_ask(registry, sql, NR_ARGS(NR_ARG_OF_TEXT(name)), &stmt, reterr);

	if (ret == 0) {
		ret = nr_registry_step(registry, stmt, reterr);
		if (ret > 0)
			(void)nr_registry_get_blob(stmt, 0, ret_uuid->b, sizeof(ret_uuid->b));
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : 0;
}

/*
 * A value that could not be bound (no memory) is NULL, and every column that matters is NOT NULL.
 */
void nr_registry_bind_text(sqlite3_stmt *stmt, int i, const char *text)
{
	(void)sqlite3_bind_text(stmt, i, text, -1, SQLITE_TRANSIENT);
}

void nr_registry_bind_str(sqlite3_stmt *stmt, int i, struct nr_str s)
{
	(void)sqlite3_bind_text64(stmt, i, s.p, s.n, SQLITE_TRANSIENT, SQLITE_UTF8);
}

void nr_registry_bind_blob(sqlite3_stmt *stmt, int i, const void *p, size_t n)
{
	(void)sqlite3_bind_blob64(stmt, i, p, n, SQLITE_TRANSIENT);
}

void nr_registry_bind_i64(sqlite3_stmt *stmt, int i, int64_t v)
{
	(void)sqlite3_bind_int64(stmt, i, v);
}

void nr_registry_get_text(sqlite3_stmt *stmt, int i, char *out, size_t cap)
{
	const unsigned char *text = sqlite3_column_text(stmt, i);
	size_t n = text != NULL ? nr_min_size((size_t)sqlite3_column_bytes(stmt, i), cap - 1) : 0;

	if (n > 0)
		memcpy(out, text, n);
	out[n] = '\0';
}

bool nr_registry_get_blob(sqlite3_stmt *stmt, int i, void *out, size_t n)
{
	const void *blob = sqlite3_column_blob(stmt, i);

	memset(out, 0, n);
	if (blob == NULL || (size_t)sqlite3_column_bytes(stmt, i) != n)
		return false;
	memcpy(out, blob, n);
	return true;
}

struct nr_time nr_registry_get_time(sqlite3_stmt *stmt, int i)
{
	return (struct nr_time){ sqlite3_column_int64(stmt, i) };
}

int nr_registry_run_sql(struct nr_registry *registry, const char *sql, struct nr_err *reterr)
{
	if (sqlite3_exec(registry->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return nr_registry_fail(registry, "execute", reterr);
	return 0;
}

/* ---- transactions ---- */

void nr_registry_hold(struct nr_registry *registry)
{
	nr_require(pthread_mutex_lock(&registry->lock) == 0);
}

void nr_registry_let(struct nr_registry *registry)
{
	nr_require(pthread_mutex_unlock(&registry->lock) == 0);
}

int nr_registry_begin(struct nr_registry *registry, struct nr_err *reterr)
{
	nr_registry_hold(registry);
	int ret = nr_registry_run_sql(registry, "BEGIN IMMEDIATE", reterr);

	registry->moves = false; /* until a statement says otherwise: nr_registry_watch() */
	if (ret < 0)
		nr_registry_let(registry);
	return ret;
}

int nr_registry_end(struct nr_registry *registry, int ret, struct nr_err *reterr)
{
	if (ret >= 0) {
		int committed = nr_registry_run_sql(registry, "COMMIT", reterr);

		ret = committed < 0 ? committed : ret;
		if (committed == 0)
			atomic_fetch_add(&registry->changes, 1);
		if (committed == 0 && registry->moves)
			atomic_fetch_add(&registry->standing, 1);
	}
	if (ret < 0 && !sqlite3_get_autocommit(registry->db))
		(void)sqlite3_exec(registry->db, "ROLLBACK", NULL, NULL,
				   NULL); /* the first error is the one to tell */
	nr_registry_let(registry);
	return ret;
}

uint64_t nr_registry_changes(const struct nr_registry *registry)
{
	return atomic_load(&registry->changes);
}

/* ---- open ---- */

static int set_up(struct nr_registry *registry, struct nr_err *reterr)
{
	int ret;

	(void)sqlite3_extended_result_codes(registry->db, 1);
	(void)sqlite3_busy_timeout(registry->db, BUSY_MS);
	(void)sqlite3_db_config(registry->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(registry->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	ret = nr_registry_run_sql(
		registry,
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
		"PRAGMA cell_size_check=ON; PRAGMA secure_delete=ON; PRAGMA cache_size=-4096",
		reterr);
	if (ret == 0) /* a migration that makes tables anew must not cascade */
		ret = nr_registry_run_sql(registry, "PRAGMA foreign_keys=OFF", reterr);
	if (ret == 0)
		ret = nr_registry_allows_add(registry, reterr);
	return ret == 0 ? nr_registry_may_know_add(registry, reterr) : ret;
}

int nr_registry_connect(const char *path, struct nr_registry **ret_registry, struct nr_err *reterr)
{
	struct nr_registry *registry = calloc(1, sizeof(*registry));
	int ret;

	if (registry == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	nr_require(pthread_mutex_init(&registry->lock, NULL) == 0);
	if (sqlite3_open_v2(path, &registry->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		ret = registry->db != NULL ? nr_registry_fail(registry, path, reterr)
					   : nr_fail(reterr, -ENOMEM, "no memory");
	else
		ret = set_up(registry, reterr);
	if (ret < 0) {
		nr_registry_close(registry);
		return ret;
	}
	*ret_registry = registry;
	return 0;
}

int nr_registry_open(const char *path, struct nr_registry **ret_registry, struct nr_err *reterr)
{
	nr_auto(nr_registry) registry = NULL;
	int ret = nr_registry_connect(path, &registry, reterr);

	if (registry == NULL)
		return ret;
	ret = nr_registry_migrate(registry, reterr);
	if (ret == 0 &&
	    sqlite3_set_authorizer(registry->db, nr_registry_watch, registry) != SQLITE_OK)
		ret = nr_registry_fail(registry, "watch", reterr);
	if (ret == 0)
		ret = nr_registry_run_sql(registry, "PRAGMA foreign_keys=ON", reterr);
	if (ret == 0)
		*ret_registry = NR_TAKE(registry);
	return ret;
}

struct nr_registry *nr_registry_close(struct nr_registry *registry)
{
	if (registry == NULL)
		return NULL;
	(void)sqlite3_close_v2(registry->db); /* every change was committed before */
	(void)pthread_mutex_destroy(&registry->lock);
	free(registry);
	return NULL;
}

/* ---- names and meta ---- */

int nr_registry_check_name(const char *name, struct nr_err *reterr)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t n = strlen(name);

	if (n == 0 || n >= NR_REGISTRY_NAME || name[0] == '.' || name[0] == '-' ||
	    strspn(name, allowed) != n)
		return nr_fail(reterr, NR_EUSAGE,
			       "a name has 1 to 63 characters of a-z A-Z 0-9 . _ - and begins "
			       "with a letter, a digit or _");
	return 0;
}

int nr_registry_meta_set(struct nr_registry *registry, const char *name, const char *value,
			 struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = nr_registry_prepare(registry,
				  "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE "
				  "SET value = excluded.value",
				  &stmt, reterr);
	if (ret == 0) {
		nr_registry_bind_text(stmt, 1, name);
		nr_registry_bind_text(stmt, 2, value);
		ret = nr_registry_run(registry, stmt, reterr);
	}
	return nr_registry_end(registry, ret, reterr);
}

int nr_registry_meta(struct nr_registry *registry, const char *name, char *out, size_t cap,
		     struct nr_err *reterr)
{
	sqlite3_stmt *stmt;

	nr_registry_hold(registry);
	int ret = nr_registry_prepare(registry, "SELECT value FROM meta WHERE name = ?1", &stmt,
				      reterr);

	if (ret == 0) {
		nr_registry_bind_text(stmt, 1, name);
		ret = nr_registry_step(registry, stmt, reterr);
		if (ret > 0)
			nr_registry_get_text(stmt, 0, out, cap);
		else if (ret == 0)
			ret = nr_fail(reterr, -ENOENT, "registry: nothing is known of '%s'", name);
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : 0;
}
