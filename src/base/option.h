/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * option: command options exist only as table rows; parser, -h text, man page and shell completion
 * are made from the same rows.
 *
 * Grammar  --name VALUE, --name=VALUE, -x VALUE, -xVALUE, flags without value, `--` ends options.
 *          Options and operands may be mixed. Unknown names are errors that give the nearest match.
 * Target   each row stores into a struct of the caller at `offset`; defaults are stored first.
 *          NR_OPT_LIST appends to a struct nr_option_list.
 */
#include "base/buf.h"
#include "base/time.h"

enum nr_option_type {
	NR_OPT_FLAG, /* bool */
	NR_OPT_U64, /* uint64_t within [lo, hi]; accepts k, M, G suffix (powers of 1000) and Ki, Mi, Gi */
	NR_OPT_F64,  /* double within [lo, hi] */
	NR_OPT_STR,  /* const char *, borrowed from argv */
	NR_OPT_TIME, /* struct nr_time */
	NR_OPT_SPAN, /* int64_t nanoseconds */
	NR_OPT_ENUM, /* int: index into choices, a NULL-terminated list */
	NR_OPT_LIST, /* struct nr_option_list: may be given more than once; commas split */
};

enum { NR_OPTION_LIST_MAX = 4096 };

struct nr_option_list {
	struct nr_str *items; /* owned; the text is borrowed from argv */
	size_t n;
};

struct nr_option {
	const char *name; /* long name without dashes */
	char letter;	  /* 0 when there is none */
	enum nr_option_type type;
	const char *value;    /* placeholder in help: "FILE", "PREFIX" */
	const char *unit;     /* "packets", "s"; NULL when none */
	double lo, hi;	      /* bounds of numbers; both 0: none */
	const char *fallback; /* default as text, NULL: zero value */
	const char *const *choices;
	size_t offset;
	const char *help; /* one sentence, English */
};

struct nr_command_help {
	const char *name;     /* "noroshi observe" */
	const char *summary;  /* one line */
	const char *operands; /* "FILE..." or "" */
	const char *about;    /* paragraphs; blank line between; NULL when none */
	const char *examples; /* "command\n    what it does\n" pairs; NULL when none */
	const struct nr_option *options;
	size_t n_options;
};

/**
 * Parse argv[1..argc) into @p target and @p ret_operands (both owned by the caller; release lists
 * with nr_option_release). @return 0; 1 when -h or --help was asked; NR_EUSAGE
 */
NR_MUST_CHECK int nr_option_parse(const struct nr_option *options, size_t n, int argc, char **argv,
				  void *target, struct nr_option_list *ret_operands,
				  struct nr_err *reterr);
void nr_option_release(const struct nr_option *options, size_t n, void *target,
		       struct nr_option_list *operands);
void nr_option_help(const struct nr_command_help *help, unsigned width, struct nr_buf *out);
/** A man(7) page, section 1, of the same table. */
void nr_option_man(const struct nr_command_help *help, struct nr_buf *out);
/**
 * The name that @p word was most likely meant to be, NULL when none is near. @p name gives the i-th of @p n
 * candidates. For error messages: "unknown command 'obsrve'; did you mean observe?"
 */
const char *nr_option_nearest(struct nr_str word, const char *(*name)(const void *ctx, size_t i),
			      const void *ctx, size_t n);
