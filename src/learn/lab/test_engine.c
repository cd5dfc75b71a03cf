/* SPDX-License-Identifier: Apache-2.0 */
/* The engine over whole worlds: the same output for any threads, keys and cuts. */
#include "learn/lab/out.h"
#include "learn/lab/scenario.h"
#include "orient/test_run.h"

struct world {
	const char *scenario, *net;
	int64_t minutes;
	double scale;
};

/* Small, and long enough that sources and attacks end in between. */
static const struct world worlds[] = {
	{ "sample", "198.18.0.0/28", 30, 1 },
	{ "floods", "198.18.0.0/27", 60, 1 },
	{ "weeks", "198.18.0.0/28", 72 * 60, 1 },
	{ "ipv6", "2001:db8::/32", 10, 0.1 },
};

static void pcap_of(const struct world *w, struct nr_buf *pcap)
{
	const struct nr_lab_scenario *scenario = nr_lab_scenario_find(nr_str_from(w->scenario));
	struct nr_prefix net;
	struct nr_lab_world *world;
	struct nr_lab_out *out;
	int fd = memfd_create("world", MFD_CLOEXEC);
	off_t size;

	assert_non_null(scenario);
	assert_true(fd >= 0);
	assert_int_equal(nr_prefix_parse(nr_str_from(w->net), &net), 0);
	struct nr_lab_options options = { .nets = &net,
					  .n_nets = 1,
					  .start = { 1767571200 * NR_NS_PER_S },
					  .duration = w->minutes * 60 * NR_NS_PER_S,
					  .seed = 11,
					  .scale = w->scale };

	assert_int_equal(nr_lab_out_new(fd, -1, NR_LAB_RAW_IP, true, &out), 0);
	struct nr_lab_sink sink = nr_lab_out_sink(out, false);

	assert_int_equal(nr_lab_world_new(&options, &sink, &world, NULL), 0);
	scenario->populate(world);
	assert_int_equal(nr_lab_world_run(world), 0);
	assert_int_equal(nr_lab_out_flush(out), 0);
	nr_lab_world_free(world);
	nr_lab_out_free(out);
	size = lseek(fd, 0, SEEK_END);
	nr_buf_init(pcap, TEST_OUT_MAX);
	uint8_t *bytes = nr_buf_reserve(pcap, (size_t)size);

	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, (size_t)size, 0), size);
	nr_buf_commit(pcap, (size_t)size);
	(void)close(fd);
}

static void threads_and_keys_change_no_byte_of_any_world(void **state)
{
	static const unsigned threads[] = { 7 };

	(void)state;
	for (size_t w = 0; w < NR_COUNT(worlds); w++) {
		struct nr_buf pcap;

		pcap_of(&worlds[w], &pcap);
		struct test_run first = { .pcap = { pcap.p, pcap.n },
					  .nets = { worlds[w].net },
					  .key = 1 };

		test_run(&first);
		assert_int_equal(first.status, 0);
		test_expect_accounts(&first.result.counts);
		assert_true(first.result.counts.classified > 1000);
		for (size_t i = 0; i < NR_COUNT(threads); i++) {
			struct test_run again = { .pcap = first.pcap,
						  .nets = { worlds[w].net },
						  .threads = threads[i],
						  .key = 1000 + i };

			test_run(&again);
			test_expect_same(&first, &again);
			test_run_done(&again);
		}
		test_run_done(&first);
		nr_buf_done(&pcap);
	}
}

static void a_world_cut_in_two_equals_the_uncut_one(void **state)
{
	enum { CUTS = 2 };

	(void)state;
	for (size_t w = 0; w < NR_COUNT(worlds); w++) {
		struct nr_buf pcap;

		pcap_of(&worlds[w], &pcap);
		struct test_run whole = { .pcap = { pcap.p, pcap.n }, .nets = { worlds[w].net } };
		size_t n = test_pcap_count(whole.pcap);

		test_run(&whole);
		for (size_t i = 0; i < CUTS; i++)
			test_cut(&whole, 1 + n * i / CUTS + i * 7);
		test_run_done(&whole);
		nr_buf_done(&pcap);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_and_keys_change_no_byte_of_any_world),
		cmocka_unit_test(a_world_cut_in_two_equals_the_uncut_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
