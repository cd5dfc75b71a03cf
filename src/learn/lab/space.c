/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/lab/space.h"

/* Space in which little or nothing is announced, or that means something special. */
static bool is_quiet(unsigned a, unsigned b)
{
	static const struct {
		uint8_t octet, lo, hi; /* of the second octet */
	} quiet[] = {
		{ 0, 0, 255 },	 { 6, 0, 255 },	   { 7, 0, 255 },   { 10, 0, 255 },
		{ 11, 0, 255 },	 { 21, 0, 255 },   { 22, 0, 255 },  { 26, 0, 255 },
		{ 28, 0, 255 },	 { 29, 0, 255 },   { 30, 0, 255 },  { 33, 0, 255 },
		{ 55, 0, 255 },	 { 100, 64, 127 }, { 127, 0, 255 }, { 169, 254, 254 },
		{ 172, 16, 31 }, { 192, 0, 0 },	   { 192, 88, 88 }, { 192, 168, 168 },
		{ 198, 18, 19 }, { 198, 51, 51 },  { 203, 0, 0 },   { 214, 0, 255 },
		{ 215, 0, 255 },
	};

	for (size_t i = 0; i < NR_COUNT(quiet); i++)
		if (quiet[i].octet == a && quiet[i].lo <= b && b <= quiet[i].hi)
			return true;
	return a >= 224;
}

static bool is_usable(const struct nr_lab_space *space, uint16_t upper)
{
	struct nr_prefix home = { nr_ip_v4((uint32_t)upper << 16), 112 };

	if (is_quiet(upper >> 8, upper & 0xff))
		return false;
	for (size_t i = 0; i < space->n_nets; i++)
		if (nr_prefix_has(space->nets[i], home.ip) ||
		    nr_prefix_has(home, space->nets[i].ip))
			return false;
	return true;
}

static void choose_homes(struct nr_lab_space *space)
{
	size_t n = 0;

	for (uint64_t i = 0; n < NR_COUNT(space->homes) + NR_COUNT(space->aside); i++) {
		uint16_t upper = (uint16_t)nr_lab_permute(space->secret, 65536, i);

		if (!is_usable(space, upper))
			continue;
		if (n < NR_COUNT(space->homes))
			space->homes[n] = upper;
		else
			space->aside[n - NR_COUNT(space->homes)] = upper;
		n++;
	}
}

static int add_net(struct nr_lab_space *space, struct nr_prefix net, struct nr_err *reterr)
{
	for (size_t i = 0; i < space->n_nets; i++)
		if (nr_prefix_has(net, space->nets[i].ip) || nr_prefix_has(space->nets[i], net.ip))
			return nr_fail(reterr, NR_EUSAGE, "monitored prefixes overlap");
	if (space->n_nets == NR_LAB_NETS)
		return nr_fail(reterr, NR_EUSAGE, "more than %d monitored prefixes", NR_LAB_NETS);
	if (nr_prefix_is_v4(net) && nr_prefix_bits(net) < 8)
		return nr_fail(reterr, NR_EUSAGE, "monitored prefix is larger than a /8");
	space->nets[space->n_nets++] = net;
	if (!nr_prefix_is_v4(net)) {
		space->v6[space->n_v6_nets++] = net;
		return 0;
	}
	space->n_v4 += nr_prefix_size(net);
	space->v4_base[space->n_v4_nets] = nr_ip_to_v4(net.ip);
	space->v4_end[space->n_v4_nets++] = space->n_v4;
	return 0;
}

int nr_lab_space_init(struct nr_lab_space *space, const struct nr_prefix *nets, size_t n_nets,
		      uint64_t seed, struct nr_err *reterr)
{
	struct nr_lab_rng rng = { seed ^ UINT64_C(0x5370616365) };

	*space = (struct nr_lab_space){ .secret = nr_lab_rng_next(&rng) };
	for (size_t i = 0; i < n_nets; i++) {
		int r = add_net(space, nets[i], reterr);

		if (r < 0)
			return r;
	}
	choose_homes(space);
	return 0;
}

