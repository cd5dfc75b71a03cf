/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening, the roll-up file and the order of transactions. Invariants: store_int.h.
 *
 *   add      decode, sort, rows to the open transaction of their day, sums into memory
 *   commit   each day with rows: at, COMMIT; every NR_STORE_ROLLUP_COMMITS-th time, or when the
 *   sums are many: the roll-up file
 *   crash    days may be ahead of the roll-up file; what is read again is left out by each file's
 *   own `at`
 */
#include "store/observations.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "store/duck/store_int.h"

enum {
	ROLLUP_COMMITS = 15, /* sums are that many commits late in the file at most */
	LATENESS_S = 600,    /* an hour is rolled up this long after its end, in event time */
	HEAD_MAX = 1024,     /* keys in the head of an hour, or day, of a sensor */
	SOURCES_MAX = 1024,  /* most active sources that an hour of a sensor keeps */
	PAIRS_MAX = 4096,    /* economies with ports that an hour, or day, of a sensor keeps */
	MEMORY_DEFAULT = 256 << 20,
	THREADS_DEFAULT = 2,
	SQL = 1024,
};

int nr_store_file_fail(struct nr_err *reterr, const char *path)
{
	int code = reterr != NULL ? reterr->code : -EIO;

	if (reterr == NULL)
		return code;
	(void)nr_err_prefix(reterr, "%s", path);
	size_t n = strlen(reterr->msg);
	const char *advice = "";

	if (code == -EBUSY)
		advice = ": another process has it open: ask the running hub, or stop it first";
	else if (code == NR_EVERSION)
		advice =
			": use the program that wrote it, or make it again: noroshi store rebuild DIR";
	else if (code == NR_EDAMAGED || code == NR_EFORMAT)
		advice = ": make it again from the journal: noroshi store rebuild DIR";
	(void)snprintf(reterr->msg + n, sizeof(reterr->msg) - n, "%s", advice);
	return code;
}

/* ---- the roll-up file ---- */

static void new_id(struct nr_duck_u128 *id)
{
	struct nr_uuid uuid = nr_uuid_new();

	memcpy(&id->hi, uuid.b, 8);
	memcpy(&id->lo, uuid.b + 8, 8);
}

static int make_rollup(struct nr_store *store, const char *path, struct nr_err *reterr)
{
	char meta[SQL];

	if (store->n_days > 0)
		return nr_fail(
			reterr, NR_EDAMAGED,
			"%s is missing, but there are days of observations: make it again from "
			"the journal: noroshi store rebuild DIR",
			path);
	new_id(&store->id);
	(void)snprintf(meta, sizeof(meta),
		       "INSERT INTO making.meta VALUES (%d, (%" PRIu64
		       "::UHUGEINT << 64) | %" PRIu64 "::UHUGEINT, 0, 0, 0, 0, 0, 0)",
		       NR_STORE_SUMS_FORMAT, store->id.hi, store->id.lo);
	return nr_store_make_file(store, path, "rollup.sql", meta, reterr);
}

static int read_rollup_meta(struct nr_store *store, struct nr_err *reterr)
{
	struct nr_duck_query *query = NULL;
	int ret = nr_duck_prepare(store->rollup_con,
				  "SELECT format::UBIGINT, store, place, hours_end, days_end, "
				  "first_day, newest, refused FROM rollup.meta",
				  &query, reterr);

	if (ret == 0)
		ret = nr_duck_query_run(query, (struct nr_time){ 0 }, reterr);
	if (ret < 0) {
		if (ret == -EIO) /* no such table */
			ret = nr_fail(reterr, NR_EFORMAT, "not a file of an observation store");
	} else if (nr_duck_query_next(query) != 1) {
		ret = nr_fail(reterr, NR_EDAMAGED, "it does not say what it is");
	} else {
		uint64_t format = *(const uint64_t *)nr_duck_query_values(query, 0);

		store->id = *(const struct nr_duck_u128 *)nr_duck_query_values(query, 1);
		store->rollup_at = *(const uint64_t *)nr_duck_query_values(query, 2);
		store->hours_end = *(const uint32_t *)nr_duck_query_values(query, 3);
		store->days_end = *(const uint32_t *)nr_duck_query_values(query, 4);
		store->first_day = *(const uint32_t *)nr_duck_query_values(query, 5);
		store->newest = *(const uint32_t *)nr_duck_query_values(query, 6);
		store->refused = *(const uint64_t *)nr_duck_query_values(query, 7);
		if (format != NR_STORE_SUMS_FORMAT)
			ret = nr_fail(reterr, NR_EVERSION,
				      "format %" PRIu64 ", this program knows %d", format,
				      NR_STORE_SUMS_FORMAT);
	}
	nr_duck_query_close(query);
	return ret;
}

