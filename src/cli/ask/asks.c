/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi asks list | show | new | answer | close: "do you see this too?" */
#include <stdio.h>

#include "cli/ask/grid.h"
#include "cli/ask/wanted.h"

enum { TEXT = 512, LIMIT = 1000, SHORT_ID = 8 };

static const char path[] = "/api/v1/asks";
static const char *const levels[] = { "unsaid", "few", "some", "many", NULL };
static const char *const tlps[] = {
	"usual", "CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED", NULL
};

struct words {
	struct nr_ask_words common;
	struct nr_option_list to;
	const char *words, *since, *until;
	int level, tlp;
	bool all;
};

static const struct nr_ask_picked asks = { path, "asks", "question", "'noroshi asks list --all'" };

/* ---- list ---- */

static void id_cell(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
		    enum nr_term_style *style)
{
	struct nr_str id = nr_ask_text(row, "uuid");

	(void)ask;
	(void)style;
	nr_buf_add(out, id.p, nr_min_size(id.n, SHORT_ID));
}

static void who_cell(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
		     enum nr_term_style *style)
{
	(void)ask;
	if (nr_ask_true(row, "own")) {
		nr_buf_add_str(out, NR_STR("you"));
		return;
	}
	if (nr_str_eq(nr_ask_text(row, "state"), NR_STR("open")) &&
	    nr_ask_number(row, "answered") == 0)
		*style = NR_STYLE_BOLD; /* somebody waits for us */
	nr_buf_add_str(out, nr_ask_text(row, "member"));
}

static void answered_cell(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
			  enum nr_term_style *style)
{
	double n = nr_ask_number(row, "answered");

	(void)ask;
	(void)style;
	if (nr_ask_true(row, "own"))
		nr_buf_addf(out, "by %.0f", n);
	else
		nr_buf_addf(out, "%s", n > 0 ? "by you" : "NOT YET");
}

static const struct nr_grid_field fields[] = {
	{ .member = "uuid", .title = "ASK", .kind = NR_GRID_MADE, .make = id_cell },
	{ .title = "WHO ASKS", .kind = NR_GRID_MADE, .make = who_cell, .least = 8 },
	{ .member = "what", .title = "ABOUT", .least = 39 },
	{ .title = "ANSWERED", .kind = NR_GRID_MADE, .make = answered_cell },
	{ .member = "state", .title = "STATE", .rank = 2 },
	{ .member = "made", .title = "ASKED", .kind = NR_GRID_CLOCK, .rank = 3 },
	{ .member = "tlp", .title = "TLP", .rank = 1 },
	{ .member = "words", .title = "WORDS", .least = 12, .rank = 4 },
};

static int list(struct nr_ask *ask, struct nr_err *reterr)
{
	const struct words *words = ask->words;
	const struct nr_client_word said[] = { { "state", words->all ? "all" : "open" },
					       { "limit", "1000" } };
	const struct nr_client_request rq = { .path = path,
					      .words = said,
					      .n_words = NR_COUNT(said) };
	json_t *answer = NULL;
	int ret = nr_ask_operands(ask, 0, 0, "", reterr);

	if (ret == 0)
		ret = nr_ask_get(ask, &rq, &answer, reterr);
	if (ret < 0 || answer == NULL)
		return ret;
	const json_t *rows = nr_ask_at(answer, "asks");

	if (json_array_size(rows) == 0)
		nr_ask_say(ask, NR_STYLE_PLAIN, "No %squestions.", words->all ? "" : "open ");
	else
		ret = nr_grid_print(ask, rows, fields, NR_COUNT(fields));
	if (nr_ask_true(answer, "more"))
		nr_ask_say(ask, NR_STYLE_DIM, "Only the first %d.", LIMIT);
	json_decref(answer);
	return ret;
}

/* ---- show ---- */

static const struct nr_grid_field answer_fields[] = {
	{ .member = "member", .title = "WHO", .least = 8 },
	{ .member = "seen", .title = "SEES IT" },
	{ .member = "level", .title = "HOW MUCH" },
	{ .member = "first", .title = "FROM", .kind = NR_GRID_CLOCK, .rank = 2 },
	{ .member = "last", .title = "UNTIL", .kind = NR_GRID_CLOCK, .rank = 1 },
	{ .member = "made", .title = "SAID", .kind = NR_GRID_CLOCK, .rank = 4 },
	{ .member = "words", .title = "WORDS", .least = 12, .rank = 3 },
};

