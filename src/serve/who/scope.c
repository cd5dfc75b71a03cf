/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/who/scope.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"
#include "share/policy/label_read.h"
#include "store/registry_who.h"

struct making {
	struct nr_view *view;
	struct nr_uuid home; /* of the member that runs the hub */
	struct nr_uuid *own, *shared;
};

/* ---- lists ---- */

static int add(struct nr_uuid **list, size_t *n, struct nr_uuid uuid)
{
	if ((*n & (*n - 1)) == 0) { /* doubles at each power of two */
		struct nr_uuid *more = realloc(*list, (*n == 0 ? 1 : 2 * *n) * sizeof(**list));

		if (more == NULL)
			return -ENOMEM;
		*list = more;
	}
	(*list)[(*n)++] = uuid;
	return 0;
}

static void ends_at(struct nr_view *view, struct nr_time when)
{
	if (when.ns > view->scope.viewer.now.ns && when.ns < view->until.ns)
		view->until = when;
}

/* May he see it within a figure? A label that is none allows nothing. */
static bool counts(struct nr_view *view, const struct nr_registry_shared *sensor,
		   struct nr_uuid owner)
{
	struct nr_label label = { 0 };
	json_t *json = NULL;
	bool yes = false;

	if (sensor->label.n == 0 || !nr_uuid_eq(sensor->label_owner, owner) ||
	    nr_json_read(sensor->label, NULL, &json, NULL) < 0)
		return false;
	if (nr_label_read(json, &label, NULL) == 0) {
		label.owner = owner;
		ends_at(view, label.expires);
		yes = nr_policy_allows(&view->scope.viewer, &label, NR_ACTION_COUNT);
	}
	json_decref(json);
	return yes;
}

static int on_sensor(void *ctx, const struct nr_registry_shared *sensor)
{
	struct making *making = ctx;
	struct nr_scope *scope = &making->view->scope;
	bool nobodys = nr_uuid_eq(sensor->owner, (struct nr_uuid){ 0 });
	struct nr_uuid owner = nobodys ? making->home : sensor->owner;

	if (making->view->all || nr_uuid_eq(owner, scope->viewer.member))
		return add(&making->own, &scope->n_own, sensor->sensor);
	if (sensor->state != NR_SENSOR_ENROLLED && sensor->state != NR_SENSOR_IMPORTED)
		return 0; /* it has seen nothing, or is not to be believed */
	if (!counts(making->view, sensor, owner))
		return 0;
	return add(&making->shared, &scope->n_shared, sensor->sensor);
}

/* ---- making ---- */

static int read_sensors(struct nr_registry *registry, struct making *making, struct nr_err *reterr)
{
	struct nr_scope *scope = &making->view->scope;
	struct nr_registry_membership home;
	int64_t ret = nr_registry_membership(registry, (struct nr_uuid){ 0 }, scope->viewer.now,
					     &home, reterr);

	if (ret < 0 && ret != -ENOENT)
		return (int)ret;
	making->home = home.viewer.member;
	ret = nr_registry_sharing(registry, on_sensor, making, reterr);
	scope->own = making->own;
	scope->shared = making->shared;
	if (ret == -ENOMEM)
		(void)nr_fail(reterr, -ENOMEM, "no memory");
	return ret < 0 ? (int)ret : 0;
}

static int read_member(struct nr_registry *registry, struct nr_uuid member, struct nr_time now,
		       struct nr_view *view, struct nr_err *reterr)
{
	struct nr_viewer *viewer = &view->scope.viewer;
	struct nr_registry_membership membership;
	int ret = nr_registry_membership(registry, member, now, &membership, reterr);

	/* A hub of before there were members is its operator's all the same. */
	if (ret == -ENOENT && view->all)
		membership.viewer.active = true;
	else if (ret < 0)
		return ret;
	*viewer = membership.viewer;
	viewer->role = view->all ? NR_ROLE_OPERATOR : NR_ROLE_VIEWER;
	viewer->purpose = (uint8_t)nr_policy_purpose(viewer->layer);
	viewer->now = now;
	return 0;
}

