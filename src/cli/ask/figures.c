/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask/figures.h"

#include <stdio.h>
#include <stdlib.h>

#include "observe/classify/classify.h"

enum {
	STALE_MIN = 15,
	MINUTE_S = 60,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PORT_MAX = 65535,
	WORDS_MAX = 256,
	WIDE_MAX = 4,
	STEP_MAX = 1 << 30,
	BINS_MAX = 1 << 24,
};

const char *const nr_figures_scopes[] = { "usual", "own", "shared", NULL };

int nr_figures_period(const struct nr_figures_words *words, struct nr_figures_period *ret_period,
		      struct nr_err *reterr)
{
	struct nr_figures_period *p = ret_period;
	char shown[sizeof(p->since)];
	int64_t ns;

	nr_str_escape(nr_str_from(words->last), shown, sizeof(shown));
	if (nr_span_parse(nr_str_from(words->last), &ns) < 0 || ns == 0)
		return nr_fail(reterr, NR_EUSAGE,
			       "--last '%s': want a span with its unit, such as 90m, 24h or 7d",
			       shown);
	(void)snprintf(p->since, sizeof(p->since), "%s%s", words->since == NULL ? "-" : "",
		       words->since == NULL ? words->last : words->since);
	(void)snprintf(p->until, sizeof(p->until), "%s", words->until == NULL ? "" : words->until);
	p->words[0] = (struct nr_client_word){ "since", p->since };
	p->words[1] = (struct nr_client_word){ "until", p->until[0] != '\0' ? p->until : NULL };
	p->words[2] = (struct nr_client_word){ "scope", words->scope == NR_SCOPE_USUAL
								? NULL
								: nr_figures_scopes[words->scope] };
	return 0;
}

/* ---- whose figures, and how new ---- */

static bool too_few(const json_t *answer)
{
	return nr_str_eq(nr_ask_text(answer, "scope"), NR_STR("shared")) &&
	       nr_ask_number(answer, "quorum") == 0;
}

static void whose(const json_t *answer, char *out, size_t cap)
{
	double sensors = nr_ask_number(answer, "sensors"), quorum = nr_ask_number(answer, "quorum");

	if (!nr_str_eq(nr_ask_text(answer, "scope"), NR_STR("shared")))
		(void)snprintf(out, cap, "exact, from %.0f sensor%s of your own", sensors,
			       sensors == 1 ? "" : "s");
	else
		(void)snprintf(out, cap,
			       "shared: what %.0f or more of %.0f sensors of others reach, each by "
			       "itself",
			       quorum, sensors);
}

void nr_figures_head(struct nr_ask *ask, const json_t *answer, const char *what)
{
	char since[NR_TIME_TEXT], until[NR_TIME_TEXT], ago[NR_TIME_TEXT], by[WORDS_MAX];
	struct nr_time newest = nr_ask_when(answer, "newest");
	struct nr_str why = nr_ask_text(answer, "partial_why");

	nr_ask_clock(ask, nr_ask_when(answer, "since"), since);
	nr_ask_clock(ask, nr_ask_when(answer, "until"), until);
	whose(answer, by, sizeof(by));
	nr_ask_say(ask, NR_STYLE_BOLD, "%s, %s to %s UTC", what, since, until);
	if (nr_ask_number(answer, "sensors") > 0 && !too_few(answer))
		nr_ask_say(ask, NR_STYLE_DIM, "%s", by);
	if (why.n > 0)
		nr_ask_say(ask, NR_STYLE_YELLOW, "NOT ALL: " NR_STR_FMT, NR_STR_ARG(why));
	if (newest.ns != 0 && newest.ns < nr_ask_when(answer, "until").ns &&
	    ask->now.ns - newest.ns > STALE_MIN * MINUTE_S * NR_NS_PER_S) {
		nr_ask_ago(ask, newest, ago);
		nr_ask_say(ask, NR_STYLE_YELLOW, "OLD DATA: the newest is %s old", ago);
	}
}

