/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cmocka.h"
#include "judge.h"

enum { IN_CI = 100000, SEQUENCES = 400, STEPS = 12, ONLOOKERS = 16 };

static struct nr_uuid uuid_of(uint8_t n)
{
	return (struct nr_uuid){ .b = { [15] = n } };
}

static struct nr_viewer member_of(uint8_t n, enum nr_role role)
{
	return (struct nr_viewer){ .member = uuid_of(n),
				   .epoch = 1,
				   .role = (uint8_t)role,
				   .active = true,
				   .now = { 100 } };
}

static void decisions_are_those_of_the_oracle(void **state)
{
	struct verdict verdict = { 0 };

	(void)state;
	for (uint64_t seed = 1; verdict.decisions < IN_CI; seed++)
		judge_one(&verdict, seed);
	if (verdict.differences > 0)
		fail_msg("%llu differences, the first at seed %llu",
			 (unsigned long long)verdict.differences,
			 (unsigned long long)verdict.first_seed);
	/* Neither answer is so rare that the other would do. */
	assert_in_range(verdict.allowed, verdict.decisions / 20, verdict.decisions / 2);
}

/* Hostile input 47: zero is nobody, everywhere. */
static void zero_is_nobody_and_may_nothing(void **state)
{
	const struct nr_label zero_label = { 0 };
	const struct nr_viewer zero_viewer = { 0 };
	struct nr_label open = { .tlp = NR_TLP_CLEAR, .everyone = true, .purposes = 0xff };
	struct nr_viewer able = member_of(1, NR_ROLE_OPERATOR);

	(void)state;
	for (unsigned action = 0; action < JUDGE_ACTIONS; action++) {
		assert_false(nr_policy_allows(&zero_viewer, &open, (enum nr_action)action));
		assert_false(nr_policy_allows(&able, &zero_label, (enum nr_action)action));
		assert_false(nr_policy_allows(&zero_viewer, &zero_label, (enum nr_action)action));
	}
	assert_false(nr_policy_allows(&able, &open, NR_ACTION_NONE));
	/* A label of nobody, with a member of nobody in it, and a viewer of no member. */
	open = (struct nr_label){ .tlp = NR_TLP_AMBER, .purposes = 0xff, .n_members = 1 };
	open.members[0].epoch = 1;
	able.member = uuid_of(0);
	assert_false(nr_policy_allows(&able, &open, NR_ACTION_READ));
	assert_false(nr_policy_allows(&able, &open, NR_ACTION_RELAX));
}

static void the_default_label_is_read_by_its_owner_alone(void **state)
{
	const struct nr_label label = nr_label_default(uuid_of(1));

	(void)state;
	for (uint8_t role = NR_ROLE_VIEWER; role <= NR_ROLE_OPERATOR; role++) {
		struct nr_viewer owner = member_of(1, role), other = member_of(2, role);

		assert_true(nr_policy_allows(&owner, &label, NR_ACTION_READ));
		assert_false(nr_policy_allows(&owner, &label, NR_ACTION_PASS_ON));
		assert_false(nr_policy_allows(&other, &label, NR_ACTION_READ));
		assert_false(nr_policy_allows(&other, &label, NR_ACTION_COUNT));
		assert_int_equal(nr_policy_allows(&owner, &label, NR_ACTION_RELAX),
				 role >= NR_ROLE_COORDINATOR);
		owner.active = false; /* suspended: not even his own */
		assert_false(nr_policy_allows(&owner, &label, NR_ACTION_READ));
	}
}

