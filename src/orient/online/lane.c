/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lanes: where the rows of a batch go, when their seconds are closed, and what is told of them.
 */
#include "orient/online/online_int.h"

enum { DECODE = 64 };

/* ---- what is told ---- */

static const struct nr_uuid *sensor_uuid(const void *ctx, uint32_t number)
{
	const struct nr_online *online = ctx;

	return &((const struct online_sensor *)nr_table_at(&online->sensors, number))->id;
}

static int live_finding(void *ctx, const struct nr_finding *finding,
			const struct nr_sightings *seen_by)
{
	struct nr_online *online = ctx;
	struct nr_finding f = *finding;

	if (!online->ending)
		return online_say(online, finding, seen_by);
	f.state = NR_FINDING_ENDED;
	return strcmp(f.kind, "campaign") == 0
		       ? 0
		       : online_say(online, &f, seen_by); /* they end by themselves */
}

static int live_source(void *ctx, const struct nr_source *source, bool open)
{
	struct nr_online *online = ctx;
	int r = online_campaigns_source(online, source, open);

	if (r < 0 || open || online->opt.source == NULL)
		return r;
	return online->opt.source(online->opt.ctx, online->counts.at, source);
}

/* A lane of backlog tells each finding once: when it ends, or how it stood when the lane did. */
static int backlog_finding(void *ctx, const struct nr_finding *finding,
			   const struct nr_sightings *seen_by)
{
	struct nr_finding f = *finding;

	f.state = NR_FINDING_ENDED;
	return online_say(ctx, &f, seen_by);
}

static int backlog_source(void *ctx, const struct nr_source *source, bool open)
{
	struct nr_online *online = ctx;

	(void)open;
	return online->opt.source != NULL
		       ? online->opt.source(online->opt.ctx, online->counts.at, source)
		       : 0;
}

/* The UUID stands first in a sensor: online.c. */
static uint32_t sensor_number(const struct nr_uuid *sensor)
{
	return ((const struct online_sensor *)(const void *)sensor)->number;
}

/* ---- lanes ---- */

int online_lane_open(struct nr_online *online, struct online_lane *lane)
{
	bool live = lane == &online->live;
	size_t entries = online->opt.max_entries != 0 ? online->opt.max_entries : ONLINE_ENTRIES;
	struct nr_run_options options = {
		.prefixes = online->opt.prefixes,
		.benign = online->opt.benign,
		.monitored_v4 = live ? online->counts.monitored_v4 : 0,
		.max_entries = live ? entries : entries / 4,
		.key = online->key,
		.live = live,
		.detail = online->opt.source != NULL,
		.pool = online->pool,
		.sensor = sensor_uuid,
		.sensor_ctx = online,
		.number = sensor_number,
		.out = { .ctx = online,
			 .finding = live ? live_finding : backlog_finding,
			 .source = live ? live_source : backlog_source },
	};

	lane->watermark = INT64_MIN;
	lane->n_sensors = 0;
	return nr_run_new(&options, &lane->run);
}

static bool is_live(const struct nr_online *online, const struct online_lane *lane)
{
	return lane == &online->live;
}

static int run_rows(struct nr_online *online, struct online_lane *lane, int64_t now,
		    const struct nr_wait_second *rows, bool late)
{
	online->late = late || !is_live(online, lane);
	int r = nr_run_second(lane->run, now, rows);

	if (r == 0 && is_live(online, lane))
		r = online_campaigns_tell(online, now);
	online->late = false;
	return r;
}

/* Close the oldest second. */
static int close_oldest(struct nr_online *online, struct online_lane *lane)
{
	struct nr_wait_second *second = nr_wait_take(&lane->wait);
	int r = run_rows(online, lane, second->tick, second, false);

	lane->watermark = second->tick + 1;
	nr_wait_give(&lane->wait, second);
	return r;
}

/* Every second before @p tick. */
int online_lane_until(struct nr_online *online, struct online_lane *lane, int64_t tick)
{
	int r = 0;

	while (r == 0 && lane->wait.n_seconds > 0 && lane->wait.seconds[0]->tick < tick)
		r = close_oldest(online, lane);
	if (r == 0 && tick > lane->watermark) {
		lane->watermark = tick;
		r = run_rows(online, lane, tick, NULL, false);
	}
	return r;
}

