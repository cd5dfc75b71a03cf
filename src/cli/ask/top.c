/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi top | compare | series: how much, of what, and when. */
#include <stdio.h>
#include <strings.h>

#include "cli/ask/figures.h"
#include "cli/ask/wanted.h"

enum { N_MAX = 1000, DIGITS = 24, TITLE = 160 };

struct words {
	struct nr_figures_words f;
	const char *before_since, *before_until;
	int of, step;
	bool table;
};

#define N_OPTION(least)                                                                 \
	{                                                                               \
		.name = "n", .letter = 'n', .type = NR_OPT_U64, .value = "N", .lo = 1,  \
		.hi = N_MAX, .fallback = #least, .offset = offsetof(struct words, f.n), \
		.help = "How many rows."                                                \
	}

static const char by_words[] = "what to count: ports, asns, economies, classes, sources or sensors";

/* "ports", also when "port" was said: what else could be meant? */
static const char *read_by(const struct nr_ask *ask)
{
	static const char *const plurals[][2] = {
		{ "port", "ports" },	    { "as", "asns" },	    { "asn", "asns" },
		{ "economy", "economies" }, { "class", "classes" }, { "source", "sources" },
		{ "sensor", "sensors" },
	};
	const char *word = nr_ask_operand(ask, 0);

	for (size_t i = 0; i < NR_COUNT(plurals); i++)
		if (strcasecmp(word, plurals[i][0]) == 0)
			return plurals[i][1];
	return word;
}

/* What top and compare have in common. @return 0 with *ret_answer, NULL when it was put out */
static int ask_tops(struct nr_ask *ask, const char *path, const struct nr_client_word *more,
		    size_t n_more, json_t **ret_answer, struct nr_err *reterr)
{
	const struct words *words = ask->words;
	struct nr_client_word said[NR_CLIENT_WORDS];
	struct nr_client_request rq = { .path = path, .words = said };
	struct nr_figures_period period;
	char n[DIGITS];
	int ret = nr_ask_operands(ask, 1, 1, by_words, reterr);

	if (ret == 0)
		ret = nr_figures_period(&words->f, &period, reterr);
	if (ret < 0)
		return ret;
	(void)snprintf(n, sizeof(n), "%llu", (unsigned long long)words->f.n);
	said[rq.n_words++] = (struct nr_client_word){ "by", read_by(ask) };
	said[rq.n_words++] = (struct nr_client_word){ "n", n };
	for (size_t i = 0; i < NR_COUNT(period.words); i++)
		said[rq.n_words++] = period.words[i];
	for (size_t i = 0; i < n_more; i++)
		said[rq.n_words++] = more[i];
	return nr_ask_get(ask, &rq, ret_answer, reterr);
}

static const struct nr_option top_options[] = { N_OPTION(20), NR_FIGURES_OPTIONS(struct words, f),
						NR_ASK_OPTIONS(struct words, f.common) };

static int top(struct nr_ask *ask, struct nr_err *reterr)
{
	json_t *answer = NULL;
	char title[TITLE];
	int ret = ask_tops(ask, "/api/v1/top", NULL, 0, &answer, reterr);

	if (ret < 0 || answer == NULL)
		return ret;
	const json_t *rows = nr_ask_at(answer, "rows");

	(void)snprintf(title, sizeof(title), "Top %s", read_by(ask));
	nr_figures_head(ask, answer, title);
	if (json_array_size(rows) == 0)
		nr_figures_nothing(ask, answer);
	else
		ret = nr_figures_rows(ask, read_by(ask), rows);
	json_decref(answer);
	return ret;
}

/* ---- compare ---- */

static const struct nr_option compare_options[] = {
	N_OPTION(20),
	NR_FIGURES_OPTIONS(struct words, f),
	{ .name = "before-since",
	  .type = NR_OPT_STR,
	  .value = "TIME",
	  .offset = offsetof(struct words, before_since),
	  .help = "Begin of the period to compare with; as long as the other when not said." },
	{ .name = "before-until",
	  .type = NR_OPT_STR,
	  .value = "TIME",
	  .offset = offsetof(struct words, before_until),
	  .help = "Its end; the beginning of the other when not said." },
	NR_ASK_OPTIONS(struct words, f.common),
};

static void change_cell(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
			enum nr_term_style *style)
{
	double now = nr_ask_number(row, "now.packets"),
	       before = nr_ask_number(row, "before.packets");

	(void)ask;
	if (before == 0 && now == 0)
		return;
	if (before == 0)
		nr_buf_add_str(out, NR_STR("new"));
	else if (now == 0)
		nr_buf_add_str(out, NR_STR("gone"));
	else
		nr_term_change(out, before, now);
	*style = before == 0 || now >= 2 * before ? NR_STYLE_BOLD : NR_STYLE_PLAIN;
}

