/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring of slots, each a block and what was made of it. A slot goes round:
 *
 *   FREE --claim_read--> READING --fill--> READY --take_shards by every worker--> FREE
 *
 * Invariants
 * 1. Blocks are numbered; block b lives in slot b % n_slots; reading is one at a time per capture, numbering and
 *    watermarks under the lock, so block order and watermarks are those of the input.
 * 2. A worker takes its shards from blocks 0, 1, 2 ... without gaps.
 * 3. The worker that is last to take block b calls consumer.block(b) before it takes block b + 1; as b + 1
 *    needs every worker, block() calls cannot overtake each other.
 */
#include "observe/pipeline.h"

#include <pthread.h>
#include <stdlib.h>

#include "observe/classify/classify.h"

enum slot_state { SLOT_FREE, SLOT_READING, SLOT_READY };

struct slot {
	enum slot_state state;
	unsigned n_taken;
	struct nr_block *block;
	struct nr_prepared *prepared;
};

struct worker {
	struct nr_pipeline *pipeline;
	unsigned id; /* also place.worker */
	pthread_t thread;
	struct nr_pipeline_counts counts;
	struct nr_pipeline_place place; /* being worked on */
};

struct nr_pipeline {
	struct nr_pipeline_options opt;
	unsigned n_slots;
	struct slot *slots;
	struct worker *workers;
	struct nr_flow flows[NR_SHARDS];
	struct nr_watermark mark;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool *reading; /* one a capture */
	uint64_t n_blocks, packets_read;
	bool ended;
	int status; /* first error that ends the run, or damage */
	struct nr_err err;
};

unsigned nr_pipeline_slots(unsigned n_workers)
{
	return n_workers == 1 ? 1 : n_workers + 2;
}

static void slot_done(struct slot *slot)
{
	nr_block_free(slot->block);
	free(slot->prepared);
}

static int slot_init(struct slot *slot)
{
	slot->prepared = aligned_alloc(64, sizeof(*slot->prepared));
	return slot->prepared == NULL ? -ENOMEM : nr_block_new(&slot->block);
}

struct nr_pipeline *nr_pipeline_free(struct nr_pipeline *pipeline)
{
	if (pipeline == NULL)
		return NULL;
	for (unsigned s = 0; pipeline->slots != NULL && s < pipeline->n_slots; s++)
		slot_done(&pipeline->slots[s]);
	for (unsigned s = 0; s < NR_SHARDS; s++)
		nr_flow_done(&pipeline->flows[s]);
	free(pipeline->slots);
	free(pipeline->workers);
	free(pipeline->reading);
	pthread_mutex_destroy(&pipeline->lock);
	pthread_cond_destroy(&pipeline->changed);
	free(pipeline);
	return NULL;
}

int nr_pipeline_new(const struct nr_pipeline_options *options, struct nr_pipeline **ret_pipeline)
{
	nr_auto(nr_pipeline) pl = calloc(1, sizeof(*pl));
	int r = 0;

	if (pl == NULL)
		return -ENOMEM;
	pthread_mutex_init(&pl->lock, NULL);
	pthread_cond_init(&pl->changed, NULL);
	pl->opt = *options;
	if (options->n_workers == 0 || options->n_workers > NR_PIPELINE_WORKERS_MAX ||
	    options->n_captures == 0)
		return -EINVAL;
	pl->mark = (struct nr_watermark){ INT64_MIN, INT64_MIN };
	pl->n_slots = nr_pipeline_slots(options->n_workers);
	pl->slots = calloc(pl->n_slots, sizeof(pl->slots[0]));
	pl->workers = calloc(options->n_workers, sizeof(pl->workers[0]));
	pl->reading = calloc(options->n_captures, sizeof(pl->reading[0]));
	if (pl->slots == NULL || pl->workers == NULL || pl->reading == NULL)
		return -ENOMEM;
	for (unsigned s = 0; s < pl->n_slots && r == 0; s++)
		r = slot_init(&pl->slots[s]);
	for (unsigned s = 0; s < NR_SHARDS && r == 0; s++)
		r = nr_flow_init(&pl->flows[s], s, &options->key, options->max_flows);
	for (unsigned s = 0; s < NR_SHARDS; s++)
		pl->flows[s].eager = options->eager;
	if (r < 0)
		return r;
	for (unsigned w = 0; w < options->n_workers; w++) {
		pl->workers[w].pipeline = pl;
		pl->workers[w].id = pl->workers[w].place.worker = w;
		pl->workers[w].counts.first = INT64_MAX;
		pl->workers[w].counts.last = INT64_MIN;
	}
	*ret_pipeline = NR_TAKE(pl);
	return 0;
}

/* ---- reading ---- */

