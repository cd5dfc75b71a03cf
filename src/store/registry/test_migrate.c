/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/embedded.h"
#include "store/registry/test_network.h"
#include "store/registry_audit.h"
#include "store/registry_label.h"

extern const struct nr_embedded nr_registry_migrations[];

static void run_sql(sqlite3 *db, const char *sql)
{
	char *words = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK)
		fail_msg("%s: %s", sql, words);
}

static sqlite3 *raw_open(const char *path)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

/* All that @p sql gives, cells with a bar behind them. */
static void told(sqlite3 *db, const char *sql, char *out, size_t cap)
{
	sqlite3_stmt *stmt;
	size_t n = 0;

	out[0] = '\0';
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		for (int i = 0; i < sqlite3_column_count(stmt) && n < cap; i++) {
			const char *cell = (const char *)sqlite3_column_text(stmt, i);

			n += (size_t)snprintf(out + n, cap - n, "%s|", cell != NULL ? cell : "-");
		}
	assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
	assert_true(n < cap);
}

static void assert_told(sqlite3 *db, const char *sql, const char *want)
{
	char got[4096];

	told(db, sql, got, sizeof(got));
	assert_string_equal(got, want);
}

/* What both versions have, in the words of version 1. */
static const char fill_1[] =
	"INSERT INTO meta VALUES ('uuid', 'u'), ('name', 'hub');"
	"INSERT INTO member VALUES (x'a0000000000040008000000000000001', 'a', 'JP', 'isp', NULL, 7);"
	"INSERT INTO member_prefix VALUES (x'a0000000000040008000000000000001', '192.0.2.0/24');"
	"INSERT INTO sensor (uuid, name, member, state, created_ns) VALUES "
	"(x'50000000000040008000000000000001', 's1', x'a0000000000040008000000000000001', 'imported', 8),"
	"(x'50000000000040008000000000000002', 's2', NULL, 'expected', 9);"
	"INSERT INTO token (selector, digest, kind, role, name, created_ns, expires_ns) VALUES "
	"(x'0000000000000001', zeroblob(32), 'api', 'admin', 'old', 1, 99);"
	"INSERT INTO token (selector, digest, kind, sensor, name, created_ns, expires_ns) VALUES "
	"(x'0000000000000002', zeroblob(32), 'enrol', x'50000000000040008000000000000002', 's2', 1, 99);"
	"INSERT INTO finding (id, revision, at, made_ns, detector, state, newest, json) VALUES "
	"('f', 1, 2, 3, 'scan.v1', 'new', 1, '{}');"
	"INSERT INTO place VALUES ('engine', 5);";

/* What only version 2 has, as far as tables can be filled by hand. */
static const char fill_2[] =
	"INSERT INTO user (uuid, member, login, role, created_ns) VALUES "
	"(x'b0000000000040008000000000000001', x'a0000000000040008000000000000001', 'alice', 'admin', 1);"
	"INSERT INTO token (selector, digest, kind, role, user, member, name, created_ns, expires_ns) VALUES "
	"(x'0000000000000003', zeroblob(32), 'api', 'viewer', NULL, NULL, 'weak', 1, 99),"
	"(x'0000000000000004', zeroblob(32), 'api', 'admin', "
	"x'b0000000000040008000000000000001', NULL, 'alice', 1, 99),"
	"(x'0000000000000005', zeroblob(32), 'api', 'admin', NULL, "
	"x'a0000000000040008000000000000001', 'member', 1, 99),"
	"(x'0000000000000006', zeroblob(32), 'session', NULL, x'b0000000000040008000000000000001', NULL, 'x', 1, 99);"
	"INSERT INTO triage (finding, member, version, state, action, back, changed_ns, changed_by) "
	"SELECT 'f', uuid, 1, 'closed', 'close', 0, 1, 'x' FROM member WHERE is_operator = 1;"
	"INSERT INTO triage (finding, member, version, state, action, back, changed_ns, changed_by) "
	"SELECT 'f', uuid, 2, 'acknowledged', 'acknowledge', 1, 2, 'x' FROM member WHERE is_operator = 1;"
	"INSERT INTO triage (finding, member, version, state, action, back, changed_ns, changed_by) "
	"VALUES ('f', x'a0000000000040008000000000000001', 1, 'false', 'false', 0, 2, 'x');";

