/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/enrich/benign_read.h"

#include <jansson.h>

enum { SHOWN = 60 };

static int bad_entry(const char *path, size_t number, struct nr_str entry, struct nr_err *reterr)
{
	char shown[SHOWN + 20];

	entry.n = nr_min_size(entry.n, SHOWN);
	nr_str_escape(entry, shown, sizeof(shown));
	return nr_fail(reterr, NR_EFORMAT,
		       "%s: entry %zu of \"list\": not an address or prefix: %s", path, number,
		       shown);
}

/* Depth and number of values, counted without building anything. Brackets in strings do not count. */
static int measure(const char *path, struct nr_bytes bytes, struct nr_err *reterr)
{
	size_t depth = 0, values = 0;
	bool in_string = false;

	for (size_t i = 0; i < bytes.n; i++) {
		uint8_t c = bytes.p[i];

		if (in_string) {
			i += c == '\\';
			in_string = c != '"';
			continue;
		}
		in_string = c == '"';
		values += c == ',' || c == '[' || c == '{';
		depth += c == '[' || c == '{';
		depth -= (c == ']' || c == '}') && depth > 0;
		if (depth > NR_BENIGN_DEPTH)
			return nr_fail(reterr, NR_ELIMIT, "%s: JSON nested deeper than %d", path,
				       NR_BENIGN_DEPTH);
		if (values > (size_t)NR_BENIGN_PREFIXES + 1000)
			return nr_fail(reterr, NR_ELIMIT, "%s: more than %d entries", path,
				       NR_BENIGN_PREFIXES);
	}
	return 0;
}

static int read_entries(const char *path, const json_t *list, nr_benign_take *take, void *ctx,
			struct nr_err *reterr)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = json_array_get(list, i);
		struct nr_str text = { json_string_value(entry), json_string_length(entry) };
		struct nr_prefix prefix;
		int ret = 0;

		if (text.p == NULL || nr_prefix_parse(text, &prefix) < 0)
			return bad_entry(path, i + 1, text.p != NULL ? text : NR_STR("(no text)"),
					 reterr);
		ret = take(ctx, prefix);
		if (ret < 0)
			return nr_fail(reterr, ret, "%s: entry %zu of \"list\": %s", path, i + 1,
				       nr_err_text(ret));
	}
	return 0;
}

int nr_benign_read_json(const char *path, struct nr_bytes bytes, nr_benign_take *take, void *ctx,
			char *ret_name, struct nr_err *reterr)
{
	const json_t *list = NULL, *name = NULL;
	json_error_t at;
	json_t *root = NULL;
	int ret = measure(path, bytes, reterr);

	if (ret < 0)
		return ret;
	root = json_loadb((const char *)bytes.p, bytes.n, JSON_REJECT_DUPLICATES, &at);
	if (root == NULL) {
		char shown[sizeof(at.text) * 4];

		nr_str_escape(nr_str_from(at.text), shown, sizeof(shown));
		return nr_fail(reterr, NR_EFORMAT, "%s:%d: not JSON: %.200s", path, at.line, shown);
	}
	name = json_object_get(root, "name");
	list = json_object_get(root, "list");
	if (!json_is_string(name) || json_string_length(name) == 0 || !json_is_array(list)) {
		ret = nr_fail(reterr, NR_EFORMAT,
			      "%s: a warning list has a text \"name\" and an array \"list\"", path);
	} else {
		nr_str_escape((struct nr_str){ json_string_value(name), json_string_length(name) },
			      ret_name, NR_BENIGN_NAME + 1);
		ret = read_entries(path, list, take, ctx, reterr);
	}
	json_decref(root);
	return ret;
}

static void name_of_file(const char *path, char *ret_name)
{
	const char *slash = strrchr(path, '/');
	struct nr_str name = nr_str_from(slash != NULL ? slash + 1 : path);

	if (nr_str_ends(name, NR_STR(".txt")))
		name.n -= 4;
	nr_str_escape(name, ret_name, NR_BENIGN_NAME + 1);
}

int nr_benign_read_text(const char *path, struct nr_bytes bytes, nr_benign_take *take, void *ctx,
			char *ret_name, struct nr_err *reterr)
{
	struct nr_str text = { (const char *)bytes.p, bytes.n };

	name_of_file(path, ret_name);
	for (uint64_t line_no = 1; text.n > 0; line_no++) {
		struct nr_str line = nr_str_cut(&text, '\n'),
			      entry = nr_str_trim(nr_str_cut(&line, '#'));
		struct nr_prefix prefix;
		char shown[SHOWN + 20];
		int ret = 0;

		if (entry.n == 0)
			continue;
		if (nr_prefix_parse(entry, &prefix) < 0) {
			entry.n = nr_min_size(entry.n, SHOWN);
			nr_str_escape(entry, shown, sizeof(shown));
			return nr_fail(reterr, NR_EFORMAT, "%s:%llu: not an address or prefix: %s",
				       path, (unsigned long long)line_no, shown);
		}
		ret = take(ctx, prefix);
		if (ret < 0)
			return nr_fail(reterr, ret, "%s:%llu: %s", path,
				       (unsigned long long)line_no, nr_err_text(ret));
	}
	return 0;
}
