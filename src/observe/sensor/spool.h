/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * spool: batches on the sensor's disk until the hub has acknowledged them.
 *
 * Shape     segment files EPOCH-SEQ.nrs (16 hex digits each) of one directory, appended to, each
 *           batch a record with two checksums; file `hole` says what was dropped from the front.
 *           Byte by byte: docs/internals/spool.md
 * Numbers   seq counts from 1 in an epoch, without gaps, and goes on after a restart; every record
 *           says how many observations and packets were spooled before it, so that what lies
 *           between any two records is counted exactly although it is gone.
 * Promise   what nr_spool_sync() returned 0 for survives power loss; what nr_spool_append()
 *           returned 0 for survives the end of the process. Only synced batches are handed out for
 *           sending, so the hub never holds what the spool could lose and number anew.
 * Limit     beyond `limit` bytes the oldest segments go, after the hole they leave is on disk
 * Recovery  an invalid record is a torn tail only if no valid one follows in the newest segment;
 *           then it is cut off. Any other is damage: passed over, counted, told to the hub as a
 *           gap.
 * Errors    a failed sync is final: the spool refuses everything afterwards and is to be opened
 *           anew.
 * Threads   one at a time
 */
#include "base/err.h"
#include "record/message.h"

enum {
	NR_SPOOL_VERSION = 1,
	NR_SPOOL_SYNC_BYTES = 1 << 20,
	NR_SPOOL_LIMIT_MIN = 64 << 10,
};

struct nr_spool_options {
	const char *dir; /* exists */
	uint64_t limit;	 /* bytes of segments, at least NR_SPOOL_LIMIT_MIN */
	int64_t now_s;	 /* the epoch of a new spool */
};

/** One batch on its way into the spool. */
struct nr_spool_entry {
	int64_t made_ns;
	uint64_t packets;
	int64_t first_tick, last_tick;
	uint32_t rows;
	struct nr_bytes payload;
};

enum nr_spool_kind { NR_SPOOL_NOTHING, NR_SPOOL_BATCH, NR_SPOOL_GAP };

/** What is to be sent next. */
struct nr_spool_item {
	enum nr_spool_kind kind;
	struct nr_message_batch batch; /* payload points into the caller's buffer */
	struct nr_message_gap gap;
};

struct nr_spool_stats {
	uint64_t epoch, next_seq; /* of the batch to be made next */
	uint64_t acked_epoch, acked_seq;
	uint64_t bytes, limit, segments;
	uint64_t rows, packets;			/* spooled in this epoch, since its birth */
	uint64_t dropped_batches, dropped_rows; /* for want of room, since open */
	uint64_t damaged_records;		/* passed over, since open */
	uint64_t cut_bytes;			/* torn tail at open */
	uint64_t unsynced;			/* bytes */
	uint64_t waiting;			/* batches not acknowledged */
	/*
	 * batches that found no room, and nothing after them is on the disk: known in memory alone
	 */
	uint64_t unwritten_rows, unwritten_packets;
};

struct nr_spool;

/** @return 0; NR_EVERSION; NR_ELIMIT; -errno; -ENOMEM */
NR_MUST_CHECK int nr_spool_open(const struct nr_spool_options *options, struct nr_spool **ret_spool,
				struct nr_err *reterr);
struct nr_spool *nr_spool_free(struct nr_spool *spool);
static inline void nr_spool_autofree(struct nr_spool **spool)
{
	nr_spool_free(*spool);
}

/**
 * Number @p entry and write it. When the disk is full the oldest segments go too; when there are
 * none the batch itself becomes part of the hole, which is no error. @return 0; -errno: nothing of
 * it is in the spool
 */
NR_MUST_CHECK int nr_spool_append(struct nr_spool *spool, const struct nr_spool_entry *entry,
				  struct nr_err *reterr);
/** @return 0; -errno: final */
NR_MUST_CHECK int nr_spool_sync(struct nr_spool *spool, struct nr_err *reterr);

/**
 * A session begins: the hub holds everything up to (@p epoch, @p seq), whose digest it says; 0, 0:
 * nothing.
 * @return 0; NR_EDAMAGED: the hub's content is not ours; -errno
 */
NR_MUST_CHECK int nr_spool_seek(struct nr_spool *spool, uint64_t epoch, uint64_t seq,
				const struct nr_digest *digest, struct nr_err *reterr);
/**
 * What comes next in this session; NR_SPOOL_NOTHING when all that is synced was handed out or
 * NR_MESSAGE_WINDOW are not acknowledged. @p payload is overwritten. @return 0; -errno
 */
NR_MUST_CHECK int nr_spool_next(struct nr_spool *spool, struct nr_buf *payload,
				struct nr_spool_item *ret_item, struct nr_err *reterr);
/**
 * The hub holds everything up to there. Numbers that were not sent are ignored. @return 0; -errno
 */
NR_MUST_CHECK int nr_spool_ack(struct nr_spool *spool, uint64_t epoch, uint64_t seq,
			       struct nr_err *reterr);
/**
 * Number everything that is not acknowledged anew, in an epoch above @p above: the hub knows other
 * content under our numbers (a disk image was put back, two machines share a spool). @return 0;
 * -errno: nothing changed
 */
NR_MUST_CHECK int nr_spool_renumber(struct nr_spool *spool, uint64_t above, struct nr_err *reterr);
/**
 * The hub says that batch @p seq is not a whole one: from now on it is told as a gap of reason
 * DAMAGED. Known until the spool is closed; then it may be offered, and refused, once more.
 * @return whether it is one that was sent and is not acknowledged; others are ignored
 */
bool nr_spool_refused(struct nr_spool *spool, uint64_t epoch, uint64_t seq);
void nr_spool_stats(const struct nr_spool *spool, struct nr_spool_stats *ret_stats);
