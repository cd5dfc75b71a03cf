/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/lab/world.h"

#include <stdlib.h>

#include "base/cmocka.h"
#include "base/hash.h"
#include "learn/lab/crowd.h"
#include "learn/lab/scenario.h"
#include "learn/lab/tool.h"
#include "learn/lab/victim.h"

enum { KEEP = 20000, PACKET = 128 };

/* A sink that keeps the first packets and sums up the rest. */
struct tape {
	uint64_t packets, truth_packets, actors, digest;
	int64_t newest;
	bool is_ordered;
	uint64_t distinct, rate_packets;
	int64_t ts[KEEP];
	uint8_t bytes[KEEP][PACKET];
};

static int tape_packet(void *ctx, int64_t ts, uint8_t *ip, size_t n)
{
	struct tape *tape = ctx;

	if (tape->packets < KEEP) {
		tape->ts[tape->packets] = ts;
		memcpy(tape->bytes[tape->packets], ip, n < PACKET ? n : PACKET);
	}
	tape->packets++;
	tape->is_ordered = tape->is_ordered && ts >= tape->newest;
	tape->newest = ts;
	tape->digest = nr_mix64(tape->digest ^ (uint64_t)ts);
	for (size_t i = 0; i < n; i++)
		tape->digest = (tape->digest ^ ip[i]) * UINT64_C(0x100000001b3);
	return 0;
}

static int tape_truth(void *ctx, const struct nr_lab_world *world, const struct nr_lab_actor *actor)
{
	struct tape *tape = ctx;

	(void)world;
	tape->actors++;
	tape->truth_packets += actor->packets;
	tape->distinct += actor->touched.n;
	assert_true(actor->packets == 0 || actor->first <= actor->last);
	assert_true(actor->touched.n <= actor->packets);
	return 0;
}

static struct tape *tape_new(void)
{
	struct tape *tape = calloc(1, sizeof(*tape));

	assert_non_null(tape);
	tape->is_ordered = true;
	return tape;
}

static struct nr_lab_world *world_of(const char *net, int64_t seconds, uint64_t seed,
				     struct tape *tape)
{
	struct nr_prefix prefix;
	struct nr_lab_options options = { .nets = &prefix,
					  .n_nets = 1,
					  .start = { NR_NS_PER_S },
					  .duration = seconds * NR_NS_PER_S,
					  .seed = seed,
					  .packets = 20000,
					  .sources = 3000 };
	struct nr_lab_sink sink = { tape, tape_packet, tape_truth };
	struct nr_lab_world *world = NULL;

	assert_int_equal(nr_prefix_parse(nr_str_from(net), &prefix), 0);
	assert_int_equal(nr_lab_world_new(&options, &sink, &world, NULL), 0);
	return world;
}

static void every_scenario_is_ordered_accounted_for_and_repeatable(void **state)
{
	(void)state;
	for (const struct nr_lab_scenario *s = nr_lab_scenarios; s->name != NULL; s++) {
		uint64_t digests[3];

		for (uint64_t run = 0; run < 3; run++) {
			struct tape *tape = tape_new();
			struct nr_lab_world *world =
				world_of(s->net, s->duration / NR_NS_PER_S / 20, 7 + run / 2, tape);

			s->populate(world);
			assert_int_equal(nr_lab_world_run(world), 0);
			assert_true(tape->packets > 10);
			assert_true(tape->is_ordered);
			assert_true(tape->newest < world->end);
			assert_true(tape->packets == tape->truth_packets);
			digests[run] = tape->digest;
			nr_lab_world_free(world);
			free(tape);
		}
		assert_true(digests[0] == digests[1]);
		assert_true(digests[0] != digests[2]);
	}
}

static void the_bench_has_exactly_the_size_that_was_asked_for(void **state)
{
	struct tape *tape = tape_new();
	struct nr_lab_world *world = world_of("198.18.0.0/16", 3600, 1, tape);

	(void)state;
	nr_lab_bench(world, 20000, 3000);
	assert_int_equal(nr_lab_world_run(world), 0);
	assert_int_equal(tape->packets, 20000);
	assert_int_equal(tape->actors, 3000 + 0);
	nr_lab_world_free(world);
	free(tape);
}

