/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

enum { HELP_MAX = 1 << 20, NAME_COLUMN = 20, WORDS = 2 };

/* "noroshi lab generate" -> "lab", "generate"; the second is empty for a command of one word. */
static void words_of(const struct nr_cli_command *command, struct nr_str ret_words[WORDS])
{
	struct nr_str rest = nr_str_from(command->help.name);

	(void)nr_str_word(&rest);
	ret_words[0] = nr_str_word(&rest);
	ret_words[1] = nr_str_word(&rest);
}

/* The command that argv names, and how many words that took. */
static const struct nr_cli_command *find(int argc, char **argv, int *ret_words)
{
	for (size_t i = 0; nr_cli_commands[i] != NULL; i++) {
		struct nr_str words[WORDS];
		int n;

		words_of(nr_cli_commands[i], words);
		n = words[1].n > 0 ? 2 : 1;
		if (argc < n || !nr_str_eq(words[0], nr_str_from(argv[0])) ||
		    (n == 2 && !nr_str_eq(words[1], nr_str_from(argv[1]))))
			continue;
		*ret_words = n;
		return nr_cli_commands[i];
	}
	return NULL;
}

static const char *command_name(const void *ctx, size_t i)
{
	(void)ctx;
	return nr_cli_commands[i]->help.name + strlen("noroshi ");
}

static int unknown(int argc, char **argv)
{
	char typed[256], shown[256];
	struct nr_str noun = nr_str_from(argv[0]);
	bool is_noun = false;
	size_t n = 0;

	for (; nr_cli_commands[n] != NULL; n++) {
		struct nr_str words[WORDS];

		words_of(nr_cli_commands[n], words);
		is_noun = is_noun || nr_str_eq(words[0], noun);
	}
	(void)snprintf(typed, sizeof(typed), "%s%s%s", argv[0], is_noun && argc > 1 ? " " : "",
		       is_noun && argc > 1 ? argv[1] : "");
	const char *near = nr_option_nearest(nr_str_from(typed), command_name, NULL, n);

	nr_str_escape(nr_str_from(typed), shown, sizeof(shown));
	if (is_noun && argc == 1)
		(void)fprintf(stderr, "noroshi: '%s' needs one more word:", shown);
	else
		(void)fprintf(stderr, "noroshi: unknown command '%s'", shown);
	if (near != NULL && !(is_noun && argc == 1))
		(void)fprintf(stderr, "; did you mean 'noroshi %s'?", near);
	(void)fputc('\n', stderr);
	for (size_t i = 0; is_noun && i < n; i++) {
		struct nr_str words[WORDS];

		words_of(nr_cli_commands[i], words);
		if (nr_str_eq(words[0], noun))
			(void)fprintf(stderr, "    %-24s %s\n", nr_cli_commands[i]->help.name,
				      nr_cli_commands[i]->help.summary);
	}
	if (!is_noun)
		(void)fputs("Try 'noroshi --help'.\n", stderr);
	return NR_CLI_USAGE;
}

static int overview(int status)
{
	struct nr_buf out;

	nr_buf_init(&out, HELP_MAX);
	nr_buf_addf(&out,
		    "noroshi - see attacks on the Internet together, understand them, and warn\n\n"
		    "Usage: noroshi COMMAND [OPTION...] [OPERAND...]\n\nCommands:\n");
	for (size_t i = 0; nr_cli_commands[i] != NULL; i++)
		nr_buf_addf(&out, "  %-*s  %s\n", NAME_COLUMN, command_name(NULL, i),
			    nr_cli_commands[i]->help.summary);
	nr_buf_addf(&out, "\n'noroshi COMMAND --help' explains a command. Begin with:\n\n"
			  "    noroshi observe FILE.pcap\n\n");
	int ret = nr_cli_flush(&out);

	nr_buf_done(&out);
	return ret < 0 ? NR_CLI_FAILED : status;
}

static int help_run(int argc, char **argv)
{
	int n_words;

	if (argc < 2)
		return overview(NR_CLI_DONE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return overview(NR_CLI_DONE);
	const struct nr_cli_command *command = find(argc - 1, argv + 1, &n_words);

	if (command == NULL)
		return unknown(argc - 1, argv + 1);
	char dash_help[] = "--help";
	char *words[] = { argv[n_words], dash_help, NULL };

	return command->run(2, words);
}

const struct nr_cli_command nr_cli_help = {
	.help = { .name = "noroshi help", .summary = "explain a command", .operands = "[COMMAND]" },
	.run = help_run,
};

int main(int argc, char **argv)
{
	int n_words;

	(void)signal(
		SIGPIPE,
		SIG_IGN); /* a closed pipe shows as a failed write, which ends the command quietly */
	if (argc < 2)
		return overview(NR_CLI_USAGE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return overview(NR_CLI_DONE);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		return printf("noroshi %s\n", NR_VERSION) < 0 ? NR_CLI_FAILED : NR_CLI_DONE;
	const struct nr_cli_command *command = find(argc - 1, argv + 1, &n_words);

	if (command == NULL)
		return unknown(argc - 1, argv + 1);
	return command->run(argc - n_words, argv + n_words);
}
