/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * sample: the first payload bytes that a source sent to a port, kept once.
 *
 * Units   first: nanoseconds since 1970
 * Limits  NR_SAMPLE_BYTES bytes of payload; the bytes are hostile and written as hex only
 */
#include "base/inet.h"
#include "base/time.h"
#include "record/payload.h"

enum { NR_SAMPLE_BYTES = 64, NR_SAMPLE_NAME = 64 };

struct nr_sample {
	struct nr_ip src;
	struct nr_time first;
	uint16_t port;
	uint8_t proto;
	uint8_t payload; /* enum nr_payload */
	uint8_t n;	 /* of bytes */
	uint8_t n_name;
	uint8_t bytes[NR_SAMPLE_BYTES];
	char name[NR_SAMPLE_NAME]; /* host name that a TLS ClientHello asks for; raw, cut */
};
