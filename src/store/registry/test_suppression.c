/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry/test_place.h"
#include "store/registry_suppression.h"

static const struct nr_registry_act act = { .actor = "user:user-a", .now = { 1000 } };

static struct nr_suppression rule_of(const struct place *place, size_t member, const char *subject)
{
	struct nr_suppression rule = { .member = place->member[member],
				       .has_subject = true,
				       .words = "our own scanner",
				       .expires = { 5000 } };

	assert_int_equal(nr_prefix_parse(nr_str_from(subject), &rule.subject), 0);
	return rule;
}

static int count_one(void *ctx, const struct nr_suppression *rule)
{
	(void)rule;
	++*(int *)ctx;
	return 0;
}

static int listed(struct place *place, size_t member, bool in_force, int64_t now)
{
	int n = 0;

	int64_t told = nr_registry_suppressions(place->registry, place->member[member], in_force,
						(struct nr_time){ now }, count_one, &n, NULL);

	assert_int_equal(told, n);
	return n;
}

static void a_member_has_its_own_and_those_for_everyone(void **state)
{
	struct place *place = *state;
	struct nr_suppression own = rule_of(place, 0, "192.0.2.0/24");
	struct nr_suppression all = rule_of(place, 1, "2001:db8::/32");
	struct nr_suppression found;

	all.allow = all.everyone = true;
	memcpy(own.detector, "scan.v1", 8);
	own.asn = 64500;
	assert_int_equal(nr_registry_suppression_add(place->registry, &own, &act, NULL), 0);
	assert_int_equal(nr_registry_suppression_add(place->registry, &all, &act, NULL), 0);
	assert_int_equal(listed(place, 0, true, 1000), 2);
	assert_int_equal(listed(place, 1, true, 1000), 1);
	assert_int_equal(listed(place, 2, true, 1000), 1);
	assert_int_equal(nr_registry_suppression_find(place->registry, place->member[0], own.uuid,
						      &found, NULL),
			 0);
	assert_memory_equal(&found.subject, &own.subject, sizeof(found.subject));
	assert_string_equal(found.detector, "scan.v1");
	assert_string_equal(found.words, "our own scanner");
	assert_string_equal(found.created_by, "user:user-a");
	assert_int_equal(found.asn, 64500);
	assert_false(found.allow);
	assert_int_equal(nr_registry_suppression_find(place->registry, place->member[1], own.uuid,
						      &found, NULL),
			 -ENOENT);
	assert_int_equal(nr_registry_suppression_find(place->registry, place->member[2], all.uuid,
						      &found, NULL),
			 0);
	assert_true(found.everyone && found.allow);
	assert_int_equal(place_audited(place, "suppression.add"), 2);
}

static void only_its_member_undoes_one_and_then_it_holds_no_more(void **state)
{
	struct place *place = *state;
	struct nr_suppression all = rule_of(place, 1, "192.0.2.0/24"), found;
	struct nr_suppression *rules = NULL;
	size_t n = 9;

	all.allow = all.everyone = true;
	assert_int_equal(nr_registry_suppression_add(place->registry, &all, &act, NULL), 0);
	assert_int_equal(nr_registry_suppression_undo(place->registry, place->member[0], all.uuid,
						      &act, &found, NULL),
			 -ENOENT);
	assert_int_equal(nr_registry_suppressions_load(place->registry, place->member[0], act.now,
						       &rules, &n, NULL),
			 0);
	assert_int_equal(n, 1);
	assert_true(nr_uuid_eq(rules[0].uuid, all.uuid));
	free(rules);
	for (int i = 0; i < 2; i++) /* twice is harmless */
		assert_int_equal(nr_registry_suppression_undo(place->registry, place->member[1],
							      all.uuid, &act, &found, NULL),
				 0);
	assert_string_equal(found.undone_by, "user:user-a");
	assert_int_equal(place_audited(place, "suppression.undo"), 1);
	assert_int_equal(nr_registry_suppressions_load(place->registry, place->member[0], act.now,
						       &rules, &n, NULL),
			 0);
	assert_int_equal(n, 0);
	free(rules);
	assert_int_equal(listed(place, 0, false, 1000), 1); /* as history */
}

static void what_expired_is_history(void **state)
{
	struct place *place = *state;
	struct nr_suppression rule = rule_of(place, 0, "192.0.2.1");

	assert_int_equal(nr_registry_suppression_add(place->registry, &rule, &act, NULL), 0);
	assert_int_equal(listed(place, 0, true, 4999), 1);
	assert_int_equal(listed(place, 0, true, 5000), 0);
	assert_int_equal(listed(place, 0, false, 5000), 1);
}

static void rules_that_cannot_be_are_refused(void **state)
{
	const int64_t day = 86400 * NR_NS_PER_S;
	struct place *place = *state;
	struct nr_suppression rule;

	rule = rule_of(place, 0, "192.0.2.1");
	rule.has_subject = false;
	assert_int_equal(nr_registry_suppression_add(place->registry, &rule, &act, NULL),
			 NR_EUSAGE);
	rule = rule_of(place, 0, "192.0.2.1");
	rule.words[0] = '\0';
	assert_int_equal(nr_registry_suppression_add(place->registry, &rule, &act, NULL),
			 NR_EUSAGE);
	rule = rule_of(place, 0, "192.0.2.1");
	rule.everyone = true; /* what others do not see is theirs to say */
	assert_int_equal(nr_registry_suppression_add(place->registry, &rule, &act, NULL),
			 NR_EUSAGE);
	rule = rule_of(place, 0, "192.0.2.1");
	rule.expires.ns = 1000;
	assert_int_equal(nr_registry_suppression_add(place->registry, &rule, &act, NULL),
			 NR_EUSAGE);
	rule.expires.ns = 1000 + NR_SUPPRESSION_DAYS_MAX * day + 1;
	assert_int_equal(nr_registry_suppression_add(place->registry, &rule, &act, NULL),
			 NR_EUSAGE);
	rule.expires.ns--;
	assert_int_equal(nr_registry_suppression_add(place->registry, &rule, &act, NULL), 0);
	assert_int_equal(listed(place, 0, false, 1000), 1);
}

static void there_is_room_for_so_many_and_undoing_makes_room(void **state)
{
	struct place *place = *state;
	struct nr_suppression rule = rule_of(place, 0, "192.0.2.1"), found;

	place_run(place, "PRAGMA synchronous=OFF"); /* 500 of them: durability is not the matter */
	for (int i = 0; i < NR_SUPPRESSIONS; i++)
		assert_int_equal(nr_registry_suppression_add(place->registry, &rule, &act, NULL),
				 0);
	struct nr_suppression more = rule_of(place, 0, "192.0.2.2");
	struct nr_suppression others = rule_of(place, 1, "192.0.2.2");

	assert_int_equal(nr_registry_suppression_add(place->registry, &more, &act, NULL), -EDQUOT);
	assert_int_equal(nr_registry_suppression_add(place->registry, &others, &act, NULL), 0);
	assert_int_equal(nr_registry_suppression_undo(place->registry, place->member[0], rule.uuid,
						      &act, &found, NULL),
			 0);
	assert_int_equal(nr_registry_suppression_add(place->registry, &more, &act, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(a_member_has_its_own_and_those_for_everyone),
		WITH_PLACE(only_its_member_undoes_one_and_then_it_holds_no_more),
		WITH_PLACE(what_expired_is_history),
		WITH_PLACE(rules_that_cannot_be_are_refused),
		WITH_PLACE(there_is_room_for_so_many_and_undoing_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
