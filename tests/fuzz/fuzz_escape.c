/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Oracles: escaped text is valid UTF-8 without control bytes, reads back to the same bytes, and is cut
 * only between units. A JSON string holds no raw control, quote or invalid UTF-8 and reads back, with
 * U+FFFD for what was invalid. A CSV cell reads back, and none opens like a formula.
 */
#include <float.h>
#include <stdlib.h>

#include "base/csv.h"
#include "base/json.h"

enum { INPUT_MAX = 4096 };

static unsigned hex_digits(const char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	unsigned v = 0;

	for (size_t i = 0; i < n; i++) {
		const char *at = memchr(digits, p[i], sizeof(digits) - 1);

		nr_require(at != NULL);
		v = v << 4 | (unsigned)(at - digits);
	}
	return v;
}

static size_t put_utf8(char *out, unsigned cp)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	out[0] = (char)(0xe0 | cp >> 12);
	out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[2] = (char)(0x80 | (cp & 0x3f));
	return 3;
}

/* Undo the escape that @p s opens with. @return bytes written; *taken of @p s */
static size_t unescape_unit(struct nr_str s, char *out, size_t *taken)
{
	uint32_t cp;

	if (s.p[0] != '\\') {
		*taken = nr_str_utf8(s, &cp);
		nr_require(*taken > 0 && cp >= 0x20 && cp != 0x7f && !(cp >= 0x80 && cp < 0xa0));
		nr_require(!(cp >= 0x202a && cp <= 0x202e) && !(cp >= 0x2066 && cp <= 0x2069));
		memcpy(out, s.p, *taken);
		return *taken;
	}
	nr_require(s.n >= 2);
	if (s.p[1] == '\\') {
		*taken = 2;
		out[0] = '\\';
		return 1;
	}
	if (s.p[1] == 'x') {
		nr_require(s.n >= 4);
		*taken = 4;
		out[0] = (char)hex_digits(s.p + 2, 2);
		return 1;
	}
	nr_require(s.p[1] == 'u' && s.n >= 6);
	*taken = 6;
	return put_utf8(out, hex_digits(s.p + 2, 4));
}

static void check_escape(struct nr_str input, size_t cap, char *out, char *back)
{
	size_t n = nr_str_escape(input, out, 6 * input.n + 1), n_back = 0, at = 0, taken, n_cut;
	char *cut;

	nr_require(strlen(out) == n);
	while (at < n) {
		n_back += unescape_unit((struct nr_str){ out + at, n - at }, back + n_back, &taken);
		at += taken;
	}
	nr_require(n_back == input.n && memcmp(back, input.p, n_back) == 0);
	cut = malloc(cap);
	nr_require(cut != NULL);
	n_cut = nr_str_escape(input, cut, cap);
	nr_require(n_cut < cap && cut[n_cut] == '\0' && memcmp(cut, out, n_cut) == 0);
	for (at = 0; at < n_cut; at += taken) {
		(void)unescape_unit((struct nr_str){ out + at, n - at }, back, &taken);
		nr_require(taken <= n_cut - at);
	}
	free(cut);
}

/* One character of a JSON string. @return bytes written; *taken of @p s */
static size_t unquote_unit(struct nr_str s, char *out, size_t *taken)
{
	static const char letters[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *at;
	uint32_t cp;

	if (s.p[0] != '\\') {
		*taken = nr_str_utf8(s, &cp);
		nr_require(*taken > 0 && cp >= 0x20 && cp != '"');
		memcpy(out, s.p, *taken);
		return *taken;
	}
	nr_require(s.n >= 2);
	if (s.p[1] == 'u') {
		nr_require(s.n >= 6);
		*taken = 6;
		return put_utf8(out, hex_digits(s.p + 2, 4));
	}
	at = memchr(letters, s.p[1], sizeof(letters) - 1);
	nr_require(at != NULL);
	*taken = 2;
	out[0] = means[at - letters];
	return 1;
}

static void check_json(struct nr_str input, char *back)
{
	struct nr_json json;
	struct nr_buf out;
	struct nr_str body;
	size_t taken;

	nr_buf_init(&out, 6 * INPUT_MAX + 2);
	nr_json_init(&json, &out);
	nr_json_str(&json, input);
	nr_require(out.err == 0 && out.n >= 2 && out.p[0] == '"' && out.p[out.n - 1] == '"');
	body = (struct nr_str){ (const char *)out.p + 1, out.n - 2 };
	while (body.n > 0) {
		size_t n = unquote_unit(body, back, &taken);
		uint32_t cp;

		body.p += taken;
		body.n -= taken;
		taken = nr_str_utf8(input, &cp);
		if (taken > 0)
			nr_require(n == taken && memcmp(back, input.p, n) == 0);
		else
			nr_require(input.n > 0 && n == 3 && memcmp(back, "\xef\xbf\xbd", 3) == 0);
		input.p += taken > 0 ? taken : 1;
		input.n -= taken > 0 ? taken : 1;
	}
	nr_require(input.n == 0);
	nr_buf_done(&out);
}

static void check_csv(struct nr_str input, char *back)
{
	struct nr_str cell;
	struct nr_buf out;
	size_t n = 0;
	double v;

	nr_buf_init(&out, 2 * INPUT_MAX + 3);
	nr_csv_cell(&out, input, true);
	nr_require(out.err == 0);
	cell = nr_buf_str(&out);
	if (cell.n > 0 && cell.p[0] == '"') {
		nr_require(cell.n >= 2 && cell.p[cell.n - 1] == '"');
		for (size_t i = 1; i < cell.n - 1; i++) {
			back[n++] = cell.p[i];
			if (cell.p[i] == '"')
				nr_require(i + 1 < cell.n - 1 && cell.p[++i] == '"');
		}
		cell = (struct nr_str){ back, n };
	} else {
		for (size_t i = 0; i < cell.n; i++)
			nr_require(strchr(",\"\r\n", cell.p[i]) == NULL || cell.p[i] == '\0');
	}
	if (cell.n > 0 && memchr("=+-@\t\r\n", cell.p[0], 7) != NULL)
		nr_require(nr_str_f64(cell, -DBL_MAX, DBL_MAX, &v) == 0);
	if (cell.n == input.n + 1)
		(void)nr_str_cut(&cell, '\'');
	nr_require(nr_str_eq(cell, input));
	nr_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nr_str input = { (const char *)data, nr_min_size(size, INPUT_MAX - 1) };
	char *out = malloc(6 * input.n + 1), *back = malloc(2 * input.n + 4);

	nr_require(out != NULL && back != NULL);
	check_escape(input, size > 0 ? 1 + data[0] : 1, out, back);
	check_json(input, back);
	check_csv(input, back);
	free(out);
	free(back);
	return 0;
}
