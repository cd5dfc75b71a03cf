/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * cli: the command table of the program: NOUN VERB, one row each.
 *
 * Recipe   a command is a `const struct nr_cli_command` in a file of its command group (observe.c, prefixes.c,
 *          lab.c), declared below and listed in table.c. Its options are a table of struct nr_option;
 *          `-h`, the man page and shell completion come from the same rows.
 * Exit     0 done; 1 failed (unreadable, damaged, no memory); 2 the user's words are wrong.
 * Streams  data to standard output, words for people to standard error.
 */
#include "base/option.h"

enum nr_cli_status { NR_CLI_DONE = 0, NR_CLI_FAILED = 1, NR_CLI_USAGE = 2 };
enum { NR_CLI_GO_ON = -1 };

struct nr_cli_command {
	struct nr_command_help help; /* help.name is "noroshi NOUN" or "noroshi NOUN VERB" */
	/** argv[0] is the last word of the command's name; returns the exit status. */
	int (*run)(int argc, char **argv);
};

extern const struct nr_cli_command nr_cli_observe;	   /* observe.c */
extern const struct nr_cli_command nr_cli_prefixes_build;  /* prefixes.c */
extern const struct nr_cli_command nr_cli_prefixes_lookup; /* prefixes.c */
extern const struct nr_cli_command nr_cli_prefixes_info;   /* prefixes.c */
extern const struct nr_cli_command nr_cli_flows_print;	   /* flows.c */
extern const struct nr_cli_command nr_cli_journal_verify;  /* journal.c */
extern const struct nr_cli_command nr_cli_journal_list;	   /* journal.c */
extern const struct nr_cli_command nr_cli_journal_export;  /* journal.c */
extern const struct nr_cli_command nr_cli_journal_replay;  /* journal.c */
extern const struct nr_cli_command nr_cli_lab_generate;	   /* lab.c */
extern const struct nr_cli_command nr_cli_lab_evaluate;	   /* lab.c */
extern const struct nr_cli_command nr_cli_hub_init;	   /* hub.c */
extern const struct nr_cli_command nr_cli_hub_check;	   /* hub_check.c */
extern const struct nr_cli_command nr_cli_hub_migrate;	   /* hub_migrate.c */
extern const struct nr_cli_command nr_cli_hub_reload;	   /* hub.c */
extern const struct nr_cli_command nr_cli_hub_status;	   /* hub.c */
extern const struct nr_cli_command nr_cli_hub_acked;	   /* hub.c */
extern const struct nr_cli_command nr_cli_hub_audit;	   /* hub.c */
extern const struct nr_cli_command nr_cli_hub_run;	   /* hub_run.c */
extern const struct nr_cli_command nr_cli_hub_import;	   /* import.c */
extern const struct nr_cli_command nr_cli_backup;	   /* backup.c */
extern const struct nr_cli_command nr_cli_restore;	   /* backup.c */
extern const struct nr_cli_command nr_cli_audit_verify;	   /* audit.c */
extern const struct nr_cli_command nr_cli_audit_list;	   /* audit.c */
extern const struct nr_cli_command nr_cli_audit_head;	   /* audit.c */
/* member.c */
extern const struct nr_cli_command nr_cli_member_add, nr_cli_member_list, nr_cli_member_show,
	nr_cli_member_suspend, nr_cli_member_resume, nr_cli_member_prefix_add,
	nr_cli_member_prefix_remove, nr_cli_community_add, nr_cli_community_list,
	nr_cli_community_join, nr_cli_community_leave;

extern const struct nr_cli_command nr_cli_sensor_share;	  /* share.c */
extern const struct nr_cli_command nr_cli_sensor_label;	  /* share.c */
extern const struct nr_cli_command nr_cli_sensor_give;	  /* share.c */
extern const struct nr_cli_command nr_cli_sensor_enrol;	  /* sensor.c */
extern const struct nr_cli_command nr_cli_sensor_list;	  /* sensor.c */
extern const struct nr_cli_command nr_cli_sensor_revoke;  /* sensor.c */
extern const struct nr_cli_command nr_cli_token_create;	  /* token.c */
extern const struct nr_cli_command nr_cli_token_list;	  /* token.c */
extern const struct nr_cli_command nr_cli_token_revoke;	  /* token.c */
extern const struct nr_cli_command nr_cli_user_add;	  /* user.c */
extern const struct nr_cli_command nr_cli_user_list;	  /* user.c */
extern const struct nr_cli_command nr_cli_user_invite;	  /* user.c */
extern const struct nr_cli_command nr_cli_user_disable;	  /* user.c */
extern const struct nr_cli_command nr_cli_user_enable;	  /* user.c */
extern const struct nr_cli_command nr_cli_hub_setup_link; /* user.c */
extern const struct nr_cli_command nr_cli_store_check;	  /* store.c */
extern const struct nr_cli_command nr_cli_store_query;	  /* store.c */
extern const struct nr_cli_command nr_cli_store_rebuild;  /* store.c */
extern const struct nr_cli_command nr_cli_schema;	  /* tables.c */
extern const struct nr_cli_command nr_cli_man;		  /* tables.c */
extern const struct nr_cli_command nr_cli_completion;	  /* completion.c */
extern const struct nr_cli_command nr_cli_help;		  /* main.c */
/** All of them, NULL-terminated, in the order of `noroshi --help`: table.c. */
extern const struct nr_cli_command *const nr_cli_commands[];

/**
 * Parse the words of @p command into @p target and @p ret_operands. Prints help to standard output or the
 * error to standard error itself. @return NR_CLI_GO_ON, or the exit status to return at once; in both cases
 * the caller releases with nr_option_release().
 */
NR_MUST_CHECK int nr_cli_begin(const struct nr_cli_command *command, int argc, char **argv,
			       void *target, struct nr_option_list *ret_operands);

/** Print "noroshi observe: MESSAGE" to standard error. @return NR_CLI_USAGE for NR_EUSAGE, else NR_CLI_FAILED */
int nr_cli_fail(const struct nr_cli_command *command, const struct nr_err *err);

/** Write all of @p buf to standard output and reset it. A closed pipe is not an error to report. @return 0; -errno */
NR_MUST_CHECK int nr_cli_flush(struct nr_buf *buf);
/** Columns of standard output when it is a terminal, else 80; never below 40. */
unsigned nr_cli_width(void);