static int read_sensors(struct nr_store *store, struct nr_err *reterr)
{
	struct nr_duck_query *query = NULL;
	size_t n;
	int ret = nr_duck_prepare(store->rollup_con,
				  "SELECT number, id FROM rollup.sensors ORDER BY number", &query,
				  reterr);

	if (ret == 0)
		ret = nr_duck_query_run(query, (struct nr_time){ 0 }, reterr);
	while (ret == 0 && (n = nr_duck_query_next(query)) > 0) {
		const uint32_t *numbers = nr_duck_query_values(query, 0);
		const struct nr_duck_u128 *ids = nr_duck_query_values(query, 1);

		for (size_t i = 0; i < n && store->n_sensors < NR_STORE_SENSORS; i++) {
			struct nr_store_sensor_row *row = &store->sensors[store->n_sensors++];

			row->number = numbers[i];
			memcpy(row->id.b, &ids[i].hi, 8);
			memcpy(row->id.b + 8, &ids[i].lo, 8);
		}
	}
	nr_duck_query_close(query);
	return ret;
}

/* How far each sensor's sums reach. */
static int read_newest(struct nr_store *store, struct nr_err *reterr)
{
	struct nr_duck_query *query = NULL;
	size_t n;
	int ret = nr_duck_prepare(
		store->rollup_con,
		"SELECT sensor, max(start - start % 60)::UINTEGER FROM (SELECT sensor, "
		"start FROM rollup.minute WHERE kind = 5 UNION ALL SELECT sensor, "
		"start FROM rollup.recent WHERE kind = 5) GROUP BY sensor",
		&query, reterr);

	if (ret == 0)
		ret = nr_duck_query_run(query, (struct nr_time){ 0 }, reterr);
	while (ret == 0 && (n = nr_duck_query_next(query)) > 0) {
		const uint32_t *numbers = nr_duck_query_values(query, 0);
		const uint32_t *minutes = nr_duck_query_values(query, 1);

		for (size_t i = 0; i < n; i++)
			if (numbers[i] >= 1 && numbers[i] <= store->n_sensors)
				store->sensors[numbers[i] - 1].newest =
					store->sensors[numbers[i] - 1].seen = minutes[i];
	}
	nr_duck_query_close(query);
	return ret;
}

static int open_rollup(struct nr_store *store, struct nr_err *reterr)
{
	char path[NR_STORE_PATH];
	struct stat st;
	int ret = 0;

	(void)snprintf(path, sizeof(path), "%s/rollup.duckdb", store->dir);
	if (stat(path, &st) < 0) {
		if (store->read_only && store->n_days == 0)
			return nr_fail(reterr, -ENOENT, "%s: no observation store here", path);
		ret = make_rollup(store, path, reterr);
	} else if (st.st_size == 0) {
		(void)nr_fail(reterr, NR_EDAMAGED, "the file is empty");
		return nr_store_file_fail(reterr, path);
	}
	if (ret < 0)
		return ret;
	ret = nr_store_attach(store, path, "rollup", reterr);
	if (ret == 0)
		ret = read_rollup_meta(store, reterr);
	if (ret == 0)
		ret = read_sensors(store, reterr);
	if (ret == 0)
		ret = read_newest(store, reterr);
	store->sums_days_end = store->days_end;
	return ret < 0 ? nr_store_file_fail(reterr, path) : 0;
}

