/* SPDX-License-Identifier: Apache-2.0 */
#include "base/option.h"

#include <stdlib.h>

#include "base/cmocka.h"

struct target {
	bool loud, cold;
	uint64_t count, size;
	double share;
	const char *name;
	struct nr_time at;
	int64_t span;
	int color;
	struct nr_option_list nets;
};

static const char *const colors[] = { "red", "green", "blue", NULL };

#define AT(member) offsetof(struct target, member)

static const struct nr_option options[] = {
	{ .name = "loud", .letter = 'l', .type = NR_OPT_FLAG, .offset = AT(loud), .help = "Loud." },
	{ .name = "cold", .letter = 'c', .type = NR_OPT_FLAG, .offset = AT(cold), .help = "Cold." },
	{ .name = "count",
	  .letter = 'n',
	  .type = NR_OPT_U64,
	  .value = "N",
	  .unit = "packets",
	  .lo = 1,
	  .hi = 5000000,
	  .fallback = "20",
	  .offset = AT(count),
	  .help = "Count." },
	{ .name = "size", .type = NR_OPT_U64, .offset = AT(size), .help = "Size." },
	{ .name = "share",
	  .type = NR_OPT_F64,
	  .lo = 0,
	  .hi = 1,
	  .offset = AT(share),
	  .help = "Share." },
	{ .name = "name",
	  .letter = 'o',
	  .type = NR_OPT_STR,
	  .value = "FILE",
	  .offset = AT(name),
	  .help = "Name." },
	{ .name = "at", .type = NR_OPT_TIME, .offset = AT(at), .help = "At." },
	{ .name = "span",
	  .type = NR_OPT_SPAN,
	  .fallback = "5m",
	  .offset = AT(span),
	  .help = "Span." },
	{ .name = "color",
	  .type = NR_OPT_ENUM,
	  .choices = colors,
	  .fallback = "green",
	  .offset = AT(color),
	  .help = "Color." },
	{ .name = "net",
	  .type = NR_OPT_LIST,
	  .value = "PREFIX",
	  .offset = AT(nets),
	  .help = "Nets." },
};

enum { WORDS = 12 };

struct parsed {
	struct target target;
	struct nr_option_list operands;
	struct nr_err err;
	int ret;
};

static void parse(const char *const words[], struct parsed *parsed)
{
	char *argv[WORDS + 1];
	int argc = 0;

	memset(parsed, 0, sizeof(*parsed));
	argv[argc++] = (char *)(uintptr_t) "test";
	for (size_t i = 0; i + 1 < WORDS && words[i] != NULL; i++)
		argv[argc++] = (char *)(uintptr_t)words[i];
	argv[argc] = NULL;
	parsed->ret = nr_option_parse(options, NR_COUNT(options), argc, argv, &parsed->target,
				      &parsed->operands, &parsed->err);
}

static void release(struct parsed *parsed)
{
	nr_option_release(options, NR_COUNT(options), &parsed->target, &parsed->operands);
	assert_null(parsed->operands.items);
	assert_null(parsed->target.nets.items);
}

static bool has(struct nr_str text, const char *part)
{
	return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

static void defaults_are_stored_first(void **state)
{
	struct parsed p;

	(void)state;
	parse((const char *const[]){ NULL }, &p);
	assert_int_equal(p.ret, 0);
	assert_false(p.target.loud);
	assert_int_equal(p.target.count, 20);
	assert_int_equal(p.target.span, 300 * NR_NS_PER_S);
	assert_int_equal(p.target.color, 1);
	assert_null(p.target.name);
	assert_int_equal(p.target.nets.n, 0);
	assert_int_equal(p.operands.n, 0);
	release(&p);
}

static void every_form_of_an_option_is_read(void **state)
{
	struct parsed p;

	(void)state;
	parse((const char *const[]){ "--count=3k", "-lc", "a.pcap", "-oout", "--size", "2Mi",
				     "--share", "0.25", "--at", "2026-01-01", "-", NULL },
	      &p);
	assert_int_equal(p.ret, 0);
	assert_int_equal(p.target.count, 3000);
	assert_true(p.target.loud && p.target.cold);
	assert_string_equal(p.target.name, "out");
	assert_int_equal(p.target.size, 2 << 20);
	assert_true(p.target.share == 0.25);
	assert_true(p.target.at.ns == INT64_C(1767225600) * NR_NS_PER_S);
	assert_int_equal(p.operands.n, 2);
	assert_true(nr_str_eq(p.operands.items[1], NR_STR("-")));
	release(&p);
}

static void lists_may_be_repeated_and_split_by_commas(void **state)
{
	struct parsed p;

	(void)state;
	parse((const char *const[]){ "--net", "a,b,", "--net=c", "--net", ",", NULL }, &p);
	assert_int_equal(p.ret, 0);
	assert_int_equal(p.target.nets.n, 3);
	assert_true(nr_str_eq(p.target.nets.items[2], NR_STR("c")));
	release(&p);
}

static void two_dashes_end_the_options(void **state)
{
	struct parsed p;

	(void)state;
	parse((const char *const[]){ "--", "--loud", "-x", NULL }, &p);
	assert_int_equal(p.ret, 0);
	assert_false(p.target.loud);
	assert_int_equal(p.operands.n, 2);
	release(&p);
}

static void help_is_told_apart_from_errors(void **state)
{
	static const char *const asked[] = { "--help", "-h", "-lh" };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(asked); i++) {
		struct parsed p;

		parse((const char *const[]){ asked[i], "--nonsense", NULL }, &p);
		assert_int_equal(p.ret, 1);
		release(&p);
	}
}

