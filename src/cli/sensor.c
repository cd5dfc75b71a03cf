/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi sensor enrol | list | revoke: the sensors of a hub. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "cli/cli.h"
#include "cli/local.h"

enum { OUT_MAX = 64 << 20, PORTS_MAX = 1024 };

struct words {
	bool json;
};

static const struct nr_option options[] = { { .name = "json",
					      .letter = 'j',
					      .type = NR_OPT_FLAG,
					      .offset = offsetof(struct words, json),
					      .help = "The hub's answer as it is." } };

struct call {
	struct words words;
	struct nr_option_list operands;
	struct nr_buf out;
};

static int one_call(struct call *call, const char *path, const struct nr_local_word *words,
		    size_t n, struct nr_err *reterr)
{
	nr_auto(nr_local) local = NULL;
	int ret = nr_local_open(call->operands.items[0].p, false, &local, reterr);

	return ret < 0 ? ret
		       : nr_local_call(local, path, words, n, (struct nr_bytes){ 0 }, &call->out,
				       reterr);
}

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

static int enrol(struct call *call, struct nr_err *reterr)
{
	char token[256], url[256];

	if (call->operands.n != 2)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory and the new sensor");
	struct nr_local_word words[] = { { "name", call->operands.items[1].p } };
	int ret = one_call(call, "/local/v1/sensor-invite", words, 1, reterr);

	if (ret < 0 || call->words.json)
		return ret;
	nr_local_member(&call->out, "token", token, sizeof(token));
	find_url(call->operands.items[0].p, url, sizeof(url));
	nr_buf_reset(&call->out);
	nr_buf_addf(&call->out, "%s\n", token);
	(void)fprintf(stderr, "On the sensor, within a day, once:\n    noroshi-sensor join %s %s\n",
		      url, token);
	return 0;
}

static int list(struct call *call, struct nr_err *reterr)
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

static int revoke(struct call *call, struct nr_err *reterr)
{
	if (call->operands.n != 2)
		return nr_fail(reterr, NR_EUSAGE, "name the hub's directory and the sensor");
	struct nr_local_word words[] = { { "name", call->operands.items[1].p } };
	int ret = one_call(call, "/local/v1/sensor-revoke", words, 1, reterr);

	if (ret == 0 && !call->words.json)
		nr_buf_reset(&call->out);
	return ret;
}

static int run(const struct nr_cli_command *command, int argc, char **argv,
	       int (*act)(struct call *call, struct nr_err *reterr))
{
	struct call call = { 0 };
	struct nr_err err = { 0 };
	int status = nr_cli_begin(command, argc, argv, &call.words, &call.operands);

	nr_buf_init(&call.out, OUT_MAX);
	if (status == NR_CLI_GO_ON) {
		int ret = act(&call, &err);

		if (ret == 0)
			ret = nr_cli_flush(&call.out);
		if (ret < 0 && err.code == 0)
			(void)nr_fail(&err, ret, "%s", nr_err_text(ret));
		status = ret == 0 ? NR_CLI_DONE : nr_cli_fail(command, &err);
	}
	nr_buf_done(&call.out);
	nr_option_release(command->help.options, command->help.n_options, &call.words,
			  &call.operands);
	return status;
}

static int run_enrol(int argc, char **argv)
{
	return run(&nr_cli_sensor_enrol, argc, argv, enrol);
}

static int run_list(int argc, char **argv)
{
	return run(&nr_cli_sensor_list, argc, argv, list);
}

static int run_revoke(int argc, char **argv)
{
	return run(&nr_cli_sensor_revoke, argc, argv, revoke);
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
