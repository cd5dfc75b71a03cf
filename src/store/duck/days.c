/* SPDX-License-Identifier: Apache-2.0 */
/* The files of days: found, made, opened when somebody wants them, closed when many are open,
 * deleted. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/embedded.h"
#include "base/io.h"
#include "store/duck/store_int.h"

enum { SQL = 1024, DAY_FILE = 17 /* 2026-11-20.duckdb */ };

extern const struct nr_embedded nr_store_schemas[];

const char *nr_store_schema(const char *name)
{
	for (const struct nr_embedded *file = nr_store_schemas; file->name != NULL; file++)
		if (strcmp(file->name, name) == 0)
			return file->text;
	return NULL;
}

static struct nr_time time_of(uint32_t number)
{
	return (struct nr_time){ (int64_t)number * NR_STORE_DAY_S * NR_NS_PER_S };
}

static void date_of(uint32_t number, char out[NR_TIME_TEXT])
{
	(void)nr_time_print(time_of(number), out);
	out[10] = '\0'; /* the date alone */
}

void nr_store_day_path(const struct nr_store *store, uint32_t number, char *out)
{
	char date[NR_TIME_TEXT];

	date_of(number, date);
	(void)snprintf(out, NR_STORE_PATH, "%s/raw/%s.duckdb", store->dir, date);
}

static int by_number(const void *va, const void *vb)
{
	const struct nr_store_day *a = *(struct nr_store_day *const *)va;
	const struct nr_store_day *b = *(struct nr_store_day *const *)vb;

	return (a->number > b->number) - (a->number < b->number);
}

static int add_day(struct nr_store *store, uint32_t number, struct nr_store_day **ret_day)
{
	struct nr_store_day *day = calloc(1, sizeof(*day));
	char date[NR_TIME_TEXT];

	if (day == NULL)
		return -ENOMEM;
	if (store->n_days == NR_STORE_DAYS_MAX) {
		free(day);
		return NR_ELIMIT;
	}
	day->number = number;
	date_of(number, date);
	(void)snprintf(day->name, sizeof(day->name), "d%.4s%.2s%.2s", date, date + 5, date + 8);
	store->days[store->n_days++] = day;
	qsort(store->days, store->n_days, sizeof(*store->days), by_number);
	if (ret_day != NULL)
		*ret_day = day;
	return 0;
}

static struct nr_store_day *find_day(const struct nr_store *store, uint32_t number)
{
	const struct nr_store_day key = { .number = number }, *at = &key;
	struct nr_store_day **found = store->n_days > 0 ? bsearch(&at, store->days, store->n_days,
								  sizeof(*store->days), by_number)
							: NULL;

	return found != NULL ? *found : NULL;
}

/* A file of this day's name, whatever it holds: empty and foreign ones are found out here, not
 * in the night they are needed. */
static int check_header(const char *path, struct nr_err *reterr)
{
	uint8_t head[12] = { 0 };
	int fd = nr_io_open(path, O_RDONLY, 0);

	if (fd < 0)
		return nr_fail(reterr, fd, "%s: %s", path, nr_err_text(fd));
	ssize_t n = nr_io_read_full(fd, head, sizeof(head));

	(void)nr_io_close(fd);
	if (n == 0)
		(void)nr_fail(reterr, NR_EDAMAGED, "the file is empty");
	else if (n < (ssize_t)sizeof(head) || memcmp(head + 8, "DUCK", 4) != 0)
		(void)nr_fail(reterr, NR_EFORMAT, "not a DuckDB file");
	else
		return 0;
	return nr_store_file_fail(reterr, path);
}

static int take_entry(struct nr_store *store, const char *name, struct nr_err *reterr)
{
	char path[NR_STORE_PATH], day_path[NR_STORE_PATH];
	struct nr_time t;
	int ret = 0;

	(void)snprintf(path, sizeof(path), "%s/raw/%s", store->dir, name);
	if (strstr(name, ".making") != NULL) { /* of a process that ended while it made one */
		if (!store->read_only)
			(void)nr_io_unlink(path);
		return 0;
	}
	if (strlen(name) != DAY_FILE || strcmp(name + 10, ".duckdb") != 0 ||
	    nr_time_parse((struct nr_str){ name, 10 }, &t) < 0)
		return 0; /* write-ahead logs of DuckDB; other files are none of our business */
	uint32_t number = (uint32_t)(nr_time_floor_s(t) / NR_STORE_DAY_S);

	nr_store_day_path(store, number, day_path);
	ret = strcmp(path, day_path) == 0 ? check_header(path, reterr) : 0;
	if (ret == 0)
		ret = add_day(store, number, NULL);
	return ret == -ENOMEM || ret == NR_ELIMIT
		       ? nr_fail(reterr, ret, "%s: too many days", store->dir)
		       : ret;
}

