/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <time.h>

#include "store/duck/duck_int.h"

struct nr_duck_query {
	const struct nr_duck_api *api;
	duckdb_connection con;
	duckdb_prepared_statement statement;
	duckdb_result result;
	duckdb_data_chunk chunk;
	bool has_result;
	bool (*gone)(void *ctx);
	void *gone_ctx;
};

int nr_duck_prepare(struct nr_duck_con *con, const char *sql, struct nr_duck_query **ret_query,
		    struct nr_err *reterr)
{
	struct nr_duck_query *query = calloc(1, sizeof(*query));
	int ret = 0;

	if (query == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	query->api = con->duck->api;
	query->con = con->con;
	if (query->api->prepare(con->con, sql, &query->statement) != DuckDBSuccess) {
		ret = nr_duck_fail(reterr, query->api->prepare_error(query->statement));
		nr_duck_query_close(query);
		return ret;
	}
	*ret_query = query;
	return 0;
}

static void drop_chunk(struct nr_duck_query *query)
{
	if (query->chunk != NULL)
		query->api->destroy_data_chunk(&query->chunk);
	query->chunk = NULL;
}

static void drop_result(struct nr_duck_query *query)
{
	drop_chunk(query);
	if (query->has_result)
		query->api->destroy_result(&query->result);
	query->has_result = false;
}

struct nr_duck_query *nr_duck_query_close(struct nr_duck_query *query)
{
	if (query == NULL)
		return NULL;
	drop_result(query);
	query->api->destroy_prepare(&query->statement);
	free(query);
	return NULL;
}

static bool find(struct nr_duck_query *query, const char *name, idx_t *ret_index)
{
	return query->api->bind_parameter_index(query->statement, ret_index, name) == DuckDBSuccess;
}

int nr_duck_bind_i64(struct nr_duck_query *query, const char *name, int64_t value)
{
	idx_t at;

	if (!find(query, name, &at))
		return 0;
	return query->api->bind_int64(query->statement, at, value) == DuckDBSuccess ? 0 : -EINVAL;
}

int nr_duck_bind_u128(struct nr_duck_query *query, const char *name, struct nr_duck_u128 value)
{
	idx_t at;

	if (!find(query, name, &at))
		return 0;
	duckdb_uhugeint wide = { .lower = value.lo, .upper = value.hi };

	return query->api->bind_uhugeint(query->statement, at, wide) == DuckDBSuccess ? 0 : -EINVAL;
}

int nr_duck_bind_text(struct nr_duck_query *query, const char *name, struct nr_str value)
{
	idx_t at;

	if (!find(query, name, &at))
		return 0;
	return query->api->bind_varchar_length(query->statement, at, value.p, value.n) ==
			       DuckDBSuccess
		       ? 0
		       : -EINVAL;
}

int nr_duck_bind_null(struct nr_duck_query *query, const char *name)
{
	idx_t at;

	if (!find(query, name, &at))
		return 0;
	return query->api->bind_null(query->statement, at) == DuckDBSuccess ? 0 : -EINVAL;
}

/* Stop a query and wait until none of DuckDB's threads works on it any more. A connection given back
 * inside BEGIN rolls back before it waits for them: their scans then read a freed transaction. */
static void stop(struct nr_duck_query *query, duckdb_pending_result pending)
{
	static const struct timespec moment = { .tv_nsec = 50000 };
	duckdb_pending_state state;

	query->api->interrupt(query->con);
	do {
		state = query->api->pending_execute_task(pending);
		if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE)
			(void)nanosleep(&moment, NULL);
	} while (state != DUCKDB_PENDING_ERROR && state != DUCKDB_PENDING_RESULT_READY);
}

/* Our own thread works on the query too, in slices of a few milliseconds, and looks at the
 * clock between them. */
static int work(struct nr_duck_query *query, duckdb_pending_result pending, struct nr_time deadline,
		struct nr_err *reterr)
{
	static const struct timespec moment = { .tv_nsec = 50000 };

