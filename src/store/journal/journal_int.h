/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * journal_int: the disk format of the journal, and the walk over one segment that reader,
 * recovery, verification and retention share. Byte by byte: docs/internals/journal.md
 *
 * A commit is what one write brought to the disk before one fdatasync. Each record says at which
 * place its commit began: so a hole in a commit that was never acknowledged (its sectors may have
 * arrived in any order) is told from a hole in data that was, because a later commit is written
 * only after the earlier one was on the disk.
 */
#include <limits.h>

#include "base/io.h"
#include "store/journal.h"

#define NR_SEGMENT_MAGIC "NRJOURNL"
#define NR_SEGMENT_SIGNED \
	"noroshi journal segment 1\n" /* what a signature is of: this, then the body before it */

enum {
	NR_SEGMENT_VERSION = 1,
	NR_SEGMENT_HEAD =
		128, /* bytes; in one sector, so that it is rewritten whole or not at all */
	NR_RECORD_HEAD = 80,
	NR_RECORD_CLOSE =
		255, /* type of the record that ends a segment; no entry, no place of its own */
	NR_CLOSE_BODY = 176,
	NR_CLOSE_SIGNED = 112, /* bytes of the body that the signature covers */
	NR_SEGMENT_NAME = 20 + sizeof(".nrj.tmp"),
};

enum nr_segment_kind {
	NR_SEGMENT_WHOLE = 0,
	NR_SEGMENT_STUB = 1 /* only its signed head is left */
};

struct nr_segment_head {
	uint64_t first_at;
	uint64_t
		salt; /* random: what a record must look like cannot be guessed by who writes payloads */
	int64_t made_ns;
	uint64_t erased_to;	/* payloads of places up to this are gone */
	uint8_t kind;		/* enum nr_segment_kind */
	struct nr_digest chain; /* of all before */
};

struct nr_record {
	uint64_t at, commit_at;
	int64_t arrived_ns;
	uint32_t length, crc; /* of the body */
	uint8_t type;
	uint32_t link; /* of the chain before it: a record left over from elsewhere does not fit */
	struct nr_digest digest;
};

struct nr_close {
	uint64_t first_at, last_at, records, bytes;
	int64_t first_ns, last_ns;
	struct nr_digest chain;
	uint8_t public_key[NR_PUBLIC_KEY_SIZE]; /* zero: not signed */
	uint8_t signature[NR_SIGNATURE_SIZE];
};

static inline uint64_t nr_record_size(uint64_t length)
{
	return NR_RECORD_HEAD + ((length + 7) & ~UINT64_C(7));
}

/* ---- journal_format.c ---- */
void nr_segment_head_put(const struct nr_segment_head *head, uint8_t out[NR_SEGMENT_HEAD]);
/** @return 0; NR_EFORMAT; NR_EVERSION; NR_EDAMAGED; the message has no file name yet */
NR_MUST_CHECK int nr_segment_head_get(struct nr_bytes bytes, struct nr_segment_head *ret_head,
				      struct nr_err *reterr);
void nr_record_put(const struct nr_record *record, uint64_t salt, uint8_t out[NR_RECORD_HEAD]);
/** The head only. @return whether it is one of this segment, unharmed */
NR_MUST_CHECK bool nr_record_get(const uint8_t bytes[NR_RECORD_HEAD], uint64_t salt,
				 struct nr_record *ret_record);
struct nr_digest nr_record_chain(const struct nr_digest *chain, const uint8_t head[NR_RECORD_HEAD]);
void nr_close_put(const struct nr_close *close, const struct nr_sign_key *key,
		  uint8_t out[NR_CLOSE_BODY]);
NR_MUST_CHECK bool nr_close_get(struct nr_bytes body, struct nr_close *ret_close);

static inline uint32_t nr_record_link(const struct nr_digest *chain)
{
	uint32_t link;

	memcpy(&link, chain->b, sizeof(link));
	return link;
}

/* ---- journal_dir.c ---- */
struct nr_segments { /* first places of the segments of a directory, ascending */
	uint64_t *at;
	size_t n, cap;
};
NR_MUST_CHECK int nr_segments_list(const char *dir, struct nr_segments *ret_segments,
				   struct nr_err *reterr);
void nr_segments_done(struct nr_segments *segments);
/** "DIR/00000000000000000001.nrj" and @p suffix. @return 0; -ENAMETOOLONG */
NR_MUST_CHECK int nr_segment_path(const char *dir, uint64_t at, const char *suffix,
				  char out[PATH_MAX]);
/** A copy that the caller frees; NULL: no memory. */
char *nr_segment_dir(const char *dir);
/** Message with path and offset: "PATH: byte N: WORDS" */
int nr_segment_fail(struct nr_err *reterr, int code, const char *path, uint64_t off,
		    const char *words);

/* ---- journal_scan.c: a walk over one segment ---- */
struct nr_scan {
	int fd; /* -1: none */
	char path[PATH_MAX];
	struct nr_segment_head head;
	uint64_t off, size; /* next record; size of the file when it was opened */
	uint64_t next_at;
	uint64_t commit_at, commit_off; /* where the commit of the last record begins */
	uint64_t records, erased;
	int64_t first_ns, last_ns;
	struct nr_digest chain;
	struct nr_close close; /* after NR_SCAN_CLOSED */
	const char *why;       /* after NR_SCAN_BAD */
	uint8_t *window;
	size_t window_n, window_cap;
	uint64_t window_off;
};

enum nr_scan_step {
	NR_SCAN_END,	/* at the limit, exactly */
	NR_SCAN_RECORD, /* a record */
	NR_SCAN_CLOSED, /* the record that closes the segment */
	NR_SCAN_BAD,	/* no valid record at `off`: `why` */
};

struct nr_scan_record {
	struct nr_record head;
	struct nr_bytes body; /* lives until the next step; empty when erased or skipped */
	uint64_t off;
	bool erased;
	uint8_t raw[NR_RECORD_HEAD];
};

void nr_scan_init(struct nr_scan *scan);
void nr_scan_done(struct nr_scan *scan);
/** Go to the segment that begins with place @p at; memory is kept. @return 0; -ENOENT; -errno; as
 * nr_segment_head_get() */
NR_MUST_CHECK int nr_scan_open(struct nr_scan *scan, const char *dir, uint64_t at,
			       struct nr_err *reterr);
/** @param limit no byte from there on is looked at
 * @param skip  bodies of places below are not read
 * @return enum nr_scan_step; -errno */
NR_MUST_CHECK int nr_scan_next(struct nr_scan *scan, uint64_t limit, uint64_t skip,
			       struct nr_scan_record *ret_record, struct nr_err *reterr);
/**
 * Forget what was read ahead and look at the file as it is now: beside a journal at work, bytes may
 * have come since. @return 0; -errno
 */
NR_MUST_CHECK int nr_scan_refresh(struct nr_scan *scan, struct nr_err *reterr);
/**
 * After NR_SCAN_BAD in the last segment: is it a tail that was never acknowledged?
 * @param ret_torn bytes from there that are not zero, as far as the last of them
 * @return 0; NR_EDAMAGED: what follows proves that it was
 */
NR_MUST_CHECK int nr_scan_judge_tail(struct nr_scan *scan, uint64_t *ret_torn,
				     struct nr_err *reterr);

/* ---- journal.c ---- */
struct nr_journal_place {
	uint64_t at;	  /* all up to this is durable */
	uint64_t segment; /* of the segment at work */
	uint64_t end;	  /* bytes of it that are durable */
};
struct nr_journal_place nr_journal_place(const struct nr_journal *journal);
