/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry_suppression.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/registry/registry_int.h"

#define COLUMNS                                                                              \
	"SELECT uuid, member, kind, everyone, detector, finding_kind, subject, asn, words, " \
	"created_ns, created_by, expires_ns, undone_ns, undone_by FROM suppression "
#define DAY_NS (86400 * NR_NS_PER_S)

static void read_row(sqlite3_stmt *stmt, struct nr_suppression *rule)
{
	char kind[12], subject[NR_PREFIX_TEXT];

	*rule = (struct nr_suppression){ 0 };
	(void)nr_registry_get_blob(stmt, 0, rule->uuid.b, sizeof(rule->uuid.b));
	(void)nr_registry_get_blob(stmt, 1, rule->member.b, sizeof(rule->member.b));
	nr_registry_get_text(stmt, 2, kind, sizeof(kind));
	rule->allow = strcmp(kind, "allow") == 0;
	rule->everyone = sqlite3_column_int(stmt, 3) != 0;
	nr_registry_get_text(stmt, 4, rule->detector, sizeof(rule->detector));
	nr_registry_get_text(stmt, 5, rule->kind, sizeof(rule->kind));
	nr_registry_get_text(stmt, 6, subject, sizeof(subject));
	rule->has_subject = subject[0] != '\0';
	if (rule->has_subject && nr_prefix_parse(nr_str_from(subject), &rule->subject) < 0)
		rule->undone.ns = 1; /* damaged: it must not widen to any subject */
	rule->asn = (uint32_t)sqlite3_column_int64(stmt, 7);
	nr_registry_get_text(stmt, 8, rule->words, sizeof(rule->words));
	rule->created = nr_registry_get_time(stmt, 9);
	nr_registry_get_text(stmt, 10, rule->created_by, sizeof(rule->created_by));
	rule->expires = nr_registry_get_time(stmt, 11);
	if (rule->undone.ns == 0)
		rule->undone = nr_registry_get_time(stmt, 12);
	nr_registry_get_text(stmt, 13, rule->undone_by, sizeof(rule->undone_by));
}

static int check(const struct nr_suppression *rule, const struct nr_registry_act *act,
		 struct nr_err *reterr)
{
	if (!rule->has_subject && rule->asn == 0 && rule->detector[0] == '\0' &&
	    rule->kind[0] == '\0')
		return nr_fail(reterr, NR_EUSAGE,
			       "say what it is about: detector, finding_kind, subject or asn");
	if (rule->words[0] == '\0')
		return nr_fail(reterr, NR_EUSAGE, "say why, in words: others will ask");
	if (rule->everyone && !rule->allow)
		return nr_fail(reterr, NR_EUSAGE, "for everyone there is only allow");
	if (rule->expires.ns <= act->now.ns ||
	    rule->expires.ns - act->now.ns > NR_SUPPRESSION_DAYS_MAX * DAY_NS)
		return nr_fail(reterr, NR_EUSAGE, "it expires within %d days, and not yet",
			       NR_SUPPRESSION_DAYS_MAX);
	return 0;
}

static int count_in_force(struct nr_registry *registry, struct nr_uuid member, struct nr_time now,
			  struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      "SELECT count(*) FROM suppression WHERE member = ?1 AND "
				      "expires_ns > ?2 AND undone_ns IS NULL",
				      &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, member.b, sizeof(member.b));
	nr_registry_bind_i64(stmt, 2, now.ns);
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0 && sqlite3_column_int64(stmt, 0) >= NR_SUPPRESSIONS)
		ret = nr_fail(reterr, -EDQUOT,
			      "%d are in force already: undo some, or wait until they expire",
			      NR_SUPPRESSIONS);
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

/* What is over is history; it may not grow without end. */
static int forget_old(struct nr_registry *registry, struct nr_uuid member, struct nr_time now,
		      struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(
		registry,
		"DELETE FROM suppression WHERE uuid IN (SELECT uuid FROM suppression WHERE "
		"member = ?1 AND (expires_ns <= ?2 OR undone_ns IS NOT NULL) ORDER BY "
		"created_ns DESC, uuid LIMIT -1 OFFSET ?3)",
		&stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, member.b, sizeof(member.b));
	nr_registry_bind_i64(stmt, 2, now.ns);
	nr_registry_bind_i64(stmt, 3, NR_SUPPRESSIONS_OLD);
	return nr_registry_run(registry, stmt, reterr);
}

