/* SPDX-License-Identifier: Apache-2.0 */
/* Loading and looking up. What the lookups rely on is checked once, in prefixes_check.c. */
#include "orient/enrich/prefixes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/io.h"
#include "orient/enrich/prefixes_int.h"

enum { BATCH = 32, HUGE_PAGE = 2 << 20 };

NR_ALWAYS_INLINE uint32_t run_of(const struct nr_prefixes_group *groups, uint32_t slot)
{
	struct nr_prefixes_group group = groups[slot / NR_PREFIXES_SLOTS];

	return group.base + (uint32_t)__builtin_popcount(
				    group.starts & UINT32_MAX >> (31 - slot % NR_PREFIXES_SLOTS));
}

NR_ALWAYS_INLINE uint32_t fine_v4(const struct nr_prefixes *p, uint32_t value, uint32_t ip)
{
	const struct nr_prefixes_group *groups = p->v4_fine + (size_t)(value & ~NR_PREFIXES_FINE) *
								      NR_PREFIXES_FINE_GROUPS;

	return p->v4_fine_runs[run_of(groups, ip & 255)];
}

NR_ALWAYS_INLINE uint32_t lookup_v4(const struct nr_prefixes *p, uint32_t ip)
{
	uint32_t value = p->v4_runs[run_of(p->v4_top, ip >> 8)];

	return NR_LIKELY((value & NR_PREFIXES_FINE) == 0) ? value : fine_v4(p, value, ip);
}

NR_ALWAYS_INLINE void lookup_v4_batch(const struct nr_prefixes *p, const uint32_t *ips,
				      uint32_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(&p->v4_top[ips[i] >> 8 >> 5]);
	for (size_t i = 0; i < n; i++) {
		out[i] = run_of(p->v4_top, ips[i] >> 8);
		__builtin_prefetch(&p->v4_runs[out[i]]);
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t value = p->v4_runs[out[i]];

		out[i] = NR_LIKELY((value & NR_PREFIXES_FINE) == 0) ? value
								    : fine_v4(p, value, ips[i]);
	}
}

NR_COUNT_BITS_TARGET static uint32_t lookup_v4_fast(const struct nr_prefixes *p, uint32_t ip)
{
	return lookup_v4(p, ip);
}

NR_COUNT_BITS_TARGET static void lookup_v4_batch_fast(const struct nr_prefixes *p,
						      const uint32_t *ips, uint32_t *out, size_t n)
{
	for (size_t at = 0; at < n; at += BATCH)
		lookup_v4_batch(p, ips + at, out + at, nr_min_size(BATCH, n - at));
}

static void lookup_v4_batch_plain(const struct nr_prefixes *p, const uint32_t *ips, uint32_t *out,
				  size_t n)
{
	for (size_t at = 0; at < n; at += BATCH)
		lookup_v4_batch(p, ips + at, out + at, nr_min_size(BATCH, n - at));
}

uint32_t nr_prefixes_find_v4(const struct nr_prefixes *prefixes, uint32_t ip_host_order)
{
	if (NR_LIKELY(prefixes->counts_bits))
		return lookup_v4_fast(prefixes, ip_host_order);
	return lookup_v4(prefixes, ip_host_order);
}

void nr_prefixes_prefetch_v4(const struct nr_prefixes *prefixes, uint32_t ip_host_order)
{
	__builtin_prefetch(&prefixes->v4_top[ip_host_order >> 8 >> 5]);
}

void nr_prefixes_find_v4_batch(const struct nr_prefixes *prefixes, const uint32_t *ips_host_order,
			       uint32_t *ret_indexes, size_t n)
{
	if (NR_LIKELY(prefixes->counts_bits))
		lookup_v4_batch_fast(prefixes, ips_host_order, ret_indexes, n);
	else
		lookup_v4_batch_plain(prefixes, ips_host_order, ret_indexes, n);
}

/* Number of the last of @p starts[lo..hi] at or below @p key; starts[lo] is. The loop has no branch on data. */
static inline uint32_t last_at_or_below(const uint64_t *starts, uint32_t lo, uint32_t hi,
					uint64_t key)
{
	uint32_t n = hi - lo + 1;

	while (n > 1) {
		uint32_t half = n / 2;

		lo = starts[lo + half] <= key ? lo + half : lo;
		n -= half;
	}
	return lo;
}

static uint32_t lookup_v6(const struct nr_prefixes *p, uint64_t upper, uint64_t lower)
{
	uint64_t block = (upper >> NR_PREFIXES_V6_SHIFT) - NR_PREFIXES_V6_FIRST;
	uint32_t lo = 0, hi = p->n[NR_SECTION_V6_STARTS] - 1, value = 0, fine = 0;

	if (NR_LIKELY(block < NR_PREFIXES_V6_INDEX - 1)) {
		lo = p->v6_index[block];
		hi = p->v6_index[block + 1];
	}
	value = p->v6_values[last_at_or_below(p->v6_starts, lo, hi, upper)];
	if (NR_LIKELY((value & NR_PREFIXES_FINE) == 0))
		return value;
	fine = value & ~NR_PREFIXES_FINE;
	return p->v6_fine_values[last_at_or_below(p->v6_fine_starts, p->v6_fine[fine],
						  p->v6_fine[fine + 1] - 1, lower)];
}

