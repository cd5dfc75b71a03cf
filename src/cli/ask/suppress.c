/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi suppress list | add | undo: what is hidden, and against what nobody may act. */
#include <stdio.h>

#include "cli/ask/grid.h"
#include "cli/ask/wanted.h"

enum { TEXT = 256, SHORT_ID = 8, DAYS_MAX = 365, DAYS = 30 };

static const char path[] = "/api/v1/suppressions";
static const struct nr_ask_picked rules = { path, "suppressions", "suppression",
					    "'noroshi suppress list --all'" };

struct words {
	struct nr_ask_words common;
	const char *why, *detector, *kind;
	uint64_t days;
	bool all, allow, everyone;
};

/* ---- list ---- */

static void id_cell(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
		    enum nr_term_style *style)
{
	struct nr_str id = nr_ask_text(row, "uuid");

	(void)ask;
	(void)style;
	nr_buf_add(out, id.p, nr_min_size(id.n, SHORT_ID));
}

/* "203.0.113.0/24 AS64500 infection scan.v1": what must fit, all of it. */
static void what_cell(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
		      enum nr_term_style *style)
{
	static const char *const members[] = { "subject", "finding_kind", "detector" };

	(void)ask;
	(void)style;
	for (size_t i = 0; i < NR_COUNT(members); i++) {
		struct nr_str s = nr_ask_text(row, members[i]);

		if (s.n > 0)
			nr_buf_addf(out, "%s" NR_STR_FMT, out->n > 0 ? " " : "", NR_STR_ARG(s));
	}
	if (nr_ask_number(row, "asn") > 0)
		nr_buf_addf(out, "%sAS%.0f", out->n > 0 ? " " : "", nr_ask_number(row, "asn"));
}

static void state_cell(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
		       enum nr_term_style *style)
{
	(void)ask;
	(void)style;
	nr_buf_addf(out, "%s",
		    nr_ask_true(row, "in_force")       ? "in force"
		    : nr_ask_at(row, "undone") != NULL ? "undone"
						       : "over");
}

static void whose_cell(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
		       enum nr_term_style *style)
{
	(void)ask;
	(void)style;
	nr_buf_addf(out, "%s",
		    nr_str_eq(nr_ask_text(row, "for"), NR_STR("everyone")) ? "everyone" : "you");
}

static const struct nr_grid_field fields[] = {
	{ .member = "uuid", .title = "RULE", .kind = NR_GRID_MADE, .make = id_cell },
	{ .member = "kind", .title = "KIND" },
	{ .title = "WHAT", .kind = NR_GRID_MADE, .make = what_cell },
	{ .title = "FOR", .kind = NR_GRID_MADE, .make = whose_cell, .rank = 3 },
	{ .title = "STATE", .kind = NR_GRID_MADE, .make = state_cell, .rank = 1 },
	{ .member = "expires", .title = "UNTIL", .kind = NR_GRID_CLOCK, .rank = 2 },
	{ .member = "words", .title = "WHY", .least = 10, .rank = 4 },
};

static int list(struct nr_ask *ask, struct nr_err *reterr)
{
	const struct words *words = ask->words;
	const struct nr_client_word said[] = { { "state", words->all ? "all" : "in_force" } };
	const struct nr_client_request rq = { .path = path,
					      .words = said,
					      .n_words = NR_COUNT(said) };
	json_t *answer = NULL;
	int ret = nr_ask_operands(ask, 0, 0, "", reterr);

	if (ret == 0)
		ret = nr_ask_get(ask, &rq, &answer, reterr);
	if (ret < 0 || answer == NULL)
		return ret;
	const json_t *rows = nr_ask_at(answer, "suppressions");

	if (json_array_size(rows) == 0)
		nr_ask_say(ask, NR_STYLE_PLAIN, "Nothing is suppressed.");
	else
		ret = nr_grid_print(ask, rows, fields, NR_COUNT(fields));
	json_decref(answer);
	return ret;
}

/* ---- add, undo ---- */

static int say_rule(struct nr_ask *ask, const json_t *rule)
{
	json_t *rows = json_pack("[O]", rule);
	int ret = rows == NULL ? -ENOMEM : nr_grid_print(ask, rows, fields, NR_COUNT(fields));

	json_decref(rows);
	return ret;
}

/* Into @p body, what the operand names. */
static int add_condition(const struct nr_ask *ask, json_t *body, struct nr_err *reterr)
{
	struct nr_wanted wanted = { .text = "" };
	uint64_t asn = 0;

	if (ask->operands.n == 0)
		return 0;
	int ret = nr_wanted_read(ask->operands.items[0], &wanted, reterr);

	if (ret < 0)
		return ret;
	if (wanted.note[0] != '\0')
		nr_ask_note(ask, wanted.note);
	if (wanted.kind == NR_WANTED_ADDRESS || wanted.kind == NR_WANTED_PREFIX)
		return json_object_set_new(body, "subject", json_string(wanted.text));
	if (wanted.kind == NR_WANTED_ASN &&
	    nr_str_u64(nr_str_from(wanted.text + strlen("AS")), 1, UINT32_MAX, &asn) == 0)
		return json_object_set_new(body, "asn", json_integer((json_int_t)asn));
	return nr_fail(reterr, NR_EUSAGE,
		       "'%s': findings are about addresses, prefixes and networks (AS64500)",
		       wanted.text);
}

