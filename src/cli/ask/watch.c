/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noroshi watch: what happens, as it happens.
 *
 * Resume   the newest id is kept; when the hub goes away it is asked again, 1 s to 15 s apart, and goes
 *          on behind that id: nothing is missed and nothing comes twice
 * JSON     one line an event: {"event":KIND,"id":ID,"data":AS THE HUB SAID IT}; --after ID goes on there
 */
#include <stdio.h>
#include <unistd.h>

#include "cli/ask/findings.h"

enum { ID_MAX = 256, NAME_MAX_BYTES = 32, PAUSE_MAX_S = 15, ENOUGH = 1, TEXT = 512 };

static const char *const kinds[] = { "usual", "finding", "sensor", "status", "ask", "all", NULL };
enum { ONLY_USUAL, ONLY_ALL = 5 };

struct words {
	struct nr_ask_words common;
	const char *after, *kind;
	uint64_t count;
	int only;
};

static const struct nr_option options[] = {
	{ .name = "only",
	  .letter = 'o',
	  .type = NR_OPT_ENUM,
	  .value = "EVENTS",
	  .choices = kinds,
	  .fallback = "usual",
	  .offset = offsetof(struct words, only),
	  .help = "Which events; usual: all but status." },
	{ .name = "kind",
	  .letter = 'k',
	  .type = NR_OPT_STR,
	  .value = "KIND",
	  .offset = offsetof(struct words, kind),
	  .help = "Of findings only attack, carpet, infection, campaign ..." },
	{ .name = "after",
	  .type = NR_OPT_STR,
	  .value = "ID",
	  .offset = offsetof(struct words, after),
	  .help = "Begin behind this id of an event, or 'next' of a list of findings; else now." },
	{ .name = "count",
	  .letter = 'n',
	  .type = NR_OPT_U64,
	  .value = "N",
	  .offset = offsetof(struct words, count),
	  .help = "End after so many events; 0: never." },
	NR_ASK_OPTIONS(struct words, common),
};

struct watch {
	struct nr_ask *ask;
	const struct words *words;
	char last_id[ID_MAX];
	char event[NAME_MAX_BYTES];
	struct nr_buf data;
	uint64_t shown;
	bool away, heard; /* told that the hub is away; since this connection a line came */
};

/* ---- an event ---- */

/* "bravo asks about 23/tcp: WORDS (open, answered 0)" */
static void ask_text(const json_t *data, struct nr_buf *out)
{
	struct nr_str words = nr_ask_text(data, "words");
	bool own = nr_ask_true(data, "own");

	nr_buf_addf(out, NR_STR_FMT " %s about " NR_STR_FMT,
		    NR_STR_ARG(own ? NR_STR("you") : nr_ask_text(data, "member")),
		    own ? "ask" : "asks", NR_STR_ARG(nr_ask_text(data, "what")));
	if (words.n > 0)
		nr_buf_addf(out, ": " NR_STR_FMT, NR_STR_ARG(words));
	nr_buf_addf(out, " (" NR_STR_FMT ", answered %.0f)", NR_STR_ARG(nr_ask_text(data, "state")),
		    nr_ask_number(data, "answered"));
}

static void event_text(const struct watch *watch, const json_t *data, struct nr_buf *out)
{
	struct nr_str name = nr_ask_text(data, "name");

	if (strcmp(watch->event, "finding") == 0) {
		nr_findings_line(data, out);
	} else if (strcmp(watch->event, "sensor") == 0) {
		bool here = nr_ask_true(data, "live.connected");

		nr_buf_addf(out, NR_STR_FMT " %s", NR_STR_ARG(name),
			    here ? "is connected" : "IS AWAY");
		if (!nr_str_eq(nr_ask_text(data, "state"), NR_STR("enrolled")))
			nr_buf_addf(out, " (" NR_STR_FMT ")",
				    NR_STR_ARG(nr_ask_text(data, "state")));
	} else if (strcmp(watch->event, "ask") == 0) {
		ask_text(data, out);
	} else if (strcmp(watch->event, "status") == 0) {
		nr_buf_addf(out, NR_STR_FMT ": %.0f sensors connected%s", NR_STR_ARG(name),
			    nr_ask_number(data, "sensors_connected"),
			    nr_ask_true(data, "journal.disk_full") ? ", THE DISK IS FULL" : "");
	}
}

