/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file registry_int: what the files of the registry share: statements, transactions, the audit
 * chain.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "record/label.h"
#include "store/registry.h"

struct nr_registry {
	sqlite3 *db;
	pthread_mutex_t lock; /* one connection: calls wait for each other */
	_Atomic uint64_t changes, standing;
	bool moves; /* a statement of this transaction changes who is who: registry_who.h */
};

/** Take the lock and begin to write; nr_registry_end() always follows when it returned 0. */
NR_MUST_CHECK int nr_registry_begin(struct nr_registry *registry, struct nr_err *reterr);
/**
 * Commit when @p ret >= 0, else roll back; release the lock. @return @p ret, or why it could not
 * commit
 */
NR_MUST_CHECK int nr_registry_end(struct nr_registry *registry, int ret, struct nr_err *reterr);
/** Lock and unlock for reading. */
void nr_registry_hold(struct nr_registry *registry);
void nr_registry_let(struct nr_registry *registry);

/** Words and code of SQLite's last error. */
int nr_registry_fail(struct nr_registry *registry, const char *doing, struct nr_err *reterr);
NR_MUST_CHECK int nr_registry_prepare(struct nr_registry *registry, const char *sql,
				      sqlite3_stmt **ret_stmt, struct nr_err *reterr);
/** @return 1 a row; 0 the end; negative */
NR_MUST_CHECK int nr_registry_step(struct nr_registry *registry, sqlite3_stmt *stmt,
				   struct nr_err *reterr);
/** Step to the end and finalize. @return 0; negative */
NR_MUST_CHECK int nr_registry_run(struct nr_registry *registry, sqlite3_stmt *stmt,
				  struct nr_err *reterr);
void nr_registry_bind_text(sqlite3_stmt *stmt, int i, const char *text);
void nr_registry_bind_str(sqlite3_stmt *stmt, int i, struct nr_str s);
void nr_registry_bind_blob(sqlite3_stmt *stmt, int i, const void *p, size_t n);
void nr_registry_bind_i64(sqlite3_stmt *stmt, int i, int64_t v);
/** Column as text of at most cap - 1 bytes; NULL is "". */
void nr_registry_get_text(sqlite3_stmt *stmt, int i, char *out, size_t cap);
/** @return false when the column has another size: then @p out is zero */
bool nr_registry_get_blob(sqlite3_stmt *stmt, int i, void *out, size_t n);
/** ns; NULL is 0 */
struct nr_time nr_registry_get_time(sqlite3_stmt *stmt, int i);

/* ---- statements with what is bound to them ---- */

struct nr_registry_arg {
	enum { NR_ARG_NULL, NR_ARG_I64, NR_ARG_TEXT, NR_ARG_UUID } kind;
	int64_t i64;
	const char *text;
	struct nr_uuid uuid;
};
#define NR_ARG_OF_I64(v)  ((struct nr_registry_arg){ .kind = NR_ARG_I64, .i64 = (v) })
#define NR_ARG_OF_TEXT(v) ((struct nr_registry_arg){ .kind = NR_ARG_TEXT, .text = (v) })
#define NR_ARG_OF_UUID(v) ((struct nr_registry_arg){ .kind = NR_ARG_UUID, .uuid = (v) })
/** The arguments of a statement, ?1 first: sets name and n_name. */
#define NR_ARGS(...)                                     \
	(const struct nr_registry_arg[]){ __VA_ARGS__ }, \
		NR_COUNT(((struct nr_registry_arg[]){ __VA_ARGS__ }))

/** Prepare and bind: step it, then sqlite3_finalize(). */
NR_MUST_CHECK int nr_registry_ask(struct nr_registry *registry, const char *sql,
				  const struct nr_registry_arg *args, size_t n_args,
				  sqlite3_stmt **ret_stmt, struct nr_err *reterr);
/** Prepare, bind, run. @return how many rows it changed; negative */
NR_MUST_CHECK int nr_registry_change(struct nr_registry *registry, const char *sql,
				     const struct nr_registry_arg *args, size_t n_args,
				     struct nr_err *reterr);