/* ---- life ---- */

static int make_directories(struct nr_store *store, struct nr_err *reterr)
{
	static const char *const below[] = { "", "/raw", "/tmp" };
	char path[NR_STORE_PATH];

	for (size_t i = 0; i < NR_COUNT(below) && !store->read_only; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", store->dir, below[i]);
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return nr_fail(reterr, -errno, "cannot make %s: %s", path,
				       nr_err_text(-errno));
	}
	return 0;
}

/* What nobody took away when the process ended. */
static int drop_export(void *ctx, const char *name)
{
	const struct nr_store *store = ctx;
	char path[NR_STORE_PATH + 300];

	if (strncmp(name, NR_STORE_EXPORT, strlen(NR_STORE_EXPORT)) == 0) {
		(void)snprintf(path, sizeof(path), "%s/tmp/%s", store->dir, name);
		(void)nr_io_unlink(path);
	}
	return 0;
}

static void drop_exports(struct nr_store *store)
{
	char path[NR_STORE_PATH + 8];

	(void)snprintf(path, sizeof(path), "%s/tmp", store->dir);
	if (!store->read_only)
		(void)!nr_io_list(path, drop_export, store);
}

static int begin(struct nr_store *store, const struct nr_store_options *options,
		 struct nr_err *reterr)
{
	char *dir = NULL;
	struct nr_duck_options duck = {
		.memory_bytes = options->memory_bytes != 0 ? options->memory_bytes : MEMORY_DEFAULT,
		.threads = options->threads != 0 ? options->threads : THREADS_DEFAULT,
	};
	int ret = 0;

	store->dir = strdup(options->dir);
	store->sensors = calloc(NR_STORE_SENSORS, sizeof(*store->sensors));
	if (store->dir == NULL || store->sensors == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	ret = make_directories(store, reterr);
	if (ret < 0)
		return ret;
	dir = realpath(store->dir, NULL); /* what DuckDB may touch is compared as text */
	if (dir == NULL || strlen(dir) > NR_STORE_PATH - 64) {
		free(dir);
		return nr_fail(reterr, -ENOENT, "%s: no such directory", store->dir);
	}
	free(store->dir);
	store->dir = dir;
	duck.dir = dir;
	drop_exports(store);
	ret = nr_store_days_list(store, reterr);
	if (ret == 0)
		ret = nr_duck_open(&duck, &store->duck, reterr);
	if (ret == 0)
		ret = nr_duck_connect(store->duck, &store->admin, reterr);
	if (ret == 0)
		ret = nr_duck_connect(store->duck, &store->rollup_con, reterr);
	if (ret == 0)
		ret = nr_duck_functions(store->admin, reterr);
	return ret == 0 ? open_rollup(store, reterr) : ret;
}

int nr_store_open(const struct nr_store_options *options, struct nr_store **ret_store,
		  struct nr_err *reterr)
{
	struct nr_store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	(void)pthread_mutex_init(&store->lock, NULL);
	store->read_only = options->read_only;
	store->locate = options->locate;
	store->locate_ctx = options->locate_ctx;
	int ret = begin(store, options, reterr);

	if (ret == 0 && !store->read_only) {
		ret = nr_rollup_new(&store->rollup);
		if (ret == 0)
			ret = nr_batch_decoder_new(&store->decoder);
		if (ret < 0)
			(void)nr_fail(reterr, ret, "%s", nr_err_text(ret));
	}
	if (ret < 0) {
		nr_store_close(store);
		return ret;
	}
	store->read_at = store->commit_at = store->rollup_at;
	*ret_store = store;
	return 0;
}

struct nr_store *nr_store_close(struct nr_store *store)
{
	if (store == NULL)
		return NULL;
	nr_store_writers_close(store);
	nr_store_days_free(store);
	nr_duck_disconnect(store->rollup_con);
	nr_duck_disconnect(store->admin);
	nr_duck_close(store->duck);
	nr_rollup_free(store->rollup);
	nr_batch_decoder_free(store->decoder);
	nr_store_work_free(store->work);
	(void)pthread_mutex_destroy(&store->lock);
	free(store->sensors);
	free(store->dir);
	free(store);
	return NULL;
}

uint64_t nr_store_at(const struct nr_store *store)
{
	return store->commit_at;
}

uint64_t nr_store_refused(const struct nr_store *store)
{
	return store->refused;
}

uint32_t nr_store_sensor_known(struct nr_store *store, struct nr_uuid sensor)
{
	uint32_t number = 0;

	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < store->n_sensors && number == 0; i++)
		if (nr_uuid_eq(store->sensors[i].id, sensor))
			number = store->sensors[i].number;
	pthread_mutex_unlock(&store->lock);
	return number;
}

