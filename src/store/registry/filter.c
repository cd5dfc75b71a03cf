/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry_filter.h"

#include "store/registry/registry_int.h"

#define COLUMNS "SELECT uuid, member, user, name, view, query, created_ns FROM saved_filter "
/* ?1 the viewer's member, ?2 his user */
#define SEEN "member = ?1 AND (user IS NULL OR user = ?2) "

static const struct nr_uuid nobody;

static void read_row(sqlite3_stmt *stmt, struct nr_registry_filter *filter)
{
	*filter = (struct nr_registry_filter){ 0 };
	(void)nr_registry_get_blob(stmt, 0, filter->uuid.b, sizeof(filter->uuid.b));
	(void)nr_registry_get_blob(stmt, 1, filter->member.b, sizeof(filter->member.b));
	(void)nr_registry_get_blob(stmt, 2, filter->user.b, sizeof(filter->user.b));
	nr_registry_get_text(stmt, 3, filter->name, sizeof(filter->name));
	nr_registry_get_text(stmt, 4, filter->view, sizeof(filter->view));
	nr_registry_get_text(stmt, 5, filter->query, sizeof(filter->query));
	filter->created = nr_registry_get_time(stmt, 6);
}

static void bind_viewer(sqlite3_stmt *stmt, const struct nr_viewer *viewer)
{
	nr_registry_bind_blob(stmt, 1, viewer->member.b, sizeof(viewer->member.b));
	nr_registry_bind_blob(stmt, 2, viewer->user.b, sizeof(viewer->user.b));
}

static int check_room(struct nr_registry *registry, const struct nr_registry_filter *filter,
		      struct nr_err *reterr)
{
	bool whole = nr_uuid_eq(filter->user, nobody);
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(
		registry, "SELECT count(*) FROM saved_filter WHERE member = ?1 AND user IS ?2",
		&stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, filter->member.b, sizeof(filter->member.b));
	if (!whole) /* what is not bound is NULL */
		nr_registry_bind_blob(stmt, 2, filter->user.b, sizeof(filter->user.b));
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0 && sqlite3_column_int64(stmt, 0) >= NR_FILTERS)
		ret = nr_fail(reterr, -EDQUOT, "there are %d already: delete one first",
			      NR_FILTERS);
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

static int insert(struct nr_registry *registry, const struct nr_registry_filter *filter,
		  const struct nr_registry_act *act, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      "INSERT INTO saved_filter (uuid, member, user, name, view, "
				      "query, created_ns, created_by) VALUES (?1, ?2, ?3, ?4, ?5, "
				      "?6, ?7, ?8)",
				      &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, filter->uuid.b, sizeof(filter->uuid.b));
	nr_registry_bind_blob(stmt, 2, filter->member.b, sizeof(filter->member.b));
	if (!nr_uuid_eq(filter->user, nobody))
		nr_registry_bind_blob(stmt, 3, filter->user.b, sizeof(filter->user.b));
	nr_registry_bind_text(stmt, 4, filter->name);
	nr_registry_bind_text(stmt, 5, filter->view);
	nr_registry_bind_text(stmt, 6, filter->query);
	nr_registry_bind_i64(stmt, 7, filter->created.ns);
	nr_registry_bind_text(stmt, 8, act->actor);
	return nr_registry_run(registry, stmt, reterr);
}

static int note(struct nr_registry *registry, const struct nr_registry_act *act, const char *action,
		const struct nr_registry_filter *filter, struct nr_err *reterr)
{
	char object[NR_UUID_TEXT];

	nr_uuid_print(filter->uuid, object);
	return nr_registry_note(registry, act, action, object, filter->view, reterr);
}

int nr_registry_filter_add(struct nr_registry *registry, struct nr_registry_filter *filter,
			   const struct nr_registry_act *act, struct nr_err *reterr)
{
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	filter->uuid = nr_uuid_new();
	filter->created = act->now;
	ret = check_room(registry, filter, reterr);
	if (ret == 0)
		ret = insert(registry, filter, act, reterr);
	if (ret == 0)
		ret = note(registry, act, "filter.add", filter, reterr);
	return nr_registry_end(registry, ret, reterr);
}

