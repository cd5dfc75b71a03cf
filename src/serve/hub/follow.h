/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * follow: the two that follow the journal: the engine, whose findings go to the registry, and the
 * observation store.
 *
 * Place    engine: of its newest good snapshot, else from the beginning; store: the place it
 *          holds. A restart and normal work
 *          are the same code.
 * Once     a finding's revision from before a restart is recognised in the registry by its number
 * Failure  one that cannot go on says so in the log and in its counts; the hub goes on
 *          acknowledging
 * Snapshot every snapshot_s or snapshot_mib of journal; the newest two are kept; one of another
 * build is left aside and
 *          the journal replayed
 */
#include "orient/online.h"
#include "serve/hub/core.h"
#include "store/observations.h"

struct nr_follow_counts {
	uint64_t at;	   /* done up to here */
	uint64_t entries;  /* since the start */
	uint64_t findings; /* revisions written since the start */
	uint64_t left_out; /* entries that could not be used */
	uint64_t snapshots, snapshot_at, snapshot_bytes;
	int64_t arrived_ns; /* of the newest entry done */
	bool failed;
	char words[256];
};

struct nr_engine_follower;
NR_MUST_CHECK int nr_follow_engine_start(struct nr_core *core,
					 struct nr_engine_follower **ret_engine,
					 struct nr_err *reterr);
void nr_follow_engine_counts(struct nr_engine_follower *engine, struct nr_follow_counts *ret_counts,
			     struct nr_online_counts *ret_online);
/**
 * Read the lists of @p set and use them from a place of the journal on, which says so (DATA, CONFIG).
 * @return 0; why they cannot be read: then nothing changed
 */
NR_MUST_CHECK int nr_follow_engine_reload(struct nr_engine_follower *engine,
					  const struct nr_settings *set, struct nr_err *reterr);
/** Writes what is pending and a snapshot. */
struct nr_engine_follower *nr_follow_engine_stop(struct nr_engine_follower *engine);

/** May be NULL; lives as long as the follower. */
const struct nr_prefixes *nr_follow_engine_prefixes(const struct nr_engine_follower *engine);

struct nr_store_follower;
/** @p prefixes may be NULL; borrowed. */
NR_MUST_CHECK int nr_follow_store_start(struct nr_core *core, const struct nr_prefixes *prefixes,
					struct nr_store_follower **ret_store,
					struct nr_err *reterr);
void nr_follow_store_counts(struct nr_store_follower *follower,
			    struct nr_follow_counts *ret_counts);
/** For queries; NULL while it is not open. */
struct nr_store *nr_follow_store_get(struct nr_store_follower *follower);
struct nr_store_follower *nr_follow_store_stop(struct nr_store_follower *follower);
