/* SPDX-License-Identifier: Apache-2.0 */
/* noroshi findings show | ack | false | close | reopen | assign | undo | comment: one finding. */
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/ask/findings.h"

enum { TEXT = 512, WORDS_MAX = 4001, PATH_TEXT = 128 };

struct words {
	struct nr_ask_words common;
	const char *why;
};

static const char path[] = "/api/v1/findings";

/* ---- show ---- */

static void numbers(struct nr_ask *ask, const json_t *finding, const char *member,
		    const char *label)
{
	const json_t *of = nr_ask_at(finding, member);
	char text[TEXT], first[NR_TIME_TEXT], last[NR_TIME_TEXT];
	struct nr_buf count;

	if (of == NULL)
		return;
	nr_buf_init(&count, TEXT);
	nr_term_count(&count, (uint64_t)nr_ask_number(of, "packets"));
	nr_ask_clock(ask, nr_ask_when(of, "first"), first);
	nr_ask_clock(ask, nr_ask_when(of, "last"), last);
	(void)snprintf(text, sizeof(text), "%.*s packets, %.0f sensors, %s to %s UTC", (int)count.n,
		       (const char *)count.p, nr_ask_number(of, "sensors"), first, last);
	nr_ask_labelled(ask, label, nr_str_from(text));
	nr_buf_done(&count);
}

