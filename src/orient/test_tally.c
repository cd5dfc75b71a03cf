/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/tally.h"

#include <math.h>
#include <stdlib.h>

#include "base/cmocka.h"
#include "base/hash.h"
#include "record/proto.h"

/* START begins a bin of 1,024 seconds. */
enum { N_OBS = 20000, N_SOURCES = 3000, START = 1767226368 };

/* A crowd whose times cover hours, so that bins double many times. */
static struct nr_observation *crowd(void)
{
	struct nr_observation *list = calloc(N_OBS, sizeof(*list));
	uint64_t x = 1;

	assert_non_null(list);
	for (size_t i = 0; i < N_OBS; i++) {
		struct nr_observation *obs = &list[i];

		x = nr_mix64(x + i);
		obs->src = nr_ip_v4(0x0a000000u + (uint32_t)(x % N_SOURCES));
		obs->tick = START + (int64_t)(nr_mix64(x ^ 1) % 40000);
		obs->packets = 1 + (uint32_t)(x >> 60);
		obs->bytes = obs->packets * UINT64_C(40);
		obs->proto = x % 10 < 7 ? NR_PROTO_TCP : x % 10 < 9 ? NR_PROTO_UDP : NR_PROTO_ICMP;
		obs->dport = (x >> 8) % 3 != 0 ? 23 : (uint16_t)(x >> 16);
		obs->traffic_class = (uint8_t)(x >> 40 & 3);
	}
	return list;
}

static struct nr_source source_of(uint64_t i)
{
	uint64_t x = nr_mix64(i);
	int64_t first = START + (int64_t)(x % 30000), span = (int64_t)(x >> 32 & 0x1fff);

	return (struct nr_source){ .src = nr_ip_v4((uint32_t)x),
				   .first = { first * NR_NS_PER_S + 5 },
				   .last = { (first + span) * NR_NS_PER_S + 6 },
				   .packets = 1 + (x >> 50),
				   .level = (uint8_t)(x >> 20 & 3),
				   .traffic_class = NR_CLASS_SCAN,
				   .tools = (uint16_t)(x >> 24 & 7) };
}

static struct nr_tally *tally_new(void)
{
	struct nr_tally *tally = NULL;

	assert_int_equal(nr_tally_new(NULL, &tally), 0);
	return tally;
}

/* The snapshot says everything that a tally knows, in one form. */
static void assert_same(const struct nr_tally *a, const struct nr_tally *b)
{
	struct nr_buf x, y;

	nr_buf_init(&x, 64 << 20);
	nr_buf_init(&y, 64 << 20);
	nr_tally_save(a, &x);
	nr_tally_save(b, &y);
	assert_int_equal(x.err, 0);
	assert_int_equal(x.n, y.n);
	assert_memory_equal(x.p, y.p, x.n);
	nr_buf_done(&x);
	nr_buf_done(&y);
}

static void order_cuts_and_sharing_change_nothing(void **state)
{
	struct nr_observation *list = crowd();
	struct nr_tally *one = tally_new(), *parts[3];

	(void)state;
	nr_tally_feed(one, list, N_OBS);
	for (uint64_t i = 0; i < N_SOURCES; i++) {
		struct nr_source source = source_of(i);

		nr_tally_source(one, &source);
	}
	for (size_t p = 0; p < 3; p++)
		parts[p] = tally_new();
	for (uint64_t i = N_SOURCES; i-- > 0;) {
		struct nr_source source = source_of(i);

		nr_tally_source(parts[i % 3], &source);
	}
	for (size_t i = N_OBS;
	     i > 0;) { /* backwards, in pieces of odd sizes, to whom it may concern */
		size_t n = nr_min_size(i, 1 + nr_mix64(i) % 200);

		i -= n;
		nr_tally_feed(parts[nr_mix64(i) % 3], list + i, n);
	}
	nr_tally_merge(parts[2], parts[0]);
	nr_tally_merge(parts[2], parts[1]);
	assert_same(one, parts[2]);
	for (size_t p = 0; p < 3; p++)
		nr_tally_free(parts[p]);
	nr_tally_free(one);
	free(list);
}

