/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * figures_table: rows of figures as the store gives them, held until they are printed.
 *
 * Shape    a row has a key (a number or a text) or a time, and those of packets, bytes, flows and sources
 *          that the statement gives
 * Limits   NR_FIGURES_ROWS rows
 */
#include "serve/api/figures_read.h"

enum nr_measure {
	NR_MEASURE_PACKETS,
	NR_MEASURE_BYTES,
	NR_MEASURE_FLOWS,
	NR_MEASURE_SOURCES,
	NR_N_MEASURES,
};
extern const char *const nr_measure_names[]; /* NULL-terminated */

struct nr_figures_row_of {
	uint64_t key; /* or second */
	char text[NR_IP_TEXT];
	int64_t measures[NR_N_MEASURES];
};

struct nr_figures_table {
	struct nr_figures_row_of *rows;
	size_t n, cap;
	int8_t columns[NR_N_MEASURES + 1]; /* of the statement; -1: no measure */
	uint8_t given;			   /* bit enum nr_measure */
	bool truncated;
};

void nr_figures_table_done(struct nr_figures_table *table);
/** Ask and hold what comes; what the table held is forgotten. @return 0; as nr_store_session_ask() */
NR_MUST_CHECK int nr_figures_fill(struct nr_store_session *session, const char *name,
				  const struct nr_figures *ask, struct nr_figures_table *table,
				  struct nr_err *reterr);
const struct nr_figures_row_of *nr_figures_find(const struct nr_figures_table *table, uint64_t key,
						const char *text);
/** Members packets, bytes ... of an open object; @p only: bit enum nr_measure. */
void nr_figures_measures(struct nr_json *json, const struct nr_figures_table *table,
			 const struct nr_figures_row_of *row, uint8_t only);
