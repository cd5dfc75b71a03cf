/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two clocks
 *   elapsed  what passed between calls; a call that comes too late or too early for its place
 *            counts as half a second. Silence is measured in it: neither a step of the clock nor a
 *            pause of the machine silences a sensor.
 *   steady   the hub's clock without its steps; claims of sensors are judged by it. After a step it
 *            is kept right by the sensors, and follows the clock again when one agrees with it, or
 *            after ten minutes without another step.
 * Invariants
 * 1. The watermark only grows, and a sensor's claim moves it no further than the second that
 *    steady is in.
 * 2. What was said of a sensor (flags) is what the journal says: emit() first, then the flag.
 */
#include "orient/watch.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

static const int64_t LATENESS_NS = 3 * NR_NS_PER_S, SILENCE_NS = 60 * NR_NS_PER_S;
static const int64_t STEP_NS = 10 * NR_NS_PER_S; /* between two calls: more is a step */
static const int64_t TICK_NS = NR_NS_PER_S / 2;
static const int64_t SETTLE_NS = 600 * NR_NS_PER_S;
/* a second, the next one's batch, and the way; and how long a beat is worth something */
static const int64_t QUIET_NS = 1300 * (NR_NS_PER_S / 1000), FRESH_NS = 10 * NR_NS_PER_S;
static const int64_t OFF_NS = 2 * NR_NS_PER_S, GOOD_NS = NR_NS_PER_S;
static const int64_t START_NS = 10 * NR_NS_PER_S;
enum { OFF_BEATS = 3, ALONE_S = 10, FEW = 64 };

enum {
	STATED = 1, /* APPEARED was said */
	SILENT = 2,
	FROZEN = 4,
	CLOCK_OFF = 8,
	GONE = 16,
	KNOWN = 32, /* from before the start */
};

struct sensor {
	struct nr_uuid id;
	char name[NR_ENTRY_NAME];
	uint64_t monitored;
	int64_t batch, beat;	   /* elapsed; the last ones. beat: that had nothing outstanding */
	int64_t heard, heard_ns;   /* elapsed, clock */
	int64_t open;		   /* s; the next second still open. INT64_MIN: unknown */
	int64_t newest;		   /* s; newest tick received, as claimed */
	int64_t parser_ns, parser; /* its last sign of life, and when that was new: elapsed */
	int64_t offset_ns;	   /* said with CLOCK_OFF */
	uint8_t off_beats, flags;
};

struct nr_watch {
	struct nr_watch_options opt;
	struct nr_hash_key key;
	struct nr_table sensors;
	bool started;
	int64_t last_now, elapsed, steady, stepped; /* stepped: elapsed at the last step */
	int64_t watermark;
};

/* ---- life ---- */

static uint64_t sensor_hash(const void *entry, const void *ctx)
{
	uint64_t w[2];

	memcpy(w, entry, sizeof(w)); /* the UUID stands first */
	return nr_hash64(ctx, w[0], w[1]);
}
_Static_assert(offsetof(struct sensor, id) == 0, "hashed as the head of its entry");

static bool sensor_eq(const void *entry, const void *key)
{
	return memcmp(entry, key, NR_UUID_SIZE) == 0;
}

void nr_watch_set(struct nr_watch *watch, int64_t lateness_ns, int64_t silence_ns)
{
	watch->opt.lateness_ns = lateness_ns != 0 ? lateness_ns : LATENESS_NS;
	watch->opt.silence_ns = silence_ns != 0 ? silence_ns : SILENCE_NS;
}

int nr_watch_new(const struct nr_watch_options *options, struct nr_watch **ret_watch)
{
	struct nr_watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (watch == NULL)
		return -ENOMEM;
	watch->opt = *options;
	nr_watch_set(watch, options->lateness_ns, options->silence_ns);
	watch->watermark = INT64_MIN;
	watch->stepped = INT64_MIN / 2;
	r = nr_hash_key_random(&watch->key);
	if (r == 0)
		r = nr_table_init(&watch->sensors, sizeof(struct sensor), NR_WATCH_SENSORS,
				  sensor_hash, &watch->key);
	if (r < 0) {
		free(watch);
		return r;
	}
	*ret_watch = watch;
	return 0;
}

