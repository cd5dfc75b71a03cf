/* SPDX-License-Identifier: Apache-2.0 */
/* The on-line engine over small journals. Over whole worlds of the lab: learn/lab/test_online.c. */
#include "orient/online.h"

#include "orient/test_feed.h"
#include "orient/watch.h"

enum { T0 = 1767571200 };
#define S NR_NS_PER_S

/* ---- observations ---- */

/* An answer of a flooded victim to address @p i of 65,536. */
static struct nr_observation answer(uint32_t victim, uint32_t i, int64_t tick)
{
	uint64_t r = nr_mix64(i + 1);

	return (struct nr_observation){ .src = nr_ip_v4(victim),
					.dst = nr_ip_v4(0xc6120000 | (uint32_t)(r & 0xffff)),
					.tick = tick,
					.first = (uint32_t)(r >> 20) % 1000000000,
					.last = (uint32_t)(r >> 20) % 1000000000,
					.packets = 1,
					.bytes = 40,
					.sport = 443,
					.dport = (uint16_t)(r >> 44),
					.proto = 6,
					.tcp_flags = 18,
					.ttl_min = 50,
					.ttl_max = 50,
					.traffic_class = NR_CLASS_BACKSCATTER };
}

/* A probe of a bot. */
static struct nr_observation mirai(uint32_t bot, uint32_t i, int64_t tick)
{
	struct nr_observation o = answer(bot, i, tick);

	o.traffic_class = NR_CLASS_SCAN;
	o.tcp_flags = 2;
	o.sport = 40000;
	o.dport = 23;
	o.marks[NR_MARK_MIRAI] = 1;
	return o;
}

enum { VICTIM = 0x08090a0b, BOT = 0x0b0c0d0e, PER_SECOND = 20 };

/* One second of a flood and a bot; the sensors part the addresses. */
static size_t second_of(int64_t tick, unsigned sensor, unsigned n_sensors,
			struct nr_observation *rows)
{
	size_t n = 0;

	for (uint32_t i = 0; i < PER_SECOND; i++) {
		uint32_t k = (uint32_t)(tick - T0) * PER_SECOND + i;
		struct nr_observation o = i == 0 ? mirai(BOT, k, tick) : answer(VICTIM, k, tick);

		if (o.dst.b[15] % n_sensors + 1 == sensor)
			rows[n++] = o;
	}
	return n;
}

static void second_add(struct test_journal *j, int64_t tick, unsigned sensor, unsigned n_sensors)
{
	struct nr_observation rows[PER_SECOND];
	size_t n = second_of(tick, sensor, n_sensors, rows);

	test_journal_rows(j, sensor, false, rows, n);
}

static void appear(struct test_journal *j, unsigned n_sensors)
{
	j->arrived_ns = (int64_t)T0 * S;
	for (unsigned k = 1; k <= n_sensors; k++)
		test_journal_event(j, k, NR_SENSOR_APPEARED, 65536 / n_sensors, 0);
}

static struct nr_online_counts counts_of(const struct test_live *live)
{
	struct nr_online_counts counts;

	nr_online_counts(live->online, &counts);
	return counts;
}

static size_t count_text(const struct nr_buf *buf, const char *text)
{
	size_t n = 0, len = strlen(text);

	for (size_t i = 0; buf->p != NULL && i + len <= buf->n; i++)
		n += memcmp(buf->p + i, text, len) == 0;
	return n;
}

/* ---- order ---- */

static void the_order_in_which_batches_of_a_second_arrive_changes_nothing(void **state)
{
	struct test_live lives[2] = { 0 };

	(void)state;
	for (unsigned way = 0; way < 2; way++) {
		struct test_journal j = { 0 };

		appear(&j, 5);
		for (int64_t t = 0; t < 200; t++) {
			j.arrived_ns = (T0 + t + 1) * S;
			for (unsigned k = 1; k <= 5; k++)
				second_add(&j, T0 + t, way == 0 ? k : 6 - k, 5);
			test_journal_watermark(&j, T0 + t + 1);
		}
		lives[way].workers = 1 + way;
		test_live_run(&lives[way], &j);
		test_journal_done(&j);
	}
	assert_int_equal(lives[0].n[NR_REVISION_NEW], 3); /* attack, infection, campaign of one */
	assert_true(lives[0].n[NR_REVISION_CONTINUING] > 2);
	test_expect_text("revisions", &lives[0].lines, &lives[1].lines);
	test_live_done(&lives[0]);
	test_live_done(&lives[1]);
}

