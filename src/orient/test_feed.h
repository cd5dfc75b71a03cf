/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * test_feed: journals made in memory from observations, and the on-line engine over them, for
 * tests.
 */
#include "orient/online.h"
#include "orient/test_run.h"

/* ---- observations of a capture, and what the off-line engine says of it ---- */

struct test_offline {
	struct nr_buf rows;	/* struct nr_observation, in the order of arrival */
	struct nr_buf findings; /* JSON lines */
	uint64_t n;
};

static inline int test_offline_flows(void *ctx, const struct nr_observation *obs, size_t n)
{
	struct test_offline *off = ctx;

	nr_buf_add(&off->rows, obs, n * sizeof(*obs));
	return off->rows.err;
}

static inline int test_offline_finding(void *ctx, const struct nr_finding *finding)
{
	struct test_offline *off = ctx;

	off->n++;
	return test_run_add(&off->findings, &nr_finding_type, finding);
}

/**
 * As `noroshi observe`, but the engine knows of the monitored addresses only how many they are, as
 * a hub does.
 */
static inline void test_offline(struct nr_bytes pcap, const char *net, struct test_offline *off)
{
	int fd = test_memory_file(pcap);
	struct nr_capture *capture = test_capture_open(fd);
	struct nr_nets nets = test_nets(&net, 1);
	struct nr_engine *engine;
	struct nr_pipeline *pipeline;

	nr_buf_init(&off->rows, TEST_OUT_MAX);
	nr_buf_init(&off->findings, TEST_OUT_MAX);
	off->n = 0;
	struct nr_engine_options engine_options = {
		.monitored_v4 = nr_nets_size_v4(&nets),
		.n_workers = 1,
		.key = { { 1, 2, 3, 4 } },
		.out = { .ctx = off, .flows = test_offline_flows, .finding = test_offline_finding }
	};

	assert_int_equal(nr_engine_new(&engine_options, &engine), 0);
	struct nr_pipeline_options options = { .captures = &capture,
					       .n_captures = 1,
					       .nets = &nets,
					       .until = { INT64_MAX },
					       .n_workers = 1,
					       .max_flows = NR_ENGINE_ENTRIES,
					       .eager = true,
					       .consumer = nr_engine_consumer(engine) };

	assert_int_equal(nr_pipeline_new(&options, &pipeline), 0);
	assert_int_equal(nr_pipeline_run(pipeline, NULL), 0);
	nr_pipeline_drain(pipeline);
	assert_int_equal(nr_engine_finish(engine, nr_pipeline_watermark(pipeline)), 0);
	nr_pipeline_free(pipeline);
	nr_engine_free(engine);
	nr_capture_free(capture);
	(void)close(fd);
}

static inline void test_offline_done(struct test_offline *off)
{
	nr_buf_done(&off->rows);
	nr_buf_done(&off->findings);
}

/* ---- journals ---- */

struct test_journal {
	struct nr_entry *entries;
	uint8_t **payloads; /* of batches; owned */
	size_t n, room;
	int64_t arrived_ns;
};

static inline struct nr_uuid test_sensor(unsigned i)
{
	return (struct nr_uuid){ { 0x5e, 0x15, (uint8_t)(i * 37), [15] = (uint8_t)i } };
}

static inline void test_journal_add(struct test_journal *j, const struct nr_entry *entry)
{
	if (j->n == j->room) {
		j->room = j->room == 0 ? 1024 : j->room * 2;
		j->entries = realloc(j->entries, j->room * sizeof(j->entries[0]));
		j->payloads = realloc(j->payloads, j->room * sizeof(j->payloads[0]));
		assert_true(j->entries != NULL && j->payloads != NULL);
	}
	nr_require(j->entries != NULL && j->payloads != NULL);
	struct nr_entry *e = &j->entries[j->n];

	*e = *entry;
	e->at = j->n + 1;
	e->arrived_ns = j->arrived_ns;
	j->payloads[j->n] = NULL;
	if (e->type == NR_ENTRY_BATCH) {
		struct nr_bytes *p = &e->batch.batch.payload;
		uint8_t *copy = malloc(p->n + 1);

		assert_non_null(copy);
		memcpy(copy, p->p, p->n);
		p->p = j->payloads[j->n] = copy;
	}
	j->n++;
}

