/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/detect/rsdos.h"

#include <math.h>
#include <stdlib.h>

#include "base/cmocka.h"
#include "orient/detect/detect.h"

enum { START = 1700000000, OBS_MAX = 60000 };
enum { SYN_ACK = 0x12, RST_ACK = 0x14 };

/* --- chance --- */

static uint64_t rng_next(uint64_t *rng)
{
	*rng += UINT64_C(0x9e3779b97f4a7c15);
	return nr_mix64(*rng);
}

static uint64_t rng_below(uint64_t *rng, uint64_t n)
{
	return (uint64_t)((double)(rng_next(rng) >> 11) / 9007199254740992.0 * (double)n);
}

static double rng_exp(uint64_t *rng, double rate)
{
	return -log(((double)(rng_next(rng) >> 11) + 0.5) / 9007199254740992.0) / rate;
}

/* --- a run: observations in, findings out as text --- */

struct run {
	struct nr_observation *obs;
	size_t n;
	struct nr_buf out;
	size_t n_attacks, n_carpets;
	struct nr_finding last;
	struct nr_rsdos_evidence evidence;
};

static void run_init(struct run *run)
{
	*run = (struct run){ .obs = calloc(OBS_MAX, sizeof(run->obs[0])) };
	assert_non_null(run->obs);
	nr_buf_init(&run->out, 1 << 24);
}

static void run_done(struct run *run)
{
	free(run->obs);
	nr_buf_done(&run->out);
}

static struct nr_observation *put(struct run *run, double at, uint32_t src, uint32_t dst)
{
	assert_true(run->n < OBS_MAX);
	struct nr_observation *obs = &run->obs[run->n++];
	double whole = floor(at);

	*obs = (struct nr_observation){
		.src = nr_ip_v4(src),
		.dst = nr_ip_v4(dst),
		.tick = START + (int64_t)whole,
		.first = (uint32_t)((at - whole) * 1e9),
		.packets = 1,
		.bytes = 40,
		.sport = 80,
		.proto = 6,
		.tcp_flags = SYN_ACK,
		.traffic_class = NR_CLASS_BACKSCATTER,
	};
	obs->last = obs->first;
	return obs;
}

static int obs_cmp(const void *va, const void *vb)
{
	const struct nr_observation *a = va, *b = vb;

	if (a->tick != b->tick)
		return a->tick < b->tick ? -1 : 1;
	return a->first < b->first ? -1 : a->first > b->first;
}

static void sort(struct run *run)
{
	qsort(run->obs, run->n, sizeof(run->obs[0]), obs_cmp);
}

enum { NET = 0xc6120000 }; /* 198.18.0.0 */

static uint16_t any_port(uint64_t *rng)
{
	return (uint16_t)(1024 + rng_below(rng, 64512));
}

static void flood(struct run *run, uint64_t n, uint32_t victim, double start, double span,
		  double rate)
{
	uint64_t rng = victim;

	for (double at = start; at < start + span; at += rng_exp(&rng, rate))
		put(run, at, victim, NET + (uint32_t)rng_below(&rng, n))->dport = any_port(&rng);
}

static void on_finding(void *ctx, const struct nr_finding *finding)
{
	struct run *run = ctx;

	nr_record_json(&nr_finding_type, finding, &run->out);
	nr_buf_add(&run->out, "\n", 1);
	run->n_attacks += strcmp(finding->kind, "attack") == 0;
	run->n_carpets += strcmp(finding->kind, "carpet") == 0;
	run->last = *finding;
	run->evidence = *(const struct nr_rsdos_evidence *)finding->evidence;
}

static struct nr_detect_env env_of(uint64_t n)
{
	return (struct nr_detect_env){ .monitored_v4 = n,
				       .max_entries = 4096,
				       .key = { { 1, 2, 3, 4 } } };
}

static void *open_shard(const struct nr_detect_env *env)
{
	void *shard = NULL;

	assert_int_equal(nr_detector_rsdos.open(env, &shard), 0);
	return shard;
}

static void feed(void *shard, struct run *run, size_t from, size_t to)
{
	struct nr_sink sink = { .ctx = run, .finding = on_finding };

	for (size_t i = from; i < to; i++) {
		if (i == from || run->obs[i].tick != run->obs[i - 1].tick)
			assert_int_equal(nr_detector_rsdos.advance(shard, run->obs[i].tick, &sink),
					 0);
		assert_int_equal(nr_detector_rsdos.feed(shard, &run->obs[i], 1), 0);
	}
}

