/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAP = 256 };

void nr_buf_init(struct nr_buf *buf, size_t max)
{
	*buf = (struct nr_buf){ .max = max };
}

void nr_buf_done(struct nr_buf *buf)
{
	if (buf == NULL)
		return;
	free(buf->p);
	nr_buf_init(buf, buf->max);
}

void nr_buf_reset(struct nr_buf *buf)
{
	buf->n = 0;
	buf->err = 0;
}

/* Slow half of reserve: the memory at hand is too small. */
static uint8_t *grow(struct nr_buf *buf, size_t n)
{
	size_t want, cap;
	uint8_t *p;

	if (buf->err != 0)
		return NULL;
	if (n > buf->max - buf->n) {
		buf->err = NR_ELIMIT;
		return NULL;
	}
	want = nr_max_size(buf->n + n, 1);
	cap = buf->cap > buf->max / 2 ? buf->max : buf->cap * 2;
	cap = nr_max_size(nr_max_size(cap, want), nr_min_size(FIRST_CAP, buf->max));
	p = realloc(buf->p, cap);
	if (p == NULL && cap > want) {
		cap = want;
		p = realloc(buf->p, cap);
	}
	if (p == NULL) {
		buf->err = -ENOMEM;
		return NULL;
	}
	buf->p = p;
	buf->cap = cap;
	return buf->p + buf->n;
}

uint8_t *nr_buf_reserve(struct nr_buf *buf, size_t n)
{
	if (NR_LIKELY(buf->err == 0 && buf->p != NULL && n <= buf->cap - buf->n))
		return buf->p + buf->n;
	return grow(buf, n);
}

void nr_buf_add(struct nr_buf *buf, const void *bytes, size_t n)
{
	uint8_t *p;

	if (n == 0)
		return;
	p = nr_buf_reserve(buf, n);
	if (p == NULL)
		return;
	memcpy(p, bytes, n);
	buf->n += n;
}

void nr_buf_add_str(struct nr_buf *buf, struct nr_str s)
{
	nr_buf_add(buf, s.p, s.n);
}

void nr_buf_addf(struct nr_buf *buf, const char *fmt, ...)
{
	char small[256];
	va_list args, again;
	int n;

	if (buf->err != 0)
		return;
	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(small, sizeof(small), fmt, args);
	if (n < 0) {
		buf->err = -EINVAL;
	} else if ((size_t)n < sizeof(small)) {
		nr_buf_add(buf, small, (size_t)n);
	} else {
		size_t size = (size_t)n + 1;
		char *large = malloc(size); /* the NUL needs a byte that may lie over the ceiling */

		if (large == NULL) {
			buf->err = -ENOMEM;
		} else {
			(void)vsnprintf(large, size, fmt, again);
			nr_buf_add(buf, large, (size_t)n);
			free(large);
		}
	}
	va_end(again);
	va_end(args);
}
