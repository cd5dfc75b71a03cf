/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/ingest/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_WORK = 16, COMMIT_MS = 30000 };

struct work {
	bool used;
	char sensor_name[NR_REGISTRY_NAME];
	struct nr_registry_import row;
	uint64_t epoch, next_seq, last_at;
	int64_t used_ns;
	struct nr_digest last;
};

struct nr_import {
	struct nr_core *core;
	pthread_mutex_t lock; /* of works; taken before the core's */
	struct work works[AT_WORK];
};

int nr_import_new(struct nr_core *core, struct nr_import **ret_import)
{
	struct nr_import *import = calloc(1, sizeof(*import));

	if (import == NULL)
		return -ENOMEM;
	import->core = core;
	nr_require(pthread_mutex_init(&import->lock, NULL) == 0);
	*ret_import = import;
	return 0;
}

struct nr_import *nr_import_free(struct nr_import *import)
{
	if (import != NULL)
		(void)pthread_mutex_destroy(&import->lock);
	free(import);
	return NULL;
}

static void lock(struct nr_import *import)
{
	nr_require(pthread_mutex_lock(&import->lock) == 0);
}

static void unlock(struct nr_import *import)
{
	nr_require(pthread_mutex_unlock(&import->lock) == 0);
}

/* Positive as a signed number too, and not 0. */
static uint64_t epoch_of(const struct nr_digest *content)
{
	uint64_t v;

	memcpy(&v, content->b, sizeof(v));
	return (v >> 1) | 1;
}

static struct work *find(struct nr_import *import, struct nr_uuid sensor, uint64_t epoch)
{
	for (size_t i = 0; i < AT_WORK; i++)
		if (import->works[i].used && import->works[i].epoch == epoch &&
		    nr_uuid_eq(import->works[i].row.sensor, sensor))
			return &import->works[i];
	return NULL;
}

/*
 * A free place, or that of the import that was left alone longest: what is durable of it is found
 * again in the journal.
 */
static struct work *make_room(struct nr_import *import)
{
	uint64_t durable = nr_journal_durable(import->core->journal);
	struct work *oldest = NULL;

	for (size_t i = 0; i < AT_WORK; i++) {
		struct work *work = &import->works[i];

		if (!work->used)
			return work;
		if (work->last_at <= durable && (oldest == NULL || work->used_ns < oldest->used_ns))
			oldest = work;
	}
	return oldest;
}

static int put(struct nr_import *import, const struct work *work, struct nr_err *reterr)
{
	struct work *slot = make_room(import);

	if (slot == NULL)
		return nr_fail(reterr, -EBUSY, "%d imports are at work already", AT_WORK);
	*slot = *work;
	return 0;
}

/* ---- begin ---- */

static int sensor_of(struct nr_import *import, const char *name, const struct nr_registry_act *act,
		     struct nr_registry_sensor *ret_sensor, struct nr_err *reterr)
{
	struct nr_registry *registry = import->core->registry;
	int ret = nr_registry_sensor_named(registry, name, ret_sensor, reterr);

	if (ret == -ENOENT)
		ret = nr_registry_sensor_add(registry, name, NR_SENSOR_IMPORTED, act, ret_sensor,
					     reterr);
	if (ret == 0 && ret_sensor->state == NR_SENSOR_STATE_REVOKED)
		ret = nr_fail(reterr, -EACCES, "sensor '%s' is revoked", name);
	return ret;
}

/* How far it came before a crash: the journal knows. */
static int find_rest(struct nr_import *import, struct work *work, struct nr_err *reterr)
{
	struct nr_journal_reader *reader;
	struct nr_entry entry;
	int ret = nr_journal_reader_open(import->core->journal_dir, work->row.begun_at,
					 import->core->journal, &reader, reterr);

	if (ret < 0)
		return ret;
	while ((ret = nr_journal_reader_next(reader, &entry, reterr)) > 0) {
		const struct nr_entry_batch *batch = &entry.batch;

		if (entry.type != NR_ENTRY_BATCH || entry.erased || !batch->imported ||
		    batch->batch.epoch != work->epoch ||
		    !nr_uuid_eq(batch->sensor, work->row.sensor))
			continue;
		work->next_seq = batch->batch.seq + 1;
		work->last = nr_message_digest(&batch->batch);
		work->last_at = entry.at;
	}
	nr_journal_reader_close(reader);
	return ret;
}

static int begin_locked(struct nr_import *import, const struct nr_registry_sensor *sensor,
			struct work *work, const struct nr_registry_act *act, struct nr_err *reterr)
{
	struct nr_core *core = import->core;
	uint64_t here;
	int ret;

	/*
	 * What was appended and is not durable yet stands behind this place too: no import is
	 * among it but those at work.
	 */
	here = nr_journal_durable(core->journal) + 1;
	work->row.sensor = sensor->uuid;
	work->row.begun_at = here;
	ret = nr_registry_import_begin(core->registry, &work->row, act, reterr);
	if (ret < 0 || work->row.done || work->row.begun_at == here)
		return ret;
	return find_rest(import, work, reterr);
}