static void finish(void *shard, struct run *run, int64_t now)
{
	struct nr_sink sink = { .ctx = run, .finding = on_finding };
	void *shards[1] = { shard };

	assert_int_equal(nr_detector_rsdos.finish(shards, 1, now, &sink), 0);
}

static void run_whole(const struct nr_detect_env *env, struct run *run)
{
	void *shard = open_shard(env);

	sort(run);
	feed(shard, run, 0, run->n);
	finish(shard, run, run->n > 0 ? run->obs[run->n - 1].tick : START);
	nr_detector_rsdos.close(shard);
}

/* --- what is found --- */

static void uniform_floods_are_found_at_every_telescope_size(void **state)
{
	static const uint64_t sizes[] = { 64, 1024, 4096, 65536, 475136, 1 << 24 };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(sizes); i++) {
		struct nr_detect_env env = env_of(sizes[i]);
		struct run run;
		double truth = 0.125 * 4294967296.0 / (double)sizes[i];

		run_init(&run);
		flood(&run, sizes[i], 0xcb007105, 0, 400,
		      0.125); /* a quarter of what the Moore rule wants */
		run_whole(&env, &run);
		assert_int_equal(run.n_attacks, 1);
		assert_int_equal(run.n_carpets, 0);
		assert_string_equal(run.last.subject, "203.0.113.5");
		assert_int_equal(run.last.certainty, NR_CERTAINTY_SPOOFABLE);
		assert_int_equal(run.last.state, NR_FINDING_CONTINUING);
		assert_int_equal(run.evidence.packets, run.n);
		assert_int_equal(run.evidence.ports[0].port, 80);
		assert_int_equal(run.evidence.ports[0].proto, 6);
		assert_int_equal(run.evidence.flags, NR_RSDOS_UNIFORM);
		assert_true(run.evidence.rate_lo < truth && truth < run.evidence.rate_hi);
		assert_true(run.evidence.p_log10 < -9);
		assert_true(run.last.detected.ns <= run.last.first.ns + 180 * NR_NS_PER_S);
		run_done(&run);
	}
}

static void a_strong_flood_is_found_within_seconds_and_meets_the_moore_rule(void **state)
{
	struct nr_detect_env env = env_of(65536);
	struct run run;

	(void)state;
	run_init(&run);
	flood(&run, 65536, 0xcb007105, 0, 120, 20);
	run_whole(&env, &run);
	assert_int_equal(run.n_attacks, 1);
	assert_true(run.last.detected.ns - run.last.first.ns < 5 * NR_NS_PER_S);
	assert_true(run.evidence.flags & NR_RSDOS_MOORE);
	assert_true(run.evidence.ppm_max > 1000 && run.evidence.ppm_max < 1500);
	double wrong = fabs((double)run.evidence.destinations - (double)run.n) / (double)run.n;

	assert_true(wrong < 0.25); /* a sketch of 256 registers: 6.5 % */
	run_done(&run);
}

static void retransmissions_count_once_and_widen_the_interval(void **state)
{
	struct nr_detect_env env = env_of(65536);
	struct run once, again;

	(void)state;
	run_init(&once);
	run_init(&again);
	flood(&once, 65536, 0xcb007105, 0, 600, 0.05);
	for (size_t i = 0; i < once.n; i++)
		for (unsigned k = 0; k < 4; k++) {
			again.obs[again.n] = once.obs[i];
			again.obs[again.n++].tick += (1 << k) - 1;
		}
	run_whole(&env, &once);
	run_whole(&env, &again);
	assert_int_equal(once.n_attacks, 1);
	assert_int_equal(again.n_attacks, 1);
	assert_int_equal(again.evidence.packets, 4 * once.evidence.packets);
	assert_int_equal(again.evidence.flows, once.evidence.flows);
	assert_int_equal(again.evidence.destinations, once.evidence.destinations);
	double narrow = once.evidence.rate_hi / once.evidence.rate_lo;
	double wide = again.evidence.rate_hi / again.evidence.rate_lo;

	assert_true(fabs(wide / narrow - 1) < 0.2); /* four times the packets, the same knowledge */
	run_done(&once);
	run_done(&again);
}

static void resets_from_many_ports_to_one_are_a_flood(void **state)
{
	struct nr_detect_env env = env_of(65536);
	struct run run;
	uint64_t rng = 5;

	(void)state;
	run_init(&run);
	flood(&run, 65536, 0xcb007105, 0, 400, 0.125);
	for (size_t i = 0; i < run.n; i++) {
		run.obs[i].tcp_flags = RST_ACK;
		run.obs[i].sport = any_port(&rng);
		run.obs[i].dport = 4444;
	}
	run_whole(&env, &run);
	assert_int_equal(run.n_attacks, 1);
	assert_true(run.evidence.more_ports);
	run_done(&run);
}

