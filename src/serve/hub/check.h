/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * check: would a hub start in this directory, and go on well? Looks and changes nothing; a hub may
 * run in it meanwhile.
 *
 * Order  what everything else needs comes first: a directory that is none, or settings that cannot
 *        be read, end the check with that one fault
 */
#include "base/err.h"
#include "base/time.h"
#include "serve/hub/settings.h"

enum nr_check_level {
	NR_CHECK_GOOD,
	NR_CHECK_WARNING, /* it would run */
	NR_CHECK_FAULT,	  /* it would not, or not safely */
};
extern const char *const nr_check_levels[]; /* NULL-terminated */

struct nr_check {
	enum nr_check_level level;
	const char *what;  /* "settings", "keys", "certificate", ... */
	const char *words; /* and what to do */
};

struct nr_check_wish {
	const char *dir;
	struct nr_time now;
	void (*found)(void *ctx, const struct nr_check *check);
	void *ctx;
};

/**
 * @p ret_file: the settings, to be freed, when they could be read; else NULL.
 * @return number of faults
 */
unsigned nr_check_run(const struct nr_check_wish *wish, struct nr_settings_file **ret_file);