static void a_snapshot_goes_on_as_if_never_cut(void **state)
{
	struct nr_observation *list = crowd();
	struct nr_tally *whole = tally_new(), *first = tally_new(), *second = tally_new();
	struct nr_buf cut;

	(void)state;
	nr_tally_feed(whole, list, N_OBS);
	nr_tally_feed(first, list, N_OBS / 3);
	nr_buf_init(&cut, 64 << 20);
	nr_tally_save(first, &cut);
	struct nr_reader in = nr_reader_of(cut.p, cut.n);

	assert_int_equal(nr_tally_load(second, &in), 0);
	assert_int_equal(nr_reader_left(&in), 0);
	assert_same(first, second);
	nr_tally_feed(second, list + N_OBS / 3, N_OBS - N_OBS / 3);
	assert_same(whole, second);
	nr_buf_done(&cut);
	nr_tally_free(whole);
	nr_tally_free(first);
	nr_tally_free(second);
	free(list);
}

static void a_damaged_snapshot_is_refused(void **state)
{
	struct nr_observation *list = crowd();
	struct nr_tally *tally = tally_new();
	struct nr_buf saved;

	(void)state;
	nr_tally_feed(tally, list, 50);
	nr_buf_init(&saved, 64 << 20);
	nr_tally_save(tally, &saved);
	nr_tally_free(tally);
	for (size_t n = 0; n < saved.n; n += 1 + n / 16) {
		struct nr_reader in = nr_reader_of(saved.p, n);

		tally = tally_new();
		assert_int_equal(nr_tally_load(tally, &in), NR_EDAMAGED);
		nr_tally_free(tally);
	}
	saved.p[0] = 99;
	struct nr_reader in = nr_reader_of(saved.p, saved.n);

	tally = tally_new();
	assert_int_equal(nr_tally_load(tally, &in), NR_EVERSION);
	nr_tally_free(tally);
	nr_buf_done(&saved);
	free(list);
}

static struct nr_observation simple(uint32_t src, int64_t tick, uint16_t port, uint32_t packets)
{
	return (struct nr_observation){ .src = nr_ip_v4(src),
					.tick = tick,
					.dport = port,
					.packets = packets,
					.bytes = packets * UINT64_C(40),
					.proto = NR_PROTO_TCP };
}

static void top_ports_have_their_sources_and_halves(void **state)
{
	struct nr_tally *tally = tally_new();
	struct nr_tally_row rows[3];

	(void)state;
	for (uint32_t i = 0; i < 1024; i++) {
		/* port 23 twice as much in the second half; 40000 only in the first */
		struct nr_observation obs[] = {
			simple(i, START + i, 23, i < 512 ? 10 : 20),
			simple(i % 10, START + i / 2, 40000, 7),
			simple(1, START + i, 443, 1),
			simple(2, START + i, 22, 50),
		};

		obs[3].flags = NR_OBS_MIRROR;
		nr_tally_feed(tally, obs, NR_COUNT(obs));
	}
	assert_int_equal(nr_tally_top(tally, NR_TALLY_PORT, rows, 3), 3);
	assert_int_equal(nr_tally_count(tally, NR_TALLY_PORT), 3);
	assert_int_equal(rows[0].port, 23);
	assert_int_equal(rows[0].packets, 15360);
	assert_int_equal(rows[0].bytes, 614400);
	assert_true(fabs(rows[0].sources - 1024) < 60);
	assert_true(rows[0].has_halves);
	assert_true(fabs(rows[0].half[1] / rows[0].half[0] - 2) < 1e-9);
	assert_int_equal(rows[1].port, 40000);
	assert_true(fabs(rows[1].sources - 10) < 1.5);
	assert_true(rows[1].half[1] < 1e-9);
	assert_int_equal(rows[2].port, 443);
	assert_true(fabs(rows[2].sources - 1) < 0.1);
	assert_int_equal(nr_tally_packets(tally), 15360 + 8 * 1024);
	nr_tally_free(tally);
}

