/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry_ask.h"

#include <stdio.h>

#include "store/registry/registry_int.h"

const char *const nr_ask_seen_names[] = { "yes", "no", "declined", NULL };
const char *const nr_ask_level_names[] = { "", "few", "some", "many", NULL };

/* ?1 is the viewer's member, ?2 the viewer */
#define SEEN "(a.member = ?1 OR nr_allows(?2, 'read', l.owner, l.json)) "
#define COLUMNS                                                                              \
	"SELECT a.sequence, a.uuid, a.member, m.name, a.actor, a.subject, a.since_ns, "      \
	"a.until_ns, a.words, l.owner, l.json, a.made_ns, a.expires_ns, a.closed_ns, "       \
	"(SELECT count(*) FROM answer r WHERE r.ask = a.uuid), "                             \
	"EXISTS (SELECT 1 FROM answer r WHERE r.ask = a.uuid AND r.member = ?1) FROM ask a " \
	"JOIN member m ON m.uuid = a.member JOIN label l ON l.uuid = a.label "

static void read_row(sqlite3_stmt *stmt, struct nr_registry_ask *ask)
{
	*ask = (struct nr_registry_ask){ .sequence = (uint64_t)sqlite3_column_int64(stmt, 0) };
	(void)nr_registry_get_blob(stmt, 1, ask->uuid.b, sizeof(ask->uuid.b));
	(void)nr_registry_get_blob(stmt, 2, ask->member.b, sizeof(ask->member.b));
	nr_registry_get_text(stmt, 3, ask->member_name, sizeof(ask->member_name));
	nr_registry_get_text(stmt, 4, ask->actor, sizeof(ask->actor));
	nr_registry_get_text(stmt, 5, ask->subject, sizeof(ask->subject));
	ask->since = nr_registry_get_time(stmt, 6);
	ask->until = nr_registry_get_time(stmt, 7);
	nr_registry_get_text(stmt, 8, ask->words, sizeof(ask->words));
	(void)nr_registry_get_label(stmt, 9, 10, &ask->label); /* zero: nobody's */
	ask->made = nr_registry_get_time(stmt, 11);
	ask->expires = nr_registry_get_time(stmt, 12);
	ask->closed = nr_registry_get_time(stmt, 13);
	ask->answers = (uint32_t)sqlite3_column_int64(stmt, 14);
	ask->answered = sqlite3_column_int(stmt, 15) != 0;
}

static bool is_his(const struct nr_viewer *viewer, const struct nr_registry_ask *ask)
{
	return nr_uuid_eq(viewer->member, ask->member);
}

/* ---- asking ---- */

static int count_of(struct nr_registry *registry, const char *sql,
		    const struct nr_registry_ask *ask, int64_t since_ns, int64_t *ret_n,
		    struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry, sql, &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, ask->member.b, sizeof(ask->member.b));
	nr_registry_bind_i64(stmt, 2, since_ns);
	ret = nr_registry_step(registry, stmt, reterr);
	*ret_n = ret > 0 ? sqlite3_column_int64(stmt, 0) : 0;
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

static int check_room(struct nr_registry *registry, const struct nr_registry_ask *ask,
		      struct nr_time now, struct nr_err *reterr)
{
	int64_t open, lately;
	int ret = count_of(registry,
			   "SELECT count(*) FROM ask WHERE member = ?1 AND expires_ns > ?2 AND "
			   "closed_ns IS NULL",
			   ask, now.ns, &open, reterr);

	if (ret == 0)
		ret = count_of(registry,
			       "SELECT count(*) FROM ask WHERE member = ?1 AND made_ns > ?2", ask,
			       now.ns - 3600 * NR_NS_PER_S, &lately, reterr);
	if (ret < 0)
		return ret;
	if (open >= NR_ASKS_OPEN)
		return nr_fail(reterr, -EDQUOT,
			       "your organisation has %d questions open: close some first",
			       NR_ASKS_OPEN);
	if (lately >= NR_ASKS_HOUR)
		return nr_fail(reterr, -EDQUOT,
			       "your organisation asked %d times within an hour: wait a little",
			       NR_ASKS_HOUR);
	return 0;
}

