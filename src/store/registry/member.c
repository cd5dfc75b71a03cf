/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry_member.h"

#include <stdio.h>
#include <string.h>

#include "store/registry/member_int.h"

#define COLUMNS                                                                              \
	"SELECT uuid, name, title, economy, sector, layer, is_operator, epoch, created_ns, " \
	"suspended_ns, rowid FROM member "

static void read_row(sqlite3_stmt *stmt, struct nr_registry_member *member)
{
	char layer[24];

	*member = (struct nr_registry_member){ .layer = NR_N_LAYERS }; /* unknown: none */
	(void)nr_registry_get_blob(stmt, 0, member->uuid.b, sizeof(member->uuid.b));
	nr_registry_get_text(stmt, 1, member->name, sizeof(member->name));
	nr_registry_get_text(stmt, 2, member->title, sizeof(member->title));
	nr_registry_get_text(stmt, 3, member->economy, sizeof(member->economy));
	nr_registry_get_text(stmt, 4, member->sector, sizeof(member->sector));
	nr_registry_get_text(stmt, 5, layer, sizeof(layer));
	for (uint8_t i = 0; i < NR_N_LAYERS; i++)
		if (strcmp(layer, nr_layer_names[i]) == 0)
			member->layer = i;
	member->is_operator = sqlite3_column_int(stmt, 6) != 0;
	member->epoch = (uint32_t)sqlite3_column_int64(stmt, 7);
	member->created = nr_registry_get_time(stmt, 8);
	member->suspended = nr_registry_get_time(stmt, 9);
	member->sequence = (uint64_t)sqlite3_column_int64(stmt, 10);
}

/* ---- words ---- */

int nr_registry_check_title(const char *what, const char *text, size_t cap, struct nr_err *reterr)
{
	struct nr_str rest = nr_str_from(text);
	uint32_t cp;

	if (rest.n >= cap)
		return nr_fail(reterr, NR_EUSAGE, "%s has at most %zu bytes", what, cap - 1);
	while (rest.n > 0) {
		size_t n = nr_str_utf8(rest, &cp);

		/* Controls, and those that turn text around: a title must not imitate another. */
		if (n == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0) ||
		    (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
		    (cp >= 0x2060 && cp <= 0x2069) || cp == 0xfeff)
			return nr_fail(reterr, NR_EUSAGE,
				       "%s is a line of text in UTF-8 without control characters",
				       what);
		rest.p += n;
		rest.n -= n;
	}
	return 0;
}

static int check_wish(const struct nr_registry_member *wish, struct nr_err *reterr)
{
	const char *e = wish->economy;
	int ret = nr_registry_check_title("title", wish->title, sizeof(wish->title), reterr);

	if (ret == 0)
		ret = nr_registry_check_title("sector", wish->sector, sizeof(wish->sector), reterr);
	if (ret < 0)
		return ret;
	if (e[0] != '\0' &&
	    !(e[0] >= 'A' && e[0] <= 'Z' && e[1] >= 'A' && e[1] <= 'Z' && e[2] == '\0'))
		return nr_fail(reterr, NR_EUSAGE, "economy is two letters, as in JP");
	if (wish->layer >= NR_N_LAYERS)
		return nr_fail(
			reterr, NR_EUSAGE,
			"layer is technical, law-enforcement, policy, diplomatic or research");
	return 0;
}

/* ---- find ---- */

int nr_registry_member_row(struct nr_registry *registry, const char *where,
			   const struct nr_registry_arg *arg, struct nr_registry_member *ret_member,
			   struct nr_err *reterr)
{
	char sql[512];
	sqlite3_stmt *stmt;

	(void)snprintf(sql, sizeof(sql), COLUMNS "WHERE %s", where);
	int ret = nr_registry_ask(registry, sql, arg, 1, &stmt, reterr);

	if (ret < 0)
		return ret;
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0)
		read_row(stmt, ret_member);
	else if (ret == 0)
		ret = nr_fail(reterr, -ENOENT, "no such member");
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

static int find(struct nr_registry *registry, const char *where, struct nr_registry_arg arg,
		struct nr_registry_member *ret_member, struct nr_err *reterr)
{
	nr_registry_hold(registry);
	int ret = nr_registry_member_row(registry, where, &arg, ret_member, reterr);

	nr_registry_let(registry);
	return ret;
}

int nr_registry_operator(struct nr_registry *registry, struct nr_registry_member *ret_member,
			 struct nr_err *reterr)
{
	return find(registry, "is_operator = ?1", NR_ARG_OF_I64(1), ret_member, reterr);
}