static void nothing_is_known_before_the_watermark_and_a_place_counts_once(void **state)
{
	struct test_journal j = { 0 };
	struct test_live live = { 0 };

	(void)state;
	appear(&j, 1);
	for (int64_t t = 0; t < 100; t++)
		second_add(&j, T0 + t, 1, 1);
	size_t before = j.n;

	test_journal_watermark(&j, T0 + 100);
	test_live_start(&live);
	test_live_feed(&live, &j, 0, before);
	assert_int_equal(live.lines.n, 0);
	assert_int_equal(counts_of(&live).waiting, 100 * PER_SECOND);
	test_live_feed(&live, &j, 0, j.n); /* all of it again, and the watermark */
	assert_int_equal(counts_of(&live).observations, 100 * PER_SECOND);
	assert_int_equal(counts_of(&live).waiting, 0);
	assert_int_equal(counts_of(&live).at, j.n);
	assert_true(live.n[NR_REVISION_NEW] >= 2);
	test_live_done(&live);
	test_journal_done(&j);
}

static void too_many_that_wait_go_in_early_and_the_rest_of_their_second_late(void **state)
{
	struct test_journal j = { 0 };
	struct test_live live = { .max_waiting = 100 };

	(void)state;
	appear(&j, 1);
	for (int64_t t = 0; t < 10; t++)
		second_add(&j, T0 + t, 1, 1);
	second_add(&j, T0, 1, 1);
	test_live_run(&live, &j);
	assert_int_equal(counts_of(&live).early, 5 * PER_SECOND);
	assert_int_equal(counts_of(&live).late, PER_SECOND);
	assert_int_equal(counts_of(&live).watermark, T0 + 5);
	test_live_done(&live);
	test_journal_done(&j);
}

static void a_thousand_seconds_at_once_fit_no_more(void **state)
{
	struct test_journal j = { 0 };
	struct test_live live = { 0 };

	(void)state;
	appear(&j, 1);
	for (int64_t t = 0; t < 1100; t++) {
		struct nr_observation o = mirai(BOT, (uint32_t)t, T0 + t);

		j.arrived_ns = (T0 + t) * S;
		test_journal_rows(&j, 1, false, &o, 1);
	}
	test_live_run(&live, &j);
	assert_int_equal(counts_of(&live).observations, 1100);
	assert_int_equal(counts_of(&live).early, 1100 - 1024);
	assert_int_equal(counts_of(&live).waiting, 1024);
	test_live_done(&live);
	test_journal_done(&j);
}

/* ---- what cannot be ---- */

static void rows_that_cannot_be_are_refused_and_counted(void **state)
{
	struct test_journal j = { 0 };
	struct test_live live = { 0 };
	struct nr_observation rows[6];

	(void)state;
	appear(&j, 1);
	for (size_t i = 0; i < NR_COUNT(rows); i++)
		rows[i] = mirai(BOT, (uint32_t)i, T0);
	rows[1].traffic_class = NR_CLASS_N;
	rows[2].tick = -5;
	rows[3].packets = 0;
	rows[4].tick = T0 + 86400; /* a minute ahead of arrival at most: the second of arrival */
	rows[5].flags = NR_OBS_MIRROR; /* ours to set */
	test_journal_rows(&j, 1, false, rows, NR_COUNT(rows));
	test_journal_watermark(&j, T0 + 1);
	test_live_run(&live, &j);
	assert_int_equal(counts_of(&live).refused, 3);
	assert_int_equal(counts_of(&live).observations, 3);
	assert_int_equal(counts_of(&live).waiting, 0);
	test_live_done(&live);
	test_journal_done(&j);
}

