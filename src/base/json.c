/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every value is written straight to the end of the buffer, its comma included. Near the
 * ceiling of the buffer a value is written aside and added with its exact size, so that the limit
 * is the number of bytes and not the largest value's.
 */
#include "base/json.h"

#include <math.h>

#include "base/digits.h"

enum {
	VALUE_MAX = NR_JSON_ASIDE, /* comma and the longest value of fixed size */
};

void nr_json_init(struct nr_json *json, struct nr_buf *out)
{
	*json = (struct nr_json){ .out = out };
}

/* Where a value of up to VALUE_MAX bytes goes, behind the comma that is due; end() adds it. */
static inline char *begin(struct nr_json *json, char **ret_start)
{
	struct nr_buf *out = json->out;
	bool room = out->err == 0 && out->cap - out->n >= VALUE_MAX;
	char *p = NR_LIKELY(room) ? (char *)out->p + out->n : json->aside;

	*ret_start = p;
	if (json->comma[json->depth] && !json->after_key)
		*p++ = ',';
	json->comma[json->depth] = json->depth > 0;
	json->after_key = false;
	return p;
}

static inline void end(struct nr_json *json, const char *start, const char *p)
{
	size_t n = (size_t)(p - start);

	if (NR_LIKELY(start != json->aside))
		nr_buf_commit(json->out, n);
	else
		nr_buf_add(json->out, start, n);
}

static void put_word(struct nr_json *json, const char *word, size_t n)
{
	char *start, *p = begin(json, &start);

	memcpy(p, word, n);
	end(json, start, p + n);
}

static void open_level(struct nr_json *json, char c)
{
	nr_require(json->depth < NR_JSON_DEPTH);
	put_word(json, &c, 1);
	json->comma[++json->depth] = false;
}

static void close_level(struct nr_json *json, char c)
{
	nr_require(json->depth > 0 && !json->after_key);
	json->depth--;
	nr_buf_add(json->out, &c, 1);
}

void nr_json_object(struct nr_json *json)
{
	open_level(json, '{');
}

void nr_json_object_end(struct nr_json *json)
{
	close_level(json, '}');
}

void nr_json_array(struct nr_json *json)
{
	open_level(json, '[');
}

void nr_json_array_end(struct nr_json *json)
{
	close_level(json, ']');
}

void nr_json_key(struct nr_json *json, const char *key)
{
	size_t n = strlen(key);
	char *start, *p;

	nr_require(json->depth > 0 && !json->after_key);
	p = begin(json, &start);
	*p++ = '"';
	if (NR_LIKELY(n <= VALUE_MAX - 4)) {
		memcpy(p, key, n);
		p += n;
	} else {
		end(json, start, p);
		nr_buf_add(json->out, key, n);
		p = start = json->aside;
	}
	*p++ = '"';
	*p++ = ':';
	end(json, start, p);
	json->after_key = true;
}

void nr_json_null(struct nr_json *json)
{
	put_word(json, "null", 4);
}

void nr_json_bool(struct nr_json *json, bool v)
{
	put_word(json, v ? "true" : "false", v ? 4 : 5);
}

void nr_json_u64(struct nr_json *json, uint64_t v)
{
	char *start, *p = begin(json, &start);

	end(json, start, nr_digits_u64(p, v));
}

void nr_json_i64(struct nr_json *json, int64_t v)
{
	char *start, *p = begin(json, &start);

	end(json, start, nr_digits_i64(p, v));
}

void nr_json_f64(struct nr_json *json, double v)
{
	char *start, *p;

	if (!isfinite(v)) {
		nr_json_null(json);
		return;
	}
	p = begin(json, &start);
	end(json, start, nr_digits_f64(p, v));
}

/* Bytes that stand in a string as they are: printable ASCII but quote and backslash. */
static bool is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Does each of eight bytes stand in a string as it is? */
static bool is_plain8(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t x, quote, backslash, del;

	memcpy(&x, p, sizeof(x));
	quote = x ^ ones * '"';
	backslash = x ^ ones * '\\';
	del = x ^ ones * 0x7f;
	/* A byte below n borrows into its top bit; a false alarm of its neighbour does no harm. */
	return ((x | (x - ones * 0x20) | (quote - ones) | (backslash - ones) | (del - ones)) &
		tops) == 0;
}

/* Bytes of @p s in front of the first that cannot stand in a string as it is. */
static size_t plain_run(struct nr_str s)
{
	size_t i = 0;

	while (s.n - i >= 8 && is_plain8(s.p + i))
		i += 8;
	while (i < s.n && is_plain((uint8_t)s.p[i]))
		i++;
	return i;
}

/* The one character that @p s opens with. @return bytes taken */
static size_t put_char(struct nr_buf *out, struct nr_str s)
{
	static const char hex[] = "0123456789abcdef", named[] = "\b\t\n\f\r\"\\",
			  letters[] = "btnfr\"\\";
	char escape[6] = { '\\', 'u', '0', '0', 0, 0 };
	uint8_t c = (uint8_t)s.p[0];
	const char *at;
	uint32_t cp;
	size_t taken;

	if (c >= 0x80) {
		taken = nr_str_utf8(s, &cp);
		if (taken == 0)
			nr_buf_add(out, "\xef\xbf\xbd", 3);
		else
			nr_buf_add(out, s.p, taken);
		return taken > 0 ? taken : 1;
	}
	at = memchr(named, c, sizeof(named) - 1);
	if (at != NULL) {
		escape[1] = letters[at - named];
		nr_buf_add(out, escape, 2);
		return 1;
	}
	escape[4] = hex[c >> 4];
	escape[5] = hex[c & 15];
	nr_buf_add(out, escape, 6);
	return 1;
}

void nr_json_str(struct nr_json *json, struct nr_str s)
{
	size_t run = plain_run(s);
	char *start, *p = begin(json, &start);

	*p++ = '"';
	if (NR_LIKELY(run == s.n && run <= VALUE_MAX - 3)) {
		if (run > 0)
			memcpy(p, s.p, run);
		p += run;
		*p++ = '"';
		end(json, start, p);
		return;
	}
	end(json, start, p);
	while (s.n > 0) {
		run = plain_run(s);
		nr_buf_add(json->out, s.p, run);
		s.p += run;
		s.n -= run;
		if (s.n == 0)
			break;
		run = put_char(json->out, s);
		s.p += run;
		s.n -= run;
	}
	nr_buf_add(json->out, "\"", 1);
}

void nr_json_ip(struct nr_json *json, struct nr_ip ip)
{
	char *start, *p = begin(json, &start);

	*p++ = '"';
	p += nr_ip_print(ip, p);
	*p++ = '"';
	end(json, start, p);
}

void nr_json_time(struct nr_json *json, struct nr_time t)
{
	char *start, *p = begin(json, &start);

	*p++ = '"';
	p += nr_time_print(t, p);
	*p++ = '"';
	end(json, start, p);
}

void nr_json_hex(struct nr_json *json, struct nr_bytes bytes)
{
	static const char hex[] = "0123456789abcdef";
	char part[VALUE_MAX];

	put_word(json, "\"", 1);
	while (bytes.n > 0) {
		size_t n = nr_min_size(bytes.n, sizeof(part) / 2);

		for (size_t i = 0; i < n; i++) {
			part[2 * i] = hex[bytes.p[i] >> 4];
			part[2 * i + 1] = hex[bytes.p[i] & 15];
		}
		nr_buf_add(json->out, part, 2 * n);
		bytes.p += n;
		bytes.n -= n;
	}
	nr_buf_add(json->out, "\"", 1);
}
