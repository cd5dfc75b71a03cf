/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipper process keeps: the key, the socket to the spooler, its page, and the right to make
 * TCP connections to the hub's port. The hub's name is looked up before the sandbox closes; a
 * shipper that cannot connect for long ends, and the one begun in its place looks the name up anew.
 */
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sandbox.h"
#include "observe/sensor/shipper.h"

enum {
	ADDRESSES = 8,
	CONNECT_MS = 10000,
	HANDSHAKE_MS = 15000,
	BACKOFF_MS = 1000,
	BACKOFF_MAX_MS = 60000,
	TICK_MS = 200,
	ATTEMPTS = 30, /* then the name is looked up anew */
	FILES_MAX = 32,
	DATA_MAX = 64 << 20,
};

struct hub_addresses {
	struct sockaddr_storage items[ADDRESSES];
	socklen_t sizes[ADDRESSES];
	size_t n;
	uint16_t port;
};

void nr_shipper_alive(struct nr_shipper *s)
{
	nr_set(s->page->alive_ns, nr_mono_now().ns);
}

int nr_shipper_identify(struct nr_shipper *s, struct nr_err *reterr)
{
	struct nr_identity fresh;
	struct nr_tls_context *context = NULL;
	int r = nr_identity_load(s->role->settings->identity, &fresh, reterr);

	if (r == 0) {
		struct nr_tls_options opt = { .authority = fresh.authority,
					      .certificate = fresh.certificate,
					      .key = fresh.key,
					      .peer_kind = "hub" };

		r = nr_tls_context_new(&opt, &context, reterr);
	}
	if (r < 0) {
		nr_identity_done(&fresh);
		return r;
	}
	nr_identity_done(&s->identity);
	s->identity = fresh;
	/* the session at work goes on with the old context until it ends */
	if (s->tls == NULL)
		nr_tls_context_free(s->context);
	s->context = context;
	return 0;
}

/* ---- addresses ---- */

/* "host:port" or "[address]:port": the host alone, for the certificate. */
static int host_split(const char *text, char *host, size_t cap, char **ret_port)
{
	struct nr_str all = nr_str_from(text);
	const char *colon = strrchr(text, ':');

	if (colon == NULL)
		return -EINVAL;
	all.n = (size_t)(colon - text);
	if (all.n >= 2 && all.p[0] == '[' && all.p[all.n - 1] == ']')
		all = (struct nr_str){ all.p + 1, all.n - 2 };
	if (all.n == 0 || all.n >= cap)
		return -EINVAL;
	memcpy(host, all.p, all.n);
	host[all.n] = '\0';
	*ret_port = (char *)(uintptr_t)colon + 1;
	return 0;
}

static int look_up(struct nr_shipper *s, struct hub_addresses *addresses)
{
	const char *text = s->role->settings->hub != NULL ? s->role->settings->hub
							  : s->identity.ingest;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	uint64_t port = 0;
	char *word;

	if (host_split(text, s->host, sizeof(s->host), &word) < 0 ||
	    nr_str_u64(nr_str_from(word), 1, UINT16_MAX, &port) < 0)
		return -EINVAL;
	addresses->port = (uint16_t)port;
	int r = getaddrinfo(s->host, word, &hints, &list);

	if (r != 0) {
		nr_log(NR_LOG_WARNING, "shipper", "lookup", "hub=%s error=%s", text,
		       gai_strerror(r));
		return -EHOSTUNREACH;
	}
	addresses->n = 0;
	for (struct addrinfo *a = list; a != NULL && addresses->n < ADDRESSES; a = a->ai_next) {
		if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
			continue;
		memcpy(&addresses->items[addresses->n], a->ai_addr, a->ai_addrlen);
		addresses->sizes[addresses->n++] = a->ai_addrlen;
	}
	freeaddrinfo(list);
	return addresses->n > 0 ? 0 : -EHOSTUNREACH;
}

/* ---- waiting ---- */

/* @return whether to go on: the spooler is there */
static bool pause_ms(struct nr_shipper *s, int64_t ms)
{
	int64_t until = nr_mono_now().ns + ms * 1000000;
	struct pollfd hup = { .fd = s->role->in, .events = 0 };

	while (!s->stop && nr_mono_now().ns < until) {
		nr_shipper_alive(s);
		if (poll(&hup, 1, TICK_MS) > 0 && (hup.revents & (POLLHUP | POLLERR)) != 0)
			s->stop = true;
	}
	return !s->stop;
}

/* Between half and all of it, so that sensors cut off together do not come back together. */
static int64_t jitter(int64_t ms)
{
	uint32_t dice;

	nr_random(&dice, sizeof(dice));
	return ms / 2 + (int64_t)(dice % (uint64_t)(ms / 2 + 1));
}

/* ---- connections ---- */