static void quoted_packets_name_victim_port_and_protocol_once(void **state)
{
	struct nr_detect_env env = env_of(65536);
	struct run run;

	(void)state;
	run_init(&run);
	flood(&run, 65536, 0xcb007105, 0, 400, 0.1);
	for (size_t i = 0; i < run.n; i++) {
		struct nr_observation *obs = &run.obs[i];

		obs->quoted_dst = obs->src;
		obs->src = nr_ip_v4(0xc0000200 + (uint32_t)i % 3); /* routers */
		obs->proto = 1;
		obs->sport = 0;
		obs->dport = 3 << 8 | 1;
		obs->quoted_proto = 17;
		obs->quoted_dport = 27015;
		obs->flags = NR_OBS_QUOTED | NR_OBS_MIRROR;
	}
	size_t n = run.n;

	for (size_t i = 0; i < n; i++) { /* what the routers' own shards see counts for nobody */
		run.obs[run.n] = run.obs[i];
		run.obs[run.n++].flags = NR_OBS_QUOTED;
	}
	run_whole(&env, &run);
	assert_int_equal(run.n_attacks, 1);
	assert_string_equal(run.last.subject, "203.0.113.5");
	assert_int_equal(run.evidence.packets, n);
	assert_int_equal(run.evidence.ports[0].proto, 17);
	assert_int_equal(run.evidence.ports[0].port, 27015);
	assert_true(run.evidence.flags & NR_RSDOS_QUOTED);
	run_done(&run);
}

static void carpets_are_found_though_no_victim_is(void **state)
{
	struct nr_detect_env env = env_of(65536);
	struct run run;
	uint64_t rng = 77;

	(void)state;
	run_init(&run);
	for (uint32_t i = 0; i < 20; i++)
		for (unsigned k = 0; k < 3; k++)
			put(&run, (double)rng_below(&rng, 250), 0xcb007100 + i * 7,
			    NET + (uint32_t)rng_below(&rng, 65536))
				->dport = any_port(&rng);
	run_whole(&env, &run);
	assert_int_equal(run.n_attacks, 0);
	assert_int_equal(run.n_carpets, 1);
	assert_string_equal(run.last.subject, "203.0.113.0/24");
	assert_true(run.evidence.victims >= 18 && run.evidence.victims <= 20);
	run_done(&run);
}

static void ipv6_victims_are_found_without_a_rate(void **state)
{
	struct nr_detect_env env = env_of(0);
	struct run run;
	uint64_t rng = 3;

	(void)state;
	run_init(&run);
	flood(&run, 65536, 0xcb007105, 0, 400, 0.2);
	for (size_t i = 0; i < run.n; i++) {
		run.obs[i].src = (struct nr_ip){ { 0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 5 } };
		run.obs[i].dst = (struct nr_ip){ { 0x20, 0x01, 0x0d, 0xb8, 0xff } };
		for (size_t k = 8; k < 16; k++)
			run.obs[i].dst.b[k] = (uint8_t)rng_next(&rng);
	}
	run_whole(&env, &run);
	assert_int_equal(run.n_attacks, 1);
	assert_string_equal(run.last.subject, "2001:db8:1::5");
	assert_false(run.evidence.has_rate);
	assert_true(run.evidence.mdr == 0);
	run_done(&run);
}

/* --- what is not --- */

static void syn_ack_scans_are_no_floods(void **state)
{
	struct nr_detect_env env = env_of(65536);

	(void)state;
	for (unsigned variant = 0; variant < 4; variant++) {
		struct run run;

		run_init(&run);
		flood(&run, 65536, 0xcb007105, 0, 900, 2);
		for (size_t i = 0; i < run.n; i++) {
			struct nr_observation *obs = &run.obs[i];

			if (variant == 0) /* one port, random own port */
				obs->sport = obs->dport, obs->dport = 80;
			if (variant == 1) /* three ports */
				obs->dport = (uint16_t)(80 + i % 3);
			if (variant == 2) /* random ports, one sequence number */
				obs->marks[NR_MARK_SAME_SEQ] = 1;
			if (variant == 3) /* random ports, one address after the other */
				obs->dst = nr_ip_v4(NET + (uint32_t)i);
		}
		run_whole(&env, &run);
		if (run.n_attacks != 0)
			fail_msg("variant %u: %s", variant, run.last.summary);
		run_done(&run);
	}
}

