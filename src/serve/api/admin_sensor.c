/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "serve/api/admin.h"
#include "serve/api/members.h"
#include "share/policy/label_read.h"

int nr_sensor_label_read(const json_t *json, struct nr_label *ret_label, struct nr_err *reterr)
{
	int ret = nr_label_read(json, ret_label, reterr);

	return ret < 0 ? ret : nr_sensor_label_check(ret_label, reterr);
}

int nr_sensor_label_check(const struct nr_label *label, struct nr_err *reterr)
{
	if (label->tlp == NR_TLP_UNSET)
		return nr_fail(reterr, NR_EUSAGE,
			       "a label needs a tlp: CLEAR, GREEN, AMBER, AMBER+STRICT or RED");
	if (label->purposes == 0 && (label->everyone || label->layers != 0 ||
				     label->n_members > 0 || label->n_communities > 0))
		return nr_fail(reterr, NR_EUSAGE,
			       "name purposes (defence, investigation, statistics, research): "
			       "without one nobody but the owner may know");
	if (label->everyone && label->tlp > NR_TLP_GREEN)
		return nr_fail(reterr, NR_EUSAGE, "everyone is reached by GREEN or CLEAR only");
	return 0;
}

/* The entry in the journal comes with the act, so that detection knows from this place on. */
static int tell_watch(struct nr_core *core, struct nr_uuid sensor, struct nr_time now)
{
	nr_core_lock(core);
	int ret = nr_watch_gone(core->watch, sensor, NR_SENSOR_REVOKED, now.ns);

	nr_core_unlock(core);
	return ret;
}

static void add_time(struct nr_json *json, const char *key, struct nr_time t)
{
	if (t.ns == 0)
		return;
	nr_json_key(json, key);
	nr_json_time(json, t);
}

static void add_number(struct nr_json *json, const char *key, uint64_t v)
{
	nr_json_key(json, key);
	nr_json_u64(json, v);
}

static void add_ledger(struct nr_json *json, const struct nr_ledger_row *row)
{
	nr_json_key(json, "acknowledged");
	nr_json_object(json);
	add_number(json, "epoch", row->epoch);
	add_number(json, "seq", row->seq);
	add_number(json, "batches", row->batches);
	add_number(json, "repeats", row->repeats + row->old);
	add_number(json, "conflicts", row->conflicts);
	add_number(json, "gaps", row->gaps);
	add_number(json, "batches_lost", row->lost);
	add_number(json, "observations_lost", row->observations_lost);
	nr_json_object_end(json);
}

void nr_admin_sensor_json(const struct nr_core *core, const struct nr_registry_sensor *sensor,
			  struct nr_json *json)
{
	struct nr_core *mutable_core = (struct nr_core *)(uintptr_t)core; /* for its lock */
	char text[NR_UUID_TEXT];
	struct nr_ledger_row row;

	nr_uuid_print(sensor->uuid, text);
	nr_json_object(json);
	nr_json_key(json, "uuid");
	nr_json_str(json, nr_str_from(text));
	nr_json_key(json, "name");
	nr_json_str(json, nr_str_from(sensor->name));
	nr_json_key(json, "state");
	nr_json_str(json, nr_str_from(nr_sensor_state_names[sensor->state]));
	if (sensor->member[0] != '\0') {
		nr_json_key(json, "member");
		nr_json_str(json, nr_str_from(sensor->member));
	}
	nr_json_key(json, "label");
	nr_label_json(&sensor->label, json);
	add_time(json, "created", sensor->created);
	add_time(json, "enrolled", sensor->enrolled);
	add_time(json, "certificate_until", sensor->valid_until);
	add_time(json, "revoked", sensor->revoked);
	nr_core_lock(mutable_core);
	const struct nr_ledger_row *known = nr_ledger_find(core->ledger, sensor->uuid);

	if (known != NULL)
		row = *known;
	nr_core_unlock(mutable_core);
	if (known != NULL)
		add_ledger(json, &row);
}

struct list {
	const struct nr_core *core;
	struct nr_json json;
};

static int add_sensor(void *ctx, const struct nr_registry_sensor *sensor)
{
	struct list *list = ctx;

	nr_admin_sensor_json(list->core, sensor, &list->json);
	nr_json_object_end(&list->json);
	return list->json.out->err;
}

int nr_admin_sensors(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct list list = { .core = admin->core };
	int64_t n;

	nr_json_init(&list.json, out);
	nr_json_object(&list.json);
	nr_json_key(&list.json, "sensors");
	nr_json_array(&list.json);
	n = nr_registry_sensors(admin->core->registry, add_sensor, &list, reterr);
	if (n < 0)
		return (int)n;
	nr_json_array_end(&list.json);
	nr_json_object_end(&list.json);
	nr_buf_add(out, "\n", 1);
	return 0;
}

int nr_admin_sensor_invite(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	char name[NR_REGISTRY_NAME], token[NR_ENROL_TOKEN];
	struct nr_json json;
	int ret = nr_admin_text(admin, "name", name, sizeof(name), reterr);

	if (ret == 0)
		ret = nr_enrol_invite(admin->enrol, name, 0, &admin->act, token, reterr);
	if (ret < 0)
		return ret;
	nr_json_init(&json, out);
	nr_json_object(&json);
	nr_json_key(&json, "name");
	nr_json_str(&json, nr_str_from(name));
	nr_json_key(&json, "token");
	nr_json_str(&json, nr_str_from(token));
	nr_json_object_end(&json);
	nr_buf_add(out, "\n", 1);
	nr_secret_wipe(token, sizeof(token));
	return 0;
}

int nr_admin_sensor_revoke(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	char name[NR_REGISTRY_NAME];
	struct nr_registry_sensor sensor;
	int ret = nr_admin_text(admin, "name", name, sizeof(name), reterr);

	if (ret == 0)
		ret = nr_registry_sensor_named(admin->core->registry, name, &sensor, reterr);
	if (ret == 0)
		ret = nr_registry_sensor_revoke(admin->core->registry, sensor.uuid, &admin->act,
						reterr);
	if (ret < 0)
		return ret;
	if (tell_watch(admin->core, sensor.uuid, admin->act.now) < 0)
		return nr_fail(reterr, -EIO,
			       "'%s' is revoked, but the journal could not be told: run it again",
			       name);
	nr_buf_addf(out, "{\"revoked\":true}\n");
	return 0;
}
