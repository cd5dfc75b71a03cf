/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_int.h"

enum { SHOWN_LINES = 10, SHOWN_NETWORKS = 8, ADDRESS = 15, NETWORK_MIN = 12, SUBJECT_MAX = 43 };

/* "00:12–00:27"; open at the end while it goes on. */
static void when(const struct nr_page *page, const struct nr_note *note, struct nr_buf *out)
{
	nr_page_clock(page, note->first, out);
	nr_buf_add_str(out, NR_STR("–"));
	if (!note->continuing)
		nr_page_clock(page, note->last, out);
}

/* "12.3k–14.0k" */
static void range(double lo, double hi, struct nr_buf *out)
{
	size_t begin = out->n;

	nr_term_short(out, lo);
	size_t middle = out->n;

	nr_term_short(out, hi);
	if (out->err != 0)
		return;
	if (middle - begin == out->n - middle &&
	    memcmp(out->p + begin, out->p + middle, middle - begin) == 0) {
		out->n = middle; /* both ends read the same */
		return;
	}
	out->n = middle;
	nr_buf_add_str(out, NR_STR("–"));
	nr_term_short(out, hi);
}

enum cell_kind {
	CELL_SUBJECT,
	CELL_SIGNS,
	CELL_RATE,
	CELL_PACKETS,
	CELL_MEMBERS,
	CELL_SURE,
	CELL_WHEN,
	CELL_LEVEL,
	CELL_NETWORK
};

/* As many words as fit, an ellipsis for the rest: half a port would be another one. */
static void whole_words(struct nr_str text, unsigned width, struct nr_buf *out)
{
	unsigned used = 0;

	while (text.n > 0) {
		struct nr_str rest = text, word = nr_str_word(&rest);
		unsigned need = nr_term_columns(word) + (used > 0) +
				(nr_str_is_blank(rest) ? 0 : 2);

		if (word.n == 0)
			return;
		if (used > 0 && used + need > width) {
			nr_buf_add_str(out, NR_STR(" …"));
			return;
		}
		nr_buf_add(out, " ", used > 0);
		nr_buf_add_str(out, word);
		used += nr_term_columns(word) + (used > 0);
		text = rest;
	}
}

static void cell_text(const struct nr_page *page, const struct nr_note *note, enum cell_kind kind,
		      unsigned width, struct nr_buf *out)
{
	static const enum nr_word levels[NR_LEVEL_N] = { NR_W_LEVEL_PROBE, NR_W_LEVEL_SCANNER_ONE,
							 NR_W_LEVEL_WIDE, NR_W_LEVEL_AGGRESSIVE };

	switch (kind) {
	case CELL_SUBJECT:
		nr_buf_add_str(out, nr_str_from(note->subject));
		break;
	case CELL_SIGNS:
		whole_words(nr_str_from(note->signs), width, out);
		break;
	case CELL_RATE:
		if (note->has_rate)
			range(note->rate_lo, note->rate_hi, out);
		break;
	case CELL_PACKETS:
		nr_term_short(out, note->packets);
		break;
	case CELL_MEMBERS:
		nr_term_short(out, note->members);
		break;
	case CELL_SURE:
		nr_buf_addf(out, "%.0f %%",
			    note->confidence * 100 > 99 ? 99.0 : note->confidence * 100);
		break;
	case CELL_WHEN:
		when(page, note, out);
		break;
	case CELL_LEVEL:
		nr_buf_add_str(out, nr_word(page->term->lang, levels[note->level % NR_LEVEL_N]));
		break;
	case CELL_NETWORK:
		if (note->benign_name != NULL) {
			char shown[128];

			(void)nr_str_escape(nr_str_from(note->benign_name), shown, sizeof(shown));
			nr_buf_add_str(out, nr_str_from(shown));
		} else {
			nr_page_network(page, note->asn, note->as_name, note->economy, out);
		}
		break;
	}
}

struct list {
	enum nr_word title, none, more;
	enum nr_term_style style;
	struct nr_column columns[7];
	enum cell_kind kinds[7];
	size_t n;
};

static unsigned used_by(const struct list *list)
{
	unsigned used = NR_PAGE_INDENT;

	for (size_t i = 0; i + 1 < list->n; i++)
		used += list->columns[i].width + 1;
	return used;
}

static void drop_column(struct list *list, enum cell_kind kind)
{
	for (size_t i = 0; i + 1 < list->n; i++) {
		if (list->kinds[i] != kind)
			continue;
		list->n--;
		memmove(list->columns + i, list->columns + i + 1,
			(list->n - i) * sizeof(list->columns[0]));
		memmove(list->kinds + i, list->kinds + i + 1,
			(list->n - i) * sizeof(list->kinds[0]));
		return;
	}
}

/*
 * The first column grows with the longest subject shown, so that addresses stay whole; the last takes what is
 * left. Where that is too little the columns that can be spared go.
 */
