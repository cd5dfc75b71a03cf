/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/tls.h"

enum { HOST_TEXT = 256, PORT_TEXT = 6, BACKLOG = 256 };

struct place {
	char host[HOST_TEXT], port[PORT_TEXT];
};

/* "host:port" or "[address]:port"; an address with colons and no brackets cannot be told from its port. */
static int split(const char *host_port, struct place *place)
{
	struct nr_str text = nr_str_from(host_port), host;
	const char *colon = text.p != NULL ? strrchr(text.p, ':') : NULL;
	uint64_t port;

	if (colon == NULL)
		return -EINVAL;
	host = (struct nr_str){ text.p, (size_t)(colon - text.p) };
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct nr_str){ host.p + 1, host.n - 2 };
	else if (nr_str_count(host, ':') > 0)
		return -EINVAL;
	if (host.n == 0 || host.n >= sizeof(place->host) ||
	    nr_str_u64(nr_str_from(colon + 1), 0, UINT16_MAX, &port) < 0)
		return -EINVAL;
	memcpy(place->host, host.p, host.n);
	place->host[host.n] = '\0';
	(void)snprintf(place->port, sizeof(place->port), "%u", (unsigned)(uint16_t)port);
	return 0;
}

static int resolve(const char *host_port, int flags, struct addrinfo **ret_list,
		   struct nr_err *reterr)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags };
	struct place place;
	int ret;

	if (split(host_port, &place) < 0)
		return nr_fail(reterr, -EINVAL, "want HOST:PORT or [ADDRESS]:PORT");
	ret = getaddrinfo(place.host, place.port, &hints, ret_list);
	if (ret != 0)
		return nr_fail(reterr, -EHOSTUNREACH, "%s: %s", host_port, gai_strerror(ret));
	return 0;
}

static int64_t left_ms(int64_t deadline_ns)
{
	int64_t left = deadline_ns - nr_mono_now().ns;

	return left > 0 ? (left + 999999) / 1000000 : 0;
}

static int connect_one(const struct addrinfo *to, int64_t deadline_ns)
{
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	socklen_t n = sizeof(int);
	int err = 0;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* speed alone */
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
		return fd;
	err = errno;
	while (err == EINPROGRESS || err == EINTR) {
		int64_t left = left_ms(deadline_ns);
		int ready = poll(&wait, 1, (int)left);

		if (ready > 0) {
			err = 0;
			if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0)
				err = errno;
			if (err == 0)
				return fd;
		} else if (ready == 0) {
			err = ETIMEDOUT;
		} else {
			err = errno;
		}
	}
	(void)close(fd);
	return -err;
}

int nr_net_connect(const char *host_port, int timeout_ms, struct nr_err *reterr)
{
	int64_t deadline = nr_mono_now().ns + (int64_t)timeout_ms * 1000000;
	struct addrinfo *list = NULL;
	int ret = resolve(host_port, AI_ADDRCONFIG | AI_NUMERICSERV, &list, reterr);

	if (ret < 0)
		return ret;
	ret = -EHOSTUNREACH;
	for (const struct addrinfo *at = list; at != NULL && ret < 0; at = at->ai_next)
		ret = connect_one(at, deadline);
	freeaddrinfo(list);
	return ret < 0 ? nr_fail(reterr, ret, "%s: %s", host_port, nr_err_text(ret)) : ret;
}

static uint16_t port_of(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage room;
	} at = { .any = { .sa_family = AF_UNSPEC } };
	socklen_t n = sizeof(at);

	if (getsockname(fd, &at.any, &n) < 0)
		return 0;
	return ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

static int listen_one(const struct addrinfo *at)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
	int err;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (at->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	err = errno;
	(void)close(fd);
	return -err;
}

int nr_net_listen(const char *host_port, uint16_t *ret_port, struct nr_err *reterr)
{
	struct addrinfo *list = NULL;
	int ret = resolve(host_port, AI_PASSIVE | AI_NUMERICSERV, &list, reterr);

	if (ret < 0)
		return ret;
	ret = -EADDRNOTAVAIL;
	for (const struct addrinfo *at = list; at != NULL && ret < 0; at = at->ai_next)
		ret = listen_one(at);
	freeaddrinfo(list);
	if (ret < 0)
		return nr_fail(reterr, ret, "%s: %s", host_port, nr_err_text(ret));
	*ret_port = port_of(ret);
	return ret;
}
