/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/detect/mdr.h"

#include "orient/detect/rsdos.h"

double nr_mdr_rsdos(uint64_t monitored, double window_s)
{
	return nr_mdr(NR_RSDOS_FLOWS_USUAL, monitored, window_s);
}

double nr_mdr_moore(uint64_t monitored)
{
	return nr_mdr(NR_MOORE_PPM, monitored, NR_MOORE_WINDOW_S);
}