static int lay_out(struct nr_ask *ask, const json_t *one)
{
	const json_t *rows = nr_ask_at(one, "answers");
	char text[TEXT], since[NR_TIME_TEXT], until[NR_TIME_TEXT], ends[NR_TIME_TEXT];
	bool own = nr_ask_true(one, "own");

	nr_ask_clock(ask, nr_ask_when(one, "since"), since);
	nr_ask_clock(ask, nr_ask_when(one, "until"), until);
	nr_ask_clock(ask, nr_ask_when(one, "expires"), ends);
	(void)snprintf(text, sizeof(text), NR_STR_FMT " %s about " NR_STR_FMT ", %s to %s UTC",
		       NR_STR_ARG(own ? NR_STR("You") : nr_ask_text(one, "member")),
		       own ? "ask" : "asks", NR_STR_ARG(nr_ask_text(one, "what")), since, until);
	nr_ask_say(ask, NR_STYLE_BOLD, "%s", text);
	nr_ask_labelled(ask, "Id", nr_ask_text(one, "uuid"));
	nr_ask_labelled(ask, "Words", nr_ask_text(one, "words"));
	(void)snprintf(text, sizeof(text), NR_STR_FMT ", until %s UTC; TLP " NR_STR_FMT,
		       NR_STR_ARG(nr_ask_text(one, "state")), ends,
		       NR_STR_ARG(nr_ask_text(one, "tlp")));
	nr_ask_labelled(ask, "State", nr_str_from(text));
	nr_buf_add(&ask->out, "\n", 1);
	if (json_array_size(rows) > 0)
		return nr_grid_print(ask, rows, answer_fields, NR_COUNT(answer_fields));
	nr_ask_say(ask, NR_STYLE_PLAIN, "%s",
		   own ? "No answer yet."
		       : "You did not answer: noroshi asks answer ID yes|no|declined");
	return 0;
}

static int show(struct nr_ask *ask, struct nr_err *reterr)
{
	char id[NR_ASK_ID];
	const struct nr_client_request rq = { .path = path, .part = id };
	json_t *answer = NULL;
	int ret = nr_ask_operands(ask, 1, 1, "the question ('noroshi asks list' shows them)",
				  reterr);

	if (ret == 0)
		ret = nr_ask_pick(ask, &asks, nr_ask_operand(ask, 0), id, reterr);
	if (ret == 0)
		ret = nr_ask_get(ask, &rq, &answer, reterr);
	if (ret == 0 && answer != NULL)
		ret = lay_out(ask, answer);
	json_decref(answer);
	return ret;
}

/* ---- new ---- */

/* {"member": UUID} of the member of this name. */
static int party_of(struct nr_ask *ask, struct nr_str name, json_t **ret_party,
		    struct nr_err *reterr)
{
	char text[TEXT / 4], shown[TEXT / 4];
	const struct nr_client_request rq = { .path = "/api/v1/members", .part = text };
	struct nr_err err = { 0 };
	json_t *member = NULL;

	(void)snprintf(text, sizeof(text), NR_STR_FMT, NR_STR_ARG(name));
	nr_str_escape(name, shown, sizeof(shown));
	int ret = nr_ask_quietly(ask, &rq, &member, NULL, &err);

	if (ret == -ENOENT || ret == NR_EUSAGE)
		return nr_fail(reterr, NR_EUSAGE,
			       "--to %s: no such member; 'noroshi members' shows them", shown);
	if (ret < 0)
		return nr_fail(reterr, ret, "%s", err.msg);
	*ret_party = json_pack("{s:O}", "member", json_object_get(member, "uuid"));
	json_decref(member);
	return *ret_party != NULL ? 0 : -EIO;
}

static int add_parties(struct nr_ask *ask, json_t *label, struct nr_err *reterr)
{
	const struct words *words = ask->words;
	json_t *named = json_array(), *party = NULL;
	int ret = named != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; ret == 0 && i < words->to.n; i++) {
		ret = party_of(ask, words->to.items[i], &party, reterr);
		if (ret == 0 && json_array_append_new(named, party) < 0)
			ret = -ENOMEM;
	}
	if (ret == 0)
		return json_object_set_new(label, "members", named) < 0 ? -ENOMEM : 0;
	json_decref(named);
	return ret;
}

