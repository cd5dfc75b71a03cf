/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a request: exchange_begin (its first line is there) -> check_head -> body -> run ->
 * exchange_end.
 * Two servers of libmicrohttpd share it: TLS on an address, plain on the socket.
 */
#include "serve/http/http_int.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/tls.h"

enum {
	STACK_SIZE = 1 << 20,
	IDLE_S = 60,
	BACKLOG = 1024,
	FORGOTTEN_MAX = 64 << 10,
	LOCAL_CONNECTIONS = 64,
	FILES_KEPT = 448, /* 256 sessions, 64 local, files, 64 in reserve */
	CONNECTIONS_MIN = 16,
	POOL_SIZE = 2 * NR_HTTP_HEAD,
};

/* TLS 1.3, and 1.2 with AEAD ciphers and ephemeral keys only. */
static const char tls_rules[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:"
				"+ECDHE-RSA:-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:"
				"+AES-128-GCM:-MAC-ALL:+AEAD:-SIGN-ALL:+SIGN-EDDSA-ED25519:"
				"+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SHA256:"
				"+SIGN-ECDSA-SHA384:+SIGN-RSA-PSS-RSAE-SHA256:"
				"+SIGN-RSA-SHA256:%SERVER_PRECEDENCE";

const char *const http_method_names[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", NULL };

/* ---- requests ---- */

static void *exchange_begin(void *cls, const char *uri, struct MHD_Connection *mc)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mc, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct http_exchange *ex;

	(void)cls;
	if (info == NULL || info->socket_context == NULL)
		return NULL;
	ex = nr_http_exchange_new(uri, strlen(uri));
	if (ex == NULL)
		return NULL;
	ex->conn = info->socket_context;
	ex->rq.now = nr_time_now();
	nr_who_nobody(ex->rq.now, &ex->caller);
	ex->rq.caller = &ex->caller;
	ex->rq.scope = &ex->caller.scope;
	ex->rq.source = ex->conn->source_text;
	ex->rq.fd = ex->conn->fd;
	ex->rq.source_key = ex->conn->source;
	nr_buf_init(&ex->body, 0);
	atomic_fetch_add(&ex->conn->http->requests, 1);
	return ex;
}

static void exchange_end(void *cls, struct MHD_Connection *mc, void **con_cls,
			 enum MHD_RequestTerminationCode why)
{
	struct http_exchange *ex = *con_cls;

	(void)cls;
	(void)mc;
	(void)why;
	*con_cls = NULL;
	if (ex == NULL)
		return;
	nr_http_guard_phase(ex->conn, HTTP_HEAD);
	nr_http_guard_body(ex->conn, 1); /* not its first request any more */
	if (ex->body.n > 0)		 /* a password may stand in it */
		nr_secret_wipe(ex->body.p, ex->body.n);
	nr_buf_done(&ex->body);
	nr_who_done(&ex->caller);
	free(ex);
}

/* '{}' in a route stands for one part that is not empty, and '*' at its end for the last one. */
static bool route_fits(const struct nr_http_route *route, const char *path,
		       struct nr_http_request *rq)
{
	const char *want = route->path;
	size_t n_parts = 0;

	rq->rest = "";
	for (;;) {
		bool any = want[0] == '{' && want[1] == '}';

		if (*want == '*' || any) {
			size_t n = strcspn(path, "/");

			if (n == 0 || n_parts == NR_HTTP_PARTS)
				return false;
			rq->rest = path;
			rq->part[n_parts++] = (struct nr_str){ path, n };
			path += n;
			want += any ? 2 : 1;
		} else if (*want != *path)
			return false;
		else if (*want == '\0')
			return true;
		else {
			want++;
			path++;
		}
	}
}

static unsigned method_bits(const char *method)
{
	for (size_t i = 0; http_method_names[i] != NULL; i++)
		if (strcmp(http_method_names[i], method) == 0)
			return strcmp(method, "GET") == 0 ? 3 : 1U << i;
	return 0;
}

/* @return 0; 404; 405 */
static unsigned find_in(struct http_exchange *ex, const struct nr_http_group *group,
			const char *method)
{
	unsigned status = 404;

	for (size_t i = 0; i < group->n_routes; i++) {
		const struct nr_http_route *route = &group->routes[i];

		if ((route->local_only && !ex->conn->local) ||
		    !route_fits(route, ex->rq.path, &ex->rq))
			continue;
		status = 405;
		ex->methods |= method_bits(route->method);
		if (strcmp(route->method, method) != 0)
			continue;
		ex->route = route;
		ex->rq.method = route->method;
		return 0;
	}
	return status;
}

static unsigned find_route(struct http_exchange *ex, const char *method)
{
	const struct nr_http_group *const *groups = ex->conn->http->opt.groups;
	unsigned status = 404;

	ex->head = strcmp(method, "HEAD") == 0;
	if (ex->head)
		method = "GET";
	for (size_t i = 0; groups[i] != NULL && status != 0; i++) {
		unsigned here = find_in(ex, groups[i], method);

		if (here != 404)
			status = here;
	}
	return status;
}

/* 0: none or no number; that it is one was checked before. */
static uint64_t content_length(struct MHD_Connection *mc)
{
	const char *text = MHD_lookup_connection_value(mc, MHD_HEADER_KIND, "Content-Length");
	uint64_t n = 0;

	return text != NULL && nr_str_u64(nr_str_from(text), 0, UINT64_MAX, &n) == 0 ? n : 0;
}

/*
 * A short body is taken and forgotten first: who is still sending when the connection is closed never
 * reads the answer.
 */
static enum MHD_Result refuse(struct http_exchange *ex, struct MHD_Connection *mc, unsigned status,
			      const char *detail, unsigned retry_s)
{
	struct nr_http *http = ex->conn->http;
	uint64_t n = content_length(mc);

	if (status == 429)
		atomic_fetch_add(&http->limited, 1);
	if (n == 0 || n > FORGOTTEN_MAX)
		return nr_http_reply_problem(ex, mc, status, detail, retry_s);
	ex->late = (struct http_late){ status, retry_s, detail };
	nr_http_guard_phase(ex->conn, HTTP_BODY);
	return MHD_YES;
}

static enum MHD_Result check_head(struct http_exchange *ex, struct MHD_Connection *mc,
				  const char *method, const char *version)
{
	unsigned retry_s = 0, status;
	const char *why = nr_http_strict(ex, mc, method, version);

	if (why == NULL)
		why = nr_http_strict_uri(ex);
	if (why == NULL)
		why = nr_http_fields(ex, mc);
	if (nr_http_auth_exposed(ex, mc))
		why = "a token stood in the URL or the Referer: others may have seen it, and so it "
		      "was revoked";
	if (why != NULL) {
		atomic_fetch_add(&ex->conn->http->refused_strict, 1);
		return nr_http_reply_problem(ex, mc, 400, why, 0);
	}
	status = find_route(ex, method);
	if (status == 0)
		status = nr_http_auth(ex, mc, &retry_s);
	if (status != 0)
		return refuse(ex, mc, status, "", retry_s);
	if (ex->caller.by != NR_WHO_NOBODY && !ex->conn->known)
		nr_http_guard_known(ex->conn);
	uint64_t n = content_length(mc);

	if (n > ex->route->body_max)
		return refuse(ex, mc, 413, "the body is too long", 0);
	if (n > 0) {
		nr_buf_init(&ex->body, n);
		nr_http_guard_phase(ex->conn, HTTP_BODY);
	}
	return MHD_YES;
}

static enum MHD_Result run(struct http_exchange *ex, struct MHD_Connection *mc)
{
	struct nr_http_reply reply = { .status = 200, .type = "application/json" };
	enum MHD_Result ok;

	ex->ran = true;
	nr_http_guard_phase(ex->conn, HTTP_ANSWER);
	nr_buf_init(&reply.body, NR_HTTP_BODY);
	ex->rq.body = (struct nr_bytes){ ex->body.p, ex->body.n };
	int ret = nr_http_handle(ex, &reply);

	if (ret == 0 && reply.body.err < 0)
		ret = nr_fail(&reply.err, reply.body.err, "%s", nr_err_text(reply.body.err));
	if (ret < 0) {
		/* Who is not known brought a secret that is none: one guess. */
		if (ret == -EACCES && ex->route->role == NR_ROLE_ANYONE && !ex->conn->local)
			(void)nr_limit_take(ex->conn->http->refusals, ex->conn->source,
					    nr_mono_now());
		ok = nr_http_reply_error(ex, mc, ret, &reply);
	} else
		ok = nr_http_reply_send(ex, mc, &reply);
	nr_buf_done(&reply.body);
	return ok;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mc, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *n_data, void **con_cls)
{
	struct http_exchange *ex = *con_cls;

	(void)cls;
	(void)url;
	if (ex == NULL)
		return MHD_NO;
	if (!ex->seen) {
		ex->seen = true;
		return check_head(ex, mc, method, version);
	}
	if (*n_data > 0) {
		if (!ex->refused && ex->late.status == 0)
			nr_buf_add(&ex->body, data, *n_data);
		if (!ex->refused)
			nr_http_guard_body(ex->conn, *n_data);
		*n_data = 0;
		return ex->body.err < 0 ? MHD_NO : MHD_YES;
	}
	if (ex->refused)
		return MHD_YES;
	if (ex->late.status != 0)
		return nr_http_reply_problem(ex, mc, ex->late.status, ex->late.detail,
					     ex->late.retry_s);
	return run(ex, mc);
}

/* ---- start and stop ---- */

static void on_mhd_log(void *cls, const char *fmt, va_list args)
{
	(void)cls;
	(void)fmt;
	(void)args; /* what it says is about single connections and holds their bytes: counted, not told */
}

static unsigned common_flags(void)
{
	return MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
	       MHD_USE_ITC | MHD_USE_ERROR_LOG;
}

static struct MHD_Daemon *start_daemon(struct nr_http *http, int fd, unsigned more,
				       unsigned connections, struct MHD_OptionItem *items)
{
	return MHD_start_daemon(common_flags() | more, 0, NULL, NULL, on_request, http,
				MHD_OPTION_LISTEN_SOCKET, (MHD_socket)fd,
				MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, NULL,
				MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT,
				connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_SIZE,
				MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)4096,
				MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_SIZE,
				MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, http,
				MHD_OPTION_NOTIFY_COMPLETED, exchange_end, http,
				MHD_OPTION_NOTIFY_CONNECTION, nr_http_guard_notify, http,
				MHD_OPTION_ARRAY, items, MHD_OPTION_END);
}

