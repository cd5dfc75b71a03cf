/* SPDX-License-Identifier: Apache-2.0 */
/* Which sensors saw an address: against sums over a plain list of rows. */
#include "orient/online/saw.h"

#include <stdlib.h>

#include "base/cmocka.h"

enum { T0 = 1767571200, SENSORS = 12 };
#define S NR_NS_PER_S

static struct nr_uuid uuids[SENSORS]; /* by number; not in order of their bytes */

static uint32_t number_of(const struct nr_uuid *sensor)
{
	return (uint32_t)(sensor - uuids);
}

static const struct nr_uuid *uuid_of(const void *ctx, uint32_t number)
{
	(void)ctx;
	assert_true(number < SENSORS);
	return &uuids[number];
}

static const struct nr_hash_key key = { { 1, 2, 3, 4 } };

static void open_saw(struct nr_saw *saw, size_t max)
{
	*saw = (struct nr_saw){ 0 };
	for (unsigned i = 0; i < SENSORS; i++)
		uuids[i] = (struct nr_uuid){ { (uint8_t)(i * 7 % SENSORS + 1) } };
	assert_int_equal(nr_saw_init(saw, max, &key, number_of), 0);
}

static struct nr_observation row(uint32_t src, int64_t tick, bool answers)
{
	return (struct nr_observation){ .src = nr_ip_v4(src),
					.dst = nr_ip_v4(0xc6120001),
					.tick = tick,
					.first = 100,
					.last = 200,
					.packets = 3,
					.bytes = 120,
					.traffic_class = answers ? NR_CLASS_BACKSCATTER
								 : NR_CLASS_SCAN };
}

static void add(struct nr_saw *saw, const struct nr_observation *r, unsigned sensor)
{
	struct nr_wait_key k = { nr_observation_first(r).ns, r, &uuids[sensor] };

	nr_saw_rows(saw, &k, 1);
}

static struct nr_sightings who(const struct nr_saw *saw, uint32_t ip, enum nr_saw_kind kind,
			       int64_t from_s, int64_t to_s)
{
	struct nr_saw_sums sums = { 0 };
	struct nr_sightings out;

	assert_int_equal(nr_saw_collect(saw, nr_ip_v4(ip), kind, from_s * S, to_s * S, &sums), 0);
	assert_int_equal(nr_saw_sums_out(&sums, from_s * S, to_s * S, uuid_of, NULL, &out.list,
					 &out.n),
			 0);
	nr_saw_sums_done(&sums);
	for (size_t i = 1; i < out.n; i++)
		assert_true(nr_sighting_cmp(&out.list[i - 1], &out.list[i]) < 0);
	return out;
}

static size_t n_who(const struct nr_saw *saw, uint32_t ip, enum nr_saw_kind kind, int64_t from_s,
		    int64_t to_s)
{
	struct nr_sightings s = who(saw, ip, kind, from_s, to_s);

	free(s.list);
	return s.n;
}

/* ---- what is counted ---- */

struct plain {
	uint64_t packets[64][SENSORS], bytes[64][SENSORS];
	int64_t first[64][SENSORS], last[64][SENSORS];
};

static void plain_add(struct plain *p, const struct nr_observation *r, unsigned a, unsigned s)
{
	if (p->packets[a][s] == 0)
		p->first[a][s] = INT64_MAX;
	p->packets[a][s] += r->packets;
	p->bytes[a][s] += r->bytes;
	p->first[a][s] = nr_observation_first(r).ns < p->first[a][s] ? nr_observation_first(r).ns
								     : p->first[a][s];
	p->last[a][s] = nr_observation_last(r).ns > p->last[a][s] ? nr_observation_last(r).ns
								  : p->last[a][s];
}

