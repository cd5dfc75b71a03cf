/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report.h"

#include "cli/page.h"
#include "cli/report_int.h"

enum { STAMP = 19 }; /* 2026-01-05T00:12:33 */

/* ---- what was read ---- */

static void stamp(struct nr_time t, struct nr_buf *out)
{
	char text[NR_TIME_TEXT];

	(void)nr_time_print(t, text);
	text[10] = ' ';
	nr_buf_add(out, text, STAMP);
}

/* The file's whole name if it fits the line, else its last part. */
static struct nr_str shown_path(const struct nr_page *page, struct nr_str path)
{
	unsigned room = page->term->width - 40 + (page->report->paths->n == 1 ? 20 : 0);
	const char *slash = memrchr(path.p, '/', path.n);

	if (nr_term_columns(path) <= room || slash == NULL)
		return path;
	return (struct nr_str){ slash + 1, path.n - (size_t)(slash + 1 - path.p) };
}

static void name_input(struct nr_page *page, struct nr_buf *out)
{
	const struct nr_report *report = page->report;

	if (report->interface != NULL) {
		nr_page_arg_escaped(page, nr_str_from(report->interface));
		nr_page_fill(page, NR_W_INTERFACE, out);
	} else if (report->paths->n > 0 && nr_str_eq(report->paths->items[0], NR_STR("-"))) {
		nr_buf_add_str(out, nr_word(page->term->lang, NR_W_STANDARD_INPUT));
	} else if (report->paths->n > 0) {
		nr_page_arg_escaped(page, shown_path(page, report->paths->items[0]));
		nr_page_arg_count(page, report->paths->n - 1);
		nr_page_fill(page, report->paths->n > 1 ? NR_W_AND_MORE : NR_W_AS_IT_IS, out);
	}
}

static void title(struct nr_page *page)
{
	struct nr_str name = nr_word(page->term->lang, NR_W_TITLE);
	unsigned used = nr_term_columns(name) + 2;

	nr_buf_reset(&page->line);
	name_input(page, &page->line);
	nr_term_styled(page->term, page->out, NR_STYLE_BOLD, name);
	nr_buf_add_str(page->out, NR_STR("  "));
	nr_term_cell(page->out, nr_buf_str(&page->line), page->term->width - used, NR_LEFT);
	nr_page_row_end(page);
}

static void period(struct nr_page *page)
{
	const struct nr_summary *sum = page->report->summary;

	if (sum->classified > 0) {
		stamp(sum->first, &page->args.text);
		nr_page_arg(page);
		stamp(sum->last, &page->args.text);
		nr_page_arg(page);
		nr_page_arg_span(page, sum->last.ns - sum->first.ns);
	}
	nr_buf_reset(&page->line);
	nr_page_fill(page, sum->classified > 0 ? NR_W_PERIOD : NR_W_NO_PERIOD, &page->line);
	if (page->report->stopped) {
		nr_buf_add_str(&page->line, NR_STR(" · "));
		nr_buf_add_str(&page->line, nr_word(page->term->lang, NR_W_STOPPED));
	}
	nr_term_wrap(page->out, nr_buf_str(&page->line), 0, page->term->width);
	nr_buf_add_str(page->out, NR_STR("\n"));
}

static void nets_text(const struct nr_nets *nets, struct nr_buf *out)
{
	enum { SHOWN_NETS = 4 };
	size_t n = nets->n_v4 + nets->n_v6;
	char text[NR_PREFIX_TEXT];

	for (size_t i = 0; i < n && i < SHOWN_NETS; i++) {
		nr_buf_add(out, ", ", i > 0 ? 2 : 0);
		nr_buf_add(out, text, nr_prefix_print(nr_summary_net(nets, i), text));
	}
	if (n > SHOWN_NETS)
		nr_buf_addf(out, ", +%zu", n - SHOWN_NETS);
}

static enum nr_word known_nets(struct nr_page *page)
{
	const struct nr_summary *sum = page->report->summary;
	const struct nr_infer_result *infer = sum->infer;

