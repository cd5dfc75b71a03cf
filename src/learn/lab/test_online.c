/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The on-line engine over whole worlds: what the off-line engine says, as it happens, from several
 * sensors.
 */
#include "learn/lab/out.h"
#include "learn/lab/scenario.h"
#include "orient/test_feed.h"

enum { START = 1767571200 };

struct world {
	const char *scenario, *net;
	int64_t minutes;
	double scale;
};

static const struct world worlds[] = {
	{ "sample", "198.18.0.0/20", 40, 1 },
	{ "floods", "198.18.0.0/20", 60, 1 },
	{ "weeks", "198.18.0.0/28", 72 * 60, 1 },
};

static void pcap_of(const struct world *w, struct nr_buf *pcap)
{
	const struct nr_lab_scenario *scenario = nr_lab_scenario_find(nr_str_from(w->scenario));
	struct nr_prefix net;
	struct nr_lab_world *world;
	struct nr_lab_out *out;
	int fd = memfd_create("world", MFD_CLOEXEC);
	off_t size;

	assert_non_null(scenario);
	assert_true(fd >= 0);
	assert_int_equal(nr_prefix_parse(nr_str_from(w->net), &net), 0);
	struct nr_lab_options options = { .nets = &net,
					  .n_nets = 1,
					  .start = { START * NR_NS_PER_S },
					  .duration = w->minutes * 60 * NR_NS_PER_S,
					  .seed = 11,
					  .scale = w->scale };

	assert_int_equal(nr_lab_out_new(fd, -1, NR_LAB_RAW_IP, true, &out), 0);
	struct nr_lab_sink sink = nr_lab_out_sink(out, false);

	assert_int_equal(nr_lab_world_new(&options, &sink, &world, NULL), 0);
	scenario->populate(world);
	assert_int_equal(nr_lab_world_run(world), 0);
	assert_int_equal(nr_lab_out_flush(out), 0);
	nr_lab_world_free(world);
	nr_lab_out_free(out);
	size = lseek(fd, 0, SEEK_END);
	nr_buf_init(pcap, TEST_OUT_MAX);
	uint8_t *bytes = nr_buf_reserve(pcap, (size_t)size);

	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, (size_t)size, 0), size);
	nr_buf_commit(pcap, (size_t)size);
	(void)close(fd);
}

static void world_observe(const struct world *w, struct test_offline *off)
{
	struct nr_buf pcap;

	pcap_of(w, &pcap);
	test_offline((struct nr_bytes){ pcap.p, pcap.n }, w->net, off);
	nr_buf_done(&pcap);
}

static uint64_t monitored(const struct world *w)
{
	struct nr_nets nets = test_nets(&w->net, 1);

	return nr_nets_size_v4(&nets);
}

/* Which of n sensors watches an address: they part the net by its low bits. */
static unsigned sensor_of(const struct nr_observation *row, unsigned n)
{
	return row->dst.b[15] % n;
}

struct sensors {
	unsigned n;
	unsigned cut;		  /* this one is cut off ... 0: none; sensors count from 1 */
	int64_t cut_from, cut_to; /* ... for these seconds, and delivers then */
};

static void second_add(struct test_journal *j, const struct sensors *s, unsigned sensor,
		       const struct nr_observation *rows, size_t n)
{
	struct nr_observation *own = malloc(n * sizeof(*own) + 1);
	size_t k = 0;

	assert_non_null(own);
	for (size_t i = 0; i < n; i++)
		if (sensor_of(&rows[i], s->n) + 1 == sensor)
			own[k++] = rows[i];
	if (k > 0)
		test_journal_rows(j, sensor, false, own, k);
	free(own);
}

/* Rows [from, to) that are of one second. */
static size_t second_end(const struct nr_observation *rows, size_t from, size_t n)
{
	size_t to = from + 1;

	while (to < n && rows[to].tick == rows[from].tick)
		to++;
	return to;
}

/* What the sensor that was cut off has in its spool, a batch a second. */
static void spool_add(struct test_journal *j, const struct sensors *s,
		      const struct nr_observation *rows, size_t n)
{
	for (size_t i = 0, to; i < n; i = to) {
		to = second_end(rows, i, n);
		if (rows[i].tick >= s->cut_from && rows[i].tick < s->cut_to)
			second_add(j, s, s->cut, rows + i, to - i);
	}
}

