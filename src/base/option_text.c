/* SPDX-License-Identifier: Apache-2.0 */
#include "base/option.h"

#include <stdlib.h>

enum { HELP_COLUMN = 28, TEXT_MAX = 1 << 20 };

/* ---- terminal ---- */

/* Append the words of @p text, broken before @p width, continuation lines indented. Starts at @p column. */
static void wrap(struct nr_buf *out, struct nr_str text, unsigned column, unsigned indent,
		 unsigned width)
{
	bool first = true;

	for (struct nr_str word = nr_str_word(&text); word.n > 0; word = nr_str_word(&text)) {
		if (!first && column + 1 + word.n > width) {
			nr_buf_addf(out, "\n%*s", (int)indent, "");
			column = indent;
			first = true;
		}
		nr_buf_addf(out, "%s" NR_STR_FMT, first ? "" : " ", NR_STR_ARG(word));
		column += (unsigned)word.n + (first ? 0 : 1);
		first = false;
	}
	nr_buf_add_str(out, NR_STR("\n"));
}

/* Paragraphs are separated by blank lines; lines that begin with a blank are kept as they are. */
static void paragraphs(struct nr_buf *out, const char *text, unsigned width)
{
	struct nr_str rest = nr_str_from(text);

	while (rest.n > 0) {
		const char *stop = memmem(rest.p, rest.n, "\n\n", 2);
		struct nr_str para = { rest.p, stop != NULL ? (size_t)(stop - rest.p) : rest.n };

		rest.p += para.n;
		rest.n -= para.n;
		while (rest.n > 0 && rest.p[0] == '\n') {
			rest.p++;
			rest.n--;
		}
		nr_buf_add_str(out, NR_STR("\n"));
		if (para.n > 0 && para.p[0] == ' ') {
			nr_buf_add_str(out, para);
			nr_buf_add_str(out, NR_STR("\n"));
		} else {
			wrap(out, para, 0, 0, width);
		}
	}
}

static void choices_text(const struct nr_option *opt, struct nr_buf *out)
{
	for (size_t i = 0; opt->choices[i] != NULL; i++)
		nr_buf_addf(out, "%s%s",
			    i == 0			  ? ""
			    : opt->choices[i + 1] != NULL ? ", "
							  : " or ",
			    opt->choices[i]);
}

/* Help sentence with unit, bounds, choices and default behind it. */
static void sentence(const struct nr_option *opt, struct nr_buf *out)
{
	nr_buf_addf(out, "%s", opt->help);
	if (opt->type == NR_OPT_ENUM) {
		nr_buf_add_str(out, NR_STR(" One of "));
		choices_text(opt, out);
		nr_buf_add_str(out, NR_STR("."));
	}
	if (opt->lo != 0 || opt->hi != 0)
		nr_buf_addf(out, " From %.10g to %.10g%s%s.", opt->lo, opt->hi,
			    opt->unit != NULL ? " " : "", opt->unit != NULL ? opt->unit : "");
	else if (opt->unit != NULL)
		nr_buf_addf(out, " In %s.", opt->unit);
	if (opt->type == NR_OPT_LIST)
		nr_buf_add_str(out, NR_STR(" May be repeated, or separated by commas."));
	if (opt->fallback != NULL)
		nr_buf_addf(out, " Default: %s.", opt->fallback);
}

static void option_help(const struct nr_option *opt, unsigned width, struct nr_buf *out)
{
	struct nr_buf text;
	size_t begin = out->n;
	bool takes = opt->type != NR_OPT_FLAG;

	nr_buf_init(&text, TEXT_MAX);
	sentence(opt, &text);
	if (opt->letter != 0)
		nr_buf_addf(out, "  -%c, ", opt->letter);
	else
		nr_buf_add_str(out, NR_STR("      "));
	nr_buf_addf(out, "--%s%s%s", opt->name, takes ? " " : "",
		    takes ? opt->value != NULL ? opt->value : "VALUE" : "");
	unsigned column = (unsigned)(out->n - begin);

	if (column + 2 > HELP_COLUMN)
		nr_buf_addf(out, "\n%*s", HELP_COLUMN, "");
	else
		nr_buf_addf(out, "%*s", (int)(HELP_COLUMN - column), "");
	wrap(out, nr_buf_str(&text), HELP_COLUMN, HELP_COLUMN, width);
	nr_buf_done(&text);
}

void nr_option_help(const struct nr_command_help *help, unsigned width, struct nr_buf *out)
{
	static const struct nr_option help_row = { .name = "help",
						   .letter = 'h',
						   .help = "Show this text." };

	nr_buf_addf(out, "%s - %s\n\nUsage: %s%s%s%s\n", help->name, help->summary, help->name,
		    help->n_options > 0 ? " [OPTION...]" : "", help->operands[0] != '\0' ? " " : "",
		    help->operands);
	if (help->about != NULL)
		paragraphs(out, help->about, width);
	nr_buf_add_str(out, NR_STR("\nOptions:\n"));
	for (size_t i = 0; i < help->n_options; i++)
		option_help(&help->options[i], width, out);
	option_help(&help_row, width, out);
	if (help->examples != NULL)
		nr_buf_addf(out, "\nExamples:\n%s", help->examples);
}

/* ---- man(7) ---- */

