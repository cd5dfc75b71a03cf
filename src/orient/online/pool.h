/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * pool: a few threads that do one piece of work together, again and again.
 *
 * Threads  run() from one; the caller is worker 0, so a pool of one has no thread of its own
 */
#include "base/def.h"

enum { NR_POOL_MAX = 64 };

struct nr_pool;

/** @return 0; -ENOMEM; what pthread_create said */
NR_MUST_CHECK int nr_pool_new(unsigned n_workers, struct nr_pool **ret_pool);
struct nr_pool *nr_pool_free(struct nr_pool *pool);
unsigned nr_pool_workers(const struct nr_pool *pool);
/** Call @p work once for each worker number and wait for all. */
void nr_pool_run(struct nr_pool *pool, void (*work)(void *ctx, unsigned worker), void *ctx);
