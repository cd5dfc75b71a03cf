/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * grid: an array of JSON objects as a sheet, described by a table: one row a column.
 *
 * A column that no object fills is not shown: what a hub does not say takes no room.
 */
#include "cli/ask/ask.h"

enum nr_grid_kind {
	NR_GRID_TEXT,
	NR_GRID_COUNT,
	NR_GRID_PERCENT, /* of 0..1 */
	NR_GRID_CLOCK,
	NR_GRID_AGO,
	NR_GRID_BAR,  /* of the largest */
	NR_GRID_MADE, /* by make() */
};

struct nr_grid_field {
	const char *member; /* "live.heard"; of MADE: what must be there, NULL: nothing */
	const char *title;
	enum nr_grid_kind kind;
	uint8_t rank, least; /* struct nr_sheet_column */
	bool right;	     /* of MADE and TEXT: numbers always are */
	/** Text of a cell, not yet escaped, appended to @p out; the style may be changed. */
	void (*make)(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
		     enum nr_term_style *style);
};

/** @p rows: a JSON array. @return 0; -ENOMEM, NR_ELIMIT */
NR_MUST_CHECK int nr_grid_print(struct nr_ask *ask, const json_t *rows,
				const struct nr_grid_field *fields, size_t n_fields);