static void fit(const struct nr_page *page, const struct nr_note_list *notes, struct list *list)
{
	static const enum cell_kind spared[] = { CELL_PACKETS, CELL_LEVEL, CELL_WHEN,	CELL_SURE,
						 CELL_SIGNS,   CELL_RATE,  CELL_MEMBERS };
	unsigned longest = list->columns[0].width;
	size_t n = notes->n < SHOWN_LINES ? notes->n : SHOWN_LINES;

	for (size_t i = 0; i < n; i++) {
		unsigned columns = nr_term_columns(nr_str_from(notes->top[i].subject));

		longest = columns > longest ? columns : longest;
	}
	list->columns[0].width = longest > SUBJECT_MAX ? SUBJECT_MAX : longest;
	for (size_t i = 0; i + 1 < list->n; i++)
		if (list->kinds[i] == CELL_WHEN)
			list->columns[i].width = page->many_days			? 23
						 : page->report->summary->seconds < 600 ? 17
											: 11;
	for (size_t i = 0; i < NR_COUNT(spared) && used_by(list) + NETWORK_MIN > page->term->width;
	     i++)
		drop_column(list, spared[i]);
	unsigned used = used_by(list);

	list->columns[list->n - 1].width = page->term->width > used ? page->term->width - used : 1;
}

static void print_list(struct nr_page *page, const struct nr_note_list *notes, struct list *list)
{
	size_t n = notes->n < SHOWN_LINES ? notes->n : SHOWN_LINES;
	struct nr_buf text;

	nr_page_heading(page, list->title);
	if (notes->seen == 0) {
		nr_page_paragraph(page, list->none, NR_STYLE_DIM);
		return;
	}
	fit(page, notes, list);
	nr_page_table_head(page, list->columns, list->n);
	nr_buf_init(&text, 4096);
	for (size_t i = 0; i < n; i++) {
		nr_page_row(page);
		for (size_t c = 0; c < list->n; c++) {
			nr_buf_reset(&text);
			cell_text(page, &notes->top[i], list->kinds[c], list->columns[c].width,
				  &text);
			nr_page_cell(page, &list->columns[c], nr_buf_str(&text),
				     c == 0 ? list->style : NR_STYLE_PLAIN);
		}
		nr_page_row_end(page);
	}
	nr_buf_done(&text);
	if (notes->seen > n) {
		nr_page_arg_count(page, notes->seen - n);
		nr_page_paragraph(page, list->more, NR_STYLE_DIM);
	}
}

static void victims(struct nr_page *page)
{
	const struct nr_report_notes *notes = page->report->notes;
	struct list attacks = {
		.title = NR_W_FLOODED,
		.none = NR_W_FLOODED_NONE,
		.more = NR_W_MORE,
		.style = NR_STYLE_RED,
		.columns = { { NR_W_COL_VICTIM, ADDRESS, NR_LEFT },
			     { NR_W_COL_PORTS, 14, NR_LEFT },
			     { NR_W_COL_ANSWERS, 12, NR_RIGHT },
			     { NR_W_COL_PACKETS, 8, NR_RIGHT },
			     { NR_W_COL_WHEN, 11, NR_LEFT },
			     { NR_W_COL_NETWORK, 0, NR_LEFT } },
		.kinds = { CELL_SUBJECT, CELL_SIGNS, CELL_RATE, CELL_PACKETS, CELL_WHEN,
			   CELL_NETWORK },
		.n = 6,
	};
	struct list carpets = attacks;

	carpets.title = NR_W_CARPETS;
	carpets.columns[0].title = NR_W_COL_PREFIX;
	carpets.columns[3] = (struct nr_column){ NR_W_COL_VICTIMS, 8, NR_RIGHT };
	carpets.kinds[3] = CELL_MEMBERS;
	if (notes->findings[NR_NOTE_CARPET].seen > 0)
		print_list(page, &notes->findings[NR_NOTE_CARPET], &carpets);
	print_list(page, &notes->findings[NR_NOTE_ATTACK], &attacks);
}

/* Whom to tell: the networks with most infected machines. */
static void infected_networks(struct nr_page *page)
{
	const struct nr_report_notes *notes = page->report->notes;
	const struct nr_column columns[] = { { NR_W_COL_MACHINES, 10, NR_RIGHT },
					     { NR_W_COL_NETWORK, page->term->width - 13,
					       NR_LEFT } };
	const struct nr_note_net *top[SHOWN_NETWORKS];
	size_t n = 0;
	uint64_t networks = 0;
	struct nr_buf text;

	for (size_t i = 0; i < NR_NOTES_NETS; i++) {
		const struct nr_note_net *net = &notes->nets[i];
		size_t at = n;

		if (net->machines == 0 || (net->asn == 0 && net->economy[0] == '\0'))
			continue;
		networks++;
		while (at > 0 &&
		       (top[at - 1]->machines < net->machines ||
			(top[at - 1]->machines == net->machines && top[at - 1]->asn > net->asn)))
			at--;
		if (at == SHOWN_NETWORKS)
			continue;
		n += n < SHOWN_NETWORKS;
		memmove(top + at + 1, top + at, (n - at - 1) * sizeof(*top));
		top[at] = net;
	}
	if (n == 0)
		return;
	nr_page_table_head(page, columns, NR_COUNT(columns));
	nr_buf_init(&text, 4096);
	for (size_t i = 0; i < n; i++) {
		nr_page_row(page);
		nr_buf_reset(&text);
		nr_term_count(&text, top[i]->machines);
		nr_page_cell(page, &columns[0], nr_buf_str(&text), NR_STYLE_PLAIN);
		nr_buf_reset(&text);
		nr_page_network(page, top[i]->asn, top[i]->as_name, top[i]->economy, &text);
		nr_page_cell(page, &columns[1], nr_buf_str(&text), NR_STYLE_PLAIN);
		nr_page_row_end(page);
	}
	nr_buf_done(&text);
	if (networks > n) {
		nr_page_arg_count(page, networks - n);
		nr_page_paragraph(page, NR_W_MORE_ROWS, NR_STYLE_DIM);
	}
}