int nr_store_sensor_id(struct nr_store *store, uint32_t number, struct nr_uuid *ret_sensor)
{
	int ret = -ENOENT;

	pthread_mutex_lock(&store->lock);
	if (number >= 1 && number <= store->n_sensors) {
		*ret_sensor = store->sensors[number - 1].id;
		ret = 0;
	}
	pthread_mutex_unlock(&store->lock);
	return ret;
}

int nr_store_sensor(struct nr_store *store, struct nr_uuid sensor, uint32_t *ret_number)
{
	struct nr_duck_query *query = NULL;
	struct nr_duck_u128 id;
	int ret = 0;

	uint32_t known = nr_store_sensor_known(store, sensor);

	if (known != 0) {
		*ret_number = known;
		return 0;
	}
	if (store->read_only)
		return -ENOENT;
	if (store->n_sensors == NR_STORE_SENSORS)
		return NR_ELIMIT;
	memcpy(&id.hi, sensor.b, 8);
	memcpy(&id.lo, sensor.b + 8, 8);
	uint32_t number = (uint32_t)store->n_sensors + 1;

	ret = nr_duck_prepare(store->rollup_con, "INSERT INTO rollup.sensors VALUES ($number, $id)",
			      &query, NULL);
	if (ret == 0)
		ret = nr_duck_bind_i64(query, "number", number);
	if (ret == 0)
		ret = nr_duck_bind_u128(query, "id", id);
	if (ret == 0)
		ret = nr_duck_query_run(query, (struct nr_time){ 0 }, NULL);
	nr_duck_query_close(query);
	if (ret < 0)
		return ret;
	pthread_mutex_lock(&store->lock);
	store->sensors[store->n_sensors++] = (struct nr_store_sensor_row){ .id = sensor,
									   .number = number };
	pthread_mutex_unlock(&store->lock);
	*ret_number = number;
	return 0;
}

/* ---- commit ---- */

/* Sums of @p from whose start lies in range become sums of @p into, one a key, in order of key. */
static int roll_up(struct nr_store *store, const char *into, const char *from, uint32_t period,
		   const uint32_t range[2], struct nr_err *reterr)
{
	static const char general[] =
		"INSERT INTO rollup.%s SELECT start - start %% %" PRIu32
		", label, sensor, kind, key, sum(packets)::UBIGINT, sum(bytes)::UBIGINT, "
		"sum(flows)::UBIGINT, merge_sources(sources) FROM rollup.%s WHERE start >= %" PRIu32
		" AND start < %" PRIu32
		" AND kind <> %d GROUP BY 1, 2, 3, 4, 5 ORDER BY 4, 5, 1, 3";
	/* Of these there are nearly as many as flows: the largest are kept. */
	static const char pairs[] =
		"INSERT INTO rollup.%s SELECT * FROM (SELECT start - start %% %" PRIu32
		" AS begin, label, sensor, kind, key, sum(packets)::UBIGINT AS total, "
		"sum(bytes)::UBIGINT, sum(flows)::UBIGINT, merge_sources(sources) FROM rollup.%s "
		"WHERE start >= %" PRIu32 " AND start < %" PRIu32
		" AND kind = %d GROUP BY 1, 2, 3, 4, 5) QUALIFY row_number() OVER (PARTITION BY "
		"begin, label, sensor ORDER BY total DESC, key) <= %d ORDER BY key, begin, sensor";
	char sql[SQL];

	(void)snprintf(sql, sizeof(sql), general, into, period, from, range[0], range[1],
		       NR_ROLLUP_ECONOMY_PORT);
	int ret = nr_duck_run(store->rollup_con, sql, reterr);

	if (ret < 0 || period < 3600) /* there are none by the minute */
		return ret;
	(void)snprintf(sql, sizeof(sql), pairs, into, period, from, range[0], range[1],
		       NR_ROLLUP_ECONOMY_PORT, PAIRS_MAX);
	return nr_duck_run(store->rollup_con, sql, reterr);
}

