/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry_who.h"

#include <stdlib.h>

#include "store/registry/registry_int.h"

/* ---- what stands ---- */

uint64_t nr_registry_standing(const struct nr_registry *registry)
{
	return atomic_load(&registry->standing);
}

/* SQLite asks this when a statement is prepared: all of them are, within their transaction. */
int nr_registry_watch(void *ctx, int action, const char *table, const char *column,
		      const char *database, const char *trigger)
{
	static const char *const tables[] = {
		"member", "member_prefix", "member_asn", "community", "community_member",
		"sensor", "label",	   "token",	 "user"
	};
	struct nr_registry *registry = ctx;

	(void)database;
	(void)trigger;
	if ((action != SQLITE_INSERT && action != SQLITE_UPDATE && action != SQLITE_DELETE) ||
	    table == NULL)
		return SQLITE_OK;
	if (action == SQLITE_UPDATE && column != NULL && strcmp(table, "token") == 0 &&
	    strcmp(column, "last_used_ns") == 0)
		return SQLITE_OK;
	for (size_t i = 0; i < NR_COUNT(tables); i++)
		if (strcmp(table, tables[i]) == 0)
			registry->moves = true;
	return SQLITE_OK;
}

/* ---- membership ---- */

/* enum nr_layer, as the table spells it. */
static const char *const layers[NR_N_LAYERS] = { "technical", "law-enforcement", "policy",
						 "diplomatic", "research" };

static void read_member(sqlite3_stmt *stmt, struct nr_time now,
			struct nr_registry_membership *membership)
{
	struct nr_viewer *viewer = &membership->viewer;
	char layer[32];

	(void)nr_registry_get_blob(stmt, 0, viewer->member.b, sizeof(viewer->member.b));
	nr_registry_get_text(stmt, 1, layer, sizeof(layer));
	for (uint8_t i = 0; i < NR_N_LAYERS; i++)
		if (strcmp(layer, layers[i]) == 0)
			viewer->layer = i;
	viewer->epoch = (uint32_t)sqlite3_column_int64(stmt, 2);
	viewer->active = sqlite3_column_type(stmt, 3) == SQLITE_NULL;
	viewer->now = now;
	membership->is_operator = sqlite3_column_int(stmt, 4) != 0;
	nr_registry_get_text(stmt, 5, membership->name, sizeof(membership->name));
}

static int find_member(struct nr_registry *registry, struct nr_uuid member, struct nr_time now,
		       struct nr_registry_membership *membership, struct nr_err *reterr)
{
	bool any = nr_uuid_eq(member, (struct nr_uuid){ 0 });
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(
		registry,
		any ? "SELECT uuid, layer, epoch, suspended_ns, is_operator, name FROM member "
		      "WHERE is_operator = 1"
		    : "SELECT uuid, layer, epoch, suspended_ns, is_operator, name FROM member "
		      "WHERE uuid = ?1",
		&stmt, reterr);

	if (ret < 0)
		return ret;
	if (!any)
		nr_registry_bind_blob(stmt, 1, member.b, sizeof(member.b));
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0)
		read_member(stmt, now, membership);
	else if (ret == 0)
		ret = nr_fail(reterr, -ENOENT, "no such member");
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

static int find_communities(struct nr_registry *registry, struct nr_viewer *viewer,
			    struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      "SELECT community, epoch FROM community_member "
				      "WHERE member = ?1 AND ended_ns IS NULL AND since_ns <= ?2 "
				      "ORDER BY since_ns, community LIMIT ?3",
				      &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, viewer->member.b, sizeof(viewer->member.b));
	nr_registry_bind_i64(stmt, 2, viewer->now.ns);
	nr_registry_bind_i64(stmt, 3, NR_VIEWER_COMMUNITIES);
	while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
		struct nr_party *party = &viewer->communities[viewer->n_communities++];

		(void)nr_registry_get_blob(stmt, 0, party->uuid.b, sizeof(party->uuid.b));
		party->epoch = (uint32_t)sqlite3_column_int64(stmt, 1);
	}
	(void)sqlite3_finalize(stmt);
	return ret;
}

