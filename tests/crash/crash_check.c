/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash_world.h"

const struct ack *world_ack_at(const struct truth *t, size_t n_calls)
{
	const struct ack *found = &t->acks[0];

	for (size_t i = 0; i < t->n_acks && t->acks[i].index <= n_calls; i++)
		found = &t->acks[i];
	return found;
}

/* Read all; @return the last place. Whatever is wrong is counted. */
static uint64_t world_check_all(struct world *w, const struct ack *ack)
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
			world_fault(w, "places out of order", at, entry.at, ""), w->doubled++;
		if (at == 0 && entry.at > 1 && entry.at > ack->at + 1)
			world_fault(w, "the first is missing", 1, entry.at, ""), w->lost++;
		at = entry.at;
		if (entry.erased)
			continue;
		if (at <= ack->erased)
			world_fault(w, "resurrected", at, ack->erased, ""), w->lost++;
		if (entry.type == NR_ENTRY_CONFIG)
			got = world_read_text(entry.text.text);
		if (entry.type == NR_ENTRY_CONFIG && got == 0)
			world_fault(w, "altered", at, 0, ""), w->lost++;
		if (at <= ack->at && got != w->truth.content[at])
			world_fault(w, "other than acknowledged", at, got, ""), w->lost++;
		if (got != 0 && (got <= number || got >= w->truth.next_number))
			world_fault(w, "doubled or out of order", at, got, ""), w->doubled++;
		number = got != 0 ? got : number;
	}
	nr_journal_reader_close(reader);
	if (ret < 0)
		world_fault(w, "unreadable", at, 0, err.msg), w->lost++;
	if (at < ack->at && !(at == 0 && ack->erased > 0))
		world_fault(w, "lost", ack->at, at, "is the last place"), w->lost++;
	return at;
}

static void world_check_verifies(struct world *w)
{
	struct nr_journal_report report;
	struct nr_err err = { .code = 0 };

	if (nr_journal_verify(w->dir, NULL, &report, &err) != 0)
		world_fault(w, "does not verify", 0, report.faults, err.msg), w->lost++;
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
			uint8_t text[WORLD_TEXT_MIN];

			world_text(w->truth.content[at], sizeof(text), text);
			if (w->truth.content[at] != 0 &&
			    memmem(all.p, all.n, text, sizeof(text)) != NULL)
				world_fault(w, "erased, but in a file", at, 0, e->d_name),
					w->lost++;
		}
		free((void *)(uintptr_t)all.p);
	}
	closedir(d);
}

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
	world_run(w, w->depth < WORLD_DEPTH ? 3 : 1);
	world_check_all(w, &(struct ack){ .at = w->truth.acked, .erased = w->truth.erased });
	world_check_verifies(w);
	for (int i = 0; i < 2 && w->depth < WORLD_DEPTH; i++) {
		size_t cut = 1 + crash_below(&w->rng, crash_fs_calls(w->fs));
		struct ack then = *world_ack_at(&w->truth, cut);

		crash_fs_build(w->fs, cut, &w->rng, w->dir);
		world_check_state(w, &then);
	}
	w->depth--;
	crash_fs_free(w->fs);
	w->fs = fs;
	before->next_number = w->truth.next_number; /* a number is never used again */
	w->truth = *before;
	free(before);
}

void world_check_state(struct world *w, const struct ack *ack)
{
	struct nr_journal_recovery recovery;
	struct nr_journal *journal = NULL;
	struct nr_err err = { .code = 0 };

	w->states++;
	if (ack->erased > 0 && crash_below(&w->rng, 4) == 0)
		check_erased(w, ack);
	if (crash_below(&w->rng, 4) == 0 && w->depth < WORLD_DEPTH) {
		go_on(w, ack);
		return;
	}
	if (nr_journal_open(&w->options, &journal, &recovery, &err) < 0) {
		world_fault(w, "does not open", ack->at, 0, err.msg), w->lost++;
		return;
	}
	nr_journal_close(journal);
	if (world_check_all(w, ack) != recovery.last_at && ack->erased == 0)
		world_fault(w, "recovery and reader differ", recovery.last_at, 0, ""), w->lost++;
	world_check_verifies(w);
}
