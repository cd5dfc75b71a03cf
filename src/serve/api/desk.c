/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/api/desk.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"

enum { MOMENT_NS = 100000000 };

struct answer {
	struct nr_digest key;
	uint64_t changes, used; /* used: rising; 0: the place is free */
	int64_t made_ns;
	uint8_t *p;
	size_t n;
};

struct work {
	struct nr_digest key;
	uint64_t changes;
	struct nr_uuid member;
};

struct nr_desk {
	pthread_mutex_t lock;
	pthread_cond_t left; /* somebody is done */
	struct answer answers[NR_DESK_ANSWERS];
	struct work work[NR_DESK_AT_ONCE];
	unsigned n_work, waiting;
	uint64_t uses;
	struct nr_desk_counts counts;
};

int nr_desk_new(struct nr_desk **ret_desk)
{
	struct nr_desk *desk = calloc(1, sizeof(*desk));
	pthread_condattr_t attr;

	if (desk == NULL)
		return -ENOMEM;
	nr_require(pthread_mutex_init(&desk->lock, NULL) == 0);
	nr_require(pthread_condattr_init(&attr) == 0);
	nr_require(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	nr_require(pthread_cond_init(&desk->left, &attr) == 0);
	(void)pthread_condattr_destroy(&attr);
	*ret_desk = desk;
	return 0;
}

static void drop(struct nr_desk *desk, struct answer *answer)
{
	desk->counts.bytes -= answer->n;
	free(answer->p);
	*answer = (struct answer){ .used = 0 };
}

struct nr_desk *nr_desk_free(struct nr_desk *desk)
{
	if (desk == NULL)
		return NULL;
	for (size_t i = 0; i < NR_DESK_ANSWERS; i++)
		drop(desk, &desk->answers[i]);
	(void)pthread_cond_destroy(&desk->left);
	(void)pthread_mutex_destroy(&desk->lock);
	free(desk);
	return NULL;
}

static struct answer *find(struct nr_desk *desk, const struct nr_digest *key, uint64_t changes)
{
	for (size_t i = 0; i < NR_DESK_ANSWERS; i++) {
		struct answer *answer = &desk->answers[i];

		if (answer->used != 0 && answer->changes == changes &&
		    nr_digest_eq(&answer->key, key))
			return answer;
	}
	return NULL;
}

/* The newest of before, not too old. */
static struct answer *find_before(struct nr_desk *desk, const struct nr_digest *key)
{
	int64_t oldest = nr_mono_now().ns - NR_DESK_STALE_S * NR_NS_PER_S;
	struct answer *found = NULL;

	for (size_t i = 0; i < NR_DESK_ANSWERS; i++) {
		struct answer *answer = &desk->answers[i];

		if (answer->used != 0 && answer->made_ns >= oldest &&
		    nr_digest_eq(&answer->key, key) &&
		    (found == NULL || answer->changes > found->changes))
			found = answer;
	}
	return found;
}

/* May it begin now? Not what another works out already, and not more than is one's share. */
static bool is_free(const struct nr_desk *desk, const struct nr_digest *key, uint64_t changes,
		    struct nr_uuid member)
{
	unsigned mine = 0;

	for (unsigned i = 0; i < desk->n_work; i++) {
		if (desk->work[i].changes == changes && nr_digest_eq(&desk->work[i].key, key))
			return false;
		mine += nr_uuid_eq(desk->work[i].member, member);
	}
	return desk->n_work < NR_DESK_AT_ONCE && mine < NR_DESK_VIEWER;
}

/* A moment, or until somebody is done. */
static void wait_a_moment(struct nr_desk *desk)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += MOMENT_NS;
	if (until.tv_nsec >= NR_NS_PER_S) {
		until.tv_sec++;
		until.tv_nsec -= NR_NS_PER_S;
	}
	desk->waiting++;
	(void)pthread_cond_timedwait(&desk->left, &desk->lock, &until);
	desk->waiting--;
}

int nr_desk_enter(struct nr_desk *desk, const struct nr_digest *key, uint64_t changes,
		  struct nr_uuid member, bool (*gone)(void *ctx), void *gone_ctx,
		  struct nr_buf *out)
{
	int64_t end = nr_mono_now().ns + NR_DESK_WAIT_MS * INT64_C(1000000);
	struct answer *answer;
	bool waited = false;
	int ret = 0;

