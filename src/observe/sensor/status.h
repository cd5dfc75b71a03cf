/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * status: what a running sensor wrote of itself (DIR/status), for people and for programs.
 */
#include "base/buf.h"

/** @return 0; -ENOENT: none has run here; NR_EFORMAT; -errno */
NR_MUST_CHECK int nr_status_print(const char *dir, bool json, int64_t now_s, struct nr_buf *out,
				  struct nr_err *reterr);
