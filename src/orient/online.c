/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 * 1. Between two entries every second before live.watermark is fed, no outbox holds anything, and
 *    all that changed was said: what a snapshot has to hold is the lanes, the sensors and the
 *    numbers of what was said.
 * 2. Nothing here looks at a clock; arrival times come with the entries.
 *
 *   batch -> row, tick < watermark: late, at once ---------------.
 *            else waits in its second -- WATERMARK: oldest first -+-> run: advance, feed, report
 *                                                                      -> say -> revision()
 */
#include <stdlib.h>

#include "orient/online/online_int.h"

/* ---- sensors ---- */

uint64_t online_sensor_hash(const void *entry, const void *ctx)
{
	uint64_t w[2];

	memcpy(w, entry, sizeof(w)); /* the UUID stands first */
	return nr_hash64(ctx, w[0], w[1]);
}
_Static_assert(offsetof(struct online_sensor, id) == 0, "hashed as the head of its entry");

static bool sensor_eq(const void *entry, const void *key)
{
	return memcmp(entry, key, NR_UUID_SIZE) == 0;
}

struct online_sensor *online_sensor_get(struct nr_online *online, struct nr_uuid id, bool create)
{
	uint64_t hash = online_sensor_hash(&id, &online->key);
	struct online_sensor *s = nr_table_find(&online->sensors, hash, sensor_eq, &id);

	if (s == NULL && create && (s = nr_table_insert(&online->sensors, hash)) != NULL) {
		s->id = id;
		s->number = online->sensors.n - 1;
	}
	return s;
}

void online_count_addresses(struct nr_online *online)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < online->sensors.n; i++) {
		const struct online_sensor *s = nr_table_at(&online->sensors, i);

		if (!(s->flags & (SENSOR_SILENT | SENSOR_FROZEN | SENSOR_REVOKED)))
			n += s->monitored < UINT32_MAX ? s->monitored : UINT32_MAX;
	}
	online->counts.monitored_v4 = n;
	nr_run_monitored(online->live.run, n);
}

/* ---- saying ---- */

uint64_t online_said_hash(const void *entry, const void *ctx)
{
	return nr_hash64(ctx, ((const struct online_said *)entry)->id, 4);
}

static bool said_eq(const void *entry, const void *key)
{
	return ((const struct online_said *)entry)->id == *(const uint64_t *)key;
}

/* Half of those that are over, the oldest. */
static bool said_keep(void *entry, void *ctx)
{
	uint64_t *drop = ctx;

	if (((const struct online_said *)entry)->is_open || *drop == 0)
		return true;
	--*drop;
	return false;
}

static void said_trim(struct nr_online *online)
{
	uint64_t drop = online->n_over / 2;

	if (online->n_over < ONLINE_SAID_OVER)
		return;
	online->n_over -= drop;
	nr_table_sweep(&online->said, said_keep, &drop);
}

static enum nr_revision_state revision_state(const struct online_said *said,
					     const struct nr_finding *finding)
{
	switch ((enum nr_finding_state)finding->state) {
	case NR_FINDING_ENDED:
		return NR_REVISION_ENDED;
	case NR_FINDING_WITHDRAWN:
		return NR_REVISION_WITHDRAWN;
	case NR_FINDING_CONTINUING:
		break;
	}
	return said->is_open ? NR_REVISION_CONTINUING : NR_REVISION_NEW;
}

int online_say(struct nr_online *online, const struct nr_finding *finding,
	       const struct nr_sightings *seen_by)
{
	struct online_said fresh = { .id = finding->id };
	uint64_t hash = online_said_hash(&fresh, &online->key);

	said_trim(online);
	struct online_said *said = nr_table_find(&online->said, hash, said_eq, &finding->id);

	if (finding->state == NR_FINDING_WITHDRAWN && (said == NULL || !said->is_open))
		return 0;
	if (said == NULL) {
		said = nr_table_insert(&online->said, hash);
		if (said == NULL)
			said = &fresh; /* at the cap it is told all the same, and numbered 1 */
		*said = fresh;
	} else if (!said->is_open) {
		online->n_over--;
	}
	struct nr_revision revision = { .at = online->counts.at,
					.number = ++said->number,
					.state = (uint8_t)revision_state(said, finding),
					.late = online->late,
					.finding = finding,
					.seen_by = *seen_by };

	said->is_open = finding->state == NR_FINDING_CONTINUING;
	online->n_over += !said->is_open && said != &fresh;
	online->counts.revisions++;
	online->counts.findings += revision.number == 1;
	return online->opt.revision != NULL ? online->opt.revision(online->opt.ctx, &revision) : 0;
}

