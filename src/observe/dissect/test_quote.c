/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/test_frame.h"

/* An error sent to DST4 about a packet that DST4 (or a forger) sent to the victim 203.0.113.9. */
#define VICTIM4			  "cb007109"
#define QUOTE4(vihl, frag, proto) vihl "00 0028 1234" frag "3f" proto "0000" DST4 VICTIM4
#define ERROR4(total, type)	  IP4(total, "0000", "01") type "0000 00000000"
#define VICTIM6			  "20010db8000000000000000000000099"
#define QUOTE6(next)		  "6000000000140640" DST6 VICTIM6
#define ERROR6(len, type)	  IP6(len, "3a") type "0000 00000000"

static void the_quoted_packet_says_whom_it_went_to(void **state)
{
	static const struct {
		const char *what, *hex;
		uint16_t link;
		uint8_t proto;
		uint16_t dport;
		uint32_t anomalies;
	} cases[] = {
		{ "8 bytes of TCP",
		  ERROR4("0038", "0301") QUOTE4("45", "0000", "06") "00500017 00000001", 101, 6, 23,
		  0 },
		{ "time exceeded about UDP",
		  ERROR4("0038", "0b00") QUOTE4("45", "0000", "11") "00350035 00080000", 101, 17,
		  53, 0 },
		{ "source quench, 4 bytes",
		  ERROR4("0034", "0400") QUOTE4("45", "0000", "06") "00500017", 101, 6, 23, 0 },
		{ "redirect, 3 bytes: no port",
		  ERROR4("0033", "0501") QUOTE4("45", "0000", "06") "005000", 101, 6, 0, 0 },
		{ "no layer 4 at all", ERROR4("0030", "0c00") QUOTE4("45", "0000", "06"), 101, 6, 0,
		  0 },
		{ "echo request quoted",
		  ERROR4("0034", "0301") QUOTE4("45", "0000", "01") "0800f7ff", 101, 1, 0x800, 0 },
		{ "GRE quoted", ERROR4("0034", "0302") QUOTE4("45", "0000", "2f") "00000800", 101,
		  47, 0, 0 },
		{ "options in the quote",
		  ERROR4("0038", "0301") QUOTE4("46", "0000", "06") "94040000 00500017", 101, 6, 23,
		  0 },
		{ "a later fragment quoted",
		  ERROR4("0034", "0301") QUOTE4("45", "0005", "06") "00500017", 101, 6, 0, 0 },
		{ "half an IP header", ERROR4("0026", "0301") "4500 0028 1234 0000 3f06", 101, 0, 0,
		  NR_BIT(NR_ANOMALY_QUOTE_BAD) },
		{ "header length 4",
		  ERROR4("0038", "0301") QUOTE4("44", "0000", "06") "00500017 00000001", 101, 0, 0,
		  NR_BIT(NR_ANOMALY_QUOTE_BAD) },
		{ "IPv6 in an ICMP quote", ERROR4("0044", "0301") QUOTE6("06"), 101, 0, 0,
		  NR_BIT(NR_ANOMALY_QUOTE_BAD) },
		{ "somebody else's packet",
		  ERROR4("0038", "0301") "4500 0028 1234 0000 3f06 0000" SRC4 VICTIM4
					 "00500017 00000001",
		  101, 6, 23, NR_BIT(NR_ANOMALY_QUOTE_FOREIGN) },
		{ "ICMPv6 unreachable", ERROR6("0038", "0104") QUOTE6("06") "00500017 00000001",
		  229, 6, 23, 0 },
		{ "ICMPv6 too big with a chain",
		  ERROR6("003c", "0200") "6000000000143c40" DST6 VICTIM6
					 "1100010400000000 00350035",
		  229, 17, 53, 0 },
		{ "ICMPv6 time exceeded, cut", ERROR6("0020", "0300") "6000000000140640" DST6, 229,
		  0, 0, NR_BIT(NR_ANOMALY_QUOTE_BAD) },
		{ "ICMPv6 problem, fragment",
		  ERROR6("003c", "0400") "6000000000142c40" DST6 VICTIM6
					 "0600000900000001 00500017",
		  229, 6, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_packet pkt;

		assert_int_equal(test_dissect_hex(cases[i].hex, cases[i].link, &pkt),
				 NR_OUTCOME_OK);
		if (pkt.quoted_proto != cases[i].proto || pkt.quoted_dport != cases[i].dport ||
		    pkt.anomalies != cases[i].anomalies)
			fail_msg("%s: %u port %u anomalies %08x", cases[i].what, pkt.quoted_proto,
				 pkt.quoted_dport, pkt.anomalies);
		if (cases[i].proto != 0 && cases[i].link == 101)
			assert_int_equal(nr_ip_to_v4(pkt.quoted_dst), 0xcb007109);
		if (cases[i].proto != 0 && cases[i].link == 229)
			assert_int_equal(pkt.quoted_dst.b[15], 0x99);
	}
}

static void only_errors_quote(void **state)
{
	static const uint8_t types[] = { 0, 8, 13, 14, 9, 10, 17, 18, 30 };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(types); i++) {
		static struct test_frame f;
		struct nr_packet pkt;

		f.n = 0;
		test_hex(&f, ERROR4("0038", "0301") QUOTE4("45", "0000", "06") "00500017 00000001");
		f.bytes[20] = types[i];
		assert_int_equal(test_dissect(&f, 101, 0, &pkt), NR_OUTCOME_OK);
		assert_int_equal(pkt.quoted_proto, 0);
		assert_int_equal(pkt.anomalies, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_quoted_packet_says_whom_it_went_to),
		cmocka_unit_test(only_errors_quote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
