/* SPDX-License-Identifier: Apache-2.0 */
/* In: one byte that chooses TCP or UDP, source and destination port, the payload. */
#include "packet_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t start = oracle_cpu_ns();

	if (size < 5)
		return 0;
	const uint8_t *p = data + 5;
	size_t n = size - 5;
	struct nr_packet pkt = { .proto = data[0] & 1 ? 17 : 6,
				 .is_v4 = 1,
				 .sport = nr_get_be16(data + 1),
				 .dport = nr_get_be16(data + 3),
				 .payload = n > 0 ? p : NULL,
				 .payload_len = (uint32_t)n,
				 .tcp_flags = NR_TCP_ACK | NR_TCP_PSH };

	oracle_classify(&pkt);
	/* only the first 512 bytes count */
	if (n > NR_PAYLOAD_LOOK)
		nr_require(nr_payload_recognise(p, NR_PAYLOAD_LOOK, pkt.proto) ==
			   pkt.payload_class);

	struct nr_str sni = nr_payload_tls_sni(p, n);
	nr_require(sni.n == 0 ||
		   ((const uint8_t *)sni.p >= p && (const uint8_t *)sni.p + sni.n <= p + n));
	if (size <= ORACLE_FRAME_MAX)
		nr_require(oracle_cpu_ns() - start < ORACLE_COST_NS);
	return 0;
}
