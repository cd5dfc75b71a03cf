/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/finding.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "base/hash.h"
#include "base/json.h"

static const struct nr_uuid own = { { 1 } }, shared[3] = { { { 2 } }, { { 3 } }, { { 4 } } };
static const uint8_t secret[NR_FINDING_SECRET] = { 7 };

static const char json[] =
	"{\"record\":\"finding\",\"id\":\"00000000000000aa\",\"detector\":\"infect.v1\",\"kind\":\"infection\","
	"\"subject\":\"192.0.2.7\",\"confidence\":0.9987654,\"certainty\":\"confirmed\","
	"\"first\":\"2026-01-05T00:00:05.123456789Z\",\"last\":\"2026-01-05T00:01:02.5Z\","
	"\"detected\":\"2026-01-05T00:00:07Z\",\"asn\":64500,\"as_name\":\"EXAMPLE\",\"economy\":\"JP\","
	"\"summary\":\"198.18.0.1 saw it\",\"evidence\":{\"family\":\"mirai\",\"packets\":4711,\"tools\":[\"x\"],"
	"\"ports\":[{\"port\":23}],\"unheard_of\":\"198.18.0.2\"},"
	"\"revision\":17,\"state\":\"continuing\",\"late\":true,\"at\":9876}";

static struct nr_scope scope_of(enum nr_role role)
{
	return (struct nr_scope){ .viewer = { .role = (uint8_t)role, .active = true },
				  .own = &own,
				  .n_own = 1,
				  .shared = shared,
				  .n_shared = 3,
				  .quorum = 3 };
}

static struct nr_finding_viewer viewer_of(const struct nr_scope *scope)
{
	return (struct nr_finding_viewer){ .scope = scope,
					   .secret = secret,
					   .now = { INT64_C(1767571300) * NR_NS_PER_S } };
}

/* @p n sensors, from @p from on, saw it. */
static struct nr_registry_finding finding(struct nr_buf *seen, unsigned from, unsigned n)
{
	struct nr_sighting list[4];

	for (unsigned i = 0; i < n; i++)
		list[i] = (struct nr_sighting){ .sensor = { { (uint8_t)(from + i) } },
						.packets = 100 + i,
						.marked = 50,
						.bytes = 4000,
						.first = { INT64_C(1767571205) * NR_NS_PER_S +
							   123456789 },
						.last = { INT64_C(1767571262) * NR_NS_PER_S } };
	nr_buf_init(seen, 4096);
	nr_sightings_print(list, n, seen);
	return (struct nr_registry_finding){ .sequence = 4242,
					     .at = 9876,
					     .revision = 17,
					     .id = NR_STR("00000000000000aa"),
					     .detector = NR_STR("infect.v1"),
					     .state = NR_STR("continuing"),
					     .json = NR_STR(json),
					     .subject = NR_STR("192.0.2.7"),
					     .sightings = nr_buf_str(seen),
					     .newest = true };
}

static int copy_of(const struct nr_scope *scope, unsigned from, unsigned n, struct nr_buf *out)
{
	struct nr_finding_viewer viewer = viewer_of(scope);
	struct nr_buf seen;
	struct nr_registry_finding f = finding(&seen, from, n);

	nr_buf_init(out, 1 << 16);
	int ret = nr_finding_copy_json(&viewer, &f, out, NULL);

	nr_buf_add(out, "", 1); /* to search in */
	nr_buf_done(&seen);
	return ret;
}

static bool has(const struct nr_buf *out, const char *word)
{
	return strstr((const char *)out->p, word) != NULL;
}

static void a_copy_holds_nothing_that_only_all_sensors_know(void **state)
{
	static const char *const never[] = { "00000000000000aa",
					     "4242",
					     "9876",
					     "4711",
					     "198.18.",
					     "123456789",
					     "revision",
					     "late",
					     "0.99",
					     "detected",
					     "unheard_of",
					     "ports",
					     "tools",
					     "certainty",
					     "\"summary\"",
					     "4000" };
	struct nr_scope scope = scope_of(NR_ROLE_ADMIN);
	struct nr_buf out;

	(void)state;
	assert_int_equal(copy_of(&scope, 2, 3, &out), 1);
	for (size_t i = 0; i < NR_COUNT(never); i++)
		assert_false(has(&out, never[i]));
	assert_true(has(&out, "\"copy\":\"shared\""));
	assert_true(has(&out, "\"shared\":{\"packets\":100,\"first\":\"2026-01-05T00:00:00Z\","
			      "\"last\":\"2026-01-05T00:02:00Z\",\"sensors\":3,\"quorum\":3}"));
	assert_true(has(&out, "\"confidence\":0.9,"));
	assert_true(has(&out, "\"evidence\":{\"family\":\"mirai\"}"));
	nr_buf_done(&out);
	assert_int_equal(copy_of(&scope, 2, 2, &out), 0);
	assert_int_equal(out.n, 1); /* nothing but our NUL */
	nr_buf_done(&out);
	assert_int_equal(copy_of(NULL, 1, 4, &out), 0);
	assert_int_equal(out.n, 1);
	nr_buf_done(&out);
	assert_int_equal(copy_of(&scope, 1, 1, &out), 1);
	assert_true(has(&out, "\"own\":{\"packets\":100,\"bytes\":4000,"
			      "\"first\":\"2026-01-05T00:00:05.123456789Z\""));
	assert_false(has(&out, "shared"));
	nr_buf_done(&out);
}

