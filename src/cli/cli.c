/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/io.h"

enum { HELP_MAX = 1 << 20, WIDTH_PLAIN = 80, WIDTH_MIN = 40, WIDTH_MAX = 500 };

unsigned nr_cli_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 ||
	    size.ws_col == 0)
		return WIDTH_PLAIN;
	return size.ws_col < WIDTH_MIN	 ? WIDTH_MIN
	       : size.ws_col > WIDTH_MAX ? WIDTH_MAX
					 : size.ws_col;
}

int nr_cli_flush(struct nr_buf *buf)
{
	int ret = buf->err;

	if (ret == 0 && buf->n > 0)
		ret = nr_io_write_all(STDOUT_FILENO, buf->p, buf->n);
	nr_buf_reset(buf);
	return ret;
}

int nr_cli_fail(const struct nr_cli_command *command, const struct nr_err *err)
{
	(void)fprintf(stderr, "%s: %s\n", command->help.name, err->msg);
	if (err->code != NR_EUSAGE)
		return NR_CLI_FAILED;
	(void)fprintf(stderr, "Try '%s --help'.\n", command->help.name);
	return NR_CLI_USAGE;
}

int nr_cli_begin(const struct nr_cli_command *command, int argc, char **argv, void *target,
		 struct nr_option_list *ret_operands)
{
	struct nr_err err = { 0 };
	int ret = nr_option_parse(command->help.options, command->help.n_options, argc, argv,
				  target, ret_operands, &err);

	if (ret < 0)
		return nr_cli_fail(command, &err);
	if (ret == 0)
		return NR_CLI_GO_ON;
	struct nr_buf text;

	nr_buf_init(&text, HELP_MAX);
	nr_option_help(&command->help, nr_cli_width(), &text);
	ret = nr_cli_flush(&text);
	nr_buf_done(&text);
	return ret < 0 ? NR_CLI_FAILED : NR_CLI_DONE;
}
