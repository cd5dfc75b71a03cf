/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cursor.h"

#include "base/cmocka.h"

static void numbers_are_read_in_their_byte_order(void **state)
{
	static const uint8_t bytes[] = { 1,    0x12, 0x34, 0x12, 0x34, 0x56, 0x78, 1,	 2,    3,
					 4,    5,    6,	   7,	 8,    0x34, 0x12, 0x78, 0x56, 0x34,
					 0x12, 8,    7,	   6,	 5,    4,    3,	   2,	 1 };
	struct nr_reader r = nr_reader_of(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(nr_read_u8(&r), 1);
	assert_int_equal(nr_read_be16(&r), 0x1234);
	assert_int_equal(nr_read_be32(&r), 0x12345678);
	assert_int_equal(nr_read_be64(&r), UINT64_C(0x0102030405060708));
	assert_int_equal(nr_read_le16(&r), 0x1234);
	assert_int_equal(nr_read_le32(&r), 0x12345678);
	assert_int_equal(nr_read_le64(&r), UINT64_C(0x0102030405060708));
	assert_int_equal(nr_reader_left(&r), 0);
	assert_true(nr_reader_ok(&r));
	assert_int_equal(nr_get_be16(bytes + 1), 0x1234);
	assert_int_equal(nr_get_be32(bytes + 3), 0x12345678);
	assert_int_equal(nr_get_le32(bytes + 17), 0x12345678);
}

static void the_first_failure_sticks_and_moves_nothing(void **state)
{
	static const uint8_t bytes[] = { 1, 2, 3 };
	struct nr_reader r = nr_reader_of(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(nr_read_be32(&r), 0);
	assert_false(nr_reader_ok(&r));
	assert_int_equal(nr_reader_left(&r), 3);
	assert_int_equal(nr_read_u8(&r), 0);
	assert_int_equal(nr_read_varint(&r), 0);
	assert_null(nr_read_bytes(&r, 0));
	assert_int_equal(nr_reader_left(&r), 3);
	r = nr_reader_of(bytes, sizeof(bytes));
	nr_read_skip(&r, SIZE_MAX);
	assert_false(nr_reader_ok(&r));
	r = nr_reader_of(bytes, sizeof(bytes));
	nr_read_skip(&r, 3);
	assert_true(nr_reader_ok(&r));
}

static void every_getter_stops_one_byte_short(void **state)
{
	static const uint8_t bytes[8];
	struct nr_reader r;

	(void)state;
#define SHORT(n, call) \
	(r = nr_reader_of(bytes, (n)-1), assert_int_equal(call, 0), assert_false(nr_reader_ok(&r)))
	SHORT(1, nr_read_u8(&r));
	SHORT(2, nr_read_be16(&r));
	SHORT(2, nr_read_le16(&r));
	SHORT(4, nr_read_be32(&r));
	SHORT(4, nr_read_le32(&r));
	SHORT(8, nr_read_be64(&r));
	SHORT(8, nr_read_le64(&r));
	SHORT(1, nr_read_varint(&r));
#undef SHORT
}

static void what_is_written_is_read_back(void **state)
{
	struct nr_buf w;
	struct nr_reader r;

	(void)state;
	nr_buf_init(&w, 1000);
	nr_write_u8(&w, 0xfe);
	nr_write_be16(&w, 0xfedc);
	nr_write_be32(&w, 0xfedcba98);
	nr_write_le16(&w, 0xfedc);
	nr_write_le32(&w, 0xfedcba98);
	nr_write_le64(&w, UINT64_C(0xfedcba9876543210));
	assert_int_equal(w.n, 21);
	r = nr_reader_of(w.p, w.n);
	assert_int_equal(nr_read_u8(&r), 0xfe);
	assert_int_equal(nr_read_be16(&r), 0xfedc);
	assert_int_equal(nr_read_be32(&r), 0xfedcba98);
	assert_int_equal(nr_read_le16(&r), 0xfedc);
	assert_int_equal(nr_read_le32(&r), 0xfedcba98);
	assert_int_equal(nr_read_le64(&r), UINT64_C(0xfedcba9876543210));
	assert_true(nr_reader_ok(&r));
	nr_buf_done(&w);
}

static void varints_of_every_length_are_read_back(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		for (int delta = -1; delta <= 1; delta++) {
			uint64_t v = (UINT64_C(1) << bit) + (uint64_t)(int64_t)delta;
			struct nr_buf w;
			struct nr_reader r;

			nr_buf_init(&w, 10);
			nr_write_varint(&w, v);
			assert_int_equal(w.err, 0);
			for (size_t n = 0; n < w.n; n++) {
				r = nr_reader_of(w.p, n);
				assert_int_equal(nr_read_varint(&r), 0);
				assert_false(nr_reader_ok(&r));
				assert_int_equal(nr_reader_left(&r), n);
			}
			r = nr_reader_of(w.p, w.n);
			assert_int_equal(nr_read_varint(&r), v);
			assert_true(nr_reader_ok(&r));
			assert_int_equal(nr_reader_left(&r), 0);
			nr_buf_done(&w);
		}
	}
}

static void varints_in_other_forms_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
		{ "\x80\x00", 2 },				    /* zero in two bytes */
		{ "\xff\x80\x00", 3 },				    /* 127 in three */
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10 }, /* bit 64 */
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x80\x00", 11 },
		{ "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x81\x01", 11 },
		{ "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 10 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(bad); i++) {
		struct nr_reader r = nr_reader_of(bad[i].bytes, bad[i].n);

		assert_int_equal(nr_read_varint(&r), 0);
		assert_false(nr_reader_ok(&r));
	}
}

static void a_full_buffer_is_the_writers_error(void **state)
{
	struct nr_buf w;

	(void)state;
	nr_buf_init(&w, 3);
	nr_write_u8(&w, 1);
	nr_write_le32(&w, 2);
	nr_write_u8(&w, 3);
	assert_int_equal(w.err, NR_ELIMIT);
	assert_int_equal(w.n, 1);
	nr_buf_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_in_their_byte_order),
		cmocka_unit_test(the_first_failure_sticks_and_moves_nothing),
		cmocka_unit_test(every_getter_stops_one_byte_short),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(varints_of_every_length_are_read_back),
		cmocka_unit_test(varints_in_other_forms_are_refused),
		cmocka_unit_test(a_full_buffer_is_the_writers_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
