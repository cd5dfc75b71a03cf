/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * journal_write: the writing half of the journal, in three parts: entries become bytes in memory
 * (journal_encode.c), bytes come to the disk (journal_write.c), and what a crash left is made
 * whole (journal_recover.c).
 *
 * Shape    pending bytes are cut in parts. A part is one commit into one segment: it may begin
 *          with the head of the segment, and end with the record that closes it.
 */
#include "store/journal/journal_int.h"

struct nr_part {
	size_t off;	  /* in the pending bytes */
	uint64_t segment; /* its first place */
	uint64_t
		first_at; /* first place that may be in it: what its records name as their commit */
	uint64_t last_at; /* all up to this is durable once it is written */
	bool opens, closes;
};

struct nr_pending {
	struct nr_buf bytes;
	struct nr_part *parts;
	size_t n_parts, cap_parts;
	size_t n_done; /* parts that are on the disk */
};

/** Where encoding stands: small, so that a failed append goes back to a copy. */
struct nr_encoder {
	uint64_t next_at;
	int64_t last_ns;
	struct nr_digest chain;
	bool is_open; /* a segment is at work */
	uint64_t segment, salt, size, records;
	int64_t segment_ns; /* arrival of its first record */
};

/** The disk, of which only commit() and what stands beside it knows. */
struct nr_writer {
	const char *dir;
	int dir_fd, lock_fd, fd; /* fd: of the segment at work; -1: none */
	uint64_t segment, end, allocated;
	uint64_t segment_bytes, reserve_bytes;
	bool has_reserve;
};

/* ---- journal_encode.c ---- */
/** Append one entry, closing and opening segments as needed. After a failure both are as before. */
NR_MUST_CHECK int nr_encode_entry(struct nr_encoder *encoder, struct nr_pending *pending,
				  const struct nr_journal_options *options, struct nr_entry *entry);
/** Close the segment at work and open the next. */
NR_MUST_CHECK int nr_encode_roll(struct nr_encoder *encoder, struct nr_pending *pending,
				 const struct nr_journal_options *options);
void nr_pending_done(struct nr_pending *pending);
/** Forget what was written; memory beyond the usual is given back. */
void nr_pending_reset(struct nr_pending *pending);

/* ---- journal_write.c ---- */
/** A failure after which the disk is as before and the same may be tried again. */
static inline bool nr_writer_may_retry(int code)
{
	return code == -ENOSPC || code == -EMFILE || code == -ENFILE;
}
/** Before anything is written: is the reserve there, or can it be had (again)? A start has none until
 * this took all of it, since a crash may have left half of one. @return 0; -ENOSPC */
NR_MUST_CHECK int nr_writer_ready(struct nr_writer *writer);
/** Bring a part to the disk. @return 0: it is durable; nr_writer_may_retry(); else final */
NR_MUST_CHECK int nr_writer_part(struct nr_writer *writer, const struct nr_part *part,
				 struct nr_bytes bytes, struct nr_err *reterr);
void nr_writer_close(struct nr_writer *writer);
/** The lock file says which segment was the newest, so that one that vanished is missed. @return 0; -errno */
NR_MUST_CHECK int nr_writer_note(struct nr_writer *writer, uint64_t newest);

/* ---- journal_recover.c ---- */
/** Lock, look, mend; @p writer and @p encoder then go on from there. */
NR_MUST_CHECK int nr_journal_recover(struct nr_writer *writer, struct nr_encoder *encoder,
				     struct nr_journal_recovery *ret_recovery,
				     struct nr_err *reterr);
/** Head and close of a segment, without what lies between. @p ret_size may be NULL. */
NR_MUST_CHECK int nr_segment_peek(const char *dir, uint64_t at, struct nr_segment_head *ret_head,
				  struct nr_close *ret_close, uint64_t *ret_size,
				  struct nr_err *reterr);
enum { NR_LOCK_NOTE = 24 };
