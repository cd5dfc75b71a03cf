/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file copy_read: what decides about copies, out of a finding's JSON and its sightings. */
#include <jansson.h>

#include "share/policy/copy.h"

/**
 * @p json is the engine's object; @p ret_facts borrows its texts.
 * @return 0; NR_EDAMAGED: something that decides is missing
 */
NR_MUST_CHECK int nr_copy_facts_read(const json_t *json, struct nr_copy_facts *ret_facts);

/** Facts, sightings and copy of a finding as it is stored; zero-initialised, then nr_copy_done(). */
struct nr_copy_stored {
	json_t *json;
	struct nr_copy_facts facts;
	struct nr_copy copy;
};
/** @return 0; NR_EDAMAGED, and the copy is none; -ENOMEM */
NR_MUST_CHECK int nr_copy_of_stored(const struct nr_scope *scope, struct nr_str json,
				    struct nr_str sightings, struct nr_copy_stored *ret_stored);
void nr_copy_done(struct nr_copy_stored *stored);
