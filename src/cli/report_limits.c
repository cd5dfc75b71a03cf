/* SPDX-License-Identifier: Apache-2.0 */
/* What a number on this page must be read with: what was left out, what could not be seen, what is assumed. */
#include "cli/report_int.h"
#include "orient/detect/mdr.h"

enum {
	DROP_COUNT = 11,
	DROP_SHARE = 8,
	DROP_COLUMNS = NR_PAGE_INDENT + DROP_COUNT + 2 + DROP_SHARE + 2
};

/* "name 12 · name 3" of the counts above zero, beside a label; nothing when all are zero. */
static void counted(struct nr_page *page, enum nr_word label, const char *const *names,
		    const uint64_t *counts, size_t n)
{
	const char *gap = "";

	nr_buf_reset(&page->line);
	for (size_t i = 0; i < n; i++) {
		if (counts[i] == 0)
			continue;
		nr_buf_addf(&page->line, "%s%s ", gap, names[i]);
		nr_term_count(&page->line, counts[i]);
		gap = " · ";
	}
	if (page->line.n > 0)
		nr_page_labelled(page, label, nr_buf_str(&page->line), NR_STYLE_PLAIN);
}

static enum nr_word drop_word(enum nr_outcome cause)
{
	switch (cause) {
	case NR_OUTCOME_LINK_UNKNOWN:
		return NR_W_DROP_LINK_UNKNOWN;
	case NR_OUTCOME_LINK_TRUNCATED:
		return NR_W_DROP_LINK_TRUNCATED;
	case NR_OUTCOME_NOT_IP:
		return NR_W_DROP_NOT_IP;
	case NR_OUTCOME_IP_TRUNCATED:
		return NR_W_DROP_IP_TRUNCATED;
	case NR_OUTCOME_IP_MALFORMED:
		return NR_W_DROP_IP_MALFORMED;
	case NR_OUTCOME_IP6_CHAIN:
		return NR_W_DROP_IP6_CHAIN;
	case NR_OUTCOME_L4_TRUNCATED:
		return NR_W_DROP_L4_TRUNCATED;
	case NR_OUTCOME_L4_MALFORMED:
		return NR_W_DROP_L4_MALFORMED;
	case NR_OUTCOME_TIME:
		return NR_W_DROP_TIME;
	case NR_OUTCOME_FILTERED:
		return NR_W_DROP_FILTERED;
	case NR_OUTCOME_NOT_MONITORED:
		return NR_W_DROP_NOT_MONITORED;
	case NR_OUTCOME_TABLE_FULL:
		return NR_W_DROP_TABLE_FULL;
	case NR_OUTCOME_OK:
	case NR_OUTCOME_N:
		break;
	}
	return NR_W_DROP_OTHER;
}

static void drops(struct nr_page *page)
{
	const struct nr_summary *sum = page->report->summary;

	for (unsigned i = 0; i < NR_OUTCOME_N; i++) {
		if (sum->counts->dropped[i] == 0)
			continue;
		nr_buf_addf(page->out, "%*s", NR_PAGE_INDENT, "");
		nr_buf_reset(&page->line);
		nr_term_count(&page->line, sum->counts->dropped[i]);
		nr_term_cell(page->out, nr_buf_str(&page->line), DROP_COUNT, NR_RIGHT);
		nr_buf_add_str(page->out, NR_STR("  "));
		nr_buf_reset(&page->line);
		nr_term_percent(&page->line,
				(double)sum->counts->dropped[i] / (double)sum->received);
		nr_term_cell(page->out, nr_buf_str(&page->line), DROP_SHARE, NR_RIGHT);
		nr_buf_add_str(page->out, NR_STR("  "));
		nr_term_cell(page->out, nr_word(page->term->lang, drop_word((enum nr_outcome)i)),
			     page->term->width - DROP_COLUMNS, NR_LEFT);
		nr_page_row_end(page);
	}
}

