/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file load: find libduckdb.so and its functions. @return 0; -ENOSYS not found; NR_EVERSION
 * lacks what we use */
#include "store/duck/duck_int.h"

NR_MUST_CHECK int nr_duck_load(const struct nr_duck_api **ret_api, struct nr_err *reterr);
