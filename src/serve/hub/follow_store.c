/* SPDX-License-Identifier: Apache-2.0 */
/* The observation store's thread: journal -> DuckDB, a transaction about once a second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "orient/enrich/prefixes.h"
#include "serve/hub/follow.h"

enum { WAIT_MS = 250, RETAIN_S = 600 };
#define COMMIT_NS NR_NS_PER_S
#define SETTLE_NS (2 * NR_NS_PER_S)
#define PLACE_NS  (30 * NR_NS_PER_S) /* the place alone is worth a transaction only now and then */

struct nr_store_follower {
	struct nr_core *core;
	_Atomic(struct nr_store *) store; /* NULL until it is open */
	const struct nr_prefixes *prefixes;
	struct nr_journal_reader *reader;
	char dir[NR_HOME_PATH];
	uint64_t at, placed_at; /* read; in the store's files */
	int64_t committed_ns, retained_ns;
	bool dirty;
	bool unsummed; /* rows are written of which the sums are not */
	pthread_t thread;
	bool runs;
	atomic_bool stopping;
	pthread_mutex_t lock; /* of counts */
	struct nr_follow_counts counts;
};

static void locate(void *ctx, struct nr_ip ip, struct nr_store_place *ret_place)
{
	const struct nr_prefixes *prefixes = ctx;
	struct nr_origin origin =
		nr_prefixes_origin(prefixes, prefixes != NULL ? nr_prefixes_find(prefixes, ip) : 0);

	*ret_place = (struct nr_store_place){ .asn = origin.asn };
	memcpy(ret_place->economy, origin.economy, sizeof(ret_place->economy));
}

static void fail(struct nr_store_follower *follower, const struct nr_err *err)
{
	nr_log(NR_LOG_ERROR, "store", "stopped",
	       "observations wait in the journal at=%llu error=%s",
	       (unsigned long long)follower->at, err->msg);
	nr_require(pthread_mutex_lock(&follower->lock) == 0);
	follower->counts.failed = true;
	(void)snprintf(follower->counts.words, sizeof(follower->counts.words), "%.250s", err->msg);
	nr_require(pthread_mutex_unlock(&follower->lock) == 0);
}

static int commit(struct nr_store_follower *follower, struct nr_err *reterr)
{
	int ret = nr_store_commit(follower->store, reterr);

	if (ret < 0)
		return ret;
	follower->dirty = false;
	follower->placed_at = follower->at;
	follower->committed_ns = nr_mono_now().ns;
	nr_require(pthread_mutex_lock(&follower->lock) == 0);
	follower->counts.at = follower->at;
	follower->counts.left_out = nr_store_refused(follower->store);
	nr_require(pthread_mutex_unlock(&follower->lock) == 0);
	return 0;
}

/* Sums are written some commits late; when nothing comes any more, now. */
static int settle(struct nr_store_follower *follower, struct nr_err *reterr)
{
	int ret = nr_store_settle(follower->store, reterr);

	if (ret < 0)
		return ret;
	follower->unsummed = false;
	follower->placed_at = follower->at;
	follower->committed_ns = nr_mono_now().ns;
	return 0;
}

static bool settle_due(const struct nr_store_follower *follower)
{
	return follower->unsummed && !follower->dirty &&
	       nr_mono_now().ns - follower->committed_ns >= SETTLE_NS;
}

static bool commit_due(const struct nr_store_follower *follower)
{
	int64_t since = nr_mono_now().ns - follower->committed_ns;

	return follower->dirty ? since >= COMMIT_NS
			       : follower->at > follower->placed_at && since >= PLACE_NS;
}

static int catch_up(struct nr_store_follower *follower, struct nr_err *reterr)
{
	struct nr_entry entry;
	int ret = 0;

	while (!atomic_load(&follower->stopping)) {
		ret = nr_journal_reader_next(follower->reader, &entry, reterr);
		if (ret <= 0)
			break;
		if (entry.at <= follower->at)
			continue;
		ret = nr_store_add(follower->store, &entry, reterr);
		if (ret < 0)
			return ret;
		follower->at = entry.at;
		follower->dirty |= entry.type == NR_ENTRY_BATCH;
		follower->unsummed |= entry.type == NR_ENTRY_BATCH;
		nr_require(pthread_mutex_lock(&follower->lock) == 0);
		follower->counts.entries++;
		follower->counts.arrived_ns = entry.arrived_ns;
		if (!follower->dirty) /* nothing of it is for the store */
			follower->counts.at = entry.at;
		nr_require(pthread_mutex_unlock(&follower->lock) == 0);
		if (commit_due(follower) && commit(follower, reterr) < 0)
			return reterr->code;
	}
	return ret < 0 ? ret : 0;
}