static inline void test_journal_done(struct test_journal *j)
{
	for (size_t i = 0; i < j->n; i++)
		free(j->payloads[i]);
	free(j->entries);
	free(j->payloads);
	*j = (struct test_journal){ 0 };
}

static inline void test_journal_event(struct test_journal *j, unsigned sensor,
				      enum nr_sensor_event event, uint64_t monitored, int64_t value)
{
	struct nr_entry e = { .type = NR_ENTRY_SENSOR,
			      .sensor = { .sensor = test_sensor(sensor),
					  .event = (uint8_t)event,
					  .monitored_v4 = monitored,
					  .value = value } };

	(void)snprintf(e.sensor.name, sizeof(e.sensor.name), "sensor-%u", sensor);
	test_journal_add(j, &e);
}

static inline void test_journal_watermark(struct test_journal *j, int64_t tick)
{
	struct nr_entry e = { .type = NR_ENTRY_WATERMARK, .watermark = { tick } };

	test_journal_add(j, &e);
}

/** One or more batches of these rows. */
static inline void test_journal_rows(struct test_journal *j, unsigned sensor, bool imported,
				     const struct nr_observation *rows, size_t n)
{
	struct nr_batch_encoder *encoder;
	struct nr_buf out;

	assert_int_equal(nr_batch_encoder_new(&encoder), 0);
	for (size_t at = 0; at < n;) {
		at += nr_batch_encoder_add(encoder, rows + at, n - at);
		nr_buf_init(&out, NR_BATCH_SIZE_MAX);
		assert_int_equal(nr_batch_encoder_finish(encoder, &out), 0);
		struct nr_entry e = { .type = NR_ENTRY_BATCH,
				      .batch = { .sensor = test_sensor(sensor),
						 .imported = imported,
						 .batch = { .payload = { out.p, out.n } } } };

		test_journal_add(j, &e);
		nr_buf_done(&out);
	}
	nr_batch_encoder_free(encoder);
}

/* ---- the engine over a journal ---- */

struct test_live {
	unsigned workers; /* 0: 1 */
	size_t max_entries;
	uint32_t max_waiting;
	struct nr_online *online;
	struct nr_buf lines; /* of nr_revision_json(), and the sightings behind it */
	struct nr_buf ended; /* findings as `noroshi observe` prints them */
	uint64_t n[4];	     /* revisions by state */
	uint64_t late;
	void (*see)(struct test_live *live, const struct nr_revision *revision);
	void *see_ctx;
};

static inline int test_live_revision(void *ctx, const struct nr_revision *revision)
{
	struct test_live *live = ctx;

	nr_revision_json(revision, &live->lines);
	nr_buf_add(&live->lines, " ", 1);
	nr_sightings_print(revision->seen_by.list, revision->seen_by.n, &live->lines);
	nr_buf_add(&live->lines, "\n", 1);
	live->n[revision->state]++;
	live->late += revision->late;
	if (revision->state == NR_REVISION_ENDED)
		assert_int_equal(test_run_add(&live->ended, &nr_finding_type, revision->finding),
				 0);
	if (live->see != NULL)
		live->see(live, revision);
	return live->lines.err;
}

static inline void test_live_start(struct test_live *live)
{
	struct nr_online_options options = { .n_workers = live->workers,
					     .max_entries = live->max_entries,
					     .max_waiting = live->max_waiting,
					     .revision = test_live_revision,
					     .ctx = live };

	if (live->lines.max == 0) {
		nr_buf_init(&live->lines, TEST_OUT_MAX);
		nr_buf_init(&live->ended, TEST_OUT_MAX);
	}
	assert_int_equal(nr_online_new(&options, &live->online, NULL), 0);
}

static inline void test_live_feed(struct test_live *live, const struct test_journal *j, size_t from,
				  size_t to)
{
	for (size_t i = from; i < to; i++)
		assert_int_equal(nr_online_feed(live->online, &j->entries[i], NULL), 0);
}

static inline void test_live_run(struct test_live *live, const struct test_journal *j)
{
	test_live_start(live);
	test_live_feed(live, j, 0, j->n);
}

static inline void test_live_done(struct test_live *live)
{
	nr_online_free(live->online);
	nr_buf_done(&live->lines);
	nr_buf_done(&live->ended);
}
