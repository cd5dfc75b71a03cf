/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/watch.h"

#include <stdio.h>

#include "base/cmocka.h"
#include "base/hash.h"

enum { T0 = 1767571200, SAID_MAX = 4096 };
#define S NR_NS_PER_S

struct said {
	struct nr_watch *watch;
	struct nr_entry entries[SAID_MAX];
	size_t n, n_watermarks;
	int64_t watermark;
	int64_t now;   /* true time, ns */
	int64_t clock; /* what the hub's clock is off by */
	uint64_t beats[256];
};

static int emit(void *ctx, const struct nr_entry *entry)
{
	struct said *said = ctx;

	if (entry->type == NR_ENTRY_WATERMARK) {
		assert_true(entry->watermark.tick > said->watermark);
		said->watermark = entry->watermark.tick;
		said->n_watermarks++;
		return 0;
	}
	assert_int_equal(entry->type, NR_ENTRY_SENSOR);
	assert_true(said->n < SAID_MAX);
	said->entries[said->n++] = *entry;
	return 0;
}

static struct nr_uuid id_of(unsigned i)
{
	return (struct nr_uuid){ { 7, (uint8_t)i, (uint8_t)(i >> 8) } };
}

static void begin(struct said *said)
{
	struct nr_watch_options options = { .emit = emit, .ctx = said };

	said->watermark = INT64_MIN;
	said->now = (int64_t)T0 * S;
	assert_int_equal(nr_watch_new(&options, &said->watch), 0);
}

static void end(struct said *said)
{
	said->watch = nr_watch_free(said->watch);
}

static int64_t clock_of(const struct said *said)
{
	return said->now + said->clock;
}

static void tick(struct said *said)
{
	assert_int_equal(nr_watch_tick(said->watch, clock_of(said)), 0);
}

struct beat {
	unsigned sensor;
	int64_t off;	/* hub minus sensor, ns */
	int64_t frozen; /* its parser stood still so long, ns */
	int64_t newest; /* s; 0: none */
	uint64_t monitored;
};

static void beat(struct said *said, const struct beat *b)
{
	int64_t sensor_clock = clock_of(said) - b->off;
	struct nr_message_beat m = { .beat = ++said->beats[b->sensor % 256],
				     .clock_ns = sensor_clock,
				     .newest_tick = b->newest != 0 ? b->newest : INT64_MIN,
				     .parser_ns = sensor_clock - b->frozen,
				     .monitored_v4 = b->monitored != 0 ? b->monitored : 256 };

	assert_int_equal(nr_watch_beat(said->watch, id_of(b->sensor), "one", &m, b->off,
				       clock_of(said)),
			 0);
}

static void batch(struct said *said, unsigned sensor, int64_t last_tick)
{
	assert_int_equal(nr_watch_batch(said->watch, id_of(sensor), last_tick, clock_of(said)), 0);
}

static size_t count(const struct said *said, enum nr_sensor_event event)
{
	size_t n = 0;

	for (size_t i = 0; i < said->n; i++)
		n += said->entries[i].sensor.event == event;
	return n;
}

/* Half seconds pass: each whole second the sensors of @p beats beat. */
static void pass(struct said *said, int64_t seconds, const struct beat *beats, size_t n)
{
	for (int64_t i = 0; i < seconds * 2; i++) {
		said->now += S / 2;
		for (size_t k = 0; k < n && i % 2 == 0; k++)
			beat(said, &beats[k]);
		tick(said);
	}
}

/* ---- silence ---- */