static void links(struct nr_page *page)
{
	const struct nr_pipeline_counts *counts = page->report->summary->counts;
	const char *gap = "";
	char name[32];

	nr_buf_reset(&page->line);
	for (unsigned i = 0; i < NR_COUNT(counts->links); i++) {
		if (counts->links[i] == 0)
			continue;
		nr_buf_addf(&page->line, "%s%s ", gap,
			    i + 1 == NR_COUNT(counts->links)
				    ? "OTHER"
				    : nr_link_name((uint16_t)i, name, sizeof(name)));
		nr_term_count(&page->line, counts->links[i]);
		gap = " · ";
	}
	if (counts->dropped[NR_OUTCOME_LINK_UNKNOWN] > 0 && page->line.n > 0)
		nr_page_labelled(page, NR_W_LINKS, nr_buf_str(&page->line), NR_STYLE_PLAIN);
}

static void left_out(struct nr_page *page)
{
	const struct nr_summary *sum = page->report->summary;
	const struct nr_capture_stats *capture = sum->capture;

	nr_page_heading(page, NR_W_NOT_UNDERSTOOD);
	if (sum->classified == sum->received)
		nr_page_paragraph(page, NR_W_NOTHING_LEFT_OUT, NR_STYLE_DIM);
	drops(page);
	links(page);
	counted(page, NR_W_ODD, nr_anomaly_names, sum->counts->anomalies, NR_ANOMALY_N);
	counted(page, NR_W_TUNNELS, nr_tunnel_names, sum->counts->tunnels, NR_TUNNEL_N);
	if (capture->kernel_dropped > 0) {
		nr_page_arg_count(page, capture->kernel_dropped);
		nr_page_paragraph(page, NR_W_KERNEL_DROPPED, NR_STYLE_RED);
	}
	if (capture->files_damaged > 0) {
		nr_page_arg_count(page, capture->files_damaged);
		nr_page_arg_count(page, capture->files);
		nr_page_paragraph(page, NR_W_DAMAGED, NR_STYLE_RED);
	}
	if (capture->records_refused > 0) {
		nr_page_arg_count(page, capture->records_refused);
		nr_page_paragraph(page, NR_W_RECORDS_REFUSED, NR_STYLE_RED);
	}
	if (sum->refused > 0) {
		nr_page_arg_count(page, sum->refused);
		nr_page_paragraph(page, NR_W_REFUSED, NR_STYLE_YELLOW);
	}
}

static void unseen(struct nr_page *page)
{
	const struct nr_summary *sum = page->report->summary;

	nr_page_heading(page, NR_W_UNSEEN);
	if (!sum->has_mdr) {
		nr_page_paragraph(page, NR_W_MDR_UNKNOWN, NR_STYLE_PLAIN);
		return;
	}
	nr_page_arg_short(page, sum->mdr);
	nr_page_arg_span(page, (int64_t)(sum->mdr_window_s * 1e9));
	nr_page_arg_short(page, nr_mdr_moore(sum->monitored_v4));
	nr_page_paragraph(page, NR_W_MDR, NR_STYLE_PLAIN);
}

static void assumed(struct nr_page *page)
{
	const struct nr_report *report = page->report;

	nr_page_heading(page, NR_W_ASSUMED);
	nr_page_paragraph(page, NR_W_ASSUME_FORGED, NR_STYLE_PLAIN);
	if (report->summary->has_monitored)
		nr_page_paragraph(page, NR_W_ASSUME_RATE, NR_STYLE_PLAIN);
	nr_page_paragraph(page, NR_W_ASSUME_ESTIMATE, NR_STYLE_PLAIN);
	nr_page_paragraph(page, NR_W_ASSUME_CHANGE, NR_STYLE_PLAIN);
	nr_page_paragraph(page, NR_W_ASSUME_SOURCES, NR_STYLE_PLAIN);
	if (report->n_benign > 0)
		nr_page_arg_count(page, report->n_benign);
	nr_page_paragraph(page, report->n_benign > 0 ? NR_W_ASSUME_SURVEYS : NR_W_ASSUME_NO_SURVEYS,
			  NR_STYLE_PLAIN);
	if (report->summary->prefix_data != NULL) {
		nr_page_arg_escaped(page, nr_str_from(report->summary->prefix_data));
		nr_page_paragraph(page, NR_W_ASSUME_DATA, NR_STYLE_PLAIN);
	}
}

void nr_report_limits(struct nr_page *page)
{
	if (page->report->summary->received > 0)
		left_out(page);
	if (page->report->summary->classified == 0)
		return;
	unseen(page);
	assumed(page);
}
