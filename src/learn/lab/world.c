/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 *  1. Every living actor that is not over has exactly one entry in the heap.
 *  2. No entry lies before the moment that is being worked on; so the root stays the root while an
 *     actor fires, whoever is born meanwhile.
 *  3. An actor with children stays alive, although over, until the last child is over.
 */
#include "learn/lab/world.h"

#include <stdlib.h>

#include "base/hash.h"

enum { CHUNK_BITS = 10, CHUNK = 1 << CHUNK_BITS };

struct nr_lab_moment {
	int64_t t;
	uint32_t slot;
};

static inline struct nr_lab_actor *actor_at(const struct nr_lab_world *world, uint32_t slot)
{
	return &world->chunks[slot >> CHUNK_BITS][slot & (CHUNK - 1)];
}

/* ---- heap: four children to a node, so that a node's children share a cache line ---- */

/* The root lies at the end of a cache line, so that each node's children fill one. */
enum { LINE = 64, HEAP_SKEW = LINE / sizeof(struct nr_lab_moment) - 1 };

static int heap_grow(struct nr_lab_world *world)
{
	size_t cap = world->heap_cap == 0 ? 1024 : world->heap_cap * 2;
	struct nr_lab_moment *memory = aligned_alloc(LINE, (cap + HEAP_SKEW + 1) * sizeof(*memory));

	if (memory == NULL)
		return -ENOMEM;
	if (world->heap != NULL) {
		memcpy(memory + HEAP_SKEW, world->heap, world->n_heap * sizeof(*memory));
		free(world->heap - HEAP_SKEW);
	}
	world->heap = memory + HEAP_SKEW;
	world->heap_cap = cap;
	return 0;
}

static int heap_push(struct nr_lab_world *world, struct nr_lab_moment moment)
{
	size_t i = world->n_heap;

	if (i == world->heap_cap && heap_grow(world) < 0)
		return -ENOMEM;
	world->n_heap++;
	while (i > 0 && moment.t < world->heap[(i - 1) / 4].t) {
		world->heap[i] = world->heap[(i - 1) / 4];
		i = (i - 1) / 4;
	}
	world->heap[i] = moment;
	return 0;
}

/* Put @p moment in the place of the root. */
static void heap_replace(struct nr_lab_world *world, struct nr_lab_moment moment)
{
	struct nr_lab_moment *heap = world->heap;
	size_t i = 0, n = world->n_heap;

	for (;;) {
		size_t child = 4 * i + 1, end = nr_min_size(child + 4, n), least = child;

		if (child >= n)
			break;
		for (size_t c = child + 1; c < end; c++)
			least = heap[c].t < heap[least].t ? c : least;
		if (heap[least].t >= moment.t)
			break;
		heap[i] = heap[least];
		i = least;
	}
	heap[i] = moment;
}

static void heap_pop(struct nr_lab_world *world)
{
	struct nr_lab_moment last = world->heap[--world->n_heap];

	if (world->n_heap > 0)
		heap_replace(world, last);
}

/* ---- actors ---- */

static int add_chunk(struct nr_lab_world *world)
{
	struct nr_lab_actor **chunks =
		realloc(world->chunks, (world->n_chunks + 1) * sizeof(struct nr_lab_actor *));

	if (chunks == NULL)
		return -ENOMEM;
	world->chunks = chunks;
	chunks[world->n_chunks] = calloc(CHUNK, sizeof(struct nr_lab_actor));
	if (chunks[world->n_chunks] == NULL)
		return -ENOMEM;
	world->n_chunks++;
	return 0;
}

static struct nr_lab_actor *take_slot(struct nr_lab_world *world)
{
	uint32_t slot;

	if (world->n_free > 0) {
		slot = world->free_slots[--world->n_free];
	} else {
		slot = (uint32_t)world->n_slots;
		if (slot >> CHUNK_BITS == world->n_chunks && add_chunk(world) < 0) {
			world->err = -ENOMEM;
			slot = 0; /* slot 0 is the spare one */
		} else {
			world->n_slots++;
		}
	}
	struct nr_lab_actor *actor = actor_at(world, slot);

	*actor = (struct nr_lab_actor){ .slot = slot };
	return actor;
}

struct nr_lab_actor *nr_lab_actor_new(struct nr_lab_world *world, nr_lab_fire *fire, int64_t first)
{
	struct nr_lab_actor *actor = take_slot(world);

