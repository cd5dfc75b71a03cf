/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * shard: the fixed logical parts of all state, so that results do not depend on the number of threads.
 *
 * An address belongs to the shard of its /24 or /48: neighbours in a prefix meet in one shard. The choice
 * is fixed and public; an attacker who sends from one /24 loads one shard, whose tables are capped.
 */
#include "base/hash.h"
#include "base/inet.h"

enum { NR_SHARDS = 64 };

static inline unsigned nr_shard_of_v4(uint32_t ip_host_order)
{
	return (unsigned)(nr_mix64(ip_host_order >> 8) >> 58);
}

static inline unsigned nr_shard_of(struct nr_ip ip)
{
	uint64_t hi;

	if (nr_ip_is_v4(ip))
		return nr_shard_of_v4(nr_ip_to_v4(ip));
	memcpy(&hi, ip.b, 8);
	return (unsigned)(nr_mix64(__builtin_bswap64(hi) >> 16) >> 58);
}