struct nr_watch *nr_watch_free(struct nr_watch *watch)
{
	if (watch != NULL)
		nr_table_done(&watch->sensors);
	free(watch);
	return NULL;
}

static struct sensor *sensor_get(struct nr_watch *watch, struct nr_uuid id)
{
	uint64_t hash = sensor_hash(&id, &watch->key);
	struct sensor *s = nr_table_find(&watch->sensors, hash, sensor_eq, &id);

	if (s != NULL || (s = nr_table_insert(&watch->sensors, hash)) == NULL)
		return s; /* one too many is not watched; the ledger refuses it anyway */
	s->id = id;
	s->open = s->newest = s->parser_ns = INT64_MIN;
	s->heard = s->parser = watch->elapsed;
	s->batch = s->beat = INT64_MIN / 2;
	s->heard_ns = watch->last_now;
	return s;
}

/* ---- saying ---- */

static int say(struct nr_watch *watch, const struct sensor *s, enum nr_sensor_event event,
	       int64_t value)
{
	struct nr_entry entry = { .type = NR_ENTRY_SENSOR,
				  .sensor = { .sensor = s->id,
					      .event = (uint8_t)event,
					      .monitored_v4 = s->monitored,
					      .value = value } };

	memcpy(entry.sensor.name, s->name, sizeof(entry.sensor.name));
	return watch->opt.emit(watch->opt.ctx, &entry);
}

static int say_flag(struct nr_watch *watch, struct sensor *s, enum nr_sensor_event event,
		    int64_t value, uint8_t flag)
{
	int r = say(watch, s, event, value);

	if (r < 0)
		return r;
	switch (event) {
	case NR_SENSOR_RETURNED:
	case NR_SENSOR_THAWED:
	case NR_SENSOR_CLOCK_GOOD:
		s->flags &= (uint8_t)~flag;
		break;
	case NR_SENSOR_APPEARED:
	case NR_SENSOR_SILENT:
	case NR_SENSOR_FROZEN:
	case NR_SENSOR_CLOCK_OFF:
	case NR_SENSOR_REVOKED:
		s->flags |= flag;
		break;
	case NR_SENSOR_MONITORED:
	case NR_SENSOR_CAUGHT_UP:
	case NR_SENSOR_EVENT_N:
		break;
	}
	return 0;
}

/* ---- time ---- */

static int64_t diff(int64_t a, int64_t b)
{
	int64_t d;

	return __builtin_sub_overflow(a, b, &d) ? (a < b ? INT64_MIN / 2 : INT64_MAX / 2) : d;
}

static void time_goes(struct nr_watch *watch, int64_t now)
{
	int64_t passed = diff(now, watch->last_now);

	if (!watch->started) {
		watch->started = true;
		watch->steady = now;
		passed = 0;
	}
	if (passed < 0 || passed > STEP_NS) {
		watch->stepped = watch->elapsed;
		passed = TICK_NS;
	}
	watch->last_now = now;
	watch->elapsed += passed;
	watch->steady += passed;
	if (watch->steady != now && watch->elapsed - watch->stepped > SETTLE_NS)
		watch->steady = now;
}

static int64_t steady_s(const struct nr_watch *watch)
{
	return nr_time_floor_s((struct nr_time){ watch->steady });
}

static int64_t shift_of(const struct sensor *s)
{
	return s->flags & CLOCK_OFF ? nr_watch_shift_s(s->offset_ns) : 0;
}

/*
 * All before second @p open (as claimed) has come. Nobody is believed to be ahead of us; what is
 * old holds nobody up.
 */