/* Whom it reaches: everyone on this hub, or members by name. */
static int make_label(struct nr_ask *ask, json_t **ret_label, struct nr_err *reterr)
{
	const struct words *words = ask->words;
	bool everyone = words->to.n == 1 && nr_str_eq(words->to.items[0], NR_STR("everyone"));
	const char *tlp = words->tlp > 0 ? tlps[words->tlp] : everyone ? "GREEN" : "AMBER";

	if (words->to.n == 0)
		return nr_fail(
			reterr, NR_EUSAGE,
			"whom? Say --to everyone, or --to NAME of a member ('noroshi members' "
			"shows them)");
	*ret_label = everyone ? json_pack("{s:s, s:b}", "tlp", tlp, "everyone", 1)
			      : json_pack("{s:s}", "tlp", tlp);
	if (*ret_label == NULL)
		return -ENOMEM;
	int ret = everyone ? 0 : add_parties(ask, *ret_label, reterr);

	if (ret < 0)
		json_decref(*ret_label);
	return ret;
}

static int ask_new(struct nr_ask *ask, struct nr_err *reterr)
{
	const struct words *words = ask->words;
	const struct nr_client_request rq = { .method = "POST", .path = path };
	struct nr_wanted wanted = { .text = "" };
	json_t *label = NULL, *answer = NULL;
	int ret = nr_ask_operands(ask, 1, 1, "an address, a prefix, 23/tcp or AS64500", reterr);

	if (ret == 0)
		ret = nr_wanted_read(ask->operands.items[0], &wanted, reterr);
	if (ret == 0)
		ret = make_label(ask, &label, reterr);
	if (ret < 0)
		return ret;
	json_t *body = json_pack("{s:s, s:s*, s:s*, s:s*, s:o}", "what", wanted.text, "words",
				 words->words, "since", words->since, "until", words->until,
				 "label", label);

	if (body == NULL)
		return nr_fail(reterr, NR_EUSAGE, "this text is not UTF-8");
	ret = nr_ask_send(ask, rq, body, &answer, reterr);
	if (ret == 0 && answer != NULL)
		ret = lay_out(ask, answer);
	json_decref(answer);
	return ret;
}

/* ---- answer, close ---- */

static int answer(struct nr_ask *ask, struct nr_err *reterr)
{
	const struct words *words = ask->words;
	char id[NR_ASK_ID];
	const struct nr_client_request rq = {
		.method = "POST", .path = path, .part = id, .tail = "/answer"
	};
	json_t *said = NULL;
	int ret = nr_ask_operands(ask, 2, 2, "the question, and yes, no or declined", reterr);

	if (ret == 0)
		ret = nr_ask_pick(ask, &asks, nr_ask_operand(ask, 0), id, reterr);
	if (ret < 0)
		return ret;
	json_t *body = json_pack("{s:s, s:s*, s:s*, s:s*, s:s*}", "seen", nr_ask_operand(ask, 1),
				 "level", words->level > 0 ? levels[words->level] : NULL, "words",
				 words->words, "first", words->since, "last", words->until);

	if (body == NULL)
		return nr_fail(reterr, NR_EUSAGE, "this text is not UTF-8");
	ret = nr_ask_send(ask, rq, body, &said, reterr);
	if (ret == 0 && said != NULL)
		ret = lay_out(ask, said);
	json_decref(said);
	return ret;
}

static int close_it(struct nr_ask *ask, struct nr_err *reterr)
{
	char id[NR_ASK_ID];
	const struct nr_client_request rq = {
		.method = "POST", .path = path, .part = id, .tail = "/close"
	};
	json_t *said = NULL;
	int ret = nr_ask_operands(ask, 1, 1, "the question ('noroshi asks list' shows them)",
				  reterr);

	if (ret == 0)
		ret = nr_ask_pick(ask, &asks, nr_ask_operand(ask, 0), id, reterr);
	if (ret == 0)
		ret = nr_ask_send(ask, rq, NULL, &said, reterr);
	if (ret == 0 && said != NULL)
		ret = lay_out(ask, said);
	json_decref(said);
	return ret;
}

/* ---- the commands ---- */

static const struct nr_option list_options[] = {
	{ .name = "all",
	  .type = NR_OPT_FLAG,
	  .offset = offsetof(struct words, all),
	  .help = "Also those that are closed or too old to be answered." },
	NR_ASK_OPTIONS(struct words, common),
};
static const struct nr_option show_options[] = { NR_ASK_OPTIONS(struct words, common) };

#define WORDS_OPTION                                                                             \
	{                                                                                        \
		.name = "words", .letter = 'w', .type = NR_OPT_STR, .value = "WORDS",            \
		.offset = offsetof(struct words, words), .help = "What you want to say with it." \
	}

