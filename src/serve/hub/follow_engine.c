/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's thread: journal -> online -> revisions -> registry, and snapshots.
 * Invariant  place of a snapshot <= place in the registry: what is replayed after a restart was
 *            said already, or comes anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "orient/enrich/benign.h"
#include "orient/enrich/locate.h"
#include "orient/enrich/prefixes.h"
#include "serve/hub/follow.h"
#include "serve/hub/snapshot.h"
#include "store/registry_ask.h"
#include "store/registry_idempotency.h"

enum {
	PENDING_MAX = 512, /* revisions in one transaction */
	PENDING_TEXT = 16 << 20,
	WAIT_MS = 250,
	FLUSH_MS = 400,
	PLACE_S = 10, /* the place alone is worth an fsync only now and then */
	PATH_MAX_ = 4096,
	INPUT_MAX = 8192,
	RETAIN_S = 600,
};

struct pending {
	uint64_t at;
	uint32_t revision;
	size_t id, id_n, json, json_n, seen, seen_n, subject, subject_n; /* in the text */
	const char *detector, *state;
};

struct nr_engine_follower {
	struct nr_core *core;
	struct nr_online *online;
	struct nr_prefixes *prefixes;
	struct nr_benign_lists *benign;
	struct nr_benign_lists *coming; /* under lock: these from place coming_at on */
	uint64_t coming_at;
	atomic_bool has_coming;
	struct nr_journal_reader *reader;
	char snapshots[NR_HOME_PATH];
	struct pending *pending;
	size_t n_pending;
	struct nr_buf text;
	uint64_t at, written_at; /* fed; in the registry */
	int64_t flushed_ns, placed_ns, snapshot_ns, retained_ns;
	uint64_t bytes; /* of payload since the last snapshot */
	pthread_t thread;
	bool runs;
	atomic_bool stopping;
	pthread_mutex_t lock; /* of counts */
	struct nr_follow_counts counts;
	struct nr_online_counts online_counts;
};

/* ---- revisions ---- */

static const char *state_name(uint8_t state)
{
	switch ((enum nr_revision_state)state) {
	case NR_REVISION_NEW:
		return "new";
	case NR_REVISION_CONTINUING:
		return "continuing";
	case NR_REVISION_ENDED:
		return "ended";
	case NR_REVISION_WITHDRAWN:
		return "withdrawn";
	}
	return "new";
}

static int flush(struct nr_engine_follower *engine)
{
	struct nr_registry_finding *rows;
	struct nr_err err;
	int64_t added;

	if (engine->n_pending == 0 && engine->written_at == engine->at)
		return 0;
	rows = calloc(engine->n_pending + 1, sizeof(*rows));
	if (rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < engine->n_pending; i++) {
		const struct pending *p = &engine->pending[i];
		const char *text = (const char *)engine->text.p;

		rows[i] = (struct nr_registry_finding){
			.at = p->at,
			.revision = p->revision,
			.id = { text + p->id, p->id_n },
			.detector = nr_str_from(p->detector),
			.state = nr_str_from(p->state),
			.json = { text + p->json, p->json_n },
			.subject = { text + p->subject, p->subject_n },
			.sightings = { text + p->seen, p->seen_n }
		};
	}
	added = nr_registry_findings_add(engine->core->registry, rows, engine->n_pending,
					 engine->at, nr_time_now(), &err);
	free(rows);
	if (added < 0) {
		nr_log(NR_LOG_ERROR, "engine", "findings_not_written", "error=%s", err.msg);
		return (int)added;
	}
	if (added > 0)
		nr_news_tell(&engine->core->news, NR_NEWS_FINDINGS);
	engine->n_pending = 0;
	nr_buf_reset(&engine->text);
	engine->written_at = engine->at;
	engine->flushed_ns = engine->placed_ns = nr_mono_now().ns;
	nr_require(pthread_mutex_lock(&engine->lock) == 0);
	engine->counts.findings += (uint64_t)added;
	nr_require(pthread_mutex_unlock(&engine->lock) == 0);
	return 0;
}

