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
	&nr_cli_hub_init,
	&nr_cli_hub_check,
	&nr_cli_hub_run,
	&nr_cli_hub_status,
	&nr_cli_hub_acked,
	&nr_cli_hub_import,
	&nr_cli_sensor_enrol,
	&nr_cli_sensor_list,
	&nr_cli_sensor_revoke,
	&nr_cli_token_create,
	&nr_cli_token_list,
	&nr_cli_token_revoke,
	/* add a command of yours here, in the order of the loop */
	&nr_cli_schema,
	&nr_cli_completion,
	&nr_cli_man,
	&nr_cli_help,
	NULL,
};
