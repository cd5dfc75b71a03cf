/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * snapshot: state of the engine at a place of the journal, in files that are whole or not there.
 *
 * Files   DIR/AT.nrs (20 digits): "NRSNAP1\n", u64 at, u64 size, BLAKE2b-256 of the state, the
 *         state
 * Errors  what is missing, empty, cut or changed is all the same: passed over, and the one before
 *         is tried
 */
#include "base/buf.h"
#include "base/crypt.h"

enum { NR_SNAPSHOT_KEEP = 2 };
#define NR_SNAPSHOT_MAX ((size_t)2047 << 20)

/** Atomic; then all but the newest NR_SNAPSHOT_KEEP are deleted. */
NR_MUST_CHECK int nr_snapshot_write(const char *dir, uint64_t at, struct nr_bytes state,
				    struct nr_err *reterr);
/**
 * The newest good one before place @p before. The caller frees ret_state->p. @return 0; -ENOENT
 * none
 */
NR_MUST_CHECK int nr_snapshot_read(const char *dir, uint64_t before, uint64_t *ret_at,
				   struct nr_bytes *ret_state, struct nr_err *reterr);
