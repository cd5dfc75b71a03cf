/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/test_frame.h"

/** IPv6 with @p n destination headers, then TCP. */
static void chain_make(struct test_frame *f, unsigned n)
{
	uint32_t len = n * 8 + 20;

	f->n = 0;
	test_hex(f, "60000000 0000 3c 40" SRC6 DST6);
	f->bytes[4] = (uint8_t)(len >> 8);
	f->bytes[5] = (uint8_t)len;
	if (n == 0)
		f->bytes[6] = 6;
	for (unsigned i = 1; i <= n; i++)
		test_hex(f, i == n ? "0600010400000000" : "3c00010400000000");
	test_hex(f, SYN);
}

static void hostile_input_5_a_chain_ends_after_eight_headers(void **state)
{
	(void)state;
	for (unsigned n = 0; n <= 200; n++) {
		static struct test_frame f;
		struct nr_packet pkt;

		chain_make(&f, n);
		enum nr_outcome outcome = test_dissect(&f, 229, 0, &pkt);
		assert_int_equal(outcome, n <= 8 ? NR_OUTCOME_OK : NR_OUTCOME_IP6_CHAIN);
		if (n <= 8)
			assert_int_equal(pkt.dport, 23);
		if (n >= 2 && n <= 8)
			assert_int_equal(pkt.anomalies, NR_BIT(NR_ANOMALY_IP6_ORDER));
	}
}

static void hostile_input_5_odd_chains_are_counted(void **state)
{
	static const struct {
		const char *what, *hex;
		uint32_t anomalies;
	} cases[] = {
		{ "destination options twice around a routing header",
		  IP6("002c", "3c") "2b00010400000000 3c00000000000000 0600010400000000" SYN,
		  NR_BIT(NR_ANOMALY_IP6_ROUTING) },
		{ "routing header twice", IP6("0024", "2b") "2b00000000000000 0600000000000000" SYN,
		  NR_BIT(NR_ANOMALY_IP6_ROUTING) | NR_BIT(NR_ANOMALY_IP6_ORDER) },
		{ "hop-by-hop twice", IP6("0024", "00") "0000010400000000 0600010400000000" SYN,
		  NR_BIT(NR_ANOMALY_IP6_ORDER) },
		{ "jumbo 2^32 - 1", IP6("0000", "00") "0600c204ffffffff" SYN,
		  NR_BIT(NR_ANOMALY_IP6_JUMBO) },
		{ "jumbo option with a length in the header",
		  IP6("001c", "00") "0600c204ffffffff" SYN, NR_BIT(NR_ANOMALY_IP6_JUMBO) },
		{ "an atomic fragment", IP6("001c", "2c") "0600000012345678" SYN,
		  NR_BIT(NR_ANOMALY_IP6_ATOMIC) },
		{ "an option of length 255", IP6("001c", "00") "060001ff00000000" SYN,
		  NR_BIT(NR_ANOMALY_IP_OPTION_BAD) },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_packet pkt;

		assert_int_equal(test_dissect_hex(cases[i].hex, 229, &pkt), NR_OUTCOME_OK);
		if (pkt.anomalies != cases[i].anomalies || pkt.dport != 23)
			fail_msg("%s: anomalies %08x", cases[i].what, pkt.anomalies);
		assert_true(pkt.ip_len < 200); /* no claim of 2^32 - 1 bytes gets into a sum */
	}
}

static void addresses_and_lengths_are_read(void **state)
{
	struct nr_packet pkt;

	(void)state;
	assert_int_equal(test_dissect_hex(ETH6 IP6("0015", "06") SYN "41 0000", 1, &pkt),
			 NR_OUTCOME_OK);
	assert_int_equal(pkt.ip_len, 61);
	assert_int_equal(pkt.payload_len, 1);
	assert_int_equal(pkt.is_v4, 0);
	assert_int_equal(pkt.ip_id, 0);
	assert_int_equal(pkt.ttl, 64);
	assert_int_equal(pkt.src.b[15], 1);
	assert_int_equal(pkt.dst.b[15], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_input_5_a_chain_ends_after_eight_headers),
		cmocka_unit_test(hostile_input_5_odd_chains_are_counted),
		cmocka_unit_test(addresses_and_lengths_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