static int check_label(struct nr_registry *registry, struct nr_label *label, struct nr_err *reterr)
{
	if (label->tlp == NR_TLP_UNSET || label->purposes == 0 ||
	    (!label->everyone && label->layers == 0 && label->n_members == 0 &&
	     label->n_communities == 0))
		return nr_fail(reterr, NR_EUSAGE,
			       "the label reaches nobody: name members, communities, layers or "
			       "everyone, and a TLP that lets them read it");
	if (label->tlp == NR_TLP_RED && label->n_members == 0)
		return nr_fail(reterr, NR_EUSAGE, "TLP:RED reaches only members that are named");
	if (label->everyone && label->tlp > NR_TLP_GREEN && label->layers == 0 &&
	    label->n_members == 0 && label->n_communities == 0)
		return nr_fail(reterr, NR_EUSAGE, "everyone is reached by TLP:GREEN or TLP:CLEAR");
	return nr_registry_label_parties(registry, label, reterr);
}

static int insert(struct nr_registry *registry, const struct nr_registry_ask *ask,
		  struct nr_uuid label, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(
		registry,
		"INSERT INTO ask (uuid, member, actor, subject, since_ns, until_ns, words, label, "
		"made_ns, expires_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		&stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, ask->uuid.b, sizeof(ask->uuid.b));
	nr_registry_bind_blob(stmt, 2, ask->member.b, sizeof(ask->member.b));
	nr_registry_bind_text(stmt, 3, ask->actor);
	nr_registry_bind_text(stmt, 4, ask->subject);
	nr_registry_bind_i64(stmt, 5, ask->since.ns);
	nr_registry_bind_i64(stmt, 6, ask->until.ns);
	nr_registry_bind_text(stmt, 7, ask->words);
	nr_registry_bind_blob(stmt, 8, label.b, sizeof(label.b));
	nr_registry_bind_i64(stmt, 9, ask->made.ns);
	nr_registry_bind_i64(stmt, 10, ask->expires.ns);
	return nr_registry_run(registry, stmt, reterr);
}

static int note(struct nr_registry *registry, const struct nr_registry_act *act, const char *action,
		struct nr_uuid uuid, const char *detail, struct nr_err *reterr)
{
	char object[NR_UUID_TEXT];

	nr_uuid_print(uuid, object);
	return nr_registry_note(registry, act, action, object, detail, reterr);
}

int nr_registry_ask_add(struct nr_registry *registry, struct nr_registry_ask *ask,
			const struct nr_registry_act *act, struct nr_err *reterr)
{
	struct nr_uuid label;
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ask->uuid = nr_uuid_new();
	ask->made = act->now;
	ask->expires.ns = act->now.ns + NR_ASK_DAYS * 86400 * NR_NS_PER_S;
	ask->closed = (struct nr_time){ 0 };
	ask->label.owner = ask->member;
	(void)snprintf(ask->actor, sizeof(ask->actor), "%s", act->actor);
	ret = check_room(registry, ask, act->now, reterr);
	if (ret == 0)
		ret = check_label(registry, &ask->label, reterr);
	if (ret == 0)
		ret = nr_registry_label_put(registry, &ask->label, act->now, &label, reterr);
	if (ret == 0)
		ret = insert(registry, ask, label, reterr);
	if (ret == 0) {
		ask->sequence = (uint64_t)sqlite3_last_insert_rowid(registry->db);
		ret = note(registry, act, "ask.add", ask->uuid, ask->subject, reterr);
	}
	return nr_registry_end(registry, ret, reterr);
}

/* ---- reading ---- */

static int find_locked(struct nr_registry *registry, const struct nr_viewer *viewer,
		       struct nr_uuid uuid, struct nr_registry_ask *ret_ask, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry, COLUMNS "WHERE " SEEN "AND a.uuid = ?3", &stmt,
				      reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, viewer->member.b, sizeof(viewer->member.b));
	nr_registry_bind_viewer(stmt, 2, viewer);
	nr_registry_bind_blob(stmt, 3, uuid.b, sizeof(uuid.b));
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0)
		read_row(stmt, ret_ask);
	(void)sqlite3_finalize(stmt);
	if (ret == 0)
		return nr_fail(reterr, -ENOENT, "%s", "");
	return ret < 0 ? ret : 0;
}

int nr_registry_ask_find(struct nr_registry *registry, const struct nr_viewer *viewer,
			 struct nr_uuid uuid, struct nr_registry_ask *ret_ask,
			 struct nr_err *reterr)
{
	nr_registry_hold(registry);
	int ret = find_locked(registry, viewer, uuid, ret_ask, reterr);

	nr_registry_let(registry);
	return ret;
}

