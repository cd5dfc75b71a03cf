/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * locate: where the prefix file, the lists of benign scanners and the console lie when the user names none.
 *
 * Prefixes  $NOROSHI_PREFIXES, else share/noroshi/prefixes.nrp beside the program,
 *           ../share/noroshi/ of it, /usr/share/noroshi/, /etc/noroshi/
 * Benign    $NOROSHI_BENIGN, else share/noroshi/benign in the same places. The program ships no
 *           list: who publishes them says who may pass them on.
 * Console   $NOROSHI_CONSOLE, else share/noroshi/web in the same places
 */
#include "base/def.h"

enum nr_locate { NR_LOCATE_PREFIXES, NR_LOCATE_BENIGN, NR_LOCATE_CONSOLE };

/**
 * The first that exists; what the environment names counts as existing, so that a wrong name is an
 * error of its reader and not silently another file. @return 0; -ENOENT, -ENAMETOOLONG
 */
NR_MUST_CHECK int nr_locate(enum nr_locate what, char *out, size_t cap);
/** Where a new prefix file is put: the environment's, else beside the program. */
NR_MUST_CHECK int nr_locate_new(enum nr_locate what, char *out, size_t cap);
