/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * run: the detectors over the fixed shards, fed a closed second at a time; what they say, in
 * an order that the input alone decides.
 *
 * Live     with options.live findings come when their rule is met and as they grow; else when they
 *          end, as those of `noroshi observe`.
 * Out      findings and sources of one call, by last packet, then shard
 * Threads  one at a time; the pool works inside, each worker on the shards whose number modulo its
 *          count is its own
 */
#include "base/table.h"
#include "orient/detect/detect.h"
#include "orient/online/pool.h"
#include "orient/online/saw.h"
#include "orient/online/wait.h"

struct nr_run_out {
	void *ctx;
	/** State: CONTINUING, ENDED or WITHDRAWN. */
	int (*finding)(void *ctx, const struct nr_finding *finding,
		       const struct nr_sightings *seen_by);
	/**
	 * Scanners and more that ended; with options.live also those that became wide and are @p
	 * open.
	 */
	int (*source)(void *ctx, const struct nr_source *source, bool open);
};

struct nr_run_options {
	const struct nr_prefixes *prefixes;
	const struct nr_benign_lists *benign;
	uint64_t monitored_v4;
	size_t max_entries;
	struct nr_hash_key key;
	bool live, detail; /* detail: of sources their rates too */
	struct nr_pool *pool;
	const struct nr_uuid *(*sensor)(const void *ctx, uint32_t number);
	const void *sensor_ctx;
	uint32_t (*number)(const struct nr_uuid *sensor); /* back, of what `sensor` gave */
	struct nr_run_out out;
};

struct nr_run;

NR_MUST_CHECK int nr_run_new(const struct nr_run_options *options, struct nr_run **ret_run);
struct nr_run *nr_run_free(struct nr_run *run);
const struct nr_detect_env *nr_run_env(const struct nr_run *run);
/**
 * Time is @p now (s): what ended before it ends; then @p rows (NULL: none) are fed. @return 0; what
 * out returned; -ENOMEM
 */
NR_MUST_CHECK int nr_run_second(struct nr_run *run, int64_t now, const struct nr_wait_second *rows);
/** N has changed. */
void nr_run_monitored(struct nr_run *run, uint64_t monitored_v4);
/** Emit what stands at the end; not live. */
NR_MUST_CHECK int nr_run_finish(struct nr_run *run, int64_t now);
/** The source record of an open address by look(), to @p source; false when it is not open. */
bool nr_run_look(struct nr_run *run, struct nr_ip ip, struct nr_source *ret_source);
/**
 * Which sensors saw what @p finding is about, in its time. It is remembered until the finding is over.
 * For one with parts: between two calls only. @p ret_seen_by: its list is to be freed. @return 0;
 * -ENOMEM
 */
NR_MUST_CHECK int nr_run_seen_by(struct nr_run *run, const struct nr_finding *finding,
				 struct nr_sightings *ret_seen_by);
uint64_t nr_run_refused(const struct nr_run *run);
NR_MUST_CHECK int nr_run_save(const struct nr_run *run, struct nr_buf *out);
NR_MUST_CHECK int nr_run_load(struct nr_run *run, struct nr_reader *in, uint32_t n_sensors);