static int make_room(struct nr_online *online, struct online_lane *lane)
{
	uint32_t max = online->opt.max_waiting != 0 ? online->opt.max_waiting : ONLINE_WAITING;
	int r = 0;

	if (!is_live(online, lane))
		max /= NR_ONLINE_LANES;
	while (r == 0 && lane->wait.n > max) {
		online->counts.early += lane->wait.seconds[0]->n;
		r = close_oldest(online, lane);
	}
	return r;
}

/* All that waits, then what stands. */
int online_lane_end(struct nr_online *online, struct online_lane *lane)
{
	int r = 0;

	while (r == 0 && lane->wait.n_seconds > 0)
		r = close_oldest(online, lane);
	online->late = !is_live(online, lane);
	online->ending = is_live(online, lane);
	if (r == 0 && is_live(online, lane))
		r = online_campaigns_end(online);
	if (r == 0)
		r = nr_run_finish(lane->run, lane->watermark - (lane->watermark != INT64_MIN));
	online->late = online->ending = false;
	lane->run = nr_run_free(lane->run);
	nr_wait_done(&lane->wait);
	return r;
}

/* The addresses of the sensors that share the lane. */
static void lane_count_addresses(struct nr_online *online, unsigned number)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < online->sensors.n; i++) {
		const struct online_sensor *s = nr_table_at(&online->sensors, i);

		if (s->lane == number + 1)
			n += s->lane_monitored < UINT32_MAX ? s->lane_monitored : UINT32_MAX;
	}
	nr_run_monitored(online->backlog[number].run, n);
}

/* A free lane, else the one with fewest sensors. */
static int lane_join(struct nr_online *online, struct online_sensor *s, uint64_t monitored)
{
	unsigned best = 0;

	for (unsigned i = 1; i < NR_ONLINE_LANES; i++)
		if (online->backlog[i].n_sensors < online->backlog[best].n_sensors)
			best = i;
	struct online_lane *lane = &online->backlog[best];

	if (lane->run == NULL) {
		int r = online_lane_open(online, lane);

		if (r < 0)
			return r;
		online->counts.lanes++;
	}
	lane->n_sensors++;
	s->lane = (uint8_t)(best + 1);
	s->lane_newest = INT64_MIN;
	s->lane_monitored = monitored != 0 ? monitored : s->monitored;
	lane_count_addresses(online, best);
	return 0;
}

int online_lane_leave(struct nr_online *online, struct online_sensor *s)
{
	unsigned number = s->lane - 1u;
	struct online_lane *lane = &online->backlog[number];

	s->lane = 0;
	if (--lane->n_sensors > 0) {
		lane_count_addresses(online, number);
		return 0;
	}
	online->counts.lanes--;
	return online_lane_end(online, lane);
}

/* In a lane a second is closed when all its sensors have sent newer ones. */
static int lane_go_on(struct nr_online *online, struct online_lane *lane)
{
	int64_t tick = INT64_MAX;
	unsigned number = (unsigned)(lane - online->backlog);

	for (uint32_t i = 0; i < online->sensors.n; i++) {
		const struct online_sensor *s = nr_table_at(&online->sensors, i);

		if (s->lane == number + 1)
			tick = s->lane_newest < tick ? s->lane_newest : tick;
	}
	return tick == INT64_MAX || tick == INT64_MIN ? 0 : online_lane_until(online, lane, tick);
}

/* ---- batches ---- */

struct arrival {
	struct nr_online *online;
	struct online_sensor *sensor;
	struct online_lane *lane;
	int64_t shift, newest_ok; /* s */
	struct nr_wait_second late;
};

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static int64_t event_second(const struct arrival *a, int64_t tick)
{
	tick = clamp(tick, -(int64_t)UINT32_MAX, 2 * (int64_t)UINT32_MAX) + a->shift;
	return tick > a->newest_ok + ONLINE_AHEAD_S ? a->newest_ok : tick;
}