static void sums_are_those_of_a_plain_list_however_rows_are_cut(void **state)
{
	enum { ROWS = 5000, PER_SECOND = 100 };
	static struct nr_observation rows[ROWS];
	static struct nr_wait_key keys[ROWS];

	(void)state;
	for (unsigned cut = 1; cut <= 1000; cut = cut * 10) {
		struct plain *p = calloc(1, sizeof(*p));
		struct nr_saw saw;

		assert_non_null(p);
		open_saw(&saw, 1000);
		for (uint32_t i = 0; i < ROWS; i++) {
			uint64_t r = nr_mix64(i + 1);
			unsigned a = (unsigned)(r % 64) * (unsigned)(r >> 60) / 16,
				 s = (unsigned)(r >> 20) % SENSORS;

			rows[i] = row(0x08080800 + a, T0 + i / PER_SECOND, true);
			rows[i].first = (uint32_t)(r >> 30) % 500000000;
			rows[i].last = rows[i].first + (uint32_t)(r >> 33) % 500000000;
			rows[i].packets = 1 + (uint32_t)(r >> 40) % 1000;
			keys[i] = (struct nr_wait_key){ 0, &rows[i], &uuids[s] };
			plain_add(p, &rows[i], a, s);
		}
		for (uint32_t i = 0; i < ROWS; i += cut)
			nr_saw_rows(&saw, keys + i, i + cut < ROWS ? cut : ROWS - i);
		for (unsigned a = 0; a < 64; a++) {
			struct nr_sightings got = who(&saw, 0x08080800 + a, NR_SAW_ANSWERS, T0,
						      T0 + 10000);
			size_t n = 0;

			for (unsigned s = 0; s < SENSORS; s++)
				n += p->packets[a][s] > 0;
			assert_int_equal(got.n, n);
			for (size_t k = 0; k < got.n; k++) {
				unsigned s = 0;

				while (!nr_uuid_eq(uuids[s], got.list[k].sensor))
					s++;
				assert_int_equal(got.list[k].packets, p->packets[a][s]);
				assert_int_equal(got.list[k].bytes, p->bytes[a][s]);
				assert_true(got.list[k].first.ns == p->first[a][s]);
				assert_true(got.list[k].last.ns == p->last[a][s]);
			}
			free(got.list);
		}
		assert_int_equal(nr_saw_refused(&saw), 0);
		nr_saw_done(&saw);
		free(p);
	}
}

static void who_sent_little_is_kept_only_with_a_mark(void **state)
{
	struct nr_saw saw;

	(void)state;
	open_saw(&saw, 100);
	for (unsigned i = 0; i < NR_SAW_FEW; i++) {
		struct nr_observation r = row(1 << 24, T0, false), m = row(2 << 24, T0, false);

		m.marks[NR_MARK_MIRAI] = 2;
		add(&saw, &r, 0);
		add(&saw, &m, 1);
	}
	assert_int_equal(n_who(&saw, 1 << 24, NR_SAW_SENDS, T0, T0 + 1), 0);
	struct nr_sightings s = who(&saw, 2 << 24, NR_SAW_SENDS, T0, T0 + 1);

	assert_int_equal(s.n, 1);
	assert_int_equal(s.list[0].packets, 3 * NR_SAW_FEW);
	assert_int_equal(s.list[0].marked, 2 * NR_SAW_FEW);
	free(s.list);
	struct nr_observation r = row(1 << 24, T0, false);

	add(&saw, &r, 3);
	assert_int_equal(n_who(&saw, 1 << 24, NR_SAW_SENDS, T0, T0 + 1), 1);
	assert_int_equal(n_who(&saw, 1 << 24, NR_SAW_ANSWERS, T0, T0 + 1), 0);
	nr_saw_done(&saw);
}

