/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file flows: files of observations (record/batch): written by `noroshi observe --write-flows`. */
#include "orient/engine.h"

struct nr_flows_writer;

/**
 * Begin a temporary file beside @p path. @p monitored_v4 is what each batch states.
 * @return 0; -EINVAL not a regular file; -errno
 */
NR_MUST_CHECK int nr_flows_writer_open(const char *path, uint64_t monitored_v4,
				       struct nr_flows_writer **ret_writer, struct nr_err *reterr);
/** The callbacks of @p inner, and the flows into the file too. */
struct nr_engine_out nr_flows_writer_tee(struct nr_flows_writer *writer,
					 struct nr_engine_out inner);
/** Write what is left and put the file in its place. @return 0; -errno, also of an earlier write that failed */
NR_MUST_CHECK int nr_flows_writer_commit(struct nr_flows_writer *writer, struct nr_err *reterr);
/** The error of a write that ended the run, if there was one. @return its code or 0 */
int nr_flows_writer_error(const struct nr_flows_writer *writer, struct nr_err *reterr);
/** Without a commit before, nothing is left of the file. @p writer may be NULL */
struct nr_flows_writer *nr_flows_writer_free(struct nr_flows_writer *writer);