static void open_set(struct nr_watch *watch, struct sensor *s, int64_t open)
{
	int64_t now = steady_s(watch), is;

	if (__builtin_add_overflow(open, shift_of(s), &is) || is > now + 1)
		is = now + 1;
	if (is >= now - NR_WATCH_BACKLOG_NS / NR_NS_PER_S && is > s->open)
		s->open = is;
}

/* ---- the watermark ---- */

static bool is_followed(const struct sensor *s)
{
	return !(s->flags & (SILENT | FROZEN | GONE)) && s->open != INT64_MIN;
}

/*
 * Who had nothing outstanding at its last beat and sends no batches has none to send: what it could
 * have sent of a second would be here QUIET_NS after that second.
 */
static int64_t open_of(const struct nr_watch *watch, const struct sensor *s)
{
	int64_t quiet = nr_time_floor_s((struct nr_time){ watch->steady - QUIET_NS });

	if (watch->elapsed - s->beat > FRESH_NS || watch->elapsed - s->batch <= QUIET_NS)
		return s->open;
	return quiet > s->open ? quiet : s->open;
}

static int watermark_set(struct nr_watch *watch, int64_t tick)
{
	struct nr_entry entry = { .type = NR_ENTRY_WATERMARK, .watermark = { tick } };
	int r;

	if (tick <= watch->watermark)
		return 0;
	r = watch->opt.emit(watch->opt.ctx, &entry);
	if (r == 0)
		watch->watermark = tick;
	return r;
}

/*
 * After a start those who were there are given time to come back with what they have: what they
 * sent meanwhile would be late otherwise.
 */
static bool is_starting(const struct nr_watch *watch, int64_t newest, int64_t lateness_s)
{
	if (watch->elapsed >= START_NS)
		return false;
	for (uint32_t i = 0; i < watch->sensors.n; i++) {
		const struct sensor *s = nr_table_at(&watch->sensors, i);

		if (s->flags & KNOWN && !(s->flags & (SILENT | FROZEN | GONE)) &&
		    (newest == INT64_MIN || s->open < newest - lateness_s))
			return true;
	}
	return false;
}

static int watermark_move(struct nr_watch *watch)
{
	int64_t lateness_s = (watch->opt.lateness_ns + NR_NS_PER_S - 1) / NR_NS_PER_S;
	int64_t newest = INT64_MIN, smallest = INT64_MAX;

	for (uint32_t i = 0; i < watch->sensors.n; i++) {
		const struct sensor *s = nr_table_at(&watch->sensors, i);

		if (is_followed(s) && open_of(watch, s) > newest)
			newest = open_of(watch, s);
	}
	if (is_starting(watch, newest, lateness_s))
		return 0;
	if (newest == INT64_MIN) {
		/* nobody to wait for: what is open must end some time */
		int64_t alone = steady_s(watch) - lateness_s - 1;

		if (watch->sensors.n == 0 ||
		    (watch->watermark != INT64_MIN && alone < watch->watermark + ALONE_S))
			return 0;
		return watermark_set(watch, alone);
	}
	for (uint32_t i = 0; i < watch->sensors.n; i++) {
		const struct sensor *s = nr_table_at(&watch->sensors, i);

		int64_t open = open_of(watch, s);

		if (is_followed(s) && open >= newest - lateness_s && open < smallest)
			smallest = open;
	}
	return watermark_set(watch, smallest);
}

/* ---- what is heard ---- */

static int heard(struct nr_watch *watch, struct sensor *s, int64_t now)
{
	s->heard = watch->elapsed;
	s->heard_ns = now;
	if (!(s->flags & (SILENT | GONE)))
		return 0;
	return say_flag(watch, s, NR_SENSOR_RETURNED, 0, SILENT | GONE);
}

int nr_watch_batch(struct nr_watch *watch, struct nr_uuid sensor, int64_t last_tick, int64_t now)
{
	struct sensor *s;

	time_goes(watch, now);
	if ((s = sensor_get(watch, sensor)) == NULL)
		return 0;
	int r = heard(watch, s, now);

	if (r < 0)
		return r;
	bool held = s->open <= watch->watermark;

	s->open = open_of(watch, s);
	s->batch = watch->elapsed;
	s->newest = last_tick > s->newest ? last_tick : s->newest;
	open_set(watch, s, last_tick < INT64_MAX ? last_tick + 1 : last_tick);
	return held || watch->sensors.n <= FEW ? watermark_move(watch) : 0;
}