static int connect_one(struct nr_shipper *s, const struct sockaddr_storage *address, socklen_t size)
{
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int64_t until = nr_mono_now().ns + CONNECT_MS * INT64_C(1000000);
	struct pollfd done = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t n = sizeof(error);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, size) < 0 && errno != EINPROGRESS) {
		error = errno;
		(void)close(fd);
		return -error;
	}
	while (poll(&done, 1, TICK_MS) <= 0 && nr_mono_now().ns < until)
		nr_shipper_alive(s);
	if (done.revents == 0)
		error = ETIMEDOUT;
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	if (error == 0)
		return fd;
	(void)close(fd);
	return -error;
}

static int connect_hub(struct nr_shipper *s, const struct hub_addresses *addresses,
		       struct nr_err *reterr)
{
	int fd = -EHOSTUNREACH;

	for (size_t i = 0; i < addresses->n && fd < 0; i++)
		fd = connect_one(s, &addresses->items[i], addresses->sizes[i]);
	if (fd < 0)
		return nr_fail(reterr, fd, "cannot connect: %s", nr_err_text(fd));
	return nr_tls_open(s->context, fd, s->host, HANDSHAKE_MS, &s->tls, reterr);
}

static int session(struct nr_shipper *s, const struct hub_addresses *addresses,
		   struct nr_err *reterr)
{
	struct nr_tls_context *context = s->context;

	s->retry_ms = 0;
	int r = connect_hub(s, addresses, reterr);

	if (r < 0)
		return r;
	r = nr_shipper_session(s, reterr);
	s->tls = nr_tls_free(s->tls);
	if (s->context != context) /* renewed meanwhile */
		nr_tls_context_free(context);
	return r;
}

static int loop(struct nr_shipper *s, const struct hub_addresses *addresses)
{
	int64_t backoff = BACKOFF_MS;

	for (unsigned attempt = 0; attempt < ATTEMPTS && !s->stop;) {
		struct nr_err err = { 0 };
		uint64_t sessions = nr_get(s->page->sessions);
		int r = session(s, addresses, &err);
		bool was_connected = nr_get(s->page->sessions) != sessions;

		if (s->stop)
			break;
		nr_set(s->page->last_error, (uint64_t)-r);
		attempt = was_connected ? 0 : attempt + 1;
		backoff = was_connected			 ? BACKOFF_MS
			  : backoff * 2 < BACKOFF_MAX_MS ? backoff * 2
							 : BACKOFF_MAX_MS;
		int64_t wait = s->retry_ms > 0 ? s->retry_ms : jitter(backoff);

		nr_log(NR_LOG_WARNING, "shipper", "disconnected", "hub=%s retry_ms=%lld error=%s",
		       s->host, (long long)wait, r < 0 ? err.msg : "ended by the hub");
		if (!pause_ms(s, wait))
			break;
	}
	return NR_ROLE_DONE;
}

/* ---- the process ---- */

static int prepare(struct nr_shipper *s, struct hub_addresses *addresses)
{
	int64_t backoff = BACKOFF_MS;
	struct nr_err err = { 0 };

	if (nr_shipper_identify(s, &err) < 0) {
		nr_log(NR_LOG_ERROR, "shipper", "identity", "error=%s", err.msg);
		return -EINVAL;
	}
	while (look_up(s, addresses) < 0) {
		if (!pause_ms(s, jitter(backoff)))
			return -ECONNRESET;
		backoff = backoff * 2 < BACKOFF_MAX_MS ? backoff * 2 : BACKOFF_MAX_MS;
	}
	return 0;
}

int nr_role_shipper(const struct nr_role *role)
{
	static const char *const calls[] = { "connect",	    "getsockopt",  "setsockopt", "sendto",
					     "recvfrom",    "sendmsg",	   "recvmsg",	 "shutdown",
					     "openat",	    "open",	   "rename",	 "renameat",
					     "renameat2",   "unlink",	   "unlinkat",	 "fsync",
					     "getsockname", "getpeername", "fcntl",	 "umask",
					     NULL };
	static const int families[] = { AF_INET, AF_INET6, 0 };
	const struct nr_sandbox_path paths[] = { { role->settings->keys_dir, true } };
	struct hub_addresses addresses = { .n = 0 };
	struct nr_sandbox sandbox = { .calls = calls,
				      .paths = paths,
				      .n_paths = 1,
				      .ports = &addresses.port,
				      .n_ports = 1,
				      .families = families,
				      .max_files = FILES_MAX,
				      .max_data = DATA_MAX };
	struct nr_shipper s = { .role = role, .page = role->pages.shipper };

	nr_buf_init(&s.new_key, NR_MESSAGE_PEM);
	nr_set(s.page->connected, 0);
	if (prepare(&s, &addresses) < 0)
		return NR_ROLE_FAILED;
	if (nr_role_close(role, "shipper", &sandbox) < 0)
		return NR_ROLE_SANDBOX;
	return loop(&s, &addresses);
}