static void a_batch_that_cannot_be_read_is_left_out_and_the_rest_goes_on(void **state)
{
	struct test_journal j = { 0 }, good = { 0 };
	struct test_live live = { 0 }, want = { 0 };

	(void)state;
	appear(&j, 1);
	appear(&good, 1);
	for (int64_t t = 0; t < 100; t++) {
		second_add(&j, T0 + t, 1, 1);
		second_add(&good, T0 + t, 1, 1);
		struct nr_entry bad = j.entries[j.n - 1];

		bad.batch.batch.payload.n -= (size_t)t % 3 + 1;
		test_journal_add(&j, &bad);
		test_journal_watermark(&j, T0 + t + 1);
		test_journal_watermark(&good, T0 + t + 1);
		good.entries[good.n - 1].at = j.entries[j.n - 1].at;
	}
	test_live_start(&live);
	for (size_t i = 0; i < j.n; i++) {
		struct nr_err err;
		int r = nr_online_feed(live.online, &j.entries[i], &err);
		bool bad = i > 0 && j.entries[i].type == NR_ENTRY_BATCH &&
			   j.entries[i - 1].type == NR_ENTRY_BATCH;

		assert_int_equal(r, bad ? NR_EDAMAGED : 0);
	}
	assert_int_equal(counts_of(&live).unusable, 100);
	test_live_start(&want);
	for (size_t i = 0; i < good.n; i++) {
		if (good.entries[i].type == NR_ENTRY_BATCH) /* places of the other journal */
			good.entries[i].at = good.entries[i + 1].at - 1;
		assert_int_equal(nr_online_feed(want.online, &good.entries[i], NULL), 0);
	}
	test_expect_text("revisions", &want.lines, &live.lines);
	test_live_done(&live);
	test_live_done(&want);
	test_journal_done(&j);
	test_journal_done(&good);
}

static void erased_and_foreign_entries_change_nothing(void **state)
{
	static const uint8_t types[] = { NR_ENTRY_LEDGER, NR_ENTRY_DATA, NR_ENTRY_CONFIG };
	struct test_journal j = { 0 };
	struct test_live live = { 0 };

	(void)state;
	appear(&j, 1);
	for (size_t i = 0; i < NR_COUNT(types); i++)
		test_journal_add(&j, &(struct nr_entry){ .type = types[i] });
	for (uint8_t type = NR_ENTRY_LEDGER; type <= NR_ENTRY_QUARANTINE; type++) {
		test_journal_watermark(&j, T0 + 99);
		j.entries[j.n - 1].type = type;
		j.entries[j.n - 1].erased = true;
	}
	test_live_run(&live, &j);
	assert_int_equal(live.lines.n, 0);
	assert_int_equal(counts_of(&live).at, j.n);
	assert_true(counts_of(&live).watermark == INT64_MIN);
	struct nr_entry unknown = { .at = 1000, .type = 99 };

	assert_int_equal(nr_online_feed(live.online, &unknown, NULL), NR_EDAMAGED);
	test_live_done(&live);
	test_journal_done(&j);
}

/* ---- addresses ---- */

static void the_addresses_alive_are_those_of_live_sensors(void **state)
{
	static const struct {
		unsigned sensor;
		enum nr_sensor_event event;
		uint64_t monitored, sum;
	} steps[] = {
		{ 1, NR_SENSOR_APPEARED, 256, 256 },	{ 2, NR_SENSOR_APPEARED, 1024, 1280 },
		{ 1, NR_SENSOR_SILENT, 256, 1024 },	{ 1, NR_SENSOR_RETURNED, 200, 1224 },
		{ 2, NR_SENSOR_FROZEN, 1024, 200 },	{ 2, NR_SENSOR_THAWED, 1024, 1224 },
		{ 2, NR_SENSOR_MONITORED, 1000, 1200 }, { 2, NR_SENSOR_CLOCK_OFF, 1000, 1200 },
		{ 2, NR_SENSOR_REVOKED, 1000, 200 },	{ 1, NR_SENSOR_SILENT, 200, 0 },
		{ 1, NR_SENSOR_APPEARED, 300, 300 },
	};
	struct test_journal j = { 0 };
	struct test_live live = { 0 };

	(void)state;
	test_live_start(&live);
	for (size_t i = 0; i < NR_COUNT(steps); i++) {
		j.arrived_ns = (T0 + (int64_t)i) * S;
		test_journal_event(&j, steps[i].sensor, steps[i].event, steps[i].monitored, 0);
		test_live_feed(&live, &j, i, i + 1);
		assert_int_equal(counts_of(&live).monitored_v4, steps[i].sum);
	}
	test_live_done(&live);
	test_journal_done(&j);
}

