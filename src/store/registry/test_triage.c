/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry/test_place.h"
#include "store/registry_triage.h"

static const struct nr_registry_act act = { .actor = "user:user-a", .now = { 1000 } };
static const char finding[] = "00000000000000aa";

static int change(struct place *place, size_t member, enum nr_triage_action action,
		  const char *assignee, struct nr_registry_triage *triage)
{
	struct nr_registry_triage_change wish = { .member = place->member[member],
						  .finding = finding,
						  .shown = "00000000000000bb",
						  .action = action,
						  .assignee = assignee,
						  .words = "why" };

	return nr_registry_triage_change(place->registry, &wish, &act, triage, NULL);
}

static void a_member_says_what_it_thinks_and_no_other_hears_it(void **state)
{
	struct place *place = *state;
	struct nr_registry_triage triage;

	assert_int_equal(nr_registry_triage(place->registry, place->member[0], finding, &triage,
					    NULL),
			 0);
	assert_int_equal(triage.version, 0);
	assert_int_equal(triage.state, NR_TRIAGE_OPEN);
	assert_int_equal(change(place, 0, NR_TRIAGE_SAY_FALSE, NULL, &triage), 0);
	assert_int_equal(triage.version, 1);
	assert_int_equal(nr_registry_triage(place->registry, place->member[0], finding, &triage,
					    NULL),
			 0);
	assert_int_equal(triage.state, NR_TRIAGE_FALSE);
	assert_string_equal(triage.words, "why");
	assert_string_equal(triage.changed_by, "user:user-a");
	assert_int_equal(nr_registry_triage(place->registry, place->member[1], finding, &triage,
					    NULL),
			 0);
	assert_int_equal(triage.version, 0);
	assert_int_equal(triage.state, NR_TRIAGE_OPEN);
	assert_int_equal(place_audited(place, "triage.false"), 1);
}

static void a_change_thought_for_another_version_changes_nothing(void **state)
{
	struct place *place = *state;
	struct nr_registry_triage triage = { 0 };
	struct nr_registry_triage_change wish = { .member = place->member[0],
						  .finding = finding,
						  .shown = "00000000000000bb",
						  .action = NR_TRIAGE_CLOSE,
						  .has_expected = true };

	assert_int_equal(nr_registry_triage_change(place->registry, &wish, &act, &triage, NULL), 0);
	assert_int_equal(nr_registry_triage_change(place->registry, &wish, &act, &triage, NULL),
			 -ESTALE);
	assert_int_equal(nr_registry_triage(place->registry, place->member[0], finding, &triage,
					    NULL),
			 0);
	assert_int_equal(triage.version, 1);
	wish.expected = 1;
	wish.action = NR_TRIAGE_REOPEN;
	assert_int_equal(nr_registry_triage_change(place->registry, &wish, &act, &triage, NULL), 0);
	assert_int_equal(triage.version, 2);
}

static void undoing_goes_back_step_by_step_and_each_step_stays_to_be_read(void **state)
{
	static const enum nr_triage_state back[] = { NR_TRIAGE_ACKNOWLEDGED, NR_TRIAGE_OPEN };
	struct place *place = *state;
	struct nr_registry_triage triage;

	assert_int_equal(change(place, 0, NR_TRIAGE_UNDO, NULL, &triage), NR_EUSAGE);
	assert_int_equal(change(place, 0, NR_TRIAGE_ACKNOWLEDGE, NULL, &triage), 0);
	assert_int_equal(change(place, 0, NR_TRIAGE_ASSIGN, "user-a", &triage), 0);
	assert_int_equal(change(place, 0, NR_TRIAGE_CLOSE, NULL, &triage), 0);
	assert_int_equal(change(place, 0, NR_TRIAGE_UNDO, NULL, &triage), 0);
	assert_int_equal(triage.state, NR_TRIAGE_ACKNOWLEDGED);
	assert_string_equal(triage.assignee_login, "user-a");
	for (size_t i = 0; i < NR_COUNT(back); i++) {
		assert_int_equal(change(place, 0, NR_TRIAGE_UNDO, NULL, &triage), 0);
		assert_int_equal(triage.state, back[i]);
		assert_string_equal(triage.assignee_login, "");
	}
	assert_int_equal(triage.version, 6);
	assert_int_equal(change(place, 0, NR_TRIAGE_UNDO, NULL, &triage), NR_EUSAGE);
	/* A change after undoing: back to what stood before it, not to what was undone. */
	assert_int_equal(change(place, 0, NR_TRIAGE_SAY_FALSE, NULL, &triage), 0);
	assert_int_equal(change(place, 0, NR_TRIAGE_UNDO, NULL, &triage), 0);
	assert_int_equal(triage.state, NR_TRIAGE_OPEN);
	assert_int_equal(place_audited(place, "triage.undo"), 4);
}

