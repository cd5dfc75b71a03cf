/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast an address gets its AS and economy, beside plain references on the same machine in the
 * same run.
 * usage: bench_prefixes PREFIXES.nrp [FILE.mmdb]
 * Addresses are uniform over IPv4; for IPv6 uniform over the segments of the table, then over their
 * first addresses' neighbourhood, since uniform ones would all miss. Median of 5 rounds of 4 M
 * lookups, in processor time, so that neighbours on the machine count less.
 */
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/time.h"
#include "orient/enrich/prefixes.h"
#include "orient/enrich/prefixes_file.h"

enum { N = 1 << 22, ROUNDS = 5 };

struct bench {
	const struct nr_prefixes *prefixes;
	struct nr_bytes file;
	struct nr_prefixes_header header;
	MMDB_s mmdb;
	bool has_mmdb;

	uint32_t *v4, *found;
	struct nr_ip *v6;

	uint32_t *starts, *values; /* plain sorted ranges, IPv4 */
	size_t n_starts;
	uint32_t *dir24, *dir8; /* plain DIR-24-8 */
};

static const void *section(const struct bench *b, enum nr_prefixes_section which)
{
	return b->file.p + b->header.sections[which].at;
}

static size_t section_n(const struct bench *b, enum nr_prefixes_section which)
{
	return b->header.sections[which].n_bytes / nr_prefixes_element(which);
}

static void add_start(struct bench *b, uint32_t ip, uint32_t value)
{
	if (b->n_starts > 0 && b->values[b->n_starts - 1] == value)
		return;
	b->starts[b->n_starts] = ip;
	b->values[b->n_starts++] = value;
}

/* Both IPv4 references from one walk over all blocks; only those that are cut within are walked by address. */
static void make_references(struct bench *b)
{
	const struct nr_prefixes_group *groups = section(b, NR_SECTION_V4_TOP);
	const uint32_t *runs = section(b, NR_SECTION_V4_RUNS);

	for (uint32_t block = 0, run = 0; block < 1 << 24; block++) {
		uint32_t value = 0;

		run += groups[block / 32].starts >> (block % 32) & 1;
		value = runs[run];
		b->dir24[block] = value;
		if ((value & NR_PREFIXES_FINE) == 0) {
			add_start(b, block << 8, value);
			continue;
		}
		for (uint32_t host = 0; host < 256; host++) {
			uint32_t at = nr_prefixes_find_v4(b->prefixes, block << 8 | host);

			b->dir8[(size_t)(value & ~NR_PREFIXES_FINE) << 8 | host] = at;
			add_start(b, block << 8 | host, at);
		}
	}
}

static void make_addresses(struct bench *b)
{
	const uint64_t *starts = section(b, NR_SECTION_V6_STARTS);
	size_t n = section_n(b, NR_SECTION_V6_STARTS);
	uint64_t seed = 1;

	for (size_t i = 0; i < N; i++) {
		uint64_t r = nr_mix64(seed++), low = nr_mix64(seed++);
		uint64_t high = starts[r % n] + (low >> 48);

		b->v4[i] = (uint32_t)(r >> 32);
		for (size_t k = 0; k < 8; k++) {
			b->v6[i].b[k] = (uint8_t)(high >> (56 - 8 * k));
			b->v6[i].b[8 + k] = (uint8_t)(low >> (56 - 8 * k));
		}
	}
}

static uint64_t run_single(const struct bench *b)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < N; i++)
		sum += nr_prefixes_find_v4(b->prefixes, b->v4[i]);
	return sum;
}

static uint64_t run_batch(const struct bench *b)
{
	uint64_t sum = 0;

	nr_prefixes_find_v4_batch(b->prefixes, b->v4, b->found, N);
	for (size_t i = 0; i < N; i++)
		sum += b->found[i];
	return sum;
}

static uint64_t run_dir(const struct bench *b)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < N; i++) {
		uint32_t value = b->dir24[b->v4[i] >> 8];

		if ((value & NR_PREFIXES_FINE) != 0)
			value = b->dir8[(size_t)(value & ~NR_PREFIXES_FINE) << 8 |
					(b->v4[i] & 255)];
		sum += value;
	}
	return sum;
}

