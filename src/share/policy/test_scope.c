/* SPDX-License-Identifier: Apache-2.0 */
#include "share/policy/scope.h"

#include "base/cmocka.h"

static struct nr_uuid uuid_of(uint8_t n)
{
	return (struct nr_uuid){ .b = { [15] = n } };
}

static struct nr_ip ip_of(const char *text)
{
	struct nr_ip ip;

	assert_int_equal(nr_ip_parse(nr_str_from(text), &ip), 0);
	return ip;
}

static struct nr_prefix prefix_of(const char *text)
{
	struct nr_prefix prefix;

	assert_int_equal(nr_prefix_parse(nr_str_from(text), &prefix), 0);
	return prefix;
}

static void a_sensor_is_found_wherever_it_stands(void **state)
{
	const struct nr_uuid own[] = { uuid_of(2), uuid_of(4), uuid_of(6), uuid_of(8) };
	const struct nr_uuid shared[] = { uuid_of(3) };
	const struct nr_scope scope = { .own = own, .n_own = 4, .shared = shared, .n_shared = 1 };

	(void)state;
	for (uint8_t i = 0; i < 10; i++) {
		assert_int_equal(nr_scope_owns(&scope, uuid_of(i)),
				 i == 2 || i == 4 || i == 6 || i == 8);
		assert_int_equal(nr_scope_shares(&scope, uuid_of(i)), i == 3);
	}
}

/* Hostile input 47: what is absent belongs to nobody. */
static void absent_is_nobodys(void **state)
{
	const struct nr_uuid zero[] = { uuid_of(0) };
	const struct nr_scope_prefix all[] = { { prefix_of("0.0.0.0/0"), { 0 } },
					       { prefix_of("0.0.0.0/8"), { 0 } },
					       { prefix_of("::/0"), { 0 } } };
	const struct nr_scope_asn asns[] = { { 0, { 0 } } };
	const struct nr_scope scope = { .own = zero,
					.n_own = 1,
					.shared = zero,
					.n_shared = 1,
					.prefixes = all,
					.n_prefixes = NR_COUNT(all),
					.asns = asns,
					.n_asns = 1 };
	const struct nr_scope nobody = { 0 };
	const struct nr_time now = { 1 };

	(void)state;
	assert_false(nr_scope_owns(&scope, uuid_of(0)));
	assert_false(nr_scope_shares(&scope, uuid_of(0)));
	assert_false(nr_scope_holds(&scope, (struct nr_ip){ 0 }, 0, now));
	assert_false(nr_scope_holds(&scope, ip_of("0.0.0.0"), 0, now));
	assert_true(nr_scope_holds(&scope, ip_of("0.0.0.1"), 0, now));
	assert_false(nr_scope_holds(&nobody, ip_of("192.0.2.1"), 64500, now));
	assert_false(nr_scope_owns(&nobody, uuid_of(1)));
}

static void an_address_is_held_from_a_time_on(void **state)
{
	const struct nr_scope_prefix prefixes[] = { { prefix_of("192.0.2.0/25"), { 100 } },
						    { prefix_of("2001:db8::/32"), { 50 } } };
	const struct nr_scope_asn asns[] = { { 64500, { 200 } } };
	const struct nr_scope scope = {
		.prefixes = prefixes, .n_prefixes = 2, .asns = asns, .n_asns = 1
	};
	static const struct {
		const char *ip;
		uint32_t asn;
		int64_t when;
		bool held;
	} rows[] = {
		{ "192.0.2.1", 0, 99, false },	      { "192.0.2.1", 0, 100, true },
		{ "192.0.2.127", 0, 101, true },      { "192.0.2.128", 0, 101, false },
		{ "2001:db8::1", 0, 49, false },      { "2001:db8::1", 0, 50, true },
		{ "203.0.113.1", 64500, 199, false }, { "203.0.113.1", 64500, 200, true },
		{ "203.0.113.1", 64501, 300, false }, { "203.0.113.1", 0, 300, false },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(rows); i++)
		assert_int_equal(nr_scope_holds(&scope, ip_of(rows[i].ip), rows[i].asn,
						(struct nr_time){ rows[i].when }),
				 rows[i].held);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sensor_is_found_wherever_it_stands),
		cmocka_unit_test(absent_is_nobodys),
		cmocka_unit_test(an_address_is_held_from_a_time_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
