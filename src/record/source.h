/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * source: what is known of one address that sent to monitored addresses, from its first packet until it
 * was silent for the timeout T that scan.v1 derives from N.
 *
 * JSON name of the record: "source". Intervals are 95 %. An address is never an actor: `certainty` says
 * how sure it is that this address acted at all.
 */
#include "base/inet.h"
#include "base/time.h"
#include "record/class.h"
#include "record/mark.h"
#include "record/sample.h"

enum nr_level { NR_LEVEL_PROBE, NR_LEVEL_SCANNER, NR_LEVEL_WIDE, NR_LEVEL_AGGRESSIVE };
enum nr_certainty { NR_CERTAINTY_SPOOFABLE, NR_CERTAINTY_RELAY, NR_CERTAINTY_CONFIRMED };
/** Known survey scanners are labelled, never deleted. */
enum nr_benign { NR_BENIGN_NONE, NR_BENIGN_CLAIMED, NR_BENIGN_ACK };

enum { NR_SOURCE_PORTS = 8, NR_SOURCE_SAMPLES = 4 };

struct nr_source_port {
	uint8_t proto;
	uint16_t port;
	uint32_t packets;
};

struct nr_source {
	struct nr_ip src;
	struct nr_time first, last;
	uint64_t packets;
	uint8_t level;		 /* enum nr_level */
	uint8_t traffic_class;	 /* enum nr_class: the class of most packets */
	uint8_t certainty;	 /* enum nr_certainty */
	uint8_t benign;		 /* enum nr_benign */
	const char *benign_name; /* list that names it; borrowed for the process' life */
	uint16_t tools;		 /* bit set over enum nr_mark: marks that decided */
	uint32_t marks[NR_MARK_SLOTS];
	uint64_t dst_n, dst_lo, dst_hi; /* distinct monitored addresses touched */
	uint32_t ports_n;		/* distinct (protocol, port) pairs; estimate above 8 */
	struct nr_source_port ports[NR_SOURCE_PORTS]; /* most packets first */
	uint8_t n_ports;
	uint8_t n_samples;
	const struct nr_sample
		*samples[NR_SOURCE_SAMPLES]; /* first payloads, borrowed for the call */
	bool has_rate;
	double rate_lo, rate, rate_hi; /* Internet-wide packets/s, if it scans uniformly */
	bool has_coverage;
	double coverage_lo, coverage,
		coverage_hi; /* share of the monitored addresses it meant to reach */
	double spoof_score;  /* 0 .. 1: signs that the address is forged */
	uint8_t ttl_min, ttl_max;
	uint32_t origin;	   /* prefix record of src + 1; 0: not looked up. Not printed */
	uint32_t asn;		   /* 0: unknown */
	const char *as_name;	   /* borrowed from the prefix data; NULL: unknown */
	char economy[3];	   /* ISO 3166 alpha-2; "" unknown */
	uint16_t compat;	   /* enum nr_compat bits: what published rules say */
	struct nr_time detected;   /* when level scanner was first reached; 0: never. Not printed */
	uint32_t detected_packets; /* packets of the source by then */
	struct nr_time wide;	   /* when level wide was first reached; 0: never. Not printed */
};

/** Published definitions, computed beside ours so that others can compare. */
enum nr_compat {
	NR_COMPAT_DURUMERIC = 1, /* >= 100 destinations, one port, >= 10 packets/s Internet-wide */
	NR_COMPAT_MERIT_SPREAD = 2, /* one event covers >= 10 % of the dark space */
	NR_COMPAT_MERIT_VOLUME = 4, /* packets in the top 1e-4 of events */
	NR_COMPAT_MERIT_PORTS = 8,  /* distinct ports in the top 1e-4 */
};

extern const char *const nr_level_names[];     /* probe, scanner, wide, aggressive */
extern const char *const nr_certainty_names[]; /* spoofable, relay, confirmed */
extern const char *const nr_benign_names[];    /* none, benign_claimed, benign_ack */
