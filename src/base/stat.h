/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * stat: the few exact distributions the detectors stand on. Pure functions of doubles.
 *
 * Accuracy  relative 1e-10 in the body; tails as natural logarithms so that 1e-300 is still told apart.
 * Source    Garwood 1936 (exact Poisson interval); Numerical recipes are not used: incomplete gamma by
 *           series and continued fraction (Abramowitz and Stegun 6.5.29, 6.5.31), inverse by Newton
 *           and bisection.
 */
#include "base/def.h"

/** ln P(X >= n) for X ~ Poisson(mean); 0 when n == 0. mean > 0. */
double nr_stat_poisson_tail_ln(uint64_t n, double mean);
/** Exact (Garwood) two-sided interval for the mean of a Poisson count @p n; level 0.95. */
void nr_stat_poisson_interval(uint64_t n, double level, double *ret_lo, double *ret_hi);
/** P(X >= x) for X ~ chi square with @p df degrees of freedom. */
double nr_stat_chi2_tail(double x, double df);
/** Quantile of the gamma distribution with shape k, scale 1. */
double nr_stat_gamma_quantile(double p, double k);
/** Standard normal quantile. */
double nr_stat_normal_quantile(double p);
/** Shannon entropy in bits of counts; 0 for an empty set. */
double nr_stat_entropy(const uint32_t *counts, size_t n);
