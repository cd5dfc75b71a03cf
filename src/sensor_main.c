/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi-sensor: the words of its command line. What it does stands in observe/sensor. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/crypt.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "observe/sensor/join.h"
#include "observe/sensor/status.h"
#include "observe/sensor/supervise.h"

enum { DONE = 0, FAILED = 1, USAGE = 2, TEXT_MAX = 1 << 20, COLUMNS = 80 };

struct command {
	const struct nr_command_help *help;
	int (*run)(int argc, char **argv);
};

static int fail(const struct nr_command_help *help, const struct nr_err *err)
{
	(void)fprintf(stderr, "%s: %s\n", help->name, err->msg);
	if (err->code != NR_EUSAGE)
		return FAILED;
	(void)fprintf(stderr, "Try '%s --help'.\n", help->name);
	return USAGE;
}

static int print(struct nr_buf *text)
{
	int r = text->err < 0 ? text->err : nr_io_write_all(STDOUT_FILENO, text->p, text->n);

	nr_buf_done(text);
	return r < 0 ? FAILED : DONE;
}

static int print_help(const struct nr_command_help *help)
{
	struct nr_buf text;

	nr_buf_init(&text, TEXT_MAX);
	nr_option_help(help, COLUMNS, &text);
	return print(&text);
}

/* ---- run ---- */

static int run_run(int argc, char **argv)
{
	struct nr_settings settings;
	struct nr_err err = { 0 };
	int r = nr_settings_parse(argc, argv, &settings, &err);
	int status = r < 0   ? fail(&nr_settings_help, &err)
		     : r > 0 ? print_help(&nr_settings_help)
			     : DONE;

	if (r == 0) {
		nr_log_level_set(settings.verbose ? NR_LOG_DEBUG : NR_LOG_NOTICE);
		status = nr_supervise(&settings);
	}
	nr_settings_release(&settings);
	return status;
}

/* ---- join, status ---- */

struct words {
	const char *dir;
	bool json;
};

#define DIR_OPTION                                                                            \
	{                                                                                     \
		.name = "dir", .type = NR_OPT_STR, .value = "DIR",                            \
		.fallback = "/var/lib/noroshi-sensor", .offset = offsetof(struct words, dir), \
		.help = "Directory of identity and spool."                                    \
	}

static const struct nr_option join_options[] = { DIR_OPTION };
static const struct nr_command_help join_help = {
	.name = "noroshi-sensor join",
	.summary = "get an identity from a hub",
	.operands = "URL TOKEN",
	.about = "Makes a key on this machine, has the hub certify it, and keeps key, "
		 "certificate, authority and the hub's "
		 "address in DIR/keys. The token comes from 'noroshi sensor enrol NAME' on the "
		 "hub; it is good for one "
		 "sensor, and says which hub: to any other nothing is sent. The key never leaves.",
	.examples = "noroshi-sensor join https://hub.example.net:8443 TOKEN\n    become a sensor "
		    "of this hub\n",
	.options = join_options,
	.n_options = NR_COUNT(join_options),
};

static const struct nr_option status_options[] = {
	DIR_OPTION,
	{ .name = "json",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, json),
	  .help = "One JSON object." },
};
static const struct nr_command_help status_help = {
	.name = "noroshi-sensor status",
	.summary = "what the running sensor counts",
	.operands = "",
	.about = "Shows what the sensor wrote of itself, at most five seconds ago while it runs. "
		 "received = classified + every dropped.* + lost; kernel_dropped comes on top.",
	.options = status_options,
	.n_options = NR_COUNT(status_options),
};

static int begin(const struct nr_command_help *help, int argc, char **argv, struct words *words,
		 struct nr_option_list *operands)
{
	struct nr_err err = { 0 };
	int r = nr_option_parse(help->options, help->n_options, argc, argv, words, operands, &err);

	return r < 0 ? fail(help, &err) : r > 0 ? print_help(help) : -1;
}

static int finish(const struct nr_command_help *help, struct nr_option_list *operands, int r,
		  const struct nr_err *err, struct nr_buf *text)
{
	nr_option_release(NULL, 0, NULL, operands);
	if (r == 0)
		return print(text);
	nr_buf_done(text);
	return fail(help, err);
}