/* Lock held. A capture that nobody reads and that has not ended, or n_captures. */
static size_t capture_idle(const struct nr_pipeline *pl)
{
	size_t c = 0;

	while (c < pl->opt.n_captures && (pl->reading[c] || nr_capture_ended(pl->opt.captures[c])))
		c++;
	return c;
}

static bool captures_ended(const struct nr_pipeline *pl)
{
	for (size_t c = 0; c < pl->opt.n_captures; c++)
		if (pl->reading[c] || !nr_capture_ended(pl->opt.captures[c]))
			return false;
	return true;
}

/* Lock held. Keep the first error; anything but damage ends the run. */
static void fail(struct nr_pipeline *pl, int code, const struct nr_err *err)
{
	if (pl->status == 0 || (pl->status == NR_EDAMAGED && code != NR_EDAMAGED)) {
		pl->status = code;
		pl->err = *err;
	}
	if (code != NR_EDAMAGED)
		pl->ended = true;
}

static void cap_packets(struct nr_pipeline *pl, struct nr_block *block)
{
	uint64_t left = pl->opt.max_packets - pl->packets_read;

	if (pl->opt.max_packets == 0 || block->n < left)
		return;
	block->n = (size_t)left;
	pl->ended = true;
}

/* Lock held on entry and exit; gives it up while reading. The slot of block n_blocks is free. */
static void read_block(struct nr_pipeline *pl, struct worker *worker, size_t capture,
		       struct slot *slot)
{
	struct nr_err err = { 0 };
	struct nr_prepare_rules rules = {
		.nets = pl->opt.nets,
		.filter = pl->opt.filter,
		.since = pl->opt.since.ns,
		.until = pl->opt.until.ns,
		.n_workers = pl->opt.n_workers,
		.fast = true,
	};

	pl->reading[capture] = true;
	slot->state = SLOT_READING;
	pl->n_blocks++;
	pthread_mutex_unlock(&pl->lock);
	int r = nr_capture_next(pl->opt.captures[capture], slot->block, 200, &err);

	pthread_mutex_lock(&pl->lock);
	if (r < 0)
		fail(pl, r, &err);
	cap_packets(pl, slot->block);
	pl->packets_read += slot->block->n;
	nr_prepare_watermarks(&pl->mark, slot->block, slot->prepared);
	if (pl->opt.live) {
		int64_t now = nr_time_floor_s(nr_time_now()) - 1;

		pl->mark.tick = now > pl->mark.tick ? now : pl->mark.tick;
		slot->prepared->watermark = pl->mark.tick;
	}
	pl->reading[capture] = false;
	if (captures_ended(pl))
		pl->ended = true;
	if (pl->opt.progress != NULL)
		pl->opt.progress(pl->opt.progress_ctx, pl->packets_read);
	pthread_cond_broadcast(&pl->changed);
	pthread_mutex_unlock(&pl->lock);
	nr_prepare(&rules, slot->block, slot->prepared, &worker->counts);
	pthread_mutex_lock(&pl->lock);
	slot->state = SLOT_READY;
	slot->n_taken = 0;
	pthread_cond_broadcast(&pl->changed);
}

/* ---- shards ---- */

static void hand_over(void *ctx, unsigned shard, int64_t watermark,
		      const struct nr_observation *obs, size_t n)
{
	struct worker *worker = ctx;
	const struct nr_pipeline_consumer *consumer = &worker->pipeline->opt.consumer;

	worker->place.shard = shard;
	worker->place.watermark = watermark;
	consumer->batch(consumer->ctx, &worker->place, obs, n);
}

static void hand_over_packed(void *ctx, unsigned shard, int64_t watermark,
			     const struct nr_flow4 *flows, size_t n)
{
	struct worker *worker = ctx;
	const struct nr_pipeline_consumer *consumer = &worker->pipeline->opt.consumer;

	worker->place.shard = shard;
	worker->place.watermark = watermark;
	consumer->packed(consumer->ctx, &worker->place, flows, n);
}

static struct nr_flow_out out_of(struct worker *worker)
{
	bool packed = worker->pipeline->opt.consumer.packed != NULL;

	return (struct nr_flow_out){ .ctx = worker,
				     .batch = hand_over,
				     .packed = packed ? hand_over_packed : NULL };
}

static void sample_make(const struct nr_packet *p, struct nr_sample *sample)
{
	struct nr_str name = { NULL, 0 };

	*sample = (struct nr_sample){ .src = p->src,
				      .first = { p->ts },
				      .port = p->dport,
				      .proto = p->proto,
				      .payload = p->payload_class,
				      .n = (uint8_t)nr_min_size(p->payload_len, NR_SAMPLE_BYTES) };
	memcpy(sample->bytes, p->payload, sample->n);
	if (p->payload_class == NR_PAYLOAD_TLS)
		name = nr_payload_tls_sni(p->payload, p->payload_len);
	sample->n_name = (uint8_t)nr_min_size(name.n, NR_SAMPLE_NAME);
	if (sample->n_name > 0)
		memcpy(sample->name, name.p, sample->n_name);
}

