/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * io: every file operation of the program goes through here, so that tests can make the n-th fail.
 *
 * All functions return 0 or a count >= 0, or -errno. EINTR is retried inside. A plan (tests only)
 * says which call fails and how: nr_io_fail_nth(n, -EIO) fails the n-th call from now, counted over
 * all functions, each system call of a loop being one; a short result is asked for with NR_IO_SHORT.
 * n = 0 only counts. Not thread-safe while a plan is set.
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

void nr_io_fail_nth(uint64_t n, int code);
/** Clear the plan. @return calls counted since it was set */
uint64_t nr_io_plan_end(void);
