/* SPDX-License-Identifier: Apache-2.0 */
#include "share/policy/copy.h"

#include "base/cmocka.h"

enum { SENSORS = 9 };
#define S NR_NS_PER_S
static const int64_t T0 = 1767571200 * S; /* a whole minute */

static struct nr_uuid sensor(unsigned i)
{
	return (struct nr_uuid){ { (uint8_t)(i + 1) } };
}

struct world {
	struct nr_uuid own[SENSORS], shared[SENSORS];
	struct nr_scope_prefix prefixes[2];
	struct nr_scope_asn asns[1];
	struct nr_scope scope;
	struct nr_sighting seen[SENSORS];
	struct nr_copy_facts facts;
	struct nr_copy copy;
};

/* Sensors 0 .. n_own - 1 are his, n_shared behind them share with him; nobody saw anything. */
static void world_init(struct world *w, unsigned n_own, unsigned n_shared)
{
	*w = (struct world){ .facts = { .detector = NR_STR("rsdos.v1"),
					.kind = NR_STR("attack"),
					.state = NR_STR("continuing"),
					.first = { T0 + 5 * S },
					.last = { T0 + 125 * S } } };
	for (unsigned i = 0; i < n_own; i++)
		w->own[i] = sensor(i);
	for (unsigned i = 0; i < n_shared; i++)
		w->shared[i] = sensor(n_own + i);
	w->scope = (struct nr_scope){ .viewer = { .role = NR_ROLE_VIEWER, .active = true },
				      .own = w->own,
				      .shared = w->shared,
				      .n_own = n_own,
				      .n_shared = n_shared,
				      .quorum = nr_policy_quorum(n_shared, NR_QUORUM_DEFAULT) };
	nr_copy_subject(NR_STR("192.0.2.7"), &w->facts);
	assert_true(w->facts.has_subject);
	for (unsigned i = 0; i < SENSORS; i++)
		w->seen[i] = (struct nr_sighting){ .sensor = sensor(i) };
}

static void saw(struct world *w, unsigned i, uint64_t packets, int64_t first_s, int64_t last_s)
{
	w->seen[i].packets = packets;
	w->seen[i].bytes = 40 * packets;
	w->seen[i].first.ns = T0 + first_s * S + 1;
	w->seen[i].last.ns = T0 + last_s * S + 1;
}

static enum nr_copy_kind made(struct world *w)
{
	nr_copy_make(&w->scope, &w->facts, w->seen, SENSORS, &w->copy);
	return (enum nr_copy_kind)w->copy.kind;
}

static void holds(struct world *w, const char *prefix, int64_t since)
{
	assert_int_equal(nr_prefix_parse(nr_str_from(prefix), &w->prefixes[0].prefix), 0);
	w->prefixes[0].since.ns = since;
	w->scope.prefixes = w->prefixes;
	w->scope.n_prefixes = 1;
}

/* ---- nothing ---- */

static void what_is_absent_is_nobody(void **state)
{
	struct world w;
	struct nr_copy_facts none = { 0 };

	(void)state;
	world_init(&w, 2, 5);
	assert_int_equal(made(&w), NR_COPY_NONE); /* no sensor saw it */
	for (unsigned i = 0; i < SENSORS; i++)
		saw(&w, i, 1000, 0, 120);
	assert_int_equal(made(&w), NR_COPY_OWN);
	nr_copy_make(NULL, &w.facts, w.seen, SENSORS, &w.copy);
	assert_int_equal(w.copy.kind, NR_COPY_NONE);
	nr_copy_make(&w.scope, &none, w.seen, SENSORS, &w.copy);
	assert_int_equal(w.copy.kind, NR_COPY_NONE);
	nr_copy_make(&w.scope, &w.facts, NULL, 0, &w.copy);
	assert_int_equal(w.copy.kind, NR_COPY_NONE);
	nr_copy_make(&(struct nr_scope){ 0 }, &w.facts, w.seen, SENSORS, &w.copy);
	assert_int_equal(w.copy.kind, NR_COPY_NONE);
	w.scope.viewer.active = false; /* his membership is over */
	assert_int_equal(made(&w), NR_COPY_NONE);
	w.scope.viewer.role = NR_ROLE_OPERATOR;
	assert_int_equal(made(&w), NR_COPY_NONE);
	w.scope.viewer.active = true;
	assert_int_equal(made(&w), NR_COPY_ALL);
}

