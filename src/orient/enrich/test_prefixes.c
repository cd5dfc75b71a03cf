/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/enrich/prefixes.h"

#include <stdio.h>

#include "base/cmocka.h"
#include "orient/enrich/table_of.h"

static struct nr_ip ip_of(const char *text)
{
	struct nr_ip ip = { { 0 } };

	assert_int_equal(nr_ip_parse(nr_str_from(text), &ip), 0);
	return ip;
}

struct expect {
	const char *ip;
	uint32_t asn;
	const char *name, *economy;
};

static void assert_answers(const struct nr_prefixes *table, const struct expect *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t index = nr_prefixes_find(table, ip_of(cases[i].ip));
		struct nr_origin origin = nr_prefixes_origin(table, index);

		if (origin.asn != cases[i].asn)
			print_error("%s\n", cases[i].ip);
		assert_int_equal(origin.asn, cases[i].asn);
		assert_string_equal(origin.economy, cases[i].economy);
		if (cases[i].name == NULL)
			assert_null(origin.as_name);
		else
			assert_string_equal(origin.as_name, cases[i].name);
		assert_true(index < nr_prefixes_n(table));
	}
}

/* The bytes lie with the table that borrows them. */
struct table {
	struct nr_buf file;
	struct nr_prefixes *table;
};

static struct table table_of(const char *const *texts, size_t n)
{
	struct table t = { .table = NULL };

	assert_int_equal(image_of_texts(texts, n, &t.file), 0);
	assert_int_equal(table_of_file(&t.file, &t.table, NULL), 0);
	return t;
}

static void table_done(struct table *t)
{
	t->table = nr_prefixes_free(t->table);
	nr_buf_done(&t->file);
}

static void the_more_specific_range_wins_up_to_its_last_address(void **state)
{
	static const char *const text[] = {
		"192.0.0.0,192.0.255.255,1,Wide\n"
		"192.0.2.0,192.0.2.255,2,Net\n"
		"192.0.2.128,192.0.2.129,3,Pair\n"
		"192.0.2.130,192.0.2.130,4,Host\n"
		"198.51.100.7,198.51.101.9,5,Odd\n"
		"2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,6,Six\n"
		"2001:db8:0:1::5,2001:db8:0:1::6,7,Deep\n"
		"2001:db8:0:2::,2001:db8:0:2:ffff:ffff:ffff:ffff,8,Sub\n",
	};
	static const struct expect cases[] = {
		{ "191.255.255.255", 0, NULL, "" },
		{ "192.0.0.0", 1, "Wide", "" },
		{ "192.0.1.255", 1, "Wide", "" },
		{ "192.0.2.0", 2, "Net", "" },
		{ "192.0.2.127", 2, "Net", "" },
		{ "192.0.2.128", 3, "Pair", "" },
		{ "192.0.2.129", 3, "Pair", "" },
		{ "192.0.2.130", 4, "Host", "" },
		{ "192.0.2.131", 2, "Net", "" },
		{ "192.0.2.255", 2, "Net", "" },
		{ "192.0.3.0", 1, "Wide", "" },
		{ "192.0.255.255", 1, "Wide", "" },
		{ "192.1.0.0", 0, NULL, "" },
		{ "198.51.100.6", 0, NULL, "" },
		{ "198.51.100.7", 5, "Odd", "" },
		{ "198.51.101.9", 5, "Odd", "" },
		{ "198.51.101.10", 0, NULL, "" },
		{ "2001:db7:ffff::", 0, NULL, "" },
		{ "2001:db8::", 6, "Six", "" },
		{ "2001:db8:0:1::4", 6, "Six", "" },
		{ "2001:db8:0:1::5", 7, "Deep", "" },
		{ "2001:db8:0:1::6", 7, "Deep", "" },
		{ "2001:db8:0:1::7", 6, "Six", "" },
		{ "2001:db8:0:1:ffff:ffff:ffff:ffff", 6, "Six", "" },
		{ "2001:db8:0:2::", 8, "Sub", "" },
		{ "2001:db8:0:2:ffff:ffff:ffff:ffff", 8, "Sub", "" },
		{ "2001:db8:0:3::", 6, "Six", "" },
		{ "2001:db9::", 0, NULL, "" },
	};
	struct table t = table_of(text, 1);

	(void)state;
	assert_answers(t.table, cases, NR_COUNT(cases));
	table_done(&t);
}

