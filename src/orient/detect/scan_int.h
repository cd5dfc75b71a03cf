/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * scan_int: state of scan.v1, shared by scan.c (feeding), scan_end.c (what a source was), campaign.c.
 *
 * Shape   a source is one cache line (hot) until its third destination or third port, or until a mark
 *         decides; then it gets a cold record, and beyond 14 destinations a sketch. Sources with more
 *         than one port also count (destination, port) pairs: packets to a port over packets a pair
 *         estimate how many destinations that port was tried at.
 *         Source ends when silent for T = clamp(ln(1000) 2^32 / (100 N), 300 s, 24 h): the chance that a
 *         scanner of 100 packets/s Internet-wide shows no packet for so long is 1/1000.
 */
#include "orient/detect/detect.h"
#include "orient/detect/distinct.h"
#include "orient/detect/rate.h"
#include "orient/detect/scan_seen.h"

typedef int64_t nr_unaligned_ns __attribute__((aligned(4)));

enum { NR_SCAN_HOT_DSTS = 2, NR_SCAN_HOT_PORTS = 2, NR_SCAN_BUCKETS = 512, NR_SCAN_RECENT = 4 };

struct nr_scan_hot {
	uint32_t packets;
	nr_unaligned_ns first, last;
	uint32_t cold; /* number + 1; 0: none */
	uint32_t dst[NR_SCAN_HOT_DSTS];
	uint32_t port0_packets;
	uint16_t port[NR_SCAN_HOT_PORTS];
	uint16_t class_packets[NR_CLASS_N]; /* saturate */
	uint8_t proto[NR_SCAN_HOT_PORTS];
	uint8_t marks[5]; /* two counts of 4 bits each, saturate at 15 */
	uint8_t ttl_min, ttl_max;
	uint8_t spoof; /* enum nr_spoof_sign */
	uint8_t n_dst : 4, n_port : 4;
	uint8_t unused;
};
_Static_assert(sizeof(struct nr_scan_hot) == 60, "with a 4-byte address one cache line");
_Static_assert(NR_MARK_N <= 10, "room for ten counts");

struct nr_scan_hot4 {
	uint32_t ip;
	struct nr_scan_hot hot;
};

struct nr_scan_hot6 {
	struct nr_ip ip;
	uint32_t unused;
	struct nr_scan_hot hot;
};

struct nr_scan_port {
	uint16_t port;
	uint8_t proto;
	uint8_t unused;
	uint32_t packets; /* space saving: may count packets of ports it replaced */
};

/** Four cache lines; a scanner of one port with one mark touches the first and one line of a sketch. */
struct nr_scan_cold {
	/* arrivals that are choices of a destination; its repeats (within four choices) are not */
	uint32_t choices;
	uint32_t recent[NR_SCAN_RECENT];
	uint32_t pairs;		  /* sketch, when has_pairs */
	int64_t chosen_at;	  /* ns; newest choice */
	double gap2;		  /* s^2; sum of the squared gaps between choices */
	struct nr_scan_port port; /* the first one */
	uint8_t n_port;		  /* ports known, this one included, at most NR_SOURCE_PORTS */
	uint8_t has_ports;	  /* more than that: `ports` counts them */
	uint8_t has_pairs;	  /* `pairs` counts (destination, port) */
	uint8_t mark;		  /* enum nr_mark + 1 of the first mark; 0: none */
	uint32_t mark_packets;	  /* that carried it */
	struct nr_distinct dst;	  /* its head is still in the first line */
	uint32_t ports;		  /* sketch, when has_ports */
	uint32_t unused;
	struct nr_scan_port more[NR_SOURCE_PORTS - 1];
	uint16_t port_regs, pair_regs; /* non-zero registers */
	uint32_t pairs_from;	       /* packets of the source when `pairs` began */
	uint32_t marks[NR_MARK_N];     /* packets with other marks than `mark` */
	int64_t scanner_at, wide_at;   /* ns; 0: not reached */
	uint32_t scanner_packets;      /* packets when it was */
	uint32_t unused2;
};
_Static_assert(offsetof(struct nr_scan_cold, dst) == 56, "head of dst ends the first line");
_Static_assert(sizeof(struct nr_scan_cold) == 256, "four lines");

/** Wide and aggressive sources that ended, for the campaigns at the end of the input. */
struct nr_scan_member {
	struct nr_ip ip;
	int64_t first, last, detected;
	uint64_t packets, dst;
	uint32_t asn;
	uint16_t tools;
	uint16_t port;
	uint8_t proto;
	uint8_t level;
	uint8_t certainty;
	uint8_t ended;
};

struct nr_scan {
	const struct nr_detect_env *env;
	struct nr_table hot4, hot6, members;
	struct nr_slab cold, sketches;
	struct nr_rate_cache *rates; /* owned; not part of the snapshot */
	int64_t timeout_ns;
	int64_t next_due; /* s; nothing ends before */
	uint64_t
		conficker_dst; /* destinations that its pattern needs here: nr_scan_conficker_dst() */
	uint64_t n_levels[4];
	uint64_t packet_buckets
		[NR_SCAN_BUCKETS]; /* events by packets, port counts by sources: for Merit's */
	uint64_t port_buckets[NR_SCAN_BUCKETS]; /* top 1e-4 */
	struct nr_scan_live *live;		/* env->live: owned; scan_live.c */
};

/** Bucket of a count on a logarithmic scale, 16 to the octave. */
unsigned nr_scan_bucket(uint64_t count);
/** Counts from which a value is in the top 1e-4; UINT64_MAX with fewer than 10^4 events. */
struct nr_scan_thresholds {
	uint64_t packets, ports;
};
struct nr_scan_thresholds nr_scan_thresholds(const uint64_t *packet_buckets,
					     const uint64_t *port_buckets);

