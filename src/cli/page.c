/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/page.h"

enum { LINE_MAX_BYTES = 1 << 16, SHOWN = 512 };

static const int64_t day_ns = 86400 * NR_NS_PER_S;

void nr_page_init(struct nr_page *page, const struct nr_report *report, const struct nr_term *term,
		  struct nr_buf *out)
{
	const struct nr_summary *sum = report->summary;

	*page = (struct nr_page){ .report = report, .term = term, .out = out };
	nr_buf_init(&page->args.text, LINE_MAX_BYTES);
	nr_buf_init(&page->line, LINE_MAX_BYTES);
	page->many_days = sum->classified > 0 && sum->first.ns / day_ns != sum->last.ns / day_ns;
}

int nr_page_done(struct nr_page *page)
{
	int err = page->out->err != 0	     ? page->out->err
		  : page->args.text.err != 0 ? page->args.text.err
					     : page->line.err;

	nr_buf_done(&page->args.text);
	nr_buf_done(&page->line);
	return err;
}

/* ---- arguments ---- */

void nr_page_arg(struct nr_page *page)
{
	nr_require(page->args.n < NR_WORD_ARGS);
	page->args.end[page->args.n++] = page->args.text.n;
}

void nr_page_arg_count(struct nr_page *page, uint64_t v)
{
	nr_term_count(&page->args.text, v);
	nr_page_arg(page);
}

void nr_page_arg_short(struct nr_page *page, double v)
{
	nr_term_short(&page->args.text, v);
	nr_page_arg(page);
}

void nr_page_arg_percent(struct nr_page *page, double share)
{
	nr_term_percent(&page->args.text, share);
	nr_page_arg(page);
}

void nr_page_arg_bytes(struct nr_page *page, double v)
{
	nr_term_bytes(&page->args.text, v);
	nr_page_arg(page);
}

void nr_page_arg_span(struct nr_page *page, int64_t ns)
{
	nr_term_span(page->term, &page->args.text, ns);
	nr_page_arg(page);
}

void nr_page_arg_text(struct nr_page *page, struct nr_str s)
{
	nr_buf_add_str(&page->args.text, s);
	nr_page_arg(page);
}

void nr_page_arg_word(struct nr_page *page, enum nr_word word)
{
	nr_page_arg_text(page, nr_word(page->term->lang, word));
}

void nr_page_arg_escaped(struct nr_page *page, struct nr_str s)
{
	char shown[SHOWN];

	nr_buf_add(&page->args.text, shown, nr_str_escape(s, shown, sizeof(shown)));
	nr_page_arg(page);
}

void nr_page_fill(struct nr_page *page, enum nr_word word, struct nr_buf *out)
{
	struct nr_str args[NR_WORD_ARGS];
	size_t begin = 0;

	for (size_t i = 0; i < page->args.n; i++) {
		args[i] = (struct nr_str){ (const char *)page->args.text.p + begin,
					   page->args.end[i] - begin };
		begin = page->args.end[i];
	}
	nr_word_fill(out, page->term->lang, word, args, page->args.n);
	nr_buf_reset(&page->args.text);
	page->args.n = 0;
}

/* ---- lines ---- */

void nr_page_heading(struct nr_page *page, enum nr_word word)
{
	nr_buf_add_str(page->out, NR_STR("\n"));
	nr_term_styled(page->term, page->out, NR_STYLE_BOLD, nr_word(page->term->lang, word));
	nr_buf_add_str(page->out, NR_STR("\n"));
}

/* Wrapped text whose first line follows what stands in the line already. */
static void beside(struct nr_page *page, struct nr_str text, enum nr_term_style style)
{
	struct nr_buf wrapped;

	nr_buf_init(&wrapped, LINE_MAX_BYTES);
	nr_term_wrap(&wrapped, text, NR_PAGE_LABEL, page->term->width);
	struct nr_str body = nr_buf_str(&wrapped);

	if (body.n > NR_PAGE_LABEL) {
		body.p += NR_PAGE_LABEL;
		body.n -= NR_PAGE_LABEL;
	}
	nr_term_styled(page->term, page->out, style, body);
	page->line.err = page->line.err != 0 ? page->line.err : wrapped.err;
	nr_buf_done(&wrapped);
}

void nr_page_labelled(struct nr_page *page, enum nr_word label, struct nr_str text,
		      enum nr_term_style style)
{
	struct nr_buf cell;

	nr_buf_init(&cell, LINE_MAX_BYTES);
	nr_term_whole(&cell, nr_word(page->term->lang, label), NR_PAGE_LABEL);
	nr_term_styled(page->term, page->out, NR_STYLE_DIM, nr_buf_str(&cell));
	nr_buf_done(&cell);
	beside(page, text, style);
}