	nets_text(sum->nets, &page->args.text);
	nr_page_arg(page);
	nr_page_arg_count(page, sum->monitored_v4);
	if (sum->monitored_v4 == 0)
		return NR_W_MONITORED_V6;
	if (infer->verdict == NR_INFER_GIVEN)
		return NR_W_MONITORED_GIVEN;
	nr_page_arg_count(page, infer->destinations);
	nr_page_arg_count(page, infer->unanswered);
	nr_page_arg_count(page, infer->expected);
	return NR_W_MONITORED_INFERRED;
}

static enum nr_word unknown_nets(struct nr_page *page)
{
	const struct nr_infer_result *infer = page->report->summary->infer;
	char text[NR_PREFIX_TEXT];

	switch (infer->verdict) {
	case NR_INFER_TOO_FEW:
		nr_page_arg_count(page, infer->unanswered);
		return NR_W_UNKNOWN_TOO_FEW;
	case NR_INFER_TWO_WAY:
		nr_page_arg_percent(page, infer->two_way);
		return NR_W_UNKNOWN_TWO_WAY;
	case NR_INFER_SCATTERED:
		nr_page_arg_count(page, infer->distinct);
		return NR_W_UNKNOWN_SCATTERED;
	case NR_INFER_SPARSE:
		nr_page_arg_text(page,
				 (struct nr_str){ text, nr_prefix_print(infer->blocks[0], text) });
		nr_page_arg_count(page, infer->destinations);
		nr_page_arg_count(page, infer->expected);
		return NR_W_UNKNOWN_SPARSE;
	case NR_INFER_GIVEN:
	case NR_INFER_FOUND:
	case NR_INFER_NOT_TRIED:
		break;
	}
	return NR_W_UNKNOWN_NOT_TRIED;
}

static void monitored(struct nr_page *page)
{
	bool known = page->report->summary->nets != NULL;
	enum nr_word word = known ? known_nets(page) : unknown_nets(page);

	nr_buf_reset(&page->line);
	nr_page_fill(page, word, &page->line);
	nr_page_labelled(page, NR_W_MONITORED, nr_buf_str(&page->line),
			 known ? NR_STYLE_PLAIN : NR_STYLE_YELLOW);
}

static void received(struct nr_page *page)
{
	const struct nr_summary *sum = page->report->summary;

	nr_page_arg_count(page, sum->received);
	nr_page_arg_bytes(page, (double)sum->received_bytes);
	if (sum->seconds >= 1)
		nr_page_arg_short(page, (double)sum->received / sum->seconds);
	nr_page_say(page, NR_W_RECEIVED,
		    sum->seconds >= 1 ? NR_W_RECEIVED_RATE : NR_W_RECEIVED_TEXT);
	if (sum->received == 0)
		return;
	if (sum->classified == sum->received) {
		nr_page_say(page, NR_W_UNDERSTOOD, NR_W_UNDERSTOOD_ALL);
		return;
	}
	nr_page_arg_count(page, sum->classified);
	nr_page_arg_percent(page, (double)sum->classified / (double)sum->received);
	nr_page_arg_count(page, sum->received - sum->classified);
	nr_page_say(page, NR_W_UNDERSTOOD, NR_W_UNDERSTOOD_TEXT);
}

/* "scan 81.2 % · backscatter 17.0 %" */
static void classes(struct nr_page *page)
{
	static const enum nr_word names[NR_CLASS_N] = { NR_W_CLASS_SCAN, NR_W_CLASS_BACKSCATTER,
							NR_W_CLASS_AMPLIFY, NR_W_CLASS_OTHER };
	const struct nr_summary *sum = page->report->summary;
	const char *gap = "";

	nr_buf_reset(&page->line);
	for (size_t i = 0; i < NR_CLASS_N; i++) {
		if (sum->counts->classes[i] == 0)
			continue;
		nr_buf_addf(&page->line, "%s", gap);
		nr_buf_add_str(&page->line, nr_word(page->term->lang, names[i]));
		nr_buf_add(&page->line, " ", 1);
		nr_term_percent(&page->line,
				(double)sum->counts->classes[i] / (double)sum->classified);
		gap = " · ";
	}
	nr_page_labelled(page, NR_W_CLASSES, nr_buf_str(&page->line), NR_STYLE_PLAIN);
}

