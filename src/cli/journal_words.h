/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * journal_words: an entry of the journal as a JSON line or as a line for people.
 */
#include "base/buf.h"
#include "record/entry.h"

void nr_journal_words_json(const struct nr_entry *entry, struct nr_buf *out);
void nr_journal_words_text(const struct nr_entry *entry, struct nr_buf *out);
