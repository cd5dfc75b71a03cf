/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry/registry_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cmocka.h"

static const struct nr_registry_act act = { .actor = "uid:0", .now = { 1000 } };

struct place {
	char dir[64], path[96];
	struct nr_registry *registry;
};

static int open_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	(void)snprintf(place->dir, sizeof(place->dir), "/tmp/nr_registry_XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	(void)snprintf(place->path, sizeof(place->path), "%s/registry.db", place->dir);
	assert_int_equal(nr_crypt_init(), 0);
	assert_int_equal(nr_registry_open(place->path, &place->registry, NULL), 0);
	*state = place;
	return 0;
}

static int close_place(void **state)
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

static void reopen(struct place *place)
{
	nr_registry_close(place->registry);
	place->registry = NULL;
	assert_int_equal(nr_registry_open(place->path, &place->registry, NULL), 0);
}

static void a_sensor_goes_from_expected_to_enrolled_to_revoked_and_never_back(void **state)
{
	struct place *place = *state;
	struct nr_registry_sensor sensor, found;
	struct nr_err err;

	assert_int_equal(nr_registry_sensor_add(place->registry, "tokyo-1", NR_SENSOR_EXPECTED,
						&act, &sensor, NULL),
			 0);
	assert_int_equal(nr_registry_sensor_add(place->registry, "tokyo-1", NR_SENSOR_EXPECTED,
						&act, &found, &err),
			 -EEXIST);
	assert_string_equal(err.msg, "there is a sensor 'tokyo-1' already");
	assert_int_equal(nr_registry_sensor_certified(place->registry, sensor.uuid, "0a1b",
						      (struct nr_time){ 99 }, &act, NULL),
			 0);
	reopen(place);
	assert_int_equal(nr_registry_sensor_named(place->registry, "tokyo-1", &found, NULL), 0);
	assert_true(nr_uuid_eq(found.uuid, sensor.uuid));
	assert_int_equal(found.state, NR_SENSOR_ENROLLED);
	assert_string_equal(found.serial, "0a1b");
	assert_int_equal(nr_registry_sensor_revoke(place->registry, sensor.uuid, &act, NULL), 0);
	assert_int_equal(nr_registry_sensor_revoke(place->registry, sensor.uuid, &act, NULL), 0);
	assert_int_equal(nr_registry_sensor_certified(place->registry, sensor.uuid, "0a1c",
						      (struct nr_time){ 99 }, &act, NULL),
			 -EACCES);
	assert_int_equal(nr_registry_sensor_find(place->registry, sensor.uuid, &found, NULL), 0);
	assert_int_equal(found.state, NR_SENSOR_STATE_REVOKED);
	assert_int_equal(found.revoked.ns, act.now.ns);
}

static void names_that_cannot_be_are_refused(void **state)
{
	static const char too_long[] = "0123456789012345678901234567890123456789"
				       "012345678901234567890123";
	static const char *const bad[] = { "",	  ".x",	      "-x",   "a b",
					   "a/b", "\xc3\xa9", "a\nb", too_long };
	struct place *place = *state;
	struct nr_registry_sensor sensor;

	for (size_t i = 0; i < NR_COUNT(bad); i++)
		assert_int_equal(nr_registry_sensor_add(place->registry, bad[i], NR_SENSOR_EXPECTED,
							&act, &sensor, NULL),
				 NR_EUSAGE);
}

static struct nr_registry_token enrol_token(struct nr_uuid sensor)
{
	return (struct nr_registry_token){ .selector = { 1, 2, 3 },
					   .digest = nr_digest_of("x", 1),
					   .kind = NR_TOKEN_ENROL,
					   .sensor = sensor,
					   .name = "tokyo-1",
					   .created = { 1000 },
					   .expires = { 5000 } };
}

