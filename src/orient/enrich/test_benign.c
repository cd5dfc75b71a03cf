/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/enrich/benign.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cmocka.h"
#include "base/io.h"
#include "orient/enrich/benign_read.h"

struct place {
	char dir[64];
	char path[128];
};

static struct place place_new(void)
{
	struct place place = { .dir = "/tmp/noroshi-benign-XXXXXX" };

	assert_non_null(mkdtemp(place.dir));
	return place;
}

static const char *put(struct place *place, const char *name, const char *text)
{
	(void)snprintf(place->path, sizeof(place->path), "%s/%s", place->dir, name);
	assert_int_equal(nr_io_replace(place->path, text, strlen(text), NULL), 0);
	return place->path;
}

static void place_done(struct place *place, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(place->path, sizeof(place->path), "%s/%s", place->dir, names[i]);
		(void)unlink(place->path);
	}
	assert_int_equal(rmdir(place->dir), 0);
}

struct expect {
	const char *ip, *as_name;
	enum nr_benign benign;
	const char *list;
};

static void assert_finds(const struct nr_benign_lists *lists, const struct expect *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *list = NULL;
		struct nr_ip ip;

		assert_int_equal(nr_ip_parse(nr_str_from(cases[i].ip), &ip), 0);
		assert_int_equal(nr_benign_find(lists, ip, cases[i].as_name, &list),
				 cases[i].benign);
		if (cases[i].list == NULL)
			assert_null(list);
		else
			assert_string_equal(list, cases[i].list);
	}
}

static const char survey_json[] =
	"{\"name\": \"Example Survey IP Ranges Used for Scanning\", \"type\": \"cidr\", \"version\": 3,\n"
	" \"list\": [\"192.0.2.0/24\", \"198.51.100.7\", \"2001:DB8::/32\"]}\n";

static void the_most_specific_prefix_of_all_lists_names_the_source(void **state)
{
	static const char *const names[] = { "a.json", "b.txt", "notes.md" };
	static const struct expect cases[] = {
		{ "192.0.2.1", NULL, NR_BENIGN_CLAIMED,
		  "Example Survey IP Ranges Used for Scanning" },
		{ "192.0.2.77", NULL, NR_BENIGN_CLAIMED, "b" },
		{ "192.0.2.78", NULL, NR_BENIGN_CLAIMED,
		  "Example Survey IP Ranges Used for Scanning" },
		{ "192.0.3.0", NULL, NR_BENIGN_NONE, NULL },
		{ "198.51.100.6", NULL, NR_BENIGN_NONE, NULL },
		{ "198.51.100.7", NULL, NR_BENIGN_CLAIMED,
		  "Example Survey IP Ranges Used for Scanning" },
		{ "203.0.113.9", NULL, NR_BENIGN_CLAIMED, "b" },
		{ "2001:db8::1", NULL, NR_BENIGN_CLAIMED,
		  "Example Survey IP Ranges Used for Scanning" },
		{ "2001:db8:5::1", NULL, NR_BENIGN_CLAIMED, "b" },
		{ "2001:db9::", NULL, NR_BENIGN_NONE, NULL },
	};
	struct place place = place_new();
	nr_auto(nr_benign_lists) lists = NULL;

	(void)state;
	put(&place, "a.json", survey_json);
	put(&place, "notes.md", "not a list");
	put(&place, "b.txt",
	    "# a comment\n192.0.2.77/32\r\n203.0.113.0/28  # why\n\n2001:db8:5::/48");
	assert_int_equal(nr_benign_new(&lists), 0);
	assert_int_equal(nr_benign_add(lists, place.dir, NULL), 0);
	assert_int_equal(nr_benign_n_lists(lists), 2);
	assert_int_equal(nr_benign_n_prefixes(lists), 6);
	assert_finds(lists, cases, NR_COUNT(cases));
	place_done(&place, names, NR_COUNT(names));
}

