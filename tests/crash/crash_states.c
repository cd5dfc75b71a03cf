/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_states STATES [FIRST_SEED]: power is lost while a journal is written, STATES times, each
 * time differently.
 *
 * A seed makes a workload: appends, commits, rolls, retention, kills and restarts, calls that
 * fail. The recorder sees what it does to the disk, the ledger below what was acknowledged and
 * when. Then power is cut at many of its calls, in many ways (crash_fs.h). In what is left, at
 * every time:
 *   - the journal opens; it verifies
 *   - acknowledged is readable: every place acknowledged before the cut holds what was acknowledged
 *   - nothing is there twice, in another order, or altered; nothing that never was appended
 *   - what was erased before the cut is not readable
 *   - the journal can be used: appended, committed, read back; and power may be lost during that
 *   too
 * What a start found readable counts as acknowledged from then on, as a hub acknowledges a repeat
 * of it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash_fs.h"
#include "store/journal.h"

enum {
	STEPS_MAX = 60,
	STATES_EACH = 40, /* of a workload */
	PLACES = 4096,
	ACKS = 4096,
	TEXT_MAX = 3000,
	TEXT_MIN = 24,
	DEPTH = 3, /* power lost again during recovery */
};

struct ack { /* from call `index` on, places up to `at` are acknowledged, up to `erased` erased */
	size_t index;
	uint64_t at, erased;
};

struct truth {
	uint64_t content[PLACES]; /* number of the entry at a place; 0: a ledger */
	uint64_t oldest[PLACES];  /* all that was ever tried at a place is between these */
	struct ack acks[ACKS];
	size_t n_acks;
	uint64_t next_at, next_number, acked, erased;
};

struct world {
	char dir[64]; /* where the workload runs, and where states are built */
	struct nr_journal_options options;
	struct nr_journal *journal;
	struct truth truth;
	struct crash_fs *fs;
	uint64_t seed, rng, states, lost, doubled;
	int64_t clock_ns;
	int depth;
};

static void fail_at(const struct world *w, const char *what, uint64_t at, uint64_t got,
		    const char *words)
{
	fprintf(stderr,
		"seed %llu state %llu depth %d: %s at place %llu, got %llu %s; left in %s\n",
		(unsigned long long)w->seed, (unsigned long long)w->states, w->depth, what,
		(unsigned long long)at, (unsigned long long)got, words, w->dir);
	if (getenv("CRASH_STATES_STOP") != NULL)
		abort();
}

static int64_t now(void *ctx)
{
	return ((struct world *)ctx)->clock_ns += 1000;
}

/* ---- entries that say which they are ---- */

static void make_text(uint64_t number, size_t n, uint8_t *out)
{
	uint64_t rng = number;

	memcpy(out, &number, 8);
	for (size_t i = 8; i + 8 <= n; i += 8) {
		uint64_t v = crash_random(&rng);

		memcpy(out + i, &v, 8);
	}
}

/* @return the number of the entry; 0: it is not as it was appended */
static uint64_t read_text(struct nr_bytes text)
{
	uint8_t want[TEXT_MAX];
	uint64_t number;

	if (text.n < TEXT_MIN || text.n > TEXT_MAX)
		return 0;
	memcpy(&number, text.p, 8);
	make_text(number, text.n, want);
	return memcmp(want, text.p, text.n) == 0 ? number : 0;
}

/* ---- the workload ---- */

static void acknowledge(struct world *w)
{
	struct truth *t = &w->truth;

	nr_require(t->n_acks < ACKS);
	t->acks[t->n_acks++] =
		(struct ack){ .index = crash_fs_calls(w->fs), .at = t->acked, .erased = t->erased };
}

static void note(struct truth *t, uint64_t at, uint64_t number)
{
	nr_require(at < PLACES);
	t->content[at] = number;
	if (t->oldest[at] == 0)
		t->oldest[at] = number;
}

