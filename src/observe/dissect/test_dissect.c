/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/test_frame.h"

#define A(name) NR_BIT(NR_ANOMALY_##name)

static const struct {
	const char *what;
	uint16_t link;
	const char *hex;
	size_t cut;
	enum nr_outcome outcome;
	uint32_t anomalies;
	uint8_t proto;
	uint16_t sport, dport;
} cases[] = {
	{ "a plain SYN", 1, ETH4 IP4("0028", "0000", "06") SYN, 0, NR_OUTCOME_OK, 0, 6, 12345, 23 },
	{ "padding of Ethernet", 1, ETH4 IP4("0028", "0000", "06") SYN "000000000000", 0,
	  NR_OUTCOME_OK, 0, 6, 12345, 23 },
	{ "don't fragment", 1, ETH4 IP4("0028", "4000", "06") SYN, 0, NR_OUTCOME_OK, 0, 6, 12345,
	  23 },
	{ "UDP", 1, ETH4 IP4("0020", "0000", "11") UDP("000c") "61626364", 0, NR_OUTCOME_OK, 0, 17,
	  12345, 53 },
	{ "ICMP echo", 1, ETH4 IP4("001c", "0000", "01") ECHO, 0, NR_OUTCOME_OK, 0, 1, 0, 0x800 },
	{ "IGMP has no ports", 1, ETH4 IP4("001c", "0000", "02") ECHO, 0, NR_OUTCOME_OK, 0, 2, 0,
	  0 },
	/* link */
	{ "no such link", 147, "00", 0, NR_OUTCOME_LINK_UNKNOWN, 0, 0, 0, 0 },
	{ "a runt", 1, "020000000001 020000000002 08", 0, NR_OUTCOME_LINK_TRUNCATED, 0, 0, 0, 0 },
	{ "ARP", 1, ETH("0806") "0001080006040001", 0, NR_OUTCOME_NOT_IP, 0, 0, 0, 0 },
	{ "an empty frame", 1, "", 0, NR_OUTCOME_LINK_TRUNCATED, 0, 0, 0, 0 },
	/* IPv4 */
	{ "nothing behind Ethernet", 1, ETH4, 0, NR_OUTCOME_IP_TRUNCATED, 0, 0, 0, 0 },
	{ "half a header", 1, ETH4 IP4("0028", "0000", "06"), 8, NR_OUTCOME_IP_TRUNCATED, 0, 0, 0,
	  0 },
	{ "version 5", 101, "5500 0028 0000 0000 4006 0000" SRC4 DST4 SYN, 0,
	  NR_OUTCOME_IP_MALFORMED, 0, 0, 0, 0 },
	{ "header length 4", 1, ETH4 IP4_OPT("44", "0028", "06", "") SYN, 0,
	  NR_OUTCOME_IP_MALFORMED, 0, 0, 0, 0 },
	{ "header longer than the packet", 1, ETH4 IP4_OPT("4f", "0028", "06", "") SYN, 0,
	  NR_OUTCOME_IP_MALFORMED, 0, 0, 0, 0 },
	{ "total length below the header", 1, ETH4 IP4("0013", "0000", "06") SYN, 0,
	  NR_OUTCOME_IP_MALFORMED, 0, 0, 0, 0 },
	{ "total length 0", 1, ETH4 IP4("0000", "0000", "06") SYN, 0, NR_OUTCOME_OK, A(IP_LENGTH),
	  6, 12345, 23 },
	{ "total length beyond the wire", 1, ETH4 IP4("0100", "0000", "06") SYN, 0, NR_OUTCOME_OK,
	  A(IP_LENGTH), 6, 12345, 23 },
	{ "router alert", 1, ETH4 IP4_OPT("46", "002c", "06", "94040000") SYN, 0, NR_OUTCOME_OK,
	  A(IP_OPTIONS), 6, 12345, 23 },
	{ "IP option of length 0", 1, ETH4 IP4_OPT("46", "002c", "06", "83000000") SYN, 0,
	  NR_OUTCOME_OK, A(IP_OPTIONS) | A(IP_OPTION_BAD), 6, 12345, 23 },
	{ "IP option of length 1", 1, ETH4 IP4_OPT("46", "002c", "06", "83010000") SYN, 0,
	  NR_OUTCOME_OK, A(IP_OPTIONS) | A(IP_OPTION_BAD), 6, 12345, 23 },
	{ "IP option past the header", 1, ETH4 IP4_OPT("46", "002c", "06", "83050000") SYN, 0,
	  NR_OUTCOME_OK, A(IP_OPTIONS) | A(IP_OPTION_BAD), 6, 12345, 23 },
	{ "options cut by the capture", 1,
	  ETH4 IP4_OPT("4f", "0050", "06",
		       "0101010101010101010101010101010101010101"
		       "0101010101010101010101010101010101010101") SYN,
	  50, NR_OUTCOME_IP_TRUNCATED, 0, 0, 0, 0 },
	/* fragments */
	{ "a first fragment", 1, ETH4 IP4("0028", "2000", "06") SYN, 0, NR_OUTCOME_OK, A(FRAGMENT),
	  6, 12345, 23 },
	{ "a later fragment", 1, ETH4 IP4("0028", "2001", "06") SYN, 0, NR_OUTCOME_OK,
	  A(FRAGMENT) | A(FRAGMENT_LATER), 6, 0, 0 },
	{ "a tiny first fragment", 1, ETH4 IP4("001c", "2000", "06") "3039001700000001", 0,
	  NR_OUTCOME_OK, A(FRAGMENT) | A(FRAGMENT_TINY), 6, 12345, 23 },
	{ "a tiny fragment of UDP", 1, ETH4 IP4("0018", "2000", "11") "30390035", 0, NR_OUTCOME_OK,
	  A(FRAGMENT) | A(FRAGMENT_TINY), 17, 12345, 53 },
	{ "a tiny fragment of ICMP", 1, ETH4 IP4("0018", "2000", "01") "0800f7ff", 0, NR_OUTCOME_OK,
	  A(FRAGMENT) | A(FRAGMENT_TINY), 1, 0, 0x800 },
	{ "past 65,535", 1, ETH4 IP4("0028", "1fff", "11") SYN, 0, NR_OUTCOME_OK,
	  A(FRAGMENT) | A(FRAGMENT_LATER) | A(FRAGMENT_OVERRUN), 17, 0, 0 },
	/* TCP */
	{ "TCP header cut by the capture", 1, ETH4 IP4("0028", "0000", "06") SYN, 1,
	  NR_OUTCOME_L4_TRUNCATED, 0, 6, 0, 0 },
	{ "TCP header cut by the sender", 1, ETH4 IP4("0027", "0000", "06") SYN, 1,
	  NR_OUTCOME_L4_MALFORMED, 0, 6, 0, 0 },
	{ "data offset 4", 1, ETH4 IP4("0028", "0000", "06") TCP("4002"), 0,
	  NR_OUTCOME_L4_MALFORMED, 0, 6, 0, 0 },
	{ "data offset past the end", 1, ETH4 IP4("0028", "0000", "06") TCP("6002"), 0,
	  NR_OUTCOME_L4_MALFORMED, 0, 6, 0, 0 },
	{ "TCP options cut by the capture", 1,
	  ETH4 IP4("002c", "0000", "06") TCP("6002") "020405b4", 2, NR_OUTCOME_OK, 0, 6, 12345,
	  23 },
	{ "TCP option of length 0", 1, ETH4 IP4("002c", "0000", "06") TCP("6002") "02000000", 0,
	  NR_OUTCOME_OK, A(TCP_OPTION_BAD), 6, 12345, 23 },
	{ "null scan", 1, ETH4 IP4("0028", "0000", "06") TCP("5000"), 0, NR_OUTCOME_OK,
	  A(TCP_FLAGS), 6, 12345, 23 },
	{ "Xmas scan", 1, ETH4 IP4("0028", "0000", "06") TCP("5029"), 0, NR_OUTCOME_OK,
	  A(TCP_FLAGS) | A(TCP_URGENT), 6, 12345, 23 },
	{ "SYN with data", 1, ETH4 IP4("0029", "0000", "06") SYN "41", 0, NR_OUTCOME_OK,
	  A(TCP_SYN_DATA), 6, 12345, 23 },
	{ "SYN with an acknowledgement number", 1,
	  ETH4 IP4("0028", "0000", "06") "3039 0017 00000001 00000002 5002 0400 0000 0000", 0,
	  NR_OUTCOME_OK, A(TCP_SYN_ACKNO), 6, 12345, 23 },
	{ "port 0", 1,
	  ETH4 IP4("0028", "0000", "06") "0000 0017 00000001 00000000 5002 0400 0000 0000", 0,
	  NR_OUTCOME_OK, A(PORT_ZERO), 6, 0, 23 },
	/* UDP */
	{ "UDP header cut by the capture", 1, ETH4 IP4("001c", "0000", "11") UDP("0008"), 1,
	  NR_OUTCOME_L4_TRUNCATED, 0, 17, 0, 0 },
	{ "UDP length 7", 1, ETH4 IP4("001c", "0000", "11") UDP("0007"), 0, NR_OUTCOME_L4_MALFORMED,
	  0, 17, 12345, 53 },
	{ "UDP length differs", 1, ETH4 IP4("001e", "0000", "11") UDP("0009") "4142", 0,
	  NR_OUTCOME_OK, A(UDP_LENGTH), 17, 12345, 53 },
	{ "UDP port 0", 1, ETH4 IP4("001c", "0000", "11") "3039 0000 0008 0000", 0, NR_OUTCOME_OK,
	  A(PORT_ZERO), 17, 12345, 0 },
	/* addresses */
	{ "source is multicast", 101, "4500 0028 0000 0000 4006 0000 e0000001" DST4 SYN, 0,
	  NR_OUTCOME_OK, A(SRC_SPECIAL), 6, 12345, 23 },
	{ "source is loopback", 101, "4500 0028 0000 0000 4006 0000 7f000001" DST4 SYN, 0,
	  NR_OUTCOME_OK, A(SRC_SPECIAL), 6, 12345, 23 },
	{ "source is 0.0.0.0", 101, "4500 0028 0000 0000 4006 0000 00000000" DST4 SYN, 0,
	  NR_OUTCOME_OK, A(SRC_SPECIAL), 6, 12345, 23 },
	{ "source is the limited broadcast", 101, "4500 0028 0000 0000 4006 0000 ffffffff" DST4 SYN,
	  0, NR_OUTCOME_OK, A(SRC_SPECIAL), 6, 12345, 23 },
	{ "land", 101, "4500 0028 0000 0000 4006 0000" DST4 DST4 SYN, 0, NR_OUTCOME_OK,
	  A(SRC_IS_DST), 6, 12345, 23 },
	/* tunnels */
	{ "IP in IP", 1, ETH4 IP4("003c", "0000", "04") IP4("0028", "0000", "06") SYN, 0,
	  NR_OUTCOME_OK, A(TUNNEL), 4, 0, 0 },
	{ "AH is not walked", 1, ETH4 IP4("0028", "0000", "33") SYN, 0, NR_OUTCOME_OK, A(TUNNEL),
	  51, 0, 0 },
	/* ICMP errors */
	{ "unreachable without a quote", 1, ETH4 IP4("001c", "0000", "01") "0303000000000000", 0,
	  NR_OUTCOME_OK, A(QUOTE_BAD), 1, 0, 0x303 },
	{ "unreachable about a stranger", 1,
	  ETH4 IP4("0038", "0000", "01") "0303000000000000" IP4("0028", "0000", "11") UDP("0014"),
	  0, NR_OUTCOME_OK, A(QUOTE_FOREIGN), 1, 0, 0x303 },
	{ "ICMP cut by the capture", 1, ETH4 IP4("001c", "0000", "01") ECHO, 1,
	  NR_OUTCOME_L4_TRUNCATED, 0, 1, 0, 0 },
	{ "ICMP cut by the sender", 1, ETH4 IP4("001b", "0000", "01") ECHO, 1,
	  NR_OUTCOME_L4_MALFORMED, 0, 1, 0, 0 },
	/* IPv6 */
	{ "IPv6 SYN", 1, ETH6 IP6("0014", "06") SYN, 0, NR_OUTCOME_OK, 0, 6, 12345, 23 },
	{ "IPv6 cut", 1, ETH6 IP6("0014", "06"), 1, NR_OUTCOME_IP_TRUNCATED, 0, 0, 0, 0 },
	{ "IPv6 behind the type of IPv4", 1, ETH4 IP6("0014", "06") SYN, 0, NR_OUTCOME_IP_MALFORMED,
	  0, 0, 0, 0 },
	{ "a v4-mapped source on the wire", 229,
	  "6000000000140640 00000000000000000000ffffc0000201" DST6 SYN, 0, NR_OUTCOME_IP_MALFORMED,
	  0, 0, 0, 0 },
	{ "IPv6 from ::", 229, "6000000000140640 00000000000000000000000000000000" DST6 SYN, 0,
	  NR_OUTCOME_OK, A(SRC_SPECIAL), 6, 12345, 23 },
	{ "hop-by-hop", 229, IP6("001c", "00") "0600010400000000" SYN, 0, NR_OUTCOME_OK, 0, 6,
	  12345, 23 },
	{ "hop-by-hop second", 229, IP6("0024", "3c") "0000010400000000 0600010400000000" SYN, 0,
	  NR_OUTCOME_OK, A(IP6_ORDER), 6, 12345, 23 },
	{ "option past the hop-by-hop header", 229, IP6("001c", "00") "0600010500000000" SYN, 0,
	  NR_OUTCOME_OK, A(IP_OPTION_BAD), 6, 12345, 23 },
	{ "routing header", 229, IP6("001c", "2b") "0600000000000000" SYN, 0, NR_OUTCOME_OK,
	  A(IP6_ROUTING), 6, 12345, 23 },
	{ "atomic fragment", 229, IP6("001c", "2c") "0600000000000001" SYN, 0, NR_OUTCOME_OK,
	  A(IP6_ATOMIC), 6, 12345, 23 },
	{ "first fragment of IPv6", 229, IP6("001c", "2c") "0600000100000001" SYN, 0, NR_OUTCOME_OK,
	  A(FRAGMENT), 6, 12345, 23 },
	{ "later fragment of IPv6", 229, IP6("001c", "2c") "0600000900000001" SYN, 0, NR_OUTCOME_OK,
	  A(FRAGMENT) | A(FRAGMENT_LATER), 6, 0, 0 },
	{ "IPv6 fragment past 65,535", 229, IP6("001c", "2c") "0600fff800000001" SYN, 0,
	  NR_OUTCOME_OK, A(FRAGMENT) | A(FRAGMENT_LATER) | A(FRAGMENT_OVERRUN), 6, 0, 0 },
	{ "jumbogram", 229, IP6("0000", "00") "0600c204ffffffff" SYN, 0, NR_OUTCOME_OK,
	  A(IP6_JUMBO), 6, 12345, 23 },
	{ "length 0 without a jumbo option", 229, IP6("0000", "06") SYN, 0, NR_OUTCOME_OK,
	  A(IP_LENGTH), 6, 12345, 23 },
	{ "no next header", 229, IP6("0000", "3b"), 0, NR_OUTCOME_OK, 0, 59, 0, 0 },
	{ "extension header past the end", 229, IP6("0008", "00") "0605010400000000", 0,
	  NR_OUTCOME_IP6_CHAIN, 0, 0, 0, 0 },
	{ "ICMPv6 echo", 229, IP6("0008", "3a") "8000000000000000", 0, NR_OUTCOME_OK, 0, 58, 0,
	  0x8000 },
	{ "ICMP of version 4 in IPv6", 229, IP6("0008", "01") "0800000000000000", 0, NR_OUTCOME_OK,
	  0, 1, 0, 0 },
};

