/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi sensor enrol | list | revoke: the sensors of a hub. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "cli/cli.h"
#include "cli/local.h"

enum { PORTS_MAX = 1024 };

struct words {
	bool json;
};

static const struct nr_option options[] = { { .name = "json",
					      .letter = 'j',
					      .type = NR_OPT_FLAG,
					      .offset = offsetof(struct words, json),
					      .help = "The hub's answer as it is." } };

/* Where the API is: while the hub runs it says so in a file. */
static void find_url(const char *dir, char *out, size_t cap)
{
	char path[NR_HOME_PATH];
	struct nr_bytes text;

	(void)snprintf(out, cap, "URL");
	nr_home_path(dir, "ports", path);
	if (nr_io_slurp(path, PORTS_MAX, &text, NULL) < 0)
		return;
	struct nr_str rest = { (const char *)text.p, text.n }, line = nr_str_cut(&rest, '\n');

	if (nr_str_starts(line, NR_STR("url ")))
		(void)snprintf(out, cap, "%.*s", (int)line.n - 4, line.p + 4);
	free((void *)(uintptr_t)text.p);
}

static int enrol(struct nr_local_command *call, struct nr_err *reterr)
{
	const struct words *told = call->words;
	char token[256], url[256];

	if (call->operands.n != 2)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory and the new sensor");
	struct nr_local_word words[] = { { "name", call->operands.items[1].p } };
	int ret = nr_local_once(call, "/local/v1/sensor-invite", words, 1, reterr);

	if (ret < 0 || told->json)
		return ret;
	nr_local_member(&call->out, "token", token, sizeof(token));
	find_url(call->operands.items[0].p, url, sizeof(url));
	nr_buf_reset(&call->out);
	nr_buf_addf(&call->out, "%s\n", token);
	(void)fprintf(stderr, "On the sensor, within a day, once:\n    noroshi-sensor join %s %s\n",
		      url, token);
	return 0;
}

static int list(struct nr_local_command *call, struct nr_err *reterr)
{
	nr_auto(nr_local) local = NULL;

	if (call->operands.n != 1)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory");
	int ret = nr_local_open(call->operands.items[0].p, false, &local, reterr);

	if (ret < 0)
		return ret;
	/* A running hub knows more: who is connected, and what its last beat said. */
	return nr_local_runs(local) ? nr_local_get(local, "/api/v1/sensors", &call->out, reterr)
				    : nr_local_call(local, "/local/v1/sensors", NULL, 0,
						    (struct nr_bytes){ 0 }, &call->out, reterr);
}

static int revoke(struct nr_local_command *call, struct nr_err *reterr)
{
	const struct words *told = call->words;

	if (call->operands.n != 2)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory and the sensor");
	struct nr_local_word words[] = { { "name", call->operands.items[1].p } };
	int ret = nr_local_once(call, "/local/v1/sensor-revoke", words, 1, reterr);

	if (ret == 0 && !told->json)
		nr_buf_reset(&call->out);
	return ret;
}

static int run_enrol(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_sensor_enrol, argc, argv, &words, enrol);
}

static int run_list(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_sensor_list, argc, argv, &words, list);
}

static int run_revoke(int argc, char **argv)
{
	struct words words = { 0 };

	return nr_local_run(&nr_cli_sensor_revoke, argc, argv, &words, revoke);
}

static const char about_enrol[] =
	"Makes a sensor NAME known to the hub in DIR and prints a token for it that works once, within a\n"
	"day. Whoever runs the sensor gives it to 'noroshi-sensor join URL TOKEN'; the key is made there and\n"
	"never leaves that machine. The token holds the pin of the hub's authority, so the sensor knows its hub\n"
	"before it spoke to it.\n"
	"\n"
	"For a sensor that is there already: another token, to join anew.";

const struct nr_cli_command nr_cli_sensor_enrol = {
	.help = { .name = "noroshi sensor enrol",
		  .summary = "invite a sensor: print its one-time token",
		  .operands = "DIR NAME",
		  .about = about_enrol,
		  .examples = "noroshi sensor enrol /var/lib/noroshi tokyo-1\n",
		  .options = options,
		  .n_options = NR_COUNT(options) },
	.run = run_enrol,
};

const struct nr_cli_command nr_cli_sensor_list = {
	.help = { .name = "noroshi sensor list",
		  .summary = "list the sensors of a hub",
		  .operands = "DIR",
		  .about = "Prints a JSON object, the same as GET /api/v1/sensors.",
		  .examples = "noroshi sensor list /var/lib/noroshi\n",
		  .options = options,
		  .n_options = NR_COUNT(options) },
	.run = run_list,
};

const struct nr_cli_command nr_cli_sensor_revoke = {
	.help = { .name = "noroshi sensor revoke",
		  .summary = "never take anything from a sensor again",
		  .operands = "DIR NAME",
		  .about =
			  "A session that is open ends within a minute. What it sent before stays.",
		  .examples = "noroshi sensor revoke /var/lib/noroshi tokyo-1\n",
		  .options = options,
		  .n_options = NR_COUNT(options) },
	.run = run_revoke,
};
