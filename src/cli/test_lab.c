/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/cmocka.h"
#include "cli/cli.h"
#include "learn/lab/scenario.h"

static void the_help_describes_every_scenario_in_its_own_words(void **state)
{
	char squeezed[4096];
	size_t n = 0;

	(void)state; /* line breaks of the help are not those of the table */
	for (const char *p = nr_cli_lab_generate.help.about; *p != '\0' && n + 1 < sizeof(squeezed);
	     p++)
		squeezed[n++] = *p == '\n' ? ' ' : *p;
	squeezed[n] = '\0';
	for (const struct nr_lab_scenario *s = nr_lab_scenarios; s->name != NULL; s++) {
		char want[512];

		assert_in_range(snprintf(want, sizeof(want), "%s: %s", s->name, s->summary), 1,
				sizeof(want) - 1);
		assert_non_null(strstr(squeezed, want));
	}
}

static void wrong_words_are_usage_errors(void **state)
{
	static char *const words[][4] = {
		{ "generate", "--scenario", "nosuch", NULL },
		{ "generate", "--net", "198.18.0.1/16", NULL },
		{ "generate", "--net", "198.18.0.0/16,198.18.3.0/24", NULL },
		{ "generate", "--duration", "never", NULL },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(words); i++) {
		char *argv[] = {
			words[i][0], words[i][1], words[i][2], "--out", "/dev/null", NULL
		};

		assert_int_equal(nr_cli_lab_generate.run(5, argv), NR_CLI_USAGE);
	}
	char *seeds[] = { "evaluate", "--seeds", "9-3", NULL };
	char *parts[] = { "evaluate", "--only", "everything", NULL };

	assert_int_equal(nr_cli_lab_evaluate.run(3, seeds), NR_CLI_USAGE);
	assert_int_equal(nr_cli_lab_evaluate.run(3, parts), NR_CLI_USAGE);
}

static void a_place_that_cannot_be_written_is_a_failure(void **state)
{
	char *argv[] = { "generate", "--scenario", "quiet", "--out", "/nonexistent/x.pcap", NULL };
	char *full[] = { "generate", "--scenario", "quiet", "--out", "/dev/full", NULL };

	(void)state;
	assert_int_equal(nr_cli_lab_generate.run(5, argv), NR_CLI_FAILED);
	assert_int_equal(nr_cli_lab_generate.run(5, full), NR_CLI_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_help_describes_every_scenario_in_its_own_words),
		cmocka_unit_test(wrong_words_are_usage_errors),
		cmocka_unit_test(a_place_that_cannot_be_written_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
