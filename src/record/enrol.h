/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * enrol: what is written when a sensor joins a hub: the token a person carries, the request, the answer.
 *
 * Token     SECRET "." PIN: the secret is the hub's (serve/token.h), 1..79 of 0-9 A-Z a-z _; PIN is 56 characters of
 *           base32 (RFC 4648, lower case, no padding): 32 bytes pin of the hub's authority (base/pki.h) and the first
 *           3 bytes of the BLAKE2b-256 of these. With it the sensor knows its hub before it ever spoke to it.
 * Request   SECRET "\n", then a PKCS #10 request as PEM
 * Answer    "ingest HOST:PORT\n", "sensor UUID\n", then the certificate and the authority as PEM
 * Limits    NR_ENROL_TEXT bytes of request and answer
 * Threads   pure
 */
#include "base/pki.h"

enum {
	NR_ENROL_SECRET = 80,  /* with its NUL */
	NR_ENROL_TOKEN = 144,  /* with its NUL */
	NR_ENROL_INGEST = 280, /* with its NUL */
	NR_ENROL_TEXT = 32768,
};

struct nr_enrol_token {
	struct nr_str secret;
	uint8_t pin[NR_PKI_PIN_SIZE];
};
struct nr_enrol_request {
	struct nr_str secret, request;
};
struct nr_enrol_answer {
	struct nr_str ingest;
	struct nr_uuid sensor;
	struct nr_str certificate, authority;
};

/** @p secret has the characters and length above. */
void nr_enrol_token_print(const struct nr_enrol_token *token, char out[NR_ENROL_TOKEN]);
/** The secret is borrowed from @p text. @return 0; -EINVAL: not a token, or one letter of the pin is wrong */
NR_MUST_CHECK int nr_enrol_token_parse(struct nr_str text, struct nr_enrol_token *ret_token);

void nr_enrol_request_print(const struct nr_enrol_request *request, struct nr_buf *out);
/** Strings are borrowed from @p text. @return 0; -EINVAL; NR_ELIMIT */
NR_MUST_CHECK int nr_enrol_request_parse(struct nr_str text, struct nr_enrol_request *ret_request);

void nr_enrol_answer_print(const struct nr_enrol_answer *answer, struct nr_buf *out);
/** Strings are borrowed from @p text. @return 0; -EINVAL; NR_ELIMIT */
NR_MUST_CHECK int nr_enrol_answer_parse(struct nr_str text, struct nr_enrol_answer *ret_answer);

/** Of a certificate and then its authority (also the body of RENEWED): each block alone. @return 0; -EINVAL */
NR_MUST_CHECK int nr_enrol_split(struct nr_str pem, struct nr_str *ret_certificate,
				 struct nr_str *ret_authority);
