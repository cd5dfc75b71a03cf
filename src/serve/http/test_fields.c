/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cmocka.h"
#include "serve/http/http.h"

static void a_tag_is_found_in_a_list_as_it_is_written(void **state)
{
	static const struct {
		const char *list, *tag;
		bool weak_ok, strong_ok;
	} cases[] = {
		{ "\"a\"", "a", true, true },	      { "\"b\"", "a", false, false },
		{ "W/\"a\"", "a", true, false },      { "\"x\", W/\"y\" ,\"a\"", "a", true, true },
		{ ", ,\"a\" , ", "a", true, true },   { "*", "a", true, true },
		{ "\"a\"b", "a", false, false },      { "\"ab\"", "a", false, false },
		{ "\"\"", "a", false, false },	      { "a", "a", false, false },
		{ "\"a", "a", false, false },	      { "w/\"a\"", "a", false, false },
		{ "\"b\" \"a\"", "a", false, false }, { "*", "", false, false },
		{ "\"\"", "", false, false },	      { NULL, "a", false, false },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		assert_int_equal(nr_http_etag_in(cases[i].list, cases[i].tag, false),
				 cases[i].weak_ok);
		assert_int_equal(nr_http_etag_in(cases[i].list, cases[i].tag, true),
				 cases[i].strong_ok);
	}
}

static void only_a_get_that_has_it_already_is_fresh(void **state)
{
	struct nr_http_request rq = { .method = "GET", .if_none_match = "\"v1\"" };
	struct nr_http_reply reply = { .etag = "v1" };

	(void)state;
	assert_true(nr_http_fresh(&rq, &reply));
	rq.method = "PATCH";
	assert_false(nr_http_fresh(&rq, &reply));
	rq.method = "GET";
	rq.if_none_match = "\"v0\"";
	assert_false(nr_http_fresh(&rq, &reply));
}

static void a_field_with_another_line_in_it_is_left_out(void **state)
{
	struct nr_http_reply reply = { 0 };
	char long_value[NR_HTTP_VALUE + 1];

	(void)state;
	memset(long_value, 'a', sizeof(long_value) - 1);
	long_value[sizeof(long_value) - 1] = '\0';
	nr_http_header(&reply, "X", "%s", "a\r\nSet-Cookie: b=c");
	nr_http_header(&reply, "X", "%s", "a\nb");
	nr_http_header(&reply, "X", "%s", "\xc3\xa4");
	nr_http_header(&reply, "X", "%s", long_value);
	assert_int_equal(reply.n_headers, 0);
	nr_http_header(&reply, "Noroshi-Rows", "%d of %s", 3, "9");
	assert_int_equal(reply.n_headers, 1);
	assert_string_equal(reply.headers[0], "Noroshi-Rows");
	assert_string_equal(reply.headers[0] + strlen("Noroshi-Rows") + 1, "3 of 9");
}

static void a_body_is_read_as_json_when_it_is_called_so(void **state)
{
	static const struct {
		const char *type, *body;
		int ret;
	} cases[] = {
		{ "application/json", "{\"a\":1}", 0 },
		{ "application/json; charset=utf-8", "{}", 0 },
		{ "Application/JSON ;x=y", "[]", 0 },
		{ "application/jsonp", "{}", -EMEDIUMTYPE },
		{ "text/plain", "{}", -EMEDIUMTYPE },
		{ "", "{}", -EMEDIUMTYPE },
		{ NULL, "{}", -EMEDIUMTYPE },
		{ "application/json", "", NR_EUSAGE },
		{ "application/json", "{\"a\":1,\"a\":2}", NR_EUSAGE },
		{ "application/json", "{} {}", NR_EUSAGE },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_http_request rq = { .content_type = cases[i].type,
					      .body = { (const uint8_t *)cases[i].body,
							strlen(cases[i].body) } };
		json_t *json = NULL;

		assert_int_equal(nr_http_json(&rq, NULL, &json, NULL), cases[i].ret);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tag_is_found_in_a_list_as_it_is_written),
		cmocka_unit_test(only_a_get_that_has_it_already_is_fresh),
		cmocka_unit_test(a_field_with_another_line_in_it_is_left_out),
		cmocka_unit_test(a_body_is_read_as_json_when_it_is_called_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
