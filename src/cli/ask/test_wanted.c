/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask/wanted.h"

#include "base/cmocka.h"

static void however_it_is_written_it_becomes_one_form(void **state)
{
	static const struct {
		const char *typed, *want;
		enum nr_wanted_kind kind;
	} cases[] = {
		{ "203.0.113.7", "203.0.113.7", NR_WANTED_ADDRESS },
		{ "203.0.113.7:22", "203.0.113.7", NR_WANTED_ADDRESS },
		{ " 203.0.113.7 ", "203.0.113.7", NR_WANTED_ADDRESS },
		{ "<203.0.113.7>,", "203.0.113.7", NR_WANTED_ADDRESS },
		{ "203.0.113[.]7", "203.0.113.7", NR_WANTED_ADDRESS },
		{ "203[.]0[.]113[.]7[:]22", "203.0.113.7", NR_WANTED_ADDRESS },
		{ "hxxp://203.0.113.7/bin.sh", "203.0.113.7", NR_WANTED_ADDRESS },
		{ "https://203.0.113.7:8443/?x", "203.0.113.7", NR_WANTED_ADDRESS },
		{ "203.0.113.7/32", "203.0.113.7", NR_WANTED_ADDRESS },
		{ "::ffff:203.0.113.7", "203.0.113.7", NR_WANTED_ADDRESS },
		{ "[2001:DB8::1]", "2001:db8::1", NR_WANTED_ADDRESS },
		{ "[2001:db8:0:0::1]:443", "2001:db8::1", NR_WANTED_ADDRESS },
		{ "2001:db8::1/128", "2001:db8::1", NR_WANTED_ADDRESS },
		{ "fe80::1%eth0", "fe80::1", NR_WANTED_ADDRESS },
		{ "http://[2001:db8::1]:80/x", "2001:db8::1", NR_WANTED_ADDRESS },
		{ "203.0.113.0/24", "203.0.113.0/24", NR_WANTED_PREFIX },
		{ "203.0.113.7/24", "203.0.113.0/24", NR_WANTED_PREFIX },
		{ "203.0.113.*", "203.0.113.0/24", NR_WANTED_PREFIX },
		{ "203.0.*.*", "203.0.0.0/16", NR_WANTED_PREFIX },
		{ "2001:db8::/32", "2001:db8::/32", NR_WANTED_PREFIX },
		{ "AS64500", "AS64500", NR_WANTED_ASN },
		{ "as64500", "AS64500", NR_WANTED_ASN },
		{ "ASN 64500", "AS64500", NR_WANTED_ASN },
		{ "AS1.10", "AS65546", NR_WANTED_ASN },
		{ "4200000000", "AS4200000000", NR_WANTED_ASN },
		{ "JP", "JP", NR_WANTED_ECONOMY },
		{ "jp", "JP", NR_WANTED_ECONOMY },
		{ "23/tcp", "23/tcp", NR_WANTED_PORT },
		{ "53/UDP", "53/udp", NR_WANTED_PORT },
		{ "tcp/23", "23/tcp", NR_WANTED_PORT },
		{ "tcp 23", "23/tcp", NR_WANTED_PORT },
		{ "23tcp", "23/tcp", NR_WANTED_PORT },
		{ "port 23", "23/tcp", NR_WANTED_PORT },
		{ "port 53/udp", "53/udp", NR_WANTED_PORT },
		{ ":23", "23/tcp", NR_WANTED_PORT },
		{ "0/tcp", "0/tcp", NR_WANTED_PORT },
		{ "23", "23/tcp", NR_WANTED_PORT },
		{ "ssh", "22/tcp", NR_WANTED_PORT },
		{ "SSH", "22/tcp", NR_WANTED_PORT },
		{ "ntp", "123/udp", NR_WANTED_PORT },
		{ "backscatter", "backscatter", NR_WANTED_NAME },
		{ "tokyo-1", "tokyo-1", NR_WANTED_NAME },
		{ "Example_CSIRT.jp", "Example_CSIRT.jp", NR_WANTED_NAME },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_wanted wanted;

		assert_int_equal(nr_wanted_read(nr_str_from(cases[i].typed), &wanted, NULL), 0);
		assert_string_equal(wanted.text, cases[i].want);
		assert_int_equal(wanted.kind, cases[i].kind);
	}
}

static void what_was_guessed_or_left_out_is_said(void **state)
{
	static const struct {
		const char *typed, *note;
	} cases[] = {
		{ "203.0.113.7", "" },
		{ "23/tcp", "" },
		{ "23", "a bare number is a TCP port; the network is AS23" },
		{ "203.0.113.7:22", "about the address on all ports; the port alone is 22/tcp" },
		{ "203.0.113.7/24", "taken as 203.0.113.0/24" },
		{ "dns", "dns is also 53/udp" },
		{ "ssh", "" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_wanted wanted;

		assert_int_equal(nr_wanted_read(nr_str_from(cases[i].typed), &wanted, NULL), 0);
		assert_string_equal(wanted.note, cases[i].note);
	}
}

static void what_is_nothing_is_refused_with_examples(void **state)
{
	static const char *const cases[] = {
		"",
		"   ",
		"\"\"",
		"203.0.113.7/33",
		"70000/tcp",
		"AS4294967296",
		"99999999999",
		"203.0.113.7:x",
		"[2001:db8::1",
		"a b c",
		"1/2/3",
		"\x1b[2J",
		"203.0.*.7",
		"*.*.*.*",
		".*",
		"*",
		"../etc/passwd",
		"name\n",
		"port",
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_wanted wanted;
		struct nr_err err = { 0 };
		int ret = nr_wanted_read(nr_str_from(cases[i]), &wanted, &err);

		if (strcmp(cases[i], "name\n") == 0 || strcmp(cases[i], "port") == 0) {
			assert_int_equal(ret, 0); /* a blank around it, a name like any other */
			continue;
		}
		assert_int_equal(ret, NR_EUSAGE);
		assert_non_null(strstr(err.msg, "AS64500"));
		for (const char *p = err.msg; *p != '\0'; p++)
			assert_true(*p >= ' ');
	}
}

static void bytes_that_no_name_has_are_refused(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		char text[] = { 'a', (char)byte, 'b', 'c' };
		struct nr_wanted wanted;
		bool letter = ((byte | 32) >= 'a' && (byte | 32) <= 'z') ||
			      (byte >= '0' && byte <= '9');
		int ret = nr_wanted_read((struct nr_str){ text, sizeof(text) }, &wanted, NULL);

		assert_int_equal(ret == 0, letter || byte == '.' || byte == '_' || byte == '-');
	}
}

static void a_text_too_long_is_refused(void **state)
{
	char text[NR_WANTED_TEXT + 2];
	struct nr_wanted wanted;

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(nr_wanted_read((struct nr_str){ text, sizeof(text) }, &wanted, NULL),
			 NR_EUSAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(however_it_is_written_it_becomes_one_form),
		cmocka_unit_test(what_was_guessed_or_left_out_is_said),
		cmocka_unit_test(what_is_nothing_is_refused_with_examples),
		cmocka_unit_test(bytes_that_no_name_has_are_refused),
		cmocka_unit_test(a_text_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
