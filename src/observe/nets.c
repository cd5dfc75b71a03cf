/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/nets.h"

static int add_v4(struct nr_nets *nets, struct nr_prefix prefix)
{
	unsigned bits = nr_prefix_bits(prefix);
	uint32_t mask = bits == 0 ? 0 : UINT32_MAX << (32 - bits), net = nr_ip_to_v4(prefix.ip);
	size_t keep = 0;

	for (size_t i = 0; i < nets->n_v4; i++) {
		if (nets->v4[i].mask <= mask && (net & nets->v4[i].mask) == nets->v4[i].net)
			return 0;
		if ((nets->v4[i].net & mask) != net)
			nets->v4[keep++] = nets->v4[i];
	}
	nets->n_v4 = keep;
	if (keep == NR_NETS_MAX)
		return NR_ELIMIT;
	nets->v4[nets->n_v4].net = net;
	nets->v4[nets->n_v4++].mask = mask;
	return 0;
}

int nr_nets_add(struct nr_nets *nets, struct nr_prefix prefix)
{
	size_t keep = 0;

	if (nr_prefix_is_v4(prefix))
		return add_v4(nets, prefix);
	for (size_t i = 0; i < nets->n_v6; i++) {
		if (nets->v6[i].len <= prefix.len && nr_prefix_has(nets->v6[i], prefix.ip))
			return 0;
		if (!nr_prefix_has(prefix, nets->v6[i].ip))
			nets->v6[keep++] = nets->v6[i];
	}
	nets->n_v6 = keep;
	if (keep == NR_NETS_MAX)
		return NR_ELIMIT;
	nets->v6[nets->n_v6++] = prefix;
	return 0;
}

uint64_t nr_nets_size_v4(const struct nr_nets *nets)
{
	uint64_t n = 0;

	for (size_t i = 0; i < nets->n_v4; i++)
		n += (uint64_t)(uint32_t)~nets->v4[i].mask + 1;
	return n;
}
