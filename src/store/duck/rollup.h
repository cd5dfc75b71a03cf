/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * rollup: sums per minute and key, kept in memory until they are written to rollup.duckdb.
 *
 * Shape    a sum for each (start, sensor, kind, key): packets, bytes, flows, sketch of the
 *          sources. Sums add up: what is written twice a minute is two rows, and so late data is
 *          nothing special.
 * Limits   nr_rollup_is_full() at 200,000 sums or 48 MiB: write before adding more
 * Cost     64 bytes a sum beside its sketch; an observation adds to six sums and to its source
 * Threads  one
 */
#include "base/err.h"
#include "record/observation.h"

struct nr_duck_con;
struct nr_rollup;

enum nr_rollup_kind {			     /* a disk format: append only */
		      NR_ROLLUP_PORT = 1,    /* proto << 16 | dport */
		      NR_ROLLUP_ECONOMY = 2, /* two letters, 0: unknown */
		      NR_ROLLUP_AS = 3,	     /* number, 0: unknown */
		      NR_ROLLUP_CLASS = 4,   /* enum nr_class */
		      NR_ROLLUP_SENSOR = 5,  /* key 0: all that this sensor saw */
		      NR_ROLLUP_ECONOMY_PORT =
			      6, /* economy << 24 | proto << 16 | dport; starts are hours */
};

/** Where a source is, as the store's columns have it. */
struct nr_rollup_place {
	uint32_t asn;
	uint16_t economy; /* two letters, first in the high byte */
};

NR_MUST_CHECK int nr_rollup_new(struct nr_rollup **ret_rollup);
struct nr_rollup *nr_rollup_free(struct nr_rollup *rollup);
/** @p obs in order of source; places[i] is that of obs[i]. @return 0; -ENOMEM, part of it is in */
NR_MUST_CHECK int nr_rollup_add(struct nr_rollup *rollup, uint32_t sensor,
				const struct nr_observation *const *obs,
				const struct nr_rollup_place *places, size_t n);
bool nr_rollup_is_full(const struct nr_rollup *rollup);
bool nr_rollup_is_empty(const struct nr_rollup *rollup);
size_t nr_rollup_memory(const struct nr_rollup *rollup);
/**
 * Append the sums to rollup.recent; those before @p hours_end, which is rolled up already, to
 * rollup.minute and rollup.hour, and those
 * before @p days_end to rollup.day too. Inside the caller's transaction; nr_rollup_clear() after
 * it is committed.
 */
NR_MUST_CHECK int nr_rollup_write(struct nr_rollup *rollup, struct nr_duck_con *con,
				  uint32_t hours_end, uint32_t days_end, struct nr_err *reterr);
void nr_rollup_clear(struct nr_rollup *rollup);
