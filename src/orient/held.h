/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * held: what shards have made and wait to hand out, and the order in which it goes: by last packet,
 * then shard, then as it was made. Engine and on-line run share it, so their order is one.
 *
 * Shape    a dense nr_table a shard; records begin with a struct nr_finding (nr_held_add() makes
 *          them) or a struct nr_source
 * Threads  one at a time for each table; nr_held_out() needs all of them still
 */
#include "base/table.h"
#include "record/finding.h"
#include "record/sighting.h"
#include "record/source.h"

struct nr_held_finding {
	struct nr_finding finding;
	void *evidence;		     /* owned */
	struct nr_sightings seen_by; /* owned; on line only */
};

NR_MUST_CHECK int nr_held_init(struct nr_table *findings);
/** Copies the evidence too. @return 0; -ENOMEM */
NR_MUST_CHECK int nr_held_add(struct nr_table *findings, const struct nr_finding *finding);
void nr_held_clear(struct nr_table *findings);
void nr_held_done(struct nr_table *findings);

struct nr_held_out {
	void *ctx;
	const struct nr_table *(*table)(void *ctx, unsigned shard);
	int (*out)(void *ctx, void *record); /* negative ends it */
	bool findings;			     /* else sources */
};
/** Everything held, in order. @return 0; -ENOMEM; what out() returned when negative */
NR_MUST_CHECK int nr_held_out(const struct nr_held_out *how);
