/* SPDX-License-Identifier: Apache-2.0 */
/* Asking: a connection of its own, on which `raw` is the days that matter, and rows out of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/io.h"
#include "store/duck/columns.h"
#include "store/duck/query_table.h"
#include "store/duck/store_int.h"

enum { VIEW_MAX = 1 << 20, LIST_MAX = 4 << 20, ROWS_MAX = 100000 };

/* ---- the days of a question ---- */

static int use_days(struct nr_store *store, int64_t since, int64_t until,
		    struct nr_store_asking *asking, struct nr_err *reterr)
{
	uint32_t *numbers = NULL;
	size_t n = 0;
	int ret = 0;

	pthread_mutex_lock(&store->lock);
	numbers = calloc(store->n_days + 1, sizeof(*numbers));
	asking->days = calloc(store->n_days + 1, sizeof(struct nr_store_day *));
	for (size_t i = 0; i < store->n_days && numbers != NULL; i++) {
		int64_t start = (int64_t)store->days[i]->number * NR_STORE_DAY_S;

		if (start < until && start + NR_STORE_DAY_S > since)
			numbers[n++] = store->days[i]->number;
	}
	pthread_mutex_unlock(&store->lock);
	if (numbers == NULL || asking->days == NULL)
		ret = nr_fail(reterr, -ENOMEM, "no memory");
	for (size_t i = 0; i < n && ret == 0; i++) {
		ret = nr_store_day_use(store, numbers[i], false, &asking->days[asking->n_days],
				       reterr);
		if (ret == -ENOENT)
			ret = 0; /* deleted meanwhile */
		else if (ret == 0)
			asking->n_days++;
	}
	free(numbers);
	return ret;
}

static int make_view(struct nr_store_asking *asking, struct nr_err *reterr)
{
	struct nr_buf sql;

	nr_buf_init(&sql, VIEW_MAX);
	nr_buf_addf(&sql, "CREATE TEMP VIEW raw AS ");
	for (size_t i = 0; i < asking->n_days; i++)
		nr_buf_addf(&sql, "%sFROM %s.observations", i > 0 ? " UNION ALL " : "",
			    asking->days[i]->name);
	if (asking->n_days == 0)
		nr_buf_addf(&sql, "FROM rollup.no_observations");
	nr_buf_add(&sql, "", 1);
	int ret = sql.err < 0 ? nr_fail(reterr, sql.err, "too many days in one question")
			      : nr_duck_run(asking->con, (const char *)sql.p, reterr);

	nr_buf_done(&sql);
	return ret;
}

int nr_store_ask_open(struct nr_store *store, int64_t since, int64_t until,
		      struct nr_store_asking *ret_asking, struct nr_err *reterr)
{
	struct nr_store_asking asking = { .con = NULL };
	int ret = use_days(store, since, until, &asking, reterr);

	if (ret == 0)
		ret = nr_duck_connect(store->duck, &asking.con, reterr);
	if (ret == 0)
		ret = make_view(&asking, reterr);
	if (ret < 0) {
		nr_store_ask_close(store, &asking);
		return ret;
	}
	*ret_asking = asking;
	return 0;
}

void nr_store_ask_close(struct nr_store *store, struct nr_store_asking *asking)
{
	nr_duck_disconnect(asking->con);
	for (size_t i = 0; i < asking->n_days; i++)
		nr_store_day_leave(store, asking->days[i]);
	free(asking->days);
}

/* ---- rows ---- */

static int64_t clamp_second(struct nr_time t)
{
	int64_t s = nr_time_floor_s(t) + (t.ns % NR_NS_PER_S != 0); /* rows have whole seconds */

	return s < 0 ? 0 : s > UINT32_MAX ? UINT32_MAX : s;
}

static struct nr_ip last_of(struct nr_prefix prefix)
{
	struct nr_ip ip = prefix.ip;

