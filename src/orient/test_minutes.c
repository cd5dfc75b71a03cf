/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/minutes.h"

#include <stdlib.h>

#include "base/cmocka.h"
#include "record/proto.h"
#include "record/shard.h"

enum { T0 = 1767225600, ROOM = 4096 };

struct taken {
	struct nr_observation rows[ROOM];
	size_t n, n_calls;
	int ret;
};

static int take(void *ctx, const struct nr_observation *obs, size_t n)
{
	struct taken *t = ctx;

	assert_true(t->n + n <= ROOM);
	memcpy(t->rows + t->n, obs, n * sizeof(*obs));
	t->n += n;
	t->n_calls++;
	return t->ret;
}

struct rig {
	struct nr_minutes *minutes;
	struct nr_engine_out out;
	struct taken *taken;
};

static struct rig rig_new(uint32_t max_entries)
{
	struct rig rig = { .taken = calloc(1, sizeof(*rig.taken)) };

	assert_non_null(rig.taken);
	assert_int_equal(nr_minutes_new((struct nr_engine_out){ .ctx = rig.taken, .flows = take },
					max_entries, &rig.minutes),
			 0);
	rig.out = nr_minutes_out(rig.minutes);
	return rig;
}

static void rig_done(struct rig *rig)
{
	nr_minutes_free(rig->minutes);
	free(rig->taken);
}

static void give(struct rig *rig, const struct nr_observation *obs, size_t n)
{
	assert_int_equal(rig->out.flows(rig->out.ctx, obs, n), 0);
}

static struct nr_observation flow(uint32_t src, uint16_t dport, int64_t tick)
{
	return (struct nr_observation){ .src = nr_ip_v4(src),
					.dst = nr_ip_v4(0xc6120001),
					.tick = tick,
					.packets = 1,
					.bytes = 40,
					.first = 5000,
					.last = 5000,
					.sport = 4000,
					.dport = dport,
					.proto = NR_PROTO_TCP,
					.tcp_flags = 2,
					.ttl_min = 60,
					.ttl_max = 60,
					.window = 1024,
					.opt_hash = 7 };
}

static void seconds_of_a_key_become_one_flow(void **state)
{
	struct rig rig = rig_new(0);
	struct nr_observation a = flow(1, 23, T0 + 1), b = flow(1, 23, T0 + 59),
			      c = flow(1, 23, T0 + 60);

	(void)state;
	b.packets = 3;
	b.bytes = 5000000000;
	b.first = 123456000;
	b.last = 999999000;
	b.tcp_flags = 16;
	b.ttl_min = 50;
	b.ttl_max = 61;
	b.window = 9;
	b.opt_hash = 8;
	b.payload = NR_PAYLOAD_NONE + 1;
	b.payload_hash = 77;
	b.flags = NR_OBS_ODD;
	a.marks[2] = 200;
	b.marks[2] = 100;
	b.marks[3] = 4;
	give(&rig, &a, 1);
	give(&rig, &b, 1);
	assert_int_equal(rig.taken->n, 0);
	give(&rig, &c, 1);
	assert_int_equal(rig.taken->n, 1);

	const struct nr_observation *sum = &rig.taken->rows[0];

	assert_int_equal(sum->tick, T0);
	assert_int_equal(sum->packets, 4);
	assert_int_equal(sum->bytes, 5000000040);
	assert_true(nr_observation_time(sum, sum->first).ns == (T0 + 1) * NR_NS_PER_S + 5000);
	assert_true(nr_observation_time(sum, sum->last).ns == (T0 + 59) * NR_NS_PER_S + 999999000);
	assert_int_equal(sum->tcp_flags, 18);
	assert_int_equal(sum->ttl_min, 50);
	assert_int_equal(sum->ttl_max, 61);
	assert_int_equal(sum->window, 1024); /* of the first packet */
	assert_int_equal(sum->opt_hash, 7);
	assert_int_equal(sum->payload, NR_PAYLOAD_NONE + 1); /* the first that there is */
	assert_int_equal(sum->payload_hash, 77);
	assert_int_equal(sum->flags, NR_OBS_ODD | NR_OBS_MINUTE);
	assert_int_equal(sum->marks[2], 255);
	assert_int_equal(sum->marks[3], 4);
	assert_int_equal(nr_minutes_finish(rig.minutes), 0);
	assert_int_equal(rig.taken->n, 2);
	assert_int_equal(rig.taken->rows[1].tick, T0 + 60);
	assert_int_equal(rig.taken->rows[1].packets, 1);
	assert_int_equal(nr_minutes_finish(rig.minutes), 0);
	assert_int_equal(rig.taken->n, 2);
	rig_done(&rig);
}

static void each_part_of_the_key_tells_flows_apart(void **state)
{
	struct nr_observation all[10];
	struct rig rig = rig_new(0);

	(void)state;
	for (size_t i = 0; i < NR_COUNT(all); i++)
		all[i] = flow(1, 23, T0);
	all[1].dst = nr_ip_v4(0xc6120002);
	all[2].sport++;
	all[3].dport++;
	all[4].proto = NR_PROTO_UDP;
	all[5].traffic_class = 1;
	all[6].flags = NR_OBS_QUOTED;
	all[6].quoted_dst = nr_ip_v4(9);
	all[7] = all[6];
	all[7].quoted_dport = 53;
	all[8] = all[6];
	all[8].quoted_proto = NR_PROTO_UDP;
	all[9].src.b[0] = 0x20; /* IPv6 */
	all[9].dst.b[0] = 0x20;
	for (unsigned second = 0; second < 3; second++) {
		for (size_t i = 0; i < NR_COUNT(all); i++)
			all[i].tick = T0 + second;
		give(&rig, all, NR_COUNT(all));
	}
	assert_int_equal(nr_minutes_finish(rig.minutes), 0);
	assert_int_equal(rig.taken->n, NR_COUNT(all));
	for (size_t i = 0; i < rig.taken->n; i++)
		assert_int_equal(rig.taken->rows[i].packets, 3);
	rig_done(&rig);
}

