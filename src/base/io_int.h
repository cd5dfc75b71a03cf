/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * io_int: what the files of io share: the fault plan and the recorder.
 */
#include "base/io.h"

/** What the plan wants of the system call that follows: 0, NR_IO_SHORT or the error. */
int nr_io_planned(void);
/** Tell the recorder, if there is one. */
void nr_io_tell(const struct nr_io_call *call);
/** For callers that must work to make up a call. */
bool nr_io_is_told(void);

static inline bool nr_io_is_failure(int code)
{
	return code < 0 && code != NR_IO_SHORT;
}
static inline size_t nr_io_shorten(size_t n, int code)
{
	return code == NR_IO_SHORT && n > 1 ? n / 2 : n;
}
