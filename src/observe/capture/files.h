/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * files: which file comes next: operands in the order given, each as often as given; a directory
 * stands for its capture files in time order (directory.h), and may be followed for new ones.
 *
 * Limits  NR_CAPTURE_FILES_MAX files waiting
 */
#include "base/err.h"
#include "base/str.h"

struct nr_files;

/**
 * Look at every operand, so that wrong names fail before work begins.
 * @param follow  also find files that appear later in the directories
 * @return 0; -ENOENT and other -errno; NR_ELIMIT; the message names the operand
 */
NR_MUST_CHECK int nr_files_new(const struct nr_str *paths, size_t n, bool follow,
			       struct nr_files **ret_files, struct nr_err *reterr);
struct nr_files *nr_files_free(struct nr_files *files);
/** Path of the next file, NULL when there is none now. Borrowed until the next call. */
const char *nr_files_next(struct nr_files *files);
bool nr_files_waiting(const struct nr_files *files);
/** Look for new files in followed directories. @return 0; NR_ELIMIT; -errno */
NR_MUST_CHECK int nr_files_refresh(struct nr_files *files, struct nr_err *reterr);
/** Whether refresh may ever find something. */
bool nr_files_may_grow(const struct nr_files *files);
/** Bytes of all files; 0 when that cannot be known (pipes, following). */
uint64_t nr_files_bytes(const struct nr_files *files);
/** Files in directories that were no captures. */
uint64_t nr_files_skipped(const struct nr_files *files);