static uint64_t run_search(const struct bench *b)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < N; i++) {
		size_t lo = 0, hi = b->n_starts;

		while (hi - lo > 1) {
			size_t mid = lo + (hi - lo) / 2;

			if (b->starts[mid] <= b->v4[i])
				lo = mid;
			else
				hi = mid;
		}
		sum += b->values[lo];
	}
	return sum;
}

static uint64_t run_mmdb_v4(const struct bench *b)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < N; i++) {
		struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(b->v4[i]) } };
		int error = 0;

		sum += MMDB_lookup_sockaddr(&b->mmdb, (const struct sockaddr *)&sa, &error)
			       .found_entry;
	}
	return sum;
}

static uint64_t run_v6(const struct bench *b)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < N; i++)
		sum += nr_prefixes_find(b->prefixes, b->v6[i]);
	return sum;
}

static uint64_t run_v6_search(const struct bench *b)
{
	const uint64_t *starts = section(b, NR_SECTION_V6_STARTS);
	const uint32_t *values = section(b, NR_SECTION_V6_VALUES);
	size_t n = section_n(b, NR_SECTION_V6_STARTS);
	uint64_t sum = 0;

	for (size_t i = 0; i < N; i++) {
		size_t lo = 0, hi = n;
		uint64_t key = 0;

		memcpy(&key, b->v6[i].b, 8);
		key = __builtin_bswap64(key);
		while (hi - lo > 1) {
			size_t mid = lo + (hi - lo) / 2;

			if (starts[mid] <= key)
				lo = mid;
			else
				hi = mid;
		}
		sum += values[lo];
	}
	return sum;
}

static uint64_t run_mmdb_v6(const struct bench *b)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < N; i++) {
		struct sockaddr_in6 sa = { .sin6_family = AF_INET6 };
		int error = 0;

		memcpy(&sa.sin6_addr, b->v6[i].b, 16);
		sum += MMDB_lookup_sockaddr(&b->mmdb, (const struct sockaddr *)&sa, &error)
			       .found_entry;
	}
	return sum;
}

