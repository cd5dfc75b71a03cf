/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry_idempotency.h"

#include "store/registry/registry_int.h"

#define KEPT_NS (NR_IDEMPOTENCY_HOURS * 3600 * NR_NS_PER_S)

static void bind_request(sqlite3_stmt *stmt, const struct nr_registry_request *request)
{
	nr_registry_bind_text(stmt, 1, request->actor);
	nr_registry_bind_text(stmt, 2, request->key);
}

/* What is too old, and what is beyond the newest of this actor. */
static int forget_old(struct nr_registry *registry, const struct nr_registry_request *request,
		      struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(
		registry,
		"DELETE FROM idempotency WHERE actor = ?1 AND (made_ns <= ?2 OR key IN (SELECT key "
		"FROM idempotency WHERE actor = ?1 ORDER BY made_ns DESC, key LIMIT -1 OFFSET ?3))",
		&stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_text(stmt, 1, request->actor);
	nr_registry_bind_i64(stmt, 2, request->now.ns - KEPT_NS);
	nr_registry_bind_i64(stmt, 3, NR_IDEMPOTENCY_KEYS - 1); /* one more comes */
	return nr_registry_run(registry, stmt, reterr);
}

static int read_answer(sqlite3_stmt *stmt, const struct nr_registry_request *request,
		       struct nr_registry_answer *ret_answer, struct nr_buf *body,
		       struct nr_err *reterr)
{
	struct nr_digest digest;

	if (!nr_registry_get_blob(stmt, 0, digest.b, sizeof(digest.b)) ||
	    !nr_digest_eq(&digest, &request->digest))
		return nr_fail(
			reterr, -EEXIST,
			"this Idempotency-Key stands for another request of yours: make a new "
			"one for each");
	*ret_answer =
		(struct nr_registry_answer){ .status = (unsigned)sqlite3_column_int(stmt, 1) };
	ret_answer->kept = sqlite3_column_type(stmt, 2) != SQLITE_NULL;
	if (sqlite3_column_bytes(stmt, 2) > 0)
		nr_buf_add(body, sqlite3_column_blob(stmt, 2),
			   (size_t)sqlite3_column_bytes(stmt, 2));
	nr_registry_get_text(stmt, 3, ret_answer->location, sizeof(ret_answer->location));
	return body->err < 0 ? nr_fail(reterr, body->err, "%s", nr_err_text(body->err)) : 0;
}

/* @return 1 there is none */
static int find_locked(struct nr_registry *registry, const struct nr_registry_request *request,
		       struct nr_registry_answer *ret_answer, struct nr_buf *body,
		       struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret =
		nr_registry_prepare(registry,
				    "SELECT request, status, body, location FROM idempotency WHERE "
				    "actor = ?1 AND key = ?2",
				    &stmt, reterr);

	if (ret < 0)
		return ret;
	bind_request(stmt, request);
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0)
		ret = read_answer(stmt, request, ret_answer, body, reterr);
	else if (ret == 0)
		ret = 1;
	(void)sqlite3_finalize(stmt);
	return ret;
}

static int insert(struct nr_registry *registry, const struct nr_registry_request *request,
		  struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      "INSERT INTO idempotency (actor, key, request, status, "
				      "made_ns) VALUES (?1, ?2, ?3, 0, ?4)",
				      &stmt, reterr);

	if (ret < 0)
		return ret;
	bind_request(stmt, request);
	nr_registry_bind_blob(stmt, 3, request->digest.b, sizeof(request->digest.b));
	nr_registry_bind_i64(stmt, 4, request->now.ns);
	return nr_registry_run(registry, stmt, reterr);
}

int nr_registry_request_begin(struct nr_registry *registry,
			      const struct nr_registry_request *request,
			      struct nr_registry_answer *ret_answer, struct nr_buf *body,
			      struct nr_err *reterr)
{
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = forget_old(registry, request, reterr);
	if (ret == 0)
		ret = find_locked(registry, request, ret_answer, body, reterr);
	if (ret > 0) {
		ret = insert(registry, request, reterr);
		ret = ret == 0 ? 1 : ret;
	}
	return nr_registry_end(registry, ret, reterr);
}

static int forget(struct nr_registry *registry, const struct nr_registry_request *request,
		  struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      "DELETE FROM idempotency WHERE actor = ?1 AND key = ?2",
				      &stmt, reterr);

	if (ret < 0)
		return ret;
	bind_request(stmt, request);
	return nr_registry_run(registry, stmt, reterr);
}

static int keep(struct nr_registry *registry, const struct nr_registry_request *request,
		const struct nr_registry_answer *answer, struct nr_bytes body,
		struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret =
		nr_registry_prepare(registry,
				    "UPDATE idempotency SET status = ?3, body = ?4, location = ?5 "
				    "WHERE actor = ?1 AND key = ?2",
				    &stmt, reterr);

	if (ret < 0)
		return ret;
	bind_request(stmt, request);
	nr_registry_bind_i64(stmt, 3, answer->status);
	if (answer->kept && body.n <= NR_IDEMPOTENCY_BODY) /* what is not bound is NULL */
		nr_registry_bind_blob(stmt, 4, body.n > 0 ? (const void *)body.p : "", body.n);
	nr_registry_bind_text(stmt, 5, answer->location);
	return nr_registry_run(registry, stmt, reterr);
}

int nr_registry_request_end(struct nr_registry *registry, const struct nr_registry_request *request,
			    const struct nr_registry_answer *answer, struct nr_bytes body,
			    struct nr_err *reterr)
{
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = answer != NULL ? keep(registry, request, answer, body, reterr)
			     : forget(registry, request, reterr);
	return nr_registry_end(registry, ret, reterr);
}

int64_t nr_registry_requests_purge(struct nr_registry *registry, struct nr_time now,
				   struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t gone = 0;
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = nr_registry_prepare(registry, "DELETE FROM idempotency WHERE made_ns <= ?1", &stmt,
				  reterr);
	if (ret == 0) {
		nr_registry_bind_i64(stmt, 1, now.ns - KEPT_NS);
		ret = nr_registry_run(registry, stmt, reterr);
		gone = sqlite3_changes(registry->db);
	}
	ret = nr_registry_end(registry, ret, reterr);
	return ret < 0 ? ret : gone;
}
