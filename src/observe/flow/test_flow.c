/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/flow/flow.h"

#include <stdlib.h>

#include "base/cmocka.h"

enum { T0 = 1700000040 /* a whole minute */, MOST = 4096 };

static const struct nr_hash_key key_a = { { 1, 2, 3, 4 } }, key_b = { { 5, 60, 700, 8000 } };

struct kept {
	struct nr_observation obs[MOST];
	int64_t watermarks[MOST];
	size_t n, n_batches;
};

static void keep(void *ctx, unsigned shard, int64_t watermark, const struct nr_observation *obs,
		 size_t n)
{
	struct kept *k = ctx;

	assert_int_equal(shard, 3);
	assert_true(n > 0 && n <= NR_FLOW_BATCH && k->n + n <= MOST);
	memcpy(&k->obs[k->n], obs, n * sizeof(*obs));
	for (size_t i = 0; i < n; i++)
		k->watermarks[k->n + i] = watermark;
	k->n += n;
	k->n_batches++;
}

struct rig {
	struct nr_flow flow;
	struct kept kept;
	struct nr_flow_out out;
};

static struct rig *rig_new(bool eager, uint32_t max, const struct nr_hash_key *key)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	assert_int_equal(nr_flow_init(&rig->flow, 3, key, max), 0);
	rig->flow.eager = eager;
	rig->out = (struct nr_flow_out){ .ctx = &rig->kept, .batch = keep };
	return rig;
}

static void rig_free(struct rig *rig)
{
	nr_flow_done(&rig->flow);
	free(rig);
}

static void feed(struct rig *rig, const struct nr_packet *packet, int64_t watermark, bool mirror)
{
	struct nr_flow_step step = { .mirror = mirror };

	nr_flow_feed(&rig->flow, packet, &watermark, &step, 1, &rig->out);
}

static void drain(struct rig *rig)
{
	nr_flow_advance(&rig->flow, INT64_MAX, &rig->out);
}

static struct nr_packet syn(uint32_t src, uint32_t dst, uint32_t tick)
{
	return (struct nr_packet){ .src = nr_ip_v4(src),
				   .dst = nr_ip_v4(dst),
				   .tick = tick,
				   .offset = 5,
				   .ip_len = 40,
				   .proto = 6,
				   .sport = 4000,
				   .dport = 23,
				   .ttl = 50,
				   .tcp_flags = NR_TCP_SYN,
				   .window = 1024,
				   .opt_hash = 77,
				   .seq = src ^ dst,
				   .is_v4 = 1 };
}

static struct nr_packet v6_of(struct nr_packet p)
{
	p.src = (struct nr_ip){ { 0x20, 1, 0xd, 0xb8, [15] = p.src.b[15] } };
	p.dst = (struct nr_ip){ { 0x20, 1, 0xd, 0xb9, [15] = p.dst.b[15] } };
	p.is_v4 = 0;
	return p;
}

static void packets_of_one_flow_and_second_make_one_observation(void **state)
{
	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct rig *rig = rig_new(true, 100, &key_a);
		struct nr_packet p = syn(1, 2, T0);

		p = v6 ? v6_of(p) : p;
		p.offset = 500;
		feed(rig, &p, T0, false);
		p.offset = 100; /* a little out of order */
		p.ttl = 60;
		p.ip_len = 1000;
		p.tcp_flags = NR_TCP_ACK;
		p.window = 9;
		p.marks = 1u << NR_MARK_MIRAI;
		p.payload_class = NR_PAYLOAD_HTTP;
		p.payload_hash = 5;
		feed(rig, &p, T0, false);
		p.offset = 900;
		p.ttl = 40;
		p.payload_class = NR_PAYLOAD_TLS;
		p.payload_hash = 6;
		feed(rig, &p, T0, false);
		drain(rig);
		assert_int_equal(rig->kept.n, 1);
		const struct nr_observation *o = rig->kept.obs;

		assert_true(nr_ip_eq(o->src, p.src) && nr_ip_eq(o->dst, p.dst));
		assert_int_equal(o->tick, T0);
		assert_int_equal(o->packets, 3);
		assert_int_equal(o->bytes, 2040);
		assert_int_equal(o->first, 100);
		assert_int_equal(o->last, 900);
		assert_int_equal(o->ttl_min, 40);
		assert_int_equal(o->ttl_max, 60);
		assert_int_equal(o->tcp_flags, NR_TCP_SYN | NR_TCP_ACK);
		assert_int_equal(o->window, 1024);
		assert_int_equal(o->opt_hash, 77);
		assert_int_equal(o->payload, NR_PAYLOAD_HTTP);
		assert_int_equal(o->payload_hash, 5);
		assert_int_equal(o->marks[NR_MARK_MIRAI], 2);
		assert_int_equal(o->flags, 0);
		assert_int_equal(rig->flow.n_flows, 1);
		rig_free(rig);
	}
}