static void a_silent_sensor_is_said_within_sixty_seconds_and_once(void **state)
{
	struct said said = { 0 };
	struct beat one = { .sensor = 1 };

	(void)state;
	begin(&said);
	pass(&said, 5, &one, 1);
	assert_int_equal(count(&said, NR_SENSOR_APPEARED), 1);
	pass(&said, 59, NULL, 0);
	assert_int_equal(count(&said, NR_SENSOR_SILENT), 0);
	pass(&said, 3, NULL, 0);
	assert_int_equal(count(&said, NR_SENSOR_SILENT), 1);
	/* since when: its last beat */
	assert_true(said.entries[1].sensor.value >= (T0 + 4) * S &&
		    said.entries[1].sensor.value <= (T0 + 5) * S);
	pass(&said, 3600, NULL, 0);
	assert_int_equal(said.n, 2);
	beat(&said, &one);
	assert_int_equal(count(&said, NR_SENSOR_RETURNED), 1);
	assert_int_equal(said.entries[2].sensor.monitored_v4, 256);
	end(&said);
}

static void a_batch_is_a_sign_of_life(void **state)
{
	struct said said = { 0 };

	(void)state;
	begin(&said);
	batch(&said, 1, T0);
	for (int i = 0; i < 300; i++) {
		pass(&said, 1, NULL, 0);
		batch(&said, 1, T0 + i);
	}
	assert_int_equal(said.n, 0);
	pass(&said, 61, NULL, 0);
	assert_int_equal(count(&said, NR_SENSOR_SILENT), 1);
	batch(&said, 1, T0 + 400);
	assert_int_equal(count(&said, NR_SENSOR_RETURNED), 1);
	end(&said);
}

static void a_revoked_sensor_is_not_silent_besides(void **state)
{
	struct said said = { 0 };
	struct beat one = { .sensor = 1 };

	(void)state;
	begin(&said);
	pass(&said, 5, &one, 1);
	assert_int_equal(nr_watch_gone(said.watch, id_of(1), NR_SENSOR_REVOKED, said.now), 0);
	pass(&said, 600, NULL, 0);
	assert_int_equal(said.n, 2);
	assert_int_equal(said.entries[1].sensor.event, NR_SENSOR_REVOKED);
	end(&said);
}

/* ---- parser, clock, addresses ---- */

static void a_frozen_parser_is_said_and_thaws(void **state)
{
	struct said said = { 0 };

	(void)state;
	begin(&said);
	for (int64_t i = 0; i < 100; i++) {
		struct beat b = { .sensor = 1, .frozen = i * S };

		pass(&said, 1, &b, 1);
		assert_int_equal(count(&said, NR_SENSOR_FROZEN), i > 60);
	}
	assert_int_equal(count(&said, NR_SENSOR_SILENT), 0);
	assert_true(said.entries[1].sensor.value <= (T0 + 2) * S);
	struct beat good = { .sensor = 1 };

	pass(&said, 1, &good, 1);
	assert_int_equal(count(&said, NR_SENSOR_THAWED), 1);
	end(&said);
}

static void a_clock_is_off_after_three_beats_and_good_below_a_second(void **state)
{
	static const struct {
		int64_t off_ms;
		size_t n_off, n_good;
	} steps[] = {
		{ 0, 0, 0 },	  { 2500, 0, 0 },   { 2500, 0, 0 },  { 1900, 0, 0 },
		{ 2500, 0, 0 },	  { -2500, 0, 0 },  { 2500, 1, 0 },  { 2400, 1, 0 },
		{ 1500, 1, 0 },	  { 2500, 1, 0 },   { 1100, 1, 0 },  { 999, 1, 1 },
		{ 1900, 1, 1 },	  { -9000, 1, 1 },  { -9000, 1, 1 }, { -9000, 2, 1 },
		{ -10000, 2, 1 }, { -12000, 3, 1 }, /* so much further that it is said again */
		{ 0, 3, 2 },
	};
	struct said said = { 0 };

	(void)state;
	begin(&said);
	for (size_t i = 0; i < NR_COUNT(steps); i++) {
		/* another sensor agrees with the hub, so that it is not the hub's clock */
		struct beat b[] = { { .sensor = 2 },
				    { .sensor = 1, .off = steps[i].off_ms * 1000000 } };

		pass(&said, 1, b, 2);
		assert_int_equal(count(&said, NR_SENSOR_CLOCK_OFF), steps[i].n_off);
		assert_int_equal(count(&said, NR_SENSOR_CLOCK_GOOD), steps[i].n_good);
	}
	end(&said);
}

