/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry_member.h"

#include <string.h>

#include "store/registry/test_network.h"

static struct nr_prefix prefix_of(const char *text)
{
	struct nr_prefix prefix;

	assert_int_equal(nr_prefix_parse(nr_str_from(text), &prefix), 0);
	return prefix;
}

static int64_t audit_rows(struct place *place)
{
	uint64_t n;

	assert_int_equal(nr_registry_audit_verify(place->registry, &n, NULL), 0);
	return (int64_t)n;
}

static void the_operator_is_there_once_whatever_the_hub_is_called(void **state)
{
	struct place *place = *state;
	struct nr_registry_member found;

	assert_true(place->hub.is_operator);
	assert_string_equal(place->hub.name, "hub");
	assert_int_equal(nr_registry_operator_make(place->registry, "another", &act, &found, NULL),
			 0);
	assert_true(nr_uuid_eq(found.uuid, place->hub.uuid));
	assert_int_equal(nr_registry_member_suspend(place->registry, found.uuid, &act, NULL),
			 -EACCES);
	assert_int_equal(nr_registry_member_resume(place->registry, found.uuid, &act, NULL), 0);
	assert_int_equal(nr_registry_operator(place->registry, &found, NULL), 0);
	assert_int_equal(found.epoch, 1);
}

static void a_hubs_name_becomes_a_members_name(void **state)
{
	static const char *const names[][2] = { { "CSIRT T\xc5\x8dky\xc5\x8d", "CSIRT_T__ky__" },
						{ ".x", "_x" },
						{ "", "operator" } };
	struct place *place = *state;

	for (size_t i = 0; i < NR_COUNT(names); i++) {
		struct nr_registry_member made;

		assert_int_equal(nr_registry_change(place->registry, "DELETE FROM member", NULL, 0,
						    NULL),
				 1);
		assert_int_equal(nr_registry_operator_make(place->registry, names[i][0], &act,
							   &made, NULL),
				 0);
		assert_string_equal(made.name, names[i][1]);
		assert_string_equal(made.title, names[i][0]);
	}
}

static void what_is_no_member_is_refused_with_words(void **state)
{
	static const struct {
		struct nr_registry_member wish;
		const char *words;
	} rows[] = {
		{ { .name = "" }, "a name has" },
		{ { .name = "a b" }, "a name has" },
		{ { .name = "x", .economy = "jp" }, "economy" },
		{ { .name = "x", .economy = "J" }, "economy" },
		{ { .name = "x", .economy = "JPN" }, "economy" },
		{ { .name = "x", .title = "a\nb" }, "title" },
		{ { .name = "x", .title = "a\xff" }, "title" },
		{ { .name = "x", .title = "a\xe2\x80\xae" }, "title" }, /* turns text around */
		{ { .name = "x", .sector = "\x1b[2J" }, "sector" },
		{ { .name = "x", .layer = NR_N_LAYERS }, "layer" },
		{ { .name = "hub" }, "already" },
	};
	struct place *place = *state;
	int64_t before = audit_rows(place);

	for (size_t i = 0; i < NR_COUNT(rows); i++) {
		struct nr_registry_member made;
		struct nr_err err = { 0 };

		assert_true(nr_registry_member_add(place->registry, &rows[i].wish, &act, &made,
						   &err) < 0);
		assert_non_null(strstr(err.msg, rows[i].words));
	}
	assert_int_equal(audit_rows(place), before);
}

static void a_member_changes_and_is_found(void **state)
{
	struct place *place = *state;
	struct nr_registry_member made = new_member(place, "jp-cert"), found;

	made.layer = NR_LAYER_POLICY;
	(void)snprintf(made.title, sizeof(made.title), "\xe6\x97\xa5\xe6\x9c\xac");
	(void)snprintf(made.economy, sizeof(made.economy), "JP");
	assert_int_equal(nr_registry_member_update(place->registry, &made, &act, NULL), 0);
	assert_int_equal(nr_registry_member_named(place->registry, "jp-cert", &found, NULL), 0);
	assert_true(nr_uuid_eq(found.uuid, made.uuid));
	assert_string_equal(found.title, made.title);
	assert_string_equal(found.economy, "JP");
	assert_int_equal(found.layer, NR_LAYER_POLICY);
	assert_int_equal(found.epoch, 1);
	made.uuid.b[0] ^= 1;
	assert_int_equal(nr_registry_member_update(place->registry, &made, &act, NULL), -ENOENT);
	assert_int_equal(nr_registry_member_find(place->registry, made.uuid, &found, NULL),
			 -ENOENT);
	assert_int_equal(nr_registry_member_named(place->registry, "", &found, NULL), -ENOENT);
}