static void before_and_now(struct nr_ask *ask, const json_t *answer)
{
	char since[NR_TIME_TEXT], until[NR_TIME_TEXT];

	nr_ask_clock(ask, nr_ask_when(answer, "before_since"), since);
	nr_ask_clock(ask, nr_ask_when(answer, "before_until"), until);
	nr_ask_say(ask, NR_STYLE_DIM, "compared with %s to %s UTC", since, until);
}

static const struct nr_grid_field compare_fields[] = {
	{ .member = "key", .title = "KEY" },
	{ .title = "SERVICE",
	  .kind = NR_GRID_MADE,
	  .make = nr_figures_service,
	  .rank = 3,
	  .least = 6 },
	{ .member = "now.packets", .title = "PACKETS", .kind = NR_GRID_COUNT },
	{ .member = "before.packets", .title = "BEFORE", .kind = NR_GRID_COUNT },
	{ .title = "CHANGE", .kind = NR_GRID_MADE, .right = true, .make = change_cell },
	{ .member = "now.packets", .title = "", .kind = NR_GRID_BAR, .rank = 9 },
	{ .member = "now.sources", .title = "SOURCES", .kind = NR_GRID_COUNT, .rank = 1 },
	{ .member = "before.sources", .title = "BEFORE", .kind = NR_GRID_COUNT, .rank = 2 },
};

static int compare(struct nr_ask *ask, struct nr_err *reterr)
{
	const struct words *words = ask->words;
	const struct nr_client_word more[] = { { "before_since", words->before_since },
					       { "before_until", words->before_until } };
	json_t *answer = NULL;
	char title[TITLE];
	int ret = ask_tops(ask, "/api/v1/compare", more, NR_COUNT(more), &answer, reterr);

	if (ret < 0 || answer == NULL)
		return ret;
	const json_t *rows = nr_ask_at(answer, "rows");

	(void)snprintf(title, sizeof(title), "Packets of %s", read_by(ask));
	nr_figures_head(ask, answer, title);
	before_and_now(ask, answer);
	if (json_array_size(rows) == 0)
		nr_figures_nothing(ask, answer);
	else
		ret = nr_grid_print(ask, rows, compare_fields, NR_COUNT(compare_fields));
	json_decref(answer);
	return ret;
}

/* ---- series ---- */

static const char *const measures[] = { "all", "packets", "bytes", "flows", "sources", NULL };
static const char *const steps[] = { "fitting", "1m", "1h", "1d", NULL };

static const struct nr_option series_options[] = {
	{ .name = "of",
	  .type = NR_OPT_ENUM,
	  .value = "MEASURE",
	  .choices = measures,
	  .fallback = "all",
	  .offset = offsetof(struct words, of),
	  .help = "What to count; all shows packets and sources." },
	{ .name = "step",
	  .type = NR_OPT_ENUM,
	  .value = "STEP",
	  .choices = steps,
	  .fallback = "fitting",
	  .offset = offsetof(struct words, step),
	  .help = "Minutes, hours or days; fitting: minutes up to 3 hours, days from 14 days." },
	{ .name = "table",
	  .letter = 't',
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, table),
	  .help = "A row a step below the chart." },
	NR_FIGURES_OPTIONS(struct words, f),
	NR_ASK_OPTIONS(struct words, f.common),
};

static const char *fitting(const struct words *words)
{
	int64_t ns = 0;

	if (words->step != 0)
		return steps[words->step];
	if (words->f.since != NULL || nr_span_parse(nr_str_from(words->f.last), &ns) < 0)
		return "1h";
	return ns <= 3 * 3600 * NR_NS_PER_S		 ? "1m"
	       : ns >= 14 * INT64_C(86400) * NR_NS_PER_S ? "1d"
							 : "1h";
}

/* What a thing is called as a parameter of the series. */
static const char *parameter_of(const struct nr_wanted *wanted)
{
	static const char *const classes[] = { "scan", "backscatter", "amplify", "other" };

	switch (wanted->kind) {
	case NR_WANTED_PORT:
		return "port";
	case NR_WANTED_ASN:
		return "asn";
	case NR_WANTED_ECONOMY:
		return "economy";
	case NR_WANTED_ADDRESS:
	case NR_WANTED_PREFIX:
		return "src";
	case NR_WANTED_NAME:
		break;
	}
	for (size_t i = 0; i < NR_COUNT(classes); i++)
		if (strcmp(wanted->text, classes[i]) == 0)
			return "class";
	return "sensor";
}

static const struct nr_grid_field series_fields[] = {
	{ .member = "time", .title = "BEGIN", .kind = NR_GRID_CLOCK },
	{ .member = "packets", .title = "PACKETS", .kind = NR_GRID_COUNT },
	{ .member = "packets", .title = "", .kind = NR_GRID_BAR, .rank = 9 },
	{ .member = "sources", .title = "SOURCES", .kind = NR_GRID_COUNT },
	{ .member = "flows", .title = "FLOWS", .kind = NR_GRID_COUNT, .rank = 2 },
	{ .member = "bytes", .title = "BYTES", .kind = NR_GRID_COUNT, .rank = 1 },
};

