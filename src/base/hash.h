/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * hash: keyed hashes for tables, and fixed ones for what travels.
 *
 * nr_hash64     keyed, for hash tables whose keys an attacker chooses: multiply-fold of secret-masked
 *               words (the NH family of RFC 4418 with a 128-bit fold). The key is random per
 *               process and hash values never leave it. ~2 ns.
 * nr_siphash13  keyed, for longer byte strings. Source: Aumasson and Bernstein, SipHash, 2012.
 * nr_mix64      fixed, unkeyed: shard choice and sketches, which must agree between machines.
 * nr_crc32c     Castagnoli (RFC 3720 B.4), SSE4.2 where the processor has it.
 */
#include "base/def.h"

struct nr_hash_key {
	uint64_t k[4];
};

/** From the kernel's random source. @return 0; -errno */
NR_MUST_CHECK int nr_hash_key_random(struct nr_hash_key *ret_key);

static inline uint64_t nr_fold64(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}
static inline uint64_t nr_hash64(const struct nr_hash_key *key, uint64_t a, uint64_t b)
{
	return nr_fold64(nr_fold64(a ^ key->k[0], b ^ key->k[1]) ^ key->k[2], key->k[3] | 1);
}
static inline uint64_t nr_mix64(uint64_t x)
{
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	return x;
}

uint64_t nr_siphash13(const struct nr_hash_key *key, const void *bytes, size_t n);
uint32_t nr_crc32c(uint32_t crc, const void *bytes, size_t n);
/** The same without processor support; for tests and other processors. */
uint32_t nr_crc32c_portable(uint32_t crc, const void *bytes, size_t n);
