/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading and looking up. Invariants after load, which the lookups rely on and check_*() establish:
 * 1. every value of a run or segment is a record index, or a flagged number of an existing fine block;
 * 2. each group's base is the number of starts before it, and there is a run for every start;
 * 3. the IPv6 starts rise from 0, and index entry i names a segment that starts at or before block i.
 */
#include "orient/enrich/prefixes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/io.h"
#include "orient/enrich/prefixes_file.h"

#if defined(__x86_64__)
#define COUNT_BITS_TARGET __attribute__((target("popcnt")))
#define CPU_COUNTS_BITS	  (__builtin_cpu_supports("popcnt") != 0)
#else
#define COUNT_BITS_TARGET
#define CPU_COUNTS_BITS true
#endif
#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum { BATCH = 32, HUGE_PAGE = 2 << 20 };

struct nr_prefixes {
	/* what a lookup touches first */
	const struct nr_prefixes_group *v4_top, *v4_fine;
	const uint32_t *v4_runs, *v4_fine_runs;
	bool counts_bits; /* the processor has an instruction for it */

	const uint64_t *v6_starts, *v6_fine_starts;
	const uint32_t *v6_index, *v6_values, *v6_fine, *v6_fine_values;
	uint32_t n[NR_SECTIONS]; /* elements of each section */

	const struct nr_prefixes_record *records;
	const char *names, *version;
	const uint8_t *bytes;
	size_t n_bytes;
	void *mapped; /* owned, munmap; NULL when the bytes are borrowed */
	size_t n_mapped;
	uint32_t crc32c;
};

ALWAYS_INLINE uint32_t run_of(const struct nr_prefixes_group *groups, uint32_t slot)
{
	struct nr_prefixes_group group = groups[slot / NR_PREFIXES_SLOTS];

	return group.base + (uint32_t)__builtin_popcount(
				    group.starts & UINT32_MAX >> (31 - slot % NR_PREFIXES_SLOTS));
}

ALWAYS_INLINE uint32_t fine_v4(const struct nr_prefixes *p, uint32_t value, uint32_t ip)
{
	const struct nr_prefixes_group *groups = p->v4_fine + (size_t)(value & ~NR_PREFIXES_FINE) *
								      NR_PREFIXES_FINE_GROUPS;

	return p->v4_fine_runs[run_of(groups, ip & 255)];
}

ALWAYS_INLINE uint32_t lookup_v4(const struct nr_prefixes *p, uint32_t ip)
{
	uint32_t value = p->v4_runs[run_of(p->v4_top, ip >> 8)];

	return NR_LIKELY((value & NR_PREFIXES_FINE) == 0) ? value : fine_v4(p, value, ip);
}

ALWAYS_INLINE void lookup_v4_batch(const struct nr_prefixes *p, const uint32_t *ips, uint32_t *out,
				   size_t n)
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

COUNT_BITS_TARGET static uint32_t lookup_v4_fast(const struct nr_prefixes *p, uint32_t ip)
{
	return lookup_v4(p, ip);
}

COUNT_BITS_TARGET static void lookup_v4_batch_fast(const struct nr_prefixes *p, const uint32_t *ips,
						   uint32_t *out, size_t n)
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

/* ---- loading ---- */

static const char *check_records(const struct nr_prefixes *p)
{
	uint32_t n_names = p->n[NR_SECTION_NAMES];

	if (p->n[NR_SECTION_VERSION] == 0 || p->version[p->n[NR_SECTION_VERSION] - 1] != '\0')
		return "version text without end";
	if (n_names == 0 || p->names[0] != '\0' || p->names[n_names - 1] != '\0')
		return "names without end";
	if (p->n[NR_SECTION_RECORDS] == 0)
		return "no records";
	for (uint32_t i = 0; i < p->n[NR_SECTION_RECORDS]; i++) {
		const struct nr_prefixes_record *record = &p->records[i];
		bool letters = record->economy[0] >= 'A' && record->economy[0] <= 'Z' &&
			       record->economy[1] >= 'A' && record->economy[1] <= 'Z';

		if (record->name >= n_names)
			return "a record's name lies outside";
		if (!letters && (record->economy[0] != '\0' || record->economy[1] != '\0'))
			return "a record's economy is no code";
	}
	return NULL;
}