/* ---- findings about ourselves ---- */

struct step {
	int64_t at; /* s after T0 */
	enum nr_sensor_event event;
	uint64_t monitored;
	int64_t value;
	const char *kind; /* of the revision that follows; NULL: none */
	const char *state;
};

static void run_steps(const struct step *steps, size_t n)
{
	struct test_journal j = { 0 };
	struct test_live live = { 0 };

	test_live_start(&live);
	for (size_t i = 0; i < n; i++) {
		char want[64];
		size_t from = live.lines.n, fed = j.n;

		j.arrived_ns = (T0 + steps[i].at) * S;
		if (steps[i].event != NR_SENSOR_EVENT_N)
			test_journal_event(&j, 1, steps[i].event, steps[i].monitored,
					   steps[i].value);
		else
			test_journal_watermark(&j, T0 + steps[i].at);
		test_live_feed(&live, &j, fed, j.n);
		struct nr_buf line = { .n = live.lines.n - from };

		if (live.lines.p != NULL)
			line.p = live.lines.p + from;
		assert_int_equal(count_text(&line, "\n"), steps[i].kind != NULL);
		if (steps[i].kind == NULL)
			continue;
		(void)snprintf(want, sizeof(want), "\"kind\":\"%s\"", steps[i].kind);
		assert_int_equal(count_text(&line, want), 1);
		(void)snprintf(want, sizeof(want), "\"state\":\"%s\"", steps[i].state);
		assert_int_equal(count_text(&line, want), 1);
		assert_int_equal(count_text(&line, "\"detector\":\"watch.v1\""), 1);
		assert_int_equal(count_text(&line, "\"subject\":\"sensor-1\""), 1);
	}
	test_live_done(&live);
	test_journal_done(&j);
}

static void what_a_sensor_is_ill_of_is_a_finding_until_it_is_well(void **state)
{
	static const struct step steps[] = {
		{ 0, NR_SENSOR_APPEARED, 1000, 0, NULL, NULL },
		{ 60, NR_SENSOR_SILENT, 1000, T0 * S, "sensor-silent", "new" },
		{ 61, NR_SENSOR_SILENT, 1000, T0 * S, NULL, NULL }, /* known */
		{ 90, NR_SENSOR_RETURNED, 1000, 0, "sensor-silent", "ended" },
		{ 200, NR_SENSOR_FROZEN, 1000, (T0 + 100) * S, "parser-frozen", "new" },
		{ 300, NR_SENSOR_THAWED, 1000, 0, "parser-frozen", "ended" },
		{ 400, NR_SENSOR_CLOCK_OFF, 1000, 5 * S, "clock-off", "new" },
		{ 500, NR_SENSOR_CLOCK_OFF, 1000, 50 * S, "clock-off", "continuing" },
		{ 600, NR_SENSOR_CLOCK_GOOD, 1000, 0, "clock-off", "ended" },
		{ 700, NR_SENSOR_MONITORED, 910, 0, NULL, NULL }, /* not a tenth */
		{ 710, NR_SENSOR_MONITORED, 890, 0, "addresses-lost", "new" },
		{ 720, NR_SENSOR_MONITORED, 500, 0, "addresses-lost", "continuing" },
		{ 730, NR_SENSOR_MONITORED, 930, 0, NULL, NULL }, /* not yet as it was */
		{ 740, NR_SENSOR_MONITORED, 950, 0, "addresses-lost", "ended" },
		{ 750, NR_SENSOR_MONITORED, 100, 0, "addresses-lost", "new" },
		{ 750 + 86399, NR_SENSOR_EVENT_N, 0, 0, NULL, NULL },
		{ 750 + 86400, NR_SENSOR_EVENT_N, 0, 0, "addresses-lost", "ended" }, /* usual now */
		{ 90000, NR_SENSOR_MONITORED, 95, 0, NULL, NULL },
		{ 90001, NR_SENSOR_SILENT, 95, 0, "sensor-silent", "new" },
		{ 90002, NR_SENSOR_REVOKED, 95, 0, "sensor-silent", "ended" },
	};

	(void)state;
	run_steps(steps, NR_COUNT(steps));
}

