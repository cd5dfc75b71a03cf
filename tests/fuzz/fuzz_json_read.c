/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Oracles: what is taken has no more values and is no deeper than the limits, keeps its members when it
 * is written and read again, and every typed member is in its bounds.
 */
#include "base/json_read.h"

#include <stdlib.h>

enum { NODES = 200, DEPTH = 8 };

static void count(const json_t *root)
{
	const json_t *stack[NODES + 1] = { root };
	size_t n = 1, seen = 0;

	while (n > 0) {
		const json_t *at = stack[--n];
		const char *key;
		json_t *value;
		size_t i;

		nr_require(++seen <= NODES);
		json_object_foreach((json_t *)(uintptr_t)at, key, value)
		{
			nr_require(n < NODES);
			stack[n++] = value;
		}
		json_array_foreach((json_t *)(uintptr_t)at, i, value)
		{
			nr_require(n < NODES);
			stack[n++] = value;
		}
	}
}

static void members(const json_t *json)
{
	static const char *const words[] = { "", "one", "two", NULL };
	char text[16];
	int64_t number = 0;
	unsigned word = 0;
	struct nr_err err;

	if (nr_json_text(json, "a", false, text, sizeof(text), &err) == 0)
		nr_require(strlen(text) < sizeof(text));
	if (nr_json_integer(json, "a", -5, 5, 0, &number, &err) == 0)
		nr_require(number >= -5 && number <= 5);
	if (nr_json_word(json, "a", words, 0, &word, &err) == 0)
		nr_require(word < 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nr_json_limits limits = { .depth = DEPTH, .nodes = NODES, .string = 64 };
	json_t *json = NULL, *again = NULL;
	struct nr_err err;

	if (nr_json_read((struct nr_str){ (const char *)data, size }, &limits, &json, &err) < 0)
		return 0;
	count(json);
	members(json);
	char *text = json_dumps(json, JSON_ENCODE_ANY);

	/* written, a text may be longer than it came */
	if (text != NULL && nr_json_read(nr_str_from(text), NULL, &again, &err) == 0)
		nr_require(json_equal(json, again) == 1);
	json_decref(again);
	free(text);
	json_decref(json);
	return 0;
}