	for (unsigned bit = prefix.len; bit < 128; bit++)
		ip.b[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
	return ip;
}

int nr_store_bind_source(struct nr_duck_query *query, bool has_src, struct nr_prefix src)
{
	bool any = !has_src || src.len == 0;
	bool is_v6 = !any && !nr_prefix_is_v4(src);
	struct nr_ip lo = src.ip, hi = last_of(src);
	int ret = nr_duck_bind_i64(query, "src_lo", any || is_v6 ? 0 : nr_ip_to_v4(lo));

	/* IPv6 rows have 0 in the short column. */
	if (ret == 0)
		ret = nr_duck_bind_i64(query, "src_hi",
				       any     ? UINT32_MAX
				       : is_v6 ? 0
					       : nr_ip_to_v4(hi));
	if (ret == 0)
		ret = is_v6 ? nr_duck_bind_u128(query, "src6_lo", nr_columns_wide(lo))
			    : nr_duck_bind_null(query, "src6_lo");
	if (ret == 0)
		ret = is_v6 ? nr_duck_bind_u128(query, "src6_hi", nr_columns_wide(hi))
			    : nr_duck_bind_null(query, "src6_hi");
	return ret;
}

/* As the text of a list of our numbers; sensors the store does not know match nothing. */
static int bind_sensors(struct nr_store *store, struct nr_duck_query *query,
			const struct nr_store_filter *filter)
{
	struct nr_buf list;

	if (filter->sensors == NULL)
		return nr_duck_bind_null(query, "sensors");
	nr_buf_init(&list, LIST_MAX);
	nr_buf_addf(&list, "[0");
	for (size_t i = 0; i < filter->n_sensors; i++) {
		struct nr_uuid id;

		memcpy(id.b, filter->sensors + i * NR_UUID_SIZE, NR_UUID_SIZE);
		uint32_t number = nr_store_sensor_known(store, id);

		if (number != 0)
			nr_buf_addf(&list, ",%" PRIu32, number);
	}
	nr_buf_addf(&list, "]");
	int ret = list.err < 0 ? list.err : nr_duck_bind_text(query, "sensors", nr_buf_str(&list));

	nr_buf_done(&list);
	return ret;
}

static int bind_filter(struct nr_store *store, struct nr_duck_query *query,
		       const struct nr_store_filter *filter)
{
	uint64_t limit = filter->limit == 0 || filter->limit > ROWS_MAX ? ROWS_MAX : filter->limit;
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {
		{ "since", clamp_second(filter->since) },
		{ "until", clamp_second(filter->until) },
		{ "after_at", (int64_t)filter->after_at },
		{ "after_row", filter->after_row },
		{ "port_lo", filter->has_port ? filter->port : 0 },
		{ "port_hi", filter->has_port ? filter->port : UINT16_MAX },
		{ "limit", (int64_t)limit },
	};
	int ret = 0;

	for (size_t i = 0; i < NR_COUNT(numbers) && ret == 0; i++)
		ret = nr_duck_bind_i64(query, numbers[i].name, numbers[i].value);
	if (ret == 0)
		ret = nr_store_bind_source(query, filter->has_src, filter->src);
	return ret == 0 ? bind_sensors(store, query, filter) : ret;
}

static struct nr_time deadline_of(int timeout_ms)
{
	struct nr_time now = nr_mono_now();

	return (struct nr_time){ timeout_ms > 0 ? now.ns + (int64_t)timeout_ms * 1000000 : 0 };
}

static int64_t give_rows(struct nr_duck_query *query,
			 int (*row)(void *ctx, const struct nr_store_row *row), void *ctx)
{
	int64_t given = 0;
	size_t n;

	while ((n = nr_duck_query_next(query)) > 0)
		for (size_t i = 0; i < n; i++) {
			struct nr_store_row one = nr_columns_get(query, i);
			int ret = row(ctx, &one);

			if (ret < 0)
				return ret;
			given++;
		}
	return given;
}

/* The store's file of this name in tmp, with sensors as everybody else knows them. */
static int copy_to(struct nr_store *store, struct nr_duck_con *con, const char *path,
		   struct nr_err *reterr)
{
	struct nr_buf sql;
	char text[NR_UUID_TEXT];

	nr_buf_init(&sql, LIST_MAX);
	nr_buf_addf(&sql, "COPY (SELECT ['-'");
	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < store->n_sensors; i++) { /* numbers count from 1 */
		nr_uuid_print(store->sensors[i].id, text);
		nr_buf_addf(&sql, ",'%s'", text);
	}
	pthread_mutex_unlock(&store->lock);
	nr_buf_addf(&sql, "][sensor + 1] AS sensor, * EXCLUDE (sensor) FROM (%s)) TO '",
		    nr_store_query_find("parquet")->sql);
	for (const char *p = path; *p != '\0'; p++)
		nr_buf_addf(&sql, "%s%c", *p == '\'' ? "'" : "", *p);
	nr_buf_addf(&sql, "' (FORMAT parquet, COMPRESSION zstd)");
	nr_buf_add(&sql, "", 1);
	int ret = sql.err < 0 ? nr_fail(reterr, sql.err, "too many sensors for one statement")
			      : nr_duck_run(con, (const char *)sql.p, reterr);

