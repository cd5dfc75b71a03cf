/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "base/hash.h"
#include "base/torture.h"

struct doc {
	struct nr_buf buf;
	struct nr_json json;
};

static void doc_init(struct doc *doc, size_t max)
{
	nr_buf_init(&doc->buf, max);
	nr_json_init(&doc->json, &doc->buf);
}

/* Check, and make the document empty again. */
static void assert_text(struct doc *doc, const char *want)
{
	assert_int_equal(doc->buf.err, 0);
	assert_int_equal(doc->buf.n, strlen(want));
	nr_buf_add(&doc->buf, "", 1);
	assert_string_equal((const char *)doc->buf.p, want);
	nr_buf_reset(&doc->buf);
	nr_json_init(&doc->json, &doc->buf);
}

static void commas_and_nesting_are_kept(void **state)
{
	struct doc doc;
	struct nr_json *j = &doc.json;

	(void)state;
	doc_init(&doc, 10000);
	nr_json_object(j);
	nr_json_key(j, "a");
	nr_json_u64(j, 1);
	nr_json_key(j, "b");
	nr_json_array(j);
	nr_json_array(j);
	nr_json_array_end(j);
	nr_json_object(j);
	nr_json_object_end(j);
	nr_json_null(j);
	nr_json_bool(j, true);
	nr_json_bool(j, false);
	nr_json_array_end(j);
	nr_json_key(j, "c");
	nr_json_str(j, NR_STR("x"));
	nr_json_object_end(j);
	nr_buf_add(&doc.buf, "\n", 1);
	nr_json_object(j);
	nr_json_object_end(j);
	assert_text(&doc, "{\"a\":1,\"b\":[[],{},null,true,false],\"c\":\"x\"}\n{}");
	nr_buf_done(&doc.buf);
}

static void integers_are_written_in_full(void **state)
{
	struct doc doc;

	(void)state;
	doc_init(&doc, 10000);
	nr_json_array(&doc.json);
	nr_json_u64(&doc.json, 0);
	nr_json_u64(&doc.json, UINT64_MAX);
	nr_json_i64(&doc.json, INT64_MIN);
	nr_json_i64(&doc.json, -1);
	nr_json_array_end(&doc.json);
	assert_text(&doc, "[0,18446744073709551615,-9223372036854775808,-1]");
	nr_buf_done(&doc.buf);
}

static void doubles_have_their_shortest_text(void **state)
{
	static const struct {
		double v;
		const char *want;
	} cases[] = {
		{ 0, "0" },
		{ -0.0, "-0" },
		{ 1, "1" },
		{ -2.5, "-2.5" },
		{ 0.1, "0.1" },
		{ 0.000001, "0.000001" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 1e21, "1e+21" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ DBL_MAX, "1.7976931348623157e+308" },
		{ 5e-324, "4.94065645841247e-324" },
		{ 123456789.125, "123456789.125" },
		{ 999999999.999999, "999999999.999999" },
		{ 1e9, "1000000000" },
		{ NAN, "null" },
		{ INFINITY, "null" },
		{ -INFINITY, "null" },
		{ 9007199254740993.0, "9007199254740992" },
		{ 1e-7, "1e-07" },
	};
	struct doc doc;

	(void)state;
	doc_init(&doc, 10000);
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		nr_json_f64(&doc.json, cases[i].v);
		assert_text(&doc, cases[i].want);
	}
	nr_buf_done(&doc.buf);
}

static void doubles_read_back_the_same(void **state)
{
	struct doc doc;

	(void)state;
	doc_init(&doc, 10000);
	for (uint64_t i = 0; i < 60000; i++) {
		uint64_t bits = nr_mix64(i + 1);
		double v, back;

		if (i % 3 == 0)
			v = (double)(bits >> 20) / 1e6;
		else if (i % 3 == 1)
			v = (double)(bits >> 40) / 1e3;
		else
			memcpy(&v, &bits, sizeof(v));
		if (!isfinite(v))
			continue;
		nr_json_f64(&doc.json, v);
		nr_buf_add(&doc.buf, "", 1);
		back = strtod((const char *)doc.buf.p, NULL);
		assert_memory_equal(&v, &back, sizeof(v));
		nr_buf_reset(&doc.buf);
	}
	nr_buf_done(&doc.buf);
}

