/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask/sheet.h"

#include <stdlib.h>

enum {
	TEXT_MAX = 64 << 20,
	GAP = 2,
	BAR_MAX = 24,
	BAR_MIN = 4,
	ESCAPED = 4, /* bytes of text one byte may need */
	LINE_MAX_BYTES = 1 << 16,
};

struct nr_sheet_item {
	size_t off, n;
	unsigned columns;
	enum nr_term_style style;
	double share; /* of a bar */
};

void nr_sheet_init(struct nr_sheet *sheet, const struct nr_term *term,
		   const struct nr_sheet_column *columns, size_t n_columns)
{
	nr_require(n_columns > 0 && n_columns <= NR_SHEET_COLUMNS);
	*sheet = (struct nr_sheet){ .term = term, .columns = columns, .n_columns = n_columns };
	nr_buf_init(&sheet->text, TEXT_MAX);
}

void nr_sheet_done(struct nr_sheet *sheet)
{
	nr_buf_done(&sheet->text);
	free(sheet->cells);
	sheet->cells = NULL;
}

/* ---- cells ---- */

void nr_sheet_escape(struct nr_buf *out, struct nr_str s)
{
	size_t n = nr_min_size(s.n, NR_SHEET_CELL), room = n * ESCAPED + 1;
	uint8_t *at = nr_buf_reserve(out, room);

	if (at == NULL)
		return;
	nr_buf_commit(out, nr_str_escape((struct nr_str){ s.p, n }, (char *)at, room));
	if (n < s.n)
		nr_buf_add_str(out, NR_STR("…"));
}

/* What was added to the text since @p off becomes a cell. */
static void add(struct nr_sheet *sheet, size_t off, enum nr_term_style style, double share)
{
	if (sheet->text.err < 0)
		return;
	if (sheet->n_cells == sheet->cap) {
		size_t cap = sheet->cap == 0 ? 64 : sheet->cap * 2;
		struct nr_sheet_item *cells = realloc(sheet->cells, cap * sizeof(*cells));

		if (cells == NULL) {
			sheet->text.err = -ENOMEM;
			return;
		}
		sheet->cells = cells;
		sheet->cap = cap;
	}
	struct nr_str s = { (const char *)sheet->text.p + off, sheet->text.n - off };

	sheet->cells[sheet->n_cells++] = (struct nr_sheet_item){
		.off = off, .n = s.n, .columns = nr_term_columns(s), .style = style, .share = share
	};
}

void nr_sheet_text(struct nr_sheet *sheet, struct nr_str s, enum nr_term_style style)
{
	size_t off = sheet->text.n;

	nr_sheet_escape(&sheet->text, s);
	add(sheet, off, style, 0);
}

void nr_sheet_count(struct nr_sheet *sheet, double v)
{
	size_t off = sheet->text.n;

	if (v >= 0 && v < 1e18)
		nr_term_count(&sheet->text, (uint64_t)(v + 0.5));
	else
		nr_buf_addf(&sheet->text, "%g", v);
	add(sheet, off, NR_STYLE_PLAIN, 0);
}

void nr_sheet_bar(struct nr_sheet *sheet, double share)
{
	add(sheet, sheet->text.n, NR_STYLE_DIM, share);
}

/* ---- widths ---- */

struct layout {
	unsigned width[NR_SHEET_COLUMNS];
	bool shown[NR_SHEET_COLUMNS];
	bool empty[NR_SHEET_COLUMNS]; /* nothing stands in it */
};

static bool is_empty(const struct nr_sheet *sheet, size_t column)
{
	for (size_t i = column; i < sheet->n_cells; i += sheet->n_columns)
		if (sheet->cells[i].n > 0 || sheet->columns[column].bar)
			return false;
	return sheet->n_cells > 0;
}

static unsigned natural(const struct nr_sheet *sheet, size_t column)
{
	unsigned most = nr_term_columns(nr_str_from(sheet->columns[column].title));

	if (sheet->columns[column].bar)
		return BAR_MIN;
	for (size_t i = column; i < sheet->n_cells; i += sheet->n_columns)
		if (sheet->cells[i].columns > most)
			most = sheet->cells[i].columns;
	return most;
}

