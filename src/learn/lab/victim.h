/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * victim: hosts under floods with forged sources, and the answers of theirs that we see.
 *
 * Shape   the attacker draws source addresses uniformly, so the victim's answers do too; each answer is
 *         built as the victim's stack builds it. Rates are the victim's packets/s, repeats included.
 */
#include "learn/lab/world.h"

enum nr_lab_flood_kind {
	NR_LAB_FLOOD_SYN_OPEN,	  /* SYN-ACK, repeated 1, 2, 4, 8, 16 s later */
	NR_LAB_FLOOD_SYN_COOKIES, /* SYN-ACK once: nothing is remembered */
	NR_LAB_FLOOD_SYN_CLOSED,  /* RST-ACK */
	NR_LAB_FLOOD_ACK,	  /* RST */
	NR_LAB_FLOOD_UDP,	  /* ICMP port unreachable with the quoted packet */
	NR_LAB_FLOOD_UDP_SERVICE, /* the service's own answers */
	NR_LAB_FLOOD_ICMP,	  /* echo replies */
	NR_LAB_FLOODS,
};
extern const char *const nr_lab_flood_kinds[NR_LAB_FLOODS];

struct nr_lab_flood {
	enum nr_lab_flood_kind kind;
	struct nr_ip victim; /* zero: drawn */
	double rate;	     /* the victim's packets/s to the whole Internet */
	double attack_rate;  /* what hits it; 0: the same */
	uint16_t port;	     /* attacked; 0: any */
	int64_t start, end;  /* 0: of the world */
	uint8_t arrival;     /* enum nr_lab_arrival */
	bool is_v6;
	uint32_t campaign;
};

struct nr_lab_actor *nr_lab_flood(struct nr_lab_world *world, const struct nr_lab_flood *flood);

/** Every address of a /24 is flooded: @p flood says how, its rate is that of all victims together. */
void nr_lab_carpet(struct nr_lab_world *world, const struct nr_lab_flood *flood);
