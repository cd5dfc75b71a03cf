/* SPDX-License-Identifier: Apache-2.0 */
#include "record/source.h"

#include "base/cmocka.h"
#include "record/field.h"

static struct nr_source scanner(void)
{
	struct nr_source source = { .src = nr_ip_v4(0xcb007109),
				    .first = { INT64_C(1767225600) * NR_NS_PER_S },
				    .last = { INT64_C(1767225660) * NR_NS_PER_S },
				    .packets = 120,
				    .level = NR_LEVEL_WIDE,
				    .traffic_class = NR_CLASS_SCAN,
				    .certainty = NR_CERTAINTY_CONFIRMED,
				    .benign = NR_BENIGN_CLAIMED,
				    .benign_name = "a \"list\"",
				    .tools = 1u << NR_MARK_MASSCAN | 1u << NR_MARK_ZMAP,
				    .dst_n = 100,
				    .dst_lo = 98,
				    .dst_hi = 103,
				    .ports_n = 2,
				    .n_ports = 2,
				    .has_rate = true,
				    .rate_lo = 1.5,
				    .rate = 2,
				    .rate_hi = 2.5,
				    .ttl_min = 240,
				    .ttl_max = 241,
				    .asn = 64500,
				    .as_name = "EXAMPLE",
				    .economy = "JP",
				    .compat = NR_COMPAT_DURUMERIC };

	source.ports[0] = (struct nr_source_port){ .proto = 6, .port = 23, .packets = 100 };
	source.ports[1] = (struct nr_source_port){ .proto = 1, .port = 8 << 8, .packets = 20 };
	source.marks[NR_MARK_MASSCAN] = 100;
	return source;
}

static void a_scanner_is_told_in_full(void **state)
{
	struct nr_source source = scanner();
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 1 << 16);
	nr_record_json(&nr_source_type, &source, &out);
	nr_buf_add(&out, "", 1);
	assert_string_equal(
		(const char *)out.p,
		"{\"record\":\"source\",\"src\":\"203.0.113.9\",\"level\":\"wide\",\"tools\":[\"masscan\",\"zmap\"],"
		"\"class\":\"scan\",\"packets\":120,\"first\":\"2026-01-01T00:00:00Z\",\"last\":"
		"\"2026-01-01T00:01:00Z\","
		"\"certainty\":\"confirmed\",\"spoof_score\":0,\"benign\":\"benign_claimed\","
		"\"benign_name\":\"a \\\"list\\\"\","
		"\"destinations\":100,\"destinations_lo\":98,\"destinations_hi\":103,\"ports_n\":2,\"ports\":["
		"{\"proto\":\"tcp\",\"port\":23,\"packets\":100},{\"proto\":\"icmp\",\"icmp_type\":8,\"packets\":20}],"
		"\"marks\":{\"masscan\":100},\"rate\":2,\"rate_lo\":1.5,\"rate_hi\":2.5,"
		"\"ttl_min\":240,\"ttl_max\":241,"
		"\"asn\":64500,\"as_name\":\"EXAMPLE\",\"economy\":\"JP\",\"compat\":[\"durumeric\"]}");
	nr_buf_done(&out);
}

static void lists_become_words_in_a_cell(void **state)
{
	struct nr_source source = scanner();
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 1 << 16);
	nr_record_csv(&nr_source_type, &source, &out);
	assert_non_null(memmem(out.p, out.n, ",masscan zmap,scan,", 19));
	assert_non_null(memmem(out.p, out.n, ",tcp/23:100 icmp/8:20,", 22));
	nr_buf_done(&out);
}

static void values_beyond_the_tables_are_called_unknown(void **state)
{
	struct nr_source source = {
		.level = 9, .certainty = 9, .benign = 9, .n_ports = 200, .tools = 0xffff
	};
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, 1 << 16);
	nr_record_json(&nr_source_type, &source, &out);
	assert_int_equal(out.err, 0);
	assert_non_null(memmem(out.p, out.n, "\"level\":\"unknown\"", 17));
	nr_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scanner_is_told_in_full),
		cmocka_unit_test(lists_become_words_in_a_cell),
		cmocka_unit_test(values_beyond_the_tables_are_called_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
