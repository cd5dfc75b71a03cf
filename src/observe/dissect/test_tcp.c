/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/test_frame.h"

static uint32_t hash_of(const char *hex, bool *ret_bad)
{
	static struct test_frame f;

	f.n = 0;
	test_hex(&f, hex);
	return nr_tcp_options_hash(f.bytes, f.n, ret_bad);
}

static void known_sequences_of_options_have_their_constants(void **state)
{
	static const struct {
		const char *hex;
		uint32_t hash;
	} cases[] = {
		{ "", 0 },
		{ "020405b4", NR_OPTIONS_MSS },
		{ "02040218", NR_OPTIONS_MSS }, /* values do not count */
		{ "020405b401010402", NR_OPTIONS_MSS_SACK },
		{ "020405b40103030801010402", NR_OPTIONS_WINDOWS },
		{ "020405b40402080a00000001000000000103030a", NR_OPTIONS_LINUX },
		{ "020405b4010303060101080a000000010000000004020000", NR_OPTIONS_APPLE },
	};
	bool bad;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		assert_int_equal(hash_of(cases[i].hex, &bad), cases[i].hash);
		assert_false(bad);
	}
}

static void order_kinds_lengths_and_end_make_different_hashes(void **state)
{
	static const char *const cases[] = { "020405b4", "01020405b4", "020405b401", "020405b400",
					     "0402",	 "0303",       "030307",     "0101",
					     "01",	 "00" };
	uint32_t seen[NR_COUNT(cases)];
	bool bad;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		seen[i] = hash_of(cases[i], &bad);
		assert_int_not_equal(seen[i], 0);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(seen[i], seen[j]);
	}
	/* what follows the end does not count */
	assert_int_equal(hash_of("00", &bad), hash_of("00ffff", &bad));
}

static void comparing_a_layout_equals_walking_it(void **state)
{
	static struct test_frame f;
	uint64_t x = 1;

	(void)state;
	f.n = 0;
	test_hex(&f, "00000000" TCP("5002"));
	for (unsigned words = 0; words <= 10; words++) {
		for (int round = 0; round < 20000; round++) {
			uint8_t *opt = f.bytes + 24;

			/* the layout itself with random values where it has none, sometimes broken */
			for (unsigned i = 0; i < words * 4; i++) {
				unsigned at = 24 - words * 4 + i;
				bool fixed = words <= 6 && nr_tcp_layouts[words].mask[at] != 0;

				x = nr_mix64(x + 1);
				opt[i] = fixed ? nr_tcp_layouts[words].value[at] : (uint8_t)x;
			}
			x = nr_mix64(x + 1);
			if (words > 0 && x % 4 == 0)
				opt[(x >> 8) % (words * 4)] = (uint8_t)(x >> 32);
			assert_int_equal(nr_tcp_options_short(f.bytes + 4, 20 + words * 4),
					 nr_tcp_options_any(opt, words * 4));
		}
	}
}

static void odd_flags_are_those_no_stack_sends(void **state)
{
	(void)state;
	for (uint32_t f = 0; f < 256; f++) {
		bool syn = f & NR_TCP_SYN, fin = f & NR_TCP_FIN, rst = f & NR_TCP_RST,
		     ack = f & NR_TCP_ACK;
		bool odd = (f & 63) == 0 || (syn && (fin || rst)) || (fin && !ack && !rst);
		uint32_t found = nr_tcp_anomalies(f, 0, false, false);

		assert_int_equal((found & NR_BIT(NR_ANOMALY_TCP_FLAGS)) != 0, odd);
		assert_int_equal((found & NR_BIT(NR_ANOMALY_TCP_URGENT)) != 0,
				 (f & NR_TCP_URG) != 0);
	}
}

static void hostile_input_8_each_segment_speaks_for_itself(void **state)
{
	/* no stream is kept, so nothing an earlier segment said can hide a later one */
	static const struct {
		const char *what, *hex;
		uint32_t seq, anomalies;
		uint8_t flags;
	} cases[] = {
		{ "urgent data",
		  IP4("002a", "0000", "06") "3039 0017 00000001 00000002 5038 0400 0000 0001"
					    "4142",
		  1, NR_BIT(NR_ANOMALY_TCP_URGENT), 0x38 },
		{ "SYN again with another number",
		  IP4("0028", "0000", "06") "3039 0017 77777777 00000000 5002 0400 0000 0000",
		  0x77777777, 0, NR_TCP_SYN },
		{ "RST with an MD5 option",
		  IP4("003c", "0000", "06") "3039 0017 00000001 00000000 a004 0400 0000 0000"
					    "1312 00000000000000000000000000000000 0101",
		  1, 0, NR_TCP_RST },
		{ "a bad acknowledgement in a SYN",
		  IP4("0028", "0000", "06") "3039 0017 00000001 deadbeef 5002 0400 0000 0000", 1,
		  NR_BIT(NR_ANOMALY_TCP_SYN_ACKNO), NR_TCP_SYN },
		{ "a segment over other bytes",
		  IP4("002a", "0000", "06") "3039 0017 00000001 00000002 5018 0400 0000 0000"
					    "4343",
		  1, 0, NR_TCP_PSH | NR_TCP_ACK },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_packet pkt;

		assert_int_equal(test_dissect_hex(cases[i].hex, 101, &pkt), NR_OUTCOME_OK);
		if (pkt.seq != cases[i].seq || pkt.anomalies != cases[i].anomalies ||
		    pkt.tcp_flags != cases[i].flags)
			fail_msg("%s: seq %08x anomalies %08x flags %02x", cases[i].what, pkt.seq,
				 pkt.anomalies, pkt.tcp_flags);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_sequences_of_options_have_their_constants),
		cmocka_unit_test(order_kinds_lengths_and_end_make_different_hashes),
		cmocka_unit_test(comparing_a_layout_equals_walking_it),
		cmocka_unit_test(odd_flags_are_those_no_stack_sends),
		cmocka_unit_test(hostile_input_8_each_segment_speaks_for_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
