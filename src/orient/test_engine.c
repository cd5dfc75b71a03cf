/* SPDX-License-Identifier: Apache-2.0 */
/* The whole run over captures made here. Over whole worlds of the lab: learn/lab/test_engine.c. */
#include "orient/test_run.h"

#include "base/hash.h"
#include "base/time.h"

/* AddressSanitizer keeps freed memory for a while. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { NET = 0xc6120000 /* 198.18.0.0 */, T0 = 1767571200 };

static struct nr_bytes bytes_of(const struct nr_buf *buf)
{
	assert_int_equal(buf->err, 0);
	return (struct nr_bytes){ buf->p, buf->n };
}

static void pcap_new(struct nr_buf *pcap)
{
	nr_buf_init(pcap, TEST_OUT_MAX);
	test_pcap_begin(pcap);
}

static int64_t at(double s)
{
	return (int64_t)T0 * NR_NS_PER_S + (int64_t)(s * 1e9);
}

static struct test_packet mirai(uint32_t src, uint32_t dst)
{
	return (struct test_packet){ .src = src,
				     .dst = dst,
				     .seq = dst,
				     .sport = 40000,
				     .dport = 23,
				     .window = 5840,
				     .proto = 6,
				     .ttl = 50,
				     .flags = 2,
				     .ip_id = (uint16_t)(src * 7) };
}

static struct test_packet masscan(uint32_t src, uint32_t dst, uint32_t seq)
{
	return (struct test_packet){ .src = src,
				     .dst = dst,
				     .seq = seq,
				     .sport = 61000,
				     .dport = 443,
				     .window = 1024,
				     .proto = 6,
				     .ttl = 240,
				     .flags = 2,
				     .ip_id = (uint16_t)(dst ^ 443 ^ seq) };
}

/* An ICMP port unreachable of @p src for a packet that was sent in our name to the victim. */
static void add_unreachable(struct nr_buf *pcap, int64_t ts, uint32_t src, uint32_t dst,
			    uint32_t victim)
{
	struct test_packet outer = { .src = src, .dst = dst, .proto = 1, .ttl = 50 };
	struct test_packet quoted = {
		.src = dst, .dst = victim, .proto = 17, .dport = 53, .sport = 5000, .ttl = 1
	};
	uint8_t ip[64], inner[40];

	(void)test_packet_write(&outer, ip);
	ip[3] = 56;
	memset(ip + 20, 0, 8);
	ip[20] = ip[21] = 3;
	(void)test_packet_write(&quoted, inner);
	memcpy(ip + 28, inner, 28);
	test_pcap_add(pcap, ts, ip, 56);
}

/* An echo request over IPv6. */
static void add_echo6(struct nr_buf *pcap, int64_t ts, uint8_t src, uint32_t dst)
{
	const uint8_t ip[48] = { 0x60,
				 0,
				 0,
				 0,
				 0,
				 8,
				 58,
				 60,
				 0x20,
				 1,
				 0xd,
				 0xb9,
				 0,
				 src,
				 [23] = src,
				 [24] = 0x20,
				 1,
				 0xd,
				 0xb8,
				 [36] = (uint8_t)(dst >> 24),
				 (uint8_t)(dst >> 16),
				 (uint8_t)(dst >> 8),
				 (uint8_t)dst,
				 128 };

	test_pcap_add(pcap, ts, ip, 48);
}

