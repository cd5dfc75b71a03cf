/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io_int.h"

/* The fault plan and the recorder: the one mutable state here, zero outside tests. */
static struct {
	bool active, lasts;
	uint64_t n_calls, fail_at;
	int code;
} plan;

static struct {
	nr_io_recorder *call;
	void *ctx;
} recorder;

static void set_plan(uint64_t n, int code, bool lasts)
{
	plan.active = true;
	plan.lasts = lasts;
	plan.n_calls = 0;
	plan.fail_at = n;
	plan.code = code;
}

void nr_io_fail_nth(uint64_t n, int code)
{
	set_plan(n, code, false);
}

void nr_io_fail_from(uint64_t n, int code)
{
	set_plan(n, code, true);
}

uint64_t nr_io_plan_end(void)
{
	uint64_t n = plan.n_calls;

	plan.active = false;
	plan.n_calls = 0;
	return n;
}

void nr_io_record(nr_io_recorder *call, void *ctx)
{
	recorder.call = call;
	recorder.ctx = ctx;
}

bool nr_io_is_told(void)
{
	return NR_UNLIKELY(recorder.call != NULL);
}

void nr_io_tell(const struct nr_io_call *call)
{
	if (nr_io_is_told())
		recorder.call(recorder.ctx, call);
}

int nr_io_planned(void)
{
	if (NR_LIKELY(!plan.active))
		return 0;
	plan.n_calls++;
	if (plan.lasts)
		return plan.fail_at != 0 && plan.n_calls >= plan.fail_at ? plan.code : 0;
	if (plan.n_calls != plan.fail_at)
		return 0;
	if (plan.code != -EINTR)
		return plan.code;
	plan.n_calls++; /* interrupted, and called again: what every loop here does */
	return 0;
}

int nr_io_open(const char *path, int flags, mode_t mode)
{
	int code = nr_io_planned(), fd;

	if (nr_io_is_failure(code))
		return code;
	do {
		fd = open(path, flags | O_CLOEXEC, mode);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return -errno;
	nr_io_tell(&(struct nr_io_call){
		.kind = NR_IO_OPEN, .fd = fd, .path = path, .off = (uint64_t)flags });
	return fd;
}

ssize_t nr_io_read(int fd, void *buf, size_t n)
{
	int code = nr_io_planned();
	ssize_t got;

	if (nr_io_is_failure(code))
		return code;
	do {
		got = read(fd, buf, nr_io_shorten(n, code));
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

ssize_t nr_io_read_full(int fd, void *buf, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = nr_io_read(fd, (char *)buf + have, n - have);

		if (got < 0)
			return got;
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

static ssize_t write_some(int fd, const void *buf, size_t n)
{
	int code = nr_io_planned();
	ssize_t put;

	if (nr_io_is_failure(code))
		return code;
	do {
		put = write(fd, buf, nr_io_shorten(n, code));
	} while (put < 0 && errno == EINTR);
	if (put < 0)
		return -errno;
	if (nr_io_is_told()) {
		off_t end = lseek(fd, 0, SEEK_CUR);

		nr_io_tell(&(struct nr_io_call){ .kind = NR_IO_WRITE,
						 .fd = fd,
						 .off = (uint64_t)(end - put),
						 .bytes = buf,
						 .n = (size_t)put });
	}
	return put;
}

int nr_io_write_all(int fd, const void *buf, size_t n)
{
	const char *p = buf;

	while (n > 0) {
		ssize_t put = write_some(fd, p, n);

		if (put < 0)
			return (int)put;
		if (put == 0)
			return -EIO; /* a file that takes nothing would hold us for ever */
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

int nr_io_fsync(int fd)
{
	int code = nr_io_planned(), r;

	if (nr_io_is_failure(code)) {
		nr_io_tell(&(struct nr_io_call){ .kind = NR_IO_SYNC, .fd = fd, .failed = true });
		return code;
	}
	do {
		r = fsync(fd);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	nr_io_tell(&(struct nr_io_call){ .kind = NR_IO_SYNC, .fd = fd });
	return 0;
}

int nr_io_rename(const char *from, const char *to)
{
	int code = nr_io_planned();

	if (nr_io_is_failure(code))
		return code;
	if (rename(from, to) < 0)
		return -errno;
	nr_io_tell(&(struct nr_io_call){ .kind = NR_IO_RENAME, .fd = -1, .path = from, .to = to });
	return 0;
}

int nr_io_unlink(const char *path)
{
	int code = nr_io_planned();

	if (nr_io_is_failure(code))
		return code;
	if (unlink(path) < 0)
		return -errno;
	nr_io_tell(&(struct nr_io_call){ .kind = NR_IO_UNLINK, .fd = -1, .path = path });
	return 0;
}

int nr_io_close(int fd)
{
	int code = nr_io_planned(), r;

	nr_io_tell(&(struct nr_io_call){ .kind = NR_IO_CLOSE, .fd = fd });
	/* Linux has released the descriptor even when close() says EINTR: never again. */
	r = close(fd) < 0 && errno != EINTR ? -errno : 0;
	return nr_io_is_failure(code) ? code : r;
}
