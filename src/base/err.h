/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * err: how functions fail.
 *
 * Every function that can fail returns 0 or a negative code: -errno, or one of NR_E* below.
 * The lowest layer that knows the detail (file, line, offset, value) fills struct nr_err; only
 * cli/, serve/ and a program's main print it. Messages are one line, no final stop or newline,
 * untrusted bytes already escaped by the caller (nr_str_escape).
 */
#include "base/def.h"

enum nr_ecode {
	NR_EDAMAGED = -1000, /* ends early or contradicts itself; all before it was delivered */
	NR_EFORMAT = -1001,  /* not the format that was expected */
	NR_EVERSION = -1002, /* known format, unknown version */
	NR_ELIMIT = -1003,   /* a documented limit was reached */
	NR_EUSAGE = -1004,   /* the user's words are wrong: exit status 2 */
};

struct nr_err {
	int code;
	char msg[512];
};

/** Fill @p reterr (may be NULL) and return @p code, so that callers write `return nr_fail(...)`. */
int nr_fail(struct nr_err *reterr, int code, const char *fmt, ...) NR_PRINTF(3, 4);

/** Put "PREFIX: " before the message of an error that passes upward. Returns reterr->code, -EINVAL for NULL. */
int nr_err_prefix(struct nr_err *reterr, const char *fmt, ...) NR_PRINTF(2, 3);

/** Words for a code of either range; static storage, never NULL. */
const char *nr_err_text(int code);
