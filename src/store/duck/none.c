/* SPDX-License-Identifier: Apache-2.0 */
/* Built without DuckDB: all else works, and who opens a store is told. */
#include "store/figures.h"

const struct nr_store_named nr_store_queries[] = { { NULL, NULL } };

static int none(struct nr_err *reterr)
{
	return nr_fail(reterr, -ENOSYS,
		       "this program was built without DuckDB (-Dduckdb=disabled)");
}

int nr_store_open(const struct nr_store_options *options, struct nr_store **ret_store,
		  struct nr_err *reterr)
{
	(void)options;
	(void)ret_store;
	return none(reterr);
}

struct nr_store *nr_store_close(struct nr_store *store)
{
	(void)store;
	return NULL;
}

uint64_t nr_store_at(const struct nr_store *store)
{
	(void)store;
	return 0;
}

uint64_t nr_store_refused(const struct nr_store *store)
{
	(void)store;
	return 0;
}

int nr_store_sensor(struct nr_store *store, struct nr_uuid sensor, uint32_t *ret_number)
{
	(void)store;
	(void)sensor;
	(void)ret_number;
	return -ENOSYS;
}

int nr_store_sensor_id(struct nr_store *store, uint32_t number, struct nr_uuid *ret_sensor)
{
	(void)store;
	(void)number;
	(void)ret_sensor;
	return -ENOSYS;
}

int nr_store_add(struct nr_store *store, const struct nr_entry *entry, struct nr_err *reterr)
{
	(void)store;
	(void)entry;
	return none(reterr);
}

int nr_store_commit(struct nr_store *store, struct nr_err *reterr)
{
	(void)store;
	return none(reterr);
}

int nr_store_settle(struct nr_store *store, struct nr_err *reterr)
{
	(void)store;
	return none(reterr);
}

int64_t nr_store_rows(struct nr_store *store, const struct nr_store_filter *filter,
		      int (*row)(void *ctx, const struct nr_store_row *row), void *ctx,
		      struct nr_err *reterr)
{
	(void)store;
	(void)filter;
	(void)row;
	(void)ctx;
	return none(reterr);
}

int64_t nr_store_query(struct nr_store *store, const char *name,
		       const struct nr_store_param *params, size_t n_params, int timeout_ms,
		       int (*row)(void *ctx, uint64_t row, const struct nr_store_value *values,
				  size_t n),
		       void *ctx, struct nr_err *reterr)
{
	(void)store;
	(void)name;
	(void)params;
	(void)n_params;
	(void)timeout_ms;
	(void)row;
	(void)ctx;
	return none(reterr);
}

int nr_store_check(const char *dir, struct nr_store_report *ret_report, struct nr_err *reterr)
{
	(void)dir;
	(void)ret_report;
	return none(reterr);
}

int nr_store_retain(struct nr_store *store, struct nr_time before, uint64_t *ret_days,
		    struct nr_err *reterr)
{
	(void)store;
	(void)before;
	(void)ret_days;
	return none(reterr);
}

int nr_store_session_open(struct nr_store *store, uint32_t raw_since, uint32_t raw_until,
			  int timeout_ms, bool (*gone)(void *ctx), void *gone_ctx,
			  struct nr_store_session **ret_session, struct nr_err *reterr)
{
	(void)store;
	(void)raw_since;
	(void)raw_until;
	(void)timeout_ms;
	(void)gone;
	(void)gone_ctx;
	(void)ret_session;
	return none(reterr);
}

struct nr_store_session *nr_store_session_close(struct nr_store_session *session)
{
	(void)session;
	return NULL;
}

int64_t nr_store_session_ask(struct nr_store_session *session, const char *name,
			     const struct nr_figures *figures, nr_figures_row *row, void *ctx,
			     struct nr_err *reterr)
{
	(void)session;
	(void)name;
	(void)figures;
	(void)row;
	(void)ctx;
	return none(reterr);
}

uint64_t nr_store_sums_changes(struct nr_store *store)
{
	(void)store;
	return 0;
}

uint32_t nr_store_sums_newest(struct nr_store *store, const struct nr_figures *figures)
{
	(void)store;
	(void)figures;
	return 0;
}

int nr_store_parquet(struct nr_store *store, const struct nr_store_filter *filter,
		     struct nr_store_file *ret_file, struct nr_err *reterr)
{
	(void)store;
	(void)filter;
	(void)ret_file;
	return none(reterr);
}

int64_t nr_store_session_rank(struct nr_store_session *session, const struct nr_figures *figures,
			      uint64_t *keys, bool *ret_heads, struct nr_err *reterr)
{
	(void)session;
	(void)figures;
	(void)keys;
	(void)ret_heads;
	return none(reterr);
}