static void add_any(struct nr_buf *pcap, uint32_t i, double t)
{
	uint64_t r = nr_mix64(i + 1), r2 = nr_mix64(r);
	uint32_t dst = NET | (uint32_t)(r2 & 0xffff), who = (uint32_t)(r >> 8) % 40;
	struct test_packet answer = { .src = 0x08080000 + (who % 5) * 256 + 8,
				      .dst = dst,
				      .ack = 7,
				      .seq = (uint32_t)r2,
				      .sport = 443,
				      .dport = (uint16_t)(r2 >> 20),
				      .window = 64240,
				      .proto = 6,
				      .ttl = 55,
				      .flags = 18 };
	struct test_packet p = mirai(0x05000000 + who * 65793, dst);

	switch (r % 8) {
	case 0:
	case 1:
		break;
	case 2:
		p = masscan(0x06000000 + who % 6, dst, (uint32_t)(r2 >> 9));
		break;
	case 3:
		add_unreachable(pcap, at(t), 0x07000000 + who * 256, dst, answer.src);
		return;
	case 4:
		add_echo6(pcap, at(t), (uint8_t)(1 + who % 4), (uint32_t)(r2 >> 7));
		return;
	case 5: /* strays of every kind: ports, protocols, late ones, not ours */
		p = (struct test_packet){ .src = (uint32_t)r2 | 0x10000000,
					  .dst = r2 % 5 == 0 ? 0x01010101 : dst,
					  .sport = 9,
					  .dport = (uint16_t)r2,
					  .proto = r2 % 3 ? 17 : 6,
					  .ttl = 3,
					  .flags = 2 };
		t -= r2 % 7 == 0 ? 100 : 0;
		break;
	default:
		p = answer;
	}
	test_pcap_packet(pcap, at(t), &p);
}

enum { MIXED = 1500 };

/* Some hours in which scanners, victims and strays come and go. */
static void pcap_mixed(struct nr_buf *pcap)
{
	double t = 200;

	pcap_new(pcap);
	for (uint32_t i = 0; i < MIXED; i++) {
		uint64_t r = nr_mix64(i + 77);

		t += r % 100 == 0 ? 900 : (double)(r % 3000) / 1000;
		add_any(pcap, i, t);
	}
}

/* N = 2^20: sources end after 300 s of silence. */
#define MIXED_NETS                               \
	{                                        \
		"198.16.0.0/12", "2001:db8::/32" \
	}

static void threads_and_keys_change_no_byte(void **state)
{
	static const unsigned threads[] = { 1, 2, 3, 7, 64 };
	struct nr_buf pcap;

	(void)state;
	pcap_mixed(&pcap);
	struct test_run first = { .pcap = bytes_of(&pcap), .nets = MIXED_NETS };

	test_run(&first);
	assert_int_equal(first.status, 0);
	assert_true(first.flows.n > 100000 && first.sources.n > 50000 && first.findings.n > 1000);
	test_expect_accounts(&first.result.counts);
	for (size_t i = 0; i < NR_COUNT(threads); i++) {
		struct test_run again = { .pcap = first.pcap,
					  .nets = MIXED_NETS,
					  .threads = threads[i],
					  .key = i * 12345 };

		test_run(&again);
		test_expect_same(&first, &again);
		test_run_done(&again);
	}
	test_run_done(&first);
	nr_buf_done(&pcap);
}

static void sources_and_findings_are_the_same_when_nobody_asks_for_flows(void **state)
{
	struct nr_buf pcap;

	(void)state;
	pcap_mixed(&pcap);
	struct test_run first = { .pcap = bytes_of(&pcap), .nets = MIXED_NETS };
	struct test_run lazy = {
		.pcap = first.pcap, .nets = MIXED_NETS, .threads = 2, .without_flows = true
	};
	struct test_run bare = { .pcap = first.pcap,
				 .nets = MIXED_NETS,
				 .without_flows = true,
				 .without_sources = true };

	test_run(&first);
	test_run(&lazy);
	test_run(&bare);
	test_expect_same(&first, &lazy);
	test_expect_same(&first, &bare);
	test_run_done(&first);
	test_run_done(&lazy);
	test_run_done(&bare);
	nr_buf_done(&pcap);
}

