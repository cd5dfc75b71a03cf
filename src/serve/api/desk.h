/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * desk: where questions for figures wait their turn, and where their answers lie until the sums change.
 *
 * Turn     at most NR_DESK_AT_ONCE questions are worked on, NR_DESK_VIEWER of them of one member; others
 *          wait up to NR_DESK_WAIT_MS, at most NR_DESK_WAITING of them: then -EBUSY (503, try again)
 * Answers  found by a digest of all they are made of: question, sensors, quorum. One holds while the
 *          sums' number of changes stands; then the first who asks works it out anew, and others get the
 *          one before meanwhile, for NR_DESK_STALE_S. Without one they wait.
 * Limits   NR_DESK_ANSWERS answers, NR_DESK_BYTES of them; the one used longest ago goes
 * Threads  any
 */
#include "base/buf.h"
#include "base/crypt.h"

enum {
	NR_DESK_AT_ONCE = 4,
	NR_DESK_VIEWER = 2,
	NR_DESK_WAITING = 256,
	NR_DESK_WAIT_MS = 5000,
	NR_DESK_STALE_S = 60,
	NR_DESK_ANSWERS = 512,
	NR_DESK_BYTES = 16 << 20,
};

struct nr_desk;
struct nr_desk_counts {
	uint64_t asked, found, waited, refused;
	unsigned working, waiting;
	size_t bytes;
};

NR_MUST_CHECK int nr_desk_new(struct nr_desk **ret_desk);
struct nr_desk *nr_desk_free(struct nr_desk *desk);

/**
 * The answer to what @p key stands for, as it is at @p changes: appended to @p out when it lies here.
 * Otherwise the caller works it out, and says so by nr_desk_leave() in any case.
 * @p member whose turn it is. @p gone is asked now and then while it waits.
 * @return 1 found; 0 work it out; -EBUSY; -ECANCELED gone
 */
NR_MUST_CHECK int nr_desk_enter(struct nr_desk *desk, const struct nr_digest *key, uint64_t changes,
				struct nr_uuid member, bool (*gone)(void *ctx), void *gone_ctx,
				struct nr_buf *out);
/** @p answer empty: there is none. */
void nr_desk_leave(struct nr_desk *desk, const struct nr_digest *key, uint64_t changes,
		   struct nr_uuid member, struct nr_bytes answer);
struct nr_desk_counts nr_desk_counts(struct nr_desk *desk);
