/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file commands: the commands that ask a hub; rows of cli/table.c. */
#include "cli/cli.h"

extern const struct nr_cli_command nr_cli_top;
extern const struct nr_cli_command nr_cli_compare;
extern const struct nr_cli_command nr_cli_series;
extern const struct nr_cli_command nr_cli_show;
extern const struct nr_cli_command nr_cli_findings_list;
extern const struct nr_cli_command nr_cli_findings_show;
extern const struct nr_cli_command nr_cli_findings_ack;
extern const struct nr_cli_command nr_cli_findings_false;
extern const struct nr_cli_command nr_cli_findings_close;
extern const struct nr_cli_command nr_cli_findings_reopen;
extern const struct nr_cli_command nr_cli_findings_undo;
extern const struct nr_cli_command nr_cli_findings_assign;
extern const struct nr_cli_command nr_cli_findings_comment;
extern const struct nr_cli_command nr_cli_sensors;
extern const struct nr_cli_command nr_cli_status;
