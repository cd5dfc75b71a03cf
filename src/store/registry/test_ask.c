/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry/test_place.h"
#include "store/registry_ask.h"

static const struct nr_registry_act act = { .actor = "user:user-a", .now = { 1000 } };
static const int64_t week = 7 * 86400 * NR_NS_PER_S;

/* Member a asks b and c. */
static struct nr_registry_ask ask_of(const struct place *place)
{
	return (struct nr_registry_ask){ .member = place->member[0],
					 .subject = "192.0.2.7/32",
					 .since = { 1 },
					 .until = { 900 },
					 .words = "do you see this too?",
					 .label = place_label(place, 6) };
}

static int count_one(void *ctx, const struct nr_registry_ask *ask)
{
	assert_string_equal(ask->subject, "192.0.2.7/32");
	++*(int *)ctx;
	return 0;
}

static int seen_by(struct place *place, size_t member, bool open, int64_t now)
{
	struct nr_viewer viewer = place_viewer(place, member, NR_ROLE_VIEWER);
	struct nr_registry_ask_filter filter = { .limit = 100, .open = open };
	int n = 0;

	viewer.now.ns = now;
	int64_t told = nr_registry_asks(place->registry, &viewer, &filter, count_one, &n, NULL);

	assert_int_equal(told, n);
	return n;
}

static void a_question_reaches_whom_its_label_names_and_nobody_else(void **state)
{
	struct place *place = *state;
	struct nr_registry_ask ask = ask_of(place), found;
	struct nr_viewer b = place_viewer(place, 1, NR_ROLE_ANALYST);
	struct nr_viewer d = place_viewer(place, 3, NR_ROLE_OPERATOR);

	ask.label.members[0].epoch = 0; /* as it is now */
	assert_int_equal(nr_registry_ask_add(place->registry, &ask, &act, NULL), 0);
	for (size_t i = 0; i < TEST_MEMBERS; i++)
		assert_int_equal(seen_by(place, i, true, 1000), i == 3 ? 0 : 1);
	assert_int_equal(nr_registry_ask_find(place->registry, &b, ask.uuid, &found, NULL), 0);
	assert_string_equal(found.member_name, "a");
	assert_int_equal(found.label.n_members, 2);
	assert_int_equal(found.label.members[0].epoch, 1);
	assert_true(nr_uuid_eq(found.label.owner, place->member[0]));
	assert_int_equal(nr_registry_ask_find(place->registry, &d, ask.uuid, &found, NULL),
			 -ENOENT);
	b.epoch = 2; /* left, and came back */
	assert_int_equal(nr_registry_ask_find(place->registry, &b, ask.uuid, &found, NULL),
			 -ENOENT);
	assert_int_equal(place_audited(place, "ask.add"), 1);
}

static void pages_miss_and_repeat_nothing(void **state)
{
	struct place *place = *state;
	struct nr_viewer b = place_viewer(place, 1, NR_ROLE_VIEWER);
	struct nr_registry_ask_filter filter = { .limit = 2 };
	uint64_t last = 0;
	int n = 0;

	for (int i = 0; i < 5; i++) {
		struct nr_registry_ask ask = ask_of(place);

		if (i == 2)
			ask.label = place_label(place, 4); /* not for b */
		assert_int_equal(nr_registry_ask_add(place->registry, &ask, &act, NULL), 0);
		assert_true(ask.sequence > last);
		last = ask.sequence;
		filter.after = i == 1 ? ask.sequence : filter.after;
	}
	assert_int_equal(nr_registry_asks(place->registry, &b, &filter, count_one, &n, NULL), 2);
	filter.after = last;
	assert_int_equal(nr_registry_asks(place->registry, &b, &filter, count_one, &n, NULL), 0);
}

static void labels_that_reach_nobody_are_refused(void **state)
{
	struct place *place = *state;
	struct nr_label wrong[5];

	for (size_t i = 0; i < NR_COUNT(wrong); i++)
		wrong[i] = place_label(place, 2);
	wrong[0].n_members = 0;
	wrong[1].purposes = 0;
	wrong[2].tlp = NR_TLP_UNSET;
	wrong[3].members[0].uuid.b[3] ^= 1; /* no member of this hub */
	wrong[4].n_members = 0;
	wrong[4].everyone = true; /* AMBER does not reach everyone */
	for (size_t i = 0; i < NR_COUNT(wrong); i++) {
		struct nr_registry_ask ask = ask_of(place);

		ask.label = wrong[i];
		assert_int_equal(nr_registry_ask_add(place->registry, &ask, &act, NULL), NR_EUSAGE);
	}
	assert_int_equal(seen_by(place, 0, false, 1000), 0);
	wrong[4].tlp = NR_TLP_GREEN;
	struct nr_registry_ask ask = ask_of(place);

	ask.label = wrong[4];
	assert_int_equal(nr_registry_ask_add(place->registry, &ask, &act, NULL), 0);
	assert_int_equal(seen_by(place, 3, false, 1000), 1);
}