static void gaps_and_conflicts_are_one_finding_while_they_come(void **state)
{
	struct test_journal j = { 0 };
	struct test_live live = { 0 };

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct nr_entry gap = { .type = NR_ENTRY_GAP,
					.gap = { .sensor = test_sensor(1),
						 .gap = { .from_seq = 10 * i,
							  .to_seq = 10 * i + 4,
							  .observations = 7,
							  .reason = NR_GAP_SPOOL_FULL } } };
		struct nr_entry conflict = { .type = NR_ENTRY_QUARANTINE,
					     .text = { .sensor = test_sensor(2) } };

		j.arrived_ns = (T0 + (int64_t)i) * S;
		test_journal_add(&j, &gap);
		test_journal_add(&j, &conflict);
	}
	j.arrived_ns = (T0 + 99 + 599) * S;
	test_journal_watermark(&j, T0 + 600);
	test_live_run(&live, &j);
	assert_int_equal(live.n[NR_REVISION_NEW], 2);
	assert_int_equal(live.n[NR_REVISION_CONTINUING], 2 * 6); /* 2, 4, ... 64 times */
	assert_int_equal(live.n[NR_REVISION_ENDED], 0);
	j.arrived_ns += S;
	test_journal_watermark(&j, T0 + 601);
	test_live_feed(&live, &j, j.n - 1, j.n);
	assert_int_equal(live.n[NR_REVISION_ENDED], 2);
	assert_int_equal(count_text(&live.ended, "\"batches\":500,\"observations\":700"), 1);
	assert_int_equal(count_text(&live.ended, "\"reason\":\"spool-full\""), 1);
	assert_int_equal(count_text(&live.ended, "\"kind\":\"conflict\""), 1);
	test_live_done(&live);
	test_journal_done(&j);
}

/* ---- what does not hold ---- */

/* Eight answers to eight addresses look like a flood; sixty more to the same eight do not. */
static void what_a_full_sample_refutes_is_withdrawn(void **state)
{
	struct test_journal j = { 0 };
	struct test_live live = { 0 };

	(void)state;
	appear(&j, 1);
	for (uint32_t i = 0; i < 90; i++) {
		int64_t tick = T0 + (i < 8 ? 10 * i : 70 + i);
		struct nr_observation o = answer(VICTIM, i, tick);

		o.dst = answer(VICTIM, i % 8, tick).dst;
		j.arrived_ns = (tick + 1) * S;
		test_journal_rows(&j, 1, false, &o, 1);
		test_journal_watermark(&j, tick + 1);
	}
	test_live_run(&live, &j);
	assert_int_equal(live.n[NR_REVISION_NEW], 1);
	assert_int_equal(live.n[NR_REVISION_WITHDRAWN], 1);
	assert_int_equal(count_text(&live.lines, "\"state\":\"withdrawn\""), 1);
	/* it is over then: the end of the event says nothing more */
	test_journal_watermark(&j, T0 + 10000);
	test_live_feed(&live, &j, j.n - 1, j.n);
	assert_int_equal(live.n[NR_REVISION_ENDED], 0);
	test_live_done(&live);
	test_journal_done(&j);
}

/* ---- clocks ---- */

