/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/detect/rate.h"

#include <math.h>

#include "base/stat.h"

static const double IPV4_SPACE = 4294967296.0;
static const double TAIL = 0.025;

double nr_rate_effective(double n, double sum_k, double sum_k2)
{
	if (!(sum_k2 > sum_k))
		return n;
	return fmax(2, n * sum_k / sum_k2);
}

double nr_rate_effective_gaps(uint64_t n, double span_s, double sum_gap2)
{
	if (n < 8 || !(span_s > 0))
		return (double)n;
	double gaps = (double)(n - 1);
	/* Squared coefficient of variation; for exponential gaps its mean is 1 - 2/gaps and its
	 * standard deviation sqrt(4/gaps), with a long right tail: hence 4.5 of them, not 3.1. */
	double dispersion = gaps * sum_gap2 / (span_s * span_s) - 1;

	if (dispersion <= 1 + 4.5 * 2 / sqrt(gaps))
		return (double)n;
	return fmax(2, gaps / dispersion + 1);
}

/* Limits relative to the rate for k independent gaps. */
static void limits(double k, double *ret_lo, double *ret_hi)
{
	/* A fixed time of activity is longer than the span of what was seen in it: n + 1 gaps, not n - 1. */
	double fixed = k / (k + 2);
	double lo = nr_stat_gamma_quantile(TAIL, k), hi = nr_stat_gamma_quantile(1 - TAIL, k);
	double fixed_lo = nr_stat_gamma_quantile(TAIL, k + 1) * fixed;
	double fixed_hi = nr_stat_gamma_quantile(1 - TAIL, k + 2) * fixed;

	*ret_lo = fmin(lo, fixed_lo) / k;
	*ret_hi = fmax(hi, fixed_hi) / k;
}

static void limits_kept(struct nr_rate_cache *cache, double k, double *ret_lo, double *ret_hi)
{
	size_t at = k < NR_RATE_KEPT ? (size_t)k : 0;

	if (cache == NULL || at == 0 || (double)at < k) {
		limits(k, ret_lo, ret_hi);
		return;
	}
	if (!(cache->hi[at] > 0))
		limits(k, &cache->lo[at], &cache->hi[at]);
	*ret_lo = cache->lo[at];
	*ret_hi = cache->hi[at];
}

bool nr_rate_interval_kept(struct nr_rate_cache *cache, uint64_t n, double n_effective,
			   double span_s, uint64_t monitored, struct nr_rate *ret_rate)
{
	if (n < 2 || !(span_s > 0) || monitored == 0)
		return false;
	double scale = IPV4_SPACE / (double)monitored;
	double rate = (double)(n - 1) / span_s * scale;
	double lo, hi;

	limits_kept(cache, fmin(fmax(n_effective, 2), (double)n) - 1, &lo, &hi);
	*ret_rate = (struct nr_rate){ .lo = lo * rate, .rate = rate, .hi = hi * rate };
	return true;
}

bool nr_rate_interval(uint64_t n, double n_effective, double span_s, uint64_t monitored,
		      struct nr_rate *ret_rate)
{
	return nr_rate_interval_kept(NULL, n, n_effective, span_s, monitored, ret_rate);
}