struct nr_ip nr_lab_space_source(struct nr_lab_space *space, struct nr_lab_rng *rng)
{
	bool crowded = nr_lab_rng_percent(rng, 40) && space->n_crowded < NR_LAB_CROWDED * 65536 - 1;
	size_t first = crowded ? 0 : NR_LAB_CROWDED, n = crowded ? NR_LAB_CROWDED : NR_LAB_THIN;
	uint64_t *given = crowded ? &space->n_crowded : &space->n_thin;
	uint32_t at;

	do /* hosts ending in 0 and 255 are left out: that is a sign of forgery */
		at = nr_lab_permute(space->secret ^ n, n * 65536, (*given)++ % (n * 65536));
	while ((at & 0xff) == 0 || (at & 0xff) == 0xff);
	return nr_ip_v4((uint32_t)space->homes[first + (at >> 16)] << 16 | (at & 0xffff));
}

static void put_u16(struct nr_ip *ip, size_t at, uint32_t v)
{
	ip->b[at] = (uint8_t)(v >> 8);
	ip->b[at + 1] = (uint8_t)v;
}

struct nr_ip nr_lab_space_source_v6(struct nr_lab_space *space, struct nr_lab_rng *rng)
{
	static const uint16_t regions[] = { 0x2001, 0x2400, 0x2600, 0x2a00,
					    0x2804, 0x2c0f, 0x2a02, 0x2607 };
	struct nr_ip ip = { { 0 } };
	uint64_t n = ++space->n_v6;

	put_u16(&ip, 0, regions[nr_lab_rng_below(rng, NR_COUNT(regions))]);
	put_u16(&ip, 2, 0x1000 + nr_lab_rng_below(rng, 0x7000));
	put_u16(&ip, 4, nr_lab_rng_u32(rng) & 0xffff);
	put_u16(&ip, 6, nr_lab_rng_u32(rng) & 0xff);
	if (nr_lab_rng_percent(rng, 50)) {
		ip.b[15] =
			(uint8_t)(1 +
				  (n & 0x7f)); /* a server: low host part, the subnet is unique */
		put_u16(&ip, 6, (uint32_t)(n >> 7));
	} else {
		put_u16(&ip, 8, nr_lab_rng_u32(rng) & 0xfdff);
		put_u16(&ip, 10, nr_lab_rng_u32(rng) & 0xffff);
		put_u16(&ip, 12, (uint32_t)(n >> 16));
		put_u16(&ip, 14, (uint32_t)n);
	}
	return ip;
}

struct nr_ip nr_lab_space_v6_target(const struct nr_lab_space *space, struct nr_lab_rng *rng)
{
	struct nr_prefix net = space->v6[nr_lab_rng_below(rng, (uint32_t)space->n_v6_nets)];
	unsigned whole = net.len / 8;
	struct nr_ip ip = net.ip;

	for (unsigned i = whole; i < 8; i++) { /* subnets: low numbers are guessed first */
		uint8_t bits = i < 7 && !nr_lab_rng_percent(rng, 10)
				       ? 0
				       : (uint8_t)nr_lab_rng_below(rng, 16);

		ip.b[i] |= i == whole && net.len % 8 != 0
				   ? (uint8_t)(bits & (0xff >> (net.len % 8)))
				   : bits;
	}
	if (whole >= 12 || nr_lab_rng_percent(rng, 75)) {
		ip.b[15] |= (uint8_t)(1 + nr_lab_rng_below(rng,
							   whole >= 15 ? (1u << (128 - net.len)) - 1
								       : 32));
		return ip;
	}
	for (unsigned i = 8 > whole ? 8 : whole + 1; i < 16; i++)
		ip.b[i] = (uint8_t)nr_lab_rng_u32(rng);
	return ip;
}
