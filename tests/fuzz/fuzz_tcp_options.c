/* SPDX-License-Identifier: Apache-2.0 */
/* In: up to 40 bytes of TCP options. They are hashed by walking, by comparing, and inside a packet. */
#include "packet_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t packet[20 + 20 + 40] = { 0x45, 0, 0, 0, 0,   0,	 0, 0, 64,   6,	   0, 0,
					 192,  0, 2, 1, 198, 18, 0, 5, 0x30, 0x39, 0, 23 };
	bool bad;
	uint32_t n = (uint32_t)(size > 40 ? 40 : size), padded = (n + 3) & ~UINT32_C(3);

	uint32_t hash = nr_tcp_options_hash(data, n, &bad);
	nr_require((hash == 0) == (n == 0) && !(bad && n == 0));

	packet[3] = (uint8_t)(40 + padded);
	packet[32] = (uint8_t)((5 + padded / 4) << 4);
	packet[33] = NR_TCP_SYN;
	memcpy(packet + 40, data, n);
	nr_require(nr_tcp_options_short(packet + 20, 20 + padded) ==
		   nr_tcp_options_any(packet + 40, padded));

	struct nr_frame frame = {
		.data = packet, .caplen = 40 + padded, .wirelen = 40 + padded, .link = 101
	};
	oracle_frame(&frame);
	return 0;
}
