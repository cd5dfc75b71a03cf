/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * draw: labels and viewers by chance, out of so small a world that they meet often, and now and then
 * with numbers in them that none of ours writes.
 */
#include "base/hash.h"
#include "share/policy/policy.h"

struct dice {
	uint64_t seed, n;
};

static inline uint32_t draw(struct dice *dice, uint32_t below)
{
	return (uint32_t)(nr_mix64(dice->seed * UINT64_C(0x9e3779b97f4a7c15) + dice->n++) >> 32) %
	       below;
}

/* 0 is nobody. */
static inline struct nr_uuid draw_uuid(struct dice *dice, uint32_t among)
{
	uint32_t i = draw(dice, among);

	/* Two of them differ in the last byte, two in the first. */
	return (struct nr_uuid){ .b = { [0] = (uint8_t)(i >> 1), [15] = (uint8_t)(i & 1) } };
}

static inline struct nr_party draw_party(struct dice *dice, uint32_t among)
{
	return (struct nr_party){ draw_uuid(dice, among), draw(dice, 4) };
}

/* Mostly few; sometimes full, or more than there is room for. One behind them is drawn that is not there. */
static inline uint8_t draw_count(struct dice *dice, uint8_t max)
{
	uint32_t kind = draw(dice, 64);

	if (kind == 0)
		return max;
	if (kind == 1)
		return (uint8_t)(max + 1 + draw(dice, 255u - max));
	return (uint8_t)draw(dice, 4);
}

static inline struct nr_time draw_time(struct dice *dice)
{
	static const int64_t times[] = { 0, 0, 99, 100, 101, INT64_MAX, -5 };

	return (struct nr_time){ times[draw(dice, NR_COUNT(times))] };
}

static inline void draw_label(struct dice *dice, struct nr_label *label)
{
	*label = (struct nr_label){ .tlp = (uint8_t)(draw(dice, 32) == 0 ? draw(dice, 256)
									 : draw(dice, 6)),
				    .everyone = draw(dice, 3) == 0,
				    .layers = (uint8_t)(draw(dice, 256) & draw(dice, 256)),
				    .purposes = (uint8_t)(draw(dice, 256) | draw(dice, 256)),
				    .owner = draw_uuid(dice, 5),
				    .expires = draw_time(dice) };
	label->n_members = draw_count(dice, NR_LABEL_MEMBERS);
	label->n_communities = draw_count(dice, NR_LABEL_COMMUNITIES);
	for (size_t i = 0; i < nr_min_size(label->n_members + 1u, NR_LABEL_MEMBERS); i++)
		label->members[i] = draw_party(dice, 5);
	for (size_t i = 0; i < nr_min_size(label->n_communities + 1u, NR_LABEL_COMMUNITIES); i++)
		label->communities[i] = draw_party(dice, 5);
}

static inline void draw_viewer(struct dice *dice, struct nr_viewer *viewer)
{
	*viewer = (struct nr_viewer){ .member = draw_uuid(dice, 5),
				      .user = draw_uuid(dice, 5),
				      .epoch = draw(dice, 4),
				      .role = (uint8_t)(draw(dice, 32) == 0 ? draw(dice, 256)
									    : draw(dice, 7)),
				      .layer = (uint8_t)draw(dice, NR_N_LAYERS + 1),
				      .purpose = (uint8_t)draw(dice, NR_N_PURPOSES + 1),
				      .active = draw(dice, 8) != 0,
				      .now = draw_time(dice) };
	viewer->n_communities = draw_count(dice, NR_VIEWER_COMMUNITIES);
	for (size_t i = 0; i < nr_min_size(viewer->n_communities + 1u, NR_VIEWER_COMMUNITIES); i++)
		viewer->communities[i] = draw_party(dice, 5);
}