static int insert(struct nr_registry *registry, const struct nr_suppression *rule,
		  struct nr_err *reterr)
{
	char subject[NR_PREFIX_TEXT] = "";
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(
		registry,
		"INSERT INTO suppression (uuid, member, kind, everyone, detector, finding_kind, "
		"subject, asn, words, created_ns, created_by, expires_ns) VALUES (?1, ?2, ?3, ?4, "
		"?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
		&stmt, reterr);

	if (ret < 0)
		return ret;
	if (rule->has_subject)
		(void)nr_prefix_print(rule->subject, subject);
	nr_registry_bind_blob(stmt, 1, rule->uuid.b, sizeof(rule->uuid.b));
	nr_registry_bind_blob(stmt, 2, rule->member.b, sizeof(rule->member.b));
	nr_registry_bind_text(stmt, 3, rule->allow ? "allow" : "suppress");
	nr_registry_bind_i64(stmt, 4, rule->everyone);
	nr_registry_bind_text(stmt, 5, rule->detector);
	nr_registry_bind_text(stmt, 6, rule->kind);
	nr_registry_bind_text(stmt, 7, subject);
	if (rule->asn != 0) /* what is not bound is NULL */
		nr_registry_bind_i64(stmt, 8, rule->asn);
	nr_registry_bind_text(stmt, 9, rule->words);
	nr_registry_bind_i64(stmt, 10, rule->created.ns);
	nr_registry_bind_text(stmt, 11, rule->created_by);
	nr_registry_bind_i64(stmt, 12, rule->expires.ns);
	return nr_registry_run(registry, stmt, reterr);
}

/* What the audit chain says of it: conditions, not the words. */
static void describe(const struct nr_suppression *rule, char *out, size_t cap)
{
	char subject[NR_PREFIX_TEXT] = "", asn[16] = "", detector[2 * NR_SUPPRESSION_WORD],
	     kind[2 * NR_SUPPRESSION_WORD];

	if (rule->has_subject)
		(void)nr_prefix_print(rule->subject, subject);
	if (rule->asn != 0)
		(void)snprintf(asn, sizeof(asn), "AS%u", rule->asn);
	nr_str_escape(nr_str_from(rule->detector), detector, sizeof(detector));
	nr_str_escape(nr_str_from(rule->kind), kind, sizeof(kind));
	(void)snprintf(out, cap, "%s%s detector=%s kind=%s subject=%s as=%s",
		       rule->allow ? "allow" : "suppress", rule->everyone ? " for everyone" : "",
		       detector, kind, subject, asn);
}

int nr_registry_suppression_add(struct nr_registry *registry, struct nr_suppression *rule,
				const struct nr_registry_act *act, struct nr_err *reterr)
{
	char object[NR_UUID_TEXT], detail[512];
	int ret = check(rule, act, reterr);

	if (ret == 0)
		ret = nr_registry_begin(registry, reterr);
	if (ret < 0)
		return ret;
	rule->uuid = nr_uuid_new();
	rule->created = act->now;
	rule->undone = (struct nr_time){ 0 };
	(void)snprintf(rule->created_by, sizeof(rule->created_by), "%s", act->actor);
	ret = count_in_force(registry, rule->member, act->now, reterr);
	if (ret == 0)
		ret = forget_old(registry, rule->member, act->now, reterr);
	if (ret == 0)
		ret = insert(registry, rule, reterr);
	nr_uuid_print(rule->uuid, object);
	describe(rule, detail, sizeof(detail));
	if (ret == 0)
		ret = nr_registry_note(registry, act, "suppression.add", object, detail, reterr);
	return nr_registry_end(registry, ret, reterr);
}

/* @p own: the member's only, or also one for everyone? */
static int find_locked(struct nr_registry *registry, struct nr_uuid member, bool own,
		       struct nr_uuid uuid, struct nr_suppression *ret_rule, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(
		registry, COLUMNS "WHERE uuid = ?1 AND (member = ?2 OR (?3 = 0 AND everyone = 1))",
		&stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, uuid.b, sizeof(uuid.b));
	nr_registry_bind_blob(stmt, 2, member.b, sizeof(member.b));
	nr_registry_bind_i64(stmt, 3, own);
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0)
		read_row(stmt, ret_rule);
	else if (ret == 0)
		ret = nr_fail(reterr, -ENOENT, "there is no such suppression");
	(void)sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