static void every_case_gives_its_outcome_and_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		static struct test_frame f;
		struct nr_packet pkt;

		f.n = 0;
		test_hex(&f, cases[i].hex);
		enum nr_outcome outcome = test_dissect(&f, cases[i].link, cases[i].cut, &pkt);
		if (outcome != cases[i].outcome)
			fail_msg("%s: outcome %s", cases[i].what, nr_outcome_names[outcome]);
		if (outcome != NR_OUTCOME_OK)
			continue;
		if (pkt.anomalies != cases[i].anomalies)
			fail_msg("%s: anomalies %08x, not %08x", cases[i].what, pkt.anomalies,
				 cases[i].anomalies);
		if (pkt.proto != cases[i].proto || pkt.sport != cases[i].sport ||
		    pkt.dport != cases[i].dport)
			fail_msg("%s: %u %u %u", cases[i].what, pkt.proto, pkt.sport, pkt.dport);
	}
}

static void every_outcome_and_anomaly_of_dissection_has_a_case(void **state)
{
	uint32_t outcomes = 0;
	uint32_t anomalies = A(TIME_ODD) | A(TIME_BACKWARD) | A(TIME_JUMP); /* not of headers */

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		outcomes |= UINT32_C(1) << cases[i].outcome;
		anomalies |= cases[i].anomalies;
	}
	assert_int_equal(outcomes, (1u << (NR_OUTCOME_L4_MALFORMED + 1)) - 1);
	assert_int_equal(anomalies, (UINT32_C(1) << NR_ANOMALY_N) - 1);
}