static const struct nr_option new_options[] = {
	{ .name = "to",
	  .letter = 't',
	  .type = NR_OPT_LIST,
	  .value = "WHOM",
	  .offset = offsetof(struct words, to),
	  .help = "everyone, or names of members; may be given more than once." },
	WORDS_OPTION,
	{ .name = "tlp",
	  .type = NR_OPT_ENUM,
	  .value = "TLP",
	  .choices = tlps,
	  .fallback = "usual",
	  .offset = offsetof(struct words, tlp),
	  .help = "How far they may pass it on; usual: GREEN for everyone, AMBER for members." },
	{ .name = "since",
	  .type = NR_OPT_STR,
	  .value = "TIME",
	  .offset = offsetof(struct words, since),
	  .help = "Begin of what you ask about, such as 2026-01-02T03:00:00Z; a day ago." },
	{ .name = "until",
	  .type = NR_OPT_STR,
	  .value = "TIME",
	  .offset = offsetof(struct words, until),
	  .help = "Its end; now." },
	NR_ASK_OPTIONS(struct words, common),
};

static const struct nr_option answer_options[] = {
	{ .name = "level",
	  .letter = 'l',
	  .type = NR_OPT_ENUM,
	  .value = "HOWMUCH",
	  .choices = levels,
	  .fallback = "unsaid",
	  .offset = offsetof(struct words, level),
	  .help = "With yes: how much of it." },
	WORDS_OPTION,
	{ .name = "first",
	  .type = NR_OPT_STR,
	  .value = "TIME",
	  .offset = offsetof(struct words, since),
	  .help = "With yes: the hour you saw it first, 2026-01-02T03:00:00Z." },
	{ .name = "last",
	  .type = NR_OPT_STR,
	  .value = "TIME",
	  .offset = offsetof(struct words, until),
	  .help = "With yes: the hour you saw it last." },
	NR_ASK_OPTIONS(struct words, common),
};

static const struct {
	const struct nr_cli_command *command;
	nr_ask_act *act;
} commands[] = {
	{ &nr_cli_asks_list, list },	  { &nr_cli_asks_show, show },
	{ &nr_cli_asks_new, ask_new },	  { &nr_cli_asks_answer, answer },
	{ &nr_cli_asks_close, close_it },
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

const struct nr_cli_command nr_cli_asks_list = {
	.help = { .name = "noroshi asks list",
		  .summary = "what you asked others, and what you were asked",
		  .operands = "",
		  .about = "Open questions; those that wait for your answer say NOT YET.",
		  .examples = "noroshi asks list\n",
		  .options = list_options,
		  .n_options = NR_COUNT(list_options) },
	.run = run,
};

const struct nr_cli_command nr_cli_asks_show = {
	.help = { .name = "noroshi asks show",
		  .summary = "one question and its answers",
		  .operands = "ASK",
		  .about = "ASK is its id, or the beginning of it. You see all answers to your own "
			   "question, and your answer\nto one of others.",
		  .examples = "noroshi asks show 1f0c2d3e\n",
		  .options = show_options,
		  .n_options = NR_COUNT(show_options) },
	.run = run,
};

static const char about_new[] =
	"Asks other members whether they see an address, a prefix, a port or a network too. Each decides what\n"
	"to answer; you alone see the answers. Whom you ask sees that you ask, and not who else was asked.";

const struct nr_cli_command nr_cli_asks_new = {
	.help = { .name = "noroshi asks new",
		  .summary = "ask other members: do you see this too?",
		  .operands = "THING",
		  .about = about_new,
		  .examples =
			  "noroshi asks new 203.0.113.7 --to everyone --words 'ssh, since this morning'\n"
			  "noroshi asks new 23/tcp --to example-csirt\n",
		  .options = new_options,
		  .n_options = NR_COUNT(new_options) },
	.run = run,
};

const struct nr_cli_command nr_cli_asks_answer = {
	.help = { .name = "noroshi asks answer",
		  .summary = "answer a question for your organisation",
		  .operands = "ASK yes|no|declined",
		  .about = "Seen by who asked alone. Answering again replaces what was said, while "
			   "the question is open.",
		  .examples = "noroshi asks answer 1f0c2d3e yes --level few\n",
		  .options = answer_options,
		  .n_options = NR_COUNT(answer_options) },
	.run = run,
};

const struct nr_cli_command nr_cli_asks_close = {
	.help = { .name = "noroshi asks close",
		  .summary = "end a question of yours",
		  .operands = "ASK",
		  .about = "Nobody answers it any more; its answers stay.",
		  .examples = "noroshi asks close 1f0c2d3e\n",
		  .options = show_options,
		  .n_options = NR_COUNT(show_options) },
	.run = run,
};
