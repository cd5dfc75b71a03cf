/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file test_place: a registry in a directory of its own, with members and users, for the tests beside this file. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "store/registry/registry_int.h"

enum { TEST_MEMBERS = 4 };

struct place {
	char dir[64], path[96];
	struct nr_registry *registry;
	struct nr_uuid member[TEST_MEMBERS], user[TEST_MEMBERS]; /* "a".."d", each with one user */
};

static inline void place_run(struct place *place, const char *sql)
{
	char *words = NULL;

	if (sqlite3_exec(place->registry->db, sql, NULL, NULL, &words) != SQLITE_OK)
		fail_msg("%s: %s", sql, words);
}

static inline void place_member(struct place *place, size_t i)
{
	char sql[512], member[NR_UUID_TEXT], user[NR_UUID_TEXT];

	memset(&place->member[i], (int)(0xa0 + i), sizeof(place->member[i]));
	memset(&place->user[i], (int)(0x10 + i), sizeof(place->user[i]));
	for (size_t k = 0; k < 16; k++) {
		(void)snprintf(member + 2 * k, 3, "%02x", place->member[i].b[k]);
		(void)snprintf(user + 2 * k, 3, "%02x", place->user[i].b[k]);
	}
	(void)snprintf(sql, sizeof(sql),
		       "INSERT INTO member (uuid, name, created_ns) VALUES (x'%s', '%c', 1); "
		       "INSERT INTO user (uuid, member, login, role, created_ns) VALUES (x'%s', "
		       "x'%s', 'user-%c', 'analyst', 1)",
		       member, (char)('a' + i), user, member, (char)('a' + i));
	place_run(place, sql);
}

static inline int place_open(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	(void)snprintf(place->dir, sizeof(place->dir), "/tmp/nr_registry_XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	(void)snprintf(place->path, sizeof(place->path), "%s/registry.db", place->dir);
	assert_int_equal(nr_crypt_init(), 0);
	assert_int_equal(nr_registry_open(place->path, &place->registry, NULL), 0);
	for (size_t i = 0; i < TEST_MEMBERS; i++)
		place_member(place, i);
	*state = place;
	return 0;
}

static inline int place_close(void **state)
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	struct place *place = *state;

	nr_registry_close(place->registry);
	for (size_t i = 0; i < NR_COUNT(tails); i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s%s", place->path, tails[i]);
		(void)unlink(path);
	}
	assert_int_equal(rmdir(place->dir), 0);
	free(place);
	return 0;
}

/** The user of member @p i, as a role. */
static inline struct nr_viewer place_viewer(const struct place *place, size_t i, enum nr_role role)
{
	return (struct nr_viewer){ .member = place->member[i],
				   .user = place->user[i],
				   .epoch = 1,
				   .role = (uint8_t)role,
				   .purpose = NR_PURPOSE_DEFENCE,
				   .active = true,
				   .now = { 1000 } };
}

/** AMBER, for the members given as bits. */
static inline struct nr_label place_label(const struct place *place, unsigned members)
{
	struct nr_label label = { .tlp = NR_TLP_AMBER, .purposes = 1 << NR_PURPOSE_DEFENCE };

	for (size_t i = 0; i < TEST_MEMBERS; i++)
		if ((members >> i & 1) != 0)
			label.members[label.n_members++] = (struct nr_party){ place->member[i], 1 };
	return label;
}

/** How many rows of the audit chain have this action; and the chain is whole. */
static inline int64_t place_audited(struct place *place, const char *action)
{
	sqlite3_stmt *stmt;
	uint64_t rows;
	int64_t n;

	assert_int_equal(nr_registry_audit_verify(place->registry, &rows, NULL), 0);
	assert_int_equal(nr_registry_prepare(place->registry,
					     "SELECT count(*) FROM audit WHERE action = ?1", &stmt,
					     NULL),
			 0);
	nr_registry_bind_text(stmt, 1, action);
	assert_int_equal(nr_registry_step(place->registry, stmt, NULL), 1);
	n = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return n;
}

#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, place_open, place_close)