static void another_number_of_addresses_is_said_each_time(void **state)
{
	static const uint64_t n[] = { 256, 256, 200, 200, 256 };
	struct said said = { 0 };

	(void)state;
	begin(&said);
	for (size_t i = 0; i < NR_COUNT(n); i++) {
		struct beat b = { .sensor = 1, .monitored = n[i] };

		pass(&said, 1, &b, 1);
	}
	assert_int_equal(count(&said, NR_SENSOR_MONITORED), 2);
	assert_int_equal(said.entries[1].sensor.monitored_v4, 200);
	end(&said);
}

/* ---- watermarks ---- */

static void one_slow_sensor_among_five_is_waited_for_and_then_left_behind(void **state)
{
	struct said said = { 0 };

	(void)state;
	begin(&said);
	for (int64_t i = 0; i < 30; i++) {
		said.now = (T0 + i + 1) * S + S / 10;
		for (unsigned k = 1; k <= 5; k++)
			if (k != 5 || i < 10)
				batch(&said, k, T0 + i);
		tick(&said);
		if (i < 10)
			assert_int_equal(said.watermark, T0 + i + 1);
		else if (i < 13) /* waits for the fifth, which has closed T0 + 9 */
			assert_int_equal(said.watermark, T0 + 10);
		else if (i > 13)
			assert_int_equal(said.watermark, T0 + i + 1);
	}
	/* it comes back with what it had: late, and nobody waits for it */
	batch(&said, 5, T0 + 20);
	assert_int_equal(said.watermark, T0 + 30);
	end(&said);
}

static void old_data_holds_nobody_up(void **state)
{
	struct said said = { 0 };

	(void)state;
	begin(&said);
	for (int64_t i = 0; i < 30; i++) {
		said.now = (T0 + i + 1) * S + S / 10;
		batch(&said, 2, T0 - 86400 + i * 100); /* a spool */
		batch(&said, 1, T0 + i);
		tick(&said);
		assert_int_equal(said.watermark, T0 + i + 1);
	}
	end(&said);
}

static void a_quiet_sensor_that_beats_holds_nobody_up(void **state)
{
	struct said said = { 0 };

	(void)state;
	begin(&said);
	for (int64_t i = 0; i < 100; i++) {
		struct beat quiet = { .sensor = 2, .newest = i >= 50 ? T0 + 50 : 0 };

		said.now = (T0 + i + 1) * S + S / 10;
		batch(&said, 1, T0 + i);
		if (i == 50)
			batch(&said, 2, T0 + 50);
		beat(&said, &quiet);
		tick(&said);
		assert_true(said.watermark >= T0 + i);
	}
	end(&said);
}

/*
 * A packet in seven seconds, a beat in five: a second is closed 2.5 s after its end at the latest.
 */
static void a_quiet_sensor_that_beats_rarely_costs_a_second(void **state)
{
	struct said said = { 0 };
	int64_t newest = 0;

	(void)state;
	begin(&said);
	for (int64_t i = 0; i < 200; i++) {
		said.now = (T0 + i + 1) * S + S / 10;
		batch(&said, 1, T0 + i);
		if (i % 7 == 0)
			batch(&said, 2, newest = T0 + i);
		if (i % 5 == 0) {
			struct beat quiet = { .sensor = 2, .newest = newest };

			beat(&said, &quiet);
		}
		tick(&said);
		said.now += S / 2;
		tick(&said);
		if (i > 10)
			assert_true(said.watermark >= T0 + i - 1);
	}
	/* but when a beat says that something is on its way, it is waited for */
	struct beat more = { .sensor = 2, .newest = T0 + 300 };

	beat(&said, &more);
	int64_t before = said.watermark;

	for (int64_t i = 200; i < 203; i++) { /* up to the lateness */
		said.now = (T0 + i + 1) * S + S / 10;
		batch(&said, 1, T0 + i);
		assert_int_equal(said.watermark, i < 202 ? before : T0 + i + 1);
	}
	end(&said);
}

