/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * journal_retain: erase what is older or more than may be kept; called by the committing thread.
 */
#include "store/journal/journal_int.h"

struct nr_retain {
	const char *dir;
	int dir_fd;
	uint64_t last, last_bytes; /* the segment at work, which is never touched */
	uint64_t max_bytes;
	int64_t before_ns;
	unsigned max_segments; /* that are changed in one run: commits wait meanwhile */
	bool is_swept;	       /* no crash can have left bodies unpunched since */
	/* out */
	uint64_t bytes, erased, erased_to;
	unsigned n_segments;
};

/** @return 0; NR_EDAMAGED: a segment is not as it should be, nothing in it was touched; -errno */
NR_MUST_CHECK int nr_retain_run(struct nr_retain *retain, struct nr_err *reterr);
