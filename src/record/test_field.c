/* SPDX-License-Identifier: Apache-2.0 */
#include "record/field.h"

#include <jansson.h>

#include "base/cmocka.h"
#include "record/observation.h"
#include "record/source.h"

struct sample {
	bool flag;
	uint8_t small, kind;
	uint16_t port;
	uint32_t count, hash;
	uint64_t large;
	int64_t sign;
	double share;
	struct nr_ip ip;
	struct nr_time at;
	const char *text;
	bool has_port;
};

static const char *const kinds[] = { "one", "two", NULL };

static const char *kind_name(uint8_t v)
{
	return v < 2 ? kinds[v] : "unknown";
}

static bool has_port(const void *record)
{
	return ((const struct sample *)record)->has_port;
}

static void pair_json(const void *record, struct nr_json *j)
{
	nr_json_array(j);
	nr_json_u64(j, ((const struct sample *)record)->small);
	nr_json_u64(j, 7);
	nr_json_array_end(j);
}

static void pair_cell(const void *record, struct nr_buf *out)
{
	nr_buf_addf(out, "%u 7", ((const struct sample *)record)->small);
}

#define AT(member) offsetof(struct sample, member)

static const struct nr_field fields[] = {
	{ .name = "flag", .type = NR_FIELD_BOOL, .offset = AT(flag), .help = "A \"flag\"." },
	{ .name = "small", .type = NR_FIELD_U8, .offset = AT(small), .help = "S." },
	{ .name = "kind",
	  .type = NR_FIELD_LABEL,
	  .label = kind_name,
	  .labels = kinds,
	  .offset = AT(kind),
	  .help = "K." },
	{ .name = "port",
	  .type = NR_FIELD_U16,
	  .offset = AT(port),
	  .present = has_port,
	  .help = "P." },
	{ .name = "count",
	  .type = NR_FIELD_U32,
	  .unit = "packets",
	  .offset = AT(count),
	  .help = "C." },
	{ .name = "hash", .type = NR_FIELD_HEX32, .offset = AT(hash), .help = "H." },
	{ .name = "large", .type = NR_FIELD_U64, .offset = AT(large), .help = "L." },
	{ .name = "sign", .type = NR_FIELD_I64, .offset = AT(sign), .help = "S." },
	{ .name = "share", .type = NR_FIELD_F64, .offset = AT(share), .help = "S." },
	{ .name = "ip", .type = NR_FIELD_IP, .offset = AT(ip), .help = "I." },
	{ .name = "at", .type = NR_FIELD_TIME, .offset = AT(at), .help = "A." },
	{ .name = "text", .type = NR_FIELD_CSTR, .offset = AT(text), .help = "T." },
	{ .name = "pair",
	  .type = NR_FIELD_CUSTOM,
	  .json = pair_json,
	  .cell = pair_cell,
	  .schema = "{\"type\":\"array\"}",
	  .help = "P." },
};

static const struct nr_record_type type = { .name = "sample",
					    .help = "A sample.",
					    .fields = fields,
					    .n_fields = NR_COUNT(fields) };

static struct sample sample_of(const char *text)
{
	return (struct sample){ .flag = true,
				.small = 200,
				.kind = 1,
				.port = 65535,
				.count = 4294967295u,
				.hash = 0x00ab12ff,
				.large = UINT64_MAX,
				.sign = INT64_MIN,
				.share = 0.1,
				.ip = nr_ip_v4(0xc0000201),
				.at = { INT64_C(1767225600123000000) },
				.text = text,
				.has_port = true };
}

static void assert_text(struct nr_buf *buf, const char *want)
{
	assert_int_equal(buf->err, 0);
	nr_buf_add(buf, "", 1);
	assert_string_equal((const char *)buf->p, want);
	nr_buf_done(buf);
}

static const char json_want[] =
	"{\"record\":\"sample\",\"flag\":true,\"small\":200,\"kind\":\"two\",\"port\":65535,\"count\":4294967295,"
	"\"hash\":\"00ab12ff\",\"large\":18446744073709551615,\"sign\":-9223372036854775808,\"share\":0.1,"
	"\"ip\":\"192.0.2.1\",\"at\":\"2026-01-01T00:00:00.123Z\",\"text\":\"a\\\"b\",\"pair\":[200,7]}";

static void every_type_has_its_json_form(void **state)
{
	struct sample s = sample_of("a\"b");
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 4096);
	nr_record_json(&type, &s, &out);
	assert_text(&out, json_want);
}

static void the_json_writer_gives_the_same_members(void **state)
{
	struct sample s = sample_of("a\"b");
	struct nr_buf out;
	struct nr_json j;

	(void)state;
	nr_buf_init(&out, 4096);
	nr_json_init(&j, &out);
	nr_json_object(&j);
	nr_json_key(&j, "record");
	nr_json_str(&j, NR_STR("sample"));
	nr_fields_json(fields, NR_COUNT(fields), &s, &j);
	nr_json_object_end(&j);
	assert_text(&out, json_want);
}

