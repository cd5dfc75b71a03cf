/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * totp: one-time codes of an authenticator (RFC 6238): HMAC-SHA-1, 30 s, six digits, a secret of
 * 20 bytes.
 *
 * Once      a code is good for one step; nr_totp_check() gives that step, and the registry remembers
 *           the newest that was used: none works twice, and none before it
 * Clock     the step before and the one after are good too
 * Source    RFC 6238, RFC 4226 section 5.3, RFC 4648 section 6; the otpauth URI as Google Authenticator
 *           reads it
 */
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

enum {
	NR_TOTP_SECRET = 20,
	NR_TOTP_STEP_S = 30,
	NR_TOTP_DIGITS = 6,
	NR_TOTP_URI = 640,
	NR_TOTP_TEXT = 33
};

/** The code of a step, 6 digits and a NUL. */
void nr_totp_code(const uint8_t secret[NR_TOTP_SECRET], uint64_t step,
		  char out[NR_TOTP_DIGITS + 1]);
/** @p used: newest step that was used. @return the step; 0: the code is not good now */
NR_MUST_CHECK uint64_t nr_totp_check(const uint8_t secret[NR_TOTP_SECRET], struct nr_str code,
				     uint64_t used, struct nr_time now);
/** The secret as people type it: base32. */
void nr_totp_text(const uint8_t secret[NR_TOTP_SECRET], char out[NR_TOTP_TEXT]);
/** otpauth://totp/ISSUER:LOGIN?secret=...&issuer=ISSUER */
void nr_totp_uri(const uint8_t secret[NR_TOTP_SECRET], const char *issuer, const char *login,
		 char out[NR_TOTP_URI]);