void nr_figures_nothing(struct nr_ask *ask, const json_t *answer)
{
	double sensors = nr_ask_number(answer, "sensors");

	if (sensors == 0)
		nr_ask_say(ask, NR_STYLE_PLAIN,
			   nr_str_eq(nr_ask_text(answer, "scope"), NR_STR("shared"))
				   ? "No sensors of others share with you."
				   : "You have no sensors of your own: try --scope shared.");
	else if (too_few(answer))
		nr_ask_say(ask, NR_STYLE_PLAIN,
			   "%.0f sensor%s of others %s with you: too few to show anything without "
			   "showing what one of them saw.",
			   sensors, sensors == 1 ? "" : "s", sensors == 1 ? "shares" : "share");
	else
		nr_ask_say(ask, NR_STYLE_PLAIN, "Nothing in this period.");
}

/* ---- rows ---- */

static void key_cell(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
		     enum nr_term_style *style)
{
	struct nr_str key = nr_ask_text(row, "key");

	(void)ask;
	(void)style;
	if (nr_str_eq(key, NR_STR("AS0")) || nr_str_eq(key, NR_STR("ZZ")))
		key = NR_STR("unknown");
	nr_buf_add_str(out, key);
}

/* Of a source; where nothing is known nothing stands. */
static void network_cell(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
			 enum nr_term_style *style)
{
	struct nr_str asn = nr_ask_text(row, "asn"), economy = nr_ask_text(row, "economy");

	(void)ask;
	(void)style;
	if (!nr_str_eq(economy, NR_STR("ZZ")))
		nr_buf_addf(out, NR_STR_FMT " ", NR_STR_ARG(economy));
	if (!nr_str_eq(asn, NR_STR("AS0")))
		nr_buf_add_str(out, asn);
}

void nr_figures_service(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
			enum nr_term_style *style)
{
	struct nr_str rest = nr_ask_text(row, "key"), digits = nr_str_cut(&rest, '/');
	const char *name = NULL;
	uint64_t port;

	(void)ask;
	(void)style;
	if (nr_str_u64(digits, 0, PORT_MAX, &port) == 0)
		name = nr_service_name(nr_str_eq(rest, NR_STR("tcp"))	? PROTO_TCP
				       : nr_str_eq(rest, NR_STR("udp")) ? PROTO_UDP
									: 0,
				       (uint16_t)port);
	nr_buf_add_str(out, nr_str_from(name));
}

int nr_figures_rows(struct nr_ask *ask, const char *by, const json_t *rows)
{
	static const struct {
		const char *by, *title;
	} titles[] = { { "ports", "PORT" },    { "asns", "AS" },	{ "economies", "ECONOMY" },
		       { "classes", "CLASS" }, { "sources", "SOURCE" }, { "sensors", "SENSOR" },
		       { "tools", "TOOL" } };
	struct nr_grid_field fields[] = {
		{ .member = "key", .title = "KEY", .kind = NR_GRID_MADE, .make = key_cell },
		{ .title = "SERVICE",
		  .kind = NR_GRID_MADE,
		  .make = nr_figures_service,
		  .rank = 3,
		  .least = 6 },
		{ .member = "asn",
		  .title = "NETWORK",
		  .kind = NR_GRID_MADE,
		  .make = network_cell,
		  .rank = 2 },
		{ .member = "packets", .title = "PACKETS", .kind = NR_GRID_COUNT },
		{ .member = "packets", .title = "", .kind = NR_GRID_BAR, .rank = 9 },
		{ .member = "sources", .title = "SOURCES", .kind = NR_GRID_COUNT, .rank = 1 },
		{ .member = "flows", .title = "FLOWS", .kind = NR_GRID_COUNT, .rank = 5 },
		{ .member = "bytes", .title = "BYTES", .kind = NR_GRID_COUNT, .rank = 4 },
	};

	for (size_t i = 0; i < NR_COUNT(titles); i++)
		if (strcmp(by, titles[i].by) == 0)
			fields[0].title = titles[i].title;
	if (strcmp(by, "ports") != 0)
		fields[1] = fields[0]; /* the key once */
	return strcmp(by, "ports") != 0 ? nr_grid_print(ask, rows, fields + 1, NR_COUNT(fields) - 1)
					: nr_grid_print(ask, rows, fields, NR_COUNT(fields));
}

/* ---- a series ---- */

struct peak {
	double sum, most;
	struct nr_time when;
};

