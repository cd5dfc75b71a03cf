/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * capture_int: what the files of this room share: byte streams, formats, one trace being read.
 *
 *   nr_stream   bytes of a file, a pipe or memory, decompressed     (stream.c, inflate.c)
 *   nr_format   bytes -> frames; pure, does no I/O                  (pcap.c, pcapng.c, table.c)
 *   nr_trace    one stream and its format, cut into blocks          (trace.c)
 *   nr_files    which file comes next                               (files.c)
 *   nr_live     an interface                                        (live.c)
 */
#include "observe/capture/capture.h"

enum {
	/* Longest record or pcapng block that is held in memory: the largest frame and its header and options. */
	NR_CAPTURE_RECORD_MAX = NR_CAPTURE_SNAP_MAX + 65536,
	NR_CAPTURE_WHY = 160,
};

/* ---- streams ---- */

struct nr_stream;

/**
 * Open @p path ("-" is standard input). Gzip and zstd are recognised by their first bytes.
 * @param wake_fd  an eventfd that interrupts waiting for a pipe, or -1; borrowed
 * @return 0; -errno
 */
NR_MUST_CHECK int nr_stream_open(const char *path, int wake_fd, struct nr_stream **ret_stream,
				 struct nr_err *reterr);
/** Over borrowed memory; every raw read gives at most @p chunk bytes. For tests. */
NR_MUST_CHECK int nr_stream_of_memory(const void *bytes, size_t n, size_t chunk,
				      struct nr_stream **ret_stream);
struct nr_stream *nr_stream_free(struct nr_stream *stream);
/** With @p on, the end of the file is not an end but a place where more may appear. */
void nr_stream_follow(struct nr_stream *stream, bool on);
/**
 * Read up to @p n bytes. Fewer come only at the end, when a followed file has no more yet, or when
 * a pipe gave no more in time (at most @p wait_ms for the first byte, -1: as long as it takes).
 * @param ret_n  bytes stored, also on failure
 * @return 0; NR_EDAMAGED compressed data broken or cut off; NR_EFORMAT compressed in a way we do not
 *         read; -errno. The message holds no file name.
 */
NR_MUST_CHECK int nr_stream_read(struct nr_stream *stream, uint8_t *dst, size_t n, int wait_ms,
				 size_t *ret_n, struct nr_err *reterr);
/** True once a read has met the real end. */
bool nr_stream_ended(const struct nr_stream *stream);
bool nr_stream_is_pipe(const struct nr_stream *stream);
bool nr_stream_is_compressed(const struct nr_stream *stream);
/** Bytes taken from the file itself so far, before decompression. */
uint64_t nr_stream_raw_bytes(const struct nr_stream *stream);
/** Size of the file now; 0 when it has none (pipe). */
uint64_t nr_stream_size(const struct nr_stream *stream);

/* ---- raw bytes under a stream, and the decompressors over them (inflate.c) ---- */

/** Compressed bytes waiting to be decompressed. @p at_end: no more will come. */
struct nr_raw {
	const uint8_t *p;
	size_t n;
	bool at_end;
};

struct nr_inflate;

/** @p zstd chooses the algorithm; otherwise gzip. */
NR_MUST_CHECK int nr_inflate_new(bool zstd, struct nr_inflate **ret_inflate);
struct nr_inflate *nr_inflate_free(struct nr_inflate *inflate);
/**
 * Decompress from @p raw (advanced) into @p dst. Gives 0 bytes when it wants more input.
 * @return 0; NR_EDAMAGED, with *ret_n bytes before the damage
 */
NR_MUST_CHECK int nr_inflate_run(struct nr_inflate *inflate, struct nr_raw *raw, uint8_t *dst,
				 size_t n, size_t *ret_n, struct nr_err *reterr);
/** True between members: the input may end here. */
bool nr_inflate_may_end(const struct nr_inflate *inflate);

/* ---- formats ---- */

/** What one walk over bytes in memory is given and what it says. */
struct nr_walk {
	const uint8_t *p, *end; /* in: the bytes; out: p is the first byte that was not consumed */
	struct nr_block *block; /* frames are appended; they point between the old p and end */
	size_t need;		/* out: bytes from p without which the walk cannot go on; 0: none */
	uint64_t skip; /* out: bytes from p to pass over unseen (p == end then or is short of it) */
	uint64_t refused_at;	  /* out: offset from the first byte of the first refused record */
	uint64_t n_refused;	  /* out: records refused whose frame around them was sound */
	uint64_t n_skipped;	  /* out: blocks of unknown or unneeded type */
	uint64_t n_oversize;	  /* out: frames longer than their interface's snapshot length */
	char why[NR_CAPTURE_WHY]; /* out: damage, or the first refusal */
};

/**
 * A capture file format. Functions do no I/O and keep no pointers into the walked bytes.
 */
struct nr_format {
	const char *name;
	/** Whether a file that starts with these four bytes is of this format. */
	bool (*is)(const uint8_t head[4]);
	/** State of one file, at its first byte. @return 0; -ENOMEM */
	int (*open)(void **ret_self);
	/**
	 * Turn bytes into frames until the bytes or the places in the block run out. Must consume
	 * something, fill the block, or set need to more than it was given.
	 * @return 0; NR_EDAMAGED or NR_EVERSION with p at the bad record and why set
	 */
	int (*walk)(void *self, struct nr_walk *walk);
	/** Accepts NULL. */
	void (*close)(void *self);
};

extern const struct nr_format *const nr_formats[]; /* NULL-terminated */
extern const struct nr_format nr_format_pcap, nr_format_pcapng;

/* ---- one trace ---- */

struct nr_trace;

/** Takes @p stream, also on failure. @p name is copied, for messages. */
NR_MUST_CHECK int nr_trace_new(struct nr_stream *stream, const char *name,
			       struct nr_trace **ret_trace);
struct nr_trace *nr_trace_free(struct nr_trace *trace);
/**
 * As nr_capture_next(), for this one trace. Adds to @p stats.
 * @return 0; NR_EDAMAGED, NR_EFORMAT, NR_EVERSION, -errno: after any of these the trace has ended
 */
NR_MUST_CHECK int nr_trace_next(struct nr_trace *trace, struct nr_block *block, int wait_ms,
				struct nr_capture_stats *stats, struct nr_err *reterr);
bool nr_trace_ended(const struct nr_trace *trace);
struct nr_stream *nr_trace_stream(struct nr_trace *trace);
/** For tests: upper bound of what is read at once; blocks differ, frames do not. */
void nr_trace_limit(struct nr_trace *trace, size_t max_bytes);

/**
 * Recognise the format from the first bytes, unless the stream is a pipe (that would wait).
 * @return 0, also when the file is damaged: nr_trace_next() will say so; NR_EFORMAT
 */
NR_MUST_CHECK int nr_trace_recognise(struct nr_trace *trace, struct nr_err *reterr);

/** Make block->mem hold @p n bytes; its content is lost. Only while no frame points into it. */
NR_MUST_CHECK int nr_block_grow(struct nr_block *block, size_t n);
