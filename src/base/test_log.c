/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <string.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "base/str.h"

enum { CAPTURED = 8192 };

static int saved_stderr, pipe_ends[2];

static void capture(void)
{
	assert_int_equal(pipe(pipe_ends), 0);
	saved_stderr = dup(STDERR_FILENO);
	assert_true(saved_stderr >= 0);
	assert_true(dup2(pipe_ends[1], STDERR_FILENO) >= 0);
}

static void captured(char out[CAPTURED])
{
	ssize_t n;

	assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
	(void)close(saved_stderr);
	(void)close(pipe_ends[1]);
	n = read(pipe_ends[0], out, CAPTURED - 1);
	(void)close(pipe_ends[0]);
	assert_true(n >= 0);
	out[n] = '\0';
}

static void one_event_is_one_line_with_escaped_values(void **state)
{
	char out[CAPTURED];
	struct nr_str line, rest;

	(void)state;
	capture();
	nr_log(NR_LOG_NOTICE, "observe", "started", "files=%d name=%s", 3, "a\r\nforged \x1b[2J");
	captured(out);
	rest = nr_str_from(out);
	line = nr_str_cut(&rest, '\n');
	assert_int_equal(rest.n, 0);
	assert_true(nr_str_ends(nr_str_word(&line), NR_STR("Z")));
	assert_true(nr_str_eq(
		line, NR_STR("notice observe started files=3 name=a\\x0d\\x0aforged \\x1b[2J")));
}

static void levels_above_the_limit_are_silent(void **state)
{
	char out[CAPTURED];

	(void)state;
	capture();
	nr_log(NR_LOG_DEBUG, "group", "hidden", "x=%d", 1);
	nr_log_level_set(NR_LOG_DEBUG);
	nr_log(NR_LOG_DEBUG, "group", "shown", "x=%d", 1);
	nr_log_level_set(NR_LOG_ERROR);
	nr_log(NR_LOG_WARNING, "group", "hidden", "x=%d", 1);
	nr_log(NR_LOG_ERROR, "group", "bad", "x=%d", 2);
	nr_log_level_set(NR_LOG_NOTICE);
	captured(out);
	assert_null(strstr(out, "hidden"));
	assert_non_null(strstr(out, " debug group shown x=1\n"));
	assert_non_null(strstr(out, " error group bad x=2\n"));
}

static void long_values_are_cut_and_the_line_still_ends(void **state)
{
	char out[CAPTURED], text[5000];

	(void)state;
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture();
	nr_log(NR_LOG_ERROR, "group", "event", "%s", text);
	nr_log(NR_LOG_ERROR, "group", "event", "%s", "");
	captured(out);
	assert_int_equal(nr_str_count(nr_str_from(out), '\n'), 2);
	assert_true(nr_str_ends(nr_str_from(out), NR_STR(" error group event\n")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_event_is_one_line_with_escaped_values),
		cmocka_unit_test(levels_above_the_limit_are_silent),
		cmocka_unit_test(long_values_are_cut_and_the_line_still_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
