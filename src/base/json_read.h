/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * json_read: JSON that came from outside, read strictly and within limits, and its members by type.
 * jansson behind one header; a library of its own, since the sensor has none.
 *
 * Refused   a key that stands twice (also when spelt with escapes), invalid UTF-8, U+0000, lone
 *           surrogates, a number that does not fit, anything behind the value. Limits are checked
 *           before anything is built, with constant stack.
 * Cost      linear in the text
 * Errors    NR_EUSAGE: what is wrong, and where
 */
#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

struct nr_json_limits {
	uint32_t depth;	 /* 0: 32 */
	uint32_t nodes;	 /* values and keys; 0: 10,000 */
	uint32_t string; /* bytes of one string as written; 0: 64 KiB */
};

/** @p limits may be NULL. Give back with json_decref(). */
NR_MUST_CHECK int nr_json_read(struct nr_str text, const struct nr_json_limits *limits,
			       json_t **ret_json, struct nr_err *reterr);
static inline void nr_json_autodecref(json_t **json)
{
	json_decref(*json);
}

/* ---- members of an object ---- */

/** It is an object, and has no member beside @p names (NULL-terminated). @return 0; NR_EUSAGE */
NR_MUST_CHECK int nr_json_only(const json_t *json, const char *const *names, struct nr_err *reterr);
/**
 * Text of at most cap - 1 bytes. Absent or null: "" when not @p required. @return 0; NR_EUSAGE not a
 * text, too long, or missing
 */
NR_MUST_CHECK int nr_json_text(const json_t *json, const char *name, bool required, char *out,
			       size_t cap, struct nr_err *reterr);
/** Absent or null: @p fallback. @return 0; NR_EUSAGE no whole number, or outside of [lo, hi] */
NR_MUST_CHECK int nr_json_integer(const json_t *json, const char *name, int64_t lo, int64_t hi,
				  int64_t fallback, int64_t *ret_value, struct nr_err *reterr);
NR_MUST_CHECK int nr_json_boolean(const json_t *json, const char *name, bool fallback,
				  bool *ret_value, struct nr_err *reterr);
/** RFC 3339; absent or null: @p fallback. */
NR_MUST_CHECK int nr_json_when(const json_t *json, const char *name, struct nr_time fallback,
			       struct nr_time *ret_time, struct nr_err *reterr);
/** One of @p words (NULL-terminated); absent or null: @p fallback. */
NR_MUST_CHECK int nr_json_word(const json_t *json, const char *name, const char *const *words,
			       unsigned fallback, unsigned *ret_word, struct nr_err *reterr);
/** Is the member there, and not null? */
bool nr_json_has(const json_t *json, const char *name);
