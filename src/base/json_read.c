/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_read.h"

#include <stdio.h>
#include <string.h>

enum { DEPTH = 32, NODES = 10000, STRING = 64 << 10, NUMBER = 40 };

/*
 * What jansson would build is measured first, without building: depth, values, lengths. The text
 * need not be right here; jansson says what is wrong with it.
 */
struct look {
	const char *p, *end;
	struct nr_json_limits limits;
	uint32_t depth, nodes;
};

static const char *pass_string(struct look *look)
{
	const char *begin = ++look->p;

	while (look->p < look->end && *look->p != '"')
		look->p += *look->p == '\\' ? 2 : 1;
	look->p = look->p < look->end ? look->p + 1 : look->end;
	return (size_t)(look->p - begin) > (size_t)look->limits.string + 1 ? "a text is too long"
									   : NULL;
}

static const char *pass_word(struct look *look) /* a number, true, false, null */
{
	const char *begin = look->p;

	while (look->p < look->end && strchr("{}[]:,\" \t\r\n", *look->p) == NULL)
		look->p++;
	if (look->p == begin)
		look->p++; /* a NUL */
	return look->p - begin > NUMBER ? "a number is too long" : NULL;
}

static const char *pass_token(struct look *look)
{
	switch (*look->p) {
	case '{':
	case '[':
		look->p++;
		look->nodes++;
		return ++look->depth > look->limits.depth ? "it is nested too deeply" : NULL;
	case '}':
	case ']':
		look->p++;
		look->depth -= look->depth > 0;
		return NULL;
	case '"':
		look->nodes++;
		return pass_string(look);
	case ':':
	case ',':
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		look->p++;
		return NULL;
	default:
		look->nodes++;
		return pass_word(look);
	}
}

static int check_limits(struct nr_str text, const struct nr_json_limits *limits,
			struct nr_err *reterr)
{
	struct look look = { .p = text.p, .end = text.p + text.n };

	if (limits != NULL)
		look.limits = *limits;
	if (look.limits.depth == 0)
		look.limits.depth = DEPTH;
	if (look.limits.nodes == 0)
		look.limits.nodes = NODES;
	if (look.limits.string == 0)
		look.limits.string = STRING;
	while (look.p < look.end) {
		const char *at = look.p;
		const char *why = pass_token(&look);

		if (why == NULL && look.nodes > look.limits.nodes)
			why = "it has too many values";
		if (why != NULL)
			return nr_fail(reterr, NR_EUSAGE, "JSON: at byte %zu: %s",
				       (size_t)(at - text.p), why);
	}
	return 0;
}

int nr_json_read(struct nr_str text, const struct nr_json_limits *limits, json_t **ret_json,
		 struct nr_err *reterr)
{
	json_error_t error;
	char words[JSON_ERROR_TEXT_LENGTH];
	int ret = check_limits(text, limits, reterr);

	if (ret < 0)
		return ret;
	json_t *json = json_loadb(text.n > 0 ? text.p : "", text.n,
				  JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

	if (json == NULL && json_error_code(&error) == json_error_out_of_memory)
		return nr_fail(reterr, -ENOMEM, "no memory");
	if (json == NULL) { /* its words may repeat what came in */
		nr_str_escape(nr_str_from(error.text), words, sizeof(words));
		return nr_fail(reterr, NR_EUSAGE, "JSON: at byte %d: %s", error.position, words);
	}
	*ret_json = json;
	return 0;
}

/* ---- members of an object ---- */

static const json_t *member(const json_t *json, const char *name)
{
	const json_t *value = json_object_get(json, name);

	return json_is_null(value) ? NULL : value;
}

bool nr_json_has(const json_t *json, const char *name)
{
	return member(json, name) != NULL;
}

int nr_json_only(const json_t *json, const char *const *names, struct nr_err *reterr)
{
	const char *key;
	json_t *value;

	if (!json_is_object(json))
		return nr_fail(reterr, NR_EUSAGE, "a JSON object is wanted");
	json_object_foreach((json_t *)(uintptr_t)json, key, value)
	{
		bool known = false;
		char shown[64];

		for (size_t i = 0; names[i] != NULL; i++)
			known |= strcmp(names[i], key) == 0;
		if (known)
			continue;
		nr_str_escape(nr_str_from(key), shown, sizeof(shown));
		return nr_fail(reterr, NR_EUSAGE, "there is no member '%s' here", shown);
	}
	return 0;
}

int nr_json_text(const json_t *json, const char *name, bool required, char *out, size_t cap,
		 struct nr_err *reterr)
{
	const json_t *value = member(json, name);

	if (value == NULL && !required) {
		out[0] = '\0';
		return 0;
	}
	if (value == NULL)
		return nr_fail(reterr, NR_EUSAGE, "%s is missing", name);
	if (!json_is_string(value))
		return nr_fail(reterr, NR_EUSAGE, "%s is no text", name);
	if (json_string_length(value) >= cap)
		return nr_fail(reterr, NR_EUSAGE, "%s has at most %zu bytes", name, cap - 1);
	memcpy(out, json_string_value(value), json_string_length(value) + 1);
	return 0;
}

int nr_json_integer(const json_t *json, const char *name, int64_t lo, int64_t hi, int64_t fallback,
		    int64_t *ret_value, struct nr_err *reterr)
{
	const json_t *value = member(json, name);

	if (value == NULL) {
		*ret_value = fallback;
		return 0;
	}
	if (!json_is_integer(value) || json_integer_value(value) < lo ||
	    json_integer_value(value) > hi)
		return nr_fail(reterr, NR_EUSAGE, "%s is a whole number from %lld to %lld", name,
			       (long long)lo, (long long)hi);
	*ret_value = json_integer_value(value);
	return 0;
}

int nr_json_boolean(const json_t *json, const char *name, bool fallback, bool *ret_value,
		    struct nr_err *reterr)
{
	const json_t *value = member(json, name);

	if (value != NULL && !json_is_boolean(value))
		return nr_fail(reterr, NR_EUSAGE, "%s is true or false", name);
	*ret_value = value != NULL ? json_is_true(value) : fallback;
	return 0;
}

int nr_json_when(const json_t *json, const char *name, struct nr_time fallback,
		 struct nr_time *ret_time, struct nr_err *reterr)
{
	const json_t *value = member(json, name);

	if (value == NULL) {
		*ret_time = fallback;
		return 0;
	}
	if (!json_is_string(value) ||
	    nr_time_parse((struct nr_str){ json_string_value(value), json_string_length(value) },
			  ret_time) < 0)
		return nr_fail(reterr, NR_EUSAGE, "%s is no time as in 2026-11-20T17:00:00Z", name);
	return 0;
}

int nr_json_word(const json_t *json, const char *name, const char *const *words, unsigned fallback,
		 unsigned *ret_word, struct nr_err *reterr)
{
	const json_t *value = member(json, name);
	char all[128] = "";
	size_t n = 0;

	if (value == NULL) {
		*ret_word = fallback;
		return 0;
	}
	for (unsigned i = 0; words[i] != NULL; i++) {
		if (words[i][0] != '\0' && json_is_string(value) &&
		    strcmp(words[i], json_string_value(value)) == 0) {
			*ret_word = i;
			return 0;
		}
		if (words[i][0] != '\0' && n < sizeof(all))
			n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", n > 0 ? ", " : "",
					      words[i]);
	}
	return nr_fail(reterr, NR_EUSAGE, "%s is one of: %s", name, all);
}