static void whatever_belongs_to_the_key_parts_observations(void **state)
{
	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct rig *rig = rig_new(true, 100, &key_a);
		struct nr_packet p[10];

		for (size_t i = 0; i < NR_COUNT(p); i++)
			p[i] = v6 ? v6_of(syn(1, 2, T0)) : syn(1, 2, T0);
		p[1].src.b[15] = 9;
		p[2].dst.b[15] = 9;
		p[3].sport = 9;
		p[4].dport = 9;
		p[5].proto = 17;
		p[6].traffic_class = NR_CLASS_BACKSCATTER;
		for (unsigned i = 7; i < 10; i++) {
			p[i].proto = v6 ? 58 : 1;
			p[i].quoted_proto = 6;
			p[i].quoted_dst = p[i].src;
		}
		p[8].quoted_dport = 9;
		p[9].quoted_dst.b[15] = 9;
		for (unsigned round = 0; round < 3; round++)
			for (size_t i = 0; i < NR_COUNT(p); i++)
				feed(rig, &p[i], T0, false);
		drain(rig);
		assert_int_equal(rig->kept.n, NR_COUNT(p));
		for (size_t i = 0; i < NR_COUNT(p); i++)
			assert_int_equal(rig->kept.obs[i].packets, 3);
		rig_free(rig);
	}
}

static void each_second_makes_its_own_deltas_in_order_of_arrival(void **state)
{
	struct rig *rig = rig_new(true, 100, &key_a);

	(void)state;
	for (uint32_t s = 0; s < 5; s++) {
		for (uint32_t i = 0; i < 4; i++) {
			struct nr_packet p = syn(9 - i, 2, T0 + s);

			feed(rig, &p, T0 + s, false);
			feed(rig, &p, T0 + s, false);
		}
	}
	assert_int_equal(rig->kept.n, 16); /* the fifth second is still open */
	drain(rig);
	assert_int_equal(rig->kept.n, 20);
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(rig->kept.obs[i].tick, T0 + i / 4);
		assert_int_equal(rig->kept.watermarks[i], T0 + i / 4);
		assert_int_equal(nr_ip_to_v4(rig->kept.obs[i].src), 9 - i % 4);
		assert_int_equal(rig->kept.obs[i].packets, 2);
	}
	rig_free(rig);
}

static void a_late_packet_makes_a_flagged_observation_of_its_own_second(void **state)
{
	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct rig *rig = rig_new(true, 100, &key_a);
		struct nr_packet p = syn(1, 2, T0), late = syn(1, 2, T0 - 1),
				 now = syn(1, 2, T0 + 7);

		p = v6 ? v6_of(p) : p;
		late = v6 ? v6_of(late) : late;
		now = v6 ? v6_of(now) : now;
		feed(rig, &p, T0, false);
		feed(rig, &late, T0, false);
		feed(rig, &now, T0 + 7, false);
		feed(rig, &p, T0 + 7, false); /* the second of the first packet is closed by now */
		drain(rig);
		assert_int_equal(rig->kept.n, 4);
		static const struct {
			int64_t tick;
			uint8_t flags;
		} want[] = {
			{ T0, 0 }, { T0 - 1, NR_OBS_LATE }, { T0 + 7, 0 }, { T0, NR_OBS_LATE }
		};

		for (size_t i = 0; i < NR_COUNT(want); i++) {
			assert_int_equal(rig->kept.obs[i].tick, want[i].tick);
			assert_int_equal(rig->kept.obs[i].flags, want[i].flags);
			assert_int_equal(rig->kept.obs[i].packets, 1);
		}
		rig_free(rig);
	}
}

static void a_mirror_is_a_copy_that_is_marked_and_not_counted(void **state)
{
	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct rig *rig = rig_new(true, 1, &key_a);
		struct nr_packet p = syn(1, 2, T0);

		p.proto = 1;
		p.marks = 1u << NR_MARK_ZMAP; /* there is no room for marks beside a quote */
		p.quoted_proto = 17;
		p.quoted_dport = 53;
		p = v6 ? v6_of(p) : p;
		p.quoted_dst = p.dst;
		feed(rig, &p, T0, true);
		feed(rig, &p, T0, true);
		feed(rig, &p, T0,
		     false); /* no room: a second entry, since copy and original are apart */
		p.sport++;
		feed(rig, &p, T0, true); /* no room either, but only originals count as refused */
		drain(rig);
		assert_int_equal(rig->kept.n, 1);
		assert_int_equal(rig->kept.obs[0].flags, NR_OBS_MIRROR | NR_OBS_QUOTED);
		assert_int_equal(rig->kept.obs[0].packets, 2);
		assert_int_equal(rig->kept.obs[0].quoted_proto, 17);
		assert_int_equal(rig->kept.obs[0].quoted_dport, 53);
		assert_true(nr_ip_eq(rig->kept.obs[0].quoted_dst, p.dst));
		assert_int_equal(rig->flow.n_flows, 0);
		assert_int_equal(rig->flow.n_refused, 1);
		rig_free(rig);
	}
}

