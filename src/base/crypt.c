/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypt.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"

_Static_assert(NR_DIGEST_SIZE == crypto_generichash_BYTES, "BLAKE2b-256");
_Static_assert(NR_SIGNATURE_SIZE == crypto_sign_BYTES, "Ed25519");
_Static_assert(NR_PUBLIC_KEY_SIZE == crypto_sign_PUBLICKEYBYTES, "Ed25519");
_Static_assert(NR_SEAL_KEY == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "XChaCha20");
_Static_assert(NR_SEAL_MORE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES +
				       crypto_aead_xchacha20poly1305_ietf_ABYTES,
	       "nonce and tag");
_Static_assert(NR_SECRET_KEY_SIZE == crypto_sign_SECRETKEYBYTES, "Ed25519");

int nr_crypt_init(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

void nr_random(void *out, size_t n)
{
	randombytes_buf(out, n);
}

/* ---- digests ---- */

struct nr_digest nr_digest_of(const void *bytes, size_t n)
{
	struct nr_digest digest;

	/* Fails only for sizes that the assertions above exclude. */
	nr_require(crypto_generichash(digest.b, sizeof(digest.b), bytes, n, NULL, 0) == 0);
	return digest;
}

struct nr_digest nr_digest_join(const void *a, size_t na, const void *b, size_t nb)
{
	crypto_generichash_state state;
	struct nr_digest digest;
	int ret = crypto_generichash_init(&state, NULL, 0, sizeof(digest.b));

	ret |= crypto_generichash_update(&state, a, na);
	ret |= crypto_generichash_update(&state, b, nb);
	ret |= crypto_generichash_final(&state, digest.b, sizeof(digest.b));
	nr_require(ret == 0);
	return digest;
}

_Static_assert(sizeof(crypto_generichash_state) <= sizeof(((struct nr_digester *)0)->state),
	       "room");

static crypto_generichash_state *state_of(struct nr_digester *digester)
{
	return (crypto_generichash_state *)(void *)digester->state;
}

void nr_digester_begin(struct nr_digester *ret_digester)
{
	nr_require(crypto_generichash_init(state_of(ret_digester), NULL, 0, NR_DIGEST_SIZE) == 0);
}

void nr_digester_add(struct nr_digester *digester, const void *bytes, size_t n)
{
	nr_require(crypto_generichash_update(state_of(digester), bytes, n) == 0);
}

struct nr_digest nr_digester_end(struct nr_digester *digester)
{
	struct nr_digest digest;

	nr_require(crypto_generichash_final(state_of(digester), digest.b, sizeof(digest.b)) == 0);
	return digest;
}

bool nr_digest_eq(const struct nr_digest *a, const struct nr_digest *b)
{
	return nr_secret_eq(a->b, b->b, sizeof(a->b));
}

/* ---- sealing ---- */

enum { NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES };

/* One key a purpose: 1 for the nonce, 2 for the cipher. */
static void key_for(const uint8_t key[NR_SEAL_KEY], uint64_t purpose, uint8_t out[NR_SEAL_KEY])
{
	nr_require(crypto_kdf_derive_from_key(out, NR_SEAL_KEY, purpose, "nr_seal ", key) == 0);
}

static void make_nonce(const uint8_t key[NR_SEAL_KEY], struct nr_bytes about, struct nr_bytes plain,
		       uint8_t out[NONCE])
{
	crypto_generichash_state state;
	uint8_t own[NR_SEAL_KEY];
	uint64_t n = about.n; /* so that the border between both is part of it */
	int ret;

	key_for(key, 1, own);
	ret = crypto_generichash_init(&state, own, sizeof(own), NONCE);
	ret |= crypto_generichash_update(&state, (const uint8_t *)&n, sizeof(n));
	ret |= crypto_generichash_update(&state, about.p, about.n);
	ret |= crypto_generichash_update(&state, plain.p, plain.n);
	ret |= crypto_generichash_final(&state, out, NONCE);
	nr_require(ret == 0);
	nr_secret_wipe(own, sizeof(own));
}

void nr_seal(const uint8_t key[NR_SEAL_KEY], struct nr_bytes about, struct nr_bytes plain,
	     uint8_t *out)
{
	uint8_t own[NR_SEAL_KEY];

	nr_require(plain.n <= NR_SEAL_MAX);
	make_nonce(key, about, plain, out);
	key_for(key, 2, own);
	nr_require(crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE, NULL, plain.p, plain.n,
							      about.p, about.n, NULL, out,
							      own) == 0);
	nr_secret_wipe(own, sizeof(own));
}

bool nr_seal_open(const uint8_t key[NR_SEAL_KEY], struct nr_bytes about, struct nr_bytes sealed,
		  uint8_t *out)
{
	uint8_t own[NR_SEAL_KEY];
	int ret;

	if (sealed.n < NR_SEAL_MORE || sealed.n > NR_SEAL_MORE + NR_SEAL_MAX)
		return false;
	key_for(key, 2, own);
	ret = crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed.p + NONCE,
							 sealed.n - NONCE, about.p, about.n,
							 sealed.p, own);
	nr_secret_wipe(own, sizeof(own));
	return ret == 0;
}

void nr_base64_print(struct nr_bytes bytes, char *out)
{
	nr_require(sodium_bin2base64(out, NR_BASE64_SIZE(bytes.n), bytes.p, bytes.n,
				     sodium_base64_VARIANT_URLSAFE_NO_PADDING) == out);
}

