/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http/cursor.h"

#include <stdio.h>

enum { PLAIN = 14, MAC = 16, SIZE = PLAIN + MAC, VERSION = 1 };
_Static_assert(2 * SIZE < NR_CURSOR_TEXT, "hex with its NUL");

static void encode(const struct nr_cursor *cursor, uint8_t out[PLAIN])
{
	out[0] = VERSION;
	out[1] = cursor->kind;
	for (size_t i = 0; i < 8; i++)
		out[2 + i] = (uint8_t)(cursor->at >> (8 * i));
	for (size_t i = 0; i < 4; i++)
		out[10 + i] = (uint8_t)(cursor->row >> (8 * i));
}

static struct nr_digest mac_of(const struct nr_cursor_keeper *keeper, const uint8_t plain[PLAIN])
{
	uint8_t text[sizeof(keeper->epoch.b) + PLAIN];

	memcpy(text, keeper->epoch.b, sizeof(keeper->epoch.b));
	memcpy(text + sizeof(keeper->epoch.b), plain, PLAIN);
	/* BLAKE2 with the key in front is a MAC: it has no length extension. */
	return nr_digest_join(keeper->key, sizeof(keeper->key), text, sizeof(text));
}

void nr_cursor_print(const struct nr_cursor_keeper *keeper, const struct nr_cursor *cursor,
		     char out[NR_CURSOR_TEXT])
{
	uint8_t raw[SIZE];

	encode(cursor, raw);
	struct nr_digest mac = mac_of(keeper, raw);

	memcpy(raw + PLAIN, mac.b, MAC);
	for (size_t i = 0; i < SIZE; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", raw[i]);
}

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode(struct nr_str text, uint8_t out[SIZE])
{
	if (text.n != 2 * (size_t)SIZE)
		return false;
	for (size_t i = 0; i < SIZE; i++) {
		int hi = hex_of(text.p[2 * i]), lo = hex_of(text.p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

int nr_cursor_parse(const struct nr_cursor_keeper *keeper, struct nr_str text,
		    enum nr_cursor_kind kind, struct nr_cursor *ret_cursor, struct nr_err *reterr)
{
	struct nr_cursor cursor = { 0 };
	uint8_t raw[SIZE];

	if (!decode(text, raw))
		return nr_fail(reterr, NR_EUSAGE, "this is no cursor");
	struct nr_digest mac = mac_of(keeper, raw);

	if (!nr_secret_eq(mac.b, raw + PLAIN, MAC) || raw[0] != VERSION || raw[1] != kind)
		return nr_fail(reterr, NR_EUSAGE,
			       "this cursor is not of this hub, or not for this list: begin anew "
			       "without one");
	cursor.kind = raw[1];
	for (size_t i = 0; i < 8; i++)
		cursor.at |= (uint64_t)raw[2 + i] << (8 * i);
	for (size_t i = 0; i < 4; i++)
		cursor.row |= (uint32_t)raw[10 + i] << (8 * i);
	*ret_cursor = cursor;
	return 0;
}
