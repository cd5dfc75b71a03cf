/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/enrich/readers.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "base/io.h"
#include "orient/enrich/prefixes.h"

enum { BYTES_MAX = 1024 };

struct bytes {
	uint8_t p[BYTES_MAX];
	size_t n;
};

static void text_formats_are_told_apart_by_their_first_line(void **state)
{
	static const struct {
		const char *format, *text;
	} cases[] = {
		{ "asn-csv", "1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"\n" },
		{ "asn-csv", "16777216,16777471,13335,Cloudflare\r\n" },
		{ "asn-csv", "2001::,2001::ffff,6939,\n" },
		{ "country-csv", "1.0.0.0,1.0.0.255,AU\n" },
		{ "country-csv", "# IPFire\n\n16777216,16777471,AU\n" },
		{ "country-csv",
		  "42540528726795050063891204319802818560,42540528806023212578155541913346768895,JP\n" },
		{ "iptoasn", "1.0.0.0\t1.0.0.255\t13335\tUS\tCLOUDFLARENET\n" },
		{ "iptoasn", "1.0.1.0\t1.0.3.255\t0\tNone\tNot routed\n" },
		{ "pfx2as", "1.0.0.0\t24\t13335\n" },
		{ "pfx2as", "2001:200::\t32\t2500_4717,1\n" },
		{ NULL, "hello\n" },
		{ NULL, "1.0.0.0,1.0.0.255\n" },
		{ NULL, "" },
		{ NULL, "# only words\n" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		const struct nr_reader_format *found = NULL;

		for (size_t f = 0; f < nr_readers_n && found == NULL; f++)
			if (nr_readers[f].separator != '\0' &&
			    nr_text_fits(nr_str_from(cases[i].text), &nr_readers[f]))
				found = &nr_readers[f];
		assert_ptr_equal(found, cases[i].format != NULL ? nr_reader_by_name(cases[i].format)
								: NULL);
	}
	assert_null(nr_reader_by_name("fax"));
}

static void a_bad_line_is_named_with_what_is_wrong(void **state)
{
	static const struct {
		const char *format, *line, *words;
	} cases[] = {
		{ "asn-csv", "1.0.0.0,1.0.0.255,1", "f:2: wrong number of columns" },
		{ "asn-csv", "1.0.0.0,1.0.0.255,1,a,b", "f:2: wrong number of columns" },
		{ "asn-csv", "1,2,3,4,5,6,7,8", "f:2: too many columns" },
		{ "asn-csv", "1.0.0.256,1.0.1.255,1,a", "f:2: not an address" },
		{ "asn-csv", "1.0.0.0,x,1,a", "f:2: not an address" },
		{ "asn-csv", "1.0.0.0,,1,a", "f:2: not an address" },
		{ "asn-csv", "340282366920938463463374607431768211456,1,1,a",
		  "f:2: not an address" },
		{ "asn-csv", "1.0.0.0,2001:db8::,1,a", "f:2: first and last are of two families" },
		{ "asn-csv", "1.0.0.1,1.0.0.0,1,a", "f:2: the range ends before it starts" },
		{ "asn-csv", "1.0.0.0,1.0.0.1,4294967296,a", "f:2: not an AS number" },
		{ "asn-csv", "1.0.0.0,1.0.0.1,-1,a", "f:2: not an AS number" },
		{ "asn-csv", "1.0.0.0,1.0.0.1,1,\"a", "f:2: a quote is not closed" },
		{ "asn-csv", "1.0.0.0,1.0.0.1,1,\"a\"\"", "f:2: a quote is not closed" },
		{ "asn-csv", "1.0.0.0,1.0.0.1,1,\"a\"b", "f:2: text behind a closing quote" },
		{ "country-csv", "1.0.0.0,1.0.0.1,JPN", "f:2: not an economy" },
		{ "country-csv", "1.0.0.0,1.0.0.1,1A", "f:2: not an economy" },
		{ "pfx2as", "1.0.0.0\t33\t1", "f:2: not a prefix length" },
		{ "pfx2as", "1.0.0.1\t24\t1", "f:2: host bits of a prefix are set" },
		{ "pfx2as", "2001:db8::\t129\t1", "f:2: not a prefix length" },
		{ "pfx2as", "1.0.0.0\t24\t_", "f:2: not an AS number" },
	};

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_err err = { 0 };
		struct nr_pool pool;
		char text[256];

		(void)snprintf(text, sizeof(text), "# first\n%s\n", cases[i].line);
		assert_int_equal(nr_pool_init(&pool), 0);
		assert_int_equal(nr_text_read(&pool, "f", nr_str_from(text),
					      nr_reader_by_name(cases[i].format), &err),
				 NR_EFORMAT);
		if (strstr(err.msg, cases[i].words) != err.msg)
			print_error("%s\n", err.msg);
		assert_ptr_equal(strstr(err.msg, cases[i].words), err.msg);
		nr_pool_done(&pool);
	}
}

static void a_line_beyond_the_limit_is_refused(void **state)
{
	static char text[NR_READERS_LINE + 100];
	struct nr_err err = { 0 };
	struct nr_pool pool;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "1.0.0.0,1.0.0.1,1,", 18);
	assert_int_equal(nr_pool_init(&pool), 0);
	assert_int_equal(nr_text_read(&pool, "f", nr_str_from(text), nr_reader_by_name("asn-csv"),
				      &err),
			 NR_EFORMAT);
	assert_ptr_equal(strstr(err.msg, "f:1: the line is too long: 1.0.0.0"), err.msg);
	nr_pool_done(&pool);
}

