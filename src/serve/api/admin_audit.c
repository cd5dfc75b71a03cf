/* SPDX-License-Identifier: Apache-2.0 */
/* The audit chain on the hub's machine: noroshi audit verify, list, head. */
#include <stdio.h>

#include "serve/api/admin.h"
#include "store/registry_audit.h"

enum { ROWS_MAX = 100000 };

static int verify(const struct nr_admin *admin, struct nr_str kept, struct nr_buf *out,
		  struct nr_err *reterr)
{
	struct nr_registry_audit_head head = { 0 };
	uint64_t rows;
	int ret = nr_registry_audit_verify(admin->core->registry, &rows, reterr);

	if (ret == 0 && kept.n > 0)
		ret = nr_registry_audit_read(kept, admin->core->uuid,
					     admin->core->keys.journal.public_key, &head, reterr);
	if (ret == 0 && kept.n > 0)
		ret = nr_registry_audit_holds(admin->core->registry, &head, reterr);
	if (ret < 0)
		return ret;
	nr_buf_addf(out, "{\"rows\":%llu,\"whole\":true", (unsigned long long)rows);
	if (kept.n > 0)
		nr_buf_addf(out, ",\"head\":%llu", (unsigned long long)head.rows);
	nr_buf_addf(out, "}\n");
	return 0;
}

int nr_admin_audit(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	return verify(admin, (struct nr_str){ NULL, 0 }, out, reterr);
}

int nr_admin_audit_verify(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	return verify(admin, (struct nr_str){ (const char *)admin->body.p, admin->body.n }, out,
		      reterr);
}

int nr_admin_audit_head(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_registry_audit_head head;
	char text[NR_AUDIT_HEAD_TEXT];
	uint64_t rows;
	/* Only what is whole is signed. */
	int ret = nr_registry_audit_verify(admin->core->registry, &rows, reterr);

	if (ret == 0)
		ret = nr_registry_audit_head(admin->core->registry, rows, &head, reterr);
	if (ret == 0)
		ret = nr_registry_audit_sign(&head, admin->core->uuid, admin->act.now,
					     &admin->core->keys.journal, text, reterr);
	if (ret == 0)
		nr_buf_addf(out, "%s", text);
	return ret;
}

static int put_row(void *ctx, const struct nr_registry_audit_row *row)
{
	struct nr_json *json = ctx;
	const struct {
		const char *key;
		struct nr_str text;
	} texts[] = { { "actor", row->actor },
		      { "member", nr_str_from(row->member_name) },
		      { "action", row->action },
		      { "object", row->object },
		      { "detail", row->detail } };

	nr_json_object(json);
	nr_json_key(json, "row");
	nr_json_u64(json, row->sequence);
	nr_json_key(json, "at");
	nr_json_time(json, row->at);
	for (size_t i = 0; i < NR_COUNT(texts); i++) {
		if (i == 1 && texts[i].text.n == 0)
			continue; /* for no member */
		nr_json_key(json, texts[i].key);
		nr_json_str(json, texts[i].text);
	}
	nr_json_object_end(json);
	return json->out->err;
}

int nr_admin_audit_list(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_registry_audit_head head = { 0 };
	uint64_t last, after;
	struct nr_json json;
	int64_t n = nr_admin_number(admin, "last", &last, reterr);

	if (n == 0)
		n = nr_registry_audit_head(admin->core->registry, 0, &head, reterr);
	if (n < 0)
		return (int)n;
	last = last < ROWS_MAX ? last : ROWS_MAX;
	after = head.rows > last ? head.rows - last : 0;
	nr_json_init(&json, out);
	nr_json_object(&json);
	nr_json_key(&json, "audit");
	nr_json_array(&json);
	n = nr_registry_audit_rows(admin->core->registry, NULL, after, last, put_row, &json,
				   reterr);
	nr_json_array_end(&json);
	nr_json_object_end(&json);
	nr_buf_add(out, "\n", 1);
	return n < 0 ? (int)n : 0;
}