static void a_sensor_without_a_uuid_is_nobodys(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 1, 3);
	memset(w.own, 0, sizeof(w.own));
	memset(w.shared, 0, sizeof(w.shared));
	for (unsigned i = 0; i < SENSORS; i++) {
		saw(&w, i, 1000, 0, 120);
		w.seen[i].sensor = (struct nr_uuid){ 0 };
	}
	assert_int_equal(made(&w), NR_COPY_NONE);
}

/* ---- own ---- */

static void own_is_what_his_sensors_saw_and_no_more(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 2, 5);
	saw(&w, 0, 20, 10, 70);
	saw(&w, 1, 5, 30, 90);
	saw(&w, 2, 100000, 0, 125);
	saw(&w, 3, 100000, 0, 125); /* two of five share what they saw: no quorum */
	assert_int_equal(made(&w), NR_COPY_OWN);
	assert_true(w.copy.own && !w.copy.shared && !w.copy.warned);
	assert_int_equal(w.copy.own_figures.packets, 25);
	assert_int_equal(w.copy.own_figures.bytes, 1000);
	assert_int_equal(w.copy.own_figures.sensors, 2);
	assert_true(w.copy.own_figures.first.ns == T0 + 10 * S + 1);
	assert_true(w.copy.own_figures.last.ns == T0 + 90 * S + 1);
	assert_int_equal(w.copy.shared_figures.packets, 0);
	struct nr_copy before = w.copy;

	saw(&w, 2, 7, 1, 2); /* what others saw moves nothing */
	saw(&w, 3, 0, 0, 0);
	saw(&w, 8, 999, 0, 600); /* of somebody who shares with nobody */
	(void)made(&w);
	assert_memory_equal(&w.copy, &before, sizeof(before));
}

/*
 * A finding stands on what all saw. Who sends a little to his own sensor and the rest to addresses
 * that he suspects must not learn from its existence that they are watched.
 */
static void what_only_others_make_a_finding_is_not_his(void **state)
{
	static const struct {
		const char *detector, *kind;
		uint64_t packets, marked;
		int64_t span;
		bool his;
	} rows[] = {
		{ "rsdos.v1", "attack", 24, 0, 600, false },
		{ "rsdos.v1", "attack", 25, 0, 59, false },
		{ "rsdos.v1", "attack", 25, 0, 60, true },
		{ "rsdos.v1", "attack", 50, 0, 1, true },
		{ "rsdos.v1", "carpet", 47, 0, 60, false },
		{ "rsdos.v1", "carpet", 48, 0, 0, true },
		{ "infect.v1", "infection", 100, 3, 60, false },
		{ "infect.v1", "infection", 4, 4, 0, true },
		{ "scan.v1", "campaign", 99, 99, 60, false },
		{ "scan.v1", "campaign", 100, 0, 0, true },
		{ "scan.v1", "attack", 1000000, 1000000, 86400, false },
		{ "later.v1", "campaign", 1000000, 1000000, 86400, false },
		{ "", "campaign", 1000000, 1000000, 86400, false },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(rows); i++) {
		struct world w;

		world_init(&w, 1, 0);
		w.facts.detector = nr_str_from(rows[i].detector);
		w.facts.kind = nr_str_from(rows[i].kind);
		saw(&w, 0, rows[i].packets, 0, rows[i].span);
		w.seen[0].marked = rows[i].marked;
		saw(&w, 5, 1000000, 0, 600);
		assert_int_equal(made(&w), rows[i].his ? NR_COPY_OWN : NR_COPY_NONE);
		if (!rows[i].his)
			assert_int_equal(w.copy.own_figures.packets, 0);
	}
}

/* ---- shared ---- */

static void shared_needs_the_quorum_and_shows_what_it_reaches(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 0, 7); /* a quorum of 4 */
	assert_int_equal(w.scope.quorum, 4);
	saw(&w, 0, 1000, 1, 119);
	saw(&w, 1, 500, 61, 121);
	saw(&w, 2, 30, 62, 200);
	assert_int_equal(made(&w), NR_COPY_NONE);
	saw(&w, 7, 1000, 0, 600); /* not among those that share */
	assert_int_equal(made(&w), NR_COPY_NONE);
	saw(&w, 3, 20, 130, 140);
	assert_int_equal(made(&w), NR_COPY_SHARED);
	assert_int_equal(w.copy.shared_figures.packets, 20);
	assert_int_equal(w.copy.shared_figures.bytes, 0);
	assert_int_equal(w.copy.shared_figures.sensors, 7);
	/* the fourth came in the minute from 120 s on; four had a last packet by 119 s, so: that */
	assert_true(w.copy.shared_figures.first.ns == T0 + 120 * S);
	assert_true(w.copy.shared_figures.last.ns == T0 + 180 * S);
	saw(&w, 4, 25, 0, 300);
	(void)made(&w);
	assert_int_equal(w.copy.shared_figures.packets, 25);
	assert_true(w.copy.shared_figures.first.ns == T0 + 60 * S);
	assert_true(w.copy.shared_figures.last.ns == T0 + 180 * S);
}

