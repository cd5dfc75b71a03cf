/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/classify_int.h"

enum nr_payload nr_payload_recognise(const uint8_t *payload, size_t n, uint8_t proto)
{
	(void)payload;
	(void)proto;
	return n > 0 ? NR_PAYLOAD_UNKNOWN : NR_PAYLOAD_NONE;
}

struct nr_str nr_payload_tls_sni(const uint8_t *payload, size_t n)
{
	(void)payload;
	(void)n;
	return (struct nr_str){ NULL, 0 };
}
