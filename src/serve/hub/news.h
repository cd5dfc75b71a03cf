/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * news: a bell between what changes and the streams of events that tell of it: how often each kind
 * happened, and a call when it does.
 *
 * Shape    the streams compare counts and ask for what is new themselves; a bell that rang says only
 *          that it may be worth asking
 * Threads  any; the listener is called with the bell's lock held, so it must not tell
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/def.h"

enum nr_news_kind {
	NR_NEWS_FINDINGS,
	NR_NEWS_ASKS,
	NR_NEWS_SENSORS,
	NR_NEWS_STATUS,
	NR_NEWS_N,
};

struct nr_news {
	pthread_mutex_t lock;
	void (*ring)(void *ctx); /* NULL: nobody listens */
	void *ctx;
	_Atomic uint64_t counts[NR_NEWS_N];
};

void nr_news_init(struct nr_news *news);
void nr_news_done(struct nr_news *news);
/** From now on @p ring is called, or nobody: when it returns, the last call is over. */
void nr_news_listen(struct nr_news *news, void (*ring)(void *ctx), void *ctx);
void nr_news_tell(struct nr_news *news, enum nr_news_kind kind);
uint64_t nr_news_count(const struct nr_news *news, enum nr_news_kind kind);
