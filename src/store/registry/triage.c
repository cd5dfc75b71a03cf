/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each change is a row; `back` names the row that undoing it restores, so undoing goes back along the
 * changes like a stack, and what was undone stays to be read.
 */
#include "store/registry_triage.h"

#include <stdio.h>

#include "store/registry/registry_int.h"

const char *const nr_triage_state_names[] = { "open", "acknowledged", "false", "closed", NULL };
const char *const nr_triage_action_names[] = { "acknowledge", "false", "close", "reopen",
					       "assign",      "undo",  NULL };

#define COLUMNS                                                                             \
	"SELECT t.version, t.state, t.action, t.assignee, u.login, t.words, t.changed_ns, " \
	"t.changed_by, t.back FROM triage t LEFT JOIN user u ON u.uuid = t.assignee "
enum { BACK = 8, NOWHERE = -1 };

static uint8_t word_of(const char *const *names, const char *name)
{
	for (uint8_t i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return 0; /* CHECK and the names above are the same */
}

static void read_row(sqlite3_stmt *stmt, struct nr_registry_triage *triage)
{
	char word[16];

	*triage = (struct nr_registry_triage){ 0 };
	triage->version = (uint32_t)sqlite3_column_int64(stmt, 0);
	nr_registry_get_text(stmt, 1, word, sizeof(word));
	triage->state = word_of(nr_triage_state_names, word);
	nr_registry_get_text(stmt, 2, word, sizeof(word));
	triage->action = word_of(nr_triage_action_names, word);
	(void)nr_registry_get_blob(stmt, 3, triage->assignee.b, sizeof(triage->assignee.b));
	nr_registry_get_text(stmt, 4, triage->assignee_login, sizeof(triage->assignee_login));
	nr_registry_get_text(stmt, 5, triage->words, sizeof(triage->words));
	triage->changed = nr_registry_get_time(stmt, 6);
	nr_registry_get_text(stmt, 7, triage->changed_by, sizeof(triage->changed_by));
}

/* The row of @p version, or the newest (0). @return 1; 0 none; negative */
static int get_locked(struct nr_registry *registry, struct nr_uuid member, const char *finding,
		      int64_t version, struct nr_registry_triage *triage, int64_t *ret_back,
		      struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      COLUMNS "WHERE t.finding = ?1 AND t.member = ?2 AND (?3 = 0 "
					      "OR t.version = ?3) ORDER BY t.version DESC LIMIT 1",
				      &stmt, reterr);

	*triage = (struct nr_registry_triage){ 0 };
	*ret_back = NOWHERE;
	if (ret < 0)
		return ret;
	nr_registry_bind_text(stmt, 1, finding);
	nr_registry_bind_blob(stmt, 2, member.b, sizeof(member.b));
	nr_registry_bind_i64(stmt, 3, version);
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0) {
		read_row(stmt, triage);
		*ret_back = sqlite3_column_int64(stmt, BACK);
	}
	(void)sqlite3_finalize(stmt);
	return ret;
}

int nr_registry_triage(struct nr_registry *registry, struct nr_uuid member, const char *finding,
		       struct nr_registry_triage *ret_triage, struct nr_err *reterr)
{
	int64_t back;

	nr_registry_hold(registry);
	int ret = get_locked(registry, member, finding, 0, ret_triage, &back, reterr);

	nr_registry_let(registry);
	return ret < 0 ? ret : 0;
}

/* Only a user of the same member, who may still log in. */
static int find_assignee(struct nr_registry *registry,
			 const struct nr_registry_triage_change *change,
			 struct nr_registry_triage *triage, struct nr_err *reterr)
{
	struct nr_uuid uuid = { { 0 } };
	sqlite3_stmt *stmt;
	int ret;

	triage->assignee = (struct nr_uuid){ { 0 } };
	triage->assignee_login[0] = '\0';
	if (change->assignee == NULL || change->assignee[0] == '\0')
		return 0;
	ret = nr_registry_prepare(
		registry,
		"SELECT uuid, login FROM user WHERE member = ?1 AND (uuid = ?2 OR "
		"login = ?3) AND disabled_ns IS NULL",
		&stmt, reterr);
	if (ret < 0)
		return ret;
	(void)(nr_uuid_parse(nr_str_from(change->assignee), &uuid) == 0);
	nr_registry_bind_blob(stmt, 1, change->member.b, sizeof(change->member.b));
	nr_registry_bind_blob(stmt, 2, uuid.b, sizeof(uuid.b));
	nr_registry_bind_text(stmt, 3, change->assignee);
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0) {
		(void)nr_registry_get_blob(stmt, 0, triage->assignee.b, sizeof(triage->assignee.b));
		nr_registry_get_text(stmt, 1, triage->assignee_login,
				     sizeof(triage->assignee_login));
	} else if (ret == 0)
		ret = nr_fail(reterr, NR_EUSAGE, "assignee is none of your organisation's users");
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

/* From what holds, and where undoing it leads, to what the change makes of it. */
static int apply(struct nr_registry *registry, const struct nr_registry_triage_change *change,
		 struct nr_registry_triage *triage, int64_t *back, struct nr_err *reterr)
{
	const uint32_t version = triage->version;
	int64_t to = *back;
	int ret = 0;

