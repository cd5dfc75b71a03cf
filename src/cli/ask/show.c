/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi show THING: everything the hub knows of one thing that this viewer may know. */
#include <stdio.h>

#include "cli/ask/figures.h"
#include "cli/ask/findings.h"
#include "cli/ask/wanted.h"

enum { N_MAX = 100, DIGITS = 24, TEXT = 256 };

struct words {
	struct nr_figures_words f;
};

static const struct nr_option options[] = {
	{ .name = "n",
	  .letter = 'n',
	  .type = NR_OPT_U64,
	  .value = "N",
	  .lo = 1,
	  .hi = N_MAX,
	  .fallback = "5",
	  .offset = offsetof(struct words, f.n),
	  .help = "Rows of each table." },
	NR_FIGURES_OPTIONS(struct words, f),
	NR_ASK_OPTIONS(struct words, f.common),
};

/* Whose it is. */
static void origin(struct nr_ask *ask, const json_t *answer)
{
	const json_t *of = nr_ask_at(answer, "origin");
	struct nr_str asn = nr_ask_text(of, "asn"), name = nr_ask_text(of, "name"),
		      economy = nr_ask_text(of, "economy");
	char text[TEXT];

	if (of == NULL)
		return;
	if (nr_str_eq(asn, NR_STR("AS0")) && nr_str_eq(economy, NR_STR("ZZ")))
		(void)snprintf(text, sizeof(text), "not known");
	else
		(void)snprintf(text, sizeof(text), NR_STR_FMT " " NR_STR_FMT "%s" NR_STR_FMT,
			       NR_STR_ARG(asn), NR_STR_ARG(name), name.n > 0 ? ", " : "",
			       NR_STR_ARG(economy));
	nr_ask_labelled(ask, "Network", nr_str_from(text));
	if (nr_ask_true(of, "yours"))
		nr_ask_labelled(ask, "Whose", NR_STR("YOURS: you hold this address"));
}

static void totals(struct nr_ask *ask, const json_t *answer)
{
	const json_t *sums = nr_ask_at(answer, "totals");
	static const char *const measures[] = { "packets", "sources", "flows" };
	struct nr_buf text;

	if (sums == NULL)
		return;
	nr_buf_init(&text, TEXT);
	for (size_t i = 0; i < NR_COUNT(measures); i++) {
		if (nr_ask_at(sums, measures[i]) == NULL)
			continue;
		nr_buf_addf(&text, "%s", text.n > 0 ? ", " : "");
		nr_term_count(&text, (uint64_t)nr_ask_number(sums, measures[i]));
		nr_buf_addf(&text, " %.*s",
			    (int)strlen(measures[i]) - (nr_ask_number(sums, measures[i]) == 1),
			    measures[i]);
	}
	if (nr_ask_at(sums, "bytes") != NULL) {
		nr_buf_addf(&text, ", ");
		nr_term_bytes(&text, nr_ask_number(sums, "bytes"));
	}
	nr_ask_labelled(ask, "In all", nr_buf_str(&text));
	nr_buf_done(&text);
}

static int tops(struct nr_ask *ask, const json_t *answer)
{
	const json_t *all = nr_ask_at(answer, "tops"), *one;
	char title[TEXT], by[TEXT / 4];
	size_t i;
	int ret = 0;

	json_array_foreach(all, i, one)
	{
		struct nr_str name = nr_ask_text(one, "by");
		const json_t *rows = nr_ask_at(one, "rows");

		if (json_array_size(rows) == 0)
			continue;
		(void)snprintf(by, sizeof(by), NR_STR_FMT, NR_STR_ARG(name));
		(void)snprintf(title, sizeof(title), "Its %s", by);
		nr_ask_heading(ask, title);
		ret = ret < 0 ? ret : nr_figures_rows(ask, by, rows);
	}
	return ret;
}

static int lay_out(struct nr_ask *ask, const json_t *answer)
{
	struct nr_str what = nr_ask_text(answer, "what");
	const json_t *series = nr_ask_at(answer, "series");
	char title[TEXT];

	(void)snprintf(title, sizeof(title), NR_STR_FMT, NR_STR_ARG(what));
	nr_figures_head(ask, answer, title);
	origin(ask, answer);
	if (nr_ask_at(answer, "totals") == NULL) {
		nr_figures_nothing(ask, answer);
		return 0;
	}
	totals(ask, answer);
	if (json_array_size(series) > 0)
		nr_figures_spark(ask, answer, series, "packets");
	return tops(ask, answer);
}

static int show(struct nr_ask *ask, struct nr_err *reterr)
{
	const struct words *words = ask->words;
	struct nr_figures_period period;
	struct nr_wanted wanted = { .text = "" };
	json_t *answer = NULL;
	char n[DIGITS];
	int ret = nr_ask_operands(ask, 1, 1,
				  "one thing: an address, a prefix, AS64500, JP, 23/tcp, ssh, "
				  "a class or a name",
				  reterr);

	if (ret == 0)
		ret = nr_wanted_read(ask->operands.items[0], &wanted, reterr);
	if (ret == 0)
		ret = nr_figures_period(&words->f, &period, reterr);
	if (ret < 0)
		return ret;
	(void)snprintf(n, sizeof(n), "%llu", (unsigned long long)words->f.n);
	const struct nr_client_word said[] = { { "what", wanted.text },
					       { "n", n },
					       period.words[0],
					       period.words[1],
					       period.words[2] };
	const struct nr_client_request rq = { .path = "/api/v1/show",
					      .words = said,
					      .n_words = NR_COUNT(said) };

	if (wanted.note[0] != '\0')
		nr_ask_note(ask, wanted.note);
	ret = nr_ask_get(ask, &rq, &answer, reterr);
	if (ret == 0 && answer != NULL)
		ret = lay_out(ask, answer);
	if (ret == 0 && answer != NULL &&
	    (wanted.kind == NR_WANTED_ADDRESS || wanted.kind == NR_WANTED_PREFIX))
		ret = nr_findings_about(ask, wanted.text, reterr);
	json_decref(answer);
	return ret;
}

static int run_show(int argc, char **argv)
{
	struct words words = { .f = { .n = 0 } };

	return nr_ask_run(&nr_cli_show, argc, argv, &words, &words.f.common, show);
}

static const char about[] =
	"Everything about one thing, however it is written:\n"
	"\n"
	"    an address   203.0.113.7, 203.0.113.7:22, [2001:db8::1]:443, 203.0.113[.]7, hxxp://203.0.113.7/x\n"
	"    a prefix     203.0.113.0/24, 203.0.113.7/24, 203.0.113.*\n"
	"    a network    AS64500, as64500, asn 64500\n"
	"    an economy   JP\n"
	"    a port       23/tcp, tcp/23, port 23, 23, ssh\n"
	"    a class      scan, backscatter, amplify, other\n"
	"    a sensor     by its name, if it is yours\n"
	"\n"
	"How much of it was seen and when, with what, and for addresses and prefixes whose they are and which\n"
	"findings are about them.";

const struct nr_cli_command nr_cli_show = {
	.help = { .name = "noroshi show",
		  .summary = "everything about an address, port, network, economy",
		  .operands = "THING",
		  .about = about,
		  .examples = "noroshi show 203.0.113.7\nnoroshi show telnet --last 7d\n",
		  .options = options,
		  .n_options = NR_COUNT(options) },
	.run = run_show,
};