static int count_name(void *ctx, const struct nr_registry_member *member)
{
	char *names = ctx;
	size_t n = strlen(names);

	(void)snprintf(names + n, 64 - n, "%s", member->name);
	return 0;
}

static void members_come_in_pages_as_they_joined(void **state)
{
	struct place *place = *state;
	char names[64] = "";
	struct nr_registry_member b = new_member(place, "b");

	new_member(place, "a");
	new_member(place, "c");
	assert_int_equal(nr_registry_member_named(place->registry, "b", &b, NULL), 0);
	assert_int_equal(nr_registry_member_suspend(place->registry, b.uuid, &act, NULL), 0);
	assert_int_equal(nr_registry_members(place->registry, 0, 3, true, count_name, names, NULL),
			 3);
	assert_string_equal(names, "hubba");
	assert_int_equal(nr_registry_members(place->registry, b.sequence, 9, true, count_name,
					     names, NULL),
			 2);
	assert_string_equal(names, "hubbaac");
	names[0] = '\0';
	assert_int_equal(nr_registry_members(place->registry, 0, 9, false, count_name, names, NULL),
			 3);
	assert_string_equal(names, "hubac");
}

static void who_comes_back_is_another(void **state)
{
	struct place *place = *state;
	struct nr_registry_member member = new_member(place, "x");

	for (uint32_t epoch = 1; epoch < 6; epoch += 2) {
		assert_int_equal(nr_registry_member_suspend(place->registry, member.uuid, &act,
							    NULL),
				 0);
		assert_int_equal(nr_registry_member_suspend(place->registry, member.uuid, &act,
							    NULL),
				 0);
		assert_int_equal(nr_registry_member_find(place->registry, member.uuid, &member,
							 NULL),
				 0);
		assert_int_equal(member.epoch, epoch + 1);
		assert_int_equal(member.suspended.ns, act.now.ns);
		assert_int_equal(nr_registry_member_resume(place->registry, member.uuid, &act,
							   NULL),
				 0);
		assert_int_equal(nr_registry_member_resume(place->registry, member.uuid, &act,
							   NULL),
				 0);
		assert_int_equal(nr_registry_member_find(place->registry, member.uuid, &member,
							 NULL),
				 0);
		assert_int_equal(member.epoch, epoch + 2);
		assert_int_equal(member.suspended.ns, 0);
	}
}

static int keep_prefix(void *ctx, struct nr_prefix prefix, struct nr_time since)
{
	char text[NR_PREFIX_TEXT];

	(void)nr_prefix_print(prefix, text);
	(void)snprintf(ctx, 80, "%s %lld", text, (long long)since.ns);
	return 0;
}

static void a_prefix_is_held_by_one(void **state)
{
	struct place *place = *state;
	struct nr_registry_member a = new_member(place, "a"), b = new_member(place, "b");
	struct nr_prefix net = prefix_of("192.0.2.0/24"), part = prefix_of("192.0.2.128/25");
	const struct nr_time since = { 500 };
	char text[80];
	struct nr_err err;

	assert_int_equal(nr_registry_prefix_add(place->registry, a.uuid, net, since, &act, NULL),
			 0);
	assert_int_equal(nr_registry_prefix_add(place->registry, b.uuid, net, since, &act, &err),
			 -EEXIST);
	assert_string_equal(err.msg,
			    "192.0.2.0/24 is held by a: who gives it up must say so first");
	assert_int_equal(nr_registry_prefix_add(place->registry, b.uuid, part, since, &act, NULL),
			 0); /* handed on */
	assert_int_equal(nr_registry_prefixes(place->registry, a.uuid, keep_prefix, text, NULL), 1);
	assert_string_equal(text, "192.0.2.0/24 500");
	assert_int_equal(nr_registry_prefix_remove(place->registry, b.uuid, net, &act, NULL),
			 -ENOENT);
	assert_int_equal(nr_registry_prefix_remove(place->registry, a.uuid, net, &act, NULL), 0);
	assert_int_equal(nr_registry_prefix_add(place->registry, b.uuid, net, since, &act, NULL),
			 0);
}

