/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser process keeps: standard input (the pipe from capture), the pipe to the spooler, its
 * page. It is the only one that reads packets, and it has neither files nor network.
 *
 * A batch is closed when the watermark has moved by the interval that the spooler wishes, or when
 * it is full.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "base/time.h"
#include "observe/pipeline.h"
#include "observe/sensor/role.h"
#include "record/batch.h"

enum {
	FLOWS_A_SHARD = 65536,
	DATA_MAX = 192 << 20,
	OUT_MAX = NR_BATCH_SIZE_MAX + (1 << 20),
	OUT_KEPT = 2 << 20,
};

struct parser_role {
	const struct nr_role *role;
	struct nr_page_parser *page;
	struct nr_capture *capture;
	struct nr_pipeline *pipeline;
	struct nr_batch_encoder *encoder;
	struct nr_buf out;
	uint64_t packets; /* of the batch at work */
	int64_t first_tick, last_tick;
	int64_t closed; /* watermark when the last batch was closed; INT64_MIN: none yet */
	int failed;
};

/* ---- batches ---- */

static size_t counters_make(const struct parser_role *p, struct nr_batch_counter *counters)
{
	struct nr_page_totals totals;
	size_t n = 0;

	nr_page_totals(&p->role->pages, &totals);
#define COUNTER(word, count)                                                         \
	do {                                                                         \
		(void)snprintf(counters[n].name, NR_BATCH_COUNTER_NAME, "%s", word); \
		counters[n++].value = (count);                                       \
	} while (0)
	COUNTER("received", totals.received);
	COUNTER("classified", totals.classified);
	COUNTER("dropped.parser_lost", totals.lost);
	COUNTER("kernel.received", nr_get(p->role->pages.capture->kernel_received));
	COUNTER("kernel.dropped", nr_get(p->role->pages.capture->kernel_dropped));
#undef COUNTER
	for (size_t o = 1; o < NR_OUTCOME_N && n < NR_BATCH_COUNTERS; o++) {
		if (totals.dropped[o] == 0)
			continue;
		(void)snprintf(counters[n].name, NR_BATCH_COUNTER_NAME, "dropped.%s",
			       nr_outcome_names[o]);
		counters[n++].value = totals.dropped[o];
	}
	return n;
}

static void counts_publish(struct parser_role *p)
{
	struct nr_pipeline_counts counts;

	nr_pipeline_counts(p->pipeline, &counts);
	nr_set(p->page->received, counts.received);
	nr_set(p->page->classified, counts.classified);
	for (size_t o = 0; o < NR_OUTCOME_N; o++)
		nr_set(p->page->dropped[o], counts.dropped[o]);
}

static int hand_over(struct parser_role *p, uint32_t rows)
{
	struct nr_spool_entry entry = { .made_ns = nr_time_now().ns,
					.packets = p->packets,
					.first_tick = p->first_tick,
					.last_tick = p->last_tick,
					.rows = rows,
					.payload = { p->out.p, p->out.n } };
	uint8_t head[NR_HANDOVER_HEAD];

	nr_handover_write(&entry, head);
	nr_set(p->page->waiting, 1);
	int r = nr_io_write_all(p->role->out, head, sizeof(head));

	if (r == 0)
		r = nr_io_write_all(p->role->out, p->out.p, p->out.n);
	nr_set(p->page->alive_ns, nr_mono_now().ns);
	nr_set(p->page->waiting, 0);
	return r;
}

static int batch_close(struct parser_role *p)
{
	struct nr_batch_counter counters[NR_BATCH_COUNTERS];
	uint32_t rows = nr_batch_encoder_rows(p->encoder);
	const struct nr_settings *settings = p->role->settings;

	if (rows == 0)
		return 0;
	counts_publish(p);
	int r = nr_batch_encoder_state(p->encoder,
				       settings->has_nets ? nr_nets_size_v4(&settings->nets) : 0,
				       counters, counters_make(p, counters));

	if (r == 0)
		r = nr_batch_encoder_finish(p->encoder, &p->out);
	if (r == 0)
		r = hand_over(p, rows);
	if (p->out.cap > OUT_KEPT) { /* a rare large one does not stay */
		nr_buf_done(&p->out);
		nr_buf_init(&p->out, OUT_MAX);
	}
	nr_buf_reset(&p->out);
	p->packets = 0;
	p->first_tick = INT64_MAX;
	p->last_tick = INT64_MIN;
	return r;
}