/* What journal, stores and the sensors' port need is never taken by web connections. */
static unsigned connection_limit(void)
{
	struct rlimit files;
	rlim_t room = NR_HTTP_CONNECTIONS;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY)
		room = files.rlim_cur > FILES_KEPT ? files.rlim_cur - FILES_KEPT : 0;
	if (room > NR_HTTP_CONNECTIONS)
		return NR_HTTP_CONNECTIONS;
	return room < CONNECTIONS_MIN ? CONNECTIONS_MIN : (unsigned)room;
}

static int start_tls(struct nr_http *http, struct nr_err *reterr)
{
	char *certificate = strndup(http->opt.certificate.p, http->opt.certificate.n);
	char *key = strndup(http->opt.key.p, http->opt.key.n);
	struct MHD_OptionItem items[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, certificate },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, key },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_rules },
		{ MHD_OPTION_PER_IP_CONNECTION_LIMIT, NR_HTTP_PER_SOURCE, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	unsigned limit = connection_limit();
	int ret = 0;

	http->crowded = limit - limit / 4;
	if (certificate != NULL && key != NULL)
		http->tls = start_daemon(http, http->tls_fd, MHD_USE_TLS, limit, items);
	if (http->tls != NULL)
		http->tls_fd = -1;
	else
		ret = nr_fail(reterr, -EINVAL, "cannot serve HTTPS on %s: certificate or key",
			      http->opt.listen);
	free(certificate);
	if (key != NULL)
		nr_secret_wipe(key, strlen(key));
	free(key);
	return ret;
}