static enum nr_term_style style_of(const struct watch *watch, const json_t *data)
{
	if (strcmp(watch->event, "sensor") == 0 && !nr_ask_true(data, "live.connected"))
		return NR_STYLE_RED;
	return strcmp(watch->event, "finding") == 0 &&
			       !nr_str_eq(nr_ask_text(data, "kind"), NR_STR("infection"))
		       ? NR_STYLE_BOLD
		       : NR_STYLE_PLAIN;
}

/* "17:03:05 finding  TEXT", cut at the edge of the terminal. */
static void print_line(struct watch *watch, const json_t *data)
{
	struct nr_ask *ask = watch->ask;
	struct nr_buf raw, text, line;
	char clock[NR_TIME_TEXT];

	nr_buf_init(&raw, NR_CLIENT_LINE);
	nr_buf_init(&text, NR_CLIENT_ANSWER);
	nr_buf_init(&line, NR_CLIENT_ANSWER);
	event_text(watch, data, &raw);
	(void)nr_time_print(nr_time_now(), clock);
	nr_buf_addf(&text, "%.8s %-8s", clock + 11, watch->event);
	nr_sheet_escape(&text, nr_buf_str(&raw));
	if (ask->term.unbounded)
		nr_buf_add_str(&line, nr_buf_str(&text));
	else
		nr_term_cell(&line, nr_buf_str(&text), ask->term.width, NR_LEFT);
	while (line.n > 0 && line.p[line.n - 1] == ' ')
		line.n--;
	nr_term_styled(&ask->term, &ask->out, style_of(watch, data), nr_buf_str(&line));
	nr_buf_add(&ask->out, "\n", 1);
	if (!ask->term.unicode)
		nr_term_ascii(&ask->out);
	nr_buf_done(&raw);
	nr_buf_done(&text);
	nr_buf_done(&line);
}

static void print_json(struct watch *watch)
{
	struct nr_buf *out = &watch->ask->out;

	nr_buf_addf(out, "{\"event\":\"%s\",\"id\":\"%s\",\"data\":", watch->event, watch->last_id);
	nr_ask_put_json(watch->ask, nr_buf_str(&watch->data));
	nr_buf_add_str(out, NR_STR("}\n"));
}

static bool is_wanted(const struct watch *watch, const json_t *data)
{
	const struct words *words = watch->words;

	if (words->only == ONLY_USUAL && strcmp(watch->event, "status") == 0)
		return false;
	if (words->only != ONLY_USUAL && words->only != ONLY_ALL &&
	    strcmp(watch->event, kinds[words->only]) != 0)
		return false;
	return words->kind == NULL || strcmp(watch->event, "finding") != 0 ||
	       nr_str_eq(nr_ask_text(data, "kind"), nr_str_from(words->kind));
}

/* @return ENOUGH: as many as were asked for; 0; negative */
static int end_event(struct watch *watch)
{
	json_t *data = NULL;
	int ret = 0;

	if (watch->data.n > 0 && watch->event[0] != '\0')
		ret = nr_ask_parse(nr_buf_str(&watch->data), &data, NULL) < 0 ? -EIO : 0;
	if (data != NULL && is_wanted(watch, data)) {
		if (watch->ask->common->json)
			print_json(watch);
		else
			print_line(watch, data);
		ret = nr_cli_flush(&watch->ask->out);
		watch->shown++;
	}
	json_decref(data);
	nr_buf_reset(&watch->data);
	watch->event[0] = '\0';
	return ret == 0 && watch->words->count > 0 && watch->shown >= watch->words->count ? ENOUGH
											  : ret;
}

/* What goes into a field of the next request, and onto the terminal. */
static bool is_plain(struct nr_str s, size_t cap)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return s.n < cap;
}