	*back = version;
	switch (change->action) {
	case NR_TRIAGE_ACKNOWLEDGE:
		triage->state = NR_TRIAGE_ACKNOWLEDGED;
		break;
	case NR_TRIAGE_SAY_FALSE:
		triage->state = NR_TRIAGE_FALSE;
		break;
	case NR_TRIAGE_CLOSE:
		triage->state = NR_TRIAGE_CLOSED;
		break;
	case NR_TRIAGE_REOPEN:
		triage->state = NR_TRIAGE_OPEN;
		break;
	case NR_TRIAGE_ASSIGN:
		ret = find_assignee(registry, change, triage, reterr);
		break;
	case NR_TRIAGE_UNDO:
		if (to == NOWHERE)
			return nr_fail(reterr, NR_EUSAGE, "there is nothing to undo");
		if (to == 0)
			*triage = (struct nr_registry_triage){ 0 };
		else
			ret = get_locked(registry, change->member, change->finding, to, triage,
					 back, reterr);
		if (to == 0)
			*back = NOWHERE;
		break;
	}
	triage->version = version + 1;
	triage->action = (uint8_t)change->action;
	return ret < 0 ? ret : 0;
}

static int insert(struct nr_registry *registry, const struct nr_registry_triage_change *change,
		  const struct nr_registry_triage *triage, int64_t back, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(
		registry,
		"INSERT INTO triage (finding, member, version, state, assignee, action, words, "
		"back, changed_ns, changed_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		&stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_text(stmt, 1, change->finding);
	nr_registry_bind_blob(stmt, 2, change->member.b, sizeof(change->member.b));
	nr_registry_bind_i64(stmt, 3, triage->version);
	nr_registry_bind_text(stmt, 4, nr_triage_state_names[triage->state]);
	if (!nr_uuid_eq(triage->assignee, (struct nr_uuid){ { 0 } }))
		nr_registry_bind_blob(stmt, 5, triage->assignee.b, sizeof(triage->assignee.b));
	nr_registry_bind_text(stmt, 6, nr_triage_action_names[triage->action]);
	nr_registry_bind_text(stmt, 7, triage->words);
	nr_registry_bind_i64(stmt, 8, back);
	nr_registry_bind_i64(stmt, 9, triage->changed.ns);
	nr_registry_bind_text(stmt, 10, triage->changed_by);
	return nr_registry_run(registry, stmt, reterr);
}

static int change_locked(struct nr_registry *registry,
			 const struct nr_registry_triage_change *change,
			 const struct nr_registry_act *act, struct nr_registry_triage *triage,
			 struct nr_err *reterr)
{
	int64_t back;
	char detail[160];
	int ret = get_locked(registry, change->member, change->finding, 0, triage, &back, reterr);

	if (ret < 0)
		return ret;
	if (change->has_expected && change->expected != triage->version)
		return nr_fail(reterr, -ESTALE,
			       "it was changed meanwhile: version %u holds; look again",
			       triage->version);
	if (triage->version >= NR_TRIAGE_VERSIONS)
		return nr_fail(reterr, -EDQUOT, "it was changed %d times: no more",
			       NR_TRIAGE_VERSIONS);
	ret = apply(registry, change, triage, &back, reterr);
	if (ret < 0)
		return ret;
	triage->changed = act->now;
	(void)snprintf(triage->words, sizeof(triage->words), "%s",
		       change->words != NULL ? change->words : "");
	(void)snprintf(triage->changed_by, sizeof(triage->changed_by), "%s", act->actor);
	ret = insert(registry, change, triage, back, reterr);
	(void)snprintf(detail, sizeof(detail), "version=%u state=%s assignee=%s", triage->version,
		       nr_triage_state_names[triage->state], triage->assignee_login);
	if (ret == 0) {
		char action[32];

		(void)snprintf(action, sizeof(action), "triage.%s",
			       nr_triage_action_names[change->action]);
		ret = nr_registry_note(registry, act, action, change->shown, detail, reterr);
	}
	return ret;
}

int nr_registry_triage_change(struct nr_registry *registry,
			      const struct nr_registry_triage_change *change,
			      const struct nr_registry_act *act,
			      struct nr_registry_triage *ret_triage, struct nr_err *reterr)
{
	struct nr_registry_triage triage;
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = change_locked(registry, change, act, &triage, reterr);
	ret = nr_registry_end(registry, ret, reterr);
	if (ret == 0)
		*ret_triage = triage;
	return ret;
}

int64_t nr_registry_triage_history(struct nr_registry *registry, struct nr_uuid member,
				   const char *finding,
				   int (*each)(void *ctx, const struct nr_registry_triage *triage),
				   void *ctx, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = nr_registry_prepare(
		registry, COLUMNS "WHERE t.finding = ?1 AND t.member = ?2 ORDER BY t.version DESC",
		&stmt, reterr);

	if (ret == 0) {
		nr_registry_bind_text(stmt, 1, finding);
		nr_registry_bind_blob(stmt, 2, member.b, sizeof(member.b));
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			struct nr_registry_triage triage;

			read_row(stmt, &triage);
			ret = each(ctx, &triage);
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}
