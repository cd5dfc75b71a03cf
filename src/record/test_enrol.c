/* SPDX-License-Identifier: Apache-2.0 */
#include "record/enrol.h"

#include "base/cmocka.h"

#define CERTIFICATE "-----BEGIN CERTIFICATE-----\nTUlJQg==\n-----END CERTIFICATE-----\n"
#define AUTHORITY   "-----BEGIN CERTIFICATE-----\nQUFBQQ==\n-----END CERTIFICATE-----\n"
#define REQUEST	    "-----BEGIN CERTIFICATE REQUEST-----\nTUlJ\n-----END CERTIFICATE REQUEST-----\n"
#define UUID	    "00112233-4455-4677-8899-aabbccddeeff"

static struct nr_enrol_token token_of(const char *secret)
{
	struct nr_enrol_token token = { .secret = nr_str_from(secret) };

	for (size_t i = 0; i < sizeof(token.pin); i++)
		token.pin[i] = (uint8_t)(i * 37 + 1);
	return token;
}

static void a_token_comes_back_from_its_text(void **state)
{
	struct nr_enrol_token token = token_of("nrenrol_Abc123"), back;
	char text[NR_ENROL_TOKEN];

	(void)state;
	nr_enrol_token_print(&token, text);
	assert_int_equal(strlen(text), 14 + 1 + 56);
	assert_int_equal(nr_enrol_token_parse(nr_str_from(text), &back), 0);
	assert_true(nr_str_eq(back.secret, token.secret));
	assert_memory_equal(back.pin, token.pin, sizeof(token.pin));
}

static void one_wrong_letter_in_the_pin_is_seen(void **state)
{
	struct nr_enrol_token token = token_of("x"), back;
	char text[NR_ENROL_TOKEN];

	(void)state;
	nr_enrol_token_print(&token, text);
	for (size_t i = 2; text[i] != '\0'; i++) {
		char good = text[i];

		text[i] = good == 'a' ? 'b' : 'a';
		assert_int_equal(nr_enrol_token_parse(nr_str_from(text), &back), -EINVAL);
		text[i] = '1'; /* not a digit of base32 */
		assert_int_equal(nr_enrol_token_parse(nr_str_from(text), &back), -EINVAL);
		text[i] = good;
	}
	for (size_t n = 0; n < strlen(text); n++)
		assert_int_equal(nr_enrol_token_parse((struct nr_str){ text, n }, &back), -EINVAL);
}

static void what_was_printed_is_parsed(void **state)
{
	struct nr_enrol_request request = { NR_STR("secret_1"), NR_STR(REQUEST) }, back;
	struct nr_enrol_answer answer = { .ingest = NR_STR("[2001:db8::1]:4433"),
					  .certificate = NR_STR(CERTIFICATE),
					  .authority = NR_STR(AUTHORITY) },
			       again;
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, NR_ENROL_TEXT);
	nr_enrol_request_print(&request, &out);
	assert_int_equal(nr_enrol_request_parse(nr_buf_str(&out), &back), 0);
	assert_true(nr_str_eq(back.secret, request.secret));
	assert_true(nr_str_eq(back.request, request.request));
	nr_buf_reset(&out);
	assert_int_equal(nr_uuid_parse(NR_STR(UUID), &answer.sensor), 0);
	nr_enrol_answer_print(&answer, &out);
	assert_int_equal(nr_enrol_answer_parse(nr_buf_str(&out), &again), 0);
	assert_true(nr_str_eq(again.ingest, answer.ingest));
	assert_true(nr_uuid_eq(again.sensor, answer.sensor));
	assert_true(nr_str_eq(again.certificate, answer.certificate));
	assert_true(nr_str_eq(again.authority, answer.authority));
	nr_buf_done(&out);
}

static void other_bodies_are_refused(void **state)
{
	static const char *const requests[] = {
		"",
		"secret",
		"secret\n",
		"\n" REQUEST,
		"se cret\n" REQUEST,
		"secret\n\n" REQUEST,
		"secret\n" REQUEST "\n",
		"secret\n" REQUEST REQUEST,
		"secret\n" CERTIFICATE,
		"secret\r\n" REQUEST,
	};
	static const char *const answers[] = {
		"",
		"ingest h:1\nsensor " UUID "\n",
		"ingest h:1\nsensor " UUID "\n" CERTIFICATE,
		"ingest h:1\nsensor " UUID "\n" CERTIFICATE AUTHORITY AUTHORITY,
		"ingest \nsensor " UUID "\n" CERTIFICATE AUTHORITY,
		"ingest h :1\nsensor " UUID "\n" CERTIFICATE AUTHORITY,
		"ingest h:1\nsensor x\n" CERTIFICATE AUTHORITY,
		"sensor " UUID "\ningest h:1\n" CERTIFICATE AUTHORITY,
		"ingest h:1\nsensor " UUID "\n" REQUEST AUTHORITY,
		"ingest h\x1b:1\nsensor " UUID "\n" CERTIFICATE AUTHORITY,
	};
	struct nr_enrol_request request;
	struct nr_enrol_answer answer;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(requests); i++)
		assert_int_equal(nr_enrol_request_parse(nr_str_from(requests[i]), &request),
				 -EINVAL);
	for (size_t i = 0; i < NR_COUNT(answers); i++)
		assert_int_equal(nr_enrol_answer_parse(nr_str_from(answers[i]), &answer), -EINVAL);
	assert_int_equal(nr_enrol_answer_parse((struct nr_str){ "", NR_ENROL_TEXT + 1 }, &answer),
			 NR_ELIMIT);
	assert_int_equal(nr_enrol_request_parse((struct nr_str){ "", NR_ENROL_TEXT + 1 }, &request),
			 NR_ELIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_comes_back_from_its_text),
		cmocka_unit_test(one_wrong_letter_in_the_pin_is_seen),
		cmocka_unit_test(what_was_printed_is_parsed),
		cmocka_unit_test(other_bodies_are_refused),
	};

	if (nr_crypt_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
