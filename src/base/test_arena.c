/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "base/cmocka.h"
#include "base/torture.h"

static void memory_is_zeroed_aligned_and_separate(void **state)
{
	nr_auto(nr_arena) arena = NULL;
	uint8_t *before = NULL;

	(void)state;
	assert_int_equal(nr_arena_new(SIZE_MAX, &arena), 0);
	for (size_t n = 0; n < 600; n++) {
		uint8_t *p = nr_arena_alloc(arena, n);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, (int)(n & 0xff), n);
		if (n > 1)
			assert_int_equal(before[n - 2], (n - 1) & 0xff);
		before = p;
	}
}

static void the_limit_refuses_and_counts(void **state)
{
	nr_auto(nr_arena) arena = NULL;

	(void)state;
	assert_int_equal(nr_arena_new(64, &arena), 0);
	assert_non_null(nr_arena_alloc(arena, 48));
	assert_int_equal(nr_arena_used(arena), 48);
	assert_null(nr_arena_alloc(arena, 17));
	assert_null(nr_arena_alloc(arena, SIZE_MAX));
	assert_null(nr_arena_alloc(arena, SIZE_MAX - 14));
	assert_null(nr_arena_str(arena, (struct nr_str){ "", SIZE_MAX }));
	assert_int_equal(nr_arena_refused(arena), 4);
	assert_non_null(nr_arena_alloc(arena, 16));
	assert_null(nr_arena_alloc(arena, 0));
	nr_arena_reset(arena);
	assert_int_equal(nr_arena_used(arena), 0);
	assert_non_null(nr_arena_alloc(arena, 64));
}

static void sizes_near_the_end_of_the_address_space_are_refused(void **state)
{
	nr_auto(nr_arena) small = NULL;
	nr_auto(nr_arena) endless = NULL;

	(void)state;
	assert_int_equal(nr_arena_new(70, &small), 0);
	assert_null(nr_arena_alloc(small, 65));
	assert_non_null(nr_arena_alloc(small, 64));
	assert_int_equal(nr_arena_new(SIZE_MAX, &endless), 0);
	for (size_t less = 0; less < 100; less++)
		assert_null(nr_arena_alloc(endless, SIZE_MAX - less));
	assert_int_equal(nr_arena_refused(endless), 100);
	assert_int_equal(nr_arena_used(endless), 0);
}

static void reset_memory_comes_back_zeroed(void **state)
{
	nr_auto(nr_arena) arena = NULL;

	(void)state;
	assert_int_equal(nr_arena_new(SIZE_MAX, &arena), 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 40; i++) {
			size_t n = i % 8 == 0 ? 100000 : 9000; /* own blocks among common ones */
			uint8_t *p = nr_arena_alloc(arena, n);

			assert_non_null(p);
			assert_int_equal(p[0] | p[n / 2] | p[n - 1], 0);
			memset(p, 0xff, n);
		}
		nr_arena_reset(arena);
	}
}

static void text_is_copied_with_a_nul(void **state)
{
	nr_auto(nr_arena) arena = NULL;
	char text[] = "abcdef";
	char *copy, *empty, *one;

	(void)state;
	assert_int_equal(nr_arena_new(1000, &arena), 0);
	one = nr_arena_str(arena, (struct nr_str){ text, 1 });
	copy = nr_arena_str(arena, (struct nr_str){ text, 3 });
	empty = nr_arena_str(arena, (struct nr_str){ NULL, 0 });
	text[0] = 'x';
	assert_string_equal(copy, "abc");
	assert_string_equal(empty, "");
	assert_string_equal(one, "a");
	nr_arena_reset(arena);
	assert_non_null(nr_arena_str(arena, NR_STR("fifteen letters")));
	assert_int_equal(nr_arena_used(arena), 16);
}

static void a_reset_arena_asks_for_no_more_memory(void **state)
{
	nr_auto(nr_arena) arena = NULL;

	(void)state;
	assert_int_equal(nr_arena_new(SIZE_MAX, &arena), 0);
	torture_fail_nth(0);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 4096;
		     i++) /* 64 bytes each: four blocks of 64 KiB, full to the end */
			assert_non_null(nr_arena_alloc(arena, 64));
		nr_arena_reset(arena);
	}
	assert_int_equal(torture_end(), 4);
}

static void everything_is_given_back(void **state)
{
	struct nr_arena *arena = NULL;
	int64_t before = torture_live;

	(void)state;
	assert_int_equal(nr_arena_new(SIZE_MAX, &arena), 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 40; i++)
			assert_non_null(nr_arena_alloc(arena, i % 8 == 0 ? 100000 : 9000));
		nr_arena_reset(arena);
		/* Blocks of the common size wait for their next use, others are gone. */
		assert_int_equal(torture_live - before, 1 + 5);
	}
	assert_non_null(nr_arena_alloc(arena, 100000));
	assert_non_null(nr_arena_alloc(arena, 1000));
	assert_null(nr_arena_free(arena));
	assert_int_equal(torture_live, before);
}

static void every_failing_allocation_is_survived(void **state)
{
	uint64_t n = 0;

	(void)state;
	do {
		nr_auto(nr_arena) arena = NULL;
		uint64_t n_null = 0;

		torture_fail_nth(++n);
		if (nr_arena_new(SIZE_MAX, &arena) < 0) {
			assert_null(arena);
			continue;
		}
		for (size_t i = 0; i < 30; i++)
			n_null += nr_arena_alloc(arena, i % 5 == 0 ? 50000 : 4000) == NULL;
		assert_int_equal(nr_arena_refused(arena), n_null);
	} while (torture_end() >= n);
	assert_true(n > 5);
}

static void free_accepts_null(void **state)
{
	(void)state;
	assert_null(nr_arena_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_aligned_and_separate),
		cmocka_unit_test(the_limit_refuses_and_counts),
		cmocka_unit_test(sizes_near_the_end_of_the_address_space_are_refused),
		cmocka_unit_test(reset_memory_comes_back_zeroed),
		cmocka_unit_test(text_is_copied_with_a_nul),
		cmocka_unit_test(a_reset_arena_asks_for_no_more_memory),
		cmocka_unit_test(everything_is_given_back),
		cmocka_unit_test(every_failing_allocation_is_survived),
		cmocka_unit_test(free_accepts_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
