/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notify.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

static int connect_to(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t n = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || n < 2 || n >= sizeof(addr.sun_path))
		return -1;
	memcpy(addr.sun_path, name, n);
	if (name[0] == '@') /* the abstract name space */
		addr.sun_path[0] = '\0';
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (name[0] == '/'));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&addr, size) < 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

void nr_notify_init(struct nr_notify *notify)
{
	const char *name = getenv("NOTIFY_SOCKET"), *every = getenv("WATCHDOG_USEC"),
		   *whose = getenv("WATCHDOG_PID");
	uint64_t us = 0, pid = 0;

	*notify = (struct nr_notify){ .fd = name != NULL ? connect_to(name) : -1 };
	if (every == NULL || nr_str_u64(nr_str_from(every), 1, UINT32_MAX, &us) < 0)
		return;
	if (whose != NULL &&
	    (nr_str_u64(nr_str_from(whose), 1, INT32_MAX, &pid) < 0 || (pid_t)pid != getpid()))
		return;
	notify->watchdog_ns = (int64_t)us * 1000;
}

void nr_notify_done(struct nr_notify *notify)
{
	if (notify->fd >= 0)
		(void)close(notify->fd);
	notify->fd = -1;
}

void nr_notify_send(const struct nr_notify *notify, const char *lines)
{
	if (notify->fd >= 0 && send(notify->fd, lines, strlen(lines), MSG_NOSIGNAL) < 0)
		return; /* the manager is busy or gone: nobody else to tell */
}
