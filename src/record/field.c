/* SPDX-License-Identifier: Apache-2.0 */
#include "record/field.h"

#include "base/digits.h"

enum { VALUE_MAX = 64, CELL_MAX = 1 << 16 };

#define AT(type) (*(type const *)((const char *)record + field->offset))

static bool is_present(const struct nr_field *field, const void *record)
{
	if (field->present != NULL && !field->present(record))
		return false;
	return field->type != NR_FIELD_CSTR || AT(char *) != NULL;
}

static char *hex32(char *out, uint32_t v)
{
	for (unsigned i = 0; i < 8; i++)
		out[i] = "0123456789abcdef"[v >> (28 - 4 * i) & 15];
	return out + 8;
}

/* The text of a number, an address or a time: at most VALUE_MAX bytes. @return its end, NULL for other types */
static char *plain_text(const struct nr_field *field, const void *record, char *out)
{
	switch (field->type) {
	case NR_FIELD_BOOL:
		memcpy(out, AT(bool) ? "true" : "false", AT(bool) ? 4 : 5);
		return out + (AT(bool) ? 4 : 5);
	case NR_FIELD_U8:
		return nr_digits_u64(out, AT(uint8_t));
	case NR_FIELD_U16:
		return nr_digits_u64(out, AT(uint16_t));
	case NR_FIELD_U32:
		return nr_digits_u64(out, AT(uint32_t));
	case NR_FIELD_U64:
		return nr_digits_u64(out, AT(uint64_t));
	case NR_FIELD_I64:
		return nr_digits_i64(out, AT(int64_t));
	case NR_FIELD_IP:
		return out + nr_ip_print(AT(struct nr_ip), out);
	case NR_FIELD_TIME:
		return out + nr_time_print(AT(struct nr_time), out);
	case NR_FIELD_HEX32:
		return hex32(out, AT(uint32_t));
	case NR_FIELD_F64:
	case NR_FIELD_LABEL:
	case NR_FIELD_CSTR:
	case NR_FIELD_CUSTOM:
		break;
	}
	return NULL;
}

static bool is_quoted(enum nr_field_type type)
{
	return type == NR_FIELD_IP || type == NR_FIELD_TIME || type == NR_FIELD_HEX32;
}

/* Types whose value needs the JSON writer: text of others, fractions, and what a row writes itself. */
static void other_json(const struct nr_field *field, const void *record, struct nr_json *j)
{
	if (field->type == NR_FIELD_F64)
		nr_json_f64(j, AT(double));
	else if (field->type == NR_FIELD_LABEL)
		nr_json_str(j, nr_str_from(field->label(AT(uint8_t))));
	else if (field->type == NR_FIELD_CSTR)
		nr_json_str(j, nr_str_from(AT(char *)));
	else
		field->json(record, j);
}

/*
 * The hot way: ,"name":value straight into reserved room, without the state of the JSON writer.
 * Labels are names of ours, plain ASCII.
 */
static void member(const struct nr_field *field, const void *record, struct nr_buf *out)
{
	size_t n_name = strlen(field->name);
	char *begin = (char *)nr_buf_reserve(out, n_name + VALUE_MAX + 8), *p = begin;

	if (begin == NULL)
		return;
	*p++ = ',';
	*p++ = '"';
	memcpy(p, field->name, n_name);
	p += n_name;
	*p++ = '"';
	*p++ = ':';
	char *value = is_quoted(field->type) ? p + 1 : p;
	char *end = plain_text(field, record, value);

	if (end == NULL) {
		struct nr_json j;

		nr_buf_commit(out, (size_t)(p - begin));
		nr_json_init(&j, out);
		other_json(field, record, &j);
		return;
	}
	if (value != p) {
		*p = '"';
		*end++ = '"';
	}
	nr_buf_commit(out, (size_t)(end - begin));
}

void nr_record_json(const struct nr_record_type *type, const void *record, struct nr_buf *out)
{
	nr_buf_add_str(out, NR_STR("{\"record\":\""));
	nr_buf_add(out, type->name, strlen(type->name));
	nr_buf_add(out, "\"", 1);
	for (size_t i = 0; i < type->n_fields; i++)
		if (is_present(&type->fields[i], record))
			member(&type->fields[i], record, out);
	nr_buf_add(out, "}", 1);
}

void nr_fields_json(const struct nr_field *fields, size_t n, const void *record, struct nr_json *j)
{
	for (size_t i = 0; i < n; i++) {
		const struct nr_field *field = &fields[i];
		char text[VALUE_MAX];

		if (!is_present(field, record))
			continue;
		nr_json_key(j, field->name);
		char *end = is_quoted(field->type) ? plain_text(field, record, text) : NULL;

		if (end != NULL)
			nr_json_str(j, (struct nr_str){ text, (size_t)(end - text) });
		else if (field->type == NR_FIELD_BOOL)
			nr_json_bool(j, AT(bool));
		else if (field->type == NR_FIELD_I64)
			nr_json_i64(j, AT(int64_t));
		else if (plain_text(field, record, text) != NULL)
			nr_json_u64(j, field->type == NR_FIELD_U8    ? AT(uint8_t)
				       : field->type == NR_FIELD_U16 ? AT(uint16_t)
				       : field->type == NR_FIELD_U32 ? AT(uint32_t)
								     : AT(uint64_t));
		else
			other_json(field, record, j);
	}
}