static void the_first_and_last_addresses_of_both_families_are_found(void **state)
{
	static const char *const text[] = {
		"0.0.0.0,0.0.0.0,1,First\n255.255.255.255,255.255.255.255,2,Last\n"
		"::,::,3,Zero\n"
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,4,Ones\n",
	};
	static const struct expect cases[] = {
		{ "0.0.0.0", 1, "First", "" },
		{ "0.0.0.1", 0, NULL, "" },
		{ "255.255.255.254", 0, NULL, "" },
		{ "255.255.255.255", 2, "Last", "" },
		{ "::", 3, "Zero", "" },
		{ "::1", 0, NULL, "" },
		{ "0:0:0:1::", 0, NULL, "" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 0, NULL, "" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 4, "Ones", "" },
	};
	struct table t = table_of(text, 1);

	(void)state;
	assert_answers(t.table, cases, NR_COUNT(cases));
	table_done(&t);
}

static void whole_families_can_be_one_range(void **state)
{
	static const char *const text[] = {
		"0.0.0.0,255.255.255.255,1,All four\n"
		"::,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,2,All six\n"
	};
	static const struct expect cases[] = {
		{ "0.0.0.0", 1, "All four", "" },
		{ "127.0.0.1", 1, "All four", "" },
		{ "255.255.255.255", 1, "All four", "" },
		{ "::", 2, "All six", "" },
		{ "2001:db8::1", 2, "All six", "" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 2, "All six", "" },
	};
	struct table t = table_of(text, 1);

	(void)state;
	assert_answers(t.table, cases, NR_COUNT(cases));
	table_done(&t);
}

static void as_and_economy_are_laid_over_each_other(void **state)
{
	static const char *const texts[] = {
		"10.0.0.0,10.0.3.255,64500,\"Example, \"\"the\"\" Net\"\n",
		"10.0.2.0,10.0.5.255,jp\n10.0.9.0,10.0.9.255,ZZ\n",
	};
	static const struct expect cases[] = {
		{ "10.0.1.255", 64500, "Example, \"the\" Net", "" },
		{ "10.0.2.0", 64500, "Example, \"the\" Net", "JP" },
		{ "10.0.3.255", 64500, "Example, \"the\" Net", "JP" },
		{ "10.0.4.0", 0, NULL, "JP" },
		{ "10.0.6.0", 0, NULL, "" },
		{ "10.0.9.1", 0, NULL, "" },
	};
	struct table t = table_of(texts, 2);

	(void)state;
	assert_answers(t.table, cases, NR_COUNT(cases));
	assert_int_equal(nr_prefixes_n(t.table), 4);
	assert_string_equal(nr_prefixes_version(t.table), "test 1");
	table_done(&t);
}

static void the_source_named_first_decides_and_later_ones_fill_its_gaps(void **state)
{
	static const char *const texts[] = {
		"10.0.0.0,10.0.255.255,1,One\n",
		"10.0.7.0\t24\t2\n10.1.0.0\t16\t1_3\n10.2.0.0\t16\t4,5\n",
		"10.1.0.0\t10.3.255.255\t9\tKR\tNine\n",
	};
	static const struct expect cases[] = {
		{ "10.0.7.1", 1, "One", "" }, /* less specific, but named first */
		{ "10.1.0.1", 1, "One",
		  "KR" }, /* pfx2as has no names: lent by the first source that has one */
		{ "10.2.0.1", 4, NULL, "KR" },
		{ "10.3.0.1", 9, "Nine", "KR" },
	};
	struct table t = table_of(texts, 3);

	(void)state;
	assert_answers(t.table, cases, NR_COUNT(cases));
	table_done(&t);
}

static void of_two_equal_ranges_the_one_that_stands_first_decides(void **state)
{
	static const char *const text[] = {
		"10.0.0.0,10.0.0.255,1,One\n10.0.0.0,10.0.0.255,2,Two\n"
	};
	static const struct expect cases[] = { { "10.0.0.1", 1, "One", "" } };
	struct table t = table_of(text, 1);

	(void)state;
	assert_answers(t.table, cases, NR_COUNT(cases));
	table_done(&t);
}

static void without_a_table_every_record_is_empty(void **state)
{
	(void)state;
	assert_int_equal(nr_prefixes_origin(NULL, 7).asn, 0);
	assert_int_equal(nr_prefixes_n(NULL), 1);
	assert_string_equal(nr_prefixes_version(NULL), "");
	assert_null(nr_prefixes_free(NULL));
}