static int count_version(void *ctx, const struct nr_registry_triage *triage)
{
	uint32_t *left = ctx;

	assert_int_equal(triage->version, (*left)--);
	return 0;
}

static void history_is_the_members_newest_first(void **state)
{
	struct place *place = *state;
	struct nr_registry_triage triage;
	uint32_t left = 2;

	assert_int_equal(change(place, 0, NR_TRIAGE_ACKNOWLEDGE, NULL, &triage), 0);
	assert_int_equal(change(place, 1, NR_TRIAGE_CLOSE, NULL, &triage), 0);
	assert_int_equal(change(place, 0, NR_TRIAGE_CLOSE, NULL, &triage), 0);
	assert_int_equal(nr_registry_triage_history(place->registry, place->member[0], finding,
						    count_version, &left, NULL),
			 2);
	assert_int_equal(left, 0);
}

static void only_users_of_the_member_who_may_log_in_are_assigned(void **state)
{
	struct place *place = *state;
	struct nr_registry_triage triage;
	char uuid[NR_UUID_TEXT];

	nr_uuid_print(place->user[0], uuid);
	assert_int_equal(change(place, 0, NR_TRIAGE_ASSIGN, "user-b", &triage), NR_EUSAGE);
	assert_int_equal(change(place, 0, NR_TRIAGE_ASSIGN, "nobody", &triage), NR_EUSAGE);
	assert_int_equal(change(place, 0, NR_TRIAGE_ASSIGN, uuid, &triage), 0);
	assert_true(nr_uuid_eq(triage.assignee, place->user[0]));
	assert_int_equal(change(place, 0, NR_TRIAGE_ASSIGN, "", &triage), 0);
	assert_string_equal(triage.assignee_login, "");
	place_run(place, "UPDATE user SET disabled_ns = 1");
	assert_int_equal(change(place, 0, NR_TRIAGE_ASSIGN, "user-a", &triage), NR_EUSAGE);
}

/* ---- comments ---- */

static struct nr_registry_comment comment_of(const struct place *place, size_t member)
{
	return (struct nr_registry_comment){ .member = place->member[member],
					     .user = place->user[member],
					     .finding = finding,
					     .shown = "00000000000000bb",
					     .words = "seen here too" };
}

static int count_one(void *ctx, const struct nr_registry_comment *comment)
{
	assert_string_equal(comment->words, "seen here too");
	++*(int *)ctx;
	return 0;
}

static int seen_by(struct place *place, size_t member)
{
	struct nr_viewer viewer = place_viewer(place, member, NR_ROLE_VIEWER);
	int n = 0;

	int64_t told = nr_registry_comments(place->registry, &viewer, finding, count_one, &n, NULL);

	assert_int_equal(told, n);
	return n;
}