/* As rsdos.v1 counts: the victim of a quoted packet, in the victim's shard. */
static void a_quoted_packet_is_its_victims(void **state)
{
	struct nr_observation r = row(1 << 24, T0, true);
	struct nr_saw saw;

	(void)state;
	open_saw(&saw, 100);
	r.flags = NR_OBS_QUOTED;
	r.quoted_dst = nr_ip_v4(2 << 24);
	add(&saw, &r, 0);
	assert_int_equal(saw.subjects.n, 0); /* the router's shard: it is nobody's victim */
	r.flags |= NR_OBS_MIRROR;
	add(&saw, &r, 0);
	assert_int_equal(n_who(&saw, 2 << 24, NR_SAW_ANSWERS, T0, T0 + 1), 1);
	assert_int_equal(n_who(&saw, 1 << 24, NR_SAW_ANSWERS, T0, T0 + 1), 0);
	r.traffic_class = NR_CLASS_OTHER;
	r.quoted_dst = nr_ip_v4(3 << 24);
	add(&saw, &r, 0);
	assert_int_equal(saw.subjects.n, 1);
	nr_saw_done(&saw);
}

/* ---- intervals ---- */

static void an_interval_ends_with_silence_unless_a_finding_is_open(void **state)
{
	enum { IP = 9 << 24 };

	(void)state;
	for (unsigned pinned = 0; pinned < 2; pinned++) {
		struct nr_observation a = row(IP, T0, true), b = row(IP, T0 + 301, true),
				      late = row(IP, T0 - 400, true);
		struct nr_saw saw;

		open_saw(&saw, 100);
		add(&saw, &a, 0);
		add(&saw, &a, 1);
		if (pinned)
			nr_saw_pin(&saw, nr_ip_v4(IP), NR_SAW_ANSWERS, NR_SAW_PIN_ALONE, true);
		add(&saw, &late, 5); /* of an interval before this one: nobody's */
		assert_int_equal(n_who(&saw, IP, NR_SAW_ANSWERS, 0, T0 + 1000), 2);
		add(&saw, &b, 1);
		add(&saw, &b, 2);
		struct nr_sightings s = who(&saw, IP, NR_SAW_ANSWERS, 0, T0 + 1000);

		assert_int_equal(s.n, pinned ? 3 : 2);
		free(s.list);
		/* only who saw something in the finding's time counts for it */
		assert_int_equal(n_who(&saw, IP, NR_SAW_ANSWERS, T0 + 200, T0 + 1000), 2);
		assert_int_equal(n_who(&saw, IP, NR_SAW_ANSWERS, 0, T0 + 1), pinned ? 2 : 0);
		add(&saw, &b, 0); /* an entry left over from before is used anew */
		assert_int_equal(n_who(&saw, IP, NR_SAW_ANSWERS, T0 + 200, T0 + 1000), 3);
		nr_saw_advance(&saw, T0 + 301 + 4000);
		nr_saw_advance(&saw, T0 + 301 + 9000);
		assert_int_equal(saw.subjects.n, pinned);
		assert_int_equal(saw.entries.n, pinned ? 3 : 0);
		assert_int_equal(n_who(&saw, IP, NR_SAW_ANSWERS, 0, T0 + 1000), pinned ? 3 : 0);
		nr_saw_done(&saw);
	}
}

static void late_rows_of_two_intervals_in_one_call_stay_apart(void **state)
{
	struct nr_observation a = row(9 << 24, T0, true), b = row(9 << 24, T0 + 302, true);
	struct nr_wait_key keys[2] = { { 0, &a, &uuids[0] }, { 0, &b, &uuids[0] } };
	struct nr_saw saw;

	(void)state;
	open_saw(&saw, 100);
	nr_saw_rows(&saw, keys, 2);
	struct nr_sightings s = who(&saw, 9 << 24, NR_SAW_ANSWERS, 0, T0 + 1000);

	assert_int_equal(s.n, 1);
	assert_int_equal(s.list[0].packets, 3);
	free(s.list);
	nr_saw_done(&saw);
}