static void a_scanner_is_thinned_to_its_share_of_the_telescope(void **state)
{
	static const uint8_t arrivals[] = { NR_LAB_POISSON, NR_LAB_REGULAR, NR_LAB_BURSTY };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(arrivals); i++)
		for (int tool = 0; tool < NR_LAB_TOOLS; tool++) {
			/* this network lies in the half that Conficker reaches: it sees twice the share */
			double rate = tool == NR_LAB_CONFICKER ? 32768 : 65536;
			struct tape *tape = tape_new();
			struct nr_lab_world *world = world_of("198.18.0.0/16", 4000, 3 + i, tape);

			/* 65536 packets/s over 2^32 addresses: one a second into a /16 */
			(void)nr_lab_scan(world,
					  &(struct nr_lab_scan){ .tool = (enum nr_lab_tool_id)tool,
								 .rate = rate,
								 .arrival = arrivals[i] });
			assert_int_equal(nr_lab_world_run(world), 0);
			assert_in_range(tape->packets, arrivals[i] == NR_LAB_BURSTY ? 3000 : 3600,
					arrivals[i] == NR_LAB_BURSTY ? 5000 : 4400);
			nr_lab_world_free(world);
			free(tape);
		}
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static struct tape *packets_of(enum nr_lab_tool_id tool)
{
	struct tape *tape = tape_new();
	struct nr_lab_world *world = world_of("198.18.0.0/16", 200, 11, tape);

	(void)nr_lab_scan(world, &(struct nr_lab_scan){ .tool = tool, .rate = 65536 });
	assert_int_equal(nr_lab_world_run(world), 0);
	assert_in_range(tape->packets, 100, 500);
	nr_lab_world_free(world);
	return tape;
}

static void tools_keep_the_relations_that_give_them_away(void **state)
{
	struct tape *masscan = packets_of(NR_LAB_MASSCAN), *mirai = packets_of(NR_LAB_MIRAI);
	struct tape *nmap = packets_of(NR_LAB_NMAP), *unicorn = packets_of(NR_LAB_UNICORNSCAN);
	struct tape *zmap = packets_of(NR_LAB_ZMAP), *conficker = packets_of(NR_LAB_CONFICKER);
	const uint8_t *n0 = nmap->bytes[0], *u0 = unicorn->bytes[0];

	(void)state;
	for (int i = 0; i < 100; i++) {
		const uint8_t *m = masscan->bytes[i], *n = nmap->bytes[i], *u = unicorn->bytes[i];
		uint32_t x = be32(n + 24) ^ be32(n0 + 24);

		assert_int_equal(m[4] << 8 | m[5],
				 (be32(m + 16) ^ be32(m + 22) >> 16 ^ be32(m + 24)) & 0xffff);
		assert_int_equal(be32(mirai->bytes[i] + 24), be32(mirai->bytes[i] + 16));
		assert_int_equal(x >> 16, x & 0xffff);
		assert_int_equal(be32(u + 24) ^ be32(u0 + 24),
				 be32(u + 16) ^ be32(u0 + 16) ^ be32(u + 20) >> 16 ^
					 be32(u0 + 20) >> 16 ^
					 (be32(u + 20) ^ be32(u0 + 20)) << 16);
		assert_int_equal(zmap->bytes[i][4] << 8 | zmap->bytes[i][5], 54321);
		assert_true(conficker->bytes[i][17] < 128 && conficker->bytes[i][19] < 128);
	}
	free(masscan);
	free(mirai);
	free(nmap);
	free(unicorn);
	free(zmap);
	free(conficker);
}

static void a_botnet_doubles_at_first_and_fills_up(void **state)
{
	struct tape *tape = tape_new();
	struct nr_lab_world *world = world_of("198.18.0.0/16", 3600, 5, tape);

	(void)state;
	(void)nr_lab_botnet(world, &(struct nr_lab_botnet){ .tool = NR_LAB_MIRAI,
							    .rate = 1,
							    .first = 10,
							    .all = 1000,
							    .doubling = 300 * NR_NS_PER_S });
	world->end = world->start + 900 * NR_NS_PER_S;
	assert_int_equal(nr_lab_world_run(world), 0);
	assert_in_range(tape->actors - 1, 70, 80); /* 10 * 2^3, a little less */
	nr_lab_world_free(world);
	free(tape);
}

