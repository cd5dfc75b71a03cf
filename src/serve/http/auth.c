/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "serve/http/http_int.h"
#include "serve/who/token.h"

bool nr_http_auth_exposed(struct http_exchange *ex, struct MHD_Connection *mc)
{
	struct nr_http *http = ex->conn->http;
	struct nr_registry_act act = { .actor = ex->conn->source_text, .now = ex->rq.now };
	const char *referer = MHD_lookup_connection_value(mc, MHD_HEADER_KIND, "Referer");
	unsigned n = nr_token_expose(http->opt.registry, nr_str_from(ex->target), &act);

	if (referer != NULL)
		n += nr_token_expose(http->opt.registry, nr_str_from(referer), &act);
	if (n == 0)
		return false;
	atomic_fetch_add(&http->exposed, n);
	nr_log(NR_LOG_WARNING, "serve", "token_in_url", "source=%s tokens=%u",
	       ex->conn->source_text, n);
	return true;
}

static struct nr_str bearer(struct MHD_Connection *mc)
{
	const char *text = MHD_lookup_connection_value(mc, MHD_HEADER_KIND, "Authorization");

	if (text == NULL || strncasecmp(text, "Bearer ", 7) != 0)
		return (struct nr_str){ 0 };
	return nr_str_from(text + 7);
}

static unsigned by_token(struct http_exchange *ex, struct nr_str text, unsigned *ret_retry_s)
{
	struct nr_http *http = ex->conn->http;
	struct nr_registry_token token;
	struct nr_time mono = nr_mono_now();
	uint8_t key[NR_LIMIT_KEY] = { 0 };
	struct nr_err err;

	if (!nr_limit_has(http->refusals, ex->conn->source, mono)) {
		*ret_retry_s = 60;
		return 429;
	}
	int ret = nr_token_check(http->opt.registry, text, NR_TOKEN_API, ex->rq.now, &token, &err);

	if (ret < 0 && ret != -EACCES)
		return 503;
	if (ret < 0) {
		(void)nr_limit_take(http->refusals, ex->conn->source, mono);
		atomic_fetch_add(&http->refused_token, 1);
		return 401;
	}
	memcpy(key, token.selector, sizeof(token.selector));
	if (!nr_limit_take(http->tokens, key, mono)) {
		*ret_retry_s = 1;
		return 429;
	}
	if (nr_registry_token_used(http->opt.registry, token.selector, ex->rq.now, &err) < 0)
		nr_log(NR_LOG_DEBUG, "serve", "token_use_not_noted", "error=%s", err.msg);
	ex->rq.role = token.role == NR_ROLE_ADMIN ? NR_ROLE_OPERATOR : token.role;
	(void)snprintf(ex->actor, sizeof(ex->actor), "token:%s", token.name);
	return 0;
}

unsigned nr_http_auth(struct http_exchange *ex, struct MHD_Connection *mc, unsigned *ret_retry_s)
{
	struct http_conn *conn = ex->conn;
	enum nr_role want = ex->route->role;

	ex->rq.actor = ex->actor;
	ex->rq.local = conn->local;
	(void)snprintf(ex->actor, sizeof(ex->actor), "%s", conn->source_text);
	if (conn->local && !conn->admin)
		return 403;
	if (conn->local) {
		ex->rq.role = NR_ROLE_OPERATOR;
		return 0;
	}
	switch (want) {
	case NR_ROLE_NOBODY:
		return 403;
	case NR_ROLE_ANYONE:
		ex->rq.role = NR_ROLE_ANYONE;
		if (ex->route->body_max > 0 && /* brings a secret of its own */
		    !nr_limit_has(conn->http->refusals, conn->source, nr_mono_now())) {
			*ret_retry_s = 60;
			return 429;
		}
		return 0;
	case NR_ROLE_VIEWER:
	case NR_ROLE_ANALYST:
	case NR_ROLE_COORDINATOR:
	case NR_ROLE_ADMIN:
	case NR_ROLE_OPERATOR:
		break;
	}
	unsigned status = by_token(ex, bearer(mc), ret_retry_s);

	if (status != 0)
		return status;
	return ex->rq.role >= want ? 0 : 403;
}
