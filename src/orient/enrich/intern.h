/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * intern: byte strings to small dense numbers, in order of first sight. Id 0 is the empty string.
 *
 * Shape   open addressing over a keyed hash, so that hostile names cannot make it slow; the ids do
 *         not depend on the key
 * Limits  max_bytes over all strings, NR_INTERN_MAX strings
 */
#include "base/str.h"

enum { NR_INTERN_MAX = 1 << 24 };

struct nr_intern;

NR_MUST_CHECK int nr_intern_new(size_t max_bytes, struct nr_intern **ret_intern);
struct nr_intern *nr_intern_free(struct nr_intern *intern);
static inline void nr_intern_autofree(struct nr_intern **i)
{
	nr_intern_free(*i);
}
/** @return 0; NR_ELIMIT; -ENOMEM */
NR_MUST_CHECK int nr_intern_id(struct nr_intern *intern, struct nr_str s, uint32_t *ret_id);
/** Lives until the next nr_intern_id(). */
struct nr_str nr_intern_get(const struct nr_intern *intern, uint32_t id);
/** Number of ids given out, the empty string's included. */
uint32_t nr_intern_n(const struct nr_intern *intern);
