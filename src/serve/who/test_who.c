/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, sessions and scopes over a registry of three members: the hub's, alfa and bravo. */
#include "serve/who/who.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "serve/who/token.h"
#include "store/registry_label.h"
#include "store/registry_member.h"
#include "store/registry_user.h"
#include "store/registry_who.h"

enum { SHARING = 5 };

static const int64_t S = NR_NS_PER_S;

struct place {
	char dir[64], path[96];
	struct nr_registry *registry;
	struct nr_who *who;
	struct nr_registry_member hub, alfa, bravo;
	struct nr_registry_user admin, hanako; /* of the hub; of alfa, an analyst */
};

static struct nr_registry_act act_at(int64_t s)
{
	return (struct nr_registry_act){ .actor = "uid:0", .now = { s * S } };
}

static struct nr_registry_member member(struct place *place, const char *name)
{
	struct nr_registry_act act = act_at(1);
	struct nr_registry_member wish = { .layer = NR_LAYER_TECHNICAL }, made;

	(void)snprintf(wish.name, sizeof(wish.name), "%s", name);
	assert_int_equal(nr_registry_member_add(place->registry, &wish, &act, &made, NULL), 0);
	return made;
}

static struct nr_registry_user user(struct place *place, const char *login, struct nr_uuid of,
				    enum nr_role role)
{
	struct nr_registry_act act = act_at(1);
	struct nr_registry_user made = { .member = of, .role = (uint8_t)role };

	(void)snprintf(made.login, sizeof(made.login), "%s", login);
	assert_int_equal(nr_registry_user_add(place->registry, &made, &act, NULL), 0);
	assert_int_equal(nr_registry_user_find(place->registry, made.uuid, &made, NULL), 0);
	return made;
}

static int open_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	struct nr_registry_act act = act_at(1);

	assert_non_null(place);
	(void)snprintf(place->dir, sizeof(place->dir), "/tmp/nr_who_XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	(void)snprintf(place->path, sizeof(place->path), "%s/r.db", place->dir);
	assert_int_equal(nr_crypt_init(), 0);
	assert_int_equal(nr_registry_open(place->path, &place->registry, NULL), 0);
	assert_int_equal(nr_registry_operator_make(place->registry, "hub", &act, &place->hub, NULL),
			 0);
	place->alfa = member(place, "alfa");
	place->bravo = member(place, "bravo");
	place->admin = user(place, "admin", place->hub.uuid, NR_ROLE_ADMIN);
	place->hanako = user(place, "hanako", place->alfa.uuid, NR_ROLE_ANALYST);
	assert_int_equal(nr_who_new(place->registry, 3, &place->who, NULL), 0);
	*state = place;
	return 0;
}

static int close_place(void **state)
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	struct place *place = *state;

	nr_who_free(place->who);
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

static struct nr_uuid sensor(struct place *place, const char *name, struct nr_uuid owner)
{
	struct nr_registry_act act = act_at(1);
	struct nr_registry_sensor made;

	assert_int_equal(nr_registry_sensor_add(place->registry, name, NR_SENSOR_IMPORTED, &act,
						&made, NULL),
			 0);
	assert_int_equal(nr_registry_sensor_give(place->registry, made.uuid, owner, &act, NULL), 0);
	return made.uuid;
}

/* A token of a kind, of a user and his member, made at second 100. */
static void token(struct place *place, enum nr_token_kind kind, enum nr_role role,
		  const struct nr_registry_user *of, char text[NR_TOKEN_TEXT])
{
	struct nr_registry_act act = act_at(100);
	struct nr_token_wish wish = { .kind = kind,
				      .role = role,
				      .name = "t",
				      .member = of->member,
				      .member_epoch = of->member_epoch,
				      .user = of->uuid };

	assert_int_equal(nr_token_create(place->registry, &wish, &act, text, NULL), 0);
}

static int ask(struct place *place, const char *text, enum nr_token_kind kind, int64_t s,
	       struct nr_who_caller *caller)
{
	struct nr_err err;

	return nr_who_bearer(place->who, nr_str_from(text), kind, nr_ip_v4(0xc0000201),
			     (struct nr_time){ s * S }, caller, &err);
}

static int role_of(struct place *place, const char *text, enum nr_token_kind kind, int64_t s)
{
	struct nr_who_caller caller;
	int ret = ask(place, text, kind, s, &caller);

	if (ret == 0)
		ret = caller.scope.viewer.role;
	nr_who_done(&caller);
	return ret;
}

