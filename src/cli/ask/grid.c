/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask/grid.h"

enum { CELL_MAX = 1 << 20 };

static bool filled(const json_t *rows, const struct nr_grid_field *field)
{
	const json_t *row;
	size_t i;

	if (field->member == NULL)
		return true;
	json_array_foreach(rows, i, row)
	{
		const json_t *at = nr_ask_at(row, field->member);

		if (at != NULL && !(json_is_string(at) && json_string_length(at) == 0))
			return true;
	}
	return false;
}

static double largest(const json_t *rows, const char *member)
{
	const json_t *row;
	double most = 0;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		double v = nr_ask_number(row, member);

		most = v > most ? v : most;
	}
	return most;
}

static bool is_number(enum nr_grid_kind kind)
{
	return kind == NR_GRID_COUNT || kind == NR_GRID_PERCENT || kind == NR_GRID_AGO;
}

static void time_cell(const struct nr_ask *ask, struct nr_sheet *sheet, const json_t *row,
		      const struct nr_grid_field *field)
{
	char text[NR_TIME_TEXT];

	if (field->kind == NR_GRID_AGO)
		nr_ask_ago(ask, nr_ask_when(row, field->member), text);
	else
		nr_ask_clock(ask, nr_ask_when(row, field->member), text);
	nr_sheet_cstr(sheet, text);
}

static void made_cell(const struct nr_ask *ask, struct nr_sheet *sheet, const json_t *row,
		      const struct nr_grid_field *field)
{
	enum nr_term_style style = NR_STYLE_PLAIN;
	struct nr_buf text;

	nr_buf_init(&text, CELL_MAX);
	if (field->kind == NR_GRID_PERCENT)
		nr_term_percent(&text, nr_ask_number(row, field->member));
	else
		field->make(ask, row, &text, &style);
	nr_sheet_text(sheet, nr_buf_str(&text), style);
	nr_buf_done(&text);
}

static void cell(const struct nr_ask *ask, struct nr_sheet *sheet, const json_t *row,
		 const struct nr_grid_field *field, double most)
{
	bool absent = field->member != NULL && nr_ask_at(row, field->member) == NULL;

	switch (field->kind) {
	case NR_GRID_BAR:
		nr_sheet_bar(sheet, most > 0 ? nr_ask_number(row, field->member) / most : 0);
		return;
	case NR_GRID_COUNT:
		if (!absent) {
			nr_sheet_count(sheet, nr_ask_number(row, field->member));
			return;
		}
		break;
	case NR_GRID_TEXT:
		nr_sheet_text(sheet, nr_ask_text(row, field->member), NR_STYLE_PLAIN);
		return;
	case NR_GRID_CLOCK:
	case NR_GRID_AGO:
		time_cell(ask, sheet, row, field);
		return;
	case NR_GRID_PERCENT:
	case NR_GRID_MADE:
		if (!absent) {
			made_cell(ask, sheet, row, field);
			return;
		}
		break;
	}
	nr_sheet_cstr(sheet, "");
}

int nr_grid_print(struct nr_ask *ask, const json_t *rows, const struct nr_grid_field *fields,
		  size_t n_fields)
{
	struct nr_sheet_column columns[NR_SHEET_COLUMNS];
	const struct nr_grid_field *used[NR_SHEET_COLUMNS];
	double most[NR_SHEET_COLUMNS];
	struct nr_sheet sheet;
	const json_t *row;
	size_t n = 0, i;

	for (i = 0; i < n_fields; i++) {
		const struct nr_grid_field *field = &fields[i];
		bool right = field->right || is_number(field->kind);

		if (!filled(rows, field))
			continue;
		nr_require(n < NR_SHEET_COLUMNS);
		columns[n] = (struct nr_sheet_column){ .title = field->title,
						       .align = right ? NR_RIGHT : NR_LEFT,
						       .rank = field->rank,
						       .least = field->least,
						       .bar = field->kind == NR_GRID_BAR };
		most[n] = field->kind == NR_GRID_BAR ? largest(rows, field->member) : 0;
		used[n++] = field;
	}
	nr_sheet_init(&sheet, &ask->term, columns, n);
	json_array_foreach(rows, i, row)
	{
		for (size_t f = 0; f < n; f++)
			cell(ask, &sheet, row, used[f], most[f]);
	}
	int ret = nr_sheet_print(&sheet, &ask->out);

	nr_sheet_done(&sheet);
	return ret;
}
