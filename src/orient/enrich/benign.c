/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/enrich/benign.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/io.h"
#include "orient/enrich/benign_read.h"
#include "orient/enrich/pool.h"

enum { LISTS_MAX = 1000, WORD_MIN = 3 };

struct nr_benign_lists {
	char (*names)[NR_BENIGN_NAME + 1]; /* LISTS_MAX of them: what is lent out never moves */
	uint32_t n_names;
	struct nr_ranges ranges[NR_POOL_FAMILIES]; /* all prefixes; value: list number + 1 */
	/* made from them: starts rise from 0, value 0 is no list */
	struct nr_segment *segments[NR_POOL_FAMILIES];
	size_t n_segments[NR_POOL_FAMILIES];
};

int nr_benign_new(struct nr_benign_lists **ret_lists)
{
	nr_auto(nr_benign_lists) lists = calloc(1, sizeof(*lists));

	if (lists == NULL)
		return -ENOMEM;
	lists->names = calloc(LISTS_MAX, sizeof(lists->names[0]));
	if (lists->names == NULL)
		return -ENOMEM;
	*ret_lists = NR_TAKE(lists);
	return 0;
}

struct nr_benign_lists *nr_benign_free(struct nr_benign_lists *lists)
{
	if (lists == NULL)
		return NULL;
	for (int family = 0; family < NR_POOL_FAMILIES; family++) {
		nr_ranges_done(&lists->ranges[family]);
		free(lists->segments[family]);
	}
	free(lists->names);
	free(lists);
	return NULL;
}

uint32_t nr_benign_n_lists(const struct nr_benign_lists *lists)
{
	return lists != NULL ? lists->n_names : 0;
}

uint32_t nr_benign_n_prefixes(const struct nr_benign_lists *lists)
{
	return lists != NULL ? (uint32_t)(lists->ranges[NR_POOL_V4].n + lists->ranges[NR_POOL_V6].n)
			     : 0;
}

static int take_prefix(void *ctx, struct nr_prefix prefix)
{
	struct nr_benign_lists *lists = ctx;
	struct nr_range range = { .value = lists->n_names + 1 };
	enum nr_pool_family family = nr_pool_number(prefix.ip, &range.lo);
	unsigned bits = family == NR_POOL_V4 ? 32 : 128, len = nr_prefix_bits(prefix);

	if (nr_benign_n_prefixes(lists) >= NR_BENIGN_PREFIXES)
		return NR_ELIMIT;
	range.hi = len == 0 ? nr_pool_last(family) : range.lo | (((nr_u128)1 << (bits - len)) - 1);
	return nr_ranges_add(&lists->ranges[family], &range);
}

static int add_file(struct nr_benign_lists *lists, const char *path, struct nr_err *reterr)
{
	struct nr_bytes bytes = { .p = NULL };
	char name[NR_BENIGN_NAME + 1];
	int ret = 0;

	if (lists->n_names == LISTS_MAX)
		return nr_fail(reterr, NR_ELIMIT, "%s: more than %d lists", path, LISTS_MAX);
	ret = nr_io_slurp(path, NR_BENIGN_FILE, &bytes, reterr);
	if (ret < 0)
		return ret;
	if (nr_str_ends(nr_str_from(path), NR_STR(".json")))
		ret = nr_benign_read_json(path, bytes, take_prefix, lists, name, reterr);
	else
		ret = nr_benign_read_text(path, bytes, take_prefix, lists, name, reterr);
	free((void *)(uintptr_t)bytes.p);
	if (ret < 0)
		return ret;
	memcpy(lists->names[lists->n_names++], name, sizeof(name));
	return 0;
}

static int is_list(const struct dirent *entry)
{
	struct nr_str name = nr_str_from(entry->d_name);

	return entry->d_name[0] != '.' &&
	       (nr_str_ends(name, NR_STR(".json")) || nr_str_ends(name, NR_STR(".txt")));
}

/* Not alphasort, which asks the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_directory(struct nr_benign_lists *lists, const char *path, struct nr_err *reterr)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_list, by_name);
	int ret = 0;

	if (n < 0) {
		ret = -errno;
		return nr_fail(reterr, ret, "%s: %s", path, nr_err_text(ret));
	}
	for (int i = 0; i < n; i++) {
		char file[PATH_MAX];
		int len = snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);

		if (ret == 0 && (len < 0 || (size_t)len >= sizeof(file)))
			ret = nr_fail(reterr, -ENAMETOOLONG, "%s: %s", path,
				      nr_err_text(-ENAMETOOLONG));
		if (ret == 0)
			ret = add_file(lists, file, reterr);
		free(entries[i]);
	}
	free(entries);
	return ret;
}

/* The flattened form of the ranges as they are now, in place of the one before. */
static int rebuild(struct nr_benign_lists *lists, const char *path, struct nr_err *reterr)
{
	struct nr_segment *segments[NR_POOL_FAMILIES] = { NULL };
	size_t n[NR_POOL_FAMILIES] = { 0 };
	int ret = 0;

	for (int family = 0; family < NR_POOL_FAMILIES && ret == 0; family++)
		ret = nr_ranges_flatten(&lists->ranges[family],
					nr_pool_last((enum nr_pool_family)family),
					&segments[family], &n[family]);
	if (ret < 0) {
		free(segments[NR_POOL_V4]);
		return nr_fail(reterr, ret, "%s: %s", path, nr_err_text(ret));
	}
	for (int family = 0; family < NR_POOL_FAMILIES; family++) {
		free(lists->segments[family]);
		lists->segments[family] = segments[family];
		lists->n_segments[family] = n[family];
	}
	return 0;
}

