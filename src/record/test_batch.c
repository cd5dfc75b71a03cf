/* SPDX-License-Identifier: Apache-2.0 */
#include "record/batch.h"

#include <stdlib.h>

#include "base/cmocka.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "base/torture.h"

struct dice {
	uint64_t state;
};

static uint64_t roll(struct dice *d)
{
	return nr_mix64(d->state += UINT64_C(0x9e3779b97f4a7c15));
}

static uint32_t roll_below(struct dice *d, uint32_t n)
{
	return (uint32_t)((roll(d) >> 32) * n >> 32);
}

static bool one_in(struct dice *d, uint32_t n)
{
	return roll_below(d, n) == 0;
}

static void roll_bytes(struct dice *d, void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)p)[i] = (uint8_t)roll(d);
}

/* As a telescope sees it: many alike, few odd. */
static void common(struct dice *d, struct nr_observation *o)
{
	static const uint16_t ports[] = { 23, 22, 80, 443, 445, 8080, 2323, 3389 };

	*o = (struct nr_observation){
		.src = nr_ip_v4((uint32_t)roll(d)),
		.dst = nr_ip_v4(0xc6120000u | roll_below(d, 65536)),
		.tick = 1767225600 + roll_below(d, 3),
		.bytes = one_in(d, 3) ? 60 : 40,
		.packets = 1,
		.first = roll_below(d, 1000000) * 1000,
		.sport = (uint16_t)roll(d),
		.dport = ports[roll_below(d, 8)],
		.window = one_in(d, 4) ? (uint16_t)roll(d) : 64240,
		.proto = 6,
		.tcp_flags = 2,
		.ttl_min = (uint8_t)(40 + roll_below(d, 20)),
		.opt_hash = one_in(d, 2) ? 0xf5d04b5c : 0,
	};
	o->last = o->first;
	o->ttl_max = o->ttl_min;
	o->marks[NR_MARK_MIRAI] = one_in(d, 5);
	if (one_in(d, 10)) {
		o->packets = 1 + roll_below(d, 300);
		o->bytes *= o->packets;
		o->last = o->first + roll_below(d, 999);
	}
}

/* Anything that fits the struct. */
static void anything(struct dice *d, struct nr_observation *o)
{
	roll_bytes(d, o, sizeof(*o));
	if (one_in(d, 2))
		o->src = nr_ip_v4((uint32_t)roll(d));
	if (one_in(d, 2))
		o->dst = nr_ip_v4((uint32_t)roll(d));
	if (one_in(d, 2))
		o->quoted_dst = nr_ip_v4((uint32_t)roll(d));
	if (one_in(d, 3)) {
		o->quoted_dst = (struct nr_ip){ { 0 } };
		o->quoted_proto = 0;
		o->quoted_dport = 0;
	}
	if (one_in(d, 2))
		memset(o->marks, (int)roll_below(d, 3), sizeof(o->marks));
	if (one_in(d, 3))
		o->payload_hash = 0;
}

static void quoted(struct dice *d, struct nr_observation *o)
{
	common(d, o);
	o->proto = 1;
	o->dport = 0x0301;
	o->flags = NR_OBS_QUOTED | NR_OBS_ODD;
	o->quoted_dst = nr_ip_v4((uint32_t)roll(d));
	o->quoted_dport = (uint16_t)roll(d);
	o->quoted_proto = one_in(d, 2) ? 17 : 6;
}

static void ipv6(struct dice *d, struct nr_observation *o)
{
	common(d, o);
	roll_bytes(d, &o->src, sizeof(o->src));
	roll_bytes(d, &o->dst, 16);
	if (one_in(d, 2))
		roll_bytes(d, &o->quoted_dst, 16);
}

static void alike(struct dice *d, struct nr_observation *o)
{
	(void)d;
	*o = (struct nr_observation){
		.src = nr_ip_v4(1), .dst = nr_ip_v4(2), .tick = INT64_MIN, .packets = 1
	};
}

/* Times of nanoseconds, ticks at both ends of the range, no two rows of a shape. */
static void spread(struct dice *d, struct nr_observation *o)
{
	common(d, o);
	o->first = (uint32_t)roll(d);
	o->tick = one_in(d, 2) ? INT64_MAX : INT64_MIN;
	o->opt_hash = (uint32_t)roll(d);
	o->dport = (uint16_t)roll(d);
}

