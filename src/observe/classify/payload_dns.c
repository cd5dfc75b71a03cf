/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/classify_int.h"

/* RFC 1035 section 4; also multicast DNS (RFC 6762). */
enum { HEADER = 12, NAME_MAX = 255, LABEL_MAX = 63, COUNT_MAX = 64 };

/**
 * Length of the encoded name at @p at, its end included; 0 when it is none or ends behind @p n. A
 * compression pointer is the end of a name; it must point backward, behind the header.
 */
static size_t name_len(const uint8_t *p, size_t n, size_t at)
{
	size_t from = at;

	while (at < n && at - from < NAME_MAX) {
		uint8_t label = p[at];

		if (label == 0)
			return at + 1 - from;
		if (label >= 0xc0) {
			if (at + 1 >= n)
				return 0;
			size_t to = (size_t)(label & 0x3f) << 8 | p[at + 1];

			return to >= HEADER && to < at ? at + 2 - from : 0;
		}
		if (label > LABEL_MAX)
			return 0;
		at += 1 + (size_t)label;
	}
	return 0;
}

static bool is_type(uint16_t type)
{
	return (type >= 1 && type <= 109) || (type >= 249 && type <= 261) || type == 32768 ||
	       type == 32769;
}

/** The top bit asks for a unicast answer or flushes a cache in multicast DNS. */
static bool is_class(uint16_t class)
{
	class &= 0x7fff;
	return class == 1 || class == 3 || class == 4 || class == 254 || class == 255;
}

static bool header_is_sane(const uint8_t *p)
{
	uint8_t opcode = p[2] >> 3 & 15;

	/* the reserved bit is zero (RFC 1035), the response codes known */
	return opcode <= 6 && opcode != 3 && (p[3] & 0x40) == 0 && (p[3] & 15) <= 11;
}

/** A type, a class behind the name of length @p len at @p at; OPT uses the class for a size. */
static bool tail_is_sane(const uint8_t *p, size_t n, size_t at, size_t len)
{
	if (at + len + 4 > n)
		return false;
	uint16_t type = nr_get_be16(p + at + len), class = nr_get_be16(p + at + len + 2);

	return is_type(type) && (is_class(class) || type == 41);
}

bool nr_dns_is(const uint8_t *p, size_t n)
{
	if (n < HEADER || !header_is_sane(p))
		return false;
	unsigned qd = nr_get_be16(p + 4), an = nr_get_be16(p + 6), ns = nr_get_be16(p + 8),
		 ar = nr_get_be16(p + 10);
	if (qd + an + ns + ar == 0) /* a status request, or an error without its question */
		return n == HEADER && ((p[2] & 0x80) != 0 || (p[2] & 0x78) == 0x10);
	if (qd > COUNT_MAX || an > COUNT_MAX || ns > COUNT_MAX || ar > COUNT_MAX)
		return false;
	if (qd == 0 && (p[2] & 0x80) == 0 && an == 0)
		return false;
	size_t len = name_len(p, n, HEADER);
	return len > 0 && tail_is_sane(p, n, HEADER, len);
}

/** RFC 1035 section 4.2.2: two bytes of length before the message. */
bool nr_dns_tcp_is(const uint8_t *p, size_t n)
{
	if (n < 2 + HEADER)
		return false;
	size_t len = nr_get_be16(p);

	return len >= HEADER && len + 2 >= n && len <= 4096 && nr_dns_is(p + 2, n - 2);
}

bool nr_dns_question(const uint8_t *p, size_t n, struct nr_dns_question *ret_question)
{
	if (!nr_dns_is(p, n) || nr_get_be16(p + 4) == 0)
		return false;
	size_t len = name_len(p, n, HEADER);
	*ret_question = (struct nr_dns_question){
		.response = (p[2] & 0x80) != 0,
		.type = nr_get_be16(p + HEADER + len),
		.class = nr_get_be16(p + HEADER + len + 2),
		.name_len = (uint16_t)len,
		.name_at = HEADER,
	};
	return true;
}
