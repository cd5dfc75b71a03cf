/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/lab/rng.h"

/* log2(1 + i / 128) in Q32; the last one is one below 1. */
static const uint32_t log2_table[129] = {
	0x00000000u, 0x02dfca17u, 0x05b9e5a1u, 0x088e68ebu, 0x0b5d69bbu, 0x0e26fd5du, 0x10eb38a0u,
	0x13aa2fddu, 0x1663f6fbu, 0x1918a16eu, 0x1bc84241u, 0x1e72ec11u, 0x2118b11au, 0x23b9a32fu,
	0x2655d3c5u, 0x28ed53f3u, 0x2b803474u, 0x2e0e85aau, 0x309857a0u, 0x331dba0fu, 0x359ebc5bu,
	0x381b6d9cu, 0x3a93dc98u, 0x3d0817cfu, 0x3f782d72u, 0x41e42b6fu, 0x444c1f6bu, 0x46b016cau,
	0x49101eacu, 0x4b6c43f1u, 0x4dc4933bu, 0x501918ecu, 0x5269e12fu, 0x54b6f7f1u, 0x570068e8u,
	0x59463f92u, 0x5b888736u, 0x5dc74aeau, 0x6002958cu, 0x623a71ccu, 0x646eea24u, 0x66a008e4u,
	0x68cdd82au, 0x6af861e6u, 0x6d1fafddu, 0x6f43cba8u, 0x7164beb5u, 0x73829249u, 0x759d4f81u,
	0x77b4ff51u, 0x79c9aa88u, 0x7bdb59cdu, 0x7dea15a3u, 0x7ff5e66au, 0x81fed45du, 0x8404e794u,
	0x86082807u, 0x88089d8bu, 0x8a064fd5u, 0x8c01467cu, 0x8df988f5u, 0x8fef1e98u, 0x91e20ea1u,
	0x93d2602cu, 0x95c01a3au, 0x97ab43afu, 0x9993e356u, 0x9b79ffdbu, 0x9d5d9fd5u, 0x9f3ec9bdu,
	0xa11d83f5u, 0xa2f9d4c5u, 0xa4d3c25eu, 0xa6ab52dau, 0xa8808c38u, 0xaa537465u, 0xac241135u,
	0xadf26866u, 0xafbe7fa1u, 0xb1885c7bu, 0xb3500472u, 0xb5157cf3u, 0xb6d8cb54u, 0xb899f4d9u,
	0xba58feb2u, 0xbc15edffu, 0xbdd0c7cau, 0xbf89910cu, 0xc1404eaeu, 0xc2f50586u, 0xc4a7ba58u,
	0xc65871dau, 0xc80730b0u, 0xc9b3fb6du, 0xcb5ed695u, 0xcd07c69eu, 0xceaecfebu, 0xd053f6d2u,
	0xd1f73f9cu, 0xd398ae81u, 0xd53847acu, 0xd6d60f39u, 0xd8720936u, 0xda0c39a5u, 0xdba4a47bu,
	0xdd3b4d9du, 0xded038e6u, 0xe0636a24u, 0xe1f4e517u, 0xe384ad75u, 0xe512c6e5u, 0xe69f3506u,
	0xe829fb69u, 0xe9b31d94u, 0xeb3a9f02u, 0xecc08322u, 0xee44cd5au, 0xefc78104u, 0xf148a170u,
	0xf2c831e4u, 0xf446359bu, 0xf5c2afc6u, 0xf73da38eu, 0xf8b7140fu, 0xfa2f045eu, 0xfba57787u,
	0xfd1a708cu, 0xfe8df264u, 0xffffffffu,
};

uint64_t nr_lab_log2_q32(uint64_t x)
{
	unsigned top = 63u - (unsigned)__builtin_clzll(x);
	uint64_t mantissa = top == 0 ? 0 : x << (64u - top); /* Q64 fraction below the top bit */
	unsigned i = (unsigned)(mantissa >> 57);
	uint64_t rest = (mantissa >> 25) & UINT32_MAX;
	uint64_t step = log2_table[i + 1] - log2_table[i];

	return ((uint64_t)top << 32) + log2_table[i] + (step * rest >> 32);
}

int64_t nr_lab_rng_exp(struct nr_lab_rng *rng, int64_t mean)
{
	static const uint64_t ln2_q32 = 2977044472; /* ln 2 in Q32 */
	uint64_t u = nr_lab_rng_next(rng) | 1;
	uint64_t bits = (UINT64_C(64) << 32) - nr_lab_log2_q32(u); /* -log2(u / 2^64) */
	__extension__ unsigned __int128 nats = (unsigned __int128)bits * ln2_q32 >> 32;

	return (int64_t)(nats * (uint64_t)mean >> 32);
}

uint64_t nr_lab_rng_pareto(struct nr_lab_rng *rng, uint64_t cap)
{
	uint64_t n = UINT64_MAX / (nr_lab_rng_next(rng) | 1);

	return n < cap ? n : cap;
}

/* Multiply and xor-shift are bijections modulo a power of two; walking the cycle until the value
 * falls below n makes one of [0, n). */
uint32_t nr_lab_permute(uint64_t secret, uint64_t n, uint64_t i)
{
	unsigned bits = n < 4 ? 2u : 64u - (unsigned)__builtin_clzll(n - 1);
	uint64_t mask = (UINT64_C(1) << bits) - 1, x = i;
	uint64_t mul = secret | 1, add = secret >> 17, mul2 = (secret >> 31) * 2 + 5;

	do {
		x = (x * mul + add) & mask;
		x ^= x >> (bits / 2 + 1);
		x = (x * mul2) & mask;
		x ^= x >> (bits / 2);
		x = (x * UINT64_C(0x9e3779b97f4a7c15)) & mask;
		x ^= x >> (bits / 2 + 1);
	} while (x >= n);
	return (uint32_t)x;
}