/* The largest keys of what was just rolled up stand apart. */
static int take_heads(struct nr_store *store, const char *table, const uint32_t range[2],
		      struct nr_err *reterr)
{
	static const char text[] =
		"INSERT INTO rollup.%s_head SELECT start, label, sensor, kind, key, packets, bytes, "
		"flows, sources, CASE WHEN n > %d THEN min(packets) OVER (PARTITION BY start, label, "
		"sensor, kind) ELSE 0 END FROM (SELECT *, count(*) OVER cell AS n FROM rollup.%s WHERE "
		"start >= %" PRIu32 " AND start < %" PRIu32 " AND kind IN (%d, %d) "
		"WINDOW cell AS (PARTITION BY start, label, sensor, kind) QUALIFY row_number() OVER "
		"(PARTITION BY start, label, sensor, kind ORDER BY packets DESC, key) <= %d) "
		"ORDER BY kind, key, start, sensor";
	char sql[SQL];

	(void)snprintf(sql, sizeof(sql), text, table, HEAD_MAX, table, range[0], range[1],
		       NR_ROLLUP_PORT, NR_ROLLUP_AS, HEAD_MAX);
	return nr_duck_run(store->rollup_con, sql, reterr);
}

/* Each writing left the largest sources of its moment: the hour keeps the largest of their sums. */
static int pack_sources(struct nr_store *store, const uint32_t range[2], struct nr_err *reterr)
{
	static const char text[] =
		"CREATE OR REPLACE TEMP TABLE packed AS SELECT start, label, sensor, src, src6, "
		"max(asn) AS asn, max(economy) AS economy, sum(packets)::UBIGINT AS packets, "
		"sum(bytes)::UBIGINT AS bytes, sum(flows)::UBIGINT AS flows FROM rollup.top_source "
		"WHERE start >= %" PRIu32 " AND start < %" PRIu32
		" GROUP BY start, label, sensor, src, src6 QUALIFY row_number() "
		"OVER (PARTITION BY start, label, sensor ORDER BY sum(packets) DESC, src, src6) <= %d; "
		"DELETE FROM rollup.top_source WHERE start >= %" PRIu32 " AND start < %" PRIu32 "; "
		"INSERT INTO rollup.top_source SELECT * FROM packed ORDER BY start, sensor, packets "
		"DESC, src, src6; DROP TABLE packed";
	char sql[SQL];

	(void)snprintf(sql, sizeof(sql), text, range[0], range[1], SOURCES_MAX, range[0], range[1]);
	return nr_duck_run(store->rollup_con, sql, reterr);
}

/* Hours that ended LATENESS_S ago leave `recent`; what comes later for them goes to the tables
 * at once. */
static int roll_hours(struct nr_store *store, uint32_t end, struct nr_err *reterr)
{
	const uint32_t range[2] = { store->hours_end, end };
	char sql[SQL];
	int ret = roll_up(store, "minute", "recent", 60, range, reterr);

	if (ret == 0)
		ret = roll_up(store, "hour", "recent", 3600, range, reterr);
	if (ret == 0)
		ret = take_heads(store, "hour", range, reterr);
	if (ret == 0)
		ret = pack_sources(store, range, reterr);
	(void)snprintf(sql, sizeof(sql), "DELETE FROM rollup.recent WHERE start < %" PRIu32, end);
	return ret == 0 ? nr_duck_run(store->rollup_con, sql, reterr) : ret;
}