/* Probes to any three of seven, on top of whatever there is: at most one rank, never something new. */
static void fewer_than_the_quorum_make_nothing_appear(void **state)
{
	(void)state;
	for (unsigned mask = 0; mask < 1U << 7; mask++) {
		struct world w;

		world_init(&w, 0, 7);
		for (unsigned i = 0; i < 7; i++)
			if (mask & 1U << i)
				saw(&w, i, 1 + mask, 0, 60);
		assert_int_equal(made(&w),
				 __builtin_popcount(mask) >= 4 ? NR_COPY_SHARED : NR_COPY_NONE);
	}
}

static void too_few_that_share_show_nothing(void **state)
{
	for (unsigned n = 0; n < 3; n++) {
		struct world w;

		(void)state;
		world_init(&w, 0, n);
		for (unsigned i = 0; i < SENSORS; i++)
			saw(&w, i, 1000, 0, 600);
		assert_int_equal(w.scope.quorum, 0);
		assert_int_equal(made(&w), NR_COPY_NONE);
	}
}

static void the_ends_of_the_numbers_hold(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 1, 3);
	for (unsigned i = 0; i < 4; i++) {
		saw(&w, i, UINT64_MAX, 0, 0);
		w.seen[i].bytes = UINT64_MAX;
		w.seen[i].first.ns = 0;
		w.seen[i].last.ns = INT64_MAX;
	}
	assert_int_equal(made(&w), NR_COPY_OWN);
	assert_true(w.copy.shared);
	assert_true(w.copy.shared_figures.packets == UINT64_MAX);
	assert_true(w.copy.shared_figures.first.ns == 0);
	assert_true(w.copy.shared_figures.last.ns > INT64_MAX - 61 * S);
	assert_true(w.copy.own_figures.packets == UINT64_MAX);
}

/* ---- warned ---- */

static void the_holder_is_warned_and_learns_nothing_of_who_saw_it(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 0, 7);
	saw(&w, 8, 1, 0, 60);
	holds(&w, "192.0.2.0/24", T0);
	assert_int_equal(made(&w), NR_COPY_WARNED);
	assert_true(w.copy.warned_first.ns == T0);
	assert_true(w.copy.warned_last.ns == T0 + 180 * S);
	assert_int_equal(w.copy.own_figures.sensors, 0);
	struct nr_copy before = w.copy;

	for (unsigned i = 0; i < 3; i++)
		saw(&w, i, 100, 0, 60);
	(void)made(&w);
	assert_memory_equal(&w.copy, &before, sizeof(before));
	holds(&w, "192.0.2.0/24", w.facts.first.ns + 1); /* not his when it began */
	assert_int_equal(made(&w), NR_COPY_NONE);
	holds(&w, "192.0.3.0/24", T0);
	assert_int_equal(made(&w), NR_COPY_NONE);
	w.asns[0] = (struct nr_scope_asn){ 64500, { T0 } };
	w.scope.asns = w.asns;
	w.scope.n_asns = 1;
	assert_int_equal(made(&w), NR_COPY_NONE); /* its AS is unknown */
	w.facts.asn = 64500;
	assert_int_equal(made(&w), NR_COPY_WARNED);
	w.facts.detector = NR_STR("watch.v1"); /* a sensor is no address */
	assert_int_equal(made(&w), NR_COPY_NONE);
}

