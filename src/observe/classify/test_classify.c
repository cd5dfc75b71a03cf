/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cmocka.h"
#include "observe/classify/classify_int.h"

static uint8_t class_of(uint8_t proto, bool is_v4, uint16_t dport, uint8_t flags,
			uint32_t anomalies)
{
	struct nr_packet pkt = { .proto = proto,
				 .is_v4 = is_v4,
				 .dport = dport,
				 .tcp_flags = flags,
				 .anomalies = anomalies };

	nr_classify(&pkt);
	return pkt.traffic_class;
}

static void tcp_flags_ask_or_answer(void **state)
{
	(void)state;
	for (unsigned f = 0; f < 256; f++) {
		bool syn = f & NR_TCP_SYN, ack = f & NR_TCP_ACK, rst = f & NR_TCP_RST,
		     fin = f & NR_TCP_FIN;
		uint8_t want = NR_CLASS_OTHER;

		if (syn && !ack && !rst && !fin)
			want = NR_CLASS_SCAN;
		else if (!fin && ((syn && ack && !rst) || (rst && !syn)))
			want = NR_CLASS_BACKSCATTER;
		for (int v4 = 0; v4 < 2; v4++)
			assert_int_equal(class_of(6, v4, 80, (uint8_t)f, 0), want);
	}
}

static void icmp_types_ask_or_answer(void **state)
{
	static const uint8_t scan[] = { 8, 13, 15, 17 },
			     back[] = { 0, 3, 4, 5, 11, 12, 14, 16, 18 },
			     back6[] = { 1, 2, 3, 4, 129 };

	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		uint8_t want = NR_CLASS_OTHER, want6 = type == 128 ? NR_CLASS_SCAN : NR_CLASS_OTHER;
		uint16_t dport = (uint16_t)(type << 8 | 1);

		if (memchr(scan, (int)type, sizeof(scan)) != NULL)
			want = NR_CLASS_SCAN;
		if (memchr(back, (int)type, sizeof(back)) != NULL)
			want = NR_CLASS_BACKSCATTER;
		if (memchr(back6, (int)type, sizeof(back6)) != NULL)
			want6 = NR_CLASS_BACKSCATTER;
		assert_int_equal(class_of(1, true, dport, 0, 0), want);
		assert_int_equal(class_of(58, false, dport, 0, 0), want6);
		assert_int_equal(class_of(58, true, dport, 0, 0), NR_CLASS_OTHER);
		assert_int_equal(class_of(1, false, dport, 0, 0), NR_CLASS_OTHER);
	}
}

static void later_fragments_and_other_protocols_are_other(void **state)
{
	uint32_t later = UINT32_C(1) << NR_ANOMALY_FRAGMENT_LATER;

	(void)state;
	assert_int_equal(class_of(1, true, 0, 0, later),
			 NR_CLASS_OTHER); /* type 0 is an echo reply */
	assert_int_equal(class_of(6, true, 0, 0, later), NR_CLASS_OTHER);
	assert_int_equal(class_of(17, true, 0, 0, later), NR_CLASS_OTHER);
	for (unsigned proto = 0; proto < 256; proto++) {
		if (proto != 1 && proto != 6 && proto != 17 && proto != 58)
			assert_int_equal(class_of((uint8_t)proto, true, 0x800, NR_TCP_SYN, 0),
					 NR_CLASS_OTHER);
	}
}

static uint32_t hash_of(const void *bytes, size_t n)
{
	struct nr_packet pkt = {
		.proto = 6, .is_v4 = 1, .payload = bytes, .payload_len = (uint32_t)n
	};

	nr_classify(&pkt);
	return pkt.payload_hash;
}

static void the_payload_hash_is_fixed_and_covers_64_bytes(void **state)
{
	char bytes[80] =
		"GET / HTTP/1.1\r\nHost: 192.0.2.1\r\nUser-Agent: something long enough\r\n";
	uint32_t whole = hash_of(bytes, 64);

	(void)state;
	assert_int_equal(hash_of(NULL, 0), 0);
	assert_int_equal(hash_of("abc", 3), UINT32_C(0x968cd3f6)); /* travels: must never change */
	assert_int_not_equal(hash_of("abc", 3), hash_of("abc\0", 4));
	assert_int_not_equal(hash_of("\0", 1), 0);
	for (size_t i = 0; i < 80; i++) {
		bytes[i] ^= 1;
		assert_int_equal(hash_of(bytes, 80) == whole, i >= 64);
		bytes[i] ^= 1;
	}
}

static void every_class_has_a_name(void **state)
{
	size_t n = 0;

	(void)state;
	while (nr_class_names[n] != NULL)
		n++;
	assert_int_equal(n, NR_CLASS_N);
	assert_string_equal(nr_class_name(NR_CLASS_SCAN), "scan");
	assert_string_equal(nr_class_name(NR_CLASS_N), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_flags_ask_or_answer),
		cmocka_unit_test(icmp_types_ask_or_answer),
		cmocka_unit_test(later_fragments_and_other_protocols_are_other),
		cmocka_unit_test(the_payload_hash_is_fixed_and_covers_64_bytes),
		cmocka_unit_test(every_class_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