static int roll_days(struct nr_store *store, uint32_t end, struct nr_err *reterr)
{
	const uint32_t range[2] = { store->days_end, end };
	int ret = roll_up(store, "day", "hour", NR_STORE_DAY_S, range, reterr);

	return ret == 0 ? take_heads(store, "day", range, reterr) : ret;
}

static int write_rollup(struct nr_store *store, const uint32_t ends[2], struct nr_err *reterr)
{
	struct nr_duck_query *query = NULL;
	int ret = nr_rollup_write(store->rollup, store->rollup_con, store->hours_end,
				  store->days_end, reterr);

	if (ret == 0 && ends[0] > store->hours_end)
		ret = roll_hours(store, ends[0], reterr);
	if (ret == 0 && ends[1] > store->days_end)
		ret = roll_days(store, ends[1], reterr);
	if (ret == 0)
		ret = nr_duck_prepare(store->rollup_con,
				      "UPDATE rollup.meta SET place = $place, hours_end = $hours, "
				      "days_end = $days, first_day = $first, newest = $newest, "
				      "refused = $refused",
				      &query, reterr);
	if (ret == 0 && (nr_duck_bind_i64(query, "place", (int64_t)store->read_at) < 0 ||
			 nr_duck_bind_i64(query, "hours", ends[0]) < 0 ||
			 nr_duck_bind_i64(query, "days", ends[1]) < 0 ||
			 nr_duck_bind_i64(query, "first", store->first_day) < 0 ||
			 nr_duck_bind_i64(query, "newest", store->newest) < 0 ||
			 nr_duck_bind_i64(query, "refused", (int64_t)store->refused) < 0))
		ret = nr_fail(reterr, -EINVAL, "DuckDB does not take a number");
	if (ret == 0)
		ret = nr_duck_query_run(query, (struct nr_time){ 0 }, reterr);
	nr_duck_query_close(query);
	return ret;
}

static int commit_rollup(struct nr_store *store, struct nr_err *reterr)
{
	uint32_t end = store->newest > LATENESS_S ? store->newest - LATENESS_S : 0;
	uint32_t hours = end - end % 3600, days = end - end % NR_STORE_DAY_S;
	uint32_t ends[2] = { hours > store->hours_end ? hours : store->hours_end,
			     days > store->days_end ? days : store->days_end };
	int ret = nr_duck_run(store->rollup_con, "BEGIN", reterr);

	if (ret == 0)
		ret = write_rollup(store, ends, reterr);
	if (ret == 0)
		ret = nr_duck_run(store->rollup_con, "COMMIT", reterr);
	if (ret < 0)
		return ret;
	nr_rollup_clear(store->rollup);
	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < store->n_sensors; i++)
		store->sensors[i].newest = store->sensors[i].seen;
	store->sums_changes++;
	store->sums_days_end = ends[1];
	pthread_mutex_unlock(&store->lock);
	store->hours_end = ends[0];
	store->days_end = ends[1];
	store->rollup_at = store->read_at;
	store->n_commits = 0;
	return 0;
}

static int commit(struct nr_store *store, bool sums, struct nr_err *reterr)
{
	int ret = store->failed;

	if (ret < 0)
		return nr_fail(reterr, ret, "the store failed before: open it again");
	if (store->read_at == store->rollup_at)
		return 0;
	ret = nr_store_days_commit(store, reterr);
	if (ret == 0)
		store->commit_at = store->read_at;
	if (ret == 0 &&
	    (sums || ++store->n_commits >= ROLLUP_COMMITS || nr_rollup_is_full(store->rollup)))
		ret = commit_rollup(store, reterr);
	store->failed = ret;
	return ret;
}

int nr_store_commit(struct nr_store *store, struct nr_err *reterr)
{
	return commit(store, false, reterr);
}

int nr_store_settle(struct nr_store *store, struct nr_err *reterr)
{
	return commit(store, true, reterr);
}
