/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * crash_fs: one directory as a disk may hold it after power was lost, built from what the I/O shim
 * recorded.
 *
 * In       the calls of base/io.h that changed the directory, in order (nr_io_record)
 * Model    a call on a file is sure once a later fsync of that file returned 0; a name (create,
 *          rename, unlink) once a later fsync of the directory did. Everything else may be there or
 *          not, in any combination: writes dropped, torn in sectors of 512 bytes, room without
 *          bytes, a renamed file without content, a name that never arrived. Bytes that an fsync
 *          which failed should have brought are never sure, whatever later fsyncs return: Linux
 *          calls such pages clean. Sizes and names are journalled by the file system: the next
 *          fsync that succeeds brings them.
 * Out      files in a real directory
 */
#include "base/io.h"

enum { CRASH_SECTOR = 512, CRASH_NAME = 64 };

struct crash_fs;

struct crash_fs *crash_fs_new(void);
struct crash_fs *crash_fs_free(struct crash_fs *fs);
/** Begin again with what lies in @p dir, all of it sure. */
void crash_fs_load(struct crash_fs *fs, const char *dir);
/** The recorder: nr_io_record(crash_fs_call, fs). Calls outside of the loaded directory are left out. */
void crash_fs_call(void *ctx, const struct nr_io_call *call);
/** Calls seen since the load: crash points are 0 .. this. */
size_t crash_fs_calls(const struct crash_fs *fs);
/** Make @p dir what a crash after the first @p n_calls calls may have left; @p rng chooses and is moved on. */
void crash_fs_build(const struct crash_fs *fs, size_t n_calls, uint64_t *rng, const char *dir);
/** Remove every file in @p dir. */
void crash_fs_clear(const char *dir);

/** The next number of a sequence that depends on the seed alone. */
static inline uint64_t crash_random(uint64_t *rng)
{
	uint64_t z = *rng += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}
static inline uint64_t crash_below(uint64_t *rng, uint64_t n)
{
	return crash_random(rng) % n;
}