static int on_revision(void *ctx, const struct nr_revision *revision)
{
	struct nr_engine_follower *engine = ctx;
	struct pending *p = &engine->pending[engine->n_pending];

	if (engine->n_pending >= PENDING_MAX || engine->text.n > PENDING_TEXT / 2) {
		/*
		 * In the middle of an entry: the place is that of the one before, so a crash
		 * repeats this one.
		 */
		int ret = flush(engine);

		if (ret < 0)
			return ret;
		p = &engine->pending[0];
	}
	*p = (struct pending){ .at = revision->at,
			       .revision = revision->number,
			       .id = engine->text.n,
			       .detector = revision->finding->detector,
			       .state = state_name(revision->state) };
	nr_buf_addf(&engine->text, "%016llx", (unsigned long long)revision->finding->id);
	p->id_n = engine->text.n - p->id;
	p->json = engine->text.n;
	nr_revision_json(revision, &engine->text);
	p->json_n = engine->text.n - p->json;
	p->seen = engine->text.n;
	nr_sightings_print(revision->seen_by.list, revision->seen_by.n, &engine->text);
	p->seen_n = engine->text.n - p->seen;
	p->subject = engine->text.n;
	nr_buf_add_str(&engine->text, nr_str_from(revision->finding->subject));
	p->subject_n = engine->text.n - p->subject;
	if (engine->text.err < 0)
		return engine->text.err;
	engine->n_pending++;
	return 0;
}

/* ---- snapshots ---- */

static void snapshot(struct nr_engine_follower *engine)
{
	struct nr_buf state;
	struct nr_err err = { 0 };
	int ret;

	engine->snapshot_ns = nr_mono_now().ns;
	engine->bytes = 0;
	if (engine->at == engine->counts.snapshot_at)
		return;
	nr_buf_init(&state, NR_SNAPSHOT_MAX - 4096);
	ret = nr_online_save(engine->online, &state);
	if (ret == 0)
		ret = nr_snapshot_write(engine->snapshots, engine->at,
					(struct nr_bytes){ state.p, state.n }, &err);
	if (ret < 0)
		nr_log(NR_LOG_WARNING, "engine", "no_snapshot", "error=%s",
		       err.code != 0 ? err.msg : nr_err_text(ret));
	nr_require(pthread_mutex_lock(&engine->lock) == 0);
	if (ret == 0) {
		engine->counts.snapshots++;
		engine->counts.snapshot_at = engine->at;
		engine->counts.snapshot_bytes = state.n;
	}
	nr_require(pthread_mutex_unlock(&engine->lock) == 0);
	nr_buf_done(&state);
}

static bool snapshot_due(const struct nr_engine_follower *engine)
{
	const struct nr_settings *set = engine->core->set;

	return engine->bytes >= (uint64_t)set->snapshot_mib << 20 ||
	       nr_mono_now().ns - engine->snapshot_ns >= set->snapshot_s * NR_NS_PER_S;
}

/* ---- opening ---- */

static int new_online(struct nr_engine_follower *engine, struct nr_err *reterr)
{
	struct nr_online_options options = {
		.prefixes = engine->prefixes,
		.benign = engine->benign,
		.n_workers = engine->core->set->workers,
		.max_entries = engine->core->set->entries,
		.max_waiting = engine->core->set->waiting,
		.revision = on_revision,
		.ctx = engine,
	};

	nr_online_free(engine->online);
	engine->online = NULL;
	return nr_online_new(&options, &engine->online, reterr);
}