static unsigned total(const struct nr_sheet *sheet, const struct layout *layout)
{
	unsigned sum = 0;

	for (size_t i = 0; i < sheet->n_columns; i++)
		if (layout->shown[i])
			sum += layout->width[i] + (sum > 0 ? GAP : 0);
	return sum;
}

/* Cut the widest of those that may be cut, bit by bit. @return false: none gives way any more */
static bool cut_one(const struct nr_sheet *sheet, struct layout *layout)
{
	size_t widest = sheet->n_columns;

	for (size_t i = 0; i < sheet->n_columns; i++) {
		unsigned least = sheet->columns[i].least;

		if (layout->shown[i] && least > 0 && layout->width[i] > least &&
		    (widest == sheet->n_columns || layout->width[i] > layout->width[widest]))
			widest = i;
	}
	if (widest == sheet->n_columns)
		return false;
	layout->width[widest]--;
	return true;
}

static bool leave_one(const struct nr_sheet *sheet, struct layout *layout)
{
	size_t last = sheet->n_columns;

	for (size_t i = 0; i < sheet->n_columns; i++)
		if (layout->shown[i] && sheet->columns[i].rank > 0 &&
		    (last == sheet->n_columns ||
		     sheet->columns[i].rank >= sheet->columns[last].rank))
			last = i;
	if (last == sheet->n_columns)
		return false;
	layout->shown[last] = false;
	return true;
}

static unsigned edge(const struct nr_sheet *sheet)
{
	return sheet->term->unbounded ? LINE_MAX_BYTES : sheet->term->width;
}

/* Who left before another made room may fit after all: the most important first. */
static void take_back(const struct nr_sheet *sheet, struct layout *layout)
{
	for (unsigned rank = 1; rank <= UINT8_MAX; rank++)
		for (size_t i = 0; i < sheet->n_columns; i++) {
			if (layout->shown[i] || layout->empty[i] || sheet->columns[i].bar ||
			    sheet->columns[i].rank != rank)
				continue;
			layout->shown[i] = true;
			layout->shown[i] = total(sheet, layout) <= edge(sheet);
		}
}

/* What cannot leave and may not be cut, in a terminal that is too narrow even for that. */
static void force(const struct nr_sheet *sheet, struct layout *layout)
{
	while (total(sheet, layout) > edge(sheet)) {
		size_t widest = 0;

		for (size_t i = 1; i < sheet->n_columns; i++)
			if (layout->shown[i] &&
			    (!layout->shown[widest] || layout->width[i] > layout->width[widest]))
				widest = i;
		if (layout->width[widest] <= 1)
			return;
		layout->width[widest]--;
	}
}

static void fit(const struct nr_sheet *sheet, struct layout *layout)
{
	unsigned width = edge(sheet), used;
	struct layout all;

	for (size_t i = 0; i < sheet->n_columns; i++) {
		layout->width[i] = natural(sheet, i);
		layout->empty[i] = is_empty(sheet, i);
		layout->shown[i] = !layout->empty[i];
	}
	/* Bars are a comfort: nothing is cut for them. */
	for (size_t i = 0; i < sheet->n_columns && total(sheet, layout) > width; i++)
		layout->shown[i] = layout->shown[i] && !sheet->columns[i].bar;
	/* Who leaves gives room, so the others are cut from their natural widths anew. */
	for (all = *layout; total(sheet, layout) > width;) {
		if (cut_one(sheet, layout))
			continue;
		memcpy(layout->width, all.width, sizeof(all.width));
		if (!leave_one(sheet, layout)) {
			while (total(sheet, layout) > width && cut_one(sheet, layout))
				;
			force(sheet, layout);
			return;
		}
	}
	take_back(sheet, layout);
	used = total(sheet, layout);
	for (size_t i = 0; i < sheet->n_columns; i++)
		if (layout->shown[i] && sheet->columns[i].bar) {
			unsigned more = width - used;

			layout->width[i] += more > BAR_MAX - BAR_MIN ? BAR_MAX - BAR_MIN : more;
		}
}