/* ---- roles ---- */

static void a_role_is_the_least_of_token_and_user(void **state)
{
	struct place *place = *state;
	struct nr_registry_act act = act_at(101);
	char high[NR_TOKEN_TEXT], low[NR_TOKEN_TEXT], top[NR_TOKEN_TEXT];
	struct nr_user_change less = { .role = NR_ROLE_VIEWER, .disabled = -1, .totp_on = -1 };

	token(place, NR_TOKEN_API, NR_ROLE_ADMIN, &place->hanako, high);
	token(place, NR_TOKEN_API, NR_ROLE_VIEWER, &place->hanako, low);
	token(place, NR_TOKEN_API, NR_ROLE_ADMIN, &place->admin, top);
	assert_int_equal(role_of(place, high, NR_TOKEN_API, 101), NR_ROLE_ANALYST);
	assert_int_equal(role_of(place, low, NR_TOKEN_API, 101), NR_ROLE_VIEWER);
	assert_int_equal(role_of(place, top, NR_TOKEN_API, 101), NR_ROLE_OPERATOR);
	assert_int_equal(nr_registry_user_change(place->registry, place->hanako.uuid, &less, &act,
						 NULL),
			 0);
	assert_int_equal(role_of(place, high, NR_TOKEN_API, 101), NR_ROLE_VIEWER);
	assert_int_equal(role_of(place, high, NR_TOKEN_SESSION, 101), -EACCES); /* other kind */
}

static void a_token_of_before_there_were_members_is_the_operators(void **state)
{
	struct place *place = *state;
	struct nr_registry_user nobody = { 0 };
	char text[NR_TOKEN_TEXT];

	token(place, NR_TOKEN_API, NR_ROLE_ADMIN, &nobody, text);
	assert_int_equal(role_of(place, text, NR_TOKEN_API, 101), NR_ROLE_OPERATOR);
}

/* ---- ends ---- */

static void disabled_suspended_and_come_back_are_three_ends(void **state)
{
	struct place *place = *state;
	struct nr_registry_act act = act_at(101);
	struct nr_user_change off = { .disabled = 1, .totp_on = -1 };
	struct nr_user_change on = { .disabled = 0, .totp_on = -1 };
	char api[NR_TOKEN_TEXT], session[NR_TOKEN_TEXT];

	token(place, NR_TOKEN_API, NR_ROLE_VIEWER, &place->hanako, api);
	token(place, NR_TOKEN_SESSION, NR_ROLE_NOBODY, &place->hanako, session);
	assert_int_equal(role_of(place, session, NR_TOKEN_SESSION, 101), NR_ROLE_ANALYST);
	assert_int_equal(nr_registry_user_change(place->registry, place->hanako.uuid, &off, &act,
						 NULL),
			 0);
	assert_int_equal(role_of(place, api, NR_TOKEN_API, 102), -EACCES);
	assert_int_equal(role_of(place, session, NR_TOKEN_SESSION, 102), -EACCES);
	assert_int_equal(nr_registry_user_change(place->registry, place->hanako.uuid, &on, &act,
						 NULL),
			 0);
	assert_int_equal(role_of(place, api, NR_TOKEN_API, 103), NR_ROLE_VIEWER);
	assert_int_equal(role_of(place, session, NR_TOKEN_SESSION, 103), -EACCES); /* for good */
	assert_int_equal(nr_registry_member_suspend(place->registry, place->alfa.uuid, &act, NULL),
			 0);
	assert_int_equal(role_of(place, api, NR_TOKEN_API, 104), -EACCES);
	assert_int_equal(nr_registry_member_resume(place->registry, place->alfa.uuid, &act, NULL),
			 0);
	assert_int_equal(role_of(place, api, NR_TOKEN_API, 105), -EACCES); /* another membership */
}

