/* SPDX-License-Identifier: Apache-2.0 */
#include "base/inet.h"

#include "base/digits.h"

enum { V4_BITS = 96, IP_BITS = 128 }; /* length of ::ffff:0:0/96, of an address */

static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

struct nr_ip nr_ip_mask(struct nr_ip ip, unsigned len)
{
	unsigned whole = len / 8;

	if (len >= IP_BITS)
		return ip;
	ip.b[whole] = (uint8_t)(ip.b[whole] & ~(0xffu >> (len % 8)));
	memset(ip.b + whole + 1, 0, sizeof(ip.b) - whole - 1);
	return ip;
}

/* At most @p max_digits digits without leading zero. @return 0; -EINVAL */
static int parse_small(struct nr_str s, unsigned max_digits, unsigned max, unsigned *ret_value)
{
	unsigned v = 0;

	if (s.n == 0 || s.n > max_digits || (s.n > 1 && s.p[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return -EINVAL;
		v = v * 10 + (unsigned)(s.p[i] - '0');
	}
	if (v > max)
		return -EINVAL;
	*ret_value = v;
	return 0;
}

static int parse_v4(struct nr_str s, uint8_t out[4])
{
	for (unsigned i = 0; i < 4; i++) {
		size_t before = s.n;
		struct nr_str part = nr_str_cut(&s, '.');
		bool dot = part.n < before;
		unsigned octet;

		if (dot != (i < 3) || parse_small(part, 3, 255, &octet) < 0)
			return -EINVAL;
		out[i] = (uint8_t)octet;
	}
	return 0;
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void skip(struct nr_str *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

/* Up to four hexadecimal digits. @return how many */
static size_t take_group(struct nr_str *s, unsigned *ret_value)
{
	unsigned v = 0;
	size_t n = 0;

	for (; n < s->n && n < 4 && hex_value(s->p[n]) >= 0; n++)
		v = v << 4 | (unsigned)hex_value(s->p[n]);
	skip(s, n);
	*ret_value = v;
	return n;
}

/* What may stand behind a group: colons, or the end. @return 0; -EINVAL */
static int take_colons(struct nr_str *s, bool *ret_gap)
{
	if (s->n == 0)
		return 0;
	if (s->p[0] != ':' || s->n == 1)
		return -EINVAL;
	*ret_gap = s->p[1] == ':';
	skip(s, *ret_gap ? 2 : 1);
	return 0;
}

/*
 * Groups of an IPv6 text from the left into @p out, at most @p room bytes of it, until the text ends
 * or "::" opens. @p rest moves behind what was read, "::" included. @return bytes written; -EINVAL
 */
static int parse_groups(struct nr_str *rest, uint8_t *out, unsigned room, bool *ret_gap)
{
	unsigned used = 0;

	*ret_gap = false;
	while (rest->n > 0 && !*ret_gap) {
		struct nr_str before = *rest;
		unsigned v;
		size_t n = take_group(rest, &v);

		if (n > 0 && rest->n > 0 && rest->p[0] == '.') {
			if (room - used < 4 || parse_v4(before, out + used) < 0)
				return -EINVAL;
			rest->n = 0;
			return (int)used + 4;
		}
		if (n == 0 || room - used < 2)
			return -EINVAL;
		out[used++] = (uint8_t)(v >> 8);
		out[used++] = (uint8_t)v;
		if (take_colons(rest, ret_gap) < 0)
			return -EINVAL;
	}
	return (int)used;
}

static int parse_v6(struct nr_str s, struct nr_ip *ret_ip)
{
	struct nr_ip ip = { { 0 } };
	uint8_t tail[16];
	bool gap, second_gap = false;
	int n_head = 0, n_tail = 0;

	if (nr_str_starts(s, NR_STR("::"))) {
		gap = true;
		skip(&s, 2);
	} else {
		n_head = parse_groups(&s, ip.b, sizeof(ip.b), &gap);
		if (n_head < 0)
			return -EINVAL;
	}
	if (!gap) {
		if (n_head != sizeof(ip.b))
			return -EINVAL;
		*ret_ip = ip;
		return 0;
	}
	/* "::" stands for at least one group. */
	if (n_head > 14)
		return -EINVAL;
	n_tail = parse_groups(&s, tail, (unsigned)(14 - n_head), &second_gap);
	if (n_tail < 0 || second_gap)
		return -EINVAL;
	memcpy(ip.b + sizeof(ip.b) - n_tail, tail, (size_t)n_tail);
	*ret_ip = ip;
	return 0;
}

int nr_ip_parse(struct nr_str text, struct nr_ip *ret_ip)
{
	struct nr_ip ip;

	if (text.n == 0 || text.n >= NR_IP_TEXT)
		return -EINVAL;
	if (memchr(text.p, ':', text.n) != NULL)
		return parse_v6(text, ret_ip);
	memcpy(ip.b, v4_mapped, sizeof(v4_mapped));
	if (parse_v4(text, ip.b + sizeof(v4_mapped)) < 0)
		return -EINVAL;
	*ret_ip = ip;
	return 0;
}

static char *print_v4(char *out, const uint8_t b[4])
{
	out = nr_digits_octet(out, b[0]);
	*out++ = '.';
	out = nr_digits_octet(out, b[1]);
	*out++ = '.';
	out = nr_digits_octet(out, b[2]);
	*out++ = '.';
	return nr_digits_octet(out, b[3]);
}

static char *print_group(char *out, unsigned v)
{
	static const char hex[] = "0123456789abcdef";

	if (v > 0xfff)
		*out++ = hex[v >> 12];
	if (v > 0xff)
		*out++ = hex[v >> 8 & 15];
	if (v > 0xf)
		*out++ = hex[v >> 4 & 15];
	*out++ = hex[v & 15];
	return out;
}

/* The first of the longest runs of at least two zero groups. @return its length, 0 when none */
static unsigned longest_gap(const unsigned groups[8], unsigned *ret_at)
{
	unsigned best = 1, run = 0;

	for (unsigned i = 0; i < 8; i++) {
		run = groups[i] == 0 ? run + 1 : 0;
		if (run > best) {
			best = run;
			*ret_at = i + 1 - run;
		}
	}
	return best > 1 ? best : 0;
}

static char *print_v6(char *out, const uint8_t b[16])
{
	unsigned groups[8], at = 8, gap;

	for (unsigned i = 0; i < 8; i++)
		groups[i] = (unsigned)b[2 * i] << 8 | b[2 * i + 1];
	gap = longest_gap(groups, &at);
	for (unsigned i = 0; i < 8;) {
		if (i == at) {
			memcpy(out, "::", 2);
			out += 2;
			i += gap;
			continue;
		}
		if (i > 0 && i != at + gap)
			*out++ = ':';
		out = print_group(out, groups[i++]);
	}
	return out;
}

size_t nr_ip_print(struct nr_ip ip, char *out)
{
	char *end = nr_ip_is_v4(ip) ? print_v4(out, ip.b + 12) : print_v6(out, ip.b);

	*end = '\0';
	return (size_t)(end - out);
}

int nr_prefix_parse(struct nr_str text, struct nr_prefix *ret_prefix)
{
	size_t whole = text.n;
	struct nr_str addr = nr_str_cut(&text, '/');
	bool dotted = addr.n == 0 || memchr(addr.p, ':', addr.n) == NULL;
	unsigned base = dotted ? V4_BITS : 0, len = IP_BITS - base;
	struct nr_ip ip;

	if (nr_ip_parse(addr, &ip) < 0)
		return -EINVAL;
	if (addr.n < whole && parse_small(text, 3, IP_BITS - base, &len) < 0)
		return -EINVAL;
	if (!nr_ip_eq(nr_ip_mask(ip, base + len), ip))
		return -EINVAL;
	*ret_prefix = (struct nr_prefix){ .ip = ip, .len = (uint8_t)(base + len) };
	return 0;
}

bool nr_prefix_is_v4(struct nr_prefix prefix)
{
	return prefix.len >= V4_BITS && nr_ip_is_v4(prefix.ip);
}

unsigned nr_prefix_bits(struct nr_prefix prefix)
{
	return nr_prefix_is_v4(prefix) ? prefix.len - (unsigned)V4_BITS : prefix.len;
}

size_t nr_prefix_print(struct nr_prefix prefix, char *out)
{
	char *p = out + nr_ip_print(prefix.ip, out);

	*p++ = '/';
	p = nr_digits_octet(p, nr_prefix_bits(prefix));
	*p = '\0';
	return (size_t)(p - out);
}

bool nr_prefix_has(struct nr_prefix prefix, struct nr_ip ip)
{
	return nr_prefix_is_v4(prefix) == nr_ip_is_v4(ip) &&
	       nr_ip_eq(nr_ip_mask(ip, prefix.len), prefix.ip);
}

uint64_t nr_prefix_size(struct nr_prefix prefix)
{
	unsigned len = prefix.len, host_bits = len < IP_BITS ? IP_BITS - len : 0;

	return host_bits < 64 ? UINT64_C(1) << host_bits : UINT64_MAX;
}