static int listen_local(const char *path, struct nr_err *reterr)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, ret = 0;

	if (strlen(path) >= sizeof(sa.sun_path))
		return nr_fail(reterr, NR_EUSAGE,
			       "the path of the socket is longer than %zu bytes: choose a shorter "
			       "directory",
			       sizeof(sa.sun_path) - 1);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return nr_fail(reterr, -errno, "socket: %s", nr_err_text(-errno));
	(void)unlink(path); /* of a hub that was killed: the lock says that none runs */
	mode_t mask = umask(0177);

	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 64) < 0)
		ret = nr_fail(reterr, -errno, "%s: %s", path, nr_err_text(-errno));
	(void)umask(mask);
	if (ret < 0)
		(void)close(fd);
	return ret < 0 ? ret : fd;
}

static int start_local(struct nr_http *http, struct nr_err *reterr)
{
	struct MHD_OptionItem items[] = { { MHD_OPTION_END, 0, NULL } };

	http->local = start_daemon(http, http->local_fd, 0, LOCAL_CONNECTIONS, items);
	if (http->local == NULL)
		return nr_fail(reterr, -EIO, "cannot serve on %s", http->opt.socket_path);
	http->local_fd = -1;
	return 0;
}

static int listen_all(struct nr_http *http, struct nr_err *reterr)
{
	http->tls_fd = nr_net_listen(http->opt.listen, &http->port, reterr);
	if (http->tls_fd < 0)
		return http->tls_fd;
	/* A crowd fills a short queue, and then who is dropped comes back a second later. */
	if (listen(http->tls_fd, BACKLOG) < 0)
		return nr_fail(reterr, -errno, "listen: %s", nr_err_text(-errno));
	http->local_fd = listen_local(http->opt.socket_path, reterr);
	return http->local_fd < 0 ? http->local_fd : 0;
}

void nr_http_rate(struct nr_http *http, unsigned rate, unsigned burst)
{
	nr_limit_set(http->tokens, rate, burst);
}

int nr_http_new(const struct nr_http_options *options, struct nr_http **ret_http,
		struct nr_err *reterr)
{
	struct nr_http *http = calloc(1, sizeof(*http));
	int ret;