/* A database of version 1, as the program of that time left it. */
static void make_version_1(struct place *place)
{
	place->registry = nr_registry_close(place->registry);
	assert_int_equal(unlink(place->path), 0);
	sqlite3 *db = raw_open(place->path);

	run_sql(db, nr_registry_migrations[0].text);
	run_sql(db, "PRAGMA user_version = 1; PRAGMA application_id = 1314017841");
	run_sql(db, fill_1);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void open_anew(struct place *place)
{
	assert_int_equal(nr_registry_open(place->path, &place->registry, NULL), 0);
	assert_int_equal(nr_registry_operator_make(place->registry, "hub", &act, &place->hub, NULL),
			 0);
}

static void what_version_1_holds_comes_forward_and_goes_back(void **state)
{
	static const char kept[] =
		"SELECT name, economy, sector, (SELECT group_concat(prefix) FROM member_prefix WHERE member = uuid) "
		"FROM member WHERE name = 'a' UNION ALL SELECT s.name, m.name, s.state, s.created_ns FROM sensor s "
		"LEFT JOIN member m ON m.uuid = s.member UNION ALL SELECT id, revision, state, json FROM finding "
		"UNION ALL SELECT reader, at, NULL, NULL FROM place";
	static const char want[] =
		"a|JP|isp|192.0.2.0/24|s1|a|imported|8|s2|-|expected|9|f|1|new|{}|"
		"engine|5|-|-|";
	struct place *place = *state;
	struct nr_registry_member first;

	make_version_1(place);
	open_anew(place);
	first = place->hub;
	assert_told(place->registry->db, kept, want);
	assert_told(place->registry->db,
		    "SELECT since_ns FROM member_prefix UNION ALL SELECT count(*) FROM member",
		    "7|2|");
	run_sql(place->registry->db, fill_2);
	place->registry = nr_registry_close(place->registry);
	assert_int_equal(nr_registry_migrate_down(place->path, &act, NULL), 0);
	sqlite3 *db = raw_open(place->path);

	assert_told(db, "PRAGMA user_version", "1|");
	assert_told(db, kept, want);
	/* No token is stronger than it was, and the operator's triage is there as it was said last. */
	assert_told(db, "SELECT name, kind, role FROM token ORDER BY selector",
		    "old|api|admin|s2|enrol|-|");
	assert_told(db, "SELECT finding, state FROM triage", "f|confirmed|");
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	open_anew(place); /* the same operator as before, and no second one */
	assert_true(nr_uuid_eq(place->hub.uuid, first.uuid));
	assert_told(place->registry->db, kept, want);
	assert_told(
		place->registry->db,
		"SELECT count(*), sum(is_operator) FROM member UNION ALL SELECT count(*), 0 FROM meta "
		"WHERE name = 'operator'",
		"2|1|0|0|");
}

/* Whoever adds a table or an index to version 2 must take it away in 0002.down.sql. */
static void back_is_the_form_of_version_1_and_no_more(void **state)
{
	static const char form[] =
		"SELECT s.type, s.name, c.name, c.type, c.\"notnull\", c.pk FROM sqlite_schema s "
		"LEFT JOIN pragma_table_info(s.name) c ON s.type = 'table' "
		"WHERE s.name NOT LIKE 'sqlite_%' ORDER BY 1, 2, 3";
	struct place *place = *state;
	char want[8192], got[8192];
	sqlite3 *db = raw_open(":memory:");

	run_sql(db, nr_registry_migrations[0].text);
	told(db, form, want, sizeof(want));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	place->registry = nr_registry_close(place->registry);
	assert_int_equal(nr_registry_migrate_down(place->path, &act, NULL), 0);
	db = raw_open(place->path);
	told(db, form, got, sizeof(got));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_string_equal(got, want);
	open_anew(place);
}

static void the_chain_stays_whole_there_and_back(void **state)
{
	struct place *place = *state;
	struct nr_registry_act for_member = act;
	uint64_t rows;

	for_member.member = new_member(place, "m").uuid;
	assert_int_equal(nr_registry_audit(place->registry, &for_member, "x", "y", "z", NULL), 0);
	place->registry = nr_registry_close(place->registry);
	assert_int_equal(nr_registry_migrate_down(place->path, &act, NULL), 0);
	open_anew(place);
	assert_int_equal(nr_registry_audit_verify(place->registry, &rows, NULL), 0);
	assert_int_equal(rows, 4); /* the operator, m, ours, and that it went back */
}

static void only_this_version_goes_back(void **state)
{
	struct place *place = *state;

	place->registry = nr_registry_close(place->registry);
	assert_int_equal(nr_registry_migrate_down(place->path, &act, NULL), 0);
	assert_int_equal(nr_registry_migrate_down(place->path, &act, NULL), NR_EVERSION);
	open_anew(place);
}

/* ---- the chain's head ---- */

static int count_rows(void *ctx, const struct nr_registry_audit_row *row)
{
	*(char *)ctx = row->actor.p[0];
	return (int)row->sequence * 0;
}

static void rows_are_of_the_member_for_whom_somebody_acted(void **state)
{
	struct place *place = *state;
	struct nr_uuid m = new_member(place, "m").uuid, other = new_member(place, "n").uuid;
	struct nr_registry_act alice = { .actor = "user:alice", .member = m, .now = { 5 } };
	char c = '-';

	assert_int_equal(nr_registry_audit(place->registry, &alice, "x", "y", "z", NULL), 0);
	assert_int_equal(nr_registry_audit_rows(place->registry, &m, 0, 9, count_rows, &c, NULL),
			 1);
	assert_int_equal(c, 'u');
	assert_int_equal(nr_registry_audit_rows(place->registry, &other, 0, 9, count_rows, &c,
						NULL),
			 0);
	assert_int_equal(nr_registry_audit_rows(place->registry, NULL, 1, 9, count_rows, &c, NULL),
			 3);
	/* Hostile input 47: the rows of no member are nobody's. */
	assert_int_equal(nr_registry_audit_rows(place->registry, &(struct nr_uuid){ 0 }, 0, 9,
						count_rows, &c, NULL),
			 0);
}

static void a_head_finds_a_chain_that_was_cut_or_made_anew(void **state)
{
	struct place *place = *state;
	struct nr_registry_audit_head head, read, other;
	struct nr_sign_key key, another;
	char text[NR_AUDIT_HEAD_TEXT], bad[NR_AUDIT_HEAD_TEXT];
	const char *hub = "1bee484d-2cc0-469b-8d1b-e35ffe9dd71a";

	nr_sign_key_new(&key);
	nr_sign_key_new(&another);
	(void)new_member(place, "m");
	assert_int_equal(nr_registry_audit_head(place->registry, 0, &head, NULL), 0);
	assert_int_equal(head.rows, 2);
	assert_int_equal(nr_registry_audit_sign(&head, hub, act.now, &key, text, NULL), 0);
	assert_int_equal(nr_registry_audit_read(nr_str_from(text), hub, key.public_key, &read,
						NULL),
			 0);
	assert_int_equal(nr_registry_audit_holds(place->registry, &read, NULL), 0);
	(void)new_member(place, "n"); /* it may grow */
	assert_int_equal(nr_registry_audit_holds(place->registry, &read, NULL), 0);
	other = read;
	other.chain.b[3] ^= 1;
	assert_int_equal(nr_registry_audit_holds(place->registry, &other, NULL), NR_EDAMAGED);
	other = read;
	other.rows = 9;
	assert_int_equal(nr_registry_audit_holds(place->registry, &other, NULL), NR_EDAMAGED);
	/* No byte of it can be another. */
	for (size_t i = 0; i < strlen(text); i++) {
		memcpy(bad, text, sizeof(bad));
		bad[i] ^= 1;
		assert_true(nr_registry_audit_read(nr_str_from(bad), hub, key.public_key, &other,
						   NULL) < 0);
		assert_true(nr_registry_audit_read((struct nr_str){ text, i }, hub, key.public_key,
						   &other, NULL) < 0 ||
			    i + 1 == strlen(text)); /* the last line's end may be missing */
	}
	assert_int_equal(nr_registry_audit_read(nr_str_from(text), "another", key.public_key,
						&other, NULL),
			 -EACCES);
	assert_int_equal(nr_registry_audit_read(nr_str_from(text), hub, another.public_key, &other,
						NULL),
			 -EACCES);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_place, close_place)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(what_version_1_holds_comes_forward_and_goes_back),
		T(back_is_the_form_of_version_1_and_no_more),
		T(the_chain_stays_whole_there_and_back),
		T(only_this_version_goes_back),
		T(rows_are_of_the_member_for_whom_somebody_acted),
		T(a_head_finds_a_chain_that_was_cut_or_made_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