static void a_session_ends_when_idle_and_at_last(void **state)
{
	struct place *place = *state;
	char text[NR_TOKEN_TEXT];
	int64_t s = 100;

	token(place, NR_TOKEN_SESSION, NR_ROLE_NOBODY, &place->hanako, text);
	/* used each 29 min 59 s it lives for 12 h */
	for (; s + NR_WHO_IDLE_S - 1 < 100 + NR_WHO_SESSION_S; s += NR_WHO_IDLE_S - 1)
		assert_int_equal(role_of(place, text, NR_TOKEN_SESSION, s), NR_ROLE_ANALYST);
	assert_int_equal(role_of(place, text, NR_TOKEN_SESSION, s), NR_ROLE_ANALYST);
	assert_int_equal(role_of(place, text, NR_TOKEN_SESSION, 99 + NR_WHO_SESSION_S),
			 NR_ROLE_ANALYST);
	assert_int_equal(role_of(place, text, NR_TOKEN_SESSION, 100 + NR_WHO_SESSION_S), -EACCES);
	token(place, NR_TOKEN_SESSION, NR_ROLE_NOBODY, &place->hanako, text);
	assert_int_equal(role_of(place, text, NR_TOKEN_SESSION, 100 + NR_WHO_IDLE_S), -EACCES);
}

static void a_network_holds_for_every_request(void **state)
{
	struct place *place = *state;
	struct nr_registry_act act = act_at(100);
	struct nr_token_wish wish = { .kind = NR_TOKEN_API,
				      .role = NR_ROLE_VIEWER,
				      .name = "t",
				      .member = place->alfa.uuid,
				      .member_epoch = place->alfa.epoch,
				      .network = "192.0.2.0/24" };
	struct nr_who_caller caller;
	char text[NR_TOKEN_TEXT];

	assert_int_equal(nr_token_create(place->registry, &wish, &act, text, NULL), 0);
	assert_int_equal(role_of(place, text, NR_TOKEN_API, 101), NR_ROLE_VIEWER);
	assert_int_equal(nr_who_bearer(place->who, nr_str_from(text), NR_TOKEN_API,
				       nr_ip_v4(0xc0000301), (struct nr_time){ 101 * S }, &caller,
				       NULL),
			 -EACCES);
	nr_who_done(&caller);
	wish.network = "192.0.2.1/24"; /* host bits */
	assert_int_equal(nr_token_create(place->registry, &wish, &act, text, NULL), NR_EUSAGE);
}

/* ---- what is kept ---- */

static void a_known_token_costs_no_change_and_no_standing(void **state)
{
	struct place *place = *state;
	uint64_t changes, standing;
	char text[NR_TOKEN_TEXT];

	token(place, NR_TOKEN_API, NR_ROLE_VIEWER, &place->hanako, text);
	assert_int_equal(role_of(place, text, NR_TOKEN_API, 101), NR_ROLE_VIEWER);
	standing = nr_registry_standing(place->registry);
	changes = nr_registry_changes(place->registry);
	for (int64_t s = 102; s < 160; s++)
		assert_int_equal(role_of(place, text, NR_TOKEN_API, s), NR_ROLE_VIEWER);
	assert_int_equal(nr_registry_changes(place->registry), changes);
	assert_int_equal(role_of(place, text, NR_TOKEN_API, 162), NR_ROLE_VIEWER);
	assert_int_equal(nr_registry_changes(place->registry), changes + 1); /* its use, noted */
	assert_int_equal(nr_registry_standing(place->registry), standing);
}

/* ---- scopes ---- */

static void share(struct place *place, struct nr_uuid uuid, struct nr_time expires)
{
	struct nr_label label = nr_label_default(place->bravo.uuid);
	struct nr_viewer viewer = { .member = place->bravo.uuid,
				    .epoch = place->bravo.epoch,
				    .role = NR_ROLE_COORDINATOR,
				    .active = true,
				    .now = { 100 * S } };
	struct nr_registry_act act = act_at(100);
	struct nr_label became;

	label.tlp = NR_TLP_GREEN;
	label.everyone = true;
	label.purposes = 0xf;
	label.expires = expires;
	assert_int_equal(nr_registry_sensor_relabel(place->registry, uuid, &viewer, &label, &act,
						    &became, NULL),
			 0);
}

