/* SPDX-License-Identifier: Apache-2.0 */
#include "record/observation.h"

#include "base/cmocka.h"
#include "record/field.h"
#include "record/proto.h"

static struct nr_ip ip_of(const char *text)
{
	struct nr_ip ip;

	assert_int_equal(nr_ip_parse(nr_str_from(text), &ip), 0);
	return ip;
}

static void assert_json(const struct nr_observation *obs, const char *want)
{
	struct nr_buf out;

	nr_buf_init(&out, 1 << 16);
	nr_record_json(&nr_observation_type, obs, &out);
	nr_buf_add(&out, "", 1);
	assert_int_equal(out.err, 0);
	assert_string_equal((const char *)out.p, want);
	nr_buf_done(&out);
}

static void a_syn_says_only_what_it_has(void **state)
{
	struct nr_observation obs = { .tick = 1767225600,
				      .first = 1000,
				      .last = 500000000,
				      .packets = 2,
				      .bytes = 80,
				      .proto = NR_PROTO_TCP,
				      .sport = 40000,
				      .dport = 23,
				      .window = 1024,
				      .tcp_flags = 2,
				      .ttl_min = 50,
				      .ttl_max = 51,
				      .traffic_class = NR_CLASS_SCAN };

	(void)state;
	obs.src = ip_of("203.0.113.9");
	obs.dst = ip_of("198.18.0.1");
	obs.marks[NR_MARK_MIRAI] = 2;
	assert_json(
		&obs,
		"{\"record\":\"flow\",\"src\":\"203.0.113.9\",\"dst\":\"198.18.0.1\",\"proto\":\"tcp\","
		"\"sport\":40000,\"dport\":23,\"packets\":2,\"bytes\":80,\"first\":\"2026-01-01T00:00:00.000001Z\","
		"\"last\":\"2026-01-01T00:00:00.5Z\",\"class\":\"scan\",\"tcp_flags\":\"S\",\"ttl_min\":50,"
		"\"ttl_max\":51,\"window\":1024,\"marks\":{\"mirai\":2}}");
}

static void a_flow_of_a_minute_says_so_and_its_times_are_exact_to_the_microsecond(void **state)
{
	struct nr_observation obs = { .tick = 1767225600,
				      .first = 1000 / NR_OBS_MINUTE_UNIT_NS,
				      .last = (uint32_t)(INT64_C(59999999000) /
							 NR_OBS_MINUTE_UNIT_NS),
				      .packets = 9,
				      .bytes = 360,
				      .proto = 47,
				      .ttl_min = 50,
				      .ttl_max = 51,
				      .flags = NR_OBS_MINUTE,
				      .traffic_class = NR_CLASS_SCAN };

	(void)state;
	obs.src = ip_of("203.0.113.9");
	obs.dst = ip_of("198.18.0.1");
	assert_json(
		&obs,
		"{\"record\":\"flow\",\"src\":\"203.0.113.9\",\"dst\":\"198.18.0.1\",\"proto\":\"gre\","
		"\"packets\":9,\"bytes\":360,\"first\":\"2026-01-01T00:00:00.000001Z\","
		"\"last\":\"2026-01-01T00:00:59.999999Z\",\"class\":\"scan\",\"ttl_min\":50,"
		"\"ttl_max\":51,\"flags\":[\"minute\"]}");
}

static void an_icmp_error_carries_its_quote(void **state)
{
	struct nr_observation obs = { .tick = 1767225600,
				      .packets = 1,
				      .bytes = 56,
				      .proto = NR_PROTO_ICMP,
				      .dport = 3 << 8 | 1,
				      .flags = NR_OBS_QUOTED | NR_OBS_ODD,
				      .quoted_proto = NR_PROTO_UDP,
				      .quoted_dport = 27015,
				      .ttl_min = 60,
				      .ttl_max = 60,
				      .traffic_class = NR_CLASS_BACKSCATTER };

	(void)state;
	obs.src = ip_of("2001:db8::1");
	obs.dst = ip_of("2001:db8::2");
	obs.quoted_dst = ip_of("192.0.2.77");
	assert_json(
		&obs,
		"{\"record\":\"flow\",\"src\":\"2001:db8::1\",\"dst\":\"2001:db8::2\",\"proto\":\"icmp\","
		"\"icmp_type\":3,\"icmp_code\":1,\"packets\":1,\"bytes\":56,\"first\":\"2026-01-01T00:00:00Z\","
		"\"last\":\"2026-01-01T00:00:00Z\",\"class\":\"backscatter\",\"ttl_min\":60,\"ttl_max\":60,"
		"\"quoted\":{\"dst\":\"192.0.2.77\",\"proto\":\"udp\",\"dport\":27015},\"flags\":[\"odd\"]}");
}

static void a_row_of_csv_has_the_cells_of_its_head(void **state)
{
	struct nr_observation obs = { .tick = -1,
				      .first = 1,
				      .proto = 47,
				      .packets = 1,
				      .payload = 99,
				      .traffic_class = 99 };
	struct nr_buf head, row;

	(void)state;
	memset(obs.marks, 255, sizeof(obs.marks)); /* also slots without a name */
	nr_buf_init(&head, 1 << 16);
	nr_buf_init(&row, 1 << 16);
	nr_record_csv_head(&nr_observation_type, &head);
	nr_record_csv(&nr_observation_type, &obs, &row);
	assert_int_equal(row.err, 0);
	assert_int_equal(nr_str_count(nr_buf_str(&head), ','), nr_str_count(nr_buf_str(&row), ','));
	assert_non_null(
		memmem(row.p, row.n, "flow,::,::,gre,,,,,1,0,1969-12-31T23:59:59.000000001Z", 53));
	nr_buf_done(&head);
	nr_buf_done(&row);
}

static void a_protocol_without_a_name_is_its_number(void **state)
{
	(void)state;
	assert_string_equal(nr_proto_name(6), "tcp");
	assert_string_equal(nr_proto_name(58), "icmp6");
	assert_string_equal(nr_proto_name(253), "253");
	for (unsigned i = 0; i < 256; i++)
		assert_non_null(nr_proto_name((uint8_t)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syn_says_only_what_it_has),
		cmocka_unit_test(
			a_flow_of_a_minute_says_so_and_its_times_are_exact_to_the_microsecond),
		cmocka_unit_test(an_icmp_error_carries_its_quote),
		cmocka_unit_test(a_row_of_csv_has_the_cells_of_its_head),
		cmocka_unit_test(a_protocol_without_a_name_is_its_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