static void the_end_is_the_same_on_many_threads_when_nobody_asks_for_sources(void **state)
{
	static const unsigned threads[] = { 2, 3, 64 };
	struct nr_buf pcap, one, many;

	(void)state;
	pcap_mixed(&pcap);
	nr_buf_init(&one, TEST_OUT_MAX);
	nr_buf_init(&many, TEST_OUT_MAX);
	struct test_run first = { .pcap = bytes_of(&pcap),
				  .nets = MIXED_NETS,
				  .without_flows = true,
				  .without_sources = true };

	test_run(&first);
	nr_tally_save(nr_engine_tally(first.result.engine), &one);
	for (size_t i = 0; i < NR_COUNT(threads); i++) {
		struct test_run again = first;

		again.threads = threads[i];
		again.key = i * 54321;
		again.flows = again.sources = again.findings = again.state = (struct nr_buf){ 0 };
		test_run(&again);
		test_expect_same(&first, &again);
		nr_buf_reset(&many);
		nr_tally_save(nr_engine_tally(again.result.engine), &many);
		assert_int_equal(one.n, many.n);
		assert_memory_equal(one.p, many.p, one.n);
		test_run_done(&again);
	}
	nr_buf_done(&one);
	nr_buf_done(&many);
	test_run_done(&first);
	nr_buf_done(&pcap);
}

static void a_run_cut_in_two_at_any_packet_equals_the_uncut_one(void **state)
{
	struct nr_buf pcap;

	(void)state;
	pcap_mixed(&pcap);
	struct test_run whole = { .pcap = bytes_of(&pcap), .nets = MIXED_NETS };

	test_run(&whole);
	for (size_t cut = 1; cut < MIXED; cut += 37)
		test_cut(&whole, cut);
	test_cut(&whole, MIXED);
	test_run_done(&whole);
	nr_buf_done(&pcap);
}

static void a_snapshot_of_other_nets_or_with_any_damage_is_refused(void **state)
{
	struct nr_buf pcap;

	(void)state;
	pcap_mixed(&pcap);
	struct test_run first = {
		.pcap = bytes_of(&pcap), .nets = MIXED_NETS, .save = true, .max_packets = 300
	};

	test_run(&first);
	struct test_run other = { .pcap = first.pcap,
				  .nets = { "198.18.0.0/16" },
				  .state_in = bytes_of(&first.state) };

	test_run(&other);
	assert_int_equal(other.status, -EINVAL);
	test_run_done(&other);
	for (size_t i = 0; i < first.state.n; i += i < 64 ? 1 : first.state.n / 20) {
		struct test_run bad = { .pcap = first.pcap,
					.nets = MIXED_NETS,
					.state_in = bytes_of(&first.state) };

		first.state.p[i] ^= 0x20;
		test_run(&bad);
		assert_true(bad.status < 0);
		test_run_done(&bad);
		first.state.p[i] ^= 0x20;

		struct test_run cut = { .pcap = first.pcap,
					.nets = MIXED_NETS,
					.state_in = { first.state.p, i } };

		if (i == 0)
			continue;
		test_run(&cut);
		assert_true(cut.status < 0);
		test_run_done(&cut);
	}
	test_run_done(&first);
	nr_buf_done(&pcap);
}

static void a_damaged_capture_gives_everything_before_the_damage(void **state)
{
	struct nr_buf pcap;

	(void)state;
	pcap_mixed(&pcap);
	size_t damage = test_pcap_offset(bytes_of(&pcap), 1000);
	struct test_run before = { .pcap = { pcap.p, damage }, .nets = MIXED_NETS, .threads = 2 };
	struct test_run damaged = before;

	test_run(&before);
	assert_int_equal(before.status, 0);
	memset(pcap.p + damage, 0xff, 64);
	damaged.pcap = bytes_of(&pcap);
	test_run(&damaged);
	assert_int_equal(damaged.status, NR_EDAMAGED);
	assert_non_null(strstr(damaged.err.msg, "byte"));
	before.status = NR_EDAMAGED;
	test_expect_same(&before, &damaged);
	test_expect_accounts(&damaged.result.counts);
	test_run_done(&before);
	test_run_done(&damaged);
	nr_buf_done(&pcap);
}

