/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/online/pool.h"

#include <pthread.h>
#include <stdlib.h>

struct member {
	struct nr_pool *pool;
	unsigned number;
	pthread_t thread;
};

struct nr_pool {
	unsigned n_workers, n_started; /* threads: n_workers - 1 */
	struct member members[NR_POOL_MAX];
	pthread_mutex_t lock;
	pthread_cond_t begin, end;
	void (*work)(void *ctx, unsigned worker);
	void *ctx;
	uint64_t round;
	unsigned busy;
	bool over;
};

static void *member_main(void *arg)
{
	struct member *m = arg;
	struct nr_pool *pool = m->pool;

	pthread_mutex_lock(&pool->lock);
	for (uint64_t done = 0;;) {
		while (!pool->over && pool->round == done)
			pthread_cond_wait(&pool->begin, &pool->lock);
		if (pool->over)
			break;
		done = pool->round;
		pthread_mutex_unlock(&pool->lock);
		pool->work(pool->ctx, m->number);
		pthread_mutex_lock(&pool->lock);
		if (--pool->busy == 0)
			pthread_cond_signal(&pool->end);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

int nr_pool_new(unsigned n_workers, struct nr_pool **ret_pool)
{
	struct nr_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return -ENOMEM;
	pool->n_workers = n_workers < 1 ? 1 : n_workers > NR_POOL_MAX ? NR_POOL_MAX : n_workers;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->begin, NULL);
	pthread_cond_init(&pool->end, NULL);
	for (unsigned i = 1; i < pool->n_workers; i++) {
		struct member *m = &pool->members[i];

		*m = (struct member){ .pool = pool, .number = i };
		int r = pthread_create(&m->thread, NULL, member_main, m);

		if (r != 0) {
			nr_pool_free(pool);
			return -r;
		}
		pool->n_started++;
	}
	*ret_pool = pool;
	return 0;
}

struct nr_pool *nr_pool_free(struct nr_pool *pool)
{
	if (pool == NULL)
		return NULL;
	pthread_mutex_lock(&pool->lock);
	pool->over = true;
	pthread_cond_broadcast(&pool->begin);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 1; i <= pool->n_started; i++)
		pthread_join(pool->members[i].thread, NULL);
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->begin);
	pthread_cond_destroy(&pool->end);
	free(pool);
	return NULL;
}

unsigned nr_pool_workers(const struct nr_pool *pool)
{
	return pool->n_workers;
}

void nr_pool_run(struct nr_pool *pool, void (*work)(void *ctx, unsigned worker), void *ctx)
{
	if (pool->n_workers > 1) {
		pthread_mutex_lock(&pool->lock);
		pool->work = work;
		pool->ctx = ctx;
		pool->busy = pool->n_workers - 1;
		pool->round++;
		pthread_cond_broadcast(&pool->begin);
		pthread_mutex_unlock(&pool->lock);
	}
	work(ctx, 0);
	if (pool->n_workers > 1) {
		pthread_mutex_lock(&pool->lock);
		while (pool->busy > 0)
			pthread_cond_wait(&pool->end, &pool->lock);
		pthread_mutex_unlock(&pool->lock);
	}
}
