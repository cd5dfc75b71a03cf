/* SPDX-License-Identifier: Apache-2.0 */
#include "base/inet.h"

#include <arpa/inet.h>

#include "base/cmocka.h"
#include "base/hash.h"

static struct nr_ip ip_of(const char *text)
{
	struct nr_ip ip = { { 0 } };

	if (nr_ip_parse(nr_str_from(text), &ip) < 0)
		fail_msg("not an address: %s", text);
	return ip;
}

static struct nr_prefix prefix_of(const char *text)
{
	struct nr_prefix prefix = { .len = 0 };

	if (nr_prefix_parse(nr_str_from(text), &prefix) < 0)
		fail_msg("not a prefix: %s", text);
	return prefix;
}

static void addresses_print_as_rfc_5952_wants(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::FFFF:c000:0201", "192.0.2.1" },
		{ "0:0:0:0:0:ffff:10.20.30.40", "10.20.30.40" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "1::", "1::" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
		{ "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
		{ "fe80::a:b:c:d", "fe80::a:b:c:d" },
		{ "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
		{ "::1.2.3.4", "::102:304" },
		{ "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "0:0:0:0:0:ffff:0:0", "0.0.0.0" },
	};
	char out[NR_IP_TEXT];

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		assert_int_equal(nr_ip_print(ip_of(cases[i].text), out), strlen(cases[i].want));
		assert_string_equal(out, cases[i].want);
	}
}

static void other_forms_of_addresses_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		".",
		":",
		":::",
		"1",
		"127.1",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.",
		".1.2.3",
		"1..2.3",
		"01.2.3.4",
		"1.2.3.00",
		"256.1.1.1",
		"1.2.3.1000",
		"0x7f.0.0.1",
		"1.2.3.4 ",
		" 1.2.3.4",
		"1.2.3.-4",
		"+1.2.3.4",
		"1.2.3.4/24",
		"2130706433",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7:8::",
		"::1:2:3:4:5:6:7:8",
		"1:2:3:4::5:6:7:8:9",
		"1::2::3",
		"::1::",
		"1:",
		":1",
		"1:2:3:4:5:6:7:",
		":2:3:4:5:6:7:8",
		"12345::",
		"g::",
		"::fffff",
		"fe80::1%eth0",
		"fe80::1%1",
		"[::1]",
		"::1.2.3",
		"::1.2.3.4.5",
		"::1.2.3.256",
		"::01.2.3.4",
		"::1.2.3.4:5",
		"1.2.3.4::",
		"1:2:3:4:5:6:7:1.2.3.4",
		"1:2:3:4:5:6::1.2.3.4x",
		"::ffff:1.2.3.4:",
		"1:2:3:4:5:1.2.3.4",
		"::a.1.1.1",
		"1::2:",
		"::1 ",
		"0::0::",
		"1:2:3:4:5:6:7:8:",
		"::ffff:0x1.2.3.4",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
	};
	struct nr_ip ip;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(bad); i++)
		if (nr_ip_parse(nr_str_from(bad[i]), &ip) != -EINVAL)
			fail_msg("taken: \"%s\"", bad[i]);
	assert_int_equal(nr_ip_parse((struct nr_str){ NULL, 0 }, &ip), -EINVAL);
	assert_int_equal(nr_ip_parse((struct nr_str){ "1.2.3.4\0", 8 }, &ip), -EINVAL);
	assert_int_equal(nr_ip_parse((struct nr_str){ "::1\0", 4 }, &ip), -EINVAL);
}

static struct nr_ip random_ip(uint64_t seed)
{
	uint64_t hi = nr_mix64(seed * 2 + 1), lo = nr_mix64(seed * 2 + 2),
		 keep = nr_mix64(seed + 99);
	struct nr_ip ip;

	memcpy(ip.b, &hi, 8);
	memcpy(ip.b + 8, &lo, 8);
	for (size_t i = 0; i < 16; i += 2)
		if (keep >> i & 1)
			memset(ip.b + i, 0, 2);
	for (size_t i = 0; i < 16; i++)
		if (keep >> (16 + i) & 1)
			ip.b[i] = 0;
	return seed % 4 == 0 ? nr_ip_v4((uint32_t)lo) : ip;
}

