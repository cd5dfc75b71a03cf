/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * image: the compact prefix file made from a pool, in memory.
 */
#include "base/buf.h"
#include "orient/enrich/pool.h"

/**
 * Append the file to the empty @p file. The ranges of @p pool are sorted in place. The same pool
 * and @p version give the same bytes. @return 0; NR_ELIMIT; -ENOMEM
 */
NR_MUST_CHECK int nr_image_make(struct nr_pool *pool, struct nr_str version, struct nr_buf *file);