static void journal_of(const struct world *w, const struct test_offline *off,
		       const struct sensors *s, struct test_journal *j)
{
	const struct nr_observation *rows = (const struct nr_observation *)off->rows.p;
	size_t n = off->rows.n / sizeof(*rows);
	bool away = false;

	*j = (struct test_journal){ .arrived_ns = START * NR_NS_PER_S };
	for (unsigned i = 1; i <= s->n; i++)
		test_journal_event(j, i, NR_SENSOR_APPEARED, monitored(w) / s->n, 0);
	for (size_t i = 0, to; i < n; i = to) {
		int64_t tick = rows[i].tick;
		bool cut = s->cut != 0 && tick >= s->cut_from && tick < s->cut_to;

		to = second_end(rows, i, n);
		j->arrived_ns = (tick + 1) * NR_NS_PER_S + 300000000;
		if (cut && !away)
			test_journal_event(j, s->cut, NR_SENSOR_SILENT, 0,
					   (tick - 60) * NR_NS_PER_S);
		if (!cut && away) {
			test_journal_event(j, s->cut, NR_SENSOR_RETURNED, monitored(w) / s->n, 0);
			spool_add(j, s, rows, n);
		}
		away = cut;
		for (unsigned k = 1; k <= s->n; k++)
			if (!cut || k != s->cut)
				second_add(j, s, k, rows + i, to - i);
		test_journal_watermark(j, tick + 1);
	}
}

/* ---- comparing lines ---- */

static int by_line(const void *va, const void *vb)
{
	return strcmp(*(char *const *)va, *(char *const *)vb);
}

struct lines {
	char *text, **p;
	size_t n;
};

/* Lines of @p buf with @p want (NULL: any) and without campaigns, sorted. */
static struct lines lines_of(const struct nr_buf *buf, const char *want)
{
	struct lines l = { .text = malloc(buf->n + 1) };

	assert_non_null(l.text);
	memcpy(l.text, buf->p, buf->n);
	l.text[buf->n] = '\0';
	l.p = calloc(buf->n / 16 + 1, sizeof(l.p[0]));
	assert_non_null(l.p);
	for (char *at = l.text, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
		*end = '\0';
		if ((want == NULL || strstr(at, want) != NULL) &&
		    strstr(at, "\"kind\":\"campaign\"") == NULL)
			l.p[l.n++] = at;
	}
	qsort(l.p, l.n, sizeof(l.p[0]), by_line);
	return l;
}

static void lines_done(struct lines *l)
{
	free(l->text);
	free(l->p);
}

static bool has_line(const struct lines *l, const char *line)
{
	return bsearch(&line, l->p, l->n, sizeof(l->p[0]), by_line) != NULL;
}

static void id_of(const char *line, char out[17])
{
	const char *id = strstr(line, "\"id\":\"");

	assert_non_null(id);
	memcpy(out, id + 6, 16);
	out[16] = '\0';
}

static bool has_id(const struct lines *l, const char *line)
{
	char id[17];

	id_of(line, id);
	for (size_t i = 0; i < l->n; i++)
		if (strstr(l->p[i], id) != NULL)
			return true;
	return false;
}

static void what_ends_is_what_ends_off_line(void **state)
{
	(void)state;
	for (size_t w = 0; w < NR_COUNT(worlds); w++) {
		struct sensors one = { .n = 1 };
		struct test_offline off;
		struct test_journal j;
		struct test_live live = { 0 };

		world_observe(&worlds[w], &off);
		journal_of(&worlds[w], &off, &one, &j);
		/* long after the end: everything is over */
		test_journal_watermark(&j, START + worlds[w].minutes * 60 + 40 * 86400);
		test_live_run(&live, &j);

		struct lines over = lines_of(&off.findings, "\"state\":\"ended\""),
			     all = lines_of(&off.findings, NULL), got = lines_of(&live.ended, NULL);

		print_message("%s: %zu findings, %zu ended before the end\n", worlds[w].scenario,
			      all.n, over.n);
		assert_true(all.n > 0);
		for (size_t i = 0; i < over.n; i++)
			if (!has_line(&got, over.p[i]))
				fail_msg("not found on line: %s", over.p[i]);
		for (size_t i = 0; i < all.n; i++)
			if (!has_id(&got, all.p[i]))
				fail_msg("not found on line by its id: %s", all.p[i]);
		for (size_t i = 0; i < got.n; i++)
			if (!has_id(&all, got.p[i]))
				fail_msg("not found off line by its id: %s", got.p[i]);
		lines_done(&over);
		lines_done(&all);
		lines_done(&got);
		test_live_done(&live);
		test_journal_done(&j);
		test_offline_done(&off);
	}
}

/* ---- revisions ---- */

enum { SEEN_MAX = 1 << 16 };

struct seen {
	uint64_t ids[SEEN_MAX];
	uint32_t numbers[SEEN_MAX];
	uint8_t open[SEEN_MAX];
	size_t n;
	/* how long after the deciding second the watermark passed that made it known */
	int64_t watermark;  /* of the entry being fed */
	uint64_t delays[4]; /* 1, 2, 3, more seconds */
};

