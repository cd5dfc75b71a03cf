/* SPDX-License-Identifier: Apache-2.0 */
/* Oracle: a token or cursor that is taken prints to the same text; a search ends behind what it found. */
#include "serve/http/cursor.h"
#include "serve/who/token.h"

static void check_token(struct nr_str text)
{
	struct nr_token token;
	char out[NR_TOKEN_TEXT];

	if (nr_token_parse(text, &token) < 0)
		return;
	nr_token_print(&token, out);
	nr_require(nr_str_eq(nr_str_from(out), text));
}

static void check_search(struct nr_str text)
{
	struct nr_str rest = text;
	struct nr_token token;

	while (nr_token_search(&rest, &token))
		nr_require(rest.p > text.p && rest.p + rest.n == text.p + text.n);
	nr_require(rest.n == 0);
}

static void check_cursor(struct nr_str text)
{
	static const struct nr_cursor_keeper keeper = { .key = { 1 } };
	struct nr_cursor cursor;
	char out[NR_CURSOR_TEXT];

	if (nr_cursor_parse(&keeper, text, NR_CURSOR_FINDINGS, &cursor, NULL) < 0)
		return;
	nr_cursor_print(&keeper, &cursor, out);
	nr_require(nr_str_eq(nr_str_from(out), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nr_str text = { (const char *)data, size };

	check_token(text);
	check_search(text);
	check_cursor(text);
	return 0;
}
