/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/who/token.h"

#include <zlib.h>

#include "base/inet.h"

#include "base/log.h"

enum {
	SECRET_SIZE = NR_TOKEN_SELECTOR + NR_TOKEN_VERIFIER,
	RAW_SIZE = SECRET_SIZE + 4,
	URL_MAX = 8192, /* of a text looked through; request lines are shorter */
	EXPOSED_MAX = 16,
};

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const struct {
	uint8_t kind;
	struct nr_str prefix;
} kinds[] = {
	{ NR_TOKEN_API, { "nrapi_", 6 } },
	{ NR_TOKEN_ENROL, { "nrenrol_", 8 } },
	{ NR_TOKEN_SETUP, { "nrsetup_", 8 } },
	{ NR_TOKEN_SESSION, { "nrsession_", 10 } },
};

/* ---- text ---- */

static void check_sum(const struct nr_token *token, const uint8_t *secret, uint8_t out[4])
{
	uint32_t crc = (uint32_t)crc32(crc32(0, &token->kind, 1), secret, SECRET_SIZE);

	for (size_t i = 0; i < 4; i++)
		out[i] = (uint8_t)(crc >> (8 * i));
}

/* The number's last digit in base 62; divides it. */
static unsigned divide(uint8_t raw[RAW_SIZE])
{
	unsigned rest = 0;

	for (size_t i = 0; i < RAW_SIZE; i++) {
		unsigned v = rest << 8 | raw[i];

		raw[i] = (uint8_t)(v / 62);
		rest = v % 62;
	}
	return rest;
}

/* raw = raw * 62 + digit. @return false: it does not fit */
static bool multiply(uint8_t raw[RAW_SIZE], unsigned digit)
{
	unsigned carry = digit;

	for (size_t i = RAW_SIZE; i-- > 0;) {
		unsigned v = raw[i] * 62u + carry;

		raw[i] = (uint8_t)v;
		carry = v >> 8;
	}
	return carry == 0;
}

static struct nr_str prefix_of(uint8_t kind)
{
	for (size_t i = 0; i < NR_COUNT(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].prefix;
	nr_require_failed("a token has a kind", __FILE__, __LINE__);
}

void nr_token_print(const struct nr_token *token, char out[NR_TOKEN_TEXT])
{
	struct nr_str prefix = prefix_of(token->kind);
	uint8_t raw[RAW_SIZE];

	memcpy(raw, token->selector, NR_TOKEN_SELECTOR);
	memcpy(raw + NR_TOKEN_SELECTOR, token->verifier, NR_TOKEN_VERIFIER);
	check_sum(token, raw, raw + SECRET_SIZE);
	memcpy(out, prefix.p, prefix.n);
	for (size_t i = NR_TOKEN_DIGITS; i-- > 0;)
		out[prefix.n + i] = digits[divide(raw)];
	out[prefix.n + NR_TOKEN_DIGITS] = '\0';
}

static int decode(uint8_t kind, const char *text, struct nr_token *ret_token)
{
	struct nr_token token = { .kind = kind };
	uint8_t raw[RAW_SIZE] = { 0 }, sum[4];

	for (size_t i = 0; i < NR_TOKEN_DIGITS; i++) {
		const char *digit = text[i] != '\0' ? strchr(digits, text[i]) : NULL;

		if (digit == NULL || !multiply(raw, (unsigned)(digit - digits)))
			return -EINVAL;
	}
	check_sum(&token, raw, sum);
	if (memcmp(sum, raw + SECRET_SIZE, sizeof(sum)) !=
	    0) /* no secret: who has the text has it */
		return -EINVAL;
	memcpy(token.selector, raw, NR_TOKEN_SELECTOR);
	memcpy(token.verifier, raw + NR_TOKEN_SELECTOR, NR_TOKEN_VERIFIER);
	*ret_token = token;
	return 0;
}

int nr_token_parse(struct nr_str text, struct nr_token *ret_token)
{
	for (size_t i = 0; i < NR_COUNT(kinds); i++)
		if (nr_str_starts(text, kinds[i].prefix) &&
		    text.n == kinds[i].prefix.n + NR_TOKEN_DIGITS)
			return decode(kinds[i].kind, text.p + kinds[i].prefix.n, ret_token);
	return -EINVAL;
}

bool nr_token_search(struct nr_str *text, struct nr_token *ret_token)
{
	for (; text->n > 0; text->p++, text->n--)
		for (size_t i = 0; i < NR_COUNT(kinds); i++) {
			size_t n = kinds[i].prefix.n + NR_TOKEN_DIGITS;

			if (text->n < n || !nr_str_starts(*text, kinds[i].prefix) ||
			    decode(kinds[i].kind, text->p + kinds[i].prefix.n, ret_token) < 0)
				continue;
			text->p += n;
			text->n -= n;
			return true;
		}
	return false;
}

/* ---- making and checking ---- */

static const int64_t lives_hours[] = {
	[NR_TOKEN_API] = NR_TOKEN_DAYS * INT64_C(24),
	[NR_TOKEN_ENROL] = NR_TOKEN_ENROL_HOURS,
	[NR_TOKEN_SETUP] = NR_TOKEN_SETUP_HOURS,
	[NR_TOKEN_SESSION] = NR_TOKEN_SESSION_HOURS,
};

int nr_token_make(const struct nr_token_wish *wish, const struct nr_registry_act *act,
		  struct nr_registry_token *ret_row, char ret_text[NR_TOKEN_TEXT],
		  struct nr_err *reterr)
{
	struct nr_token token = { .kind = (uint8_t)wish->kind };
	struct nr_registry_token row = { .kind = token.kind,
					 .role = (uint8_t)wish->role,
					 .sensor = wish->sensor,
					 .member = wish->member,
					 .member_epoch = wish->member_epoch,
					 .user = wish->user,
					 .can_write = !wish->read_only,
					 .can_rows = !wish->no_rows,
					 .created = act->now };
	int64_t lives = wish->lives_ns;