static void a_prefix_is_his_when_all_of_it_is(void **state)
{
	static const struct {
		const char *subject, *prefix;
		bool his;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.0/24", true },
		{ "192.0.2.0/24", "192.0.0.0/16", true },
		{ "192.0.2.0/24", "192.0.2.0/25", false },
		{ "192.0.2.0/24", "192.0.2.128/25", false },
		{ "2001:db8::/48", "2001:db8::/32", true },
		{ "2001:db8::/48", "::/0", true },
		{ "192.0.2.0/24", "::/0", false },
		{ "192.0.2.7", "192.0.2.7", true },
		/* nothing is where no address is: a missing one does not match 0.0.0.0/0 */
		{ "0.0.0.0", "0.0.0.0/0", false },
		{ "0.0.0.0/24", "0.0.0.0/0", false },
		{ "::", "::/0", false },
		{ "::/48", "::/0", false },
		{ "", "0.0.0.0/0", false },
		{ "", "::/0", false },
		{ "mirai 23/tcp", "0.0.0.0/0", false },
		{ "192.0.2.7 ", "0.0.0.0/0", false },
		{ "192.0.2.7/24", "0.0.0.0/0", false },
		{ "null", "::/0", false },
		{ "8.8.8.8", "0.0.0.0/0", true },
		{ "8.8.8.8", "10.0.0.0/8", false },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(rows); i++) {
		struct world w;

		world_init(&w, 0, 0);
		saw(&w, 0, 1, 0, 1);
		nr_copy_subject(nr_str_from(rows[i].subject), &w.facts);
		holds(&w, rows[i].prefix, 0);
		assert_int_equal(made(&w), rows[i].his ? NR_COPY_WARNED : NR_COPY_NONE);
	}
}

/* ---- sensors, states, evidence ---- */

static void what_is_said_of_a_sensor_is_its_owners(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 1, 3);
	w.facts.detector = NR_STR("watch.v1");
	w.facts.kind = NR_STR("sensor-silent");
	w.facts.has_subject = false;
	nr_copy_make(&w.scope, &w.facts, &w.seen[0], 1, &w.copy);
	assert_int_equal(w.copy.kind, NR_COPY_OWN);
	assert_int_equal(nr_copy_state(&w.copy, &w.facts, w.facts.last).n, strlen("continuing"));
	for (unsigned i = 1; i < 4; i++)
		saw(&w, i, 1000, 0, 60);
	nr_copy_make(&w.scope, &w.facts, &w.seen[1], 3, &w.copy);
	assert_int_equal(w.copy.kind, NR_COPY_NONE);
}

static void the_state_follows_from_what_he_sees(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 1, 3);
	saw(&w, 0, 100, 0, 60);
	w.facts.last.ns = T0 + 86400 * S; /* others saw it much longer */
	(void)made(&w);
	struct nr_time soon = { T0 + 480 * S }, later = { T0 + 482 * S };

	assert_true(nr_str_eq(nr_copy_state(&w.copy, &w.facts, soon), NR_STR("continuing")));
	assert_true(nr_str_eq(nr_copy_state(&w.copy, &w.facts, later), NR_STR("ended")));
	w.facts.state = NR_STR("withdrawn");
	assert_true(nr_str_eq(nr_copy_state(&w.copy, &w.facts, later), NR_STR("withdrawn")));
	w.facts.state = NR_STR("new");
	w.scope.viewer.role = NR_ROLE_OPERATOR;
	(void)made(&w);
	assert_true(nr_str_eq(nr_copy_state(&w.copy, &w.facts, later), NR_STR("new")));
}

static void evidence_that_is_not_listed_is_not_shown(void **state)
{
	(void)state;
	assert_true(nr_copy_may_show(NR_STR("infect.v1"), NR_STR("family")));
	assert_false(nr_copy_may_show(NR_STR("infect.v2"), NR_STR("family")));
	assert_false(nr_copy_may_show(NR_STR("infect.v1"), NR_STR("")));
	assert_false(nr_copy_may_show(NR_STR(""), NR_STR("")));
	assert_false(nr_copy_may_show(NR_STR("scan.v1"), NR_STR("members")));
	assert_false(nr_copy_may_show(NR_STR("rsdos.v1"), NR_STR("packets")));
	assert_false(nr_copy_may_show(NR_STR("watch.v1"), NR_STR("sensor")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_absent_is_nobody),
		cmocka_unit_test(a_sensor_without_a_uuid_is_nobodys),
		cmocka_unit_test(own_is_what_his_sensors_saw_and_no_more),
		cmocka_unit_test(what_only_others_make_a_finding_is_not_his),
		cmocka_unit_test(shared_needs_the_quorum_and_shows_what_it_reaches),
		cmocka_unit_test(fewer_than_the_quorum_make_nothing_appear),
		cmocka_unit_test(too_few_that_share_show_nothing),
		cmocka_unit_test(the_ends_of_the_numbers_hold),
		cmocka_unit_test(the_holder_is_warned_and_learns_nothing_of_who_saw_it),
		cmocka_unit_test(a_prefix_is_his_when_all_of_it_is),
		cmocka_unit_test(what_is_said_of_a_sensor_is_its_owners),
		cmocka_unit_test(the_state_follows_from_what_he_sees),
		cmocka_unit_test(evidence_that_is_not_listed_is_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