	nr_require(pthread_mutex_lock(&desk->lock) == 0);
	desk->counts.asked++;
	while ((answer = find(desk, key, changes)) == NULL && ret == 0 &&
	       !is_free(desk, key, changes, member)) {
		answer = find_before(desk, key);
		if (answer != NULL)
			break;
		if ((!waited && desk->waiting >= NR_DESK_WAITING) || nr_mono_now().ns >= end)
			ret = -EBUSY;
		else if (gone(gone_ctx))
			ret = -ECANCELED;
		else
			wait_a_moment(desk);
		waited = true;
	}
	desk->counts.waited += waited;
	if (answer != NULL) {
		answer->used = ++desk->uses;
		desk->counts.found++;
		nr_buf_add(out, answer->p, answer->n);
		ret = 1;
	} else if (ret == 0) {
		desk->work[desk->n_work++] =
			(struct work){ .key = *key, .changes = changes, .member = member };
	} else {
		desk->counts.refused++;
	}
	nr_require(pthread_mutex_unlock(&desk->lock) == 0);
	return ret;
}

/* The place of the answer that is missed least: none, or the one used longest ago. */
static struct answer *room(struct nr_desk *desk)
{
	struct answer *least = &desk->answers[0];

	for (size_t i = 1; i < NR_DESK_ANSWERS && least->used != 0; i++)
		if (desk->answers[i].used < least->used)
			least = &desk->answers[i];
	return least;
}

static void keep(struct nr_desk *desk, const struct nr_digest *key, uint64_t changes,
		 struct nr_bytes answer)
{
	uint8_t *copy = answer.n > 0 && answer.n <= NR_DESK_BYTES / 8 ? malloc(answer.n) : NULL;

	if (copy == NULL)
		return;
	memcpy(copy, answer.p, answer.n);
	for (size_t i = 0; i < NR_DESK_ANSWERS; i++) /* nobody asks for the past */
		if (desk->answers[i].used != 0 && nr_digest_eq(&desk->answers[i].key, key) &&
		    desk->answers[i].changes <= changes)
			drop(desk, &desk->answers[i]);
	while (desk->counts.bytes + answer.n > NR_DESK_BYTES) {
		struct answer *oldest = NULL;

		for (size_t i = 0; i < NR_DESK_ANSWERS; i++)
			if (desk->answers[i].used != 0 &&
			    (oldest == NULL || desk->answers[i].used < oldest->used))
				oldest = &desk->answers[i];
		if (oldest == NULL)
			break;
		drop(desk, oldest);
	}
	struct answer *place = room(desk);

	drop(desk, place);
	*place = (struct answer){ .key = *key,
				  .changes = changes,
				  .made_ns = nr_mono_now().ns,
				  .used = ++desk->uses,
				  .p = copy,
				  .n = answer.n };
	desk->counts.bytes += answer.n;
}

void nr_desk_leave(struct nr_desk *desk, const struct nr_digest *key, uint64_t changes,
		   struct nr_uuid member, struct nr_bytes answer)
{
	nr_require(pthread_mutex_lock(&desk->lock) == 0);
	for (unsigned i = 0; i < desk->n_work; i++) {
		const struct work *work = &desk->work[i];

		if (work->changes == changes && nr_digest_eq(&work->key, key) &&
		    nr_uuid_eq(work->member, member)) {
			desk->work[i] = desk->work[--desk->n_work];
			break;
		}
	}
	keep(desk, key, changes, answer);
	nr_require(pthread_cond_broadcast(&desk->left) == 0);
	nr_require(pthread_mutex_unlock(&desk->lock) == 0);
}

struct nr_desk_counts nr_desk_counts(struct nr_desk *desk)
{
	nr_require(pthread_mutex_lock(&desk->lock) == 0);
	struct nr_desk_counts counts = desk->counts;

	counts.working = desk->n_work;
	counts.waiting = desk->waiting;
	nr_require(pthread_mutex_unlock(&desk->lock) == 0);
	return counts;
}
