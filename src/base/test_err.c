/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cmocka.h"

static void fail_fills_the_error_and_returns_its_code(void **state)
{
	struct nr_err err = { .code = 0 };

	(void)state;
	assert_int_equal(nr_fail(&err, NR_ELIMIT, "%d of %s", 3, "four"), NR_ELIMIT);
	assert_int_equal(err.code, NR_ELIMIT);
	assert_string_equal(err.msg, "3 of four");
	assert_int_equal(nr_fail(NULL, -EIO, "nobody listens"), -EIO);
}

static void fail_may_quote_the_message_that_it_replaces(void **state)
{
	struct nr_err err;

	(void)state;
	(void)nr_fail(&err, -EIO, "inner");
	(void)nr_fail(&err, -EINVAL, "outer (%s)", err.msg);
	assert_string_equal(err.msg, "outer (inner)");
}

static void a_prefix_goes_in_front_and_keeps_the_code(void **state)
{
	struct nr_err err;

	(void)state;
	(void)nr_fail(&err, -ENOENT, "no such thing");
	assert_int_equal(nr_err_prefix(&err, "line %d", 7), -ENOENT);
	assert_int_equal(err.code, -ENOENT);
	assert_string_equal(err.msg, "line 7: no such thing");
	assert_int_equal(nr_err_prefix(NULL, "line %d", 7), -EINVAL);
}

static void long_messages_are_cut_and_terminated(void **state)
{
	char text[2000];
	struct nr_err err;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)nr_fail(&err, -EIO, "%s", text);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	(void)nr_err_prefix(&err, "ab");
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_memory_equal(err.msg, "ab: xxx", 7);
	(void)nr_err_prefix(&err, "%s", text);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
}

static void every_code_has_words(void **state)
{
	(void)state;
	assert_string_equal(nr_err_text(0), "no error");
	assert_string_equal(nr_err_text(NR_EDAMAGED), "damaged input");
	assert_string_equal(nr_err_text(NR_EUSAGE), "wrong usage");
	assert_string_equal(nr_err_text(-ENOENT), "No such file or directory");
	assert_string_equal(nr_err_text(-999), "unknown error");
	assert_string_equal(nr_err_text(-5000), "unknown error");
	assert_string_equal(nr_err_text(5), "unknown error");
	for (int code = NR_EUSAGE; code <= NR_EDAMAGED; code++)
		assert_string_not_equal(nr_err_text(code), "unknown error");
}

static void a_broken_invariant_aborts(void **state)
{
	int status = 0;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		(void)close(STDERR_FILENO);
		nr_require(1 + 1 == 3);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	nr_require(1 + 1 == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fail_fills_the_error_and_returns_its_code),
		cmocka_unit_test(fail_may_quote_the_message_that_it_replaces),
		cmocka_unit_test(a_prefix_goes_in_front_and_keeps_the_code),
		cmocka_unit_test(long_messages_are_cut_and_terminated),
		cmocka_unit_test(every_code_has_words),
		cmocka_unit_test(a_broken_invariant_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
