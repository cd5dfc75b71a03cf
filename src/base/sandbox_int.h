/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * sandbox_int: the layers of the sandbox, a file each.
 */
#include "base/sandbox.h"

/** Files and TCP ports. @return 0; -errno */
NR_MUST_CHECK int nr_sandbox_landlock(const struct nr_sandbox *sandbox, struct nr_err *reterr);