int64_t nr_registry_asks(struct nr_registry *registry, const struct nr_viewer *viewer,
			 const struct nr_registry_ask_filter *filter,
			 int (*each)(void *ctx, const struct nr_registry_ask *ask), void *ctx,
			 struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = nr_registry_prepare(registry,
				      COLUMNS
				      "WHERE " SEEN
				      "AND a.sequence > ?3 AND (?4 = 0 OR (a.expires_ns > ?5 "
				      "AND a.closed_ns IS NULL)) ORDER BY a.sequence LIMIT ?6",
				      &stmt, reterr);

	if (ret == 0) {
		nr_registry_bind_blob(stmt, 1, viewer->member.b, sizeof(viewer->member.b));
		nr_registry_bind_viewer(stmt, 2, viewer);
		nr_registry_bind_i64(stmt, 3,
				     filter->after > INT64_MAX ? INT64_MAX
							       : (int64_t)filter->after);
		nr_registry_bind_i64(stmt, 4, filter->open);
		nr_registry_bind_i64(stmt, 5, viewer->now.ns);
		nr_registry_bind_i64(stmt, 6,
				     filter->limit > INT64_MAX ? INT64_MAX
							       : (int64_t)filter->limit);
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			struct nr_registry_ask ask;

			read_row(stmt, &ask);
			ret = each(ctx, &ask);
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}

/* ---- closing and answering ---- */

int nr_registry_ask_close(struct nr_registry *registry, const struct nr_viewer *viewer,
			  struct nr_uuid uuid, const struct nr_registry_act *act,
			  struct nr_registry_ask *ret_ask, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = find_locked(registry, viewer, uuid, ret_ask, reterr);
	if (ret == 0 && !is_his(viewer, ret_ask))
		ret = nr_fail(reterr, -EACCES, "who asked may close it");
	if (ret < 0 || ret_ask->closed.ns != 0)
		return nr_registry_end(registry, ret, reterr);
	ret = nr_registry_prepare(registry,
				  "UPDATE ask SET closed_ns = ?2, closed_by = ?3 WHERE uuid = ?1",
				  &stmt, reterr);
	if (ret == 0) {
		nr_registry_bind_blob(stmt, 1, uuid.b, sizeof(uuid.b));
		nr_registry_bind_i64(stmt, 2, act->now.ns);
		nr_registry_bind_text(stmt, 3, act->actor);
		ret = nr_registry_run(registry, stmt, reterr);
	}
	ret_ask->closed = act->now;
	if (ret == 0)
		ret = note(registry, act, "ask.close", uuid, ret_ask->subject, reterr);
	return nr_registry_end(registry, ret, reterr);
}

static int put_answer(struct nr_registry *registry, struct nr_uuid uuid,
		      const struct nr_registry_ask_answer *answer, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(
		registry,
		"INSERT INTO answer (ask, member, actor, seen, first_ns, last_ns, level, words, "
		"made_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (ask, member) DO "
		"UPDATE SET actor = excluded.actor, seen = excluded.seen, first_ns = "
		"excluded.first_ns, last_ns = excluded.last_ns, level = excluded.level, words = "
		"excluded.words, made_ns = excluded.made_ns",
		&stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, uuid.b, sizeof(uuid.b));
	nr_registry_bind_blob(stmt, 2, answer->member.b, sizeof(answer->member.b));
	nr_registry_bind_text(stmt, 3, answer->actor);
	nr_registry_bind_text(stmt, 4, nr_ask_seen_names[answer->seen]);
	if (answer->first.ns != 0) /* what is not bound is NULL */
		nr_registry_bind_i64(stmt, 5, answer->first.ns);
	if (answer->last.ns != 0)
		nr_registry_bind_i64(stmt, 6, answer->last.ns);
	if (answer->level != NR_ASK_UNSAID)
		nr_registry_bind_text(stmt, 7, nr_ask_level_names[answer->level]);
	nr_registry_bind_text(stmt, 8, answer->words);
	nr_registry_bind_i64(stmt, 9, answer->made.ns);
	return nr_registry_run(registry, stmt, reterr);
}

int nr_registry_ask_answer(struct nr_registry *registry, const struct nr_viewer *viewer,
			   struct nr_uuid uuid, struct nr_registry_ask_answer *answer,
			   const struct nr_registry_act *act, struct nr_err *reterr)
{
	struct nr_registry_ask ask = { 0 };
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	answer->member = viewer->member;
	answer->made = act->now;
	(void)snprintf(answer->actor, sizeof(answer->actor), "%s", act->actor);
	ret = find_locked(registry, viewer, uuid, &ask, reterr);
	if (ret == 0 && is_his(viewer, &ask))
		ret = nr_fail(reterr, -EACCES, "it is your own question: others answer it");
	if (ret == 0 && !nr_registry_ask_open(&ask, act->now))
		ret = nr_fail(reterr, -EEXIST, "the question is over");
	if (ret == 0)
		ret = put_answer(registry, uuid, answer, reterr);
	if (ret == 0)
		ret = note(registry, act, "ask.answer", uuid, nr_ask_seen_names[answer->seen],
			   reterr);
	return nr_registry_end(registry, ret, reterr);
}

static uint8_t word_of(const char *const *names, const char *name)
{
	for (uint8_t i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return 0; /* CHECK and the names above are the same */
}

static void read_answer(sqlite3_stmt *stmt, struct nr_registry_ask_answer *answer)
{
	char word[12];

	*answer = (struct nr_registry_ask_answer){ 0 };
	(void)nr_registry_get_blob(stmt, 0, answer->member.b, sizeof(answer->member.b));
	nr_registry_get_text(stmt, 1, answer->member_name, sizeof(answer->member_name));
	nr_registry_get_text(stmt, 2, answer->actor, sizeof(answer->actor));
	nr_registry_get_text(stmt, 3, word, sizeof(word));
	answer->seen = word_of(nr_ask_seen_names, word);
	nr_registry_get_text(stmt, 4, word, sizeof(word));
	answer->level = word_of(nr_ask_level_names, word);
	answer->first = nr_registry_get_time(stmt, 5);
	answer->last = nr_registry_get_time(stmt, 6);
	nr_registry_get_text(stmt, 7, answer->words, sizeof(answer->words));
	answer->made = nr_registry_get_time(stmt, 8);
}

int64_t nr_registry_ask_answers(struct nr_registry *registry, const struct nr_viewer *viewer,
				const struct nr_registry_ask *ask,
				int (*each)(void *ctx, const struct nr_registry_ask_answer *answer),
				void *ctx, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = nr_registry_prepare(
		registry,
		"SELECT r.member, m.name, r.actor, r.seen, r.level, r.first_ns, r.last_ns, r.words, "
		"r.made_ns FROM answer r JOIN member m ON m.uuid = r.member WHERE r.ask = ?1 AND "
		"(?2 = 1 OR r.member = ?3) ORDER BY m.name",
		&stmt, reterr);

	if (ret == 0) {
		nr_registry_bind_blob(stmt, 1, ask->uuid.b, sizeof(ask->uuid.b));
		nr_registry_bind_i64(stmt, 2, is_his(viewer, ask));
		nr_registry_bind_blob(stmt, 3, viewer->member.b, sizeof(viewer->member.b));
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			struct nr_registry_ask_answer answer;

			read_answer(stmt, &answer);
			ret = each(ctx, &answer);
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}

/* ---- forgetting ---- */

/* A question's label is nobody else's. */
static int forget_label(struct nr_registry *registry, sqlite3_stmt *ended, struct nr_err *reterr)
{
	struct nr_uuid label;
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry, "DELETE FROM label WHERE uuid = ?1", &stmt, reterr);

	if (ret < 0)
		return ret;
	(void)nr_registry_get_blob(ended, 0, label.b, sizeof(label.b));
	nr_registry_bind_blob(stmt, 1, label.b, sizeof(label.b));
	return nr_registry_run(registry, stmt, reterr);
}

int64_t nr_registry_asks_retain(struct nr_registry *registry, struct nr_time now,
				struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t gone = 0;
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	/* Answers go with their question. */
	ret = nr_registry_prepare(registry,
				  "DELETE FROM ask WHERE expires_ns <= ?1 RETURNING label", &stmt,
				  reterr);
	if (ret == 0) {
		nr_registry_bind_i64(stmt, 1, now.ns - NR_ASK_KEPT_DAYS * 86400 * NR_NS_PER_S);
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			ret = forget_label(registry, stmt, reterr);
			if (ret < 0)
				break;
			gone++;
		}
		(void)sqlite3_finalize(stmt);
	}
	ret = nr_registry_end(registry, ret, reterr);
	return ret < 0 ? ret : gone;
}
