/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/words.h"

#include "base/cmocka.h"

/* Which slots a text has, as bits; 0x80 when one is malformed. */
static unsigned slots(struct nr_str text)
{
	unsigned bits = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != '{')
			continue;
		bool good = i + 2 < text.n && text.p[i + 2] == '}' && text.p[i + 1] >= '0' &&
			    text.p[i + 1] < '0' + NR_WORD_ARGS;

		bits |= good ? 1u << (text.p[i + 1] - '0') : 0x80;
	}
	return bits;
}

static void every_word_is_said_in_every_language(void **state)
{
	(void)state;
	for (int i = 0; i < NR_W_N; i++) {
		struct nr_str en = nr_word(NR_TERM_EN, (enum nr_word)i),
			      ja = nr_word(NR_TERM_JA, (enum nr_word)i);

		if (en.n == 0 || ja.n == 0 || slots(en) != slots(ja))
			print_error("word %d: '%s' '%s'\n", i, en.p, ja.p);
		assert_true(en.n > 0 && ja.n > 0);
		assert_int_equal(slots(en), slots(ja));
		assert_int_equal(slots(en) & 0x80, 0);
		for (size_t c = 0; c < ja.n;) {
			uint32_t cp;
			size_t n = nr_str_utf8((struct nr_str){ ja.p + c, ja.n - c }, &cp);

			assert_true(n > 0);
			c += n;
		}
	}
}

static void arguments_go_where_the_language_wants_them(void **state)
{
	const struct nr_str args[] = { NR_STR("eth0 {1}"), NR_STR("3") };
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 256);
	nr_word_fill(&out, NR_TERM_EN, NR_W_AND_MORE, args, 2);
	nr_word_fill(&out, NR_TERM_JA, NR_W_AND_MORE, args, 2);
	nr_word_fill(&out, NR_TERM_EN, NR_W_INTERFACE, args, 0);
	nr_buf_add(&out, "", 1);
	assert_string_equal((const char *)out.p, "eth0 {1} and 3 moreeth0 {1} ほか 3 件interface ");
	nr_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_is_said_in_every_language),
		cmocka_unit_test(arguments_go_where_the_language_wants_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