/* The newest snapshot that can be used; none: from the beginning. */
static int load_snapshot(struct nr_engine_follower *engine, struct nr_err *reterr)
{
	struct nr_bytes state;
	struct nr_err why;
	uint64_t before = UINT64_MAX, at;
	int ret = new_online(engine, reterr);

	/* One from behind the journal's end is of another journal. */
	if (engine->core->recovery.last_at < UINT64_MAX)
		before = engine->core->recovery.last_at + 1;
	while (ret == 0 && nr_snapshot_read(engine->snapshots, before, &at, &state, &why) == 0) {
		int loaded = nr_online_load(engine->online, state, &why);

		free((void *)(uintptr_t)state.p);
		if (loaded == 0) {
			engine->at = engine->written_at = at;
			nr_require(pthread_mutex_lock(&engine->lock) == 0);
			engine->counts.at = engine->counts.snapshot_at = at;
			nr_require(pthread_mutex_unlock(&engine->lock) == 0);
			return 0;
		}
		nr_log(NR_LOG_NOTICE, "engine", "snapshot_left_aside", "at=%llu error=%s",
		       (unsigned long long)at, why.msg);
		before = at;
		ret = new_online(engine, reterr);
	}
	return ret;
}

/* ---- other lists while it runs: as a snapshot that is loaded at once ---- */

static int swap_online(struct nr_engine_follower *engine, struct nr_bytes state,
		       struct nr_err *reterr)
{
	struct nr_online *before = engine->online;
	int ret;

	engine->online = NULL;
	ret = new_online(engine, reterr);
	if (ret == 0)
		ret = nr_online_load(engine->online, state, reterr);
	if (ret < 0) {
		nr_online_free(engine->online);
		engine->online = before;
		return ret;
	}
	nr_online_free(before);
	return 0;
}

static void take_lists(struct nr_engine_follower *engine, struct nr_benign_lists *lists)
{
	struct nr_benign_lists *before = engine->benign;
	struct nr_err err = { 0 };
	struct nr_buf state;
	int ret;

	nr_buf_init(&state, NR_SNAPSHOT_MAX);
	ret = nr_online_save(engine->online, &state);
	engine->benign = lists;
	if (ret == 0)
		ret = swap_online(engine, (struct nr_bytes){ state.p, state.n }, &err);
	nr_buf_done(&state);
	if (ret < 0)
		engine->benign = before;
	nr_benign_free(ret < 0 ? lists : before);
	nr_log(ret < 0 ? NR_LOG_ERROR : NR_LOG_NOTICE, "engine",
	       ret < 0 ? "lists_not_taken" : "lists_taken", "at=%llu %s%s",
	       (unsigned long long)engine->at, ret < 0 ? "error=" : "",
	       ret < 0 ? (err.code != 0 ? err.msg : nr_err_text(ret)) : "");
}

/* Before place @p next is fed. */
static void look_for_lists(struct nr_engine_follower *engine, uint64_t next)
{
	struct nr_benign_lists *lists = NULL;

	if (!atomic_load(&engine->has_coming))
		return;
	nr_require(pthread_mutex_lock(&engine->lock) == 0);
	if (next >= engine->coming_at) {
		lists = engine->coming;
		engine->coming = NULL;
		atomic_store(&engine->has_coming, false);
	}
	nr_require(pthread_mutex_unlock(&engine->lock) == 0);
	if (lists != NULL)
		take_lists(engine, lists);
}

/* In the thread: a large snapshot takes its time, and acknowledging does not wait for it. */
static int open_engine(struct nr_engine_follower *engine, struct nr_err *reterr)
{
	int ret = load_snapshot(engine, reterr);

	if (ret == 0)
		ret = nr_journal_reader_open(engine->core->journal_dir, engine->at + 1,
					     engine->core->journal, &engine->reader, reterr);
	if (ret == 0)
		nr_log(NR_LOG_NOTICE, "engine", "started", "from=%llu durable=%llu",
		       (unsigned long long)engine->at,
		       (unsigned long long)nr_journal_durable(engine->core->journal));
	return ret;
}

/* ---- the thread ---- */

