/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * core: what of a hub is durable, opened and recovered: directory, settings, keys, registry,
 * journal, ledger, watch. The hub runs on
 * it; a command uses it alone while no hub runs.
 *
 * Start    lock, version, settings, keys, registry, journal (its last segment is read), ledger
 *          and watch from there
 * Locks    ingest: ledger, watch and append() belong together. Taken before the registry's, never
 *          held over a commit.
 * Disk     full: appending says -ENOSPC until a commit works again
 */
#include <pthread.h>
#include <stdatomic.h>

#include "orient/watch.h"
#include "serve/hub/home.h"
#include "serve/hub/news.h"
#include "serve/hub/settings.h"
#include "store/journal.h"
#include "store/ledger.h"

enum { NR_CORE_HOLD_S = 600, NR_CORE_RELOADS = 1000 };

struct nr_core {
	struct nr_home home;
	struct nr_settings_file *file;
	_Atomic(const struct nr_settings *) set; /* changes by nr_core_settings() */
	struct nr_settings_file **old;		 /* of before, as somebody may be reading them */
	size_t n_old;
	struct nr_home_keys keys;
	struct nr_registry *registry;
	struct nr_journal *journal;
	struct nr_journal_recovery recovery;
	struct nr_ledger *ledger;
	struct nr_watch *watch;
	pthread_mutex_t ingest;	     /* ledger, watch, append() */
	pthread_mutex_t commit_lock; /* for durable */
	pthread_cond_t durable;	     /* broadcast when it moved, or appending failed */
	atomic_int failed;	     /* the journal's final error */
	atomic_bool disk_full;
	char journal_dir[NR_HOME_PATH];
	char uuid[NR_UUID_TEXT], name[NR_REGISTRY_NAME], epoch[NR_UUID_TEXT];
	struct nr_news news;			 /* for streams of events */
	bool alone;				 /* no hub runs: nr_core_wait() commits itself */
	_Atomic uint64_t roll_wanted, roll_done; /* by the journal's thread */
	_Atomic int64_t hold_until_ns;		 /* monotonic: nothing is erased before */
};

NR_MUST_CHECK int nr_core_open(const char *dir, struct nr_core **ret_core, struct nr_err *reterr);
/** Commits what waits, when it can. */
struct nr_core *nr_core_close(struct nr_core *core);

/**
 * Under the ingest lock: append, and tell the ledger. @return 0; -ENOSPC; -EWOULDBLOCK; the
 * journal's error
 */
NR_MUST_CHECK int nr_core_append(struct nr_core *core, struct nr_entry *entry);
void nr_core_lock(struct nr_core *core);
void nr_core_unlock(struct nr_core *core);

/**
 * Commit once, in the journal's own thread (or a command's): moves durable, wakes who waits.
 * @return as nr_journal_commit()
 */
NR_MUST_CHECK int nr_core_commit(struct nr_core *core, struct nr_err *reterr);
/** Until @p at is durable. @return 0; -ETIMEDOUT; the journal's error */
NR_MUST_CHECK int nr_core_wait(struct nr_core *core, uint64_t at, int timeout_ms);

/**
 * For who copies the journal: close the segment at work, and erase nothing for NR_CORE_HOLD_S from
 * now (a copy that goes on says so again). Any thread, and a command alone.
 * @return 0: whatever was durable before the call stands in closed segments; -ETIMEDOUT; -ENOSPC;
 * the journal's error
 */
NR_MUST_CHECK int nr_core_roll(struct nr_core *core, int timeout_ms, struct nr_err *reterr);
/** By the journal's thread: it closed a segment, for who wanted that up to @p wanted. */
void nr_core_rolled(struct nr_core *core, uint64_t wanted);
void nr_core_hold(struct nr_core *core);
bool nr_core_is_held(const struct nr_core *core);

/** From now on @p file, which is taken. One thread at a time. @return 0; NR_ELIMIT after NR_CORE_RELOADS */
NR_MUST_CHECK int nr_core_settings(struct nr_core *core, struct nr_settings_file *file,
				   struct nr_err *reterr);
