/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * cursor: places in what can be paged, as opaque text that only this hub makes and reads.
 *
 * Secret   nobody reads places or numbers from it: who sees two of them learns nothing of how much lies
 *          between. The same place for the same caller is the same text.
 * Bound    to the kind of list, the hub's epoch, and the member and user it was given to. A hub that
 *          was restored from a backup has a new epoch, and its old cursors are refused instead of
 *          skipping what is now numbered anew.
 * No right what he may know is asked again at each use; a cursor says where, never what
 * Text     URL-safe base64 of nr_seal(): version, kind, places
 */
#include "base/crypt.h"
#include "share/policy/policy.h"

enum { NR_CURSOR_PLAIN = 23, NR_CURSOR_TEXT = NR_BASE64_SIZE(NR_CURSOR_PLAIN + NR_SEAL_MORE) };
enum nr_cursor_kind { /* append only: it is part of what is bound */
		      NR_CURSOR_OBSERVATIONS = 1,
		      NR_CURSOR_FINDINGS,
		      NR_CURSOR_EVENTS,
		      NR_CURSOR_AUDIT,
		      NR_CURSOR_ASKS,
		      NR_CURSOR_COMMENTS,
		      NR_CURSOR_SUPPRESSIONS,
		      NR_CURSOR_TOKENS,
		      NR_CURSOR_USERS,
		      NR_CURSOR_MEMBERS,
		      NR_CURSOR_SENSORS,
};

struct nr_cursor_keeper {
	uint8_t key[32];
	struct nr_digest epoch;
	struct nr_uuid member, user; /* zero: the hub itself */
};
struct nr_cursor {
	uint8_t kind;
	uint64_t at;
	uint32_t row;
	uint64_t other; /* for what is made of two lists */
};

/** The keeper of this caller: what it prints, only he can use. */
struct nr_cursor_keeper nr_cursor_bound(const struct nr_cursor_keeper *keeper,
					const struct nr_viewer *viewer);
void nr_cursor_print(const struct nr_cursor_keeper *keeper, const struct nr_cursor *cursor,
		     char out[NR_CURSOR_TEXT]);
/** @return 0; NR_EUSAGE not one of this hub's, of another kind, or given to somebody else */
NR_MUST_CHECK int nr_cursor_parse(const struct nr_cursor_keeper *keeper, struct nr_str text,
				  enum nr_cursor_kind kind, struct nr_cursor *ret_cursor,
				  struct nr_err *reterr);
