/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask/ask.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json_read.h"

enum {
	LABEL = 12,
	NODES = 4 << 20, /* an answer is from the hub we chose to ask; it is bounded by its bytes */
	STRING = 8 << 20,
	LINE_MAX_BYTES = 1 << 16,
	SAID = 1024,
	YEAR = 4,
	PATH_PART = 64,
	WIDTH_MIN = 20,
	WIDTH_MAX = 500,
};

/* ---- the frame ---- */

/* A file or pipe has no edge, unless COLUMNS says one: what is cut there cannot be searched. */
static struct nr_term choose_term(const struct nr_ask_words *common)
{
	struct nr_term term = nr_term_choose(NR_TERM_EN, common->no_color);
	const char *columns = getenv("COLUMNS");
	uint64_t width;

	if (isatty(STDOUT_FILENO))
		return term;
	term.unbounded = true;
	if (columns != NULL &&
	    nr_str_u64(nr_str_from(columns), WIDTH_MIN, WIDTH_MAX, &width) == 0) {
		term.unbounded = false;
		term.width = (unsigned)width;
	}
	return term;
}

int nr_ask_run(const struct nr_cli_command *command, int argc, char **argv, void *words,
	       const struct nr_ask_words *common, nr_ask_act *act)
{
	struct nr_ask ask = {
		.command = command, .words = words, .common = common, .now = nr_time_now()
	};
	struct nr_err err = { 0 };
	int status = nr_cli_begin(command, argc, argv, words, &ask.operands);

	nr_buf_init(&ask.out, NR_CLIENT_ANSWER + SAID);
	if (status == NR_CLI_GO_ON) {
		ask.term = choose_term(common);
		int ret = act(&ask, &err);

		if (ret == 0 && !ask.term.unicode && !common->json)
			nr_term_ascii(&ask.out);
		if (ret == 0)
			ret = nr_cli_flush(&ask.out);
		if (ret < 0 && err.code == 0)
			(void)nr_fail(&err, ret, "%s", nr_err_text(ret));
		/* who reads no further has what he wanted */
		status = ret >= 0 || ret == -EPIPE ? NR_CLI_DONE : nr_cli_fail(command, &err);
	}
	nr_client_close(ask.client);
	nr_buf_done(&ask.out);
	nr_option_release(command->help.options, command->help.n_options, words, &ask.operands);
	return status;
}

const char *nr_ask_operand(const struct nr_ask *ask, size_t i)
{
	return i < ask->operands.n ? ask->operands.items[i].p : NULL;
}

int nr_ask_operands(const struct nr_ask *ask, size_t least, size_t most, const char *what,
		    struct nr_err *reterr)
{
	char shown[PATH_PART];

	if (ask->operands.n < least)
		return nr_fail(reterr, NR_EUSAGE, "name %s", what);
	if (ask->operands.n <= most)
		return 0;
	nr_str_escape(ask->operands.items[most], shown, sizeof(shown));
	return nr_fail(reterr, NR_EUSAGE, "'%s' is one word too many; it takes %s", shown,
		       most == 0 ? "options only" : what);
}

/* ---- questions ---- */

int nr_ask_client(struct nr_ask *ask, struct nr_err *reterr)
{
	const struct nr_client_where where = { ask->common->hub, ask->common->token_file,
					       ask->common->cacert };

	return ask->client != NULL ? 0 : nr_client_open(&where, &ask->client, reterr);
}

