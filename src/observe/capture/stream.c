/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * stream: the bytes of a file, a pipe or memory, decompressed on the way.
 *
 * Invariants
 *  1  head holds the first bytes until the codec is known; after that they went to the reader
 *     (plain) or stand at the front of `in` (compressed).
 *  2  Plain bytes are read straight into the caller's memory; compressed ones pass through `in`,
 *     IN_BYTES long. Nothing grows with the file, and the output is never larger than asked.
 *  3  ended implies that no byte will come any more; a followed file never ends.
 *  4  A failure is final: err is kept and returned again.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/io.h"
#include "observe/capture/capture_int.h"

enum {
	IN_BYTES = 256 << 10,
	HEAD_BYTES = 4,
	GATHER_MS = 20, /* once a pipe gave something, wait this long for more of the block */
};

enum codec { CODEC_UNKNOWN, CODEC_PLAIN, CODEC_GZIP, CODEC_ZSTD };

struct nr_stream {
	int fd; /* -1: memory */
	int wake_fd;
	bool is_stdin, is_pipe, follow;
	bool at_eof; /* the last raw read gave nothing more */
	bool ended;
	enum codec codec;
	const uint8_t *mem;
	size_t mem_n, mem_at, chunk;
	uint64_t raw_bytes;
	uint8_t head[HEAD_BYTES];
	size_t head_n, head_at;
	uint8_t *in;
	struct nr_raw raw;
	struct nr_inflate *inflate;
	struct nr_err err; /* code 0: none */
};

/** Time left for waiting in one nr_stream_read(). */
struct patience {
	int wait_ms;
	bool gathering;
	int64_t until_ns; /* when gathering */
};

int nr_stream_open(const char *path, int wake_fd, struct nr_stream **ret_stream,
		   struct nr_err *reterr)
{
	struct nr_stream *s = calloc(1, sizeof(*s));
	struct stat st;

