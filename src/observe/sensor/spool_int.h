/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * spool_int: what the files of the spool share.
 *
 *   heads     bytes <-> struct, pure                             (spool_head.c)
 *   scan      the records of one segment, damage passed over     (spool_scan.c)
 *   hole      what was dropped from the front, on disk           (spool_hole.c)
 *   directory epoch, list of segments                            (spool_dir.c)
 *   open      read what an earlier process left                  (spool_open.c)
 *   log       append, make room, acknowledge                     (spool.c)
 *   send      what goes to the hub next                          (spool_send.c)
 *
 * Invariants
 *  1  A directory holds one epoch, named by the file `epoch`; segments of others are leftovers and
 *     are deleted.
 *  2  list is in order of first numbers and never empty; fd appends to the last one. Records of a
 *     segment have rising numbers from its own first to the next segment's first - 1; a number left
 *     out is a batch that found no room.
 *  3  Cumulative counts never decrease.
 *  4  The hole's marks hold the counts at every number in it that the hub may hold without our
 *     knowing: what was sent in this session or the one before (window), and before the first
 *     session of a process what an earlier one may have sent: a few windows of batches behind the
 *     last acknowledgement or the end of the hole.
 *  5  Nothing behind synced_seq is handed out.
 */
#include "observe/sensor/spool.h"

enum {
	NR_SPOOL_FILE_HEAD = 120,
	NR_SPOOL_HEAD = 120,
	NR_SPOOL_NAME = 48,
	NR_SPOOL_MARKS = 512,
	NR_SPOOL_SEGMENTS = 1 << 17,
	NR_SPOOL_PATH = 4096,
};
enum nr_spool_record { NR_SPOOL_RECORD_BATCH = 1, NR_SPOOL_RECORD_ACKED = 2 };

/** Counts behind the batch with this number. */
struct nr_spool_mark {
	uint64_t epoch, seq, rows, packets;
};

struct nr_spool_file_head {
	uint64_t epoch, first, rows, packets; /* counts before the first record */
	struct nr_digest previous;
	struct nr_spool_mark acked; /* known when the segment was begun */
};

struct nr_spool_head {
	uint8_t kind; /* enum nr_spool_record; ACKED: seq, rows, packets are those of the mark */
	uint32_t length, payload_crc, rows;
	uint64_t epoch, seq, packets;
	uint64_t rows_before, packets_before;
	int64_t made_ns, first_tick, last_tick;
	struct nr_digest previous;
};

void nr_spool_file_head_write(const struct nr_spool_file_head *head, struct nr_buf *out);
/** @return 0; NR_EDAMAGED; NR_EVERSION */
NR_MUST_CHECK int nr_spool_file_head_read(const uint8_t bytes[NR_SPOOL_FILE_HEAD],
					  struct nr_spool_file_head *ret_head);
void nr_spool_head_write(const struct nr_spool_head *head, struct nr_buf *out);
/** @return whether the bytes are a sound head */
bool nr_spool_head_read(const uint8_t bytes[NR_SPOOL_HEAD], struct nr_spool_head *ret_head);
static inline uint64_t nr_spool_record_size(uint32_t length)
{
	return NR_SPOOL_HEAD + (((uint64_t)length + 7) & ~UINT64_C(7));
}
void nr_spool_name(uint64_t epoch, uint64_t first, char out[NR_SPOOL_NAME]);
/** Sixteen lower-case hex digits, fewer are not looked behind. */
NR_MUST_CHECK bool nr_spool_hex16(const char *p, uint64_t *ret_value);
NR_MUST_CHECK bool nr_spool_name_read(const char *name, uint64_t *ret_epoch, uint64_t *ret_first);

/* ---- scan ---- */

struct nr_spool_scan {
	int fd;		    /* borrowed */
	bool verify;	    /* payloads too */
	uint64_t at, size;  /* at: where the next record is looked for */
	uint64_t end;	    /* behind the last sound record */
	uint64_t n_damaged; /* places where no sound record stood, and sound ones follow */
};

void nr_spool_scan_begin(struct nr_spool_scan *scan, int fd, uint64_t at, uint64_t size,
			 bool verify);
/** The next sound record. @return 1; 0 at the end; -errno */
NR_MUST_CHECK int nr_spool_scan_next(struct nr_spool_scan *scan, struct nr_spool_head *ret_head,
				     uint64_t *ret_at);
/** Exactly @p n bytes at @p at. @return 0; -EIO when the file is shorter; -errno */
NR_MUST_CHECK int nr_spool_read_at(int fd, uint64_t at, void *buf, size_t n);