static void what_is_absent_is_left_out(void **state)
{
	struct sample s = sample_of(NULL);
	struct nr_buf out;

	(void)state;
	s.has_port = false;
	nr_buf_init(&out, 4096);
	nr_record_json(&type, &s, &out);
	assert_null(memmem(out.p, out.n, "port", 4));
	assert_null(memmem(out.p, out.n, "text", 4));
	nr_buf_reset(&out);
	nr_record_csv(&type, &s, &out);
	assert_text(
		&out,
		"sample,true,200,two,,4294967295,00ab12ff,18446744073709551615,-9223372036854775808,0.1,"
		"192.0.2.1,2026-01-01T00:00:00.123Z,,200 7\r\n");
}

static void hostile_text_cannot_leave_its_cell_or_string(void **state)
{
	static const struct {
		const char *text, *json, *cell;
	} cases[] = {
		{ "=cmd|' /C calc'!A0", "\"text\":\"=cmd|' /C calc'!A0\"",
		  ",'=cmd|' /C calc'!A0," },
		{ "@SUM(1)", "\"text\":\"@SUM(1)\"", ",'@SUM(1)," },
		{ "\033[2J\007", "\"text\":\"\\u001b[2J\\u0007\"", ",\033[2J\007," },
		{ "a\"\n,b", "\"text\":\"a\\\"\\n,b\"", ",\"a\"\"\n,b\"," },
		{ "\xff\xfe", "\"text\":\"\xef\xbf\xbd\xef\xbf\xbd\"", ",\xff\xfe," },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct sample s = sample_of(cases[i].text);
		struct nr_buf out;

		nr_buf_init(&out, 4096);
		nr_record_json(&type, &s, &out);
		assert_non_null(memmem(out.p, out.n, cases[i].json, strlen(cases[i].json)));
		nr_buf_reset(&out);
		nr_record_csv(&type, &s, &out);
		assert_non_null(memmem(out.p, out.n, cases[i].cell, strlen(cases[i].cell)));
		nr_buf_done(&out);
	}
}

static void the_head_of_a_table_names_its_columns(void **state)
{
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 4096);
	nr_record_csv_head(&type, &out);
	assert_text(&out,
		    "record,flag,small,kind,port,count,hash,large,sign,share,ip,at,text,pair\r\n");
}

static void one_member_is_read_by_its_name(void **state)
{
	struct sample s = sample_of("words");
	struct nr_buf out;
	double v = 0;

	(void)state;
	nr_buf_init(&out, 4096);
	assert_true(nr_fields_number(fields, NR_COUNT(fields), &s, "count", &v));
	assert_true(v == 4294967295.0);
	assert_true(nr_fields_number(fields, NR_COUNT(fields), &s, "share", &v));
	assert_true(v == 0.1);
	assert_false(nr_fields_number(fields, NR_COUNT(fields), &s, "ip", &v));
	assert_false(nr_fields_number(fields, NR_COUNT(fields), &s, "nothing", &v));
	assert_true(nr_fields_text(fields, NR_COUNT(fields), &s, "kind", &out));
	assert_true(nr_fields_text(fields, NR_COUNT(fields), &s, "text", &out));
	assert_true(nr_fields_text(fields, NR_COUNT(fields), &s, "pair", &out));
	assert_text(&out, "twowords200 7");
}

/* The schema must be JSON, name every field, forbid others, and ask for what is always there. */
static void check_schema(const struct nr_record_type *of)
{
	struct nr_buf out;
	json_error_t error;

	nr_buf_init(&out, 1 << 20);
	nr_record_schema(of, &out);
	assert_int_equal(out.err, 0);
	json_t *schema = json_loadb((const char *)out.p, out.n, JSON_REJECT_DUPLICATES, &error);

	assert_non_null(schema);
	assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
	json_t *properties = json_object_get(schema, "properties"),
	       *required = json_object_get(schema, "required");
	size_t n_required = 1; /* record */

	assert_int_equal(json_object_size(properties), of->n_fields + 1);
	for (size_t i = 0; i < of->n_fields; i++) {
		const struct nr_field *field = &of->fields[i];

		assert_non_null(
			json_object_get(json_object_get(properties, field->name), "description"));
		assert_non_null(field->help);
		assert_true(field->help[strlen(field->help) - 1] == '.');
		n_required += field->present == NULL && field->type != NR_FIELD_CSTR;
	}
	assert_int_equal(json_array_size(required), n_required);
	json_decref(schema);
	nr_buf_done(&out);
}

static void schemas_follow_from_the_tables(void **state)
{
	(void)state;
	check_schema(&type);
	check_schema(&nr_observation_type);
	check_schema(&nr_source_type);
}

static void the_documentation_has_a_row_a_field(void **state)
{
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 1 << 20);
	nr_record_doc(&nr_observation_type, &out);
	assert_int_equal(nr_str_count(nr_buf_str(&out), '\n'), nr_observation_type.n_fields + 7);
	nr_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_has_its_json_form),
		cmocka_unit_test(the_json_writer_gives_the_same_members),
		cmocka_unit_test(what_is_absent_is_left_out),
		cmocka_unit_test(hostile_text_cannot_leave_its_cell_or_string),
		cmocka_unit_test(the_head_of_a_table_names_its_columns),
		cmocka_unit_test(one_member_is_read_by_its_name),
		cmocka_unit_test(schemas_follow_from_the_tables),
		cmocka_unit_test(the_documentation_has_a_row_a_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
