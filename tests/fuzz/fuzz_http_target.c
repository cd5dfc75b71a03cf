/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The target of a request: path and parameters. Oracle: what is taken holds no NUL, stands in its
 * buffers, names are unlike.
 */
#include <stdlib.h>

#include "serve/http/http_int.h"

static void check(const struct http_exchange *ex)
{
	nr_require(ex->rq.path == ex->path && strlen(ex->path) < sizeof(ex->path) &&
		   ex->path[0] == '/');
	nr_require(ex->rq.n_params <= NR_HTTP_PARAMS);
	for (size_t i = 0; i < ex->rq.n_params; i++) {
		struct nr_str name = ex->rq.params[i].name, value = ex->rq.params[i].value;

		nr_require(name.p >= ex->query && value.p + value.n <= ex->query + ex->uri_n);
		nr_require(memchr(name.p, '\0', name.n) == NULL);
		nr_require(memchr(value.p, '\0', value.n) == NULL);
		for (size_t k = 0; k < i; k++)
			nr_require(!nr_str_eq(ex->rq.params[k].name, name));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_exchange *ex;

	if (memchr(data, '\0', size) != NULL) /* the library ends the text there */
		return 0;
	ex = nr_http_exchange_new((const char *)data, size);
	nr_require(ex != NULL);
	if (nr_http_strict_uri(ex) == NULL)
		check(ex);
	free(ex);
	return 0;
}