static void a_name_cannot_carry_terminal_controls(void **state)
{
	struct nr_str text = NR_STR("1.0.0.0,1.0.0.1,1, Evil\x1b[2J\xff \n");
	struct nr_pool pool;
	struct nr_str name;

	(void)state;
	assert_int_equal(nr_pool_init(&pool), 0);
	assert_int_equal(nr_text_read(&pool, "f", text, nr_reader_by_name("asn-csv"), NULL), 0);
	name = nr_intern_get(pool.names, nr_pool_origin(&pool, 1).name);
	assert_true(nr_str_eq(name, NR_STR("Evil\\x1b[2J\\xff")));
	nr_pool_done(&pool);
}

/* ---- files ---- */

static void a_failed_build_leaves_the_file_as_it_was(void **state)
{
	char dir[] = "/tmp/noroshi-readers-XXXXXX", good[64], bad[64], out[64];
	struct nr_prefixes_sources sources = { .asn_v4 = good };
	nr_auto(nr_prefixes) table = NULL;
	struct nr_err err = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(good, sizeof(good), "%s/good.csv", dir);
	(void)snprintf(bad, sizeof(bad), "%s/bad.csv", dir);
	(void)snprintf(out, sizeof(out), "%s/out.nrp", dir);
	assert_int_equal(nr_io_replace(good, "1.0.0.0,1.0.0.255,7,Seven\n", 26, NULL), 0);
	assert_int_equal(nr_io_replace(bad, "1.0.0.0,1.0.0.255,7,Seven\nx,y,z,w\n", 34, NULL), 0);
	assert_int_equal(nr_prefixes_build(&sources, out, &err), 0);

	sources.asn_v4 = bad;
	assert_int_equal(nr_prefixes_build(&sources, out, &err), NR_EFORMAT);
	assert_non_null(strstr(err.msg, "bad.csv:2: not an address: x,y,z,w"));
	assert_int_equal(nr_io_replace(bad, "\x1f\x8b\x08", 3, NULL), 0);
	assert_int_equal(nr_prefixes_build(&sources, out, &err), NR_EFORMAT);
	assert_non_null(strstr(err.msg, "bad.csv: compressed; unpack it first"));
	assert_int_equal(nr_io_replace(bad, "PK\x03\x04 and so on\n", 15, NULL), 0);
	assert_int_equal(nr_prefixes_build(&sources, out, &err), NR_EFORMAT);
	assert_non_null(strstr(err.msg, "bad.csv: no known format of prefix data"));
	sources.asn_v4 = "/tmp/there/is/nothing";
	assert_int_equal(nr_prefixes_build(&sources, out, &err), -ENOENT);
	sources.asn_v4 = NULL;
	assert_int_equal(nr_prefixes_build(&sources, out, &err), NR_EFORMAT);

	assert_int_equal(nr_prefixes_load(out, &table, &err), 0);
	assert_int_equal(nr_prefixes_origin(table, nr_prefixes_find_v4(table, 0x01000001)).asn, 7);
	assert_non_null(strstr(nr_prefixes_version(table), "good.csv crc32c:"));
	assert_int_equal(unlink(good) | unlink(bad) | unlink(out) | rmdir(dir), 0);
}

/* The few forms of the MaxMind DB format that a small file needs. */
static void put(struct bytes *b, const void *bytes, size_t n)
{
	assert_true(b->n + n <= sizeof(b->p));
	memcpy(b->p + b->n, bytes, n);
	b->n += n;
}

static void put_byte(struct bytes *b, unsigned v)
{
	uint8_t byte = (uint8_t)v;

	put(b, &byte, 1);
}

static void put_text(struct bytes *b, const char *text)
{
	put_byte(b, 0x40 | (unsigned)strlen(text));
	put(b, text, strlen(text));
}

static void put_map(struct bytes *b, unsigned n)
{
	put_byte(b, 0xe0 | n);
}

static void put_u32(struct bytes *b, uint32_t v)
{
	uint32_t be = __builtin_bswap32(v);

	put_byte(b, 0xc0 | 4);
	put(b, &be, 4);
}

static void put_u16(struct bytes *b, unsigned v)
{
	put_byte(b, 0xa0 | 2);
	put_byte(b, v >> 8);
	put_byte(b, v);
}

/* One node with 24-bit records: @p left and @p right as they stand in the file. */
static void put_node(struct bytes *b, uint32_t left, uint32_t right)
{
	put_byte(b, left >> 16);
	put_byte(b, left >> 8);
	put_byte(b, left);
	put_byte(b, right >> 16);
	put_byte(b, right >> 8);
	put_byte(b, right);
}

