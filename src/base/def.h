/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * def: the few language idioms every file uses.
 *
 * Ownership   nr_auto(type) releases a local at end of scope through type_autofree();
 *             NR_TAKE(ptr) moves it out. nr_auto needs `static inline void T_autofree(struct T **)`.
 * Assertions  nr_require(x) always on, aborts: a broken invariant of ours, never about input.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NR_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NR_MUST_CHECK	__attribute__((warn_unused_result))
#define NR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define NR_LIKELY(x)	__builtin_expect(!!(x), 1)
/** A large local that is written before it is read: spares -ftrivial-auto-var-init on hot paths. */
#define NR_UNINITIALIZED __attribute__((uninitialized))
#define NR_UNLIKELY(x)	 __builtin_expect(!!(x), 0)
/** A loop over megabytes whose branches tell a fuzzer nothing: spares the trace calls, nothing else. */
#ifdef NR_FUZZING
#define NR_UNTRACED __attribute__((no_sanitize("coverage")))
#else
#define NR_UNTRACED
#endif

#define nr_auto(type) __attribute__((cleanup(type##_autofree))) struct type *

#define NR_TAKE(ptr)                            \
	({                                      \
		__typeof__(ptr) taken_ = (ptr); \
		(ptr) = NULL;                   \
		taken_;                         \
	})

#define nr_require(x) ((x) ? (void)0 : nr_require_failed(#x, __FILE__, __LINE__))
_Noreturn void nr_require_failed(const char *what, const char *file, int line);

static inline size_t nr_min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t nr_max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}