int nr_registry_membership(struct nr_registry *registry, struct nr_uuid member, struct nr_time now,
			   struct nr_registry_membership *ret_membership, struct nr_err *reterr)
{
	*ret_membership = (struct nr_registry_membership){ 0 };
	nr_registry_hold(registry);
	int ret = find_member(registry, member, now, ret_membership, reterr);

	if (ret == 0)
		ret = find_communities(registry, &ret_membership->viewer, reterr);
	nr_registry_let(registry);
	return ret;
}

/* ---- who bears a token ---- */

static void read_bearer(sqlite3_stmt *stmt, struct nr_registry_bearer *bearer)
{
	char role[16];

	nr_registry_get_text(stmt, 0, role, sizeof(role));
	bearer->user_role = nr_registry_role_of(role);
	(void)nr_registry_get_blob(stmt, 1, bearer->user_member.b, sizeof(bearer->user_member.b));
	bearer->user_disabled = sqlite3_column_type(stmt, 2) != SQLITE_NULL;
	(void)nr_registry_get_blob(stmt, 3, bearer->member.b, sizeof(bearer->member.b));
	bearer->member_epoch = (uint32_t)sqlite3_column_int64(stmt, 4);
	bearer->member_active = sqlite3_column_type(stmt, 5) == SQLITE_NULL;
	bearer->is_operator = sqlite3_column_int(stmt, 6) != 0;
}

static int bearer_locked(struct nr_registry *registry, const uint8_t selector[NR_TOKEN_SELECTOR],
			 struct nr_registry_bearer *bearer, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_token_at(registry, selector, &bearer->token, reterr);

	if (ret < 0)
		return ret;
	ret = nr_registry_prepare(registry,
				  "SELECT u.role, u.member, u.disabled_ns, m.uuid, m.epoch, "
				  "m.suspended_ns, m.is_operator FROM token t "
				  "LEFT JOIN user u ON u.uuid = t.user LEFT JOIN member m ON "
				  "m.uuid = coalesce(t.member, (SELECT uuid FROM member WHERE "
				  "is_operator = 1)) WHERE t.selector = ?1",
				  &stmt, reterr);
	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, selector, NR_TOKEN_SELECTOR);
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0)
		read_bearer(stmt, bearer);
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

int nr_registry_bearer(struct nr_registry *registry, const uint8_t selector[NR_TOKEN_SELECTOR],
		       struct nr_registry_bearer *ret_bearer, struct nr_err *reterr)
{
	*ret_bearer = (struct nr_registry_bearer){ 0 };
	nr_registry_hold(registry);
	int ret = bearer_locked(registry, selector, ret_bearer, reterr);

	nr_registry_let(registry);
	return ret;
}

/* ---- sensors and labels ---- */

static uint8_t state_of(const char *name)
{
	for (uint8_t i = 0; nr_sensor_state_names[i] != NULL; i++)
		if (strcmp(name, nr_sensor_state_names[i]) == 0)
			return i;
	return NR_SENSOR_STATE_REVOKED;
}

static void read_shared(sqlite3_stmt *stmt, struct nr_registry_shared *shared)
{
	const unsigned char *label = sqlite3_column_text(stmt, 4);
	char state[16];

	*shared = (struct nr_registry_shared){ 0 };
	(void)nr_registry_get_blob(stmt, 0, shared->sensor.b, sizeof(shared->sensor.b));
	(void)nr_registry_get_blob(stmt, 1, shared->owner.b, sizeof(shared->owner.b));
	nr_registry_get_text(stmt, 2, state, sizeof(state));
	shared->state = state_of(state);
	(void)nr_registry_get_blob(stmt, 3, shared->label_owner.b, sizeof(shared->label_owner.b));
	if (label != NULL)
		shared->label = (struct nr_str){ (const char *)label,
						 (size_t)sqlite3_column_bytes(stmt, 4) };
}