static void answers_to_few_addresses_are_no_floods(void **state)
{
	struct nr_detect_env env = env_of(65536);

	(void)state;
	for (uint64_t pool = 1; pool <= 20; pool++) {
		for (unsigned udp = 0; udp < 2; udp++) {
			struct run run;
			uint64_t rng = pool;

			run_init(&run);
			flood(&run, 65536, 0xcb007105, 0, 3600, 0.1);
			for (size_t i = 0; i < run.n; i++) {
				run.obs[i].dst =
					nr_ip_v4(NET + 977 * (uint32_t)rng_below(&rng, pool));
				run.obs[i].proto = udp ? 17 : 6;
				run.obs[i].sport = udp ? 53 : 443;
			}
			run_whole(&env, &run);
			if (run.n_attacks != 0)
				fail_msg("pool of %u: %s", (unsigned)pool, run.last.summary);
			run_done(&run);
		}
	}
}

static void repeated_answers_of_neighbours_are_no_carpet(void **state)
{
	struct nr_detect_env env = env_of(65536);
	struct run run;
	uint64_t rng = 9;

	(void)state;
	run_init(&run);
	for (uint32_t i = 0; i < 60; i++) { /* a content network: each server repeats one answer */
		uint32_t dst = NET + (uint32_t)rng_below(&rng, 65536);
		uint16_t port = any_port(&rng);

		for (unsigned k = 0; k < 6; k++)
			put(&run, i * 4 + (double)(1u << k), 0xcb007100 + i, dst)->dport = port;
	}
	run_whole(&env, &run);
	assert_int_equal(run.n_attacks + run.n_carpets, 0);
	run_done(&run);
}

static void addresses_that_nobody_has_are_never_victims_and_8888_is_spoofable(void **state)
{
	static const struct {
		uint32_t victim;
		size_t n;
	} cases[] = {
		{ 0x00000000, 0 }, { 0x7f000001, 0 }, { 0xe0000001, 0 }, { 0xffffffff, 0 },
		{ 0xa9fe0101, 0 }, { 0xf0000001, 0 }, { 0x08080808, 1 },
	};
	struct nr_detect_env env = env_of(65536);

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct run run;

		run_init(&run);
		flood(&run, 65536, cases[i].victim, 0, 300, 1);
		run_whole(&env, &run);
		assert_int_equal(run.n_attacks, cases[i].n);
		if (cases[i].n > 0)
			assert_int_equal(run.last.certainty, NR_CERTAINTY_SPOOFABLE);
		run_done(&run);
	}
}

/* --- order, keys, cuts, caps --- */

/* Two floods, a carpet, noise; with silences that end events in the middle. */
static void mixture(struct run *run, size_t n_noise)
{
	uint64_t rng = 4711;

	flood(run, 65536, 0xcb007105, 10, 200, 0.15);
	flood(run, 65536, 0xcb0071c8, 400, 150, 0.2);
	flood(run, 65536, 0xcb007105, 900, 150, 0.2);
	for (uint32_t i = 0; i < 12; i++)
		for (unsigned k = 0; k < 3; k++)
			put(run, 100 + (double)rng_below(&rng, 200), 0xcb007200 + i,
			    NET + (uint32_t)rng_below(&rng, 65536))
				->dport = any_port(&rng);
	for (size_t i = 0; i < n_noise; i++)
		put(run, (double)rng_below(&rng, 1400), 0xcb007300 + (uint32_t)rng_below(&rng, 90),
		    NET + (uint32_t)rng_below(&rng, 40))
			->dport = any_port(&rng);
	sort(run);
}

