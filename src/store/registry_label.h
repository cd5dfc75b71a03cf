/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * registry_label: whose a sensor is and under which label, and the one predicate
 * (share/policy/policy.h) inside SQL.
 *
 * SQL      nr_allows(VIEWER, ACTION, OWNER, LABEL): 1 or 0. VIEWER is bound with
 *          nr_registry_bind_viewer() (registry_int.h) and can come from nowhere else; ACTION is 'read',
 *          'count' or 'pass on'; OWNER a member's uuid; LABEL the json column of a label, or NULL: the
 *          owner's alone. What cannot be read allows nobody. So lists, counts and pages pass it, not
 *          the rows that a handler happens to look at.
 * Owner    a sensor without a member is the operator's
 * Errors   as store/registry.h
 */
#include "store/registry.h"

/* ---- labels ---- */

/**
 * Parties named without an epoch (0) get those in force: a member its own, a community each that its
 * members have (record/label.h). @return 0; NR_EUSAGE there is no such one, or it is suspended
 */
NR_MUST_CHECK int nr_registry_label_complete(struct nr_registry *registry, struct nr_label *label,
					     struct nr_err *reterr);
/** @return 0; -ENOENT */
NR_MUST_CHECK int nr_registry_label_find(struct nr_registry *registry, struct nr_uuid uuid,
					 struct nr_label *ret_label, struct nr_err *reterr);

/* ---- sensors ---- */

/** What has this name; zero: nothing. For who may not know whether there is one: it costs the same. */
NR_MUST_CHECK int nr_registry_sensor_uuid(struct nr_registry *registry, const char *name,
					  struct nr_uuid *ret_uuid, struct nr_err *reterr);

/** The label of what it observes; its owner's default when it has none. @return 0; -ENOENT */
NR_MUST_CHECK int nr_registry_sensor_label(struct nr_registry *registry, struct nr_uuid sensor,
					   struct nr_label *ret_label, struct nr_err *reterr);
/**
 * @p viewer says the label of a sensor: nr_policy_relabel() decides. @p ret_label: what it became.
 * @return 0; -ENOENT no such sensor, or the viewer may not know of it; -EACCES; NR_EUSAGE no TLP
 */
NR_MUST_CHECK int nr_registry_sensor_relabel(struct nr_registry *registry, struct nr_uuid sensor,
					     const struct nr_viewer *viewer,
					     const struct nr_label *wish,
					     const struct nr_registry_act *act,
					     struct nr_label *ret_label, struct nr_err *reterr);
/** Whose it is from now on; its label was the former owner's word and ends. Zero: the operator's. */
NR_MUST_CHECK int nr_registry_sensor_give(struct nr_registry *registry, struct nr_uuid sensor,
					  struct nr_uuid member, const struct nr_registry_act *act,
					  struct nr_err *reterr);