static int beat_clock(struct nr_watch *watch, struct sensor *s, int64_t offset)
{
	int64_t wall = offset < 0 ? diff(0, offset) : offset;

	if (wall <= OFF_NS) /* somebody agrees with the clock as it is now */
		watch->steady = watch->last_now;
	offset = diff(offset, diff(watch->last_now, watch->steady));
	int64_t off = offset < 0 ? diff(0, offset) : offset;
	int64_t moved = diff(offset, s->offset_ns);

	/*
	 * each step cost part of a second: while our clock is not believed, go with who was right
	 * until now
	 */
	if (watch->steady != watch->last_now && off <= OFF_NS && !(s->flags & CLOCK_OFF))
		watch->steady -= offset / 2;

	s->off_beats = off <= OFF_NS		  ? 0
		       : s->off_beats < OFF_BEATS ? (uint8_t)(s->off_beats + 1)
						  : OFF_BEATS;
	if (s->flags & CLOCK_OFF) {
		if (off < GOOD_NS)
			return say_flag(watch, s, NR_SENSOR_CLOCK_GOOD, offset, CLOCK_OFF);
		if (off <= OFF_NS || (moved >= -OFF_NS && moved <= OFF_NS))
			return 0;
	} else if (s->off_beats < OFF_BEATS) {
		return 0;
	}
	s->offset_ns = offset;
	return say_flag(watch, s, NR_SENSOR_CLOCK_OFF, offset, CLOCK_OFF);
}

static int beat_parser(struct nr_watch *watch, struct sensor *s, const struct nr_message_beat *beat)
{
	if (beat->parser_ns != s->parser_ns) {
		s->parser_ns = beat->parser_ns;
		s->parser = watch->elapsed;
		return s->flags & FROZEN ? say_flag(watch, s, NR_SENSOR_THAWED, 0, FROZEN) : 0;
	}
	if (s->flags & FROZEN || watch->elapsed - s->parser <= watch->opt.silence_ns)
		return 0;
	return say_flag(watch, s, NR_SENSOR_FROZEN, watch->last_now - (watch->elapsed - s->parser),
			FROZEN);
}

static int beat_addresses(struct nr_watch *watch, struct sensor *s, const char *name,
			  uint64_t monitored)
{
	bool other = s->monitored != monitored;

	s->monitored = monitored;
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
	if (!(s->flags & STATED))
		return say_flag(watch, s, NR_SENSOR_APPEARED, 0, STATED);
	return other ? say(watch, s, NR_SENSOR_MONITORED, 0) : 0;
}

int nr_watch_beat(struct nr_watch *watch, struct nr_uuid sensor, const char *name,
		  const struct nr_message_beat *beat, int64_t offset_ns, int64_t now)
{
	struct sensor *s;

	time_goes(watch, now);
	if ((s = sensor_get(watch, sensor)) == NULL)
		return 0;
	int r = beat_addresses(watch, s, name, beat->monitored_v4);

	if (r == 0)
		r = heard(watch, s, now);
	if (r == 0)
		r = beat_clock(watch, s, offset_ns);
	if (r == 0)
		r = beat_parser(watch, s, beat);
	if (r < 0)
		return r;
	/* It has told us of all that its parser has seen. */
	s->open = open_of(watch, s); /* until now it had nothing */
	s->beat = INT64_MIN / 2;
	if (beat->newest_tick > s->newest || s->flags & FROZEN)
		return 0;
	s->beat = watch->elapsed;
	open_set(watch, s, nr_time_floor_s((struct nr_time){ beat->parser_ns }));
	return 0;
}

