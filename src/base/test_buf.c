/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/cmocka.h"
#include "base/torture.h"

static void assert_holds(const struct nr_buf *buf, const char *want)
{
	assert_int_equal(buf->err, 0);
	assert_true(nr_str_eq(nr_buf_str(buf), nr_str_from(want)));
}

static void bytes_are_appended_in_order(void **state)
{
	struct nr_buf buf;
	uint8_t *p;

	(void)state;
	nr_buf_init(&buf, 1000);
	assert_holds(&buf, "");
	nr_buf_add(&buf, "ab", 2);
	nr_buf_add(&buf, NULL, 0);
	nr_buf_add_str(&buf, NR_STR("cd"));
	nr_buf_addf(&buf, "%d-%s", 7, "x");
	p = nr_buf_reserve(&buf, 10);
	assert_non_null(p);
	p[0] = '!';
	nr_buf_commit(&buf, 1);
	assert_holds(&buf, "abcd7-x!");
	nr_buf_done(&buf);
	assert_holds(&buf, "");
	nr_buf_add(&buf, "again", 5);
	assert_holds(&buf, "again");
	nr_buf_done(&buf);
	nr_buf_done(NULL);
	assert_int_equal(torture_live, 0);
}

static void the_ceiling_is_exact_and_the_error_sticks(void **state)
{
	struct nr_buf buf;

	(void)state;
	nr_buf_init(&buf, 8);
	nr_buf_add(&buf, "12345678", 8);
	assert_holds(&buf, "12345678");
	nr_buf_add(&buf, "9", 1);
	assert_int_equal(buf.err, NR_ELIMIT);
	assert_int_equal(buf.n, 8);
	assert_null(nr_buf_reserve(&buf, 0));
	nr_buf_add(&buf, NULL, 0);
	nr_buf_addf(&buf, "x");
	assert_int_equal(buf.n, 8);
	nr_buf_reset(&buf);
	assert_holds(&buf, "");
	nr_buf_add(&buf, "again", 5);
	assert_holds(&buf, "again");
	nr_buf_reset(&buf);
	assert_null(nr_buf_reserve(&buf, SIZE_MAX));
	assert_int_equal(buf.err, NR_ELIMIT);
	nr_buf_done(&buf);
}

static void formatted_text_may_be_long_or_fill_the_buffer(void **state)
{
	char text[601];
	struct nr_buf buf;

	(void)state;
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	nr_buf_init(&buf, 600);
	nr_buf_addf(&buf, "%s", text);
	assert_holds(&buf, text);
	nr_buf_addf(&buf, "%s", "");
	assert_holds(&buf, text);
	nr_buf_addf(&buf, "%c", 'z');
	assert_int_equal(buf.err, NR_ELIMIT);
	nr_buf_done(&buf);
	for (int n = 250; n < 260; n++) {
		nr_buf_init(&buf, 600);
		nr_buf_addf(&buf, "%.*s", n, text);
		assert_int_equal(buf.n, n);
		assert_memory_equal(buf.p, text, (size_t)n);
		nr_buf_done(&buf);
	}
	assert_int_equal(torture_live, 0);
}

static void growth_keeps_the_content(void **state)
{
	struct nr_buf buf;

	(void)state;
	nr_buf_init(&buf, 100000);
	for (unsigned i = 0; i < 100000; i++) {
		uint8_t byte = (uint8_t)(i * 7);

		nr_buf_add(&buf, &byte, 1);
	}
	assert_int_equal(buf.err, 0);
	assert_int_equal(buf.n, 100000);
	assert_true(buf.cap <= buf.max);
	for (unsigned i = 0; i < 100000; i++)
		if (buf.p[i] != (uint8_t)(i * 7))
			fail_msg("byte %u", i);
	nr_buf_done(&buf);
}

static void growth_is_geometric_and_a_full_buffer_takes_no_memory(void **state)
{
	struct nr_buf buf;

	(void)state;
	nr_buf_init(&buf, SIZE_MAX);
	torture_fail_nth(0);
	for (unsigned i = 0; i < 1u << 20; i++)
		nr_buf_add(&buf, "x", 1);
	assert_int_equal(torture_end(), 13); /* 256 doubled 12 times */
	assert_int_equal(buf.cap, 1u << 20);
	nr_buf_reset(&buf);
	torture_fail_nth(1);
	assert_non_null(nr_buf_reserve(&buf, 1u << 20));
	assert_int_equal(torture_end(), 0);
	nr_buf_done(&buf);
}

static void growth_that_is_refused_is_tried_again_in_the_exact_size(void **state)
{
	struct nr_buf buf;

	(void)state;
	nr_buf_init(&buf, SIZE_MAX);
	torture_fail_nth(1);
	nr_buf_add(&buf, "0123456789", 10);
	assert_int_equal(torture_end(), 2);
	assert_holds(&buf, "0123456789");
	assert_int_equal(buf.cap, 10);
	nr_buf_done(&buf);
}

static void every_failing_allocation_is_remembered(void **state)
{
	char text[400];
	uint64_t n = 0;

	(void)state;
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	do {
		struct nr_buf buf;

		torture_fail_nth(++n);
		nr_buf_init(&buf, SIZE_MAX);
		for (int i = 0; i < 100; i++)
			nr_buf_addf(&buf, "%s", text);
		assert_true(buf.err == 0 || buf.err == -ENOMEM);
		assert_true(buf.err != 0 || buf.n == 100 * (sizeof(text) - 1));
		nr_buf_done(&buf);
		assert_int_equal(torture_live, 0);
	} while (torture_end() >= n);
	assert_true(n > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_appended_in_order),
		cmocka_unit_test(the_ceiling_is_exact_and_the_error_sticks),
		cmocka_unit_test(formatted_text_may_be_long_or_fill_the_buffer),
		cmocka_unit_test(growth_keeps_the_content),
		cmocka_unit_test(growth_is_geometric_and_a_full_buffer_takes_no_memory),
		cmocka_unit_test(growth_that_is_refused_is_tried_again_in_the_exact_size),
		cmocka_unit_test(every_failing_allocation_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
