/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * nets: the monitored addresses, as a short list of prefixes.
 *
 * Shape   disjoint after nr_nets_add (a prefix inside another is dropped, duplicates too)
 * Cost    has(): one mask and compare a prefix of the family; meant for a handful of prefixes
 * Limits  NR_NETS_MAX prefixes a family
 */
#include "base/err.h"
#include "base/inet.h"

enum { NR_NETS_MAX = 256 };

struct nr_nets {
	struct {
		uint32_t net, mask;
	} v4[NR_NETS_MAX];
	struct nr_prefix v6[NR_NETS_MAX];
	size_t n_v4, n_v6;
};

/** @return 0; NR_ELIMIT over NR_NETS_MAX */
NR_MUST_CHECK int nr_nets_add(struct nr_nets *nets, struct nr_prefix prefix);
/** Number of IPv4 addresses monitored: N. */
uint64_t nr_nets_size_v4(const struct nr_nets *nets);

static inline bool nr_nets_has_v4(const struct nr_nets *nets, uint32_t ip)
{
	for (size_t i = 0; i < nets->n_v4; i++)
		if ((ip & nets->v4[i].mask) == nets->v4[i].net)
			return true;
	return false;
}

static inline bool nr_nets_has(const struct nr_nets *nets, struct nr_ip ip)
{
	if (nr_ip_is_v4(ip))
		return nr_nets_has_v4(nets, nr_ip_to_v4(ip));
	for (size_t i = 0; i < nets->n_v6; i++)
		if (nr_prefix_has(nets->v6[i], ip))
			return true;
	return false;
}
