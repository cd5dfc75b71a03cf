/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * capture: one file after the other, or an interface, as one run of blocks.
 */
#include "observe/capture/capture.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/io.h"
#include "observe/capture/capture_int.h"
#include "observe/capture/files.h"

struct nr_capture {
	struct nr_files *files;
	struct nr_trace *trace; /* the file being read; NULL between files */
	struct nr_capture_stats stats;
	int wake_fd;
	atomic_bool stopped;
	bool ended;
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

/** Open the next file, if there is one. @return 0; -errno */
static int trace_open(struct nr_capture *c, struct nr_err *reterr)
{
	const char *path = nr_files_next(c->files);
	struct nr_stream *stream;
	int ret;

	if (path == NULL) {
		c->ended = true;
		return 0;
	}
	c->stats.files++;
	ret = nr_stream_open(path, c->wake_fd, &stream, reterr);
	if (ret == 0)
		ret = nr_trace_new(stream, path, &c->trace);
	return ret;
}

int nr_capture_open(const struct nr_capture_options *opt, struct nr_capture **ret_capture, struct nr_err *reterr)
{
	nr_auto(nr_capture) c = calloc(1, sizeof(*c));
	int ret;

	if (c == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->wake_fd < 0)
		return nr_fail(reterr, -errno, "eventfd: %s", nr_err_text(-errno));
	ret = nr_files_new(opt->paths, opt->n_paths, &c->files, reterr);
	if (ret == 0)
		ret = trace_open(c, reterr);
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
	if (c->wake_fd >= 0)
		nr_io_close(c->wake_fd);
	free(c);
	return NULL;
}

int nr_capture_next(struct nr_capture *c, struct nr_block *block, int wait_ms, struct nr_err *reterr)
{
	int ret = 0;

	block->n = 0;
	while (!nr_capture_ended(c)) {
		if (c->trace == NULL) {
			ret = trace_open(c, reterr);
			if (ret < 0 || c->ended)
				return ret;
		}
		ret = nr_trace_next(c->trace, block, wait_ms, &c->stats, reterr);
		bool ended = nr_trace_ended(c->trace);
		if (ended)
			c->trace = nr_trace_free(c->trace);
		if (ret < 0)
			c->stats.files_damaged++;
		if (ret < 0 || block->n > 0 || !ended)
			return ret;
	}
	return 0;
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
	*ret_stats = c->stats;
}
