/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * figures: what the commands that show figures share: scope and period, and the line that says whose
 * figures they are and how new.
 */
#include "cli/ask/grid.h"

enum nr_figures_scope { NR_SCOPE_USUAL, NR_SCOPE_OWN, NR_SCOPE_SHARED };

struct nr_figures_words {
	struct nr_ask_words common;
	const char *last, *since, *until;
	int scope; /* enum nr_figures_scope */
	uint64_t n;
};

extern const char *const nr_figures_scopes[]; /* NULL-terminated */

#define NR_FIGURES_OPTIONS(whole, part)                                                       \
	{ .name = "last",                                                                     \
	  .letter = 'l',                                                                      \
	  .type = NR_OPT_STR,                                                                 \
	  .value = "SPAN",                                                                    \
	  .fallback = "24h",                                                                  \
	  .offset = offsetof(whole, part.last),                                               \
	  .help = "The period until now, such as 90m, 24h or 7d." },                          \
		{ .name = "since",                                                            \
		  .type = NR_OPT_STR,                                                         \
		  .value = "TIME",                                                            \
		  .offset = offsetof(whole, part.since),                                      \
		  .help = "Begin of the period instead: 2026-01-02, 2026-01-02T03:00:00Z." }, \
		{ .name = "until",                                                            \
		  .type = NR_OPT_STR,                                                         \
		  .value = "TIME",                                                            \
		  .offset = offsetof(whole, part.until),                                      \
		  .help = "End of the period; now when it is not said." },                    \
	{                                                                                     \
		.name = "scope", .letter = 's', .type = NR_OPT_ENUM, .value = "WHOSE",        \
		.choices = nr_figures_scopes, .fallback = "usual",                            \
		.offset = offsetof(whole, part.scope),                                        \
		.help = "own: your sensors, exactly; shared: what most of the sensors that "  \
			"others share with you reach; usual: own if you have sensors."        \
	}

struct nr_figures_period {
	char since[64], until[64];
	struct nr_client_word words[3]; /* since, until, scope: of the question */
};

/** @return 0; NR_EUSAGE */
NR_MUST_CHECK int nr_figures_period(const struct nr_figures_words *words,
				    struct nr_figures_period *ret_period, struct nr_err *reterr);
/** "own figures of 3 sensors, 11-19 20:00 to 11-20 21:00 UTC", and what should be known of them. */
void nr_figures_head(struct nr_ask *ask, const json_t *answer, const char *what);
/** Make of a grid: what people call the port in member "key"; nothing for what is no port. */
void nr_figures_service(const struct nr_ask *ask, const json_t *row, struct nr_buf *out,
			enum nr_term_style *style);
/** Said instead of an empty table. */
void nr_figures_nothing(struct nr_ask *ask, const json_t *answer);
/** Rows of a top as the API gives them, by "ports", "asns" ... */
NR_MUST_CHECK int nr_figures_rows(struct nr_ask *ask, const char *by, const json_t *rows);
/** Sparks of one measure, scaled to the terminal, with its sum and peak. @p rows of a series. */
void nr_figures_spark(struct nr_ask *ask, const json_t *answer, const json_t *rows,
		      const char *measure);