static void an_odd_time_is_passed_on(void **state)
{
	static struct test_frame f;
	struct nr_packet pkt;

	(void)state;
	f.n = 0;
	test_hex(&f, ETH4 IP4("0028", "0000", "06") SYN);
	struct nr_frame frame = { .data = f.bytes,
				  .caplen = 54,
				  .wirelen = 54,
				  .link = 1,
				  .ts = 99,
				  .flags = NR_FRAME_TIME_ODD };
	assert_int_equal(nr_dissect(&frame, &pkt), NR_OUTCOME_OK);
	assert_int_equal(pkt.anomalies, A(TIME_ODD));
	assert_int_equal(pkt.ts, 99);
	assert_int_equal(nr_dissect_general(&frame, &pkt), NR_OUTCOME_OK);
	assert_int_equal(pkt.anomalies, A(TIME_ODD));
}

/** Both ways over the same bytes, which end where an allocation ends. */
static void same_both_ways(const struct test_frame *f, size_t n, uint16_t link)
{
	struct nr_packet a, b;
	uint8_t *bytes = test_malloc(n + 1);

	memcpy(bytes, f->bytes, n);
	struct nr_frame frame = {
		.data = bytes, .caplen = (uint32_t)n, .wirelen = (uint32_t)f->n, .link = link
	};
	memset(&a, 0x11, sizeof(a));
	memset(&b, 0x22, sizeof(b));
	enum nr_outcome ra = nr_dissect(&frame, &a), rb = nr_dissect_general(&frame, &b);
	a.tick = b.tick = a.offset = b.offset = 0; /* not of dissection */
	assert_int_equal(ra, rb);
	if (ra == NR_OUTCOME_OK)
		assert_memory_equal(&a, &b, sizeof(a));
	test_free(bytes);
}