typedef void maker(struct dice *d, struct nr_observation *o);

static struct nr_observation *make(maker *fill, size_t n, uint64_t seed)
{
	struct nr_observation *obs = calloc(n, sizeof(*obs));
	struct dice d = { seed };

	assert_non_null(obs);
	for (size_t i = 0; i < n; i++)
		fill(&d, &obs[i]);
	return obs;
}

static void encode(const struct nr_observation *obs, size_t n, struct nr_buf *out)
{
	nr_auto(nr_batch_encoder) e = NULL;

	assert_int_equal(nr_batch_encoder_new(&e), 0);
	assert_int_equal(nr_batch_encoder_add(e, obs, n), n);
	assert_int_equal(nr_batch_encoder_finish(e, out), 0);
}

static void assert_decodes(struct nr_bytes bytes, const struct nr_observation *obs, size_t n)
{
	nr_auto(nr_batch_decoder) d = NULL;
	struct nr_batch_info info;
	struct nr_err err = { 0 };
	struct nr_observation got[100];
	size_t at = 0;

	assert_int_equal(nr_batch_decoder_new(&d), 0);
	if (nr_batch_decoder_open(d, bytes, &info, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(info.n_rows, n);
	assert_int_equal(info.size, bytes.n);
	for (size_t k; (k = nr_batch_decoder_next(d, got, NR_COUNT(got))) > 0; at += k) {
		assert_true(at + k <= n);
		assert_memory_equal(got, obs + at, k * sizeof(got[0]));
	}
	assert_int_equal(at, n);
}

static void what_is_encoded_comes_back_in_order(void **state)
{
	static const struct {
		const char *name;
		maker *fill;
	} makers[] = { { "common", common }, { "anything", anything }, { "quoted", quoted },
		       { "ipv6", ipv6 },     { "alike", alike },       { "spread", spread } };
	static const size_t sizes[] = { 1, 2, 47, 48, 63, 64, 65, 1000, NR_BATCH_ROWS };

	(void)state;
	for (size_t m = 0; m < NR_COUNT(makers); m++)
		for (size_t s = 0; s < NR_COUNT(sizes); s++) {
			struct nr_observation *obs = make(makers[m].fill, sizes[s], m * 100 + s);
			struct nr_buf out;

			nr_buf_init(&out, NR_BATCH_SIZE_MAX);
			encode(obs, sizes[s], &out);
			assert_decodes((struct nr_bytes){ out.p, out.n }, obs, sizes[s]);
			nr_buf_done(&out);
			free(obs);
		}
}

static void an_encoder_used_again_writes_the_same_bytes(void **state)
{
	struct nr_observation *a = make(common, 5000, 1), *b = make(anything, NR_BATCH_ROWS, 2);
	nr_auto(nr_batch_encoder) e = NULL;
	struct nr_buf fresh, used;

	(void)state;
	nr_buf_init(&fresh, NR_BATCH_SIZE_MAX);
	nr_buf_init(&used, NR_BATCH_SIZE_MAX);
	encode(a, 5000, &fresh);
	assert_int_equal(nr_batch_encoder_new(&e), 0);
	assert_int_equal(nr_batch_encoder_add(e, b, NR_BATCH_ROWS), NR_BATCH_ROWS);
	assert_int_equal(nr_batch_encoder_add(e, a, 1), 0); /* full */
	assert_int_equal(nr_batch_encoder_finish(e, &used), 0);
	assert_int_equal(nr_batch_encoder_finish(e, &used), 0); /* nothing to write */
	nr_buf_reset(&used);
	for (size_t i = 0; i < 5000; i += 50)
		assert_int_equal(nr_batch_encoder_add(e, a + i, 50), 50);
	assert_int_equal(nr_batch_encoder_rows(e), 5000);
	assert_int_equal(nr_batch_encoder_finish(e, &used), 0);
	assert_int_equal(used.n, fresh.n);
	assert_memory_equal(used.p, fresh.p, fresh.n);
	nr_buf_done(&fresh);
	nr_buf_done(&used);
	free(a);
	free(b);
}

static void ordinary_observations_take_few_bytes(void **state)
{
	struct nr_observation *obs = make(common, NR_BATCH_ROWS, 3);
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, NR_BATCH_SIZE_MAX);
	encode(obs, NR_BATCH_ROWS, &out);
	assert_true(
		out.n <
		20 * NR_BATCH_ROWS); /* 15 are random: source, destination, port, time, window */
	nr_buf_done(&out);
	free(obs);
}

static void the_header_tells_seconds_monitored_and_counters(void **state)
{
	static const struct nr_batch_counter counters[] = {
		{ "received", 10 }, { "dropped.not_monitored", UINT64_MAX }
	};
	static const struct nr_batch_counter bad[] = { { "Received", 1 }, { "", 1 }, { "a b", 1 } };
	struct nr_observation *obs = make(common, 500, 4);
	nr_auto(nr_batch_encoder) e = NULL;
	nr_auto(nr_batch_decoder) d = NULL;
	struct nr_batch_info info = { 0 };
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, NR_BATCH_SIZE_MAX);
	assert_int_equal(nr_batch_encoder_new(&e), 0);
	assert_int_equal(nr_batch_decoder_new(&d), 0);
	assert_int_equal(nr_batch_encoder_add(e, obs, 500), 500);
	for (size_t i = 0; i < NR_COUNT(bad); i++)
		assert_int_equal(nr_batch_encoder_state(e, 0, &bad[i], 1), -EINVAL);
	assert_int_equal(nr_batch_encoder_state(e, 0, counters, NR_BATCH_COUNTERS + 1), -EINVAL);
	assert_int_equal(nr_batch_encoder_state(e, 65536, counters, 2), 0);
	assert_int_equal(nr_batch_encoder_finish(e, &out), 0);
	assert_int_equal(nr_batch_decoder_open(d, (struct nr_bytes){ out.p, out.n }, &info, NULL),
			 0);
	assert_int_equal(info.first_tick, 1767225600);
	assert_int_equal(info.last_tick, 1767225602);
	assert_int_equal(info.monitored_v4, 65536);
	assert_int_equal(info.n_counters, 2);
	assert_memory_equal(nr_batch_decoder_counters(d), counters, sizeof(counters));
	nr_buf_done(&out);
	free(obs);
}

