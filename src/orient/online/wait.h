/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * wait: observations that wait until their second is closed, by second and shard.
 *
 * Out      the rows of a second and shard in order of (first packet, sensor, arrival): how packets
 *          of one telescope would have come; a copy of a quoted observation waits in its victim's
 *          shard (NR_OBS_MIRROR)
 * Cost     115 bytes a row and copy; sorting is a merge of what came sorted, so one sensor costs
 *          nothing
 * Memory   what is not used any more is kept for the next second, up to NR_WAIT_SPARE chunks
 * Threads  one at a time; nr_wait_sort() of different shards may run side by side
 */
#include "base/crypt.h"
#include "base/cursor.h"
#include "record/observation.h"
#include "record/shard.h"

enum { NR_WAIT_CHUNK = 32, NR_WAIT_SECONDS = 1024, NR_WAIT_SPARE = 16384 };

struct nr_wait_chunk {
	struct nr_wait_chunk *next;
	uint32_t n;
	uint32_t sensor[NR_WAIT_CHUNK];
	struct nr_observation rows[NR_WAIT_CHUNK];
};

struct nr_wait_second {
	int64_t tick;
	uint32_t n; /* rows without copies */
	struct {
		struct nr_wait_chunk *first, *last;
		uint32_t n;
	} shards[NR_SHARDS];
};

struct nr_wait {
	struct nr_wait_second *seconds[NR_WAIT_SECONDS]; /* by tick */
	uint32_t n_seconds;
	uint32_t n; /* rows without copies */
	struct nr_wait_chunk *spare;
	uint32_t n_spare;
};

void nr_wait_done(struct nr_wait *wait);
/**
 * To the second of its tick, which is made when there is room. @return 0; -ENOMEM; NR_ELIMIT no
 * room for another second
 */
NR_MUST_CHECK int nr_wait_add(struct nr_wait *wait, const struct nr_observation *row,
			      uint32_t sensor);
/** To a second that is not in order with the others. */
NR_MUST_CHECK int nr_wait_add_to(struct nr_wait *wait, struct nr_wait_second *second,
				 const struct nr_observation *row, uint32_t sensor);
/** Take out the oldest second; NULL: none. Give it back with nr_wait_give(). */
struct nr_wait_second *nr_wait_take(struct nr_wait *wait);
/** Empty @p second; it is freed. NULL is accepted. */
void nr_wait_give(struct nr_wait *wait, struct nr_wait_second *second);
/** Empty @p second, which stays the caller's. */
void nr_wait_empty(struct nr_wait *wait, struct nr_wait_second *second);

struct nr_wait_key {
	int64_t at; /* ns of the first packet */
	const struct nr_observation *row;
	const struct nr_uuid *sensor;
};
/** Scratch of a worker; zero-initialised. */
struct nr_wait_sorter {
	struct nr_wait_key *keys, *other;
	uint32_t *runs;
	size_t room;
};
void nr_wait_sorter_done(struct nr_wait_sorter *sorter);
/**
 * The rows of one shard in order, in memory of @p sorter.
 * @param sensor  gives the UUID of a sensor's number
 * @return 0; -ENOMEM
 */
NR_MUST_CHECK int nr_wait_sort(const struct nr_wait_second *second, unsigned shard,
			       const struct nr_uuid *(*sensor)(const void *ctx, uint32_t number),
			       const void *ctx, struct nr_wait_sorter *sorter,
			       const struct nr_wait_key **ret_keys);

void nr_wait_save(const struct nr_wait *wait, struct nr_buf *out);
/**
 * Into an empty one; rows of sensors from @p n_sensors on are damage. @return 0; NR_EDAMAGED;
 * -ENOMEM
 */
NR_MUST_CHECK int nr_wait_load(struct nr_wait *wait, struct nr_reader *in, uint32_t n_sensors);
/** A row that detectors may be given: ranges of what is used as an index, a time, a count. */
bool nr_wait_row_ok(const struct nr_observation *row);
