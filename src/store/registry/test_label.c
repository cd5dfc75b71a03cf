/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry_label.h"

#include <string.h>

#include "store/registry/test_network.h"
#include "store/registry_who.h"

static struct nr_viewer viewer_of(struct place *place, struct nr_uuid member, enum nr_role role)
{
	struct nr_registry_membership found;

	assert_int_equal(nr_registry_membership(place->registry, member, act.now, &found, NULL), 0);
	found.viewer.role = (uint8_t)role;
	found.viewer.purpose = NR_PURPOSE_DEFENCE;
	return found.viewer;
}

static struct nr_label for_member(struct nr_uuid member)
{
	struct nr_label label = { .tlp = NR_TLP_AMBER,
				  .purposes = 1u << NR_PURPOSE_DEFENCE,
				  .n_members = 1 };

	label.members[0].uuid = member;
	return label;
}

static int64_t count(struct place *place, const char *sql)
{
	int64_t n;

	assert_int_equal(nr_registry_number(place->registry, sql, NULL, 0, &n, NULL), 0);
	return n;
}

/* The names of sensors that @p viewer may @p action, as a statement says. */
static int64_t allowed(struct place *place, const struct nr_viewer *viewer, const char *action)
{
	sqlite3_stmt *stmt;
	int64_t n;

	assert_int_equal(
		nr_registry_ask(place->registry,
				"SELECT count(*) FROM sensor s LEFT JOIN label l ON l.uuid "
				"= s.label WHERE nr_allows(?1, ?2, s.member, l.json)",
				NR_ARGS({ 0 }, NR_ARG_OF_TEXT(action)), &stmt, NULL),
		0);
	if (viewer != NULL)
		nr_registry_bind_viewer(stmt, 1, viewer);
	assert_int_equal(nr_registry_step(place->registry, stmt, NULL), 1);
	n = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return n;
}

static void a_sensor_without_a_label_is_its_owners_alone(void **state)
{
	struct place *place = *state;
	struct nr_registry_member a = new_member(place, "a"), b = new_member(place, "b");
	struct nr_registry_sensor s = new_sensor(place, "s", a.uuid), o;
	struct nr_viewer va = viewer_of(place, a.uuid, NR_ROLE_VIEWER),
			 vb = viewer_of(place, b.uuid, NR_ROLE_VIEWER);
	struct nr_label label;

	assert_int_equal(nr_registry_sensor_label(place->registry, s.uuid, &label, NULL), 0);
	assert_int_equal(label.tlp, NR_TLP_AMBER_STRICT);
	assert_true(nr_uuid_eq(label.owner, a.uuid));
	assert_int_equal(allowed(place, &va, "read"), 1);
	assert_int_equal(allowed(place, &vb, "read"), 0);
	/* Of nobody: the operator's. */
	assert_int_equal(nr_registry_sensor_add(place->registry, "o", NR_SENSOR_EXPECTED, &act, &o,
						NULL),
			 0);
	assert_int_equal(nr_registry_sensor_label(place->registry, o.uuid, &label, NULL), 0);
	assert_true(nr_uuid_eq(label.owner, place->hub.uuid));
	assert_int_equal(nr_registry_sensor_named(place->registry, "o", &o, NULL), 0);
	assert_true(nr_uuid_eq(o.owner, place->hub.uuid));
}