static void large_sums_and_many_marks_do_not_wrap(void **state)
{
	struct rig *rig = rig_new(true, 10, &key_a);
	struct nr_packet p = syn(1, 2, T0);

	(void)state;
	p.marks = 1u << NR_MARK_MASSCAN;
	p.ip_len = 1u << 31;
	for (unsigned i = 0; i < 300; i++)
		feed(rig, &p, T0, false);
	drain(rig);
	assert_int_equal(rig->kept.obs[0].bytes, UINT64_C(300) << 31);
	assert_int_equal(rig->kept.obs[0].marks[NR_MARK_MASSCAN], 255);
	rig_free(rig);
}

/* ---- a stream of packets, fed in different ways ---- */

enum { STREAM = 3000 };

struct stream {
	struct nr_packet packets[STREAM];
	int64_t watermarks[STREAM];
	struct nr_flow_step steps[STREAM];
};

/* Bursts, silence, late packets, both families, quotes, mirrors: the minute changes several times. */
static struct stream *stream_new(void)
{
	struct stream *s = calloc(1, sizeof(*s));
	uint32_t now = T0;

	assert_non_null(s);
	for (uint32_t i = 0; i < STREAM; i++) {
		uint64_t r = nr_mix64(i + 1);

		now += r % 7 == 0 ? (uint32_t)(r >> 8) % 3 : r % 501 == 1 ? 200 : 0;
		struct nr_packet p = syn((uint32_t)(r >> 16) % 50, (uint32_t)(r >> 24) % 9, now);

		p.offset = (uint32_t)(r >> 30) % 1000000000;
		p.tick -= r % 11 == 0 ? (uint32_t)(r >> 40) % 90 : 0;
		p.marks = (uint16_t)(r >> 50) & 15;
		if (r % 13 == 0) {
			p.proto = 1;
			p.quoted_proto = 6;
			p.quoted_dst = nr_ip_v4((uint32_t)(r >> 44) % 5);
		}
		s->packets[i] = r % 5 == 0 && p.quoted_proto == 0 ? v6_of(p) : p;
		s->watermarks[i] = now;
		s->steps[i] = (struct nr_flow_step){ .packet = (uint16_t)i,
						     .mirror = p.quoted_proto != 0 && r % 2 };
	}
	return s;
}

static void expect_same(const struct rig *a, const struct rig *b)
{
	assert_int_equal(a->kept.n, b->kept.n);
	for (size_t i = 0; i < a->kept.n; i++) {
		assert_memory_equal(&a->kept.obs[i], &b->kept.obs[i], sizeof(a->kept.obs[i]));
		assert_int_equal(a->kept.watermarks[i] / NR_FLOW_MINUTE,
				 b->kept.watermarks[i] / NR_FLOW_MINUTE);
	}
	assert_int_equal(a->flow.n_flows, b->flow.n_flows);
	assert_int_equal(a->flow.n_refused, b->flow.n_refused);
}

/* IPv4 comes before IPv6 when a table is emptied, so the order between the families depends on when it is. */
static struct stream *stream_of_v4(void)
{
	struct stream *s = stream_new();

	for (uint32_t i = 0; i < STREAM; i++) {
		struct nr_packet *p = &s->packets[i];

		if (!p->is_v4) {
			p->src = nr_ip_v4(i % 7);
			p->dst = nr_ip_v4(i % 3);
			p->is_v4 = 1;
		}
	}
	return s;
}

static void eager_and_lazy_tables_give_the_same_observations(void **state)
{
	static const uint32_t caps[] = { MOST, 3 }; /* also at the cap of a second */
	struct stream *s = stream_of_v4();

	(void)state;
	for (size_t c = 0; c < NR_COUNT(caps); c++) {
		struct rig *eager = rig_new(true, caps[c], &key_a),
			   *lazy = rig_new(false, caps[c], &key_b);

		nr_flow_feed(&eager->flow, s->packets, s->watermarks, s->steps, STREAM,
			     &eager->out);
		nr_flow_feed(&lazy->flow, s->packets, s->watermarks, s->steps, STREAM, &lazy->out);
		assert_true(lazy->kept.n_batches < eager->kept.n_batches);
		drain(eager);
		drain(lazy);
		expect_same(eager, lazy);
		assert_int_equal(eager->flow.n_refused > 0, caps[c] == 3);
		rig_free(eager);
		rig_free(lazy);
	}
	free(s);
}