static bool acts_on_terminal(uint32_t cp)
{
	return (cp >= 0x7f && cp <= 0x9f) || cp == 0x200e || cp == 0x200f ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

/* The same JSON, harmless to a terminal. Such characters stand in strings only. */
static void add_for_terminal(struct nr_buf *out, struct nr_str text)
{
	while (text.n > 0) {
		uint32_t cp = 0;
		size_t n = nr_str_utf8(text, &cp);

		if (n == 0)
			nr_buf_add_str(out, NR_STR("?"));
		else if (acts_on_terminal(cp) || (cp < ' ' && cp != '\n'))
			nr_buf_addf(out, "\\u%04x", cp);
		else
			nr_buf_add(out, text.p, n);
		n = n > 0 ? n : 1;
		text.p += n;
		text.n -= n;
	}
}

void nr_ask_put_json(struct nr_ask *ask, struct nr_str text)
{
	if (isatty(STDOUT_FILENO))
		add_for_terminal(&ask->out, text);
	else
		nr_buf_add_str(&ask->out, text);
}

int nr_ask_parse(struct nr_str text, json_t **ret_json, struct nr_err *reterr)
{
	static const struct nr_json_limits limits = { .nodes = NODES, .string = STRING };

	return nr_json_read(text, &limits, ret_json, reterr);
}

static int read_answer(struct nr_ask *ask, const struct nr_buf *answer, bool show,
		       json_t **ret_json, struct nr_err *reterr)
{
	struct nr_err why = { 0 };

	*ret_json = NULL;
	if (show && ask->common->json) {
		nr_ask_put_json(ask, nr_buf_str(answer));
		return ask->out.err;
	}
	if (nr_str_is_blank(nr_buf_str(answer)))
		return 0;
	int ret = nr_ask_parse(nr_buf_str(answer), ret_json, &why);

	return ret == 0 ? 0
			: nr_fail(reterr, -EIO, "what the hub answered is not understood: %s",
				  why.msg);
}

static int question(struct nr_ask *ask, const struct nr_client_request *rq, bool show,
		    json_t **ret_json, char *ret_etag, struct nr_err *reterr)
{
	struct nr_buf answer;
	int ret = nr_ask_client(ask, reterr);

	*ret_json = NULL;
	if (ret < 0)
		return ret;
	nr_buf_init(&answer, NR_CLIENT_ANSWER);
	ret = nr_client_call(ask->client, rq, &answer, ret_etag, reterr);
	if (ret == 0)
		ret = read_answer(ask, &answer, show, ret_json, reterr);
	nr_buf_done(&answer);
	return ret;
}

int nr_ask_get(struct nr_ask *ask, const struct nr_client_request *rq, json_t **ret_json,
	       struct nr_err *reterr)
{
	return question(ask, rq, true, ret_json, NULL, reterr);
}

int nr_ask_quietly(struct nr_ask *ask, const struct nr_client_request *rq, json_t **ret_json,
		   char *ret_etag, struct nr_err *reterr)
{
	return question(ask, rq, false, ret_json, ret_etag, reterr);
}

int nr_ask_send(struct nr_ask *ask, struct nr_client_request rq, json_t *body, json_t **ret_json,
		struct nr_err *reterr)
{
	char *text = NULL;
	int ret;

	if (body != NULL) {
		text = json_dumps(body, JSON_COMPACT);
		json_decref(body);
		if (text == NULL)
			return nr_fail(reterr, NR_EUSAGE, "this text is not UTF-8");
		rq.body = (struct nr_bytes){ (const uint8_t *)text, strlen(text) };
		rq.json = true;
	}
	ret = question(ask, &rq, true, ret_json, NULL, reterr);
	free(text);
	return ret;
}

int nr_ask_pick(struct nr_ask *ask, const struct nr_ask_picked *of, const char *typed,
		char out[NR_ASK_ID], struct nr_err *reterr)
{
	const struct nr_client_word all[] = { { "state", "all" } };
	const struct nr_client_request rq = { .path = of->path, .words = all, .n_words = 1 };
	struct nr_str begin = nr_str_from(typed);
	char shown[PATH_PART];
	json_t *answer = NULL;
	const json_t *one;
	size_t i, n = 0;
	int ret = nr_ask_quietly(ask, &rq, &answer, NULL, reterr);

	if (ret < 0)
		return ret;
	json_array_foreach(nr_ask_at(answer, of->member), i, one)
	{
		struct nr_str id = nr_ask_text(one, "uuid");

		if (begin.n > 0 && nr_str_starts(id, begin) && n++ == 0)
			(void)snprintf(out, NR_ASK_ID, NR_STR_FMT, NR_STR_ARG(id));
	}
	json_decref(answer);
	if (n == 1)
		return 0;
	nr_str_escape(begin, shown, sizeof(shown));
	return n == 0 ? nr_fail(reterr, -ENOENT, "no %s begins with '%s'; %s shows them", of->what,
				shown, of->how)
		      : nr_fail(reterr, NR_EUSAGE, "%zu of them begin with '%s': say more of it", n,
				shown);
}

/* ---- reading answers ---- */

const json_t *nr_ask_at(const json_t *json, const char *path)
{
	struct nr_str rest = nr_str_from(path);

	while (json != NULL && rest.n > 0) {
		struct nr_str part = nr_str_cut(&rest, '.');
		char name[PATH_PART];

		(void)snprintf(name, sizeof(name), NR_STR_FMT, NR_STR_ARG(part));
		json = json_object_get(json, name);
	}
	return json_is_null(json) ? NULL : json;
}

struct nr_str nr_ask_text(const json_t *json, const char *path)
{
	const json_t *at = nr_ask_at(json, path);

	return json_is_string(at) ? (struct nr_str){ json_string_value(at), json_string_length(at) }
				  : NR_STR("");
}

double nr_ask_number(const json_t *json, const char *path)
{
	return json_number_value(nr_ask_at(json, path));
}

bool nr_ask_true(const json_t *json, const char *path)
{
	return json_is_true(nr_ask_at(json, path));
}

struct nr_time nr_ask_when(const json_t *json, const char *path)
{
	struct nr_time t = { 0 };

	if (nr_time_parse(nr_ask_text(json, path), &t) < 0)
		return (struct nr_time){ 0 };
	return t;
}

/* ---- laying out ---- */

void nr_ask_clock(const struct nr_ask *ask, struct nr_time t, char *text)
{
	char now[NR_TIME_TEXT], then[NR_TIME_TEXT];

	text[0] = '\0';
	if (t.ns == 0)
		return;
	(void)nr_time_print(ask->now, now);
	(void)nr_time_print(t, then); /* 2026-11-20T17:03:05Z */
	if (memcmp(now, then, YEAR) != 0)
		(void)snprintf(text, NR_TIME_TEXT, "%.10s", then);
	else
		(void)snprintf(text, NR_TIME_TEXT, "%.5s %.5s", then + 5, then + 11);
}

void nr_ask_ago(const struct nr_ask *ask, struct nr_time t, char *text)
{
	text[0] = '\0';
	if (t.ns == 0)
		return;
	int64_t ns = ask->now.ns > t.ns ? ask->now.ns - t.ns : 0;

	(void)nr_span_print_human(ns / NR_NS_PER_S * NR_NS_PER_S, text);
}

void nr_ask_escaped(struct nr_ask *ask, struct nr_str s)
{
	nr_sheet_escape(&ask->out, s);
}

void nr_ask_heading(struct nr_ask *ask, const char *text)
{
	if (ask->out.n > 0)
		nr_buf_add(&ask->out, "\n", 1);
	nr_term_styled(&ask->term, &ask->out, NR_STYLE_BOLD, nr_str_from(text));
	nr_buf_add(&ask->out, "\n", 1);
}

/* A word longer than the line is broken: nothing may run over the edge. */
static void wrap(struct nr_buf *out, struct nr_str text, unsigned indent, unsigned width)
{
	unsigned room = width > indent ? width - indent : 1, used = 0;
	struct nr_buf broken;

	nr_buf_init(&broken, NR_CLIENT_ANSWER);
	while (text.n > 0) {
		uint32_t cp;
		size_t n = nr_max_size(nr_str_utf8(text, &cp), 1);
		unsigned columns = nr_term_columns((struct nr_str){ text.p, n });

		if (text.p[0] == ' ' || text.p[0] == '\n') {
			used = 0;
		} else if (used + columns > room) {
			nr_buf_add(&broken, " ", 1);
			used = columns;
		} else {
			used += columns;
		}
		nr_buf_add(&broken, text.p, n);
		text.p += n;
		text.n -= n;
	}
	nr_term_wrap(out, nr_buf_str(&broken), indent, width);
	nr_buf_done(&broken);
}

void nr_ask_labelled(struct nr_ask *ask, const char *label, struct nr_str text)
{
	struct nr_buf raw, wrapped, cell;

	if (text.n == 0)
		return;
	nr_buf_init(&raw, NR_CLIENT_ANSWER);
	nr_buf_init(&wrapped, NR_CLIENT_ANSWER);
	nr_buf_init(&cell, LINE_MAX_BYTES);
	nr_sheet_escape(&raw, text);
	wrap(&wrapped, nr_buf_str(&raw), LABEL, ask->term.width);
	nr_term_whole(&cell, nr_str_from(label), LABEL);
	nr_term_styled(&ask->term, &ask->out, NR_STYLE_DIM, nr_buf_str(&cell));
	if (wrapped.n > LABEL)
		nr_buf_add(&ask->out, wrapped.p + LABEL, wrapped.n - LABEL);
	nr_buf_done(&cell);
	nr_buf_done(&wrapped);
	nr_buf_done(&raw);
}

void nr_ask_say(struct nr_ask *ask, enum nr_term_style style, const char *fmt, ...)
{
	struct nr_buf text, wrapped;
	char said[SAID];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(said, sizeof(said), fmt, args);
	va_end(args);
	nr_buf_init(&text, NR_CLIENT_ANSWER);
	nr_buf_init(&wrapped, NR_CLIENT_ANSWER);
	nr_sheet_escape(&text, nr_str_from(said));
	wrap(&wrapped, nr_buf_str(&text), 0, ask->term.width);
	nr_term_styled(&ask->term, &ask->out, style, nr_buf_str(&wrapped));
	nr_buf_done(&wrapped);
	nr_buf_done(&text);
}

void nr_ask_note(const struct nr_ask *ask, const char *words)
{
	char shown[SAID];

	nr_str_escape(nr_str_from(words), shown, sizeof(shown));
	(void)fprintf(stderr, "%s: %s\n", ask->command->help.name, shown);
}
