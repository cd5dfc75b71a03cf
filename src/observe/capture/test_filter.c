/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/capture/filter.h"

#include "base/cmocka.h"

/* 192.0.2.1:1000 -> 198.51.100.2:443, SYN */
static const uint8_t ip4[40] = { 0x45, 0, 0,   40, 0,	 0, 0, 0,   64, 6,   0, 0, 192, 0,
				 2,    1, 198, 51, 100,	 2, 3, 232, 1,	187, 0, 0, 0,	0,
				 0,    0, 0,   0,  0x50, 2, 4, 0,   0,	0,   0, 0 };

/** The same packet behind the link header of @p link. */
static struct nr_frame frame_of(uint16_t link, uint8_t *bytes, size_t cap)
{
	static const struct {
		uint16_t link;
		uint8_t head[24];
		size_t n;
	} heads[] = {
		{ 1, { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 }, 14 },
		{ 113, { 0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0 }, 16 },
		{ 276, { 8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6 }, 20 },
		{ 101, { 0 }, 0 },
		{ 228, { 0 }, 0 },
		{ 12, { 0 }, 0 },
		{ 0, { 2, 0, 0, 0 }, 4 },
		{ 108, { 0, 0, 0, 2 }, 4 },
	};
	size_t n = 0;

	for (size_t i = 0; i < NR_COUNT(heads); i++) {
		if (heads[i].link != link)
			continue;
		memcpy(bytes, heads[i].head, heads[i].n);
		n = heads[i].n;
	}
	assert_true(n + sizeof(ip4) <= cap);
	memcpy(bytes + n, ip4, sizeof(ip4));
	n += sizeof(ip4);
	return (struct nr_frame){
		.data = bytes, .caplen = (uint32_t)n, .wirelen = (uint32_t)n, .link = link
	};
}

static void an_expression_means_the_same_on_every_link_type(void **state)
{
	static const uint16_t links[] = { 1, 113, 276, 101, 228, 12, 0, 108 };
	static const struct {
		const char *expression;
		int passes;
	} cases[] = {
		{ "", 1 },
		{ "ip", 1 },
		{ "ip6", 0 },
		{ "tcp dst port 443", 1 },
		{ "tcp src port 443", 0 },
		{ "src net 192.0.2.0/24 and tcp[tcpflags] & tcp-syn != 0", 1 },
		{ "not host 198.51.100.2", 0 },
		{ "udp or icmp", 0 },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		nr_auto(nr_filter) filter = NULL;

		assert_int_equal(nr_filter_new(cases[i].expression, &filter, NULL), 0);
		for (size_t k = 0; k < NR_COUNT(links); k++) {
			uint8_t bytes[80];
			struct nr_frame frame = frame_of(links[k], bytes, sizeof(bytes));

			assert_int_equal(nr_filter_match(filter, &frame), cases[i].passes);
			assert_int_equal(nr_filter_explain(filter, links[k], NULL), 0);
		}
	}
}

static void a_frame_cut_short_is_not_read_past_its_end(void **state)
{
	nr_auto(nr_filter) filter = NULL;
	uint8_t bytes[80];
	struct nr_frame frame = frame_of(1, bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(nr_filter_new("tcp dst port 443", &filter, NULL), 0);
	for (uint32_t n = 0; n < 54; n++) {
		frame.caplen = n;
		assert_int_equal(nr_filter_match(filter, &frame), n >= 38);
	}
}

static void a_wrong_expression_is_quoted_with_the_reason(void **state)
{
	static const char *const wrong[] = { "prot 80",	       "host",	      "ip and (",
					     "tcp port 99999", "tcp and udp", "\x1b[2J" };

	(void)state;
	for (size_t i = 0; i < NR_COUNT(wrong); i++) {
		struct nr_filter *filter = NULL;
		struct nr_err err = { 0 };

		assert_int_equal(nr_filter_new(wrong[i], &filter, &err), NR_EUSAGE);
		assert_null(filter);
		assert_memory_equal(err.msg, "filter \"", 8);
		assert_non_null(strstr(err.msg, "\": "));
		assert_null(strchr(err.msg, '\x1b'));
	}
}

static void an_expression_that_does_not_fit_the_link_type_is_explained(void **state)
{
	nr_auto(nr_filter) filter = NULL;
	uint8_t bytes[80];
	struct nr_frame ethernet = frame_of(1, bytes, sizeof(bytes)), raw, wlan;
	struct nr_err err = { 0 };

	(void)state;
	assert_int_equal(nr_filter_new("ether src 02:00:00:00:00:02", &filter, NULL), 0);
	assert_int_equal(nr_filter_match(filter, &ethernet), 1);
	raw = frame_of(101, bytes, sizeof(bytes));
	assert_int_equal(nr_filter_match(filter, &raw), NR_EFORMAT);
	assert_int_equal(nr_filter_explain(filter, 101, &err), NR_EFORMAT);
	assert_non_null(
		strstr(err.msg, "filter \"ether src 02:00:00:00:00:02\" on link type 101: "));
	assert_null(nr_filter_program(filter, 101));
	wlan = raw;
	wlan.link = 105;
	assert_int_equal(nr_filter_match(filter, &wlan), NR_EFORMAT);
	assert_int_equal(nr_filter_explain(filter, 105, &err), NR_EFORMAT);
	assert_string_equal(
		err.msg,
		"filter \"ether src 02:00:00:00:00:02\": frames of link type 105 cannot be filtered");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_expression_means_the_same_on_every_link_type),
		cmocka_unit_test(a_frame_cut_short_is_not_read_past_its_end),
		cmocka_unit_test(a_wrong_expression_is_quoted_with_the_reason),
		cmocka_unit_test(an_expression_that_does_not_fit_the_link_type_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
