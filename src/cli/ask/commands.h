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
extern const struct nr_cli_command nr_cli_watch;
extern const struct nr_cli_command nr_cli_members;
extern const struct nr_cli_command nr_cli_asks_list;
extern const struct nr_cli_command nr_cli_asks_show;
extern const struct nr_cli_command nr_cli_asks_new;
extern const struct nr_cli_command nr_cli_asks_answer;
extern const struct nr_cli_command nr_cli_asks_close;
extern const struct nr_cli_command nr_cli_suppress_list;
extern const struct nr_cli_command nr_cli_suppress_add;
extern const struct nr_cli_command nr_cli_suppress_undo;
