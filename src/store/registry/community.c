/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "store/registry/member_int.h"

#define COLUMNS                                                                                    \
	"SELECT c.uuid, c.name, c.title, c.created_ns, (SELECT count(*) FROM community_member cm " \
	"WHERE cm.community = c.uuid AND cm.ended_ns IS NULL) FROM community c "

static void read_row(sqlite3_stmt *stmt, struct nr_registry_community *community)
{
	*community = (struct nr_registry_community){ 0 };
	(void)nr_registry_get_blob(stmt, 0, community->uuid.b, sizeof(community->uuid.b));
	nr_registry_get_text(stmt, 1, community->name, sizeof(community->name));
	nr_registry_get_text(stmt, 2, community->title, sizeof(community->title));
	community->created = nr_registry_get_time(stmt, 3);
	community->members = (uint64_t)sqlite3_column_int64(stmt, 4);
}

static int find_locked(struct nr_registry *registry, const char *sql, struct nr_registry_arg arg,
		       struct nr_registry_community *ret_community, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_ask(registry, sql, &arg, 1, &stmt, reterr);

	if (ret < 0)
		return ret;
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0)
		read_row(stmt, ret_community);
	else if (ret == 0)
		ret = nr_fail(reterr, -ENOENT, "no such community");
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

int nr_registry_community_find(struct nr_registry *registry, struct nr_uuid uuid,
			       struct nr_registry_community *ret_community, struct nr_err *reterr)
{
	nr_registry_hold(registry);
	int ret = find_locked(registry, COLUMNS "WHERE c.uuid = ?1", NR_ARG_OF_UUID(uuid),
			      ret_community, reterr);

	nr_registry_let(registry);
	return ret;
}

int nr_registry_community_named(struct nr_registry *registry, const char *name,
				struct nr_registry_community *ret_community, struct nr_err *reterr)
{
	nr_registry_hold(registry);
	int ret = find_locked(registry, COLUMNS "WHERE c.name = ?1", NR_ARG_OF_TEXT(name),
			      ret_community, reterr);

	nr_registry_let(registry);
	return ret;
}

int nr_registry_community_uuid(struct nr_registry *registry, const char *name,
			       struct nr_uuid *ret_uuid, struct nr_err *reterr)
{
	return nr_registry_uuid_of(registry, "SELECT uuid FROM community WHERE name = ?1", name,
				   ret_uuid, reterr);
}

static int add(struct nr_registry *registry, const struct nr_registry_community *community,
	       const struct nr_registry_act *act, struct nr_err *reterr)
{
	int64_t n = 0;
	int ret = nr_registry_number(registry, "SELECT count(*) FROM community", NULL, 0, &n,
				     reterr);

	if (ret < 0)
		return ret;
	if (n >= NR_COMMUNITY_MAX)
		return nr_fail(reterr, NR_ELIMIT, "a hub has at most %d communities",
			       NR_COMMUNITY_MAX);
	ret = nr_registry_change(registry,
				 "INSERT INTO community (uuid, name, title, created_ns) "
				 "VALUES (?1, ?2, ?3, ?4)",
				 NR_ARGS(NR_ARG_OF_UUID(community->uuid),
					 NR_ARG_OF_TEXT(community->name),
					 NR_ARG_OF_TEXT(community->title),
					 NR_ARG_OF_I64(community->created.ns)),
				 reterr);
	if (ret == -EEXIST)
		return nr_fail(reterr, -EEXIST, "there is a community '%s' already",
			       community->name);
	return ret < 0 ? ret
		       : nr_registry_note(registry, act, "community.add", community->name,
					  community->title, reterr);
}

int nr_registry_community_add(struct nr_registry *registry, const char *name, const char *title,
			      const struct nr_registry_act *act,
			      struct nr_registry_community *ret_community, struct nr_err *reterr)
{
	struct nr_registry_community community = { .uuid = nr_uuid_new(), .created = act->now };
	int ret = nr_registry_check_name(name, reterr);

	if (ret == 0)
		ret = nr_registry_check_title("title", title, sizeof(community.title), reterr);
	if (ret == 0)
		ret = nr_registry_begin(registry, reterr);
	if (ret < 0)
		return ret;
	(void)snprintf(community.name, sizeof(community.name), "%s", name);
	(void)snprintf(community.title, sizeof(community.title), "%s", title);
	ret = nr_registry_end(registry, add(registry, &community, act, reterr), reterr);
	if (ret == 0)
		*ret_community = community;
	return ret;
}