static void append(struct world *w, uint64_t n)
{
	uint8_t text[TEXT_MAX];
	struct truth *t = &w->truth;

	for (uint64_t i = 0; i < n; i++) {
		struct nr_entry entry = { .type = NR_ENTRY_CONFIG };
		uint64_t size = crash_below(&w->rng, 8) == 0 ? TEXT_MAX : 400;

		size = TEXT_MIN + crash_below(&w->rng, size - TEXT_MIN) / 8 * 8;
		make_text(t->next_number, size, text);
		entry.text.text = (struct nr_bytes){ text, size };
		if (nr_journal_append(w->journal, &entry) < 0)
			return;
		for (; t->next_at < entry.at; t->next_at++)
			note(t, t->next_at, 0);
		note(t, t->next_at++, t->next_number++);
	}
}

static bool commit(struct world *w)
{
	uint64_t appended = w->truth.next_at - 1;
	int ret = nr_journal_commit(w->journal, NULL);

	/* A roll may have put a ledger behind what we appended. */
	if (ret == 0 && nr_journal_durable(w->journal) > appended)
		note(&w->truth, w->truth.next_at++, 0);
	if (nr_journal_durable(w->journal) > w->truth.acked) {
		w->truth.acked = nr_journal_durable(w->journal);
		acknowledge(w);
	}
	return ret == 0 || nr_journal_error(w->journal) == 0;
}

static bool roll(struct world *w)
{
	if (nr_journal_roll(w->journal, NULL) < 0)
		return nr_journal_error(w->journal) == 0;
	return commit(w);
}

static bool retain(struct world *w)
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
	acknowledge(w);
	return true;
}

static bool start(struct world *w)
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
		fail_at(w, "lost", t->acked, recovery.last_at, "is the last place");
	}
	if (recovery.last_at >=
	    t->next_at) /* a ledger that went to the disk, though its roll failed */
		for (; t->next_at <= recovery.last_at; t->next_at++)
			note(t, t->next_at, 0);
	t->next_at = recovery.last_at + 1;
	t->acked = recovery.last_at;
	acknowledge(w);
	return true;
}

/* The process dies; the page cache lives. */
static bool restart(struct world *w)
{
	w->journal = nr_journal_close(w->journal);
	while (!start(w))
		(void)nr_io_plan_end();
	return true;
}

static void plan_failure(struct world *w)
{
	static const int codes[] = { -EIO, -EIO, -ENOSPC, -EDQUOT, -EMFILE, NR_IO_SHORT, -EINTR };
	uint64_t n = 1 + crash_below(&w->rng, 12);

	nr_io_fail_nth(n, codes[crash_below(&w->rng, NR_COUNT(codes))]);
}

static void step(struct world *w)
{
	bool alive = true;

	switch (crash_below(&w->rng, 16)) {
	default:
		append(w, 1 + crash_below(&w->rng, 5));
		alive = commit(w);
		break;
	case 0:
		append(w, 10 + crash_below(&w->rng, 20));
		alive = commit(w);
		break;
	case 1:
		alive = roll(w);
		break;
	case 2:
		alive = retain(w);
		break;
	case 3:
		append(w, crash_below(&w->rng, 4));
		alive = false;
		break;
	case 4:
		plan_failure(w);
		append(w, 1 + crash_below(&w->rng, 10));
		alive = commit(w);
		if (alive)
			alive = crash_below(&w->rng, 2) == 0 ? roll(w) : retain(w);
		if (alive)
			(void)nr_io_plan_end();
		break;
	case 5:
		plan_failure(w); /* and the start meets it */
		alive = false;
		break;
	}
	if (!alive)
		(void)restart(w);
	(void)nr_io_plan_end();
}

