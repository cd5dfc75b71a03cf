/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * console: the built web console, read once when the hub starts and given out from memory.
 *
 * Files    DIR/index.html, DIR/noroshi.svg and DIR/assets/NAME; NAME.gz and NAME.br beside a file are the same
 *          bytes compressed. Names under assets/ hold a hash of what is in them: a browser may keep those.
 * Limits   128 files, 16 MiB; what has no type that a console is made of is left out
 * Without  a hub whose console was not built answers "/" with words that say so
 */
#include "base/err.h"

struct nr_console;

/** @p dir may be NULL or missing: there is no console then. */
NR_MUST_CHECK int nr_console_load(const char *dir, struct nr_console **ret_console,
				  struct nr_err *reterr);
struct nr_console *nr_console_free(struct nr_console *console);