	if (lives <= 0)
		lives = lives_hours[wish->kind] * 3600 * NR_NS_PER_S;
	if (strlen(wish->name) >= sizeof(row.name))
		return nr_fail(reterr, NR_EUSAGE, "a name has at most %zu characters",
			       sizeof(row.name) - 1);
	memcpy(row.name, wish->name, strlen(wish->name) + 1);
	if (wish->network != NULL && wish->network[0] != '\0') {
		struct nr_prefix prefix;

		if (nr_prefix_parse(nr_str_from(wish->network), &prefix) < 0)
			return nr_fail(reterr, NR_EUSAGE,
				       "the network of a token is a prefix such as 192.0.2.0/24");
		nr_prefix_print(prefix, row.network);
	}
	nr_random(token.selector, sizeof(token.selector));
	nr_random(token.verifier, sizeof(token.verifier));
	memcpy(row.selector, token.selector, sizeof(row.selector));
	row.digest = nr_digest_of(token.verifier, sizeof(token.verifier));
	row.expires.ns = act->now.ns + lives;
	row.last_used.ns = wish->kind == NR_TOKEN_SESSION ? act->now.ns : 0;
	nr_token_print(&token, ret_text);
	nr_secret_wipe(&token, sizeof(token));
	*ret_row = row;
	return 0;
}

int nr_token_create(struct nr_registry *registry, const struct nr_token_wish *wish,
		    const struct nr_registry_act *act, char ret_text[NR_TOKEN_TEXT],
		    struct nr_err *reterr)
{
	struct nr_registry_token row;
	int ret = nr_token_make(wish, act, &row, ret_text, reterr);

	if (ret == 0)
		ret = nr_registry_token_add(registry, &row, act, reterr);
	if (ret < 0)
		nr_secret_wipe(ret_text, NR_TOKEN_TEXT);
	return ret;
}

static bool in_force(const struct nr_registry_token *row, enum nr_token_kind kind,
		     struct nr_time now)
{
	return row->kind == kind && row->revoked.ns == 0 && row->spent.ns == 0 && !row->exposed &&
	       now.ns < row->expires.ns;
}

int nr_token_check(struct nr_registry *registry, struct nr_str text, enum nr_token_kind kind,
		   struct nr_time now, struct nr_registry_token *ret_token, struct nr_err *reterr)
{
	struct nr_registry_token row = { 0 };
	struct nr_token token;
	struct nr_digest digest;

	if (nr_token_parse(text, &token) < 0)
		return nr_fail(reterr, -EACCES, "this is no token");
	int ret = nr_registry_token_find(registry, token.selector, &row, reterr);

	if (ret < 0 && ret != -ENOENT)
		return ret;
	/* An unknown selector is compared too: with a digest of zeros, which nothing has. */
	digest = nr_digest_of(token.verifier, sizeof(token.verifier));
	nr_secret_wipe(&token, sizeof(token));
	bool same = nr_secret_eq(digest.b, row.digest.b, sizeof(digest.b));

	if (ret < 0 || !same || !in_force(&row, kind, now))
		return nr_fail(reterr, -EACCES, "this token is not in force here");
	*ret_token = row;
	return 0;
}

/* ---- exposed ---- */

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void nr_token_selector_print(const uint8_t selector[NR_TOKEN_SELECTOR],
			     char out[2 * NR_TOKEN_SELECTOR + 1])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < NR_TOKEN_SELECTOR; i++) {
		out[2 * i] = hex[selector[i] >> 4];
		out[2 * i + 1] = hex[selector[i] & 15];
	}
	out[2 * NR_TOKEN_SELECTOR] = '\0';
}

int nr_token_selector_parse(struct nr_str text, uint8_t out[NR_TOKEN_SELECTOR])
{
	if (text.n != 2 * NR_TOKEN_SELECTOR)
		return -EINVAL;
	for (size_t i = 0; i < NR_TOKEN_SELECTOR; i++) {
		int hi = hex_of(text.p[2 * i]), lo = hex_of(text.p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -EINVAL;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

static size_t percent_decode(struct nr_str text, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n && n < cap; i++) {
		bool escaped = text.p[i] == '%' && i + 2 < text.n && hex_of(text.p[i + 1]) >= 0 &&
			       hex_of(text.p[i + 2]) >= 0;

		out[n++] = escaped ? (char)(hex_of(text.p[i + 1]) << 4 | hex_of(text.p[i + 2]))
				   : text.p[i];
		i += escaped ? 2 : 0;
	}
	return n;
}

unsigned nr_token_expose(struct nr_registry *registry, struct nr_str text,
			 const struct nr_registry_act *act)
{
	char plain[URL_MAX];
	struct nr_str rest = { plain, percent_decode(text, plain, sizeof(plain)) };
	struct nr_registry_token row;
	struct nr_token token;
	unsigned n = 0;

	while (n < EXPOSED_MAX && nr_token_search(&rest, &token)) {
		struct nr_digest digest = nr_digest_of(token.verifier, sizeof(token.verifier));
		bool ours = nr_registry_token_find(registry, token.selector, &row, NULL) == 0 &&
			    nr_secret_eq(digest.b, row.digest.b, sizeof(digest.b));

		/* Only who has the whole secret can end it: a selector alone is no power. */
		if (ours && nr_registry_token_revoke(registry, token.selector, true, act, NULL) < 0)
			nr_log(NR_LOG_ERROR, "serve", "exposed_token_stays", "name=%s", row.name);
		n++;
	}
	nr_secret_wipe(plain, sizeof(plain));
	return n;
}