static void the_short_way_equals_the_long_one_on_every_prefix(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		static struct test_frame f;

		f.n = 0;
		test_hex(&f, cases[i].hex);
		for (size_t n = 0; n <= f.n; n++)
			same_both_ways(&f, n, cases[i].link);
	}
}

static void the_short_way_equals_the_long_one_on_every_change_of_a_byte(void **state)
{
	static const char *const frames[] = {
		ETH4 IP4("003c", "0000", "06")
			TCP("a002") "020405b40402080a00000001000000000103030a",
		ETH4 IP4("0034", "0000", "06") TCP("8002") "020405b40103030801010402",
		ETH4 IP4("0020", "0000", "11") UDP("000c") "61626364",
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(frames); i++) {
		static struct test_frame f;

		f.n = 0;
		test_hex(&f, frames[i]);
		for (size_t at = 12; at < f.n; at++) {
			uint8_t was = f.bytes[at];

			for (unsigned v = 0; v < 256; v++) {
				f.bytes[at] = (uint8_t)v;
				same_both_ways(&f, f.n, 1);
			}
			f.bytes[at] = was;
		}
	}
}

static void fields_are_read_in_network_order(void **state)
{
	struct nr_packet pkt;

	(void)state;
	assert_int_equal(test_dissect_hex(ETH4 "4500 0029 abcd 0000 fe06 0000" SRC4 DST4
					       "0102 0304 05060708 090a0b0c 5018 0d0e 0000 0000 42",
					  1, &pkt),
			 NR_OUTCOME_OK);
	assert_int_equal(pkt.ts, 7);
	assert_int_equal(nr_ip_to_v4(pkt.src), 0xc0000201);
	assert_int_equal(nr_ip_to_v4(pkt.dst), 0xc6120005);
	assert_true(nr_ip_is_v4(pkt.src) && nr_ip_is_v4(pkt.dst) && pkt.is_v4);
	assert_int_equal(pkt.ip_len, 41);
	assert_int_equal(pkt.ip_id, 0xabcd);
	assert_int_equal(pkt.ttl, 254);
	assert_int_equal(pkt.sport, 0x102);
	assert_int_equal(pkt.dport, 0x304);
	assert_int_equal(pkt.seq, 0x05060708);
	assert_int_equal(pkt.ack, 0x090a0b0c);
	assert_int_equal(pkt.tcp_flags, NR_TCP_ACK | NR_TCP_PSH);
	assert_int_equal(pkt.window, 0x0d0e);
	assert_int_equal(pkt.payload_len, 1);
	assert_int_equal(pkt.payload[0], 0x42);
	assert_int_equal(pkt.opt_hash, 0);
}

static size_t n_names(const char *const *names)
{
	size_t n = 0;

	while (names[n] != NULL)
		n++;
	return n;
}

static void every_enumerator_has_a_name(void **state)
{
	(void)state;
	assert_int_equal(n_names(nr_outcome_names), NR_OUTCOME_N);
	assert_int_equal(n_names(nr_anomaly_names), NR_ANOMALY_N);
	assert_int_equal(n_names(nr_tunnel_names), NR_TUNNEL_N);
	assert_true(NR_ANOMALY_N < 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_gives_its_outcome_and_fields),
		cmocka_unit_test(every_outcome_and_anomaly_of_dissection_has_a_case),
		cmocka_unit_test(an_odd_time_is_passed_on),
		cmocka_unit_test(the_short_way_equals_the_long_one_on_every_prefix),
		cmocka_unit_test(the_short_way_equals_the_long_one_on_every_change_of_a_byte),
		cmocka_unit_test(fields_are_read_in_network_order),
		cmocka_unit_test(every_enumerator_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