/* Hostile input 47: nobody holds the whole net by a slip, and nothing is held by nobody. */
static void nobody_holds_everything_and_nothing_holds(void **state)
{
	static const char *const wide[] = { "0.0.0.0/0", "0.0.0.0/7", "::/0", "2000::/3" };
	struct place *place = *state;
	struct nr_registry_member a = new_member(place, "a");
	const struct nr_time since = { 1 };

	for (size_t i = 0; i < NR_COUNT(wide); i++)
		assert_int_equal(nr_registry_prefix_add(place->registry, a.uuid, prefix_of(wide[i]),
							since, &act, NULL),
				 NR_EUSAGE);
	assert_int_equal(nr_registry_asn_add(place->registry, a.uuid, 0, since, &act, NULL),
			 NR_EUSAGE);
	assert_int_equal(nr_registry_prefix_add(place->registry, (struct nr_uuid){ 0 },
						prefix_of("192.0.2.0/24"), since, &act, NULL),
			 -ENOENT);
	assert_int_equal(nr_registry_asn_add(place->registry, (struct nr_uuid){ 0 }, 64500, since,
					     &act, NULL),
			 -ENOENT);
}

static void an_as_is_held_by_one(void **state)
{
	struct place *place = *state;
	struct nr_registry_member a = new_member(place, "a"), b = new_member(place, "b");
	struct nr_err err;

	assert_int_equal(nr_registry_asn_add(place->registry, a.uuid, UINT32_MAX,
					     (struct nr_time){ 1 }, &act, NULL),
			 0);
	assert_int_equal(nr_registry_asn_add(place->registry, b.uuid, UINT32_MAX,
					     (struct nr_time){ 1 }, &act, &err),
			 -EEXIST);
	assert_non_null(strstr(err.msg, "AS4294967295 is held by a"));
	assert_int_equal(nr_registry_asn_remove(place->registry, a.uuid, UINT32_MAX, &act, NULL),
			 0);
	assert_int_equal(nr_registry_asn_remove(place->registry, a.uuid, UINT32_MAX, &act, NULL),
			 -ENOENT);
}

static int keep_contact(void *ctx, const struct nr_registry_contact *contact)
{
	size_t n = strlen(ctx);

	(void)snprintf((char *)ctx + n, 256 - n, "%s=%s ", contact->role, contact->address);
	return 0;
}

static void contacts_are_said_anew_as_a_whole(void **state)
{
	static const struct nr_registry_contact some[] = { { "duty", "+81 3 0000 0000" },
							   { "abuse", "abuse@example.jp" } };
	static const struct nr_registry_contact bad[] = { { "duty", "a@b\r\nBcc: c@d" },
							  { "duty", "" },
							  { "a b", "x" } };
	struct place *place = *state;
	struct nr_registry_member a = new_member(place, "a");
	char text[256] = "";

	assert_int_equal(nr_registry_contacts_set(place->registry, a.uuid, some, 2, &act, NULL), 0);
	for (size_t i = 0; i < NR_COUNT(bad); i++)
		assert_int_equal(nr_registry_contacts_set(place->registry, a.uuid, &bad[i], 1, &act,
							  NULL),
				 NR_EUSAGE);
	assert_int_equal(nr_registry_contacts(place->registry, a.uuid, keep_contact, text, NULL),
			 2);
	assert_string_equal(text, "abuse=abuse@example.jp duty=+81 3 0000 0000 ");
	assert_int_equal(nr_registry_contacts_set(place->registry, a.uuid, NULL, 0, &act, NULL), 0);
	assert_int_equal(nr_registry_contacts(place->registry, a.uuid, keep_contact, text, NULL),
			 0);
}

static int keep_party(void *ctx, const struct nr_party *party, const char *name)
{
	size_t n = strlen(ctx);

	(void)snprintf((char *)ctx + n, 64 - n, "%s:%u ", name, party->epoch);
	return 0;
}

static void who_returns_to_a_community_has_the_next_epoch(void **state)
{
	struct place *place = *state;
	struct nr_registry_member a = new_member(place, "a"), b = new_member(place, "b");
	struct nr_registry_community c;
	struct nr_uuid none = { 0 };
	char text[64] = "";

	assert_int_equal(nr_registry_community_add(place->registry, "apcert", "AP", &act, &c, NULL),
			 0);
	assert_int_equal(nr_registry_community_add(place->registry, "apcert", "AP", &act, &c, NULL),
			 -EEXIST);
	for (int i = 0; i < 2; i++) { /* twice is harmless */
		assert_int_equal(nr_registry_community_join(place->registry, c.uuid, a.uuid, &act,
							    NULL),
				 0);
		assert_int_equal(nr_registry_community_join(place->registry, c.uuid, b.uuid, &act,
							    NULL),
				 0);
	}
	assert_int_equal(nr_registry_community_leave(place->registry, c.uuid, b.uuid, &act, NULL),
			 0);
	assert_int_equal(nr_registry_community_leave(place->registry, c.uuid, b.uuid, &act, NULL),
			 -ENOENT);
	assert_int_equal(nr_registry_community_join(place->registry, c.uuid, b.uuid, &act, NULL),
			 0);
	assert_int_equal(nr_registry_community_members(place->registry, c.uuid, keep_party, text,
						       NULL),
			 2);
	assert_string_equal(text, "a:1 b:2 ");
	assert_int_equal(nr_registry_community_join(place->registry, none, b.uuid, &act, NULL),
			 -ENOENT);
	assert_int_equal(nr_registry_community_join(place->registry, c.uuid, none, &act, NULL),
			 -ENOENT);
	/* A membership that begins anew does so in its communities. */
	assert_int_equal(nr_registry_member_suspend(place->registry, a.uuid, &act, NULL), 0);
	assert_int_equal(nr_registry_member_resume(place->registry, a.uuid, &act, NULL), 0);
	text[0] = '\0';
	assert_int_equal(nr_registry_community_members(place->registry, c.uuid, keep_party, text,
						       NULL),
			 2);
	assert_string_equal(text, "a:2 b:2 ");
}

