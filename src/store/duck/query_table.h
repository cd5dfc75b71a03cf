/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * query_table: the statements of queries/, with what their comments say. tools/embed-queries makes
 * the table.
 *
 * A file opens with `-- NAME: help`, then a line for each parameter:
 *   -- $port number 0..65535 = 23: help          a number within bounds
 *   -- $since time = -24h: help                  whole seconds; a default counts from the end of
 *   the data
 *   -- $address ip: help                         binds $address and $address6
 *   -- raw                                       reads rows of the days of [since, until)
 *   -- figures KEYS: MEASURES                    its rows are cells (KEYS, sensor, MEASURES): two
 *   statements are made of them by the rule in tools/embed-queries, NAME and NAME_shared
 *   -- then ORDER BY ...                         what stands behind the rule
 *   -- show TEXT                                 what stands for KEYS in the end
 * A part_X.sql is no statement: its text stands where others say {X}.
 */
#include "store/observations.h"

enum nr_store_param_type { NR_PARAM_NUMBER, NR_PARAM_TIME, NR_PARAM_IP };

struct nr_store_query_param {
	const char *name, *help;
	uint8_t type; /* enum nr_store_param_type */
	bool is_required;
	int64_t lo, hi, fallback; /* TIME: fallback in seconds, before the newest row */
};

struct nr_store_query_file {
	const char *name, *help, *sql;
	bool raw, hidden;
	const struct nr_store_query_param *params;
	size_t n_params;
};

extern const struct nr_store_query_file nr_store_query_files[];
extern const size_t nr_store_n_query_files;
/** NULL: there is none of this name. */
const struct nr_store_query_file *nr_store_query_find(const char *name);
