/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * page: the pieces the report is put together from: headings, labelled lines, sentences with numbers, tables.
 *
 * Shape    struct nr_args collects finished texts for the slots of a sentence; nr_page_say() puts them in
 *          and empties it
 */
#include "cli/report.h"

enum { NR_PAGE_LABEL = 12, NR_PAGE_INDENT = 2 };

struct nr_args {
	struct nr_buf text;
	size_t end[NR_WORD_ARGS];
	size_t n;
};

struct nr_page {
	const struct nr_report *report;
	const struct nr_term *term;
	struct nr_buf *out;
	struct nr_args args;
	struct nr_buf line;
	bool many_days; /* times need their date */
};

void nr_page_init(struct nr_page *page, const struct nr_report *report, const struct nr_term *term,
		  struct nr_buf *out);
/** @return the first error of any buffer */
int nr_page_done(struct nr_page *page);

/** The argument written to page->args.text since the last one is complete. */
void nr_page_arg(struct nr_page *page);
void nr_page_arg_count(struct nr_page *page, uint64_t v);
void nr_page_arg_short(struct nr_page *page, double v);
void nr_page_arg_percent(struct nr_page *page, double share);
void nr_page_arg_bytes(struct nr_page *page, double v);
void nr_page_arg_span(struct nr_page *page, int64_t ns);
void nr_page_arg_text(struct nr_page *page, struct nr_str s);
void nr_page_arg_word(struct nr_page *page, enum nr_word word);
/** Untrusted text: file names, network names. */
void nr_page_arg_escaped(struct nr_page *page, struct nr_str s);

/** Append the filled sentence to @p out. */
void nr_page_fill(struct nr_page *page, enum nr_word word, struct nr_buf *out);
/** A blank line and a heading. */
void nr_page_heading(struct nr_page *page, enum nr_word word);
/** "Label       text", the text wrapped beside the label. */
void nr_page_labelled(struct nr_page *page, enum nr_word label, struct nr_str text,
		      enum nr_term_style style);
/** The filled sentence beside a label. */
void nr_page_say(struct nr_page *page, enum nr_word label, enum nr_word sentence);
/** The filled sentence as a paragraph. */
void nr_page_paragraph(struct nr_page *page, enum nr_word sentence, enum nr_term_style style);

struct nr_column {
	enum nr_word title;
	unsigned width;
	enum nr_term_align align;
};
void nr_page_table_head(struct nr_page *page, const struct nr_column *columns, size_t n);
/** The same as a heading: the first title bold, after a blank line. */
void nr_page_table_title(struct nr_page *page, const struct nr_column *columns, size_t n);
/** Start a row; cells follow in order with their column's width. */
void nr_page_row(struct nr_page *page);
void nr_page_cell(struct nr_page *page, const struct nr_column *column, struct nr_str text,
		  enum nr_term_style style);
void nr_page_row_end(struct nr_page *page);

/** "00:12", or "01-05 00:12" when the report spans days. */
void nr_page_clock(const struct nr_page *page, struct nr_time t, struct nr_buf *out);
/** "AS64500 EXAMPLE-NET, JP", escaped; "unknown" without. */
void nr_page_network(const struct nr_page *page, uint32_t asn, const char *as_name,
		     const char *economy, struct nr_buf *out);
