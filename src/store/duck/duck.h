/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * duck: DuckDB behind one header: the only room that knows its C API.
 *
 * Loading   libduckdb.so (64 MB) is loaded by the first nr_duck_open(), not by the program's
 *           start, from $NOROSHI_DUCKDB, else from lib/noroshi beside the program or up to three
 *           folders above it, else from the system. It stays loaded.
 * Instance  one a store, all in memory itself; files are attached to it by name. It reads and
 *           writes under one directory only, loads no extension, and its settings are locked.
 * Threads   an instance: any. A connection, appender or statement: one at a time.
 * Errors    -EBUSY another process holds the file; NR_EFORMAT no DuckDB file; NR_EVERSION of a
 *           newer DuckDB; NR_EDAMAGED; NR_ELIMIT its memory is used up; -ETIMEDOUT; -ENOSPC;
 *           -ENOSYS no library; -EIO the rest. Messages are DuckDB's first line, escaped.
 * Source    DuckDB 1.4 C API, duckdb.h
 */
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

struct nr_duck;
struct nr_duck_con;
struct nr_duck_append;
struct nr_duck_query;

/** DuckDB's UHUGEINT in memory. */
struct nr_duck_u128 {
	uint64_t lo, hi;
};
struct nr_duck_blob {
	const uint8_t *p; /* lives as long as the chunk */
	size_t n;
};

enum nr_duck_type {
	NR_DUCK_U8,
	NR_DUCK_U16,
	NR_DUCK_U32,
	NR_DUCK_U64,
	NR_DUCK_I64,
	NR_DUCK_U128,
	NR_DUCK_F64,
	NR_DUCK_TEXT,
	NR_DUCK_BLOB,
	NR_DUCK_TIME, /* results only: TIMESTAMP_NS, ns since 1970 */
	NR_DUCK_OTHER,
};

struct nr_duck_options {
	const char *
		/* the only directory it touches; DIR/tmp holds what does not fit into memory */
		dir;
	uint64_t memory_bytes;
	unsigned threads;
};

NR_MUST_CHECK int nr_duck_open(const struct nr_duck_options *options, struct nr_duck **ret_duck,
			       struct nr_err *reterr);
/** All connections must be closed before. @p duck may be NULL */
struct nr_duck *nr_duck_close(struct nr_duck *duck);
const char *nr_duck_version(const struct nr_duck *duck); /* of the library: "v1.4.4" */

NR_MUST_CHECK int nr_duck_connect(struct nr_duck *duck, struct nr_duck_con **ret_con,
				  struct nr_err *reterr);
struct nr_duck_con *nr_duck_disconnect(struct nr_duck_con *con);
/** Statements of ours without parameters and results. */
NR_MUST_CHECK int nr_duck_run(struct nr_duck_con *con, const char *sql, struct nr_err *reterr);
/** The same where failing does no harm. */
void nr_duck_try(struct nr_duck_con *con, const char *sql);
/** One number, the first of the first row; 0 when there is none. */
NR_MUST_CHECK int nr_duck_number(struct nr_duck_con *con, const char *sql, uint64_t *ret_number,
				 struct nr_err *reterr);
/** @p name is an identifier of ours; @p path may hold anything. Created when absent and not @p
 * read_only. */
NR_MUST_CHECK int nr_duck_attach(struct nr_duck_con *con, const char *path, const char *name,
				 bool read_only, struct nr_err *reterr);

/* ---- writing in columns ---- */

/** To table @p table of the attached @p database; @p types of its columns, in order. */
NR_MUST_CHECK int nr_duck_append_open(struct nr_duck_con *con, const char *database,
				      const char *table, const uint8_t *types, size_t n_types,
				      struct nr_duck_append **ret_append, struct nr_err *reterr);
struct nr_duck_append *nr_duck_append_close(struct nr_duck_append *append);
enum { NR_DUCK_CHUNK = 2048 };
/** Where the column's values of the chunk at work go: NR_DUCK_CHUNK of them. */
void *nr_duck_append_column(struct nr_duck_append *append, size_t column);
void nr_duck_append_null(struct nr_duck_append *append, size_t column, size_t row);
void nr_duck_append_bytes(struct nr_duck_append *append, size_t column, size_t row, const void *p,
			  size_t n);
/** Hand over the chunk at work with @p n rows and begin the next. */
NR_MUST_CHECK int nr_duck_append_chunk(struct nr_duck_append *append, size_t n,
				       struct nr_err *reterr);
/** All chunks into the transaction of the connection. */
NR_MUST_CHECK int nr_duck_append_flush(struct nr_duck_append *append, struct nr_err *reterr);

/* ---- asking ---- */

NR_MUST_CHECK int nr_duck_prepare(struct nr_duck_con *con, const char *sql,
				  struct nr_duck_query **ret_query, struct nr_err *reterr);
struct nr_duck_query *nr_duck_query_close(struct nr_duck_query *query);
/** Parameters by name; a name the statement lacks is no error. */
NR_MUST_CHECK int nr_duck_bind_i64(struct nr_duck_query *query, const char *name, int64_t value);
NR_MUST_CHECK int nr_duck_bind_u128(struct nr_duck_query *query, const char *name,
				    struct nr_duck_u128 value);
NR_MUST_CHECK int nr_duck_bind_text(struct nr_duck_query *query, const char *name,
				    struct nr_str value);
NR_MUST_CHECK int nr_duck_bind_null(struct nr_duck_query *query, const char *name);
/** With a deadline @p gone is asked too, every few milliseconds: true ends it, -ECANCELED. */
void nr_duck_query_watch(struct nr_duck_query *query, bool (*gone)(void *ctx), void *ctx);
/** Run to the end; the result stays in memory. At @p deadline (monotonic; 0: none) it is
 * interrupted: -ETIMEDOUT. */
NR_MUST_CHECK int nr_duck_query_run(struct nr_duck_query *query, struct nr_time deadline,
				    struct nr_err *reterr);
size_t nr_duck_query_columns(const struct nr_duck_query *query);
const char *nr_duck_query_name(struct nr_duck_query *query, size_t column);
enum nr_duck_type nr_duck_query_type(const struct nr_duck_query *query, size_t column);
/** The next rows of the result. @return how many; 0 at the end */
size_t nr_duck_query_next(struct nr_duck_query *query);
const void *nr_duck_query_values(const struct nr_duck_query *query, size_t column);
bool nr_duck_query_is_null(const struct nr_duck_query *query, size_t column, size_t row);
/** Of a TEXT or BLOB column; lives until the next nr_duck_query_next(). */
struct nr_duck_blob nr_duck_query_bytes(const struct nr_duck_query *query, size_t column,
					size_t row);

/* ---- functions of ours in its statements ---- */

/**
 * sources(BLOB) -> UBIGINT, merge_sources(BLOB) -> BLOB: of sketches (sketch.h); count_sources(UINTEGER,
 * UHUGEINT) -> UBIGINT: of addresses, the same estimate, sketch_sources() of them -> BLOB; reached(x, m):
 * the m-th largest, NULL when there are fewer; address(UINTEGER, UHUGEINT) -> VARCHAR.
 */
NR_MUST_CHECK int nr_duck_functions(struct nr_duck_con *con, struct nr_err *reterr);
