/* SPDX-License-Identifier: Apache-2.0 */
/* Labels as rows, and the predicate that statements ask. */
#include "store/registry_label.h"

#include <string.h>

#include "base/json_read.h"
#include "share/policy/label_read.h"
#include "store/registry/member_int.h"

enum { LABEL_JSON_MAX = 1 << 14 };

static const char viewer_type[] = "nr_viewer"; /* of the pointer: nothing else is taken for one */

/* ---- reading ---- */

/* @return false: nobody's */
static bool label_of(struct nr_str text, struct nr_label *ret_label)
{
	json_t *json;

	if (nr_json_read(text, NULL, &json, NULL) < 0)
		return false;
	int ret = nr_label_read(json, ret_label, NULL);

	json_decref(json);
	return ret == 0;
}

static struct nr_label label_of_values(sqlite3_value *owner, sqlite3_value *json)
{
	struct nr_label label = { 0 };
	struct nr_uuid uuid;
	const void *blob = sqlite3_value_blob(owner);

	if (blob == NULL || sqlite3_value_bytes(owner) != (int)sizeof(uuid.b))
		return label;
	memcpy(uuid.b, blob, sizeof(uuid.b));
	if (sqlite3_value_type(json) == SQLITE_NULL)
		return nr_label_default(uuid);
	const char *text = (const char *)sqlite3_value_text(json);

	if (text == NULL ||
	    !label_of((struct nr_str){ text, (size_t)sqlite3_value_bytes(json) }, &label))
		return (struct nr_label){ 0 };
	label.owner = uuid;
	return label;
}

struct nr_label nr_registry_get_own_label(sqlite3_stmt *stmt, int owner, int text)
{
	return label_of_values(sqlite3_column_value(stmt, owner), sqlite3_column_value(stmt, text));
}

bool nr_registry_get_label(sqlite3_stmt *stmt, int owner, int text, struct nr_label *ret_label)
{
	*ret_label = (struct nr_label){ 0 };
	if (sqlite3_column_type(stmt, text) == SQLITE_NULL)
		return false;
	*ret_label = nr_registry_get_own_label(stmt, owner, text);
	return ret_label->tlp != NR_TLP_UNSET;
}

/* ---- nr_allows() ---- */

static enum nr_action action_of(sqlite3_value *value)
{
	static const struct {
		const char *word;
		enum nr_action action;
	} words[] = { { "read", NR_ACTION_READ },
		      { "count", NR_ACTION_COUNT },
		      { "pass on", NR_ACTION_PASS_ON } };
	const char *text = (const char *)sqlite3_value_text(value);

	for (size_t i = 0; text != NULL && i < NR_COUNT(words); i++)
		if (strcmp(words[i].word, text) == 0)
			return words[i].action;
	return NR_ACTION_NONE;
}

static void allows(sqlite3_context *context, int n, sqlite3_value **values)
{
	const struct nr_viewer *viewer = sqlite3_value_pointer(values[0], viewer_type);
	bool allowed = false;

	if (n == 4 && viewer != NULL) {
		struct nr_label label = label_of_values(values[2], values[3]);

		allowed = nr_policy_allows(viewer, &label, action_of(values[1]));
	}
	sqlite3_result_int(context, allowed);
}

int nr_registry_allows_add(struct nr_registry *registry, struct nr_err *reterr)
{
	if (sqlite3_create_function_v2(registry->db, "nr_allows", 4,
				       SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, allows, NULL, NULL,
				       NULL) != SQLITE_OK)
		return nr_registry_fail(registry, "add functions", reterr);
	return 0;
}

void nr_registry_bind_viewer(sqlite3_stmt *stmt, int i, const struct nr_viewer *viewer)
{
	/* SQLite never writes to it; unbound it is NULL, who may nothing. */
	(void)sqlite3_bind_pointer(stmt, i, (void *)(uintptr_t)viewer, viewer_type, NULL);
}

/* ---- rows ---- */

int nr_registry_label_put(struct nr_registry *registry, const struct nr_label *label,
			  struct nr_time now, struct nr_uuid *ret_uuid, struct nr_err *reterr)
{
	struct nr_uuid uuid = nr_uuid_new();
	struct nr_json json;
	struct nr_buf text;
	int ret;

	if (label->tlp <= NR_TLP_UNSET || label->tlp > NR_TLP_RED)
		return nr_fail(reterr, NR_EUSAGE,
			       "a label needs a tlp: CLEAR, GREEN, AMBER, AMBER+STRICT or RED");
	nr_buf_init(&text, LABEL_JSON_MAX);
	nr_json_init(&json, &text);
	nr_label_json(label, &json);
	nr_buf_add(&text, "", 1);
	ret = text.err;
	if (ret == 0)
		ret = nr_registry_change(registry,
					 "INSERT INTO label (uuid, owner, tlp, json, created_ns) "
					 "VALUES (?1, ?2, ?3, ?4, ?5)",
					 NR_ARGS(NR_ARG_OF_UUID(uuid), NR_ARG_OF_UUID(label->owner),
						 NR_ARG_OF_TEXT(nr_tlp_names[label->tlp]),
						 NR_ARG_OF_TEXT((const char *)text.p),
						 NR_ARG_OF_I64(now.ns)),
					 reterr);
	nr_buf_done(&text);
	if (ret < 0)
		return ret;
	*ret_uuid = uuid;
	return 0;
}

