/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * field: what a record consists of, declared once; JSON, CSV, schema and documentation follow from it.
 *
 * Shape   a record is a C struct and a table of struct nr_field rows; `offset` says where a value
 *         stands, `present` (may be NULL: always) whether it is there in this one. NR_FIELD_CUSTOM
 *         rows write their own JSON value and their CSV cell, and state their schema by hand.
 * Limits  names are lower_snake_case ASCII, unique in a table.
 */
#include "base/csv.h"
#include "base/json.h"

enum nr_field_type {
	NR_FIELD_BOOL,
	NR_FIELD_U8,
	NR_FIELD_U16,
	NR_FIELD_U32,
	NR_FIELD_U64,
	NR_FIELD_I64,
	NR_FIELD_F64,
	NR_FIELD_IP,
	NR_FIELD_TIME,	/* struct nr_time */
	NR_FIELD_LABEL, /* uint8_t, named by label() */
	NR_FIELD_CSTR,	/* const char *, NULL is absent */
	NR_FIELD_HEX32, /* uint32_t as 8 hex digits: hashes */
	NR_FIELD_CUSTOM,
};

struct nr_field {
	const char *name;
	enum nr_field_type type;
	const char *unit; /* "bytes", "packets/s"; NULL when none */
	const char *help; /* one English sentence */
	size_t offset;
	const char *(*label)(uint8_t value); /* NR_FIELD_LABEL: never NULL */
	const char *const *labels; /* NR_FIELD_LABEL: all values, NULL-terminated, for the schema */
	bool (*present)(const void *record);
	void (*json)(const void *record, struct nr_json *j); /* NR_FIELD_CUSTOM */
	void (*cell)(const void *record,
		     struct nr_buf *out); /* NR_FIELD_CUSTOM: plain text, escaped by the caller */
	const char *schema;		  /* NR_FIELD_CUSTOM: JSON Schema of the value */
};

struct nr_record_type {
	const char *name; /* value of "record" */
	const char *help;
	const struct nr_field *fields;
	size_t n_fields;
};

extern const struct nr_record_type nr_observation_type; /* struct nr_observation, "flow" */
extern const struct nr_record_type nr_source_type;	/* struct nr_source, "source" */
extern const struct nr_record_type nr_finding_type;	/* struct nr_finding, "finding" */

/** One object {"record": NAME, fields present...} without newline. */
void nr_record_json(const struct nr_record_type *type, const void *record, struct nr_buf *out);
/** Members of the open object of @p j, one a field present. */
void nr_fields_json(const struct nr_field *fields, size_t n, const void *record, struct nr_json *j);
void nr_record_csv_head(const struct nr_record_type *type, struct nr_buf *out);
void nr_record_csv(const struct nr_record_type *type, const void *record, struct nr_buf *out);
/** JSON Schema 2020-12 of the record; unknown members are forbidden. */
void nr_record_schema(const struct nr_record_type *type, struct nr_buf *out);
/** Markdown table: name, type, unit, help. */
void nr_record_doc(const struct nr_record_type *type, struct nr_buf *out);
/** The members of that schema object, without braces and dialect, for a larger schema. */
void nr_record_schema_members(const struct nr_record_type *type, struct nr_buf *out);
#define NR_SCHEMA_DIALECT "https://json-schema.org/draft/2020-12/schema"
/** JSON Schema of an object with these members and no others: evidence of a detector. */
void nr_fields_schema(const struct nr_field *fields, size_t n, struct nr_buf *out);
/** A number or the text of the member @p name, if there is one and it is present: for readers of evidence. */
bool nr_fields_number(const struct nr_field *fields, size_t n, const void *record, const char *name,
		      double *ret_value);
bool nr_fields_text(const struct nr_field *fields, size_t n, const void *record, const char *name,
		    struct nr_buf *out);
/** "integer", "address", "time": for people. */
const char *nr_field_type_name(enum nr_field_type type);
