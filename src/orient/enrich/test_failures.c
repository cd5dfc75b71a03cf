/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation and every file operation of a build, a load and a list fails once. */
#include <stdio.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "base/io.h"
#include "base/torture.h"
#include "orient/enrich/benign.h"
#include "orient/enrich/table_of.h"

static const char *const texts[] = {
	"10.0.0.0,10.0.0.127,1,One\n10.0.0.9,10.0.0.9,2,Two\n2001:db8::7,2001:db8::8,5,Five\n",
	"10.0.0.0,10.0.255.255,JP\n",
};

struct place {
	char dir[64], source[96], list[96], out[96];
};

static struct place place_new(void)
{
	struct place place = { .dir = "/tmp/noroshi-failures-XXXXXX" };

	assert_non_null(mkdtemp(place.dir));
	(void)snprintf(place.source, sizeof(place.source), "%s/asn.csv", place.dir);
	(void)snprintf(place.list, sizeof(place.list), "%s/list.txt", place.dir);
	(void)snprintf(place.out, sizeof(place.out), "%s/out.nrp", place.dir);
	assert_int_equal(nr_io_replace(place.source, texts[0], strlen(texts[0]), NULL), 0);
	assert_int_equal(nr_io_replace(place.list, "10.0.0.0/8\n2001:db8::/32\n", 25, NULL), 0);
	return place;
}

static void place_done(struct place *place)
{
	assert_int_equal(unlink(place->source) | unlink(place->list), 0);
	(void)unlink(place->out);
	assert_int_equal(rmdir(place->dir), 0); /* no temporary file is left behind */
}

static void a_table_is_made_or_memory_is_said_to_be_short(void **state)
{
	uint64_t n = 0;
	int ret = 0;

	(void)state;
	do {
		struct nr_prefixes *table = NULL;
		struct nr_buf file;

		torture_fail_nth(++n);
		ret = image_of_texts(texts, NR_COUNT(texts), &file);
		if (ret == 0)
			ret = table_of_file(&file, &table, NULL);
		assert_true(ret == 0 || ret == -ENOMEM);
		nr_prefixes_free(table);
		nr_buf_done(&file);
	} while (torture_end() >= n);
	assert_int_equal(ret, 0);
	assert_true(n > 20);
}

static void a_list_is_added_or_nothing_is(void **state)
{
	struct place place = place_new();
	uint64_t n = 0;
	int ret = 0;

	(void)state;
	do {
		nr_auto(nr_benign_lists) lists = NULL;
		const char *name = NULL;

		torture_fail_nth(++n);
		ret = nr_benign_new(&lists);
		if (ret == 0)
			ret = nr_benign_add(lists, place.list, NULL);
		assert_true(ret == 0 || ret == -ENOMEM);
		if (lists != NULL) {
			bool found = nr_benign_find(lists, nr_ip_v4(0x0a000001), NULL, &name) !=
				     NR_BENIGN_NONE;

			assert_int_equal(found, ret == 0);
			assert_int_equal(nr_benign_n_lists(lists), ret == 0);
		}
	} while (torture_end() >= n);
	assert_int_equal(ret, 0);
	place_done(&place);
}

/* The n-th operation fails; returns whether the plan was used up. */
static bool build_with_failure(struct place *place, uint64_t n, int code)
{
	struct nr_prefixes_sources sources = { .asn_v4 = place->source };
	nr_auto(nr_prefixes) table = NULL;
	struct nr_err err = { 0 };
	uint64_t calls = 0;
	int ret = 0;

	nr_io_fail_nth(n, code);
	ret = nr_prefixes_build(&sources, place->out, &err);
	calls = nr_io_plan_end();
	if (ret < 0) {
		assert_int_equal(err.code, ret);
		assert_true(strlen(err.msg) > 0);
	}
	/* what stands there is whole: the table of an earlier round or of this one */
	ret = nr_prefixes_load(place->out, &table, &err);
	assert_true(ret == 0 || (ret == -ENOENT && n < calls + 2));
	if (ret == 0)
		assert_int_equal(
			nr_prefixes_origin(table, nr_prefixes_find_v4(table, 0x0a000009)).asn, 2);
	return calls < n;
}

static void a_failing_disk_leaves_a_whole_file_or_the_one_before(void **state)
{
	static const int codes[] = { -EIO, -ENOSPC, NR_IO_SHORT };
	struct place place = place_new();

	(void)state;
	for (size_t i = 0; i < NR_COUNT(codes); i++)
		for (uint64_t n = 1; !build_with_failure(&place, n, codes[i]); n++)
			assert_true(n < 1000);
	place_done(&place);
}

static void a_failing_disk_is_said_when_a_table_is_loaded(void **state)
{
	struct place place = place_new();
	struct nr_prefixes_sources sources = { .asn_v4 = place.source };
	bool done = false;

	(void)state;
	assert_int_equal(nr_prefixes_build(&sources, place.out, NULL), 0);
	for (uint64_t n = 1; !done; n++) {
		nr_auto(nr_prefixes) table = NULL;
		struct nr_err err = { 0 };
		int ret = 0;

		nr_io_fail_nth(n, -EIO);
		ret = nr_prefixes_load(place.out, &table, &err);
		done = nr_io_plan_end() < n;
		assert_true(ret == 0 || (ret == -EIO && strstr(err.msg, "out.nrp: ") != NULL));
		assert_int_equal(table != NULL, ret == 0);
	}
	place_done(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_made_or_memory_is_said_to_be_short),
		cmocka_unit_test(a_list_is_added_or_nothing_is),
		cmocka_unit_test(a_failing_disk_leaves_a_whole_file_or_the_one_before),
		cmocka_unit_test(a_failing_disk_is_said_when_a_table_is_loaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
