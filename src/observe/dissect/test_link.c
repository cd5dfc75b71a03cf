/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/test_frame.h"

#define IP4_SYN IP4("0028", "0000", "06") SYN
#define IP6_SYN IP6("0014", "06") SYN

static void every_link_type_finds_the_ip_header(void **state)
{
	static const struct {
		const char *what;
		uint16_t link;
		const char *hex;
		enum nr_outcome outcome;
	} cases[] = {
		{ "Ethernet", 1, ETH4 IP4_SYN, NR_OUTCOME_OK },
		{ "Ethernet, IPv6", 1, ETH6 IP6_SYN, NR_OUTCOME_OK },
		{ "one tag", 1, ETH("8100") "0005 0800" IP4_SYN, NR_OUTCOME_OK },
		{ "802.1ad over 802.1Q", 1, ETH("88a8") "0005 8100 0006 86dd" IP6_SYN,
		  NR_OUTCOME_OK },
		{ "QinQ by 0x9100", 1, ETH("9100") "0005 8100 0006 0800" IP4_SYN, NR_OUTCOME_OK },
		{ "three tags", 1, ETH("88a8") "0005 8100 0006 8100 0007 0800" IP4_SYN,
		  NR_OUTCOME_NOT_IP },
		{ "a tag without its type", 1, ETH("8100") "0005", NR_OUTCOME_LINK_TRUNCATED },
		{ "an 802.3 length", 1, ETH("0026") "424203", NR_OUTCOME_NOT_IP },
		{ "MPLS", 1, ETH("8847") "00001140" IP4_SYN, NR_OUTCOME_NOT_IP },
		{ "PPPoE", 1, ETH("8864") "1100000100290021" IP4_SYN, NR_OUTCOME_NOT_IP },
		{ "LLDP", 1, ETH("88cc") "0207", NR_OUTCOME_NOT_IP },
		{ "SLL", 113, "0000 0001 0006 0200000000020000 0800" IP4_SYN, NR_OUTCOME_OK },
		{ "SLL with a tag", 113, "0000 0001 0006 0200000000020000 8100 0005 86dd" IP6_SYN,
		  NR_OUTCOME_OK },
		{ "SLL cut", 113, "0000 0001 0006 0200000000020000 08", NR_OUTCOME_LINK_TRUNCATED },
		{ "SLL2", 276, "0800 0000 00000003 0001 00 06 0200000000020000" IP4_SYN,
		  NR_OUTCOME_OK },
		{ "SLL2 cut", 276, "0800 0000 00000003 0001 00 06 02000000000200",
		  NR_OUTCOME_LINK_TRUNCATED },
		{ "SLL2 with ARP", 276, "0806 0000 00000003 0001 00 06 0200000000020000",
		  NR_OUTCOME_NOT_IP },
		{ "RAW, IPv4", 101, IP4_SYN, NR_OUTCOME_OK },
		{ "RAW, IPv6", 101, IP6_SYN, NR_OUTCOME_OK },
		{ "RAW, empty", 101, "", NR_OUTCOME_IP_TRUNCATED },
		{ "RAW, neither", 101, "90", NR_OUTCOME_IP_MALFORMED },
		{ "RAW as 12", 12, IP4_SYN, NR_OUTCOME_OK },
		{ "RAW as 14", 14, IP6_SYN, NR_OUTCOME_OK },
		{ "IPV4", 228, IP4_SYN, NR_OUTCOME_OK },
		{ "IPV4 with IPv6 in it", 228, IP6_SYN, NR_OUTCOME_IP_MALFORMED },
		{ "IPV6", 229, IP6_SYN, NR_OUTCOME_OK },
		{ "NULL, little end first", 0, "02000000" IP4_SYN, NR_OUTCOME_OK },
		{ "NULL, big end first", 0, "00000002" IP4_SYN, NR_OUTCOME_OK },
		{ "NULL, OpenBSD's IPv6", 0, "18000000" IP6_SYN, NR_OUTCOME_OK },
		{ "NULL, FreeBSD's IPv6", 0, "1c000000" IP6_SYN, NR_OUTCOME_OK },
		{ "NULL, Darwin's IPv6", 0, "1e000000" IP6_SYN, NR_OUTCOME_OK },
		{ "NULL, Linux' IPv6", 0, "0a000000" IP6_SYN, NR_OUTCOME_OK },
		{ "LOOP", 108, "00000018" IP6_SYN, NR_OUTCOME_OK },
		{ "LOOP, swapped", 108, "02000000" IP4_SYN, NR_OUTCOME_OK },
		{ "LOOP with AppleTalk", 108, "00000010", NR_OUTCOME_NOT_IP },
		{ "NULL cut", 0, "020000", NR_OUTCOME_LINK_TRUNCATED },
		{ "802.11", 105, ETH4 IP4_SYN, NR_OUTCOME_LINK_UNKNOWN },
		{ "a number nobody gave", 65000, ETH4 IP4_SYN, NR_OUTCOME_LINK_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_packet pkt;
		enum nr_outcome outcome = test_dissect_hex(cases[i].hex, cases[i].link, &pkt);

		if (outcome != cases[i].outcome)
			fail_msg("%s: %s", cases[i].what, nr_outcome_names[outcome]);
		if (outcome == NR_OUTCOME_OK && (pkt.dport != 23 || pkt.proto != 6))
			fail_msg("%s: port %u", cases[i].what, pkt.dport);
	}
}

static void link_types_have_names_and_others_a_number(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(nr_link_name(1, buf, sizeof(buf)), "ETHERNET");
	assert_string_equal(nr_link_name(127, buf, sizeof(buf)), "IEEE802_11_RADIOTAP");
	assert_string_equal(nr_link_name(65000, buf, sizeof(buf)), "LINKTYPE_65000");
	assert_string_equal(nr_link_name(65000, buf, 5), "LINK");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_link_type_finds_the_ip_header),
		cmocka_unit_test(link_types_have_names_and_others_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