/* Hostile input 51: no rank, however high, makes one the owner. */
static void a_rank_is_not_ownership(void **state)
{
	struct nr_label label = nr_label_default(uuid_of(1)), wish = label, got;
	struct nr_viewer operator_of_another = member_of(2, NR_ROLE_OPERATOR);

	(void)state;
	label.n_members = 1;
	label.members[0] = (struct nr_party){ uuid_of(2), 1 };
	label.purposes = 0xff;
	wish = label;
	wish.tlp = NR_TLP_CLEAR;
	wish.everyone = true;
	wish.owner = uuid_of(2);
	assert_false(nr_policy_allows(&operator_of_another, &label, NR_ACTION_RELAX));
	assert_int_equal(nr_policy_relabel(&operator_of_another, &label, &wish, &got), 0);
	assert_int_equal(got.tlp, NR_TLP_AMBER_STRICT);
	assert_false(got.everyone);
	assert_true(nr_uuid_eq(got.owner, uuid_of(1)));
	for (unsigned role = NR_ROLE_OPERATOR + 1; role < 256; role++) { /* nor one nobody has */
		struct nr_viewer odd = member_of(1, NR_ROLE_ADMIN);

		odd.role = (uint8_t)role;
		assert_false(nr_policy_allows(&odd, &label, NR_ACTION_READ));
		assert_false(nr_policy_allows(&odd, &label, NR_ACTION_RELAX));
	}
}

static void who_comes_back_with_another_epoch_is_another(void **state)
{
	struct nr_label label = nr_label_default(uuid_of(1));
	struct nr_viewer viewer = member_of(2, NR_ROLE_VIEWER);

	(void)state;
	label.purposes = 0xff;
	label.n_members = 1;
	label.members[0] = (struct nr_party){ uuid_of(2), 3 };
	label.n_communities = 1;
	label.communities[0] = (struct nr_party){ uuid_of(9), 2 };
	viewer.n_communities = 1;
	viewer.communities[0] = (struct nr_party){ uuid_of(9), 1 };
	for (viewer.epoch = 0; viewer.epoch < 6; viewer.epoch++)
		assert_int_equal(nr_policy_allows(&viewer, &label, NR_ACTION_READ),
				 viewer.epoch == 3);
	viewer.communities[0].epoch = 2;
	for (viewer.epoch = 0; viewer.epoch < 6; viewer.epoch++)
		assert_true(nr_policy_allows(&viewer, &label, NR_ACTION_READ));
}

/* An owner excepted: he stays the owner of the first. */
static void the_strictest_lets_nobody_pass_whom_one_denies(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20000; seed++) {
		struct dice dice = { .seed = seed };
		struct nr_label a, b;
		struct nr_viewer viewer;

		draw_label(&dice, &a);
		draw_label(&dice, &b);
		struct nr_label both = nr_policy_strictest(&a, &b);

		assert_true(nr_uuid_eq(both.owner, a.owner));
		for (int i = 0; i < 8; i++) {
			draw_viewer(&dice, &viewer);
			if (nr_uuid_eq(viewer.member, a.owner))
				continue;
			for (unsigned action = 0; action < JUDGE_ACTIONS; action++) {
				enum nr_action act = (enum nr_action)action;

				if (nr_policy_allows(&viewer, &both, act) &&
				    (!nr_policy_allows(&viewer, &a, act) ||
				     !nr_policy_allows(&viewer, &b, act)))
					fail_msg("seed %llu", (unsigned long long)seed);
			}
		}
		struct nr_label same = nr_policy_strictest(&a, &a),
				back = nr_policy_strictest(&b, &a);

		for (int i = 0; i < 8; i++) {
			draw_viewer(&dice, &viewer);
			assert_int_equal(nr_policy_allows(&viewer, &same, NR_ACTION_READ),
					 nr_policy_allows(&viewer, &a, NR_ACTION_READ));
			back.owner = both.owner; /* but for the owner the order is all the same */
			if (a.tlp != NR_TLP_UNSET && b.tlp != NR_TLP_UNSET &&
			    !nr_uuid_eq(viewer.member, both.owner))
				assert_int_equal(nr_policy_allows(&viewer, &back, NR_ACTION_READ),
						 nr_policy_allows(&viewer, &both, NR_ACTION_READ));
		}
	}
}

