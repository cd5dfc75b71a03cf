/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * ask: the frame of the commands that put a question to a hub and show the answer to a person.
 *
 * Shape    a command parses its words, asks once or a few times (nr_ask_get), and writes to ask->out,
 *          which goes to standard output when all went well. With --json the answer's bytes are the
 *          output, and nothing is laid out.
 * Safety   what is written to ask->out and came from the hub goes through nr_sheet_* or
 *          nr_ask_escaped. JSON that goes to a terminal has its C1 and bidirectional characters
 *          written as \uXXXX, which is the same JSON; to a file or pipe it goes unchanged.
 * Width    of the terminal; to a file or pipe COLUMNS, and tables without it as wide as they are
 * Language English
 */
#include <jansson.h>

#include "cli/ask/commands.h"
#include "cli/ask/sheet.h"
#include "cli/client.h"

/* Words every such command has. */
struct nr_ask_words {
	const char *hub, *token_file, *cacert;
	bool json, no_color;
};

/** The rows of these words, for a table of options whose target is @p whole with @p part of them. */
#define NR_ASK_OPTIONS(whole, part)                                                                \
	{ .name = "hub",                                                                           \
	  .type = NR_OPT_STR,                                                                      \
	  .value = "DIR|URL",                                                                      \
	  .offset = offsetof(whole, part.hub),                                                     \
	  .help = "Which hub: its directory on this machine, or https://HOST:PORT. Else "          \
		  "NOROSHI_HUB, else /var/lib/noroshi." },                                         \
		{ .name = "token-file",                                                            \
		  .type = NR_OPT_STR,                                                              \
		  .value = "FILE",                                                                 \
		  .offset = offsetof(whole, part.token_file),                                      \
		  .help = "The token for a hub far away, in a file that nobody else can read. "    \
			  "Else NOROSHI_TOKEN_FILE, else ~/.config/noroshi/token." },              \
		{ .name = "cacert",                                                                \
		  .type = NR_OPT_STR,                                                              \
		  .value = "FILE",                                                                 \
		  .offset = offsetof(whole, part.cacert),                                          \
		  .help = "The hub's authority (keys/authority.pem). Else "                        \
			  "~/.config/noroshi/authority.pem, else those of this machine." },        \
		{ .name = "json",                                                                  \
		  .letter = 'j',                                                                   \
		  .type = NR_OPT_FLAG,                                                             \
		  .offset = offsetof(whole, part.json),                                            \
		  .help = "The hub's answer as it is." },                                          \
	{                                                                                          \
		.name = "no-color", .type = NR_OPT_FLAG, .offset = offsetof(whole, part.no_color), \
		.help = "No colours. NO_COLOR in the environment says the same."                   \
	}

struct nr_ask {
	const struct nr_cli_command *command;
	const void *words; /* of the command */
	const struct nr_ask_words *common;
	struct nr_option_list operands;
	struct nr_term term;
	struct nr_client *client; /* made by the first question */
	struct nr_buf out;
	struct nr_time now;
};

typedef int nr_ask_act(struct nr_ask *ask, struct nr_err *reterr);

/** Parse into @p words, which begin with @p common; act; print, or say what went wrong. @return the exit status */
int nr_ask_run(const struct nr_cli_command *command, int argc, char **argv, void *words,
	       const struct nr_ask_words *common, nr_ask_act *act);

/** The i-th operand; NULL: there are not so many. */
const char *nr_ask_operand(const struct nr_ask *ask, size_t i);
/** From @p least to @p most operands. @return 0; NR_EUSAGE "name WHAT" */
NR_MUST_CHECK int nr_ask_operands(const struct nr_ask *ask, size_t least, size_t most,
				  const char *what, struct nr_err *reterr);

/* ---- questions ---- */

NR_MUST_CHECK int nr_ask_client(struct nr_ask *ask, struct nr_err *reterr);
/**
 * Ask, and read what comes. With --json it is put out as it is and *ret_json is NULL: there is nothing
 * left to lay out. Give back with json_decref().
 */
NR_MUST_CHECK int nr_ask_get(struct nr_ask *ask, const struct nr_client_request *rq,
			     json_t **ret_json, struct nr_err *reterr);
/** The same, never put out: what is needed on the way. @p ret_etag may be NULL. */
NR_MUST_CHECK int nr_ask_quietly(struct nr_ask *ask, const struct nr_client_request *rq,
				 json_t **ret_json, char *ret_etag, struct nr_err *reterr);
/**
 * POST, PATCH, PUT or DELETE with a JSON object (NULL: none), which is given back. *ret_json as of
 * nr_ask_get(), and NULL too when the answer is empty.
 */
NR_MUST_CHECK int nr_ask_send(struct nr_ask *ask, struct nr_client_request rq, json_t *body,
			      json_t **ret_json, struct nr_err *reterr);

/** A list of the hub whose objects people name by the beginning of their id. */
struct nr_ask_picked {
	const char *path, *member; /* "/api/v1/asks", "asks" */
	const char *what, *how;	   /* "question", "'noroshi asks list'" */
};
enum { NR_ASK_ID = 64 };
/** The whole id of the only one that begins with @p typed. @return 0; -ENOENT; NR_EUSAGE more than one */
NR_MUST_CHECK int nr_ask_pick(struct nr_ask *ask, const struct nr_ask_picked *of, const char *typed,
			      char out[NR_ASK_ID], struct nr_err *reterr);
/** JSON from the hub: of any size that an answer may have. */
NR_MUST_CHECK int nr_ask_parse(struct nr_str text, json_t **ret_json, struct nr_err *reterr);
/** JSON as it is, harmless where it goes to a terminal. */
void nr_ask_put_json(struct nr_ask *ask, struct nr_str text);

/* ---- reading answers ---- */

/** Member "live.connected" of an object; NULL: absent or null. */
const json_t *nr_ask_at(const json_t *json, const char *path);
/** A text, "" when there is none. */
struct nr_str nr_ask_text(const json_t *json, const char *path);
/** A number, 0 when there is none. */
double nr_ask_number(const json_t *json, const char *path);
bool nr_ask_true(const json_t *json, const char *path);
/** A time, 0 when there is none. */
struct nr_time nr_ask_when(const json_t *json, const char *path);

/* ---- laying out ---- */

/** "11-20 17:03"; with another year "2025-11-20"; "" for none. Put into @p text of NR_TIME_TEXT bytes. */
void nr_ask_clock(const struct nr_ask *ask, struct nr_time t, char *text);
/** "12 s", "3 min", "2 h 5 min" since @p t; "" for none. */
void nr_ask_ago(const struct nr_ask *ask, struct nr_time t, char *text);
void nr_ask_escaped(struct nr_ask *ask, struct nr_str s);
/** A heading behind a blank line (none at the top). */
void nr_ask_heading(struct nr_ask *ask, const char *text);
/** "label     text", wrapped beside the label; the text is escaped here. Nothing for an empty text. */
void nr_ask_labelled(struct nr_ask *ask, const char *label, struct nr_str text);
/** Words of ours as a wrapped paragraph. */
void nr_ask_say(struct nr_ask *ask, enum nr_term_style style, const char *fmt, ...) NR_PRINTF(3, 4);
/** To standard error, for the person: "noroshi show: WORDS". */
void nr_ask_note(const struct nr_ask *ask, const char *words);