static void fail(struct nr_engine_follower *engine, const struct nr_err *err)
{
	nr_log(NR_LOG_ERROR, "engine", "stopped", "at=%llu error=%s",
	       (unsigned long long)engine->at, err->msg);
	nr_require(pthread_mutex_lock(&engine->lock) == 0);
	engine->counts.failed = true;
	memcpy(engine->counts.words, err->msg, sizeof(engine->counts.words) - 1);
	nr_require(pthread_mutex_unlock(&engine->lock) == 0);
}

static void count(struct nr_engine_follower *engine, const struct nr_entry *entry, bool used)
{
	nr_require(pthread_mutex_lock(&engine->lock) == 0);
	engine->counts.at = engine->at;
	engine->counts.entries++;
	engine->counts.left_out += !used;
	engine->counts.arrived_ns = entry->arrived_ns;
	nr_online_counts(engine->online, &engine->online_counts);
	nr_require(pthread_mutex_unlock(&engine->lock) == 0);
}

static int feed(struct nr_engine_follower *engine, const struct nr_entry *entry,
		struct nr_err *reterr)
{
	int ret = nr_online_feed(engine->online, entry, reterr);

	if (ret < 0 && ret != NR_EDAMAGED) {
		if (reterr->code != ret)
			(void)nr_fail(reterr, ret, "%s", nr_err_text(ret));
		return ret;
	}
	if (ret < 0)
		nr_log(NR_LOG_WARNING, "engine", "entry_left_out", "at=%llu error=%s",
		       (unsigned long long)entry->at, reterr->msg);
	engine->at = entry->at;
	if (entry->type == NR_ENTRY_BATCH && !entry->erased)
		engine->bytes += entry->batch.batch.payload.n;
	count(engine, entry, ret == 0);
	return 0;
}

/* What is there now. @return 0; negative: it cannot go on */
static int catch_up(struct nr_engine_follower *engine, struct nr_err *reterr)
{
	struct nr_entry entry;
	int ret = 0;

	while (!atomic_load(&engine->stopping)) {
		ret = nr_journal_reader_next(engine->reader, &entry, reterr);
		if (ret <= 0)
			break;
		if (entry.at <= engine->at)
			continue;
		look_for_lists(engine, entry.at);
		ret = feed(engine, &entry, reterr);
		if (ret < 0)
			return ret;
		if (nr_mono_now().ns - engine->flushed_ns >= FLUSH_MS * INT64_C(1000000) &&
		    engine->n_pending > 0 && flush(engine) < 0)
			return nr_fail(reterr, -EIO, "findings cannot be written");
		if (snapshot_due(engine) && flush(engine) == 0)
			snapshot(engine);
	}
	return ret < 0 ? ret : 0;
}

static void retain(struct nr_engine_follower *engine)
{
	uint32_t days = engine->core->set->journal_days;
	struct nr_time before = { nr_time_now().ns - days * INT64_C(86400) * NR_NS_PER_S };
	struct nr_err err;

	if (nr_mono_now().ns - engine->retained_ns < RETAIN_S * NR_NS_PER_S)
		return;
	engine->retained_ns = nr_mono_now().ns;
	if (days > 0 && nr_registry_findings_retain(engine->core->registry, before, &err) < 0)
		nr_log(NR_LOG_WARNING, "engine", "retention_failed", "error=%s", err.msg);
	if (nr_registry_requests_purge(engine->core->registry, nr_time_now(), &err) < 0 ||
	    nr_registry_asks_retain(engine->core->registry, nr_time_now(), &err) < 0)
		nr_log(NR_LOG_WARNING, "engine", "retention_failed", "error=%s", err.msg);
}

