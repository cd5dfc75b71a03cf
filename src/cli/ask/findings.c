/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi findings list | show: what was found, most urgent first. */
#include "cli/ask/findings.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/ask/wanted.h"

enum {
	PAGE = 10000,
	PAGES = 20,
	ABOUT = 10,
	LIMIT_MAX = 10000,
	DIGITS = 24,
	TEXT = 512,
	ID_MAX = 64
};

struct words {
	struct nr_ask_words common;
	const char *kind, *state, *about, *cursor;
	uint64_t limit;
	bool all;
};

/* ---- order: what goes on first; of it what is about one's own; attacks; the newest ---- */

static int kind_rank(const json_t *finding)
{
	static const char *const kinds[] = { "attack", "carpet", "campaign" };
	struct nr_str kind = nr_ask_text(finding, "kind");

	for (size_t i = 0; i < NR_COUNT(kinds); i++)
		if (nr_str_eq(kind, nr_str_from(kinds[i])))
			return (int)i;
	return NR_COUNT(kinds);
}

static bool goes_on(const json_t *finding)
{
	struct nr_str state = nr_ask_text(finding, "state");

	return nr_str_eq(state, NR_STR("new")) || nr_str_eq(state, NR_STR("continuing"));
}

/* It is about an address that the reader's organisation holds. */
static bool is_yours(const json_t *finding)
{
	return nr_ask_at(finding, "warned") != NULL;
}

static int urgency_cmp(const void *va, const void *vb)
{
	const json_t *a = *(json_t *const *)va, *b = *(json_t *const *)vb;
	int64_t last_a, last_b;

	if (goes_on(a) != goes_on(b))
		return goes_on(a) ? -1 : 1;
	if (is_yours(a) != is_yours(b))
		return is_yours(a) ? -1 : 1;
	if (kind_rank(a) != kind_rank(b) && goes_on(a))
		return kind_rank(a) - kind_rank(b);
	last_a = nr_ask_when(a, "last").ns;
	last_b = nr_ask_when(b, "last").ns;
	if (last_a != last_b)
		return last_a > last_b ? -1 : 1;
	struct nr_str id_a = nr_ask_text(a, "id"), id_b = nr_ask_text(b, "id");
	int cmp = memcmp(id_a.p, id_b.p, nr_min_size(id_a.n, id_b.n));

	return cmp != 0 ? cmp : (int)id_a.n - (int)id_b.n;
}

/* The first @p most of them by urgency, as a new array. */
static json_t *urgent(const json_t *findings, size_t most)
{
	size_t n = json_array_size(findings), i;
	json_t **order = calloc(n + 1, sizeof(json_t *)), *out = json_array(), *one;

	if (order == NULL || out == NULL) {
		free(order);
		json_decref(out);
		return NULL;
	}
	json_array_foreach(findings, i, one) order[i] = one;
	qsort(order, n, sizeof(json_t *), urgency_cmp);
	for (i = 0; i < n && i < most; i++)
		if (json_array_append(out, order[i]) < 0)
			break;
	free(order);
	return out;
}

/* ---- a table of them ---- */

static void state_cell(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
		       enum nr_term_style *style)
{
	struct nr_str said = nr_ask_text(row, "triage.state");

	(void)ask;
	*style = goes_on(row) ? NR_STYLE_BOLD : NR_STYLE_PLAIN;
	nr_buf_add_str(out, nr_ask_text(row, "state"));
	if (nr_ask_at(row, "suppressed") != NULL)
		nr_buf_add_str(out, NR_STR(", hidden"));
	if (said.n > 0 && !nr_str_eq(said, NR_STR("open")))
		nr_buf_addf(out, ", " NR_STR_FMT, NR_STR_ARG(said));
}

static void yours_cell(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
		       enum nr_term_style *style)
{
	(void)ask;
	*style = NR_STYLE_BOLD;
	nr_buf_addf(out, "%s", is_yours(row) ? "YOURS" : "");
}

static void sure_cell(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
		      enum nr_term_style *style)
{
	(void)ask;
	(void)style;
	nr_buf_addf(out, "%.0f %%", nr_ask_number(row, "confidence") * 100);
}

