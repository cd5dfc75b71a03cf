/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "store/registry/registry_int.h"
#include "store/registry_triage.h"

#define COLUMNS                                                                                \
	"SELECT c.uuid, c.member, c.user, m.name, c.actor, c.made_ns, c.removed_ns, c.words, " \
	"l.owner, l.json, c.label FROM comment c JOIN member m ON m.uuid = c.member "          \
	"LEFT JOIN label l ON l.uuid = c.label "
/* ?1 is the viewer's member, ?2 the viewer: what was taken back only its member sees. */
#define SEEN                                                                   \
	"(c.member = ?1 OR (c.label IS NOT NULL AND c.removed_ns IS NULL AND " \
	"nr_allows(?2, 'read', l.owner, l.json))) "
enum { LABEL_OWNER = 8, LABEL_JSON, LABEL };

static void read_row(sqlite3_stmt *stmt, const char *finding, struct nr_registry_comment *comment)
{
	*comment = (struct nr_registry_comment){ .finding = finding };
	(void)nr_registry_get_blob(stmt, 0, comment->uuid.b, sizeof(comment->uuid.b));
	(void)nr_registry_get_blob(stmt, 1, comment->member.b, sizeof(comment->member.b));
	(void)nr_registry_get_blob(stmt, 2, comment->user.b, sizeof(comment->user.b));
	nr_registry_get_text(stmt, 3, comment->member_name, sizeof(comment->member_name));
	nr_registry_get_text(stmt, 4, comment->actor, sizeof(comment->actor));
	comment->made = nr_registry_get_time(stmt, 5);
	comment->removed = nr_registry_get_time(stmt, 6);
	nr_registry_get_text(stmt, 7, comment->words, sizeof(comment->words));
	comment->has_label = sqlite3_column_type(stmt, LABEL) != SQLITE_NULL;
	if (comment->has_label) /* one that cannot be read is zero, and lets nobody know */
		(void)nr_registry_get_label(stmt, LABEL_OWNER, LABEL_JSON, &comment->label);
}

static int check_room(struct nr_registry *registry, const struct nr_registry_comment *comment,
		      struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(
		registry, "SELECT count(*) FROM comment WHERE finding = ?1 AND member = ?2", &stmt,
		reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_text(stmt, 1, comment->finding);
	nr_registry_bind_blob(stmt, 2, comment->member.b, sizeof(comment->member.b));
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0 && sqlite3_column_int64(stmt, 0) >= NR_COMMENTS)
		ret = nr_fail(reterr, -EDQUOT, "it has %d comments of yours: no more", NR_COMMENTS);
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

static int insert(struct nr_registry *registry, const struct nr_registry_comment *comment,
		  const struct nr_uuid *label, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      "INSERT INTO comment (uuid, finding, member, user, actor, "
				      "words, label, made_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
				      "?8)",
				      &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, comment->uuid.b, sizeof(comment->uuid.b));
	nr_registry_bind_text(stmt, 2, comment->finding);
	nr_registry_bind_blob(stmt, 3, comment->member.b, sizeof(comment->member.b));
	if (!nr_uuid_eq(comment->user, (struct nr_uuid){ { 0 } }))
		nr_registry_bind_blob(stmt, 4, comment->user.b, sizeof(comment->user.b));
	nr_registry_bind_text(stmt, 5, comment->actor);
	nr_registry_bind_text(stmt, 6, comment->words);
	if (label != NULL)
		nr_registry_bind_blob(stmt, 7, label->b, sizeof(label->b));
	nr_registry_bind_i64(stmt, 8, comment->made.ns);
	return nr_registry_run(registry, stmt, reterr);
}

int nr_registry_comment_add(struct nr_registry *registry, struct nr_registry_comment *comment,
			    const struct nr_registry_act *act, struct nr_err *reterr)
{
	char object[NR_UUID_TEXT];
	struct nr_uuid label;
	int ret;

	if (comment->words[0] == '\0')
		return nr_fail(reterr, NR_EUSAGE, "a comment has words");
	ret = nr_registry_begin(registry, reterr);
	if (ret < 0)
		return ret;
	comment->uuid = nr_uuid_new();
	comment->made = act->now;
	comment->removed = (struct nr_time){ 0 };
	(void)snprintf(comment->actor, sizeof(comment->actor), "%s", act->actor);
	ret = check_room(registry, comment, reterr);
	if (ret == 0 && comment->has_label)
		ret = nr_registry_label_parties(registry, &comment->label, reterr);
	if (ret == 0 && comment->has_label)
		ret = nr_registry_label_put(registry, &comment->label, act->now, &label, reterr);
	if (ret == 0)
		ret = insert(registry, comment, comment->has_label ? &label : NULL, reterr);
	nr_uuid_print(comment->uuid, object);
	if (ret == 0)
		ret = nr_registry_note(registry, act, "comment.add", object, comment->shown,
				       reterr);
	return nr_registry_end(registry, ret, reterr);
}

