/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit chain: chain(n) = digest(chain(n-1) || n, time, then each text with its length before
 * it).
 * Rows are never changed (triggers refuse it), and what is changed beside SQLite is found by
 * verify.
 */
#include <stdio.h>

#include "base/cursor.h"
#include "store/registry/registry_int.h"

enum { FIELDS_MAX = 1 << 16, ACTOR_MAX = 160 };

static void add_u64(struct nr_buf *out, uint64_t v)
{
	uint8_t b[8];

	for (size_t i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)(v >> (8 * i));
	nr_buf_add(out, b, sizeof(b));
}

struct row {
	uint64_t sequence;
	int64_t at_ns;
	struct nr_str text[4]; /* actor, action, object, detail */
};

static int chain_of(const struct nr_digest *before, const struct row *row,
		    struct nr_digest *ret_chain)
{
	struct nr_buf fields;
	int ret;

	nr_buf_init(&fields, FIELDS_MAX);
	add_u64(&fields, row->sequence);
	add_u64(&fields, (uint64_t)row->at_ns);
	for (size_t i = 0; i < NR_COUNT(row->text); i++) {
		add_u64(&fields, row->text[i].n);
		nr_buf_add_str(&fields, row->text[i]);
	}
	ret = fields.err;
	if (ret == 0)
		*ret_chain = nr_digest_join(before->b, sizeof(before->b), fields.p, fields.n);
	nr_buf_done(&fields);
	return ret;
}

static int last_of(struct nr_registry *registry, uint64_t *ret_sequence,
		   struct nr_digest *ret_chain, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(
		registry, "SELECT sequence, chain FROM audit ORDER BY sequence DESC LIMIT 1", &stmt,
		reterr);

	if (ret < 0)
		return ret;
	*ret_sequence = 0;
	*ret_chain = (struct nr_digest){ 0 };
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0) {
		*ret_sequence = (uint64_t)sqlite3_column_int64(stmt, 0);
		(void)nr_registry_get_blob(stmt, 1, ret_chain->b, sizeof(ret_chain->b));
	}
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

/*
 * Who acted, and behind an @ for which member: part of what is chained, in a form that version 1 of
 * the registry has too.
 */
static void print_actor(const struct nr_registry_act *act, char out[ACTOR_MAX])
{
	char member[NR_UUID_TEXT];

	nr_uuid_print(act->member, member);
	(void)snprintf(out, ACTOR_MAX, "%.*s%s%s", ACTOR_MAX - NR_UUID_TEXT - 1, act->actor,
		       nr_uuid_eq(act->member, (struct nr_uuid){ 0 }) ? "" : "@",
		       nr_uuid_eq(act->member, (struct nr_uuid){ 0 }) ? "" : member);
}

int nr_registry_note(struct nr_registry *registry, const struct nr_registry_act *act,
		     const char *action, const char *object, const char *detail,
		     struct nr_err *reterr)
{
	struct nr_digest before, chain;
	sqlite3_stmt *stmt;
	char actor[ACTOR_MAX];
	struct row row = { .at_ns = act->now.ns };
	int ret = last_of(registry, &row.sequence, &before, reterr);

	if (ret < 0)
		return ret;
	print_actor(act, actor);
	row.text[0] = nr_str_from(actor);
	row.text[1] = nr_str_from(action);
	row.text[2] = nr_str_from(object);
	row.text[3] = nr_str_from(detail);
	row.sequence++;
	ret = chain_of(&before, &row, &chain);
	if (ret < 0)
		return nr_fail(reterr, ret, "audit: %s", nr_err_text(ret));
	ret = nr_registry_prepare(registry, "INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
				  &stmt, reterr);
	if (ret < 0)
		return ret;
	nr_registry_bind_i64(stmt, 1, (int64_t)row.sequence);
	nr_registry_bind_i64(stmt, 2, row.at_ns);
	for (int i = 0; i < (int)NR_COUNT(row.text); i++)
		nr_registry_bind_str(stmt, 3 + i, row.text[i]);
	nr_registry_bind_blob(stmt, 7, chain.b, sizeof(chain.b));
	return nr_registry_run(registry, stmt, reterr);
}

int nr_registry_audit(struct nr_registry *registry, const struct nr_registry_act *act,
		      const char *action, const char *object, const char *detail,
		      struct nr_err *reterr)
{
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = nr_registry_note(registry, act, action, object, detail, reterr);
	return nr_registry_end(registry, ret, reterr);
}

static struct nr_str column_str(sqlite3_stmt *stmt, int i)
{
	const char *text = (const char *)sqlite3_column_text(stmt, i);

	return (struct nr_str){ text != NULL ? text : "", (size_t)sqlite3_column_bytes(stmt, i) };
}

static int verify_rows(struct nr_registry *registry, sqlite3_stmt *stmt, uint64_t *ret_rows,
		       struct nr_err *reterr)
{
	struct nr_digest chain = { 0 }, said, want;
	int ret;

	while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
		const uint64_t expected = *ret_rows + 1;
		struct row row = { .sequence = (uint64_t)sqlite3_column_int64(stmt, 0),
				   .at_ns = sqlite3_column_int64(stmt, 1) };

		for (int i = 0; i < (int)NR_COUNT(row.text); i++)
			row.text[i] = column_str(stmt, 2 + i);
		if (row.sequence != expected || chain_of(&chain, &row, &want) < 0 ||
		    !nr_registry_get_blob(stmt, 6, said.b, sizeof(said.b)) ||
		    !nr_digest_eq(&said, &want))
			return nr_fail(reterr, NR_EDAMAGED,
				       "audit: row %llu does not fit to what stands before it",
				       (unsigned long long)expected);
		chain = want;
		(*ret_rows)++;
	}
	return ret;
}

int nr_registry_audit_verify(struct nr_registry *registry, uint64_t *ret_rows,
			     struct nr_err *reterr)
{
	sqlite3_stmt *stmt;

	*ret_rows = 0;
	nr_registry_hold(registry);
	int ret =
		nr_registry_prepare(registry,
				    "SELECT sequence, at_ns, actor, action, object, detail, chain "
				    "FROM audit ORDER BY sequence",
				    &stmt, reterr);

	if (ret == 0) {
		ret = verify_rows(registry, stmt, ret_rows, reterr);
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret;
}
