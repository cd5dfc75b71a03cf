/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypt.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "base/io.h"

static void from_hex(const char *hex, uint8_t *out)
{
	for (size_t i = 0; hex[2 * i] != '\0'; i++) {
		char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		out[i] = (uint8_t)strtoul(two, NULL, 16);
	}
}

/* BLAKE2b with 32 bytes of output, as `b2sum -l 256` prints it. */
static void digests_are_those_of_other_programs(void **state)
{
	static const struct {
		const char *text, *hex;
	} cases[] = {
		{ "", "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8" },
		{ "abc", "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_digest digest = nr_digest_of(cases[i].text, strlen(cases[i].text)), want;

		from_hex(cases[i].hex, want.b);
		assert_memory_equal(digest.b, want.b, sizeof(want.b));
		assert_true(nr_digest_eq(&digest, &want));
		want.b[31] ^= 1;
		assert_false(nr_digest_eq(&digest, &want));
	}
}

static void a_joined_digest_is_the_digest_of_both_in_a_row(void **state)
{
	static const char abc[] = "abc";

	(void)state;
	for (size_t cut = 0; cut <= 3; cut++) {
		struct nr_digest joined = nr_digest_join(abc, cut, &abc[cut], 3 - cut);
		struct nr_digest whole = nr_digest_of(abc, 3);

		struct nr_digester bits;

		assert_true(nr_digest_eq(&joined, &whole));
		nr_digester_begin(&bits);
		nr_digester_add(&bits, abc, cut);
		nr_digester_add(&bits, &abc[cut], 3 - cut);
		joined = nr_digester_end(&bits);
		assert_true(nr_digest_eq(&joined, &whole));
	}
}

/* RFC 8032, section 7.1, test 2. */
static void a_signature_is_that_of_the_rfc(void **state)
{
	uint8_t text[] = { 0x72 }, signature[NR_SIGNATURE_SIZE], want[NR_SIGNATURE_SIZE];
	struct nr_sign_key key;

	(void)state;
	from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
		 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
		 key.secret_key);
	memcpy(key.public_key, key.secret_key + 32, sizeof(key.public_key));
	from_hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
		 "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
		 want);
	nr_sign(&key, (struct nr_bytes){ text, sizeof(text) }, signature);
	assert_memory_equal(signature, want, sizeof(want));
}

static void only_the_signed_bytes_by_this_key_are_good(void **state)
{
	uint8_t text[] = "head of a segment", signature[NR_SIGNATURE_SIZE];
	struct nr_bytes all = { text, sizeof(text) };
	struct nr_sign_key key, other;

	(void)state;
	nr_sign_key_new(&key);
	nr_sign_key_new(&other);
	nr_sign(&key, all, signature);
	assert_true(nr_sign_check(key.public_key, all, signature));
	assert_false(nr_sign_check(other.public_key, all, signature));
	assert_false(nr_sign_check(key.public_key, (struct nr_bytes){ text, 3 }, signature));
	for (size_t i = 0; i < sizeof(signature); i++) {
		signature[i] ^= 0x10;
		assert_false(nr_sign_check(key.public_key, all, signature));
		signature[i] ^= 0x10;
	}
	text[0] ^= 1;
	assert_false(nr_sign_check(key.public_key, all, signature));
}