static const char *check_values(const uint32_t *values, uint32_t n, uint32_t n_records,
				uint32_t n_fine)
{
	bool good = true;

	for (uint32_t i = 0; i < n; i++)
		good &= (values[i] & NR_PREFIXES_FINE) != 0
				? (values[i] & ~NR_PREFIXES_FINE) < n_fine
				: values[i] < n_records;
	return good ? NULL : "a value points outside";
}

ALWAYS_INLINE bool groups_good(const struct nr_prefixes_group *groups, uint32_t n, uint32_t n_runs)
{
	uint64_t base = 0;
	bool good = true;

	for (uint32_t i = 0; i < n; i++) {
		good &= groups[i].base == base;
		base += (uint32_t)__builtin_popcount(groups[i].starts);
	}
	return good && base + 1 == n_runs;
}

COUNT_BITS_TARGET static bool groups_good_fast(const struct nr_prefixes_group *groups, uint32_t n,
					       uint32_t n_runs)
{
	return groups_good(groups, n, n_runs);
}

static const char *check_v4(const struct nr_prefixes *p)
{
	bool (*good)(const struct nr_prefixes_group *, uint32_t,
		     uint32_t) = p->counts_bits ? groups_good_fast : groups_good;
	uint32_t n_records = p->n[NR_SECTION_RECORDS], n_fine = p->n[NR_SECTION_V4_FINE];
	const char *problem = NULL;

	if (p->n[NR_SECTION_V4_TOP] != NR_PREFIXES_TOP_GROUPS ||
	    n_fine % NR_PREFIXES_FINE_GROUPS != 0)
		return "an IPv4 level has the wrong size";
	if (!good(p->v4_top, p->n[NR_SECTION_V4_TOP], p->n[NR_SECTION_V4_RUNS]) ||
	    !good(p->v4_fine, n_fine, p->n[NR_SECTION_V4_FINE_RUNS]))
		return "IPv4 groups do not add up";
	problem = check_values(p->v4_runs, p->n[NR_SECTION_V4_RUNS], n_records,
			       n_fine / NR_PREFIXES_FINE_GROUPS);
	if (problem == NULL)
		problem = check_values(p->v4_fine_runs, p->n[NR_SECTION_V4_FINE_RUNS], n_records,
				       0);
	return problem;
}

static const char *check_v6_fine(const struct nr_prefixes *p)
{
	uint32_t n_blocks = p->n[NR_SECTION_V6_FINE], n_starts = p->n[NR_SECTION_V6_FINE_STARTS];

	if (n_blocks == 0 || p->v6_fine[n_blocks - 1] != n_starts ||
	    p->n[NR_SECTION_V6_FINE_VALUES] != n_starts)
		return "IPv6 fine blocks do not add up";
	for (uint32_t i = 0; i + 1 < n_blocks; i++) {
		uint32_t from = p->v6_fine[i], to = p->v6_fine[i + 1];

		if (from >= to || to > n_starts || p->v6_fine_starts[from] != 0)
			return "an IPv6 fine block lies outside";
		for (uint32_t j = from + 1; j < to; j++)
			if (p->v6_fine_starts[j] <= p->v6_fine_starts[j - 1])
				return "IPv6 fine starts do not rise";
	}
	return check_values(p->v6_fine_values, n_starts, p->n[NR_SECTION_RECORDS], 0);
}

static const char *check_v6(const struct nr_prefixes *p)
{
	uint32_t n = p->n[NR_SECTION_V6_STARTS];
	const char *problem = check_v6_fine(p);

	if (problem != NULL)
		return problem;
	if (n == 0 || p->v6_starts[0] != 0 || p->n[NR_SECTION_V6_VALUES] != n ||
	    p->n[NR_SECTION_V6_INDEX] != NR_PREFIXES_V6_INDEX)
		return "the IPv6 level has the wrong size";
	for (uint32_t i = 1; i < n; i++)
		if (p->v6_starts[i] <= p->v6_starts[i - 1])
			return "IPv6 starts do not rise";
	for (uint64_t i = 0; i < NR_PREFIXES_V6_INDEX; i++) {
		uint64_t first = (NR_PREFIXES_V6_FIRST + i) << NR_PREFIXES_V6_SHIFT;
		uint32_t at = p->v6_index[i];

		if (at >= n || p->v6_starts[at] > first ||
		    (at + 1 < n && p->v6_starts[at + 1] <= first))
			return "the IPv6 index points wrong";
	}
	return check_values(p->v6_values, n, p->n[NR_SECTION_RECORDS],
			    p->n[NR_SECTION_V6_FINE] - 1);
}

