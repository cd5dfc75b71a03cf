/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * space: the addresses of the lab: the monitored ones, and those that send.
 *
 * Shape   monitored prefixes form one index space [0, n_v4); IPv6 prefixes are drawn by pattern.
 *         Sources come out of two pools that never give an address twice: few crowded networks
 *         (hosting and access providers with many infected machines) and many thin ones.
 * Limits  NR_LAB_NETS prefixes; 2^20 crowded and 2^28 thin sources
 */
#include "base/err.h"
#include "base/inet.h"
#include "learn/lab/rng.h"

enum {
	NR_LAB_NETS = 16,
	NR_LAB_CROWDED = 16, /* /16 networks that hold half of the sources */
	NR_LAB_THIN = 4096,  /* and those that hold the rest */
};

struct nr_lab_space {
	struct nr_prefix nets[NR_LAB_NETS]; /* all of them, as given */
	size_t n_nets;
	uint32_t v4_base[NR_LAB_NETS];
	uint64_t v4_end[NR_LAB_NETS]; /* index after the last address of the prefix */
	size_t n_v4_nets;
	uint64_t n_v4;
	struct nr_prefix v6[NR_LAB_NETS];
	size_t n_v6_nets;
	uint16_t homes[NR_LAB_CROWDED + NR_LAB_THIN]; /* upper halves of source addresses */
	uint16_t aside[256]; /* networks that no pool uses: victims of carpets */
	uint64_t secret, n_crowded, n_thin, n_v6; /* how many were given */
};

/** @return 0; NR_EUSAGE when the prefixes overlap or are too many */
NR_MUST_CHECK int nr_lab_space_init(struct nr_lab_space *space, const struct nr_prefix *nets,
				    size_t n_nets, uint64_t seed, struct nr_err *reterr);

/** The monitored address with this index; index < n_v4. */
static inline uint32_t nr_lab_space_at(const struct nr_lab_space *space, uint64_t index)
{
	size_t i = 0;

	while (index >= space->v4_end[i])
		i++;
	return space->v4_base[i] + (uint32_t)(index - (i == 0 ? 0 : space->v4_end[i - 1]));
}

/** A monitored IPv6 address as scanners guess them: mostly ::1 and other low ones in some subnet. */
struct nr_ip nr_lab_space_v6_target(const struct nr_lab_space *space, struct nr_lab_rng *rng);

/** A source address nobody had before. */
struct nr_ip nr_lab_space_source(struct nr_lab_space *space, struct nr_lab_rng *rng);
struct nr_ip nr_lab_space_source_v6(struct nr_lab_space *space, struct nr_lab_rng *rng);

/** The index of a monitored IPv4 address. */
static inline uint64_t nr_lab_space_index(const struct nr_lab_space *space, uint32_t address)
{
	size_t i = 0;
	uint64_t before = 0;

	while (i + 1 < space->n_v4_nets && address - space->v4_base[i] >= space->v4_end[i] - before)
		before = space->v4_end[i++];
	return before + (address - space->v4_base[i]);
}
