/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * message_int: what messages and journal entries have in common: the bodies of batches and gaps, and short texts.
 *
 * Readers leave the failure in @p r or return false when the value itself cannot be.
 */
#include "record/message.h"

enum { NR_MESSAGE_BATCH_FIXED = 56, NR_MESSAGE_GAP_BODY = 89 };

void nr_message_put_batch(struct nr_buf *out, const struct nr_message_batch *batch);
NR_MUST_CHECK bool nr_message_get_batch(struct nr_reader *r, struct nr_message_batch *ret_batch);
void nr_message_put_gap(struct nr_buf *out, const struct nr_message_gap *gap);
NR_MUST_CHECK bool nr_message_get_gap(struct nr_reader *r, struct nr_message_gap *ret_gap);
/** Text up to its NUL or @p cap; what could move a terminal's cursor becomes '?'. */
void nr_message_put_text(struct nr_buf *out, const char *text, size_t cap);
/** All that is left, and a NUL behind it in @p out of @p cap bytes. */
NR_MUST_CHECK bool nr_message_get_text(struct nr_reader *r, char *out, size_t cap);
