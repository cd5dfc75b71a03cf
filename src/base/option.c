/* SPDX-License-Identifier: Apache-2.0 */
#include "base/option.h"

#include <stdlib.h>

enum { NAME_MAX_BYTES = 64 };

struct parser {
	const struct nr_option *options;
	size_t n;
	void *target;
	struct nr_err *err;
};

static void *slot_of(const struct nr_option *opt, void *target)
{
	return (char *)target + opt->offset;
}

static int list_add(struct nr_option_list *list, struct nr_str item, struct nr_err *err)
{
	if (list->n >= NR_OPTION_LIST_MAX)
		return nr_fail(err, NR_EUSAGE,
			       "more than %d values; give a directory instead of its files",
			       NR_OPTION_LIST_MAX);
	if ((list->n & (list->n - 1)) == 0) { /* full at every power of two */
		size_t cap = list->n == 0 ? 1 : list->n * 2;
		struct nr_str *items = realloc(list->items, cap * sizeof(*items));

		if (items == NULL)
			return nr_fail(err, -ENOMEM, "no memory for %zu values", cap);
		list->items = items;
	}
	list->items[list->n++] = item;
	return 0;
}

/* Letters in the shortest edit of a into b (insert, delete, replace, swap neighbours). */
static unsigned edit_distance(struct nr_str a, struct nr_str b)
{
	unsigned rows[3][NAME_MAX_BYTES + 1];

	if (a.n > NAME_MAX_BYTES || b.n > NAME_MAX_BYTES)
		return NAME_MAX_BYTES;
	for (unsigned j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned *now = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];

		now[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned best = up[j - 1] + (a.p[i - 1] != b.p[j - 1]);

			best = up[j] + 1 < best ? up[j] + 1 : best;
			best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1] && up2[j - 2] + 1 < best)
				best = up2[j - 2] + 1;
			now[j] = best;
		}
	}
	return rows[a.n % 3][b.n];
}

const char *nr_option_nearest(struct nr_str word, const char *(*name)(const void *ctx, size_t i),
			      const void *ctx, size_t n)
{
	const char *best = NULL;
	unsigned best_cost = (unsigned)(word.n < 4 ? 1 : word.n / 3 + 1) + 1;

	for (size_t i = 0; i < n; i++) {
		struct nr_str cand = nr_str_from(name(ctx, i));
		unsigned cost = edit_distance(word, cand);

		if (cost > 1 && word.n >= 3 && nr_str_starts(cand, word))
			cost = 1; /* the beginning of a name is a good guess */
		if (cost < best_cost) {
			best_cost = cost;
			best = cand.p;
		}
	}
	return best;
}

static const char *option_name(const void *ctx, size_t i)
{
	const struct parser *ps = ctx;

	return i < ps->n ? ps->options[i].name : "help";
}

static const char *choice_name(const void *ctx, size_t i)
{
	const char *const *choices = ctx;

	return choices[i];
}

static int bad(struct parser *ps, const struct nr_option *opt, struct nr_str text, const char *want)
{
	char shown[128];

	nr_str_escape(text, shown, sizeof(shown));
	return nr_fail(ps->err, NR_EUSAGE, "--%s '%s': want %s", opt->name, shown, want);
}

static int out_of_range(struct parser *ps, const struct nr_option *opt, struct nr_str text)
{
	char shown[128];

	nr_str_escape(text, shown, sizeof(shown));
	return nr_fail(ps->err, NR_EUSAGE, "--%s '%s' is out of range: %.10g to %.10g%s%s",
		       opt->name, shown, opt->lo, opt->hi, opt->unit != NULL ? " " : "",
		       opt->unit != NULL ? opt->unit : "");
}

static int set_u64(struct parser *ps, const struct nr_option *opt, struct nr_str text)
{
	static const struct {
		const char *suffix;
		uint64_t factor;
	} suffixes[] = {
		{ "Ki", UINT64_C(1) << 10 },
		{ "Mi", UINT64_C(1) << 20 },
		{ "Gi", UINT64_C(1) << 30 },
		{ "k", 1000 },
		{ "M", 1000000 },
		{ "G", 1000000000 },
	};
	struct nr_str digits = text;
	uint64_t factor = 1, value;

	for (size_t i = 0; i < NR_COUNT(suffixes) && factor == 1; i++) {
		struct nr_str suffix = nr_str_from(suffixes[i].suffix);

		if (nr_str_ends(text, suffix)) {
			factor = suffixes[i].factor;
			digits.n -= suffix.n;
		}
	}
	int ret = nr_str_u64(digits, 0, UINT64_MAX / factor, &value);

	if (ret == -EINVAL)
		return bad(ps, opt, text, "a whole number, such as 20, 64k or 2Mi");
	bool bounded = opt->lo != 0 || opt->hi != 0;

	if (ret < 0 && !bounded)
		return bad(ps, opt, text, "a number below 2^64");
	if (ret < 0)
		return out_of_range(ps, opt, text);
	value *= factor;
	if (bounded && ((double)value < opt->lo || (double)value > opt->hi))
		return out_of_range(ps, opt, text);
	*(uint64_t *)slot_of(opt, ps->target) = value;
	return 0;
}