int64_t nr_registry_sharing(struct nr_registry *registry,
			    int (*each)(void *ctx, const struct nr_registry_shared *shared),
			    void *ctx, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = nr_registry_prepare(
		registry,
		"SELECT s.uuid, s.member, s.state, l.owner, l.json FROM sensor s "
		"LEFT JOIN label l ON l.uuid = s.label ORDER BY s.uuid",
		&stmt, reterr);

	if (ret == 0) {
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			struct nr_registry_shared shared;

			read_shared(stmt, &shared);
			ret = each(ctx, &shared);
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}

/* ---- addresses ---- */

/* Room for one more of @p size bytes behind @p n. */
static void *grown(void *list, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0) /* doubles at each power of two */
		return list;
	void *more = realloc(list, (n == 0 ? 1 : 2 * n) * size);

	if (more == NULL)
		free(list);
	return more;
}

static int read_prefixes(struct nr_registry *registry, struct nr_uuid member,
			 struct nr_scope_prefix **list, size_t *n, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret =
		nr_registry_prepare(registry,
				    "SELECT prefix, since_ns FROM member_prefix WHERE member = ?1 "
				    "ORDER BY prefix",
				    &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, member.b, sizeof(member.b));
	while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
		struct nr_scope_prefix prefix = { .since = nr_registry_get_time(stmt, 1) };
		char text[NR_PREFIX_TEXT];

		nr_registry_get_text(stmt, 0, text, sizeof(text));
		ret = nr_prefix_parse(nr_str_from(text), &prefix.prefix);
		if (ret < 0) {
			ret = nr_fail(reterr, NR_EDAMAGED, "registry: a member's prefix is none");
			break;
		}
		*list = grown(*list, *n, sizeof(**list));
		if (*list == NULL) {
			ret = nr_fail(reterr, -ENOMEM, "no memory");
			break;
		}
		(*list)[(*n)++] = prefix;
	}
	(void)sqlite3_finalize(stmt);
	return ret;
}

static int read_asns(struct nr_registry *registry, struct nr_uuid member,
		     struct nr_scope_asn **list, size_t *n, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(
		registry, "SELECT asn, since_ns FROM member_asn WHERE member = ?1 ORDER BY asn",
		&stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, member.b, sizeof(member.b));
	while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
		*list = grown(*list, *n, sizeof(**list));
		if (*list == NULL) {
			ret = nr_fail(reterr, -ENOMEM, "no memory");
			break;
		}
		(*list)[(*n)++] =
			(struct nr_scope_asn){ .asn = (uint32_t)sqlite3_column_int64(stmt, 0),
					       .since = nr_registry_get_time(stmt, 1) };
	}
	(void)sqlite3_finalize(stmt);
	return ret;
}

int nr_registry_holdings(struct nr_registry *registry, struct nr_uuid member,
			 struct nr_scope_prefix **ret_prefixes, size_t *ret_n_prefixes,
			 struct nr_scope_asn **ret_asns, size_t *ret_n_asns, struct nr_err *reterr)
{
	struct nr_scope_prefix *prefixes = NULL;
	struct nr_scope_asn *asns = NULL;
	size_t n_prefixes = 0, n_asns = 0;

	nr_registry_hold(registry);
	int ret = read_prefixes(registry, member, &prefixes, &n_prefixes, reterr);

	if (ret == 0)
		ret = read_asns(registry, member, &asns, &n_asns, reterr);
	nr_registry_let(registry);
	if (ret < 0) {
		free(prefixes);
		free(asns);
		return ret;
	}
	*ret_prefixes = prefixes;
	*ret_n_prefixes = n_prefixes;
	*ret_asns = asns;
	*ret_n_asns = n_asns;
	return 0;
}
