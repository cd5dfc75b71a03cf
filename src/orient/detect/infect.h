/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * infect: machines that look infected, by the marks their packets carry; the evidence, term by term.
 *
 * Each finding is a sum of log-odds whose terms are printed. Weights are starting guesses that labelled data
 * will fit; docs/detectors/infect.v1.md says where each comes from.
 */
#include "record/field.h"
#include "record/source.h"

/** Terms of the sum. Append only. */
enum nr_infect_term {
	NR_INFECT_MIRAI,     /* the mark decided */
	NR_INFECT_MIRAI_ONE, /* one marked packet: not enough to decide */
	NR_INFECT_CONFICKER,
	NR_INFECT_EXPLOIT, /* a payload that orders download and run */
	NR_INFECT_HAJIME,
	NR_INFECT_SCANNER,    /* scans, without a mark of malware */
	NR_INFECT_CONSISTENT, /* one machine by its TTL */
	NR_INFECT_BENIGN_ACK,
	NR_INFECT_BENIGN_CLAIMED,
	NR_INFECT_SPOOF,
	NR_INFECT_HOSTING,
	NR_INFECT_BACKSCATTER, /* answers only */
	NR_INFECT_TERM_N,
};

enum nr_infect_verdict { NR_INFECT_NONE, NR_INFECT_WATCH, NR_INFECT_PROBABLE, NR_INFECT_CONFIRMED };
enum nr_infect_family {
	NR_FAMILY_NONE,
	NR_FAMILY_MIRAI,
	NR_FAMILY_CONFICKER,
	NR_FAMILY_EXPLOIT,
	NR_FAMILY_HAJIME
};
enum nr_infect_status { NR_INFECT_NEW, NR_INFECT_CONTINUING, NR_INFECT_CLEARED };

enum {
	NR_INFECT_CONFIRMED_FROM = 9,
	NR_INFECT_PROBABLE_FROM = 5,
	NR_INFECT_WATCH_FROM = 2,
	NR_INFECT_PORTS = 4,
	NR_INFECT_N_FIELDS = 14 + NR_INFECT_TERM_N,
};

struct nr_infect_evidence {
	double terms[NR_INFECT_TERM_N]; /* 0: does not apply */
	double score;			/* their sum */
	uint64_t marked;		/* packets with a mark of malware, in this episode */
	uint64_t packets, destinations; /* of the source */
	double rate_here;		/* marked packets an hour here */
	double clear_after_s; /* silence after which it counts as cleared: ln(1000) / own rate, >= 24 h */
	struct nr_source_port ports[NR_INFECT_PORTS];
	uint8_t n_ports;
	uint8_t family, verdict, status, level, benign;
	bool returned;	   /* seen infected within 7 days before this episode */
	uint32_t episodes; /* this one included */
};

extern const struct nr_field nr_infect_fields[NR_INFECT_N_FIELDS];

/** Weight of each term; the field table names and explains them. */
extern const double nr_infect_weights[NR_INFECT_TERM_N];
