/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/classify/pair.h"

#include "base/cmocka.h"
#include "observe/classify/classify.h"

enum { NET = 0xc6120000, SRC = 0xc0000201 };

struct probe {
	uint32_t src, dst, seq;
	uint16_t sport, dport, window;
	uint8_t flags, ttl;
	uint16_t ip_id;
};

static struct nr_packet packet_of(struct probe p)
{
	struct nr_packet packet = {
		.src = nr_ip_v4(p.src),
		.dst = nr_ip_v4(p.dst),
		.seq = p.seq,
		.sport = p.sport,
		.dport = p.dport,
		.window = p.window,
		.ttl = p.ttl,
		.ip_id = p.ip_id,
		.tcp_flags = p.flags,
		.proto = 6,
		.is_v4 = 1,
		.ip_len = 40,
	};

	nr_classify(&packet);
	return packet;
}

/* unicornscan: seq = secret ^ dst ^ (dport << 16 | sport), see the header's source */
static struct probe unicorn(uint32_t i)
{
	struct probe p = { .src = SRC,
			   .dst = NET + nr_mix64(i) % 65536,
			   .sport = (uint16_t)(nr_mix64(i + 7) >> 40),
			   .dport = (uint16_t)(i % 3 == 0 ? 22 : 80),
			   .window = 16384,
			   .flags = NR_TCP_SYN,
			   .ttl = 60 };

	p.seq = 0x5ec4e75e ^ p.dst ^ ((uint32_t)p.dport << 16 | p.sport);
	return p;
}

/* nmap: seq = secret ^ (try << 16 | try); a SYN with MSS alone, window 1024 */
static struct nr_packet nmap(uint32_t i)
{
	uint32_t attempt = i % 2;
	struct nr_packet packet =
		packet_of((struct probe){ .src = SRC,
					  .dst = NET + i / 2,
					  .seq = 0xa1b2c3d4 ^ (attempt << 16 | attempt),
					  .sport = (uint16_t)(50000 + attempt),
					  .dport = 443,
					  .window = 1024,
					  .flags = NR_TCP_SYN,
					  .ttl = 50,
					  .ip_id = (uint16_t)nr_mix64(i) });

	packet.opt_hash = NR_OPTIONS_MSS;
	return packet;
}

static struct probe mirai(uint32_t i)
{
	uint32_t dst = NET + nr_mix64(i) % 65536;

	return (struct probe){ .src = SRC,
			       .dst = dst,
			       .seq = dst,
			       .sport = 40000,
			       .dport = 23,
			       .window = (uint16_t)(i * 77),
			       .flags = NR_TCP_SYN,
			       .ttl = 55 };
}

struct counts {
	unsigned marks[NR_MARK_N];
};

static struct counts feed_all(const struct nr_packet *packets, size_t n)
{
	struct nr_pair pair;
	struct counts c = { { 0 } };

	assert_int_equal(nr_pair_init(&pair), 0);
	for (size_t i = 0; i < n; i++) {
		uint16_t marks = nr_pair_feed(&pair, &packets[i]);

		for (unsigned m = 0; m < NR_MARK_N; m++)
			c.marks[m] += marks >> m & 1;
	}
	nr_pair_done(&pair);
	return c;
}

enum { N = 200 };

static void unicornscan_is_known_by_every_pair(void **state)
{
	struct nr_packet p[N];

	(void)state;
	for (uint32_t i = 0; i < N; i++)
		p[i] = packet_of(unicorn(i));
	struct counts c = feed_all(p, N);

	assert_int_equal(c.marks[NR_MARK_UNICORNSCAN], N - 1);
	assert_int_equal(c.marks[NR_MARK_NMAP], 0);
}

static void nmap_is_known_by_every_pair_of_first_and_second_tries(void **state)
{
	struct nr_packet p[N];

	(void)state;
	for (uint32_t i = 0; i < N; i++)
		p[i] = nmap(i);
	assert_true(nr_mark_is_nmap_probe(&p[0]));
	struct counts c = feed_all(p, N);

	assert_int_equal(c.marks[NR_MARK_NMAP], N - 1);
	assert_int_equal(c.marks[NR_MARK_UNICORNSCAN], 0);
}

static void nmap_sequence_numbers_without_nmap_header_say_nothing(void **state)
{
	struct nr_packet p[N];

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		p[i] = nmap(i);
		p[i].opt_hash = NR_OPTIONS_LINUX;
		p[i].window = 64240;
	}
	assert_int_equal(feed_all(p, N).marks[NR_MARK_NMAP], 0);
}

static void mirai_is_never_named_unicornscan(void **state)
{
	struct nr_packet p[N];

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		p[i] = packet_of(mirai(i));
		assert_true(p[i].marks & 1u << NR_MARK_MIRAI);
	}
	struct counts c = feed_all(p, N);

	assert_int_equal(c.marks[NR_MARK_UNICORNSCAN], 0);
	assert_int_equal(c.marks[NR_MARK_SAME_SEQ], 0);
}