static void a_clock_that_is_off_is_corrected_while_it_is(void **state)
{
	struct test_journal right = { 0 }, wrong = { 0 };
	struct test_live a = { 0 }, b = { 0 };

	(void)state;
	appear(&right, 1);
	appear(&wrong, 1);
	test_journal_event(&right, 2, NR_SENSOR_APPEARED, 0, 0);
	test_journal_event(&wrong, 2, NR_SENSOR_APPEARED, 0, 0);
	test_journal_event(&right, 2, NR_SENSOR_CLOCK_OFF, 0, -7200 * S);
	test_journal_event(&wrong, 1, NR_SENSOR_CLOCK_OFF, 65536, -7200 * S);
	for (int64_t t = 0; t < 100; t++) {
		struct nr_observation rows[PER_SECOND];
		size_t n = second_of(T0 + t, 1, 1, rows);

		right.arrived_ns = wrong.arrived_ns = (T0 + t + 1) * S;
		test_journal_rows(&right, 1, false, rows, n);
		for (size_t i = 0; i < n; i++)
			rows[i].tick += 7200; /* two hours ahead of the hub */
		test_journal_rows(&wrong, 1, false, rows, n);
		test_journal_watermark(&right, T0 + t + 1);
		test_journal_watermark(&wrong, T0 + t + 1);
	}
	test_live_run(&a, &right);
	test_live_run(&b, &wrong);
	assert_int_equal(counts_of(&b).late + counts_of(&b).backlog, 0);
	/* the same but for whose clock it is */
	assert_int_equal(count_text(&a.lines, "\"detector\":\"rsdos.v1\""),
			 count_text(&b.lines, "\"detector\":\"rsdos.v1\""));
	assert_int_equal(count_text(&a.lines, "\n"), count_text(&b.lines, "\n"));
	assert_int_equal(count_text(&b.lines, "\"corrected\":true"), 1);
	nr_buf_add(&a.lines, "", 1);
	nr_buf_add(&b.lines, "", 1);
	assert_string_equal(strchr((const char *)a.lines.p, '\n'),
			    strchr((const char *)b.lines.p, '\n'));
	test_live_done(&a);
	test_live_done(&b);
	test_journal_done(&right);
	test_journal_done(&wrong);
}

static void a_watermark_that_goes_back_a_day_begins_afresh(void **state)
{
	struct test_journal j = { 0 };
	struct test_live live = { 0 };

	(void)state;
	appear(&j, 1);
	for (int64_t day = 100; day >= 0; day -= 100) { /* the hub's clock was wrong, then right */
		for (int64_t t = 0; t < 100; t++) {
			j.arrived_ns = (T0 + 100 * 86400 + t + 1) * S;
			second_add(&j, T0 + day * 86400 + t, 1, 1);
			test_journal_watermark(&j, T0 + day * 86400 + t + 1);
		}
	}
	test_live_run(&live, &j);
	/* the first second of the right time came before the watermark did, as backlog */
	assert_int_equal(counts_of(&live).watermark, T0 + 100);
	/*
	 * both times the flood and the bot, once its campaign; once more the bot, in that backlog
	 */
	assert_int_equal(live.n[NR_REVISION_NEW], 5);
	assert_int_equal(live.n[NR_REVISION_ENDED], 2 + 1);
	test_live_done(&live);
	test_journal_done(&j);
}

/* ---- lanes ---- */

static void more_backlogs_than_lanes_share_them_and_lose_nothing(void **state)
{
	enum { SENSORS = 7, SECONDS = 400 };
	struct test_journal j = { 0 };
	struct test_live live = { .workers = 2 };

	(void)state;
	appear(&j, SENSORS);
	j.arrived_ns = (T0 + 86400) * S;
	test_journal_watermark(&j, T0 + 86400);
	for (int64_t t = 0; t < SECONDS; t++)
		for (unsigned k = 1; k <= SENSORS; k++)
			second_add(&j, T0 + t, k, SENSORS);
	size_t before = j.n;

	for (unsigned k = 1; k <= SENSORS; k++) {
		struct nr_observation o = mirai(BOT, k, T0 + 86400);

		if (k % 2 == 0)
			test_journal_event(&j, k, NR_SENSOR_CAUGHT_UP, 0, 0);
		else
			test_journal_rows(&j, k, false, &o, 1);
	}
	test_journal_watermark(&j, T0 + 86401);
	test_live_start(&live);
	test_live_feed(&live, &j, 0, before);
	assert_int_equal(counts_of(&live).lanes, NR_ONLINE_LANES);
	assert_int_equal(live.lines.n, 0);
	test_live_feed(&live, &j, before, j.n);
	assert_int_equal(counts_of(&live).lanes, 0);
	assert_int_equal(counts_of(&live).backlog, SECONDS * PER_SECOND);
	assert_int_equal(counts_of(&live).late, 0);
	/* the flood, in each lane; told once, and late */
	assert_int_equal(count_text(&live.ended, "\"kind\":\"attack\""), NR_ONLINE_LANES);
	assert_int_equal(live.n[NR_REVISION_ENDED], live.late);
	test_live_done(&live);
	test_journal_done(&j);
}

