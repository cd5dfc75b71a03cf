/* SPDX-License-Identifier: Apache-2.0 */
#include "base/csv.h"

#include <float.h>

/* The full-width forms of = + - @, which Japanese spreadsheets read as the plain ones. */
static bool opens_wide(struct nr_str cell)
{
	return nr_str_starts(cell, NR_STR("\xef\xbc\x9d")) ||
	       nr_str_starts(cell, NR_STR("\xef\xbc\x8b")) ||
	       nr_str_starts(cell, NR_STR("\xef\xbc\x8d")) ||
	       nr_str_starts(cell, NR_STR("\xef\xbc\xa0"));
}

/* Would a spreadsheet take the cell for a formula? */
static bool is_formula(struct nr_str cell)
{
	static const bool opens[256] = {
		['='] = true,  ['+'] = true,  ['-'] = true,  ['@'] = true,
		['\t'] = true, ['\r'] = true, ['\n'] = true, [0xef] = true,
	};
	double v;

	if (NR_LIKELY(cell.n == 0 || !opens[(uint8_t)cell.p[0]]))
		return false;
	if ((uint8_t)cell.p[0] == 0xef)
		return opens_wide(cell);
	return nr_str_f64(cell, -DBL_MAX, DBL_MAX, &v) < 0;
}

static bool needs_quotes(struct nr_str cell)
{
	static const bool special[256] = {
		[','] = true, ['"'] = true, ['\n'] = true, ['\r'] = true
	};

	for (size_t i = 0; i < cell.n; i++)
		if (special[(uint8_t)cell.p[i]])
			return true;
	return false;
}

/* Nothing to quote: one reservation, exact as the ceiling of the buffer is. */
static void add_plain(struct nr_buf *out, struct nr_str cell, bool first, bool formula)
{
	size_t n = cell.n + (first ? 0 : 1) + (formula ? 1 : 0);
	char *p = (char *)nr_buf_reserve(out, n);

	if (p == NULL)
		return;
	if (!first)
		*p++ = ',';
	if (formula)
		*p++ = '\'';
	if (cell.n > 0)
		memcpy(p, cell.p, cell.n);
	nr_buf_commit(out, n);
}

void nr_csv_cell(struct nr_buf *out, struct nr_str cell, bool first)
{
	bool formula = is_formula(cell);

	if (!needs_quotes(cell)) {
		add_plain(out, cell, first, formula);
		return;
	}
	if (!first)
		nr_buf_add(out, ",", 1);
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
