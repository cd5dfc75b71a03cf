/* SPDX-License-Identifier: Apache-2.0 */
#include "crash_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void world_fault(const struct world *w, const char *what, uint64_t at, uint64_t got,
		 const char *words)
{
	fprintf(stderr,
		"seed %llu state %llu depth %d: %s at place %llu, got %llu %s; left in %s\n",
		(unsigned long long)w->seed, (unsigned long long)w->states, w->depth, what,
		(unsigned long long)at, (unsigned long long)got, words, w->dir);
	if (getenv("CRASH_STATES_STOP") != NULL)
		abort();
}

static int64_t world_now(void *ctx)
{
	return ((struct world *)ctx)->clock_ns += 1000;
}

/* ---- entries that say which they are ---- */

void world_text(uint64_t number, size_t n, uint8_t *out)
{
	uint64_t rng = number;

	memcpy(out, &number, 8);
	for (size_t i = 8; i + 8 <= n; i += 8) {
		uint64_t v = crash_random(&rng);

		memcpy(out + i, &v, 8);
	}
}

/* @return the number of the entry; 0: it is not as it was appended */
uint64_t world_read_text(struct nr_bytes text)
{
	uint8_t want[WORLD_TEXT_MAX];
	uint64_t number;

	if (text.n < WORLD_TEXT_MIN || text.n > WORLD_TEXT_MAX)
		return 0;
	memcpy(&number, text.p, 8);
	world_text(number, text.n, want);
	return memcmp(want, text.p, text.n) == 0 ? number : 0;
}

/* ---- the workload ---- */

void world_acknowledge(struct world *w)
{
	struct truth *t = &w->truth;

	nr_require(t->n_acks < WORLD_ACKS);
	t->acks[t->n_acks++] =
		(struct ack){ .index = crash_fs_calls(w->fs), .at = t->acked, .erased = t->erased };
}

static void note(struct truth *t, uint64_t at, uint64_t number)
{
	nr_require(at < WORLD_PLACES);
	t->content[at] = number;
}

void world_append(struct world *w, uint64_t n)
{
	uint8_t text[WORLD_TEXT_MAX];
	struct truth *t = &w->truth;

	for (uint64_t i = 0; i < n; i++) {
		struct nr_entry entry = { .type = NR_ENTRY_CONFIG };
		uint64_t size = crash_below(&w->rng, 8) == 0 ? WORLD_TEXT_MAX : 400;

		size = WORLD_TEXT_MIN + crash_below(&w->rng, size - WORLD_TEXT_MIN) / 8 * 8;
		world_text(t->next_number, size, text);
		entry.text.text = (struct nr_bytes){ text, size };
		if (nr_journal_append(w->journal, &entry) < 0)
			return;
		for (; t->next_at < entry.at; t->next_at++)
			note(t, t->next_at, 0);
		note(t, t->next_at++, t->next_number++);
	}
}

bool world_commit(struct world *w)
{
	uint64_t appended = w->truth.next_at - 1;
	int ret = nr_journal_commit(w->journal, NULL);

	/* A roll may have put a ledger behind what we appended. */
	if (ret == 0 && nr_journal_durable(w->journal) > appended)
		note(&w->truth, w->truth.next_at++, 0);
	if (nr_journal_durable(w->journal) > w->truth.acked) {
		w->truth.acked = nr_journal_durable(w->journal);
		world_acknowledge(w);
	}
	return ret == 0 || nr_journal_error(w->journal) == 0;
}

bool world_roll(struct world *w)
{
	if (nr_journal_roll(w->journal, NULL) < 0)
		return nr_journal_error(w->journal) == 0;
	return world_commit(w);
}

bool world_retain(struct world *w)
{
	uint64_t erased, keep = 4096 + crash_below(&w->rng, 20000);
	int64_t before = w->clock_ns - (int64_t)crash_below(&w->rng, 200000);
	bool by_size = crash_below(&w->rng, 2) == 0;
	struct nr_journal_reader *reader = NULL;
	struct nr_entry entry = { .at = 0 };
	int ret = nr_journal_retain(w->journal, by_size ? keep : UINT64_MAX,
				    by_size ? INT64_MIN : before, &erased, NULL);

	if (ret < 0)
		return nr_journal_error(w->journal) == 0;
	if (nr_journal_reader_open(w->dir, 1, w->journal, &reader, NULL) < 0)
		return true;
	do {
		w->truth.erased = entry.at;
	} while (nr_journal_reader_next(reader, &entry, NULL) == 1 && entry.erased);
	if (!entry.erased && entry.at > 0) /* what stands before it is erased, stubs too */
		w->truth.erased = entry.at - 1;
	nr_journal_reader_close(reader);
	world_acknowledge(w);
	return true;
}