/* ---- snapshots ---- */

static void journal_short(struct test_journal *j)
{
	appear(j, 2);
	for (int64_t t = 0; t < 90; t++) {
		j->arrived_ns = (T0 + t + 1) * S;
		for (unsigned k = 1; k <= 2; k++)
			second_add(j, T0 + t, k, 2);
		if (t % 3 == 2)
			test_journal_watermark(j, T0 + t);
		if (t == 50)
			test_journal_event(j, 2, NR_SENSOR_SILENT, 0, T0 * S);
		if (t == 60) { /* and a lane */
			struct nr_observation o = mirai(BOT, 5, T0 - 5000);

			test_journal_rows(j, 3, true, &o, 1);
		}
	}
}

static void a_run_cut_at_every_place_equals_the_uncut_one(void **state)
{
	struct test_journal j = { 0 };
	struct test_live whole = { 0 };

	(void)state;
	journal_short(&j);
	test_live_run(&whole, &j);
	assert_true(whole.lines.n > 1000);
	for (size_t cut = 0; cut <= j.n; cut += 1 + cut % 5) {
		struct test_live live = { .workers = 1 + (unsigned)cut % 3 };
		struct nr_buf saved;

		nr_buf_init(&saved, TEST_OUT_MAX);
		test_live_start(&live);
		test_live_feed(&live, &j, 0, cut);
		assert_int_equal(nr_online_save(live.online, &saved), 0);
		nr_online_free(live.online);
		live.workers = 1 + (unsigned)cut % 2;
		test_live_start(&live);
		assert_int_equal(nr_online_load(live.online, (struct nr_bytes){ saved.p, saved.n },
						NULL),
				 0);
		test_live_feed(&live, &j, cut, j.n);
		test_expect_text("revisions", &whole.lines, &live.lines);
		test_live_done(&live);
		nr_buf_done(&saved);
	}
	test_live_done(&whole);
	test_journal_done(&j);
}

static void a_damaged_snapshot_is_refused_and_one_of_another_build_too(void **state)
{
	enum { BUILD_AT = 12, FLIPS = 400 };
	struct test_journal j = { 0 };
	struct test_live live = { 0 };
	struct nr_buf saved;

	(void)state;
	journal_short(&j);
	nr_buf_init(&saved, TEST_OUT_MAX);
	test_live_run(&live, &j);
	assert_int_equal(nr_online_save(live.online, &saved), 0);
	for (unsigned i = 0; i < FLIPS; i++) {
		struct test_live fresh = { 0 };
		size_t at = (size_t)(nr_mix64(i + 1) % saved.n), n = i % 4 == 0 ? at : saved.n;
		struct nr_err err;

		if (i % 100 == 99) { /* a build of another name: the sum is right */
			at = BUILD_AT + i / 100;
			n = saved.n;
		}
		test_live_start(&fresh);
		saved.p[at] ^= (uint8_t)(1u << i % 8);
		if (i % 100 == 99) {
			uint32_t crc = nr_crc32c(0, saved.p, saved.n - 4);

			memcpy(saved.p + saved.n - 4, &crc, 4);
		}
		assert_int_equal(nr_online_load(fresh.online, (struct nr_bytes){ saved.p, n },
						&err),
				 i % 100 == 99 ? NR_EVERSION : NR_EDAMAGED);
		saved.p[at] ^= (uint8_t)(1u << i % 8);
		uint32_t crc = nr_crc32c(0, saved.p, saved.n - 4);

		memcpy(saved.p + saved.n - 4, &crc, 4);
		test_live_done(&fresh);
	}
	nr_buf_done(&saved);
	test_live_done(&live);
	test_journal_done(&j);
}