static void sources(struct nr_page *page)
{
	static const enum nr_word names[NR_LEVEL_N] = { NR_W_LEVEL_PROBE, NR_W_LEVEL_SCANNER,
							NR_W_LEVEL_WIDE, NR_W_LEVEL_AGGRESSIVE };

	nr_buf_reset(&page->line);
	nr_term_count(&page->line, page->report->summary->sources);
	for (size_t i = 0; i < NR_LEVEL_N; i++) {
		if (page->report->levels[i] == 0)
			continue;
		nr_buf_add_str(&page->line, NR_STR(" · "));
		nr_buf_add_str(&page->line, nr_word(page->term->lang, names[i]));
		nr_buf_add(&page->line, " ", 1);
		nr_term_count(&page->line, page->report->levels[i]);
	}
	nr_page_labelled(page, NR_W_SOURCES, nr_buf_str(&page->line), NR_STYLE_PLAIN);
}

static void findings(struct nr_page *page)
{
	static const enum nr_word names[NR_NOTE_N] = { NR_W_KIND_ATTACK, NR_W_KIND_CARPET,
						       NR_W_KIND_INFECTION, NR_W_KIND_CAMPAIGN,
						       NR_W_KIND_OTHER };
	bool any = false;

	nr_buf_reset(&page->line);
	for (size_t i = 0; i < NR_NOTE_N; i++) {
		uint64_t n = page->report->notes->findings[i].seen;

		if (n == 0)
			continue;
		nr_buf_add_str(&page->line, any ? NR_STR(" · ") : NR_STR(""));
		nr_buf_add_str(&page->line, nr_word(page->term->lang, names[i]));
		nr_buf_add(&page->line, " ", 1);
		nr_term_count(&page->line, n);
		any = true;
	}
	if (!any)
		nr_buf_add_str(&page->line, nr_word(page->term->lang, NR_W_FINDINGS_NONE));
	bool alarm = page->report->notes->findings[NR_NOTE_ATTACK].seen +
			     page->report->notes->findings[NR_NOTE_CARPET].seen +
			     page->report->notes->findings[NR_NOTE_INFECTION].seen >
		     0;

	nr_page_labelled(page, NR_W_FINDINGS, nr_buf_str(&page->line),
			 alarm ? NR_STYLE_RED : NR_STYLE_PLAIN);
}

/* ---- over time ---- */

enum { CHART_MAX = NR_TALLY_BINS, PEAK_ROOM = 26, NARROW = 60 };

struct chart {
	double packets[CHART_MAX], backscatter[CHART_MAX], sources[CHART_MAX];
	size_t n;
	int64_t width; /* seconds a column */
};

/* Bins put together until they fit; a bin at either end counts by the time it was covered. */
static void chart_of(const struct nr_tally_time *time, size_t columns, struct chart *chart)
{
	size_t group = (time->n + columns - 1) / columns;

	*chart = (struct chart){ .n = (time->n + group - 1) / group,
				 .width = (int64_t)group * time->width };
	for (size_t i = 0; i < chart->n; i++) {
		int64_t begin = time->start + (int64_t)i * chart->width, end = begin + chart->width;
		uint64_t packets = 0, backscatter = 0;

		begin = begin < time->first ? time->first : begin;
		end = end > time->last + 1 ? time->last + 1 : end;
		for (size_t b = i * group; b < (i + 1) * group && b < time->n; b++) {
			for (size_t c = 0; c < NR_CLASS_N; c++)
				packets += time->bins[b].packets[c];
			backscatter += time->bins[b].packets[NR_CLASS_BACKSCATTER];
			if (time->bins[b].sources > chart->sources[i])
				chart->sources[i] = time->bins[b].sources;
		}
		chart->packets[i] = (double)packets / (double)(end - begin);
		chart->backscatter[i] = (double)backscatter / (double)(end - begin);
	}
}

static size_t peak_of(const double *values, size_t n)
{
	size_t best = 0;

	for (size_t i = 1; i < n; i++)
		best = values[i] > values[best] ? i : best;
	return best;
}

