/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/hub/news.h"

void nr_news_init(struct nr_news *news)
{
	*news = (struct nr_news){ 0 };
	nr_require(pthread_mutex_init(&news->lock, NULL) == 0);
}

void nr_news_done(struct nr_news *news)
{
	(void)pthread_mutex_destroy(&news->lock);
}

void nr_news_listen(struct nr_news *news, void (*ring)(void *ctx), void *ctx)
{
	nr_require(pthread_mutex_lock(&news->lock) == 0);
	news->ring = ring;
	news->ctx = ctx;
	nr_require(pthread_mutex_unlock(&news->lock) == 0);
}

void nr_news_tell(struct nr_news *news, enum nr_news_kind kind)
{
	atomic_fetch_add(&news->counts[kind], 1);
	nr_require(pthread_mutex_lock(&news->lock) == 0);
	if (news->ring != NULL)
		news->ring(news->ctx);
	nr_require(pthread_mutex_unlock(&news->lock) == 0);
}

uint64_t nr_news_count(const struct nr_news *news, enum nr_news_kind kind)
{
	return atomic_load(&news->counts[kind]);
}
