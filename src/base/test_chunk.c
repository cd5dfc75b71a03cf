/* SPDX-License-Identifier: Apache-2.0 */
#include "base/chunk.h"

#include <pthread.h>
#include <string.h>

#include "base/cmocka.h"

/* AddressSanitizer keeps freed memory for a while. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static void chunks_of_all_sizes_are_aligned_and_do_not_overlap(void **state)
{
	static const size_t sizes[] = { 1,
					64,
					4095,
					4096,
					4097,
					16384,
					100000,
					1 << 20,
					(4 << 20) - 4096,
					(4 << 20) - 1,
					4 << 20,
					(4 << 20) + 1,
					9 << 20 };
	enum { EACH = 5 };
	uint8_t *chunks[NR_COUNT(sizes)][EACH];

	(void)state;
	for (size_t s = 0; s < NR_COUNT(sizes); s++) {
		for (unsigned i = 0; i < EACH; i++) {
			chunks[s][i] = nr_chunk_new(sizes[s]);
			nr_require(chunks[s][i] != NULL);
			assert_int_equal((uintptr_t)chunks[s][i] % 64, 0);
			memset(chunks[s][i], (int)(s * EACH + i + 1), sizes[s]);
		}
	}
	for (size_t s = 0; s < NR_COUNT(sizes); s++) {
		for (unsigned i = 0; i < EACH; i++) {
			for (size_t at = 0; at < sizes[s]; at += 97)
				assert_int_equal(chunks[s][i][at], s * EACH + i + 1);
			assert_int_equal(chunks[s][i][sizes[s] - 1], s * EACH + i + 1);
			nr_chunk_free(chunks[s][i], sizes[s]);
		}
	}
	nr_chunk_free(NULL, 4096);
}

static void freed_chunks_serve_again_so_that_churn_takes_no_memory(void **state)
{
	uintptr_t low = UINTPTR_MAX, high = 0;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		void *a = nr_chunk_new(16384), *b = nr_chunk_new(20000);

		nr_require(a != NULL && b != NULL);
		assert_ptr_not_equal(a, b);
		low = (uintptr_t)a < low ? (uintptr_t)a : low;
		high = (uintptr_t)a > high ? (uintptr_t)a : high;
		memset(a, 0xff, 16384); /* also where the free list keeps its links */
		memset(b, 0xff, 20000);
		nr_chunk_free(b, 20000);
		nr_chunk_free(a, 16384);
	}
#if !SANITIZED
	assert_true(high - low < (64 << 20));
#endif
}

static void *churn(void *arg)
{
	uint8_t fill = *(const uint8_t *)arg;
	uint8_t *held[16] = { 0 };

	for (unsigned i = 0; i < 4000; i++) {
		unsigned at = i % NR_COUNT(held);

		for (size_t k = 0; held[at] != NULL && k < 4096; k += 512)
			if (held[at][k] != fill)
				return arg;
		nr_chunk_free(held[at], 4096);
		held[at] = nr_chunk_new(4096);
		if (held[at] == NULL)
			return arg;
		memset(held[at], fill, 4096);
	}
	for (unsigned at = 0; at < NR_COUNT(held); at++)
		nr_chunk_free(held[at], 4096);
	return NULL;
}

static void threads_never_hold_the_same_chunk(void **state)
{
	static uint8_t fills[] = { 1, 2, 3, 4 };
	pthread_t threads[NR_COUNT(fills)];
	void *wrong;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(fills); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, churn, &fills[i]), 0);
	for (size_t i = 0; i < NR_COUNT(fills); i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_of_all_sizes_are_aligned_and_do_not_overlap),
		cmocka_unit_test(freed_chunks_serve_again_so_that_churn_takes_no_memory),
		cmocka_unit_test(threads_never_hold_the_same_chunk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
