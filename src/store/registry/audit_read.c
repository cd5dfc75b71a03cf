/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "store/registry/registry_int.h"
#include "store/registry_audit.h"

/* ---- rows ---- */

static struct nr_str column_str(sqlite3_stmt *stmt, int i)
{
	const char *text = (const char *)sqlite3_column_text(stmt, i);

	return (struct nr_str){ text != NULL ? text : "", (size_t)sqlite3_column_bytes(stmt, i) };
}

/* "user:alice@UUID": audit.c puts it together. */
static void split_actor(struct nr_registry_audit_row *row)
{
	const size_t tail = NR_UUID_TEXT; /* the @ instead of the NUL */
	struct nr_str *actor = &row->actor;

	if (actor->n < tail || actor->p[actor->n - tail] != '@')
		return;
	struct nr_str uuid = { actor->p + actor->n - tail + 1, tail - 1 };

	if (nr_uuid_parse(uuid, &row->member) == 0)
		actor->n -= tail;
}

static void read_row(sqlite3_stmt *stmt, struct nr_registry_audit_row *row)
{
	*row = (struct nr_registry_audit_row){
		.sequence = (uint64_t)sqlite3_column_int64(stmt, 0),
		.at = nr_registry_get_time(stmt, 1),
		.actor = column_str(stmt, 2),
		.action = column_str(stmt, 3),
		.object = column_str(stmt, 4),
		.detail = column_str(stmt, 5),
	};
	nr_registry_get_text(stmt, 6, row->member_name, sizeof(row->member_name));
	split_actor(row);
}

/* The name is found by the text of the UUID, which member.uuid holds as bytes. */
#define COLUMNS                                                                                        \
	"SELECT a.sequence, a.at_ns, a.actor, a.action, a.object, a.detail, (SELECT name FROM member " \
	"WHERE lower(hex(uuid)) = replace(substr(a.actor, -36), '-', '')) FROM audit a "