static void one_sequence_number_for_several_destinations_is_noted_but_not_a_retransmission(
	void **state)
{
	struct nr_packet p[N];

	(void)state;
	for (uint32_t i = 0; i < N; i++)
		p[i] = packet_of((struct probe){ .src = SRC,
						 .dst = NET + i / 2,
						 .seq = 0x01020304,
						 .sport = 1,
						 .dport = 80,
						 .window = 512,
						 .flags = NR_TCP_SYN,
						 .ttl = 60 });
	/* each destination twice: every second pair is a retransmission */
	assert_int_equal(feed_all(p, N).marks[NR_MARK_SAME_SEQ], N / 2 - 1);
	for (uint32_t i = 0; i < N; i++)
		p[i].seq = 0; /* resets of nobody's connection have it */
	assert_int_equal(feed_all(p, N).marks[NR_MARK_SAME_SEQ], 0);
}

static void random_sequence_numbers_make_no_marks(void **state)
{
	enum { MANY = 20000 };
	static struct nr_packet p[MANY];

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		p[i] = nmap(i);
		p[i].seq = (uint32_t)(nr_mix64(i * UINT64_C(0x9e3779b97f4a7c15)) >> 16);
		p[i].opt_hash = NR_OPTIONS_LINUX;
	}
	struct counts c = feed_all(p, MANY);

	assert_int_equal(c.marks[NR_MARK_UNICORNSCAN] + c.marks[NR_MARK_SAME_SEQ] +
				 c.marks[NR_MARK_NMAP],
			 0);
}

/* A place changes hands only after NR_PAIR_PATIENCE packets of others: single strangers lose nothing. */
static void a_scanner_is_not_lost_to_single_packets_of_others(void **state)
{
	struct nr_packet scanner, stranger;
	struct nr_pair pair;
	unsigned marks = 0;
	uint32_t other = 0x01010101;

	(void)state;
	assert_int_equal(nr_pair_init(&pair), 0);
	scanner = packet_of(unicorn(0));
	stranger = scanner;
	do
		stranger.src = nr_ip_v4(other++);
	while ((nr_pair_hash(&stranger) >> 32) % NR_PAIR_SLOTS !=
	       (nr_pair_hash(&scanner) >> 32) % NR_PAIR_SLOTS);
	for (uint32_t i = 0; i < N; i++) {
		scanner = packet_of(unicorn(i));
		marks += nr_pair_feed(&pair, &scanner) != 0;
		if (i % 2 == 0)
			assert_int_equal(nr_pair_feed(&pair, &stranger), 0);
	}
	assert_int_equal(marks, N - 1);
	for (unsigned i = 0; i < NR_PAIR_PATIENCE; i++) /* who asks often enough gets the place, */
		assert_int_equal(nr_pair_feed(&pair, &stranger), 0);
	assert_int_equal(nr_pair_feed(&pair, &scanner), 0); /* and no pair is made of two sources */
	nr_pair_done(&pair);
}

static void a_snapshot_between_two_packets_loses_no_pair(void **state)
{
	struct nr_pair a, b;
	struct nr_buf saved;

	(void)state;
	assert_int_equal(nr_pair_init(&a), 0);
	assert_int_equal(nr_pair_init(&b), 0);
	nr_buf_init(&saved, 1 << 20);
	struct nr_packet first = packet_of(unicorn(1)), second = packet_of(unicorn(2));

	assert_int_equal(nr_pair_feed(&a, &first), 0);
	nr_pair_save(&a, &saved);
	struct nr_reader in = nr_reader_of(saved.p, saved.n),
			 cut = nr_reader_of(saved.p, saved.n - 1);

	assert_int_equal(nr_pair_load(&b, &cut), NR_EDAMAGED);
	assert_int_equal(nr_pair_load(&b, &in), 0);
	assert_int_equal(nr_pair_feed(&b, &second), 1u << NR_MARK_UNICORNSCAN);
	nr_pair_done(&a);
	nr_pair_done(&b);
	nr_buf_done(&saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unicornscan_is_known_by_every_pair),
		cmocka_unit_test(nmap_is_known_by_every_pair_of_first_and_second_tries),
		cmocka_unit_test(nmap_sequence_numbers_without_nmap_header_say_nothing),
		cmocka_unit_test(mirai_is_never_named_unicornscan),
		cmocka_unit_test(
			one_sequence_number_for_several_destinations_is_noted_but_not_a_retransmission),
		cmocka_unit_test(random_sequence_numbers_make_no_marks),
		cmocka_unit_test(a_scanner_is_not_lost_to_single_packets_of_others),
		cmocka_unit_test(a_snapshot_between_two_packets_loses_no_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
