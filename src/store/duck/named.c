/* SPDX-License-Identifier: Apache-2.0 */
/* Named statements: their parameters read and bound, their results handed out row by row. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "store/duck/columns.h"
#include "store/duck/query_table.h"
#include "store/duck/store_int.h"

enum { COLUMNS_MAX = 32, PARAMS_MAX = 16, ROWS_MAX = 100000 };

struct bound {
	int64_t number;
	struct nr_ip ip;
};

const struct nr_store_query_file *nr_store_query_find(const char *name)
{
	for (size_t i = 0; i < nr_store_n_query_files; i++)
		if (strcmp(nr_store_query_files[i].name, name) == 0)
			return &nr_store_query_files[i];
	return NULL;
}

/* ---- parameters ---- */

static const struct nr_store_value *find_param(const struct nr_store_param *params, size_t n,
					       const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(params[i].name, name) == 0)
			return &params[i].value;
	return NULL;
}

static int check_names(const struct nr_store_query_file *file, const struct nr_store_param *params,
		       size_t n_params, struct nr_err *reterr)
{
	for (size_t i = 0; i < n_params; i++) {
		bool known = false;
		char shown[64];

		for (size_t k = 0; k < file->n_params; k++)
			known |= strcmp(file->params[k].name, params[i].name) == 0;
		if (known)
			continue;
		(void)nr_str_escape(nr_str_from(params[i].name), shown, sizeof(shown));
		return nr_fail(reterr, NR_EUSAGE, "%s has no parameter '%s'", file->name, shown);
	}
	return 0;
}

static int read_number(const struct nr_store_query_param *param, const struct nr_store_value *value,
		       int64_t *ret_number)
{
	if (value->kind == NR_CELL_TEXT)
		return nr_str_i64(value->text, param->lo, param->hi, ret_number);
	if (value->kind != NR_CELL_I64)
		return -EINVAL;
	*ret_number = value->i64;
	return value->i64 >= param->lo && value->i64 <= param->hi ? 0 : -ERANGE;
}

/* A moment, or a span: so long before the newest observation. */
static int read_time(const struct nr_store_value *value, int64_t newest, int64_t *ret_second)
{
	struct nr_time t = { value->i64 };
	int64_t span;

	if (value->kind == NR_CELL_TEXT && nr_span_parse(value->text, &span) == 0) {
		*ret_second = newest - span / NR_NS_PER_S;
		return 0;
	}
	if (value->kind == NR_CELL_TEXT) {
		int ret = nr_time_parse(value->text, &t);

		if (ret < 0)
			return ret;
	} else if (value->kind != NR_CELL_TIME) {
		return -EINVAL;
	}
	*ret_second = nr_time_floor_s(t);
	return 0;
}

static int read_param(const struct nr_store_query_param *param, const struct nr_store_value *value,
		      int64_t newest, struct bound *ret)
{
	if (value == NULL || value->kind == NR_CELL_NULL) {
		ret->number = param->type == NR_PARAM_TIME ? newest - param->fallback
							   : param->fallback;
		return 0;
	}
	switch ((enum nr_store_param_type)param->type) {
	case NR_PARAM_NUMBER:
		return read_number(param, value, &ret->number);
	case NR_PARAM_TIME:
		return read_time(value, newest, &ret->number);
	case NR_PARAM_IP:
		return value->kind == NR_CELL_TEXT ? nr_ip_parse(value->text, &ret->ip) : -EINVAL;
	}
	return -EINVAL;
}