static struct nr_registry_ask_answer answer_of(enum nr_ask_seen seen)
{
	return (struct nr_registry_ask_answer){ .seen = (uint8_t)seen,
						.level = NR_ASK_FEW,
						.first = { 3600 * NR_NS_PER_S },
						.last = { 7200 * NR_NS_PER_S },
						.words = "since noon" };
}

struct given {
	int n;
	struct nr_registry_ask_answer last;
};

static int take(void *ctx, const struct nr_registry_ask_answer *answer)
{
	struct given *given = ctx;

	given->last = *answer;
	given->n++;
	return 0;
}

static struct given answers_for(struct place *place, size_t member, struct nr_uuid uuid)
{
	struct nr_viewer viewer = place_viewer(place, member, NR_ROLE_VIEWER);
	struct nr_registry_ask ask;
	struct given given = { 0 };

	assert_int_equal(nr_registry_ask_find(place->registry, &viewer, uuid, &ask, NULL), 0);
	int64_t told = nr_registry_ask_answers(place->registry, &viewer, &ask, take, &given, NULL);

	assert_int_equal(told, given.n);
	return given;
}

static void who_asked_hears_all_and_who_answered_hears_himself(void **state)
{
	struct place *place = *state;
	struct nr_registry_ask ask = ask_of(place);
	struct nr_viewer b = place_viewer(place, 1, NR_ROLE_ANALYST);
	struct nr_viewer c = place_viewer(place, 2, NR_ROLE_ANALYST);
	struct nr_registry_ask_answer yes = answer_of(NR_ASK_YES), no = answer_of(NR_ASK_NO);

	assert_int_equal(nr_registry_ask_add(place->registry, &ask, &act, NULL), 0);
	assert_int_equal(nr_registry_ask_answer(place->registry, &b, ask.uuid, &yes, &act, NULL),
			 0);
	assert_int_equal(answers_for(place, 2, ask.uuid).n, 0);
	assert_int_equal(nr_registry_ask_answer(place->registry, &c, ask.uuid, &no, &act, NULL), 0);
	assert_int_equal(answers_for(place, 0, ask.uuid).n, 2);
	struct given mine = answers_for(place, 1, ask.uuid);

	assert_int_equal(mine.n, 1);
	assert_string_equal(mine.last.member_name, "b");
	assert_int_equal(mine.last.level, NR_ASK_FEW);
	assert_int_equal(mine.last.last.ns, 7200 * NR_NS_PER_S);
	/* Again replaces. */
	assert_int_equal(nr_registry_ask_answer(place->registry, &b, ask.uuid, &no, &act, NULL), 0);
	mine = answers_for(place, 1, ask.uuid);
	assert_int_equal(mine.n, 1);
	assert_int_equal(mine.last.seen, NR_ASK_NO);
	assert_int_equal(place_audited(place, "ask.answer"), 3);
}

static void nobody_answers_what_is_his_own_not_his_or_over(void **state)
{
	struct place *place = *state;
	struct nr_registry_ask ask = ask_of(place), found;
	struct nr_viewer a = place_viewer(place, 0, NR_ROLE_ADMIN);
	struct nr_viewer b = place_viewer(place, 1, NR_ROLE_ADMIN);
	struct nr_viewer d = place_viewer(place, 3, NR_ROLE_ADMIN);
	struct nr_registry_ask_answer yes = answer_of(NR_ASK_YES);
	struct nr_registry_act late = { .actor = "x", .now = { 1000 + week } };

	assert_int_equal(nr_registry_ask_add(place->registry, &ask, &act, NULL), 0);
	assert_int_equal(nr_registry_ask_answer(place->registry, &a, ask.uuid, &yes, &act, NULL),
			 -EACCES);
	assert_int_equal(nr_registry_ask_answer(place->registry, &d, ask.uuid, &yes, &act, NULL),
			 -ENOENT);
	assert_int_equal(nr_registry_ask_answer(place->registry, &b, ask.uuid, &yes, &late, NULL),
			 -EEXIST);
	assert_int_equal(seen_by(place, 1, true, 1000 + week), 0);
	assert_int_equal(nr_registry_ask_close(place->registry, &d, ask.uuid, &act, &found, NULL),
			 -ENOENT);
	assert_int_equal(nr_registry_ask_close(place->registry, &b, ask.uuid, &act, &found, NULL),
			 -EACCES);
	assert_int_equal(nr_registry_ask_close(place->registry, &a, ask.uuid, &act, &found, NULL),
			 0);
	assert_int_equal(nr_registry_ask_close(place->registry, &a, ask.uuid, &act, &found, NULL),
			 0);
	assert_int_equal(place_audited(place, "ask.close"), 1);
	assert_int_equal(nr_registry_ask_answer(place->registry, &b, ask.uuid, &yes, &act, NULL),
			 -EEXIST);
	assert_int_equal(seen_by(place, 1, true, 1000), 0);
	assert_int_equal(seen_by(place, 1, false, 1000), 1);
}