/** Add one observation to a cold record. */
void nr_scan_cold_add(struct nr_scan *scan, const struct nr_scan_hot *hot,
		      struct nr_scan_cold *cold, const struct nr_scan_seen *o);
/** What the hot line knew when the record was made. */
void nr_scan_cold_inherit(struct nr_scan *scan, const struct nr_scan_hot *hot,
			  struct nr_scan_cold *cold);
/** Set scanner_at and wide_at when they are reached. */
void nr_scan_cold_levels(struct nr_scan *scan, const struct nr_scan_hot *hot,
			 struct nr_scan_cold *cold, const struct nr_scan_seen *o);
void nr_scan_cold_release(struct nr_scan *scan, uint32_t number);
void nr_scan_cold_marks(const struct nr_scan_cold *cold, uint32_t ret_marks[NR_MARK_N]);
/** Start loading what nr_scan_cold_add() will touch; the first line must have arrived. */
void nr_scan_cold_prefetch(const struct nr_scan *scan, const struct nr_scan_cold *cold,
			   const struct nr_scan_seen *o);
/** Packets to the port that got most; distinct ports; at how many of @p all destinations that port was tried. */
uint32_t nr_scan_cold_top_packets(const struct nr_scan_cold *cold);
uint32_t nr_scan_cold_n_ports(const struct nr_scan *scan, const struct nr_scan_cold *cold);
double nr_scan_cold_top_dst(const struct nr_scan *scan, const struct nr_scan_hot *hot,
			    const struct nr_scan_cold *cold, double all);

static inline unsigned nr_scan_nibble(const uint8_t *marks, unsigned m)
{
	return marks[m / 2] >> (m % 2 * 4) & 15;
}

/** Marks that decide for these counts, as bits; @p dst: distinct destinations, or fewer. */
uint16_t nr_scan_tools(const struct nr_scan *scan, const uint32_t *marks, uint64_t packets,
		       uint64_t dst);
/**
 * Distinct destinations, all of them in Conficker's quarter, that leave a chance of 2^-16 when an address
 * is hit at random: how many depends on the share of the monitored addresses that lie in it. UINT64_MAX
 * when all do: then the pattern says nothing.
 */
uint64_t nr_scan_conficker_dst(const struct nr_nets *nets);
/** Fill @p ret_source from the state of one source. @return its level */
enum nr_level nr_scan_describe(const struct nr_scan *scan, struct nr_ip ip,
			       const struct nr_scan_hot *hot, const struct nr_scan_thresholds *top,
			       bool detail, struct nr_source *ret_source);
/** The same when ret_source->origin is set already. */
enum nr_level nr_scan_describe_known(const struct nr_scan *scan, struct nr_ip ip,
				     const struct nr_scan_hot *hot,
				     const struct nr_scan_thresholds *top, bool detail,
				     struct nr_source *ret_source);
/** Neither destinations, ports nor marks make it more than a probe. */
bool nr_scan_is_plain_probe(const struct nr_scan_hot *hot);
/** The cheap part of describing one: address, times, packets, class. The rest of @p source stays as it is. */
void nr_scan_describe_probe(struct nr_ip ip, const struct nr_scan_hot *hot,
			    struct nr_source *source);
void nr_scan_member_of(const struct nr_source *source, int64_t detected, bool ended,
		       struct nr_scan_member *ret_member);
/** Group members by tool, port and (for tools) AS; emit one finding a group. @p members is sorted in place. */
int nr_scan_campaigns(struct nr_scan_member *members, size_t n, const struct nr_detect_env *env,
		      const struct nr_sink *sink);
enum { NR_SCAN_CAMPAIGN_FIELDS = 11 };
extern const struct nr_field nr_scan_campaign_fields[NR_SCAN_CAMPAIGN_FIELDS];

/** The open source @p ip, or NULL. */
const struct nr_scan_hot *nr_scan_find(const struct nr_scan *scan, struct nr_ip ip);

/* scan_live.c: what is told of sources that are still open */
NR_MUST_CHECK int nr_scan_live_init(struct nr_scan *scan);
void nr_scan_live_done(struct nr_scan *scan);
/** @p ip has become scanner or wide just now. */
void nr_scan_live_rises(struct nr_scan *scan, const struct nr_scan_cold *cold, struct nr_ip ip,
			bool wide);
/** Sources ended: what depends on all of them is to be worked out again. */
void nr_scan_live_ended(struct nr_scan *scan);
void nr_scan_live_save(const struct nr_scan *scan, struct nr_buf *out);
NR_MUST_CHECK int nr_scan_live_load(struct nr_scan *scan, struct nr_reader *in);
int nr_scan_report(void *shard, int64_t now, const struct nr_sink *sink);
int nr_scan_look(void *shard, struct nr_ip ip, const struct nr_sink *sink);

static inline uint64_t nr_scan_hash4(const struct nr_hash_key *key, uint32_t ip)
{
	return nr_hash64(key, ip, 0x5343414e);
}
static inline uint64_t nr_scan_hash6(const struct nr_hash_key *key, const struct nr_ip *ip)
{
	uint64_t w[2];

	memcpy(w, ip, sizeof(w));
	return nr_hash64(key, w[0], w[1]);
}

int nr_scan_feed(void *shard, const struct nr_observation *obs, size_t n);
int nr_scan_feed_packed(void *shard, const struct nr_flow4 *flows, size_t n);
int nr_scan_advance(void *shard, int64_t now, const struct nr_sink *sink);
int nr_scan_finish(void *const *shards, size_t n_shards, int64_t now, const struct nr_sink *sink);
int nr_scan_save(const void *shard, struct nr_buf *out);
int nr_scan_load(void *shard, struct nr_reader *in);
uint64_t nr_scan_refused(const void *shard);