static void without_live_sensors_time_goes_on(void **state)
{
	struct said said = { 0 };

	(void)state;
	begin(&said);
	pass(&said, 100, NULL, 0);
	assert_int_equal(said.n_watermarks, 0); /* nobody ever: nothing to say */
	batch(&said, 1, T0 + 99);
	assert_int_equal(said.watermark, T0 + 100);
	pass(&said, 55, NULL, 0);
	assert_int_equal(said.watermark, T0 + 100); /* it may still come */
	pass(&said, 600, NULL, 0);
	assert_true(said.watermark >= T0 + 730);
	end(&said);
}

static void a_fast_clock_moves_the_watermark_no_further_than_the_hubs(void **state)
{
	struct said said = { 0 };

	(void)state;
	begin(&said);
	for (int64_t i = 0; i < 20; i++) {
		struct beat fast = { .sensor = 2, .off = -3600 * S };

		said.now = (T0 + i + 1) * S + S / 10;
		batch(&said, 2, T0 + i + 3600);
		batch(&said, 1, T0 + i);
		beat(&said, &fast);
		tick(&said);
		assert_true(said.watermark <= T0 + i + 2);
	}
	assert_int_equal(count(&said, NR_SENSOR_CLOCK_OFF), 1);
	assert_int_equal(said.entries[1].sensor.value, -3600 * S);
	end(&said);
}

/* ---- restart ---- */

static void after_a_restart_nothing_is_said_twice(void **state)
{
	struct said before = { 0 }, after = { 0 };
	struct beat beats[] = { { .sensor = 1 },
				{ .sensor = 2, .off = 5 * S },
				{ .sensor = 3, .monitored = 77 } };

	(void)state;
	begin(&before);
	pass(&before, 70, beats, 3);
	pass(&before, 70, beats, 2); /* the third is silent by now */
	assert_int_equal(count(&before, NR_SENSOR_SILENT), 1);
	begin(&after);
	for (size_t i = 0; i < before.n; i++)
		assert_int_equal(nr_watch_replay(after.watch, &before.entries[i]), 0);
	struct nr_entry watermark = { .type = NR_ENTRY_WATERMARK, .watermark = { T0 + 139 } };

	assert_int_equal(nr_watch_replay(after.watch, &watermark), 0);
	assert_int_equal(nr_watch_expect(after.watch, id_of(1), "one"), 0);
	after.watermark = T0 + 139;
	after.now = before.now + 5 * S;
	pass(&after, 50, beats, 2);
	assert_int_equal(after.n, 0);
	assert_true(after.watermark > T0 + 139);
	pass(&after, 1, beats, 3);
	assert_int_equal(after.n, 1);
	assert_int_equal(after.entries[0].sensor.event, NR_SENSOR_RETURNED);
	end(&before);
	end(&after);
}

/* The hub was away for 20 s; its sensors come back at different times with what they have. */
static void after_a_restart_those_who_were_there_are_waited_for(void **state)
{
	struct said said = { 0 };

	(void)state;
	begin(&said);
	for (unsigned k = 1; k <= 3; k++)
		assert_int_equal(nr_watch_expect(said.watch, id_of(k), "x"), 0);
	said.watermark = T0 - 21;
	struct nr_entry w = { .type = NR_ENTRY_WATERMARK, .watermark = { T0 - 21 } };

	assert_int_equal(nr_watch_replay(said.watch, &w), 0);
	for (int64_t i = 0; i < 20; i++) {
		said.now = (T0 + i + 1) * S;
		for (unsigned k = 1; k <= 2; k++) /* the third does not come */
			for (int64_t t = i == k * 3 ? -20 : i; t <= i && i >= k * 3; t++)
				batch(&said, k, T0 + t);
		tick(&said);
		/* seven seconds in both are there, ten seconds in the third is left behind */
		assert_int_equal(said.watermark, i < 10 ? T0 - 21 : T0 + i + 1);
	}
	end(&said);
}

