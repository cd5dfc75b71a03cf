/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file files: which file comes next: operands in their order, directories opened up in time order. */
#include "base/err.h"
#include "base/str.h"

struct nr_files;

NR_MUST_CHECK int nr_files_new(const struct nr_str *paths, size_t n, struct nr_files **ret_files,
			       struct nr_err *reterr);
struct nr_files *nr_files_free(struct nr_files *files);
/** Path of the next file, NULL when there is none. Borrowed until the next call. */
const char *nr_files_next(struct nr_files *files);