static void an_enrolment_token_is_spent_once(void **state)
{
	struct place *place = *state;
	struct nr_registry_sensor sensor;
	struct nr_registry_act late = { .actor = "enrol", .now = { 5000 } };

	assert_int_equal(nr_registry_sensor_add(place->registry, "tokyo-1", NR_SENSOR_EXPECTED,
						&act, &sensor, NULL),
			 0);
	struct nr_registry_token token = enrol_token(sensor.uuid);

	assert_int_equal(nr_registry_token_add(place->registry, &token, &act, NULL), 0);
	assert_int_equal(nr_registry_token_spend(place->registry, token.selector, &late, NULL),
			 -EACCES);
	assert_int_equal(nr_registry_token_spend(place->registry, token.selector, &act, NULL), 0);
	assert_int_equal(nr_registry_token_spend(place->registry, token.selector, &act, NULL),
			 -EACCES);
}

static void a_token_that_was_exposed_is_revoked_and_stays_so(void **state)
{
	struct place *place = *state;
	struct nr_registry_token token = { .selector = { 9 },
					   .digest = nr_digest_of("y", 1),
					   .kind = NR_TOKEN_API,
					   .role = NR_ROLE_ADMIN,
					   .name = "admin",
					   .created = { 1 },
					   .expires = { 10000 } };
	struct nr_registry_token found;

	assert_int_equal(nr_registry_token_add(place->registry, &token, &act, NULL), 0);
	assert_int_equal(nr_registry_token_revoke(place->registry, token.selector, true, &act,
						  NULL),
			 0);
	assert_int_equal(nr_registry_token_revoke(place->registry, token.selector, false, &act,
						  NULL),
			 0);
	assert_int_equal(nr_registry_token_find(place->registry, token.selector, &found, NULL), 0);
	assert_true(found.exposed);
	assert_int_equal(found.revoked.ns, act.now.ns);
	assert_int_equal(found.role, NR_ROLE_ADMIN);
	token.selector[0] = 8;
	assert_int_equal(nr_registry_token_find(place->registry, token.selector, &found, NULL),
			 -ENOENT);
}

struct seen {
	uint64_t sequence[16];
	uint32_t revision[16];
	size_t n;
};

static int see(void *ctx, const struct nr_registry_finding *finding)
{
	struct seen *seen = ctx;

	if (seen->n >= NR_COUNT(seen->sequence))
		return -ENOSPC;
	seen->sequence[seen->n] = finding->sequence;
	seen->revision[seen->n++] = finding->revision;
	return 0;
}

static struct nr_registry_finding revision(const char *id, uint32_t number)
{
	return (struct nr_registry_finding){ .at = number,
					     .revision = number,
					     .id = nr_str_from(id),
					     .detector = NR_STR("scan.v1"),
					     .state = number == 1 ? NR_STR("new")
								  : NR_STR("continuing"),
					     .json = NR_STR("{}") };
}

static void findings_told_twice_are_kept_once_and_pages_miss_nothing(void **state)
{
	struct place *place = *state;
	struct nr_registry_finding rows[] = { revision("a", 1), revision("b", 1),
					      revision("a", 2) };
	struct nr_scope scope = { .viewer = { .role = NR_ROLE_OPERATOR, .active = true } };
	struct nr_registry_finding_filter filter = { .scope = &scope, .limit = 1 };
	struct seen newest = { 0 }, all = { 0 };
	uint64_t at = 7;

	assert_int_equal(nr_registry_findings_place(place->registry, &at, NULL), 0);
	assert_int_equal(at, 0);
	assert_int_equal(nr_registry_findings_add(place->registry, rows, 3, 42, act.now, NULL), 3);
	reopen(place);
	assert_int_equal(nr_registry_findings_add(place->registry, rows, 3, 41, act.now, NULL), 0);
	assert_int_equal(nr_registry_findings_place(place->registry, &at, NULL), 0);
	assert_int_equal(at, 42); /* never back */
	while (nr_registry_findings(place->registry, &filter, see, &newest, NULL, NULL) == 1)
		filter.after = newest.sequence[newest.n - 1];
	assert_int_equal(newest.n, 2);
	assert_int_equal(newest.revision[0], 1); /* b */
	assert_int_equal(newest.revision[1], 2); /* a */
	filter = (struct nr_registry_finding_filter){ .scope = &scope,
						      .limit = 10,
						      .revisions = true };
	assert_int_equal(nr_registry_findings(place->registry, &filter, see, &all, NULL, NULL), 3);
	filter.state = NR_STR("new");
	all.n = 0;
	assert_int_equal(nr_registry_findings(place->registry, &filter, see, &all, NULL, NULL), 2);
	filter = (struct nr_registry_finding_filter){ .scope = &scope,
						      .limit = 1,
						      .backwards = true };
	newest.n = 0;
	while (nr_registry_findings(place->registry, &filter, see, &newest, NULL, NULL) == 1)
		filter.after = newest.sequence[newest.n - 1];
	assert_int_equal(newest.n, 2);
	assert_int_equal(newest.revision[0], 2); /* a: said last */
	assert_int_equal(newest.revision[1], 1); /* b */
}