static void a_run_cut_at_any_observation_and_resumed_equals_the_uncut_one(void **state)
{
	struct nr_detect_env env = env_of(65536), other = env;
	struct run whole, cut;
	struct nr_buf want, have, snapshot;

	(void)state;
	other.key.k[0] = 99; /* the key is random per process: the second process has another */
	run_init(&whole);
	run_init(&cut);
	nr_buf_init(&want, 1 << 24);
	nr_buf_init(&have, 1 << 24);
	nr_buf_init(&snapshot, 1 << 24);
	mixture(&whole, 120);
	void *shard = open_shard(&env);

	feed(shard, &whole, 0, whole.n);
	finish(shard, &whole, whole.obs[whole.n - 1].tick);
	assert_int_equal(nr_detector_rsdos.save(shard, &want), 0);
	nr_detector_rsdos.close(shard);
	assert_true(whole.n_attacks == 3 && whole.n_carpets == 1);
	memcpy(cut.obs, whole.obs, whole.n * sizeof(whole.obs[0]));
	cut.n = whole.n;
	for (size_t at = 0; at <= whole.n; at++) {
		nr_buf_reset(&snapshot);
		nr_buf_reset(&have);
		nr_buf_reset(&cut.out);
		shard = open_shard(&env);
		feed(shard, &cut, 0, at);
		assert_int_equal(nr_detector_rsdos.save(shard, &snapshot), 0);
		nr_detector_rsdos.close(shard);
		shard = open_shard(&other);
		struct nr_reader in = nr_reader_of(snapshot.p, snapshot.n);

		assert_int_equal(nr_detector_rsdos.load(shard, &in), 0);
		assert_int_equal(nr_reader_left(&in), 0);
		feed(shard, &cut, at, cut.n);
		finish(shard, &cut, cut.obs[cut.n - 1].tick);
		assert_int_equal(nr_detector_rsdos.save(shard, &have), 0);
		nr_detector_rsdos.close(shard);
		if (have.n != want.n || memcmp(have.p, want.p, want.n) != 0)
			fail_msg("state differs after a cut at %zu", at);
		if (cut.out.n != whole.out.n || memcmp(cut.out.p, whole.out.p, whole.out.n) != 0)
			fail_msg("findings differ after a cut at %zu", at);
	}
	nr_buf_done(&want);
	nr_buf_done(&have);
	nr_buf_done(&snapshot);
	run_done(&whole);
	run_done(&cut);
}

static void findings_do_not_depend_on_how_calls_are_cut_nor_on_the_key(void **state)
{
	struct nr_detect_env env = env_of(65536), other = env;
	struct run one, many;

	(void)state;
	other.key = (struct nr_hash_key){ { 0xdeadbeef, 7, 9, 11 } };
	run_init(&one);
	run_init(&many);
	mixture(&one, 20000);
	mixture(&many, 20000);
	run_whole(&env, &one);
	struct nr_sink sink = { .ctx = &many, .finding = on_finding };
	void *shard = open_shard(&other);

	assert_int_equal(nr_detector_rsdos.feed(shard, many.obs, many.n), 0);
	assert_int_equal(nr_detector_rsdos.advance(shard, many.obs[many.n - 1].tick, &sink), 0);
	assert_int_equal(nr_detector_rsdos.advance(shard, many.obs[many.n - 1].tick, &sink), 0);
	finish(shard, &many, many.obs[many.n - 1].tick);
	nr_detector_rsdos.close(shard);
	assert_true(one.n_attacks == 3);
	assert_int_equal(one.out.n, many.out.n);
	assert_memory_equal(one.out.p, many.out.p, one.out.n);
	run_done(&one);
	run_done(&many);
}

static void ended_findings_come_in_order_of_their_last_packet(void **state)
{
	struct nr_detect_env env = env_of(65536);
	struct run run;

	(void)state;
	run_init(&run);
	for (uint32_t i = 0; i < 40; i++)
		flood(&run, 65536, 0xcb000000 + i * 256, (i * 37) % 40 * 20, 150, 0.3);
	put(&run, 5000, 0xcb000000, NET);
	run_whole(&env, &run);
	assert_int_equal(run.n_attacks, 40);
	const char *text, *at;
	char before[40] = "";

	nr_buf_add(&run.out, "", 1);
	text = at = (const char *)run.out.p;
	while ((at = strstr(at, "\"last\":\"")) != NULL) {
		assert_true(strncmp(before, at, 27) <= 0);
		memcpy(before, at, 27);
		at += 8;
	}
	assert_non_null(strstr(text, "\"state\":\"ended\""));
	assert_null(strstr(text, "\"state\":\"continuing\""));
	run_done(&run);
}

static void a_full_table_refuses_and_counts_and_keeps_what_it_has(void **state)
{
	struct nr_detect_env env = env_of(65536);
	struct run run;
	uint64_t rng = 1;

	(void)state;
	env.max_entries = 64;
	run_init(&run);
	flood(&run, 65536, 0xcb007105, 0, 250, 0.2);
	for (size_t i = 0; i < 20000; i++)
		put(&run, 5 + (double)i * 0.01, (uint32_t)rng_next(&rng) | 0x40000000, NET)->dport =
			1;
	sort(&run);
	void *shard = open_shard(&env);

	feed(shard, &run, 0, run.n);
	finish(shard, &run, START + 250);
	assert_int_equal(run.n_attacks, 1);
	assert_true(nr_detector_rsdos.refused(shard) > 10000);
	nr_detector_rsdos.close(shard);
	nr_detector_rsdos.close(NULL);
	run_done(&run);
}