int nr_store_days_list(struct nr_store *store, struct nr_err *reterr)
{
	char path[NR_STORE_PATH];
	const struct dirent *entry = NULL;
	int ret = 0;

	store->days = calloc(NR_STORE_DAYS_MAX, sizeof(struct nr_store_day *));
	if (store->days == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	(void)snprintf(path, sizeof(path), "%s/raw", store->dir);
	DIR *dir = opendir(path);

	if (dir == NULL)
		return nr_fail(reterr, -errno, "%s: %s", path, nr_err_text(-errno));
	while (ret == 0 && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			ret = take_entry(store, entry->d_name, reterr);
	(void)closedir(dir);
	return ret;
}

static int sync_directory(const char *path)
{
	char dir[NR_STORE_PATH];

	(void)snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	int fd = nr_io_open(dir, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return fd;
	int ret = nr_io_fsync(fd);

	(void)nr_io_close(fd);
	return ret;
}

/* Made under another name and renamed when whole: a file that bears the right name is never
 * half-made by us. */
int nr_store_make_file(struct nr_store *store, const char *path, const char *schema,
		       const char *meta, struct nr_err *reterr)
{
	char making[NR_STORE_PATH + 8];
	int ret = 0;

	(void)snprintf(making, sizeof(making), "%s.making", path);
	(void)nr_io_unlink(making);
	ret = nr_duck_attach(store->admin, making, "making", false, reterr);
	if (ret == 0)
		ret = nr_duck_run(store->admin, "USE making", reterr);
	if (ret == 0)
		ret = nr_duck_run(store->admin, nr_store_schema(schema), reterr);
	if (ret == 0)
		ret = nr_duck_run(store->admin, meta, reterr);
	if (ret == 0)
		ret = nr_duck_run(store->admin, "CHECKPOINT making", reterr);
	nr_duck_try(store->admin, "USE memory; DETACH making"); /* it may not be there */
	if (ret == 0) {
		ret = nr_io_rename(making, path);
		if (ret == 0)
			ret = sync_directory(path);
		if (ret < 0)
			(void)nr_fail(reterr, ret, "%s: %s", path, nr_err_text(ret));
	}
	if (ret < 0)
		(void)nr_io_unlink(making);
	return ret;
}

static int make_day(struct nr_store *store, uint32_t number, struct nr_store_day **ret_day,
		    struct nr_err *reterr)
{
	char path[NR_STORE_PATH], meta[SQL];
	int ret = 0;

	nr_store_day_path(store, number, path);
	(void)snprintf(meta, sizeof(meta),
		       "INSERT INTO making.meta VALUES (%d, (%" PRIu64
		       "::UHUGEINT << 64) | %" PRIu64 "::UHUGEINT, %" PRIu32 ", 0, 0)",
		       NR_STORE_FORMAT, store->id.hi, store->id.lo, number);
	if (store->n_days == NR_STORE_DAYS_MAX)
		return nr_fail(reterr, NR_ELIMIT, "%d days of observations: delete old ones",
			       NR_STORE_DAYS_MAX);
	ret = nr_store_make_file(store, path, "day.sql", meta, reterr);
	if (ret == 0 && (ret = add_day(store, number, ret_day)) < 0)
		(void)nr_fail(reterr, ret, "%s", nr_err_text(ret));
	return ret;
}

static int check_meta(struct nr_store *store, const struct nr_store_day *day, struct nr_err *reterr)
{
	struct nr_duck_query *query = NULL;
	char sql[SQL];

	(void)snprintf(sql, sizeof(sql), "SELECT format, store, day FROM %s.meta", day->name);
	int ret = nr_duck_prepare(store->admin, sql, &query, reterr);

	if (ret == 0)
		ret = nr_duck_query_run(query, (struct nr_time){ 0 }, reterr);
	if (ret == -EIO)
		ret = nr_fail(reterr, NR_EFORMAT, "not a file of an observation store");
	if (ret == 0 && nr_duck_query_next(query) != 1)
		ret = nr_fail(reterr, NR_EDAMAGED, "it does not say what it is");
	if (ret == 0) {
		uint32_t format = *(const uint32_t *)nr_duck_query_values(query, 0);
		const struct nr_duck_u128 *id = nr_duck_query_values(query, 1);
		uint32_t number = *(const uint32_t *)nr_duck_query_values(query, 2);

		if (format != NR_STORE_FORMAT)
			ret = nr_fail(reterr, NR_EVERSION, "format %u, this program knows %d",
				      format, NR_STORE_FORMAT);
		else if (id->lo != store->id.lo || id->hi != store->id.hi)
			ret = nr_fail(reterr, NR_EFORMAT, "it belongs to another store");
		else if (number != day->number)
			ret = nr_fail(reterr, NR_EFORMAT,
				      "it holds another day than its name says");
	}
	nr_duck_query_close(query);
	return ret;
}

static void detach(struct nr_store *store, struct nr_store_day *day)
{
	char sql[SQL];

	(void)snprintf(sql, sizeof(sql), "DETACH %s", day->name);
	nr_duck_try(store->admin, sql);
	day->attached = false;
}

int nr_store_attach(struct nr_store *store, const char *path, const char *name,
		    struct nr_err *reterr)
{
	char wal[NR_STORE_PATH + 8];

	(void)snprintf(wal, sizeof(wal), "%s.wal", path);
	bool read_only = store->read_only && access(wal, F_OK) < 0;

	return nr_duck_attach(store->admin, path, name, read_only, reterr);
}

static int attach(struct nr_store *store, struct nr_store_day *day, struct nr_err *reterr)
{
	char path[NR_STORE_PATH];
	int ret = 0;

	nr_store_day_path(store, day->number, path);
	ret = nr_store_attach(store, path, day->name, reterr);
	if (ret < 0)
		return nr_store_file_fail(reterr, path);
	day->attached = true;
	ret = check_meta(store, day, reterr);
	if (ret < 0) {
		detach(store, day);
		return nr_store_file_fail(reterr, path);
	}
	return 0;
}

/* Older days that nobody uses are closed when there are many. */
static void close_some(struct nr_store *store)
{
	size_t n = 0;

	for (size_t i = store->n_days; i-- > 0;) {
		struct nr_store_day *day = store->days[i];

		if (day->attached && ++n > NR_STORE_ATTACHED && day->n_users == 0)
			detach(store, day);
	}
}

int nr_store_day_use(struct nr_store *store, uint32_t number, bool make,
		     struct nr_store_day **ret_day, struct nr_err *reterr)
{
	int ret = 0;

	pthread_mutex_lock(&store->lock);
	struct nr_store_day *day = find_day(store, number);

	if (day == NULL && !make)
		ret = -ENOENT;
	else if (day == NULL)
		ret = make_day(store, number, &day, reterr);
	if (ret == 0 && day != NULL && !day->attached)
		ret = attach(store, day, reterr);
	if (ret == 0 && day != NULL) {
		day->n_users++;
		*ret_day = day;
	}
	pthread_mutex_unlock(&store->lock);
	return ret;
}

void nr_store_day_leave(struct nr_store *store, struct nr_store_day *day)
{
	pthread_mutex_lock(&store->lock);
	day->n_users--;
	if (day->n_users == 0)
		close_some(store);
	pthread_mutex_unlock(&store->lock);
}

void nr_store_days_free(struct nr_store *store)
{
	for (size_t i = 0; i < store->n_days; i++)
		free(store->days[i]);
	free(store->days);
}

/* ---- retention ---- */

static int drop_day(struct nr_store *store, struct nr_store_day *day, struct nr_err *reterr)
{
	char path[NR_STORE_PATH], wal[NR_STORE_PATH + 4];

	nr_store_day_path(store, day->number, path);
	(void)snprintf(wal, sizeof(wal), "%s.wal", path);
	if (day->attached)
		detach(store, day);
	int ret = nr_io_unlink(path);

	if (ret < 0 && ret != -ENOENT)
		return nr_fail(reterr, ret, "%s: %s", path, nr_err_text(ret));
	(void)nr_io_unlink(wal);
	return 0;
}

int nr_store_retain(struct nr_store *store, struct nr_time before, uint64_t *ret_days,
		    struct nr_err *reterr)
{
	int64_t second = nr_time_floor_s(before);
	uint32_t first = second <= 0 ? 0 : (uint32_t)(second / NR_STORE_DAY_S);
	size_t n = 0;
	uint64_t dropped = 0;
	int ret = 0;

	pthread_mutex_lock(&store->lock);
	if (first > store->first_day)
		store->first_day = first; /* what comes later for these days is refused */
	for (size_t i = 0; i < store->n_days; i++) {
		struct nr_store_day *day = store->days[i];

		/* One in use stays until next time. */
		if (ret == 0 && day->number < first && day->n_users == 0 && day->con == NULL &&
		    (ret = drop_day(store, day, reterr)) == 0) {
			free(day);
			dropped++;
			continue;
		}
		store->days[n++] = day;
	}
	store->n_days = n;
	pthread_mutex_unlock(&store->lock);
	if (ret == 0)
		*ret_days = dropped;
	return ret;
}
