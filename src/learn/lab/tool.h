/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * tool: how scanners and malware build their packets, field by field, in one table.
 *
 * Source  nmap 7.93, masscan 1.3.2 and zmap 2.1.1 of Debian 12, measured on the wire; current ZMap
 *         and Mirai from their published sources; unicornscan, Hajime and Conficker from the
 *         literature (weak: see docs/lab.md)
 */
#include "learn/lab/world.h"

enum nr_lab_tool_id {
	NR_LAB_MASSCAN,
	NR_LAB_ZMAP,	 /* 2.1.1: ip.id 54321 */
	NR_LAB_ZMAP_NEW, /* 4.x: random id, Windows-order options */
	NR_LAB_NMAP,
	NR_LAB_UNICORNSCAN,
	NR_LAB_MIRAI,
	NR_LAB_HAJIME,
	NR_LAB_CONFICKER,
	NR_LAB_LINUX, /* connect() of the operating system, with its repeats */
	NR_LAB_WINDOWS,
	NR_LAB_RAW,	  /* raw-socket scanner without a mark */
	NR_LAB_SYNACK,	  /* sends SYN-ACK to one port, always the same sequence number */
	NR_LAB_UDP_PROBE, /* payload by port: payload.h */
	NR_LAB_ICMP_SWEEP,
	NR_LAB_TOOLS,
};

struct nr_lab_tool {
	const char *kind; /* in the truth file */
	const char *mark; /* name of the mark that it leaves; NULL: none */
	uint8_t proto;
	bool permutes;	 /* visits every address once before it starts again */
	bool is_quarter; /* only addresses whose 2nd and 4th octet are below 128 */
	const struct nr_lab_retries *retries; /* NULL: none */
	/** Fill in everything but src, dst and proto. */
	void (*choose)(struct nr_lab_world *world, struct nr_lab_actor *actor,
		       struct nr_lab_packet *packet);
	uint16_t ports[NR_LAB_PORTS]; /* usual ports, used when the scan names none */
	uint8_t n_ports;
};

extern const struct nr_lab_tool nr_lab_tools[NR_LAB_TOOLS];

/** A scan of uniformly chosen addresses. Zero fields are drawn or taken from the tool. */
struct nr_lab_scan {
	enum nr_lab_tool_id tool;
	struct nr_ip src;
	double rate;	    /* packets/s over the Internet, repeats included */
	int64_t start, end; /* 0: of the world */
	uint64_t packets;   /* first packets (without repeats) to send; 0: until the end */
	uint8_t arrival;    /* enum nr_lab_arrival */
	bool any_port, is_v6;
	uint16_t ports[NR_LAB_PORTS];
	uint8_t n_ports;
	const char *kind; /* instead of the tool's */
	uint32_t campaign;
};

struct nr_lab_actor *nr_lab_scan(struct nr_lab_world *world, const struct nr_lab_scan *scan);
/** Send the next probe of the actor's tool. */
void nr_lab_probe(struct nr_lab_world *world, struct nr_lab_actor *actor, int64_t now);
/** The share of first tries among all packets of a sender with these repeats. */
double nr_lab_first_share(const struct nr_lab_retries *retries);
