/* SPDX-License-Identifier: Apache-2.0 */
/* In: one byte that chooses the link type, one that adds to the length on the wire, the frame. */
#include "packet_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t links[] = { 1, 0, 12, 14, 101, 108, 113, 228, 229, 276, 147, 65535 };
	char name[32];

	if (size < 2)
		return 0;
	uint16_t link = links[data[0] % NR_COUNT(links)];
	struct nr_frame frame = { .data = data + 2,
				  .caplen = (uint32_t)(size - 2),
				  .link = link,
				  .wirelen = (uint32_t)(size - 2) + data[1] };

	oracle_frame(&frame);
	nr_require(nr_link_name(link, name, sizeof(name))[0] != '\0');
	return 0;
}
