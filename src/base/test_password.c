/* SPDX-License-Identifier: Apache-2.0 */
#include "base/password.h"

#include "base/cmocka.h"
#include "base/crypt.h"

static void a_password_fits_its_own_text_alone(void **state)
{
	char a[NR_PASSWORD_PHC], b[NR_PASSWORD_PHC];

	(void)state;
	assert_int_equal(nr_password_hash(NR_STR("correct horse battery"), a), 0);
	assert_int_equal(nr_password_hash(NR_STR("correct horse battery"), b), 0);
	assert_string_not_equal(a, b); /* salted */
	assert_true(nr_password_check(a, NR_STR("correct horse battery")));
	assert_false(nr_password_check(a, NR_STR("correct horse batter")));
	assert_false(nr_password_check(a, NR_STR("correct horse battery\0")));
	assert_false(nr_password_check(a, NR_STR("")));
	assert_int_equal(strncmp(a, "$argon2id$v=19$m=65536,t=3,p=1$", 31), 0);
	assert_false(nr_password_outdated(a));
}

static void what_is_no_text_fits_nothing(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"$argon2id$",
		"$argon2id$v=19$m=65536,t=3,p=1$",
		"$argon2i$v=19$m=65536,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
		"$2b$12$KIXIDqXcBqj1Q5Jl0o0o0eQ0o0o0o0o0o0o0o0o0o0o0o0o0o0o0o",
		("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(bad); i++) {
		assert_false(nr_password_check(bad[i], NR_STR("correct horse battery")));
		assert_true(nr_password_outdated(bad[i]));
	}
}

/* argon2id, m=8192, t=1, of "correct horse battery": as libsodium made it with less. */
static void a_weaker_text_still_checks_and_is_outdated(void **state)
{
	static const char weak[] =
		"$argon2id$v=19$m=8192,t=1,p=1$vEGZ4qUmzaYOBZHDhwXhpQ$JsGNW40m+uk3VcxbmS+cCFUM1ZXHENVF8P1rCDahvlQ";

	(void)state;
	assert_true(nr_password_check(weak, NR_STR("correct horse battery")));
	assert_true(nr_password_outdated(weak));
}

static int begin(void **state)
{
	(void)state;
	return nr_crypt_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_password_fits_its_own_text_alone),
		cmocka_unit_test(what_is_no_text_fits_nothing),
		cmocka_unit_test(a_weaker_text_still_checks_and_is_outdated),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
