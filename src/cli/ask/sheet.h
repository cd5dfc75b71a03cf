/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * sheet: a table of rows that fits the terminal, whatever stands in it.
 *
 * Fitting   columns are as wide as what they hold. When that is too much, columns that may be cut give
 *           way down to their least width, then whole columns leave, least important first, and a line
 *           below says which. No line is longer than the terminal.
 * Empty     a column in which nothing stands is not shown
 * Safety    text is escaped (nr_str_escape) when it is put in: nothing from outside reaches the
 *           terminal as it came
 * Bars      a column of shares (0..1) is drawn as bars in what room is left
 * Limits    NR_SHEET_COLUMNS columns; a text of more than NR_SHEET_CELL bytes is cut, visibly
 */
#include "cli/term.h"

enum { NR_SHEET_COLUMNS = 12, NR_SHEET_CELL = 4096 };

struct nr_sheet_column {
	const char *title;
	enum nr_term_align align;
	uint8_t rank;  /* 0 stays; of the others the greatest leaves first */
	uint8_t least; /* columns it may be cut down to; 0: never cut */
	bool bar;
};

struct nr_sheet {
	const struct nr_term *term;
	const struct nr_sheet_column *columns;
	size_t n_columns, n_cells, cap;
	struct nr_sheet_item *cells;
	struct nr_buf text;
};

/** @p columns must outlive it. */
void nr_sheet_init(struct nr_sheet *sheet, const struct nr_term *term,
		   const struct nr_sheet_column *columns, size_t n_columns);
void nr_sheet_done(struct nr_sheet *sheet);

/* ---- cells, in order, row after row ---- */

void nr_sheet_text(struct nr_sheet *sheet, struct nr_str s, enum nr_term_style style);
/** 1,234,567 */
void nr_sheet_count(struct nr_sheet *sheet, double v);
void nr_sheet_bar(struct nr_sheet *sheet, double share);
static inline void nr_sheet_cstr(struct nr_sheet *sheet, const char *s)
{
	nr_sheet_text(sheet, nr_str_from(s), NR_STYLE_PLAIN);
}

/** All rows, and their titles above. @return 0; -ENOMEM, NR_ELIMIT */
NR_MUST_CHECK int nr_sheet_print(struct nr_sheet *sheet, struct nr_buf *out);
/** Text from outside, escaped, appended to @p out. */
void nr_sheet_escape(struct nr_buf *out, struct nr_str s);