static void network_cell(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
			 enum nr_term_style *style)
{
	const json_t *asn = nr_ask_at(row, "asn");
	struct nr_str name = nr_ask_text(row, "as_name"), economy = nr_ask_text(row, "economy");

	(void)ask;
	(void)style;
	nr_buf_add_str(out, economy);
	if (json_number_value(asn) > 0)
		nr_buf_addf(out, "%sAS%.0f", out->n > 0 ? " " : "", json_number_value(asn));
	if (name.n > 0)
		nr_buf_addf(out, " " NR_STR_FMT, NR_STR_ARG(name));
}

static const struct nr_grid_field list_fields[] = {
	{ .member = "id", .title = "FINDING" },
	{ .member = "kind", .title = "KIND", .rank = 2 },
	{ .member = "subject", .title = "SUBJECT", .least = 39 },
	{ .member = "state", .title = "STATE", .kind = NR_GRID_MADE, .make = state_cell },
	{ .member = "warned",
	  .title = "WHOSE",
	  .kind = NR_GRID_MADE,
	  .make = yours_cell,
	  .rank = 1 },
	{ .member = "last", .title = "LAST SEEN", .kind = NR_GRID_CLOCK, .rank = 3 },
	{ .member = "confidence",
	  .title = "SURE",
	  .kind = NR_GRID_MADE,
	  .make = sure_cell,
	  .right = true,
	  .rank = 6 },
	{ .member = "economy",
	  .title = "NETWORK",
	  .kind = NR_GRID_MADE,
	  .make = network_cell,
	  .rank = 5,
	  .least = 10 },
	{ .member = "triage.assignee", .title = "WHO", .rank = 4, .least = 6 },
	{ .member = "summary", .title = "SUMMARY", .rank = 5, .least = 24 },
};

/* ---- all that match ---- */

static bool matches(const struct words *words, const json_t *finding)
{
	struct nr_str said = nr_ask_text(finding, "triage.state");
	bool done = nr_str_eq(said, NR_STR("closed")) || nr_str_eq(said, NR_STR("false"));

	return words->all || !done;
}

/* One page more into @p all. @return 1: there are more; 0; negative */
static int read_page(struct nr_ask *ask, const char *subject, char *cursor, size_t cap, json_t *all,
		     struct nr_err *reterr)
{
	const struct words *words = ask->words;
	char limit[DIGITS];
	const struct nr_client_word said[] = {
		{ "limit", limit },	 { "since", cursor[0] != '\0' ? cursor : NULL },
		{ "kind", words->kind }, { "state", words->state },
		{ "subject", subject },	 { "suppressed", words->all ? "all" : NULL }
	};
	const struct nr_client_request rq = { .path = "/api/v1/findings",
					      .words = said,
					      .n_words = NR_COUNT(said) };
	json_t *answer = NULL, *one;
	size_t i;

	(void)snprintf(limit, sizeof(limit), "%d", PAGE);
	int ret = nr_ask_quietly(ask, &rq, &answer, NULL, reterr);

	if (ret < 0)
		return ret;
	json_array_foreach(json_object_get(answer, "findings"), i,
			   one) if (matches(words, one) && json_array_append(all, one) < 0)
		ret = -ENOMEM;
	(void)snprintf(cursor, cap, NR_STR_FMT, NR_STR_ARG(nr_ask_text(answer, "next")));
	if (ret == 0)
		ret = nr_ask_true(answer, "more");
	json_decref(answer);
	return ret;
}

