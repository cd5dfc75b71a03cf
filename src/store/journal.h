/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * journal: the only truth of a hub: entries (record/entry.h) in append-only segments. Written
 * means fsynced.
 *
 * Files    DIR/00000000000000000001.nrj: named by the first `at` it holds. Byte by byte:
 *          docs/internals/journal.md
 * Record   length, type, at, arrival, digest of the payload, CRC32C of all; chained: chain' =
 *          digest(chain || head with digest), so that a payload can be erased and the proof
 *          stands. A segment opens with the chain so far and an NR_ENTRY_LEDGER, and is closed
 *          with the chain's head signed (Ed25519).
 * Writing  append() copies into memory and gives the place; commit() writes, fdatasyncs and only
 *          then moves `durable`. A failed write, fsync or rename is final: every later call
 *          returns that error; nothing more is acknowledged; restart.
 * Segment  preallocated, file and directory fsynced before the first commit into it; closed at
 *          segment_bytes.
 * Opening  only the last segment is read whole: start is bounded. An invalid record is a torn tail
 *          only if no valid record with a higher place follows in it or in a later segment; else
 *          NR_EDAMAGED with file and offset; never cut in the middle.
 * Disk     a reserve file of reserve_bytes is given up when the disk is full, so that the last
 *          commit and deletions work; commit() then returns -ENOSPC before it wrote anything (not
 *          final): refuse new data, try again later.
 * Threads  append() any thread; commit() and the rest one thread; nr_journal_durable() any.
 *          Readers are independent.
 * Errors   -ENOSPC not final, nor -EMFILE and -ENFILE: what was appended waits for the next
 *          commit(); others of commit() final (nr_journal_error()). -EWOULDBLOCK from append():
 *          NR_JOURNAL_PENDING bytes wait already. Open: -EBUSY another process has it; NR_EVERSION
 *          newer; NR_EFORMAT not a journal.
 */
#include "base/crypt.h"
#include "record/entry.h"

enum {
	NR_JOURNAL_PENDING = 64 << 20,
	NR_JOURNAL_RETAIN = 32, /* segments erased by one call */
};

struct nr_journal;

struct nr_journal_options {
	const char *dir;	       /* created when absent */
	uint64_t segment_bytes;	       /* 0: 64 MiB; at least 4 KiB */
	uint64_t reserve_bytes;	       /* 0: none */
	const struct nr_sign_key *key; /* NULL: heads are not signed */
	/** Append the text of an NR_ENTRY_LEDGER to @p out: called by append() when a segment begins, in order with the
	 * entries; it must not call the journal. NULL: an empty one. */
	int (*ledger)(void *ctx, struct nr_buf *out);
	void *ledger_ctx;
	/** Arrival stamps; never go back: an earlier clock is held at the last stamp. NULL: the system's clock. */
	int64_t (*now_ns)(void *ctx);
	void *now_ctx;
};

struct nr_journal_recovery {
	uint64_t first_at, last_at; /* 0, 0: empty */
	uint64_t segments, bytes;
	uint64_t torn_bytes; /* cut from the tail: was never acknowledged */
	/** Of the NR_ENTRY_LEDGER that opens the last segment: read from here to know what was
	 * acknowledged. */
	uint64_t ledger_at;
};

NR_MUST_CHECK int nr_journal_open(const struct nr_journal_options *options,
				  struct nr_journal **ret_journal,
				  struct nr_journal_recovery *ret_recovery, struct nr_err *reterr);
/** What was not committed is lost, as it was never acknowledged. */
struct nr_journal *nr_journal_close(struct nr_journal *journal);

/** `at` and `arrived_ns` of @p entry are set. @return 0; -EWOULDBLOCK; NR_ELIMIT; the final error */
NR_MUST_CHECK int nr_journal_append(struct nr_journal *journal, struct nr_entry *entry);
/** Make all that was appended before the call durable. @return 0; -ENOSPC; the final error */
NR_MUST_CHECK int nr_journal_commit(struct nr_journal *journal, struct nr_err *reterr);
/** 0, or the failure that ended this journal: any of commit() but -ENOSPC, -EMFILE, -ENFILE. Any thread. */
int nr_journal_error(const struct nr_journal *journal);
uint64_t nr_journal_durable(const struct nr_journal *journal); /* all up to this place is on disk */
uint64_t nr_journal_waiting(const struct nr_journal *journal); /* bytes appended, not yet durable */
/** Close the segment at work: signed head, next segment. */
NR_MUST_CHECK int nr_journal_roll(struct nr_journal *journal, struct nr_err *reterr);

/* ---- reading ---- */
struct nr_journal_reader;

/**
 * @param from    first place wanted; the segments before it are not touched. Older than the oldest
 *                kept: starts there.
 * @param journal live: reads no further than nr_journal_durable(); NULL: an offline directory, all
 *                that is valid
 */
NR_MUST_CHECK int nr_journal_reader_open(const char *dir, uint64_t from,
					 const struct nr_journal *journal,
					 struct nr_journal_reader **ret_reader,
					 struct nr_err *reterr);
struct nr_journal_reader *nr_journal_reader_close(struct nr_journal_reader *reader);
/** The next entry; its strings live until the next call. @return 1; 0: no more now; NR_EDAMAGED:
 * reterr has file and offset */
NR_MUST_CHECK int nr_journal_reader_next(struct nr_journal_reader *reader,
					 struct nr_entry *ret_entry, struct nr_err *reterr);

/* ---- care ---- */
struct nr_journal_sealed {
	uint64_t first_at, last_at;
	uint64_t size; /* bytes of the file */
};
/**
 * The segments of a directory that are closed, in order, beside a journal at work too: nothing but
 * nr_journal_retain() changes one again. @return how many; what @p each returned when negative;
 * NR_EDAMAGED
 */
NR_MUST_CHECK int64_t nr_journal_sealed(const char *dir,
					int (*each)(void *ctx,
						    const struct nr_journal_sealed *segment),
					void *ctx, struct nr_err *reterr);

struct nr_journal_report {
	uint64_t segments, records, bytes, erased;
	uint64_t signed_heads, bad_heads;
	uint64_t first_at, last_at;
	uint64_t faults, torn_bytes; /* torn: at the end of the last segment, never acknowledged */
	struct nr_digest chain;
};
/**
 * Read everything, check sums, chain and heads; go on behind a fault with the next segment.
 * @param public_key every head must be signed by it; NULL: those that are signed must fit the key
 *                   they name
 * @return 0; NR_EDAMAGED with file and offset of the first fault, and @p ret_report is set too
 */
NR_MUST_CHECK int nr_journal_verify(const char *dir, const uint8_t *public_key,
				    struct nr_journal_report *ret_report, struct nr_err *reterr);
/**
 * Keep at most @p max_bytes (UINT64_MAX: all) and no entry that arrived before @p before_ns
 * (INT64_MIN: all): payloads are erased (punched out), whole segments become their signed heads.
 * Never touches the last segment: roll first if it must go. By the committing thread, which commits
 * nothing meanwhile: at most NR_JOURNAL_RETAIN segments a call; call again, after a commit, while it
 * erases. @return 0; NR_EDAMAGED: stopped at a segment that is not as it should be; others are final
 */
NR_MUST_CHECK int nr_journal_retain(struct nr_journal *journal, uint64_t max_bytes,
				    int64_t before_ns, uint64_t *ret_erased, struct nr_err *reterr);
