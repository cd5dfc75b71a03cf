/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

const struct nr_cli_command *const nr_cli_commands[] = {
	&nr_cli_observe,
	&nr_cli_flows_print,
	&nr_cli_prefixes_build,
	&nr_cli_prefixes_lookup,
	&nr_cli_prefixes_info,
	&nr_cli_lab_generate,
	&nr_cli_lab_evaluate,
	/* add a command of yours here, in the order of the loop */
	&nr_cli_schema,
	&nr_cli_completion,
	&nr_cli_man,
	&nr_cli_help,
	NULL,
};