static void a_member_is_in_as_many_communities_as_a_viewer_holds(void **state)
{
	struct place *place = *state;
	struct nr_registry_member a = new_member(place, "a");

	for (int i = 0; i <= NR_VIEWER_COMMUNITIES; i++) {
		struct nr_registry_community c;
		char name[8];

		(void)snprintf(name, sizeof(name), "c%d", i);
		assert_int_equal(nr_registry_community_add(place->registry, name, "", &act, &c,
							   NULL),
				 0);
		assert_int_equal(nr_registry_community_join(place->registry, c.uuid, a.uuid, &act,
							    NULL),
				 i < NR_VIEWER_COMMUNITIES ? 0 : NR_ELIMIT);
	}
}

static void every_change_is_one_row_of_the_chain(void **state)
{
	static const struct nr_registry_contact contact = { "duty", "x" };
	struct place *place = *state;
	struct nr_registry_community c;
	int64_t n = audit_rows(place);
	struct nr_registry_member a = new_member(place, "a");

	assert_int_equal(audit_rows(place), ++n);
	assert_int_equal(nr_registry_member_update(place->registry, &a, &act, NULL), 0);
	assert_int_equal(audit_rows(place), ++n);
	assert_int_equal(nr_registry_prefix_add(place->registry, a.uuid, prefix_of("192.0.2.0/24"),
						act.now, &act, NULL),
			 0);
	assert_int_equal(audit_rows(place), ++n);
	assert_int_equal(nr_registry_prefix_remove(place->registry, a.uuid,
						   prefix_of("192.0.2.0/24"), &act, NULL),
			 0);
	assert_int_equal(audit_rows(place), ++n);
	assert_int_equal(nr_registry_asn_add(place->registry, a.uuid, 1, act.now, &act, NULL), 0);
	assert_int_equal(audit_rows(place), ++n);
	assert_int_equal(nr_registry_asn_remove(place->registry, a.uuid, 1, &act, NULL), 0);
	assert_int_equal(audit_rows(place), ++n);
	assert_int_equal(nr_registry_contacts_set(place->registry, a.uuid, &contact, 1, &act, NULL),
			 0);
	assert_int_equal(audit_rows(place), ++n);
	assert_int_equal(nr_registry_community_add(place->registry, "c", "", &act, &c, NULL), 0);
	assert_int_equal(audit_rows(place), ++n);
	assert_int_equal(nr_registry_community_join(place->registry, c.uuid, a.uuid, &act, NULL),
			 0);
	assert_int_equal(audit_rows(place), ++n);
	assert_int_equal(nr_registry_community_leave(place->registry, c.uuid, a.uuid, &act, NULL),
			 0);
	assert_int_equal(audit_rows(place), ++n);
	assert_int_equal(nr_registry_member_suspend(place->registry, a.uuid, &act, NULL), 0);
	assert_int_equal(audit_rows(place), ++n);
	assert_int_equal(nr_registry_member_resume(place->registry, a.uuid, &act, NULL), 0);
	assert_int_equal(audit_rows(place), ++n);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_place, close_place)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(the_operator_is_there_once_whatever_the_hub_is_called),
		T(a_hubs_name_becomes_a_members_name),
		T(what_is_no_member_is_refused_with_words),
		T(a_member_changes_and_is_found),
		T(members_come_in_pages_as_they_joined),
		T(who_comes_back_is_another),
		T(a_prefix_is_held_by_one),
		T(nobody_holds_everything_and_nothing_holds),
		T(an_as_is_held_by_one),
		T(contacts_are_said_anew_as_a_whole),
		T(who_returns_to_a_community_has_the_next_epoch),
		T(a_member_is_in_as_many_communities_as_a_viewer_holds),
		T(every_change_is_one_row_of_the_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