static void a_victim_repeats_its_syn_ack_with_the_same_numbers(void **state)
{
	struct tape *tape = tape_new();
	struct nr_lab_world *world = world_of("198.18.0.0/16", 100, 5, tape);
	unsigned again = 0;

	(void)state;
	(void)nr_lab_flood(world, &(struct nr_lab_flood){ NR_LAB_FLOOD_SYN_OPEN, .rate = 65536,
							  .port = 443 });
	assert_int_equal(nr_lab_world_run(world), 0);
	for (uint64_t i = 0; i < tape->packets; i++)
		for (uint64_t k = 0; k < i; k++)
			again += be32(tape->bytes[i] + 24) == be32(tape->bytes[k] + 24) &&
				 be32(tape->bytes[i] + 16) == be32(tape->bytes[k] + 16);
	assert_true(again > tape->packets / 2);
	nr_lab_world_free(world);
	free(tape);
}

static int refuse(void *ctx, int64_t ts, uint8_t *ip, size_t n)
{
	(void)ctx;
	(void)ts;
	(void)ip;
	(void)n;
	return -ENOSPC;
}

static void a_sink_that_fails_ends_the_run(void **state)
{
	struct tape *tape = tape_new();
	struct nr_lab_world *world = world_of("198.18.0.0/16", 100, 5, tape);

	(void)state;
	world->sink.packet = refuse;
	(void)nr_lab_scan(world, &(struct nr_lab_scan){ .tool = NR_LAB_ZMAP, .rate = 65536 });
	assert_int_equal(nr_lab_world_run(world), -ENOSPC);
	assert_int_equal(world->stats.packets, 1);
	nr_lab_world_free(world);
	free(tape);
}

static void sources_are_plausible_and_never_given_twice(void **state)
{
	enum { N = 300000 };
	struct tape *tape = tape_new();
	struct nr_lab_world *world = world_of("198.18.0.0/16", 100, 5, tape);
	uint8_t *seen = calloc(1u << 29, 1);

	(void)state;
	assert_non_null(seen);
	for (int i = 0; i < N; i++) {
		struct nr_ip ip = nr_lab_space_source(&world->space, &world->rng);
		uint32_t v4 = nr_ip_to_v4(ip);

		assert_int_equal(nr_ip_kind(ip), NR_IP_GLOBAL);
		assert_false(seen[v4 >> 3] >> (v4 & 7) & 1);
		seen[v4 >> 3] |= (uint8_t)(1u << (v4 & 7));
	}
	free(seen);
	nr_lab_world_free(world);
	free(tape);
}

static void overlapping_networks_are_refused(void **state)
{
	struct nr_prefix nets[2];
	struct nr_lab_options options = { .nets = nets, .n_nets = 2, .duration = 1 };
	struct nr_lab_sink sink = { NULL, refuse, NULL };
	struct nr_lab_world *world = NULL;

	(void)state;
	assert_int_equal(nr_prefix_parse(NR_STR("198.18.0.0/16"), &nets[0]), 0);
	assert_int_equal(nr_prefix_parse(NR_STR("198.18.4.0/24"), &nets[1]), 0);
	assert_int_equal(nr_lab_world_new(&options, &sink, &world, NULL), NR_EUSAGE);
	assert_null(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_scenario_is_ordered_accounted_for_and_repeatable),
		cmocka_unit_test(the_bench_has_exactly_the_size_that_was_asked_for),
		cmocka_unit_test(a_scanner_is_thinned_to_its_share_of_the_telescope),
		cmocka_unit_test(tools_keep_the_relations_that_give_them_away),
		cmocka_unit_test(a_botnet_doubles_at_first_and_fills_up),
		cmocka_unit_test(a_victim_repeats_its_syn_ack_with_the_same_numbers),
		cmocka_unit_test(a_sink_that_fails_ends_the_run),
		cmocka_unit_test(sources_are_plausible_and_never_given_twice),
		cmocka_unit_test(overlapping_networks_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
