/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * cursor: places in what can be paged, as opaque text that only this hub makes and reads.
 *
 * Text     hex of: version, kind, place, row, and a keyed digest of these and of the hub's epoch;
 *          a hub that was restored from a
 *          backup has a new epoch, and its old cursors are refused instead of skipping what is
 *          now numbered anew
 */
#include "base/crypt.h"

enum { NR_CURSOR_TEXT = 64 };
enum nr_cursor_kind { NR_CURSOR_OBSERVATIONS = 1, NR_CURSOR_FINDINGS };

struct nr_cursor_keeper {
	uint8_t key[32];
	struct nr_digest epoch;
};
struct nr_cursor {
	uint8_t kind;
	uint64_t at;
	uint32_t row;
};

void nr_cursor_print(const struct nr_cursor_keeper *keeper, const struct nr_cursor *cursor,
		     char out[NR_CURSOR_TEXT]);
/** @return 0; NR_EUSAGE not one of this hub's, or of another kind */
NR_MUST_CHECK int nr_cursor_parse(const struct nr_cursor_keeper *keeper, struct nr_str text,
				  enum nr_cursor_kind kind, struct nr_cursor *ret_cursor,
				  struct nr_err *reterr);
