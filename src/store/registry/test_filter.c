/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry/test_place.h"
#include "store/registry_filter.h"

static const struct nr_registry_act act = { .actor = "user:user-a", .now = { 1000 } };

static struct nr_registry_filter filter_of(const struct place *place, size_t member, bool whole)
{
	struct nr_registry_filter filter = { .member = place->member[member],
					     .name = "\xe6\x9c\x9d",
					     .view = "top",
					     .query = "by=ports" };

	if (!whole)
		filter.user = place->user[member];
	return filter;
}

static int count_one(void *ctx, const struct nr_registry_filter *filter)
{
	assert_string_equal(filter->query, "by=ports");
	++*(int *)ctx;
	return 0;
}

static int seen_by(struct place *place, const struct nr_viewer *viewer)
{
	int n = 0;

	int64_t told = nr_registry_filters(place->registry, viewer, count_one, &n, NULL);

	assert_int_equal(told, n);
	return n;
}

static void ones_own_are_ones_own_and_a_members_are_all_of_its_users(void **state)
{
	struct place *place = *state;
	struct nr_registry_filter own = filter_of(place, 0, false),
				  whole = filter_of(place, 0, true);
	struct nr_viewer a = place_viewer(place, 0, NR_ROLE_ANALYST), colleague = a;
	struct nr_viewer b = place_viewer(place, 1, NR_ROLE_ADMIN), token = a;
	struct nr_registry_filter found;

	colleague.user = place->user[2];
	token.user = (struct nr_uuid){ { 0 } };
	assert_int_equal(nr_registry_filter_add(place->registry, &own, &act, NULL), 0);
	assert_int_equal(nr_registry_filter_add(place->registry, &whole, &act, NULL), 0);
	assert_int_equal(seen_by(place, &a), 2);
	assert_int_equal(seen_by(place, &colleague), 1);
	assert_int_equal(seen_by(place, &token), 1);
	assert_int_equal(seen_by(place, &b), 0);
	assert_int_equal(nr_registry_filter_find(place->registry, &colleague, own.uuid, &found,
						 NULL),
			 -ENOENT);
	assert_int_equal(nr_registry_filter_find(place->registry, &b, whole.uuid, &found, NULL),
			 -ENOENT);
	assert_int_equal(nr_registry_filter_find(place->registry, &a, own.uuid, &found, NULL), 0);
	assert_string_equal(found.name, "\xe6\x9c\x9d");
}

static void a_members_is_changed_by_a_coordinator(void **state)
{
	struct place *place = *state;
	struct nr_registry_filter own = filter_of(place, 0, false),
				  whole = filter_of(place, 0, true);
	struct nr_viewer a = place_viewer(place, 0, NR_ROLE_ANALYST);
	struct nr_viewer b = place_viewer(place, 1, NR_ROLE_ADMIN);
	struct nr_registry_filter found;

	assert_int_equal(nr_registry_filter_add(place->registry, &own, &act, NULL), 0);
	assert_int_equal(nr_registry_filter_add(place->registry, &whole, &act, NULL), 0);
	memcpy(own.view, "show", 5);
	memcpy(whole.view, "show", 5);
	assert_int_equal(nr_registry_filter_change(place->registry, &a, &own, &act, NULL), 0);
	assert_int_equal(nr_registry_filter_change(place->registry, &a, &whole, &act, NULL),
			 -EACCES);
	assert_int_equal(nr_registry_filter_change(place->registry, &b, &whole, &act, NULL),
			 -ENOENT);
	assert_int_equal(nr_registry_filter_remove(place->registry, &b, whole.uuid, &act, NULL),
			 -ENOENT);
	assert_int_equal(nr_registry_filter_remove(place->registry, &a, whole.uuid, &act, NULL),
			 -EACCES);
	a.role = NR_ROLE_COORDINATOR;
	assert_int_equal(nr_registry_filter_change(place->registry, &a, &whole, &act, NULL), 0);
	assert_int_equal(nr_registry_filter_find(place->registry, &a, whole.uuid, &found, NULL), 0);
	assert_string_equal(found.view, "show");
	assert_int_equal(nr_registry_filter_remove(place->registry, &a, whole.uuid, &act, NULL), 0);
	assert_int_equal(nr_registry_filter_remove(place->registry, &a, whole.uuid, &act, NULL),
			 -ENOENT);
	assert_int_equal(place_audited(place, "filter.change"), 2);
	assert_int_equal(place_audited(place, "filter.remove"), 1);
}

static void there_is_room_for_so_many_each(void **state)
{
	struct place *place = *state;
	struct nr_registry_filter own = filter_of(place, 0, false),
				  whole = filter_of(place, 0, true);

	place_run(place, "PRAGMA synchronous=OFF");
	for (int i = 0; i < NR_FILTERS; i++)
		assert_int_equal(nr_registry_filter_add(place->registry, &own, &act, NULL), 0);
	assert_int_equal(nr_registry_filter_add(place->registry, &own, &act, NULL), -EDQUOT);
	assert_int_equal(nr_registry_filter_add(place->registry, &whole, &act, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(ones_own_are_ones_own_and_a_members_are_all_of_its_users),
		WITH_PLACE(a_members_is_changed_by_a_coordinator),
		WITH_PLACE(there_is_room_for_so_many_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