static int read_params(const struct nr_store_query_file *file, const struct nr_store_param *params,
		       size_t n_params, int64_t newest, struct bound *bound, struct nr_err *reterr)
{
	int ret = check_names(file, params, n_params, reterr);

	for (size_t i = 0; i < file->n_params && ret == 0; i++) {
		const struct nr_store_query_param *param = &file->params[i];
		const struct nr_store_value *value = find_param(params, n_params, param->name);

		if (value == NULL && param->is_required)
			return nr_fail(reterr, NR_EUSAGE, "%s needs %s=...: %s", file->name,
				       param->name, param->help);
		if (read_param(param, value, newest, &bound[i]) < 0)
			return nr_fail(reterr, NR_EUSAGE, "%s of %s cannot be that: %s%s",
				       param->name, file->name, param->help,
				       param->type == NR_PARAM_TIME
					       ? " (2026-11-20T00:00:00Z, or 24h before the end)"
					       : "");
		if (param->type == NR_PARAM_TIME)
			bound[i].number = bound[i].number < 0		 ? 0
					  : bound[i].number > UINT32_MAX ? UINT32_MAX
									 : bound[i].number;
	}
	return ret;
}

static int bind_params(const struct nr_store_query_file *file, const struct bound *bound,
		       struct nr_duck_query *query)
{
	char wide[32];
	int ret = 0;

	for (size_t i = 0; i < file->n_params && ret == 0; i++) {
		const struct nr_store_query_param *param = &file->params[i];

		if (param->type != NR_PARAM_IP) {
			ret = nr_duck_bind_i64(query, param->name, bound[i].number);
			continue;
		}
		(void)snprintf(wide, sizeof(wide), "%s6", param->name);
		bool is_v4 = nr_ip_is_v4(bound[i].ip);

		ret = nr_duck_bind_i64(query, param->name, is_v4 ? nr_ip_to_v4(bound[i].ip) : 0);
		if (ret == 0)
			ret = is_v4 ? nr_duck_bind_null(query, wide)
				    : nr_duck_bind_u128(query, wide, nr_columns_wide(bound[i].ip));
	}
	return ret;
}

/* ---- results ---- */

static struct nr_store_value value_of(const struct nr_duck_query *query, size_t column, size_t row)
{
	const void *values = nr_duck_query_values(query, column);
	struct nr_store_value v = { .kind = NR_CELL_I64 };

	if (nr_duck_query_is_null(query, column, row))
		return (struct nr_store_value){ .kind = NR_CELL_NULL };
	switch (nr_duck_query_type(query, column)) {
	case NR_DUCK_U8:
		v.i64 = ((const uint8_t *)values)[row];
		break;
	case NR_DUCK_U16:
		v.i64 = ((const uint16_t *)values)[row];
		break;
	case NR_DUCK_U32:
		v.i64 = ((const uint32_t *)values)[row];
		break;
	case NR_DUCK_U64:
	case NR_DUCK_I64:
		v.i64 = ((const int64_t *)values)[row];
		break;
	case NR_DUCK_TIME:
		v.kind = NR_CELL_TIME;
		v.i64 = ((const int64_t *)values)[row];
		break;
	case NR_DUCK_F64:
		v.kind = NR_CELL_F64;
		v.f64 = ((const double *)values)[row];
		break;
	case NR_DUCK_TEXT:
	case NR_DUCK_BLOB: {
		struct nr_duck_blob bytes = nr_duck_query_bytes(query, column, row);

		v.kind = NR_CELL_TEXT;
		v.text = (struct nr_str){ (const char *)bytes.p, bytes.n };
		break;
	}
	case NR_DUCK_U128:
	case NR_DUCK_OTHER:
		v.kind = NR_CELL_NULL;
		break;
	}
	return v;
}

int64_t nr_store_give(struct nr_duck_query *query, nr_figures_row *row, void *ctx)
{
	struct nr_store_value values[COLUMNS_MAX] = { { .kind = NR_CELL_NULL } };
	size_t n_columns = nr_min_size(nr_duck_query_columns(query), COLUMNS_MAX), n;
	int64_t given = 0;

	for (size_t c = 0; c < n_columns; c++)
		values[c] = (struct nr_store_value){
			.kind = NR_CELL_TEXT, .text = nr_str_from(nr_duck_query_name(query, c))
		};
	int ret = row(ctx, 0, values, n_columns);

	while (ret >= 0 && (n = nr_duck_query_next(query)) > 0)
		for (size_t i = 0; i < n && ret >= 0; i++) {
			for (size_t c = 0; c < n_columns; c++)
				values[c] = value_of(query, c, i);
			if (given == ROWS_MAX)
				return NR_ELIMIT;
			ret = row(ctx, (uint64_t)++given, values, n_columns);
		}
	return ret < 0 ? ret : given;
}

