/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/detect/infect.h"

#include <stdlib.h>

#include "base/cmocka.h"
#include "orient/detect/detect.h"

enum { START = 1700000000, DAY = 86400 };

struct got {
	struct nr_buf out;
	size_t n;
	struct nr_finding last;
	struct nr_infect_evidence evidence;
};

static void on_finding(void *ctx, const struct nr_finding *finding)
{
	struct got *got = ctx;

	nr_record_json(&nr_finding_type, finding, &got->out);
	nr_buf_add(&got->out, "\n", 1);
	got->n++;
	got->last = *finding;
	assert_int_equal(finding->evidence_size, sizeof(got->evidence)); /* it is held as a copy */
	got->evidence = *(const struct nr_infect_evidence *)finding->evidence;
}

static const struct nr_detect_env env = { .monitored_v4 = 65536,
					  .max_entries = 1024,
					  .key = { { 1, 2, 3, 4 } } };

static void *open_shard(const struct nr_detect_env *with)
{
	void *shard = NULL;

	assert_int_equal(nr_detector_infect.open(with, &shard), 0);
	return shard;
}

static void feed_mark(void *shard, uint32_t src, int64_t at, enum nr_mark mark)
{
	struct nr_observation obs = {
		.src = nr_ip_v4(src),
		.dst = nr_ip_v4(0xc6120001),
		.tick = START + at,
		.packets = 1,
		.proto = 6,
		.dport = 23,
		.tcp_flags = 2,
		.traffic_class = NR_CLASS_SCAN,
	};

	obs.marks[mark] = 1;
	assert_int_equal(nr_detector_infect.feed(shard, &obs, 1), 0);
}

static struct nr_source bot(uint32_t src, int64_t first, int64_t last, uint32_t packets)
{
	return (struct nr_source){
		.src = nr_ip_v4(src),
		.first = { (START + first) * NR_NS_PER_S },
		.last = { (START + last) * NR_NS_PER_S },
		.packets = packets,
		.level = NR_LEVEL_SCANNER,
		.certainty = NR_CERTAINTY_CONFIRMED,
		.tools = 1u << NR_MARK_MIRAI,
		.marks = { [NR_MARK_MIRAI] = packets },
		.dst_n = packets,
		.ports = { { .proto = 6, .port = 23, .packets = packets } },
		.n_ports = 1,
		.ttl_min = 50,
		.ttl_max = 51,
	};
}

static void give(void *shard, const struct nr_source *src)
{
	assert_int_equal(nr_detector_infect.source(shard, src), 0);
}

static void end(void *shard, int64_t now, struct got *got)
{
	struct nr_sink sink = { .ctx = got, .finding = on_finding };
	void *shards[] = { shard };

	assert_int_equal(nr_detector_infect.finish(shards, 1, START + now, &sink), 0);
}

static void advance(void *shard, int64_t now, struct got *got)
{
	struct nr_sink sink = { .ctx = got, .finding = on_finding };

	assert_int_equal(nr_detector_infect.advance(shard, START + now, &sink), 0);
}

static void got_init(struct got *got)
{
	*got = (struct got){ 0 };
	nr_buf_init(&got->out, 1 << 22);
}

/* Two marked packets and one source record. */
static void run_source(const struct nr_source *src, struct got *got)
{
	void *shard = open_shard(&env);
	uint32_t ip = nr_ip_to_v4(src->src);

	got_init(got);
	feed_mark(shard, ip, 0, NR_MARK_MIRAI);
	feed_mark(shard, ip, 60, NR_MARK_MIRAI);
	give(shard, src);
	end(shard, 3600, got);
	nr_detector_infect.close(shard);
}