static void a_scope_holds_own_and_shared_and_follows_labels(void **state)
{
	struct place *place = *state;
	struct nr_uuid own = sensor(place, "alfa-1", place->alfa.uuid), shared[SHARING];
	struct nr_who_caller caller, operator;
	char text[NR_TOKEN_TEXT], name[16];

	for (size_t i = 0; i < SHARING; i++) {
		(void)snprintf(name, sizeof(name), "bravo-%zu", i);
		shared[i] = sensor(place, name, place->bravo.uuid);
	}
	token(place, NR_TOKEN_API, NR_ROLE_VIEWER, &place->hanako, text);
	assert_int_equal(ask(place, text, NR_TOKEN_API, 101, &caller), 0);
	assert_int_equal(caller.scope.n_own, 1);
	assert_int_equal(caller.scope.n_shared, 0);
	assert_int_equal(caller.scope.quorum, 0);
	assert_true(nr_scope_owns(&caller.scope, own));
	for (size_t i = 0; i < SHARING; i++)
		share(place, shared[i], (struct nr_time){ i == 0 ? 200 * S : 0 });
	/* A long answer goes on: he may know more now, not less. */
	assert_int_equal(nr_who_still(place->who, &caller, (struct nr_time){ 102 * S }, NULL), 0);
	nr_who_done(&caller);
	assert_int_equal(ask(place, text, NR_TOKEN_API, 102, &caller), 0);
	assert_int_equal(caller.scope.n_shared, SHARING);
	assert_int_equal(caller.scope.quorum, 3);
	assert_true(nr_scope_shares(&caller.scope, shared[4]));
	assert_false(nr_scope_shares(&caller.scope, own));
	/* A label that is over takes its sensor, without anybody's doing. */
	assert_int_equal(nr_who_still(place->who, &caller, (struct nr_time){ 199 * S }, NULL), 0);
	assert_int_equal(nr_who_still(place->who, &caller, (struct nr_time){ 200 * S }, NULL),
			 -EACCES);
	nr_who_done(&caller);
	assert_int_equal(ask(place, text, NR_TOKEN_API, 200, &caller), 0);
	assert_int_equal(caller.scope.n_shared, SHARING - 1);
	nr_who_done(&caller);
	assert_int_equal(nr_who_operator(place->who, (struct nr_time){ 200 * S }, &operator, NULL),
			 0);
	assert_int_equal(operator.scope.n_own, SHARING + 1);
	assert_int_equal(operator.scope.n_shared, 0);
	nr_who_done(&operator);
}

static void a_long_answer_ends_with_each_kind_of_loss(void **state)
{
	struct place *place = *state;
	struct nr_registry_act act = act_at(102);
	struct nr_user_change change = { .role = NR_ROLE_VIEWER, .disabled = -1, .totp_on = -1 };
	struct nr_prefix prefix;
	struct nr_time now = { 102 * S };

	assert_int_equal(nr_prefix_parse(NR_STR("198.51.100.0/24"), &prefix), 0);
	assert_int_equal(nr_registry_prefix_add(place->registry, place->alfa.uuid, prefix,
						(struct nr_time){ 1 }, &act, NULL),
			 0);
	for (int loss = 0; loss < 5; loss++) {
		struct nr_who_caller caller;
		char text[NR_TOKEN_TEXT];

		token(place, NR_TOKEN_API, NR_ROLE_ADMIN, &place->hanako, text);
		assert_int_equal(ask(place, text, NR_TOKEN_API, 101, &caller), 0);
		assert_int_equal(nr_who_still(place->who, &caller, now, NULL), 0);
		if (loss == 0)
			assert_int_equal(nr_registry_prefix_remove(place->registry,
								   place->alfa.uuid, prefix, &act,
								   NULL),
					 0);
		else if (loss == 1)
			assert_int_equal(nr_registry_token_revoke(place->registry, caller.selector,
								  false, &act, NULL),
					 0);
		else if (loss == 2)
			assert_int_equal(nr_registry_user_change(place->registry,
								 place->hanako.uuid, &change, &act,
								 NULL),
					 0);
		else if (loss == 3)
			now.ns = 101 * S + 91 * INT64_C(86400) * S; /* over */
		else
			assert_int_equal(nr_registry_member_suspend(place->registry,
								    place->alfa.uuid, &act, NULL),
					 0);
		assert_int_equal(nr_who_still(place->who, &caller, now, NULL), -EACCES);
		nr_who_done(&caller);
		now.ns = 102 * S;
	}
}

#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, open_place, close_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(a_role_is_the_least_of_token_and_user),
		WITH_PLACE(a_token_of_before_there_were_members_is_the_operators),
		WITH_PLACE(disabled_suspended_and_come_back_are_three_ends),
		WITH_PLACE(a_session_ends_when_idle_and_at_last),
		WITH_PLACE(a_network_holds_for_every_request),
		WITH_PLACE(a_known_token_costs_no_change_and_no_standing),
		WITH_PLACE(a_scope_holds_own_and_shared_and_follows_labels),
		WITH_PLACE(a_long_answer_ends_with_each_kind_of_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
