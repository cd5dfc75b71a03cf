/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may know of a finding, asked inside SQL: seen_as(VIEW, SIGHTINGS, JSON) is the state that he
 * sees it in, or NULL when he may not know of it; meets(PREFIX, SUBJECT) whether a subject is in a
 * prefix or meets it. VIEW and PREFIX are pointers, which no SQL text can make.
 */
#include "share/policy/copy_read.h"
#include "store/registry/registry_int.h"

static struct nr_str value_str(sqlite3_value *value)
{
	const char *text = (const char *)sqlite3_value_text(value);

	return (struct nr_str){ text != NULL ? text : "", (size_t)sqlite3_value_bytes(value) };
}

static void seen_as(sqlite3_context *sql, int n, sqlite3_value **args)
{
	const struct nr_registry_view *view = sqlite3_value_pointer(args[0], NR_REGISTRY_VIEW);
	struct nr_copy_stored stored = { 0 };

	(void)n;
	sqlite3_result_null(sql);
	if (view == NULL || view->scope == NULL)
		return;
	int ret = nr_copy_of_stored(view->scope, value_str(args[2]), value_str(args[1]), &stored);

	if (ret == -ENOMEM) {
		sqlite3_result_error_nomem(sql);
	} else if (ret == 0 && stored.copy.kind != NR_COPY_NONE) {
		struct nr_str state = nr_copy_state(&stored.copy, &stored.facts, view->now);

		sqlite3_result_text(sql, state.p, (int)state.n, SQLITE_TRANSIENT);
	}
	nr_copy_done(&stored);
}

static void meets(sqlite3_context *sql, int n, sqlite3_value **args)
{
	const struct nr_prefix *wanted = sqlite3_value_pointer(args[0], NR_REGISTRY_PREFIX);
	struct nr_copy_facts facts;

	(void)n;
	nr_copy_subject(value_str(args[1]), &facts);
	sqlite3_result_int(sql, wanted != NULL && facts.has_subject &&
					(nr_prefix_has(*wanted, facts.subject.ip) ||
					 nr_prefix_has(facts.subject, wanted->ip)));
}

int nr_registry_may_know_add(struct nr_registry *registry, struct nr_err *reterr)
{
	int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;

	if (sqlite3_create_function(registry->db, "seen_as", 3, flags, NULL, seen_as, NULL, NULL) !=
		    SQLITE_OK ||
	    sqlite3_create_function(registry->db, "meets", 2, flags, NULL, meets, NULL, NULL) !=
		    SQLITE_OK)
		return nr_registry_fail(registry, "functions", reterr);
	return 0;
}
