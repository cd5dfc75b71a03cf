/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * torture: a test program linked with --wrap=malloc,calloc,realloc,free can make its n-th allocation fail
 * and counts what is live.
 *
 * Include it in one file of the test program. The loop that fails every allocation in turn:
 *
 *     uint64_t n = 0;
 *     do {
 *             torture_fail_nth(++n);
 *             ... the code under test, which must fail cleanly or succeed ...
 *     } while (torture_end() >= n);
 */
#include <stdlib.h>

#include "base/def.h"

static uint64_t torture_calls, torture_at;
static int64_t torture_live; /* allocations that were not freed */

static inline void torture_fail_nth(uint64_t n)
{
	torture_calls = 0;
	torture_at = n;
}

/** Stop failing. @return allocations asked for since torture_fail_nth() */
static inline uint64_t torture_end(void)
{
	torture_at = 0;
	return torture_calls;
}

static inline bool torture_fails(void)
{
	torture_calls++;
	return torture_at != 0 && torture_calls == torture_at;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static inline void *torture_count(void *p)
{
	torture_live += p != NULL;
	return p;
}

void *__wrap_malloc(size_t n)
{
	return torture_fails() ? NULL : torture_count(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return torture_fails() ? NULL : torture_count(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
	void *moved = torture_fails() ? NULL : __real_realloc(p, n);

	return p == NULL ? torture_count(moved) : moved;
}

void __wrap_free(void *p)
{
	torture_live -= p != NULL;
	__real_free(p);
}