static double power_of_ten(uint64_t n)
{
	double v = 1;

	for (; n > 0; n--)
		v *= 10;
	return v;
}

/* The text with the fewest digits that the C library reads back, in the notation of "%g". */
static void print_slowly(double v, char *out, size_t size)
{
	for (int digits = 1; digits <= 17; digits++) {
		(void)snprintf(out, size, "%.*e", digits - 1, v);
		if (strtod(out, NULL) == v) {
			(void)snprintf(out, size, "%.*g",
				       fabs(v) < 1e15 && digits < 15 ? 15 : digits, v);
			return;
		}
	}
}

static void no_shorter_text_reads_back(void **state)
{
	struct doc doc;

	(void)state;
	doc_init(&doc, 10000);
	for (uint64_t i = 0; i < 60000; i++) {
		uint64_t bits = nr_mix64(i + 7);
		double v = (double)(bits >> (i % 53)) / power_of_ten(i % 25), back;
		char want[64];

		if (i % 2 == 0)
			v = ldexp((double)(bits >> 11),
				  (int)(i % 72) - 120 + 53); /* all 53 bits in use */
		if (i % 5 == 0)
			v = 1e-4 + (double)i * 1e-11; /* where notation and powers change */
		if (i % 7 == 0)
			v = 1e15 - (double)i / 8;
		if (!(v >= 1e-4 && v < 1e15))
			continue;
		nr_json_f64(&doc.json, v);
		print_slowly(v, want, sizeof(want));
		back = strtod(want, NULL);
		assert_true(back == v);
		assert_text(&doc, want);
	}
	nr_buf_done(&doc.buf);
}

static void strings_are_escaped_once(void **state)
{
	static const struct {
		struct nr_str s;
		const char *want;
	} cases[] = {
		{ { NULL, 0 }, "\"\"" },
		{ { "plain", 5 }, "\"plain\"" },
		{ { "q\"b\\s/", 6 }, "\"q\\\"b\\\\s/\"" },
		{ { "\b\t\n\f\r", 5 }, "\"\\b\\t\\n\\f\\r\"" },
		{ { "\0\x01\x1b\x1f\x7f", 5 }, "\"\\u0000\\u0001\\u001b\\u001f\\u007f\"" },
		{ { "\xe7\x8b\xbc\xe7\x85\x99", 6 }, "\"\xe7\x8b\xbc\xe7\x85\x99\"" },
		{ { "\xf0\x9f\x94\xa5", 4 }, "\"\xf0\x9f\x94\xa5\"" },
		{ { "a\xff"
		    "b",
		    3 },
		  "\"a\xef\xbf\xbd"
		  "b\"" },
		{ { "\xe7\x8b", 2 }, "\"\xef\xbf\xbd\xef\xbf\xbd\"" }, /* cut short */
		{ { "\xc0\x80", 2 }, "\"\xef\xbf\xbd\xef\xbf\xbd\"" }, /* overlong */
		{ { "\xed\xa0\x80", 3 },
		  "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* surrogate */
	};
	struct doc doc;

	(void)state;
	doc_init(&doc, 10000);
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		nr_json_str(&doc.json, cases[i].s);
		assert_text(&doc, cases[i].want);
	}
	nr_buf_done(&doc.buf);
}

