/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * ledger: what was acknowledged of each sensor: (epoch, seq, digest); decides what a batch that arrives is.
 *
 * Pure bookkeeping, one thread at a time (the hub locks it together with append()).
 * Memory   the last NR_LEDGER_RECENT digests of a sensor, 8 bytes each, to tell a repeat from a contradiction; an older
 *          number is a repeat without proof (counted apart).
 *          After a load the last NR_MESSAGE_WINDOW are known (a sensor sends nothing older again); the load wants an
 *          empty ledger.
 * Saved    as the NR_ENTRY_LEDGER that opens each journal segment; entries behind it are replayed after a start.
 */
#include "record/entry.h"

enum { NR_LEDGER_SENSORS = 4096, NR_LEDGER_RECENT = 1024 };

enum nr_ledger_verdict {
	NR_LEDGER_NEXT,	  /* journal it */
	NR_LEDGER_REPEAT, /* have it: acknowledge, count, do nothing */
	NR_LEDGER_OLD,	  /* so old that its content was not compared: acknowledge, count */
	NR_LEDGER_HOLE, /* numbers are missing before it: journal a gap (NR_GAP_UNEXPLAINED), then it */
	NR_LEDGER_CONFLICT, /* same number, other content; or the chain does not fit: quarantine, alarm */
	NR_LEDGER_OLD_EPOCH,
	NR_LEDGER_FUTURE_EPOCH, /* more than a day ahead of the hub's clock */
	NR_LEDGER_FULL,
};

struct nr_ledger_row {
	struct nr_uuid sensor;
	uint64_t epoch, seq;
	struct nr_digest digest;
	uint64_t batches, repeats, old, conflicts, gaps, lost; /* lost: batches named by gaps */
	uint64_t observations_lost;
};

struct nr_ledger;

NR_MUST_CHECK int nr_ledger_new(struct nr_ledger **ret_ledger);
struct nr_ledger *nr_ledger_free(struct nr_ledger *ledger);
/** Judge; changes counters only. */
enum nr_ledger_verdict nr_ledger_judge(struct nr_ledger *ledger, struct nr_uuid sensor,
				       const struct nr_message_batch *batch,
				       const struct nr_digest *digest, int64_t now_ns);
/**
 * The same for a gap that a sensor tells: NEXT, REPEAT (all of it is known), HOLE, OLD_EPOCH, FUTURE_EPOCH or FULL.
 * Of a gap that begins before what is known, the known part is cut off.
 */
enum nr_ledger_verdict nr_ledger_judge_gap(struct nr_ledger *ledger, struct nr_uuid sensor,
					   struct nr_message_gap *gap, int64_t now_ns);
/** A batch that was appended, by one who has its digest already. @return as nr_ledger_apply() */
NR_MUST_CHECK int nr_ledger_apply_batch(struct nr_ledger *ledger, struct nr_uuid sensor,
					const struct nr_message_batch *batch,
					const struct nr_digest *digest);
/** It was appended (or is replayed from the journal). Batches and gaps only; others are ignored, and so
 * are imported batches, which no sensor numbered.
 * @return 0; -EINVAL it does not follow what is known; NR_ELIMIT; -ENOMEM */
NR_MUST_CHECK int nr_ledger_apply(struct nr_ledger *ledger, const struct nr_entry *entry);
/** NULL: unknown. */
const struct nr_ledger_row *nr_ledger_find(const struct nr_ledger *ledger, struct nr_uuid sensor);
size_t nr_ledger_count(const struct nr_ledger *ledger);
const struct nr_ledger_row *nr_ledger_at(const struct nr_ledger *ledger, size_t i);
NR_MUST_CHECK int nr_ledger_save(const struct nr_ledger *ledger, struct nr_buf *out);
NR_MUST_CHECK int nr_ledger_load(struct nr_ledger *ledger, struct nr_bytes text,
				 struct nr_err *reterr);
