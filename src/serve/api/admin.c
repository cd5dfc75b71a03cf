/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/api/admin.h"

#include <stdio.h>
#include <string.h>

static const struct nr_admin_act acts[] = {
	{ "GET", "/local/v1/acked", nr_admin_acked },
	{ "GET", "/local/v1/audit", nr_admin_audit },
	{ "GET", "/local/v1/audit-head", nr_admin_audit_head },
	{ "GET", "/local/v1/audit-list", nr_admin_audit_list },
	{ "POST", "/local/v1/audit-verify", nr_admin_audit_verify },
	{ "GET", "/local/v1/members", nr_admin_members },
	{ "GET", "/local/v1/member", nr_admin_member },
	{ "POST", "/local/v1/member-add", nr_admin_member_add },
	{ "POST", "/local/v1/member-suspend", nr_admin_member_suspend },
	{ "POST", "/local/v1/member-resume", nr_admin_member_resume },
	{ "POST", "/local/v1/prefix-add", nr_admin_prefix_add },
	{ "POST", "/local/v1/prefix-remove", nr_admin_prefix_remove },
	{ "GET", "/local/v1/communities", nr_admin_communities },
	{ "POST", "/local/v1/community-add", nr_admin_community_add },
	{ "POST", "/local/v1/community-join", nr_admin_community_join },
	{ "POST", "/local/v1/community-leave", nr_admin_community_leave },
	{ "POST", "/local/v1/sensor-share", nr_admin_sensor_share },
	{ "GET", "/local/v1/sensor-label", nr_admin_sensor_label },
	{ "POST", "/local/v1/sensor-give", nr_admin_sensor_give },
	{ "GET", "/local/v1/tokens", nr_admin_tokens },
	{ "POST", "/local/v1/token-create", nr_admin_token_create },
	{ "POST", "/local/v1/token-revoke", nr_admin_token_revoke },
	{ "GET", "/local/v1/users", nr_admin_users },
	{ "POST", "/local/v1/user-add", nr_admin_user_add },
	{ "POST", "/local/v1/user-disable", nr_admin_user_disable },
	{ "POST", "/local/v1/user-enable", nr_admin_user_enable },
	{ "POST", "/local/v1/user-invite", nr_admin_user_invite },
	{ "POST", "/local/v1/setup-link", nr_admin_setup_link },
	{ "GET", "/local/v1/sensors", nr_admin_sensors },
	{ "POST", "/local/v1/sensor-invite", nr_admin_sensor_invite },
	{ "POST", "/local/v1/sensor-revoke", nr_admin_sensor_revoke },
	{ "POST", "/local/v1/import-begin", nr_admin_import_begin },
	{ "POST", "/local/v1/import-batch", nr_admin_import_batch },
	{ "POST", "/local/v1/import-end", nr_admin_import_end },
	{ "POST", "/local/v1/backup-roll", nr_admin_backup_roll },
	{ "POST", "/local/v1/backup-hold", nr_admin_backup_hold },
};

const struct nr_admin_act *nr_admin_find(const char *path)
{
	for (size_t i = 0; i < NR_COUNT(acts); i++)
		if (strcmp(acts[i].path, path) == 0)
			return &acts[i];
	return NULL;
}

/* ---- words ---- */

static bool word(const struct nr_admin *admin, const char *name, struct nr_str *ret_value)
{
	for (size_t i = 0; i < admin->n_words; i++)
		if (nr_str_eq(admin->words[i].name, nr_str_from(name))) {
			*ret_value = admin->words[i].value;
			return true;
		}
	return false;
}

bool nr_admin_has(const struct nr_admin *admin, const char *name)
{
	struct nr_str value;

	return word(admin, name, &value);
}

int nr_admin_text(const struct nr_admin *admin, const char *name, char *out, size_t cap,
		  struct nr_err *reterr)
{
	struct nr_str value;

