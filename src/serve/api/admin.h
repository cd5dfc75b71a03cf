/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * admin: what an administrator does on the hub's machine, the same whether the hub runs (over its
 * socket) or not (on an open
 * core): each function writes the answer that the command prints.
 *
 * Words     name=value parameters, as in a query
 * Answers   JSON, or for acked lines "UUID EPOCH SEQ"
 */
#include "base/json.h"
#include "serve/hub/core.h"
#include "serve/ingest/enrol.h"
#include "serve/ingest/import.h"
#include "serve/ingest/intake.h"
#include "serve/who/staff.h"

struct nr_admin_word {
	struct nr_str name, value;
};
struct nr_admin {
	struct nr_core *core;
	struct nr_import *import;
	const struct nr_enrol *enrol;
	const struct nr_intake *intake; /* NULL: no hub runs, all is durable */
	const struct nr_admin_word *words;
	size_t n_words;
	struct nr_bytes body;
	const char *url; /* where the API is; NULL: as the settings say */
	struct nr_registry_act act;
};

typedef int nr_admin_do(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr);

nr_admin_do nr_admin_token_create, nr_admin_tokens, nr_admin_token_revoke, nr_admin_sensor_invite,
	nr_admin_sensors, nr_admin_sensor_revoke, nr_admin_import_begin, nr_admin_import_batch,
	nr_admin_import_end, nr_admin_acked, nr_admin_audit, nr_admin_users, nr_admin_user_add,
	nr_admin_user_disable, nr_admin_user_enable, nr_admin_user_invite, nr_admin_setup_link,
	nr_admin_backup_roll, nr_admin_backup_hold, nr_admin_members, nr_admin_member,
	nr_admin_member_add, nr_admin_member_suspend, nr_admin_member_resume, nr_admin_prefix_add,
	nr_admin_prefix_remove, nr_admin_communities, nr_admin_community_add,
	nr_admin_community_join, nr_admin_community_leave, nr_admin_sensor_share,
	nr_admin_sensor_label, nr_admin_sensor_give, nr_admin_audit_verify, nr_admin_audit_list,
	nr_admin_audit_head;

struct nr_admin_act {
	const char *method, *path;
	nr_admin_do *act;
};
/** NULL: no such one. */
const struct nr_admin_act *nr_admin_find(const char *path);

/** Was it said at all? */
bool nr_admin_has(const struct nr_admin *admin, const char *name);
/** The word `role`, one that users and tokens can have; @p out: its text. @return 0; NR_EUSAGE */
NR_MUST_CHECK int nr_admin_role(const struct nr_admin *admin, enum nr_role *ret_role, char *out,
				size_t cap, struct nr_err *reterr);
/** Who sits at the machine, as the rules of people see him; @p operator is where he is kept. */
struct nr_staff nr_admin_staff(const struct nr_admin *admin, struct nr_viewer *operator);
/** As in GET /api/v1/tokens. */
void nr_admin_token_json(const struct nr_registry_token *token, struct nr_json *json);
/** Value as C text. @return 0; NR_EUSAGE missing, too long, or with a NUL */
NR_MUST_CHECK int nr_admin_text(const struct nr_admin *admin, const char *name, char *out,
				size_t cap, struct nr_err *reterr);
/** The same, "" when it is missing or empty. @return 0; NR_EUSAGE too long, or with a NUL */
NR_MUST_CHECK int nr_admin_maybe(const struct nr_admin *admin, const char *name, char *out,
				 size_t cap, struct nr_err *reterr);
/** @return 0; NR_EUSAGE */
NR_MUST_CHECK int nr_admin_number(const struct nr_admin *admin, const char *name, uint64_t *ret_v,
				  struct nr_err *reterr);
/** 16 bytes as a UUID, or @p n bytes as hex. @return 0; NR_EUSAGE */
NR_MUST_CHECK int nr_admin_uuid(const struct nr_admin *admin, const char *name,
				struct nr_uuid *ret_uuid, struct nr_err *reterr);
NR_MUST_CHECK int nr_admin_hex(const struct nr_admin *admin, const char *name, uint8_t *out,
			       size_t n, struct nr_err *reterr);
/**
 * A sensor as in GET /api/v1/sensors, without what only a running hub knows; the object is left
 * open.
 */
void nr_admin_sensor_json(const struct nr_core *core, const struct nr_registry_sensor *sensor,
			  struct nr_json *json);