/* ---- asking ---- */

static int newest_of(struct nr_store_asking *asking, int64_t *ret_second, struct nr_err *reterr)
{
	uint64_t newest = 0;
	int ret = nr_duck_number(asking->con, "SELECT newest::UBIGINT FROM rollup.meta", &newest,
				 reterr);

	if (ret == 0)
		*ret_second = (int64_t)newest + 1;
	return ret;
}

static int64_t param_number(const struct nr_store_query_file *file, const struct bound *bound,
			    const char *name, int64_t otherwise)
{
	for (size_t i = 0; i < file->n_params; i++)
		if (strcmp(file->params[i].name, name) == 0)
			return bound[i].number;
	return otherwise;
}

/* The end of the data is read on a connection without days; raw statements then get one with
 * theirs. */
static int open_for(struct nr_store *store, const struct nr_store_query_file *file,
		    const struct nr_store_param *params, size_t n_params, struct bound *bound,
		    struct nr_store_asking *asking, struct nr_err *reterr)
{
	int64_t newest = 0;
	int ret = nr_store_ask_open(store, 0, 0, asking, reterr);

	if (ret < 0)
		return ret;
	ret = newest_of(asking, &newest, reterr);
	if (ret == 0)
		ret = read_params(file, params, n_params, newest, bound, reterr);
	if (ret == 0 && file->raw) {
		nr_store_ask_close(store, asking);
		*asking = (struct nr_store_asking){ .con = NULL };
		ret = nr_store_ask_open(store, param_number(file, bound, "since", 0),
					param_number(file, bound, "until", UINT32_MAX), asking,
					reterr);
		if (ret < 0)
			return ret;
	}
	if (ret < 0)
		nr_store_ask_close(store, asking);
	return ret;
}

int64_t nr_store_query(struct nr_store *store, const char *name,
		       const struct nr_store_param *params, size_t n_params, int timeout_ms,
		       nr_figures_row *row, void *ctx, struct nr_err *reterr)
{
	const struct nr_store_query_file *file = nr_store_query_find(name);
	struct nr_time now = nr_mono_now(),
		       deadline = { timeout_ms > 0 ? now.ns + (int64_t)timeout_ms * 1000000 : 0 };
	struct nr_store_asking asking = { .con = NULL };
	struct bound bound[PARAMS_MAX] = { { .number = 0 } };
	struct nr_duck_query *query = NULL;
	int64_t given = 0;

	if (file == NULL || file->hidden) {
		char shown[64];

		(void)nr_str_escape(nr_str_from(name), shown, sizeof(shown));
		return nr_fail(reterr, NR_EUSAGE, "there is no query '%s'", shown);
	}
	nr_require(file->n_params <= PARAMS_MAX);
	int ret = open_for(store, file, params, n_params, bound, &asking, reterr);

	if (ret < 0)
		return ret;
	ret = nr_duck_prepare(asking.con, file->sql, &query, reterr);
	if (ret == 0 && (ret = bind_params(file, bound, query)) < 0)
		(void)nr_fail(reterr, ret, "parameters cannot be bound");
	if (ret == 0)
		ret = nr_duck_query_run(query, deadline, reterr);
	if (ret == 0) {
		given = nr_store_give(query, row, ctx);
		if (given == NR_ELIMIT)
			(void)nr_fail(reterr, NR_ELIMIT, "more than %d rows", ROWS_MAX);
	}
	nr_duck_query_close(query);
	nr_store_ask_close(store, &asking);
	return ret < 0 ? ret : given;
}
