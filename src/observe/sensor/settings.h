/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * settings: what the sensor was told, by its configuration file and its command line.
 *
 * File    DIR/sensor.conf: lines NAME: VALUE with the names of the options of `noroshi-sensor run`,
 *         '#' begins a comment. An option that is a flag is written NAME: yes. Unknown names are
 *         errors with their line. What the command line says counts more; lists (net) are added up.
 * Limits  64 KiB, NR_SETTINGS_LINES lines
 */
#include "base/option.h"
#include "observe/nets.h"

enum { NR_SETTINGS_LINES = 512, NR_SETTINGS_PATH = 4096 };

struct nr_settings {
	/* words */
	const char *dir, *interface, *read, *filter, *config, *hub, *spool_limit_word;
	struct nr_option_list nets_words;
	double speed;
	uint64_t ring_mib, parser_timeout_s;
	bool promiscuous, unsafe_no_sandbox, offline, verbose;
	/* made of them */
	uint64_t spool_limit;
	struct nr_nets nets;
	bool has_nets;
	char spool_dir[NR_SETTINGS_PATH], keys_dir[NR_SETTINGS_PATH], identity[NR_SETTINGS_PATH],
		status_file[NR_SETTINGS_PATH];
	char *text; /* of the file; the words point into it */
};

extern const struct nr_command_help nr_settings_help;

/**
 * @return 0; 1 help was asked for; NR_EUSAGE; other codes: the file cannot be read. Release in
 * every case.
 */
NR_MUST_CHECK int nr_settings_parse(int argc, char **argv, struct nr_settings *settings,
				    struct nr_err *reterr);
/** The names below settings->dir. */
void nr_settings_paths(struct nr_settings *settings);
void nr_settings_release(struct nr_settings *settings);