int nr_registry_label_find(struct nr_registry *registry, struct nr_uuid uuid,
			   struct nr_label *ret_label, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;

	nr_registry_hold(registry);
	int ret = nr_registry_ask(registry, "SELECT owner, json FROM label WHERE uuid = ?1",
				  NR_ARGS(NR_ARG_OF_UUID(uuid)), &stmt, reterr);

	if (ret == 0) {
		ret = nr_registry_step(registry, stmt, reterr);
		if (ret > 0)
			(void)nr_registry_get_label(stmt, 0, 1, ret_label);
		else if (ret == 0)
			ret = nr_fail(reterr, -ENOENT, "no such label");
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : 0;
}

/* ---- parties as they are now ---- */

static int complete_member(struct nr_registry *registry, struct nr_party *party,
			   struct nr_err *reterr)
{
	struct nr_registry_member member;
	int ret = nr_registry_member_row(registry, "uuid = ?1", &NR_ARG_OF_UUID(party->uuid),
					 &member, reterr);

	if (ret == -ENOENT)
		return nr_fail(reterr, NR_EUSAGE, "members: there is no such member");
	if (ret < 0 || party->epoch != 0)
		return ret; /* said in full: it is what it was, in force or not */
	if (member.suspended.ns != 0)
		return nr_fail(reterr, NR_EUSAGE, "members: the membership of %s is suspended",
			       member.name);
	party->epoch = member.epoch;
	return 0;
}

/*
 * Add it at its epoch, or when that is not said at each that a member of it has; a community that is
 * empty now at 1.
 */
static int add_community(struct nr_registry *registry, const struct nr_party *party,
			 struct nr_label *label, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_ask(
		registry,
		"SELECT coalesce(nullif(?2, 0), m.epoch, 1) FROM community c "
		"LEFT JOIN community_member m ON m.community = c.uuid AND m.ended_ns IS NULL "
		"WHERE c.uuid = ?1 GROUP BY 1 ORDER BY 1",
		NR_ARGS(NR_ARG_OF_UUID(party->uuid), NR_ARG_OF_I64(party->epoch)), &stmt, reterr);
	size_t before = label->n_communities;

	if (ret < 0)
		return ret;
	while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
		if (label->n_communities >= NR_LABEL_COMMUNITIES) {
			ret = nr_fail(reterr, NR_EUSAGE, "communities: a label holds %d",
				      NR_LABEL_COMMUNITIES);
			break;
		}
		label->communities[label->n_communities++] =
			(struct nr_party){ party->uuid, (uint32_t)sqlite3_column_int64(stmt, 0) };
	}
	(void)sqlite3_finalize(stmt);
	if (ret == 0 && label->n_communities == before)
		return nr_fail(reterr, NR_EUSAGE, "communities: there is no such community");
	return ret;
}

int nr_registry_label_parties(struct nr_registry *registry, struct nr_label *label,
			      struct nr_err *reterr)
{
	struct nr_label whole = *label;
	int ret = 0;

	whole.n_communities = 0;
	for (size_t i = 0; ret == 0 && i < label->n_members; i++)
		ret = complete_member(registry, &whole.members[i], reterr);
	for (size_t i = 0; ret == 0 && i < label->n_communities; i++)
		ret = add_community(registry, &label->communities[i], &whole, reterr);
	if (ret == 0)
		*label = whole;
	return ret;
}

int nr_registry_label_complete(struct nr_registry *registry, struct nr_label *label,
			       struct nr_err *reterr)
{
	nr_registry_hold(registry);
	int ret = nr_registry_label_parties(registry, label, reterr);

	nr_registry_let(registry);
	return ret;
}

/* ---- sensors ---- */

#define OWNER "coalesce(s.member, (SELECT uuid FROM member WHERE is_operator = 1))"

static int sensor_label(struct nr_registry *registry, struct nr_uuid sensor,
			struct nr_label *ret_label, char name[NR_REGISTRY_NAME],
			struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_ask(registry,
				  "SELECT " OWNER
				  ", l.json, s.name FROM sensor s LEFT JOIN label l "
				  "ON l.uuid = s.label WHERE s.uuid = ?1",
				  NR_ARGS(NR_ARG_OF_UUID(sensor)), &stmt, reterr);

	if (ret < 0)
		return ret;
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0) {
		*ret_label = nr_registry_get_own_label(stmt, 0, 1);
		nr_registry_get_text(stmt, 2, name, NR_REGISTRY_NAME);
	} else if (ret == 0) {
		ret = nr_fail(reterr, -ENOENT, "no such sensor");
	}
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

int nr_registry_sensor_label(struct nr_registry *registry, struct nr_uuid sensor,
			     struct nr_label *ret_label, struct nr_err *reterr)
{
	char name[NR_REGISTRY_NAME];

	nr_registry_hold(registry);
	int ret = sensor_label(registry, sensor, ret_label, name, reterr);

