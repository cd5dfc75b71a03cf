/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * csv: RFC 4180 cells into a struct nr_buf. Cells that a spreadsheet would run and that are not plain
 * numbers get a leading apostrophe: first character = + - @ (also full-width), TAB, CR or LF.
 */
#include "base/buf.h"

/** Append one cell; @p first says whether it opens the row. */
void nr_csv_cell(struct nr_buf *out, struct nr_str cell, bool first);
void nr_csv_end(struct nr_buf *out);