static void a_key_file_comes_back_and_a_bad_one_is_refused(void **state)
{
	char dir[] = "/tmp/nr-crypt-XXXXXX", path[64];
	struct nr_sign_key key, back;
	struct nr_err err;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/key", dir);
	nr_sign_key_new(&key);
	assert_int_equal(nr_sign_key_read(path, &back, &err), -ENOENT);
	assert_int_equal(nr_sign_key_write(path, &key, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(nr_sign_key_read(path, &back, &err), 0);
	assert_memory_equal(&back, &key, sizeof(key));

	assert_int_equal(chmod(path, 0640), 0); /* others may read it */
	assert_int_equal(nr_sign_key_read(path, &back, &err), NR_EDAMAGED);
	assert_int_equal(chmod(path, 0600), 0);
	key.secret_key[40] ^= 1; /* halves that do not belong together */
	assert_int_equal(nr_sign_key_write(path, &key, &err), 0);
	assert_int_equal(nr_sign_key_read(path, &back, &err), NR_EDAMAGED);
	for (size_t n = 0; n < 2; n++) {
		assert_int_equal(nr_io_replace(path,
					       "too short, too long, too short, too long, "
					       "too short, too long, too short",
					       n == 0 ? 63 : 65, &err),
				 0);
		assert_int_equal(nr_sign_key_read(path, &back, &err), NR_EDAMAGED);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void a_uuid_prints_and_parses_and_is_random(void **state)
{
	struct nr_uuid a = nr_uuid_new(), b = nr_uuid_new(), back;
	char text[NR_UUID_TEXT];

	(void)state;
	assert_false(nr_uuid_eq(a, b));
	nr_uuid_print(a, text);
	assert_int_equal(strlen(text), 36);
	assert_int_equal(text[14], '4');
	assert_non_null(strchr("89ab", text[19]));
	assert_int_equal(nr_uuid_parse(nr_str_from(text), &back), 0);
	assert_true(nr_uuid_eq(a, back));
	assert_int_equal(nr_uuid_parse(NR_STR("00112233-4455-6677-8899-AABBCCDDEEFF"), &back), 0);
	nr_uuid_print(back, text);
	assert_string_equal(text, "00112233-4455-6677-8899-aabbccddeeff");
}

static void what_is_no_uuid_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"00112233445566778899aabbccddeeff",
		"{00112233-4455-6677-8899-aabbccddeeff}",
		"00112233-4455-6677-8899-aabbccddeef",
		"00112233-4455-6677-8899-aabbccddeeff0",
		"00112233-4455-6677-8899-aabbccddeefg",
		"001122334-455-6677-8899-aabbccddeeff",
		"00112233-4455-6677-8899 aabbccddeeff",
		"0x112233-4455-6677-8899-aabbccddeeff",
		"-0112233-4455-6677-8899-aabbccddeeff",
	};
	struct nr_uuid uuid;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(bad); i++)
		assert_int_equal(nr_uuid_parse(nr_str_from(bad[i]), &uuid), -EINVAL);
	assert_int_equal(nr_uuid_parse((struct nr_str){ "00112233-4455-6677-8899-aabbccddee\0f",
							36 },
				       &uuid),
			 -EINVAL);
}

static void secrets_compare_and_vanish(void **state)
{
	char a[] = "one secret", b[] = "one secret", zero[sizeof(a)] = { 0 };

	(void)state;
	assert_true(nr_secret_eq(a, b, sizeof(a)));
	b[9] = 'T';
	assert_false(nr_secret_eq(a, b, sizeof(a)));
	nr_secret_wipe(a, sizeof(a));
	assert_memory_equal(a, zero, sizeof(a));
}

static void what_is_sealed_opens_for_the_same_words_alone(void **state)
{
	static const uint8_t key[NR_SEAL_KEY] = { 1 }, other[NR_SEAL_KEY] = { 2 };
	struct nr_bytes about = { (const uint8_t *)"about", 5 },
			plain = { (const uint8_t *)"x=77", 4 };
	uint8_t sealed[4 + NR_SEAL_MORE], again[4 + NR_SEAL_MORE], open[4];
	struct nr_bytes all = { sealed, sizeof(sealed) };

	(void)state;
	nr_seal(key, about, plain, sealed);
	nr_seal(key, about, plain, again);
	assert_memory_equal(sealed, again, sizeof(sealed));
	assert_true(nr_seal_open(key, about, all, open));
	assert_memory_equal(open, "x=77", 4);
	assert_false(nr_seal_open(other, about, all, open));
	assert_false(nr_seal_open(key, (struct nr_bytes){ (const uint8_t *)"abou", 4 }, all, open));
	for (size_t i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 0x10;
		assert_false(nr_seal_open(key, about, all, open));
		sealed[i] ^= 0x10;
		assert_false(nr_seal_open(key, about, (struct nr_bytes){ sealed, i }, open));
	}
	/* Where one ends and the other begins is part of the nonce. */
	nr_seal(key, (struct nr_bytes){ (const uint8_t *)"aboutx", 6 },
		(struct nr_bytes){ (const uint8_t *)"=77", 3 }, again);
	assert_memory_not_equal(sealed, again, 24);
}

static void base64_has_one_way_to_be_written(void **state)
{
	static const uint8_t bytes[] = { 0xfb, 0xff, 0x00, 0x10 };
	char text[NR_BASE64_SIZE(sizeof(bytes))];
	uint8_t back[sizeof(bytes)];
	static const char *const bad[] = { "-_8AE",    "-_8AEAA",  "+/8AEA",  "-_8AEB",
					   "-_8A\nEA", "-_8AEA==", " -_8AEA", "-_8AE=" };

	(void)state;
	nr_base64_print((struct nr_bytes){ bytes, sizeof(bytes) }, text);
	assert_string_equal(text, "-_8AEA");
	assert_int_equal(nr_base64_parse(nr_str_from(text), back, sizeof(back)), 0);
	assert_memory_equal(back, bytes, sizeof(bytes));
	for (size_t i = 0; i < NR_COUNT(bad); i++)
		assert_int_equal(nr_base64_parse(nr_str_from(bad[i]), back, sizeof(back)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_are_those_of_other_programs),
		cmocka_unit_test(a_joined_digest_is_the_digest_of_both_in_a_row),
		cmocka_unit_test(a_signature_is_that_of_the_rfc),
		cmocka_unit_test(only_the_signed_bytes_by_this_key_are_good),
		cmocka_unit_test(a_key_file_comes_back_and_a_bad_one_is_refused),
		cmocka_unit_test(a_uuid_prints_and_parses_and_is_random),
		cmocka_unit_test(what_is_no_uuid_is_refused),
		cmocka_unit_test(secrets_compare_and_vanish),
		cmocka_unit_test(what_is_sealed_opens_for_the_same_words_alone),
		cmocka_unit_test(base64_has_one_way_to_be_written),
	};

	if (nr_crypt_init() < 0 || nr_crypt_init() < 0) /* twice is as good as once */
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
