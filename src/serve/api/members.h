/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file members: members of a hub as the API and the commands name and show them. */
#include <jansson.h>

#include "base/json.h"
#include "store/registry_member.h"

/** A member by UUID or name. @return 0; -ENOENT */
NR_MUST_CHECK int nr_members_named(struct nr_registry *registry, struct nr_str text,
				   struct nr_registry_member *ret_member, struct nr_err *reterr);
/**
 * The label that somebody says for a sensor: with a TLP, and with purposes when it names anybody, since
 * without them it would reach nobody all the same. @return 0; NR_EUSAGE
 */
NR_MUST_CHECK int nr_sensor_label_read(const json_t *json, struct nr_label *ret_label,
				       struct nr_err *reterr);
NR_MUST_CHECK int nr_sensor_label_check(const struct nr_label *label, struct nr_err *reterr);
/** @p inside: with what only itself and the operator may know. */
void nr_members_json(struct nr_json *json, const struct nr_registry_member *member, bool inside);