static void put_metadata(struct bytes *b, uint32_t n_nodes, unsigned ip_version)
{
	put(b, "\xab\xcd\xefMaxMind.com", 14);
	put_map(b, 9);
	put_text(b, "node_count");
	put_u32(b, n_nodes);
	put_text(b, "record_size");
	put_u16(b, 24);
	put_text(b, "ip_version");
	put_u16(b, ip_version);
	put_text(b, "database_type");
	put_text(b, "Test");
	put_text(b, "languages");
	put(b, "\x00\x04", 2); /* empty array */
	put_text(b, "binary_format_major_version");
	put_u16(b, 2);
	put_text(b, "binary_format_minor_version");
	put_u16(b, 0);
	put_text(b, "build_epoch");
	put(b, "\x04\x02\x69\x55\xb9\x00", 6); /* 64 bits, 4 bytes given: 2026-01-01 */
	put_text(b, "description");
	put_map(b, 0);
}

static int read_mmdb(const struct bytes *b, struct nr_pool *pool, struct nr_buf *version,
		     struct nr_err *reterr)
{
	char path[] = "/tmp/noroshi-mmdb-XXXXXX";
	int fd = mkstemp(path), ret = 0;

	assert_true(fd >= 0);
	assert_int_equal(nr_io_write_all(fd, b->p, b->n), 0);
	assert_int_equal(close(fd), 0);
	ret = nr_reader_run(pool, path, nr_reader_by_name("mmdb"), version, reterr);
	assert_int_equal(unlink(path), 0);
	return ret;
}

static void a_maxmind_tree_is_walked_into_ranges(void **state)
{
	struct bytes b = { .n = 0 };
	struct nr_pool pool;
	struct nr_buf version;

	(void)state;
	/* 0/2 has record 0, 64/2 nothing, 128/1 record 1 */
	put_node(&b, 1, 2 + 16 + 23);
	put_node(&b, 2 + 16, 2);
	put(&b, (const uint8_t[16]){ 0 }, 16);
	put_map(&b, 1); /* at 0, 23 bytes */
	put_text(&b, "country");
	put_map(&b, 1);
	put_text(&b, "iso_code");
	put_text(&b, "JP");
	put_byte(&b, 0); /* padding */
	put_map(&b, 3);
	put_text(&b, "country_code");
	put_text(&b, "KR");
	put_text(&b, "asn");
	put_text(&b, "AS64500");
	put_text(&b, "as_name");
	put_text(&b, "Example");
	put_metadata(&b, 2, 4);

	assert_int_equal(nr_pool_init(&pool), 0);
	nr_buf_init(&version, 1000);
	assert_int_equal(read_mmdb(&b, &pool, &version, NULL), 0);
	assert_true(nr_str_eq(nr_buf_str(&version), NR_STR("Test 2026-01-01")));
	assert_int_equal(pool.economy[NR_POOL_V4].n, 2);
	assert_int_equal(pool.origin[NR_POOL_V4].n, 1);
	assert_int_equal(nr_pool_origin(&pool, pool.origin[NR_POOL_V4].items[0].value).asn, 64500);
	for (size_t i = 0; i < 2; i++) {
		const struct nr_range *range = &pool.economy[NR_POOL_V4].items[i];
		bool japan = range->value == ('J' << 8 | 'P');

		assert_int_equal((uint64_t)range->lo, japan ? 0 : 0x80000000);
		assert_int_equal((uint64_t)range->hi, japan ? 0x3fffffff : 0xffffffff);
	}
	nr_buf_done(&version);
	nr_pool_done(&pool);
}

static void a_maxmind_tree_that_bites_its_tail_is_refused(void **state)
{
	struct bytes b = { .n = 0 };
	struct nr_pool pool;
	struct nr_buf version;
	struct nr_err err = { 0 };

	(void)state;
	put_node(&b, 1, 1);
	put_node(&b, 1, 1);
	put(&b, (const uint8_t[16]){ 0 }, 16);
	put_map(&b, 0);
	put_metadata(&b, 2, 6);
	assert_int_equal(nr_pool_init(&pool), 0);
	nr_buf_init(&version, 1000);
	assert_int_equal(read_mmdb(&b, &pool, &version, &err), NR_EDAMAGED);
	if (strstr(err.msg, "the tree is") == NULL)
		print_error("%s\n", err.msg);
	assert_non_null(strstr(err.msg, "the tree is"));
	nr_buf_done(&version);
	nr_pool_done(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_formats_are_told_apart_by_their_first_line),
		cmocka_unit_test(a_bad_line_is_named_with_what_is_wrong),
		cmocka_unit_test(a_line_beyond_the_limit_is_refused),
		cmocka_unit_test(a_name_cannot_carry_terminal_controls),
		cmocka_unit_test(a_failed_build_leaves_the_file_as_it_was),
		cmocka_unit_test(a_maxmind_tree_is_walked_into_ranges),
		cmocka_unit_test(a_maxmind_tree_that_bites_its_tail_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
