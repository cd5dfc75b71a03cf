/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * minutes: flows of one second -> flows of one minute, between the engine and whoever takes its flows.
 *
 * In       observations of one second, as nr_engine_out.flows hands them out
 * Out      one observation a minute and key (what struct nr_observation has as key, its tick the start of
 *          the minute), flagged NR_OBS_MINUTE: packets, bytes and marks summed, first and last the outer ones,
 *          TCP flags and flags OR-ed, TTL the outer ones, the rest as the first second had it
 * Order    by minute of arrival, shard, first packet: the input alone decides it. A minute is over when a
 *          flow of a later one comes, or at nr_minutes_finish().
 * Late     a flow of an older minute than the newest is a row of its own minute, handed out with the newest: a
 *          minute and key may come again, flagged NR_OBS_LATE. Sums over rows are always right.
 * Cost     about 120 bytes a flow of the open minute; one table lookup a flow of a second
 * Limits   max_entries a shard; a shard that is full hands out what it has and begins again (n_parts)
 * Threads  one at a time, as the callbacks of the engine
 */
#include "orient/engine.h"

enum { NR_MINUTES_ENTRIES = 1 << 16 };

struct nr_minutes;

/**
 * @param inner       takes what comes out; sources and findings pass through
 * @param max_entries a shard; 0: NR_MINUTES_ENTRIES
 * @return 0; -ENOMEM; -errno
 */
NR_MUST_CHECK int nr_minutes_new(struct nr_engine_out inner, uint32_t max_entries,
				 struct nr_minutes **ret_minutes);
struct nr_minutes *nr_minutes_free(struct nr_minutes *minutes);
static inline void nr_minutes_autofree(struct nr_minutes **m)
{
	nr_minutes_free(*m);
}
/** What to give the engine; it lives as long as @p minutes. */
struct nr_engine_out nr_minutes_out(struct nr_minutes *minutes);
/** Hand out the open minute, after the engine is done. @return 0; the negative code of inner.flows */
NR_MUST_CHECK int nr_minutes_finish(struct nr_minutes *minutes);
/** How often a shard was full, so that its minute comes in one part more. */
uint64_t nr_minutes_n_parts(const struct nr_minutes *minutes);
