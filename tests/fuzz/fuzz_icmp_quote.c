/* SPDX-License-Identifier: Apache-2.0 */
/* In: one byte that chooses ICMP or ICMPv6 and the type of the error, then the quoted packet. */
#include "packet_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t outer4(uint8_t *p, uint8_t type, size_t n)
{
	const uint8_t head[28] = { 0x45,
				   0,
				   (uint8_t)((28 + n) >> 8),
				   (uint8_t)(28 + n),
				   0,
				   0,
				   0,
				   0,
				   64,
				   1,
				   0,
				   0,
				   192,
				   0,
				   2,
				   1,
				   198,
				   18,
				   0,
				   5,
				   type };

	memcpy(p, head, sizeof(head));
	return sizeof(head);
}

static size_t outer6(uint8_t *p, uint8_t type, size_t n)
{
	const uint8_t head[48] = { 0x60,
				   0,
				   0,
				   0,
				   (uint8_t)((8 + n) >> 8),
				   (uint8_t)(8 + n),
				   58,
				   64,
				   0x20,
				   1,
				   0xd,
				   0xb8,
				   [23] = 1,
				   [24] = 0x20,
				   [25] = 1,
				   [26] = 0xd,
				   [27] = 0xb8,
				   [39] = 2,
				   [40] = type };

	memcpy(p, head, sizeof(head));
	return sizeof(head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t types[] = { 3, 4, 5, 11, 12 };
	uint8_t packet[48 + 1500];

	if (size < 1 || size > 1501)
		return 0;
	bool v6 = data[0] & 1;
	uint8_t which = data[0] >> 1;
	size_t n = size - 1, head = v6 ? outer6(packet, (uint8_t)(1 + which % 4), n)
				       : outer4(packet, types[which % NR_COUNT(types)], n);

	memcpy(packet + head, data + 1, n);
	struct nr_frame frame = { .data = packet,
				  .caplen = (uint32_t)(head + n),
				  .wirelen = (uint32_t)(head + n),
				  .link = 101 };
	oracle_frame(&frame);

	struct nr_packet pkt;
	nr_require(nr_dissect(&frame, &pkt) == NR_OUTCOME_OK);
	/* either something is quoted, or it is said that it could not be read */
	nr_require((pkt.quoted_proto == 0) == ((pkt.anomalies >> NR_ANOMALY_QUOTE_BAD & 1) != 0));
	nr_require(pkt.quoted_proto == 0 || nr_ip_is_v4(pkt.quoted_dst) == !v6);
	return 0;
}
