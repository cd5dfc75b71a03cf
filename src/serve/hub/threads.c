/* SPDX-License-Identifier: Apache-2.0 */
/* The two threads of the core: journal (commit, retention) and watch. */
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "serve/hub/hub_int.h"
#include "store/registry_who.h"

enum {
	BUSY_MS = 2, /* between commits while there is something to write */
	CALM_MS = 5, /* for a second after it */
	IDLE_MS = 20,
	FULL_MS = 500, /* disk full */
	WATCH_MS = 500,
	STATUS_S = 30, /* a status is told so often, and when it changed */
	RETAIN_S = 60,
	ROLL_S = 86400, /* retention never touches the segment at work */
};

static void sleep_ms(unsigned ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

/* ---- journal ---- */

static void fail(struct nr_hub *hub, int code, const struct nr_err *err)
{
	(void)snprintf(hub->words, sizeof(hub->words), "%.250s", err->msg);
	atomic_store(&hub->failed, code);
	if (hub->ingest != NULL)
		nr_ingest_stop(hub->ingest);
	nr_log(NR_LOG_ERROR, "journal", "failed", "nothing is acknowledged any more error=%s",
	       err->msg);
}

/* @return 0; 1 disk full; negative: final */
static int commit(struct nr_hub *hub, bool was_full)
{
	int64_t begun = nr_mono_now().ns;
	struct nr_err err = { 0 };
	int ret = nr_core_commit(hub->core, &err);

	if (ret == 0) {
		atomic_fetch_add(&hub->commits, 1);
		atomic_fetch_add(&hub->commit_ns, (uint64_t)(nr_mono_now().ns - begun));
		if (hub->ingest != NULL)
			nr_ingest_durable(hub->ingest, nr_journal_durable(hub->core->journal));
		if (was_full && hub->ingest != NULL)
			nr_ingest_full(hub->ingest, false);
		if (was_full)
			nr_log(NR_LOG_NOTICE, "journal", "room_again", "new data is taken");
		return 0;
	}
	atomic_fetch_add(&hub->commit_errors, 1);
	if (!atomic_load(&hub->core->disk_full)) {
		fail(hub, ret, &err);
		return ret;
	}
	if (!was_full) {
		nr_log(NR_LOG_ERROR, "journal", "disk_full", "new data is refused error=%s",
		       err.msg);
		if (hub->ingest != NULL)
			nr_ingest_full(hub->ingest, true);
	}
	return 1;
}

/* @return true: there was something to erase, and there may be more */
static bool retain(struct nr_hub *hub)
{
	const struct nr_settings *set = hub->core->set;
	uint64_t erased = 0,
		 max = set->journal_gib > 0 ? (uint64_t)set->journal_gib << 30 : UINT64_MAX;
	int64_t before = INT64_MIN;
	struct nr_err err;

	if (set->journal_days > 0)
		before = nr_time_now().ns - set->journal_days * INT64_C(86400) * NR_NS_PER_S;
	if (set->journal_days == 0 && set->journal_gib == 0)
		return false;
	if (nr_journal_retain(hub->core->journal, max, before, &erased, &err) < 0) {
		nr_log(NR_LOG_WARNING, "journal", "retention_failed", "error=%s", err.msg);
		return false;
	}
	if (erased > 0)
		nr_log(NR_LOG_NOTICE, "journal", "erased", "records=%llu",
		       (unsigned long long)erased);
	return erased > 0;
}

struct care {
	int64_t busy_ns, retain_ns, roll_ns; /* when it last was busy; when the others are due */
	bool full;
};

/* What is not a commit, a little at a time. @return 0; negative: final */
static int journal_care(struct nr_hub *hub, struct care *care, int64_t now)
{
	struct nr_err err;

	uint64_t wanted = atomic_load(&hub->core->roll_wanted);

	if (now >= care->roll_ns || wanted != atomic_load(&hub->core->roll_done)) {
		int ret = nr_journal_roll(hub->core->journal, &err);

		if (ret < 0 && ret != -ENOSPC && ret != -EMFILE && ret != -ENFILE) {
			fail(hub, ret, &err);
			return ret;
		}
		care->roll_ns = now + ROLL_S * NR_NS_PER_S;
		if (ret == 0)
			nr_core_rolled(hub->core, wanted);
	}
	/* Also while data waits and when the disk is full: that is when room is wanted. */
	if (now >= care->retain_ns && !nr_core_is_held(hub->core))
		care->retain_ns = retain(hub) ? now : now + RETAIN_S * NR_NS_PER_S;
	return 0;
}

static void *journal_main(void *arg)
{
	struct nr_hub *hub = arg;
	struct nr_core *core = hub->core;
	int64_t begun = nr_mono_now().ns;
	struct care care = { .retain_ns = begun + RETAIN_S * NR_NS_PER_S,
			     .roll_ns = begun + ROLL_S * NR_NS_PER_S };

	while (!atomic_load(&hub->stopping)) {
		int64_t now = nr_mono_now().ns;
		bool waits = nr_journal_waiting(core->journal) > 0 || care.full;

		if (waits) {
			int ret = commit(hub, care.full);

			if (ret < 0)
				return NULL;
			care.full = ret > 0;
			care.busy_ns = now;
		}
		if (journal_care(hub, &care, now) < 0)
			return NULL;
		if (waits)
			sleep_ms(care.full ? FULL_MS : BUSY_MS);
		else
			sleep_ms(now - care.busy_ns < NR_NS_PER_S ? CALM_MS : IDLE_MS);
	}
	return NULL;
}

/* ---- watch ---- */

/* What streams of events tell of, as it stood when they were last rung. */
struct told {
	uint64_t sensors, status;
	int64_t status_ns;
};

static void tell(struct nr_hub *hub, struct told *told)
{
	struct nr_core *core = hub->core;
	uint64_t counts[NR_INGEST_COUNT_N];
	int64_t now = nr_mono_now().ns;

	nr_ingest_counts(hub->ingest, counts);
	/* Sums that grow or change with each of these; that two changes cancel out costs an event. */
	uint64_t sessions = nr_ingest_sessions(hub->ingest);
	uint64_t sensors = nr_registry_standing(core->registry) +
			   (counts[NR_INGEST_SESSIONS_BEGUN] << 32) + (sessions << 16);
	uint64_t status = sessions << 2 | (uint64_t)atomic_load(&core->disk_full) << 1 |
			  (atomic_load(&core->failed) != 0);

	if (sensors != told->sensors)
		nr_news_tell(&core->news, NR_NEWS_SENSORS);
	if (status != told->status || now - told->status_ns > STATUS_S * NR_NS_PER_S) {
		nr_news_tell(&core->news, NR_NEWS_STATUS);
		told->status_ns = now;
	}
	told->sensors = sensors;
	told->status = status;
}

static void *watch_main(void *arg)
{
	struct nr_hub *hub = arg;
	struct told told = { 0 };

	while (!atomic_load(&hub->stopping)) {
		nr_core_lock(hub->core);
		int ret = nr_watch_tick(hub->core->watch, nr_time_now().ns);

		nr_core_unlock(hub->core);
		if (ret < 0 && ret != -EWOULDBLOCK && ret != -ENOSPC &&
		    atomic_load(&hub->core->failed) == 0)
			nr_log(NR_LOG_ERROR, "watch", "tick_failed", "error=%s", nr_err_text(ret));
		tell(hub, &told);
		sleep_ms(WATCH_MS);
	}
	return NULL;
}

int nr_hub_threads_start(struct nr_hub *hub, struct nr_err *reterr)
{
	int ret = pthread_create(&hub->journal_thread, NULL, journal_main, hub);

	hub->journal_runs = ret == 0;
	if (ret == 0) {
		ret = pthread_create(&hub->watch_thread, NULL, watch_main, hub);
		hub->watch_runs = ret == 0;
	}
	return ret == 0 ? 0 : nr_fail(reterr, -ret, "cannot start a thread: %s", nr_err_text(-ret));
}

void nr_hub_threads_stop(struct nr_hub *hub)
{
	atomic_store(&hub->stopping, true);
	if (hub->watch_runs)
		nr_require(pthread_join(hub->watch_thread, NULL) == 0);
	if (hub->journal_runs)
		nr_require(pthread_join(hub->journal_thread, NULL) == 0);
	hub->watch_runs = hub->journal_runs = false;
}