int64_t nr_registry_comments(struct nr_registry *registry, const struct nr_viewer *viewer,
			     const char *finding,
			     int (*each)(void *ctx, const struct nr_registry_comment *comment),
			     void *ctx, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = nr_registry_prepare(registry,
				      COLUMNS "WHERE " SEEN
					      "AND c.finding = ?3 ORDER BY c.made_ns, c.uuid",
				      &stmt, reterr);

	if (ret == 0) {
		nr_registry_bind_blob(stmt, 1, viewer->member.b, sizeof(viewer->member.b));
		nr_registry_bind_viewer(stmt, 2, viewer);
		nr_registry_bind_text(stmt, 3, finding);
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			struct nr_registry_comment comment;

			read_row(stmt, finding, &comment);
			ret = each(ctx, &comment);
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}

static int find_locked(struct nr_registry *registry, const struct nr_viewer *viewer,
		       const char *finding, struct nr_uuid uuid,
		       struct nr_registry_comment *ret_comment, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      COLUMNS "WHERE " SEEN "AND c.finding = ?3 AND c.uuid = ?4",
				      &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, viewer->member.b, sizeof(viewer->member.b));
	nr_registry_bind_viewer(stmt, 2, viewer);
	nr_registry_bind_text(stmt, 3, finding);
	nr_registry_bind_blob(stmt, 4, uuid.b, sizeof(uuid.b));
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0)
		read_row(stmt, finding, ret_comment);
	(void)sqlite3_finalize(stmt);
	if (ret == 0)
		return nr_fail(reterr, -ENOENT, "%s", "");
	return ret < 0 ? ret : 0;
}

int nr_registry_comment_find(struct nr_registry *registry, const struct nr_viewer *viewer,
			     const char *finding, struct nr_uuid uuid,
			     struct nr_registry_comment *ret_comment, struct nr_err *reterr)
{
	nr_registry_hold(registry);
	int ret = find_locked(registry, viewer, finding, uuid, ret_comment, reterr);

	nr_registry_let(registry);
	return ret;
}

static int set_removed(struct nr_registry *registry, struct nr_registry_comment *comment,
		       bool remove, const struct nr_registry_act *act, struct nr_err *reterr)
{
	char object[NR_UUID_TEXT];
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      "UPDATE comment SET removed_ns = ?2, removed_by = ?3 WHERE "
				      "uuid = ?1",
				      &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, comment->uuid.b, sizeof(comment->uuid.b));
	if (remove) { /* what is not bound is NULL */
		nr_registry_bind_i64(stmt, 2, act->now.ns);
		nr_registry_bind_text(stmt, 3, act->actor);
	}
	ret = nr_registry_run(registry, stmt, reterr);
	comment->removed = remove ? act->now : (struct nr_time){ 0 };
	nr_uuid_print(comment->uuid, object);
	if (ret == 0)
		ret = nr_registry_note(registry, act, remove ? "comment.remove" : "comment.restore",
				       object, "", reterr);
	return ret;
}

int nr_registry_comment_remove(struct nr_registry *registry, const struct nr_viewer *viewer,
			       const char *finding, struct nr_uuid uuid, bool remove,
			       const struct nr_registry_act *act,
			       struct nr_registry_comment *ret_comment, struct nr_err *reterr)
{
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = find_locked(registry, viewer, finding, uuid, ret_comment, reterr);
	if (ret == 0 && !nr_uuid_eq(ret_comment->member, viewer->member))
		ret = nr_fail(reterr, -ENOENT, "%s", ""); /* read it he may; it is not his */
	if (ret == 0 && viewer->role < NR_ROLE_COORDINATOR &&
	    !(nr_uuid_eq(ret_comment->user, viewer->user) &&
	      !nr_uuid_eq(viewer->user, (struct nr_uuid){ { 0 } })))
		ret = nr_fail(reterr, -EACCES,
			      "its author or a coordinator of your organisation may do that");
	if (ret == 0 && (ret_comment->removed.ns != 0) != remove)
		ret = set_removed(registry, ret_comment, remove, act, reterr);
	return nr_registry_end(registry, ret, reterr);
}
