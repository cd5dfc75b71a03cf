/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * home: a hub's directory: making it, recognising it, holding it. What lies in it:
 * docs/internals/hub.md
 *
 * Lock     flock on DIR/lock, which also says the pid: one hub, or one command, at a time
 * Made     NOROSHI is written last, so a directory without it was never finished
 * Errors   -EBUSY locked (who, in reterr); -ENOENT no such directory; NR_EFORMAT foreign;
 *          NR_EDAMAGED half-made, or a part is
 *          missing; NR_EVERSION newer; -EEXIST init: something is there
 */
#include "base/pki.h"
#include "store/registry.h"

enum { NR_HOME_PATH = 512, NR_HOME_VERSION = 1, NR_HOME_CURSOR_KEY = 32 };

struct nr_home {
	char dir[NR_HOME_PATH / 2];
	int lock_fd; /* -1: not held */
};

struct nr_home_wish {
	const char *name; /* of the hub; NULL: this machine's */
	const struct nr_str
		*hosts; /* names and addresses it will be reached by, beside this machine's */
	size_t n_hosts;
	struct nr_time now;
};

NR_MUST_CHECK int nr_home_init(const char *dir, const struct nr_home_wish *wish,
			       struct nr_err *reterr);
/** Is it a hub's directory, whole, and of a version we know? Takes no lock. */
NR_MUST_CHECK int nr_home_check(const char *dir, struct nr_err *reterr);
/** Check and lock. */
NR_MUST_CHECK int nr_home_open(const char *dir, struct nr_home *ret_home, struct nr_err *reterr);
void nr_home_close(struct nr_home *home);
/** DIR/NAME */
void nr_home_path(const char *dir, const char *name, char out[NR_HOME_PATH]);

struct nr_home_keys {
	struct nr_pki_pair authority, hub;
	struct nr_sign_key journal;
	uint8_t cursor[NR_HOME_CURSOR_KEY];
};
NR_MUST_CHECK int nr_home_keys_read(const char *dir, struct nr_home_keys *ret_keys,
				    struct nr_err *reterr);
void nr_home_keys_done(struct nr_home_keys *keys);
