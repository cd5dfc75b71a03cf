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

bool nr_rate_interval(uint64_t n, double n_effective, double span_s, uint64_t monitored,
		      struct nr_rate *ret_rate)
{
	if (n < 2 || !(span_s > 0) || monitored == 0)
		return false;
	double scale = IPV4_SPACE / (double)monitored;
	double rate = (double)(n - 1) / span_s * scale;
	double k = fmin(fmax(n_effective, 2), (double)n) - 1;
	/* A fixed time of activity is longer than the span of what was seen in it: n + 1 gaps, not n - 1. */
	double fixed = k / (k + 2);
	double lo = nr_stat_gamma_quantile(TAIL, k), hi = nr_stat_gamma_quantile(1 - TAIL, k);
	double fixed_lo = nr_stat_gamma_quantile(TAIL, k + 1) * fixed;
	double fixed_hi = nr_stat_gamma_quantile(1 - TAIL, k + 2) * fixed;

	*ret_rate = (struct nr_rate){
		.lo = fmin(lo, fixed_lo) / k * rate,
		.rate = rate,
		.hi = fmax(hi, fixed_hi) / k * rate,
	};
	return true;
}