static void infections(struct nr_page *page)
{
	struct list list = {
		.title = NR_W_INFECTED,
		.none = NR_W_INFECTED_NONE,
		.more = NR_W_MORE,
		.style = NR_STYLE_YELLOW,
		.columns = { { NR_W_COL_SOURCE, ADDRESS, NR_LEFT },
			     { NR_W_COL_SIGNS, 16, NR_LEFT },
			     { NR_W_COL_SURE, 5, NR_RIGHT },
			     { NR_W_COL_PACKETS, 8, NR_RIGHT },
			     { NR_W_COL_WHEN, 11, NR_LEFT },
			     { NR_W_COL_NETWORK, 0, NR_LEFT } },
		.kinds = { CELL_SUBJECT, CELL_SIGNS, CELL_SURE, CELL_PACKETS, CELL_WHEN,
			   CELL_NETWORK },
		.n = 6,
	};

	print_list(page, &page->report->notes->findings[NR_NOTE_INFECTION], &list);
	if (page->report->notes->findings[NR_NOTE_INFECTION].seen > SHOWN_LINES)
		infected_networks(page);
}

static void scanners(struct nr_page *page)
{
	const struct nr_report_notes *notes = page->report->notes;
	struct list list = {
		.title = NR_W_SCANNERS,
		.none = NR_W_SCANNERS_NONE,
		.more = NR_W_MORE_SOURCES,
		.style = NR_STYLE_PLAIN,
		.columns = { { NR_W_COL_SOURCE, ADDRESS, NR_LEFT },
			     { NR_W_COL_LEVEL, 10, NR_LEFT },
			     { NR_W_COL_TOOL, 9, NR_LEFT },
			     { NR_W_COL_RATE, 12, NR_RIGHT },
			     { NR_W_COL_PACKETS, 8, NR_RIGHT },
			     { NR_W_COL_NETWORK, 0, NR_LEFT } },
		.kinds = { CELL_SUBJECT, CELL_LEVEL, CELL_SIGNS, CELL_RATE, CELL_PACKETS,
			   CELL_NETWORK },
		.n = 6,
	};
	struct list campaigns = {
		.title = NR_W_CAMPAIGNS,
		.none = NR_W_CAMPAIGNS,
		.more = NR_W_MORE,
		.style = NR_STYLE_PLAIN,
		.columns = { { NR_W_COL_CAMPAIGN, 24, NR_LEFT },
			     { NR_W_COL_SOURCES, 8, NR_RIGHT },
			     { NR_W_COL_PACKETS, 8, NR_RIGHT },
			     { NR_W_COL_WHEN, 11, NR_LEFT },
			     { NR_W_COL_NETWORK, 0, NR_LEFT } },
		.kinds = { CELL_SUBJECT, CELL_MEMBERS, CELL_PACKETS, CELL_WHEN, CELL_NETWORK },
		.n = 5,
	};

	print_list(page, &notes->scanners, &list);
	if (notes->findings[NR_NOTE_CAMPAIGN].seen > 0)
		print_list(page, &notes->findings[NR_NOTE_CAMPAIGN], &campaigns);
}

static void others(struct nr_page *page)
{
	struct list list = {
		.title = NR_W_OTHER_FINDINGS,
		.none = NR_W_OTHER_FINDINGS,
		.more = NR_W_MORE,
		.style = NR_STYLE_PLAIN,
		.columns = { { NR_W_COL_SOURCE, ADDRESS, NR_LEFT },
			     { NR_W_COL_SIGNS, 16, NR_LEFT },
			     { NR_W_COL_SURE, 5, NR_RIGHT },
			     { NR_W_COL_WHEN, 11, NR_LEFT },
			     { NR_W_COL_NETWORK, 0, NR_LEFT } },
		.kinds = { CELL_SUBJECT, CELL_SIGNS, CELL_SURE, CELL_WHEN, CELL_NETWORK },
		.n = 5,
	};

	if (page->report->notes->findings[NR_NOTE_OTHER].seen > 0)
		print_list(page, &page->report->notes->findings[NR_NOTE_OTHER], &list);
}

void nr_report_findings(struct nr_page *page)
{
	victims(page);
	infections(page);
	scanners(page);
	others(page);
}