static int show_series(struct nr_ask *ask, const json_t *answer)
{
	const struct words *words = ask->words;
	const json_t *rows = nr_ask_at(answer, "rows");
	struct nr_str what = nr_ask_text(answer, "what");
	char title[TITLE];
	bool all = nr_str_eq(what, NR_STR("all")) || what.n == 0;

	(void)snprintf(title, sizeof(title), NR_STR_FMT,
		       NR_STR_ARG(all ? NR_STR("Everything") : what));
	nr_figures_head(ask, answer, title);
	if (json_array_size(rows) == 0) {
		nr_figures_nothing(ask, answer);
		return 0;
	}
	nr_figures_spark(ask, answer, rows, words->of == 0 ? "packets" : measures[words->of]);
	if (words->of == 0)
		nr_figures_spark(ask, answer, rows, "sources");
	return words->table ? nr_grid_print(ask, rows, series_fields, NR_COUNT(series_fields)) : 0;
}

static int series(struct nr_ask *ask, struct nr_err *reterr)
{
	const struct words *words = ask->words;
	struct nr_wanted wanted = { .text = "" };
	struct nr_figures_period period;
	json_t *answer = NULL;
	int ret = nr_ask_operands(ask, 0, 1, "one thing at most", reterr);

	if (ret == 0 && ask->operands.n == 1)
		ret = nr_wanted_read(ask->operands.items[0], &wanted, reterr);
	if (ret == 0)
		ret = nr_figures_period(&words->f, &period, reterr);
	if (ret < 0)
		return ret;
	if (wanted.note[0] != '\0')
		nr_ask_note(ask, wanted.note);
	const struct nr_client_word said[] = {
		{ "of", words->of == 0 ? NULL : measures[words->of] },
		{ "step", fitting(words) },
		{ parameter_of(&wanted), wanted.text[0] != '\0' ? wanted.text : NULL },
		period.words[0],
		period.words[1],
		period.words[2],
	};
	const struct nr_client_request rq = { .path = "/api/v1/series",
					      .words = said,
					      .n_words = NR_COUNT(said) };

	ret = nr_ask_get(ask, &rq, &answer, reterr);
	if (ret == 0 && answer != NULL)
		ret = show_series(ask, answer);
	json_decref(answer);
	return ret;
}

/* ---- the commands ---- */

static int run_top(int argc, char **argv)
{
	struct words words = { .table = false };

	return nr_ask_run(&nr_cli_top, argc, argv, &words, &words.f.common, top);
}

static int run_compare(int argc, char **argv)
{
	struct words words = { .table = false };

	return nr_ask_run(&nr_cli_compare, argc, argv, &words, &words.f.common, compare);
}

static int run_series(int argc, char **argv)
{
	struct words words = { .table = false };

	return nr_ask_run(&nr_cli_series, argc, argv, &words, &words.f.common, series);
}

static const char about_top[] =
	"What most packets came for or from: ports, asns, economies, classes (scan, backscatter, amplify,\n"
	"other), sources or sensors. Figures of your own sensors are exact. Those of others are the largest that\n"
	"more than half of their sensors reach, and never less than three: so nobody learns where one of them is.";

const struct nr_cli_command nr_cli_top = {
	.help = { .name = "noroshi top",
		  .summary = "what most packets came for or from",
		  .operands = "ports|asns|economies|classes|sources|sensors",
		  .about = about_top,
		  .examples = "noroshi top ports --last 24h\n"
			      "noroshi top asns --scope shared --last 7d\n",
		  .options = top_options,
		  .n_options = NR_COUNT(top_options) },
	.run = run_top,
};

static const char about_compare[] =
	"The same figures for two periods, side by side: now, and as long before it, unless another is named.";

const struct nr_cli_command nr_cli_compare = {
	.help = { .name = "noroshi compare",
		  .summary = "two periods side by side: what is new, what grew",
		  .operands = "ports|asns|economies|classes|sources|sensors",
		  .about = about_compare,
		  .examples = "noroshi compare ports --last 24h\n    today against yesterday\n",
		  .options = compare_options,
		  .n_options = NR_COUNT(compare_options) },
	.run = run_compare,
};

static const char about_series[] =
	"A chart of one period that fits the terminal, of everything or of one thing: an address, a prefix,\n"
	"AS64500, JP, 23/tcp, ssh, a class, one of your sensors.";

const struct nr_cli_command nr_cli_series = {
	.help = { .name = "noroshi series",
		  .summary = "a chart over time, of everything or of one thing",
		  .operands = "[THING]",
		  .about = about_series,
		  .examples = "noroshi series 23/tcp --last 7d\n",
		  .options = series_options,
		  .n_options = NR_COUNT(series_options) },
	.run = run_series,
};