	actor->fire = fire;
	actor->rng.s = nr_lab_rng_next(&world->rng);
	actor->secret = nr_lab_rng_next(&actor->rng);
	actor->hops = (uint8_t)(6 + (actor->secret >> 60));
	actor->start = world->start;
	actor->end = world->end;
	actor->left = NR_LAB_ALL;
	if (actor->slot == 0)
		return actor;
	actor->is_alive = true;
	if (++world->stats.living > world->stats.living_max)
		world->stats.living_max = world->stats.living;
	if (first != NR_LAB_OVER)
		nr_lab_actor_at(world, actor, first);
	return actor;
}

void nr_lab_actor_at(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t when)
{
	if (actor->slot == 0 || world->err != 0)
		return;
	if (heap_push(world, (struct nr_lab_moment){ when, actor->slot }) < 0)
		world->err = -ENOMEM;
}

static void report(struct nr_lab_world *world, const struct nr_lab_actor *actor)
{
	int r;

	world->stats.actors++;
	if (actor->label.actor == NULL || world->sink.truth == NULL)
		return;
	r = world->sink.truth(world->sink.ctx, world, actor);
	if (r < 0 && world->err == 0)
		world->err = r;
}

static void release(struct nr_lab_world *world, struct nr_lab_actor *actor)
{
	struct nr_lab_actor *parent = actor->parent;

	if (parent == NULL)
		report(world, actor);
	nr_lab_touched_done(&actor->touched);
	actor->is_alive = false;
	world->stats.living--;
	if (world->n_free == world->free_cap) {
		size_t cap = world->free_cap == 0 ? 1024 : world->free_cap * 2;
		uint32_t *slots = realloc(world->free_slots, cap * sizeof(*slots));

		if (slots == NULL) {
			world->err = -ENOMEM;
			return;
		}
		world->free_slots = slots;
		world->free_cap = cap;
	}
	world->free_slots[world->n_free++] = actor->slot;
	if (parent != NULL && --parent->children == 0 && parent->is_over)
		release(world, parent); /* a parent is nobody's child: no deeper than this */
}

static void end_of(struct nr_lab_world *world, struct nr_lab_actor *actor)
{
	actor->is_over = true;
	if (actor->children == 0)
		release(world, actor);
}

int nr_lab_world_run(struct nr_lab_world *world)
{
	while (world->n_heap > 0 && world->err == 0) {
		struct nr_lab_moment now = world->heap[0];
		struct nr_lab_actor *actor = actor_at(world, now.slot);
		int64_t next;

		if (now.t >= world->end)
			break;
		next = actor->fire(world, actor, now.t);
		if (next == NR_LAB_OVER) {
			heap_pop(world);
			end_of(world, actor);
		} else {
			nr_require(next >= now.t);
			heap_replace(world, (struct nr_lab_moment){ next, now.slot });
		}
	}
	for (size_t slot = 1; slot < world->n_slots && world->err == 0; slot++) {
		struct nr_lab_actor *actor = actor_at(world, (uint32_t)slot);

		if (actor->is_alive && actor->parent == NULL)
			report(world, actor);
	}
	return world->err;
}

int nr_lab_world_new(const struct nr_lab_options *options, const struct nr_lab_sink *sink,
		     struct nr_lab_world **ret_world, struct nr_err *reterr)
{
	nr_auto(nr_lab_world) world = calloc(1, sizeof(*world));
	int r;