/* A member of the evidence as short text: lists of objects by their values. */
static void add_value(struct nr_buf *out, const json_t *value, unsigned depth)
{
	const json_t *one;
	const char *name;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_STRING:
		nr_buf_add(out, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		nr_buf_addf(out, "%lld", (long long)json_integer_value(value));
		break;
	case JSON_REAL:
		nr_buf_addf(out, "%.6g", json_real_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		nr_buf_addf(out, "%s", json_is_true(value) ? "yes" : "no");
		break;
	case JSON_ARRAY:
		if (depth > 0)
			json_array_foreach(value, i, one)
			{
				nr_buf_addf(out, "%s", i > 0 ? ", " : "");
				add_value(out, one, depth - 1);
			}
		break;
	case JSON_OBJECT:
		i = 0;
		if (depth > 0)
			json_object_foreach((json_t *)(uintptr_t)value, name, one)
			{
				nr_buf_addf(out, "%s%s ", i++ > 0 ? " " : "", name);
				add_value(out, one, depth - 1);
			}
		break;
	case JSON_NULL:
		break;
	}
}

static int evidence(struct nr_ask *ask, const json_t *finding)
{
	static const struct nr_sheet_column columns[] = { { .title = "EVIDENCE" },
							  { .title = "", .least = 8 } };
	enum { DEPTH = 3 };
	const json_t *of = nr_ask_at(finding, "evidence"), *value;
	struct nr_sheet sheet;
	struct nr_buf text;
	const char *name;

	if (json_object_size(of) == 0)
		return 0;
	nr_buf_add(&ask->out, "\n", 1);
	nr_buf_init(&text, NR_CLIENT_ANSWER);
	nr_sheet_init(&sheet, &ask->term, columns, NR_COUNT(columns));
	json_object_foreach((json_t *)(uintptr_t)of, name, value)
	{
		nr_buf_reset(&text);
		add_value(&text, value, DEPTH);
		nr_sheet_cstr(&sheet, name);
		nr_sheet_text(&sheet, nr_buf_str(&text), NR_STYLE_PLAIN);
	}
	int ret = nr_sheet_print(&sheet, &ask->out);

	nr_sheet_done(&sheet);
	nr_buf_done(&text);
	return ret;
}

static void times(struct nr_ask *ask, const json_t *finding)
{
	char text[TEXT], first[NR_TIME_TEXT], last[NR_TIME_TEXT], ago[NR_TIME_TEXT];

	nr_ask_clock(ask, nr_ask_when(finding, "first"), first);
	nr_ask_clock(ask, nr_ask_when(finding, "last"), last);
	nr_ask_ago(ask, nr_ask_when(finding, "last"), ago);
	(void)snprintf(text, sizeof(text), "%s to %s UTC (%s ago)", first, last, ago);
	nr_ask_labelled(ask, "When", nr_str_from(text));
}

static void describe(struct nr_ask *ask, const json_t *f)
{
	struct nr_str economy = nr_ask_text(f, "economy"), name = nr_ask_text(f, "as_name");
	char text[TEXT];

	(void)snprintf(text, sizeof(text), NR_STR_FMT " " NR_STR_FMT ": " NR_STR_FMT,
		       NR_STR_ARG(nr_ask_text(f, "kind")), NR_STR_ARG(nr_ask_text(f, "id")),
		       NR_STR_ARG(nr_ask_text(f, "subject")));
	nr_ask_say(ask, NR_STYLE_BOLD, "%s", text);
	nr_ask_labelled(ask, "What", nr_ask_text(f, "summary"));
	(void)snprintf(text, sizeof(text), NR_STR_FMT ", %.0f %% sure, by " NR_STR_FMT,
		       NR_STR_ARG(nr_ask_text(f, "state")), nr_ask_number(f, "confidence") * 100,
		       NR_STR_ARG(nr_ask_text(f, "detector")));
	nr_ask_labelled(ask, "State", nr_str_from(text));
	times(ask, f);
	if (nr_ask_number(f, "asn") > 0 || economy.n > 0) {
		(void)snprintf(text, sizeof(text), "AS%.0f " NR_STR_FMT "%s" NR_STR_FMT,
			       nr_ask_number(f, "asn"), NR_STR_ARG(name), name.n > 0 ? ", " : "",
			       NR_STR_ARG(economy));
		nr_ask_labelled(ask, "Network", nr_str_from(text));
	}
	numbers(ask, f, "own", "You saw");
	numbers(ask, f, "shared", "Others saw");
	nr_ask_labelled(ask, "YOURS", nr_ask_text(f, "warned.what_to_do"));
}

/* What your organisation said of it; a hub that has no such part says nothing. */
static int triage(struct nr_ask *ask, const char *id, struct nr_err *reterr)
{
	const struct nr_client_request rq = { .path = path, .part = id, .tail = "/triage" };
	struct nr_err err = { 0 };
	json_t *answer = NULL;
	char text[TEXT], clock[NR_TIME_TEXT];
	int ret = nr_ask_quietly(ask, &rq, &answer, NULL, &err);

	if (ret < 0)
		return ret == -ENOENT || ret == -EACCES ? 0 : nr_fail(reterr, ret, "%s", err.msg);
	struct nr_str who = nr_ask_text(answer, "assignee"), why = nr_ask_text(answer, "words"),
		      by = nr_ask_text(answer, "changed_by");

	nr_ask_clock(ask, nr_ask_when(answer, "changed"), clock);
	(void)snprintf(text, sizeof(text), NR_STR_FMT "%s" NR_STR_FMT "%s" NR_STR_FMT "%s%s",
		       NR_STR_ARG(nr_ask_text(answer, "state")), who.n > 0 ? ", with " : "",
		       NR_STR_ARG(who), by.n > 0 ? ", by " : "", NR_STR_ARG(by),
		       clock[0] != '\0' ? " on " : "", clock);
	nr_ask_labelled(ask, "You say", nr_str_from(text));
	nr_ask_labelled(ask, "", why);
	json_decref(answer);
	return 0;
}

static int comments(struct nr_ask *ask, const char *id, struct nr_err *reterr)
{
	const struct nr_client_request rq = { .path = path, .part = id, .tail = "/comments" };
	struct nr_err err = { 0 };
	json_t *answer = NULL;
	const json_t *one;
	char text[TEXT], clock[NR_TIME_TEXT];
	size_t i;
	int ret = nr_ask_quietly(ask, &rq, &answer, NULL, &err);

	if (ret < 0)
		return ret == -ENOENT || ret == -EACCES ? 0 : nr_fail(reterr, ret, "%s", err.msg);
	if (json_array_size(nr_ask_at(answer, "comments")) > 0)
		nr_ask_heading(ask, "Comments");
	json_array_foreach(nr_ask_at(answer, "comments"), i, one)
	{
		if (nr_ask_at(one, "removed") != NULL)
			continue;
		nr_ask_clock(ask, nr_ask_when(one, "made"), clock);
		(void)snprintf(text, sizeof(text), "%s " NR_STR_FMT " " NR_STR_FMT, clock,
			       NR_STR_ARG(nr_ask_text(one, "member")),
			       NR_STR_ARG(nr_ask_text(one, "by")));
		nr_ask_say(ask, NR_STYLE_DIM, "%s", text);
		nr_ask_labelled(ask, "", nr_ask_text(one, "words"));
	}
	json_decref(answer);
	return 0;
}

static int show(struct nr_ask *ask, struct nr_err *reterr)
{
	const char *id = nr_ask_operand(ask, 0);
	const struct nr_client_request rq = { .path = path, .part = id };
	json_t *finding = NULL;
	int ret = nr_ask_operands(ask, 1, 1, "the finding ('noroshi findings list' shows them)",
				  reterr);

	if (ret == 0)
		ret = nr_ask_get(ask, &rq, &finding, reterr);
	if (ret < 0 || finding == NULL)
		return ret;
	describe(ask, finding);
	ret = triage(ask, id, reterr);
	if (ret == 0)
		ret = comments(ask, id, reterr);
	if (ret == 0)
		ret = evidence(ask, finding);
	json_decref(finding);
	return ret;
}

/* ---- say something of it ---- */

static int change_one(struct nr_ask *ask, const char *action, const char *id, const char *assignee,
		      struct nr_err *reterr)
{
	const struct words *words = ask->words;
	const struct nr_client_request rq = {
		.method = "POST", .path = path, .part = id, .tail = "/triage"
	};
	json_t *body = json_pack("{s:s, s:s*, s:s*}", "action", action, "words", words->why,
				 "assignee", assignee),
	       *answer = NULL;

	if (body == NULL)
		return nr_fail(reterr, NR_EUSAGE, "this text is not UTF-8");
	int ret = nr_ask_send(ask, rq, body, &answer, reterr);

	if (ret < 0)
		return nr_err_prefix(reterr, "%.64s", id);
	if (answer != NULL) {
		struct nr_str who = nr_ask_text(answer, "assignee");

		nr_ask_say(ask, NR_STYLE_PLAIN, "%s: " NR_STR_FMT "%s" NR_STR_FMT, id,
			   NR_STR_ARG(nr_ask_text(answer, "state")), who.n > 0 ? ", with " : "",
			   NR_STR_ARG(who));
	}
	json_decref(answer);
	return 0;
}

/* Each finding that is named; the first that fails ends it. */
static int change(struct nr_ask *ask, const char *action, struct nr_err *reterr)
{
	int ret = nr_ask_operands(ask, 1, NR_OPTION_LIST_MAX,
				  "the findings ('noroshi findings list' shows them)", reterr);

	for (size_t i = 0; ret == 0 && i < ask->operands.n; i++)
		ret = change_one(ask, action, nr_ask_operand(ask, i), NULL, reterr);
	return ret;
}

static int acknowledge(struct nr_ask *ask, struct nr_err *reterr)
{
	return change(ask, "acknowledge", reterr);
}

static int say_false(struct nr_ask *ask, struct nr_err *reterr)
{
	return change(ask, "false", reterr);
}

static int close_it(struct nr_ask *ask, struct nr_err *reterr)
{
	return change(ask, "close", reterr);
}

static int reopen(struct nr_ask *ask, struct nr_err *reterr)
{
	return change(ask, "reopen", reterr);
}

static int undo(struct nr_ask *ask, struct nr_err *reterr)
{
	return change(ask, "undo", reterr);
}

static int assign(struct nr_ask *ask, struct nr_err *reterr)
{
	int ret = nr_ask_operands(ask, 2, 2, "the finding and who takes it", reterr);

	return ret < 0 ? ret
		       : change_one(ask, "assign", nr_ask_operand(ask, 0), nr_ask_operand(ask, 1),
				    reterr);
}

/* The words themselves, or "-": from standard input. */
static int read_words(const char *said, char *out, struct nr_err *reterr)
{
	ssize_t n;

	if (strcmp(said, "-") != 0) {
		n = snprintf(out, WORDS_MAX, "%s", said);
		return n < WORDS_MAX ? 0
				     : nr_fail(reterr, NR_EUSAGE, "a comment has at most %d bytes",
					       WORDS_MAX - 1);
	}
	n = nr_io_read_full(STDIN_FILENO, out, WORDS_MAX);
	if (n < 0)
		return nr_fail(reterr, (int)n, "standard input: %s", nr_err_text((int)n));
	if (n == WORDS_MAX)
		return nr_fail(reterr, NR_EUSAGE, "a comment has at most %d bytes", WORDS_MAX - 1);
	while (n > 0 && out[n - 1] == '\n')
		n--;
	out[n] = '\0';
	return 0;
}

static int comment(struct nr_ask *ask, struct nr_err *reterr)
{
	const char *id = nr_ask_operand(ask, 0), *said = nr_ask_operand(ask, 1);
	const struct nr_client_request rq = {
		.method = "POST", .path = path, .part = id, .tail = "/comments"
	};
	json_t *answer = NULL;
	char text[WORDS_MAX];
	int ret = nr_ask_operands(ask, 2, 2,
				  "the finding and the words in quotes, or - to read them", reterr);

	if (ret == 0)
		ret = read_words(said, text, reterr);
	if (ret < 0)
		return ret;
	json_t *body = json_pack("{s:s}", "words", text);

	if (body == NULL)
		return nr_fail(reterr, NR_EUSAGE, "this text is not UTF-8");
	ret = nr_ask_send(ask, rq, body, &answer, reterr);
	if (ret == 0 && answer != NULL)
		nr_ask_say(ask, NR_STYLE_PLAIN, "%s: noted, for your organisation", id);
	json_decref(answer);
	return ret;
}

/* ---- the commands ---- */

#define WHY_OPTION                                                                               \
	{                                                                                        \
		.name = "why", .letter = 'w', .type = NR_OPT_STR, .value = "WORDS",              \
		.offset = offsetof(struct words, why), .help = "Why: kept beside it, 500 bytes." \
	}

static const struct nr_option show_options[] = { NR_ASK_OPTIONS(struct words, common) };
static const struct nr_option change_options[] = { WHY_OPTION,
						   NR_ASK_OPTIONS(struct words, common) };

static const struct {
	const struct nr_cli_command *command;
	nr_ask_act *act;
} commands[] = {
	{ &nr_cli_findings_show, show },       { &nr_cli_findings_ack, acknowledge },
	{ &nr_cli_findings_false, say_false }, { &nr_cli_findings_close, close_it },
	{ &nr_cli_findings_reopen, reopen },   { &nr_cli_findings_undo, undo },
	{ &nr_cli_findings_assign, assign },   { &nr_cli_findings_comment, comment },
};

/* argv[0] is the verb. */
static int run(int argc, char **argv)
{
	struct words words = { .why = NULL };

	for (size_t i = 0; i < NR_COUNT(commands); i++)
		if (nr_str_ends(nr_str_from(commands[i].command->help.name), nr_str_from(argv[0])))
			return nr_ask_run(commands[i].command, argc, argv, &words, &words.common,
					  commands[i].act);
	return NR_CLI_USAGE;
}

const struct nr_cli_command nr_cli_findings_show = {
	.help = { .name = "noroshi findings show",
		  .summary = "one finding: what, when, whose, what was said of it",
		  .operands = "FINDING",
		  .about =
			  "The copy that you may see: with the figures of your own sensors, or what most of "
			  "those that share\nwith you reached.",
		  .examples = "noroshi findings show 93689eec3bd59595\n",
		  .options = show_options,
		  .n_options = NR_COUNT(show_options) },
	.run = run,
};

static const char about_change[] =
	"What you say is seen by your organisation only. Every change is kept, and 'noroshi findings undo' takes\n"
	"the newest back.";

const struct nr_cli_command nr_cli_findings_ack = {
	.help = { .name = "noroshi findings ack",
		  .summary = "say that you look after findings",
		  .operands = "FINDING...",
		  .about = about_change,
		  .examples = "noroshi findings ack 93689eec3bd59595\n",
		  .options = change_options,
		  .n_options = NR_COUNT(change_options) },
	.run = run,
};

const struct nr_cli_command nr_cli_findings_false = {
	.help = { .name = "noroshi findings false",
		  .summary = "say that findings are wrong",
		  .operands = "FINDING...",
		  .about = about_change,
		  .examples = "noroshi findings false 93689eec3bd59595 --why 'our own scanner'\n",
		  .options = change_options,
		  .n_options = NR_COUNT(change_options) },
	.run = run,
};

const struct nr_cli_command nr_cli_findings_close = {
	.help = { .name = "noroshi findings close",
		  .summary = "say that findings are dealt with",
		  .operands = "FINDING...",
		  .about = about_change,
		  .examples = "noroshi findings close 93689eec3bd59595 --why 'machine is clean'\n",
		  .options = change_options,
		  .n_options = NR_COUNT(change_options) },
	.run = run,
};

const struct nr_cli_command nr_cli_findings_reopen = {
	.help = { .name = "noroshi findings reopen",
		  .summary = "say that findings are open after all",
		  .operands = "FINDING...",
		  .about = about_change,
		  .examples = "noroshi findings reopen 93689eec3bd59595\n",
		  .options = change_options,
		  .n_options = NR_COUNT(change_options) },
	.run = run,
};

const struct nr_cli_command nr_cli_findings_undo = {
	.help = { .name = "noroshi findings undo",
		  .summary = "take the newest change of findings back",
		  .operands = "FINDING...",
		  .about = about_change,
		  .examples = "noroshi findings undo 93689eec3bd59595\n",
		  .options = change_options,
		  .n_options = NR_COUNT(change_options) },
	.run = run,
};

const struct nr_cli_command nr_cli_findings_assign = {
	.help = { .name = "noroshi findings assign",
		  .summary = "say who looks after a finding",
		  .operands = "FINDING LOGIN",
		  .about = "LOGIN is a user of your organisation; '' is nobody.",
		  .examples = "noroshi findings assign 93689eec3bd59595 hanako\n",
		  .options = change_options,
		  .n_options = NR_COUNT(change_options) },
	.run = run,
};

const struct nr_cli_command nr_cli_findings_comment = {
	.help = { .name = "noroshi findings comment",
		  .summary = "write something beside a finding",
		  .operands = "FINDING WORDS",
		  .about = "For your organisation alone. WORDS - reads them from standard input.",
		  .examples =
			  "noroshi findings comment 93689eec3bd59595 'called the owner, he looks'\n",
		  .options = show_options,
		  .n_options = NR_COUNT(show_options) },
	.run = run,
};