static void log_odds_add_up_and_give_the_verdict(void **state)
{
	static const struct {
		const char *what;
		uint16_t tools;
		uint32_t mirai, exploit;
		uint8_t benign, certainty, class;
		double spoof;
		int score, verdict; /* 0: no finding */
	} cases[] = {
		{ "mirai", 1u << NR_MARK_MIRAI, 5, 0, 0, NR_CERTAINTY_CONFIRMED, 0, 0, 10,
		  NR_INFECT_CONFIRMED },
		{ "mirai, spoofable", 1u << NR_MARK_MIRAI, 5, 0, 0, NR_CERTAINTY_SPOOFABLE, 0, 0,
		  10, NR_INFECT_PROBABLE },
		{ "mirai, forged", 1u << NR_MARK_MIRAI, 5, 0, 0, NR_CERTAINTY_SPOOFABLE, 0, 0.9, 4,
		  0 },
		{ "mirai, survey scanner", 1u << NR_MARK_MIRAI, 5, 0, NR_BENIGN_ACK,
		  NR_CERTAINTY_CONFIRMED, 0, 0, 4, 0 },
		{ "mirai, claimed survey", 1u << NR_MARK_MIRAI, 5, 0, NR_BENIGN_CLAIMED,
		  NR_CERTAINTY_CONFIRMED, 0, 0, 7, NR_INFECT_PROBABLE },
		{ "undecided mark on most packets", 0, 3, 0, 0, NR_CERTAINTY_CONFIRMED, 0, 0, 5,
		  NR_INFECT_PROBABLE },
		{ "one marked packet of five: chance", 0, 1, 0, 0, NR_CERTAINTY_CONFIRMED, 0, 0, 3,
		  0 },
		{ "exploit", 1u << NR_MARK_EXPLOIT, 0, 1, 0, NR_CERTAINTY_CONFIRMED, 0, 0, 9,
		  NR_INFECT_CONFIRMED },
		{ "answers only", 1u << NR_MARK_EXPLOIT, 0, 1, 0, NR_CERTAINTY_CONFIRMED,
		  NR_CLASS_BACKSCATTER, 0, 5, NR_INFECT_PROBABLE },
		{ "conficker", 1u << NR_MARK_CONFICKER, 0, 0, 0, NR_CERTAINTY_CONFIRMED, 0, 0, 7,
		  NR_INFECT_PROBABLE },
		{ "mirai and exploit", 1u << NR_MARK_MIRAI | 1u << NR_MARK_EXPLOIT, 5, 1, 0,
		  NR_CERTAINTY_CONFIRMED, 0, 0, 18, NR_INFECT_CONFIRMED },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_source src = bot(0xcb007101, 0, 60, 5);
		struct got got;
		double sum = 0;

		src.tools = cases[i].tools;
		src.marks[NR_MARK_MIRAI] = cases[i].mirai;
		src.marks[NR_MARK_EXPLOIT] = cases[i].exploit;
		src.benign = cases[i].benign;
		src.certainty = cases[i].certainty;
		src.traffic_class = cases[i].class;
		src.spoof_score = cases[i].spoof;
		run_source(&src, &got);
		if (got.n != (cases[i].verdict != 0))
			fail_msg("%s: %zu findings", cases[i].what, got.n);
		for (size_t k = 0; k < NR_INFECT_TERM_N; k++)
			sum += got.evidence.terms[k];
		if (got.n > 0 && ((int)got.evidence.score != cases[i].score ||
				  got.evidence.verdict != cases[i].verdict))
			fail_msg("%s: %g, verdict %d", cases[i].what, got.evidence.score,
				 got.evidence.verdict);
		if (got.n > 0)
			assert_true(sum == got.evidence.score);
		nr_buf_done(&got.out);
	}
}

static void a_finding_says_who_what_and_when_it_was_decided(void **state)
{
	struct nr_source src = bot(0xcb007101, 0, 60, 5);
	struct got got;

	(void)state;
	run_source(&src, &got);
	assert_int_equal(got.n, 1);
	assert_string_equal(got.last.kind, "infection");
	assert_string_equal(got.last.subject, "203.0.113.1");
	assert_int_equal(got.last.detected.ns,
			 (START + 60) * NR_NS_PER_S); /* the second marked packet */
	assert_int_equal(got.evidence.family, NR_FAMILY_MIRAI);
	assert_int_equal(got.evidence.status, NR_INFECT_NEW);
	assert_int_equal(got.last.state, NR_FINDING_CONTINUING);
	assert_true(got.last.confidence > 0.99);
	assert_non_null(strstr(got.last.summary, "Mirai lineage"));
	nr_buf_done(&got.out);
}

static void forged_addresses_are_never_confirmed(void **state)
{
	static const uint32_t sources[] = { 0x08080808, 0x01010101, 0xc6290004,
					    0x00000000, 0xe0000001, 0xffffffff,
					    0x7f000001, 0xa9fe0001, 0xf0000001 };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(sources); i++) {
		struct nr_source src = bot(sources[i], 0, 60, 500);
		struct got got;

		src.tools |= 1u << NR_MARK_EXPLOIT; /* as strong as forging can make it */
		src.marks[NR_MARK_EXPLOIT] = 9;
		run_source(&src, &got);
		if (got.n != 0)
			fail_msg("%s", got.last.summary);
		nr_buf_done(&got.out);
	}
}

static void a_flood_of_random_sources_with_one_mark_each_stays_within_the_cap(void **state)
{
	struct got got;
	uint64_t rng = 7;

	(void)state;
	got_init(&got);
	void *shard = open_shard(&env);

	for (size_t i = 0; i < 100000; i++)
		feed_mark(shard, (uint32_t)nr_mix64(++rng), (int64_t)i / 100, NR_MARK_MIRAI);
	end(shard, 2000, &got);
	assert_int_equal(got.n, 0); /* without a source record nothing is said */
	assert_true(nr_detector_infect.refused(shard) > 90000);
	nr_detector_infect.close(shard);
	nr_detector_infect.close(NULL);
	nr_buf_done(&got.out);
}

