/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stat.h"

#include <float.h>
#include <math.h>

/*
 * Everything rests on the regularised incomplete gamma function P(a, x) and its complement Q(a, x):
 * the Poisson tail, the chi square tail and the gamma quantile are the same curve read differently.
 */
enum { ITERATIONS_MAX = 500000, STIRLING_FROM = 16 };

static const double EPSILON = 1e-15;

/* ln(a!) - (ln(sqrt(2 pi a)) + a ln a - a) for a >= STIRLING_FROM (Abramowitz and Stegun 6.1.41). */
static double stirling_error(double a)
{
	double a2 = a * a;

	return (1.0 / 12 -
		(1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - 1.0 / 1188 / a2) / a2) / a2) / a2) /
	       a;
}

/* ln(x^a e^-x / Gamma(a + 1)); for large a as a deviance, since the plain sum would cancel. */
static double poisson_term_ln(double a, double x)
{
	int sign;

	if (a < STIRLING_FROM)
		return a * log(x) - x - lgamma_r(a + 1, &sign);
	double d = (x - a) / a;

	return -a * (d - log1p(d)) - 0.5 * log(2 * M_PI * a) - stirling_error(a);
}

/* ln of the series sum of P(a, x) / term, x < a + 1 (A&S 6.5.29). */
static double lower_series_ln(double a, double x)
{
	double sum = 1, term = 1;

	for (int k = 1; k < ITERATIONS_MAX && term > sum * EPSILON; k++) {
		term *= x / (a + k);
		sum += term;
	}
	return log(sum);
}

/* ln of the continued fraction of Q(a, x), x >= a + 1 (A&S 6.5.31, evaluated after Lentz 1976). */
static double upper_fraction_ln(double a, double x)
{
	double b = x + 1 - a, c = 1 / DBL_MIN, d = 1 / b, h = d;

	for (int k = 1; k < ITERATIONS_MAX; k++) {
		double an = -k * (k - a);

		b += 2;
		d = an * d + b;
		d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
		c = b + an / c;
		c = fabs(c) < DBL_MIN ? DBL_MIN : c;
		h *= d * c;
		if (fabs(d * c - 1) < EPSILON)
			break;
	}
	return log(h);
}

/* ln(1 - e^v) for v <= 0 without losing small differences. */
static double complement_ln(double v)
{
	if (v >= 0)
		return -INFINITY;
	return v > -M_LN2 ? log(-expm1(v)) : log1p(-exp(v));
}

static double gamma_lower_ln(double a, double x)
{
	if (x <= 0)
		return -INFINITY;
	if (x < a + 1)
		return poisson_term_ln(a, x) + lower_series_ln(a, x);
	return complement_ln(poisson_term_ln(a, x) + log(a) + upper_fraction_ln(a, x));
}

static double gamma_upper_ln(double a, double x)
{
	if (x <= 0)
		return 0;
	if (x < a + 1)
		return complement_ln(poisson_term_ln(a, x) + lower_series_ln(a, x));
	return poisson_term_ln(a, x) + log(a) + upper_fraction_ln(a, x);
}

double nr_stat_poisson_tail_ln(uint64_t n, double mean)
{
	return n == 0 ? 0 : gamma_lower_ln((double)n, mean);
}

void nr_stat_poisson_interval(uint64_t n, double level, double *ret_lo, double *ret_hi)
{
	double alpha = (1 - level) / 2;

	*ret_lo = n == 0 ? 0 : nr_stat_gamma_quantile(alpha, (double)n);
	*ret_hi = nr_stat_gamma_quantile(1 - alpha, (double)n + 1);
}

double nr_stat_chi2_tail(double x, double df)
{
	return x <= 0 ? 1 : exp(gamma_upper_ln(df / 2, x / 2));
}

/* A start within a few per cent: Wilson and Hilferty 1931; the left tail by its first series term. */
static double gamma_quantile_start(double p, double k)
{
	double c = 1 / (9 * k), t = 1 - c + nr_stat_normal_quantile(p) * sqrt(c);
	int sign;

	if (t > 0.2)
		return k * t * t * t;
	return exp((log(p) + lgamma_r(k + 1, &sign)) / k);
}

double nr_stat_gamma_quantile(double p, double k)
{
	double lo = 0, hi = INFINITY;

	if (p <= 0)
		return 0;
	if (p >= 1)
		return INFINITY;
	double x = gamma_quantile_start(p, k);
	bool lower = p < 0.5; /* work in the smaller tail */
	double want = lower ? log(p) : log1p(-p);

	for (int i = 0; i < 200; i++) {
		double have = lower ? gamma_lower_ln(k, x) : gamma_upper_ln(k, x);
		double gap = lower ? have - want : want - have; /* > 0: x is too large */

		if (gap > 0)
			hi = x;
		else
			lo = x;
		/* Newton on the logarithm of the tail: derivative is density over tail. */
		double slope = exp(poisson_term_ln(k, x) + log(k) - log(x) - have);
		double next = x - gap / slope;

		if (!(next > lo && next < hi))
			next = isinf(hi) ? x * 2 : (lo + hi) / 2;
		if (fabs(next - x) <= 1e-14 * x)
			return next;
		x = next;
	}
	return x;
}

double nr_stat_normal_quantile(double p)
{
	if (p <= 0)
		return -INFINITY;
	if (p >= 1)
		return INFINITY;
	double q = p < 0.5 ? p : 1 - p;
	double t = sqrt(-2 * log(q));
	/* Abramowitz and Stegun 26.2.23, then Newton steps on the logarithm of the tail. */
	double z = t - (2.515517 + 0.802853 * t + 0.010328 * t * t) /
			       (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t);

	for (int i = 0; i < 6; i++) {
		double tail = 0.5 * erfc(z / M_SQRT2);
		double density = exp(-z * z / 2) / sqrt(2 * M_PI);

		if (tail <= 0 || density <= 0)
			break;
		z += (log(tail) - log(q)) * tail / density;
	}
	return p < 0.5 ? -z : z;
}

double nr_stat_entropy(const uint32_t *counts, size_t n)
{
	double total = 0, sum = 0;

	for (size_t i = 0; i < n; i++) {
		if (counts[i] == 0)
			continue;
		total += counts[i];
		sum += counts[i] * log2(counts[i]);
	}
	return total > 0 ? log2(total) - sum / total : 0;
}