/* "Going on: 2 attacks, 57 infections. Over: 5,702." */
static void count_line(struct nr_ask *ask, const json_t *all, bool whole)
{
	static const char *const kinds[][2] = { { "attack", "attacks" },
						{ "carpet", "carpet attacks" },
						{ "campaign", "campaigns" },
						{ "infection", "infections" } };
	size_t on[NR_COUNT(kinds) + 1] = { 0 }, over = 0, i;
	const json_t *one;
	struct nr_buf line;

	json_array_foreach(all, i, one)
	{
		size_t k = 0;

		while (k < NR_COUNT(kinds) &&
		       !nr_str_eq(nr_ask_text(one, "kind"), nr_str_from(kinds[k][0])))
			k++;
		on[k] += goes_on(one);
		over += !goes_on(one);
	}
	nr_buf_init(&line, TEXT);
	for (size_t k = 0; k <= NR_COUNT(kinds); k++) {
		if (on[k] == 0)
			continue;
		nr_buf_addf(&line, "%s", line.n > 0 ? ", " : "Going on: ");
		nr_term_count(&line, on[k]);
		nr_buf_addf(&line, " %s", k == NR_COUNT(kinds) ? "others" : kinds[k][on[k] != 1]);
	}
	nr_buf_addf(&line, "%s. Over: ", line.n > 0 ? "" : "Nothing goes on");
	nr_term_count(&line, over);
	nr_buf_addf(&line, "%s", whole ? "." : "; there are more that were not read.");
	nr_ask_say(ask, NR_STYLE_BOLD, "%.*s", (int)line.n, (const char *)line.p);
	nr_buf_done(&line);
}

static int lay_out(struct nr_ask *ask, const json_t *all, bool whole)
{
	const struct words *words = ask->words;
	size_t n = json_array_size(all);
	json_t *first = urgent(all, (size_t)words->limit);
	int ret = first != NULL ? 0 : -ENOMEM;

	if (ret == 0 && n == 0)
		nr_ask_say(ask, NR_STYLE_PLAIN, "No findings%s.",
			   words->kind != NULL || words->state != NULL || words->about != NULL
				   ? " of this kind"
				   : "");
	if (ret == 0 && n > 0) {
		count_line(ask, all, whole);
		ret = nr_grid_print(ask, first, list_fields, NR_COUNT(list_fields));
	}
	if (ret == 0 && n > words->limit)
		nr_ask_say(ask, NR_STYLE_DIM,
			   "The %zu most urgent of %zu; --limit, --kind, --state "
			   "and --about show others.",
			   (size_t)words->limit, n);
	json_decref(first);
	return ret;
}

static int page_as_it_is(struct nr_ask *ask, const char *subject, struct nr_err *reterr)
{
	const struct words *words = ask->words;
	char limit[DIGITS];
	const struct nr_client_word said[] = {
		{ "limit", limit },	 { "since", words->cursor },
		{ "kind", words->kind }, { "state", words->state },
		{ "subject", subject },	 { "suppressed", words->all ? "all" : NULL }
	};
	const struct nr_client_request rq = { .path = "/api/v1/findings",
					      .words = said,
					      .n_words = NR_COUNT(said) };
	json_t *none;

	(void)snprintf(limit, sizeof(limit), "%llu", (unsigned long long)words->limit);
	return nr_ask_get(ask, &rq, &none, reterr);
}

static int list(struct nr_ask *ask, struct nr_err *reterr)
{
	const struct words *words = ask->words;
	struct nr_wanted wanted = { .text = "" };
	char cursor[TEXT] = "";
	json_t *all;
	int ret = nr_ask_operands(ask, 0, 0, "", reterr);

	if (ret == 0 && words->about != NULL)
		ret = nr_wanted_read(nr_str_from(words->about), &wanted, reterr);
	if (ret < 0)
		return ret;
	const char *subject = words->about != NULL ? wanted.text : NULL;

	if (ask->common->json)
		return page_as_it_is(ask, subject, reterr);
	all = json_array();
	ret = all == NULL ? -ENOMEM : 1;
	(void)snprintf(cursor, sizeof(cursor), "%s", words->cursor != NULL ? words->cursor : "");
	for (int page = 0; page < PAGES && ret > 0; page++)
		ret = read_page(ask, subject, cursor, sizeof(cursor), all, reterr);
	if (ret >= 0)
		ret = lay_out(ask, all, ret == 0);
	json_decref(all);
	return ret;
}

