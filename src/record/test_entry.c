/* SPDX-License-Identifier: Apache-2.0 */
#include "record/entry.h"

#include <stdlib.h>

#include "base/cmocka.h"

#define TEXT(literal)                                           \
	{                                                       \
		(const uint8_t *)(literal), sizeof(literal) - 1 \
	}

static const struct nr_uuid somebody = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
					   16 } };

static const struct nr_entry all[] = {
	{ .type = NR_ENTRY_LEDGER, .text = { .text = TEXT("ledger") } },
	{ .type = NR_ENTRY_BATCH,
	  .batch = { .sensor = { { 1, 2, 3 } },
		     .offset_ns = -5,
		     .imported = 1,
		     .batch = { .epoch = 1,
				.seq = 2,
				.made_ns = 3,
				.payload = TEXT("payload") } } },
	{ .type = NR_ENTRY_GAP,
	  .gap = { .sensor = { { 4 } },
		   .gap = { .epoch = 1,
			    .from_seq = 2,
			    .to_seq = 3,
			    .reason = NR_GAP_UNEXPLAINED } } },
	{ .type = NR_ENTRY_WATERMARK, .watermark = { -7 } },
	{ .type = NR_ENTRY_SENSOR,
	  .sensor = { .sensor = { { 5 } },
		      .event = NR_SENSOR_CLOCK_OFF,
		      .name = "s1",
		      .monitored_v4 = 65536,
		      .value = INT64_MIN } },
	{ .type = NR_ENTRY_DATA, .text = { .text = TEXT("data") } },
	{ .type = NR_ENTRY_CONFIG, .text = { .text = TEXT("") } },
	{ .type = NR_ENTRY_QUARANTINE, .text = { .sensor = { { 6 } }, .text = TEXT("bytes") } },
};

static void every_entry_comes_back(void **state)
{
	struct nr_buf out, again;

	(void)state;
	nr_buf_init(&out, NR_ENTRY_MAX);
	nr_buf_init(&again, NR_ENTRY_MAX);
	for (size_t i = 0; i < NR_COUNT(all); i++) {
		struct nr_entry back = { .at = 9, .arrived_ns = 10 };

		nr_buf_reset(&out);
		nr_buf_reset(&again);
		assert_int_equal(nr_entry_write(&all[i], &out), 0);
		assert_int_equal(nr_entry_read(all[i].type, (struct nr_bytes){ out.p, out.n },
					       &back, NULL),
				 0);
		assert_int_equal(back.type, all[i].type);
		assert_int_equal(back.at, 9);
		assert_int_equal(back.arrived_ns, 10);
		assert_int_equal(nr_entry_write(&back, &again), 0);
		assert_int_equal(out.n, again.n);
		assert_memory_equal(out.p, again.p, out.n);
	}
	nr_buf_done(&out);
	nr_buf_done(&again);
}

static void an_entry_cut_short_is_damaged(void **state)
{
	struct nr_buf out;

	(void)state;
	nr_buf_init(&out, NR_ENTRY_MAX);
	for (size_t i = 0; i < NR_COUNT(all); i++) {
		uint8_t type = all[i].type, *exact;
		bool text = type == NR_ENTRY_LEDGER || type == NR_ENTRY_DATA ||
			    type == NR_ENTRY_CONFIG || type == NR_ENTRY_QUARANTINE ||
			    type == NR_ENTRY_BATCH || type == NR_ENTRY_SENSOR;
		struct nr_entry back = { 0 };

		nr_buf_reset(&out);
		assert_int_equal(nr_entry_write(&all[i], &out), 0);
		exact = malloc(out.n);
		assert_non_null(exact);
		memcpy(exact, out.p, out.n);
		for (size_t cut = 0; cut < out.n; cut++) {
			int ret = nr_entry_read(type, (struct nr_bytes){ exact, cut }, &back, NULL);

			assert_true(ret == NR_EDAMAGED || (text && cut > 0 && ret == 0));
		}
		free(exact);
	}
	nr_buf_done(&out);
}

static void what_cannot_be_is_refused(void **state)
{
	static const struct {
		uint8_t type;
		struct nr_str body;
		int ret;
	} cases[] = {
		{ NR_ENTRY_WATERMARK, NR_STR(""), NR_EDAMAGED },
		{ NR_ENTRY_WATERMARK,
		  NR_STR("\x02"
			 "12345678"),
		  NR_EVERSION },
		{ NR_ENTRY_WATERMARK,
		  NR_STR("\x01"
			 "12345678"),
		  0 },
		{ NR_ENTRY_WATERMARK,
		  NR_STR("\x01"
			 "123456789"),
		  NR_EDAMAGED },
		{ 0, NR_STR("\x01"), NR_EDAMAGED },
		{ NR_ENTRY_QUARANTINE + 1, NR_STR("\x01"), NR_EDAMAGED },
		{ 255, NR_STR("\x01"), NR_EDAMAGED },
		{ NR_ENTRY_SENSOR,
		  NR_STR("\x01"
			 "0123456789abcdef"
			 "\x00"
			 "1234567812345678"
			 "name"),
		  NR_EDAMAGED },
		{ NR_ENTRY_SENSOR,
		  NR_STR("\x01"
			 "0123456789abcdef"
			 "\x0b"
			 "1234567812345678"
			 "name"),
		  NR_EDAMAGED },
		{ NR_ENTRY_SENSOR,
		  NR_STR("\x01"
			 "0123456789abcdef"
			 "\x01"
			 "1234567812345678"
			 "na\nme"),
		  NR_EDAMAGED },
		{ NR_ENTRY_SENSOR,
		  NR_STR("\x01"
			 "0123456789abcdef"
			 "\x01"
			 "1234567812345678"
			 "0123456789012345678901234567890123456789012345678901234567890123"),
		  NR_EDAMAGED },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_bytes body = { (const uint8_t *)cases[i].body.p, cases[i].body.n };
		struct nr_entry back = { 0 };

		assert_int_equal(nr_entry_read(cases[i].type, body, &back, NULL), cases[i].ret);
	}
}

static void the_largest_batch_fits_and_what_is_larger_is_not_written(void **state)
{
	uint8_t *large = calloc(1, NR_ENTRY_MAX + 1);
	struct nr_entry entry = { .type = NR_ENTRY_BATCH,
				  .batch = {
					  .sensor = somebody,
					  .batch = { .epoch = 1,
						     .seq = 1,
						     .payload = { large, NR_BATCH_SIZE_MAX } } } };
	struct nr_entry text = { .type = NR_ENTRY_DATA,
				 .text = { .text = { large, NR_ENTRY_MAX } } };
	struct nr_buf out;

	(void)state;
	assert_non_null(large);
	nr_buf_init(&out, 2 * (size_t)NR_ENTRY_MAX);
	assert_int_equal(nr_entry_write(&entry, &out), 0);
	nr_buf_reset(&out);
	assert_int_equal(nr_entry_write(&text, &out), NR_ELIMIT);
	assert_int_equal(out.n, 0);
	free(large);
	nr_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_entry_comes_back),
		cmocka_unit_test(an_entry_cut_short_is_damaged),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(the_largest_batch_fits_and_what_is_larger_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
