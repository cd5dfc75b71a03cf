/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * directory: the capture files of one directory, in time order.
 *
 * Order   time of the first packet, then natural name order ("a9" before "a10"); files in which no
 *         time was found come last, because the newest file of a rotation may still be empty
 * Skipped names that start with a dot, subdirectories, files that are no captures by their first
 *         bytes (counted)
 * Limits  NR_CAPTURE_FILES_MAX names: NR_ELIMIT
 */
#include "base/err.h"
#include "base/str.h"

struct nr_directory;

struct nr_found {
	char *path; /* owned */
	uint64_t size;
	int64_t first_ns; /* INT64_MAX: not known */
};

NR_MUST_CHECK int nr_directory_new(const char *path, struct nr_directory **ret_directory);
struct nr_directory *nr_directory_free(struct nr_directory *directory);
/**
 * Files that were not there at the last scan. Cheap when the directory has not changed.
 * @param ret_found      array the caller frees with nr_found_free(); NULL when there are none
 * @param skipped        increased
 * @return 0; NR_ELIMIT; -errno
 */
NR_MUST_CHECK int nr_directory_scan(struct nr_directory *directory, struct nr_found **ret_found,
				    size_t *ret_n, uint64_t *skipped, struct nr_err *reterr);
void nr_found_free(struct nr_found *found, size_t n);
/** strcmp() that compares runs of digits by value. */
int nr_directory_natural_cmp(const char *a, const char *b);
