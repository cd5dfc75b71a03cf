/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file judge: decisions of share/policy against the oracle's, drawn from a seed. */
#include "draw.h"
#include "oracle.h"

struct verdict {
	uint64_t decisions, allowed, differences;
	uint64_t first_seed; /* of the first difference */
};

enum { JUDGE_ACTIONS = 7 }; /* one more than there are */

static void judge_count(struct verdict *verdict, uint64_t seed, bool got, bool want)
{
	verdict->decisions++;
	verdict->allowed += got;
	if (got == want)
		return;
	if (verdict->differences++ == 0)
		verdict->first_seed = seed;
}

/* What a relabelling may become, and for whom. */
static void judge_relabel(struct verdict *verdict, uint64_t seed, const struct nr_viewer *viewer,
			  const struct nr_label *label, const struct nr_label *wish,
			  const struct nr_viewer *other)
{
	struct nr_label got;
	int ret = nr_policy_relabel(viewer, label, wish, &got);
	int want = !oracle_label_ok(wish)			     ? -EINVAL
		   : oracle_allows(viewer, label, NR_ACTION_RELAX)   ? 0
		   : oracle_allows(viewer, label, NR_ACTION_TIGHTEN) ? 0
								     : -EACCES;

	judge_count(verdict, seed, ret == 0, want == 0);
	verdict->differences += ret != want;
	if (ret != 0 || want != 0)
		return;
	verdict->differences += memcmp(&got.owner, &label->owner, sizeof(got.owner)) != 0;
	if (oracle_allows(viewer, label, NR_ACTION_RELAX)) {
		struct nr_label said = *wish;

		said.owner = label->owner;
		judge_count(verdict, seed, nr_policy_allows(other, &got, NR_ACTION_READ),
			    oracle_reads(other, &said));
	} else {
		judge_count(verdict, seed, nr_policy_allows(other, &got, NR_ACTION_READ),
			    oracle_reads_both(other, label, wish));
	}
}

/* One drawing: two labels, two viewers, every action. */
static void judge_one(struct verdict *verdict, uint64_t seed)
{
	struct dice dice = { .seed = seed };
	struct nr_viewer viewers[2];
	struct nr_label labels[2];

	for (size_t i = 0; i < 2; i++) {
		draw_viewer(&dice, &viewers[i]);
		draw_label(&dice, &labels[i]);
	}
	for (size_t v = 0; v < 2; v++)
		for (size_t l = 0; l < 2; l++)
			for (unsigned action = 0; action < JUDGE_ACTIONS; action++)
				judge_count(verdict, seed,
					    nr_policy_allows(&viewers[v], &labels[l],
							     (enum nr_action)action),
					    oracle_allows(&viewers[v], &labels[l], action));
	struct nr_label both = nr_policy_strictest(&labels[0], &labels[1]);

	for (size_t v = 0; v < 2; v++)
		judge_count(verdict, seed, nr_policy_allows(&viewers[v], &both, NR_ACTION_READ),
			    oracle_reads_both(&viewers[v], &labels[0], &labels[1]));
	judge_relabel(verdict, seed, &viewers[0], &labels[0], &labels[1], &viewers[1]);
}