static void a_list_and_an_as_agree_when_they_share_a_word_that_means_something(void **state)
{
	static const struct {
		const char *list, *as_name;
		enum nr_benign benign;
	} cases[] = {
		{ "Censys IP Ranges Used for Scanning", "CENSYS-ARIN-01", NR_BENIGN_ACK },
		{ "Censys IP Ranges Used for Scanning", "Censys, Inc.", NR_BENIGN_ACK },
		{ "Censys IP Ranges Used for Scanning", "Scanning Ranges for IP",
		  NR_BENIGN_CLAIMED },
		{ "List of known Internet research scanners", "INTERNET RESEARCH LIST",
		  NR_BENIGN_CLAIMED },
		{ "Shodan IP-Ranges, pot. used for Scanning", "CariNet, Inc.", NR_BENIGN_CLAIMED },
		{ "onyphe", "ONYPHE SAS", NR_BENIGN_ACK },
		{ "onyphe", "ONYPH", NR_BENIGN_CLAIMED },
		{ "onyphe", "", NR_BENIGN_CLAIMED },
		{ "of an IP", "of an IP", NR_BENIGN_CLAIMED },
	};
	static const char *const names[] = { "a.json" };
	struct place place = place_new();

	(void)state;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct expect expect = { "192.0.2.1", cases[i].as_name, cases[i].benign,
					 cases[i].list };
		nr_auto(nr_benign_lists) lists = NULL;
		char json[256];

		(void)snprintf(json, sizeof(json), "{\"name\":\"%s\",\"list\":[\"192.0.2.1\"]}",
			       cases[i].list);
		assert_int_equal(nr_benign_new(&lists), 0);
		assert_int_equal(nr_benign_add(lists, put(&place, "a.json", json), NULL), 0);
		assert_finds(lists, &expect, 1);
	}
	place_done(&place, names, NR_COUNT(names));
}

static void a_bad_list_is_refused_by_name_and_place_and_leaves_the_others(void **state)
{
	static const struct {
		const char *name, *text, *words;
		int code;
	} cases[] = {
		{ "x.txt", "192.0.2.0/24\nexample.org\n",
		  "x.txt:2: not an address or prefix: example.org", NR_EFORMAT },
		{ "x.txt", "192.0.2.1/24\n", "x.txt:1: not an address or prefix: 192.0.2.1/24",
		  NR_EFORMAT },
		{ "x.txt", "192.0.2.0/33\n", "x.txt:1: not", NR_EFORMAT },
		{ "x.txt", "192.0.2.0/24\n\x1b[2J\n", "x.txt:2: not an address or prefix: \\x1b[2J",
		  NR_EFORMAT },
		{ "x.json", "{\"name\":\"a\",\n\"list\":[\"192.0.2.0/24\",]}", "x.json:2: not JSON",
		  NR_EFORMAT },
		{ "x.json", "{\"name\":\"a\",\"list\":[\"192.0.2.0/24\",\"example.org\"]}",
		  "x.json: entry 2 of \"list\": not an address or prefix: example.org",
		  NR_EFORMAT },
		{ "x.json", "{\"name\":\"a\",\"list\":[7]}", "entry 1 of \"list\"", NR_EFORMAT },
		{ "x.json", "{\"list\":[]}", "a text \"name\"", NR_EFORMAT },
		{ "x.json", "{\"name\":\"a\",\"list\":{}}", "an array \"list\"", NR_EFORMAT },
		{ "x.json", "[]", "an array \"list\"", NR_EFORMAT },
		{ "x.json", "{\"name\":\"a\",\"name\":\"b\",\"list\":[]}", "not JSON", NR_EFORMAT },
		{ "x.json", "{\"name\":\"a\",\"list\":[[[[[[[[[]]]]]]]]]}", "nested deeper than 8",
		  NR_ELIMIT },
		{ "x.json", "", "not JSON", NR_EFORMAT },
	};
	static const char *const names[] = { "good.json", "x.json", "x.txt" };
	static const struct expect still[] = {
		{ "192.0.2.1", NULL, NR_BENIGN_CLAIMED,
		  "Example Survey IP Ranges Used for Scanning" },
		{ "198.51.100.8", NULL, NR_BENIGN_NONE, NULL },
	};
	struct place place = place_new();
	nr_auto(nr_benign_lists) lists = NULL;

	(void)state;
	assert_int_equal(nr_benign_new(&lists), 0);
	assert_int_equal(nr_benign_add(lists, put(&place, "good.json", survey_json), NULL), 0);
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		struct nr_err err = { 0 };
		const char *path = put(&place, cases[i].name, cases[i].text);

		assert_int_equal(nr_benign_add(lists, path, &err), cases[i].code);
		if (strstr(err.msg, cases[i].words) == NULL)
			print_error("%s\n", err.msg);
		assert_non_null(strstr(err.msg, cases[i].words));
		assert_int_equal(nr_benign_n_lists(lists), 1);
		assert_int_equal(nr_benign_n_prefixes(lists), 3);
		assert_finds(lists, still, NR_COUNT(still));
	}
	place_done(&place, names, NR_COUNT(names));
}

static void a_folder_with_one_bad_list_adds_nothing(void **state)
{
	static const char *const names[] = { "a.json", "b.txt" };
	struct place place = place_new();
	nr_auto(nr_benign_lists) lists = NULL;

	(void)state;
	put(&place, "a.json", survey_json);
	put(&place, "b.txt", "nonsense\n");
	assert_int_equal(nr_benign_new(&lists), 0);
	assert_int_equal(nr_benign_add(lists, place.dir, NULL), NR_EFORMAT);
	assert_int_equal(nr_benign_n_lists(lists), 0);
	assert_int_equal(nr_benign_n_prefixes(lists), 0);
	put(&place, "b.txt", "203.0.113.0/24\n");
	assert_int_equal(nr_benign_add(lists, place.dir, NULL), 0);
	assert_int_equal(nr_benign_n_lists(lists), 2);
	place_done(&place, names, NR_COUNT(names));
}