static int row_take(struct arrival *a, struct nr_observation *row)
{
	struct nr_online *online = a->online;
	struct online_lane *lane = a->lane;

	row->tick = event_second(a, row->tick);
	if (!nr_wait_row_ok(row) || row->tick < 0 || row->tick > UINT32_MAX) {
		online->counts.refused++;
		return 0;
	}
	row->flags &= (uint8_t)~NR_OBS_MIRROR;
	online->counts.observations++;
	online->counts.backlog += !is_live(online, lane);
	if (row->tick < lane->watermark) {
		row->flags |= NR_OBS_LATE;
		online->counts.late++;
		return nr_wait_add_to(&lane->wait, &a->late, row, a->sensor->number);
	}
	if (!is_live(online, lane) && row->tick > a->sensor->lane_newest)
		a->sensor->lane_newest = row->tick;
	int r = nr_wait_add(&lane->wait, row, a->sensor->number);

	if (r != NR_ELIMIT)
		return r;
	online->counts.early += lane->wait.seconds[0]->n; /* too many seconds at once */
	r = close_oldest(online, lane);
	if (r == 0)
		r = row_take(a, row); /* there is room now: at most once */
	online->counts.observations--;
	online->counts.backlog -= !is_live(online, lane);
	return r;
}

static int rows_take(struct arrival *a)
{
	NR_UNINITIALIZED struct nr_observation rows[DECODE];
	size_t n;
	int r = 0;

	while (r == 0 && (n = nr_batch_decoder_next(a->online->decoder, rows, DECODE)) > 0)
		for (size_t i = 0; i < n && r == 0; i++)
			r = row_take(a, &rows[i]);
	if (r == 0 && a->late.n > 0)
		r = run_rows(a->online, a->lane, a->lane->watermark, &a->late, true);
	nr_wait_empty(&a->lane->wait, &a->late);
	return r;
}

/* Against event time, which the journal says; before there is any, against arrival. */
static bool is_backlog(const struct nr_online *online, const struct nr_entry_batch *batch,
		       int64_t last, int64_t arrived_s)
{
	int64_t now = online->live.watermark != INT64_MIN ? online->live.watermark : arrived_s;

	return batch->imported || last < now - NR_WATCH_BACKLOG_NS / NR_NS_PER_S;
}

static int lane_choose(struct arrival *a, const struct nr_entry_batch *batch,
		       const struct nr_batch_info *info)
{
	struct nr_online *online = a->online;
	struct online_sensor *s = a->sensor;
	bool backlog = is_backlog(online, batch, event_second(a, info->last_tick), a->newest_ok);
	int r = 0;

	a->lane = &online->live;
	if (backlog && s->lane == 0)
		r = lane_join(online, s, info->monitored_v4);
	else if (!backlog && s->lane != 0)
		r = online_lane_leave(online, s);
	if (backlog && r == 0)
		a->lane = &online->backlog[s->lane - 1];
	/* who never appeared by an entry still says how much he watches */
	if (!backlog && !(s->flags & SENSOR_STATED) && info->monitored_v4 != 0 &&
	    info->monitored_v4 != s->monitored) {
		s->monitored = info->monitored_v4;
		online_count_addresses(online);
	}
	return r;
}

/* What orient/watch said of its clock. An import has its own time. */
static int64_t shift_of(const struct online_sensor *s, const struct nr_entry_batch *batch)
{
	const struct self_issue *clock = &s->issues[SELF_CLOCK];

	return clock->is_open && !batch->imported ? nr_watch_shift_s(clock->offset_ns) : 0;
}

int online_batch(struct nr_online *online, const struct nr_entry *entry, int64_t arrived_ns,
		 struct nr_err *reterr)
{
	const struct nr_entry_batch *batch = &entry->batch;
	struct nr_batch_info info;
	struct arrival a = { .online = online };
	int r = nr_batch_decoder_open(online->decoder, batch->batch.payload, &info, reterr);

	if (r < 0) {
		online->counts.unusable += r != -ENOMEM;
		return r == -ENOMEM ? r : NR_EDAMAGED;
	}
	a.sensor = online_sensor_get(online, batch->sensor, true);
	if (a.sensor == NULL) {
		online->counts.refused += info.n_rows;
		return 0;
	}
	a.shift = shift_of(a.sensor, batch);
	a.newest_ok = arrived_ns / NR_NS_PER_S;
	if (online->live.watermark >
	    a.newest_ok) /* arrival stamps stand still when the hub's clock steps back */
		a.newest_ok = online->live.watermark;
	r = lane_choose(&a, batch, &info);
	if (r == 0)
		r = rows_take(&a);
	if (r == 0 && !is_live(online, a.lane))
		r = lane_go_on(online, a.lane);
	return r < 0 ? r : make_room(online, a.lane);
}
