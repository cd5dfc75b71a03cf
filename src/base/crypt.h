/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * crypt: digests, signatures, random bytes, constant-time comparison: libsodium behind one header.
 *
 * nr_digest   BLAKE2b-256 (RFC 7693), unkeyed: what chains and content addresses are made of
 * nr_sign     Ed25519 (RFC 8032): heads of journal segments, later what hubs send
 * Call nr_crypt_init() once before threads start; it is safe to call again.
 */
#include "base/err.h"
#include "base/str.h"

enum {
	NR_DIGEST_SIZE = 32,
	NR_SIGNATURE_SIZE = 64,
	NR_PUBLIC_KEY_SIZE = 32,
	NR_SECRET_KEY_SIZE = 64
};

struct nr_digest {
	uint8_t b[NR_DIGEST_SIZE];
};
struct nr_sign_key {
	uint8_t public_key[NR_PUBLIC_KEY_SIZE];
	uint8_t secret_key[NR_SECRET_KEY_SIZE];
};

NR_MUST_CHECK int nr_crypt_init(void);
void nr_random(void *out, size_t n);

struct nr_digest nr_digest_of(const void *bytes, size_t n);
/** Digest of a || b: one step of a chain. */
struct nr_digest nr_digest_join(const void *a, size_t na, const void *b, size_t nb);
bool nr_digest_eq(const struct nr_digest *a, const struct nr_digest *b);

/** The same digest of what comes bit by bit. */
struct nr_digester {
	_Alignas(64) uint8_t state[384];
};
void nr_digester_begin(struct nr_digester *ret_digester);
void nr_digester_add(struct nr_digester *digester, const void *bytes, size_t n);
/** Once; then begin anew. */
struct nr_digest nr_digester_end(struct nr_digester *digester);

void nr_sign_key_new(struct nr_sign_key *ret_key);
/** PEM-free: 64 bytes of secret key, mode 0600. Missing: -ENOENT; wrong size or bits: NR_EDAMAGED. */
NR_MUST_CHECK int nr_sign_key_read(const char *path, struct nr_sign_key *ret_key,
				   struct nr_err *reterr);
NR_MUST_CHECK int nr_sign_key_write(const char *path, const struct nr_sign_key *key,
				    struct nr_err *reterr);
void nr_sign(const struct nr_sign_key *key, struct nr_bytes text,
	     uint8_t ret_signature[NR_SIGNATURE_SIZE]);
/** @return true only for a signature of exactly these bytes by this key. */
NR_MUST_CHECK bool nr_sign_check(const uint8_t public_key[NR_PUBLIC_KEY_SIZE], struct nr_bytes text,
				 const uint8_t signature[NR_SIGNATURE_SIZE]);

/* ---- sealing: text that only we can read, and that nobody can change ---- */

enum { NR_SEAL_KEY = 32, NR_SEAL_MORE = 40, NR_SEAL_MAX = 256 };

/**
 * Encrypt and authenticate @p plain (at most NR_SEAL_MAX), and authenticate @p about with it:
 * XChaCha20-Poly1305 with a nonce made of both by a keyed BLAKE2b, so the same words give the same
 * bytes, and no two different ones meet under a nonce. @p out gets plain.n + NR_SEAL_MORE bytes.
 */
void nr_seal(const uint8_t key[NR_SEAL_KEY], struct nr_bytes about, struct nr_bytes plain,
	     uint8_t *out);
/**
 * @p out gets sealed.n - NR_SEAL_MORE bytes. @return false: not sealed with this key and about this;
 * what @p out holds then means nothing
 */
NR_MUST_CHECK bool nr_seal_open(const uint8_t key[NR_SEAL_KEY], struct nr_bytes about,
				struct nr_bytes sealed, uint8_t *out);
/** URL-safe base64 without padding. @p out holds NR_BASE64_SIZE(n) bytes with the NUL. */
#define NR_BASE64_SIZE(n) (((n)*4 + 2) / 3 + 1)
void nr_base64_print(struct nr_bytes bytes, char *out);
/** @return 0; -EINVAL: not exactly @p n bytes, or not written in the one way that is allowed */
NR_MUST_CHECK int nr_base64_parse(struct nr_str text, uint8_t *out, size_t n);

/** Same length, same bytes, in time that depends on n alone. */
NR_MUST_CHECK bool nr_secret_eq(const void *a, const void *b, size_t n);
void nr_secret_wipe(void *p, size_t n);
/** A file that only its owner may ever read (0600 from birth): temporary, fsync, rename as nr_io_replace(). */
NR_MUST_CHECK int nr_secret_write(const char *path, const void *bytes, size_t n,
				  struct nr_err *reterr);

/** Random UUID (RFC 9562, version 4). */
enum { NR_UUID_SIZE = 16, NR_UUID_TEXT = 37 };
struct nr_uuid {
	uint8_t b[NR_UUID_SIZE];
};
struct nr_uuid nr_uuid_new(void);
/** Lower case, hyphens; @p out holds NR_UUID_TEXT bytes with the NUL. */
void nr_uuid_print(struct nr_uuid uuid, char *out);
/** 36 characters, either case, no braces. @return 0; -EINVAL */
NR_MUST_CHECK int nr_uuid_parse(struct nr_str text, struct nr_uuid *ret_uuid);
bool nr_uuid_eq(struct nr_uuid a, struct nr_uuid b);
