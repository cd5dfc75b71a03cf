/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/lab/packet.h"

#include "base/cmocka.h"
#include "learn/lab/touched.h"

/* RFC 1071, written slowly and without regard to the code under test. */
static unsigned sum16(const uint8_t *p, size_t n, unsigned total)
{
	for (size_t i = 0; i < n; i++)
		total += i % 2 == 0 ? (unsigned)p[i] << 8 : p[i];
	while (total >> 16 != 0)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

static const struct nr_lab_packet samples[] = {
	{ .proto = NR_LAB_TCP,
	  .tcp_flags = NR_LAB_SYN,
	  .seq = 0x01020304,
	  .sport = 40000,
	  .dport = 23,
	  .ttl = 50,
	  .window = 1024,
	  .id = 54321 },
	{ .proto = NR_LAB_TCP,
	  .tcp_flags = NR_LAB_SYN,
	  .options = NR_LAB_OPT_LINUX,
	  .tsval = 0xdeadbeef,
	  .ttl = 64,
	  .df = true,
	  .sport = 1,
	  .dport = 2,
	  .window = 64240 },
	{ .proto = NR_LAB_UDP,
	  .sport = 53,
	  .dport = 5353,
	  .payload = (const uint8_t *)"odd",
	  .n_payload = 3 },
	{ .proto = NR_LAB_ICMP,
	  .dport = 8 << 8,
	  .sport = 77,
	  .seq = 3,
	  .payload = (const uint8_t *)"ping",
	  .n_payload = 4 },
	{ .proto = NR_LAB_ICMP,
	  .dport = 3 << 8 | 3,
	  .quoted_proto = NR_LAB_UDP,
	  .quoted_sport = 1234,
	  .quoted_dport = 27015 },
};

static void checksums_of_ipv4_packets_are_right(void **state)
{
	uint8_t out[NR_LAB_PACKET_MAX];

	(void)state;
	for (size_t i = 0; i < NR_COUNT(samples); i++) {
		struct nr_lab_packet packet = samples[i];

		packet.src = nr_ip_v4(0xcb007101);
		packet.dst = packet.quoted_dst = nr_ip_v4(0xc6120304);
		size_t n = nr_lab_packet_render(&packet, out);

		assert_int_equal(out[2] << 8 | out[3], n);
		assert_int_equal(sum16(out, 20, 0), 0xffff);
		unsigned pseudo = packet.proto == NR_LAB_ICMP
					  ? 0
					  : sum16(out + 12, 8, packet.proto + (unsigned)(n - 20));
		assert_int_equal(sum16(out + 20, n - 20, pseudo), 0xffff);
	}
}

static void checksums_of_ipv6_packets_are_right(void **state)
{
	uint8_t out[NR_LAB_PACKET_MAX];

	(void)state;
	for (size_t i = 0; i < NR_COUNT(samples); i++) {
		struct nr_lab_packet packet = samples[i];

		packet.src = (struct nr_ip){ { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
		packet.dst = packet.quoted_dst =
			(struct nr_ip){ { 0x20, 1, 0xd, 0xb8, 1, [15] = 2 } };
		if (packet.proto == NR_LAB_ICMP)
			packet.proto = NR_LAB_ICMP6;
		size_t n = nr_lab_packet_render(&packet, out);

		assert_int_equal(out[4] << 8 | out[5], n - 40);
		assert_int_equal(out[6], packet.proto);
		unsigned pseudo = sum16(out + 8, 32, packet.proto + (unsigned)(n - 40));
		assert_int_equal(sum16(out + 40, n - 40, pseudo), 0xffff);
	}
}

static void a_masscan_header_is_laid_out_as_on_the_wire(void **state)
{
	static const uint8_t want[] = { 0x45, 0, 0,   40, 0x12, 0x34, 0, 0, 240,  6,	0x6b, 0x81,
					203,  0, 113, 1,  198,	18,   3, 4, 0x9c, 0x40, 0,    80,
					1,    2, 3,   4,  0,	0,    0, 0, 0x50, 2,	4,    0 };
	struct nr_lab_packet packet = { .proto = NR_LAB_TCP,
					.tcp_flags = NR_LAB_SYN,
					.seq = 0x01020304,
					.sport = 40000,
					.dport = 80,
					.ttl = 240,
					.window = 1024,
					.id = 0x1234,
					.src = nr_ip_v4(0xcb007101),
					.dst = nr_ip_v4(0xc6120304) };
	uint8_t out[NR_LAB_PACKET_MAX];

	(void)state;
	assert_int_equal(nr_lab_packet_render(&packet, out), 40);
	out[10] = want[10]; /* the sum has a test of its own */
	out[11] = want[11];
	assert_memory_equal(out, want, sizeof(want));
}

static void an_icmp_error_quotes_what_the_victim_received(void **state)
{
	struct nr_lab_packet packet = samples[4];
	uint8_t out[NR_LAB_PACKET_MAX];

	(void)state;
	packet.src = packet.quoted_dst = nr_ip_v4(0xcb007101);
	packet.dst = nr_ip_v4(0xc6120304);
	assert_int_equal(nr_lab_packet_render(&packet, out), 20 + 8 + 20 + 8);
	const uint8_t *quoted = out + 28;

	assert_memory_equal(quoted + 12, out + 16, 4); /* from us */
	assert_memory_equal(quoted + 16, out + 12, 4); /* to the victim */
	assert_int_equal(quoted[9], NR_LAB_UDP);
	assert_int_equal(quoted[20] << 8 | quoted[21], 1234);
	assert_int_equal(quoted[22] << 8 | quoted[23], 27015);
	assert_int_equal(sum16(quoted, 20, 0), 0xffff);
}

static void a_touched_set_counts_each_member_once_at_every_size(void **state)
{
	static const uint32_t sizes[] = { 1, 6, 7, 12, 13, 1000, 60000 };

	(void)state;
	for (size_t s = 0; s < NR_COUNT(sizes); s++) {
		struct nr_lab_touched touched = { 0 };

		for (uint32_t i = 0; i < 2 * sizes[s]; i++)
			assert_int_equal(nr_lab_touched_add(&touched, i % sizes[s] * 31 % 65536,
							    65536),
					 0);
		assert_int_equal(touched.n, sizes[s]);
		nr_lab_touched_done(&touched);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksums_of_ipv4_packets_are_right),
		cmocka_unit_test(checksums_of_ipv6_packets_are_right),
		cmocka_unit_test(a_masscan_header_is_laid_out_as_on_the_wire),
		cmocka_unit_test(an_icmp_error_quotes_what_the_victim_received),
		cmocka_unit_test(a_touched_set_counts_each_member_once_at_every_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