/* ---- hostile bytes ---- */

static void every_flipped_byte_is_noticed(void **state)
{
	static maker *const makers[] = { common, anything };
	nr_auto(nr_batch_decoder) d = NULL;

	(void)state;
	assert_int_equal(nr_batch_decoder_new(&d), 0);
	for (size_t m = 0; m < NR_COUNT(makers); m++) {
		struct nr_observation *obs = make(makers[m], 70, 5), row;
		struct nr_buf out;

		nr_buf_init(&out, NR_BATCH_SIZE_MAX);
		encode(obs, 70, &out);
		for (size_t i = 0; i < out.n; i++)
			for (unsigned bit = 0; bit < 8; bit++) {
				struct nr_batch_info info;

				out.p[i] ^= (uint8_t)(1u << bit);
				assert_true(nr_batch_decoder_open(d,
								  (struct nr_bytes){ out.p, out.n },
								  &info, NULL) < 0);
				assert_int_equal(nr_batch_decoder_next(d, &row, 1), 0);
				out.p[i] ^= (uint8_t)(1u << bit);
			}
		nr_buf_done(&out);
		free(obs);
	}
}

static void checksum_again(struct nr_buf *batch)
{
	uint32_t crc = nr_crc32c(nr_crc32c(0, batch->p, 8), batch->p + 12, batch->n - 12);

	memcpy(batch->p + 8, &crc, sizeof(crc));
}

