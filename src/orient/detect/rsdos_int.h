/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * rsdos_int: what the files of rsdos.v1 share.
 *
 * Shape   one shard holds
 *           victims   80 bytes each: first two answers kept whole, so that nothing is lost when a
 *                     third one makes the victim worth a track
 *           tracks    about 1.2 kB, for victims with at least three answers and for prefixes
 *                     with at least three spread victims: a sample of at most 64 flows, sketches,
 *                     minute counts
 *           prefixes  32 bytes a /24 or /48 that has victims
 *           groups    background rate of repeated answers by (port class, AS)
 *           pending   ended findings that wait for advance()
 *           dirty     on line: tracks with something to tell since the last report()
 * Invariants
 *   1 victims, prefixes and tracks are renumbered by sweep() alone; references are number + 1, 0
 *     is none
 *   2 prefix.live counts the victims that refer to it, prefix.live2 those of them with
 *     VICTIM_SPREAD
 *   3 a track belongs to exactly one victim or prefix while track.used says so
 *   4 whatever is decided depends on the observations and on the watermark, never on table order or
 *     key
 */
#include "base/table.h"
#include "orient/detect/detect.h"
#include "orient/detect/rsdos.h"

enum { RSDOS_SAMPLE = 64, RSDOS_HLL_P = 8, RSDOS_PPM_BINS = NR_MOORE_WINDOW_S / NR_MOORE_SLIDE_S };
enum { RSDOS_SWEEP_S = 30 };

#define RSDOS_IDLE_NS  (NR_RSDOS_IDLE_S * NR_NS_PER_S)
#define RSDOS_TICK_MAX INT64_C(4000000000) /* s; keeps nanoseconds within 64 bits */

/** How an answer speaks. */
enum rsdos_type { RSDOS_SYNACK, RSDOS_RST, RSDOS_UDP, RSDOS_ICMP, RSDOS_QUOTE, RSDOS_TYPE_N };
enum rsdos_answer_bit { RSDOS_SAME_SEQ = 1, RSDOS_MOORE_COUNTS = 2, RSDOS_EXT = 4 };

/** One observation, read as an answer of a victim. */
struct rsdos_answer {
	struct nr_ip victim;
	int64_t first, last; /* ns */
	uint32_t dst; /* the monitored address; of IPv6 a hash whose low nibble is the address' */
	uint32_t packets;
	uint16_t port, peer; /* of the victim; of the forged source */
	uint8_t type, proto, bits;
};

struct rsdos_sample {
	uint32_t dst, packets;
	uint16_t port, peer;
	uint8_t type, proto, bits, pad;
};

enum { VICTIM_SPREAD = 1, VICTIM_NO_TRACK = 2 };

struct rsdos_victim {
	struct nr_ip ip;
	int64_t first, last; /* ns */
	uint32_t packets;    /* saturates; 0 marks an entry that sweep() will drop */
	uint32_t track, prefix;
	uint8_t n_samples, flows; /* of the samples */
	uint8_t bits, pad;
	struct rsdos_sample samples[2];
};
_Static_assert(sizeof(struct rsdos_victim) == 80,
	       "at most 96 bytes a victim; no padding, it is saved");

enum { TRACK_FREE, TRACK_VICTIM, TRACK_PREFIX };

struct rsdos_track {
	int64_t first, last;		   /* of the event, ns */
	int64_t sample_first, sample_last; /* of the sample, ns */
	int64_t detected;		   /* ns; meaningful with is_detected */
	int64_t ppm_bin;
	double lambda; /* background at detection, answers/s */
	double p_ln;   /* smallest at a check that passed */
	uint64_t packets;
	/*
	 * on line: id under which it was told (0: not told), and when and with how many packets it
	 * last was
	 */
	uint64_t said_id, said_packets;
	int64_t said_at; /* s */
	struct nr_ip ip; /* victim, or network address of the prefix */
	uint32_t ppm[RSDOS_PPM_BINS], ppm_max;
	uint32_t moore_packets;
	uint32_t flows, flow_packets;	/* exact as long as the sample takes them */
	uint32_t same_seq, seq_packets; /* TCP with SYN: packets with the mark, all */
	uint32_t renumber;
	uint32_t victims_max; /* prefix: most spread victims at once */
	struct nr_rsdos_port ports[NR_RSDOS_PORTS];
	uint32_t dst[RSDOS_SAMPLE];
	uint16_t port[RSDOS_SAMPLE], peer[RSDOS_SAMPLE], count[RSDOS_SAMPLE];
	uint8_t type[RSDOS_SAMPLE];
	uint8_t n, repeats, adjacent,
		next_check; /* of the sample: flows, flows to a seen address, steps */
	uint8_t used, is_detected, n_ports, more_ports;
	uint8_t flags, is_v6;
	uint8_t was_refuted; /* a full sample of this event was no flood */
	uint8_t is_dirty;
	uint8_t pad[4];
	uint8_t hll[1 << RSDOS_HLL_P];
};
_Static_assert(sizeof(struct nr_rsdos_port) == 8, "no padding");
_Static_assert(sizeof(struct rsdos_track) == 1176, "no padding: it is saved as it stands");