static void random_addresses_agree_with_the_c_library(void **state)
{
	static const uint8_t zeros[10];

	(void)state;
	for (uint64_t seed = 0; seed < 50000; seed++) {
		struct nr_ip ip = random_ip(seed), back = { { 0 } };
		char got[NR_IP_TEXT], want[INET6_ADDRSTRLEN];
		size_t n = nr_ip_print(ip, got);

		assert_int_equal(strlen(got), n);
		assert_int_equal(nr_ip_parse((struct nr_str){ got, n }, &back), 0);
		assert_true(nr_ip_eq(ip, back));
		if (nr_ip_is_v4(ip))
			assert_non_null(inet_ntop(AF_INET, ip.b + 12, want, sizeof(want)));
		else if (memcmp(ip.b, zeros, sizeof(zeros)) == 0)
			continue; /* the C library prints ::a.b.c.d, we do not */
		else
			assert_non_null(inet_ntop(AF_INET6, ip.b, want, sizeof(want)));
		assert_string_equal(got, want);
	}
}

/* Damage good texts in every way and compare what is taken with inet_pton(). */
static void damaged_texts_agree_with_the_c_library(void **state)
{
	static const char letters[] = "0123456789abcdefABCDEF:::...%/ gx";
	size_t n_taken = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 200000; seed++) {
		uint64_t r = nr_mix64(seed + 12345);
		struct nr_ip ip, got = { { 0 } }, want = { { 0 } };
		char text[NR_IP_TEXT + 2];
		size_t n, at;
		int ret, c_ret;

		ip = random_ip(seed);
		n = nr_ip_print(ip, text);
		at = (size_t)(r % n);
		if (r >> 60 & 1)
			memmove(text + at, text + at + 1, n - at); /* drop one, or set one */
		else
			text[at] = letters[(r >> 8) % (sizeof(letters) - 1)];
		ret = nr_ip_parse(nr_str_from(text), &got);
		if (strchr(text, ':') != NULL) {
			c_ret = inet_pton(AF_INET6, text, want.b);
		} else {
			memset(want.b + 10, 0xff, 2);
			c_ret = inet_pton(AF_INET, text, want.b + 12);
		}
		if ((ret == 0) != (c_ret == 1))
			fail_msg("\"%s\": %d, C library %d", text, ret, c_ret);
		if (ret == 0)
			assert_memory_equal(got.b, want.b, 16);
		n_taken += ret == 0;
	}
	assert_in_range(n_taken, 20000, 180000);
}

static void masks_keep_the_first_bits(void **state)
{
	struct nr_ip all;

	(void)state;
	memset(all.b, 0xff, sizeof(all.b));
	for (unsigned len = 0; len <= 128; len++) {
		struct nr_ip got = nr_ip_mask(all, len);

		for (unsigned bit = 0; bit < 128; bit++)
			assert_int_equal(got.b[bit / 8] >> (7 - bit % 8) & 1, bit < len);
	}
	assert_true(nr_ip_eq(nr_ip_mask(all, 1000), all));
}