static size_t seen_at(struct seen *seen, uint64_t id)
{
	size_t at = (size_t)(nr_mix64(id) % SEEN_MAX);

	while (seen->ids[at] != 0 && seen->ids[at] != id)
		at = (at + 1) % SEEN_MAX;
	seen->n += seen->ids[at] == 0;
	assert_true(seen->n < SEEN_MAX / 2);
	seen->ids[at] = id;
	return at;
}

static void see(struct test_live *live, const struct nr_revision *revision)
{
	struct seen *seen = live->see_ctx;
	size_t at = seen_at(seen, revision->finding->id);

	assert_int_equal(revision->number, seen->numbers[at] + 1);
	seen->numbers[at]++;
	assert_int_equal(revision->state == NR_REVISION_CONTINUING,
			 seen->open[at] && revision->finding->state == NR_FINDING_CONTINUING);
	seen->open[at] = revision->state <= NR_REVISION_CONTINUING;
	if (revision->state == NR_REVISION_NEW &&
	    strcmp(revision->finding->kind, "campaign") != 0 &&
	    strcmp(revision->finding->detector, "watch.v1") != 0) {
		int64_t s = seen->watermark - nr_time_floor_s(revision->finding->detected);

		seen->delays[s < 1 ? 3 : s > 3 ? 3 : s - 1]++;
	}
}

static void feed_seen(struct test_live *live, const struct test_journal *j, struct seen *seen)
{
	live->see = see;
	live->see_ctx = seen;
	test_live_start(live);
	for (size_t i = 0; i < j->n; i++) {
		if (j->entries[i].type == NR_ENTRY_WATERMARK)
			seen->watermark = j->entries[i].watermark.tick;
		test_live_feed(live, j, i, i + 1);
	}
}

static void findings_are_known_as_soon_as_their_second_is_closed(void **state)
{
	(void)state;
	for (size_t w = 0; w < NR_COUNT(worlds); w++) {
		struct seen *seen = calloc(1, sizeof(*seen));
		struct sensors three = { .n = 3 };
		struct test_offline off;
		struct test_journal j;
		struct test_live live = { 0 };

		assert_non_null(seen);
		world_observe(&worlds[w], &off);
		journal_of(&worlds[w], &off, &three, &j);
		feed_seen(&live, &j, seen);
		print_message("%s: new %llu continuing %llu ended %llu withdrawn %llu; known after "
			      "1 s: %llu, 2 s: %llu, 3 s: %llu, later: %llu\n",
			      worlds[w].scenario, (unsigned long long)live.n[0],
			      (unsigned long long)live.n[1], (unsigned long long)live.n[2],
			      (unsigned long long)live.n[3], (unsigned long long)seen->delays[0],
			      (unsigned long long)seen->delays[1],
			      (unsigned long long)seen->delays[2],
			      (unsigned long long)seen->delays[3]);
		assert_true(live.n[NR_REVISION_NEW] > 0);
		/* a watermark is one more than the second it closes */
		assert_true(seen->delays[0] * 100 >= (seen->delays[0] + seen->delays[1] +
						      seen->delays[2] + seen->delays[3]) *
							     90);
		free(seen);
		test_live_done(&live);
		test_journal_done(&j);
		test_offline_done(&off);
	}
}

/* ---- cuts ---- */

static void live_cut(struct test_live *live, const struct test_journal *j, size_t cut,
		     unsigned workers)
{
	struct nr_buf state;

	nr_buf_init(&state, TEST_OUT_MAX);
	assert_int_equal(nr_online_save(live->online, &state), 0);
	nr_online_free(live->online);
	live->workers = workers;
	test_live_start(live);
	assert_int_equal(nr_online_load(live->online, (struct nr_bytes){ state.p, state.n }, NULL),
			 0);
	/* what was fed before is known: a place is never fed twice */
	test_live_feed(live, j, cut > 5 ? cut - 5 : 0, cut);
	nr_buf_done(&state);
}

