/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/test_frame.h"

#define ZERO_16 "00000000000000000000000000000000"
#define ZERO_32 ZERO_16 ZERO_16

static void protocols_name_their_tunnels(void **state)
{
	static const struct {
		uint8_t proto, tunnel;
	} cases[] = {
		{ 4, NR_TUNNEL_IPIP }, { 41, NR_TUNNEL_6IN4 },	{ 47, NR_TUNNEL_GRE },
		{ 50, NR_TUNNEL_ESP }, { 51, NR_TUNNEL_AH },	{ 115, NR_TUNNEL_L2TP },
		{ 2, NR_TUNNEL_NONE }, { 132, NR_TUNNEL_NONE },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		static struct test_frame f;
		struct nr_packet pkt;

		f.n = 0;
		test_hex(&f, IP4("0028", "0000", "00") SYN);
		f.bytes[9] = cases[i].proto;
		assert_int_equal(test_dissect(&f, 101, 0, &pkt), NR_OUTCOME_OK);
		assert_int_equal(pkt.tunnel, cases[i].tunnel);
		assert_int_equal(pkt.anomalies != 0, cases[i].tunnel != NR_TUNNEL_NONE);
		assert_int_equal(pkt.dport, 0); /* never entered */
	}
}

static void over_udp_the_content_must_agree_with_the_port(void **state)
{
	static const struct {
		uint16_t port;
		const char *payload;
		uint8_t tunnel;
	} cases[] = {
		{ 1701, "0002 0001 0001 ff03", NR_TUNNEL_L2TP },
		{ 1701, "c802 0044 0000 0000", NR_TUNNEL_NONE }, /* control: a probe for the port */
		{ 4789, "08000000 00000100" ZERO_16, NR_TUNNEL_VXLAN },
		{ 4789, "00000000 00000100" ZERO_16, NR_TUNNEL_NONE },
		{ 8472, "08000000 00000100" ZERO_16, NR_TUNNEL_VXLAN },
		{ 6081, "00006558 00000100", NR_TUNNEL_GENEVE },
		{ 6081, "00001234 00000100", NR_TUNNEL_NONE },
		{ 2152, "30ff0014 00000001 45000014" ZERO_16, NR_TUNNEL_GTP },
		{ 2152, "32010004 00000000 0000", NR_TUNNEL_NONE }, /* echo request: a probe */
		{ 3544, "6000000000003b40 20010000" ZERO_32, NR_TUNNEL_TEREDO },
		{ 3544, "6000000000003b40 20010db8" ZERO_32, NR_TUNNEL_NONE },
		{ 51820, "04000000" ZERO_32, NR_TUNNEL_WIREGUARD },
		{ 51820, "41000000" ZERO_32, NR_TUNNEL_NONE },
		{ 9999, "08000000 00000100" ZERO_16, NR_TUNNEL_NONE },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		static struct test_frame f;
		struct nr_packet pkt;

		f.n = 0;
		test_hex(&f, IP4("0000", "0000", "11") "3039 0000 0000 0000");
		test_hex(&f, cases[i].payload);
		f.bytes[3] = (uint8_t)f.n;
		f.bytes[22] = (uint8_t)(cases[i].port >> 8);
		f.bytes[23] = (uint8_t)cases[i].port;
		f.bytes[25] = (uint8_t)(f.n - 20);
		assert_int_equal(test_dissect(&f, 101, 0, &pkt), NR_OUTCOME_OK);
		if (pkt.tunnel != cases[i].tunnel)
			fail_msg("%u %s: %s", cases[i].port, cases[i].payload,
				 nr_tunnel_names[pkt.tunnel]);
		assert_int_equal(pkt.dport, cases[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protocols_name_their_tunnels),
		cmocka_unit_test(over_udp_the_content_must_agree_with_the_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