static void sources_without_a_mark_of_malware_cost_nothing(void **state)
{
	struct nr_source src = bot(0xcb007101, 0, 60, 500);
	struct got got;

	(void)state;
	src.tools = 1u << NR_MARK_ZMAP;
	src.marks[NR_MARK_MIRAI] = 0;
	got_init(&got);
	void *shard = open_shard(&env);

	give(shard, &src);
	end(shard, 100, &got);
	assert_int_equal(got.n, 0);
	nr_detector_infect.close(shard);
	nr_buf_done(&got.out);
}

static void silence_clears_and_return_within_a_week_is_told(void **state)
{
	struct nr_source src = bot(0xcb007101, 0, 600, 11);
	struct got got;

	(void)state;
	got_init(&got);
	void *shard = open_shard(&env);

	for (int64_t at = 0; at <= 600; at += 60)
		feed_mark(shard, 0xcb007101, at, NR_MARK_MIRAI);
	give(shard, &src);
	advance(shard, DAY, &got); /* its own rate says 7 min, the floor says a day */
	assert_int_equal(got.n, 0);
	advance(shard, DAY + 2 * 3600, &got);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.evidence.status, NR_INFECT_CLEARED);
	assert_int_equal(got.last.state, NR_FINDING_ENDED);
	feed_mark(shard, 0xcb007101, 3 * DAY, NR_MARK_MIRAI);
	feed_mark(shard, 0xcb007101, 3 * DAY + 60, NR_MARK_MIRAI);
	src = bot(0xcb007101, 3 * DAY, 3 * DAY + 60, 2);
	give(shard, &src);
	end(shard, 3 * DAY + 3600, &got);
	assert_int_equal(got.n, 2);
	assert_true(got.evidence.returned);
	assert_int_equal(got.evidence.episodes, 2);
	assert_int_equal(got.evidence.status, NR_INFECT_CONTINUING);
	assert_int_equal(got.last.first.ns, (START + 3 * DAY) * NR_NS_PER_S);
	nr_detector_infect.close(shard);
	nr_buf_done(&got.out);
}

static void slow_bots_are_given_the_silence_their_own_rate_asks_for(void **state)
{
	struct nr_source src = bot(0xcb007101, 0, 10 * 3600 * 9, 10);
	struct got got;

	(void)state;
	got_init(&got);
	void *shard = open_shard(&env);

	for (int64_t i = 0; i < 10; i++)
		feed_mark(shard, 0xcb007101, i * 36000,
			  NR_MARK_MIRAI); /* one in 10 h: ln(1000) x 10 h = 69 h */
	give(shard, &src);
	advance(shard, 90 * 3600 + 68 * 3600, &got);
	assert_int_equal(got.n, 0);
	advance(shard, 90 * 3600 + 71 * 3600, &got);
	assert_int_equal(got.n, 1);
	assert_true(got.evidence.clear_after_s > 69 * 3600 &&
		    got.evidence.clear_after_s < 70 * 3600);
	nr_detector_infect.close(shard);
	nr_buf_done(&got.out);
}

static void a_record_given_twice_counts_once_and_later_events_add(void **state)
{
	struct nr_source early = bot(0xcb007101, 0, 60, 5), grown = bot(0xcb007101, 0, 600, 50);
	struct nr_source next = bot(0xcb007101, 9000, 9600, 7);
	struct got got;

	(void)state;
	got_init(&got);
	void *shard = open_shard(&env);

	feed_mark(shard, 0xcb007101, 0, NR_MARK_MIRAI);
	feed_mark(shard, 0xcb007101, 60, NR_MARK_MIRAI);
	give(shard, &early); /* as it stands at the end of a first input */
	end(shard, 60, &got);
	assert_int_equal(got.evidence.packets, 5);
	give(shard, &grown);
	give(shard, &grown);
	end(shard, 600, &got);
	assert_int_equal(got.evidence.packets, 50);
	give(shard, &next);
	end(shard, 9600, &got);
	assert_int_equal(got.evidence.packets, 57);
	nr_detector_infect.close(shard);
	nr_buf_done(&got.out);
}