/* Eight bytes are looked at together: a byte must be escaped alike wherever it stands. */
static void every_byte_is_escaped_alike_at_every_place(void **state)
{
	struct doc doc;

	(void)state;
	doc_init(&doc, 10000);
	for (unsigned c = 0; c < 256; c++) {
		char one[1] = { (char)c }, want[64], text[20];
		size_t n_one;

		nr_json_str(&doc.json, (struct nr_str){ one, 1 });
		n_one = doc.buf.n - 2;
		for (size_t at = 0; at < sizeof(text); at++) {
			struct nr_str got, body;

			memset(text, 'x', sizeof(text));
			text[at] = (char)c;
			memset(want, 'x', sizeof(want));
			memcpy(want + at, doc.buf.p + 1, n_one);
			nr_json_str(&doc.json, (struct nr_str){ text, sizeof(text) });
			got = nr_buf_str(&doc.buf);
			body = (struct nr_str){ got.p + n_one + 3, got.n - n_one - 4 };
			assert_int_equal(body.n, sizeof(text) - 1 + n_one);
			assert_memory_equal(body.p, want, body.n);
			doc.buf.n = n_one + 2;
		}
		nr_buf_reset(&doc.buf);
	}
	nr_buf_done(&doc.buf);
}

static bool aborts(void (*wrong)(struct nr_json *json))
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		struct doc doc;

		(void)signal(SIGABRT, SIG_DFL);
		(void)close(STDERR_FILENO);
		doc_init(&doc, 1000);
		wrong(&doc.json);
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void nest_too_deep(struct nr_json *json)
{
	for (int i = 0; i <= NR_JSON_DEPTH; i++)
		nr_json_array(json);
}

static void end_what_is_not_open(struct nr_json *json)
{
	nr_json_object_end(json);
}

static void end_behind_a_key(struct nr_json *json)
{
	nr_json_object(json);
	nr_json_key(json, "k");
	nr_json_object_end(json);
}

static void put_a_key_outside(struct nr_json *json)
{
	nr_json_key(json, "k");
}

static void put_two_keys(struct nr_json *json)
{
	nr_json_object(json);
	nr_json_key(json, "k");
	nr_json_key(json, "k");
}

static void wrong_order_of_calls_aborts(void **state)
{
	(void)state;
	assert_true(aborts(nest_too_deep));
	assert_true(aborts(end_what_is_not_open));
	assert_true(aborts(end_behind_a_key));
	assert_true(aborts(put_a_key_outside));
	assert_true(aborts(put_two_keys));
}

static void long_strings_and_keys_are_whole(void **state)
{
	char text[500], want[600];
	struct doc doc;

	(void)state;
	doc_init(&doc, 10000);
	for (size_t n = 0; n < sizeof(text); n++) {
		memset(text, 'k', n);
		text[n] = '\0';
		nr_json_str(&doc.json, (struct nr_str){ text, n });
		(void)snprintf(want, sizeof(want), "\"%s\"", text);
		assert_text(&doc, want);
		nr_json_object(&doc.json);
		nr_json_key(&doc.json, text);
		nr_json_u64(&doc.json, 1);
		nr_json_object_end(&doc.json);
		(void)snprintf(want, sizeof(want), "{\"%s\":1}", text);
		assert_text(&doc, want);
	}
	nr_buf_done(&doc.buf);
}

static void addresses_times_and_bytes_are_strings(void **state)
{
	struct doc doc;
	struct nr_ip ip = nr_ip_v4(0xc0000201);
	uint8_t bytes[100];
	char want[256] = "[\"192.0.2.1\",\"1970-01-01T00:00:01.5Z\",\"\",\"";

	(void)state;
	memset(bytes, 0xa5, sizeof(bytes));
	doc_init(&doc, 10000);
	nr_json_array(&doc.json);
	nr_json_ip(&doc.json, ip);
	nr_json_time(&doc.json, (struct nr_time){ 1500000000 });
	nr_json_hex(&doc.json, (struct nr_bytes){ NULL, 0 });
	nr_json_hex(&doc.json, (struct nr_bytes){ bytes, sizeof(bytes) });
	nr_json_array_end(&doc.json);
	for (size_t i = 0, n = strlen(want); i <= sizeof(bytes); i++)
		(void)snprintf(want + n + 2 * i, 3, "%s", i < sizeof(bytes) ? "a5" : "\"]");
	assert_text(&doc, want);
	nr_buf_done(&doc.buf);
}

