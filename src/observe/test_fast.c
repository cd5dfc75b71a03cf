/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/dissect/test_frame.h"
#include "observe/fast.h"

enum { TICK = 1700000000, OFFSET = 123456789 };

/* Ethernet or RAW in front of an IP packet of TCP; what the bytes are is changed afterwards. */
static void frame_make(struct test_frame *f, bool ethernet, const char *total, const char *tcp)
{
	f->n = 0;
	if (ethernet)
		test_hex(f, ETH4);
	test_hex(f, "4500");
	test_hex(f, total);
	test_hex(f, "1234 4000 40 06 0000" SRC4 DST4);
	test_hex(f, tcp);
}

static const struct {
	const char *what, *total, *tcp;
} frames[] = {
	{ "a SYN", "0028", "3039 0017 12345678 00000000 5002 0400 0000 0000" },
	{ "a SYN with an MSS", "002c", "3039 01bd 00000007 00000000 6002 0400 0000 0000 020405b4" },
	{ "Windows' options", "0034",
	  "3039 0d3d 12345678 00000000 8002 ffff 0000 0000 020405b4 01030308 01010402" },
	{ "Linux' options", "003c",
	  "3039 0016 12345678 00000000 a002 3908 0000 0000 020405b4 0402080a 00000001 00000000 "
	  "01030307" },
	{ "an answer", "0028", "01bb 3039 12345678 00000001 5012 0400 0000 0000" },
	{ "a reset", "0028", "01bb 3039 12345678 00000001 5014 0000 0000 0000" },
	{ "Mirai's SYN", "0028", "3039 0017 c6120005 00000000 5002 3908 0000 0000" },
	{ "masscan's cookie", "0028", "3039 0017 c6124426 00000000 5002 0400 0000 0000" },
};

/* @return whether the fast way took it; then it must say what the general way says */
static bool compare(const struct test_frame *f, bool ethernet, size_t cut, uint16_t flags)
{
	struct nr_frame frame = { .ts = TICK * NR_NS_PER_S + OFFSET,
				  .data = f->bytes,
				  .caplen = (uint32_t)(f->n - cut),
				  .wirelen = (uint32_t)f->n,
				  .link = ethernet ? 1 : 101,
				  .flags = flags };
	struct nr_flow4 fast, general;
	struct nr_packet packet;

	memset(&fast, 0xa5, sizeof(fast)); /* nothing may depend on what was there */
	if (nr_fast_pack(&frame, TICK, OFFSET, NULL, &fast) == NR_FAST_NO)
		return false;
	assert_int_equal(nr_dissect_general(&frame, &packet), NR_OUTCOME_OK);
	assert_int_equal(packet.anomalies, 0);
	packet.tick = TICK;
	packet.offset = OFFSET;
	nr_classify(&packet);
	nr_flow4_pack(&packet, &general);
	assert_memory_equal(&fast, &general, sizeof(fast));
	return true;
}

static void a_common_frame_takes_the_fast_way(void **state)
{
	static struct test_frame f;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(frames); i++) {
		for (unsigned ethernet = 0; ethernet < 2; ethernet++) {
			frame_make(&f, ethernet, frames[i].total, frames[i].tcp);
			if (!compare(&f, ethernet, 0, 0))
				fail_msg("%s", frames[i].what);
		}
	}
}

static void both_ways_agree_on_every_prefix_and_every_changed_byte(void **state)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x02, 0x06, 0x12, 0x45, 0x46, 0x50,
					  0x7f, 0x80, 0xe0, 0xf0, 0xff, 0x08, 0x10, 0x40 };
	static struct test_frame f, g;

	(void)state;
	for (size_t i = 0; i < 2 * NR_COUNT(frames); i++) {
		frame_make(&f, i % 2, frames[i / 2].total, frames[i / 2].tcp);
		for (size_t cut = 0; cut <= f.n; cut++)
			compare(&f, i % 2, cut, 0);
		for (size_t at = 0; at < f.n; at++) {
			for (size_t v = 0; v < NR_COUNT(values); v++) {
				g = f;
				g.bytes[at] = values[v];
				compare(&g, i % 2, 0, 0);
				g.bytes[at] = f.bytes[at] ^ values[v];
				compare(&g, i % 2, 0, 0);
			}
		}
	}
}

static void both_ways_agree_on_many_random_changes(void **state)
{
	static struct test_frame f;
	unsigned taken = 0;

	(void)state;
	for (uint64_t n = 0; n < 200000; n++) {
		uint64_t r = nr_mix64(n + 1);
		size_t i = r % NR_COUNT(frames);

		frame_make(&f, true, frames[i].total, frames[i].tcp);
		for (unsigned k = 0; k < 1 + (r >> 8) % 4; k++) {
			uint64_t at = nr_mix64(r + k);

			f.bytes[18 + at % (f.n - 18)] = (uint8_t)(at >> 32);
		}
		taken += compare(&f, true, 0, 0);
	}
	assert_true(taken > 50000); /* else nothing was compared */
}

static void what_is_not_common_takes_the_general_way(void **state)
{
	static const struct {
		const char *what, *total, *tcp;
	} odd[] = {
		{ "a payload", "0029", "3039 0017 12345678 00000000 5002 0400 0000 0000 41" },
		{ "FIN alone", "0028", "3039 0017 12345678 00000000 5001 0400 0000 0000" },
		{ "port zero", "0028", "3039 0000 12345678 00000000 5002 0400 0000 0000" },
		{ "from port zero", "0028", "0000 0017 12345678 00000000 5002 0400 0000 0000" },
		{ "a SYN with a number", "0028",
		  "3039 0017 12345678 00000001 5002 0400 0000 0000" },
		{ "a bad option", "002c",
		  "3039 0017 12345678 00000000 6002 0400 0000 0000 02ff05b4" },
	};
	static struct test_frame f;

	(void)state;
	for (size_t i = 0; i < NR_COUNT(odd); i++) {
		frame_make(&f, true, odd[i].total, odd[i].tcp);
		if (compare(&f, true, 0, 0))
			fail_msg("%s", odd[i].what);
	}
	frame_make(&f, true, frames[0].total, frames[0].tcp);
	assert_false(compare(&f, true, 0, NR_FRAME_TIME_ODD));
}

static void an_unmonitored_destination_is_told(void **state)
{
	static struct test_frame f;
	struct nr_nets nets = { .n_v4 = 1, .v4 = { { 0xc6130000, 0xffff0000 } } };
	struct nr_flow4 e;

	(void)state;
	frame_make(&f, true, frames[0].total, frames[0].tcp);
	struct nr_frame frame = {
		.data = f.bytes, .caplen = (uint32_t)f.n, .wirelen = (uint32_t)f.n, .link = 1
	};
	assert_int_equal(nr_fast_pack(&frame, 0, 0, &nets, &e), NR_FAST_NOT_MONITORED);
	nets.v4[0].net = 0xc6120000;
	assert_int_equal(nr_fast_pack(&frame, 0, 0, &nets, &e), NR_FAST_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_common_frame_takes_the_fast_way),
		cmocka_unit_test(both_ways_agree_on_every_prefix_and_every_changed_byte),
		cmocka_unit_test(both_ways_agree_on_many_random_changes),
		cmocka_unit_test(what_is_not_common_takes_the_general_way),
		cmocka_unit_test(an_unmonitored_destination_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
