/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool_large DIR LIMIT_MIB [OVER_PERCENT]: one long time without a hub, then one that is there again.
 *
 * Batches of about 120 KiB go into a spool until OVER_PERCENT (10) more than its limit went in; after
 * half of it the spool is closed and opened again. Then it is sent from the beginning to a hub that
 * adds up: what arrived and what gaps name must be what went in, exactly, batches, observations and
 * packets, and every payload what it was. TAP output.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/crypt.h"
#include "base/io.h"
#include "observe/sensor/spool.h"

enum { PAYLOAD = 120 << 10, ROWS = 9973, SYNC_EVERY = 16 };
#define EPOCH_S INT64_C(1790000000)

struct sums {
	uint64_t batches, rows, packets;
};

struct run {
	struct nr_spool *spool;
	struct nr_spool_options options;
	uint8_t *payload;
	struct sums made, sent, missing;
	uint64_t gaps, changed;
	struct nr_err err;
};

/* Of its own number: what arrives is recognised. */
static struct nr_spool_entry entry_of(struct run *run, uint64_t i)
{
	memcpy(run->payload, &i, sizeof(i));
	return (struct nr_spool_entry){ .made_ns = (EPOCH_S + (int64_t)i) * NR_NS_PER_S,
					.packets = ROWS + i % 7,
					.first_tick = EPOCH_S + (int64_t)i,
					.last_tick = EPOCH_S + (int64_t)i,
					.rows = (uint32_t)(ROWS - i % 3),
					.payload = { run->payload, PAYLOAD - i % 1000 } };
}

static int reopen(struct run *run)
{
	nr_spool_free(run->spool);
	run->spool = NULL;
	return nr_spool_open(&run->options, &run->spool, &run->err);
}

static int fill(struct run *run, uint64_t bytes)
{
	uint64_t put = 0;
	bool again = false;
	int ret = 0;

	while (ret == 0 && put < bytes) {
		struct nr_spool_entry entry = entry_of(run, run->made.batches + 1);

		ret = nr_spool_append(run->spool, &entry, &run->err);
		if (ret == 0 && run->made.batches % SYNC_EVERY == 0)
			ret = nr_spool_sync(run->spool, &run->err);
		run->made.batches++;
		run->made.rows += entry.rows;
		run->made.packets += entry.packets;
		put += entry.payload.n;
		if (ret == 0 && !again && put > bytes / 2) {
			again = true;
			ret = nr_spool_sync(run->spool, &run->err);
			if (ret == 0)
				ret = reopen(run);
		}
	}
	return ret == 0 ? nr_spool_sync(run->spool, &run->err) : ret;
}

static void take_batch(struct run *run, const struct nr_message_batch *batch)
{
	uint64_t i = batch->seq;
	struct nr_spool_entry entry = entry_of(run, i);

	if (batch->payload.n != entry.payload.n || batch->made_ns != entry.made_ns ||
	    memcmp(batch->payload.p, entry.payload.p, entry.payload.n) != 0)
		run->changed++;
	run->sent.batches++;
	run->sent.rows += entry.rows;
	run->sent.packets += entry.packets;
}

static int drain(struct run *run)
{
	struct nr_digest none = { { 0 } };
	struct nr_spool_item item;
	struct nr_buf payload;
	int ret = nr_spool_seek(run->spool, 0, 0, &none, &run->err);

	nr_buf_init(&payload, NR_BATCH_SIZE_MAX);
	while (ret == 0) {
		uint64_t upto = 0, epoch = 0;

		ret = nr_spool_next(run->spool, &payload, &item, &run->err);
		if (ret < 0 || item.kind == NR_SPOOL_NOTHING)
			break;
		if (item.kind == NR_SPOOL_BATCH) {
			take_batch(run, &item.batch);
			epoch = item.batch.epoch;
			upto = item.batch.seq;
		} else {
			run->gaps++;
			run->missing.batches += item.gap.to_seq - item.gap.from_seq + 1;
			run->missing.rows += item.gap.observations;
			run->missing.packets += item.gap.packets;
			epoch = item.gap.epoch;
			upto = item.gap.to_seq;
		}
		ret = nr_spool_ack(run->spool, epoch, upto, &run->err);
	}
	nr_buf_done(&payload);
	return ret;
}

static int work(struct run *run, uint64_t bytes)
{
	int64_t begun = nr_mono_now().ns, filled;
	struct nr_spool_stats stats;
	int ret = reopen(run);

	if (ret == 0)
		ret = fill(run, bytes);
	if (ret < 0)
		return ret;
	filled = nr_mono_now().ns;
	nr_spool_stats(run->spool, &stats);
	printf("# filled in %.0f s: %.2f GiB went in, %.2f GiB kept (limit %.2f), %" PRIu64
	       " batches dropped\n",
	       (double)(filled - begun) / 1e9, (double)bytes / (1 << 30),
	       (double)stats.bytes / (1 << 30), (double)run->options.limit / (1 << 30),
	       stats.dropped_batches);
	ret = drain(run);
	printf("# sent in %.0f s\n", (double)(nr_mono_now().ns - filled) / 1e9);
	return ret;
}

static bool report(const struct run *run)
{
	const struct sums *m = &run->made, *s = &run->sent, *g = &run->missing;

	printf("# made %" PRIu64 " batches, %" PRIu64 " observations, %" PRIu64 " packets\n",
	       m->batches, m->rows, m->packets);
	printf("# sent %" PRIu64 " batches, %" PRIu64 " observations, %" PRIu64 " packets\n",
	       s->batches, s->rows, s->packets);
	printf("# in %" PRIu64 " gaps %" PRIu64 " batches, %" PRIu64 " observations, %" PRIu64
	       " packets; %" PRIu64 " payloads changed\n",
	       run->gaps, g->batches, g->rows, g->packets, run->changed);
	return run->changed == 0 && s->batches + g->batches == m->batches &&
	       s->rows + g->rows == m->rows && s->packets + g->packets == m->packets &&
	       g->batches > 0 && s->batches > g->batches;
}

int main(int argc, char **argv)
{
	uint64_t mib = 0, over = 10;
	struct run run = { .spool = NULL };
	bool good;

	if (argc < 3 || nr_crypt_init() < 0 ||
	    nr_str_u64(nr_str_from(argv[2]), 1, 1 << 20, &mib) < 0 ||
	    (argc > 3 && nr_str_u64(nr_str_from(argv[3]), 1, 1000, &over) < 0)) {
		(void)fprintf(stderr, "usage: spool_large DIR LIMIT_MIB [OVER_PERCENT]\n");
		return 2;
	}
	run.options =
		(struct nr_spool_options){ .dir = argv[1], .limit = mib << 20, .now_s = EPOCH_S };
	run.payload = malloc(PAYLOAD);
	if (run.payload == NULL)
		return 1;
	nr_random(run.payload, PAYLOAD);
	int ret = work(&run, (mib << 20) / 100 * (100 + over));

	good = ret == 0 && report(&run);
	printf("1..1\n%sok 1 - a spool of %" PRIu64 " MiB: sent + told missing = made%s%s\n",
	       good ? "" : "not ", mib, ret < 0 ? ": " : "", ret < 0 ? run.err.msg : "");
	nr_spool_free(run.spool);
	free(run.payload);
	return good ? 0 : 1;
}