static void *engine_main(void *arg)
{
	struct nr_engine_follower *engine = arg;
	struct nr_err err = { 0 };

	if (open_engine(engine, &err) < 0) {
		fail(engine, &err);
		return NULL;
	}
	while (!atomic_load(&engine->stopping)) {
		if (catch_up(engine, &err) < 0) {
			fail(engine, &err);
			return NULL;
		}
		look_for_lists(engine, engine->at + 1);
		bool place_due = nr_mono_now().ns - engine->placed_ns >= PLACE_S * NR_NS_PER_S;

		/* A disk that is full now is tried again: what is pending stays. */
		if ((engine->n_pending > 0 || place_due) && flush(engine) == 0 &&
		    snapshot_due(engine))
			snapshot(engine);
		retain(engine);
		if (nr_core_wait(engine->core, engine->at + 1, WAIT_MS) < 0 &&
		    atomic_load(&engine->core->failed) < 0)
			break;
	}
	if (flush(engine) == 0)
		snapshot(engine);
	return NULL;
}

/* ---- start and stop ---- */

static int load_lists(const struct nr_settings *set, struct nr_benign_lists **ret_lists,
		      struct nr_err *reterr)
{
	struct nr_benign_lists *lists;
	int ret = nr_benign_new(&lists);

	if (ret < 0)
		return nr_fail(reterr, ret, "no memory");
	for (unsigned i = 0; ret == 0 && i < set->n_benign; i++)
		ret = nr_benign_add(lists, set->benign[i], reterr);
	if (ret < 0)
		nr_benign_free(lists);
	else
		*ret_lists = lists;
	return ret;
}

static int load_data(struct nr_engine_follower *engine, struct nr_err *reterr)
{
	const struct nr_settings *set = engine->core->set;
	const char *path = set->prefixes;
	char found[PATH_MAX_];
	int ret = 0;

	if (path == NULL && nr_locate(NR_LOCATE_PREFIXES, found, sizeof(found)) == 0)
		path = found;
	if (path != NULL && strcmp(path, "none") != 0)
		ret = nr_prefixes_load(path, &engine->prefixes, reterr);
	return ret < 0 ? ret : load_lists(set, &engine->benign, reterr);
}

/* What influences detection beside the observations is said in the journal, when it changes. */
static int note_input(struct nr_core *core, uint8_t type, const char *name, struct nr_str text,
		      uint64_t *ret_at, struct nr_err *reterr)
{
	struct nr_entry entry = { .type = type,
				  .text = { .text = { (const uint8_t *)text.p, text.n } } };
	struct nr_digest digest = nr_digest_of(text.p, text.n);
	char now[2 * NR_DIGEST_SIZE + 1], said[2 * NR_DIGEST_SIZE + 1] = "";

	for (size_t i = 0; i < sizeof(digest.b); i++)
		(void)snprintf(now + 2 * i, 3, "%02x", digest.b[i]);
	if (nr_registry_meta(core->registry, name, said, sizeof(said), NULL) == 0 &&
	    strcmp(now, said) == 0)
		return 0;
	nr_core_lock(core);
	int ret = nr_core_append(core, &entry);

	nr_core_unlock(core);
	if (ret < 0)
		return nr_fail(reterr, ret, "cannot append to the journal: %s", nr_err_text(ret));
	*ret_at = entry.at;
	return nr_registry_meta_set(core->registry, name, now, reterr);
}

/* @p ret_at: the place from which on @p lists are in use, when it is a new one. */
static int note_inputs(struct nr_engine_follower *engine, const struct nr_settings *set,
		       const struct nr_benign_lists *lists, uint64_t *ret_at, struct nr_err *reterr)
{
	uint64_t other;
	struct nr_buf text;
	int ret;

	nr_buf_init(&text, INPUT_MAX);
	nr_buf_addf(&text, "prefixes %s\nbenign_prefixes %u\n",
		    engine->prefixes != NULL ? nr_prefixes_version(engine->prefixes) : "none",
		    nr_benign_n_prefixes(lists));
	ret = note_input(engine->core, NR_ENTRY_DATA, "input_data", nr_buf_str(&text), ret_at,
			 reterr);
	nr_buf_reset(&text);
	nr_buf_addf(&text, "entries %u\nwaiting %u\nlateness_s %u\nsilence_s %u\n", set->entries,
		    set->waiting, set->lateness_s, set->silence_s);
	if (ret == 0)
		ret = note_input(engine->core, NR_ENTRY_CONFIG, "input_config", nr_buf_str(&text),
				 &other, reterr);
	nr_buf_done(&text);
	return ret;
}

