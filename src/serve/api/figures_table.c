/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/api/figures_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const nr_measure_names[] = { "packets", "bytes", "flows", "sources", NULL };

void nr_figures_table_done(struct nr_figures_table *table)
{
	free(table->rows);
	*table = (struct nr_figures_table){ .n = 0 };
}

static void name_columns(struct nr_figures_table *table, const struct nr_store_value *values,
			 size_t n)
{
	for (size_t c = 1; c < n && c <= NR_N_MEASURES; c++) {
		table->columns[c] = -1;
		for (int8_t m = 0; m < NR_N_MEASURES; m++)
			if (nr_str_eq(values[c].text, nr_str_from(nr_measure_names[m]))) {
				table->columns[c] = m;
				table->given |= (uint8_t)(1u << m);
			}
	}
}

static struct nr_figures_row_of *add_row(struct nr_figures_table *table)
{
	if (table->n == table->cap) {
		size_t cap = table->cap == 0 ? 32 : 2 * table->cap;
		struct nr_figures_row_of *rows = realloc(table->rows, cap * sizeof(*rows));

		if (rows == NULL)
			return NULL;
		table->rows = rows;
		table->cap = cap;
	}
	table->rows[table->n] = (struct nr_figures_row_of){ .key = 0 };
	return &table->rows[table->n++];
}

static int take(void *ctx, uint64_t number, const struct nr_store_value *values, size_t n)
{
	struct nr_figures_table *table = ctx;

	if (number == 0) {
		name_columns(table, values, n);
		return 0;
	}
	if (table->n == NR_FIGURES_ROWS)
		return NR_ELIMIT;
	struct nr_figures_row_of *row = add_row(table);

	if (row == NULL)
		return -ENOMEM;
	if (values[0].kind == NR_CELL_TEXT)
		(void)snprintf(row->text, sizeof(row->text), NR_STR_FMT,
			       NR_STR_ARG(values[0].text));
	else
		row->key = (uint64_t)values[0].i64;
	for (size_t c = 1; c < n && c <= NR_N_MEASURES; c++)
		if (table->columns[c] >= 0)
			row->measures[table->columns[c]] = values[c].i64;
	return 0;
}

int nr_figures_fill(struct nr_store_session *session, const char *name,
		    const struct nr_figures *ask, struct nr_figures_table *table,
		    struct nr_err *reterr)
{
	table->n = 0;
	table->given = 0;
	int64_t ret = nr_store_session_ask(session, name, ask, take, table, reterr);

	return ret < 0 ? (int)ret : 0;
}

const struct nr_figures_row_of *nr_figures_find(const struct nr_figures_table *table, uint64_t key,
						const char *text)
{
	for (size_t i = 0; i < table->n; i++)
		if (table->rows[i].key == key && strcmp(table->rows[i].text, text) == 0)
			return &table->rows[i];
	return NULL;
}

void nr_figures_measures(struct nr_json *json, const struct nr_figures_table *table,
			 const struct nr_figures_row_of *row, uint8_t only)
{
	for (unsigned m = 0; m < NR_N_MEASURES; m++)
		if ((table->given & only) >> m & 1) {
			nr_json_key(json, nr_measure_names[m]);
			nr_json_i64(json, row->measures[m]);
		}
}
