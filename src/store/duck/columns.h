/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file columns: an observation as columns of a day file (schema/day.sql), there and back
 * without loss. */
#include "store/duck/duck.h"
#include "store/duck/rollup.h"
#include "store/observations.h"

enum nr_column {
	NR_COLUMN_AT,
	NR_COLUMN_ROW,
	NR_COLUMN_SENSOR,
	NR_COLUMN_TICK,
	NR_COLUMN_SRC,
	NR_COLUMN_SRC6,
	NR_COLUMN_DST,
	NR_COLUMN_DST6,
	NR_COLUMN_SPORT,
	NR_COLUMN_DPORT,
	NR_COLUMN_PROTO,
	NR_COLUMN_CLASS,
	NR_COLUMN_PACKETS,
	NR_COLUMN_BYTES,
	/* of the offset from the tick: what a capture in microseconds has is 0 in the next one */
	NR_COLUMN_FIRST_US,
	NR_COLUMN_FIRST_NS,
	NR_COLUMN_LASTS_NS,
	NR_COLUMN_TCP_FLAGS,
	NR_COLUMN_TTL_MIN,
	NR_COLUMN_TTL_SPAN,
	NR_COLUMN_WINDOW,
	NR_COLUMN_OPT_HASH,
	NR_COLUMN_PAYLOAD,
	NR_COLUMN_PAYLOAD_HASH,
	NR_COLUMN_FLAGS,
	NR_COLUMN_QUOTED_DST,
	NR_COLUMN_QUOTED_DST6,
	NR_COLUMN_QUOTED_DPORT,
	NR_COLUMN_QUOTED_PROTO,
	NR_COLUMN_MARKS,
	NR_COLUMN_MARKS_MORE,
	NR_COLUMN_ASN,
	NR_COLUMN_ECONOMY,
	NR_COLUMN_N,
};

extern const uint8_t nr_column_types[NR_COLUMN_N];

/** Put @p row with its place at position @p i of the chunk at work. */
void nr_columns_put(struct nr_duck_append *append, size_t i, const struct nr_store_row *row,
		    const struct nr_rollup_place *place);
/** Row @p i of the chunk at hand; the query's columns are those of the enum without ASN and
 * ECONOMY. */
struct nr_store_row nr_columns_get(const struct nr_duck_query *query, size_t i);

static inline struct nr_duck_u128 nr_columns_wide(struct nr_ip ip)
{
	uint64_t hi, lo;

	memcpy(&hi, ip.b, 8);
	memcpy(&lo, ip.b + 8, 8);
	return (struct nr_duck_u128){ .lo = __builtin_bswap64(lo), .hi = __builtin_bswap64(hi) };
}
