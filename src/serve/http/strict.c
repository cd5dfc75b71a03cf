/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What two servers could read in two ways is refused: RFC 9112 sections 2.2, 3.2, 5.1, 5.2, 6.1,
 * 6.3.
 *
 * libmicrohttpd 0.9.75 forgives some of it before we are asked: a line that ends with LF alone, a
 * folded line, a NUL in a value.
 * But it hands out names and values as pointers into the one buffer that it read, so what stood
 * between them can be
 * told from the pointers alone: exactly CRLF between two fields, a colon and at most one blank
 * inside. Nothing but
 * the pointers is looked at. Newer versions refuse those themselves, and may copy; there the
 * check is left out.
 */
#include <stdlib.h>
#include <string.h>

#include "serve/http/http_int.h"

#define LAYOUT_TELLS (MHD_VERSION < 0x00097600)

static bool is_token(const char *p, size_t n)
{
	static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
				      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (size_t i = 0; i < n; i++)
		if (p[i] == '\0' || strchr(allowed, p[i]) == NULL)
			return false;
	return n > 0;
}

static bool is_value(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
			return false;
	return n == 0 || (p[0] != ' ' && p[0] != '\t');
}

struct look {
	const char *why;
	uintptr_t expect; /* where the next name must begin */
	size_t fields, hosts, lengths, encodings, authorizations, cookies;
};

static bool is_name(const char *name, size_t n, const char *want)
{
	return n == strlen(want) && strncasecmp(name, want, n) == 0;
}

static void count_field(struct look *look, const char *name, size_t name_n, const char *value,
			size_t value_n)
{
	if (is_name(name, name_n, "Host"))
		look->hosts++;
	else if (is_name(name, name_n, "Authorization"))
		look->authorizations++;
	else if (is_name(name, name_n, "Cookie"))
		look->cookies++;
	else if (is_name(name, name_n, "Transfer-Encoding"))
		look->encodings++;
	else if (is_name(name, name_n, "Content-Length")) {
		look->lengths++;
		if (value_n == 0 || value_n > 18 || strspn(value, "0123456789") != value_n)
			look->why = "Content-Length is no number";
	}
}

static enum MHD_Result look_at(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_n,
			       const char *value, size_t value_n)
{
	struct look *look = cls;

	(void)kind;
	if (value == NULL) {
		look->why = "a field has no value";
		return MHD_NO;
	}
	if (++look->fields > NR_HTTP_FIELDS)
		look->why = "more than 100 fields";
	else if (!is_token(name, name_n))
		look->why = "a field's name is none";
	else if (!is_value(value, value_n) || strlen(value) != value_n)
		look->why = "a field's value holds control characters";
	if (LAYOUT_TELLS) {
		size_t colon = (size_t)((uintptr_t)value - (uintptr_t)name) - name_n;

		if ((uintptr_t)name != look->expect || colon < 1 || colon > 2)
			look->why = "a field is folded, or its line does not end with CRLF";
		look->expect = (uintptr_t)value + value_n + 2;
	}
	if (look->why == NULL)
		count_field(look, name, name_n, value, value_n);
	return look->why == NULL ? MHD_YES : MHD_NO;
}

static const char *judge(const struct look *look, const char *method)
{
	if (look->hosts != 1)
		return "exactly one Host field is wanted";
	if (look->encodings > 0)
		return "Transfer-Encoding is not taken: send Content-Length";
	if (look->lengths > 1)
		return "more than one Content-Length";
	if (look->authorizations > 1)
		return "more than one Authorization";
	if (look->cookies > 1)
		return "more than one Cookie";
	if (look->lengths == 0 && (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
				   strcmp(method, "PATCH") == 0))
		return "Content-Length is missing";
	return NULL;
}