/* Whoever lies makes the checksum right. Any answer will do but a read outside (ASan) or too many rows. */
static void a_lie_with_a_good_checksum_does_no_harm(void **state)
{
	static maker *const makers[] = { common, anything, ipv6, quoted };
	nr_auto(nr_batch_decoder) d = NULL;
	struct nr_observation rows[64];
	size_t refused = 0;

	(void)state;
	assert_int_equal(nr_batch_decoder_new(&d), 0);
	for (size_t m = 0; m < NR_COUNT(makers); m++) {
		struct nr_observation *obs = make(makers[m], 70, 6);
		struct nr_buf out;

		nr_buf_init(&out, NR_BATCH_SIZE_MAX);
		encode(obs, 70, &out);
		for (size_t i = 0; i < out.n; i++)
			for (unsigned xor = 1; xor < 256; xor = xor*3 + 1) {
				struct nr_batch_info info = { 0 };
				size_t n = 0;

				out.p[i] ^= (uint8_t) xor ;
				checksum_again(&out);
				refused += nr_batch_decoder_open(d,
								 (struct nr_bytes){ out.p, out.n },
								 &info, NULL) < 0;
				for (size_t k; (k = nr_batch_decoder_next(d, rows, 64)) > 0;)
					n += k;
				assert_int_equal(n, info.n_rows);
				out.p[i] ^= (uint8_t) xor ;
			}
		nr_buf_done(&out);
		free(obs);
	}
	assert_true(refused > 1000);
}

static void a_batch_cut_at_any_byte_is_damaged(void **state)
{
	struct nr_observation *obs = make(anything, 70, 7);
	nr_auto(nr_batch_decoder) d = NULL;
	struct nr_batch_info info;
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, NR_BATCH_SIZE_MAX);
	assert_int_equal(nr_batch_decoder_new(&d), 0);
	encode(obs, 70, &out);
	for (size_t n = 0; n < out.n; n++) {
		uint8_t *exact = malloc(n + (n == 0)); /* ASan sees a read behind it */

		assert_non_null(exact);
		memcpy(exact, out.p, n);
		assert_int_equal(nr_batch_decoder_open(d, (struct nr_bytes){ exact, n }, &info,
						       NULL),
				 NR_EDAMAGED);
		free(exact);
	}
	nr_buf_done(&out);
	free(obs);
}

/* One byte to change and how it is refused, the checksum being right. */
static void what_lies_is_refused_by_name(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		int ret;
		const char *msg;
	} cases[] = {
		{ 0, 'X', NR_EFORMAT, "no batch begins here" },
		{ 4, 2, NR_EVERSION, "batch of version 2, this program reads 1" },
		{ 18, 2, NR_EDAMAGED, "the header of the batch is out of limits" },    /* rows */
		{ 15, 0xff, NR_EDAMAGED, "the header of the batch is out of limits" }, /* size */
		{ 6, 255, NR_EDAMAGED,
		  "the batch contradicts itself: directory longer than the body" },
		{ 44, 1, NR_EDAMAGED, "the batch contradicts itself: counters" },
		{ 16, 4, NR_EDAMAGED, "the batch contradicts itself: columns of different length" },
		{ 28, 9, NR_EDAMAGED, "the batch contradicts itself: seconds" },
		{ NR_BATCH_HEADER, 100, NR_EVERSION,
		  "the batch has a column that this program does not know" },
		{ NR_BATCH_HEADER + 4, 200, NR_EDAMAGED,
		  "the batch contradicts itself: number of values of a column" },
		{ NR_BATCH_HEADER + 2, 9, NR_EDAMAGED,
		  "the batch contradicts itself: a column does not decode" },
		{ NR_BATCH_HEADER + 10, 200, NR_EDAMAGED,
		  "the batch contradicts itself: a column is longer than the body" },
	};
	struct nr_observation *obs = make(alike, 3, 8);
	nr_auto(nr_batch_decoder) d = NULL;
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, NR_BATCH_SIZE_MAX);
	assert_int_equal(nr_batch_decoder_new(&d), 0);
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_batch_info info;
		struct nr_err err = { 0 };

		nr_buf_reset(&out);
		encode(obs, 3, &out);
		out.p[cases[i].at] = cases[i].value;
		checksum_again(&out);
		if (nr_batch_decoder_open(d, (struct nr_bytes){ out.p, out.n }, &info, &err) !=
			    cases[i].ret ||
		    strcmp(err.msg, cases[i].msg) != 0)
			fail_msg("case %zu: %s", i, err.msg);
	}
	nr_buf_done(&out);
	free(obs);
}

/* Where the first value of a column's first plane stands. */
static size_t find_value(const struct nr_buf *batch, uint8_t column)
{
	size_t n = batch->p[6], at = NR_BATCH_HEADER + n * 12;

	for (size_t i = 0; i < n; i++) {
		const uint8_t *entry = batch->p + NR_BATCH_HEADER + i * 12;

		if (entry[0] == column)
			return at + 4;
		at += nr_get_le32(entry + 8);
	}
	fail_msg("no column %u", column);
	return 0;
}

