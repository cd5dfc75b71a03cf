/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in fields of a head: lists of entity tags, cursors. Oracles: a tag that is found stands in
 * the list in quotes; strong finds nothing that weak does not; a cursor that opens prints the same text,
 * and none does that this key did not make.
 */
#include <stdlib.h>

#include "serve/http/cursor.h"
#include "serve/http/http.h"

static void tags(const char *list)
{
	static const char *const wanted[] = { "a", "0123456789abcdef", "" };

	for (size_t i = 0; i < NR_COUNT(wanted); i++) {
		bool weak = nr_http_etag_in(list, wanted[i], false);
		bool strong = nr_http_etag_in(list, wanted[i], true);
		char quoted[32];

		nr_require(!strong || weak);
		(void)snprintf(quoted, sizeof(quoted), "\"%s\"", wanted[i]);
		nr_require(!weak || strcmp(list, "*") == 0 || strstr(list, quoted) != NULL);
	}
}

static void cursors(struct nr_str text)
{
	static const struct nr_cursor_keeper keeper = { .key = { 7 } };
	struct nr_cursor cursor;
	char again[NR_CURSOR_TEXT];

	if (nr_cursor_parse(&keeper, text, NR_CURSOR_FINDINGS, &cursor, NULL) < 0)
		return;
	nr_cursor_print(&keeper, &cursor, again);
	nr_require(nr_str_eq(text, nr_str_from(again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	nr_require(text != NULL && nr_crypt_init() == 0);
	memcpy(text, data, size);
	text[size] = '\0';
	tags(text);
	cursors((struct nr_str){ text, size });
	free(text);
	return 0;
}
