/* SPDX-License-Identifier: Apache-2.0 */
#include "record/enrol.h"

enum {
	SUM = 3,
	PIN_BYTES = NR_PKI_PIN_SIZE + SUM,
	PIN_DIGITS = PIN_BYTES * 8 / 5,
};
_Static_assert(PIN_BYTES % 5 == 0, "base32 without padding");
_Static_assert(NR_ENROL_SECRET + PIN_DIGITS + 1 <= NR_ENROL_TOKEN, "a token fits");

static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";

static bool is_secret(struct nr_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!letter && !(c >= '0' && c <= '9') && c != '_')
			return false;
	}
	return text.n > 0 && text.n < NR_ENROL_SECRET;
}

static void pin_with_sum(const uint8_t pin[NR_PKI_PIN_SIZE], uint8_t out[PIN_BYTES])
{
	struct nr_digest digest = nr_digest_of(pin, NR_PKI_PIN_SIZE);

	memcpy(out, pin, NR_PKI_PIN_SIZE);
	memcpy(out + NR_PKI_PIN_SIZE, digest.b, SUM);
}

void nr_enrol_token_print(const struct nr_enrol_token *token, char out[NR_ENROL_TOKEN])
{
	uint8_t raw[PIN_BYTES];

	nr_require(is_secret(token->secret));
	memcpy(out, token->secret.p, token->secret.n);
	out += token->secret.n;
	*out++ = '.';
	pin_with_sum(token->pin, raw);
	for (size_t bit = 0; bit < sizeof(raw) * 8; bit += 5) {
		size_t i = bit / 8;
		unsigned two = (unsigned)raw[i] << 8 | (i + 1 < sizeof(raw) ? raw[i + 1] : 0);

		*out++ = base32[two >> (11 - bit % 8) & 31];
	}
	*out = '\0';
}

static int digit_of(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

static bool pin_parse(struct nr_str text, uint8_t pin[NR_PKI_PIN_SIZE])
{
	uint8_t raw[PIN_BYTES] = { 0 }, again[PIN_BYTES];

	if (text.n != PIN_DIGITS)
		return false;
	for (size_t i = 0; i < PIN_DIGITS; i++) {
		int digit = digit_of(text.p[i]);

		if (digit < 0)
			return false;
		for (size_t bit = 0; bit < 5; bit++) {
			size_t at = i * 5 + bit;

			if ((digit >> (4 - bit) & 1) != 0)
				raw[at / 8] |= (uint8_t)(0x80 >> at % 8);
		}
	}
	pin_with_sum(raw, again);
	memcpy(pin, raw, NR_PKI_PIN_SIZE);
	return memcmp(raw, again, sizeof(raw)) == 0;
}

int nr_enrol_token_parse(struct nr_str text, struct nr_enrol_token *ret_token)
{
	struct nr_enrol_token token;

	token.secret = nr_str_cut(&text, '.');
	if (!is_secret(token.secret) || !pin_parse(text, token.pin))
		return -EINVAL;
	*ret_token = token;
	return 0;
}

/* ---- bodies ---- */

/* One block of PEM with its newline, at the start of @p text; moves behind it. */
static bool take_block(struct nr_str *text, struct nr_str begin, struct nr_str end,
		       struct nr_str *ret_block)
{
	const char *at;
	size_t n;

	if (!nr_str_starts(*text, begin))
		return false;
	at = memmem(text->p, text->n, end.p, end.n);
	if (at == NULL || memchr(text->p, '\0', (size_t)(at - text->p)) != NULL)
		return false;
	n = (size_t)(at - text->p) + end.n;
	*ret_block = (struct nr_str){ text->p, n };
	*text = (struct nr_str){ text->p + n, text->n - n };
	return true;
}

static bool take_certificate(struct nr_str *text, struct nr_str *ret_block)
{
	return take_block(text, NR_STR("-----BEGIN CERTIFICATE-----\n"),
			  NR_STR("\n-----END CERTIFICATE-----\n"), ret_block);
}

int nr_enrol_split(struct nr_str pem, struct nr_str *ret_certificate, struct nr_str *ret_authority)
{
	struct nr_str certificate, authority;

	if (!take_certificate(&pem, &certificate) || !take_certificate(&pem, &authority) ||
	    pem.n != 0)
		return -EINVAL;
	*ret_certificate = certificate;
	*ret_authority = authority;
	return 0;
}

void nr_enrol_request_print(const struct nr_enrol_request *request, struct nr_buf *out)
{
	nr_buf_add_str(out, request->secret);
	nr_buf_add_str(out, NR_STR("\n"));
	nr_buf_add_str(out, request->request);
}

int nr_enrol_request_parse(struct nr_str text, struct nr_enrol_request *ret_request)
{
	struct nr_enrol_request request;

	if (text.n > NR_ENROL_TEXT)
		return NR_ELIMIT;
	request.secret = nr_str_cut(&text, '\n');
	if (!is_secret(request.secret) ||
	    !take_block(&text, NR_STR("-----BEGIN CERTIFICATE REQUEST-----\n"),
			NR_STR("\n-----END CERTIFICATE REQUEST-----\n"), &request.request) ||
	    text.n != 0)
		return -EINVAL;
	*ret_request = request;
	return 0;
}

void nr_enrol_answer_print(const struct nr_enrol_answer *answer, struct nr_buf *out)
{
	char uuid[NR_UUID_TEXT];

	nr_uuid_print(answer->sensor, uuid);
	nr_buf_addf(out, "ingest " NR_STR_FMT "\nsensor %s\n", NR_STR_ARG(answer->ingest), uuid);
	nr_buf_add_str(out, answer->certificate);
	nr_buf_add_str(out, answer->authority);
}

/* "NAME VALUE\n" with a value of printable ASCII without blanks. */
static bool take_line(struct nr_str *text, struct nr_str name, struct nr_str *ret_value)
{
	struct nr_str line = nr_str_cut(text, '\n');

	if (!nr_str_starts(line, name))
		return false;
	*ret_value = (struct nr_str){ line.p + name.n, line.n - name.n };
	for (size_t i = 0; i < ret_value->n; i++)
		if (ret_value->p[i] <= ' ' || ret_value->p[i] > '~')
			return false;
	return ret_value->n > 0;
}

int nr_enrol_answer_parse(struct nr_str text, struct nr_enrol_answer *ret_answer)
{
	struct nr_enrol_answer answer;
	struct nr_str uuid;

	if (text.n > NR_ENROL_TEXT)
		return NR_ELIMIT;
	if (!take_line(&text, NR_STR("ingest "), &answer.ingest) ||
	    answer.ingest.n >= NR_ENROL_INGEST || !take_line(&text, NR_STR("sensor "), &uuid) ||
	    nr_uuid_parse(uuid, &answer.sensor) < 0)
		return -EINVAL;
	if (nr_enrol_split(text, &answer.certificate, &answer.authority) < 0)
		return -EINVAL;
	*ret_answer = answer;
	return 0;
}
