/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * buf: a growing byte buffer that was told its ceiling when it was made.
 *
 * Shape   all functions are safe on a buffer that failed; the first error sticks in err, so a
 *         writer checks once at the end. Zero-initialised memory is not a buffer: use nr_buf_init.
 * Limits  max bytes; going over sets err = NR_ELIMIT and appends nothing.
 */
#include "base/err.h"
#include "base/str.h"

struct nr_buf {
	uint8_t *p;
	size_t n, cap, max;
	int err;
};

void nr_buf_init(struct nr_buf *buf, size_t max);
void nr_buf_done(struct nr_buf *buf);
/** Forget the content and the error, keep the memory. */
void nr_buf_reset(struct nr_buf *buf);
/** Make room for @p n more bytes and return where they go (NULL on error); nr_buf_commit() adds them. */
uint8_t *nr_buf_reserve(struct nr_buf *buf, size_t n);
static inline void nr_buf_commit(struct nr_buf *buf, size_t n)
{
	buf->n += n;
}
void nr_buf_add(struct nr_buf *buf, const void *bytes, size_t n);
void nr_buf_add_str(struct nr_buf *buf, struct nr_str s);
void nr_buf_addf(struct nr_buf *buf, const char *fmt, ...) NR_PRINTF(2, 3);
static inline struct nr_str nr_buf_str(const struct nr_buf *buf)
{
	return (struct nr_str){ (const char *)buf->p, buf->n };
}
