/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * test_spool_model: a spool, a hub that counts, and a seed that decides what happens between them:
 * batches of any size, partitions, lost acknowledgements, ends of the process between and inside of
 * operations, a full disk.
 *
 * Invariant, at the end of every run: observations that the hub holds + observations of the gaps it
 * was told = observations spooled, and so for packets; no batch twice, none that does not follow
 * from the one before. Included by the unit test (few seeds) and by the harness (thousands):
 * tests/e2e/spool_trial.c.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "observe/sensor/spool.h"

enum { MODEL_PATH = 512, MODEL_FLIGHT = 64, MODEL_PAYLOAD = 64 << 10 };

struct model_item {
	bool is_gap;
	uint64_t epoch, seq, from;
	struct nr_digest previous, digest; /* digest: of the batch, or `last` of the gap */
	uint64_t rows, packets;
};

struct model {
	uint64_t dice;
	char dir[MODEL_PATH];
	uint64_t limit;
	struct nr_spool *spool;
	/* what is true */
	uint64_t rows, packets, batches;
	/* what the hub holds */
	uint64_t epoch, seq, hub_rows, hub_packets, gap_rows, gap_packets, gaps, sessions, kills,
		full;
	struct nr_digest digest;
	struct model_item flight[MODEL_FLIGHT];
	size_t n_flight;
	bool connected;
	uint64_t n_made; /* also what makes payloads differ */
	char fault[800]; /* "": none */
	uint8_t payload[MODEL_PAYLOAD];
};

static inline uint64_t model_roll(struct model *m, uint64_t below)
{
	m->dice += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t x = m->dice;

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (x ^ x >> 31) % below;
}

#define MODEL_FAULT(m, ...)                                                          \
	do {                                                                         \
		if ((m)->fault[0] == '\0')                                           \
			(void)snprintf((m)->fault, sizeof((m)->fault), __VA_ARGS__); \
	} while (0)

/* ---- files ---- */