static int add(struct nr_ask *ask, struct nr_err *reterr)
{
	const struct words *words = ask->words;
	const struct nr_client_request rq = { .method = "POST", .path = path };
	json_t *body = NULL, *answer = NULL;
	int ret = nr_ask_operands(ask, 0, 1, "one address, prefix or network", reterr);

	if (ret == 0 && ask->operands.n == 0 && words->detector == NULL && words->kind == NULL)
		ret = nr_fail(reterr, NR_EUSAGE,
			      "name what: an address, a prefix, AS64500, or --kind or --detector");
	if (ret == 0 && words->why == NULL)
		ret = nr_fail(reterr, NR_EUSAGE, "say why: --why WORDS; who comes after you asks");
	if (ret < 0)
		return ret;
	body = json_pack("{s:s, s:s, s:I, s:s, s:s*, s:s*}", "kind",
			 words->allow ? "allow" : "suppress", "for",
			 words->everyone ? "everyone" : "member", "days", (json_int_t)words->days,
			 "words", words->why, "detector", words->detector, "finding_kind",
			 words->kind);
	if (body == NULL)
		return nr_fail(reterr, NR_EUSAGE, "this text is not UTF-8");
	ret = add_condition(ask, body, reterr);
	if (ret < 0) {
		json_decref(body);
		return ret;
	}
	ret = nr_ask_send(ask, rq, body, &answer, reterr);
	if (ret == 0 && answer != NULL)
		ret = say_rule(ask, answer);
	json_decref(answer);
	return ret;
}

static int undo(struct nr_ask *ask, struct nr_err *reterr)
{
	char id[NR_ASK_ID];
	const struct nr_client_request rq = { .method = "DELETE", .path = path, .part = id };
	json_t *answer = NULL;
	int ret = nr_ask_operands(ask, 1, 1, "the rule ('noroshi suppress list' shows them)",
				  reterr);

	if (ret == 0)
		ret = nr_ask_pick(ask, &rules, nr_ask_operand(ask, 0), id, reterr);
	if (ret == 0)
		ret = nr_ask_send(ask, rq, NULL, &answer, reterr);
	if (ret == 0 && answer != NULL)
		ret = say_rule(ask, answer);
	json_decref(answer);
	return ret;
}

/* ---- the commands ---- */

static const struct nr_option list_options[] = {
	{ .name = "all",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, all),
	  .help = "Also those that are over or were undone." },
	NR_ASK_OPTIONS(struct words, common),
};
static const struct nr_option undo_options[] = { NR_ASK_OPTIONS(struct words, common) };

static const struct nr_option add_options[] = {
	{ .name = "why",
	  .letter = 'w',
	  .type = NR_OPT_STR,
	  .value = "WORDS",
	  .offset = offsetof(struct words, why),
	  .help = "Why: shown beside what it hides." },
	{ .name = "days",
	  .letter = 'd',
	  .type = NR_OPT_U64,
	  .value = "N",
	  .unit = "days",
	  .lo = 1,
	  .hi = DAYS_MAX,
	  .fallback = "30",
	  .offset = offsetof(struct words, days),
	  .help = "How long it holds." },
	{ .name = "kind",
	  .letter = 'k',
	  .type = NR_OPT_STR,
	  .value = "KIND",
	  .offset = offsetof(struct words, kind),
	  .help = "Only findings of this kind: attack, infection ..." },
	{ .name = "detector",
	  .type = NR_OPT_STR,
	  .value = "NAME",
	  .offset = offsetof(struct words, detector),
	  .help = "Only findings of this detector: scan.v1 ..." },
	{ .name = "allow",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, allow),
	  .help = "Also let no notice and no block list name it." },
	{ .name = "everyone",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, everyone),
	  .help = "For all members of the hub; its operator may, with --allow." },
	NR_ASK_OPTIONS(struct words, common),
};

static const struct {
	const struct nr_cli_command *command;
	nr_ask_act *act;
} commands[] = {
	{ &nr_cli_suppress_list, list },
	{ &nr_cli_suppress_add, add },
	{ &nr_cli_suppress_undo, undo },
};

/* argv[0] is the verb. */
static int run(int argc, char **argv)
{
	struct words words = { .all = false };

	for (size_t i = 0; i < NR_COUNT(commands); i++)
		if (nr_str_ends(nr_str_from(commands[i].command->help.name), nr_str_from(argv[0])))
			return nr_ask_run(commands[i].command, argc, argv, &words, &words.common,
					  commands[i].act);
	return NR_CLI_USAGE;
}

const struct nr_cli_command nr_cli_suppress_list = {
	.help = { .name = "noroshi suppress list",
		  .summary = "what is hidden, why and until when",
		  .operands = "",
		  .about = "Rules of your organisation, and those that hold for everyone.",
		  .examples = "noroshi suppress list\n",
		  .options = list_options,
		  .n_options = NR_COUNT(list_options) },
	.run = run,
};

static const char about_add[] =
	"Hides findings about an address, anything in a prefix, or a network, from your organisation, for a\n"
	"while. Every condition must fit. Nobody else is touched, nothing is deleted, and 'noroshi suppress undo'\n"
	"ends it at once.";

const struct nr_cli_command nr_cli_suppress_add = {
	.help = { .name = "noroshi suppress add",
		  .summary = "hide what you know, or let nobody act against it",
		  .operands = "[THING]",
		  .about = about_add,
		  .examples =
			  "noroshi suppress add 203.0.113.0/24 --why 'our own scanner' --days 90\n"
			  "noroshi suppress add AS64500 --kind infection --why 'told them'\n",
		  .options = add_options,
		  .n_options = NR_COUNT(add_options) },
	.run = run,
};

const struct nr_cli_command nr_cli_suppress_undo = {
	.help = { .name = "noroshi suppress undo",
		  .summary = "end a suppression at once",
		  .operands = "RULE",
		  .about = "RULE is its id, or the beginning of it.",
		  .examples = "noroshi suppress undo 1f0c2d3e\n",
		  .options = undo_options,
		  .n_options = NR_COUNT(undo_options) },
	.run = run,
};
