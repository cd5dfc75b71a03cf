/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * crash_world: a journal at work, a ledger of what it acknowledged and when, and what must hold of
 * what a crash left of it.
 *
 *   - the journal opens; it verifies
 *   - acknowledged is readable: every place acknowledged before the cut holds what was acknowledged
 *   - nothing is there twice, in another order, or altered; nothing that never was appended
 *   - what was erased before the cut is not readable, and its bytes are in no file
 *   - the journal can be used: appended, committed, read back; and power may be lost during that
 *   too
 *
 * What a start found readable counts as acknowledged from then on, as a hub acknowledges a repeat
 * of it. Places are filled by entries that say their number, which is never used twice.
 */
#include "crash_fs.h"
#include "store/journal.h"

enum {
	WORLD_PLACES = 4096,
	WORLD_ACKS = 4096,
	WORLD_TEXT_MAX = 3000,
	WORLD_TEXT_MIN = 24,
	WORLD_DEPTH = 3, /* power lost again during recovery */
};

struct ack { /* from call `index` on, places up to `at` are acknowledged, up to `erased` erased */
	size_t index;
	uint64_t at, erased;
};

struct truth {
	uint64_t content[WORLD_PLACES]; /* number of the entry at a place; 0: a ledger */
	struct ack acks[WORLD_ACKS];
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

/* ---- crash_world.c: what is done ---- */
/** Make the directory, in memory where there is such a file system. */
void world_init(struct world *w);
/** Remove it, unless something was wrong: then it is left to look at. */
void world_done(struct world *w);
/** An empty directory, an empty ledger, options that depend on the seed. */
void world_begin(struct world *w, uint64_t seed);
/** Start the journal and take that many random steps, recorded; then leave it as kill -9 would. */
void world_run(struct world *w, uint64_t steps);

bool world_start(struct world *w);
/** The process dies, the page cache lives; start until it works. */
bool world_restart(struct world *w);
void world_append(struct world *w, uint64_t n);
/** These say whether the journal is still alive. */
bool world_commit(struct world *w);
bool world_roll(struct world *w);
bool world_retain(struct world *w);
void world_acknowledge(struct world *w);

void world_text(uint64_t number, size_t n, uint8_t *out);
/** @return the number of the entry; 0: it is not as it was appended */
uint64_t world_read_text(struct nr_bytes text);
/** Say what is wrong, where. */
void world_fault(const struct world *w, const char *what, uint64_t at, uint64_t got,
		 const char *words);

/* ---- crash_check.c: what must hold ---- */
/** What was acknowledged when the first @p n_calls calls had been made. */
const struct ack *world_ack_at(const struct truth *t, size_t n_calls);
/** Judge the directory as it is now. */
void world_check_state(struct world *w, const struct ack *ack);
