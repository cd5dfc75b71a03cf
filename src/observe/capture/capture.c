/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * capture: one file after the other, or an interface, as one run of blocks.
 *
 * Invariants
 *  1  Exactly one of files and live is set.
 *  2  trace is the file being read; NULL between files.
 *  3  While following, a file is final (its end is an end) as soon as another one waits.
 */
#include "observe/capture/capture.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/io.h"
#include "observe/capture/capture_int.h"
#include "observe/capture/files.h"
#include "observe/capture/live.h"

enum { FOLLOW_POLL_MS = 200 };

struct nr_capture {
	struct nr_files *files;
	struct nr_live *live;
	struct nr_trace *trace;
	struct nr_capture_stats stats;
	int wake_fd;
	bool follow, ended;
	atomic_bool stopped;
};

int nr_block_new(struct nr_block **ret_block)
{
	struct nr_block *block = calloc(1, sizeof(*block));

	if (block == NULL || nr_block_grow(block, NR_CAPTURE_BLOCK_BYTES) < 0) {
		free(block);
		return -ENOMEM;
	}
	*ret_block = block;
	return 0;
}

struct nr_block *nr_block_free(struct nr_block *block)
{
	if (block != NULL)
		free(block->mem);
	free(block);
	return NULL;
}

/** Open the next file, if one waits. @return 0; NR_EFORMAT; -errno: that file is done with */
static int trace_open(struct nr_capture *c, struct nr_err *reterr)
{
	const char *path = nr_files_next(c->files);
	struct nr_stream *stream;
	char shown[256];
	int ret;

	if (path == NULL)
		return 0;
	c->stats.files++;
	nr_str_escape(nr_str_from(path), shown, sizeof(shown));
	ret = nr_stream_open(path, c->wake_fd, &stream, reterr);
	if (ret < 0) {
		nr_err_prefix(reterr, "%s", shown);
		return ret;
	}
	nr_stream_follow(stream, c->follow && !nr_files_waiting(c->files));
	ret = nr_trace_new(stream, path, &c->trace);
	if (ret < 0)
		return nr_fail(reterr, ret, "%s: %s", shown, nr_err_text(ret));
	ret = nr_trace_recognise(c->trace, reterr);
	if (ret < 0)
		c->trace = nr_trace_free(c->trace);
	return ret;
}

static int files_open(struct nr_capture *c, const struct nr_capture_options *opt,
		      struct nr_err *reterr)
{
	int ret = nr_files_new(opt->paths, opt->n_paths, opt->follow, &c->files, reterr);

	if (ret < 0)
		return ret;
	c->follow = opt->follow;
	return trace_open(c, reterr);
}

int nr_capture_open(const struct nr_capture_options *opt, struct nr_capture **ret_capture,
		    struct nr_err *reterr)
{
	nr_auto(nr_capture) c = calloc(1, sizeof(*c));
	int ret;

	if (c == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->wake_fd < 0)
		return nr_fail(reterr, -errno, "eventfd: %s", nr_err_text(-errno));
	ret = opt->interface != NULL ? nr_live_new(opt, c->wake_fd, &c->live, reterr)
				     : files_open(c, opt, reterr);
	if (ret < 0)
		return ret;
	*ret_capture = NR_TAKE(c);
	return 0;
}

struct nr_capture *nr_capture_free(struct nr_capture *c)
{
	if (c == NULL)
		return NULL;
	nr_trace_free(c->trace);
	nr_files_free(c->files);
	nr_live_free(c->live);
	if (c->wake_fd >= 0)
		nr_io_close(c->wake_fd);
	free(c);
	return NULL;
}

/** Read on in the current file, or in the next. @return as nr_capture_next() */
static int files_read(struct nr_capture *c, struct nr_block *block, int wait_ms,
		      struct nr_err *reterr)
{
	int ret = 0;

	while (ret == 0 && block->n == 0 && !nr_capture_ended(c)) {
		if (c->trace == NULL)
			ret = trace_open(c, reterr);
		if (c->trace == NULL)
			break;
		ret = nr_trace_next(c->trace, block, wait_ms, &c->stats, reterr);
		bool idle = ret == 0 && block->n == 0 && !nr_trace_ended(c->trace);
		if (nr_trace_ended(c->trace))
			c->trace = nr_trace_free(c->trace);
		if (idle)
			break;
	}
	if (ret < 0)
		c->stats.files_damaged++;
	c->ended = c->trace == NULL && !nr_files_waiting(c->files) && !nr_files_may_grow(c->files);
	return ret;
}

/** Sleep until it is worth looking at the files again, or nr_capture_stop() is called. */
static void follow_sleep(const struct nr_capture *c, int ms)
{
	struct pollfd fd = { .fd = c->wake_fd, .events = POLLIN };

	(void)poll(&fd, 1, ms); /* interrupted: we look a little earlier */
}

static int files_follow(struct nr_capture *c, struct nr_block *block, int wait_ms,
			struct nr_err *reterr)
{
	while (true) {
		int ret = files_read(c, block, 0, reterr);

		if (ret < 0 || block->n > 0 || nr_capture_ended(c))
			return ret;
		ret = nr_files_refresh(c->files, reterr);
		if (ret < 0) {
			c->ended = true;
			return ret;
		}
		if (nr_files_waiting(c->files)) {
			if (c->trace != NULL)
				nr_stream_follow(nr_trace_stream(c->trace), false);
			continue;
		}
		if (wait_ms == 0)
			return 0;
		int ms = wait_ms < 0 || wait_ms > FOLLOW_POLL_MS ? FOLLOW_POLL_MS : wait_ms;
		follow_sleep(c, ms);
		if (wait_ms > 0)
			wait_ms -= ms;
	}
}

int nr_capture_next(struct nr_capture *c, struct nr_block *block, int wait_ms,
		    struct nr_err *reterr)
{
	int ret;

	block->n = 0;
	if (nr_capture_ended(c))
		return 0;
	if (c->live == NULL)
		return c->follow ? files_follow(c, block, wait_ms, reterr)
				 : files_read(c, block, wait_ms, reterr);
	ret = nr_live_next(c->live, block, wait_ms, &c->stats, reterr);
	if (ret < 0)
		c->ended = true;
	return ret;
}

bool nr_capture_ended(const struct nr_capture *c)
{
	return c->ended || atomic_load_explicit(&c->stopped, memory_order_relaxed);
}

void nr_capture_stop(struct nr_capture *c)
{
	uint64_t one = 1;

	atomic_store_explicit(&c->stopped, true, memory_order_relaxed);
	/* Raw write(): allowed in signal handlers. It fails only when the counter is full: awake anyway. */
	ssize_t ignored = write(c->wake_fd, &one, sizeof(one));
	(void)ignored;
}

void nr_capture_stats(struct nr_capture *c, struct nr_capture_stats *ret_stats)
{
	if (c->live != NULL) {
		nr_live_count(c->live, &c->stats);
	} else {
		c->stats.bytes_total = nr_files_bytes(c->files);
		c->stats.files_skipped = nr_files_skipped(c->files);
	}
	*ret_stats = c->stats;
}
