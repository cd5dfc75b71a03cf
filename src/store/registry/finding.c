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
	nr_registry_bind_str(stmt, 8, finding->subject.n > 0 ? finding->subject : NR_STR(""));
	nr_registry_bind_str(stmt, 9, finding->sightings.n > 0 ? finding->sightings : NR_STR("[]"));
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
				      "state, newest, json, subject, sightings) VALUES (?1, "
				      "?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, ?9) "
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

int nr_registry_findings_newest(struct nr_registry *registry, uint64_t *ret_sequence,
				struct nr_err *reterr)
{
	sqlite3_stmt *stmt;

	nr_registry_hold(registry);
	int ret = nr_registry_prepare(registry, "SELECT coalesce(max(sequence), 0) FROM finding",
				      &stmt, reterr);

	if (ret == 0) {
		ret = nr_registry_step(registry, stmt, reterr);
		if (ret > 0)
			*ret_sequence = (uint64_t)sqlite3_column_int64(stmt, 0);
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

/* ---- pages ---- */

/*
 * The two columns at the end decide: the state that the viewer sees, NULL when he may not know; and
 * whether it is what was asked for. They are no conditions, so that who is looked at is counted.
 */
#define COLUMNS                                                                       \
	"SELECT sequence, id, revision, at, detector, state, newest, json, subject, " \
	"sightings, CASE WHEN ?4 THEN state ELSE seen_as(?5, sightings, json) END, "  \
	"(?6 IS NULL OR detector = ?6) AND (?7 IS NULL OR json ->> '$.kind' = ?7) "   \
	"AND (NOT ?8 OR meets(?9, subject)), "                                        \
	"CASE WHEN ?11 THEN json ->> '$.kind' END, "                                  \
	"CASE WHEN ?11 THEN json ->> '$.asn' END FROM finding "
#define AFTER "WHERE sequence > ?1 "
#define ORDER "ORDER BY sequence LIMIT ?2"

static const char *page_sql(const struct nr_registry_finding_filter *filter)
{
	if (filter->id.n > 0)
		return filter->revisions ? COLUMNS AFTER
			       "AND id = ?3 AND (?10 = 0 OR revision = ?10) " ORDER
					 : COLUMNS AFTER "AND id = ?3 AND newest = 1 " ORDER;
	if (filter->backwards)
		return COLUMNS "WHERE sequence < ?1 AND newest = 1 ORDER BY sequence DESC LIMIT ?2";
	return filter->revisions ? COLUMNS AFTER ORDER : COLUMNS AFTER "AND newest = 1 " ORDER;
}

static int prepare_page(struct nr_registry *registry,
			const struct nr_registry_finding_filter *filter,
			struct nr_registry_view *view, sqlite3_stmt **ret_stmt,
			struct nr_err *reterr)
{
	const struct nr_scope *scope = filter->scope;
	bool all = scope != NULL && scope->viewer.active && scope->viewer.role == NR_ROLE_OPERATOR;
	int ret = nr_registry_prepare(registry, page_sql(filter), ret_stmt, reterr);

	if (ret < 0)
		return ret;
	bool from_the_end = filter->backwards && filter->after == 0;

	nr_registry_bind_i64(*ret_stmt, 1,
			     from_the_end || filter->after > INT64_MAX ? INT64_MAX
								       : (int64_t)filter->after);
	nr_registry_bind_i64(*ret_stmt, 2, NR_REGISTRY_FINDINGS_WORK + 1);
	if (filter->id.n > 0)
		nr_registry_bind_str(*ret_stmt, 3, filter->id);
	nr_registry_bind_i64(*ret_stmt, 4, all);
	(void)sqlite3_bind_pointer(*ret_stmt, 5, view, NR_REGISTRY_VIEW, NULL);
	if (filter->detector.n > 0)
		nr_registry_bind_str(*ret_stmt, 6, filter->detector);
	if (filter->kind.n > 0)
		nr_registry_bind_str(*ret_stmt, 7, filter->kind);
	nr_registry_bind_i64(*ret_stmt, 8, filter->subject != NULL);
	(void)sqlite3_bind_pointer(*ret_stmt, 9, (void *)(uintptr_t)filter->subject,
				   NR_REGISTRY_PREFIX, NULL);
	if (filter->id.n > 0 && filter->revisions)
		nr_registry_bind_i64(*ret_stmt, 10, filter->revision);
	nr_registry_bind_i64(*ret_stmt, 11,
			     filter->suppressed != NR_SUPPRESSED_ALL && filter->n_rules > 0);
	return 0;
}

/* Did somebody say not to show it? */
static bool is_suppressed(sqlite3_stmt *stmt, const struct nr_registry_finding_filter *filter)
{
	int64_t asn = sqlite3_column_int64(stmt, 13);

	if (filter->n_rules == 0)
		return false;
	struct nr_suppression_of of =
		nr_suppression_of(column_str(stmt, 4), column_str(stmt, 12), column_str(stmt, 8),
				  asn > 0 && asn <= UINT32_MAX ? (uint32_t)asn : 0);

	return nr_suppression_find(filter->rules, filter->n_rules, &of, filter->now) != NULL;
}

static bool is_wanted(sqlite3_stmt *stmt, const struct nr_registry_finding_filter *filter)
{
	if (sqlite3_column_type(stmt, 10) == SQLITE_NULL || sqlite3_column_int(stmt, 11) == 0 ||
	    (filter->state.n > 0 && !nr_str_eq(column_str(stmt, 10), filter->state)))
		return false;
	return filter->suppressed == NR_SUPPRESSED_ALL ||
	       is_suppressed(stmt, filter) == (filter->suppressed == NR_SUPPRESSED_ONLY);
}

static int read_row(sqlite3_stmt *stmt,
		    int (*each)(void *ctx, const struct nr_registry_finding *finding), void *ctx)
{
	struct nr_registry_finding finding = {
		.sequence = (uint64_t)sqlite3_column_int64(stmt, 0),
		.id = column_str(stmt, 1),
		.revision = (uint32_t)sqlite3_column_int64(stmt, 2),
		.at = (uint64_t)sqlite3_column_int64(stmt, 3),
		.detector = column_str(stmt, 4),
		.state = column_str(stmt, 5),
		.newest = sqlite3_column_int(stmt, 6) != 0,
		.json = column_str(stmt, 7),
		.subject = column_str(stmt, 8),
		.sightings = column_str(stmt, 9),
	};

	return each(ctx, &finding);
}

struct walk {
	struct nr_registry_finding_page page;
	uint64_t looked_at;
	int64_t n;
};

/* @return 1 go on; 0 the page is full, or enough was looked at; negative */
static int walk_row(sqlite3_stmt *stmt, const struct nr_registry_finding_filter *filter,
		    struct walk *walk,
		    int (*each)(void *ctx, const struct nr_registry_finding *finding), void *ctx)
{
	int ret;

	if (walk->n >= (int64_t)nr_min_size(filter->limit, PAGE_MAX) ||
	    walk->looked_at == NR_REGISTRY_FINDINGS_WORK) {
		walk->page.more = true;
		walk->page.partial = walk->looked_at == NR_REGISTRY_FINDINGS_WORK;
		return 0;
	}
	walk->looked_at++;
	if (is_wanted(stmt, filter)) {
		ret = read_row(stmt, each, ctx);
		walk->page.more = ret > 0;
		if (ret != 0)
			return ret < 0 ? ret : 0;
		walk->n++;
	}
	walk->page.last = (uint64_t)sqlite3_column_int64(stmt, 0);
	return 1;
}

int64_t nr_registry_findings(struct nr_registry *registry,
			     const struct nr_registry_finding_filter *filter,
			     int (*each)(void *ctx, const struct nr_registry_finding *finding),
			     void *ctx, struct nr_registry_finding_page *ret_page,
			     struct nr_err *reterr)
{
	struct nr_registry_view view = { filter->scope, filter->now };
	struct walk walk = { .page.last = filter->after };
	sqlite3_stmt *stmt;

	nr_registry_hold(registry);
	int ret = prepare_page(registry, filter, &view, &stmt, reterr);

	if (ret == 0) {
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			ret = walk_row(stmt, filter, &walk, each, ctx);
			if (ret <= 0)
				break;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	if (ret_page != NULL)
		*ret_page = walk.page;
	return ret < 0 ? ret : walk.n;
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
