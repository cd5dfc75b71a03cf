/* SPDX-License-Identifier: Apache-2.0 */
#include "record/hll.h"

#include <math.h>

void nr_hll_merge(uint8_t *regs, const uint8_t *other, unsigned p)
{
	for (size_t i = 0; i < (size_t)1 << p; i++)
		if (other[i] > regs[i])
			regs[i] = other[i];
}

/* Ertl 2017, section 3.3: the share of empty registers, as if ranks below 1 had been seen. */
static double sigma(double x)
{
	double y = 1, z = x, before;

	if (x >= 1)
		return INFINITY;
	do {
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (z > before);
	return z;
}

/* The same for the share of registers at the highest rank. */
static double tau(double x)
{
	double y = 1, z = 1 - x, before;

	if (x <= 0 || x >= 1)
		return 0;
	do {
		x = sqrt(x);
		before = z;
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z < before);
	return z / 3;
}

double nr_hll_estimate(const uint8_t *regs, unsigned p)
{
	unsigned q = 64 - p;
	double m = (double)((size_t)1 << p);
	uint32_t counts[66] = { 0 };

	for (size_t i = 0; i < (size_t)1 << p; i++)
		counts[regs[i] <= q + 1 ? regs[i] : q + 1]++;
	double z = m * tau(1 - counts[q + 1] / m);

	for (unsigned k = q; k >= 1; k--)
		z = 0.5 * (z + counts[k]);
	z += m * sigma(counts[0] / m);
	return isinf(z) ? 0 : m * m / (2 * M_LN2 * z);
}
