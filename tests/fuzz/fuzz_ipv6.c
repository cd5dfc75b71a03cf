/* SPDX-License-Identifier: Apache-2.0 */
/* In: an IPv6 packet. It is looked at whole, and as if a snap length had cut it. */
#include "packet_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t snaps[] = { UINT32_MAX, 64, 40, 24 };

	for (size_t i = 0; i < NR_COUNT(snaps); i++) {
		struct nr_frame frame = { .data = data,
					  .wirelen = (uint32_t)size,
					  .link = 229,
					  .caplen = size < snaps[i] ? (uint32_t)size : snaps[i] };

		oracle_frame(&frame);
	}
	return 0;
}
