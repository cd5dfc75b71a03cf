/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http/cursor.h"

enum { VERSION = 2, SEALED = NR_CURSOR_PLAIN + NR_SEAL_MORE };

/* What a cursor is bound to; none of it stands in the text. */
struct about {
	uint8_t kind;
	uint8_t epoch[NR_DIGEST_SIZE];
	uint8_t member[NR_UUID_SIZE], user[NR_UUID_SIZE];
};
_Static_assert(sizeof(struct about) == 1 + NR_DIGEST_SIZE + 2 * NR_UUID_SIZE, "no padding");

static struct about about_of(const struct nr_cursor_keeper *keeper, uint8_t kind)
{
	struct about about = { .kind = kind };

	memcpy(about.epoch, keeper->epoch.b, sizeof(about.epoch));
	memcpy(about.member, keeper->member.b, sizeof(about.member));
	memcpy(about.user, keeper->user.b, sizeof(about.user));
	return about;
}

static void put(uint8_t *out, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get(const uint8_t *in, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)in[i] << (8 * i);
	return v;
}

struct nr_cursor_keeper nr_cursor_bound(const struct nr_cursor_keeper *keeper,
					const struct nr_viewer *viewer)
{
	struct nr_cursor_keeper bound = *keeper;

	bound.member = viewer->member;
	bound.user = viewer->user;
	return bound;
}

void nr_cursor_print(const struct nr_cursor_keeper *keeper, const struct nr_cursor *cursor,
		     char out[NR_CURSOR_TEXT])
{
	struct about about = about_of(keeper, cursor->kind);
	uint8_t plain[NR_CURSOR_PLAIN] = { VERSION, cursor->kind }, sealed[SEALED];

	put(plain + 2, cursor->at, 8);
	put(plain + 10, cursor->row, 4);
	put(plain + 14, cursor->other, 8);
	nr_seal(keeper->key, (struct nr_bytes){ (uint8_t *)&about, sizeof(about) },
		(struct nr_bytes){ plain, sizeof(plain) }, sealed);
	nr_base64_print((struct nr_bytes){ sealed, sizeof(sealed) }, out);
}

int nr_cursor_parse(const struct nr_cursor_keeper *keeper, struct nr_str text,
		    enum nr_cursor_kind kind, struct nr_cursor *ret_cursor, struct nr_err *reterr)
{
	struct about about = about_of(keeper, (uint8_t)kind);
	uint8_t plain[NR_CURSOR_PLAIN], sealed[SEALED];

	if (nr_base64_parse(text, sealed, sizeof(sealed)) < 0)
		return nr_fail(reterr, NR_EUSAGE, "this is no cursor");
	if (!nr_seal_open(keeper->key, (struct nr_bytes){ (uint8_t *)&about, sizeof(about) },
			  (struct nr_bytes){ sealed, sizeof(sealed) }, plain) ||
	    plain[0] != VERSION || plain[1] != kind)
		return nr_fail(reterr, NR_EUSAGE,
			       "this cursor is not of this hub, not for this list, or was given to "
			       "somebody else: begin anew without one");
	*ret_cursor = (struct nr_cursor){ .kind = plain[1],
					  .at = get(plain + 2, 8),
					  .row = (uint32_t)get(plain + 10, 4),
					  .other = get(plain + 14, 8) };
	return 0;
}
