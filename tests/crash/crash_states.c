/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash_states STATES [FIRST_SEED]: power is lost while a journal is written, STATES times, each
 * time differently (crash_world.h).
 *
 * A seed makes a workload: appends, commits, rolls, retention, kills and restarts, calls that
 * fail. The recorder sees what it does to the disk. Then power is cut at many of its calls, in
 * many ways (crash_fs.h).
 */
#include <stdio.h>
#include <stdlib.h>

#include "crash_world.h"

enum { STEPS_MIN = 5, STEPS_MAX = 60, STATES_EACH = 40 /* of a workload */ };

static void run_seed(struct world *w, uint64_t seed)
{
	world_begin(w, seed);
	world_run(w, STEPS_MIN + crash_below(&w->rng, STEPS_MAX - STEPS_MIN));
	for (int i = 0; i < STATES_EACH; i++) {
		size_t cut = 1 + crash_below(&w->rng, crash_fs_calls(w->fs));
		struct ack ack = *world_ack_at(&w->truth, cut);

		crash_fs_build(w->fs, cut, &w->rng, w->dir);
		world_check_state(w, &ack);
	}
}

int main(int argc, char **argv)
{
	static struct world w;
	unsigned long long wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1, seed = first;

	world_init(&w);
	printf("1..1\n");
	for (; w.states < wanted; seed++)
		run_seed(&w, seed);
	world_done(&w);
	printf("%s 1 - %llu crash states of seeds %llu to %llu: %llu lost, %llu doubled\n",
	       w.lost + w.doubled == 0 ? "ok" : "not ok", (unsigned long long)w.states,
	       (unsigned long long)first, (unsigned long long)(seed - 1),
	       (unsigned long long)w.lost, (unsigned long long)w.doubled);
	return w.lost + w.doubled == 0 ? 0 : 1;
}
