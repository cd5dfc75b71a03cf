/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Oracles: what is taken prints to a text that is taken again as the same address or prefix, and
 * that no second printing changes; the C library takes the same addresses and means the same.
 */
#include <arpa/inet.h>

#include "base/inet.h"

enum { TEXT_MAX = 128 };

static void compare_with_c_library(struct nr_str text, bool taken, struct nr_ip ip)
{
	char copy[TEXT_MAX + 1];
	struct nr_ip theirs = nr_ip_v4(0);
	bool colon;
	int ret;

	if (text.n > TEXT_MAX || memchr(text.p, '\0', text.n) != NULL)
		return;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	colon = strchr(copy, ':') != NULL;
	ret = inet_pton(colon ? AF_INET6 : AF_INET, copy, colon ? theirs.b : theirs.b + 12);
	nr_require(taken == (ret == 1));
	nr_require(!taken || nr_ip_eq(ip, theirs));
}

static void check_ip(struct nr_str text)
{
	struct nr_ip ip = { { 0 } }, back = { { 0 } };
	char out[NR_IP_TEXT], again[NR_IP_TEXT];
	bool taken = nr_ip_parse(text, &ip) == 0;
	size_t n;

	if (text.n > 0)
		compare_with_c_library(text, taken, ip);
	if (!taken)
		return;
	n = nr_ip_print(ip, out);
	nr_require(n < sizeof(out) && strlen(out) == n);
	nr_require(nr_ip_parse((struct nr_str){ out, n }, &back) == 0 && nr_ip_eq(ip, back));
	nr_require(nr_ip_print(back, again) == n && memcmp(out, again, n) == 0);
	nr_require(nr_ip_kind_name(nr_ip_kind(ip)) != NULL);
}

static void check_prefix(struct nr_str text)
{
	struct nr_prefix prefix, back;
	char out[NR_PREFIX_TEXT];
	size_t n;

	if (nr_prefix_parse(text, &prefix) < 0)
		return;
	nr_require(prefix.len <= 128);
	nr_require(nr_ip_eq(nr_ip_mask(prefix.ip, prefix.len), prefix.ip));
	nr_require(nr_prefix_is_v4(prefix) == nr_ip_is_v4(prefix.ip));
	nr_require(nr_prefix_has(prefix, prefix.ip) && nr_prefix_size(prefix) > 0);
	n = nr_prefix_print(prefix, out);
	nr_require(n < sizeof(out) && strlen(out) == n);
	nr_require(nr_prefix_parse((struct nr_str){ out, n }, &back) == 0);
	nr_require(back.len == prefix.len && nr_ip_eq(back.ip, prefix.ip));
}

/* Sixteen bytes are also an address of their own, so that printing sees them all. */
static void check_bytes(const uint8_t *data)
{
	struct nr_ip ip, back;
	char out[NR_IP_TEXT];
	size_t n;

	memcpy(ip.b, data, sizeof(ip.b));
	n = nr_ip_print(ip, out);
	nr_require(n < sizeof(out));
	nr_require(nr_ip_parse((struct nr_str){ out, n }, &back) == 0 && nr_ip_eq(ip, back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nr_str text = { (const char *)data, size };

	check_ip(text);
	check_prefix(text);
	if (size >= 16)
		check_bytes(data);
	return 0;
}