static inline void model_clear(const char *dir)
{
	DIR *handle = opendir(dir);
	char path[MODEL_PATH + 300];

	for (struct dirent *e; handle != NULL && (e = readdir(handle)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		(void)unlink(path);
	}
	if (handle != NULL)
		(void)closedir(handle);
	(void)rmdir(dir);
}

static inline void model_open(struct model *m)
{
	struct nr_spool_options opt = { .dir = m->dir, .limit = m->limit, .now_s = 1700000000 };
	struct nr_err err = { 0 };

	m->connected = false;
	m->n_flight = 0;
	int r = nr_spool_open(&opt, &m->spool, &err);

	if (r < 0) {
		MODEL_FAULT(m, "open: %s", err.msg);
		m->spool = NULL;
	}
}

/* The process ended and another begins: what was in memory alone is gone. */
static inline void model_reopen(struct model *m)
{
	struct nr_spool_stats stats;

	nr_spool_stats(m->spool, &stats);
	m->rows -= stats.unwritten_rows;
	m->packets -= stats.unwritten_packets;
	m->spool = nr_spool_free(m->spool);
	m->kills++;
	model_open(m);
}

/* ---- hub ---- */

static inline void model_hub_take(struct model *m, const struct model_item *item)
{
	uint64_t first = item->is_gap ? item->from : item->seq;

	if (item->epoch != m->epoch) {
		if (item->epoch < m->epoch)
			MODEL_FAULT(m, "epoch %llu after %llu", (unsigned long long)item->epoch,
				    (unsigned long long)m->epoch);
		m->epoch = item->epoch;
		m->seq = 0;
		memset(&m->digest, 0, sizeof(m->digest));
	}
	if (first != m->seq + 1)
		MODEL_FAULT(m, "number %llu after %llu", (unsigned long long)first,
			    (unsigned long long)m->seq);
	if (!item->is_gap && !nr_digest_eq(&item->previous, &m->digest))
		MODEL_FAULT(m, "batch %llu does not follow", (unsigned long long)item->seq);
	m->seq = item->seq;
	m->digest = item->digest;
	*(item->is_gap ? &m->gap_rows : &m->hub_rows) += item->rows;
	*(item->is_gap ? &m->gap_packets : &m->hub_packets) += item->packets;
	m->gaps += item->is_gap;
}

/* ---- operations ---- */

static inline struct nr_spool_entry model_entry(struct model *m, size_t max)
{
	size_t n = 64 + model_roll(m, max);
	struct nr_spool_entry entry = { .made_ns = (int64_t)m->n_made,
					.rows = 1 + (uint32_t)model_roll(m, 1000),
					.first_tick = 1700000000 + (int64_t)m->n_made,
					.payload = { m->payload, n } };

	entry.last_tick = entry.first_tick + 1;
	entry.packets = entry.rows + model_roll(m, 5000);
	for (size_t i = 0; i < n; i += 8) {
		uint64_t word = model_roll(m, UINT64_MAX);

		memcpy(m->payload + i, &word, 8);
	}
	memcpy(m->payload, &entry.rows, 4);
	memcpy(m->payload + 8, &entry.packets, 8);
	memcpy(m->payload + 16, &m->n_made, 8);
	m->n_made++;
	return entry;
}

static inline void model_append(struct model *m, size_t max)
{
	struct nr_spool_entry entry = model_entry(m, max);
	struct nr_err err = { 0 };

	if (nr_spool_append(m->spool, &entry, &err) < 0) {
		MODEL_FAULT(m, "append: %s", err.msg);
		return;
	}
	m->rows += entry.rows;
	m->packets += entry.packets;
	m->batches++;
}

static inline void model_connect(struct model *m)
{
	struct nr_err err = { 0 };

	m->n_flight = 0;
	m->sessions++;
	int r = nr_spool_seek(m->spool, m->epoch, m->seq, &m->digest, &err);

	if (r < 0)
		MODEL_FAULT(m, "seek %llu: %s", (unsigned long long)m->seq, err.msg);
	m->connected = r == 0;
}

/* Take what comes next into flight. @return whether there was something */
static inline bool model_send(struct model *m)
{
	struct nr_spool_item item;
	struct nr_err err = { 0 };
	struct nr_buf payload;

	if (!m->connected || m->n_flight == MODEL_FLIGHT)
		return false;
	nr_buf_init(&payload, NR_BATCH_SIZE_MAX);
	if (nr_spool_next(m->spool, &payload, &item, &err) < 0)
		MODEL_FAULT(m, "next: %s", err.msg);
	if (item.kind == NR_SPOOL_BATCH) {
		struct model_item *f = &m->flight[m->n_flight++];
		uint32_t rows;

		memcpy(&rows, item.batch.payload.p, 4);
		*f = (struct model_item){ .epoch = item.batch.epoch,
					  .seq = item.batch.seq,
					  .previous = item.batch.previous,
					  .digest = nr_message_digest(&item.batch),
					  .rows = rows };
		memcpy(&f->packets, item.batch.payload.p + 8, 8);
	} else if (item.kind == NR_SPOOL_GAP) {
		m->flight[m->n_flight++] = (struct model_item){ .is_gap = true,
								.epoch = item.gap.epoch,
								.from = item.gap.from_seq,
								.seq = item.gap.to_seq,
								.digest = item.gap.last,
								.rows = item.gap.observations,
								.packets = item.gap.packets };
		if (item.gap.first_tick > item.gap.last_tick)
			MODEL_FAULT(m, "a gap that ends before it begins");
	}
	nr_buf_done(&payload);
	return item.kind != NR_SPOOL_NOTHING;
}

/* The hub takes @p n of what is in flight; whether the sensor hears of it is another matter. */
static inline void model_deliver(struct model *m, size_t n, bool ack)
{
	struct nr_err err = { 0 };

	n = n < m->n_flight ? n : m->n_flight;
	for (size_t i = 0; i < n; i++)
		model_hub_take(m, &m->flight[i]);
	m->n_flight -= n;
	memmove(m->flight, m->flight + n, m->n_flight * sizeof(m->flight[0]));
	if (n > 0 && ack && nr_spool_ack(m->spool, m->epoch, m->seq, &err) < 0)
		MODEL_FAULT(m, "ack: %s", err.msg);
	if (n > 0 && !ack)
		m->connected = false; /* an acknowledgement is lost with its connection alone */
}

/* The hub calls the first one in flight damaged, and ends the session. */
static inline void model_refuse(struct model *m)
{
	if (m->connected && m->n_flight > 0 &&
	    !nr_spool_refused(m->spool, m->flight[0].epoch, m->flight[0].seq))
		MODEL_FAULT(m, "refusal of %llu ignored", (unsigned long long)m->flight[0].seq);
	m->connected = false;
}

struct model_death {
	uint64_t left;
};

static inline void model_die(void *ctx, const struct nr_io_call *call)
{
	struct model_death *death = ctx;

	(void)call;
	if (death->left-- == 0)
		_exit(7);
}

/* An operation in a child that ends behind its n-th call that changes the disk. */
static inline void model_kill_inside(struct model *m, size_t max)
{
	struct model_death death = { model_roll(m, 12) };
	struct nr_spool_entry entry = model_entry(m, max);
	struct nr_spool_stats before, after;

	nr_spool_stats(m->spool, &before);
	pid_t pid = fork();

	if (pid == 0) {
		nr_io_record(model_die, &death);
		int r = nr_spool_append(m->spool, &entry, NULL);

		if (r == 0)
			r = nr_spool_sync(m->spool, NULL);
		_exit(r < 0);
	}
	(void)waitpid(pid, NULL, 0);
	model_reopen(m);
	if (m->spool == NULL)
		return;
	nr_spool_stats(m->spool, &after);
	if (after.next_seq > before.next_seq) {
		m->rows += entry.rows;
		m->packets += entry.packets;
		m->batches++;
	}
}

/* No room for a while: every write fails, as on a full disk. */
static inline void model_full(struct model *m, size_t max)
{
	nr_io_fail_from(1 + model_roll(m, 20), -ENOSPC);
	for (uint64_t i = 1 + model_roll(m, 5); i > 0; i--) {
		struct nr_spool_entry entry = model_entry(m, max);
		if (nr_spool_append(m->spool, &entry, NULL) < 0)
			continue;
		m->rows += entry.rows;
		m->packets += entry.packets;
	}
	(void)nr_io_plan_end();
	m->full++;
	model_reopen(m);
}

static inline void model_step(struct model *m, size_t max)
{
	struct nr_err err = { 0 };
	uint64_t what = model_roll(m, 1000);

	if (what < 450) {
		model_append(m, max);
		if (model_roll(m, 2) == 0 && nr_spool_sync(m->spool, &err) < 0)
			MODEL_FAULT(m, "sync: %s", err.msg);
	} else if (what < 470) {
		model_connect(m);
	} else if (what < 475) {
		m->connected = false;
	} else if (what < 480) {
		model_refuse(m);
	} else if (what < 700) {
		for (uint64_t n = model_roll(m, 20); n > 0 && model_send(m); n--)
			;
	} else if (what < 970) {
		if (m->connected)
			model_deliver(m, (size_t)model_roll(m, 30), model_roll(m, 40) != 0);
	} else if (what < 985) {
		model_reopen(m);
	} else if (what < 995) {
		model_kill_inside(m, max);
	} else {
		model_full(m, max);
	}
}

static inline void model_finish(struct model *m)
{
	if (m->spool == NULL)
		return;
	model_append(m, 100); /* a hole at the very end is told with what follows it */
	if (nr_spool_sync(m->spool, NULL) < 0)
		MODEL_FAULT(m, "the last sync");
	model_connect(m);
	for (int i = 0; i < 100000 && m->fault[0] == '\0'; i++) {
		while (model_send(m))
			;
		if (m->n_flight == 0)
			break;
		model_deliver(m, MODEL_FLIGHT, true);
	}
	struct nr_spool_stats stats;

	nr_spool_stats(m->spool, &stats);
	if (stats.waiting != 0)
		MODEL_FAULT(m, "%llu batches wait at the end", (unsigned long long)stats.waiting);
	if (m->hub_rows + m->gap_rows != m->rows)
		MODEL_FAULT(m, "observations: %llu sent + %llu in gaps, %llu made",
			    (unsigned long long)m->hub_rows, (unsigned long long)m->gap_rows,
			    (unsigned long long)m->rows);
	if (m->hub_packets + m->gap_packets != m->packets)
		MODEL_FAULT(m, "packets: %llu sent + %llu in gaps, %llu made",
			    (unsigned long long)m->hub_packets, (unsigned long long)m->gap_packets,
			    (unsigned long long)m->packets);
}

/** One run in a directory of its own. The caller frees the result. */
static inline struct model *model_run(uint64_t seed, uint64_t limit, size_t max, uint64_t steps)
{
	const char *tmp = getenv("TMPDIR");
	struct model *m = calloc(1, sizeof(*m));

	m->dice = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
	m->limit = limit;
	(void)snprintf(m->dir, sizeof(m->dir), "%s/nr_spool_%d_%llu", tmp != NULL ? tmp : "/tmp",
		       (int)getpid(), (unsigned long long)seed);
	model_clear(m->dir);
	if (mkdir(m->dir, 0700) < 0)
		MODEL_FAULT(m, "mkdir %s", m->dir);
	model_open(m);
	for (uint64_t i = 0; i < steps && m->fault[0] == '\0' && m->spool != NULL; i++)
		model_step(m, max);
	if (m->fault[0] == '\0')
		model_finish(m);
	m->spool = nr_spool_free(m->spool);
	model_clear(m->dir);
	return m;
}
