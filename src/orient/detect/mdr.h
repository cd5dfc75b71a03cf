/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * mdr: the minimum detectable rate, what a telescope of N addresses could not have seen.
 *
 * A victim that answers spoofed packets at r packets/s sends r N / 2^32 of them here. To bring n_min of
 * them within w seconds it needs MDR = n_min 2^32 / (N w); at that rate about half of the attacks that
 * last w are found. Every report states it: "no attack seen" means no attack above it.
 */
#include "base/def.h"

/** Packets/s; 0 when @p monitored is 0: nothing can be said. */
static inline double nr_mdr(double n_min, uint64_t monitored, double window_s)
{
	return monitored == 0 ? 0 : n_min * 4294967296.0 / ((double)monitored * window_s);
}

/** Of rsdos.v1, for attacks that last @p window_s (at least the 60 s its rule wants to see). */
double nr_mdr_rsdos(uint64_t monitored, double window_s);
/** Of the rule of Moore et al. as CAIDA's Corsaro has it: 30 packets within 60 s. */
double nr_mdr_moore(uint64_t monitored);
