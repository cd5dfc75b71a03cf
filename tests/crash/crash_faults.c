/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_faults: the n-th call of the journal's way to the disk fails, for every n and every
 * failure; then power is lost.
 *
 * One script passes every kind of call: start, commit, new segments, roll, retention, restart. For
 * each n it is run with the n-th call failing once, and with every call from the n-th on failing.
 * What it acknowledged must be readable in whatever the crash left: so nothing was acknowledged
 * that was not on the disk. When the failure was one that may be tried again (disk full, no
 * descriptors), the same journal must go on once it is over.
 */
#include <stdio.h>
#include <stdlib.h>

#include "crash_world.h"

enum { SEEDS = 4, STATES_EACH = 2 };

struct failure {
	const char *name;
	int code;
	bool lasts;
};

static const struct failure failures[] = {
	{ "EIO once", -EIO, false },
	{ "EIO", -EIO, true },
	{ "ENOSPC once", -ENOSPC, false },
	{ "ENOSPC", -ENOSPC, true },
	{ "EDQUOT once", -EDQUOT, false },
	{ "EDQUOT", -EDQUOT, true },
	{ "EMFILE once", -EMFILE, false },
	{ "EMFILE", -EMFILE, true },
	{ "EROFS", -EROFS, true },
	{ "ENOMEM once", -ENOMEM, false },
	{ "short once", NR_IO_SHORT, false },
	{ "short", NR_IO_SHORT, true },
	{ "EINTR once", -EINTR, false },
	{ "EOPNOTSUPP once", -EOPNOTSUPP, false },
};

/* @return whether the journal lived to the end */
static bool script(struct world *w)
{
	bool alive = true;

	for (int i = 0; i < 6 && alive; i++) {
		world_append(w, 1 + (uint64_t)i * 2);
		alive = world_commit(w);
	}
	alive = alive && world_roll(w) && world_retain(w);
	for (int i = 0; i < 3 && alive; i++) {
		world_append(w, 3);
		alive = world_commit(w);
	}
	return alive;
}

/* The failure is over: what waited must now come to the disk. */
static void check_heals(struct world *w)
{
	struct nr_err err = { .code = 0 };

	world_append(w, 2);
	if (nr_journal_commit(w->journal, &err) != 0 ||
	    nr_journal_durable(w->journal) + 1 != w->truth.next_at) {
		world_fault(w, "does not go on", w->truth.next_at, 0, err.msg);
		w->lost++;
	}
	w->truth.acked = nr_journal_durable(w->journal);
	world_acknowledge(w);
}

/* @return calls made under the plan */
static uint64_t run(struct world *w, const struct failure *failure, uint64_t seed, uint64_t n)
{
	uint64_t calls;
	bool alive;

	world_begin(w, seed);
	world_run(w, 3); /* something to start from */
	crash_fs_load(w->fs, w->dir);
	w->truth.n_acks = 0;
	world_acknowledge(w);
	w->truth.acks[0].index = 0;
	nr_io_record(crash_fs_call, w->fs);
	if (failure->lasts)
		nr_io_fail_from(n, failure->code);
	else
		nr_io_fail_nth(n, failure->code);
	alive = world_start(w) && script(w);
	calls = nr_io_plan_end();
	if (alive)
		check_heals(w);
	w->journal = nr_journal_close(w->journal);
	nr_io_record(NULL, NULL);
	return calls;
}

static void judge(struct world *w)
{
	size_t end = crash_fs_calls(w->fs);
	struct truth *after = malloc(sizeof(*after));

	nr_require(after != NULL);
	*after = w->truth;
	for (int i = 0; i < STATES_EACH; i++) {
		struct ack ack = *world_ack_at(after, end);

		w->truth = *after;
		crash_fs_build(w->fs, end, &w->rng, w->dir);
		world_check_state(w, &ack);
	}
	free(after);
}

/* @return failures injected */
static uint64_t fail_each(struct world *w, const struct failure *failure)
{
	uint64_t injections = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		for (uint64_t n = 1; run(w, failure, seed, n) >= n; n++) {
			injections++;
			judge(w);
		}
	}
	return injections;
}

int main(void)
{
	static struct world w;
	uint64_t injections = 0;

	world_init(&w);
	printf("1..%zu\n", NR_COUNT(failures));
	for (size_t i = 0; i < NR_COUNT(failures); i++) {
		uint64_t wrong = w.lost + w.doubled, n = fail_each(&w, &failures[i]);

		injections += n;
		printf("%s %zu - %s: each of %llu calls failed\n",
		       w.lost + w.doubled == wrong ? "ok" : "not ok", i + 1, failures[i].name,
		       (unsigned long long)n);
	}
	world_done(&w);
	printf("# %llu failures injected, %llu crash states after them\n",
	       (unsigned long long)injections, (unsigned long long)w.states);
	return w.lost + w.doubled == 0 ? 0 : 1;
}
