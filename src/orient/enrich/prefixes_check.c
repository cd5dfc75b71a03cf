/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lookups rely on, established once at load:
 * 1. every value of a run or segment is a record index, or a flagged number of an existing fine
 *    block;
 * 2. each group's base is the number of starts before it, and there is a run for every start;
 * 3. the IPv6 starts rise from 0, and index entry i names the segment that holds the start of block
 *    i;
 * 4. names and version end within their sections.
 */
#include "base/hash.h"
#include "orient/enrich/prefixes_int.h"

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

NR_UNTRACED NR_ALWAYS_INLINE bool groups_good(const struct nr_prefixes_group *groups, uint32_t n,
					      uint32_t n_runs)
{
	uint64_t base = 0;
	bool good = true;

	for (uint32_t i = 0; i < n; i++) {
		good &= groups[i].base == base;
		base += (uint32_t)__builtin_popcount(groups[i].starts);
	}
	return good && base + 1 == n_runs;
}

NR_UNTRACED NR_COUNT_BITS_TARGET static bool groups_good_fast(
	const struct nr_prefixes_group *groups, uint32_t n, uint32_t n_runs)
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

NR_UNTRACED static bool v6_index_good(const struct nr_prefixes *p, uint32_t n)
{
	for (uint64_t i = 0; i < NR_PREFIXES_V6_INDEX; i++) {
		uint64_t first = (NR_PREFIXES_V6_FIRST + i) << NR_PREFIXES_V6_SHIFT;
		uint32_t at = p->v6_index[i];

		if (at >= n || p->v6_starts[at] > first ||
		    (at + 1 < n && p->v6_starts[at + 1] <= first))
			return false;
	}
	return true;
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
	if (!v6_index_good(p, n))
		return "the IPv6 index points wrong";
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

static bool header_good(const struct nr_prefixes_header *header, size_t n_bytes)
{
	return header->size == n_bytes && header->size <= NR_PREFIXES_FILE_MAX &&
	       header->n_sections == NR_SECTIONS && header->zero == 0;
}

static int damaged(const char *name, const char *problem, struct nr_err *reterr)
{
	return nr_fail(reterr, NR_EDAMAGED, "%s: damaged prefix file (%s): build it again", name,
		       problem);
}

int nr_prefixes_check_content(struct nr_prefixes *prefixes, const char *name, struct nr_err *reterr)
{
	struct nr_prefixes *p = prefixes;
	struct nr_prefixes_header header;
	const char *problem = NULL;

	memcpy(&header, p->bytes, sizeof(header));
	if (!header_good(&header, p->n_bytes))
		problem = "the header contradicts the file";
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
	return problem != NULL ? damaged(name, problem, reterr) : 0;
}

int nr_prefixes_check(struct nr_prefixes *prefixes, const char *name, struct nr_err *reterr)
{
	struct nr_prefixes *p = prefixes;
	struct nr_prefixes_header header;

	if (p->n_bytes < sizeof(header) ||
	    memcmp(p->bytes, NR_PREFIXES_MAGIC, sizeof(header.magic)) != 0)
		return nr_fail(reterr, NR_EFORMAT, "%s: not a prefix file of noroshi", name);
	memcpy(&header, p->bytes, sizeof(header));
	if (header.format != NR_PREFIXES_FORMAT)
		return nr_fail(reterr, NR_EVERSION,
			       "%s: format %u, this program reads %d: build it again", name,
			       header.format, NR_PREFIXES_FORMAT);
	p->crc32c = header.crc32c;
	if (header_good(&header, p->n_bytes) && checksum(p) != header.crc32c)
		return damaged(name, "wrong checksum", reterr);
	return nr_prefixes_check_content(p, name, reterr);
}
