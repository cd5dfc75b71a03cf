/* SPDX-License-Identifier: Apache-2.0 */
#include "base/csv.h"

#include <float.h>

/* Would a spreadsheet take the cell for a formula? */
static bool is_formula(struct nr_str cell)
{
	double v;

	if (cell.n == 0 || memchr("=+-@\t\r", cell.p[0], 6) == NULL)
		return false;
	return nr_str_f64(cell, -DBL_MAX, DBL_MAX, &v) < 0;
}

static bool needs_quotes(struct nr_str cell)
{
	for (size_t i = 0; i < cell.n; i++)
		if (cell.p[i] == ',' || cell.p[i] == '"' || cell.p[i] == '\n' || cell.p[i] == '\r')
			return true;
	return false;
}

void nr_csv_cell(struct nr_buf *out, struct nr_str cell, bool first)
{
	bool quoted = needs_quotes(cell), formula = is_formula(cell);

	if (!first)
		nr_buf_add(out, ",", 1);
	if (!quoted) {
		nr_buf_add(out, "'", formula);
		nr_buf_add_str(out, cell);
		return;
	}
	nr_buf_add(out, "\"'", 1 + (size_t)formula);
	while (cell.n > 0) {
		struct nr_str head = cell, run = nr_str_cut(&cell, '"');

		nr_buf_add_str(out, run);
		if (run.n < head.n)
			nr_buf_add(out, "\"\"", 2);
	}
	nr_buf_add(out, "\"", 1);
}

void nr_csv_end(struct nr_buf *out)
{
	nr_buf_add(out, "\r\n", 2);
}