	for (;;) {
		struct nr_time before = nr_mono_now();

		if (before.ns >= deadline.ns) {
			stop(query, pending);
			return nr_fail(reterr, -ETIMEDOUT,
				       "the query was stopped at its deadline; ask for less time");
		}
		if (query->gone != NULL && query->gone(query->gone_ctx)) {
			stop(query, pending);
			return nr_fail(reterr, -ECANCELED, "nobody waits for the answer any more");
		}
		duckdb_pending_state state = query->api->pending_execute_task(pending);

		if (state == DUCKDB_PENDING_ERROR)
			return nr_duck_fail(reterr, query->api->pending_error(pending));
		if (state == DUCKDB_PENDING_RESULT_READY)
			return 0;
		if (nr_mono_now().ns - before.ns < moment.tv_nsec) /* others are at it */
			(void)nanosleep(&moment, NULL);
	}
}

static int run_until(struct nr_duck_query *query, struct nr_time deadline, struct nr_err *reterr)
{
	duckdb_pending_result pending = NULL;
	int ret = 0;

	if (query->api->pending_prepared(query->statement, &pending) != DuckDBSuccess)
		ret = nr_duck_fail(reterr, query->api->pending_error(pending));
	if (ret == 0)
		ret = work(query, pending, deadline, reterr);
	if (ret == 0) {
		query->has_result = true;
		if (query->api->execute_pending(pending, &query->result) != DuckDBSuccess)
			ret = nr_duck_fail(reterr, query->api->result_error(&query->result));
	}
	query->api->destroy_pending(&pending);
	return ret;
}

void nr_duck_query_watch(struct nr_duck_query *query, bool (*gone)(void *ctx), void *ctx)
{
	query->gone = gone;
	query->gone_ctx = ctx;
}

int nr_duck_query_run(struct nr_duck_query *query, struct nr_time deadline, struct nr_err *reterr)
{
	drop_result(query);
	if (deadline.ns != 0)
		return run_until(query, deadline, reterr);
	query->has_result = true;
	if (query->api->execute_prepared(query->statement, &query->result) != DuckDBSuccess)
		return nr_duck_fail(reterr, query->api->result_error(&query->result));
	return 0;
}

size_t nr_duck_query_columns(const struct nr_duck_query *query)
{
	duckdb_result result = query->result;

	return query->api->column_count(&result);
}

const char *nr_duck_query_name(struct nr_duck_query *query, size_t column)
{
	return query->api->column_name(&query->result, column);
}

enum nr_duck_type nr_duck_query_type(const struct nr_duck_query *query, size_t column)
{
	duckdb_result result = query->result;
	duckdb_type type = query->api->column_type(&result, column);

	for (uint8_t i = 0; i < NR_DUCK_OTHER; i++)
		if (nr_duck_type_of(i) == type)
			return (enum nr_duck_type)i;
	return NR_DUCK_OTHER;
}

size_t nr_duck_query_next(struct nr_duck_query *query)
{
	drop_chunk(query);
	query->chunk = query->api->fetch_chunk(query->result);
	return query->chunk != NULL ? query->api->data_chunk_get_size(query->chunk) : 0;
}

const void *nr_duck_query_values(const struct nr_duck_query *query, size_t column)
{
	return query->api->vector_get_data(query->api->data_chunk_get_vector(query->chunk, column));
}

bool nr_duck_query_is_null(const struct nr_duck_query *query, size_t column, size_t row)
{
	const uint64_t *validity = query->api->vector_get_validity(
		query->api->data_chunk_get_vector(query->chunk, column));

	return validity != NULL && (validity[row / 64] >> (row % 64) & 1) == 0;
}

struct nr_duck_blob nr_duck_query_bytes(const struct nr_duck_query *query, size_t column,
					size_t row)
{
	const duckdb_string_t *strings = nr_duck_query_values(query, column);

	/* A short string lies inside its own header: point at the one that stays. */
	if (strings[row].value.inlined.length <= sizeof(strings[row].value.inlined.inlined))
		return (struct nr_duck_blob){ (const uint8_t *)strings[row].value.inlined.inlined,
					      strings[row].value.inlined.length };
	return (struct nr_duck_blob){ (const uint8_t *)strings[row].value.pointer.ptr,
				      strings[row].value.pointer.length };
}