static void whatever_the_caps_every_packet_is_accounted_for(void **state)
{
	static const size_t caps[] = { 1, 2, 5, 0 };
	struct nr_buf pcap;

	(void)state;
	pcap_mixed(&pcap);
	for (size_t i = 0; i < NR_COUNT(caps); i++) {
		struct test_run a = { .pcap = bytes_of(&pcap),
				      .nets = MIXED_NETS,
				      .max_entries = caps[i] },
				b = a;

		b.threads = 3;
		b.key = 99;
		test_run(&a);
		test_run(&b);
		test_expect_accounts(&a.result.counts);
		test_expect_same(
			&a, &b); /* what is refused does not depend on keys or threads either */
		if (caps[i] != 0)
			assert_true(a.result.refused > 0);
		else
			assert_int_equal(a.result.refused, 0);
		test_run_done(&a);
		test_run_done(&b);
	}
	nr_buf_done(&pcap);
}

/* ---- hostile inputs ---- */

static size_t resident(void)
{
	char text[128] = "";
	uint64_t pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	(void)fclose(f);
	struct nr_str rest = nr_str_from(text);

	(void)nr_str_cut(&rest, ' '); /* the second word */
	assert_int_equal(nr_str_u64(nr_str_cut(&rest, ' '), 0, UINT64_MAX, &pages), 0);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static size_t resident_early, resident_most;

static void watch_memory(void *ctx, uint64_t packets)
{
	size_t now = resident();

	(void)ctx;
	if (packets < 300000)
		resident_early = now;
	resident_most = now > resident_most ? now : resident_most;
}

/* Number 7: SYNs and first fragments of a million sources, none of which is ever completed. */
static void hostile_7_a_million_openings_fill_fixed_tables_and_refusals_are_counted(void **state)
{
	enum { MILLION = 1000000, CAP = 1024 };

	(void)state;
	for (unsigned fragments = 0; fragments < 2; fragments++) {
		struct nr_buf pcap;

		pcap_new(&pcap);
		for (uint32_t i = 0; i < MILLION; i++) {
			struct test_packet p = mirai((uint32_t)nr_mix64(i) | 0x01000000,
						     NET + i % 65536);

			p.seq = i;
			p.fragment = fragments ? 0x2000 : 0;
			test_pcap_packet(&pcap, at(i / 1000.0),
					 &p); /* 1,000 a second, for 17 minutes */
		}
		struct test_run run = { .pcap = bytes_of(&pcap),
					.nets = { "198.18.0.0/16" },
					.max_entries = CAP,
					.without_flows = true,
					.without_sources = true,
					.progress = watch_memory };

		resident_early = resident_most = 0;
		test_run(&run);
		assert_int_equal(run.status, 0);
		assert_int_equal(run.result.counts.received, MILLION);
		test_expect_accounts(&run.result.counts);
		assert_int_equal(run.result.counts.anomalies[NR_ANOMALY_FRAGMENT],
				 fragments ? MILLION : 0);
		uint64_t kept = run.result.levels[0] + run.result.levels[1] + run.result.levels[2] +
				run.result.levels[3];

		assert_true(kept <= NR_SHARDS * CAP);
		assert_true(run.result.refused >=
			    MILLION - kept - 1000 /* random sources meet twice */);
#if !SANITIZED
		if (resident_most > resident_early + (8 << 20))
			fail_msg("memory grew from %zu to %zu bytes", resident_early,
				 resident_most);
#endif
		test_run_done(&run);
		nr_buf_done(&pcap);
	}
}

/* Number 9: every source in one shard, every flow key differing in few bits. */
static void hostile_9_a_capture_from_one_prefix_stays_within_its_caps(void **state)
{
	enum { PACKETS = 300000, CAP = 4096 };
	struct nr_buf pcap;

	(void)state;
	pcap_new(&pcap);
	for (uint32_t i = 0; i < PACKETS; i++) {
		struct test_packet p = mirai(0x05060700 | (i & 255), NET + (i >> 8 & 0xff) * 256);

		p.seq = 1;
		p.dport = (uint16_t)(i >> 4);
		test_pcap_packet(&pcap, at(i / 100000.0), &p);
	}
	struct test_run run = { .pcap = bytes_of(&pcap),
				.nets = { "198.18.0.0/16" },
				.max_entries = CAP,
				.without_flows = true };
	struct nr_time begun = nr_mono_now();

	test_run(&run);
	double seconds = (double)(nr_mono_now().ns - begun.ns) / 1e9;

	assert_int_equal(run.status, 0);
	test_expect_accounts(&run.result.counts);
	assert_true(run.result.counts.dropped[NR_OUTCOME_TABLE_FULL] > PACKETS - 5 * CAP);
	assert_int_equal(run.result.levels[NR_LEVEL_PROBE] + run.result.levels[NR_LEVEL_SCANNER] +
				 run.result.levels[NR_LEVEL_WIDE] +
				 run.result.levels[NR_LEVEL_AGGRESSIVE],
			 256);
	assert_true(seconds < 30); /* a quadratic table needs hours */
	test_run_done(&run);
	nr_buf_done(&pcap);
}

static unsigned n_seen, n_confirmed;

static void see_certainty(const struct nr_source *source)
{
	n_seen++;
	n_confirmed += source->certainty != NR_CERTAINTY_SPOOFABLE;
}

/* Number 46: addresses that cannot have sent what came in their name, with the strongest marks there are. */
static void hostile_46_impossible_sources_are_never_confirmed(void **state)
{
	static const uint32_t sources[] = { 0,		0x00000001, 0x7f000001, 0x0a000001,
					    0xc0a80101, 0xa9fe0101, 0x64400001, 0xe0000001,
					    0xefffffff, 0xf0000001, 0xffffffff, 0xc0000201,
					    NET + 5,	NET + 65535 };
	struct nr_buf pcap;

	(void)state;
	pcap_new(&pcap);
	for (uint32_t i = 0; i < 500; i++) {
		for (size_t s = 0; s < NR_COUNT(sources); s++) {
			struct test_packet p = s % 2 ? mirai(sources[s], NET + i * 3)
						     : masscan(sources[s], NET + i * 3, i * 77);

			test_pcap_packet(&pcap, at(i + (double)s / 100), &p);
		}
	}
	struct test_run run = { .pcap = bytes_of(&pcap),
				.nets = { "198.18.0.0/16" },
				.source = see_certainty };

	n_seen = n_confirmed = 0;
	test_run(&run);
	assert_int_equal(n_seen, NR_COUNT(sources));
	assert_int_equal(n_confirmed, 0);
	nr_write_u8(&run.findings, 0);
	assert_null(strstr((const char *)run.findings.p, "\"certainty\":\"confirmed\""));
	assert_null(strstr((const char *)run.findings.p, "\"verdict\":\"confirmed\""));
	test_run_done(&run);
	nr_buf_done(&pcap);
}

/* 8.8.8.8 and many random addresses in SYNs as flooding tools forge them: no mark, no second packet. */
static void hostile_46_a_flood_of_forged_sources_is_spoofable_throughout(void **state)
{
	enum { MANY = 200000 };
	struct nr_buf pcap;

	(void)state;
	pcap_new(&pcap);
	for (uint32_t i = 0; i < MANY; i++) {
		uint64_t r = nr_mix64(i);
		struct test_packet p = { .src = i % 100 == 0 ? 0x08080808 : (uint32_t)r,
					 .dst = NET + (uint32_t)(r >> 32) % 65536,
					 .seq = (uint32_t)(r >> 20),
					 .sport = (uint16_t)(r >> 8),
					 .dport = 80,
					 .window = (uint16_t)(r >> 40),
					 .ip_id = (uint16_t)(r >> 30),
					 .proto = 6,
					 .ttl = (uint8_t)(30 + i % 200),
					 .flags = 2 };

		test_pcap_packet(&pcap, at(i / 2000.0), &p);
	}
	struct test_run run = { .pcap = bytes_of(&pcap),
				.nets = { "198.18.0.0/16" },
				.source = see_certainty,
				.without_flows = true };

	n_seen = n_confirmed = 0;
	test_run(&run);
	assert_true(n_seen > MANY * 9 / 10);
	assert_int_equal(n_confirmed, 0);
	test_run_done(&run);
	nr_buf_done(&pcap);
}

/* Number 47: an absent address is not 0.0.0.0, and an empty filter is not "everything". */
static void hostile_47_an_absent_address_matches_no_filter(void **state)
{
	static const struct {
		const char *net;
		uint64_t classified;
	} cases[] = {
		{ "0.0.0.0/0", 1 },	{ "0.0.0.0/8", 0 },	{ "::/0", 1 },	  { "::/96", 0 },
		{ "198.18.0.0/16", 1 }, { "2001:db8::/32", 1 }, { "0.0.0.0", 0 },
	};
	struct nr_buf pcap;
	static const uint8_t arp[28] = { 0, 1, 8, 0, 6, 4, 0, 1 };

	(void)state;
	pcap_new(&pcap);
	struct test_packet p = mirai(0x05060708, NET + 1);

	test_pcap_packet(&pcap, at(0), &p);
	add_echo6(&pcap, at(1), 1, 1);
	test_pcap_add(&pcap, at(2), arp, sizeof(arp)); /* has no IP address at all */
	test_pcap_add(&pcap, at(3), arp, 0);
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct test_run run = { .pcap = bytes_of(&pcap), .nets = { cases[i].net } };

		test_run(&run);
		if (run.result.counts.classified != cases[i].classified)
			fail_msg("%s: %llu packets", cases[i].net,
				 (unsigned long long)run.result.counts.classified);
		test_expect_accounts(&run.result.counts);
		nr_write_u8(&run.flows, 0);
		/* nothing was quoted: no address stands for that */
		assert_null(strstr((const char *)run.flows.p, "quoted"));
		assert_null(strstr((const char *)run.flows.p, "\"::\""));
		assert_null(strstr((const char *)run.flows.p, "\"0.0.0.0\""));
		test_run_done(&run);
	}
	nr_buf_done(&pcap);
}

