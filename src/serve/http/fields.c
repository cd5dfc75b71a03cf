/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of the head that handlers read: each stands once, is short, and has its form, or the request
 * is refused before anybody looks at it.
 */
#include <string.h>

#include "serve/http/http_int.h"

/* RFC 9110, 8.8.3: what may stand between the quotes of an entity tag. */
static bool is_tag_char(char c)
{
	unsigned char u = (unsigned char)c;

	return u == 0x21 || (u >= 0x23 && u < 0x7f) || u >= 0x80;
}

/*
 * One tag of the list, and the comma behind it. @return false: there is none, with *ret_bad whether
 * something else is
 */
static bool next_tag(const char **at, struct nr_str *ret_tag, bool *ret_weak, bool *ret_bad)
{
	const char *p = *at + strspn(*at, " \t,");
	size_t n = 0;

	*ret_bad = false;
	if (*p == '\0')
		return false;
	*ret_bad = true;
	*ret_weak = p[0] == 'W' && p[1] == '/';
	p += *ret_weak ? 2 : 0;
	if (*p++ != '"')
		return false;
	while (is_tag_char(p[n]))
		n++;
	if (p[n] != '"')
		return false;
	*ret_tag = (struct nr_str){ p, n };
	p += n + 1;
	p += strspn(p, " \t");
	if (*p != ',' && *p != '\0')
		return false;
	*at = p;
	*ret_bad = false;
	return true;
}

static bool is_tags(const char *list)
{
	struct nr_str tag;
	bool weak, bad;
	size_t n = 0;

	if (strcmp(list, "*") == 0)
		return true;
	while (next_tag(&list, &tag, &weak, &bad))
		n++;
	return n > 0 && !bad;
}

bool nr_http_etag_in(const char *list, const char *tag, bool strong)
{
	struct nr_str one;
	bool weak, bad;

	if (list == NULL || tag[0] == '\0')
		return false;
	if (strcmp(list, "*") == 0)
		return true;
	while (next_tag(&list, &one, &weak, &bad))
		if (nr_str_eq(one, nr_str_from(tag)) && !(strong && weak))
			return true;
	return false;
}

bool nr_http_fresh(const struct nr_http_request *rq, const struct nr_http_reply *reply)
{
	return strcmp(rq->method, "GET") == 0 &&
	       nr_http_etag_in(rq->if_none_match, reply->etag, false);
}

static bool is_key(const char *text)
{
	size_t n = strspn(text,
			  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-");

	return n > 0 && n <= NR_HTTP_KEY && text[n] == '\0';
}

struct field {
	const char *name;
	size_t to; /* in struct nr_http_request */
	bool (*fits)(const char *text);
	const char *why;
};

static const struct field fields[] = {
	{ "If-Match", offsetof(struct nr_http_request, if_match), is_tags,
	  "If-Match is * or a list of entity tags in quotes" },
	{ "If-None-Match", offsetof(struct nr_http_request, if_none_match), is_tags,
	  "If-None-Match is * or a list of entity tags in quotes" },
	{ "Idempotency-Key", offsetof(struct nr_http_request, idempotency_key), is_key,
	  "Idempotency-Key has 1 to 64 of A-Z a-z 0-9 . _ : -" },
	{ "Last-Event-ID", offsetof(struct nr_http_request, last_event_id), NULL, NULL },
	{ "Accept", offsetof(struct nr_http_request, accept), NULL, NULL },
	{ "Accept-Encoding", offsetof(struct nr_http_request, accept_encoding), NULL, NULL },
	{ "Content-Type", offsetof(struct nr_http_request, content_type), NULL, NULL },
};

struct find {
	struct http_exchange *ex;
	const char *why;
};

static enum MHD_Result look_at(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_n,
			       const char *value, size_t value_n)
{
	struct find *find = cls;

	(void)kind;
	if (name_n == 16 && strncasecmp(name, "Content-Encoding", 16) == 0)
		find->why = "Content-Encoding is not taken: send the body as it is";
	for (size_t i = 0; i < NR_COUNT(fields) && find->why == NULL; i++) {
		const struct field *field = &fields[i];

		if (strlen(field->name) != name_n || strncasecmp(name, field->name, name_n) != 0)
			continue;
		const char **to = (const char **)(void *)((char *)&find->ex->rq + field->to);

		if (*to != NULL)
			find->why = "a field that may stand once stands twice";
		else if (value_n > NR_HTTP_FIELD)
			find->why = "a field is too long";
		else if (field->fits != NULL && !field->fits(value))
			find->why = field->why;
		*to = value;
		break;
	}
	return find->why == NULL ? MHD_YES : MHD_NO;
}

const char *nr_http_fields(struct http_exchange *ex, struct MHD_Connection *mc)
{
	struct find find = { .ex = ex };

	(void)MHD_get_connection_values_n(mc, MHD_HEADER_KIND, look_at, &find);
	return find.why;
}
