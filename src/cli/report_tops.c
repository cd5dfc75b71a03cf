/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_int.h"
#include "observe/classify/classify.h"
#include "record/proto.h"

enum { TOP_ROWS = 10, LABEL_MIN = 18, LABEL_MAX = 60, BAR_WIDTH = 10 };

static void port_label(const struct nr_tally_row *row, struct nr_buf *out)
{
	const char *service = nr_service_name(row->proto, row->port);

	if (nr_proto_has_ports(row->proto))
		nr_buf_addf(out, "%u/%s", row->port, nr_proto_name(row->proto));
	else if (nr_proto_is_icmp(row->proto))
		nr_buf_addf(out, "%s type %u", nr_proto_name(row->proto), row->port);
	else
		nr_buf_addf(out, "%s", nr_proto_name(row->proto));
	if (service != NULL && nr_proto_has_ports(row->proto))
		nr_buf_addf(out, " %s", service);
}

static void label_of(const struct nr_page *page, enum nr_tally_kind kind,
		     const struct nr_tally_row *row, struct nr_buf *out)
{
	switch (kind) {
	case NR_TALLY_PORT:
		port_label(row, out);
		break;
	case NR_TALLY_AS:
		nr_page_network(page, row->asn, row->as_name, row->economy, out);
		break;
	case NR_TALLY_ECONOMY:
		nr_page_network(page, 0, NULL, row->economy, out);
		break;
	case NR_TALLY_TOOL:
		nr_buf_add_str(out, nr_str_from(nr_mark_name(row->index)));
		break;
	case NR_TALLY_CLASS:
	case NR_TALLY_LEVEL:
		break;
	}
}

static void change_of(const struct nr_page *page, const struct nr_tally_row *row,
		      struct nr_buf *out)
{
	if (!row->has_halves)
		return;
	if (row->half[0] < 0.5 && row->half[1] >= 0.5)
		nr_buf_add_str(out, nr_word(page->term->lang, NR_W_NEW));
	else if (row->half[1] < 0.5 && row->half[0] >= 0.5)
		nr_buf_add_str(out, nr_word(page->term->lang, NR_W_GONE));
	else if (row->half[0] >= 0.5)
		nr_term_change(out, row->half[0], row->half[1]);
}

enum {
	COLUMN_LABEL,
	COLUMN_PACKETS,
	COLUMN_SHARE,
	COLUMN_BAR,
	COLUMN_SOURCES,
	COLUMN_CHANGE,
	COLUMNS
};

static void cell_of(struct nr_page *page, enum nr_tally_kind kind, const struct nr_tally_row *row,
		    unsigned column, struct nr_buf *out)
{
	double share = (double)row->packets / (double)page->report->summary->classified;

	switch (column) {
	case COLUMN_LABEL:
		label_of(page, kind, row, out);
		break;
	case COLUMN_PACKETS:
		nr_term_short(out, (double)row->packets);
		break;
	case COLUMN_SHARE:
		nr_term_percent(out, share > 1 ? 1 : share);
		break;
	case COLUMN_BAR:
		nr_term_bar(out, share, BAR_WIDTH);
		break;
	case COLUMN_SOURCES:
		if (row->estimated && row->sources >= 9.5)
			nr_buf_add_str(out, NR_STR("≈ "));
		nr_term_short(out, (double)(uint64_t)(row->sources + 0.5));
		break;
	case COLUMN_CHANGE:
		change_of(page, row, out);
		break;
	}
}

static void print_row(struct nr_page *page, enum nr_tally_kind kind,
		      const struct nr_column *columns, const struct nr_tally_row *row)
{
	struct nr_buf text;

	nr_buf_init(&text, 4096);
	nr_page_row(page);
	for (unsigned c = 0; c < COLUMNS; c++) {
		if (columns[c].width == 0)
			continue;
		nr_buf_reset(&text);
		cell_of(page, kind, row, c, &text);
		nr_page_cell(page, &columns[c], nr_buf_str(&text),
			     c == COLUMN_BAR ? NR_STYLE_DIM : NR_STYLE_PLAIN);
	}
	nr_page_row_end(page);
	nr_buf_done(&text);
}

/* Columns that can be spared go where the terminal is narrow; the label takes what is left. */
static void choose_columns(const struct nr_page *page, struct nr_column columns[COLUMNS])
{
	static const unsigned spared[] = { COLUMN_BAR, COLUMN_SHARE, COLUMN_CHANGE };
	unsigned used = NR_PAGE_INDENT, width = page->term->width;

	for (size_t c = 1; c < COLUMNS; c++)
		used += columns[c].width + 1;
	for (size_t i = 0; i < NR_COUNT(spared) && used + LABEL_MIN > width; i++) {
		used -= columns[spared[i]].width + 1;
		columns[spared[i]].width = 0;
	}
	columns[0].width = width > used + LABEL_MIN ? width - used : LABEL_MIN;
	if (columns[0].width > LABEL_MAX)
		columns[0].width = LABEL_MAX;
}

static void top(struct nr_page *page, enum nr_tally_kind kind, enum nr_word title)
{
	struct nr_tally_row rows[TOP_ROWS];
	size_t n = nr_tally_top(page->report->tally, kind, rows, TOP_ROWS);
	uint64_t all = nr_tally_count(page->report->tally, kind);
	struct nr_column columns[COLUMNS] = {
		[COLUMN_LABEL] = { title, 0, NR_LEFT },
		[COLUMN_PACKETS] = { NR_W_COL_PACKETS, 8, NR_RIGHT },
		[COLUMN_SHARE] = { NR_W_COL_SHARE, 8, NR_RIGHT },
		[COLUMN_BAR] = { NR_W_N, BAR_WIDTH, NR_LEFT },
		[COLUMN_SOURCES] = { NR_W_COL_SOURCES, 9, NR_RIGHT },
		[COLUMN_CHANGE] = { NR_W_COL_CHANGE, 9, NR_RIGHT },
	};

	if (n == 0)
		return;
	choose_columns(page, columns);
	nr_page_table_title(page, columns, COLUMNS);
	for (size_t i = 0; i < n; i++)
		print_row(page, kind, columns, &rows[i]);
	if (all > n) {
		nr_page_arg_count(page, all - n);
		nr_page_paragraph(page, NR_W_MORE_ROWS, NR_STYLE_DIM);
	}
}

void nr_report_tops(struct nr_page *page)
{
	top(page, NR_TALLY_PORT, NR_W_PORTS);
	if (page->report->summary->prefix_data != NULL) {
		top(page, NR_TALLY_AS, NR_W_NETWORKS);
		top(page, NR_TALLY_ECONOMY, NR_W_ECONOMIES);
	} else {
		nr_page_heading(page, NR_W_NETWORKS);
		nr_page_paragraph(page, NR_W_NETWORKS_NONE, NR_STYLE_YELLOW);
	}
	if (nr_tally_count(page->report->tally, NR_TALLY_TOOL) > 0) {
		top(page, NR_TALLY_TOOL, NR_W_TOOLS);
	} else {
		nr_page_heading(page, NR_W_TOOLS);
		nr_page_paragraph(page, NR_W_TOOLS_NONE, NR_STYLE_DIM);
	}
}
