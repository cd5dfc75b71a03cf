/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_read.h"
#include "share/policy/label_read.h"
#include "store/registry/registry_int.h"

enum { LABEL_MAX = 16 << 10 };

/* The epoch in which the party is now. @return 1; 0 there is no such party; negative */
static int epoch_of(struct nr_registry *registry, const char *sql, struct nr_uuid uuid,
		    uint32_t *ret_epoch, struct nr_err *reterr)
{
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry, sql, &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_registry_bind_blob(stmt, 1, uuid.b, sizeof(uuid.b));
	ret = nr_registry_step(registry, stmt, reterr);
	if (ret > 0)
		*ret_epoch = (uint32_t)sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return ret;
}

int nr_registry_label_parties(struct nr_registry *registry, struct nr_label *label,
			      struct nr_err *reterr)
{
	int ret = 1;

	for (size_t i = 0; ret > 0 && i < label->n_members; i++) {
		uint32_t epoch = 0;

		ret = epoch_of(registry, "SELECT epoch FROM member WHERE uuid = ?1",
			       label->members[i].uuid, &epoch, reterr);
		if (label->members[i].epoch == 0)
			label->members[i].epoch = epoch;
	}
	for (size_t i = 0; ret > 0 && i < label->n_communities; i++) {
		uint32_t epoch;

		/* A community itself has no epoch: that of each membership is compared there. */
		ret = epoch_of(registry, "SELECT 1 FROM community WHERE uuid = ?1",
			       label->communities[i].uuid, &epoch, reterr);
	}
	if (ret == 0)
		return nr_fail(reterr, NR_EUSAGE,
			       "the label names a member or community that is none of this hub");
	return ret < 0 ? ret : 0;
}

int nr_registry_label_put(struct nr_registry *registry, const struct nr_label *label,
			  struct nr_time now, struct nr_uuid *ret_uuid, struct nr_err *reterr)
{
	struct nr_uuid uuid = nr_uuid_new();
	struct nr_buf text;
	struct nr_json json;
	sqlite3_stmt *stmt;
	int ret = nr_registry_prepare(registry,
				      "INSERT INTO label (uuid, owner, tlp, json, created_ns) "
				      "VALUES (?1, ?2, ?3, ?4, ?5)",
				      &stmt, reterr);

	if (ret < 0)
		return ret;
	nr_buf_init(&text, LABEL_MAX);
	nr_json_init(&json, &text);
	nr_label_json(label, &json);
	nr_registry_bind_blob(stmt, 1, uuid.b, sizeof(uuid.b));
	nr_registry_bind_blob(stmt, 2, label->owner.b, sizeof(label->owner.b));
	nr_registry_bind_text(stmt, 3, nr_tlp_names[label->tlp]);
	if (text.err == 0) /* else NULL, which no label may be */
		nr_registry_bind_str(stmt, 4, nr_buf_str(&text));
	nr_registry_bind_i64(stmt, 5, now.ns);
	ret = nr_registry_run(registry, stmt, reterr);
	nr_buf_done(&text);
	if (ret == 0)
		*ret_uuid = uuid;
	return ret;
}

bool nr_registry_get_label(sqlite3_stmt *stmt, int owner, int text, struct nr_label *ret_label)
{
	const char *p = (const char *)sqlite3_column_text(stmt, text);
	struct nr_str s = { p != NULL ? p : "", (size_t)sqlite3_column_bytes(stmt, text) };
	json_t *json;
	int ret;

	*ret_label = (struct nr_label){ 0 };
	if (s.n == 0 || nr_json_read(s, NULL, &json, NULL) < 0)
		return false;
	ret = nr_label_read(json, ret_label, NULL);
	json_decref(json);
	if (ret < 0 ||
	    !nr_registry_get_blob(stmt, owner, ret_label->owner.b, sizeof(ret_label->owner.b))) {
		*ret_label = (struct nr_label){ 0 }; /* lets nobody know anything */
		return false;
	}
	return true;
}
