/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/test_frame.h"

static void hostile_input_4_the_walk_of_ip_options_is_bounded(void **state)
{
	/* every value of every byte of a field of 40 bytes of options: ends, and the SYN is still read */
	static const char *const fills[] = { "00", "01", "07", "83", "ff" };
	struct nr_packet pkt;

	(void)state;
	for (size_t fill = 0; fill < NR_COUNT(fills); fill++) {
		static struct test_frame f;

		f.n = 0;
		test_hex(&f, "4f00 0050 1234 0000 4006 0000" SRC4 DST4);
		for (int i = 0; i < 40; i++)
			test_hex(&f, fills[fill]);
		test_hex(&f, SYN);
		for (size_t at = 20; at < 60; at++) {
			uint8_t was = f.bytes[at];

			for (unsigned v = 0; v < 256; v++) {
				f.bytes[at] = (uint8_t)v;
				assert_int_equal(test_dissect(&f, 101, 0, &pkt), NR_OUTCOME_OK);
				assert_int_equal(pkt.dport, 23);
				assert_true(pkt.anomalies & NR_BIT(NR_ANOMALY_IP_OPTIONS));
			}
			f.bytes[at] = was;
		}
	}
}

static void hostile_input_6_fragments_are_never_joined(void **state)
{
	/*
	 * Policy: no reassembly. The first fragment counts with its ports, each later one without ports
	 * and as class other, so no overlap can change what an earlier fragment said.
	 */
	static const struct {
		const char *what, *hex;
		uint16_t dport;
		uint8_t flags;
		uint32_t anomalies;
	} cases[] = {
		{ "teardrop, first",
		  IP4("0028", "2000", "11") UDP("001c") "000000000000000000000000", 53, 0,
		  NR_BIT(NR_ANOMALY_FRAGMENT) },
		{ "teardrop, inside the first", IP4("0018", "0001", "11") "00000000", 0, 0,
		  NR_BIT(NR_ANOMALY_FRAGMENT) | NR_BIT(NR_ANOMALY_FRAGMENT_LATER) },
		{ "tiny first", IP4("001c", "2000", "06") "3039001600000001", 22, 0,
		  NR_BIT(NR_ANOMALY_FRAGMENT) | NR_BIT(NR_ANOMALY_FRAGMENT_TINY) },
		{ "flags that overlap", IP4("0028", "0001", "06") SYN, 0, 0,
		  NR_BIT(NR_ANOMALY_FRAGMENT) | NR_BIT(NR_ANOMALY_FRAGMENT_LATER) },
		{ "ping of death", IP4("0028", "1fff", "01") SYN, 0, 0,
		  NR_BIT(NR_ANOMALY_FRAGMENT) | NR_BIT(NR_ANOMALY_FRAGMENT_LATER) |
			  NR_BIT(NR_ANOMALY_FRAGMENT_OVERRUN) },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_packet pkt;

		assert_int_equal(test_dissect_hex(cases[i].hex, 101, &pkt), NR_OUTCOME_OK);
		if (pkt.dport != cases[i].dport || pkt.tcp_flags != cases[i].flags ||
		    pkt.anomalies != cases[i].anomalies)
			fail_msg("%s: port %u flags %02x anomalies %08x", cases[i].what, pkt.dport,
				 pkt.tcp_flags, pkt.anomalies);
	}
}

static void lengths_come_from_the_header_where_it_can_be_believed(void **state)
{
	struct nr_packet pkt;

	(void)state;
	/* padding is not payload */
	assert_int_equal(test_dissect_hex(ETH4 IP4("001e", "0000", "11")
						  UDP("000a") "4142 00000000",
					  1, &pkt),
			 NR_OUTCOME_OK);
	assert_int_equal(pkt.payload_len, 2);
	assert_int_equal(pkt.ip_len, 30);
	/* total length 0: what was on the wire */
	assert_int_equal(test_dissect_hex(ETH4 IP4("0000", "0000", "06") SYN "4142", 1, &pkt),
			 NR_OUTCOME_OK);
	assert_int_equal(pkt.ip_len, 42);
	assert_int_equal(pkt.payload_len, 2);
	/* beyond the wire: counted as claimed, read as far as it goes */
	assert_int_equal(test_dissect_hex(ETH4 IP4("0100", "0000", "06") SYN "4142", 1, &pkt),
			 NR_OUTCOME_OK);
	assert_int_equal(pkt.ip_len, 256);
	assert_int_equal(pkt.payload_len, 2);
}

static void a_wire_length_below_the_captured_one_is_not_believed(void **state)
{
	static struct test_frame f;
	struct nr_packet pkt;

	(void)state;
	test_hex(&f, IP4("0028", "0000", "06") SYN);
	struct nr_frame frame = { .data = f.bytes, .caplen = 40, .wirelen = 3, .link = 101 };
	assert_int_equal(nr_dissect_general(&frame, &pkt), NR_OUTCOME_OK);
	assert_int_equal(pkt.anomalies, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_input_4_the_walk_of_ip_options_is_bounded),
		cmocka_unit_test(hostile_input_6_fragments_are_never_joined),
		cmocka_unit_test(lengths_come_from_the_header_where_it_can_be_believed),
		cmocka_unit_test(a_wire_length_below_the_captured_one_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