static void what_forgetting_moved_is_found_where_it_is_now(void **state)
{
	struct nr_observation old = row(8 << 24, T0, true), a = row(9 << 24, T0 + 3600, true),
			      b = row(9 << 24, T0 + 4000, true);
	struct nr_saw saw;

	(void)state;
	open_saw(&saw, 100);
	for (unsigned i = 0; i < 3; i++)
		add(&saw, &old, i);
	for (unsigned i = 0; i < 3; i++)
		add(&saw, &a, i);
	nr_saw_advance(&saw, T0 + 3950);
	assert_int_equal(saw.subjects.n, 1);
	assert_int_equal(saw.entries.n, 3);
	assert_int_equal(n_who(&saw, 9 << 24, NR_SAW_ANSWERS, 0, T0 + 5000), 3);
	for (unsigned i = 0; i < 3; i++) /* another interval, in the entries of the last */
		add(&saw, &b, i);
	assert_int_equal(saw.entries.n, 3);
	assert_int_equal(n_who(&saw, 9 << 24, NR_SAW_ANSWERS, T0 + 3900, T0 + 5000), 3);
	nr_saw_done(&saw);
}

static void sightings_are_cut_to_the_findings_time(void **state)
{
	struct nr_observation a = row(9 << 24, T0, true), b = row(9 << 24, T0 + 100, true);
	struct nr_saw saw;

	(void)state;
	open_saw(&saw, 100);
	add(&saw, &a, 0);
	add(&saw, &b, 0);
	struct nr_sightings s = who(&saw, 9 << 24, NR_SAW_ANSWERS, T0 + 10, T0 + 50);

	assert_int_equal(s.n, 1);
	assert_true(s.list[0].first.ns == (T0 + 10) * S && s.list[0].last.ns == (T0 + 50) * S);
	free(s.list);
	nr_saw_done(&saw);
}

static void a_row_that_ends_before_it_begins_makes_nobody_blind(void **state)
{
	struct nr_observation bad = row(9 << 24, T0, true), good = row(9 << 24, T0, true);
	struct nr_sighting *list;
	struct nr_saw saw;
	struct nr_buf out;
	size_t n;

	(void)state;
	bad.first = 900;
	bad.last = 0;
	open_saw(&saw, 100);
	add(&saw, &bad, 0);
	add(&saw, &good, 1);
	struct nr_sightings s = who(&saw, 9 << 24, NR_SAW_ANSWERS, T0, T0 + 10);

	nr_buf_init(&out, 4096);
	nr_sightings_print(s.list, s.n, &out);
	assert_int_equal(nr_sightings_parse(nr_buf_str(&out), &list, &n), 0);
	assert_int_equal(n, 2);
	free(list);
	free(s.list);
	nr_buf_done(&out);
	nr_saw_done(&saw);
}

static void a_prefix_is_the_sum_of_its_addresses(void **state)
{
	struct nr_saw_sums sums = { 0 };
	struct nr_prefix prefix;
	struct nr_sightings out;
	struct nr_saw saw;

	(void)state;
	open_saw(&saw, 1000);
	for (uint32_t i = 0; i < 300; i++) {
		struct nr_observation r = row(0x09090900 + i, T0, true);

		add(&saw, &r, i % 3);
	}
	assert_int_equal(nr_prefix_parse(NR_STR("9.9.9.0/24"), &prefix), 0);
	assert_int_equal(nr_saw_collect_prefix(&saw, prefix, NR_SAW_ANSWERS, 0, INT64_MAX, &sums),
			 0);
	assert_int_equal(nr_saw_sums_out(&sums, 0, INT64_MAX, uuid_of, NULL, &out.list, &out.n), 0);
	assert_int_equal(out.n, 3);
	assert_int_equal(out.list[0].packets + out.list[1].packets + out.list[2].packets, 3 * 256);
	free(out.list);
	nr_saw_sums_done(&sums);
	nr_saw_done(&saw);
}

/* ---- limits and snapshots ---- */

static void at_the_cap_what_is_new_is_refused_and_counted(void **state)
{
	struct nr_saw saw;

	(void)state;
	open_saw(&saw, 10);
	for (uint32_t i = 0; i < 15; i++) {
		struct nr_observation r = row((i + 1) << 24, T0, true);

		for (unsigned s = 0; s < 2; s++)
			add(&saw, &r, s);
	}
	assert_int_equal(saw.subjects.n, 10);
	assert_int_equal(nr_saw_refused(&saw), 10); /* five, at each of two sensors */
	assert_int_equal(n_who(&saw, 1 << 24, NR_SAW_ANSWERS, T0, T0 + 1), 2);
	assert_int_equal(n_who(&saw, 15 << 24, NR_SAW_ANSWERS, T0, T0 + 1), 0);
	nr_saw_done(&saw);
}