static void a_changed_audit_row_is_named(void **state)
{
	struct place *place = *state;
	struct nr_err err;
	uint64_t rows;

	for (int i = 0; i < 3; i++)
		assert_int_equal(nr_registry_audit(place->registry, &act, "test", "x", "y", NULL),
				 0);
	assert_int_equal(nr_registry_audit_verify(place->registry, &rows, NULL), 0);
	assert_int_equal(rows, 3);
	/* Through SQLite it is refused; so as one who writes the file would. */
	assert_int_not_equal(sqlite3_exec(place->registry->db,
					  "UPDATE audit SET actor = 'nobody' WHERE sequence = 2",
					  NULL, NULL, NULL),
			     SQLITE_OK);
	assert_int_equal(sqlite3_exec(place->registry->db,
				      "DROP TRIGGER audit_stands; "
				      "UPDATE audit SET actor = 'nobody' WHERE sequence = 2",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(nr_registry_audit_verify(place->registry, &rows, &err), NR_EDAMAGED);
	assert_string_equal(err.msg, "audit: row 2 does not fit to what stands before it");
}

static void databases_of_others_and_of_the_future_are_refused(void **state)
{
	struct place *place = *state;
	struct nr_registry *registry = NULL;
	struct nr_err err;

	assert_int_equal(sqlite3_exec(place->registry->db, "PRAGMA user_version=99", NULL, NULL,
				      NULL),
			 SQLITE_OK);
	place->registry = nr_registry_close(place->registry);
	assert_int_equal(nr_registry_open(place->path, &registry, &err), NR_EVERSION);
	assert_string_equal(err.msg, "registry: version 99, made by a newer noroshi; this one "
				     "knows up to 2");
	assert_null(registry);
	assert_int_equal(truncate(place->path, 100), 0);
	assert_true(nr_registry_open(place->path, &registry, &err) < 0);
	assert_null(registry);
}

static void an_import_is_begun_once_and_found_again(void **state)
{
	struct place *place = *state;
	struct nr_registry_sensor sensor;
	struct nr_registry_import first = { .digest = nr_digest_of("file", 4),
					    .name = "a.pcap",
					    .begun_at = 17 };

	assert_int_equal(nr_registry_sensor_add(place->registry, "old", NR_SENSOR_IMPORTED, &act,
						&sensor, NULL),
			 0);
	first.sensor = sensor.uuid;
	struct nr_registry_import again = first;

	again.begun_at = 99;
	assert_int_equal(nr_registry_import_begin(place->registry, &first, &act, NULL), 0);
	assert_false(first.done);
	assert_int_equal(nr_registry_import_begin(place->registry, &again, &act, NULL), 0);
	assert_int_equal(again.begun_at, 17);
	first.batches = 5;
	assert_int_equal(nr_registry_import_end(place->registry, &first, &act, NULL), 0);
	assert_int_equal(nr_registry_import_begin(place->registry, &again, &act, NULL), 0);
	assert_true(again.done);
	assert_int_equal(again.batches, 5);
}

#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, open_place, close_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(a_sensor_goes_from_expected_to_enrolled_to_revoked_and_never_back),
		WITH_PLACE(names_that_cannot_be_are_refused),
		WITH_PLACE(an_enrolment_token_is_spent_once),
		WITH_PLACE(a_token_that_was_exposed_is_revoked_and_stays_so),
		WITH_PLACE(findings_told_twice_are_kept_once_and_pages_miss_nothing),
		WITH_PLACE(a_changed_audit_row_is_named),
		WITH_PLACE(databases_of_others_and_of_the_future_are_refused),
		WITH_PLACE(an_import_is_begun_once_and_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