static int run_join(int argc, char **argv)
{
	struct nr_option_list operands;
	struct nr_err err = { 0 };
	struct words words;
	struct nr_buf text;
	int r = begin(&join_help, argc, argv, &words, &operands);

	if (r >= 0) {
		nr_option_release(NULL, 0, NULL, &operands);
		return r;
	}
	nr_buf_init(&text, TEXT_MAX);
	if (operands.n != 2)
		r = nr_fail(&err, NR_EUSAGE, "want URL TOKEN");
	else /* operands are whole words of argv, so they end */
		r = nr_join(words.dir, operands.items[0].p, operands.items[1].p, &text, &err);
	return finish(&join_help, &operands, r, &err, &text);
}

static int run_status(int argc, char **argv)
{
	struct nr_option_list operands;
	struct nr_err err = { 0 };
	struct words words;
	struct nr_buf text;
	int r = begin(&status_help, argc, argv, &words, &operands);

	if (r >= 0) {
		nr_option_release(NULL, 0, NULL, &operands);
		return r;
	}
	nr_buf_init(&text, TEXT_MAX);
	r = nr_status_print(words.dir, words.json, nr_time_floor_s(nr_time_now()), &text, &err);
	return finish(&status_help, &operands, r, &err, &text);
}

/* ---- the table ---- */

static int run_man(int argc, char **argv);
static const struct nr_command_help man_help = {
	.name = "noroshi-sensor man",
	.summary = "print a manual page",
	.operands = "[COMMAND]",
	.about = "A page in the format of man(7): of a command, or of the program.",
};

static const struct command commands[] = {
	{ &join_help, run_join },
	{ &nr_settings_help, run_run },
	{ &status_help, run_status },
	{ &man_help, run_man },
};

static const char *word_of(const struct command *command)
{
	return command->help->name + strlen("noroshi-sensor ");
}

static const char *command_name(const void *ctx, size_t i)
{
	(void)ctx;
	return word_of(&commands[i]);
}

static const struct command *find(const char *word)
{
	for (size_t i = 0; i < NR_COUNT(commands); i++)
		if (strcmp(word_of(&commands[i]), word) == 0)
			return &commands[i];
	return NULL;
}

static int unknown(const char *word)
{
	const char *near = nr_option_nearest(nr_str_from(word), command_name, NULL,
					     NR_COUNT(commands));
	char shown[128];

	nr_str_escape(nr_str_from(word), shown, sizeof(shown));
	(void)fprintf(stderr,
		      "noroshi-sensor: unknown command '%s'%s%s%s\nTry 'noroshi-sensor --help'.\n",
		      shown, near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
		      near != NULL ? "'?" : "");
	return USAGE;
}

static int overview(int status)
{
	struct nr_buf out;

	nr_buf_init(&out, TEXT_MAX);
	nr_buf_addf(&out, "noroshi-sensor - observe addresses that nobody uses, and tell a hub\n\n"
			  "Usage: noroshi-sensor COMMAND [OPTION...] [OPERAND...]\n\nCommands:\n");
	for (size_t i = 0; i < NR_COUNT(commands); i++)
		nr_buf_addf(&out, "  %-8s  %s\n", word_of(&commands[i]), commands[i].help->summary);
	nr_buf_addf(&out, "\n'noroshi-sensor COMMAND --help' explains a command.\n");
	return print(&out) == DONE ? status : FAILED;
}

static int run_man(int argc, char **argv)
{
	static const struct nr_command_help program = {
		.name = "noroshi-sensor",
		.summary = "observe addresses that nobody uses, and tell a hub",
		.operands = "COMMAND",
		.about = "Commands: join, run, status, man; each has a page of its own.",
	};
	const struct command *command = argc > 1 ? find(argv[1]) : NULL;
	struct nr_buf out;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return print_help(&man_help);
	if (argc > 1 && command == NULL)
		return unknown(argv[1]);
	nr_buf_init(&out, TEXT_MAX);
	nr_option_man(command != NULL ? command->help : &program, &out);
	return print(&out);
}

int main(int argc, char **argv)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc < 2)
		return overview(USAGE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return overview(DONE);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		return printf("noroshi-sensor %s\n", NR_VERSION) < 0 ? FAILED : DONE;
	const struct command *command = find(argv[1]);

	if (command == NULL)
		return unknown(argv[1]);
	if (nr_crypt_init() < 0) {
		(void)fprintf(stderr, "noroshi-sensor: no source of random numbers\n");
		return FAILED;
	}
	return command->run(argc - 1, argv + 1);
}