void nr_page_say(struct nr_page *page, enum nr_word label, enum nr_word sentence)
{
	nr_buf_reset(&page->line);
	nr_page_fill(page, sentence, &page->line);
	nr_page_labelled(page, label, nr_buf_str(&page->line), NR_STYLE_PLAIN);
}

void nr_page_paragraph(struct nr_page *page, enum nr_word sentence, enum nr_term_style style)
{
	struct nr_buf wrapped;

	nr_buf_reset(&page->line);
	nr_page_fill(page, sentence, &page->line);
	nr_buf_init(&wrapped, LINE_MAX_BYTES);
	nr_term_wrap(&wrapped, nr_buf_str(&page->line), NR_PAGE_INDENT, page->term->width);
	nr_term_styled(page->term, page->out, style, nr_buf_str(&wrapped));
	page->line.err = page->line.err != 0 ? page->line.err : wrapped.err;
	nr_buf_done(&wrapped);
}

/* ---- tables ---- */

void nr_page_row(struct nr_page *page)
{
	nr_buf_reset(&page->line);
	nr_buf_add_str(page->out, NR_STR(" ")); /* every cell brings one blank before it */
}

void nr_page_cell(struct nr_page *page, const struct nr_column *column, struct nr_str text,
		  enum nr_term_style style)
{
	struct nr_buf cell;

	nr_buf_init(&cell, LINE_MAX_BYTES);
	if (column->width == 0)
		nr_buf_add_str(&cell, text);
	else
		nr_term_cell(&cell, text, column->width, column->align);
	nr_buf_add_str(page->out, NR_STR(" "));
	nr_term_styled(page->term, page->out, style, nr_buf_str(&cell));
	page->line.err = page->line.err != 0 ? page->line.err : cell.err;
	nr_buf_done(&cell);
}

void nr_page_row_end(struct nr_page *page)
{
	while (page->out->n > 0 && page->out->p[page->out->n - 1] == ' ')
		page->out->n--;
	nr_buf_add_str(page->out, NR_STR("\n"));
}

static void titles(struct nr_page *page, const struct nr_column *columns, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (columns[i].width > 0)
			nr_page_cell(page, &columns[i],
				     columns[i].title == NR_W_N
					     ? NR_STR("")
					     : nr_word(page->term->lang, columns[i].title),
				     NR_STYLE_DIM);
	nr_page_row_end(page);
}

void nr_page_table_head(struct nr_page *page, const struct nr_column *columns, size_t n)
{
	nr_page_row(page);
	titles(page, columns, n);
}

void nr_page_table_title(struct nr_page *page, const struct nr_column *columns, size_t n)
{
	struct nr_column first = columns[0];

	nr_buf_add_str(page->out, NR_STR("\n"));
	nr_term_styled(page->term, page->out, NR_STYLE_BOLD,
		       nr_word(page->term->lang, first.title));
	unsigned used = nr_term_columns(nr_word(page->term->lang, first.title)),
		 width = first.width + NR_PAGE_INDENT;

	nr_buf_addf(page->out, "%*s", used < width ? (int)(width - used) : 1, "");
	titles(page, columns + 1, n - 1);
}

/* ---- common texts ---- */

void nr_page_clock(const struct nr_page *page, struct nr_time t, struct nr_buf *out)
{
	char text[NR_TIME_TEXT];
	bool short_run = page->report->summary->seconds < 600;

	(void)nr_time_print(t, text); /* 2026-01-05T00:12:33Z */
	if (page->many_days) {
		nr_buf_add(out, text + 5, 5);
		nr_buf_add(out, " ", 1);
	}
	nr_buf_add(out, text + 11, short_run ? 8 : 5);
}

void nr_page_network(const struct nr_page *page, uint32_t asn, const char *as_name,
		     const char *economy, struct nr_buf *out)
{
	char shown[SHOWN];

	if (asn == 0 && economy[0] == '\0') {
		nr_buf_add_str(out, nr_word(page->term->lang, NR_W_UNKNOWN));
		return;
	}
	if (economy[0] != '\0')
		nr_buf_add(out, shown,
			   nr_str_escape((struct nr_str){ economy, strnlen(economy, 2) }, shown,
					 sizeof(shown)));
	if (asn == 0)
		return;
	nr_buf_addf(out, "%sAS%u", economy[0] != '\0' ? " " : "", asn);
	if (as_name == NULL)
		return;
	nr_buf_add_str(out, NR_STR(" "));
	nr_buf_add(out, shown, nr_str_escape(nr_str_from(as_name), shown, sizeof(shown)));
}