static void write_everything(struct nr_json *j)
{
	struct nr_ip ip = { { 0x20, 0x01, 0x0d, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 } };

	nr_json_object(j);
	nr_json_key(j, "ip");
	nr_json_ip(j, ip);
	nr_json_key(j, "number");
	nr_json_f64(j, 1.0 / 3);
	nr_json_key(
		j,
		"a key that does not fit beside the comma and the quotes in one piece of memory");
	nr_json_str(
		j,
		NR_STR("text with a \"quote\" and then much more than one piece of memory holds"));
	nr_json_key(j, "time");
	nr_json_time(j, (struct nr_time){ INT64_MIN });
	nr_json_key(j, "hex");
	nr_json_hex(j, (struct nr_bytes){
			       (const uint8_t *)"0123456789012345678901234567890123456789", 40 });
	nr_json_object_end(j);
}

/* The limit counts bytes, so a document fits a buffer of exactly its size and no smaller one. */
static void the_ceiling_of_the_buffer_is_exact(void **state)
{
	struct doc whole, tight;

	(void)state;
	doc_init(&whole, 10000);
	write_everything(&whole.json);
	for (size_t max = 0; max < whole.buf.n; max++) {
		doc_init(&tight, max);
		write_everything(&tight.json);
		assert_int_equal(tight.buf.err, NR_ELIMIT);
		nr_buf_done(&tight.buf);
	}
	doc_init(&tight, whole.buf.n);
	write_everything(&tight.json);
	assert_int_equal(tight.buf.err, 0);
	assert_true(nr_str_eq(nr_buf_str(&tight.buf), nr_buf_str(&whole.buf)));
	nr_buf_done(&tight.buf);
	nr_buf_done(&whole.buf);
}

static void every_failing_allocation_is_remembered(void **state)
{
	uint64_t n = 0;

	(void)state;
	do {
		struct doc doc;

		torture_fail_nth(++n);
		doc_init(&doc, 100000);
		for (int i = 0; i < 10; i++)
			write_everything(&doc.json);
		assert_true(doc.buf.err == 0 || doc.buf.err == -ENOMEM);
		nr_buf_done(&doc.buf);
		assert_int_equal(torture_live, 0);
	} while (torture_end() >= n);
	assert_true(n > 2);
}

static void thirty_two_levels_are_allowed(void **state)
{
	struct doc doc;

	(void)state;
	doc_init(&doc, 10000);
	for (int i = 0; i < NR_JSON_DEPTH; i++)
		nr_json_array(&doc.json);
	nr_json_u64(&doc.json, 1);
	for (int i = 0; i < NR_JSON_DEPTH; i++)
		nr_json_array_end(&doc.json);
	assert_int_equal(doc.buf.n, 2 * NR_JSON_DEPTH + 1);
	nr_buf_done(&doc.buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_and_nesting_are_kept),
		cmocka_unit_test(integers_are_written_in_full),
		cmocka_unit_test(doubles_have_their_shortest_text),
		cmocka_unit_test(doubles_read_back_the_same),
		cmocka_unit_test(no_shorter_text_reads_back),
		cmocka_unit_test(strings_are_escaped_once),
		cmocka_unit_test(every_byte_is_escaped_alike_at_every_place),
		cmocka_unit_test(wrong_order_of_calls_aborts),
		cmocka_unit_test(long_strings_and_keys_are_whole),
		cmocka_unit_test(addresses_times_and_bytes_are_strings),
		cmocka_unit_test(the_ceiling_of_the_buffer_is_exact),
		cmocka_unit_test(every_failing_allocation_is_remembered),
		cmocka_unit_test(thirty_two_levels_are_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