static void cuts_advances_and_keys_change_nothing(void **state)
{
	static const size_t strides[] = { 1, 7, 64, 65, 1000 };
	struct stream *s = stream_new();
	struct rig *whole = rig_new(true, MOST, &key_a);

	(void)state;
	nr_flow_feed(&whole->flow, s->packets, s->watermarks, s->steps, STREAM, &whole->out);
	drain(whole);
	for (size_t k = 0; k < NR_COUNT(strides); k++) {
		struct rig *rig = rig_new(true, MOST, k % 2 ? &key_a : &key_b);

		for (size_t i = 0; i < STREAM; i += strides[k]) {
			size_t n = nr_min_size(strides[k], STREAM - i);

			nr_flow_feed(&rig->flow, s->packets, s->watermarks, s->steps + i, n,
				     &rig->out);
			nr_flow_advance(&rig->flow, s->watermarks[i + n - 1], &rig->out);
		}
		drain(rig);
		expect_same(whole, rig);
		rig_free(rig);
	}
	rig_free(whole);
	free(s);
}

static void a_table_saved_at_any_packet_and_loaded_goes_on_as_if_nothing_had_been(void **state)
{
	struct stream *s = stream_new();

	(void)state;
	for (unsigned eager = 0; eager < 2; eager++) {
		struct rig *whole = rig_new(eager, MOST, &key_a);

		nr_flow_feed(&whole->flow, s->packets, s->watermarks, s->steps, STREAM,
			     &whole->out);
		drain(whole);
		for (size_t cut = 0; cut < STREAM; cut += 61) {
			struct rig *a = rig_new(eager, MOST, &key_a),
				   *b = rig_new(eager, MOST, &key_b);
			struct nr_buf saved;

			nr_buf_init(&saved, 1 << 24);
			nr_flow_feed(&a->flow, s->packets, s->watermarks, s->steps, cut, &a->out);
			nr_flow_save(&a->flow, &saved);
			struct nr_reader in = nr_reader_of(saved.p, saved.n);

			assert_int_equal(nr_flow_load(&b->flow, &in), 0);
			assert_int_equal(nr_reader_left(&in), 0);
			b->kept = a->kept;
			nr_flow_feed(&b->flow, s->packets, s->watermarks, s->steps + cut,
				     STREAM - cut, &b->out);
			drain(b);
			expect_same(whole, b);
			nr_buf_done(&saved);
			rig_free(a);
			rig_free(b);
		}
		rig_free(whole);
	}
	free(s);
}

static void a_cut_snapshot_is_refused_at_every_place(void **state)
{
	struct stream *s = stream_new();
	struct rig *a = rig_new(true, MOST, &key_a);
	struct nr_buf saved;

	(void)state;
	nr_buf_init(&saved, 1 << 24);
	nr_flow_feed(&a->flow, s->packets, s->watermarks, s->steps, 500, &a->out);
	nr_flow_save(&a->flow, &saved);
	for (size_t n = 0; n < saved.n; n += 13) {
		struct rig *b = rig_new(true, MOST, &key_a);
		struct nr_reader in = nr_reader_of(saved.p, n);

		assert_int_equal(nr_flow_load(&b->flow, &in), NR_EDAMAGED);
		rig_free(b);
	}
	nr_buf_done(&saved);
	rig_free(a);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_of_one_flow_and_second_make_one_observation),
		cmocka_unit_test(whatever_belongs_to_the_key_parts_observations),
		cmocka_unit_test(each_second_makes_its_own_deltas_in_order_of_arrival),
		cmocka_unit_test(a_late_packet_makes_a_flagged_observation_of_its_own_second),
		cmocka_unit_test(a_mirror_is_a_copy_that_is_marked_and_not_counted),
		cmocka_unit_test(large_sums_and_many_marks_do_not_wrap),
		cmocka_unit_test(eager_and_lazy_tables_give_the_same_observations),
		cmocka_unit_test(cuts_advances_and_keys_change_nothing),
		cmocka_unit_test(
			a_table_saved_at_any_packet_and_loaded_goes_on_as_if_nothing_had_been),
		cmocka_unit_test(a_cut_snapshot_is_refused_at_every_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