/* ---- random tables against a linear search ---- */

enum { ORACLE_ROWS = 60, ORACLE_TABLES = 24, ORACLE_ASKED = 600 };

static uint64_t next_random(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15);
	return nr_mix64(*state);
}

static nr_u128 random_wide(uint64_t *state)
{
	nr_u128 hi = next_random(state);

	return hi << 64 | next_random(state);
}

struct oracle {
	struct nr_range rows[ORACLE_ROWS]; /* value: AS number */
	size_t n;
	enum nr_pool_family family;
};

static uint32_t oracle_find(const struct oracle *oracle, nr_u128 at)
{
	const struct nr_range *best = NULL;

	for (size_t i = 0; i < oracle->n; i++) {
		const struct nr_range *row = &oracle->rows[i];

		if (at < row->lo || at > row->hi)
			continue;
		if (best == NULL || row->rank < best->rank ||
		    (row->rank == best->rank && row->hi - row->lo < best->hi - best->lo))
			best = row;
	}
	return best != NULL ? best->value : 0;
}

/* Clustered, so that ranges overlap, share ends, cut a /24 or a /64 and touch both ends of the family. */
static void oracle_fill(struct oracle *oracle, uint64_t *state)
{
	nr_u128 last = nr_pool_last(oracle->family);
	unsigned bits = oracle->family == NR_POOL_V4 ? 32 : 128;
	nr_u128 centre = random_wide(state) & last;

	if (oracle->family == NR_POOL_V6 && (next_random(state) & 3) != 0)
		centre = (centre & ~((nr_u128)7 << 125)) | (nr_u128)1 << 125;
	oracle->n = ORACLE_ROWS;
	for (size_t i = 0; i < oracle->n; i++) {
		unsigned spread = (unsigned)(next_random(state) % bits),
			 width = (unsigned)(next_random(state) % bits);
		nr_u128 lo = centre ^ (random_wide(state) & last & (((nr_u128)1 << spread) - 1));
		nr_u128 size = random_wide(state) & last & (((nr_u128)1 << width) - 1);

		if (next_random(state) % 20 == 0)
			lo = 0;
		oracle->rows[i] = (struct nr_range){ .lo = lo,
						     .hi = size > last - lo ? last : lo + size,
						     .value = (uint32_t)(i % 50 + 1),
						     .rank = (uint32_t)(i * 3 / ORACLE_ROWS) };
	}
}

static struct table oracle_table(const struct oracle *oracle)
{
	struct table t = { .table = NULL };
	struct nr_pool pool;

	assert_int_equal(nr_pool_init(&pool), 0);
	for (size_t i = 0; i < oracle->n; i++) {
		struct nr_pool_row row = { .family = oracle->family,
					   .lo = oracle->rows[i].lo,
					   .hi = oracle->rows[i].hi,
					   .asn = oracle->rows[i].value };

		pool.rank = oracle->rows[i].rank;
		assert_int_equal(nr_pool_add(&pool, &row), 0);
	}
	assert_int_equal(image_of_pool(&pool, &t.file), 0);
	assert_int_equal(table_of_file(&t.file, &t.table, NULL), 0);
	return t;
}

static struct nr_ip ip_of_number(enum nr_pool_family family, nr_u128 number)
{
	struct nr_ip ip;

	if (family == NR_POOL_V4)
		return nr_ip_v4((uint32_t)number);
	for (size_t i = 0; i < 16; i++)
		ip.b[i] = (uint8_t)(number >> (120 - 8 * i));
	return ip;
}

static void assert_same(const struct oracle *oracle, const struct nr_prefixes *table, nr_u128 at)
{
	struct nr_ip ip = ip_of_number(oracle->family, at & nr_pool_last(oracle->family));

	/* ::ffff:0:0/96 is IPv4 to everyone but the oracle */
	if (oracle->family == NR_POOL_V6 && nr_ip_is_v4(ip))
		return;
	assert_int_equal(nr_prefixes_origin(table, nr_prefixes_find(table, ip)).asn,
			 oracle_find(oracle, at & nr_pool_last(oracle->family)));
}