	nr_registry_let(registry);
	return ret;
}

/* The label that a sensor had is nobody else's: it goes with the change. */
static int set_label(struct nr_registry *registry, struct nr_uuid sensor,
		     struct nr_registry_arg label, struct nr_err *reterr)
{
	int64_t had = 0;
	struct nr_uuid old = { 0 };
	sqlite3_stmt *stmt;
	int ret = nr_registry_ask(registry, "SELECT label FROM sensor WHERE uuid = ?1",
				  NR_ARGS(NR_ARG_OF_UUID(sensor)), &stmt, reterr);

	if (ret < 0)
		return ret;
	ret = nr_registry_step(registry, stmt, reterr);
	had = ret > 0 && nr_registry_get_blob(stmt, 0, old.b, sizeof(old.b));
	(void)sqlite3_finalize(stmt);
	if (ret >= 0)
		ret = nr_registry_change(registry, "UPDATE sensor SET label = ?2 WHERE uuid = ?1",
					 NR_ARGS(NR_ARG_OF_UUID(sensor), label), reterr);
	if (ret >= 0 && had)
		ret = nr_registry_change(registry, "DELETE FROM label WHERE uuid = ?1",
					 NR_ARGS(NR_ARG_OF_UUID(old)), reterr);
	return ret < 0 ? ret : 0;
}

static int relabel(struct nr_registry *registry, struct nr_uuid sensor,
		   const struct nr_viewer *viewer, const struct nr_label *wish,
		   const struct nr_registry_act *act, struct nr_label *ret_label,
		   struct nr_err *reterr)
{
	char name[NR_REGISTRY_NAME];
	struct nr_label whole = *wish, before;
	struct nr_uuid row = { 0 };
	int ret = sensor_label(registry, sensor, &before, name, reterr);

	if (ret == 0 && !nr_policy_allows(viewer, &before, NR_ACTION_READ))
		ret = viewer->role == NR_ROLE_OPERATOR /* he knows of it all the same */
			      ? nr_fail(reterr, -EACCES,
					"a label is said by its owner's coordinators")
			      : nr_fail(reterr, -ENOENT, "no such sensor");
	if (ret == 0)
		ret = nr_registry_label_parties(registry, &whole, reterr);
	if (ret < 0)
		return ret;
	ret = nr_policy_relabel(viewer, &before, &whole, ret_label);
	if (ret < 0)
		return ret == -EACCES ? nr_fail(reterr, -EACCES,
						"a label is said by its owner's coordinators")
				      : nr_fail(reterr, NR_EUSAGE,
						"a label needs a tlp: CLEAR, GREEN, AMBER, "
						"AMBER+STRICT or RED");
	ret = nr_registry_label_put(registry, ret_label, act->now, &row, reterr);
	if (ret == 0)
		ret = set_label(registry, sensor, NR_ARG_OF_UUID(row), reterr);
	return ret < 0 ? ret
		       : nr_registry_note(registry, act, "sensor.label", name,
					  nr_tlp_names[ret_label->tlp], reterr);
}

int nr_registry_sensor_relabel(struct nr_registry *registry, struct nr_uuid sensor,
			       const struct nr_viewer *viewer, const struct nr_label *wish,
			       const struct nr_registry_act *act, struct nr_label *ret_label,
			       struct nr_err *reterr)
{
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	return nr_registry_end(registry,
			       relabel(registry, sensor, viewer, wish, act, ret_label, reterr),
			       reterr);
}

static int give(struct nr_registry *registry, struct nr_uuid sensor, struct nr_uuid uuid,
		const struct nr_registry_act *act, struct nr_err *reterr)
{
	struct nr_registry_member member;
	char name[NR_REGISTRY_NAME];
	struct nr_label before;
	bool to_operator = nr_uuid_eq(uuid, (struct nr_uuid){ 0 });
	int ret = sensor_label(registry, sensor, &before, name, reterr);

	if (ret == 0)
		ret = to_operator ? nr_registry_member_row(registry, "is_operator = ?1",
							   &NR_ARG_OF_I64(1), &member, reterr)
				  : nr_registry_member_row(registry, "uuid = ?1",
							   &NR_ARG_OF_UUID(uuid), &member, reterr);
	if (ret < 0 || nr_uuid_eq(member.uuid, before.owner))
		return ret;
	ret = nr_registry_change(registry, "UPDATE sensor SET member = ?2 WHERE uuid = ?1",
				 NR_ARGS(NR_ARG_OF_UUID(sensor), NR_ARG_OF_UUID(member.uuid)),
				 reterr);
	if (ret > 0)
		ret = set_label(registry, sensor, (struct nr_registry_arg){ 0 }, reterr);
	return ret < 0 ? ret
		       : nr_registry_note(registry, act, "sensor.give", name, member.name, reterr);
}

int nr_registry_sensor_give(struct nr_registry *registry, struct nr_uuid sensor,
			    struct nr_uuid member, const struct nr_registry_act *act,
			    struct nr_err *reterr)
{
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	return nr_registry_end(registry, give(registry, sensor, member, act, reterr), reterr);
}
