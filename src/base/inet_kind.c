/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows stand most specific first; the first that covers an address decides. Source: the IANA special
 * purpose registries (RFC 6890, RFC 8190) with the RFC named in each row, and RFC 4291 section 2.4.
 */
#include "base/inet.h"

struct v4_row {
	uint32_t net;
	uint8_t len;
	enum nr_ip_kind kind;
};

#define V4(a, b, c, d) \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const struct v4_row v4_rows[] = {
	{ V4(0, 0, 0, 0), 32, NR_IP_UNSPECIFIED },	  /* RFC 1122 3.2.1.3 */
	{ V4(0, 0, 0, 0), 8, NR_IP_RESERVED },		  /* RFC 791: this network */
	{ V4(10, 0, 0, 0), 8, NR_IP_PRIVATE },		  /* RFC 1918 */
	{ V4(100, 64, 0, 0), 10, NR_IP_PRIVATE },	  /* RFC 6598 */
	{ V4(127, 0, 0, 0), 8, NR_IP_LOOPBACK },	  /* RFC 1122 3.2.1.3 */
	{ V4(169, 254, 0, 0), 16, NR_IP_LINK_LOCAL },	  /* RFC 3927 */
	{ V4(172, 16, 0, 0), 12, NR_IP_PRIVATE },	  /* RFC 1918 */
	{ V4(192, 0, 0, 9), 32, NR_IP_GLOBAL },		  /* RFC 7723: PCP anycast */
	{ V4(192, 0, 0, 10), 32, NR_IP_GLOBAL },	  /* RFC 8155: TURN anycast */
	{ V4(192, 0, 0, 0), 24, NR_IP_RESERVED },	  /* RFC 6890 2.1: protocol assignments */
	{ V4(192, 0, 2, 0), 24, NR_IP_DOCUMENTATION },	  /* RFC 5737 */
	{ V4(192, 88, 99, 0), 24, NR_IP_RESERVED },	  /* RFC 7526: former 6to4 relays */
	{ V4(192, 168, 0, 0), 16, NR_IP_PRIVATE },	  /* RFC 1918 */
	{ V4(198, 18, 0, 0), 15, NR_IP_DOCUMENTATION },	  /* RFC 2544: benchmarks */
	{ V4(198, 51, 100, 0), 24, NR_IP_DOCUMENTATION }, /* RFC 5737 */
	{ V4(203, 0, 113, 0), 24, NR_IP_DOCUMENTATION },  /* RFC 5737 */
	{ V4(224, 0, 0, 0), 4, NR_IP_MULTICAST },	  /* RFC 5771 */
	{ V4(255, 255, 255, 255), 32, NR_IP_BROADCAST },  /* RFC 919 */
	{ V4(240, 0, 0, 0), 4, NR_IP_RESERVED },	  /* RFC 1112 4 */
};

struct v6_row {
	struct nr_ip net;
	uint8_t len;
	enum nr_ip_kind kind;
};

/* First eight bytes, last byte: enough for every row. */
#define V6(a, b, c, d, last)                                                                    \
	{                                                                                       \
		{                                                                               \
			(a) >> 8, (uint8_t)(a), (b) >> 8, (uint8_t)(b), (c) >> 8, (uint8_t)(c), \
				(d) >> 8, (uint8_t)(d), 0, 0, 0, 0, 0, 0, 0, (last)             \
		}                                                                               \
	}