static void run(struct world *w, uint64_t steps)
{
	crash_fs_load(w->fs, w->dir);
	w->truth.n_acks = 0;
	acknowledge(w);
	w->truth.acks[0].index = 0;
	nr_io_record(crash_fs_call, w->fs);
	if (start(w))
		for (uint64_t i = 0; i < steps && w->truth.next_at < PLACES - 64; i++)
			step(w);
	w->journal = nr_journal_close(w->journal);
	nr_io_record(NULL, NULL);
	(void)nr_io_plan_end();
}

/* ---- what must hold ---- */

static const struct ack *ack_at(const struct truth *t, size_t n_calls)
{
	const struct ack *found = &t->acks[0];

	for (size_t i = 0; i < t->n_acks && t->acks[i].index <= n_calls; i++)
		found = &t->acks[i];
	return found;
}

/* Read all; @return the last place. Whatever is wrong is counted. */
static uint64_t check_all(struct world *w, const struct ack *ack)
{
	struct nr_journal_reader *reader = NULL;
	struct nr_err err = { .code = 0 };
	struct nr_entry entry;
	uint64_t at = 0, number = 0;
	int ret = nr_journal_reader_open(w->dir, 1, NULL, &reader, &err);

	while (ret == 0 && (ret = nr_journal_reader_next(reader, &entry, &err)) == 1) {
		uint64_t got = 0;

		ret = 0;
		if (entry.at <= at || (at > 0 && entry.at != at + 1))
			fail_at(w, "places out of order", at, entry.at, ""), w->doubled++;
		if (at == 0 && entry.at > 1 && entry.at > ack->at + 1)
			fail_at(w, "the first is missing", 1, entry.at, ""), w->lost++;
		at = entry.at;
		if (entry.erased)
			continue;
		if (at <= ack->erased)
			fail_at(w, "resurrected", at, ack->erased, ""), w->lost++;
		if (entry.type == NR_ENTRY_CONFIG)
			got = read_text(entry.text.text);
		if (entry.type == NR_ENTRY_CONFIG && got == 0)
			fail_at(w, "altered", at, 0, ""), w->lost++;
		if (at <= ack->at && got != w->truth.content[at])
			fail_at(w, "other than acknowledged", at, got, ""), w->lost++;
		if (got != 0 && (got <= number || got >= w->truth.next_number))
			fail_at(w, "doubled or out of order", at, got, ""), w->doubled++;
		number = got != 0 ? got : number;
	}
	nr_journal_reader_close(reader);
	if (ret < 0)
		fail_at(w, "unreadable", at, 0, err.msg), w->lost++;
	if (at < ack->at && !(at == 0 && ack->erased > 0))
		fail_at(w, "lost", ack->at, at, "is the last place"), w->lost++;
	return at;
}

static void check_verifies(struct world *w)
{
	struct nr_journal_report report;
	struct nr_err err = { .code = 0 };

	if (nr_journal_verify(w->dir, NULL, &report, &err) != 0)
		fail_at(w, "does not verify", 0, report.faults, err.msg), w->lost++;
}

/* Bytes of an entry that was erased stand in no file. */
static void check_erased(struct world *w, const struct ack *ack)
{
	DIR *d = opendir(w->dir);

	nr_require(d != NULL);
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		char path[PATH_MAX];
		struct nr_bytes all;

		(void)snprintf(path, sizeof(path), "%s/%s", w->dir, e->d_name);
		if (e->d_name[0] == '.' || nr_io_slurp(path, 64 << 20, &all, NULL) < 0)
			continue;
		for (uint64_t at = 1; at <= ack->erased; at++) {
			uint8_t text[TEXT_MIN];

			make_text(w->truth.content[at], sizeof(text), text);
			if (w->truth.content[at] != 0 &&
			    memmem(all.p, all.n, text, sizeof(text)) != NULL)
				fail_at(w, "erased, but in a file", at, 0, e->d_name), w->lost++;
		}
		free((void *)(uintptr_t)all.p);
	}
	closedir(d);
}

static void check_state(struct world *w, const struct ack *ack);