static const struct row {
	const char *name;
	uint64_t (*run)(const struct bench *b);
	bool reference, needs_mmdb;
} rows[] = {
	{ "IPv4 binary search over ranges", run_search, true, false },
	{ "IPv4 libmaxminddb", run_mmdb_v4, false, true },
	{ "IPv4 plain DIR-24-8, 64 MiB", run_dir, false, false },
	{ "IPv4 noroshi, one by one", run_single, false, false },
	{ "IPv4 noroshi, batch", run_batch, false, false },
	{ "IPv6 binary search over upper halves", run_v6_search, true, false },
	{ "IPv6 libmaxminddb", run_mmdb_v6, false, true },
	{ "IPv6 noroshi", run_v6, false, false },
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int64_t cpu_ns(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * NR_NS_PER_S + t.tv_nsec;
}

static double million_a_second(const struct bench *b, const struct row *row, uint64_t *ret_sum)
{
	double rates[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		int64_t from = cpu_ns();

		*ret_sum = row->run(b);
		rates[i] = N * 1e3 / (double)(cpu_ns() - from);
	}
	qsort(rates, ROUNDS, sizeof(rates[0]), by_value);
	return rates[ROUNDS / 2];
}

static void run_rows(const struct bench *b)
{
	double reference = 1;

	printf("%-38s %12s %10s  %s\n", "lookup", "M/s", "ratio", "checksum of the answers");
	for (size_t i = 0; i < NR_COUNT(rows); i++) {
		uint64_t sum = 0;
		double rate = 0;

		if (rows[i].needs_mmdb && !b->has_mmdb)
			continue;
		rate = million_a_second(b, &rows[i], &sum);
		if (rows[i].reference)
			reference = rate;
		printf("%-38s %12.1f %10.2f  %016llx\n", rows[i].name, rate, rate / reference,
		       (unsigned long long)sum);
	}
}

/* Loading, with the file in the page cache. */
static int measure_load(const char *path, struct nr_err *reterr)
{
	double ms[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		nr_auto(nr_prefixes) prefixes = NULL;
		int64_t from = cpu_ns();
		int ret = nr_prefixes_load(path, &prefixes, reterr);

		if (ret < 0)
			return ret;
		ms[i] = (double)(cpu_ns() - from) / 1e6;
	}
	qsort(ms, ROUNDS, sizeof(ms[0]), by_value);
	printf("load and check: %.1f ms (median of %d; slowest %.1f)\n", ms[ROUNDS / 2], ROUNDS,
	       ms[ROUNDS - 1]);
	return 0;
}

static int prepare(struct bench *b, const char *path, struct nr_prefixes **ret_prefixes,
		   struct nr_err *reterr)
{
	int ret = nr_prefixes_load(path, ret_prefixes, reterr);

	if (ret == 0)
		ret = nr_io_slurp(path, NR_PREFIXES_FILE_MAX, &b->file, reterr);
	if (ret < 0)
		return ret;
	b->prefixes = *ret_prefixes;
	memcpy(&b->header, b->file.p, sizeof(b->header));
	b->v4 = calloc(N, sizeof(*b->v4));
	b->found = calloc(N, sizeof(*b->found));
	b->v6 = calloc(N, sizeof(*b->v6));
	size_t n_fine = section_n(b, NR_SECTION_V4_FINE) / NR_PREFIXES_FINE_GROUPS;

	b->starts = calloc(section_n(b, NR_SECTION_V4_RUNS) + n_fine * 256, sizeof(*b->starts));
	b->values = calloc(section_n(b, NR_SECTION_V4_RUNS) + n_fine * 256, sizeof(*b->values));
	b->dir24 = calloc(1 << 24, sizeof(*b->dir24));
	b->dir8 = calloc(n_fine * 256 + 1, sizeof(*b->dir8));
	if (b->v4 == NULL || b->found == NULL || b->v6 == NULL || b->starts == NULL ||
	    b->values == NULL || b->dir24 == NULL || b->dir8 == NULL)
		return nr_fail(reterr, -ENOMEM, "no memory");
	make_references(b);
	make_addresses(b);
	printf("%s: %llu bytes, %u IPv4 runs, %u IPv6 segments, %u records\n", path,
	       (unsigned long long)b->file.n, nr_prefixes_info(b->prefixes).n_v4_runs,
	       nr_prefixes_info(b->prefixes).n_v6_segments, nr_prefixes_n(b->prefixes));
	return 0;
}

static void release(struct bench *b)
{
	free((void *)(uintptr_t)b->file.p);
	free(b->v4);
	free(b->found);
	free(b->v6);
	free(b->starts);
	free(b->values);
	free(b->dir24);
	free(b->dir8);
	if (b->has_mmdb)
		MMDB_close(&b->mmdb);
}

int main(int argc, char **argv)
{
	static struct bench b;
	nr_auto(nr_prefixes) prefixes = NULL;
	struct nr_err err = { 0 };

	if (argc < 2 || argc > 3) {
		(void)fprintf(stderr, "usage: bench_prefixes PREFIXES.nrp [FILE.mmdb]\n");
		return 2;
	}
	b.has_mmdb = argc == 3 && MMDB_open(argv[2], MMDB_MODE_MMAP, &b.mmdb) == MMDB_SUCCESS;
	if (argc == 3 && !b.has_mmdb)
		(void)fprintf(stderr, "bench_prefixes: %s cannot be read, goes on without\n",
			      argv[2]);
	int ret = measure_load(argv[1], &err);

	if (ret == 0)
		ret = prepare(&b, argv[1], &prefixes, &err);
	if (ret == 0)
		run_rows(&b);
	else
		(void)fprintf(stderr, "bench_prefixes: %s\n", err.msg);
	release(&b);
	return ret == 0 ? 0 : 1;
}