static void damaged_snapshots_are_refused_or_harmless(void **state)
{
	struct nr_detect_env env = env_of(65536);
	struct run run;
	struct nr_buf snapshot;

	(void)state;
	run_init(&run);
	mixture(&run, 30);
	nr_buf_init(&snapshot, 1 << 24);
	void *shard = open_shard(&env);

	feed(shard, &run, 0, run.n / 2);
	assert_int_equal(nr_detector_rsdos.save(shard, &snapshot), 0);
	nr_detector_rsdos.close(shard);
	for (size_t at = 0; at < snapshot.n; at += 7) {
		struct nr_reader in = nr_reader_of(snapshot.p, at);

		shard = open_shard(&env);
		assert_true(nr_detector_rsdos.load(shard, &in) < 0);
		nr_detector_rsdos.close(shard);
	}
	for (size_t at = 0; at < snapshot.n; at += 3) {
		struct nr_reader in = nr_reader_of(snapshot.p, snapshot.n);

		snapshot.p[at] ^= 0xff;
		shard = open_shard(&env);
		if (nr_detector_rsdos.load(shard, &in) == 0) {
			feed(shard, &run, run.n / 2, run.n);
			finish(shard, &run, run.obs[run.n - 1].tick);
		}
		nr_detector_rsdos.close(shard);
		nr_buf_reset(&run.out);
		snapshot.p[at] ^= 0xff;
	}
	nr_buf_done(&snapshot);
	run_done(&run);
}

static void hostile_observations_do_no_harm(void **state)
{
	struct nr_detect_env env = env_of(1);
	struct nr_sink sink = { 0 };
	uint64_t rng = 42;
	struct run run;

	(void)state;
	run_init(&run);
	void *shard = open_shard(&env);

	for (size_t i = 0; i < 200000; i++) {
		struct nr_observation obs;
		uint64_t *words = (uint64_t *)(void *)&obs;

		for (size_t k = 0; k < sizeof(obs) / 8; k++)
			words[k] = rng_next(&rng);
		obs.traffic_class = NR_CLASS_BACKSCATTER;
		obs.src = obs.quoted_dst = nr_ip_v4(0xcb007100 + (uint32_t)rng_below(&rng, 4));
		obs.flags &= (uint8_t)~NR_OBS_MIRROR;
		obs.tick = i % 3 == 0 ? obs.tick : (int64_t)i;
		assert_int_equal(nr_detector_rsdos.feed(shard, &obs, 1), 0);
		if (i % 1000 == 0)
			assert_int_equal(nr_detector_rsdos.advance(shard, (int64_t)rng_next(&rng),
								   &sink),
					 0);
	}
	finish(shard, &run, INT64_MAX);
	nr_detector_rsdos.close(shard);
	run_done(&run);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(uniform_floods_are_found_at_every_telescope_size),
		cmocka_unit_test(a_strong_flood_is_found_within_seconds_and_meets_the_moore_rule),
		cmocka_unit_test(retransmissions_count_once_and_widen_the_interval),
		cmocka_unit_test(resets_from_many_ports_to_one_are_a_flood),
		cmocka_unit_test(quoted_packets_name_victim_port_and_protocol_once),
		cmocka_unit_test(carpets_are_found_though_no_victim_is),
		cmocka_unit_test(ipv6_victims_are_found_without_a_rate),
		cmocka_unit_test(syn_ack_scans_are_no_floods),
		cmocka_unit_test(answers_to_few_addresses_are_no_floods),
		cmocka_unit_test(repeated_answers_of_neighbours_are_no_carpet),
		cmocka_unit_test(addresses_that_nobody_has_are_never_victims_and_8888_is_spoofable),
		cmocka_unit_test(a_run_cut_at_any_observation_and_resumed_equals_the_uncut_one),
		cmocka_unit_test(findings_do_not_depend_on_how_calls_are_cut_nor_on_the_key),
		cmocka_unit_test(ended_findings_come_in_order_of_their_last_packet),
		cmocka_unit_test(a_full_table_refuses_and_counts_and_keeps_what_it_has),
		cmocka_unit_test(damaged_snapshots_are_refused_or_harmless),
		cmocka_unit_test(hostile_observations_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