static void a_comment_is_its_members_until_a_label_says_more(void **state)
{
	struct place *place = *state;
	struct nr_registry_comment own = comment_of(place, 0), shared = comment_of(place, 0);
	struct nr_registry_comment found;
	struct nr_viewer a = place_viewer(place, 0, NR_ROLE_ANALYST);
	struct nr_viewer b = place_viewer(place, 1, NR_ROLE_ADMIN);

	shared.has_label = true;
	shared.label = place_label(place, 2);
	shared.label.owner = place->member[0];
	assert_int_equal(nr_registry_comment_add(place->registry, &own, &act, NULL), 0);
	assert_int_equal(nr_registry_comment_add(place->registry, &shared, &act, NULL), 0);
	assert_int_equal(seen_by(place, 0), 2);
	assert_int_equal(seen_by(place, 1), 1);
	assert_int_equal(seen_by(place, 2), 0);
	assert_int_equal(nr_registry_comment_find(place->registry, &b, finding, shared.uuid, &found,
						  NULL),
			 0);
	assert_string_equal(found.member_name, "a");
	assert_int_equal(nr_registry_comment_find(place->registry, &b, finding, own.uuid, &found,
						  NULL),
			 -ENOENT);
	/* Reading is not owning. */
	assert_int_equal(nr_registry_comment_remove(place->registry, &b, finding, shared.uuid, true,
						    &act, &found, NULL),
			 -ENOENT);
	assert_int_equal(nr_registry_comment_remove(place->registry, &a, finding, shared.uuid, true,
						    &act, &found, NULL),
			 0);
	assert_int_equal(seen_by(place, 1), 0);
	assert_int_equal(seen_by(place, 0), 2); /* and may bring it back */
	assert_int_equal(nr_registry_comment_remove(place->registry, &a, finding, shared.uuid,
						    false, &act, &found, NULL),
			 0);
	assert_int_equal(seen_by(place, 1), 1);
	assert_int_equal(place_audited(place, "comment.remove"), 1);
	assert_int_equal(place_audited(place, "comment.restore"), 1);
}

static void a_comment_is_found_under_its_own_finding_only(void **state)
{
	struct place *place = *state;
	struct nr_registry_comment comment = comment_of(place, 0), found;
	struct nr_viewer a = place_viewer(place, 0, NR_ROLE_ADMIN);

	assert_int_equal(nr_registry_comment_add(place->registry, &comment, &act, NULL), 0);
	assert_int_equal(nr_registry_comment_find(place->registry, &a, "00000000000000ab",
						  comment.uuid, &found, NULL),
			 -ENOENT);
	assert_int_equal(nr_registry_comment_remove(place->registry, &a, "00000000000000ab",
						    comment.uuid, true, &act, &found, NULL),
			 -ENOENT);
	assert_int_equal(place_audited(place, "comment.remove"), 0);
}

static void another_analyst_does_not_take_back_what_he_did_not_say(void **state)
{
	struct place *place = *state;
	struct nr_registry_comment comment = comment_of(place, 0), found;
	struct nr_viewer other = place_viewer(place, 0, NR_ROLE_ANALYST);

	other.user = place->user[1];
	assert_int_equal(nr_registry_comment_add(place->registry, &comment, &act, NULL), 0);
	assert_int_equal(nr_registry_comment_remove(place->registry, &other, finding, comment.uuid,
						    true, &act, &found, NULL),
			 -EACCES);
	other.user = (struct nr_uuid){ { 0 } }; /* a token of the member's */
	assert_int_equal(nr_registry_comment_remove(place->registry, &other, finding, comment.uuid,
						    true, &act, &found, NULL),
			 -EACCES);
	other.role = NR_ROLE_COORDINATOR;
	assert_int_equal(nr_registry_comment_remove(place->registry, &other, finding, comment.uuid,
						    true, &act, &found, NULL),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(a_member_says_what_it_thinks_and_no_other_hears_it),
		WITH_PLACE(a_change_thought_for_another_version_changes_nothing),
		WITH_PLACE(undoing_goes_back_step_by_step_and_each_step_stays_to_be_read),
		WITH_PLACE(history_is_the_members_newest_first),
		WITH_PLACE(only_users_of_the_member_who_may_log_in_are_assigned),
		WITH_PLACE(a_comment_is_its_members_until_a_label_says_more),
		WITH_PLACE(a_comment_is_found_under_its_own_finding_only),
		WITH_PLACE(another_analyst_does_not_take_back_what_he_did_not_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