int nr_registry_member_find(struct nr_registry *registry, struct nr_uuid uuid,
			    struct nr_registry_member *ret_member, struct nr_err *reterr)
{
	return find(registry, "uuid = ?1", NR_ARG_OF_UUID(uuid), ret_member, reterr);
}

int nr_registry_member_named(struct nr_registry *registry, const char *name,
			     struct nr_registry_member *ret_member, struct nr_err *reterr)
{
	return find(registry, "name = ?1", NR_ARG_OF_TEXT(name), ret_member, reterr);
}

int64_t nr_registry_members(struct nr_registry *registry, uint64_t after, uint64_t limit, bool all,
			    int (*each)(void *ctx, const struct nr_registry_member *member),
			    void *ctx, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = nr_registry_ask(registry,
				  COLUMNS "WHERE rowid > ?1 AND (?3 OR suspended_ns IS NULL) "
					  "ORDER BY rowid LIMIT ?2",
				  NR_ARGS(NR_ARG_OF_I64((int64_t)after),
					  NR_ARG_OF_I64((int64_t)limit), NR_ARG_OF_I64(all)),
				  &stmt, reterr);

	if (ret == 0) {
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			struct nr_registry_member member;

			read_row(stmt, &member);
			ret = each(ctx, &member);
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}

/* ---- add ---- */

static struct nr_registry_arg text_or_null(const char *text)
{
	return text[0] != '\0' ? NR_ARG_OF_TEXT(text) : (struct nr_registry_arg){ 0 };
}

static int insert(struct nr_registry *registry, const struct nr_registry_member *member,
		  struct nr_err *reterr)
{
	int64_t n = 0;
	int ret = nr_registry_number(registry, "SELECT count(*) FROM member", NULL, 0, &n, reterr);

	if (ret < 0)
		return ret;
	if (n >= NR_MEMBER_MAX)
		return nr_fail(reterr, NR_ELIMIT, "a hub has at most %d members", NR_MEMBER_MAX);
	ret = nr_registry_change(
		registry,
		"INSERT INTO member (uuid, name, title, economy, sector, layer, is_operator, epoch, "
		"created_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		NR_ARGS(NR_ARG_OF_UUID(member->uuid), NR_ARG_OF_TEXT(member->name),
			NR_ARG_OF_TEXT(member->title), text_or_null(member->economy),
			text_or_null(member->sector), NR_ARG_OF_TEXT(nr_layer_names[member->layer]),
			NR_ARG_OF_I64(member->is_operator), NR_ARG_OF_I64(member->epoch),
			NR_ARG_OF_I64(member->created.ns)),
		reterr);
	if (ret == -EEXIST)
		return nr_fail(reterr, -EEXIST, "there is a member '%s' already", member->name);
	return ret < 0 ? ret : 0;
}

static int add(struct nr_registry *registry, struct nr_registry_member *member,
	       const struct nr_registry_act *act, struct nr_err *reterr)
{
	int ret;

	member->uuid = nr_uuid_new();
	member->epoch = 1;
	member->created = act->now;
	member->suspended = (struct nr_time){ 0 };
	ret = insert(registry, member, reterr);
	return ret < 0 ? ret
		       : nr_registry_note(registry, act, "member.add", member->name, member->title,
					  reterr);
}

int nr_registry_member_add(struct nr_registry *registry, const struct nr_registry_member *wish,
			   const struct nr_registry_act *act, struct nr_registry_member *ret_member,
			   struct nr_err *reterr)
{
	struct nr_registry_member member = *wish;
	int ret = nr_registry_check_name(member.name, reterr);

	if (ret == 0)
		ret = check_wish(&member, reterr);
	if (ret == 0)
		ret = nr_registry_begin(registry, reterr);
	if (ret < 0)
		return ret;
	member.is_operator = false;
	ret = nr_registry_end(registry, add(registry, &member, act, reterr), reterr);
	if (ret == 0)
		*ret_member = member;
	return ret;
}

/* A hub's name may be any words; a member's is a name. */
static void name_of(const char *words, char out[NR_REGISTRY_NAME])
{
	size_t n = 0;

	for (; words[n] != '\0' && n < NR_REGISTRY_NAME - 1; n++) {
		char c = words[n];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || (n > 0 && (c == '.' || c == '-'));

		out[n] = good ? c : '_';
	}
	out[n] = '\0';
	if (n == 0)
		memcpy(out, "operator", sizeof("operator"));
}

static int make_operator(struct nr_registry *registry, const char *name,
			 const struct nr_registry_act *act, struct nr_registry_member *member,
			 struct nr_err *reterr)
{
	int ret = nr_registry_member_row(registry, "is_operator = ?1", &NR_ARG_OF_I64(1), member,
					 reterr);