/* ---- entries ---- */

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static int feed_watermark(struct nr_online *online, int64_t tick)
{
	struct online_lane *live = &online->live;

	tick = clamp(tick, 0, UINT32_MAX);
	if (live->watermark != INT64_MIN && tick < live->watermark - ONLINE_BACK_S) {
		/*
		 * the hub's clock had been wrong, and says so by going back: nothing of that time
		 * can go on
		 */
		int r = online_lane_end(online, live);

		if (r == 0)
			r = online_lane_open(online, live);
		if (r < 0)
			return r;
	}
	return tick > live->watermark ? online_lane_until(online, live, tick) : 0;
}

static int feed_sensor(struct nr_online *online, const struct nr_entry *entry)
{
	struct online_sensor *s = online_sensor_get(online, entry->sensor.sensor, false);

	if (entry->sensor.event == NR_SENSOR_CAUGHT_UP && s != NULL && s->lane != 0)
		return online_lane_leave(online, s);
	return online_self_sensor(online, entry);
}

static int feed_entry(struct nr_online *online, const struct nr_entry *entry, int64_t arrived_ns,
		      struct nr_err *reterr)
{
	switch ((enum nr_entry_type)entry->type) {
	case NR_ENTRY_BATCH:
		return online_batch(online, entry, arrived_ns, reterr);
	case NR_ENTRY_GAP:
		return online_self_gap(online, entry);
	case NR_ENTRY_WATERMARK:
		return feed_watermark(online, entry->watermark.tick);
	case NR_ENTRY_SENSOR:
		return feed_sensor(online, entry);
	case NR_ENTRY_QUARANTINE:
		return online_self_conflict(online, entry);
	case NR_ENTRY_LEDGER:
	case NR_ENTRY_DATA:
	case NR_ENTRY_CONFIG:
		return 0;
	}
	online->counts.unusable++;
	return nr_fail(reterr, NR_EDAMAGED, "entry %llu has the unknown type %u",
		       (unsigned long long)entry->at, entry->type);
}

int nr_online_feed(struct nr_online *online, const struct nr_entry *entry, struct nr_err *reterr)
{
	struct nr_entry e = *entry;

	if (entry->at <= online->counts.at)
		return 0;
	e.arrived_ns = clamp(e.arrived_ns, 0, INT64_MAX / 2);
	online->counts.at = entry->at;
	if (entry->erased)
		return 0;
	int r = online_self_time(online, e.arrived_ns);

	return r < 0 ? r : feed_entry(online, &e, e.arrived_ns, reterr);
}

void nr_online_counts(const struct nr_online *online, struct nr_online_counts *ret_counts)
{
	*ret_counts = online->counts;
	ret_counts->watermark = online->live.watermark;
	ret_counts->sensors = online->sensors.n;
	ret_counts->waiting = online->live.wait.n;
	ret_counts->table_refused = nr_run_refused(online->live.run) + online->said.n_refused +
				    online->sensors.n_refused;
	for (unsigned i = 0; i < NR_ONLINE_LANES; i++) {
		if (online->backlog[i].run == NULL)
			continue;
		ret_counts->waiting += online->backlog[i].wait.n;
		ret_counts->table_refused += nr_run_refused(online->backlog[i].run);
	}
}

/* ---- life ---- */

struct nr_online *nr_online_free(struct nr_online *online)
{
	if (online == NULL)
		return NULL;
	nr_run_free(online->live.run);
	nr_wait_done(&online->live.wait);
	for (unsigned i = 0; i < NR_ONLINE_LANES; i++) {
		nr_run_free(online->backlog[i].run);
		nr_wait_done(&online->backlog[i].wait);
	}
	online_campaigns_done(&online->campaigns);
	nr_table_done(&online->sensors);
	nr_table_done(&online->said);
	nr_batch_decoder_free(online->decoder);
	nr_pool_free(online->pool);
	free(online);
	return NULL;
}

static int online_init(struct nr_online *online)
{
	int r = nr_hash_key_random(&online->key);

	if (r == 0)
		r = nr_pool_new(online->opt.n_workers, &online->pool);
	if (r == 0)
		r = nr_batch_decoder_new(&online->decoder);
	if (r == 0)
		r = nr_table_init(&online->sensors, sizeof(struct online_sensor), NR_WATCH_SENSORS,
				  online_sensor_hash, &online->key);
	if (r == 0)
		r = nr_table_init(&online->said, sizeof(struct online_said), NR_TABLE_MAX,
				  online_said_hash, &online->key);
	if (r == 0)
		r = online_campaigns_init(online);
	return r == 0 ? online_lane_open(online, &online->live) : r;
}

int nr_online_new(const struct nr_online_options *options, struct nr_online **ret_online,
		  struct nr_err *reterr)
{
	struct nr_online *online = calloc(1, sizeof(*online));

	if (online == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory for the engine");
	online->opt = *options;
	online->self_due = INT64_MAX;
	int r = online_init(online);

	if (r < 0) {
		nr_online_free(online);
		return nr_fail(reterr, r, "cannot start the engine: %s", nr_err_text(r));
	}
	*ret_online = online;
	return 0;
}
