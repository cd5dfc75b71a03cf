/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traffic of a fixed size for speed measurements. The number of packets of each source is a function of
 * the seed and the source's number, so that the sum is known before anything is sent; a few large
 * scanners send what is missing.
 */
#include "learn/lab/crowd.h"

enum { LARGE = 400, SMALL_CAP = 1000 };

static uint64_t small_count(uint64_t secret, uint64_t i)
{
	struct nr_lab_rng rng = { secret + i * UINT64_C(0xd1342543de82ef95) };

	if (nr_lab_rng_percent(&rng, 55))
		return 1 + nr_lab_rng_below(&rng, 2);
	return nr_lab_rng_pareto(&rng, SMALL_CAP);
}

/* Mostly SYN scans; the mixture has a mean frame of 74 bytes on Ethernet. */
static enum nr_lab_tool_id pick_tool(struct nr_lab_actor *spawner)
{
	static const struct {
		uint8_t percent;
		enum nr_lab_tool_id tool;
	} mix[] = {
		{ 11, NR_LAB_MIRAI },	  { 36, NR_LAB_LINUX },	    { 8, NR_LAB_WINDOWS },
		{ 4, NR_LAB_MASSCAN },	  { 9, NR_LAB_ZMAP_NEW },   { 1, NR_LAB_ZMAP },
		{ 2, NR_LAB_NMAP },	  { 1, NR_LAB_HAJIME },	    { 2, NR_LAB_RAW },
		{ 22, NR_LAB_UDP_PROBE }, { 3, NR_LAB_ICMP_SWEEP }, { 1, NR_LAB_SYNACK },
	};
	uint32_t dice = nr_lab_rng_below(&spawner->rng, 100);

	for (size_t i = 0; i < NR_COUNT(mix); i++) {
		if (dice < mix[i].percent)
			return mix[i].tool;
		dice -= mix[i].percent;
	}
	return NR_LAB_MIRAI;
}

/* A jittered grid: packet k falls somewhere into the k-th of n equal parts of the time. */
static int64_t fire_grid(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t now)
{
	nr_lab_probe(world, actor, now);
	if (--actor->left == 0)
		return NR_LAB_OVER;
	return actor->start + (int64_t)actor->count * actor->gap +
	       (int64_t)(nr_lab_rng_next(&actor->rng) % (uint64_t)actor->gap);
}

static void add_source(struct nr_lab_world *world, struct nr_lab_actor *spawner, uint64_t packets,
		       int64_t now, int64_t span)
{
	struct nr_lab_actor *actor = nr_lab_actor_new(world, fire_grid, now);

	actor->tool = &nr_lab_tools[pick_tool(spawner)];
	actor->src = nr_lab_space_source(&world->space, &spawner->rng);
	actor->start = now;
	actor->left = packets;
	actor->gap = span / (int64_t)packets + 1;
	actor->n_ports = actor->tool->n_ports;
	memcpy(actor->ports, actor->tool->ports, sizeof(actor->ports));
	actor->label = (struct nr_lab_label){ .actor = "scanner",
					      .kind = actor->tool->kind,
					      .tool = actor->tool->mark };
	actor->label.rate = 1e9 / (double)actor->gap * NR_LAB_SPACE / (double)world->space.n_v4;
}

/* The k-th of the small sources is born in the k-th part of the time. */
static int64_t fire_births(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t now)
{
	uint64_t n = small_count(actor->secret, actor->count);
	int64_t rest = world->end - now - 4096, most = rest / 8;
	int64_t span = (NR_NS_PER_S / 4 * (int64_t)n) << nr_lab_rng_below(&actor->rng, 7);

	if (span > most && n < 100)
		span = most;
	add_source(world, actor, n, now, span < rest ? span : rest);
	if (++actor->count == actor->left)
		return NR_LAB_OVER;
	return actor->start + (int64_t)actor->count * actor->gap +
	       (int64_t)(nr_lab_rng_next(&actor->rng) % (uint64_t)actor->gap);
}

void nr_lab_bench(struct nr_lab_world *world, uint64_t packets, uint64_t sources)
{
	struct nr_lab_actor *births = nr_lab_actor_new(world, fire_births, NR_LAB_OVER);
	uint64_t n_large = sources / 100 < LARGE ? sources / 100 + 1 : LARGE, sum = 0, n_small;
	int64_t life = (world->end - world->start) / 16 * 15;

	for (n_small = 0; n_small + n_large < sources; n_small++) {
		uint64_t n = small_count(births->secret, n_small);

		if (sum + n + n_large > packets)
			break;
		sum += n;
	}
	births->left = n_small;
	births->gap = life / (int64_t)(n_small + 1) + 1;
	if (n_small > 0)
		nr_lab_actor_at(world, births, world->start);
	for (uint64_t i = 0; i < n_large && sum < packets; i++) {
		/* the first ones are the largest: each takes a fiftieth of what is left */
		uint64_t left = packets - sum, n = i + 1 == n_large ? left : left / 50 + 1;

		add_source(world, births, n, world->start + (int64_t)(i * 1000), life);
		sum += n;
	}
}
