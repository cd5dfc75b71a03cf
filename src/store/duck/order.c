/* SPDX-License-Identifier: Apache-2.0 */
#include "store/duck/order.h"

enum { DIGITS = 8, VALUES = 256 };

static uint64_t key_of(const struct nr_observation *obs)
{
	return (uint64_t)(obs->opt_hash >> 16) << 48 | (uint64_t)obs->dport << 32 |
	       nr_ip_to_v4(obs->src);
}

/* Least digit first; digits that are the same everywhere are left out. */
void nr_order_sort(struct nr_order *order, const struct nr_observation *obs, size_t n,
		   const struct nr_observation **ret_sorted)
{
	uint32_t counts[DIGITS][VALUES] = { 0 };
	struct nr_order_key *from = order->a, *to = order->b;

	for (size_t i = 0; i < n; i++) {
		from[i] = (struct nr_order_key){ .key = key_of(&obs[i]), .at = (uint32_t)i };
		for (unsigned d = 0; d < DIGITS; d++)
			counts[d][from[i].key >> (8 * d) & 0xff]++;
	}
	for (unsigned d = 0; d < DIGITS && n > 0; d++) {
		uint32_t sum = 0;

		if (counts[d][from[0].key >> (8 * d) & 0xff] == n)
			continue;
		for (unsigned v = 0; v < VALUES; v++) {
			uint32_t count = counts[d][v];

			counts[d][v] = sum;
			sum += count;
		}
		for (size_t i = 0; i < n; i++)
			to[counts[d][from[i].key >> (8 * d) & 0xff]++] = from[i];
		struct nr_order_key *swap = from;

		from = to;
		to = swap;
	}
	for (size_t i = 0; i < n; i++)
		ret_sorted[i] = &obs[from[i].at];
}
