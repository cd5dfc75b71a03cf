/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * term: text laid out for a terminal: columns that fit wide characters, colour, small charts, numbers for people.
 *
 * Shape    everything is written in UTF-8; nr_term_ascii() turns the symbols used here into ASCII at the end,
 *          for a locale that is not UTF-8
 * Units    widths count terminal columns: East Asian wide characters take two, combining marks none
 * Source   Unicode 15 East Asian Width (wide and full-width ranges)
 */
#include "base/buf.h"
#include "base/time.h"

enum nr_term_lang { NR_TERM_EN, NR_TERM_JA, NR_TERM_ASK };

struct nr_term {
	unsigned width;
	enum nr_term_lang lang;
	bool color, unicode;
	bool unbounded; /* tables may be wider: it is no terminal */
};

/** From the environment and standard output; NR_TERM_ASK: language of the locale. */
struct nr_term nr_term_choose(enum nr_term_lang lang, bool no_color);
/** The same from given values, for tests: any of them may be NULL or empty. */
struct nr_term nr_term_from(enum nr_term_lang lang, const char *lc_all, const char *lc_ctype,
			    const char *lc_messages, const char *lang_var);

unsigned nr_term_columns(struct nr_str s);

enum nr_term_style { NR_STYLE_PLAIN, NR_STYLE_BOLD, NR_STYLE_DIM, NR_STYLE_RED, NR_STYLE_YELLOW };
/** Append @p s in a style, if the terminal has colour. */
void nr_term_styled(const struct nr_term *term, struct nr_buf *out, enum nr_term_style style,
		    struct nr_str s);

enum nr_term_align { NR_LEFT, NR_RIGHT };
/** @p s in exactly @p width columns: padded, or cut with an ellipsis. */
void nr_term_cell(struct nr_buf *out, struct nr_str s, unsigned width, enum nr_term_align align);
/** The same, but never cut: addresses stay whole. */
void nr_term_whole(struct nr_buf *out, struct nr_str s, unsigned width);
/** Words of @p text broken to the width, each line indented; Japanese may break anywhere. */
void nr_term_wrap(struct nr_buf *out, struct nr_str text, unsigned indent, unsigned width);

/** One character a value, in eighths of the largest; 0 is blank. */
void nr_term_spark(struct nr_buf *out, const double *values, size_t n);
/** The character of the i-th of them alone. */
void nr_term_spark_of(struct nr_buf *out, const double *values, size_t n, size_t i);
/** A bar of @p share (0..1) of @p width columns, padded to the width. */
void nr_term_bar(struct nr_buf *out, double share, unsigned width);

/** 1,234,567 */
void nr_term_count(struct nr_buf *out, uint64_t v);
/** At most five columns: 9,999 12.3k 1.20M; fractions below ten: 3.4, 0.12 */
void nr_term_short(struct nr_buf *out, double v);
/** 52.1 MB */
void nr_term_bytes(struct nr_buf *out, double v);
/** 81.2 %; small shares keep two digits: 0.0034 % */
void nr_term_percent(struct nr_buf *out, double share);
/** +12 %, −40 %, ×3.2 for large growth, "new"-like cases are the caller's */
void nr_term_change(struct nr_buf *out, double before, double after);

/** "1 h 12 min", in Japanese "1時間12分". */
void nr_term_span(const struct nr_term *term, struct nr_buf *out, int64_t ns);

void nr_term_ascii(struct nr_buf *text);