/* With a sum that is right, whatever is inside: refused or taken, never more. */
static void a_snapshot_that_lies_does_no_harm(void **state)
{
	enum { BODY = 44, LIES = 3000 };
	struct test_journal j = { 0 };
	struct test_live live = { 0 };
	struct nr_buf saved;
	unsigned taken = 0;

	(void)state;
	journal_short(&j);
	nr_buf_init(&saved, TEST_OUT_MAX);
	test_live_run(&live, &j);
	assert_int_equal(nr_online_save(live.online, &saved), 0);
	for (unsigned i = 0; i < LIES; i++) {
		struct test_live fresh = { 0 };
		uint64_t r = nr_mix64(i + 77);
		size_t at = BODY + (size_t)(r % (saved.n - BODY - 4));
		uint8_t was = saved.p[at];
		uint32_t crc;

		test_live_start(&fresh);
		saved.p[at] = (uint8_t)(r >> 40);
		crc = nr_crc32c(0, saved.p, saved.n - 4);
		memcpy(saved.p + saved.n - 4, &crc, 4);
		if (nr_online_load(fresh.online, (struct nr_bytes){ saved.p, saved.n }, NULL) ==
		    0) {
			struct nr_entry w = { .at = UINT64_MAX,
					      .type = NR_ENTRY_WATERMARK,
					      .watermark = { T0 + 100000 } };

			taken++;
			int any = nr_online_feed(fresh.online, &w, NULL);

			(void)any; /* any outcome will do */
		}
		saved.p[at] = was;
		test_live_done(&fresh);
	}
	assert_true(taken > 0);
	nr_buf_done(&saved);
	test_live_done(&live);
	test_journal_done(&j);
}

/* ---- printing ---- */

static void a_revision_is_a_finding_with_a_number(void **state)
{
	struct nr_finding f = { .id = 0xabc, .detector = "d.v1", .kind = "k", .state = 1 };
	struct nr_revision r = {
		.at = 12, .number = 3, .state = NR_REVISION_WITHDRAWN, .late = true, .finding = &f
	};
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 4096);
	nr_revision_json(&r, &out);
	nr_buf_add(&out, "", 1);
	assert_string_equal(
		(const char *)out.p,
		"{\"record\":\"finding\",\"id\":\"0000000000000abc\",\"detector\":\"d.v1\",\"kind\":\"k\","
		"\"subject\":\"\",\"confidence\":0,\"certainty\":\"spoofable\","
		"\"first\":\"1970-01-01T00:00:00Z\",\"last\":\"1970-01-01T00:00:00Z\","
		"\"detected\":\"1970-01-01T00:00:00Z\",\"summary\":\"\",\"evidence\":{},"
		"\"revision\":3,\"state\":\"withdrawn\",\"late\":true,\"at\":12}");
	nr_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_in_which_batches_of_a_second_arrive_changes_nothing),
		cmocka_unit_test(nothing_is_known_before_the_watermark_and_a_place_counts_once),
		cmocka_unit_test(too_many_that_wait_go_in_early_and_the_rest_of_their_second_late),
		cmocka_unit_test(a_thousand_seconds_at_once_fit_no_more),
		cmocka_unit_test(rows_that_cannot_be_are_refused_and_counted),
		cmocka_unit_test(a_batch_that_cannot_be_read_is_left_out_and_the_rest_goes_on),
		cmocka_unit_test(erased_and_foreign_entries_change_nothing),
		cmocka_unit_test(the_addresses_alive_are_those_of_live_sensors),
		cmocka_unit_test(what_a_sensor_is_ill_of_is_a_finding_until_it_is_well),
		cmocka_unit_test(gaps_and_conflicts_are_one_finding_while_they_come),
		cmocka_unit_test(what_a_full_sample_refutes_is_withdrawn),
		cmocka_unit_test(a_clock_that_is_off_is_corrected_while_it_is),
		cmocka_unit_test(a_watermark_that_goes_back_a_day_begins_afresh),
		cmocka_unit_test(more_backlogs_than_lanes_share_them_and_lose_nothing),
		cmocka_unit_test(a_run_cut_at_every_place_equals_the_uncut_one),
		cmocka_unit_test(a_damaged_snapshot_is_refused_and_one_of_another_build_too),
		cmocka_unit_test(a_snapshot_that_lies_does_no_harm),
		cmocka_unit_test(a_revision_is_a_finding_with_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