static void who_does_not_come_back_after_a_restart_is_silent(void **state)
{
	struct said said = { 0 };

	(void)state;
	begin(&said);
	assert_int_equal(nr_watch_expect(said.watch, id_of(9), "nine"), 0);
	pass(&said, 58, NULL, 0);
	assert_int_equal(said.n, 0);
	pass(&said, 5, NULL, 0);
	assert_int_equal(said.n, 1);
	assert_int_equal(said.entries[0].sensor.event, NR_SENSOR_SILENT);
	assert_string_equal(said.entries[0].sensor.name, "nine");
	end(&said);
}

/* ---- the hub's own clock: hostile input 42 ---- */

/* The hub's clock jumps; sensors keep true time, so their offset is what the hub's is wrong by. */
static void hostile_42_steps_of_the_hubs_clock_silence_nobody(void **state)
{
	static const int64_t jumps[] = {
		0,	    /* none */
		-T0,	    /* 1970 */
		380576448,  /* 2038-01-19T03:14:08 */
		2527395196, /* 2106-02-07T06:28:16 and a little */
		3600,	    -3600, 86400,
	};

	(void)state;
	for (size_t k = 0; k < NR_COUNT(jumps); k++) {
		struct said said = { 0 };
		struct beat b = { .sensor = 1 };

		begin(&said);
		for (int64_t i = 0; i < 300; i++) {
			bool wrong = i >= 100 && i < 200;

			said.clock = wrong ? jumps[k] * S : 0;
			b.off = said.clock;
			b.newest = T0 + i - 1;
			said.now = (T0 + i + 1) * S;
			batch(&said, 1, T0 + i);
			beat(&said, &b);
			tick(&said);
			said.now += S / 2;
			tick(&said);
			assert_true(said.watermark >= T0 + i && said.watermark <= T0 + i + 2);
		}
		assert_int_equal(said.n, 1);
		end(&said);
	}
}

static void hostile_42_an_hour_back_each_minute(void **state)
{
	struct said said = { 0 };
	struct beat b = { .sensor = 1 };

	(void)state;
	begin(&said);
	for (int64_t i = 0; i < 3600; i++) {
		said.clock = -(i / 60) * 3600 * S;
		b.off = said.clock;
		b.newest = T0 + i - 1;
		said.now = (T0 + i + 1) * S;
		batch(&said, 1, T0 + i);
		beat(&said, &b);
		tick(&said);
		assert_true(said.watermark >= T0 + i && said.watermark <= T0 + i + 2);
	}
	assert_int_equal(count(&said, NR_SENSOR_SILENT) + count(&said, NR_SENSOR_FROZEN), 0);
	assert_int_equal(count(&said, NR_SENSOR_CLOCK_OFF), 0);
	end(&said);
}

static void hostile_42_claims_at_the_ends_of_time_do_no_harm(void **state)
{
	static const int64_t ticks[] = {
		INT64_MIN,     INT64_MIN + 1, -1, 0, INT32_MAX, UINT32_MAX, 253402300799 /* 9999 */,
		INT64_MAX - 1, INT64_MAX
	};

	(void)state;
	for (size_t k = 0; k < NR_COUNT(ticks); k++) {
		struct said said = { 0 };

		begin(&said);
		for (int64_t i = 0; i < 10; i++) {
			struct nr_message_beat m = { .newest_tick = ticks[k],
						     .parser_ns = ticks[(k + (size_t)i) % 9],
						     .clock_ns = ticks[k] };

			said.now = (T0 + i + 1) * S;
			batch(&said, 1, T0 + i);
			batch(&said, 2, ticks[k]);
			assert_int_equal(nr_watch_beat(said.watch, id_of(2), "", &m, ticks[k],
						       said.now),
					 0);
			tick(&said);
			assert_true(said.watermark <= T0 + i + 2);
		}
		assert_true(said.watermark >= T0 + 6);
		end(&said);
	}
}

