/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/api/people.h"

#include <stdio.h>
#include <string.h>

#include "share/policy/label_read.h"

int nr_people_body(const struct nr_http_request *rq, const char *const *names, json_t **ret_json,
		   struct nr_err *reterr)
{
	static const char *const none[] = { NULL };
	int ret = nr_http_only(rq, none, reterr);

	*ret_json = NULL;
	if (ret == 0)
		ret = nr_http_json(rq, NULL, ret_json, reterr);
	return ret == 0 ? nr_json_only(*ret_json, names, reterr) : ret;
}

int nr_people_done(struct nr_http_reply *reply, int ret)
{
	if (ret == -EDQUOT) {
		reply->status = 429;
		reply->retry_s = 60;
	} else if (ret == -EACCES) {
		reply->status = 403;
		return -EPERM; /* the caller is known: no guess at a secret */
	}
	return ret;
}

struct nr_uuid nr_people_uuid(const struct nr_http_request *rq, size_t i)
{
	struct nr_uuid uuid;

	if (nr_uuid_parse(rq->part[i], &uuid) < 0)
		return (struct nr_uuid){ { 0 } };
	return uuid;
}

void nr_people_location(struct nr_http_reply *reply, const char *path, struct nr_uuid uuid)
{
	char text[NR_UUID_TEXT];

	nr_uuid_print(uuid, text);
	(void)snprintf(reply->location, sizeof(reply->location), "%s%s", path, text);
}

void nr_people_put_text(struct nr_json *json, const char *key, const char *text)
{
	nr_json_key(json, key);
	nr_json_str(json, nr_str_from(text));
}

void nr_people_put_number(struct nr_json *json, const char *key, uint64_t v)
{
	nr_json_key(json, key);
	nr_json_u64(json, v);
}

void nr_people_put_bool(struct nr_json *json, const char *key, bool v)
{
	nr_json_key(json, key);
	nr_json_bool(json, v);
}

void nr_people_put_time(struct nr_json *json, const char *key, struct nr_time t)
{
	if (t.ns == 0)
		return;
	nr_json_key(json, key);
	nr_json_time(json, t);
}

void nr_people_put_uuid(struct nr_json *json, const char *key, struct nr_uuid uuid)
{
	char text[NR_UUID_TEXT];

	if (nr_uuid_eq(uuid, (struct nr_uuid){ { 0 } }))
		return;
	nr_uuid_print(uuid, text);
	nr_people_put_text(json, key, text);
}

int nr_people_label(const json_t *json, const char *name, const struct nr_http_request *rq,
		    struct nr_label *ret_label, struct nr_err *reterr)
{
	int ret;

	if (!nr_json_has(json, name))
		return nr_fail(reterr, NR_EUSAGE, "%s is missing", name);
	ret = nr_label_read(json_object_get(json, name), ret_label, reterr);
	if (ret < 0)
		return nr_err_prefix(reterr, "%s", name);
	ret_label->owner = rq->scope->viewer.member;
	if (ret_label->purposes == 0)
		ret_label->purposes = (1u << NR_N_PURPOSES) - 1;
	return 0;
}

int nr_people_finding(struct nr_hub *hub, const struct nr_http_request *rq,
		      struct nr_people_finding *ret_finding, struct nr_err *reterr)
{
	struct nr_finding_viewer viewer = { .scope = rq->scope,
					    .secret = hub->cursors.key,
					    .now = rq->now };
	struct nr_registry_finding_filter filter = { .scope = rq->scope,
						     .now = rq->now,
						     .limit = 1 };
	struct nr_finding_rows rows = { 0 };
	int ret;

	/* What is no id is looked for all the same: the same answer, and the same work. */
	filter.id = nr_finding_id_of(&viewer, rq->part[0], ret_finding->id)
			    ? nr_str_from(ret_finding->id)
			    : NR_STR("-");
	ret = nr_finding_rows_read(hub->core->registry, &filter, &rows, reterr);
	if (ret == 0 && (rows.n == 0 || rq->part[0].n >= sizeof(ret_finding->shown)))
		ret = nr_fail(reterr, -ENOENT, "there is no such finding");
	if (ret == 0)
		(void)snprintf(ret_finding->shown, sizeof(ret_finding->shown), NR_STR_FMT,
			       NR_STR_ARG(rq->part[0]));
	nr_finding_rows_done(&rows);
	return ret;
}
