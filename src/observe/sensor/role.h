/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * role: the four processes under the supervisor. Each function is a whole process: it closes its
 * sandbox, works until told to stop, and returns the exit status.
 *
 *   capture  has the packet socket, or the capture file; copies frames into a pipe and reads none
 *            of them
 *   parser   has the two pipes: reads every hostile byte, has no files and no network
 *   spooler  has the spool directory
 *   shipper  has the key and may connect to the hub's port
 *
 * Ends     a pipe or socket whose other side is gone ends capture's block, the parser, the session:
 *          the supervisor decides who is begun anew. Who sees the supervisor's channel closed ends.
 */
#include "base/hash.h"
#include "observe/capture/capture.h"
#include "observe/nets.h"
#include "observe/sensor/channel.h"
#include "observe/sensor/page.h"
#include "observe/sensor/settings.h"

enum nr_role_exit { NR_ROLE_DONE = 0, NR_ROLE_FAILED = 1, NR_ROLE_SANDBOX = 3 };

struct nr_role {
	const struct nr_settings *settings;
	struct nr_pages pages;
	int lock; /* spooler: held until it has really ended, so that there is never a second one */
	int orders;	     /* from the supervisor; -1: none */
	int in, out;	     /* parser: pipes; shipper: in is the socket to the spooler */
	uint32_t generation; /* parser */
};

NR_MUST_CHECK int nr_role_capture(const struct nr_role *role);
NR_MUST_CHECK int nr_role_parser(const struct nr_role *role);
NR_MUST_CHECK int nr_role_spooler(const struct nr_role *role);
NR_MUST_CHECK int nr_role_shipper(const struct nr_role *role);

struct nr_sandbox;
/** Close the sandbox, unless the settings say no; logs failures. @return 0; -errno */
NR_MUST_CHECK int nr_role_close(const struct nr_role *role, const char *name,
				const struct nr_sandbox *sandbox);