static const struct v6_row v6_rows[] = {
	{ V6(0, 0, 0, 0, 0), 128, NR_IP_UNSPECIFIED },		 /* RFC 4291 2.5.2 */
	{ V6(0, 0, 0, 0, 1), 128, NR_IP_LOOPBACK },		 /* RFC 4291 2.5.3 */
	{ V6(0x64, 0xff9b, 0, 0, 0), 96, NR_IP_GLOBAL },	 /* RFC 6052: translated IPv4 */
	{ V6(0x64, 0xff9b, 1, 0, 0), 48, NR_IP_PRIVATE },	 /* RFC 8215: local translation */
	{ V6(0x2001, 0, 0, 0, 0), 32, NR_IP_GLOBAL },		 /* RFC 4380: Teredo */
	{ V6(0x2001, 1, 0, 0, 1), 128, NR_IP_GLOBAL },		 /* RFC 7723 */
	{ V6(0x2001, 1, 0, 0, 2), 128, NR_IP_GLOBAL },		 /* RFC 8155 */
	{ V6(0x2001, 1, 0, 0, 3), 128, NR_IP_GLOBAL },		 /* RFC 9665 */
	{ V6(0x2001, 2, 0, 0, 0), 48, NR_IP_DOCUMENTATION },	 /* RFC 5180: benchmarks */
	{ V6(0x2001, 3, 0, 0, 0), 32, NR_IP_GLOBAL },		 /* RFC 7450: AMT */
	{ V6(0x2001, 4, 0x112, 0, 0), 48, NR_IP_GLOBAL },	 /* RFC 7535: AS112 */
	{ V6(0x2001, 0x20, 0, 0, 0), 28, NR_IP_GLOBAL },	 /* RFC 7343: ORCHIDv2 */
	{ V6(0x2001, 0x30, 0, 0, 0), 28, NR_IP_GLOBAL },	 /* RFC 9374: drone identity */
	{ V6(0x2001, 0, 0, 0, 0), 23, NR_IP_RESERVED },		 /* RFC 2928 */
	{ V6(0x2001, 0xdb8, 0, 0, 0), 32, NR_IP_DOCUMENTATION }, /* RFC 3849 */
	{ V6(0x3fff, 0, 0, 0, 0), 20, NR_IP_DOCUMENTATION },	 /* RFC 9637 */
	{ V6(0x2000, 0, 0, 0, 0), 3, NR_IP_GLOBAL },		 /* RFC 4291 2.4, RFC 3587 */
	{ V6(0xfc00, 0, 0, 0, 0), 7, NR_IP_PRIVATE },		 /* RFC 4193 */
	{ V6(0xfe80, 0, 0, 0, 0), 10, NR_IP_LINK_LOCAL },	 /* RFC 4291 2.5.6 */
	{ V6(0xff00, 0, 0, 0, 0), 8, NR_IP_MULTICAST },		 /* RFC 4291 2.7 */
	{ V6(0, 0, 0, 0, 0), 0, NR_IP_RESERVED }, /* never handed out; also 100::/64, 5f00::/16 */
};

/* First octets that a row begins with; all other addresses are global without a search. */
static const bool v4_has_row[256] = {
	[0] = true,   [10] = true,  [100] = true, [127] = true, [169] = true,
	[172] = true, [192] = true, [198] = true, [203] = true, [224 ... 255] = true,
};

static enum nr_ip_kind v4_kind(uint32_t v4)
{
	if (NR_LIKELY(!v4_has_row[v4 >> 24]))
		return NR_IP_GLOBAL;
	for (size_t i = 0; i < NR_COUNT(v4_rows); i++)
		if ((v4 ^ v4_rows[i].net) >> (32 - v4_rows[i].len) == 0)
			return v4_rows[i].kind;
	return NR_IP_GLOBAL;
}

/* In 2000::/3 only 2001::/16 and 3fff::/16 hold rows that are not global. */
static bool is_plain_global_v6(const uint8_t b[16])
{
	return b[0] >> 5 == 1 && !(b[0] == 0x20 && b[1] == 0x01) && !(b[0] == 0x3f && b[1] == 0xff);
}

enum nr_ip_kind nr_ip_kind(struct nr_ip ip)
{
	if (nr_ip_is_v4(ip))
		return v4_kind(nr_ip_to_v4(ip));
	if (is_plain_global_v6(ip.b))
		return NR_IP_GLOBAL;
	for (size_t i = 0; i < NR_COUNT(v6_rows); i++)
		if (nr_ip_eq(nr_ip_mask(ip, v6_rows[i].len), v6_rows[i].net))
			return v6_rows[i].kind;
	return NR_IP_RESERVED;
}

const char *nr_ip_kind_name(enum nr_ip_kind kind)
{
	switch (kind) {
	case NR_IP_GLOBAL:
		return "global";
	case NR_IP_UNSPECIFIED:
		return "unspecified";
	case NR_IP_LOOPBACK:
		return "loopback";
	case NR_IP_PRIVATE:
		return "private";
	case NR_IP_LINK_LOCAL:
		return "link-local";
	case NR_IP_MULTICAST:
		return "multicast";
	case NR_IP_BROADCAST:
		return "broadcast";
	case NR_IP_DOCUMENTATION:
		return "documentation";
	case NR_IP_RESERVED:
		return "reserved";
	}
	return "unknown";
}