static int find_locked(struct nr_registry *registry, const struct nr_viewer *viewer,
		       struct nr_uuid uuid, struct nr_registry_filter *ret_filter,
		       struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry, COLUMNS "WHERE " SEEN "AND uuid = ?3", &stmt,
				      reterr);

	if (ret < 0)
		return ret;
	bind_viewer(stmt, viewer);
	nr_registry_bind_blob(stmt, 3, uuid.b, sizeof(uuid.b));
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0)
		read_row(stmt, ret_filter);
	(void)sqlite3_finalize(stmt);
	if (ret == 0)
		return nr_fail(reterr, -ENOENT, "%s", "");
	return ret < 0 ? ret : 0;
}

int nr_registry_filter_find(struct nr_registry *registry, const struct nr_viewer *viewer,
			    struct nr_uuid uuid, struct nr_registry_filter *ret_filter,
			    struct nr_err *reterr)
{
	nr_registry_hold(registry);
	int ret = find_locked(registry, viewer, uuid, ret_filter, reterr);

	nr_registry_let(registry);
	return ret;
}

/* One that the viewer may see, and change. */
static int find_mine(struct nr_registry *registry, const struct nr_viewer *viewer,
		     struct nr_uuid uuid, struct nr_registry_filter *filter, struct nr_err *reterr)
{
	int ret = find_locked(registry, viewer, uuid, filter, reterr);

	if (ret == 0 && nr_uuid_eq(filter->user, nobody) && viewer->role < NR_ROLE_COORDINATOR)
		ret = nr_fail(reterr, -EACCES,
			      "it is of your whole organisation: a coordinator may change it");
	return ret;
}

int nr_registry_filter_change(struct nr_registry *registry, const struct nr_viewer *viewer,
			      const struct nr_registry_filter *filter,
			      const struct nr_registry_act *act, struct nr_err *reterr)
{
	struct nr_registry_filter before;
	sqlite3_stmt *stmt;
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = find_mine(registry, viewer, filter->uuid, &before, reterr);
	if (ret == 0)
		ret = nr_registry_prepare(
			registry,
			"UPDATE saved_filter SET name = ?2, view = ?3, query = ?4 "
			"WHERE uuid = ?1",
			&stmt, reterr);
	if (ret == 0) {
		nr_registry_bind_blob(stmt, 1, filter->uuid.b, sizeof(filter->uuid.b));
		nr_registry_bind_text(stmt, 2, filter->name);
		nr_registry_bind_text(stmt, 3, filter->view);
		nr_registry_bind_text(stmt, 4, filter->query);
		ret = nr_registry_run(registry, stmt, reterr);
	}
	if (ret == 0)
		ret = note(registry, act, "filter.change", filter, reterr);
	return nr_registry_end(registry, ret, reterr);
}

int nr_registry_filter_remove(struct nr_registry *registry, const struct nr_viewer *viewer,
			      struct nr_uuid uuid, const struct nr_registry_act *act,
			      struct nr_err *reterr)
{
	struct nr_registry_filter filter;
	sqlite3_stmt *stmt;
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = find_mine(registry, viewer, uuid, &filter, reterr);
	if (ret == 0)
		ret = nr_registry_prepare(registry, "DELETE FROM saved_filter WHERE uuid = ?1",
					  &stmt, reterr);
	if (ret == 0) {
		nr_registry_bind_blob(stmt, 1, uuid.b, sizeof(uuid.b));
		ret = nr_registry_run(registry, stmt, reterr);
	}
	if (ret == 0)
		ret = note(registry, act, "filter.remove", &filter, reterr);
	return nr_registry_end(registry, ret, reterr);
}

int64_t nr_registry_filters(struct nr_registry *registry, const struct nr_viewer *viewer,
			    int (*each)(void *ctx, const struct nr_registry_filter *filter),
			    void *ctx, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = nr_registry_prepare(registry, COLUMNS "WHERE " SEEN "ORDER BY name, uuid", &stmt,
				      reterr);

	if (ret == 0) {
		bind_viewer(stmt, viewer);
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			struct nr_registry_filter filter;

			read_row(stmt, &filter);
			ret = each(ctx, &filter);
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}
