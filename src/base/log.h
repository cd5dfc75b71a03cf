/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * log: what programs say of themselves, to standard error: time, level, group, event, key=value.
 *
 * Only programs log (cli, serve, the sensor); library code returns errors. Values are escaped here.
 * The level is the one mutable global.
 */
#include "base/def.h"

enum nr_log_level { NR_LOG_ERROR, NR_LOG_WARNING, NR_LOG_NOTICE, NR_LOG_DEBUG };

void nr_log_level_set(enum nr_log_level level);
/** One event, one line: nr_log(NR_LOG_NOTICE, "observe", "started", "files=%zu", n). */
void nr_log(enum nr_log_level level, const char *group, const char *event, const char *fmt, ...)
	NR_PRINTF(4, 5);