/* Sections follow each other as the writer lays them out; nothing else is accepted. */
static const char *check_sections(struct nr_prefixes *p, const struct nr_prefixes_header *header)
{
	uint64_t at = sizeof(*header);

	for (unsigned i = 0; i < NR_SECTIONS; i++) {
		size_t element = nr_prefixes_element((enum nr_prefixes_section)i);

		at = (at + NR_PREFIXES_ALIGN - 1) / NR_PREFIXES_ALIGN * NR_PREFIXES_ALIGN;
		if (header->sections[i].at != at || header->sections[i].n_bytes > p->n_bytes ||
		    at + header->sections[i].n_bytes > p->n_bytes ||
		    header->sections[i].n_bytes % element != 0)
			return "a section lies outside";
		at += header->sections[i].n_bytes;
		p->n[i] = (uint32_t)(header->sections[i].n_bytes / element);
	}
	at = (at + NR_PREFIXES_ALIGN - 1) / NR_PREFIXES_ALIGN * NR_PREFIXES_ALIGN;
	return at == p->n_bytes ? NULL : "the file has bytes behind its end";
}

static void set_pointers(struct nr_prefixes *p, const struct nr_prefixes_header *header)
{
	const void *at[NR_SECTIONS];

	for (unsigned i = 0; i < NR_SECTIONS; i++)
		at[i] = p->bytes + header->sections[i].at;
	p->version = at[NR_SECTION_VERSION];
	p->records = at[NR_SECTION_RECORDS];
	p->names = at[NR_SECTION_NAMES];
	p->v4_top = at[NR_SECTION_V4_TOP];
	p->v4_runs = at[NR_SECTION_V4_RUNS];
	p->v4_fine = at[NR_SECTION_V4_FINE];
	p->v4_fine_runs = at[NR_SECTION_V4_FINE_RUNS];
	p->v6_index = at[NR_SECTION_V6_INDEX];
	p->v6_starts = at[NR_SECTION_V6_STARTS];
	p->v6_values = at[NR_SECTION_V6_VALUES];
	p->v6_fine = at[NR_SECTION_V6_FINE];
	p->v6_fine_starts = at[NR_SECTION_V6_FINE_STARTS];
	p->v6_fine_values = at[NR_SECTION_V6_FINE_VALUES];
}

/* Of the whole file, its own field taken as zero. */
static uint32_t checksum(const struct nr_prefixes *p)
{
	static const uint32_t zero;
	size_t field = offsetof(struct nr_prefixes_header, crc32c), behind = field + sizeof(zero);
	uint32_t crc = nr_crc32c(0, p->bytes, field);

	crc = nr_crc32c(crc, &zero, sizeof(zero));
	return nr_crc32c(crc, p->bytes + behind, p->n_bytes - behind);
}

static int check(struct nr_prefixes *p, const char *name, struct nr_err *reterr)
{
	struct nr_prefixes_header header;
	const char *problem = NULL;

	if (p->n_bytes < sizeof(header) ||
	    memcmp(p->bytes, NR_PREFIXES_MAGIC, sizeof(header.magic)) != 0)
		return nr_fail(reterr, NR_EFORMAT, "%s: not a prefix file of noroshi", name);
	memcpy(&header, p->bytes, sizeof(header));
	if (header.format != NR_PREFIXES_FORMAT)
		return nr_fail(reterr, NR_EVERSION,
			       "%s: format %u, this program reads %d: build it again", name,
			       header.format, NR_PREFIXES_FORMAT);
	p->crc32c = header.crc32c;
	if (header.size != p->n_bytes || header.n_sections != NR_SECTIONS || header.zero != 0)
		problem = "the header contradicts the file";
	else if (checksum(p) != header.crc32c)
		problem = "wrong checksum";
	else
		problem = check_sections(p, &header);
	if (problem == NULL) {
		set_pointers(p, &header);
		problem = check_records(p);
	}
	if (problem == NULL)
		problem = check_v4(p);
	if (problem == NULL)
		problem = check_v6(p);
	if (problem != NULL)
		return nr_fail(reterr, NR_EDAMAGED, "%s: damaged prefix file (%s): build it again",
			       name, problem);
	return 0;
}

static struct nr_prefixes *table_new(void)
{
	struct nr_prefixes *p = calloc(1, sizeof(*p));

	if (p != NULL)
		p->counts_bits = CPU_COUNTS_BITS;
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
	ret = check(p, name, reterr);
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
	ret = check(p, path, reterr);
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