/* ---- a day ---- */

/* 100 sensors, a batch a second, beats with jitter and 5 % lost: not one alarm. */
static void a_day_of_a_hundred_sensors_has_no_false_alarm(void **state)
{
	enum { SENSORS = 100, DAY = 86400, BEAT_S = 10 };
	struct said said = { 0 };

	(void)state;
	begin(&said);
	for (int64_t i = 0; i < DAY; i++) {
		for (unsigned k = 0; k < SENSORS; k++) {
			uint64_t r = nr_mix64((uint64_t)i * SENSORS + k + 1);
			struct beat b = { .sensor = k + 1,
					  .off = (int64_t)(r >> 33) % 900000000 - 450000000,
					  .newest = T0 + i - 1 };

			said.now = (T0 + i + 1) * S + (int64_t)k * (S / 250) +
				   (int64_t)(r % 1000000);
			if (r % 100 >= 50) /* half of the seconds have no packet */
				batch(&said, k + 1, T0 + i);
			if ((i + k) % BEAT_S == 0 && (r >> 20) % 100 >= 5)
				beat(&said, &b);
		}
		said.now = (T0 + i + 1) * S + S / 2;
		tick(&said);
	}
	assert_int_equal(said.n, SENSORS); /* each appeared */
	assert_int_equal(count(&said, NR_SENSOR_APPEARED), SENSORS);
	assert_true(said.watermark >= T0 + DAY - 5);
	end(&said);
}

static void an_offset_is_corrected_by_whole_seconds(void **state)
{
	(void)state;
	assert_int_equal(nr_watch_shift_s(2499999999), 2);
	assert_int_equal(nr_watch_shift_s(2500000000), 3);
	assert_int_equal(nr_watch_shift_s(-2500000000), -3);
	assert_int_equal(nr_watch_shift_s(-2499999999), -2);
	assert_int_equal(nr_watch_shift_s(INT64_MIN), -9223372037);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_sensor_is_said_within_sixty_seconds_and_once),
		cmocka_unit_test(a_batch_is_a_sign_of_life),
		cmocka_unit_test(a_revoked_sensor_is_not_silent_besides),
		cmocka_unit_test(a_frozen_parser_is_said_and_thaws),
		cmocka_unit_test(a_clock_is_off_after_three_beats_and_good_below_a_second),
		cmocka_unit_test(another_number_of_addresses_is_said_each_time),
		cmocka_unit_test(one_slow_sensor_among_five_is_waited_for_and_then_left_behind),
		cmocka_unit_test(old_data_holds_nobody_up),
		cmocka_unit_test(a_quiet_sensor_that_beats_holds_nobody_up),
		cmocka_unit_test(a_quiet_sensor_that_beats_rarely_costs_a_second),
		cmocka_unit_test(without_live_sensors_time_goes_on),
		cmocka_unit_test(a_fast_clock_moves_the_watermark_no_further_than_the_hubs),
		cmocka_unit_test(after_a_restart_nothing_is_said_twice),
		cmocka_unit_test(after_a_restart_those_who_were_there_are_waited_for),
		cmocka_unit_test(who_does_not_come_back_after_a_restart_is_silent),
		cmocka_unit_test(hostile_42_steps_of_the_hubs_clock_silence_nobody),
		cmocka_unit_test(hostile_42_an_hour_back_each_minute),
		cmocka_unit_test(hostile_42_claims_at_the_ends_of_time_do_no_harm),
		cmocka_unit_test(a_day_of_a_hundred_sensors_has_no_false_alarm),
		cmocka_unit_test(an_offset_is_corrected_by_whole_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
