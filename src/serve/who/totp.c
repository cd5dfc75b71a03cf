/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/who/totp.h"

#include <gnutls/crypto.h>
#include <stdio.h>

#include "base/crypt.h"

enum { SHA1_SIZE = 20, MODULUS = 1000000 };

void nr_totp_code(const uint8_t secret[NR_TOTP_SECRET], uint64_t step, char out[NR_TOTP_DIGITS + 1])
{
	uint8_t counter[8], mac[SHA1_SIZE];

	for (size_t i = 0; i < sizeof(counter); i++)
		counter[i] = (uint8_t)(step >> (56 - 8 * i));
	nr_require(gnutls_hmac_fast(GNUTLS_MAC_SHA1, secret, NR_TOTP_SECRET, counter,
				    sizeof(counter), mac) == 0);
	/* RFC 4226, 5.3: four bytes from where the last half byte says */
	const uint8_t *p = mac + (mac[SHA1_SIZE - 1] & 15);
	uint32_t v = (uint32_t)(p[0] & 0x7f) << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
		     p[3];

	(void)snprintf(out, NR_TOTP_DIGITS + 1, "%06u", v % MODULUS);
	nr_secret_wipe(mac, sizeof(mac));
}

uint64_t nr_totp_check(const uint8_t secret[NR_TOTP_SECRET], struct nr_str code, uint64_t used,
		       struct nr_time now)
{
	uint64_t middle = (uint64_t)(nr_time_floor_s(now) / NR_TOTP_STEP_S), good = 0;
	char want[NR_TOTP_DIGITS + 1];

	if (code.n != NR_TOTP_DIGITS || middle == 0)
		return 0;
	for (uint64_t step = middle - 1; step <= middle + 1; step++) {
		nr_totp_code(secret, step, want);
		if (nr_secret_eq(want, code.p, NR_TOTP_DIGITS) && step > used && good == 0)
			good = step;
	}
	nr_secret_wipe(want, sizeof(want));
	return good;
}

void nr_totp_text(const uint8_t secret[NR_TOTP_SECRET], char out[NR_TOTP_TEXT])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint64_t bits = 0;
	unsigned n_bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < NR_TOTP_SECRET; i++) { /* 20 bytes are 32 digits exactly */
		bits = bits << 8 | secret[i];
		for (n_bits += 8; n_bits >= 5; n_bits -= 5)
			out[n++] = digits[bits >> (n_bits - 5) & 31];
	}
	out[n] = '\0';
}

/* RFC 3986: what is not unreserved is written as its bytes. */
static void add_escaped(char *out, size_t cap, const char *text)
{
	size_t n = strlen(out);

	for (; *text != '\0' && n + 4 < cap; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || strchr("-._~", c) != NULL;

		n += (size_t)snprintf(out + n, cap - n, plain ? "%c" : "%%%02X", c);
	}
}

void nr_totp_uri(const uint8_t secret[NR_TOTP_SECRET], const char *issuer, const char *login,
		 char out[NR_TOTP_URI])
{
	char name[152] = "", who[152] = "", text[NR_TOTP_TEXT];

	add_escaped(name, sizeof(name), issuer);
	add_escaped(who, sizeof(who), login);
	nr_totp_text(secret, text);
	(void)snprintf(out, NR_TOTP_URI,
		       "otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=6&"
		       "period=30",
		       name, who, text, name);
	nr_secret_wipe(text, sizeof(text));
}