static void hand_over_samples(struct worker *worker, const struct nr_prepared *prepared,
			      const struct nr_flow_step *steps, size_t n)
{
	const struct nr_pipeline_consumer *consumer = &worker->pipeline->opt.consumer;
	struct nr_sample sample;

	for (size_t i = 0; i < n; i++) {
		const struct nr_packet *p = &prepared->packets[steps[i].packet];
		const struct nr_flow4 *e = &prepared->entries[steps[i].packet];

		if (e->packets != 0 && e->payload == NR_PAYLOAD_NONE)
			continue; /* there may be no p */
		if (p->payload_len == 0 || p->payload == NULL || steps[i].mirror)
			continue;
		sample_make(p, &sample);
		worker->place.shard = steps[i].shard;
		consumer->sample(consumer->ctx, &worker->place, &sample);
	}
}

/* All of this worker's shards reach @p watermark. */
static void advance_shards(struct nr_pipeline *pl, struct worker *worker, int64_t watermark,
			   const struct nr_flow_out *out)
{
	for (unsigned s = worker->id; s < NR_SHARDS; s += pl->opt.n_workers) {
		nr_flow_advance(&pl->flows[s], watermark, out);
		worker->place.shard = s;
		worker->place.watermark = watermark;
		pl->opt.consumer.advance(pl->opt.consumer.ctx, &worker->place);
	}
}

static struct nr_flow_input flow_input(const struct nr_prepared *prepared)
{
	return (struct nr_flow_input){ .packets = prepared->packets,
				       .entries = prepared->entries,
				       .watermarks = prepared->watermarks };
}

/*
 * Samples come minute by minute: each after all that ended before its minute, so that who is said to have
 * sent it, and what is forgotten before it, do not depend on where blocks end.
 */
static void feed_with_samples(struct nr_pipeline *pl, struct worker *worker,
			      const struct nr_prepared *prepared, const struct nr_flow_out *out)
{
	const struct nr_flow_step *steps = prepared->steps;
	struct nr_flow_input input = flow_input(prepared);
	uint32_t end = prepared->start[worker->id + 1];

	for (uint32_t i = prepared->start[worker->id], k = i; i < end; i = k) {
		int64_t watermark = prepared->watermarks[steps[i].packet];

		while (k < end && prepared->watermarks[steps[k].packet] / NR_FLOW_MINUTE ==
					  watermark / NR_FLOW_MINUTE)
			k++;
		advance_shards(pl, worker, watermark, out);
		hand_over_samples(worker, prepared, steps + i, k - i);
		nr_flow_feed_packed(pl->flows, &input, steps + i, k - i, out);
	}
}

static void take_shards(struct nr_pipeline *pl, struct worker *worker, unsigned slot_no)
{
	const struct nr_prepared *prepared = pl->slots[slot_no].prepared;
	const struct nr_flow_step *steps = prepared->steps + prepared->start[worker->id];
	size_t n = prepared->start[worker->id + 1] - prepared->start[worker->id];
	struct nr_flow_out out = out_of(worker);
	struct nr_flow_input input = flow_input(prepared);

	worker->place.slot = slot_no;
	if (pl->opt.consumer.sample != NULL)
		feed_with_samples(pl, worker, prepared, &out);
	else
		nr_flow_feed_packed(pl->flows, &input, steps, n, &out);
	advance_shards(pl, worker, prepared->watermark, &out);
}

/* Lock held on entry and exit. */
static void take_block(struct nr_pipeline *pl, struct worker *worker, unsigned slot_no)
{
	struct slot *slot = &pl->slots[slot_no];

	pthread_mutex_unlock(&pl->lock);
	take_shards(pl, worker, slot_no);
	pthread_mutex_lock(&pl->lock);
	if (++slot->n_taken < pl->opt.n_workers)
		return;
	pthread_mutex_unlock(&pl->lock);
	int r = pl->opt.consumer.block(pl->opt.consumer.ctx, slot_no, slot->prepared->watermark);

	pthread_mutex_lock(&pl->lock);
	if (r < 0) {
		struct nr_err err = { 0 };

		nr_fail(&err, r, "writing results: %s", nr_err_text(r));
		fail(pl, r, &err);
	}
	slot->state = SLOT_FREE;
	pthread_cond_broadcast(&pl->changed);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct nr_pipeline *pl = worker->pipeline;
	uint64_t next = 0; /* block whose shards this worker takes next */

	pthread_mutex_lock(&pl->lock);
	for (;;) {
		unsigned mine = (unsigned)(next % pl->n_slots),
			 fresh = (unsigned)(pl->n_blocks % pl->n_slots);
		size_t capture;

		/* nr_capture_stop() may come when nobody reads: no read would say so */
		if (!pl->ended && captures_ended(pl)) {
			pl->ended = true;
			pthread_cond_broadcast(&pl->changed);
		}
		if (next < pl->n_blocks && pl->slots[mine].state == SLOT_READY) {
			take_block(pl, worker, mine);
			next++;
		} else if (!pl->ended && pl->slots[fresh].state == SLOT_FREE &&
			   (capture = capture_idle(pl)) < pl->opt.n_captures) {
			read_block(pl, worker, capture, &pl->slots[fresh]);
		} else if (pl->ended && next == pl->n_blocks) {
			break;
		} else {
			pthread_cond_wait(&pl->changed, &pl->lock);
		}
	}
	pthread_mutex_unlock(&pl->lock);
	return NULL;
}