struct rsdos_prefix {
	uint64_t key; /* IPv4: 2^63 + address >> 8; IPv6: first 48 bits */
	uint32_t live, live2;
	uint32_t track, renumber;
	uint8_t used, pad[7];
};
_Static_assert(sizeof(struct rsdos_prefix) == 32, "no padding");

struct rsdos_group {
	uint64_t key;	  /* port class << 32 | AS; see rsdos_bg.c */
	uint64_t repeats; /* answers after the first, at most 8 an event */
	uint64_t seconds; /* for which events stood open */
};

enum rsdos_kind { RSDOS_ATTACK, RSDOS_CARPET };

struct rsdos_pending {
	struct nr_ip ip;	       /* victim, or network address of the prefix */
	int64_t first, last, detected; /* ns */
	double confidence;
	uint64_t said_id;
	struct nr_rsdos_evidence evidence;
	uint8_t kind, is_withdrawn, pad[2];
	uint32_t track; /* report(): number + 1 */
};

struct rsdos_shard {
	const struct nr_detect_env *env;
	int64_t swept; /* watermark of the last sweep, s */
	struct nr_table victims, tracks, prefixes, groups, pending;
	struct nr_table dirty; /* uint32_t: number + 1 of a track */
};

static inline struct rsdos_track *rsdos_track_at(const struct rsdos_shard *s, uint32_t ref)
{
	return ref == 0 ? NULL : nr_table_at(&s->tracks, ref - 1);
}
static inline struct rsdos_prefix *rsdos_prefix_at(const struct rsdos_shard *s, uint32_t ref)
{
	return ref == 0 ? NULL : nr_table_at(&s->prefixes, ref - 1);
}

/* rsdos_event.c: the life of victims and prefixes */

/** Start loading what rsdos_event_add() will write. */
void rsdos_event_prefetch(const struct rsdos_shard *s, uint64_t hash, struct nr_ip victim);
/** @p hash is rsdos_victim_hash() of the victim. */
void rsdos_event_add(struct rsdos_shard *s, uint64_t hash, const struct rsdos_answer *a);
/**
 * End what has been silent since before the watermark @p now. It happens only when a multiple of
 * RSDOS_SWEEP_S is crossed, so that calls may be cut anywhere.
 */
void rsdos_sweep(struct rsdos_shard *s, int64_t now);

/** Whether a track, which may be NULL, ends as a finding. */
bool rsdos_event_stands(const struct rsdos_shard *s, const struct rsdos_track *t);

/* rsdos_track.c: what is kept of many answers, and what it looks like */

/** A free track for @p used, or 0 when the table is full. */
uint32_t rsdos_track_new(struct rsdos_shard *s, uint8_t used, struct nr_ip ip);
void rsdos_track_add(struct rsdos_track *t, const struct rsdos_answer *a);
/** Start the sample again: it was full and no attack. */
void rsdos_track_restart(struct rsdos_track *t);

/** What the sample of a track says. */
struct rsdos_shape {
	double uniform_p; /* chi square of positions */
	double entropy;	  /* of peer ports, bits */
	bool spread;  /* destinations are as many and as far apart as uniform spoofing makes them */
	bool ports;   /* ports speak of forged packets, or were quoted */
	bool scanner; /* one sequence number, or destinations in a row */
	bool enough;  /* destinations for this kind of answer */
};
void rsdos_track_shape(const struct rsdos_shard *s, const struct rsdos_track *t,
		       struct rsdos_shape *ret_shape);

/* rsdos_live.c: what is told before it ends */

/** On line: a detected or told track has changed. */
void rsdos_live_touch(struct rsdos_shard *s, uint32_t ref);
/** Tracks have new numbers. */
void rsdos_live_renumber(struct rsdos_shard *s);
int rsdos_report(void *shard, int64_t now, const struct nr_sink *sink);

/* rsdos_bg.c: how often such addresses answer without an attack */
double rsdos_bg_rate(const struct rsdos_shard *s, struct nr_ip ip, uint8_t proto, uint16_t port);
void rsdos_bg_learn(struct rsdos_shard *s, struct nr_ip ip, const struct rsdos_sample *sample,
		    uint64_t flows, int64_t span_ns);
uint64_t rsdos_group_hash(const void *entry, const void *key);

/* rsdos_emit.c: from state to findings */
void rsdos_emit_fill(const struct rsdos_shard *s, const struct rsdos_track *t, struct nr_ip ip,
		     struct rsdos_pending *ret_pending);
/** Sort by (last, ip, kind) and hand over; @p now decides ended or continuing. Sets said_id. */
void rsdos_emit_all(const struct nr_detect_env *env, struct rsdos_pending *list, size_t n,
		    int64_t now, const struct nr_sink *sink);
struct nr_ip rsdos_prefix_ip(uint64_t key);

/* rsdos_save.c */
int rsdos_save(const void *shard, struct nr_buf *out);
int rsdos_load(void *shard, struct nr_reader *in);
uint64_t rsdos_victim_hash(const void *entry, const void *key);
uint64_t rsdos_prefix_hash(const void *entry, const void *key);