static void fill(struct nr_saw *saw, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		uint64_t r = nr_mix64(i);
		struct nr_observation o = row((uint32_t)(r % 50 + 1) << 16, T0 + i * 7, r & 1 << 9);

		if (i % 100 == 0)
			nr_saw_advance(saw, o.tick);
		add(saw, &o, (unsigned)(r >> 32) % SENSORS);
	}
}

/* As it is read back: in which order a chain stands depends on how it came about, and changes nothing. */
static void save_plainly(const struct nr_saw *saw, struct nr_buf *out)
{
	struct nr_saw again;
	struct nr_buf text;

	open_saw(&again, 1000);
	nr_buf_init(&text, 1 << 24);
	nr_saw_save(saw, &text);
	struct nr_reader in = nr_reader_of(text.p, text.n);

	assert_int_equal(nr_saw_load(&again, &in, SENSORS), 0);
	nr_buf_init(out, 1 << 24);
	nr_saw_save(&again, out);
	nr_buf_done(&text);
	nr_saw_done(&again);
}

static void saved_and_loaded_anywhere_it_goes_on_as_if_never_stopped(void **state)
{
	enum { N = 3000 };
	struct nr_saw whole;
	struct nr_buf want;

	(void)state;
	open_saw(&whole, 1000);
	fill(&whole, 0, N);
	save_plainly(&whole, &want);
	for (uint32_t cut = 1; cut < N; cut += 299) {
		struct nr_saw before, after;
		struct nr_buf text, got;

		open_saw(&before, 1000);
		open_saw(&after, 1000);
		fill(&before, 0, cut);
		nr_buf_init(&text, 1 << 24);
		nr_saw_save(&before, &text);
		struct nr_reader in = nr_reader_of(text.p, text.n);

		assert_int_equal(nr_saw_load(&after, &in, SENSORS), 0);
		assert_int_equal(nr_reader_left(&in), 0);
		fill(&after, cut, N);
		save_plainly(&after, &got);
		assert_int_equal(got.n, want.n);
		assert_memory_equal(got.p, want.p, want.n);
		in = nr_reader_of(text.p, text.n);
		if (cut > 299) /* somebody is in it by now; of too few sensors */
			assert_int_equal(nr_saw_load(&before, &in, 1), NR_EDAMAGED);
		in = nr_reader_of(text.p, text.n - 1);
		assert_int_equal(nr_saw_load(&before, &in, SENSORS), NR_EDAMAGED);
		nr_buf_done(&text);
		nr_buf_done(&got);
		nr_saw_done(&before);
		nr_saw_done(&after);
	}
	nr_buf_done(&want);
	nr_saw_done(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_those_of_a_plain_list_however_rows_are_cut),
		cmocka_unit_test(who_sent_little_is_kept_only_with_a_mark),
		cmocka_unit_test(a_quoted_packet_is_its_victims),
		cmocka_unit_test(an_interval_ends_with_silence_unless_a_finding_is_open),
		cmocka_unit_test(late_rows_of_two_intervals_in_one_call_stay_apart),
		cmocka_unit_test(what_forgetting_moved_is_found_where_it_is_now),
		cmocka_unit_test(sightings_are_cut_to_the_findings_time),
		cmocka_unit_test(a_row_that_ends_before_it_begins_makes_nobody_blind),
		cmocka_unit_test(a_prefix_is_the_sum_of_its_addresses),
		cmocka_unit_test(at_the_cap_what_is_new_is_refused_and_counted),
		cmocka_unit_test(saved_and_loaded_anywhere_it_goes_on_as_if_never_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