int nr_import_begin(struct nr_import *import, const char *sensor_name,
		    const struct nr_digest *content, const char *name,
		    const struct nr_registry_act *act, struct nr_import_begun *ret_begun,
		    struct nr_err *reterr)
{
	struct work work = {
		.used = true, .epoch = epoch_of(content), .next_seq = 1, .used_ns = nr_mono_now().ns
	};
	struct nr_registry_sensor sensor = { 0 };
	struct work *slot = NULL;
	int ret;

	work.row.digest = *content;
	(void)snprintf(work.row.name, sizeof(work.row.name), "%s", name);
	lock(import);
	ret = sensor_of(import, sensor_name, act, &sensor, reterr);
	if (ret == 0)
		slot = find(import, sensor.uuid, work.epoch);
	if (ret == 0 && slot == NULL) {
		(void)snprintf(work.sensor_name, sizeof(work.sensor_name), "%s", sensor.name);
		ret = begin_locked(import, &sensor, &work, act, reterr);
		if (ret == 0 && !work.row.done)
			ret = put(import, &work, reterr);
	} else if (slot != NULL)
		work = *slot;
	unlock(import);
	if (ret == 0)
		*ret_begun = (struct nr_import_begun){ .sensor = work.row.sensor,
						       .epoch = work.epoch,
						       .next_seq = work.next_seq,
						       .batches = work.row.batches,
						       .done = work.row.done };
	return ret;
}

/* ---- batches ---- */

static int append(struct nr_import *import, struct work *work, struct nr_bytes payload,
		  struct nr_err *reterr)
{
	struct nr_core *core = import->core;
	struct nr_entry entry = {
		.type = NR_ENTRY_BATCH,
		.batch = { .sensor = work->row.sensor,
			   .imported = 1,
			   .batch = { .epoch = work->epoch,
				      .seq = work->next_seq,
				      .previous = work->last,
				      .payload = payload } },
	};
	int ret;

	nr_core_lock(core);
	ret = nr_core_append(core, &entry);
	nr_core_unlock(core);
	if (ret < 0)
		return nr_fail(reterr, ret, "cannot append to the journal: %s", nr_err_text(ret));
	work->last = nr_message_digest(&entry.batch.batch);
	work->last_at = entry.at;
	work->next_seq++;
	work->used_ns = nr_mono_now().ns;
	return 0;
}

int nr_import_batch(struct nr_import *import, struct nr_uuid sensor, uint64_t epoch, uint64_t seq,
		    struct nr_bytes payload, uint64_t *ret_at, struct nr_err *reterr)
{
	struct nr_batch_info info;
	int ret = nr_batch_verify(payload, &info, reterr);

	if (ret == 0 && info.size != payload.n)
		ret = nr_fail(reterr, NR_EDAMAGED, "a batch of %zu bytes came as %zu", info.size,
			      payload.n);
	if (ret < 0)
		return ret;
	lock(import);
	struct work *work = find(import, sensor, epoch);

	if (work == NULL || seq > work->next_seq)
		ret = nr_fail(reterr, -EINVAL, "no import awaits batch %llu",
			      (unsigned long long)seq);
	else if (seq == work->next_seq)
		ret = append(import, work, payload, reterr);
	if (ret == 0 && work != NULL)
		*ret_at = work->last_at;
	unlock(import);
	return ret;
}

/* ---- end ---- */

static int append_caught_up(struct nr_import *import, struct work *work, struct nr_err *reterr)
{
	struct nr_core *core = import->core;
	struct nr_entry entry = { .type = NR_ENTRY_SENSOR,
				  .sensor = { .sensor = work->row.sensor,
					      .event = NR_SENSOR_CAUGHT_UP } };
	int ret;

	(void)snprintf(entry.sensor.name, sizeof(entry.sensor.name), "%s", work->sensor_name);
	nr_core_lock(core);
	ret = nr_core_append(core, &entry);
	nr_core_unlock(core);
	if (ret < 0)
		return nr_fail(reterr, ret, "cannot append to the journal: %s", nr_err_text(ret));
	work->last_at = entry.at;
	return 0;
}

int nr_import_end(struct nr_import *import, struct nr_uuid sensor, uint64_t epoch,
		  const struct nr_registry_act *act, uint64_t *ret_batches, struct nr_err *reterr)
{
	struct work *work, ended = { 0 };
	int ret = -ENOENT;

	lock(import);
	work = find(import, sensor, epoch);
	if (work != NULL) {
		ret = append_caught_up(import, work, reterr);
		ended = *work;
	}
	unlock(import);
	if (work == NULL)
		return nr_fail(reterr, ret, "no such import is at work");
	if (ret < 0)
		return ret;
	ret = nr_core_wait(import->core, ended.last_at, COMMIT_MS);
	if (ret < 0)
		return nr_fail(reterr, ret, "the journal did not commit: %s", nr_err_text(ret));
	ended.row.batches = ended.next_seq - 1;
	ret = nr_registry_import_end(import->core->registry, &ended.row, act, reterr);
	lock(import);
	if (ret == 0 && (work = find(import, sensor, epoch)) != NULL)
		work->used = false;
	unlock(import);
	if (ret == 0)
		*ret_batches = ended.row.batches;
	return ret;
}