	nr_buf_done(&sql);
	return ret;
}

/* How many rows the page has, and its last one. */
static int page_facts(struct nr_duck_con *con, struct nr_store_file *file, struct nr_err *reterr)
{
	uint64_t row = 0;
	int ret = nr_duck_number(con, "SELECT count(*)::UBIGINT FROM page", &file->rows, reterr);

	if (ret == 0)
		ret = nr_duck_number(con, "SELECT max(place) FROM page", &file->at, reterr);
	if (ret == 0)
		ret = nr_duck_number(con,
				     "SELECT max(\"row\")::UBIGINT FROM page WHERE place = (SELECT "
				     "max(place) FROM page)",
				     &row, reterr);
	file->row = (uint32_t)row;
	return ret;
}

static int make_page(struct nr_store *store, struct nr_duck_con *con,
		     const struct nr_store_filter *filter, struct nr_err *reterr)
{
	struct nr_time deadline = deadline_of(filter->timeout_ms);
	struct nr_duck_query *query = NULL;
	struct nr_buf sql;

	nr_buf_init(&sql, VIEW_MAX);
	nr_buf_addf(&sql, "CREATE TEMP TABLE page AS %s", nr_store_query_find("rows_located")->sql);
	nr_buf_add(&sql, "", 1);
	int ret = sql.err < 0 ? nr_fail(reterr, sql.err, "no memory")
			      : nr_duck_prepare(con, (const char *)sql.p, &query, reterr);

	if (ret == 0 && (ret = bind_filter(store, query, filter)) < 0)
		(void)nr_fail(reterr, ret, "the filter cannot be asked for: %s", nr_err_text(ret));
	if (ret == 0)
		ret = nr_duck_query_run(query, deadline, reterr);
	nr_duck_query_close(query);
	nr_buf_done(&sql);
	return ret;
}

int nr_store_parquet(struct nr_store *store, const struct nr_store_filter *filter,
		     struct nr_store_file *ret_file, struct nr_err *reterr)
{
	struct nr_store_file file = { .rows = 0 };
	struct nr_store_asking asking = { .con = NULL };
	char name[NR_UUID_TEXT];
	int ret = nr_store_ask_open(store, clamp_second(filter->since), clamp_second(filter->until),
				    &asking, reterr);

	if (ret < 0)
		return ret;
	nr_uuid_print(nr_uuid_new(), name);
	if ((size_t)snprintf(file.path, sizeof(file.path), "%s/tmp/" NR_STORE_EXPORT "%s.parquet",
			     store->dir, name) >= sizeof(file.path))
		ret = nr_fail(reterr, -ENAMETOOLONG, "%s is too long a path", store->dir);
	if (ret == 0)
		ret = make_page(store, asking.con, filter, reterr);
	if (ret == 0)
		ret = page_facts(asking.con, &file, reterr);
	if (ret == 0 && (ret = copy_to(store, asking.con, file.path, reterr)) < 0)
		(void)nr_io_unlink(file.path);
	nr_store_ask_close(store, &asking);
	if (ret == 0)
		*ret_file = file;
	return ret;
}

int64_t nr_store_rows(struct nr_store *store, const struct nr_store_filter *filter,
		      int (*row)(void *ctx, const struct nr_store_row *row), void *ctx,
		      struct nr_err *reterr)
{
	struct nr_time deadline = deadline_of(filter->timeout_ms);
	struct nr_store_asking asking = { .con = NULL };
	struct nr_duck_query *query = NULL;
	int64_t given = 0;
	int ret = nr_store_ask_open(store, clamp_second(filter->since), clamp_second(filter->until),
				    &asking, reterr);

	if (ret < 0)
		return ret;
	ret = nr_duck_prepare(asking.con, nr_store_query_find("rows")->sql, &query, reterr);
	if (ret == 0 && (ret = bind_filter(store, query, filter)) < 0)
		(void)nr_fail(reterr, ret, "the filter cannot be asked for: %s", nr_err_text(ret));
	if (ret == 0)
		ret = nr_duck_query_run(query, deadline, reterr);
	if (ret == 0)
		given = give_rows(query, row, ctx);
	nr_duck_query_close(query);
	nr_store_ask_close(store, &asking);
	return ret < 0 ? ret : given;
}
