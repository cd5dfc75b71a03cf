/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * rsdos: victims of floods with forged sources, seen by the answers that reach monitored addresses.
 *
 * The constants of the rule, each with its origin, and the evidence of a finding. What they mean, why, and
 * what was measured stands in docs/detectors/rsdos.v1.md.
 */
#include "base/time.h"
#include "record/field.h"

enum {
	/* Moore et al. as in CAIDA's Corsaro (corsaro_dos.c) */
	NR_MOORE_IDLE_S = 300,
	NR_MOORE_PACKETS = 25,
	NR_MOORE_SPAN_S = 60,
	NR_MOORE_PPM = 30, /* most packets within ... */
	NR_MOORE_WINDOW_S = 60,
	NR_MOORE_SLIDE_S = 10,

	/* ours */
	NR_RSDOS_IDLE_S = 300,	/* an event ends after this silence, as Moore's */
	NR_RSDOS_FLOWS_MIN = 5, /* answers to different (address, ports); fewer are never enough */
	NR_RSDOS_FLOWS_USUAL =
		6, /* to different addresses: a pool of six shows no repeat in six with 1.5 % */
	NR_RSDOS_FLOWS_NO_PORT =
		16, /* for ICMP that quotes nothing: no port can speak for the flood */
	NR_RSDOS_FLOWS_QUICK = 50, /* enough before NR_RSDOS_SPAN_S */
	NR_RSDOS_SPAN_S = 60,
	NR_CARPET_VICTIMS =
		8, /* in one /24 or /48, each with at least two answers, within the idle time */
	NR_RSDOS_PORTS = 4, /* attacked ports that are kept */
};

/** log10 of the chance below which a repeat rate is no background any more: DETECTION 2. */
#define NR_RSDOS_P_LOG10 (-9.0)
/** Changes whenever a constant or a test of the rule does. */
#define NR_RSDOS_RULE "rsdos.v1/1"

enum nr_rsdos_flag {
	NR_RSDOS_MOORE = 1,   /* the published rule is met too */
	NR_RSDOS_UNIFORM = 2, /* destinations pass every test of uniform spoofing */
	NR_RSDOS_UDP_EXT = 4, /* counts UDP answers of services other than DNS */
	NR_RSDOS_QUOTED =
		8, /* routers or the victim quoted the forged packet: port and protocol are exact */
};

struct nr_rsdos_port {
	uint8_t proto, pad;
	uint16_t port; /* of the victim; 0 for ICMP */
	uint32_t packets;
};

struct nr_rsdos_evidence {
	uint64_t packets;
	uint64_t flows;	       /* different (address, ports) answered; an estimate above 64 */
	uint64_t destinations; /* different monitored addresses; an estimate above 64 */
	uint32_t victims;      /* carpet: addresses with at least two answers; attack: 0 */
	struct nr_rsdos_port ports[NR_RSDOS_PORTS]; /* most packets first */
	uint8_t n_ports;
	bool more_ports;
	uint8_t flags; /* enum nr_rsdos_flag */
	bool has_rate;
	double duration_s;
	uint32_t ppm_max;	       /* most packets in 60 s */
	double rate_lo, rate, rate_hi; /* answers of the victim to all of IPv4, packets/s */
	double p_log10;		       /* of so many answers under the background rate */
	double uniform_p;	       /* chi square of the destinations */
	double entropy;	    /* of the answered ports, bits; of the sample of at most 64 */
	double background;  /* answers/s expected of such an address without an attack */
	uint64_t monitored; /* N */
	double window_s;    /* w of the minimum detectable rate */
	double mdr;	    /* minimum detectable rate for attacks of that length, packets/s */
};

enum { NR_RSDOS_N_FIELDS = 23 };
extern const struct nr_field nr_rsdos_fields[NR_RSDOS_N_FIELDS];
