/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/** @file tally_int: the shape of a tally, for tally.c (counting), tally_rows.c (reading), tally_state.c (saving). */
#include "orient/tally.h"
#include "record/hll.h"

enum {
	TALLY_BIN_P = 10,      /* sketch of a time bin */
	TALLY_PORT_P = 8,      /* of a port */
	TALLY_FINE_P = 12,     /* of a port that people ask about */
	TALLY_FINE_LOW = 1024, /* ports below, TCP and UDP */
	TALLY_FINE_HIGH = 256, /* slots for chosen higher ports */
	TALLY_ROW_ICMP = 2 << 16,
	TALLY_ROW_ICMP6 = TALLY_ROW_ICMP + 256,
	TALLY_ROW_OTHER = TALLY_ROW_ICMP6 + 256,
	TALLY_PORT_ROWS = TALLY_ROW_OTHER + 256,
	TALLY_LEVEL_MAX = 48,
	TALLY_N_LEVELS = NR_LEVEL_AGGRESSIVE + 1,
};

/* Hot: the first 64 bytes are one cache line, a sketch of 256 registers follows. */
struct tally_port {
	uint64_t packets, bytes;
	uint32_t bins[NR_TALLY_COARSE]; /* ring: (tick >> level) & 7 */
	uint8_t level;
	bool saturated;
	uint8_t pad[14];
	uint8_t regs[1 << TALLY_PORT_P];
};
_Static_assert(sizeof(struct tally_port) == 320, "five cache lines");

struct tally_cold {
	uint64_t packets, bytes, sources;
	uint64_t bins[NR_TALLY_COARSE];
	uint8_t level;
};

struct tally_bin {
	uint64_t packets[NR_CLASS_N], bytes;
	uint8_t regs[1 << TALLY_BIN_P];
};

/* Which higher ports have a fine sketch: found by the low byte. */
struct tally_high {
	uint16_t port; /* 0: empty */
	uint16_t slot;
};

/*
 * Invariants
 * 1. all ticks counted so far lie in [first, last] (first > last: none yet)
 * 2. (last >> fine) - (first >> fine) < NR_TALLY_BINS and fine is the smallest such; coarse likewise
 * 3. time bins are always at level `fine`; rows fold to level `coarse` when they are next touched or read
 * 4. base[a] is the first absolute bin of level a when level a was left, so that a ring position of a
 *    row still at level a is known absolutely
 */
struct nr_tally {
	const struct nr_prefixes *prefixes;
	int64_t first, last;
	unsigned fine, coarse;
	int64_t base[TALLY_LEVEL_MAX + 1];
	struct tally_cold classes[NR_CLASS_N], tools[NR_MARK_N], levels[TALLY_N_LEVELS];
	struct tally_high high[TALLY_FINE_HIGH];
	uint8_t *fine_regs;	    /* 4 KiB a slot: TCP low, UDP low, TCP high, UDP high */
	struct tally_port *ports;   /* TALLY_PORT_ROWS, zero pages until touched */
	struct tally_bin *bins;	    /* NR_TALLY_BINS, ring: (tick >> fine) & 127 */
	struct tally_bin *spare;    /* the same size, for folding */
	struct tally_cold *origins; /* by record of the prefixes */
	uint32_t n_origins;
};

static inline size_t nr_tally_port_row(uint8_t proto, uint16_t dport)
{
	if (proto == 6)
		return dport;
	if (proto == 17)
		return (size_t)1 << 16 | dport;
	if (proto == 1)
		return TALLY_ROW_ICMP + (size_t)(dport >> 8);
	if (proto == 58)
		return TALLY_ROW_ICMP6 + (size_t)(dport >> 8);
	return TALLY_ROW_OTHER + (size_t)proto;
}

/* Registers of the row's sketch and their number as a power of two. */
static inline uint8_t *nr_tally_regs(const struct nr_tally *tally, size_t row, unsigned *ret_p)
{
	uint16_t port = (uint16_t)row;

	*ret_p = TALLY_FINE_P;
	if (row < TALLY_ROW_ICMP && port < TALLY_FINE_LOW)
		return tally->fine_regs + (((row >> 16) * TALLY_FINE_LOW + port) << TALLY_FINE_P);
	const struct tally_high *high = &tally->high[port % TALLY_FINE_HIGH];

	if (row < TALLY_ROW_ICMP && high->port == port)
		return tally->fine_regs +
		       ((2 * TALLY_FINE_LOW + (row >> 16) * TALLY_FINE_HIGH + high->slot)
			<< TALLY_FINE_P);
	*ret_p = TALLY_PORT_P;
	return tally->ports[row].regs;
}

/* Widen the covered time to hold @p tick. */
void nr_tally_extend(struct nr_tally *tally, int64_t tick);
/* Bins of level @p from, whose first absolute bin is @p base, as bins of level @p to. */
void nr_tally_fold(uint64_t bins[NR_TALLY_COARSE], unsigned from, int64_t base, unsigned to);
/* Bins of a row as of now; the row itself is left alone. */
void nr_tally_port_bins(const struct nr_tally *tally, const struct tally_port *row,
			uint64_t bins[NR_TALLY_COARSE]);
void nr_tally_cold_bins(const struct nr_tally *tally, const struct tally_cold *row,
			uint64_t bins[NR_TALLY_COARSE]);
/* Add @p add (level tally->coarse) to a row. */
void nr_tally_port_add(struct nr_tally *tally, struct tally_port *row,
		       const uint64_t add[NR_TALLY_COARSE]);
void nr_tally_cold_add(struct nr_tally *tally, struct tally_cold *row,
		       const uint64_t add[NR_TALLY_COARSE]);
