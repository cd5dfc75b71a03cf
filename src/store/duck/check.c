/* SPDX-License-Identifier: Apache-2.0 */
/* `noroshi store check`: do the files say what they hold, and do days and roll-ups agree? */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "store/duck/store_int.h"

enum { SQL = 512 };

static uint64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Rows counted, and those up to where the sums are. */
static int count_day(struct nr_store *store, const struct nr_store_day *day, uint64_t counts[3],
		     struct nr_err *reterr)
{
	char sql[SQL];

	(void)snprintf(sql, sizeof(sql), "SELECT n_rows FROM %s.meta", day->name);
	int ret = nr_duck_number(store->admin, sql, &counts[0], reterr);

	(void)snprintf(sql, sizeof(sql), "SELECT count(*)::UBIGINT FROM %s.observations",
		       day->name);
	if (ret == 0)
		ret = nr_duck_number(store->admin, sql, &counts[1], reterr);
	(void)snprintf(sql, sizeof(sql),
		       "SELECT count(*)::UBIGINT FROM %s.observations WHERE place <= %" PRIu64,
		       day->name, store->rollup_at);
	if (ret == 0)
		ret = nr_duck_number(store->admin, sql, &counts[2], reterr);
	return ret;
}

static int check_sums(struct nr_store *store, const struct nr_store_day *day, uint64_t rows,
		      struct nr_err *reterr)
{
	uint32_t start = day->number * NR_STORE_DAY_S;
	uint64_t flows[2] = { 0 };
	char sql[SQL];
	static const char *const tables[] = { "minute", "hour" };
	int ret = 0;

	for (size_t i = 0; i < NR_COUNT(tables) && ret == 0; i++) {
		(void)snprintf(sql, sizeof(sql),
			       "SELECT sum(flows)::UBIGINT FROM (SELECT flows FROM rollup.%s WHERE "
			       "kind = %d AND start >= %" PRIu32 " AND start < %" PRIu32
			       " UNION ALL SELECT flows FROM rollup.recent WHERE kind = %d AND "
			       "start >= %" PRIu32 " AND start < %" PRIu32 ")",
			       tables[i], NR_ROLLUP_SENSOR, start, start + NR_STORE_DAY_S,
			       NR_ROLLUP_SENSOR, start, start + NR_STORE_DAY_S);
		ret = nr_duck_number(store->admin, sql, &flows[i], reterr);
		if (ret == 0 && flows[i] != rows)
			ret = nr_fail(reterr, NR_EDAMAGED,
				      "%s/rollup.duckdb: %s sums of %s say %" PRIu64
				      " observations, the day holds %" PRIu64
				      ": noroshi store rebuild DIR",
				      store->dir, tables[i], day->name, flows[i], rows);
	}
	return ret;
}

static int check_day(struct nr_store *store, uint32_t number, struct nr_store_report *report,
		     struct nr_err *reterr)
{
	struct nr_store_day *day = NULL;
	uint64_t counts[3] = { 0 };
	char path[NR_STORE_PATH];
	int ret = nr_store_day_use(store, number, false, &day, reterr);

	if (ret < 0)
		return ret;
	nr_store_day_path(store, number, path);
	ret = count_day(store, day, counts, reterr);
	if (ret < 0)
		(void)nr_store_file_fail(reterr, path);
	else if (counts[0] != counts[1])
		ret = nr_fail(reterr, NR_EDAMAGED,
			      "%s: says %" PRIu64 " rows and holds %" PRIu64
			      ": noroshi store rebuild DIR",
			      path, counts[0], counts[1]);
	else
		ret = check_sums(store, day, counts[2], reterr);
	if (ret == 0) {
		report->days++;
		report->rows += counts[1];
		report->bytes += size_of(path);
	}
	nr_store_day_leave(store, day);
	return ret;
}

int nr_store_check(const char *dir, struct nr_store_report *ret_report, struct nr_err *reterr)
{
	struct nr_store_options options = { .dir = dir, .read_only = true };
	struct nr_store_report report = { .days = 0 };
	struct nr_store *store = NULL;
	char path[NR_STORE_PATH + 16];
	int ret = nr_store_open(&options, &store, reterr);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < store->n_days && ret == 0; i++)
		ret = check_day(store, store->days[i]->number, &report, reterr);
	(void)snprintf(path, sizeof(path), "%s/rollup.duckdb", store->dir);
	report.bytes += size_of(path);
	report.at = store->rollup_at;
	nr_store_close(store);
	if (ret == 0)
		*ret_report = report;
	return ret;
}
