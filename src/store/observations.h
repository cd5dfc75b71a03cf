/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * observations: where a hub's observations can be asked for: a small struct of functions, DuckDB
 * behind it.
 *
 * Derived   all of it can be rebuilt from the journal. Each file holds the journal place it
 *           contains, in the same transaction: what was added again after a crash is recognised by
 *           its place and left out.
 * Files     DIR/raw/2026-11-20.duckdb, a day of event time each; DIR/rollup.duckdb. Deleting a day
 *           is deleting a file.
 * Roll-ups  minute, hour, day by (label group, sensor, kind of key, key): packets, bytes, flows,
 *           sources as a mergeable sketch (store/duck/sketch.h). Keys: proto+port, economy, AS, class,
 *           sensor, by the hour economy+port, and the most active sources of the hour.
 * Queries   every statement stands in src/store/duck/queries/NAME.sql with $named parameters; nothing
 *           is glued together.
 * Threads   add and commit: one thread. query: any number (each its own connection).
 * Limits    memory_bytes for DuckDB in all; a query stops at its deadline, its rows and its memory
 * Errors    NR_EDAMAGED and NR_EVERSION name the file and what to do (`noroshi store rebuild`)
 */
#include "base/json.h"
#include "record/entry.h"
#include "record/observation.h"

/** What the hub knows of an address; store knows no prefix data itself. */
struct nr_store_place {
	uint32_t asn;	 /* 0: unknown */
	char economy[3]; /* "": unknown */
};

struct nr_store_options {
	const char *dir;
	uint64_t memory_bytes; /* 0: 256 MiB */
	unsigned threads;      /* 0: 2 */
	bool read_only;
	void (*locate)(void *ctx, struct nr_ip ip, struct nr_store_place *ret_place);
	void *locate_ctx;
};

struct nr_store;

/** One observation of one sensor: what the store takes and gives. */
struct nr_store_row {
	uint64_t at;	 /* journal place of its batch */
	uint32_t row;	 /* in the batch, in the store's own order (store/duck/order.h) */
	uint32_t sensor; /* the store's own small number: nr_store_sensor() */
	struct nr_observation obs;
};

NR_MUST_CHECK int nr_store_open(const struct nr_store_options *options, struct nr_store **ret_store,
				struct nr_err *reterr);
struct nr_store *nr_store_close(struct nr_store *store);
/** Everything up to this place is in: go on reading the journal behind it. Days differ; this is
 * the smallest that matters. */
uint64_t nr_store_at(const struct nr_store *store);
/** Number of a sensor, made when new. */
NR_MUST_CHECK int nr_store_sensor(struct nr_store *store, struct nr_uuid sensor,
				  uint32_t *ret_number);

/** Of a number in struct nr_store_row. Any thread. @return 0; -ENOENT */
NR_MUST_CHECK int nr_store_sensor_id(struct nr_store *store, uint32_t number,
				     struct nr_uuid *ret_sensor);

/** Take an entry of the journal, in order; batches are decoded here, other types only move the
 * place. Buffered. */
NR_MUST_CHECK int nr_store_add(struct nr_store *store, const struct nr_entry *entry,
			       struct nr_err *reterr);
/** Write what is buffered in one transaction a file. About once a second. */
NR_MUST_CHECK int nr_store_commit(struct nr_store *store, struct nr_err *reterr);

/** Commit, and bring the roll-ups up to here too: before a pause, at the end. They are
 * otherwise some commits behind. */
NR_MUST_CHECK int nr_store_settle(struct nr_store *store, struct nr_err *reterr);
/** Rows left out because their time cannot be true or their day is retired, and batches nobody
 * can read. */
uint64_t nr_store_refused(const struct nr_store *store);

/* ---- asking ---- */
struct nr_store_filter {
	struct nr_time since, until; /* event time, [since, until) */
	uint64_t after_at; /* cursor: rows behind (after_at, after_row) in order of (at, row) */
	uint32_t after_row;
	uint64_t limit;		/* 1..100,000 */
	const uint8_t *sensors; /* NULL: all; else n_sensors UUIDs */
	size_t n_sensors;
	struct nr_prefix src; /* len 0 and has_src false: all */
	bool has_src, has_port;
	uint16_t port;
	int timeout_ms;
};
/** Calls @p row in order of (at, row). @return rows given; -ETIMEDOUT; what @p row returned
 * when negative */
NR_MUST_CHECK int64_t nr_store_rows(struct nr_store *store, const struct nr_store_filter *filter,
				    int (*row)(void *ctx, const struct nr_store_row *row),
				    void *ctx, struct nr_err *reterr);

/** A file of rows: where, how many, and behind which row the next ones stand. */
struct nr_store_file {
	char path[512];
	uint64_t rows, at;
	uint32_t row;
};
/**
 * The same rows as nr_store_rows() would give, as a Parquet file in the store's tmp; who asked unlinks it,
 * else the next start does. @return 0; -ETIMEDOUT; NR_ELIMIT
 */
NR_MUST_CHECK int nr_store_parquet(struct nr_store *store, const struct nr_store_filter *filter,
				   struct nr_store_file *ret_file, struct nr_err *reterr);

enum nr_store_cell { NR_CELL_NULL, NR_CELL_I64, NR_CELL_F64, NR_CELL_TEXT, NR_CELL_TIME };
struct nr_store_value {
	uint8_t kind; /* enum nr_store_cell */
	int64_t i64;
	double f64;
	struct nr_str text;
};
struct nr_store_param {
	const char *name;
	struct nr_store_value value;
};
/** One of the named statements; column names are in the first call with row 0 (values are
 * text), data from row 1. */
NR_MUST_CHECK int64_t nr_store_query(struct nr_store *store, const char *name,
				     const struct nr_store_param *params, size_t n_params,
				     int timeout_ms,
				     int (*row)(void *ctx, uint64_t row,
						const struct nr_store_value *values, size_t n),
				     void *ctx, struct nr_err *reterr);
/** NULL-terminated names of the statements, with the first comment line of each as its help. */
struct nr_store_named {
	const char *name, *help;
};
extern const struct nr_store_named nr_store_queries[];

/* ---- care ---- */
struct nr_store_report {
	uint64_t days, rows, bytes, at;
};
NR_MUST_CHECK int nr_store_check(const char *dir, struct nr_store_report *ret_report,
				 struct nr_err *reterr);
/** Delete days before @p before. */
NR_MUST_CHECK int nr_store_retain(struct nr_store *store, struct nr_time before, uint64_t *ret_days,
				  struct nr_err *reterr);