static void strangers_never_relax_whatever_they_say_in_turn(void **state)
{
	unsigned changed = 0, told = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEQUENCES; seed++) {
		struct dice dice = { .seed = seed << 20 };
		struct nr_viewer onlookers[ONLOOKERS];
		bool could[ONLOOKERS];
		struct nr_label label, wish, first;

		draw_label(&dice, &label);
		first = label;
		for (size_t i = 0; i < ONLOOKERS; i++) {
			draw_viewer(&dice, &onlookers[i]);
			could[i] = nr_policy_allows(&onlookers[i], &label, NR_ACTION_READ);
		}
		for (int step = 0; step < STEPS; step++) {
			struct nr_viewer stranger;

			draw_viewer(&dice, &stranger);
			draw_label(&dice, &wish);
			if (nr_uuid_eq(stranger.member, label.owner))
				continue;
			told += nr_policy_relabel(&stranger, &label, &wish, &label) == 0;
			assert_true(nr_uuid_eq(label.owner, first.owner));
			for (size_t i = 0; i < ONLOOKERS; i++) {
				bool can = nr_policy_allows(&onlookers[i], &label, NR_ACTION_READ);

				assert_true(could[i] || !can);
				could[i] = can;
			}
		}
		changed += !nr_label_eq(&label, &first);
	}
	assert_true(told >= changed && changed > SEQUENCES / 10); /* they did say something */
}

static void no_wish_locks_an_owner_out(void **state)
{
	const struct nr_label label = nr_label_default(uuid_of(1)), none = { 0 };
	struct nr_viewer owner = member_of(1, NR_ROLE_COORDINATOR);
	struct nr_label got = label;

	(void)state;
	assert_int_equal(nr_policy_relabel(&owner, &label, &none, &got), -EINVAL);
	assert_true(nr_label_eq(&got, &label));
	owner.role = NR_ROLE_ANALYST;
	struct nr_label open = label;

	open.tlp = NR_TLP_CLEAR;
	open.everyone = true;
	open.purposes = 0xff;
	assert_int_equal(nr_policy_relabel(&owner, &label, &open, &got), 0);
	assert_false(got.everyone); /* whom his coordinator did not let, he does not either */
	owner.role = NR_ROLE_COORDINATOR;
	assert_int_equal(nr_policy_relabel(&owner, &label, &open, &got), 0);
	assert_true(got.everyone);
}

static void a_quorum_is_more_than_half_and_at_least_k(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 300; n++)
		for (unsigned k = 0; k < 12; k++) {
			unsigned quorum = nr_policy_quorum(n, k);

			if (quorum == 0) { /* as few as cannot hide who saw it */
				assert_true(n == 0 || n < k);
				continue;
			}
			assert_true(quorum <= n && 2 * quorum > n && quorum >= k);
			assert_true(quorum == k ||
				    2 * (quorum - 1) <= n); /* and no more than needed */
			/* Two that share no sensor cannot both be a quorum. */
			assert_true(2 * quorum > n);
		}
	assert_int_equal(nr_policy_quorum(UINT32_MAX, 3), UINT32_MAX / 2 + 1);
	assert_int_equal(nr_policy_quorum(3, UINT32_MAX), 0);
}

static void each_layer_asks_for_a_purpose_of_its_own(void **state)
{
	(void)state;
	assert_int_equal(nr_policy_purpose(NR_LAYER_TECHNICAL), NR_PURPOSE_DEFENCE);
	assert_int_equal(nr_policy_purpose(NR_LAYER_LAW_ENFORCEMENT), NR_PURPOSE_INVESTIGATION);
	assert_int_equal(nr_policy_purpose(NR_LAYER_POLICY), NR_PURPOSE_STATISTICS);
	assert_int_equal(nr_policy_purpose(NR_LAYER_DIPLOMATIC), NR_PURPOSE_STATISTICS);
	assert_int_equal(nr_policy_purpose(NR_LAYER_RESEARCH), NR_PURPOSE_RESEARCH);
	assert_int_equal(nr_policy_purpose(NR_N_LAYERS), NR_N_PURPOSES);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(decisions_are_those_of_the_oracle),
		cmocka_unit_test(zero_is_nobody_and_may_nothing),
		cmocka_unit_test(the_default_label_is_read_by_its_owner_alone),
		cmocka_unit_test(a_rank_is_not_ownership),
		cmocka_unit_test(who_comes_back_with_another_epoch_is_another),
		cmocka_unit_test(the_strictest_lets_nobody_pass_whom_one_denies),
		cmocka_unit_test(strangers_never_relax_whatever_they_say_in_turn),
		cmocka_unit_test(no_wish_locks_an_owner_out),
		cmocka_unit_test(a_quorum_is_more_than_half_and_at_least_k),
		cmocka_unit_test(each_layer_asks_for_a_purpose_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
