/* SPDX-License-Identifier: Apache-2.0 */
#include "share/policy/label_read.h"

#include "base/cmocka.h"
#include "base/json_read.h"
#include "share/policy/policy.h"

#define ONE "00000000-0000-4000-8000-000000000001"
#define TWO "00000000-0000-4000-8000-000000000002"

static int read_label(const char *text, struct nr_label *ret_label, struct nr_err *reterr)
{
	json_t *json;

	assert_int_equal(nr_json_read(nr_str_from(text), NULL, &json, reterr), 0);
	int r = nr_label_read(json, ret_label, reterr);

	json_decref(json);
	return r;
}

static void what_was_written_reads_back(void **state)
{
	static const char *const texts[] = {
		"{\"tlp\":\"GREEN\",\"owner\":\"" ONE
		"\",\"members\":[],\"communities\":[],\"layers\":[],"
		"\"everyone\":true,\"purposes\":[\"defence\",\"statistics\"],\"expires\":null}",
		"{\"tlp\":\"RED\",\"owner\":\"" ONE "\",\"members\":[{\"member\":\"" TWO
		"\",\"epoch\":4}],\"communities\":[{\"community\":\"" ONE
		"\",\"epoch\":4294967295}],\"layers\":[\"law-enforcement\",\"research\"],\"everyone\":false,"
		"\"purposes\":[\"investigation\"],\"expires\":\"2026-01-01T00:00:00.5Z\"}",
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(texts); i++) {
		struct nr_label label;
		struct nr_json json;
		struct nr_buf out;

		assert_int_equal(read_label(texts[i], &label, NULL), 0);
		assert_int_equal(nr_uuid_parse(NR_STR(ONE), &label.owner), 0); /* is never read */
		nr_buf_init(&out, 1 << 16);
		nr_json_init(&json, &out);
		nr_label_json(&label, &json);
		nr_buf_add(&out, "", 1);
		assert_string_equal((const char *)out.p, texts[i]);
		nr_buf_done(&out);
	}
}

static void the_owner_is_not_read(void **state)
{
	struct nr_label label;

	(void)state;
	assert_int_equal(read_label("{\"tlp\":\"RED\",\"owner\":\"" ONE "\"}", &label, NULL), 0);
	assert_true(nr_uuid_eq(label.owner, (struct nr_uuid){ 0 }));
}

/* Hostile input 47: nothing, null, empty and zero are nobody. */
static void what_is_absent_is_nobody(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"tlp\":null,\"everyone\":null,\"members\":null,\"purposes\":null,\"expires\":null}",
		"{\"tlp\":\"CLEAR\",\"everyone\":true}",
		"{\"everyone\":true,\"purposes\":[\"defence\"]}",
		("{\"tlp\":\"AMBER\",\"members\":[{\"member\":\"" TWO
		 "\"}],\"purposes\":[\"defence\"]}"),
		("{\"tlp\":\"AMBER\",\"members\":[{\"member\":\"00000000-0000-0000-0000-000000000000\","
		 "\"epoch\":1}],\"purposes\":[\"defence\"]}"),
	};
	struct nr_viewer viewers[2] = { { .role = NR_ROLE_OPERATOR, .epoch = 0, .active = true },
					{ .role = NR_ROLE_OPERATOR, .epoch = 1, .active = true } };

	(void)state;
	assert_int_equal(nr_uuid_parse(NR_STR(TWO), &viewers[0].member), 0);
	for (size_t i = 0; i < NR_COUNT(texts); i++) {
		struct nr_label label;

		assert_int_equal(read_label(texts[i], &label, NULL), 0);
		for (size_t v = 0; v < NR_COUNT(viewers); v++)
			assert_false(nr_policy_allows(&viewers[v], &label, NR_ACTION_READ));
	}
}

static void what_is_no_label_is_refused_with_words(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "[]", "object" },
		{ "{\"tlp\":\"AMBER\",\"audience\":[]}", "audience" },
		{ "{\"tlp\":\"amber\"}", "tlp" },
		{ "{\"tlp\":\"\"}", "tlp" },
		{ "{\"tlp\":3}", "tlp" },
		{ "{\"members\":{}}", "members" },
		{ "{\"members\":[\"" ONE "\"]}", "members" },
		{ "{\"members\":[{\"epoch\":1}]}", "member" },
		{ "{\"members\":[{\"member\":\"x\"}]}", "UUID" },
		{ "{\"members\":[{\"member\":\"" ONE "\",\"epoch\":-1}]}", "epoch" },
		{ "{\"members\":[{\"member\":\"" ONE "\",\"epoch\":4294967296}]}", "epoch" },
		{ "{\"members\":[{\"community\":\"" ONE "\"}]}", "community" },
		{ "{\"members\":[{\"member\":\"" ONE "\",\"epoch\":1},{\"member\":\"" ONE
		  "\",\"epoch\":1}]}",
		  "twice" },
		{ "{\"communities\":7}", "communities" },
		{ "{\"layers\":\"policy\"}", "layers" },
		{ "{\"layers\":[\"navy\"]}", "layers" },
		{ "{\"layers\":[1]}", "layers" },
		{ "{\"layers\":[\"policy\",\"policy\"]}", "twice" },
		{ "{\"everyone\":1}", "everyone" },
		{ "{\"purposes\":[\"defense\"]}", "purposes" },
		{ "{\"expires\":\"soon\"}", "expires" },
		{ "{\"expires\":\"1970-01-01T00:00:00Z\"}", "expires" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(rows); i++) {
		struct nr_label label;
		struct nr_err err = { 0 };

		assert_int_equal(read_label(rows[i].text, &label, &err), NR_EUSAGE);
		assert_non_null(strstr(err.msg, rows[i].words));
	}
}

static void more_than_a_label_holds_is_refused(void **state)
{
	static const struct {
		const char *list, *one;
		size_t max;
	} rows[] = { { "members", "member", NR_LABEL_MEMBERS },
		     { "communities", "community", NR_LABEL_COMMUNITIES } };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(rows); i++)
		for (size_t n = rows[i].max; n <= rows[i].max + 1; n++) {
			struct nr_label label;
			json_t *json = json_object(), *list = json_array();

			for (size_t k = 0; k < n; k++) {
				struct nr_uuid uuid = { .b = { [15] = (uint8_t)(k + 1) } };
				char text[NR_UUID_TEXT];
				json_t *party = json_object();

				nr_uuid_print(uuid, text);
				assert_int_equal(json_object_set_new(party, rows[i].one,
								     json_string(text)),
						 0);
				assert_int_equal(json_array_append_new(list, party), 0);
			}
			assert_int_equal(json_object_set_new(json, rows[i].list, list), 0);
			assert_int_equal(nr_label_read(json, &label, NULL),
					 n > rows[i].max ? NR_EUSAGE : 0);
			json_decref(json);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_reads_back),
		cmocka_unit_test(the_owner_is_not_read),
		cmocka_unit_test(what_is_absent_is_nobody),
		cmocka_unit_test(what_is_no_label_is_refused_with_words),
		cmocka_unit_test(more_than_a_label_holds_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