static void a_run_cut_anywhere_with_any_workers_equals_the_uncut_one(void **state)
{
	enum { CUTS = 6 };

	(void)state;
	for (size_t w = 0; w < NR_COUNT(worlds); w++) {
		struct sensors three = {
			.n = 3,
			.cut = 2,
			.cut_from = START + worlds[w].minutes * 60 / 4,
			.cut_to = START + worlds[w].minutes * 60 * 3 / 4,
		};
		struct test_offline off;
		struct test_journal j;
		struct test_live whole = { 0 }, cut = { .workers = 2 };
		uint64_t random = 77 + w;
		size_t at = 0;

		world_observe(&worlds[w], &off);
		journal_of(&worlds[w], &off, &three, &j);
		test_live_run(&whole, &j);
		test_live_start(&cut);
		for (unsigned i = 0; i < CUTS; i++) {
			size_t to;

			random = nr_mix64(random + 1);
			to = at + (size_t)(random % (j.n / CUTS));
			test_live_feed(&cut, &j, at, to);
			live_cut(&cut, &j, to, 1 + (unsigned)(random >> 40) % 4);
			at = to;
		}
		test_live_feed(&cut, &j, at, j.n);
		test_expect_text("revisions", &whole.lines, &cut.lines);
		test_live_done(&whole);
		test_live_done(&cut);
		test_journal_done(&j);
		test_offline_done(&off);
	}
}

/* ---- what comes late ---- */

/* An hour of one sensor comes after the others went on: nothing is lost, nothing changes unsaid. */
static void an_hour_that_comes_late_is_told_in_numbered_revisions(void **state)
{
	static const struct world w = { "floods", "198.18.0.0/20", 120, 1 };
	struct sensors three = {
		.n = 3, .cut = 2, .cut_from = START + 1800, .cut_to = START + 5400
	};
	struct seen *seen = calloc(1, sizeof(*seen));
	struct test_offline off;
	struct test_journal j;
	struct test_live live = { 0 };
	struct nr_online_counts counts;

	(void)state;
	assert_non_null(seen);
	world_observe(&w, &off);
	journal_of(&w, &off, &three, &j);
	feed_seen(&live, &j, seen);
	nr_online_counts(live.online, &counts);
	print_message(
		"%llu observations, %llu late, %llu of backlog; %llu revisions, %llu of them late\n",
		(unsigned long long)counts.observations, (unsigned long long)counts.late,
		(unsigned long long)counts.backlog, (unsigned long long)counts.revisions,
		(unsigned long long)live.late);
	assert_int_equal(counts.observations, off.rows.n / sizeof(struct nr_observation));
	assert_int_equal(counts.refused, 0);
	assert_true(counts.backlog > 1000 && counts.late > 100);
	assert_true(live.late > 0);
	assert_int_equal(counts.lanes, 0); /* it caught up */
	assert_int_equal(counts.monitored_v4, monitored(&w) / 3 * 3);
	free(seen);
	test_live_done(&live);
	test_journal_done(&j);
	test_offline_done(&off);
}

/* ---- import ---- */

static void an_import_says_what_observe_says(void **state)
{
	static const struct world w = { "floods", "198.18.0.0/20", 60, 1 };
	struct test_offline off;
	struct test_journal j = { .arrived_ns = (START + 40 * 86400) * NR_NS_PER_S };
	struct test_live live = { .workers = 2 };

	(void)state;
	world_observe(&w, &off);
	const struct nr_observation *rows = (const struct nr_observation *)off.rows.p;
	size_t n = off.rows.n / sizeof(*rows);

	test_journal_event(&j, 1, NR_SENSOR_APPEARED, monitored(&w), 0);
	test_journal_watermark(&j, START + 40 * 86400 - 3);
	for (size_t i = 0, k; i < n; i += k) {
		k = nr_min_size(5000, n - i);
		test_journal_rows(&j, 1, true, rows + i, k);
	}
	test_journal_event(&j, 1, NR_SENSOR_CAUGHT_UP, monitored(&w), 0);
	test_live_run(&live, &j);
	assert_int_equal(live.n[NR_REVISION_ENDED], live.late);
	assert_int_equal(live.n[NR_REVISION_NEW] + live.n[NR_REVISION_CONTINUING], 0);
	struct lines all = lines_of(&off.findings, NULL), got = lines_of(&live.ended, NULL);

	assert_int_equal(all.n, got.n);
	for (size_t i = 0; i < all.n; i++)
		assert_true(has_id(&got, all.p[i]));
	for (size_t i = 0; i < all.n; i++)
		if (strstr(all.p[i], "\"state\":\"ended\"") != NULL)
			assert_true(has_line(&got, all.p[i]));
	lines_done(&all);
	lines_done(&got);
	test_live_done(&live);
	test_journal_done(&j);
	test_offline_done(&off);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_ends_is_what_ends_off_line),
		cmocka_unit_test(findings_are_known_as_soon_as_their_second_is_closed),
		cmocka_unit_test(a_run_cut_anywhere_with_any_workers_equals_the_uncut_one),
		cmocka_unit_test(an_hour_that_comes_late_is_told_in_numbered_revisions),
		cmocka_unit_test(an_import_says_what_observe_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
