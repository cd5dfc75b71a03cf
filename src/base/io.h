/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * io: every file operation of the program goes through here, so that tests can make the n-th fail.
 *
 * All functions return 0 or a count >= 0, or -errno. EINTR is retried inside. A plan (tests only)
 * says which call fails and how: nr_io_fail_nth(n, -EIO) fails the n-th call from now, counted over
 * all functions, each system call of a loop being one; a short result is asked for with
 * NR_IO_SHORT. n = 0 only counts; -EINTR is met by calling again, as a real one. Not thread-safe
 * while a plan is set.
 *
 * The recorder (tests only) is told of every call that changes a disk, after it succeeded, and of
 * every fsync that failed: from this list any state that a crash could leave can be built
 * (tests/crash). Not thread-safe either. Without plan and recorder a call costs two branches more
 * than the system call.
 */
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

enum { NR_IO_SHORT = -2000 };

/** O_CLOEXEC is added. @return the descriptor; -errno */
NR_MUST_CHECK int nr_io_open(const char *path, int flags, mode_t mode);
NR_MUST_CHECK ssize_t nr_io_read(int fd, void *buf, size_t n);
/** Reads until @p n bytes or end of file. */
NR_MUST_CHECK ssize_t nr_io_read_full(int fd, void *buf, size_t n);
/** Writes all of it or fails. */
NR_MUST_CHECK int nr_io_write_all(int fd, const void *buf, size_t n);
NR_MUST_CHECK int nr_io_fsync(int fd);
NR_MUST_CHECK int nr_io_rename(const char *from, const char *to);
int nr_io_unlink(const char *path);
int nr_io_close(int fd);
/** Whole file, at most @p max bytes (NR_ELIMIT beyond); the caller frees p, a NUL follows the bytes. */
NR_MUST_CHECK int nr_io_slurp(const char *path, size_t max, struct nr_bytes *ret_owned,
			      struct nr_err *reterr);
/** Write a temporary beside @p path, fsync, rename over it: readers see the old file or the new. */
NR_MUST_CHECK int nr_io_replace(const char *path, const void *bytes, size_t n,
				struct nr_err *reterr);
/**
 * The same for what is written bit by bit: create PATH.RANDOM.tmp. The caller frees *ret_temp.
 * @return the descriptor, to be given to commit or drop; -errno
 */
NR_MUST_CHECK int nr_io_temp_open(const char *path, char **ret_temp);
/** fsync, close, rename over @p path; removes the temporary when that fails. */
NR_MUST_CHECK int nr_io_temp_commit(int fd, const char *temp, const char *path);
/** Close and remove the temporary. */
void nr_io_temp_drop(int fd, const char *temp);

/* ---- logs: bytes at a place, and what makes them stay ---- */

/** Until @p n bytes or the end of the file. */
NR_MUST_CHECK ssize_t nr_io_pread_full(int fd, void *buf, size_t n, uint64_t off);
NR_MUST_CHECK int nr_io_pwrite_all(int fd, const void *buf, size_t n, uint64_t off);
/** The bytes, and the size where reading them needs it. */
NR_MUST_CHECK int nr_io_fdatasync(int fd);
/** The names in directory @p path. */
NR_MUST_CHECK int nr_io_fsync_dir(const char *path);
/** Take room for [off, off + n); the file grows to hold it, reading zeros. @return 0; -ENOSPC; -EOPNOTSUPP */
NR_MUST_CHECK int nr_io_allocate(int fd, uint64_t off, uint64_t n);
/** Bytes become zero and their room is given back; written as zeros where the file system has no holes. */
NR_MUST_CHECK int nr_io_punch(int fd, uint64_t off, uint64_t n);
NR_MUST_CHECK int nr_io_truncate(int fd, uint64_t size);
NR_MUST_CHECK int nr_io_mkdir(const char *path, mode_t mode);
/** For this process alone, until the descriptor is closed. @return 0; -EWOULDBLOCK: another has it */
NR_MUST_CHECK int nr_io_lock(int fd);
NR_MUST_CHECK int64_t nr_io_size(int fd);
struct nr_io_space {
	uint64_t free_bytes, total_bytes; /* what we may still write; all there is */
	uint64_t free_files;		  /* UINT64_MAX: not limited */
};
NR_MUST_CHECK int nr_io_space(const char *path, struct nr_io_space *ret_space);
/** Every name in a directory but . and .., in no order. @return 0; what @p entry returned when not 0; -errno */
NR_MUST_CHECK int nr_io_list(const char *path, int (*entry)(void *ctx, const char *name),
			     void *ctx);

/* ---- tests ---- */
void nr_io_fail_nth(uint64_t n, int code);
/** The n-th call and every later one: a disk that is full, or gone. */
void nr_io_fail_from(uint64_t n, int code);
/** Clear the plan. @return calls counted since it was set */
uint64_t nr_io_plan_end(void);

enum nr_io_kind {
	NR_IO_OPEN, /* fd, path; off holds the flags */
	NR_IO_CLOSE,
	NR_IO_WRITE, /* fd, off, bytes, n: what really was written */
	NR_IO_TRUNCATE,
	NR_IO_ALLOCATE,
	NR_IO_PUNCH,
	NR_IO_SYNC, /* file or directory; failed: what was written before it may never reach the disk */
	NR_IO_RENAME,
	NR_IO_UNLINK,
	NR_IO_MKDIR,
};
struct nr_io_call {
	enum nr_io_kind kind;
	int fd;
	bool failed;
	const char *path, *to; /* borrowed, as the bytes are */
	uint64_t off;
	const void *bytes;
	uint64_t n;
};
typedef void nr_io_recorder(void *ctx, const struct nr_io_call *call);
/** NULL: no more. */
void nr_io_record(nr_io_recorder *call, void *ctx);
