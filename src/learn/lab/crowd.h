/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * crowd: populations: botnets that grow, stray packets, noise, and the heavy-tailed bench traffic.
 *
 * Source  growth: the SI model I(t) = K / (1 + (K / I0 - 1) 2^(-t / d)) with initial doubling time d
 */
#include "learn/lab/tool.h"

struct nr_lab_botnet {
	enum nr_lab_tool_id tool;
	double rate;	     /* packets/s of one bot over the Internet */
	uint32_t first, all; /* bots at the start and at the end of the growth */
	int64_t doubling;    /* ns, while few are infected; 0: all are there from the start */
	int64_t start;	     /* 0: of the world */
	uint16_t ports[NR_LAB_PORTS];
	uint8_t n_ports;
};
/** @return the number of the campaign */
uint32_t nr_lab_botnet(struct nr_lab_world *world, const struct nr_lab_botnet *botnet);

/** Sources that send one or two packets each to random addresses; Poisson. */
void nr_lab_strays(struct nr_lab_world *world, double sources_per_hour);

/** Resolvers whose answers go to wrong addresses: one to three packets each. */
void nr_lab_dns_noise(struct nr_lab_world *world, double sources_per_hour);

/** A source that keeps talking to one monitored address: @p gap between packets on the mean. */
void nr_lab_misconfigured(struct nr_lab_world *world, int64_t gap);

/**
 * A server that repeats SYN-ACKs to one monitored address, as a delivery network does for a client whose
 * address was mistaken: new connections every minute or so, each with its repeats.
 */
void nr_lab_stuck_server(struct nr_lab_world *world, int64_t start, int64_t end);

/** Exactly this many packets from exactly this many sources, heavy-tailed, mostly SYN scans. */
void nr_lab_bench(struct nr_lab_world *world, uint64_t packets, uint64_t sources);
