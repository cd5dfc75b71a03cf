/* SPDX-License-Identifier: Apache-2.0 */
#include "record/sighting.h"

#include <stdlib.h>

#include "base/cmocka.h"

static struct nr_sighting sighting(uint8_t i)
{
	return (struct nr_sighting){ .sensor = { { i } },
				     .packets = UINT64_MAX - i,
				     .marked = i,
				     .bytes = UINT64_MAX,
				     .first = { 0 },
				     .last = { INT64_MAX } };
}

static void what_is_printed_reads_back(void **state)
{
	struct nr_sighting list[3] = { sighting(1), sighting(2), sighting(255) }, *got;
	struct nr_buf out;
	size_t n;

	(void)state;
	for (size_t k = 0; k <= NR_COUNT(list); k++) {
		nr_buf_init(&out, 4096);
		nr_sightings_print(list, k, &out);
		assert_int_equal(nr_sightings_parse(nr_buf_str(&out), &got, &n), 0);
		assert_int_equal(n, k);
		if (k > 0)
			assert_memory_equal(got, list, k * sizeof(list[0]));
		else
			assert_null(got);
		free(got);
		nr_buf_done(&out);
	}
}

#define ONE   "[\"01000000-0000-0000-0000-000000000000\",1,0,1,5,5]"
#define TWICE "[" ONE "," ONE "]"

/* Each byte left out, or another: never what was not written, never more than is there. */
static void anything_else_is_no_sightings(void **state)
{
	struct nr_sighting list[2] = { sighting(1), sighting(2) }, *got;
	static const char *const bad[] = {
		"",
		"{}",
		"null",
		"[",
		"]",
		"[[]]",
		"[1]",
		" []",
		"[] ",
		"[],[]",
		"[[\"01000000-0000-0000-0000-000000000000\",1,0,1,-1,5]]",
		"[[\"01000000-0000-0000-0000-000000000000\",1,0,1,6,5]]",
		"[[\"01000000-0000-0000-0000-000000000000\",1,0,1,5]]",
		"[[\"01000000-0000-0000-0000-000000000000\",18446744073709551616,0,1,5,5]]",
		"[[\"01000000-0000-0000-0000-000000000000\",1,0,1,5,9223372036854775808]]",
		"[[\"01000000-0000-0000-0000-00000000000\",1,0,1,5,5]]",
		TWICE,
	};
	struct nr_buf out;
	size_t n = 1;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(bad); i++) {
		assert_int_equal(nr_sightings_parse(nr_str_from(bad[i]), &got, &n), NR_EDAMAGED);
		assert_null(got);
		assert_int_equal(n, 0);
	}
	nr_buf_init(&out, 4096);
	nr_sightings_print(list, 2, &out);
	for (size_t cut = 0; cut < out.n; cut++) {
		char *text = malloc(out.n); /* its own, so that reading beyond is seen */

		assert_non_null(text);
		memcpy(text, out.p, cut);
		assert_int_equal(nr_sightings_parse((struct nr_str){ text, cut }, &got, &n),
				 NR_EDAMAGED);
		free(text);
	}
	nr_buf_done(&out);
}

static void more_than_there_can_be_are_refused_before_memory_is_taken(void **state)
{
	size_t n = NR_SIGHTINGS_MAX + 2, got_n;
	char *text = malloc(n);
	struct nr_sighting *got;

	(void)state;
	assert_non_null(text);
	memset(text, '[', n);
	assert_int_equal(nr_sightings_parse((struct nr_str){ text, n }, &got, &got_n), NR_EDAMAGED);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_printed_reads_back),
		cmocka_unit_test(anything_else_is_no_sightings),
		cmocka_unit_test(more_than_there_can_be_are_refused_before_memory_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