	if (!word(admin, name, &value) || value.n == 0)
		return nr_fail(reterr, NR_EUSAGE, "%s is missing", name);
	if (value.n >= cap || memchr(value.p, '\0', value.n) != NULL)
		return nr_fail(reterr, NR_EUSAGE, "%s has at most %zu characters", name, cap - 1);
	memcpy(out, value.p, value.n);
	out[value.n] = '\0';
	return 0;
}

int nr_admin_maybe(const struct nr_admin *admin, const char *name, char *out, size_t cap,
		   struct nr_err *reterr)
{
	struct nr_str value;

	out[0] = '\0';
	if (!word(admin, name, &value) || value.n == 0)
		return 0;
	return nr_admin_text(admin, name, out, cap, reterr);
}

int nr_admin_number(const struct nr_admin *admin, const char *name, uint64_t *ret_v,
		    struct nr_err *reterr)
{
	struct nr_str value;

	if (!word(admin, name, &value) || nr_str_u64(value, 0, UINT64_MAX, ret_v) < 0)
		return nr_fail(reterr, NR_EUSAGE, "%s is missing or no number", name);
	return 0;
}

int nr_admin_uuid(const struct nr_admin *admin, const char *name, struct nr_uuid *ret_uuid,
		  struct nr_err *reterr)
{
	struct nr_str value;

	if (!word(admin, name, &value) || nr_uuid_parse(value, ret_uuid) < 0)
		return nr_fail(reterr, NR_EUSAGE, "%s is missing or no UUID", name);
	return 0;
}

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int nr_admin_hex(const struct nr_admin *admin, const char *name, uint8_t *out, size_t n,
		 struct nr_err *reterr)
{
	struct nr_str value;
	bool good = word(admin, name, &value) && value.n == 2 * n;

	for (size_t i = 0; good && i < n; i++) {
		int hi = hex_of(value.p[2 * i]), lo = hex_of(value.p[2 * i + 1]);

		good = hi >= 0 && lo >= 0;
		if (good)
			out[i] = (uint8_t)(hi << 4 | lo);
	}
	return good ? 0 : nr_fail(reterr, NR_EUSAGE, "%s is not %zu bytes as hex", name, n);
}

/* ---- acked ---- */

enum { ACKED_WAIT_MS = 10000 };

static void acked_lines(const struct nr_core *core, struct nr_buf *out)
{
	nr_buf_reset(out);
	for (size_t i = 0; i < nr_ledger_count(core->ledger); i++) {
		const struct nr_ledger_row *row = nr_ledger_at(core->ledger, i);
		char text[NR_UUID_TEXT];

		nr_uuid_print(row->sensor, text);
		nr_buf_addf(out, "%s %llu %llu\n", text, (unsigned long long)row->epoch,
			    (unsigned long long)row->seq);
	}
}

/*
 * The ledger is ahead of the disk: what it says now counts once all that was appended until now
 * is durable.
 */
int nr_admin_acked(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_core *core = admin->core;
	uint64_t at;
	int ret;

	nr_core_lock(core);
	acked_lines(core, out);
	at = admin->intake != NULL ? admin->intake->last_at : 0;
	nr_core_unlock(core);
	ret = nr_core_wait(core, at, ACKED_WAIT_MS);
	return ret < 0 ? nr_fail(reterr, ret, "the journal does not commit: %s", nr_err_text(ret))
		       : 0;
}

/* ---- backup ---- */

enum { ROLL_WAIT_MS = 20000 };

int nr_admin_backup_roll(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	int ret = nr_core_roll(admin->core, ROLL_WAIT_MS, reterr);

	if (ret == 0)
		ret = nr_registry_audit(admin->core->registry, &admin->act, "hub.backup",
					admin->core->uuid, "", reterr);
	if (ret == 0)
		nr_buf_addf(out, "{\"hold_s\":%d}\n", NR_CORE_HOLD_S);
	return ret;
}

int nr_admin_backup_hold(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	(void)reterr;
	nr_core_hold(admin->core);
	nr_buf_addf(out, "{\"hold_s\":%d}\n", NR_CORE_HOLD_S);
	return 0;
}