static void prefixes_know_their_family(void **state)
{
	static const struct {
		const char *text, *want;
		unsigned len, bits;
		bool v4;
		uint64_t size;
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.0/24", 120, 24, true, 256 },
		{ "0.0.0.0/0", "0.0.0.0/0", 96, 0, true, UINT64_C(1) << 32 },
		{ "192.0.2.1", "192.0.2.1/32", 128, 32, true, 1 },
		{ "192.0.2.1/32", "192.0.2.1/32", 128, 32, true, 1 },
		{ "::ffff:0:0/96", "0.0.0.0/0", 96, 0, true, UINT64_C(1) << 32 },
		{ "::ffff:192.0.2.0/120", "192.0.2.0/24", 120, 24, true, 256 },
		{ "2001:db8::/32", "2001:db8::/32", 32, 32, false, UINT64_MAX },
		{ "2001:db8::/64", "2001:db8::/64", 64, 64, false, UINT64_MAX },
		{ "2001:db8::/65", "2001:db8::/65", 65, 65, false, UINT64_C(1) << 63 },
		{ "2001:db8::1", "2001:db8::1/128", 128, 128, false, 1 },
		{ "::/0", "::/0", 0, 0, false, UINT64_MAX },
		{ "::/96", "::/96", 96, 96, false, UINT64_C(1) << 32 },
		{ "::fffe:0:0/95", "::fffe:0:0/95", 95, 95, false, UINT64_C(1) << 33 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_prefix prefix = prefix_of(cases[i].text);
		char out[NR_PREFIX_TEXT];

		assert_int_equal(prefix.len, cases[i].len);
		assert_int_equal(nr_prefix_bits(prefix), cases[i].bits);
		assert_int_equal(nr_prefix_is_v4(prefix), cases[i].v4);
		assert_int_equal(nr_prefix_size(prefix), cases[i].size);
		assert_int_equal(nr_prefix_print(prefix, out), strlen(cases[i].want));
		assert_string_equal(out, cases[i].want);
	}
}

static void other_forms_of_prefixes_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"/24",
		"192.0.2.0/",
		"192.0.2.0/33",
		"192.0.2.0/-1",
		"192.0.2.0/024",
		"192.0.2.0/00",
		"192.0.2.0/24/24",
		"192.0.2.0/24 ",
		"192.0.2.0 /24",
		"192.0.2.1/24",
		"0.0.0.1/0",
		"10/8",
		"10.0.0.0/255.0.0.0",
		"2001:db8::/129",
		"2001:db8::1/64",
		"::/1000",
		"::ffff:0:0/95",
		"::ffff:1.2.3.4/24",
		"2001:db8::/",
		"fe80::%eth0/64",
		"192.0.2.0/2a",
		"192.0.2.128/24",
	};
	struct nr_prefix prefix;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(bad); i++)
		if (nr_prefix_parse(nr_str_from(bad[i]), &prefix) != -EINVAL)
			fail_msg("taken: \"%s\"", bad[i]);
}

static void a_prefix_has_only_its_own_family(void **state)
{
	static const struct {
		const char *prefix, *ip;
		bool want;
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "0.0.0.0/0", "255.1.2.3", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "0.0.0.0/0", "::", false }, /* a missing address is in no IPv4 prefix */
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "192.0.2.1", false },
		{ "::/64", "192.0.2.1", false },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "2001:db8::1", "2001:db8::1", true },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++)
		assert_int_equal(nr_prefix_has(prefix_of(cases[i].prefix), ip_of(cases[i].ip)),
				 cases[i].want);
}

static void order_is_that_of_the_bytes(void **state)
{
	(void)state;
	assert_true(nr_ip_cmp(ip_of("192.0.2.1"), ip_of("192.0.2.2")) < 0);
	assert_true(nr_ip_cmp(ip_of("9.0.0.0"), ip_of("10.0.0.0")) < 0);
	assert_true(nr_ip_cmp(ip_of("255.255.255.255"), ip_of("2001:db8::")) < 0);
	assert_int_equal(nr_ip_cmp(ip_of("::1"), ip_of("::1")), 0);
	assert_int_equal(nr_ip_to_v4(nr_ip_v4(0xc0000201)), 0xc0000201);
}