/* One step of a long story of 40 machines; every fifth step a source event ends. */
static void step(void *shard, size_t i, struct got *got)
{
	uint64_t chance = nr_mix64(i);
	uint32_t src = 0xcb007100 + (uint32_t)(chance % 40);
	int64_t at = (int64_t)i * 1800;

	advance(shard, at, got);
	feed_mark(shard, src, at, chance & 256 ? NR_MARK_MIRAI : NR_MARK_CONFICKER);
	if (i % 5 == 4) {
		struct nr_source record = bot(src, at - (int64_t)(chance % 1000), at, 3);

		give(shard, &record);
	}
}

static void a_run_cut_anywhere_and_resumed_equals_the_uncut_one_under_any_key(void **state)
{
	enum { STEPS = 600 };
	struct nr_detect_env other = env;
	struct nr_buf want, have, snapshot;
	struct got whole, cut;

	(void)state;
	other.key.k[0] = 77;
	nr_buf_init(&want, 1 << 22);
	nr_buf_init(&have, 1 << 22);
	nr_buf_init(&snapshot, 1 << 22);
	got_init(&whole);
	got_init(&cut);
	void *shard = open_shard(&env);

	for (size_t i = 0; i < STEPS; i++)
		step(shard, i, &whole);
	end(shard, STEPS * 1800, &whole);
	assert_int_equal(nr_detector_infect.save(shard, &want), 0);
	nr_detector_infect.close(shard);
	assert_true(whole.n > 10);
	for (size_t at = 0; at <= STEPS; at++) {
		nr_buf_reset(&snapshot);
		nr_buf_reset(&have);
		nr_buf_reset(&cut.out);
		shard = open_shard(&env);
		for (size_t i = 0; i < at; i++)
			step(shard, i, &cut);
		assert_int_equal(nr_detector_infect.save(shard, &snapshot), 0);
		nr_detector_infect.close(shard);
		struct nr_reader in = nr_reader_of(snapshot.p, snapshot.n);

		shard = open_shard(&other);
		assert_int_equal(nr_detector_infect.load(shard, &in), 0);
		for (size_t i = at; i < STEPS; i++)
			step(shard, i, &cut);
		end(shard, STEPS * 1800, &cut);
		assert_int_equal(nr_detector_infect.save(shard, &have), 0);
		nr_detector_infect.close(shard);
		if (have.n != want.n || memcmp(have.p, want.p, want.n) != 0)
			fail_msg("state differs after a cut at %zu", at);
		if (cut.out.n != whole.out.n || memcmp(cut.out.p, whole.out.p, whole.out.n) != 0)
			fail_msg("findings differ after a cut at %zu", at);
	}
	nr_buf_done(&want);
	nr_buf_done(&have);
	nr_buf_done(&snapshot);
	nr_buf_done(&whole.out);
	nr_buf_done(&cut.out);
}

static void damaged_snapshots_are_refused_or_harmless(void **state)
{
	struct nr_buf snapshot;
	struct got got;

	(void)state;
	got_init(&got);
	nr_buf_init(&snapshot, 1 << 22);
	void *shard = open_shard(&env);

	for (size_t i = 0; i < 100; i++)
		step(shard, i, &got);
	assert_int_equal(nr_detector_infect.save(shard, &snapshot), 0);
	nr_detector_infect.close(shard);
	for (size_t at = 0; at < snapshot.n; at++) {
		struct nr_reader cut = nr_reader_of(snapshot.p, at),
				 in = nr_reader_of(snapshot.p, snapshot.n);

		shard = open_shard(&env);
		assert_true(nr_detector_infect.load(shard, &cut) < 0);
		nr_detector_infect.close(shard);
		snapshot.p[at] ^= 0xff;
		shard = open_shard(&env);
		if (nr_detector_infect.load(shard, &in) == 0) {
			for (size_t i = 100; i < 110; i++)
				step(shard, i, &got);
			end(shard, 110 * 1800, &got);
		}
		nr_detector_infect.close(shard);
		nr_buf_reset(&got.out);
		snapshot.p[at] ^= 0xff;
	}
	nr_buf_done(&snapshot);
	nr_buf_done(&got.out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_odds_add_up_and_give_the_verdict),
		cmocka_unit_test(a_finding_says_who_what_and_when_it_was_decided),
		cmocka_unit_test(forged_addresses_are_never_confirmed),
		cmocka_unit_test(a_flood_of_random_sources_with_one_mark_each_stays_within_the_cap),
		cmocka_unit_test(sources_without_a_mark_of_malware_cost_nothing),
		cmocka_unit_test(silence_clears_and_return_within_a_week_is_told),
		cmocka_unit_test(slow_bots_are_given_the_silence_their_own_rate_asks_for),
		cmocka_unit_test(a_record_given_twice_counts_once_and_later_events_add),
		cmocka_unit_test(a_run_cut_anywhere_and_resumed_equals_the_uncut_one_under_any_key),
		cmocka_unit_test(damaged_snapshots_are_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