/* Flattening sorts the ranges by address, so what a failed call added is known by its list number. */
static void drop_lists(struct nr_benign_lists *lists, uint32_t n_names)
{
	for (int family = 0; family < NR_POOL_FAMILIES; family++) {
		struct nr_ranges *ranges = &lists->ranges[family];
		size_t kept = 0;

		for (size_t i = 0; i < ranges->n; i++)
			if (ranges->items[i].value <= n_names)
				ranges->items[kept++] = ranges->items[i];
		ranges->n = kept;
	}
	lists->n_names = n_names;
}

int nr_benign_add(struct nr_benign_lists *lists, const char *path, struct nr_err *reterr)
{
	uint32_t n_names = lists->n_names;
	struct stat st;
	int ret = 0;

	if (stat(path, &st) < 0) {
		ret = -errno;
		return nr_fail(reterr, ret, "%s: %s", path, nr_err_text(ret));
	}
	ret = S_ISDIR(st.st_mode) ? add_directory(lists, path, reterr)
				  : add_file(lists, path, reterr);
	if (ret == 0)
		ret = rebuild(lists, path, reterr);
	if (ret < 0)
		drop_lists(lists, n_names);
	return ret;
}

static bool is_common_word(struct nr_str word)
{
	static const char *const common[] = {
		"list",	   "lists",	  "known",    "used",	  "for",       "from",
		"the",	   "and",	  "with",     "pot",	  "scan",      "scans",
		"scanner", "scanners",	  "scanning", "address",  "addresses", "range",
		"ranges",  "cidr",	  "block",    "blocks",	  "prefix",    "prefixes",
		"network", "networks",	  "net",      "internet", "research",  "researchers",
		"survey",  "project",	  "security", "service",  "services",  "public",
		"benign",  "telescope",	  "sources",  "hosts",	  "server",    "servers",
		"bot",	   "bots",	  "crawler",  "ipv4",	  "ipv6",      "asn",
		"inc",	   "ltd",	  "llc",      "com",	  "org",       "university",
		"company", "corporation", "limited",  "group",	  "cloud",     "data",
		"www",
	};

	for (size_t i = 0; i < NR_COUNT(common); i++)
		if (word.n == strlen(common[i]) && strncasecmp(word.p, common[i], word.n) == 0)
			return true;
	return false;
}

static bool holds_word(const char *text, struct nr_str word)
{
	size_t n = strlen(text);

	for (size_t i = 0; i + word.n <= n; i++)
		if (strncasecmp(text + i, word.p, word.n) == 0)
			return true;
	return false;
}

static bool names_agree(const char *list_name, const char *as_name)
{
	for (const char *at = list_name; *at != '\0';) {
		struct nr_str word = { at, 0 };

		while (isalnum((unsigned char)at[word.n]) || (at[word.n] & 0x80) != 0)
			word.n++;
		at += word.n > 0 ? word.n : 1;
		if (word.n >= WORD_MIN && !is_common_word(word) && holds_word(as_name, word))
			return true;
	}
	return false;
}

enum nr_benign nr_benign_find(const struct nr_benign_lists *lists, struct nr_ip ip,
			      const char *as_name, const char **ret_name)
{
	const struct nr_segment *segments = NULL;
	enum nr_pool_family family = NR_POOL_V4;
	nr_u128 number = 0;
	size_t lo = 0, n = 0;

	if (lists == NULL || lists->n_names == 0)
		return NR_BENIGN_NONE;
	family = nr_pool_number(ip, &number);
	segments = lists->segments[family];
	for (n = lists->n_segments[family]; n > 1;) {
		size_t half = n / 2;

		lo = segments[lo + half].lo <= number ? lo + half : lo;
		n -= half;
	}
	if (segments[lo].value == 0)
		return NR_BENIGN_NONE;
	*ret_name = lists->names[segments[lo].value - 1];
	return as_name != NULL && names_agree(*ret_name, as_name) ? NR_BENIGN_ACK
								  : NR_BENIGN_CLAIMED;
}