static void add(struct parser_role *p, const struct nr_observation *obs)
{
	if (nr_batch_encoder_add(p->encoder, obs, 1) == 0) {
		if (p->failed == 0)
			p->failed = batch_close(p);
		if (nr_batch_encoder_add(p->encoder, obs, 1) == 0)
			return;
	}
	p->packets += obs->packets;
	p->first_tick = obs->tick < p->first_tick ? obs->tick : p->first_tick;
	p->last_tick = obs->tick > p->last_tick ? obs->tick : p->last_tick;
}

/* ---- the pipeline's consumer ---- */

static void on_batch(void *ctx, const struct nr_pipeline_place *where,
		     const struct nr_observation *obs, size_t n)
{
	struct parser_role *p = ctx;

	(void)where;
	for (size_t i = 0; i < n; i++)
		if ((obs[i].flags & NR_OBS_MIRROR) == 0)
			add(p, &obs[i]);
}

static void on_advance(void *ctx, const struct nr_pipeline_place *where)
{
	(void)ctx;
	(void)where;
}

static int on_block(void *ctx, unsigned slot, int64_t watermark)
{
	struct parser_role *p = ctx;
	int64_t interval = (int64_t)(nr_get(p->role->pages.spooler->interval_ms) / 1000);

	(void)slot;
	counts_publish(p);
	nr_set(p->page->alive_ns, nr_mono_now().ns);
	nr_set(p->page->alive_wall_ns, nr_time_now().ns);
	if (watermark == INT64_MIN)
		return p->failed;
	nr_set(p->page->newest_tick, watermark);
	if (p->closed == INT64_MIN)
		p->closed = watermark;
	if (watermark - p->closed >= (interval < 1 ? 1 : interval) && p->failed == 0) {
		p->closed = watermark;
		p->failed = batch_close(p);
	}
	return p->failed;
}

/* ---- the process ---- */

static int make(struct parser_role *p)
{
	const struct nr_settings *settings = p->role->settings;
	struct nr_str path = NR_STR("-");
	struct nr_capture_options from = { .paths = &path, .n_paths = 1 };
	struct nr_pipeline_options opt = { .captures = &p->capture,
					   .n_captures = 1,
					   .nets = settings->has_nets ? &settings->nets : NULL,
					   .until = { INT64_MAX },
					   .n_workers = 1,
					   .max_flows = FLOWS_A_SHARD,
					   .eager = true,
					   .live = settings->interface != NULL,
					   .consumer = { .ctx = p,
							 .batch = on_batch,
							 .advance = on_advance,
							 .block = on_block } };
	int r = nr_hash_key_random(&opt.key);

	if (r == 0)
		r = nr_capture_open(&from, &p->capture, NULL);
	if (r == 0)
		r = nr_pipeline_new(&opt, &p->pipeline);
	if (r == 0)
		r = nr_batch_encoder_new(&p->encoder);
	return r;
}

static void page_begin(struct parser_role *p)
{
	nr_set(p->page->received, 0);
	nr_set(p->page->classified, 0);
	for (size_t o = 0; o < NR_OUTCOME_N; o++)
		nr_set(p->page->dropped[o], 0);
	nr_set(p->page->waiting, 0);
	nr_set(p->page->alive_ns, nr_mono_now().ns);
	nr_set(p->page->generation, p->role->generation);
}

int nr_role_parser(const struct nr_role *role)
{
	struct nr_sandbox sandbox = { .max_data = DATA_MAX, .max_files = 16 };
	struct parser_role p = { .role = role,
				 .page = role->pages.parser,
				 .first_tick = INT64_MAX,
				 .last_tick = INT64_MIN,
				 .closed = INT64_MIN };
	struct nr_err err = { 0 };

	nr_buf_init(&p.out, OUT_MAX);
	if (dup2(role->in, STDIN_FILENO) < 0 || make(&p) < 0) {
		nr_log(NR_LOG_ERROR, "parser", "start", "error=no memory");
		return NR_ROLE_FAILED;
	}
	(void)close(role->in);
	page_begin(&p);
	if (nr_role_close(role, "parser", &sandbox) < 0)
		return NR_ROLE_SANDBOX;
	int r = nr_pipeline_run(p.pipeline, &err);

	nr_pipeline_drain(p.pipeline);
	if (p.failed == 0)
		p.failed = batch_close(&p);
	counts_publish(&p);
	if (r == NR_EDAMAGED && nr_get(p.page->received) == 0)
		r = 0; /* capture ended before its first frame */
	if (r < 0 && p.failed == 0)
		nr_log(NR_LOG_ERROR, "parser", "input", "error=%s", err.msg);
	return r < 0 || p.failed < 0 ? NR_ROLE_FAILED : NR_ROLE_DONE;
}