/* The spark of @p values, each column @p stretch wide, then what the arguments say of its peak. */
static void spark_line(struct nr_page *page, enum nr_word label, const double *values,
		       const struct chart *chart, size_t stretch, enum nr_word peak)
{
	double wide[CHART_MAX * 8];

	for (size_t i = 0; i < chart->n * stretch; i++)
		wide[i] = values[i / stretch];
	nr_buf_reset(&page->line);
	nr_term_whole(&page->line, nr_word(page->term->lang, label), NR_PAGE_LABEL);
	nr_term_styled(page->term, page->out, NR_STYLE_DIM, nr_buf_str(&page->line));
	nr_term_spark(page->out, wide, chart->n * stretch);
	nr_buf_reset(&page->line);
	nr_page_fill(page, peak, &page->line);
	if (page->term->width >= NARROW) {
		nr_buf_add_str(page->out, NR_STR("  "));
		nr_buf_add_str(page->out, nr_buf_str(&page->line));
	}
	nr_page_row_end(page);
}

static void axis(struct nr_page *page, const struct nr_tally_time *time, size_t columns)
{
	struct nr_buf left, right;

	nr_buf_init(&left, 256);
	nr_buf_init(&right, 256);
	nr_page_clock(page, (struct nr_time){ time->first * NR_NS_PER_S }, &left);
	nr_page_clock(page, (struct nr_time){ time->last * NR_NS_PER_S }, &right);
	nr_buf_addf(page->out, "%*s", NR_PAGE_LABEL, "");
	if (left.n + right.n + 1 <= columns)
		nr_buf_addf(&left, "%*s" NR_STR_FMT, (int)(columns - left.n - right.n), "",
			    NR_STR_ARG(nr_buf_str(&right)));
	nr_term_styled(page->term, page->out, NR_STYLE_DIM, nr_buf_str(&left));
	nr_buf_add_str(page->out, NR_STR("\n"));
	nr_buf_done(&left);
	nr_buf_done(&right);
}

static void over_time(struct nr_page *page)
{
	struct nr_tally_time time;
	struct chart chart;
	size_t room = page->term->width - NR_PAGE_LABEL -
		      (page->term->width >= NARROW ? PEAK_ROOM : 0);

	nr_tally_time(page->report->tally, &time);
	if (!time.any || time.last == time.first)
		return;
	room = room > CHART_MAX ? CHART_MAX : room;
	chart_of(&time, room, &chart);
	size_t stretch = room / chart.n > 8 ? 8 : room / chart.n;
	size_t top = peak_of(chart.packets, chart.n);

	nr_page_heading(page, NR_W_OVER_TIME);
	nr_page_arg_short(page, chart.packets[top]);
	nr_page_clock(page,
		      (struct nr_time){ (time.start + (int64_t)top * chart.width) * NR_NS_PER_S },
		      &page->args.text);
	nr_page_arg(page);
	spark_line(page, NR_W_PACKETS, chart.packets, &chart, stretch, NR_W_PEAK_PACKETS);
	top = peak_of(chart.sources, chart.n);
	nr_buf_add_str(&page->args.text, NR_STR("≈ "));
	nr_term_short(&page->args.text,
		      chart.sources[top] + 0.5 - (chart.sources[top] >= 10 ? 0.5 : 0));
	nr_page_arg(page);
	nr_page_arg_span(page, time.width * NR_NS_PER_S);
	spark_line(page, NR_W_SOURCES, chart.sources, &chart, stretch, NR_W_PEAK_SOURCES);
	top = peak_of(chart.backscatter, chart.n);
	if (chart.backscatter[top] > 0) {
		nr_page_arg_short(page, chart.backscatter[top]);
		nr_page_clock(page,
			      (struct nr_time){ (time.start + (int64_t)top * chart.width) *
						NR_NS_PER_S },
			      &page->args.text);
		nr_page_arg(page);
		spark_line(page, NR_W_CLASS_BACKSCATTER, chart.backscatter, &chart, stretch,
			   NR_W_PEAK_PACKETS);
	}
	axis(page, &time, chart.n * stretch);
}

int nr_report_print(const struct nr_report *report, const struct nr_term *term, struct nr_buf *out)
{
	struct nr_page page;

	nr_page_init(&page, report, term, out);
	title(&page);
	period(&page);
	if (report->summary->classified > 0 || report->summary->nets != NULL)
		monitored(&page);
	received(&page);
	if (report->summary->classified > 0) {
		classes(&page);
		sources(&page);
		findings(&page);
		over_time(&page);
		nr_report_findings(&page);
		nr_report_tops(&page);
	}
	nr_report_limits(&page);
	int err = nr_page_done(&page);

	if (!term->unicode && err == 0)
		nr_term_ascii(out);
	return err;
}