static void compare_random_tables(enum nr_pool_family family, uint64_t seed)
{
	struct oracle oracle = { .family = family };

	for (int n = 0; n < ORACLE_TABLES; n++) {
		oracle_fill(&oracle, &seed);
		struct table t = oracle_table(&oracle);

		nr_require(oracle.n > 0);
		for (size_t i = 0; i < oracle.n; i++) {
			assert_same(&oracle, t.table, oracle.rows[i].lo);
			assert_same(&oracle, t.table, oracle.rows[i].lo - 1);
			assert_same(&oracle, t.table, oracle.rows[i].hi);
			assert_same(&oracle, t.table, oracle.rows[i].hi + 1);
		}
		for (int i = 0; i < ORACLE_ASKED; i++) {
			nr_u128 near = oracle.rows[next_random(&seed) % oracle.n].lo;

			assert_same(&oracle, t.table, random_wide(&seed));
			assert_same(&oracle, t.table,
				    near ^ (random_wide(&seed) >> (next_random(&seed) % 128)));
		}
		assert_same(&oracle, t.table, 0);
		assert_same(&oracle, t.table, ~(nr_u128)0);
		table_done(&t);
	}
}

static void random_ipv4_tables_answer_like_a_linear_search(void **state)
{
	(void)state;
	compare_random_tables(NR_POOL_V4, 4);
}

static void random_ipv6_tables_answer_like_a_linear_search(void **state)
{
	(void)state;
	compare_random_tables(NR_POOL_V6, 6);
}

static void a_batch_answers_like_single_lookups(void **state)
{
	enum { N = 1000 };
	struct oracle oracle = { .family = NR_POOL_V4 };
	uint32_t ips[N], found[N];
	uint64_t seed = 9;

	(void)state;
	oracle_fill(&oracle, &seed);
	struct table t = oracle_table(&oracle);

	for (int i = 0; i < N; i++)
		ips[i] = (uint32_t)oracle.rows[i % ORACLE_ROWS].lo ^
			 (uint32_t)(next_random(&seed) & 0xffffffff) >> (next_random(&seed) % 32);
	for (size_t n = 0; n < N; n = n * 2 + 1) {
		memset(found, 0xff, sizeof(found));
		nr_prefixes_find_v4_batch(t.table, ips, found, n);
		for (size_t i = 0; i < n; i++) {
			nr_prefixes_prefetch_v4(t.table, ips[i]);
			assert_int_equal(found[i], nr_prefixes_find_v4(t.table, ips[i]));
		}
		assert_int_equal(found[n], UINT32_MAX);
	}
	table_done(&t);
}

/* ---- damage ---- */

static const char *const small_text[] = {
	"10.0.0.0,10.0.0.127,1,One\n10.0.0.9,10.0.0.9,2,Two\n11.0.0.0,11.255.255.255,3,Three\n"
	"2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,4,Four\n2001:db8::7,2001:db8::8,5,Five\n",
	"10.0.0.0,10.0.255.255,JP\n2001:db8::,2001:db8::ffff,KR\n",
};

/* Every answer must be readable, whatever it says. */
static void ask_everything(const struct nr_prefixes *table)
{
	static const char *const asked[] = {
		"0.0.0.0",	   "10.0.0.9",	  "10.0.0.200", "11.1.1.1",
		"255.255.255.255", "::",	  "2001:db8::", "2001:db8::7",
		"2001:db8:1::",	   "3fff:ffff::", "4000::",	"ffff::1"
	};
	size_t bytes = 0;

	for (size_t i = 0; i < NR_COUNT(asked); i++) {
		uint32_t index = nr_prefixes_find(table, ip_of(asked[i]));
		struct nr_origin origin = nr_prefixes_origin(table, index);

		assert_true(index < nr_prefixes_n(table));
		bytes += origin.as_name != NULL ? strlen(origin.as_name) : 0;
	}
	bytes += strlen(nr_prefixes_version(table));
	assert_true(bytes < 1000);
}

/* All bytes of the small parts; of the two big tables, that are mostly one repeated word, some. */
static size_t next_byte(const struct nr_prefixes_header *header, size_t at)
{
	static const enum nr_prefixes_section big[] = { NR_SECTION_V4_TOP, NR_SECTION_V6_INDEX };

	for (size_t i = 0; i < NR_COUNT(big); i++) {
		size_t from = header->sections[big[i]].at,
		       to = from + header->sections[big[i]].n_bytes;

		if (at >= from + 16 && at + 65519 < to - 16)
			return at + 65519;
	}
	return at + 1;
}