static void wrong_words_are_named_with_what_was_meant(void **state)
{
	static const struct {
		const char *word, *value, *msg;
	} cases[] = {
		{ "--cuont", "1", "unknown option --cuont; did you mean --count?" },
		{ "--col", NULL, "unknown option --col; did you mean --cold?" },
		{ "--zzzzz", NULL, "unknown option --zzzzz" },
		{ "--hlep", NULL, "unknown option --hlep; did you mean --help?" },
		{ "--\033[2J", NULL, "unknown option --\\x1b[2J" },
		{ "-z", NULL, "unknown option -z" },
		{ "--loud=1", NULL, "--loud takes no value" },
		{ "--count", NULL, "--count needs a value: --count N" },
		{ "-o", NULL, "-o needs a value: -o FILE" },
		{ "--count", "x", "--count 'x': want a whole number, such as 20, 64k or 2Mi" },
		{ "--count", "0", "--count '0' is out of range: 1 to 5000000 packets" },
		{ "--count", "6M", "--count '6M' is out of range: 1 to 5000000 packets" },
		{ "--count", "99999999999999999999999",
		  "--count '99999999999999999999999' is out of range: 1 to "
		  "5000000 packets" },
		{ "--size", "18446744073709551615k",
		  "--size '18446744073709551615k': want a number below 2^64" },
		{ "--size", "-1", "--size '-1': want a whole number, such as 20, 64k or 2Mi" },
		{ "--share", "1.5", "--share '1.5' is out of range: 0 to 1" },
		{ "--share", "nan", "--share 'nan': want a number, such as 0.5" },
		{ "--span", "90",
		  "--span '90': want a span with its unit, such as 90s, 15m, 6h or 2d" },
		{ "--color", "bleu",
		  "--color 'bleu': want red, green or blue; did you mean blue?" },
		{ "--color", "", "--color '': want red, green or blue" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct parsed p;

		parse((const char *const[]){ "--net", "a", cases[i].word, cases[i].value, NULL },
		      &p);
		assert_int_equal(p.ret, NR_EUSAGE);
		assert_string_equal(p.err.msg, cases[i].msg);
		release(&p);
	}
}

static void more_operands_than_the_limit_are_refused(void **state)
{
	enum { MANY = NR_OPTION_LIST_MAX + 2 };
	char **argv = calloc(MANY, sizeof(*argv));
	struct nr_option_list operands;
	struct nr_err err;

	(void)state;
	assert_non_null(argv);
	for (int i = 0; i < MANY; i++)
		argv[i] = (char *)(uintptr_t) "f";
	assert_int_equal(nr_option_parse(NULL, 0, MANY, argv, NULL, &operands, &err), NR_EUSAGE);
	assert_int_equal(operands.n, NR_OPTION_LIST_MAX);
	nr_option_release(NULL, 0, NULL, &operands);
	free(argv);
}

static const struct nr_command_help help = {
	.name = "noroshi test",
	.summary = "try things",
	.operands = "FILE...",
	.about =
		"One long paragraph that does not fit into forty columns at all.\n\n  kept as it is",
	.examples = "noroshi test a\n    try a\n",
	.options = options,
	.n_options = NR_COUNT(options),
};

static void help_fits_the_width_and_says_each_option(void **state)
{
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 1 << 20);
	nr_option_help(&help, 60, &out);
	assert_int_equal(out.err, 0);
	struct nr_str rest = nr_buf_str(&out);

	for (size_t i = 0; i < NR_COUNT(options); i++)
		assert_true(has(rest, options[i].name));
	assert_true(has(rest, "  kept as it is\n"));
	assert_true(has(rest, "Default: green."));
	while (rest.n > 0)
		assert_true(nr_str_cut(&rest, '\n').n <= 60);
	nr_buf_done(&out);
}

static void the_manual_page_escapes_what_roff_would_take(void **state)
{
	const struct nr_command_help odd = {
		.name = "noroshi odd",
		.summary = "back\\slash",
		.operands = "",
		.about = ".TH is no macro here\n'nor this",
		.options = options,
		.n_options = NR_COUNT(options),
	};
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 1 << 20);
	nr_option_man(&odd, &out);
	struct nr_str text = nr_buf_str(&out);

	assert_true(has(text, "\n\\&.TH is no macro here\n\\&'nor this\n"));
	assert_true(has(text, "back\\eslash"));
	assert_true(has(text, "\\fB\\-\\-count\\fR \\fIN\\fR"));
	nr_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_stored_first),
		cmocka_unit_test(every_form_of_an_option_is_read),
		cmocka_unit_test(lists_may_be_repeated_and_split_by_commas),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(help_is_told_apart_from_errors),
		cmocka_unit_test(wrong_words_are_named_with_what_was_meant),
		cmocka_unit_test(more_operands_than_the_limit_are_refused),
		cmocka_unit_test(help_fits_the_width_and_says_each_option),
		cmocka_unit_test(the_manual_page_escapes_what_roff_would_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