uint32_t nr_prefixes_find(const struct nr_prefixes *prefixes, struct nr_ip ip)
{
	uint64_t upper, lower;

	if (nr_ip_is_v4(ip))
		return nr_prefixes_find_v4(prefixes, nr_ip_to_v4(ip));
	memcpy(&upper, ip.b, 8);
	memcpy(&lower, ip.b + 8, 8);
	return lookup_v6(prefixes, __builtin_bswap64(upper), __builtin_bswap64(lower));
}

struct nr_origin nr_prefixes_origin(const struct nr_prefixes *prefixes, uint32_t index)
{
	struct nr_origin origin = { .asn = 0 };
	const struct nr_prefixes_record *record = NULL;

	if (prefixes == NULL || index == 0 || index >= prefixes->n[NR_SECTION_RECORDS])
		return origin;
	record = &prefixes->records[index];
	origin.asn = record->asn;
	origin.as_name = record->name != 0 ? prefixes->names + record->name : NULL;
	origin.economy[0] = record->economy[0];
	origin.economy[1] = record->economy[1];
	return origin;
}

uint32_t nr_prefixes_n(const struct nr_prefixes *prefixes)
{
	return prefixes != NULL ? prefixes->n[NR_SECTION_RECORDS] : 1;
}

const char *nr_prefixes_version(const struct nr_prefixes *prefixes)
{
	return prefixes != NULL ? prefixes->version : "";
}

struct nr_prefixes_info nr_prefixes_info(const struct nr_prefixes *prefixes)
{
	return (struct nr_prefixes_info){
		.n_bytes = prefixes->n_bytes,
		.n_records = prefixes->n[NR_SECTION_RECORDS],
		.n_v4_runs = prefixes->n[NR_SECTION_V4_RUNS],
		.n_v4_fine = prefixes->n[NR_SECTION_V4_FINE] / NR_PREFIXES_FINE_GROUPS,
		.n_v6_segments = prefixes->n[NR_SECTION_V6_STARTS],
		.n_v6_fine = prefixes->n[NR_SECTION_V6_FINE] - 1,
		.crc32c = prefixes->crc32c,
	};
}

static struct nr_prefixes *table_new(void)
{
	struct nr_prefixes *p = calloc(1, sizeof(*p));

	if (p != NULL)
		p->counts_bits = NR_CPU_COUNTS_BITS;
	return p;
}

int nr_prefixes_load_bytes(struct nr_bytes bytes, const char *name,
			   struct nr_prefixes **ret_prefixes, struct nr_err *reterr)
{
	nr_auto(nr_prefixes) p = table_new();
	int ret = 0;

	if (p == NULL)
		return nr_fail(reterr, -ENOMEM, "%s: %s", name, nr_err_text(-ENOMEM));
	nr_require((uintptr_t)bytes.p % sizeof(uint64_t) == 0);
	p->bytes = bytes.p;
	p->n_bytes = bytes.n;
	ret = nr_prefixes_check(p, name, reterr);
	if (ret == 0)
		*ret_prefixes = NR_TAKE(p);
	return ret;
}

/* Read, not mapped: who writes over the file in place must not change the answers, or end the program. */
static int read_into(struct nr_prefixes *p, int fd, size_t n_bytes)
{
	void *at = MAP_FAILED;
	ssize_t got = 0;

	p->n_mapped = (n_bytes / HUGE_PAGE + 1) * HUGE_PAGE;
	at = mmap(NULL, p->n_mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return -ENOMEM;
	p->mapped = at;
	p->bytes = at;
	(void)madvise(at, p->n_mapped, MADV_HUGEPAGE); /* only faster */
	got = nr_io_read_full(fd, at, n_bytes);
	if (got < 0)
		return (int)got;
	p->n_bytes = (size_t)got;
	(void)mprotect(at, p->n_mapped, PROT_READ); /* only safer */
	return 0;
}

static int load_fd(int fd, const char *path, struct nr_prefixes **ret_prefixes,
		   struct nr_err *reterr)
{
	nr_auto(nr_prefixes) p = table_new();
	struct stat st;
	int ret = p == NULL ? -ENOMEM : fstat(fd, &st) < 0 ? -errno : 0;

	if (ret == 0 && (!S_ISREG(st.st_mode) || st.st_size > NR_PREFIXES_FILE_MAX))
		return nr_fail(reterr, NR_EFORMAT, "%s: not a prefix file of noroshi", path);
	if (ret == 0)
		ret = read_into(p, fd, (size_t)st.st_size);
	if (ret < 0)
		return nr_fail(reterr, ret, "%s: %s", path, nr_err_text(ret));
	ret = nr_prefixes_check(p, path, reterr);
	if (ret == 0)
		*ret_prefixes = NR_TAKE(p);
	return ret;
}

int nr_prefixes_load(const char *path, struct nr_prefixes **ret_prefixes, struct nr_err *reterr)
{
	int fd = nr_io_open(path, O_RDONLY, 0);
	int ret = 0;

	if (fd < 0)
		return nr_fail(reterr, fd, "%s: %s", path, nr_err_text(fd));
	ret = load_fd(fd, path, ret_prefixes, reterr);
	(void)nr_io_close(fd); /* only read from */
	return ret;
}

struct nr_prefixes *nr_prefixes_free(struct nr_prefixes *prefixes)
{
	if (prefixes == NULL)
		return NULL;
	if (prefixes->mapped != NULL)
		(void)munmap(prefixes->mapped, prefixes->n_mapped);
	free(prefixes);
	return NULL;
}
