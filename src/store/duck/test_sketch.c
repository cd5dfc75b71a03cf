/* SPDX-License-Identifier: Apache-2.0 */
#include "store/duck/sketch.h"

#include <math.h>
#include <stdlib.h>

#include "base/cmocka.h"
#include "base/hash.h"
#include "base/inet.h"

static uint64_t hash_of(uint32_t v4)
{
	struct nr_ip ip = nr_ip_v4(v4);

	return nr_sketch_hash(&ip);
}

static void estimates_stay_within_their_error(void **state)
{
	static const struct {
		uint32_t n, stride;
		double error;
	} cases[] = {
		{ 0, 1, 0 },
		{ 1, 1, 0 },
		{ 4, 256, 0 },
		{ 5, 1, 0 },
		{ 100, 1, 0.03 },
		{ 511, 65536, 0.08 },
		{ 700, 1, 0.08 },
		{ 5000, 1, 0.08 },
		{ 100000, 1, 0.08 },
		{ 100000, 7, 0.08 },
		{ 100000, 256, 0.08 },
		{ 1000000, 1, 0.08 },
		{ 60000, 65536, 0.08 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_sketch sketch = { .n = 0 };

		for (uint32_t k = 0; k < cases[i].n; k++)
			for (int twice = 0; twice < 2; twice++)
				assert_int_equal(nr_sketch_add(&sketch,
							       hash_of(k * cases[i].stride)),
						 0);
		double got = (double)nr_sketch_estimate(&sketch);

		if (fabs(got - cases[i].n) > cases[i].error * cases[i].n)
			fail_msg("%u sources: %.0f", cases[i].n, got);
		nr_sketch_done(&sketch);
	}
}

/* Sparse with sparse, sparse with dense, dense with dense: the same bytes as when all is added
 * to one. */
static void merging_gives_the_bytes_of_the_union_in_any_order(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 3, 4, 5, 40, 400, 511, 512, 600, 3000 };
	uint8_t want[NR_SKETCH_BYTES], got[NR_SKETCH_BYTES], bytes[NR_SKETCH_BYTES];

	(void)state;
	for (size_t a = 0; a < NR_COUNT(sizes); a++) {
		for (size_t b = 0; b < NR_COUNT(sizes); b++) {
			struct nr_sketch one = { .n = 0 }, two = { .n = 0 }, both = { .n = 0 },
					 joined = { .n = 0 };

			for (uint32_t k = 0; k < sizes[a]; k++) {
				assert_int_equal(nr_sketch_add(&one, hash_of(k)), 0);
				assert_int_equal(nr_sketch_add(&both, hash_of(k)), 0);
			}
			for (uint32_t k = 0; k < sizes[b]; k++) {
				assert_int_equal(nr_sketch_add(&two, hash_of(k + 200)), 0);
				assert_int_equal(nr_sketch_add(&both, hash_of(k + 200)), 0);
			}
			size_t n = nr_sketch_write(&both, want);
			size_t n_two = nr_sketch_write(&two, bytes);

			assert_int_equal(nr_sketch_join(&joined, &two), 0);
			assert_int_equal(nr_sketch_join(&joined, &one), 0);
			assert_int_equal(nr_sketch_merge(&one, (struct nr_bytes){ bytes, n_two }),
					 0);
			assert_int_equal(nr_sketch_write(&one, got), n);
			assert_memory_equal(got, want, n);
			assert_int_equal(nr_sketch_write(&joined, got), n);
			assert_memory_equal(got, want, n);
			nr_sketch_done(&one);
			nr_sketch_done(&two);
			nr_sketch_done(&both);
			nr_sketch_done(&joined);
		}
	}
}

static void bytes_that_are_no_sketch_are_refused(void **state)
{
	static uint8_t regs[NR_SKETCH_BYTES] = { [700] = 32 };
	static const uint8_t odd[3] = { 1, 0, 1 }, no_rank[2] = { 32, 0 };
	const struct nr_bytes cases[] = { { regs, sizeof(regs) },
					  { odd, sizeof(odd) },
					  { no_rank, sizeof(no_rank) },
					  { regs, 1026 } };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_sketch sketch = { .n = 0 };

		assert_int_equal(nr_sketch_merge(&sketch, cases[i]), NR_EDAMAGED);
		nr_sketch_done(&sketch);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(estimates_stay_within_their_error),
		cmocka_unit_test(merging_gives_the_bytes_of_the_union_in_any_order),
		cmocka_unit_test(bytes_that_are_no_sketch_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
