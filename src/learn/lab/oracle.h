/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * oracle: what a perfect observer would know, kept by the definitions and without any thrift.
 *
 * In       the packets of a lab world, in order, and its truth records
 * Shape    a visit is what a source record of scan.v1 ought to be: all packets of one address until it
 *          is silent for the timeout T (checked at whole minutes, as the detector does). Actors are
 *          joined to visits by address.
 * Cost     about 100 bytes an actor and 80 a visit
 */
#include "base/table.h"
#include "learn/lab/world.h"

struct nr_lab_visit {
	int64_t first, last;
	int64_t third_at; /* when the third distinct destination was reached; 0: never */
	uint32_t packets, third_packets;
	uint32_t few[3]; /* first distinct destinations */
	uint32_t older;	 /* visit before this one + 1; 0: none */
	uint8_t n_few;
	bool is_found;
};

struct nr_lab_known {
	struct nr_ip src;
	struct nr_lab_label label; /* label.actor NULL: not (yet) reported */
	int64_t start, end, first, last;
	uint64_t packets, arrivals; /* arrivals: packets that repeat none */
	uint32_t distinct;
	uint32_t newest; /* visit + 1 */
	uint8_t arrival;
	bool is_found; /* free for scoring */
};

struct nr_lab_oracle {
	struct nr_table known, visits;
	int64_t timeout_ns;
	uint64_t n_v4;
	struct nr_lab_label *campaigns; /* with prefixes; owned */
	size_t n_campaigns;
	int err;
};

NR_MUST_CHECK int nr_lab_oracle_init(struct nr_lab_oracle *oracle, uint64_t n_v4);
void nr_lab_oracle_done(struct nr_lab_oracle *oracle);
void nr_lab_oracle_packet(struct nr_lab_oracle *oracle, int64_t ts, const uint8_t *ip);
void nr_lab_oracle_truth(struct nr_lab_oracle *oracle, const struct nr_lab_actor *actor);
/** NULL: no packet came from there and no actor is there. */
struct nr_lab_known *nr_lab_oracle_find(const struct nr_lab_oracle *oracle, struct nr_ip src);
static inline struct nr_lab_visit *nr_lab_oracle_visit(const struct nr_lab_oracle *oracle,
						       uint32_t number)
{
	return number == 0 ? NULL : nr_table_at(&oracle->visits, number - 1);
}
/** The timeout of scan.v1 for N addresses (DETECTION: ln 1000 2^32 / (100 N), 300 s to 24 h). */
int64_t nr_lab_timeout(uint64_t n_v4);