static void without_lists_nothing_is_benign(void **state)
{
	nr_auto(nr_benign_lists) lists = NULL;
	const char *list = NULL;

	(void)state;
	assert_int_equal(nr_benign_find(NULL, nr_ip_v4(1), "x", &list), NR_BENIGN_NONE);
	assert_int_equal(nr_benign_new(&lists), 0);
	assert_int_equal(nr_benign_find(lists, nr_ip_v4(1), "x", &list), NR_BENIGN_NONE);
	assert_int_equal(nr_benign_add(lists, "/tmp/there/is/nothing", NULL), -ENOENT);
	assert_null(nr_benign_free(NULL));
}

/* A folder of real lists, or NULL and the test is skipped. */
static const char *real_lists(char *out, size_t cap)
{
	const char *named = getenv("NOROSHI_TEST_DATA"), *root = getenv("NOROSHI_SOURCE_ROOT");

	if (named != NULL)
		(void)snprintf(out, cap, "%s/lists", named);
	else
		(void)snprintf(out, cap, "%s/../shared/data/lists", root != NULL ? root : ".");
	if (access(out, R_OK) == 0)
		return out;
	print_message("# no real lists in %s: skipped\n", out);
	skip();
	return NULL;
}

static void real_warning_lists_are_read(void **state)
{
	static const struct {
		const char *file;
		uint32_t n;
		struct expect expect;
	} cases[] = {
		{ "warninglist-censys-scanning.json",
		  13,
		  { "162.142.125.9", "CENSYS-ARIN-01", NR_BENIGN_ACK,
		    "Censys IP Ranges Used for Scanning" } },
		{ "warninglist-onyphe-nt-scanning.json",
		  151,
		  { "195.184.76.1", "Onyphe SAS", NR_BENIGN_ACK,
		    "Onyphe IP Ranges Used for Scanning" } },
		{ "warninglist-stretchoid-nt-scanning.json",
		  1839,
		  { "128.203.200.175", "Microsoft Corporation", NR_BENIGN_CLAIMED,
		    "Stretchoid IP Ranges Used for Scanning" } },
		{ "warninglist-shodan-scanning.json",
		  42,
		  { "134.209.95.237", NULL, NR_BENIGN_CLAIMED,
		    "Shodan IP-Ranges, pot. used for Scanning" } },
		{ "warninglist-public-dns-v6.json",
		  269,
		  { "2001:148f:fffe::1", NULL, NR_BENIGN_CLAIMED,
		    "List of known IPv6 public DNS resolvers" } },
	};
	char dir[PATH_MAX], path[PATH_MAX + 64];

	(void)state;
	if (real_lists(dir, sizeof(dir)) == NULL)
		return;
	for (size_t i = 0; i < NR_COUNT(cases); i++) {
		nr_auto(nr_benign_lists) lists = NULL;

		(void)snprintf(path, sizeof(path), "%s/%s", dir, cases[i].file);
		assert_int_equal(nr_benign_new(&lists), 0);
		assert_int_equal(nr_benign_add(lists, path, NULL), 0);
		assert_int_equal(nr_benign_n_prefixes(lists), cases[i].n);
		assert_finds(lists, &cases[i].expect, 1);
	}
}

static void a_real_list_of_host_names_is_refused(void **state)
{
	nr_auto(nr_benign_lists) lists = NULL;
	char dir[PATH_MAX], path[PATH_MAX + 64];
	struct nr_err err = { 0 };

	(void)state;
	if (real_lists(dir, sizeof(dir)) == NULL)
		return;
	(void)snprintf(path, sizeof(path), "%s/warninglist-cisco_top1000.json", dir);
	assert_int_equal(nr_benign_new(&lists), 0);
	assert_int_equal(nr_benign_add(lists, path, &err), NR_EFORMAT);
	assert_non_null(strstr(err.msg, "entry 1 of \"list\": not an address or prefix"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_specific_prefix_of_all_lists_names_the_source),
		cmocka_unit_test(
			a_list_and_an_as_agree_when_they_share_a_word_that_means_something),
		cmocka_unit_test(a_bad_list_is_refused_by_name_and_place_and_leaves_the_others),
		cmocka_unit_test(a_folder_with_one_bad_list_adds_nothing),
		cmocka_unit_test(without_lists_nothing_is_benign),
		cmocka_unit_test(real_warning_lists_are_read),
		cmocka_unit_test(a_real_list_of_host_names_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