int nr_base64_parse(struct nr_str text, uint8_t *out, size_t n)
{
	const char *end = NULL;
	size_t got = 0;

	if (text.n != NR_BASE64_SIZE(n) - 1 ||
	    sodium_base642bin(out, n, text.p, text.n, NULL, &got, &end,
			      sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		return -EINVAL;
	return got == n && end == text.p + text.n ? 0 : -EINVAL;
}

/* ---- signatures ---- */

void nr_sign_key_new(struct nr_sign_key *ret_key)
{
	nr_require(crypto_sign_keypair(ret_key->public_key, ret_key->secret_key) == 0);
}

/* The second half of the secret key is the public key: it must be the one that the first half makes. */
static bool key_fits(struct nr_sign_key *key)
{
	uint8_t seed[crypto_sign_SEEDBYTES], secret[NR_SECRET_KEY_SIZE];
	bool fits;

	memcpy(seed, key->secret_key, sizeof(seed));
	fits = crypto_sign_seed_keypair(key->public_key, secret, seed) == 0 &&
	       nr_secret_eq(secret, key->secret_key, sizeof(secret));
	nr_secret_wipe(seed, sizeof(seed));
	nr_secret_wipe(secret, sizeof(secret));
	return fits;
}

static int key_read(int fd, const char *path, struct nr_sign_key *key, struct nr_err *reterr)
{
	uint8_t bytes[NR_SECRET_KEY_SIZE + 1];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return nr_fail(reterr, -errno, "%s: %s", path, nr_err_text(-errno));
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
		return nr_fail(reterr, NR_EDAMAGED, "%s: a secret key must be a file of mode 0600",
			       path);
	n = nr_io_read_full(fd, bytes, sizeof(bytes));
	if (n == NR_SECRET_KEY_SIZE)
		memcpy(key->secret_key, bytes, NR_SECRET_KEY_SIZE);
	nr_secret_wipe(bytes, sizeof(bytes));
	if (n < 0)
		return nr_fail(reterr, (int)n, "%s: %s", path, nr_err_text((int)n));
	if (n != NR_SECRET_KEY_SIZE || !key_fits(key))
		return nr_fail(reterr, NR_EDAMAGED, "%s: not a secret key of 64 bytes", path);
	return 0;
}

int nr_sign_key_read(const char *path, struct nr_sign_key *ret_key, struct nr_err *reterr)
{
	struct nr_sign_key key;
	int fd = nr_io_open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0), ret;

	if (fd < 0)
		return nr_fail(reterr, fd, "%s: %s", path, nr_err_text(fd));
	ret = key_read(fd, path, &key, reterr);
	(void)nr_io_close(fd); /* nothing was written */
	if (ret == 0)
		*ret_key = key;
	nr_secret_wipe(&key, sizeof(key));
	return ret;
}

int nr_sign_key_write(const char *path, const struct nr_sign_key *key, struct nr_err *reterr)
{
	return nr_secret_write(path, key->secret_key, sizeof(key->secret_key), reterr);
}

void nr_sign(const struct nr_sign_key *key, struct nr_bytes text,
	     uint8_t ret_signature[NR_SIGNATURE_SIZE])
{
	nr_require(crypto_sign_detached(ret_signature, NULL, text.p, text.n, key->secret_key) == 0);
}

bool nr_sign_check(const uint8_t public_key[NR_PUBLIC_KEY_SIZE], struct nr_bytes text,
		   const uint8_t signature[NR_SIGNATURE_SIZE])
{
	return crypto_sign_verify_detached(signature, text.p, text.n, public_key) == 0;
}

/* ---- secrets ---- */

bool nr_secret_eq(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

void nr_secret_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

int nr_secret_write(const char *path, const void *bytes, size_t n, struct nr_err *reterr)
{
	char temp[4096];
	int len = snprintf(temp, sizeof(temp), "%s.tmp", path), fd, ret;

	if (len < 0 || (size_t)len >= sizeof(temp))
		return nr_fail(reterr, -ENAMETOOLONG, "%s: name too long", path);
	(void)nr_io_unlink(temp); /* of a run that was killed */
	fd = nr_io_open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return nr_fail(reterr, fd, "%s: %s", temp, nr_err_text(fd));
	ret = nr_io_write_all(fd, bytes, n);
	if (ret < 0)
		nr_io_temp_drop(fd, temp);
	else
		ret = nr_io_temp_commit(fd, temp, path);
	return ret == 0 ? 0 : nr_fail(reterr, ret, "%s: %s", path, nr_err_text(ret));
}

/* ---- UUID ---- */

struct nr_uuid nr_uuid_new(void)
{
	struct nr_uuid uuid;

	nr_random(uuid.b, sizeof(uuid.b));
	uuid.b[6] = (uint8_t)((uuid.b[6] & 0x0f) | 0x40); /* version 4 */
	uuid.b[8] = (uint8_t)((uuid.b[8] & 0x3f) | 0x80); /* the variant of RFC 9562 */
	return uuid;
}

static bool hyphen_before(size_t byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void nr_uuid_print(struct nr_uuid uuid, char *out)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(uuid.b); i++) {
		if (hyphen_before(i))
			*out++ = '-';
		*out++ = hex[uuid.b[i] >> 4];
		*out++ = hex[uuid.b[i] & 15];
	}
	*out = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int nr_uuid_parse(struct nr_str text, struct nr_uuid *ret_uuid)
{
	struct nr_uuid uuid;
	const char *at = text.p;

	if (text.n != NR_UUID_TEXT - 1)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(uuid.b); i++) {
		int high, low;

		if (hyphen_before(i) && *at++ != '-')
			return -EINVAL;
		high = hex_value(*at++);
		low = hex_value(*at++);
		if (high < 0 || low < 0)
			return -EINVAL;
		uuid.b[i] = (uint8_t)(high << 4 | low);
	}
	*ret_uuid = uuid;
	return 0;
}

bool nr_uuid_eq(struct nr_uuid a, struct nr_uuid b)
{
	return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}
