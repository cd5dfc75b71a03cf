/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi sensors | members | status: who observes, who takes part, how the hub is. */
#include <stdio.h>

#include "base/json_read.h"
#include "cli/ask/grid.h"

struct words {
	struct nr_ask_words common;
};

static const struct nr_option options[] = { NR_ASK_OPTIONS(struct words, common) };

/* ---- sensors ---- */

enum { SILENT_MIN = 5 }; /* minutes without a word: worth a look */

/* What needs a person stands out by its capitals, not by colour alone. */
static void sensor_state(const struct nr_ask *ask, const json_t *sensor, struct nr_buf *out,
			 enum nr_term_style *style)
{
	struct nr_str state = nr_ask_text(sensor, "state");
	struct nr_time heard = nr_ask_when(sensor, "live.heard");

	if (!nr_str_eq(state, NR_STR("enrolled"))) {
		nr_buf_add_str(out, state);
	} else if (!nr_ask_true(sensor, "live.connected")) {
		*style = NR_STYLE_RED;
		nr_buf_add_str(out, NR_STR("AWAY"));
	} else if (ask->now.ns - heard.ns > SILENT_MIN * 60 * NR_NS_PER_S) {
		*style = NR_STYLE_YELLOW;
		nr_buf_add_str(out, NR_STR("SILENT"));
	} else {
		nr_buf_add_str(out, NR_STR("connected"));
	}
}

static const struct nr_grid_field sensor_fields[] = {
	{ .member = "name", .title = "SENSOR", .least = 12 },
	{ .title = "STATE", .kind = NR_GRID_MADE, .make = sensor_state },
	{ .member = "live.heard", .title = "HEARD AGO", .kind = NR_GRID_AGO, .rank = 2 },
	{ .member = "live.beat.newest", .title = "NEWEST DATA", .kind = NR_GRID_CLOCK, .rank = 3 },
	{ .member = "live.observations",
	  .title = "OBSERVATIONS",
	  .kind = NR_GRID_COUNT,
	  .rank = 4 },
	{ .member = "acknowledged.observations_lost",
	  .title = "LOST",
	  .kind = NR_GRID_COUNT,
	  .rank = 1 },
	{ .member = "member", .title = "MEMBER", .rank = 5, .least = 8 },
	{ .member = "certificate_until", .title = "CERTIFICATE", .kind = NR_GRID_CLOCK, .rank = 6 },
};

static int sensors(struct nr_ask *ask, struct nr_err *reterr)
{
	const struct nr_client_request rq = { .path = "/api/v1/sensors" };
	json_t *answer = NULL;
	int ret = nr_ask_operands(ask, 0, 0, "", reterr);

	if (ret == 0)
		ret = nr_ask_get(ask, &rq, &answer, reterr);
	if (ret < 0 || answer == NULL)
		return ret;
	const json_t *rows = nr_ask_at(answer, "sensors");

	if (json_array_size(rows) > 0)
		ret = nr_grid_print(ask, rows, sensor_fields, NR_COUNT(sensor_fields));
	else
		nr_ask_say(ask, NR_STYLE_PLAIN,
			   "No sensor of yours. 'noroshi sensor enrol DIR NAME' makes the first "
			   "one known.");
	if (ret == 0 && nr_ask_number(answer, "shared_with_you") > 0)
		nr_ask_say(ask, NR_STYLE_PLAIN, "%.0f sensors of others share with you.",
			   nr_ask_number(answer, "shared_with_you"));
	json_decref(answer);
	return ret;
}

/* ---- members ---- */

static void operator_cell(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
			  enum nr_term_style *style)
{
	(void)ask;
	(void)style;
	nr_buf_addf(out, "%s", nr_ask_true(row, "operator") ? "runs the hub" : "");
}

static const struct nr_grid_field member_fields[] = {
	{ .member = "name", .title = "MEMBER", .least = 12 },
	{ .member = "title", .title = "WHO", .least = 16, .rank = 1 },
	{ .member = "economy", .title = "IN" },
	{ .member = "sector", .title = "SECTOR", .least = 8, .rank = 3 },
	{ .member = "layer", .title = "LAYER", .rank = 2 },
	{ .title = "", .kind = NR_GRID_MADE, .make = operator_cell, .rank = 5 },
	{ .member = "suspended", .title = "SUSPENDED", .kind = NR_GRID_CLOCK },
	{ .member = "created", .title = "SINCE", .kind = NR_GRID_CLOCK, .rank = 4 },
};

static int members(struct nr_ask *ask, struct nr_err *reterr)
{
	const struct nr_client_word said[] = { { "limit", "10000" } };
	const struct nr_client_request rq = { .path = "/api/v1/members",
					      .words = said,
					      .n_words = NR_COUNT(said) };
	json_t *answer = NULL;
	int ret = nr_ask_operands(ask, 0, 0, "", reterr);

	if (ret == 0)
		ret = nr_ask_get(ask, &rq, &answer, reterr);
	if (ret < 0 || answer == NULL)
		return ret;
	ret = nr_grid_print(ask, nr_ask_at(answer, "members"), member_fields,
			    NR_COUNT(member_fields));
	json_decref(answer);
	return ret;
}

/* ---- status ---- */