/* ---- CSV ---- */

void nr_record_csv_head(const struct nr_record_type *type, struct nr_buf *out)
{
	nr_csv_cell(out, NR_STR("record"), true);
	for (size_t i = 0; i < type->n_fields; i++)
		nr_csv_cell(out, nr_str_from(type->fields[i].name), false);
	nr_csv_end(out);
}

static void cell(const struct nr_field *field, const void *record, struct nr_buf *out)
{
	char text[VALUE_MAX];
	char *end = plain_text(field, record, text);
	struct nr_buf own;

	if (end != NULL) {
		nr_csv_cell(out, (struct nr_str){ text, (size_t)(end - text) }, false);
	} else if (field->type == NR_FIELD_LABEL) {
		nr_csv_cell(out, nr_str_from(field->label(AT(uint8_t))), false);
	} else if (field->type == NR_FIELD_CSTR) {
		nr_csv_cell(out, nr_str_from(AT(char *)), false);
	} else {
		nr_buf_init(&own, CELL_MAX);
		if (field->type == NR_FIELD_CUSTOM) {
			field->cell(record, &own);
		} else {
			struct nr_json j;

			nr_json_init(&j, &own);
			nr_json_f64(&j, AT(double));
		}
		nr_csv_cell(out, nr_buf_str(&own), false);
		nr_buf_done(&own);
	}
}

void nr_record_csv(const struct nr_record_type *type, const void *record, struct nr_buf *out)
{
	nr_csv_cell(out, nr_str_from(type->name), true);
	for (size_t i = 0; i < type->n_fields; i++) {
		if (is_present(&type->fields[i], record))
			cell(&type->fields[i], record, out);
		else
			nr_csv_cell(out, NR_STR(""), false);
	}
	nr_csv_end(out);
}

/* ---- one member by its name ---- */

static const struct nr_field *find_present(const struct nr_field *fields, size_t n,
					   const void *record, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(fields[i].name, name) == 0)
			return is_present(&fields[i], record) ? &fields[i] : NULL;
	return NULL;
}

bool nr_fields_number(const struct nr_field *fields, size_t n, const void *record, const char *name,
		      double *ret_value)
{
	const struct nr_field *field = find_present(fields, n, record, name);
	char text[VALUE_MAX];

	if (field == NULL)
		return false;
	if (field->type == NR_FIELD_F64) {
		*ret_value = AT(double);
		return true;
	}
	char *end = is_quoted(field->type) ? NULL : plain_text(field, record, text);

	return end != NULL && field->type != NR_FIELD_BOOL &&
	       nr_str_f64((struct nr_str){ text, (size_t)(end - text) }, -1e20, 1e20, ret_value) ==
		       0;
}

bool nr_fields_text(const struct nr_field *fields, size_t n, const void *record, const char *name,
		    struct nr_buf *out)
{
	const struct nr_field *field = find_present(fields, n, record, name);
	char text[VALUE_MAX];

	if (field == NULL)
		return false;
	char *end = plain_text(field, record, text);

	if (end != NULL)
		nr_buf_add(out, text, (size_t)(end - text));
	else if (field->type == NR_FIELD_LABEL)
		nr_buf_add_str(out, nr_str_from(field->label(AT(uint8_t))));
	else if (field->type == NR_FIELD_CSTR)
		nr_buf_add_str(out, nr_str_from(AT(char *)));
	else if (field->type == NR_FIELD_CUSTOM)
		field->cell(record, out);
	else
		return false;
	return true;
}

/* ---- what the declarations say of themselves ---- */

static void json_text(struct nr_buf *out, const char *text)
{
	struct nr_json j;

	nr_json_init(&j, out);
	nr_json_str(&j, nr_str_from(text));
}

static const char *type_schema(enum nr_field_type type)
{
	switch (type) {
	case NR_FIELD_BOOL:
		return "\"type\":\"boolean\"";
	case NR_FIELD_U8:
		return "\"type\":\"integer\",\"minimum\":0,\"maximum\":255";
	case NR_FIELD_U16:
		return "\"type\":\"integer\",\"minimum\":0,\"maximum\":65535";
	case NR_FIELD_U32:
		return "\"type\":\"integer\",\"minimum\":0,\"maximum\":4294967295";
	case NR_FIELD_U64:
		return "\"type\":\"integer\",\"minimum\":0";
	case NR_FIELD_I64:
		return "\"type\":\"integer\"";
	case NR_FIELD_F64:
		return "\"type\":[\"number\",\"null\"]";
	case NR_FIELD_IP:
		return "\"type\":\"string\",\"anyOf\":[{\"format\":\"ipv4\"},{\"format\":\"ipv6\"}]";
	case NR_FIELD_TIME:
		return "\"type\":\"string\",\"format\":\"date-time\"";
	case NR_FIELD_HEX32:
		return "\"type\":\"string\",\"pattern\":\"^[0-9a-f]{8}$\"";
	case NR_FIELD_LABEL:
	case NR_FIELD_CSTR:
	case NR_FIELD_CUSTOM:
		break;
	}
	return "\"type\":\"string\"";
}

