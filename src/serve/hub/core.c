/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/hub/core.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "store/registry_member.h"

/* ---- locks ---- */

void nr_core_lock(struct nr_core *core)
{
	nr_require(pthread_mutex_lock(&core->ingest) == 0);
}

void nr_core_unlock(struct nr_core *core)
{
	nr_require(pthread_mutex_unlock(&core->ingest) == 0);
}

static void init_locks(struct nr_core *core)
{
	pthread_condattr_t attr;

	nr_require(pthread_mutex_init(&core->ingest, NULL) == 0);
	nr_require(pthread_mutex_init(&core->commit_lock, NULL) == 0);
	nr_require(pthread_condattr_init(&attr) == 0);
	nr_require(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	nr_require(pthread_cond_init(&core->durable, &attr) == 0);
	(void)pthread_condattr_destroy(&attr);
}

/* ---- appending and committing ---- */

int nr_core_append(struct nr_core *core, struct nr_entry *entry)
{
	int ret = atomic_load(&core->failed);

	if (ret < 0)
		return ret;
	if (atomic_load(&core->disk_full))
		return -ENOSPC;
	ret = nr_journal_append(core->journal, entry);
	if (ret == 0)
		ret = nr_ledger_apply(core->ledger, entry);
	return ret;
}

static int emit(void *ctx, const struct nr_entry *said)
{
	struct nr_core *core = ctx;
	struct nr_entry entry = *said;
	int ret = nr_core_append(core, &entry);

	/*
	 * What watch concludes is small: it goes in although the disk is full, and waits in
	 * memory.
	 */
	return ret == -ENOSPC ? nr_journal_append(core->journal, &entry) : ret;
}

int nr_core_commit(struct nr_core *core, struct nr_err *reterr)
{
	int ret = nr_journal_commit(core->journal, reterr);
	bool full = ret == -ENOSPC || ret == -EMFILE || ret == -ENFILE;

	nr_require(pthread_mutex_lock(&core->commit_lock) == 0);
	if (ret < 0 && !full)
		atomic_store(&core->failed, ret);
	if (ret == 0 || full)
		atomic_store(&core->disk_full, full);
	nr_require(pthread_cond_broadcast(&core->durable) == 0);
	nr_require(pthread_mutex_unlock(&core->commit_lock) == 0);
	return ret;
}

/*
 * A wait of at most @p ns; the clock of the condition may be a strange one, so its word is not
 * taken for it.
 */
static void wait_a_while(struct nr_core *core, int64_t ns)
{
	struct timespec until, pause = { .tv_nsec = 1000000 };

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ns / NR_NS_PER_S;
	until.tv_nsec += ns % NR_NS_PER_S;
	if (until.tv_nsec >= NR_NS_PER_S) {
		until.tv_sec++;
		until.tv_nsec -= NR_NS_PER_S;
	}
	if (pthread_cond_timedwait(&core->durable, &core->commit_lock, &until) == ETIMEDOUT)
		(void)nanosleep(&pause, NULL);
}

int nr_core_wait(struct nr_core *core, uint64_t at, int timeout_ms)
{
	int64_t end = nr_mono_now().ns + timeout_ms * INT64_C(1000000);
	int ret = 0;

	if (core->alone)
		return nr_journal_durable(core->journal) >= at ? 0 : nr_core_commit(core, NULL);
	nr_require(pthread_mutex_lock(&core->commit_lock) == 0);
	while (ret == 0 && nr_journal_durable(core->journal) < at) {
		int64_t left = end - nr_mono_now().ns;

		ret = atomic_load(&core->failed);
		if (ret == 0 && left <= 0)
			ret = -ETIMEDOUT;
		if (ret == 0)
			wait_a_while(core, left);
	}
	nr_require(pthread_mutex_unlock(&core->commit_lock) == 0);
	return ret;
}

/* ---- settings ---- */

int nr_core_settings(struct nr_core *core, struct nr_settings_file *file, struct nr_err *reterr)
{
	if (core->old == NULL)
		core->old = calloc(NR_CORE_RELOADS, sizeof(core->old[0]));
	if (core->old == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	if (core->n_old == NR_CORE_RELOADS)
		return nr_fail(reterr, NR_ELIMIT, "%d changes since the start: restart the hub",
			       NR_CORE_RELOADS);
	core->old[core->n_old++] = core->file;
	core->file = file;
	atomic_store(&core->set, nr_settings_of(file));
	return 0;
}

/* ---- copying ---- */

void nr_core_hold(struct nr_core *core)
{
	atomic_store(&core->hold_until_ns, nr_mono_now().ns + NR_CORE_HOLD_S * NR_NS_PER_S);
}

bool nr_core_is_held(const struct nr_core *core)
{
	return nr_mono_now().ns < atomic_load(&core->hold_until_ns);
}

void nr_core_rolled(struct nr_core *core, uint64_t wanted)
{
	nr_require(pthread_mutex_lock(&core->commit_lock) == 0);
	atomic_store(&core->roll_done, wanted);
	nr_require(pthread_cond_broadcast(&core->durable) == 0);
	nr_require(pthread_mutex_unlock(&core->commit_lock) == 0);
}

int nr_core_roll(struct nr_core *core, int timeout_ms, struct nr_err *reterr)
{
	int64_t end = nr_mono_now().ns + timeout_ms * INT64_C(1000000);
	uint64_t mine;
	int ret = 0;

	nr_core_hold(core);
	if (core->alone)
		return nr_journal_roll(core->journal, reterr);
	mine = atomic_fetch_add(&core->roll_wanted, 1) + 1;
	nr_require(pthread_mutex_lock(&core->commit_lock) == 0);
	while (ret == 0 && atomic_load(&core->roll_done) < mine) {
		int64_t left = end - nr_mono_now().ns;

		ret = atomic_load(&core->failed);
		if (ret == 0 && left <= 0)
			ret = atomic_load(&core->disk_full) ? -ENOSPC : -ETIMEDOUT;
		if (ret == 0)
			wait_a_while(core, left);
	}
	nr_require(pthread_mutex_unlock(&core->commit_lock) == 0);
	return ret < 0 ? nr_fail(reterr, ret, "the journal does not close its segment: %s",
				 nr_err_text(ret))
		       : 0;
}

/* ---- opening ---- */

static int save_ledger(void *ctx, struct nr_buf *out)
{
	const struct nr_core *core = ctx;

	return nr_ledger_save(core->ledger, out);
}

static int recover_entry(struct nr_core *core, const struct nr_entry *entry, bool first,
			 struct nr_err *reterr)
{
	int ret;

	if (first && entry->type == NR_ENTRY_LEDGER && entry->text.text.n > 0)
		ret = nr_ledger_load(core->ledger, entry->text.text, reterr);
	else {
		ret = nr_ledger_apply(core->ledger, entry);
		if (ret < 0)
			(void)nr_fail(reterr, ret,
				      "journal: place %llu does not fit the ledger: %s",
				      (unsigned long long)entry->at, nr_err_text(ret));
	}
	return ret == 0 ? nr_watch_replay(core->watch, entry) : ret;
}

/* Ledger and watch as they stood: from the ledger that opens the last segment on. */
static int recover(struct nr_core *core, struct nr_err *reterr)
{
	struct nr_journal_reader *reader;
	struct nr_entry entry;
	bool first = true;
	int ret;

	if (core->recovery.last_at == 0)
		return 0;
	ret = nr_journal_reader_open(core->journal_dir, core->recovery.ledger_at, core->journal,
				     &reader, reterr);
	if (ret < 0)
		return ret;
	while ((ret = nr_journal_reader_next(reader, &entry, reterr)) > 0) {
		ret = recover_entry(core, &entry, first, reterr);
		if (ret < 0)
			break;
		first = false;
	}
	nr_journal_reader_close(reader);
	return ret;
}

static int open_journal(struct nr_core *core, struct nr_err *reterr)
{
	struct nr_watch_options watch = {
		.lateness_ns = core->set->lateness_s * NR_NS_PER_S,
		.silence_ns = core->set->silence_s * NR_NS_PER_S,
		.emit = emit,
		.ctx = core,
	};
	struct nr_journal_options journal = {
		.dir = core->journal_dir,
		.segment_bytes = (uint64_t)core->set->segment_mib << 20,
		.reserve_bytes = (uint64_t)core->set->reserve_mib << 20,
		.key = &core->keys.journal,
		.ledger = save_ledger,
		.ledger_ctx = core,
	};
	int ret = nr_ledger_new(&core->ledger);

	if (ret == 0)
		ret = nr_watch_new(&watch, &core->watch);
	if (ret < 0)
		return nr_fail(reterr, ret, "%s", nr_err_text(ret));
	ret = nr_journal_open(&journal, &core->journal, &core->recovery, reterr);
	return ret < 0 ? ret : recover(core, reterr);
}

static int open_registry(struct nr_core *core, struct nr_err *reterr)
{
	struct nr_registry_act act = { .actor = "hub", .now = nr_time_now() };
	struct nr_registry_member member;
	char path[NR_HOME_PATH];
	int ret;

	nr_home_path(core->home.dir, "registry.db", path);
	ret = nr_registry_open(path, &core->registry, reterr);
	if (ret == 0)
		ret = nr_registry_meta(core->registry, "uuid", core->uuid, sizeof(core->uuid),
				       reterr);
	if (ret == 0)
		ret = nr_registry_meta(core->registry, "name", core->name, sizeof(core->name),
				       reterr);
	if (ret == 0)
		ret = nr_registry_meta(core->registry, "epoch", core->epoch, sizeof(core->epoch),
				       reterr);
	if (ret == 0) /* a hub of before there were members has none yet */
		ret = nr_registry_operator_make(core->registry, core->name, &act, &member, reterr);
	return ret;
}

/* What is derived may have been deleted, folder and all. */
static int make_derived(const char *dir, struct nr_err *reterr)
{
	static const char *const folders[] = { "store", "snapshots" };
	char path[NR_HOME_PATH];

	for (size_t i = 0; i < NR_COUNT(folders); i++) {
		nr_home_path(dir, folders[i], path);
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return nr_fail(reterr, -errno, "cannot make %s: %s", path,
				       nr_err_text(-errno));
	}
	return 0;
}

static int open_all(struct nr_core *core, const char *dir, struct nr_err *reterr)
{
	char path[NR_HOME_PATH];
	int ret = nr_crypt_init();

	if (ret < 0)
		return nr_fail(reterr, ret, "no random numbers");
	ret = nr_home_open(dir, &core->home, reterr);
	if (ret < 0)
		return ret;
	ret = make_derived(dir, reterr);
	if (ret < 0)
		return ret;
	nr_home_path(dir, "journal", core->journal_dir);
	nr_home_path(dir, "hub.yaml", path);
	ret = nr_settings_read(path, &core->file, reterr);
	if (ret == 0) {
		core->set = nr_settings_of(core->file);
		ret = nr_home_keys_read(dir, &core->keys, reterr);
	}
	if (ret == 0)
		ret = open_registry(core, reterr);
	return ret < 0 ? ret : open_journal(core, reterr);
}

int nr_core_open(const char *dir, struct nr_core **ret_core, struct nr_err *reterr)
{
	struct nr_core *core = calloc(1, sizeof(*core));
	int ret;

	if (core == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	core->home.lock_fd = -1;
	init_locks(core);
	nr_news_init(&core->news);
	ret = open_all(core, dir, reterr);
	if (ret < 0) {
		nr_core_close(core);
		return ret;
	}
	*ret_core = core;
	return 0;
}

struct nr_core *nr_core_close(struct nr_core *core)
{
	struct nr_err err;

	if (core == NULL)
		return NULL;
	if (core->journal != NULL && atomic_load(&core->failed) == 0 &&
	    nr_journal_waiting(core->journal) > 0 && nr_journal_commit(core->journal, &err) < 0)
		nr_log(NR_LOG_WARNING, "hub", "last_commit_failed", "error=%s", err.msg);
	/* A commit behind which another stands is proven by it: after a good end none is the last. */
	if (core->journal != NULL && atomic_load(&core->failed) == 0 &&
	    nr_journal_durable(core->journal) > core->recovery.last_at &&
	    nr_journal_roll(core->journal, &err) < 0)
		nr_log(NR_LOG_WARNING, "hub", "last_roll_failed", "error=%s", err.msg);
	nr_journal_close(core->journal);
	nr_watch_free(core->watch);
	nr_ledger_free(core->ledger);
	nr_registry_close(core->registry);
	nr_home_keys_done(&core->keys);
	nr_settings_free(core->file);
	for (size_t i = 0; i < core->n_old; i++)
		nr_settings_free(core->old[i]);
	free(core->old);
	nr_home_close(&core->home);
	nr_news_done(&core->news);
	(void)pthread_mutex_destroy(&core->ingest);
	(void)pthread_mutex_destroy(&core->commit_lock);
	(void)pthread_cond_destroy(&core->durable);
	free(core);
	return NULL;
}