static int set_f64(struct parser *ps, const struct nr_option *opt, struct nr_str text)
{
	bool bounded = opt->lo != 0 || opt->hi != 0;
	int ret = nr_str_f64(text, bounded ? opt->lo : -1e308, bounded ? opt->hi : 1e308,
			     slot_of(opt, ps->target));

	if (ret == -ERANGE && bounded)
		return out_of_range(ps, opt, text);
	return ret < 0 ? bad(ps, opt, text, "a number, such as 0.5") : 0;
}

static int set_enum(struct parser *ps, const struct nr_option *opt, struct nr_str text)
{
	size_t n = 0;
	char shown[128];

	for (; opt->choices[n] != NULL; n++)
		if (nr_str_eq(text, nr_str_from(opt->choices[n]))) {
			*(int *)slot_of(opt, ps->target) = (int)n;
			return 0;
		}
	const char *near = nr_option_nearest(text, choice_name, opt->choices, n);
	struct nr_buf all;

	nr_buf_init(&all, 256);
	for (size_t i = 0; i < n; i++)
		nr_buf_addf(&all, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", opt->choices[i]);
	struct nr_str words = nr_buf_str(&all);

	nr_str_escape(text, shown, sizeof(shown));
	(void)nr_fail(ps->err, NR_EUSAGE, "--%s '%s': want " NR_STR_FMT "%s%s%s", opt->name, shown,
		      NR_STR_ARG(words), near != NULL ? "; did you mean " : "",
		      near != NULL ? near : "", near != NULL ? "?" : "");
	nr_buf_done(&all);
	return NR_EUSAGE;
}

static int set_list(struct parser *ps, const struct nr_option *opt, struct nr_str text)
{
	struct nr_option_list *list = slot_of(opt, ps->target);
	int ret = 0;

	while (ret == 0 && text.n > 0) {
		struct nr_str item = nr_str_trim(nr_str_cut(&text, ','));

		if (item.n > 0)
			ret = list_add(list, item, ps->err);
	}
	return ret;
}

static int set_value(struct parser *ps, const struct nr_option *opt, const char *cstr)
{
	struct nr_str text = nr_str_from(cstr);

	switch (opt->type) {
	case NR_OPT_FLAG:
		*(bool *)slot_of(opt, ps->target) = true;
		return 0;
	case NR_OPT_U64:
		return set_u64(ps, opt, text);
	case NR_OPT_F64:
		return set_f64(ps, opt, text);
	case NR_OPT_STR:
		*(const char **)slot_of(opt, ps->target) = cstr;
		return 0;
	case NR_OPT_TIME:
		return nr_time_parse(text, slot_of(opt, ps->target)) < 0
			       ? bad(ps, opt, text,
				     "a time such as 2026-01-02T03:04:05Z, 2026-01-02 or "
				     "1767323045")
			       : 0;
	case NR_OPT_SPAN:
		return nr_span_parse(text, slot_of(opt, ps->target)) < 0
			       ? bad(ps, opt, text,
				     "a span with its unit, such as 90s, 15m, 6h or 2d")
			       : 0;
	case NR_OPT_ENUM:
		return set_enum(ps, opt, text);
	case NR_OPT_LIST:
		return set_list(ps, opt, text);
	}
	return nr_fail(ps->err, -EINVAL, "--%s: no such option type", opt->name);
}

static int set_defaults(struct parser *ps)
{
	for (size_t i = 0; i < ps->n; i++) {
		const struct nr_option *opt = &ps->options[i];
		void *slot = slot_of(opt, ps->target);

		switch (opt->type) {
		case NR_OPT_FLAG:
			*(bool *)slot = false;
			break;
		case NR_OPT_U64:
			*(uint64_t *)slot = 0;
			break;
		case NR_OPT_F64:
			*(double *)slot = 0;
			break;
		case NR_OPT_STR:
			*(const char **)slot = NULL;
			break;
		case NR_OPT_TIME:
			*(struct nr_time *)slot = (struct nr_time){ 0 };
			break;
		case NR_OPT_SPAN:
			*(int64_t *)slot = 0;
			break;
		case NR_OPT_ENUM:
			*(int *)slot = 0;
			break;
		case NR_OPT_LIST:
			*(struct nr_option_list *)slot = (struct nr_option_list){ 0 };
			break;
		}
	}
	/* all lists are empty by now, so that release is always safe */
	for (size_t i = 0; i < ps->n; i++) {
		const struct nr_option *opt = &ps->options[i];
		int ret = opt->fallback != NULL && opt->type != NR_OPT_FLAG
				  ? set_value(ps, opt, opt->fallback)
				  : 0;

		if (ret < 0)
			return ret;
	}
	return 0;
}

static int unknown_long(struct parser *ps, struct nr_str name)
{
	const char *near = nr_option_nearest(name, option_name, ps, ps->n + 1);
	char shown[128];

	nr_str_escape(name, shown, sizeof(shown));
	if (near == NULL)
		return nr_fail(ps->err, NR_EUSAGE, "unknown option --%s", shown);
	return nr_fail(ps->err, NR_EUSAGE, "unknown option --%s; did you mean --%s?", shown, near);
}

/* One long option; *at is the index of its word and moves over its value. 1: help was asked. */
static int parse_long(struct parser *ps, int argc, char **argv, int *at)
{
	const char *word = argv[*at] + 2, *equals = strchr(word, '=');
	bool has_value = equals != NULL;
	struct nr_str name = { word, has_value ? (size_t)(equals - word) : strlen(word) };
	const struct nr_option *opt = NULL;

	for (size_t i = 0; i < ps->n && opt == NULL; i++)
		if (nr_str_eq(name, nr_str_from(ps->options[i].name)))
			opt = &ps->options[i];
	if (opt == NULL && nr_str_eq(name, NR_STR("help")))
		return 1;
	if (opt == NULL)
		return unknown_long(ps, name);
	if (opt->type == NR_OPT_FLAG && has_value)
		return nr_fail(ps->err, NR_EUSAGE, "--%s takes no value", opt->name);
	if (opt->type == NR_OPT_FLAG || has_value)
		return set_value(ps, opt, has_value ? equals + 1 : NULL);
	if (*at + 1 >= argc)
		return nr_fail(ps->err, NR_EUSAGE, "--%s needs a value: --%s %s", opt->name,
			       opt->name, opt->value != NULL ? opt->value : "VALUE");
	return set_value(ps, opt, argv[++*at]);
}

/* A word of letters: flags may stand together, one that takes a value takes the rest of the word. */
static int parse_letters(struct parser *ps, int argc, char **argv, int *at)
{
	char shown[16];

	for (const char *p = argv[*at] + 1; *p != '\0'; p++) {
		const struct nr_option *opt = NULL;

		for (size_t i = 0; i < ps->n && opt == NULL; i++)
			if (ps->options[i].letter == *p)
				opt = &ps->options[i];
		if (opt == NULL && *p == 'h')
			return 1;
		if (opt == NULL) {
			nr_str_escape((struct nr_str){ p, 1 }, shown, sizeof(shown));
			return nr_fail(ps->err, NR_EUSAGE, "unknown option -%s", shown);
		}
		if (opt->type != NR_OPT_FLAG && p[1] != '\0')
			return set_value(ps, opt, p + 1);
		if (opt->type != NR_OPT_FLAG && *at + 1 >= argc)
			return nr_fail(ps->err, NR_EUSAGE, "-%c needs a value: -%c %s", *p, *p,
				       opt->value != NULL ? opt->value : "VALUE");
		if (opt->type != NR_OPT_FLAG)
			return set_value(ps, opt, argv[++*at]);
		int ret = set_value(ps, opt, NULL);

		if (ret < 0)
			return ret;
	}
	return 0;
}

int nr_option_parse(const struct nr_option *options, size_t n, int argc, char **argv, void *target,
		    struct nr_option_list *ret_operands, struct nr_err *reterr)
{
	struct parser ps = { .options = options, .n = n, .target = target, .err = reterr };
	bool only_operands = false;

	*ret_operands = (struct nr_option_list){ 0 };
	int ret = set_defaults(&ps);

	for (int at = 1; at < argc && ret == 0; at++) {
		const char *word = argv[at];

		if (only_operands || word[0] != '-' || word[1] == '\0')
			ret = list_add(ret_operands, nr_str_from(word), reterr);
		else if (word[1] != '-')
			ret = parse_letters(&ps, argc, argv, &at);
		else if (word[2] == '\0')
			only_operands = true;
		else
			ret = parse_long(&ps, argc, argv, &at);
	}
	return ret;
}

void nr_option_release(const struct nr_option *options, size_t n, void *target,
		       struct nr_option_list *operands)
{
	for (size_t i = 0; i < n; i++) {
		if (options[i].type != NR_OPT_LIST)
			continue;
		struct nr_option_list *list = slot_of(&options[i], target);

		free(list->items);
		*list = (struct nr_option_list){ 0 };
	}
	if (operands != NULL) {
		free(operands->items);
		*operands = (struct nr_option_list){ 0 };
	}
}
