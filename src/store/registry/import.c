/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry/registry_int.h"

#include <stdio.h>

static int find_locked(struct nr_registry *registry, struct nr_registry_import *import,
		       struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      "SELECT name, begun_at, batches, done_ns IS NOT NULL FROM "
				      "import WHERE sensor = ?1 AND digest = ?2",
				      &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, import->sensor.b, sizeof(import->sensor.b));
	nr_registry_bind_blob(stmt, 2, import->digest.b, sizeof(import->digest.b));
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0) {
		nr_registry_get_text(stmt, 0, import->name, sizeof(import->name));
		import->begun_at = (uint64_t)sqlite3_column_int64(stmt, 1);
		import->batches = (uint64_t)sqlite3_column_int64(stmt, 2);
		import->done = sqlite3_column_int(stmt, 3) != 0;
	}
	(void)sqlite3_finalize(stmt);
	return ret;
}

static int insert_locked(struct nr_registry *registry, const struct nr_registry_import *import,
			 const struct nr_registry_act *act, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      "INSERT INTO import (sensor, digest, name, begun_ns, "
				      "begun_at) VALUES (?1, ?2, ?3, ?4, ?5)",
				      &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, import->sensor.b, sizeof(import->sensor.b));
	nr_registry_bind_blob(stmt, 2, import->digest.b, sizeof(import->digest.b));
	nr_registry_bind_text(stmt, 3, import->name);
	nr_registry_bind_i64(stmt, 4, act->now.ns);
	nr_registry_bind_i64(stmt, 5, (int64_t)import->begun_at);
	return nr_registry_run(registry, stmt, reterr);
}

int nr_registry_import_begin(struct nr_registry *registry, struct nr_registry_import *import,
			     const struct nr_registry_act *act, struct nr_err *reterr)
{
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = find_locked(registry, import, reterr);
	if (ret == 0) {
		import->done = false;
		import->batches = 0;
		ret = insert_locked(registry, import, act, reterr);
		if (ret == 0)
			ret = nr_registry_note(registry, act, "import.begin", import->name, "",
					       reterr);
	}
	ret = nr_registry_end(registry, ret, reterr);
	return ret < 0 ? ret : 0;
}

int nr_registry_import_end(struct nr_registry *registry, const struct nr_registry_import *import,
			   const struct nr_registry_act *act, struct nr_err *reterr)
{
	char detail[48];
	sqlite3_stmt *stmt;
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = nr_registry_prepare(registry,
				  "UPDATE import SET done_ns = ?3, batches = ?4 WHERE sensor = ?1 "
				  "AND digest = ?2",
				  &stmt, reterr);
	if (ret == 0) {
		nr_registry_bind_blob(stmt, 1, import->sensor.b, sizeof(import->sensor.b));
		nr_registry_bind_blob(stmt, 2, import->digest.b, sizeof(import->digest.b));
		nr_registry_bind_i64(stmt, 3, act->now.ns);
		nr_registry_bind_i64(stmt, 4, (int64_t)import->batches);
		ret = nr_registry_run(registry, stmt, reterr);
	}
	(void)snprintf(detail, sizeof(detail), "batches=%llu", (unsigned long long)import->batches);
	if (ret == 0)
		ret = nr_registry_note(registry, act, "import.end", import->name, detail, reterr);
	return nr_registry_end(registry, ret, reterr);
}
