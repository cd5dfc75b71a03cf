/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

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

/* ---- tokens ---- */

static const char *field(struct MHD_Connection *mc, const char *name)
{
	return MHD_lookup_connection_value(mc, MHD_HEADER_KIND, name);
}

/* Who bears this secret? */
static unsigned by_secret(struct http_exchange *ex, struct nr_str text, enum nr_token_kind kind,
			  unsigned *ret_retry_s)
{
	struct nr_http *http = ex->conn->http;
	struct nr_time mono = nr_mono_now();
	uint8_t key[NR_LIMIT_KEY] = { 0 };
	struct nr_err err;

	if (!nr_limit_has(http->refusals, ex->conn->source, mono)) {
		*ret_retry_s = 60;
		return 429;
	}
	int ret = nr_who_bearer(http->opt.who, text, kind, ex->conn->ip, ex->rq.now, &ex->caller,
				&err);

	if (ret < 0 && ret != -EACCES)
		return 503;
	if (ret < 0) {
		(void)nr_limit_take(http->refusals, ex->conn->source, mono);
		atomic_fetch_add(&http->refused_token, 1);
		return 401;
	}
	memcpy(key, ex->caller.selector, sizeof(ex->caller.selector));
	if (!nr_limit_take(http->tokens, key, mono)) {
		*ret_retry_s = 1;
		return 429;
	}
	return 0;
}

/* ---- cookies ---- */

static const char cookie_name[] = "__Host-noroshi=";

/* The value in a Cookie field; false: absent, or there twice. */
static bool cookie_of(struct nr_str list, struct nr_str *ret_value)
{
	unsigned n = 0;

	while (list.n > 0) {
		struct nr_str one = nr_str_trim(nr_str_cut(&list, ';'));

		if (!nr_str_starts(one, nr_str_from(cookie_name)))
			continue;
		*ret_value = (struct nr_str){ one.p + sizeof(cookie_name) - 1,
					      one.n - (sizeof(cookie_name) - 1) };
		n++;
	}
	return n == 1;
}

bool nr_http_auth_same_origin(struct MHD_Connection *mc, bool wanted)
{
	const char *origin = field(mc, "Origin"), *site = field(mc, "Sec-Fetch-Site");
	const char *host = field(mc, "Host");

	if (site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
		return false;
	if (origin == NULL)
		return !wanted;
	return host != NULL && strncmp(origin, "https://", 8) == 0 &&
	       strcasecmp(origin + 8, host) == 0;
}

static bool changes(const struct http_exchange *ex)
{
	return strcmp(ex->route->method, "GET") != 0;
}

static unsigned by_cookie(struct http_exchange *ex, struct MHD_Connection *mc,
			  unsigned *ret_retry_s)
{
	if (ex->rq.session.n == 0)
		return by_secret(ex, (struct nr_str){ 0 }, NR_TOKEN_API, ret_retry_s);
	if (!nr_http_auth_same_origin(mc, changes(ex))) {
		atomic_fetch_add(&ex->conn->http->refused_origin, 1);
		return 403;
	}
	return by_secret(ex, ex->rq.session, NR_TOKEN_SESSION, ret_retry_s);
}

/* ---- everybody ---- */

/* What needs no caller may still bring a secret in its body: a guess, from a page of ours or no page. */
static unsigned for_anyone(struct http_exchange *ex, struct MHD_Connection *mc,
			   unsigned *ret_retry_s)
{
	if (ex->route->body_max == 0)
		return 0;
	if (!nr_http_auth_same_origin(mc, false)) {
		atomic_fetch_add(&ex->conn->http->refused_origin, 1);
		return 403;
	}
	if (!nr_limit_has(ex->conn->http->refusals, ex->conn->source, nr_mono_now())) {
		*ret_retry_s = 60;
		return 429;
	}
	return 0;
}

static unsigned for_known(struct http_exchange *ex, struct MHD_Connection *mc,
			  unsigned *ret_retry_s)
{
	const char *text = field(mc, "Authorization");
	unsigned status;

	/* Another site cannot send this field, so who sends it needs no other proof. */
	if (text == NULL)
		status = by_cookie(ex, mc, ret_retry_s);
	else if (strncasecmp(text, "Bearer ", 7) == 0)
		status = by_secret(ex, nr_str_from(text + 7), NR_TOKEN_API, ret_retry_s);
	else
		status = by_secret(ex, (struct nr_str){ 0 }, NR_TOKEN_API, ret_retry_s);
	if (status != 0)
		return status;
	ex->rq.actor = ex->caller.actor;
	if (nr_http_role(&ex->rq) < ex->route->role)
		return 403;
	if ((changes(ex) && !ex->caller.can_write) || (ex->route->rows && !ex->caller.can_rows))
		return 403;
	return 0;
}

static unsigned for_local(struct http_exchange *ex)
{
	struct nr_err err;

	if (!ex->conn->admin)
		return 403;
	if (ex->route->role == NR_ROLE_ANYONE)
		return 0;
	return nr_who_operator(ex->conn->http->opt.who, ex->rq.now, &ex->caller, &err) < 0 ? 503
											   : 0;
}

unsigned nr_http_auth(struct http_exchange *ex, struct MHD_Connection *mc, unsigned *ret_retry_s)
{
	const char *cookies = field(mc, "Cookie");

	if (cookies == NULL || !cookie_of(nr_str_from(cookies), &ex->rq.session))
		ex->rq.session = (struct nr_str){ 0 };
	ex->rq.actor = ex->conn->source_text;
	ex->rq.local = ex->conn->local;
	if (ex->conn->local)
		return for_local(ex);
	switch (ex->route->role) {
	case NR_ROLE_NOBODY:
		return 403;
	case NR_ROLE_ANYONE:
		return for_anyone(ex, mc, ret_retry_s);
	case NR_ROLE_VIEWER:
	case NR_ROLE_ANALYST:
	case NR_ROLE_COORDINATOR:
	case NR_ROLE_ADMIN:
	case NR_ROLE_OPERATOR:
		break;
	}
	return for_known(ex, mc, ret_retry_s);
}