static void the_predicate_in_sql_is_that_of_the_policy(void **state)
{
	struct place *place = *state;
	struct nr_registry_member a = new_member(place, "a"), b = new_member(place, "b");
	struct nr_registry_sensor s = new_sensor(place, "s", a.uuid);
	struct nr_viewer va = viewer_of(place, a.uuid, NR_ROLE_COORDINATOR),
			 vb = viewer_of(place, b.uuid, NR_ROLE_VIEWER), nobody = { 0 };
	struct nr_label wish = for_member(b.uuid), got;

	assert_int_equal(nr_registry_sensor_relabel(place->registry, s.uuid, &va, &wish, &act, &got,
						    NULL),
			 0);
	assert_int_equal(got.members[0].epoch, 1);
	assert_int_equal(allowed(place, &vb, "read"), 1);
	assert_int_equal(allowed(place, &vb, "count"), 1);
	assert_int_equal(allowed(place, &vb, "pass on"), 0);
	assert_int_equal(allowed(place, &va, "pass on"), 1);
	assert_int_equal(allowed(place, &vb, "write"), 0); /* a word nobody knows */
	assert_int_equal(allowed(place, &nobody, "read"), 0);
	assert_int_equal(allowed(place, NULL, "read"), 0); /* nobody was bound */
	/* Who comes back is another. */
	assert_int_equal(nr_registry_member_suspend(place->registry, b.uuid, &act, NULL), 0);
	assert_int_equal(nr_registry_member_resume(place->registry, b.uuid, &act, NULL), 0);
	vb = viewer_of(place, b.uuid, NR_ROLE_VIEWER);
	assert_int_equal(allowed(place, &vb, "read"), 0);
	/* What cannot be read lets nobody know anything, its owner not excepted. */
	assert_int_equal(nr_registry_change(place->registry, "UPDATE label SET json = '{'", NULL, 0,
					    NULL),
			 1);
	assert_int_equal(allowed(place, &va, "read"), 0);
}

/* Text cannot be taken for a viewer: only a pointer that was bound is one. */
static void sql_text_makes_no_viewer(void **state)
{
	struct place *place = *state;
	struct nr_registry_member a = new_member(place, "a");

	(void)new_sensor(place, "s", a.uuid);
	assert_int_equal(count(place, "SELECT count(*) FROM sensor WHERE nr_allows(uuid, 'read', "
				      "member, NULL)"),
			 0);
	assert_int_equal(count(place, "SELECT count(*) FROM sensor WHERE nr_allows('operator', "
				      "'read', member, NULL)"),
			 0);
}

static void only_its_owners_coordinators_say_a_label_anew(void **state)
{
	struct place *place = *state;
	struct nr_registry_member a = new_member(place, "a"), b = new_member(place, "b");
	struct nr_registry_sensor s = new_sensor(place, "s", a.uuid);
	struct nr_viewer analyst = viewer_of(place, a.uuid, NR_ROLE_ANALYST),
			 coordinator = viewer_of(place, a.uuid, NR_ROLE_COORDINATOR),
			 stranger = viewer_of(place, b.uuid, NR_ROLE_ADMIN),
			 hub = viewer_of(place, place->hub.uuid, NR_ROLE_OPERATOR);
	struct nr_label wish = for_member(b.uuid), got, none = { 0 };
	struct nr_registry *registry = place->registry;

	assert_int_equal(nr_registry_sensor_relabel(registry, s.uuid, &stranger, &wish, &act, &got,
						    NULL),
			 -ENOENT);
	assert_int_equal(nr_registry_sensor_relabel(registry, s.uuid, &hub, &wish, &act, &got,
						    NULL),
			 -EACCES);
	assert_int_equal(nr_registry_sensor_relabel(registry, s.uuid, &coordinator, &none, &act,
						    &got, NULL),
			 NR_EUSAGE);
	assert_int_equal(count(place, "SELECT count(*) FROM label"), 0);
	assert_int_equal(nr_registry_sensor_relabel(registry, s.uuid, &coordinator, &wish, &act,
						    &got, NULL),
			 0);
	wish.tlp = NR_TLP_CLEAR;
	wish.everyone = true;
	assert_int_equal(nr_registry_sensor_relabel(registry, s.uuid, &analyst, &wish, &act, &got,
						    NULL),
			 0);
	assert_int_equal(got.tlp, NR_TLP_AMBER); /* tightened at most */
	assert_false(got.everyone);
	assert_int_equal(count(place, "SELECT count(*) FROM label"), 1); /* the old one went */
}