int nr_watch_gone(struct nr_watch *watch, struct nr_uuid sensor, enum nr_sensor_event event,
		  int64_t now)
{
	struct sensor *s;

	time_goes(watch, now);
	if ((s = sensor_get(watch, sensor)) == NULL)
		return 0;
	return say_flag(watch, s, event, 0, event == NR_SENSOR_REVOKED ? GONE : 0);
}

int nr_watch_expect(struct nr_watch *watch, struct nr_uuid sensor, const char *name)
{
	struct sensor *s = sensor_get(watch, sensor);

	if (s == NULL)
		return NR_ELIMIT;
	s->flags |= KNOWN;
	if (s->name[0] == '\0')
		(void)snprintf(s->name, sizeof(s->name), "%s", name);
	return 0;
}

int nr_watch_tick(struct nr_watch *watch, int64_t now)
{
	time_goes(watch, now);
	for (uint32_t i = 0; i < watch->sensors.n; i++) {
		struct sensor *s = nr_table_at(&watch->sensors, i);

		if (s->flags & (SILENT | GONE) ||
		    watch->elapsed - s->heard <= watch->opt.silence_ns)
			continue;
		int r = say_flag(watch, s, NR_SENSOR_SILENT, s->heard_ns, SILENT);

		if (r < 0)
			return r;
		s->flags &= (uint8_t)~FROZEN; /* it is worse */
		s->open = INT64_MIN;
	}
	return watermark_move(watch);
}

/* ---- after a restart ---- */

static void replay_event(struct sensor *s, const struct nr_entry_sensor *what)
{
	switch ((enum nr_sensor_event)what->event) {
	case NR_SENSOR_APPEARED:
		s->flags = STATED;
		break;
	case NR_SENSOR_SILENT:
		s->flags = (uint8_t)((s->flags | SILENT) & ~FROZEN);
		break;
	case NR_SENSOR_RETURNED:
		s->flags &= (uint8_t) ~(SILENT | GONE);
		break;
	case NR_SENSOR_FROZEN:
		s->flags |= FROZEN;
		break;
	case NR_SENSOR_THAWED:
		s->flags &= (uint8_t)~FROZEN;
		break;
	case NR_SENSOR_CLOCK_OFF:
		s->flags |= CLOCK_OFF;
		s->offset_ns = what->value;
		break;
	case NR_SENSOR_CLOCK_GOOD:
		s->flags &= (uint8_t)~CLOCK_OFF;
		break;
	case NR_SENSOR_REVOKED:
		s->flags |= GONE;
		break;
	case NR_SENSOR_MONITORED:
	case NR_SENSOR_CAUGHT_UP:
	case NR_SENSOR_EVENT_N:
		break;
	}
}

int nr_watch_replay(struct nr_watch *watch, const struct nr_entry *entry)
{
	struct nr_batch_info info;
	struct sensor *s;

	if (entry->erased)
		return 0;
	if (entry->type == NR_ENTRY_WATERMARK && entry->watermark.tick > watch->watermark)
		watch->watermark = entry->watermark.tick;
	if (entry->type == NR_ENTRY_BATCH && !entry->batch.imported &&
	    nr_batch_peek(entry->batch.batch.payload, &info, NULL) == 0 &&
	    (s = sensor_get(watch, entry->batch.sensor)) != NULL)
		s->newest = info.last_tick > s->newest ? info.last_tick : s->newest;
	if (entry->type == NR_ENTRY_BATCH && !entry->batch.imported &&
	    (s = sensor_get(watch, entry->batch.sensor)) != NULL)
		s->flags |= KNOWN;
	if (entry->type != NR_ENTRY_SENSOR || (s = sensor_get(watch, entry->sensor.sensor)) == NULL)
		return 0;
	memcpy(s->name, entry->sensor.name, sizeof(s->name));
	s->name[sizeof(s->name) - 1] = '\0';
	s->monitored = entry->sensor.monitored_v4;
	replay_event(s, &entry->sensor);
	s->flags |= KNOWN;
	return 0;
}
