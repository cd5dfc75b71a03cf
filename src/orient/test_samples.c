/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cmocka.h"
#include "orient/samples.h"

static const struct nr_hash_key key = { { 0x8f3a91c2d4e5b607, 0x1c2d3e4f5a6b7988,
					  0xa5b6c7d8e9f00112, 0x77665544332211ff } };

static struct nr_sample sample(uint32_t ip, uint16_t port, int64_t at_s, uint8_t first_byte)
{
	return (struct nr_sample){ .src = nr_ip_v4(ip),
				   .port = port,
				   .proto = 17,
				   .first = { at_s * NR_NS_PER_S },
				   .n = 1,
				   .bytes = { first_byte } };
}

static void the_first_payload_of_a_source_and_port_stays(void **state)
{
	struct nr_samples s;
	struct nr_sample a = sample(1, 53, 10, 'a'), b = sample(1, 53, 11, 'b'),
			 c = sample(1, 123, 12, 'c');

	(void)state;
	assert_int_equal(nr_samples_init(&s, &key), 0);
	nr_samples_add(&s, &a);
	nr_samples_add(&s, &b);
	nr_samples_add(&s, &c);
	assert_int_equal(nr_samples_find(&s, nr_ip_v4(1), 17, 53)->bytes[0], 'a');
	assert_int_equal(nr_samples_find(&s, nr_ip_v4(1), 17, 123)->bytes[0], 'c');
	assert_null(nr_samples_find(&s, nr_ip_v4(1), 6, 53));
	assert_null(nr_samples_find(&s, nr_ip_v4(2), 17, 53));
	nr_samples_done(&s);
}

static void at_the_cap_new_ones_are_refused_until_old_ones_are_a_day_old(void **state)
{
	struct nr_samples s;

	(void)state;
	assert_int_equal(nr_samples_init(&s, &key), 0);
	for (uint32_t i = 0; i < NR_SAMPLES_MAX + 5; i++) {
		struct nr_sample one = sample(i, 53, 100, 'x');

		nr_samples_add(&s, &one);
	}
	assert_int_equal(s.table.n, NR_SAMPLES_MAX);
	assert_int_equal(s.table.n_refused, 5);
	nr_samples_advance(&s, 100);
	assert_int_equal(s.table.n, NR_SAMPLES_MAX);
	nr_samples_advance(&s, 100 + NR_SAMPLES_AGE_S);
	assert_int_equal(s.table.n, 0);
	nr_samples_done(&s);
}

static void a_snapshot_brings_them_back(void **state)
{
	struct nr_samples s, t;
	struct nr_sample a = sample(7, 1900, 10, 'm');
	struct nr_buf buf;

	(void)state;
	nr_buf_init(&buf, 1 << 20);
	assert_int_equal(nr_samples_init(&s, &key), 0);
	assert_int_equal(nr_samples_init(&t, &key), 0);
	nr_samples_add(&s, &a);
	nr_samples_save(&s, &buf);

	struct nr_reader in = nr_reader_of(buf.p, buf.n);

	assert_int_equal(nr_samples_load(&t, &in), 0);
	assert_memory_equal(nr_samples_find(&t, nr_ip_v4(7), 17, 1900), &a, sizeof(a));
	nr_buf_done(&buf);
	nr_samples_done(&s);
	nr_samples_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_payload_of_a_source_and_port_stays),
		cmocka_unit_test(at_the_cap_new_ones_are_refused_until_old_ones_are_a_day_old),
		cmocka_unit_test(a_snapshot_brings_them_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