	if (ret != -ENOENT)
		return ret;
	*member = (struct nr_registry_member){ .is_operator = true };
	name_of(name, member->name);
	if (nr_registry_check_title("title", name, sizeof(member->title), NULL) == 0)
		(void)snprintf(member->title, sizeof(member->title), "%s", name);
	return add(registry, member, act, reterr);
}

int nr_registry_operator_make(struct nr_registry *registry, const char *name,
			      const struct nr_registry_act *act,
			      struct nr_registry_member *ret_member, struct nr_err *reterr)
{
	int ret = nr_registry_operator(registry, ret_member, reterr);

	if (ret != -ENOENT)
		return ret;
	ret = nr_registry_begin(registry, reterr);
	if (ret < 0)
		return ret;
	return nr_registry_end(registry, make_operator(registry, name, act, ret_member, reterr),
			       reterr);
}

/* ---- change ---- */

int nr_registry_member_update(struct nr_registry *registry, const struct nr_registry_member *member,
			      const struct nr_registry_act *act, struct nr_err *reterr)
{
	struct nr_registry_member before;
	int ret = check_wish(member, reterr);

	if (ret == 0)
		ret = nr_registry_begin(registry, reterr);
	if (ret < 0)
		return ret;
	ret = nr_registry_member_row(registry, "uuid = ?1", &NR_ARG_OF_UUID(member->uuid), &before,
				     reterr);
	if (ret == 0)
		ret = nr_registry_change(registry,
					 "UPDATE member SET title = ?2, economy = ?3, sector = ?4, "
					 "layer = ?5 WHERE uuid = ?1",
					 NR_ARGS(NR_ARG_OF_UUID(member->uuid),
						 NR_ARG_OF_TEXT(member->title),
						 text_or_null(member->economy),
						 text_or_null(member->sector),
						 NR_ARG_OF_TEXT(nr_layer_names[member->layer])),
					 reterr);
	if (ret > 0)
		ret = nr_registry_note(registry, act, "member.change", before.name, member->title,
				       reterr);
	return nr_registry_end(registry, ret, reterr);
}

/* Its membership in communities begins anew too, so that labels of before name another. */
static int resume(struct nr_registry *registry, struct nr_uuid uuid, struct nr_err *reterr)
{
	int ret = nr_registry_change(registry,
				     "UPDATE member SET epoch = epoch + 1, suspended_ns = NULL "
				     "WHERE uuid = ?1",
				     NR_ARGS(NR_ARG_OF_UUID(uuid)), reterr);

	return ret < 0 ? ret
		       : nr_registry_change(registry,
					    "UPDATE community_member SET epoch = epoch + 1 "
					    "WHERE member = ?1 AND ended_ns IS NULL",
					    NR_ARGS(NR_ARG_OF_UUID(uuid)), reterr);
}

static int set_in_force(struct nr_registry *registry, struct nr_uuid uuid, bool in_force,
			const struct nr_registry_act *act, struct nr_err *reterr)
{
	struct nr_registry_member member = { 0 };
	int ret = nr_registry_member_row(registry, "uuid = ?1", &NR_ARG_OF_UUID(uuid), &member,
					 reterr);

	if (ret < 0 || (member.suspended.ns == 0) == in_force)
		return ret;
	if (member.is_operator)
		return nr_fail(reterr, -EACCES, "%s runs this hub and cannot be suspended",
			       member.name);
	ret = in_force ? resume(registry, uuid, reterr)
		       : nr_registry_change(registry,
					    "UPDATE member SET epoch = epoch + 1, "
					    "suspended_ns = ?2 WHERE uuid = ?1",
					    NR_ARGS(NR_ARG_OF_UUID(uuid),
						    NR_ARG_OF_I64(act->now.ns)),
					    reterr);
	return ret < 0 ? ret
		       : nr_registry_note(registry, act,
					  in_force ? "member.resume" : "member.suspend",
					  member.name, "", reterr);
}

int nr_registry_member_suspend(struct nr_registry *registry, struct nr_uuid uuid,
			       const struct nr_registry_act *act, struct nr_err *reterr)
{
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	return nr_registry_end(registry, set_in_force(registry, uuid, false, act, reterr), reterr);
}

int nr_registry_member_resume(struct nr_registry *registry, struct nr_uuid uuid,
			      const struct nr_registry_act *act, struct nr_err *reterr)
{
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	return nr_registry_end(registry, set_in_force(registry, uuid, true, act, reterr), reterr);
}