static void the_operators_is_the_engines(void **state)
{
	struct nr_scope scope = scope_of(NR_ROLE_OPERATOR);
	struct nr_buf out;

	(void)state;
	assert_int_equal(copy_of(&scope, 1, 0, &out), 1);
	assert_true(has(&out, "{\"sequence\":4242,\"newest\":true,\"record\":\"finding\""));
	assert_true(has(&out, "\"at\":9876}"));
	nr_buf_done(&out);
}

static void what_is_damaged_is_nobodys(void **state)
{
	static const char *const bad[] = { "", "[]", "{}", "{\"detector\":\"infect.v1\"}", "{" };
	struct nr_scope scope = scope_of(NR_ROLE_ADMIN);
	struct nr_finding_viewer viewer = viewer_of(&scope);
	struct nr_buf seen, out;
	struct nr_registry_finding f = finding(&seen, 1, 4);

	(void)state;
	nr_buf_init(&out, 4096);
	for (size_t i = 0; i < NR_COUNT(bad); i++) {
		f.json = nr_str_from(bad[i]);
		assert_int_equal(nr_finding_copy_json(&viewer, &f, &out, NULL), NR_EDAMAGED);
		assert_int_equal(out.n, 0);
	}
	f.json = NR_STR(json);
	f.sightings.n--;
	assert_int_equal(nr_finding_copy_json(&viewer, &f, &out, NULL), NR_EDAMAGED);
	f.sightings.n = 0; /* of an older hub */
	assert_int_equal(nr_finding_copy_json(&viewer, &f, &out, NULL), 0);
	nr_buf_done(&seen);
	nr_buf_done(&out);
}

static void triage_add(void *ctx, const struct nr_finding_viewer *viewer,
		       const struct nr_registry_finding *f, struct nr_json *j)
{
	(void)viewer;
	assert_true(nr_str_eq(f->id, NR_STR("00000000000000aa"))); /* the engine's */
	if (!*(bool *)ctx)
		return;
	nr_json_key(j, "triage");
	nr_json_str(j, NR_STR("open"));
}

static void triage_goes_behind_the_rest_or_leaves_no_trace(void **state)
{
	static const enum nr_role roles[] = { NR_ROLE_OPERATOR, NR_ROLE_VIEWER };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct nr_scope scope = scope_of(roles[i % 2]);
		struct nr_finding_viewer viewer = viewer_of(&scope);
		bool says = i / 2;
		struct nr_buf seen, plain, out;
		struct nr_registry_finding f = finding(&seen, 1, 4);

		nr_buf_init(&plain, 8192);
		nr_buf_init(&out, 8192);
		assert_int_equal(nr_finding_copy_json(&viewer, &f, &plain, NULL), 1);
		viewer.triage = triage_add;
		viewer.triage_ctx = &says;
		assert_int_equal(nr_finding_copy_json(&viewer, &f, &out, NULL), 1);
		assert_memory_equal(out.p, plain.p, plain.n - 1);
		nr_buf_add(&out, "", 1);
		assert_string_equal((const char *)out.p + plain.n - 1,
				    says ? ",\"triage\":\"open\"}" : "}");
		nr_buf_done(&seen);
		nr_buf_done(&plain);
		nr_buf_done(&out);
	}
}

