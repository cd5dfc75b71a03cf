/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * rate: how fast an address sends to the whole IPv4 Internet, judged by what reached N monitored addresses.
 *
 * Model    a sender that picks destinations uniformly at r packets/s is seen as a Poisson process of rate
 *          r N / 2^32: thinning makes it one whatever the sender's own rhythm, as long as N << 2^32. With
 *          the first and the last packet as bounds, the n - 1 gaps between them sum to the span S, and
 *          2 r' S follows chi square with 2 (n - 1) degrees of freedom: the exact interval of the gamma
 *          distribution. It is exact for a sender who is watched until its n-th packet; for one who sends
 *          for a fixed time the count is Poisson instead. The interval given is the hull of both, so
 *          that it is honest for either (docs/detectors/rsdos.v1.md has coverage and width, measured).
 * Bursts   packets that are no independent choices (retransmissions, several packets to one address) carry
 *          less knowledge than their number says. nr_rate_effective() turns counts per choice, and
 *          nr_rate_effective_gaps() squared gaps, into the number of independent arrivals they are worth.
 * IPv6     has no 2^32 / N: there is no such extrapolation.
 * Source   Garwood 1936; compound Poisson variance n E[K^2] / E[K]; index of dispersion of intervals
 *          (Cox and Lewis 1966)
 */
#include "base/def.h"

struct nr_rate {
	double lo, rate, hi; /* packets/s Internet-wide; lo and hi bound 95 % */
};

/**
 * @param n           packets seen, the first and the last one included
 * @param n_effective independent arrivals they are worth, 2 .. n; pass n when each packet is a choice
 * @param span_s      seconds from the first packet to the last
 * @param monitored   N; 0 gives no rate
 * @return whether there is a rate: n >= 2, span > 0, N > 0
 */
NR_MUST_CHECK bool nr_rate_interval(uint64_t n, double n_effective, double span_s,
				    uint64_t monitored, struct nr_rate *ret_rate);

enum { NR_RATE_KEPT = 64 };

/** Limits for whole numbers of gaps below NR_RATE_KEPT, as they are asked for; zero-initialised. */
struct nr_rate_cache {
	double lo[NR_RATE_KEPT], hi[NR_RATE_KEPT];
};

/** The same, to the bit, without working out again what most sources need. @p cache may be NULL. */
NR_MUST_CHECK bool nr_rate_interval_kept(struct nr_rate_cache *cache, uint64_t n,
					 double n_effective, double span_s, uint64_t monitored,
					 struct nr_rate *ret_rate);

/** Worth of packets that came as choices of k packets each, from the sums of k and k^2. */
double nr_rate_effective(double n, double sum_k, double sum_k2);

/**
 * Worth of @p n packets whose n - 1 gaps sum to @p span_s and their squares to @p sum_gap2. Gaps as
 * irregular as those of a Poisson process, within its own chance (p > 1e-3), or more regular: n.
 */
double nr_rate_effective_gaps(uint64_t n, double span_s, double sum_gap2);