/* The first thing to know is whether something is wrong. */
static unsigned troubles(struct nr_ask *ask, const json_t *status)
{
	static const struct {
		const char *path, *words;
	} failed[] = {
		{ "journal.failed", "Nothing is acknowledged any more: " },
		{ "engine.failed", "Findings are not made any more: " },
		{ "store.failed", "Figures do not grow any more: " },
	};
	unsigned n = 0;

	if (nr_ask_true(status, "journal.disk_full")) {
		nr_ask_say(ask, NR_STYLE_RED,
			   "THE DISK IS FULL: sensors keep what they have, and "
			   "nothing is lost as long as they have room.");
		n++;
	}
	for (size_t i = 0; i < NR_COUNT(failed); i++) {
		struct nr_str why = nr_ask_text(status, failed[i].path);

		if (why.n == 0)
			continue;
		nr_ask_say(ask, NR_STYLE_RED, "%s" NR_STR_FMT, failed[i].words, NR_STR_ARG(why));
		n++;
	}
	return n;
}

static void behind(struct nr_ask *ask, const json_t *status, const char *label, const char *path)
{
	char text[128], count[64];
	double n = nr_ask_number(status, path);
	struct nr_buf digits;

	nr_buf_init(&digits, sizeof(count));
	nr_term_count(&digits, (uint64_t)n);
	(void)snprintf(count, sizeof(count), "%.*s", (int)digits.n, (const char *)digits.p);
	nr_buf_done(&digits);
	(void)snprintf(text, sizeof(text),
		       n > 0 ? "%s entries of the journal behind" : "up to date", count);
	nr_ask_labelled(ask, label, nr_str_from(text));
}

static void clock_line(struct nr_ask *ask, const char *label, struct nr_time t, const char *what)
{
	char clock[NR_TIME_TEXT], ago[NR_TIME_TEXT], text[128];

	if (t.ns == 0)
		return;
	nr_ask_clock(ask, t, clock);
	nr_ask_ago(ask, t, ago);
	(void)snprintf(text, sizeof(text), "%s%s UTC, %s ago", what, clock, ago);
	nr_ask_labelled(ask, label, nr_str_from(text));
}

/* What only who runs the hub is told. */
static void inside(struct nr_ask *ask, const json_t *answer)
{
	char text[160], clock[NR_TIME_TEXT];

	nr_ask_labelled(ask, "Answers at", nr_ask_text(answer, "url"));
	clock_line(ask, "Started", nr_ask_when(answer, "started"), "");
	(void)snprintf(text, sizeof(text), "%.0f connected",
		       nr_ask_number(answer, "sensors_connected"));
	nr_ask_labelled(ask, "Sensors", nr_str_from(text));
	clock_line(ask, "Newest data", nr_ask_when(answer, "engine.watermark"),
		   "all sensors until ");
	behind(ask, answer, "Findings", "engine.behind");
	behind(ask, answer, "Figures", "store.behind");
	nr_ask_clock(ask, nr_ask_when(answer, "certificate_until"), clock);
	if (clock[0] == '\0')
		return;
	(void)snprintf(text, sizeof(text), "good until %s", clock);
	nr_ask_labelled(ask, "Certificate", nr_str_from(text));
}

static int status(struct nr_ask *ask, struct nr_err *reterr)
{
	const struct nr_client_request rq = { .path = "/api/v1/status" };
	char text[160];
	json_t *answer = NULL;
	int ret = nr_ask_operands(ask, 0, 0, "", reterr);

	if (ret == 0)
		ret = nr_ask_get(ask, &rq, &answer, reterr);
	if (ret < 0 || answer == NULL)
		return ret;
	bool all = nr_json_has(answer, "journal");
	unsigned n = troubles(ask, answer);
	struct nr_str name = nr_ask_text(answer, "name"), version = nr_ask_text(answer, "version");

	(void)snprintf(text, sizeof(text), NR_STR_FMT ", noroshi " NR_STR_FMT "%s",
		       NR_STR_ARG(name), NR_STR_ARG(version), all && n == 0 ? ", in order" : "");
	nr_ask_labelled(ask, "Hub", nr_str_from(text));
	if (all)
		inside(ask, answer);
	json_decref(answer);
	return 0;
}

static int run_sensors(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_ask_run(&nr_cli_sensors, argc, argv, &words, &words.common, sensors);
}

static int run_members(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_ask_run(&nr_cli_members, argc, argv, &words, &words.common, members);
}

static int run_status(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_ask_run(&nr_cli_status, argc, argv, &words, &words.common, status);
}

static const char about_sensors[] =
	"Your sensors, by name: connected, AWAY (enrolled, but not connected), SILENT (connected, and without a\n"
	"word for five minutes), expected (never came yet), imported, revoked; when it was last heard, the newest\n"
	"data it has seen, and what was lost on the way. Sensors of others are not listed: of them you learn only\n"
	"how many share with you.";

const struct nr_cli_command nr_cli_sensors = {
	.help = { .name = "noroshi sensors",
		  .summary = "your sensors, and how each is",
		  .operands = "",
		  .about = about_sensors,
		  .examples = "noroshi sensors\n",
		  .options = options,
		  .n_options = NR_COUNT(options) },
	.run = run_sensors,
};

const struct nr_cli_command nr_cli_members = {
	.help = { .name = "noroshi members",
		  .summary = "who takes part in this hub",
		  .operands = "",
		  .about = "The organisations of this hub, by name: the names that --to takes.",
		  .examples = "noroshi members\n",
		  .options = options,
		  .n_options = NR_COUNT(options) },
	.run = run_members,
};

const struct nr_cli_command nr_cli_status = {
	.help = { .name = "noroshi status",
		  .summary = "how the hub is",
		  .operands = "",
		  .about =
			  "What is wrong, if anything; how new the data is, and how far the hub is "
			  "with it.",
		  .examples = "noroshi status --hub https://hub.example.org:7443\n",
		  .options = options,
		  .n_options = NR_COUNT(options) },
	.run = run_status,
};