static void feed_many(struct rig *rig)
{
	for (int64_t tick = T0; tick < T0 + 130; tick += 5)
		for (uint32_t i = 0; i < 300; i++) {
			struct nr_observation o = flow(0x01000000 + i * 77777, 23, tick);

			give(rig, &o, 1);
		}
	assert_int_equal(nr_minutes_finish(rig->minutes), 0);
}

static void the_order_is_minute_shard_and_first_packet_whatever_the_key(void **state)
{
	struct rig rig = rig_new(0), again = rig_new(0);

	(void)state;
	feed_many(&rig);
	feed_many(&again);
	assert_int_equal(rig.taken->n, 900);
	assert_int_equal(again.taken->n, 900);
	assert_memory_equal(rig.taken->rows, again.taken->rows, 900 * sizeof(rig.taken->rows[0]));
	for (size_t i = 1; i < 900; i++) {
		const struct nr_observation *a = &rig.taken->rows[i - 1], *b = a + 1;
		unsigned shard_a = nr_shard_of(a->src), shard_b = nr_shard_of(b->src);

		assert_true(a->tick <= b->tick);
		assert_true(a->tick < b->tick || shard_a <= shard_b);
		assert_true(a->tick < b->tick || shard_a < shard_b ||
			    nr_ip_to_v4(a->src) < nr_ip_to_v4(b->src));
	}
	rig_done(&rig);
	rig_done(&again);
}

static void what_is_late_counts_in_its_own_minute(void **state)
{
	struct rig rig = rig_new(0);
	struct nr_observation on_time = flow(1, 23, T0 + 59), next = flow(1, 23, T0 + 60),
			      late = flow(1, 23, T0 + 58);

	(void)state;
	late.flags = NR_OBS_LATE;
	give(&rig, &on_time, 1);
	give(&rig, &next, 1);
	give(&rig, &late, 1);
	assert_int_equal(nr_minutes_finish(rig.minutes), 0);
	assert_int_equal(rig.taken->n, 3);
	assert_int_equal(rig.taken->rows[1].tick, T0 + 60);
	assert_int_equal(rig.taken->rows[2].tick, T0);
	assert_int_equal(rig.taken->rows[2].flags, NR_OBS_LATE | NR_OBS_MINUTE);
	rig_done(&rig);
}

static void a_full_shard_hands_out_parts_and_loses_nothing(void **state)
{
	struct rig rig = rig_new(8);
	uint64_t packets = 0;

	(void)state;
	for (unsigned round = 0; round < 2; round++)
		for (uint16_t port = 0; port < 20; port++) {
			struct nr_observation o = flow(1, port, T0 + round);

			give(&rig, &o, 1);
		}
	assert_int_equal(nr_minutes_finish(rig.minutes), 0);
	assert_int_equal(nr_minutes_n_parts(rig.minutes), 4);
	for (size_t i = 0; i < rig.taken->n; i++)
		packets += rig.taken->rows[i].packets;
	assert_int_equal(packets, 40);
	assert_true(rig.taken->n > 20 && rig.taken->n <= 40);
	rig_done(&rig);
}

static void packets_stay_at_the_largest_number_there_is(void **state)
{
	struct rig rig = rig_new(0);
	struct nr_observation o = flow(1, 23, T0);

	(void)state;
	o.packets = UINT32_MAX - 1;
	give(&rig, &o, 1);
	give(&rig, &o, 1);
	assert_int_equal(nr_minutes_finish(rig.minutes), 0);
	assert_int_equal(rig.taken->rows[0].packets, UINT32_MAX);
	rig_done(&rig);
}

static void who_cannot_take_more_ends_it(void **state)
{
	struct rig rig = rig_new(0);
	struct nr_observation o = flow(1, 23, T0), next = flow(1, 23, T0 + 60);

	(void)state;
	rig.taken->ret = -ENOSPC;
	give(&rig, &o, 1);
	assert_int_equal(rig.out.flows(rig.out.ctx, &next, 1), -ENOSPC);
	rig_done(&rig);
}

static void who_wants_no_flows_gets_none(void **state)
{
	nr_auto(nr_minutes) minutes = NULL;

	(void)state;
	assert_int_equal(nr_minutes_new((struct nr_engine_out){ 0 }, 0, &minutes), 0);
	struct nr_engine_out out = nr_minutes_out(minutes);

	assert_true(out.flows == NULL && out.source == NULL && out.finding == NULL);
	assert_int_equal(nr_minutes_finish(minutes), 0);
	assert_null(nr_minutes_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_of_a_key_become_one_flow),
		cmocka_unit_test(each_part_of_the_key_tells_flows_apart),
		cmocka_unit_test(the_order_is_minute_shard_and_first_packet_whatever_the_key),
		cmocka_unit_test(what_is_late_counts_in_its_own_minute),
		cmocka_unit_test(a_full_shard_hands_out_parts_and_loses_nothing),
		cmocka_unit_test(packets_stay_at_the_largest_number_there_is),
		cmocka_unit_test(who_cannot_take_more_ends_it),
		cmocka_unit_test(who_wants_no_flows_gets_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