int nr_pipeline_run(struct nr_pipeline *pl, struct nr_err *reterr)
{
	unsigned started = 1;
	int r = 0;

	pthread_mutex_lock(&pl->lock);
	pl->ended = captures_ended(pl);
	while (started < pl->opt.n_workers && r == 0) {
		r = pthread_create(&pl->workers[started].thread, NULL, work, &pl->workers[started]);
		started += r == 0;
	}
	if (r != 0) { /* every block needs every worker: without all of them nothing starts */
		nr_fail(&pl->err, -r, "cannot start thread %u: %s", started, nr_err_text(-r));
		pl->status = -r;
		pl->ended = true;
	}
	pthread_mutex_unlock(&pl->lock);
	work(&pl->workers[0]);
	for (unsigned w = 1; w < started; w++)
		pthread_join(pl->workers[w].thread, NULL);
	if (pl->status < 0 && reterr != NULL)
		*reterr = pl->err;
	return pl->status;
}

void nr_pipeline_drain(struct nr_pipeline *pl)
{
	struct worker *worker = &pl->workers[0];
	struct nr_flow_out out = out_of(worker);

	worker->place.slot = 0;
	for (unsigned s = 0; s < NR_SHARDS; s++)
		nr_flow_advance(&pl->flows[s], INT64_MAX, &out);
}

int64_t nr_pipeline_watermark(const struct nr_pipeline *pl)
{
	return pl->mark.tick;
}

void nr_pipeline_counts(const struct nr_pipeline *pl, struct nr_pipeline_counts *ret_counts)
{
	uint64_t sum = 0;

	*ret_counts = (struct nr_pipeline_counts){ .first = INT64_MAX, .last = INT64_MIN };
	for (unsigned w = 0; w < pl->opt.n_workers; w++)
		nr_prepare_counts_add(ret_counts, &pl->workers[w].counts);
	for (unsigned s = 0; s < NR_SHARDS; s++) {
		ret_counts->dropped[NR_OUTCOME_TABLE_FULL] += pl->flows[s].n_refused;
		ret_counts->classified -= pl->flows[s].n_refused;
	}
	for (unsigned o = 0; o < NR_OUTCOME_N; o++)
		sum += ret_counts->dropped[o];
	nr_require(ret_counts->received == ret_counts->classified + sum);
}

uint64_t nr_pipeline_flows(const struct nr_pipeline *pl)
{
	uint64_t n = 0;

	for (unsigned s = 0; s < NR_SHARDS; s++)
		n += pl->flows[s].n_flows;
	return n;
}

void nr_pipeline_save(const struct nr_pipeline *pl, struct nr_buf *out)
{
	struct nr_pipeline_counts sum = { .first = INT64_MAX, .last = INT64_MIN };

	for (unsigned w = 0; w < pl->opt.n_workers; w++)
		nr_prepare_counts_add(&sum, &pl->workers[w].counts);
	nr_write_le64(out, (uint64_t)pl->mark.tick);
	nr_write_le64(out, (uint64_t)pl->mark.pending);
	nr_buf_add(out, &sum, sizeof(sum));
	for (unsigned s = 0; s < NR_SHARDS; s++)
		nr_flow_save(&pl->flows[s], out);
}

int nr_pipeline_load(struct nr_pipeline *pl, struct nr_reader *in)
{
	pl->mark.tick = (int64_t)nr_read_le64(in);
	pl->mark.pending = (int64_t)nr_read_le64(in);
	const uint8_t *sum = nr_read_bytes(in, sizeof(struct nr_pipeline_counts));

	if (sum == NULL)
		return NR_EDAMAGED;
	memcpy(&pl->workers[0].counts, sum, sizeof(struct nr_pipeline_counts));
	for (unsigned s = 0; s < NR_SHARDS; s++) {
		int r = nr_flow_load(&pl->flows[s], in);

		if (r < 0)
			return r;
	}
	return 0;
}
