/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_read.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/cmocka.h"

static int read_of(struct nr_str text, struct nr_err *reterr)
{
	json_t *json = NULL;
	int ret = nr_json_read(text, NULL, &json, reterr);

	json_decref(json);
	return ret;
}

static void what_is_no_json_of_ours_is_refused(void **state)
{
	static const struct {
		struct nr_str text;
		const char *words;
	} cases[] = {
		{ NR_STR(""), "unexpected" },
		{ NR_STR("{\"id\":1,\"id\":2}"), "duplicate" },
		{ NR_STR("{\"id\":1,\"i\\u0064\":2}"), "duplicate" },
		{ NR_STR("{\"a\":1} x"), "end of file" },
		{ NR_STR("\xef\xbb\xbf{}"), "invalid" },
		{ NR_STR("\"\xc0\xaf\""), "decode byte" },
		{ NR_STR("\"\xed\xa0\x80\""), "decode byte" },
		{ NR_STR("\"\xe6\x97\""), "decode byte" },
		{ NR_STR("\"\\ud800\""), "Unicode" },
		{ NR_STR("\"\\u0000\""), "u0000" },
		{ NR_STR("1e999999"), "overflow" },
		{ NR_STR("NaN"), "invalid" },
		{ NR_STR("0x10"), "end of file" },
		{ NR_STR("007"), "invalid" },
		{ NR_STR("99999999999999999999"), "too big" },
		{ NR_STR("{\"a\":"), "unexpected" },
		{ NR_STR("\"abc\\"), "escape" },
		{ { "{\"a\":\0}", 7 }, "invalid" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_err err = { 0 };

		assert_int_equal(read_of(cases[i].text, &err), NR_EUSAGE);
		if (strstr(err.msg, cases[i].words) == NULL)
			fail_msg("case %zu: %s", i, err.msg);
	}
}

/* @p n times @p unit between @p head and @p tail. */
static struct nr_str many(struct nr_buf *buf, const char *head, const char *unit, size_t n,
			  const char *tail)
{
	nr_buf_init(buf, 32 << 20);
	nr_buf_add(buf, head, strlen(head));
	for (size_t i = 0; i < n; i++)
		nr_buf_add(buf, unit, strlen(unit));
	nr_buf_add(buf, tail, strlen(tail));
	assert_int_equal(buf->err, 0);
	return (struct nr_str){ (const char *)buf->p, buf->n };
}

static void limits_come_before_work(void **state)
{
	static const struct {
		const char *head, *unit, *tail, *words;
		size_t n;
	} cases[] = {
		{ "", "[", "", "too deeply", 1000000 },
		{ "", "{\"a\":", "", "too deeply", 1000000 },
		{ "", "[{\"a\":", "", "too deeply", 100000 },
		{ "[0", ",0", "]", "too many values", 1000000 },
		{ "{\"a\":0", ",\"b\":0", "}", "too many values", 1000000 },
		{ "\"", "xxxxxxxxxx", "\"", "text is too long", 1000000 },
		{ "", "9999999999", "", "number is too long", 100000 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_buf buf;
		struct nr_err err = { 0 };
		struct nr_str text = many(&buf, cases[i].head, cases[i].unit, cases[i].n,
					  cases[i].tail);

		assert_int_equal(read_of(text, &err), NR_EUSAGE);
		if (strstr(err.msg, cases[i].words) == NULL)
			fail_msg("case %zu: %s", i, err.msg);
		nr_buf_done(&buf);
	}
}

static void the_limits_themselves_are_allowed(void **state)
{
	struct nr_json_limits limits = { .depth = 3, .nodes = 4, .string = 5 };
	json_t *json = NULL;
	struct nr_err err;

	(void)state;
	assert_int_equal(nr_json_read(NR_STR("[[[\"12345\"]]]"), &limits, &json, &err), 0);
	json_decref(json);
	json = NULL;
	assert_int_equal(nr_json_read(NR_STR("[[[[]]]]"), &limits, &json, &err), NR_EUSAGE);
	assert_int_equal(nr_json_read(NR_STR("[1,2,3,4]"), &limits, &json, &err), NR_EUSAGE);
	assert_int_equal(nr_json_read(NR_STR("\"123456\""), &limits, &json, &err), NR_EUSAGE);
	assert_null(json);
}

static void members_are_read_by_type_and_bounds(void **state)
{
	static const char *const names[] = { "t", "n", "b", "w", "when", "none", NULL };
	static const char *const words[] = { "", "one", "two", NULL };
	json_t *json = NULL;
	char text[6];
	int64_t n = 0;
	bool b = false;
	unsigned w = 0;
	struct nr_time t = { 0 };
	struct nr_err err;

	(void)state;
	assert_int_equal(nr_json_read(NR_STR("{\"t\":\"12345\",\"n\":7,\"b\":true,\"w\":\"two\","
					     "\"when\":\"1970-01-01T00:00:01Z\",\"none\":null}"),
				      NULL, &json, &err),
			 0);
	assert_int_equal(nr_json_only(json, names, &err), 0);
	assert_int_equal(nr_json_only(json, names + 1, &err), NR_EUSAGE);
	assert_string_equal(err.msg, "there is no member 't' here");
	assert_int_equal(nr_json_text(json, "t", true, text, sizeof(text), &err), 0);
	assert_string_equal(text, "12345");
	assert_int_equal(nr_json_text(json, "t", true, text, 5, &err), NR_EUSAGE);
	assert_int_equal(nr_json_text(json, "none", true, text, sizeof(text), &err), NR_EUSAGE);
	assert_string_equal(err.msg, "none is missing");
	assert_int_equal(nr_json_text(json, "none", false, text, sizeof(text), &err), 0);
	assert_string_equal(text, "");
	assert_int_equal(nr_json_integer(json, "n", 7, 7, 1, &n, &err), 0);
	assert_int_equal(n, 7);
	assert_int_equal(nr_json_integer(json, "n", 8, 9, 1, &n, &err), NR_EUSAGE);
	assert_int_equal(nr_json_integer(json, "t", 0, 9, 1, &n, &err), NR_EUSAGE);
	assert_int_equal(nr_json_integer(json, "absent", 0, 9, 1, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(nr_json_boolean(json, "b", false, &b, &err), 0);
	assert_true(b);
	assert_int_equal(nr_json_boolean(json, "n", false, &b, &err), NR_EUSAGE);
	assert_int_equal(nr_json_word(json, "w", words, 0, &w, &err), 0);
	assert_int_equal(w, 2);
	assert_int_equal(nr_json_word(json, "t", words, 0, &w, &err), NR_EUSAGE);
	assert_string_equal(err.msg, "t is one of: one, two");
	assert_int_equal(nr_json_when(json, "when", t, &t, &err), 0);
	assert_int_equal(t.ns, NR_NS_PER_S);
	assert_int_equal(nr_json_when(json, "n", t, &t, &err), NR_EUSAGE);
	assert_true(nr_json_has(json, "t"));
	assert_false(nr_json_has(json, "none"));
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_json_of_ours_is_refused),
		cmocka_unit_test(limits_come_before_work),
		cmocka_unit_test(the_limits_themselves_are_allowed),
		cmocka_unit_test(members_are_read_by_type_and_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
