/* SPDX-License-Identifier: Apache-2.0 */
/* What logs need: bytes at a place, room before bytes, and what it takes until all of it is on the disk. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/io_int.h"

enum { ZEROS = 64 << 10 };

static ssize_t pread_some(int fd, void *buf, size_t n, uint64_t off)
{
	int code = nr_io_planned();
	ssize_t got;

	if (nr_io_is_failure(code))
		return code;
	do {
		got = pread(fd, buf, nr_io_shorten(n, code), (off_t)off);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

ssize_t nr_io_pread_full(int fd, void *buf, size_t n, uint64_t off)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = pread_some(fd, (char *)buf + have, n - have, off + have);

		if (got < 0)
			return got;
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

static ssize_t pwrite_some(int fd, const void *buf, size_t n, uint64_t off)
{
	int code = nr_io_planned();
	ssize_t put;

	if (nr_io_is_failure(code))
		return code;
	do {
		put = pwrite(fd, buf, nr_io_shorten(n, code), (off_t)off);
	} while (put < 0 && errno == EINTR);
	if (put < 0)
		return -errno;
	nr_io_tell(&(struct nr_io_call){
		.kind = NR_IO_WRITE, .fd = fd, .off = off, .bytes = buf, .n = (size_t)put });
	return put;
}

int nr_io_pwrite_all(int fd, const void *buf, size_t n, uint64_t off)
{
	const char *p = buf;

	while (n > 0) {
		ssize_t put = pwrite_some(fd, p, n, off);

		if (put < 0)
			return (int)put;
		if (put == 0)
			return -EIO; /* a file that takes nothing would hold us for ever */
		p += put;
		off += (uint64_t)put;
		n -= (size_t)put;
	}
	return 0;
}

int nr_io_fdatasync(int fd)
{
	int code = nr_io_planned(), r;

	if (nr_io_is_failure(code)) {
		nr_io_tell(&(struct nr_io_call){ .kind = NR_IO_SYNC, .fd = fd, .failed = true });
		return code;
	}
	do {
		r = fdatasync(fd);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	nr_io_tell(&(struct nr_io_call){ .kind = NR_IO_SYNC, .fd = fd });
	return 0;
}

int nr_io_fsync_dir(const char *path)
{
	int fd = nr_io_open(path, O_RDONLY | O_DIRECTORY, 0), r;

	if (fd < 0)
		return fd;
	r = nr_io_fsync(fd);
	(void)nr_io_close(fd); /* nothing is written through this descriptor */
	return r;
}

int nr_io_allocate(int fd, uint64_t off, uint64_t n)
{
	int code = nr_io_planned(), r;

	if (nr_io_is_failure(code))
		return code;
	do {
		r = fallocate(fd, 0, (off_t)off, (off_t)n);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == ENOSYS ? -EOPNOTSUPP : -errno;
	nr_io_tell(&(struct nr_io_call){ .kind = NR_IO_ALLOCATE, .fd = fd, .off = off, .n = n });
	return 0;
}

static int write_zeros(int fd, uint64_t off, uint64_t n)
{
	size_t cap = n < ZEROS ? (size_t)n : ZEROS;
	uint8_t *zeros = calloc(1, cap > 0 ? cap : 1);
	int r = zeros == NULL ? -ENOMEM : 0;

	while (n > 0 && r == 0) {
		size_t now = n < cap ? (size_t)n : cap;

		r = nr_io_pwrite_all(fd, zeros, now, off);
		off += now;
		n -= now;
	}
	free(zeros);
	return r;
}

int nr_io_punch(int fd, uint64_t off, uint64_t n)
{
	int code = nr_io_planned(), r;

	if (nr_io_is_failure(code) && code != -EOPNOTSUPP)
		return code;
	do {
		r = code == -EOPNOTSUPP ? -1
					: fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
						    (off_t)off, (off_t)n);
	} while (r < 0 && code == 0 && errno == EINTR);
	if (r < 0 && (code == -EOPNOTSUPP || errno == EOPNOTSUPP || errno == ENOSYS))
		return write_zeros(fd, off, n);
	if (r < 0)
		return -errno;
	nr_io_tell(&(struct nr_io_call){ .kind = NR_IO_PUNCH, .fd = fd, .off = off, .n = n });
	return 0;
}

int nr_io_truncate(int fd, uint64_t size)
{
	int code = nr_io_planned(), r;

	if (nr_io_is_failure(code))
		return code;
	do {
		r = ftruncate(fd, (off_t)size);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	nr_io_tell(&(struct nr_io_call){ .kind = NR_IO_TRUNCATE, .fd = fd, .off = size });
	return 0;
}

int nr_io_mkdir(const char *path, mode_t mode)
{
	int code = nr_io_planned();

	if (nr_io_is_failure(code))
		return code;
	if (mkdir(path, mode) < 0)
		return -errno;
	nr_io_tell(&(struct nr_io_call){ .kind = NR_IO_MKDIR, .fd = -1, .path = path });
	return 0;
}

int nr_io_lock(int fd)
{
	int code = nr_io_planned(), r;

	if (nr_io_is_failure(code))
		return code;
	do {
		r = flock(fd, LOCK_EX | LOCK_NB);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int64_t nr_io_size(int fd)
{
	int code = nr_io_planned();
	struct stat st;

	if (nr_io_is_failure(code))
		return code;
	return fstat(fd, &st) < 0 ? -errno : (int64_t)st.st_size;
}

int nr_io_space(const char *path, struct nr_io_space *ret_space)
{
	int code = nr_io_planned(), r;
	struct statvfs st;

	if (nr_io_is_failure(code))
		return code;
	do {
		r = statvfs(path, &st);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	*ret_space = (struct nr_io_space){ .free_bytes = (uint64_t)st.f_bavail * st.f_frsize,
					   .total_bytes = (uint64_t)st.f_blocks * st.f_frsize,
					   .free_files = st.f_files == 0 ? UINT64_MAX
									 : st.f_favail };
	return 0;
}

int nr_io_list(const char *path, int (*entry)(void *ctx, const char *name), void *ctx)
{
	int code = nr_io_planned(), r = 0;
	DIR *dir;

	if (nr_io_is_failure(code))
		return code;
	dir = opendir(path);
	if (dir == NULL)
		return -errno;
	while (r == 0) {
		struct dirent *e;

		errno = 0;
		e = readdir(dir);
		if (e == NULL) {
			r = -errno;
			break;
		}
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = entry(ctx, e->d_name);
	}
	(void)closedir(dir); /* nothing was written */
	return r;
}