int nr_registry_suppression_find(struct nr_registry *registry, struct nr_uuid member,
				 struct nr_uuid uuid, struct nr_suppression *ret_rule,
				 struct nr_err *reterr)
{
	nr_registry_hold(registry);
	int ret = find_locked(registry, member, false, uuid, ret_rule, reterr);

	nr_registry_let(registry);
	return ret;
}

static int end_locked(struct nr_registry *registry, struct nr_suppression *rule,
		      const struct nr_registry_act *act, struct nr_err *reterr)
{
	char object[NR_UUID_TEXT], detail[512];
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(
		registry, "UPDATE suppression SET undone_ns = ?2, undone_by = ?3 WHERE uuid = ?1",
		&stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, rule->uuid.b, sizeof(rule->uuid.b));
	nr_registry_bind_i64(stmt, 2, act->now.ns);
	nr_registry_bind_text(stmt, 3, act->actor);
	ret = nr_registry_run(registry, stmt, reterr);
	rule->undone = act->now;
	(void)snprintf(rule->undone_by, sizeof(rule->undone_by), "%s", act->actor);
	nr_uuid_print(rule->uuid, object);
	describe(rule, detail, sizeof(detail));
	if (ret == 0)
		ret = nr_registry_note(registry, act, "suppression.undo", object, detail, reterr);
	return ret;
}

int nr_registry_suppression_undo(struct nr_registry *registry, struct nr_uuid member,
				 struct nr_uuid uuid, const struct nr_registry_act *act,
				 struct nr_suppression *ret_rule, struct nr_err *reterr)
{
	int ret = nr_registry_begin(registry, reterr);

	if (ret < 0)
		return ret;
	ret = find_locked(registry, member, true, uuid, ret_rule, reterr);
	if (ret == 0 && ret_rule->undone.ns == 0)
		ret = end_locked(registry, ret_rule, act, reterr);
	return nr_registry_end(registry, ret, reterr);
}

int64_t nr_registry_suppressions(struct nr_registry *registry, struct nr_uuid member, bool in_force,
				 struct nr_time now,
				 int (*each)(void *ctx, const struct nr_suppression *rule),
				 void *ctx, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int64_t n = 0;

	nr_registry_hold(registry);
	int ret = nr_registry_prepare(
		registry,
		COLUMNS "WHERE (member = ?1 OR everyone = 1) AND (?2 = 0 OR (expires_ns > ?3 AND "
			"undone_ns IS NULL)) ORDER BY created_ns DESC, uuid",
		&stmt, reterr);

	if (ret == 0) {
		nr_registry_bind_blob(stmt, 1, member.b, sizeof(member.b));
		nr_registry_bind_i64(stmt, 2, in_force);
		nr_registry_bind_i64(stmt, 3, now.ns);
		while ((ret = nr_registry_step(registry, stmt, reterr)) > 0) {
			struct nr_suppression rule;

			read_row(stmt, &rule);
			ret = each(ctx, &rule);
			if (ret < 0)
				break;
			n++;
		}
		(void)sqlite3_finalize(stmt);
	}
	nr_registry_let(registry);
	return ret < 0 ? ret : n;
}

struct load {
	struct nr_suppression *rules;
	size_t n, cap;
};

static int load_one(void *ctx, const struct nr_suppression *rule)
{
	struct load *load = ctx;

	if (load->n == load->cap) {
		size_t cap = load->cap > 0 ? 2 * load->cap : 16;
		struct nr_suppression *more = reallocarray(load->rules, cap, sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		load->rules = more;
		load->cap = cap;
	}
	load->rules[load->n++] = *rule;
	return 0;
}

int nr_registry_suppressions_load(struct nr_registry *registry, struct nr_uuid member,
				  struct nr_time now, struct nr_suppression **ret_rules,
				  size_t *ret_n, struct nr_err *reterr)
{
	struct load load = { 0 };
	int64_t n = nr_registry_suppressions(registry, member, true, now, load_one, &load, reterr);

	if (n == -ENOMEM)
		(void)nr_fail(reterr, -ENOMEM, "no memory");
	if (n < 0) {
		free(load.rules);
		return (int)n;
	}
	*ret_rules = load.rules;
	*ret_n = load.n;
	return 0;
}