static void field_schema(const struct nr_field *field, struct nr_buf *out)
{
	json_text(out, field->name);
	if (field->type == NR_FIELD_CUSTOM) {
		nr_buf_addf(out, ":{\"allOf\":[%s]", field->schema);
	} else {
		nr_buf_addf(out, ":{%s", type_schema(field->type));
		if (field->type == NR_FIELD_LABEL && field->labels != NULL) {
			nr_buf_add_str(out, NR_STR(",\"enum\":["));
			for (size_t i = 0; field->labels[i] != NULL; i++) {
				nr_buf_addf(out, "%s", i > 0 ? "," : "");
				json_text(out, field->labels[i]);
			}
			nr_buf_add_str(out, NR_STR("]"));
		}
	}
	nr_buf_add_str(out, NR_STR(",\"description\":"));
	json_text(out, field->help);
	if (field->unit != NULL) {
		nr_buf_add_str(out, NR_STR(",\"x-unit\":"));
		json_text(out, field->unit);
	}
	nr_buf_add_str(out, NR_STR("}"));
}

/* "properties":{...},"required":[...],"additionalProperties":false; @p name NULL: no "record" member */
static void members_schema(const struct nr_field *fields, size_t n, const char *name,
			   struct nr_buf *out)
{
	bool comma = name != NULL;

	nr_buf_add_str(
		out, NR_STR("\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"));
	if (name != NULL)
		nr_buf_addf(out, "\"record\":{\"const\":\"%s\"}", name);
	for (size_t i = 0; i < n; i++) {
		nr_buf_addf(out, "%s", comma ? "," : "");
		field_schema(&fields[i], out);
		comma = true;
	}
	nr_buf_addf(out, "},\"required\":[%s", name != NULL ? "\"record\"" : "");
	comma = name != NULL;
	for (size_t i = 0; i < n; i++) {
		if (fields[i].present != NULL || fields[i].type == NR_FIELD_CSTR)
			continue;
		nr_buf_addf(out, "%s", comma ? "," : "");
		json_text(out, fields[i].name);
		comma = true;
	}
	nr_buf_add_str(out, NR_STR("]"));
}

void nr_fields_schema(const struct nr_field *fields, size_t n, struct nr_buf *out)
{
	nr_buf_add_str(out, NR_STR("{"));
	members_schema(fields, n, NULL, out);
	nr_buf_add_str(out, NR_STR("}"));
}

void nr_record_schema_members(const struct nr_record_type *type, struct nr_buf *out)
{
	nr_buf_add_str(out, NR_STR("\"title\":"));
	json_text(out, type->name);
	nr_buf_add_str(out, NR_STR(",\"description\":"));
	json_text(out, type->help);
	nr_buf_add_str(out, NR_STR(","));
	members_schema(type->fields, type->n_fields, type->name, out);
}

void nr_record_schema(const struct nr_record_type *type, struct nr_buf *out)
{
	nr_buf_add_str(out, NR_STR("{\"$schema\":\"" NR_SCHEMA_DIALECT "\","));
	nr_record_schema_members(type, out);
	nr_buf_add_str(out, NR_STR("}"));
}

const char *nr_field_type_name(enum nr_field_type type)
{
	switch (type) {
	case NR_FIELD_BOOL:
		return "true or false";
	case NR_FIELD_U8:
	case NR_FIELD_U16:
	case NR_FIELD_U32:
	case NR_FIELD_U64:
	case NR_FIELD_I64:
		return "integer";
	case NR_FIELD_F64:
		return "number";
	case NR_FIELD_IP:
		return "address";
	case NR_FIELD_TIME:
		return "time";
	case NR_FIELD_LABEL:
		return "name";
	case NR_FIELD_CSTR:
		return "text";
	case NR_FIELD_HEX32:
		return "8 hex digits";
	case NR_FIELD_CUSTOM:
		break;
	}
	return "value";
}

void nr_record_doc(const struct nr_record_type *type, struct nr_buf *out)
{
	nr_buf_addf(out, "## %s\n\n%s\n\n| name | type | unit | meaning |\n|---|---|---|---|\n",
		    type->name, type->help);
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct nr_field *field = &type->fields[i];

		nr_buf_addf(out, "| `%s` | %s%s | %s | %s |\n", field->name,
			    nr_field_type_name(field->type),
			    field->present != NULL || field->type == NR_FIELD_CSTR ? ", optional"
										   : "",
			    field->unit != NULL ? field->unit : "", field->help);
	}
	nr_buf_add_str(out, NR_STR("\n"));
}
