/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * capture: where packets come from. Files (pcap, pcapng, also gzip or zstd compressed), standard
 * input, directories of rotated files, or an interface; delivered in blocks.
 *
 * In      paths or an interface name
 * Out     blocks of frames whose bytes stay valid until the block is given back
 * Shape   a block owns its memory (about 1 MiB read at once, frames point into it, a frame never
 *         spans two blocks). Blocks depend on the file alone, never on timing, for files;
 *         those of a pipe also end when it has no more for a moment.
 * Threads one thread calls nr_capture_next() at a time; blocks may be handed to other threads.
 * Units   ts: nanoseconds since 1970; wirelen: bytes on the wire
 * Limits  NR_CAPTURE_SNAP_MAX bytes a frame; 1,024 interfaces a pcapng section; directory:
 *         NR_CAPTURE_FILES_MAX files. All that is refused is counted in struct nr_capture_stats.
 * Source  draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, packet(7)
 */
#include "base/err.h"
#include "base/option.h"
#include "base/time.h"

enum {
	NR_CAPTURE_BLOCK_FRAMES = 2048,
	NR_CAPTURE_BLOCK_BYTES = 1 << 20,
	NR_CAPTURE_SNAP_MAX = 262144 * 4,
	NR_CAPTURE_FILES_MAX = 100000,
};

enum nr_frame_flag {
	NR_FRAME_TIME_ODD =
		1, /* claimed time out of its own bounds (microseconds >= 10^6), or none */
};

struct nr_frame {
	int64_t ts;
	const uint8_t *data;
	uint32_t caplen, wirelen;
	uint16_t link;	/* LINKTYPE_ number of tcpdump.org */
	uint16_t flags; /* enum nr_frame_flag */
};

struct nr_block {
	struct nr_frame frames[NR_CAPTURE_BLOCK_FRAMES];
	size_t n;
	uint8_t *mem; /* owned by the capture layer */
	size_t mem_cap;
};

struct nr_capture_stats {
	uint64_t frames, bytes_captured, bytes_wire;
	uint64_t bytes_read;  /* of the compressed file, for progress */
	uint64_t bytes_total; /* sum of file sizes; 0: unknown (pipe, live) */
	uint64_t files, files_damaged;
	uint64_t files_skipped;	 /* in directories: not a capture by its first bytes */
	uint64_t blocks_skipped; /* pcapng blocks of unknown or unneeded type */
	uint64_t
		records_refused; /* contradict themselves in a sound frame: passed over, then NR_EDAMAGED at the end */
	uint64_t
		frames_oversize; /* longer than the snapshot length of their file says; delivered */
	uint64_t kernel_received, kernel_dropped; /* live only; received includes dropped */
};

struct nr_capture_options {
	const struct nr_str *paths; /* files, directories, or "-"; ignored when interface is set */
	size_t n_paths;
	const char *interface; /* live capture */
	const char *
		filter; /* pcap-filter(7) for live capture in the kernel; files: see capture/filter.h */
	uint16_t
		fanout_group; /* live: 0 = none; sockets of one group share the packets by flow hash */
	bool follow;	      /* directory or file: wait for more at the end */
	uint32_t ring_mib;    /* live: ring size, 0 = 64 */
	bool promiscuous;
};

struct nr_capture;

/** Open what @p opt names; the first file is opened and recognised here, so that wrong names fail early. */
NR_MUST_CHECK int nr_capture_open(const struct nr_capture_options *opt,
				  struct nr_capture **ret_capture, struct nr_err *reterr);
struct nr_capture *nr_capture_free(struct nr_capture *capture);
static inline void nr_capture_autofree(struct nr_capture **c)
{
	nr_capture_free(*c);
}

NR_MUST_CHECK int nr_block_new(struct nr_block **ret_block);
struct nr_block *nr_block_free(struct nr_block *block);

/**
 * Fill @p block.
 * @param wait_ms  live, follow and pipes: how long to wait for the first frame; -1: without limit
 * @return 0 with block->n > 0; 0 with block->n == 0 at the end, or nothing within @p wait_ms (tell them
 * apart by nr_capture_ended()); NR_EDAMAGED with the frames before the damage still in the block and
 * reterr naming file and byte offset: the capture then goes on with the next file, if any; other
 * negative codes: cannot read this file, the next is tried (live: ended).
 */
NR_MUST_CHECK int nr_capture_next(struct nr_capture *capture, struct nr_block *block, int wait_ms,
				  struct nr_err *reterr);
/** True when no more will come: end of the last file, or nr_capture_stop() was called. */
bool nr_capture_ended(const struct nr_capture *capture);
/** Async-signal-safe: makes nr_capture_next() return soon and end. */
void nr_capture_stop(struct nr_capture *capture);
void nr_capture_stats(struct nr_capture *capture, struct nr_capture_stats *ret_stats);