/* ---- print ---- */

static void end_line(struct nr_buf *out)
{
	while (out->n > 0 && out->p[out->n - 1] == ' ')
		out->n--;
	nr_buf_add(out, "\n", 1);
}

static void put(const struct nr_sheet *sheet, struct nr_buf *out, struct nr_str s, unsigned width,
		enum nr_term_align align, enum nr_term_style style)
{
	struct nr_buf cell;

	nr_buf_init(&cell, LINE_MAX_BYTES);
	nr_term_cell(&cell, s, width, align);
	nr_term_styled(sheet->term, out, style, nr_buf_str(&cell));
	if (cell.err < 0 && out->err == 0)
		out->err = cell.err;
	nr_buf_done(&cell);
}

static void put_bar(const struct nr_sheet *sheet, struct nr_buf *out, double share, unsigned width)
{
	struct nr_buf bar;

	nr_buf_init(&bar, LINE_MAX_BYTES);
	nr_term_bar(&bar, share, width);
	nr_term_styled(sheet->term, out, NR_STYLE_DIM, nr_buf_str(&bar));
	nr_buf_done(&bar);
}

static void titles(const struct nr_sheet *sheet, const struct layout *layout, struct nr_buf *out)
{
	bool first = true;

	for (size_t i = 0; i < sheet->n_columns; i++) {
		if (!layout->shown[i])
			continue;
		nr_buf_addf(out, "%*s", first ? 0 : GAP, "");
		put(sheet, out, nr_str_from(sheet->columns[i].title), layout->width[i],
		    sheet->columns[i].align, NR_STYLE_DIM);
		first = false;
	}
	end_line(out);
}

static void row(const struct nr_sheet *sheet, const struct layout *layout, size_t begin,
		struct nr_buf *out)
{
	bool first = true;

	for (size_t i = 0; i < sheet->n_columns && begin + i < sheet->n_cells; i++) {
		const struct nr_sheet_item *cell = &sheet->cells[begin + i];
		struct nr_str s = { (const char *)sheet->text.p + cell->off, cell->n };

		if (!layout->shown[i])
			continue;
		nr_buf_addf(out, "%*s", first ? 0 : GAP, "");
		if (sheet->columns[i].bar)
			put_bar(sheet, out, cell->share, layout->width[i]);
		else
			put(sheet, out, s, layout->width[i], sheet->columns[i].align, cell->style);
		first = false;
	}
	end_line(out);
}

static void left_out(const struct nr_sheet *sheet, const struct layout *layout, struct nr_buf *out)
{
	struct nr_buf said, wrapped;
	unsigned n = 0;

	nr_buf_init(&said, LINE_MAX_BYTES);
	nr_buf_init(&wrapped, LINE_MAX_BYTES);
	for (size_t i = 0; i < sheet->n_columns; i++)
		if (!layout->shown[i] && !layout->empty[i] && !sheet->columns[i].bar)
			nr_buf_addf(&said, "%s%s", n++ > 0 ? ", " : "(no room for ",
				    sheet->columns[i].title);
	if (n > 0) {
		nr_buf_add_str(&said, NR_STR(")"));
		nr_term_wrap(&wrapped, nr_buf_str(&said), 0, sheet->term->width);
		nr_term_styled(sheet->term, out, NR_STYLE_DIM, nr_buf_str(&wrapped));
	}
	nr_buf_done(&said);
	nr_buf_done(&wrapped);
}

int nr_sheet_print(struct nr_sheet *sheet, struct nr_buf *out)
{
	struct layout layout;

	if (sheet->text.err < 0)
		return sheet->text.err;
	fit(sheet, &layout);
	titles(sheet, &layout, out);
	for (size_t i = 0; i < sheet->n_cells; i += sheet->n_columns)
		row(sheet, &layout, i, out);
	left_out(sheet, &layout, out);
	return out->err;
}
