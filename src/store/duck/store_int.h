/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * store_int: what the files of the observation store share.
 *
 * Numbered invariants
 *   1  A day file holds exactly the rows of its day of all entries up to its own `at`; the roll-up
 *      file exactly all sums of all entries up to its `at`. Both are written with their `at` in
 *      one transaction.
 *   2  The roll-up file is written last: its `at` is the smallest, and reading goes on behind it.
 *   3  Rows stand in a day file in order of (at, row).
 *   4  The table of days grows and shrinks under `lock` only; what an entry of it points to is
 *      freed when nobody uses it.
 */
#include <pthread.h>

#include "store/duck/duck.h"
#include "store/duck/rollup.h"
#include "store/figures.h"

#define NR_STORE_EXPORT "export-" /* files in tmp that somebody takes away */

enum {
	NR_STORE_FORMAT = 1, /* of day files */
	NR_STORE_SUMS_FORMAT = 2,
	NR_STORE_DAYS_MAX = 4096,
	NR_STORE_ATTACHED = 3, /* days kept open when nobody uses them */
	NR_STORE_DAY_S = 86400,
	NR_STORE_NAME = 16,
	NR_STORE_PATH = 4096,
	NR_STORE_SENSORS = 65536,
};

struct nr_store_day {
	uint32_t number; /* days since 1970 */
	char name[NR_STORE_NAME];
	bool attached;
	unsigned n_users;
	/* the writer's */
	struct nr_duck_con *con; /* NULL: not written to at present */
	struct nr_duck_append *append;
	size_t n_chunk;
	bool writing;	/* its transaction is open */
	uint64_t at;	/* in the file */
	uint64_t n_new; /* rows in the transaction */
};

struct nr_store_sensor_row {
	struct nr_uuid id;
	uint32_t number;
	uint32_t newest, seen; /* minutes of the newest row: in the sums, and added since */
};

struct nr_store {
	char *dir;
	struct nr_duck *duck;
	bool read_only;
	struct nr_duck_u128 id;
	void (*locate)(void *ctx, struct nr_ip ip, struct nr_store_place *ret_place);
	void *locate_ctx;

	pthread_mutex_t lock; /* days, admin, sensors, what of the sums others may know */
	struct nr_duck_con *admin;
	struct nr_store_day **days; /* rising */
	size_t n_days;

	struct nr_duck_con *rollup_con; /* the writer's */
	struct nr_store_sensor_row *sensors;
	size_t n_sensors;
	struct nr_batch_decoder *decoder;
	struct nr_store_work *work;
	struct nr_rollup *rollup;
	unsigned n_commits; /* since the sums were written */
	uint64_t read_at;   /* of the last entry added */
	uint64_t commit_at; /* in all day files */
	uint64_t rollup_at;
	uint64_t refused;
	uint32_t first_day, hours_end, days_end;
	uint64_t sums_changes;	/* under the lock: how often sums were written */
	uint32_t sums_days_end; /* under the lock: days_end as it was written */
	uint32_t newest;	/* second of the newest row */
	int failed;
};

/* store.c */
/** 0: not one of ours */
uint32_t nr_store_sensor_known(struct nr_store *store, struct nr_uuid sensor);

/* days.c */
int nr_store_days_list(struct nr_store *store, struct nr_err *reterr);
/** Open the file of a day, made when absent and @p make; the caller gives it back. @return 0;
 * -ENOENT */
int nr_store_day_use(struct nr_store *store, uint32_t number, bool make,
		     struct nr_store_day **ret_day, struct nr_err *reterr);
void nr_store_day_leave(struct nr_store *store, struct nr_store_day *day);
void nr_store_days_free(struct nr_store *store);
int nr_store_make_file(struct nr_store *store, const char *path, const char *schema,
		       const char *meta, struct nr_err *reterr);
void nr_store_day_path(const struct nr_store *store, uint32_t number, char *out);
/** Attach a file of the store. What a killed writer left in its log can only be taken in by writing. */
int nr_store_attach(struct nr_store *store, const char *path, const char *name,
		    struct nr_err *reterr);
/** Words for what a damaged, foreign or newer file means. */
int nr_store_file_fail(struct nr_err *reterr, const char *path);
const char *nr_store_schema(const char *name);

/* write.c */
struct nr_store_work *nr_store_work_free(struct nr_store_work *work);
void nr_store_writers_close(struct nr_store *store);
int nr_store_days_commit(struct nr_store *store, struct nr_err *reterr);

/* ask.c */
/** A connection on which `raw` is the days of [since, until); the days used are in @p ret_days. */
struct nr_store_asking {
	struct nr_duck_con *con;
	struct nr_store_day **days;
	size_t n_days;
};
int nr_store_ask_open(struct nr_store *store, int64_t since, int64_t until,
		      struct nr_store_asking *ret_asking, struct nr_err *reterr);
void nr_store_ask_close(struct nr_store *store, struct nr_store_asking *asking);
/** $src_lo, $src_hi, $src6_lo, $src6_hi. */
int nr_store_bind_source(struct nr_duck_query *query, bool has_src, struct nr_prefix src);

/* named.c */
/** Names of the columns, then the rows. @return rows; NR_ELIMIT; what @p row returned */
int64_t nr_store_give(struct nr_duck_query *query, nr_figures_row *row, void *ctx);
