/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask/figures.h"

#include "base/cmocka.h"

static struct nr_ask ask_of(unsigned width)
{
	struct nr_ask ask = { .term = { .width = width, .unicode = true } };

	assert_int_equal(nr_time_parse(NR_STR("2026-11-20T12:00:00Z"), &ask.now), 0);
	nr_buf_init(&ask.out, NR_CLIENT_ANSWER);
	return ask;
}

static json_t *json_of(const char *text)
{
	json_t *json = NULL;

	assert_int_equal(nr_ask_parse(nr_str_from(text), &json, NULL), 0);
	return json;
}

static void assert_out(struct nr_ask *ask, const char *want)
{
	nr_buf_add(&ask->out, "", 1);
	assert_string_equal((const char *)ask->out.p, want);
	nr_buf_done(&ask->out);
}

#define PERIOD "\"since\":\"2026-11-20T09:00:00Z\",\"until\":\"2026-11-20T12:00:00Z\""

static void whose_figures_they_are_and_how_new_stands_above_them(void **state)
{
	static const struct {
		const char *answer, *want;
	} cases[] = {
		{ "{\"scope\":\"own\",\"sensors\":1,\"quorum\":0," PERIOD
		  ",\"newest\":\"2026-11-20T11:59:00Z\"}",
		  "Top ports, 11-20 09:00 to 11-20 12:00 UTC\nexact, from 1 sensor of your own\n"
		  "Nothing in this period.\n" },
		{ "{\"scope\":\"shared\",\"sensors\":7,\"quorum\":4," PERIOD ",\"newest\":null}",
		  "Top ports, 11-20 09:00 to 11-20 12:00 UTC\n"
		  "shared: what 4 or more of 7 sensors of others reach, each by itself\n"
		  "Nothing in this period.\n" },
		{ "{\"scope\":\"shared\",\"sensors\":2,\"quorum\":0," PERIOD ",\"newest\":null}",
		  "Top ports, 11-20 09:00 to 11-20 12:00 UTC\n"
		  "2 sensors of others share with you: too few to show anything without showing\n"
		  "what one of them saw.\n" },
		{ "{\"scope\":\"shared\",\"sensors\":0,\"quorum\":0," PERIOD ",\"newest\":null}",
		  "Top ports, 11-20 09:00 to 11-20 12:00 UTC\nNo sensors of others share with you.\n" },
		{ "{\"scope\":\"own\",\"sensors\":0,\"quorum\":0," PERIOD ",\"newest\":null}",
		  "Top ports, 11-20 09:00 to 11-20 12:00 UTC\n"
		  "You have no sensors of your own: try --scope shared.\n" },
		{ "{\"scope\":\"own\",\"sensors\":3,\"quorum\":0," PERIOD
		  ",\"newest\":\"2026-11-20T10:00:00Z\",\"partial\":true,\"partial_why\":\"too much\"}",
		  "Top ports, 11-20 09:00 to 11-20 12:00 UTC\nexact, from 3 sensors of your own\n"
		  "NOT ALL: too much\nOLD DATA: the newest is 2 h old\nNothing in this period.\n" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_ask ask = ask_of(80);
		json_t *answer = json_of(cases[i].answer);

		nr_figures_head(&ask, answer, "Top ports");
		nr_figures_nothing(&ask, answer);
		assert_out(&ask, cases[i].want);
		json_decref(answer);
	}
}

static void rows_name_services_and_leave_the_unknown_empty(void **state)
{
	static const struct {
		const char *by, *rows, *want;
	} cases[] = {
		{ "ports",
		  "[{\"key\":\"23/tcp\",\"packets\":20,\"sources\":3},{\"key\":\"2/tcp\",\"packets\":5,"
		  "\"sources\":1}]",
		  "PORT    SERVICE  PACKETS  SOURCES\n23/tcp  telnet        20        3\n"
		  "2/tcp                  5        1\n" },
		{ "sources",
		  "[{\"key\":\"192.0.2.1\",\"asn\":\"AS64500\",\"economy\":\"JP\",\"packets\":2},"
		  "{\"key\":\"192.0.2.2\",\"asn\":\"AS0\",\"economy\":\"ZZ\",\"packets\":1}]",
		  "SOURCE     NETWORK     PACKETS\n192.0.2.1  JP AS64500        2\n"
		  "192.0.2.2                    1\n" },
		{ "asns", "[{\"key\":\"AS0\",\"packets\":1}]",
		  "AS       PACKETS\nunknown        1  ████████████████\n" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_ask ask = ask_of(34); /* too narrow for bars */
		json_t *rows = json_of(cases[i].rows);

		assert_int_equal(nr_figures_rows(&ask, cases[i].by, rows), 0);
		assert_out(&ask, cases[i].want);
		json_decref(rows);
	}
}

static void a_chart_fits_and_says_sum_and_peak(void **state)
{
	static const char head[] = "{" PERIOD ",\"step\":3600}";
	static const char rows[] =
		"[{\"time\":\"2026-11-20T09:00:00Z\",\"packets\":8,\"sources\":2},"
		"{\"time\":\"2026-11-20T11:00:00Z\",\"packets\":4,\"sources\":3}]";
	json_t *answer = json_of(head), *series = json_of(rows);
	struct nr_ask ask = ask_of(80);

	(void)state;
	nr_figures_spark(&ask, answer, series, "packets");
	nr_figures_spark(&ask, answer, series, "sources");
	nr_figures_spark(&ask, answer, series, "bytes");
	assert_out(&ask,
		   "packets     12 in all, at most 8 in the hour of 11-20 09:00\n████    ▄▄▄▄\n"
		   "sources     at most 3 in the hour of 11-20 11:00\n▅▅▅▅    ████\n"
		   "bytes       none\n");
	ask = ask_of(2); /* two columns for three hours: of packets the sum, of sources the most */
	nr_figures_spark(&ask, answer, series, "packets");
	assert_non_null(memmem(ask.out.p, ask.out.n, "\n█▄\n", strlen("\n█▄\n")));
	nr_buf_done(&ask.out);
	json_decref(series);
	json_decref(answer);
}

static void a_period_that_cannot_be_makes_no_chart(void **state)
{
	static const char *const answers[] = {
		"{\"since\":\"2026-11-20T09:00:00Z\",\"until\":\"2026-11-20T08:00:00Z\",\"step\":60}",
		"{" PERIOD ",\"step\":0}",
		"{" PERIOD ",\"step\":-5}",
		"{\"since\":5,\"until\":null,\"step\":\"x\"}",
		"{\"since\":\"1700-01-01\",\"until\":\"2200-01-01\",\"step\":1}",
		"[]",
	};
	json_t *series = json_of("[{\"time\":\"1999-01-01T00:00:00Z\",\"packets\":8},7,null]");

	(void)state;
	for (size_t i = 0; i < NR_COUNT(answers); i++) {
		struct nr_ask ask = ask_of(80);
		json_t *answer = json_of(answers[i]);

		nr_figures_spark(&ask, answer, series, "packets");
		assert_int_equal(ask.out.n, 0);
		nr_buf_done(&ask.out);
		json_decref(answer);
	}
	json_decref(series);
}

static void a_period_is_the_last_hours_or_what_was_said(void **state)
{
	static const struct {
		const char *last, *since, *until, *want_since, *want_until;
	} cases[] = {
		{ "24h", NULL, NULL, "-24h", NULL },
		{ "7d", NULL, "2026-01-02", "-7d", "2026-01-02" },
		{ "24h", "2026-01-01", "2026-01-02", "2026-01-01", "2026-01-02" },
	};
	struct nr_figures_period period;
	struct nr_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		const struct nr_figures_words words = { .last = cases[i].last,
							.since = cases[i].since,
							.until = cases[i].until };

		assert_int_equal(nr_figures_period(&words, &period, &err), 0);
		assert_string_equal(period.words[0].value, cases[i].want_since);
		if (cases[i].want_until == NULL)
			assert_null(period.words[1].value);
		else
			assert_string_equal(period.words[1].value, cases[i].want_until);
		assert_null(period.words[2].value);
	}
	const struct nr_figures_words bad = { .last = "\x1b[2J" };

	assert_int_equal(nr_figures_period(&bad, &period, &err), NR_EUSAGE);
	assert_null(strchr(err.msg, '\x1b'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whose_figures_they_are_and_how_new_stands_above_them),
		cmocka_unit_test(rows_name_services_and_leave_the_unknown_empty),
		cmocka_unit_test(a_chart_fits_and_says_sum_and_peak),
		cmocka_unit_test(a_period_that_cannot_be_makes_no_chart),
		cmocka_unit_test(a_period_is_the_last_hours_or_what_was_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
