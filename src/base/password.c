/* SPDX-License-Identifier: Apache-2.0 */
#include "base/password.h"

#include <sodium.h>

#include "base/crypt.h"

enum { PASSES = 3, MEMORY = 64 << 20 };

_Static_assert(NR_PASSWORD_PHC == crypto_pwhash_argon2id_STRBYTES, "the text of libsodium");

int nr_password_hash(struct nr_str password, char ret_phc[NR_PASSWORD_PHC])
{
	memset(ret_phc, 0, NR_PASSWORD_PHC);
	return crypto_pwhash_argon2id_str(ret_phc, password.p, password.n, PASSES, MEMORY) == 0
		       ? 0
		       : -ENOMEM;
}

bool nr_password_check(const char *phc, struct nr_str password)
{
	char text[NR_PASSWORD_PHC] = { 0 }; /* libsodium wants its whole length */

	if (strlen(phc) >= sizeof(text))
		return false;
	memcpy(text, phc, strlen(phc));
	return crypto_pwhash_argon2id_str_verify(text, password.p, password.n) == 0;
}

bool nr_password_outdated(const char *phc)
{
	char text[NR_PASSWORD_PHC] = { 0 };

	if (strlen(phc) >= sizeof(text))
		return true;
	memcpy(text, phc, strlen(phc));
	return crypto_pwhash_argon2id_str_needs_rehash(text, PASSES, MEMORY) != 0;
}

void nr_password_waste(struct nr_str password)
{
	uint8_t salt[crypto_pwhash_argon2id_SALTBYTES] = { 0 }, out[32];

	/* Whether it had the memory is told nobody: then the real one fails too. */
	int ret = crypto_pwhash_argon2id(out, sizeof(out), password.p, password.n, salt, PASSES,
					 MEMORY, crypto_pwhash_argon2id_ALG_ARGON2ID13);

	(void)ret;
	nr_secret_wipe(out, sizeof(out));
}