static void an_empty_list_of_nets_monitors_nothing(void **state)
{
	struct nr_nets none = { 0 };
	struct nr_buf pcap;

	(void)state;
	pcap_mixed(&pcap);
	int fd = test_memory_file(bytes_of(&pcap));
	struct nr_capture *capture = test_capture_open(fd);
	struct nr_observe_options options = { .captures = &capture,
					      .n_captures = 1,
					      .nets = &none,
					      .n_threads = 2,
					      .until = { INT64_MAX } };
	struct nr_observe_result result;

	assert_int_equal(nr_observe_run(&options, &result, NULL), 0);
	assert_int_equal(result.counts.received, MIXED);
	assert_int_equal(result.counts.classified, 0);
	assert_int_equal(result.counts.dropped[NR_OUTCOME_NOT_MONITORED], MIXED);
	assert_int_equal(result.flows + result.findings, 0);
	nr_observe_result_done(&result);
	nr_capture_free(capture);
	(void)close(fd);
	nr_buf_done(&pcap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_and_keys_change_no_byte),
		cmocka_unit_test(sources_and_findings_are_the_same_when_nobody_asks_for_flows),
		cmocka_unit_test(the_end_is_the_same_on_many_threads_when_nobody_asks_for_sources),
		cmocka_unit_test(a_run_cut_in_two_at_any_packet_equals_the_uncut_one),
		cmocka_unit_test(a_snapshot_of_other_nets_or_with_any_damage_is_refused),
		cmocka_unit_test(a_damaged_capture_gives_everything_before_the_damage),
		cmocka_unit_test(whatever_the_caps_every_packet_is_accounted_for),
		cmocka_unit_test(
			hostile_7_a_million_openings_fill_fixed_tables_and_refusals_are_counted),
		cmocka_unit_test(hostile_9_a_capture_from_one_prefix_stays_within_its_caps),
		cmocka_unit_test(hostile_46_impossible_sources_are_never_confirmed),
		cmocka_unit_test(hostile_46_a_flood_of_forged_sources_is_spoofable_throughout),
		cmocka_unit_test(hostile_47_an_absent_address_matches_no_filter),
		cmocka_unit_test(an_empty_list_of_nets_monitors_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
