/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file batch_int: the columns of a batch, shared by the encoder and the decoder of record/batch. */
#include <zstd.h>

#include "record/batch.h"

/* The enums here are a wire format: append only. */

enum nr_batch_column {
	NR_COL_TICK_RUN = 1, /* rows of one tick in sequence */
	NR_COL_TICK,
	NR_COL_SHAPE,
	NR_COL_SRC, /* last four bytes of the address */
	NR_COL_DST,
	NR_COL_SPORT,
	NR_COL_DPORT, /* place in NR_COL_PORT, counted from 1; 0: in NR_COL_RARE_PORT */
	NR_COL_FIRST,
	NR_COL_TTL, /* ttl_min */

	NR_COL_KIND, /* of the shapes: enum nr_batch_kind */
	NR_COL_PROTO,
	NR_COL_CLASS,
	NR_COL_PAYLOAD,
	NR_COL_TCP_FLAGS,
	NR_COL_FLAGS,
	NR_COL_SHAPE_WINDOW,
	NR_COL_SHAPE_BYTES,
	NR_COL_SHAPE_MARKS, /* bit i: mark i */
	NR_COL_OPT_HASH,

	NR_COL_PORT,	  /* frequent destination ports */
	NR_COL_RARE_PORT, /* of rows with dport 0 */
	NR_COL_WINDOW,	  /* of rows of NR_KIND_WINDOW */
	NR_COL_PAYLOAD_HASH,

	NR_COL_SRC6, /* three: the first 12 bytes of the address in words of 4 */
	NR_COL_DST6 = NR_COL_SRC6 + 3,
	NR_COL_QUOTED_DST6 = NR_COL_DST6 + 3,
	NR_COL_QUOTED_DST = NR_COL_QUOTED_DST6 + 3,
	NR_COL_QUOTED_DPORT,
	NR_COL_QUOTED_PROTO,

	NR_COL_PACKETS, /* of rows of NR_KIND_MANY */
	NR_COL_BYTES,
	NR_COL_LAST, /* minus first, modulo 2^32 */
	NR_COL_TTL_MAX,
	NR_COL_MARKS, /* a count for each bit of the shape's marks */
	NR_COL_N,
	NR_COL_OPTIONAL = 128, /* a reader skips what it does not know from here on */
};

/* What rows of a shape have beside the columns that all have. */
enum nr_batch_kind {
	NR_KIND_SRC6 = 1,
	NR_KIND_DST6 = 2,
	NR_KIND_QUOTED = 4,
	NR_KIND_QUOTED6 = 8, /* only with QUOTED */
	NR_KIND_MANY =
		16, /* else packets 1, last = first, ttl_max = ttl_min, bytes and marks by the shape */
	NR_KIND_HASHED = 32, /* else payload_hash 0 */
	NR_KIND_WINDOW = 64, /* else the shape's */
	NR_KIND_ALL = 127,
};

/* How many values a column has. */
enum nr_batch_domain {
	NR_DOMAIN_RUNS,
	NR_DOMAIN_ROWS,
	NR_DOMAIN_SHAPES,
	NR_DOMAIN_PORTS,
	NR_DOMAIN_RARE,
	NR_DOMAIN_WINDOW, /* and the following: rows whose shape has the bit */
	NR_DOMAIN_HASHED,
	NR_DOMAIN_SRC6,
	NR_DOMAIN_DST6,
	NR_DOMAIN_QUOTED,
	NR_DOMAIN_QUOTED6,
	NR_DOMAIN_MANY,
	NR_DOMAIN_MARKS,
	NR_DOMAIN_N,
};

struct nr_batch_column_info {
	uint8_t bytes; /* of a value in memory, and planes at most */
	uint8_t domain;
};

extern const struct nr_batch_column_info nr_batch_columns[NR_COL_N];

enum nr_batch_coding { NR_CODING_DELTA = 1, NR_CODING_THOUSANDS = 2, NR_CODING_ALL = 3 };
enum nr_batch_method { NR_METHOD_RAW, NR_METHOD_CONST, NR_METHOD_ZSTD };

enum {
	NR_BATCH_PORTS = 255,
	NR_BATCH_ENTRY = 12, /* bytes of a column in the directory */
	NR_BATCH_PLANE = 4,  /* bytes before a plane */
	NR_BATCH_BLOCK = 64, /* arrays of values are padded to whole blocks */
	NR_BATCH_MARKS_MAX = NR_BATCH_ROWS * NR_MARK_SLOTS,
};

/* Values of every column, each at its natural width. Pages that are not needed are never touched. */
struct nr_batch_columns {
	void *values[NR_COL_N];
	size_t n[NR_COL_N];
	uint8_t coding[NR_COL_N];
	uint8_t *memory, *plane;
	void *scratch; /* as large as a column of 4 bytes; takes turns with those that are recoded */
};

NR_MUST_CHECK int nr_batch_columns_init(struct nr_batch_columns *columns);
void nr_batch_columns_done(struct nr_batch_columns *columns);

static inline uint8_t *nr_col8(const struct nr_batch_columns *c, unsigned col)
{
	return c->values[col];
}
static inline uint16_t *nr_col16(const struct nr_batch_columns *c, unsigned col)
{
	return c->values[col];
}
static inline uint32_t *nr_col32(const struct nr_batch_columns *c, unsigned col)
{
	return c->values[col];
}
static inline uint64_t *nr_col64(const struct nr_batch_columns *c, unsigned col)
{
	return c->values[col];
}

/**
 * Append the planes of a column to @p out. @p values is changed where a coding was asked for.
 * @return number of planes; -ENOMEM; NR_ELIMIT
 */
NR_MUST_CHECK int nr_batch_column_write(struct nr_batch_columns *columns, unsigned col,
					ZSTD_CCtx *zstd, struct nr_buf *out);
/** Read @p n_planes planes, which must fill @p bytes. @return 0; NR_EDAMAGED */
NR_MUST_CHECK int nr_batch_column_read(struct nr_batch_columns *columns, unsigned col,
				       unsigned n_planes, struct nr_bytes bytes, ZSTD_DCtx *zstd);
