/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "serve/http/http.h"

/* A parameter such as charset=utf-8 may stand behind it: JSON is UTF-8 whatever it says. */
static bool is_json(const char *type)
{
	static const char want[] = "application/json";
	size_t n = sizeof(want) - 1;

	if (type == NULL || strncasecmp(type, want, n) != 0)
		return false;
	return type[n + strspn(type + n, " \t")] == '\0' ||
	       type[n + strspn(type + n, " \t")] == ';';
}

int nr_http_json(const struct nr_http_request *rq, const struct nr_json_limits *limits,
		 json_t **ret_json, struct nr_err *reterr)
{
	if (!is_json(rq->content_type))
		return nr_fail(reterr, -EMEDIUMTYPE,
			       "the body is JSON: send Content-Type: application/json");
	if (rq->body.n == 0)
		return nr_fail(reterr, NR_EUSAGE, "a JSON body is wanted");
	return nr_json_read((struct nr_str){ (const char *)rq->body.p, rq->body.n }, limits,
			    ret_json, reterr);
}