	if (http == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	http->opt = *options;
	http->tls_fd = http->local_fd = -1;
	nr_require(pthread_mutex_init(&http->conns_lock, NULL) == 0);
	nr_require(pthread_mutex_init(&http->going_lock, NULL) == 0);
	ret = nr_limit_new(options->rate, options->burst, &http->tokens);
	if (ret == 0)
		ret = nr_limit_new(20.0 / 60, 20, &http->refusals);
	if (ret < 0)
		(void)nr_fail(reterr, ret, "%s", nr_err_text(ret));
	if (ret == 0)
		ret = listen_all(http, reterr);
	if (ret < 0) {
		nr_http_stop(http);
		return ret;
	}
	*ret_http = http;
	return 0;
}

int nr_http_serve(struct nr_http *http, struct nr_err *reterr)
{
	int ret = nr_http_guard_start(http, reterr);

	if (ret == 0)
		ret = start_tls(http, reterr);
	return ret == 0 ? start_local(http, reterr) : ret;
}

struct nr_http *nr_http_stop(struct nr_http *http)
{
	if (http == NULL)
		return NULL;
	nr_http_live_stop(http);
	if (http->local != NULL)
		MHD_stop_daemon(http->local);
	if (http->local != NULL || http->local_fd >= 0)
		(void)unlink(http->opt.socket_path);
	if (http->tls != NULL)
		MHD_stop_daemon(http->tls);
	if (http->local_fd >= 0)
		(void)close(http->local_fd);
	if (http->tls_fd >= 0)
		(void)close(http->tls_fd);
	nr_http_guard_stop(http);
	nr_limit_free(http->tokens);
	nr_limit_free(http->refusals);
	(void)pthread_mutex_destroy(&http->conns_lock);
	(void)pthread_mutex_destroy(&http->going_lock);
	free(http);
	return NULL;
}

uint16_t nr_http_port(const struct nr_http *http)
{
	return http->port;
}

void nr_http_counts(struct nr_http *http, struct nr_http_counts *ret_counts)
{
	*ret_counts = (struct nr_http_counts){
		.requests = http->requests,
		.refused_strict = http->refused_strict,
		.refused_token = http->refused_token,
		.refused_origin = http->refused_origin,
		.cut_off = http->cut_off,
		.exposed = http->exposed,
		.limited = http->limited,
		.timed_out = http->timed_out,
		.streams = http->streams,
		.streams_refused = http->streams_refused,
		.streams_slow = http->streams_slow,
		.crowded_out = http->crowded_out,
		.connections = http->connections,
		.bytes = http->bytes,
	};
	for (size_t i = 0; i < NR_COUNT(http->answers); i++)
		ret_counts->answers[i] = http->answers[i];
}

/* ---- for handlers ---- */

bool nr_http_param(const struct nr_http_request *rq, const char *name, struct nr_str *ret_value)
{
	for (size_t i = 0; i < rq->n_params; i++)
		if (nr_str_eq(rq->params[i].name, nr_str_from(name))) {
			*ret_value = rq->params[i].value;
			return true;
		}
	return false;
}

int nr_http_only(const struct nr_http_request *rq, const char *const *names, struct nr_err *reterr)
{
	for (size_t i = 0; i < rq->n_params; i++) {
		bool known = false;
		char shown[64];

		for (size_t k = 0; names[k] != NULL; k++)
			known |= nr_str_eq(rq->params[i].name, nr_str_from(names[k]));
		if (known)
			continue;
		nr_str_escape(rq->params[i].name, shown, sizeof(shown));
		return nr_fail(reterr, NR_EUSAGE, "there is no parameter '%s' here", shown);
	}
	return 0;
}

int nr_http_number(const struct nr_http_request *rq, const char *name, uint64_t lo, uint64_t hi,
		   uint64_t fallback, uint64_t *ret_value, struct nr_err *reterr)
{
	struct nr_str text;

	*ret_value = fallback;
	if (!nr_http_param(rq, name, &text))
		return 0;
	if (nr_str_u64(text, lo, hi, ret_value) < 0)
		return nr_fail(reterr, NR_EUSAGE, "%s is a number from %llu to %llu", name,
			       (unsigned long long)lo, (unsigned long long)hi);
	return 0;
}

bool nr_http_gone(const struct nr_http_request *rq)
{
	struct pollfd poller = { .fd = rq->fd, .events = POLLRDHUP };

	return poll(&poller, 1, 0) == 1 &&
	       (poller.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

struct nr_registry_act nr_http_act(const struct nr_http_request *rq)
{
	struct nr_registry_act act = { .actor = rq->actor, .now = rq->now };

	if (!rq->local) /* who has the machine acts for nobody else */
		act.member = rq->scope->viewer.member;
	return act;
}
