/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/capture/capture_int.h"
static bool pcapng_is(const uint8_t head[4])
{
	(void)head;
	return false;
}
const struct nr_format nr_format_pcapng = { .name = "pcapng", .is = pcapng_is };