/* Text that roff takes literally; @p line_start says that the next byte opens a line. */
static void roff(struct nr_buf *out, struct nr_str text, bool line_start)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (line_start && (c == '.' || c == '\''))
			nr_buf_add_str(out, NR_STR("\\&"));
		if (c == '\\')
			nr_buf_add_str(out, NR_STR("\\e"));
		else if (c == '-')
			nr_buf_add_str(out, NR_STR("\\-"));
		else if (c == '\'' && !line_start)
			nr_buf_add_str(out, NR_STR("\\(aq"));
		else
			nr_buf_add(out, &c, 1);
		line_start = c == '\n';
	}
}

static void roff_cstr(struct nr_buf *out, const char *text)
{
	roff(out, nr_str_from(text), false);
}

static void man_paragraphs(struct nr_buf *out, const char *text)
{
	struct nr_str rest = nr_str_from(text);

	while (rest.n > 0) {
		const char *stop = memmem(rest.p, rest.n, "\n\n", 2);
		struct nr_str para = { rest.p, stop != NULL ? (size_t)(stop - rest.p) : rest.n };
		bool as_is = para.n > 0 && para.p[0] == ' ';

		rest.p += para.n;
		rest.n -= para.n;
		while (rest.n > 0 && rest.p[0] == '\n') {
			rest.p++;
			rest.n--;
		}
		nr_buf_add_str(out, as_is ? NR_STR(".PP\n.nf\n") : NR_STR(".PP\n"));
		roff(out, para, true);
		nr_buf_add_str(out, as_is ? NR_STR("\n.fi\n") : NR_STR("\n"));
	}
}

static void option_man(const struct nr_option *opt, struct nr_buf *out)
{
	struct nr_buf text;

	nr_buf_init(&text, TEXT_MAX);
	sentence(opt, &text);
	nr_buf_add_str(out, NR_STR(".TP\n"));
	if (opt->letter != 0)
		nr_buf_addf(out, "\\fB\\-%c\\fR, ", opt->letter);
	nr_buf_add_str(out, NR_STR("\\fB\\-\\-"));
	roff_cstr(out, opt->name);
	nr_buf_add_str(out, NR_STR("\\fR"));
	if (opt->type != NR_OPT_FLAG) {
		nr_buf_add_str(out, NR_STR(" \\fI"));
		roff_cstr(out, opt->value != NULL ? opt->value : "VALUE");
		nr_buf_add_str(out, NR_STR("\\fR"));
	}
	nr_buf_add_str(out, NR_STR("\n"));
	roff(out, nr_buf_str(&text), true);
	nr_buf_add_str(out, NR_STR("\n"));
	nr_buf_done(&text);
}

/* "noroshi prefixes build" -> NOROSHI-PREFIXES-BUILD */
static void page_name(const char *name, bool upper, struct nr_buf *out)
{
	for (const char *p = name; *p != '\0'; p++) {
		char c = *p == ' '			   ? '-'
			 : upper && *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A')
							   : *p;

		roff(out, (struct nr_str){ &c, 1 }, false);
	}
}

static void man_examples(const char *examples, struct nr_buf *out)
{
	struct nr_str rest = nr_str_from(examples);

	nr_buf_add_str(out, NR_STR(".SH EXAMPLES\n"));
	while (rest.n > 0) {
		struct nr_str line = nr_str_cut(&rest, '\n'), text = nr_str_trim(line);

		if (text.n == 0)
			continue;
		if (line.p[0] != ' ')
			nr_buf_add_str(out, NR_STR(".TP\n\\fB"));
		roff(out, text, line.p[0] == ' ');
		nr_buf_add_str(out, line.p[0] != ' ' ? NR_STR("\\fR\n") : NR_STR("\n"));
	}
}

void nr_option_man(const struct nr_command_help *help, struct nr_buf *out)
{
	static const struct nr_option help_row = { .name = "help",
						   .letter = 'h',
						   .help = "Show a short help text." };

	nr_buf_add_str(out, NR_STR(".TH "));
	page_name(help->name, true, out);
	nr_buf_add_str(out, NR_STR(" 1 \"\" \"Noroshi\" \"Noroshi Manual\"\n.SH NAME\n"));
	page_name(help->name, false, out);
	nr_buf_add_str(out, NR_STR(" \\- "));
	roff_cstr(out, help->summary);
	nr_buf_add_str(out, NR_STR("\n.SH SYNOPSIS\n\\fB"));
	roff_cstr(out, help->name);
	nr_buf_addf(out, "\\fR%s%s\\fI", help->n_options > 0 ? " [\\fIOPTION\\fR...]" : "",
		    help->operands[0] != '\0' ? " " : "");
	roff_cstr(out, help->operands);
	nr_buf_add_str(out, NR_STR("\\fR\n"));
	if (help->about != NULL) {
		nr_buf_add_str(out, NR_STR(".SH DESCRIPTION\n"));
		man_paragraphs(out, help->about);
	}
	nr_buf_add_str(out, NR_STR(".SH OPTIONS\n"));
	for (size_t i = 0; i < help->n_options; i++)
		option_man(&help->options[i], out);
	option_man(&help_row, out);
	nr_buf_add_str(
		out,
		NR_STR(".SH EXIT STATUS\n0 when done, 1 when something failed, 2 when the words "
		       "of the "
		       "command are wrong.\n"));
	if (help->examples != NULL)
		man_examples(help->examples, out);
}