static void a_sensor_that_changes_hands_leaves_its_label(void **state)
{
	struct place *place = *state;
	struct nr_registry_member a = new_member(place, "a"), b = new_member(place, "b");
	struct nr_registry_sensor s = new_sensor(place, "s", a.uuid);
	struct nr_viewer va = viewer_of(place, a.uuid, NR_ROLE_COORDINATOR);
	struct nr_label wish = for_member(b.uuid), got;
	struct nr_registry *registry = place->registry;

	assert_int_equal(nr_registry_sensor_relabel(registry, s.uuid, &va, &wish, &act, &got, NULL),
			 0);
	assert_int_equal(nr_registry_sensor_give(registry, s.uuid, a.uuid, &act, NULL), 0);
	assert_int_equal(count(place, "SELECT count(*) FROM label"), 1); /* it was his already */
	assert_int_equal(nr_registry_sensor_give(registry, s.uuid, b.uuid, &act, NULL), 0);
	assert_int_equal(count(place, "SELECT count(*) FROM label"), 0);
	assert_int_equal(allowed(place, &va, "read"), 0);
	assert_int_equal(nr_registry_sensor_give(registry, s.uuid, (struct nr_uuid){ 0 }, &act,
						 NULL),
			 0);
	assert_int_equal(nr_registry_sensor_named(registry, "s", &s, NULL), 0);
	assert_true(nr_uuid_eq(s.owner, place->hub.uuid));
	s.uuid.b[2] ^= 1;
	assert_int_equal(nr_registry_sensor_give(registry, s.uuid, a.uuid, &act, NULL), -ENOENT);
	a.uuid.b[2] ^= 1;
	assert_int_equal(nr_registry_sensor_named(registry, "s", &s, NULL), 0);
	assert_int_equal(nr_registry_sensor_give(registry, s.uuid, a.uuid, &act, NULL), -ENOENT);
}

static void a_community_is_named_at_each_epoch_its_members_have(void **state)
{
	struct place *place = *state;
	struct nr_registry_member a = new_member(place, "a"), b = new_member(place, "b");
	struct nr_registry_community c;
	struct nr_registry *registry = place->registry;
	struct nr_label label = { .tlp = NR_TLP_AMBER, .purposes = 1, .n_communities = 1 }, odd;

	assert_int_equal(nr_registry_community_add(registry, "c", "", &act, &c, NULL), 0);
	label.communities[0].uuid = c.uuid;
	struct nr_label empty = label;

	assert_int_equal(nr_registry_label_complete(registry, &empty, NULL), 0);
	assert_int_equal(empty.n_communities, 1);
	assert_int_equal(empty.communities[0].epoch, 1);
	assert_int_equal(nr_registry_community_join(registry, c.uuid, a.uuid, &act, NULL), 0);
	assert_int_equal(nr_registry_community_join(registry, c.uuid, b.uuid, &act, NULL), 0);
	assert_int_equal(nr_registry_community_leave(registry, c.uuid, b.uuid, &act, NULL), 0);
	assert_int_equal(nr_registry_community_join(registry, c.uuid, b.uuid, &act, NULL), 0);
	assert_int_equal(nr_registry_label_complete(registry, &label, NULL), 0);
	assert_int_equal(label.n_communities, 2);
	for (size_t i = 0; i < 2; i++) {
		struct nr_viewer viewer = viewer_of(place, i == 0 ? a.uuid : b.uuid,
						    NR_ROLE_VIEWER);

		assert_true(nr_policy_allows(&viewer, &label, NR_ACTION_READ));
		assert_int_equal(nr_policy_allows(&viewer, &empty, NR_ACTION_READ), i == 0);
	}
	odd = label;
	odd.communities[0].uuid.b[5] ^= 1;
	assert_int_equal(nr_registry_label_complete(registry, &odd, NULL), NR_EUSAGE);
	odd = for_member(a.uuid);
	assert_int_equal(nr_registry_member_suspend(registry, a.uuid, &act, NULL), 0);
	assert_int_equal(nr_registry_label_complete(registry, &odd, NULL), NR_EUSAGE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_place, close_place)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(a_sensor_without_a_label_is_its_owners_alone),
		T(the_predicate_in_sql_is_that_of_the_policy),
		T(sql_text_makes_no_viewer),
		T(only_its_owners_coordinators_say_a_label_anew),
		T(a_sensor_that_changes_hands_leaves_its_label),
		T(a_community_is_named_at_each_epoch_its_members_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
