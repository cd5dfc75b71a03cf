/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <string.h>

#include "base/cmocka.h"

/* Key 00 01 .. 0f, message 00 01 .. n-1: the pattern of the paper's appendix, for 1-3 rounds. */
static void siphash13_gives_the_published_values(void **state)
{
	static const struct nr_hash_key key = { { UINT64_C(0x0706050403020100),
						  UINT64_C(0x0f0e0d0c0b0a0908) } };
	static const struct {
		size_t n;
		uint64_t want;
	} cases[] = {
		{ 0, UINT64_C(0xabac0158050fc4dc) },  { 1, UINT64_C(0xc9f49bf37d57ca93) },
		{ 7, UINT64_C(0xd3927d989bb11140) },  { 8, UINT64_C(0x369095118d299a8e) },
		{ 15, UINT64_C(0xd320d86d2a519956) }, { 63, UINT64_C(0x9d199062b7bbb3a8) },
	};
	uint8_t message[64];

	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	for (size_t i = 0; i < NR_COUNT(cases); i++)
		assert_int_equal(nr_siphash13(&key, message, cases[i].n), cases[i].want);
}

/* CPython 3.11 hashes bytes with SipHash-1-3 and, under PYTHONHASHSEED=0, a zero key. */
static void siphash13_agrees_with_another_implementation(void **state)
{
	static const struct nr_hash_key zero;
	char text[100];

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(nr_siphash13(&zero, "noroshi", 7), UINT64_C(0x80058f62642c0fee));
	assert_int_equal(nr_siphash13(&zero, text, sizeof(text)), UINT64_C(0xdb4f1f048099e5ee));
}

static void crc32c_gives_the_values_of_rfc_3720(void **state)
{
	uint8_t bytes[32];

	(void)state;
	assert_int_equal(nr_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(nr_crc32c(0, NULL, 0), 0);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(nr_crc32c(0, bytes, sizeof(bytes)), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(nr_crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(nr_crc32c(0, bytes, sizeof(bytes)), 0x46dd794e);
}

static void both_crc32c_agree_at_every_length_start_and_cut(void **state)
{
	uint8_t bytes[80];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)nr_mix64(i + 1);
	for (size_t at = 0; at < 9; at++) {
		for (size_t n = 0; n <= sizeof(bytes) - at; n++) {
			uint32_t whole = nr_crc32c_portable(0, bytes + at, n);
			uint32_t head = nr_crc32c(0, bytes + at, n / 3);

			assert_int_equal(nr_crc32c(0, bytes + at, n), whole);
			assert_int_equal(nr_crc32c(head, bytes + at + n / 3, n - n / 3), whole);
		}
	}
}

static void random_keys_differ(void **state)
{
	struct nr_hash_key a = { { 0 } }, b = { { 0 } };

	(void)state;
	assert_int_equal(nr_hash_key_random(&a), 0);
	assert_int_equal(nr_hash_key_random(&b), 0);
	assert_memory_not_equal(&a, &b, sizeof(a));
}

/* Sequential keys are what a scanner sends; every bit of the hash must move for them. */
static void hash64_spreads_sequential_keys(void **state)
{
	struct nr_hash_key key;
	unsigned buckets[256] = { 0 }, high[256] = { 0 };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(key.k); i++)
		key.k[i] = nr_mix64(i + 77);
	for (uint64_t i = 0; i < 256 * 64; i++) {
		uint64_t h = nr_hash64(&key, 0, i);

		buckets[h & 255]++;
		high[h >> 56]++;
	}
	for (size_t i = 0; i < 256; i++) {
		assert_in_range(buckets[i], 16, 160); /* mean 64, standard deviation 8 */
		assert_in_range(high[i], 16, 160);
	}
}

static void mix64_is_fixed_for_ever(void **state)
{
	(void)state;
	assert_int_equal(nr_mix64(0), 0);
	assert_int_equal(nr_mix64(1), UINT64_C(0x4179b061e0c0e0d0));
	assert_int_equal(nr_mix64(UINT64_MAX), UINT64_C(0x448e29ced4103459));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash13_gives_the_published_values),
		cmocka_unit_test(siphash13_agrees_with_another_implementation),
		cmocka_unit_test(crc32c_gives_the_values_of_rfc_3720),
		cmocka_unit_test(both_crc32c_agree_at_every_length_start_and_cut),
		cmocka_unit_test(random_keys_differ),
		cmocka_unit_test(hash64_spreads_sequential_keys),
		cmocka_unit_test(mix64_is_fixed_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
