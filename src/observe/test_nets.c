/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/nets.h"

#include "base/cmocka.h"

static void add_all(struct nr_nets *nets, const char *const *texts)
{
	*nets = (struct nr_nets){ 0 };
	for (; *texts != NULL; texts++) {
		struct nr_prefix prefix;

		assert_int_equal(nr_prefix_parse(nr_str_from(*texts), &prefix), 0);
		assert_int_equal(nr_nets_add(nets, prefix), 0);
	}
}

static bool has(const struct nr_nets *nets, const char *text)
{
	struct nr_ip ip;

	assert_int_equal(nr_ip_parse(nr_str_from(text), &ip), 0);
	return nr_nets_has(nets, ip);
}

static void prefixes_inside_others_and_duplicates_are_dropped_in_any_order(void **state)
{
	static const struct {
		const char *texts[6];
		uint64_t size;
		size_t n_v4, n_v6;
	} cases[] = {
		{ { NULL }, 0, 0, 0 },
		{ { "198.18.0.0/24" }, 256, 1, 0 },
		{ { "198.18.0.0/24", "198.18.0.0/24" }, 256, 1, 0 },
		{ { "198.18.0.0/16", "198.18.7.0/24", "198.18.7.9" }, 65536, 1, 0 },
		{ { "198.18.7.9", "198.18.7.0/24", "192.0.2.0/24", "198.18.0.0/16" },
		  65536 + 256,
		  2,
		  0 },
		{ { "198.18.0.0/24", "198.18.1.0/24" }, 512, 2, 0 },
		{ { "192.0.2.1", "192.0.2.2", "0.0.0.0/0" }, UINT64_C(1) << 32, 1, 0 },
		{ { "2001:db8:1::/48", "2001:db8::/32", "2001:db8::1" }, 0, 0, 1 },
		{ { "2001:db8::/32", "::/0", "192.0.2.0/25" }, 128, 1, 1 },
		{ { "::/0", "192.0.2.0/25" }, 128, 1, 1 }, /* families do not mix */
	};

	(void)state;
	for (size_t c = 0; c < NR_COUNT(cases); c++) {
		struct nr_nets nets;

		add_all(&nets, cases[c].texts);
		if (nr_nets_size_v4(&nets) != cases[c].size || nets.n_v4 != cases[c].n_v4 ||
		    nets.n_v6 != cases[c].n_v6)
			fail_msg("case %zu: %llu addresses in %zu + %zu prefixes", c,
				 (unsigned long long)nr_nets_size_v4(&nets), nets.n_v4, nets.n_v6);
	}
}

static void an_address_is_in_when_a_prefix_of_its_family_holds_it(void **state)
{
	static const char *const texts[] = { "198.18.0.0/16", "192.0.2.7", "2001:db8::/32", NULL };
	static const struct {
		const char *ip;
		bool in;
	} cases[] = {
		{ "198.18.0.0", true },	 { "198.18.255.255", true },
		{ "198.19.0.0", false }, { "198.17.255.255", false },
		{ "192.0.2.7", true },	 { "192.0.2.6", false },
		{ "2001:db8::1", true }, { "2001:db9::1", false },
		{ "0.0.0.0", false },	 { "::", false },
		{ "::c612:1", false },
	};
	struct nr_nets nets;

	(void)state;
	add_all(&nets, texts);
	for (size_t c = 0; c < NR_COUNT(cases); c++)
		if (has(&nets, cases[c].ip) != cases[c].in)
			fail_msg("%s", cases[c].ip);
}

/* Hostile input 47: no prefix at all must mean nobody, and an IPv6 default no IPv4 address. */
static void hostile_47_an_empty_list_and_another_family_hold_nothing(void **state)
{
	static const char *const v6_only[] = { "::/0", NULL }, *const v4_only[] = { "0.0.0.0/0",
										    NULL };
	struct nr_nets nets = { 0 };

	(void)state;
	assert_false(has(&nets, "0.0.0.0"));
	assert_false(has(&nets, "::"));
	add_all(&nets, v6_only);
	assert_false(has(&nets, "0.0.0.0"));
	assert_true(has(&nets, "::"));
	add_all(&nets, v4_only);
	assert_true(has(&nets, "0.0.0.0"));
	assert_false(has(&nets, "::"));
	assert_false(has(&nets, "::1"));
}

static void more_prefixes_than_fit_are_refused_unless_they_swallow_others(void **state)
{
	struct nr_nets nets = { 0 };
	struct nr_prefix p;

	(void)state;
	for (uint32_t i = 0; i < NR_NETS_MAX; i++) {
		p = (struct nr_prefix){ .ip = nr_ip_v4(0x0a000000 | i << 8), .len = 120 };
		assert_int_equal(nr_nets_add(&nets, p), 0);
	}
	p = (struct nr_prefix){ .ip = nr_ip_v4(0xc0000200), .len = 120 };
	assert_int_equal(nr_nets_add(&nets, p), NR_ELIMIT);
	assert_int_equal(nets.n_v4, NR_NETS_MAX);
	p = (struct nr_prefix){ .ip = nr_ip_v4(0x0a000000), .len = 112 };
	assert_int_equal(nr_nets_add(&nets, p), 0);
	assert_int_equal(nets.n_v4, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes_inside_others_and_duplicates_are_dropped_in_any_order),
		cmocka_unit_test(an_address_is_in_when_a_prefix_of_its_family_holds_it),
		cmocka_unit_test(hostile_47_an_empty_list_and_another_family_hold_nothing),
		cmocka_unit_test(more_prefixes_than_fit_are_refused_unless_they_swallow_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