static int on_line(void *ctx, struct nr_str line)
{
	struct watch *watch = ctx;
	struct nr_str value = line, name;

	if (watch->away)
		nr_ask_note(watch->ask, "the hub is back");
	watch->away = false;
	watch->heard = true;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		value.n--;
	if (value.n == 0)
		return end_event(watch);
	name = nr_str_cut(&value, ':');
	if (value.n > 0 && value.p[0] == ' ') {
		value.p++;
		value.n--;
	}
	if (nr_str_eq(name, NR_STR("data"))) {
		if (watch->data.n > 0)
			nr_buf_add(&watch->data, "\n", 1);
		nr_buf_add_str(&watch->data, value);
	} else if (nr_str_eq(name, NR_STR("event")) && is_plain(value, sizeof(watch->event))) {
		(void)snprintf(watch->event, sizeof(watch->event), NR_STR_FMT, NR_STR_ARG(value));
	} else if (nr_str_eq(name, NR_STR("id")) && is_plain(value, sizeof(watch->last_id))) {
		(void)snprintf(watch->last_id, sizeof(watch->last_id), NR_STR_FMT,
			       NR_STR_ARG(value));
	}
	return watch->data.err;
}

/* ---- the connection ---- */

/* Another try cannot help: the words, the token or the version are wrong. */
static bool is_final(int ret)
{
	return ret == NR_EUSAGE || ret == -EACCES || ret == -ENOENT || ret == NR_ELIMIT ||
	       ret == -ENOMEM || ret == -EPIPE;
}

static int follow(struct watch *watch, struct nr_err *reterr)
{
	const struct nr_client_word words[] = {
		{ "since", watch->last_id[0] == '\0' ? watch->words->after : NULL }
	};
	const struct nr_client_request rq = { .path = "/api/v1/events",
					      .words = words,
					      .n_words = NR_COUNT(words) };
	unsigned pause_s = 1;

	for (;;) {
		watch->heard = false;
		int ret = nr_client_follow(watch->ask->client, &rq, watch->last_id, on_line, watch,
					   reterr);

		if (ret == ENOUGH)
			return 0;
		if (ret < 0 && is_final(ret))
			return ret;
		/* an event that was cut off comes again */
		nr_buf_reset(&watch->data);
		watch->event[0] = '\0';
		if (watch->heard)
			pause_s = 1;
		if (!watch->away && ret < 0)
			nr_ask_note(watch->ask, reterr->msg);
		if (!watch->away)
			nr_ask_note(watch->ask, "trying again until the hub is back; Ctrl-C ends");
		watch->away = true;
		(void)sleep(pause_s);
		pause_s = pause_s * 2 > PAUSE_MAX_S ? PAUSE_MAX_S : pause_s * 2;
	}
}

static int act(struct nr_ask *ask, struct nr_err *reterr)
{
	struct watch watch = { .ask = ask, .words = ask->words };
	int ret = nr_ask_operands(ask, 0, 0, "", reterr);

	if (ret == 0)
		ret = nr_ask_client(ask, reterr);
	if (ret < 0)
		return ret;
	nr_buf_init(&watch.data, NR_CLIENT_LINE);
	ret = follow(&watch, reterr);
	nr_buf_done(&watch.data);
	return ret;
}

static int run(int argc, char **argv)
{
	struct words words = { .after = NULL };

	return nr_ask_run(&nr_cli_watch, argc, argv, &words, &words.common, act);
}

static const char about[] =
	"A line for each finding that is new or changed, each sensor that comes or goes, each question of\n"
	"another member. When the hub is away it waits for it, and goes on where it was.\n"
	"\n"
	"With --json: one line an event, {\"event\":...,\"id\":...,\"data\":...}, data as the hub said it. Who keeps\n"
	"the id of the last one goes on behind it with --after.";

const struct nr_cli_command nr_cli_watch = {
	.help = { .name = "noroshi watch",
		  .summary = "what happens, as it happens",
		  .operands = "",
		  .about = about,
		  .examples = "noroshi watch --kind attack\nnoroshi watch --json --count 1\n",
		  .options = options,
		  .n_options = NR_COUNT(options) },
	.run = run,
};