static void bins_are_aligned_and_as_fine_as_fits(void **state)
{
	static const struct {
		int64_t first, last, width;
		size_t n;
	} cases[] = {
		{ START, START, 1, 1 },
		{ START, START + 127, 1, 128 },
		{ START + 1, START + 128, 1, 128 },
		{ START, START + 128, 2, 65 },
		{ -5, 5, 1, 11 },
		{ 0, INT64_C(9000000000), INT64_C(1) << 27, 68 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_tally *tally = tally_new();
		struct nr_tally_time time;
		struct nr_observation obs[] = { simple(1, cases[i].last, 1, 3),
						simple(2, cases[i].first, 2, 4) };

		nr_tally_feed(tally, obs, 2);
		nr_tally_time(tally, &time);
		assert_int_equal(time.width, cases[i].width);
		assert_int_equal(time.n, cases[i].n);
		assert_int_equal(time.start & (time.width - 1), 0);
		assert_int_equal(time.first, cases[i].first);
		assert_int_equal(time.last, cases[i].last);
		assert_true(time.bins[time.n - 1].packets[0] >= 3);
		nr_tally_free(tally);
	}
}

static void packets_of_a_source_are_spread_over_its_time(void **state)
{
	struct nr_tally *tally = tally_new();
	struct nr_source early = { .first = { START * NR_NS_PER_S },
				   .last = { (START + 99) * NR_NS_PER_S },
				   .packets = 1000,
				   .tools = 1u << NR_MARK_ZMAP },
			 late = { .first = { (START + 900) * NR_NS_PER_S },
				  .last = { (START + 999) * NR_NS_PER_S },
				  .packets = 3000,
				  .tools = 1u << NR_MARK_ZMAP,
				  .level = NR_LEVEL_WIDE };
	struct nr_tally_row row;

	(void)state;
	nr_tally_source(tally, &early);
	nr_tally_source(tally, &late);
	assert_int_equal(nr_tally_top(tally, NR_TALLY_TOOL, &row, 1), 1);
	assert_int_equal(row.index, NR_MARK_ZMAP);
	assert_int_equal(row.packets, 4000);
	assert_true(row.sources == 2);
	assert_true(fabs(row.half[0] - 1000) < 1 && fabs(row.half[1] - 3000) < 1);
	assert_int_equal(nr_tally_top(tally, NR_TALLY_AS, &row, 1), 1);
	assert_int_equal(row.asn, 0);
	assert_int_equal(nr_tally_top(tally, NR_TALLY_ECONOMY, &row, 1), 1);
	assert_string_equal(row.economy, "");
	assert_int_equal(nr_tally_count(tally, NR_TALLY_LEVEL), 2);
	nr_tally_free(tally);
}

static void an_empty_tally_says_nothing(void **state)
{
	struct nr_tally *tally = tally_new(), *other = tally_new();
	struct nr_tally_time time;
	struct nr_tally_row row;

	(void)state;
	nr_tally_merge(tally, other);
	nr_tally_time(tally, &time);
	assert_false(time.any);
	assert_int_equal(nr_tally_top(tally, NR_TALLY_PORT, &row, 1), 0);
	assert_same(tally, other);
	assert_null(nr_tally_free(tally));
	nr_tally_free(other);
	assert_null(nr_tally_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_cuts_and_sharing_change_nothing),
		cmocka_unit_test(a_snapshot_goes_on_as_if_never_cut),
		cmocka_unit_test(a_damaged_snapshot_is_refused),
		cmocka_unit_test(top_ports_have_their_sources_and_halves),
		cmocka_unit_test(bins_are_aligned_and_as_fine_as_fits),
		cmocka_unit_test(packets_of_a_source_are_spread_over_its_time),
		cmocka_unit_test(an_empty_tally_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