int nr_view_new(struct nr_registry *registry, struct nr_uuid member, bool all, unsigned k,
		struct nr_time now, struct nr_view **ret_view, struct nr_err *reterr)
{
	struct nr_view *view = calloc(1, sizeof(*view));
	struct making making = { .view = view };
	struct nr_scope_prefix *prefixes = NULL;
	struct nr_scope_asn *asns = NULL;

	if (view == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	view->standing = nr_registry_standing(registry); /* before anything is read */
	view->until.ns = INT64_MAX;
	view->all = all;
	atomic_init(&view->holds, 1);
	int ret = read_member(registry, member, now, view, reterr);

	if (ret == 0)
		ret = read_sensors(registry, &making, reterr);
	if (ret == 0)
		ret = nr_registry_holdings(registry, view->scope.viewer.member, &prefixes,
					   &view->scope.n_prefixes, &asns, &view->scope.n_asns,
					   reterr);
	view->scope.prefixes = prefixes;
	view->scope.asns = asns;
	view->scope.quorum = nr_policy_quorum((unsigned)view->scope.n_shared, k);
	if (ret < 0) {
		nr_view_let(view);
		return ret;
	}
	*ret_view = view;
	return 0;
}

/* ---- holding ---- */

struct nr_view *nr_view_hold(struct nr_view *view)
{
	atomic_fetch_add(&view->holds, 1);
	return view;
}

void nr_view_let(struct nr_view *view)
{
	if (view == NULL || atomic_fetch_sub(&view->holds, 1) != 1)
		return;
	free((void *)(uintptr_t)view->scope.own);
	free((void *)(uintptr_t)view->scope.shared);
	free((void *)(uintptr_t)view->scope.prefixes);
	free((void *)(uintptr_t)view->scope.asns);
	free(view);
}

/* Is each of @p few, ascending, in @p many, ascending? */
static bool within(const struct nr_uuid *few, size_t n_few, const struct nr_uuid *many,
		   size_t n_many)
{
	size_t k = 0;

	for (size_t i = 0; i < n_few; i++) {
		while (k < n_many && memcmp(many[k].b, few[i].b, sizeof(few[i].b)) < 0)
			k++;
		if (k == n_many || !nr_uuid_eq(many[k], few[i]))
			return false;
	}
	return true;
}

static bool holds_prefix(const struct nr_scope *scope, const struct nr_scope_prefix *prefix)
{
	for (size_t i = 0; i < scope->n_prefixes; i++)
		if (nr_ip_eq(scope->prefixes[i].prefix.ip, prefix->prefix.ip) &&
		    scope->prefixes[i].prefix.len == prefix->prefix.len &&
		    scope->prefixes[i].since.ns <= prefix->since.ns)
			return true;
	return false;
}

static bool holds_asn(const struct nr_scope *scope, const struct nr_scope_asn *asn)
{
	for (size_t i = 0; i < scope->n_asns; i++)
		if (scope->asns[i].asn == asn->asn && scope->asns[i].since.ns <= asn->since.ns)
			return true;
	return false;
}

static bool still_holds(const struct nr_scope *was, const struct nr_scope *now)
{
	bool still = true;

	for (size_t i = 0; still && i < was->n_prefixes; i++)
		still = holds_prefix(now, &was->prefixes[i]);
	for (size_t i = 0; still && i < was->n_asns; i++)
		still = holds_asn(now, &was->asns[i]);
	return still;
}

static bool same_viewer(const struct nr_viewer *a, const struct nr_viewer *b)
{
	bool same = nr_uuid_eq(a->member, b->member) && a->epoch == b->epoch &&
		    a->role == b->role && a->layer == b->layer && a->purpose == b->purpose &&
		    a->active == b->active && a->n_communities == b->n_communities;

	for (size_t i = 0; same && i < a->n_communities; i++)
		same = nr_uuid_eq(a->communities[i].uuid, b->communities[i].uuid) &&
		       a->communities[i].epoch == b->communities[i].epoch;
	return same;
}

bool nr_view_still(const struct nr_view *vwas, const struct nr_view *vnow)
{
	const struct nr_scope *was = &vwas->scope, *now = &vnow->scope;

	return vwas == vnow || (same_viewer(&was->viewer, &now->viewer) &&
				within(was->own, was->n_own, now->own, now->n_own) &&
				within(was->shared, was->n_shared, now->shared, now->n_shared) &&
				still_holds(was, now));
}