static void retain(struct nr_store_follower *follower)
{
	uint32_t days = follower->core->set->store_days;
	struct nr_time before = { nr_time_now().ns - days * INT64_C(86400) * NR_NS_PER_S };
	struct nr_err err;
	uint64_t gone = 0;

	follower->retained_ns = nr_mono_now().ns;
	if (days == 0)
		return;
	if (nr_store_retain(follower->store, before, &gone, &err) < 0)
		nr_log(NR_LOG_WARNING, "store", "retention_failed", "error=%s", err.msg);
	else if (gone > 0)
		nr_log(NR_LOG_NOTICE, "store", "days_deleted", "days=%llu",
		       (unsigned long long)gone);
}

/*
 * Derived data that cannot be opened stops nobody else: what is wrong stands in the log and in
 * the status.
 */
static int open_store(struct nr_store_follower *follower, struct nr_err *reterr)
{
	const struct nr_settings *set = follower->core->set;
	struct nr_store_options options = {
		.dir = follower->dir,
		.memory_bytes = (uint64_t)set->store_memory_mib << 20,
		.threads = set->store_threads,
		.locate = locate,
		.locate_ctx = (void *)(uintptr_t)follower->prefixes,
	};
	struct nr_store *store;
	int ret = nr_store_open(&options, &store, reterr);

	if (ret < 0)
		return ret;
	follower->at = follower->placed_at = nr_store_at(store);
	nr_require(pthread_mutex_lock(&follower->lock) == 0);
	follower->counts.at = follower->at;
	nr_require(pthread_mutex_unlock(&follower->lock) == 0);
	ret = nr_journal_reader_open(follower->core->journal_dir, follower->at + 1,
				     follower->core->journal, &follower->reader, reterr);
	atomic_store(&follower->store, store);
	if (ret == 0)
		nr_log(NR_LOG_NOTICE, "store", "started", "from=%llu",
		       (unsigned long long)follower->at);
	return ret;
}

static int follow(struct nr_store_follower *follower, struct nr_err *reterr)
{
	while (!atomic_load(&follower->stopping)) {
		int ret = catch_up(follower, reterr);

		if (ret == 0 && commit_due(follower))
			ret = commit(follower, reterr);
		if (ret == 0 && settle_due(follower))
			ret = settle(follower, reterr);
		if (ret < 0)
			return ret;
		if (nr_mono_now().ns - follower->retained_ns >= RETAIN_S * NR_NS_PER_S)
			retain(follower);
		if (nr_core_wait(follower->core, follower->at + 1, WAIT_MS) < 0 &&
		    atomic_load(&follower->core->failed) < 0)
			break;
	}
	return nr_store_settle(follower->store, reterr);
}

static void *store_main(void *arg)
{
	struct nr_store_follower *follower = arg;
	struct nr_err err = { 0 };
	int ret = open_store(follower, &err);

	if (ret == 0)
		ret = follow(follower, &err);
	if (ret < 0)
		fail(follower, &err);
	return NULL;
}

int nr_follow_store_start(struct nr_core *core, const struct nr_prefixes *prefixes,
			  struct nr_store_follower **ret_follower, struct nr_err *reterr)
{
	struct nr_store_follower *follower = calloc(1, sizeof(*follower));
	int ret;

	if (follower == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	follower->core = core;
	follower->prefixes = prefixes;
	follower->committed_ns = follower->retained_ns = nr_mono_now().ns;
	nr_require(pthread_mutex_init(&follower->lock, NULL) == 0);
	nr_home_path(core->home.dir, "store", follower->dir);
	ret = pthread_create(&follower->thread, NULL, store_main, follower);
	if (ret != 0) {
		nr_follow_store_stop(follower);
		return nr_fail(reterr, -ret, "cannot start a thread: %s", nr_err_text(-ret));
	}
	follower->runs = true;
	*ret_follower = follower;
	return 0;
}

void nr_follow_store_counts(struct nr_store_follower *follower, struct nr_follow_counts *ret_counts)
{
	nr_require(pthread_mutex_lock(&follower->lock) == 0);
	*ret_counts = follower->counts;
	nr_require(pthread_mutex_unlock(&follower->lock) == 0);
}

struct nr_store *nr_follow_store_get(struct nr_store_follower *follower)
{
	return follower != NULL ? atomic_load(&follower->store) : NULL;
}

struct nr_store_follower *nr_follow_store_stop(struct nr_store_follower *follower)
{
	if (follower == NULL)
		return NULL;
	atomic_store(&follower->stopping, true);
	if (follower->runs)
		nr_require(pthread_join(follower->thread, NULL) == 0);
	nr_journal_reader_close(follower->reader);
	nr_store_close(follower->store);
	(void)pthread_mutex_destroy(&follower->lock);
	free(follower);
	return NULL;
}