static void an_index_or_bit_that_means_nothing_is_refused(void **state)
{
	static const struct {
		uint8_t column, value;
		const char *msg;
	} cases[] = {
		{ 1, 0, "the batch contradicts itself: seconds" },
		{ 1, 41, "the batch contradicts itself: seconds" },
		{ 2, 77, "the batch contradicts itself: seconds" },
		{ 3, 200, "the batch contradicts itself: an index points nowhere" },
		{ 7, 200, "the batch contradicts itself: an index points nowhere" },
		{ 10, 128, "the batch contradicts itself: shapes" },
		{ 10, 8, "the batch contradicts itself: shapes" },
		{ 10, 1, "the batch contradicts itself: values missing or left over" },
	};
	struct nr_observation *obs = make(common, 40, 12); /* so few that planes are raw */
	nr_auto(nr_batch_decoder) d = NULL;
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, NR_BATCH_SIZE_MAX);
	assert_int_equal(nr_batch_decoder_new(&d), 0);
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_batch_info info;
		struct nr_err err = { 0 };

		nr_buf_reset(&out);
		encode(obs, 40, &out);
		out.p[find_value(&out, cases[i].column)] = cases[i].value;
		checksum_again(&out);
		if (nr_batch_decoder_open(d, (struct nr_bytes){ out.p, out.n }, &info, &err) !=
			    NR_EDAMAGED ||
		    strcmp(err.msg, cases[i].msg) != 0)
			fail_msg("case %zu: %s", i, err.msg);
	}
	nr_buf_done(&out);
	free(obs);
}

/* The zstd frame of a plane says how much it holds before it is taken apart: neither more nor less is taken. */
static void a_plane_that_grows_is_refused_unopened(void **state)
{
	static const uint64_t sizes[] = { 69, 71, UINT32_MAX, (uint64_t)1 << 40 };
	struct nr_observation *obs = make(alike, 70, 13);
	nr_auto(nr_batch_decoder) d = NULL;
	struct nr_buf out, more;

	(void)state;
	nr_buf_init(&out, NR_BATCH_SIZE_MAX);
	nr_buf_init(&more, NR_BATCH_SIZE_MAX);
	assert_int_equal(nr_batch_decoder_new(&d), 0);
	encode(obs, 70, &out);
	for (size_t i = 0; i < NR_COUNT(sizes); i++) {
		/* magic, content size of 8 bytes in a single segment, one block of 70 equal bytes */
		uint8_t frame[] = { 2, 17, 0, 0, 0x28, 0xb5, 0x2f, 0xfd, 0xe0, 70, 0,
				    0, 0,  0, 0, 0,    0,    0x33, 2,	 0,    9 };
		size_t at = find_value(&out, 9) - 4; /* ttl: one constant plane of 5 bytes */
		size_t entry = NR_BATCH_HEADER;
		struct nr_batch_info info;

		while (out.p[entry] != 9)
			entry += 12;
		for (int good = 1; good >= 0; good--) {
			nr_buf_reset(&more);
			if (!good)
				memcpy(frame + 9, &sizes[i], 8);
			nr_buf_add(&more, out.p, at);
			nr_buf_add(&more, frame, sizeof(frame));
			nr_buf_add(&more, out.p + at + 5, out.n - at - 5);
			more.p[entry + 8] = sizeof(frame);
			uint32_t body = (uint32_t)(more.n - NR_BATCH_HEADER);

			memcpy(more.p + 12, &body, 4);
			checksum_again(&more);
			assert_int_equal(nr_batch_decoder_open(d,
							       (struct nr_bytes){ more.p, more.n },
							       &info, NULL),
					 good ? 0 : NR_EDAMAGED);
		}
	}
	nr_buf_done(&out);
	nr_buf_done(&more);
	free(obs);
}

