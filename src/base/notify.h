/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * notify: what a service tells the service manager (READY=1, STATUS=..., WATCHDOG=1, STOPPING=1).
 *
 * Shape   a datagram socket that is connected once, before a sandbox closes; without a manager
 *         nothing happens
 * Source  sd_notify(3)
 */
#include "base/def.h"

struct nr_notify {
	int fd;		     /* -1: nobody wants to know */
	int64_t watchdog_ns; /* a sign of life is wanted at least so often; 0: not wanted */
};

/** From the environment of the process. */
void nr_notify_init(struct nr_notify *notify);
void nr_notify_done(struct nr_notify *notify);
/** Lines NAME=VALUE. Never blocks; what cannot be sent is lost. */
void nr_notify_send(const struct nr_notify *notify, const char *lines);