/* Use the journal, and lose power again while it is used. */
static void go_on(struct world *w, const struct ack *ack)
{
	struct truth *before = malloc(sizeof(*before));
	struct crash_fs *fs = w->fs;

	nr_require(before != NULL);
	*before = w->truth;
	w->truth.acked = ack->at;
	w->truth.erased = ack->erased;
	w->fs = crash_fs_new();
	w->depth++;
	run(w, w->depth < DEPTH ? 3 : 1);
	check_all(w, &(struct ack){ .at = w->truth.acked, .erased = w->truth.erased });
	check_verifies(w);
	for (int i = 0; i < 2 && w->depth < DEPTH; i++) {
		size_t cut = 1 + crash_below(&w->rng, crash_fs_calls(w->fs));
		struct ack then = *ack_at(&w->truth, cut);

		crash_fs_build(w->fs, cut, &w->rng, w->dir);
		check_state(w, &then);
	}
	w->depth--;
	crash_fs_free(w->fs);
	w->fs = fs;
	before->next_number = w->truth.next_number; /* a number is never used again */
	w->truth = *before;
	free(before);
}

static void check_state(struct world *w, const struct ack *ack)
{
	struct nr_journal_recovery recovery;
	struct nr_journal *journal = NULL;
	struct nr_err err = { .code = 0 };

	w->states++;
	if (ack->erased > 0 && crash_below(&w->rng, 4) == 0)
		check_erased(w, ack);
	if (crash_below(&w->rng, 4) == 0 && w->depth < DEPTH) {
		go_on(w, ack);
		return;
	}
	if (nr_journal_open(&w->options, &journal, &recovery, &err) < 0) {
		fail_at(w, "does not open", ack->at, 0, err.msg), w->lost++;
		return;
	}
	nr_journal_close(journal);
	if (check_all(w, ack) != recovery.last_at && ack->erased == 0)
		fail_at(w, "recovery and reader differ", recovery.last_at, 0, ""), w->lost++;
	check_verifies(w);
}

static void run_seed(struct world *w)
{
	w->rng = w->seed;
	w->depth = 0;
	w->clock_ns = INT64_C(1700000000000000000);
	memset(&w->truth, 0, sizeof(w->truth));
	w->truth.next_at = w->truth.next_number = 1;
	w->options = (struct nr_journal_options){
		.dir = w->dir,
		.segment_bytes = 4096 + crash_below(&w->rng, 3) * 4096,
		.reserve_bytes = crash_below(&w->rng, 2) * 4096,
		.now_ns = now,
		.now_ctx = w,
	};
	crash_fs_clear(w->dir);
	run(w, 5 + crash_below(&w->rng, STEPS_MAX - 5));
	for (int i = 0; i < STATES_EACH; i++) {
		size_t cut = 1 + crash_below(&w->rng, crash_fs_calls(w->fs));
		struct ack ack = *ack_at(&w->truth, cut);

		crash_fs_build(w->fs, cut, &w->rng, w->dir);
		check_state(w, &ack);
	}
}

int main(int argc, char **argv)
{
	static struct world w;
	unsigned long long wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

	(void)snprintf(w.dir, sizeof(w.dir), "%s/noroshi-crash-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	nr_require(mkdtemp(w.dir) != NULL);
	w.fs = crash_fs_new();
	printf("1..1\n");
	for (w.seed = first; w.states < wanted; w.seed++)
		run_seed(&w);
	crash_fs_free(w.fs);
	if (w.lost + w.doubled == 0) {
		crash_fs_clear(w.dir);
		(void)rmdir(w.dir);
	}
	printf("%s 1 - %llu crash states of seeds %llu to %llu: %llu lost, %llu doubled\n",
	       w.lost + w.doubled == 0 ? "ok" : "not ok", (unsigned long long)w.states,
	       (unsigned long long)first, (unsigned long long)(w.seed - 1),
	       (unsigned long long)w.lost, (unsigned long long)w.doubled);
	return w.lost + w.doubled == 0 ? 0 : 1;
}