const char *nr_http_strict(const struct http_exchange *ex, struct MHD_Connection *mc,
			   const char *method, const char *version)
{
	struct look look = { .expect = (uintptr_t)version + strlen(version) + 2 };

	if (strcmp(version, "HTTP/1.1") != 0)
		return "HTTP/1.1 is spoken here";
	if (!is_token(method, strlen(method)))
		return "the method is none";
	if (LAYOUT_TELLS &&
	    (ex->uri != method + strlen(method) + 1 || version != ex->uri + ex->uri_n + 1))
		return "the request line is METHOD SP PATH SP VERSION CRLF";
	(void)MHD_get_connection_values_n(mc, MHD_HEADER_KIND, look_at, &look);
	if (look.why != NULL)
		return look.why;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mc, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	if (LAYOUT_TELLS &&
	    (info == NULL || info->header_size != look.expect + 2 - (uintptr_t)method))
		return "a field is folded, or its line does not end with CRLF";
	return judge(&look, method);
}

/* ---- the target ---- */

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode in place, form-urlencoded. @return false: an escape that is none, or a NUL */
static bool decode(char *p, size_t *n)
{
	size_t out = 0;

	for (size_t i = 0; i < *n; i++) {
		char c = p[i] == '+' ? ' ' : p[i];

		if (c == '%') {
			if (i + 2 >= *n || hex_of(p[i + 1]) < 0 || hex_of(p[i + 2]) < 0)
				return false;
			c = (char)(hex_of(p[i + 1]) << 4 | hex_of(p[i + 2]));
			i += 2;
		}
		if (c == '\0')
			return false;
		p[out++] = c;
	}
	*n = out;
	return true;
}

static const char *read_params(struct http_exchange *ex, size_t n)
{
	char *p = ex->query, *end = ex->query + n;

	while (p < end) {
		char *amp = memchr(p, '&', (size_t)(end - p));
		char *stop = amp != NULL ? amp : end;
		char *eq = memchr(p, '=', (size_t)(stop - p));
		size_t name_n = (size_t)((eq != NULL ? eq : stop) - p);
		char *value = eq != NULL ? eq + 1 : stop;
		size_t value_n = (size_t)(stop - value);

		if (ex->rq.n_params >= NR_HTTP_PARAMS)
			return "too many parameters";
		if (!decode(p, &name_n) || !decode(value, &value_n))
			return "a parameter holds an escape that is none";
		for (size_t i = 0; i < ex->rq.n_params; i++)
			if (nr_str_eq(ex->rq.params[i].name, (struct nr_str){ p, name_n }))
				return "a parameter is given twice";
		ex->rq.params[ex->rq.n_params++] = (struct nr_http_param){ { p, name_n },
									   { value, value_n } };
		p = stop < end ? stop + 1 : end;
	}
	return NULL;
}

struct http_exchange *nr_http_exchange_new(const char *uri, size_t uri_n)
{
	size_t n = nr_min_size(uri_n, NR_HTTP_HEAD - 1);
	struct http_exchange *ex = malloc(sizeof(*ex) + 2 * (n + 1));

	if (ex == NULL)
		return NULL;
	*ex = (struct http_exchange){ .uri = uri, .uri_n = uri_n, .target = ex->text };
	ex->query = ex->text + n + 1;
	memcpy(ex->target, uri, n);
	ex->target[n] = '\0';
	return ex;
}

const char *nr_http_strict_uri(struct http_exchange *ex)
{
	size_t n = nr_min_size(ex->uri_n, NR_HTTP_HEAD - 1);
	const char *mark = memchr(ex->target, '?', n);
	size_t path_n = mark != NULL ? (size_t)(mark - ex->target) : n;

	if (n == 0 || ex->target[0] != '/')
		return "the target begins with /";
	if (path_n >= sizeof(ex->path) || n < ex->uri_n)
		return "the target is too long";
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)ex->target[i] <= 0x20 || (unsigned char)ex->target[i] >= 0x7f ||
		    ex->target[i] == '#' || ex->target[i] == '\\')
			return "the target holds a character that it may not";
	memcpy(ex->path, ex->target, path_n);
	ex->path[path_n] = '\0';
	ex->rq.path = ex->path;
	if (mark == NULL)
		return NULL;
	memcpy(ex->query, mark + 1, ex->uri_n - path_n - 1);
	return read_params(ex, ex->uri_n - path_n - 1);
}