bool world_start(struct world *w)
{
	struct nr_journal_recovery recovery;
	struct truth *t = &w->truth;
	struct nr_err err = { .code = 0 };
	int ret = nr_journal_open(&w->options, &w->journal, &recovery, &err);

	if (ret < 0) {
		w->journal = NULL;
		return false;
	}
	if (recovery.last_at < t->acked) {
		w->lost++;
		world_fault(w, "lost", t->acked, recovery.last_at, "is the last place");
	}
	if (recovery.last_at >=
	    t->next_at) /* a ledger that went to the disk, though its roll failed */
		for (; t->next_at <= recovery.last_at; t->next_at++)
			note(t, t->next_at, 0);
	t->next_at = recovery.last_at + 1;
	t->acked = recovery.last_at;
	world_acknowledge(w);
	return true;
}

/* The process dies; the page cache lives. */
bool world_restart(struct world *w)
{
	w->journal = nr_journal_close(w->journal);
	while (!world_start(w))
		(void)nr_io_plan_end();
	return true;
}

static void plan_failure(struct world *w)
{
	static const int codes[] = { -EIO, -EIO, -ENOSPC, -EDQUOT, -EMFILE, NR_IO_SHORT, -EINTR };
	uint64_t n = 1 + crash_below(&w->rng, 12);

	nr_io_fail_nth(n, codes[crash_below(&w->rng, NR_COUNT(codes))]);
}

static void world_step(struct world *w)
{
	bool alive = true;

	switch (crash_below(&w->rng, 16)) {
	default:
		world_append(w, 1 + crash_below(&w->rng, 5));
		alive = world_commit(w);
		break;
	case 0:
		world_append(w, 10 + crash_below(&w->rng, 20));
		alive = world_commit(w);
		break;
	case 1:
		alive = world_roll(w);
		break;
	case 2:
		alive = world_retain(w);
		break;
	case 3:
		world_append(w, crash_below(&w->rng, 4));
		alive = false;
		break;
	case 4:
		plan_failure(w);
		world_append(w, 1 + crash_below(&w->rng, 10));
		alive = world_commit(w);
		if (alive)
			alive = crash_below(&w->rng, 2) == 0 ? world_roll(w) : world_retain(w);
		if (alive)
			(void)nr_io_plan_end();
		break;
	case 5:
		plan_failure(w); /* and the start meets it */
		alive = false;
		break;
	}
	if (!alive)
		(void)world_restart(w);
	(void)nr_io_plan_end();
}

void world_run(struct world *w, uint64_t steps)
{
	crash_fs_load(w->fs, w->dir);
	w->truth.n_acks = 0;
	world_acknowledge(w);
	w->truth.acks[0].index = 0;
	nr_io_record(crash_fs_call, w->fs);
	if (world_start(w))
		for (uint64_t i = 0; i < steps && w->truth.next_at < WORLD_PLACES - 64; i++)
			world_step(w);
	w->journal = nr_journal_close(w->journal);
	nr_io_record(NULL, NULL);
	(void)nr_io_plan_end();
}

void world_init(struct world *w)
{
	(void)snprintf(w->dir, sizeof(w->dir), "%s/noroshi-crash-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	nr_require(mkdtemp(w->dir) != NULL);
	w->fs = crash_fs_new();
}

void world_done(struct world *w)
{
	crash_fs_free(w->fs);
	if (w->lost + w->doubled > 0)
		return;
	crash_fs_clear(w->dir);
	(void)rmdir(w->dir);
}

void world_begin(struct world *w, uint64_t seed)
{
	w->seed = w->rng = seed;
	w->depth = 0;
	w->clock_ns = INT64_C(1700000000000000000);
	memset(&w->truth, 0, sizeof(w->truth));
	w->truth.next_at = w->truth.next_number = 1;
	w->options = (struct nr_journal_options){
		.dir = w->dir,
		.segment_bytes = 4096 + crash_below(&w->rng, 3) * 4096,
		.reserve_bytes = crash_below(&w->rng, 2) * 4096,
		.now_ns = world_now,
		.now_ctx = w,
	};
	crash_fs_clear(w->dir);
}