int64_t nr_registry_audit_rows(struct nr_registry *registry, const struct nr_uuid *member,
			       uint64_t after, uint64_t limit,
			       int (*each)(void *ctx, const struct nr_registry_audit_row *row),
			       void *ctx, struct nr_err *reterr)
{
	char whose[NR_UUID_TEXT + 1] = "@";
	sqlite3_stmt *stmt;
	int64_t n = 0;

	if (member != NULL)
		nr_uuid_print(*member, whose + 1);
	nr_registry_hold(registry);
	int ret = nr_registry_ask(registry,
				  member == NULL
					  ? COLUMNS "WHERE a.sequence > ?1 ORDER BY a.sequence "
						    "LIMIT ?2"
					  : COLUMNS "WHERE substr(a.actor, -37) = ?3 AND "
						    "a.sequence > ?1 ORDER BY a.sequence LIMIT ?2",
				  NR_ARGS(NR_ARG_OF_I64((int64_t)after),
					  NR_ARG_OF_I64((int64_t)limit), NR_ARG_OF_TEXT(whose)),
				  &stmt, reterr);

	if (ret == 0) {
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			struct nr_registry_audit_row row;

			read_row(stmt, &row);
			ret = each(ctx, &row);
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}

/* ---- head ---- */

int nr_registry_audit_head(struct nr_registry *registry, uint64_t at,
			   struct nr_registry_audit_head *ret_head, struct nr_err *reterr)
{
	struct nr_registry_audit_head head = { 0 };
	sqlite3_stmt *stmt;

	nr_registry_hold(registry);
	int ret = nr_registry_ask(
		registry,
		at == 0 ? "SELECT sequence, chain FROM audit ORDER BY sequence DESC "
			  "LIMIT 1"
			: "SELECT sequence, chain FROM audit WHERE sequence = ?1",
		NR_ARGS(NR_ARG_OF_I64((int64_t)at)), &stmt, reterr);

	/* Without ?1 in it a statement takes no argument; SQLite says so and binds nothing. */
	if (ret == 0) {
		ret = nr_registry_step(registry, stmt, reterr);
		if (ret > 0) {
			head.rows = (uint64_t)sqlite3_column_int64(stmt, 0);
			if (!nr_registry_get_blob(stmt, 1, head.chain.b, sizeof(head.chain.b)))
				ret = nr_fail(reterr, NR_EDAMAGED, "audit: row %llu has no chain",
					      (unsigned long long)head.rows);
		} else if (ret == 0) {
			ret = nr_fail(reterr, -ENOENT, "audit: there is no such row");
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	if (ret < 0)
		return ret;
	*ret_head = head;
	return 0;
}

int nr_registry_audit_holds(struct nr_registry *registry, const struct nr_registry_audit_head *head,
			    struct nr_err *reterr)
{
	struct nr_registry_audit_head here;
	int ret = nr_registry_audit_head(registry, head->rows, &here, reterr);

	if (ret == -ENOENT)
		return nr_fail(reterr, NR_EDAMAGED,
			       "audit: the chain is shorter than it was: row %llu is gone",
			       (unsigned long long)head->rows);
	if (ret < 0)
		return ret;
	if (!nr_digest_eq(&here.chain, &head->chain))
		return nr_fail(reterr, NR_EDAMAGED,
			       "audit: up to row %llu the chain is another than it was",
			       (unsigned long long)head->rows);
	return 0;
}

/* ---- as text ---- */

static const char title[] = "noroshi audit head 1\n";
static const char sign_word[] = "signature ";

static void print_hex(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static bool read_hex(struct nr_str text, uint8_t *out, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	if (text.n != 2 * n)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		const char *d = text.p[i] != '\0' ? strchr(digits, text.p[i]) : NULL;

		if (d == NULL)
			return false;
		out[i / 2] = (uint8_t)(out[i / 2] << 4 | (d - digits));
	}
	return true;
}

int nr_registry_audit_sign(const struct nr_registry_audit_head *head, const char *hub,
			   struct nr_time now, const struct nr_sign_key *key,
			   char out[NR_AUDIT_HEAD_TEXT], struct nr_err *reterr)
{
	uint8_t signature[NR_SIGNATURE_SIZE];
	char chain[2 * sizeof(head->chain.b) + 1], at[NR_TIME_TEXT], hex[2 * NR_SIGNATURE_SIZE + 1];

	print_hex(head->chain.b, sizeof(head->chain.b), chain);
	(void)nr_time_print(now, at);
	int n = snprintf(out, NR_AUDIT_HEAD_TEXT, "%shub %s\nrows %llu\nchain %s\nat %s\n", title,
			 hub, (unsigned long long)head->rows, chain, at);
	const size_t more = sizeof(sign_word) - 1 + sizeof(hex) + 1;

	if (n < 0 || (size_t)n + more > NR_AUDIT_HEAD_TEXT)
		return nr_fail(reterr, -ENOSPC, "audit: the hub's name is too long");
	nr_sign(key, (struct nr_bytes){ (const uint8_t *)out, (size_t)n }, signature);
	print_hex(signature, sizeof(signature), hex);
	(void)snprintf(out + n, NR_AUDIT_HEAD_TEXT - (size_t)n, "%s%s\n", sign_word, hex);
	return 0;
}

/* The rest of a line that opens with @p word. @return false: it does not */
static bool cut_line(struct nr_str *rest, const char *word, struct nr_str *ret_value)
{
	struct nr_str line = nr_str_cut(rest, '\n');

	if (!nr_str_starts(line, nr_str_from(word)))
		return false;
	*ret_value = (struct nr_str){ line.p + strlen(word), line.n - strlen(word) };
	return true;
}

int nr_registry_audit_read(struct nr_str text, const char *hub,
			   const uint8_t public_key[NR_PUBLIC_KEY_SIZE],
			   struct nr_registry_audit_head *ret_head, struct nr_err *reterr)
{
	struct nr_registry_audit_head head = { 0 };
	struct nr_str rest = text, whose, rows, chain, at, signed_by;
	uint8_t signature[NR_SIGNATURE_SIZE] = { 0 };

	if (!nr_str_starts(text, nr_str_from(title)))
		return nr_fail(reterr, NR_EFORMAT, "audit: this is no head of an audit chain");
	rest.p += sizeof(title) - 1;
	rest.n -= sizeof(title) - 1;
	if (!cut_line(&rest, "hub ", &whose) || !cut_line(&rest, "rows ", &rows) ||
	    !cut_line(&rest, "chain ", &chain) || !cut_line(&rest, "at ", &at))
		return nr_fail(reterr, NR_EFORMAT, "audit: the head is cut off");
	const size_t n = (size_t)(rest.p - text.p);

	if (!cut_line(&rest, sign_word, &signed_by) || rest.n != 0 ||
	    !read_hex(signed_by, signature, sizeof(signature)) ||
	    !read_hex(chain, head.chain.b, sizeof(head.chain.b)) ||
	    nr_str_u64(rows, 1, INT64_MAX, &head.rows) < 0)
		return nr_fail(reterr, NR_EFORMAT, "audit: the head is cut off");
	if (!nr_str_eq(whose, nr_str_from(hub)) ||
	    !nr_sign_check(public_key, (struct nr_bytes){ (const uint8_t *)text.p, n }, signature))
		return nr_fail(reterr, -EACCES, "audit: the head was not signed by this hub");
	*ret_head = head;
	return 0;
}