static void an_unknown_optional_column_is_skipped(void **state)
{
	struct nr_observation *obs = make(alike, 3, 9);
	struct nr_buf out, more;

	(void)state;
	nr_buf_init(&out, NR_BATCH_SIZE_MAX);
	nr_buf_init(&more, NR_BATCH_SIZE_MAX);
	encode(obs, 3, &out);
	size_t n_columns = out.p[6], directory = NR_BATCH_HEADER + n_columns * 12;
	uint8_t entry[12] = { 200, 0, 1, 0, 3, 0, 0, 0, 5, 0, 0, 0 };

	nr_buf_add(&more, out.p, directory);
	nr_buf_add(&more, entry, sizeof(entry));
	nr_buf_add(&more, out.p + directory, out.n - directory);
	nr_buf_add(&more, "later", 5);
	more.p[6]++;
	nr_write_le32(&more, (uint32_t)(more.n - NR_BATCH_HEADER));
	more.n -= 4;
	memcpy(more.p + 12, more.p + more.n, 4);
	checksum_again(&more);
	assert_decodes((struct nr_bytes){ more.p, more.n }, obs, 3);
	nr_buf_done(&out);
	nr_buf_done(&more);
	free(obs);
}

enum { COLLIDING = 300, WINDOWS = 16 };

/* Packets chosen to meet in one slot of the table of shapes (its hash is public) cost bytes, and nothing else. */
static void colliding_shapes_come_back(void **state)
{
	struct nr_observation *obs = make(alike, WINDOWS + COLLIDING, 10);
	struct nr_buf out;
	size_t n = 0;

	(void)state;
	while (n < WINDOWS)
		obs[n++].bytes = 40; /* until their window counts as common */
	for (uint32_t hash = 1; n < WINDOWS + COLLIDING; hash++) {
		uint64_t key = UINT64_C(40) << 32 | hash;

		if ((nr_fold64(key ^ UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xd6e8feb86659fd93)) &
		     0x1ffff) != 0)
			continue;
		obs[n].bytes = 40;
		obs[n++].opt_hash = hash;
	}
	nr_buf_init(&out, NR_BATCH_SIZE_MAX);
	encode(obs, n, &out);
	assert_decodes((struct nr_bytes){ out.p, out.n }, obs, n);
	nr_buf_done(&out);
	free(obs);
}

static void without_memory_it_fails_and_leaks_nothing(void **state)
{
	struct nr_observation *obs = make(common, 300, 11);
	uint64_t n = 0;

	(void)state;
	do {
		struct nr_batch_encoder *e = NULL;
		struct nr_batch_decoder *d = NULL;
		struct nr_buf out;
		int64_t live = torture_live;

		nr_buf_init(&out, NR_BATCH_SIZE_MAX);
		torture_fail_nth(++n);
		if (nr_batch_encoder_new(&e) == 0) {
			(void)nr_batch_encoder_add(e, obs, 300);
			if (nr_batch_encoder_finish(e, &out) < 0)
				assert_int_equal(out.n, 0);
		}
		if (nr_batch_decoder_new(&d) == 0 && out.n > 0) {
			struct nr_batch_info info;

			assert_int_equal(nr_batch_decoder_open(d, (struct nr_bytes){ out.p, out.n },
							       &info, NULL),
					 0);
		}
		nr_batch_encoder_free(e);
		nr_batch_decoder_free(d);
		nr_buf_done(&out);
		assert_int_equal(torture_live, live);
	} while (torture_end() >= n);
	assert_true(n > 5);
	free(obs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_comes_back_in_order),
		cmocka_unit_test(an_encoder_used_again_writes_the_same_bytes),
		cmocka_unit_test(ordinary_observations_take_few_bytes),
		cmocka_unit_test(the_header_tells_seconds_monitored_and_counters),
		cmocka_unit_test(every_flipped_byte_is_noticed),
		cmocka_unit_test(a_lie_with_a_good_checksum_does_no_harm),
		cmocka_unit_test(a_batch_cut_at_any_byte_is_damaged),
		cmocka_unit_test(what_lies_is_refused_by_name),
		cmocka_unit_test(an_index_or_bit_that_means_nothing_is_refused),
		cmocka_unit_test(a_plane_that_grows_is_refused_unopened),
		cmocka_unit_test(an_unknown_optional_column_is_skipped),
		cmocka_unit_test(colliding_shapes_come_back),
		cmocka_unit_test(without_memory_it_fails_and_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