int64_t nr_registry_communities(struct nr_registry *registry, const struct nr_uuid *member,
				int (*each)(void *ctx,
					    const struct nr_registry_community *community),
				void *ctx, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = nr_registry_ask(
		registry,
		COLUMNS "WHERE ?1 IS NULL OR EXISTS (SELECT 1 FROM community_member m WHERE "
			"m.community = c.uuid AND m.member = ?1 AND m.ended_ns IS NULL) "
			"ORDER BY c.name",
		NR_ARGS(member != NULL ? NR_ARG_OF_UUID(*member) : (struct nr_registry_arg){ 0 }),
		&stmt, reterr);

	if (ret == 0) {
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			struct nr_registry_community community;

			read_row(stmt, &community);
			ret = each(ctx, &community);
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}

int64_t nr_registry_community_members(struct nr_registry *registry, struct nr_uuid community,
				      int (*each)(void *ctx, const struct nr_party *member,
						  const char *name),
				      void *ctx, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = nr_registry_ask(registry,
				  "SELECT m.uuid, cm.epoch, m.name FROM community_member cm "
				  "JOIN member m ON m.uuid = cm.member "
				  "WHERE cm.community = ?1 AND cm.ended_ns IS NULL ORDER BY m.name",
				  NR_ARGS(NR_ARG_OF_UUID(community)), &stmt, reterr);

	if (ret == 0) {
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			struct nr_party party = { .epoch = (uint32_t)sqlite3_column_int64(stmt,
											  1) };
			char name[NR_REGISTRY_NAME];

			(void)nr_registry_get_blob(stmt, 0, party.uuid.b, sizeof(party.uuid.b));
			nr_registry_get_text(stmt, 2, name, sizeof(name));
			ret = each(ctx, &party, name);
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}

/* ---- join, leave ---- */

struct pair {
	struct nr_registry_community community;
	struct nr_registry_member member;
};

static int find_pair(struct nr_registry *registry, struct nr_uuid community, struct nr_uuid member,
		     struct pair *ret_pair, struct nr_err *reterr)
{
	int ret = find_locked(registry, COLUMNS "WHERE c.uuid = ?1", NR_ARG_OF_UUID(community),
			      &ret_pair->community, reterr);

	return ret < 0 ? ret
		       : nr_registry_member_row(registry, "uuid = ?1", &NR_ARG_OF_UUID(member),
						&ret_pair->member, reterr);
}

static int join(struct nr_registry *registry, const struct pair *pair,
		const struct nr_registry_act *act, struct nr_err *reterr)
{
	static const char count[] = "SELECT count(*) FROM community_member WHERE member = ?1 "
				    "AND ended_ns IS NULL";
	int64_t is_in = 0;
	int ret = nr_registry_number(registry,
				     "SELECT 1 FROM community_member WHERE community = ?1 AND "
				     "member = ?2 AND ended_ns IS NULL",
				     NR_ARGS(NR_ARG_OF_UUID(pair->community.uuid),
					     NR_ARG_OF_UUID(pair->member.uuid)),
				     &is_in, reterr);

	if (ret < 0 || is_in != 0)
		return ret;
	ret = nr_registry_room(registry, count, pair->member.uuid, NR_VIEWER_COMMUNITIES,
			       "communities", reterr);
	if (ret == 0)
		ret = nr_registry_change(
			registry,
			"INSERT INTO community_member (community, member, epoch, since_ns) "
			"VALUES (?1, ?2, 1, ?3) ON CONFLICT (community, member) DO UPDATE SET "
			"epoch = epoch + 1, since_ns = excluded.since_ns, ended_ns = NULL",
			NR_ARGS(NR_ARG_OF_UUID(pair->community.uuid),
				NR_ARG_OF_UUID(pair->member.uuid), NR_ARG_OF_I64(act->now.ns)),
			reterr);
	return ret < 0 ? ret
		       : nr_registry_note(registry, act, "community.join", pair->community.name,
					  pair->member.name, reterr);
}

int nr_registry_community_join(struct nr_registry *registry, struct nr_uuid community,
			       struct nr_uuid member, const struct nr_registry_act *act,
			       struct nr_err *reterr)
{
	struct pair pair;
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = find_pair(registry, community, member, &pair, reterr);
	if (ret == 0)
		ret = join(registry, &pair, act, reterr);
	return nr_registry_end(registry, ret, reterr);
}

int nr_registry_community_leave(struct nr_registry *registry, struct nr_uuid community,
				struct nr_uuid member, const struct nr_registry_act *act,
				struct nr_err *reterr)
{
	struct pair pair;
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = find_pair(registry, community, member, &pair, reterr);
	if (ret == 0) {
		ret = nr_registry_change(
			registry,
			"UPDATE community_member SET ended_ns = ?3 WHERE community = ?1 "
			"AND member = ?2 AND ended_ns IS NULL",
			NR_ARGS(NR_ARG_OF_UUID(community), NR_ARG_OF_UUID(member),
				NR_ARG_OF_I64(act->now.ns)),
			reterr);
		if (ret == 0)
			ret = nr_fail(reterr, -ENOENT, "%s is not in %s", pair.member.name,
				      pair.community.name);
	}
	if (ret > 0)
		ret = nr_registry_note(registry, act, "community.leave", pair.community.name,
				       pair.member.name, reterr);
	return nr_registry_end(registry, ret, reterr);
}
