/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http/limit.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"

enum { WAYS = 8, SETS = NR_LIMIT_KEYS / WAYS };

struct bucket {
	uint8_t key[NR_LIMIT_KEY];
	int64_t filled_ns; /* when `level` held; 0: free */
	double level;
};

struct nr_limit {
	pthread_mutex_t lock;
	double per_s, burst;
	struct nr_hash_key hash;
	struct bucket buckets[SETS][WAYS];
};

int nr_limit_new(double per_s, double burst, struct nr_limit **ret_limit)
{
	struct nr_limit *limit = calloc(1, sizeof(*limit));

	if (limit == NULL)
		return -ENOMEM;
	nr_require(pthread_mutex_init(&limit->lock, NULL) == 0);
	limit->per_s = per_s;
	limit->burst = burst;
	int ret = nr_hash_key_random(&limit->hash);

	if (ret < 0) {
		nr_limit_free(limit);
		return ret;
	}
	*ret_limit = limit;
	return 0;
}

void nr_limit_set(struct nr_limit *limit, double per_s, double burst)
{
	nr_require(pthread_mutex_lock(&limit->lock) == 0);
	limit->per_s = per_s;
	limit->burst = burst;
	nr_require(pthread_mutex_unlock(&limit->lock) == 0);
}

struct nr_limit *nr_limit_free(struct nr_limit *limit)
{
	if (limit != NULL)
		(void)pthread_mutex_destroy(&limit->lock);
	free(limit);
	return NULL;
}

/* The key's bucket, or the one to take for it. */
static struct bucket *find(struct nr_limit *limit, const uint8_t key[NR_LIMIT_KEY], bool *ret_found)
{
	uint64_t h = nr_siphash13(&limit->hash, key, NR_LIMIT_KEY);
	struct bucket *set = limit->buckets[h % SETS], *oldest = &set[0];

	*ret_found = true;
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].filled_ns != 0 && memcmp(set[i].key, key, NR_LIMIT_KEY) == 0)
			return &set[i];
		if (set[i].filled_ns < oldest->filled_ns)
			oldest = &set[i];
	}
	*ret_found = false;
	return oldest;
}

static double level_of(const struct nr_limit *limit, const struct bucket *bucket, int64_t now)
{
	double level = bucket->level + (double)(now - bucket->filled_ns) / 1e9 * limit->per_s;

	return level < limit->burst ? level : limit->burst;
}

static bool ask(struct nr_limit *limit, const uint8_t key[NR_LIMIT_KEY], struct nr_time now,
		bool take)
{
	bool found;

	nr_require(pthread_mutex_lock(&limit->lock) == 0);
	struct bucket *bucket = find(limit, key, &found);
	double level = found ? level_of(limit, bucket, now.ns) : limit->burst;
	bool yes = level >= 1;

	if (take && yes) {
		memcpy(bucket->key, key, NR_LIMIT_KEY);
		bucket->filled_ns = now.ns;
		bucket->level = level - 1;
	}
	nr_require(pthread_mutex_unlock(&limit->lock) == 0);
	return yes;
}

bool nr_limit_take(struct nr_limit *limit, const uint8_t key[NR_LIMIT_KEY], struct nr_time now)
{
	return ask(limit, key, now, true);
}

bool nr_limit_has(struct nr_limit *limit, const uint8_t key[NR_LIMIT_KEY], struct nr_time now)
{
	return ask(limit, key, now, false);
}