	if (world == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory for the lab");
	world->options = *options;
	world->sink = *sink;
	world->start = options->start.ns;
	world->end = options->start.ns + options->duration;
	world->rng.s = options->seed * UINT64_C(0x9e3779b97f4a7c15) + 0x6c6162;
	r = nr_lab_space_init(&world->space, options->nets, options->n_nets, options->seed, reterr);
	if (r < 0)
		return r;
	r = add_chunk(world);
	if (r < 0)
		return nr_fail(reterr, r, "no memory for the lab");
	world->n_slots = 1;
	*ret_world = NR_TAKE(world);
	return 0;
}

struct nr_lab_world *nr_lab_world_free(struct nr_lab_world *world)
{
	if (world == NULL)
		return NULL;
	for (size_t slot = 0; slot < world->n_slots; slot++)
		nr_lab_touched_done(&actor_at(world, (uint32_t)slot)->touched);
	for (size_t i = 0; i < world->n_chunks; i++)
		free(world->chunks[i]);
	free(world->chunks);
	if (world->heap != NULL)
		free(world->heap - HEAP_SKEW);
	free(world->free_slots);
	free(world);
	return NULL;
}

/* ---- what actors do ---- */

int64_t nr_lab_gap(const struct nr_lab_world *world, double rate)
{
	double arrivals = rate;

	if (world->space.n_v4 > 0)
		arrivals = rate * (double)world->space.n_v4 / NR_LAB_SPACE;
	if (arrivals <= 1e-9)
		return 0;
	return arrivals >= 1e9 ? 1 : (int64_t)(1e9 / arrivals);
}

static int64_t gap_of(struct nr_lab_actor *actor)
{
	enum { BURST = NR_LAB_BURST, DENSER = 16 };
	int64_t gap = actor->gap;

	switch ((enum nr_lab_arrival)actor->arrival) {
	case NR_LAB_POISSON:
		break;
	case NR_LAB_REGULAR:
		return gap - gap / 100 +
		       (int64_t)(nr_lab_rng_next(&actor->rng) % (uint64_t)(gap / 50 + 1));
	case NR_LAB_BURSTY:
		if (actor->burst_left > 0) {
			actor->burst_left--;
			return nr_lab_rng_exp(&actor->rng, gap / DENSER);
		}
		actor->burst_left = BURST - 1;
		gap = gap * BURST - gap * (BURST - 1) / DENSER;
		break;
	}
	return nr_lab_rng_exp(&actor->rng, gap);
}

int64_t nr_lab_next(struct nr_lab_actor *actor, int64_t now)
{
	int64_t gap;

	if (actor->gap <= 0 || actor->left == 0)
		return NR_LAB_OVER;
	gap = gap_of(actor);
	return gap >= actor->end - now ? NR_LAB_OVER : now + gap;
}

static uint32_t member_of(const struct nr_lab_world *world, struct nr_ip dst)
{
	uint64_t hi, lo;

	if (nr_ip_is_v4(dst))
		return (uint32_t)nr_lab_space_index(&world->space, nr_ip_to_v4(dst));
	memcpy(&hi, dst.b, 8);
	memcpy(&lo, dst.b + 8, 8);
	return (uint32_t)(nr_mix64(hi ^ nr_mix64(lo)) >> 33);
}

void nr_lab_send(struct nr_lab_world *world, struct nr_lab_actor *actor,
		 const struct nr_lab_packet *packet, int64_t now)
{
	struct nr_lab_actor *owner = actor->parent != NULL ? actor->parent : actor;
	uint8_t *ip = world->frame + NR_LAB_HEADROOM;
	size_t n = nr_lab_packet_render(packet, ip);
	int r;

	world->stats.packets++;
	world->stats.bytes += n;
	if (owner->packets++ == 0)
		owner->first = now;
	owner->last = now;
	if (world->sink.truth != NULL) {
		uint64_t n_all = nr_ip_is_v4(packet->dst) ? world->space.n_v4 : UINT64_C(1) << 32;

		if (nr_lab_touched_add(&owner->touched, member_of(world, packet->dst), n_all) < 0)
			world->err = -ENOMEM;
	}
	r = world->sink.packet(world->sink.ctx, now, ip, n);
	if (r < 0 && world->err == 0)
		world->err = r;
}

static int64_t fire_again(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t now)
{
	const struct nr_lab_retries *retries = actor->retries;
	uint8_t delay;

	actor->packet.id++;
	actor->packet.seq ^= retries->seq_xor;
	actor->packet.sport = (uint16_t)(actor->packet.sport + retries->sport_add);
	actor->packet.tsval += 1000u * retries->delays[actor->step];
	nr_lab_send(world, actor, &actor->packet, now);
	delay = retries->delays[++actor->step];
	return delay == 0
		       ? NR_LAB_OVER
		       : now + delay * NR_NS_PER_S + (int64_t)(nr_lab_rng_next(&actor->rng) >> 40);
}

void nr_lab_repeat(struct nr_lab_world *world, struct nr_lab_actor *actor,
		   const struct nr_lab_packet *packet, const struct nr_lab_retries *retries,
		   int64_t now)
{
	struct nr_lab_actor *child = nr_lab_actor_new(world, fire_again,
						      now + retries->delays[0] * NR_NS_PER_S);

	child->parent = actor;
	actor->children++;
	child->retries = retries;
	child->packet = *packet;
}

struct nr_ip nr_lab_target(struct nr_lab_world *world, struct nr_lab_actor *actor)
{
	if (world->space.n_v4 == 0 || !nr_ip_is_v4(actor->src))
		return nr_lab_space_v6_target(&world->space, &actor->rng);
	return nr_ip_v4(
		nr_lab_space_at(&world->space,
				nr_lab_rng_below(&actor->rng, (uint32_t)world->space.n_v4)));
}
