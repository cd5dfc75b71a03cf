/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * inet: IPv4 and IPv6 behind one address type, and prefixes of them.
 *
 * Shape   16 bytes in network order; IPv4 is stored v4-mapped (::ffff:a.b.c.d). All zero is "::",
 *         never "absent": absence is told apart by the caller.
 * Units   nr_prefix.len counts bits of the 128-bit form: an IPv4 /24 is 120. User-visible text and
 *         nr_prefix_bits() use the family's own length.
 * Source  RFC 4291, RFC 5952 (text form), RFC 6890 (special purpose).
 */
#include "base/str.h"

enum { NR_IP_TEXT = 48, NR_PREFIX_TEXT = 52 };

struct nr_ip {
	uint8_t b[16];
};

struct nr_prefix {
	struct nr_ip ip; /* host bits zero */
	uint8_t len;	 /* 0..128 */
};

static inline struct nr_ip nr_ip_v4(uint32_t host_order)
{
	uint64_t low = __builtin_bswap64(UINT64_C(0x0000ffff00000000) | host_order);
	struct nr_ip ip;

	memset(ip.b, 0, 8);
	memcpy(ip.b + 8, &low, 8);
	return ip;
}

static inline bool nr_ip_is_v4(struct nr_ip ip)
{
	uint64_t hi;
	uint32_t mid;

	memcpy(&hi, ip.b, 8);
	memcpy(&mid, ip.b + 8, 4);
	return hi == 0 && mid == __builtin_bswap32(0x0000ffffu);
}

/** The IPv4 address in host order; only meaningful when nr_ip_is_v4(). */
static inline uint32_t nr_ip_to_v4(struct nr_ip ip)
{
	uint32_t be;

	memcpy(&be, ip.b + 12, 4);
	return __builtin_bswap32(be);
}

static inline bool nr_ip_eq(struct nr_ip a, struct nr_ip b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

static inline int nr_ip_cmp(struct nr_ip a, struct nr_ip b)
{
	return memcmp(&a, &b, sizeof(a));
}

/** Keep the first @p len bits of the 128-bit form. */
struct nr_ip nr_ip_mask(struct nr_ip ip, unsigned len);
/** RFC 4291 forms and full dotted IPv4 without leading zeros, whole text, no zone. @return 0; -EINVAL */
NR_MUST_CHECK int nr_ip_parse(struct nr_str text, struct nr_ip *ret_ip);
/** RFC 5952 text; @p out holds NR_IP_TEXT bytes. @return its length */
size_t nr_ip_print(struct nr_ip ip, char *out);

/** "192.0.2.0/24", "2001:db8::/32" or a bare address. Host bits must be zero. @return 0; -EINVAL */
NR_MUST_CHECK int nr_prefix_parse(struct nr_str text, struct nr_prefix *ret_prefix);
/** Always with a length; @p out holds NR_PREFIX_TEXT bytes. @return its length */
size_t nr_prefix_print(struct nr_prefix prefix, char *out);
/** Families do not mix: ::/0 holds no IPv4 address. */
bool nr_prefix_has(struct nr_prefix prefix, struct nr_ip ip);
bool nr_prefix_is_v4(struct nr_prefix prefix);
/** Family length: /24 for IPv4, /48 for IPv6. */
unsigned nr_prefix_bits(struct nr_prefix prefix);
/** Number of addresses; saturates at UINT64_MAX. */
uint64_t nr_prefix_size(struct nr_prefix prefix);

/** What RFC 6890 and friends say of an address; NR_IP_GLOBAL is zero. */
enum nr_ip_kind {
	NR_IP_GLOBAL,
	NR_IP_UNSPECIFIED,
	NR_IP_LOOPBACK,
	NR_IP_PRIVATE, /* RFC 1918, RFC 6598, fc00::/7 */
	NR_IP_LINK_LOCAL,
	NR_IP_MULTICAST,
	NR_IP_BROADCAST,
	NR_IP_DOCUMENTATION, /* also the benchmark range 198.18.0.0/15 */
	NR_IP_RESERVED,
};
enum nr_ip_kind nr_ip_kind(struct nr_ip ip);
const char *nr_ip_kind_name(enum nr_ip_kind kind);
