/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/classify_int.h"

enum nr_class nr_udp_class(const struct nr_packet *pkt)
{
	(void)pkt;
	return NR_CLASS_SCAN;
}
