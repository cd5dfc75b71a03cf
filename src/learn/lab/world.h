/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * world: actors that send to the monitored addresses, run in the order of time.
 *
 * In       a scenario (learn/lab/scenario.h) that places actors; more may be born while it runs
 * Out      packets in time order and one truth record per actor, to a sink
 * Shape    a heap holds the next moment of each living actor; an actor's fire() sends what is due and
 *          returns its next moment. Actors that are over are reported and their memory reused.
 * Cost     O(log living actors) a packet; about 400 bytes a living actor
 * Units    time: ns since 1970; rate: packets/s over the whole IPv4 Internet. A uniform scanner with
 *          rate r reaches N monitored addresses with r N / 2^32 packets/s. IPv6 has no such rule: there
 *          a rate is what arrives at the telescope.
 * Threads  one
 */
#include "base/time.h"
#include "learn/lab/packet.h"
#include "learn/lab/space.h"
#include "learn/lab/touched.h"

enum { NR_LAB_PORTS = 8, NR_LAB_HEADROOM = 16, NR_LAB_BURST = 8 };
#define NR_LAB_OVER  INT64_MAX
#define NR_LAB_ALL   UINT64_MAX
#define NR_LAB_SPACE 4294967296.0

struct nr_lab_world;
struct nr_lab_actor;
struct nr_lab_tool;

/** Send what is due at @p now. @return the next moment, or NR_LAB_OVER */
typedef int64_t nr_lab_fire(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t now);

/** What a stack or tool repeats when nobody answers. */
struct nr_lab_retries {
	uint8_t delays[7];  /* s, each after the one before; 0 ends */
	uint16_t sport_add; /* per repeat */
	uint32_t seq_xor;
};

enum nr_lab_arrival {
	NR_LAB_POISSON,
	NR_LAB_REGULAR, /* equal gaps, 2 % jitter */
	NR_LAB_BURSTY,	/* bursts of NR_LAB_BURST, sixteen times as dense as the mean */
};

/** What is true of an actor, as the truth file says it. */
struct nr_lab_label {
	const char *actor;  /* scanner, victim, campaign, noise */
	const char *kind;   /* masscan, syn_flood, botnet, misconfiguration ... */
	const char *tool;   /* name of the mark an observer could see; NULL: none */
	double rate;	    /* packets/s it sends to the whole Internet; victims: answers */
	double attack_rate; /* victims: packets/s that hit it */
	double doubling_s;  /* growing campaigns */
	uint32_t campaign;  /* number of the campaign it belongs to; 0: none */
	uint32_t members;   /* campaigns: how many took part */
	bool has_prefix;
	struct nr_prefix prefix; /* campaigns: attacked prefix */
};

struct nr_lab_actor {
	nr_lab_fire *fire;
	const struct nr_lab_tool *tool;
	struct nr_lab_rng rng;
	struct nr_ip src;
	int64_t start, end;
	int64_t gap;	 /* mean time between arrivals at the telescope; 0: never */
	uint64_t left;	 /* arrivals left, NR_LAB_ALL: until the end */
	uint64_t count;	 /* arrivals so far */
	uint64_t secret; /* what a tool draws once per run */
	uint16_t ports[NR_LAB_PORTS];
	uint8_t n_ports; /* 0: any port */
	uint8_t arrival; /* enum nr_lab_arrival */
	uint8_t burst_left;
	uint8_t hops;			      /* between the source and us */
	uint8_t step;			      /* free for fire() */
	const struct nr_lab_retries *retries; /* NULL: none */
	struct nr_lab_packet packet;	      /* free for fire() */
	struct nr_lab_label label;
	/* truth */
	uint64_t packets;
	int64_t first, last;
	struct nr_lab_touched touched;
	/* life */
	struct nr_lab_actor *parent; /* repeats count for the one who sent first */
	uint32_t children, slot;
	bool is_over, is_alive;
};

struct nr_lab_sink {
	void *ctx;
	/** @p ip has NR_LAB_HEADROOM writable bytes before it. @return 0 or a negative code, which ends the run */
	int (*packet)(void *ctx, int64_t ts, uint8_t *ip, size_t n);
	int (*truth)(void *ctx, const struct nr_lab_world *world,
		     const struct nr_lab_actor *actor); /* or NULL */
};

struct nr_lab_options {
	const struct nr_prefix *nets;
	size_t n_nets;
	struct nr_time start;
	int64_t duration; /* ns */
	uint64_t seed;
	uint64_t packets, sources; /* wanted by scenarios of fixed size; 0: their own numbers */
	double scale;		   /* multiplies populations; 0: 1 */
};

struct nr_lab_stats {
	uint64_t packets, bytes, actors, living, living_max;
};

struct nr_lab_world {
	struct nr_lab_space space;
	struct nr_lab_rng rng;
	struct nr_lab_sink sink;
	struct nr_lab_options options;
	int64_t start, end;
	uint32_t n_campaigns;
	struct nr_lab_stats stats;
	int err; /* first failure; ends the run */
	uint8_t frame[NR_LAB_HEADROOM + NR_LAB_PACKET_MAX + 64];
	uint8_t payload[NR_LAB_PACKET_MAX]; /* for fire(): payloads that change with every packet */
	/* heap and actors: world.c */
	struct nr_lab_moment *heap;
	size_t n_heap, heap_cap;
	struct nr_lab_actor **chunks;
	size_t n_chunks, n_slots;
	uint32_t *free_slots;
	size_t n_free, free_cap;
};

NR_MUST_CHECK int nr_lab_world_new(const struct nr_lab_options *options,
				   const struct nr_lab_sink *sink, struct nr_lab_world **ret_world,
				   struct nr_err *reterr);
struct nr_lab_world *nr_lab_world_free(struct nr_lab_world *world);
static inline void nr_lab_world_autofree(struct nr_lab_world **w)
{
	nr_lab_world_free(*w);
}
/** Run until the end of the time or until no actor is left. @return 0; what a sink returned; -ENOMEM */
NR_MUST_CHECK int nr_lab_world_run(struct nr_lab_world *world);

/**
 * A new actor with a stream, hops and a secret of its own; it fires first at @p first. Never NULL:
 * without memory world->err is set and a spare actor is returned that never fires.
 */
struct nr_lab_actor *nr_lab_actor_new(struct nr_lab_world *world, nr_lab_fire *fire, int64_t first);
/** Let @p actor fire at @p when, for actors made with first = NR_LAB_OVER. */
void nr_lab_actor_at(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t when);

/** Mean gap at the telescope of a uniform sender with this Internet-wide rate. */
int64_t nr_lab_gap(const struct nr_lab_world *world, double rate);
/** The moment after @p now at which the actor's arrival process goes on; NR_LAB_OVER behind its end. */
int64_t nr_lab_next(struct nr_lab_actor *actor, int64_t now);

/** Put the packet on the wire and count it for the actor (or its parent). */
void nr_lab_send(struct nr_lab_world *world, struct nr_lab_actor *actor,
		 const struct nr_lab_packet *packet, int64_t now);
/** Send @p packet again as @p retries says. */
void nr_lab_repeat(struct nr_lab_world *world, struct nr_lab_actor *actor,
		   const struct nr_lab_packet *packet, const struct nr_lab_retries *retries,
		   int64_t now);
/** A monitored address, uniformly; of the actor's family. */
struct nr_ip nr_lab_target(struct nr_lab_world *world, struct nr_lab_actor *actor);