static int start(struct nr_engine_follower *engine, struct nr_err *reterr)
{
	int ret = load_data(engine, reterr);
	uint64_t at;

	if (ret == 0)
		ret = note_inputs(engine, engine->core->set, engine->benign, &at, reterr);
	if (ret < 0)
		return ret;
	ret = pthread_create(&engine->thread, NULL, engine_main, engine);
	if (ret != 0)
		return nr_fail(reterr, -ret, "cannot start a thread: %s", nr_err_text(-ret));
	engine->runs = true;
	return 0;
}

int nr_follow_engine_start(struct nr_core *core, struct nr_engine_follower **ret_engine,
			   struct nr_err *reterr)
{
	struct nr_engine_follower *engine = calloc(1, sizeof(*engine));
	int ret = 0;

	if (engine != NULL)
		engine->pending = calloc(PENDING_MAX, sizeof(*engine->pending));
	if (engine == NULL || engine->pending == NULL) {
		free(engine);
		return nr_fail(reterr, -ENOMEM, "no memory");
	}
	engine->core = core;
	nr_buf_init(&engine->text, PENDING_TEXT);
	nr_require(pthread_mutex_init(&engine->lock, NULL) == 0);
	nr_home_path(core->home.dir, "snapshots", engine->snapshots);
	engine->flushed_ns = engine->placed_ns = engine->snapshot_ns = engine->retained_ns =
		nr_mono_now().ns;
	ret = start(engine, reterr);
	if (ret < 0) {
		nr_follow_engine_stop(engine);
		return ret;
	}
	*ret_engine = engine;
	return 0;
}

int nr_follow_engine_reload(struct nr_engine_follower *engine, const struct nr_settings *set,
			    struct nr_err *reterr)
{
	struct nr_benign_lists *lists = NULL;
	uint64_t at = 0;
	int ret = load_lists(set, &lists, reterr);

	if (ret < 0)
		return ret;
	ret = note_inputs(engine, set, lists, &at, reterr);
	if (ret < 0) {
		nr_benign_free(lists);
		return ret;
	}
	nr_require(pthread_mutex_lock(&engine->lock) == 0);
	nr_benign_free(engine->coming);
	engine->coming = lists;
	engine->coming_at = at;
	atomic_store(&engine->has_coming, true);
	nr_require(pthread_mutex_unlock(&engine->lock) == 0);
	return 0;
}

void nr_follow_engine_counts(struct nr_engine_follower *engine, struct nr_follow_counts *ret_counts,
			     struct nr_online_counts *ret_online)
{
	nr_require(pthread_mutex_lock(&engine->lock) == 0);
	*ret_counts = engine->counts;
	*ret_online = engine->online_counts;
	nr_require(pthread_mutex_unlock(&engine->lock) == 0);
}

const struct nr_prefixes *nr_follow_engine_prefixes(const struct nr_engine_follower *engine)
{
	return engine->prefixes;
}

struct nr_engine_follower *nr_follow_engine_stop(struct nr_engine_follower *engine)
{
	if (engine == NULL)
		return NULL;
	atomic_store(&engine->stopping, true);
	if (engine->runs)
		nr_require(pthread_join(engine->thread, NULL) == 0);
	nr_journal_reader_close(engine->reader);
	nr_online_free(engine->online);
	nr_prefixes_free(engine->prefixes);
	nr_benign_free(engine->benign);
	nr_benign_free(engine->coming);
	nr_buf_done(&engine->text);
	(void)pthread_mutex_destroy(&engine->lock);
	free(engine->pending);
	free(engine);
	return NULL;
}