static void a_file_with_any_byte_changed_is_refused(void **state)
{
	struct nr_prefixes_header header;
	struct nr_buf file;

	(void)state;
	assert_int_equal(image_of_texts(small_text, 2, &file), 0);
	memcpy(&header, file.p, sizeof(header));
	for (size_t at = 0; at < file.n; at = next_byte(&header, at)) {
		struct nr_prefixes *table = NULL;
		struct nr_err err = { 0 };

		file.p[at] ^= 0x41;
		assert_true(table_of_file(&file, &table, &err) < 0);
		assert_null(table);
		assert_non_null(strstr(err.msg, "test: "));
		file.p[at] ^= 0x41;
	}
	nr_buf_done(&file);
}

static void a_file_that_lies_with_a_right_checksum_is_refused_or_harmless(void **state)
{
	static const uint8_t changes[] = { 0x01, 0x80, 0xff };
	struct nr_prefixes_header header;
	struct nr_buf file;
	size_t n_refused = 0;

	(void)state;
	assert_int_equal(image_of_texts(small_text, 2, &file), 0);
	memcpy(&header, file.p, sizeof(header));
	for (size_t at = 0; at < file.n;) {
		nr_auto(nr_prefixes) table = NULL;
		uint8_t was = file.p[at];

		file.p[at] ^= changes[at % 3];
		fix_checksum(&file);
		if (table_of_file(&file, &table, NULL) == 0)
			ask_everything(table);
		else
			n_refused++;
		file.p[at] = was;
		at = next_byte(&header, next_byte(&header, at));
	}
	assert_true(n_refused > 50);
	nr_buf_done(&file);
}

static void a_file_cut_short_or_with_something_behind_it_is_refused(void **state)
{
	static const size_t kept[] = { 0, 1, 7, 8, 31, 32, 239, 240, 256, 1000, 100000 };
	struct nr_prefixes *table = NULL;
	struct nr_buf file;

	(void)state;
	assert_int_equal(image_of_texts(small_text, 2, &file), 0);
	for (size_t i = 0; i < NR_COUNT(kept); i++) {
		struct nr_buf cut = file;

		cut.n = kept[i];
		assert_true(table_of_file(&cut, &table, NULL) < 0);
	}
	file.n--;
	assert_int_equal(table_of_file(&file, &table, NULL), NR_EDAMAGED);
	file.n++;
	nr_buf_add(&file, "\0", 1);
	assert_int_equal(table_of_file(&file, &table, NULL), NR_EDAMAGED);
	nr_buf_done(&file);
}

static void a_newer_format_says_to_build_again(void **state)
{
	struct nr_prefixes *table = NULL;
	struct nr_buf file;
	struct nr_err err;

	(void)state;
	assert_int_equal(image_of_texts(small_text, 2, &file), 0);
	file.p[8]++;
	fix_checksum(&file);
	assert_int_equal(table_of_file(&file, &table, &err), NR_EVERSION);
	assert_string_equal(err.msg, "test: format 2, this program reads 1: build it again");
	nr_buf_done(&file);
}

static void the_same_sources_give_the_same_bytes(void **state)
{
	struct nr_buf a, b;

	(void)state;
	assert_int_equal(image_of_texts(small_text, 2, &a), 0);
	assert_int_equal(image_of_texts(small_text, 2, &b), 0);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.p, b.p, a.n);
	nr_buf_done(&a);
	nr_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_more_specific_range_wins_up_to_its_last_address),
		cmocka_unit_test(the_first_and_last_addresses_of_both_families_are_found),
		cmocka_unit_test(whole_families_can_be_one_range),
		cmocka_unit_test(as_and_economy_are_laid_over_each_other),
		cmocka_unit_test(the_source_named_first_decides_and_later_ones_fill_its_gaps),
		cmocka_unit_test(of_two_equal_ranges_the_one_that_stands_first_decides),
		cmocka_unit_test(without_a_table_every_record_is_empty),
		cmocka_unit_test(random_ipv4_tables_answer_like_a_linear_search),
		cmocka_unit_test(random_ipv6_tables_answer_like_a_linear_search),
		cmocka_unit_test(a_batch_answers_like_single_lookups),
		cmocka_unit_test(a_file_with_any_byte_changed_is_refused),
		cmocka_unit_test(a_file_that_lies_with_a_right_checksum_is_refused_or_harmless),
		cmocka_unit_test(a_file_cut_short_or_with_something_behind_it_is_refused),
		cmocka_unit_test(a_newer_format_says_to_build_again),
		cmocka_unit_test(the_same_sources_give_the_same_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
