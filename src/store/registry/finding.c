/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry/registry_int.h"

enum { PAGE_MAX = 10000 };
static const char reader_engine[] = "engine";

static int set_place(struct nr_registry *registry, uint64_t place, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      "INSERT INTO place VALUES (?1, ?2) ON CONFLICT (reader) DO "
				      "UPDATE SET at = max(at, excluded.at)",
				      &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_text(stmt, 1, reader_engine);
	nr_registry_bind_i64(stmt, 2, (int64_t)place);
	return nr_registry_run(registry, stmt, reterr);
}

struct add {
	sqlite3_stmt *insert, *outdate;
	int64_t now;
};

/* @return 1 new, 0 was there */
static int add_one(struct nr_registry *registry, const struct add *add,
		   const struct nr_registry_finding *finding, struct nr_err *reterr)
{
	sqlite3_stmt *stmt = add->insert;
	int ret;

	(void)sqlite3_reset(stmt);
	nr_registry_bind_str(stmt, 1, finding->id);
	nr_registry_bind_i64(stmt, 2, finding->revision);
	nr_registry_bind_i64(stmt, 3, (int64_t)finding->at);
	nr_registry_bind_i64(stmt, 4, add->now);
	nr_registry_bind_str(stmt, 5, finding->detector);
	nr_registry_bind_str(stmt, 6, finding->state);
	nr_registry_bind_str(stmt, 7, finding->json);
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret < 0 || sqlite3_changes(registry->db) == 0)
		return ret;
	int64_t sequence = sqlite3_last_insert_rowid(registry->db);

	(void)sqlite3_reset(add->outdate);
	nr_registry_bind_str(add->outdate, 1, finding->id);
	nr_registry_bind_i64(add->outdate, 2, sequence);
	ret = nr_registry_step(registry, add->outdate, reterr);
	return ret < 0 ? ret : 1;
}

static int64_t add_all(struct nr_registry *registry, const struct nr_registry_finding *findings,
		       size_t n, struct nr_time now, struct nr_err *reterr)
{
	struct add add = { .now = now.ns };
	int64_t added = 0;
	int ret = nr_registry_prepare(registry,
				      "INSERT INTO finding (id, revision, at, made_ns, detector, "
				      "state, newest, json) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7) "
				      "ON CONFLICT (id, revision) DO NOTHING",
				      &add.insert, reterr);

	if (ret == 0)
		ret = nr_registry_prepare(registry,
					  "UPDATE finding SET newest = 0 WHERE id = ?1 AND "
					  "newest = 1 AND sequence < ?2",
					  &add.outdate, reterr);
	for (size_t i = 0; ret >= 0 && i < n; i++) {
		ret = add_one(registry, &add, &findings[i], reterr);
		added += ret > 0;
	}
	(void)sqlite3_finalize(add.insert);
	(void)sqlite3_finalize(add.outdate);
	return ret < 0 ? ret : added;
}

int64_t nr_registry_findings_add(struct nr_registry *registry,
				 const struct nr_registry_finding *findings, size_t n,
				 uint64_t place, struct nr_time now, struct nr_err *reterr)
{
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	int64_t added = n > 0 ? add_all(registry, findings, n, now, reterr) : 0;

	ret = added < 0 ? (int)added : set_place(registry, place, reterr);
	ret = nr_registry_end(registry, ret, reterr);
	return ret < 0 ? ret : added;
}

int nr_registry_findings_place(struct nr_registry *registry, uint64_t *ret_at,
			       struct nr_err *reterr)
{
	sqlite3_stmt *stmt;

	nr_registry_hold(registry);
	int ret = nr_registry_prepare(registry, "SELECT at FROM place WHERE reader = ?1", &stmt,
				      reterr);

	if (ret == 0) {
		nr_registry_bind_text(stmt, 1, reader_engine);
		ret = nr_registry_step(registry, stmt, reterr);
		if (ret >= 0)
			*ret_at = ret > 0 ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : 0;
}

static struct nr_str column_str(sqlite3_stmt *stmt, int i)
{
	const char *text = (const char *)sqlite3_column_text(stmt, i);

	return (struct nr_str){ text != NULL ? text : "", (size_t)sqlite3_column_bytes(stmt, i) };
}

static int prepare_page(struct nr_registry *registry,
			const struct nr_registry_finding_filter *filter, sqlite3_stmt **ret_stmt,
			struct nr_err *reterr)
{
	static const char all[] =
		"SELECT sequence, id, revision, at, detector, state, newest, json FROM finding "
		"WHERE sequence > ?1 AND (?2 IS NULL OR state = ?2) "
		"AND (?3 IS NULL OR detector = ?3) ORDER BY sequence LIMIT ?4";
	static const char newest[] =
		"SELECT sequence, id, revision, at, detector, state, newest, json FROM finding "
		"WHERE newest = 1 AND sequence > ?1 AND (?2 IS NULL OR state = ?2) "
		"AND (?3 IS NULL OR detector = ?3) ORDER BY sequence LIMIT ?4";
	int ret = nr_registry_prepare(registry, filter->revisions ? all : newest, ret_stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_i64(*ret_stmt, 1,
			     filter->after > INT64_MAX ? INT64_MAX : (int64_t)filter->after);
	if (filter->state.n > 0)
		nr_registry_bind_str(*ret_stmt, 2, filter->state);
	if (filter->detector.n > 0)
		nr_registry_bind_str(*ret_stmt, 3, filter->detector);
	nr_registry_bind_i64(*ret_stmt, 4,
			     (int64_t)(filter->limit < PAGE_MAX ? filter->limit : PAGE_MAX));
	return 0;
}

int64_t nr_registry_findings(struct nr_registry *registry,
			     const struct nr_registry_finding_filter *filter,
			     int (*each)(void *ctx, const struct nr_registry_finding *finding),
			     void *ctx, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = prepare_page(registry, filter, &stmt, reterr);

	if (ret == 0) {
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			struct nr_registry_finding finding = {
				.sequence = (uint64_t)sqlite3_column_int64(stmt, 0),
				.id = column_str(stmt, 1),
				.revision = (uint32_t)sqlite3_column_int64(stmt, 2),
				.at = (uint64_t)sqlite3_column_int64(stmt, 3),
				.detector = column_str(stmt, 4),
				.state = column_str(stmt, 5),
				.newest = sqlite3_column_int(stmt, 6) != 0,
				.json = column_str(stmt, 7),
			};

			ret = each(ctx, &finding);
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}

int64_t nr_registry_findings_retain(struct nr_registry *registry, struct nr_time before,
				    struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t gone = 0;
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	/* A few at a time: others wait for this transaction. */
	ret = nr_registry_prepare(registry,
				  "DELETE FROM finding WHERE sequence IN (SELECT sequence FROM "
				  "finding WHERE made_ns < ?1 AND (newest = 0 OR state IN "
				  "('ended', 'withdrawn')) ORDER BY sequence LIMIT 1000)",
				  &stmt, reterr);
	if (ret == 0) {
		nr_registry_bind_i64(stmt, 1, before.ns);
		ret = nr_registry_run(registry, stmt, reterr);
		gone = sqlite3_changes(registry->db);
	}
	ret = nr_registry_end(registry, ret, reterr);
	return ret < 0 ? ret : gone;
}
