/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/who/totp.h"

#include "base/cmocka.h"

static const uint8_t secret[] = "12345678901234567890"; /* of RFC 6238, appendix B */

static struct nr_time at(int64_t s)
{
	return (struct nr_time){ s * NR_NS_PER_S };
}

/* RFC 6238, appendix B, SHA-1: the last six of its eight digits. */
static void the_vectors_of_the_rfc(void **state)
{
	static const struct {
		int64_t s;
		const char *code;
	} vectors[] = {
		{ 59, "287082" },	  { 1111111109, "081804" },
		{ 1111111111, "050471" }, { 1234567890, "005924" },
		{ 2000000000, "279037" }, { INT64_C(20000000000), "353130" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(vectors); i++) {
		char code[NR_TOTP_DIGITS + 1];

		nr_totp_code(secret, (uint64_t)vectors[i].s / NR_TOTP_STEP_S, code);
		assert_string_equal(code, vectors[i].code);
	}
}

static void a_code_is_good_one_step_early_or_late_and_once(void **state)
{
	uint64_t step = 1111111109 / NR_TOTP_STEP_S;

	(void)state;
	for (int64_t off = -2; off <= 2; off++) {
		uint64_t want = off >= -1 && off <= 1 ? step : 0;

		assert_int_equal(nr_totp_check(secret, NR_STR("081804"), 0,
					       at(1111111109 + off * NR_TOTP_STEP_S)),
				 want);
	}
	assert_int_equal(nr_totp_check(secret, NR_STR("081804"), step, at(1111111109)), 0);
	assert_int_equal(nr_totp_check(secret, NR_STR("081804"), step - 1, at(1111111109)), step);
	assert_int_equal(nr_totp_check(secret, NR_STR("081804"), step + 1, at(1111111109)), 0);
}

static void what_is_no_code_is_none(void **state)
{
	static const struct nr_str bad[] = { NR_STR(""),       NR_STR("08180"),	 NR_STR("0818040"),
					     NR_STR("081805"), NR_STR("+81804"), NR_STR("08180 "),
					     NR_STR("08180\0") };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(bad); i++)
		assert_int_equal(nr_totp_check(secret, bad[i], 0, at(1111111109)), 0);
	assert_int_equal(nr_totp_check(secret, NR_STR("755224"), 0, at(0)), 0);
}

static void an_authenticator_reads_the_uri(void **state)
{
	char text[NR_TOTP_TEXT], uri[NR_TOTP_URI];

	(void)state;
	nr_totp_text(secret, text);
	assert_string_equal(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
	nr_totp_uri(secret, "Noroshi a/b:c", "hanako", uri);
	assert_string_equal(uri, "otpauth://totp/Noroshi%20a%2Fb%3Ac:hanako?secret="
				 "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Noroshi%20a%2Fb%3Ac&"
				 "algorithm=SHA1&digits=6&period=30");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_the_rfc),
		cmocka_unit_test(a_code_is_good_one_step_early_or_late_and_once),
		cmocka_unit_test(what_is_no_code_is_none),
		cmocka_unit_test(an_authenticator_reads_the_uri),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