static void a_member_asks_only_so_much(void **state)
{
	struct place *place = *state;
	struct nr_registry_act later = act;
	struct nr_registry_ask ask;

	place_run(place, "PRAGMA synchronous=OFF");
	for (int i = 0; i < NR_ASKS_HOUR; i++) {
		ask = ask_of(place);
		assert_int_equal(nr_registry_ask_add(place->registry, &ask, &act, NULL), 0);
	}
	ask = ask_of(place);
	assert_int_equal(nr_registry_ask_add(place->registry, &ask, &act, NULL), -EDQUOT);
	later.now.ns += 3600 * NR_NS_PER_S;
	for (int i = NR_ASKS_HOUR; i < NR_ASKS_OPEN; i++) {
		later.now.ns += 600 * NR_NS_PER_S;
		ask = ask_of(place);
		assert_int_equal(nr_registry_ask_add(place->registry, &ask, &later, NULL), 0);
	}
	later.now.ns += 86400 * NR_NS_PER_S;
	ask = ask_of(place);
	assert_int_equal(nr_registry_ask_add(place->registry, &ask, &later, NULL), -EDQUOT);
	later.now.ns += week;
	ask = ask_of(place);
	assert_int_equal(nr_registry_ask_add(place->registry, &ask, &later, NULL), 0);
}

static int64_t rows_of(struct place *place, const char *sql)
{
	sqlite3_stmt *stmt;

	assert_int_equal(nr_registry_prepare(place->registry, sql, &stmt, NULL), 0);
	assert_int_equal(nr_registry_step(place->registry, stmt, NULL), 1);
	int64_t n = sqlite3_column_int64(stmt, 0);

	(void)sqlite3_finalize(stmt);
	return n;
}

static void what_ended_long_ago_is_forgotten_with_its_answers_and_label(void **state)
{
	const int64_t kept = NR_ASK_KEPT_DAYS * 86400 * NR_NS_PER_S;
	struct place *place = *state;
	struct nr_registry_ask old = ask_of(place), young = ask_of(place);
	struct nr_viewer b = place_viewer(place, 1, NR_ROLE_ANALYST);
	struct nr_registry_ask_answer yes = answer_of(NR_ASK_YES);
	struct nr_registry_act later = { .actor = "x", .now = { 1001 } };

	assert_int_equal(nr_registry_ask_add(place->registry, &old, &act, NULL), 0);
	assert_int_equal(nr_registry_ask_add(place->registry, &young, &later, NULL), 0);
	assert_int_equal(nr_registry_ask_answer(place->registry, &b, old.uuid, &yes, &act, NULL),
			 0);
	assert_int_equal(nr_registry_asks_retain(place->registry,
						 (struct nr_time){ 999 + week + kept }, NULL),
			 0);
	assert_int_equal(nr_registry_asks_retain(place->registry,
						 (struct nr_time){ 1000 + week + kept }, NULL),
			 1);
	assert_int_equal(rows_of(place, "SELECT count(*) FROM ask"), 1);
	assert_int_equal(rows_of(place, "SELECT count(*) FROM answer"), 0);
	assert_int_equal(rows_of(place, "SELECT count(*) FROM label"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(a_question_reaches_whom_its_label_names_and_nobody_else),
		WITH_PLACE(pages_miss_and_repeat_nothing),
		WITH_PLACE(labels_that_reach_nobody_are_refused),
		WITH_PLACE(who_asked_hears_all_and_who_answered_hears_himself),
		WITH_PLACE(nobody_answers_what_is_his_own_not_his_or_over),
		WITH_PLACE(a_member_asks_only_so_much),
		WITH_PLACE(what_ended_long_ago_is_forgotten_with_its_answers_and_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