/** First column of the first row; 0 when there is none. */
NR_MUST_CHECK int nr_registry_number(struct nr_registry *registry, const char *sql,
				     const struct nr_registry_arg *args, size_t n_args,
				     int64_t *ret_value, struct nr_err *reterr);

/** First column of the first row as a UUID; zero when there is none. Takes the lock. */
NR_MUST_CHECK int nr_registry_uuid_of(struct nr_registry *registry, const char *sql,
				      const char *name, struct nr_uuid *ret_uuid,
				      struct nr_err *reterr);
/** Makes nr_allows() known to a connection: store/registry_label.h. */
NR_MUST_CHECK int nr_registry_allows_add(struct nr_registry *registry, struct nr_err *reterr);
/** The viewer that nr_allows() asks about; it must live until the statement is finalized. */
void nr_registry_bind_viewer(sqlite3_stmt *stmt, int i, const struct nr_viewer *viewer);
/** Bring forward to NR_REGISTRY_VERSION. */
NR_MUST_CHECK int nr_registry_migrate(struct nr_registry *registry, struct nr_err *reterr);
/** Open and make safe, whatever the version. */
NR_MUST_CHECK int nr_registry_connect(const char *path, struct nr_registry **ret_registry,
				      struct nr_err *reterr);
NR_MUST_CHECK int nr_registry_run_sql(struct nr_registry *registry, const char *sql,
				      struct nr_err *reterr);

/** SQLite's authorizer: refuses nothing, notes what a statement will change. */
int nr_registry_watch(void *ctx, int action, const char *table, const char *column,
		      const char *database, const char *trigger);

/* label.c: labels of what people say; inside a transaction */

/** As nr_registry_label_complete(). */
NR_MUST_CHECK int nr_registry_label_parties(struct nr_registry *registry, struct nr_label *label,
					    struct nr_err *reterr);
/** A label as a row: @p ret_uuid is the row's. @return 0; NR_EUSAGE it has no TLP */
NR_MUST_CHECK int nr_registry_label_put(struct nr_registry *registry, const struct nr_label *label,
					struct nr_time now, struct nr_uuid *ret_uuid,
					struct nr_err *reterr);
/** From the columns label.owner and label.json. @return false: it cannot be read, *ret_label is zero */
bool nr_registry_get_label(sqlite3_stmt *stmt, int owner, int text, struct nr_label *ret_label);
/** The same of a thing that has its owner's default when there is none. */
struct nr_label nr_registry_get_own_label(sqlite3_stmt *stmt, int owner, int text);

/** A row of the audit chain, inside a transaction. */
NR_MUST_CHECK int nr_registry_note(struct nr_registry *registry, const struct nr_registry_act *act,
				   const char *action, const char *object, const char *detail,
				   struct nr_err *reterr);
/* token.c, inside a transaction */
NR_MUST_CHECK int nr_registry_token_insert(struct nr_registry *registry,
					   const struct nr_registry_token *token,
					   const struct nr_registry_act *act,
					   struct nr_err *reterr);
/** @return 0; -ENOENT */
NR_MUST_CHECK int nr_registry_token_at(struct nr_registry *registry,
				       const uint8_t selector[NR_TOKEN_SELECTOR],
				       struct nr_registry_token *ret_token, struct nr_err *reterr);
/** A role that users and tokens can have, as the table spells it; NR_ROLE_NOBODY, "": none. */
uint8_t nr_registry_role_of(const char *name);
const char *nr_registry_role_name(uint8_t role);
/** 1..63 of a-z A-Z 0-9 . _ -, not a dot first. */
NR_MUST_CHECK int nr_registry_check_name(const char *name, struct nr_err *reterr);

/* may_know.c: what SQL may ask of the policy, by pointers bound under these names */
#define NR_REGISTRY_VIEW   "nr_registry_view"
#define NR_REGISTRY_PREFIX "nr_prefix"
struct nr_registry_view {
	const struct nr_scope *scope;
	struct nr_time now;
};
NR_MUST_CHECK int nr_registry_may_know_add(struct nr_registry *registry, struct nr_err *reterr);