static void ids_go_there_and_back_and_are_the_operators_as_they_are(void **state)
{
	struct nr_scope scope = scope_of(NR_ROLE_VIEWER), all = scope_of(NR_ROLE_OPERATOR);
	struct nr_finding_viewer viewer = viewer_of(&scope), operator= viewer_of(&all), other;
	static const uint8_t another[NR_FINDING_SECRET] = { 8 };
	static const char *const bad[] = { "",
					   "00000000000000a",
					   "00000000000000aa0",
					   "00000000000000AA",
					   "00000000000000ag",
					   "0x000000000000aa",
					   "-",
					   " 0000000000000aa" };
	char text[NR_FINDING_ID], there[NR_FINDING_ID], back[NR_FINDING_ID];

	(void)state;
	other = viewer;
	other.secret = another;
	for (uint64_t i = 0; i < 2000; i++) {
		uint64_t v = i < 1000 ? i : nr_mix64(i);

		(void)snprintf(text, sizeof(text), "%016llx", (unsigned long long)v);
		assert_true(nr_finding_id_for(&viewer, nr_str_from(text), there));
		assert_true(nr_finding_id_of(&viewer, nr_str_from(there), back));
		assert_string_equal(text, back);
		assert_string_not_equal(text, there);
		assert_true(nr_finding_id_for(&other, nr_str_from(text), back));
		assert_string_not_equal(back, there);
		assert_true(nr_finding_id_for(&operator, nr_str_from(text), there));
		assert_string_equal(text, there);
	}
	for (size_t i = 0; i < NR_COUNT(bad); i++) {
		assert_false(nr_finding_id_of(&viewer, nr_str_from(bad[i]), back));
		assert_string_equal(back, "");
		assert_false(nr_finding_id_of(&operator, nr_str_from(bad[i]), back));
	}
}

/* ---- with a registry ---- */

static struct nr_registry *registry_with(struct nr_registry_finding *f, const struct nr_buf *seen,
					 size_t n, char path[64])
{
	struct nr_registry *registry;

	(void)snprintf(path, 64, "/tmp/noroshi_finding_%d.db", (int)getpid());
	(void)unlink(path);
	assert_int_equal(nr_registry_open(path, &registry, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		f[i].revision = (uint32_t)i + 1;
		f[i].sightings = nr_buf_str(&seen[i]);
	}
	assert_int_equal(nr_registry_findings_add(registry, f, n, 1, nr_time_now(), NULL), n);
	return registry;
}

/* Revisions 1 to 4: seen by two shared sensors, by three, by three and one that shares with nobody, by his own too. */
static void what_changes_nothing_for_him_is_no_news(void **state)
{
	static const unsigned from[4] = { 2, 2, 2, 1 }, n[4] = { 2, 3, 4, 4 };
	static const int want[4] = { 0, 1, 0, 1 };
	struct nr_scope scope = scope_of(NR_ROLE_VIEWER), all = scope_of(NR_ROLE_OPERATOR);
	struct nr_finding_viewer viewer = viewer_of(&scope), operator= viewer_of(&all);
	struct nr_finding_rows rows = { 0 };
	struct nr_registry_finding f[4];
	struct nr_buf seen[4];
	char path[64], side[80];

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		f[i] = finding(&seen[i], from[i], n[i]);
	struct nr_registry *registry = registry_with(f, seen, 4, path);
	struct nr_registry_finding_filter filter = { .scope = &all,
						     .limit = 10,
						     .revisions = true };

	assert_int_equal(nr_finding_rows_read(registry, &filter, &rows, NULL), 0);
	assert_int_equal(rows.n, 4);
	for (unsigned i = 0; i < 4; i++) {
		struct nr_buf out;

		nr_buf_init(&out, 8192);
		int news = nr_finding_is_news(&viewer, registry, &rows.list[i], NULL);

		if (news > 0) /* the first: whatever he may know of it is new */
			news = nr_finding_copy_json(&viewer, &rows.list[i], &out, NULL);
		assert_int_equal(news, want[i]);
		assert_int_equal(nr_finding_is_news(&operator, registry, &rows.list[i], NULL), 1);
		nr_buf_done(&out);
	}
	nr_finding_rows_done(&rows);
	filter.scope = &scope;
	filter.limit = 1;
	assert_int_equal(nr_finding_rows_read(registry, &filter, &rows, NULL), 0);
	assert_int_equal(rows.n, 1);
	assert_int_equal(rows.list[0].revision, 2); /* the first that he may see */
	assert_true(rows.page.more);
	nr_finding_rows_done(&rows);
	filter.scope = NULL;
	assert_int_equal(nr_finding_rows_read(registry, &filter, &rows, NULL), 0);
	assert_int_equal(rows.n, 0);
	nr_finding_rows_done(&rows);
	nr_registry_close(registry);
	(void)unlink(path);
	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(side, sizeof(side), "%s%s", path, i == 0 ? "-wal" : "-shm");
		(void)unlink(side);
	}
	for (unsigned i = 0; i < 4; i++)
		nr_buf_done(&seen[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_holds_nothing_that_only_all_sensors_know),
		cmocka_unit_test(the_operators_is_the_engines),
		cmocka_unit_test(what_is_damaged_is_nobodys),
		cmocka_unit_test(triage_goes_behind_the_rest_or_leaves_no_trace),
		cmocka_unit_test(ids_go_there_and_back_and_are_the_operators_as_they_are),
		cmocka_unit_test(what_changes_nothing_for_him_is_no_news),
	};

	assert_int_equal(nr_crypt_init(), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