/* ---- hole ---- */

struct nr_spool_hole { /* any: everything in [from, to] of the epoch is gone */
	bool any;
	uint64_t epoch, from, to;
	uint64_t rows, packets; /* counts behind `to` */
	struct nr_digest last;
	int64_t first_tick, last_tick;
	size_t n_marks;
	struct nr_spool_mark marks[NR_SPOOL_MARKS];
};

/**
 * Missing or damaged: an empty one (counts are found without it, only the times are not). @return
 * 0; -errno
 */
NR_MUST_CHECK int nr_spool_hole_load(const char *dir, uint64_t epoch,
				     struct nr_spool_hole *ret_hole);
NR_MUST_CHECK int nr_spool_hole_save(const char *dir, const struct nr_spool_hole *hole,
				     struct nr_err *reterr);
void nr_spool_hole_remove(const char *dir, uint64_t epoch);
void nr_spool_hole_mark(struct nr_spool_hole *hole, struct nr_spool_mark mark);

/* ---- the directory (spool_dir.c) ---- */

struct nr_spool_segment {
	uint64_t name; /* in the file name; first may be higher when the file's head is damaged */
	uint64_t first, rows, packets, bytes; /* counts before `first` */
	struct nr_digest previous;
	struct nr_spool_mark acked;
};
struct nr_spool_list {
	struct nr_spool_segment *items;
	size_t n, cap;
};

/**
 * Which epoch the directory holds: by its file, else the lowest of the segments. @return 0;
 * -ENOENT; -errno
 */
NR_MUST_CHECK int nr_spool_epoch_load(const char *dir, uint64_t *ret_epoch, struct nr_err *reterr);
NR_MUST_CHECK int nr_spool_epoch_save(const char *dir, uint64_t epoch, struct nr_err *reterr);
/**
 * Segments of @p epoch in order, those without one sound record removed unless the last; files of
 * others are deleted.
 */
NR_MUST_CHECK int nr_spool_list_load(const char *dir, uint64_t epoch, struct nr_spool_list *list,
				     struct nr_err *reterr);
NR_MUST_CHECK int nr_spool_list_add(struct nr_spool_list *list, struct nr_spool_segment segment);
void nr_spool_path(const char *dir, uint64_t epoch, uint64_t first, char out[NR_SPOOL_PATH]);
/**
 * Create a segment file with its head, durable with its name. @return descriptor to append to;
 * -errno
 */
NR_MUST_CHECK int nr_spool_file_new(const char *dir, const struct nr_spool_file_head *head);

/* ---- the spool ---- */

struct nr_spool {
	char dir[NR_SPOOL_PATH];
	uint64_t limit, segment_bytes, total;
	struct nr_spool_list list;
	int fd;	    /* of the last segment */
	int failed; /* a sync or truncation did: nothing goes any more */
	uint64_t epoch, next_seq, rows, packets; /* counts behind next_seq - 1 */
	struct nr_digest last;
	uint64_t synced_seq;
	struct nr_spool_mark acked;
	uint64_t unsure_seq; /* before the first session: the hub may hold anything up to there */
	struct nr_spool_hole hole;
	struct nr_spool_stats stats;

	/* sending */
	bool in_session, damaged;  /* damaged: since the last item */
	struct nr_spool_mark sent; /* the last number handed out, and the counts behind it */
	int64_t sent_tick;
	struct nr_spool_head sent_head; /* of the last batch handed out */
	struct nr_spool_mark window[NR_MESSAGE_WINDOW];
	size_t n_window;
	uint64_t refused[NR_MESSAGE_WINDOW]; /* numbers the hub found damaged */
	size_t n_refused;
	struct nr_spool_scan scan; /* fd < 0: not reading */
	uint64_t scan_first;	   /* first number of the segment being read */
};

static inline struct nr_spool_segment *nr_spool_active(struct nr_spool *spool)
{
	return &spool->list.items[spool->list.n - 1];
}
/** Last number in segment @p i; first - 1 when it holds none. */
uint64_t nr_spool_segment_last(const struct nr_spool *spool, size_t i);
void nr_spool_read_close(struct nr_spool *spool);
/** Delete what is acknowledged. */
NR_MUST_CHECK int nr_spool_forget(struct nr_spool *spool, struct nr_err *reterr);
/**
 * Remember durably that the hub holds everything up to spool->acked; a failure costs only exactness
 * later.
 */
void nr_spool_acked_write(struct nr_spool *spool);
int nr_spool_fail(struct nr_err *reterr, int code, const char *dir, const char *what);
