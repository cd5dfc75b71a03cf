/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * batch: up to 65,536 observations in columns, compressed: how observations travel and rest.
 *
 * In, out  struct nr_observation, in any order; decoding gives the same ones in the same order. Memory only: who
 *          calls does the input and output. A file is NR_BATCH_MAGIC, then batches, then nothing.
 * Shape    what many rows share (protocol, class, flags, options, size, marks) is one row of a small table of
 *          shapes; what differs is a column of integers, cut into planes of bytes, each compressed alone.
 *          Byte by byte: docs/internals/batch.md
 * Cost     docs/internals/batch.md; an encoder holds 2 MB, 12 MB when every column is full, a decoder 2 to 17 MB
 * Threads  one at a time for each encoder and each decoder
 * Limits   a decoder trusts no byte: lengths are checked before work is done, what is taken apart has a size that
 *          the number of rows bounds, all indexes are checked before the first row is handed out
 * Order    the output depends on the observations and on libzstd's version, not on when they were added
 */
#include "base/buf.h"
#include "record/observation.h"

#define NR_BATCH_MAGIC "NOROSHI FLOWS\r\n\x1a"
enum {
	NR_BATCH_MAGIC_SIZE = 16,
	NR_BATCH_VERSION = 1,
	NR_BATCH_ROWS = 65536,
	NR_BATCH_HEADER = 48,	      /* bytes before the body */
	NR_BATCH_SIZE_MAX = 16 << 20, /* header and body */
	NR_BATCH_COUNTERS = 64,
	NR_BATCH_COUNTER_NAME = 32, /* with its NUL */
};

/** Any running count that shall travel, by name: received, classified, dropped.CAUSE. */
struct nr_batch_counter {
	char name[NR_BATCH_COUNTER_NAME]; /* a-z, 0-9, '_', '.'; not empty */
	uint64_t value;
};

struct nr_batch_info {
	size_t size;		       /* of the whole batch in bytes */
	uint32_t n_rows;	       /* 1 .. NR_BATCH_ROWS */
	int64_t first_tick, last_tick; /* smallest and largest */
	uint64_t monitored_v4;	       /* addresses monitored; 0: not stated */
	size_t n_counters;
};

/* ---- encode ---- */

struct nr_batch_encoder;

NR_MUST_CHECK int nr_batch_encoder_new(struct nr_batch_encoder **ret_encoder);
struct nr_batch_encoder *nr_batch_encoder_free(struct nr_batch_encoder *encoder);
static inline void nr_batch_encoder_autofree(struct nr_batch_encoder **e)
{
	nr_batch_encoder_free(*e);
}
/** Take observations until NR_BATCH_ROWS are in. @return how many were taken: 0 when full */
size_t nr_batch_encoder_add(struct nr_batch_encoder *encoder, const struct nr_observation *obs,
			    size_t n);
uint32_t nr_batch_encoder_rows(const struct nr_batch_encoder *encoder);
/** For the batch at work: addresses monitored (0: not stated) and counters, which are copied. @return 0; -EINVAL */
NR_MUST_CHECK int nr_batch_encoder_state(struct nr_batch_encoder *encoder, uint64_t monitored_v4,
					 const struct nr_batch_counter *counters, size_t n);
/** Append one batch to @p out and begin the next; nothing when there are no rows. @return 0; -ENOMEM; NR_ELIMIT */
NR_MUST_CHECK int nr_batch_encoder_finish(struct nr_batch_encoder *encoder, struct nr_buf *out);

/* ---- decode ---- */

/**
 * What the first NR_BATCH_HEADER bytes of @p bytes say; they are not verified beyond their own limits.
 * @return 0; NR_EDAMAGED too short or out of limits; NR_EFORMAT no batch; NR_EVERSION
 */
NR_MUST_CHECK int nr_batch_peek(struct nr_bytes bytes, struct nr_batch_info *ret_info,
				struct nr_err *reterr);

/** The same, and that all of it is there and has its check sum; what is inside is not taken apart. @return as above */
NR_MUST_CHECK int nr_batch_verify(struct nr_bytes bytes, struct nr_batch_info *ret_info,
				  struct nr_err *reterr);

struct nr_batch_decoder;

NR_MUST_CHECK int nr_batch_decoder_new(struct nr_batch_decoder **ret_decoder);
struct nr_batch_decoder *nr_batch_decoder_free(struct nr_batch_decoder *decoder);
static inline void nr_batch_decoder_autofree(struct nr_batch_decoder **d)
{
	nr_batch_decoder_free(*d);
}
/**
 * Check all of the batch that @p bytes begins with; nr_batch_decoder_next() then hands out its rows. @p bytes is not
 * needed afterwards. @return 0; NR_EDAMAGED; NR_EFORMAT; NR_EVERSION; after an error there are no rows
 */
NR_MUST_CHECK int nr_batch_decoder_open(struct nr_batch_decoder *decoder, struct nr_bytes bytes,
					struct nr_batch_info *ret_info, struct nr_err *reterr);
/** The next rows in order, at most @p max. @return how many; 0 at the end */
size_t nr_batch_decoder_next(struct nr_batch_decoder *decoder, struct nr_observation *obs,
			     size_t max);
/** Counters of the open batch, nr_batch_info.n_counters of them; they live until the next open. */
const struct nr_batch_counter *nr_batch_decoder_counters(const struct nr_batch_decoder *decoder);
