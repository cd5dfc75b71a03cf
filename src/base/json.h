/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * json: a streaming writer (RFC 8259) into a struct nr_buf. Commas and nesting are kept here.
 *
 * Strings: invalid UTF-8 becomes U+FFFD, controls are escaped. Doubles: shortest form that reads back
 * the same; NaN and infinities become null. 64-bit integers are written in full.
 * Lines   at depth 0 no comma is written: end each value with nr_buf_add(out, "\n", 1).
 * Limits  nesting 32 (nr_require: ours to keep).
 */
#include "base/buf.h"
#include "base/inet.h"
#include "base/time.h"

enum { NR_JSON_DEPTH = 32, NR_JSON_ASIDE = 64 };

struct nr_json {
	struct nr_buf *out;
	unsigned depth;
	bool comma[NR_JSON_DEPTH + 1];
	bool after_key;
	char aside[NR_JSON_ASIDE]; /* where a value is written when the buffer is nearly full */
};

void nr_json_init(struct nr_json *json, struct nr_buf *out);
void nr_json_object(struct nr_json *json);
void nr_json_object_end(struct nr_json *json);
void nr_json_array(struct nr_json *json);
void nr_json_array_end(struct nr_json *json);
void nr_json_key(struct nr_json *json, const char *key); /* plain ASCII, not escaped */
void nr_json_null(struct nr_json *json);
void nr_json_bool(struct nr_json *json, bool v);
void nr_json_u64(struct nr_json *json, uint64_t v);
void nr_json_i64(struct nr_json *json, int64_t v);
void nr_json_f64(struct nr_json *json, double v);
void nr_json_str(struct nr_json *json, struct nr_str s);
void nr_json_ip(struct nr_json *json, struct nr_ip ip);
void nr_json_time(struct nr_json *json, struct nr_time t);
void nr_json_hex(struct nr_json *json, struct nr_bytes bytes);