	if (s == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	s->wake_fd = wake_fd;
	s->is_stdin = strcmp(path, "-") == 0;
	s->fd = s->is_stdin ? STDIN_FILENO : nr_io_open(path, O_RDONLY | O_NOCTTY, 0);
	if (s->fd < 0) {
		int code = s->fd;

		free(s);
		return nr_fail(reterr, code, "%s", nr_err_text(code));
	}
	if (fstat(s->fd, &st) < 0) {
		int code = -errno;

		nr_stream_free(s);
		return nr_fail(reterr, code, "%s", nr_err_text(code));
	}
	s->is_pipe = !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
	if (S_ISREG(st.st_mode)) /* advice only: nothing is lost when it is refused */
		(void)posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	*ret_stream = s;
	return 0;
}

int nr_stream_of_memory(const void *bytes, size_t n, size_t chunk, struct nr_stream **ret_stream)
{
	struct nr_stream *s = calloc(1, sizeof(*s));

	nr_require(chunk > 0);
	if (s == NULL)
		return -ENOMEM;
	*s = (struct nr_stream){
		.fd = -1, .wake_fd = -1, .mem = bytes, .mem_n = n, .chunk = chunk
	};
	*ret_stream = s;
	return 0;
}

struct nr_stream *nr_stream_free(struct nr_stream *s)
{
	if (s == NULL)
		return NULL;
	if (s->fd >= 0 && !s->is_stdin)
		nr_io_close(s->fd);
	nr_inflate_free(s->inflate);
	free(s->in);
	free(s);
	return NULL;
}

void nr_stream_follow(struct nr_stream *s, bool on)
{
	s->follow = on && !s->is_pipe;
}

bool nr_stream_ended(const struct nr_stream *s)
{
	return s->ended;
}

bool nr_stream_is_pipe(const struct nr_stream *s)
{
	return s->is_pipe;
}

bool nr_stream_is_compressed(const struct nr_stream *s)
{
	return s->codec == CODEC_GZIP || s->codec == CODEC_ZSTD;
}

uint64_t nr_stream_raw_bytes(const struct nr_stream *s)
{
	return s->raw_bytes;
}

uint64_t nr_stream_size(const struct nr_stream *s)
{
	struct stat st;

	if (s->fd < 0)
		return s->mem_n;
	if (fstat(s->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	return (uint64_t)st.st_size;
}

/** Wait until the pipe has bytes or patience ends. @return true when a read will not block */
static bool pipe_wait(struct nr_stream *s, struct patience *patience)
{
	struct pollfd fds[2] = { { .fd = s->fd, .events = POLLIN },
				 { .fd = s->wake_fd, .events = POLLIN } };
	int ms = patience->wait_ms;

	if (patience->gathering) {
		int64_t left = patience->until_ns - nr_mono_now().ns;

		ms = left > 0 ? (int)(left / 1000000) : 0;
	}
	if (poll(fds, 2, ms) <= 0) /* an interrupted wait is a short wait */
		return false;
	return fds[1].revents == 0 && fds[0].revents != 0;
}

/** One read of the bytes below. 0 bytes: see at_eof. */
static int raw_read(struct nr_stream *s, uint8_t *dst, size_t n, struct patience *patience,
		    size_t *ret_n)
{
	ssize_t got;

	*ret_n = 0;
	if (s->fd < 0) {
		got = (ssize_t)nr_min_size(nr_min_size(n, s->chunk), s->mem_n - s->mem_at);
		if (got > 0)
			memcpy(dst, s->mem + s->mem_at, (size_t)got);
		s->mem_at += (size_t)got;
	} else {
		if (s->is_pipe && !pipe_wait(s, patience)) {
			s->at_eof = false;
			return 0;
		}
		got = nr_io_read(s->fd, dst, n);
		if (got < 0)
			return (int)got;
	}
	if (s->is_pipe && got > 0 && !patience->gathering) {
		patience->gathering = true;
		patience->until_ns = nr_mono_now().ns + GATHER_MS * INT64_C(1000000);
	}
	s->at_eof = got == 0;
	s->raw_bytes += (uint64_t)got;
	*ret_n = (size_t)got;
	return 0;
}

/** Compressions that people use for captures and that we leave to their own tools. */
static const char *foreign_codec(const uint8_t head[HEAD_BYTES])
{
	static const struct {
		uint8_t magic[3];
		const char *tool;
	} known[] = {
		{ { 0xfd, '7', 'z' }, "xz" },
		{ { 'B', 'Z', 'h' }, "bzip2" },
		{ { 0x04, 0x22, 0x4d }, "lz4" },
	};

	for (size_t i = 0; i < NR_COUNT(known); i++)
		if (memcmp(head, known[i].magic, 3) == 0)
			return known[i].tool;
	return NULL;
}

/** Collect the first bytes and choose the codec. Leaves CODEC_UNKNOWN while there are too few. */
static int codec_find(struct nr_stream *s, struct patience *patience, struct nr_err *reterr)
{
	while (s->head_n < HEAD_BYTES) {
		size_t got;
		int ret = raw_read(s, s->head + s->head_n, HEAD_BYTES - s->head_n, patience, &got);

		if (ret < 0)
			return nr_fail(reterr, ret, "%s", nr_err_text(ret));
		s->head_n += got;
		if (got > 0)
			continue;
		if (s->at_eof && !s->follow) /* too short to be compressed */
			s->codec = CODEC_PLAIN;
		return 0;
	}
	const char *tool = foreign_codec(s->head);
	if (tool != NULL)
		return nr_fail(reterr, NR_EFORMAT,
			       "%s compressed: use %s -dc FILE | noroshi observe -", tool, tool);
	if (s->head[0] == 0x1f && s->head[1] == 0x8b)
		s->codec = CODEC_GZIP;
	else if (nr_get_le32(s->head) == 0xfd2fb528)
		s->codec = CODEC_ZSTD;
	else
		s->codec = CODEC_PLAIN;
	if (s->codec == CODEC_PLAIN)
		return 0;
	s->in = malloc(IN_BYTES);
	if (s->in == NULL || nr_inflate_new(s->codec == CODEC_ZSTD, &s->inflate) < 0)
		return nr_fail(reterr, -ENOMEM, "no memory to decompress");
	memcpy(s->in, s->head, s->head_n);
	s->raw = (struct nr_raw){ .p = s->in, .n = s->head_n };
	return 0;
}

static int plain_read(struct nr_stream *s, uint8_t *dst, size_t n, struct patience *patience,
		      size_t *ret_n, struct nr_err *reterr)
{
	size_t at = nr_min_size(n, s->head_n - s->head_at);

	if (at > 0)
		memcpy(dst, s->head + s->head_at, at);
	s->head_at += at;
	*ret_n = at;
	while (at < n) {
		size_t got;
		int ret = raw_read(s, dst + at, n - at, patience, &got);

		if (ret < 0)
			return nr_fail(reterr, ret, "%s", nr_err_text(ret));
		at += got;
		*ret_n = at;
		if (got == 0) {
			s->ended = s->at_eof && !s->follow;
			break;
		}
	}
	return 0;
}

/** Refill `in` when it is empty. */
static int in_fill(struct nr_stream *s, struct patience *patience, struct nr_err *reterr)
{
	size_t got;
	int ret;

	if (s->raw.n > 0)
		return 0;
	ret = raw_read(s, s->in, IN_BYTES, patience, &got);
	if (ret < 0)
		return nr_fail(reterr, ret, "%s", nr_err_text(ret));
	s->raw = (struct nr_raw){ .p = s->in,
				  .n = got,
				  .at_end = got == 0 && s->at_eof && !s->follow };
	return 0;
}

static int packed_read(struct nr_stream *s, uint8_t *dst, size_t n, struct patience *patience,
		       size_t *ret_n, struct nr_err *reterr)
{
	*ret_n = 0;
	while (*ret_n < n) {
		size_t got = 0;
		int ret = nr_inflate_run(s->inflate, &s->raw, dst + *ret_n, n - *ret_n, &got,
					 reterr);

		*ret_n += got;
		if (ret < 0)
			return ret;
		if (got > 0 || s->raw.n > 0)
			continue;
		ret = in_fill(s, patience, reterr);
		if (ret < 0)
			return ret;
		if (s->raw.n > 0)
			continue;
		if (!s->raw.at_end)
			return 0; /* a pipe or a growing file has no more now */
		s->ended = true;
		if (!nr_inflate_may_end(s->inflate))
			return nr_fail(reterr, NR_EDAMAGED,
				       "the compressed data ends early, after %llu bytes",
				       (unsigned long long)s->raw_bytes);
		return 0;
	}
	return 0;
}

int nr_stream_read(struct nr_stream *s, uint8_t *dst, size_t n, int wait_ms, size_t *ret_n,
		   struct nr_err *reterr)
{
	struct patience patience = { .wait_ms = wait_ms };
	int ret = 0;

	*ret_n = 0;
	if (s->err.code < 0)
		return nr_fail(reterr, s->err.code, "%s", s->err.msg);
	if (s->codec == CODEC_UNKNOWN)
		ret = codec_find(s, &patience, &s->err);
	if (ret == 0 && s->codec == CODEC_PLAIN)
		ret = plain_read(s, dst, n, &patience, ret_n, &s->err);
	else if (ret == 0 && s->codec != CODEC_UNKNOWN)
		ret = packed_read(s, dst, n, &patience, ret_n, &s->err);
	if (ret < 0)
		return nr_fail(reterr, ret, "%s", s->err.msg);
	return 0;
}