static void special_purpose_addresses_are_known(void **state)
{
	static const struct {
		const char *ip;
		enum nr_ip_kind kind;
	} cases[] = {
		{ "8.8.8.8", NR_IP_GLOBAL },
		{ "0.0.0.0", NR_IP_UNSPECIFIED },
		{ "0.0.0.1", NR_IP_RESERVED },
		{ "1.0.0.0", NR_IP_GLOBAL },
		{ "9.255.255.255", NR_IP_GLOBAL },
		{ "10.0.0.0", NR_IP_PRIVATE },
		{ "10.255.255.255", NR_IP_PRIVATE },
		{ "11.0.0.0", NR_IP_GLOBAL },
		{ "100.63.255.255", NR_IP_GLOBAL },
		{ "100.64.0.0", NR_IP_PRIVATE },
		{ "100.127.255.255", NR_IP_PRIVATE },
		{ "100.128.0.0", NR_IP_GLOBAL },
		{ "127.0.0.1", NR_IP_LOOPBACK },
		{ "127.255.255.255", NR_IP_LOOPBACK },
		{ "128.0.0.0", NR_IP_GLOBAL },
		{ "169.254.0.1", NR_IP_LINK_LOCAL },
		{ "169.253.255.255", NR_IP_GLOBAL },
		{ "172.15.255.255", NR_IP_GLOBAL },
		{ "172.16.0.0", NR_IP_PRIVATE },
		{ "172.31.255.255", NR_IP_PRIVATE },
		{ "172.32.0.0", NR_IP_GLOBAL },
		{ "192.0.0.8", NR_IP_RESERVED },
		{ "192.0.0.9", NR_IP_GLOBAL },
		{ "192.0.0.10", NR_IP_GLOBAL },
		{ "192.0.0.11", NR_IP_RESERVED },
		{ "192.0.2.77", NR_IP_DOCUMENTATION },
		{ "192.31.196.1", NR_IP_GLOBAL },
		{ "192.88.99.1", NR_IP_RESERVED },
		{ "192.167.255.255", NR_IP_GLOBAL },
		{ "192.168.0.1", NR_IP_PRIVATE },
		{ "198.17.255.255", NR_IP_GLOBAL },
		{ "198.18.0.0", NR_IP_DOCUMENTATION },
		{ "198.19.255.255", NR_IP_DOCUMENTATION },
		{ "198.20.0.0", NR_IP_GLOBAL },
		{ "198.51.100.1", NR_IP_DOCUMENTATION },
		{ "203.0.113.255", NR_IP_DOCUMENTATION },
		{ "223.255.255.255", NR_IP_GLOBAL },
		{ "224.0.0.0", NR_IP_MULTICAST },
		{ "239.255.255.255", NR_IP_MULTICAST },
		{ "240.0.0.0", NR_IP_RESERVED },
		{ "255.255.255.254", NR_IP_RESERVED },
		{ "255.255.255.255", NR_IP_BROADCAST },
		{ "::", NR_IP_UNSPECIFIED },
		{ "::1", NR_IP_LOOPBACK },
		{ "::2", NR_IP_RESERVED },
		{ "::1.2.3.4", NR_IP_RESERVED },
		{ "64:ff9b::1", NR_IP_GLOBAL },
		{ "64:ff9b:1::1", NR_IP_PRIVATE },
		{ "100::1", NR_IP_RESERVED },
		{ "2001::1", NR_IP_GLOBAL },
		{ "2001:1::1", NR_IP_GLOBAL },
		{ "2001:1::4", NR_IP_RESERVED },
		{ "2001:2::1", NR_IP_DOCUMENTATION },
		{ "2001:3::1", NR_IP_GLOBAL },
		{ "2001:10::1", NR_IP_RESERVED },
		{ "2001:20::1", NR_IP_GLOBAL },
		{ "2001:200::1", NR_IP_GLOBAL },
		{ "2001:db8::1", NR_IP_DOCUMENTATION },
		{ "2001:db9::1", NR_IP_GLOBAL },
		{ "2002::1", NR_IP_GLOBAL },
		{ "2400::1", NR_IP_GLOBAL },
		{ "3fff::1", NR_IP_DOCUMENTATION },
		{ "3fff:1000::1", NR_IP_GLOBAL },
		{ "4000::1", NR_IP_RESERVED },
		{ "5f00::1", NR_IP_RESERVED },
		{ "fbff::1", NR_IP_RESERVED },
		{ "fc00::1", NR_IP_PRIVATE },
		{ "fdff::1", NR_IP_PRIVATE },
		{ "fe80::1", NR_IP_LINK_LOCAL },
		{ "febf::1", NR_IP_LINK_LOCAL },
		{ "fec0::1", NR_IP_RESERVED },
		{ "ff02::1", NR_IP_MULTICAST },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++)
		if (nr_ip_kind(ip_of(cases[i].ip)) != cases[i].kind)
			fail_msg("%s is %s", cases[i].ip,
				 nr_ip_kind_name(nr_ip_kind(ip_of(cases[i].ip))));
	for (int kind = NR_IP_GLOBAL; kind <= NR_IP_RESERVED; kind++)
		assert_string_not_equal(nr_ip_kind_name((enum nr_ip_kind)kind), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_print_as_rfc_5952_wants),
		cmocka_unit_test(other_forms_of_addresses_are_refused),
		cmocka_unit_test(random_addresses_agree_with_the_c_library),
		cmocka_unit_test(damaged_texts_agree_with_the_c_library),
		cmocka_unit_test(masks_keep_the_first_bits),
		cmocka_unit_test(prefixes_know_their_family),
		cmocka_unit_test(other_forms_of_prefixes_are_refused),
		cmocka_unit_test(a_prefix_has_only_its_own_family),
		cmocka_unit_test(order_is_that_of_the_bytes),
		cmocka_unit_test(special_purpose_addresses_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