int nr_findings_about(struct nr_ask *ask, const char *subject, struct nr_err *reterr)
{
	char limit[DIGITS];
	const struct nr_client_word said[] = { { "limit", limit }, { "subject", subject } };
	const struct nr_client_request rq = { .path = "/api/v1/findings",
					      .words = said,
					      .n_words = NR_COUNT(said) };
	json_t *answer = NULL, *first = NULL;

	(void)snprintf(limit, sizeof(limit), "%d", PAGE);
	int ret = nr_ask_quietly(ask, &rq, &answer, NULL, reterr);

	if (ret < 0)
		return ret;
	const json_t *all = nr_ask_at(answer, "findings");

	nr_ask_heading(ask, "Findings about it");
	first = urgent(all, ABOUT);
	if (json_array_size(all) == 0)
		nr_ask_say(ask, NR_STYLE_PLAIN, "None.");
	else
		ret = first == NULL ? -ENOMEM
				    : nr_grid_print(ask, first, list_fields, NR_COUNT(list_fields));
	if (ret == 0 && json_array_size(all) > ABOUT)
		nr_ask_say(ask, NR_STYLE_DIM,
			   "%d of %zu; 'noroshi findings list --about %s' shows all.", ABOUT,
			   json_array_size(all), subject);
	json_decref(first);
	json_decref(answer);
	return ret;
}

void nr_findings_line(const json_t *finding, struct nr_buf *out)
{
	struct nr_str summary = nr_ask_text(finding, "summary");

	nr_buf_addf(out, NR_STR_FMT " " NR_STR_FMT " " NR_STR_FMT ": " NR_STR_FMT,
		    NR_STR_ARG(nr_ask_text(finding, "id")),
		    NR_STR_ARG(nr_ask_text(finding, "state")),
		    NR_STR_ARG(nr_ask_text(finding, "kind")),
		    NR_STR_ARG(summary.n > 0 ? summary : nr_ask_text(finding, "subject")));
}

/* ---- the command ---- */

static const struct nr_option options[] = {
	{ .name = "kind",
	  .letter = 'k',
	  .type = NR_OPT_STR,
	  .value = "KIND",
	  .offset = offsetof(struct words, kind),
	  .help = "Only attack, carpet, infection, campaign ..." },
	{ .name = "state",
	  .type = NR_OPT_STR,
	  .value = "STATE",
	  .offset = offsetof(struct words, state),
	  .help = "Only new, continuing, ended or withdrawn ones." },
	{ .name = "about",
	  .letter = 'a',
	  .type = NR_OPT_STR,
	  .value = "ADDRESS|PREFIX",
	  .offset = offsetof(struct words, about),
	  .help = "Only those about this address, or addresses in this prefix." },
	{ .name = "limit",
	  .letter = 'n',
	  .type = NR_OPT_U64,
	  .value = "N",
	  .lo = 1,
	  .hi = LIMIT_MAX,
	  .fallback = "20",
	  .offset = offsetof(struct words, limit),
	  .help = "How many are shown; with --json: in one page." },
	{ .name = "all",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, all),
	  .help = "Also those that you closed, called false or suppressed." },
	{ .name = "cursor",
	  .type = NR_OPT_STR,
	  .value = "CURSOR",
	  .offset = offsetof(struct words, cursor),
	  .help = "Only what came behind this 'next' of a page." },
	NR_ASK_OPTIONS(struct words, common),
};

static int run_list(int argc, char **argv)
{
	struct words words = { .kind = NULL };

	return nr_ask_run(&nr_cli_findings_list, argc, argv, &words, &words.common, list);
}

static const char about_list[] =
	"Findings that you may see, most urgent first: what goes on before what is over, what is about\n"
	"addresses of YOURS, attacks before infections, the newest first. With --json: one page as the\n"
	"hub gives it, in the order in which it came to know them; --cursor goes on behind the 'next' of\n"
	"the page before.";

const struct nr_cli_command nr_cli_findings_list = {
	.help = { .name = "noroshi findings list",
		  .summary = "what was found, most urgent first",
		  .operands = "",
		  .about = about_list,
		  .examples =
			  "noroshi findings list\nnoroshi findings list --kind attack --state continuing\n"
			  "noroshi findings list --about 203.0.113.0/24\n",
		  .options = options,
		  .n_options = NR_COUNT(options) },
	.run = run_list,
};