/* Bins of the period, one value each; steps that are not there are zero. */
static double *bins_of(const json_t *answer, const json_t *rows, const char *measure, size_t *ret_n,
		       struct peak *ret_peak)
{
	int64_t since = nr_time_floor_s(nr_ask_when(answer, "since")),
		until = nr_time_floor_s(nr_ask_when(answer, "until"));
	double said = nr_ask_number(answer, "step");
	int64_t step = said >= 1 && said <= STEP_MAX ? (int64_t)said : 0;
	size_t n = step > 0 && until > since ? (size_t)((until - since) / step) : 0, i;
	double *bins = n > 0 && n <= BINS_MAX ? calloc(n, sizeof(*bins)) : NULL;
	const json_t *row;

	*ret_n = bins != NULL ? n : 0;
	*ret_peak = (struct peak){ 0 };
	json_array_foreach(rows, i, row)
	{
		struct nr_time t = nr_ask_when(row, "time");
		int64_t at = nr_time_floor_s(t);
		double v = nr_ask_number(row, measure);

		if (bins == NULL || at < since || (size_t)((at - since) / step) >= n)
			continue;
		bins[(at - since) / step] = v;
		ret_peak->sum += v;
		if (v > ret_peak->most) {
			ret_peak->most = v;
			ret_peak->when = t;
		}
	}
	return bins;
}

/* So many bins become one that they fit; of different sources the most, since sums count twice. */
static size_t merge(double *bins, size_t n, unsigned width, bool sums)
{
	size_t each = (n + width - 1) / width, out = 0;

	for (size_t i = 0; i < n; i += each, out++) {
		double v = 0;

		for (size_t k = i; k < i + each && k < n; k++)
			v = sums ? v + bins[k] : bins[k] > v ? bins[k] : v;
		bins[out] = v;
	}
	return out;
}

static const char *step_words(double step)
{
	return step >= 86400 ? "day" : step >= 3600 ? "hour" : "minute";
}

/* Few bins are drawn wide: each of them so many columns. */
static void draw(struct nr_ask *ask, double *bins, size_t n, bool sums)
{
	unsigned width = ask->term.width;
	struct nr_buf line;

	nr_buf_init(&line, NR_CLIENT_ANSWER);
	n = merge(bins, n, width, sums);
	for (size_t i = 0; i < n; i++) {
		struct nr_buf one;

		nr_buf_init(&one, WORDS_MAX);
		nr_term_spark_of(&one, bins, n, i);
		for (size_t k = 0; k < width / n && k < WIDE_MAX; k++)
			nr_buf_add_str(&line, nr_buf_str(&one));
		nr_buf_done(&one);
	}
	while (line.n > 0 && line.p[line.n - 1] == ' ')
		line.n--;
	nr_buf_add_str(&ask->out, nr_buf_str(&line));
	nr_buf_add(&ask->out, "\n", 1);
	nr_buf_done(&line);
}

static void describe(struct nr_ask *ask, const json_t *answer, const char *measure,
		     const struct peak *peak)
{
	bool sums = strcmp(measure, "sources") != 0;
	struct nr_buf text;
	char clock[NR_TIME_TEXT];

	nr_buf_init(&text, WORDS_MAX);
	if (peak->most == 0)
		nr_buf_addf(&text, "none");
	if (peak->most > 0 && sums) {
		nr_term_count(&text, (uint64_t)peak->sum);
		nr_buf_addf(&text, " in all, ");
	}
	if (peak->most > 0) {
		nr_ask_clock(ask, peak->when, clock);
		nr_buf_addf(&text, "at most ");
		nr_term_count(&text, (uint64_t)peak->most);
		nr_buf_addf(&text, " in the %s of %s", step_words(nr_ask_number(answer, "step")),
			    clock);
	}
	nr_ask_labelled(ask, measure, nr_buf_str(&text));
	nr_buf_done(&text);
}

void nr_figures_spark(struct nr_ask *ask, const json_t *answer, const json_t *rows,
		      const char *measure)
{
	struct peak peak;
	size_t n;
	double *bins = bins_of(answer, rows, measure, &n, &peak);

	if (bins == NULL)
		return;
	describe(ask, answer, measure, &peak);
	if (peak.most > 0)
		draw(ask, bins, n, strcmp(measure, "sources") != 0);
	free(bins);
}
